//! A lane and its sender: how many rows a pace takes in hand, what is not tried, what takes too long, and a lane that
//! fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use passgate::domain::delivery::{Channel, Outcome};
use passgate::domain::face::{CardFace, Prices};
use passgate::domain::id::{CardId, MerchantId, ProgramId, SerialNumber};
use passgate::domain::program::ProgramKind;
use passgate::domain::time::Timestamp;
use passgate::push::dispatcher::{Faces, Settings};
use passgate::push::{BoxFuture, Delivery, Sender};
use passgate::store;

use super::support::topic;
use super::world::{World, settings, until};
use crate::engines::sqlite;

/// A provider of Google's kind that does as it is told.
pub(super) struct Provider {
    room: usize,
    /// What the send of this number, from 0 up, comes to; `None`: it never ends.
    answer: Box<dyn Fn(usize) -> Option<Outcome> + Send + Sync>,
    asked: AtomicUsize,
}

impl Provider {
    pub(super) fn new(
        room: usize,
        answer: impl Fn(usize) -> Option<Outcome> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            room,
            answer: Box::new(answer),
            asked: AtomicUsize::new(0),
        })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Sender for Provider {
    fn channel(&self) -> Channel {
        Channel::Google
    }

    fn room(&self, _time: Duration) -> usize {
        self.room
    }

    fn send<'a>(&'a self, _delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        let answer = (self.answer)(self.asked.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move {
            match answer {
                Some(outcome) => outcome,
                None => std::future::pending().await,
            }
        })
    }
}

/// Knows every card, and fails as often as it is told before it does.
pub(super) struct AnyFaces {
    panics: AtomicUsize,
}

impl AnyFaces {
    pub(super) fn new(panics: usize) -> Arc<Self> {
        Arc::new(Self {
            panics: AtomicUsize::new(panics),
        })
    }
}

impl Faces for AnyFaces {
    fn faces(&self, keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, store::Error>> {
        Box::pin(async move {
            let left = self
                .panics
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            assert!(left.is_err(), "a fault that nobody thought of");
            Ok(keys.into_iter().map(face).collect())
        })
    }
}

fn face((merchant, card): (MerchantId, CardId)) -> CardFace {
    CardFace {
        merchant,
        program: ProgramId(1),
        installed_as: ProgramId(1),
        card,
        merchant_name: "Café Möwe".into(),
        program_name: "Coffee card".into(),
        reward_name: "Free coffee".into(),
        template: "coffee".into(),
        pass_type_identifier: topic(),
        serial_number: SerialNumber::parse("card-9").expect("valid"),
        holder: None,
        code: "0123456789ABCDEF".into(),
        kind: ProgramKind::Punch,
        punches: 1,
        points: 0,
        goal: 10,
        rewards: 0,
        tier: None,
        prices: Prices::default(),
        void: false,
        redeemed: false,
        expires_at: None,
        locations: true,
        version: 1,
        changed_at: Timestamp(0),
        news: None,
        link: None,
    }
}

fn crowded(after: Duration) -> Outcome {
    Outcome::Untried {
        after,
        reason: "crowded".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_pace_uses_up_no_attempt() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 1).await;
    let after = Duration::from_secs(4);
    let provider = Provider::new(usize::MAX, move |number| {
        Some(if number < 30 {
            crowded(after)
        } else {
            Outcome::Accepted
        })
    });
    world.enqueue_on(Channel::Google, [1]).await;
    let running = world.dispatch_with(provider.clone(), AnyFaces::new(0), settings());
    for round in 1..=30 {
        until("it was held back", async || {
            // In this order: a row seen before it was claimed says nothing about this round.
            provider.asked() == round && world.pushes().await.iter().all(|(.., lease)| lease.is_none())
        })
        .await;
        let now = world.clock.now();
        let rows = world.pushes().await;
        let [(1, due, 0, None)] = rows.as_slice() else {
            panic!("one row without an attempt, got {rows:?}")
        };
        assert!(
            *due >= now.plus(after).0 && *due <= now.plus(after * 2).0,
            "round {round}"
        );
        world.clock.advance(after * 2);
    }
    world.until_empty().await;
    let events = world.events().await;
    assert_eq!(events, [(1, "push_sent".into(), Some("google".into()), false)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_rows_are_in_hand_than_the_pace_takes() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 20).await;
    let provider = Provider::new(3, |number| (number >= 3).then_some(Outcome::Accepted));
    world.enqueue_on(Channel::Google, 1..=20).await;
    let running = world.dispatch_with(provider.clone(), AnyFaces::new(0), settings());
    until("three are under way", async || provider.asked() == 3).await;
    let leased: Vec<(i64,)> = world
        .all("select count(*) from pushes where lease is not null")
        .await;
    assert_eq!(leased, [(3,)], "the others are free for another node");
    running.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_ends_before_its_lease_does() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 1).await;
    let provider = Provider::new(usize::MAX, |number| (number > 0).then_some(Outcome::Accepted));
    world.enqueue_on(Channel::Google, [1]).await;
    let start = world.clock.now();
    let settings = Settings {
        lease: Duration::from_millis(800),
        ..settings()
    };
    // The world's clock stands still, so that the lease itself never runs out.
    let running = world.dispatch_with(provider.clone(), AnyFaces::new(0), settings);
    until("it is put off", async || {
        let rows = world.pushes().await;
        matches!(rows.as_slice(), [(1, due, 1, None)] if *due > start.0)
    })
    .await;
    assert_eq!(provider.asked(), 1);
    world.clock.advance(Duration::from_secs(10));
    world.until_empty().await;
    assert_eq!(provider.asked(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_fails_is_replaced() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 2).await;
    let provider = Provider::new(usize::MAX, |_| Some(Outcome::Accepted));
    let faces = AnyFaces::new(1);
    world.enqueue_on(Channel::Google, [1]).await;
    let running = world.dispatch_with(provider.clone(), faces.clone(), settings());
    until("the lane has failed", async || {
        faces.panics.load(Ordering::SeqCst) == 0
    })
    .await;
    // The next one serves what is new at once, and what the first had in hand after its lease.
    world.enqueue_on(Channel::Google, [2]).await;
    until("the new row is sent", async || provider.asked() == 1).await;
    world.clock.advance(settings().lease);
    world.until_empty().await;
    assert_eq!(provider.asked(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_days_loses_no_push() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 1).await;
    let provider = Provider::new(usize::MAX, |number| {
        Some(if number < 40 {
            Outcome::Retry {
                after: None,
                reason: "ServiceUnavailable".into(),
            }
        } else {
            Outcome::Accepted
        })
    });
    world.enqueue_on(Channel::Google, [1]).await;
    let running = world.dispatch_with(provider.clone(), AnyFaces::new(0), settings());
    until("the outbox is empty", async || {
        world.clock.advance(Duration::from_secs(600));
        world.pushes().await.is_empty()
    })
    .await;
    assert_eq!(provider.asked(), 41);
    let events = world.events().await;
    assert_eq!(events, [(1, "push_sent".into(), Some("google".into()), false)]);
    running.stop().await;
}
