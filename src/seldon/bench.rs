//! For tests: one server of equal replicas, and agents that answer when they are told to.

use crate::seldon::model::ModelDefinition;
use crate::seldon::model::ModelRequest;
use crate::seldon::scheduler::Effect;
use crate::seldon::scheduler::ModelReplica;
use crate::seldon::scheduler::NotApplied;
use crate::seldon::scheduler::Scheduler;
use crate::seldon::scheduler::SchedulerSettings;
use crate::seldon::server::ServerCounts;
use crate::seldon::server::ServerReplica;
use crate::seldon::state::ReplicaCounts;
use crate::seldon::state::ReplicaState;
use crate::units::ModelId;
use crate::units::ServerId;
use crate::units::SimTime;

pub(super) const SERVER: ServerId = ServerId::new(0);
pub(super) const MODEL: ModelId = ModelId::new(0);
/// A replica takes one model of this size, or many of size 0.
pub(super) const BYTES: u64 = 100;

pub(super) struct Bench {
    pub(super) scheduler: Scheduler,
    pub(super) effects: Vec<Effect>,
    pub(super) now: SimTime,
}

impl Bench {
    /// A server with this many replicas, connected.
    pub(super) fn new(replicas: u32, max: u32) -> Self {
        let scheduler = Scheduler::new(SchedulerSettings::default());
        let mut bench = Self { scheduler, effects: Vec::new(), now: SimTime::ZERO };
        bench.scheduler.server_notify(SERVER, ServerCounts { expected: replicas, min: 0, max });
        for replica in 0..replicas {
            bench.connect(replica);
        }
        bench
    }

    pub(super) fn connect(&mut self, replica: u32) -> Vec<ModelId> {
        let subscriber = ServerReplica::new(BYTES, &[]);
        self.scheduler.replica_connect(self.now, (SERVER, replica), subscriber, &[], &mut self.effects)
    }

    pub(super) fn apply(&mut self, artifact: &str, memory_bytes: u64, counts: ReplicaCounts) -> Result<(), NotApplied> {
        let definition = ModelDefinition { artifact: artifact.to_owned(), memory_bytes, ..ModelDefinition::default() };
        self.scheduler.model_apply(self.now, MODEL, ModelRequest { definition, counts }, &mut self.effects)
    }

    /// Agents are told what to do.
    pub(super) fn tell(&mut self) {
        self.scheduler.sync_agents(self.now, &mut self.effects);
    }

    /// Agents have loaded this replica of the latest version.
    pub(super) fn loaded(&mut self, replica: u32) -> bool {
        let version = self.latest();
        let of = ModelReplica { model: MODEL, version, server: SERVER, replica };
        self.scheduler.loaded(self.now, of, 0, 1, &mut self.effects)
    }

    pub(super) fn route(&mut self) {
        self.scheduler.sync_routes(self.now, &mut self.effects);
    }

    /// Everything that is asked for succeeds, until nothing is asked for any more.
    pub(super) fn settle(&mut self) {
        loop {
            let before = self.scheduler.revision();
            self.tell();
            let mut busy = Vec::new();
            for (model, record) in self.scheduler.models() {
                for version in record.versions() {
                    let Some(server) = version.server() else { continue };
                    let version = (version.number(), version.replicas());
                    let of = |replica| ModelReplica { model, version: version.0, server, replica };
                    busy.extend(version.1.iter().map(|(&replica, status)| (of(replica), status.state)));
                }
            }
            for (of, state) in busy {
                match state {
                    ReplicaState::Loading => self.scheduler.loaded(self.now, of, 0, 1, &mut self.effects),
                    ReplicaState::Unloading => self.scheduler.unloaded(self.now, of, BYTES, false, &mut self.effects),
                    _ => true,
                };
            }
            self.route();
            if self.scheduler.revision() == before {
                return;
            }
        }
    }

    pub(super) fn latest(&self) -> u32 {
        self.scheduler.model(MODEL).expect("the model is known").latest().number()
    }

    /// Number, weight and endpoints of each route.
    pub(super) fn routes(&self) -> Vec<(u32, u32, Vec<u32>)> {
        let routes = self.scheduler.routes(MODEL).iter();
        routes.map(|route| (route.version, route.weight_percent, route.replicas.clone())).collect()
    }
}

pub(super) fn counts(wanted: u32, min: u32) -> ReplicaCounts {
    ReplicaCounts { wanted, min, max: 0 }
}
