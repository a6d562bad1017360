//! What a line says, in both languages.

use super::*;
use crate::web::console::screen::tests::screen;
use crate::web::console::words::Language;

fn row(kind: EventKind, reason: Option<&str>) -> TimelineRow {
    TimelineRow {
        id: EventId(1),
        previous: None,
        kind,
        delta: Delta::default(),
        at: Timestamp(0),
        recorded_at: Timestamp(0),
        actor: ActorName::Gateway,
        reverses: None,
        reversed_by: None,
        reason: reason.map(str::to_owned),
        detail: None,
    }
}

#[test]
fn what_dispatchers_wrote_is_said_in_words() {
    for (language, kind, written, said) in [
        (Language::English, EventKind::PushSent, "apple", "Apple Wallet"),
        (
            Language::German,
            EventKind::PushSent,
            "google: without ringing",
            "Google Wallet, ohne zu klingeln",
        ),
        (
            Language::German,
            EventKind::PushFailed,
            "web_push: 400",
            "Webkarte, 400",
        ),
        (
            Language::German,
            EventKind::CardRemoved,
            "Apple Wallet",
            "Apple Wallet",
        ),
        (
            Language::English,
            EventKind::PointsAdded,
            "apple: of the basket",
            "apple: of the basket",
        ),
    ] {
        let screen = screen(language, Timestamp(0));
        let row = row(kind, Some(written));
        assert_eq!(
            reason(&screen, &Line::of_row(&screen, &row)).as_deref(),
            Some(said)
        );
    }
    let push = |rule: Option<&str>| Detail::Push {
        channel: Channel::Apple,
        classes: Vec::new(),
        messages: Vec::new(),
        rule: rule.map(str::to_owned),
        until: None,
    };
    let screen = screen(Language::German, Timestamp(0));
    for (kind, written, rule, said) in [
        (EventKind::PushSent, "apple", None, None),
        (
            EventKind::PushFailed,
            "apple: 400 Unknown",
            None,
            Some("400 Unknown"),
        ),
        (
            EventKind::PushSuppressed,
            "apple: the card has ended",
            Some("void"),
            None,
        ),
    ] {
        let row = TimelineRow {
            detail: Some(push(rule)),
            ..row(kind, Some(written))
        };
        let line = Line::of_row(&screen, &row);
        assert_eq!(
            reason(&screen, &line).as_deref(),
            said,
            "the detail says the rest"
        );
        assert!(told(&screen, &push(rule)).is_some_and(|told| told.contains("Apple Wallet")));
    }
}

#[test]
fn changes_are_said_with_sign_and_number() {
    let row = TimelineRow {
        delta: Delta {
            punches: -10,
            rewards: 1,
            ..Delta::default()
        },
        ..row(EventKind::RewardRedeemable, None)
    };
    for (language, said) in [
        (Language::English, ["−10 punches", "+1 reward"]),
        (Language::German, ["−10 Stempel", "+1 Prämie"]),
    ] {
        let screen = screen(language, Timestamp(0));
        assert_eq!(changes(&screen, &Line::of_row(&screen, &row)), said);
    }
}
