//! The card's page as something to install and to subscribe on, and what becomes of a punch then: over real sockets, with
//! a push service that checks everything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgate::domain::notice::TAG;
use passgate::sim::web_push::Scripted;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::PATIENCE;
use super::gateway::World;

const ADDRESSES: &str = "select count(*) from push_addresses";
const PUSHES: &str = "select count(*) from pushes";

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_subscribed_is_shown_every_change() {
    let world = World::open().await;
    let browser = world.browser().await;
    for punches in 1..=2 {
        world.punch().await;
        let wanted = format!("{punches} of 10");
        let shown = browser.until(|shown| {
            let body = shown.json()["body"].as_str().unwrap_or_default().to_owned();
            body.starts_with(&wanted)
        });
        let shown = tokio::time::timeout(PATIENCE, shown).await.expect("shown");
        let notice = shown.json();
        assert_eq!(notice["title"], "Coffee card · Corner Café");
        assert_eq!(
            (&notice["alert"], &notice["class"]),
            (&json!(false), &json!("balance"))
        );
        assert_eq!(shown.topic.as_deref(), notice["tag"].as_str());
        assert_eq!(shown.topic.as_ref().map(String::len), Some(TAG));
        assert_eq!((shown.ttl, shown.urgency.as_str()), (604_800, "normal"));
        assert!(
            !shown.text.contains(&world.card.id.to_string()),
            "the link stays with us"
        );
    }
    world.until("the outbox is empty", PUSHES, 0).await;
    assert!(
        world
            .push
            .seen()
            .iter()
            .all(|seen| seen.status == 201 && seen.problem.is_none())
    );
    let lengths: Vec<usize> = world.push.seen().iter().map(|seen| seen.length).collect();
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{lengths:?}");
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_was_away_is_shown_the_newest_state_alone() {
    let world = World::open().await;
    let browser = world.browser().await;
    browser.set_online(false);
    for taken in 1..=3 {
        world.punch().await;
        world.until("it was sent", PUSHES, 0).await;
        assert_eq!(world.push.seen().len(), taken);
    }
    browser.set_online(true);
    let shown = browser.shown();
    assert_eq!(shown.len(), 1, "one topic a card");
    let body = shown[0].json()["body"].as_str().unwrap_or_default().to_owned();
    assert!(body.starts_with("3 of 10"), "{body}");
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_ends_by_the_holder_or_by_the_push_service() {
    let world = World::open().await;
    let (first, second) = (world.browser().await, world.browser().await);
    let ended = json!({"endpoint": first.endpoint()});
    for _ in 0..2 {
        let answer = world.call(Method::DELETE, "web-push", &ended).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(world.count(ADDRESSES).await, 1);
    second.leave();
    world.punch().await;
    world
        .until("the dead subscription is dropped", ADDRESSES, 0)
        .await;
    world.until("the outbox is empty", PUSHES, 0).await;
    assert!(first.shown().is_empty());
    assert_eq!(world.push.seen().len(), 1);
    let removed = "select count(*) from cards where status = 'removed' and channels = 0";
    assert_eq!(world.count(removed).await, 1);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_service_that_asks_for_time_is_given_it() {
    let world = World::open().await;
    let browser = world.browser().await;
    for answer in [
        Scripted {
            retry_after: Some("1".into()),
            ..Scripted::status(429)
        },
        Scripted::status(503),
    ] {
        world.push.script(&answer, 1);
    }
    world.punch().await;
    let shown = browser.until(|shown| shown.text.contains("1 of 10"));
    tokio::time::timeout(PATIENCE, shown)
        .await
        .expect("shown in the end");
    let statuses: Vec<u16> = world.push.seen().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [429, 503, 201]);
    assert_eq!(world.count(ADDRESSES).await, 1);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_refused_for_good_is_given_up_and_costs_no_subscription() {
    let world = World::open().await;
    let _browser = world.browser().await;
    world.push.script(&Scripted::status(413), 1);
    world.punch().await;
    world.until("the outbox is empty", PUSHES, 0).await;
    assert_eq!(world.count(ADDRESSES).await, 1);
    let told = "select count(*) from events where kind = 'push_failed' and reason = 'web_push: 413'";
    assert_eq!(world.count(told).await, 1);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_waits_and_costs_no_subscription() {
    let world = World::open().await;
    // Subscribed with somebody else's key, as after a lost key file.
    let other = passgate::web_push::vapid::VapidKey::generate().expect("a key");
    let browser = world.push.subscribe(other.public_key()).expect("subscribed");
    let answer = world.call(Method::POST, "web-push", &browser.to_json()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    world.punch().await;
    let waits = "select count(*) from pushes where attempts = 1 and lease is null";
    world.until("it waits", waits, 1).await;
    assert_eq!(world.push.seen()[0].status, 403);
    assert_eq!(world.count(ADDRESSES).await, 1);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_changed_listens_once() {
    let world = World::open().await;
    let (old, new) = (world.browser().await, world.push.subscribe(&world.key().await));
    let new = new.expect("subscribed");
    let mut body = new.to_json();
    body["replaces"] = old.endpoint().into();
    assert_eq!(
        world.call(Method::POST, "web-push", &body).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(world.count(ADDRESSES).await, 1);
    let again = world.call(Method::POST, "web-push", &new.to_json()).await;
    assert_eq!(
        again.status(),
        StatusCode::NO_CONTENT,
        "a page that is opened again says so"
    );
    world.punch().await;
    let shown = new.until(|_| true);
    tokio::time::timeout(PATIENCE, shown).await.expect("shown");
    assert!(old.shown().is_empty());
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_subscription_is_refused_in_words() {
    let world = World::with(|config| config.web_push.allow_private_networks = false).await;
    let good = world
        .push
        .subscribe(&world.key().await)
        .expect("subscribed")
        .to_json();
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body.pointer_mut(field)
            .map(|place| *place = value)
            .expect("a field");
        body
    };
    let post = async |body: &Value| world.call(Method::POST, "web-push", body).await;
    for (body, word) in [
        // Where the stand-in listens: this machine.
        (good.clone(), "private network"),
        (
            with("/endpoint", "https://192.168.1.1/push".into()),
            "private network",
        ),
        (
            with("/endpoint", "https://[fd00::1]/push".into()),
            "private network",
        ),
        (
            with("/endpoint", "http://push.example.net/push".into()),
            "https://",
        ),
        (
            with("/keys/p256dh", URL_SAFE_NO_PAD.encode([4; 65]).into()),
            "P-256",
        ),
        (with("/keys/auth", "AAAA".into()), "16 bytes"),
        (json!({"endpoint": "https://push.example.net/p"}), "keys"),
        (json!({}), "endpoint"),
    ] {
        let answer = post(&body).await;
        assert!(answer.status().is_client_error(), "{body}");
        let problem = answer.text().await.expect("a body");
        assert!(problem.contains(word), "{problem}");
    }
    let long = with(
        "/endpoint",
        format!("https://push.example.net/{}", "a".repeat(9000)).into(),
    );
    assert_eq!(post(&long).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.count(ADDRESSES).await, 0);

    // Only the card's own link opens the door, and a wrong one shows nothing.
    let wrong = format!(
        "{}/web-push",
        world.link.rsplit_once('/').expect("a proof").0.to_owned() + "/00"
    );
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let body = with("/endpoint", "https://push.example.net/p".into());
        let answer = world
            .http
            .request(method, &wrong)
            .json(&body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
    let form = world
        .http
        .post(format!("{}/web-push", world.link))
        .body("a=b")
        .send()
        .await;
    assert_eq!(form.expect("an answer").status(), StatusCode::BAD_REQUEST);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_can_be_installed_and_its_policy_allows_nothing_foreign() {
    let world = World::open().await;
    let page = world.http.get(&world.link).send().await.expect("a page");
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'"));
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let text = page.text().await.expect("text");
    let key = world.key().await;
    assert_eq!(URL_SAFE_NO_PAD.decode(&key).expect("base64url").len(), 65);
    assert!(text.contains(&format!("data-key=\"{key}\"")), "{text}");
    assert!(!text.contains("<script>") && !text.contains(" onclick"), "{text}");

    let path = world.link.split_once("/card/").expect("a path").1;
    let path = format!("/card/{path}");
    let manifest = world
        .http
        .get(format!("{}/card.webmanifest", world.link))
        .send()
        .await
        .expect("a file");
    assert_eq!(
        manifest.headers()[header::CONTENT_TYPE],
        "application/manifest+json"
    );
    assert_eq!(manifest.headers()[header::CACHE_CONTROL], "no-store");
    let manifest: Value = manifest.json().await.expect("JSON");
    assert_eq!(
        (&manifest["scope"], &manifest["start_url"]),
        (&json!(path), &json!(path))
    );
    assert_eq!(manifest["display"], "standalone");
    let icon = manifest["icons"][0].clone();
    let base = format!("http://{}", world.gateway.address);
    let logo = world
        .http
        .get(format!("{base}{}", icon["src"].as_str().expect("a place")))
        .send()
        .await;
    assert_eq!(logo.expect("an answer").status(), StatusCode::OK);
    assert!(
        icon["sizes"]
            .as_str()
            .is_some_and(|sizes| !sizes.starts_with("0x")),
        "{icon}"
    );

    for file in ["card.js", "worker.js"] {
        let script = world
            .http
            .get(format!("{base}/card/{file}"))
            .send()
            .await
            .expect("a file");
        assert_eq!(
            script.headers()[header::CONTENT_TYPE],
            "text/javascript; charset=utf-8"
        );
        assert!(
            !script.text().await.expect("text").contains("https://"),
            "nothing foreign is asked"
        );
    }
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_contact_nothing_is_offered() {
    let world = World::with(|config| {
        config.web_push.contact = String::new();
        config.google.fcm.project = String::new();
    })
    .await;
    let page = world.http.get(&world.link).send().await.expect("a page");
    let text = page.text().await.expect("text");
    assert!(!text.contains("<script") && !text.contains("notify"), "{text}");
    for (last, body) in [
        (
            "web-push",
            json!({"endpoint": "https://a.net", "keys": {"p256dh": "", "auth": ""}}),
        ),
        ("fcm", json!({"fid": "a"})),
    ] {
        let answer = world.call(Method::POST, last, &body).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{last}");
    }
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_push_services_refuse_stops_the_gateway_at_its_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = passgate::config::Config::default();
    config.server.listen = "127.0.0.1:0".parse().expect("an address");
    config.server.templates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
    config.store.url = format!("sqlite:{}", folder.path().join("store.sqlite").display());
    config.secrets.master_key_file = folder.path().join("master.key");
    config.secrets.vapid_key_file = folder.path().join("vapid.key");
    config.web_push.contact = "mailto:root@localhost".into();
    let metrics = passgate::telemetry::Metrics::detached().expect("metrics");
    let (clock, ids) = (passgate::clock::Clock::System, passgate::clock::Ids::random());
    let refused = passgate::app::Gateway::start(&config, clock, ids, metrics).await;
    let refused = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(
        refused.contains("web_push.contact") && refused.contains("localhost"),
        "{refused}"
    );
}
