//! Sizes by the clock.

use super::hpa::spec::CrossVersionObjectReference;
use super::report::{Report, Why};
use super::scaler::{Api, PutError, Scaler, Wake};
use super::spec::ScheduleSpec;
use crate::units::{SimTime, Span};

/// A schedule that scales one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its steps.
    pub spec: ScheduleSpec,
    /// What it scales.
    pub target: CrossVersionObjectReference,
    /// When its clock reads zero.
    pub begins: SimTime,
}

impl Schedule {
    /// The size that holds at `since` its clock's zero, if a step has come; and when the next step comes.
    fn at(&self, since: Span) -> (Option<u32>, Option<Span>) {
        let (round, within) = match self.spec.repeat_every {
            Some(every) => {
                let rounds = since.as_nanos() / every.as_nanos();
                (every * rounds, Span::from_nanos(since.as_nanos() % every.as_nanos()))
            }
            None => (Span::ZERO, since),
        };
        let passed = self.spec.steps.partition_point(|&(at, _)| at <= within);
        let holds = match passed.checked_sub(1) {
            Some(last) => Some(self.spec.steps[last].1),
            // Before the first step of a later round the last step of the round before still holds.
            None if !round.is_zero() => self.spec.steps.last().map(|&(_, replicas)| replicas),
            None => None,
        };
        let next = match (self.spec.steps.get(passed), self.spec.repeat_every) {
            (Some(&(at, _)), _) => Some(round + at),
            (None, Some(every)) => self.spec.steps.first().map(|&(at, _)| round + every + at),
            (None, None) => None,
        };
        (holds, next)
    }
}

impl Scaler for Schedule {
    type Spec = ScheduleSpec;
    type Memory = ();

    const KIND: &'static str = "schedule";

    fn begin(&self, _first: SimTime) -> ((), Wake) {
        ((), Wake::At(self.begins))
    }

    fn amended(&mut self, now: SimTime, spec: ScheduleSpec, _memory: &mut ()) -> Wake {
        self.spec = spec;
        Wake::At(now)
    }

    fn reconcile(&self, now: SimTime, api: &mut dyn Api, _memory: &mut (), out: &mut Report) -> Wake {
        let (holds, next) = self.at(now.saturating_since(self.begins));
        let current = match api.get_scale(&self.target) {
            Ok(scale) => u32::try_from(scale.spec_replicas).unwrap_or(0),
            Err(error) => {
                out.error = Some(error.0);
                out.trail.why.push(Why::NoScale);
                return next.map_or(Wake::Keep, |next| Wake::At(self.begins + next));
            }
        };
        let decided = holds.unwrap_or(current);
        out.trail.now = Some(current);
        out.trail.decided = Some(decided);
        out.trail.why.push(Why::Schedule);
        if decided != current {
            match api.put_scale(&self.target, i32::try_from(decided).unwrap_or(i32::MAX)) {
                Ok(()) => out.trail.scaled = true,
                Err(PutError::Conflict) => out.error = Some("conflict".to_owned()),
                Err(PutError::Other(text)) => out.error = Some(text),
            }
        }
        next.map_or(Wake::Keep, |next| Wake::At(self.begins + next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(repeat_s: Option<u64>) -> Schedule {
        let steps = vec![(Span::from_secs(10), 3), (Span::from_secs(20), 5)];
        let spec = ScheduleSpec { steps, repeat_every: repeat_s.map(Span::from_secs) };
        Schedule { spec, target: CrossVersionObjectReference::default(), begins: SimTime::ZERO }
    }

    #[test]
    fn the_last_step_that_came_holds() {
        let at = |schedule: &Schedule, secs| schedule.at(Span::from_secs(secs));
        let once = schedule(None);
        assert_eq!(at(&once, 0), (None, Some(Span::from_secs(10))));
        assert_eq!(at(&once, 10), (Some(3), Some(Span::from_secs(20))));
        assert_eq!(at(&once, 500), (Some(5), None));
        let daily = schedule(Some(60));
        assert_eq!(at(&daily, 59), (Some(5), Some(Span::from_secs(70))));
        assert_eq!(at(&daily, 65), (Some(5), Some(Span::from_secs(70))));
        assert_eq!(at(&daily, 70), (Some(3), Some(Span::from_secs(80))));
    }
}
