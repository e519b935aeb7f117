//! One number for all that a recorder saw: two runs are equal if their digests are.
//!
//! FNV-1a of 64 bits (Fowler, Noll, Vo), over the bytes of each call in the order of the calls. Whole calls go in, so a
//! field that is added to one later cannot be forgotten where calls are hashed by their debug form; those made per request
//! are hashed field by field.

use super::recorder::{FlowEnd, Happening, PodChange, Recorder, RequestEnd, Snapshot, Truth};
use crate::scalers::Report;
use crate::units::{FlowId, LoadId, ModelId, PoolId, ScalerId, SimTime};
use std::fmt::{self, Write};

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A recorder that hashes every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    hash: Fnv,
    counts: CallCounts,
}

/// How many calls of each kind there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Requests born.
    pub arrived: u64,
    /// Requests ended.
    pub ended: u64,
    /// Calls of models among those born.
    pub called: u64,
    /// Requests to pipelines born.
    pub flows_arrived: u64,
    /// Requests to pipelines ended.
    pub flows_ended: u64,
    /// Changes of pods.
    pub pods: u64,
    /// Passes of scalers.
    pub decisions: u64,
    /// Interventions and faults.
    pub happenings: u64,
    /// Ticks.
    pub ticks: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self { hash: Fnv(OFFSET_BASIS), counts: CallCounts::default() }
    }

    /// The digest of all calls so far.
    pub fn value(&self) -> u64 {
        self.hash.0
    }

    /// How many there were.
    pub fn counts(&self) -> CallCounts {
        self.counts
    }

    /// A call in its debug form, between its name and an end that no text contains.
    fn call(&mut self, name: &str, arguments: fmt::Arguments<'_>) {
        self.hash.bytes(name.as_bytes());
        self.hash.write_fmt(arguments).expect("a hash takes any text");
        self.hash.bytes(&[0]);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }

    fn word(&mut self, word: u64) {
        self.bytes(&word.to_le_bytes());
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

impl Recorder for Digest {
    fn arrived(&mut self, now: SimTime, load: LoadId, pool: PoolId) {
        self.counts.arrived += 1;
        self.hash.bytes(b"arrived");
        self.hash.word(now.as_nanos());
        self.hash.word(u64::from(load.number()) << 32 | u64::from(pool.number()));
    }

    fn ended(&mut self, end: &RequestEnd) {
        self.counts.ended += 1;
        let RequestEnd { at, request, load, pool, model, inner, replica, arrived, started, demand, outcome } = *end;
        self.hash.bytes(b"ended");
        self.hash.word(at.as_nanos());
        self.hash.word(request);
        self.hash.word(u64::from(load.number()) << 32 | u64::from(pool.number()));
        self.hash.word(replica.map_or(u64::MAX, |replica| u64::from(replica.number())));
        self.hash.word(arrived.as_nanos());
        self.hash.word(started.unwrap_or(SimTime::NEVER).as_nanos());
        self.hash.word(demand.as_nanos());
        self.hash.bytes(&[outcome as u8]);
        // A request that is no call of a model adds nothing; no call's name begins as this does.
        if model.is_some() || inner {
            self.hash.bytes(b"model");
            self.hash.word(model.map_or(u64::MAX, |model| u64::from(model.number())));
            self.hash.bytes(&[u8::from(inner)]);
        }
    }

    fn called(&mut self, now: SimTime, model: ModelId) {
        self.counts.called += 1;
        self.hash.bytes(b"called");
        self.hash.word(now.as_nanos());
        self.hash.word(u64::from(model.number()));
    }

    fn flow_arrived(&mut self, now: SimTime, load: LoadId, flow: FlowId) {
        self.counts.flows_arrived += 1;
        self.hash.bytes(b"flow_arrived");
        self.hash.word(now.as_nanos());
        self.hash.word(u64::from(load.number()) << 32 | u64::from(flow.number()));
    }

    fn flow_ended(&mut self, end: &FlowEnd) {
        self.counts.flows_ended += 1;
        let FlowEnd { at, request, load, flow, arrived, outcome } = *end;
        self.hash.bytes(b"flow_ended");
        self.hash.word(at.as_nanos());
        self.hash.word(request);
        self.hash.word(u64::from(load.number()) << 32 | u64::from(flow.number()));
        self.hash.word(arrived.as_nanos());
        self.hash.bytes(&[outcome as u8]);
    }

    fn pod(&mut self, now: SimTime, change: &PodChange<'_>) {
        self.counts.pods += 1;
        self.call("pod", format_args!("{now:?}{change:?}"));
    }

    fn decision(&mut self, now: SimTime, scaler: ScalerId, report: &Report, truth: &Truth) {
        self.counts.decisions += 1;
        self.call("decision", format_args!("{now:?}{scaler:?}{report:?}{truth:?}"));
    }

    fn happened(&mut self, now: SimTime, what: &Happening<'_>) {
        self.counts.happenings += 1;
        self.call("happened", format_args!("{now:?}{what:?}"));
    }

    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        self.counts.ticks += 1;
        self.call("tick", format_args!("{now:?}{state:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ModelSnapshot, Outcome, PoolSnapshot, ServerSnapshot};
    use crate::units::{ReplicaId, Span};

    #[test]
    fn the_hash_is_the_published_one() {
        for (text, hash) in [("", OFFSET_BASIS), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
            let mut fnv = Fnv(OFFSET_BASIS);
            fnv.bytes(text.as_bytes());
            assert_eq!(fnv.0, hash, "{text}");
        }
    }

    fn end() -> RequestEnd {
        RequestEnd {
            at: SimTime::from_secs(2),
            request: 1,
            load: LoadId::new(0),
            pool: PoolId::new(0),
            model: None,
            inner: false,
            replica: Some(ReplicaId::new(0)),
            arrived: SimTime::from_secs(1),
            started: Some(SimTime::from_secs(1)),
            demand: Span::from_secs(1),
            outcome: Outcome::Done,
        }
    }

    fn of(calls: impl FnOnce(&mut Digest)) -> u64 {
        let mut digest = Digest::new();
        calls(&mut digest);
        digest.value()
    }

    /// None of them is that of another call.
    fn all_differ(mut digests: Vec<u64>) {
        let count = digests.len();
        digests.push(of(|_| {}));
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count + 1);
    }

    #[test]
    fn every_argument_of_every_call_about_requests_counts() {
        let now = SimTime::from_secs(3);
        let (load, pool, model, flow) = (LoadId::new(0), PoolId::new(0), ModelId::new(0), FlowId::new(0));
        let mut digests = vec![
            of(|digest| digest.arrived(now, load, pool)),
            of(|digest| digest.arrived(SimTime::ZERO, load, pool)),
            of(|digest| digest.arrived(now, LoadId::new(1), pool)),
            of(|digest| digest.arrived(now, load, PoolId::new(1))),
            of(|digest| digest.called(now, model)),
            of(|digest| digest.called(SimTime::ZERO, model)),
            of(|digest| digest.called(now, ModelId::new(1))),
            of(|digest| digest.flow_arrived(now, load, flow)),
            of(|digest| digest.flow_arrived(SimTime::ZERO, load, flow)),
            of(|digest| digest.flow_arrived(now, LoadId::new(1), flow)),
            of(|digest| digest.flow_arrived(now, load, FlowId::new(1))),
        ];
        for end in [
            end(),
            RequestEnd { at: now, ..end() },
            RequestEnd { request: 2, ..end() },
            RequestEnd { pool: PoolId::new(1), ..end() },
            RequestEnd { replica: None, ..end() },
            RequestEnd { arrived: SimTime::ZERO, ..end() },
            RequestEnd { started: None, ..end() },
            RequestEnd { demand: Span::ZERO, ..end() },
            RequestEnd { outcome: Outcome::Lost, ..end() },
            RequestEnd { model: Some(model), ..end() },
            RequestEnd { model: Some(ModelId::new(1)), ..end() },
            RequestEnd { model: Some(ModelId::new(1)), inner: true, ..end() },
        ] {
            digests.push(of(|digest| digest.ended(&end)));
        }
        let (at, arrived) = (SimTime::from_secs(2), SimTime::from_secs(1));
        let flow_end = FlowEnd { at, request: 1, load, flow, arrived, outcome: Outcome::Done };
        for end in [
            flow_end,
            FlowEnd { at: now, ..flow_end },
            FlowEnd { request: 2, ..flow_end },
            FlowEnd { load: LoadId::new(1), ..flow_end },
            FlowEnd { flow: FlowId::new(1), ..flow_end },
            FlowEnd { arrived: SimTime::ZERO, ..flow_end },
            FlowEnd { outcome: Outcome::Lost, ..flow_end },
        ] {
            digests.push(of(|digest| digest.flow_ended(&end)));
        }
        all_differ(digests);
    }

    #[test]
    fn every_argument_of_every_call_about_the_cluster_counts() {
        let now = SimTime::from_secs(3);
        let change = PodChange {
            pool: PoolId::new(0),
            replica: ReplicaId::new(0),
            name: "chat-0",
            warning: false,
            reason: "Ready",
            message: "",
        };
        let truth = Truth::default();
        let mut digests = vec![
            of(|digest| digest.pod(now, &change)),
            of(|digest| digest.pod(now, &PodChange { name: "chat-1", ..change })),
            of(|digest| digest.decision(now, ScalerId::new(0), &Report::default(), &truth)),
            of(|digest| digest.decision(now, ScalerId::new(1), &Report::default(), &truth)),
        ];
        let (pool, model, server) = (PoolSnapshot::default(), ModelSnapshot::default(), ServerSnapshot::default());
        let none = Snapshot { pools: &[], models: &[], servers: &[], flows: &[], events: 0 };
        for state in [
            Snapshot { pools: &[pool], ..none },
            Snapshot { pools: &[PoolSnapshot { idle_s: 1e-300, ..pool }], ..none },
            Snapshot { models: &[model], ..none },
            Snapshot { models: &[ModelSnapshot { reloads: 1, ..model }], ..none },
            Snapshot { servers: &[server], ..none },
            Snapshot { servers: &[ServerSnapshot { evictions: 1, ..server }], ..none },
            Snapshot { flows: &[0], ..none },
            Snapshot { flows: &[1], ..none },
        ] {
            digests.push(of(|digest| digest.tick(now, &state)));
        }
        all_differ(digests);
    }

    #[test]
    fn order_counts_and_calls_are_counted() {
        let (load, pool) = (LoadId::new(0), PoolId::new(0));
        let mut one = Digest::new();
        one.arrived(SimTime::from_secs(1), load, pool);
        one.ended(&end());
        let mut other = Digest::new();
        other.ended(&end());
        other.arrived(SimTime::from_secs(1), load, pool);
        assert_ne!(one.value(), other.value());
        assert_eq!(one.counts(), other.counts());
        assert_eq!((one.counts().arrived, one.counts().ended, one.counts().ticks), (1, 1, 0));
    }
}
