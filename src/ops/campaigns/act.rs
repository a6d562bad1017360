//! Does what campaigns have due: one turn is one transaction with some occurrences of one campaign.
//!
//! Cards are locked before their occurrences, and an occurrence is closed in the transaction that does what it asks
//! for: whatever dies in between, and however many nodes look at once, it is done once.

use std::collections::{HashMap, HashSet};

use crate::domain::bonus;
use crate::domain::budget::Classes;
use crate::domain::campaign::step::{self, Membership, Occurrence, Skip, Stage, Standing, Verdict};
use crate::domain::campaign::{Action, Campaign, CampaignState, Cause, Trigger, sweep, trigger};
use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, NewEvent};
use crate::domain::id::{CampaignId, CardId, CustomerId, EventId, MerchantId, OfferId, ProgramId};
use crate::domain::offer::{self, Holding, Offer};
use crate::domain::segment::{Plan, Rule};
use crate::domain::time::Timestamp;
use crate::ops::captures::NEIGHBOURS;
use crate::ops::chores::TURN;
use crate::ops::{Ops, balances, engagement};
use crate::store::campaigns::actions::{self, Fate, Key, Message, Open};
use crate::store::campaigns::{self, Member};
use crate::store::cards::ProgramOfMerchant;
use crate::store::{Change, Error, Tx, cards, dues, events, offers, outbox, segments};

/// Occurrences in one turn of a campaign that must read ledgers back.
const READING_TURN: i64 = 25;

impl Ops {
    /// Does some of what campaigns have due. A chore: returns how much it looked at.
    pub(in crate::ops) async fn act_for_campaigns(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("act_for_campaigns", move |tx| {
                Box::pin(async move { turn(tx, now).await })
            })
            .await
    }
}

async fn turn(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, Error> {
    let Some((merchant, id)) = actions::due_campaign(tx, now).await? else {
        return Ok(0);
    };
    let campaign = campaigns::campaign(tx, merchant, id).await?;
    let Some(campaign) = campaign.filter(|campaign| campaign.state == CampaignState::Active) else {
        return Ok(0);
    };
    let limit = match campaign.rules.trigger {
        Trigger::RewardUnused { .. } => READING_TURN,
        _ => TURN,
    };
    let due = actions::due(tx, (merchant, id), now, limit).await?;
    let mut turn = Turn::load(tx, campaign, &due, now).await?;
    // Others may have done some of it while this one waited for the cards.
    for open in actions::open_for_update(tx, (merchant, id), &due).await? {
        turn.look_at(tx, open).await?;
    }
    turn.write(tx).await?;
    Ok(due.len())
}

/// One campaign and some of its cards, locked, with what happens to them.
struct Turn {
    campaign: Campaign,
    now: Timestamp,
    cards: HashMap<CardId, Card>,
    programs: HashMap<ProgramId, ProgramOfMerchant>,
    members: HashMap<CardId, Member>,
    recent: HashMap<CardId, Vec<Timestamp>>,
    offer: Option<(Offer, HashMap<CustomerId, Holding>)>,
    /// Those in the segment that the campaign is for; none where it is for all.
    eligible: Option<HashSet<CardId>>,
    /// What has changed.
    events: Vec<NewEvent>,
    faces: HashSet<CardId>,
    moved: HashSet<CardId>,
    left: HashMap<CardId, Timestamp>,
    fates: Vec<(Key, Fate)>,
    messages: Vec<Message>,
    holdings: Vec<Holding>,
}

impl Turn {
    async fn load(tx: &mut Tx<'_>, campaign: Campaign, due: &[Key], now: Timestamp) -> Result<Self, Error> {
        let of = (campaign.merchant, campaign.id);
        let mut ids: Vec<_> = due.iter().map(|(card, _)| *card).collect();
        ids.sort_unstable();
        ids.dedup();
        let cards = engagement::locked(tx, campaign.merchant, &ids).await?;
        let programs: HashSet<_> = cards.values().map(|card| (card.merchant, card.program)).collect();
        let programs: Vec<_> = programs.into_iter().collect();
        let programs = cards::programs_of(tx, &programs).await?;
        let members = campaigns::members(tx, of, &ids).await?;
        let mut recent: HashMap<_, Vec<_>> = HashMap::new();
        if let Some(cap) = campaign.rules.cap {
            let since = now.minus(step::span(cap.days));
            for (card, at) in actions::recent(tx, of, &ids, since).await? {
                recent.entry(card).or_default().push(at);
            }
        }
        let offer = match campaign.rules.action {
            Action::Offer { offer } => offer_in_hand(tx, campaign.merchant, offer, &cards).await?,
            Action::Bonus { .. } | Action::Message { .. } => None,
        };
        let eligible = match &campaign.rules.eligible {
            Some(rule) => Some(eligible(tx, campaign.merchant, rule, &ids, now).await?),
            None => None,
        };
        Ok(Self {
            now,
            eligible,
            cards,
            programs: programs.into_iter().map(|of| (of.program.id, of)).collect(),
            members: members.into_iter().map(|member| (member.card, member)).collect(),
            recent,
            offer,
            events: Vec::new(),
            faces: HashSet::new(),
            moved: HashSet::new(),
            left: HashMap::new(),
            fates: Vec::new(),
            messages: Vec::new(),
            holdings: Vec::new(),
            campaign,
        })
    }

    async fn look_at(&mut self, tx: &mut Tx<'_>, open: Open) -> Result<(), Error> {
        let key = (open.card, open.occurrence);
        let Some(card) = self.cards.get(&open.card).cloned() else {
            self.fates.push((key, Fate::Cancelled));
            return Ok(());
        };
        if self.left.get(&open.card).is_some_and(|left| open.at <= *left) {
            self.fates.push((key, Fate::Cancelled));
            return Ok(());
        }
        let is_eligible = self
            .eligible
            .as_ref()
            .is_none_or(|cards| cards.contains(&open.card));
        if !open.leaves && !is_eligible {
            self.fates.push((key, Fate::Skipped(Skip::NotEligible)));
            return Ok(());
        }
        let occurrence = Occurrence {
            stage: open.stage,
            at: open.at,
            leaves: open.leaves,
            holds: open.stage == Stage::Waiting || self.holds(tx, &card, open.occurrence).await?,
            has_ended: card.status == CardStatus::Void || card.is_expired(self.now),
        };
        let standing = self.standing(open.card);
        let fate = match step::decide(&self.campaign.rules, occurrence, &standing, self.now) {
            Verdict::Skip(why) => Fate::Skipped(why),
            Verdict::Leave => {
                self.move_member(&card, Membership::Left);
                self.left.insert(open.card, open.at);
                self.messages.retain(|message| message.card != open.card);
                Fate::Done(self.now)
            }
            Verdict::Wait { joins, until } => {
                self.join(&card, joins);
                Fate::WaitsUntil(until)
            }
            Verdict::Run { joins } => {
                self.join(&card, joins);
                self.run(&card, open.occurrence)
            }
        };
        self.fates.push((key, fate));
        Ok(())
    }

    /// Whether what pulled the trigger is still so.
    async fn holds(&self, tx: &mut Tx<'_>, card: &Card, occurrence: i64) -> Result<bool, Error> {
        if let (Trigger::RewardUnused { .. }, Some(newest)) = (self.campaign.rules.trigger, card.last_event) {
            let history = events::history(tx, card.merchant, newest, NEIGHBOURS).await?;
            return Ok(trigger::is_reward_unused(card, &history, EventId(occurrence)));
        }
        let since = sweep::silent_since(card.last_visit_at, card.created_at);
        Ok(sweep::still_holds(
            &self.campaign.rules,
            occurrence,
            since,
            card.expires_at,
        ))
    }

    fn standing(&self, card: CardId) -> Standing {
        let member = self.members.get(&card);
        Standing {
            membership: member.map_or(Membership::Never, |member| member.membership),
            runs: member.map_or(0, |member| member.runs),
            last_run: member.and_then(|member| member.last_run),
            recent: self.recent.get(&card).cloned().unwrap_or_default(),
        }
    }

    fn join(&mut self, card: &Card, joins: bool) {
        if joins {
            self.move_member(card, Membership::Joined);
        }
    }

    fn move_member(&mut self, card: &Card, to: Membership) {
        let member = self.member(card.id);
        member.membership = to;
        member.cause = Cause::Trigger;
        let joins = to == Membership::Joined;
        let row = super::moved(
            &self.campaign,
            card,
            joins,
            Cause::Trigger,
            Actor::Gateway,
            self.now,
        );
        self.events.push(row);
    }

    fn member(&mut self, card: CardId) -> &mut Member {
        let now = self.now;
        self.moved.insert(card);
        let member = self
            .members
            .entry(card)
            .or_insert_with(|| super::stranger(card, now));
        member.changed_at = now;
        member
    }

    /// Does the action.
    fn run(&mut self, card: &Card, occurrence: i64) -> Fate {
        let done = match &self.campaign.rules.action {
            Action::Bonus { amount } => self.give(card, *amount),
            Action::Offer { .. } => self.assign(card),
            Action::Message { class, text } => {
                self.messages.push(Message {
                    card: card.id,
                    occurrence,
                    class: *class,
                    text: text.clone(),
                    due: self.now,
                });
                true
            }
        };
        if !done {
            return Fate::Skipped(Skip::Refused);
        }
        let mut standing = self.standing(card.id);
        step::note_run(&mut standing, self.now);
        let member = self.member(card.id);
        (member.runs, member.last_run) = (standing.runs, standing.last_run);
        self.recent.insert(card.id, standing.recent);
        Fate::Done(self.now)
    }

    fn give(&mut self, card: &Card, amount: i64) -> bool {
        let Some(of) = self.programs.get(&card.program) else {
            return false;
        };
        let (reason, detail) = (&self.campaign.name, super::said(&self.campaign, Cause::Trigger));
        let given = balances::caught_up(of, card, self.now, |card| {
            bonus::give(&of.program.rules, card, amount, reason, &detail, self.now)
        });
        let Ok(change) = given else {
            return false;
        };
        self.cards.insert(card.id, change.card);
        self.events.extend(change.events);
        self.faces.insert(card.id);
        true
    }

    fn assign(&mut self, card: &Card) -> bool {
        let Some((offer, holdings)) = &mut self.offer else {
            return false;
        };
        let holding = holdings
            .entry(card.customer)
            .or_insert_with(|| offer.untouched(card));
        let Some(event) = offer::assign(offer, holding, card, Actor::Gateway, self.now) else {
            return false;
        };
        self.holdings.push(*holding);
        self.events.push(event.with_reason(self.campaign.name.clone()));
        true
    }

    async fn write(mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let of: (MerchantId, CampaignId) = (self.campaign.merchant, self.campaign.id);
        events::append(tx, &mut self.cards, &self.events, self.now).await?;
        let told: HashSet<_> = self.events.iter().filter_map(NewEvent::card).collect();
        let mut changed: Vec<_> = told
            .iter()
            .filter_map(|card| self.cards.get(card))
            .cloned()
            .collect();
        changed.sort_by_key(|card| card.id);
        cards::save(tx, &changed, self.now).await?;
        let seen: Vec<_> = changed
            .iter()
            .filter(|card| self.faces.contains(&card.id))
            .collect();
        dues::arm(tx, seen.iter().copied()).await?;
        let told = seen.into_iter().map(|card| {
            let of_card = self.events.iter().filter(|event| event.card() == Some(card.id));
            (card, Classes::touched(of_card))
        });
        let members: Vec<_> = self
            .moved
            .iter()
            .filter_map(|card| self.members.get(card).copied())
            .collect();
        campaigns::save_members(tx, of, &members).await?;
        offers::save_holdings(tx, of.0, &self.holdings).await?;
        actions::save(tx, of, &self.fates).await?;
        // After the fates: what was put off before the card left goes too.
        for (card, until) in &self.left {
            actions::cancel(tx, of, &[*card], *until).await?;
        }
        actions::queue(tx, of, &self.messages, self.now).await?;
        // The outbox comes after what hangs on the cards.
        outbox::enqueue_to_ring(tx, told, self.now).await?;
        for card in &changed {
            tx.announce(Change::Card(card.merchant, card.id));
        }
        Ok(())
    }
}

/// Those of `cards`, which are locked, that a rule holds for now.
async fn eligible(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    rule: &Rule,
    cards: &[CardId],
    now: Timestamp,
) -> Result<HashSet<CardId>, Error> {
    let Some(context) = segments::context(tx, merchant, now).await? else {
        return Ok(HashSet::new());
    };
    let plan = Plan::of(rule, &context);
    let facts = segments::facts_of(tx, merchant, &context, cards).await?;
    let eligible = facts.into_iter().filter(|facts| plan.holds(facts));
    Ok(eligible.map(|facts| facts.card).collect())
}

/// The offer that a campaign assigns, locked, with what the cards' holders have to do with it.
async fn offer_in_hand(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    offer: OfferId,
    cards: &HashMap<CardId, Card>,
) -> Result<Option<(Offer, HashMap<CustomerId, Holding>)>, Error> {
    let Some(offer) = offers::offer_for_update(tx, merchant, offer).await? else {
        return Ok(None);
    };
    let customers: HashSet<_> = cards.values().map(|card| card.customer).collect();
    let customers: Vec<_> = customers.into_iter().collect();
    let holdings = offers::holdings(tx, merchant, offer.id, &customers).await?;
    let holdings = holdings
        .into_iter()
        .map(|holding| (holding.customer, holding))
        .collect();
    Ok(Some((offer, holdings)))
}
