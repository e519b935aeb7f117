//! Models on servers, as a whole: how they scale, what keeps serving, what a drain and a restart do, what a pipeline can.

#[path = "common/mod.rs"]
mod common;

use autosim::record::{Digest, FlowEnd, ModelSnapshot, Outcome, PodChange, Recorder, RequestEnd, Snapshot, Truth};
use autosim::scalers::Report;
use autosim::units::{LoadId, ModelId, ScalerId, SimTime};

/// What these tests look at.
#[derive(Default)]
struct Witness {
    /// By tick: time, and the first model.
    models: Vec<(f64, ModelSnapshot)>,
    /// By tick: time, and the first server's ready pods.
    ready: Vec<(f64, u32)>,
    /// By tick: time, and how many models agents have.
    registered: Vec<(f64, u32)>,
    /// Accepted changes of a model's size: time, before, after.
    scaled: Vec<(f64, u32, u32)>,
    deleted: Vec<(f64, String)>,
    ends: Vec<RequestEnd>,
    flows: Vec<FlowEnd>,
    called: u64,
    calls: u64,
}

impl Recorder for Witness {
    fn called(&mut self, _now: SimTime, _model: ModelId) {
        self.called += 1;
    }
    fn ended(&mut self, end: &RequestEnd) {
        self.calls += u64::from(end.model.is_some());
        self.ends.push(*end);
    }
    fn flow_ended(&mut self, end: &FlowEnd) {
        self.flows.push(*end);
    }
    fn pod(&mut self, now: SimTime, change: &PodChange<'_>) {
        if change.reason == "Killing" {
            self.deleted.push((now.as_secs_f64(), change.name.to_owned()));
        }
    }
    fn decision(&mut self, now: SimTime, _scaler: ScalerId, report: &Report, truth: &Truth) {
        let (Some(before), Some(after)) = (report.trail.now, report.trail.decided) else { return };
        if truth.model.is_some() && before != after {
            self.scaled.push((now.as_secs_f64(), before, after));
        }
    }
    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        let now = now.as_secs_f64();
        self.models.extend(state.models.first().map(|model| (now, *model)));
        self.registered.extend(state.servers.first().map(|server| (now, server.models_registered)));
        self.ready.extend(state.pools.first().map(|pool| (now, pool.ready)));
    }
}

impl Witness {
    fn of(text: &str) -> Self {
        Self::with(text, &[])
    }

    fn with(text: &str, sets: &[&str]) -> Self {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let mut witness = Self::default();
        common::run(&common::load_with("seldon.toml", text, &sets), 7, &mut witness);
        assert_eq!(witness.called, witness.calls, "every call ends once");
        witness
    }

    fn ups(&self) -> impl Iterator<Item = &(f64, u32, u32)> {
        self.scaled.iter().filter(|(_, before, after)| after > before)
    }

    fn model_at(&self, at: f64) -> ModelSnapshot {
        self.models.iter().find(|(time, _)| *time >= at).expect("the run is that long").1
    }

    fn ready_at(&self, at: f64) -> u32 {
        self.ready.iter().find(|(time, _)| *time >= at).expect("the run is that long").1
    }

    fn share_done(&self, from: f64, until: f64) -> f64 {
        let born = |end: &&RequestEnd| (from..until).contains(&end.arrived.as_secs_f64());
        let all = self.ends.iter().filter(born).count();
        let done = self.ends.iter().filter(born).filter(|end| end.outcome == Outcome::Done).count();
        done as f64 / all as f64
    }
}

/// Two requests of 1 s at once are served per replica; pods and loads take whole seconds, so that times can be added up.
fn lag(core: &str, server: &str, model: &str, load: &str) -> String {
    format!(
        r#"
duration = "1h"
tick = "1s"
[core]
version = "2.9"
autoscaling.autoscalingModelEnabled = true
proxy_overhead = "0s"
{core}
[[server]]
name = "s"
memory = "8Gi"
workers = 2
{server}
[server.start]
reconcile = "0s"
schedule = "0s"
kubelet_notice = "0s"
sandbox = "1s"
container = "1s"
runtime = "5s"
load = "0s"
warmup = "0s"
endpoints = "1s"
readiness_probe = {{ period = "1s" }}
[[model]]
name = "m"
server = "s"
memory = "1Gi"
load = "10s"
service = "1s"
{model}
[model.scaler.seldon_lag]
[[load]]
name = "l"
to = "m"
timeout = "none"
{load}
"#
    )
}

#[test]
fn lag_adds_one_at_a_time_without_a_cool_down() {
    // 20 requests a second against 2: the lag is far above 30 at every tick, on every replica, all the time.
    let server = "replicas = 6\nmin_replicas = 6\nmax_replicas = 6";
    let bounds = "replicas = 1\nmin_replicas = 1\nmax_replicas = 6";
    let witness = Witness::of(&lag("", server, bounds, "rate.constant = \"20/s\"\nuntil = \"5m\""));
    let ups: Vec<_> = witness.ups().collect();
    assert_eq!(ups.len(), 5, "from 1 to 6 in five steps: {ups:?}");
    assert!(ups.iter().all(|(_, before, after)| *after == before + 1), "{ups:?}");
    // With a least number of replicas the model stays available, so each tick of each replica may add one: with ticks every
    // 20 s no step waits longer than that.
    assert!(ups.windows(2).all(|pair| pair[1].0 - pair[0].0 <= 20.0 + 1e-6), "{ups:?}");
}

#[test]
fn without_a_least_number_a_step_waits_for_the_load_of_the_last_one() {
    let server = "replicas = 6\nmin_replicas = 6\nmax_replicas = 6";
    let witness =
        Witness::of(&lag("", server, "replicas = 1\nmax_replicas = 6", "rate.constant = \"20/s\"\nuntil = \"5m\""));
    let ups: Vec<_> = witness.ups().collect();
    assert_eq!(ups.len(), 5, "{ups:?}");
    // The model is ModelProgressing for the 10 s of the load, and ups are dropped then.
    assert!(ups.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 10.0), "{ups:?}");
}

#[test]
fn lag_takes_one_away_at_most_once_a_minute() {
    let server = "replicas = 4\nmin_replicas = 4\nmax_replicas = 4";
    let model = "replicas = 4\nmin_replicas = 1\nmax_replicas = 4";
    // No request at all after the first minute: inactivity of 600 s is reached at the latest at 660 s, then each step waits for
    // a state unchanged for a minute.
    let witness = Witness::of(&lag("", server, model, "rate.constant = \"1/s\"\nuntil = \"1m\""));
    let downs: Vec<_> = witness.scaled.iter().filter(|(_, before, after)| after < before).collect();
    assert_eq!(downs.len(), 3, "from 4 to 1: {downs:?}");
    assert!(downs.iter().all(|(_, before, after)| *after + 1 == *before), "{downs:?}");
    assert!(downs[0].0 >= 600.0 && downs[0].0 <= 680.0, "{downs:?}");
    assert!(downs.windows(2).all(|pair| pair[1].0 - pair[0].0 > 60.0), "{downs:?}");
    assert_eq!(witness.model_at(3_500.0).available, 1, "never below one");
}

#[test]
fn a_trickle_keeps_all_replicas() {
    let server = "replicas = 4\nmin_replicas = 4\nmax_replicas = 4";
    let model = "replicas = 4\nmin_replicas = 1\nmax_replicas = 4";
    let witness = Witness::of(&lag("", server, model, "rate.constant = \"1/s\""));
    assert_eq!(witness.scaled, [], "every replica is asked now and then");
    assert_eq!(witness.model_at(3_590.0).available, 4);
}

#[test]
fn the_highest_ordinal_leaves() {
    let server = "replicas = 4\nmin_replicas = 1\nmax_replicas = 4";
    let model = "replicas = 4\nmin_replicas = 1\nmax_replicas = 4";
    let witness = Witness::of(&lag("", server, model, "rate.constant = \"1/s\"\nuntil = \"1m\""));
    let names: Vec<&str> = witness.deleted.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["s-3", "s-2", "s-1"], "the server follows its largest model, the highest ordinal first");
    assert_eq!(witness.ready_at(3_590.0), 1);
}

#[test]
fn a_first_placement_asks_for_no_server_replica_and_a_later_one_does() {
    let server = "replicas = 1\nmin_replicas = 1\nmax_replicas = 5";
    let model = "replicas = 3\nmin_replicas = 1\nmax_replicas = 5";
    let text = lag("", server, model, "rate.constant = \"1/s\"");
    let witness = Witness::of(&text);
    let snapshot = witness.model_at(3_000.0);
    assert_eq!(
        (snapshot.wanted, snapshot.available, witness.ready_at(3_000.0)),
        (3, 1, 1),
        "partially scheduled for ever"
    );
    let by_hand = format!("{text}\n[[event]]\nat = \"10m\"\nset = {{ \"model.m.replicas\" = 4 }}\n");
    let witness = Witness::of(&by_hand);
    assert_eq!(
        (witness.model_at(700.0).available, witness.ready_at(700.0)),
        (4, 4),
        "the next placement makes it good"
    );
}

#[test]
fn a_wish_beyond_the_server_keeps_the_old_replicas_serving() {
    let server = "replicas = 2\nmin_replicas = 2\nmax_replicas = 2";
    let text = lag("", server, "replicas = 2", "rate.constant = \"1/s\"");
    let text = format!("{text}\n[[event]]\nat = \"10m\"\nset = {{ \"model.m.replicas\" = 4 }}\n");
    let witness = Witness::of(&text);
    let snapshot = witness.model_at(1_000.0);
    assert_eq!((snapshot.state, snapshot.wanted, snapshot.available), ("ScheduleFailed", 4, 2));
    assert_eq!(witness.share_done(590.0, 3_500.0), 1.0);
}

#[test]
fn a_load_that_is_overtaken_by_its_unload_leaves_nothing_behind() {
    let server = "replicas = 2\nmin_replicas = 2\nmax_replicas = 2";
    let text = lag("", server, "replicas = 1", "rate.constant = \"1/s\"");
    // The unload comes within 3 s of the second wish: in the midst of the download, or of the load.
    for download in ["20s", "0s"] {
        let text = text.replace("load = \"10s\"", &format!("download = \"{download}\"\nload = \"10s\""));
        let more = "[[event]]\nat = \"10m\"\nset = { \"model.m.replicas\" = 2 }\n\
                    [[event]]\nat = \"10m2s\"\nset = { \"model.m.replicas\" = 1 }\n";
        let witness = Witness::of(&format!("{text}\n{more}"));
        let registered = witness.registered.iter().find(|(at, _)| *at >= 700.0).expect("the run is that long").1;
        assert_eq!((registered, witness.model_at(700.0).available), (1, 1), "{download}");
    }
}

#[test]
fn release_2_10_forces_lag_scaling_off() {
    let server = "replicas = 6\nmin_replicas = 6\nmax_replicas = 6";
    let text =
        lag("", server, "replicas = 1\nmin_replicas = 1\nmax_replicas = 6", "rate.constant = \"20/s\"\nuntil = \"5m\"");
    let witness = Witness::with(&text, &["core.version=\"2.10\""]);
    assert_eq!(witness.scaled, []);
    let witness = Witness::with(&text, &["core.version=\"2.10\"", "core.forced_off=false"]);
    assert_eq!(witness.ups().count(), 5, "the code is still there");
}

#[test]
fn grpc_builds_lag_in_2_8_only() {
    let server = "replicas = 6\nmin_replicas = 6\nmax_replicas = 6";
    let load = "protocol = \"grpc\"\nrate.constant = \"20/s\"\nuntil = \"5m\"";
    let text = lag("", server, "replicas = 1\nmin_replicas = 1\nmax_replicas = 6", load);
    assert_eq!(Witness::of(&text).scaled, []);
    assert_eq!(Witness::with(&text, &["core.version=\"2.8\""]).ups().count(), 5);
}

/// Two models of 6 GiB each in 8 GiB and half of that on top: one of them is always on disk only.
const THRASH: &str = r#"
duration = "20m"
tick = "1s"
[core]
agent.overcommitPercentage = 50
proxy_overhead = "0s"
[[server]]
name = "s"
memory = "8Gi"
workers = 4
[[model]]
name = "a"
server = "s"
memory = "6Gi"
reload = "2s"
service = "100ms"
[[model]]
name = "b"
server = "s"
memory = "6Gi"
reload = "2s"
service = "100ms"
[[load]]
name = "la"
to = "a"
arrivals.deterministic = {}
rate.constant = "0.1/s"
[[load]]
name = "lb"
to = "b"
arrivals.deterministic = { offset = 0.5 }
rate.constant = "0.1/s"
"#;

#[test]
fn overcommit_costs_a_reload_at_each_alternation() {
    let witness = Witness::of(THRASH);
    let latencies: Vec<f64> =
        witness.ends.iter().map(|end| end.at.saturating_since(end.arrived).as_secs_f64()).collect();
    let reloads = latencies.iter().filter(|latency| (**latency - 2.1).abs() < 1e-6).count();
    // They come by turns: each but the very first, which finds the model that was loaded last, or does not, waits.
    assert!(reloads + 1 >= latencies.len(), "{latencies:?}");
    assert!(latencies.len() >= 238);
    let roomy = Witness::with(THRASH, &["server.s.memory=12Gi"]);
    assert!(roomy.ends.iter().all(|end| (end.at.saturating_since(end.arrived).as_secs_f64() - 0.1).abs() < 1e-6));
}

/// A pipeline of one step of 0.5 s, offered 40 requests a second: more than 8 calls in flight can ever answer.
const PIPELINE: &str = r#"
duration = "10m"
tick = "1s"
[core]
proxy_overhead = "0s"
kafka_hop = "0s"
[[server]]
name = "s"
replicas = 8
min_replicas = 8
max_replicas = 8
memory = "8Gi"
workers = 100
[[model]]
name = "m"
server = "s"
replicas = 8
service = "500ms"
[[pipeline]]
name = "p"
steps = [{ model = "m" }]
[[load]]
name = "l"
to = "p"
timeout = "none"
rate.constant = "40/s"
"#;

fn answered_per_s(witness: &Witness) -> f64 {
    let done = witness.flows.iter().filter(|end| end.outcome == Outcome::Done);
    done.filter(|end| (60.0..540.0).contains(&end.at.as_secs_f64())).count() as f64 / 480.0
}

#[test]
fn a_pipeline_is_bounded_by_the_workers_of_the_model_gateway() {
    // 8 workers / 0.5 s = 16 a second, whatever the number of model replicas.
    let one = answered_per_s(&Witness::of(PIPELINE));
    assert!((one - 16.0).abs() < 0.1, "{one}");
    // A second partition and a second gateway replica: twice as much, and with more replicas than partitions no more.
    let two = answered_per_s(&Witness::with(
        PIPELINE,
        &["core.kafka.topics.numPartitions=2", "core.modelgateway.replicas=2", "core.pipelinegateway.replicas=2"],
    ));
    assert!((two - 32.0).abs() < 0.2, "{two}");
    let more = answered_per_s(&Witness::with(PIPELINE, &["core.modelgateway.workers=32"]));
    assert!((more - 40.0).abs() < 1.0, "32 workers could answer 64: all that is offered is answered, {more}");
}

#[test]
fn a_pipeline_waits_for_all_inputs_of_a_step() {
    let text = PIPELINE
        .replace("steps = [{ model = \"m\" }]", "steps = [{ model = \"a\" }, { model = \"b\", after = [\"p\"] }, { model = \"m\", after = [\"a\", \"b\"] }]")
        .replace("[[pipeline]]", "[[model]]\nname = \"a\"\nserver = \"s\"\nservice = \"100ms\"\n[[model]]\nname = \"b\"\nserver = \"s\"\nservice = \"300ms\"\n[[pipeline]]")
        .replace("40/s", "2/s")
        .replace("kafka_hop = \"0s\"", "kafka_hop = \"10ms\"");
    let witness = Witness::of(&text);
    // The longer of 0.1 s and 0.3 s, then 0.5 s; two hops before each of two stages and one back, 10 ms each.
    let done = witness.flows.iter().filter(|end| end.outcome == Outcome::Done);
    let alone = done.map(|end| end.at.saturating_since(end.arrived).as_secs_f64());
    let least = alone.fold(f64::INFINITY, f64::min);
    assert!((least - 0.85).abs() < 1e-6, "{least}");
    assert!(witness.flows.iter().all(|end| end.outcome == Outcome::Done || end.outcome == Outcome::Unfinished));
}

#[test]
fn a_model_alone_on_a_server_is_a_pool_of_equal_replicas() {
    // Without proxies, one replica of a model serves exactly as one replica of a pool under the same load and seed.
    let load = "[[load]]\nname = \"l\"\nto = \"x\"\nrate.constant = \"35/s\"\n";
    let head = "duration = \"20m\"\ntick = \"5s\"\n";
    let service = "service.gamma = { mean = \"100ms\", cv = 0.8 }\n";
    let pool = format!("{head}{load}[[pool]]\nname = \"x\"\nworkers = 4\n{service}");
    let model = format!(
        "{head}[core]\nproxy_overhead = \"0s\"\n{load}[[server]]\nname = \"s\"\nmemory = \"1Gi\"\nworkers = 4\n\
         [[model]]\nname = \"x\"\n{service}"
    );
    let (pool, model) = (Witness::of(&pool), Witness::of(&model));
    let story = |witness: &Witness| -> Vec<(SimTime, SimTime, Outcome)> {
        witness.ends.iter().map(|end| (end.arrived, end.at, end.outcome)).collect()
    };
    assert!(pool.ends.len() > 41_000);
    assert!(story(&pool) == story(&model), "not one request differs");
}

/// Arrivals and demands of a load.
#[derive(Default)]
struct Births(Vec<(SimTime, LoadId)>);

impl Recorder for Births {
    fn arrived(&mut self, now: SimTime, load: LoadId, _pool: autosim::units::PoolId) {
        self.0.push((now, load));
    }
}

#[test]
fn the_way_of_scaling_moves_no_arrival_and_a_witness_changes_nothing() {
    let births = |scenario: &str| {
        let path = format!("{}/scenarios/{scenario}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let loaded = common::load(scenario, &text);
        let (mut births, mut digest, mut again) = (Births::default(), Digest::default(), Digest::default());
        common::run(&loaded, 3, &mut (&mut births, &mut digest));
        common::run(&loaded, 3, &mut again);
        assert_eq!(digest.value(), again.value(), "{scenario}");
        births.0
    };
    let first = births("seldon-lag");
    assert!(first.len() > 1_000_000);
    for other in ["seldon-hpa-models", "seldon-hpa-one-to-one"] {
        assert!(births(other) == first, "{other}");
    }
}

#[test]
fn a_drain_with_room_elsewhere_loses_nothing() {
    let text = r#"
duration = "20m"
tick = "1s"
[[server]]
name = "s"
replicas = 3
min_replicas = 3
max_replicas = 3
memory = "8Gi"
workers = 4
[[model]]
name = "m"
server = "s"
memory = "2Gi"
load = "10s"
service = "50ms"
[[load]]
name = "l"
to = "m"
rate.constant = "20/s"
[[event]]
at = "5m"
fault.server_drain = { server = "s", ordinal = 0 }
"#;
    let witness = Witness::of(text);
    assert_eq!(witness.share_done(0.0, 1_190.0), 1.0, "it moves first and stops afterwards");
    let crash = text.replace("server_drain", "agent_crash");
    let witness = Witness::of(&crash);
    // Nobody has the model for the 10 s of its load: what arrives then is turned away at once.
    let share = witness.share_done(300.0, 310.0);
    assert!(share < 0.05, "{share}");
    assert_eq!(witness.share_done(312.0, 1_190.0), 1.0);
}

#[test]
fn a_scheduler_restart_stops_decisions_and_no_traffic() {
    let server = "replicas = 6\nmin_replicas = 6\nmax_replicas = 6";
    let model = "replicas = 1\nmin_replicas = 1\nmax_replicas = 6";
    let load = "rate.step = { before = \"1/s\", after = \"4/s\", at = \"10m\" }\nuntil = \"20m\"";
    let text = lag("", server, model, load);
    let restart = format!("{text}\n[[event]]\nat = \"9m59s\"\nfault.scheduler_restart = {{}}\n");
    let (calm, restarted) = (Witness::of(&text), Witness::of(&restart));
    let first = |witness: &Witness| witness.scaled.first().expect("it scales in the end").0;
    // Agents reconnect within 15 s; from then on it decides as before.
    assert!(first(&restarted) >= first(&calm), "{} {}", first(&restarted), first(&calm));
    assert_eq!(restarted.share_done(590.0, 615.0), 1.0, "routes stay");
}
