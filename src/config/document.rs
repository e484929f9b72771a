//! A YAML text as a value, and the keys that it gives twice.
//!
//! The YAML library refuses a map that has a key twice, at the place of the map and with nothing of
//! the file read. Here the last one holds, as in other readers, and the mistake is told with its places.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Mapping, Value};

use crate::config::layer::text_of;

/// A way through the document, by one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// A key that its map has more than once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate {
    /// The way to the map.
    pub(super) path: Vec<Step>,
    pub(super) key: String,
}

pub(super) fn read(text: &str) -> Result<(Value, Vec<Duplicate>), serde_yaml::Error> {
    let (mut path, mut duplicates) = (Vec::new(), Vec::new());
    let node = Node { path: &mut path, duplicates: &mut duplicates };
    let value = node.deserialize(serde_yaml::Deserializer::from_str(text))?;
    Ok((value, duplicates))
}

struct Node<'a> {
    path: &'a mut Vec<Step>,
    duplicates: &'a mut Vec<Duplicate>,
}

impl Node<'_> {
    fn inner(&mut self) -> Node<'_> {
        Node { path: self.path, duplicates: self.duplicates }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a list or keys with values")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.path.push(Step::Item(list.len()));
            let item = items.next_element_seed(self.inner())?;
            self.path.pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(list.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Mapping::new();
        while let Some(key) = entries.next_key::<Value>()? {
            let text = text_of(&key);
            self.path.push(Step::Key(text.clone()));
            let value = entries.next_value_seed(self.inner())?;
            self.path.pop();
            if map.insert(key, value).is_some() {
                let duplicate = Duplicate { path: self.path.clone(), key: text };
                // One that is there three times is one mistake.
                if !self.duplicates.contains(&duplicate) {
                    self.duplicates.push(duplicate);
                }
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_library_reads() {
        let text = "a: [1, -2, 2.5, true, ~, 'x', {b: c}]\nd: &x {e: off}\nf: *x\n1: 2\n";
        let (value, duplicates) = read(text).expect("it is YAML");
        assert_eq!(value, serde_yaml::from_str::<Value>(text).expect("it is YAML"));
        assert_eq!(duplicates, []);
        assert_eq!(read("").expect("nothing is YAML").0, Value::Null);
        assert!(read("a: [").is_err());
    }

    #[test]
    fn the_last_of_two_holds() {
        let (value, duplicates) = read("a: 1\nb:\n  - c: {d: 1, d: 2, d: 3}\na: 2\n").expect("it is YAML");
        assert_eq!(value, serde_yaml::from_str::<Value>("a: 2\nb:\n  - c: {d: 3}\n").expect("it is YAML"));
        let way = vec![Step::Key("b".into()), Step::Item(0), Step::Key("c".into())];
        assert_eq!(
            duplicates,
            [Duplicate { path: way, key: "d".into() }, Duplicate { path: Vec::new(), key: "a".into() },]
        );
    }
}
