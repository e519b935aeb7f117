//! `sim plot`: pictures from the CSV files of a run.

use super::args::PlotArguments;
use super::{Done, Failure, Voice, folder, output};
use std::fs;

pub(super) fn plot(arguments: &PlotArguments, voice: Voice) -> Result<Done, Failure> {
    let path = &arguments.folder;
    if folder::listed(path).is_none() {
        return Err(Failure::Wrong(format!(
            "error: {} is no folder of a run: it has no readable run.json\n  = help: name a folder that `sim run` wrote, such as output/spike",
            path.display()
        )));
    }
    let pictures = if path.join(crate::experiment::JOURNAL).exists() {
        super::sweep::draw_folder(path, &arguments.plots, voice)?
    } else {
        output::draw_folder(path, &arguments.plots)?
    };
    let mut names = Vec::new();
    for (name, bytes) in pictures {
        let building = path.join(format!(".{name}.tmp-{}", std::process::id()));
        let cannot =
            |error: std::io::Error| Failure::World(format!("cannot write {}: {error}", path.join(&name).display()));
        fs::write(&building, bytes).map_err(|error| {
            let _ = fs::remove_file(&building);
            cannot(error)
        })?;
        fs::rename(&building, path.join(&name)).map_err(cannot)?;
        names.push(name);
    }
    super::page::list_too(path, &names)?;
    voice.note(&format!("wrote {} in {}", names.join(", "), path.display()));
    Ok(Done::Fine)
}
