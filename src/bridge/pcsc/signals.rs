//! Lights and sounds of PC/SC readers, on a thread and a context of their own: a signal may take more than a
//! second, and a context that waits for a card can do nothing else.

use super::{Context, Disposition, Error, Escape, Names, Protocols, Scope, ShareMode, Signal, Signals, lock};
use crate::bridge::device::DeviceName;
use crate::bridge::feedback::Step;
use std::ffi::CStr;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

/// How one reader signals.
pub(super) struct Outlet {
    escape: Escape,
    signals: Signals,
    device: DeviceName,
    /// Said once; a reader that cannot signal is no reason to fill the log.
    complained: bool,
}

impl Outlet {
    pub(super) fn new(escape: Escape, signals: Signals, device: &DeviceName) -> Self {
        Self {
            escape,
            signals,
            device: device.clone(),
            complained: false,
        }
    }
}

/// Runs until the other end of `wanted` is dropped.
pub(super) fn start(
    mut outlets: Vec<Outlet>,
    names: Names,
    wanted: Receiver<(usize, Signal)>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("reader signals".into())
        .spawn(move || {
            let mut context = None;
            while let Ok((index, signal)) = wanted.recv() {
                let name = lock(&names).get(index).cloned().flatten();
                if let (Some(outlet), Some(name)) = (outlets.get_mut(index), name) {
                    outlet.signal(&mut context, &name, signal);
                }
            }
        })
}

impl Outlet {
    fn signal(&mut self, context: &mut Option<Context>, name: &CStr, signal: Signal) {
        let steps = self.signals.steps(signal);
        if steps.is_empty() || self.escape == Escape::None {
            return;
        }
        // A context from before a restart of the service is of no use: the second try has a new one.
        for _ in 0..2 {
            let done = take(context).and_then(|live| {
                let result = play(&live, name, self.escape, steps);
                if !is_lost(&result) {
                    *context = Some(live);
                }
                result
            });
            match done {
                Err(error) if is_lost(&Err(error)) => {}
                Err(error) => return self.complain(error),
                Ok(()) => return,
            }
        }
    }

    fn complain(&mut self, error: Error) {
        if !std::mem::replace(&mut self.complained, true) {
            let hint = match error {
                Error::UnsupportedFeature => {
                    "the driver does not forward escape commands; see ifdDriverOptions of libccid"
                }
                _ => "the till page shows the answers",
            };
            tracing::warn!(device = %self.device, %error, hint, "the reader cannot signal");
        }
    }
}

fn take(context: &mut Option<Context>) -> Result<Context, Error> {
    match context.take() {
        Some(live) => Ok(live),
        None => Context::establish(Scope::System),
    }
}

fn is_lost(result: &Result<(), Error>) -> bool {
    matches!(
        result,
        Err(Error::NoService | Error::ServiceStopped | Error::CommError | Error::InvalidHandle)
    )
}

fn play(context: &Context, name: &CStr, escape: Escape, steps: &[Step]) -> Result<(), Error> {
    let (share, protocols) = match escape {
        Escape::PseudoApdu => (ShareMode::Shared, Protocols::ANY),
        Escape::Control | Escape::None => (ShareMode::Direct, Protocols::UNDEFINED),
    };
    let card = context.connect(name, share, protocols)?;
    let mut answer = [0; pcsc::MAX_BUFFER_SIZE];
    let mut result = Ok(());
    for step in steps {
        result = match step {
            Step::Wait(wait) => {
                std::thread::sleep(*wait);
                Ok(())
            }
            Step::Send(bytes) if escape == Escape::PseudoApdu => card.transmit(bytes, &mut answer).map(drop),
            Step::Send(bytes) => card.control(pcsc::ctl_code(1), bytes, &mut answer).map(drop),
        };
        if result.is_err() {
            break;
        }
    }
    drop(card.disconnect(Disposition::LeaveCard));
    result
}
