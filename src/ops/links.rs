//! Counted links: where they lead, on which passes they are, and how often they were followed.

use crate::domain::id::{LinkId, MerchantId, ProgramId};
use crate::domain::link::Target;
use crate::domain::wording::{self, WordingError};
use crate::ops::Ops;
use crate::store::links::{self, Clicked, Kind, Link};
use crate::store::{Error, cards};

/// Why a program's link is not set.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("there is no such program")]
    NoProgram,
    #[error(transparent)]
    Wording(#[from] WordingError),
    #[error(transparent)]
    Store(#[from] Error),
}

impl Ops {
    /// A link with where it leads; none when there is no such link (any more).
    pub async fn link(&self, merchant: MerchantId, link: LinkId) -> Result<Option<Link>, Error> {
        self.store
            .read("link", move |tx| {
                Box::pin(async move { links::link(tx, merchant, link).await })
            })
            .await
    }

    /// Adds clicks up; `clicked` is in the order of its keys, each once.
    pub async fn add_clicks(&self, clicked: Vec<Clicked>) -> Result<(), Error> {
        self.store
            .write("add_clicks", move |tx| {
                let clicked = clicked.clone();
                Box::pin(async move { links::add(tx, &clicked).await })
            })
            .await
    }

    /// Sets the link on the back of a program's passes; none takes it away. Passes show it when they change next.
    pub async fn set_program_link(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        link: Option<(String, Target)>,
    ) -> Result<(), LinkError> {
        let now = self.clock.now();
        let link = match link {
            Some((label, target)) => Some((wording::line("label", &label, 1, 40)?, target)),
            None => None,
        };
        self.store
            .write("set_program_link", move |tx| {
                let link = link.clone();
                Box::pin(async move {
                    cards::program(tx, merchant, program)
                        .await?
                        .ok_or(LinkError::NoProgram)?;
                    let id = LinkId(program.0);
                    match &link {
                        Some((label, target)) => {
                            links::save(tx, merchant, id, Kind::Program, Some(label), target, now).await?;
                        }
                        None => links::delete(tx, merchant, id).await?,
                    }
                    Ok(())
                })
            })
            .await
    }

    /// A merchant's links before `before`, newest first.
    pub async fn links(
        &self,
        merchant: MerchantId,
        before: Option<LinkId>,
        limit: i64,
    ) -> Result<Vec<Link>, Error> {
        let before = before.unwrap_or(LinkId(i64::MAX));
        self.store
            .read("links", move |tx| {
                Box::pin(async move { links::links(tx, merchant, before, limit).await })
            })
            .await
    }

    /// How often all links of a merchant were followed.
    pub async fn clicks(&self, merchant: MerchantId) -> Result<i64, Error> {
        self.store
            .read("clicks", move |tx| {
                Box::pin(async move { links::sum(tx, merchant).await })
            })
            .await
    }
}
