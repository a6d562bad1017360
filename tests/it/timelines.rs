//! Timelines on both engines: a customer's cards and their own events in one, without gaps and doubles while more arrives.

use std::collections::BTreeSet;

use passgate::domain::event::{Actor, EventKind, NewEvent, Subject};
use passgate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use passgate::domain::secret::MasterKey;
use passgate::domain::timeline::{EntryType, Filter};
use passgate::ops::cards::Holder;
use passgate::ops::timeline::{TimelineError, TimelinePage};
use passgate::store::timeline::Entry;
use passgate::store::{Error, Store, events};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::engines::{for_each_engine, values};
use crate::ledger::{Shop, goal};

fn key() -> MasterKey {
    MasterKey::from_bytes([3; 32])
}

struct Person {
    shop: Shop,
    customer: CustomerId,
    cards: Vec<CardId>,
}

impl Person {
    /// A customer with two cards, beside a neighbour whose events are none of theirs.
    async fn with_two_cards(store: Store) -> Self {
        let shop = Shop::open(store, goal(3)).await;
        let first = shop.issue("Ada").await.card;
        let neighbour = shop.issue("Neighbour").await.card;
        shop.tap(neighbour.id).await;
        let mut person = Self {
            shop,
            customer: first.customer,
            cards: vec![first.id],
        };
        person.add_card().await;
        person
    }

    /// Issues a card to somebody and hands it to this customer, as long as there is no better way.
    async fn add_card(&mut self) {
        let holder = Holder {
            name: "Ada".into(),
            email: None,
            phone: None,
        };
        let issued = self.shop.ops.issue(self.shop.merchant, self.shop.program, holder);
        let card = issued.await.expect("card").card.id;
        let sql = "update cards set customer_id = $3 where merchant_id = $1 and card_id = $2";
        let params = values![self.shop.merchant, card, self.customer].to_vec();
        self.shop.by_hand(sql, params).await;
        self.cards.push(card);
    }

    async fn edit_profile(&self) {
        let (merchant, customer) = (self.shop.merchant, self.customer);
        let now = self.shop.ops.clock.now();
        let written: Result<(), Error> = self
            .shop
            .ops
            .store
            .write("edit", move |tx| {
                let subject = Subject::Customer(customer);
                let event = NewEvent::new(subject, EventKind::ProfileEdited, Actor::Device, now);
                Box::pin(async move {
                    let sql = "select last_event_id from customers where merchant_id = $1 and customer_id = $2 \
                         for update";
                    let (previous,): (Option<EventId>,) = tx.one(sql, &values![merchant, customer]).await?;
                    let newest = events::append_of_customer(tx, merchant, previous, &event, now).await?;
                    let sql = "update customers set last_event_id = $3 where merchant_id = $1 and customer_id = $2";
                    tx.exec(sql, &values![merchant, customer, newest]).await?;
                    Ok(())
                })
            })
            .await;
        written.expect("written");
    }

    async fn page(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        size: usize,
    ) -> Result<TimelinePage, TimelineError> {
        let of = Subject::Customer(self.customer);
        self.shop
            .ops
            .timeline(&key(), self.shop.merchant, of, filter, cursor, size)
            .await
    }

    /// Every event of the customer and their cards, by asking for all rows, newest first.
    async fn all(&self) -> Vec<EventId> {
        let (merchant, customer) = (self.shop.merchant, self.customer);
        let read: Result<Vec<(EventId,)>, Error> = self
            .shop
            .ops
            .store
            .read("all", move |tx| {
                let sql = "select e.event_id from events e where e.merchant_id = $1 and (e.customer_id = $2 \
                     or e.card_id in (select c.card_id from cards c where c.merchant_id = $1 and c.customer_id = $2)) \
                     order by e.event_id desc";
                Box::pin(async move { tx.all(sql, &values![merchant, customer]).await })
            })
            .await;
        read.expect("read").into_iter().map(|(id,)| id).collect()
    }
}

fn ids(rows: &[Entry]) -> Vec<EventId> {
    rows.iter().map(|entry| entry.event.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_exactly_what_was_there_while_more_arrives() {
    let steps = prop::collection::vec((0..4_usize, any::<bool>()), 24);
    let walks = prop::collection::vec((1..6_usize, steps), 6);
    let walks = walks
        .new_tree(&mut TestRunner::deterministic())
        .expect("a tree")
        .current();
    for_each_engine(async |store| {
        let mut person = Person::with_two_cards(store).await;
        for (size, steps) in walks.clone() {
            let there = person.all().await;
            let mut page = person.page(&Filter::default(), None, size).await.expect("a page");
            assert_eq!(page.newer, 0);
            let mut walked = ids(&page.rows);
            for (what, and_another) in steps {
                match what {
                    0 => person.edit_profile().await,
                    1 if and_another && person.cards.len() < 6 => person.add_card().await,
                    card => person.shop.tap(person.cards[card % person.cards.len()]).await,
                }
                if !page.start_of_history {
                    page = person
                        .page(&Filter::default(), Some(&page.cursor), size)
                        .await
                        .expect("a page");
                    walked.extend(ids(&page.rows));
                }
            }
            while !page.start_of_history {
                page = person
                    .page(&Filter::default(), Some(&page.cursor), size)
                    .await
                    .expect("a page");
                walked.extend(ids(&page.rows));
            }
            assert_eq!(walked, there);
            let after = person
                .page(&Filter::default(), Some(&page.cursor), size)
                .await
                .expect("a page");
            assert!(after.rows.is_empty() && after.start_of_history);
            assert_eq!(after.newer, person.all().await.len() - there.len());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shows_its_types_only_and_counts_its_own_news() {
    for_each_engine(async |store| {
        let person = Person::with_two_cards(store).await;
        for _ in 0..3 {
            person.shop.tap(person.cards[0]).await;
            person.edit_profile().await;
        }
        let filter = Filter::types([EntryType::CustomerScanned, EntryType::RewardRedeemable]);
        let page = person.page(&filter, None, 3).await.expect("a page");
        assert_eq!(page.rows.len(), 3);
        person.shop.tap(person.cards[1]).await;
        person.edit_profile().await;
        let last = person.page(&filter, Some(&page.cursor), 3).await.expect("a page");
        assert_eq!((last.rows.len(), last.start_of_history, last.newer), (1, true, 1));
        let kinds: BTreeSet<_> = page
            .rows
            .iter()
            .chain(&last.rows)
            .map(|entry| EntryType::of(entry.event.event.kind).label())
            .collect();
        assert_eq!(kinds, BTreeSet::from(["Customer Scanned", "Reward Redeemable"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_amount_place_staff_platform_and_time() {
    for_each_engine(async |store| {
        let person = Person::with_two_cards(store).await;
        let (ops, merchant) = (&person.shop.ops, person.shop.merchant);
        let place = ops
            .create_location(merchant, "High Street".into())
            .await
            .expect("a place");
        // The till that the captures come from.
        let sql = "insert into stations (merchant_id, station_id, location_id, name, key_hash, created_at) \
             values ($1, 77, $2, 'Till 1', $3, 0)";
        let hash = merchant.0.to_be_bytes().to_vec();
        person
            .shop
            .by_hand(sql, values![merchant, place, hash].to_vec())
            .await;
        person.shop.tap(person.cards[0]).await;
        ops.link_google(merchant, person.cards[0]).await.expect("linked");
        let of = Subject::Card(person.cards[0]);
        let page = ops
            .timeline(&key(), merchant, of, &Filter::default(), None, 50)
            .await
            .expect("a page");
        assert_eq!(page.zone, "Europe/Berlin");
        assert!(page.start_of_history);
        let [installed, scanned, issued] = &page.rows[..] else {
            panic!("three lines: {:?}", page.rows)
        };
        assert_eq!(installed.platform(), Some("Google Wallet"));
        assert_eq!(scanned.event.event.delta.punches, 1);
        assert_eq!(scanned.actor_name.as_deref(), Some("Till 1"));
        assert_eq!(scanned.location_name.as_deref(), Some("High Street"));
        assert_eq!(scanned.program_name.as_deref(), Some("Coffee card"));
        assert_eq!(scanned.currency.map(|currency| currency.code()), Some("EUR"));
        assert_eq!(scanned.event.event.at, ops.clock.now());
        assert_eq!(issued.event.event.kind, EventKind::CardIssued);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_is_refused_with_field_expected_and_got() {
    for_each_engine(async |store| {
        let person = Person::with_two_cards(store).await;
        let filter = Filter::default();
        let page = person.page(&filter, None, 1).await.expect("a page");
        let mut tampered = page.cursor.clone();
        tampered.replace_range(10..11, if tampered.as_bytes()[10] == b'A' { "B" } else { "A" });
        let refused = person
            .page(&filter, Some(&tampered), 1)
            .await
            .expect_err("refused");
        let text = refused.to_string();
        assert!(
            text.starts_with("cursor: expected a cursor that this list gave out")
                && text.contains(&tampered[..40]),
            "{text}"
        );
        // A cursor of one list is not one of another.
        let of_card = Subject::Card(person.cards[0]);
        let (ops, merchant) = (&person.shop.ops, person.shop.merchant);
        let other = ops
            .timeline(&key(), merchant, of_card, &filter, Some(&page.cursor), 1)
            .await;
        assert!(matches!(other, Err(TimelineError::Cursor(_))));
        let size = person.page(&filter, None, 201).await.expect_err("refused");
        assert_eq!(size.to_string(), "size: expected 1 to 200; got 201");
        let theirs = ops
            .timeline(&key(), MerchantId(9), of_card, &filter, None, 1)
            .await;
        assert!(matches!(theirs, Err(TimelineError::NotFound)));
    })
    .await;
}
