//! The queue in front of the signer: as many passes are built at once as there are cores, a few times as many may
//! wait, and whoever comes on top of that is told to come back. Latency stays bounded, and a flood of downloads
//! after a broadcast slows the phones down instead of the till.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// How many may wait for each one that is being built: at a third of a millisecond each, under 100 ms.
const WAITING_PER_CORE: usize = 256;

#[derive(Debug)]
pub(super) struct SigningQueue {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// Why something was not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotBuilt {
    #[error("{0} passes wait for a signature already")]
    Full(usize),
    #[error("the pass builder stopped before it finished")]
    Stopped,
}

impl SigningQueue {
    pub(super) fn for_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with(cores, cores * WAITING_PER_CORE)
    }

    fn with(cores: usize, most_waiting: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            most_waiting,
        }
    }

    /// Runs `work` off the threads that serve requests. A caller that goes away while it waits gives up its place.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, NotBuilt>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _place = self.queue_up()?;
                let permit = Arc::clone(&self.permits).acquire_owned().await;
                permit.map_err(|_| NotBuilt::Stopped)?
            }
        };
        let built = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        built.await.map_err(|_| NotBuilt::Stopped)
    }

    fn queue_up(&self) -> Result<Place<'_>, NotBuilt> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most_waiting {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(NotBuilt::Full(self.most_waiting));
        }
        Ok(Place(&self.waiting))
    }
}

/// A place in the queue; left when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn the_one_too_many_is_refused_and_a_place_is_given_back() {
        let queue = Arc::new(SigningQueue::with(1, 1));
        let (go, wait) = mpsc::channel::<()>();
        let (started, building) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move {
                let work = move || {
                    let _ = started.send(());
                    wait.recv().is_ok()
                };
                queue.run(work).await
            }
        });
        building.await.expect("the first is being built");
        let mut second = Box::pin(queue.run(|| 2));
        assert!(futures_poll_once(second.as_mut()).await.is_none());
        assert_eq!(queue.run(|| 3).await, Err(NotBuilt::Full(1)));
        drop(second);
        let fourth = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.run(|| 4).await }
        });
        go.send(()).expect("the first waits");
        assert_eq!(first.await.expect("no panic"), Ok(true));
        assert_eq!(fourth.await.expect("no panic"), Ok(4));
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_builder_that_panics_takes_nothing_down() {
        let queue = SigningQueue::with(1, 0);
        assert_eq!(
            queue.run(|| panic!("broken")).await,
            Err::<(), _>(NotBuilt::Stopped)
        );
        assert_eq!(queue.run(|| 1).await, Ok(1));
    }

    async fn futures_poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match future.as_mut().poll(context) {
                std::task::Poll::Ready(value) => Some(value),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
