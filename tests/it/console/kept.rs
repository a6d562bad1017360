//! Forms whose session ended while they were being filled in.

use super::gateway;
use super::sample::{OWNER, PASSWORD, card};
use super::visitor::{Visitor, hidden};

fn borrowed<'a>(fields: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_typed_while_the_session_ended_is_sent_after_signing_in() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let notes = format!("/console/cards/{}/notes", card(6));
    let key = hidden(&owner.page(&notes).await.body, "key");
    let sessions = Visitor::signed_in(&gateway, OWNER).await;
    assert_eq!(owner.submit("/console/sign-out", &[]).await.status, 303);
    let text = "Likes <oat> milk & two sugars\nand \"long\" talks";
    let typed = [("key", key.as_str()), ("text", text), ("in", "sort=-visits")];
    let answer = owner.submit(&notes, &typed).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains("What you typed is kept") && answer.body.contains("&lt;oat&gt;"),
        "{}",
        answer.body
    );
    assert!(
        sessions.page(&notes).await.body.contains("No notes yet."),
        "nothing was done"
    );

    // A wrong password loses nothing either.
    let carried = |page: &str, password: &'static str| {
        vec![
            ("email", OWNER.to_owned()),
            ("password", password.to_owned()),
            ("kept-to", hidden(page, "kept-to")),
            ("kept:key", hidden(page, "kept:key")),
            ("kept:text", text.to_owned()),
            ("kept:in", hidden(page, "kept:in")),
        ]
    };
    let wrong = carried(&answer.body, "not the password");
    let again = owner.submit("/console/sign-in", &borrowed(&wrong)).await;
    assert_eq!(again.status, 401);
    assert!(
        again.body.contains("is not right") && again.body.contains("&lt;oat&gt;"),
        "{}",
        again.body
    );
    let right = carried(&again.body, PASSWORD);
    let question = owner.submit("/console/sign-in", &borrowed(&right)).await;
    assert_eq!(question.status, 200);
    assert!(
        question.body.contains("Send what you typed?")
            && question.body.contains(&format!(r#"action="{notes}""#)),
        "{}",
        question.body
    );
    assert!(!question.body.contains(PASSWORD));
    assert!(
        sessions.page(&notes).await.body.contains("No notes yet."),
        "not before it is pressed"
    );

    let mut back = Visitor::new(&gateway);
    back.keep(&question);
    let sent = [
        ("key", hidden(&question.body, "key")),
        ("text", text.to_owned()),
        ("in", hidden(&question.body, "in")),
    ];
    for _ in 0..2 {
        assert_eq!(
            back.submit(&notes, &borrowed(&sent)).await.status,
            303,
            "once or twice"
        );
    }
    let page = back.page(&notes).await.body;
    assert_eq!(
        page.matches("Likes &lt;oat&gt; milk").count(),
        2,
        "one note, and its form: {page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_long_forms_and_forms_of_other_sites_are_not_kept() {
    let gateway = gateway(1).await;
    let stranger = Visitor::new(&gateway);
    let password = [("current", "secret one"), ("password", "secret two")];
    let answer = stranger
        .submit("/console/settings/account/password", &password)
        .await;
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    let notes = format!("/console/cards/{}/notes", card(1));
    let long = "x".repeat(60 * 1024);
    let answer = stranger.submit(&notes, &[("text", &long)]).await;
    assert_eq!(
        (answer.status, answer.location.as_deref()),
        (303, Some("/console/sign-in"))
    );
    let far_too_long = "x".repeat(10 * 1024 * 1024);
    let answer = stranger.submit(&notes, &[("text", &far_too_long)]).await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("That is too long"), "{}", answer.body);
    let foreign = stranger
        .submit_from(&notes, "cross-site", "https://evil.example")
        .await;
    assert_eq!(foreign.status, 403);
    // Whatever a sign-in form carries along, it leads nowhere else.
    let fields = [
        ("email", OWNER),
        ("password", PASSWORD),
        ("kept-to", "https://evil.example/"),
        ("kept:a", "b"),
    ];
    let entered = stranger.submit("/console/sign-in", &fields).await;
    assert_eq!(
        (entered.status, entered.location.as_deref()),
        (303, Some("/console/cards"))
    );
}
