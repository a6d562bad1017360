//! Seals over the ledger and what `verify` finds, on both engines: one change by hand, of any kind, is named.

use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::domain::audit::{Fault, Report};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind};
use passgate::domain::event::{Actor, EventKind, NewEvent, Subject};
use passgate::domain::id::{
    CardId, CustomerId, EventId, MemberId, MerchantId, PassTypeIdentifier, ProgramId, StationId,
};
use passgate::domain::program::Rules;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::cards::Holder;
use passgate::ops::seals::{LARGEST_SEAL, SEALED_EVERY, SETTLED_AFTER};
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::cards::CardWithProgram;
use passgate::store::{Error, LONGEST_TRANSACTION, Store, cards, events, seals};
use tokio_postgres::NoTls;

use crate::engines::{for_each_engine, values};
use crate::postgres;

pub(crate) const NOON: Timestamp = Timestamp(1_790_000_000_000);

/// A merchant with a program, cards, and a clock that the test moves.
pub(crate) struct Shop {
    pub(crate) ops: Ops,
    pub(crate) recorder: Recorder,
    pub(crate) merchant: MerchantId,
    pub(crate) program: ProgramId,
    counter: std::sync::atomic::AtomicI64,
}

impl Shop {
    pub(crate) async fn open(store: Store, rules: Rules) -> Self {
        let ops = Ops {
            store,
            clock: Clock::manual(NOON),
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Corner Café".into(),
            zone: "Europe/Berlin".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("merchant");
        let program = Self::add_program(&ops, merchant, rules).await;
        let recorder = Recorder::start(&ops);
        Self {
            ops,
            recorder,
            merchant,
            program,
            counter: 0.into(),
        }
    }

    pub(crate) async fn add_program(ops: &Ops, merchant: MerchantId, rules: Rules) -> ProgramId {
        let new = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
            reward_name: "Free coffee".into(),
            rules,
        };
        ops.create_program(merchant, new).await.expect("program")
    }

    pub(crate) async fn issue(&self, name: &str) -> CardWithProgram {
        let holder = Holder {
            name: name.into(),
            email: Some(format!("{}@example.com", name.to_lowercase())),
            phone: None,
        };
        self.ops
            .issue(self.merchant, self.program, holder)
            .await
            .expect("card")
    }

    /// Presents the card at a till; every time counts.
    pub(crate) async fn tap(&self, card: CardId) {
        let counter = self.counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.ops.clock.advance(Duration::from_secs(1));
        let capture = Capture {
            key: CaptureKey {
                station: StationId(77),
                counter,
            },
            kind: CaptureKind::Barcode,
            token: self.card(card).await.card.token,
            captured_at: self.ops.clock.now(),
            amount: None,
        };
        let answers = self.recorder.record(self.merchant, vec![capture]).await;
        assert_eq!(answers.expect("recorded")[0].refusal, None);
    }

    pub(crate) async fn card(&self, card: CardId) -> CardWithProgram {
        let merchant = self.merchant;
        let read = self.ops.store.read("card", move |tx| {
            Box::pin(async move { cards::card(tx, merchant, card).await })
        });
        let found: Result<_, Error> = read.await;
        found.expect("readable").expect("the card exists")
    }

    /// Lets everything settle that is there now, and seals it.
    pub(crate) async fn seal(&self) {
        for _ in 0..2 {
            self.ops.do_chores().await.expect("chores");
            self.ops.clock.advance(SETTLED_AFTER + SEALED_EVERY);
        }
        self.ops.do_chores().await.expect("chores");
    }

    pub(crate) async fn verify(&self) -> Report {
        self.ops.verify(self.merchant).await.expect("readable")
    }

    /// Runs a statement as somebody with a database shell does.
    pub(crate) async fn by_hand(&self, sql: &'static str, params: Vec<passgate::store::Value>) -> u64 {
        let run = self.ops.store.write("by_hand", move |tx| {
            let params = params.clone();
            Box::pin(async move { tx.exec(sql, &params).await })
        });
        let changed: Result<u64, Error> = run.await;
        changed.expect("it runs")
    }

    async fn ids(&self) -> Vec<i64> {
        let merchant = self.merchant;
        let read: Result<Vec<(i64,)>, Error> = self
            .ops
            .store
            .read("ids", move |tx| {
                let sql = "select event_id from events where merchant_id = $1 order by event_id";
                Box::pin(async move { tx.all(sql, &values![merchant]).await })
            })
            .await;
        read.expect("readable").into_iter().map(|(id,)| id).collect()
    }

    async fn write_about_the_person(&self, customer: CustomerId, reason: &str) -> EventId {
        let merchant = self.merchant;
        let now = self.ops.clock.now();
        let reason = reason.to_owned();
        let written: Result<EventId, Error> = self
            .ops
            .store
            .write("person", move |tx| {
                let event = NewEvent::new(
                    Subject::Customer(customer),
                    EventKind::ProfileEdited,
                    Actor::Gateway,
                    now,
                )
                .with_reason(reason.clone());
                Box::pin(async move {
                    let sql =
                        "select last_event_id from customers where merchant_id = $1 and customer_id = $2";
                    let (previous,): (Option<EventId>,) = tx.one(sql, &values![merchant, customer]).await?;
                    let newest = events::append_of_customer(tx, merchant, previous, &event, now).await?;
                    let sql =
                        "update customers set last_event_id = $3 where merchant_id = $1 and customer_id = $2";
                    tx.exec(sql, &values![merchant, customer, newest]).await?;
                    Ok(newest)
                })
            })
            .await;
        written.expect("written")
    }
}

pub(crate) fn goal(goal: i64) -> Rules {
    Rules::punch(goal).expect("valid goal")
}

/// A shop with two cards and a dozen events, all sealed.
async fn sealed(store: Store) -> (Shop, CardId) {
    let shop = Shop::open(store, goal(3)).await;
    let ada = shop.issue("Ada").await.card;
    let bob = shop.issue("Bob").await.card;
    for _ in 0..4 {
        shop.tap(ada.id).await;
        shop.tap(bob.id).await;
    }
    shop.write_about_the_person(ada.customer, "asked for by Ada")
        .await;
    shop.seal().await;
    let report = shop.verify().await;
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!((report.unsealed, report.seals, report.cards), (0, 1, 2));
    assert_eq!(report.events, shop.ids().await.len() as u64);
    (shop, ada.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_changed_by_hand_is_named() {
    for_each_engine(async |store| {
        let (shop, _) = sealed(store).await;
        let event = shop.ids().await[4];
        let sql = "update events set at = at - 1 where merchant_id = $1 and event_id = $2";
        assert_eq!(shop.by_hand(sql, values![shop.merchant, event].to_vec()).await, 1);
        let expected = Fault::EventChanged {
            event: EventId(event),
            seal: 1,
        };
        assert_eq!(shop.verify().await.faults, [expected]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_deleted_by_hand_is_named() {
    for_each_engine(async |store| {
        let (shop, _) = sealed(store).await;
        let event = shop.ids().await[4];
        let sql = "delete from events where merchant_id = $1 and event_id = $2";
        assert_eq!(shop.by_hand(sql, values![shop.merchant, event].to_vec()).await, 1);
        let expected = Fault::EventMissing {
            event: EventId(event),
            seal: 1,
        };
        assert_eq!(shop.verify().await.faults.first(), Some(&expected));
    })
    .await;
}

/// Everything of an event but its id, at an id that was never used.
const COPY: &str = "insert into events (event_id, merchant_id, card_id, customer_id, previous_event_id, kind, punches, \
     points, tier_points, rewards, visits, spend, unpriced, redemptions, at, recorded_at, actor, actor_id, source) \
     select cast($3 as bigint), merchant_id, card_id, customer_id, previous_event_id, kind, punches, points, \
     tier_points, rewards, visits, spend, unpriced, redemptions, at, recorded_at, actor, actor_id, source \
     from events where merchant_id = $1 and event_id = $2";
const COPY_OVER_IDENTITY: &str = "insert into events (event_id, merchant_id, card_id, customer_id, previous_event_id, \
     kind, punches, points, tier_points, rewards, visits, spend, unpriced, redemptions, at, recorded_at, actor, \
     actor_id, source) overriding system value \
     select cast($3 as bigint), merchant_id, card_id, customer_id, previous_event_id, kind, punches, points, \
     tier_points, rewards, visits, spend, unpriced, redemptions, at, recorded_at, actor, actor_id, source \
     from events where merchant_id = $1 and event_id = $2";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_inserted_by_hand_is_named_wherever_it_is() {
    for_each_engine(async |store| {
        let (shop, ada) = sealed(store).await;
        let copy = if shop.ops.store.has_one_writer() {
            COPY
        } else {
            COPY_OVER_IDENTITY
        };
        let original = shop.ids().await[4];
        let inserted = shop
            .by_hand(copy, values![shop.merchant, original, -5].to_vec())
            .await;
        assert_eq!(inserted, 1);
        let faults = shop.verify().await.faults;
        let expected = Fault::EventInserted {
            event: EventId(-5),
            seal: 1,
        };
        assert_eq!(faults.first(), Some(&expected));

        // Above everything that is sealed it fits neither the card's chain nor its sums.
        let sql = "delete from events where merchant_id = $1 and event_id = $2";
        shop.by_hand(sql, values![shop.merchant, -5].to_vec()).await;
        assert!(shop.verify().await.is_sound());
        let last = shop.card(ada).await.card.last_event.expect("issued");
        shop.by_hand(copy, values![shop.merchant, last.0, 1_000_000].to_vec())
            .await;
        let faults = shop.verify().await.faults;
        assert!(
            matches!(
                faults.first(),
                Some(Fault::EventUnlinked {
                    event: EventId(1_000_000),
                    ..
                })
            ),
            "{faults:?}"
        );
        assert!(faults.contains(&Fault::CardNewest {
            card: ada,
            card_says: Some(last),
            ledger_says: Some(EventId(1_000_000)),
        }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_edited_by_hand_is_named() {
    for_each_engine(async |store| {
        let (shop, ada) = sealed(store).await;
        let sql = "update cards set punches = punches + 1 where merchant_id = $1 and card_id = $2";
        shop.by_hand(sql, values![shop.merchant, ada].to_vec()).await;
        let expected = Fault::CardSum {
            card: ada,
            number: "punches",
            card_says: 2,
            ledger_says: 1,
        };
        let report = shop.verify().await;
        assert_eq!(report.faults, [expected]);
        assert_eq!(
            report.faults[0].to_string(),
            format!("card {ada}: says 2 punches; its ledger says 1")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_cut_off_or_made_anew_is_named() {
    for_each_engine(async |store| {
        let (shop, ada) = sealed(store).await;
        shop.tap(ada).await;
        shop.seal().await;
        assert_eq!(shop.verify().await.head.expect("sealed").0, 2);
        let changed = "update seals set hash = (select previous_hash from seals s where s.merchant_id = $1 and s.number = 2) \
             where merchant_id = $1 and number = 2";
        shop.by_hand(changed, values![shop.merchant].to_vec()).await;
        assert_eq!(shop.verify().await.faults, [Fault::SealChanged { number: 2 }]);
        let cut_off = "delete from seals where merchant_id = $1 and number = 2";
        shop.by_hand(cut_off, values![shop.merchant].to_vec()).await;
        assert_eq!(
            shop.verify().await.faults.first(),
            Some(&Fault::SealMissing { number: 2 })
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_person_leaves_the_chain_valid() {
    for_each_engine(async |store| {
        let (shop, ada) = sealed(store).await;
        let card = shop.card(ada).await.card;
        let sql = "update customers set first_name = '', last_name = '', email = null, email_key = null, \
             phone = null, birthday = null, birth_year = null, external_id = null, search = '', erased_at = $3 \
             where merchant_id = $1 and customer_id = $2";
        shop.by_hand(sql, values![shop.merchant, card.customer, NOON].to_vec()).await;
        let sql = "update cards set holder = null where merchant_id = $1 and card_id = $2";
        shop.by_hand(sql, values![shop.merchant, ada].to_vec()).await;
        assert!(shop.verify().await.is_sound());

        // What staff wrote about the person goes too, sealed or not.
        let later = shop.write_about_the_person(card.customer, "Ada called again").await;
        let merchant = shop.merchant;
        let ids: Vec<_> = shop.ids().await.into_iter().map(EventId).collect();
        let forgotten: Result<u64, Error> = shop
            .ops
            .store
            .write("forget", move |tx| {
                let ids = ids.clone();
                Box::pin(async move { seals::forget_reasons(tx, merchant, &ids).await })
            })
            .await;
        assert_eq!(forgotten.expect("forgotten"), 2);
        shop.seal().await;
        let report = shop.verify().await;
        assert!(report.is_sound(), "{:?}", report.faults);
        assert_eq!((report.forgotten, report.unsealed), (1, 0));
        let texts: Result<(i64,), Error> = shop
            .ops
            .store
            .read("texts", move |tx| {
                let sql = "select (select count(*) from events where merchant_id = $1 and reason is not null) \
                     + (select count(*) from sealed_reasons where merchant_id = $1 and salt is not null)";
                Box::pin(async move { tx.one(sql, &values![merchant]).await })
            })
            .await;
        assert_eq!(texts.expect("counted"), (0,), "neither text nor salt of {later:?} is left");

        // A reason that is only blanked is not forgotten but tampered with.
        let written = shop.write_about_the_person(card.customer, "and again").await;
        shop.seal().await;
        let sql = "update events set reason = null where merchant_id = $1 and event_id = $2";
        shop.by_hand(sql, values![shop.merchant, written].to_vec()).await;
        assert_eq!(
            shop.verify().await.faults,
            [Fault::ReasonRemoved { event: written }]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_ledger_is_sealed_in_parts_and_by_two_nodes_at_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, goal(3)).await;
        let card = shop.issue("Ada").await.card;
        // A chain of rows without numbers, written as fast as the engine takes them.
        let merchant = shop.merchant;
        let actor = Actor::Member(MemberId(1));
        let many = usize::try_from(LARGEST_SEAL).expect("small") * 2 + 500;
        let first = shop.card(card.id).await.card;
        let written: Result<(), Error> = shop
            .ops
            .store
            .write("many", move |tx| {
                let first = first.clone();
                Box::pin(async move {
                    let mut newest = first.last_event;
                    for _ in 0..many {
                        let event = NewEvent::of_card(first.id, EventKind::PushCreated, actor, NOON);
                        let mut cards = std::collections::HashMap::from([(first.id, first.clone())]);
                        if let Some(card) = cards.get_mut(&first.id) {
                            card.last_event = newest;
                        }
                        events::append(tx, &mut cards, &[event], NOON).await?;
                        newest = cards[&first.id].last_event;
                    }
                    let sql = "update cards set last_event_id = $3 where merchant_id = $1 and card_id = $2";
                    tx.exec(sql, &values![merchant, first.id, newest]).await?;
                    Ok(())
                })
            })
            .await;
        written.expect("written");
        for _ in 0..2 {
            let (one, other) = tokio::join!(shop.ops.do_chores(), shop.ops.do_chores());
            one.and(other).expect("chores");
            shop.ops.clock.advance(SETTLED_AFTER + SEALED_EVERY);
        }
        shop.seal().await;
        let report = shop.verify().await;
        assert!(report.is_sound(), "{:?}", report.faults);
        assert_eq!((report.seals, report.unsealed), (3, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_appears_below_a_sealed_one_however_late_it_commits() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = Store::open(&url, 4).await.expect("the store opens");
    let shop = Shop::open(store, goal(3)).await;
    let (ada, bob) = (shop.issue("Ada").await.card, shop.issue("Bob").await.card);
    shop.seal().await;

    // A transaction that draws an id and keeps still.
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("connected");
    tokio::spawn(connection);
    client.batch_execute("begin").await.expect("begun");
    let ada_newest = shop.card(ada.id).await.card.last_event.expect("issued").0;
    let drawn: i64 = client
        .query_one(
            "insert into events (merchant_id, card_id, previous_event_id, kind, punches, rewards, visits, at, \
             recorded_at, actor) values ($1, $2, $3, 'push_created', 0, 0, 0, 0, 0, 'gateway') returning event_id",
            &[&shop.merchant.0, &ada.id.0, &ada_newest],
        )
        .await
        .expect("drawn")
        .get(0);
    client
        .execute(
            "update cards set last_event_id = $3 where merchant_id = $1 and card_id = $2",
            &[&shop.merchant.0, &ada.id.0, &drawn],
        )
        .await
        .expect("linked");

    // Others go on and commit above it; nothing of that is sealed as long as the first one may live.
    shop.tap(bob.id).await;
    assert!(shop.card(bob.id).await.card.last_event.expect("punched").0 > drawn);
    let mut waited = Duration::ZERO;
    while waited < LONGEST_TRANSACTION {
        shop.ops.do_chores().await.expect("chores");
        shop.ops.clock.advance(SEALED_EVERY);
        waited += SEALED_EVERY;
    }
    shop.ops.do_chores().await.expect("chores");
    assert_eq!(shop.verify().await.unsealed, 1);

    client.batch_execute("commit").await.expect("committed");
    shop.seal().await;
    let report = shop.verify().await;
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!(report.unsealed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_ends_what_this_side_cannot() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = Store::open(&url, 2).await.expect("the store opens");
    let granted: Result<(i64, i64), Error> = store
        .write("granted", |tx| {
            let sql = "select (select cast(setting as bigint) from pg_settings where name = 'statement_timeout'), \
                 (select cast(setting as bigint) from pg_settings where name = 'idle_in_transaction_session_timeout')";
            Box::pin(async move { tx.one(sql, &[]).await })
        })
        .await;
    let (statement, idle) = granted.expect("read");
    assert!(statement > 0 && idle > 0);
    let bound = Duration::from_millis((statement + idle).unsigned_abs());
    assert!(bound < LONGEST_TRANSACTION, "{bound:?}");
}
