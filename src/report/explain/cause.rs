//! The first broken link of a pass that left the size as it was.
//!
//! Law: a cause is named by the condition and the reason under which Kubernetes shows it, wherever Kubernetes shows one.

use super::{Pass, PoolFacts, RunTables, age_s, error_in, grew_unseen, number_in, seen_of_target, value};
use crate::record::{DecisionRow, TimelineRow};
use crate::report::words::{clock, count};

/// What helps against pods that count as 0%.
const READY_SOONER: &str = "shorten the start-up, and check readiness probe and cpu-initialization-period";

/// What helps where the mean over all pods is fine, and those that hold the connections are overloaded.
const END_CONNECTIONS: &str =
    "let kept connections end (connection_age): until then new pods get none of their requests";

/// What kind of link is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The scale cannot be read or written.
    NoScale,
    /// Metrics cannot be read.
    Failed,
    Zero,
    Max,
    Disabled,
    RateLimited,
    Stabilized,
    Damped,
    /// What is seen is older than the load.
    Stale,
    /// At the minimum and content.
    Min,
    Tolerance,
    /// It asks for no more.
    Content,
    /// The size is right, its pods are on their way.
    Starting,
    /// The size is right, an old queue is being served.
    Backlog,
    Schedule,
    Fixed,
}

/// A broken link: what shows, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub kind: Kind,
    /// `ScalingActive is False, FailedGetResourceMetric: missing request for cpu ...`
    pub shows: String,
    pub fix: &'static str,
}

impl Cause {
    /// True if this one says more of the same link: pods that are not ready, rather than those that were not yet scraped.
    pub fn says_more_than(&self, other: &Self) -> bool {
        self.kind == Kind::Damped && self.fix == READY_SOONER && other.fix != READY_SOONER
    }

    /// Equal in what mends it.
    pub fn same_link(&self, other: &Self) -> bool {
        self.kind == other.kind && (self.fix == other.fix || self.kind == Kind::Damped)
    }
}

/// The cause that nobody decided anything.
pub(super) fn without_scaler() -> Cause {
    Cause {
        kind: Kind::Fixed,
        shows: "no autoscaler, the size is fixed".to_owned(),
        fix: "give the pool an HPA ([pool.scaler.hpa]), or more replicas",
    }
}

/// Why the size stays as it is after a pass; `None` if an HPA has just changed it.
pub(super) fn cause(tables: &RunTables, facts: &PoolFacts, pass: &Pass<'_>) -> Option<Cause> {
    // A schedule holds its sizes for long; an HPA comes again in seconds.
    if pass.last.scaler != "schedule" && pass.change().is_some() && !pass.clamped_by("no scale") {
        return None;
    }
    Some(
        broken(tables, pass)
            .or_else(|| limited(tables, facts, pass))
            .or_else(|| damped(tables, facts, pass))
            .unwrap_or_else(|| content(tables, facts, pass)),
    )
}

/// What a tick of the timeline adds: a size that is right needs time.
pub(super) fn in_tick(cause: &Cause, pass: &Pass<'_>, tick: &TimelineRow) -> Option<Cause> {
    let patient = matches!(
        cause.kind,
        Kind::Damped | Kind::Stale | Kind::Tolerance | Kind::Content | Kind::Stabilized | Kind::RateLimited
    );
    // By a tenth more or less is what the HPA itself leaves alone.
    let enough = f64::from(tick.replicas_desired) * 1.1;
    if !patient || pass.last.truth_needed.is_none_or(|needed| f64::from(needed) > enough) {
        return None;
    }
    if tick.replicas_ready < tick.replicas_desired {
        let shows =
            format!("the size is right, but only {} of {} pods are ready", tick.replicas_ready, tick.replicas_desired);
        let fix = "shorten the start of a pod, or keep a higher minReplicas";
        return Some(Cause { kind: Kind::Starting, shows, fix });
    }
    (tick.queue > u64::from(tick.replicas_ready)).then(|| Cause {
        kind: Kind::Backlog,
        shows: format!("the size is right, but {} requests still wait from before", count(tick.queue)),
        fix: "bound the queue, or time requests out sooner",
    })
}

/// A condition as it stood, or as it must have stood where the events are not at hand.
fn stood(tables: &RunTables, pass: &Pass<'_>, kind: &str, otherwise: &str) -> String {
    tables.condition(pass, kind).unwrap_or_else(|| format!("{kind} is {otherwise}"))
}

/// The text of the pass's own warning.
pub(super) fn warning_of(tables: &RunTables, pass: &Pass<'_>, reasons: &[&str]) -> Option<(String, String)> {
    let warnings = tables.events_of(pass).filter(|event| event.severity == "Warning");
    let mut found = warnings.filter(|event| reasons.iter().any(|reason| event.reason.starts_with(reason)));
    found.next().map(|event| (event.reason.clone(), event.message.clone()))
}

/// The scale or the metrics cannot be had.
fn broken(tables: &RunTables, pass: &Pass<'_>) -> Option<Cause> {
    if pass.clamped_by("no scale") {
        let warning = warning_of(tables, pass, &["FailedGetScale", "FailedRescale"]);
        let text = warning.map_or(String::new(), |(_, text)| format!(": {text}"));
        let shows = stood(tables, pass, "AbleToScale", "False, FailedGetScale") + &text;
        let fix = if shows.contains("FailedUpdateScale") {
            "remove what refuses the write: quota, admission or RBAC"
        } else {
            "fix scaleTargetRef: its name, kind and apiVersion"
        };
        return Some(Cause { kind: Kind::NoScale, shows, fix });
    }
    if pass.clamped_by("failed") {
        let failed = pass.metrics.iter().find(|row| row.why == "failed");
        let text = match failed {
            Some(row) => error_in(&row.detail).to_owned(),
            None => warning_of(tables, pass, &["InvalidSelector", "SelectorRequired", "AmbiguousSelector"])
                .map_or(String::new(), |(_, text)| text),
        };
        let condition = stood(tables, pass, "ScalingActive", "False");
        let fix = fix_of_metric(&condition, &text);
        return Some(Cause { kind: Kind::Failed, shows: format!("{condition}: {text}"), fix });
    }
    pass.clamped_by("zero").then(|| Cause {
        kind: Kind::Zero,
        shows: stood(tables, pass, "ScalingActive", "False, ScalingDisabled") + ": replicas are 0",
        fix: "scale to at least 1 by hand",
    })
}

/// What helps against a metric that cannot be read.
fn fix_of_metric(condition: &str, text: &str) -> &'static str {
    let cases = [
        ("missing request for", "set requests on every container"),
        ("could not find the requested resource", "install metrics-server"),
        ("currently unable to handle the request", "repair metrics-server"),
        ("no metrics returned from resource metrics API", "wait one or two scrapes, then check that pods run"),
        ("did not receive metrics for targeted pods", "wait one or two scrapes, then check that pods become ready"),
        (
            "Internal error occurred: unable to fetch metrics",
            "repair Prometheus: the metrics adapter gets no answer from it",
        ),
        ("no metrics returned from custom metrics API", "wait for two scrapes, then check what Prometheus scrapes"),
        ("no metrics returned from external metrics API", "wait for two scrapes, then check what Prometheus scrapes"),
        ("multiple HPAs", "keep one HPA per workload"),
        ("selector", "publish status.selector in the target's scale"),
    ];
    let found = cases.iter().find(|(sign, _)| text.contains(sign)).map(|(_, fix)| *fix);
    match found {
        Some(fix) => fix,
        None if condition.contains("FailedGetResourceMetric") => "check metrics-server and the pods' samples",
        None => "check the metrics adapter: its rules, the metric's name and selector",
    }
}

/// It asks for more and is held.
fn limited(tables: &RunTables, facts: &PoolFacts, pass: &Pass<'_>) -> Option<Cause> {
    let (wants, now) = (pass.wants()?, pass.before()?);
    if wants <= now {
        return None;
    }
    let asks = asks(facts, pass);
    let (kind, condition, more, fix) = if pass.clamped_by("stabilized") && pass.last.after_window <= Some(now) {
        let window = facts.up.window_s.map_or(String::new(), |window| format!(" of {}", super::age(window)));
        let more = format!("an earlier recommendation in the scaleUp window{window} holds {now}");
        let fix = "shorten scaleUp.stabilizationWindowSeconds";
        (Kind::Stabilized, stood(tables, pass, "AbleToScale", "True, ScaleUpStabilized"), more, fix)
    } else if pass.clamped_by("policy disabled") {
        let fix = "set scaleUp.selectPolicy to Max or Min";
        let more = "selectPolicy of scaleUp is Disabled".to_owned();
        (Kind::Disabled, stood(tables, pass, "ScalingLimited", "True, ScaleUpLimit"), more, fix)
    } else if pass.clamped_by("rate limited") {
        let more = format!("the scaleUp policies allow {now} at this moment");
        let fix = "loosen the scaleUp policies, or selectPolicy";
        (Kind::RateLimited, stood(tables, pass, "ScalingLimited", "True, ScaleUpLimit"), more, fix)
    } else {
        let more = format!("maxReplicas is {now}");
        (Kind::Max, stood(tables, pass, "ScalingLimited", "True, TooManyReplicas"), more, "raise maxReplicas")
    };
    Some(Cause { kind, shows: format!("{condition}: {asks}, {more}"), fix })
}

/// `cpu 100% of 70% asks for 12`.
fn asks(facts: &PoolFacts, pass: &Pass<'_>) -> String {
    match (pass.leading(), pass.wants()) {
        (Some(row), Some(wants)) => format!("{} asks for {wants}", seen_of_target(facts, row)),
        _ => "no metric asks for anything".to_owned(),
    }
}

/// Pods without a usable sample hold it.
fn damped(tables: &RunTables, facts: &PoolFacts, pass: &Pass<'_>) -> Option<Cause> {
    let row = pass.leading()?;
    if row.why != "damped" || number_in(&row.detail, "ratio")? <= 1.0 {
        return None;
    }
    let unready = number_in(&row.detail, "unready").unwrap_or(0.0);
    let missing = number_in(&row.detail, "missing").unwrap_or(0.0);
    let fix =
        if unready > 0.0 { READY_SOONER } else { "check which pods lack samples: new ones need one or two scrapes" };
    let shows = format!(
        "{}, but {} as 0%: {} is not enough for more than {}",
        stood(tables, pass, "ScalingActive", "True, ValidMetricFound"),
        uncounted(unready, missing),
        seen_of_target(facts, row),
        row.after_tolerance.unwrap_or_default()
    );
    Some(Cause { kind: Kind::Damped, shows, fix })
}

/// `2 unready pods and 1 pod without a sample count`.
pub(super) fn uncounted(unready: f64, missing: f64) -> String {
    let pods = |number: f64, before: &str, after: &str| {
        format!("{number} {before}pod{}{after}", if number == 1.0 { "" } else { "s" })
    };
    let mut parts = Vec::new();
    if unready > 0.0 {
        parts.push(pods(unready, "unready ", ""));
    }
    if missing > 0.0 {
        parts.push(pods(missing, "", " without a sample"));
    }
    let verb = if unready + missing == 1.0 { "counts" } else { "count" };
    format!("{} {verb}", parts.join(" and "))
}

/// It has what it asks for.
fn content(tables: &RunTables, facts: &PoolFacts, pass: &Pass<'_>) -> Cause {
    if pass.last.scaler == "schedule" {
        return Cause {
            kind: Kind::Schedule,
            shows: "the schedule holds this size".to_owned(),
            fix: "give the schedule another step, or the pool an HPA",
        };
    }
    let Some(row) = pass.leading() else {
        return Cause { kind: Kind::Content, shows: "no metric was evaluated".to_owned(), fix: "check the bounds" };
    };
    if let Some(stale) = stale(facts, row) {
        return stale;
    }
    let range = stood(tables, pass, "ScalingLimited", "False, DesiredWithinRange");
    let now = pass.before().unwrap_or_default();
    if row.why == "tolerance" {
        let ratio = number_in(&row.detail, "ratio").unwrap_or(1.0);
        let tolerance = facts.direction(ratio > 1.0).tolerance;
        let tolerance = tolerance.map_or(String::new(), |tolerance| format!(" {}", super::short(tolerance)));
        return Cause {
            kind: Kind::Tolerance,
            shows: format!("{range}: {} is within the tolerance{tolerance}", seen_of_target(facts, row)),
            fix: if facts.keeps_connections { END_CONNECTIONS } else { "lower the target or the tolerance" },
        };
    }
    if pass.clamped_by("min replicas") {
        return Cause {
            kind: Kind::Min,
            shows: format!("{range}: {}, minReplicas is {now}", asks(facts, pass)),
            fix: "raise minReplicas, or scale on what is short: this metric is not",
        };
    }
    let range = if pass.clamped_by("stabilized") {
        stood(tables, pass, "AbleToScale", "True, ScaleDownStabilized")
    } else {
        range
    };
    Cause {
        kind: Kind::Content,
        shows: format!("{range}: {} and not for more than {now}", asks(facts, pass)),
        fix: if facts.keeps_connections {
            END_CONNECTIONS
        } else {
            "lower the target, or scale on what is short: this metric is not"
        },
    }
}

/// The load has grown since it was measured.
fn stale(facts: &PoolFacts, row: &DecisionRow) -> Option<Cause> {
    let (truth, target, seen_at_s) = (row.truth?, row.target?, row.seen_at_s?);
    let beyond = truth > target * (1.0 + facts.up.tolerance.unwrap_or(0.1));
    (grew_unseen(facts, row) && beyond && age_s(row)? > 0.0).then(|| Cause {
        kind: Kind::Stale,
        shows: format!(
            "it still sees {}, measured {}, while the truth is {}",
            seen_of_target(facts, row),
            clock(seen_at_s),
            value(facts.unit(row), truth)
        ),
        fix: "shorten metric-resolution, or leave head-room: a lower target, a higher minReplicas",
    })
}
