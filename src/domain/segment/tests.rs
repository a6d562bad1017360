//! The language holds together: text and rule, one card and many, and what the words promise.

use std::time::Duration;

use super::api_for_tests as api;
use super::builtin::BuiltIn;
use super::order::{Edge, Order};
use super::roster::Roster;
use super::*;
use crate::domain::card::{Card, CardStatus};
use crate::domain::time::Timestamp;
use proptest::prelude::*;

mod generate;

use generate::{NOW, context};

fn facts() -> impl Strategy<Value = Facts> {
    (generate::card(), generate::person(), generate::redemptions())
        .prop_map(|(card, person, redemptions)| Facts::of(&card, &person, &redemptions, &context()))
}

fn read(text: &str) -> Rule {
    Rule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn plain(change: impl Fn(&mut crate::domain::card::Card, &mut facts::Person)) -> Facts {
    let mut card = crate::domain::card::Card::new(
        crate::domain::card::Identity {
            id: crate::domain::id::CardId(5),
            merchant: crate::domain::id::MerchantId(1),
            program: ProgramId(11),
            customer: crate::domain::id::CustomerId(6),
            serial_number: crate::domain::id::SerialNumber::parse("card-5").expect("valid"),
            token: crate::domain::capture::Token::parse("token-of-card-5").expect("valid"),
        },
        NOW,
    );
    let mut person = facts::Person::default();
    change(&mut card, &mut person);
    Facts::of(&card, &person, &[], &context())
}

fn holds_at(text: &str, facts: &Facts, now: Timestamp) -> bool {
    let context = Context { now, ..context() };
    Plan::of(&read(text), &context).holds(facts)
}

fn holds(text: &str, facts: &Facts) -> bool {
    holds_at(text, facts, NOW)
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(rule in generate::rule()) {
        let text = rule.to_string();
        prop_assert_eq!(Rule::parse(&text), Ok(rule));
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,60}") {
        let _ = Rule::parse(&text);
    }

    #[test]
    fn a_rule_that_was_damaged_is_read_or_refused_with_its_place(
        rule in generate::rule(), at in 0_usize..200, sign in ".",
    ) {
        let mut text: Vec<char> = rule.to_string().chars().collect();
        let at = at % (text.len() + 1);
        text.insert(at, sign.chars().next().expect("one"));
        let text: String = text.into_iter().collect();
        if let Err(error) = Rule::parse(&text) {
            prop_assert!(error.at <= text.chars().count() + 1, "{}: {}", text, error);
        }
    }

    #[test]
    fn many_cards_are_judged_as_each_alone(
        rows in proptest::collection::vec(facts(), 0..80), rule in generate::rule(),
    ) {
        let plan = Plan::of(&rule, &context());
        let mut expected: Vec<_> = rows.iter().map(|row| (row.card, plan.holds(row))).collect();
        expected.sort_by_key(|(card, _)| *card);
        expected.dedup_by_key(|(card, _)| *card);
        let mut roster = Roster::default();
        roster.put(rows);
        let expected: Vec<_> = expected.into_iter().filter(|(_, holds)| *holds).map(|(card, _)| card).collect();
        prop_assert_eq!(roster.count(&plan), expected.len());
        prop_assert_eq!(roster.cards(&plan), expected);
    }
}

#[test]
fn nesting_and_length_are_refused_with_their_place() {
    let nested = |depth: usize| format!("{}status.is.void{}", "not(".repeat(depth), ")".repeat(depth));
    assert!(Rule::parse(&nested(DEEPEST)).is_ok());
    let error = Rule::parse(&nested(DEEPEST + 1)).expect_err("too deep");
    assert_eq!(error.at, 4 * DEEPEST + 1);
    assert!(error.to_string().contains("at most 20 groups"), "{error}");
    // Far more than the longest text; and as deep as the longest text can be.
    assert!(Rule::parse(&nested(10_000)).is_err());
    assert!(Rule::parse(&"all(".repeat(LONGEST / 4)).is_err());
    let long = format!("name.is.{}", "x".repeat(LONGEST));
    let error = Rule::parse(&long).expect_err("too long");
    assert_eq!((error.at, error.got.as_str()), (1, "4104 bytes"));
}

#[test]
fn refusals_say_where_what_was_expected_and_what_came() {
    for (text, at, expected, got) in [
        ("", 1, "all(…)", "the end"),
        ("color.is.red", 1, "a field such as", "\"color.is.red\""),
        (
            "visits.has.3",
            8,
            "one of is, not, in, under, over, between, empty for visits",
            "\"has.3\"",
        ),
        ("visits.over.many", 13, "a whole number", "\"many\""),
        (
            "status.is.gone",
            11,
            "one of pending, installed, removed, void, expired",
            "\"gone\"",
        ),
        ("birthday.is.02-30", 13, "a month and day", "\"02-30\""),
        (
            "joined.between.2026-12-01..2026-11-01",
            16,
            "not after",
            "\"2026-12-01..2026-11-",
        ),
        ("visits.between...", 16, "a first or a last value", "\"..\""),
        ("activity.older.7w", 16, "7d or 48h", "\"7w\""),
        ("activity.older.99999999999d", 16, "7d or 48h", "\"99999999999d\""),
        ("all(visits.over.1", 18, "`,` or `)`", "the end"),
        (
            "not(visits.over.1,visits.over.2)",
            18,
            "`)`",
            "\",visits.over.2)\"",
        ),
        ("visits.over.1)", 14, "the end of the rule", "\")\""),
        ("name.is.", 9, "some text", "the end"),
        ("name.is.'a", 11, "`'`", "the end"),
        ("name.is.''", 9, "some text", "\"''\""),
        ("joined.is.2026-02-29", 11, "a day such as", "\"2026-02-29\""),
    ] {
        let error = Rule::parse(text).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.expected.contains(expected), "{text}: {error}");
        assert!(error.got.contains(got.trim_end_matches('"')), "{text}: {error}");
    }
}

#[test]
fn rules_read_like_words() {
    let text = "all(status.is.installed,any(visits.over.9,activity.older.30d),not(name.has.'o''neil, x'))";
    assert_eq!(read(text).to_string(), text);
    assert_eq!(
        read(text).describe(),
        "status is installed and (visits over 9 or last visit, or joined where there was none, more than 30 days ago) \
         and not (name contains \"o'neil, x\")"
    );
    assert_eq!(Rule::everything().describe(), "every card");
}

#[test]
fn a_span_is_exact_and_a_day_is_the_merchants() {
    let week_old = plain(|card, _| card.created_at = NOW.minus(Duration::from_hours(7 * 24)));
    assert!(!holds("joined.older.7d", &week_old));
    assert!(holds("joined.within.7d", &week_old));
    let later = Timestamp(NOW.0 + 1);
    assert!(holds_at("joined.older.7d", &week_old, later));
    assert!(!holds_at("joined.within.7d", &week_old, later));

    // Midnight in Berlin is 23:00 UTC of the day before.
    let midnight: jiff::Timestamp = "2026-11-24T23:00:00Z".parse().expect("a time");
    let midnight = midnight.as_millisecond();
    let first = plain(|card, _| card.created_at = Timestamp(midnight));
    let last = plain(|card, _| card.created_at = Timestamp(midnight - 1));
    for (text, at_midnight, before) in [
        ("joined.is.2026-11-25", true, false),
        ("joined.is.2026-11-24", false, true),
        ("joined.between.2026-11-25..", true, false),
        ("joined.between...2026-11-24", false, true),
        ("joined.between.2026-11-24..2026-11-25", true, true),
        ("joined.under.2026-11-25", false, true),
        ("joined.over.2026-11-24", true, false),
        ("joined.not.2026-11-24", true, false),
    ] {
        assert_eq!(
            (holds(text, &first), holds(text, &last)),
            (at_midnight, before),
            "{text}"
        );
    }
}

#[test]
fn birthdays_wrap_over_new_year_and_leap_days_are_not_lost() {
    let born = |birthday| plain(move |_, person| person.birthday = birthday);
    let winter = "birthday.between.12-20..01-10";
    for (day, inside) in [
        (1220, true),
        (1231, true),
        (101, true),
        (110, true),
        (111, false),
        (1219, false),
    ] {
        assert_eq!(holds(winter, &born(Some(day))), inside, "{day}");
    }
    assert!(!holds(winter, &born(None)));
    assert!(holds("birthday.empty", &born(None)));

    let noon = |day: &str| {
        let zoned: jiff::Zoned = format!("{day}T12:00[Europe/Berlin]").parse().expect("a time");
        Timestamp(zoned.timestamp().as_millisecond())
    };
    let today = |birthday, day| holds_at("birthday.today", &born(Some(birthday)), noon(day));
    assert!(today(229, "2027-02-28"));
    assert!(today(228, "2027-02-28"));
    assert!(!today(229, "2028-02-28"));
    assert!(today(229, "2028-02-29"));
    assert!(!today(228, "2028-02-29"));
    assert!(!holds_at("birthday.today", &born(None), noon("2027-02-28")));
}

#[test]
fn an_expired_card_is_no_longer_installed_and_a_void_one_not_expired() {
    use crate::domain::card::Channels;
    let card = |status, end: i64| {
        plain(move |card, _| {
            card.status = status;
            card.channels = Channels(1);
            card.expires_at = Some(Timestamp(NOW.0 + end));
        })
    };
    let ended = card(CardStatus::Installed, 0);
    let runs = card(CardStatus::Installed, 1);
    let void = card(CardStatus::Void, 0);
    assert!(holds("status.is.expired", &ended) && !holds("status.is.installed", &ended));
    assert!(holds("status.is.installed", &runs) && !holds("status.is.expired", &runs));
    assert!(holds("status.is.void", &void) && !holds("status.is.expired", &void));
    assert!(holds("all(reachable.is.yes,platform.is.apple)", &ended));
    assert!(holds("reachable.is.no", &void));
}

#[test]
fn names_are_compared_without_case_and_accents() {
    let zoe = plain(|_, person| person.name_key = crate::domain::customer::fold("Zoë Großmann"));
    for text in [
        "name.is.'ZOE GROSSMANN'",
        "name.has.gross",
        "name.has.'oë g'",
        "not(name.empty)",
    ] {
        assert!(holds(text, &zoe), "{text}");
    }
    assert!(!holds("name.has.anna", &zoe));
    assert!(holds("email.empty", &zoe) && holds("email.not.x@example.com", &zoe));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pages of any size, forwards and backwards, are the whole list and nothing twice, while cards come and go
    /// elsewhere.
    #[test]
    fn pages_are_the_list(
        rows in proptest::collection::vec(facts(), 0..60), rule in generate::rule(),
        order in generate::order(), size in 1_usize..9,
    ) {
        let plan = Plan::of(&rule, &context());
        let mut roster = Roster::default();
        roster.put(rows);
        let whole = roster.page(&plan, order, &Edge::First, 1000, NOW);
        prop_assert!(!whole.has_more);
        prop_assert_eq!(whole.total, whole.places.len());
        let is_sorted = whole.places.is_sorted_by(|one, next| {
            let (one, next) = ((&one.key, one.card), (&next.key, next.card));
            if order.direction == order::Direction::Ascending { one < next } else { one > next }
        });
        prop_assert!(is_sorted);
        let mut pages = Vec::new();
        let mut edge = Edge::First;
        loop {
            let page = roster.page(&plan, order, &edge, size, NOW);
            pages.extend(page.places.clone());
            match page.places.last() {
                Some(last) if page.has_more => edge = Edge::After(last.clone()),
                _ => break,
            }
        }
        prop_assert_eq!(&pages, &whole.places);
        if let Some(last) = whole.places.last() {
            let before = roster.page(&plan, order, &Edge::Before(last.clone()), size, NOW);
            let end = whole.places.len() - 1;
            prop_assert_eq!(&before.places[..], &whole.places[end.saturating_sub(size)..end]);
            prop_assert_eq!(before.has_more, end > size);
        }
    }
}

#[test]
fn an_order_is_read_back() {
    for sort in order::Sort::ALL {
        for text in [sort.as_str().to_owned(), format!("-{}", sort.as_str())] {
            assert_eq!(Order::parse(&text).map(|order| order.to_string()), Some(text));
        }
    }
    assert_eq!(Order::parse("color"), None);
}

/// What the built-in segments are, written down once more and without the language. Whoever keeps a mask of them by
/// other means compares it with [`builtin::mask`] in the same way.
fn is_in(built_in: BuiltIn, card: &Card, high_value: i64) -> bool {
    let is_void = card.status == CardStatus::Void;
    let has_ended = is_void || card.expires_at.is_some_and(|end| end <= NOW);
    let is_installed = card.status == CardStatus::Installed && !has_ended;
    let age = |at: Timestamp| NOW.0 - at.0;
    let within = |at: Timestamp, days: i64| (0..=days * 86_400_000).contains(&age(at));
    let quiet = |days: i64| age(card.last_visit_at.unwrap_or(card.created_at)) > days * 86_400_000;
    match built_in {
        BuiltIn::All => true,
        BuiltIn::ReadyToRedeem => {
            let is_coupon = card.program == ProgramId(13);
            !has_ended && (card.rewards >= 1 || is_coupon && card.redeemed_at.is_none())
        }
        BuiltIn::Inactive7 => !is_void && quiet(7),
        BuiltIn::Inactive30 => !is_void && quiet(30),
        BuiltIn::ActiveLoyaltyUsers => is_installed && card.last_visit_at.is_some_and(|at| within(at, 30)),
        BuiltIn::New => within(card.created_at, 7),
        BuiltIn::Redeemed => card.redemptions >= 1,
        BuiltIn::Frequent => card.visits >= 10,
        BuiltIn::NeverScanned => is_installed && card.scans == 0,
        BuiltIn::HighValue => card.spend >= high_value,
    }
}

proptest! {
    #[test]
    fn built_in_rules_are_what_they_say(card in generate::card(), person in generate::person(), high_value in 1_i64..1200) {
        let facts = Facts::of(&card, &person, &[], &context());
        let mask = builtin::mask(&facts, &context(), Some(high_value));
        for (bit, built_in) in BuiltIn::ALL.into_iter().enumerate() {
            prop_assert_eq!(mask >> bit & 1 == 1, is_in(built_in, &card, high_value), "{:?}: {:?}", built_in, card);
        }
    }
}

#[test]
fn the_manual_names_every_field_and_operator_and_its_examples_are_rules() {
    let manual = include_str!("../../../docs/segments.md");
    for field in FIELDS {
        assert!(
            manual.contains(&format!("`{}`", field.name)),
            "{} is missing",
            field.name
        );
        for operator in field.operators() {
            let named = [
                format!("`{operator}`"),
                format!("`{operator}."),
                format!("`{operator}("),
            ];
            assert!(
                named.iter().any(|name| manual.contains(name)),
                "{operator} is missing"
            );
        }
    }
    let (_, rules) = manual.split_once("## Rules").expect("the section");
    let examples: Vec<_> = rules
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    assert!(examples.len() > 5);
    for example in examples {
        assert_eq!(read(example).to_string(), example);
    }
}
