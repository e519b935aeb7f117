//! `sim replay`: recorded observations drive a scaler; no cluster is simulated.

use super::args::{ReplayArguments, ReplayLevel};
use super::{Done, Failure, Voice};
use crate::replay::{self, CaseResult, Level};
use rayon::prelude::*;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a file of cases came to.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    texts_equal: usize,
    texts_differ: usize,
}

pub(super) fn replay(arguments: &ReplayArguments, voice: Voice) -> Result<Done, Failure> {
    match (&arguments.hpa, &arguments.metrics) {
        (Some(hpa), Some(metrics)) if arguments.cases.is_empty() => {
            return recorded_metrics(hpa, metrics, arguments, voice);
        }
        (None, None) if !arguments.cases.is_empty() => {}
        _ => {
            let help = "give CASES, or `--hpa FILE --metrics FILE`";
            return Err(Failure::Wrong(format!("error: nothing to replay\n  = help: {help}")));
        }
    }
    let level = match arguments.level {
        ReplayLevel::A => Level::A,
        ReplayLevel::B => Level::B,
        ReplayLevel::C => Level::C,
    };
    let mut files = Vec::new();
    for case in &arguments.cases {
        collect(case, &mut files)?;
    }
    let width = files.iter().map(|file| file_name(file).chars().count()).max().unwrap_or(0);
    let mut total = Tally::default();
    let mut compared = false;
    for file in &files {
        let text = read(file)?;
        let results = results(file, &text)?;
        let compares = results.iter().any(|(_, result)| result.compared > 0);
        compared |= compares;
        if arguments.json || !compares {
            decisions(&results, voice)?;
        }
        if compares {
            one_file(file, width, &results, level, arguments.json, voice, &mut total)?;
        }
    }
    if !compared {
        return Ok(Done::Fine);
    }
    let say = |text: String| {
        if arguments.json {
            voice.note(&text);
            Ok(())
        } else {
            voice.result(&format!("{text}\n"))
        }
    };
    if total.texts_equal + total.texts_differ > 0 {
        let counts = if level == Level::C { "" } else { " (--level C counts them)" };
        say(format!("texts: {} equal, {} differ{counts}", total.texts_equal, total.texts_differ))?;
    }
    say(format!("{} passed, {} failed", total.passed, total.failed))?;
    Ok(if total.failed > 0 { Done::Differs } else { Done::Fine })
}

/// Files named, and all `*.jsonl` below folders that are named, sorted.
fn collect(name: &str, files: &mut Vec<String>) -> Result<(), Failure> {
    let path = Path::new(name);
    if name == "-" || path.is_file() {
        files.push(name.to_owned());
        return Ok(());
    }
    let wrong = |error: &dyn std::fmt::Display| Failure::Wrong(format!("error: cannot read {name}: {error}"));
    if !path.is_dir() {
        return Err(wrong(&"there is no such file or folder"));
    }
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| wrong(&error))? {
            let path = entry.map_err(|error| wrong(&error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "jsonl") {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::Wrong(format!(
            "error: {name} holds no *.jsonl file\n  = help: name a folder of recorded cases"
        )));
    }
    found.sort();
    files.extend(found.into_iter().map(|path| path.to_string_lossy().into_owned()));
    Ok(())
}

fn file_name(file: &str) -> String {
    Path::new(file).file_name().map_or_else(|| "<stdin>".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn read(file: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = if file == "-" {
        std::io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else {
        fs::read(file).map(|read| bytes = read)
    };
    read.map_err(|error| Failure::Wrong(format!("error: cannot read {file}: {error}")))?;
    String::from_utf8(bytes).map_err(|_| Failure::Wrong(format!("error: {file} is not UTF-8 text")))
}

/// Every line's result with its number; the first wrong line ends it.
fn results(file: &str, text: &str) -> Result<Vec<(usize, CaseResult)>, Failure> {
    let lines: Vec<(usize, &str)> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return Err(Failure::Wrong(format!("error: {file} holds no case\n  = help: a case is one line of JSON")));
    }
    let results: Vec<Result<(usize, CaseResult), Failure>> = lines
        .par_iter()
        .map(|&(number, line)| {
            replay::replay_case(line).map(|result| (number + 1, result)).map_err(|error| {
                Failure::Wrong(format!("error: {file}:{}: {error}\n  = help: one case is one line of JSON", number + 1))
            })
        })
        .collect();
    results.into_iter().collect()
}

fn decisions(results: &[(usize, CaseResult)], voice: Voice) -> Result<(), Failure> {
    for decision in results.iter().flat_map(|(_, result)| &result.decisions) {
        voice.result(&format!("{decision}\n"))?;
    }
    Ok(())
}

fn one_file(
    file: &str,
    width: usize,
    results: &[(usize, CaseResult)],
    level: Level,
    json: bool,
    voice: Voice,
    total: &mut Tally,
) -> Result<(), Failure> {
    let say = |text: String| {
        if json {
            voice.note(&text);
            Ok(())
        } else {
            voice.result(&format!("{text}\n"))
        }
    };
    let (mut equal, mut steps) = (0, 0);
    for (line, result) in results {
        steps += result.steps;
        total.texts_equal += result.texts_equal;
        total.texts_differ += result.texts_differ;
        equal += usize::from(result.equal_at(level));
        for difference in result.differences.iter().filter(|difference| difference.level <= level) {
            say(format!(
                "differs  {file}:{line} {}, step {} at {} s, {}: wanted {}, got {}",
                result.name, difference.step, difference.at_s, difference.field, difference.wanted, difference.seen
            ))?;
        }
    }
    total.passed += equal;
    total.failed += results.len() - equal;
    say(format!("{:width$}  {equal:>3} of {} cases equal ({steps} steps)", file_name(file), results.len()))
}

/// What would this HPA have done with these metrics?
fn recorded_metrics(hpa: &str, metrics: &str, arguments: &ReplayArguments, voice: Voice) -> Result<Done, Failure> {
    let wrong = |file: &str, message: String| Failure::Wrong(format!("error: {file}: {message}"));
    let spec = crate::manifest::hpa_of_yaml(&read(hpa)?).map_err(|message| wrong(hpa, message))?;
    let observations = replay::observations(&read(metrics)?, &spec).map_err(|message| wrong(metrics, message))?;
    let story = replay::replay_observations(&spec, &observations, arguments.replicas);
    for assumption in &story.assumed {
        voice.note(&format!("assumed {assumption}"));
    }
    if arguments.json {
        for decision in &story.decisions {
            voice.result(&format!("{decision}\n"))?;
        }
        return Ok(Done::Fine);
    }
    voice.result(&story.text)?;
    Ok(Done::Fine)
}
