//! The story of a run: where the size changed, and where it did not although users waited.
//!
//! Law: a stretch is counted only where it hurt: a quantile above its objective, requests that failed, or a utilization far
//! above the target; and only if one cause held the size for at least two passes of an HPA.

use super::cause::{self, Cause};
use super::{LatencyObjective, Pass, PoolFacts, RunTables, age, age_s, between, seen_of_target, truth_in, value};
use crate::record::{EventRow, TimelineRow};
use crate::report::words::{clock, columns, counted, duration, percent};

/// Two passes of an HPA: shorter pain has no story.
const WORTH_TELLING_S: f64 = 30.0;
/// A utilization alone must be high for longer before it is a sign of anything.
const WORTH_TELLING_UTILIZATION_S: f64 = 120.0;
/// How far above the target is far.
const FAR_ABOVE: f64 = 1.2;
/// Share of failed requests that hurts where no objective says so.
const FAILED_RATIO: f64 = 0.01;

/// A time in which one cause held the size although it hurt.
#[derive(Clone, Debug)]
struct Stretch {
    cause: Cause,
    /// First and last moment that hurt.
    from_s: f64,
    to_s: f64,
    smallest: u32,
    largest: u32,
    latency_s: f64,
    errors_s: f64,
    utilization_s: f64,
    failed: f64,
    ended: f64,
    quantile: &'static str,
}

/// What hurt in a tick.
#[derive(Clone, Copy, Debug, Default)]
struct Pain {
    latency: bool,
    errors: bool,
    utilization: bool,
}

impl Pain {
    fn any(self) -> bool {
        self.latency || self.errors || self.utilization
    }
}

/// Tells a run decision by decision, where the size changed, and between them what held it.
pub fn explain_run(tables: &RunTables) -> String {
    let mut text = format!("{}, {} simulated\n", tables.scenario, duration(tables.duration_s));
    for objective in &tables.objectives {
        let pool = if objective.scope.is_empty() { String::new() } else { format!("{}: ", objective.scope) };
        let met = if objective.met { "kept" } else { "missed" };
        text.push_str(&format!("  {met:<7} {pool}{}\n", objective.objective));
    }
    for facts in &tables.pools {
        text.push_str(&format!("\n{}\n", title(tables, facts)));
        let mut lines = pool_lines(tables, facts);
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        if lines.is_empty() {
            text.push_str("  no change of size, and nothing that asked for one\n");
        }
        let table: Vec<Vec<String>> = lines.iter().filter_map(|(_, line)| line.as_ref().ok().cloned()).collect();
        let aligned = columns("  ", &table);
        let mut aligned = aligned.lines();
        for (_, line) in &lines {
            match line {
                Ok(_) => text.push_str(aligned.next().unwrap_or_default()),
                Err(sentence) => text.push_str(sentence),
            }
            text.push('\n');
        }
    }
    text
}

/// The sentences about broken links alone, for each pool that missed something. `latency_objective_s` is the p95 to keep
/// where a pool has no objective of its own.
pub fn evidence(tables: &RunTables, latency_objective_s: Option<f64>) -> Vec<String> {
    if !tables.objectives.is_empty() && tables.objectives.iter().all(|objective| objective.met) {
        return Vec::new();
    }
    let fallback = latency_objective_s.map(|at_most_s| LatencyObjective { quantile: 0.95, at_most_s });
    let mut sentences = Vec::new();
    for facts in &tables.pools {
        let mut merged: Vec<Stretch> = Vec::new();
        for stretch in stretches(tables, facts, facts.latency_objective.or(fallback)) {
            match merged.iter_mut().find(|other| other.cause.same_link(&stretch.cause)) {
                Some(other) => other.join(&stretch),
                None => merged.push(stretch),
            }
        }
        let told = merged.iter().filter(|stretch| stretch.is_worth_telling());
        sentences.extend(told.map(|stretch| format!("{}: {}", facts.name, stretch.sentence())));
    }
    sentences
}

fn title(tables: &RunTables, facts: &PoolFacts) -> String {
    let passes = tables.passes_of(&facts.name);
    let changes = passes.iter().filter(|pass| pass.change().is_some()).count();
    let done = format!("{} in {}", counted(changes as u64, "change"), counted(passes.len() as u64, "decision"));
    let bounds = match (facts.min_replicas, facts.max_replicas) {
        (Some(least), Some(most)) => format!(", {least} to {most} replicas"),
        _ => String::new(),
    };
    let targets: Vec<String> = facts
        .metrics
        .iter()
        .map(|metric| match metric.target {
            Some(target) => format!("{} {}", metric.name, value(metric.unit, target)),
            None => metric.name.clone(),
        })
        .collect();
    match facts.scaler.as_str() {
        "fixed" => format!("{}, no autoscaler", facts.name),
        "hpa" => format!("{}, HPA on {}{bounds}: {done}", facts.name, targets.join(", ")),
        other => format!("{}, by {other}: {done}", facts.name),
    }
}

/// A line in columns, or a sentence across them, with its time.
type Line = (f64, Result<Vec<String>, String>);

fn pool_lines(tables: &RunTables, facts: &PoolFacts) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for pass in tables.passes_of(&facts.name) {
        if let Some((from, to)) = pass.change() {
            lines.push((pass.time_s(), Ok(change(facts, &pass, from, to))));
        }
    }
    for stretch in stretches(tables, facts, facts.latency_objective) {
        if stretch.is_worth_telling() {
            let sentence = format!("  {}  {}", between(stretch.from_s, stretch.to_s), stretch.sentence());
            lines.push((stretch.from_s, Err(sentence)));
        }
    }
    let told = tables.events.iter().filter(|event| happened_to(event, &facts.name));
    lines.extend(told.filter_map(|event| {
        let at_s = super::seconds(event)?;
        Some((at_s, Err(format!("  {}  {}: {}", clock(at_s), event.reason, event.message))))
    }));
    lines
}

/// Faults, and what somebody did to this pool.
fn happened_to(event: &EventRow, pool: &str) -> bool {
    event.kind == "fault"
        || (event.kind == "intervention" && event.object.split_once('/').is_none_or(|(_, name)| name == pool))
}

/// A change of size in columns: when, what, seen, why, truth.
fn change(facts: &PoolFacts, pass: &Pass<'_>, from: u32, to: u32) -> Vec<String> {
    let seen = pass.leading().map_or(String::new(), |row| {
        let age = age_s(row).map_or(String::new(), |old| format!(" ({} old)", age(old)));
        format!("sees {}{age}", seen_of_target(facts, row))
    });
    let truth = pass.leading().and_then(|row| Some(truth_in(facts.unit(row), row.truth?)));
    let needed = pass.last.truth_needed.map(|needed| format!("needs {needed}"));
    let truth: Vec<String> = truth.into_iter().chain(needed).collect();
    let truth = if truth.is_empty() { String::new() } else { format!("truth {}", truth.join(", ")) };
    vec![clock(pass.time_s()), format!("{from} → {to}"), seen, why(pass), truth]
}

/// `asks for 25, rate limited to 12`.
fn why(pass: &Pass<'_>) -> String {
    let mut parts = Vec::new();
    if let Some(wants) = pass.wants() {
        let damped = pass.leading().is_some_and(|row| row.why == "damped");
        parts.push(format!("asks for {wants}{}", if damped { " (damped)" } else { "" }));
    }
    let row = pass.last;
    for clamp in pass.clamps() {
        let (word, size) = match clamp {
            "stabilized" => ("stabilized at", row.after_window),
            "rate limited" => ("rate limited to", row.after_policies),
            "max replicas" => ("maxReplicas", row.after_bounds),
            "min replicas" => ("minReplicas", row.after_bounds),
            other => (other, None),
        };
        parts.push(size.map_or(word.to_owned(), |size| format!("{word} {size}")));
    }
    parts.join(", ")
}

/// Times of pain without a change, one cause and one size each.
fn stretches(tables: &RunTables, facts: &PoolFacts, objective: Option<LatencyObjective>) -> Vec<Stretch> {
    let passes = tables.passes_of(&facts.name);
    // Of the pass that came last: its cause is sought once, however many ticks it lasts.
    let mut held: Option<(usize, Option<Cause>)> = None;
    let mut found: Vec<Stretch> = Vec::new();
    // The open one's cause; a tick without pain keeps it open.
    let mut open: Option<(Cause, u32)> = None;
    let (mut before_s, mut decided) = (0.0, 0);
    for tick in tables.timeline.iter().filter(|row| row.pool == facts.name) {
        let first = decided;
        while passes.get(decided).is_some_and(|pass| pass.time_s() <= tick.time_s) {
            decided += 1;
        }
        let moved = passes[first..decided].iter().any(|pass| pass.change().is_some());
        let cause = match decided.checked_sub(1) {
            _ if facts.scaler == "fixed" => Some(cause::without_scaler()),
            Some(last) if !moved => {
                if held.as_ref().is_none_or(|(of, _)| *of != last) {
                    held = Some((last, cause::cause(tables, facts, &passes[last])));
                }
                let held = held.as_ref().and_then(|(_, cause)| cause.clone());
                held.map(|held| cause::in_tick(&held, &passes[last], tick).unwrap_or(held))
            }
            _ => None,
        };
        let begins_s = std::mem::replace(&mut before_s, tick.time_s);
        let Some(cause) = cause else {
            open = None;
            continue;
        };
        let size = tick.replicas_desired;
        let pain = if begins_s < tables.warmup_s { Pain::default() } else { pain(facts, objective, tick) };
        let goes_on = open.as_ref().is_some_and(|(held, at)| *at == size && held.same_link(&cause));
        if pain.any() {
            if goes_on {
                let last = found.last_mut().expect("an open stretch has been found");
                last.add(begins_s, tick, pain);
                if cause.says_more_than(&last.cause) {
                    last.cause = cause;
                }
            } else {
                found.push(Stretch::begin(cause.clone(), objective, begins_s, tick, pain));
                open = Some((cause, size));
            }
        } else if !goes_on {
            open = None;
        }
    }
    found
}

/// What hurts in a tick.
fn pain(facts: &PoolFacts, objective: Option<LatencyObjective>, tick: &TimelineRow) -> Pain {
    let failed = failed_rps(tick);
    let ended = failed + tick.done_rps;
    let bearable = facts.errors_objective_ratio.unwrap_or(FAILED_RATIO);
    let late = objective.is_some_and(|objective| {
        quantile_of(objective, tick).1.is_some_and(|latency_s| latency_s > objective.at_most_s)
    });
    let far = facts.utilization_target().map(|target| target * FAR_ABOVE);
    Pain {
        latency: late,
        errors: ended > 0.0 && failed / ended > bearable,
        utilization: matches!((tick.utilization_ratio, far), (Some(used), Some(far)) if used > far),
    }
}

fn failed_rps(tick: &TimelineRow) -> f64 {
    tick.rejected_rps + tick.timed_out_rps + tick.lost_rps
}

/// The column nearest to the objective's quantile.
pub(super) fn quantile_of(objective: LatencyObjective, tick: &TimelineRow) -> (&'static str, Option<f64>) {
    match objective.quantile {
        quantile if quantile <= 0.7 => ("p50", tick.latency_p50_s),
        quantile if quantile <= 0.97 => ("p95", tick.latency_p95_s),
        _ => ("p99", tick.latency_p99_s),
    }
}

impl Stretch {
    fn begin(cause: Cause, objective: Option<LatencyObjective>, begins_s: f64, tick: &TimelineRow, pain: Pain) -> Self {
        let size = tick.replicas_desired;
        let quantile = objective.map_or("p95", |objective| quantile_of(objective, tick).0);
        let mut stretch = Self {
            cause,
            from_s: begins_s,
            to_s: begins_s,
            smallest: size,
            largest: size,
            latency_s: 0.0,
            errors_s: 0.0,
            utilization_s: 0.0,
            failed: 0.0,
            ended: 0.0,
            quantile,
        };
        stretch.add(begins_s, tick, pain);
        stretch
    }

    fn add(&mut self, begins_s: f64, tick: &TimelineRow, pain: Pain) {
        let length_s = tick.time_s - begins_s;
        self.to_s = tick.time_s;
        self.latency_s += if pain.latency { length_s } else { 0.0 };
        self.errors_s += if pain.errors { length_s } else { 0.0 };
        self.utilization_s += if pain.utilization { length_s } else { 0.0 };
        if pain.errors {
            self.failed += failed_rps(tick) * length_s;
            self.ended += (failed_rps(tick) + tick.done_rps) * length_s;
        }
    }

    fn join(&mut self, later: &Self) {
        if later.cause.says_more_than(&self.cause) {
            self.cause = later.cause.clone();
        }
        self.to_s = later.to_s;
        self.smallest = self.smallest.min(later.smallest);
        self.largest = self.largest.max(later.largest);
        self.latency_s += later.latency_s;
        self.errors_s += later.errors_s;
        self.utilization_s += later.utilization_s;
        self.failed += later.failed;
        self.ended += later.ended;
    }

    fn is_worth_telling(&self) -> bool {
        self.latency_s.max(self.errors_s) >= WORTH_TELLING_S || self.utilization_s >= WORTH_TELLING_UTILIZATION_S
    }

    /// `replicas constant at 4 although p95 was above the objective for 34m: ... — ...`.
    fn sentence(&self) -> String {
        let size = if self.smallest == self.largest {
            format!("replicas constant at {}", self.smallest)
        } else {
            format!("replicas held at {} to {}", self.smallest, self.largest)
        };
        let hurt = if self.latency_s >= WORTH_TELLING_S && self.latency_s >= self.errors_s / 2.0 {
            format!("{} was above the objective for {}", self.quantile, duration(self.latency_s))
        } else if self.errors_s >= WORTH_TELLING_S {
            format!("{} of the requests failed for {}", percent(self.failed / self.ended), duration(self.errors_s))
        } else {
            format!("utilization was far above the target for {}", duration(self.utilization_s))
        };
        format!("{size} although {hurt}: {} — {}", self.cause.shows, self.cause.fix)
    }
}
