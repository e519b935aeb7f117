//! The report of a plan: what to set, what it rests on, and how far it carries.

use super::super::plan::{
    Found, candidate_rows, carries_rows, carries_words, changes, cheaper_words, cost_words, differing, goal_rows,
    in_the_way, plan_goal, replica_lines, saved_words, search_words, standing_words, unsearched,
};
use super::super::words::{count, counted};
use super::page::{Cell, Chart, Section, Table, Tile, Verdict};
use super::{MOST_ROWS, footer, quoted};
use crate::experiment::plan::Plan;
use crate::experiment::plan::search::Search;

/// What the report of a plan holds besides its figures.
#[derive(Clone, Debug, Default)]
pub struct PlanTexts {
    /// The Pareto chart as SVG; empty without one.
    pub pareto_svg: String,
    /// Its file beside the Markdown; empty without one.
    pub pareto_file: String,
    /// The timeline of the recommended setting under the first seed.
    pub timeline: Option<Chart>,
    /// The recommended scenario; empty without one.
    pub planned: String,
    /// Its autoscaler as a manifest; empty without one.
    pub hpa: String,
}

/// The parts of the report.
pub fn plan_sections(plan: &Plan, search: &Search, found: Option<&Found>, texts: &PlanTexts) -> Vec<Section> {
    let heading = |words: &str| Section::Heading(words.to_owned());
    let mut sections = vec![Section::Lead(format!("Plan for {}. Goal: {}.", plan.grid.base.name, plan_goal(plan)))];
    match found {
        Some(found) => {
            sections.push(recommendation(plan, search, found));
            sections.push(Section::Tiles(tiles(plan, search, found)));
            sections.push(heading("What to set"));
            sections.push(Section::Table(settings(plan, search, found.winner)));
            sections.push(heading("What it changes"));
            sections.extend(Table::of(goal_rows(plan, search, found), 1).map(Section::Table));
            if let Some(timeline) = &texts.timeline {
                sections.push(heading("How it goes"));
                sections.push(Section::Svg(timeline.clone()));
            }
            sections.extend(carries(plan, search, found));
        }
        None => sections.push(nothing_meets(plan, search)),
    }
    if !(texts.pareto_svg.is_empty() && texts.pareto_file.is_empty()) {
        sections.push(heading("All candidates at a glance"));
        sections.push(Section::Svg(Chart {
            svg: texts.pareto_svg.clone(),
            label: "What each candidate costs against what it gives.".to_owned(),
            file: texts.pareto_file.clone(),
            ..Chart::default()
        }));
    }
    sections.push(heading("How it was found"));
    sections.push(Section::Text(format!(
        "{}, with seeds from {} on, the same for all candidates. {}; the full grid is every candidate with as many seeds as \
         the winner took. A share of seeds is proven by the one-sided exact bound of Clopper and Pearson.",
        search_words(plan, search),
        plan.grid.first_seed,
        saved_words(search)
    )));
    for (words, candidates) in listed(plan, search, found) {
        sections.extend(
            Table::of(candidate_rows(plan, search, &candidates), plan.grid.axes.len())
                .map(|table| Section::Table(Table { caption: words, ..table })),
        );
    }
    sections.push(Section::Text("candidates.csv has every figure of every candidate, in base units.".to_owned()));
    sections.push(heading("Settings"));
    let kept = [
        ("The recommended scenario: planned.toml", &texts.planned),
        ("The recommended autoscaler: hpa.yaml", &texts.hpa),
        ("The plan", &plan.grid.source.text),
    ];
    for (summary, text) in kept.into_iter().filter(|(_, text)| !text.is_empty()) {
        sections.push(Section::Pre { summary: summary.to_owned(), text: text.clone() });
    }
    sections.push(heading("Repeat it"));
    sections.push(Section::Pre { summary: String::new(), text: again(plan) });
    sections.push(footer(
        env!("CARGO_PKG_VERSION"),
        &format!(" · {} · from seed {}", plan.grid.name, plan.grid.first_seed),
    ));
    sections
}

/// How much more load and delay the recommendation bears, and what would do in its place.
fn carries(plan: &Plan, search: &Search, found: &Found) -> Vec<Section> {
    let mut sections = vec![Section::Heading("How far it carries".to_owned())];
    sections.extend(Table::of(carries_rows(&found.around), 3).map(Section::Table));
    let lines = replica_lines(plan, search, found).into_iter();
    sections.extend(lines.map(|(label, words)| Section::Text(format!("{label}: {words}."))));
    sections.push(Section::Text(format!(
        "Judged by {} of the search each; limits are found by bisection. The fixed size is proven as candidates are.",
        counted(found.around.seeds as u64, "seed")
    )));
    sections
}

/// Candidates worth a table, and what they are.
fn listed(plan: &Plan, search: &Search, found: Option<&Found>) -> Vec<(String, Vec<usize>)> {
    match found {
        None => {
            let all = plan.grid.points();
            let of_all = if all > MOST_ROWS {
                format!("The first {MOST_ROWS} candidates of {}", count(all as u64))
            } else {
                "All candidates".to_owned()
            };
            vec![(of_all, (0..all.min(MOST_ROWS)).collect())]
        }
        Some(found) => vec![
            ("Candidates that cost less, the dearest first".to_owned(), search.race.cheaper_than(found.winner)),
            ("Others that are proven".to_owned(), search.race.feasible().into_iter().skip(1).collect()),
        ],
    }
}

fn recommendation(plan: &Plan, search: &Search, found: &Found) -> Section {
    let changed: Vec<String> = changes(plan, found.winner)
        .into_iter()
        .filter(|change| change.now != change.planned)
        .map(|change| {
            format!("{} {} (now {})", change.path.rsplit('.').next().unwrap_or_default(), change.planned, change.now)
        })
        .collect();
    let words = if changed.is_empty() {
        "What is set now meets the goal, and nothing cheaper in the search space is proven to.".to_owned()
    } else {
        format!("Set {}.", changed.join(", "))
    };
    let (held, seeds) = search.race.held(found.winner);
    let of_now = found.now.iter().filter(|outcome| outcome.holds()).count();
    let mut reasons = vec![format!(
        "Meets the goal in {held} of {} of the search and in {} of {} fresh ones; what is set now, in {of_now} of {}.",
        counted(seeds as u64, "seed"),
        found.fresh.iter().filter(|outcome| outcome.holds()).count(),
        found.fresh.len(),
        found.now.len(),
    )];
    reasons.extend(cheaper_words(plan, search, found.winner));
    let second = search.race.feasible().get(1).copied();
    reasons.extend(second.map(|second| {
        format!("Runner-up: {}, {}", differing(plan, second, found.winner), standing_words(search, second))
    }));
    Section::Verdict(Verdict { met: Some(true), words, reasons })
}

fn nothing_meets(plan: &Plan, search: &Search) -> Section {
    let mut reasons = Vec::new();
    if let Some(closest) = search.race.closest() {
        let words = plan.grid.words_of(&plan.point(closest));
        reasons.push(format!("Closest: {words}, {}", standing_words(search, closest)));
        reasons.extend(in_the_way(plan, search, closest).into_iter().map(|words| format!("In its way: {words}")));
    }
    let words = "Nothing in the search space meets the goal.".to_owned();
    Section::Verdict(Verdict { met: Some(false), words, reasons })
}

fn tiles(plan: &Plan, search: &Search, found: &Found) -> Vec<Tile> {
    let rows = goal_rows(plan, search, found);
    let mut tiles: Vec<Tile> = rows
        .iter()
        .skip(1)
        .map(|row| Tile { name: row[0].clone(), value: row[2].clone(), remark: format!("now {}", row[1]) })
        .collect();
    tiles.push(Tile {
        name: "head-room".to_owned(),
        value: carries_words(&found.around.load),
        remark: "of today's load".to_owned(),
    });
    if let [pool] = found.around.pools.as_slice()
        && let Some((replicas, cost)) = pool.fixed
    {
        tiles.push(Tile {
            name: "without autoscaling".to_owned(),
            value: counted(replicas.into(), "replica"),
            remark: format!("{} in place of it", cost_words(plan, cost)),
        });
    }
    tiles
}

fn settings(plan: &Plan, search: &Search, winner: usize) -> Table {
    let mut rows: Vec<Vec<Cell>> = changes(plan, winner)
        .into_iter()
        .map(|change| {
            let planned =
                if change.now == change.planned { format!("{} (unchanged)", change.planned) } else { change.planned };
            [change.path, change.now, planned].map(Cell::from).to_vec()
        })
        .collect();
    rows.extend(unsearched(plan, search, winner).into_iter().map(|kept| {
        let planned = format!("{} (not searched; peak used {})", kept.value, kept.peak);
        [kept.path, kept.value, planned].map(Cell::from).to_vec()
    }));
    Table { head: ["setting", "now", "planned"].map(str::to_owned).to_vec(), rows, words: 3, ..Table::default() }
}

fn again(plan: &Plan) -> String {
    let sets: String = plan.sets.iter().map(|set| format!(" --set {}", quoted(set))).collect();
    format!(
        "sim plan {}{sets} --seed {} --seeds {}\nsim run planned.toml        # in this folder: the recommendation, as a scenario\n",
        quoted(&plan.grid.source.name),
        plan.grid.first_seed,
        plan.grid.seeds
    )
}
