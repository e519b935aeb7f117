//! How many users there are: stages as k6's ramping-vus, begun again at a period.
//!
//! Within a stage of length D from a to b users the number becomes a ± k at the stage's start + kD/|b - a|, truncated to
//! whole nanoseconds; a stage without length jumps. Both questions, how many now and when that changes, are answered from
//! the time since the stages began, so that a change of scale leaves no trace of the former one.

use super::spec::UserStage;
use super::spec::UsersSpec;
use crate::units::SimTime;
use crate::units::Span;

/// The number of users as a function of time.
pub(super) struct Population {
    start: u32,
    stages: Vec<UserStage>,
    repeat_every: Option<Span>,
    scale: f64,
    /// When the stages began; `None`: they have not yet.
    began: Option<SimTime>,
    /// When something is due next.
    next: SimTime,
}

/// What a change of the number of users does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// All leave, then so many come.
    Restart(u32),
    /// From now on there are so many.
    To(u32),
}

impl Population {
    pub(super) fn new(spec: &UsersSpec, scale: f64, from: SimTime) -> Self {
        let repeat_every = spec.repeat_every.filter(|period| !period.is_zero());
        Self { start: spec.start, stages: spec.stages.clone(), repeat_every, scale, began: None, next: from }
    }

    pub(super) const fn next_at(&self) -> SimTime {
        self.next
    }

    /// What is due at `now`, which is [`Self::next_at`].
    pub(super) fn change(&mut self, now: SimTime) -> Change {
        let going_on = self.began.filter(|began| now < self.restarts_at(*began));
        let began = going_on.unwrap_or(now);
        self.began = Some(began);
        self.plan(began, now);
        let count = self.count(now.since(began));
        if going_on.is_some() { Change::To(count) } else { Change::Restart(count) }
    }

    /// Multiplies all numbers by `scale` from now on; says how many there are now, if they have begun to come.
    pub(super) fn set_scale(&mut self, now: SimTime, scale: f64) -> Option<u32> {
        self.scale = scale;
        let began = self.began?;
        self.plan(began, now);
        Some(self.count(now.since(began)))
    }

    fn plan(&mut self, began: SimTime, now: SimTime) {
        let change = self.changes_after(now.since(began)).map_or(SimTime::NEVER, |span| began + span);
        self.next = change.min(self.restarts_at(began));
    }

    fn restarts_at(&self, began: SimTime) -> SimTime {
        self.repeat_every.map_or(SimTime::NEVER, |period| began + period)
    }

    fn scaled(&self, users: u32) -> u32 {
        (f64::from(users) * self.scale).round() as u32
    }

    /// Each stage: when it begins, how long it takes, from how many users to how many.
    fn stages(&self) -> impl Iterator<Item = (u64, u64, u32, u32)> {
        let (mut start, mut users) = (0_u64, self.scaled(self.start));
        self.stages.iter().map(move |stage| {
            let (length, target) = (stage.duration.as_nanos(), self.scaled(stage.target));
            let row = (start, length, users, target);
            (start, users) = (start.saturating_add(length), target);
            row
        })
    }

    /// How many users there are so long after the stages began.
    fn count(&self, elapsed: Span) -> u32 {
        let elapsed = elapsed.as_nanos();
        let mut users = self.scaled(self.start);
        for (start, length, from, to) in self.stages() {
            if elapsed < start {
                break;
            }
            let moved = moves_made(elapsed - start, length, from.abs_diff(to));
            users = if to > from { from + moved } else { from - moved };
        }
        users
    }

    /// When the number changes next.
    fn changes_after(&self, elapsed: Span) -> Option<Span> {
        let elapsed = elapsed.as_nanos();
        self.stages().find_map(|(start, length, from, to)| {
            let moves = from.abs_diff(to);
            let made = if elapsed < start { 0 } else { moves_made(elapsed - start, length, moves) };
            let at = u128::from(made + 1) * u128::from(length) / u128::from(moves.max(1));
            (made < moves).then(|| Span::from_nanos(start) + Span::from_nanos(at as u64))
        })
    }
}

/// How many of `moves` even steps over `length` have been made after `elapsed`: all k with ⌊k·length/moves⌋ ≤ elapsed.
fn moves_made(elapsed: u64, length: u64, moves: u32) -> u32 {
    if elapsed >= length || moves == 0 {
        return moves;
    }
    let made = ((u128::from(elapsed) + 1) * u128::from(moves) - 1) / u128::from(length);
    made.min(u128::from(moves)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Law;

    fn population(start: u32, stages: &[(u64, u32)], repeat_every: Option<u64>) -> Population {
        let spec = UsersSpec {
            think: Law::constant(1.0),
            start,
            stages: stages
                .iter()
                .map(|(millis, target)| UserStage { duration: Span::from_millis(*millis), target: *target })
                .collect(),
            repeat_every: repeat_every.map(Span::from_secs),
            first_request: true,
        };
        Population::new(&spec, 1.0, SimTime::from_secs(100))
    }

    fn changes(population: &mut Population, until_secs: u64) -> Vec<(u64, Change)> {
        let mut all = Vec::new();
        while population.next_at() < SimTime::from_secs(until_secs) {
            let now = population.next_at();
            all.push((now.as_nanos() / 1_000_000, population.change(now)));
        }
        all
    }

    #[test]
    fn users_come_and_go_evenly() {
        // Up by 4 within 2 s, a jump to 1, down to 0 within 1 s.
        let mut population = population(0, &[(2_000, 4), (0, 1), (1_000, 0)], None);
        assert_eq!(
            changes(&mut population, 1_000),
            [
                (100_000, Change::Restart(0)),
                (100_500, Change::To(1)),
                (101_000, Change::To(2)),
                (101_500, Change::To(3)),
                // The fourth comes when the jump takes three away.
                (102_000, Change::To(1)),
                (103_000, Change::To(0)),
            ]
        );
    }

    #[test]
    fn stages_begin_again() {
        let mut population = population(2, &[(1_000, 3), (5_000, 0)], Some(3));
        assert_eq!(
            changes(&mut population, 106),
            [
                (100_000, Change::Restart(2)),
                (101_000, Change::To(3)),
                (102_666, Change::To(2)),
                (103_000, Change::Restart(2)),
                (104_000, Change::To(3)),
                (105_666, Change::To(2)),
            ]
        );
    }

    #[test]
    fn a_new_scale_holds_from_now_on() {
        let mut population = population(2, &[(2_000, 4)], None);
        assert_eq!(population.set_scale(SimTime::from_secs(1), 2.0), None);
        assert_eq!(population.change(SimTime::from_secs(100)), Change::Restart(4));
        // Twice as many: four steps of half a second.
        assert_eq!(population.next_at(), SimTime::from_nanos(100_500_000_000));
        assert_eq!(population.set_scale(SimTime::from_secs(101), 1.0), Some(3));
        assert_eq!(population.next_at(), SimTime::from_secs(102));
    }

    #[test]
    fn steps_are_truncated_to_whole_nanoseconds() {
        // Three steps in a second: 333,333,333 ns, 666,666,666 ns, 1 s.
        assert_eq!(moves_made(333_333_332, 1_000_000_000, 3), 0);
        assert_eq!(moves_made(333_333_333, 1_000_000_000, 3), 1);
        assert_eq!(moves_made(666_666_665, 1_000_000_000, 3), 1);
        assert_eq!(moves_made(666_666_666, 1_000_000_000, 3), 2);
        assert_eq!(moves_made(1_000_000_000, 1_000_000_000, 3), 3);
    }
}
