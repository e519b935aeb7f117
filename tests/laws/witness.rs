//! A recorder that keeps everything: what it was told, in the order in which it was told, and a fingerprint of all of it.

use autosim::record::{Happening, Outcome, PodChange, PoolSnapshot, Recorder, RequestEnd, Snapshot, Truth};
use autosim::scalers::Report;
use autosim::scenario::{EventChange, Scenario};
use autosim::units::{Id, LoadId, PoolId, ReplicaId, ScalerId, SimTime};
use std::fmt::Debug;

/// Everything that a run said.
pub struct Witness<'s> {
    pub scenario: &'s Scenario,
    /// Request n is entry n - 1, since numbers are given in order of birth.
    pub births: Vec<Birth>,
    pub ends: Vec<RequestEnd>,
    pub pods: Vec<PodEvent>,
    pub asked: Vec<Asked>,
    pub ticks: Vec<Tick>,
    /// The first call that was earlier than the one before.
    pub went_back: Option<(SimTime, SimTime)>,
    now: SimTime,
    print: Fingerprint,
}

/// A request was born.
#[derive(Clone, Copy)]
pub struct Birth {
    pub at: SimTime,
    pub load: LoadId,
    pub pool: PoolId,
}

/// A pod changed its phase.
pub struct PodEvent {
    pub at: SimTime,
    pub pool: usize,
    pub replica: ReplicaId,
    pub name: String,
    pub reason: &'static str,
}

impl PodEvent {
    /// The number at the end of its name.
    pub fn number(&self) -> u64 {
        self.name.rsplit('-').next().and_then(|number| number.parse().ok()).expect("names end with a number")
    }
}

/// Somebody wanted another size.
pub struct Asked {
    pub at: SimTime,
    pub pool: usize,
    pub replicas: u32,
}

/// A tick, and how much had been told before it.
pub struct Tick {
    pub at: SimTime,
    pub pools: Vec<PoolSnapshot>,
    pub births: usize,
    pub ends: usize,
    pub pods: usize,
    pub asked: usize,
}

impl<'s> Witness<'s> {
    pub fn new(scenario: &'s Scenario) -> Self {
        Self {
            scenario,
            births: Vec::new(),
            ends: Vec::new(),
            pods: Vec::new(),
            asked: Vec::new(),
            ticks: Vec::new(),
            went_back: None,
            now: SimTime::ZERO,
            print: Fingerprint::default(),
        }
    }

    /// Equal for runs that said the same.
    pub fn fingerprint(&self) -> u64 {
        self.print.0
    }

    fn called(&mut self, now: SimTime, kind: u64) {
        if now < self.now && self.went_back.is_none() {
            self.went_back = Some((self.now, now));
        }
        self.now = now;
        self.print.word(kind);
        self.print.word(now.as_nanos());
    }
}

impl Recorder for Witness<'_> {
    fn arrived(&mut self, now: SimTime, load: LoadId, pool: PoolId) {
        self.called(now, 1);
        self.print.word(u64::from(load.number()) << 32 | u64::from(pool.number()));
        self.births.push(Birth { at: now, load, pool });
    }

    fn ended(&mut self, end: &RequestEnd) {
        self.called(end.at, 2);
        self.print.word(end.request);
        self.print.word(u64::from(end.load.number()) << 32 | u64::from(end.pool.number()));
        self.print.word(end.replica.map_or(u64::MAX, |replica| u64::from(replica.number())));
        self.print.word(end.arrived.as_nanos());
        self.print.word(end.started.map_or(u64::MAX, SimTime::as_nanos));
        self.print.word(end.demand.as_nanos());
        self.print
            .word(Outcome::ALL.iter().position(|&outcome| outcome == end.outcome).expect("all outcomes are listed")
                as u64);
        self.ends.push(*end);
    }

    fn pod(&mut self, now: SimTime, change: &PodChange<'_>) {
        self.called(now, 3);
        self.print.debug(change);
        let (pool, name) = (change.pool.index(), change.name.to_owned());
        self.pods.push(PodEvent { at: now, pool, replica: change.replica, name, reason: change.reason });
    }

    fn decision(&mut self, now: SimTime, scaler: ScalerId, report: &Report, truth: &Truth) {
        self.called(now, 4);
        self.print.debug(&(scaler, report, truth));
        if let (true, Some(replicas)) = (report.trail.scaled, report.trail.decided) {
            self.asked.push(Asked { at: now, pool: truth.pool as usize, replicas });
        }
    }

    fn happened(&mut self, now: SimTime, what: &Happening<'_>) {
        self.called(now, 5);
        self.print.debug(what);
        if what.reason != "Scaled" {
            return;
        }
        for event in
            self.scenario.events.iter().filter(|event| SimTime::ZERO + event.at == now && event.text == what.message)
        {
            if let EventChange::Replicas(pool, replicas) = event.change {
                self.asked.push(Asked { at: now, pool: pool.index(), replicas });
            }
        }
    }

    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        self.called(now, 6);
        self.print.debug(state);
        self.ticks.push(Tick {
            at: now,
            pools: state.pools.to_vec(),
            births: self.births.len(),
            ends: self.ends.len(),
            pods: self.pods.len(),
            asked: self.asked.len(),
        });
    }
}

/// FNV-1a, 64 bits: over bytes of texts, over whole words of numbers.
struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    fn step(&mut self, part: u64) {
        self.0 = (self.0 ^ part).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// A product moves bits upwards only: the fold lets the high ones of a whole word count as well.
    fn word(&mut self, word: u64) {
        self.step(word);
        self.0 ^= self.0 >> 32;
    }

    fn debug(&mut self, value: &impl Debug) {
        for byte in format!("{value:?}").bytes() {
            self.step(u64::from(byte));
        }
    }
}
