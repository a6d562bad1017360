//! The console over a real socket: who gets in, what each role sees and may do, paging, live pages.
//!
//! `browser` runs the same gateway against headless Chromium.

mod acts;
mod browser;
mod everything;
mod finding;
mod german;
mod joining;
mod kept;
mod languages;
mod list;
mod many;
mod matrix;
mod messages;
mod people;
mod profile;
mod sample;
mod settings;
mod stage;
mod tools;
mod visitor;
mod works;

use std::time::Duration;

use passgate::clock::Clock;
use passgate::domain::time::Timestamp;

use crate::engines;
use sample::{OWNER, PASSWORD, SCAN, STRANGER, VIEWER, card, happen};
use visitor::{Gateway, Visitor};

/// 2026-06-15T10:00:00Z
const NOON: Timestamp = Timestamp(1_781_517_600_000);

async fn gateway(cards: i64) -> Gateway {
    let (store, folder) = engines::sqlite().await;
    Gateway::start(store, cards, Clock::manual(NOON), "http://127.0.0.1")
        .await
        .keeping(folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_session_leads_to_sign_in_and_back() {
    let gateway = gateway(1).await;
    let visitor = Visitor::new(&gateway);
    let asked = visitor.page("/console/cards?show=ready").await;
    assert_eq!(asked.status, 303);
    let sign_in = asked.location.expect("a redirect");
    assert_eq!(sign_in, "/console/sign-in?next=/console/cards%3Fshow%3Dready");

    let form = visitor.page(&sign_in).await;
    assert!(
        form.body
            .contains(r#"name="next" value="/console/cards?show=ready""#),
        "{}",
        form.body
    );
    let fields = [
        ("email", OWNER),
        ("password", PASSWORD),
        ("next", "/console/cards?show=ready"),
    ];
    let signed_in = visitor.submit("/console/sign-in", &fields).await;
    assert_eq!(signed_in.location.as_deref(), Some("/console/cards?show=ready"));
    let cookie = signed_in.cookie.expect("a session");
    assert!(cookie.starts_with("passgate="), "{cookie}");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );

    // A program that asks is told so, not led to a page.
    let call = Visitor::new(&gateway)
        .stream(&format!("/console/cards/{}/events", card(1)), None)
        .await;
    assert_eq!(call.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_the_session_cookie_is_bound_to_the_host() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = Gateway::start(store, 0, Clock::manual(NOON), "https://cards.example").await;
    let visitor = Visitor::new(&gateway);
    let signed_in = visitor
        .submit("/console/sign-in", &[("email", OWNER), ("password", PASSWORD)])
        .await;
    let cookie = signed_in.cookie.expect("a session");
    assert!(
        cookie.starts_with("__Host-passgate=") && cookie.contains("Secure"),
        "{cookie}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_look_alike_and_are_limited() {
    let gateway = gateway(0).await;
    let visitor = Visitor::new(&gateway);
    let submit = async |email: &str| {
        visitor
            .submit("/console/sign-in", &[("email", email), ("password", "wrong")])
            .await
    };
    let wrong = submit(OWNER).await;
    let unknown = submit("nobody@morgenrot.example").await;
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert!(
        wrong.body.contains(&format!(r#"value="{OWNER}""#)),
        "the email is kept: {}",
        wrong.body
    );
    let same = |body: &str, email: &str| body.replace(email, "…");
    assert_eq!(
        same(&wrong.body, OWNER),
        same(&unknown.body, "nobody@morgenrot.example")
    );

    for _ in 0..4 {
        assert_eq!(submit(OWNER).await.status, 401);
    }
    let held_back = submit(OWNER).await;
    assert_eq!(held_back.status, 429);
    assert!(held_back.body.contains("Too many tries"), "{}", held_back.body);
    gateway.clock().advance(Duration::from_secs(31));
    assert_eq!(submit(OWNER).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_thirty_days_after_its_last_use() {
    let gateway = gateway(1).await;
    let day = Duration::from_secs(86_400);
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    for _ in 0..3 {
        gateway.clock().advance(day * 29);
        assert_eq!(visitor.page("/console/cards").await.status, 200);
    }
    gateway.clock().advance(day * 31);
    assert_eq!(visitor.page("/console/cards").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_itself() {
    let gateway = gateway(1).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    assert_eq!(visitor.page("/console/cards").await.status, 200);
    assert_eq!(visitor.submit("/console/sign-out", &[]).await.status, 303);
    // The browser's copy of the cookie is still shown here: it opens nothing any more.
    assert_eq!(visitor.page("/console/cards").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_from_other_sites_are_refused() {
    let gateway = gateway(1).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let foreign = visitor
        .submit_from("/console/sign-out", "cross-site", "https://evil.example")
        .await;
    assert_eq!(foreign.status, 403);
    assert!(foreign.body.contains("another site"), "{}", foreign.body);
    assert_eq!(visitor.page("/console/cards").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_under_a_strict_policy_and_holds_nothing_inline() {
    let gateway = gateway(12).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let card_page = format!("/console/cards/{}", card(6));
    let signed_out = Visitor::new(&gateway).page("/console/sign-in").await;
    let mut pages = vec![signed_out];
    for path in ["/console/cards", &card_page, "/console/nowhere"] {
        pages.push(visitor.page(path).await);
    }
    for page in pages {
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'; style-src 'self'; script-src 'self'")
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(page.body.starts_with("<!DOCTYPE html>"), "{}", page.body);
        for inline in [" style=", " onclick=", "<style", "<script>", "javascript:"] {
            assert!(!page.body.contains(inline), "{inline} in {}", page.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cards_page_says_when_it_may_ring() {
    let gateway = gateway(6).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let page = visitor
        .page(&format!("/console/cards/{}/notifications", card(1)))
        .await;
    assert!(page.body.contains("Why it rang or did not"), "{}", page.body);
    assert!(
        page.body.contains("Apple Wallet") || page.body.contains("on no phone"),
        "{}",
        page.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_are_kept_for_ever_under_their_hash() {
    let gateway = gateway(0).await;
    let visitor = Visitor::new(&gateway);
    let page = visitor.page("/console/sign-in").await;
    let (_, rest) = page
        .body
        .split_once(r#"rel="stylesheet" href=""#)
        .expect("a stylesheet");
    let (address, _) = rest.split_once('"').expect("an address");
    let asset = visitor.page(address).await;
    assert_eq!(asset.status, 200);
    assert!(asset.header("cache-control").contains("immutable"));
    let kept = visitor.asset_if_changed(address, asset.header("etag")).await;
    assert_eq!((kept.status, kept.body.as_str()), (304, ""));
    assert_eq!(
        visitor
            .page("/console/assets/console.0000000000000000.css")
            .await
            .status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_merchants_member_finds_nothing() {
    let gateway = gateway(3).await;
    let stranger = Visitor::signed_in(&gateway, STRANGER).await;
    let list = stranger.page("/console/cards").await;
    assert!(list.body.contains("No customers yet"), "{}", list.body);
    let path = format!("/console/cards/{}", card(1));
    assert_eq!(stranger.page(&path).await.status, 404);
    assert_eq!(
        stranger.stream(&format!("{path}/events"), None).await.status(),
        404
    );
    for action in ["redeem", "reverse", "end", "restore"] {
        let sent = [("version", "1"), ("seen", "1"), ("event", "1")];
        assert_eq!(
            stranger.submit(&format!("{path}/{action}"), &sent).await.status,
            404,
            "{action}"
        );
    }
    for tampered in [
        "/console/cards/zzz",
        "/console/cards/0000000000000",
        "/console/cards/..%2f",
    ] {
        assert_eq!(stranger.page(tampered).await.status, 404, "{tampered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_no_actions_and_may_not_call_them() {
    let gateway = gateway(6).await;
    let path = format!("/console/cards/{}", card(6));
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let (all, none) = (owner.page(&path).await.body, viewer.page(&path).await.body);
    for action in ["redeem", "reverse", "end"] {
        let way = format!(r#"="{path}/{action}""#);
        assert!(all.contains(&way), "the owner may {action}: {all}");
        assert!(!none.contains(&way), "the viewer may not {action}");
        let refused = viewer
            .submit(&format!("{path}/{action}"), &[("version", "1"), ("seen", "1")])
            .await;
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains("takes the role Editor"), "{}", refused.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_hears_of_a_punch_and_of_all_it_missed() {
    engines::for_each_engine(async |store| {
        let gateway = Gateway::start(store, 3, Clock::manual(NOON), "http://127.0.0.1").await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let path = format!("/console/cards/{}", card(2));
        let page = visitor.page(&path).await.body;
        let (_, rest) = page.split_once(r#"data-live=""#).expect("a live page");
        let address = rest.split('"').next().expect("an address").to_owned();

        let mut live = visitor.listen(&address, None).await;
        assert_eq!(live.next().await.name, "hello");
        happen(gateway.web(), card(1), SCAN, NOON).await;
        happen(gateway.web(), card(2), SCAN, NOON).await;
        let first = live.next().await;
        assert_eq!(first.name, "change");
        assert!(
            first.data.contains("Barcode scanned") && first.data.contains(r#"data-swap="pass""#),
            "{}",
            first.data
        );
        assert_eq!(visitor::events(&first.data).len(), 1, "only what is new");
        drop(live);

        // Nobody listens; two things happen; coming back brings both, each once.
        happen(gateway.web(), card(2), SCAN, NOON).await;
        happen(gateway.web(), card(2), SCAN, NOON).await;
        let mut again = visitor.listen(&address, Some(&first.id)).await;
        assert_eq!(again.next().await.name, "hello");
        let missed = again.next().await;
        assert_eq!(visitor::events(&missed.data).len(), 2);
        assert_ne!(missed.id, first.id);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_ends_in_a_page_and_changes_nothing() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}", card(6));
    let long = "9".repeat(70_000);
    for (fields, status) in [
        (vec![("version", "soon"), ("seen", "1")], 422),
        (vec![], 422),
        (vec![("version", long.as_str())], 413),
    ] {
        let answer = owner.submit(&format!("{path}/redeem"), &fields).await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains("nothing was done"), "{}", answer.body);
    }
    assert_eq!(
        owner
            .page(&format!("{path}?before=yesterday&done=%3Cscript%3E"))
            .await
            .status,
        200
    );
    assert_eq!(
        owner.page("/console/cards?older=1&size=%27&x=%00").await.status,
        200
    );
    assert_eq!(owner.page(&format!("{path}/reverse")).await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reward_is_redeemed_once_from_one_page() {
    engines::for_each_engine(async |store| {
        let gateway = Gateway::start(store, 6, Clock::manual(NOON), "http://127.0.0.1").await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let path = format!("/console/cards/{}", card(6));
        let page = owner.page(&format!("{path}/redeem")).await.body;
        let hidden = |name: &str| visitor::hidden(&page, name);
        let (version, seen) = (hidden("version"), hidden("seen"));
        let form = [("version", version.as_str()), ("seen", seen.as_str())];
        let redeem = format!("{path}/redeem");
        let (first, second) = tokio::join!(owner.submit(&redeem, &form), owner.submit(&redeem, &form));
        let mut answers = [first.status, second.status];
        answers.sort_unstable();
        assert_eq!(answers, [303, 409], "one is done, the other told so");
        let told = if first.status == 409 { first } else { second };
        assert!(
            told.body.contains("This card has changed") && told.body.contains("Reward redeemed"),
            "{}",
            told.body
        );
        let after = owner.page(&format!("{path}?done=redeemed")).await.body;
        assert!(
            after.contains("Reward redeemed.") && after.contains("Undo"),
            "{after}"
        );
        assert!(!after.contains(&format!(r#"href="{redeem}""#)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_first_owner_and_passwords_are_not_short() {
    let gateway = gateway(0).await;
    let ops = &gateway.web().ops;
    let owner = ops
        .first_owner(sample::MERCHANT, "Eve", "eve@morgenrot.example", &PASSWORD.into())
        .await;
    assert!(
        matches!(owner, Err(passgate::ops::access::AccessError::AlreadyOwned)),
        "{owner:?}"
    );
    let role = passgate::domain::member::Role::Editor;
    let short = ops
        .add_member(
            sample::MERCHANT,
            "Eve",
            "eve@morgenrot.example",
            role,
            &"short".into(),
        )
        .await;
    assert!(
        matches!(short, Err(passgate::ops::access::AccessError::PasswordLength(5))),
        "{short:?}"
    );
    let twice = ops
        .add_member(
            sample::MERCHANT,
            "Olga",
            &OWNER.to_uppercase(),
            role,
            &PASSWORD.into(),
        )
        .await;
    assert!(twice.is_err(), "an email belongs to one member");
}
