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
            "/console/messages",
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

    let written = owner.submit("/console/messages", &fields).await;
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
            .contains("expected the forecast&#x27;s number, 1; got 2")
            || refused.body.contains("number, 1; got 2")
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
    assert!(again.body.contains("this message is cancelled"), "{}", again.body);
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
        .submit("/console/messages", &fields)
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
    assert_eq!(viewer.submit("/console/messages", &fields).await.status, 403);
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
