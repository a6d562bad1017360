//! What live counts cost at 1 000 000 cards: reading all chips and the grid, and keeping them in a punch.
//!
//! Punches go through the recorder, in turn with and without counting, on the same cards of the same database; the chores
//! that fold counts and look at due cards run beside the turns that count. CPU is that of the whole process. Nearly every
//! punch moves its card: the cards were last visited anything up to two years ago.
//!
//! `COUNTS_ONLY=sqlite` or `postgres` measures one of them, `COUNTS_CARDS` changes how many cards there are.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reads the environment and clocks, and fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::chips::Chip;
use passgate::domain::id::{MerchantId, PassTypeIdentifier, StationId};
use passgate::domain::program::Rules;
use passgate::ops::captures::Recorder;
use passgate::ops::chores::EVERY;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::ops::{Ops, chores};
use passgate::store::{Error, Store, Value};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[allow(dead_code, reason = "another benchmark uses the rest of it")]
#[path = "ingest/cluster.rs"]
mod cluster;

const CALLERS: usize = 256;
const ROUNDS: usize = 5;
const SPAN: Duration = Duration::from_secs(2);
const READS: usize = 200;
/// Cards that one statement makes.
const PART: i64 = 10_000;

/// Cards `$4` and the `$5` behind it. Two years of joining, visits in each of them, a fifth with money.
const CARDS: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, \
     channels, punches, rewards, visits, spend, scans, redemptions, last_visit_at, earned_on_day, installed_as, \
     installed_at, created_at, version, changed_at) \
     with recursive n (i) as (select cast($4 as bigint) union all \
     select n.i + 1 from n where n.i < cast($4 as bigint) + cast($5 as bigint) - 1) \
     select cast($1 as bigint), n.i, cast($2 as bigint), n.i, 'serial-' || n.i, 'token-' || n.i, case n.i % 3 when 0 then 'pending' else 'installed' end, \
     0, n.i % 10, case n.i % 7 when 0 then 1 else 0 end, n.i % 14, (n.i % 14) * (n.i % 900), n.i % 14, n.i % 2, \
     case n.i % 14 when 0 then null else cast($3 as bigint) - (n.i * 7919 % 365) * 86400000 - n.i % 86400000 end, 0, cast($2 as bigint), \
     cast($3 as bigint) - 400 * cast(86400000 as bigint), \
     cast($3 as bigint) - 365 * cast(86400000 as bigint) - (n.i * 104729 % 365) * 86400000, 1, cast($3 as bigint) from n";
const TOKENS: &str = "insert into tokens (merchant_id, token, card_id) \
     select merchant_id, token, card_id from cards where merchant_id = $1 and card_id >= $2 and card_id < $3";

#[tokio::main]
async fn main() {
    let only = std::env::var("COUNTS_ONLY").unwrap_or_default();
    let cards = std::env::var("COUNTS_CARDS").map_or(1_000_000, |text| text.parse().expect("a number"));
    if only != "postgres" {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("counts.sqlite").display());
        measure(&url, "sqlite", cards).await;
    }
    if only != "sqlite" {
        match cluster::Cluster::start() {
            Some(cluster) => measure(&cluster.url(), "pg", cards).await,
            None => println!("segments.pg is skipped: PostgreSQL with pgbench is not installed"),
        }
    }
}

async fn measure(url: &str, engine: &str, cards: i64) {
    let shop = Shop::open(url, cards).await;
    let started = Instant::now();
    let counted = shop.ops.do_chores().await.expect("chores are done");
    let per_second = cards as f64 / started.elapsed().as_secs_f64();
    println!("figure segments.{engine}.counted_anew {per_second:.0} cards/s");
    assert!(counted > 0);
    let all: i64 = shop.read().await.0.iter().sum();
    assert_eq!(all, cards, "every card is in one program");

    // The caches of both find their size before anything is measured.
    shop.punch(true, SPAN / 2).await;
    shop.punch(false, SPAN / 2).await;
    let (mut with, mut without, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let counting = shop.punch(true, SPAN).await;
        with.push(counting.0);
        rates.push(counting.1);
        without.push(shop.punch(false, SPAN).await.0);
    }
    // What a page that opens in the middle of all that waits.
    let stop = CancellationToken::new();
    let taps = shop.start(true, SPAN);
    let background = tokio::spawn(chores::run(shop.ops.clone(), stop.clone()));
    let busy = shop.reads().await;
    taps.join_all().await;
    stop.cancel();
    background.await.expect("chores end");
    shop.ops.do_chores().await.expect("chores are done");
    let quiet = shop.reads().await;
    let extra: Vec<f64> = with
        .iter()
        .zip(&without)
        .map(|(with, without)| with - without)
        .collect();
    println!(
        "figure segments.{engine}.chips_ms {:.3} ms",
        median(quiet.clone())
    );
    println!("figure segments.{engine}.chips_busy_ms {:.3} ms", median(busy));
    println!("figure segments.{engine}.punch_with_us {:.1} us", median(with));
    println!(
        "figure segments.{engine}.punch_without_us {:.1} us",
        median(without)
    );
    println!(
        "figure segments.{engine}.punch_extra_us {:.1} us",
        median(extra.clone())
    );
    println!("figure segments.{engine}.punches {:.0} punches/s", median(rates));
    if engine == "sqlite" {
        println!("figure segments.chips_ms {:.3} ms", median(quiet));
        println!("figure segments.punch_extra_us {:.1} us", median(extra));
    }
}

struct Shop {
    ops: Ops,
    merchant: MerchantId,
    station: StationId,
    counting: Recorder,
    bare: Recorder,
    counter: Arc<AtomicI64>,
    cards: i64,
}

impl Shop {
    async fn open(url: &str, cards: i64) -> Self {
        let store = Store::open(url, 8).await.expect("the store opens");
        store.migrate().await.expect("the schema is made");
        let ops = Ops {
            store: store.clone(),
            clock: Clock::System,
            ids: Ids::random(),
        };
        let bare = Ops {
            store: store.without_counts(),
            ..ops.clone()
        };
        let business = NewBusiness {
            name: "Turnstiles".into(),
            zone: "UTC".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("a merchant");
        let program = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.bench").expect("valid"),
            reward_name: "Free coffee".into(),
            rules: Rules::punch(10).expect("valid"),
        };
        let program = ops.create_program(merchant, program).await.expect("a program");
        let now = ops.clock.now();
        let mut first = 1;
        while first <= cards {
            let many = PART.min(cards - first + 1);
            let made: Result<(), Error> = store
                .write("bench_cards", move |tx| {
                    let cards: [Value; 5] = [
                        merchant.into(),
                        program.into(),
                        now.into(),
                        first.into(),
                        many.into(),
                    ];
                    let tokens: [Value; 3] = [merchant.into(), first.into(), (first + many).into()];
                    Box::pin(async move {
                        tx.exec(CARDS, &cards).await?;
                        tx.exec(TOKENS, &tokens).await?;
                        Ok(())
                    })
                })
                .await;
            made.expect("cards are made");
            first += many;
        }
        Self {
            counting: Recorder::start(&ops),
            bare: Recorder::start(&bare),
            station: StationId(ops.ids.next(now)),
            ops,
            merchant,
            counter: Arc::new(AtomicI64::new(1)),
            cards,
        }
    }

    /// Lets callers tap one card after another, with or without counting.
    fn start(&self, counts: bool, span: Duration) -> JoinSet<i64> {
        let end = Instant::now() + span;
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let recorder = if counts { &self.counting } else { &self.bare }.clone();
            let (clock, merchant, station) = (self.ops.clock.clone(), self.merchant, self.station);
            let (counter, cards) = (Arc::clone(&self.counter), self.cards);
            callers.spawn(async move {
                let mut taps = 0;
                while Instant::now() < end {
                    let counter = counter.fetch_add(1, Ordering::Relaxed);
                    // A prime step, so that neighbours in time are strangers in the database.
                    let card = counter * 7_919 % cards + 1;
                    let capture = Capture {
                        key: CaptureKey { station, counter },
                        kind: CaptureKind::Barcode,
                        token: Token::parse(&format!("token-{card}")).expect("a token"),
                        captured_at: clock.now(),
                        amount: None,
                    };
                    let answers = recorder.record(merchant, vec![capture]).await.expect("recorded");
                    assert!(matches!(&answers[..], [answer] if answer.refusal.is_none()));
                    taps += 1;
                }
                taps
            });
        }
        callers
    }

    /// CPU of one punch in microseconds, and punches in a second.
    async fn punch(&self, counts: bool, span: Duration) -> (f64, f64) {
        let (started, cpu) = (Instant::now(), ProcessTime::now());
        let stop = CancellationToken::new();
        let beside = counts.then(|| tokio::spawn(chores::run(self.ops.clone(), stop.clone())));
        let taps: i64 = self.start(counts, span).join_all().await.into_iter().sum();
        if let Some(beside) = beside {
            // The rows that the last punches have left belong to them.
            tokio::time::sleep(EVERY).await;
            stop.cancel();
            beside.await.expect("chores end");
        }
        let taps = taps as f64;
        (
            cpu.elapsed().as_secs_f64() * 1e6 / taps,
            taps / started.elapsed().as_secs_f64(),
        )
    }

    /// All counts of the merchant, as a page reads them: customers of each program, and chips.
    async fn read(&self) -> (Vec<i64>, usize) {
        let counts = self
            .ops
            .segment_counts(self.merchant, None)
            .await
            .expect("counts are read");
        let chips = Chip::EACH
            .iter()
            .filter(|chip| counts.iter().any(|of| of.chip(**chip) > 0))
            .count();
        (counts.iter().map(|of| of.chip(Chip::All)).collect(), chips)
    }

    async fn reads(&self) -> Vec<f64> {
        let mut took = Vec::with_capacity(READS);
        for _ in 0..READS {
            let started = Instant::now();
            let (all, chips) = self.read().await;
            took.push(started.elapsed().as_secs_f64() * 1e3);
            assert!(all.iter().sum::<i64>() == self.cards && chips >= 8);
        }
        took
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
