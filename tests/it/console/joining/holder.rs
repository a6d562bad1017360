//! What the holder of a card finds on its page: codes, friends, and where they came from.

use passgate::domain::code::Gift;
use passgate::domain::event::Actor;
use passgate::domain::id::CardId;
use passgate::domain::join::{Admission, JoinForm};
use passgate::domain::referral::{Moment, Terms};

use super::{COFFEE, admit, code, holder_page, join, open, path};
use crate::console::gateway;
use crate::console::sample::{MERCHANT, OWNER, card};
use crate::console::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_uses_a_code_once_on_their_page() {
    let gateway = gateway(3).await;
    let code = code(&gateway, Gift::Earn { amount: 2 }).await;
    let (mine, other) = (holder_page(&gateway, card(1)), holder_page(&gateway, card(3)));
    let visitor = Visitor::new(&gateway);
    let before = visitor.page(&mine).await.body;
    assert!(before.contains("I have a code"), "{before}");
    let used = visitor.submit(&format!("{mine}/code"), &[("code", &code)]).await;
    assert_eq!(used.status, 303, "{}", used.body);
    let page = visitor.page(&used.location.expect("the page")).await;
    assert!(page.body.contains("Your code has been added"), "{}", page.body);
    let again = visitor.submit(&format!("{mine}/code"), &[("code", &code)]).await;
    assert_eq!(again.status, 409);
    assert!(
        again
            .body
            .contains("already used for this card, on 15 June 2026 at 12:00."),
        "{}",
        again.body
    );
    let theirs = visitor.submit(&format!("{other}/code"), &[("code", &code)]).await;
    assert!(
        theirs.body.contains("already used, first on 15 June 2026"),
        "{}",
        theirs.body
    );
    let (start, _) = mine.rsplit_once('/').expect("a proof");
    let guessed = visitor
        .submit(&format!("{start}/0000/code"), &[("code", &code)])
        .await;
    assert_eq!(guessed.status, 404);
    assert!(guessed.body.starts_with("<!DOCTYPE html>"), "{}", guessed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn campaign_words_survive_to_the_card_by_every_link() {
    let gateway = open(9).await;
    let visitor = Visitor::new(&gateway);
    let query = "?utm_source=window&utm_medium=print&utm_campaign=June";
    let form = visitor.page(&format!("{}{query}", path())).await;
    let carried = [
        ("utm_source", "window"),
        ("utm_medium", "print"),
        ("utm_campaign", "June"),
    ];
    for (name, value) in carried {
        assert!(
            form.body
                .contains(&format!(r#"type="hidden" name="{name}" value="{value}""#)),
            "{}",
            form.body
        );
    }
    let mut fields = vec![("first_name", "Ada"), ("email", "ada@joins.example")];
    fields.extend(carried);
    let joined = join(&visitor, query, &fields).await.location.expect("the card");
    let joined: CardId = joined.split('/').nth(3).expect("an id").parse().expect("an id");
    let ops = &gateway.web().ops;
    let source = async |card| {
        let landing = ops.landing(MERCHANT, card).await.expect("read");
        landing.and_then(|landing| landing.utm.source)
    };
    assert_eq!(source(joined).await.as_deref(), Some("window"));
    // The installation link of a card that is on no phone; what came first stays, and an installed one is frozen.
    let (pending, installed) = (card(9), card(1));
    for (card, words) in [(pending, "letter"), (pending, "later"), (installed, "letter")] {
        let page = holder_page(&gateway, card);
        assert_eq!(
            visitor.page(&format!("{page}?utm_source={words}")).await.status,
            200
        );
    }
    assert_eq!(source(pending).await.as_deref(), Some("letter"));
    assert_eq!(source(installed).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_brings_friends_by_their_link() {
    let gateway = gateway(3).await;
    let ops = &gateway.web().ops;
    let mine = holder_page(&gateway, card(1));
    let visitor = Visitor::new(&gateway);
    assert!(
        !visitor.page(&mine).await.body.contains("Bring a friend"),
        "nobody could come"
    );
    admit(&gateway, Admission::Open, JoinForm::default()).await;
    let terms = Terms {
        moment: Moment::Install,
        referrer: 1,
        referred: 1,
    };
    ops.set_referral_terms(MERCHANT, COFFEE, terms, Actor::Gateway)
        .await
        .expect("set");
    assert!(visitor.page(&mine).await.body.contains("Get my link"));
    assert_eq!(visitor.submit(&format!("{mine}/refer"), &[]).await.status, 303);
    let token = ops.referral_link(MERCHANT, card(1)).await.expect("a link");
    let link = format!("{}?ref={}", path(), token.expose());
    let page = visitor.page(&mine).await.body;
    assert!(page.contains(&format!("http://127.0.0.1{link}")), "{page}");
    let form = visitor.page(&link).await;
    assert!(form.body.contains("A friend sent you here"), "{}", form.body);
    let query = format!("?ref={}", token.expose());
    let fields = [
        ("first_name", "Bob"),
        ("email", "bob@joins.example"),
        ("ref", token.expose()),
    ];
    assert_eq!(join(&visitor, &query, &fields).await.status, 303);
    let counts = ops.referral_statistics(MERCHANT, COFFEE).await.expect("read");
    assert_eq!(counts.opened, 1);
    let tampered = visitor.page(&format!("{}?ref={}", path(), "a".repeat(26))).await;
    assert!(
        tampered.status == 200 && !tampered.body.contains("A friend"),
        "{}",
        tampered.body
    );

    // The console shows the same link, and says when nobody gets in by it.
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let information = format!("/console/cards/{}/information", card(1));
    let page = owner.page(&information).await.body;
    assert!(
        page.contains(&link.replace('&', "&amp;")) && page.contains("Copy: Referral link"),
        "{page}"
    );
    admit(&gateway, Admission::Closed, JoinForm::default()).await;
    assert!(owner.page(&information).await.body.contains("page is closed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_the_phone_comes_first_and_nothing_is_left_out() {
    let gateway = gateway(3).await;
    let mine = holder_page(&gateway, card(1));
    let visitor = Visitor::new(&gateway);
    let page = visitor.page_in(&mine, "de-AT").await.body;
    assert!(
        page.contains(r#"<html lang="de">"#) && page.contains("QR-Code Ihrer Karte"),
        "{page}"
    );
    assert!(page.contains(" von 10"), "{page}");
    // Wallets first on a phone, the page itself as the card elsewhere.
    for (agent, code_first) in [
        ("iPhone", false),
        ("Android", false),
        ("X11; Linux", true),
        ("", true),
    ] {
        let page = visitor.page_on(&mine, agent).await.body;
        let (code, wallets) = (
            page.find("<figure").expect("a code"),
            page.find("<nav").expect("wallets"),
        );
        assert_eq!(code < wallets, code_first, "{agent}");
    }
}
