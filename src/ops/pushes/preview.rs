//! Reads what wanted to ring on a page of cards, and decides anew about it.
//!
//! What rang and what messages wanted stands in their own rows. What changed on a card and was merged into another alert,
//! or waited and was overtaken, left no row there: the outbox keeps one bit for each class. So changes are read from where
//! they all are, the card's ledger.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::{PolicyRefusal, Preview};
use crate::domain::budget::replay::{self, Fate};
use crate::domain::budget::{Classes, Intent, Policy, Standing, TextDigest};
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::time::{DAY, Timestamp};
use crate::store::alerts::Logged;
use crate::store::policies::{self, Unrung};
use crate::store::{Error, Tx, alerts, budgets, cards, events};

/// How far back a preview looks.
const MONTH: Duration = DAY.saturating_mul(30);
/// Rows that a preview reads in one go; other reads come in between.
const PAGE: i64 = 2_000;
/// Rows of one card's ledger that are looked back on: of older changes only what rang is known.
const LEDGER: i64 = 500;

/// What one card wanted.
#[derive(Debug, Default)]
struct Wishes {
    intents: Vec<Intent>,
    rang: u64,
}

/// Replays one page of cards; the last card of it unless it was the last page.
pub(super) async fn replay_page(
    tx: &mut Tx<'_>,
    (merchant, channel): (MerchantId, Channel),
    (place, policy): (ProgramId, Option<Policy>),
    after: CardId,
    now: Timestamp,
) -> Result<(Preview, Option<CardId>), PolicyRefusal> {
    let since = now.minus(MONTH);
    let mut log = alerts::logged(tx, merchant, after, PAGE).await?;
    let of_log = reached(log.iter().map(|row| row.card), PAGE);
    // Where nothing rang for long there may be many more messages than alerts.
    let span = (after, of_log.unwrap_or(CardId(i64::MAX)));
    let mut unrung = policies::unrung(tx, (merchant, channel), span, since, PAGE).await?;
    let reached = reached(unrung.iter().map(|row| row.card), PAGE).or(of_log);
    if let Some(last) = reached {
        log.retain(|row| row.card <= last);
        unrung.retain(|row| row.card <= last);
    }
    let changes = changes(tx, merchant, &log, since).await?;
    let wishes = gather(log, unrung, changes, channel, since);
    let mut keys: Vec<_> = wishes.keys().map(|card| (merchant, *card)).collect();
    keys.sort_unstable();
    let mut book = budgets::read(tx, channel, &keys, &[], now).await?;
    book.alerts.clear();
    let mut preview = Preview::default();
    let mut before: HashMap<CardId, Vec<Fate>> = HashMap::with_capacity(keys.len());
    book.each(channel, now, |_, card, standing| {
        if let Some(of) = wishes.get(&card.key.1) {
            before.insert(card.key.1, replay::run(&then(standing), &of.intents, now));
        }
    });
    book.rules.suppose(merchant, place, policy);
    book.each(channel, now, |_, card, standing| {
        let (Some(of), Some(before)) = (wishes.get(&card.key.1), before.get(&card.key.1)) else {
            return;
        };
        let after = replay::run(&then(standing), &of.intents, now);
        preview.cards += 1;
        preview.wanted += u64::try_from(of.intents.len()).unwrap_or(u64::MAX);
        preview.rang += of.rang;
        preview.compare(&of.intents, before, &after);
    });
    Ok((preview, reached))
}

/// The last card of which a page of rows holds all, card by card; none where it is the last page. The card at the end of a
/// full page may go on behind it, so it is left to the next one, unless it fills the page alone: none has so many rows.
fn reached(cards: impl DoubleEndedIterator<Item = CardId> + ExactSizeIterator, page: i64) -> Option<CardId> {
    if i64::try_from(cards.len()).is_ok_and(|rows| rows < page) {
        return None;
    }
    let mut cards = cards.rev();
    let last = cards.next()?;
    Some(cards.find(|card| *card != last).unwrap_or(last))
}

/// The standing of a card as it was when a reward of it was to be told of: whether it was redeemed since is another matter.
fn then<'s>(standing: &Standing<'s>) -> Standing<'s> {
    Standing {
        has_reward: true,
        ..*standing
    }
}

/// What changed on a card.
#[derive(Debug)]
struct Changes {
    /// From here on all of it is known.
    since: Timestamp,
    intents: Vec<Intent>,
}

/// What changed since then on the cards of `log`, from their ledgers.
async fn changes(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    log: &[Logged],
    since: Timestamp,
) -> Result<HashMap<CardId, Changes>, Error> {
    let mut cards: Vec<CardId> = log.iter().map(|row| row.card).collect();
    cards.dedup();
    let mut changes = HashMap::with_capacity(cards.len());
    for card in cards {
        let newest = cards::card(tx, merchant, card).await?;
        let Some(newest) = newest.and_then(|found| found.card.last_event) else {
            continue;
        };
        let history = events::history(tx, merchant, newest, LEDGER).await?;
        let is_whole = i64::try_from(history.len()).is_ok_and(|rows| rows < LEDGER);
        let oldest = history.last().map(|event| event.recorded_at);
        let known = match oldest {
            // Others of the same moment may be missing.
            Some(oldest) if !is_whole => oldest.plus(Duration::from_millis(1)).max(since),
            _ => since,
        };
        // What was written in one transaction is one change.
        let mut touched: BTreeMap<Timestamp, Classes> = BTreeMap::new();
        for event in history.iter().filter(|event| event.recorded_at >= known) {
            let classes = touched.entry(event.recorded_at).or_default();
            *classes = classes.and(Classes::touched([&event.event]));
        }
        let intents = touched.into_iter().flat_map(|(at, classes)| {
            let of = Classes::OF_CHANGES.into_iter();
            of.filter(move |class| classes.contains(*class))
                .map(move |class| Intent::change(class, at))
        });
        let of_card = Changes {
            since: known,
            intents: intents.collect(),
        };
        changes.insert(card, of_card);
    }
    Ok(changes)
}

/// What wanted to ring on each card since then.
fn gather(
    log: Vec<Logged>,
    unrung: Vec<Unrung>,
    mut changes: HashMap<CardId, Changes>,
    channel: Channel,
    since: Timestamp,
) -> HashMap<CardId, Wishes> {
    let mut wishes: HashMap<CardId, Wishes> = HashMap::new();
    let mut known: HashMap<CardId, Timestamp> = HashMap::new();
    for row in log
        .into_iter()
        .filter(|row| row.channel == channel && row.at > since)
    {
        let of = wishes.entry(row.card).or_default();
        of.rang += 1;
        if let Some(changes) = changes.remove(&row.card) {
            known.insert(row.card, changes.since);
            of.intents.extend(changes.intents);
        }
        let is_known = known.get(&row.card).is_some_and(|since| row.wanted_at >= *since);
        match (row.message, row.digest) {
            (Some(message), Some(digest)) => {
                let intent = Intent::message(message, row.class, digest, row.wanted_at);
                of.intents.push(intent);
            }
            // Stands in the ledger, which says more.
            _ if is_known => {}
            _ => of.intents.push(Intent::change(row.class, row.wanted_at)),
        }
    }
    for row in unrung {
        let of = wishes.entry(row.card).or_default();
        let intent = Intent::message(row.message, row.class, TextDigest(row.digest), row.due_at);
        of.intents.push(Intent {
            personalised: row.personalised,
            ..intent
        });
    }
    wishes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_the_last_card_that_is_whole() {
        for (cards, expected) in [
            (&[1, 2][..], None),
            (&[1, 2, 2], Some(1)),
            (&[1, 1, 2], Some(1)),
            (&[1, 2, 3], Some(2)),
            (&[4, 4, 4], Some(4)),
        ] {
            let cards = cards.iter().map(|card| CardId(*card));
            assert_eq!(reached(cards, 3), expected.map(CardId));
        }
    }
}
