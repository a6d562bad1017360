//! Limits of offers hold whatever customers and staff do, in any order.

use super::*;
use crate::domain::card::tests::sample;
use crate::domain::id::MemberId;
use proptest::prelude::*;

const STAFF: Actor = Actor::Member(MemberId(1));

fn terms() -> Terms {
    Terms {
        title: "Two for one".into(),
        text: String::new(),
        program: None,
        from: None,
        until: None,
        claims: None,
        times: 1,
        personal: false,
    }
}

fn offer(terms: Terms) -> Offer {
    Offer {
        id: OfferId(1),
        merchant: MerchantId(1),
        terms: terms.checked().expect("valid"),
        state: OfferState::Published,
        claimed: 0,
        created_at: Timestamp(0),
        version: 1,
    }
}

fn rules() -> Rules {
    Rules::punch(5).expect("valid")
}

proptest! {
    #[test]
    fn no_limit_is_ever_passed(
        claims in 1..6_i64, times in 1..4_i64,
        steps in proptest::collection::vec((0..8_usize, 0..3_u8), 0..60)
    ) {
        let mut offer = offer(Terms { claims: Some(claims), times, ..terms() });
        let mut holdings: Vec<_> = (0..8)
            .map(|customer| {
                let mut card = sample();
                card.id = CardId(customer);
                card.customer = CustomerId(customer);
                (card.clone(), offer.untouched(&card))
            })
            .collect();
        for (now, (who, what)) in (1..).zip(steps) {
            let (card, holding) = &mut holdings[who];
            let now = Timestamp(now);
            match what {
                0 => drop(claim(&mut offer, holding, card, Actor::Device, now)),
                1 => if let Ok(change) = redeem(&rules(), &mut offer, holding, card, None, STAFF, now) {
                    *card = change.card;
                },
                _ => drop(assign(&offer, holding, card, STAFF, now)),
            }
            let claimed = holdings.iter().filter(|(_, holding)| holding.claimed_at.is_some()).count();
            prop_assert_eq!(i64::try_from(claimed).expect("few"), offer.claimed);
            prop_assert!(offer.claimed <= claims);
            for (card, holding) in &holdings {
                prop_assert!(holding.redemptions <= times);
                prop_assert_eq!(card.redemptions, holding.redemptions);
            }
        }
    }
}

#[test]
fn refusals_say_why() {
    let card = sample();
    let now = Timestamp(100);
    let refuse = |offer: &mut Offer, card: &Card, actor| {
        let mut holding = offer.untouched(card);
        claim(offer, &mut holding, card, actor, now)
            .expect_err("refused")
            .to_string()
    };
    let mut draft = offer(terms());
    draft.state = OfferState::Draft;
    assert!(refuse(&mut draft, &card, Actor::Device).contains("not published"));
    assert!(refuse(&mut offer(terms()), &card, STAFF).contains("the holder; got console"));
    let mut over = offer(Terms {
        until: Some(Timestamp(100)),
        ..terms()
    });
    assert!(refuse(&mut over, &card, Actor::Device).contains("over"));
    let mut early = offer(Terms {
        from: Some(Timestamp(101)),
        ..terms()
    });
    assert!(refuse(&mut early, &card, Actor::Device).contains("not begun"));
    let mut personal = offer(Terms {
        personal: true,
        ..terms()
    });
    assert!(refuse(&mut personal, &card, Actor::Device).contains("given"));
    let mut void = card.clone();
    void.status = CardStatus::Void;
    assert!(refuse(&mut offer(terms()), &void, Actor::Device).contains("ended"));
    let mut holding = personal.untouched(&card);
    assert!(assign(&personal, &mut holding, &card, STAFF, now).is_some());
    assert!(
        assign(&personal, &mut holding, &card, STAFF, now).is_none(),
        "once"
    );
    assert!(claim(&mut personal, &mut holding, &card, Actor::Device, now).is_ok());
}

#[test]
fn a_redemption_by_staff_is_a_visit_with_its_amount() {
    let mut offer = offer(terms());
    let card = sample();
    let mut holding = offer.untouched(&card);
    let amount = Amount::new(350).ok();
    let now = Timestamp(5);
    let change = redeem(&rules(), &mut offer, &mut holding, &card, amount, STAFF, now).expect("redeemed");
    assert_eq!(
        (change.card.visits, change.card.spend, change.card.unpriced),
        (1, 350, 0)
    );
    assert_eq!(change.card.last_visit_at, Some(now));
    let again = redeem(&rules(), &mut offer, &mut holding, &change.card, None, STAFF, now);
    assert_eq!(
        again,
        Err(OfferRefusal::UsedUp {
            times: 1,
            at: Some(now)
        })
    );
    let own = redeem(
        &rules(),
        &mut offer,
        &mut holding,
        &card,
        None,
        Actor::Device,
        now,
    );
    assert!(matches!(own, Err(OfferRefusal::Actor { .. })));
}

#[test]
fn terms_that_make_no_sense_are_refused() {
    assert!(Terms { times: 0, ..terms() }.checked().is_err());
    assert!(
        Terms {
            claims: Some(0),
            ..terms()
        }
        .checked()
        .is_err()
    );
    assert!(
        Terms {
            title: " ".into(),
            ..terms()
        }
        .checked()
        .is_err()
    );
    let window = Terms {
        from: Some(Timestamp(5)),
        until: Some(Timestamp(5)),
        ..terms()
    };
    assert_eq!(window.checked(), Err(TermsError::Window));
    let mut claimed = offer(terms());
    claimed.claimed = 7;
    let lower = claimed.edited(Terms {
        claims: Some(6),
        ..terms()
    });
    assert_eq!(lower, Err(TermsError::BelowClaimed { claimed: 7, got: 6 }));
}
