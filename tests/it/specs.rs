//! The specs in `tests/browser`, run by node in headless Chromium: whether they can be run here, and running them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Node in the folder of the specs. None where something is missing: then it is said that `test` is skipped, and where
/// specs are required it fails.
pub(crate) fn node(test: &str) -> Option<Command> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if let Err(missing) = ready(&folder) {
        let is_required = ["CI", "REQUIRE_BROWSER"]
            .iter()
            .any(|name| std::env::var_os(name).is_some());
        assert!(!is_required, "{missing}");
        eprintln!("skipped: {test}: {missing}");
        return None;
    }
    let mut node = Command::new("node");
    node.current_dir(folder).stdin(Stdio::null());
    Some(node)
}

/// Runs specs to their end; what they said. Fails with all of it where one failed.
pub(crate) async fn run(mut node: Command) -> String {
    let output = tokio::task::spawn_blocking(move || node.output())
        .await
        .expect("no panic")
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

/// What is missing to run the specs.
fn ready(folder: &Path) -> Result<(), String> {
    let found = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    if !found("node") {
        return Err("node is not installed".into());
    }
    let chromium =
        std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    if !chromium.is_file() {
        return Err(format!("there is no Chromium at {}", chromium.display()));
    }
    if !folder.join("node_modules/playwright-core").is_dir() {
        return Err(format!("run `npm ci` in {}", folder.display()));
    }
    Ok(())
}
