//! Change notices between nodes, on one connection per node that both listens and notifies.
//!
//! A node hears of its own changes at once; the other nodes by `NOTIFY`, sent right after the commit. Not inside
//! the transaction: PostgreSQL holds one lock for the whole database from a `NOTIFY` until its commit is on disk,
//! so that writers would wait for each other's disk. What gathers while one notice is under way goes out as the
//! next one.
//!
//! A payload is a list of changes separated by spaces: `pushes`, or `card:<merchant>:<card>` with decimal
//! numbers. A notice that is not understood is skipped, so that nodes of two versions run side by side. Notices
//! are hints: one that is lost with its connection or its node costs time, never work. A new connection therefore
//! announces [`Change::Pushes`], here and to the others.

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, oneshot};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use super::cannot_connect;
use super::connect::Target;
use super::connection::refused;
use crate::domain::id::{CardId, MerchantId};
use crate::store::{Change, Error};

/// Nobody waits for the commit of a notice, which changes no row.
const LISTEN: &str = "set synchronous_commit = off; listen passgate";
const NOTIFY: &str = "select pg_notify('passgate', $1)";
const OWN_NUMBER: &str = "select pg_backend_pid()";

/// PostgreSQL refuses payloads of 8000 bytes.
const LONGEST_PAYLOAD: usize = 7900;

/// Changes kept for a server that is away; beyond them other nodes learn of pushes only.
const MOST_KEPT: usize = 4096;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The way to subscribers here and on other nodes. Dropping it ends the connection.
pub(super) struct Notices {
    here: broadcast::Sender<Change>,
    others: Arc<Outgoing>,
    task: JoinHandle<()>,
}

impl Notices {
    /// Returns once the first connection listens.
    pub(super) async fn start(target: Target, here: broadcast::Sender<Change>) -> Result<Self, Error> {
        let others = Arc::new(Outgoing::default());
        let (ready, is_ready) = oneshot::channel();
        let node = Node {
            target,
            here: here.clone(),
            others: Arc::clone(&others),
        };
        let task = tokio::spawn(node.run(ready));
        is_ready.await.unwrap_or_else(|_| Err(Error::stopping()))?;
        Ok(Self { here, others, task })
    }

    /// Tells of changes that are durable now.
    pub(super) fn tell(&self, changes: &[Change]) {
        for change in changes {
            // Nobody may be listening.
            let _ = self.here.send(*change);
        }
        self.others.add(changes);
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Changes that other nodes have not been told of.
#[derive(Default)]
struct Outgoing {
    changes: Mutex<Vec<Change>>,
    added: Notify,
}

impl Outgoing {
    fn add(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let mut kept = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let has_room = kept.len() < MOST_KEPT || *change == Change::Pushes;
            if has_room && !(*change == Change::Pushes && kept.contains(change)) {
                kept.push(*change);
            }
        }
        drop(kept);
        self.added.notify_one();
    }

    /// Waits for changes and takes all of them, each once.
    async fn take(&self) -> Vec<Change> {
        loop {
            let changes = self.take_now();
            if !changes.is_empty() {
                return changes;
            }
            self.added.notified().await;
        }
    }

    fn take_now(&self) -> Vec<Change> {
        let mut kept = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = std::mem::take(&mut *kept);
        drop(kept);
        let mut seen = HashSet::with_capacity(changes.len());
        changes.retain(|change| seen.insert(*change));
        changes
    }
}

/// What the task owns.
struct Node {
    target: Target,
    here: broadcast::Sender<Change>,
    others: Arc<Outgoing>,
}

impl Node {
    /// Connects again and again until the task is aborted, or until the very first connection fails.
    async fn run(self, ready: oneshot::Sender<Result<(), Error>>) {
        let mut ready = Some(ready);
        let mut pause = FIRST_PAUSE;
        loop {
            let mut has_listened = false;
            let ended = self.connect(|| {
                has_listened = true;
                match ready.take() {
                    // The store may have been dropped meanwhile.
                    Some(ready) => drop(ready.send(Ok(()))),
                    None => {
                        let _ = self.here.send(Change::Pushes);
                        self.others.add(&[Change::Pushes]);
                    }
                }
            });
            let error = match ended.await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            if let Some(ready) = ready.take() {
                drop(ready.send(Err(error)));
                return;
            }
            if has_listened {
                pause = FIRST_PAUSE;
            }
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "listening for changes was cut off; connecting again"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection's life.
    async fn connect(&self, on_ready: impl FnMut()) -> Result<Infallible, Error> {
        let connected = self.target.config.connect(self.target.tls.clone()).await;
        let (client, connection) = connected.map_err(cannot_connect)?;
        let own = AtomicI32::new(0);
        tokio::select! {
            biased;
            ended = self.speak(&client, &own, on_ready) => ended,
            ended = self.hear(connection, &own) => ended,
        }
    }

    async fn speak(
        &self,
        client: &Client,
        own: &AtomicI32,
        mut on_ready: impl FnMut(),
    ) -> Result<Infallible, Error> {
        let failed = |sql| move |error| refused(sql, error).error;
        let number = client.query_one(OWN_NUMBER, &[]).await;
        let number = number
            .and_then(|row| row.try_get(0))
            .map_err(failed(OWN_NUMBER))?;
        own.store(number, Ordering::Relaxed);
        client.batch_execute(LISTEN).await.map_err(failed(LISTEN))?;
        let notify = client.prepare(NOTIFY).await.map_err(failed(NOTIFY))?;
        on_ready();
        loop {
            for payload in payloads(&self.others.take().await) {
                let told = client.execute(&notify, &[&payload]).await;
                told.map_err(failed(NOTIFY))?;
            }
        }
    }

    /// Drives the connection and passes on what other nodes tell.
    async fn hear<T>(
        &self,
        mut connection: Connection<Socket, T>,
        own: &AtomicI32,
    ) -> Result<Infallible, Error>
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(notice))) => {
                    if notice.process_id() == own.load(Ordering::Relaxed) {
                        continue;
                    }
                    for change in notice.payload().split(' ').filter_map(parse) {
                        let _ = self.here.send(change);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(refused(LISTEN, error).error),
                None => {
                    return Err(Error::Unavailable {
                        problem: "the server closed the connection",
                        cause: None,
                    });
                }
            }
        }
    }
}

/// Changes in as few payloads as hold them.
fn payloads(changes: &[Change]) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for change in changes {
        let text = print(*change);
        match payloads.last_mut() {
            Some(last) if last.len() + 1 + text.len() <= LONGEST_PAYLOAD => {
                last.push(' ');
                last.push_str(&text);
            }
            _ => payloads.push(text),
        }
    }
    payloads
}

fn print(change: Change) -> String {
    match change {
        Change::Card(merchant, card) => format!("card:{}:{}", merchant.0, card.0),
        Change::Pushes => "pushes".into(),
        Change::Work(merchant) => format!("work:{}", merchant.0),
    }
}

fn parse(text: &str) -> Option<Change> {
    let mut parts = text.split(':');
    let change = match parts.next()? {
        "pushes" => Change::Pushes,
        "work" => Change::Work(MerchantId(parts.next()?.parse().ok()?)),
        "card" => {
            let merchant = MerchantId(parts.next()?.parse().ok()?);
            Change::Card(merchant, CardId(parts.next()?.parse().ok()?))
        }
        _ => return None,
    };
    parts.next().is_none().then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn changes_survive_their_payloads(cards in proptest::collection::vec((1..=i64::MAX, 1..=i64::MAX), 0..400)) {
            let mut changes: Vec<Change> = cards
                .into_iter()
                .map(|(merchant, card)| Change::Card(MerchantId(merchant), CardId(card)))
                .collect();
            changes.push(Change::Pushes);
            changes.push(Change::Work(MerchantId(7)));
            let payloads = payloads(&changes);
            prop_assert!(payloads.iter().all(|payload| payload.len() < 8000));
            let read: Vec<Change> =
                payloads.iter().flat_map(|payload| payload.split(' ')).filter_map(parse).collect();
            prop_assert_eq!(read, changes);
        }

        #[test]
        fn a_change_waits_once_however_often_it_is_told(times in 1..100_usize) {
            let outgoing = Outgoing::default();
            let card = Change::Card(MerchantId(1), CardId(2));
            for _ in 0..times {
                outgoing.add(&[card, Change::Pushes]);
            }
            let mut taking = std::pin::pin!(outgoing.take());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let taken = std::future::Future::poll(taking.as_mut(), &mut context);
            prop_assert_eq!(taken, std::task::Poll::Ready(vec![card, Change::Pushes]));
        }

        #[test]
        fn no_notice_makes_parsing_panic(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
