//! Readers behind PC/SC: one thread watches all of them, a second one gives their signals.
//!
//! The watching thread owns its context and gives it up on every error of the service: after a restart of pcscd an
//! old context answers `NoService` for ever although it claims to be valid. A presentation is read once, then
//! the card must leave. Cards are let go with "leave", because resetting a phone makes it look like a new tap.

mod bound;
mod signals;

use crate::bridge::device::{DeviceState, Reporter, Seen};
use crate::bridge::feedback::{Signal, Signals};
use crate::bridge::profile::{CardCommands, Escape};
use crate::bridge::reader::{read_card, seen};
use crate::bridge::tag::Outcome;
use bound::Bound;
use pcsc::{Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use regex_lite::Regex;
use std::ffi::{CStr, CString};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest a status call blocks: bounds how late a reader is noticed whose arrival was not announced.
const STATUS_WAIT: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_millis(300);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// The same while a card that was torn is to be tried again.
const TRY_WAIT: Duration = Duration::from_millis(200);
/// Between two status calls that failed at once.
const BREATH: Duration = Duration::from_millis(100);

/// A configured reader.
pub(super) struct Reader {
    pub reporter: Reporter,
    /// Found in the name that PC/SC gives, without the numbers at its end.
    pub name: Regex,
    pub exclude: Option<Regex>,
    pub exclusive: bool,
    pub escape: Escape,
    pub commands: CardCommands,
    pub signals: Signals,
    pub allow_uid: bool,
}

/// The threads of all PC/SC readers.
pub(super) struct PcscThreads {
    pub signals: Sender<(usize, Signal)>,
    pub stop: StopPcsc,
    pub threads: [JoinHandle<()>; 2],
}

/// Stops the watching thread, even while it waits for a card.
#[derive(Clone)]
pub(super) struct StopPcsc {
    orders: Sender<()>,
    context: Arc<Mutex<Option<Context>>>,
}

impl StopPcsc {
    pub(super) fn stop(&self) {
        let _ = self.orders.send(());
        if let Some(context) = &*lock(&self.context) {
            // Without it the thread stops at the end of its status call.
            let _ = context.cancel();
        }
    }
}

/// Which PC/SC reader stands for each configured one, shared with the thread that signals.
type Names = Arc<Mutex<Vec<Option<CString>>>>;

/// Starts watching; neither pcscd nor any reader need be there yet.
pub(super) fn start(readers: Vec<Reader>) -> std::io::Result<PcscThreads> {
    let (orders, ordered) = channel();
    let context = Arc::new(Mutex::new(None));
    let names: Names = Arc::new(Mutex::new(vec![None; readers.len()]));
    let (signals, wanted) = channel();
    let outlets = readers
        .iter()
        .map(|reader| signals::Outlet::new(reader.escape, reader.signals.clone(), &reader.reporter.device))
        .collect();
    let signaller = signals::start(outlets, names.clone(), wanted)?;
    let mut watch = Watch {
        bound: readers.into_iter().map(Bound::new).collect(),
        names,
        context: context.clone(),
        ordered,
    };
    let watcher = std::thread::Builder::new()
        .name("readers".into())
        .spawn(move || watch.run())?;
    Ok(PcscThreads {
        signals,
        stop: StopPcsc { orders, context },
        threads: [watcher, signaller],
    })
}

struct Watch {
    bound: Vec<Bound>,
    names: Names,
    context: Arc<Mutex<Option<Context>>>,
    ordered: Receiver<()>,
}

/// Why a context is given up.
enum End {
    Stopped,
    Lost(Error),
}

impl Watch {
    fn run(&mut self) {
        let mut wait = FIRST_RETRY;
        loop {
            let error = match Context::establish(Scope::System) {
                Ok(context) => {
                    wait = FIRST_RETRY;
                    *lock(&self.context) = Some(context.clone());
                    let end = self.watch(&context);
                    *lock(&self.context) = None;
                    match end {
                        End::Stopped => return,
                        End::Lost(error) => error,
                    }
                }
                Err(error) => error,
            };
            self.lose_all(&no_service(error));
            match self.ordered.recv_timeout(wait) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            wait = (wait * 2).min(LAST_RETRY);
        }
    }

    fn watch(&mut self, context: &Context) -> End {
        let mut arrival = ReaderState::new(pcsc::PNP_NOTIFICATION(), State::UNAWARE);
        let mut states: Vec<(usize, ReaderState)> = Vec::new();
        loop {
            match self.ordered.try_recv() {
                Ok(()) | Err(TryRecvError::Disconnected) => return End::Stopped,
                Err(TryRecvError::Empty) => {}
            }
            // Asked for each time: announcements of new readers are missed by some platforms.
            let present = match context.list_readers_owned() {
                Ok(names) => names,
                Err(Error::NoReadersAvailable) => Vec::new(),
                Err(error) => return End::Lost(error),
            };
            if self.bind(&present) {
                states = self.states();
            }
            let mut asked: Vec<ReaderState> = std::iter::once(arrival)
                .chain(states.drain(..).map(|(_, state)| state))
                .collect();
            let again = self.bound.iter().any(Bound::wants_another_try);
            let wait = if again { TRY_WAIT } else { STATUS_WAIT };
            let called = context.get_status_change(wait, &mut asked);
            for state in &mut asked {
                state.sync_current_state();
            }
            let mut asked = asked.into_iter();
            arrival = asked
                .next()
                .unwrap_or_else(|| ReaderState::new(pcsc::PNP_NOTIFICATION(), State::UNAWARE));
            states = self.bound_indices().zip(asked).collect();
            match called {
                Ok(()) | Err(Error::Timeout) => {}
                Err(Error::Cancelled) => continue,
                Err(Error::UnknownReader | Error::ReaderUnavailable) => {
                    // A reader went between listing and asking: list again.
                    std::thread::sleep(BREATH);
                    continue;
                }
                Err(error) => return End::Lost(error),
            }
            for (index, state) in &states {
                if let Some(bound) = self.bound.get_mut(*index)
                    && let Err(error) = bound.look(context, state)
                {
                    return End::Lost(error);
                }
            }
        }
    }

    /// Gives each configured reader one of those present. True: something changed.
    fn bind(&mut self, present: &[CString]) -> bool {
        let mut changed = false;
        for bound in &mut self.bound {
            if bound.name.as_ref().is_some_and(|name| !present.contains(name)) {
                bound.lose("the reader was unplugged; plug it in again");
                changed = true;
            }
        }
        let mut taken: Vec<CString> = self.bound.iter().filter_map(|bound| bound.name.clone()).collect();
        for bound in self.bound.iter_mut().filter(|bound| bound.name.is_none()) {
            let free = present
                .iter()
                .find(|name| !taken.contains(name) && bound.fits(name));
            match free {
                Some(name) => {
                    taken.push(name.clone());
                    bound.take(name.clone());
                    changed = true;
                }
                None => bound.missing(present),
            }
        }
        if changed {
            *lock(&self.names) = self.bound.iter().map(|bound| bound.name.clone()).collect();
        }
        changed
    }

    fn bound_indices(&self) -> impl Iterator<Item = usize> {
        let bound = self.bound.iter().enumerate();
        bound
            .filter(|(_, bound)| bound.name.is_some())
            .map(|(index, _)| index)
    }

    fn states(&self) -> Vec<(usize, ReaderState)> {
        let bound = self.bound.iter().enumerate();
        bound
            .filter_map(|(index, bound)| {
                let name = bound.name.clone()?;
                Some((index, ReaderState::new(name, State::UNAWARE)))
            })
            .collect()
    }

    fn lose_all(&mut self, why: &str) {
        for bound in &mut self.bound {
            bound.lose(why);
        }
        lock(&self.names).fill(None);
    }
}

fn no_service(error: Error) -> String {
    match error {
        Error::NoService | Error::ServiceStopped | Error::CommError => {
            "the PC/SC service does not run; start or install pcscd".into()
        }
        other => format!("the PC/SC service does not answer as it should: {other}"),
    }
}

/// The name without the ` NN NN` that pcscd appends, which changes with the order of plugging in.
fn stem(name: &CStr) -> String {
    let name = name.to_string_lossy();
    let mut stem = name.as_ref();
    for _ in 0..2 {
        if let Some((head, number)) = stem.rsplit_once(' ')
            && number.len() == 2
            && number.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            stem = head;
        }
    }
    stem.to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
