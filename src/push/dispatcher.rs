//! Empties the outbox: claims due rows with a lease, sends, and writes what became of them.
//!
//! One lane a channel, so that a slow provider holds up no other. A lane is woken by the store and looks by itself
//! now and then; a wake-up that is missed costs time and nothing else. No transaction is open while a provider is
//! talked to: a row belongs to a lane for the time of its lease, and a dead node's leases run out.
//!
//! Several changed cards of one device are one push. A row is finished when each of its devices has an outcome;
//! when something changed in the meantime, it is due again at once.

mod batch;
mod claim;
mod finisher;
mod lane;
mod tide;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{BoxFuture, Sender};
use crate::clock::{Clock, Ids};
use crate::domain::delivery::BackOff;
use crate::domain::face::CardFace;
use crate::domain::id::{CardId, MerchantId, MessageId};
use crate::store::{self, Store};
use lane::Lane;

/// Before a lane that failed is replaced: long enough for a log that can be read.
const REPLACED_AFTER: Duration = Duration::from_secs(1);

/// Where a lane gets the newest state of cards, for providers that take state and not only word of a change.
pub trait Faces: Send + Sync + 'static {
    /// The faces of those of `keys` that exist, in any order.
    fn faces(&self, keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, store::Error>>;

    /// The address that a message's counted link has for a card; none where nothing leads through the gateway.
    fn link(&self, _key: (MerchantId, CardId), _message: MessageId) -> Option<String> {
        None
    }
}

/// What phones that were told ask of this node in turn.
pub trait Fetches: Send + Sync + 'static {
    /// What is to be done for them now, in percent of what this node takes on at once; above 100 when it has begun to
    /// turn phones away.
    fn crowd(&self) -> u32;
}

/// How a dispatcher works; times as in the configuration's `push`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rows in hand at once, per channel, and sends in flight. A sender with a pace gets fewer.
    pub concurrency: usize,
    /// How long a claimed row belongs to a lane that may have died. Three quarters of it are for sending, the rest
    /// for writing what became of it.
    pub lease: Duration,
    /// How often to look when no wake-up comes.
    pub poll: Duration,
    /// How long a stopping dispatcher waits for sends in flight.
    pub drain: Duration,
    pub back_off: BackOff,
}

impl Settings {
    /// The time from a claim until each of its sends has ended, or is ended.
    fn sending(&self) -> Duration {
        self.lease / 4 * 3
    }
}

/// Everything a dispatcher needs.
#[derive(Clone)]
pub struct Dispatcher {
    store: Store,
    clock: Clock,
    ids: Ids,
    senders: Vec<Arc<dyn Sender>>,
    faces: Arc<dyn Faces>,
    settings: Settings,
    fetches: Option<Arc<dyn Fetches>>,
}

impl Dispatcher {
    /// One of `senders` for each channel that this node serves.
    pub fn new(
        store: Store,
        clock: Clock,
        ids: Ids,
        senders: Vec<Arc<dyn Sender>>,
        faces: Arc<dyn Faces>,
        settings: Settings,
    ) -> Self {
        Self {
            store,
            clock,
            ids,
            senders,
            faces,
            settings,
            fetches: None,
        }
    }

    /// Tells phones only as fast as `fetches` has room for them: of those channels whose phones fetch from this node.
    #[must_use]
    pub fn beside(mut self, fetches: Arc<dyn Fetches>) -> Self {
        self.fetches = Some(fetches);
        self
    }

    /// Works until `stop` is cancelled, then waits for sends in flight, gives the rest back and returns. A lane that
    /// fails is replaced.
    pub async fn run(self, stop: CancellationToken) {
        let mut lanes = JoinSet::new();
        for sender in &self.senders {
            lanes.spawn(self.clone().keep(sender.clone(), stop.clone()));
        }
        lanes.join_all().await;
    }

    /// Keeps one lane running.
    async fn keep(self, sender: Arc<dyn Sender>, stop: CancellationToken) {
        let channel = sender.channel().as_str();
        loop {
            let lane = Lane::new(
                self.store.clone(),
                self.clock.clone(),
                self.ids.clone(),
                sender.clone(),
                self.faces.clone(),
                self.settings.clone(),
            )
            .beside(self.fetches.clone());
            // A task of its own: a panic ends the lane and not this loop.
            let lane = AbortOnDropHandle::new(tokio::spawn(lane.run(stop.clone())));
            let Err(fault) = lane.await.and_then(|ended| ended) else {
                return;
            };
            tracing::error!(
                channel,
                %fault,
                "a push lane failed and is replaced; its rows wait for their leases to run out"
            );
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(REPLACED_AFTER) => {}
            }
        }
    }
}
