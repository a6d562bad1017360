//! What a tap costs from the call of the recorder to its durable answer, on a database of ten thousand cards.
//!
//! Callers wait for their answer before they send again, as tills do. Everything hangs on the disk, so the rate of
//! bare `fdatasync` on the same disk is measured in the same run. Prints, for 1, 16 and 256 callers,
//! `figure ingest.N.taps VALUE /s`, `figure ingest.N.p50 VALUE ms`, `figure ingest.N.p99 VALUE ms`, and
//! `figure ingest.fdatasync VALUE /s`. `INGEST_URL` names another database than a new SQLite file.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reads the environment and clocks, and fails by panicking"
)]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::id::{MerchantId, PassTypeIdentifier, StationId};
use passgate::domain::program::PunchRules;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::Store;
use tokio::task::JoinSet;

const CARDS: usize = 10_000;
const SPAN: Duration = Duration::from_secs(5);
const SYNCS: u32 = 300;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = format!("sqlite:{}", folder.path().join("ingest.sqlite").display());
    let url = std::env::var("INGEST_URL").unwrap_or(sqlite);
    println!(
        "figure ingest.fdatasync {:.0} /s",
        syncs_per_second(folder.path())
    );

    let store = Store::open(&url, 16).await.expect("the store opens");
    store.migrate().await.expect("the schema is made");
    let ops = Ops {
        store,
        clock: Clock::System,
        ids: Ids::random(),
    };
    let merchant = ops
        .create_merchant(NewBusiness {
            name: "Turnstiles".into(),
            zone: "UTC".into(),
        })
        .await
        .expect("a merchant");
    let tokens = Arc::new(issue(&ops, merchant).await);
    let station = StationId(ops.ids.next(ops.clock.now()));
    let recorder = Recorder::start(&ops);
    let counter = Arc::new(AtomicI64::new(1));
    for callers in [1, 16, 256] {
        let mut waits = JoinSet::new();
        let started = Instant::now();
        for _ in 0..callers {
            let till = Till {
                recorder: recorder.clone(),
                clock: ops.clock.clone(),
                merchant,
                station,
                counter: Arc::clone(&counter),
                tokens: Arc::clone(&tokens),
            };
            waits.spawn(till.tap_until(started + SPAN));
        }
        let mut all: Vec<Duration> = waits.join_all().await.concat();
        let took = started.elapsed().as_secs_f64();
        all.sort();
        let rank = |percent: usize| all[(all.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        let taps = u32::try_from(all.len()).expect("a few seconds");
        println!("figure ingest.{callers}.taps {:.0} /s", f64::from(taps) / took);
        println!("figure ingest.{callers}.p50 {:.2} ms", rank(50));
        println!("figure ingest.{callers}.p99 {:.2} ms", rank(99));
    }
}

/// A new program and its cards.
async fn issue(ops: &Ops, merchant: MerchantId) -> Vec<Token> {
    let new = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.bench").expect("valid"),
        reward_name: "Free coffee".into(),
        rules: PunchRules::new(10).expect("valid"),
    };
    let program = ops.create_program(merchant, new).await.expect("a program");
    let mut issues = JoinSet::new();
    for part in 0..100 {
        let ops = ops.clone();
        issues.spawn(async move {
            let mut tokens = Vec::new();
            for card in 0..CARDS / 100 {
                let holder = Holder {
                    name: format!("Holder {part} {card}"),
                    email: None,
                    phone: None,
                };
                let issued = ops.issue(merchant, program, holder).await.expect("a card");
                tokens.push(issued.card.token);
            }
            tokens
        });
    }
    issues.join_all().await.concat()
}

struct Till {
    recorder: Recorder,
    clock: Clock,
    merchant: MerchantId,
    station: StationId,
    counter: Arc<AtomicI64>,
    tokens: Arc<Vec<Token>>,
}

impl Till {
    /// Taps one card after another; how long each answer took.
    async fn tap_until(self, end: Instant) -> Vec<Duration> {
        let mut waits = Vec::new();
        while Instant::now() < end {
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            // A prime step, so that neighbours in time are strangers in the database.
            let card = usize::try_from(counter).expect("positive") * 7919 % self.tokens.len();
            let capture = Capture {
                key: CaptureKey {
                    station: self.station,
                    counter,
                },
                kind: CaptureKind::Barcode,
                token: self.tokens[card].clone(),
                captured_at: self.clock.now(),
            };
            let asked = Instant::now();
            let answers = self
                .recorder
                .record(self.merchant, vec![capture])
                .await
                .expect("recorded");
            waits.push(asked.elapsed());
            assert_eq!(answers.len(), 1);
        }
        waits
    }
}

fn syncs_per_second(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("sync")).expect("a file");
    let started = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; 4096]).expect("written");
        file.sync_data().expect("synced");
    }
    f64::from(SYNCS) / started.elapsed().as_secs_f64()
}
