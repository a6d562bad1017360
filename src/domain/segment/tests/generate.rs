//! Rules, cards and people by chance, drawn from few values so that rules hold for some cards and not for others. Used
//! by the tests of the language here and by those of its SQL.

use proptest::prelude::*;

use super::api::*;

/// A Wednesday evening in late November.
pub(crate) const NOW: Timestamp = Timestamp(1_795_634_000_000);
const HOUR: i64 = 3_600_000;
pub(crate) const PROGRAMS: [(i64, ProgramKind, i64); 3] = [
    (11, ProgramKind::Punch, 10),
    (12, ProgramKind::Points, 0),
    (13, ProgramKind::Coupon, 0),
];
const NAMES: [&str; 6] = ["zoe grossmann", "anna o'neil", "anna 100% _li", "", "jose", "لي"];
const TEXTS: [&str; 7] = ["anna", "Zoë Großmann", "o'neil", "100%", "_", "e", "\u{301}"];
/// Folded, as they are kept.
const TAGS: [&str; 4] = ["vip", "vip gold", "e", "لي"];
const TIERS: [&str; 3] = ["base", "gold", "o'neil's"];
const CODES: [&str; 3] = ["size", "since", "e2"];
/// Answers as they are kept: texts, numbers in ten-thousandths and days as their digits.
const ANSWERS: [(&str, Option<i64>); 7] = [
    ("M", None),
    ("vip, 100%", None),
    ("3.5", Some(35_000)),
    ("-2", Some(-20_000)),
    ("40", Some(400_000)),
    ("2026-11-25", Some(20_261_125)),
    ("2024-02-29", Some(20_240_229)),
];
const LANDINGS: [&str; 4] = ["", "flyer", "Flyer", "table tent"];
const EMAILS: [&str; 3] = ["", "zoe@example.com", "anna.o'neil@example.org"];
const PHONES: [&str; 3] = ["", "+4930123456", "+14155550100"];

fn asks(size: AnswerKind, since: AnswerKind) -> Vec<(String, AnswerKind)> {
    let [of_size, of_since, other] = CODES.map(str::to_owned);
    vec![(of_size, size), (of_since, since), (other, AnswerKind::Text)]
}

pub(crate) fn context() -> Context {
    let fifths = Fifths {
        last_visit: [80, 40, 20, 5].map(|days| NOW.0 - days * 24 * HOUR),
        visits: [1, 3, 3, 8],
        spend: [600, 200, 500, 0],
    };
    let facts = |(id, kind, goal): (i64, ProgramKind, i64)| ProgramFacts {
        id: ProgramId(id),
        kind,
        goal,
        tiers: match kind {
            ProgramKind::Punch => TIERS.map(str::to_owned).to_vec(),
            ProgramKind::Points => vec!["gold".into(), "base".into()],
            ProgramKind::Coupon => Vec::new(),
        },
        ready: match kind {
            ProgramKind::Punch => Ready::Reward,
            ProgramKind::Points => Ready::Balance(Some(5)),
            ProgramKind::Coupon => Ready::Coupon,
        },
        grid: match kind {
            ProgramKind::Points => Grid::Fifths(fifths),
            ProgramKind::Punch | ProgramKind::Coupon => Grid::Limits(Limits::default()),
        },
        high_value_from: match kind {
            ProgramKind::Coupon => None,
            ProgramKind::Punch => Some(900),
            ProgramKind::Points => Some(300),
        },
        fields: match kind {
            ProgramKind::Punch => asks(AnswerKind::Number, AnswerKind::Day),
            ProgramKind::Points => asks(AnswerKind::Day, AnswerKind::Number),
            ProgramKind::Coupon => Vec::new(),
        },
    };
    Context {
        now: NOW,
        zone: TimeZone::get("Europe/Berlin").expect("a zone"),
        programs: PROGRAMS.into_iter().map(facts).collect(),
    }
}

/// A moment within some 100 days of now, often at the very edge of a span.
fn moment() -> impl Strategy<Value = i64> {
    prop_oneof![
        (-2400_i64..240).prop_map(|hours| NOW.0 + hours * HOUR),
        (0_i64..100, -1_i64..=1).prop_map(|(days, by)| NOW.0 - days * 24 * HOUR + by),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        (0_u32..100).prop_map(Span::days),
        (0_u32..2400).prop_map(|hours| Span { hours }),
    ]
}

fn day() -> impl Strategy<Value = CivilDay> {
    let today = NOW.to_jiff().to_zoned(TimeZone::UTC).date();
    (-100_i32..10).prop_map(move |days| CivilDay(today.saturating_add(jiff::Span::new().days(days))))
}

fn operand(kind: Kind) -> BoxedStrategy<Operand> {
    match kind {
        Kind::Number(_) | Kind::Money(_) => prop_oneof![
            (-1_i64..12).prop_map(Operand::Number),
            (0_i64..12).prop_map(|hundreds| Operand::Number(hundreds * 100)),
            Just(Operand::Number(i64::MAX)),
            Just(Operand::Number(-i64::MAX)),
        ]
        .boxed(),
        Kind::Time(_) | Kind::Times(_) | Kind::FirstOf(_) | Kind::LastOf(_) => {
            day().prop_map(Operand::Day).boxed()
        }
        Kind::MonthDay(_) => (1_i8..=12, 1_i8..=31)
            .prop_filter_map("a day of the year", |(month, day)| {
                jiff::civil::Date::new(2024, i16::from(month).try_into().ok()?, day).ok()?;
                Some(Operand::MonthDay(month, day))
            })
            .boxed(),
        Kind::Decimal(_) => prop_oneof![
            (-10_i64..60).prop_map(|tenths| Operand::Decimal(tenths * 1000)),
            (0_i64..60_000).prop_map(Operand::Decimal),
        ]
        .boxed(),
        Kind::Answer => proptest::sample::select(&ANSWERS[..])
            .prop_map(|(text, _)| Operand::Text(text.to_owned()))
            .boxed(),
        Kind::Tier => proptest::sample::select(&["base", "GOLD", "o'neil's", "silver"][..])
            .prop_map(|text| Operand::Text(text.to_owned()))
            .boxed(),
        Kind::Texts(_) => proptest::sample::select(&["vip", "VIP gold", "E", "لي", "gold"][..])
            .prop_map(|text| Operand::Text(text.to_owned()))
            .boxed(),
        Kind::Text(_) => prop_oneof![
            proptest::sample::select(&LANDINGS[..]),
            proptest::sample::select(&TEXTS[..]),
            proptest::sample::select(&NAMES[..]),
            proptest::sample::select(&EMAILS[..]),
            proptest::sample::select(&PHONES[..]),
            Just("de"),
        ]
        .prop_filter_map("some text", |text| {
            (!text.is_empty()).then(|| Operand::Text(text.to_owned()))
        })
        .boxed(),
        Kind::Program => proptest::sample::select(&PROGRAMS[..])
            .prop_map(|(id, ..)| Operand::Program(ProgramId(id)))
            .boxed(),
        Kind::Set(_, words) => proptest::sample::select(words)
            .prop_map(|(word, _)| Operand::Word(word))
            .boxed(),
        Kind::Status => word(STATUSES),
        Kind::Coupon => word(COUPON_STATES),
        Kind::ProgramKind => word(KINDS),
        Kind::Wallet => word(WALLETS),
        Kind::Cell => word(CELLS),
        Kind::ReachableFor => word(&["balance", "location", "marketing", "tier", "reward"]),
        Kind::Known(_) | Kind::Reachable | Kind::Ready | Kind::HighValue => word(YES_NO),
    }
}

/// What something is under, over or between.
fn bound(kind: Kind) -> BoxedStrategy<Operand> {
    match kind {
        Kind::Answer => prop_oneof![
            (-30_i64..50).prop_map(|number| Operand::Decimal(number * 5000)),
            day().prop_map(Operand::Day),
        ]
        .boxed(),
        kind => operand(kind),
    }
}

fn word(words: &'static [&'static str]) -> BoxedStrategy<Operand> {
    proptest::sample::select(words).prop_map(Operand::Word).boxed()
}

fn test(field: &'static Field, operator: &'static str) -> BoxedStrategy<Test> {
    let one = || operand(field.kind);
    let bound = || bound(field.kind);
    match operator {
        "is" => one().prop_map(Test::Is).boxed(),
        "not" => one().prop_map(Test::Not).boxed(),
        "in" => proptest::collection::vec(one(), 1..4).prop_map(Test::In).boxed(),
        "has" => one()
            .prop_filter_map("a text", |operand| match operand {
                Operand::Text(text) => Some(Test::Has(text)),
                _ => None,
            })
            .boxed(),
        "under" => bound().prop_map(Test::Under).boxed(),
        "over" => bound().prop_map(Test::Over).boxed(),
        "empty" => Just(Test::Empty).boxed(),
        "older" => span().prop_map(Test::Older).boxed(),
        "within" => span().prop_map(Test::Within).boxed(),
        "next" => span().prop_map(Test::Next).boxed(),
        "today" => Just(Test::Today).boxed(),
        _ => (proptest::option::of(bound()), proptest::option::of(bound()))
            .prop_filter_map("not backwards", move |(from, to)| {
                let (from, to) = match (&from, &to) {
                    (None, None) => return None,
                    (Some(Operand::Day(_)), Some(Operand::Decimal(_)))
                    | (Some(Operand::Decimal(_)), Some(Operand::Day(_))) => return None,
                    (Some(Operand::Number(a)), Some(Operand::Number(b))) if a > b => (to, from),
                    (Some(Operand::Decimal(a)), Some(Operand::Decimal(b))) if a > b => (to, from),
                    (Some(Operand::Day(a)), Some(Operand::Day(b))) if a > b => (to, from),
                    _ => (from, to),
                };
                Some(Test::Between(from, to))
            })
            .boxed(),
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    (0..FIELDS.len()).prop_flat_map(|index| {
        let field = &FIELDS[index];
        proptest::sample::select(field.operators()).prop_flat_map(move |operator| {
            let codes = proptest::sample::select(&CODES[..]);
            (test(field, operator), codes).prop_map(move |(test, code)| Condition {
                field,
                code: (field.kind == Kind::Answer).then(|| FieldCode::parse(code).expect("a code")),
                test,
            })
        })
    })
}

pub(crate) fn rule() -> impl Strategy<Value = Rule> {
    condition().prop_map(Rule::Is).prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Rule::All),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Rule::Any),
            inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    })
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    (
        proptest::sample::select(&Sort::ALL[..]),
        proptest::sample::select(&[Direction::Ascending, Direction::Descending][..]),
    )
        .prop_map(|(sort, direction)| Order { sort, direction })
}

pub(crate) fn person() -> impl Strategy<Value = Person> {
    let profile = (
        proptest::sample::select(&NAMES[..]),
        proptest::sample::select(&EMAILS[..]),
        proptest::sample::select(&PHONES[..]),
        proptest::sample::select(&["", "A-1", "a-1"][..]),
        proptest::sample::select(&["", "de", "en"][..]),
        proptest::option::of(proptest::sample::select(
            &[101, 228, 229, 1125, 1126, 1224, 1231][..],
        )),
        proptest::option::of(moment()),
    );
    // Comments are ratings with words, so there are never more of them.
    let rating = (0_i64..4).prop_flat_map(|count| (count..=count * 5, Just(count), 0..=count));
    let wishes = (0_i64..8, 0_i64..32);
    let tags = proptest::sample::subsequence(&TAGS[..], 0..=3);
    (profile, rating, wishes, tags).prop_map(|(profile, (sum, count, comments), wishes, tags)| {
        let (name, email, phone, external_id, language, birthday, verified) = profile;
        Person {
            name_key: name.into(),
            email_key: email.into(),
            phone: phone.into(),
            external_id: external_id.into(),
            language: language.into(),
            birthday,
            verified_at: verified.map(Timestamp),
            consents: Consents(wishes.0),
            paused: Preferences(wishes.1),
            rating: Rating { sum, count },
            comments,
            tags: tags.into_iter().map(str::to_owned).collect(),
        }
    })
}

/// Some 0 to 3 redemptions, a visit before, a landing and answers.
pub(crate) fn beside() -> impl Strategy<Value = Beside> {
    let word = || {
        proptest::sample::select(&LANDINGS[..])
            .prop_map(|word| Some(word.to_owned()).filter(|word| !word.is_empty()))
    };
    let landing =
        (word(), word(), word(), word(), word()).prop_map(|(source, medium, campaign, content, term)| Utm {
            source,
            medium,
            campaign,
            content,
            term,
        });
    let answer = (
        proptest::sample::select(&CODES[..]),
        proptest::sample::select(&ANSWERS[..]),
    );
    let answers = proptest::collection::vec(answer, 0..3).prop_map(|answers| {
        let answer = |(code, (text, number)): (&str, (&str, Option<i64>))| {
            let text = text.to_owned();
            (code.to_owned(), FieldValue { text, number })
        };
        answers.into_iter().map(answer).collect()
    });
    (
        proptest::collection::vec(moment().prop_map(Timestamp), 0..4),
        proptest::option::of(moment().prop_map(Timestamp)),
        (0_i64..10, 0_i64..10),
        landing,
        answers,
    )
        .prop_map(
            |(redemptions, visit_before_at, (visits, spend), landing, answers)| Beside {
                redemptions,
                visit_before_at,
                recent: Recent {
                    visits,
                    spend: spend * 100,
                    oldest: None,
                },
                landing,
                answers,
            },
        )
}

pub(crate) fn card() -> impl Strategy<Value = Card> {
    let statuses = [
        CardStatus::Pending,
        CardStatus::Installed,
        CardStatus::Removed,
        CardStatus::Void,
    ];
    let identity = (1_i64..1 << 40, proptest::sample::select(&PROGRAMS[..]), moment());
    let state = (
        proptest::sample::select(statuses.to_vec()),
        0_i64..4,
        proptest::option::of(moment()),
        proptest::option::of(moment()),
        proptest::option::of(moment()),
        proptest::option::of(0_i64..3),
        proptest::option::of(moment()),
    );
    let counts = proptest::array::uniform8(0_i64..12);
    (identity, state, counts).prop_map(|((id, program, joined), state, counts)| {
        let (status, channels, visited, expires, redeemed, tier, installed) = state;
        let [
            punches,
            points,
            rewards,
            visits,
            scans,
            spend,
            unpriced,
            redemptions,
        ] = counts;
        let mut card = Card::new(
            Identity {
                id: CardId(id),
                merchant: MerchantId(1),
                program: ProgramId(program.0),
                customer: CustomerId(id + 1),
                serial_number: SerialNumber::parse(format!("card-{id}")).expect("a serial number"),
                token: Token::parse(&format!("token-of-card-{id}")).expect("a token"),
            },
            Timestamp(joined),
        );
        card.status = status;
        card.channels = Channels(channels);
        card.last_visit_at = visited.map(Timestamp);
        card.expires_at = expires.map(Timestamp);
        card.redeemed_at = redeemed.map(Timestamp);
        card.tier = tier;
        card.installed_at = installed.map(Timestamp);
        (card.punches, card.points, card.rewards) = (punches, points - 2, rewards);
        (card.visits, card.scans) = (visits, scans);
        (card.spend, card.unpriced, card.redemptions) = (spend * 100, unpriced, redemptions);
        card
    })
}
