//! A whole gateway: how it stops, and what its operators see of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use passgate::app::{Gateway, watched};
use passgate::bridge::Bridge;
use passgate::clock::{Clock, Ids};
use passgate::config::{Config, Device};
use passgate::domain::capture::CaptureKind;
use passgate::domain::id::PassTypeIdentifier;
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::cards::CardWithProgram;
use passgate::telemetry::{self, Format, Metric, Metrics};
use passgate::wire::{CaptureAnswers, CaptureBatch, CaptureBody};
use reqwest::header;
use secrecy::SecretString;

const PATIENCE: Duration = Duration::from_secs(60);
const OWNER: &str = "owner@cafe.example";
const PASSWORD: &str = "a password of a test";

fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().expect("an address");
    config.server.public_url = "http://127.0.0.1:0".into();
    config.server.templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
    config.store.url = format!("sqlite:{}", folder.join("store.sqlite").display());
    config.secrets.master_key_file = folder.join("master.key");
    config
}

/// A card, and the key of a station that takes it.
async fn open_shop(ops: &Ops) -> (CardWithProgram, String) {
    let business = NewBusiness {
        name: "Corner Café".into(),
        zone: "Europe/Berlin".into(),
    };
    let merchant = ops.create_merchant(business).await.expect("a merchant");
    let password = SecretString::from(PASSWORD);
    ops.first_owner(merchant, "Owner", OWNER, &password)
        .await
        .expect("an owner");
    let location = ops
        .create_location(merchant, "Market".into())
        .await
        .expect("a location");
    let station = ops
        .create_station(merchant, location, "Till 1".into())
        .await
        .expect("a station");
    let new = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
        reward_name: "Free coffee".into(),
        rules: Rules::punch(10).expect("rules"),
    };
    let program = ops.create_program(merchant, new).await.expect("a program");
    let holder = Holder {
        name: "Ada".into(),
        email: None,
        phone: None,
    };
    let card = ops.issue(merchant, program, holder).await.expect("a card");
    (card, station.key)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_does_not_hold_up_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    // Longer than this test may take: a page that were waited for would be noticed.
    config.push.drain = Duration::from_secs(3600);
    let metrics = Metrics::detached().expect("metrics");
    let gateway = Gateway::start(&config, Clock::System, Ids::random(), metrics)
        .await
        .expect("the gateway starts");
    let (card, _) = open_shop(&gateway.ops).await;
    let (client, base) = (client(), format!("http://{}", gateway.address));
    let signed_in = client
        .post(format!("{base}/console/sign-in"))
        .header("sec-fetch-site", "same-origin")
        .form(&[("email", OWNER), ("password", PASSWORD)])
        .send()
        .await
        .expect("an answer");
    let cookie = signed_in.headers()[header::SET_COOKIE].to_str().expect("text");
    let session = cookie.split(';').next().expect("a pair").to_owned();
    let mut page = client
        .get(format!("{base}/console/cards/{}/events", card.card.id))
        .header(header::ACCEPT, "text/event-stream")
        .header(header::COOKIE, session)
        .send()
        .await
        .expect("an answer");
    assert_eq!(page.status(), 200);
    let first = page.chunk().await.expect("a live page").expect("a greeting");
    assert!(first.starts_with(b"event: hello"), "{first:?}");

    let rest = tokio::spawn(async move { while page.chunk().await.expect("an orderly end").is_some() {} });
    tokio::time::timeout(PATIENCE, gateway.stop())
        .await
        .expect("the gateway stops");
    tokio::time::timeout(PATIENCE, rest)
        .await
        .expect("the page has ended")
        .expect("in good order");
}

/// Names the folder for the copy of this binary that is observed.
const FOLDER: &str = "PASSGATE_TEST_OBSERVED";
/// Is in every address that is asked for, and in nothing that may be logged.
const IN_PATHS: &str = "0secret0in0the0path0";

#[test]
fn metrics_and_logs_tell_of_requests_by_their_routes() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    // Metrics and logs are one for a process, so what is observed is a process of its own.
    let status = Command::new(std::env::current_exe().expect("this binary"))
        .args(["gateway::observed", "--exact", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).expect("a log"))
        .status()
        .expect("this binary starts");
    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(status.success(), "{log}");
    assert!(log.contains("finished processing request"), "{log}");
    assert!(log.contains("route=\"/healthz\""), "{log}");
    assert!(!log.contains(IN_PATHS), "{log}");
}

/// Not a test by itself: the body of the process that is observed.
#[test]
fn observed() {
    let Some((_, folder)) = std::env::vars_os().find(|(name, _)| name == FOLDER) else {
        return;
    };
    let metrics = telemetry::init("trace,tower_http::trace=trace", Format::Text).expect("the only one");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let observed = tokio::time::timeout(PATIENCE, observe(Path::new(&folder), metrics));
        observed.await.expect("in time");
    });
}

async fn observe(folder: &Path, metrics: Metrics) {
    let gateway = Gateway::start(&config(folder), Clock::System, Ids::random(), metrics.clone())
        .await
        .expect("the gateway starts");
    let (card, key) = open_shop(&gateway.ops).await;
    let (client, base) = (client(), format!("http://{}", gateway.address));
    let page = async |url: String| {
        let answer = client.get(url).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    assert_eq!(page(format!("{base}/healthz")).await, (200, "ok\n".into()));
    assert_eq!(page(format!("{base}/readyz")).await, (200, "ready\n".into()));
    for path in ["console", "console/"] {
        assert_eq!(page(format!("{base}/{path}")).await.0, 303, "{path}");
    }
    for path in ["", "console/cards/", "console/nowhere/"] {
        page(format!("{base}/{path}{IN_PATHS}?q={IN_PATHS}")).await;
    }
    let capture = CaptureBody {
        counter: 1,
        kind: CaptureKind::Barcode,
        token: card.card.token.expose().to_owned(),
        captured_at: Clock::System.now(),
        amount: None,
    };
    for _ in 0..2 {
        let answers: CaptureAnswers = client
            .post(format!("{base}/api/station/captures"))
            .bearer_auth(&key)
            .json(&CaptureBatch {
                captures: vec![capture.clone()],
            })
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("answers");
        assert_eq!(answers.answers[0].refusal, None);
    }
    let (status, text) = page(format!("{base}/metrics")).await;
    assert_eq!(status, 200);
    for line in [
        "passgate_requests_total{route=\"/healthz\",status=\"2xx\"} 1",
        "passgate_requests_total{route=\"/console/cards/{card_id}\",status=\"4xx\"} 1",
        "passgate_requests_total{route=\"/api/station/captures\",status=\"2xx\"} 2",
        "passgate_request_seconds_count{route=\"/api/station/captures\"} 2",
        "passgate_captures_total{kind=\"barcode\",answer=\"accept\"} 1",
        "passgate_capture_repeats_total 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(!text.contains(IN_PATHS), "{text}");

    observe_till(folder, &base, &key, metrics).await;
    gateway.stop().await;
}

async fn observe_till(folder: &Path, gateway_url: &str, key: &str, metrics: Metrics) {
    let mut config = config(folder).bridge;
    config.gateway_url = gateway_url.to_owned();
    config.station_key_file = folder.join("station.key");
    config.journal = folder.join("journal");
    config.scanners = vec![Device {
        id: "counter".into(),
        profile: "generic-line-scanner".into(),
        path: Some("/no/such/port".into()),
        name: None,
    }];
    std::fs::write(&config.station_key_file, key).expect("written");
    let watched = watched::start("127.0.0.1:0".parse().expect("an address"), metrics).expect("it listens");
    let bridge = Bridge::start(&config, Clock::System, Ids::random()).expect("the bridge starts");
    let (client, base) = (client(), format!("http://{}", watched.address));
    let page = async |path: &str| {
        let answer = client
            .get(format!("{base}{path}"))
            .send()
            .await
            .expect("an answer");
        answer.text().await.expect("a body")
    };
    assert_eq!(page("/healthz").await, "ok\n");
    let wanted = [
        format!("{} 0", Metric::JournalPending.name()),
        format!("{}{{device=\"counter\"}} 0", Metric::DeviceUp.name()),
        format!("{} 0", Metric::UplinkFailures.name()),
    ];
    // The device's thread takes its time to say that nothing is there.
    loop {
        let text = page("/metrics").await;
        if wanted.iter().all(|line| text.lines().any(|found| found == line)) {
            break;
        }
        tokio::task::yield_now().await;
    }
    bridge.stop().await;
}
