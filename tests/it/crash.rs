//! Kills the gateway or the bridge between every two steps of a tap's walk and starts it again: nothing that was
//! acknowledged is lost, and nothing counts twice.
//!
//! Both run as processes of their own: this test binary started anew with the test [`process`] alone, which does
//! nothing unless it is told its part by the environment. The crash is an abort in the very moment in which the step
//! is reported to the log (target `passgate::walk`), so nothing after it has run.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use passgate::app::{Gateway, secrets};
use passgate::apple::dev_chain;
use passgate::bridge::Bridge;
use passgate::clock::{Clock, Ids};
use passgate::config::{Config, Device, PassType};
use passgate::domain::event::Event;
use passgate::domain::id::PassTypeIdentifier;
use passgate::domain::program::Rules;
use passgate::domain::secret::MasterKey;
use passgate::ops::Ops;
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::sim::apns::{FakeApns, Settings};
use passgate::sim::phone::SimPhone;
use passgate::sim::scanner::SimScanner;
use passgate::store::cards::CardWithProgram;
use passgate::store::{Error, Store, cards, events};
use passgate::telemetry::{self, Filter, Format, Metrics};
use passgate::web::public::card_link;
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::postgres;

const ROLE: &str = "PASSGATE_TEST_ROLE";
const FOLDER: &str = "PASSGATE_TEST_FOLDER";
const CRASH_AT: &str = "PASSGATE_TEST_CRASH_AT";
const LOG_TO: &str = "PASSGATE_TEST_LOG_TO";
const PUSH_TOKEN: &str = "abcdef0123456789";
const PATIENCE: Duration = Duration::from_secs(90);

/// The steps of the walk in their order, and who passes them.
const STEPS: [(&str, &str); 13] = [
    ("bridge", "captured"),
    ("bridge", "journal_appended"),
    ("bridge", "batch_read"),
    ("gateway", "captures_received"),
    ("gateway", "captures_written"),
    ("gateway", "captures_committed"),
    ("bridge", "answers_received"),
    ("bridge", "journal_acknowledged"),
    ("gateway", "pushes_claimed"),
    ("gateway", "push_sent"),
    ("gateway", "pushes_finished"),
    ("gateway", "serials_listed"),
    ("gateway", "pass_built"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_loses_nothing_and_counts_nothing_twice() {
    for (role, step) in STEPS {
        crash_at(role, step, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_beside_postgres_loses_nothing_and_counts_nothing_twice() {
    for (role, step) in STEPS.into_iter().filter(|(role, _)| *role == "gateway") {
        let Some(url) = postgres::migrated_database().await else {
            return;
        };
        crash_at(role, step, Some(url)).await;
    }
}

/// `url` names a database; without it there is a SQLite file.
async fn crash_at(role: &str, step: &str, url: Option<String>) {
    let walk = async {
        let mut stage = Stage::set(url).await;
        stage.walk(role, step).await;
    };
    let walked = tokio::time::timeout(PATIENCE, walk).await;
    assert!(
        walked.is_ok(),
        "the walk with a crash of the {role} at {step} did not end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_talkative_log_of_a_walk_holds_no_secret() {
    let walk = async {
        let mut stage = Stage::set(None).await;
        let folder = stage.folder.path().to_path_buf();
        let logs = [folder.join("gateway.log"), folder.join("bridge.log")];
        let gateway = Process::logging("gateway", &folder, &logs[0]);
        stage.gateway_answers().await;
        stage.add_card().await;
        let bridge = Process::logging("bridge", &folder, &logs[1]);
        let code = stage.card.card.token.expose().to_owned();
        stage.scanner.scan(&code).expect("the scanner is plugged in");
        let serial = stage.card.card.serial_number.as_str();
        stage
            .phone
            .until(serial, |pass| pass.field("balance") == Some("1 of 5"))
            .await;
        stage.settle().await;
        drop((gateway, bridge));

        let read = |path: &Path| std::fs::read_to_string(path).expect("a file").trim().to_owned();
        let master = MasterKey::parse(&read(&folder.join("master.key"))).expect("the key");
        let card = &stage.card.card;
        let pass_token = master.authentication_token(card.merchant, card.id);
        let secrets = [
            ("the code on the card", code),
            ("the station's key", read(&folder.join("station.key"))),
            ("the master key", read(&folder.join("master.key"))),
            ("the pass's token", pass_token.expose().to_owned()),
            ("the push token", PUSH_TOKEN.to_owned()),
            (
                "the card's link",
                stage.link.rsplit('/').next().expect("a proof").to_owned(),
            ),
        ];
        for path in &logs {
            let log = read(path);
            assert!(log.contains("passgate"), "{} tells something", path.display());
            for (what, secret) in &secrets {
                assert!(!log.contains(secret.as_str()), "{what} is in {}", path.display());
            }
        }
    };
    tokio::time::timeout(PATIENCE, walk).await.expect("the walk ends");
}

/// Not a test by itself: the body of the processes that crash.
#[test]
fn process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).expect("a folder"));
    if let Ok(step) = std::env::var(CRASH_AT) {
        let subscriber = tracing_subscriber::registry().with(Crash { step });
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    }
    if let Ok(path) = std::env::var(LOG_TO) {
        let filter = Filter::parse("trace").expect("a level");
        let file = Arc::new(std::fs::File::create(path).expect("a log"));
        let subscriber = telemetry::subscriber(&filter, Format::Json, file);
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    }
    let config = config(&folder);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async move {
        // Kept alive until the process is killed.
        let _running: Box<dyn Send> = if role == "gateway" {
            let started = Gateway::start(
                &config,
                Clock::System,
                Ids::random(),
                Metrics::detached().expect("metrics"),
            );
            Box::new(started.await.expect("the gateway starts"))
        } else {
            let started = Bridge::start(&config.bridge, Clock::System, Ids::random());
            Box::new(started.expect("the bridge starts"))
        };
        tokio::time::sleep(2 * PATIENCE).await;
    });
}

/// Aborts the process when it reports a step.
struct Crash {
    step: String,
}

impl<S: tracing::Subscriber> Layer<S> for Crash {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "passgate::walk" {
            let mut is_step = IsStep(&self.step, false);
            event.record(&mut is_step);
            if is_step.1 {
                std::process::abort();
            }
        }
    }
}

struct IsStep<'a>(&'a str, bool);

impl Visit for IsStep<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.1 |= field.name() == "step" && value == self.0;
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// A process; killed when dropped.
struct Process(Child);

impl Process {
    fn start(role: &str, folder: &Path, crash_at: Option<&str>) -> Self {
        let mut command = Self::command(role, folder);
        if let Some(step) = crash_at {
            command.env(CRASH_AT, step);
        }
        Self(command.spawn().expect("this binary starts"))
    }

    fn command(role: &str, folder: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command
            .args(["crash::process", "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn logging(role: &str, folder: &Path, log: &Path) -> Self {
        let mut command = Self::command(role, folder);
        command.env(LOG_TO, log);
        Self(command.spawn().expect("this binary starts"))
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Stage {
    folder: tempfile::TempDir,
    card: CardWithProgram,
    link: String,
    phone: SimPhone,
    scanner: SimScanner,
    http: reqwest::Client,
    url: String,
    _apns: FakeApns,
    _relay: tokio_util::task::AbortOnDropHandle<()>,
    _listening: tokio_util::task::AbortOnDropHandle<()>,
}

/// What both processes and the test agree on, by the folder alone.
fn config(folder: &Path) -> Config {
    let port = |name| std::fs::read_to_string(folder.join(name)).expect("a port");
    let mut config = Config::default();
    let listen = format!("127.0.0.1:{}", port("gateway.port"));
    config.server.listen = listen.parse().expect("an address");
    config.server.public_url = format!("http://{listen}");
    config.store.url = std::fs::read_to_string(folder.join("store.url")).expect("an address");
    config.secrets.master_key_file = folder.join("master.key");
    config.apple.intermediates = folder.join("certs");
    config.apple.pass_types = vec![PassType {
        certificate: folder.join("certs/pass.example.crash.pem"),
        key: folder.join("certs/pass.example.crash.key"),
    }];
    config.apple.apns.url = format!("https://localhost:{}", port("apns.port"));
    config.apple.apns.certificate_authority = Some(folder.join("apns.pem"));
    config.push.lease = Duration::from_secs(2);
    config.apple.apns.timeout = Duration::from_secs(1);
    config.push.poll = Duration::from_millis(200);
    config.bridge.gateway_url = config.server.public_url.clone();
    config.bridge.station_key_file = folder.join("station.key");
    config.bridge.journal = folder.join("journal");
    config.bridge.debounce = Duration::from_millis(50);
    config.bridge.scanners = vec![Device {
        id: "scanner".into(),
        profile: "generic-line-scanner".into(),
        path: Some(folder.join("scanner").display().to_string()),
        name: None,
    }];
    config
}

impl Stage {
    async fn set(url: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let url = url.unwrap_or_else(|| format!("sqlite:{}", path.join("store.sqlite").display()));
        std::fs::write(path.join("store.url"), url).expect("written");
        let (clock, ids) = (Clock::System, Ids::random());
        let pass_type = PassTypeIdentifier::parse("pass.example.crash").expect("valid");
        let chain = dev_chain::write_pass_chain(&path.join("certs"), &pass_type, "CRASHTEAM1", clock.now())
            .expect("a chain");
        let root = std::fs::read(&chain.root).expect("the root");
        let (address, apns) = FakeApns::start(Settings::new(root.clone()), &clock, &ids)
            .await
            .expect("the fake APNs starts");
        std::fs::write(path.join("apns.pem"), apns.authority_pem()).expect("written");
        std::fs::write(path.join("apns.port"), address.port().to_string()).expect("written");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        std::fs::write(path.join("gateway.port"), port.to_string()).expect("written");
        let scanner = SimScanner::at(&path.join("scanner")).expect("a pseudo terminal");

        let config = config(path);
        let master = secrets::master_key(&config.secrets.master_key_file, &ids).expect("a key");
        let store = Store::open(&config.store.url, 1).await.expect("opens");
        store.migrate().await.expect("migrates");
        let ops = Ops {
            store,
            clock,
            ids: ids.clone(),
        };
        let card = open_shop(&ops, pass_type, &config).await;
        let link = card_link(
            &config.server.public_url,
            &master,
            card.card.merchant,
            card.card.id,
        );
        drop(ops);

        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let roots = openssl::x509::X509::stack_from_pem(&root).expect("PEM");
        let phone = SimPhone::new(&hex::encode(ids.secret::<16>()), roots, http.clone());
        let (pushes, listener) = broadcast::channel(64);
        let mut received = apns.subscribe();
        let relay = tokio::spawn(async move {
            while let Ok(push) = received.recv().await {
                let _ = pushes.send(push.token.clone());
            }
        });
        let follower = phone.clone();
        let listening = tokio::spawn(async move { follower.follow(listener).await });
        Self {
            card,
            link,
            phone,
            scanner,
            http,
            url: config.server.public_url,
            _apns: apns,
            _relay: tokio_util::task::AbortOnDropHandle::new(relay),
            _listening: tokio_util::task::AbortOnDropHandle::new(listening),
            folder,
        }
    }

    /// One scan, with a crash of `role` at `step`, until the phone shows the punch.
    async fn walk(&mut self, role: &str, step: &str) {
        let folder = self.folder.path().to_path_buf();
        let mut gateway = Process::start("gateway", &folder, None);
        self.gateway_answers().await;
        self.add_card().await;
        let crash = |part| (role == part).then_some(step);
        if role == "gateway" {
            drop(gateway);
            gateway = Process::start("gateway", &folder, crash("gateway"));
            self.gateway_answers().await;
        }
        let mut bridge = Process::start("bridge", &folder, crash("bridge"));
        let code = self.card.card.token.expose().to_owned();
        self.scanner.scan(&code).expect("the scanner is plugged in");

        let crashed = if role == "gateway" {
            &mut gateway
        } else {
            &mut bridge
        };
        while !crashed.has_ended() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        *crashed = Process::start(role, &folder, None);
        if step == "captured" {
            // Nothing was stored and nothing signalled: staff scan again.
            assert!(self.scanner.signals().expect("readable").is_empty());
            self.scanner.scan(&code).expect("the scanner is plugged in");
        }

        let serial = self.card.card.serial_number.as_str();
        self.phone
            .until(serial, |pass| pass.field("balance") == Some("1 of 5"))
            .await;
        self.settle().await;
        drop(bridge);
        drop(gateway);
        self.check(step).await;
    }

    async fn gateway_answers(&self) {
        let ready = format!("{}/readyz", self.url);
        loop {
            if let Ok(response) = self.http.get(&ready).send().await
                && response.status().is_success()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn add_card(&self) {
        let pass = self.http.get(format!("{}/pass.pkpass", self.link)).send().await;
        let bytes = pass.expect("answered").bytes().await.expect("a body");
        self.phone.add(&bytes).expect("a good pass");
        self.phone.register(PUSH_TOKEN).await.expect("registered");
    }

    /// Waits until nothing is left to do: the journal is acknowledged and everything in the outbox is sent. What wants to
    /// ring may wait for the morning.
    async fn settle(&self) {
        let config = config(self.folder.path());
        let store = Store::open(&config.store.url, 1).await.expect("opens");
        loop {
            let left: Result<i64, Error> = store
                .read("left_in_outbox", |tx| {
                    Box::pin(async move {
                        let sql = "select count(*) from pushes where lease is not null or told < generation";
                        let (left,): (i64,) = tx.one(sql, &[]).await?;
                        Ok(left)
                    })
                })
                .await;
            if left.expect("readable") == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One scan is one punch, one row in the ledger and one version more on the phone.
    async fn check(&self, step: &str) {
        let config = config(self.folder.path());
        let store = Store::open(&config.store.url, 1).await.expect("opens");
        let (merchant, id) = (self.card.card.merchant, self.card.card.id);
        let found: Result<(CardWithProgram, Vec<Event>), Error> = store
            .read("after_the_crash", move |tx| {
                Box::pin(async move {
                    let card = cards::card(tx, merchant, id).await?.expect("issued");
                    let newest = card.card.last_event.expect("issued");
                    let history = events::history(tx, merchant, newest, 100).await?;
                    Ok((card, history))
                })
            })
            .await;
        let (card, history) = found.expect("readable");
        let punches = history
            .iter()
            .filter(|event| event.event.delta.punches > 0)
            .count();
        assert_eq!((card.card.punches, punches), (1, 1), "after a crash at {step}");
        let (journal, recovered) =
            passgate::bridge::journal::Journal::open(&config.bridge.journal, Clock::System.now())
                .expect("the journal opens");
        assert_eq!(recovered.cut_bytes, 0);
        drop(journal);
        let complaints = self.phone.complaints();
        let serious = complaints.iter().find(|line| !line.contains("encountered error"));
        assert_eq!(serious, None, "the phone complains after a crash at {step}");
    }
}

async fn open_shop(ops: &Ops, pass_type: PassTypeIdentifier, config: &Config) -> CardWithProgram {
    let business = NewBusiness {
        name: "Corner Café".into(),
        zone: "UTC".into(),
    };
    let merchant = ops.create_merchant(business).await.expect("merchant");
    let new = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: pass_type,
        reward_name: "Free coffee".into(),
        rules: Rules::punch(5).expect("valid"),
    };
    let program = ops.create_program(merchant, new).await.expect("program");
    let location = ops
        .create_location(merchant, "Shop".into())
        .await
        .expect("location");
    let station = ops
        .create_station(merchant, location, "Till".into())
        .await
        .expect("station");
    secrets::write_new(&config.bridge.station_key_file, &station.key).expect("written");
    let holder = Holder {
        name: "Ada".into(),
        email: None,
        phone: None,
    };
    ops.issue(merchant, program, holder).await.expect("card")
}
