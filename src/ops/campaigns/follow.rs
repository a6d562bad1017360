//! What new events mean to campaigns and referrals, asked in the transaction that writes the events.
//!
//! Every place that appends rows to cards calls this right after. A merchant keeps the set of signals that its running
//! campaigns listen to; where the events say none of them, nothing is read and nothing is written.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::campaign::trigger::{self, Signal, Signals};
use crate::domain::card::Card;
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::id::{CampaignId, CardId, EventId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::campaigns::actions::{self, NewAction};
use crate::store::{Error, Tx, campaigns, referrals};

/// The new events of one card; what its merchant listens to is read where they say anything.
pub(crate) async fn one(
    tx: &mut Tx<'_>,
    card: Option<&Card>,
    events: &[NewEvent],
    ids: &[EventId],
    now: Timestamp,
) -> Result<(), Error> {
    let Some(card) = card else { return Ok(()) };
    if events.iter().all(|event| Signals::of(event) == Signals::NONE) {
        return Ok(());
    }
    let cards = HashMap::from([(card.id, card.clone())]);
    set(tx, &cards, events, ids, now).await
}

/// The new events of many cards, whoever their merchants are.
pub(crate) async fn set(
    tx: &mut Tx<'_>,
    cards: &HashMap<CardId, Card>,
    events: &[NewEvent],
    ids: &[EventId],
    now: Timestamp,
) -> Result<(), Error> {
    let heard = events.iter().filter(|event| Signals::of(event) != Signals::NONE);
    let merchants: BTreeSet<_> = heard
        .filter_map(|event| Some(cards.get(&event.card()?)?.merchant))
        .collect();
    let mut listening = Vec::with_capacity(merchants.len());
    for merchant in merchants {
        listening.push((merchant, campaigns::signals(tx, merchant).await?));
    }
    many(tx, listening, cards, events, ids, now).await
}

/// The new `events` of `cards`, numbered `ids`. The cards are locked and as the events left them.
pub(crate) async fn many(
    tx: &mut Tx<'_>,
    listening: impl IntoIterator<Item = (MerchantId, Signals)>,
    cards: &HashMap<CardId, Card>,
    events: &[NewEvent],
    ids: &[EventId],
    now: Timestamp,
) -> Result<(), Error> {
    let heard = listening
        .into_iter()
        .filter(|(_, signals)| *signals != Signals::NONE);
    let listening: HashMap<_, _> = heard.collect();
    if listening.is_empty() {
        return Ok(());
    }
    let mut news: HashMap<CardId, News<'_>> = HashMap::new();
    for (id, event) in ids.iter().zip(events) {
        let Some(card) = event.card().and_then(|card| cards.get(&card)) else {
            continue;
        };
        if let Some(listened) = listening.get(&card.merchant) {
            let news = news.entry(card.id).or_insert_with(|| News::new(card, *listened));
            news.signals = news.signals.and(Signals::of(event));
            news.events.push((*id, event));
        }
    }
    let mut news: Vec<_> = news.into_values().collect();
    news.sort_by_key(|news| news.card.id);
    let stirred: Vec<_> = news.iter().filter(|news| news.stirs_referral()).collect();
    let stirred: Vec<_> = stirred
        .iter()
        .map(|news| (news.card.merchant, news.card.id))
        .collect();
    if !stirred.is_empty() {
        referrals::stir(tx, &stirred, now).await?;
    }
    news.retain(|news| news.signals.common(news.listened) != Signals::NONE);
    tell_campaigns(tx, &news).await
}

/// What happened to one card.
struct News<'a> {
    card: &'a Card,
    listened: Signals,
    signals: Signals,
    events: Vec<(EventId, &'a NewEvent)>,
}

impl<'a> News<'a> {
    fn new(card: &'a Card, listened: Signals) -> Self {
        Self {
            card,
            listened,
            signals: Signals::NONE,
            events: Vec::new(),
        }
    }

    /// Whether the card was installed or visited for the first time, and referrals are about.
    fn stirs_referral(&self) -> bool {
        let visits: i64 = self.events.iter().map(|(_, event)| event.delta.visits).sum();
        let first_visit = self.card.visits > 0 && self.card.visits <= visits;
        let installed = self
            .events
            .iter()
            .any(|(_, event)| event.kind == EventKind::CardInstalled);
        self.listened.common(Signals::REFERRALS) != Signals::NONE && (first_visit || installed)
    }
}

async fn tell_campaigns(tx: &mut Tx<'_>, news: &[News<'_>]) -> Result<(), Error> {
    let merchants: HashSet<_> = news.iter().map(|news| news.card.merchant).collect();
    if merchants.is_empty() {
        return Ok(());
    }
    let merchants: Vec<_> = merchants.into_iter().collect();
    let active = campaigns::active(tx, &merchants).await?;
    let (mut fired, mut reversed) = (Vec::new(), Vec::new());
    for news in news {
        let (merchant, card) = (news.card.merchant, news.card.id);
        for campaign in active.iter().filter(|campaign| campaign.merchant == merchant) {
            let pulled = trigger::fired(&campaign.rules, news.card, &news.events);
            fired.extend(pulled.into_iter().map(|pulled| NewAction {
                merchant,
                campaign: campaign.id,
                card,
                occurrence: pulled.occurrence,
                leaves: pulled.leaves,
                at: pulled.at,
            }));
            if news.signals.has(Signal::Reversed) {
                reversed.extend(taken_back(news, campaign.id));
            }
        }
    }
    actions::fire(tx, &fired).await?;
    actions::cancel_events(tx, &reversed).await
}

fn taken_back(
    news: &News<'_>,
    campaign: CampaignId,
) -> impl Iterator<Item = (MerchantId, CampaignId, CardId, EventId)> {
    let (merchant, card) = (news.card.merchant, news.card.id);
    let events = news.events.iter().filter_map(|(_, event)| event.reverses);
    events.map(move |event| (merchant, campaign, card, event))
}
