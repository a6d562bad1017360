//! Long work that somebody is looking at: read from the store once for each change, however many pages show it, and at
//! most a few times a second, however fast it goes on.
//!
//! The first page to ask starts a follower of its merchant; the follower ends with the last page. What pages see by
//! themselves, while no follower is there, tells of the pace as well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;

use crate::domain::id::MerchantId;
use crate::domain::pace::Pace;
use crate::domain::time::Timestamp;
use crate::ops::works::{Running, Work};
use crate::store::Change;
use crate::web::Web;
use crate::web::error::ApiError;

/// How long changes are gathered before they are looked at together.
const GATHERED_FOR: Duration = Duration::from_millis(500);
/// How often work that goes on is looked at without a change: messages move without one, and what stands still has no
/// time left that could be told.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);
/// Work whose pace is remembered; more is not looked at together.
const MOST_PACES: usize = 1000;

type Sender = watch::Sender<Arc<Picture>>;

/// Every merchant whose work is being followed on this node.
#[derive(Clone, Default)]
pub struct Works {
    followed: Arc<Mutex<HashMap<MerchantId, Weak<Sender>>>>,
    paces: Arc<Mutex<HashMap<(MerchantId, i64), Pace>>>,
}

/// Everything of one merchant that has not ended, newest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Picture {
    pub works: Vec<Going>,
}

/// Some work, and how fast it goes as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Going {
    pub work: Work,
    pub per_minute: Option<i64>,
    pub left: Option<Duration>,
}

impl Going {
    /// Work that is not going on.
    pub fn still(work: Work) -> Self {
        Self {
            work,
            per_minute: None,
            left: None,
        }
    }
}

impl Picture {
    pub fn of(&self, id: i64) -> Option<&Going> {
        self.works.iter().find(|going| going.work.id() == id)
    }

    /// How much of each kind runs.
    pub fn running(&self) -> Running {
        let mut running = Running::default();
        for going in self.works.iter().filter(|going| going.work.is_running()) {
            match going.work {
                Work::Job(_) => running.jobs += 1,
                Work::Import(_) => running.imports += 1,
                Work::Message(_) => running.messages += 1,
                Work::Codes(_) => running.codes += 1,
            }
        }
        running
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Works {
    /// The merchant's work as it is now, with its pace as far as this node has seen it.
    pub async fn look(&self, web: &Web, merchant: MerchantId) -> Result<Picture, ApiError> {
        let works = web.ops.open_works(merchant).await?;
        let now = web.ops.clock.now();
        let mut paces = lock(&self.paces);
        paces.retain(|(of, id), _| *of != merchant || works.iter().any(|work| work.id() == *id));
        if paces.len() >= MOST_PACES {
            // Work that ended, or that everybody has turned away from, while nobody looked at its merchant.
            paces.retain(|(of, _), pace| *of == merchant || pace.is_fresh(now));
        }
        let is_full = paces.len() >= MOST_PACES;
        let going = |work: Work| {
            let key = (merchant, work.id());
            let pace = (!is_full || paces.contains_key(&key)).then(|| paces.entry(key).or_default());
            going(work, pace, now)
        };
        Ok(Picture {
            works: works.into_iter().map(going).collect(),
        })
    }

    /// The same as it is now and as it will be.
    pub async fn watch(
        &self,
        web: &Web,
        merchant: MerchantId,
    ) -> Result<watch::Receiver<Arc<Picture>>, ApiError> {
        if let Some(receiver) = self.join(merchant) {
            return Ok(receiver);
        }
        // Subscribed before the first look, so that no change falls between the two.
        let changes = web.ops.store.subscribe();
        let picture = self.look(web, merchant).await?;
        let (sender, receiver) = watch::channel(Arc::new(picture));
        let sender = Arc::new(sender);
        lock(&self.followed).insert(merchant, Arc::downgrade(&sender));
        let (works, web) = (self.clone(), web.clone());
        tokio::spawn(async move {
            works.follow(&web, merchant, &sender, changes).await;
            drop(sender);
            lock(&works.followed).retain(|_, sender| sender.strong_count() > 0);
        });
        Ok(receiver)
    }

    fn join(&self, merchant: MerchantId) -> Option<watch::Receiver<Arc<Picture>>> {
        let sender = lock(&self.followed).get(&merchant)?.upgrade()?;
        Some(sender.subscribe())
    }

    /// Looks after each change until nobody is there any more. Ends too when the store cannot answer: the pages then
    /// close, and their browsers ask again.
    async fn follow(&self, web: &Web, merchant: MerchantId, sender: &Sender, mut changes: Receiver<Change>) {
        loop {
            let mut has_changed = true;
            let runs = sender.borrow().works.iter().any(|going| going.work.is_running());
            tokio::select! {
                is_ours = changed(&mut changes, merchant) => if !is_ours { return },
                () = tokio::time::sleep(LOOKED_AT_EVERY), if runs => has_changed = false,
                () = sender.closed() => return,
            }
            tokio::time::sleep(GATHERED_FOR).await;
            // Whatever else has happened by now is covered by the same look.
            has_changed |= has_more(&mut changes, merchant);
            match self.look(web, merchant).await {
                Ok(picture) => {
                    let picture = Arc::new(picture);
                    // What began and ended between two looks is in neither of them: who shows it is told all the same.
                    sender.send_if_modified(|known| {
                        let is_news = has_changed || *known != picture;
                        *known = picture;
                        is_news
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "stopped following long work");
                    return;
                }
            }
        }
    }
}

/// Waits for the next change that is about the merchant's work; false when there will be none.
async fn changed(changes: &mut Receiver<Change>, merchant: MerchantId) -> bool {
    loop {
        match changes.recv().await {
            Ok(Change::Work(of)) if of == merchant => return true,
            Ok(_) => {}
            // Some changes were missed: one of them may have been ours.
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}

/// Takes the changes that have come by now; whether one of them was about the merchant's work.
fn has_more(changes: &mut Receiver<Change>, merchant: MerchantId) -> bool {
    let mut is_ours = false;
    loop {
        match changes.try_recv() {
            Ok(change) => is_ours |= matches!(change, Change::Work(of) if of == merchant),
            Err(TryRecvError::Lagged(_)) => is_ours = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return is_ours,
        }
    }
}

fn going(work: Work, pace: Option<&mut Pace>, now: Timestamp) -> Going {
    let (mut per_minute, mut left) = (None, None);
    if let Some(pace) = pace {
        match work.progress().filter(|_| work.is_running()) {
            Some(progress) => {
                pace.note(now, progress.part, progress.things);
                (per_minute, left) = (pace.per_minute(), pace.left(progress.whole));
            }
            // Held, or not begun: its past says nothing about when it goes on.
            None => *pace = Pace::default(),
        }
    }
    Going {
        work,
        per_minute,
        left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::broadcast;

    #[test]
    fn a_change_that_comes_while_others_are_gathered_is_not_lost() {
        let (sender, mut changes) = broadcast::channel(4);
        let (ours, other) = (MerchantId(1), MerchantId(2));
        assert!(!has_more(&mut changes, ours));
        for (sent, is_ours) in [
            (vec![Change::Pushes, Change::Work(other)], false),
            (vec![Change::Work(ours), Change::Pushes], true),
            // More than there is room for: one of those that were missed may have been ours.
            (vec![Change::Pushes; 6], true),
        ] {
            for change in &sent {
                sender.send(*change).expect("somebody listens");
            }
            assert_eq!(has_more(&mut changes, ours), is_ours, "{sent:?}");
            assert!(!has_more(&mut changes, ours), "each is told once");
        }
    }
}
