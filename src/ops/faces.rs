//! Faces for senders that write a card's whole state, read when the push leaves: the newest state is what is sent.

use std::sync::Arc;

use crate::domain::face::CardFace;
use crate::domain::id::{CardId, MerchantId};
use crate::push::BoxFuture;
use crate::push::dispatcher::Faces;
use crate::store::cards::{self, CardWithProgram};
use crate::store::{Error, Store};

#[derive(Clone)]
pub struct StoredFaces {
    store: Store,
}

impl StoredFaces {
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Faces for StoredFaces {
    fn faces(&self, keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, Error>> {
        Box::pin(async move {
            let keys = Arc::new(keys);
            self.store
                .read("faces", move |tx| {
                    let keys = Arc::clone(&keys);
                    Box::pin(async move {
                        let cards = cards::cards(tx, &keys).await?;
                        Ok(cards.iter().map(CardWithProgram::face).collect())
                    })
                })
                .await
        })
    }
}
