//! What the replay could not follow: known unknowns.

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::table::Table;
use crate::source::{FileId, Span};
use crate::sql::name::Ident;

/// A statement whose effect is not, or not wholly, in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub span: Span,
    /// What happened, for a person: "the table public.x is not created by any migration".
    pub reason: String,
    /// What can be done about it.
    pub help: Option<&'static str>,
    /// What it shares with other gaps.
    pub cause: Cause,
    /// What may differ from the catalog because of it.
    pub touches: Vec<Touch>,
}

/// Why there is a gap: gaps of one cause are one thing to a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The statement itself.
    Statement(Span),
    /// An object that is not there, or is there already: its kind and name.
    Object(String),
    /// A condition that needs the database.
    Condition(Span),
}

/// An aspect that an unread statement may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    pub aspect: Aspect,
    pub whose: Whose,
}

/// The relations or functions that it may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    All,
    /// Those of a schema.
    Of(Ident),
    One(QName),
}

impl Touch {
    /// That of an object, or of all.
    pub fn new(aspect: Aspect, object: Option<QName>) -> Self {
        Self { aspect, whose: object.map_or(Whose::All, Whose::One) }
    }

    pub fn concerns(&self, object: &QName) -> bool {
        match &self.whose {
            Whose::All => true,
            Whose::Of(schema) => object.schema == *schema,
            Whose::One(name) => name == object,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Anything at all.
    Anything,
    /// Whether row level security is on.
    Rls,
    Policies,
    /// Rights, but for those to call functions.
    Grants,
    /// Who may call functions.
    Execute,
    Indexes,
    /// Columns, constraints, triggers: the shape of a table.
    Shape,
    Functions,
    Views,
    /// Objects that may exist besides those known.
    Existence,
    Roles,
}

/// A set of aspects, a bit for each.
type Aspects = u16;

impl Aspect {
    fn bit(self) -> Aspects {
        1 << self as u16
    }
}

/// These aspects and [`Aspect::Anything`].
fn bits(aspects: &[Aspect]) -> Aspects {
    aspects.iter().fold(Aspect::Anything.bit(), |all, aspect| all | aspect.bit())
}

/// What all gaps touch, by object.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// What was ever in doubt, for whatever object.
    ever: Aspects,
    everything: Aspects,
    schemas: FxHashMap<Ident, Aspects>,
    objects: FxHashMap<QName, Aspects>,
}

impl Touched {
    fn add(&mut self, touch: &Touch) {
        self.ever |= touch.aspect.bit();
        match &touch.whose {
            Whose::One(name) => match self.objects.get_mut(name) {
                Some(aspects) => *aspects |= touch.aspect.bit(),
                None => drop(self.objects.insert(name.clone(), touch.aspect.bit())),
            },
            Whose::Of(schema) => *self.schemas.entry(schema.clone()).or_default() |= touch.aspect.bit(),
            Whose::All => self.everything |= touch.aspect.bit(),
        }
    }

    /// What is in doubt about an object.
    fn of(&self, object: &QName) -> Aspects {
        let own = self.objects.get(object).copied().unwrap_or_default();
        self.everything | self.schemas.get(&object.schema).copied().unwrap_or_default() | own
    }

    /// Whether another has every doubt of this one.
    fn is_within(&self, other: &Self) -> bool {
        let is_in = |doubts: Aspects, others: Option<&Aspects>| {
            doubts & !(other.everything | others.copied().unwrap_or_default()) == 0
        };
        is_in(self.everything, None)
            && self.schemas.iter().all(|(schema, doubts)| is_in(*doubts, other.schemas.get(schema)))
            && self.objects.iter().all(|(object, doubts)| is_in(*doubts, Some(&other.of(object))))
    }

    /// Whether there was a doubt about one of these aspects, for whatever object.
    pub(super) fn ever(&self, aspects: &[Aspect]) -> bool {
        self.ever & bits(aspects) != 0
    }

    /// Whether there is a doubt about one of these aspects of an object with this bare name.
    pub(super) fn concern_name(&self, name: &Ident, aspects: &[Aspect]) -> bool {
        let bits = bits(aspects);
        self.everything & bits != 0
            || self.schemas.values().any(|doubts| doubts & bits != 0)
            || self.objects.iter().any(|(object, doubts)| object.name == *name && doubts & bits != 0)
    }

    /// What is doubtful about an object stays so under its new name.
    pub(super) fn rename(&mut self, old: &QName, new: &QName) {
        if let Some(aspects) = self.objects.remove(old) {
            *self.objects.entry(new.clone()).or_default() |= aspects;
        }
    }

    /// An object is gone: there are no doubts about the next one of its name.
    pub(super) fn forget(&mut self, name: &QName) {
        self.objects.remove(name);
    }
}

/// The objects of which statements that were not read may have changed something: for rules that
/// ask about each of many objects.
#[derive(Clone, Copy, Debug)]
pub struct Doubts<'a> {
    aspects: Aspects,
    touched: &'a Touched,
}

impl Doubts<'_> {
    pub fn concern(&self, object: &QName) -> bool {
        self.touched.of(object) & self.aspects != 0
    }
}

impl Catalog {
    /// The doubts about any of these aspects.
    pub fn doubts(&self, aspects: &[Aspect]) -> Doubts<'_> {
        Doubts { aspects: bits(aspects), touched: &self.touched }
    }

    /// Whether a statement that was not read may have changed this aspect of an object.
    pub fn may_have_changed(&self, object: &QName, aspect: Aspect) -> bool {
        self.doubts(&[aspect]).concern(object)
    }

    /// Whether there are doubts that another catalog of the project has not.
    pub fn has_new_doubts(&self, earlier: &Self) -> bool {
        !self.touched.is_within(&earlier.touched)
    }

    /// The same about one object.
    pub fn has_new_doubts_about(&self, object: &QName, earlier: &Self) -> bool {
        self.touched.of(object) & !earlier.touched.of(object) != 0
    }

    /// The same, as if statements that were not read had changed nothing.
    pub fn without_doubts(&self) -> Self {
        Self { touched: Touched::default(), ..self.clone() }
    }

    /// Records what could not be followed.
    pub fn record_gap(&mut self, span: Span, reason: impl Into<String>, touches: Vec<Touch>) {
        self.record_caused(Cause::Statement(span), span, reason.into(), touches);
    }

    /// Records that any object may differ in this aspect, or this one alone.
    pub fn record_unknown(
        &mut self,
        span: Span,
        reason: impl Into<String>,
        aspect: Aspect,
        object: Option<QName>,
    ) {
        self.record_gap(span, reason, vec![Touch::new(aspect, object)]);
    }

    /// Takes a file for what it is, before its statements are applied: a description of a schema by the dashboard,
    /// which says of itself that it is "for context only". It has tables and keys, in no order.
    pub fn expect_description(&mut self, file: FileId) {
        self.descriptions.insert(file);
    }

    /// Notes what such a file leaves out of the tables that it made.
    pub fn note_description(&mut self, place: Span) {
        const LEFT_OUT: [Aspect; 5] =
            [Aspect::Rls, Aspect::Policies, Aspect::Grants, Aspect::Indexes, Aspect::Shape];
        let is_of_it =
            |table: &&Table| table.history.created.span().is_some_and(|created| created.file == place.file);
        let names: Vec<QName> = self.own_tables().filter(is_of_it).map(|table| table.name.clone()).collect();
        let touches = names
            .iter()
            .flat_map(|name| LEFT_OUT.map(|aspect| Touch::new(aspect, Some(name.clone()))))
            .collect();
        let reason = "the dashboard describes a schema here: row level security, policies, grants, indexes and triggers are left out";
        self.record_caused(Cause::Statement(place), place, reason.to_string(), touches).help =
            Some("`supabase db dump` or `supabase db pull` writes down all of it");
    }

    /// Records a gap. The rounds of a loop leave one together.
    pub(super) fn record_caused(
        &mut self,
        cause: Cause,
        span: Span,
        reason: String,
        mut touches: Vec<Touch>,
    ) -> &mut Gap {
        touches.iter().for_each(|touch| self.touched.add(touch));
        let again = |gap: &Gap| gap.span == span && gap.cause == cause && gap.reason == reason;
        let recent = self.gaps.len().saturating_sub(RECENT);
        let at = match self.gaps[recent..].iter().position(again) {
            Some(at) => recent + at,
            None => {
                let touches = Vec::new();
                self.gaps.push(Gap { span, reason, help: None, cause, touches });
                self.gaps.len() - 1
            }
        };
        let gap = &mut self.gaps[at];
        for touch in touches.drain(..) {
            if !gap.touches.contains(&touch) {
                gap.touches.push(touch);
            }
        }
        gap
    }
}

/// How far back a gap of the same statement is looked for: a loop's body has few.
const RECENT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn span(start: usize) -> Span {
        Span::new(FileId(0), start, start + 1)
    }

    #[test]
    fn doubts_are_about_an_aspect_and_an_object() {
        let (notes, tags) = (QName::new("public", "notes"), QName::new("public", "tags"));
        let mut catalog = Catalog::default();
        catalog.record_unknown(span(0), "", Aspect::Indexes, Some(notes.clone()));
        assert!(catalog.doubts(&[Aspect::Indexes, Aspect::Shape]).concern(&notes));
        assert!(!catalog.doubts(&[Aspect::Indexes]).concern(&tags));
        assert!(!catalog.doubts(&[Aspect::Shape]).concern(&notes));
        assert!(catalog.may_have_changed(&notes, Aspect::Indexes));
        let touch = Touch { aspect: Aspect::Rls, whose: Whose::Of("audit".into()) };
        catalog.record_gap(span(5), "", vec![touch]);
        assert!(catalog.may_have_changed(&QName::new("audit", "events"), Aspect::Rls));
        assert!(!catalog.may_have_changed(&notes, Aspect::Rls));
        catalog.record_unknown(span(1), "", Aspect::Rls, None);
        assert!(catalog.may_have_changed(&tags, Aspect::Rls));
        assert!(!catalog.may_have_changed(&tags, Aspect::Shape));
        catalog.record_unknown(span(2), "", Aspect::Anything, None);
        assert!(catalog.doubts(&[Aspect::Shape]).concern(&tags));
    }

    #[test]
    fn doubts_follow_a_rename_and_end_with_the_object() {
        let (notes, tags) = (QName::new("public", "notes"), QName::new("public", "tags"));
        let mut catalog = Catalog::default();
        catalog.record_unknown(span(0), "", Aspect::Shape, Some(notes.clone()));
        catalog.touched.rename(&notes, &tags);
        assert!(catalog.may_have_changed(&tags, Aspect::Shape));
        assert!(!catalog.may_have_changed(&notes, Aspect::Shape));
        catalog.touched.forget(&tags);
        assert!(!catalog.may_have_changed(&tags, Aspect::Shape));
    }

    #[test]
    fn new_doubts_are_told_from_older_ones() {
        let (notes, tags) = (QName::new("public", "notes"), QName::new("public", "tags"));
        let mut before = Catalog::default();
        before.record_unknown(span(0), "", Aspect::Shape, Some(notes.clone()));
        let mut after = before.clone();
        assert!(!after.has_new_doubts(&before));
        after.record_unknown(span(1), "", Aspect::Rls, Some(notes.clone()));
        assert!(after.has_new_doubts(&before) && !before.has_new_doubts(&after));
        assert!(after.has_new_doubts_about(&notes, &before) && !after.has_new_doubts_about(&tags, &before));
        before.record_unknown(span(2), "", Aspect::Rls, None);
        assert!(!after.has_new_doubts(&before) && before.has_new_doubts_about(&tags, &after));
        assert!(!before.without_doubts().has_new_doubts(&after));
    }

    #[test]
    fn the_rounds_of_a_loop_are_one_gap() {
        let mut catalog = Catalog::default();
        for name in ["a", "b", "a"] {
            catalog.record_unknown(span(0), "why", Aspect::Shape, Some(QName::new("public", name)));
        }
        catalog.record_unknown(span(0), "why else", Aspect::Shape, None);
        assert_eq!(catalog.gaps.len(), 2);
        assert_eq!(catalog.gaps[0].touches.len(), 2);
    }
}
