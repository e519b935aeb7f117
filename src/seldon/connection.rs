//! What reaches the scheduler from outside: the operator's notices of servers, and the agents' lives and answers.
//!
//! An answer counts only if the model replica is in the state that the question left it in. One that comes too late, such as
//! the end of a load that has been given up since, changes nothing, and memory that was reserved for it stays reserved.
//!
//! Source of the rules: scheduler `pkg/agent/server.go`, `pkg/store/memory.go`.

use crate::seldon::model::Model;
use crate::seldon::model::Version;
use crate::seldon::scheduler::Asker;
use crate::seldon::scheduler::Effect;
use crate::seldon::scheduler::ModelReplica;
use crate::seldon::scheduler::Scheduler;
use crate::seldon::server::ServerCounts;
use crate::seldon::server::ServerReplica;
use crate::seldon::server::VersionKey;
use crate::seldon::state::ReplicaState;
use crate::seldon::trigger::Direction;
use crate::units::ModelId;
use crate::units::ServerId;
use crate::units::SimTime;
use std::collections::BTreeSet;

/// What became of the models of a draining server replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Placed again: the pod should live until they are available elsewhere.
    pub placed: Vec<ModelId>,
    /// No room elsewhere: the pod does not wait for them.
    pub failed: Vec<ModelId>,
}

/// What became of the models of a server replica that has gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disconnected {
    /// Models that lost a replica of their latest version. One that was both loaded and loading is named twice.
    pub removed: Vec<ModelId>,
    /// Models that were placed by the retry.
    pub retried: Vec<ModelId>,
}

impl Scheduler {
    /// The operator tells how many replicas a server should have.
    pub fn server_notify(&mut self, id: ServerId, counts: ServerCounts) {
        self.servers.entry(id).or_default().counts = Some(counts);
    }

    /// An agent subscribes with this much available memory, overcommit included, and the versions that it holds already. Then
    /// models that lack replicas are tried again; those that could be placed are named.
    pub fn replica_connect(
        &mut self,
        now: SimTime,
        (id, replica): (ServerId, u32),
        subscriber: ServerReplica,
        holds: &[VersionKey],
        effects: &mut Vec<Effect>,
    ) -> Vec<ModelId> {
        let server = self.servers.entry(id).or_default();
        server.replicas.insert(replica, ServerReplica { loaded: holds.iter().copied().collect(), ..subscriber });
        self.agents_stale = true;
        for &(model, number) in holds {
            self.adopt(now, model, number, (id, replica), effects);
        }
        self.schedule_failed_models(now, effects)
    }

    /// Takes over a version that an agent holds.
    fn adopt(
        &mut self,
        now: SimTime,
        id: ModelId,
        number: u32,
        (server, replica): (ServerId, u32),
        effects: &mut Vec<Effect>,
    ) {
        let (request, instances) = self.held.get(&(id, number)).cloned().unwrap_or_default();
        let held = Version { instances: instances.max(1), ..Version::new(number, request) };
        let model = self.models.entry(id).or_insert_with(|| Model::new(vec![held.clone()], false));
        let place = model.place_of(number).unwrap_or_else(|| {
            let place = model.versions.partition_point(|version| version.number < number);
            model.versions.insert(place, held);
            place
        });
        let version = &mut model.versions[place];
        version.server = Some(server);
        version.set(now, replica, ReplicaState::Loaded);
        model.judge(place);
        self.changed(id, effects);
    }

    /// A server replica announces its end: nothing new is placed on it, and what it holds drains. Names the models that
    /// [`Scheduler::move_drained`] will move.
    pub fn replica_drain(
        &mut self,
        now: SimTime,
        (id, replica): (ServerId, u32),
        effects: &mut Vec<Effect>,
    ) -> Vec<ModelId> {
        let Some(leaving) = self.servers.get_mut(&id).and_then(|server| server.replicas.get_mut(&replica)) else {
            return Vec::new();
        };
        leaving.draining = true;
        let keys: Vec<VersionKey> = leaving.loaded.iter().chain(&leaving.loading).copied().collect();
        let mut models = Vec::new();
        for (model, number) in keys {
            let Some(record) = self.models.get_mut(&model) else { continue };
            let Some(place) = record.place_of(number) else { continue };
            record.versions[place].set(now, replica, ReplicaState::Draining);
            models.push(model);
            self.changed(model, effects);
        }
        let leaving = self.servers.get_mut(&id).and_then(|server| server.replicas.get_mut(&replica));
        leaving.expect("it was there").to_move.clone_from(&models);
        models
    }

    /// Half a second later: places the models of a draining server replica elsewhere.
    pub fn move_drained(&mut self, now: SimTime, (id, replica): (ServerId, u32), effects: &mut Vec<Effect>) -> Moved {
        let leaving = |scheduler: &mut Self| -> Option<Vec<ModelId>> {
            Some(std::mem::take(&mut scheduler.servers.get_mut(&id)?.replicas.get_mut(&replica)?.to_move))
        };
        let Some(models) = leaving(self) else { return Moved::default() };
        let mut moved = Moved::default();
        for model in models {
            match self.schedule(now, model, Asker::Direct, effects) {
                Ok(()) => moved.placed.push(model),
                Err(_) => moved.failed.push(model),
            }
        }
        if let Some(leaving) = self.servers.get_mut(&id).and_then(|server| server.replicas.get_mut(&replica)) {
            leaving.moving = Some(moved.placed.iter().copied().collect());
        }
        moved
    }

    /// True if a draining pod may stop: each of its models that could be placed is available somewhere else. Models that are
    /// gone are not waited for.
    pub fn drained(&self, (id, replica): (ServerId, u32)) -> bool {
        let Some(leaving) = self.servers.get(&id).and_then(|server| server.replicas.get(&replica)) else { return true };
        let served =
            |id: &ModelId| self.models.get(id).is_none_or(|model| model.deleted || model.latest().available() > 0);
        leaving.moving.as_ref().is_some_and(|moving| moving.iter().all(served))
    }

    /// An agent's stream closes, after a drain or a crash: its models are placed anew, then those that lack replicas are tried
    /// again; of versions that are on their way out, it counts as unloaded. What it had only been assigned and never been told stays as it is, until the same ordinal comes back.
    pub fn replica_disconnect(
        &mut self,
        now: SimTime,
        (id, replica): (ServerId, u32),
        effects: &mut Vec<Effect>,
    ) -> Disconnected {
        let Some(server) = self.servers.get_mut(&id) else { return Disconnected::default() };
        let Some(gone) = server.replicas.remove(&replica) else { return Disconnected::default() };
        if server.replicas.is_empty() {
            self.servers.remove(&id);
        }
        let mut removed = Vec::new();
        for &(model, number) in gone.loaded.iter().chain(&gone.loading) {
            let Some(record) = self.models.get_mut(&model) else { continue };
            let Some(place) = record.place_of(number) else { continue };
            if record.deleted || place + 1 != record.versions.len() {
                record.versions[place].set(now, replica, ReplicaState::Unloaded);
                record.judge(place);
            } else {
                record.versions[place].replicas.remove(&replica);
                removed.push(model);
            }
            self.changed(model, effects);
        }
        if !self.restarting {
            for &model in &removed {
                // A failure is told by its effect.
                let _ = self.schedule(now, model, Asker::Direct, effects);
            }
        }
        let retried = self.schedule_failed_models(now, effects);
        Disconnected { removed, retried }
    }

    /// Tells connected agents to load and unload what has been decided.
    pub fn sync_agents(&mut self, now: SimTime, effects: &mut Vec<Effect>) {
        if self.restarting || !self.agents_stale {
            return;
        }
        self.agents_stale = false;
        let mut asked = Vec::new();
        for (&model, record) in &self.models {
            let latest = record.latest();
            let loads = latest.replicas.iter().filter(|(_, status)| status.state == ReplicaState::LoadRequested);
            asked.extend(loads.map(|(&replica, _)| (model, latest.number, replica, ReplicaState::LoadRequested)));
            for version in &record.versions {
                let unloads =
                    version.replicas.iter().filter(|(_, status)| status.state == ReplicaState::UnloadRequested);
                asked.extend(
                    unloads.map(|(&replica, _)| (model, version.number, replica, ReplicaState::UnloadRequested)),
                );
            }
        }
        for (model, version, replica, state) in asked {
            let record = &self.models[&model];
            let asked_version = record.version(version).expect("a listed version is known");
            let autoscaled = self.settings.model_scaling && asked_version.counts().autoscaled();
            let Some(server) = asked_version.server else { continue };
            if !self.servers.get(&server).is_some_and(|server| server.replicas.contains_key(&replica)) {
                continue;
            }
            let told = ModelReplica { model, version, server, replica };
            if state == ReplicaState::LoadRequested {
                effects.push(Effect::Load { replica: told, autoscaled });
                self.answer(now, told, (state, ReplicaState::Loading), None, effects);
            } else {
                effects.push(Effect::Unload { replica: told });
                self.answer(now, told, (state, ReplicaState::Unloading), None, effects);
            }
        }
    }

    /// An agent has loaded a model; its available memory, and how many instances the model turned out to have. True if the
    /// answer counts.
    pub fn loaded(
        &mut self,
        now: SimTime,
        of: ModelReplica,
        available_bytes: u64,
        instances: u32,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if let Some(model) = self.models.get_mut(&of.model)
            && let Some(place) = model.place_of(of.version)
        {
            model.versions[place].instances = instances.max(1);
        }
        self.answer(now, of, (ReplicaState::Loading, ReplicaState::Loaded), Some(available_bytes), effects)
    }

    /// An agent could not load a model. `pack` is the draw for packing the server. True if the answer counts.
    pub fn load_failed(
        &mut self,
        now: SimTime,
        of: ModelReplica,
        available_bytes: u64,
        pack: bool,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let counts =
            self.answer(now, of, (ReplicaState::Loading, ReplicaState::LoadFailed), Some(available_bytes), effects);
        if counts {
            self.consider(of.server, Direction::Down, pack, effects);
        }
        counts
    }

    /// An agent has unloaded a model. `pack` is the draw for packing the server. True if the answer counts.
    pub fn unloaded(
        &mut self,
        now: SimTime,
        of: ModelReplica,
        available_bytes: u64,
        pack: bool,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let counts =
            self.answer(now, of, (ReplicaState::Unloading, ReplicaState::Unloaded), Some(available_bytes), effects);
        if counts {
            self.consider(of.server, Direction::Down, pack, effects);
        }
        counts
    }

    /// An agent could not unload a model. True if the answer counts.
    pub fn unload_failed(
        &mut self,
        now: SimTime,
        of: ModelReplica,
        available_bytes: u64,
        effects: &mut Vec<Effect>,
    ) -> bool {
        self.answer(now, of, (ReplicaState::Unloading, ReplicaState::UnloadFailed), Some(available_bytes), effects)
    }

    /// Moves a model replica from one state to the next and keeps the books of its server replica.
    fn answer(
        &mut self,
        now: SimTime,
        of: ModelReplica,
        (from, to): (ReplicaState, ReplicaState),
        available_bytes: Option<u64>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(model) = self.models.get_mut(&of.model) else { return false };
        let Some(place) = model.place_of(of.version) else { return false };
        let Some(server) = self.servers.get_mut(&of.server) else { return false };
        let version = &mut model.versions[place];
        if version.replica(of.replica) != from {
            return false;
        }
        version.set(now, of.replica, to);
        let bytes = version.required_bytes();
        model.judge(place);
        if let Some(replica) = server.replicas.get_mut(&of.replica) {
            note(replica, (of.model, of.version), to, bytes);
            if let Some(available_bytes) = available_bytes {
                replica.available_bytes = available_bytes;
            }
        }
        self.changed(of.model, effects);
        true
    }
}

/// Keeps the books of a server replica when a version on it reaches a state.
fn note(replica: &mut ServerReplica, key: VersionKey, state: ReplicaState, bytes: u64) {
    let out = |set: &mut BTreeSet<VersionKey>| {
        set.remove(&key);
    };
    match state {
        ReplicaState::Loading => {
            replica.loading.insert(key);
        }
        ReplicaState::Loaded => {
            out(&mut replica.loading);
            replica.loaded.insert(key);
            replica.release(bytes);
        }
        ReplicaState::LoadFailed => {
            out(&mut replica.loading);
            out(&mut replica.loaded);
            replica.release(bytes);
        }
        ReplicaState::Unloaded => {
            out(&mut replica.loading);
            out(&mut replica.loaded);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seldon::bench::BYTES;
    use crate::seldon::bench::Bench;
    use crate::seldon::bench::MODEL;
    use crate::seldon::bench::SERVER;
    use crate::seldon::bench::counts;
    use crate::seldon::scheduler::NotApplied;
    use crate::seldon::state::ModelState;
    use crate::units::Span;

    fn state(bench: &Bench) -> ModelState {
        bench.scheduler.model(MODEL).expect("the model is known").latest().status().state
    }

    #[test]
    fn a_draining_replica_serves_until_another_one_is_available() {
        let mut bench = Bench::new(2, 2);
        bench.apply("a", BYTES, counts(1, 0)).expect("placed");
        bench.settle();
        assert_eq!(bench.routes(), [(1, 100, vec![0])]);
        assert_eq!(bench.scheduler.replica_drain(bench.now, (SERVER, 0), &mut bench.effects), [MODEL]);
        assert!(!bench.scheduler.drained((SERVER, 0)), "nothing has been moved yet");
        let moved = bench.scheduler.move_drained(bench.now, (SERVER, 0), &mut bench.effects);
        assert_eq!(moved, Moved { placed: vec![MODEL], failed: vec![] });
        bench.route();
        assert_eq!(bench.routes(), [(1, 100, vec![0])]);
        bench.tell();
        assert!(bench.loaded(1) && !bench.scheduler.drained((SERVER, 0)), "no route yet");
        bench.route();
        assert_eq!(bench.routes(), [(1, 100, vec![1])]);
        assert!(bench.scheduler.drained((SERVER, 0)));
        bench.scheduler.replica_disconnect(bench.now, (SERVER, 0), &mut bench.effects);
        assert_eq!(state(&bench), ModelState::Available);
    }

    #[test]
    fn what_cannot_move_is_not_waited_for() {
        let mut bench = Bench::new(1, 1);
        bench.apply("a", BYTES, counts(1, 0)).expect("placed");
        bench.settle();
        bench.scheduler.replica_drain(bench.now, (SERVER, 0), &mut bench.effects);
        let moved = bench.scheduler.move_drained(bench.now, (SERVER, 0), &mut bench.effects);
        assert_eq!(moved, Moved { placed: vec![], failed: vec![MODEL] });
        assert!(bench.scheduler.drained((SERVER, 0)));
    }

    #[test]
    fn a_model_comes_back_with_the_replica_that_it_lost() {
        let mut bench = Bench::new(1, 1);
        bench.apply("a", BYTES, counts(1, 0)).expect("placed");
        bench.settle();
        let gone = bench.scheduler.replica_disconnect(bench.now, (SERVER, 0), &mut bench.effects);
        assert_eq!((gone.removed, state(&bench)), (vec![MODEL], ModelState::ScheduleFailed));
        assert_eq!(bench.scheduler.server(SERVER), None, "without replicas a server is forgotten");
        bench.route();
        assert_eq!(bench.routes(), []);
        assert_eq!(bench.connect(0), [MODEL]);
        bench.settle();
        assert_eq!(bench.routes(), [(1, 100, vec![0])]);
    }

    #[test]
    fn an_answer_that_comes_too_late_changes_nothing_and_the_reservation_stays() {
        let mut bench = Bench::new(2, 2);
        bench.apply("a", BYTES, counts(2, 0)).expect("placed");
        bench.tell();
        bench.apply("a", BYTES, counts(1, 0)).expect("placed");
        assert!(bench.loaded(0) && !bench.loaded(1));
        let server = bench.scheduler.server(SERVER).expect("the server is known");
        let reserved: Vec<u64> = server.replicas().values().map(ServerReplica::reserved_bytes).collect();
        assert_eq!(reserved, [0, BYTES]);
    }

    #[test]
    fn a_restart_forgets_and_agents_and_operator_tell_again() {
        let mut bench = Bench::new(1, 1);
        bench.apply("a", BYTES, counts(1, 0)).expect("placed");
        bench.settle();
        bench.scheduler.restart();
        bench.now += Span::from_secs(5);
        assert_eq!(bench.apply("a", BYTES, counts(1, 0)), Err(NotApplied::Restarting));
        bench.route();
        assert_eq!(bench.routes(), [(1, 100, vec![0])], "Envoy keeps what it has");
        let holds = [(MODEL, 1)];
        let subscriber = ServerReplica::new(0, &[]);
        bench.scheduler.replica_connect(bench.now, (SERVER, 0), subscriber, &holds, &mut bench.effects);
        bench.scheduler.resume();
        bench.apply("a", BYTES, counts(1, 0)).expect("placed where it is");
        bench.effects.clear();
        bench.settle();
        assert_eq!((bench.latest(), bench.routes()), (1, vec![(1, 100, vec![0])]));
        assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Load { .. })), "nothing is loaded again");
    }
}
