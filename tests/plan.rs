//! Plans: what is recommended holds, what is cheaper was refuted or is named undecided, the race has the winner of the
//! grid, the same bytes come out however many threads there were, and there are words for what is wrong.

#[path = "common/mod.rs"]
mod common;

use autosim::diagnostics::Source;
use autosim::experiment::plan::read::{PlanOptions, read_plan};
use common::room::{Room, stderr};
use serde_json::Value;
use std::fs;
use std::path::Path;

const BASE: &str = include_str!("plan/base.toml");

/// 15 candidates: one more than a few, so that costs cut some off.
const PLAN: &str = r#"
base = "small.toml"
max_seeds = 60

[search]
"pool.chat.scaler.hpa.cpu" = ["50%", "70%", "90%"]

[[zip]]
name = "least"
[zip.set]
"pool.chat.replicas" = [2, 3, 4, 5, 6]
"pool.chat.scaler.hpa.min_replicas" = [2, 3, 4, 5, 6]

[[objective]]
that = "errors <= 1%"

[[objective]]
that = "p95 <= 300ms"
for = "90% of time"

[stress]
load = [1.1, 3.0]
"pool.chat.start.load" = ["30s", "2m"]
"#;

/// A folder with a base and a plan.
fn room(test: &str) -> Room {
    Room::new(&format!("plan-{test}"), &[("small.toml", BASE), ("plan.toml", PLAN)])
}

/// What a plan came to, as its `run.json` tells programs.
fn result(room: &Room, folder: &str) -> Value {
    let run: Value = serde_json::from_str(&room.read(&format!("{folder}/run.json"))).expect("JSON");
    run["result"].clone()
}

#[test]
fn a_plan_recommends_what_holds_and_refutes_what_is_cheaper() {
    let room = room("whole");
    let text = room.fine(&["plan", "plan.toml", "--out", "out", "-j", "2"]);
    for part in ["goal ", "search ", "NOW", "PLANNED", "head-room", "fragile", "one replica", "fixed size", "check "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let result = result(&room, "out");
    let winner = &result["winner"];
    // 20/s of 60 ms keep 1.2 replicas busy: two have queues, and as few as hold are the cheapest.
    assert_eq!(winner["standing"], "feasible");
    let cost = winner["minimized"].as_f64().expect("a cost");
    for cheaper in result["cheaper"].as_array().expect("a list") {
        assert!(cheaper["minimized"].as_f64().expect("a cost") < cost, "{cheaper}");
        assert!(cheaper["standing"] == "infeasible" || cheaper["standing"] == "undecided", "{cheaper}");
    }
    assert_eq!(result["runner_up"]["standing"], "feasible");
    // 90 % at 95 % is promised; with seeds of its own it must not be far below.
    let fresh = &result["fresh"];
    let share = fresh["held"].as_f64().expect("a count") / fresh["seeds"].as_f64().expect("a count");
    assert!(share >= 0.86, "{fresh}");
    assert_eq!(fresh["first_seed"], 5 + 60);
    // Nothing carries three times the load of 4 replicas at most 12 can take within ten minutes and stay below 300 ms.
    assert_eq!(result["stress_loads"][1][1], false);
    // One worker of 60 ms carries less than 16.7/s.
    let knee = result["pools"][0]["knee_rps"].as_f64().expect("a knee");
    assert!(knee > 1.0 && knee < 16.7, "{knee}");
    let peak = result["pools"][0]["peak_rps"].as_f64().expect("a peak");
    assert!((20.0..26.0).contains(&peak), "{peak}");
}

#[test]
fn the_recommended_files_check_run_and_apply() {
    let room = room("files");
    room.fine(&["plan", "plan.toml", "--out", "out", "--plots", "png,html"]);
    let files: Vec<String> = room.files("out").into_keys().collect();
    let wanted = [
        "candidates.csv",
        "hpa.yaml",
        "pareto.png",
        "planned.png",
        "planned.toml",
        "report.html",
        "report.md",
        "run.json",
    ];
    assert_eq!(files, wanted);
    // The answer comes first in both reports, with the charts of the recommendation and of all candidates.
    let (html, document) = (room.read("out/report.html"), room.read("out/report.md"));
    for report in [&html, &document] {
        let place = |words: &str| report.find(words).unwrap_or_else(|| panic!("{words}"));
        assert!(
            place("Meets the goal in ") < place("What to set") && place("What to set") < place("How far it carries")
        );
        assert!(report.contains("proven infeasible") && report.contains("kind: HorizontalPodAutoscaler"));
    }
    assert_eq!(html.matches("<figure").count(), 2);
    assert!(document.contains("(planned.png)") && document.contains("(pareto.png)"));
    room.fine(&["check", "out/planned.toml"]);
    room.fine(&["run", "out/planned.toml", "--out", "ran", "--no-plots", "--check"]);
    // The HPA is that of the recommended scenario.
    assert_eq!(room.fine(&["export", "k8s", "out/planned.toml"]), room.read("out/hpa.yaml"));
    // Written to stdout it is the same scenario.
    let shown = room.fine(&["plan", "plan.toml", "--out", "-"]);
    assert_eq!(shown, room.read("out/planned.toml"));
    assert!(shown.starts_with("name = \"planned\""), "{shown}");
}

#[test]
fn threads_change_nothing() {
    let room = room("threads");
    let one = room.fine(&["plan", "plan.toml", "--out", "one", "-j", "1", "--json"]);
    let two = room.fine(&["plan", "plan.toml", "--out", "two", "-j", "2", "--json"]);
    assert_eq!(one, two);
    assert_eq!(room.files("one"), room.files("two"));
    let three = room.fine(&["plan", "plan.toml", "--out", "three", "-j", "3", "--json"]);
    assert_eq!(one, three);
}

/// Every candidate with as many seeds as the winner took, by a sweep of the same grid.
#[test]
fn the_race_has_the_winner_of_the_full_grid() {
    let room = room("grid");
    room.fine(&["plan", "plan.toml", "--out", "out"]);
    let winner = result(&room, "out")["winner"].clone();
    let seeds = winner["seeds"].to_string();
    let objectives =
        PLAN[PLAN.find("[[objective]]").expect("objectives")..PLAN.find("[stress]").expect("stress")].to_owned();
    room.write("small-goal.toml", &(BASE.split("[[objective]]").next().expect("a base").to_owned() + &objectives));
    let grid = PLAN[PLAN.find("[search]").expect("axes")..PLAN.find("[[objective]]").expect("objectives")]
        .replace("[search]", "[axes]");
    room.write(
        "grid.toml",
        &format!(
            "base = \"small-goal.toml\"\nseeds = {seeds}\n{grid}\n[report]\ncolumns = [\"cost\", \"objectives\"]\n"
        ),
    );
    let table = room.fine(&["sweep", "grid.toml", "--out", "grid", "--json"]);
    let points = table.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    // All seeds meet all objectives: with 29 seeds that is what proves it.
    let held = points.filter(|point| point["figures"]["objectives"]["mean"] == 1.0);
    let cost = |point: &Value| point["figures"]["cost"]["mean"].as_f64().expect("a cost");
    let best = held.min_by(|a, b| cost(a).total_cmp(&cost(b))).expect("some hold");
    assert_eq!(best["point"], winner["candidate"], "{best} {winner}");
}

#[test]
fn where_nothing_holds_the_closest_is_named_and_what_stands_in_its_way() {
    let room = room("nothing");
    room.write("never.toml", &PLAN.replace("p95 <= 300ms", "p95 <= 10ms"));
    let output = room.sim(&["plan", "never.toml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("nothing meets the goal: 15 candidates proven infeasible"), "{text}");
    assert!(text.contains("closest ") && text.contains("in its way  p95 <= 10ms for 90% of time: 0%"), "{text}");
    let files: Vec<String> = room.files("out").into_keys().collect();
    assert_eq!(files, ["candidates.csv", "pareto.png", "report.md", "run.json"]);
    assert_eq!(result(&room, "out")["winner"], Value::Null);
}

#[test]
fn a_dry_run_checks_and_writes_nothing() {
    let room = room("dry");
    let text = room.fine(&["plan", "plan.toml", "--dry-run"]);
    assert!(text.starts_with("would run plan.toml: 15 candidates of 2 settings, each with up to 60 seeds"), "{text}");
    assert!(!room.0.join("output").exists());
    room.write("refused.toml", &PLAN.replace("[2, 3, 4, 5, 6]\n\n", "[2, 3, 4, 5, 60]\n\n"));
    let output = room.sim(&["plan", "refused.toml", "--dry-run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

fn problems(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let text = fs::read_to_string(folder.join(file)).expect("a file");
    let source = Source { name: file.to_owned(), text, folder };
    let plan = match read_plan(&source, &PlanOptions::default()) {
        Err(problems) => return problems.iter().map(|problems| problems.render(false)).collect::<Vec<_>>().join("\n"),
        Ok(plan) => plan,
    };
    let crew = autosim::experiment::Crew::new(1).expect("a thread");
    let points: Vec<usize> = (0..plan.grid.points()).collect();
    let stop = std::sync::atomic::AtomicBool::new(false);
    plan.grid.check(&points, &crew, &stop).expect_err("something is wrong").render(false)
}

/// Each file of `tests/plan` that is wrong, with what is said of it beside it.
#[test]
fn what_is_wrong_is_said_under_the_users_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let wrong = ["empty", "keys", "no-goal", "objectives", "paths", "refused", "stress", "too-many", "unprovable"];
    let write = std::env::var_os("UPDATE_EXPECTED").is_some();
    for name in wrong {
        let said = problems(&format!("{name}.toml")).replace(&format!("{}/", folder.display()), "");
        let path = folder.join(format!("{name}.stderr"));
        if write {
            fs::write(&path, &said).expect("a file beside its test");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(said.trim(), expected.trim(), "{name}: UPDATE_EXPECTED=1 writes it");
    }
}

#[test]
fn the_schema_knows_the_keys_of_a_plan() {
    let room = room("schema");
    let schema: Value = serde_json::from_str(&room.fine(&["schema", "plan"])).expect("JSON");
    assert_eq!(schema["properties"]["max_seeds"]["default"], 200);
    assert_eq!(schema["properties"]["minimize"]["default"], "cost");
    assert_eq!(schema["required"], serde_json::json!(["base"]));
}

/// The plan that comes with the program is read, and is as large as it says.
#[test]
fn the_capacity_plan_has_330_candidates() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/capacity.toml");
    let source = Source {
        name: "capacity.toml".to_owned(),
        text: fs::read_to_string(&path).expect("a file"),
        folder: path.parent().expect("a folder").to_path_buf(),
    };
    let plan =
        read_plan(&source, &PlanOptions::default()).unwrap_or_else(|problems| panic!("{}", problems[0].render(false)));
    assert_eq!((plan.grid.points(), plan.grid.seeds, plan.grid.max_seeds), (11 * 10 * 3, 10, 200));
    assert_eq!((plan.holds_in, plan.confidence, plan.minimize.as_str()), (0.9, 0.95, "cost"));
    assert_eq!((plan.stress_loads.as_slice(), plan.stress.len()), ([1.2, 1.5, 2.0].as_slice(), 1));
}
