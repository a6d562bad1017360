//! The language holds together: text and rule, one card and many, and what the words promise.

use std::time::Duration;

use super::api_for_tests as api;
use super::facts::Beside;
use super::order::{Edge, Order};
use super::roster::Roster;
use super::*;
use crate::domain::card::CardStatus;
use crate::domain::chips::{self, Chip, CountRules};
use crate::domain::rfm::Seen;
use crate::domain::time::Timestamp;
use proptest::prelude::*;

mod generate;

use generate::{NOW, context};

fn facts() -> impl Strategy<Value = Facts> {
    (generate::card(), generate::person(), generate::beside())
        .prop_map(|(card, person, beside)| Facts::of(&card, &person, &beside, &context()))
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
    Facts::of(&card, &person, &Beside::default(), &context())
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
    assert_eq!((error.at, error.got.to_string().as_str()), (1, "4104 bytes"));
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
        ("rating.over.good", 13, "a number such as 3.5", "\"good\""),
        ("rating.over.1.23456", 13, "a number such as 3.5", "\"1.23456\""),
        ("custom.over.3", 13, "one of is, not, in, has", "\"3\""),
        ("custom.Size.is.M", 8, "the code of a field", "\"Size.is.M\""),
        (
            "custom.size.over.x",
            18,
            "a number such as 42.5 or a day",
            "\"x\"",
        ),
    ] {
        let error = Rule::parse(text).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.expected.to_string().contains(expected), "{text}: {error}");
        assert!(
            error.got.to_string().contains(got.trim_end_matches('"')),
            "{text}: {error}"
        );
    }
}

#[test]
fn rules_read_like_words() {
    let text = "all(status.is.installed,any(visits.over.9,activity.older.30d),not(name.has.'o''neil, x'))";
    assert_eq!(read(text).to_string(), text);
    assert_eq!(
        read(text).describe(),
        "status is installed and (visits over 9 or last visit, or joined where there was none, 30 days ago or longer) \
         and not (name contains \"o'neil, x\")"
    );
    assert_eq!(Rule::everything().describe(), "every card");
}

#[test]
fn a_span_is_exact_and_a_day_is_the_merchants() {
    let week_old = plain(|card, _| card.created_at = NOW.minus(Duration::from_hours(7 * 24)));
    assert!(holds("joined.older.7d", &week_old));
    assert!(!holds("joined.within.7d", &week_old));
    let sooner = Timestamp(NOW.0 - 1);
    assert!(!holds_at("joined.older.7d", &week_old, sooner));
    assert!(holds_at("joined.within.7d", &week_old, sooner));

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// What is counted of a built-in segment is what its rule finds.
    #[test]
    fn chips_are_the_rules_of_the_built_in_segments(
        card in generate::card(), person in generate::person(), beside in generate::beside(),
    ) {
        let context = context();
        let program = context.programs.iter().find(|program| program.id == card.program).expect("known");
        let counted = chips::Facts {
            rules: CountRules { grid: program.grid, high_value_from: program.high_value_from, ..CountRules::default() },
            ready: program.ready,
            installed_at: card.installed_at,
            visit_before_at: beside.visit_before_at,
            recent: beside.recent,
            is_erased: false,
        };
        let chips = chips::membership(&card, &counted, NOW);
        let facts = Facts::of(&card, &person, &beside, &context);
        for chip in Chip::EACH {
            let plan = Plan::of(&builtin::rule(*chip), &context);
            prop_assert_eq!(plan.holds(&facts), chips.contains(*chip), "{:?}: {:?}", chip, card);
        }
    }

    /// And so are the cells of the grids; each card is in one.
    #[test]
    fn cells_are_those_of_the_grid(card in generate::card(), beside in generate::beside()) {
        let context = context();
        let program = context.programs.iter().find(|program| program.id == card.program).expect("known");
        let grid = program.grid;
        let name = grid.name(grid.cell(&Seen::of(&card, beside.recent), NOW));
        let facts = Facts::of(&card, &facts::Person::default(), &beside, &context);
        for word in field::CELLS {
            let holds = Plan::of(&read(&format!("rfm.is.{word}")), &context).holds(&facts);
            prop_assert_eq!(holds, meaning::cell_word(name) == *word, "{}: {:?}", word, card);
        }
    }

    /// Whom a notification may reach is said in one way.
    #[test]
    fn reachable_for_is_what_consent_allows(card in generate::card(), person in generate::person()) {
        use crate::domain::consent;
        use crate::domain::preference::Class;
        let facts = Facts::of(&card, &person, &Beside::default(), &context());
        let reaches = card.channels.0 != 0 && card.status != CardStatus::Void;
        for class in Class::ALL {
            let rule = read(&format!("reachable_for.is.{}", class.as_str()));
            let allowed = reaches && consent::allows(class, person.paused, person.consents).is_ok();
            prop_assert_eq!(Plan::of(&rule, &context()).holds(&facts), allowed, "{:?}", class);
        }
    }
}

#[test]
fn what_is_beside_a_card_is_asked_for_by_name() {
    use crate::domain::custom_field::FieldValue;
    use crate::domain::feedback::Rating;
    let answer = |text: &str, number| FieldValue {
        text: text.into(),
        number,
    };
    let beside = Beside {
        landing: crate::domain::utm::Utm::from_query("utm_source=flyer&utm_campaign=Winter+sale"),
        answers: [
            ("size".to_owned(), answer("42.5", Some(425_000))),
            ("since".to_owned(), answer("2024-02-29", Some(20_240_229))),
            ("colour".to_owned(), answer("Deep red", None)),
        ]
        .into(),
        ..Beside::default()
    };
    let person = facts::Person {
        tags: vec!["vip".into(), "stammgast".into()],
        rating: Rating { sum: 7, count: 2 },
        comments: 1,
        ..facts::Person::default()
    };
    let mut card = crate::domain::card::tests::sample();
    card.program = ProgramId(11);
    card.tier = Some(1);
    let facts = Facts::of(&card, &person, &beside, &context());
    for (text, expected) in [
        ("tag.is.VIP", true),
        ("tag.in(gold,Stämmgast)", true),
        ("tag.has.gast", true),
        ("tag.not.vip", false),
        ("tag.empty", false),
        ("tier.is.Gold", true),
        ("tier.not.base", true),
        ("tier.is.silver", false),
        ("custom.size.is.42.5", true),
        ("custom.size.over.42", true),
        ("custom.size.over.42.5", false),
        ("custom.size.between.42..42.5", true),
        ("custom.since.under.2024-03-01", true),
        ("custom.since.between.2024-02-29..", true),
        ("custom.colour.has.red", true),
        ("custom.colour.over.1", false),
        ("custom.colour.empty", false),
        ("custom.hat.empty", true),
        ("custom.hat.not.M", true),
        ("custom.hat.is.M", false),
        ("rating.is.3.5", true),
        ("rating.between.3..4", true),
        ("rating.over.3.5", false),
        ("comments.over.0", true),
        ("utm_source.is.flyer", true),
        ("utm_campaign.has.Winter", true),
        ("utm_term.empty", true),
    ] {
        assert_eq!(holds(text, &facts), expected, "{text}");
        assert_eq!(read(text).to_string(), text);
    }
    assert_eq!(
        read("custom.size.over.42.5").describe(),
        "answer to size over 42.5"
    );
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
