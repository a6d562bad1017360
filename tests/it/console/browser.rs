//! Headless Chromium against a real gateway: runs the specs in `tests/browser`.
//!
//! The specs make things happen by asking a small control server for it (`POST /happen/{number}`), because a
//! station's captures are not the console's business, and has jobs and messages worked off by `POST /work`. Uploads are
//! worked off as they come. A second gateway, which nobody has set up, shows the page of the first visitor.
//!
//! `SCREENS=<absolute folder>` takes the screenshots instead; `SPECS=<file>` runs one file of specs alone.

use axum::extract::{Path as UrlPath, State};
use axum::routing::post;
use passgate::clock::Clock;
use passgate::ops::uploads;
use passgate::web::Web;
use passgate::web::public::card_link;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::sample::{MERCHANT, OWNER, PASSWORD, SCAN, VIEWER, card, happen};
use super::stage;
use super::visitor::Gateway;
use crate::{engines, specs};

#[tokio::test(flavor = "multi_thread")]
async fn the_console_works_in_a_browser() {
    let Some(mut specs) = specs::node("the_console_works_in_a_browser") else {
        return;
    };
    let (store, folder_of_store) = engines::sqlite().await;
    let gateway = Gateway::start(store, 60, Clock::System, "http://127.0.0.1")
        .await
        .keeping(folder_of_store);
    let ops = &gateway.web().ops;
    // Searches find who was issued by hand in the sample once they have their form.
    let found = ops.do_chores_named(&["bring_customers_into_form"]).await;
    found.expect("people whose names are found");
    let stage = stage::set(gateway.web()).await;
    let control = control(gateway.web().clone()).await;
    let stop = CancellationToken::new();
    let imports = tokio::spawn(uploads::run(ops.clone(), stop.clone()));
    let (store, folder_of_store) = engines::sqlite().await;
    let fresh = Gateway::empty(store, Clock::System)
        .await
        .keeping(folder_of_store);

    let base = format!("http://{}", gateway.address);
    match std::env::var_os("SCREENS") {
        Some(screens) => specs.arg("screens.mjs").arg(screens),
        None => specs
            .args(["--test", "--test-reporter=spec"])
            .arg(std::env::var_os("SPECS").unwrap_or_else(|| "all.test.mjs".into())),
    };
    specs
        .env("BASE_URL", base)
        .env("CONTROL_URL", control)
        .env("OWNER", OWNER)
        .env("VIEWER", VIEWER)
        .env("PASSWORD", PASSWORD)
        .env("CARD", card(6).to_string())
        .env("COUPON", stage.coupon.to_string())
        .env("POINTS", stage.points.to_string())
        .env("OFFER", stage.offer.to_string())
        .env(
            "CARD_PATH",
            card_link("", &gateway.web().master, MERCHANT, card(6)),
        )
        .env("FRESH_URL", format!("http://{}", fresh.address))
        .env("FIRST_CODE", fresh.web().master.first_owner_code());
    let said = specs::run(specs).await;
    stop.cancel();
    imports.await.expect("ends");
    for line in said.lines().map(str::trim) {
        if line.starts_with("figure ") {
            println!("{line}");
        }
    }
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
    let worked = web
        .ops
        .do_chores_named(&["work_jobs", "send_messages", "make_codes"])
        .await;
    worked.expect("what waits is worked off");
}

async fn scan(State(web): State<Web>, UrlPath(number): UrlPath<i64>) {
    happen(&web, card(number), SCAN, web.ops.clock.now()).await;
}
