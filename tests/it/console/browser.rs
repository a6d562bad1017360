//! Headless Chromium against a real gateway: runs the specs in `tests/browser`.
//!
//! The specs make things happen by asking a small control server for it (`POST /happen/{number}`), because a
//! station's captures are not the console's business, and has jobs worked off by `POST /work`.
//!
//! `SCREENS=<absolute folder>` takes the screenshots instead.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::extract::{Path as UrlPath, State};
use axum::routing::post;
use passgate::clock::Clock;
use passgate::web::Web;
use tokio::net::TcpListener;

use super::sample::{OWNER, PASSWORD, SCAN, VIEWER, card, happen};
use super::visitor::Gateway;
use crate::engines;

#[tokio::test(flavor = "multi_thread")]
async fn the_console_works_in_a_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if let Err(missing) = ready(&folder) {
        let required = std::env::var_os("CI")
            .or_else(|| std::env::var_os("REQUIRE_BROWSER"))
            .is_some();
        assert!(!required, "{missing}");
        eprintln!("skipped: the_console_works_in_a_browser: {missing}");
        return;
    }
    let (store, folder_of_store) = engines::sqlite().await;
    let gateway = Gateway::start(store, 60, Clock::System, "http://127.0.0.1")
        .await
        .keeping(folder_of_store);
    let names = ["bring_customers_into_form"];
    let found = gateway.web().ops.do_chores_named(&names).await;
    found.expect("people whose names are found");
    let control = control(gateway.web().clone()).await;

    let base = format!("http://{}", gateway.address);
    let mut specs = std::process::Command::new("node");
    match std::env::var_os("SCREENS") {
        Some(screens) => specs.args(["screens.mjs", &base, OWNER, PASSWORD]).arg(screens),
        None => specs.args([
            "--test",
            "--test-concurrency=1",
            "--test-reporter=spec",
            "console.test.mjs",
            "list.test.mjs",
            "settings.test.mjs",
            "customer.test.mjs",
            "messages.test.mjs",
        ]),
    };
    specs
        .current_dir(&folder)
        .env("BASE_URL", base)
        .env("CONTROL_URL", control)
        .env("OWNER", OWNER)
        .env("VIEWER", VIEWER)
        .env("PASSWORD", PASSWORD)
        .env("CARD", card(6).to_string())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || specs.output())
        .await
        .expect("no panic")
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What is missing to run the specs.
pub(super) fn ready(folder: &Path) -> Result<(), String> {
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

async fn control(web: Web) -> String {
    let app = axum::Router::new()
        .route("/happen/{number}", post(scan))
        .route("/work", post(work))
        .with_state(web);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn work(State(web): State<Web>) {
    let worked = web.ops.do_chores_named(&["work_jobs"]).await;
    worked.expect("jobs are worked off");
}

async fn scan(State(web): State<Web>, UrlPath(number): UrlPath<i64>) {
    happen(&web, card(number), SCAN, web.ops.clock.now()).await;
}
