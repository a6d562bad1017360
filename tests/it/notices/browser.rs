//! The card's page in headless Chromium: runs `tests/browser/card.test.mjs`.
//!
//! Chromium's own push service is on the Internet, so the specs put the stand-in's subscriptions in its place, and hand
//! what the stand-in's browser was shown to the page's worker by the debugger.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use passgate::sim::web_push::SimBrowser;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::gateway::World;
use crate::specs;

struct Control {
    world: World,
    browser: Mutex<Option<SimBrowser>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_subscribes_shows_and_unsubscribes_in_a_browser() {
    let Some(mut specs) = specs::node("the_page_subscribes_shows_and_unsubscribes_in_a_browser") else {
        return;
    };
    let world = World::open().await;
    let (link, another) = (world.link.clone(), world.another_link().await);
    let control = Arc::new(Control {
        world,
        browser: Mutex::default(),
    });
    specs
        .args(["--test", "--test-reporter=spec", "card.test.mjs"])
        .env("CARD_URL", link)
        .env("OTHER_CARD_URL", another)
        .env("CONTROL_URL", serve(Arc::clone(&control)).await);
    specs::run(specs).await;
}

async fn serve(control: Arc<Control>) -> String {
    let app = Router::new()
        .route("/subscribe", post(subscribe))
        .route("/punch", post(punch))
        .route("/shown", get(shown))
        .route("/listening", get(listening))
        .with_state(control);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// A browser at the stand-in subscribes with the key that the page gives.
async fn subscribe(State(control): State<Arc<Control>>, key: String) -> Json<Value> {
    let browser = control.world.push.subscribe(&key).expect("subscribed");
    let json = browser.to_json();
    *control.browser.lock().unwrap() = Some(browser);
    Json(json)
}

async fn punch(State(control): State<Arc<Control>>) {
    control.world.punch().await;
}

/// The last thing that the stand-in's browser was shown, once there is one more than `after`.
async fn shown(State(control): State<Arc<Control>>) -> String {
    let browser = control.browser.lock().unwrap().clone().expect("a browser");
    browser.until(|_| true).await;
    browser.shown().pop().map(|shown| shown.text).unwrap_or_default()
}

async fn listening(State(control): State<Arc<Control>>) -> Json<Value> {
    let count = control.world.count("select count(*) from push_addresses").await;
    Json(json!({"count": count}))
}
