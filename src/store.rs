//! The store: the only room with SQL. Two engines behind one facade, one file for each aggregate.

pub mod registrations;
pub mod sql;
pub mod tags;

use std::future::Future;
use std::pin::Pin;

use crate::domain::id::{CardId, MerchantId};
pub use sql::{FromRow, Row, Tx, Value};

/// What a transaction tells the rest of passgate once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Something happened to this card.
    Card(MerchantId, CardId),
    /// There may be pushes to send.
    Pushes,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("todo")]
    Todo,
}

/// What a transaction body returns.
pub type TxFuture<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

#[derive(Clone)]
pub struct Store {}

impl Store {
    pub async fn open(_url: &str, _connections: usize) -> Result<Self, Error> {
        todo!()
    }

    /// Brings the schema up to date; safe to run on several nodes at once.
    pub async fn migrate(&self) -> Result<(), Error> {
        todo!()
    }

    /// Runs `body` in one named transaction and answers after the commit is durable. `body` may run more than
    /// once (a conflict on PostgreSQL); it must have no effect but through the transaction.
    pub async fn write<T, E, F>(&self, _name: &'static str, _body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E> + Send + Sync + 'static,
    {
        todo!()
    }

    /// Runs `body` on one snapshot, read only.
    pub async fn read<T, E, F>(&self, _name: &'static str, _body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E> + Send + Sync,
    {
        todo!()
    }

    /// Changes as they become durable, from every node. A slow reader misses some and is told so.
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Change> {
        todo!()
    }
}
