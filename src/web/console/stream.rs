//! How every stream of a page begins: with a greeting, before anybody else who speaks on it says anything.
//!
//! The greeting tells the page that it is live, and how soon to come back when the stream has ended.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// After this the browser opens the next one, with its session checked again.
pub(super) const LIFE: Duration = Duration::from_secs(600);
const RETRY: Duration = Duration::from_secs(1);
/// Messages that wait for a slow browser.
const ROOM: usize = 4;

/// What is sent to one page.
pub(super) type Sender = mpsc::Sender<Result<Event, Infallible>>;

/// A stream that has greeted, and the answer that carries it.
pub(super) fn begin() -> (Sender, Response) {
    let (sender, receiver) = mpsc::channel(ROOM);
    let hello = Event::default().event("hello").retry(RETRY).data("live");
    // There is room: nothing was sent before.
    let _ = sender.try_send(Ok(hello));
    let answer = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default());
    (sender, answer.into_response())
}
