//! What will become of a message: the decision that will send it, asked for every copy of its audience, page by page.
//!
//! Nothing is written but the sums. Each page is a read of its own, so that neither memory nor the age of a snapshot grows
//! with the audience; what changes meanwhile may be seen or not, as when the message itself is sent.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::audience::Fixed;
use super::turn::{NOWHERE, Zones};
use super::{MessageError, NewMessage, starts_at, viewer, zone};
use crate::domain::budget::{self, Decision, Intent, Level, Standing, TextDigest};
use crate::domain::card;
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MemberId, MerchantId, MessageId, ProgramId};
use crate::domain::message::forecast::{Tally, Verdict};
use crate::domain::message::readers::Readers;
use crate::domain::message::{Forecast, Message};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::audience::{Audience as _, BEGIN};
use crate::ops::segments::apart;
use crate::store::budgets::{self, ALL_PROGRAMS, Known};
use crate::store::messages;
use crate::store::{Error, Tx};

/// Cards that are looked at in one read: it holds up nobody, so it may be a large one.
const LOOK: i64 = 1000;

/// A message that is asked about.
#[derive(Debug, Clone)]
struct Question {
    message: Message,
    fixed: Fixed,
    shop: TimeZone,
    starts_at: Timestamp,
    digest: TextDigest,
    /// As they are when the forecast begins.
    paces: Paces,
}

/// Where the merchant's and its programs' paces would be, by channel.
#[derive(Debug, Clone, Default)]
struct Paces(BTreeMap<(Channel, ProgramId), Timestamp>);

impl Ops {
    /// Forecasts a message as it would be sent now, or at its time, and keeps the forecast with it while it has not
    /// started.
    pub async fn forecast_message(
        &self,
        merchant: MerchantId,
        by: Option<MemberId>,
        id: MessageId,
    ) -> Result<Forecast, MessageError> {
        let now = self.clock.now();
        let question = self.store.read("question_of_message", move |tx| {
            Box::pin(async move {
                let found = messages::message(tx, merchant, id).await?;
                let message = found.ok_or(MessageError::NotFound)?;
                asked(tx, message, by, now).await
            })
        });
        let forecast = self.answer(question.await?, now).await?;
        let kept = forecast.clone();
        self.store
            .write("keep_forecast", move |tx| {
                let kept = kept.clone();
                Box::pin(async move { messages::save_forecast(tx, merchant, id, &kept).await })
            })
            .await?;
        Ok(forecast)
    }

    /// What would become of a message that nobody has written yet. Nothing is kept.
    pub async fn look_ahead(&self, merchant: MerchantId, new: NewMessage) -> Result<Forecast, MessageError> {
        let now = self.clock.now();
        let by = new.author;
        let message = new.draft(merchant, MessageId(self.ids.next(now)), now)?;
        let question = self.store.read("question_of_draft", move |tx| {
            let message = message.clone();
            Box::pin(async move { asked(tx, message, by, now).await })
        });
        Ok(self.answer(question.await?, now).await?)
    }

    async fn answer(&self, question: Question, now: Timestamp) -> Result<Forecast, Error> {
        let (tally, readers) = self.tally(&question).await?;
        Ok(Forecast {
            tally,
            readers,
            made_at: now,
            starts_at: question.starts_at,
            version: question.message.version,
        })
    }

    async fn tally(&self, question: &Question) -> Result<(Tally, Readers), Error> {
        let (mut tally, mut readers) = (Tally::default(), Readers::default());
        let mut paces = question.paces.clone();
        let mut after = BEGIN;
        loop {
            let (store, asked) = (self.store.clone(), question.clone());
            let (before, taken) = (paces.clone(), (tally, readers));
            let looked = apart(async move {
                store
                    .read("forecast_message", move |tx| {
                        let asked = asked.clone();
                        let (mut paces, mut sums) = (before.clone(), taken.clone());
                        Box::pin(async move {
                            let next = look(tx, &asked, after, &mut paces, &mut sums).await?;
                            Ok::<_, Error>((paces, sums, next))
                        })
                    })
                    .await
            });
            let next;
            (paces, (tally, readers), next) = looked.await?;
            match next {
                Some(last) => after = last,
                None => return Ok((tally, readers)),
            }
        }
    }
}

/// What is to be known before the first page is looked at.
async fn asked(
    tx: &mut Tx<'_>,
    mut message: Message,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<Question, MessageError> {
    let merchant = message.merchant;
    let starts_at = match message.starts_at {
        Some(starts_at) => starts_at.max(now),
        None => starts_at(tx, &message, now).await?,
    };
    let fixed = Fixed::of(tx, &message, viewer(by), starts_at).await?;
    message.rule = fixed.text();
    Ok(Question {
        digest: message.content.digest(),
        paces: Paces(messages::paces(tx, merchant).await?),
        shop: zone(tx, merchant).await?,
        message,
        fixed,
        starts_at,
    })
}

/// Adds one page; returns where the next one begins.
async fn look(
    tx: &mut Tx<'_>,
    question: &Question,
    after: CardId,
    paces: &mut Paces,
    (tally, readers): &mut (Tally, Readers),
) -> Result<Option<CardId>, Error> {
    let merchant = question.message.merchant;
    let page = question.fixed.page(tx, merchant, after, LOOK).await?;
    tally.recipients += i64::try_from(page.len()).unwrap_or(i64::MAX);
    let keys: Vec<_> = page.iter().map(|card| (merchant, *card)).collect();
    let mut of_channel: BTreeMap<Channel, Vec<_>> = BTreeMap::new();
    of_channel.insert(NOWHERE, keys);
    for channel in Channel::ALL {
        let Some(keys) = of_channel.remove(&channel) else {
            continue;
        };
        let mut book = budgets::read(tx, channel, &keys, &keys, question.starts_at).await?;
        let waiting = std::mem::take(&mut book.waiting);
        let (mut zones, mut elsewhere) = (Zones::default(), Vec::new());
        book.each(channel, question.starts_at, |_, card, standing| {
            if channel == NOWHERE {
                elsewhere.push((card.key, card.channels));
                if !card.channels.contains(channel) && card.channels.0 != 0 {
                    return;
                }
            }
            let theirs = zones.get(card.zone.as_deref());
            let due = question
                .message
                .when
                .due_for(&question.shop, theirs, question.starts_at);
            let intent = Intent {
                personalised: question.message.is_personalised(),
                ..Intent::message(
                    question.message.id,
                    question.message.content.class,
                    question.digest,
                    due,
                )
            };
            let others: Vec<Intent> = waiting
                .get(&card.key)
                .into_iter()
                .flatten()
                .map(|waiting| waiting.intent)
                .filter(|waiting| waiting.origin != intent.origin)
                .collect();
            let verdict = paces.ask(channel, card, standing, &others, intent);
            tally.add(&verdict, due, 1);
            if !matches!(verdict, Verdict::Suppressed(_)) {
                let translations = &question.message.content.translations;
                readers.add(translations, channel, card.language.as_ref());
            }
        });
        for other in Channel::ALL.into_iter().filter(|other| *other != NOWHERE) {
            let keys = elsewhere.iter().filter(|(_, channels)| channels.contains(other));
            let keys: Vec<_> = keys.map(|(key, _)| *key).collect();
            if !keys.is_empty() {
                of_channel.insert(other, keys);
            }
        }
    }
    let is_full = i64::try_from(page.len()) == Ok(LOOK);
    Ok(page.last().copied().filter(|_| is_full))
}

impl Paces {
    /// What will be decided about `intent` at the moment when it is due.
    fn ask(
        &mut self,
        channel: Channel,
        card: &Known,
        standing: &Standing<'_>,
        others: &[Intent],
        intent: Intent,
    ) -> Verdict {
        let at = intent.due_at;
        let place = |level: &Level| match level {
            Level::Program => (channel, card.program),
            _ => (channel, ALL_PROGRAMS),
        };
        let paces = &standing.limits.paces;
        let free = paces
            .iter()
            .filter_map(|(level, _)| self.0.get(&place(level)).copied());
        let free = free.max();
        let standing = Standing {
            state: card::state(card.status, card.expires_at, at),
            pace_from: free,
            ..*standing
        };
        let Some(ruling) = budget::forecast(&standing, others, intent, at) else {
            return Verdict::Suppressed("unknown".to_owned());
        };
        // A place in a pace is taken when it is let through, or when it has to wait for one.
        let (verdict, taken) = match ruling.decision {
            Decision::SendNow | Decision::Merge => (Verdict::Sent, Some(at)),
            Decision::Defer { until } => (Verdict::Deferred(until), free.filter(|free| *free > at)),
            Decision::Suppress | Decision::Hold => {
                (Verdict::Suppressed(ruling.rule.as_str().to_owned()), None)
            }
        };
        if let Some(taken) = taken {
            for (level, apart) in paces {
                self.0.insert(place(level), taken.plus(*apart));
            }
        }
        verdict
    }
}
