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
const EMAILS: [&str; 3] = ["", "zoe@example.com", "anna.o'neil@example.org"];
const PHONES: [&str; 3] = ["", "+4930123456", "+14155550100"];

pub(crate) fn context() -> Context {
    let facts = |(id, kind, goal): (i64, ProgramKind, i64)| ProgramFacts {
        id: ProgramId(id),
        kind,
        goal,
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
        Kind::Text(_) => prop_oneof![
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
        Kind::Known(_) | Kind::Reachable => word(YES_NO),
    }
}

fn word(words: &'static [&'static str]) -> BoxedStrategy<Operand> {
    proptest::sample::select(words).prop_map(Operand::Word).boxed()
}

fn test(field: &'static Field, operator: &'static str) -> BoxedStrategy<Test> {
    let one = || operand(field.kind);
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
        "under" => one().prop_map(Test::Under).boxed(),
        "over" => one().prop_map(Test::Over).boxed(),
        "empty" => Just(Test::Empty).boxed(),
        "older" => span().prop_map(Test::Older).boxed(),
        "within" => span().prop_map(Test::Within).boxed(),
        "next" => span().prop_map(Test::Next).boxed(),
        "today" => Just(Test::Today).boxed(),
        _ => (proptest::option::of(one()), proptest::option::of(one()))
            .prop_filter_map("not backwards", move |(from, to)| {
                let (from, to) = match (&from, &to) {
                    (None, None) => return None,
                    (Some(Operand::Number(a)), Some(Operand::Number(b))) if a > b => (to, from),
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
            test(field, operator).prop_map(move |test| Condition { field, test })
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
    (
        proptest::sample::select(&NAMES[..]),
        proptest::sample::select(&EMAILS[..]),
        proptest::sample::select(&PHONES[..]),
        proptest::sample::select(&["", "A-1", "a-1"][..]),
        proptest::sample::select(&["", "de", "en"][..]),
        proptest::option::of(proptest::sample::select(
            &[101, 228, 229, 1125, 1126, 1224, 1231][..],
        )),
        proptest::option::of(moment()),
    )
        .prop_map(
            |(name, email, phone, external_id, language, birthday, verified)| Person {
                name_key: name.into(),
                email_key: email.into(),
                phone: phone.into(),
                external_id: external_id.into(),
                language: language.into(),
                birthday,
                verified_at: verified.map(Timestamp),
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
    );
    let counts = proptest::array::uniform8(0_i64..12);
    (identity, state, counts).prop_map(|((id, program, joined), state, counts)| {
        let (status, channels, visited, expires, redeemed, tier) = state;
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
        (card.punches, card.points, card.rewards) = (punches, points - 2, rewards);
        (card.visits, card.scans) = (visits, scans);
        (card.spend, card.unpriced, card.redemptions) = (spend * 100, unpriced, redemptions);
        card
    })
}

/// Some 0 to 3 redemptions.
pub(crate) fn redemptions() -> impl Strategy<Value = Vec<Timestamp>> {
    proptest::collection::vec(moment().prop_map(Timestamp), 0..4)
}
