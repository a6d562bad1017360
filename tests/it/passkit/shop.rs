//! A gateway with one program and a clock that the test moves, listening on loopback.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use openssl::x509::X509;
use passgate::apple::{Passes, dev_chain};
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::card::Card;
use passgate::domain::delivery::Channel;
use passgate::domain::id::{CardId, DeviceLibraryIdentifier, MerchantId, PassTypeIdentifier, ProgramId};
use passgate::domain::program::Rules;
use passgate::domain::secret::MasterKey;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::cards::Holder;
use passgate::ops::rosters::Rosters;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::sim::phone::SimPhone;
use passgate::store::registrations::{self, RegistrationKey};
use passgate::store::{Error, Store, cards, outbox, pushes};
use passgate::telemetry::Metrics;
use passgate::web::{Reach, Web, passkit};
use reqwest::{Method, RequestBuilder, Response};
use tempfile::TempDir;
use tokio::sync::watch;

pub(super) const PASS_TYPE: &str = "pass.example.coffee";

pub(super) struct Shop {
    pub(super) ops: Ops,
    pub(super) web: Web,
    pub(super) merchant: MerchantId,
    pub(super) program: ProgramId,
    /// `{public_url}/passkit/{merchant}/v1`
    pub(super) base: String,
    pub(super) http: reqwest::Client,
    roots: Vec<X509>,
    _folder: TempDir,
}

impl Shop {
    pub(super) async fn open(store: Store) -> Self {
        // Certificates are checked against the real time, so the shop begins there.
        let now = Clock::System.now();
        let ops = Ops {
            store,
            clock: Clock::manual(now),
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Corner Café".into(),
            zone: "Europe/Berlin".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("a merchant");
        let pass_type = PassTypeIdentifier::parse(PASS_TYPE).expect("a pass type");
        let new = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: pass_type.clone(),
            reward_name: "Free coffee".into(),
            rules: Rules::punch(10).expect("rules"),
        };
        let program = ops.create_program(merchant, new).await.expect("a program");

        let folder = tempfile::tempdir().expect("a folder");
        let chain =
            dev_chain::write_pass_chain(folder.path(), &pass_type, "TEAM12345X", now).expect("a chain");
        let apple = config::Apple {
            pass_types: vec![config::PassType {
                certificate: chain.certificate.clone(),
                key: chain.key.clone(),
            }],
            intermediates: folder.path().to_path_buf(),
            ..config::Apple::default()
        };
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
        let root = std::fs::read(&chain.root).expect("the root");

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let public_url = format!("http://{}", listener.local_addr().expect("an address"));
        let web = Web::from(Reach {
            ops: ops.clone(),
            master: MasterKey::from_bytes([3; 32]),
            passes: Arc::new(Passes::load(&apple, &templates, now).expect("passes")),
            recorder: Recorder::start(&ops),
            redirects: passgate::web::redirect::Redirects::start(&ops).0,
            rosters: Rosters::start(&ops, 1 << 24),
            google: None,
            web_push: None,
            takes_apps: false,
            sends_mail: false,
            metrics: Metrics::detached().expect("metrics"),
            public_url: public_url.as_str().into(),
            trusted_proxies: Default::default(),
            stopping: Default::default(),
        });
        let router = passkit::router().with_state(web.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            base: format!("{public_url}/passkit/{merchant}/v1"),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            roots: vec![X509::from_pem(&root).expect("a certificate")],
            ops,
            web,
            merchant,
            program,
            _folder: folder,
        }
    }

    /// The routes in process.
    pub(super) fn router(&self) -> Router {
        passkit::router().with_state(self.web.clone())
    }

    pub(super) async fn issue(&self) -> Card {
        let holder = Holder {
            name: "Ada".into(),
            email: None,
            phone: None,
        };
        self.ops
            .issue(self.merchant, self.program, holder)
            .await
            .expect("a card")
            .card
    }

    pub(super) fn token(&self, card: &Card) -> String {
        self.web
            .master
            .authentication_token(self.merchant, card.id)
            .expose()
            .to_owned()
    }

    /// Changes what the holder sees, as a punch does.
    pub(super) async fn change(&self, card: CardId) {
        let (merchant, now) = (self.merchant, self.ops.clock.now());
        let changed: Result<(), Error> = self
            .ops
            .store
            .write("test_change", move |tx| {
                Box::pin(async move {
                    let mut card = cards::card_for_update(tx, merchant, card)
                        .await?
                        .expect("the card exists");
                    card.punches += 1;
                    card.touch(now);
                    outbox::enqueue(tx, [&card], now).await?;
                    cards::save(tx, &[card], now).await
                })
            })
            .await;
        changed.expect("changed");
    }

    /// Makes the list name the changed cards, as a dispatcher does before it pushes.
    pub(super) async fn announce(&self) {
        announce(&self.ops.store, self.ops.clock.now(), None).await;
    }

    pub(super) async fn card(&self, card: CardId) -> Card {
        let merchant = self.merchant;
        let found: Result<_, Error> = self
            .ops
            .store
            .read("test_card", move |tx| {
                Box::pin(async move { cards::card(tx, merchant, card).await })
            })
            .await;
        found.expect("readable").expect("the card exists").card
    }

    /// The push token of a registration.
    pub(super) async fn push_token(&self, device: &str, card: CardId) -> Option<String> {
        let key = RegistrationKey {
            merchant: self.merchant,
            pass_type_identifier: PassTypeIdentifier::parse(PASS_TYPE).expect("a pass type"),
            device: DeviceLibraryIdentifier::parse(device).expect("a device"),
            card,
        };
        let found: Result<_, Error> = self
            .ops
            .store
            .read("test_push_token", move |tx| {
                let key = key.clone();
                Box::pin(async move { registrations::push_token(tx, &key).await })
            })
            .await;
        found.expect("readable")
    }

    pub(super) fn registration(&self, method: Method, device: &str, card: &Card) -> RequestBuilder {
        let url = format!(
            "{}/devices/{device}/registrations/{PASS_TYPE}/{}",
            self.base, card.serial_number
        );
        self.http
            .request(method, url)
            .header("authorization", format!("ApplePass {}", self.token(card)))
    }

    /// Registers and returns the status.
    pub(super) async fn register(&self, device: &str, card: &Card, push_token: &str) -> u16 {
        let body = serde_json::json!({ "pushToken": push_token });
        let request = self.registration(Method::POST, device, card).json(&body);
        request.send().await.expect("an answer").status().as_u16()
    }

    pub(super) async fn unregister(&self, device: &str, card: &Card) -> u16 {
        let request = self.registration(Method::DELETE, device, card);
        request.send().await.expect("an answer").status().as_u16()
    }

    /// Serial numbers and tag of the list; `None` for 204.
    pub(super) async fn list(&self, device: &str, since: Option<&str>) -> Option<(Vec<String>, String)> {
        let since = since
            .map(|tag| format!("?passesUpdatedSince={tag}"))
            .unwrap_or_default();
        let url = format!("{}/devices/{device}/registrations/{PASS_TYPE}{since}", self.base);
        let response = self.http.get(url).send().await.expect("an answer");
        if response.status() == 204 {
            return None;
        }
        assert_eq!(response.status(), 200);
        let body: serde_json::Value = response.json().await.expect("JSON");
        let serial_numbers = body["serialNumbers"].as_array().expect("an array");
        let serial_numbers = serial_numbers
            .iter()
            .map(|one| one.as_str().expect("a string").to_owned());
        Some((
            serial_numbers.collect(),
            body["lastUpdated"].as_str().expect("a string").to_owned(),
        ))
    }

    pub(super) async fn fetch(&self, card: &Card, headers: &[(&str, &str)]) -> Response {
        let url = format!("{}/passes/{PASS_TYPE}/{}", self.base, card.serial_number);
        let mut request = self
            .http
            .get(url)
            .header("authorization", format!("ApplePass {}", self.token(card)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }

    pub(super) async fn issue_and_fetch(&self) -> Response {
        let card = self.issue().await;
        self.fetch(&card, &[]).await
    }

    pub(super) fn phone(&self, device: &str) -> SimPhone {
        SimPhone::new(device, self.roots.clone(), self.http.clone())
    }
}

/// Claims every due push to Apple and takes it as sent. With `asked`, the number of times that a phone has asked,
/// the claim stays open until it has asked twice more.
pub(super) async fn announce(store: &Store, now: Timestamp, asked: Option<watch::Receiver<u64>>) {
    let announced: Result<(), Error> = store
        .write("test_announce", move |tx| {
            let asked = asked.clone();
            Box::pin(async move {
                let until = now.plus(SECOND);
                let due = pushes::due(tx, Channel::Apple, now, 100).await?;
                let mut keys: Vec<_> = due.iter().map(|row| row.key).collect();
                keys.sort_unstable();
                if keys.is_empty() {
                    return Ok(());
                }
                pushes::lease(tx, Channel::Apple, (1, until), &keys).await?;
                pushes::tag(tx, &keys).await?;
                pushes::delete(tx, Channel::Apple, &keys).await?;
                if let Some(mut asked) = asked {
                    let enough = *asked.borrow() + 2;
                    asked
                        .wait_for(|count| *count >= enough)
                        .await
                        .expect("the phone asks to the end");
                }
                Ok(())
            })
        })
        .await;
    announced.expect("announced");
}

/// The headers of an answer, by name.
pub(super) fn headers(response: &Response) -> BTreeMap<String, String> {
    let named = response.headers().iter();
    named
        .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
        .collect()
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
