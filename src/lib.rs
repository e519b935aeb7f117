//! A discrete-event simulator of autoscaled model servers.
//!
//! A simulated clock drives load generators, pools of replicas, metrics pipelines with their true delays, and autoscalers
//! whose decisions are those of the real controllers. What an autoscaler saw, decided and missed is written as tables and
//! drawn.
//!
//! ```
//! use autosim::diagnostics::Source;
//! use autosim::record::{Outcome, Recorder, RequestEnd};
//! use std::sync::atomic::AtomicBool;
//!
//! /// Counts requests that were served.
//! #[derive(Default)]
//! struct Served(u64);
//!
//! impl Recorder for Served {
//!     fn ended(&mut self, end: &RequestEnd) {
//!         self.0 += u64::from(end.outcome == Outcome::Done);
//!     }
//! }
//!
//! let text = r#"
//!     duration = "10m"
//!     [[load]]
//!     name = "users"
//!     to = "chat"
//!     rate.constant = "20/s"
//!     [[pool]]
//!     name = "chat"
//!     replicas = 4
//!     service.lognormal = { mean = "80ms", p99 = "320ms" }
//! "#;
//! let source = Source { name: "chat.toml".into(), text: text.into(), ..Source::default() };
//! let loaded = autosim::scenario::load(&source, &[]).expect("a scenario");
//! let mut served = Served::default();
//! let stop = AtomicBool::new(false);
//! let stats =
//!     autosim::simulation::run(&loaded.scenario, 1, &mut |load| loaded.open_trace(load), &stop, &mut served).expect("a run");
//! assert!(served.0 > 11_000 && served.0 <= stats.requests);
//! ```
//!
//! # Code map
//!
//! Truth, perception, decision and record are four rooms with doors. A room imports only rooms that stand above it in this
//! list, and of those only what `tests/floor_plan.rs` allows; that test reads the sources.
//!
//! | room | is |
//! |---|---|
//! | [`units`] | whole-nanosecond time, typed ids and tables, Kubernetes quantities |
//! | [`kernel`] | the queue of pending events; knows no domain |
//! | [`diagnostics`] | problems under the user's own lines; texts with units |
//! | [`random`] | streams seeded by name; laws with known moments |
//! | [`workload`] | when requests arrive and what work they bring |
//! | [`cluster`] | the life of a pod; who is deleted first |
//! | [`serving`] | routing, waiting, service, CPU; one file per discipline |
//! | [`seldon`] | Seldon Core 2's parts: ids, bytes and ordinals in, effects out |
//! | [`metrics`] | a true quantity becomes a reading with a time stamp |
//! | [`scalers`] | autoscalers: rules in `self`, memory handed in, the world behind an `Api` |
//! | [`manifest`] | Kubernetes' own objects as text, to typed specs and back |
//! | [`record`] | witnesses of a run: rows, totals, digests; the one door to CSV |
//! | [`scenario`] | from a file to a scenario that is valid by construction |
//! | [`simulation`] | the rooms put together; the only holder of the event queue |
//! | [`experiment`] | many runs: statistics over seeds, sweeps, comparisons, plans |
//! | [`replay`] | recorded decisions, replayed by the scalers that run in simulations |
//! | [`plot`] | pictures from rows; a plot never needs a new run |
//! | [`report`] | what a person or a program reads |
//! | [`import`] | manifests to scenarios, and autoscalers back |
//! | [`cli`] | arguments in, exit code out; the only room that prints or reads a wall clock |
//!
//! # What must stay true
//!
//! - *Order.* Time is whole nanoseconds, and `simulation::event` lists what happens first within an instant. No other place
//!   decides an order.
//! - *Determinism.* Scenario, seed and version decide every byte that is written. Streams are named or keyed, never split from
//!   one another, so a change of policy moves no arrival, no work of a request and no start of the nth replica.
//! - *The recorder is passive.* It schedules and draws nothing; a run is the same without it.
//! - *Memory follows what is alive.* Requests live in slots that are used again; nothing allocates per request.
//! - *The core cannot fail*, except for a trace that is streamed. Whatever a user may write wrong is refused before a run.
//! - *A scaler sees what its pipeline delivered*, through [`scalers::Api`], and nothing else.
//!
//! # Where this departs from the usual
//!
//! - Keys of a scenario are stated once, as lists with kind, default and meaning (`scenario::keys`). The reader, messages,
//!   `--effective`, `sim list` and the JSON Schema all take them from there. That is why the raw forms of all rooms stand in
//!   `scenario`, and why no schema is derived from types.
//! - A pod's whole timetable is drawn when it is wanted (`cluster::pod`), each phase from a stream of its own: a changed law
//!   moves no other phase.
//! - Two notions go beyond the agreed format of a scenario, both off unless asked for, since a recorded day could not be told
//!   without them: connections that clients keep (`serving::connections`), and the CPU rate of metrics-server before 0.5
//!   (`metrics::resource`).
//! - An exact CFS quota needs no event per period: usable time is a closed form of elapsed time (`serving::discipline`).
//! - A model scaled by lag has no seat among the scalers: each agent speaks for itself, at its own ticks and for all of its
//!   models at once, so the tick lives with the agent (`simulation::seldon`) and the rule with [`seldon::lag`]. The record
//!   shows every wish as a decision all the same.
//! - A Seldon server is a pool like any other, whose replicas have an agent; calls of models go by the model's routes in
//!   place of the pool's balancer. One life of requests and pods serves both.
//!
//! # Adding
//!
//! *A scaler*: `scalers/foo.rs` with spec, memory and `reconcile`; an arm in `scalers::registry`; its keys in
//! `scenario::keys` and their reading in `scenario`; a driver in `replay` with recorded cases. *An arrival process*:
//! `workload/foo.rs`, a variant in `workload::load`, its keys. *A plot*: `plot/foo.rs` from rows to a drawing, an arm in
//! `cli`.

pub mod cli;
pub mod cluster;
pub mod diagnostics;
pub mod experiment;
pub mod import;
pub mod kernel;
pub mod manifest;
pub mod metrics;
pub mod plot;
pub mod random;
pub mod record;
pub mod replay;
pub mod report;
pub mod scalers;
pub mod scenario;
pub mod seldon;
pub mod serving;
pub mod simulation;
pub mod units;
pub mod workload;
