//! Counted links on a real gateway: they lead where the merchant said and nowhere else, and count people.

use std::path::Path;

use passgate::app::Gateway;
use passgate::clock::{Clock, Ids};
use passgate::config::Config;
use passgate::domain::id::{CardId, LinkId};
use passgate::domain::link::Target;
use passgate::domain::message::Audience;
use passgate::ops::messages::Edit;
use passgate::telemetry::Metrics;

use super::shop::{Person, Shop};
use crate::engines::values;

const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/26.1 Mobile/15E148 Safari/604.1";

struct Site {
    gateway: Gateway,
    shop: Shop,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".parse().expect("an address");
        config.server.public_url = "http://127.0.0.1:0".into();
        config.server.templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
        config.store.url = format!("sqlite:{}", folder.path().join("store.sqlite").display());
        config.secrets.master_key_file = folder.path().join("master.key");
        let metrics = Metrics::detached().expect("metrics");
        let gateway = Gateway::start(&config, Clock::System, Ids::random(), metrics).await;
        let gateway = gateway.expect("the gateway starts");
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        Self {
            shop: Shop::open_by(gateway.ops.store.clone(), Clock::System).await,
            client: client.build().expect("a client"),
            gateway,
            _folder: folder,
        }
    }

    /// Follows a path; where it leads to, if anywhere.
    async fn follow(&self, path: &str, headers: &[(&'static str, &str)]) -> (u16, Option<String>) {
        let mut request = self.client.get(format!("http://{}{path}", self.gateway.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        let location = answer
            .headers()
            .get("location")
            .map(|to| to.to_str().expect("text").to_owned());
        if location.is_some() {
            assert_eq!(answer.headers()["x-robots-tag"], "noindex");
            assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        }
        (answer.status().as_u16(), location)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_led_on_and_counted_and_programs_are_only_led_on() {
    let site = Site::open().await;
    let (shop, master) = (&site.shop, site.gateway.master.clone());
    let (ada, bob) = (
        shop.add(&Person::default()).await,
        shop.add(&Person::default()).await,
    );
    let message = shop.write(shop.offer(Audience::Cards(vec![ada, bob]))).await;
    let link = LinkId(message.id.0);
    let path = |card: CardId| master.link_path(shop.merchant, link, card);
    let to = |target: &str| (307, Some(target.to_owned()));
    let menu = "https://example.com/menu";

    let person = [("user-agent", SAFARI)];
    for _ in 0..3 {
        assert_eq!(site.follow(&path(ada), &person).await, to(menu));
    }
    assert_eq!(site.follow(&path(bob), &person).await, to(menu));
    // None of these is somebody who opened the link.
    let ahead = [("user-agent", SAFARI), ("sec-purpose", "prefetch")];
    assert_eq!(site.follow(&path(bob), &ahead).await, to(menu));
    let robot = [("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)")];
    assert_eq!(site.follow(&path(bob), &robot).await, to(menu));
    let head = site
        .client
        .head(format!("http://{}{}", site.gateway.address, path(bob)));
    head.header("user-agent", SAFARI).send().await.expect("an answer");

    // The proof is for this link and card alone, and no target can be brought along.
    let (front, proof) = path(ada)
        .rsplit_once('/')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("a proof");
    for wrong in [
        format!("{front}/{}", "0".repeat(proof.len())),
        format!("{front}/"),
        path(ada).replace(&ada.to_string(), &bob.to_string()),
        format!("/r/{}/{}/{ada}/{proof}", shop.merchant, LinkId(link.0 + 1)),
        "/r/https://evil.example/".to_owned(),
    ] {
        let (status, location) = site.follow(&wrong, &person).await;
        assert!(
            status >= 400 && location.is_none(),
            "{wrong}: {status} {location:?}"
        );
    }
    let with_query = format!("{}?url=https://evil.example", path(ada));
    assert_eq!(site.follow(&with_query, &person).await, to(menu));

    // A link that is gone leads nowhere; its proof alone is worth nothing.
    let nowhere = master.link_path(shop.merchant, LinkId(77), ada);
    assert_eq!(site.follow(&nowhere, &person).await.0, 404);

    let (shop, message) = (site.shop, message.id);
    site.gateway.stop().await;
    let shown = shop
        .ops
        .show_message(shop.merchant, message)
        .await
        .expect("there");
    let counted = shown.link.expect("it has a link");
    assert_eq!((counted.clicks, counted.cards), (5, 2));
    assert_eq!(shop.ops.clicks(shop.merchant).await.expect("summed"), 5);
    let rows: Vec<(CardId, i64)> = shop
        .all(
            "select card_id, clicks from clicks where merchant_id = $1 order by card_id",
            values![shop.merchant].to_vec(),
        )
        .await;
    assert_eq!(rows, [(ada, 4), (bob, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_keeps_its_counts_when_it_leads_elsewhere() {
    crate::engines::for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.add(&Person::default()).await;
        let message = shop.write(shop.offer(Audience::Cards(vec![card]))).await;
        let link = LinkId(message.id.0);
        let clicked = passgate::store::links::Clicked {
            merchant: shop.merchant,
            link,
            card,
            count: 2,
            last_at: shop.ops.clock.now(),
        };
        let gone = passgate::store::links::Clicked {
            link: LinkId(5),
            ..clicked
        };
        shop.ops.add_clicks(vec![gone, clicked]).await.expect("added");
        shop.ops.add_clicks(vec![clicked]).await.expect("added");
        let mut content = message.content.clone();
        content.link = Some(Target::parse("https://example.com/winter").expect("good"));
        let edit = Edit {
            content: Some(content),
            ..Edit::default()
        };
        shop.ops
            .edit_message(shop.merchant, None, message.id, 1, edit)
            .await
            .expect("edited");
        let shown = shop
            .ops
            .show_message(shop.merchant, message.id)
            .await
            .expect("there");
        let link = shown.link.expect("it has a link");
        assert_eq!(link.target.as_str(), "https://example.com/winter");
        assert_eq!((link.clicks, link.cards), (4, 1));

        let target = Target::parse("https://example.com").expect("good");
        let on_passes = Some(("Our menu".to_owned(), target));
        let ops = &shop.ops;
        ops.set_program_link(shop.merchant, shop.program, on_passes)
            .await
            .expect("set");
        let links = ops.links(shop.merchant, None, 10).await.expect("listed");
        assert_eq!(links.len(), 2);
        assert_eq!(links[1].label.as_deref(), Some("Our menu"), "the older id");
        ops.set_program_link(shop.merchant, shop.program, None)
            .await
            .expect("gone");
        assert_eq!(ops.links(shop.merchant, None, 10).await.expect("listed").len(), 1);
    })
    .await;
}
