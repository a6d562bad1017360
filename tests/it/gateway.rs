//! A whole gateway: how it stops.

use std::path::Path;
use std::time::Duration;

use passgate::app::Gateway;
use passgate::clock::{Clock, Ids};
use passgate::config::Config;
use passgate::domain::id::PassTypeIdentifier;
use passgate::domain::program::PunchRules;
use passgate::ops::Ops;
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::cards::CardWithProgram;
use passgate::telemetry::Metrics;
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
        rules: PunchRules::new(10).expect("rules"),
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
