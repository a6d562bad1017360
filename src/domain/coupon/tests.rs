//! Coupons as properties: whatever is tried in whatever order, one redemption stands, and the sums agree with the rows.

use proptest::prelude::*;

use super::*;
use crate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use crate::domain::card::tests::sample;
use crate::domain::id::{MemberId, ProgramId, StationId};
use crate::domain::lifecycle;
use crate::domain::presentation::{self, Decision, History, Moment};
use crate::domain::program::Scheme;

const ACTOR: Actor = Actor::Member(MemberId(1));

fn rules(redeem_at_till: bool) -> Rules {
    Rules::new(Scheme::Coupon(CouponRules {
        redeem_at_till,
        linked: None,
    }))
    .expect("rules")
}

fn wish(amount: Option<i64>) -> Redeem {
    Redeem {
        amount: amount.map(|minor| Amount::new(minor).expect("an amount")),
        actor: ACTOR,
        source: Source::Console,
        location: None,
        batch: None,
    }
}

fn present(rules: &Rules, card: &Card, at: Timestamp) -> Decision {
    let capture = Capture {
        key: CaptureKey {
            station: StationId(1),
            counter: at.0,
        },
        kind: CaptureKind::Barcode,
        token: Token::from_random([1; 10]),
        captured_at: at,
        amount: None,
    };
    let moment = Moment {
        at,
        day: at.day_in(&TimeZone::UTC),
        history: History::Latest,
    };
    presentation::decide(rules, card, &capture, moment, at)
}

/// What may be done to a coupon.
#[derive(Debug, Clone, Copy)]
enum Step {
    Present,
    Redeem(Option<i64>),
    Extend(i64),
    Void,
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Present),
        proptest::option::of(0..10_000_i64).prop_map(Step::Redeem),
        (-5_000..50_000_i64).prop_map(Step::Extend),
        Just(Step::Void),
        Just(Step::Restore),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn a_coupon_is_redeemed_once_whatever_is_tried(steps in steps(), at_till: bool) {
        let rules = rules(at_till);
        let mut card = sample();
        let mut rows = Vec::new();
        let mut paid = 0;
        for (step, now) in steps.into_iter().zip(1_i64..).map(|(step, turn)| (step, Timestamp(turn * 1000))) {
            let was = status(&card, now);
            let change = match step {
                Step::Present => match present(&rules, &card, now) {
                    Decision::Accepted(accepted) => Some((accepted.card, accepted.events)),
                    Decision::Refused(_) => None,
                },
                Step::Redeem(amount) => redeem(&rules, &card, wish(amount), now).ok().map(|change| {
                    paid += amount.unwrap_or(0);
                    (change.card, change.events)
                }),
                Step::Extend(by) => {
                    let end = Timestamp(now.0 + by);
                    let changed = lifecycle::change_expiry(&card, Some(end), true, ACTOR, now);
                    changed.ok().flatten().map(|change| (change.card, change.events))
                }
                Step::Void => lifecycle::void(&card, ACTOR, now).ok().map(|change| (change.card, change.events)),
                Step::Restore => {
                    let restored = lifecycle::restore(&card, false, ACTOR, now);
                    restored.ok().map(|change| (change.card, change.events))
                }
            };
            if let Some((after, events)) = change {
                card = after;
                rows.extend(events);
            }
            if was == CouponStatus::Redeemed {
                prop_assert_eq!(status(&card, now), CouponStatus::Redeemed, "redeemed is for good");
            }
        }
        let redemptions = rows.iter().filter(|row| row.kind == EventKind::RewardRedeemed).count();
        prop_assert!(redemptions <= 1);
        prop_assert_eq!(card.redeemed_at.is_some(), redemptions == 1);
        let sum: Delta = rows.iter().map(|row| row.delta).sum();
        prop_assert_eq!(card.sums(), sum);
        prop_assert_eq!(card.spend, paid);
    }
}

#[test]
fn an_amount_that_nobody_gave_is_unknown_and_not_zero() {
    let rules = rules(false);
    let unknown = redeem(&rules, &sample(), wish(None), Timestamp(1))
        .expect("redeemed")
        .card;
    assert_eq!((unknown.spend, unknown.unpriced, unknown.visits), (0, 1, 1));
    let nothing = redeem(&rules, &sample(), wish(Some(0)), Timestamp(1))
        .expect("redeemed")
        .card;
    assert_eq!((nothing.spend, nothing.unpriced), (0, 0));
    let paid = redeem(&rules, &sample(), wish(Some(1250)), Timestamp(1))
        .expect("redeemed")
        .card;
    assert_eq!((paid.spend, paid.unpriced, paid.redemptions), (1250, 0, 1));
}

#[test]
fn a_required_amount_is_insisted_on_and_a_redeemed_coupon_is_told_first() {
    let mut rules = rules(true);
    rules.purchase.required = true;
    rules.purchase.minimum = Some(Amount::new(500).expect("an amount"));
    let refused =
        |card: &Card, amount| redeem(&rules, card, wish(amount), Timestamp(1)).expect_err("refused");
    assert_eq!(
        refused(&sample(), None),
        CouponRefusal::Card(Refusal::AmountRequired)
    );
    assert!(matches!(
        refused(&sample(), Some(499)),
        CouponRefusal::Card(Refusal::MinimumSpend { .. })
    ));
    assert_eq!(
        present(&rules, &sample(), Timestamp(1)),
        Decision::Refused(Refusal::AmountRequired)
    );
    let mut card = redeem(&rules, &sample(), wish(Some(500)), Timestamp(1))
        .expect("redeemed")
        .card;
    card.expires_at = Some(Timestamp(1));
    let at = Timestamp(1);
    let already = Refusal::AlreadyRedeemed { at };
    assert_eq!(refused(&card, None), CouponRefusal::Card(already.clone()));
    assert_eq!(present(&rules, &card, Timestamp(2)), Decision::Refused(already));
}

#[test]
fn a_late_capture_of_a_converted_coupon_is_one_of_the_coupon() {
    let punch = Rules::punch(10).expect("rules");
    let mut card = sample();
    card.redeemed_at = Some(Timestamp(1000));
    card.program = ProgramId(2);
    for at in [999, 1000] {
        assert_eq!(
            present(&punch, &card, Timestamp(at)),
            Decision::Refused(Refusal::AlreadyRedeemed { at: Timestamp(1000) })
        );
    }
    assert!(matches!(
        present(&punch, &card, Timestamp(1001)),
        Decision::Accepted(_)
    ));
}

#[test]
fn other_cards_are_no_coupons() {
    let punch = Rules::punch(10).expect("rules");
    let refused = redeem(&punch, &sample(), wish(None), Timestamp(1)).expect_err("refused");
    assert_eq!(refused.to_string(), "This is a punch card and not a coupon.");
}

#[test]
fn a_redemption_is_told_with_time_place_and_name() {
    let told = Redemption {
        at: Timestamp(1_790_000_000_000),
        zone: TimeZone::get("Europe/Berlin").expect("bundled zone"),
        location: Some("Corner Café".into()),
        by: RedeemedBy::Station("Till 1".into()),
    };
    assert_eq!(
        told.sentence(),
        "This coupon was already redeemed on 21 September 2026 at 16:13, Corner Café, by Till 1."
    );
}
