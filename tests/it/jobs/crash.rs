//! A job's process is killed between any two of its steps, again and again, and started anew: every row exactly once.
//!
//! The process is this test binary started anew with the test [`process`] alone. The crash is an abort in the very
//! moment in which the step is reported to the log (target `passgate::walk`), so nothing after it has run.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use passgate::clock::{Clock, Ids};
use passgate::domain::bulk::Audience;
use passgate::domain::id::{BatchId, MerchantId};
use passgate::ops::Ops;
use passgate::store::Store;
use passgate::store::jobs::JobState;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{ADD, check_once};
use crate::engines::sqlite_url;
use crate::ledger::{Shop, goal};
use crate::postgres;

const URL: &str = "PASSGATE_TEST_JOB_URL";
const JOB: &str = "PASSGATE_TEST_JOB";
const CRASH_AT: &str = "PASSGATE_TEST_JOB_CRASH_AT";

/// At which step each process in turn crashes, and at which time that it comes to it.
const CRASHES: [(&str, u32); 10] = [
    ("job_gathered", 1),
    ("job_written", 1),
    ("job_committed", 1),
    ("job_gathered", 2),
    ("job_decided", 1),
    ("changes_appended", 1),
    ("job_written", 1),
    ("job_committed", 1),
    ("changes_appended", 2),
    ("job_written", 2),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_crashes_at_every_step_changes_every_card_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut urls = vec![sqlite_url(&folder)];
    urls.extend(postgres::migrated_database().await);
    for url in urls {
        let store = Store::open(&url, 4).await.expect("the store opens");
        store.migrate().await.expect("the schema is made");
        let shop = Shop::open(store, goal(1000)).await;
        shop.cards(250).await;
        let batch = shop.start(ADD, Audience::Program(shop.program)).await;
        let job = format!("{} {}", shop.merchant, batch);
        for (step, time) in CRASHES {
            let ended = child(&url, &job, Some(&format!("{step} {time}")));
            assert!(ended.signal().is_some(), "no crash at {step} {time}: {ended}");
        }
        assert_ne!(
            shop.job(batch).await.state,
            JobState::Done,
            "every crash was in the middle"
        );
        assert!(child(&url, &job, None).success());
        check_once(&shop.ops, shop.merchant, batch, 250, 0).await;
    }
}

fn child(url: &str, job: &str, crash_at: Option<&str>) -> std::process::ExitStatus {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args(["jobs::crash::process", "--exact", "--nocapture"])
        .env(URL, url)
        .env(JOB, job)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(step) = crash_at {
        command.env(CRASH_AT, step);
    }
    command.status().expect("this binary starts")
}

/// Not a test by itself: the body of the processes that crash.
#[test]
fn process() {
    let (Ok(url), Ok(job)) = (std::env::var(URL), std::env::var(JOB)) else {
        return;
    };
    if let Ok(crash_at) = std::env::var(CRASH_AT) {
        let subscriber = tracing_subscriber::registry().with(Crash::at(&crash_at));
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    }
    let (merchant, batch) = job.split_once(' ').expect("a merchant and a job");
    let merchant: MerchantId = merchant.parse().expect("an id");
    let batch: BatchId = batch.parse().expect("an id");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async move {
        let ops = Ops {
            store: Store::open(&url, 4).await.expect("the store opens"),
            clock: Clock::System,
            ids: Ids::random(),
        };
        while ops.job(merchant, batch).await.expect("there").state != JobState::Done {
            ops.do_chores().await.expect("chores");
        }
    });
}

/// Aborts the process when it comes to a step for the n-th time.
pub(crate) struct Crash {
    step: String,
    left: AtomicU32,
}

impl Crash {
    /// Reads "step number".
    pub(crate) fn at(text: &str) -> Self {
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
