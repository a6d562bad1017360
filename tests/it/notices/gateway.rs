//! A whole gateway with stand-ins for a push service and for Firebase, a card, and the holder's link to it.

use std::path::Path;
use std::time::Duration;

use passgate::app::Gateway;
use passgate::clock::{Clock, Ids};
use passgate::config::Config;
use passgate::domain::capture::CaptureKind;
use passgate::domain::card::Card;
use passgate::domain::event::{Actor, Source};
use passgate::domain::id::{MerchantId, PassTypeIdentifier, ProgramId};
use passgate::domain::preference::{Class, Preference};
use passgate::domain::program::Rules;
use passgate::ops::cards::Holder;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::sim::google::FakeGoogle;
use passgate::sim::web_push::{FakePushService, SimBrowser};
use passgate::store::Error;
use passgate::telemetry::Metrics;
use passgate::web::public::card_link;
use passgate::wire::{CaptureAnswers, CaptureBatch, CaptureBody};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::PATIENCE;

pub(super) const CONTACT: &str = "mailto:cards@corner-cafe.com";
pub(super) const PROJECT: &str = "corner-cafe-cards";

pub(super) struct World {
    pub(super) push: FakePushService,
    pub(super) google: FakeGoogle,
    pub(super) gateway: Gateway,
    pub(super) card: Card,
    /// The card's page.
    pub(super) link: String,
    pub(super) http: Client,
    merchant: MerchantId,
    program: ProgramId,
    station_key: String,
    captures: std::sync::atomic::AtomicU64,
    _folder: TempDir,
}

impl World {
    pub(super) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// `change` has the last word on the configuration.
    pub(super) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let push = FakePushService::start(Clock::System, Ids::random())
            .await
            .expect("a push service");
        let google = FakeGoogle::start("3388000000012345678").await.expect("Google");
        google.set_firebase_project(PROJECT);
        let authority = folder.path().join("push-authority.pem");
        std::fs::write(&authority, push.authority_pem()).expect("written");

        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".parse().expect("an address");
        config.server.public_url = "http://127.0.0.1:0".into();
        config.server.templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
        config.store.url = format!("sqlite:{}", folder.path().join("store.sqlite").display());
        config.secrets.master_key_file = folder.path().join("master.key");
        config.secrets.vapid_key_file = folder.path().join("vapid.key");
        config.web_push.contact = CONTACT.into();
        config.web_push.certificate_authority = Some(authority);
        config.web_push.allow_private_networks = true;
        config.google.fcm.project = PROJECT.into();
        let account = google.make_service_account(folder.path()).expect("a key");
        config.google.fcm.service_account = Some(account.key_file);
        config.google.fcm.api_url = google.api_url();
        config.push.drain = Duration::from_secs(2);
        change(&mut config);
        let metrics = Metrics::detached().expect("metrics");
        let gateway = Gateway::start(&config, Clock::System, Ids::random(), metrics)
            .await
            .expect("the gateway starts");

        let business = NewBusiness {
            name: "Corner Café".into(),
            zone: "Europe/Berlin".into(),
        };
        let ops = &gateway.ops;
        let merchant = ops.create_merchant(business).await.expect("a merchant");
        let location = ops
            .create_location(merchant, "Market".into())
            .await
            .expect("a location");
        let station = ops
            .create_station(merchant, location, "Till".into())
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
        let card = ops.issue(merchant, program, holder).await.expect("a card").card;
        // What changes is shown without a sound, whatever the time of day is while the test runs.
        let hushed = (Class::Balance, Preference::Paused);
        ops.set_preference(merchant, card.customer, hushed, (Actor::Device, Source::Device))
            .await
            .expect("noted");
        let link = card_link(&gateway.public_url, &gateway.master, merchant, card.id);
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self {
            push,
            google,
            gateway,
            card,
            link,
            http,
            merchant,
            program,
            station_key: station.key,
            captures: std::sync::atomic::AtomicU64::new(1),
            _folder: folder,
        }
    }

    /// Another holder's card: its code, and the link to its page.
    pub(super) async fn another_link(&self) -> String {
        let holder = Holder {
            name: "Grace".into(),
            email: None,
            phone: None,
        };
        let ops = &self.gateway.ops;
        let card = ops
            .issue(self.merchant, self.program, holder)
            .await
            .expect("a card")
            .card;
        card_link(
            &self.gateway.public_url,
            &self.gateway.master,
            self.merchant,
            card.id,
        )
    }

    pub(super) async fn call(&self, method: Method, last: &str, body: &Value) -> Response {
        let url = format!("{}/{last}", self.link);
        let request = self.http.request(method, url).json(body);
        request.send().await.expect("an answer")
    }

    /// What pages subscribe with.
    pub(super) async fn key(&self) -> String {
        let answer = self
            .http
            .get(format!("{}/web-push", self.link))
            .send()
            .await
            .expect("an answer");
        let key: Value = answer.json().await.expect("JSON");
        key["key"].as_str().expect("a key").to_owned()
    }

    /// A browser that listens to the card.
    pub(super) async fn browser(&self) -> SimBrowser {
        let browser = self.push.subscribe(&self.key().await).expect("subscribed");
        let answer = self.call(Method::POST, "web-push", &browser.to_json()).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        browser
    }

    /// A till scans the card.
    pub(super) async fn punch(&self) {
        let counter = self.captures.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let capture = CaptureBody {
            counter: i64::try_from(counter).expect("small"),
            kind: CaptureKind::Barcode,
            token: self.card.token.expose().to_owned(),
            captured_at: Clock::System.now(),
            amount: None,
        };
        let answers: CaptureAnswers = self
            .http
            .post(format!("http://{}/api/station/captures", self.gateway.address))
            .bearer_auth(&self.station_key)
            .json(&CaptureBatch {
                captures: vec![capture],
            })
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("answers");
        assert_eq!(answers.answers[0].refusal, None);
    }

    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        let read = self
            .gateway
            .ops
            .store
            .read("count", move |tx| Box::pin(async move { tx.one(sql, &[]).await }));
        let counted: Result<(i64,), Error> = read.await;
        counted.expect("counted").0
    }

    pub(super) async fn until(&self, what: &str, sql: &'static str, wanted: i64) {
        let wait = async {
            while self.count(sql).await != wanted {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "never: {what}");
    }
}
