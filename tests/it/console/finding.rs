//! Finding customers: filters by form, the palette, and lists that move while they are open.

use passgate::clock::Clock;
use passgate::domain::id::CardId;

use super::NOON;
use super::list::{address, rows};
use super::sample::{OWNER, SCAN, VIEWER, card, happen, second_card};
use super::visitor::{Gateway, Visitor};
use crate::engines;

async fn gateway(store: passgate::store::Store, cards: i64) -> Gateway {
    let gateway = Gateway::start(store, cards, Clock::manual(NOON), "http://127.0.0.1").await;
    let names = ["bring_customers_into_form"];
    gateway
        .web()
        .ops
        .do_chores_named(&names)
        .await
        .expect("names that are found");
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_put_together_by_a_form_and_taken_off_by_its_chip() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 30).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let fields = visitor
            .page("/console/cards/filter?in=segment%3Dactive")
            .await
            .body;
        let form = address(&fields, "Redemption date").is_some();
        assert!(form && fields.contains("field=visits"), "{fields}");
        let form = visitor
            .page("/console/cards/filter?in=segment%3Dactive&field=visits")
            .await
            .body;
        assert!(
            form.contains(r#"name="is""#) && form.contains(r#"value="between""#),
            "{form}"
        );

        let add = "/console/cards/filter/add?in=segment%3Dactive&field=visits&is=over&value=2";
        let added = visitor.page(add).await;
        assert_eq!(added.status, 303);
        let list = added.location.expect("the list");
        assert_eq!(list, "/console/cards?segment=active&rule=visits.over.2");
        let page = visitor.page(&list).await.body;
        assert!(
            page.contains("Visits over 2") && !rows(&page).is_empty(),
            "{page}"
        );

        // An alternative in the same group, then the first one goes.
        let or = format!(
            "/console/cards/filter/add?in={}&group=0&field=email&is=empty",
            "segment%3Dactive%26rule%3Dvisits.over.2"
        );
        let both = visitor.page(&or).await.location.expect("the list");
        assert!(both.contains("any%28visits.over.2%2Cemail.empty%29"), "{both}");
        let page = visitor.page(&both).await.body;
        let off = address(&page, r#"class="chip removable" href=""#).expect("a chip");
        assert_eq!(off, "/console/cards?segment=active&rule=email.empty");

        for (typed, said) in [
            ("field=visits&is=over&value=many", "whole number"),
            (
                "field=redeemed&is=between&from=2026-11-30&to=2026-11-01",
                "must not come after",
            ),
            ("field=status&is=is", "choose at least one"),
        ] {
            let refused = visitor
                .page(&format!("/console/cards/filter/add?in=&{typed}"))
                .await;
            assert_eq!(refused.status, 400, "{typed}");
            assert!(refused.body.contains(said), "{typed}: {}", refused.body);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_finds_people_in_the_list_and_in_the_palette() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 30).await;
        let visitor = Visitor::signed_in(&gateway, VIEWER).await;
        for text in ["Wojcik", "MARTA", "marta1@mail", "wójcik marta"] {
            let query: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let page = visitor.page(&format!("/console/cards?find={query}")).await.body;
            assert!(rows(&page).contains(&card(1).to_string()), "{text}: {page}");
            let palette = visitor.page(&format!("/console/find?q={query}")).await;
            let answer: serde_json::Value = serde_json::from_str(&palette.body).expect("JSON");
            let found = &answer["customers"];
            assert_eq!(
                found[found.as_array().expect("a list").len() - 1]["name"],
                "Marta Wójcik",
                "{answer}"
            );
        }
        let nothing = visitor.page("/console/find?q=%20").await;
        assert_eq!(
            (nothing.status, nothing.body.as_str()),
            (200, r#"{"customers":[]}"#)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_list_hears_of_a_punch_elsewhere() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 12).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        // Card 9 was never installed, so only its last visit and its row can change.
        let page = visitor.page("/console/cards").await.body;
        let (_, rest) = page.split_once(r#"data-live=""#).expect("a live list");
        let stream = rest.split('"').next().expect("an address").replace("&amp;", "&");
        let mut live = visitor.listen(&stream, None).await;
        assert_eq!(live.next().await.name, "hello");
        let first = live.next().await;
        assert!(
            first.data.contains("count-all") && first.data.contains("count-frequent"),
            "{}",
            first.data
        );
        let frequent = |data: &str| {
            let (_, rest) = data.split_once(r#"id="count-frequent">"#)?;
            rest.split('<').next()?.parse::<i64>().ok()
        };
        let before = frequent(&first.data).expect("a count");
        // Ten visits make a frequent customer.
        for _ in 0..10 {
            happen(gateway.web(), card(10), SCAN, NOON).await;
        }
        let row = format!(r#"data-swap="row-{}""#, card(10));
        let (mut moved, mut seen_row) = (None, false);
        while moved.is_none() || !seen_row {
            let message = live.next().await;
            moved = frequent(&message.data).filter(|count| *count != before).or(moved);
            seen_row |= message.data.contains(&row);
        }
        assert_eq!(moved, Some(before + 1));

        // A page that does not show the card hears of the counts alone.
        let other = format!("/console/cards/live?in=&rows={}", card(3));
        let mut live = visitor.listen(&other, None).await;
        assert_eq!(live.next().await.name, "hello");
        live.next().await;
        happen(gateway.web(), card(11), SCAN, NOON).await;
        happen(gateway.web(), card(3), SCAN, NOON).await;
        loop {
            let message = live.next().await;
            assert!(
                !message.data.contains(&format!("row-{}", card(11))),
                "{}",
                message.data
            );
            if message.data.contains(&format!("row-{}", card(3))) {
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_list_is_told_what_has_come_and_moves_nothing() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 12).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let listed = "/console/cards?sort=-activity";
        let page = visitor.page(listed).await.body;
        let order = rows(&page);
        let (_, rest) = page.split_once(r#"data-live=""#).expect("a live list");
        let stream = rest.split('"').next().expect("an address").replace("&amp;", "&");
        let mut live = visitor.listen(&stream, None).await;
        let until = async |live: &mut super::visitor::Live, said: &str| loop {
            let message = live.next().await;
            let tells = message.data.contains(r#"data-swap="list-news""#);
            assert!(!tells || !message.data.contains("<tr"), "{}", message.data);
            if tells && message.data.contains(said) {
                return message.data;
            }
        };
        // The last one of the list would be the first: said, and not done.
        let last: CardId = order.last().expect("rows").parse().expect("a card");
        happen(gateway.web(), last, SCAN, NOON).await;
        let moved = until(&mut live, "This list has changed").await;
        assert!(
            moved.contains(r#"href="/console/cards?sort=-activity" data-renew="list""#),
            "{moved}"
        );
        // Somebody new.
        let new = second_card(gateway.web(), 3).await;
        happen(gateway.web(), new, SCAN, NOON).await;
        let come = until(&mut live, "1 new").await;
        assert!(come.contains("13 cards"), "the total follows: {come}");
        let now = visitor.page(listed).await.body;
        assert!(
            rows(&now).contains(&new.to_string()) && rows(&now) != order,
            "{now}"
        );
        assert!(
            now.contains(r#"<div class="list-news" role="status"><span id="list-news"></span></div>"#),
            "{now}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn birthdays_are_chosen_and_progress_is_typed_in_percent() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store, 6).await;
    let visitor = Visitor::signed_in(&gateway, VIEWER).await;
    let form = visitor
        .page("/console/cards/filter?in=&field=birthday")
        .await
        .body;
    for part in [
        r#"<select id="from_month""#,
        r#"<select id="to_day""#,
        "December",
        r#"value="31""#,
    ] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let add = "/console/cards/filter/add?in=&field=";
    let chosen = format!("{add}birthday&is=between&from_month=12&from_day=20&to_month=1&to_day=10");
    // What was typed before there was anything to choose is still read.
    for path in [chosen, format!("{add}birthday&is=between&from=12-20&to=01-10")] {
        let added = visitor.page(&path).await.location.expect("the list");
        assert_eq!(added, "/console/cards?rule=birthday.between.12-20..01-10");
        let page = visitor.page(&added).await.body;
        assert!(page.contains("Birthday 20 Dec to 10 Jan"), "{page}");
    }
    let no_day = visitor
        .page(&format!("{add}birthday&is=is&value_month=2&value_day=31"))
        .await;
    assert_eq!(no_day.status, 400);
    assert!(
        no_day.body.contains("a day that it has") && no_day.body.contains(r#"value="2" selected>February"#),
        "{}",
        no_day.body
    );
    let added = visitor
        .page(&format!("{add}progress&is=over&value=37,5+%25"))
        .await;
    let added = added.location.expect("the list");
    assert_eq!(added, "/console/cards?rule=progress.over.375");
    let page = visitor.page(&added).await.body;
    assert!(
        page.contains("Progress in percent of the goal over 37.5 %"),
        "{page}"
    );
}
