//! Who does what a command does: a member where one is named, and else the gateway itself.

use anyhow::{Result, anyhow};
use clap::Args;

use crate::domain::event::Actor;
use crate::domain::id::MerchantId;
use crate::ops::Ops;

#[derive(Args)]
pub(super) struct DoneBy {
    /// Email address of the member on whose behalf this is done; it goes into the timeline.
    #[arg(long)]
    by: Option<String>,
}

impl DoneBy {
    pub(super) async fn actor(&self, ops: &Ops, merchant: MerchantId) -> Result<Actor> {
        let Some(email) = &self.by else {
            return Ok(Actor::Gateway);
        };
        let member = ops.member_by_email(merchant, email).await?;
        let member =
            member.ok_or_else(|| anyhow!("--by: expected the address of a member; got {email:?}"))?;
        Ok(Actor::Member(member))
    }
}
