//! Offers: limits under concurrency, each state with its time, place and staff.

use std::sync::Arc;

use passgate::domain::bulk::Audience;
use passgate::domain::event::{Actor, EventKind};
use passgate::domain::id::StationId;
use passgate::domain::money::Amount;
use passgate::domain::offer::{Offer, OfferRefusal, OfferState, Terms};
use passgate::ops::offers::{Assigned, OfferError};

use super::shop::{DAY, STAFF, Shop, exec};
use crate::engines::{for_each_engine, values};

pub(super) fn terms() -> Terms {
    Terms {
        title: "Two for one".into(),
        text: "On Mondays".into(),
        program: None,
        from: None,
        until: None,
        claims: None,
        times: 1,
        personal: false,
    }
}

pub(super) async fn published(shop: &Shop, terms: Terms) -> Offer {
    let draft = shop
        .ops
        .create_offer(shop.merchant, terms, STAFF)
        .await
        .expect("a draft");
    shop.ops
        .set_offer_state(shop.merchant, draft.id, OfferState::Published, STAFF)
        .await
        .expect("published")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_customers_claim_the_last_ten() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let offer = published(
            &shop,
            Terms {
                claims: Some(10),
                ..terms()
            },
        )
        .await;
        let mut cards = Vec::new();
        for index in 0..100 {
            cards.push(shop.issue(&format!("Holder {index}")).await);
        }
        let tries: Vec<_> = cards
            .iter()
            .map(|card| {
                let (shop, offer, card) = (shop.clone(), offer.id, card.id);
                tokio::spawn(async move {
                    shop.ops
                        .claim_offer(shop.merchant, offer, card, Actor::Device)
                        .await
                })
            })
            .collect();
        let mut claimed = 0;
        for attempt in tries {
            match attempt.await.expect("no panic") {
                Ok(_) => claimed += 1,
                Err(OfferError::Refused(OfferRefusal::Exhausted { claims: 10 })) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(claimed, 10);
        let offers = shop.ops.offers(shop.merchant).await.expect("listed");
        assert_eq!(offers[0].claimed, 10);
        let mut rows = 0;
        for card in &cards {
            rows += shop.count(card.id, EventKind::OfferClaimed).await;
        }
        assert_eq!(rows, 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_redeems_n_times_by_a_hundred_hands() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let offer = published(&shop, Terms { times: 3, ..terms() }).await;
        let card = shop.issue("Ada").await;
        let tries: Vec<_> = (0..40)
            .map(|_| {
                let (shop, offer, card) = (shop.clone(), offer.id, card.id);
                tokio::spawn(async move {
                    loop {
                        let seen = shop.card(card).await.version;
                        let redeemed = shop
                            .ops
                            .redeem_offer(shop.merchant, offer, (card, seen), (None, None), STAFF)
                            .await;
                        match redeemed {
                            Err(OfferError::Stale) => {}
                            other => return other,
                        }
                    }
                })
            })
            .collect();
        let mut redeemed = 0;
        for attempt in tries {
            match attempt.await.expect("no panic") {
                Ok(_) => redeemed += 1,
                Err(OfferError::Refused(OfferRefusal::UsedUp {
                    times: 3,
                    at: Some(_),
                })) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(redeemed, 3);
        assert_eq!(shop.count(card.id, EventKind::OfferRedeemed).await, 3);
        assert_eq!(
            shop.count(card.id, EventKind::OfferClaimed).await,
            1,
            "redeeming claims, once"
        );
        assert_eq!(shop.card(card.id).await.redemptions, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_tells_when_where_and_by_whom() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let place = shop
            .ops
            .create_location(shop.merchant, "Main Street".into())
            .await
            .expect("a location");
        let till = shop
            .ops
            .create_station(shop.merchant, place, "Till 1".into())
            .await
            .expect("a station");
        let by = Actor::Station(till.station.id);
        let offer = published(&shop, terms()).await;
        let card = shop.issue("Ada").await;
        let seen = shop.card(card.id).await.version;
        let own = shop
            .ops
            .redeem_offer(
                shop.merchant,
                offer.id,
                (card.id, seen),
                (None, None),
                Actor::Device,
            )
            .await;
        assert!(matches!(
            own,
            Err(OfferError::Refused(OfferRefusal::Actor { .. }))
        ));
        let amount = Amount::new(725).ok();
        shop.ops
            .redeem_offer(shop.merchant, offer.id, (card.id, seen), (amount, None), by)
            .await
            .expect("redeemed");
        let again = shop
            .ops
            .redeem_offer(shop.merchant, offer.id, (card.id, seen), (amount, None), by)
            .await;
        assert!(
            matches!(again, Err(OfferError::Stale)),
            "a second click on the same page"
        );
        let list = shop
            .ops
            .offers_of_customer(shop.merchant, card.customer)
            .await
            .expect("listed");
        let (_, holding, redemptions) = &list[0];
        assert_eq!(
            (holding.redemptions, holding.redeemed_at),
            (1, Some(shop.ops.clock.now()))
        );
        let one = &redemptions[0];
        assert_eq!(
            (one.location.as_deref(), one.staff.as_deref()),
            (Some("Main Street"), Some("Till 1"))
        );
        assert_eq!((one.amount, one.at), (amount, shop.ops.clock.now()));
        let ledger = shop.ledger(card.id).await;
        let row = ledger.last().expect("a row");
        assert_eq!((row.id, row.event.kind), (one.event, EventKind::OfferRedeemed));
        assert_eq!((row.event.actor, row.event.delta.spend), (by, 725));
        assert_ne!(by, Actor::Station(StationId(0)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_taken_back_in_time_can_be_redeemed_again() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let offer = published(&shop, terms()).await;
        let card = shop.issue("Ada").await;
        let before = shop.card(card.id).await;
        let redeem = async || {
            let seen = shop.card(card.id).await.version;
            let paid = Amount::new(725).ok();
            let card = (card.id, seen);
            shop.ops
                .redeem_offer(shop.merchant, offer.id, card, (paid, None), STAFF)
                .await
        };
        let listed = async || {
            let mut listed = shop
                .ops
                .offers_of_customer(shop.merchant, card.customer)
                .await
                .expect("listed");
            let (_, holding, redemptions) = listed.remove(0);
            let taken_back = redemptions
                .iter()
                .map(|one| (one.number, one.taken_back_at.is_some()));
            (
                holding.redemptions,
                holding.redeemed_at.is_some(),
                taken_back.collect::<Vec<_>>(),
            )
        };
        let newest = async || {
            let ledger = shop.ledger(card.id).await;
            let redeemed = ledger
                .iter()
                .rev()
                .find(|row| row.event.kind == EventKind::OfferRedeemed);
            redeemed.expect("redeemed").id
        };
        redeem().await.expect("redeemed");
        assert!(redeem().await.is_err(), "once each");
        let row = newest().await;
        let back = shop
            .ops
            .reverse(shop.merchant, card.id, row, STAFF)
            .await
            .expect("taken back");
        assert_eq!(back.sums(), before.sums(), "visit, money and redemption");
        assert_eq!(back.last_visit_at, None);
        assert_eq!(listed().await, (0, false, vec![(1, true)]));
        let ledger = shop.ledger(card.id).await;
        let last = &ledger.last().expect("rows").event;
        assert_eq!(
            (last.kind, last.reverses),
            (EventKind::RedemptionReversed, Some(row))
        );
        let twice = shop.ops.reverse(shop.merchant, card.id, row, STAFF).await;
        assert!(twice.is_err_and(|error| error.to_string().contains("already taken back")));
        redeem().await.expect("redeemed again");
        assert_eq!(listed().await, (1, true, vec![(1, true), (2, false)]));
        shop.ops.clock.advance(DAY);
        let late = shop
            .ops
            .reverse(shop.merchant, card.id, newest().await, STAFF)
            .await;
        assert!(late.is_err_and(|error| error.to_string().contains("too late")));
        assert_eq!(listed().await.0, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_given_to_an_audience_once_each() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let offer = published(
            &shop,
            Terms {
                personal: true,
                ..terms()
            },
        )
        .await;
        let mut cards = Vec::new();
        for index in 0..205 {
            cards.push(shop.issue(&format!("Holder {index}")).await);
        }
        shop.ops
            .void(shop.merchant, cards[0].id, STAFF)
            .await
            .expect("ended");
        let uninvited = shop
            .ops
            .claim_offer(shop.merchant, offer.id, cards[2].id, Actor::Device)
            .await;
        assert!(matches!(
            uninvited,
            Err(OfferError::Refused(OfferRefusal::NotForYou))
        ));
        let listed = Arc::new(Audience::Cards(vec![cards[1].id, cards[1].id]));
        let first = shop
            .ops
            .assign_offer(shop.merchant, offer.id, listed, STAFF)
            .await
            .expect("assigned");
        assert_eq!(
            first,
            Assigned {
                assigned: 1,
                passed_over: 0
            }
        );
        let everybody = Arc::new(Audience::Program(shop.program));
        let all = shop
            .ops
            .assign_offer(shop.merchant, offer.id, everybody.clone(), STAFF)
            .await;
        assert_eq!(
            all.expect("assigned"),
            Assigned {
                assigned: 203,
                passed_over: 2
            }
        );
        let again = shop
            .ops
            .assign_offer(shop.merchant, offer.id, everybody.clone(), STAFF)
            .await;
        assert_eq!(again.expect("nothing new").assigned, 0);
        for card in [&cards[1], &cards[204]] {
            assert_eq!(shop.count(card.id, EventKind::CouponAssigned).await, 1);
        }
        shop.ops
            .claim_offer(shop.merchant, offer.id, cards[204].id, Actor::Device)
            .await
            .expect("claimed");
        let by_holder = shop
            .ops
            .assign_offer(shop.merchant, offer.id, everybody, Actor::Device)
            .await;
        assert!(matches!(by_holder, Err(OfferError::NotStaff { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_edits_and_windows_are_kept() {
    for_each_engine(async |store| {
        let shop = Shop::open(store.clone()).await;
        let now = shop.ops.clock.now();
        let offer = published(
            &shop,
            Terms {
                until: Some(now.plus(super::shop::DAY)),
                ..terms()
            },
        )
        .await;
        let card = shop.issue("Ada").await;
        let mark = async |wanted, actor| {
            shop.ops
                .favour_offer(shop.merchant, offer.id, card.id, wanted, actor)
                .await
        };
        assert!(mark(true, STAFF).await.is_err());
        for wanted in [true, true, false, true] {
            let holding = mark(wanted, Actor::Device).await.expect("marked");
            assert_eq!(holding.favourited_at, wanted.then_some(now));
        }
        assert_eq!(shop.count(card.id, EventKind::OfferFavourited).await, 2);
        assert_eq!(shop.count(card.id, EventKind::OfferUnfavourited).await, 1);
        let edit = |seen, title: &str| {
            let terms = Terms {
                title: title.into(),
                ..offer.terms.clone()
            };
            shop.ops.edit_offer(shop.merchant, offer.id, seen, terms, STAFF)
        };
        assert_eq!(
            edit(offer.version, "Three for one")
                .await
                .expect("edited")
                .terms
                .title,
            "Three for one"
        );
        assert!(matches!(
            edit(offer.version, "Late").await,
            Err(OfferError::Stale)
        ));
        shop.ops.clock.advance(super::shop::DAY);
        let late = shop
            .ops
            .claim_offer(shop.merchant, offer.id, card.id, Actor::Device)
            .await;
        assert!(matches!(
            late,
            Err(OfferError::Refused(OfferRefusal::Over { .. }))
        ));
        // A state that nobody wrote is refused and not guessed.
        exec(
            &store,
            "update offers set state = 'lost' where merchant_id = $1",
            values![shop.merchant].to_vec(),
        )
        .await;
        assert!(shop.ops.offers(shop.merchant).await.is_err());
    })
    .await;
}
