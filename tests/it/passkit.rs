//! Apple's web service on both engines: every endpoint and status, what a phone must never miss, and what nobody
//! may break.

mod crowded;
mod languages;
mod links;
mod malformed;
mod never_missed;
mod shop;

use passgate::domain::card::CardStatus;
use passgate::domain::delivery::Channel;
use passgate::domain::event::EventKind;
use passgate::domain::id::CardId;
use passgate::store::{Error, cards, events};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::engines::for_each_engine;
use shop::{PASS_TYPE, SECOND, Shop, headers};

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_answers_with_its_statuses() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (card, other) = (shop.issue().await, shop.issue().await);
        let serial = card.serial_number.as_str();
        let registration = format!("devices/d1/registrations/{PASS_TYPE}/{serial}");
        let unknown_serial = format!("devices/d1/registrations/{PASS_TYPE}/nothing");
        let other_type = format!("devices/d1/registrations/pass.example.other/{serial}");
        let list = format!("devices/d1/registrations/{PASS_TYPE}");
        let pass = format!("passes/{PASS_TYPE}/{serial}");
        let right = format!("ApplePass {}", shop.token(&card));
        let android = format!("AndroidPass {}", shop.token(&card));
        let bearer = format!("Bearer {}", shop.token(&card));
        let lower = format!("applepass {}", shop.token(&card));
        let of_other = format!("ApplePass {}", shop.token(&other));
        let body = r#"{"pushToken":"aa"}"#;
        let rows: &[(&str, &str, &str, &str, u16)] = &[
            // Nobody learns which serial numbers there are.
            ("POST", &registration, "", body, 401),
            ("POST", &registration, "ApplePass ", body, 401),
            ("POST", &registration, &of_other, body, 401),
            ("POST", &registration, &bearer, body, 401),
            ("POST", &registration, &lower, body, 401),
            ("POST", &unknown_serial, &right, body, 401),
            ("POST", &other_type, &right, body, 401),
            ("GET", &list, "", "", 204),
            ("POST", &registration, &right, body, 201),
            ("POST", &registration, &right, body, 200),
            ("POST", &registration, &android, body, 200),
            ("GET", &list, "", "", 200),
            ("GET", "devices/d2/registrations/pass.example.coffee", "", "", 204),
            ("GET", "devices/d1/registrations/pass.example.other", "", "", 204),
            ("GET", &pass, &right, "", 200),
            ("GET", &pass, &android, "", 200),
            ("HEAD", &pass, &right, "", 200),
            ("GET", &pass, "", "", 401),
            ("GET", &pass, &of_other, "", 401),
            ("GET", &pass, &lower, "", 401),
            ("HEAD", &pass, &of_other, "", 401),
            ("GET", "passes/pass.example.coffee/nothing", &right, "", 401),
            ("GET", "passes/pass.example.other/nothing", &right, "", 401),
            ("POST", "log", "", r#"{"logs":["a line"]}"#, 200),
            ("POST", "log", "", r#"{"logs":[]}"#, 200),
            ("DELETE", &registration, &of_other, "", 401),
            ("DELETE", &unknown_serial, &right, "", 401),
            ("DELETE", &registration, &right, "", 200),
            ("DELETE", &registration, &right, "", 200),
            ("GET", &list, "", "", 204),
            ("PUT", &pass, &right, "", 405),
        ];
        for (method, path, authorization, body, status) in rows {
            let method: Method = method.parse().expect("a method");
            let request = shop.http.request(method.clone(), format!("{}/{path}", shop.base));
            let request = request.header("authorization", *authorization).body(*body);
            let got = request.send().await.expect("an answer").status();
            assert_eq!(got, *status, "{method} {path} with {authorization:.12}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_sent_whole_and_as_it_is() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let response = shop.fetch(&card, &[("accept-encoding", "gzip, br")]).await;
        let headers = headers(&response);
        assert_eq!(headers["content-type"], "application/vnd.apple.pkpass");
        assert!(headers["cache-control"].contains("no-store"));
        assert!(!headers.contains_key("content-encoding") && !headers.contains_key("transfer-encoding"));
        assert_eq!(
            headers["content-disposition"],
            format!("attachment; filename=\"{}.pkpass\"", card.id)
        );
        let body = response.bytes().await.expect("a body");
        assert_eq!(headers["content-length"], body.len().to_string());
        let pass = shop.phone("d1").add(&body).expect("a sound pass");
        assert_eq!(pass.serial_number, card.serial_number.as_str());
        assert_eq!(pass.code.as_deref(), Some(card.token.expose()));
        assert_eq!(
            pass.web_service_url.as_deref().map(|url| format!("{url}/v1")),
            Some(shop.base.clone())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_body_does_not_claim_an_empty_pass() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let newest = headers(&shop.fetch(&card, &[]).await);
        let conditional = format!("If-None-Match: {}\r\n", newest["etag"]);
        for (method, condition, status) in [("HEAD", "", "200"), ("GET", conditional.as_str(), "304")] {
            let answer = raw(&shop, method, &card, condition).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            let answer = answer.to_lowercase();
            assert!(
                !answer.contains("content-length: 0") && answer.ends_with("\r\n\r\n"),
                "{answer}"
            );
            assert!(
                answer.contains(&newest["last-modified"].to_lowercase()),
                "{answer}"
            );
            assert!(answer.contains(&newest["etag"]), "{answer}");
        }
    })
    .await;
}

/// One request on a connection of its own, and the answer as it stands on the wire.
async fn raw(shop: &Shop, method: &str, card: &passgate::domain::card::Card, more: &str) -> String {
    let (authority, path) = shop
        .base
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("an address");
    let request = format!(
        "{method} /{path}/passes/{PASS_TYPE}/{} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Authorization: ApplePass {}\r\n{more}\r\n",
        card.serial_number,
        shop.token(card)
    );
    let mut stream = tokio::net::TcpStream::connect(authority)
        .await
        .expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_within_one_second_are_two_versions() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let mut dates = vec![headers(&shop.fetch(&card, &[]).await)["last-modified"].clone()];
        for _ in 0..3 {
            shop.change(card.id).await;
            let last = dates.last().expect("one").clone();
            let response = shop.fetch(&card, &[("if-modified-since", &last)]).await;
            assert_eq!(
                response.status(),
                200,
                "the clock stands still, the card does not"
            );
            dates.push(headers(&response)["last-modified"].clone());
        }
        for (age, date) in dates.iter().rev().enumerate() {
            let status = shop.fetch(&card, &[("if-modified-since", date)]).await.status();
            assert_eq!(status, if age == 0 { 304 } else { 200 }, "{age} versions old");
        }
        for nonsense in ["", "0", "1790000000.25", "yesterday", "2026-01-01T00:00:00Z"] {
            let status = shop
                .fetch(&card, &[("if-modified-since", nonsense)])
                .await
                .status();
            assert_eq!(status, 200, "{nonsense}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_tag_names_a_version() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let first = headers(&shop.fetch(&card, &[]).await)["etag"].clone();
        assert_eq!(
            shop.fetch(&card, &[("if-none-match", &first)]).await.status(),
            304
        );
        shop.change(card.id).await;
        assert_eq!(
            shop.fetch(&card, &[("if-none-match", &first)]).await.status(),
            200
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_registers_again_brings_its_new_push_token() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        assert_eq!(shop.register("d1", &card, "aa").await, 201);
        assert_eq!(shop.register("d1", &card, "bb").await, 200);
        assert_eq!(shop.push_token("d1", card.id).await.as_deref(), Some("bb"));
        assert_eq!(shop.register("d2", &card, "cc").await, 201);
        assert_eq!(shop.push_token("d1", card.id).await.as_deref(), Some("bb"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_device_installs_a_card_and_the_last_removes_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let issued = shop.issue().await;
        let state = async || {
            let card = shop.card(issued.id).await;
            (card.status, card.channels.contains(Channel::Apple), card.version)
        };
        shop.register("d1", &issued, "aa").await;
        assert_eq!(state().await, (CardStatus::Installed, true, 1));
        shop.register("d2", &issued, "bb").await;
        shop.unregister("d1", &issued).await;
        assert_eq!(state().await, (CardStatus::Installed, true, 1));
        shop.unregister("d2", &issued).await;
        assert_eq!(state().await, (CardStatus::Removed, false, 1));
        shop.register("d1", &issued, "aa").await;
        assert_eq!(state().await, (CardStatus::Installed, true, 1));
        let kinds = timeline(&shop, issued.id).await;
        let installed = [EventKind::CardIssued, EventKind::CardInstalled];
        assert_eq!(
            kinds,
            [
                &installed[..],
                &[EventKind::CardRemoved, EventKind::CardInstalled]
            ]
            .concat()
        );
    })
    .await;
}

/// A card's events, oldest first.
async fn timeline(shop: &Shop, card: CardId) -> Vec<EventKind> {
    let newest = shop.card(card).await.last_event.expect("issued");
    let merchant = shop.merchant;
    let history: Result<_, Error> = shop
        .ops
        .store
        .read("test_timeline", move |tx| {
            Box::pin(async move { events::history(tx, merchant, newest, 100).await })
        })
        .await;
    history
        .expect("readable")
        .iter()
        .rev()
        .map(|event| event.event.kind)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_card_is_served_and_says_so() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let (merchant, id, now) = (shop.merchant, card.id, shop.ops.clock.now());
        let ended: Result<(), Error> = shop
            .ops
            .store
            .write("test_void", move |tx| {
                Box::pin(async move {
                    let mut card = cards::card_for_update(tx, merchant, id).await?.expect("the card");
                    card.status = CardStatus::Void;
                    card.touch(now);
                    cards::save(tx, &[card], now).await
                })
            })
            .await;
        ended.expect("ended");
        assert_eq!(shop.register("d1", &card, "aa").await, 201);
        assert_eq!(
            shop.card(card.id).await.status,
            CardStatus::Void,
            "registering does not revive it"
        );
        let bytes = shop.fetch(&card, &[]).await.bytes().await.expect("a body");
        assert!(shop.phone("d1").add(&bytes).expect("a sound pass").voided);
        assert_eq!(shop.unregister("d1", &card).await, 200);
        assert_eq!(shop.card(card.id).await.status, CardStatus::Void);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_names_what_changed_since_the_tag() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (one, two, not_ours) = (shop.issue().await, shop.issue().await, shop.issue().await);
        shop.register("d1", &one, "aa").await;
        shop.register("d1", &two, "aa").await;
        shop.register("d2", &not_ours, "bb").await;
        let mut all = vec![one.serial_number.to_string(), two.serial_number.to_string()];
        all.sort();

        // Before the merchant's first tag everything is named to whoever never asked.
        let (named, before) = shop.list("d1", None).await.expect("something");
        assert_eq!(named, all);
        assert_eq!(shop.list("d1", Some(&before)).await, None);

        shop.change(one.id).await;
        assert_eq!(shop.list("d1", Some(&before)).await, None, "not announced yet");
        shop.announce().await;
        let (named, first) = shop.list("d1", Some(&before)).await.expect("something");
        assert_eq!(named, [one.serial_number.to_string()]);
        shop.change(not_ours.id).await;
        shop.announce().await;
        assert_eq!(shop.list("d1", Some(&first)).await, None, "another device's card");
        shop.change(two.id).await;
        shop.announce().await;
        let (named, second) = shop.list("d1", Some(&first)).await.expect("something");
        assert_eq!(named, [two.serial_number.to_string()]);
        let (named, _) = shop.list("d1", Some(&before)).await.expect("something");
        assert_eq!(named, all, "an old tag is as good as a new one");
        assert_eq!(shop.list("d1", Some(&second)).await, None);

        for foreign in [
            "",
            "x",
            "-5",
            "1.5",
            "2026-01-01T00:00:00Z",
            "%00",
            "99999999999999999999",
            "1000000",
        ] {
            let (named, tag) = shop.list("d1", Some(foreign)).await.expect("everything");
            assert_eq!((named, tag), (all.clone(), second.clone()), "{foreign}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_between_download_and_registration_reaches_the_phone() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let phone = shop.phone("d1");
        let (first, second) = (shop.issue().await, shop.issue().await);
        for card in [&first, &second] {
            phone
                .add(&shop.fetch(card, &[]).await.bytes().await.expect("a body"))
                .expect("sound");
        }
        shop.register("d1", &first, "aa").await;
        phone.on_push().await.expect("nothing new");
        // The phone has a tag now; the change comes before the second registration.
        shop.change(second.id).await;
        shop.ops.clock.advance(SECOND);
        assert_eq!(shop.register("d1", &second, "aa").await, 201);
        assert!(
            is_in_outbox(&shop, second.id).await,
            "the registration asks for a push"
        );
        assert!(
            !is_in_outbox(&shop, first.id).await,
            "an unchanged card needs none"
        );
        let new = phone.on_push().await.expect("the list and the pass");
        assert_eq!(new.len(), 1);
        assert_eq!(new[0].pass.field("balance"), Some("1 of 10"));
        assert_eq!(phone.complaints(), Vec::<String>::new());
    })
    .await;
}

/// Whether a push of the card to Apple waits.
async fn is_in_outbox(shop: &Shop, card: CardId) -> bool {
    struct Count(i64);
    impl passgate::store::FromRow for Count {
        fn from_row(row: &mut passgate::store::Row) -> Result<Self, Error> {
            row.next().map(Self)
        }
    }
    const SQL: &str =
        "select count(*) from pushes where merchant_id = $1 and card_id = $2 and channel = 'apple'";
    let params = [
        passgate::store::Value::Int(shop.merchant.0),
        passgate::store::Value::Int(card.0),
    ];
    let count: Result<Count, Error> = shop
        .ops
        .store
        .read("test_outbox", move |tx| {
            let params = params.clone();
            Box::pin(async move { tx.one(SQL, &params).await })
        })
        .await;
    count.expect("readable").0 > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_lives_with_the_gateway_without_complaint() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let serial = card.serial_number.as_str();
        let phone = shop.phone("0123456789abcdef0123456789abcdef");
        phone
            .add(&shop.fetch(&card, &[]).await.bytes().await.expect("a body"))
            .expect("sound");
        assert_eq!(phone.register("aa").await.expect("registered"), 1);
        assert_eq!(phone.register("bb").await.expect("registered"), 0);
        // The pass came through a link, so the first list fetches it once more and learns its date.
        phone.on_push().await.expect("nothing new");

        for punches in 1..=3 {
            shop.change(card.id).await;
            shop.announce().await;
            let new = phone.on_push().await.expect("the list and the pass");
            assert_eq!(new.len(), 1);
            assert_eq!(
                new[0].pass.field("balance"),
                Some(format!("{punches} of 10").as_str())
            );
            assert!(phone.on_push().await.expect("nothing new").is_empty());
        }
        assert_eq!(phone.versions(serial).len(), 4);
        assert_eq!(phone.send_complaints().await.expect("sent"), Vec::<String>::new());

        let head = phone.head(serial).await.expect("headers");
        let newest = phone.versions(serial).pop().expect("a version");
        assert_eq!(
            head["last-modified"].to_str().ok(),
            newest.last_modified.as_deref()
        );
        assert_eq!(head["etag"].to_str().ok(), newest.entity_tag.as_deref());
        phone.log(serial, &["hello".into()]).await.expect("taken");

        let (pushes, listening) = tokio::sync::broadcast::channel(8);
        let following = tokio::spawn({
            let phone = phone.clone();
            async move { phone.follow(listening).await }
        });
        shop.change(card.id).await;
        shop.announce().await;
        pushes.send("another phone's".into()).expect("somebody listens");
        pushes.send("bb".into()).expect("somebody listens");
        let wanted = phone.until(serial, |pass| pass.field("balance") == Some("4 of 10"));
        tokio::time::timeout(SECOND * 20, wanted)
            .await
            .expect("the push brings the change");
        drop(pushes);
        following.await.expect("ends with its source");

        phone.unregister(serial).await.expect("unregistered");
        assert_eq!(shop.card(card.id).await.status, CardStatus::Removed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_gone_is_our_fault_and_told_to_nobody() {
    let (store, _folder) = crate::engines::sqlite().await;
    let mut shop = Shop::open(store).await;
    let program = passgate::ops::setup::NewProgram {
        name: "Gone".into(),
        template: "gone".into(),
        pass_type_identifier: PASS_TYPE.parse().expect("a pass type"),
        reward_name: "Nothing".into(),
        rules: passgate::domain::program::Rules::punch(3).expect("rules"),
    };
    shop.program = shop
        .ops
        .create_program(shop.merchant, program)
        .await
        .expect("a program");
    let card = shop.issue_and_fetch().await;
    assert_eq!(card.status(), 500);
    let body = card.text().await.expect("a body");
    assert!(body.contains("internal") && !body.contains("gone"), "{body}");
}

#[test]
fn the_list_reads_a_devices_registrations_and_not_a_merchants_cards() {
    let database = rusqlite::Connection::open_in_memory().expect("a database");
    let schema = include_str!("../../src/store/migrations/sqlite/0001_initial.sql");
    database.execute_batch(schema).expect("the schema");
    let statements = passgate::store::statements();
    let list = statements
        .iter()
        .find(|(_, sql)| sql.contains("from registrations r cross join cards c"));
    let (_, list) = list.expect("the list's statement");
    let explain = format!("explain query plan {}", list.replace('$', "?"));
    let mut explained = database.prepare(&explain).expect("compiled");
    let steps = explained
        .query_map((1, "type", "device", 1), |row| row.get::<_, String>(3))
        .expect("planned");
    let steps: Vec<String> = steps.map(|step| step.expect("a step")).collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(steps[0].contains("device_library_identifier=?"), "{steps:?}");
    assert!(steps[1].contains("card_id=?"), "{steps:?}");
}
