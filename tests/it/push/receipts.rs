//! The truth about delivery, on both engines: what a device has asked and fetched, what becomes of silence, and dead
//! registrations of other cards.

use std::time::Duration;

use passgate::clock::Ids;
use passgate::domain::delivery::Channel;
use passgate::domain::id::{CardId, DeviceLibraryIdentifier, MerchantId};
use passgate::domain::receipt::{Progress, Receipt};
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::receipts::Receipts;
use passgate::sim::apns::Answer;
use passgate::store::Error;
use passgate::store::receipts::{self, Asking, Told};
use tokio_util::sync::CancellationToken;

use super::support::{token, topic};
use super::world::{World, settings, until};
use crate::engines::for_each_engine;

const MERCHANT: MerchantId = MerchantId(1);
const MINUTE: Duration = Duration::from_secs(60);

fn ops(world: &World) -> Ops {
    Ops {
        store: world.store.clone(),
        clock: world.clock.clone(),
        ids: Ids::random(),
    }
}

async fn devices(ops: &Ops, card: i64) -> Vec<Receipt> {
    ops.card_devices(MERCHANT, CardId(card)).await.expect("read")
}

async fn device(ops: &Ops, card: i64) -> Receipt {
    let mut devices = devices(ops, card).await;
    assert_eq!(devices.len(), 1, "one device");
    devices.remove(0)
}

fn asking(device: i64) -> Asking {
    Asking {
        merchant: MERCHANT,
        pass_type_identifier: topic(),
        device: DeviceLibraryIdentifier::parse(format!("device-{device}")).expect("a device"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_followed_to_its_fetch() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        let ops = ops(&world);
        world.add_cards(1, 1).await;
        assert_eq!(device(&ops, 1).await.progress(), Progress::Untold);
        let changed = world.clock.now();
        world.enqueue([1]).await;
        world.clock.advance(Duration::from_secs(2));
        let running = world.dispatch(settings());
        world.until_empty().await;
        let accepted = device(&ops, 1).await;
        assert_eq!(accepted.progress(), Progress::Accepted);
        assert_eq!(accepted.queued_at, Some(changed));
        assert_eq!(
            accepted.look_at,
            accepted.accepted_at.map(|at| at.plus(20 * MINUTE))
        );

        let stop = CancellationToken::new();
        let (waited, mut times) = tokio::sync::mpsc::unbounded_channel();
        let tell = move |time| {
            let _ended = waited.send(time);
        };
        let notes = Receipts::start(&ops, tell, stop.clone());
        world.clock.advance(Duration::from_secs(1));
        notes.asked(asking(1), world.clock.now());
        until("asked is noted", async || {
            device(&ops, 1).await.progress() == Progress::Asked
        })
        .await;
        world.clock.advance(Duration::from_secs(1));
        notes.fetched(MERCHANT, CardId(1), world.clock.now());
        let time = tokio::time::timeout(super::support::PATIENCE, times.recv()).await;
        assert_eq!(time.expect("in time"), Some(Duration::from_secs(4)));
        let fetched = device(&ops, 1).await;
        assert_eq!(fetched.progress(), Progress::Fetched);
        assert_eq!(fetched.time_to_fetch(), Some(Duration::from_secs(4)));
        assert_eq!(fetched.look_at, None);

        // What was gathered when the gateway stops is written; a fetch that answers nothing is no time to fetch.
        world.clock.advance(Duration::from_secs(1));
        notes.asked(asking(1), world.clock.now());
        notes.fetched(MERCHANT, CardId(1), world.clock.now());
        stop.cancel();
        until("the last marks are noted", async || {
            device(&ops, 1).await.fetched_at == Some(world.clock.now())
        })
        .await;
        assert_eq!(times.recv().await, None, "the writer has ended and counted once");
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_is_quicker_than_the_finisher_counts() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        let ops = ops(&world);
        world.add_cards(1, 1).await;
        let claimed = world.clock.now();
        let key = (MERCHANT, CardId(1));
        let mut early = device(&ops, 1).await;
        early.fetched_at = Some(claimed.plus(Duration::from_millis(300)));
        let told = Told {
            key,
            push_token: token(1),
            queued_at: claimed.minus(Duration::from_millis(700)),
            told_at: claimed,
            again: false,
        };
        let finished = claimed.plus(Duration::from_millis(500));
        let waited = world
            .store
            .write("early", move |tx| {
                let (early, told) = (early.clone(), told.clone());
                Box::pin(async move {
                    receipts::fetched(tx, &[(key, &early)]).await?;
                    receipts::told(tx, &[told], finished, Some(finished)).await
                })
            })
            .await;
        let waited: Result<_, Error> = waited;
        assert_eq!(waited.expect("written"), [Duration::from_secs(1)]);
        let known = device(&ops, 1).await;
        assert_eq!((known.progress(), known.look_at), (Progress::Fetched, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_device_is_told_again_with_growing_gaps_and_nobody_else_is() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        let ops = ops(&world);
        world.add_cards(1, 1).await;
        world.register(1, 9, world.clock.now()).await;
        let running = world.dispatch(settings());
        world.enqueue([1]).await;
        world.until_empty().await;
        assert_eq!([1, 9].map(|device| world.accepted(device)), [1, 1]);

        // Device 9 answers; device 1 is off.
        let stop = CancellationToken::new();
        let notes = Receipts::start(&ops, |_| {}, stop.clone());
        world.clock.advance(Duration::from_secs(1));
        notes.asked(asking(9), world.clock.now());
        let of_nine = async || {
            let devices = devices(&ops, 1).await;
            let nine = devices.into_iter().find(|one| one.device.as_str() == "device-9");
            nine.expect("device 9")
        };
        until("asked is noted", async || {
            of_nine().await.progress() == Progress::Asked
        })
        .await;
        notes.fetched(MERCHANT, CardId(1), world.clock.now());
        until("fetched is noted", async || {
            of_nine().await.progress() == Progress::Fetched
        })
        .await;

        let tell = async || {
            let done = ops.do_chores_named(&["tell_silent_again"]).await.expect("done");
            world.until_empty().await;
            done
        };
        assert_eq!(tell().await, 0, "not yet");
        for (time, number) in [(20 * MINUTE, 2), (120 * MINUTE, 3), (480 * MINUTE, 4)] {
            world.clock.advance(time.checked_sub(MINUTE).expect("longer"));
            assert_eq!(tell().await, 0, "{number}");
            world.clock.advance(MINUTE);
            assert_eq!(tell().await, 1, "{number}");
            assert_eq!([1, 9].map(|device| world.accepted(device)), [number, 1]);
        }
        // Two more, and then it is left alone until the next change, which tells both and begins anew.
        world.clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(tell().await, 1);
        world.clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(tell().await, 1);
        world.clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(tell().await, 0);
        world.enqueue([1]).await;
        world.until_empty().await;
        assert_eq!([1, 9].map(|device| world.accepted(device)), [7, 2]);
        world.clock.advance(20 * MINUTE);
        assert_eq!(tell().await, 2, "both are silent now");
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_collected_from_the_devices_other_cards() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        let ops = ops(&world);
        let now = world.clock.now();
        world.add_cards(1, 4).await;
        // Device 50 holds cards 1 to 3 as well; device 4 alone holds card 4.
        for card in 1..=3 {
            world.register(card, 50, now).await;
        }
        world.clock.advance(MINUTE);
        let died = world.clock.now();
        world
            .apple
            .fake
            .always(token(50).as_str(), Answer::unregistered(died));
        let running = world.dispatch(settings());
        world.clock.advance(MINUTE);
        world.enqueue([1]).await;
        world.until_empty().await;
        running.stop().await;
        let left = async || -> Vec<(i64, i64)> {
            world
                .all("select card_id, count(*) from registrations group by card_id order by card_id")
                .await
        };
        assert_eq!(left().await, [(1, 1), (2, 2), (3, 2), (4, 1)]);

        // One of the others has come back meanwhile and stays.
        world.register_again(3, 50, world.clock.now()).await;
        assert!(
            ops.do_chores_named(&["collect_dead_registrations"])
                .await
                .expect("done")
                > 0
        );
        assert_eq!(left().await, [(1, 1), (2, 1), (3, 2), (4, 1)]);
        let channels: Vec<(i64,)> = world.all("select channels from cards order by card_id").await;
        assert!(channels.iter().all(|(set,)| *set == Channel::Apple.bit()));
    })
    .await;
}

/// The last registration takes the card off the phone.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_whose_only_device_is_dead_is_removed() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        let ops = ops(&world);
        let now = world.clock.now();
        world.add_cards(1, 2).await;
        world.register(2, 1, now).await;
        world.delete_registration(2, 2).await;
        world.clock.advance(MINUTE);
        let died = Timestamp(world.clock.now().0);
        world
            .apple
            .fake
            .always(token(1).as_str(), Answer::unregistered(died));
        world.clock.advance(MINUTE);
        let running = world.dispatch(settings());
        world.enqueue([1]).await;
        world.until_empty().await;
        running.stop().await;
        ops.do_chores_named(&["collect_dead_registrations"])
            .await
            .expect("done");
        let cards: Vec<(String, i64)> = world
            .all("select status, channels from cards order by card_id")
            .await;
        assert_eq!(cards, [("removed".into(), 0), ("removed".into(), 0)]);
        let events = world.events().await;
        let of_two: Vec<_> = events.iter().filter(|(card, ..)| *card == 2).collect();
        assert_eq!(of_two.len(), 1);
        assert_eq!(of_two[0].1, "card_removed");
        assert_eq!(
            ops.do_chores_named(&["collect_dead_registrations"])
                .await
                .expect("done"),
            0
        );
    })
    .await;
}
