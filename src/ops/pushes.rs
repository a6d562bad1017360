//! What people see and set of the budget of pushes: policies, what they would have done, and why a card rang or did not;
//! and the chores that keep its tables small and hand over what campaigns say.

mod preview;

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::budget::replay::{Fate, Tally};
use crate::domain::budget::{
    Intent, LONGEST_HOURS, Limits, Policy, PolicyError, Ruling, TextDigest, next_allowed,
};
use crate::domain::delivery::Channel;
use crate::domain::id::{CampaignId, CardId, MerchantId, MessageId, ProgramId};
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::chores::TURN;
use crate::store::alerts::{Noted, Rang};
use crate::store::budgets::ALL_PROGRAMS;
use crate::store::campaigns::actions::{self, ToTake};
use crate::store::intents::{self, NewIntent, NewText, OfCard};
use crate::store::policies::{self, StoredPolicy};
use crate::store::{Error, Tx, alerts, budgets, cards, outbox};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the last rulings of a card that is asked for no more are kept.
const RULINGS: Duration = DAY.saturating_mul(90);
/// Lines of each kind in the view of one card.
const LINES: i64 = 10;

/// Why a policy is not set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyRefusal {
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error("this merchant has no such program")]
    NoProgram,
    #[error(transparent)]
    Store(#[from] Error),
}

/// What is in force for one program on one channel.
#[derive(Debug, Clone)]
pub struct InForce {
    pub program: ProgramId,
    pub channel: Channel,
    pub limits: Limits,
}

/// A merchant's policies as they are and as they work.
#[derive(Debug, Clone)]
pub struct Policies {
    pub stored: Vec<StoredPolicy>,
    pub in_force: Vec<InForce>,
}

/// What the last 30 days would have been under another policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    pub cards: u64,
    /// What wanted to ring.
    pub wanted: u64,
    /// What rang.
    pub rang: u64,
    /// What the policy in force makes of the same wishes, and what the other one does. Preferences, consents and states of
    /// cards are those of now.
    pub before: Tally,
    pub after: Tally,
    /// Rang then and would not have, or only later.
    pub fewer: u64,
    pub later: u64,
    /// Did not ring then and would have.
    pub more: u64,
}

/// Why a card rang or did not, on one channel.
#[derive(Debug, Clone)]
pub struct WhyChannel {
    pub channel: Channel,
    /// The last rulings, newest first.
    pub rulings: Vec<Noted>,
    /// What would become of an alert of each class that came now.
    pub next: Vec<(Class, Ruling)>,
}

/// Everything about the alerts of one card.
#[derive(Debug, Clone)]
pub struct Why {
    pub card: CardId,
    /// The clock that times are told by: the customer's, or the merchant's.
    pub zone: TimeZone,
    pub channels: Vec<WhyChannel>,
    /// What rang, newest first.
    pub rang: Vec<Rang>,
    pub messages: Vec<OfCard>,
}

impl Ops {
    /// A merchant's policies.
    pub async fn push_policies(&self, merchant: MerchantId) -> Result<Policies, Error> {
        let programs: Vec<ProgramId> = self
            .programs()
            .await?
            .into_iter()
            .filter(|of| of.program.merchant == merchant)
            .map(|of| of.program.id)
            .collect();
        let stored = self
            .store
            .read("push_policies", move |tx| {
                Box::pin(async move { policies::of_merchant(tx, merchant).await })
            })
            .await?;
        let of = |program, channel| {
            let found = stored
                .iter()
                .find(|of| of.program == program && of.channel == channel);
            found.map(|of| &of.policy)
        };
        let mut in_force = Vec::new();
        for program in programs {
            for channel in Channel::ALL {
                in_force.push(InForce {
                    program,
                    channel,
                    limits: Limits::of(channel, of(ALL_PROGRAMS, channel), of(program, channel)),
                });
            }
        }
        Ok(Policies { stored, in_force })
    }

    /// Puts a policy in force for a merchant, or for one of its programs, from the next decision on. Without a text the
    /// stored one is taken away.
    pub async fn set_push_policy(
        &self,
        merchant: MerchantId,
        program: Option<ProgramId>,
        channel: Channel,
        policy: Option<&str>,
    ) -> Result<(), PolicyRefusal> {
        let policy = policy.map(|json| Policy::parse(json, channel)).transpose()?;
        let now = self.clock.now();
        self.store
            .write("set_push_policy", move |tx| {
                let policy = policy.clone();
                Box::pin(async move {
                    let place = known_program(tx, merchant, program).await?;
                    policies::set(tx, (merchant, place, channel), policy.as_ref(), now).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Decides anew about everything that wanted to ring in the last 30 days: messages, whether they rang or not, and every
    /// change of the cards that rang at all, those too that another alert spoke for. Nothing is written.
    pub async fn preview_push_policy(
        &self,
        merchant: MerchantId,
        program: Option<ProgramId>,
        channel: Channel,
        policy: Option<&str>,
    ) -> Result<Preview, PolicyRefusal> {
        let policy = policy.map(|json| Policy::parse(json, channel)).transpose()?;
        let mut preview = Preview::default();
        let mut after = CardId(0);
        loop {
            let now = self.clock.now();
            let supposed = policy.clone();
            let page = self
                .store
                .read("preview_push_policy", move |tx| {
                    let supposed = supposed.clone();
                    Box::pin(async move {
                        let place = known_program(tx, merchant, program).await?;
                        preview::replay_page(tx, (merchant, channel), (place, supposed), after, now).await
                    })
                })
                .await;
            let (page, reached) = page?;
            preview.add(&page);
            match reached {
                Some(card) => after = card,
                None => return Ok(preview),
            }
        }
    }

    /// Why a card rang or did not, and when it may ring next. None where there is no such card.
    pub async fn why(&self, merchant: MerchantId, card: CardId) -> Result<Option<Why>, Error> {
        let now = self.clock.now();
        self.store
            .read("why", move |tx| Box::pin(why(tx, merchant, card, now)))
            .await
    }

    /// One turn of the chore: forgets what no window counts any more.
    pub(crate) async fn prune_pushes(&self, now: Timestamp) -> Result<usize, Error> {
        let hours = u32::try_from(LONGEST_HOURS).unwrap_or(u32::MAX);
        // A day longer than the longest window, so that no clock that differs a little misses one.
        let alerts_before = now
            .minus(Duration::from_secs(3600).saturating_mul(hours))
            .minus(DAY);
        let rulings_before = now.minus(RULINGS);
        let pruned = self
            .store
            .write("prune_pushes", move |tx| {
                Box::pin(async move { alerts::prune(tx, (alerts_before, rulings_before, now), TURN).await })
            })
            .await;
        pruned.map(|rows: u64| usize::try_from(rows).unwrap_or(usize::MAX))
    }

    /// One turn of the chore: makes intents of what campaigns want said.
    pub(crate) async fn take_campaign_messages(&self, now: Timestamp) -> Result<usize, Error> {
        let ids = self.ids.clone();
        self.store
            .write("take_campaign_messages", move |tx| {
                let ids = ids.clone();
                Box::pin(async move {
                    let taken = actions::to_take(tx, now, TURN).await?;
                    let mut texts: HashMap<(CampaignId, Class, &str), MessageId> = HashMap::new();
                    let (mut rows, mut wake, mut became) = (Vec::new(), Vec::new(), Vec::new());
                    for message in &taken {
                        let said = (message.campaign, message.class, message.text.as_str());
                        let id = match texts.get(&said) {
                            Some(id) => *id,
                            None => {
                                let id = MessageId(ids.next(now));
                                intents::insert_text(tx, &text_of(id, message), now).await?;
                                texts.insert(said, id);
                                id
                            }
                        };
                        became.push((message, id));
                        for channel in Channel::ALL {
                            if message.channels.contains(channel) {
                                rows.push(NewIntent {
                                    key: message.key,
                                    message: id,
                                    channel,
                                    due_at: message.due,
                                });
                                wake.push((message.key, channel, message.due));
                            }
                        }
                    }
                    if taken.is_empty() {
                        return Ok(0);
                    }
                    actions::taken(tx, &became).await?;
                    intents::insert(tx, &rows, now).await?;
                    outbox::wake(tx, &wake, now).await?;
                    Ok::<_, Error>(taken.len())
                })
            })
            .await
    }
}

fn text_of(id: MessageId, message: &ToTake) -> NewText {
    NewText {
        merchant: message.key.0,
        id,
        class: message.class,
        body: message.text.clone(),
        title: None,
        linked: false,
        personalised: false,
        digest: TextDigest::of(&message.text),
        campaign: Some(message.campaign),
        ends_at: None,
    }
}

impl Preview {
    fn add(&mut self, other: &Self) {
        self.cards += other.cards;
        self.wanted += other.wanted;
        self.rang += other.rang;
        self.before.add(&other.before);
        self.after.add(&other.after);
        self.fewer += other.fewer;
        self.later += other.later;
        self.more += other.more;
    }

    fn compare(&mut self, wishes: &[Intent], before: &[Fate], after: &[Fate]) {
        for ((wish, before), after) in wishes.iter().zip(before).zip(after) {
            self.before.count(wish, before);
            self.after.count(wish, after);
            match (before, after) {
                (Fate::Sent(then), Fate::Sent(now)) if now > then => self.later += 1,
                (Fate::Sent(_), Fate::Sent(_)) => {}
                (Fate::Sent(_), _) => self.fewer += 1,
                (_, Fate::Sent(_)) => self.more += 1,
                _ => {}
            }
        }
    }
}

/// The place of a policy: the program, which must be the merchant's, or 0.
async fn known_program(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: Option<ProgramId>,
) -> Result<ProgramId, PolicyRefusal> {
    match program {
        None => Ok(ALL_PROGRAMS),
        Some(program) => match cards::program(tx, merchant, program).await? {
            Some(_) => Ok(program),
            None => Err(PolicyRefusal::NoProgram),
        },
    }
}

async fn why(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    now: Timestamp,
) -> Result<Option<Why>, Error> {
    let key = (merchant, card);
    let mut channels = Vec::new();
    let mut zone = None;
    for channel in Channel::ALL {
        let mut book = budgets::read(tx, channel, &[key], &[], now).await?;
        let rulings = alerts::decisions(tx, channel, &[key]).await?.remove(&key);
        let rulings = rulings.unwrap_or_default();
        let mut next = Vec::new();
        book.each(channel, now, |_, _, standing| {
            zone.get_or_insert_with(|| {
                let clocks = standing.clocks;
                clocks.customer.unwrap_or(clocks.merchant).clone()
            });
            if standing.is_reachable || !rulings.is_empty() {
                let classes = [Class::Reward, Class::Balance, Class::Tier, Class::Marketing];
                next.extend(classes.map(|class| (class, next_allowed(standing, class, now))));
            }
        });
        if !next.is_empty() {
            channels.push(WhyChannel {
                channel,
                rulings,
                next,
            });
        }
    }
    let Some(zone) = zone else {
        return Ok(None);
    };
    Ok(Some(Why {
        card,
        zone,
        channels,
        rang: alerts::last(tx, key, LINES).await?,
        messages: intents::of_card(tx, key, LINES).await?,
    }))
}
