//! Processes that crash at a given step: this test binary started anew with one test alone, which is the process's body.
//!
//! The crash is an abort in the very moment in which the step is reported to the log (target `passgate::walk`), so nothing
//! after it has run.

use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use passgate::clock::{Clock, Ids};
use passgate::ops::Ops;
use passgate::store::Store;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

const URL: &str = "PASSGATE_TEST_CRASHING_URL";
const SUBJECT: &str = "PASSGATE_TEST_CRASHING_SUBJECT";
const CRASH_AT: &str = "PASSGATE_TEST_CRASHING_AT";

/// Runs the test `body` in a process of its own, on the store at `url`, until it ends or comes to the step and the time
/// that `crash_at` names. What it works on it is told as `subject`.
pub(crate) fn process(body: &str, url: &str, subject: &str, crash_at: Option<(&str, u32)>) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args([body, "--exact", "--nocapture"])
        .env(URL, url)
        .env(SUBJECT, subject)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some((step, time)) = crash_at {
        command.env(CRASH_AT, format!("{step} {time}"));
    }
    command.status().expect("this binary starts")
}

/// The whole of such a body: does `work` with a gateway's operations and the two ids of the subject. Without a parent
/// process, when all tests are run, it does nothing.
pub(crate) fn run<A, B>(work: impl AsyncFnOnce(Ops, A, B))
where
    A: std::str::FromStr<Err: std::fmt::Debug>,
    B: std::str::FromStr<Err: std::fmt::Debug>,
{
    let (Ok(url), Ok(subject)) = (std::env::var(URL), std::env::var(SUBJECT)) else {
        return;
    };
    if let Ok(crash_at) = std::env::var(CRASH_AT) {
        let subscriber = tracing_subscriber::registry().with(Crash::at(&crash_at));
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    }
    let (first, second) = subject.split_once(' ').expect("two ids");
    let (first, second) = (first.parse().expect("an id"), second.parse().expect("an id"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async move {
        let ops = Ops {
            store: Store::open(&url, 4).await.expect("the store opens"),
            clock: Clock::System,
            ids: Ids::random(),
        };
        work(ops, first, second).await;
    });
}

/// Aborts the process when it comes to a step for the n-th time.
struct Crash {
    step: String,
    left: AtomicU32,
}

impl Crash {
    /// Reads "step number".
    fn at(text: &str) -> Self {
        let (step, time) = text.split_once(' ').expect("a step and a number");
        Self {
            step: step.to_owned(),
            left: AtomicU32::new(time.parse().expect("a number")),
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for Crash {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "passgate::walk" {
            let mut is_step = IsStep(&self.step, false);
            event.record(&mut is_step);
            if is_step.1 && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                std::process::abort();
            }
        }
    }
}

struct IsStep<'a>(&'a str, bool);

impl Visit for IsStep<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.1 |= field.name() == "step" && value == self.0;
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
