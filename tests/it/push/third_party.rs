//! Our stand-in for APNs as node-apn sees it, a client that others wrote: what the stand-in takes and refuses is not only
//! what our own client expects.
//!
//! Where Node or the package is missing the test says so and passes, unless `CI` or `REQUIRE_CLIENTS` is set
//! (`scripts/install-browser-tests` installs the package).

use std::path::{Path, PathBuf};
use std::process::Command;

use passgate::clock::Clock;
use passgate::domain::time::Timestamp;
use passgate::sim::apns::{Answer, PushKey};
use serde_json::Value;

use super::support::{Apple, token, topic};

const DIED: Timestamp = Timestamp(1_700_000_000_000);

/// The folder of the client; `None` where it is not installed.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apns-client");
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if has_node && folder.join("node_modules/@parse/node-apn").is_dir() {
        return Some(folder);
    }
    let required = ["CI", "REQUIRE_CLIENTS"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    assert!(
        !required,
        "run scripts/install-browser-tests: node-apn is required here"
    );
    eprintln!("node-apn is not installed: its tests are skipped");
    None
}

async fn node(apple: &Apple, folder: &Path, devices: &str, credentials: &[&str]) -> Value {
    let authority = apple.folder().join("ca.pem");
    let mut command = Command::new("node");
    command
        .arg(folder.join("push.mjs"))
        .args(["127.0.0.1", &apple.address.port().to_string()])
        .arg(authority)
        .args([topic().as_str(), devices])
        .args(credentials);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("joined")
        .expect("node runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {words}"))
}

fn write(apple: &Apple, name: &str, content: &[u8]) -> String {
    let path = apple.folder().join(name);
    std::fs::write(&path, content).expect("written");
    path.to_str().expect("a plain path").to_owned()
}

async fn agree(apple: &Apple, folder: &Path, credentials: &[&str]) {
    apple.fake.always(token(7).as_str(), Answer::unregistered(DIED));
    let devices: Vec<String> = (1..=40).map(|number| token(number).to_string()).collect();
    let answer = node(apple, folder, &devices.join(","), credentials).await;
    assert_eq!(answer["sent"].as_array().expect("a list").len(), 39, "{answer}");
    let failed = answer["failed"].as_array().expect("a list");
    assert_eq!(failed.len(), 1, "{answer}");
    assert_eq!(failed[0]["device"], devices[6]);
    assert_eq!(failed[0]["status"], 410);
    assert_eq!(failed[0]["reason"], "Unregistered");
    assert_eq!(failed[0]["timestamp"], DIED.0);
    assert_eq!(apple.fake.refused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn node_apn_pushes_with_a_certificate() {
    let Some(folder) = folder() else { return };
    let apple = Apple::start().await;
    let identity = apple
        .authority
        .issue_client(&topic())
        .expect("client certificate");
    let certificate = write(&apple, "client.pem", &identity.certificate);
    let key = write(&apple, "client.key", &identity.key);
    agree(&apple, &folder, &["cert", &certificate, &key]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_apn_pushes_with_a_token() {
    let Some(folder) = folder() else { return };
    let key = PushKey::new("ABC123DEFG", "TEAM12345X", &[topic()]).expect("a key");
    let known = key.clone();
    let apple = Apple::at(Clock::System, |settings| settings.push_keys = vec![known]).await;
    let path = write(&apple, "AuthKey.p8", &key.pem);
    agree(&apple, &folder, &["token", &path, &key.key_id, &key.team]).await;

    // A token of another team is refused, with Apple's word.
    let answer = node(
        &apple,
        &folder,
        token(1).as_str(),
        &["token", &path, &key.key_id, "OTHERTEAM1"],
    )
    .await;
    assert_eq!(answer["failed"][0]["reason"], "InvalidProviderToken", "{answer}");
    assert_eq!(answer["failed"][0]["status"], 403, "{answer}");
}
