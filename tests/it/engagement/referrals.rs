//! Referrals: both get their bonus, once, at the moment that the program names; who is not new is refused.

use passgate::domain::card::Card;
use passgate::domain::event::{EventKind, Source};
use passgate::domain::id::{DeviceLibraryIdentifier, PassTypeIdentifier, PushToken};
use passgate::domain::program::{CouponRules, Rules, Scheme};
use passgate::domain::referral::{Moment, ReferralRefusal, State, Terms};
use passgate::ops::referrals::ReferralError;
use passgate::store::referrals::Statistics;
use passgate::store::registrations::RegistrationKey;

use super::shop::{STAFF, Shop, exec};
use crate::engines::{for_each_engine, values};

async fn shop_with(store: passgate::store::Store, moment: Moment) -> (Shop, Card) {
    let shop = Shop::open(store).await;
    let terms = Terms {
        moment,
        referrer: 2,
        referred: 1,
    };
    shop.ops
        .set_referral_terms(shop.merchant, shop.program, terms, STAFF)
        .await
        .expect("set");
    let referrer = shop.issue_to("Ada", Some("ada@example.org")).await;
    (shop, referrer)
}

async fn bring(shop: &Shop, referrer: &Card, card: &Card) -> Result<State, ReferralError> {
    let token = shop
        .ops
        .referral_link(shop.merchant, referrer.id)
        .await
        .expect("a link");
    let kept = shop.ops.accept_referral(shop.merchant, token, card.id).await;
    kept.map(|referral| referral.state)
}

fn refusal(result: &Result<State, ReferralError>) -> Option<ReferralRefusal> {
    match result {
        Err(ReferralError::Refused(refusal)) => Some(*refusal),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_rewarded_at_the_install_and_once() {
    for_each_engine(async |store| {
        let (shop, ada) = shop_with(store, Moment::Install).await;
        let thanks = r#"{"trigger": {"on": "referral_added"},
            "action": {"do": "message", "class": "reward", "text": "Thank you"}}"#;
        super::campaigns::start(&shop, thanks).await;
        let bob = shop.issue("Bob").await;
        assert_eq!(bring(&shop, &ada, &bob).await.expect("opened"), State::Opened);
        shop.chores().await;
        assert_eq!(shop.card(ada.id).await.punches, 0, "nothing before the install");
        shop.install(bob.id).await;
        // Two nodes at once.
        let (one, other) = tokio::join!(shop.ops.do_chores(), shop.ops.do_chores());
        one.and(other).expect("done");
        shop.visit(&bob).await;
        shop.chores().await;
        assert_eq!(shop.card(ada.id).await.punches, 2);
        assert_eq!(shop.card(bob.id).await.punches, 2, "the bonus and the visit");
        assert_eq!(shop.card(ada.id).await.visits, 0, "a bonus is no visit");
        let ledger = shop.ledger(ada.id).await;
        let bonuses = ledger
            .iter()
            .filter(|event| event.event.kind == EventKind::PointsAdded);
        let bonuses: Vec<_> = bonuses
            .map(|event| (event.event.source, event.event.delta.punches))
            .collect();
        assert_eq!(bonuses, [(Source::Rule, 2)]);
        assert_eq!(shop.count(ada.id, EventKind::ReferralAdded).await, 1);
        let again = bring(&shop, &ada, &bob).await;
        assert_eq!(refusal(&again), Some(ReferralRefusal::AlreadyReferred));
        let sheet = shop
            .ops
            .referrals_of(shop.merchant, ada.customer)
            .await
            .expect("read");
        assert_eq!(
            sheet.statistics,
            Statistics {
                rewarded: 1,
                ..Statistics::default()
            }
        );
        assert_eq!(sheet.brought[0].card, bob.id);
        assert_eq!(
            super::campaigns::messages(&shop, &ada).await,
            1,
            "a campaign hears of it"
        );
        let of_program = shop
            .ops
            .referral_statistics(shop.merchant, shop.program)
            .await
            .expect("read");
        assert_eq!(of_program, sheet.statistics);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_rewarded_at_the_first_visit_even_when_it_comes_before_the_install() {
    for_each_engine(async |store| {
        let (shop, ada) = shop_with(store, Moment::FirstVisit).await;
        let (bob, eve) = (shop.issue("Bob").await, shop.issue("Eve").await);
        bring(&shop, &ada, &bob).await.expect("opened");
        bring(&shop, &ada, &eve).await.expect("opened");
        shop.install(bob.id).await;
        shop.chores().await;
        assert_eq!(shop.count(ada.id, EventKind::ReferralAdded).await, 1);
        assert_eq!(shop.card(ada.id).await.punches, 0);
        shop.visit(&bob).await;
        shop.visit(&eve).await;
        shop.chores().await;
        assert_eq!(shop.card(ada.id).await.punches, 2, "Eve has not installed yet");
        shop.install(eve.id).await;
        shop.chores().await;
        assert_eq!(shop.card(ada.id).await.punches, 4);
        assert_eq!(shop.card(eve.id).await.punches, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_new_brings_nothing() {
    for_each_engine(async |store| {
        let (shop, ada) = shop_with(store, Moment::Install).await;
        assert_eq!(
            refusal(&bring(&shop, &ada, &ada).await),
            Some(ReferralRefusal::SelfReferral)
        );
        // Whoever is known by their address has a card, whatever name they give, so there is none to bring.
        assert!(shop.holds_already("A. L.", "ADA@example.org").await);
        // A person's card of another program makes them a customer, by whatever name they come.
        let other = shop.add_program(Rules::punch(5).expect("valid")).await;
        shop.issue_of(other, "Bob", Some("bob@example.org")).await;
        let known = shop.issue_to("Robert", Some("BOB@example.org")).await;
        assert_eq!(
            refusal(&bring(&shop, &ada, &known).await),
            Some(ReferralRefusal::ExistingCustomer)
        );
        let old = shop.issue("Old").await;
        shop.visit(&old).await;
        assert_eq!(
            refusal(&bring(&shop, &ada, &old).await),
            Some(ReferralRefusal::ExistingCustomer)
        );
        let terms = Terms {
            moment: Moment::Install,
            referrer: 1,
            referred: 1,
        };
        let by_holder = passgate::domain::event::Actor::Device;
        let set = shop
            .ops
            .set_referral_terms(shop.merchant, shop.program, terms, by_holder)
            .await;
        assert!(matches!(set, Err(ReferralError::NotStaff { .. })));
        shop.chores().await;
        assert_eq!(shop.card(ada.id).await.punches, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_tells_who_refers_themselves_under_another_name() {
    for_each_engine(async |store| {
        let (shop, ada) = shop_with(store, Moment::Install).await;
        // Coupons are given again and again, and so are referred by who has one already.
        let coupon = Rules::new(Scheme::Coupon(CouponRules {
            redeem_at_till: true,
            linked: None,
        }));
        let coupons = shop.add_program(coupon.expect("valid")).await;
        let terms = Terms {
            moment: Moment::Install,
            referrer: 0,
            referred: 0,
        };
        shop.ops
            .set_referral_terms(shop.merchant, coupons, terms, STAFF)
            .await
            .expect("set");
        let first = shop.issue_of(coupons, "Eve", Some("eve@example.org")).await;
        let second = shop.issue_of(coupons, "E. V.", Some("EVE@example.org")).await;
        assert_eq!(
            refusal(&bring(&shop, &first, &second).await),
            Some(ReferralRefusal::SelfReferral)
        );
        // Two rows for one person, as there are from before addresses were claimed.
        for (whose, refused) in [
            ("ada@example.org", ReferralRefusal::SelfReferral),
            ("eve@example.org", ReferralRefusal::ExistingCustomer),
        ] {
            let twin = shop.issue("Twin").await;
            exec(
                &shop.ops.store,
                "update customers set email = $3, email_key = $3 where merchant_id = $1 and customer_id = $2",
                values![shop.merchant, twin.customer, whose].to_vec(),
            )
            .await;
            assert_eq!(
                refusal(&bring(&shop, &ada, &twin).await),
                Some(refused),
                "{whose}"
            );
        }
        shop.chores().await;
        assert_eq!(shop.card(ada.id).await.punches, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_does_not_refer_itself() {
    for_each_engine(async |store| {
        let (shop, ada) = shop_with(store, Moment::Install).await;
        let bob = shop.issue("Bob").await;
        bring(&shop, &ada, &bob).await.expect("opened");
        let phone = |card: &Card| RegistrationKey {
            merchant: shop.merchant,
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
            device: DeviceLibraryIdentifier::parse("one-phone").expect("valid"),
            card: card.id,
        };
        let token = PushToken::parse("aabbcc").expect("valid");
        for card in [&ada, &bob] {
            let registered = shop.ops.register_device(phone(card), token.clone()).await;
            registered.expect("registered").expect("a card");
        }
        shop.chores().await;
        let sheet = shop
            .ops
            .referrals_of(shop.merchant, bob.customer)
            .await
            .expect("read");
        let came_by = sheet.came_by.expect("kept with its reason");
        assert_eq!(
            (came_by.state, came_by.refusal),
            (State::Refused, Some(ReferralRefusal::SameDevice))
        );
        assert_eq!(shop.card(ada.id).await.punches, 0);
        assert_eq!(shop.count(ada.id, EventKind::ReferralAdded).await, 0);
    })
    .await;
}
