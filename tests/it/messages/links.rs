//! Counted links on a real gateway: they lead where the merchant said and nowhere else, and count people.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use passgate::app::Gateway;
use passgate::clock::{Clock, Ids};
use passgate::config::Config;
use passgate::domain::face::Said;
use passgate::domain::id::{CardId, LinkId};
use passgate::domain::link::Target;
use passgate::domain::message::Audience;
use passgate::ops::faces::StoredFaces;
use passgate::ops::messages::Edit;
use passgate::push::Delivery;
use passgate::push::dispatcher::Faces as _;
use passgate::store::Error;
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

/// What waits to be written when the gateway is told to stop is written before it has stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_loses_no_click() {
    let site = Site::open().await;
    let (shop, master) = (&site.shop, site.gateway.master.clone());
    let card = shop.add(&Person::default()).await;
    let message = shop.write(shop.offer(Audience::Cards(vec![card]))).await;
    let path = master.link_path(shop.merchant, LinkId(message.id.0), card);
    // From here on nobody can write.
    let (began, has_begun) = tokio::sync::oneshot::channel();
    let (release, held) = mpsc::channel::<()>();
    let (began, held) = (Mutex::new(Some(began)), Arc::new(Mutex::new(held)));
    let store = shop.ops.store.clone();
    let holder = tokio::spawn(async move {
        let began = Arc::new(began);
        let held: Result<(), Error> = store
            .write("hold", move |_| {
                let (began, held) = (Arc::clone(&began), Arc::clone(&held));
                Box::pin(async move {
                    if let Some(began) = began.lock().expect("nobody panics").take() {
                        began.send(()).expect("somebody waits");
                    }
                    held.lock().expect("nobody panics").recv().expect("let go");
                    Ok(())
                })
            })
            .await;
        held.expect("held");
    });
    has_begun.await.expect("the writer is held");
    for _ in 0..300 {
        let (status, _) = site.follow(&path, &[("user-agent", SAFARI)]).await;
        assert_eq!(status, 307);
    }
    let clicks: Vec<(i64,)> = shop.all("select count(*) from clicks", Vec::new()).await;
    assert_eq!(clicks, [(0,)], "none of them is written");
    let (shop, message) = (site.shop, message.id);
    let let_go = async { release.send(()).expect("the writer is held") };
    tokio::join!(site.gateway.stop(), let_go);
    holder.await.expect("ends well");
    let shown = shop.ops.show_message(shop.merchant, message).await;
    let counted = shown.expect("there").link.expect("it has a link");
    assert_eq!((counted.clicks, counted.cards), (300, 1));
}

/// Each channel that is handed words is handed the address that counts, and the title where it has a place for one.
#[tokio::test(flavor = "multi_thread")]
async fn every_channel_leads_through_the_gateway() {
    crate::engines::for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop
            .add(&Person {
                channels: 15,
                ..Person::default()
            })
            .await;
        for channel in ["fcm", "web_push"] {
            shop.exec(
                "insert into push_addresses (merchant_id, card_id, channel, address_key, kind, address, registered_at) \
                 values ($1, $2, $3, 'a', 'fid', 'cIN1cbQ7TGqmGRoZDcHOgj', 0)",
                values![shop.merchant, card, channel].to_vec(),
            )
            .await;
        }
        let target = Target::parse("https://example.com/menu").expect("good");
        let on_passes = Some(("Our menu".to_owned(), target));
        let set = shop.ops.set_program_link(shop.merchant, shop.program, on_passes);
        set.await.expect("set");
        let mut new = shop.offer(Audience::Cards(vec![card]));
        new.content.title = Some("On Friday".into());
        let message = shop.write(new).await;
        shop.schedule(message.id).await;
        shop.chores().await;
        let running = shop.dispatch();
        shop.settled().await;

        let addresses = shop.addresses();
        let of_message = addresses.of(shop.merchant, LinkId(message.id.0), card);
        let of_program = addresses.of(shop.merchant, LinkId(shop.program.0), card);
        let (mut objects, mut notices) = (0, 0);
        for delivery in running.deliveries() {
            match delivery {
                Delivery::GoogleObject { face, alerts } => {
                    objects += 1;
                    let link = face.link.expect("the program has one");
                    assert_eq!((link.label.as_str(), &link.url), ("Our menu", &of_program));
                    let [alert] = &alerts[..] else {
                        panic!("one message: {alerts:?}");
                    };
                    assert_eq!(alert.link.as_ref(), Some(&of_message));
                    let words = alert.words.as_ref().expect("it says something");
                    assert_eq!(words.title.as_deref(), Some("On Friday"));
                }
                Delivery::Notice { notice, .. } => {
                    notices += 1;
                    assert_eq!(notice.url.as_ref(), Some(&of_message));
                    assert_eq!(
                        (notice.title.as_str(), notice.body.as_str()),
                        ("On Friday", "Two for one until Friday")
                    );
                }
                Delivery::AppleDevice { .. } => {}
            }
        }
        assert_eq!((objects, notices), (1, 2));
        // Apple's phones fetch the pass, whose news say the title in front of the text.
        let key = vec![(shop.merchant, card)];
        let faces = StoredFaces::new(shop.ops.store.clone(), addresses);
        let faces = faces.faces(key).await;
        let news = faces.expect("read").remove(0).news.expect("it rang");
        assert_eq!(news.said, Said::Message("On Friday: Two for one until Friday".into()));
        running.stop().await;
    })
    .await;
}
