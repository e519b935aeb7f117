//! The folder of a run: built beside its name and swapped in, so that an interrupted run leaves the old one whole and nothing
//! of the user's is lost.

use super::Failure;
use serde_json::Value;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A folder that is being built. Dropped before it is finished, it leaves no trace.
pub(super) struct OutputFolder {
    path: PathBuf,
    building: PathBuf,
    lock: PathBuf,
    /// Held open: the lock ends with the process, however that ends. `None`: the file system knows no locks.
    _held: Option<File>,
}

/// The file by which a folder is known as ours.
const MARK: &str = "run.json";

impl OutputFolder {
    /// Claims a folder's name and begins beside it.
    ///
    /// # Errors
    /// It exists and is not ours; another run is writing it; it cannot be written.
    pub fn begin(path: &Path) -> Result<Self, Failure> {
        let name = match path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => return Err(Failure::Wrong(format!("error: {} names no folder", path.display()))),
        };
        refuse_foreign(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let cannot =
            |what: &Path, error: &std::io::Error| Failure::World(format!("cannot write {}: {error}", what.display()));
        fs::create_dir_all(parent).map_err(|error| cannot(parent, &error))?;
        let lock = parent.join(format!(".{name}.lock"));
        let held = take(&lock, path)?;
        if held.is_some() {
            tidy(path, parent, &name).map_err(|error| cannot(parent, &error))?;
        }
        let building = parent.join(format!(".{name}.tmp-{}", std::process::id()));
        let folder = Self { path: path.to_path_buf(), building, lock, _held: held };
        fs::create_dir_all(&folder.building).map_err(|error| cannot(&folder.building, &error))?;
        Ok(folder)
    }

    /// Where it will stand.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file is being written.
    pub fn file(&self, name: &str) -> PathBuf {
        self.building.join(name)
    }

    /// Creates a file in it.
    pub fn create(&self, name: &str) -> Result<File, Failure> {
        let path = self.file(name);
        File::create(&path).map_err(|error| self.cannot(name, &error))
    }

    /// Writes a whole file into it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = self.create(name)?;
        file.write_all(bytes).and_then(|()| file.sync_data()).map_err(|error| self.cannot(name, &error))
    }

    /// The words for a file that cannot be written.
    pub fn cannot(&self, name: &str, error: &std::io::Error) -> Failure {
        Failure::World(format!("cannot write {}: {error}", self.path.join(name).display()))
    }

    /// Swaps it in. Files of the old folder that no run wrote are carried over.
    pub fn finish(self) -> Result<(), Failure> {
        self.swap()
    }

    /// Swaps it in and keeps the name, for a folder that is rebuilt while it stands.
    pub fn swap(&self) -> Result<(), Failure> {
        let swap =
            |error: std::io::Error| Failure::World(format!("cannot put {} in place: {error}", self.path.display()));
        if !self.path.exists() {
            return fs::rename(&self.building, &self.path).map_err(swap);
        }
        let ours = listed(&self.path).unwrap_or_default();
        for entry in fs::read_dir(&self.path).map_err(swap)? {
            let entry = entry.map_err(swap)?;
            let name = entry.file_name();
            let kept = !ours.iter().any(|file| name.to_str() == Some(file)) && !self.building.join(&name).exists();
            if kept {
                copy(&entry.path(), &self.building.join(&name)).map_err(swap)?;
            }
        }
        let old = self.building.with_extension(format!("old-{}", std::process::id()));
        fs::rename(&self.path, &old).map_err(swap)?;
        if let Err(error) = fs::rename(&self.building, &self.path) {
            // The old one goes back where it was.
            let _ = fs::rename(&old, &self.path);
            return Err(swap(error));
        }
        fs::remove_dir_all(&old).map_err(swap)
    }

    /// Begins beside it once more.
    pub fn rebuild(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.building)
            .map_err(|error| Failure::World(format!("cannot write {}: {error}", self.building.display())))
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.building);
        let _ = fs::remove_file(&self.lock);
    }
}

/// Clears away what a killed run left: a folder half built goes, an old one that was just about to be replaced comes back.
fn tidy(path: &Path, parent: &Path, name: &str) -> std::io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let left = entry.file_name();
        let Some(left) = left.to_str().and_then(|left| left.strip_prefix(&format!(".{name}."))) else { continue };
        match left.split_once('-') {
            Some((_, process)) if process.parse::<u32>().is_err() => {}
            Some(("old", _)) if !path.exists() => fs::rename(entry.path(), path)?,
            Some(("tmp" | "old", _)) => fs::remove_dir_all(entry.path())?,
            _ => {}
        }
    }
    Ok(())
}

fn refuse_foreign(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if !empty && listed(path).is_none() {
            return Err(Failure::Wrong(format!(
                "error: {} exists and no run of `sim` wrote it\n  = help: choose another folder with `--out DIR`, or move this one away",
                path.display()
            )));
        }
    } else if path.exists() {
        return Err(Failure::Wrong(format!(
            "error: {} is a file\n  = help: choose another folder with `--out DIR`",
            path.display()
        )));
    }
    Ok(())
}

/// The files that a run says it wrote, if a run wrote this folder.
pub(super) fn listed(path: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(path.join(MARK)).ok()?;
    let run: Value = serde_json::from_str(&text).ok()?;
    run.get("program").filter(|program| *program == "sim")?;
    let files = run.get("files")?.as_array()?;
    Some(files.iter().filter_map(|file| file.as_str().map(str::to_owned)).collect())
}

/// Takes the lock of a folder. A process number in a file would not do: the first process of a container has the same
/// number in the next one, and a process on another machine has none here.
fn take(lock: &Path, path: &Path) -> Result<Option<File>, Failure> {
    let cannot = |error: std::io::Error| Failure::World(format!("cannot write {}: {error}", lock.display()));
    let own = std::process::id().to_string();
    loop {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(lock).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            // Some file systems of clusters know no locks; there, every run writes into a folder of its own.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
            Err(TryLockError::WouldBlock) => {
                let owner = fs::read_to_string(lock).unwrap_or_default();
                return Err(Failure::World(format!(
                    "another run (process {}) is writing {}\n  = help: wait for it, or choose another folder with `--out DIR`",
                    owner.trim(),
                    path.display(),
                )));
            }
        }
        let said = fs::read(lock).unwrap_or_default();
        if !said.iter().all(u8::is_ascii_digit) {
            return Err(Failure::Wrong(format!(
                "error: {} exists and no run of `sim` wrote it\n  = help: move it away, or choose another folder with `--out DIR`",
                lock.display()
            )));
        }
        file.set_len(0).and_then(|()| file.write_all(own.as_bytes())).map_err(cannot)?;
        // Whoever held the lock before may have removed the file between the two steps: then this one locks nothing.
        if fs::read_to_string(lock).is_ok_and(|owner| owner == own) {
            return Ok(Some(file));
        }
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(|_| ())
}
