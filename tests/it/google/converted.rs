//! A coupon that turned into a card of another program stays in the class that it was saved with.

use super::*;

fn coupon(card: i64) -> CardFace {
    CardFace {
        kind: ProgramKind::Coupon,
        program_name: "Welcome".into(),
        goal: 0,
        ..face(card, 0)
    }
}

fn converted(card: i64) -> CardFace {
    CardFace {
        program: ProgramId(8),
        ..face(card, 1)
    }
}

#[tokio::test]
async fn a_converted_coupon_shows_its_new_balance_in_its_old_class() {
    let setting = setting().await;
    let phone = issued(&setting, &coupon(1)).await;
    let outcome = setting.wallet.sender().send(&push(converted(1))).await;
    assert_eq!(outcome, Outcome::Accepted);
    let card = phone
        .wait_for(LIMIT, |card| card.balance == "1 of 10")
        .await
        .expect("the new balance");
    assert!(card.active);
    assert_eq!(card.program_name, "Welcome", "the class of the other coupons");
    assert!(card.texts.iter().any(|(_, text)| text == "Coffee card"));
    let linked = setting.wallet.class_id(ProgramId(8));
    assert!(setting.google.resource(SimKind::LoyaltyClass, &linked).is_none());
}

#[tokio::test]
async fn a_coupon_that_google_first_hears_of_after_its_conversion_gets_a_class() {
    let setting = setting().await;
    issued(&setting, &converted(1)).await;
    let class = setting.wallet.class_id(ProgramId(7));
    let named = |setting: &Setting| {
        let class = setting.google.resource(SimKind::LoyaltyClass, &class);
        class.expect("the class")["programName"].clone()
    };
    assert_eq!(named(&setting), "Coffee card", "all that is known of it");
    issued(&setting, &coupon(2)).await;
    assert_eq!(named(&setting), "Welcome");
}
