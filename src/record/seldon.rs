//! What a tally keeps of a Seldon run beside its pools: models that live in servers, and the servers that hold them.
//!
//! A model has no pods, so nothing integrates it for us: it is read at the end of every tick, and a tick counts as what it
//! showed then. The three troubles that operators ask about are kept with their times: a model at zero that somebody calls
//! (nothing measures lag there, so nothing brings it back), a wish beyond what its server may ever have, and a placement
//! that failed.

use super::counts::{ByTick, RequestTally, ScalerTally, Streak, Tick};
use super::recorder::{ModelSnapshot, ServerSnapshot};
use super::totals::{ModelTotals, ServerTotals, StateTotals};
use crate::units::{Id, PoolId, Span};

/// Upstream's word for a model whose placement failed.
const SCHEDULE_FAILED: &str = "ScheduleFailed";

/// What witnesses must know of the models, servers and pipelines of a scenario; nothing in a run without Seldon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeldonNames {
    /// Models in file order.
    pub models: Vec<ModelName>,
    /// Servers in file order.
    pub servers: Vec<ServerName>,
    /// Names of the pipelines in file order.
    pub flows: Vec<String>,
    /// Where what is simulated is what no release does, in words.
    pub departures: Vec<String>,
}

impl SeldonNames {
    /// Is there nothing of Seldon?
    pub fn is_empty(&self) -> bool {
        self.models.is_empty() && self.servers.is_empty() && self.flows.is_empty()
    }
}

/// What witnesses must know of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelName {
    /// Its name.
    pub name: String,
    /// The server that it asks for, if it asks for one.
    pub server: Option<String>,
    /// Kind of its scaler.
    pub scaler: String,
}

/// What witnesses must know of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerName {
    /// The pool of its pods, which has its name.
    pub pool: PoolId,
    /// Most replicas that it may have; `None`: any number.
    pub max_replicas: Option<u32>,
    /// Did nobody choose that maximum?
    pub max_is_default: bool,
}

/// What happened to one model.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelTally {
    pub requests: RequestTally,
    pub scaler: ScalerTally,
    /// Calls since the last tick.
    pub calls: u64,
    pub available: ByTick,
    wanted: ByTick,
    queue_max: u64,
    states: Vec<(&'static str, Span)>,
    reloads_at_start: u64,
    now: ModelSnapshot,
    at_zero_with_demand: Streak,
    beyond_server: Streak,
    schedule_failed: Streak,
}

impl ModelTally {
    /// A tick before the measured time.
    pub fn skip(&mut self, state: &ModelSnapshot) {
        self.now = *state;
        self.reloads_at_start = state.reloads;
        self.calls = 0;
    }

    /// A tick; `server_max` is what its server may have at most.
    pub fn tick(&mut self, tick: Tick, state: &ModelSnapshot, server_max: Option<u32>) {
        self.wanted.see(tick, u64::from(state.wanted));
        self.available.see(tick, u64::from(state.available));
        self.queue_max = self.queue_max.max(state.queue);
        match self.states.iter_mut().find(|(known, _)| *known == state.state) {
            Some((_, time)) => *time += tick.length(),
            None => self.states.push((state.state, tick.length())),
        }
        let demanded = self.calls > 0 || state.in_flight > 0;
        let at_zero = state.wanted == 0 && state.available == 0 && demanded;
        let beyond = server_max.is_some_and(|most| state.wanted > most);
        self.at_zero_with_demand.see(at_zero, tick.from, tick.to);
        self.beyond_server.see(beyond, tick.from, tick.to);
        self.schedule_failed.see(state.state == SCHEDULE_FAILED, tick.from, tick.to);
        self.now = *state;
        self.calls = 0;
    }

    /// The totals under a name; the server's name by its pool comes from `server_of`.
    pub fn totals(&self, name: &ModelName, server_of: impl Fn(PoolId) -> Option<String>) -> ModelTotals {
        let measured: Span = self.states.iter().fold(Span::ZERO, |sum, (_, time)| sum + *time);
        let share = |time: Span| {
            if measured.is_zero() { 0.0 } else { time.as_nanos() as f64 / measured.as_nanos() as f64 }
        };
        ModelTotals {
            model: name.name.clone(),
            server: self.now.server.and_then(server_of).or_else(|| name.server.clone()),
            scaler: name.scaler.clone(),
            requests: self.requests.totals(),
            wanted: self.wanted.totals(),
            available: self.available.totals(),
            model_replica_hours: self.available.hours(),
            queue_max: self.queue_max,
            state: self.now.state.to_owned(),
            states: self
                .states
                .iter()
                .map(|(state, time)| StateTotals { state: (*state).to_owned(), ratio: share(*time) })
                .collect(),
            reloads: self.now.reloads - self.reloads_at_start,
            decisions: self.scaler.decisions,
            scale_actions: self.scaler.scale_actions,
            conditions: self.scaler.conditions.clone(),
            at_zero_with_demand: self.at_zero_with_demand.totals(),
            beyond_server: self.beyond_server.totals(),
            schedule_failed: self.schedule_failed.totals(),
        }
    }
}

/// What happened to one server, beside what happened to its pool.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerTally {
    expected: ByTick,
    connected: ByTick,
    models_loaded: ByTick,
    models_registered_max: u64,
    memory: ByTick,
    memory_used: ByTick,
    at_start: ServerSnapshot,
    now: ServerSnapshot,
}

impl ServerTally {
    /// A tick before the measured time.
    pub fn skip(&mut self, state: &ServerSnapshot) {
        self.now = *state;
        self.at_start = *state;
    }

    /// A tick.
    pub fn tick(&mut self, tick: Tick, state: &ServerSnapshot) {
        self.expected.see(tick, u64::from(state.expected));
        self.connected.see(tick, u64::from(state.connected));
        self.models_loaded.see(tick, u64::from(state.models_loaded));
        self.models_registered_max = self.models_registered_max.max(u64::from(state.models_registered));
        self.memory.see(tick, state.memory_bytes);
        self.memory_used.see(tick, state.memory_used_bytes);
        self.now = *state;
    }

    pub fn totals(&self, name: &ServerName, server: String) -> ServerTotals {
        ServerTotals {
            server,
            max_replicas: name.max_replicas,
            max_is_default: name.max_is_default,
            expected: self.expected.totals(),
            connected: self.connected.totals(),
            models_loaded: self.models_loaded.totals(),
            models_registered_max: self.models_registered_max,
            memory_bytes: self.memory.totals(),
            memory_used_bytes: self.memory_used.totals(),
            evictions: self.now.evictions - self.at_start.evictions,
            reloads: self.now.reloads - self.at_start.reloads,
        }
    }
}

/// For each pool what it may have at most if it is a server, and for each model the server whose maximum counts while no
/// server has it: the one it asks for, or the only one there is.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerBounds {
    by_pool: Vec<Option<u32>>,
    home: Vec<Option<PoolId>>,
}

impl ServerBounds {
    pub fn new(names: &SeldonNames, pools: &[String]) -> Self {
        let mut by_pool = vec![None; pools.len()];
        for server in &names.servers {
            if let Some(most) = by_pool.get_mut(server.pool.index()) {
                *most = server.max_replicas;
            }
        }
        let only = match names.servers[..] {
            [only] => Some(only.pool),
            _ => None,
        };
        let home = |model: &ModelName| match &model.server {
            Some(name) => pools.iter().position(|pool| pool == name).map(PoolId::from_index),
            None => only,
        };
        Self { by_pool, home: names.models.iter().map(home).collect() }
    }

    /// What the server of a model may have at most.
    pub fn of(&self, model: usize, server: Option<PoolId>) -> Option<u32> {
        let server = server.or_else(|| self.home.get(model).copied().flatten())?;
        self.by_pool.get(server.index()).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimTime;

    fn names(servers: &[(u32, Option<u32>)], asked: &[Option<&str>]) -> SeldonNames {
        let server = |&(pool, max_replicas): &(u32, Option<u32>)| ServerName {
            pool: PoolId::new(pool),
            max_replicas,
            max_is_default: false,
        };
        let model = |server: &Option<&str>| ModelName { server: server.map(str::to_owned), ..ModelName::default() };
        SeldonNames {
            models: asked.iter().map(model).collect(),
            servers: servers.iter().map(server).collect(),
            departures: Vec::new(),
            flows: Vec::new(),
        }
    }

    #[test]
    fn a_model_without_a_server_is_bounded_by_the_one_it_would_get() {
        let pools = ["chat", "big", "small"].map(str::to_owned);
        let two = ServerBounds::new(&names(&[(1, Some(4)), (2, Some(1))], &[Some("small"), None]), &pools);
        let (big, small) = (Some(PoolId::new(1)), Some(PoolId::new(2)));
        assert_eq!((two.of(0, None), two.of(0, big)), (Some(1), Some(4)));
        assert_eq!((two.of(1, None), two.of(1, small)), (None, Some(1)), "nobody knows which it would get");
        let one = ServerBounds::new(&names(&[(1, Some(4))], &[None, Some("none")]), &pools);
        assert_eq!((one.of(0, None), one.of(1, None), one.of(7, None)), (Some(4), None, None));
        let endless = ServerBounds::new(&names(&[(1, None)], &[None]), &pools);
        assert_eq!(endless.of(0, big), None);
    }

    #[test]
    fn a_tick_counts_as_what_it_showed_at_its_end() {
        let mut model = ModelTally::default();
        let shown = |state, wanted, available| ModelSnapshot { state, wanted, available, ..ModelSnapshot::default() };
        let mut at = SimTime::ZERO;
        for (length_s, snapshot) in [
            (10, shown("ModelProgressing", 2, 0)),
            (20, shown("ModelAvailable", 2, 2)),
            (30, shown("ScheduleFailed", 4, 2)),
            (40, shown("ModelAvailable", 2, 2)),
        ] {
            let to = at + Span::from_secs(length_s);
            model.tick(Tick { from: at, to }, &snapshot, Some(3));
            at = to;
        }
        let totals = model.totals(&ModelName::default(), |_| None);
        // Available: 2 for 90 of 100 s, which are 180 replica-seconds.
        assert_eq!((totals.available.min, totals.available.mean, totals.available.max), (0, 1.8, 2));
        assert_eq!(totals.model_replica_hours, 180.0 / 3600.0);
        let shares: Vec<(&str, f64)> = totals.states.iter().map(|share| (&*share.state, share.ratio)).collect();
        assert_eq!(shares, [("ModelProgressing", 0.1), ("ModelAvailable", 0.6), ("ScheduleFailed", 0.3)]);
        assert_eq!(totals.state, "ModelAvailable");
        let spell =
            |told: Option<crate::record::SpellTotals>| told.map(|told| (told.since_s, told.until_s, told.total_s));
        assert_eq!(spell(totals.schedule_failed), Some((30.0, 60.0, 30.0)));
        assert_eq!(spell(totals.beyond_server), Some((30.0, 60.0, 30.0)), "4 wanted, 3 possible");
        assert_eq!(totals.at_zero_with_demand, None);
    }

    #[test]
    fn only_a_model_that_nobody_wants_and_somebody_calls_is_at_zero_with_demand() {
        let zero = ModelSnapshot { state: "ModelScaledDown", ..ModelSnapshot::default() };
        let loading = ModelSnapshot { wanted: 1, ..zero };
        let mut model = ModelTally::default();
        for (second, (calls, state)) in
            [(0, zero), (3, zero), (1, zero), (5, loading), (0, zero)].into_iter().enumerate()
        {
            let from = SimTime::from_secs(second as u64);
            model.calls = calls;
            model.tick(Tick { from, to: from + Span::from_secs(1) }, &state, None);
        }
        let told = model.totals(&ModelName::default(), |_| None).at_zero_with_demand.expect("two ticks");
        assert_eq!((told.since_s, told.until_s, told.total_s, told.longest_s), (1.0, 3.0, 2.0, 2.0));
    }

    #[test]
    fn a_server_counts_from_the_measured_time_on() {
        let state = |connected, used, evictions| ServerSnapshot {
            connected,
            models_loaded: 2 * connected,
            models_registered: 3 * connected,
            memory_bytes: u64::from(connected) * 100,
            memory_used_bytes: used,
            evictions,
            reloads: 2 * evictions,
            ..ServerSnapshot::default()
        };
        let mut server = ServerTally::default();
        server.skip(&state(9, 900, 5));
        let tick = |from, to| Tick { from: SimTime::from_secs(from), to: SimTime::from_secs(to) };
        server.tick(tick(0, 10), &state(1, 80, 6));
        server.tick(tick(10, 20), &state(3, 120, 9));
        let name = ServerName { pool: PoolId::new(0), max_replicas: Some(3), max_is_default: true };
        let totals = server.totals(&name, "mlserver".to_owned());
        assert_eq!((totals.connected.min, totals.connected.mean, totals.connected.max), (1, 2.0, 3));
        assert_eq!((totals.models_loaded.mean, totals.models_registered_max), (4.0, 9));
        assert_eq!((totals.memory_bytes.mean, totals.memory_used_bytes.mean), (200.0, 100.0));
        assert_eq!((totals.evictions, totals.reloads), (4, 8));
    }
}
