//! Rosters of more than one block: cards that come, change and go are where they belong.

use super::super::facts::{Beside, Person, TextFact};
use super::super::plan::{Context, TextTest};
use super::super::range::Range;
use super::*;
use crate::domain::capture::Token;
use crate::domain::card::{Card, Identity};
use crate::domain::custom_field::FieldValue;
use crate::domain::id::{CustomerId, MerchantId, ProgramId, SerialNumber};
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn facts(id: i64, visits: i64) -> Facts {
    let identity = Identity {
        id: CardId(id),
        merchant: MerchantId(1),
        program: ProgramId(1),
        customer: CustomerId(id),
        serial_number: SerialNumber::parse(format!("card-{id}")).expect("valid"),
        token: Token::parse(&format!("token-of-card-{id}")).expect("valid"),
    };
    let mut card = Card::new(identity, Timestamp(id));
    card.visits = visits;
    let context = Context {
        now: Timestamp(0),
        zone: TimeZone::UTC,
        programs: Vec::new(),
    };
    let person = Person {
        name_key: format!("holder {id}"),
        ..Person::default()
    };
    let beside = Beside {
        redemptions: vec![Timestamp(id), Timestamp(1)],
        ..Beside::default()
    };
    Facts::of(&card, &person, &beside, &context)
}

fn over(visits: i64) -> Plan {
    Plan::Number {
        fact: NumberFact::Visits,
        ranges: Range::above(visits).into(),
    }
}

#[test]
fn thousands_of_cards_are_all_there_and_come_back_as_they_were() {
    let mut roster = Roster::default();
    assert!(roster.is_empty());
    let all: Vec<_> = (1..=5000).map(|id| facts(id, id * 100)).collect();
    roster.put(all.clone());
    assert_eq!(roster.len(), 5000);
    let back: Vec<Facts> = roster.blocks.iter().flat_map(Block::unpack).collect();
    assert_eq!(back, all);
    assert_eq!(roster.count(&over(250_000)), 2500);
    assert!(roster.bytes() > 5000 * 20);
}

proptest! {
    #[test]
    fn texts_that_begin_alike_are_in_their_order(
        names in proptest::collection::vec("(ab|abcdefgh|abcdefg\\x00|ä\u{10ffff})?[a-cä\\x00]{0,3}", 1..40),
        descending: bool,
        size in 1..9_usize,
    ) {
        let mut roster = Roster::default();
        let rows = (1..).zip(&names).map(|(id, name)| {
            let mut facts = facts(id, 0);
            facts.texts[TextFact::Name.index()] = name.clone();
            facts
        });
        roster.put(rows.collect());
        let order = Order::parse(if descending { "-name" } else { "name" }).expect("an order");
        let mut expected: Vec<_> = names.iter().map(String::as_bytes).zip(1..).collect();
        expected.sort_unstable();
        if descending {
            expected.reverse();
        }
        let (mut found, mut edge) = (Vec::new(), Edge::First);
        loop {
            let page = roster.page(&Plan::All(Vec::new()), order, &edge, size, Timestamp(0));
            found.extend(page.places.iter().map(|place| place.card.0));
            match page.places.last() {
                Some(last) if page.has_more => edge = Edge::After(last.clone()),
                _ => break,
            }
        }
        let expected: Vec<i64> = expected.into_iter().map(|(_, id)| id).collect();
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn a_part_is_found_in_each_text_that_holds_it_and_across_none(
        names in proptest::collection::vec("[abä]{0,5}", 1..60),
        part in "[abä]{0,4}",
    ) {
        let mut roster = Roster::default();
        let rows = (1..).zip(&names).map(|(id, name)| {
            let mut facts = facts(id, 0);
            facts.texts[TextFact::Name.index()] = name.clone();
            facts
        });
        roster.put(rows.collect());
        let test = TextTest::Contains(part.clone());
        let found = roster.cards(&Plan::Text { fact: TextFact::Name, test });
        let expected = (1..).zip(&names).filter(|(_, name)| name.contains(&part));
        prop_assert_eq!(found, expected.map(|(id, _)| CardId(id)).collect::<Vec<_>>());
    }
}

#[test]
fn a_customers_newest_card_that_is_meant_stands_for_all_of_them() {
    let mut roster = Roster::default();
    let rows = (1..=3000).map(|id| {
        let mut facts = facts(id, id % 7);
        facts.numbers[NumberFact::Customer.index()] = Some(id % 1000);
        facts
    });
    roster.put(rows.collect());
    let plan = over(2);
    let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
    for id in (1..=3000).filter(|id| id % 7 > 2) {
        newest.insert(id % 1000, id);
    }
    // By the first of all their cards, those that are not meant included.
    let first = |id: i64| (id - 1) % 1000 + 1;
    let mut expected: Vec<CardId> = newest.into_values().map(CardId).collect();
    expected.sort_unstable_by_key(|card| first(card.0));
    let order = Order::parse("joined").expect("an order");
    let whole = roster.page_of_each(&plan, Each::Customer, order, &Edge::First, 5000, Timestamp(0));
    let cards: Vec<CardId> = whole.places.iter().map(|place| place.card).collect();
    assert_eq!(cards, expected);
    assert_eq!(
        (whole.total, roster.count_each(&plan, Each::Customer)),
        (cards.len(), cards.len())
    );
    // Who stands anywhere in the list is found there again.
    let at = whole.places.get(200).cloned().expect("a place");
    let theirs = roster.blocks.iter().flat_map(Block::unpack);
    let theirs = theirs.filter(|facts| first(facts.card.0) == first(at.card.0));
    let again = Place::of_customer(&theirs.collect::<Vec<_>>(), at.card, order, Timestamp(0));
    assert_eq!(again, Some(at.clone()));
    let next = roster.page_of_each(&plan, Each::Customer, order, &Edge::After(at), 1, Timestamp(0));
    assert_eq!(next.places.first(), whole.places.get(201));
}

#[test]
fn a_customers_row_is_sorted_by_what_all_their_cards_say() {
    let mut roster = Roster::default();
    let rows = (1..=3000).map(|id| {
        let mut facts = facts(id, id % 7);
        facts.numbers[NumberFact::Customer.index()] = Some(id % 1000);
        facts.numbers[NumberFact::Progress.index()] = (id % 3 > 0).then_some(id % 11);
        facts
    });
    roster.put(rows.collect());
    let all = Plan::All(Vec::new());
    for (sort, fact, merge) in [
        (
            "-visits",
            NumberFact::Visits,
            (|one, two| one + two) as fn(i64, i64) -> i64,
        ),
        ("progress", NumberFact::Progress, i64::max),
        ("joined", NumberFact::Joined, i64::min),
    ] {
        let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
        for facts in roster.blocks.iter().flat_map(Block::unpack) {
            let Some(value) = facts.number(fact) else { continue };
            let customer = facts.customer().expect("a holder").0;
            let merged = expected
                .get(&customer)
                .map_or(value, |known| merge(*known, value));
            expected.insert(customer, merged);
        }
        let order = Order::parse(sort).expect("an order");
        let (mut seen, mut edge) = (Vec::new(), Edge::First);
        loop {
            let page = roster.page_of_each(&all, Each::Customer, order, &edge, 170, Timestamp(0));
            seen.extend(page.places.clone());
            match page.places.last() {
                Some(last) if page.has_more => edge = Edge::After(last.clone()),
                _ => break,
            }
        }
        assert_eq!(seen.len(), 1000, "{sort}");
        let keys: Vec<&Key> = seen.iter().map(|place| &place.key).collect();
        let is_sorted = match order.direction {
            Direction::Ascending => keys.is_sorted(),
            Direction::Descending => keys.iter().rev().is_sorted(),
        };
        assert!(is_sorted, "{sort}");
        for place in &seen {
            let expected = expected.get(&(place.card.0 % 1000)).copied().unwrap_or(NO_VALUE);
            assert_eq!(place.key, Key::Number(expected), "{sort} {place:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever becomes of a value, wider, narrower, none: it is there, and its neighbours are as they were.
    #[test]
    fn what_is_put_in_place_is_found(changes in proptest::collection::vec((1_i64..40, proptest::option::of(
        prop_oneof![-3_i64..300, 60_000_i64..70_000, Just(i64::MAX), Just(-i64::MAX)]), "[a-c]{0,3}", 0_usize..3, proptest::option::of((1_i64..3, 0_i64..9))), 1..60))
    {
        let mut roster = Roster::default();
        let mut model: BTreeMap<i64, Facts> = (1..40).map(|id| (id, facts(id, id))).collect();
        roster.put(model.values().cloned().collect());
        for (id, tier, name, redemptions, beside) in changes {
            let mut changed = facts(id, id);
            changed.numbers[NumberFact::Tier.index()] = tier;
            changed.numbers[NumberFact::Visits.index()] = tier.map(|tier| tier.saturating_sub(1).max(-i64::MAX));
            changed.texts[0] = name;
            changed.times[0] = vec![7; redemptions];
            if let Some((tags, answer)) = beside {
                changed.lists[0] = (0..tags).map(|tag| format!("tag {tag}")).collect();
                let value = FieldValue { text: answer.to_string(), number: (answer > 4).then_some(answer) };
                changed.answers.insert(format!("field_{tags}"), value);
            }
            roster.put(vec![changed.clone()]);
            model.insert(id, changed);
            let back: Vec<Facts> = roster.blocks.iter().flat_map(Block::unpack).collect();
            prop_assert_eq!(&back, &model.values().cloned().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_roster_is_a_map(steps in proptest::collection::vec((proptest::collection::vec(1_i64..4000, 1..900), 0_i64..9, any::<bool>()), 1..6)) {
        let mut roster = Roster::default();
        let mut model = BTreeMap::new();
        for (ids, visits, goes) in steps {
            if goes {
                let cards: Vec<_> = ids.iter().map(|id| CardId(*id)).collect();
                roster.remove(&cards);
                model.retain(|id, _| !ids.contains(id));
            } else {
                roster.put(ids.iter().map(|id| facts(*id, visits)).collect());
                model.extend(ids.into_iter().map(|id| (id, visits)));
            }
            let expected: Vec<_> = model.iter().filter(|(_, visits)| **visits > 4).map(|(id, _)| CardId(*id)).collect();
            prop_assert_eq!(roster.cards(&over(4)), expected);
            prop_assert_eq!(roster.len(), model.len());
            prop_assert!(roster.blocks.iter().all(|block| block.len() > 0 && block.len() <= ROWS));
        }
    }
}
