//! What the replay could not follow: known unknowns.

use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::source::Span;

/// A statement whose effect is not, or not wholly, in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub span: Span,
    /// What happened, for a person: "the table public.x is not created by any migration".
    pub reason: String,
    /// What may differ from the catalog because of it.
    pub touches: Vec<Touch>,
}

/// An aspect that an unread statement may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    pub aspect: Aspect,
    /// `None`: any relation or function.
    pub object: Option<QName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Anything at all.
    Anything,
    /// Whether row level security is on.
    Rls,
    Policies,
    Grants,
    Indexes,
    /// Columns, constraints, triggers: the shape of a table.
    Shape,
    Functions,
    Views,
    /// Objects that may exist besides those known.
    Existence,
    Roles,
}

/// The objects of which statements that were not read may have changed something: for rules that
/// ask about each of many objects.
#[derive(Debug, Default)]
pub struct Doubts<'a> {
    everything: bool,
    objects: FxHashSet<&'a QName>,
}

impl Doubts<'_> {
    pub fn concern(&self, object: &QName) -> bool {
        self.everything || self.objects.contains(object)
    }
}

impl Catalog {
    /// The doubts about any of these aspects.
    pub fn doubts(&self, aspects: &[Aspect]) -> Doubts<'_> {
        let mut doubts = Doubts::default();
        for touch in self.gaps.iter().flat_map(|gap| &gap.touches) {
            if touch.aspect == Aspect::Anything || aspects.contains(&touch.aspect) {
                match &touch.object {
                    Some(name) => drop(doubts.objects.insert(name)),
                    None => doubts.everything = true,
                }
            }
        }
        doubts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn doubts_are_about_an_aspect_and_an_object() {
        let (notes, tags) = (QName::new("public", "notes"), QName::new("public", "tags"));
        let touches = vec![Touch { aspect: Aspect::Indexes, object: Some(notes.clone()) }];
        let gap = Gap { span: Span::new(FileId(0), 0, 1), reason: String::new(), touches };
        let mut catalog = Catalog { gaps: vec![gap], ..Catalog::default() };
        assert!(catalog.doubts(&[Aspect::Indexes, Aspect::Shape]).concern(&notes));
        assert!(!catalog.doubts(&[Aspect::Indexes]).concern(&tags));
        assert!(!catalog.doubts(&[Aspect::Shape]).concern(&notes));
        catalog.gaps[0].touches[0] = Touch { aspect: Aspect::Anything, object: None };
        assert!(catalog.doubts(&[Aspect::Shape]).concern(&tags));
    }
}
