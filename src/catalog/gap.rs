//! What the replay could not follow: known unknowns.

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
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
    /// All, and those that are made later: it may have changed what these start with.
    AllToCome,
    /// All that were there.
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
            Whose::AllToCome | Whose::All => true,
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
    /// Who asks for it is told of [`Self::PoliciesGone`] as well.
    Policies,
    /// Policies of which some may have been dropped, while none was made or changed.
    PoliciesGone,
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
    const ALL: [Self; 12] = [
        Self::Anything,
        Self::Rls,
        Self::Policies,
        Self::PoliciesGone,
        Self::Grants,
        Self::Execute,
        Self::Indexes,
        Self::Shape,
        Self::Functions,
        Self::Views,
        Self::Existence,
        Self::Roles,
    ];

    fn bit(self) -> Aspects {
        1 << self as u16
    }

    /// Whether it is of an object alone: what happened before the object was made did nothing to it.
    fn is_of_object(self) -> bool {
        !matches!(self, Self::Anything | Self::Existence | Self::Roles)
    }
}

/// These aspects and [`Aspect::Anything`].
fn bits(aspects: &[Aspect]) -> Aspects {
    let gone = if aspects.contains(&Aspect::Policies) { Aspect::PoliciesGone.bit() } else { 0 };
    aspects.iter().fold(Aspect::Anything.bit() | gone, |all, aspect| all | aspect.bit())
}

/// For each aspect the number of the last touch; zero where there was none.
type Times = [u32; Aspect::ALL.len()];

/// The aspects of which one was touched.
fn touched(times: &Times) -> Aspects {
    Aspect::ALL.into_iter().filter(|aspect| times[*aspect as usize] > 0).fold(0, |all, it| all | it.bit())
}

/// What all gaps touch, by object.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// How many touches there were.
    count: u32,
    /// What was ever in doubt, for whatever object.
    ever: Aspects,
    /// Of objects that are made later, too.
    always: Aspects,
    everything: Times,
    schemas: FxHashMap<Ident, Times>,
    objects: FxHashMap<QName, Times>,
    /// How many touches there were when an object was made.
    made: FxHashMap<QName, u32>,
}

impl Touched {
    fn add(&mut self, touch: &Touch) {
        self.count += 1;
        self.ever |= touch.aspect.bit();
        let times = match &touch.whose {
            Whose::One(name) => self.objects.entry(name.clone()).or_default(),
            Whose::Of(schema) => self.schemas.entry(schema.clone()).or_default(),
            Whose::All => &mut self.everything,
            Whose::AllToCome => {
                self.always |= touch.aspect.bit();
                return;
            }
        };
        times[touch.aspect as usize] = self.count;
    }

    /// How many touches there were so far.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The last touch of an aspect of all objects that an object was among; zero where there was none.
    fn last_in_general(&self, object: &QName, aspect: Aspect) -> u32 {
        let of_schema = self.schemas.get(&object.schema).map_or(0, |times| times[aspect as usize]);
        of_schema.max(self.everything[aspect as usize])
    }

    /// The last touch of an aspect of this object by its name.
    fn last_by_name(&self, object: &QName, aspect: Aspect) -> u32 {
        self.objects.get(object).map_or(0, |times| times[aspect as usize])
    }

    /// Which of these aspects of an object are in doubt.
    fn of(&self, object: &QName, aspects: Aspects) -> Aspects {
        if self.ever & aspects == 0 {
            return 0;
        }
        let made = self.made.get(object).copied().unwrap_or_default();
        let is_doubtful = |aspect: &Aspect| {
            let since = if aspect.is_of_object() { made } else { 0 };
            aspects & self.ever & aspect.bit() != 0
                && (self.last_by_name(object, *aspect) > 0 || self.last_in_general(object, *aspect) > since)
        };
        let doubts = Aspect::ALL.into_iter().filter(is_doubtful);
        doubts.fold(self.always & aspects, |all, aspect| all | aspect.bit())
    }

    /// Whether another has every doubt of this one.
    fn is_within(&self, other: &Self) -> bool {
        let general = |one: &Self| one.always | touched(&one.everything);
        let is_in = |times: &Times, others: Aspects| touched(times) & !others == 0;
        let of_schema = |schema| other.schemas.get(schema).map_or(0, touched) | general(other);
        general(self) & !general(other) == 0
            && self.schemas.iter().all(|(schema, times)| is_in(times, of_schema(schema)))
            && self.objects.iter().all(|(object, times)| is_in(times, other.of(object, Aspects::MAX)))
    }

    /// Whether there was a doubt about one of these aspects, for whatever object.
    pub(super) fn ever(&self, aspects: &[Aspect]) -> bool {
        self.ever & bits(aspects) != 0
    }

    /// Whether there is a doubt about one of these aspects of an object with this bare name.
    pub(super) fn concern_name(&self, name: &Ident, aspects: &[Aspect]) -> bool {
        let bits = bits(aspects);
        (self.always | touched(&self.everything)) & bits != 0
            || self.schemas.values().any(|doubts| touched(doubts) & bits != 0)
            || self.objects.iter().any(|(object, doubts)| object.name == *name && touched(doubts) & bits != 0)
    }

    /// An object is made. What happened to all that were there did nothing to it, unless it may have been among
    /// them: that is so where one of these aspects is in doubt.
    pub(super) fn make(&mut self, name: &QName, may_be_there: &[Aspect]) {
        if self.count > 0 && self.of(name, bits(may_be_there)) == 0 {
            self.made.insert(name.clone(), self.count);
        }
    }

    /// What is doubtful about an object stays so under its new name.
    pub(super) fn rename(&mut self, old: &QName, new: &QName) {
        self.made.remove(new);
        if let Some(made) = self.made.remove(old) {
            self.made.insert(new.clone(), made);
        }
        if let Some(old) = self.objects.remove(old) {
            let times = self.objects.entry(new.clone()).or_default();
            times.iter_mut().zip(old).for_each(|(time, old)| *time = old.max(*time));
        }
    }

    /// An object is gone: there are no doubts about the next one of its name.
    pub(super) fn forget(&mut self, name: &QName) {
        self.objects.remove(name);
        self.made.remove(name);
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
        self.touched.of(object, self.aspects) != 0
    }

    /// The same but for policies that may have been dropped: [`Catalog::may_have_dropped`] tells which.
    #[must_use]
    pub fn but_for_dropped_policies(self) -> Self {
        Self { aspects: self.aspects & !Aspect::PoliciesGone.bit(), ..self }
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

    /// Whether a statement that was not read may have dropped a policy of a table.
    pub fn may_have_dropped(&self, table: &Table, policy: &Policy) -> bool {
        let (name, gone) = (&table.name, Aspect::PoliciesGone);
        self.touched.last_in_general(name, gone).max(self.touched.last_by_name(name, gone))
            > policy.known_from
    }

    /// The last statement that was not read and may have changed one of these aspects of an object.
    pub fn gap_about(&self, object: &QName, aspects: &[Aspect]) -> Option<&Gap> {
        let aspects = bits(aspects);
        let is_it = |touch: &Touch| aspects & touch.aspect.bit() != 0 && touch.concerns(object);
        self.gaps.iter().rev().find(|gap| gap.touches.iter().any(is_it))
    }

    /// Whether there are doubts about anything.
    pub fn has_doubts(&self) -> bool {
        self.touched.count > 0
    }

    /// Whether there are doubts that another catalog of the project has not.
    pub fn has_new_doubts(&self, earlier: &Self) -> bool {
        !self.touched.is_within(&earlier.touched)
    }

    /// The same about one object.
    pub fn has_new_doubts_about(&self, object: &QName, earlier: &Self) -> bool {
        self.touched.of(object, Aspects::MAX) & !earlier.touched.of(object, Aspects::MAX) != 0
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
    fn what_is_made_later_is_not_in_doubt() {
        let (notes, tags) = (QName::new("public", "notes"), QName::new("public", "tags"));
        let mut catalog = Catalog::default();
        catalog.record_unknown(span(0), "", Aspect::Rls, None);
        catalog.touched.make(&notes, &[Aspect::Existence]);
        assert!(
            !catalog.may_have_changed(&notes, Aspect::Rls) && catalog.may_have_changed(&tags, Aspect::Rls)
        );
        catalog.touched.rename(&notes, &tags);
        assert!(
            !catalog.may_have_changed(&tags, Aspect::Rls) && catalog.may_have_changed(&notes, Aspect::Rls)
        );
        let to_come = Touch { aspect: Aspect::Grants, whose: Whose::AllToCome };
        catalog.record_gap(span(1), "", vec![to_come]);
        catalog.record_unknown(span(2), "", Aspect::Existence, Some(notes.clone()));
        catalog.touched.make(&notes, &[Aspect::Existence]);
        assert!(catalog.may_have_changed(&notes, Aspect::Rls), "it may have been there");
        assert!(catalog.may_have_changed(&tags, Aspect::Grants));
        catalog.record_unknown(span(3), "", Aspect::Rls, None);
        assert!(catalog.may_have_changed(&tags, Aspect::Rls));
        assert_eq!(catalog.gap_about(&tags, &[Aspect::Grants]).map(|gap| gap.span), Some(span(1)));
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
