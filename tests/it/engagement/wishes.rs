//! Preferences, consents, feedback and landings.

use passgate::domain::consent::{Channel, Evidence, Purpose, Withheld, allows};
use passgate::domain::event::{Actor, EventKind, Source};
use passgate::domain::feedback::{Feedback, FeedbackRefusal, Period};
use passgate::domain::preference::{Class, Preference};
use passgate::domain::utm::Utm;
use passgate::ops::consents::WishError;
use passgate::ops::feedback::{FeedbackError, FeedbackFilter};
use passgate::store::{Error, cards, engagement};

use super::shop::{DAY, STAFF, Shop};
use crate::engines::for_each_engine;

const HOLDER: (Actor, Source) = (Actor::Device, Source::Device);

fn evidence() -> Evidence {
    Evidence::new("2026-09", Channel::WebCard, "de").expect("valid")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preference_is_the_holders_and_the_next_decision_heeds_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let customer = shop.issue("Ada").await.customer;
        let pause = (Class::Tier, Preference::Paused);
        for by in [
            (STAFF, Source::Console),
            (STAFF, Source::Api),
            (Actor::Gateway, Source::Import),
        ] {
            let refused = shop.ops.set_preference(shop.merchant, customer, pause, by).await;
            assert!(matches!(refused, Err(WishError::Preference(_))), "{by:?}");
        }
        let allowed = async || {
            let (person, _) = shop.ops.wishes(shop.merchant, customer).await.expect("read");
            allows(Class::Tier, person.preferences, person.consents)
        };
        assert_eq!(allowed().await, Ok(()));
        for _ in 0..2 {
            let set = shop
                .ops
                .set_preference(shop.merchant, customer, pause, HOLDER)
                .await;
            set.expect("the holder's");
        }
        assert_eq!(allowed().await, Err(Withheld::Paused));
        let resume = (Class::Tier, Preference::Active);
        let set = shop
            .ops
            .set_preference(shop.merchant, customer, resume, HOLDER)
            .await;
        set.expect("the holder's");
        assert_eq!(allowed().await, Ok(()));
        let (person, _) = shop.ops.wishes(shop.merchant, customer).await.expect("read");
        let timeline = shop.chain(person.last_event).await;
        let kinds: Vec<_> = timeline.iter().map(|event| event.event.kind).collect();
        assert_eq!(
            kinds,
            [EventKind::PreferenceChanged; 2],
            "asking twice changes once"
        );
        let details: Vec<_> = timeline
            .iter()
            .filter_map(|event| event.event.detail.clone())
            .collect();
        assert!(
            details[0]
                .print()
                .contains(r#""class":"tier","from":"paused","to":"active""#)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_places_makes_every_pass_of_the_holder_anew() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue("Ada").await;
        shop.install(card.id).await;
        let other = shop.issue("Bob").await;
        let face = async |id| {
            let merchant = shop.merchant;
            let found: Result<_, Error> = shop
                .ops
                .store
                .read("card", move |tx| {
                    Box::pin(async move { cards::card(tx, merchant, id).await })
                })
                .await;
            found.expect("read").expect("a card").face()
        };
        let before = face(card.id).await;
        assert!(before.locations);
        let pause = (Class::Location, Preference::Paused);
        let set = shop
            .ops
            .set_preference(shop.merchant, card.customer, pause, HOLDER)
            .await;
        set.expect("the holder's");
        let after = face(card.id).await;
        assert!(
            !after.locations && after.version > before.version,
            "a new pass without places"
        );
        assert!(after.changed_at.0 / 1000 > before.changed_at.0 / 1000);
        let due: Result<(i64,), Error> = shop
            .ops
            .store
            .read("pushes", |tx| {
                Box::pin(tx.one("select count(*) from pushes where generation = 2", &[]))
            })
            .await;
        assert_eq!(due.expect("read").0, 1, "its copy is told");
        assert!(face(other.id).await.locations);
        let marketing = (Class::Marketing, Preference::Paused);
        let set = shop
            .ops
            .set_preference(shop.merchant, card.customer, marketing, HOLDER)
            .await;
        set.expect("the holder's");
        assert_eq!(
            face(card.id).await.version,
            after.version,
            "no other class is on the pass"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_keep_their_evidence_and_an_import_only_lowers_them() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let customer = shop.issue("Ada").await.customer;
        let set = async |purpose, given, by| {
            shop.ops
                .set_consent(shop.merchant, customer, (purpose, given), evidence(), by)
                .await
        };
        set(Purpose::Marketing, true, HOLDER).await.expect("given");
        set(Purpose::Profiling, true, (STAFF, Source::Console))
            .await
            .expect("given on paper");
        let raised = set(Purpose::Personalised, true, (STAFF, Source::Import)).await;
        assert!(matches!(raised, Err(WishError::Consent(_))));
        let now = shop.ops.clock.now();
        set(Purpose::Profiling, false, (STAFF, Source::Import))
            .await
            .expect("taken back");
        let (person, history) = shop.ops.wishes(shop.merchant, customer).await.expect("read");
        assert!(person.consents.has(Purpose::Marketing));
        assert!(
            !person.consents.has(Purpose::Profiling),
            "the import takes it back"
        );
        assert!(
            !person.consents.has(Purpose::Personalised),
            "and it gives nothing"
        );
        let said: Vec<_> = history.iter().map(|one| (one.purpose, one.given)).collect();
        assert_eq!(
            said,
            [
                (Purpose::Profiling, false),
                (Purpose::Profiling, true),
                (Purpose::Marketing, true)
            ]
        );
        assert_eq!((history[0].evidence.clone(), history[0].at), (evidence(), now));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_follows_a_visit_once_and_is_averaged_by_the_merchants_calendar() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue("Ada").await;
        let give = async |stars, comment: &str, actor| {
            let feedback = Feedback::new(stars, comment).expect("valid");
            shop.ops
                .give_feedback(shop.merchant, card.id, feedback, actor)
                .await
        };
        let early = give(5, "", Actor::Device).await;
        assert!(matches!(
            early,
            Err(FeedbackError::Refused(FeedbackRefusal::NoVisitYet))
        ));
        shop.visit(&card).await;
        let by_staff = give(5, "", STAFF).await;
        assert!(matches!(
            by_staff,
            Err(FeedbackError::Refused(FeedbackRefusal::NotTheHolder { .. }))
        ));
        give(4, "Süß & schön 🎉", Actor::Device).await.expect("given");
        let twice = give(1, "", Actor::Device).await;
        assert!(matches!(
            twice,
            Err(FeedbackError::Refused(FeedbackRefusal::AlreadyGiven))
        ));
        shop.ops.clock.advance(DAY);
        shop.visit(&card).await;
        give(5, "", Actor::Device).await.expect("about the second visit");
        let read = async |period, only_comments| {
            let filter = FeedbackFilter {
                customer: Some(card.customer),
                period,
                only_comments,
            };
            shop.ops
                .feedback(shop.merchant, filter, None, 10)
                .await
                .expect("read")
        };
        let all = read(Period::All, false).await;
        assert_eq!(
            (all.rating.to_string().as_str(), all.given.len()),
            ("4.5 (n = 2)", 2)
        );
        assert_eq!(read(Period::Day, false).await.rating.to_string(), "5.0 (n = 1)");
        let comments = read(Period::All, true).await;
        assert_eq!(
            comments.given[0].feedback.comment.as_deref(),
            Some("Süß & schön 🎉")
        );
        assert_eq!(comments.given.len(), 1);
        let (person, _) = shop.ops.wishes(shop.merchant, card.customer).await.expect("read");
        assert_eq!(person.rating, all.rating, "the person's sums are kept");
        let filter = FeedbackFilter {
            customer: None,
            period: Period::All,
            only_comments: false,
        };
        let first = shop
            .ops
            .feedback(shop.merchant, filter, None, 1)
            .await
            .expect("read");
        let second = shop
            .ops
            .feedback(shop.merchant, filter, first.next, 1)
            .await
            .expect("read");
        assert_eq!(
            [first.given, second.given].concat(),
            all.given,
            "pages have no gap"
        );
        assert_eq!(second.next, None);
        let ledger = shop.ledger(card.id).await;
        let row = ledger
            .iter()
            .find(|event| event.event.kind == EventKind::FeedbackGiven)
            .expect("a row");
        assert!(!format!("{row:?}").contains("schön"), "no words in the ledger");
        let other = shop.issue("Bob").await.customer;
        let filter = FeedbackFilter {
            customer: Some(other),
            ..filter
        };
        let none = shop
            .ops
            .feedback(shop.merchant, filter, None, 10)
            .await
            .expect("read");
        assert_eq!(none.rating.to_string(), "no feedback yet");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_landing_counts_until_the_install() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue("Ada").await;
        let land = async |card, query| {
            let landed = shop
                .ops
                .note_landing(shop.merchant, card, Utm::from_query(query))
                .await;
            landed.expect("noted")
        };
        assert!(!land(card.id, "gclid=1").await);
        assert!(land(card.id, "utm_source=flyer&utm_medium=qr").await);
        assert!(!land(card.id, "utm_source=mail").await);
        shop.install(card.id).await;
        assert!(!land(card.id, "utm_source=mail").await);
        let landing = shop
            .ops
            .landing(shop.merchant, card.id)
            .await
            .expect("read")
            .expect("there");
        assert_eq!(landing.utm, Utm::from_query("utm_medium=qr&utm_source=flyer"));
        let late = shop.issue("Bob").await;
        shop.install(late.id).await;
        assert!(!land(late.id, "utm_source=mail").await, "frozen by the install");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_person_leaves_nothing_personal_and_keeps_the_sums() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue("Ada").await;
        shop.ops
            .note_landing(
                shop.merchant,
                card.id,
                Utm::from_query("utm_content=ada@example.org"),
            )
            .await
            .expect("noted");
        shop.visit(&card).await;
        let feedback = Feedback::new(5, "Call me: 555").expect("valid");
        shop.ops
            .give_feedback(shop.merchant, card.id, feedback, Actor::Device)
            .await
            .expect("given");
        let token = shop
            .ops
            .referral_link(shop.merchant, card.id)
            .await
            .expect("a link");
        let (merchant, customer) = (shop.merchant, card.customer);
        let erased: Result<(), Error> = shop
            .ops
            .store
            .write("erase", move |tx| {
                Box::pin(async move { engagement::erase(tx, merchant, customer).await })
            })
            .await;
        erased.expect("erased");
        let filter = FeedbackFilter {
            customer: Some(customer),
            period: Period::All,
            only_comments: false,
        };
        let page = shop.ops.feedback(merchant, filter, None, 10).await.expect("read");
        assert_eq!(
            (page.given[0].feedback.comment.clone(), page.rating.count),
            (None, 1)
        );
        assert_eq!(shop.ops.landing(merchant, card.id).await.expect("read"), None);
        let newcomer = shop.issue("Bob").await;
        let used = shop.ops.accept_referral(merchant, token, newcomer.id).await;
        assert!(used.is_err_and(|error| error.to_string().contains("no referral link")));
        assert!(
            engagement::personal()
                .iter()
                .any(|personal| personal.table == "feedback")
        );
        shop.ledger(card.id).await;
    })
    .await;
}
