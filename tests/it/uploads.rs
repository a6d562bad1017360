//! Files that are uploaded to import, on both engines: read in pieces, tried, imported once, gone on with by another
//! node, stopped, and forgotten.

use std::time::Duration;

use passgate::domain::event::{Actor, Source};
use passgate::domain::id::{MemberId, UploadId};
use passgate::domain::import::Counts;
use passgate::domain::program::Rules;
use passgate::domain::upload::{UploadProblem, UploadState};
use passgate::ops::cards::Holder;
use passgate::ops::erasure::Erasure;
use passgate::ops::export::{ExportRequest, Which};
use passgate::ops::import::ImportError;
use passgate::ops::uploads::{KEPT, LARGEST, UploadError};
use passgate::store::uploads::{self, Progress, Upload};
use passgate::store::{Error, Store};
use tokio_util::sync::CancellationToken;

use crate::business::{self, Business};
use crate::engines::for_each_engine;

const MEMBER: MemberId = MemberId(71);

struct Desk(Business);

impl Desk {
    async fn open(store: Store) -> Self {
        Self(business::open(store, "UTC", Rules::punch(5).expect("rules")).await)
    }

    /// Uploads a file, a few bytes at a time.
    async fn upload(&self, file: &[u8]) -> Result<UploadId, UploadError> {
        let Business {
            ops,
            merchant,
            program,
        } = &self.0;
        let mut receiving = ops
            .receive_upload(*merchant, MEMBER, "people.csv", Some(*program), true)
            .await?;
        for bytes in file.chunks(70_001) {
            if let Err(error) = receiving.take(bytes).await {
                receiving.give_up().await.expect("given up");
                return Err(error);
            }
        }
        receiving.finish().await
    }

    async fn now(&self, upload: UploadId) -> Upload {
        self.0.ops.upload(self.0.merchant, upload).await.expect("a file")
    }

    async fn choose(&self, upload: UploadId, meanings: &[&str]) -> Result<(), UploadError> {
        let meanings = meanings.iter().map(|meaning| (*meaning).to_owned()).collect();
        self.0.ops.try_upload(self.0.merchant, upload, meanings).await
    }

    /// A node at work, which is told to stop before it begins when `stops`: it does one transaction's worth.
    async fn work(&self, stops: bool) -> bool {
        let stop = CancellationToken::new();
        if stops {
            stop.cancel();
        }
        self.0.ops.work_uploads(&stop).await.expect("worked")
    }

    async fn people(&self) -> usize {
        let mut file = Vec::new();
        let request = ExportRequest {
            merchant: self.0.merchant,
            which: Which::People,
            program: None,
            columns: Some(vec!["email".into()]),
            filter: "people".into(),
            actor: Actor::Gateway,
        };
        let rows = self.0.ops.export(request, &mut file).await.expect("an export");
        usize::try_from(rows).expect("few")
    }
}

/// A header and `count` people.
fn people(count: usize) -> Vec<u8> {
    let mut file = String::from("name;mail;visits so far\n");
    for number in 0..count {
        file.push_str(&format!("Zoë {number};zoe{number}@example.com;1\n"));
    }
    file.into_bytes()
}

const MEANINGS: [&str; 3] = ["first_name", "email", "stamps"];

fn counts(created: i64, unchanged: i64, failed: i64) -> Counts {
    Counts {
        created,
        updated: 0,
        unchanged,
        failed,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_tried_before_it_is_imported_and_imported_once() {
    for_each_engine(async |store| {
        let desk = Desk::open(store).await;
        let mut file = people(450);
        file.extend_from_slice(b"Nobody;not an address;1\n");
        let upload = desk.upload(&file).await.expect("taken");
        let sheet = desk
            .0
            .ops
            .upload_sheet(desk.0.merchant, upload)
            .await
            .expect("a sheet");
        let guessed: Vec<_> = sheet.meanings.iter().map(|column| column.as_str()).collect();
        assert_eq!(guessed, ["first_name", "email", "ignore"]);
        assert_eq!(sheet.head.rows[2], ["Zoë 2", "zoe2@example.com", "1"]);

        let run = desk.0.ops.run_upload(desk.0.merchant, upload).await;
        assert!(
            matches!(run, Err(UploadError::Moved(UploadState::Received))),
            "{run:?}"
        );
        let twice = desk.choose(upload, &["email", "email", "ignore"]).await;
        assert!(
            matches!(twice, Err(UploadError::Import(ImportError::Mapping(_)))),
            "{twice:?}"
        );

        desk.choose(upload, &MEANINGS).await.expect("chosen");
        assert!(desk.work(false).await);
        let tried = desk.now(upload).await;
        assert_eq!(
            (tried.state, tried.counts),
            (UploadState::Tried, counts(450, 0, 1))
        );
        assert_eq!(desk.people().await, 0, "a try writes nobody");
        let failures = desk.0.ops.upload_failures(&tried, 0).await.expect("failures");
        assert_eq!((failures.len(), failures[0].line), (1, 452));
        assert_eq!(failures[0].problems[0].column, "mail");

        let ops = &desk.0.ops;
        ops.run_upload(desk.0.merchant, upload).await.expect("begun");
        ops.run_upload(desk.0.merchant, upload)
            .await
            .expect("a second click is no second run");
        assert!(desk.work(false).await);
        assert!(!desk.work(false).await, "nothing is left to do");
        let done = desk.now(upload).await;
        assert_eq!((done.state, done.counts), (UploadState::Done, counts(450, 0, 1)));
        assert_eq!(desk.people().await, 450);
        let failures = ops.upload_failures(&done, 0).await.expect("failures");
        assert_eq!(failures.len(), 1, "the run's own are kept");
        let piece = ops
            .upload_sheet(desk.0.merchant, upload)
            .await
            .expect("a sheet")
            .head;
        assert!(piece.rows.is_empty(), "the file itself is gone");

        // The same file once more makes nobody twice.
        let again = desk.upload(&file).await.expect("taken");
        desk.choose(again, &MEANINGS).await.expect("chosen");
        desk.work(false).await;
        assert_eq!(desk.now(again).await.counts, counts(0, 450, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_and_one_that_was_slow_writes_nothing_more() {
    for_each_engine(async |store| {
        let desk = Desk::open(store).await;
        let (ops, merchant) = (&desk.0.ops, desk.0.merchant);
        let upload = desk.upload(&people(500)).await.expect("taken");
        desk.choose(upload, &MEANINGS).await.expect("chosen");
        desk.work(false).await;
        ops.run_upload(merchant, upload).await.expect("begun");

        // Stopped in good order: the next one goes on at once.
        assert!(desk.work(true).await);
        let left = desk.now(upload).await;
        assert_eq!(
            (left.state, left.counts),
            (UploadState::Running, counts(200, 0, 0))
        );
        assert_eq!(desk.people().await, 200);

        // Died: its lease has to run out.
        let claim = async || {
            let now = ops.clock.now();
            ops.store
                .write("claim", move |tx| {
                    Box::pin(
                        async move { uploads::claim(tx, now, now.plus(Duration::from_secs(30)), 77).await },
                    )
                })
                .await
                .expect("claimed")
        };
        let dead = claim().await.expect("something to do");
        assert!(!desk.work(false).await, "somebody works on it");
        ops.clock.advance(Duration::from_secs(31));
        assert!(desk.work(false).await);
        let done = desk.now(upload).await;
        assert_eq!((done.state, done.counts), (UploadState::Done, counts(500, 0, 0)));
        assert_eq!(desk.people().await, 500);

        let late: Result<bool, Error> = ops
            .store
            .write("late_note", move |tx| {
                let dead = dead.clone();
                Box::pin(async move {
                    uploads::note(tx, &dead, &Progress::default(), dead.upload.expires_at).await
                })
            })
            .await;
        assert!(
            !late.expect("answered"),
            "what is not its own any more it does not touch"
        );
        assert_eq!(desk.now(upload).await.counts, counts(500, 0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_import_keeps_what_is_done_and_the_same_file_goes_on() {
    for_each_engine(async |store| {
        let desk = Desk::open(store).await;
        let (ops, merchant) = (&desk.0.ops, desk.0.merchant);
        let file = people(300);
        let upload = desk.upload(&file).await.expect("taken");
        desk.choose(upload, &MEANINGS).await.expect("chosen");
        let state = ops.stop_upload(merchant, upload).await.expect("stopped");
        assert_eq!(
            state,
            UploadState::Received,
            "a try that is stopped can begin anew"
        );
        desk.choose(upload, &MEANINGS).await.expect("chosen");
        desk.work(false).await;
        ops.run_upload(merchant, upload).await.expect("begun");
        desk.work(true).await;
        let busy = ops.discard_upload(merchant, upload).await;
        assert!(
            matches!(busy, Err(UploadError::Moved(UploadState::Running))),
            "{busy:?}"
        );
        let state = ops.stop_upload(merchant, upload).await.expect("stopped");
        assert_eq!(state, UploadState::Cancelled);
        assert!(!desk.work(false).await);
        assert_eq!(desk.people().await, 200);

        let again = desk.upload(&file).await.expect("taken");
        desk.choose(again, &MEANINGS).await.expect("chosen");
        desk.work(false).await;
        ops.run_upload(merchant, again).await.expect("begun");
        desk.work(false).await;
        let done = desk.now(again).await;
        assert_eq!((done.state, done.counts), (UploadState::Done, counts(300, 0, 0)));
        assert_eq!(desk.people().await, 300);
        ops.discard_upload(merchant, again).await.expect("discarded");
        let gone = ops.upload(merchant, again).await;
        assert!(matches!(gone, Err(UploadError::NotFound)), "{gone:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_and_not_kept() {
    for_each_engine(async |store| {
        let desk = Desk::open(store).await;
        let refused = async |file: &[u8]| desk.upload(file).await.expect_err("refused");
        let encoding = refused(b"name\nZo\xeb\n").await;
        assert!(
            matches!(
                encoding,
                UploadError::Import(ImportError::Encoding { line: 2, byte: 8, .. })
            ),
            "{encoding:?}"
        );
        let mut quote = b"name,mail\nAda,\"a@example.com\n".to_vec();
        quote.resize(1 << 20, b'x');
        let quote = refused(&quote).await;
        assert!(
            matches!(quote, UploadError::Import(ImportError::LongRow { line: 2, .. })),
            "{quote:?}"
        );
        let mut cell = b"name\n".to_vec();
        cell.resize(10 << 20, b'x');
        let cell = refused(&cell).await;
        assert!(
            matches!(cell, UploadError::Import(ImportError::LongRow { line: 2, .. })),
            "{cell:?}"
        );
        assert!(matches!(refused(b"").await, UploadError::Empty));
        assert!(matches!(refused(b" , \n,\n").await, UploadError::Empty));
        let columns = "a,".repeat(300);
        let columns = refused(columns.as_bytes()).await;
        assert!(
            matches!(columns, UploadError::Import(ImportError::Mapping(_))),
            "{columns:?}"
        );
        let kept = desk.0.ops.uploads(desk.0.merchant).await.expect("a list");
        assert!(kept.is_empty(), "{kept:?}");

        let mut waiting = Vec::new();
        for _ in 0..10 {
            waiting.push(desk.upload(b"name\nAda\n").await.expect("taken"));
        }
        assert!(matches!(refused(b"name\nAda\n").await, UploadError::TooMany));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_broken_off_does_not_keep_others_out_for_a_day() {
    for_each_engine(async |store| {
        let desk = Desk::open(store).await;
        let Business {
            ops,
            merchant,
            program,
        } = &desk.0;
        for _ in 0..10 {
            let begun = ops.receive_upload(*merchant, MEMBER, "people.csv", Some(*program), true);
            let mut receiving = begun.await.expect("begun");
            receiving.take(b"name\nAda").await.expect("taken");
            // The connection breaks, and nobody says so.
            drop(receiving);
        }
        let refused = desk.upload(b"name\nAda\n").await;
        assert!(matches!(refused, Err(UploadError::TooMany)), "{refused:?}");
        ops.clock.advance(Duration::from_hours(1));
        ops.do_chores_named(&["forget_uploads"]).await.expect("forgotten");
        desk.upload(b"name\nAda\n").await.expect("taken");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_be_large_and_not_larger() {
    let (store, _folder) = crate::engines::sqlite().await;
    let desk = Desk::open(store).await;
    let mut file = b"name\n".to_vec();
    while file.len() < LARGEST - 64 {
        file.extend_from_slice(b"a name of sixty-three letters, which is long enough for most\n");
    }
    file.truncate(LARGEST);
    desk.upload(&file).await.expect("taken");
    file.resize(LARGEST + 1, b'\n');
    let refused = desk.upload(&file).await;
    assert!(matches!(refused, Err(UploadError::TooLarge)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_forgotten_after_a_day_and_when_somebody_is_erased() {
    for_each_engine(async |store| {
        let desk = Desk::open(store).await;
        let (ops, merchant) = (&desk.0.ops, desk.0.merchant);
        let old = desk.upload(&people(1)).await.expect("taken");
        desk.choose(old, &MEANINGS).await.expect("chosen");
        desk.work(false).await;
        ops.run_upload(merchant, old).await.expect("begun");
        desk.work(false).await;
        ops.clock.advance(KEPT - Duration::from_secs(60));
        ops.do_chores_named(&["forget_uploads"]).await.expect("a chore");
        assert_eq!(desk.now(old).await.state, UploadState::Done);

        let waiting = desk.upload(&people(3)).await.expect("taken");
        ops.clock.advance(Duration::from_secs(120));
        ops.do_chores_named(&["forget_uploads"]).await.expect("a chore");
        let gone = ops.upload(merchant, old).await;
        assert!(matches!(gone, Err(UploadError::NotFound)), "{gone:?}");
        assert_eq!(desk.now(waiting).await.state, UploadState::Received);

        let holder = Holder {
            name: "Ada".into(),
            email: Some("ada@example.com".into()),
            phone: None,
        };
        let card = ops.issue(merchant, desk.0.program, holder).await.expect("a card");
        let erasure = Erasure {
            merchant,
            customer: card.card.customer,
            actor: Actor::Gateway,
            source: Source::Console,
        };
        ops.erase_customer(erasure, Duration::ZERO)
            .await
            .expect("asked for");
        let erased = ops.do_chores_named(&["erase_customers"]).await.expect("a chore");
        assert_eq!(erased, 1);
        let withdrawn = desk.now(waiting).await;
        assert_eq!(
            (withdrawn.state, withdrawn.problem, withdrawn.name.as_str()),
            (UploadState::Failed, Some(UploadProblem::Erased), "")
        );
        let sheet = ops.upload_sheet(merchant, waiting).await.expect("a sheet");
        assert!(sheet.head.rows.is_empty() && sheet.upload.header.is_empty());
    })
    .await;
}
