//! The tables that a run writes, and what stands in their columns: the one source of `sim list columns`.

/// (file, one line, columns).
pub const COLUMNS: &[(&str, &str, &[&str])] = &[
    (
        "timeline.csv",
        "one row per tick and pool; rates and quantiles are over the tick that ends at time_s",
        &[
            "time_s",
            "pool",
            "offered_rps",
            "done_rps",
            "rejected_rps",
            "timed_out_rps",
            "lost_rps",
            "queue",
            "in_flight",
            "replicas_desired",
            "replicas_ready",
            "replicas_starting",
            "replicas_draining",
            "capacity_rps",
            "utilization_ratio",
            "utilization_seen_ratio",
            "utilization_seen_age_s",
            "latency_p50_s",
            "latency_p95_s",
            "latency_p99_s",
            "cost_usd",
        ],
    ),
    (
        "decisions.csv",
        "one row per metric proposal, then one final row (metric empty) per decision",
        &[
            "decision",
            "time_s",
            "object",
            "scaler",
            "metric",
            "seen",
            "target",
            "seen_at_s",
            "truth",
            "replicas_now",
            "raw",
            "after_tolerance",
            "after_window",
            "after_policies",
            "after_bounds",
            "decided",
            "truth_needed",
            "why",
            "detail",
        ],
    ),
    (
        "events.csv",
        "life of pods, conditions and events of scalers, interventions and faults",
        &["time_s", "object", "kind", "type", "reason", "message"],
    ),
    (
        "latency.csv",
        "the whole distribution per pool, model and pipeline, of done requests after the warm-up",
        &["pool", "quantile", "latency_s", "count"],
    ),
    (
        "models.csv",
        "Seldon runs: one row per tick and model; rates and quantiles are over the tick, reloads since the start",
        &[
            "time_s",
            "model",
            "server",
            "state",
            "wanted",
            "available",
            "offered_rps",
            "done_rps",
            "rejected_rps",
            "timed_out_rps",
            "lost_rps",
            "queue",
            "in_flight",
            "latency_p50_s",
            "latency_p95_s",
            "latency_p99_s",
            "reloads",
        ],
    ),
    (
        "servers.csv",
        "Seldon runs: one row per tick and server; evictions, reloads and cost since the start",
        &[
            "time_s",
            "server",
            "expected",
            "connected",
            "starting",
            "draining",
            "models_loaded",
            "models_registered",
            "memory_bytes",
            "memory_used_bytes",
            "evictions",
            "reloads",
            "utilization_ratio",
            "cost_usd",
        ],
    ),
    (
        "requests.csv",
        "one row per request, with --requests",
        &[
            "request",
            "load",
            "pool",
            "replica",
            "arrived_s",
            "started_s",
            "ended_s",
            "outcome",
            "demand_s",
            "latency_s",
        ],
    ),
    ("seeds.csv", "one row per seed, with --seeds", &["seed", "one column per figure of the summary"]),
];

#[cfg(test)]
mod tests {
    use super::COLUMNS;
    use crate::record::table::columns_of;
    use crate::record::{DecisionRow, EventRow, LatencyRow, ModelRow, RequestRow, ServerRow, TimelineRow};

    #[test]
    fn the_columns_listed_are_those_written() {
        let written = [
            ("timeline.csv", columns_of::<TimelineRow>()),
            ("decisions.csv", columns_of::<DecisionRow>()),
            ("events.csv", columns_of::<EventRow>()),
            ("latency.csv", columns_of::<LatencyRow>()),
            ("models.csv", columns_of::<ModelRow>()),
            ("servers.csv", columns_of::<ServerRow>()),
            ("requests.csv", columns_of::<RequestRow<'_>>()),
        ];
        for (file, columns) in written {
            let listed = COLUMNS.iter().find(|(listed, _, _)| *listed == file).map(|(_, _, columns)| *columns);
            assert_eq!(listed, Some(columns), "{file}");
        }
    }
}
