//! Sweeps, shards and comparisons: the same bytes however they were made, no run lost, intervals that hold what they
//! promise, and words for what is wrong.

#[path = "common/mod.rs"]
mod common;

use assert_cmd::Command;
use autosim::diagnostics::Source;
use autosim::experiment::crew::{Crew, run_once};
use autosim::experiment::journal;
use autosim::experiment::stats::{estimate, paired_difference};
use autosim::experiment::{SweepOptions, read_sweep};
use autosim::record::{TallyPlan, TallyPool};
use autosim::scenario::Scenario;
use common::room::{Room, stderr};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Plain, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const BASE: &str = include_str!("experiment/base.toml");

const SWEEP: &str = r#"
base = "small.toml"
seeds = 3

[axes]
"pool.chat.scaler.hpa.cpu" = { from = "40%", to = "80%", step = "20%" }
"pool.chat.start.load" = ["5s", "1m"]

[[zip]]
name = "size"
labels = ["small", "large"]
[zip.set]
"pool.chat.workers" = [1, 2]
"pool.chat.replicas" = [2, 1]

[report]
columns = ["errors", "p95", "p97", "replica_hours"]
heatmap = [{ x = "pool.chat.scaler.hpa.cpu", y = "pool.chat.start.load", color = "p95" }]
pareto = { cost = "replica_hours", against = "p95", color = "size" }
"#;

/// A folder with the small scenario and a sweep of it.
fn room(test: &str) -> Room {
    Room::new(&format!("experiment-{test}"), &[("small.toml", BASE), ("grid.toml", SWEEP)])
}

/// Says which files differ, not their bytes.
fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>, what: &str) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{what}");
    let differing: Vec<&String> = one.keys().filter(|name| one[*name] != other[*name]).collect();
    assert!(differing.is_empty(), "{what}: {differing:?} differ");
}

#[test]
fn files_do_not_depend_on_the_number_of_threads() {
    let room = room("threads");
    let text = room.fine(&["sweep", "grid.toml", "-j1", "-o", "one", "--top", "2"]);
    room.fine(&["sweep", "grid.toml", "-j2", "-o", "two"]);
    let one = room.files("one");
    assert_same(&one, &room.files("two"), "one thread and two");
    let names: Vec<&str> = one.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "base.toml",
            "heatmap_hpa.cpu_start.load_p95.png",
            "journal.txt",
            "pareto.png",
            "points.csv",
            "points_by_seed.csv",
            "report.md",
            "run.json",
            "sweep.toml"
        ]
    );
    assert!(text.starts_with("grid  12 points × 3 seeds = 36 runs in "), "{text}");
    assert!(text.contains("\n  ... 10 more in one/points.csv (--top N, --sort COLUMN)\n"), "{text}");
    assert!(text.contains("what matters: ") && text.contains(" of errors, "), "{text}");
    let points = String::from_utf8(one["points.csv"].clone()).expect("text");
    let header = points.lines().next().expect("a header");
    assert!(
        header.starts_with(
            "point,pool.chat.scaler.hpa.cpu,pool.chat.start.load,size,seeds,good_time_mean,good_time_ci95_low,"
        ),
        "{header}"
    );
    assert_eq!(points.lines().count(), 1 + 12);
    // The last axis is the fastest.
    assert!(points.lines().nth(2).is_some_and(|row| row.starts_with("2,40%,5s,large,3,")), "{points}");
    let by_seed = String::from_utf8(one["points_by_seed.csv"].clone()).expect("text");
    assert_eq!(by_seed.lines().count(), 1 + 36);
    // The folder repeats itself.
    room.fine(&["sweep", "one/sweep.toml", "-o", "again"]);
    let (first, again) = (room.files("one"), room.files("again"));
    assert_eq!(first["points_by_seed.csv"], again["points_by_seed.csv"]);
}

#[test]
fn a_point_is_the_run_of_its_settings() {
    let room = room("point");
    room.fine(&["sweep", "grid.toml", "-o", "grid", "--no-plots"]);
    let sets =
        ["pool.chat.scaler.hpa.cpu=60%", "pool.chat.start.load=1m", "pool.chat.workers=2", "pool.chat.replicas=1"];
    let mut arguments = vec!["run", "small.toml", "--no-plots", "-o", "single", "--seed", "6", "--json", "-q"];
    sets.iter().for_each(|set| arguments.extend(["--set", set]));
    let summary: serde_json::Value = serde_json::from_str(&room.fine(&arguments)).expect("JSON");
    let by_seed = fs::read_to_string(room.path("grid/points_by_seed.csv")).expect("a table");
    let header: Vec<&str> = by_seed.lines().next().expect("a header").split(',').collect();
    let row = by_seed.lines().find(|row| row.starts_with("8,60%,1m,large,6,")).expect("its row");
    let cell = |name: &str| {
        let place = header.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{name}"));
        row.split(',').nth(place).expect("a cell").parse::<f64>().expect("a number")
    };
    let pool = &summary["pools"][0];
    assert_eq!(Some(cell("p95")), pool["latency"]["p95_s"].as_f64());
    assert_eq!(Some(cell("replica_hours")), pool["replica_hours"].as_f64());
    assert_eq!(Some(cell("errors")), pool["errors_ratio"].as_f64());
}

/// As after a crash: the journal is cut, and the folder says that it is not complete.
fn crash(room: &Room, from: &str, to: &str, cut: usize) {
    let target = room.path(to);
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).expect("a folder");
    for name in ["base.toml", "sweep.toml"] {
        fs::copy(room.path(from).join(name), target.join(name)).expect("a copy");
    }
    let run = fs::read_to_string(room.path(from).join("run.json")).expect("a file");
    fs::write(target.join("run.json"), run.replace("\"complete\": true", "\"complete\": false")).expect("a file");
    let bytes = fs::read(room.path(from).join("journal.txt")).expect("a journal");
    fs::write(target.join("journal.txt"), &bytes[..cut]).expect("a journal");
}

#[test]
fn a_journal_cut_anywhere_goes_on_to_the_same_bytes() {
    let room = room("resume");
    room.fine(&["sweep", "grid.toml", "-o", "whole"]);
    let whole = room.files("whole");
    let journal = &whole["journal.txt"];
    let ends: Vec<usize> = journal.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    // Nothing, within the first line, at the end of a line, one byte after it, within one, before the last end, all.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % journal.len() as u64) as usize
    };
    let mut cuts = vec![0, ends[0] / 2, ends[4] + 1, ends[4] + 2, journal.len() - 1, journal.len()];
    cuts.extend([random(), random(), random()]);
    for cut in cuts {
        crash(&room, "whole", "cut", cut);
        let output = room.sim(&["sweep", "grid.toml", "-o", "cut", "--resume"]);
        assert!(output.status.success(), "cut at {cut}: {}", stderr(&output));
        let inside = cut > ends[0] && !ends.contains(&cut.wrapping_sub(1));
        assert_eq!(stderr(&output).contains("was not written to its end"), inside, "cut at {cut}");
        assert_same(&whole, &room.files("cut"), &format!("cut at {cut}"));
    }
}

#[test]
fn an_unfinished_sweep_is_neither_lost_nor_mixed_up() {
    let room = room("mixed");
    room.fine(&["sweep", "grid.toml", "-o", "whole", "--no-plots"]);
    let length = fs::metadata(room.path("whole/journal.txt")).expect("a journal").len() as usize;
    crash(&room, "whole", "cut", length / 2);
    // Begun anew by mistake.
    let output = room.sim(&["sweep", "grid.toml", "-o", "cut"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("unfinished") && stderr(&output).contains("--resume"), "{}", stderr(&output));
    // Gone on with after a change.
    let output = room.sim(&["sweep", "grid.toml", "-o", "cut", "--resume", "--seeds", "4"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("holds another sweep"), "{}", stderr(&output));
    // What is only shown may change.
    room.write("other.toml", &SWEEP.replace("\"replica_hours\"]", "\"replica_hours\", \"cost\"]"));
    room.fine(&["sweep", "other.toml", "-o", "cut", "--resume", "--no-plots", "--sort", "cost"]);
    // Damage in the middle.
    let mut bytes = fs::read(room.path("whole/journal.txt")).expect("a journal");
    bytes[length / 2] ^= 1;
    fs::write(room.path("whole/journal.txt"), &bytes).expect("a journal");
    let output = room.sim(&["sweep", "grid.toml", "-o", "whole", "--resume"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("this line is damaged"), "{}", stderr(&output));
    // A folder of somebody else.
    fs::create_dir_all(room.path("theirs")).expect("a folder");
    room.write("theirs/notes.txt", "mine");
    assert_eq!(room.sim(&["sweep", "grid.toml", "-o", "theirs"]).status.code(), Some(2));
    assert_eq!(fs::read_to_string(room.path("theirs/notes.txt")).expect("still there"), "mine");
}

/// Starts a sweep of many points and waits until some of its runs are written down.
fn begun(room: &Room, out: &str) -> std::process::Child {
    let binary = assert_cmd::cargo::cargo_bin("sim");
    let mut child = Plain::new(binary)
        .current_dir(&room.0)
        .args(["sweep", "many.toml", "-o", out, "--no-plots", "-j2"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let journal = room.path(out).join("journal.txt");
    for _ in 0..3_000 {
        if fs::read(&journal).is_ok_and(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count() > 5) {
            return child;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("nothing was written into {}", journal.display());
}

#[test]
fn neither_a_kill_nor_an_interruption_loses_a_run() {
    let room = room("kill");
    // Long enough to be hit in the middle.
    room.write(
        "many.toml",
        "base = \"small.toml\"\nseeds = 3\n[axes]\nduration = [\"10h\", \"11h\", \"12h\", \"13h\", \"14h\", \"15h\"]\n\"load.users.scale\" = [0.2, 0.3]\n",
    );
    let mut child = begun(&room, "killed");
    child.kill().expect("it was running");
    let _ = child.wait();
    let lines = |out: &str| fs::read_to_string(room.path(out).join("journal.txt")).expect("a journal").lines().count();
    let kept = lines("killed");
    assert!(kept > 5);
    let run = fs::read_to_string(room.path("killed/run.json")).expect("a file");
    assert!(run.contains("\"complete\": false"), "{run}");
    let child = begun(&room, "stopped");
    let told = Plain::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(told.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("--resume` goes on"), "{}", stderr(&output));
    let run = fs::read_to_string(room.path("stopped/run.json")).expect("a file");
    assert!(run.contains("\"complete\": false") && run.contains("points.csv"), "{run}");
    for out in ["killed", "stopped"] {
        let text = room.fine(&["sweep", "many.toml", "-o", out, "--no-plots", "--resume"]);
        assert!(text.contains("done before"), "{text}");
    }
    assert_same(&room.files("killed"), &room.files("stopped"), "killed and stopped");
}

#[test]
fn shards_merge_to_the_whole() {
    let room = room("shards");
    let set = ["--set", "load.users.scale=0.9"];
    room.fine(&[&["sweep", "grid.toml", "-o", "whole"][..], &set].concat());
    for share in ["1/3", "2/3", "3/3"] {
        room.fine(&[&["sweep", "grid.toml", "--shard", share][..], &set].concat());
    }
    let shard = |share: u32| format!("output/grid-shard-{share}-of-3");
    let (one, two, three) = (shard(1), shard(2), shard(3));
    // In any order.
    room.fine(&["merge", &three, &one, &two, "-o", "merged"]);
    assert_same(&room.files("whole"), &room.files("merged"), "whole and merged");
    room.fine(&["merge", &one, &two, &three, "--no-plots"]);
    assert!(room.path("output/grid/points.csv").exists());
    let refused = |arguments: &[&str], words: &str| {
        let output = room.sim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
    };
    refused(&["merge", &one, &two, "-o", "part"], "shard 3/3 is not among them: 12 runs");
    refused(&["merge", &one, &two, &two, &three, "-o", "part"], "holds the same shard as");
    refused(&["merge", &one, &two, "small.toml", "-o", "part"], "is no folder of a sweep");
    refused(&["merge", &one, &two, &three, "-o", &one], "is one of the shards");
    room.fine(&["sweep", "grid.toml", "--shard", "3/3", "--seeds", "2", "-o", "other"]);
    refused(&["merge", &one, &two, "other", "-o", "part"], "is a shard of another sweep than");
    // Another version, by its own words.
    let path = room.path(&three).join("journal.txt");
    let bytes = fs::read(&path).expect("a journal");
    let mut contents = journal::read(&bytes).expect("no damage").expect("a header");
    contents.header.version = "0.0.9".to_owned();
    let mut older = Vec::new();
    journal::write(&contents.header, contents.entries.into_iter(), &mut older).expect("memory takes all");
    fs::write(&path, older).expect("a journal");
    refused(&["merge", &one, &two, &three, "-o", "part"], "was written by version 0.0.9 of sim");
    // A torn last line is dropped and missed; damage elsewhere is refused at its line.
    fs::write(&path, &bytes[..bytes.len() - 7]).expect("a journal");
    refused(&["merge", &one, &two, &three, "-o", "part"], "lacks 1 run: finish it with `sim sweep --resume`");
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 4;
    fs::write(&path, damaged).expect("a journal");
    refused(&["merge", &one, &two, &three, "-o", "part"], "this line is damaged");
    assert!(!room.path("part").exists());
}

#[test]
fn an_array_job_knows_its_share() {
    let room = room("array");
    let run = |variables: &[(&str, &str)], out: &str| {
        let mut command = Command::cargo_bin("sim").expect("the binary is built");
        command.current_dir(&room.0).args(["sweep", "grid.toml", "--shard", "/3", "-o", out, "--no-plots"]);
        variables.iter().for_each(|(name, value)| {
            command.env(name, value);
        });
        command.output().expect("it runs")
    };
    assert!(run(&[("JOB_COMPLETION_INDEX", "0")], "parts").status.success());
    assert!(run(&[("SLURM_ARRAY_TASK_ID", "2")], "parts").status.success());
    assert!(run(&[("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_MIN", "5")], "parts").status.success());
    room.fine(&[
        "merge",
        "parts/shard-1-of-3",
        "parts/shard-2-of-3",
        "parts/shard-3-of-3",
        "-o",
        "merged",
        "--no-plots",
    ]);
    let output = run(&[], "parts");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("JOB_COMPLETION_INDEX"), "{}", stderr(&output));
    for wrong in ["0/3", "4/3", "3", "a/b", "1/0"] {
        assert_eq!(room.sim(&["sweep", "grid.toml", "--shard", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn the_array_script_writes_what_it_says_is_to_be_merged() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/slurm.sh");
    let text = std::fs::read_to_string(&script).expect("the script");
    assert!(text.contains("sim merge results/shard-*"));
    let room = room("script");
    let binary = Command::cargo_bin("sim").expect("the binary is built").get_program().to_owned();
    let folder = Path::new(&binary).parent().expect("it stands in a folder");
    let shell = |command: &str, task: &str| {
        let with_sim = format!("PATH=\"$0:$PATH\"; {command}");
        let mut shell = Plain::new("sh");
        shell.current_dir(&room.0).arg("-c").arg(with_sim).arg(folder).arg(&script);
        let output =
            shell.envs([("SLURM_ARRAY_TASK_ID", task), ("SLURM_ARRAY_TASK_COUNT", "2")]).output().expect("a shell");
        assert!(output.status.success(), "{}", stderr(&output));
    };
    shell("sh \"$1\" grid.toml results", "1");
    shell("sh \"$1\" grid.toml results", "2");
    shell("sim merge results/shard-* -o merged", "1");
    room.fine(&["sweep", "grid.toml"]);
    assert_same(&room.files("merged"), &room.files("output/grid"), "shards of the script");
}

#[test]
fn precision_asks_for_seeds_until_it_is_reached() {
    let room = room("precision");
    room.write(
        "precise.toml",
        "base = \"small.toml\"\nseeds = 3\nprecision = \"5%\"\nmax_seeds = 12\n[axes]\n\"pool.chat.scaler\" = [{ fixed = {} }]\n\"load.users.scale\" = [0.02, 0.5]\n[report]\ncolumns = [\"mean\"]\n",
    );
    room.fine(&["sweep", "precise.toml", "-j1", "-o", "one"]);
    room.fine(&["sweep", "precise.toml", "-j2", "-o", "two"]);
    assert_same(&room.files("one"), &room.files("two"), "one thread and two");
    let points = fs::read_to_string(room.path("one/points.csv")).expect("a table");
    let header: Vec<&str> = points.lines().next().expect("a header").split(',').collect();
    let place = |name: &str| header.iter().position(|known| *known == name).expect("a column");
    let mut seeds = Vec::new();
    for row in points.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |name: &str| cells[place(name)].parse::<f64>().expect("a number");
        seeds.push(number("seeds"));
        let precise = number("mean_ci95_high") - number("mean_mean") <= 0.05 * number("mean_mean");
        // It stops when it is precise, or at the bound.
        assert!(precise || number("seeds") == 12.0, "{row}");
    }
    // One load has 25 times the requests of the other, so intervals a fifth as wide.
    assert!(seeds.iter().all(|seeds| (3.0..=12.0).contains(seeds)) && seeds[0] > seeds[1], "{seeds:?}");
}

#[test]
fn samples_have_as_many_points_as_they_say() {
    let room = room("samples");
    for method in ["latin_hypercube = 7", "sobol = 8"] {
        room.write(
            "sample.toml",
            &format!("base = \"small.toml\"\n[axes]\n\"pool.chat.scaler.hpa.cpu\" = {{ from = \"40%\", to = \"90%\" }}\n\"pool.chat.workers\" = [1, 2]\n[sample]\n{method}\n[report]\npareto = {{ cost = \"cost\", against = \"p95\" }}\n"),
        );
        room.fine(&["sweep", "sample.toml"]);
        let points = fs::read_to_string(room.path("output/sample/points.csv")).expect("a table");
        assert_eq!(
            points.lines().count() - 1,
            method.split(' ').next_back().and_then(|n| n.parse::<usize>().ok()).expect("a number")
        );
        let ones = points.lines().filter(|row| row.split(',').nth(2) == Some("1")).count();
        assert!((3..=4).contains(&ones), "{points}");
    }
}

#[test]
fn flags_override_the_file() {
    let room = room("flags");
    let csv = room.fine(&["sweep", "grid.toml", "-o", "-", "--seeds", "1", "--seed", "9", "--set", "duration=5m"]);
    assert!(csv.starts_with("point,") && csv.lines().count() == 13, "{csv}");
    assert!(!room.path("output").exists());
    let output =
        room.sim(&["sweep", "grid.toml", "-o", "checked", "--seeds", "1", "--check", "--set", "load.users.scale=9"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let words = room.fine(&["sweep", "grid.toml", "--dry-run", "-j2"]);
    assert!(words.starts_with("would run grid.toml: 12 points × 3 seeds = 36 runs, about "), "{words}");
    let lines = room.fine(&["sweep", "grid.toml", "--resume", "-o", "json", "--json", "-q", "--no-plots"]);
    assert_eq!(lines.lines().count(), 12);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["settings"]["size"], "small");
    let output = room.sim(&["sweep", "grid.toml", "--sort", "p59"]);
    assert!(output.status.success(), "any quantile is a figure");
    let output = room.sim(&["sweep", "grid.toml", "--sort", "erors"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean `errors`?"), "{}", stderr(&output));
}

#[test]
fn comparisons_take_scenarios_and_finished_runs() {
    let room = room("compare");
    room.write(
        "large.toml",
        &BASE.replace("\"small\"", "\"large\"").replace("replicas = 2\nservice", "replicas = 6\nservice"),
    );
    let table = room.fine(&["compare", "small.toml", "large.toml", "--seeds", "4"]);
    assert!(table.lines().next().is_some_and(|line| line.contains("DIFFERENCE, 95% interval, 4 seeds")), "{table}");
    let row = |name: &str| {
        table.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{table}"))
    };
    assert!(row("replica hours").ends_with("worse"), "{table}");
    assert!(row("objectives met").contains("no difference found"), "{table}");
    // A run that is finished says the same as one that is done again.
    room.fine(&["run", "small.toml", "--seeds", "4", "--no-plots"]);
    room.fine(&["run", "large.toml", "--no-plots"]);
    assert_eq!(room.fine(&["compare", "output/small", "output/large", "--seeds", "4"]), table);
    // Its scenario counts, if somebody has changed it since.
    let text = fs::read_to_string(room.path("output/small/scenario.toml")).expect("a scenario");
    std::thread::sleep(Duration::from_millis(20));
    room.write("output/small/scenario.toml", &text.replace("replicas = 2\nservice", "replicas = 6\nservice"));
    let same = room.fine(&["compare", "output/small", "output/large", "--seeds", "4"]);
    assert!(same.lines().skip(1).all(|line| line.contains("no difference found")), "{same}");
    let json = room.fine(&["compare", "small.toml", "large.toml", "small.toml", "--seeds", "2", "--json", "-j1"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["scenarios"], serde_json::json!(["small.toml", "large", "small.toml"]));
    assert_eq!(json["figures"][0]["differences"][1]["verdict"], "no difference found");
    let output =
        room.sim(&["compare", "small.toml", "large.toml", "--check", "--set", "load.users.scale=40", "--seeds", "1"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(room.sim(&["compare", "small.toml"]).status.code(), Some(2));
    assert_eq!(room.sim(&["compare", "small.toml", "output"]).status.code(), Some(2));
}

#[test]
fn words_for_wrong_sweeps() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/experiment");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of wrong sweeps")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml") && !path.ends_with("base.toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 12, "{files:?}");
    let crew = Crew::new(1).expect("a thread");
    let mut differing = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a text");
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let source = Source { name, text, folder: folder.clone() };
        let problems = match read_sweep(&source, &SweepOptions::default()) {
            Err(problems) => problems,
            Ok(sweep) => {
                let points: Vec<usize> = (0..sweep.points()).collect();
                vec![sweep.check(&points, &crew, &AtomicBool::new(false)).expect_err("it is wrong")]
            }
        };
        let seen: Vec<String> = problems.iter().map(|problems| problems.render(false)).collect();
        let seen = seen.join("\n").replace(&*folder.to_string_lossy(), "FOLDER");
        let golden = file.with_extension("stderr");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &seen).expect("the golden file can be written");
        }
        let wanted = fs::read_to_string(&golden).unwrap_or_default();
        if seen != wanted {
            differing.push(format!("{}\n--- wanted\n{wanted}\n--- seen\n{seen}", file.display()));
        }
    }
    common::say!("wrong sweeps: {} files, {} differ", files.len(), differing.len());
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// A queue with exponential service and `servers` at a fixed size, after its beginning.
fn queue(servers: u32) -> autosim::scenario::Loaded {
    let text = format!(
        "duration = \"15m\"\nwarmup = \"1m\"\ntick = \"60s\"\n[[load]]\nname = \"users\"\nto = \"shop\"\nrate.constant = \"3/s\"\n\
         [[pool]]\nname = \"shop\"\nreplicas = {servers}\nworkers = 1\nbalancer.central_queue = {{}}\nservice.exponential = {{ mean = \"400ms\" }}\n"
    );
    common::load("shop.toml", &text)
}

/// What a tally must know where nobody scales.
fn witness(scenario: &Scenario, seed: u64) -> TallyPlan {
    TallyPlan {
        scenario: scenario.name.clone(),
        seed,
        duration: scenario.duration,
        warmup: scenario.warmup,
        tick: scenario.tick,
        pools: scenario
            .pools
            .iter()
            .map(|pool| TallyPool {
                name: pool.name.clone(),
                scaler: "fixed".to_owned(),
                price_usd_per_hour: pool.price_usd_per_hour,
                has_reference: false,
            })
            .collect(),
        seldon: Default::default(),
        objectives: Vec::new(),
    }
}

/// Mean time in an M/M/c queue (Erlang 1917): service, and waiting with the probability that all are busy.
fn mean_time_s(arrivals_per_s: f64, service_s: f64, servers: u32) -> f64 {
    let offered = arrivals_per_s * service_s;
    let (mut term, mut sum) = (1.0, 0.0);
    for busy in 0..servers {
        sum += term;
        term *= offered / f64::from(busy + 1);
    }
    let idle_share = 1.0 - offered / f64::from(servers);
    let waits = term / idle_share / (sum + term / idle_share);
    service_s + waits * service_s / (f64::from(servers) * idle_share)
}

#[test]
fn intervals_cover_the_true_mean_as_often_as_they_say() {
    const EXPERIMENTS: u64 = 1_000;
    const SEEDS: u64 = 6;
    let queues = [queue(2), queue(3)];
    let truths = [mean_time_s(3.0, 0.4, 2), mean_time_s(3.0, 0.4, 3)];
    // With two servers and 1.2 of offered work: 0.4 / (1 - 0.36) = 0.625 s.
    assert!((truths[0] - 0.625).abs() < 1e-12);
    let crew = Crew::new(0).expect("threads");
    let stop = AtomicBool::new(false);
    let means = crew.in_order((EXPERIMENTS * SEEDS) as usize, &stop, |number| {
        let mean =
            |queue| run_once(queue, number as u64, witness, &stop, ()).map(|ran| ran.latencies.mean_s().expect("some"));
        Ok::<_, autosim::simulation::RunError>([mean(&queues[0])?, mean(&queues[1])?])
    });
    let means: Vec<[f64; 2]> = means.expect("no traces").into_iter().flatten().collect();
    let mut covered = [0, 0, 0];
    for seeds in means.chunks(SEEDS as usize) {
        let holds = |found: Option<(f64, f64)>, truth: f64| {
            usize::from(found.is_some_and(|(low, high)| (low..=high).contains(&truth)))
        };
        for side in 0..2 {
            let values: Vec<f64> = seeds.iter().map(|pair| pair[side]).collect();
            covered[side] += holds(estimate(&values).and_then(|found| found.interval()), truths[side]);
        }
        let side = |side: usize| seeds.iter().map(|pair| Some(pair[side])).collect::<Vec<_>>();
        let difference = paired_difference(&side(0), &side(1)).expect("pairs");
        covered[2] += holds(difference.interval(), truths[1] - truths[0]);
    }
    common::say!("coverage of 95 % intervals in {EXPERIMENTS} experiments of {SEEDS} seeds: {covered:?}");
    for covered in covered {
        // Of 1,000 experiments 950 are expected, and 930 to 970 are within three standard errors.
        assert!((930..=970).contains(&covered), "{covered} of {EXPERIMENTS}");
    }
}
