//! `sim explain`: the words for each root cause, in runs of the scenarios that show it, and the words for each limit, in
//! tables made by hand.

use assert_cmd::Command;
use autosim::record::{DecisionRow, EventRow, TableReader, TimelineRow};
use autosim::report::explain::{
    DecisionChoice, DirectionFacts, LatencyObjective, MetricFacts, PoolFacts, RunTables, Unit, evidence,
    explain_decision, explain_run,
};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;

/// A folder of this test's own, removed when it is dropped.
struct Room(PathBuf);

impl Room {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sim-explain-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn sim(&self, arguments: &[&str]) -> Output {
        let mut command = Command::cargo_bin("sim").expect("the binary is built");
        command.current_dir(&self.0).args(arguments).output().expect("it runs")
    }

    /// Runs a scenario of the repository into `run`.
    fn run(&self, scenario: &str, more: &[&str]) -> Output {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(scenario);
        let path = path.to_string_lossy().into_owned();
        let mut arguments = vec!["run", &path, "--no-plots", "-qq", "--check", "--out", "run"];
        arguments.extend(more);
        self.sim(&arguments)
    }

    /// What `sim explain run` says.
    fn explained(&self, more: &[&str]) -> String {
        let mut arguments = vec!["explain", "run"];
        arguments.extend(more);
        let output = self.sim(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn has(text: &str, words: &str) {
    assert!(text.contains(words), "no `{words}` in:\n{text}");
}

/// A scenario misses its objective, is explained, and keeps it once the cause is mended.
fn shows_its_cause(test: &str, words: &[&str], mended: &str) {
    let room = Room::new(test);
    let scenario = format!("hpa-not-scaling/{test}.toml");
    let output = room.run(&scenario, &[]);
    assert_eq!(output.status.code(), Some(3), "the objective should be missed: {}", text(&output.stderr));
    let told = room.explained(&[]);
    for words in words {
        has(&told, words);
    }
    let output = room.run(&scenario, &["--set", mended]);
    assert_eq!(output.status.code(), Some(0), "mended, it should be kept: {}", text(&output.stderr));
}

#[test]
fn a_container_without_a_request_is_named() {
    shows_its_cause(
        "missing-requests",
        &[
            "replicas constant at 4 although p95 was above the objective for 2",
            "ScalingActive is False, FailedGetResourceMetric: missing request for cpu in container proxy of Pod chat-0 — set requests on every container",
        ],
        "pool.chat.containers.proxy.cpu.request=100m",
    );
}

#[test]
fn an_absent_metrics_api_is_named() {
    shows_its_cause(
        "no-metrics-server",
        &[
            "replicas constant at 4",
            "FailedGetResourceMetric: unable to fetch metrics from resource metrics API: the server could not find the requested resource",
            "install metrics-server",
        ],
        "metrics_server.enabled=true",
    );
}

#[test]
fn a_bound_that_is_too_low_is_named() {
    shows_its_cause(
        "max-reached",
        &["replicas constant at 5", "ScalingLimited is True, TooManyReplicas", "maxReplicas is 5 — raise maxReplicas"],
        "pool.chat.scaler.hpa.max_replicas=12",
    );
}

#[test]
fn a_target_that_does_not_exist_is_named() {
    shows_its_cause(
        "wrong-target",
        &[
            "replicas constant at 4",
            "AbleToScale is False, FailedGetScale: deployments.apps \"chatt\" not found",
            "fix scaleTargetRef",
        ],
        "pool.chat.scaler.hpa.scale_target_ref.name=chat",
    );
}

#[test]
fn pods_that_are_not_ready_are_named() {
    shows_its_cause(
        "unready-pods",
        &[
            "replicas constant at 4",
            "ScalingActive is True, ValidMetricFound, but 1 unready pod counts as 0%",
            "shorten the start-up",
        ],
        "pool.chat.start.load=10s",
    );
}

#[test]
fn a_ramp_within_its_bounds_is_told_step_by_step() {
    let room = Room::new("pulumi");
    assert_eq!(room.run("pulumi-cpu-80.toml", &[]).status.code(), Some(0));
    let told = room.explained(&[]);
    has(&told, "web, HPA on cpu 80%, 1 to 10 replicas");
    has(&told, "1 → 2");
    has(&told, "maxReplicas is 10");
}

fn decisions(folder: &Path) -> Vec<DecisionRow> {
    let file = File::open(folder.join("run/decisions.csv")).expect("a run has decisions");
    let rows = TableReader::new(file).expect("a header").rows();
    rows.map(|row| row.expect("own output").1).collect()
}

#[test]
fn a_decision_says_what_its_row_says() {
    let room = Room::new("spike");
    room.run("spike.toml", &[]);
    let rows = decisions(&room.0);
    let clock = |seconds: f64| {
        let whole = seconds as u64;
        format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
    };
    let percent = |ratio: Option<f64>| format!("{:.0}", ratio.expect("a metric that was seen") * 100.0);
    let grows = rows.iter().find(|row| row.metric.is_empty() && row.decided > row.replicas_now).expect("a spike");
    let damped = rows.iter().find(|row| row.why == "damped").expect("pods start in a spike");
    for number in [grows.decision, damped.decision] {
        let metric = rows.iter().find(|row| row.decision == number && !row.metric.is_empty()).expect("cpu");
        let last = rows.iter().find(|row| row.decision == number && row.metric.is_empty()).expect("a final row");
        let told = room.explained(&["--decision", &number.to_string()]);
        has(&told, &format!("chat, decision {number} at {} by hpa\n", clock(last.time_s)));
        has(&told, &format!("cpu {}% of request, measured {}", percent(metric.seen), clock(metric.seen_at_s.unwrap())));
        has(&told, &format!("truth now: {}%", percent(metric.truth)));
        has(&told, &format!(" × {} / {}) = {};", percent(metric.seen), percent(metric.target), metric.raw.unwrap()));
        has(&told, &format!("{} → {}", last.replicas_now.unwrap(), last.decided.unwrap()));
        has(&told, &format!("truth needed: {}", last.truth_needed.unwrap()));
    }
    let at = room.explained(&["--at", &clock(grows.time_s)]);
    has(&at, &format!("chat, decision {} at", grows.decision));
    assert_eq!(at, room.explained(&["--at", &format!("{}s", grows.time_s.ceil()), "--pool", "chat"]));
    let told = room.explained(&[]);
    has(&told, "although p95 was above the objective");
    let changes = rows.iter().filter(|row| row.metric.is_empty() && row.decided != row.replicas_now).count();
    has(&told, &format!("{changes} changes in "));
    assert_eq!(told.lines().filter(|line| line.contains(" → ")).count(), changes);
}

#[test]
fn wrong_arguments_are_refused_with_a_way_out() {
    let room = Room::new("wrong");
    room.run("hpa-not-scaling/max-reached.toml", &["--set", "duration=10m"]);
    fs::create_dir(room.0.join("other")).expect("a folder");
    let cases: [(&[&str], &str); 9] = [
        (&["explain", "nowhere"], "is no folder of a run"),
        (&["explain", "other"], "name a folder that `sim run` wrote"),
        (&["explain", "run", "--at", "11m"], "0:11:00 is after the end of the run\n  = help: it ended at 0:10:00"),
        (&["explain", "run", "--at", "0s"], "the first one is at 0:00:"),
        (&["explain", "run", "--at", "soon"], "write a duration such as 31m, or a clock such as 0:31:08"),
        (&["explain", "run", "--at", "0:61:00"], "`0:61:00` is no time"),
        (&["explain", "run", "--decision", "9999"], "they are numbered 1 to "),
        (&["explain", "run", "--pool", "shop"], "no pool `shop` in this run\n  = help: it has chat"),
        (&["explain", "run", "--at", "1m", "--decision", "1"], "cannot be used with"),
    ];
    for (arguments, words) in cases {
        let output = room.sim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        has(&text(&output.stderr), words);
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_lists_it_after_check() {
    let room = Room::new("help");
    let help = text(&room.sim(&["--help"]).stdout);
    let place =
        |command: &str| help.find(&format!("\n  {command} ")).unwrap_or_else(|| panic!("no {command} in {help}"));
    assert!(place("run") < place("check") && place("check") < place("explain") && place("explain") < place("init"));
    has(&text(&room.sim(&["explain", "--help"]).stdout), "sim explain output/spike --at 31m");
}

/// A run of ten minutes at a fixed pain, with decisions every 15 s that are all alike but for time and number.
struct Made {
    facts: PoolFacts,
    metric: DecisionRow,
    last: DecisionRow,
    events: Vec<(&'static str, &'static str, &'static str)>,
}

fn made(why: &str) -> Made {
    let cpu = MetricFacts { name: "cpu".to_owned(), unit: Unit::Share, target: Some(0.5) };
    let facts = PoolFacts {
        name: "chat".to_owned(),
        scaler: "hpa".to_owned(),
        min_replicas: Some(2),
        max_replicas: Some(4),
        metrics: vec![cpu],
        up: DirectionFacts { tolerance: Some(0.1), window_s: Some(60.0), policies: "Pods 1 per 60s".to_owned() },
        down: DirectionFacts { tolerance: Some(0.1), window_s: Some(300.0), policies: String::new() },
        queue_per_replica: Some(10),
        keeps_connections: false,
        latency_objective: Some(LatencyObjective { quantile: 0.95, at_most_s: 0.5 }),
        errors_objective_ratio: None,
    };
    let head = DecisionRow {
        object: "deployment/chat".to_owned(),
        scaler: "hpa".to_owned(),
        replicas_now: Some(4),
        ..DecisionRow::default()
    };
    // 4 pods at 100% of a target of 50%: twice as many.
    let metric = DecisionRow {
        metric: "cpu".to_owned(),
        seen: Some(1.0),
        target: Some(0.5),
        truth: Some(1.0),
        raw: Some(8),
        after_tolerance: Some(8),
        why: "formula".to_owned(),
        detail: "ready=4;unready=0;missing=0;ignored=0;ratio=2".to_owned(),
        ..head.clone()
    };
    let last = DecisionRow {
        after_window: Some(8),
        after_policies: Some(8),
        after_bounds: Some(4),
        decided: Some(4),
        truth_needed: Some(8),
        why: why.to_owned(),
        ..head
    };
    Made { facts, metric, last, events: Vec::new() }
}

impl Made {
    fn tables(&self) -> RunTables {
        let (mut decisions, mut events) = (Vec::new(), Vec::new());
        for pass in 0..40_u32 {
            let (decision, time_s) = (u64::from(pass) + 1, f64::from(pass) * 15.0 + 1.0);
            if !self.metric.metric.is_empty() {
                decisions.push(DecisionRow { decision, time_s, seen_at_s: Some(time_s - 1.0), ..self.metric.clone() });
            }
            decisions.push(DecisionRow { decision, time_s, ..self.last.clone() });
            events.extend(self.events.iter().map(|(severity, reason, message)| EventRow {
                time_s: time_s.to_string(),
                object: "hpa/chat".to_owned(),
                kind: "hpa".to_owned(),
                severity: (*severity).to_owned(),
                reason: (*reason).to_owned(),
                message: (*message).to_owned(),
            }));
        }
        let timeline = (1..=60_u32).map(|tick| TimelineRow {
            time_s: f64::from(tick) * 10.0,
            pool: "chat".to_owned(),
            offered_rps: 12.0,
            done_rps: 10.0,
            rejected_rps: 2.0,
            timed_out_rps: 0.0,
            lost_rps: 0.0,
            queue: 40,
            in_flight: 44,
            replicas_desired: 4,
            replicas_ready: 4,
            replicas_starting: 0,
            replicas_draining: 0,
            capacity_rps: 10.0,
            utilization_ratio: Some(1.0),
            utilization_seen_ratio: Some(1.0),
            utilization_seen_age_s: Some(1.0),
            latency_p50_s: Some(1.0),
            latency_p95_s: Some(2.0),
            latency_p99_s: Some(3.0),
            cost_usd: 0.0,
        });
        RunTables {
            scenario: "made".to_owned(),
            duration_s: 600.0,
            pools: vec![self.facts.clone()],
            timeline: timeline.collect(),
            decisions,
            events,
            ..RunTables::default()
        }
    }

    /// One decision and the sentences of the run.
    fn told(&self) -> (String, String) {
        let tables = self.tables();
        let decision = explain_decision(&tables, DecisionChoice::At(300.0), None).expect("there are decisions");
        let sentences = evidence(&tables, None);
        assert_eq!(sentences.len(), 1, "{sentences:?}");
        has(&explain_run(&tables), sentences[0].strip_prefix("chat: ").expect("whose sentence it is"));
        (decision, sentences[0].clone())
    }
}

/// Ticks from the first pass at 1 s to the end: all 600 s, for the tick that ends at 10 s has a pass in it.
const HURT: &str = "chat: replicas constant at 4 although p95 was above the objective for 10m: ";

#[test]
fn the_maximum() {
    let (decision, sentence) = made("max replicas").told();
    has(&decision, "chat, decision 20 at 0:04:46 by hpa\n");
    has(&decision, "cpu 100% of request, measured 0:04:45 (1s old)");
    has(&decision, "ceil(4 × 100 / 50) = 8;  ratio 2\n");
    has(&decision, "8 wanted, maxReplicas is 4 → 4");
    has(&decision, "4 → 4");
    has(&decision, "truth needed: 8");
    has(&decision, "queues full (4 × 10), 2/s turned away, p95 2.0s (objective 500ms), 4 pods ready");
    has(&decision, "nothing changes until the run ends at 0:10:00");
    let words =
        "ScalingLimited is True, TooManyReplicas: cpu 100% of 50% asks for 8, maxReplicas is 4 — raise maxReplicas";
    assert_eq!(sentence, format!("{HURT}{words}"));
}

#[test]
fn policies_and_a_disabled_direction() {
    let mut limited = made("rate limited");
    limited.last.after_policies = Some(4);
    let (decision, sentence) = limited.told();
    has(&decision, "8 wanted, the scaleUp policies (Pods 1 per 60s) allow 4 now");
    has(&sentence, "ScalingLimited is True, ScaleUpLimit: cpu 100% of 50% asks for 8, the scaleUp policies allow 4");
    limited.last.why = "policy disabled".to_owned();
    let (decision, sentence) = limited.told();
    has(&decision, "8 wanted, but selectPolicy of scaleUp is Disabled → 4");
    has(&sentence, "selectPolicy of scaleUp is Disabled — set scaleUp.selectPolicy to Max or Min");
}

#[test]
fn a_window_and_the_recommendation_that_holds() {
    let mut held = made("stabilized");
    held.last.after_window = Some(4);
    let (decision, sentence) = held.told();
    // No pass ever recommended 4, so no time can be named.
    has(&decision, "8 wanted, the size held 4 within the window of 1m → 4");
    has(&sentence, "AbleToScale is True, ScaleUpStabilized: cpu 100% of 50% asks for 8");
    has(&sentence, "shorten scaleUp.stabilizationWindowSeconds");

    let mut down = made("stabilized");
    (down.metric.seen, down.metric.raw, down.metric.after_tolerance) = (Some(0.25), Some(2), Some(2));
    down.last.after_window = Some(4);
    let mut tables = down.tables();
    // Decision 10, at 136 s, is the last that asked for 4.
    let tenth = tables.decisions.iter_mut().find(|row| row.decision == 10).expect("there are 40");
    tenth.after_tolerance = Some(4);
    let decision = explain_decision(&tables, DecisionChoice::Number(20), Some("chat")).expect("there are 40");
    has(&decision, "2 wanted, 4 recommended at 0:02:16 still counts in the window of 5m, until 0:07:16 → 4");
}

#[test]
fn the_tolerance_and_old_values() {
    let mut calm = made("");
    (calm.metric.seen, calm.metric.raw, calm.metric.after_tolerance) = (Some(0.54), Some(5), Some(4));
    (calm.metric.truth, calm.last.truth_needed) = (Some(0.54), Some(5));
    calm.metric.why = "tolerance".to_owned();
    calm.metric.detail = "ready=4;unready=0;missing=0;ignored=0;ratio=1.08".to_owned();
    let (decision, sentence) = calm.told();
    has(&decision, "ceil(4 × 54 / 50) = 5;  ratio 1.08 is within tolerance 0.1 → no change");
    has(&sentence, "ScalingLimited is False, DesiredWithinRange: cpu 54% of 50% is within the tolerance 0.1");
    has(&sentence, "lower the target or the tolerance");
    calm.facts.keeps_connections = true;
    let (_, sentence) = calm.told();
    has(&sentence, "let kept connections end (connection_age): until then new pods get none of their requests");
    calm.metric.truth = Some(1.0);
    let (decision, sentence) = calm.told();
    has(&decision, "the load of now is not yet visible to the scaler");
    has(&sentence, "it still sees cpu 54% of 50%, measured 0:00:00, while the truth is 100%");
}

#[test]
fn pods_that_count_as_nothing() {
    let mut damped = made("");
    damped.metric.why = "damped".to_owned();
    damped.metric.detail = "ready=2;unready=1;missing=1;ignored=0;ratio=2".to_owned();
    (damped.metric.raw, damped.metric.after_tolerance) = (Some(4), Some(4));
    let (decision, sentence) = damped.told();
    // Twice the target over two of four pods is the target.
    has(&decision, "damped: 1 unready pod and 1 pod without a sample count as 0% → ratio about 1 → no change");
    has(&sentence, "ScalingActive is True, ValidMetricFound, but 1 unready pod and 1 pod without a sample count as 0%");
}

#[test]
fn the_minimum() {
    let mut least = made("min replicas");
    least.facts.min_replicas = Some(4);
    (least.metric.seen, least.metric.truth) = (Some(0.25), Some(0.25));
    (least.metric.raw, least.metric.after_tolerance, least.last.after_window) = (Some(2), Some(2), Some(2));
    least.events = vec![(
        "Normal",
        "TooFewReplicas",
        "ScalingLimited is True: the desired replica count is less than the minimum replica count",
    )];
    let (decision, sentence) = least.told();
    has(&decision, "2 wanted, minReplicas is 4 → 4");
    has(&sentence, "ScalingLimited is True, TooFewReplicas: cpu 25% of 50% asks for 2, minReplicas is 4");
}

#[test]
fn what_cannot_be_read() {
    let mut failed = made("failed");
    failed.metric = DecisionRow {
        seen: None,
        target: None,
        raw: None,
        after_tolerance: None,
        why: "failed".to_owned(),
        detail: "error=failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API".to_owned(),
        ..failed.metric
    };
    failed.last =
        DecisionRow { after_window: None, after_policies: None, after_bounds: None, decided: None, ..failed.last };
    failed.events = vec![(
        "Normal",
        "FailedGetResourceMetric",
        "ScalingActive is False: the HPA was unable to compute the replica count",
    )];
    let (decision, sentence) = failed.told();
    has(&decision, "ScalingActive is False, FailedGetResourceMetric: no metrics returned from resource metrics API");
    has(&decision, "nothing: the size stays 4");
    has(&sentence, "no metrics returned from resource metrics API — wait one or two scrapes");

    failed.metric.metric = String::new();
    failed.last.why = "no scale".to_owned();
    failed.last.replicas_now = None;
    failed.events = vec![
        ("Warning", "FailedGetScale", "no matches for kind \"Deploy\" in group \"apps\""),
        (
            "Normal",
            "FailedGetScale",
            "AbleToScale is False: the HPA controller was unable to get the target's current scale",
        ),
    ];
    let (decision, sentence) = failed.told();
    has(&decision, "AbleToScale is False, FailedGetScale: no matches for kind \"Deploy\" in group \"apps\"");
    has(&sentence, "no matches for kind \"Deploy\" in group \"apps\" — fix scaleTargetRef");
}

#[test]
fn nobody_and_nothing_to_scale() {
    let mut zero = made("zero");
    zero.metric.metric = String::new();
    let (decision, sentence) = zero.told();
    has(&decision, "replicas are 0: ScalingDisabled");
    has(&sentence, "ScalingActive is False, ScalingDisabled: replicas are 0 — scale to at least 1 by hand");

    let mut fixed = made("").tables();
    fixed.pools[0].scaler = "fixed".to_owned();
    fixed.decisions.clear();
    has(&evidence(&fixed, None)[0], "no autoscaler, the size is fixed");
    let refused = explain_decision(&fixed, DecisionChoice::At(60.0), None).expect_err("nobody decided");
    has(&refused, "its size is fixed");
}

#[test]
fn without_an_objective_failures_and_utilization_count() {
    let mut calm = made("max replicas");
    calm.facts.latency_objective = None;
    // 2 of 12 requests.
    has(&calm.told().1, "although 16.7% of the requests failed for 10m");
    calm.facts.errors_objective_ratio = Some(0.5);
    has(&calm.told().1, "although utilization was far above the target for 10m");
    has(&evidence(&calm.tables(), Some(0.2))[0], "although p95 was above the objective for 10m");
}

#[test]
fn several_pools_are_told_apart() {
    let room = Room::new("pools");
    let pool = |name: &str, scaler: &str| {
        format!(
            "[[load]]\nname = \"to-{name}\"\nto = \"{name}\"\nrate.step = {{ before = \"10/s\", after = \"60/s\", at = \"5m\" }}\n\
             [[pool]]\nname = \"{name}\"\nreplicas = 2\nservice.gamma = {{ mean = \"80ms\", cv = 0.5 }}\n\
             queue = {{ capacity = 50 }}\ncpu = {{ request = \"1\", limit = \"1\" }}\n{scaler}\n"
        )
    };
    let amount = "[pool.scaler.hpa]\ncpu = \"600m\"\nmax_replicas = 20\n[pool.scaler.hpa.behavior.scale_up]\n\
                  policies = [{ type = \"Pods\", value = 1, period = \"5m\" }]";
    let steps = "[pool.scaler.schedule]\nsteps = [{ at = \"10m\", replicas = 3 }]";
    let scenario = format!(
        "name = \"two\"\nduration = \"20m\"\n{}{}{}[[objective]]\nthat = \"p95 <= 500ms\"\nfor = \"95% of time\"\n",
        pool("amount", amount),
        pool("alone", ""),
        pool("clock", steps)
    );
    fs::write(room.0.join("two.toml"), scenario).expect("a file in a temporary folder");
    let output = room.sim(&["run", "two.toml", "--no-plots", "-qq", "--out", "run"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = room.explained(&[]);
    has(&told, "amount, HPA on cpu 0.6 cores, 1 to 20 replicas");
    has(&told, "cpu 1 core of 0.6 cores asks for 4, the scaleUp policies allow 3 at this moment");
    has(&told, "alone, no autoscaler\n");
    has(&told, "the size is fixed");
    // 60/s of 80 ms are 4.8 workers: three are too few to the end.
    has(
        &told,
        "to 0:20:00  replicas constant at 3 although p95 was above the objective for 10m: the schedule holds this size",
    );
    let at = room.explained(&["--at", "10m"]);
    has(&at, "(Pods 1 per 5m) allow 3 now");
    has(&at, "truth now: 100% of request");
    has(&at, "the step that holds now says 3");
    assert!(!room.explained(&["--at", "10m", "--pool", "clock"]).contains("amount"));
    let output = room.sim(&["explain", "run", "--at", "10m", "--pool", "alone"]);
    assert_eq!(output.status.code(), Some(2));
    has(&text(&output.stderr), "pool `alone` has no decisions: its size is fixed");
}
