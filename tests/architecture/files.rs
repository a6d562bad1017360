//! Every file: its size, its opening lines, and whether what reads it can read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::{Broken, assert_kept, broken_at, everything, listing, read};

const SOFT_LIMIT: usize = 400;
const HARD_LIMIT: usize = 600;

#[test]
fn every_file_says_what_it_is_for() {
    let mut broken = Broken::new();
    for source in everything() {
        if !source.text.starts_with("//! ") {
            broken.push(format!(
                "{}:1: a file opens with `//!` and what it is for",
                source.path
            ));
        }
        if source.path.ends_with("/mod.rs") {
            broken.push(format!(
                "{}:1: modules are `x.rs` beside `x/`, not `x/mod.rs`",
                source.path
            ));
        }
    }
    assert_kept(&broken);
}

#[test]
fn files_stay_small() {
    let mut broken = Broken::new();
    for source in everything() {
        let lines = source.lines();
        if lines > HARD_LIMIT {
            let rule = format!("a file has at most {HARD_LIMIT} lines: give it a submodule, its tests first");
            broken.push(format!("{}:{lines}: {rule}; found {lines}", source.path));
        } else if lines > SOFT_LIMIT {
            println!(
                "{}: {lines} lines, more than the {SOFT_LIMIT} a file should have",
                source.path
            );
        }
    }
    assert_kept(&broken);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = Regex::new(concat!(r"\b(TO", r"DO|FIX", r"ME)\b")).expect("a valid pattern");
    let mut broken = Broken::new();
    for source in everything() {
        let found = marks.find_iter(&source.text);
        let rule = "what is missing is written down in an issue, not in the code";
        broken.extend(found.map(|found| broken_at(&source, found.start(), rule, found.as_str())));
        for name in ["todo", "unimplemented", "dbg"] {
            broken.extend(
                source
                    .macro_calls(name)
                    .map(|(at, _)| broken_at(&source, at, rule, format!("{name}!"))),
            );
        }
        let ignored = source.code.match_indices("#[ignore");
        let rule = "a test runs or does not exist";
        broken.extend(ignored.map(|(at, _)| broken_at(&source, at, rule, "#[ignore]")));
    }
    assert_kept(&broken);
}

/// The list has the form that `sha256sum` prints and reads.
const MIGRATIONS: &str = "tests/data/migrations.sha256";

#[test]
fn migrations_are_only_ever_added() {
    let mut broken = Broken::new();
    let list = read(Path::new(MIGRATIONS));
    let mut listed = BTreeMap::new();
    for (number, line) in list.lines().enumerate() {
        match line.split_once("  ") {
            Some((hash, path)) => drop(listed.insert(path, hash)),
            None => broken.push(format!(
                "{MIGRATIONS}:{}: expected `<sha256>  <path>`; found {line:?}",
                number + 1
            )),
        }
    }
    let mut present = BTreeSet::new();
    for path in listing("src/store/migrations", "sql") {
        let name = path.to_string_lossy().replace('\\', "/");
        let hash = hex::encode(openssl::sha::sha256(read(&path).as_bytes()));
        match listed.get(name.as_str()) {
            Some(known) if *known == hash => {}
            Some(_) => broken.push(format!(
                "{name}:1: a migration that may have run somewhere is never edited, add the next one; found SHA-256 \
                 {hash}"
            )),
            None => broken.push(format!("{name}:1: a new migration is listed in {MIGRATIONS}; add `{hash}  {name}`")),
        }
        present.insert(name);
    }
    let gone = listed.keys().filter(|name| !present.contains(**name));
    broken.extend(gone.map(|name| format!("{name}:1: a migration is never taken away; it is gone")));
    let engine = |engine: &str| -> BTreeSet<String> {
        let folder = format!("src/store/migrations/{engine}/");
        present
            .iter()
            .filter_map(|name| name.strip_prefix(&folder))
            .map(str::to_owned)
            .collect()
    };
    if engine("sqlite") != engine("postgres") {
        broken.push(format!(
            "{MIGRATIONS}:1: every migration has a twin of the same name for the other engine"
        ));
    }
    assert_kept(&broken);
}

fn toml(path: &Path) -> Result<toml::Table, String> {
    let parsed: Result<toml::Table, toml::de::Error> = toml::from_str(&read(path));
    parsed.map_err(|error| format!("{}: {}", path.display(), error.to_string().trim_end()))
}

#[test]
fn pass_templates_are_complete() {
    let mut broken = Broken::new();
    let folders: Vec<PathBuf> = fs::read_dir("pass-templates")
        .expect("pass-templates is a folder")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(!folders.is_empty(), "pass-templates holds at least one template");
    for folder in folders {
        let file = folder.join("template.toml");
        if file.is_file() {
            broken.extend(toml(&file).err());
        } else {
            broken.push(format!(
                "{}:1: a template has this file; it is missing",
                file.display()
            ));
        }
    }
    assert_kept(&broken);
}

#[test]
fn firmware_profiles_of_one_kind_have_the_same_keys() {
    let mut broken = Broken::new();
    let mut keys: BTreeMap<String, (PathBuf, BTreeSet<String>)> = BTreeMap::new();
    let profiles = listing("firmware-profiles", "toml");
    assert!(
        !profiles.is_empty(),
        "firmware-profiles holds at least one profile"
    );
    for path in profiles {
        let table = match toml(&path) {
            Ok(table) => table,
            Err(error) => {
                broken.push(error);
                continue;
            }
        };
        let kind = table
            .get("kind")
            .and_then(toml::Value::as_str)
            .unwrap_or("any")
            .to_owned();
        let found: BTreeSet<String> = table.keys().cloned().collect();
        match keys.get(&kind) {
            None => drop(keys.insert(kind, (path, found))),
            Some((first, expected)) if *expected != found => {
                let differ: Vec<_> = expected.symmetric_difference(&found).collect();
                let (path, first) = (path.display(), first.display());
                broken.push(format!(
                    "{path}:1: profiles of kind {kind} have the keys of {first}; they differ in {differ:?}"
                ));
            }
            Some(_) => {}
        }
    }
    assert_kept(&broken);
}

#[test]
fn documents_name_files_that_exist() {
    let named = Regex::new(r"`((?:src|docs|tests|benches|scripts|certs|pass-templates|firmware-profiles|\.ci)/[A-Za-z0-9_./-]+)`")
        .expect("a valid pattern");
    let mut broken = Broken::new();
    let documents = [PathBuf::from("README.md")]
        .into_iter()
        .chain(listing("docs", "md"));
    for path in documents {
        for (number, line) in read(&path).lines().enumerate() {
            for found in named
                .captures_iter(line)
                .filter(|found| !Path::new(&found[1]).exists())
            {
                let rule = "a document names files that exist";
                broken.push(format!(
                    "{}:{}: {rule}; found {}",
                    path.display(),
                    number + 1,
                    &found[1]
                ));
            }
        }
    }
    for path in listing("docs", "toml") {
        broken.extend(toml(&path).err());
    }
    assert_kept(&broken);
}
