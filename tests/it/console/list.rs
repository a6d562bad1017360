//! The list of customers: its address is all of its state, and every row is on exactly one of its pages.

use std::collections::BTreeSet;

use passgate::clock::Clock;

use passgate::domain::chips::Chip;
use passgate::domain::segment::order::{Each, Edge, Order};
use passgate::domain::segment::saved::Viewer;
use passgate::ops::rosters::{Query, Rosters};
use passgate::ops::segments::Target;

use super::NOON;
use super::sample::{MERCHANT, OWNER, SCAN, STRANGER, VIEWER, card, happen, second_card};
use super::visitor::{Gateway, Visitor};
use crate::engines;

async fn gateway(store: passgate::store::Store, cards: i64) -> Gateway {
    Gateway::start(store, cards, Clock::manual(NOON), "http://127.0.0.1").await
}

struct Walk {
    cards: Vec<String>,
    pages: usize,
    last_page: String,
}

/// The ids of a page's rows.
pub(super) fn rows(body: &str) -> Vec<String> {
    let parts = body.split(r#"<tr id="row-"#).skip(1);
    parts.map(|part| part[..13].to_owned()).collect()
}

/// The first address behind `mark` in a page.
pub(super) fn address(body: &str, mark: &str) -> Option<String> {
    let (_, rest) = body.split_once(mark)?;
    let (_, rest) = rest
        .split_once(r#"href=""#)
        .filter(|_| !mark.contains("href"))
        .or(Some(("", rest)))?;
    Some(rest.split('"').next()?.replace("&amp;", "&"))
}

async fn walk(visitor: &Visitor, from: &str, direction: &str) -> Walk {
    let (mut cards, mut pages, mut path) = (Vec::new(), 0, from.to_owned());
    loop {
        let page = visitor.page(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        cards.extend(rows(&page.body));
        pages += 1;
        match address(&page.body, &format!(r#"rel="{direction}" href=""#)) {
            Some(next) => path = next,
            None => {
                return Walk {
                    cards,
                    pages,
                    last_page: path,
                };
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_shows_every_card_once_in_both_directions() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 60).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let down = walk(&visitor, "/console/cards?size=25", "next").await;
        let numbers: Vec<String> = (1..=60).rev().map(|number| card(number).to_string()).collect();
        assert_eq!((down.cards, down.pages), (numbers.clone(), 3));
        let mut up = walk(&visitor, &down.last_page, "prev").await;
        up.cards.sort();
        up.cards.reverse();
        assert_eq!(up.cards, numbers);
        let page = visitor.page("/console/cards").await.body;
        assert!(page.contains(r#"id="total">60 cards<"#), "{page}");
        assert_eq!(rows(&page).len(), 50);
        assert_eq!(
            rows(&visitor.page("/console/cards?size=100").await.body).len(),
            60
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_sorts_and_keeps_every_row() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 60).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        for column in [
            "name",
            "email",
            "phone",
            "program",
            "status",
            "punches",
            "points",
            "rewards",
            "visits",
            "progress",
            "tier",
            "tier_points",
            "activity",
            "spend",
            "joined",
        ] {
            for order in [column.to_owned(), format!("-{column}")] {
                let down = walk(&visitor, &format!("/console/cards?size=25&sort={order}"), "next").await;
                let different: BTreeSet<_> = down.cards.iter().collect();
                assert_eq!((down.cards.len(), different.len()), (60, 60), "{order}");
            }
        }
        let page = visitor.page("/console/cards?sort=visits").await.body;
        let heads: Vec<_> = page.split("aria-sort=").skip(1).collect();
        assert_eq!(heads.len(), 1);
        assert!(
            heads[0].starts_with("\"ascending\"") && heads[0].contains("Visits"),
            "{}",
            heads[0]
        );
        // A click turns it round.
        assert!(page.contains("sort=-visits"), "{page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_by_segment_and_filter_stands_in_its_address() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 60).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let visited = visitor.page("/console/cards?rule=visits.over.0").await.body;
        assert!(
            visited.contains("Visits over 0") && !visited.contains(">Never<"),
            "{visited}"
        );
        let both = visitor
            .page("/console/cards?segment=ready_to_redeem&rule=visits.over.0")
            .await
            .body;
        assert!(
            both.contains("At least one reward that can be redeemed now") && !rows(&both).is_empty(),
            "{both}"
        );
        let ready = rows(&visitor.page("/console/cards?segment=ready_to_redeem").await.body);
        assert!(rows(&both).iter().all(|row| ready.contains(row)));
        let nobody = visitor.page("/console/cards?find=qqqq").await.body;
        assert!(
            nobody.contains("No customer matches")
                && nobody.contains("“qqqq”")
                && nobody.contains("Clear filters"),
            "{nobody}"
        );
        for (query, status, said) in [
            ("rule=visits.over.many", 400, "expected a whole number"),
            ("segment=nobody", 400, "names a segment that there is not"),
            ("segment=0000000000001", 400, "names a segment that there is not"),
            ("rule=all%28%29&at=xyz", 400, "Its place in the list"),
            ("sort=colour", 400, "sorts by a column"),
        ] {
            let page = visitor.page(&format!("/console/cards?{query}")).await;
            assert_eq!(page.status, status, "{query}: {}", page.body);
            assert!(page.body.contains(said), "{query}: {}", page.body);
            let way = address(&page.body, r#"class="button secondary" href=""#).expect("a way on");
            assert_eq!(visitor.page(&way).await.status, 200, "{way}");
        }
        // A place in one list is no place in another.
        let down = walk(&visitor, "/console/cards?size=25&sort=-visits", "next").await;
        let other = format!("{}&rule=visits.over.0", down.last_page);
        assert_eq!(visitor.page(&other).await.status, 400);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_can_stand_for_a_customer_with_all_cards() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 8).await;
        let second = second_card(gateway.web(), 3).await;
        // The store says the same where there is no memory for a roster.
        let query = Query {
            viewer: Viewer::Operator,
            target: Target::BuiltIn(Chip::All),
            only: None,
            among: None,
            search: None,
            order: Order::parse("-visits").expect("an order"),
            edge: Edge::First,
            size: 5,
            each: Each::Customer,
        };
        let from_store = Rosters::start(&gateway.web().ops, 0)
            .list(MERCHANT, &query)
            .await
            .expect("a list");
        let from_memory = gateway
            .web()
            .rosters
            .list(MERCHANT, &query)
            .await
            .expect("a list");
        assert_eq!(
            (from_store.lines, from_store.total),
            (from_memory.lines, from_memory.total)
        );
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let by_card = visitor.page("/console/cards").await.body;
        let by_customer = visitor.page("/console/cards?by=customer").await.body;
        assert_eq!((rows(&by_card).len(), rows(&by_customer).len()), (9, 8));
        assert!(
            by_customer.contains("8 customers") && by_customer.contains("and 1 more card"),
            "{by_customer}"
        );
        let listed = rows(&by_customer);
        assert!(listed.contains(&second.to_string()) && !listed.contains(&card(3).to_string()));
        assert!(by_customer.contains(r#"id="count-all">8<"#), "{by_customer}");
        assert!(by_card.contains(r#"id="count-all">9<"#), "{by_card}");
    })
    .await;
}

/// What a column says in each row, from top to bottom.
fn column(body: &str, name: &str) -> Vec<String> {
    let mark = format!(r#"data-column="{name}""#);
    body.split(&mark)
        .skip(1)
        .map(|cell| {
            let (_, rest) = cell.split_once('>').expect("a cell");
            rest.split("</td>").next().unwrap_or_default().to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_row_says_and_is_sorted_by_what_all_their_cards_say() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 8).await;
        let web = gateway.web();
        let second = second_card(web, 3).await;
        let visits = async |id| {
            let read = web.ops.profile(MERCHANT, id).await.expect("read");
            read.expect("a card").card.card.visits
        };
        for _ in 0..30 {
            happen(web, second, SCAN, NOON).await;
        }
        let all = visits(card(3)).await + 30;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let page = visitor.page("/console/cards?by=customer&sort=-visits").await.body;
        assert!(
            page.contains("One row stands for all cards of a customer"),
            "{page}"
        );
        let shown: Vec<i64> = column(&page, "visits")
            .iter()
            .map(|cell| cell.parse().expect("a number"))
            .collect();
        assert_eq!(shown.first(), Some(&all), "{shown:?}");
        assert!(shown.iter().rev().is_sorted(), "{shown:?}");
        assert_eq!(rows(&page).first(), Some(&second.to_string()));
        // The second card is not installed; the first one is, and says so for both.
        let status = column(&page, "status");
        assert!(status[0].contains("Installed"), "{}", status[0]);
        // In every order the store answers as memory does.
        for sort in passgate::domain::segment::order::Sort::ALL {
            for direction in ["", "-"] {
                let query = Query {
                    viewer: Viewer::Operator,
                    target: Target::BuiltIn(Chip::All),
                    only: None,
                    among: None,
                    search: None,
                    order: Order::parse(&format!("{direction}{}", sort.as_str())).expect("an order"),
                    edge: Edge::First,
                    size: 3,
                    each: Each::Customer,
                };
                let from_store = Rosters::start(&web.ops, 0);
                let mut query = query;
                loop {
                    let one = from_store.list(MERCHANT, &query).await.expect("a list");
                    let other = web.rosters.list(MERCHANT, &query).await.expect("a list");
                    assert_eq!(
                        (&one.lines, &one.after),
                        (&other.lines, &other.after),
                        "{}",
                        query.order
                    );
                    // The neighbours of a row are those beside it.
                    if let [first, second, ..] = one.lines.as_slice() {
                        let beside = web
                            .rosters
                            .beside(MERCHANT, &query, first.card)
                            .await
                            .expect("neighbours");
                        assert_eq!(beside.1, Some(second.card), "{}", query.order);
                    }
                    match one.after {
                        Some(after) => query.edge = after,
                        None => break,
                    }
                }
            }
        }
        // An open page adds up what changes of either card.
        let (_, rest) = page.split_once(r#"data-live=""#).expect("a live list");
        let stream = rest.split('"').next().expect("an address").replace("&amp;", "&");
        let mut live = visitor.listen(&stream, None).await;
        assert_eq!(live.next().await.name, "hello");
        live.next().await;
        happen(web, card(3), SCAN, NOON).await;
        let row = format!(r#"data-swap="row-{second}""#);
        loop {
            let message = live.next().await.data;
            if let Some((_, row)) = message.split_once(&row) {
                assert_eq!(
                    column(row, "visits").first(),
                    Some(&(all + 1).to_string()),
                    "{row}"
                );
                break;
            }
        }
        // Also of a card that the page has never heard of, because its holder has only just got it.
        let row = format!(r#"data-swap="row-{}""#, card(5));
        let both = visits(card(5)).await + 1;
        let third = second_card(web, 5).await;
        happen(web, third, SCAN, NOON).await;
        loop {
            let message = live.next().await.data;
            if let Some((_, row)) = message.split_once(&row) {
                assert_eq!(column(row, "visits").first(), Some(&both.to_string()), "{row}");
                assert!(row.contains("and 1 more card"), "{row}");
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_columns_are_remembered_and_an_empty_list_says_what_to_do() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store, 3).await;
    let mut visitor = Visitor::signed_in(&gateway, OWNER).await;
    let page = visitor.page("/console/cards").await.body;
    assert!(page.contains(r#"data-column="program""#) && !page.contains(r#"data-column="email""#));
    // No program has tiers or points, so nobody is offered them.
    assert!(!page.contains(r#"value="tier""#) && !page.contains(r#"value="points""#));
    let fields = [
        ("column", "email"),
        ("column", "nonsense"),
        ("in", "sort=-visits&x=1"),
    ];
    let chosen = visitor.submit("/console/cards/columns", &fields).await;
    assert_eq!(chosen.location.as_deref(), Some("/console/cards?sort=-visits"));
    visitor.keep(&chosen);
    let page = visitor.page("/console/cards").await.body;
    assert!(page.contains(r#"data-column="email""#) && !page.contains(r#"data-column="program""#));

    let stranger = Visitor::signed_in(&gateway, STRANGER).await;
    let nothing = stranger.page("/console/cards").await.body;
    assert!(
        nothing.contains("No customers yet") && nothing.contains("/console/customers/new"),
        "{nothing}"
    );
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let page = viewer.page("/console/cards").await.body;
    assert!(!page.contains("/console/customers/new"), "{page}");
}
