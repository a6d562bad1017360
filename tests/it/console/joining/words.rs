//! What people read where they agree: said by the merchant in the console, read on the join page, kept with the customer.

use super::{hidden_box, join, open, path};
use crate::console::sample::{MERCHANT, OWNER, VIEWER};
use crate::console::visitor::{Gateway, Page, Visitor, hidden};

const HERE: &str = "/console/settings/consents";
const OURS: &str = "Morgenrot may write to me. I can take this back at any time.";

async fn say(owner: &Visitor, version: &str, fields: &[(&str, &str)]) -> Page {
    let mut all = vec![("version", version), ("language", "en")];
    all.extend_from_slice(fields);
    owner.submit(HERE, &all).await
}

async fn version(owner: &Visitor) -> String {
    hidden(&owner.page(HERE).await.body, "version")
}

/// The consents of a customer who came by themselves, as their card's page of information shows them.
async fn information(gateway: &Gateway, owner: &Visitor, email: &str) -> String {
    let found = gateway.web().ops.find_customers(MERCHANT, email, None, 1).await;
    let found = found.expect("read").expect("a search");
    let customer = found.first().expect("joined").id;
    let led = owner.page(&format!("/console/customers/{customer}")).await;
    let card = led.location.expect("leads to the card");
    owner.page(&format!("{card}/information")).await.body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_evidence_for_the_words_that_it_showed() {
    let gateway = open(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let (early, late) = (Visitor::new(&gateway), Visitor::new(&gateway));

    // Opened before the change and sent after it.
    let form = early.page(&path()).await.body;
    let ticket = hidden(&form, "ticket");
    assert!(form.contains("may tell me about offers and news"), "{form}");
    let fields = [
        ("marketing", OURS),
        ("privacy", "https://morgenrot.example/privacy"),
    ];
    assert_eq!(say(&owner, &version(&owner).await, &fields).await.status, 303);
    let who = [
        ("version", "1"),
        ("language", "en"),
        ("legal_name", "Morgenrot GmbH"),
        ("address", "Hauptstr. 1\r\n10115 Berlin"),
    ];
    assert_eq!(owner.submit(&format!("{HERE}/about"), &who).await.status, 303);
    let sent = [
        ("ticket", ticket.as_str()),
        ("first_name", "Ada"),
        ("email", "ada@words.example"),
        ("agree:marketing", &hidden_box(&form)),
    ];
    assert_eq!(early.submit(&path(), &sent).await.status, 303);

    let form = late.page(&path()).await.body;
    for said in [
        OURS,
        "https://morgenrot.example/privacy",
        "Morgenrot GmbH, Hauptstr. 1, 10115 Berlin",
    ] {
        assert!(form.contains(said), "{said} in {form}");
    }
    let ours = hidden_box(&form);
    // The new words with the old ticket are no evidence of anything: it was not what that page showed.
    let mixed = [
        ("ticket", ticket.as_str()),
        ("first_name", "Eve"),
        ("email", "eve@words.example"),
        ("agree:marketing", &ours),
    ];
    let refused = early.submit(&path(), &mixed).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains(OURS) && refused.body.contains(r#"value="Eve""#));
    let bob = [
        ("first_name", "Bob"),
        ("email", "bob@words.example"),
        ("agree:marketing", ours.as_str()),
    ];
    assert_eq!(join(&late, "", &bob).await.status, 303);

    let ada = information(&gateway, &owner, "ada@words.example").await;
    for said in [
        "Café Morgenrot may tell me about offers and news",
        "Standard words",
        "English, on a page for customers",
        "Since then your words have changed.",
    ] {
        assert!(ada.contains(said), "{said} in {ada}");
    }
    assert!(!ada.contains(OURS), "she never read this");
    let bob = information(&gateway, &owner, "bob@words.example").await;
    for said in [
        OURS,
        "Version 2",
        "Asked by Morgenrot GmbH, Hauptstr. 1, 10115 Berlin",
    ] {
        assert!(bob.contains(said), "{said} in {bob}");
    }
    assert!(!bob.contains("Since then your words have changed."), "{bob}");

    let page = owner.page(HERE).await.body;
    assert_eq!(
        page.matches("Marketing: 1 person").count(),
        2,
        "of version 2 and of the standard words: {page}"
    );
    assert!(page.contains("by Olga Brandt"), "{page}");

    // Taken back: what was read stays with who read it.
    let back = [("version", "2"), ("language", "en")];
    assert_eq!(owner.submit(&format!("{HERE}/standard"), &back).await.status, 303);
    let form = late.page(&path()).await.body;
    assert!(
        !form.contains(OURS) && form.contains("may tell me about offers and news"),
        "{form}"
    );
    assert!(
        form.contains("https://morgenrot.example/privacy"),
        "the privacy notice stays: {form}"
    );
    let bob = information(&gateway, &owner, "bob@words.example").await;
    assert!(
        bob.contains(OURS) && bob.contains("Since then your words have changed."),
        "{bob}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_refused_field_by_field_and_what_was_typed_stays() {
    let gateway = open(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let long = "x".repeat(501);
    for (field, typed, reason) in [
        ("marketing", "Too few", "Please write at least 10 characters."),
        ("profiling", long.as_str(), "Please write at most 500 characters."),
        (
            "personalised",
            "Choose <i>anything</i> for me.",
            "plain text without &lt; and &gt;",
        ),
        ("marketing", "Write to me\u{202e} always.", "invisible characters"),
        ("privacy", "javascript:alert(1)", "begins with https://"),
    ] {
        for address in ["", "/preview"] {
            let fields = [("version", "0"), ("language", "en"), (field, typed)];
            let refused = owner.submit(&format!("{HERE}{address}"), &fields).await;
            assert_eq!(refused.status, 400, "{field}: {}", refused.body);
            assert!(refused.body.contains(reason), "{reason} in {}", refused.body);
            assert!(
                refused.body.contains(&format!(r#"id="{field}-problem""#)),
                "{}",
                refused.body
            );
            let kept = typed.replace('<', "&lt;").replace('>', "&gt;");
            assert!(refused.body.contains(&kept), "{kept} in {}", refused.body);
        }
    }
    let who = [
        ("version", "0"),
        ("language", "de"),
        ("legal_name", "Morgenrot GmbH"),
        ("address", "a\nb\nc\nd\ne\nf\ng"),
    ];
    let refused = owner.submit(&format!("{HERE}/about"), &who).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("six lines at most") && refused.body.contains(r#"value="Morgenrot GmbH""#));
    for broken in [
        [("version", "x"), ("language", "en")],
        [("version", "0"), ("language", "fr")],
    ] {
        assert_eq!(owner.submit(HERE, &broken).await.status, 400);
    }
    assert_eq!(version(&owner).await, "0", "nothing was kept");

    let fields = [("version", "0"), ("language", "en"), ("marketing", OURS)];
    let preview = owner.submit(&format!("{HERE}/preview"), &fields).await;
    assert_eq!(preview.status, 200);
    assert!(
        preview.body.contains("Not saved yet.") && preview.body.matches(OURS).count() == 2,
        "{}",
        preview.body
    );
    assert_eq!(version(&owner).await, "0", "a preview keeps nothing");
    let form = Visitor::new(&gateway).page(&path()).await.body;
    assert!(!form.contains(OURS), "{form}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_form_is_told_what_is_said_now_and_keeps_what_was_typed() {
    let gateway = open(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    assert_eq!(say(&owner, "0", &[("marketing", OURS)]).await.status, 303);
    let mine = "Morgenrot may ring me up. I can take this back.";
    let stale = say(&owner, "0", &[("marketing", mine)]).await;
    assert_eq!(stale.status, 409);
    for said in ["Somebody changed these words meanwhile. Below is", mine, OURS] {
        assert!(stale.body.contains(said), "{said} in {}", stale.body);
    }
    let standard = [("version", "0"), ("language", "en")];
    let refused = owner.submit(&format!("{HERE}/standard"), &standard).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("so nothing was done"), "{}", refused.body);
    // What the page of the refusal holds is enough to decide anew.
    let again = hidden(&stale.body, "version");
    assert_eq!(say(&owner, &again, &[("marketing", mine)]).await.status, 303);
    let form = Visitor::new(&gateway).page(&path()).await.body;
    assert!(form.contains(mine) && !form.contains(OURS), "{form}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_change_them_does_not_see_the_page() {
    let gateway = open(0).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    assert_eq!(viewer.page(HERE).await.status, 403);
    assert!(!viewer.page("/console/settings").await.body.contains(HERE));
    let german = Visitor::signed_in(&gateway, OWNER)
        .await
        .page_in(HERE, "de")
        .await
        .body;
    for said in [
        "Wortlaut der Einwilligungen",
        "darf mich über Angebote",
        "Sätze auf Deutsch",
    ] {
        assert!(german.contains(said), "{said} in {german}");
    }
}
