//! The program as its users meet it: exit codes, what goes to which stream, what is written and what is left alone.

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Plain, Output, Stdio};
use std::time::Duration;

const SMALL: &str = r#"
name = "small"
duration = "10m"
tick = "10s"
seed = 5
[[load]]
name = "users"
to = "chat"
rate.stages = [{ duration = "0s", target = "20/s" }, { duration = "2m", target = "20/s" }, { duration = "1m", target = "90/s" }, { duration = "7m", target = "90/s" }]
[[pool]]
name = "chat"
replicas = 2
service.lognormal = { mean = "60ms", cv = 0.8 }
queue = { capacity = 50 }
cpu = { request = "1", limit = "1" }
price = "$0.50/h"
start = { load = "10s" }
[pool.scaler.hpa]
cpu = "60%"
max_replicas = 12
[[objective]]
pool = "chat"
that = "p95 <= 300ms"
for = "95% of time"
"#;

/// A folder of this test's own, removed when it is dropped.
struct Room(PathBuf);

impl Room {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sim-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file in a temporary folder");
        path.to_string_lossy().into_owned()
    }

    fn sim(&self, arguments: &[&str]) -> Output {
        let mut command = Command::cargo_bin("sim").expect("the binary is built");
        command.current_dir(&self.0).args(arguments).output().expect("it runs")
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.join(folder))
            .map(|entries| {
                entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
            })
            .unwrap_or_default();
        names.sort();
        names
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn expect_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout:\n{}\nstderr:\n{}", stdout(output), stderr(output));
}

/// All files of a folder but for the volatile part of `run.json`.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let mut bytes = fs::read(&path).expect("a file");
            if name == "run.json" {
                let mut run: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
                assert!(run["volatile"].is_object());
                run["volatile"] = serde_json::Value::Null;
                bytes = run.to_string().into_bytes();
            }
            (name, bytes)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_run_writes_its_folder_and_says_what_came_out() {
    let room = Room::new("run");
    let file = room.write("small.toml", SMALL);
    let output = room.sim(&["run", &file]);
    expect_code(&output, 0);
    let said = stdout(&output);
    assert!(said.contains("one seed (5)") && said.contains("p95 <= 300ms for 95% of time"), "{said}");
    assert!(said.contains("chat") && said.contains('$'), "{said}");
    assert!(stderr(&output).contains("wrote output/small"), "{}", stderr(&output));
    let files = room.names("output/small");
    let wanted = [
        "decisions.csv",
        "events.csv",
        "latency.csv",
        "run.json",
        "scenario.toml",
        "summary.json",
        "timeline.csv",
        "timeline.png",
    ];
    assert_eq!(files, wanted);
    assert_eq!(room.names("output"), ["small"]); // nothing beside it
    let timeline = fs::read_to_string(room.0.join("output/small/timeline.csv")).expect("a table");
    assert_eq!(timeline.lines().count(), 1 + 60);
    for (file, _, columns) in autosim::record::COLUMNS {
        if wanted.contains(file) {
            let text = fs::read_to_string(room.0.join("output/small").join(file)).expect("a table");
            assert_eq!(text.lines().next(), Some(columns.join(",").as_str()), "{file}");
        }
    }
    let summary = fs::read_to_string(room.0.join("output/small/summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(summary["pools"][0]["conditions"][0]["type"], "AbleToScale");
    let png = fs::read(room.0.join("output/small/timeline.png")).expect("a picture");
    assert!(png.starts_with(b"\x89PNG") && png.len() > 20_000);
}

#[test]
fn equal_runs_write_equal_files_on_one_thread_or_two() {
    let room = Room::new("equal");
    let file = room.write("small.toml", SMALL);
    for (out, jobs) in [("a", "1"), ("b", "1"), ("c", "2")] {
        expect_code(&room.sim(&["run", &file, "--seeds", "3", "-j", jobs, "--out", out]), 0);
    }
    let first = contents(&room.0.join("a"));
    assert!(first.iter().any(|(name, _)| name == "seeds.csv"));
    assert!(first == contents(&room.0.join("b")), "the same command twice");
    assert!(first == contents(&room.0.join("c")), "on two threads");
}

#[test]
fn the_saved_scenario_repeats_the_run() {
    let room = Room::new("repeat");
    fs::create_dir(room.0.join("traces")).expect("a folder");
    room.write("traces/t.csv", "t,count\n0,40\n10,90\n20,30\n");
    let text = SMALL.replace(
        "[[pool]]",
        "[[load]]\nname = \"recorded\"\nto = \"chat\"\narrivals.trace = { file = \"traces/t.csv\" } # mine\n[[pool]]",
    );
    let file = room.write("small.toml", &text);
    expect_code(&room.sim(&["run", &file, "--seed", "9", "--set", "pool.chat.scaler.hpa.cpu=50%", "--no-plots"]), 0);
    let saved = fs::read_to_string(room.0.join("output/small/scenario.toml")).expect("a scenario");
    assert!(saved.contains("# mine") && saved.contains("50%") && saved.contains("../../traces/t.csv"), "{saved}");
    expect_code(&room.sim(&["run", "output/small/scenario.toml", "--out", "again", "--no-plots"]), 0);
    for table in ["timeline.csv", "decisions.csv", "events.csv", "latency.csv", "summary.json"] {
        let read = |folder: &str| fs::read(room.0.join(folder).join(table)).expect("a table");
        assert!(read("output/small") == read("again"), "{table}");
    }
}

#[test]
fn results_go_to_stdout_and_the_rest_to_stderr() {
    let room = Room::new("streams");
    let file = room.write("small.toml", SMALL);
    let output = room.sim(&["run", &file, "--json", "-q", "--no-plots"]);
    expect_code(&output, 0);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("one object");
    assert_eq!(json["pools"][0]["pool"], "chat");
    assert_eq!(stderr(&output), "");
    let table = room.sim(&["run", &file, "--out", "-"]);
    expect_code(&table, 0);
    assert!(stdout(&table).starts_with("time_s,pool,offered_rps"), "{}", stdout(&table));
    let mut command = Command::cargo_bin("sim").expect("the binary is built");
    let piped = command
        .current_dir(&room.0)
        .args(["run", "-", "-q", "--no-plots"])
        .write_stdin(SMALL)
        .output()
        .expect("it runs");
    expect_code(&piped, 0);
    let watched = room.sim(&["run", &file, "--watch-hpa", "-q", "--no-plots"]);
    let said = stdout(&watched);
    assert!(said.starts_with("NAME ") && said.contains("Deployment/chat") && said.contains("/60%"), "{said}");
}

#[test]
fn a_missed_objective_has_its_own_exit_code_when_it_is_checked() {
    let room = Room::new("missed");
    let file = room.write("small.toml", &SMALL.replace("300ms", "1ms"));
    expect_code(&room.sim(&["run", &file, "--no-plots"]), 0);
    expect_code(&room.sim(&["run", &file, "--no-plots", "--check"]), 3);
}

#[test]
fn wrong_files_and_flags_are_the_users_to_mend() {
    let room = Room::new("wrong");
    let five = include_str!("diagnostics/five-errors.toml");
    let file = room.write("five.toml", five);
    for command in ["check", "run"] {
        let output = room.sim(&[command, &file]);
        expect_code(&output, 2);
        let said = stderr(&output);
        assert!(said.matches("= help:").count() == 5 && said.contains("5 errors in"), "{said}");
        assert_eq!(stdout(&output), "");
    }
    assert!(room.names("output").is_empty(), "nothing is begun for a wrong scenario");
    let missing = room.sim(&["run", "no-such-file.toml"]);
    expect_code(&missing, 2);
    assert!(stderr(&missing).contains("sim init"), "{}", stderr(&missing));
    expect_code(&room.sim(&["run"]), 2);
    expect_code(&room.sim(&["run", &file, "--sed", "3"]), 2);
    expect_code(&room.sim(&["init", "spyke"]), 2);
    let small = room.write("small.toml", SMALL);
    let flag = room.sim(&["run", &small, "--set", "pool.chat.scaler.hpa.cpuu=60%"]);
    expect_code(&flag, 2);
    assert!(stderr(&flag).contains("did you mean `cpu`?"), "{}", stderr(&flag));
    room.write("binary.toml", "\u{0}\u{1}");
    expect_code(&room.sim(&["check", "binary.toml"]), 2);
    fs::write(room.0.join("latin.toml"), b"name = \"caf\xe9\"").expect("a file");
    let latin = room.sim(&["check", "latin.toml"]);
    expect_code(&latin, 2);
    assert!(stderr(&latin).contains("latin.toml:1: not UTF-8"), "{}", stderr(&latin));
}

#[test]
fn traces_that_do_not_fit_are_named_by_line() {
    let room = Room::new("traces");
    let scenario = |trace: &str| {
        format!(
            "duration = \"1m\"\n[[load]]\nname = \"a\"\nto = \"p\"\narrivals.trace = {{ file = \"{trace}\" }}\n[[pool]]\nname = \"p\"\nservice = \"1ms\"\n"
        )
    };
    for (name, text, words) in [
        ("unsorted.csv", "t\n0\n5\n3\n", "unsorted.csv:4: earlier than the row before"),
        ("malformed.csv", "t\n0\nx\n", "malformed.csv:3: `x`"),
        ("short.csv", "t,count\n0,1\n1\n", "short.csv:3: 1 fields where the header has 2"),
        ("negative.csv", "t,count\n0,-1\n1,2\n", "negative.csv:2: `-1`"),
        ("other.csv", "when\n0\n", "no column `t`"),
        ("empty.csv", "", "header"),
    ] {
        room.write(name, text);
        let file = room.write("s.toml", &scenario(name));
        let output = room.sim(&["check", &file]);
        expect_code(&output, 2);
        assert!(stderr(&output).contains(words), "{name}: {}", stderr(&output));
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let room = Room::new("foreign");
    let file = room.write("small.toml", SMALL);
    fs::create_dir(room.0.join("mine")).expect("a folder");
    room.write("mine/thesis.txt", "years of work");
    let refused = room.sim(&["run", &file, "--out", "mine", "--no-plots"]);
    expect_code(&refused, 2);
    assert_eq!(room.names("mine"), ["thesis.txt"]);
    // A folder of ours keeps what the user put into it.
    expect_code(&room.sim(&["run", &file, "--no-plots"]), 0);
    room.write("output/small/notes.txt", "mine");
    room.write("output/small/requests.csv", "stale, and not in run.json: the user's");
    expect_code(&room.sim(&["run", &file]), 0);
    let names = room.names("output/small");
    assert!(names.contains(&"notes.txt".to_owned()) && names.contains(&"requests.csv".to_owned()), "{names:?}");
    // A file of ours that the next run does not write is gone.
    expect_code(&room.sim(&["run", &file, "--no-plots"]), 0);
    assert!(!room.names("output/small").contains(&"timeline.png".to_owned()));
    // Where a file stands, no folder can.
    room.write("taken", "");
    expect_code(&room.sim(&["run", &file, "--out", "taken"]), 2);
    expect_code(&room.sim(&["run", &file, "--out", "taken/below"]), 1);
}

#[test]
fn a_full_disk_is_the_worlds_fault() {
    let room = Room::new("full");
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let binary = Command::cargo_bin("sim").expect("the binary is built").get_program().to_owned();
    let output = Plain::new(binary).arg("list").arg("laws").stdout(Stdio::from(full)).output().expect("it runs");
    expect_code(&output, 1);
    assert!(stderr(&output).contains("cannot write to stdout"), "{}", stderr(&output));
    let _ = room;
}

#[test]
fn an_interrupted_run_leaves_the_old_folder_whole() {
    let room = Room::new("interrupted");
    let file = room.write("small.toml", SMALL);
    expect_code(&room.sim(&["run", &file, "--no-plots"]), 0);
    let before = contents(&room.0.join("output/small"));
    let binary = Command::cargo_bin("sim").expect("the binary is built").get_program().to_owned();
    let mut child = Plain::new(binary)
        .current_dir(&room.0)
        .args(["run", &file, "--no-plots", "--set", "duration=3000h", "--set", "tick=10m"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // The lock says that it has begun.
    let lock = room.0.join("output/.small.lock");
    for _ in 0..2_000 {
        if lock.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = room.sim(&["run", &file, "--no-plots"]);
    expect_code(&second, 1);
    assert!(stderr(&second).contains("another run"), "{}", stderr(&second));
    let killed = Plain::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert!(contents(&room.0.join("output/small")) == before, "the old folder is as it was");
    assert_eq!(room.names("output"), ["small"], "nothing is left beside it");
}

#[test]
fn what_a_killed_run_left_stands_in_nobodys_way() {
    let room = Room::new("killed");
    let file = room.write("small.toml", SMALL);
    expect_code(&room.sim(&["run", &file, "--no-plots"]), 0);
    // Killed while the new folder took the old one's place; in a container every run is process 1.
    room.write("output/small/notes.txt", "mine");
    room.write("output/.small.lock", "1");
    fs::create_dir(room.0.join("output/.small.tmp-1")).expect("a new folder");
    room.write("output/.small.tmp-1/timeline.csv", "half a table");
    fs::rename(room.0.join("output/small"), room.0.join("output/.small.old-1")).expect("it stands there");
    expect_code(&room.sim(&["run", &file, "--no-plots"]), 0);
    assert_eq!(room.names("output"), ["small"], "nothing is left beside it");
    let read = |name: &str| fs::read_to_string(room.0.join("output/small").join(name)).expect("it is there");
    assert_eq!(read("notes.txt"), "mine");
    assert!(read("timeline.csv").starts_with("time_s,"));
    // A file of that name that says something else is not a lock of ours.
    room.write("output/.small.lock", "keep me");
    let refused = room.sim(&["run", &file, "--no-plots"]);
    expect_code(&refused, 2);
    assert!(stderr(&refused).contains("no run of `sim` wrote it"), "{}", stderr(&refused));
    assert_eq!(fs::read_to_string(room.0.join("output/.small.lock")).expect("it is there"), "keep me");
}

#[test]
fn every_command_explains_itself() {
    let room = Room::new("help");
    let help = stdout(&room.sim(&["--help"]));
    for command in ["run", "check", "init", "plot", "list", "schema", "completions"] {
        assert!(help.contains(&format!("\n  {command}")), "{help}");
        let own = stdout(&room.sim(&[command, "--help"]));
        assert!(own.contains("Example") && own.contains(&format!("sim {command}")), "{own}");
    }
    assert!(help.contains("130 interrupted"));
    for template in ["spike", "steady", "diurnal", "flash-crowd", "cold-start", "metrics-server-down", "prometheus-lag"]
    {
        let text = stdout(&room.sim(&["init", template]));
        let file = room.write("template.toml", &text);
        expect_code(&room.sim(&["check", &file]), 0);
    }
    let schema: serde_json::Value = serde_json::from_str(&stdout(&room.sim(&["schema", "scenario"]))).expect("JSON");
    assert_eq!(schema["properties"]["pool"]["items"]["properties"]["replicas"]["default"], 1);
    let kept: serde_json::Value = serde_json::from_str(include_str!("../schema/scenario.schema.json")).expect("JSON");
    assert!(kept == schema, "schema/scenario.schema.json is stale: `sim schema scenario` writes it");
    for what in ["scalers", "loads", "laws", "signals", "templates", "columns"] {
        expect_code(&room.sim(&["list", what]), 0);
    }
    expect_code(&room.sim(&["completions", "bash"]), 0);
}

#[test]
fn effective_values_say_where_they_come_from() {
    let room = Room::new("effective");
    let file = room.write("small.toml", SMALL);
    let output = room.sim(&["check", &file, "--effective", "--set", "pool.chat.scaler.hpa.cpu=50%"]);
    expect_code(&output, 0);
    let said = stdout(&output);
    let origin = |path: &str| {
        let line = said
            .lines()
            .find(|line| line.starts_with(&format!("{path} =")))
            .unwrap_or_else(|| panic!("no {path} in\n{said}"));
        line.rsplit("# ").next().expect("an origin").to_owned()
    };
    assert_eq!(origin("duration"), "line 3");
    assert_eq!(origin("metrics_server.metric_resolution"), "default");
    assert_eq!(origin("pool.chat.scaler.hpa.cpu"), "--set");
    assert_eq!(origin("pool.chat.start.load"), "line 17");
    assert!(said.contains("pool.chat.service = { lognormal = { mean = \"60ms\", cv = 0.8 } }"), "{said}");
}

#[test]
fn a_folder_can_be_drawn_again() {
    let room = Room::new("plot");
    let file = room.write("small.toml", SMALL);
    expect_code(&room.sim(&["run", &file, "--no-plots"]), 0);
    expect_code(&room.sim(&["plot", "output/small", "--plots", "png,svg"]), 0);
    let svg = fs::read_to_string(room.0.join("output/small/timeline.svg")).expect("a picture");
    assert!(svg.contains("<svg") && svg.contains("small"));
    expect_code(&room.sim(&["plot", "."]), 2);
}

#[test]
fn manifests_can_be_checked_before_they_are_applied() {
    let room = Room::new("manifests");
    let file = room.write(
        "hpa.yaml",
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: web }\nspec:\n  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }\n  minReplicas: 2\n  maxReplicas: 2\n",
    );
    let output = room.sim(&["check", &file]);
    expect_code(&output, 0);
    assert!(stderr(&output).contains("minReplicas and maxReplicas are both 2"), "{}", stderr(&output));
    let misspelt = room
        .write("bad.yaml", &fs::read_to_string(&file).expect("it was written").replace("maxReplicas", "maxReplicaz"));
    let refused = room.sim(&["check", &misspelt]);
    expect_code(&refused, 2);
    assert!(
        stderr(&refused).contains("did you mean") && stderr(&refused).contains("bad.yaml:7"),
        "{}",
        stderr(&refused)
    );
}
