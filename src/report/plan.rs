//! A plan as a person or a program reads it: the goal, what the search did, a diff against what is, what it changes, and
//! how far the recommendation carries.

use super::amounts::{NOTHING, amount, markdown, mean_and_half};
use super::words::{columns, count, counted, duration, latency, whole_percent};
use crate::experiment::plan::Plan;
use crate::experiment::plan::probe::{Around, Fragility, Limit, PoolAround, written_s};
use crate::experiment::plan::race::Standing;
use crate::experiment::plan::search::{Outcome, Search};
use crate::experiment::stats::estimate;
use crate::experiment::{Estimate, FigureKey, Unit};
use crate::record::{Objective, ObjectiveResult, ObjectiveScope};
use crate::units::Id;
use serde_json::{Map, Value, json};

/// What was found beside the search, where it has a winner.
#[derive(Clone, Debug)]
pub struct Found {
    /// The winner.
    pub winner: usize,
    /// Runs of what is now, with the winner's seeds.
    pub now: Vec<Outcome>,
    /// Runs of the winner with fresh seeds.
    pub fresh: Vec<Outcome>,
    /// How far it carries.
    pub around: Around,
}

/// `p95 <= 500ms for 99% of time, errors <= 0.1%; in 90% of seeds, sure to 95%`.
pub fn plan_goal(plan: &Plan) -> String {
    let objectives = plan.grid.loaded.scenario.objectives.iter();
    let all: Vec<String> = objectives.map(|objective| words_of(plan, objective)).collect();
    format!("{}; in {} of seeds, sure to {}", all.join(", "), share(plan.holds_in), share(plan.confidence))
}

/// A share with as many digits as it has.
fn share(share: f64) -> String {
    format!("{}%", (share * 1e6).round() / 1e4)
}

fn words_of(plan: &Plan, objective: &Objective) -> String {
    let of_time = objective.share_of_time.map_or_else(String::new, |time| format!(" for {} of time", share(time)));
    let scenario = &plan.grid.loaded.scenario;
    let whose = match objective.scope {
        ObjectiveScope::Pool(id) if scenario.pools.len() > 1 => format!("{}: ", scenario.pools[id.index()].name),
        _ => String::new(),
    };
    format!("{whose}{}{of_time}", objective.that)
}

/// `330 candidates of 3 settings, each with 3 to 200 seeds`.
pub fn plan_size(plan: &Plan) -> String {
    format!(
        "{} of {}, each with up to {}",
        counted(plan.grid.points() as u64, "candidate"),
        counted(plan.grid.axes.len() as u64, "setting"),
        counted(plan.grid.max_seeds.into(), "seed")
    )
}

/// How many candidates went beyond the first look, and with how many seeds.
fn tried(search: &Search, candidates: usize) -> (usize, usize, usize) {
    let seeds: Vec<usize> =
        (0..candidates).map(|candidate| search.race.held(candidate).1).filter(|&seeds| seeds > 1).collect();
    (seeds.len(), seeds.iter().copied().min().unwrap_or(1), seeds.iter().copied().max().unwrap_or(1))
}

pub(super) fn search_words(plan: &Plan, search: &Search) -> String {
    let candidates = plan.grid.points();
    let (tried, least, most) = tried(search, candidates);
    let cut = if tried < candidates { " (rest cut off by cost)" } else { "" };
    let seeds = if least == most { counted(least as u64, "seed") } else { format!("{least} to {most} seeds") };
    format!(
        "{}, {}, {} tried{cut}, {seeds} each",
        counted(plan.grid.axes.len() as u64, "setting"),
        counted(candidates as u64, "candidate"),
        count(tried as u64),
    )
}

pub(super) fn saved_words(search: &Search) -> String {
    format!(
        "{} of {} of the full grid: {} saved",
        count(search.race.runs() as u64),
        counted(search.race.full_grid() as u64, "run"),
        whole_percent((search.race.saved() * 100.0).floor() / 100.0)
    )
}

/// What a setting is now, as tables show it.
fn own_value(plan: &Plan, path: &str) -> String {
    let known = plan.grid.loaded.effective.iter().find(|(known, ..)| known == path);
    known.map_or_else(|| NOTHING.to_owned(), |(_, value, _)| value.trim_matches('"').to_owned())
}

/// A setting, its value now and its value in a candidate.
pub(super) struct Change {
    pub path: String,
    pub now: String,
    pub planned: String,
}

pub(super) fn changes(plan: &Plan, candidate: usize) -> Vec<Change> {
    let point = plan.point(candidate);
    let pair = |set: &String| {
        let (path, value) = set.split_once('=').expect("a set has a value");
        let planned = value.trim_matches('"').to_owned();
        Change { path: path.to_owned(), now: own_value(plan, path), planned }
    };
    point.sets.iter().map(pair).collect()
}

/// The most replicas of an HPA that were not searched, and the most that were used.
pub(super) struct Kept {
    pub path: String,
    pub value: String,
    pub peak: u32,
}

pub(super) fn unsearched(plan: &Plan, search: &Search, winner: usize) -> Vec<Kept> {
    let scenario = &plan.grid.loaded.scenario;
    let one = scenario.pools.len() == 1;
    let of = |name: &str| {
        let path = format!("pool.{name}.scaler.hpa.max_replicas");
        let searched = plan.grid.axes.iter().flat_map(|axis| &axis.paths).any(|axis| axis.path == path);
        let value = Some(own_value(plan, &path)).filter(|value| value != NOTHING && !searched)?;
        let figure = if one { "replicas_max".to_owned() } else { format!("{name}.replicas_max") };
        let seeds = search.race.held(winner).1;
        let used = (0..seeds).filter_map(|seed| search.results.value(winner, seed, &figure)).fold(0.0, f64::max);
        Some(Kept { path, value, peak: used as u32 })
    };
    scenario.pools.iter().filter_map(|pool| of(&pool.name)).collect()
}

fn diff(plan: &Plan, search: &Search, winner: usize) -> String {
    let mut rows = Vec::new();
    for change in changes(plan, winner) {
        let same = change.now == change.planned;
        let after = if same { "(unchanged)".to_owned() } else { format!("→ {}", change.planned) };
        rows.push(vec![if same { " " } else { "~" }.to_owned(), change.path, change.now, after]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let now = width(2);
    for row in &mut rows {
        row[2] = format!("{:<now$}", row[2]);
    }
    for Kept { path, value, peak } in unsearched(plan, search, winner) {
        rows.push(vec![" ".to_owned(), path, format!("{value:<now$}"), format!("(not searched; peak used {peak})")]);
    }
    let paths = rows.iter().map(|row| row[1].chars().count()).max().unwrap_or(0);
    rows.iter()
        .map(|row| format!("  {} {:<paths$}    {} {}", row[0], row[1], row[2], row[3]).trim_end().to_owned() + "\n")
        .collect()
}

fn unit_of(that: &str) -> Unit {
    let name = that.split(['<', '>', '=', ' ']).next().unwrap_or("");
    FigureKey::of(name).map_or(Unit::Seconds, |key| key.unit)
}

fn in_words(unit: Unit, estimate: Option<Estimate>) -> String {
    match estimate {
        None => NOTHING.to_owned(),
        Some(estimate) if !estimate.mean.is_finite() => "∞".to_owned(),
        Some(estimate) if estimate.half_width.is_none() => amount(unit, estimate.mean),
        Some(estimate) => mean_and_half(unit, &estimate).join(" "),
    }
}

/// Mean of what an objective was measured at.
fn measured<'a>(results: impl Iterator<Item = &'a ObjectiveResult>) -> Option<Estimate> {
    estimate(&results.filter_map(|result| result.value).collect::<Vec<_>>())
}

/// Now against planned, with a head; what each objective was measured at, then what is minimized.
pub(super) fn goal_rows(plan: &Plan, search: &Search, found: &Found) -> Vec<Vec<String>> {
    let objectives = &plan.grid.loaded.scenario.objectives;
    let windowed = objectives.iter().filter(|objective| objective.share_of_time.is_some()).count();
    let met: Vec<_> = search.met(found.winner).collect();
    let mut rows = vec![["", "now", "planned", ""].map(str::to_owned).to_vec()];
    for (number, objective) in objectives.iter().enumerate() {
        let in_time = objective.share_of_time.is_some();
        let unit = if in_time { Unit::Share } else { unit_of(&objective.that) };
        let named = objective.that.split(['<', '>', '=']).next().unwrap_or("").trim();
        let name = match (in_time, windowed) {
            (true, 1) => "good time".to_owned(),
            (true, _) => words_of(plan, objective),
            (false, _) => FigureKey::of(named).map_or_else(|| named.to_owned(), |key| key.words()),
        };
        let held = met.iter().filter(|met| met[number].met).count();
        let seeds = counted(met.len() as u64, "seed");
        let mark = super::summary::mark(held == met.len());
        rows.push(vec![
            name,
            in_words(unit, measured(found.now.iter().map(|outcome| &outcome.objectives[number]))),
            in_words(unit, measured(met.iter().map(|met| &met[number]))),
            format!("{mark} holds in {held} of {seeds}"),
        ]);
    }
    rows.push(cost_row(plan, search, found));
    rows
}

fn cost_row(plan: &Plan, search: &Search, found: &Found) -> Vec<String> {
    let key = FigureKey::of(&plan.minimize);
    let unit = key.as_ref().map_or(Unit::Plain, |key| key.unit);
    let now: Vec<f64> = found.now.iter().filter_map(|outcome| outcome.figure(&plan.minimize)).collect();
    let (now, planned) = (estimate(&now), search.results.estimate(found.winner, &plan.minimize));
    let per_run = if unit == Unit::Money { " /run" } else { "" };
    let shown = |estimate: Option<Estimate>| {
        estimate.map_or_else(|| NOTHING.to_owned(), |estimate| format!("{}{per_run}", amount(unit, estimate.mean)))
    };
    let change = now.zip(planned).filter(|(now, _)| now.mean > 0.0).map(|(now, planned)| planned.mean / now.mean - 1.0);
    vec![
        key.map_or_else(|| plan.minimize.clone(), |key| key.words()),
        shown(now),
        shown(planned),
        change.map_or_else(String::new, signed_percent),
    ]
}

fn signed_percent(change: f64) -> String {
    let sign = if change < 0.0 { "−" } else { "+" };
    format!("{sign}{:.1}%", change.abs() * 100.0)
}

pub(super) fn cost_words(plan: &Plan, cost: f64) -> String {
    amount(FigureKey::of(&plan.minimize).map_or(Unit::Plain, |key| key.unit), cost)
}

/// What a candidate differs in from another: `min_replicas 20`.
pub(super) fn differing(plan: &Plan, candidate: usize, from: usize) -> String {
    let (own, other) = (plan.point(candidate), plan.point(from));
    let axes = plan.grid.axes.iter().zip(own.labels.iter().zip(&other.labels));
    let words: Vec<String> = axes
        .filter(|(_, (own, other))| own != other)
        .map(|(axis, (own, _))| format!("{} {own}", axis.name.rsplit('.').next().unwrap_or(&axis.name)))
        .collect();
    words.join(", ")
}

pub(super) fn standing_words(search: &Search, candidate: usize) -> String {
    let (held, seeds) = search.race.held(candidate);
    let word = match search.race.standing(candidate) {
        Standing::Feasible => "proven feasible",
        Standing::Infeasible => "proven infeasible",
        Standing::Undecided => "undecided",
        Standing::CutOff => "cut off by cost",
    };
    format!("{word} ({held} of {})", counted(seeds as u64, "seed"))
}

fn candidate_words(plan: &Plan, search: &Search, candidate: usize, from: usize) -> String {
    let cost = cost_words(plan, search.race.mean_cost(candidate, usize::MAX));
    format!("{}: {cost}, {}", differing(plan, candidate, from), standing_words(search, candidate))
}

/// How the candidates that cost less stand; `None` where there is none.
pub(super) fn cheaper_words(plan: &Plan, search: &Search, winner: usize) -> Option<String> {
    let cheaper = search.race.cheaper_than(winner);
    if cheaper.is_empty() {
        return None;
    }
    let undecided: Vec<usize> =
        cheaper.iter().copied().filter(|&other| search.race.standing(other) == Standing::Undecided).collect();
    let refuted = count((cheaper.len() - undecided.len()) as u64);
    let mut words = format!("{}: {refuted} proven infeasible", counted(cheaper.len() as u64, "cheaper candidate"));
    if !undecided.is_empty() {
        words.push_str(&format!(", {} undecided (", count(undecided.len() as u64)));
        let names: Vec<String> = undecided.iter().take(3).map(|&other| differing(plan, other, winner)).collect();
        words.push_str(&names.join("; "));
        words.push_str(if undecided.len() > 3 { ", ... in report.md)" } else { ")" });
    }
    Some(words)
}

/// The dearest of those that cost less, how the others stand, and who comes next.
fn neighbours(plan: &Plan, search: &Search, winner: usize) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    if let Some(&next) = search.race.cheaper_than(winner).first() {
        lines.push(("next".to_owned(), candidate_words(plan, search, next, winner)));
    }
    lines.extend(cheaper_words(plan, search, winner).map(|words| (String::new(), words)));
    if let Some(&second) = search.race.feasible().get(1) {
        lines.push(("runner-up".to_owned(), candidate_words(plan, search, second, winner)));
    }
    lines
}

/// How far something can grow, as a multiple of what it is.
pub(super) fn carries_words(limit: &Limit) -> String {
    match limit {
        Limit::Between(low, _) => format!("×{:.2}", (low * 100.0).floor() / 100.0),
        Limit::Beyond(most) => format!("×{most} and more"),
        Limit::Nowhere => NOTHING.to_owned(),
    }
}

/// How far the load and each delay can grow, with a head.
pub(super) fn carries_rows(around: &Around) -> Vec<Vec<String>> {
    let mark = |holds: bool| super::summary::mark(holds).to_string();
    let mut rows = vec![["", "now", "tried", "holds up to"].map(str::to_owned).to_vec()];
    rows.push(vec!["load".to_owned(), "×1".to_owned(), "by bisection".to_owned(), carries_words(&around.load)]);
    for (load, holds) in &around.stress_loads {
        rows.push(vec!["load".to_owned(), "×1".to_owned(), format!("×{load:?}"), mark(*holds)]);
    }
    for fragility in &around.fragile {
        let now = fragility.now_s.map_or_else(|| "×1".to_owned(), time_words);
        let up_to = match (fragility.limit, fragility.now_s) {
            (Limit::Between(low, _), Some(now_s)) => written_s(now_s * low),
            (Limit::Beyond(most), Some(now_s)) => format!("{} and more", time_words(now_s * most)),
            (limit, _) => carries_words(&limit),
        };
        rows.push(vec![fragility.name.clone(), now, "by bisection".to_owned(), up_to]);
    }
    for stressed in &around.stress {
        rows.push(vec![stressed.name.clone(), stressed.now.clone(), stressed.label.clone(), mark(stressed.holds)]);
    }
    rows
}

fn time_words(seconds: f64) -> String {
    if seconds < 1.0 { latency(seconds) } else { duration(seconds) }
}

fn head_room(around: &Around) -> String {
    let mut parts = vec![match around.load {
        Limit::Between(..) => format!("load {} (by bisection)", carries_words(&around.load)),
        Limit::Beyond(_) => format!("load {}", carries_words(&around.load)),
        Limit::Nowhere => format!("none: missed as it is with {}", counted(around.seeds as u64, "seed")),
    }];
    parts.extend(around.stress_loads.iter().map(|(load, holds)| format!("×{load:?} {}", super::summary::mark(*holds))));
    parts.join("   ")
}

fn breaks(fragility: &Fragility) -> Option<String> {
    let short = short(&fragility.name);
    match (fragility.limit, fragility.now_s) {
        (Limit::Between(low, _), Some(now_s)) => {
            let (over, now) = if now_s < 1.0 {
                (latency(now_s * low), latency(now_s))
            } else {
                (written_s(now_s * low), duration(now_s))
            };
            Some(format!("{short} over {over} breaks the goal (now {now})"))
        }
        (Limit::Between(low, _), None) => Some(format!("{short} over ×{low:.2} breaks the goal")),
        (Limit::Nowhere, _) => Some(format!("{short} cannot grow")),
        (Limit::Beyond(_), _) => None,
    }
}

fn short(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    parts[parts.len().saturating_sub(2)..].join(".")
}

/// `service over 86ms breaks the goal (now 80ms); start.load does not (4m ✓)`.
fn fragile(around: &Around) -> String {
    let mut parts: Vec<String> = around.fragile.iter().filter_map(breaks).collect();
    for fragility in &around.fragile {
        if let (Limit::Beyond(most), now_s) = (fragility.limit, fragility.now_s) {
            let up_to = now_s.map_or_else(|| format!("×{most}"), |now_s| duration(now_s * most));
            parts.push(format!("{} does not ({up_to} ✓)", short(&fragility.name)));
        }
    }
    let mut names: Vec<&str> = around.stress.iter().map(|stressed| stressed.name.as_str()).collect();
    names.dedup();
    for name in names {
        let own: Vec<_> = around.stress.iter().filter(|stressed| stressed.name == name).collect();
        let broken: Vec<&str> =
            own.iter().filter(|stressed| !stressed.holds).map(|stressed| stressed.label.as_str()).collect();
        let last = own.last().map_or("", |stressed| stressed.label.as_str());
        parts.push(if broken.is_empty() {
            format!("{} does not ({last} ✓)", short(name))
        } else {
            format!("{} of {} breaks it", short(name), broken.join(", "))
        });
    }
    parts.join("; ")
}

/// Requests per second in three digits.
fn rps(rate: f64) -> String {
    if rate >= 99.95 { format!("{rate:.0}/s") } else { format!("{rate:.1}/s") }
}

pub(super) fn replica_lines(plan: &Plan, search: &Search, found: &Found) -> Vec<(String, String)> {
    let around = &found.around;
    let planned = search.race.mean_cost(found.winner, usize::MAX);
    let several = around.pools.len() > 1;
    let whose = |pool: &PoolAround| if several { format!("{}: ", pool.pool) } else { String::new() };
    let mut lines = Vec::new();
    for pool in &around.pools {
        if let (Some(knee), Some(that), Some(replicas)) = (pool.knee_rps, &pool.knee_at, pool.for_peak()) {
            let words = format!(
                "{}{} on its own at {that} (open-loop ramp); {} for the peak of {}, if none helps another",
                whose(pool),
                rps(knee),
                counted(replicas.into(), "replica"),
                rps(pool.peak_rps),
            );
            lines.push(("one replica".to_owned(), words));
        }
        if let Some((replicas, cost)) = pool.fixed {
            // Where less is asked of the scaler than to scale, the reader should know.
            let words = if cost < planned { "would do without a scaler, for less" } else { "would be needed instead" };
            let (replicas, cost) = (counted(replicas.into(), "replica"), cost_words(plan, cost));
            lines.push(("fixed size".to_owned(), format!("{}{replicas} {words}: {cost}", whose(pool))));
        }
    }
    lines
}

fn fresh_line(plan: &Plan, found: &Found) -> (String, String) {
    let held = found.fresh.iter().filter(|outcome| outcome.holds()).count();
    let words = format!(
        "holds in {held} of {} that the search has not used (from {} on)",
        counted(found.fresh.len() as u64, "seed"),
        plan.first_fresh_seed()
    );
    ("check".to_owned(), words)
}

fn lines_of(plan: &Plan, search: &Search, found: &Found) -> Vec<(String, String)> {
    let mut lines = neighbours(plan, search, found.winner);
    lines.push(("head-room".to_owned(), head_room(&found.around)));
    lines.push(("fragile".to_owned(), fragile(&found.around)));
    lines.extend(replica_lines(plan, search, found));
    lines.push(fresh_line(plan, found));
    lines
}

fn labelled(lines: &[(String, String)]) -> String {
    columns("  ", &lines.iter().map(|(label, words)| vec![label.clone(), words.clone()]).collect::<Vec<_>>())
}

fn head(plan: &Plan, search: &Search) -> String {
    format!("goal     {}\nsearch   {}\n         {}\n", plan_goal(plan), search_words(plan, search), saved_words(search))
}

/// A plan for people.
pub fn plan_table(plan: &Plan, search: &Search, found: Option<&Found>) -> String {
    let Some(found) = found else { return format!("{}\n{}", head(plan, search), nothing_meets(plan, search)) };
    let mut table = goal_rows(plan, search, found);
    table[0].iter_mut().for_each(|head| *head = head.to_uppercase());
    // Values of different kinds stand side by side: a little more air between them.
    for row in &mut table {
        for cell in row.iter_mut().take(3) {
            cell.push(' ');
        }
    }
    let table = columns("  ", &table);
    format!(
        "{}\n{}\n{table}\n{}",
        head(plan, search),
        diff(plan, search, found.winner),
        labelled(&lines_of(plan, search, found))
    )
}

/// What comes closest where nothing meets the goal, and what stands in its way.
fn nothing_meets(plan: &Plan, search: &Search) -> String {
    let candidates = 0..plan.grid.points();
    let undecided = candidates.filter(|&candidate| search.race.standing(candidate) == Standing::Undecided).count();
    let rest = if undecided > 0 { format!(", {} undecided", count(undecided as u64)) } else { String::new() };
    let refuted = counted((plan.grid.points() - undecided) as u64, "candidate");
    let mut text = format!("  nothing meets the goal: {refuted} proven infeasible{rest}\n");
    let Some(closest) = search.race.closest() else { return text };
    let words = plan.grid.words_of(&plan.point(closest));
    let cost = cost_words(plan, search.race.mean_cost(closest, usize::MAX));
    let mut lines = vec![("closest".to_owned(), format!("{words}: {cost}, {}", standing_words(search, closest)))];
    lines.extend(
        in_the_way(plan, search, closest)
            .into_iter()
            .enumerate()
            .map(|(number, words)| (if number == 0 { "in its way".to_owned() } else { String::new() }, words)),
    );
    text.push_str(&labelled(&lines));
    text
}

/// The objectives that a candidate misses, the one that it misses most often first.
pub(super) fn in_the_way(plan: &Plan, search: &Search, candidate: usize) -> Vec<String> {
    let met: Vec<_> = search.met(candidate).collect();
    let mut missed: Vec<(usize, usize)> = (0..plan.grid.loaded.scenario.objectives.len())
        .map(|number| (met.iter().filter(|met| !met[number].met).count(), number))
        .filter(|&(missed, _)| missed > 0)
        .collect();
    missed.sort_by_key(|&(missed, number)| (std::cmp::Reverse(missed), number));
    missed
        .into_iter()
        .map(|(count, number)| {
            let objective = &plan.grid.loaded.scenario.objectives[number];
            let unit = if objective.share_of_time.is_some() { Unit::Share } else { unit_of(&objective.that) };
            let value = in_words(unit, measured(met.iter().map(|met| &met[number])));
            let note = met.iter().map(|met| met[number].note.as_str()).find(|note| !note.is_empty());
            let note = note.map_or_else(String::new, |note| format!("; {note}"));
            let seeds = counted(met.len() as u64, "seed");
            format!("{}: {value}, missed in {count} of {seeds}{note}", words_of(plan, objective))
        })
        .collect()
}

fn candidate_row(plan: &Plan, search: &Search, candidate: usize) -> Vec<String> {
    let mut row = plan.point(candidate).labels;
    row.push(cost_words(plan, search.race.mean_cost(candidate, usize::MAX)));
    row.push(standing_words(search, candidate));
    row
}

/// Candidates with their settings, cost and standing, with a head.
pub(super) fn candidate_rows(plan: &Plan, search: &Search, candidates: &[usize]) -> Vec<Vec<String>> {
    let mut header: Vec<String> = plan.grid.axes.iter().map(|axis| axis.short(&plan.grid.axes)).collect();
    header.push(FigureKey::of(&plan.minimize).map_or_else(|| plan.minimize.clone(), |key| key.words()));
    header.push("standing".to_owned());
    let mut table = vec![header];
    table.extend(candidates.iter().map(|&candidate| candidate_row(plan, search, candidate)));
    table
}

/// Now against planned, or what comes closest, for a document.
pub fn plan_markdown(plan: &Plan, search: &Search, found: Option<&Found>) -> String {
    match found {
        Some(found) => markdown(&goal_rows(plan, search, found), 1),
        None => {
            let closest: Vec<usize> = search.race.closest().into_iter().collect();
            markdown(&candidate_rows(plan, search, &closest), plan.grid.axes.len() + 2)
        }
    }
}

fn limit_json(limit: Limit) -> Value {
    match limit {
        Limit::Between(holds, breaks) => json!({ "holds": holds, "breaks": breaks }),
        Limit::Beyond(holds) => json!({ "holds": holds, "breaks": null }),
        Limit::Nowhere => json!({ "holds": null, "breaks": 1.0 }),
    }
}

fn candidate_json(plan: &Plan, search: &Search, candidate: usize) -> Value {
    let point = plan.point(candidate);
    let names = plan.grid.axes.iter().map(|axis| axis.name.clone());
    let settings: Map<String, Value> = names.zip(point.labels.into_iter().map(Value::String)).collect();
    let (held, seeds) = search.race.held(candidate);
    let standing = match search.race.standing(candidate) {
        Standing::Feasible => "feasible",
        Standing::Infeasible => "infeasible",
        Standing::Undecided => "undecided",
        Standing::CutOff => "cut off",
    };
    let cost = search.race.mean_cost(candidate, usize::MAX);
    json!({ "candidate": candidate + 1, "settings": settings, "minimized": cost, "standing": standing, "held": held, "seeds": seeds })
}

/// A plan for programs.
pub fn plan_json(plan: &Plan, search: &Search, found: Option<&Found>) -> Value {
    let one = |candidate: usize| candidate_json(plan, search, candidate);
    let mut all = json!({
        "plan": plan.grid.name,
        "goal": plan_goal(plan),
        "minimize": plan.minimize,
        "candidates": plan.grid.points(),
        "runs": search.race.runs(),
        "full_grid_runs": search.race.full_grid(),
        "saved_ratio": search.race.saved(),
    });
    let Some(found) = found else {
        all["winner"] = Value::Null;
        all["closest"] = search.race.closest().map_or(Value::Null, one);
        all["in_its_way"] = json!(search.race.closest().map(|closest| in_the_way(plan, search, closest)));
        return all;
    };
    let held = found.fresh.iter().filter(|outcome| outcome.holds()).count();
    let around = &found.around;
    let fragile: Vec<Value> = around
        .fragile
        .iter()
        .map(|one| json!({ "name": one.name, "now_s": one.now_s, "multiple": limit_json(one.limit) }))
        .collect();
    let stress: Vec<Value> =
        around.stress.iter().map(|one| json!({ "name": one.name, "value": one.label, "holds": one.holds })).collect();
    let pools: Vec<Value> = around
        .pools
        .iter()
        .map(|pool| {
            json!({
                "pool": pool.pool, "knee_rps": pool.knee_rps, "knee_at": pool.knee_at, "peak_rps": pool.peak_rps,
                "replicas_for_peak": pool.for_peak(), "fixed_replicas": pool.fixed.map(|fixed| fixed.0),
                "fixed_minimized": pool.fixed.map(|fixed| fixed.1),
            })
        })
        .collect();
    all["winner"] = one(found.winner);
    all["runner_up"] = search.race.feasible().get(1).map_or(Value::Null, |&second| one(second));
    all["cheaper"] = search.race.cheaper_than(found.winner).into_iter().map(one).collect();
    all["fresh"] = json!({ "first_seed": plan.first_fresh_seed(), "held": held, "seeds": found.fresh.len() });
    all["head_room"] = limit_json(around.load);
    all["stress_loads"] = json!(around.stress_loads);
    all["fragile"] = json!(fragile);
    all["stress"] = json!(stress);
    all["pools"] = json!(pools);
    all
}
