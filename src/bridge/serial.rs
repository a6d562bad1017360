//! Scanners on serial ports: one thread for each port, which opens it again whenever it goes and comes back.
//!
//! Settings that a port does not have (modem lines on pseudo terminals and many USB devices) are no errors. A read
//! of no bytes means that the device was unplugged.

use crate::bridge::device::{DeviceState, LastState, Reporter, Seen};
use crate::bridge::feedback::{Signal, Signals, Step};
use crate::bridge::framing::{Frame, Framer};
use crate::bridge::profile::{Flow, Line, Parity, Serial};
use crate::clock::stopwatch;
use crate::domain::capture::{CaptureKind, Token};
use serialport::{DataBits, ErrorKind, FlowControl, SerialPort, StopBits};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a read waits: bounds how late a signal is given and how late silence is noticed.
const READ_WAIT: Duration = Duration::from_millis(20);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// What the bridge asks of a port's thread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    Signal(Signal),
    Stop,
}

/// The thread of one port.
pub(super) struct SerialThread {
    pub commands: Sender<Command>,
    pub thread: JoinHandle<()>,
}

/// Starts watching the port at `path`; it need not be there yet.
pub(super) fn start(
    path: String,
    profile: &Serial,
    signals: Signals,
    reporter: Reporter,
) -> std::io::Result<SerialThread> {
    let (commands, orders) = channel();
    let mut port = Port {
        path,
        line: profile.line.clone(),
        framer: Framer::new(profile.framing.clone()),
        signals,
        reporter,
        orders,
        started: stopwatch(),
        state: LastState::default(),
    };
    let thread = std::thread::Builder::new()
        .name(format!("scanner {}", port.reporter.device))
        .spawn(move || port.run())?;
    Ok(SerialThread { commands, thread })
}

struct Port {
    path: String,
    line: Line,
    framer: Framer,
    signals: Signals,
    reporter: Reporter,
    orders: Receiver<Command>,
    started: Instant,
    state: LastState,
}

/// Why a port is no longer read.
enum End {
    Stopped,
    Gone(String),
}

impl Port {
    fn run(&mut self) {
        let mut wait = FIRST_RETRY;
        loop {
            let why = match self.open() {
                Ok(mut open) => {
                    wait = FIRST_RETRY;
                    self.framer.restart();
                    self.state.report(&self.reporter, DeviceState::Ready);
                    match self.read(open.as_mut()) {
                        End::Stopped => return,
                        End::Gone(why) => why,
                    }
                }
                Err(error) => describe(&self.path, &error),
            };
            self.state.report(&self.reporter, DeviceState::Missing(why));
            if self.pause(wait) {
                return;
            }
            wait = (wait * 2).min(LAST_RETRY);
        }
    }

    /// Waits without a port; signals for it go nowhere. True: stop.
    fn pause(&self, wait: Duration) -> bool {
        let began = stopwatch();
        loop {
            let left = wait.saturating_sub(began.elapsed());
            match self.orders.recv_timeout(left) {
                Ok(Command::Signal(_)) => {}
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    fn open(&self) -> serialport::Result<Box<dyn SerialPort>> {
        let mut port = serialport::new(&self.path, self.line.baud)
            .data_bits(if self.line.data_bits == 7 {
                DataBits::Seven
            } else {
                DataBits::Eight
            })
            .parity(match self.line.parity {
                Parity::None => serialport::Parity::None,
                Parity::Odd => serialport::Parity::Odd,
                Parity::Even => serialport::Parity::Even,
            })
            .stop_bits(if self.line.stop_bits == 2 {
                StopBits::Two
            } else {
                StopBits::One
            })
            .flow_control(match self.line.flow {
                Flow::None => FlowControl::None,
                Flow::RtsCts => FlowControl::Hardware,
                Flow::XonXoff => FlowControl::Software,
            })
            .timeout(READ_WAIT)
            .open()?;
        if self.line.dtr {
            // Pseudo terminals and many USB devices have no modem lines (ENOTTY), and need none.
            let _ = port.write_data_terminal_ready(true);
        }
        std::thread::sleep(self.line.open_delay.duration());
        Ok(port)
    }

    fn read(&mut self, port: &mut dyn SerialPort) -> End {
        let mut bytes = [0; 512];
        loop {
            loop {
                match self.orders.try_recv() {
                    Ok(Command::Signal(signal)) => {
                        if let Err(error) = self.signal(port, signal) {
                            return End::Gone(format!("{}: {error}", self.path));
                        }
                    }
                    Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return End::Stopped,
                    Err(TryRecvError::Empty) => break,
                }
            }
            let got = port.read(&mut bytes);
            let now = self.started.elapsed();
            match got {
                Ok(0) => return End::Gone(format!("{}: the scanner was unplugged", self.path)),
                Ok(length) => {
                    for frame in self.framer.push(bytes.get(..length).unwrap_or(&[]), now) {
                        self.report(frame);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    if let Some(frame) = self.framer.silence(now) {
                        self.report(frame);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return End::Gone(format!("{}: the scanner was unplugged ({error})", self.path));
                }
            }
        }
    }

    fn report(&self, frame: Frame) {
        self.reporter.report(match frame {
            Frame::Line(text) => match Token::parse(&text) {
                Ok(token) => Seen::Token {
                    kind: CaptureKind::Barcode,
                    token,
                    field: false,
                },
                Err(error) => Seen::Unreadable(format!("the scanned code cannot be used: {error}")),
            },
            Frame::Fault(fault) => Seen::Garbled(fault.to_string()),
        });
    }

    fn signal(&self, port: &mut dyn SerialPort, signal: Signal) -> std::io::Result<()> {
        for step in self.signals.steps(signal) {
            match step {
                Step::Send(bytes) => match port.write_all(bytes) {
                    // A scanner that does not take bytes now still scans: this signal is left out.
                    Err(error) if error.kind() == std::io::ErrorKind::TimedOut => return Ok(()),
                    written => written?,
                },
                Step::Wait(wait) => std::thread::sleep(*wait),
            }
        }
        Ok(())
    }
}

fn describe(path: &str, error: &serialport::Error) -> String {
    match error.kind() {
        ErrorKind::Io(std::io::ErrorKind::NotFound) => {
            format!("{path}: there is no such port; plug the scanner in, or correct the path")
        }
        ErrorKind::Io(std::io::ErrorKind::PermissionDenied) => {
            format!(
                "{path}: not allowed; add the bridge's user to the group that owns the port (often dialout)"
            )
        }
        ErrorKind::NoDevice => format!("{path}: not usable, perhaps in use by another program ({error})"),
        _ => format!("{path}: {error}"),
    }
}
