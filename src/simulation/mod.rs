//! The rooms put together: their effects become events, events call rooms, and the recorder watches.
//!
//! Only this room holds the event queue. One file each for the order of events, the run itself, requests, pods, what
//! scalers perceive, the door through which they see and act, and what people and faults do.

mod api;
mod control;
mod event;
mod perception;
mod pods;
mod pool;
mod requests;
mod run;
mod scraping;
mod seldon;
mod signals;

pub use run::{RunError, RunStats, Traces, run};

use crate::cluster::PodLife;
use crate::kernel::EventQueue;
use crate::random::{Law, Streams};
use crate::record::{ModelSnapshot, PoolSnapshot, Recorder, ServerSnapshot};
use crate::scalers::HpaControllerSpec;
use crate::scenario::LoadTarget;
use crate::scenario::Scenario;
use crate::serving::{Connections, InClass, Requests, Station, TimeoutClass};
use crate::units::{LoadId, PoolId, ReplicaId, ScalerId, SimTime, Span, Table};
use crate::workload::{ArrivalsSpec, Load, Protocol, TraceError};
use control::ScalerState;
use event::Event;
use perception::{ContainerWatch, Perception};
use pool::Pool;
use seldon::{Agent, Seldon};
use signals::Counts;
use std::rc::Rc;

/// A wall clock's reading at time 0 of a run: whole and even, so that pods may have started before the run did and whole
/// seconds of both clocks agree.
const WALL_AT_ZERO: Span = Span::from_secs(2_000_000_000);

/// How long pods of time 0 have been running.
const ESTABLISHED: Span = Span::from_secs(3_600);

/// A run: all rooms side by side.
struct Sim<'a, R> {
    scenario: &'a Scenario,
    streams: Streams,
    now: SimTime,
    end: SimTime,
    queue: EventQueue<Event>,
    recorder: &'a mut R,
    events: u64,
    /// Requests born.
    born: u64,
    requests: Requests,
    loads: Table<LoadId, LoadState>,
    pools: Table<PoolId, Pool>,
    replicas: Table<ReplicaId, Replica>,
    /// Unfinished requests of each replica, for the balancers.
    active: Vec<u32>,
    perception: Perception,
    scalers: Table<ScalerId, ScalerState>,
    controller: HpaControllerSpec,
    snapshots: Vec<PoolSnapshot>,
    model_snapshots: Vec<ModelSnapshot>,
    server_snapshots: Vec<ServerSnapshot>,
    flow_snapshots: Vec<u64>,
    /// Seldon Core 2, where there is a server.
    seldon: Option<Box<Seldon>>,
}

/// A load and what its requests go through.
struct LoadState {
    arrivals: Load,
    target: LoadTarget,
    /// Work of a request.
    law: Law,
    client: Option<TimeoutClass<InClass>>,
    /// Does the server drop the work when its client gives up?
    cancels: bool,
    /// Its requests are gRPC.
    grpc: bool,
    /// Those that its clients keep, if they keep any.
    connections: Option<Box<Connections>>,
    /// An arrival event is pending for this time.
    armed: SimTime,
}

/// One replica: a pod and the station in it.
struct Replica {
    pool: PoolId,
    /// Which of its pool's replicas, counted from the first ever.
    ordinal: u64,
    /// Number in its name.
    number: u64,
    name: Rc<str>,
    station: Station,
    life: PodLife,
    /// Of its milestones' events.
    epoch: u32,
    /// In the routes, perhaps already out of service.
    routed: bool,
    /// Takes connections.
    accepts: bool,
    /// Told to stop: leaves when idle.
    stopping: bool,
    gone: bool,
    /// Containers in order, the main one first: what the kubelet knows of them.
    watches: Vec<ContainerWatch>,
    /// Its signals, where an autoscaler reads them.
    tap: Option<Box<Counts>>,
    booked: Booked,
    /// The agent, where its pool is a server.
    agent: Option<Box<Agent>>,
}

impl Replica {
    /// Has it an agent that is subscribed?
    fn agent_connected(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| agent.connected)
    }
}

/// Up to where a replica has been booked.
#[derive(Clone, Copy, Debug, Default)]
struct Booked {
    at: SimTime,
    cpu_core_s: f64,
    busy_s: f64,
}

impl<'a, R: Recorder> Sim<'a, R> {
    fn new(scenario: &'a Scenario, seed: u64, traces: Traces<'_>, recorder: &'a mut R) -> Result<Self, TraceError> {
        let streams = Streams::new(seed);
        let end = SimTime::ZERO + scenario.duration;
        let mut loads = Table::new();
        for (number, spec) in scenario.loads.iter().enumerate() {
            let rows = match &spec.arrivals {
                ArrivalsSpec::Trace(_) => Some(traces(number)?),
                _ => None,
            };
            loads.push(LoadState {
                arrivals: Load::new(spec, end, &streams, rows)?,
                target: scenario.load_targets[number],
                law: work_of(spec.demand.as_ref(), scenario.service_of(scenario.load_targets[number])),
                client: spec.timeout.map(TimeoutClass::new),
                cancels: spec.cancel_on_timeout,
                grpc: spec.protocol == Protocol::Grpc,
                connections: spec.kept.map(|kept| Box::new(Connections::new(kept.count, kept.age))),
                armed: SimTime::NEVER,
            });
        }
        let pools = scenario
            .pools
            .iter()
            .map(|spec| Pool::new(spec.clone(), streams.named(&format!("pool/{}/routing", spec.name))))
            .collect();
        Ok(Self {
            scenario,
            now: SimTime::ZERO,
            end,
            queue: EventQueue::default(),
            recorder,
            events: 0,
            born: 0,
            requests: Requests::default(),
            loads,
            pools,
            replicas: Table::new(),
            active: Vec::new(),
            perception: Perception::new(scenario, &streams),
            scalers: Table::new(),
            controller: scenario.hpa_controller.clone(),
            snapshots: Vec::new(),
            model_snapshots: Vec::new(),
            server_snapshots: Vec::new(),
            flow_snapshots: Vec::new(),
            seldon: scenario.seldon.as_ref().map(|spec| Box::new(Seldon::new(spec, &streams))),
            streams,
        })
    }

    /// Everything that is due at time 0 and whatever ticks from then on.
    fn begin(&mut self) {
        self.tap_pools();
        for pool in self.pools.ids() {
            self.establish(pool);
            self.stand_in_queue(pool);
        }
        self.begin_seldon();
        self.begin_perception();
        self.begin_scalers();
        for load in self.loads.ids() {
            self.arm_load(load);
        }
        for (number, event) in self.scenario.events.iter().enumerate() {
            let number = u32::try_from(number).expect("fewer than 2^26 events in a scenario");
            self.queue.push(SimTime::ZERO + event.at, Event::Intervention { number });
        }
        self.queue.push((SimTime::ZERO + self.scenario.tick).min(self.end), Event::RecorderTicks);
    }

    /// The clock on the wall.
    fn wall(&self) -> SimTime {
        self.now + WALL_AT_ZERO
    }
}

/// Work of a request: the load's own law, or the target's. A load whose requests all bring their work needs neither.
fn work_of(demand: Option<&Law>, service: Option<&Law>) -> Law {
    demand.or(service).cloned().unwrap_or(Law::constant(0.0))
}
