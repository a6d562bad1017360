//! The Messages pages: what each role sees and may do, from an empty form to a message that was confirmed.

use super::gateway;
use super::sample::{OWNER, STRANGER, VIEWER, card};
use super::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_composed_forecast_confirmed_and_cancelled() {
    let gateway = gateway(3).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let list = owner.page("/console/messages").await;
    assert!(
        list.body.contains("No messages") && list.body.contains("New message"),
        "{}",
        list.body
    );
    let form = owner.page("/console/messages/new").await;
    assert!(form.body.contains("All holders of"), "{}", form.body);

    let card = card(1).to_string();
    let text = "Two <b>for</b> one";
    let fields = [
        ("text", text),
        ("link", "https://example.com/menu"),
        ("class", "reward"),
        ("to", "card"),
        ("cards", card.as_str()),
    ];
    let wrong = owner
        .submit(
            "/console/messages/new",
            &[
                ("text", "see https://example.com"),
                ("to", "card"),
                ("cards", &card),
            ],
        )
        .await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("belongs into the link"), "{}", wrong.body);
    assert!(
        wrong.body.contains("see https://example.com"),
        "what was typed is kept"
    );

    let written = owner.submit("/console/messages/new", &fields).await;
    let address = written.location.expect("a message");
    let shown = owner.page(&address).await;
    assert!(
        shown.body.contains("Two &lt;b&gt;for&lt;/b&gt; one"),
        "{}",
        shown.body
    );
    assert!(
        shown
            .body
            .contains("Type the number of recipients, 1, to send it"),
        "{}",
        shown.body
    );
    let send = format!("{address}/send");
    let refused = owner.submit(&send, &[("version", "1"), ("confirm", "2")]).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused
            .body
            .contains("The forecast says 1 recipients; you typed 2."),
        "{}",
        refused.body
    );
    let sent = owner.submit(&send, &[("version", "1"), ("confirm", "1")]).await;
    assert_eq!(sent.location.as_deref(), Some(address.as_str()));
    assert!(owner.page(&address).await.body.contains("Scheduled"));
    let recipients = owner.page(&format!("{address}/recipients?state=waiting")).await;
    assert!(recipients.body.contains("Nobody"), "{}", recipients.body);

    let edit = owner.page(&format!("{address}/edit")).await;
    assert!(edit.body.contains("Two &lt;b&gt;for&lt;/b&gt; one") && edit.body.contains(&card));
    let cancelled = owner.submit(&format!("{address}/cancel"), &[]).await;
    assert_eq!(cancelled.status, 303);
    let again = owner.submit(&format!("{address}/cancel"), &[]).await;
    assert_eq!(again.status, 409);
    assert!(again.body.contains("stands at “Cancelled”"), "{}", again.body);
    let copy = owner.submit(&format!("{address}/duplicate"), &[]).await.location;
    assert!(copy.is_some_and(|copy| copy != address));
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_look_and_strangers_see_nothing() {
    let gateway = gateway(1).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let card = card(1).to_string();
    let fields = [("text", "Hello"), ("to", "card"), ("cards", card.as_str())];
    let address = owner
        .submit("/console/messages/new", &fields)
        .await
        .location
        .expect("a message");

    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let shown = viewer.page(&address).await;
    assert_eq!(shown.status, 200);
    assert!(
        !shown
            .body
            .contains("<form method=\"post\" action=\"/console/messages"),
        "{}",
        shown.body
    );
    assert_eq!(viewer.page("/console/messages/new").await.status, 403);
    assert_eq!(viewer.submit("/console/messages/new", &fields).await.status, 403);
    for action in ["forecast", "cancel", "pause", "resume", "abort", "duplicate"] {
        assert_eq!(
            viewer.submit(&format!("{address}/{action}"), &[]).await.status,
            403,
            "{action}"
        );
    }
    let send = [("version", "1"), ("confirm", "1")];
    assert_eq!(viewer.submit(&format!("{address}/send"), &send).await.status, 403);
    assert_eq!(
        viewer
            .submit(&format!("{address}/test"), &[("card", &card)])
            .await
            .status,
        403
    );
    assert_eq!(
        viewer.submit(&format!("{address}/edit"), &fields).await.status,
        403
    );

    let stranger = Visitor::signed_in(&gateway, STRANGER).await;
    assert_eq!(stranger.page(&address).await.status, 404);
    assert_eq!(stranger.page(&format!("{address}/recipients")).await.status, 404);
    assert_eq!(
        stranger.submit(&format!("{address}/cancel"), &[]).await.status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_says_whom_it_reaches_before_anything_is_saved() {
    let gateway = gateway(12).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let ahead = |body: &str| {
        let (_, part) = body.split_once("id=\"ahead\"").expect("the part beside the form");
        part.split("</section>").next().unwrap_or_default().to_owned()
    };
    let form = owner.page("/console/messages/new").await.body;
    for part in [
        "<optgroup label=\"All holders of\">",
        "Coffee card (",
        "<optgroup label=\"Ready-made segments\">",
        "All customers (12)",
    ] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let all = owner
        .page("/console/messages/new?to=built_in:all&class=marketing&text=Hello")
        .await
        .body;
    let all = ahead(&all);
    assert!(
        all.contains("12 cards, ") && all.contains("of 12 can be reached by push now"),
        "{all}"
    );
    assert!(
        all.contains("Not sent: the holder has not agreed to this"),
        "{all}"
    );
    let service = owner
        .page("/console/messages/new?to=built_in:all&class=reward&text=Hello")
        .await
        .body;
    assert!(!ahead(&service).contains("has not agreed"), "{service}");

    // What is said beforehand is what the saved message says.
    let fields = [("text", "Hello"), ("class", "reward"), ("to", "built_in:all")];
    let saved = owner.submit("/console/messages/new", &fields).await.location;
    let saved = owner.page(&saved.expect("a message")).await.body;
    let bar = |body: &str| {
        let (_, words) = body
            .split_once("stacked-words\">")
            .expect("the words under the bar");
        words.split('<').next().unwrap_or_default().to_owned()
    };
    assert_eq!(bar(&ahead(&service)), bar(&saved));

    let (one, other) = (card(1).to_string(), card(2).to_string());
    let picked = owner
        .page(&format!("/console/messages/new?to=card&cards={one}+{other}"))
        .await
        .body;
    assert!(picked.contains("Selected in the list (2)"), "{picked}");
    assert!(
        picked.contains("Marta Wójcik") && picked.contains("Jonas Petersen"),
        "{picked}"
    );
    assert!(ahead(&picked).contains("2 cards"), "{picked}");
    let rule = owner
        .page("/console/messages/new?to=rule&rule=visits.over.2")
        .await
        .body;
    assert!(
        rule.contains("Visits over 2") && rule.contains("The filtered list"),
        "{rule}"
    );
    let list = owner.page("/console/messages").await.body;
    assert_eq!(list.matches("Hello").count(), 1, "looking ahead writes nothing");
}
