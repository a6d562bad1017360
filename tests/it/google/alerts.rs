//! What rings on an Android phone: Google's three a day, and what becomes of the fourth; ten messages; nothing twice.

use std::time::Duration;

use passgate::clock::Clock;
use passgate::domain::delivery::Outcome;
use passgate::domain::id::CardId;
use passgate::domain::id::MessageId;
use passgate::domain::link::CountedLink;
use passgate::domain::message::{Translation, Translations, Words};
use passgate::domain::preference::Class;
use passgate::domain::profile::Language;
use passgate::domain::time::Timestamp;
use passgate::push::Alert;
use passgate::sim::google::{Fault, Kind as SimKind};

use super::{Setting, face, issued, setting};

const START: Timestamp = Timestamp(1_800_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn change(number: i64) -> Alert {
    Alert {
        id: (number, 0),
        class: Class::Balance,
        message: None,
        words: None,
        link: None,
    }
}

fn says(number: i64) -> Alert {
    Alert {
        id: (number, 1),
        class: Class::Marketing,
        message: Some(MessageId(number)),
        words: Some(Words {
            title: None,
            text: format!("News {number}"),
            linked: false,
            translations: Translations::default(),
        }),
        link: None,
    }
}

fn object(setting: &Setting) -> serde_json::Value {
    let id = setting.wallet.object_id(CardId(1));
    let object = setting.google.resource(SimKind::LoyaltyObject, &id);
    object.expect("the object")
}

fn balance(setting: &Setting) -> String {
    object(setting)["loyaltyPoints"]["balance"]["string"]
        .as_str()
        .expect("a balance")
        .to_owned()
}

fn messages(setting: &Setting) -> Vec<(String, String)> {
    let object = object(setting);
    let messages = object["messages"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    messages
        .iter()
        .map(|message| (text(&message["id"]), text(&message["messageType"])))
        .collect()
}

#[tokio::test]
async fn messages_and_updates_share_three_a_day_and_the_rest_comes_silently() {
    let setting = setting().await;
    let clock = Clock::manual(START);
    setting.google.set_clock(clock.clone());
    issued(&setting, &face(1, 0)).await;
    let sender = setting.wallet.sender();
    let alerts = || setting.google.alerts(&setting.wallet.object_id(CardId(1))).len();

    assert_eq!(sender.tell(&face(1, 1), &[change(1)]).await, Outcome::Accepted);
    assert_eq!(sender.tell(&face(1, 1), &[says(2)]).await, Outcome::Accepted);
    clock.advance(HOUR);
    assert_eq!(sender.tell(&face(1, 2), &[change(3)]).await, Outcome::Accepted);
    assert_eq!(alerts(), 3);

    // The fourth: an update, then a message. Both are there, and Google's word is kept.
    let outcome = sender.tell(&face(1, 3), &[change(4)]).await;
    let Outcome::Silenced { reason } = outcome else {
        panic!("expected word of the limit; got {outcome:?}")
    };
    assert!(reason.contains("quotaExceeded"), "{reason}");
    assert_eq!((balance(&setting).as_str(), alerts()), ("3 of 10", 3));
    let outcome = sender.tell(&face(1, 3), &[says(5)]).await;
    assert!(matches!(outcome, Outcome::Silenced { .. }), "{outcome:?}");
    assert_eq!(messages(&setting).last(), Some(&("5-1".into(), "TEXT".into())));
    assert_eq!(alerts(), 3);

    // Silent changes go on as ever, and the window moves.
    assert_eq!(sender.tell(&face(1, 4), &[]).await, Outcome::Accepted);
    clock.advance(23 * HOUR);
    assert_eq!(
        sender.tell(&face(1, 5), &[change(6), says(7)]).await,
        Outcome::Accepted
    );
    assert_eq!(alerts(), 5);
}

#[tokio::test]
async fn an_alert_that_is_handed_over_again_rings_once() {
    let setting = setting().await;
    issued(&setting, &face(1, 0)).await;
    let sender = setting.wallet.sender();
    let alerts = || setting.google.alerts(&setting.wallet.object_id(CardId(1))).len();
    for _ in 0..3 {
        let outcome = sender.tell(&face(1, 1), &[change(1), says(2)]).await;
        assert_eq!(outcome, Outcome::Accepted);
    }
    assert_eq!((alerts(), messages(&setting).len()), (2, 1));
}

#[tokio::test]
async fn an_object_keeps_the_ten_newest_messages() {
    let setting = setting().await;
    let clock = Clock::manual(START);
    setting.google.set_clock(clock.clone());
    issued(&setting, &face(1, 0)).await;
    let sender = setting.wallet.sender();
    for number in 1..=14 {
        clock.advance(12 * HOUR);
        assert_eq!(
            sender.tell(&face(1, 0), &[says(number)]).await,
            Outcome::Accepted,
            "{number}"
        );
    }
    let ids: Vec<String> = messages(&setting).into_iter().map(|(id, _)| id).collect();
    let expected: Vec<String> = (5..=14).map(|number| format!("{number}-1")).collect();
    assert_eq!(ids, expected);
    assert_eq!(
        setting.google.alerts(&setting.wallet.object_id(CardId(1))).len(),
        14
    );
}

#[tokio::test]
async fn a_quota_of_calls_is_not_taken_for_the_cards_limit() {
    let setting = setting().await;
    issued(&setting, &face(1, 0)).await;
    let sender = setting.wallet.sender();
    sender.tell(&face(1, 0), &[]).await;
    // The alert and its silent form are both refused: that is the pace of calls, and nothing was told.
    setting.google.fault(Fault::QuotaExceeded, 2);
    let outcome = sender.tell(&face(1, 1), &[change(1)]).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    assert_eq!(balance(&setting), "0 of 10");
}

#[tokio::test]
async fn a_title_is_the_header_and_a_link_stands_below_the_text() {
    let setting = setting().await;
    let mut face = face(1, 3);
    issued(&setting, &face).await;
    face.link = Some(CountedLink {
        label: "Our menu".into(),
        shown: "example.com".into(),
        url: "https://cards.example/r/1/2/3/p".into(),
    });
    let mut alert = says(1);
    if let Some(words) = &mut alert.words {
        words.title = Some("On Friday".into());
    }
    alert.link = Some("https://cards.example/r/1/9/3/q".into());
    let outcome = setting.wallet.sender().tell(&face, &[alert]).await;
    assert_eq!(outcome, Outcome::Accepted);
    let written = object(&setting);
    let message = &written["messages"][0];
    assert_eq!(message["header"], "On Friday");
    let body = "News 1\n<a href=\"https://cards.example/r/1/9/3/q\">Open the link</a>";
    assert_eq!(message["body"], body);
    let uris = &written["linksModuleData"]["uris"];
    assert_eq!(uris[0]["uri"], "https://cards.example/r/1/2/3/p");
    assert_eq!(uris[0]["description"], "Our menu");

    // A program that has no link any more takes it off its objects.
    face.link = None;
    face.version += 1;
    assert_eq!(setting.wallet.sender().tell(&face, &[]).await, Outcome::Accepted);
    assert!(
        object(&setting)
            .get("linksModuleData")
            .is_none_or(serde_json::Value::is_null)
    );
}

#[tokio::test]
async fn a_message_in_several_languages_is_on_the_object_in_all_of_them() {
    let setting = setting().await;
    issued(&setting, &face(1, 0)).await;
    let german = Language::parse("de").expect("a language");
    let german = Translation::checked(&german, Some("Heute"), "Suppe des Tages").expect("good words");
    let mut alert = says(7);
    if let Some(words) = &mut alert.words {
        words.title = Some("Today".into());
        words.translations = Translations::checked(vec![german]).expect("one");
    }
    let told = setting.wallet.sender().tell(&face(1, 0), &[alert]).await;
    assert_eq!(told, Outcome::Accepted, "Google knows every field");
    let message = &object(&setting)["messages"][0];
    assert_eq!(
        (&message["header"], &message["body"]),
        (&"Today".into(), &"News 7".into())
    );
    for (field, first, translated) in [
        ("localizedHeader", "Today", "Heute"),
        ("localizedBody", "News 7", "Suppe des Tages"),
    ] {
        assert_eq!(message[field]["defaultValue"]["value"], first);
        assert_eq!(
            message[field]["translatedValues"],
            serde_json::json!([{"language": "de", "value": translated}])
        );
    }
    setting.wallet.sender().tell(&face(1, 0), &[says(8)]).await;
    let plain = &object(&setting)["messages"][1];
    assert_eq!(plain["body"], "News 8");
    assert!(plain.get("localizedBody").is_none(), "{plain}");
}
