//! What several test programs share: the folder of recorded cases, and a run of a scenario given as text.
#![allow(dead_code)] // each test program uses its own part

pub mod room;

use autosim::diagnostics::Source;
use autosim::record::Recorder;
use autosim::replay::{CaseResult, replay_case};
use autosim::scenario::{self, Loaded};
use autosim::simulation;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Says something that everybody who runs the tests sees: what the print macros say is kept back while a test passes.
macro_rules! say {
    ($($words:tt)*) => {
        crate::common::tell(&format!($($words)*))
    };
}
#[allow(unused_imports)] // each test program uses its own part
pub(crate) use say;

/// See [`say!`].
pub fn tell(words: &str) {
    use std::io::Write;
    // If nobody can hear it, the test is none the worse.
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// The folder of recorded cases: `AUTOSIM_SHARED`, else `../shared` beside the project. Says plainly when there is none.
pub fn shared(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("AUTOSIM_SHARED").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    if folder.is_dir() {
        return Some(folder);
    }
    say!("{test}: skipped, since there is no folder {} (AUTOSIM_SHARED names another)", folder.display());
    None
}

/// A file of recorded cases; a missing one fails the test.
pub fn read(folder: &Path, file: &str) -> String {
    let path = folder.join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replays all cases of a file.
pub fn replay_file(folder: &Path, file: &str) -> Vec<CaseResult> {
    let text = read(folder, &format!("{file}.jsonl"));
    let replay =
        |(number, line)| replay_case(line).unwrap_or_else(|error| panic!("{file}.jsonl:{}: {error}", number + 1));
    text.lines().enumerate().map(replay).collect()
}

/// A checked scenario.
pub fn load(name: &str, text: &str) -> Loaded {
    load_with(name, text, &[])
}

/// A checked scenario with overrides.
pub fn load_with(name: &str, text: &str, sets: &[String]) -> Loaded {
    let source = Source {
        name: name.into(),
        text: text.into(),
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"),
    };
    scenario::load(&source, sets).unwrap_or_else(|problems| panic!("{}\n{text}", problems.render(false)))
}

/// Runs a checked scenario with a seed.
pub fn run<R: Recorder>(loaded: &Loaded, seed: u64, recorder: &mut R) -> simulation::RunStats {
    let mut traces = |load: usize| loaded.open_trace(load);
    simulation::run(&loaded.scenario, seed, &mut traces, &AtomicBool::new(false), recorder)
        .unwrap_or_else(|error| panic!("{}: {error}", loaded.scenario.name))
}
