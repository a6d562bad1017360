//! A message to 1 000 000 cards: how long its forecast takes, how much memory forecast and sending need, what punches wait
//! meanwhile, and what one push costs beside one of a message to 1 000 cards.
//!
//! On SQLite, which has one writer for taps and broadcast. Each size runs in a process of its own, on a database that
//! another process has made, so that peaks of memory are those of the work. The provider takes everything at once; every
//! card is on one phone. Punches come one after the other, with pauses, from before the forecast until the last push.
//!
//! `BROADCAST_CARDS` changes how many cards there are; the middle size is a tenth of that.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark starts programs, reads the environment and clocks, and fails by panicking"
)]

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::delivery::{BackOff, Channel, Outcome};
use passgate::domain::face::CardFace;
use passgate::domain::id::{CardId, MerchantId, MessageId, PassTypeIdentifier, ProgramId, StationId};
use passgate::domain::message::{Audience, Content, When};
use passgate::domain::preference::Class;
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::messages::NewMessage;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::push::dispatcher::{Dispatcher, Faces, Settings};
use passgate::push::{BoxFuture, Delivery, Sender};
use passgate::store::{Error, Store, Value};
use tokio_util::sync::CancellationToken;

/// Cards of the small message, and how often it is sent.
const FEW: i64 = 1_000;
const ROUNDS: i64 = 20;
/// Cards that one statement makes.
const PART: i64 = 10_000;
const BETWEEN_PUNCHES: Duration = Duration::from_millis(20);

const CARDS: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, \
     channels, punches, rewards, visits, earned_on_day, installed_as, created_at, version, changed_at) \
     with recursive n (i) as (select $4 union all select n.i + 1 from n where n.i < $4 + $5 - 1) \
     select $1, n.i, $2, n.i, 'serial-' || n.i, 'token-' || n.i, 'installed', 1, 0, 0, 0, 0, $2, $3, 1, $3 from n";
const CUSTOMERS: &str = "insert into customers (merchant_id, customer_id, first_name, consents, search_form, created_at) \
     with recursive n (i) as (select $2 union all select n.i + 1 from n where n.i < $2 + $3 - 1) \
     select $1, n.i, '', 7, 1, $4 from n";
const TOKENS: &str = "insert into tokens (merchant_id, token, card_id) \
     select merchant_id, token, card_id from cards where merchant_id = $1 and card_id >= $2 and card_id < $3";
const REGISTRATIONS: &str = "insert into registrations (merchant_id, pass_type_identifier, device_library_identifier, \
     card_id, push_token, registered_at) select merchant_id, 'pass.example.bench', token, card_id, token, 0 from cards \
     where merchant_id = $1 and card_id >= $2 and card_id < $3";
/// No quiet hours, so that it does not matter when it is measured.
const POLICY: &str = "insert into push_policies (merchant_id, program_id, channel, policy, version, changed_at) \
     values ($1, 0, 'apple', '{\"quiet\": null}', 1, 0)";
/// What is due, and what is on its way; what punches have deferred waits for a later day.
const LEFT: &str = "select (select count(*) from (select 1 from pushes where channel = 'apple' and due_at <= $3 limit 1) \
     as d), (select count(*) from (select 1 from push_messages where merchant_id = $1 and message_id = $2 \
     and state = 'sending' limit 1) as s)";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if let Ok(step) = std::env::var("BROADCAST_STEP") {
        let cards = number("BROADCAST_CARDS").expect("how many");
        let url = std::env::var("BROADCAST_URL").expect("where");
        match step.as_str() {
            "make" => runtime.block_on(make(&url, cards)),
            _ => runtime.block_on(run(&url, cards)),
        }
        return;
    }
    let many = number("BROADCAST_CARDS").unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let few = measure(folder.path(), FEW);
    let some = measure(folder.path(), many / 10);
    let most = measure(folder.path(), many);
    println!("figure broadcast.forecast_s {:.2} s", most["forecast_s"]);
    println!("figure broadcast.peak_100k_mib {:.0} MiB", some["peak_mib"]);
    println!("figure broadcast.peak_mib {:.0} MiB", most["peak_mib"]);
    println!(
        "figure broadcast.peak_ratio {:.2} ratio",
        most["peak_mib"] / some["peak_mib"]
    );
    println!("figure broadcast.punch_p99_ms {:.1} ms", most["punch_p99_ms"]);
    println!("figure broadcast.push_1k_us {:.1} us", few["push_us"]);
    println!("figure broadcast.push_1m_us {:.1} us", most["push_us"]);
    println!(
        "figure broadcast.per_push_1m_over_1k {:.2} ratio",
        most["push_us"] / few["push_us"]
    );
    println!(
        "figure broadcast.pushes_per_s {:.0} pushes/s",
        most["pushes_per_s"]
    );
}

fn number(name: &str) -> Option<i64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().expect("a number"))
}

/// Makes a database and sends a message on it, each in a process of its own; what the second one has printed.
fn measure(folder: &Path, cards: i64) -> HashMap<String, f64> {
    let url = format!("sqlite:{}", folder.join(format!("{cards}.sqlite")).display());
    let start = |step| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .env("BROADCAST_STEP", step)
            .env("BROADCAST_CARDS", cards.to_string())
            .env("BROADCAST_URL", &url)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let output = command.output().expect("this program starts");
        assert!(
            output.status.success(),
            "{step} of {cards} cards: {}",
            output.status
        );
        String::from_utf8(output.stdout).expect("text")
    };
    start("make");
    let printed = start("run");
    let figures = printed.lines().filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    figures.collect()
}

async fn open(url: &str, clock: Clock) -> Ops {
    let store = Store::open(url, 8).await.expect("the store opens");
    store.migrate().await.expect("the schema is made");
    Ops {
        store,
        clock,
        ids: Ids::random(),
    }
}

async fn exec(ops: &Ops, sql: &'static str, params: Vec<Value>) {
    let done: Result<u64, Error> = ops
        .store
        .write("bench", move |tx| {
            let params = params.clone();
            Box::pin(async move { tx.exec(sql, &params).await })
        })
        .await;
    done.expect("done");
}

async fn make(url: &str, cards: i64) {
    let ops = open(url, Clock::System).await;
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
    exec(&ops, POLICY, vec![merchant.into()]).await;
    let now = ops.clock.now();
    let mut first = 1;
    while first <= cards {
        let many = PART.min(cards - first + 1);
        let customers = vec![merchant.into(), first.into(), many.into(), now.into()];
        exec(&ops, CUSTOMERS, customers).await;
        let made = vec![
            merchant.into(),
            program.into(),
            now.into(),
            first.into(),
            many.into(),
        ];
        exec(&ops, CARDS, made).await;
        let range: Vec<Value> = vec![merchant.into(), first.into(), (first + many).into()];
        exec(&ops, TOKENS, range.clone()).await;
        exec(&ops, REGISTRATIONS, range).await;
        first += many;
    }
}

/// A provider that takes everything at once.
struct Taker;

impl Sender for Taker {
    fn channel(&self) -> Channel {
        Channel::Apple
    }

    fn send<'a>(&'a self, _delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Accepted })
    }
}

struct NoFaces;

impl Faces for NoFaces {
    fn faces(&self, _keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

async fn run(url: &str, cards: i64) {
    let clock = Clock::manual(Clock::System.now());
    let ops = open(url, clock.clone()).await;
    let of: Result<(MerchantId, ProgramId), Error> = ops
        .store
        .read("program", |tx| {
            Box::pin(tx.one("select merchant_id, program_id from programs", &[]))
        })
        .await;
    let (merchant, program) = of.expect("a program");
    let stop = CancellationToken::new();
    let settings = Settings {
        concurrency: 256,
        lease: Duration::from_secs(60),
        poll: Duration::from_millis(50),
        drain: Duration::from_secs(5),
        back_off: BackOff::default(),
    };
    let (senders, faces): (Vec<Arc<dyn Sender>>, _) = (vec![Arc::new(Taker)], Arc::new(NoFaces));
    let dispatcher = Dispatcher::new(
        ops.store.clone(),
        clock.clone(),
        Ids::random(),
        senders,
        faces,
        settings,
    );
    let dispatcher = tokio::spawn(dispatcher.run(stop.clone()));

    let punches = (cards > FEW).then(|| tokio::spawn(punch(ops.clone(), merchant, cards, stop.clone())));
    let (rounds, warm_up) = if cards > FEW { (1, 0) } else { (ROUNDS, 2) };
    let (mut forecast_s, mut cpu, mut took, mut pushes) = (0.0, Duration::ZERO, Duration::ZERO, 0);
    for round in 0..rounds + warm_up {
        let text = format!("Two for one, day {round}");
        let new = NewMessage {
            content: Content::checked(None, &text, None, Class::Marketing).expect("good"),
            audience: Audience::Program(program),
            when: When::Now,
            author: None,
        };
        let message = ops.write_message(merchant, new).await.expect("written");
        let started = Instant::now();
        let forecast = ops
            .forecast_message(merchant, None, message.id)
            .await
            .expect("forecast");
        forecast_s = started.elapsed().as_secs_f64();
        // A card that rang for a punch a moment ago waits.
        let (told, later) = (forecast.tally.sent, forecast.tally.deferred);
        assert_eq!((forecast.tally.recipients, told + later), (cards, cards));
        assert!(told * 10 > cards * 9, "{told} of {cards}");
        let scheduled = ops.schedule_message(merchant, message.id, message.version, cards);
        scheduled.await.expect("scheduled");
        let (started, used) = (Instant::now(), ProcessTime::now());
        send(&ops, merchant, message.id).await;
        if round >= warm_up {
            cpu += used.elapsed();
            took += started.elapsed();
        }
        let outcome = ops
            .show_message(merchant, message.id)
            .await
            .expect("there")
            .outcome;
        let accepted = outcome.states.get("accepted").copied().unwrap_or(0);
        assert!(accepted * 10 > cards * 9, "{:?}", outcome.states);
        pushes += accepted;
        // A day later nothing of it counts any more.
        clock.advance(Duration::from_secs(49 * 3600));
    }
    stop.cancel();
    dispatcher.await.expect("ends well");
    if let Some(punches) = punches {
        let mut waited = punches.await.expect("no panic");
        waited.sort_unstable();
        let p99 = waited[waited.len() * 99 / 100];
        eprintln!(
            "{} punches, p99 {p99:?}, longest {:?}",
            waited.len(),
            waited[waited.len() - 1]
        );
        println!("punch_p99_ms {}", p99.as_secs_f64() * 1e3);
    }
    let pushes = pushes as f64 * rounds as f64 / (rounds + warm_up) as f64;
    println!("forecast_s {forecast_s}");
    println!("push_us {}", cpu.as_secs_f64() * 1e6 / pushes);
    println!("pushes_per_s {}", pushes / took.as_secs_f64());
    println!("peak_mib {}", peak_mib());
}

/// Does the chore until everybody was told.
async fn send(ops: &Ops, merchant: MerchantId, message: MessageId) {
    loop {
        let done = ops.do_one_chore("send_messages").await.expect("a turn");
        if done > 0 {
            continue;
        }
        let now = ops.clock.now();
        let left: Result<(i64, i64), Error> = ops
            .store
            .read("left", move |tx| {
                Box::pin(async move { tx.one(LEFT, &[merchant.into(), message.into(), now.into()]).await })
            })
            .await;
        if left.expect("read") == (0, 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Punches one card after the other; how long each took.
async fn punch(ops: Ops, merchant: MerchantId, cards: i64, stop: CancellationToken) -> Vec<Duration> {
    let recorder = Recorder::start(&ops);
    let station = StationId(ops.ids.next(ops.clock.now()));
    let mut waited = Vec::new();
    while !stop.is_cancelled() {
        let counter = i64::try_from(waited.len()).expect("fits") + 1;
        // A prime step, so that neighbours in time are strangers in the database.
        let card = counter * 7_919 % cards + 1;
        let capture = Capture {
            key: CaptureKey { station, counter },
            kind: CaptureKind::Barcode,
            token: Token::parse(&format!("token-{card}")).expect("a token"),
            captured_at: ops.clock.now(),
            amount: None,
        };
        let started = Instant::now();
        let answers = recorder.record(merchant, vec![capture]).await.expect("recorded");
        waited.push(started.elapsed());
        assert_eq!(answers.len(), 1);
        tokio::time::sleep(BETWEEN_PUNCHES).await;
    }
    waited
}

/// The most memory that this process has had.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a peak");
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    kib / 1024.0
}
