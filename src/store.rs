//! The store: the only room with SQL. Two engines behind one facade, one file for each aggregate.
//!
//! [`Store::write`] and [`Store::read`] run a closure in one named transaction. The closure only awaits its
//! [`Tx`], may run more than once, and has no other effect. An answer means that the commit is durable.
//!
//! Aggregates are functions on [`Tx`] that run statements, map rows and decide nothing. Each file lists its
//! statements in a `STATEMENTS` const, so that a test can compile all of them on both engines.

pub mod access;
pub mod accounts;
pub mod alerts;
pub mod audit;
pub mod budgets;
pub mod campaigns;
pub mod captures;
pub mod cards;
pub mod codes;
pub mod consent_words;
pub mod consents;
pub mod conversions;
pub mod counts;
pub mod custom_fields;
pub mod customers;
pub mod dues;
pub mod engagement;
pub mod erasure;
pub mod events;
pub mod exports;
pub mod feedback;
pub mod imports;
pub mod intents;
pub mod invitations;
pub mod jobs;
pub mod join_pages;
pub mod joins;
pub mod lifetimes;
pub mod links;
pub mod listing;
pub mod member_invitations;
pub mod messages;
pub mod notes;
pub mod offers;
pub mod orders;
pub mod outbox;
pub mod policies;
pub mod profile;
pub mod programs;
pub mod promotions;
pub mod push_addresses;
pub mod push_events;
pub mod pushes;
pub mod receipts;
pub mod redemption_days;
pub mod redemptions;
pub mod referrals;
pub mod registrations;
pub mod seals;
pub mod search;
pub mod segment_rules;
pub mod segments;
pub mod sql;
pub mod stations;
pub mod tags;
pub mod timeline;
pub mod topics;
pub mod uploads;
pub mod utms;
pub mod windows;
pub mod works;

mod dialect;
mod error;
mod locked;
mod migrate;
mod postgres;
mod sqlite;
mod value;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;

use crate::clock::stopwatch;
use crate::domain::id::{CardId, MerchantId};
use crate::telemetry::{Histogram, Metric};
pub use error::{Cause, Error, Retry};
pub use postgres::LONGEST_TRANSACTION;
pub(crate) use sql::params;
pub use sql::{FromRow, FromValue, Row, Tx, Value};

/// Changes that a slow subscriber may be behind before it misses some.
const CHANGES: usize = 4096;

/// What a transaction tells the rest of passgate once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Something happened to this card.
    Card(MerchantId, CardId),
    /// There may be pushes to send.
    Pushes,
    /// Long work of this merchant began, moved on or ended.
    Work(MerchantId),
}

/// What a transaction body returns.
pub type TxFuture<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// A database. Cheap to clone; the last clone that is dropped finishes queued writes and closes it.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    changes: broadcast::Sender<Change>,
    times: Arc<Times>,
    counts_cards: bool,
}

/// How long transactions take, by name; kept, because finding a metric by its labels costs more than counting.
#[derive(Default)]
struct Times {
    writes: RwLock<HashMap<&'static str, Histogram>>,
    reads: RwLock<HashMap<&'static str, Histogram>>,
}

enum Engine {
    Sqlite(sqlite::Engine),
    Postgres(postgres::Engine),
}

impl Store {
    /// Opens `sqlite:<path>`, making the file and its folder, or connects to `postgres://…` with at most
    /// `connections` connections, and one more to listen for changes.
    pub async fn open(url: &str, connections: usize) -> Result<Self, Error> {
        let (changes, _) = broadcast::channel(CHANGES);
        let engine = if let Some(path) = url.strip_prefix("sqlite:") {
            Engine::Sqlite(sqlite::Engine::open(path, changes.clone())?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Engine::Postgres(postgres::Engine::open(url, connections, changes.clone()).await?)
        } else {
            return Err(Error::Url("must start with sqlite: or postgres://".into()));
        };
        Ok(Self {
            engine: Arc::new(engine),
            changes,
            times: Arc::default(),
            counts_cards: true,
        })
    }

    /// The same database, written to without keeping the live counts: to measure what they cost. A card that is changed
    /// by it stays counted as what it was until somebody else changes it or it comes due.
    #[must_use]
    pub fn without_counts(&self) -> Self {
        Self {
            counts_cards: false,
            ..self.clone()
        }
    }

    /// Whether write transactions run one after another, so that several at once gain nothing.
    pub fn has_one_writer(&self) -> bool {
        matches!(&*self.engine, Engine::Sqlite(_))
    }

    /// The statements that exist for this engine alone, with the file they are in.
    pub fn statements_of_this_engine(&self) -> Vec<(&'static str, &'static str)> {
        let list = match &*self.engine {
            Engine::Sqlite(_) => search::STATEMENTS_ON_SQLITE,
            Engine::Postgres(_) => search::STATEMENTS_ON_POSTGRES,
        };
        list.iter().map(|sql| ("search", *sql)).collect()
    }

    /// Brings the schema up to date; safe to run on several nodes at once.
    pub async fn migrate(&self) -> Result<(), Error> {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.alone(migrate::sqlite).await,
            Engine::Postgres(engine) => engine.migrate().await,
        }
    }

    /// Runs `body` in one named transaction and answers after the commit is durable. `body` may run more than
    /// once (a conflict on PostgreSQL); it must have no effect but through the transaction.
    pub async fn write<T, E, F>(&self, name: &'static str, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E> + Send + Sync + 'static,
    {
        let started = stopwatch();
        let counts_cards = self.counts_cards;
        let body = repeatable(move |tx| {
            tx.counts_cards = counts_cards;
            body(tx)
        });
        let result = match &*self.engine {
            Engine::Sqlite(engine) => engine.write(body).await,
            Engine::Postgres(engine) => engine.write(name, body).await,
        };
        let writes = &self.times.writes;
        histogram(writes, Metric::StoreWriteTime, name).record(started.elapsed());
        result
    }

    /// Runs `body` on one snapshot, read only.
    pub async fn read<T, E, F>(&self, name: &'static str, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E> + Send + Sync,
    {
        let started = stopwatch();
        let result = match &*self.engine {
            Engine::Sqlite(engine) => engine.read(body).await,
            Engine::Postgres(engine) => engine.read(name, body).await,
        };
        let reads = &self.times.reads;
        histogram(reads, Metric::StoreReadTime, name).record(started.elapsed());
        result
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.read("ping", |tx| {
            Box::pin(async move {
                let (_one,): (i64,) = tx.one("select cast(1 as bigint)", &[]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Changes as they become durable, from every node. A slow reader misses some and is told so.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Compiles a statement without running it, for the test that goes through [`statements`].
    pub async fn prepare_only(&self, sql: &'static str) -> Result<(), Error> {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.alone(move |connection| connection.compile(sql)).await,
            Engine::Postgres(engine) => engine.connection().await?.compile(sql).await,
        }
    }
}

fn histogram(
    known: &RwLock<HashMap<&'static str, Histogram>>,
    metric: Metric,
    transaction: &'static str,
) -> Histogram {
    let found = known
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(transaction)
        .cloned();
    found.unwrap_or_else(|| {
        let histogram = metric.histogram(&[("transaction", transaction)]);
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(transaction).or_insert(histogram).clone()
    })
}

/// Says of a closure what the compiler does not find out by itself: that it takes any transaction.
fn repeatable<T, E, F>(body: F) -> F
where
    F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E>,
{
    body
}

/// Every statement of every aggregate, with the file it is in.
pub fn statements() -> Vec<(&'static str, &'static str)> {
    let files: &[(&'static str, &'static [&'static str])] = &[
        ("access", access::STATEMENTS),
        ("accounts", accounts::STATEMENTS),
        ("member_invitations", member_invitations::STATEMENTS),
        ("alerts", alerts::STATEMENTS),
        ("audit", audit::STATEMENTS),
        ("budgets", budgets::STATEMENTS),
        ("campaigns", campaigns::STATEMENTS),
        ("campaigns/actions", campaigns::actions::STATEMENTS),
        ("captures", captures::STATEMENTS),
        ("cards", cards::STATEMENTS),
        ("cards", cards::OF_SAVING),
        ("codes", codes::STATEMENTS),
        ("consent_words", consent_words::STATEMENTS),
        ("consents", consents::STATEMENTS),
        ("conversions", conversions::STATEMENTS),
        ("counts", counts::STATEMENTS),
        ("counts/counters", counts::OF_COUNTERS),
        ("custom_fields", custom_fields::STATEMENTS),
        ("customers", customers::STATEMENTS),
        ("dues", dues::STATEMENTS),
        ("engagement", engagement::STATEMENTS),
        ("erasure", erasure::PERSONAL),
        ("erasure", erasure::STATEMENTS),
        ("events", events::STATEMENTS),
        ("exports", exports::STATEMENTS),
        ("feedback", feedback::STATEMENTS),
        ("imports", imports::STATEMENTS),
        ("intents", intents::STATEMENTS),
        ("invitations", invitations::STATEMENTS),
        ("jobs", jobs::STATEMENTS),
        ("jobs/rows", jobs::ROW_STATEMENTS),
        ("join_pages", join_pages::STATEMENTS),
        ("joins", joins::STATEMENTS),
        ("lifetimes", lifetimes::STATEMENTS),
        ("links", links::STATEMENTS),
        ("listing", listing::STATEMENTS),
        ("messages", messages::STATEMENTS),
        ("messages/fetched", messages::fetched::STATEMENTS),
        ("messages/recipients", messages::recipients::STATEMENTS),
        ("messages/translations", messages::translations::STATEMENTS),
        ("notes", notes::STATEMENTS),
        ("offers", offers::STATEMENTS),
        ("orders", orders::STATEMENTS),
        ("outbox", outbox::STATEMENTS),
        ("policies", policies::STATEMENTS),
        ("profile", profile::STATEMENTS),
        ("programs", programs::STATEMENTS),
        ("promotions", promotions::STATEMENTS),
        ("push_addresses", push_addresses::STATEMENTS),
        ("push_events", push_events::STATEMENTS),
        ("pushes", pushes::STATEMENTS),
        ("receipts", receipts::STATEMENTS),
        ("redemption_days", redemption_days::STATEMENTS),
        ("redemptions", redemptions::STATEMENTS),
        ("referrals", referrals::STATEMENTS),
        ("registrations", registrations::STATEMENTS),
        ("seals", seals::STATEMENTS),
        ("segment_rules", segment_rules::STATEMENTS),
        ("segments", segments::STATEMENTS),
        ("stations", stations::STATEMENTS),
        ("tags", tags::STATEMENTS),
        ("timeline", timeline::STATEMENTS),
        ("topics", topics::STATEMENTS),
        ("uploads", uploads::STATEMENTS),
        ("utms", utms::STATEMENTS),
        ("windows", windows::STATEMENTS),
        ("works", works::STATEMENTS),
    ];
    files
        .iter()
        .flat_map(|(file, list)| list.iter().map(|sql| (*file, *sql)))
        .collect()
}
