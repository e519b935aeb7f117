//! What a summary says of a Seldon run beside its pools: models, servers, pipelines, and what an operator should look at.
//!
//! The troubles told here are those that upstream's users ask about most: a model at zero that nothing brings back, a wish
//! beyond what its server may have, and a placement that failed. Each line names a way out.

use super::words::{bytes, clock, columns, count, counted, duration, latency, percent, whole_percent};
use crate::record::{LatencyTotals, ModelTotals, RequestTotals, RunTotals, ServerTotals, SpellTotals, SpreadTotals};

/// What a figure without a value looks like.
const NOTHING: &str = "–";

/// The tables of models, servers and pipelines, each after an empty line; nothing of a run without them.
pub(super) fn tables(totals: &RunTotals) -> String {
    let mut text = String::new();
    for table in [model_table(totals), server_table(totals), pipeline_table(totals)] {
        if table.len() > 1 {
            text.push('\n');
            text.push_str(&columns("  ", &table));
        }
    }
    text
}

fn row<const CELLS: usize>(cells: [&str; CELLS]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

pub(super) fn model_table(totals: &RunTotals) -> Vec<Vec<String>> {
    let head = ["MODEL", "SERVER", "REQUESTS", "P50", "P95", "P99", "ERRORS", "REPLICAS wanted/available"];
    let mut rows = vec![[&head[..], &["STATE", "RELOADS"]].concat().into_iter().map(str::to_owned).collect()];
    for model in &totals.models {
        let [p50, p95, p99, _] = latencies(&model.requests);
        rows.push(vec![
            model.model.clone(),
            model.server.clone().unwrap_or_else(|| NOTHING.to_owned()),
            count(model.requests.offered),
            p50,
            p95,
            p99,
            errors(&model.requests),
            format!("{:.1}/{:.1}", model.wanted.mean, model.available.mean),
            state(model),
            count(model.reloads),
        ]);
    }
    rows
}

/// The state at the end, and its share of the time where it was not always so.
fn state(model: &ModelTotals) -> String {
    let share = model.states.iter().find(|share| share.state == model.state).map(|share| share.ratio);
    match share {
        _ if model.state.is_empty() => NOTHING.to_owned(),
        Some(ratio) if ratio < 1.0 => format!("{} {}", model.state, percent(ratio)),
        _ => model.state.clone(),
    }
}

pub(super) fn server_table(totals: &RunTotals) -> Vec<Vec<String>> {
    let head = ["SERVER", "MAX", "CONNECTED min/mean/max", "MODELS min/mean/max", "MEMORY", "EVICTIONS", "RELOADS"];
    let mut rows = vec![row(head)];
    for server in &totals.servers {
        rows.push(vec![
            server.server.clone(),
            server.max_replicas.map_or("none".to_owned(), |most| most.to_string()),
            spread(server.connected),
            spread(server.models_loaded),
            memory(server),
            count(server.evictions),
            count(server.reloads),
        ]);
    }
    rows
}

fn spread(spread: SpreadTotals) -> String {
    format!("{}/{:.1}/{}", spread.min, spread.mean, spread.max)
}

/// `1.2 GiB of 2.0 GiB (60%)`, both means.
fn memory(server: &ServerTotals) -> String {
    let (used, all) = (server.memory_used_bytes.mean, server.memory_bytes.mean);
    if all > 0.0 { format!("{} of {} ({})", bytes(used), bytes(all), whole_percent(used / all)) } else { bytes(used) }
}

pub(super) fn pipeline_table(totals: &RunTotals) -> Vec<Vec<String>> {
    let mut rows = vec![row(["PIPELINE", "REQUESTS", "P50", "P95", "P99", "MAX", "ERRORS"])];
    for pipeline in &totals.pipelines {
        let mut cells = vec![pipeline.pipeline.clone(), count(pipeline.requests.offered)];
        cells.extend(latencies(&pipeline.requests));
        cells.push(errors(&pipeline.requests));
        rows.push(cells);
    }
    rows
}

/// p50, p95, p99 and the greatest.
fn latencies(requests: &RequestTotals) -> [String; 4] {
    let of_done = |pick: fn(&LatencyTotals) -> f64| {
        requests.latency.as_ref().map_or(NOTHING.to_owned(), |totals| latency(pick(totals)))
    };
    [of_done(|totals| totals.p50_s), of_done(|totals| totals.p95_s), of_done(|totals| totals.p99_s), {
        of_done(|totals| totals.max_s)
    }]
}

fn errors(requests: &RequestTotals) -> String {
    requests.errors_ratio.map_or(NOTHING.to_owned(), percent)
}

/// What an operator should look at, a sentence each with a way out.
pub(super) fn notes(totals: &RunTotals) -> Vec<String> {
    let mut notes = Vec::new();
    for model in &totals.models {
        let name = &model.model;
        if let Some(spell) = &model.at_zero_with_demand {
            notes.push(format!(
                "model `{name}` was called while it had no replica and none was wanted ({}): nothing measures lag where \
                 there is no replica, so only a change by hand or an HPA on an external metric brings it back; keep \
                 min_replicas at 1",
                when(spell, totals.duration_s)
            ));
        }
        if let Some(spell) = &model.beyond_server {
            notes.push(beyond(model, spell, totals));
        }
        if let Some(spell) = &model.schedule_failed {
            notes.push(format!(
                "model `{name}` was ScheduleFailed ({}): no server had room for the replicas asked for{}; add server \
                 replicas or memory, or set min_replicas so that fewer may do",
                when(spell, totals.duration_s),
                if model.available.max > 0 { ", what was loaded went on serving" } else { "" },
            ));
        }
    }
    notes
}

fn beyond(model: &ModelTotals, spell: &SpellTotals, totals: &RunTotals) -> String {
    let server = totals.servers.iter().find(|server| Some(&server.server) == model.server.as_ref());
    let most = server.and_then(|server| server.max_replicas).unwrap_or_default();
    let way_out = match server {
        Some(server) if server.max_is_default => {
            format!("server max {most} is the chart's default: raise max_replicas")
        }
        _ => "a server's replica holds one replica of a model: raise the server's max_replicas".to_owned(),
    };
    format!(
        "model `{}` wanted up to {} where its server `{}` may have {most} ({}); {way_out}",
        model.model,
        counted(model.wanted.max, "replica"),
        model.server.as_deref().unwrap_or_default(),
        when(spell, totals.duration_s),
    )
}

/// `0:12:00 to 0:20:00, 8m`, or `0:12:00 to the end, 5m in all, longest 2m`.
fn when(spell: &SpellTotals, end_s: f64) -> String {
    let until = if spell.until_s >= end_s { "the end".to_owned() } else { clock(spell.until_s) };
    let length = duration(spell.total_s);
    let between = format!("{} to {until}", clock(spell.since_s));
    if spell.longest_s < spell.total_s {
        format!("{between}, {length} in all, longest {}", duration(spell.longest_s))
    } else {
        format!("{between}, {length}")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::summary::tests::{chat, spike};
    use super::*;
    use crate::record::{PipelineTotals, PoolTotals, StateTotals};

    fn spread_of(min: u64, mean: f64, max: u64) -> SpreadTotals {
        SpreadTotals { min, mean, max }
    }

    fn requests(offered: u64, scale: f64) -> RequestTotals {
        let latency = LatencyTotals {
            mean_s: 0.1 * scale,
            p50_s: 0.1 * scale,
            p90_s: 0.2 * scale,
            p95_s: 0.25 * scale,
            p99_s: 0.5 * scale,
            p999_s: 0.9 * scale,
            max_s: scale,
        };
        RequestTotals {
            offered,
            done: offered,
            errors_ratio: Some(0.0),
            latency: Some(latency),
            ..RequestTotals::default()
        }
    }

    /// Two models on a server, one of them in every trouble, and a pipeline.
    pub(in super::super) fn seldon() -> RunTotals {
        let spell = SpellTotals { since_s: 720.0, until_s: 7200.0, total_s: 300.0, longest_s: 120.0 };
        let share = |state: &str, ratio| StateTotals { state: state.to_owned(), ratio };
        let embed = ModelTotals {
            model: "embed".to_owned(),
            server: Some("mlserver".to_owned()),
            requests: requests(12_000, 1.0),
            wanted: spread_of(1, 2.5, 4),
            available: spread_of(1, 1.0, 1),
            state: "ScheduleFailed".to_owned(),
            states: vec![share("ModelAvailable", 0.75), share("ScheduleFailed", 0.25)],
            reloads: 7,
            beyond_server: Some(SpellTotals { total_s: 6480.0, longest_s: 6480.0, ..spell }),
            schedule_failed: Some(spell),
            ..ModelTotals::default()
        };
        let idle = ModelTotals {
            model: "idle".to_owned(),
            requests: RequestTotals { offered: 3, ..RequestTotals::default() },
            state: "ModelScaledDown".to_owned(),
            states: vec![share("ModelScaledDown", 1.0)],
            at_zero_with_demand: Some(SpellTotals { since_s: 60.0, until_s: 90.0, total_s: 30.0, longest_s: 30.0 }),
            ..ModelTotals::default()
        };
        let mlserver = ServerTotals {
            server: "mlserver".to_owned(),
            max_replicas: Some(1),
            max_is_default: true,
            connected: spread_of(1, 1.0, 1),
            models_loaded: spread_of(0, 1.2, 2),
            memory_bytes: spread_of(1 << 31, 2_147_483_648.0, 1 << 31),
            memory_used_bytes: spread_of(0, 1_288_490_188.8, 1 << 31),
            evictions: 9,
            reloads: 7,
            ..ServerTotals::default()
        };
        RunTotals {
            scenario: "seldon".to_owned(),
            objectives: Vec::new(),
            clients: Some(requests(9_000, 2.0)),
            pools: vec![PoolTotals { pool: "mlserver".to_owned(), ..chat() }],
            models: vec![embed, idle],
            servers: vec![mlserver],
            pipelines: vec![PipelineTotals { pipeline: "answer".to_owned(), requests: requests(3_000, 2.0) }],
            ..spike()
        }
    }

    #[test]
    fn each_kind_has_its_table() {
        let expected = "
  MODEL  SERVER    REQUESTS  P50    P95    P99    ERRORS  REPLICAS wanted/available  STATE                 RELOADS
  embed  mlserver  12,000    100ms  250ms  500ms  0%      2.5/1.0                    ScheduleFailed 25.0%  7
  idle   –         3         –      –      –      –       0.0/0.0                    ModelScaledDown       0

  SERVER    MAX  CONNECTED min/mean/max  MODELS min/mean/max  MEMORY                    EVICTIONS  RELOADS
  mlserver  1    1/1.0/1                 0/1.2/2              1.2 GiB of 2.0 GiB (60%)  9          7

  PIPELINE  REQUESTS  P50    P95    P99   MAX   ERRORS
  answer    3,000     200ms  500ms  1.0s  2.0s  0%
";
        assert_eq!(tables(&seldon()), expected);
        assert_eq!(tables(&spike()), "");
    }

    #[test]
    fn troubles_are_told_with_their_time_and_a_way_out() {
        let notes = notes(&seldon());
        assert_eq!(notes.len(), 3);
        assert_eq!(
            notes[0],
            "model `embed` wanted up to 4 replicas where its server `mlserver` may have 1 (0:12:00 to the end, 1h48m); \
             server max 1 is the chart's default: raise max_replicas"
        );
        assert!(
            notes[1].starts_with(
                "model `embed` was ScheduleFailed (0:12:00 to the end, 5m in all, longest 2m): no server had room for \
                 the replicas asked for, what was loaded went on serving; "
            ),
            "{}",
            notes[1]
        );
        assert!(
            notes[2].starts_with(
                "model `idle` was called while it had no replica and none was wanted (0:01:00 to 0:01:30, 30s): "
            ),
            "{}",
            notes[2]
        );
        let mut chosen = seldon();
        chosen.servers[0].max_is_default = false;
        assert!(super::notes(&chosen)[0].ends_with("raise the server's max_replicas"));
        assert!(super::notes(&spike()).is_empty());
    }
}
