//! The tools in headless Chromium: runs `tests/browser/tools.test.mjs` against a gateway that imports what is uploaded.
//!
//! `SCREENS=<absolute folder>` takes the screenshots instead.

use std::path::Path;
use std::process::Stdio;

use passgate::clock::Clock;
use passgate::ops::uploads;
use tokio_util::sync::CancellationToken;

use crate::console::browser::ready;
use crate::console::sample::{OWNER, PASSWORD, VIEWER, card};
use crate::console::visitor::Gateway;
use crate::engines;

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_work_in_a_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if let Err(missing) = ready(&folder) {
        let required = std::env::var_os("CI")
            .or_else(|| std::env::var_os("REQUIRE_BROWSER"))
            .is_some();
        assert!(!required, "{missing}");
        eprintln!("skipped: the_tools_work_in_a_browser: {missing}");
        return;
    }
    let (store, folder_of_store) = engines::sqlite().await;
    let gateway = Gateway::start(store, 60, Clock::System, "http://127.0.0.1")
        .await
        .keeping(folder_of_store);
    let ops = &gateway.web().ops;
    // Searches find who was issued by hand in the sample once they have their form.
    ops.do_chores_named(&["bring_customers_into_form"])
        .await
        .expect("chores");
    let stop = CancellationToken::new();
    let imports = tokio::spawn(uploads::run(ops.clone(), stop.clone()));

    let base = format!("http://{}", gateway.address);
    let mut specs = std::process::Command::new("node");
    match std::env::var_os("SCREENS") {
        Some(screens) => specs
            .args(["tools.screens.mjs", &base, OWNER, PASSWORD])
            .arg(screens),
        None => specs.args([
            "--test",
            "--test-concurrency=1",
            "--test-reporter=spec",
            "tools.test.mjs",
        ]),
    };
    specs
        .current_dir(&folder)
        .env("BASE_URL", base)
        .env("OWNER", OWNER)
        .env("VIEWER", VIEWER)
        .env("PASSWORD", PASSWORD)
        .env("CARD", card(6).to_string())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || specs.output())
        .await
        .expect("no panic")
        .expect("node runs");
    stop.cancel();
    imports.await.expect("ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
