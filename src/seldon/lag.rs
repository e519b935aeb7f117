//! What one agent counts of each model's traffic, and the scaling events it sends of it.
//!
//! An agent speaks for its own server replica only. Lag is the number of requests in flight here, so a threshold is one per
//! replica, not per model. Law: nothing here allocates per request; a tick allocates only for models it has not met before.
//!
//! Kept as upstream does it, quirks included: registration adds one to the lag that no response takes away; a reset at the
//! threshold forgets requests that are still in flight, so their responses find a lag that is too small; gRPC counts nothing
//! from release 2.9 on. Left out: the wait of at most 1 s for room in the queue of 100 events, since the simulated scheduler
//! takes every event at once.
//!
//! Source of the rules: scheduler `pkg/agent/modelscaling` (`stats_analyser.go`, `model_stats_keeper.go`, `model_lag.go`,
//! `model_last_used.go`) and `pkg/agent/rproxy*.go`.

use crate::units::Id;
use crate::units::SimTime;
use crate::units::Span;
use crate::units::id::ModelId;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// How an agent counts and when it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagSettings {
    /// Time between two ticks; the first one comes a full period after the agent's start.
    pub period: Span,
    /// A lag of this many requests asks for one more replica, and is reset.
    pub inference_lag_threshold: u32,
    /// A model that has not been asked for this many whole seconds gives one replica up.
    pub inactive_threshold_s: u64,
    /// True: gRPC requests count while they are in flight, as REST does (release 2.8). False: they come and go in the same
    /// instant (from 2.9 on).
    pub grpc_counted: bool,
}

/// How a request reaches the agent's proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// HTTP with JSON.
    Rest,
    /// gRPC.
    Grpc,
}

/// What an agent tells the scheduler at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LagEvent {
    /// One more replica of this model, please.
    Up {
        /// The model.
        model: ModelId,
        /// Its lag before the reset.
        lag: u32,
    },
    /// One replica of this model can go.
    Down {
        /// The model.
        model: ModelId,
        /// The whole second in which it was last asked.
        last_used_s: u64,
    },
}

impl LagEvent {
    /// The model that it is about.
    pub const fn model(&self) -> ModelId {
        match *self {
            Self::Up { model, .. } | Self::Down { model, .. } => model,
        }
    }
}

/// The statistics of one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct LagStats {
    settings: LagSettings,
    rows: Vec<Row>,
}

/// The statistics of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Row {
    /// `None` until the agent hears of the model.
    lag: Option<u32>,
    /// `None` until the first request or the registration.
    last_used_s: Option<u64>,
    /// True if events may be sent for it.
    registered: bool,
}

impl Row {
    fn enter(&mut self) {
        self.lag = Some(self.lag.unwrap_or_default().saturating_add(1));
    }

    fn leave(&mut self) {
        self.lag = Some(self.lag.unwrap_or_default().saturating_sub(1));
    }
}

impl LagStats {
    /// An agent that has just started.
    pub const fn new(settings: LagSettings) -> Self {
        Self { settings, rows: Vec::new() }
    }

    /// How it counts.
    pub const fn settings(&self) -> &LagSettings {
        &self.settings
    }

    /// A load has finished. `enabled` is what the load message said of autoscaling; without it nothing happens here.
    pub fn loaded(&mut self, model: ModelId, now: SimTime, enabled: bool) {
        if !enabled {
            return;
        }
        let row = self.row(model);
        row.registered = true;
        row.enter();
        row.last_used_s = Some(whole_second(now));
    }

    /// The model has left this replica, and its statistics with it.
    pub fn unloaded(&mut self, model: ModelId) {
        if let Some(row) = self.rows.get_mut(model.index()) {
            *row = Row::default();
        }
    }

    /// A request reaches the proxy.
    pub fn start(&mut self, model: ModelId, now: SimTime, wire: Wire) {
        let counts = self.counts(wire);
        let row = self.row(model);
        row.enter();
        if !counts {
            row.leave();
        }
        row.last_used_s = Some(whole_second(now));
    }

    /// Its response leaves, whatever it says. Call it with the same `wire` as [`LagStats::start`].
    pub fn end(&mut self, model: ModelId, wire: Wire) {
        if self.counts(wire) {
            self.row(model).leave();
        }
    }

    /// Looks at all models and appends the events: ups by model, then downs, the longest unused first and by model among
    /// equals. Ups reset the lag, downs change nothing and so come again at the next tick.
    pub fn tick(&mut self, now: SimTime, out: &mut Vec<LagEvent>) {
        let threshold = self.settings.inference_lag_threshold;
        for (index, row) in self.rows.iter_mut().enumerate() {
            let Some(lag) = row.lag.filter(|&lag| lag >= threshold) else { continue };
            row.lag = Some(0);
            if row.registered {
                out.push(LagEvent::Up { model: ModelId::from_index(index), lag });
            }
        }
        let Some(cut_off_s) = whole_second(now).checked_sub(self.settings.inactive_threshold_s) else { return };
        let downs = out.len();
        for (index, row) in self.rows.iter().enumerate().filter(|(_, row)| row.registered) {
            if let Some(last_used_s) = row.last_used_s.filter(|&used_s| used_s <= cut_off_s) {
                out.push(LagEvent::Down { model: ModelId::from_index(index), last_used_s });
            }
        }
        out[downs..].sort_unstable_by_key(|event| match *event {
            LagEvent::Up { model, .. } => (u64::MAX, model),
            LagEvent::Down { model, last_used_s } => (last_used_s, model),
        });
    }

    /// The model's lag; `None` if the agent has never heard of it.
    pub fn lag(&self, model: ModelId) -> Option<u32> {
        self.rows.get(model.index())?.lag
    }

    /// The whole second in which the model was last asked, if it ever was.
    pub fn last_used_s(&self, model: ModelId) -> Option<u64> {
        self.rows.get(model.index())?.last_used_s
    }

    /// True if events may be sent for the model.
    pub fn is_registered(&self, model: ModelId) -> bool {
        self.rows.get(model.index()).is_some_and(|row| row.registered)
    }

    const fn counts(&self, wire: Wire) -> bool {
        matches!(wire, Wire::Rest) || self.settings.grpc_counted
    }

    fn row(&mut self, model: ModelId) -> &mut Row {
        if model.index() >= self.rows.len() {
            self.rows.resize(model.index() + 1, Row::default());
        }
        &mut self.rows[model.index()]
    }
}

const fn whole_second(at: SimTime) -> u64 {
    at.as_nanos() / NANOS_PER_SEC
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: ModelId = ModelId::new(0);
    const SECOND: ModelId = ModelId::new(1);

    fn agent(threshold: u32, inactive_threshold_s: u64, grpc_counted: bool) -> LagStats {
        LagStats::new(LagSettings {
            period: Span::from_secs(20),
            inference_lag_threshold: threshold,
            inactive_threshold_s,
            grpc_counted,
        })
    }

    fn tick(stats: &mut LagStats, at_s: u64) -> Vec<LagEvent> {
        let mut events = Vec::new();
        stats.tick(SimTime::from_secs(at_s), &mut events);
        events
    }

    #[test]
    fn registration_sticks_and_a_reset_forgets_what_is_in_flight() {
        let mut stats = agent(3, 600, false);
        stats.loaded(FIRST, SimTime::ZERO, true);
        for at_s in [1, 2] {
            stats.start(FIRST, SimTime::from_secs(at_s), Wire::Rest);
        }
        assert_eq!(tick(&mut stats, 20), [LagEvent::Up { model: FIRST, lag: 3 }]);
        stats.end(FIRST, Wire::Rest);
        stats.end(FIRST, Wire::Rest);
        assert_eq!(stats.lag(FIRST), Some(0), "never below 0");
        stats.start(FIRST, SimTime::from_secs(21), Wire::Rest);
        assert_eq!(tick(&mut stats, 40), []);
    }

    #[test]
    fn unregistered_models_are_counted_and_reset_in_silence() {
        let mut stats = agent(1, 5, false);
        stats.loaded(FIRST, SimTime::ZERO, false);
        assert_eq!(stats.lag(FIRST), None);
        stats.start(FIRST, SimTime::ZERO, Wire::Rest);
        assert_eq!(tick(&mut stats, 20), []);
        assert_eq!(stats.lag(FIRST), Some(0));
    }

    #[test]
    fn idle_models_speak_at_every_tick_oldest_first() {
        let mut stats = agent(9, 5, false);
        stats.loaded(FIRST, SimTime::from_nanos(2_900_000_000), true);
        stats.loaded(SECOND, SimTime::from_secs(1), true);
        // 2.9 s is second 2; 2 <= 7 - 5 holds, 2 <= 6 - 5 does not.
        let down = |model, last_used_s| LagEvent::Down { model, last_used_s };
        assert_eq!(tick(&mut stats, 6), [down(SECOND, 1)]);
        assert_eq!(tick(&mut stats, 7), [down(SECOND, 1), down(FIRST, 2)]);
        stats.start(SECOND, SimTime::from_secs(8), Wire::Rest);
        stats.unloaded(FIRST);
        assert_eq!(tick(&mut stats, 12), []);
        assert_eq!(tick(&mut stats, 13), [down(SECOND, 8)]);
        assert_eq!((stats.lag(FIRST), stats.is_registered(FIRST)), (None, false));
    }

    #[test]
    fn an_inactivity_longer_than_the_run_never_speaks() {
        let mut stats = agent(9, 600, false);
        stats.loaded(FIRST, SimTime::ZERO, true);
        assert_eq!(tick(&mut stats, 599), []);
        assert_eq!(tick(&mut stats, 600), [LagEvent::Down { model: FIRST, last_used_s: 0 }]);
    }

    #[test]
    fn grpc_builds_lag_only_where_it_is_counted() {
        for (counted, lag) in [(true, 2), (false, 0)] {
            let mut stats = agent(9, 600, counted);
            for at_s in [1, 2, 3] {
                stats.start(FIRST, SimTime::from_secs(at_s), Wire::Grpc);
            }
            stats.end(FIRST, Wire::Grpc);
            assert_eq!((stats.lag(FIRST), stats.last_used_s(FIRST)), (Some(lag), Some(3)));
        }
    }
}
