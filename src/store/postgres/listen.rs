//! Change notices between nodes: `NOTIFY` inside the transaction, one `LISTEN` connection per node.
//!
//! A payload is a list of changes separated by spaces: `pushes`, or `card:<merchant>:<card>` with decimal
//! numbers. A notice that is not understood is skipped, so that nodes of two versions run side by side. Notices
//! are hints: one that is lost while the connection is down costs time, which is why a new connection announces
//! [`Change::Pushes`].

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;
use tokio_postgres::AsyncMessage;

use super::cannot_connect;
use super::connect::Target;
use super::connection::refused;
use crate::domain::id::{CardId, MerchantId};
use crate::store::{Change, Error};

pub(super) const NOTIFY: &str = "select pg_notify('passgate', $1)";
const LISTEN: &str = "listen passgate";

/// PostgreSQL refuses payloads of 8000 bytes.
const LONGEST_PAYLOAD: usize = 7900;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Listens until the task is aborted; returns once the first connection listens.
pub(super) async fn start(
    target: Target,
    changes: broadcast::Sender<Change>,
) -> Result<JoinHandle<()>, Error> {
    let (ready, is_ready) = oneshot::channel();
    let task = tokio::spawn(async move {
        let mut ready = Some(ready);
        let mut pause = FIRST_PAUSE;
        loop {
            let mut has_listened = false;
            let ended = listen(&target, &changes, || {
                has_listened = true;
                match ready.take() {
                    // The store may have been dropped meanwhile.
                    Some(ready) => drop(ready.send(Ok(()))),
                    None => drop(changes.send(Change::Pushes)),
                }
            })
            .await;
            let error = match ended {
                Ok(()) => Error::Unavailable {
                    problem: "the server closed the connection",
                    cause: None,
                },
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
    });
    is_ready.await.unwrap_or_else(|_| Err(Error::stopping()))?;
    Ok(task)
}

/// One connection's life.
async fn listen(
    target: &Target,
    changes: &broadcast::Sender<Change>,
    mut on_ready: impl FnMut(),
) -> Result<(), Error> {
    let connected = target.config.connect(target.tls.clone()).await;
    let (client, mut connection) = connected.map_err(cannot_connect)?;
    let mut listening = pin!(client.batch_execute(LISTEN));
    let mut is_listening = false;
    loop {
        let message = poll_fn(|context| connection.poll_message(context));
        tokio::select! {
            answer = &mut listening, if !is_listening => {
                answer.map_err(|error| refused(LISTEN, error).error)?;
                is_listening = true;
                on_ready();
            }
            message = message => match message {
                Some(Ok(AsyncMessage::Notification(notice))) => {
                    for change in notice.payload().split(' ').filter_map(parse) {
                        // Nobody may be listening.
                        let _ = changes.send(change);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(refused(LISTEN, error).error),
                None => return Ok(()),
            },
        }
    }
}

/// The changes of one transaction in as few payloads as hold them.
pub(super) fn payloads(changes: &[Change]) -> Vec<String> {
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
    }
}

fn parse(text: &str) -> Option<Change> {
    let mut parts = text.split(':');
    let change = match parts.next()? {
        "pushes" => Change::Pushes,
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
            let payloads = payloads(&changes);
            prop_assert!(payloads.iter().all(|payload| payload.len() < 8000));
            let read: Vec<Change> =
                payloads.iter().flat_map(|payload| payload.split(' ')).filter_map(parse).collect();
            prop_assert_eq!(read, changes);
        }

        #[test]
        fn no_notice_makes_parsing_panic(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
