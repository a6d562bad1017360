//! The profile: its tabs, its timeline, its feedback, in both languages, and what others see of it.

use passgate::domain::event::Actor;
use passgate::domain::feedback::Feedback;
use passgate::domain::id::{DeviceLibraryIdentifier, PassTypeIdentifier, PushToken};
use passgate::domain::offer::{OfferState, Terms};
use passgate::store::receipts;
use passgate::store::registrations::RegistrationKey;

use super::sample::{Happening, MERCHANT, OWNER, SCAN, STRANGER, TAP, VIEWER, card, happen, second_card};
use super::visitor::{self, Gateway, Visitor};
use super::{NOON, gateway};
use crate::engines;
use passgate::clock::Clock;

const TABS: [&str; 8] = [
    "",
    "/information",
    "/card",
    "/timeline",
    "/offers",
    "/feedback",
    "/notes",
    "/notifications",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_tab_is_a_page_of_its_own_in_both_languages() {
    let gateway = gateway(6).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    for tab in TABS {
        let path = format!("/console/cards/{}{tab}", card(6));
        let page = visitor.page(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.body
                .contains(&format!(r#"href="{path}" aria-current="page""#)),
            "{tab} is marked: {}",
            page.body
        );
        for inline in [" style=", " onclick=", "<style", "<script>"] {
            assert!(!page.body.contains(inline), "{inline} in {path}");
        }
        let german = visitor.page_in(&path, "de").await;
        assert!(german.body.contains("Überblick") && german.body.contains(r#"lang="de""#));
        for english in ["Overview", "Redeem reward", "Take back", "Timeline", "Last visit"] {
            assert!(
                !german.body.contains(english),
                "{english} in {path}: {}",
                german.body
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_shows_figures_metrics_and_platforms() {
    let gateway = gateway(6).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let page = visitor.page(&format!("/console/cards/{}", card(6))).await.body;
    for shown in [
        "Pushes sent",
        "Clicks",
        "Lifetime value",
        "0.00 EUR",
        "Recency and frequency",
        "No feedback yet",
        "Does not expire",
        "Everything that was paid with this card",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    // The cell of the grid has a German name, too.
    let german = Visitor::signed_in(&gateway, OWNER).await.speaking("de");
    let mut cells = 0;
    for number in 1..=6 {
        let page = german
            .page(&format!("/console/cards/{}", card(number)))
            .await
            .body;
        for name in ["No visit yet", "Beginners", "Growths", "Sleeping", "At risk"] {
            assert!(!page.contains(name), "{name} in {page}");
        }
        let names = [
            "Noch kein Besuch",
            "Einsteiger",
            "Aufsteiger",
            "Schlafende",
            "Gefährdete",
        ];
        cells += usize::from(names.iter().any(|name| page.contains(name)));
    }
    assert!(cells > 0, "somebody of them is no champion");
    let card_tab = visitor
        .page(&format!("/console/cards/{}/card", card(6)))
        .await
        .body;
    // What the template of the pass says, front and back.
    for shown in ["Stamps", "How it works", "Card number", "No phone has fetched"] {
        assert!(card_tab.contains(shown), "{shown} in {card_tab}");
    }
    let information = visitor
        .page(&format!("/console/cards/{}/information", card(6)))
        .await
        .body;
    assert!(
        information.contains(&format!("http://127.0.0.1/card/{MERCHANT}/{}/", card(6))),
        "{information}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_read_back_to_its_first_event() {
    engines::for_each_engine(async |store| {
        let gateway = Gateway::start(store, 8, Clock::manual(NOON), "http://127.0.0.1").await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        for _ in 0..70 {
            happen(gateway.web(), card(3), SCAN, NOON).await;
        }
        let start = format!("/console/cards/{}/timeline", card(3));
        let (mut path, mut events, mut pages) = (start.clone(), Vec::new(), 0);
        let mut walked = Vec::new();
        loop {
            let page = visitor.page(&path).await.body;
            events.extend(visitor::events(&page));
            pages += 1;
            walked.push(path.clone());
            // Events that come meanwhile are told of on top, and tear no gap.
            happen(gateway.web(), card(3), TAP, NOON).await;
            assert_eq!(page.contains("new event"), pages > 1, "page {pages}: {page}");
            let part = format!(r#"data-swap="rest-{pages}" href=""#);
            match page.split_once(&part) {
                Some((_, rest)) => path = rest.split('"').next().expect("an address").replace("&amp;", "&"),
                None => {
                    assert!(
                        page.contains("Start of history") && page.contains("Card issued"),
                        "{page}"
                    );
                    break;
                }
            }
        }
        assert!(pages > 2, "{walked:?}");
        assert!(
            events.is_sorted_by(|newer, older| newer > older),
            "newest first, each once: {events:?}"
        );
        let taps = visitor.page(&format!("{start}?type=customer_tapped")).await.body;
        assert_eq!(visitor::events(&taps).len(), pages, "only taps");
        assert!(
            taps.contains(r#"<option value="customer_tapped" selected>"#),
            "{taps}"
        );

        // A place in another timeline is none in this one, and a tampered one is refused.
        let other = walked[1].replace(&card(3).to_string(), &card(4).to_string());
        assert_eq!(visitor.page(&other).await.status, 400);
        assert_eq!(visitor.page(&format!("{start}?cursor=abc")).await.status, 400);
        assert!(walked[1].contains("part=1"), "{walked:?}");
        let far = walked[1].replace("part=1", "part=65535");
        assert_eq!(
            visitor.page(&far).await.status,
            200,
            "there is no page behind this one"
        );
        assert_eq!(visitor.page(&format!("{start}?type=nonsense")).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_is_filtered_and_averaged() {
    let gateway = gateway(6).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}/feedback", card(6));
    let empty = visitor.page(&path).await.body;
    assert!(empty.contains("No feedback yet"), "{empty}");
    for (stars, comment) in [(5, "Lovely <b>cake</b>"), (2, "")] {
        happen(gateway.web(), card(6), SCAN, NOON).await;
        let feedback = Feedback::new(stars, comment).expect("feedback");
        let given = gateway
            .web()
            .ops
            .give_feedback(MERCHANT, card(6), feedback, Actor::Device)
            .await;
        given.expect("taken");
    }
    let all = visitor.page(&path).await.body;
    assert!(all.contains("Average 3.5 of 5 (2)"), "{all}");
    assert!(all.contains("Lovely &lt;b&gt;cake"), "{all}");
    let comments = visitor.page(&format!("{path}?comments=1&period=day")).await.body;
    assert!(comments.contains("Average 5.0 of 5 (1)"), "{comments}");
    let before = visitor
        .page(&format!("{path}?period=custom&from=2020-01-01&to=2020-12-31"))
        .await
        .body;
    assert!(before.contains("No feedback in this period"), "{before}");
    for (range, said) in [
        ("from=2026-02-02&to=2026-01-01", "must not be after"),
        ("from=soon", "Write a day"),
    ] {
        let wrong = visitor.page(&format!("{path}?period=custom&{range}")).await;
        assert_eq!(wrong.status, 400);
        assert!(wrong.body.contains(said), "{}", wrong.body);
    }
}

/// What each route of a profile takes: whether a viewer may, and whether it is a form.
const ROUTES: &[(&str, bool)] = &[
    ("/redeem", false),
    ("/balance", false),
    ("/expiry", false),
    ("/name", false),
    ("/letter", false),
    ("/push", false),
    ("/end", false),
    ("/share", true),
];
const FORMS: &[(&str, bool)] = &[
    ("/redeem", false),
    ("/balance", false),
    ("/expiry", false),
    ("/name", false),
    ("/letter", false),
    ("/push", false),
    ("/end", false),
    ("/restore", false),
    ("/reverse", false),
    ("/notes", false),
    ("/notes/0000000000001", false),
    ("/notes/0000000000001/delete", false),
    ("/tags", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_may_look_and_a_stranger_finds_nothing() {
    let gateway = gateway(6).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let stranger = Visitor::signed_in(&gateway, STRANGER).await;
    let base = format!("/console/cards/{}", card(6));
    for tab in TABS {
        let path = format!("{base}{tab}");
        assert_eq!(viewer.page(&path).await.status, 200, "{path}");
        assert_eq!(stranger.page(&path).await.status, 404, "{path}");
    }
    for (part, may) in ROUTES {
        let path = format!("{base}{part}");
        assert_eq!(
            viewer.page(&path).await.status,
            if *may { 200 } else { 403 },
            "{path}"
        );
        assert_eq!(stranger.page(&path).await.status, 404, "{path}");
    }
    let fields = [
        ("version", "1"),
        ("seen", "1"),
        ("event", "1"),
        ("text", "Hello"),
        ("number", "3"),
        ("reason", "why"),
        ("day", "2030-01-01"),
        ("add", "tag"),
    ];
    for (part, may) in FORMS {
        let path = format!("{base}{part}");
        let answer = viewer.submit(&path, &fields).await;
        assert_eq!(answer.status == 403, !may, "{path}: {}", answer.status);
        assert_eq!(stranger.submit(&path, &fields).await.status, 404, "{path}");
    }
    for path in ["/console/customers/new", "/console/customers/0000000000001/edit"] {
        assert_eq!(viewer.page(path).await.status, 403, "{path}");
    }
    let overview = viewer.page(&base).await.body;
    for word in [
        "Redeem reward",
        "End card",
        "Send push",
        "data-modal data-command",
    ] {
        assert!(
            !overview.contains(word) || word.starts_with("data"),
            "a viewer sees no {word}: {overview}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_around_a_profile_travels_along_and_leads_nowhere_else() {
    let gateway = gateway(6).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let base = format!("/console/cards/{}", card(6));
    let page = visitor
        .page(&format!("{base}?in=sort%3D-visits%26rule%3Dvisits.over.0"))
        .await
        .body;
    assert!(
        page.contains(r#"href="/console/cards?sort=-visits&amp;rule=visits.over.0""#),
        "{page}"
    );
    assert!(
        page.contains(&format!(r#"href="{base}/timeline?in=sort%3D-visits"#)),
        "{page}"
    );
    for tampered in ["//evil.example", "%22%3E%3Cscript%3E", "https://evil.example"] {
        let page = visitor.page(&format!("{base}?in={tampered}")).await;
        assert_eq!(page.status, 200);
        assert!(
            !page.body.contains(r#"href="//evil"#) && !page.body.contains(r#"href="https://evil"#),
            "{}",
            page.body
        );
        assert!(!page.body.contains("<script>"), "{}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_phone_fetched_stands_beside_what_is_newer() {
    engines::for_each_engine(async |store| {
        let gateway = Gateway::start(store, 6, Clock::manual(NOON), "http://127.0.0.1").await;
        let ops = &gateway.web().ops;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let key = RegistrationKey {
            merchant: MERCHANT,
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.morgenrot").expect("a pass type"),
            device: DeviceLibraryIdentifier::parse("0123456789abcdef").expect("a device"),
            card: card(2),
        };
        let token = PushToken::parse("ab".repeat(32)).expect("a token");
        ops.register_device(key, token).await.expect("registered");
        let path = format!("/console/cards/{}/card", card(2));
        assert!(visitor.page(&path).await.body.contains("No phone has fetched"));

        let mut receipts = ops.card_devices(MERCHANT, card(2)).await.expect("receipts");
        let mut receipt = receipts.pop().expect("one device");
        receipt.fetched_at = Some(NOON);
        let fetched = ops.store.write("test_fetched", move |tx| {
            let receipt = receipt.clone();
            Box::pin(async move { receipts::fetched(tx, &[((MERCHANT, card(2)), &receipt)]).await })
        });
        fetched.await.expect("written");
        let current = visitor.page(&path).await.body;
        assert!(current.contains("The phone shows this version"), "{current}");
        let shown = ops
            .profile(MERCHANT, card(2))
            .await
            .expect("read")
            .expect("a card");
        let before = shown.card.card.punches;

        let later = NOON.plus(std::time::Duration::from_secs(60));
        happen(gateway.web(), card(2), SCAN, later).await;
        let pending = visitor.page(&path).await.body;
        assert!(
            pending.contains("not on the phone yet: 1.") && pending.contains("As it is now"),
            "{pending}"
        );
        let shown = ops
            .profile(MERCHANT, card(2))
            .await
            .expect("read")
            .expect("a card");
        let then = shown.fetched.and_then(|fetch| fetch.face).expect("known");
        assert_eq!((then.punches, shown.card.card.punches), (before, before + 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_push_that_a_provider_took_is_counted() {
    engines::for_each_engine(async |store| {
        let gateway = Gateway::start(store, 6, Clock::manual(NOON), "http://127.0.0.1").await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let path = format!("/console/cards/{}", card(4));
        let count = async || {
            let page = visitor.page(&path).await.body;
            let (_, rest) = page.split_once("Pushes sent").expect("the counter");
            let (_, rest) = rest
                .split_once(r#"<dd class="figure-value">"#)
                .expect("its value");
            rest.split('<')
                .next()
                .expect("a number")
                .parse::<usize>()
                .expect("a number")
        };
        let before = count().await;
        let sent = Happening {
            kind: "push_sent",
            punches: 0,
            visits: 0,
            ..SCAN
        };
        for what in [sent, SCAN, sent, TAP] {
            happen(gateway.web(), card(4), what, NOON).await;
        }
        assert_eq!(count().await, before + 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filtered_timeline_is_live_and_shows_only_what_it_is_for() {
    engines::for_each_engine(async |store| {
        let gateway = Gateway::start(store, 6, Clock::manual(NOON), "http://127.0.0.1").await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let path = format!("/console/cards/{}/timeline?type=customer_tapped", card(2));
        let page = visitor.page(&path).await.body;
        let (_, rest) = page.split_once(r#"data-live=""#).expect("a live timeline");
        let stream = rest.split('"').next().expect("an address").replace("&amp;", "&");
        let mut live = visitor.listen(&stream, None).await;
        assert_eq!(live.next().await.name, "hello");
        happen(gateway.web(), card(2), SCAN, NOON).await;
        let scanned = live.next().await.data;
        assert!(
            scanned.contains("data-prepend") && visitor::events(&scanned).is_empty(),
            "{scanned}"
        );
        happen(gateway.web(), card(2), TAP, NOON).await;
        let tapped = live.next().await.data;
        assert_eq!(visitor::events(&tapped).len(), 1, "{tapped}");
        assert!(
            tapped.contains("tapped") && !tapped.contains("Barcode scanned"),
            "{tapped}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_say_what_became_of_them_and_lead_to_the_offer() {
    engines::for_each_engine(async |store| {
        let gateway = Gateway::start(store, 6, Clock::manual(NOON), "http://127.0.0.1").await;
        let ops = &gateway.web().ops;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let members = ops.members(MERCHANT).await.expect("members");
        let olga = members.iter().find(|member| member.name == "Olga Brandt");
        let staff = Actor::Member(olga.expect("the owner").id);
        let make = async |title: &str| {
            let terms = Terms {
                title: title.to_owned(),
                text: "With <b>soup</b>".to_owned(),
                program: None,
                from: None,
                until: None,
                claims: Some(30),
                times: 2,
                personal: false,
            };
            let offer = ops.create_offer(MERCHANT, terms, staff).await.expect("made").id;
            let published = ops
                .set_offer_state(MERCHANT, offer, OfferState::Published, staff)
                .await;
            published.expect("published");
            offer
        };
        let (claimed, marked, unknown) = (
            make("Free bread").await,
            make("Second soup").await,
            make("Not theirs").await,
        );
        let (one, holder) = (card(6), Actor::Device);
        ops.claim_offer(MERCHANT, claimed, one, holder)
            .await
            .expect("claimed");
        ops.favour_offer(MERCHANT, marked, one, true, holder)
            .await
            .expect("marked");
        let version = ops
            .profile(MERCHANT, one)
            .await
            .expect("read")
            .expect("a card")
            .card
            .card
            .version;
        ops.redeem_offer(MERCHANT, claimed, (one, version), (None, None), staff)
            .await
            .expect("redeemed");
        let path = format!("/console/cards/{one}/offers");
        let page = visitor.page(&path).await.body;
        for said in [
            "Free bread",
            "Second soup",
            "Claimed",
            "Favourite",
            "1 of 2 times",
            "Olga Brandt",
            "Published",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(
            !page.contains("Not theirs") && !page.contains("<b>soup"),
            "{page}"
        );
        for offer in [claimed, marked] {
            assert!(
                page.contains(&format!(r#"href="/console/offers/{offer}""#)),
                "{page}"
            );
        }
        let offer = visitor.page(&format!("/console/offers/{claimed}")).await.body;
        assert!(
            offer.contains("1 of at most 30 customers")
                && offer.contains("2 times")
                && offer.contains("every card"),
            "{offer}"
        );
        let stranger = Visitor::signed_in(&gateway, STRANGER).await;
        for id in [claimed.to_string(), unknown.to_string(), "nonsense".to_owned()] {
            assert_eq!(stranger.page(&format!("/console/offers/{id}")).await.status, 404);
        }
        // From another card of theirs the way leads to the one that it was redeemed with.
        let second = second_card(gateway.web(), 6).await;
        let page = visitor
            .page(&format!("/console/cards/{second}/offers"))
            .await
            .body;
        assert!(
            page.contains("another card of theirs")
                && page.contains(&format!("/console/cards/{one}/timeline")),
            "{page}"
        );
    })
    .await;
}
