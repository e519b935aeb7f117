//! The scheduler: one place that knows all models and servers, and reacts to whatever happens to them.
//!
//! It takes no time and keeps no clock: the caller says when something happens, hands a list for what is to be done, and
//! carries that out with the delays of agents, operator and Envoy. Law: everything is decided from the state at hand, in the
//! order of ids where upstream's order is random.
//!
//! What reports from outside is in [`connection`](crate::seldon::connection), what concerns Envoy in
//! [`routes`](crate::seldon::routes).
//!
//! Source of the rules: scheduler `pkg/scheduler/scheduler.go`, `pkg/store/memory.go`, `pkg/agent/server.go`,
//! `pkg/scheduler/server/server.go`.

use crate::seldon::model::Model;
use crate::seldon::model::ModelRequest;
use crate::seldon::model::Version;
use crate::seldon::placement::Chosen;
use crate::seldon::placement::place;
use crate::seldon::routes::Route;
use crate::seldon::server::Server;
use crate::seldon::server::VersionKey;
use crate::seldon::server_scaling::ServerFigures;
use crate::seldon::server_scaling::scale_down;
use crate::seldon::server_scaling::scale_up;
use crate::seldon::state::ModelState;
use crate::seldon::state::ModelStatus;
use crate::seldon::state::Unplaced;
use crate::seldon::trigger::Direction;
use crate::seldon::trigger::Refusal;
use crate::seldon::trigger::decide;
use crate::units::ModelId;
use crate::units::ServerId;
use crate::units::SimTime;
use crate::units::Span;
use std::collections::BTreeMap;

/// What differs between installations and releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedulerSettings {
    /// A model gives up a replica only if its state has been the same for longer than this.
    pub cooldown: Span,
    /// Models are scaled by their lag: agents are told to speak.
    pub model_scaling: bool,
    /// Servers are scaled by what their models want.
    pub server_scaling: bool,
    /// Models in progress are retried too (from release 2.10 on).
    pub retries_progressing: bool,
    /// A model may get fewer replicas than it wants (from release 2.9 on).
    pub partial_scheduling: bool,
}

impl Default for SchedulerSettings {
    /// The program's defaults of release 2.10, lag scaling included.
    fn default() -> Self {
        Self {
            cooldown: Span::from_secs(60),
            model_scaling: true,
            server_scaling: true,
            retries_progressing: true,
            partial_scheduling: true,
        }
    }
}

/// One version of a model on one server replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelReplica {
    /// The model.
    pub model: ModelId,
    /// Its version.
    pub version: u32,
    /// The server.
    pub server: ServerId,
    /// Ordinal of the server replica.
    pub replica: u32,
}

/// What the scheduler wants done, or lets be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The agent is told to load.
    Load {
        /// What and where.
        replica: ModelReplica,
        /// The agent may ask for scaling of this model.
        autoscaled: bool,
    },
    /// The agent is told to unload.
    Unload {
        /// What and where.
        replica: ModelReplica,
    },
    /// The operator is asked for this many server replicas; `None`: the event was looked at, and nothing is asked for.
    AskServer {
        /// The server.
        server: ServerId,
        /// What the event was about.
        direction: Direction,
        /// Replicas asked for.
        replicas: Option<u32>,
    },
    /// A model would have made its server grow, but retries ask for nothing.
    AskDropped {
        /// The server.
        server: ServerId,
        /// The model.
        model: ModelId,
    },
    /// A model could not be placed.
    Unplaced {
        /// The model.
        model: ModelId,
        /// Why.
        reason: Unplaced,
    },
    /// The state of a model's latest version is another one.
    StateChanged {
        /// The model.
        model: ModelId,
        /// The state it is in now.
        state: ModelState,
    },
}

/// Why a model is not as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotApplied {
    /// The scheduler takes no decisions after its restart; the operator sends all models again later.
    Restarting,
    /// The model is unknown.
    UnknownModel,
    /// A model of this name is still being deleted.
    DeletionInProgress,
    /// Taken over, but not placed.
    Unplaced(Unplaced),
}

/// An accepted wish of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// Replicas that the model wants now.
    pub wanted: u32,
    /// Whether it could be placed.
    pub placed: Result<(), Unplaced>,
}

/// Who asks for a placement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// Somebody who wants this model.
    Direct,
    /// The retry of failed models: servers do not grow for it.
    Retry,
}

/// The scheduler.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub(super) settings: SchedulerSettings,
    pub(super) servers: BTreeMap<ServerId, Server>,
    pub(super) models: BTreeMap<ModelId, Model>,
    /// Routes as last published, by model.
    pub(super) published: Vec<Vec<Route>>,
    pub(super) routes_stale: bool,
    /// Somebody may have to be told to load or unload.
    pub(super) agents_stale: bool,
    revision: u64,
    pub(super) restarting: bool,
    /// After a restart: what agents can tell of the versions that they hold, with the instances in each replica.
    pub(super) held: BTreeMap<VersionKey, (ModelRequest, u32)>,
}

impl Scheduler {
    /// A scheduler that knows nothing yet.
    pub const fn new(settings: SchedulerSettings) -> Self {
        Self {
            settings,
            servers: BTreeMap::new(),
            models: BTreeMap::new(),
            published: Vec::new(),
            routes_stale: false,
            agents_stale: false,
            revision: 0,
            restarting: false,
            held: BTreeMap::new(),
        }
    }

    /// A new or changed model, also with other counts by hand or by a HorizontalPodAutoscaler. It is placed at once, even if
    /// nothing is new.
    ///
    /// # Errors
    /// Why the model is not as asked for.
    pub fn model_apply(
        &mut self,
        now: SimTime,
        id: ModelId,
        request: ModelRequest,
        effects: &mut Vec<Effect>,
    ) -> Result<(), NotApplied> {
        if self.restarting {
            return Err(NotApplied::Restarting);
        }
        match self.models.get_mut(&id) {
            Some(model) if !model.deleted => {
                if model.latest().request.definition == request.definition {
                    model.latest_mut().request.counts = request.counts;
                } else {
                    model.add_version(request);
                }
            }
            Some(model) if model.latest().any(|state| !state.inactive()) => return Err(NotApplied::DeletionInProgress),
            _ => {
                self.models.insert(id, Model::new(vec![Version::new(1, request)], false));
            }
        }
        self.schedule(now, id, Asker::Direct, effects).map_err(NotApplied::Unplaced)
    }

    /// The model is to go. It stays on record.
    ///
    /// # Errors
    /// If it is unknown, or decisions are not taken.
    pub fn model_delete(&mut self, now: SimTime, id: ModelId, effects: &mut Vec<Effect>) -> Result<(), NotApplied> {
        if self.restarting {
            return Err(NotApplied::Restarting);
        }
        let model = self.models.get_mut(&id).ok_or(NotApplied::UnknownModel)?;
        model.deleted = true;
        model.judge(model.versions.len() - 1);
        self.schedule(now, id, Asker::Direct, effects).map_err(NotApplied::Unplaced)
    }

    /// An agent wishes for one replica more or fewer of a version.
    ///
    /// # Errors
    /// Why the wish is dropped.
    pub fn scaling_trigger(
        &mut self,
        now: SimTime,
        id: ModelId,
        version: u32,
        direction: Direction,
        effects: &mut Vec<Effect>,
    ) -> Result<Scaled, Refusal> {
        if self.restarting {
            return Err(Refusal::Restarting);
        }
        let model = self.models.get_mut(&id);
        let wanted = decide(now, model.as_deref(), version, direction, self.settings.cooldown)?;
        model.expect("a wish is granted to a model").latest_mut().request.counts.wanted = wanted;
        Ok(Scaled { wanted, placed: self.schedule(now, id, Asker::Direct, effects) })
    }

    /// Tries again to place all models that lack replicas, and names those that could be placed.
    pub fn schedule_failed_models(&mut self, now: SimTime, effects: &mut Vec<Effect>) -> Vec<ModelId> {
        if self.restarting {
            return Vec::new();
        }
        let progressing = self.settings.retries_progressing;
        let lacks =
            |model: &Model| lacks_replicas(model.latest().status(), model.latest().counts().wanted, progressing);
        let mut failed: Vec<ModelId> =
            self.models.iter().filter(|(_, model)| lacks(model)).map(|(&id, _)| id).collect();
        failed.retain(|&id| self.schedule(now, id, Asker::Retry, effects).is_ok());
        failed
    }

    /// One attempt to place the latest version of a model.
    pub(super) fn schedule(
        &mut self,
        now: SimTime,
        id: ModelId,
        asker: Asker,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Unplaced> {
        let Some(model) = self.models.get_mut(&id) else { return Ok(()) };
        if model.deleted {
            model.unload_live_versions(now);
            let latest = model.latest();
            model.assign(now, latest.number, latest.server, &[]).expect("the latest version");
            self.changed(id, effects);
            return Ok(());
        }
        let attempt = place(model.latest(), &self.servers, self.settings.partial_scheduling);
        let placed = match attempt.outcome {
            Ok(chosen) => {
                self.assign(now, id, &chosen, effects);
                Ok(())
            }
            Err(failure) => {
                model.fail_placement(now, failure.reason, failure.forget_server);
                effects.push(Effect::Unplaced { model: id, reason: failure.reason });
                self.changed(id, effects);
                Err(failure.reason)
            }
        };
        if let Some(server) = attempt.scale_up {
            match asker {
                Asker::Direct => self.consider(server, Direction::Up, false, effects),
                Asker::Retry => effects.push(Effect::AskDropped { server, model: id }),
            }
        }
        placed
    }

    /// Gives a model the server replicas that were chosen for it and reserves their memory.
    fn assign(&mut self, now: SimTime, id: ModelId, chosen: &Chosen, effects: &mut Vec<Effect>) {
        let model = self.models.get_mut(&id).expect("a placed model is known");
        let latest = model.latest().number;
        let assigned = model.assign(now, latest, Some(chosen.server), &chosen.replicas).expect("the latest version");
        let bytes = model.latest().required_bytes();
        let server = self.servers.get_mut(&chosen.server).expect("a chosen server is known");
        for replica in &assigned.requested {
            let replica = server.replicas.get_mut(replica).expect("a chosen server replica is connected");
            replica.reserved_bytes = replica.reserved_bytes.saturating_add(bytes);
        }
        if assigned.changed {
            self.changed(id, effects);
        }
    }

    /// Lets the server autoscaler look at a server.
    pub(super) fn consider(&self, server: ServerId, direction: Direction, pack: bool, effects: &mut Vec<Effect>) {
        if !self.settings.server_scaling {
            return;
        }
        let Some(figures) = self.figures(server) else { return };
        let replicas = match direction {
            Direction::Up => scale_up(&figures),
            Direction::Down => scale_down(&figures, pack),
        };
        effects.push(Effect::AskServer { server, direction, replicas });
    }

    /// Something about a model has changed: routes and agents may have to follow.
    pub(super) fn changed(&mut self, id: ModelId, effects: &mut Vec<Effect>) {
        self.revision += 1;
        self.routes_stale = true;
        self.agents_stale = true;
        let model = self.models.get_mut(&id).expect("a changed model is known");
        let state = model.latest().status.state;
        if model.told != state {
            model.told = state;
            effects.push(Effect::StateChanged { model: id, state });
        }
    }

    /// The scheduler's process ends and comes back: it has forgotten models and servers. Envoy keeps the last routes. Nothing
    /// is decided until [`Scheduler::resume`].
    pub fn restart(&mut self) {
        let versions = |(&id, model): (&ModelId, &Model)| {
            let keyed = |version: &Version| ((id, version.number), (version.request.clone(), version.instances));
            model.versions.iter().map(keyed).collect::<Vec<_>>()
        };
        self.held = self.models.iter().flat_map(versions).collect();
        self.models.clear();
        self.servers.clear();
        self.routes_stale = false;
        self.agents_stale = false;
        self.restarting = true;
        self.revision += 1;
    }

    /// All agents that were waited for have reported: decisions are taken again. The operator sends every model anew after
    /// this, and the first update of routes is the caller's to delay.
    pub fn resume(&mut self) {
        self.restarting = false;
        self.routes_stale = true;
        self.agents_stale = true;
    }

    /// True between [`Scheduler::restart`] and [`Scheduler::resume`].
    pub const fn restarting(&self) -> bool {
        self.restarting
    }

    /// What differs between installations.
    pub const fn settings(&self) -> &SchedulerSettings {
        &self.settings
    }

    /// The installation is changed: what is decided from now on goes by these settings.
    pub const fn set_settings(&mut self, settings: SchedulerSettings) {
        self.settings = settings;
    }

    /// A model, if it is on record.
    pub fn model(&self, id: ModelId) -> Option<&Model> {
        self.models.get(&id)
    }

    /// All models on record.
    pub fn models(&self) -> impl Iterator<Item = (ModelId, &Model)> {
        self.models.iter().map(|(&id, model)| (id, model))
    }

    /// A server, if it has been notified or has a connected replica.
    pub fn server(&self, id: ServerId) -> Option<&Server> {
        self.servers.get(&id)
    }

    /// All such servers.
    pub fn servers(&self) -> impl Iterator<Item = (ServerId, &Server)> {
        self.servers.iter().map(|(&id, server)| (id, server))
    }

    /// The most replicas that a model on the server wants. Deleted models that still name it count.
    pub fn largest_wanted(&self, server: ServerId) -> u32 {
        let on_it = self.models.values().map(Model::latest).filter(|latest| latest.server == Some(server));
        on_it.map(|latest| latest.counts().wanted).max().unwrap_or_default()
    }

    /// What the server autoscaler looks at.
    pub fn figures(&self, id: ServerId) -> Option<ServerFigures> {
        let server = self.servers.get(&id)?;
        let counts = server.counts.unwrap_or_default();
        Some(ServerFigures {
            expected: server.counts.map(|counts| counts.expected),
            min: counts.min,
            max: counts.max,
            empty: server.empty_replicas(),
            largest_wanted: self.largest_wanted(id),
        })
    }

    /// True if something has changed since routes were last published.
    pub const fn routes_stale(&self) -> bool {
        self.routes_stale
    }

    /// Grows with every change of a model.
    pub const fn revision(&self) -> u64 {
        self.revision
    }
}

/// True if a model in this state is retried.
pub const fn lacks_replicas(status: &ModelStatus, wanted: u32, retries_progressing: bool) -> bool {
    match status.state {
        ModelState::Failed | ModelState::ScheduleFailed => true,
        ModelState::Available => status.available < wanted,
        ModelState::Progressing => retries_progressing && status.available < wanted,
        _ => false,
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
    use crate::seldon::state::ReplicaCounts;

    fn asked(bench: &Bench) -> Vec<Option<u32>> {
        let asks = |effect: &Effect| match *effect {
            Effect::AskServer { replicas, .. } => Some(replicas),
            _ => None,
        };
        bench.effects.iter().filter_map(asks).collect()
    }

    #[test]
    fn a_server_grows_for_a_model_that_it_holds_and_not_for_a_new_one_or_a_retry() {
        let mut bench = Bench::new(1, 3);
        bench.apply("a", BYTES, counts(2, 1)).expect("placed in part");
        bench.settle();
        assert_eq!(asked(&bench), [], "its first placement");
        bench.scheduler.schedule_failed_models(bench.now, &mut bench.effects);
        assert_eq!(asked(&bench), []);
        assert!(bench.effects.contains(&Effect::AskDropped { server: SERVER, model: MODEL }));
        bench.apply("a", BYTES, counts(5, 1)).expect("placed in part");
        assert_eq!(asked(&bench), [Some(3)]);
    }

    #[test]
    fn an_accepted_wish_is_stored_even_without_room() {
        let mut bench = Bench::new(1, 1);
        let autoscaled = ReplicaCounts { wanted: 1, min: 0, max: 3 };
        bench.apply("a", BYTES, autoscaled).expect("placed");
        bench.settle();
        let wish = bench.scheduler.scaling_trigger(bench.now, MODEL, 1, Direction::Up, &mut bench.effects);
        assert_eq!(wish, Ok(Scaled { wanted: 2, placed: Err(Unplaced::NotEnoughReplicas) }));
        let again = bench.scheduler.scaling_trigger(bench.now, MODEL, 1, Direction::Up, &mut bench.effects);
        assert_eq!(again, Err(Refusal::NotAvailableLatest));
        assert_eq!(bench.routes(), [(1, 100, vec![0])], "what is there goes on serving");
    }

    #[test]
    fn a_deleted_model_comes_anew_once_it_is_gone() {
        let mut bench = Bench::new(1, 1);
        bench.apply("a", BYTES, counts(1, 0)).expect("placed");
        bench.settle();
        bench.apply("b", 0, counts(1, 0)).expect("placed");
        bench.settle();
        bench.scheduler.model_delete(bench.now, MODEL, &mut bench.effects).expect("deleted");
        assert_eq!(bench.apply("c", 0, counts(1, 0)), Err(NotApplied::DeletionInProgress));
        bench.settle();
        assert_eq!(bench.routes(), []);
        bench.apply("c", 0, counts(1, 0)).expect("placed");
        assert_eq!(bench.latest(), 1);
    }
}
