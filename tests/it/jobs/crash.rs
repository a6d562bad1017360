//! A job's process is killed between any two of its steps, again and again, and started anew: every row exactly once.

use std::os::unix::process::ExitStatusExt as _;

use passgate::domain::bulk::Audience;
use passgate::domain::id::{BatchId, MerchantId};
use passgate::store::Store;
use passgate::store::jobs::JobState;

use super::{ADD, check_once};
use crate::crashing;
use crate::engines::sqlite_url;
use crate::ledger::{Shop, goal};
use crate::postgres;

const BODY: &str = "jobs::crash::process";

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
            let ended = crashing::process(BODY, &url, &job, Some((step, time)));
            assert!(ended.signal().is_some(), "no crash at {step} {time}: {ended}");
        }
        assert_ne!(
            shop.job(batch).await.state,
            JobState::Done,
            "every crash was in the middle"
        );
        assert!(crashing::process(BODY, &url, &job, None).success());
        check_once(&shop.ops, shop.merchant, batch, 250, 0).await;
    }
}

/// Not a test by itself: the body of the processes that crash.
#[test]
fn process() {
    crashing::run(async |ops, merchant: MerchantId, batch: BatchId| {
        while ops.job(merchant, batch).await.expect("there").state != JobState::Done {
            ops.do_chores().await.expect("chores");
        }
    });
}
