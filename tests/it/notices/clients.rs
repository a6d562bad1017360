//! Other people's programs agree with us: `http_ece` opens what we send, `web-push` sends what our stand-in takes, and
//! Google's own client of Firebase sends what our other stand-in takes. Run by Node, from `tests/clients`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgate::clock::{Clock, Ids};
use passgate::sim::google::FakeGoogle;
use passgate::sim::web_push::FakePushService;
use serde_json::{Value, json};

use super::PATIENCE;
use super::gateway::{CONTACT, PROJECT, World};

/// The folder of the clients; `None`, and a word about it, where they are not installed and need not be.
fn clients(test: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_node = std::env::split_paths(&path).any(|folder| folder.join("node").is_file());
    let has_packages = ["http_ece", "web-push", "firebase-admin"]
        .iter()
        .all(|package| folder.join("node_modules").join(package).is_dir());
    if has_node && has_packages {
        return Some(folder);
    }
    let required = std::env::var_os("CI").or_else(|| std::env::var_os("REQUIRE_CLIENTS"));
    let missing = format!("Node, or `npm ci` in {}", folder.display());
    assert!(required.is_none(), "{missing}");
    eprintln!("skipped: {test}: {missing}");
    None
}

/// What a client prints when it is given `input`.
async fn run(
    folder: &Path,
    script: &str,
    input: &Value,
    environment: Vec<(&'static str, String)>,
) -> Vec<u8> {
    let mut command = Command::new("node");
    command
        .arg(script)
        .current_dir(folder)
        .envs(environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = input.to_string();
    let output = tokio::task::spawn_blocking(move || {
        let mut client = command.spawn().expect("node runs");
        let mut stdin = client.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("written");
        drop(stdin);
        client.wait_with_output().expect("it ends")
    });
    let output = output.await.expect("no panic");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {complaints}");
    output.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn another_receiver_opens_what_we_send() {
    let Some(folder) = clients("another_receiver_opens_what_we_send") else {
        return;
    };
    let world = World::open().await;
    let browser = world.browser().await;
    world.punch().await;
    let shown = tokio::time::timeout(PATIENCE, browser.until(|_| true))
        .await
        .expect("shown");
    let input = json!({
        "body": URL_SAFE_NO_PAD.encode(browser.last_body()),
        "privateKey": browser.private_key(),
        "auth": browser.to_json()["keys"]["auth"],
    });
    let opened = run(&folder, "http_ece.mjs", &input, Vec::new()).await;
    assert_eq!(String::from_utf8_lossy(&opened), shown.text);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_senders_pushes_are_taken_by_our_stand_in_and_bad_ones_are_not() {
    let Some(folder) = clients("another_senders_pushes_are_taken_by_our_stand_in") else {
        return;
    };
    let push = FakePushService::start(Clock::System, Ids::random())
        .await
        .expect("a push service");
    let authority = folder
        .join("node_modules")
        .join(format!("authority-{}.pem", std::process::id()));
    std::fs::write(&authority, push.authority_pem()).expect("written");
    let keys = run(&folder, "web_push.mjs", &json!({}), Vec::new()).await;
    let keys: Value = serde_json::from_slice(&keys).expect("keys");
    let browser = push
        .subscribe(keys["publicKey"].as_str().expect("a key"))
        .expect("subscribed");
    let send = async |subject: &str, payload: &str| {
        let input = json!({
            "subscription": browser.to_json(), "subject": subject, "payload": payload, "topic": "card",
        });
        let environment = vec![
            ("VAPID", keys.to_string()),
            ("NODE_EXTRA_CA_CERTS", authority.display().to_string()),
        ];
        let answer = run(&folder, "web_push.mjs", &input, environment).await;
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        answer["status"].as_u64().expect("a status")
    };
    assert_eq!(send(CONTACT, "Zwei für eins").await, 201);
    let shown = browser.shown();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (
            shown[0].text.as_str(),
            shown[0].ttl,
            shown[0].urgency.as_str(),
            shown[0].topic.as_deref()
        ),
        ("Zwei für eins", 60, "high", Some("card"))
    );
    assert_eq!(
        send("https://cafe.invalid", "x").await,
        403,
        "as Apple answers it"
    );
    browser.leave();
    assert_eq!(send(CONTACT, "x").await, 410);
    std::fs::remove_file(&authority).expect("removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_own_client_agrees_with_our_stand_in_for_firebase() {
    let Some(folder) = clients("googles_own_client_agrees_with_our_stand_in_for_firebase") else {
        return;
    };
    let google = FakeGoogle::start("3388000000012345678").await.expect("Google");
    google.set_firebase_project(PROJECT);
    let [alive, gone, moved] = [
        "cIN1cbQ7TGqmGRoZDcHOgj",
        "dIN1cbQ7TGqmGRoZDcHOgj",
        "eIN1cbQ7TGqmGRoZDcHOgj",
    ];
    google.install_app(alive);
    google.uninstall_app(gone);
    google.move_app_to_another_project(moved);
    let port: u16 = google
        .api_url()
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let input = json!({
        "port": port,
        "project": PROJECT,
        "accessToken": google.grant_token("https://www.googleapis.com/auth/firebase.messaging"),
        "messages": [
            {"fid": alive, "data": {"body": "3 of 10"}, "android": {"collapseKey": "card", "ttl": 60000, "priority": "high"}},
            {"token": alive, "notification": {"title": "Coffee", "body": "Ready"}},
            {"topic": "holders", "data": {"a": "b"}},
            {"fid": gone, "data": {"a": "b"}},
            {"token": gone, "data": {"a": "b"}},
            {"fid": moved, "data": {"a": "b"}},
            {"token": "no token", "data": {"a": "b"}},
        ],
    });
    let answers = run(&folder, "firebase.mjs", &input, Vec::new()).await;
    let answers: Vec<Value> = serde_json::from_slice(&answers).expect("answers");
    for taken in &answers[..3] {
        let name = taken["name"].as_str().unwrap_or_default();
        assert!(
            name.starts_with(&format!("projects/{PROJECT}/messages/")),
            "{taken}"
        );
    }
    let codes: Vec<&str> = answers[3..]
        .iter()
        .map(|answer| answer["code"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(
        codes,
        [
            "messaging/installation-id-not-registered",
            "messaging/registration-token-not-registered",
            "messaging/mismatched-credential",
            "messaging/invalid-argument",
        ],
        "{answers:?}"
    );
    // The client writes some fields with underlines; the stand-in reads both.
    let received = google.app_received(alive);
    assert_eq!(received.len(), 2);
    assert_eq!(received[0]["android"]["collapseKey"], "card");
}
