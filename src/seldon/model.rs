//! Models: versions, what their replicas are doing, and the state that follows from it.
//!
//! A model owns no pods: each of its replicas lives inside a server replica, and all of them on one server. A changed spec, or
//! a move to another server, makes a new version; other replica counts change the latest version in place. Law: the state of a
//! version is a function of its replicas' states and its counts, judged anew at every change, except for a failed placement,
//! which stands until the next change.
//!
//! Source of the rules: scheduler `pkg/store` (`mesh.go`, `memory.go`, `memory_status.go`).

use crate::seldon::state::Circumstances;
use crate::seldon::state::ModelState;
use crate::seldon::state::ModelStatus;
use crate::seldon::state::ReplicaCounts;
use crate::seldon::state::ReplicaState;
use crate::seldon::state::ReplicaStatus;
use crate::seldon::state::Unplaced;
use crate::seldon::state::judge;
use crate::units::ServerId;
use crate::units::SimTime;
use std::collections::BTreeMap;

/// What a model is: a change of it makes a new version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelDefinition {
    /// Names the artifact and its settings; only compared.
    pub artifact: String,
    /// Memory of one instance in bytes.
    pub memory_bytes: u64,
    /// Capabilities that its server must have.
    pub requirements: Vec<String>,
    /// The only server that may take it.
    pub server: Option<ServerId>,
    /// An explainer: only replicas that can explain take it.
    pub explainer: bool,
}

/// What somebody asks of the scheduler for a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelRequest {
    /// What the model is.
    pub definition: ModelDefinition,
    /// How many replicas of it.
    pub counts: ReplicaCounts,
}

/// One version of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub(super) number: u32,
    pub(super) request: ModelRequest,
    /// Instances in one replica, such as parallel workers: learnt from the first load.
    pub(super) instances: u32,
    pub(super) server: Option<ServerId>,
    pub(super) replicas: BTreeMap<u32, ReplicaStatus>,
    pub(super) status: ModelStatus,
    pub(super) unplaced: Option<Unplaced>,
}

impl Version {
    /// A version that is on no server.
    pub const fn new(number: u32, request: ModelRequest) -> Self {
        Self {
            number,
            request,
            instances: 1,
            server: None,
            replicas: BTreeMap::new(),
            status: ModelStatus::NEW,
            unplaced: None,
        }
    }

    /// The same version on this server, with these replicas there and of this state: where a recorded case begins.
    #[must_use]
    pub fn recorded(
        self,
        server: Option<ServerId>,
        replicas: BTreeMap<u32, ReplicaStatus>,
        status: ModelStatus,
    ) -> Self {
        Self { server, replicas, status, ..self }
    }

    /// Its number, from 1.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// What was asked for.
    pub const fn request(&self) -> &ModelRequest {
        &self.request
    }

    /// Its replica counts.
    pub const fn counts(&self) -> ReplicaCounts {
        self.request.counts
    }

    /// The server it is on.
    pub const fn server(&self) -> Option<ServerId> {
        self.server
    }

    /// States by ordinal of the server replica.
    pub const fn replicas(&self) -> &BTreeMap<u32, ReplicaStatus> {
        &self.replicas
    }

    /// State on this server replica.
    pub fn replica(&self, replica: u32) -> ReplicaState {
        self.replicas.get(&replica).map_or(ReplicaState::Unknown, |status| status.state)
    }

    /// Its state, as last judged.
    pub const fn status(&self) -> &ModelStatus {
        &self.status
    }

    /// Why it could not be placed, if the last attempt failed.
    pub const fn unplaced(&self) -> Option<Unplaced> {
        self.unplaced
    }

    /// Memory that one replica needs.
    pub fn required_bytes(&self) -> u64 {
        self.request.definition.memory_bytes.saturating_mul(u64::from(self.instances))
    }

    /// Replicas that are available now.
    pub fn available(&self) -> u32 {
        self.replicas.values().fold(0, |sum, replica| sum + u32::from(replica.state == ReplicaState::Available))
    }

    /// Server replicas that routes lead to: all that have it loaded, or else the draining ones.
    pub fn assignment(&self) -> impl Iterator<Item = u32> {
        let routable = self.any(ReplicaState::routable);
        let counts = move |state: ReplicaState| match routable {
            true => state.routable(),
            false => state == ReplicaState::Draining,
        };
        self.replicas.iter().filter(move |(_, replica)| counts(replica.state)).map(|(&index, _)| index)
    }

    /// True if a replica answers requests.
    pub fn is_live(&self) -> bool {
        self.any(ReplicaState::can_receive_traffic)
    }

    /// True if a replica is in such a state.
    pub(super) fn any(&self, is: impl Fn(ReplicaState) -> bool) -> bool {
        self.replicas.values().any(|replica| is(replica.state))
    }

    pub(super) fn set(&mut self, now: SimTime, replica: u32, state: ReplicaState) {
        self.replicas.insert(replica, ReplicaStatus { state, since: now });
    }

    /// Sends every replica that is not on its way out to `UnloadRequested`. True if there was one.
    fn unload(&mut self, now: SimTime) -> bool {
        let mut changed = false;
        for replica in self.replicas.values_mut().filter(|replica| !replica.state.unloading_or_unloaded()) {
            *replica = ReplicaStatus { state: ReplicaState::UnloadRequested, since: now };
            changed = true;
        }
        changed
    }
}

/// A model with all its versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(super) deleted: bool,
    pub(super) versions: Vec<Version>,
    /// The state that was last told to the outside.
    pub(super) told: ModelState,
}

/// What an assignment did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Server replicas that were asked to load.
    pub requested: Vec<u32>,
    /// Something about the model has changed.
    pub changed: bool,
}

/// Only the latest version can be assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleVersion;

impl Model {
    /// A model with these versions, the latest one last.
    ///
    /// # Panics
    /// Without a version.
    pub fn new(versions: Vec<Version>, deleted: bool) -> Self {
        assert!(!versions.is_empty(), "a model has a version");
        Self { deleted, versions, told: ModelState::Unknown }
    }

    /// True once its deletion has been asked for.
    pub const fn deleted(&self) -> bool {
        self.deleted
    }

    /// All versions, the latest one last.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The latest version.
    pub fn latest(&self) -> &Version {
        self.versions.last().expect("a model has a version")
    }

    pub(super) fn latest_mut(&mut self) -> &mut Version {
        self.versions.last_mut().expect("a model has a version")
    }

    /// The version with this number.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    pub(super) fn place_of(&self, number: u32) -> Option<usize> {
        self.versions.iter().position(|version| version.number == number)
    }

    fn last_available_place(&self) -> Option<usize> {
        self.versions.iter().rposition(|version| version.status.state == ModelState::Available)
    }

    /// The newest version that is available.
    pub fn last_available(&self) -> Option<&Version> {
        self.last_available_place().map(|place| &self.versions[place])
    }

    /// True if requests can be answered.
    pub fn can_receive_traffic(&self) -> bool {
        self.last_available_place().is_some() || self.latest().is_live()
    }

    /// Judges the version at this place anew.
    pub(super) fn judge(&mut self, place: usize) {
        let version = &self.versions[place];
        let circumstances = Circumstances {
            deleted: self.deleted,
            latest: place + 1 == self.versions.len(),
            counts: version.counts(),
            other_available: self.last_available_place().is_some_and(|other| other != place),
        };
        let status = judge(&version.replicas, &circumstances);
        self.versions[place].status = status;
        self.versions[place].unplaced = None;
    }

    /// Adds a version for this request.
    pub(super) fn add_version(&mut self, request: ModelRequest) {
        let number = self.latest().number + 1;
        self.versions.push(Version::new(number, request));
    }

    /// Gives the latest version these server replicas and takes all others from it.
    ///
    /// # Errors
    /// If `version` is not the latest one.
    pub fn assign(
        &mut self,
        now: SimTime,
        version: u32,
        server: Option<ServerId>,
        chosen: &[u32],
    ) -> Result<Assigned, StaleVersion> {
        if self.latest().number != version {
            return Err(StaleVersion);
        }
        if server.is_none() {
            return Ok(Assigned::default());
        }
        if self.latest().server.is_some_and(|current| Some(current) != server) {
            let Version { request, instances, .. } = self.latest().clone();
            self.add_version(request);
            self.latest_mut().instances = instances;
        }
        let deleted = self.deleted;
        let latest = self.latest_mut();
        let requested: Vec<u32> =
            chosen.iter().copied().filter(|&replica| !latest.replica(replica).loading_or_loaded()).collect();
        let mut moved = !requested.is_empty();
        for &replica in &requested {
            latest.set(now, replica, ReplicaState::LoadRequested);
        }
        for (replica, status) in &mut latest.replicas {
            let leaves = !status.state.unloading_or_unloaded() && status.state != ReplicaState::Draining;
            if leaves && !chosen.contains(replica) {
                *status = ReplicaStatus { state: ReplicaState::UnloadEnvoyRequested, since: now };
                moved = true;
            }
        }
        let short = || (latest.assignment().count() as u64) < u64::from(latest.counts().wanted);
        let changed = moved
            || deleted
            || match latest.status.state {
                ModelState::ScheduleFailed | ModelState::Progressing => true,
                ModelState::Available => short(),
                _ => false,
            };
        if changed {
            latest.server = server;
            self.judge(self.versions.len() - 1);
        }
        Ok(Assigned { requested, changed })
    }

    /// Notes that the latest version could not be placed.
    pub(super) fn fail_placement(&mut self, now: SimTime, reason: Unplaced, forget_server: bool) {
        let latest = self.latest_mut();
        let available = u32::try_from(latest.assignment().count()).expect("fewer than 2^32 replicas");
        latest.status = ModelStatus {
            state: ModelState::ScheduleFailed,
            since: Some(now),
            available,
            unavailable: latest.counts().wanted.saturating_sub(available),
            draining: latest.status.draining,
        };
        latest.unplaced = Some(reason);
        if forget_server {
            latest.server = None;
        }
    }

    /// Sends every version that answers requests away, of a deleted model. True if there was one.
    pub(super) fn unload_live_versions(&mut self, now: SimTime) -> bool {
        let mut changed = false;
        for place in 0..self.versions.len() {
            if self.versions[place].is_live() && self.versions[place].unload(now) {
                self.judge(place);
                changed = true;
            }
        }
        changed
    }

    /// After a rolling update: sends every version before the last available one away, once the latest one is available. True
    /// if there was one.
    pub(super) fn unload_superseded(&mut self, now: SimTime) -> bool {
        if self.latest().status.state != ModelState::Available {
            return false;
        }
        let mut changed = false;
        for place in 0..self.last_available_place().unwrap_or_default() {
            if self.versions[place].unload(now) {
                self.judge(place);
                changed = true;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReplicaState::{Available, Draining, LoadRequested, Loaded};

    const AVAILABLE: ModelStatus = ModelStatus { state: ModelState::Available, ..ModelStatus::NEW };

    fn replicas(states: &[ReplicaState]) -> BTreeMap<u32, ReplicaStatus> {
        let row = |(index, &state)| (index as u32, ReplicaStatus { state, since: SimTime::from_secs(index as u64) });
        states.iter().enumerate().map(row).collect()
    }

    fn counts(wanted: u32, min: u32) -> ReplicaCounts {
        ReplicaCounts { wanted, min, max: 0 }
    }

    #[test]
    fn an_assignment_keeps_what_is_loaded_and_a_draining_replica_is_let_drain() {
        let now = SimTime::from_secs(9);
        let server = Some(ServerId::new(0));
        let version = Version::new(1, ModelRequest { counts: counts(2, 0), ..ModelRequest::default() });
        let states = replicas(&[Available, Loaded, Draining]);
        let mut model = Model::new(vec![version.recorded(server, states, AVAILABLE)], false);
        assert_eq!(model.assign(now, 2, server, &[]), Err(StaleVersion));
        let assigned = model.assign(now, 1, server, &[3, 1]).expect("the latest version");
        assert_eq!(assigned, Assigned { requested: vec![3], changed: true });
        let seen: Vec<_> = model.latest().replicas().values().map(|replica| replica.state).collect();
        assert_eq!(seen, [ReplicaState::UnloadEnvoyRequested, Loaded, Draining, LoadRequested]);
        assert_eq!(model.latest().assignment().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn another_server_is_another_version() {
        let (old, new) = (ServerId::new(0), ServerId::new(1));
        let version = Version::new(1, ModelRequest { counts: counts(1, 0), ..ModelRequest::default() });
        let version = version.recorded(Some(old), replicas(&[Available]), AVAILABLE);
        let mut model = Model::new(vec![version], false);
        model.assign(SimTime::ZERO, 1, Some(new), &[0]).expect("the latest version");
        assert_eq!((model.latest().number(), model.latest().server()), (2, Some(new)));
        assert_eq!(model.versions()[0].replica(0), Available, "it serves on");
    }
}
