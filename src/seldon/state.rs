//! States of a model's replicas, and the state of a model that follows from them.
//!
//! Law: the state of a version is a function of its replicas' states and of what it wants; nothing else is remembered.
//!
//! Source of the rules: scheduler `pkg/store` (`mesh.go`, `state.go`, `memory_status.go`).

use crate::units::SimTime;
use std::collections::BTreeMap;

/// What one server replica does with one version of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplicaState {
    /// Nothing is known.
    Unknown,
    /// Assigned; memory is reserved.
    LoadRequested,
    /// The agent has been told to load.
    Loading,
    /// The agent has loaded it; no route yet.
    Loaded,
    /// The agent could not load it.
    LoadFailed,
    /// Routed to.
    Available,
    /// Loaded, but its route could not be set.
    LoadedUnavailable,
    /// No longer assigned; its route still stands.
    UnloadEnvoyRequested,
    /// Its route is gone.
    UnloadRequested,
    /// The agent has been told to unload.
    Unloading,
    /// The agent has unloaded it.
    Unloaded,
    /// The agent could not unload it.
    UnloadFailed,
    /// Its server replica has announced its end.
    Draining,
}

impl ReplicaState {
    const NAMES: [(Self, &'static str); 13] = [
        (Self::Unknown, "ModelReplicaStateUnknown"),
        (Self::LoadRequested, "LoadRequested"),
        (Self::Loading, "Loading"),
        (Self::Loaded, "Loaded"),
        (Self::LoadFailed, "LoadFailed"),
        (Self::Available, "Available"),
        (Self::LoadedUnavailable, "LoadedUnavailable"),
        (Self::UnloadEnvoyRequested, "UnloadEnvoyRequested"),
        (Self::UnloadRequested, "UnloadRequested"),
        (Self::Unloading, "Unloading"),
        (Self::Unloaded, "Unloaded"),
        (Self::UnloadFailed, "UnloadFailed"),
        (Self::Draining, "Draining"),
    ];

    /// Upstream's name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }

    /// The state with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// It answers requests, if only they are sent to it.
    pub const fn can_receive_traffic(self) -> bool {
        matches!(self, Self::Loaded | Self::Available | Self::LoadedUnavailable | Self::Draining)
    }

    /// Not to be asked to load again.
    pub const fn loading_or_loaded(self) -> bool {
        matches!(self, Self::Loading | Self::Loaded | Self::Available | Self::LoadedUnavailable)
    }

    /// Not to be asked to unload again.
    pub const fn unloading_or_unloaded(self) -> bool {
        matches!(
            self,
            Self::UnloadEnvoyRequested | Self::UnloadRequested | Self::Unloading | Self::Unloaded | Self::Unknown
        )
    }

    /// Nothing of the model is left there, or nothing can be done about it.
    pub const fn inactive(self) -> bool {
        matches!(self, Self::Unloaded | Self::UnloadFailed | Self::LoadFailed | Self::Unknown)
    }

    /// An endpoint that routes prefer to a draining one.
    pub const fn routable(self) -> bool {
        matches!(self, Self::Loaded | Self::Available | Self::LoadedUnavailable)
    }

    const fn on_its_way(self) -> bool {
        matches!(self, Self::LoadRequested | Self::Loading | Self::Loaded)
    }
}

/// State of a version of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelState {
    /// Not judged yet.
    Unknown,
    /// Fewer replicas are available than wanted, or more.
    Progressing,
    /// As many as wanted, or as needed.
    Available,
    /// A replica could not be loaded, or not be routed to.
    Failed,
    /// Deleted or superseded, with replicas left.
    Terminating,
    /// Deleted or superseded, and gone.
    Terminated,
    /// Deleted or superseded, and a replica could not be unloaded.
    TerminateFailed,
    /// No server takes it. What is loaded goes on serving.
    ScheduleFailed,
    /// Wanted nowhere.
    ScaledDown,
}

impl ModelState {
    const NAMES: [(Self, &'static str); 9] = [
        (Self::Unknown, "ModelStateUnknown"),
        (Self::Progressing, "ModelProgressing"),
        (Self::Available, "ModelAvailable"),
        (Self::Failed, "ModelFailed"),
        (Self::Terminating, "ModelTerminating"),
        (Self::Terminated, "ModelTerminated"),
        (Self::TerminateFailed, "ModelTerminateFailed"),
        (Self::ScheduleFailed, "ScheduleFailed"),
        (Self::ScaledDown, "ModelScaledDown"),
    ];

    /// Upstream's name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }

    /// The state with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|row| row.1 == name).map(|row| row.0)
    }
}

/// Why a model could not be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// No server may take it at all.
    NoMatchingServer,
    /// No server that may take it has enough replicas with room.
    NotEnoughReplicas,
}

impl Unplaced {
    /// The reason in words of records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMatchingServer => "no-matching-server",
            Self::NotEnoughReplicas => "not-enough-replicas",
        }
    }
}

/// How many replicas of a model there should be: a change of it makes no new version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaCounts {
    /// Wanted.
    pub wanted: u32,
    /// Least; 0 is unset.
    pub min: u32,
    /// Most; 0 is unset.
    pub max: u32,
}

impl ReplicaCounts {
    /// True if the model may be scaled by its lag.
    pub const fn autoscaled(&self) -> bool {
        self.min != 0 || self.max != 0
    }
}

/// State of one replica of a version, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// The state.
    pub state: ReplicaState,
    /// When it was set.
    pub since: SimTime,
}

/// State of a version, as last judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelStatus {
    /// The state.
    pub state: ModelState,
    /// What the cool-down of a scale-down looks at; `None` has been stable for ever.
    pub since: Option<SimTime>,
    /// Replicas that count as available.
    pub available: u32,
    /// Replicas that are on their way or have failed.
    pub unavailable: u32,
    /// Replicas on draining server replicas.
    pub draining: u32,
}

impl ModelStatus {
    /// Of a version that has not been judged.
    pub const NEW: Self = Self { state: ModelState::Unknown, since: None, available: 0, unavailable: 0, draining: 0 };
}

/// What the judgement of a version rests on besides its replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The model is deleted.
    pub deleted: bool,
    /// The version is the latest one.
    pub latest: bool,
    /// Its counts.
    pub counts: ReplicaCounts,
    /// Another version is the last available one.
    pub other_available: bool,
}

/// The state of a version.
pub fn judge(replicas: &BTreeMap<u32, ReplicaStatus>, circumstances: &Circumstances) -> ModelStatus {
    let count = |counted: fn(ReplicaState) -> bool| {
        replicas.values().fold(0, |sum, replica| sum + u32::from(counted(replica.state)))
    };
    let newest = |counted: fn(ReplicaState) -> bool| {
        replicas.values().filter(|replica| counted(replica.state)).map(|replica| replica.since).max()
    };
    let failed = |state| matches!(state, ReplicaState::LoadFailed | ReplicaState::LoadedUnavailable);
    let unload_failed = |state| state == ReplicaState::UnloadFailed;
    let unloading = |state| {
        matches!(state, ReplicaState::UnloadEnvoyRequested | ReplicaState::UnloadRequested | ReplicaState::Unloading)
    };
    let available = count(|state| state == ReplicaState::Available);
    let on_its_way = count(ReplicaState::on_its_way);
    let Circumstances { deleted, latest, counts, other_available } = *circumstances;
    let enough =
        available == counts.wanted || (counts.min > 0 && available >= counts.min) || (available > 0 && other_available);
    let newest_of_all = newest(|_| true);
    let (state, since) = if deleted || !latest {
        if count(unload_failed) > 0 {
            (ModelState::TerminateFailed, newest(unload_failed))
        } else if count(unloading) > 0 || available > 0 || on_its_way > 0 {
            (ModelState::Terminating, newest_of_all)
        } else {
            (ModelState::Terminated, newest_of_all)
        }
    } else if count(failed) > 0 {
        (ModelState::Failed, newest(failed))
    } else if available == 0 && counts.wanted == 0 && counts.min == 0 {
        (ModelState::ScaledDown, newest_of_all)
    } else if enough {
        (ModelState::Available, newest_of_all)
    } else {
        (ModelState::Progressing, newest_of_all)
    };
    let draining = count(|state| state == ReplicaState::Draining);
    ModelStatus { state, since, available, unavailable: on_its_way + count(failed), draining }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReplicaState::{Available, Draining, LoadFailed, LoadRequested, Loaded, UnloadFailed, Unloaded, Unloading};

    fn replicas(states: &[ReplicaState]) -> BTreeMap<u32, ReplicaStatus> {
        let row = |(index, &state)| (index as u32, ReplicaStatus { state, since: SimTime::from_secs(index as u64) });
        states.iter().enumerate().map(row).collect()
    }

    fn counts(wanted: u32, min: u32) -> ReplicaCounts {
        ReplicaCounts { wanted, min, max: 0 }
    }

    #[test]
    fn names_lead_back() {
        for (place, (state, name)) in ReplicaState::NAMES.into_iter().enumerate() {
            assert_eq!((state as usize, state.name(), ReplicaState::named(name)), (place, name, Some(state)));
        }
        for (place, (state, name)) in ModelState::NAMES.into_iter().enumerate() {
            assert_eq!((state as usize, state.name(), ModelState::named(name)), (place, name, Some(state)));
        }
    }

    #[test]
    fn a_version_is_judged_by_its_replicas() {
        let latest = |states: &[ReplicaState], wanted, min, other_available| {
            let counts = counts(wanted, min);
            judge(&replicas(states), &Circumstances { deleted: false, latest: true, counts, other_available }).state
        };
        assert_eq!(latest(&[], 0, 0, false), ModelState::ScaledDown);
        assert_eq!(latest(&[], 1, 0, false), ModelState::Progressing);
        assert_eq!(latest(&[Available, LoadRequested], 2, 0, false), ModelState::Progressing);
        assert_eq!(latest(&[Available, LoadRequested], 2, 1, false), ModelState::Available);
        assert_eq!(latest(&[Available, LoadRequested], 2, 0, true), ModelState::Available);
        assert_eq!(latest(&[Available, Available], 1, 0, false), ModelState::Progressing, "more than wanted");
        assert_eq!(latest(&[Available, LoadFailed], 1, 0, false), ModelState::Failed);
        let old = |states: &[ReplicaState]| {
            let counts = counts(1, 0);
            let given = Circumstances { deleted: false, latest: false, counts, other_available: false };
            judge(&replicas(states), &given).state
        };
        assert_eq!(old(&[Available, Unloaded]), ModelState::Terminating);
        assert_eq!(old(&[Unloading]), ModelState::Terminating);
        assert_eq!(old(&[Unloaded, Draining]), ModelState::Terminated);
        assert_eq!(old(&[Available, UnloadFailed]), ModelState::TerminateFailed);
    }

    #[test]
    fn the_time_of_a_state_is_the_newest_replicas_or_the_failed_ones() {
        let since = |states: &[ReplicaState]| {
            let counts = counts(2, 0);
            judge(&replicas(states), &Circumstances { deleted: false, latest: true, counts, other_available: false })
                .since
        };
        assert_eq!(since(&[]), None);
        assert_eq!(since(&[Available, Loaded]), Some(SimTime::from_secs(1)));
        assert_eq!(since(&[LoadFailed, Available]), Some(SimTime::ZERO));
    }
}
