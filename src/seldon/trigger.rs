//! What the scheduler does with an agent's wish for one model replica more or fewer.
//!
//! Law: a pure function of the model, in upstream's order of tests, so that the first reason is the one that is recorded.
//!
//! Source of the rules: scheduler `pkg/agent/server.go`.

use crate::seldon::model::Model;
use crate::units::SimTime;
use crate::units::Span;

/// More or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// One more.
    Up,
    /// One fewer.
    Down,
}

/// Why a wish is dropped. Nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The scheduler takes no decisions after its restart.
    Restarting,
    /// No version of the model is known.
    UnknownModel,
    /// Up: the latest version is not the last available one. Down: the model is deleted.
    NotAvailableLatest,
    /// The agent speaks of another version than the latest.
    VersionMismatch,
    /// Down: the state has changed too recently.
    CoolingDown,
    /// Neither a least nor a greatest number of replicas is set.
    AutoscalingOff,
    /// Fewer than the least number, or than one.
    BelowMin,
    /// More than the greatest number.
    AboveMax,
}

impl Refusal {
    /// The reason in words of records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Restarting => "restarting",
            Self::UnknownModel => "unknown-model",
            Self::NotAvailableLatest => "not-available-latest",
            Self::VersionMismatch => "version-mismatch",
            Self::CoolingDown => "cooling-down",
            Self::AutoscalingOff => "autoscaling-off",
            Self::BelowMin => "below-min",
            Self::AboveMax => "above-max",
        }
    }
}

/// The count that the model will want.
///
/// # Errors
/// Why the wish is dropped.
pub fn decide(
    now: SimTime,
    model: Option<&Model>,
    version: u32,
    direction: Direction,
    cooldown: Span,
) -> Result<u32, Refusal> {
    let model = model.ok_or(Refusal::UnknownModel)?;
    let latest = model.latest();
    let fit = match direction {
        Direction::Up => model.last_available().is_some_and(|last| last.number() == latest.number()),
        Direction::Down => !model.deleted(),
    };
    if !fit {
        return Err(Refusal::NotAvailableLatest);
    }
    if latest.number() != version {
        return Err(Refusal::VersionMismatch);
    }
    let changed = latest.status().since;
    // At exactly the cool-down's end it is still cooling down.
    if direction == Direction::Down && changed.is_some_and(|at| now.saturating_since(at) <= cooldown) {
        return Err(Refusal::CoolingDown);
    }
    let counts = latest.counts();
    if !counts.autoscaled() {
        return Err(Refusal::AutoscalingOff);
    }
    let target = match direction {
        Direction::Up => counts.wanted.checked_add(1).ok_or(Refusal::AboveMax)?,
        Direction::Down => counts.wanted.checked_sub(1).ok_or(Refusal::BelowMin)?,
    };
    if target < counts.min.max(1) {
        return Err(Refusal::BelowMin);
    }
    if counts.max > 0 && target > counts.max {
        return Err(Refusal::AboveMax);
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seldon::model::ModelRequest;
    use crate::seldon::model::Version;
    use crate::seldon::state::ModelState;
    use crate::seldon::state::ModelStatus;
    use crate::seldon::state::ReplicaCounts;
    use std::collections::BTreeMap;

    const NOW: SimTime = SimTime::from_secs(100);

    fn ask(state: ModelState, counts: (u32, u32, u32), age_s: u64, direction: Direction) -> Result<u32, Refusal> {
        let (wanted, min, max) = counts;
        let since = NOW.saturating_sub(Span::from_secs(age_s));
        let request = ModelRequest { counts: ReplicaCounts { wanted, min, max }, ..ModelRequest::default() };
        let status = ModelStatus { state, since: Some(since), ..ModelStatus::NEW };
        let version = Version::new(1, request).recorded(None, BTreeMap::new(), status);
        decide(NOW, Some(&Model::new(vec![version], false)), 1, direction, Span::from_secs(60))
    }

    #[test]
    fn steps_are_of_one_and_stay_within_the_bounds() {
        use Direction::{Down, Up};
        use ModelState::{Available, Progressing};
        assert_eq!(ask(Available, (2, 1, 3), 0, Up), Ok(3), "no cool-down for more");
        assert_eq!(ask(Available, (3, 1, 3), 0, Up), Err(Refusal::AboveMax));
        assert_eq!(ask(Available, (3, 1, 0), 0, Up), Ok(4), "no greatest number");
        assert_eq!(ask(Progressing, (2, 1, 3), 0, Up), Err(Refusal::NotAvailableLatest));
        assert_eq!(ask(Progressing, (2, 1, 3), 61, Down), Ok(1), "whatever its state");
        assert_eq!(ask(Available, (2, 1, 3), 60, Down), Err(Refusal::CoolingDown));
        assert_eq!(ask(Available, (1, 0, 3), 61, Down), Err(Refusal::BelowMin), "never to none");
        assert_eq!(ask(Available, (2, 0, 0), 61, Down), Err(Refusal::AutoscalingOff));
        assert_eq!(decide(NOW, None, 1, Up, Span::ZERO), Err(Refusal::UnknownModel));
    }
}
