//! A message's process is killed between any two of its steps, again and again, and started anew: everybody once.
//!
//! The process is this test binary started anew with the test [`process`] alone. The crash is an abort in the very
//! moment in which the step is reported to the log (target `passgate::walk`), so nothing after it has run.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use passgate::clock::{Clock, Ids};
use passgate::domain::id::{MerchantId, MessageId};
use passgate::domain::message::{Audience, State};
use passgate::ops::Ops;
use passgate::store::Store;
use tracing_subscriber::layer::SubscriberExt as _;

use super::check_once;
use super::shop::Shop;
use crate::engines::sqlite_url;
use crate::jobs::crash::Crash;
use crate::postgres;

const URL: &str = "PASSGATE_TEST_MESSAGE_URL";
const MESSAGE: &str = "PASSGATE_TEST_MESSAGE";
const CRASH_AT: &str = "PASSGATE_TEST_MESSAGE_CRASH_AT";

/// At which step each process in turn crashes, and at which time that it comes to it.
const CRASHES: [(&str, u32); 10] = [
    ("message_started", 1),
    ("message_written", 1),
    ("message_committed", 1),
    ("recipients_written", 1),
    ("message_expanded", 1),
    ("message_written", 1),
    ("message_committed", 1),
    ("recipients_written", 1),
    ("message_expanded", 1),
    ("message_written", 1),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_crashes_at_every_step_writes_everybody_down_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut urls = vec![sqlite_url(&folder)];
    urls.extend(postgres::migrated_database().await);
    for url in urls {
        let store = Store::open(&url, 4).await.expect("the store opens");
        store.migrate().await.expect("the schema is made");
        let shop = Shop::open_by(store, Clock::System).await;
        shop.add_many(450).await;
        let message = shop.send(Audience::Program(shop.program)).await;
        let named = format!("{} {}", shop.merchant, message.id);
        for (step, time) in CRASHES {
            let ended = child(&url, &named, Some(&format!("{step} {time}")));
            assert!(ended.signal().is_some(), "no crash at {step} {time}: {ended}");
        }
        assert!(
            !shop.message(message.id).await.is_expanded(),
            "every crash was in the middle"
        );
        assert!(child(&url, &named, None).success());
        check_once(&shop, message.id, 450).await;
    }
}

fn child(url: &str, message: &str, crash_at: Option<&str>) -> std::process::ExitStatus {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args(["messages::crash::process", "--exact", "--nocapture"])
        .env(URL, url)
        .env(MESSAGE, message)
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
    let (Ok(url), Ok(message)) = (std::env::var(URL), std::env::var(MESSAGE)) else {
        return;
    };
    if let Ok(crash_at) = std::env::var(CRASH_AT) {
        let subscriber = tracing_subscriber::registry().with(Crash::at(&crash_at));
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    }
    let (merchant, id) = message.split_once(' ').expect("a merchant and a message");
    let merchant: MerchantId = merchant.parse().expect("an id");
    let id: MessageId = id.parse().expect("an id");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async move {
        let ops = Ops {
            store: Store::open(&url, 4).await.expect("the store opens"),
            clock: Clock::System,
            ids: Ids::random(),
        };
        let is_written = async || {
            let message = ops.message(merchant, id).await.expect("there");
            message.state == State::Running && message.is_expanded()
        };
        while !is_written().await {
            ops.do_chores_named(&["send_messages"]).await.expect("chores");
        }
    });
}
