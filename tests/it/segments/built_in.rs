//! Built-in segments are what their chips count; lists are searched, and follow what is said and noted beside cards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use passgate::domain::chips::Chip;
use passgate::domain::event::Actor;
use passgate::domain::segment::saved::Viewer;
use passgate::ops::rosters::{Query, Rosters};
use passgate::ops::segments::Target;

use super::{ROOM, Shop, names, query, rule};
use crate::engines::for_each_engine;

/// The chip and the rule of a built-in segment are one thing: whatever happens, so many are counted as are listed.
#[tokio::test(flavor = "multi_thread")]
async fn what_chips_count_is_what_lists_show() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let mut cards = Vec::new();
        for number in 0..6 {
            cards.push(shop.issue(&format!("Holder {number}")).await);
        }
        for card in &cards[..4] {
            ops.link_google(merchant, card.card.id).await.expect("linked");
        }
        let mut counter = 0;
        for (day, spend) in [
            (0_u64, [0_i64, 100, 500, 200, 400, 300]),
            (8, [900, 0, 0, 0, 0, 0]),
            (31, [0; 6]),
        ] {
            ops.clock.advance(Duration::from_hours(24 * day));
            for (card, spend) in cards.iter().zip(spend).take(5) {
                if day < 31 && spend > 0 {
                    counter += 1;
                    shop.pay(card, counter, spend).await;
                }
            }
            ops.do_chores().await.expect("done");
            for chip in Chip::EACH {
                let counted = ops.segment_counts(merchant, None).await.expect("counted");
                let counted: i64 = counted.iter().map(|program| program.chip(*chip)).sum();
                let reach = ops
                    .reach(merchant, Viewer::Operator, &Target::BuiltIn(*chip))
                    .await;
                assert_eq!(
                    reach.expect("asked").members,
                    counted,
                    "{chip:?} after {day} days"
                );
            }
        }
        // Somebody is in each of them at the end, but for those that only the fresh are in.
        let engaged = ops
            .reach(merchant, Viewer::Operator, &Target::BuiltIn(Chip::LowEngagement))
            .await;
        assert_eq!(engaged.expect("asked").members, 4);
        let high = ops
            .reach(merchant, Viewer::Operator, &Target::BuiltIn(Chip::HighValue))
            .await;
        assert!(high.expect("asked").members > 0);
    })
    .await;
}

/// And so are the cells of the grid, while visits age out of the window: by the store and by lists in memory, which were
/// loaded before anything aged.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_grid_counts_is_what_lists_show() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let mut counter = 0;
        for visits in [0, 1, 4, 9] {
            let card = shop.issue("Holder").await;
            for _ in 0..visits {
                counter += 1;
                shop.tap(&card, counter).await;
                ops.clock.advance(Duration::from_hours(48));
            }
        }
        ops.do_chores().await.expect("done");
        let rosters = Rosters::start(ops, ROOM);
        rosters.load(merchant).await.expect("loaded");
        let mut seen = BTreeSet::new();
        for days in [0_u64, 40, 300, 10, 4, 6, 8, 60] {
            ops.clock.advance(Duration::from_hours(24 * days));
            ops.do_chores().await.expect("done");
            let of = ops
                .segment_counts(merchant, None)
                .await
                .expect("counted")
                .remove(0);
            let mut counted: BTreeMap<String, usize> = BTreeMap::new();
            for cell in of.rules.grid.cells() {
                let name = of.rules.grid.name(cell).to_lowercase().replace(' ', "_");
                *counted.entry(name).or_default() += usize::try_from(of.cell(of.version, cell)).expect("few");
            }
            assert_eq!(counted.values().sum::<usize>(), 4, "each card is in one cell");
            for (name, cards) in counted {
                let target = Target::Rule(rule(&format!("rfm.is.{name}")));
                let asked = ops
                    .reach(merchant, Viewer::Operator, &target)
                    .await
                    .expect("asked");
                assert_eq!(
                    usize::try_from(asked.members).expect("few"),
                    cards,
                    "{name} after {days} days"
                );
                let listed = rosters
                    .list(merchant, &query(target, "name"))
                    .await
                    .expect("listed");
                assert_eq!(listed.total, cards, "{name} in memory after {days} days");
                seen.extend((cards > 0).then_some(name));
            }
        }
        let expected = ["at_risk", "loyal", "needs_attention", "sleeping"];
        assert!(expected.iter().all(|name| seen.contains(*name)), "{seen:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_searched_in_the_order_it_has() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let mut cards = Vec::new();
        for name in ["Zoë Vogt", "Max Vogel", "Kim Ott", "Vera Vogt"] {
            cards.push(shop.issue(name).await);
        }
        shop.tap(&cards[0], 1).await;
        shop.tap(&cards[1], 2).await;
        let rosters = Rosters::start(ops, ROOM);
        let search = |text: &str| Query {
            search: Some(passgate::domain::search::Query::parse(text).expect("a query")),
            ..query(Target::Rule(rule("visits.over.0")), "-name")
        };
        let found = rosters.list(merchant, &search("vog")).await.expect("listed");
        assert_eq!(
            (names(&found), found.total, found.is_cut),
            (vec!["Zoë Vogt", "Max Vogel"], 2, false)
        );
        // One page after the other, as without a search.
        let mut small = Query {
            size: 1,
            ..search("VOG")
        };
        let first = rosters.list(merchant, &small).await.expect("listed");
        assert_eq!((names(&first), first.total), (vec!["Zoë Vogt"], 2));
        small.edge = first.after.expect("one more");
        let second = rosters.list(merchant, &small).await.expect("listed");
        assert_eq!(
            (names(&second), second.after.is_none()),
            (vec!["Max Vogel"], true)
        );
        // Of those customers only whom the caller means.
        let among = Query {
            among: Some(vec![cards[1].card.customer]),
            ..search("vog")
        };
        let found = rosters.list(merchant, &among).await.expect("listed");
        assert_eq!(names(&found), ["Max Vogel"]);
        let nobody = rosters.list(merchant, &search("ott")).await.expect("listed");
        assert_eq!((nobody.total, nobody.lines), (0, Vec::new()));
    })
    .await;
}

/// What people say and staff note moves nobody's card, and is seen at once all the same.
#[tokio::test(flavor = "multi_thread")]
async fn lists_follow_what_is_noted_beside_the_cards() {
    use passgate::domain::consent::{Channel, Evidence, Purpose};
    use passgate::domain::event::Source;
    use passgate::domain::feedback::Feedback;
    use passgate::domain::note::Tag;
    use passgate::domain::preference::{Class, Preference};
    use passgate::domain::utm::Utm;
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let (zoe, max) = (shop.issue("Zoë").await, shop.issue("Max").await);
        let rosters = Rosters::start(ops, ROOM);
        let list = async |text: &str| {
            let query = query(Target::Rule(rule(text)), "name");
            let list = rosters.list(merchant, &query).await.expect("listed");
            names(&list).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        for text in [
            "tag.is.vip",
            "utm_source.is.flyer",
            "rating.over.4",
            "comments.over.0",
            "paused.is.marketing",
            "consent.is.marketing",
        ] {
            assert_eq!(list(text).await, [""; 0], "{text}");
        }
        let customer = zoe.card.customer;
        let tag = Tag::parse("VIP").expect("a tag");
        ops.tag_customer(merchant, customer, vec![tag], Vec::new(), Actor::Gateway)
            .await
            .expect("tagged");
        assert_eq!(list("tag.is.vip").await, ["Zoë"]);
        let utm = Utm::from_query("utm_source=flyer");
        assert!(ops.note_landing(merchant, zoe.card.id, utm).await.expect("noted"));
        assert_eq!(list("utm_source.is.flyer").await, ["Zoë"]);
        let by = (Actor::Device, Source::Device);
        ops.set_preference(merchant, customer, (Class::Marketing, Preference::Paused), by)
            .await
            .expect("set");
        assert_eq!(list("paused.is.marketing").await, ["Zoë"]);
        let evidence = Evidence::new("v1", Channel::WebCard, "de").expect("evidence");
        ops.set_consent(
            merchant,
            max.card.customer,
            (Purpose::Marketing, true),
            evidence,
            by,
        )
        .await
        .expect("set");
        assert_eq!(list("consent.is.marketing").await, ["Max"]);
        ops.link_google(merchant, zoe.card.id).await.expect("linked");
        shop.tap(&zoe, 1).await;
        let feedback = Feedback::new(5, "Lovely").expect("feedback");
        ops.give_feedback(merchant, zoe.card.id, feedback, Actor::Device)
            .await
            .expect("given");
        assert_eq!(list("all(rating.over.4,comments.over.0)").await, ["Zoë"]);
    })
    .await;
}
