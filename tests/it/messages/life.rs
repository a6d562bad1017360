//! Until it starts: what is refused, what an edit forgets, what is evaluated when.

use std::time::Duration;

use jiff::civil::datetime;
use passgate::domain::id::CardId;
use passgate::domain::message::when::WhoseZone;
use passgate::domain::message::{Audience, Content, Refusal, RuleText, State, When};
use passgate::domain::preference::Class;
use passgate::domain::segment::Rule;
use passgate::domain::segment::saved::Viewer;
use passgate::ops::messages::{Edit, MessageError};
use passgate::ops::segments::{NewContent, NewSegment};

use super::shop::{Person, Shop};
use crate::engines::for_each_engine;

fn rule(text: &str) -> RuleText {
    RuleText(Rule::parse(text).expect("a rule"))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_forecasts_number_sends_and_an_edit_forgets_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let cards = shop.add_many(3).await;
        let draft = shop.write(shop.offer(Audience::Program(shop.program))).await;
        let schedule = async |version, count| {
            shop.ops
                .schedule_message(shop.merchant, draft.id, version, count)
                .await
        };
        let refused = |result: Result<_, MessageError>| match result {
            Err(MessageError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(refused(schedule(1, 3).await), Refusal::NoForecast);
        let forecast = shop
            .ops
            .forecast_message(shop.merchant, None, draft.id)
            .await
            .expect("forecast");
        assert_eq!((forecast.tally.recipients, forecast.tally.sent), (3, 3));
        assert_eq!(
            refused(schedule(1, 2).await),
            Refusal::Unconfirmed { forecast: 3, got: 2 }
        );
        assert_eq!(schedule(1, 3).await.expect("scheduled").state, State::Scheduled);

        let edit = Edit {
            audience: Some(Audience::Cards(cards[..2].to_vec())),
            ..Edit::default()
        };
        let edited = shop
            .ops
            .edit_message(shop.merchant, None, draft.id, 1, edit.clone())
            .await
            .expect("edited");
        assert_eq!((edited.state, edited.version), (State::Draft, 2));
        let stale = shop
            .ops
            .edit_message(shop.merchant, None, draft.id, 1, edit)
            .await;
        assert!(matches!(
            stale,
            Err(MessageError::Refused(Refusal::Stale { seen: 1, now: 2 }))
        ));
        shop.chores().await;
        assert!(shop.recipients(draft.id).await.is_empty(), "a draft goes nowhere");
        assert_eq!(refused(schedule(2, 2).await), Refusal::NoForecast);
        shop.schedule(draft.id).await;
        shop.chores().await;
        assert_eq!(shop.recipients(draft.id).await.len(), 2);
        let late = shop.ops.cancel_message(shop.merchant, draft.id).await;
        assert!(matches!(late, Err(MessageError::Refused(Refusal::State(_)))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_to_be_wrong_is_refused_when_it_is_written() {
    for_each_engine(async |store| {
        let shop = Shop::open(store.clone()).await;
        let write = async |audience, when| {
            let new = passgate::ops::messages::NewMessage {
                when,
                ..shop.offer(audience)
            };
            shop.ops.write_message(shop.merchant, new).await
        };
        let card = shop.add(&Person::default()).await;
        let nobody = CardId(i64::MAX - 1);
        let refused = write(Audience::Cards(vec![card, nobody]), When::Now).await;
        assert!(matches!(refused, Err(MessageError::NoCard(card)) if card == nobody));
        let other = Shop::open(store).await;
        let theirs = other.add(&Person::default()).await;
        assert!(write(Audience::Cards(vec![theirs]), When::Now).await.is_err());
        assert!(write(Audience::Program(other.program), When::Now).await.is_err());
        let past = When::At {
            time: datetime(2026, 9, 21, 16, 0, 0, 0),
            zone: WhoseZone::Merchant,
        };
        assert!(write(Audience::Cards(vec![card]), past).await.is_err());
        let theirs = other.write(other.offer(Audience::Program(other.program))).await;
        let asked = shop.ops.message(shop.merchant, theirs.id).await;
        assert!(
            matches!(asked, Err(MessageError::NotFound)),
            "messages are a merchant's own"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_message_starts_once_at_its_time_with_whom_it_is_for_then() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let tokyo = Person {
            zone: Some("Asia/Tokyo"),
            ..Person::default()
        };
        let (in_tokyo, in_berlin) = (shop.add(&tokyo).await, shop.add(&Person::default()).await);
        let mut new = shop.offer(Audience::Rule(rule("status.is.installed")));
        new.when = When::At {
            time: datetime(2026, 9, 23, 10, 0, 0, 0),
            zone: WhoseZone::Customer,
        };
        let message = shop.write(new).await;
        let scheduled = shop.schedule(message.id).await;
        let ten_in = |zone: &str| {
            let at = datetime(2026, 9, 23, 10, 0, 0, 0);
            let at = at.in_tz(zone).expect("a zone").timestamp();
            passgate::domain::time::Timestamp(at.as_millisecond())
        };
        assert_eq!(scheduled.starts_at, Some(ten_in("Asia/Tokyo")));
        shop.chores().await;
        assert_eq!(shop.message(message.id).await.state, State::Scheduled);

        // Somebody joins before it starts, somebody leaves.
        let late = shop.add(&Person::default()).await;
        let wait = ten_in("Asia/Tokyo").since(shop.ops.clock.now());
        shop.ops.clock.advance(wait);
        for _ in 0..3 {
            shop.chores().await;
        }
        let due: Vec<(CardId, passgate::domain::time::Timestamp)> = shop
            .all(
                "select card_id, due_at from push_messages where merchant_id = $1 order by card_id",
                crate::engines::values![shop.merchant].to_vec(),
            )
            .await;
        assert_eq!(
            due,
            [
                (in_tokyo, ten_in("Asia/Tokyo")),
                (in_berlin, ten_in("Europe/Berlin")),
                (late, ten_in("Europe/Berlin"))
            ]
        );
        let running = shop.dispatch();
        shop.settled().await;
        let states: Vec<_> = shop
            .recipients(message.id)
            .await
            .into_iter()
            .map(|row| row.2)
            .collect();
        assert_eq!(states, ["accepted", "waiting", "waiting"]);
        shop.ops
            .clock
            .advance(ten_in("Europe/Berlin").since(shop.ops.clock.now()));
        shop.settled().await;
        let outcome = shop.outcome(message.id).await;
        assert_eq!(outcome.states["accepted"], 3);
        assert_eq!(
            outcome.first.deferred, 0,
            "waiting for one's own clock is no deferring"
        );
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_stays_while_a_message_needs_it_and_its_rule_is_that_of_the_start() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.add_many(2).await;
        let segment = NewSegment {
            name: "Installed".into(),
            content: NewContent::Rule(Rule::parse("status.is.installed").expect("a rule")),
            owner: None,
            shared: true,
        };
        let segment = shop.ops.add_segment(shop.merchant, segment).await.expect("saved");
        let message = shop.send(Audience::Segment(segment.id)).await;
        let delete = async || {
            let ops = &shop.ops;
            ops.delete_segment(shop.merchant, Viewer::Operator, segment.id, segment.version)
                .await
        };
        assert!(delete().await.is_err(), "the message needs it");
        shop.chores().await;
        let started = shop.message(message.id).await;
        assert_eq!(started.rule, Some(rule("status.is.installed")));
        assert_eq!(started.recipients, 2);
        delete().await.expect("nothing needs it any more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_and_a_copy_are_messages_of_their_own() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let cards = shop.add_many(2).await;
        let draft = shop.write(shop.offer(Audience::Program(shop.program))).await;
        let test = shop
            .ops
            .test_message(shop.merchant, None, draft.id, cards[0])
            .await;
        let test = test.expect("sent");
        assert!(test.is_test);
        shop.chores().await;
        assert_eq!(shop.recipients(test.id).await.len(), 1);
        assert!(shop.recipients(draft.id).await.is_empty());

        let sent = shop.schedule(draft.id).await;
        shop.chores().await;
        let copy = shop.ops.duplicate_message(shop.merchant, None, sent.id).await;
        let copy = copy.expect("copied");
        assert_eq!((copy.state, copy.version, copy.recipients), (State::Draft, 1, 0));
        assert_eq!((&copy.content, &copy.audience), (&sent.content, &sent.audience));
        let listed = shop.ops.messages(shop.merchant, None, 10).await.expect("listed");
        let ids: Vec<_> = listed.iter().map(|message| message.id).collect();
        assert_eq!(ids, [copy.id, test.id, draft.id], "newest first");
        let before = shop.ops.messages(shop.merchant, Some(test.id), 10).await;
        assert_eq!(before.expect("listed").len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_somebody_erases_what_was_written_to_them_alone() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.add(&Person::default()).await;
        let mut new = shop.offer(Audience::Cards(vec![card]));
        new.content = Content::checked(None, "Dear Ada Lovelace", None, Class::Reward).expect("good");
        shop.send(new.audience.clone()).await;
        let message = shop.write(new).await;
        shop.schedule(message.id).await;
        shop.chores().await;
        let customer: Vec<(passgate::domain::id::CustomerId,)> = shop
            .all(
                "select customer_id from cards where merchant_id = $1 and card_id = $2",
                crate::engines::values![shop.merchant, card].to_vec(),
            )
            .await;
        let erasure = passgate::ops::erasure::Erasure {
            merchant: shop.merchant,
            customer: customer[0].0,
            actor: passgate::domain::event::Actor::Gateway,
            source: passgate::domain::event::Source::Console,
        };
        shop.ops
            .erase_customer(erasure, Duration::ZERO)
            .await
            .expect("erasing is scheduled");
        shop.ops
            .do_chores_named(&["erase_customers"])
            .await
            .expect("chores");
        assert_eq!(shop.message(message.id).await.content.text, "");
        let texts: Vec<(String,)> = shop
            .all(
                "select body from push_texts where body like '%Lovelace%'",
                Vec::new(),
            )
            .await;
        assert!(texts.is_empty(), "{texts:?}");
    })
    .await;
}
