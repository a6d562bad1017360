//! Taking back what a card was given last: a use of a promotion, a redemption of an offer.

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::done_by::DoneBy;
use crate::domain::id::{CardId, MerchantId};
use crate::ops::Ops;
use crate::ops::given::Given;

// Which card, and who takes it back; not told as help, where each command says what it does.
#[derive(Args)]
pub(super) struct GivenTo {
    #[arg(long)]
    merchant: MerchantId,
    /// The card by which it was given; the newest that stands is taken back.
    #[arg(long)]
    card: CardId,
    #[command(flatten)]
    by: DoneBy,
}

impl GivenTo {
    /// Takes it back; `what` says what that is.
    pub(super) async fn run(&self, ops: &Ops, given: Given, what: &str) -> Result<()> {
        let actor = self.by.actor(ops, self.merchant).await?;
        let Some(event) = ops.last_given(self.merchant, self.card, given).await? else {
            bail!("card {} has {what} that could be taken back", self.card);
        };
        ops.reverse(self.merchant, self.card, event, actor).await?;
        println!("taken back: row {} of the card's timeline", event.0);
        Ok(())
    }
}
