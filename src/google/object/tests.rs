//! What Google is told about a face, and that it fits.

use super::*;
use crate::domain::face::Prices;
use crate::domain::id::{MerchantId, PassTypeIdentifier, SerialNumber};
use crate::domain::program::PricedReward;
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

pub(in crate::google) fn sample() -> CardFace {
    CardFace {
        merchant: MerchantId(1),
        program: ProgramId(7),
        installed_as: ProgramId(7),
        card: CardId(9),
        merchant_name: "Café Möwe".into(),
        program_name: "Coffee card".into(),
        reward_name: "Free coffee".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
        serial_number: SerialNumber::parse("card-9").expect("valid"),
        holder: Some("Ada Lovelace".into()),
        code: "0123456789ABCDEF".into(),
        kind: ProgramKind::Punch,
        punches: 3,
        points: 0,
        goal: 10,
        rewards: 1,
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

pub(in crate::google) fn naming() -> Naming {
    Naming::new("3388000000012345678", "").expect("a valid issuer")
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("plain JSON")
}

#[test]
fn the_object_says_what_the_face_says() {
    let object = json(&object(&naming(), &sample()));
    assert_eq!(object["id"], "3388000000012345678.card-0000000000009");
    assert_eq!(object["classId"], "3388000000012345678.program-0000000000007");
    assert_eq!(object["state"], "ACTIVE");
    assert_eq!(object["loyaltyPoints"]["balance"]["string"], "3 of 10");
    assert_eq!(object["secondaryLoyaltyPoints"]["balance"]["int"], 1);
    assert_eq!(object["barcode"]["type"], "QR_CODE");
    assert_eq!(object["barcode"]["renderEncoding"], "UTF_8");
    assert_eq!(object["barcode"]["alternateText"], object["barcode"]["value"]);
    assert_eq!(object["accountName"], "Ada Lovelace");
    assert!(object.get("notifyPreference").is_none());
}

#[test]
fn the_class_is_always_under_review() {
    let class = json(&class(
        &naming(),
        &sample(),
        "https://cards.example/logo.png",
        Some("#112233"),
    ));
    assert_eq!(class["reviewStatus"], "UNDER_REVIEW");
    assert_eq!(
        class["multipleDevicesAndHoldersAllowedStatus"],
        "ONE_USER_ALL_DEVICES"
    );
    assert_eq!(
        class["programLogo"]["sourceUri"]["uri"],
        "https://cards.example/logo.png"
    );
    assert_eq!(class["hexBackgroundColor"], "#112233");
    assert_eq!(class["issuerName"], "Café Möwe");
}

#[test]
fn an_ended_card_is_inactive_and_a_holder_who_left_is_taken_off() {
    let mut face = sample();
    face.void = true;
    face.holder = None;
    let object = json(&object(&naming(), &face));
    assert_eq!(object["state"], "INACTIVE");
    assert_eq!(object.get("accountName"), Some(&Value::Null));
}

#[test]
fn a_coupon_is_ready_then_completed_or_expired() {
    let mut face = sample();
    (face.kind, face.goal, face.punches, face.rewards) = (ProgramKind::Coupon, 0, 0, 0);
    let state = |face: &CardFace| json(&object(&naming(), face))["state"].clone();
    assert_eq!(state(&face), "ACTIVE");
    assert_eq!(face.status_line(), "Ready: Free coffee");
    face.expires_at = Some(Timestamp(1_790_000_000_000));
    let shown = json(&object(&naming(), &face));
    assert_eq!(shown["validTimeInterval"]["end"]["date"], "2026-09-21T14:13:20Z");
    assert_eq!(shown["state"], "ACTIVE");
    face.changed_at = Timestamp(1_790_000_000_000);
    assert_eq!(state(&face), "EXPIRED");
    face.redeemed = true;
    assert_eq!(state(&face), "COMPLETED", "redeemed is for good");
    assert_eq!(face.status_line(), "Redeemed: Free coffee");
    face.void = true;
    assert_eq!(state(&face), "INACTIVE");
}

#[test]
fn a_long_balance_is_said_differently_and_never_cut() {
    let mut face = sample();
    for (punches, goal, shown) in [
        (3, 10, "3 of 10"),
        (12, 100, "12/100"),
        (999, 1000, "999"),
        (100, 100, "100/100"),
    ] {
        (face.punches, face.goal) = (punches, goal);
        assert_eq!(balance(&face), shown);
    }
    face.punches = i64::MAX;
    assert_eq!(balance(&face), "many");
}

#[test]
fn a_cut_shows_itself_and_falls_between_characters() {
    assert_eq!(cut("exactly twenty chars", 20), "exactly twenty chars");
    assert_eq!(cut("more than twenty characters", 20), "more than twenty ch…");
    assert_eq!(cut("ÄÖÜäöüÄÖÜäöü", 5), "ÄÖÜä…");
    assert_eq!(cut("abc\u{1f469}\u{200d}\u{1f4bb}def", 6), "abc\u{1f469}…");
    assert_eq!(named("  ", 20), "-");
}

#[test]
fn a_prefix_keeps_environments_apart() {
    let naming = Naming::new("3388", "test-").expect("valid");
    assert_eq!(naming.class_id(ProgramId(7)), "3388.test-program-0000000000007");
    assert!(Naming::new("", "").is_err());
    assert!(Naming::new("3388.", "").is_err());
    assert!(Naming::new("3388", "a b").is_err());
}

fn longest(value: &Value, path: &[&str]) -> usize {
    let found = path.iter().fold(value, |value, key| &value[*key]);
    found.as_str().map_or(0, |text| text.chars().count())
}

proptest! {
    #[test]
    fn any_names_give_json_within_what_google_shows(
        merchant in "\\PC{0,60}", program in ".{0,60}", reward in ".{0,700}", holder in prop::option::of(".{0,60}"),
        punches in 0..=i64::MAX, goal in 1..=1000_i64, rewards in 0..=i64::MAX,
    ) {
        let mut face = sample();
        (face.merchant_name, face.program_name, face.reward_name, face.holder) = (merchant, program, reward, holder);
        (face.punches, face.goal, face.rewards) = (punches.min(i64::MAX / 2), goal, rewards);
        let class = json(&class(&naming(), &face, "https://cards.example/logo.png", None));
        let object = json(&object(&naming(), &face));
        let text = serde_json::to_string(&object).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Value>(&text).expect("valid JSON"), &object);
        for field in ["issuerName", "programName"] {
            prop_assert!((1..=NAME).contains(&longest(&class, &[field])));
        }
        prop_assert!(longest(&object, &["accountName"]) <= ACCOUNT_NAME);
        prop_assert!((1..=POINTS_BALANCE).contains(&longest(&object, &["loyaltyPoints", "balance", "string"])));
        for points in ["loyaltyPoints", "secondaryLoyaltyPoints"] {
            prop_assert!(longest(&object, &[points, "label"]) <= POINTS_LABEL);
        }
        for module in object["textModulesData"].as_array().expect("a list") {
            prop_assert!((1..=TEXT_HEADER).contains(&longest(module, &["header"])));
            prop_assert!((1..=TEXT_BODY).contains(&longest(module, &["body"])));
        }
    }
}

#[test]
fn a_points_card_says_its_balance_its_next_reward_and_its_tier() {
    let face = CardFace {
        kind: ProgramKind::Points,
        points: 120,
        rewards: 0,
        tier: Some("Gold".into()),
        prices: Prices {
            covered: None,
            next: Some(PricedReward {
                code: "mug".into(),
                name: "A mug".into(),
                points: 400,
            }),
        },
        ..sample()
    };
    let object = json(&object(&naming(), &face));
    assert_eq!(object["loyaltyPoints"]["label"], "Points");
    assert_eq!(object["loyaltyPoints"]["balance"]["string"], "120");
    assert_eq!(object["textModulesData"][0]["body"], "280 to go: A mug");
    assert_eq!(object["textModulesData"][2]["body"], "Gold");
    let rich = CardFace {
        points: 10_000_000,
        ..face
    };
    let object = json(&super::object(&naming(), &rich));
    assert_eq!(
        object["loyaltyPoints"]["balance"]["string"], "many",
        "no number is cut off"
    );
}
