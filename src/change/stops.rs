//! Which statement of a change made something so: found by stopping the replay between two of them.

use crate::catalog::Catalog;
use crate::source::Span;

/// How often the replay is stopped at most. What is not settled by then has no place.
const STOPS: usize = 64;

/// How many new statements are replayed for that, all stops together: a change of thousands is stopped
/// less often.
const STATEMENTS: usize = 40_000;

/// The history of the head, which can be stopped behind each of its new statements.
pub struct History<'a> {
    /// The new ones, in order.
    pub statements: Vec<Span>,
    /// The catalog behind as many of them, and all that is not new on the way.
    pub until: Box<dyn Fn(usize) -> Catalog + 'a>,
}

/// Something that is so at the end, and the statements between which it came: it is not so behind the
/// first `from`, and is so behind the first `to`.
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
    /// The statement that brought each of `count` things, about which `holds` tells whether they are so
    /// in a catalog. What was so before the first statement of the change has none, nor has what a
    /// later, older statement brought.
    pub fn causes(&self, count: usize, holds: impl Fn(&Catalog, &[usize]) -> Vec<bool>) -> Vec<Option<Span>> {
        if count == 0 {
            return Vec::new();
        }
        let end = self.statements.len();
        let all: Vec<usize> = (0..count).collect();
        let holds_at = |stop: usize, asked: &[usize]| holds(&(self.until)(stop), asked);
        let (first, last) = (holds_at(0, &all), holds_at(end, &all));
        let bracket = |at: usize| (!first[at] && last[at]).then_some(Bracket { from: 0, to: end });
        let mut brackets: Vec<Option<Bracket>> = all.into_iter().map(bracket).collect();
        for _ in 0..STOPS.min(STATEMENTS / end.max(1)) {
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
        let cause = |bracket| self.statements.get(settled(bracket)?.from).copied();
        brackets.into_iter().map(cause).collect()
    }
}
