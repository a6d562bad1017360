//! What profiles take, what they refuse, and that what they show can be typed again.

use proptest::prelude::*;

use super::*;

fn region(text: &str) -> Option<Region> {
    Some(Region::parse(text).expect("a country"))
}

#[test]
fn names_in_any_script_are_kept_as_they_are() {
    for name in [
        "Zoë",
        "אדה לבלייס",
        "عادة",
        "👩‍👩‍👧 Family",
        "O’Neil",
        "Nguyễn",
        "\u{200f}שלום",
    ] {
        assert_eq!(
            Name::parse("first_name", name).map(|name| name.0),
            Ok(name.into())
        );
    }
}

#[test]
fn names_that_are_none_are_refused_with_field_expected_and_got() {
    let error = Name::parse("last_name", "a\u{0}b").expect_err("refused");
    assert_eq!(
        (error.field.as_ref(), error.code),
        ("last_name", "control_character")
    );
    assert!(
        error
            .to_string()
            .contains("expected text without control characters; got")
    );
    assert_eq!(
        Name::parse("x", &"é".repeat(101)).map_err(|error| error.code),
        Err("too_long")
    );
    assert!(Name::parse("x", &"é".repeat(100)).is_ok());
    for disguise in ["a\nb", "a\u{202e}b", "a\u{2028}b", "\u{7f}"] {
        assert!(Name::parse("x", disguise).is_err(), "{disguise:?}");
    }
}

#[test]
fn addresses_are_compared_without_case() {
    let email = Email::parse(" Ada.Lovelace@Example.COM ").expect("an address");
    assert_eq!(email.as_str(), "Ada.Lovelace@Example.COM");
    assert_eq!(email.key(), "ada.lovelace@example.com");
    for wrong in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a@b",
        "a@b@c.de",
        "a b@c.de",
        "a@-c.de",
        "a@c..de",
        ".a@c.de",
        "a..b@c.de",
    ] {
        assert!(Email::parse(wrong).is_err(), "{wrong}");
    }
    assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
}

#[test]
fn one_number_has_one_form_however_it_is_written() {
    let forms = [
        "+49 1512 3456789",
        "0049 1512 3456789",
        "01512/3456789",
        "(01512) 345-6789",
        "+49 (0) 1512 3456789",
    ];
    for form in forms {
        let phone = Phone::parse(form, region("DE"));
        assert_eq!(
            phone.map(|phone| phone.as_str().to_owned()),
            Ok("+4915123456789".into()),
            "{form}"
        );
    }
    assert_eq!(
        Phone::parse("0049 1512 3456789", None).map(|phone| phone.as_str().to_owned()),
        Ok("+4915123456789".into())
    );
    assert_eq!(
        Phone::parse("202 555 0173", region("us")).map(|phone| phone.as_str().to_owned()),
        Ok("+12025550173".into())
    );
}

#[test]
fn numbers_that_cannot_exist_are_refused() {
    let code = |text, region| Phone::parse(text, region).map_err(|error| error.code);
    assert_eq!(code("01512 3456789", None), Err("no_country"));
    assert_eq!(code("+49 1", region("DE")), Err("impossible_number"));
    assert_eq!(code("+999 123456789", None), Err("impossible_number"));
    assert_eq!(code("call me", region("DE")), Err("malformed"));
    assert_eq!(code(&"1".repeat(41), region("DE")), Err("too_long"));
    assert_eq!(Region::parse("Atlantis"), None);
}

#[test]
fn impossible_birthdays_are_refused() {
    let read = |text| Birthday::parse(text).map(|day| day.to_string()).ok();
    for (text, day) in [
        ("1990-05-17", "1990-05-17"),
        ("17.5.1990", "1990-05-17"),
        ("5-7", "05-07"),
        ("--02-29", "02-29"),
        ("29.02.", "02-29"),
        ("2000-02-29", "2000-02-29"),
    ] {
        assert_eq!(read(text).as_deref(), Some(day), "{text}");
    }
    for wrong in [
        "",
        "1990-02-29",
        "13-01",
        "1990-13-01",
        "05-32",
        "17/05/1990",
        "1700-01-01",
        "-1--1",
        "1990-5-17-3",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
    let today = jiff::civil::date(2026, 11, 25);
    let tomorrow = Birthday::new(11, 26, Some(2026)).expect("a day");
    assert!(tomorrow.check_past(today).is_err());
    assert!(
        Birthday::new(11, 25, Some(2026))
            .expect("a day")
            .check_past(today)
            .is_ok()
    );
}

#[test]
fn a_person_without_any_contact_is_refused() {
    let today = jiff::civil::date(2026, 11, 25);
    let mut profile = Profile::default();
    profile.set(Field::FirstName, "Ada", None).expect("a name");
    assert_eq!(
        profile.clone().checked(today).map_err(|error| error.code),
        Err("no_contact")
    );
    for (field, text) in [
        (Field::Email, "a@example.com"),
        (Field::ExternalId, "7"),
        (Field::Phone, "+4915123456789"),
    ] {
        let mut profile = profile.clone();
        profile.set(field, text, None).expect("a contact");
        assert!(profile.checked(today).is_ok());
    }
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in ".{0,60}", digits in "[0-9+()/. -]{0,42}") {
        for field in Field::ALL {
            for text in [&text, &digits] {
                let mut profile = Profile::default();
                let _ = profile.set(field, text, None);
                let _ = profile.set(field, text, region("DE"));
            }
        }
    }

    #[test]
    fn what_is_shown_is_read_back(
        name in "\\PC{0,40}", month in 1_i8..=12, day in 1_i8..=28, year in proptest::option::of(1890_i16..2026),
        local in "[a-z]{1,10}", phone in 15_000_000_000_u64..16_000_000_000,
    ) {
        let mut profile = Profile::default();
        let set = |profile: &mut Profile, field, text: &str| profile.set(field, text, region("DE"));
        let _ = set(&mut profile, Field::FirstName, &name);
        let _ = set(&mut profile, Field::Phone, &phone.to_string());
        set(&mut profile, Field::Email, &format!("{local}@example.com")).expect("an address");
        profile.birthday = Birthday::new(month, day, year);
        let mut again = Profile::default();
        for field in Field::ALL {
            again.set(field, &profile.text(field), None).expect("what is shown can be typed");
        }
        prop_assert_eq!(again, profile);
    }
}
