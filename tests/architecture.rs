//! The shape of the repository, enforced: who may import whom, where SQL, statuses and outgoing connections
//! may stand, how large files are, and that data files are what their readers expect.
//!
//! Every failure names file, line and rule. Cargo runs tests in the repository's root, where all paths begin.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "this whole program is a test, its helpers too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

#[path = "architecture/files.rs"]
mod files;
#[path = "architecture/rooms.rs"]
mod rooms;
#[path = "architecture/source.rs"]
mod source;

/// What breaks a rule, as `file:line: rule; what was found`.
type Broken = Vec<String>;

fn listing(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a folder can be listed").path();
            let skipped = path
                .file_name()
                .is_some_and(|name| name == "node_modules" || name == "target");
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &str) -> Vec<Source> {
    let load = |path: PathBuf| Source::new(path.to_string_lossy().replace('\\', "/"), read(&path));
    listing(folder, "rs").into_iter().map(load).collect()
}

/// Files under `src` that are compiled outside tests.
fn production() -> Vec<Source> {
    let all = sources("src");
    let mut tests = BTreeSet::new();
    for source in &all {
        let folder = match source.path.as_str() {
            "src/lib.rs" | "src/main.rs" => "src",
            path => path.trim_end_matches(".rs"),
        };
        tests.extend(source.test_modules.iter().map(|name| format!("{folder}/{name}")));
    }
    let is_test = |path: &str| {
        let module = path.trim_end_matches(".rs");
        module.split('/').any(|part| part == "tests")
            || tests
                .iter()
                .any(|test| module == test || module.starts_with(&format!("{test}/")))
    };
    all.into_iter().filter(|source| !is_test(&source.path)).collect()
}

/// Every Rust file that is ours.
fn everything() -> Vec<Source> {
    ["src", "tests", "benches", "fuzz"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

fn broken_at(source: &Source, at: usize, rule: &str, found: impl std::fmt::Display) -> String {
    format!("{}:{}: {rule}; found {found}", source.path, source.line(at))
}

#[track_caller]
fn assert_kept(broken: &[String]) {
    assert!(
        broken.is_empty(),
        "\n{} broken:\n  {}\n",
        broken.len(),
        broken.join("\n  ")
    );
}
