//! The phones and the provider that wakes them, in a child process. A push to a phone makes it ask what changed and fetch
//! it, within a second, over one new TLS connection that resumes nothing; told to come back, it does.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslOptions, SslSessionCacheMode};
use passgate::clock::{Clock, Ids};
use passgate::domain::id::MerchantId;
use passgate::sim::apns::{FakeApns, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::broadcast::error::RecvError;
use tokio_openssl::SslStream;

use crate::PASS_TYPE;

/// What the provider lets in, what its clients must trust, and the phones' secrets, one a line.
pub(crate) const CLIENTS: &str = "herd-clients.pem";
pub(crate) const PROVIDER: &str = "herd-provider.pem";
pub(crate) const TOKENS: &str = "herd-tokens";
const AUTHORITY: &str = "tls-authority.pem";

/// How late the last phone comes after its push.
const LATEST: u64 = 1_000;
const ATTEMPTS: u32 = 20;
/// After an answer that says nothing about when to come back.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_HEAD: usize = 16 * 1024;

/// What the phones came to.
pub(crate) struct Report {
    pub(crate) errors: u64,
    pub(crate) refused: u64,
    pub(crate) passes: u64,
    pub(crate) bytes: u64,
    /// The entity tag of each phone's pass, by card.
    pub(crate) tags: HashMap<i64, String>,
}

/// The child as the parent sees it.
pub(crate) struct Phones {
    pub(crate) provider: SocketAddr,
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Phones {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("--phones")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the phones start");
        let orders = child.stdin.take().expect("piped");
        let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
        let provider = answers.next().expect("a line").expect("text");
        Self {
            provider: provider.parse().expect("an address"),
            child,
            orders,
            answers,
        }
    }

    pub(crate) fn know(&mut self, gateway: SocketAddr, merchant: MerchantId) {
        writeln!(self.orders, "{gateway} {merchant}").expect("told");
        assert_eq!(self.line(), "known");
    }

    /// Waits until no phone is under way any more.
    pub(crate) fn report(&mut self, deadline: Instant) -> Report {
        let patience = deadline.saturating_duration_since(Instant::now());
        writeln!(self.orders, "{}", patience.as_millis()).expect("told");
        let counted = self.line();
        let counted: Vec<u64> = counted
            .split(' ')
            .map(|word| word.parse().expect("a number"))
            .collect();
        let [errors, refused, passes, bytes] = counted[..] else {
            panic!("four numbers, not {counted:?}");
        };
        let mut tags = HashMap::new();
        loop {
            let line = self.line();
            let Some((card, tag)) = line.split_once(' ') else {
                break;
            };
            tags.insert(card.parse().expect("a card"), tag.to_owned());
        }
        Report {
            errors,
            refused,
            passes,
            bytes,
            tags,
        }
    }

    fn line(&mut self) -> String {
        self.answers.next().expect("the phones live").expect("text")
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// All phones.
struct Herd {
    tls: SslConnector,
    gateway: SocketAddr,
    merchant: String,
    secrets: Vec<String>,
    /// By card: what to ask with next.
    known: Mutex<HashMap<usize, Known>>,
    under_way: AtomicU64,
    errors: AtomicU64,
    refused: AtomicU64,
    passes: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Clone, Default)]
struct Known {
    tag: Option<String>,
    entity_tag: Option<String>,
    last_modified: Option<String>,
}

/// How a phone's visit ended.
enum Visit {
    Done,
    ComeBack(Duration),
}

/// The child's part: prints the provider's address, and answers orders until there are none.
pub(crate) async fn live(folder: &Path) {
    let (clock, ids) = (Clock::System, Ids::random());
    let settings = Settings::new(std::fs::read(folder.join(CLIENTS)).expect("the clients' authority"));
    let (address, fake) = FakeApns::start(settings, &clock, &ids).await.expect("starts");
    std::fs::write(folder.join(PROVIDER), fake.authority_pem()).expect("written");
    println!("{address}");
    let fake = Arc::new(fake);
    let mut herd: Option<Arc<Herd>> = None;
    while let Some(order) = next_order().await {
        match &herd {
            None => {
                let (gateway, merchant) = order.split_once(' ').expect("an address and a merchant");
                let made = Arc::new(Herd::new(folder, gateway.parse().expect("an address"), merchant));
                tokio::spawn(Arc::clone(&made).wake(Arc::clone(&fake)));
                herd = Some(made);
                println!("known");
            }
            Some(herd) => {
                let patience = order.parse().expect("a time");
                herd.tell(Duration::from_millis(patience)).await;
            }
        }
    }
}

async fn next_order() -> Option<String> {
    let read = || std::io::stdin().lines().next().and_then(Result::ok);
    tokio::task::spawn_blocking(read).await.expect("joined")
}

impl Herd {
    fn new(folder: &Path, gateway: SocketAddr, merchant: &str) -> Self {
        let mut tls = SslConnector::builder(SslMethod::tls_client()).expect("TLS");
        tls.set_ca_file(folder.join(AUTHORITY)).expect("an authority");
        tls.set_session_cache_mode(SslSessionCacheMode::OFF);
        tls.set_options(SslOptions::NO_TICKET);
        let secrets = std::fs::read_to_string(folder.join(TOKENS)).expect("secrets");
        Self {
            tls: tls.build(),
            gateway,
            merchant: merchant.to_owned(),
            secrets: secrets.lines().map(str::to_owned).collect(),
            known: Mutex::default(),
            under_way: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Sets a phone going for each push.
    async fn wake(self: Arc<Self>, fake: Arc<FakeApns>) {
        let mut pushes = fake.subscribe();
        loop {
            match pushes.recv().await {
                Ok(push) => {
                    let card = usize::from_str_radix(push.token.trim_start_matches('0'), 16).expect("a card");
                    self.under_way.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(Arc::clone(&self).visit(card));
                }
                Err(RecvError::Lagged(missed)) => panic!("the benchmark itself missed {missed} pushes"),
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn visit(self: Arc<Self>, card: usize) {
        let late = u64::try_from(card).expect("small") * 7_919 % LATEST;
        tokio::time::sleep(Duration::from_millis(late)).await;
        for _ in 0..ATTEMPTS {
            let pause = match self.fetch(card).await {
                Ok(Visit::Done) => break,
                Ok(Visit::ComeBack(pause)) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    pause
                }
                Err(error) => {
                    if self.errors.fetch_add(1, Ordering::Relaxed) < 5 {
                        eprintln!("phone {card}: {error}");
                    }
                    PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// What a phone does on a push, on one connection.
    async fn fetch(&self, card: usize) -> Result<Visit, String> {
        let known = self
            .known
            .lock()
            .expect("sound")
            .get(&card)
            .cloned()
            .unwrap_or_default();
        let mut line = self.connect().await?;
        let merchant = &self.merchant;
        let since = known
            .tag
            .as_ref()
            .map(|tag| format!("?passesUpdatedSince={tag}"))
            .unwrap_or_default();
        let path = format!("/passkit/{merchant}/v1/devices/device-{card}/registrations/{PASS_TYPE}{since}");
        let listed = request(&mut line, &path, "").await?;
        match listed.status {
            200 => {}
            204 => return Ok(Visit::Done),
            _ => return listed.come_back(),
        }
        let body: serde_json::Value =
            serde_json::from_slice(&listed.body).map_err(|error| error.to_string())?;
        let tag = body["lastUpdated"].as_str().ok_or("no tag")?.to_owned();
        if body["serialNumbers"] != serde_json::json!([format!("serial-{card}")]) {
            return Err(format!("other passes: {body}"));
        }
        let secret = self.secrets.get(card - 1).ok_or("an unknown phone")?;
        let mut headers = format!("Authorization: ApplePass {secret}\r\n");
        if let Some(date) = &known.last_modified {
            headers.push_str(&format!("If-Modified-Since: {date}\r\n"));
        }
        let path = format!("/passkit/{merchant}/v1/passes/{PASS_TYPE}/serial-{card}");
        let pass = request(&mut line, &path, &headers).await?;
        let mut next = known.clone_with(tag);
        match pass.status {
            304 => {}
            200 if pass.body.starts_with(b"PK") => {
                self.passes.fetch_add(1, Ordering::Relaxed);
                self.bytes
                    .fetch_add(u64::try_from(pass.body.len()).expect("small"), Ordering::Relaxed);
                next.entity_tag = pass.header("etag");
                next.last_modified = pass.header("last-modified");
            }
            _ => return pass.come_back(),
        }
        self.known.lock().expect("sound").insert(card, next);
        let _closed = line.shutdown().await;
        Ok(Visit::Done)
    }

    async fn connect(&self) -> Result<SslStream<TcpStream>, String> {
        let text = |error: &dyn std::fmt::Display| format!("no connection: {error}");
        let stream = TcpStream::connect(self.gateway)
            .await
            .map_err(|error| text(&error))?;
        stream.set_nodelay(true).map_err(|error| text(&error))?;
        let configured = self.tls.configure().and_then(|tls| tls.into_ssl("localhost"));
        let ssl = configured.map_err(|error| text(&error))?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| text(&error))?;
        Pin::new(&mut stream)
            .connect()
            .await
            .map_err(|error| text(&error))?;
        Ok(stream)
    }

    /// Prints what the phones came to once none is under way, and no longer than `patience` from now.
    async fn tell(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while self.under_way.load(Ordering::Relaxed) > 0 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let counted = [&self.errors, &self.refused, &self.passes, &self.bytes];
        let counted: Vec<String> = counted
            .iter()
            .map(|counter| counter.load(Ordering::Relaxed).to_string())
            .collect();
        println!("{}", counted.join(" "));
        for (card, known) in self.known.lock().expect("sound").iter() {
            println!("{card} {}", known.entity_tag.as_deref().unwrap_or_default());
        }
        println!("end");
    }
}

impl Known {
    /// What the phone asks with after it was given `tag`.
    fn clone_with(&self, tag: String) -> Self {
        Self {
            tag: Some(tag),
            ..self.clone()
        }
    }
}

/// An answer.
struct Answered {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answered {
    fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }

    /// "Later" is no error when it says how much later.
    fn come_back(&self) -> Result<Visit, String> {
        let after = self
            .header("retry-after")
            .and_then(|seconds| seconds.parse().ok());
        match after {
            Some(seconds) if self.status == 503 => Ok(Visit::ComeBack(Duration::from_secs(seconds))),
            _ => Err(format!("answered {}", self.status)),
        }
    }
}

async fn request(line: &mut SslStream<TcpStream>, path: &str, headers: &str) -> Result<Answered, String> {
    let asked = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let broken = |error: std::io::Error| format!("broken off: {error}");
    line.write_all(asked.as_bytes()).await.map_err(broken)?;
    let mut read = Vec::with_capacity(LONGEST_HEAD);
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if read.len() > LONGEST_HEAD || line.read_buf(&mut read).await.map_err(broken)? == 0 {
            return Err("hung up".into());
        }
    };
    let mut body = read.split_off(end);
    let head = String::from_utf8(read).map_err(|error| error.to_string())?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let mut answered = Answered {
        status: status.ok_or("no status")?,
        head,
        body: Vec::new(),
    };
    let length = answered
        .header("content-length")
        .and_then(|length| length.parse().ok());
    let missing = length.unwrap_or(0_usize).saturating_sub(body.len());
    if missing > 0 {
        let begun = body.len();
        body.resize(begun + missing, 0);
        line.read_exact(&mut body[begun..]).await.map_err(broken)?;
    }
    answered.body = body;
    Ok(answered)
}
