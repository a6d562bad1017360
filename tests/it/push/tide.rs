//! Pushes slow down while phones that were told before wait for this node, and lose nothing by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use passgate::push::dispatcher::Fetches;

use super::world::{World, settings, until};
use crate::engines::sqlite;

const CARDS: i64 = 400;

/// As crowded as the test says.
#[derive(Default)]
struct Crowd(AtomicU32);

impl Fetches for Crowd {
    fn crowd(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowded_node_tells_few_phones_and_a_free_one_the_rest() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, CARDS).await;
    world.enqueue(1..=CARDS).await;
    let crowd = Arc::new(Crowd::default());
    crowd.0.store(200, Ordering::Relaxed);
    let began = Instant::now();
    let running = world.dispatch_beside(crowd.clone(), settings());
    until("some are told all the same", async || {
        world.apple.fake.taken() >= 20
    })
    .await;
    let (told, seconds) = (world.apple.fake.taken(), began.elapsed().as_secs() + 1);
    assert!(told <= 20 + 20 * seconds, "{told} within {seconds} seconds");
    assert!(!world.pushes().await.is_empty());

    crowd.0.store(0, Ordering::Relaxed);
    world.until_empty().await;
    assert_eq!(
        (1..=CARDS).map(|device| world.accepted(device)).sum::<usize>(),
        400
    );
    running.stop().await;
}
