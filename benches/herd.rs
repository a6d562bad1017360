//! A message to everybody, and everybody comes: phones fetch their passes after a broadcast, each over a TLS connection of
//! its own, while pushes keep pace with what the gateway can serve.
//!
//! The gateway is the real one, with its listener, limits, certificates, chores and dispatcher, on SQLite and loopback. The
//! phones and the provider that wakes them are this same program started again, so that only the gateway's processor time is
//! counted: sending the message, telling the phones, and serving them.
//!
//! | figure | |
//! |---|---|
//! | `herd.errors` | requests that went wrong; 503 with `Retry-After` is none, the phone comes back |
//! | `herd.refused` | those 503 |
//! | `herd.stale` | phones that have not the newest pass in the end |
//! | `herd.devices_per_core_s` | phones served in a second of one core |
//! | `herd.limit_per_core_s` | a bare TLS handshake, an RSA signature and a pass's weight through TLS, on the same core |
//! | `herd.devices_per_s` | phones served in a second of the machine, which the phones share |
//!
//! `HERD_PHONES` changes how many phones there are.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark starts programs, reads the environment and clocks, and fails by panicking"
)]

#[path = "herd/limit.rs"]
mod limit;
#[path = "herd/phones.rs"]
mod phones;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use passgate::app::Gateway;
use passgate::apple::dev_chain::{self, ServerChain};
use passgate::clock::{Clock, Ids};
use passgate::config::{Config, PassType};
use passgate::domain::id::{CardId, MerchantId, MessageId, PassTypeIdentifier, ProgramId};
use passgate::domain::message::{Audience, Content, When};
use passgate::domain::preference::Class;
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::messages::NewMessage;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::{Error, Value};
use passgate::telemetry;
use phones::Phones;

pub(crate) const PASS_TYPE: &str = "pass.example.bench";
const USUAL: i64 = 20_000;
/// Cards that one statement makes.
const PART: i64 = 10_000;
/// Nothing here takes longer than this, and what each thousand of phones may take on top.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_PER_THOUSAND: Duration = Duration::from_secs(20);

const CUSTOMERS: &str = "insert into customers (merchant_id, customer_id, first_name, consents, search_form, created_at) \
     with recursive n (i) as (select $2 union all select n.i + 1 from n where n.i < $2 + $3 - 1) \
     select $1, n.i, '', 7, 1, $4 from n";
const CARDS: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, \
     channels, punches, rewards, visits, earned_on_day, installed_as, created_at, version, changed_at) \
     with recursive n (i) as (select $4 union all select n.i + 1 from n where n.i < $4 + $5 - 1) \
     select $1, n.i, $2, n.i, 'serial-' || n.i, 'token-' || n.i, 'installed', 1, 0, 0, 0, 0, $2, $3, 1, $3 from n";
const REGISTRATIONS: &str = "insert into registrations (merchant_id, pass_type_identifier, device_library_identifier, \
     card_id, push_token, registered_at) select merchant_id, 'pass.example.bench', 'device-' || card_id, card_id, \
     printf('%064x', card_id), 0 from cards where merchant_id = $1 and card_id >= $2 and card_id < $3";
/// No quiet hours, so that it does not matter when it is measured.
const POLICY: &str = "insert into push_policies (merchant_id, program_id, channel, policy, version, changed_at) \
     values ($1, 0, 'apple', '{\"quiet\": null}', 1, 0)";
const LEFT: &str = "select (select count(*) from (select 1 from pushes where channel = 'apple' limit 1) as d), \
     (select count(*) from (select 1 from push_messages where merchant_id = $1 and message_id = $2 \
     and state in ('waiting', 'sending') limit 1) as s)";
const TOLD: &str = "select count(*) from push_messages where merchant_id = $1 and message_id = $2";
const VERSIONS: &str = "select card_id, version, changed_at from cards where merchant_id = $1";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if arguments.next().as_deref() == Some("--phones") {
        let folder = arguments.next().expect("a folder");
        runtime.block_on(phones::live(Path::new(&folder)));
        return;
    }
    let count = std::env::var("HERD_PHONES").map_or(USUAL, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(measure(folder.path(), count));
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure {name} {value:.1} {unit}");
}

async fn measure(folder: &Path, count: i64) {
    let now = Clock::System.now();
    let pass_type = PassTypeIdentifier::parse(PASS_TYPE).expect("valid");
    let chain = dev_chain::write_pass_chain(folder, &pass_type, "TEAM12345X", now).expect("a chain");
    let tls = dev_chain::write_server_chain(folder, now).expect("a certificate");
    std::fs::copy(&chain.root, folder.join(phones::CLIENTS)).expect("copied");
    let mut phones = Phones::start(folder);

    let signer = PassType {
        certificate: chain.certificate,
        key: chain.key,
    };
    let config = configure(folder, &tls, signer, phones.provider);
    let metrics = telemetry::init("warn", telemetry::Format::Text).expect("telemetry");
    let gateway = Gateway::start(&config, Clock::System, Ids::random(), metrics)
        .await
        .expect("the gateway starts");
    let ops = &gateway.ops;
    let (merchant, program) = open_shop(ops, pass_type).await;
    fill(ops, merchant, program, count).await;
    let mut lines = String::new();
    for card in 1..=count {
        let token = gateway.master.authentication_token(merchant, CardId(card));
        writeln!(lines, "{}", token.expose()).expect("written");
    }
    std::fs::write(folder.join(phones::TOKENS), lines).expect("written");
    phones.know(gateway.address, merchant);

    let message = message(ops, merchant, program).await;
    let forecast = ops.forecast_message(merchant, None, message.0).await;
    assert_eq!(
        forecast.expect("a forecast").tally.sent,
        count,
        "everybody is told at once"
    );
    let scheduled = ops.schedule_message(merchant, message.0, message.1, count);
    scheduled.await.expect("scheduled");
    let thousands = u32::try_from(count / 1000 + 1).expect("few");
    let deadline = Instant::now() + PATIENCE + PATIENCE_PER_THOUSAND * thousands;
    let (began, used) = (Instant::now(), ProcessTime::now());
    tell(ops, merchant, message.0, count, deadline).await;
    let report = phones.report(deadline);
    let (wall, cpu) = (began.elapsed(), used.elapsed());

    let newest = newest(ops, merchant).await;
    let stale = newest
        .iter()
        .filter(|(card, tag)| report.tags.get(card) != Some(tag))
        .count();
    gateway.stop().await;
    println!("{count} phones in {wall:.1?}, {cpu:.1?} of the gateway's processor time");
    let weight = report.bytes as f64 / report.passes.max(1) as f64;
    let bare = limit::measure(
        &tls,
        usize::try_from(report.bytes / report.passes.max(1)).expect("small"),
    );
    figure("herd.errors", report.errors as f64, "requests");
    figure("herd.refused", report.refused as f64, "requests");
    figure("herd.stale", stale as f64, "phones");
    figure("herd.pass_kib", weight / 1024.0, "KiB");
    figure(
        "herd.devices_per_core_s",
        count as f64 / cpu.as_secs_f64(),
        "phones",
    );
    figure("herd.limit_per_core_s", 1e6 / bare, "phones");
    figure("herd.devices_per_s", count as f64 / wall.as_secs_f64(), "phones");
}

fn configure(folder: &Path, tls: &ServerChain, signer: PassType, provider: SocketAddr) -> Config {
    let mut config = Config::default();
    config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.server.public_url = "https://localhost:0".into();
    config.server.certificate = Some(tls.certificate.clone());
    config.server.key = Some(tls.key.clone());
    config.server.templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
    config.store.url = format!("sqlite:{}", folder.join("herd.sqlite").display());
    config.secrets.master_key_file = folder.join("master.key");
    config.apple.intermediates = folder.to_path_buf();
    config.apple.pass_types = vec![signer];
    config.apple.apns.url = format!("https://localhost:{}", provider.port());
    config.apple.apns.certificate_authority = Some(folder.join(phones::PROVIDER));
    config
}

async fn open_shop(ops: &Ops, pass_type: PassTypeIdentifier) -> (MerchantId, ProgramId) {
    let business = NewBusiness {
        name: "Turnstiles".into(),
        zone: "UTC".into(),
    };
    let merchant = ops.create_merchant(business).await.expect("a merchant");
    let program = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: pass_type,
        reward_name: "Free coffee".into(),
        rules: Rules::punch(10).expect("valid"),
    };
    let program = ops.create_program(merchant, program).await.expect("a program");
    (merchant, program)
}

/// Makes every card, on one phone.
async fn fill(ops: &Ops, merchant: MerchantId, program: ProgramId, count: i64) {
    exec(ops, POLICY, vec![merchant.into()]).await;
    let now = ops.clock.now();
    for first in (1..=count).step_by(usize::try_from(PART).expect("small")) {
        let many = PART.min(count - first + 1);
        let customers = vec![merchant.into(), first.into(), many.into(), now.into()];
        exec(ops, CUSTOMERS, customers).await;
        let cards = vec![
            merchant.into(),
            program.into(),
            now.into(),
            first.into(),
            many.into(),
        ];
        exec(ops, CARDS, cards).await;
        let range = vec![merchant.into(), first.into(), (first + many).into()];
        exec(ops, REGISTRATIONS, range).await;
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

async fn message(ops: &Ops, merchant: MerchantId, program: ProgramId) -> (MessageId, i64) {
    let new = NewMessage {
        content: Content::checked(None, "Two for one today", None, Class::Marketing).expect("good"),
        audience: Audience::Program(program),
        when: When::Now,
        author: None,
    };
    let message = ops.write_message(merchant, new).await.expect("written");
    (message.id, message.version)
}

/// Returns when everybody was told.
async fn tell(ops: &Ops, merchant: MerchantId, message: MessageId, count: i64, deadline: Instant) {
    loop {
        assert!(Instant::now() < deadline, "not everybody was told in time");
        let done = ops.do_one_chore("send_messages").await.expect("a turn");
        if done > 0 {
            continue;
        }
        let left: Result<(i64, i64), Error> = ops
            .store
            .read("left", move |tx| {
                Box::pin(async move { tx.one(LEFT, &[merchant.into(), message.into()]).await })
            })
            .await;
        if left.expect("read") == (0, 0) && told(ops, merchant, message).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many cards the message has come to.
async fn told(ops: &Ops, merchant: MerchantId, message: MessageId) -> i64 {
    let told: Result<(i64,), Error> = ops
        .store
        .read("told", move |tx| {
            Box::pin(async move { tx.one(TOLD, &[merchant.into(), message.into()]).await })
        })
        .await;
    told.expect("read").0
}

/// The entity tag of each card's newest pass.
async fn newest(ops: &Ops, merchant: MerchantId) -> HashMap<i64, String> {
    let rows: Result<Vec<(i64, i64, i64)>, Error> = ops
        .store
        .read("newest", move |tx| {
            Box::pin(async move { tx.all(VERSIONS, &[merchant.into()]).await })
        })
        .await;
    let rows = rows.expect("read").into_iter();
    let tag = |(card, version, changed_at): (i64, i64, i64)| {
        let tag = format!("\"{}-{version}-{}\"", CardId(card), changed_at / 1000);
        (card, tag)
    };
    rows.map(tag).collect()
}
