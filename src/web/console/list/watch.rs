//! Lists that somebody is looking at: what changes of a merchant's cards is read from the store once, however many pages
//! show it, and at most a few times a second, however many cards change.
//!
//! The first page to ask starts a follower of its merchant; the follower ends with the last page.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::counts::Counts;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::segment::order::Each;
use crate::ops::rosters::{Glance, Query};
use crate::store::Change;
use crate::store::segments::Line;
use crate::web::Web;
use crate::web::error::ApiError;

/// How long changes are gathered before they are looked at together.
const GATHERED_FOR: Duration = Duration::from_millis(300);
/// Lists of one merchant that are remembered; more are asked for anew.
const MOST_GLANCES: usize = 200;
/// Looks that a slow page may be behind before it reads its rows anew.
const LOOKS: usize = 16;

/// Every merchant whose list is being followed on this node.
#[derive(Clone, Default)]
pub struct Lists {
    followed: Arc<Mutex<HashMap<MerchantId, Weak<Followed>>>>,
}

/// A merchant's list as it moves.
pub struct Followed {
    /// None until the first look.
    pub counts: watch::Sender<Option<Arc<Counts>>>,
    pub moves: broadcast::Sender<Arc<Moved>>,
    shown: Mutex<Shown>,
    /// What was last seen of each list that is open, and after which look, so that pages which show the same list ask
    /// once.
    glances: tokio::sync::Mutex<HashMap<String, (u64, Option<Glance>)>>,
    /// The number of the newest look.
    looks: AtomicU64,
    /// Cancelled with the last page, and when the store cannot answer: pages then close, and their browsers ask again.
    pub ended: CancellationToken,
}

/// What all pages show together.
#[derive(Default)]
struct Shown {
    /// How many pages show each card.
    cards: HashMap<CardId, usize>,
    /// How many pages have rows that stand for all cards of somebody, those that are still to come among them.
    by_customer: usize,
}

/// What one look found.
pub struct Moved {
    pub counts: Arc<Counts>,
    /// The cards that changed and that some page shows, as they are now. While some page has a row for each customer, every
    /// card that changed: it may be a new one of somebody on it.
    pub lines: HashMap<CardId, Line>,
    /// Whether changes were missed, so that any card may have changed.
    pub missed: bool,
    /// Counted from 1.
    pub look: u64,
}

/// The cards of one page, for as long as it is open.
pub struct Showing {
    followed: Arc<Followed>,
    cards: HashSet<CardId>,
    each: Each,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lists {
    /// The merchant's list, followed from now on at the latest.
    pub fn follow(&self, web: &Web, merchant: MerchantId) -> Arc<Followed> {
        let mut all = lock(&self.followed);
        let known = all.get(&merchant).and_then(Weak::upgrade);
        if let Some(followed) = known.filter(|followed| !followed.ended.is_cancelled()) {
            return followed;
        }
        let followed = Arc::new(Followed {
            counts: watch::Sender::new(None),
            moves: broadcast::Sender::new(LOOKS),
            shown: Mutex::default(),
            glances: tokio::sync::Mutex::default(),
            looks: AtomicU64::new(0),
            ended: CancellationToken::new(),
        });
        all.retain(|_, followed| followed.strong_count() > 0);
        all.insert(merchant, Arc::downgrade(&followed));
        // Subscribed before the first look, so that no change falls between the two.
        let changes = web.ops.store.subscribe();
        let follower = Follower {
            web: web.clone(),
            merchant,
            followed: Arc::downgrade(&followed),
            ended: followed.ended.clone(),
        };
        tokio::spawn(follower.run(changes));
        followed
    }
}

impl Followed {
    /// The rows that a list has, as of look number `look` or later. `key` names the list and who may see it.
    pub async fn glance(
        &self,
        web: &Web,
        merchant: MerchantId,
        (key, query): (&str, &Query),
        look: u64,
    ) -> Result<Option<Glance>, ApiError> {
        let mut glances = self.glances.lock().await;
        if let Some((_, glance)) = glances.get(key).filter(|(seen, _)| *seen >= look) {
            return Ok(glance.clone());
        }
        if glances.len() >= MOST_GLANCES {
            glances.clear();
        }
        let glance = web.rosters.glance(merchant, query).await?;
        glances.insert(key.to_owned(), (look, glance.clone()));
        Ok(glance)
    }

    /// How many looks there were.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }

    /// Has changes of these cards looked at, for a page with rows for what `each` says.
    pub fn show(self: &Arc<Self>, cards: HashSet<CardId>, each: Each) -> Showing {
        let mut shown = lock(&self.shown);
        for card in &cards {
            *shown.cards.entry(*card).or_default() += 1;
        }
        shown.by_customer += usize::from(each == Each::Customer);
        drop(shown);
        Showing {
            followed: Arc::clone(self),
            cards,
            each,
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Showing {
    pub fn cards(&self) -> &HashSet<CardId> {
        &self.cards
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        let mut shown = lock(&self.followed.shown);
        for card in &self.cards {
            if let Entry::Occupied(mut pages) = shown.cards.entry(*card) {
                *pages.get_mut() -= 1;
                if *pages.get() == 0 {
                    pages.remove();
                }
            }
        }
        shown.by_customer -= usize::from(self.each == Each::Customer);
    }
}

struct Follower {
    web: Web,
    merchant: MerchantId,
    followed: Weak<Followed>,
    ended: CancellationToken,
}

impl Follower {
    async fn run(self, changes: Receiver<Change>) {
        let ended = self.ended.clone();
        let over = ended.run_until_cancelled(self.follow(changes)).await;
        if let Some(Err(error)) = over {
            tracing::debug!(%error, "stopped following a list");
        }
        ended.cancel();
    }

    async fn follow(&self, mut changes: Receiver<Change>) -> Result<(), ApiError> {
        let (mut changed, mut missed) = (HashSet::new(), false);
        for number in 1.. {
            self.look(&changed, missed, number).await?;
            (changed, missed) = (HashSet::new(), false);
            while changed.is_empty() && !missed {
                match changes.recv().await {
                    Ok(change) => self.note(change, &mut changed),
                    Err(RecvError::Lagged(_)) => missed = true,
                    Err(RecvError::Closed) => return Ok(()),
                }
            }
            tokio::time::sleep(GATHERED_FOR).await;
            loop {
                match changes.try_recv() {
                    Ok(change) => self.note(change, &mut changed),
                    Err(TryRecvError::Lagged(_)) => missed = true,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
        Ok(())
    }

    fn note(&self, change: Change, changed: &mut HashSet<CardId>) {
        if let Change::Card(merchant, card) = change
            && merchant == self.merchant
        {
            changed.insert(card);
        }
    }

    async fn look(&self, changed: &HashSet<CardId>, missed: bool, number: u64) -> Result<(), ApiError> {
        let counts = Arc::new(Counts::of_merchant(&self.web, self.merchant).await?);
        let Some(followed) = self.followed.upgrade() else {
            return Ok(());
        };
        let wanted: Vec<CardId> = {
            let shown = lock(&followed.shown);
            changed
                .iter()
                .filter(|card| shown.by_customer > 0 || shown.cards.contains_key(card))
                .copied()
                .collect()
        };
        let lines = match wanted.is_empty() {
            true => Vec::new(),
            false => self.web.ops.lines(self.merchant, wanted).await?,
        };
        let moved = Moved {
            counts: Arc::clone(&counts),
            lines: lines.into_iter().map(|line| (line.card, line)).collect(),
            missed,
            look: number,
        };
        followed.looks.store(number, Ordering::SeqCst);
        followed.counts.send_replace(Some(counts));
        // Nobody listens before the first page has subscribed.
        let _ = followed.moves.send(Arc::new(moved));
        Ok(())
    }
}
