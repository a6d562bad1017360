//! What a tap costs from the call of the recorder to its durable answer, beside what the disk and PostgreSQL can do.
//!
//! Callers wait for their answer before they send again, as tills do. On SQLite everything hangs on the disk, so
//! bare `fdatasync` is measured between the spans. On PostgreSQL the limit is `pgbench` running the statements of
//! the recorder on the same server, in turn with it, in the faster of two forms. Figures are medians over the rounds; CPU per punch is that of
//! the whole process, callers included.
//!
//! `INGEST_ONLY=sqlite` or `postgres` measures one of them, `INGEST_SECONDS` changes the length of a span.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reads the environment and clocks, and fails by panicking"
)]

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::id::{MerchantId, PassTypeIdentifier, StationId};
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::captures::{LARGEST_SET, Recorder, WORKERS};
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::Store;
use tokio::task::JoinSet;

#[path = "ingest/cluster.rs"]
mod cluster;
#[path = "ingest/pgbench.rs"]
mod pgbench;

use cluster::Cluster;
use pgbench::Form;

const CARDS: usize = 10_000;
const GOAL: i64 = 10;
const SQLITE_ROUNDS: usize = 3;
const POSTGRES_ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let only = std::env::var("INGEST_ONLY").unwrap_or_default();
    let seconds = std::env::var("INGEST_SECONDS").map_or(3.0, |text| text.parse().expect("a number"));
    let span = Duration::from_secs_f64(seconds);
    if only != "postgres" {
        sqlite(span).await;
    }
    if only != "sqlite" {
        match Cluster::start() {
            Some(cluster) => postgres(&cluster, span).await,
            None => println!("ingest.pg is skipped: PostgreSQL with pgbench is not installed"),
        }
    }
}

async fn sqlite(span: Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("ingest.sqlite").display());
    let shop = Shop::open(&url).await;
    shop.tap(16, span / 4).await;
    let mut syncs = Vec::new();
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for _ in 0..SQLITE_ROUNDS {
        syncs.push(syncs_per_second(folder.path(), span / 6));
        few.push(shop.tap(16, span).await);
        syncs.push(syncs_per_second(folder.path(), span / 6));
        many.push(shop.tap(256, span).await);
    }
    println!("figure ingest.fdatasync {:.0} /s", median(syncs));
    for (callers, taps) in [(16, few), (256, many)] {
        let name = format!("ingest.sqlite.{callers}");
        let of = |read: fn(&Taps) -> f64| median(taps.iter().map(read).collect());
        println!("figure {name} {:.0} punches/s", of(|taps| taps.per_second));
        println!("figure {name}.p99_ms {:.2} ms", of(|taps| taps.p99_ms));
        println!("figure {name}.cpu_us {:.1} us", of(|taps| taps.cpu_us));
        if callers == 256 {
            println!("figure ingest.sqlite.cpu_us {:.1} us", of(|taps| taps.cpu_us));
        }
    }
}

async fn postgres(cluster: &Cluster, span: Duration) {
    let shop = Shop::open(&cluster.url()).await;
    let bench = pgbench::Bench::prepare(cluster).await;
    // All workers with a full set each, and as many captures again that wait for them.
    let callers = WORKERS * LARGEST_SET * 2;
    bench.analyze().await;
    shop.tap(callers, span / 2).await;
    bench.run(Form::Arrays, span / 3);
    bench.run(Form::Values, span / 3);
    bench.analyze().await;
    shop.tap(callers, span / 4).await;
    let (mut ours, mut limit, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let (mut limit_of_values, mut client_us) = (Vec::new(), Vec::new());
    for _ in 0..POSTGRES_ROUNDS {
        let before = shop.tap(callers, span / 2).await;
        let arrays = bench.run(Form::Arrays, span);
        let values = bench.run(Form::Values, span);
        let after = shop.tap(callers, span / 2).await;
        let tapped = f64::midpoint(before.per_second, after.per_second);
        client_us.extend([before.cpu_us, after.cpu_us]);
        ours.push(tapped);
        limit.push(arrays);
        limit_of_values.push(values);
        shares.push(tapped / arrays.max(values));
    }
    println!("figure ingest.pg {:.0} punches/s", median(ours));
    println!("figure ingest.pg.cpu_us {:.1} us", median(client_us));
    println!("figure ingest.pgbench {:.0} punches/s", median(limit));
    println!(
        "figure ingest.pgbench_values {:.0} punches/s",
        median(limit_of_values)
    );
    println!("figure ingest.pg_share {:.3} ratio", median(shares));
}

/// A merchant with its cards, and tills that tap them.
struct Shop {
    clock: Clock,
    recorder: Recorder,
    merchant: MerchantId,
    station: StationId,
    counter: Arc<AtomicI64>,
    tokens: Arc<Vec<Token>>,
}

/// What a span of taps came to.
struct Taps {
    per_second: f64,
    p99_ms: f64,
    cpu_us: f64,
}

impl Shop {
    async fn open(url: &str) -> Self {
        let store = Store::open(url, 2 * WORKERS).await.expect("the store opens");
        store.migrate().await.expect("the schema is made");
        let ops = Ops {
            store,
            clock: Clock::System,
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Turnstiles".into(),
            zone: "UTC".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("a merchant");
        let tokens = Arc::new(issue(&ops, merchant).await);
        Self {
            recorder: Recorder::start(&ops),
            station: StationId(ops.ids.next(ops.clock.now())),
            clock: ops.clock,
            merchant,
            counter: Arc::new(AtomicI64::new(1)),
            tokens,
        }
    }

    /// Lets `callers` tap one card after another.
    async fn tap(&self, callers: usize, span: Duration) -> Taps {
        let mut waits = JoinSet::new();
        let (started, cpu) = (Instant::now(), ProcessTime::now());
        for _ in 0..callers {
            let till = Till {
                recorder: self.recorder.clone(),
                clock: self.clock.clone(),
                merchant: self.merchant,
                station: self.station,
                counter: Arc::clone(&self.counter),
                tokens: Arc::clone(&self.tokens),
            };
            waits.spawn(till.tap_until(started + span));
        }
        let mut all: Vec<Duration> = waits.join_all().await.concat();
        let (took, cpu) = (started.elapsed(), cpu.elapsed());
        all.sort();
        let count = f64::from(u32::try_from(all.len()).expect("a few seconds"));
        Taps {
            per_second: count / took.as_secs_f64(),
            p99_ms: all[(all.len() - 1) * 99 / 100].as_secs_f64() * 1e3,
            cpu_us: cpu.as_secs_f64() * 1e6 / count,
        }
    }
}

/// A new program and its cards.
async fn issue(ops: &Ops, merchant: MerchantId) -> Vec<Token> {
    let new = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.bench").expect("valid"),
        reward_name: "Free coffee".into(),
        rules: Rules::punch(GOAL).expect("valid"),
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
                amount: None,
            };
            let asked = Instant::now();
            let answers = self
                .recorder
                .record(self.merchant, vec![capture])
                .await
                .expect("recorded");
            waits.push(asked.elapsed());
            assert!(matches!(&answers[..], [answer] if answer.refusal.is_none()));
        }
        waits
    }
}

/// How often the disk takes a page, written over an older one as SQLite's log is.
fn syncs_per_second(folder: &Path, span: Duration) -> f64 {
    let file = std::fs::File::create(folder.join("sync")).expect("a file");
    file.write_all_at(&[7; 1 << 20], 0).expect("written");
    file.sync_all().expect("synced");
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < span {
        let page = u64::from(count % 256);
        file.write_all_at(&[9; 4096], page * 4096).expect("written");
        file.sync_data().expect("synced");
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
