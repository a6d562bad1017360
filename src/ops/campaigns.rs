//! Campaigns: staff make, start and end them, and put cards in and out; everything else follows from events and time.
//!
//! `follow` is asked in the transaction of every event, `look` finds what time alone triggers, and `act` does
//! what is due.

pub(crate) mod act;
pub(crate) mod follow;
mod look;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::bulk;
use crate::domain::campaign::step::Membership;
use crate::domain::campaign::trigger::Signals;
use crate::domain::campaign::{
    Campaign, CampaignRules, CampaignRulesError, CampaignState, Cause, Trigger, checked_name, sweep,
};
use crate::domain::card::{Card, CardStatus};
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CampaignId, CardId, MerchantId};
use crate::domain::segment::answers::Incomparable;
use crate::domain::time::Timestamp;
use crate::domain::wording::WordingError;
use crate::ops::audience::{self, Audience, BEGIN};
use crate::ops::chores::TURN;
use crate::ops::{Ops, engagement};
use crate::store::campaigns::actions::{self, Message, NewAction};
use crate::store::campaigns::{self, Member};
use crate::store::{Change, Error, Tx, cards, events, segments};

/// Why a campaign was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    #[error("there is no such campaign")]
    NotFound,
    #[error("there is no merchant {0}")]
    NoMerchant(MerchantId),
    #[error("campaigns are run by staff; got {got}")]
    NotStaff { got: &'static str },
    #[error(transparent)]
    Rules(#[from] CampaignRulesError),
    /// The rule of those who are eligible compares what no program asks for as such.
    #[error("eligible: {0}")]
    Incomparable(#[from] Incomparable),
    #[error(transparent)]
    Name(#[from] WordingError),
    #[error("a campaign that is {from} cannot become {to}")]
    State { from: &'static str, to: &'static str },
    #[error("this campaign has ended")]
    Ended,
    /// Somebody else changed the campaign since the caller looked at it.
    #[error("this campaign has changed meanwhile; look again and decide anew")]
    Stale,
    #[error(transparent)]
    Store(#[from] Error),
}

/// A campaign with what has come of it.
#[derive(Debug, Clone)]
pub struct CampaignReport {
    pub campaign: Campaign,
    /// How many occurrences are fired, waiting, done, skipped, cancelled.
    pub counts: Vec<(String, i64)>,
}

impl Ops {
    /// Makes a draft.
    pub async fn create_campaign(
        &self,
        merchant: MerchantId,
        name: &str,
        rules: CampaignRules,
        actor: Actor,
    ) -> Result<Campaign, CampaignError> {
        staff(actor)?;
        let now = self.clock.now();
        let campaign = Campaign {
            id: CampaignId(self.ids.next(now)),
            merchant,
            name: checked_name(name)?,
            rules: rules.checked()?,
            state: CampaignState::Draft,
            created_at: now,
            version: 1,
        };
        self.store
            .write("create_campaign", move |tx| {
                let campaign = campaign.clone();
                Box::pin(async move {
                    campaigns::zone(tx, merchant)
                        .await?
                        .ok_or(CampaignError::NoMerchant(merchant))?;
                    check_eligible(tx, &campaign, now).await?;
                    campaigns::insert(tx, &campaign).await?;
                    Ok(campaign)
                })
            })
            .await
    }

    /// Changes name and rules. `seen` is the version that the caller looked at. What is waiting already is done by the
    /// new rules.
    pub async fn edit_campaign(
        &self,
        merchant: MerchantId,
        campaign: CampaignId,
        seen: i64,
        (name, rules): (&str, CampaignRules),
        actor: Actor,
    ) -> Result<Campaign, CampaignError> {
        let (name, rules) = (checked_name(name)?, rules.checked()?);
        self.alter_campaign("edit_campaign", merchant, campaign, actor, move |campaign| {
            if campaign.version != seen {
                return Err(CampaignError::Stale);
            }
            if campaign.state == CampaignState::Ended {
                return Err(CampaignError::Ended);
            }
            campaign.name.clone_from(&name);
            campaign.rules = rules.clone();
            Ok(())
        })
        .await
    }

    /// Starts, pauses, resumes or ends a campaign.
    pub async fn set_campaign_state(
        &self,
        merchant: MerchantId,
        campaign: CampaignId,
        to: CampaignState,
        actor: Actor,
    ) -> Result<Campaign, CampaignError> {
        self.alter_campaign("set_campaign_state", merchant, campaign, actor, move |campaign| {
            if !campaign.state.may_become(to) {
                return Err(CampaignError::State {
                    from: campaign.state.as_str(),
                    to: to.as_str(),
                });
            }
            campaign.state = to;
            Ok(())
        })
        .await
    }

    async fn alter_campaign(
        &self,
        name: &'static str,
        merchant: MerchantId,
        campaign: CampaignId,
        actor: Actor,
        alter: impl Fn(&mut Campaign) -> Result<(), CampaignError> + Send + Sync + 'static,
    ) -> Result<Campaign, CampaignError> {
        staff(actor)?;
        let now = self.clock.now();
        let alter = Arc::new(alter);
        self.store
            .write(name, move |tx| {
                let alter = Arc::clone(&alter);
                Box::pin(async move {
                    let mut campaign = campaigns::campaign_for_update(tx, merchant, campaign)
                        .await?
                        .ok_or(CampaignError::NotFound)?;
                    let before = campaign.rules.eligible.clone();
                    alter(&mut campaign)?;
                    if campaign.rules.eligible != before {
                        check_eligible(tx, &campaign, now).await?;
                    }
                    campaign.version += 1;
                    let zone = campaigns::zone(tx, merchant).await?.unwrap_or_default();
                    let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
                    let is_active = campaign.state == CampaignState::Active;
                    let look = first_look(&campaign.rules, now, &zone).filter(|_| is_active);
                    campaigns::save(tx, &campaign, look).await?;
                    listen(tx, merchant).await?;
                    Ok(campaign)
                })
            })
            .await
    }

    /// Puts everybody in `audience` into a campaign, a page in each transaction; returns how many joined. A segment
    /// does not bring back who was taken out by hand.
    pub async fn join_campaign(
        &self,
        merchant: MerchantId,
        campaign: CampaignId,
        audience: Arc<dyn Audience>,
        cause: Cause,
        actor: Actor,
    ) -> Result<usize, CampaignError> {
        let moved = self.move_members(merchant, campaign, audience, (true, cause), actor);
        Ok(moved.await?.0)
    }

    /// Takes everybody in `audience` out of a campaign and cancels what is due for them; returns how many left.
    pub async fn leave_campaign(
        &self,
        merchant: MerchantId,
        campaign: CampaignId,
        audience: Arc<dyn Audience>,
        cause: Cause,
        actor: Actor,
    ) -> Result<usize, CampaignError> {
        let moved = self.move_members(merchant, campaign, audience, (false, cause), actor);
        Ok(moved.await?.0)
    }

    /// Makes the members that a segment put in those that it names now: who is new joins, who is gone leaves. Returns
    /// how many joined and left.
    pub async fn sync_campaign(
        &self,
        merchant: MerchantId,
        campaign: CampaignId,
        segment: Arc<dyn Audience>,
        actor: Actor,
    ) -> Result<(usize, usize), CampaignError> {
        let wish = (true, Cause::Segment);
        let (joined, named) = self
            .move_members(merchant, campaign, segment, wish, actor)
            .await?;
        let (mut gone, mut after) = (Vec::new(), BEGIN);
        loop {
            let page = self.store.read("campaign_members", move |tx| {
                Box::pin(async move { campaigns::members_after(tx, (merchant, campaign), after, TURN).await })
            });
            let page: Vec<Member> = page.await?;
            let Some(last) = page.last() else { break };
            after = last.card;
            let by_segment = page.iter().filter(|member| member.cause == Cause::Segment);
            gone.extend(
                by_segment
                    .map(|member| member.card)
                    .filter(|card| !named.contains(card)),
            );
        }
        let wish = (false, Cause::Segment);
        let gone = Arc::new(bulk::Audience::Cards(gone));
        let (left, _) = self.move_members(merchant, campaign, gone, wish, actor).await?;
        Ok((joined, left))
    }

    /// Returns how many moved, and whom the audience named.
    async fn move_members(
        &self,
        merchant: MerchantId,
        campaign: CampaignId,
        audience: Arc<dyn Audience>,
        (joins, cause): (bool, Cause),
        actor: Actor,
    ) -> Result<(usize, HashSet<CardId>), CampaignError> {
        staff(actor)?;
        let (mut total, mut named, mut after) = (0, HashSet::new(), BEGIN);
        loop {
            let wanted = audience::next(&self.store, &audience, merchant, after, TURN).await?;
            let (page, now) = (wanted.clone(), self.clock.now());
            let moved = self.store.write("move_members", move |tx| {
                let page = page.clone();
                Box::pin(async move {
                    let campaign = campaigns::campaign(tx, merchant, campaign)
                        .await?
                        .ok_or(CampaignError::NotFound)?;
                    if campaign.state == CampaignState::Ended {
                        return Err(CampaignError::Ended);
                    }
                    Ok(move_page(tx, &campaign, &page, (joins, cause), actor, now).await?)
                })
            });
            let moved: usize = moved.await?;
            let Some(last) = wanted.last() else {
                return Ok((total, named));
            };
            after = *last;
            total += moved;
            named.extend(wanted);
        }
    }

    /// A merchant's campaigns, newest first.
    pub async fn campaigns(&self, merchant: MerchantId) -> Result<Vec<Campaign>, Error> {
        self.store
            .read("campaigns", move |tx| {
                Box::pin(async move { campaigns::campaigns(tx, merchant).await })
            })
            .await
    }

    pub async fn campaign_report(
        &self,
        merchant: MerchantId,
        campaign: CampaignId,
    ) -> Result<CampaignReport, CampaignError> {
        self.store
            .read("campaign_report", move |tx| {
                Box::pin(async move {
                    let found = campaigns::campaign(tx, merchant, campaign).await?;
                    Ok(CampaignReport {
                        campaign: found.ok_or(CampaignError::NotFound)?,
                        counts: actions::counts(tx, (merchant, campaign)).await?,
                    })
                })
            })
            .await
    }

    /// The campaigns that a card is or was in.
    pub async fn campaigns_of_card(
        &self,
        merchant: MerchantId,
        card: CardId,
    ) -> Result<Vec<(Campaign, Member)>, Error> {
        self.store
            .read("campaigns_of_card", move |tx| {
                Box::pin(async move { campaigns::of_card(tx, merchant, card).await })
            })
            .await
    }

    /// Messages that a merchant's campaigns want sent, the oldest first.
    pub async fn campaign_messages(&self, merchant: MerchantId, limit: i64) -> Result<Vec<Message>, Error> {
        let now = self.clock.now();
        self.store
            .read("campaign_messages", move |tx| {
                Box::pin(async move { actions::messages(tx, merchant, now, limit).await })
            })
            .await
    }
}

async fn check_eligible(tx: &mut Tx<'_>, campaign: &Campaign, now: Timestamp) -> Result<(), CampaignError> {
    let Some(rule) = &campaign.rules.eligible else {
        return Ok(());
    };
    let context = segments::context(tx, campaign.merchant, now).await?;
    let context = context.ok_or(CampaignError::NoMerchant(campaign.merchant))?;
    Ok(rule.checked_for(&context)?)
}

fn staff(actor: Actor) -> Result<(), CampaignError> {
    match actor {
        Actor::Member(_) | Actor::Gateway => Ok(()),
        Actor::Station(_) | Actor::Device => Err(CampaignError::NotStaff {
            got: actor.usual_source().as_str(),
        }),
    }
}

/// Silence and ends are looked for at once, a birthday at its next hour.
fn first_look(rules: &CampaignRules, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    match rules.trigger {
        Trigger::Inactive { .. } | Trigger::ExpiryNear { .. } => Some(now),
        _ => sweep::next_look(rules, now, now, zone),
    }
}

/// Writes down what the merchant's running campaigns listen to.
async fn listen(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<(), Error> {
    let before = campaigns::signals_for_update(tx, merchant)
        .await?
        .unwrap_or_default();
    let active = campaigns::active(tx, &[merchant]).await?;
    let signals = active
        .iter()
        .map(|campaign| campaign.rules.signals())
        .fold(before.common(Signals::REFERRALS), Signals::and);
    campaigns::set_signals(tx, merchant, signals).await
}

async fn move_page(
    tx: &mut Tx<'_>,
    campaign: &Campaign,
    wanted: &[CardId],
    (joins, cause): (bool, Cause),
    actor: Actor,
    now: Timestamp,
) -> Result<usize, Error> {
    let of = (campaign.merchant, campaign.id);
    let mut held = engagement::locked(tx, campaign.merchant, wanted).await?;
    let mut known: HashMap<_, _> = campaigns::members(tx, of, wanted)
        .await?
        .into_iter()
        .map(|member| (member.card, member))
        .collect();
    let (mut rows, mut members) = (Vec::new(), Vec::new());
    for card in wanted.iter().filter_map(|card| held.get(card)) {
        let mut member = known.remove(&card.id).unwrap_or_else(|| stranger(card.id, now));
        let to = if joins { Membership::Joined } else { left(cause) };
        let moves = match (joins, member.membership) {
            (true, Membership::Joined)
            | (false, Membership::Left | Membership::LeftByHand | Membership::Never) => false,
            (true, Membership::LeftByHand) => cause == Cause::Hand,
            (true, _) => card.status != CardStatus::Void,
            (false, Membership::Joined) => true,
        };
        if moves {
            member.membership = to;
            member.cause = cause;
            member.changed_at = now;
            rows.push(moved(campaign, card, joins, cause, actor, now));
            members.push(member);
        }
    }
    let ids = events::append(tx, &mut held, &rows, now).await?;
    campaigns::save_members(tx, of, &members).await?;
    let moved: Vec<_> = members.iter().map(|member| member.card).collect();
    if !joins {
        actions::cancel(tx, of, &moved, now).await?;
    } else if campaign.rules.trigger == Trigger::Joined {
        let fired = moved.iter().zip(&ids).map(|(card, event)| NewAction {
            merchant: of.0,
            campaign: of.1,
            card: *card,
            occurrence: event.0,
            leaves: false,
            at: now,
        });
        actions::fire(tx, &fired.collect::<Vec<_>>()).await?;
    }
    let changed: Vec<Card> = moved.iter().filter_map(|card| held.get(card).cloned()).collect();
    cards::save(tx, &changed, now).await?;
    for card in &changed {
        tx.announce(Change::Card(card.merchant, card.id));
    }
    Ok(changed.len())
}

/// A card that has had nothing to do with a campaign.
fn stranger(card: CardId, now: Timestamp) -> Member {
    Member {
        card,
        membership: Membership::Never,
        cause: Cause::Trigger,
        changed_at: now,
        runs: 0,
        last_run: None,
    }
}

fn left(cause: Cause) -> Membership {
    match cause {
        Cause::Hand => Membership::LeftByHand,
        Cause::Segment | Cause::Trigger => Membership::Left,
    }
}

/// The row that says that a card joined or left.
fn moved(
    campaign: &Campaign,
    card: &Card,
    joins: bool,
    cause: Cause,
    actor: Actor,
    now: Timestamp,
) -> NewEvent {
    let kind = if joins {
        EventKind::CampaignJoined
    } else {
        EventKind::CampaignDisjoined
    };
    NewEvent::of_card(card.id, kind, actor, now).with_detail(said(campaign, cause))
}

fn said(campaign: &Campaign, cause: Cause) -> Detail {
    Detail::Campaign {
        campaign: campaign.id,
        name: campaign.name.clone(),
        cause,
    }
}
