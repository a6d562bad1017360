//! Looking links up without asking the store each time, and counting clicks without making anybody wait for it.
//!
//! A click is noted in memory and written by one task, as a set with whatever else was noted while the last set was being
//! committed. A gateway that is killed loses the clicks of that moment; they are a statistic and no ledger. When more
//! wait than the queue holds, clicks are dropped and counted in a metric, and redirects go on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::id::{CardId, LinkId, MerchantId};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::store::links::{Clicked, Link};
use crate::store::{Error, Retry};
use crate::telemetry::{Counter, Metric};

/// Clicks that may wait to be written.
const QUEUE: usize = 8192;
/// Clicks of one transaction.
const LARGEST_SET: usize = 200;
/// Links at hand; when there are more, all are looked up anew.
const MOST_LINKS: usize = 10_000;
/// How long a link is believed: so long an edit takes to be seen on every node.
const BELIEVED_FOR: Duration = Duration::from_secs(30);
/// Tries to write a set before its clicks are given up.
const TRIES: u32 = 5;

type Key = (MerchantId, LinkId);
/// Links, or that there is none, and when that was looked up.
type Links = HashMap<Key, (Option<Arc<Link>>, Timestamp)>;

/// Follows links and counts who does.
#[derive(Clone)]
pub struct Redirects {
    ops: Ops,
    links: Arc<Mutex<Links>>,
    clicks: mpsc::Sender<Clicked>,
    dropped: Counter,
}

impl Redirects {
    /// Starts the task that writes; it ends, with everything written, when the last `Redirects` is dropped.
    pub fn start(ops: &Ops) -> (Self, JoinHandle<()>) {
        let (clicks, noted) = mpsc::channel(QUEUE);
        let dropped = Metric::ClicksDropped.counter(&[]);
        let writer = tokio::spawn(write(ops.clone(), noted, dropped.clone()));
        let redirects = Self {
            ops: ops.clone(),
            links: Arc::default(),
            clicks,
            dropped,
        };
        (redirects, writer)
    }

    /// A link as it was within the last half minute; none when there is no such link (any more). Its sums may be older.
    pub async fn link(&self, merchant: MerchantId, id: LinkId) -> Result<Option<Arc<Link>>, Error> {
        let now = self.ops.clock.now();
        if let Some((link, at)) = self.at_hand().get(&(merchant, id))
            && now.since(*at) < BELIEVED_FOR
        {
            return Ok(link.clone());
        }
        let link = self.ops.link(merchant, id).await?.map(Arc::new);
        let mut links = self.at_hand();
        if links.len() >= MOST_LINKS {
            links.clear();
        }
        links.insert((merchant, id), (link.clone(), now));
        Ok(link)
    }

    /// Notes that the holder of a card followed a link. Never waits.
    pub fn note(&self, merchant: MerchantId, link: LinkId, card: CardId) {
        let clicked = Clicked {
            merchant,
            link,
            card,
            count: 1,
            last_at: self.ops.clock.now(),
        };
        if self.clicks.try_send(clicked).is_err() {
            self.dropped.increment(1);
        }
    }

    fn at_hand(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(ops: Ops, mut noted: mpsc::Receiver<Clicked>, dropped: Counter) {
    let mut set = Vec::with_capacity(LARGEST_SET);
    while noted.recv_many(&mut set, LARGEST_SET).await > 0 {
        let count = set.len();
        let summed = sum(set.drain(..));
        for attempt in 1..=TRIES {
            match ops.add_clicks(summed.clone()).await {
                Ok(()) => break,
                Err(error) if attempt < TRIES && error.retry() == Retry::Later => {
                    tracing::warn!(%error, "clicks wait to be written");
                    tokio::time::sleep(Duration::from_millis(200) * attempt).await;
                }
                Err(error) => {
                    tracing::error!(%error, count, "clicks are lost");
                    dropped.increment(u64::try_from(count).unwrap_or(u64::MAX));
                    break;
                }
            }
        }
    }
}

/// One row for each card and link, in the order of their keys.
fn sum(clicks: impl Iterator<Item = Clicked>) -> Vec<Clicked> {
    let mut sums: BTreeMap<(MerchantId, LinkId, CardId), Clicked> = BTreeMap::new();
    for click in clicks {
        sums.entry((click.merchant, click.link, click.card))
            .and_modify(|sum| {
                sum.count += click.count;
                sum.last_at = sum.last_at.max(click.last_at);
            })
            .or_insert(click);
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_one_row_for_each_card_and_link_in_their_order() {
        let click = |link, card, at| Clicked {
            merchant: MerchantId(1),
            link: LinkId(link),
            card: CardId(card),
            count: 1,
            last_at: Timestamp(at),
        };
        let summed = sum([click(2, 1, 5), click(1, 9, 1), click(2, 1, 3), click(1, 2, 4)].into_iter());
        let rows: Vec<_> = summed
            .iter()
            .map(|row| (row.link.0, row.card.0, row.count, row.last_at.0))
            .collect();
        assert_eq!(rows, [(1, 2, 1, 4), (1, 9, 1, 1), (2, 1, 2, 5)]);
    }
}
