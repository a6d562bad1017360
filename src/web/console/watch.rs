//! Cards that somebody is looking at: each change of such a card is read from the store once, however many
//! pages show it.
//!
//! The first page to ask starts a follower of its card; the follower ends with the last page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;

use crate::domain::id::{CardId, MerchantId};
use crate::store::Change;
use crate::web::Web;
use crate::web::console::card::{self, RECENT, Shown};
use crate::web::error::ApiError;

type Sender = watch::Sender<Arc<Shown>>;
type Key = (MerchantId, CardId);

/// Every card that is being followed on this node.
#[derive(Clone, Default)]
pub struct Watches {
    followed: Arc<Mutex<HashMap<Key, Weak<Sender>>>>,
}

impl Watches {
    /// The card as it is now and as it will be. What is seen first may be older than what the caller has just
    /// read by itself, never older than the last change that every follower was told of.
    pub async fn watch(
        &self,
        web: &Web,
        merchant: MerchantId,
        card: CardId,
    ) -> Result<watch::Receiver<Arc<Shown>>, ApiError> {
        let key = (merchant, card);
        if let Some(receiver) = self.join(key) {
            return Ok(receiver);
        }
        // Subscribed before the first look, so that no change falls between the two.
        let changes = web.ops.store.subscribe();
        let shown = card::load(web, merchant, card, RECENT).await?;
        let (sender, receiver) = watch::channel(Arc::new(shown));
        let sender = Arc::new(sender);
        self.lock().insert(key, Arc::downgrade(&sender));
        let (watches, web) = (self.clone(), web.clone());
        tokio::spawn(async move {
            follow(&web, key, &sender, changes).await;
            drop(sender);
            watches.lock().retain(|_, sender| sender.strong_count() > 0);
        });
        Ok(receiver)
    }

    fn join(&self, key: Key) -> Option<watch::Receiver<Arc<Shown>>> {
        let sender = self.lock().get(&key)?.upgrade()?;
        Some(sender.subscribe())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Weak<Sender>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the card after each of its changes until nobody looks any more. Ends too when the store cannot answer:
/// the pages then close, and their browsers ask again.
async fn follow(web: &Web, key: Key, sender: &Sender, mut changes: Receiver<Change>) {
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = sender.closed() => return,
        };
        let ours = match change {
            Ok(Change::Card(merchant, card)) => (merchant, card) == key,
            Ok(_) => false,
            // Some changes were missed: one of them may have been ours.
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
        if !ours {
            continue;
        }
        // Whatever else has happened by now is covered by the same look.
        while !matches!(
            changes.try_recv(),
            Err(TryRecvError::Empty | TryRecvError::Closed)
        ) {}
        match card::load(web, key.0, key.1, RECENT).await {
            Ok(shown) => drop(sender.send_replace(Arc::new(shown))),
            Err(error) => {
                tracing::debug!(%error, "stopped following a card");
                return;
            }
        }
    }
}
