//! A folder of a test's own, and the binary at work in it.

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

/// A folder of one test's own, removed when it is dropped.
pub struct Room(pub PathBuf);

impl Room {
    /// With these files in it.
    pub fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("sim-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        let room = Self(path);
        for (name, text) in files {
            room.write(name, text);
        }
        room
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file in a temporary folder");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn sim(&self, arguments: &[&str]) -> Output {
        let mut command = Command::cargo_bin("sim").expect("the binary is built");
        command.current_dir(&self.0).args(arguments).output().expect("it runs")
    }

    /// Runs, and must do well: what it printed.
    pub fn fine(&self, arguments: &[&str]) -> String {
        let output = self.sim(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// All files of a folder; of `run.json` what is not volatile.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(folder)).expect("a folder");
        let read = |entry: fs::DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let mut bytes = fs::read(entry.path()).expect("a file");
            if name == "run.json" {
                let mut run: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
                run.as_object_mut().expect("an object").remove("volatile").expect("volatile facts");
                bytes = run.to_string().into_bytes();
            }
            (name, bytes)
        };
        entries.map(|entry| read(entry.expect("an entry"))).collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
