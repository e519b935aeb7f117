//! `sim merge`: the shards of one sweep become the folder that one run of all of it would have written.

use super::args::MergeArguments;
use super::folder::OutputFolder;
use super::sweep::{complete_folder, read_journal, take_in, wrote};
use super::{Done, Failure, Voice, folder, input, output};
use crate::experiment::journal::Contents;
use crate::experiment::{Results, Sweep, SweepOptions, read_sweep};
use crate::report;
use crate::scenario;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A folder that holds a share.
struct Shard {
    path: PathBuf,
    found: Contents,
    run: Value,
}

pub(super) fn run(arguments: &MergeArguments, voice: Voice) -> Result<Done, Failure> {
    let shards = read_all(arguments, voice)?;
    let first = &shards[0];
    let text = input::source(&first.path.join("sweep.toml").to_string_lossy())?;
    let sweep = read_sweep(&text, &SweepOptions::default()).map_err(|problems| {
        Failure::Wrong(problems.iter().map(|problems| problems.render(voice.colour)).collect::<Vec<_>>().join("\n"))
    })?;
    let mut results = Results::default();
    for shard in &shards {
        take_in(&shard.path, &sweep, &shard.found, &mut results)?;
    }
    refuse_gaps(&sweep, &shards, &results)?;
    let path = arguments.out.clone().unwrap_or_else(|| Path::new("output").join(&sweep.name));
    if shards.iter().any(|shard| output::plain(&shard.path) == output::plain(&path)) {
        return Err(Failure::Wrong(format!(
            "error: {} is one of the shards\n  = help: choose another folder with `--out DIR`",
            path.display()
        )));
    }
    let target = OutputFolder::begin(&path)?;
    let mut about = first.run.clone();
    about["shard"] = Value::Null;
    about["points"] = json!(sweep.points());
    about["runs"] = json!(results.runs());
    about["complete"] = json!(true);
    about["volatile"] = output::volatile();
    let pictures = arguments.pictures.chosen();
    let written = complete_folder(&target, &sweep, &results, ((1, 1), true), about, pictures)?;
    if voice.quiet < 2 {
        let size = report::sweep_size(&sweep, sweep.points(), results.runs());
        let points_csv = path.join("points.csv").display().to_string();
        let table = report::sweep_table(&sweep, &results, None, Some(&points_csv));
        let from = report::words::counted(shards.len() as u64, "shard");
        voice.result(&format!("{}  {size} from {from}\n\n{table}", sweep.name))?;
        voice.note(&wrote(&path, &written));
    }
    Ok(Done::Fine)
}

/// Reads all shards; whatever does not belong to those before it is refused.
fn read_all(arguments: &MergeArguments, voice: Voice) -> Result<Vec<Shard>, Failure> {
    let (mut shards, mut wrong): (Vec<Shard>, Vec<String>) = (Vec::new(), Vec::new());
    for path in &arguments.folders {
        match read(path, voice) {
            Ok(shard) => match shards.iter().find_map(|earlier| stranger(earlier, &shard)) {
                Some(why) => wrong.push(why),
                None => shards.push(shard),
            },
            Err(Failure::Wrong(text)) => wrong.push(text),
            Err(other) => return Err(other),
        }
    }
    if wrong.is_empty() { Ok(shards) } else { Err(Failure::Wrong(wrong.join("\n"))) }
}

fn read(path: &Path, voice: Voice) -> Result<Shard, Failure> {
    let none = || {
        Failure::Wrong(format!(
            "error: {} is no folder of a sweep: it has no readable run.json and journal.txt\n  = help: name folders that `sim sweep --shard K/N` wrote",
            path.display()
        ))
    };
    if folder::listed(path).is_none() {
        return Err(none());
    }
    let found = read_journal(path)?.ok_or_else(none)?;
    if found.header.version != env!("CARGO_PKG_VERSION") {
        return Err(Failure::Wrong(format!(
            "error: {} was written by version {} of sim, this is {}\n  = help: merge shards with the version that ran them",
            path.display(),
            found.header.version,
            env!("CARGO_PKG_VERSION")
        )));
    }
    let text = std::fs::read_to_string(path.join("sweep.toml")).unwrap_or_default();
    if scenario::fingerprint(&text) != found.header.text {
        return Err(Failure::Wrong(format!(
            "error: {} is not the file that this shard was run with\n  = help: take it from a copy, or go on with `sim sweep --resume`",
            path.join("sweep.toml").display()
        )));
    }
    if found.torn {
        voice.note(&format!(
            "{}: the last line was not written to its end and is left out",
            path.join("journal.txt").display()
        ));
    }
    let run = std::fs::read_to_string(path.join("run.json")).unwrap_or_default();
    let run = serde_json::from_str(&run).map_err(|_| none())?;
    Ok(Shard { path: path.to_path_buf(), found, run })
}

/// Why a shard does not belong to an earlier one.
fn stranger(earlier: &Shard, other: &Shard) -> Option<String> {
    let (own, theirs) = (&earlier.found.header, &other.found.header);
    let why = if own.sweep != theirs.sweep || own.text != theirs.text {
        "is a shard of another sweep than"
    } else if own.shard.1 != theirs.shard.1 {
        "is one of another number of shards than"
    } else if own.shard.0 == theirs.shard.0 {
        "holds the same shard as"
    } else {
        return None;
    };
    Some(format!(
        "error: {} {why} {}\n  = help: name each shard of one sweep once",
        other.path.display(),
        earlier.path.display()
    ))
}

/// A merged sweep is whole.
fn refuse_gaps(sweep: &Sweep, shards: &[Shard], results: &Results) -> Result<(), Failure> {
    let points: Vec<usize> = (0..sweep.points()).collect();
    let missing = results.missing(sweep, &points);
    if missing.is_empty() {
        return Ok(());
    }
    let of = shards[0].found.header.shard.1;
    let mut lines = Vec::new();
    for share in 1..=of {
        let own = |point: usize| point as u32 % of == share - 1;
        let runs = missing.iter().filter(|(point, _)| own(*point)).count();
        if runs == 0 {
            continue;
        }
        let runs = report::words::counted(runs as u64, "run");
        lines.push(match shards.iter().find(|shard| shard.found.header.shard.0 == share) {
            Some(shard) => format!("  {} lacks {runs}: finish it with `sim sweep --resume`", shard.path.display()),
            None => format!("  shard {share}/{of} is not among them: {runs}"),
        });
    }
    Err(Failure::Wrong(format!("error: these shards are not the whole sweep\n{}", lines.join("\n"))))
}
