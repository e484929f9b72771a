//! Which statement of a change made something so: found by stopping the replay between two of them.

use crate::catalog::Catalog;
use crate::source::Span;

/// How often the replay is stopped at most. What is not settled by then has no place.
const STOPS: usize = 64;

/// How many statements are replayed for that, all stops together: where thousands stand behind the first new
/// one, it is stopped less often.
const STATEMENTS: usize = 100_000;

/// The way from the base to the head, which can be stopped behind each of its steps.
pub struct History<'a> {
    pub steps: Vec<Cause>,
    /// How many statements are replayed to stop once.
    pub weight: usize,
    /// The catalog behind as many steps: statements of the head as far as these go, and of the base from there on.
    pub until: Box<dyn Fn(usize) -> Catalog + 'a>,
}

/// A statement that the head has and the base has not, or the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The statement; where it was taken out of a file, what stands there now.
    pub place: Span,
    /// What was taken out.
    pub gone: Option<Span>,
}

impl Cause {
    pub fn at(place: Span) -> Self {
        Self { place, gone: None }
    }

    /// What is said at its place.
    pub fn note(self) -> &'static str {
        if self.gone.is_some() { "what was taken out here makes it so" } else { "this makes it so" }
    }
}

/// Something that is so at the end, and the steps between which it came: it is not so behind the first `from`,
/// and is so behind the first `to`.
struct Bracket {
    from: usize,
    to: usize,
}

impl Bracket {
    fn is_open(&self) -> bool {
        self.to - self.from > 1
    }
}

impl History<'_> {
    /// The step that brought each of `count` things, about which `holds` tells whether they are so in a catalog.
    /// What was so before the first step has none.
    pub fn causes(
        &self,
        count: usize,
        holds: impl Fn(&Catalog, &[usize]) -> Vec<bool>,
    ) -> Vec<Option<Cause>> {
        if count == 0 {
            return Vec::new();
        }
        let end = self.steps.len();
        let all: Vec<usize> = (0..count).collect();
        let holds_at = |stop: usize, asked: &[usize]| holds(&(self.until)(stop), asked);
        let (first, last) = (holds_at(0, &all), holds_at(end, &all));
        let bracket = |at: usize| (!first[at] && last[at]).then_some(Bracket { from: 0, to: end });
        let mut brackets: Vec<Option<Bracket>> = all.into_iter().map(bracket).collect();
        for _ in 0..STOPS.min(STATEMENTS / self.weight.max(1)) {
            let Some(open) = brackets.iter().flatten().find(|bracket| bracket.is_open()) else { break };
            let stop = usize::midpoint(open.from, open.to);
            let is_within = |bracket: &Bracket| bracket.from < stop && stop < bracket.to;
            let within = brackets.iter_mut().enumerate();
            let within =
                within.filter_map(|(at, bracket)| Some((at, bracket.as_mut().filter(|one| is_within(one))?)));
            let (asked, within): (Vec<usize>, Vec<&mut Bracket>) = within.unzip();
            for (bracket, holds) in within.into_iter().zip(holds_at(stop, &asked)) {
                *if holds { &mut bracket.to } else { &mut bracket.from } = stop;
            }
        }
        let settled = |bracket: Option<Bracket>| bracket.filter(|bracket| !bracket.is_open());
        let cause = |bracket| self.steps.get(settled(bracket)?.from).copied();
        brackets.into_iter().map(cause).collect()
    }
}
