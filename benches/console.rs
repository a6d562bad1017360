//! The console of a merchant with 100 000 customers, in SQLite, over real HTTP on loopback, while punches flow at 200 a
//! second.
//!
//! | figure | |
//! |---|---|
//! | `console.list_p95_ms` | the list: everybody, segments, rules, searches and orders in turn; 95 of 100 answers |
//! | `console.profile_p95_ms` | the page of a card and its holder, another one each time |
//! | `console.live_mib_1000` | memory that 1 000 open live lists take |
//! | `console.live_cpu_share` | of one core, to keep them current while those punches flow |
//! | `console.script_kb` | the script, compressed |
//!
//! Beside them, the same server's answer to nothing: `console.bare_p95_ms`. `CONSOLE_CUSTOMERS` and `CONSOLE_PAGES`
//! change the sizes. The open pages belong to this same program started again, so that only the server's memory counts.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark reads the environment and clocks, starts its clients, and fails by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use cpu_time::ProcessTime;
use passgate::apple::Passes;
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::id::{CardId, MerchantId, PassTypeIdentifier, ProgramId, StationId};
use passgate::domain::program::{CouponRules, PointsRules, Rules, Scheme};
use passgate::domain::secret::MasterKey;
use passgate::domain::segment::Rule;
use passgate::domain::segment::order::{Direction, Each, Edge, Order, Sort};
use passgate::domain::segment::saved::Viewer;
use passgate::ops::Ops;
use passgate::ops::access::SignedIn;
use passgate::ops::captures::Recorder;
use passgate::ops::rosters::{Query, Rosters};
use passgate::ops::segments::Target;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::Store;
use passgate::telemetry::{self, Metrics};
use passgate::web::{self, Reach, Web};
use reqwest::Client;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

#[path = "segments/fill.rs"]
mod fill;

const OWNER: &str = "owner@example.com";
const PASSWORD: &str = "a long one for the bench";
/// Punches a second.
const PACE: u64 = 200;
const ANSWERS: usize = 400;
/// How long the open pages are kept current.
const LIVE: Duration = Duration::from_secs(10);

/// What people ask a list for.
const LISTS: [&str; 10] = [
    "",
    "?segment=ready_to_redeem",
    "?segment=active",
    "?sort=name",
    "?sort=-spend",
    "?rule=visits.over.9&sort=-visits",
    "?rule=all(status.is.installed,last_visit.within.30d)",
    "?find=nora",
    "?find=hoffmann&sort=name",
    "?rule=name.has.zim&sort=-joined",
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("pages") {
        let mut next = || arguments.next().expect("an argument");
        let (address, path, cookie, count) = (next(), next(), next(), next());
        pages(&address, &path, &cookie, count.parse().expect("a number"));
        return;
    }
    let metrics = telemetry::init("error", telemetry::Format::Text).expect("telemetry");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(metrics));
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure console.{name} {value:.2} {unit}");
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

async fn measure(metrics: Metrics) {
    let bench = Bench::open(metrics).await;
    let stop = CancellationToken::new();
    let punches = tokio::spawn(bench.punches(stop.clone()).await);
    let bare: Vec<String> = (0..ANSWERS).map(|_| "/healthz".to_owned()).collect();
    figure("bare_p95_ms", bench.p95(&bare).await, "ms");
    let lists: Vec<String> = (0..ANSWERS)
        .map(|index| format!("/console/cards{}", LISTS[index % LISTS.len()]))
        .collect();
    figure("list_p95_ms", bench.p95(&lists).await, "ms");
    let cards = bench.cards(ANSWERS).await;
    let profiles: Vec<String> = cards
        .iter()
        .map(|card| format!("/console/cards/{card}"))
        .collect();
    figure("profile_p95_ms", bench.p95(&profiles).await, "ms");
    bench.live().await;
    stop.cancel();
    let taken = punches.await.expect("punches");
    println!("figure console.punches {taken} punches");
    figure("script_kb", bench.script().await / 1024.0, "KiB");
}

struct Bench {
    web: Web,
    address: SocketAddr,
    merchant: MerchantId,
    cookie: String,
    http: Client,
    _folder: TempDir,
}

impl Bench {
    async fn open(metrics: Metrics) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("console.sqlite");
        let store = Store::open(&format!("sqlite:{}", file.display()), 8)
            .await
            .expect("a store");
        store.migrate().await.expect("a schema");
        let ops = Ops {
            store,
            clock: Clock::System,
            ids: Ids::random(),
        };
        let (merchant, programs) = shop(&ops).await;
        let password = SecretString::from(PASSWORD);
        ops.first_owner(merchant, "Olga Brandt", OWNER, &password)
            .await
            .expect("an owner");
        let raw = rusqlite::Connection::open(&file).expect("the file opens");
        for statement in fill::statements(merchant, programs, number("CONSOLE_CUSTOMERS", 100_000)) {
            raw.execute_batch(&statement).expect("filled");
        }
        raw.execute_batch("analyze").expect("analyzed");
        drop(raw);
        let signed_in = ops.sign_in(OWNER, &password, None).await.expect("signed in");
        let SignedIn::Open(token) = signed_in else {
            panic!("there is no second factor")
        };
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let rosters = Rosters::start(&ops, 1 << 30);
        rosters.load(merchant).await.expect("loaded");
        let web = Web::from(Reach {
            recorder: Recorder::start(&ops),
            redirects: passgate::web::redirect::Redirects::start(&ops).0,
            rosters,
            passes: Arc::new(
                Passes::load(&config::Apple::default(), &templates, ops.clock.now()).expect("templates"),
            ),
            ops,
            master: MasterKey::from_bytes([3; 32]),
            google: None,
            web_push: None,
            takes_apps: false,
            sends_mail: false,
            metrics,
            public_url: format!("http://{address}").into(),
            trusted_proxies: Default::default(),
            stopping: Default::default(),
        });
        serve(listener, web::router(web.clone()));
        Self {
            web,
            address,
            merchant,
            cookie: format!("passgate={}", token.expose()),
            http: Client::builder().no_proxy().build().expect("a client"),
            _folder: folder,
        }
    }

    /// Taps at a steady pace until `stop`; resolves to how many there were.
    async fn punches(&self, stop: CancellationToken) -> impl Future<Output = u64> + use<> {
        let cards = self.cards_by("visits.between.10..12", 5_000).await;
        let (web, merchant) = (self.web.clone(), self.merchant);
        async move {
            let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / PACE));
            let mut counter = 0;
            loop {
                tokio::select! {
                    () = stop.cancelled() => return counter,
                    _ = pace.tick() => {}
                }
                counter += 1;
                let card = cards[usize::try_from(counter).expect("small") % cards.len()];
                let capture = Capture {
                    key: CaptureKey {
                        station: StationId(7),
                        counter: i64::try_from(counter).expect("small"),
                    },
                    kind: CaptureKind::Barcode,
                    token: Token::parse(&format!("token-{}", card.0)).expect("a token"),
                    captured_at: web.ops.clock.now(),
                    amount: None,
                };
                let recorder = web.recorder.clone();
                tokio::spawn(async move { recorder.record(merchant, vec![capture]).await });
            }
        }
    }

    async fn cards(&self, count: usize) -> Vec<CardId> {
        self.cards_by("visits.over.3", count).await
    }

    async fn cards_by(&self, rule: &str, size: usize) -> Vec<CardId> {
        let query = Query {
            viewer: Viewer::Operator,
            only: None,
            target: Target::Rule(Rule::parse(rule).expect("a rule")),
            among: None,
            search: None,
            order: Order {
                sort: Sort::Joined,
                direction: Direction::Descending,
            },
            edge: Edge::First,
            size,
            each: Each::Card,
        };
        let list = self
            .web
            .rosters
            .list(self.merchant, &query)
            .await
            .expect("a list");
        list.lines.iter().map(|line| line.card).collect()
    }

    async fn page(&self, path: &str) -> String {
        let request = self
            .http
            .get(format!("http://{}{path}", self.address))
            .header("cookie", &self.cookie)
            .header("accept", "text/html");
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.expect("a page")
    }

    /// Milliseconds within which 95 of 100 of these pages are there, asked for one after the other.
    async fn p95(&self, paths: &[String]) -> f64 {
        let mut times = Vec::with_capacity(paths.len());
        for path in paths.iter().take(20).chain(paths) {
            let started = Instant::now();
            self.page(path).await;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        // The first twenty warm everything up.
        let mut times = times.split_off(20.min(times.len()));
        times.sort_by(f64::total_cmp);
        times[times.len() * 95 / 100]
    }

    /// Opens many live lists and keeps them open while punches flow.
    async fn live(&self) {
        let count = number("CONSOLE_PAGES", 1000);
        let list = self.page("/console/cards").await;
        let (_, live) = list.split_once("data-live=\"").expect("a live list");
        let (live, _) = live.split_once('"').expect("its address");
        let live = live.replace("&amp;", "&");
        let before = resident_mib();
        let mut client = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "pages",
                &self.address.to_string(),
                &live,
                &self.cookie,
                &count.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the client starts");
        let mut said = BufReader::new(client.stdout.take().expect("its output"));
        let mut line = String::new();
        tokio::task::block_in_place(|| said.read_line(&mut line)).expect("it says when all are open");
        let cpu = ProcessTime::now();
        tokio::time::sleep(LIVE).await;
        let share = cpu.elapsed().as_secs_f64() / LIVE.as_secs_f64();
        figure(
            "live_mib_1000",
            (resident_mib() - before) * 1000.0 / count as f64,
            "MiB",
        );
        figure("live_cpu_share", share, "cores");
        drop(client.stdin.take());
        line.clear();
        tokio::task::block_in_place(|| said.read_line(&mut line)).expect("it says what it heard");
        println!("{}", line.trim());
        client.wait().expect("it ends");
    }

    /// Bytes of the script as it travels.
    async fn script(&self) -> f64 {
        let page = self.page("/console/sign-in").await;
        let page = if page.contains("<script src=\"") {
            page
        } else {
            self.page("/console/cards").await
        };
        let (_, script) = page.split_once("<script src=\"").expect("a script");
        let (script, _) = script.split_once('"').expect("its address");
        // By hand: a client that takes compressed answers unpacks them.
        let head = format!(
            "GET {script} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
            self.address
        );
        let mut answer = Vec::new();
        tokio::task::block_in_place(|| {
            let mut stream = TcpStream::connect(self.address).expect("connected");
            stream.write_all(head.as_bytes()).expect("asked");
            stream.read_to_end(&mut answer).expect("an answer");
        });
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a body");
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        assert!(head.contains("content-encoding: gzip"), "{head}");
        (answer.len() - end - 4) as f64
    }
}

async fn shop(ops: &Ops) -> (MerchantId, [ProgramId; 3]) {
    let business = NewBusiness {
        name: "A large one".into(),
        zone: "Europe/London".into(),
    };
    let merchant = ops.create_merchant(business).await.expect("a merchant");
    let points = Scheme::Points(PointsRules {
        per_visit: 7,
        per_amount: None,
        overdraw: 0,
        rewards: Vec::new(),
    });
    let coupon = Scheme::Coupon(CouponRules {
        redeem_at_till: false,
        linked: None,
    });
    let mut programs = Vec::new();
    for rules in [Rules::punch(10), Rules::new(points), Rules::new(coupon)] {
        let new = NewProgram {
            name: "Program".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.bench").expect("valid"),
            reward_name: "Free coffee".into(),
            rules: rules.expect("valid"),
        };
        programs.push(ops.create_program(merchant, new).await.expect("a program"));
    }
    (merchant, programs.try_into().expect("three"))
}

fn serve(listener: TcpListener, router: Router) {
    listener.set_nonblocking(true).expect("a socket");
    let server = axum_server::from_tcp(listener).expect("a server");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(server.serve(service));
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse().ok())
        .expect("a number");
    kib / 1024.0
}

/// The client: opens pages, says so, reads them until its input ends, and says how much it read.
fn pages(address: &str, path: &str, cookie: &str, count: usize) {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\r\n"
    );
    let mut open: Vec<TcpStream> = (0..count)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.write_all(head.as_bytes()).expect("asked");
            stream
        })
        .collect();
    let mut buffer = [0; 16 * 1024];
    for stream in &mut open {
        let read = stream.read(&mut buffer).expect("an answer");
        assert!(
            buffer[..read].starts_with(b"HTTP/1.1 200"),
            "a live page is refused"
        );
        stream.set_nonblocking(true).expect("a socket");
    }
    println!("open");
    std::io::stdout().flush().expect("said");
    let reader = std::thread::spawn(move || {
        let (mut bytes, started) = (0, Instant::now());
        while started.elapsed() < LIVE {
            for stream in &mut open {
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    bytes += read;
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bytes
    });
    let mut rest = String::new();
    let _ = std::io::stdin().read_to_string(&mut rest);
    let bytes = reader.join().expect("read");
    println!(
        "figure console.live_read_kib_per_page {:.1} KiB",
        bytes as f64 / 1024.0 / count as f64
    );
}
