//! Google Wallet end to end on loopback sockets: our wallet, the stand-in for Google, a simulated Android phone.

mod alerts;
mod converted;
mod token;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use passgate::clock::Clock;
use passgate::config;
use passgate::domain::delivery::Outcome;
use passgate::domain::face::{CardFace, Prices};
use passgate::domain::id::{CardId, MerchantId, PassTypeIdentifier, ProgramId, SerialNumber};
use passgate::domain::program::ProgramKind;
use passgate::domain::time::Timestamp;
use passgate::google::Wallet;
use passgate::google::client::Kind;
use passgate::google::error::{Error, Reason};
use passgate::google::message::{Message, MessageType};
use passgate::push::{Delivery, Sender as _};
use passgate::sim::google::{FakeGoogle, Fault, Kind as SimKind, SimAndroidPhone, TokenFault};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const ISSUER: &str = "3388000000012345678";
const LIMIT: Duration = Duration::from_secs(20);

struct Setting {
    google: FakeGoogle,
    wallet: Arc<Wallet>,
    config: config::Google,
    _directory: tempfile::TempDir,
}

/// Fast pace, so that nothing here waits for the rate limit.
async fn setting() -> Setting {
    let google = FakeGoogle::start(ISSUER).await.expect("a loopback port");
    let directory = tempfile::tempdir().expect("a directory");
    let account = google.make_service_account(directory.path()).expect("a key");
    let config = config::Google {
        issuer_id: ISSUER.into(),
        service_account: Some(account.key_file),
        api_url: google.api_url(),
        save_url: google.save_url(),
        requests_per_second: 1000,
        timeout: LIMIT,
        ..config::Google::default()
    };
    let wallet = load(&config).await;
    Setting {
        google,
        wallet,
        config,
        _directory: directory,
    }
}

async fn load(config: &config::Google) -> Arc<Wallet> {
    let backgrounds = HashMap::from([("coffee".to_owned(), "#4a2c1d".to_owned())]);
    Wallet::load(config, "https://cards.example/", backgrounds, Clock::System)
        .await
        .expect("a good configuration")
}

fn face(card: i64, punches: i64) -> CardFace {
    CardFace {
        merchant: MerchantId(1),
        program: ProgramId(7),
        installed_as: ProgramId(7),
        card: CardId(card),
        merchant_name: "Café Möwe".into(),
        program_name: "Coffee card".into(),
        reward_name: "Free coffee".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
        serial_number: SerialNumber::parse("card-9").expect("valid"),
        holder: Some("Ada Lovelace".into()),
        code: "0123456789ABCDEF".into(),
        kind: ProgramKind::Punch,
        punches,
        points: 0,
        goal: 10,
        rewards: 0,
        tier: None,
        prices: Prices::default(),
        void: false,
        redeemed: false,
        expires_at: None,
        locations: true,
        version: 1,
        changed_at: Timestamp(0),
        news: None,
        link: None,
    }
}

fn push(face: CardFace) -> Delivery {
    Delivery::GoogleObject {
        face: Box::new(face),
        alerts: Vec::new(),
    }
}

fn calls(google: &FakeGoogle) -> Vec<(String, u16)> {
    let seen = google.seen();
    seen.iter()
        .map(|seen| {
            let kind = seen.path.split(['/', '?']).next().unwrap_or_default();
            (format!("{} {kind}", seen.method), seen.status)
        })
        .collect()
}

fn call(name: &str, status: u16) -> (String, u16) {
    (name.to_owned(), status)
}

async fn issued(setting: &Setting, face: &CardFace) -> SimAndroidPhone {
    let link = setting.wallet.issue(face).await.expect("issued");
    setting.google.open_save_link(link.url()).expect("saved")
}

#[tokio::test]
async fn a_punch_arrives_at_the_android_phone() {
    let setting = setting().await;
    let phone = issued(&setting, &face(1, 2)).await;
    let card = phone.card().expect("the card");
    assert_eq!(card.balance, "2 of 10");
    assert_eq!(
        (card.issuer_name.as_str(), card.program_name.as_str()),
        ("Café Möwe", "Coffee card")
    );
    assert_eq!(
        (card.barcode.as_str(), card.code_text.as_str()),
        ("0123456789ABCDEF", "0123456789ABCDEF")
    );
    assert_eq!(card.holder, "Ada Lovelace");
    assert!(card.active);

    let outcome = setting.wallet.sender().send(&push(face(1, 3))).await;
    assert_eq!(outcome, Outcome::Accepted);
    let card = phone
        .wait_for(LIMIT, |card| card.balance == "3 of 10")
        .await
        .expect("one punch more");
    assert_eq!(card.texts[0].1, "7 to go: Free coffee");
    assert_eq!(phone.history().len(), 2);
    // One request for one punch, and nothing in it that would ring.
    let seen = setting.google.seen();
    let last = seen.last().expect("a request");
    assert_eq!((last.method.as_str(), last.status), ("PATCH", 200));
    assert!(last.body.get("notifyPreference").is_none());
    assert_eq!(
        seen.len(),
        3,
        "class, object, and the punch: {:?}",
        calls(&setting.google)
    );

    let mut ended = face(1, 3);
    (ended.void, ended.holder, ended.rewards) = (true, None, 2);
    assert_eq!(
        setting.wallet.sender().send(&push(ended)).await,
        Outcome::Accepted
    );
    let card = phone.wait_for(LIMIT, |card| !card.active).await.expect("ended");
    assert_eq!((card.holder.as_str(), card.rewards), ("", 2));
}

#[tokio::test]
async fn the_class_carries_logo_and_colour_and_follows_a_rename() {
    let setting = setting().await;
    setting.wallet.issue(&face(1, 0)).await.expect("issued");
    let class_id = setting.wallet.class_id(ProgramId(7));
    let class = setting
        .google
        .resource(SimKind::LoyaltyClass, &class_id)
        .expect("the class");
    assert_eq!(
        class["programLogo"]["sourceUri"]["uri"],
        "https://cards.example/templates/coffee/logo.png"
    );
    assert_eq!(class["hexBackgroundColor"], "#4a2c1d");
    assert_eq!(class["reviewStatus"], "APPROVED");

    let mut renamed = face(1, 1);
    renamed.program_name = "Espresso club".into();
    assert_eq!(
        setting.wallet.sender().send(&push(renamed)).await,
        Outcome::Accepted
    );
    let class = setting
        .google
        .resource(SimKind::LoyaltyClass, &class_id)
        .expect("the class");
    assert_eq!(class["programName"], "Espresso club");
}

#[tokio::test]
async fn upsert_turns_around_in_both_directions() {
    let setting = setting().await;
    // A push to a card that Google does not know yet, and whose class it does not know either.
    assert_eq!(
        setting.wallet.sender().send(&push(face(1, 1))).await,
        Outcome::Accepted
    );
    assert_eq!(
        calls(&setting.google),
        [
            call("PATCH loyaltyClass", 404),
            call("POST loyaltyClass", 200),
            call("PATCH loyaltyObject", 404),
            call("POST loyaltyObject", 200)
        ]
    );
    // Another process issues the same card again: everything is there already.
    let other = load(&setting.config).await;
    other.issue(&face(1, 4)).await.expect("issued again");
    assert_eq!(
        calls(&setting.google).split_off(4),
        [
            call("POST loyaltyClass", 409),
            call("PATCH loyaltyClass", 200),
            call("POST loyaltyObject", 409),
            call("PATCH loyaltyObject", 200)
        ]
    );
    let object = setting
        .google
        .resource(SimKind::LoyaltyObject, &other.object_id(CardId(1)))
        .expect("there");
    assert_eq!(object["loyaltyPoints"]["balance"]["string"], "4 of 10");
}

#[tokio::test]
async fn many_writers_of_one_new_card_all_succeed() {
    let setting = setting().await;
    let pushes: Vec<_> = (0..16)
        .map(|punches| {
            let sender = setting.wallet.sender();
            tokio::spawn(async move { sender.send(&push(face(1, punches))).await })
        })
        .collect();
    for push in pushes {
        assert_eq!(push.await.expect("no panic"), Outcome::Accepted);
    }
    let writes_of_class = calls(&setting.google)
        .iter()
        .filter(|written| **written == call("POST loyaltyClass", 200))
        .count();
    assert_eq!(writes_of_class, 1);
}

#[tokio::test]
async fn a_class_that_google_lost_is_made_again() {
    let mut setting = setting().await;
    setting.wallet.issue(&face(1, 0)).await.expect("issued");
    // The process believes that the class is there; another issuer's world knows nothing of it.
    let missing = json!({"id": setting.wallet.object_id(CardId(2)), "classId": "3388000000012345678.gone",
                         "state": "ACTIVE"});
    let error = setting
        .wallet
        .client()
        .insert(Kind::LoyaltyObject, &missing)
        .await
        .expect_err("no such class");
    assert!(
        matches!(&error, Error::Refused { refusal, .. } if refusal.reason == Reason::NotFound),
        "{error}"
    );

    setting.google.forget_resources();
    assert_eq!(
        setting.wallet.sender().send(&push(face(1, 1))).await,
        Outcome::Accepted
    );
    setting.google.forget_resources();
    issued(&setting, &face(1, 2)).await;
    setting.config.id_prefix = "test-".into();
    let prefixed = load(&setting.config).await;
    prefixed.issue(&face(1, 2)).await.expect("issued beside it");
    assert_eq!(
        prefixed.object_id(CardId(1)),
        "3388000000012345678.test-card-0000000000001"
    );
}

#[tokio::test]
async fn each_answer_has_its_outcome_and_none_is_repeated_at_once() {
    let setting = setting().await;
    issued(&setting, &face(1, 1)).await;
    let answer = async |fault| {
        let before = setting.google.seen().len();
        setting.google.fault(fault, 1);
        let outcome = setting.wallet.sender().send(&push(face(1, 2))).await;
        assert_eq!(setting.google.seen().len() - before, 1, "{fault:?}");
        outcome
    };
    for fault in [Fault::PermissionDenied, Fault::InsufficientPermissions] {
        let outcome = answer(fault).await;
        assert!(
            matches!(outcome, Outcome::Misconfigured { .. }),
            "{fault:?}: {outcome:?}"
        );
    }
    let Outcome::Misconfigured { reason } = answer(Fault::PermissionDenied).await else {
        panic!("a missing permission is ours to mend");
    };
    assert!(reason.contains("Google Pay & Wallet console"), "{reason}");
    let outcome = answer(Fault::QuotaExceeded).await;
    assert!(
        matches!(outcome, Outcome::Retry { after: Some(_), .. }),
        "{outcome:?}"
    );
    let outcome = answer(Fault::ServerError).await;
    assert!(
        matches!(outcome, Outcome::Retry { after: None, .. }),
        "{outcome:?}"
    );
    let Outcome::Retry {
        after: Some(after), ..
    } = answer(Fault::Unavailable).await
    else {
        panic!("Google says when to come back");
    };
    assert_eq!(after, Duration::from_secs(7));
    setting.google.set_quota(Some(0));
    let outcome = answer(Fault::Slow(Duration::ZERO)).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    setting.google.set_quota(None);
    let outcome = answer(Fault::InvalidResource).await;
    assert!(matches!(outcome, Outcome::Rejected { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_google_that_is_slow_or_away_is_tried_again_later() {
    let mut setting = setting().await;
    setting.wallet.issue(&face(1, 1)).await.expect("issued");
    setting.config.timeout = Duration::from_millis(200);
    let impatient = load(&setting.config).await;
    setting.google.fault(Fault::Slow(Duration::from_secs(30)), 1);
    let outcome = impatient.sender().send(&push(face(1, 2))).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    setting.config.api_url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let away = load(&setting.config).await;
    let outcome = away.sender().send(&push(face(1, 2))).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");

    setting.google.token_fault(TokenFault::Unavailable, 1);
    let Outcome::Retry { reason, .. } = load(&setting.config).await.sender().send(&push(face(1, 2))).await
    else {
        panic!("a token endpoint that is down comes back");
    };
    assert!(reason.contains("token endpoint"), "{reason}");
}

#[tokio::test]
async fn a_save_link_is_good_for_one_user_and_only_with_its_signature() {
    let setting = setting().await;
    let link = setting.wallet.issue(&face(1, 1)).await.expect("issued");
    setting
        .google
        .open_save_link_as(link.url(), "ada")
        .expect("saved");
    setting
        .google
        .open_save_link_as(link.jwt(), "ada")
        .expect("saved again");
    assert!(setting.google.open_save_link_as(link.url(), "bob").is_err());
    let forged = format!("{}AAAA", &link.url()[..link.url().len() - 4]);
    assert!(setting.google.open_save_link(&forged).is_err());
    let object = setting
        .google
        .resource(SimKind::LoyaltyObject, &setting.wallet.object_id(CardId(1)));
    assert_eq!(object.expect("there")["hasUsers"], true);

    let page = reqwest::get(link.url()).await.expect("an answer");
    assert_eq!(
        page.status(),
        400,
        "the stand-in's own page saves for somebody else"
    );
}

#[tokio::test]
async fn lists_come_in_pages_and_messages_are_put_on_objects() {
    let setting = setting().await;
    for card in 1..=5 {
        setting.wallet.issue(&face(card, 1)).await.expect("issued");
    }
    let client = setting.wallet.client();
    let class = setting.wallet.class_id(ProgramId(7));
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let page = client
            .page::<Value>(Kind::LoyaltyObject, &class, 2, token.as_deref())
            .await
            .expect("a page");
        assert!(page.items.len() <= 2);
        found.extend(page.items);
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 5);
    let classes = client
        .page::<Value>(Kind::LoyaltyClass, ISSUER, 50, None)
        .await
        .expect("a page");
    assert_eq!(classes.items.len(), 1);

    let message = Message {
        id: "hello".into(),
        header: "Hello".into(),
        body: "New beans are in".into(),
        localized_header: None,
        localized_body: None,
        message_type: MessageType::Text,
        shown_until: Timestamp(1_800_000_000_000),
    };
    let object = setting.wallet.object_id(CardId(1));
    client
        .add_message(Kind::LoyaltyObject, &object, &message)
        .await
        .expect("put on it");
    let read: Value = client
        .resource(Kind::LoyaltyObject, &object)
        .await
        .expect("an answer")
        .expect("there");
    assert_eq!(read["messages"][0]["body"], "New beans are in");
    let end = &read["messages"][0]["displayInterval"]["end"]["date"];
    assert_eq!(end, "2027-01-15T08:00:00Z");
    let nothing = client
        .resource::<Value>(Kind::LoyaltyObject, "3388000000012345678.none")
        .await;
    assert!(nothing.expect("an answer").is_none());
}

#[tokio::test]
async fn a_full_line_sends_nothing_and_says_when_to_come_back() {
    let mut setting = setting().await;
    setting.wallet.issue(&face(1, 1)).await.expect("issued");
    let before = setting.google.seen().len();
    setting.config.requests_per_second = 1;
    let slow = load(&setting.config).await;
    // Eight writes of at most two calls have room where sixteen calls have; fewer where there is less time.
    let room = |seconds| slow.sender().room(Duration::from_secs(seconds));
    assert_eq!([room(45), room(15), room(7), room(0)], [8, 8, 4, 0]);
    // One call starts at once, fifteen may stand in line, the rest are told so without a request.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let slow = Arc::clone(&slow);
        calls.spawn(async move {
            slow.client()
                .resource::<Value>(Kind::LoyaltyClass, "3388000000012345678.x")
                .await
        });
    }
    let refusals = async {
        let mut refused = 0;
        while refused < 40 {
            let result = calls.join_next().await.expect("more calls").expect("no panic");
            if let Err(error) = result {
                assert!(matches!(error.outcome(), Outcome::Untried { .. }), "{error}");
                refused += 1;
            }
        }
    };
    tokio::time::timeout(LIMIT, refusals)
        .await
        .expect("refused at once");
    assert!(setting.google.seen().len() - before <= 20);
}

#[tokio::test]
async fn a_wrong_configuration_is_told_at_start() {
    let setting = setting().await;
    let load = async |change: fn(&mut config::Google)| {
        let mut config = setting.config.clone();
        change(&mut config);
        match Wallet::load(&config, "https://cards.example", HashMap::new(), Clock::System).await {
            Ok(_) => panic!("this configuration cannot work"),
            Err(error) => error.to_string(),
        }
    };
    assert!(
        load(|config| config.service_account = None)
            .await
            .contains("google.service_account")
    );
    assert!(
        load(|config| config.service_account = Some("/nowhere.json".into()))
            .await
            .contains("/nowhere.json")
    );
    assert!(
        load(|config| config.issuer_id = "BCR2DN4T".into())
            .await
            .contains("google.issuer_id")
    );
    assert!(
        load(|config| config.id_prefix = "a/b".into())
            .await
            .contains("google.id_prefix")
    );
}

#[test]
fn any_names_are_taken_by_google() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let setting = runtime.block_on(setting());
    let card = std::cell::Cell::new(0);
    let names = (
        "\\PC{0,60}",
        ".{0,60}",
        "[\\PC\u{1f469}\u{200d}\"\\\\]{0,600}",
        prop::option::of(".{0,60}"),
    );
    let result =
        TestRunner::new(ProptestConfig::with_cases(64)).run(&names, |(merchant, program, reward, holder)| {
            card.set(card.get() + 1);
            let mut face = face(card.get(), 1);
            (face.merchant_name, face.program_name, face.reward_name) = (merchant, program, reward);
            face.holder = holder;
            let shown = runtime.block_on(async { issued(&setting, &face).await.card().expect("the card") });
            prop_assert!((1..=20).contains(&shown.issuer_name.chars().count()));
            prop_assert!((1..=20).contains(&shown.program_name.chars().count()));
            prop_assert!(shown.holder.chars().count() <= 20);
            prop_assert!(
                shown
                    .texts
                    .iter()
                    .all(|(_, body)| (1..=500).contains(&body.chars().count()))
            );
            Ok(())
        });
    result.expect("Google takes any name");
}
