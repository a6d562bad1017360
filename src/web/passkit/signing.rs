//! The queue in front of the signer: as many passes are built at once as there are cores, a few times as many may
//! wait, and whoever comes on top of that is told to come back. Latency stays bounded, and a flood of downloads
//! after a broadcast slows the phones down instead of the till.
//!
//! The builders are threads of their own, so that requests are served while passes are signed. A builder that ends
//! a pass takes the next one from the queue itself: under load nobody is woken to begin one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How many may wait for each one that is being built: at a third of a millisecond each, under 100 ms.
const WAITING_PER_CORE: usize = 256;

pub(super) struct SigningQueue {
    shared: Arc<Shared>,
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

struct Shared {
    state: Mutex<State>,
    /// Told of each job that an idle builder may take.
    filled: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Job>>,
    /// Builders that wait for a job.
    idle: usize,
    is_closed: bool,
}

/// Something to build, with its caller.
trait Job: Send {
    /// Nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    fn run(self: Box<Self>);
}

struct Build<T, F> {
    work: F,
    answer: oneshot::Sender<T>,
}

impl<T: Send, F: FnOnce() -> T + Send> Job for Build<T, F> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>) {
        let Self { work, answer } = *self;
        // Who loses its answer hears that the builder stopped; the panic has been reported already.
        if let Ok(built) = catch_unwind(AssertUnwindSafe(work)) {
            // The caller may have gone away.
            let _ = answer.send(built);
        }
    }
}

impl SigningQueue {
    pub(super) fn for_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with(cores, cores * WAITING_PER_CORE)
    }

    fn with(builders: usize, most_waiting: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
        });
        let mut started = 0;
        for _ in 0..builders {
            let of_builder = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name("pass-builder".into());
            match builder.spawn(move || of_builder.build()) {
                Ok(_detached) => started += 1,
                Err(error) => tracing::error!(%error, "no thread can be started to build passes"),
            }
        }
        let mut state = shared.lock();
        state.is_closed = started == 0;
        // They are on their way to their first wait.
        state.idle = started;
        drop(state);
        Self { shared, most_waiting }
    }

    /// Runs `work` off the threads that serve requests. A caller that goes away while it waits gives up its place.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, NotBuilt>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.queue_up(Box::new(Build { work, answer }))?;
        answered.await.map_err(|_| NotBuilt::Stopped)
    }

    /// How many wait, in percent of those that may.
    pub(super) fn crowd(&self) -> usize {
        let waiting = self.shared.lock().waiting.len();
        waiting.saturating_mul(100) / self.most_waiting.max(1)
    }

    fn queue_up(&self, job: Box<dyn Job>) -> Result<(), NotBuilt> {
        let mut state = self.shared.lock();
        if state.is_closed {
            return Err(NotBuilt::Stopped);
        }
        // An idle builder and a job that it has not come to take yet cancel out.
        let room = self.most_waiting + state.idle;
        if state.waiting.len() >= room {
            state.waiting.retain(|job| !job.is_abandoned());
        }
        if state.waiting.len() >= room {
            return Err(NotBuilt::Full(self.most_waiting));
        }
        state.waiting.push_back(job);
        // A builder at work looks for itself when it is done; telling it would be a system call for nothing.
        let is_one_idle = state.idle > 0;
        drop(state);
        if is_one_idle {
            self.shared.filled.notify_one();
        }
        Ok(())
    }
}

impl Drop for SigningQueue {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.filled.notify_all();
    }
}

impl Shared {
    /// A builder's life. It begins, and waits, counted as idle.
    fn build(&self) {
        let mut state = self.lock();
        loop {
            let job = loop {
                match state.waiting.pop_front() {
                    Some(job) if job.is_abandoned() => {}
                    Some(job) => break job,
                    None if state.is_closed => return,
                    None => {
                        state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            };
            state.idle -= 1;
            drop(state);
            job.run();
            state = self.lock();
            state.idle += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(queue.crowd(), 0);
        assert!(futures_poll_once(second.as_mut()).await.is_none());
        assert_eq!(queue.crowd(), 100);
        assert_eq!(queue.run(|| 3).await, Err(NotBuilt::Full(1)));
        drop(second);
        let mut fourth = Box::pin(queue.run(|| 4));
        assert!(futures_poll_once(fourth.as_mut()).await.is_none());
        go.send(()).expect("the first waits");
        assert_eq!(first.await.expect("no panic"), Ok(true));
        assert_eq!(fourth.await, Ok(4));
    }

    #[tokio::test]
    async fn a_builder_that_panics_takes_nothing_down() {
        let queue = SigningQueue::with(1, 1);
        assert_eq!(
            queue.run(|| panic!("broken")).await,
            Err::<(), _>(NotBuilt::Stopped)
        );
        assert_eq!(queue.run(|| 1).await, Ok(1));
    }

    #[tokio::test]
    async fn without_builders_nobody_waits_for_ever() {
        let queue = SigningQueue::with(0, 1);
        assert_eq!(queue.run(|| 1).await, Err(NotBuilt::Stopped));
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
