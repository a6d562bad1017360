//! Rules as SQL find what they find in memory, on both engines; and redemptions follow the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use passgate::domain::event::{Actor, Delta, EventKind, NewEvent};
use passgate::domain::id::EventId;
use passgate::domain::segment::order::{Edge, Place};
use passgate::domain::segment::roster::Roster;
use passgate::domain::segment::{Facts, LONGEST, Plan};
use passgate::store::cards::{self, NewMerchant};
use passgate::store::custom_fields::Answer;
use passgate::store::utms::Landing;
use passgate::store::{Error, Store, Tx, custom_fields, events, redemption_days, segments, utms};
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::engines::{for_each_engine, values};

#[path = "../../src/domain/segment/tests/generate.rs"]
mod generate;

/// What the generators use.
mod api {
    pub(crate) use jiff::tz::TimeZone;
    pub(crate) use passgate::domain::capture::Token;
    pub(crate) use passgate::domain::card::{Card, CardStatus, Channels, Identity};
    pub(crate) use passgate::domain::chips::Ready;
    pub(crate) use passgate::domain::consent::Consents;
    pub(crate) use passgate::domain::custom_field::{FieldCode, FieldValue};
    pub(crate) use passgate::domain::feedback::Rating;
    pub(crate) use passgate::domain::id::{CardId, CustomerId, MerchantId, ProgramId, SerialNumber};
    pub(crate) use passgate::domain::preference::Preferences;
    pub(crate) use passgate::domain::program::ProgramKind;
    pub(crate) use passgate::domain::rfm::{Fifths, Grid, Limits};
    pub(crate) use passgate::domain::segment::answers::AnswerKind;
    pub(crate) use passgate::domain::segment::facts::{Beside, Person};
    pub(crate) use passgate::domain::segment::field::{
        CELLS, COUPON_STATES, KINDS, Kind, STATUSES, WALLETS, YES_NO,
    };
    pub(crate) use passgate::domain::segment::order::{Direction, Order, Sort};
    pub(crate) use passgate::domain::segment::plan::{Context, ProgramFacts};
    pub(crate) use passgate::domain::segment::{Condition, FIELDS, Field, Operand, Rule, Span, Test};
    pub(crate) use passgate::domain::time::{CivilDay, Timestamp};
    pub(crate) use passgate::domain::utm::Utm;
    pub(crate) use passgate::domain::window::Recent;
}

use api::*;
use generate::{NOW, context};

const MERCHANT: MerchantId = MerchantId(1);
/// More than are read at once.
const CARDS: usize = 600;
const RULES: usize = 250;

fn draw<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).expect("a value").current()
}

type Row = (Card, Person, Beside);

/// Cards of one merchant, and one of a person who was erased, which nothing may find.
async fn fill(store: &Store, rows: &[Row]) {
    let rows = rows.to_vec();
    let filled: Result<(), Error> = store
        .write("fill", move |tx| {
            let rows = rows.clone();
            Box::pin(async move {
                let merchant = NewMerchant {
                    id: MERCHANT,
                    name: "Corner Café".into(),
                    zone: "Europe/Berlin".into(),
                };
                cards::insert_merchant(tx, &merchant, NOW).await?;
                for (card, person, beside) in &rows {
                    insert_person(tx, card, person).await?;
                    cards::insert_card(tx, card, None).await?;
                    cards::save(tx, std::slice::from_ref(card), card.changed_at).await?;
                    insert_beside(tx, card, beside).await?;
                }
                let (erased, ..) = rows.first().expect("a card");
                tx.exec(
                    "update customers set erased_at = 1 where customer_id = $1",
                    &values![erased.customer],
                )
                .await?;
                Ok(())
            })
        })
        .await;
    filled.expect("stored");
}

async fn insert_person(tx: &mut Tx<'_>, card: &Card, person: &Person) -> Result<(), Error> {
    tx.exec(
        "insert into customers (merchant_id, customer_id, first_name, name_key, email_key, phone, external_id, \
         language, birthday, verified_at, consents, paused, rating_sum, rating_count, created_at) \
         values ($1, $2, 'a', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)",
        &values![
            card.merchant,
            card.customer,
            person.name_key.as_str(),
            some(&person.email_key),
            some(&person.phone),
            some(&person.external_id),
            person.language.as_str(),
            person.birthday,
            person.verified_at,
            person.consents.0,
            person.paused.0,
            person.rating.sum,
            person.rating.count,
        ],
    )
    .await?;
    for number in 0..person.rating.count {
        let comment = (number < person.comments).then_some("good");
        tx.exec(
            "insert into feedback (merchant_id, customer_id, event_id, card_id, visit_event_id, stars, comment, at) \
             values ($1, $2, $3, $4, $3, 3, $5, 0)",
            &values![card.merchant, card.customer, EventId(number), card.id, comment],
        )
        .await?;
    }
    for tag in &person.tags {
        tx.exec(
            "insert into customer_tags (merchant_id, customer_id, tag_key, tag, created_at) \
             values ($1, $2, $3, $3, 0)",
            &values![card.merchant, card.customer, tag.as_str()],
        )
        .await?;
    }
    Ok(())
}

async fn insert_beside(tx: &mut Tx<'_>, card: &Card, beside: &Beside) -> Result<(), Error> {
    tx.exec(
        "update cards set visit_before_at = $3, installed_at = $4, recent_visits = $5, recent_spend = $6 \
         where merchant_id = $1 and card_id = $2",
        &values![
            card.merchant,
            card.id,
            beside.visit_before_at,
            card.installed_at,
            beside.recent.visits,
            beside.recent.spend,
        ],
    )
    .await?;
    for (number, at) in beside.redemptions.iter().enumerate() {
        let number = i64::try_from(number).expect("few");
        tx.exec(
            "insert into redemptions (merchant_id, card_id, event_id, at) values ($1, $2, $3, $4)",
            &values![card.merchant, card.id, EventId(number), *at],
        )
        .await?;
    }
    if !beside.landing.is_empty() {
        let landing = Landing {
            utm: beside.landing.clone(),
            at: NOW,
        };
        utms::insert(tx, card.merchant, card.id, &landing).await?;
    }
    let answer = |(code, value): (&String, &FieldValue)| Answer {
        card: card.id,
        code: FieldCode::parse(code).expect("a code"),
        value: Some(value.clone()),
    };
    let answers: Vec<_> = beside.answers.iter().map(answer).collect();
    custom_fields::set(tx, card.merchant, &answers).await
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn rows(runner: &mut TestRunner) -> Vec<Row> {
    let strategy = (generate::card(), generate::person(), generate::beside());
    let rows = (0..CARDS).map(|_| draw(&strategy, runner));
    let mut by_id: HashMap<CardId, Row> = rows.map(|row| (row.0.id, row)).collect();
    let customers: Vec<i64> = by_id.keys().map(|card| card.0 + 1).collect();
    by_id.retain(|card, _| {
        customers
            .iter()
            .filter(|customer| **customer == card.0 + 1)
            .count()
            == 1
    });
    by_id.into_values().collect()
}

/// Asks the store by rule.
struct Asked<'s> {
    store: &'s Store,
    context: Arc<Context>,
    plan: Arc<Plan>,
}

impl<'s> Asked<'s> {
    fn new(store: &'s Store, rule: &Rule) -> Self {
        let context = context();
        Self {
            store,
            plan: Arc::new(Plan::of(rule, &context)),
            context: Arc::new(context),
        }
    }

    async fn count(&self) -> usize {
        let (plan, context) = (&self.plan, &self.context);
        let count: Result<i64, Error> = self
            .store
            .read("count", |tx| {
                let (plan, context) = (Arc::clone(plan), Arc::clone(context));
                Box::pin(async move { segments::count(tx, MERCHANT, &plan, &context).await })
            })
            .await;
        usize::try_from(count.expect("counted")).expect("positive")
    }

    async fn cards(&self) -> Vec<CardId> {
        let (plan, context) = (&self.plan, &self.context);
        let cards: Result<_, Error> = self
            .store
            .read("cards", |tx| {
                let (plan, context) = (Arc::clone(plan), Arc::clone(context));
                Box::pin(
                    async move { segments::cards(tx, MERCHANT, &plan, &context, CardId(0), 10_000).await },
                )
            })
            .await;
        cards.expect("found")
    }

    async fn page(&self, order: Order, edge: &Edge, size: usize) -> (Vec<Place>, bool) {
        let (plan, context) = (&self.plan, &self.context);
        let page: Result<_, Error> = self
            .store
            .read("page", |tx| {
                let (plan, context, edge) = (Arc::clone(plan), Arc::clone(context), edge.clone());
                Box::pin(
                    async move { segments::page(tx, MERCHANT, &plan, &context, order, &edge, size).await },
                )
            })
            .await;
        page.expect("read")
    }
}

async fn all_facts(store: &Store) -> Vec<Facts> {
    let facts: Result<_, Error> = store
        .read("facts", |tx| {
            Box::pin(async move { segments::facts_after(tx, MERCHANT, &context(), CardId(0), 10_000).await })
        })
        .await;
    facts.expect("read")
}

async fn facts_of(store: &Store, cards: &[CardId]) -> Vec<Facts> {
    let facts: Result<_, Error> = store
        .read("facts", |tx| {
            let cards = cards.to_vec();
            Box::pin(async move { segments::facts_of(tx, MERCHANT, &context(), &cards).await })
        })
        .await;
    facts.expect("read")
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_find_in_the_store_what_they_find_in_memory() {
    for_each_engine(async |store| {
        let mut runner = TestRunner::default();
        let rows = rows(&mut runner);
        fill(&store, &rows).await;
        let context = &context();
        let mut expected: Vec<Facts> = rows
            .iter()
            .skip(1)
            .map(|(card, person, beside)| Facts::of(card, person, beside, context))
            .collect();
        expected.sort_by_key(|facts| facts.card);

        // The facts that a roster is made of are those of each card.
        let facts = all_facts(&store).await;
        assert_eq!(facts, expected);
        let ids: Vec<CardId> = rows.iter().map(|(card, ..)| card.id).rev().collect();
        let mut same = facts_of(&store, &ids).await;
        same.sort_by_key(|facts| facts.card);
        assert_eq!(same, expected);

        let mut roster = Roster::default();
        roster.put(facts);
        for _ in 0..RULES {
            let rule = draw(&generate::rule(), &mut runner);
            let order = draw(&generate::order(), &mut runner);
            let asked = Asked::new(&store, &rule);
            let plan = &asked.plan;
            let alone: Vec<CardId> = expected
                .iter()
                .filter(|facts| plan.holds(facts))
                .map(|facts| facts.card)
                .collect();
            assert_eq!(asked.cards().await, alone, "{rule}");
            assert_eq!(roster.cards(plan), alone, "{rule}");
            assert_eq!(asked.count().await, alone.len(), "{rule}");

            // Pages too, from anywhere in the list, both ways.
            let whole = roster.page(plan, order, &Edge::First, 10_000, NOW).places;
            let somewhere: Option<Place> = whole.get(whole.len() / 3).cloned();
            let mut edges = vec![Edge::First];
            edges.extend(somewhere.clone().map(Edge::After));
            edges.extend(somewhere.map(Edge::Before));
            for edge in &edges {
                let in_memory = roster.page(plan, order, edge, 7, NOW);
                let (places, has_more) = asked.page(order, edge, 7).await;
                assert_eq!(places, in_memory.places, "{rule} by {order} at {edge:?}");
                assert_eq!(has_more, in_memory.has_more, "{rule} by {order} at {edge:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_widest_and_the_deepest_rules_are_answered() {
    for_each_engine(async |store| {
        let mut runner = TestRunner::default();
        fill(&store, &rows(&mut runner)).await;
        let fill_up = |member: &str, name: &str| {
            let count = (LONGEST - name.len() - 2) / (member.len() + 1);
            format!("{name}({})", vec![member; count].join(","))
        };
        let deep = format!(
            "{}{}{}",
            "not(".repeat(20),
            "coupon.in(active,void)",
            ")".repeat(20)
        );
        for text in [
            fill_up("all()", "any"),
            fill_up("tier.is.gold", "all"),
            fill_up("custom.size.over.1", "any"),
            fill_up("rfm.is.champions", "any"),
            fill_up("high_value.is.no", "any"),
            fill_up("tag.is.vip", "all"),
            fill_up("coupon.is.active", "any"),
            fill_up("name.has.a", "any"),
            deep,
        ] {
            let rule = Rule::parse(&text).expect("within the limits");
            Asked::new(&store, &rule).count().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_is_never_part_of_a_statement() {
    for_each_engine(async |store| {
        let mut runner = TestRunner::default();
        fill(&store, &rows(&mut runner)).await;
        let evil = "'; delete from cards; --";
        let rule = Rule::parse(&format!("name.is.'{}'", evil.replace('\'', "''"))).expect("a text");
        let asked = Asked::new(&store, &rule);
        let shown = segments::show_count(MERCHANT, &asked.plan, &asked.context);
        assert!(!shown.text.contains("delete"), "{}", shown.text);
        assert!(shown.params.contains(&passgate::store::Value::from(evil)));
        assert_eq!(asked.count().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redemptions_follow_the_ledger() {
    for_each_engine(async |store| {
        let mut runner = TestRunner::default();
        let card = draw(&generate::card(), &mut runner);
        let id = card.id;
        fill(&store, &[(card.clone(), Person::default(), Beside::default())]).await;
        let event = |kind, redemptions, at| {
            let delta = Delta {
                redemptions,
                ..Delta::default()
            };
            NewEvent::of_card(id, kind, Actor::Gateway, Timestamp(at)).with_delta(delta)
        };
        let append = async |new: Vec<NewEvent>| -> EventId {
            let card = card.clone();
            let appended: Result<EventId, Error> = store
                .write("append", move |tx| {
                    let (new, mut in_hand) = (new.clone(), HashMap::from([(id, card.clone())]));
                    Box::pin(async move {
                        events::append(tx, &mut in_hand, &new, NOW).await?;
                        Ok(in_hand[&id].last_event.expect("appended"))
                    })
                })
                .await;
            appended.expect("stored")
        };
        let times = async || {
            let times: Result<Vec<Timestamp>, Error> = store
                .read("redemptions", |tx| {
                    Box::pin(async move { redemption_days::of_card(tx, MERCHANT, id).await })
                })
                .await;
            times.expect("read")
        };
        append(vec![event(EventKind::CustomerScanned, 0, 3)]).await;
        assert_eq!(times().await, []);
        let newest = append(vec![
            event(EventKind::RewardRedeemed, 1, 9),
            event(EventKind::RewardRedeemed, 1, 5),
        ])
        .await;
        assert_eq!(times().await, [Timestamp(5), Timestamp(9)]);
        append(vec![
            event(EventKind::RedemptionReversed, -1, 10).taking_back(newest),
        ])
        .await;
        assert_eq!(times().await, [Timestamp(9)]);
    })
    .await;
}
