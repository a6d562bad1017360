//! Apps through Firebase Cloud Messaging: every answer that it has, and a punch that reaches an app.

use std::time::Duration;

use passgate::clock::Clock;
use passgate::config;
use passgate::domain::address::PushAddress;
use passgate::domain::delivery::Outcome;
use passgate::domain::notice::Notice;
use passgate::domain::preference::Class;
use passgate::domain::time::Timestamp;
use passgate::google::fcm::Messaging;
use passgate::push::{Delivery, Sender as _};
use passgate::sim::google::{FakeGoogle, FcmFault, TokenFault};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::app;
use super::gateway::{PROJECT, World};

struct Setting {
    google: FakeGoogle,
    config: config::Google,
    messaging: Messaging,
    _folder: tempfile::TempDir,
}

async fn setting() -> Setting {
    let google = FakeGoogle::start("3388000000012345678").await.expect("Google");
    google.set_firebase_project(PROJECT);
    let folder = tempfile::tempdir().expect("a folder");
    let account = google.make_service_account(folder.path()).expect("a key");
    let mut config = config::Google::default();
    config.fcm.project = PROJECT.into();
    config.fcm.api_url = google.api_url();
    config.fcm.service_account = Some(account.key_file);
    Setting {
        messaging: Messaging::load(&config, Clock::System).await.expect("loaded"),
        google,
        config,
        _folder: folder,
    }
}

/// A message to the app of this number.
fn delivery(number: i64) -> Delivery {
    let destination = app(number).destination;
    Delivery::Notice {
        to: Box::new(PushAddress {
            key: destination.key(),
            destination,
            registered_at: Timestamp(0),
        }),
        notice: Box::new(Notice {
            tag: "t".repeat(32),
            title: "Coffee card".into(),
            body: "3 of 10".into(),
            url: None,
            class: Class::Balance,
            alert: false,
            version: 3,
        }),
    }
}

fn address(number: i64) -> String {
    app(number).destination.address().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_firebase_has_its_outcome() {
    let Setting {
        google, messaging, ..
    } = setting().await;
    google.install_app(&address(1));
    assert_eq!(messaging.send(&delivery(1)).await, Outcome::Accepted);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let gone = |outcome: &Outcome| matches!(outcome, Outcome::Gone { since: None, .. });
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Rejected { .. });
    let ours = |outcome: &Outcome| matches!(outcome, Outcome::Misconfigured { .. });
    let again = |outcome: &Outcome, wait| matches!(outcome, Outcome::Retry { after, .. } if *after == wait);
    let dead = |outcome: &Outcome| matches!(outcome, Outcome::Gone { since: Some(_), .. });
    for (fault, expected) in [
        (FcmFault::Unregistered, dead as fn(&Outcome) -> bool),
        (FcmFault::SenderIdMismatch, gone),
        (FcmFault::InvalidToken, gone),
        (FcmFault::InvalidPayload, refused),
        (FcmFault::ThirdPartyAuthError, ours),
        (FcmFault::NotFoundPage, ours),
    ] {
        google.fcm_fault(fault, 1);
        let outcome = messaging.send(&delivery(1)).await;
        assert!(expected(&outcome), "{fault:?}: {outcome:?}");
    }
    for (fault, wait) in [
        (FcmFault::Unavailable(Some(33)), seconds(33)),
        (FcmFault::Unavailable(None), seconds(10)),
        (FcmFault::Internal, seconds(10)),
    ] {
        google.fcm_fault(fault, 1);
        let outcome = messaging.send(&delivery(1)).await;
        assert!(again(&outcome, wait), "{fault:?}: {outcome:?}");
    }
    // The quota is everybody's: the next message does not even leave.
    google.fcm_fault(FcmFault::QuotaExceeded(None), 1);
    let outcome = messaging.send(&delivery(1)).await;
    assert!(again(&outcome, seconds(60)), "{outcome:?}");
    let asked = google.fcm_seen().len();
    let outcome = messaging.send(&delivery(1)).await;
    assert!(
        matches!(outcome, Outcome::Untried { after, .. } if after > Duration::from_secs(50)),
        "{outcome:?}"
    );
    assert_eq!(google.fcm_seen().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_firebase_knows_as_dead_are_told_from_those_of_another_project() {
    let Setting {
        google, messaging, ..
    } = setting().await;
    google.install_app(&address(1));
    google.uninstall_app(&address(2));
    google.move_app_to_another_project(&address(3));
    assert_eq!(messaging.send(&delivery(1)).await, Outcome::Accepted);
    for (number, word) in [(2, "UNREGISTERED"), (3, "SENDER_ID_MISMATCH")] {
        let outcome = messaging.send(&delivery(number)).await;
        assert!(
            matches!(&outcome, Outcome::Gone { reason, .. } if reason.contains(word)),
            "{outcome:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_replaced_once() {
    let Setting {
        google, messaging, ..
    } = setting().await;
    google.install_app(&address(1));
    assert_eq!(messaging.send(&delivery(1)).await, Outcome::Accepted);
    assert_eq!(google.token_requests(), 1);
    google.revoke_tokens();
    assert_eq!(messaging.send(&delivery(1)).await, Outcome::Accepted);
    assert_eq!(google.token_requests(), 2);
    google.fcm_fault(FcmFault::Unauthenticated, 2);
    let outcome = messaging.send(&delivery(1)).await;
    assert!(matches!(outcome, Outcome::Misconfigured { .. }), "{outcome:?}");
    google.revoke_tokens();
    google.token_fault(TokenFault::InvalidGrant, 1);
    let outcome = messaging.send(&delivery(1)).await;
    assert!(matches!(outcome, Outcome::Misconfigured { .. }), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_project_is_our_fault_and_nobody_elses() {
    let Setting {
        google,
        mut config,
        _folder,
        ..
    } = setting().await;
    google.install_app(&address(1));
    config.fcm.project = "somebody-elses".into();
    let messaging = Messaging::load(&config, Clock::System).await.expect("loaded");
    let outcome = messaging.send(&delivery(1)).await;
    assert!(
        matches!(&outcome, Outcome::Misconfigured { reason } if reason.contains("google.fcm.project")),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_reaches_the_app_and_an_app_that_is_gone_is_forgotten() {
    let world = World::open().await;
    let fid = address(1);
    world.google.install_app(&fid);
    let registering = json!({"fid": fid});
    let answer = world.call(Method::POST, "fcm", &registering).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let again = world.call(Method::POST, "fcm", &registering).await;
    assert_eq!(again.status(), StatusCode::NO_CONTENT, "the app started again");
    for wrong in [
        json!({}),
        json!({"fid": "a", "token": "b"}),
        json!({"topic": "all"}),
        json!({"fid": "a b"}),
    ] {
        let answer = world.call(Method::POST, "fcm", &wrong).await;
        assert!(answer.status().is_client_error(), "{wrong}");
    }
    world.punch().await;
    world.until("it is sent", "select count(*) from pushes", 0).await;
    let received = world.google.app_received(&fid);
    assert_eq!(received.len(), 1);
    let data = &received[0]["data"];
    assert!(
        data["body"]
            .as_str()
            .is_some_and(|body| body.starts_with("1 of 10")),
        "{data}"
    );
    assert!(
        !received[0].to_string().contains("/card/"),
        "the link stays with us"
    );

    world.google.uninstall_app(&fid);
    world.punch().await;
    world
        .until("it is forgotten", "select count(*) from push_addresses", 0)
        .await;
    world.gateway.stop().await;
}
