//! Looks at all cards of a merchant for what time alone triggers, a page in each turn.
//!
//! A campaign says when its next look is due and how far the present one has come, so that it goes on after a restart;
//! one node at a time has it in hand. What a look finds is named by what it found, so that finding it twice adds
//! nothing.

use std::collections::HashSet;

use jiff::tz::TimeZone;

use crate::domain::campaign::sweep;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::audience::BEGIN;
use crate::ops::chores::TURN;
use crate::store::campaigns::actions::{self, NewAction};
use crate::store::{Error, Tx, campaigns};

impl Ops {
    /// Looks at the next page of cards. A chore: returns how many cards it looked at, at least 1 where there was
    /// anything to do.
    pub(in crate::ops) async fn look_for_campaigns(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("look_for_campaigns", move |tx| {
                Box::pin(async move { look(tx, now).await })
            })
            .await
    }
}

async fn look(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, Error> {
    let Some(due) = campaigns::due_look(tx, now).await? else {
        return Ok(0);
    };
    let campaign = &due.campaign;
    let (rules, of) = (&campaign.rules, (campaign.merchant, campaign.id));
    let zone = TimeZone::get(&due.zone).unwrap_or(TimeZone::UTC);
    let glances = campaigns::glances(tx, campaign.merchant, due.after, TURN).await?;
    let found: Vec<_> = glances
        .iter()
        .filter_map(|glance| Some((glance.card, sweep::found(rules, glance, due.at, &zone)?)))
        .collect();
    let known: HashSet<_> = actions::known(tx, of, &found).await?.into_iter().collect();
    let new: Vec<_> = found
        .into_iter()
        .filter(|key| !known.contains(key))
        .map(|(card, occurrence)| NewAction {
            merchant: of.0,
            campaign: of.1,
            card,
            occurrence,
            leaves: false,
            at: due.at,
        })
        .collect();
    actions::fire(tx, &new).await?;
    let is_last = i64::try_from(glances.len()).is_ok_and(|count| count < TURN);
    match glances.last() {
        Some(last) if !is_last => campaigns::move_look(tx, campaign, Some(due.at), last.card).await?,
        _ => {
            let next = sweep::next_look(rules, due.at, now, &zone);
            campaigns::move_look(tx, campaign, next, BEGIN).await?;
        }
    }
    Ok(glances.len().max(1))
}
