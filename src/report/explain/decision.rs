//! One decision in an operator's words.

use super::cause::{uncounted, warning_of};
use super::story::quantile_of;
use super::{
    DecisionChoice, Pass, PoolFacts, RunTables, Unit, age, age_s, bare, error_in, grew_unseen, number_in, short,
    truth_in, value,
};
use crate::record::{DecisionRow, TimelineRow};
use crate::report::words::{clock, count, counted, latency};

/// A line: its label, what it says, and what stands beside it.
type Line = (&'static str, String, String);

/// Explains a decision: what was seen, what the formula and each limit made of it, and how the truth was. By a time and
/// without a pool, one decision of each pool.
///
/// # Errors
/// There is no such decision or pool; the words say what there is instead.
pub fn explain_decision(tables: &RunTables, which: DecisionChoice, pool: Option<&str>) -> Result<String, String> {
    let passes = scaled(tables, pool)?;
    match which {
        DecisionChoice::Number(number) => {
            let name = passes[numbered(&passes, number)?].pool().to_owned();
            let passes = of_pool(passes, &name);
            Ok(told(tables, &passes, numbered(&passes, number)?))
        }
        DecisionChoice::At(time_s) => {
            let any = last_before(tables, &passes, time_s);
            let names = tables.pools.iter().map(|facts| &*facts.name);
            let each = names.map(|name| of_pool(passes.clone(), name)).filter(|passes| !passes.is_empty());
            let texts =
                each.filter_map(|passes| Some(told(tables, &passes, last_before(tables, &passes, time_s).ok()?)));
            let texts: Vec<String> = texts.collect();
            any.map(|_| texts.join("\n"))
        }
    }
}

fn of_pool<'a>(mut passes: Vec<Pass<'a>>, name: &str) -> Vec<Pass<'a>> {
    passes.retain(|pass| pass.pool() == name);
    passes
}

/// One of a pool's passes in words.
fn told(tables: &RunTables, passes: &[Pass<'_>], at: usize) -> String {
    let pass = &passes[at];
    let name = pass.pool();
    let unknown = PoolFacts { name: name.to_owned(), ..PoolFacts::default() };
    let facts = tables.facts(name).unwrap_or(&unknown);
    let mut lines: Vec<Line> = Vec::new();
    for row in &pass.metrics {
        lines.push(seen(facts, row));
        lines.push(("formula", formula(facts, row), String::new()));
    }
    lines.extend(clamps(tables, facts, passes, at));
    lines.push(decided(tables, pass));
    let tick = tables.tick_at(name, pass.time_s());
    lines.extend(tick.map(|tick| ("so far", so_far(facts, pass, tick), String::new())));
    lines.push(("next", next(tables, facts, passes, at), String::new()));
    let row = pass.last;
    format!("{name}, decision {} at {} by {}\n{}", row.decision, clock(row.time_s), row.scaler, laid_out(&lines))
}

/// Passes of the pool that is meant, or of all.
fn scaled<'a>(tables: &'a RunTables, pool: Option<&str>) -> Result<Vec<Pass<'a>>, String> {
    let names: Vec<&str> = tables.pools.iter().map(|facts| &*facts.name).collect();
    let mut passes = tables.passes();
    if let Some(pool) = pool {
        if !names.contains(&pool) {
            return Err(format!("no pool `{pool}` in this run\n  = help: it has {}", names.join(", ")));
        }
        passes.retain(|pass| pass.pool() == pool);
    }
    if passes.is_empty() {
        let whose = pool.map_or("this run".to_owned(), |pool| format!("pool `{pool}`"));
        return Err(format!(
            "{whose} has no decisions: its size is fixed\n  = help: `sim explain` without --at and --decision tells the run"
        ));
    }
    Ok(passes)
}

fn numbered(passes: &[Pass<'_>], number: u64) -> Result<usize, String> {
    let found = passes.iter().position(|pass| pass.last.decision == number);
    found.ok_or_else(|| {
        let (first, last) = (passes[0].last.decision, passes[passes.len() - 1].last.decision);
        format!("no decision {number} here\n  = help: they are numbered {first} to {last}; `--pool` picks a pool's own")
    })
}

fn last_before(tables: &RunTables, passes: &[Pass<'_>], time_s: f64) -> Result<usize, String> {
    if time_s > tables.duration_s {
        let end = clock(tables.duration_s);
        return Err(format!("{} is after the end of the run\n  = help: it ended at {end}", clock(time_s)));
    }
    // Equal to the nanosecond, or as an instant is printed: `--at 0:31:11` means a pass within that second.
    let found = passes.iter().rposition(|pass| pass.time_s() <= time_s || pass.time_s().floor() <= time_s);
    // Agents decide only when something happens: the minute in which the first decision falls means that one.
    let first_minute = (passes[0].time_s() / 60.0).floor() * 60.0;
    let found = found.or_else(|| (time_s > 0.0 && time_s >= first_minute).then_some(0));
    found.ok_or_else(|| {
        let first = &passes[0];
        format!(
            "no decision at or before {}\n  = help: the first one is at {}: `--decision {}`",
            clock(time_s),
            clock(first.time_s()),
            first.last.decision
        )
    })
}

/// Lines under one another; what stands beside is in one column.
fn laid_out(lines: &[Line]) -> String {
    let label = lines.iter().map(|(label, ..)| label.len()).max().unwrap_or(0);
    let beside = lines.iter().filter(|(.., beside)| !beside.is_empty());
    let width = beside.map(|(_, text, _)| text.chars().count()).max().unwrap_or(0).max(48);
    lines
        .iter()
        .map(|(name, text, beside)| {
            let line = if beside.is_empty() {
                format!("  {name:<label$}  {text}")
            } else {
                format!("  {name:<label$}  {text:<width$}  {beside}")
            };
            format!("{}\n", line.trim_end())
        })
        .collect()
}

/// What was seen, and the truth beside it.
fn seen(facts: &PoolFacts, row: &DecisionRow) -> Line {
    let unit = facts.unit(row);
    let of = if unit == Unit::Share { " of request" } else { "" };
    let text = match row.seen {
        Some(seen) => {
            let measured = match (row.seen_at_s, age_s(row)) {
                (Some(at_s), Some(old)) => format!(", measured {} ({} old)", clock(at_s), age(old)),
                _ => String::new(),
            };
            format!("{} {}{of}{measured}", row.metric, value(unit, seen))
        }
        None => format!("{} unknown", row.metric),
    };
    let truth = row.truth.map_or(String::new(), |truth| format!("truth now: {}", truth_in(unit, truth)));
    ("seen", text, truth)
}

/// The formula with its numbers, and what became of its result.
fn formula(facts: &PoolFacts, row: &DecisionRow) -> String {
    let (Some(seen), Some(target), Some(raw)) = (row.seen, row.target, row.raw) else {
        return format!("none: {}", error_in(&row.detail));
    };
    let unit = facts.unit(row);
    let pods = number_in(&row.detail, "ready").or_else(|| number_in(&row.detail, "status_replicas"));
    let pods = pods.or_else(|| row.replicas_now.map(f64::from)).unwrap_or_default();
    let ratio = number_in(&row.detail, "ratio").unwrap_or(seen / target);
    let text = format!("ceil({pods} × {} / {}) = {raw};  ratio {}", bare(unit, seen), bare(unit, target), short(ratio));
    match row.why.as_str() {
        "tolerance" => {
            let tolerance = facts.direction(ratio > 1.0).tolerance;
            let tolerance =
                tolerance.map_or("the tolerance".to_owned(), |number| format!("tolerance {}", short(number)));
            format!("{text} is within {tolerance} → no change")
        }
        "damped" => format!("{text}, {}", damped(row, ratio, pods)),
        _ => text,
    }
}

/// What pods without a usable sample did to the result.
fn damped(row: &DecisionRow, ratio: f64, ready: f64) -> String {
    let unready = number_in(&row.detail, "unready").unwrap_or(0.0);
    let missing = number_in(&row.detail, "missing").unwrap_or(0.0);
    let result = row.after_tolerance.unwrap_or_default();
    let result = if row.after_tolerance == row.replicas_now { "no change".to_owned() } else { result.to_string() };
    if ratio > 1.0 {
        let second = ratio * ready / (ready + unready + missing);
        format!(
            "damped: {} as 0% → ratio about {} → {result}",
            uncounted(unready, missing),
            short((second * 100.0).round() / 100.0)
        )
    } else {
        format!("damped: {} as if busy → {result}", uncounted(0.0, missing))
    }
}

/// Each limit that acted, in order.
fn clamps(tables: &RunTables, facts: &PoolFacts, passes: &[Pass<'_>], at: usize) -> Vec<Line> {
    let pass = &passes[at];
    let row = pass.last;
    let size = |size: Option<u32>| size.map_or("?".to_owned(), |size| size.to_string());
    let wanted = |before: Option<u32>| before.or(pass.wants()).or(row.replicas_now);
    let up = |to: Option<u32>| wanted(to) > row.replicas_now;
    let line = |clamp: &str| -> Option<Line> {
        Some(match clamp {
            "stabilized" => ("stabilized", stabilized(facts, passes, at), String::new()),
            "rate limited" => {
                let (way, policies) = policies(facts, up(row.after_window));
                let (from, to) = (size(row.after_window), size(row.after_policies));
                ("rate limited", format!("{from} wanted, the {way} policies{policies} allow {to} now"), String::new())
            }
            "policy disabled" => {
                let (way, _) = policies(facts, up(row.after_window));
                let now = size(row.replicas_now);
                let text = format!("{} wanted, but selectPolicy of {way} is Disabled → {now}", size(row.after_window));
                ("disabled", text, String::new())
            }
            "max replicas" => {
                ("at the max", bound(row, wanted(row.after_window), "maxReplicas", facts.max_replicas), String::new())
            }
            "min replicas" => {
                ("at the min", bound(row, wanted(row.after_window), "minReplicas", facts.min_replicas), String::new())
            }
            "zero" => (
                "zero",
                "replicas are 0: ScalingDisabled, until somebody scales to at least 1".to_owned(),
                String::new(),
            ),
            "failed" => ("failed", failed(tables, pass), String::new()),
            "no scale" => ("no scale", no_scale(tables, pass), String::new()),
            "schedule" => ("schedule", format!("the step that holds now says {}", size(row.decided)), String::new()),
            _ => return None,
        })
    };
    pass.clamps().filter_map(line).collect()
}

fn policies(facts: &PoolFacts, up: bool) -> (&'static str, String) {
    let policies = &facts.direction(up).policies;
    let told = if policies.is_empty() { String::new() } else { format!(" ({policies})") };
    (if up { "scaleUp" } else { "scaleDown" }, told)
}

/// `12 wanted, maxReplicas is 10 → 10`.
fn bound(row: &DecisionRow, wanted: Option<u32>, name: &str, bound: Option<u32>) -> String {
    let to = row.after_bounds.or(row.decided);
    let wanted = wanted.map_or(String::new(), |wanted| format!("{wanted} wanted, "));
    match (bound.or(to), to) {
        (Some(bound), Some(to)) => format!("{wanted}{name} is {bound} → {to}"),
        _ => format!("{wanted}{name} holds"),
    }
}

/// Which earlier recommendation holds the size.
fn stabilized(facts: &PoolFacts, passes: &[Pass<'_>], at: usize) -> String {
    let pass = &passes[at];
    let (Some(wants), Some(held)) = (pass.wants(), pass.last.after_window) else {
        return "an earlier recommendation holds the size".to_owned();
    };
    let way = facts.direction(wants > held);
    let within = |earlier: &&Pass<'_>| way.window_s.is_none_or(|window| pass.time_s() - earlier.time_s() <= window);
    let window = way.window_s.map_or(String::new(), |window| format!(" of {}", age(window)));
    let mut earlier = passes[..at].iter().rev().take_while(within);
    match earlier.find(|earlier| earlier.wants() == Some(held)) {
        Some(holder) => {
            let until =
                way.window_s.map_or(String::new(), |window| format!(", until {}", clock(holder.time_s() + window)));
            format!(
                "{wants} wanted, {held} recommended at {} still counts in the window{window}{until} → {held}",
                clock(holder.time_s())
            )
        }
        None => format!("{wants} wanted, the size held {held} within the window{window} → {held}"),
    }
}

fn failed(tables: &RunTables, pass: &Pass<'_>) -> String {
    let condition = tables.condition(pass, "ScalingActive").unwrap_or_else(|| "ScalingActive is False".to_owned());
    let text = match pass.metrics.iter().find(|row| row.why == "failed") {
        Some(row) => Some(error_in(&row.detail).to_owned()),
        None => warning_of(tables, pass, &["InvalidSelector", "SelectorRequired", "AmbiguousSelector"])
            .map(|(_, text)| text),
    };
    text.map_or(condition.clone(), |text| format!("{condition}: {text}"))
}

fn no_scale(tables: &RunTables, pass: &Pass<'_>) -> String {
    let condition = tables.condition(pass, "AbleToScale").unwrap_or_else(|| "AbleToScale is False".to_owned());
    let text = warning_of(tables, pass, &["FailedGetScale", "FailedRescale"]);
    text.map_or(condition.clone(), |(_, text)| format!("{condition}: {text}"))
}

fn decided(tables: &RunTables, pass: &Pass<'_>) -> Line {
    let row = pass.last;
    let asked = || tables.tick_at(pass.pool(), row.time_s).map(|tick| tick.replicas_desired);
    let text = match (row.replicas_now.or_else(asked), row.decided) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (Some(from), None) => format!("nothing: the size stays {from}"),
        _ => "nothing".to_owned(),
    };
    let needed = row.truth_needed.map_or(String::new(), |needed| format!("truth needed: {needed}"));
    ("decided", text, needed)
}

/// What goes on at the moment of a decision.
fn so_far(facts: &PoolFacts, pass: &Pass<'_>, tick: &TimelineRow) -> String {
    let mut parts = Vec::new();
    if pass.leading().is_some_and(|row| grew_unseen(facts, row)) {
        parts.push("the load of now is not yet visible to the scaler".to_owned());
    }
    let room = facts.queue_per_replica.map(|each| each * u64::from(tick.replicas_ready));
    match (room, facts.queue_per_replica) {
        (Some(room), Some(each)) if room > 0 && tick.queue >= room => {
            parts.push(format!("queues full ({} × {each})", tick.replicas_ready));
        }
        _ if tick.queue > 0 => parts.push(format!("queue {}", count(tick.queue))),
        _ => parts.push("no queue".to_owned()),
    }
    for (rate, what) in [(tick.rejected_rps, "turned away"), (tick.timed_out_rps, "timed out"), (tick.lost_rps, "lost")]
    {
        if rate > 0.0 {
            parts.push(format!("{}/s {what}", short((rate * 10.0).round() / 10.0)));
        }
    }
    if let Some(objective) = facts.latency_objective {
        let (name, latency_s) = quantile_of(objective, tick);
        parts.extend(
            latency_s
                .map(|seconds| format!("{name} {} (objective {})", latency(seconds), latency(objective.at_most_s))),
        );
    }
    parts.push(format!("{} ready", counted(u64::from(tick.replicas_ready), "pod")));
    for (pods, what) in [(tick.replicas_starting, "starting"), (tick.replicas_draining, "stopping")] {
        if pods > 0 {
            parts.push(format!("{pods} {what}"));
        }
    }
    parts.join(", ")
}

/// The next decision that changes something.
fn next(tables: &RunTables, facts: &PoolFacts, passes: &[Pass<'_>], at: usize) -> String {
    let changing = passes[at + 1..].iter().find_map(|pass| Some((pass, pass.change()?)));
    let Some((pass, (from, to))) = changing else {
        return format!("nothing changes until the run ends at {}", clock(tables.duration_s));
    };
    let sees = pass.leading().map_or(String::new(), |row| {
        let measured = row.seen_at_s.map_or(String::new(), |at_s| format!(", measured {}", clock(at_s)));
        row.seen
            .map_or(String::new(), |seen| format!(" sees {} {}{measured}", row.metric, value(facts.unit(row), seen)))
    });
    format!("{}{sees}: {from} → {to}", clock(pass.time_s()))
}
