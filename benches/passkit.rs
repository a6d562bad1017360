//! CPU of the server for each request of Apple's web service: 100 000 cards in SQLite, real HTTP on loopback.
//!
//! The client is this same program started again, so that only the server's time is counted. Every figure is the
//! median of three rounds. The limits are measured in the same run: an empty handler behind the same server, and
//! bare RSA-2048 signatures, before and after the passes.
//!
//! | figure | |
//! |---|---|
//! | `passkit.bare_us` | an empty handler |
//! | `passkit.list_us` | the list of changed passes, naming one |
//! | `passkit.304_us` | a pass that the phone has already |
//! | `passkit.pass_us` | a pass, built and signed; each card once, so nothing is remembered |
//! | `passkit.pass_over_rsa` | that over a bare signature |
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark starts its client, and fails by panicking"
)]

use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use cpu_time::ProcessTime;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use passgate::apple::{Passes, dev_chain};
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::capture::Token;
use passgate::domain::card::{Card, CardStatus, Channels, Identity};
use passgate::domain::id::{
    CardId, CustomerId, DeviceLibraryIdentifier, MerchantId, PassTypeIdentifier, ProgramId, PushToken,
    SerialNumber,
};
use passgate::domain::program::Rules;
use passgate::domain::secret::MasterKey;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::rosters::Rosters;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::registrations::{self, RegistrationKey};
use passgate::store::{Error, Store, cards, tags};
use passgate::telemetry::{self, Metrics};
use passgate::web::{self, Reach, Web};
use tempfile::TempDir;

const CARDS: usize = 100_000;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 3;
const QUICK_REQUESTS: usize = 40_000;
const PASSES: usize = 3_000;
const PASS_TYPE: &str = "pass.example.bench";

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("client") {
        let (address, requests) = (
            arguments.next().expect("an address"),
            arguments.next().expect("a file"),
        );
        client(address.parse().expect("an address"), Path::new(&requests));
        return;
    }
    let metrics = telemetry::init("info", telemetry::Format::Text).expect("telemetry");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bench = runtime.block_on(Bench::open(metrics));
    let bare = bench.measure("bare", bench.bare, QUICK_REQUESTS, |_| {
        "GET / HTTP/1.1\r\n".into()
    });
    figure("passkit.bare_us", bare, "us");
    let list = bench.measure("list", bench.gateway, QUICK_REQUESTS, |card| bench.list(card));
    figure("passkit.list_us", list, "us");
    let date = bench.last_modified();
    let not_modified = bench.measure("304", bench.gateway, QUICK_REQUESTS, |card| {
        format!("{}If-Modified-Since: {date}\r\n", bench.pass(card))
    });
    figure("passkit.304_us", not_modified, "us");
    let before = rsa();
    let pass = bench.measure("pass", bench.gateway, PASSES, |card| bench.pass(card));
    let raw = f64::midpoint(before, rsa());
    figure("passkit.pass_us", pass, "us");
    figure("passkit.rsa_us", raw, "us");
    figure("passkit.pass_over_rsa", pass / raw, "ratio");
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure {name} {value:.2} {unit}");
}

/// The gateway with its cards, and an empty handler, each on a port of its own.
struct Bench {
    gateway: SocketAddr,
    bare: SocketAddr,
    merchant: MerchantId,
    master: MasterKey,
    folder: TempDir,
}

impl Bench {
    async fn open(metrics: Metrics) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("bench.sqlite").display());
        let store = Store::open(&url, 4).await.expect("a store");
        store.migrate().await.expect("a schema");
        let ops = Ops {
            store,
            clock: Clock::System,
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Bench".into(),
            zone: "UTC".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("a merchant");
        let pass_type = PassTypeIdentifier::parse(PASS_TYPE).expect("a pass type");
        let program = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: pass_type.clone(),
            reward_name: "Free coffee".into(),
            rules: Rules::punch(10).expect("rules"),
        };
        let program = ops.create_program(merchant, program).await.expect("a program");
        fill(&ops, merchant, program, &pass_type).await;

        let now = ops.clock.now();
        let chain =
            dev_chain::write_pass_chain(folder.path(), &pass_type, "TEAM12345X", now).expect("a chain");
        let apple = config::Apple {
            pass_types: vec![config::PassType {
                certificate: chain.certificate,
                key: chain.key,
            }],
            intermediates: folder.path().to_path_buf(),
            ..config::Apple::default()
        };
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
        let master = MasterKey::from_bytes([3; 32]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let gateway = listener.local_addr().expect("an address");
        let web = Web::from(Reach {
            recorder: Recorder::start(&ops),
            redirects: passgate::web::redirect::Redirects::start(&ops).0,
            rosters: Rosters::start(&ops, 1 << 24),
            ops,
            master: master.clone(),
            passes: Arc::new(Passes::load(&apple, &templates, now).expect("passes")),
            google: None,
            web_push: None,
            takes_apps: false,
            sends_mail: false,
            metrics,
            public_url: format!("http://{gateway}").into(),
            trusted_proxies: Default::default(),
            stopping: Default::default(),
        });
        serve(listener, web::router(web));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let bare = listener.local_addr().expect("an address");
        serve(listener, Router::new().route("/", get(async || ())));
        Self {
            gateway,
            bare,
            merchant,
            master,
            folder,
        }
    }

    /// Microseconds of the server's CPU for each of `count` requests; the median of all rounds. Every round asks
    /// for other cards.
    fn measure(&self, name: &str, address: SocketAddr, count: usize, head: impl Fn(usize) -> String) -> f64 {
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            // The first round, a tenth as long, warms caches up.
            let count = if round == 0 { count / 10 } else { count };
            let requests = self.folder.path().join(format!("{name}-{round}"));
            let mut file = BufWriter::new(std::fs::File::create(&requests).expect("a file"));
            for index in 0..count {
                let card = (round * count + index * 7) % CARDS + 1;
                write!(file, "{}Host: {address}\r\n\r\n\0", head(card)).expect("written");
            }
            file.flush().expect("written");
            let before = ProcessTime::now();
            let client = Command::new(std::env::current_exe().expect("this program"))
                .args(["client", &address.to_string()])
                .arg(&requests)
                .status()
                .expect("the client starts");
            let used = before.elapsed();
            assert!(client.success(), "the client found a wrong answer");
            if round > 0 {
                rounds.push(micros(used, count));
            }
        }
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    }

    fn list(&self, card: usize) -> String {
        let merchant = self.merchant;
        format!(
            "GET /passkit/{merchant}/v1/devices/{}/registrations/{PASS_TYPE}?passesUpdatedSince=0 HTTP/1.1\r\n",
            device(card)
        )
    }

    fn pass(&self, card: usize) -> String {
        let id = CardId(i64::try_from(card).expect("small"));
        let token = self.master.authentication_token(self.merchant, id);
        format!(
            "GET /passkit/{}/v1/passes/{PASS_TYPE}/{} HTTP/1.1\r\nAuthorization: ApplePass {}\r\n",
            self.merchant,
            serial_number(card),
            token.expose()
        )
    }

    /// The date of every card: they were all made at once.
    fn last_modified(&self) -> String {
        let mut connection = Connection::open(self.gateway);
        let head = format!(
            "{}Host: {}\r\n\r\n",
            self.pass(1).replacen("GET", "HEAD", 1),
            self.gateway
        );
        let head = connection.head_of(head.as_bytes());
        let date = head.lines().find_map(|line| line.strip_prefix("last-modified: "));
        date.expect("a date").to_owned()
    }
}

fn serve(listener: TcpListener, router: Router) {
    listener.set_nonblocking(true).expect("a socket");
    let server = axum_server::from_tcp(listener).expect("a server");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(server.serve(service));
}

/// Makes every card, registered on a device of its own and named by the list.
async fn fill(ops: &Ops, merchant: MerchantId, program: ProgramId, pass_type: &PassTypeIdentifier) {
    let now = ops.clock.now();
    for first in (1..=CARDS).step_by(200) {
        let pass_type = pass_type.clone();
        let filled: Result<(), Error> = ops
            .store
            .write("bench_fill", move |tx| {
                let pass_type = pass_type.clone();
                Box::pin(async move {
                    let tag = tags::next(tx, merchant).await?;
                    for index in first..first + 200 {
                        let card = card(index, merchant, program, now);
                        cards::insert_card(tx, &card, Some("Ada Lovelace")).await?;
                        let key = RegistrationKey {
                            merchant,
                            pass_type_identifier: pass_type.clone(),
                            device: DeviceLibraryIdentifier::parse(device(index)).expect("a device"),
                            card: card.id,
                        };
                        let token = PushToken::parse(device(index)).expect("a push token");
                        registrations::insert(tx, &key, &token, now).await?;
                        registrations::mark(tx, &key, tag).await?;
                    }
                    Ok(())
                })
            })
            .await;
        filled.expect("filled");
    }
}

fn card(index: usize, merchant: MerchantId, program: ProgramId, now: Timestamp) -> Card {
    let number = i64::try_from(index).expect("small");
    let identity = Identity {
        id: CardId(number),
        merchant,
        program,
        customer: CustomerId(number),
        serial_number: SerialNumber::parse(serial_number(index)).expect("a serial number"),
        token: Token::parse(&format!("token{index:08}")).expect("a token"),
    };
    Card {
        status: CardStatus::Installed,
        channels: Channels(1),
        ..Card::new(identity, now)
    }
}

fn serial_number(index: usize) -> String {
    format!("serial{index:010}")
}

fn device(index: usize) -> String {
    format!("{index:032x}")
}

/// Microseconds for one bare RSA-2048 signature.
fn rsa() -> f64 {
    const SIGNATURES: usize = 2_000;
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let sign = || {
        let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
        signer
            .sign_oneshot_to_vec(b"what is signed")
            .expect("a signature")
    };
    for _ in 0..SIGNATURES / 10 {
        sign();
    }
    let before = ProcessTime::now();
    for _ in 0..SIGNATURES {
        sign();
    }
    micros(before.elapsed(), SIGNATURES)
}

fn micros(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// Sends every request of a file over a few connections that stay open, and fails on an answer that is not a
/// success.
fn client(address: SocketAddr, requests: &Path) {
    let requests = std::fs::read(requests).expect("the requests");
    let requests: Vec<&[u8]> = requests
        .split(|byte| *byte == 0)
        .filter(|one| !one.is_empty())
        .collect();
    std::thread::scope(|scope| {
        for first in 0..CONNECTIONS {
            let requests = &requests;
            scope.spawn(move || {
                let mut connection = Connection::open(address);
                for request in requests.iter().skip(first).step_by(CONNECTIONS) {
                    let head = connection.head_of(request);
                    let status = head.split(' ').nth(1).unwrap_or_default();
                    assert!(matches!(status, "200" | "304"), "{head}");
                    connection.skip_body(&head);
                }
            });
        }
    });
}

struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
        }
    }

    /// Sends `request` and reads the answer up to its body.
    fn head_of(&mut self, request: &[u8]) -> String {
        self.stream.get_mut().write_all(request).expect("sent");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(
                self.stream.read_line(&mut head).expect("an answer") > 0,
                "the server hung up: {head}"
            );
        }
        head.replace("\r\n", "\n")
    }

    fn skip_body(&mut self, head: &str) {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: u64 = length.map_or(0, |length| length.parse().expect("a length"));
        let read = std::io::copy(&mut self.stream.by_ref().take(length), &mut std::io::sink());
        assert_eq!(read.expect("a body"), length);
    }
}
