//! Rows are read cell by cell, and two rows never change one person.

use proptest::prelude::*;
use std::collections::BTreeMap;

use super::*;
use crate::domain::consent::{Channel, Purpose};
use crate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use crate::domain::event::Delta;
use crate::domain::id::CustomerId;
use crate::domain::money::Currency;
use crate::domain::profile::{ContactKind, Field, Profile, Region};
use crate::domain::program::ProgramKind;
use crate::domain::time::Timestamp;
use crate::domain::utm::Utm;

fn context() -> Context {
    Context {
        region: Region::parse("DE"),
        today: jiff::civil::date(2026, 11, 25),
        now: Timestamp(1_795_600_000_000),
        zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("bundled zone"),
        currency: Currency::EUR,
        kind: Some(ProgramKind::Punch),
        fields: vec![CustomField {
            code: FieldCode::parse("shoe_size").expect("a code"),
            label: "Shoe size".into(),
            kind: FieldKind::Number,
            required: false,
            position: 1,
        }],
    }
}

fn mapping(header: &str) -> Mapping {
    let header: Vec<_> = header.split(',').map(str::to_owned).collect();
    Mapping::new(&header, &[], &context().fields).expect("columns")
}

fn row(header: &str, cells: &[&str]) -> Result<ImportRow, Vec<(String, String)>> {
    read(&mapping(header), cells, &context()).map_err(|problems| {
        problems
            .into_iter()
            .map(|problem| (problem.column, problem.code))
            .collect()
    })
}

#[test]
fn columns_are_guessed_from_what_stands_over_them() {
    let meanings = |header: &str| -> Vec<String> {
        mapping(header)
            .columns()
            .iter()
            .map(|(_, column)| column.as_str().to_owned())
            .collect()
    };
    assert_eq!(
        meanings("Vorname,NACHNAME,E-Mail,Mobile number,Date of birth,Shoe size,Fax,Kunden-Nummer"),
        [
            "first_name",
            "last_name",
            "email",
            "phone",
            "birthday",
            "shoe_size",
            "ignore",
            "external_id"
        ]
    );
    assert_eq!(
        meanings("email,mail"),
        ["email", "ignore"],
        "the first one is meant"
    );
}

#[test]
fn columns_are_mapped_as_told_and_mistakes_are_named() {
    let header = ["a".to_owned(), "email".to_owned()];
    let told = |name: &str, meaning: &str| Mapping::new(&header, &[(name.into(), meaning.into())], &[]);
    let columns = told("a", "phone").expect("mapped");
    assert_eq!(columns.columns()[0].1, Column::Profile(Field::Phone));
    assert!(matches!(told("b", "phone"), Err(MappingError::NoColumn(name)) if name == "b"));
    assert!(matches!(told("a", "fax"), Err(MappingError::NoMeaning { .. })));
    let twice = [("a".into(), "email".into()), ("email".into(), "email".into())];
    assert!(matches!(
        Mapping::new(&header, &twice, &[]),
        Err(MappingError::Twice(..))
    ));
    assert_eq!(
        Mapping::new(&["x".to_owned()], &[], &[]),
        Err(MappingError::Nothing)
    );
    assert_eq!(Mapping::new(&[], &[], &[]), Err(MappingError::Empty));
}

#[test]
fn every_wrong_cell_of_a_row_is_named() {
    let problems = row(
        "email,phone,birthday,stamps,shoe_size",
        &["nobody", "12", "1990-02-30", "-1", "big"],
    );
    let codes = [
        ("email", "malformed"),
        ("phone", "impossible_number"),
        ("birthday", "impossible_date"),
        ("stamps", "not_a_balance"),
        ("shoe_size", "not_a_number"),
    ];
    assert_eq!(
        problems,
        Err(codes
            .map(|(column, code)| (column.to_owned(), code.to_owned()))
            .to_vec())
    );
    assert_eq!(
        row("email,example", &["a@example.com", "yes"]),
        Err(vec![("example".into(), "example".into())])
    );
    assert_eq!(
        row("email,points", &["a@example.com", "5"]),
        Err(vec![("points".into(), "wrong_kind".into())])
    );
    assert!(row("email,points", &["a@example.com", "0"]).is_ok());
    assert_eq!(
        row("email", &["a@example.com", "", "x"]),
        Err(vec![(String::new(), "too_many_cells".into())])
    );
    let neutralised = row("phone,first_name", &["'+4915123456789", "'=Ada"]).expect("read");
    assert_eq!(neutralised.profile.text(Field::Phone), "+4915123456789");
    assert_eq!(neutralised.profile.text(Field::FirstName), "=Ada");
}

fn known(id: i64, fields: &[(Field, &str)]) -> Known {
    let mut profile = Profile::default();
    for (field, text) in fields {
        profile.set(*field, text, None).expect("a profile");
    }
    Known {
        id: CustomerId(id),
        profile,
        tags: Vec::new(),
        has_card: true,
        answers: Vec::new(),
        balance: Delta::default(),
        landings: Vec::new(),
        consents: BTreeMap::new(),
    }
}

/// Decides a row against people who are there.
fn decided(header: &str, cells: &[&str], people: &[Known], seen: &Seen) -> Decision {
    let row = row(header, cells).expect("a row");
    let owner = |kind: ContactKind, key: &str| {
        let has = |person: &&Known| person.profile.contacts().contains(&(kind, key.to_owned()));
        people.iter().find(has).cloned()
    };
    decide(&row, &mapping(header), &context(), None, owner, &[seen])
}

fn failure(decision: &Decision) -> Option<&str> {
    match &decision.verdict {
        Verdict::Failed(problems) => problems.first().map(|problem| problem.code.as_str()),
        _ => None,
    }
}

#[test]
fn a_row_means_the_person_who_has_its_contacts_or_nobody() {
    let people = [
        known(
            1,
            &[
                (Field::Email, "ada@example.com"),
                (Field::Phone, "+4915123456789"),
                (Field::ExternalId, "7"),
            ],
        ),
        known(2, &[(Field::Email, "bob@example.com")]),
    ];
    let decide = |header, cells: &[&str]| decided(header, cells, &people, &Seen::default());
    let same = decide("email,phone", &["ada@example.com", "01512 3456789"]);
    assert_eq!(
        (same.verdict.clone(), same.customer),
        (Verdict::Unchanged, Some(CustomerId(1)))
    );
    assert_eq!(
        decide("email,first_name", &["bob@example.com", "Bob"]).changed,
        [Field::FirstName]
    );
    assert_eq!(decide("email", &["new@example.com"]).verdict, Verdict::Created);
    let code = |header, cells: &[&str]| failure(&decide(header, cells)).map(str::to_owned);
    assert_eq!(
        code("email,phone", &["bob@example.com", "+4915123456789"]).as_deref(),
        Some("belongs_to_another")
    );
    assert_eq!(
        code("email,phone", &["new@example.com", "+4915123456789"]).as_deref(),
        Some("contact_differs")
    );
    assert_eq!(
        code("email,external_id", &["bob@example.com", "7"]).as_deref(),
        Some("belongs_to_another")
    );
    assert_eq!(code("first_name", &["Ada"]).as_deref(), Some("no_contact"));
    let moved = decide("email,external_id", &["ada@new.example", "7"]);
    assert_eq!(
        (moved.verdict, moved.changed),
        (Verdict::Updated, vec![Field::Email])
    );
}

#[test]
fn two_rows_never_change_the_same_person() {
    let people = [known(
        1,
        &[(Field::Email, "ada@example.com"), (Field::ExternalId, "7")],
    )];
    let mut seen = Seen::default();
    let first = decided("email,external_id", &["ada@new.example", "7"], &people, &seen);
    seen.add(&first, 2);
    // The old address was free the moment the first row was written; the dry run must see that coming.
    for cells in [["ada@example.com", ""], ["ada@new.example", ""], ["", "7"]] {
        let second = decided("email,external_id", &cells, &people, &seen);
        assert_eq!(failure(&second), Some("repeated"), "{cells:?}");
    }
    let mut seen = Seen::default();
    seen.add(&decided("email", &["ada@example.com"], &people, &seen), 2);
    assert_eq!(
        decided("email", &["ada@example.com"], &people, &seen).verdict,
        Verdict::Unchanged
    );
    let change = decided("email,first_name", &["ada@example.com", "Ada"], &people, &seen);
    assert_eq!(failure(&change), Some("repeated"));
}

#[test]
fn a_balance_opens_a_new_card_and_never_a_card_that_is_there() {
    let person = known(1, &[(Field::Email, "ada@example.com")]);
    let without = Known {
        has_card: false,
        ..person.clone()
    };
    let opened = decided(
        "email,stamps,spend",
        &["ada@example.com", "4", "12.50"],
        &[without],
        &Seen::default(),
    );
    let opening = opened.new_card.expect("a card");
    assert_eq!(
        (opening.punches, opening.spend, opened.verdict),
        (4, 1250, Verdict::Created)
    );
    let kept = decided(
        "email,stamps",
        &["ada@example.com", "4"],
        &[person],
        &Seen::default(),
    );
    assert_eq!(
        (kept.new_card, kept.keeps_balance, kept.verdict),
        (None, true, Verdict::Unchanged)
    );
}

#[test]
fn an_import_never_gives_back_a_consent_that_was_withdrawn() {
    for wanted in [None, Some(true), Some(false)] {
        assert_eq!(consent_after(Some(false), wanted), Some(false));
    }
    assert_eq!(consent_after(Some(true), Some(false)), Some(false));
    assert_eq!(consent_after(Some(true), None), Some(true));
    assert_eq!(consent_after(None, Some(true)), Some(true));
}

#[test]
fn consents_are_read_with_their_evidence_and_make_their_row_a_change() {
    let header = "email,marketing_consent,consent_at,consent_source,consent_text,profiling_consent,\
        profiling_consent_at,profiling_consent_source,profiling_consent_language,personalised_consent,language";
    let cells = [
        "ada@example.com",
        "yes",
        "2026-01-15",
        "Paper",
        "v3",
        "yes",
        "2026-01-16",
        "till",
        "pt-BR",
        "no",
        "de",
    ];
    let person = known(1, &[(Field::Email, "ada@example.com"), (Field::Language, "de")]);
    let noted = |person: &Known| decided(header, &cells, std::slice::from_ref(person), &Seen::default());
    let decision = noted(&person);
    assert_eq!(decision.verdict, Verdict::Updated);
    let read: Vec<_> = decision
        .consents
        .iter()
        .map(|noted| {
            let evidence = &noted.evidence;
            let shown = (
                evidence.text.as_str(),
                evidence.channel,
                evidence.language.as_str(),
            );
            let at = noted.at.map(|at| at.to_jiff().to_string());
            (noted.purpose, noted.given, shown, at)
        })
        .collect();
    let day = |text: &str| Some(text.to_owned());
    assert_eq!(
        read,
        [
            (
                Purpose::Marketing,
                true,
                ("v3", Channel::Paper, "de"),
                day("2026-01-14T23:00:00Z")
            ),
            (
                Purpose::Profiling,
                true,
                ("unknown", Channel::Till, "pt-BR"),
                day("2026-01-15T23:00:00Z")
            ),
            (
                Purpose::Personalised,
                false,
                ("unknown", Channel::Import, "de"),
                None
            ),
        ],
        "days are the merchant's"
    );
    for before in [true, false] {
        let decision = noted(&Known {
            consents: BTreeMap::from([
                (Purpose::Marketing, true),
                (Purpose::Profiling, before),
                (Purpose::Personalised, false),
            ]),
            ..person.clone()
        });
        assert_eq!(
            (decision.consents, decision.leaves_consent),
            (Vec::new(), !before)
        );
        assert_eq!(decision.verdict, Verdict::Unchanged);
    }
    let malformed =
        row("email,profiling_consent_language", &["ada@example.com", "de_DE"]).expect_err("refused");
    assert_eq!(malformed.len(), 1);
    let wrong = |at: &str, source: &str| {
        row(
            "email,consent_at,consent_source",
            &["ada@example.com", at, source],
        )
        .expect_err("refused")
        .into_iter()
        .map(|(_, code)| code)
        .collect::<Vec<_>>()
    };
    assert_eq!(wrong("yesterday", "a friend"), ["no_date", "no_choice"]);
    assert_eq!(wrong("2027-01-01", "till"), ["in_the_future"]);
}

proptest! {
    #[test]
    fn no_cells_make_reading_panic(cells in proptest::collection::vec("\\PC{0,30}", 0..15)) {
        let header = "first_name,last_name,email,phone,external_id,birthday,language,tags,stamps,spend,shoe_size,\
            consent_at,consent_source,consent_text,profiling_consent,personalised_consent_language";
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let _ = row(header, &cells);
        let header: Vec<_> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        let _ = Mapping::new(&header, &[], &context().fields);
    }
}

#[test]
fn where_a_card_came_from_is_said_of_a_new_card_and_never_of_one_that_is_there() {
    let header = "email,utm_source,utm_term";
    let person = known(1, &[(Field::Email, "ada@example.com")]);
    let decision = |person: &Known, cells: &[&str]| {
        let people = std::slice::from_ref(person);
        decided(header, cells, people, &Seen::default())
    };
    let without = Known {
        has_card: false,
        ..person.clone()
    };
    let flyer = Utm::from_query("utm_source=flyer");
    let new = decision(&without, &["ada@example.com", " flyer ", ""]);
    assert_eq!(
        (new.verdict, new.landing),
        (Verdict::Created, Some(flyer.clone()))
    );
    assert_eq!(decision(&without, &["ada@example.com", "", ""]).landing, None);

    let refused = |person: &Known, cells: &[&str]| match decision(person, cells).verdict {
        Verdict::Failed(problems) => problems.first().map(|problem| problem.column.clone()),
        Verdict::Unchanged => None,
        other => panic!("left alone or refused; got {other:?}"),
    };
    // Somebody with two cards: the row is of either.
    let came = Known {
        landings: vec![flyer, Utm::from_query("utm_source=window&utm_term=late")],
        ..person.clone()
    };
    for cells in [["", ""], ["flyer", ""], ["window", "late"], ["", "late"]] {
        assert_eq!(
            refused(&came, &["ada@example.com", cells[0], cells[1]]),
            None,
            "{cells:?}"
        );
    }
    assert_eq!(
        refused(&came, &["ada@example.com", "poster", ""]).as_deref(),
        Some("utm_source")
    );
    assert_eq!(
        refused(&came, &["ada@example.com", "", "early"]).as_deref(),
        Some("utm_term")
    );
    assert_eq!(
        refused(&person, &["ada@example.com", "flyer", ""]).as_deref(),
        Some("utm_source"),
        "a card that came without words stays so"
    );
}
