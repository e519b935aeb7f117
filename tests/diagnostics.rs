//! What a user reads when a scenario is wrong: each file of `tests/diagnostics` beside the words it earns. `UPDATE_GOLDEN=1`
//! writes them anew, to be read before they are committed.

#[path = "common/mod.rs"]
mod common;

use autosim::diagnostics::Source;
use autosim::scenario;
use std::path::Path;

#[test]
fn words_for_wrong_scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of wrong scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 7);
    let mut differing = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a text");
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        // Sets stand in comments, so that one file says all.
        let sets: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix("# --set ")).map(str::to_owned).collect();
        let source = Source { name, text, folder: Path::new("no-such-folder").to_path_buf() };
        let seen = match scenario::load(&source, &sets) {
            Ok(loaded) => loaded.warnings.render(false),
            Err(problems) => problems.render(false),
        };
        let golden = file.with_extension("stderr");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &seen).expect("the golden file can be written");
        }
        let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
        if seen != wanted {
            differing.push(format!("{}\n--- wanted\n{wanted}\n--- seen\n{seen}", file.display()));
        }
    }
    common::say!("diagnostics: {} files, {} differ", files.len(), differing.len());
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
