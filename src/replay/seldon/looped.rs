//! The whole chain in one closed loop.
//!
//! The scheduler and the agents' statistics are those of the simulation. What lies between them in a cluster is a script with
//! fixed delays: operator, StatefulSet, loads, routes, and requests that take as long as the record says.

use crate::kernel::{EventQueue, Packed};
use crate::manifest::json::{self, JsonError, Object, Read, boolean, column, each, entries, required, seconds};
use crate::replay::case::{CaseError, CaseResult};
use crate::replay::seldon::check::{all_fields, count, record, span, time, whole};
use crate::seldon::lag::{LagEvent, LagSettings, LagStats, Wire};
use crate::seldon::model::ModelRequest;
use crate::seldon::scheduler::{Effect, ModelReplica, Scheduler, SchedulerSettings};
use crate::seldon::server::{ServerCounts, ServerReplica};
use crate::seldon::state::ReplicaCounts;
use crate::seldon::trigger::Direction;
use crate::units::{Id, ModelId, ServerId, SimTime, Span};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The only server.
const SERVER: ServerId = ServerId::new(0);
/// Between the beginning of a drain and the placement of the models elsewhere.
const SETTLE: Span = Span::from_millis(500);
/// The recorded traffic is REST.
const WIRE: Wire = Wire::Rest;

/// Replays a case that is about this part; `None` when it is about another.
pub(super) fn replay(name: &str, case: &Map<String, Value>) -> Result<Option<CaseResult>, CaseError> {
    if !case.get("spec").and_then(Value::as_object).is_some_and(|spec| spec.contains_key("arrivals")) {
        return Ok(None);
    }
    let steps = Chain::new(&Setup::read(case)?).run();
    let mut result = CaseResult::new(name);
    let mut steps = steps.into_iter();
    required(case, "steps", |recorded| {
        each(recorded, |recorded| {
            let recorded = json::object(recorded)?;
            let at = required(recorded, "at", time)?;
            let expect = required(recorded, "expect", json::object)?;
            let (seen_at, mut decision) = steps.next().unwrap_or_default();
            let mut expect = expect.clone();
            expect.insert("at".to_owned(), at.as_secs_f64().into());
            decision.insert("at".to_owned(), seen_at.as_secs_f64().into());
            record(&mut result, at, decision, Some(&expect), all_fields);
            Ok(())
        })
    })?;
    for (at, decision) in steps {
        record(&mut result, at, decision, Some(&Map::new()), all_fields);
    }
    Ok(Some(result))
}

/// A case as it is written.
struct Setup {
    lag: LagSettings,
    scheduler: SchedulerSettings,
    pack: bool,
    unload: Span,
    envoy: Span,
    operator: Span,
    pod_start: Span,
    drain: Span,
    counts: ServerCounts,
    memory_bytes: u64,
    models: Vec<(String, ModelSetup)>,
    end: SimTime,
}

/// A model of a case.
struct ModelSetup {
    apply_at: SimTime,
    request: ModelRequest,
    load: Span,
    arrivals: Vec<(SimTime, Span)>,
}

impl Setup {
    fn read(case: &Object) -> Read<Self> {
        let config = required(case, "config", json::object)?;
        let spec = required(case, "spec", json::object)?;
        let server = required(spec, "server", json::object)?;
        let memory_bytes = required(server, "memory", whole)?;
        let overcommit_percent = required(server, "overcommit", whole)?;
        let mut models = required(spec, "models", |models| entries(models, ModelSetup::read))?;
        models.sort_by(|a, b| a.0.cmp(&b.0));
        let arrival = |row: &Value| {
            let row = json::list(row)?;
            Ok((column(row, 0, time)?, column(row, 1, seconds)?))
        };
        let arrivals = required(spec, "arrivals", |models| entries(models, |rows| each(rows, arrival)))?;
        for (name, arrivals) in arrivals {
            let Ok(place) = models.binary_search_by(|model| model.0.cmp(&name)) else {
                return Err(JsonError::new("no such model").under(&name).under("arrivals").under("spec"));
            };
            models[place].1.arrivals = arrivals;
        }
        Ok(Self {
            lag: LagSettings {
                period: required(config, "scaling_stats_period_seconds", period)?,
                inference_lag_threshold: required(config, "model_inference_lag_threshold", count)?,
                inactive_threshold_s: required(config, "model_inactive_seconds_threshold", whole)?,
                grpc_counted: false,
            },
            scheduler: SchedulerSettings {
                cooldown: span(config, "cooldown_seconds")?,
                ..SchedulerSettings::default()
            },
            pack: required(config, "pack_draw", boolean)?,
            unload: span(config, "unload_seconds")?,
            envoy: span(config, "envoy_seconds")?,
            operator: span(config, "operator_seconds")?,
            pod_start: span(config, "pod_start_seconds")?,
            drain: span(config, "drain_seconds")?,
            counts: ServerCounts {
                expected: required(server, "replicas", count)?,
                min: required(server, "min", count)?,
                max: required(server, "max", count)?,
            },
            memory_bytes: memory_bytes.saturating_add(memory_bytes.saturating_mul(overcommit_percent) / 100),
            models,
            end: required(spec, "end", time)?,
        })
    }
}

/// A period: a time that is not zero.
fn period(value: &Value) -> Read<Span> {
    let period = seconds(value)?;
    if period.is_zero() { Err(JsonError::new("a period is longer than zero")) } else { Ok(period) }
}

impl ModelSetup {
    fn read(value: &Value) -> Read<Self> {
        let model = json::object(value)?;
        let mut request = ModelRequest::default();
        request.definition.memory_bytes = required(model, "memory", whole)?;
        request.counts = ReplicaCounts {
            wanted: required(model, "replicas", count)?,
            min: required(model, "min", count)?,
            max: required(model, "max", count)?,
        };
        let apply_at = required(model, "apply_at", time)?;
        Ok(Self { apply_at, request, load: span(model, "load_seconds")?, arrivals: Vec::new() })
    }
}

/// Something that will happen. An agent is named by its incarnation, since an ordinal can come back.
#[derive(Clone, Copy)]
enum Event {
    Notify,
    Connect { ordinal: u32 },
    Apply { model: ModelId },
    Tick { agent: usize },
    Triggers { agent: usize, list: usize },
    Arrive { model: ModelId, duration: Span },
    Answered { model: ModelId, agent: usize },
    LoadEnds { replica: ModelReplica, agent: usize, autoscaled: bool },
    UnloadEnds { replica: ModelReplica, agent: usize },
    UpdateRoutes,
    Wish { replicas: u32 },
    Move { ordinal: u32 },
    Disconnect { ordinal: u32 },
}

/// Place of an event in the order within an instant: an agent's tick comes first, then who was scheduled first.
#[derive(Clone, Copy)]
struct Turn {
    tick: bool,
    number: u32,
}

impl Packed for Turn {
    fn pack(self) -> u64 {
        (u64::from(!self.tick) << 32) | u64::from(self.number)
    }
    fn unpack(low: u64) -> Self {
        Self { tick: low >> 32 == 0, number: low as u32 }
    }
}

/// One life of an agent.
struct Agent {
    ordinal: u32,
    alive: bool,
    stats: LagStats,
    registered: BTreeMap<ModelId, u64>,
}

/// The parties of a case and what is pending.
struct Chain<'a> {
    setup: &'a Setup,
    scheduler: Scheduler,
    effects: Vec<Effect>,
    queue: EventQueue<Turn>,
    /// Every event ever scheduled.
    events: Vec<Event>,
    agents: Vec<Agent>,
    /// Every list of triggers that an agent has sent.
    triggers: Vec<Vec<LagEvent>>,
    expected: u32,
    routes_pending: bool,
    routed: Vec<u64>,
    rejected: Vec<u64>,
    told: Vec<Value>,
    asks: Vec<Value>,
    shown: Object,
}

impl<'a> Chain<'a> {
    fn new(setup: &'a Setup) -> Self {
        let mut chain = Self {
            setup,
            scheduler: Scheduler::new(setup.scheduler),
            effects: Vec::new(),
            queue: EventQueue::default(),
            events: Vec::new(),
            agents: Vec::new(),
            triggers: Vec::new(),
            expected: setup.counts.expected,
            routes_pending: false,
            routed: vec![0; setup.models.len()],
            rejected: vec![0; setup.models.len()],
            told: Vec::new(),
            asks: Vec::new(),
            shown: Object::new(),
        };
        chain.schedule(SimTime::ZERO, Event::Notify);
        for ordinal in 0..setup.counts.expected {
            chain.schedule(SimTime::from_secs(1 + u64::from(ordinal)), Event::Connect { ordinal });
        }
        for (place, (_, model)) in setup.models.iter().enumerate() {
            chain.schedule(model.apply_at, Event::Apply { model: ModelId::from_index(place) });
        }
        for (place, (_, model)) in setup.models.iter().enumerate() {
            for &(at, duration) in &model.arrivals {
                chain.schedule(at, Event::Arrive { model: ModelId::from_index(place), duration });
            }
        }
        chain
    }

    fn schedule(&mut self, at: SimTime, event: Event) {
        let number = u32::try_from(self.events.len()).expect("fewer than 2^32 events");
        self.events.push(event);
        self.queue.push(at, Turn { tick: matches!(event, Event::Tick { .. }), number });
    }

    /// Everything that can be seen, whenever it changes.
    fn run(mut self) -> Vec<(SimTime, Object)> {
        let mut steps = Vec::new();
        while let Some((now, turn)) = self.queue.pop() {
            if now > self.setup.end {
                break;
            }
            self.happen(now, self.events[turn.number as usize]);
            self.follow(now);
            if let Some(step) = self.visible() {
                steps.push((now, step));
            }
        }
        let rejected = self.setup.models.iter().zip(&self.rejected);
        let rejected: Map<String, Value> = rejected.map(|((name, _), &number)| (name.clone(), number.into())).collect();
        steps.push((self.setup.end, Object::from_iter([("rejected".to_owned(), rejected.into())])));
        steps
    }

    fn happen(&mut self, now: SimTime, event: Event) {
        match event {
            Event::Notify => self.scheduler.server_notify(SERVER, self.setup.counts),
            Event::Connect { ordinal } => self.connect(now, ordinal),
            Event::Apply { model } => {
                let request = self.setup.models[model.index()].1.request.clone();
                // A failure shows in the model's state.
                let _ = self.scheduler.model_apply(now, model, request, &mut self.effects);
            }
            Event::Tick { agent } => self.tick(now, agent),
            Event::Triggers { agent, list } => self.trigger(now, agent, list),
            Event::Arrive { model, duration } => self.arrive(now, model, duration),
            Event::Answered { model, agent } => {
                if self.agents[agent].alive {
                    self.agents[agent].stats.end(model, WIRE);
                }
            }
            Event::LoadEnds { replica, agent, autoscaled } => self.load_ends(now, replica, agent, autoscaled),
            Event::UnloadEnds { replica, agent } => self.unload_ends(now, replica, agent),
            Event::UpdateRoutes => {
                self.routes_pending = false;
                self.scheduler.sync_routes(now, &mut self.effects);
            }
            Event::Wish { replicas } => self.obey(now, replicas),
            Event::Move { ordinal } => {
                self.scheduler.move_drained(now, (SERVER, ordinal), &mut self.effects);
            }
            Event::Disconnect { ordinal } => self.disconnect(now, ordinal),
        }
    }

    /// What the scheduler wants done is set going, at once or with its delay.
    fn follow(&mut self, now: SimTime) {
        self.scheduler.sync_agents(now, &mut self.effects);
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Load { replica, autoscaled } => {
                    let agent = self.agent(replica.replica).expect("only connected agents are told");
                    let load = self.setup.models[replica.model.index()].1.load;
                    self.schedule(now + load, Event::LoadEnds { replica, agent, autoscaled });
                }
                Effect::Unload { replica } => {
                    let agent = self.agent(replica.replica).expect("only connected agents are told");
                    self.schedule(now + self.setup.unload, Event::UnloadEnds { replica, agent });
                }
                Effect::AskServer { replicas: Some(replicas), .. } => {
                    self.asks.push(replicas.into());
                    self.schedule(now + self.setup.operator, Event::Wish { replicas });
                }
                _ => {}
            }
        }
        if self.scheduler.routes_stale() && !self.routes_pending {
            self.routes_pending = true;
            self.schedule(now + self.setup.envoy, Event::UpdateRoutes);
        }
    }

    fn agent(&self, ordinal: u32) -> Option<usize> {
        self.agents.iter().position(|agent| agent.alive && agent.ordinal == ordinal)
    }

    fn connect(&mut self, now: SimTime, ordinal: u32) {
        if ordinal >= self.expected || self.agent(ordinal).is_some() {
            return;
        }
        let agent = self.agents.len();
        let stats = LagStats::new(self.setup.lag);
        self.agents.push(Agent { ordinal, alive: true, stats, registered: BTreeMap::new() });
        let subscriber = ServerReplica::new(self.setup.memory_bytes, &[]);
        self.scheduler.replica_connect(now, (SERVER, ordinal), subscriber, &[], &mut self.effects);
        self.schedule(now + self.setup.lag.period, Event::Tick { agent });
    }

    fn tick(&mut self, now: SimTime, agent: usize) {
        let speaker = &mut self.agents[agent];
        if !speaker.alive {
            return;
        }
        let mut events = Vec::new();
        speaker.stats.tick(now, &mut events);
        let delay = Span::from_millis(1 + u64::from(speaker.ordinal));
        if !events.is_empty() {
            events.sort_by_key(|event| (matches!(event, LagEvent::Down { .. }), event.model()));
            self.triggers.push(events);
            self.schedule(now + delay, Event::Triggers { agent, list: self.triggers.len() - 1 });
        }
        self.schedule(now + self.setup.lag.period, Event::Tick { agent });
    }

    fn trigger(&mut self, now: SimTime, agent: usize, list: usize) {
        for event in std::mem::take(&mut self.triggers[list]) {
            let (direction, kind) = match event {
                LagEvent::Up { .. } => (Direction::Up, "up"),
                LagEvent::Down { .. } => (Direction::Down, "down"),
            };
            let model = event.model();
            let version = self.scheduler.model(model).map_or(0, |model| model.latest().number());
            let answer = self.scheduler.scaling_trigger(now, model, version, direction, &mut self.effects);
            let mut told = json!({
                "model": self.setup.models[model.index()].0,
                "type": kind,
                "replica": self.agents[agent].ordinal,
                "accepted": answer.is_ok(),
            });
            match answer {
                Ok(scaled) => told["replicas"] = scaled.wanted.into(),
                Err(refusal) => told["reason"] = refusal.name().into(),
            }
            self.told.push(told);
        }
    }

    fn arrive(&mut self, now: SimTime, model: ModelId, duration: Span) {
        let turn = self.routed[model.index()];
        let replicas = self.scheduler.routes(model).first().map_or(&[][..], |route| &route.replicas);
        if replicas.is_empty() {
            self.rejected[model.index()] += 1;
            return;
        }
        let ordinal = replicas[(turn % replicas.len() as u64) as usize];
        self.routed[model.index()] += 1;
        let agent = self.agent(ordinal).expect("routes lead to connected agents");
        self.agents[agent].stats.start(model, now, WIRE);
        self.schedule(now + duration, Event::Answered { model, agent });
    }

    fn load_ends(&mut self, now: SimTime, replica: ModelReplica, agent: usize, autoscaled: bool) {
        if !self.agents[agent].alive {
            return;
        }
        let bytes = self.setup.models[replica.model.index()].1.request.definition.memory_bytes;
        self.agents[agent].registered.insert(replica.model, bytes);
        self.agents[agent].stats.loaded(replica.model, now, autoscaled);
        let available = self.available(agent);
        self.scheduler.loaded(now, replica, available, 1, &mut self.effects);
    }

    fn unload_ends(&mut self, now: SimTime, replica: ModelReplica, agent: usize) {
        if !self.agents[agent].alive {
            return;
        }
        self.agents[agent].registered.remove(&replica.model);
        self.agents[agent].stats.unloaded(replica.model);
        let available = self.available(agent);
        self.scheduler.unloaded(now, replica, available, self.setup.pack, &mut self.effects);
    }

    fn available(&self, agent: usize) -> u64 {
        let registered = self.agents[agent].registered.values();
        registered.fold(self.setup.memory_bytes, |left, &used| left.saturating_sub(used))
    }

    /// The operator, and the StatefulSet behind it.
    fn obey(&mut self, now: SimTime, replicas: u32) {
        let bounds = self.setup.counts;
        if replicas < bounds.min || replicas > bounds.max || replicas == self.expected {
            return;
        }
        let before = std::mem::replace(&mut self.expected, replicas);
        self.scheduler.server_notify(SERVER, ServerCounts { expected: replicas, ..bounds });
        for ordinal in before..replicas {
            self.schedule(now + self.setup.pod_start, Event::Connect { ordinal });
        }
        for ordinal in (replicas..before).rev().filter(|&ordinal| self.agent(ordinal).is_some()).collect::<Vec<_>>() {
            self.scheduler.replica_drain(now, (SERVER, ordinal), &mut self.effects);
            self.schedule(now + SETTLE, Event::Move { ordinal });
            self.schedule(now + self.setup.drain, Event::Disconnect { ordinal });
        }
    }

    fn disconnect(&mut self, now: SimTime, ordinal: u32) {
        let Some(agent) = self.agent(ordinal) else { return };
        self.agents[agent].alive = false;
        self.scheduler.drop_endpoint(SERVER, ordinal);
        self.scheduler.replica_disconnect(now, (SERVER, ordinal), &mut self.effects);
    }

    /// A step, if there is something new to see.
    fn visible(&mut self) -> Option<Object> {
        let mut models = Map::new();
        for (id, model) in self.scheduler.models() {
            let latest = model.latest();
            let entry = json!({
                "replicas": latest.counts().wanted,
                "available": latest.available(),
                "state": latest.status().state.name(),
            });
            models.insert(self.setup.models[id.index()].0.clone(), entry);
        }
        let server = self.scheduler.server(SERVER);
        let expected = server.and_then(|server| server.counts()).map_or(-1, |counts| i64::from(counts.expected));
        let connected = server.map_or(0, |server| server.replicas().len());
        let mut step = Object::new();
        step.insert("models".to_owned(), models.into());
        step.insert("server".to_owned(), json!({"expected": expected, "connected": connected}));
        let unchanged = step == self.shown;
        if unchanged && self.told.is_empty() && self.asks.is_empty() {
            return None;
        }
        if !unchanged {
            self.shown.clone_from(&step);
        }
        for (key, list) in [("triggers", &mut self.told), ("server_asks", &mut self.asks)] {
            if !list.is_empty() {
                step.insert(key.to_owned(), std::mem::take(list).into());
            }
        }
        Some(step)
    }
}
