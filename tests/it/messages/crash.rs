//! A message's process is killed between any two of its steps, again and again, and started anew: everybody once.

use std::os::unix::process::ExitStatusExt as _;

use passgate::clock::Clock;
use passgate::domain::id::{MerchantId, MessageId};
use passgate::domain::message::{Audience, State};
use passgate::store::Store;

use super::check_once;
use super::shop::Shop;
use crate::crashing;
use crate::engines::sqlite_url;
use crate::postgres;

const BODY: &str = "messages::crash::process";

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
            let ended = crashing::process(BODY, &url, &named, Some((step, time)));
            assert!(ended.signal().is_some(), "no crash at {step} {time}: {ended}");
        }
        assert!(
            !shop.message(message.id).await.is_expanded(),
            "every crash was in the middle"
        );
        assert!(crashing::process(BODY, &url, &named, None).success());
        check_once(&shop, message.id, 450).await;
    }
}

/// Not a test by itself: the body of the processes that crash.
#[test]
fn process() {
    crashing::run(async |ops, merchant: MerchantId, id: MessageId| {
        let is_written = async || {
            let message = ops.message(merchant, id).await.expect("there");
            message.state == State::Running && message.is_expanded()
        };
        while !is_written().await {
            ops.do_chores_named(&["send_messages"]).await.expect("chores");
        }
    });
}
