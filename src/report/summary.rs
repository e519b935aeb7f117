//! The summary of one run: objectives first, then one compact table, then what the scalers did.

use super::seldon;
use super::words::{clock, columns, count, counted, duration, latency, magnitude, percent, usd, whole_percent};
use crate::record::{LatencyTotals, ModelTotals, Move, ObjectiveResult, PoolTotals, RunTotals, ScalingStory};

/// What a figure without a value looks like.
const NOTHING: &str = "–";

/// What a summary says besides the totals.
#[derive(Clone, Debug, Default)]
pub struct SummaryContext {
    /// How long the run took.
    pub wall_s: Option<f64>,
    /// Events of the kernel per second of that.
    pub events_per_s: Option<f64>,
    /// What the scalers did, by pool in file order, then by model; may be empty.
    pub stories: Vec<ScalingStory>,
    /// What the reader must know to judge the run: assumptions of an import, parts that were left out.
    pub notes: Vec<String>,
    /// The run's folder as `sim explain` takes it.
    pub run: Option<String>,
    /// Where the files are, if any were written.
    pub folder: Option<String>,
    /// Their names.
    pub files: Vec<String>,
}

/// The summary as a person reads it.
pub fn run_summary(totals: &RunTotals, context: &SummaryContext) -> String {
    let mut text = format!(
        "{}  {}, one seed ({}): {}\n",
        totals.scenario,
        simulated(totals),
        totals.seed,
        volume(totals, context)
    );
    if !totals.objectives.is_empty() {
        text.push_str("\n  objectives\n");
        text.push_str(&columns(
            "    ",
            &totals.objectives.iter().map(|result| objective(totals, result)).collect::<Vec<_>>(),
        ));
    }
    text.push('\n');
    text.push_str(&columns("  ", &pool_table(totals)));
    text.push_str(&seldon::tables(totals));
    text.push_str(&scaling(totals, context));
    let notes = [totals.departures.clone(), seldon::notes(totals), context.notes.clone()].concat();
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in &notes {
        text.push_str(&format!("  note  {note}\n"));
    }
    if let Some(folder) = &context.folder {
        text.push_str(&format!("\nwrote {folder}{}\n", files(&context.files)));
    }
    text
}

/// The totals for programs: what `summary.json` holds. What is infinite or unknown is null.
pub fn summary_json(totals: &RunTotals) -> serde_json::Value {
    let mut value = serde_json::to_value(totals).expect("totals have text keys and numbers only");
    let met = totals.objectives.iter().all(|result| result.met);
    value["objectives_met"] = serde_json::Value::Bool(met);
    value
}

/// `2h simulated`, and what of it was left out.
pub(super) fn simulated(totals: &RunTotals) -> String {
    let mut text = format!("{} simulated", duration(totals.duration_s));
    if totals.warmup_s > 0.0 {
        text.push_str(&format!(" (first {} left out)", duration(totals.warmup_s)));
    }
    text
}

/// Requests that clients sent: those of all pools, unless pipelines make some of those.
pub(super) fn sent(totals: &RunTotals) -> u64 {
    let of_pools = || totals.pools.iter().map(|pool| pool.requests.offered).sum();
    totals.clients.as_ref().map_or_else(of_pools, |clients| clients.offered)
}

/// Is there more than one that a figure could be of?
pub(super) fn several(totals: &RunTotals) -> bool {
    totals.pools.len() + totals.models.len() + totals.pipelines.len() > 1
}

fn volume(totals: &RunTotals, context: &SummaryContext) -> String {
    let mut parts = vec![counted(sent(totals), "request")];
    let sum = |of_pool: fn(&PoolTotals) -> u64, of_model: fn(&ModelTotals) -> u64| {
        totals.pools.iter().map(of_pool).chain(totals.models.iter().map(of_model)).sum()
    };
    let decisions = sum(|pool| pool.decisions, |model| model.decisions);
    if decisions > 0 {
        parts.push(counted(decisions, "decision"));
        parts.push(counted(sum(|pool| pool.scale_actions, |model| model.scale_actions), "change"));
    }
    if let Some(wall_s) = context.wall_s {
        let speed = context.events_per_s.map(|speed| format!(" ({} events/s)", magnitude(speed)));
        parts.push(format!("{wall_s:.1} s{}", speed.unwrap_or_default()));
    }
    parts.join(", ")
}

fn objective(totals: &RunTotals, result: &ObjectiveResult) -> Vec<String> {
    vec![format!("{} {}", mark(result.met), objective_name(totals, result)), objective_value(result), remark(result)]
}

pub(super) fn mark(met: bool) -> &'static str {
    if met { "✓" } else { "✗" }
}

/// An objective, with its pool, model or pipeline where there are several.
pub(super) fn objective_name(totals: &RunTotals, result: &ObjectiveResult) -> String {
    if result.scope.is_empty() || !several(totals) {
        result.objective.clone()
    } else {
        format!("{}: {}", result.scope, result.objective)
    }
}

/// Share of windows, or the figure in its own unit, which its name tells.
pub(super) fn objective_value(result: &ObjectiveResult) -> String {
    let Some(value) = result.value else {
        return NOTHING.to_owned();
    };
    if result.windows.is_some() {
        return percent(value);
    }
    let name: String = result.objective.chars().take_while(|c| !c.is_whitespace() && !"<>=".contains(*c)).collect();
    match name.as_str() {
        "errors" | "utilization" | "good_time" => percent(value),
        "cost" | "cost_per_million" => usd(value),
        "queue" | "replicas_max" | "scale_actions" => count(value.max(0.0) as u64),
        "replica_hours" | "idle_replica_hours" => format!("{value:.1}"),
        "recovery" => duration(value),
        _ => latency(value),
    }
}

pub(super) fn remark(result: &ObjectiveResult) -> String {
    let mut parts = Vec::new();
    if let Some(first) = result.first_missed_s {
        parts.push(format!("first missed {}", clock(first)));
        parts.extend(result.longest_missed_s.map(|longest| format!("longest {}", duration(longest))));
    }
    if result.value.is_none() && result.note.is_empty() {
        parts.push("nothing to measure".to_owned());
    }
    if !result.note.is_empty() {
        parts.push(result.note.clone());
    }
    parts.join(", ")
}

pub(super) fn pool_table(totals: &RunTotals) -> Vec<Vec<String>> {
    let head = ["POOL", "REQUESTS", "P50", "P95", "P99", "MAX", "ERRORS", "REPLICAS min/mean/max", "UTIL", "COST"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for pool in &totals.pools {
        let of_done = |pick: fn(&LatencyTotals) -> f64| {
            pool.requests.latency.as_ref().map_or(NOTHING.to_owned(), |latencies| latency(pick(latencies)))
        };
        rows.push(vec![
            pool.pool.clone(),
            count(pool.requests.offered),
            of_done(|latencies| latencies.p50_s),
            of_done(|latencies| latencies.p95_s),
            of_done(|latencies| latencies.p99_s),
            of_done(|latencies| latencies.max_s),
            pool.requests.errors_ratio.map_or(NOTHING.to_owned(), percent),
            format!("{}/{:.1}/{}", pool.replicas_min, pool.replicas_mean, pool.replicas_max),
            pool.utilization_ratio.map_or(NOTHING.to_owned(), whole_percent),
            usd(pool.cost_usd),
        ]);
    }
    rows
}

fn scaling(totals: &RunTotals, context: &SummaryContext) -> String {
    let mut rows = Vec::new();
    let pools = totals.pools.iter().map(|pool| &pool.pool);
    let scaled = pools.chain(totals.models.iter().map(|model| &model.model));
    for (name, story) in scaled.zip(&context.stories) {
        for (word, way) in [("up", story.up), ("down", story.down)] {
            let Some(way) = way else {
                continue;
            };
            let who = if several(totals) { format!("{name} {word}") } else { word.to_owned() };
            rows.push(vec![who, told(word, &way), explain(word, &way, context)]);
        }
    }
    if rows.is_empty() { String::new() } else { format!("\n  scaling\n{}", columns("    ", &rows)) }
}

/// `6 → 28 in 11m: metric 1m late, 4 decisions`.
fn told(word: &str, way: &Move) -> String {
    let took = if way.took_s >= 0.5 { format!("in {}", duration(way.took_s.round())) } else { "at once".to_owned() };
    let mut parts = Vec::new();
    parts.extend(way.seen_age_s.filter(|age| *age >= 0.5).map(|age| format!("metric {} late", duration(age.round()))));
    parts.push(counted(way.decisions, "decision"));
    parts.extend(
        way.held_s
            .filter(|_| word == "down")
            .map(|held| format!("held {} by the stabilization window", duration(held.round()))),
    );
    format!("{} → {} {took}: {}", way.from, way.to, parts.join(", "))
}

/// How to look at a rise more closely: from the full minute before it.
fn explain(word: &str, way: &Move, context: &SummaryContext) -> String {
    match &context.run {
        Some(folder) if word == "up" => {
            let minute = (way.began_s / 60.0).floor() * 60.0;
            format!("sim explain {folder} --at {}", duration(if minute > 0.0 { minute } else { way.began_s }))
        }
        _ => String::new(),
    }
}

/// Pictures and pages by name, the rest by number: ` (timeline.png, 7 files)`.
fn files(names: &[String]) -> String {
    let shown = |name: &&String| name.ends_with(".png") || name.ends_with(".html");
    let mut parts: Vec<String> = names.iter().filter(shown).cloned().collect();
    let others = names.len() - parts.len();
    if others > 0 {
        parts.push(counted(others as u64, "file"));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::RequestTotals;

    pub(in super::super) fn chat() -> PoolTotals {
        PoolTotals {
            pool: "chat".to_owned(),
            scaler: "hpa".to_owned(),
            requests: RequestTotals {
                offered: 1_667_912,
                done: 1_535_000,
                rejected: 131_912,
                timed_out: 0,
                lost: 0,
                unfinished: 1_000,
                errors_ratio: Some(0.079_13),
                latency: Some(LatencyTotals {
                    mean_s: 1.2,
                    p50_s: 0.071,
                    p90_s: 5.0,
                    p95_s: 12.91,
                    p99_s: 13.4,
                    p999_s: 14.0,
                    max_s: 14.62,
                }),
            },
            replicas_min: 6,
            replicas_mean: 13.1,
            replicas_max: 28,
            utilization_ratio: Some(0.648),
            queue_max: 1_980,
            replica_hours: 26.2,
            idle_replica_hours: 9.2,
            cost_usd: 20.96,
            cost_per_million_usd: Some(13.65),
            decisions: 480,
            scale_actions: 21,
            conditions: Vec::new(),
        }
    }

    pub(in super::super) fn result(objective: &str, met: bool, value: Option<f64>) -> ObjectiveResult {
        ObjectiveResult {
            objective: objective.to_owned(),
            scope: String::new(),
            met,
            value,
            windows: None,
            first_missed_s: None,
            longest_missed_s: None,
            note: String::new(),
        }
    }

    pub(in super::super) fn spike() -> RunTotals {
        let in_windows = ObjectiveResult {
            windows: Some(120),
            first_missed_s: Some(1800.0),
            longest_missed_s: Some(780.0),
            ..result("p95 <= 500ms for 99% of time", false, Some(107.0 / 120.0))
        };
        let errors = ObjectiveResult {
            note: "rejected 7.9% between 0:30:00 and 0:43:00".to_owned(),
            ..result("errors <= 0.1%", false, Some(0.079_13))
        };
        RunTotals {
            scenario: "spike".to_owned(),
            seed: 42,
            duration_s: 7200.0,
            warmup_s: 0.0,
            objectives: vec![in_windows, errors, result("cost <= $25", true, Some(20.96))],
            good_time_ratio: Some(107.0 / 120.0),
            recovery_s: Some(780.0),
            clients: None,
            pools: vec![chat()],
            models: Vec::new(),
            servers: Vec::new(),
            pipelines: Vec::new(),
            departures: Vec::new(),
            events: 5_000_000,
        }
    }

    fn story() -> ScalingStory {
        let up = Move {
            from: 6,
            to: 28,
            began_s: 1883.0,
            took_s: 660.0,
            decisions: 4,
            seen_age_s: Some(60.0),
            held_s: None,
        };
        let down = Move {
            from: 28,
            to: 6,
            began_s: 4500.0,
            took_s: 600.0,
            decisions: 17,
            seen_age_s: None,
            held_s: Some(300.0),
        };
        ScalingStory { up: Some(up), down: Some(down) }
    }

    #[test]
    fn the_whole_summary() {
        let context = SummaryContext {
            wall_s: Some(1.84),
            events_per_s: Some(2.8e6),
            stories: vec![story()],
            notes: vec!["assumed: service is lognormal".to_owned()],
            run: Some("output/spike".to_owned()),
            folder: Some("output/spike".to_owned()),
            files: ["run.json", "timeline.csv", "timeline.png"].map(str::to_owned).to_vec(),
        };
        let expected = "\
spike  2h simulated, one seed (42): 1,667,912 requests, 480 decisions, 21 changes, 1.8 s (2.8 M events/s)

  objectives
    ✗ p95 <= 500ms for 99% of time  89.2%   first missed 0:30:00, longest 13m
    ✗ errors <= 0.1%                7.9%    rejected 7.9% between 0:30:00 and 0:43:00
    ✓ cost <= $25                   $20.96

  POOL  REQUESTS   P50   P95    P99    MAX    ERRORS  REPLICAS min/mean/max  UTIL  COST
  chat  1,667,912  71ms  12.9s  13.4s  14.6s  7.9%    6/13.1/28              65%   $20.96

  scaling
    up    6 → 28 in 11m: metric 1m late, 4 decisions                        sim explain output/spike --at 31m
    down  28 → 6 in 10m: 17 decisions, held 5m by the stabilization window

  note  assumed: service is lognormal

wrote output/spike (timeline.png, 2 files)
";
        assert_eq!(run_summary(&spike(), &context), expected);
    }

    #[test]
    fn without_objectives_scalers_or_requests_little_is_said() {
        let idle = PoolTotals {
            requests: RequestTotals { offered: 1, unfinished: 1, ..RequestTotals::default() },
            utilization_ratio: None,
            decisions: 0,
            cost_usd: 0.0,
            ..chat()
        };
        let totals = RunTotals { objectives: vec![], warmup_s: 60.0, pools: vec![idle], ..spike() };
        let expected = "\
spike  2h simulated (first 1m left out), one seed (42): 1 request

  POOL  REQUESTS  P50  P95  P99  MAX  ERRORS  REPLICAS min/mean/max  UTIL  COST
  chat  1         –    –    –    –    –       6/13.1/28              –     $0.00
";
        assert_eq!(run_summary(&totals, &SummaryContext::default()), expected);
    }

    #[test]
    fn each_figure_has_its_unit() {
        let cases = [
            ("p99.9 <= 1s", 0.25, "250ms"),
            ("mean<=1s", 1.26, "1.3s"),
            ("p95 <= 1s", f64::INFINITY, "∞"),
            ("errors <= 1%", 0.004, "0.40%"),
            ("queue <= 10", 1_200.0, "1,200"),
            ("replica_hours <= 30", 26.24, "26.2"),
            ("cost_per_million <= $10", 13.651, "$13.65"),
            ("recovery <= 5m", 780.0, "13m"),
            ("good_time >= 99%", 1.0, "100%"),
        ];
        for (objective, value, word) in cases {
            assert_eq!(objective_value(&result(objective, true, Some(value))), word, "{objective}");
        }
        assert_eq!(remark(&result("p95 <= 1s", true, None)), "nothing to measure");
    }

    #[test]
    fn with_several_pools_lines_say_whose_they_are() {
        let mut totals = spike();
        totals.pools.push(PoolTotals { pool: "rank".to_owned(), ..chat() });
        totals.objectives[0].scope = "rank".to_owned();
        let context = SummaryContext { stories: vec![ScalingStory::default(), story()], ..SummaryContext::default() };
        let text = run_summary(&totals, &context);
        assert!(text.contains("✗ rank: p95 <= 500ms"), "{text}");
        assert!(text.contains("    rank up    6 → 28 in 11m"), "{text}");
        assert!(text.contains("3,335,824 requests"), "{text}");
    }

    #[test]
    fn a_seldon_run_is_told_of_as_its_clients_saw_it() {
        let mut totals = super::super::seldon::tests::seldon();
        totals.models[0].decisions = 20;
        totals.models[0].scale_actions = 3;
        let stories = vec![ScalingStory::default(), story()];
        let text = run_summary(&totals, &SummaryContext { stories, ..SummaryContext::default() });
        // 480 and 21 of the pool.
        assert!(text.contains("9,000 requests, 500 decisions, 24 changes"), "{text}");
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} in {text}"));
        let order =
            ["  POOL ", "  MODEL ", "  SERVER ", "  PIPELINE ", "embed up ", "  note  model `embed` wanted"].map(at);
        assert!(order.is_sorted(), "{text}");
    }

    #[test]
    fn the_summary_for_programs_holds_all_totals() {
        let mut totals = spike();
        totals.objectives[1].value = Some(f64::INFINITY);
        let value = summary_json(&totals);
        assert_eq!(value["objectives"][0]["met"], false);
        assert_eq!(value["objectives"][1]["value"], serde_json::Value::Null);
        assert_eq!(value["objectives_met"], false);
        assert_eq!(value["pools"][0]["pool"], "chat");
        assert_eq!(value["pools"][0]["latency"]["p95_s"], 12.91);
        assert_eq!(value["pools"][0]["offered"], 1_667_912);
    }
}
