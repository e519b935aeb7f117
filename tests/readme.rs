//! What the README shows is what the program prints, and what it tells people to type can be typed.

#[path = "common/mod.rs"]
mod common;

use assert_cmd::Command;

const README: &str = include_str!("../README.md");

/// The code block below a line.
fn block(after: &str) -> String {
    let mut lines =
        README.lines().skip_while(|line| *line != after).skip(1).skip_while(|line| !line.starts_with("```"));
    assert!(lines.next().is_some(), "no block after {after}");
    lines.take_while(|line| !line.starts_with("```")).map(|line| format!("{line}\n")).collect()
}

/// Without the time it took, which differs.
fn timeless(text: &str) -> String {
    text.lines()
        .map(|line| match (line.find(" changes, "), line.contains("events/s)")) {
            (Some(at), true) => format!("{} changes\n", &line[..at]),
            _ => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn the_spike_summary_is_what_the_program_prints() {
    let folder = std::env::temp_dir().join(format!("sim-readme-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let scenario = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/spike.toml");
    let mut command = Command::cargo_bin("sim").expect("the binary is built");
    let output = command
        .current_dir(&folder)
        .arg("run")
        .arg(&scenario)
        .args(["--no-plots", "--out", "output/spike"])
        .output()
        .expect("it runs");
    assert!(output.status.success());
    let mut explain = Command::cargo_bin("sim").expect("the binary is built");
    let explained =
        explain.current_dir(&folder).args(["explain", "output/spike", "--at", "31m"]).output().expect("it runs");
    assert_eq!(block("<!-- explain -->").trim_end(), String::from_utf8_lossy(&explained.stdout).trim_end());
    let _ = std::fs::remove_dir_all(&folder);
    let shown = timeless(&block("<!-- spike summary -->"));
    let printed = timeless(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(shown.trim_end(), printed.trim_end());
}

#[test]
fn commands_of_the_readme_name_what_exists() {
    let commands: Vec<&str> =
        README.split('`').filter(|part| part.starts_with("sim ") && !part.contains('\n')).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    let root = env!("CARGO_MANIFEST_DIR");
    for command in &commands {
        let words: Vec<&str> =
            command.split_whitespace().skip(1).take_while(|word| !word.starts_with(['>', '|'])).collect();
        let mut sim = Command::cargo_bin("sim").expect("the binary is built");
        let help = sim.args([words[0], "--help"]).output().expect("it runs");
        assert!(help.status.success(), "{command}: no such command");
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(text.contains(flag), "{command}: `sim {}` has no {flag}", words[0]);
        }
        for file in words.iter().filter(|word| word.starts_with("scenarios/")) {
            assert!(std::path::Path::new(root).join(file).exists(), "{command}: there is no {file}");
        }
    }
    common::say!("readme: {} commands", commands.len());
}
