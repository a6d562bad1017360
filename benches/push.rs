//! What one push costs us: claim, decide, send to the fake APNs, finish; beside what h2load needs for the bare
//! request on the same fake.
//!
//! The fake runs in a child process of this program, so that its work is not counted. Prints
//! `figure push.cpu_us VALUE us` (processor time of this process for each push) and `figure push.h2load_us VALUE us`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark starts programs, reads clocks, and fails by panicking"
)]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use passgate::apple::apns::{Apns, ClientCertificate};
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::delivery::BackOff;
use passgate::domain::face::CardFace;
use passgate::domain::id::{CardId, MerchantId, PassTypeIdentifier};
use passgate::push::BoxFuture;
use passgate::push::dispatcher::{Dispatcher, Faces, Settings};
use passgate::sim::apns::{Authority, FakeApns, Settings as FakeSettings};
use passgate::store::{Error, Store, Value};
use tokio_util::sync::CancellationToken;

/// Pushes that are measured, and those before, to warm up.
const PUSHES: i64 = 40_000;
const WARM_UP: i64 = 4_000;
const TOPIC: &str = "pass.example.bench";

const CARD: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, \
     channels, punches, rewards, visits, earned_on_day, created_at, version, changed_at) \
     values {bigint, bigint, bigint, bigint, text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, \
     bigint, bigint}";
const REGISTRATION: &str = "insert into registrations (merchant_id, pass_type_identifier, \
     device_library_identifier, card_id, push_token, registered_at) \
     values {bigint, text, text, bigint, text, bigint}";
const PUSH: &str = "insert into pushes (merchant_id, card_id, channel, generation, due_at, attempts, created_at) \
     values {bigint, bigint, text, bigint, bigint, bigint, bigint}";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("--fake") {
        let folder = arguments.next().expect("the folder");
        runtime.block_on(serve(Path::new(&folder)));
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let (clock, ids) = (Clock::System, Ids::random());
    let authority = Authority::new("Clients", &clock, &ids).expect("authority");
    std::fs::write(folder.path().join("clients.pem"), authority.pem().expect("pem")).expect("written");
    let fake = Fake::start(folder.path());
    let cpu = runtime.block_on(async {
        // The body runs on a worker, not on the thread that waits.
        let folder = folder.path().to_owned();
        tokio::spawn(async move { measure(&folder, &authority, fake.mutual).await })
            .await
            .expect("measured")
    });
    println!("figure push.cpu_us {cpu:.1} us");
    match h2load(folder.path(), fake.open) {
        Some(cpu) => println!("figure push.h2load_us {cpu:.1} us"),
        None => println!("push.h2load_us skipped: h2load is not installed (Debian: nghttp2-client)"),
    }
    drop(fake);
}

/// The child: two fakes, one with client certificates for us, one without for h2load.
async fn serve(folder: &Path) {
    let (clock, ids) = (Clock::System, Ids::random());
    let clients = std::fs::read(folder.join("clients.pem")).expect("the clients' authority");
    let mut settings = FakeSettings::new(clients);
    settings.keep = false;
    let (mutual, one) = FakeApns::start(settings.clone(), &clock, &ids)
        .await
        .expect("starts");
    settings.client_authority = None;
    let (open, _two) = FakeApns::start(settings, &clock, &ids).await.expect("starts");
    std::fs::write(folder.join("ca.pem"), one.authority_pem()).expect("written");
    println!("{mutual}\n{open}");
    // Lives until the parent closes our input.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))
        .await
        .expect("joined")
        .expect("read");
}

struct Fake {
    mutual: SocketAddr,
    open: SocketAddr,
    child: Child,
}

impl Fake {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("--fake")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fake starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut address = || {
            lines
                .next()
                .expect("a line")
                .expect("text")
                .parse()
                .expect("an address")
        };
        Self {
            mutual: address(),
            open: address(),
            child,
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}

struct NoFaces;

impl Faces for NoFaces {
    fn faces(&self, _keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Microseconds of processor time for each push.
async fn measure(folder: &Path, authority: &Authority, address: SocketAddr) -> f64 {
    let store = Store::open(&format!("sqlite:{}", folder.join("store.sqlite").display()), 4)
        .await
        .expect("the store opens");
    store.migrate().await.expect("the schema is made");
    let now = Clock::System.now();
    fill(&store, CARD, |card| {
        let mut row: Vec<Value> = vec![1.into(), card.into(), 1.into(), card.into()];
        row.extend([
            format!("card-{card}").into(),
            format!("code-{card}").into(),
            "installed".into(),
        ]);
        row.push(1.into());
        row.extend([0, 0, 0, 0, 0, 1, 0].map(|number: i32| Value::from(number)));
        row
    })
    .await;
    fill(&store, REGISTRATION, |card| {
        let (device, token) = (format!("device-{card}"), format!("{card:064x}"));
        vec![
            1.into(),
            TOPIC.into(),
            device.into(),
            card.into(),
            token.into(),
            now.into(),
        ]
    })
    .await;

    let mut best = f64::INFINITY;
    for (round, pushes) in [WARM_UP, PUSHES, PUSHES].into_iter().enumerate() {
        fill_some(&store, PUSH, pushes, |card| {
            vec![
                1.into(),
                card.into(),
                "apple".into(),
                1.into(),
                now.into(),
                0.into(),
                now.into(),
            ]
        })
        .await;
        let (cpu, wall) = empty(&store, folder, authority, address).await;
        let each = cpu.as_secs_f64() * 1e6 / pushes as f64;
        println!(
            "round {round}: {pushes} pushes, {each:.1} us each, {:.0} a second",
            pushes as f64 / wall.as_secs_f64()
        );
        if round > 0 {
            best = best.min(each);
        }
    }
    best
}

/// Runs a dispatcher until the outbox is empty.
async fn empty(
    store: &Store,
    folder: &Path,
    authority: &Authority,
    address: SocketAddr,
) -> (Duration, Duration) {
    let topic = PassTypeIdentifier::parse(TOPIC).expect("topic");
    let identity = authority.issue_client(&topic).expect("client certificate");
    let certificate = ClientCertificate::from_pem(&identity.certificate, &identity.key).expect("certificate");
    let settings = config::Apns {
        url: format!("https://{address}"),
        certificate_authority: Some(folder.join("ca.pem")),
        ..config::Apns::default()
    };
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    let client =
        Apns::new(&settings, &[(topic, certificate)], Clock::System, &Ids::random()).expect("client");
    let push = config::Push::default();
    let settings = Settings {
        concurrency: push.concurrency,
        lease: push.lease,
        poll: push.poll,
        drain: push.drain,
        back_off: BackOff::default(),
    };
    let dispatcher = Dispatcher::new(
        store.clone(),
        Clock::System,
        Ids::random(),
        vec![Arc::new(client)],
        Arc::new(NoFaces),
        settings,
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    loop {
        let left: Vec<(i64,)> = store
            .read("left", |tx| {
                Box::pin(tx.all("select card_id from pushes limit 1", &[]))
            })
            .await
            .map_err(|error: Error| error)
            .expect("read");
        if left.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.await.expect("ends well");
    (cpu.elapsed(), wall.elapsed())
}

async fn fill(store: &Store, sql: &'static str, row: impl Fn(i64) -> Vec<Value>) {
    fill_some(store, sql, PUSHES, row).await;
}

async fn fill_some(store: &Store, sql: &'static str, count: i64, row: impl Fn(i64) -> Vec<Value>) {
    let cards: Vec<i64> = (1..=count).collect();
    for some in cards.chunks(2000) {
        let rows: Vec<_> = some.iter().map(|card| row(*card)).collect();
        store
            .write("fill", move |tx| {
                let rows = rows.clone();
                Box::pin(async move { tx.exec_rows(sql, &[], &rows).await })
            })
            .await
            .map_err(|error: Error| error)
            .expect("stored");
    }
}

/// Microseconds of h2load's processor time for each request; `None` when it is not installed.
fn h2load(folder: &Path, address: SocketAddr) -> Option<f64> {
    Command::new("h2load").arg("--version").output().ok()?;
    let body = folder.join("body.json");
    std::fs::write(&body, "{}").expect("written");
    // The shell's `times` tells what its children used: "0m0.10s 0m0.02s" in the second line.
    let script = r#"h2load -n "$1" -c 1 -m 500 -d "$2" -H "apns-topic: $3" -H "apns-push-type: background" \
        -H "apns-priority: 5" -H "apns-expiration: 4000000000" "https://$4/3/device/$5" >"$6" && times"#;
    let token = format!("{:064x}", 1);
    let log = folder.join("h2load.log");
    let output = Command::new("sh")
        .args(["-c", script, "sh", &PUSHES.to_string()])
        .arg(&body)
        .args([TOPIC, &address.to_string(), &token])
        .arg(&log)
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(
        report.contains(&format!("{PUSHES} succeeded")),
        "h2load must succeed with every request; it said {report}"
    );
    let children = said.lines().nth(1).expect("two lines from times");
    let seconds: f64 = children.split_whitespace().map(seconds).sum();
    Some(seconds * 1e6 / PUSHES as f64)
}

/// Reads "1m2.5s".
fn seconds(text: &str) -> f64 {
    let (minutes, seconds) = text
        .trim_end_matches('s')
        .split_once('m')
        .expect("minutes and seconds");
    minutes.parse::<f64>().expect("minutes") * 60.0 + seconds.parse::<f64>().expect("seconds")
}
