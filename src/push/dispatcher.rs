//! Empties the outbox: claims due rows with a lease, sends, and writes what became of them.
//!
//! One lane a channel, so that a slow provider holds up no other. A lane is woken by the store and looks by itself
//! now and then; a wake-up that is missed costs time and nothing else. No transaction is open while a provider is
//! talked to: a row belongs to a lane for the time of its lease, and a dead node's leases run out.
//!
//! Several changed cards of one device are one push. A row is finished when each of its devices has an outcome;
//! when something changed in the meantime, it is due again at once.

mod batch;
mod finisher;
mod lane;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Sender};
use crate::clock::{Clock, Ids};
use crate::domain::delivery::BackOff;
use crate::domain::face::CardFace;
use crate::domain::id::{CardId, MerchantId};
use crate::store::{self, Store};
use lane::Lane;

/// Where a lane gets the newest state of cards, for providers that take state and not only word of a change.
pub trait Faces: Send + Sync + 'static {
    /// The faces of those of `keys` that exist, in any order.
    fn faces(&self, keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, store::Error>>;
}

/// How a dispatcher works; times as in the configuration's `push`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rows in hand at once, per channel, and sends in flight.
    pub concurrency: usize,
    /// How long a claimed row belongs to a lane that may have died. Longer than any sender's own time limit.
    pub lease: std::time::Duration,
    /// How often to look when no wake-up comes.
    pub poll: std::time::Duration,
    /// How long a stopping dispatcher waits for sends in flight.
    pub drain: std::time::Duration,
    pub back_off: BackOff,
}

/// Everything a dispatcher needs.
pub struct Dispatcher {
    store: Store,
    clock: Clock,
    ids: Ids,
    senders: Vec<Arc<dyn Sender>>,
    faces: Arc<dyn Faces>,
    settings: Settings,
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
        }
    }

    /// Works until `stop` is cancelled, then waits for sends in flight, gives the rest back and returns.
    pub async fn run(self, stop: CancellationToken) {
        let mut lanes = JoinSet::new();
        for sender in self.senders {
            let lane = Lane::new(
                self.store.clone(),
                self.clock.clone(),
                self.ids.clone(),
                sender,
                self.faces.clone(),
                self.settings.clone(),
            );
            lanes.spawn(lane.run(stop.clone()));
        }
        while let Some(ended) = lanes.join_next().await {
            if let Err(fault) = ended {
                tracing::error!(%fault, "a push lane ended; its rows wait for their leases to run out");
            }
        }
    }
}
