//! What leaves as a file: people, cards, and exactly a list.

use passgate::clock::Clock;
use passgate::store::{Error, audit};

use crate::console::NOON;
use crate::console::sample::{MERCHANT, OWNER};
use crate::console::visitor::{Gateway, Visitor};
use crate::engines::for_each_engine;

/// The serial numbers in the order of a file that has only them.
fn serials(file: &str) -> Vec<&str> {
    file.trim_start_matches('\u{feff}').lines().skip(1).collect()
}

/// The ids of the cards on a page of the list, from top to bottom.
fn listed(page: &str) -> Vec<&str> {
    let parts = page.split(r#"class="row-link" href="/console/cards/"#).skip(1);
    parts.map(|part| &part[..13]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_leaves_with_its_rows_in_its_order() {
    for_each_engine(async |store| {
        let gateway = Gateway::start(store, 60, Clock::manual(NOON), "http://127.0.0.1").await;
        super::import::known(&gateway).await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        for query in [
            "sort=-visits&size=200",
            "rule=visits.over.4&sort=name&size=200",
            "segment=ready_to_redeem&by=customer&size=200",
            "find=marta&size=200",
        ] {
            let page = owner.page(&format!("/console/cards?{query}")).await.body;
            let form = owner.page(&format!("/console/cards/export?{query}")).await;
            assert!(
                form.status == 200 && form.body.contains("Exactly the list"),
                "{query}: {}",
                form.body
            );
            let sent = [("list", query), ("column", "serial_number")];
            let file = owner.submit("/console/tools/export", &sent).await;
            assert_eq!(file.status, 200, "{query}");
            assert!(
                file.header("content-disposition").contains("attachment"),
                "{query}"
            );
            let expected: Vec<String> = listed(&page).iter().map(|id| format!("card-{id}")).collect();
            assert!(!expected.is_empty(), "{query}: {page}");
            assert_eq!(serials(&file.body), expected, "{query}");
        }
        let entries: Result<Vec<audit::Entry>, Error> = gateway
            .web()
            .ops
            .store
            .read("audit", |tx| Box::pin(audit::entries(tx, MERCHANT, None, 10)))
            .await;
        let entries = entries.expect("an audit");
        assert_eq!(entries.len(), 4, "a form is no export");
        let by_search = &entries[0];
        assert!(
            by_search.detail.contains("with a search") && !by_search.detail.contains("marta"),
            "{by_search:?}"
        );
        assert_eq!((by_search.actor.as_str(), by_search.rows), ("member", Some(3)));
        assert_eq!(entries[3].rows, Some(60));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_cards_leave_with_the_columns_that_were_ticked() {
    let gateway = crate::console::gateway(12).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let form = owner
        .page("/console/tools/export?what=cards&program=0000000000001")
        .await
        .body;
    assert!(
        form.contains(r#"value="stamps""#) && !form.contains(r#"value="points""#),
        "{form}"
    );
    let people = owner.page("/console/tools/export?what=people").await.body;
    assert!(!people.contains(r#"value="stamps""#), "{people}");
    let sent = [
        ("what", "people"),
        ("program", ""),
        ("column", "email"),
        ("column", "first_name"),
    ];
    let file = owner.submit("/console/tools/export", &sent).await.body;
    assert!(
        file.starts_with("\u{feff}email,first_name\r\n") && file.lines().count() == 13,
        "{file}"
    );
    let all = [("what", "cards"), ("program", "0000000000002")];
    let file = owner.submit("/console/tools/export", &all).await.body;
    assert!(
        file.contains("stamps,spend,serial_number,utm_source,utm_medium,utm_campaign,utm_content,utm_term,status,created_at"),
        "{file}"
    );
    let unknown = [("what", "people"), ("program", ""), ("column", "colour")];
    let refused = owner.submit("/console/tools/export", &unknown).await;
    assert!(
        refused.status == 400 && refused.body.contains("columns is gone"),
        "{}",
        refused.body
    );
    let no_list = owner
        .submit("/console/tools/export", &[("list", "sort=colour")])
        .await;
    assert_eq!(no_list.status, 400);
    let elsewhere = owner
        .submit("/console/tools/export", &[("program", "0000000000009")])
        .await;
    assert_eq!(elsewhere.status, 404);
}
