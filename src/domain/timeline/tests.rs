//! Pages of a walk are exactly what was there when it began, and no cursor but ours is read.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::cursor::{Of, parse, print};
use super::*;
use crate::domain::id::{CardId, CustomerId, MerchantId};
use crate::domain::secret::MasterKey;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    id: i64,
    previous: Option<i64>,
    kind: EventKind,
}

impl Linked for Row {
    fn id(&self) -> EventId {
        EventId(self.id)
    }
    fn previous(&self) -> Option<EventId> {
        self.previous.map(EventId)
    }
    fn kind(&self) -> EventKind {
        self.kind
    }
}

/// Chains as a store keeps them.
#[derive(Debug, Default, Clone)]
struct Chains(Vec<Vec<Row>>);

impl Chains {
    fn append(&mut self, chain: usize, id: i64, kind: EventKind) {
        let chain = &mut self.0[chain];
        let previous = chain.last().map(|row| row.id);
        chain.push(Row { id, previous, kind });
    }

    fn places(&self) -> Vec<Place> {
        let places = self.0.iter().zip(1..).map(|(rows, id)| {
            let top = rows.last().map(|row| EventId(row.id));
            Place::at_top(Subject::Card(CardId(id)), top)
        });
        places.collect()
    }

    fn page(&self, places: Vec<Place>, filter: &Filter, size: usize) -> (Vec<Row>, Vec<Place>) {
        let mut page = Page::new(places, filter.clone(), size);
        while let Some((at, from)) = page.wants() {
            let rows = self.0[at].iter().rev().filter(|row| row.id <= from.0).take(3);
            page.feed(at, rows.copied().collect());
        }
        page.finish()
    }
}

const KINDS: [EventKind; 3] = [
    EventKind::PushSent,
    EventKind::CustomerTapped,
    EventKind::PointsAdded,
];

proptest! {
    /// Ids are handed out in order, but an event may become visible after one with a greater id on another chain.
    #[test]
    fn pages_are_what_was_there_at_the_first_of_them(
        before in prop::collection::vec((0..4_usize, 0..3_usize, any::<bool>()), 0..60),
        meanwhile in prop::collection::vec((0..4_usize, 0..3_usize), 0..40),
        size in 1..7_usize,
        filtered in any::<bool>(),
    ) {
        let filter = if filtered { Filter::kinds([KINDS[0], KINDS[2]]) } else { Filter::default() };
        let mut chains = Chains(vec![Vec::new(); 4]);
        let mut id = 0;
        // Ids that a chain has drawn and that are not visible yet; it draws no more before they are.
        let mut late = [None; 4];
        for (chain, kind, is_late) in before {
            id += 1;
            match late[chain] {
                Some(_) => {}
                None if is_late => late[chain] = Some((id, KINDS[kind])),
                None => chains.append(chain, id, KINDS[kind]),
            }
        }
        let there: Vec<Row> = {
            let mut all: Vec<Row> = chains.0.iter().flatten().copied().collect();
            all.retain(|row| filter.shows(row.kind));
            all.sort_by_key(|row| std::cmp::Reverse(row.id));
            all
        };
        let mut places = chains.places();
        let mut walked = Vec::new();
        let mut meanwhile = meanwhile.into_iter();
        for _ in 0..200 {
            let (rows, next) = chains.page(places, &filter, size);
            prop_assert!(rows.len() <= size);
            prop_assert!(rows.len() == size || is_start(&next));
            walked.extend(rows);
            places = next;
            for (chain, kind) in meanwhile.by_ref().take(2) {
                id += 1;
                let (id, kind) = late[chain].take().unwrap_or((id, KINDS[kind]));
                chains.append(chain, id, kind);
            }
            if is_start(&places) {
                break;
            }
        }
        prop_assert_eq!(walked, there);
    }

    #[test]
    fn a_cursor_is_read_back_and_only_where_it_belongs(
        ids in prop::collection::vec((any::<bool>(), 1..i64::MAX, 0..9_i64, 0..9_i64), 0..20),
        at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let key = MasterKey::from_bytes([7; 32]);
        let filter = Filter::types([EntryType::PushSent]);
        let of = Of { merchant: MerchantId(1), timeline: Subject::Customer(CustomerId(4)), filter: &filter };
        let event = |id: i64| Some(EventId(id)).filter(|event| event.0 != 0);
        let places: Vec<Place> = ids.iter().map(|(card, id, top, next)| Place {
            chain: if *card { Subject::Card(CardId(*id)) } else { Subject::Customer(CustomerId(*id)) },
            top: event(*top),
            next: event(*next),
        }).collect();
        let text = print(&key, of, &places);
        prop_assert_eq!(parse(&key, of, &text), Ok(places));

        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(tampered) = String::from_utf8(bytes) {
            prop_assert!(parse(&key, of, &tampered).is_err(), "{} read as {}", tampered, text);
        }
        let others = [
            Of { merchant: MerchantId(2), ..of },
            Of { timeline: Subject::Card(CardId(4)), ..of },
            Of { filter: &Filter::default(), ..of },
        ];
        for other in others {
            let refused = parse(&key, other, &text).expect_err("of another list");
            prop_assert_eq!(refused.field, "cursor");
            prop_assert_eq!(refused.got, text.chars().take(40).collect::<String>());
        }
        prop_assert!(parse(&MasterKey::from_bytes([8; 32]), of, &text).is_err());
    }

    #[test]
    fn no_text_makes_a_cursor_panic(text in ".{0,80}") {
        let filter = Filter::default();
        let of = Of { merchant: MerchantId(1), timeline: Subject::Card(CardId(1)), filter: &filter };
        prop_assert!(parse(&MasterKey::from_bytes([7; 32]), of, &text).is_err());
    }
}

#[test]
fn the_most_chains_fit_into_one_cursor() {
    let key = MasterKey::from_bytes([7; 32]);
    let filter = Filter::default();
    let of = Of {
        merchant: MerchantId(1),
        timeline: Subject::Customer(CustomerId(1)),
        filter: &filter,
    };
    let place = Place::at_top(Subject::Card(CardId(i64::MAX)), Some(EventId(i64::MAX)));
    let places = vec![place; MOST_CHAINS];
    assert_eq!(parse(&key, of, &print(&key, of, &places)), Ok(places));
}

#[test]
fn a_chain_that_is_broken_ends_the_walk_and_does_not_circle() {
    let place = Place::at_top(Subject::Card(CardId(1)), Some(EventId(5)));
    let mut page: Page<Row> = Page::new(vec![place], Filter::default(), 9);
    assert_eq!(page.wants(), Some((0, EventId(5))));
    let circle = Row {
        id: 5,
        previous: Some(5),
        kind: EventKind::PushSent,
    };
    page.feed(0, vec![circle]);
    assert_eq!(page.wants(), None);
    let (rows, places) = page.finish();
    assert_eq!((rows.len(), is_start(&places)), (1, true));
}

#[test]
fn the_thirteen_types_are_called_what_they_are_called() {
    let names: Vec<_> = EntryType::ALL[..13].iter().map(|entry| entry.label()).collect();
    let expected = [
        "Points Added",
        "Points Removed",
        "Campaign Joined",
        "Campaign Disjoined",
        "Customer Scanned",
        "Push Created",
        "Push Sent",
        "Push Failed",
        "Reward Redeemed",
        "Reward Redeemable",
        "Coupon Assigned",
        "Customer Tapped",
        "Tier Changed",
    ];
    assert_eq!(names, expected);
    let all: BTreeSet<_> = EntryType::ALL.iter().map(|entry| entry.name()).collect();
    assert_eq!(all.len(), EntryType::ALL.len());
    for kind in EventKind::ALL {
        let entry = EntryType::of(*kind);
        assert!(entry.kinds().contains(kind));
        assert_eq!(EntryType::parse(&entry.name()), Some(entry));
    }
}
