//! What a phone fetches: its pass rings exactly when the budget let it, says what was let through, and does not move with
//! the card.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use passgate::apple::{Passes, dev_chain};
use passgate::config;
use passgate::domain::id::CardId;
use passgate::domain::preference::Class;
use passgate::domain::secret::MasterKey;
use passgate::ops::captures::Recorder;
use passgate::telemetry::Metrics;
use passgate::web::{Reach, Web, passkit};

use super::shop::{LOOSE, Shop};
use super::{DAY, HOUR, MINUTE};
use crate::engines::for_each_engine;
use crate::push::support::topic;
use crate::push::world::settings;

/// The web service that phones ask.
struct Counter {
    web: Web,
    base: String,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

/// What a phone compares: the values and change messages of all fields.
#[derive(Debug, Clone, PartialEq)]
struct Fetched {
    fields: BTreeMap<String, (String, Option<String>)>,
    last_modified: String,
}

impl Counter {
    async fn open(shop: &Shop) -> Self {
        let now = shop.ops.clock.now();
        let folder = tempfile::tempdir().expect("a folder");
        let chain = dev_chain::write_pass_chain(folder.path(), &topic(), "TEAM12345X", now).expect("a chain");
        let apple = config::Apple {
            pass_types: vec![config::PassType {
                certificate: chain.certificate.clone(),
                key: chain.key.clone(),
            }],
            intermediates: folder.path().to_path_buf(),
            ..config::Apple::default()
        };
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let public_url = format!("http://{}", listener.local_addr().expect("an address"));
        let web = Web::from(Reach {
            ops: shop.ops.clone(),
            master: MasterKey::from_bytes([3; 32]),
            passes: Arc::new(Passes::load(&apple, &templates, now).expect("passes")),
            recorder: Recorder::start(&shop.ops),
            rosters: passgate::ops::rosters::Rosters::start(&shop.ops, 1 << 24),
            redirects: passgate::web::redirect::Redirects::start(&shop.ops).0,
            google: None,
            takes_apps: false,
            sends_mail: false,
            web_push: None,
            metrics: Metrics::detached().expect("metrics"),
            public_url: public_url.as_str().into(),
            trusted_proxies: Default::default(),
            stopping: Default::default(),
        });
        let router = passkit::router().with_state(web.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            web,
            base: format!("{public_url}/passkit/{}/v1", shop.merchant),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            _folder: folder,
        }
    }

    /// The pass, or none where the phone's copy of `since` is the newest.
    async fn fetch(&self, shop: &Shop, card: CardId, since: Option<&Fetched>) -> Option<Fetched> {
        let serial = shop.read(card).await.card.serial_number;
        let token = self.web.master.authentication_token(shop.merchant, card);
        let mut request = self
            .http
            .get(format!("{}/passes/{}/{serial}", self.base, topic()))
            .header("authorization", format!("ApplePass {}", token.expose()));
        if let Some(since) = since {
            request = request.header("if-modified-since", &since.last_modified);
        }
        let response = request.send().await.expect("an answer");
        if response.status() == 304 {
            return None;
        }
        assert_eq!(response.status(), 200);
        let last_modified = response.headers()["last-modified"]
            .to_str()
            .expect("text")
            .to_owned();
        let bytes = response.bytes().await.expect("a pass").to_vec();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
        let mut json = Vec::new();
        archive
            .by_name("pass.json")
            .expect("the pass")
            .read_to_end(&mut json)
            .expect("read");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        let mut fields = BTreeMap::new();
        for list in [
            "headerFields",
            "primaryFields",
            "secondaryFields",
            "auxiliaryFields",
            "backFields",
        ] {
            for field in json["storeCard"][list].as_array().into_iter().flatten() {
                let text = |key: &str| field[key].as_str().map(str::to_owned);
                fields.insert(
                    text("key").expect("a key"),
                    (text("value").expect("a value"), text("changeMessage")),
                );
            }
        }
        Some(Fetched {
            fields,
            last_modified,
        })
    }
}

impl Fetched {
    /// What Wallet shows when this comes after `before`: the text of each field that changed and has one.
    fn rings_after(&self, before: &Self) -> Vec<String> {
        self.fields
            .iter()
            .filter(|(key, (value, _))| before.fields.get(*key).is_none_or(|(old, _)| old != value))
            .filter_map(|(_, (value, change))| {
                let value = value.replace('\u{2060}', "");
                change.as_ref().map(|change| change.replace("%@", &value))
            })
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetched_pass_rings_exactly_when_it_was_let_through() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let counter = Counter::open(&shop).await;
        let card = shop.issue(1).await;
        let node = shop.world.dispatch(settings());
        let fresh = counter.fetch(&shop, card, None).await.expect("a pass");
        assert!(
            fresh.fields.values().all(|(_, change)| change.is_none()),
            "{fresh:?}"
        );

        shop.tap(card, 1).await;
        shop.settle().await;
        let first = counter.fetch(&shop, card, Some(&fresh)).await.expect("changed");
        assert_eq!(first.rings_after(&fresh), ["Your stamps: 1 of 10"]);

        // The second is put off: the balance comes, silently.
        shop.pass(2 * HOUR).await;
        shop.tap(card, 2).await;
        shop.settle().await;
        let second = counter.fetch(&shop, card, Some(&first)).await.expect("changed");
        assert_eq!(second.fields["balance"].0, "2 of 10");
        assert_eq!(second.rings_after(&first), [] as [&str; 0]);
        // A phone that missed the first rings for it now, with what it said.
        assert_eq!(second.rings_after(&fresh), ["Your stamps: 1 of 10"]);

        // When its time comes it rings though nothing of the card has changed.
        shop.pass(DAY - 2 * HOUR).await;
        let third = counter.fetch(&shop, card, Some(&second)).await.expect("news");
        assert_eq!(third.rings_after(&second), ["Your stamps: 2 of 10"]);
        assert_eq!(counter.fetch(&shop, card, Some(&third)).await, None);
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_rings_with_its_text_and_so_does_its_twin() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let counter = Counter::open(&shop).await;
        let card = shop.issue(1).await;
        let node = shop.world.dispatch(settings());
        let mut before = counter.fetch(&shop, card, None).await.expect("a pass");
        for number in 1..=2 {
            shop.message(number, "Two for one, 100 %@ today", Class::Reward, &[card])
                .await;
            shop.settle().await;
            let after = counter.fetch(&shop, card, Some(&before)).await.expect("news");
            assert_eq!(after.rings_after(&before), ["Two for one, 100 %@ today"]);
            before = after;
            shop.pass(2 * MINUTE).await;
        }
        node.stop().await;
    })
    .await;
}
