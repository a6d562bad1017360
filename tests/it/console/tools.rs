//! Tools over a real socket: the steps of an import, exports, codes, invitations, and who may use them.

mod codes;
mod export;
mod import;
mod invitations;

use super::gateway;
use super::sample::{OWNER, STRANGER, VIEWER};
use super::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_and_may_do_its_own() {
    let gateway = gateway(3).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let stranger = Visitor::signed_in(&gateway, STRANGER).await;
    let tools = ["import", "export", "codes", "invitations"].map(|tool| format!("/console/tools/{tool}"));
    let (all, none) = (
        owner.page("/console/tools").await.body,
        viewer.page("/console/tools").await.body,
    );
    for tool in &tools {
        let link = format!(r#"href="{tool}""#);
        assert!(all.contains(&link) && !none.contains(&link), "{tool}");
    }
    assert!(none.contains(r#"href="/console/tools/share""#), "{none}");

    let sent = owner
        .send_file("/console/tools/import", &[], "people.csv", b"name\nAda\n")
        .await;
    let file = sent.location.expect("the file's page");
    let made = codes::make(&owner, "Flyers", "3").await;
    let gets = [
        tools.to_vec(),
        vec![
            "/console/tools/import/template.csv?program=".to_owned(),
            file.clone(),
            format!("{file}/failed.csv"),
            "/console/cards/export".to_owned(),
            "/console/tools/codes/new".to_owned(),
            "/console/tools/codes/use".to_owned(),
            made.clone(),
            format!("{made}/codes.csv"),
            format!("{made}/sheet"),
            format!("{made}/revoke"),
            format!("/console/tools/invitations/cards?card={}", super::card(1)),
        ],
    ]
    .concat();
    for path in &gets {
        assert_eq!(owner.page(path).await.status, 200, "{path}");
        assert_eq!(viewer.page(path).await.status, 403, "{path}");
    }
    let posts = [
        tools[1..].to_vec(),
        vec![
            format!("{file}/columns"),
            format!("{file}/run"),
            format!("{file}/stop"),
            format!("{file}/discard"),
            "/console/tools/codes/new".to_owned(),
            "/console/tools/codes/use".to_owned(),
            format!("{made}/revoke"),
            "/console/tools/invitations/cards".to_owned(),
        ],
    ]
    .concat();
    // There is no POST to the list of codes.
    for path in posts.iter().filter(|path| !path.ends_with("tools/codes")) {
        assert_eq!(viewer.submit(path, &[]).await.status, 403, "{path}");
    }
    let refused = viewer
        .send_file("/console/tools/import", &[], "people.csv", b"name\nAda\n")
        .await;
    assert_eq!(refused.status, 403);

    let card = super::card(1).to_string();
    let theirs = [
        (file.clone(), None),
        (format!("{file}/failed.csv"), None),
        (format!("{file}/columns"), Some(vec![("meaning", "first_name")])),
        (format!("{file}/run"), Some(vec![])),
        (format!("{file}/stop"), Some(vec![])),
        (format!("{file}/discard"), Some(vec![])),
        (made.clone(), None),
        (format!("{made}/codes.csv"), None),
        (format!("{made}/sheet"), None),
        (format!("{made}/revoke"), Some(vec![])),
        (format!("/console/tools/invitations/cards?card={card}"), None),
    ];
    for (path, form) in theirs {
        let answer = match form {
            None => stranger.page(&path).await,
            Some(form) => stranger.submit(&path, &form).await,
        };
        assert_eq!(answer.status, 404, "{path}");
    }
    for tampered in [
        "/console/tools/import/zzz",
        "/console/tools/codes/%00",
        "/console/tools/invitations/cards",
        "/console/tools/invitations?before=x",
    ] {
        assert_eq!(owner.page(tampered).await.status, 404, "{tampered}");
    }
}
