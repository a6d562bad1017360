//! A message that runs: held, taken up, aborted, and held by itself when a provider refuses it.

use std::time::Duration;

use passgate::domain::message::{Audience, MOST_FAULTS, State};

use super::shop::{Mood, Shop};
use crate::engines::for_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_waits_and_goes_on_where_it_stopped() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.add_many(250).await;
        let message = shop.send(Audience::Program(shop.program)).await;
        // The first page is written down, and nobody has been told yet.
        let mut turns = 0;
        while shop.message(message.id).await.recipients == 0 {
            shop.ops.do_one_chore("send_messages").await.expect("a turn");
            turns += 1;
            assert!(turns < 10);
        }
        let ops = &shop.ops;
        ops.pause_message(shop.merchant, message.id).await.expect("held");
        let running = shop.dispatch();
        shop.chores().await;
        shop.settled().await;
        let outcome = shop.outcome(message.id).await;
        let written = shop.message(message.id).await.recipients;
        assert_eq!(outcome.states, [("waiting".to_owned(), written)].into());

        ops.resume_message(shop.merchant, message.id)
            .await
            .expect("taken up");
        shop.chores().await;
        shop.settled().await;
        assert_eq!(shop.outcome(message.id).await.states["accepted"], 250);
        shop.ops.clock.advance(Duration::from_secs(6));
        shop.chores().await;
        let done = shop.message(message.id).await;
        assert_eq!((done.state, done.recipients), (State::Done, 250));
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_aborted_never_reaches_who_was_not_told() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.add_many(250).await;
        let message = shop.send(Audience::Program(shop.program)).await;
        // In the middle of writing recipients down.
        while shop.message(message.id).await.recipients == 0 {
            shop.ops.do_one_chore("send_messages").await.expect("a turn");
        }
        let aborted = shop.ops.abort_message(shop.merchant, message.id).await;
        assert_eq!(aborted.expect("ended").state, State::Aborted);
        let running = shop.dispatch();
        shop.chores().await;
        shop.settled().await;
        shop.ops.clock.advance(Duration::from_secs(6));
        shop.chores().await;
        let outcome = shop.outcome(message.id).await;
        assert_eq!(outcome.states, [("suppressed".to_owned(), 200)].into());
        assert_eq!(outcome.first.suppressed, [("cancelled".to_owned(), 200)].into());
        let open: Vec<(i64,)> = shop
            .all(
                "select count(*) from messages where due_at is not null",
                Vec::new(),
            )
            .await;
        assert_eq!(open, [(0,)], "no chore looks at it any more");
        let late = shop.ops.resume_message(shop.merchant, message.id).await;
        assert!(late.is_err(), "it is over");
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_providers_refuse_is_held() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let many = usize::try_from(MOST_FAULTS).expect("few");
        shop.add_many(many).await;
        let running = shop.dispatch();
        running.refuse(true);
        let message = shop.send(Audience::Program(shop.program)).await;
        shop.chores().await;
        shop.settled().await;
        shop.ops.clock.advance(Duration::from_secs(6));
        shop.chores().await;
        let held = shop.message(message.id).await;
        assert_eq!(held.state, State::Paused, "{held:?}");
        assert!(held.paused_because.is_some_and(|why| why.contains("refused 20")));
        let outcome = shop.outcome(message.id).await;
        assert_eq!(outcome.states["failed"], MOST_FAULTS);
        assert!(
            outcome.reasons.keys().any(|reason| reason.contains("BadMessage")),
            "{outcome:?}"
        );

        // Once somebody has looked at it, those refusals are forgiven.
        running.refuse(false);
        shop.ops
            .resume_message(shop.merchant, message.id)
            .await
            .expect("taken up");
        shop.chores().await;
        shop.ops.clock.advance(Duration::from_secs(6));
        shop.chores().await;
        assert_eq!(shop.message(message.id).await.state, State::Done);
        running.stop().await;
    })
    .await;
}

/// Time passes: one push tries whether the circuit may close, and the others follow.
async fn tried_again(shop: &Shop) {
    for _ in 0..4 {
        shop.ops.clock.advance(Duration::from_secs(1200));
        shop.settled().await;
    }
    shop.chores().await;
}

/// An outage and a wrong certificate are faults as well, though each copy is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_providers_cannot_take_is_held_and_goes_on_where_it_stopped() {
    for_each_engine(async |store| {
        for mood in [Mood::Falters, Mood::Misconfigured] {
            let shop = Shop::open(store.clone()).await;
            let few = usize::try_from(MOST_FAULTS).expect("few") - 1;
            shop.add_many(few).await;
            let running = shop.dispatch();
            running.feel(mood);
            let message = shop.send(Audience::Program(shop.program)).await;
            shop.chores().await;
            shop.settled().await;
            shop.ops.clock.advance(Duration::from_secs(6));
            shop.settled().await;
            shop.chores().await;
            let runs = shop.message(message.id).await;
            assert_eq!(
                runs.state,
                State::Running,
                "one fault less holds nothing: {mood:?}"
            );
            assert_eq!(shop.outcome(message.id).await.states["sending"], MOST_FAULTS - 1);
            running.feel(Mood::Takes);
            tried_again(&shop).await;
            assert_eq!(shop.message(message.id).await.state, State::Done);

            shop.add(&super::Person::default()).await;
            shop.ops.clock.advance(Duration::from_secs(24 * 3600));
            running.feel(mood);
            let message = shop.send(Audience::Program(shop.program)).await;
            shop.chores().await;
            shop.settled().await;
            shop.ops.clock.advance(Duration::from_secs(6));
            // What is tried again fails again before it is looked at, and nothing is on its way when it is taken up.
            shop.settled().await;
            shop.chores().await;
            let held = shop.message(message.id).await;
            assert_eq!(held.state, State::Paused, "{mood:?}: {held:?}");
            assert!(
                held.paused_because
                    .is_some_and(|why| why.contains("20 are tried again"))
            );

            // Whoever takes it up has seen them, and they alone do not hold it once more.
            let taken_up = shop.ops.resume_message(shop.merchant, message.id).await;
            taken_up.expect("taken up");
            shop.chores().await;
            assert_eq!(shop.message(message.id).await.state, State::Running);
            running.feel(Mood::Takes);
            tried_again(&shop).await;
            let done = shop.message(message.id).await;
            assert_eq!(done.state, State::Done, "{mood:?}: {done:?}");
            let accepted = shop.outcome(message.id).await.states["accepted"];
            assert_eq!(accepted, MOST_FAULTS, "everybody is told in the end");
            running.stop().await;
        }
    })
    .await;
}
