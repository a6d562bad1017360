//! The console's pages that share a program.

use passgate::domain::id::ProgramId;

use super::{COFFEE, path};
use crate::console::gateway;
use crate::console::sample::{OWNER, VIEWER};
use crate::console::visitor::{Visitor, hidden};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_shared_by_whoever_sees_it_and_opened_by_an_editor() {
    let gateway = gateway(0).await;
    let (owner, viewer) = (
        Visitor::signed_in(&gateway, OWNER).await,
        Visitor::signed_in(&gateway, VIEWER).await,
    );
    let list = viewer.page("/console/tools/share").await.body;
    assert!(
        list.contains("Coffee card") && list.contains("Only with a code"),
        "{list}"
    );
    let here = format!("/console/tools/share/{COFFEE}");
    let page = viewer
        .page(&format!("{here}?utm_source=Table+tent&utm_medium=%22%3E%3Cb%3E"))
        .await
        .body;
    let link = format!(
        "http://127.0.0.1{}?utm_source=Table+tent&amp;utm_medium=%22%3E%3Cb%3E",
        path()
    );
    assert!(page.contains(&link), "{page}");
    assert!(
        !page.contains(r#"name="admission""#) && page.contains("An editor can open the page"),
        "{page}"
    );
    for (file, kind) in [("code.svg", "image/svg+xml"), ("code.png", "image/png")] {
        let answer = viewer.page(&format!("{here}/{file}?utm_source=flyer")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        assert!(answer.header("content-disposition").contains("attachment"));
    }
    let poster = viewer.page(&format!("{here}/poster?language=de")).await.body;
    assert!(
        poster.contains("Scannen, und die Karte ist auf dem Handy.") && poster.contains("Café Morgenrot")
    );

    let form = owner.page(&here).await.body;
    let version = hidden(&form, "version");
    let fields = |email: &'static str, version: &str, privacy: &'static str| {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in [
            ("admission", "open"),
            ("first_name", "optional"),
            ("last_name", "no"),
            ("email", email),
            ("phone", "no"),
            ("birthday", "required"),
            ("purpose:marketing", "1"),
            ("privacy", privacy),
            ("version", version),
        ] {
            fields.push((name.to_owned(), value.to_owned()));
        }
        fields
    };
    let send = async |visitor: &Visitor, fields: Vec<(String, String)>| {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        visitor.submit(&format!("{here}/page"), &fields).await
    };
    assert_eq!(send(&viewer, fields("required", &version, "")).await.status, 403);
    let nobody = send(&owner, fields("no", &version, "")).await;
    assert_eq!(nobody.status, 400);
    assert!(
        nobody.body.contains("without one nobody is found again"),
        "{}",
        nobody.body
    );
    let unsafe_link = send(&owner, fields("required", &version, "javascript:x")).await;
    assert_eq!(unsafe_link.status, 400);
    assert_eq!(
        send(
            &owner,
            fields("required", &version, "https://cafe.example/privacy")
        )
        .await
        .status,
        303
    );
    let stale = send(&owner, fields("optional", &version, "")).await;
    assert_eq!(stale.status, 409);
    assert!(
        stale.body.contains("changed this page meanwhile"),
        "{}",
        stale.body
    );
    let public = Visitor::new(&gateway).page(&path()).await.body;
    assert!(
        public.contains(r#"name="birthday""#) && !public.contains(r#"name="last_name""#),
        "{public}"
    );
    assert!(
        public.contains(r#"href="https://cafe.example/privacy""#),
        "{public}"
    );
    let elsewhere = format!("/console/tools/share/{}", ProgramId(77));
    assert_eq!(owner.page(&elsewhere).await.status, 404);
}
