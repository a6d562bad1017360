//! Faces for senders that write a card's whole state, read when the push leaves: the newest state is what is sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::face::CardFace;
use crate::domain::id::{CardId, LinkId, MerchantId, MessageId};
use crate::domain::link::Addresses;
use crate::push::BoxFuture;
use crate::push::dispatcher::Faces;
use crate::store::cards::{self, CardWithProgram};
use crate::store::links::{self, Link};
use crate::store::{Error, Store};

#[derive(Clone)]
pub struct StoredFaces {
    store: Store,
    addresses: Addresses,
}

impl StoredFaces {
    /// Links of programs and messages lead through `addresses`.
    pub fn new(store: Store, addresses: Addresses) -> Self {
        Self { store, addresses }
    }
}

impl Faces for StoredFaces {
    fn faces(&self, keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, Error>> {
        Box::pin(async move {
            let keys = Arc::new(keys);
            let addresses = self.addresses.clone();
            self.store
                .read("faces", move |tx| {
                    let (keys, addresses) = (Arc::clone(&keys), addresses.clone());
                    Box::pin(async move {
                        let cards = cards::cards(tx, &keys).await?;
                        let mut faces: Vec<CardFace> = cards.iter().map(CardWithProgram::face).collect();
                        let programs: BTreeSet<_> =
                            faces.iter().map(|face| (face.merchant, face.program)).collect();
                        let programs: Vec<_> = programs.into_iter().collect();
                        let links = links::of_programs(tx, &programs).await?;
                        for face in &mut faces {
                            let link = links.get(&(face.merchant, face.program));
                            let of = |link: &Link| (face.merchant, link.id, face.card);
                            face.link = link
                                .map(|link| addresses.counted(of(link), link.label.as_deref(), &link.target));
                        }
                        Ok(faces)
                    })
                })
                .await
        })
    }

    fn link(&self, (merchant, card): (MerchantId, CardId), message: MessageId) -> Option<String> {
        Some(self.addresses.of(merchant, LinkId(message.0), card))
    }
}
