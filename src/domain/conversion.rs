//! What becomes of a redeemed coupon whose rules name a linked program: the same card, with the same serial number, is
//! a card of that program from then on.
//!
//! Invariants: the redemption never depends on it; the pass type identifier stays, because an installed pass cannot
//! change it; the currency stays, because the card's spend is one sum; `installed_as` stays, because it was installed
//! as a coupon.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::capture::CaptureKey;
use crate::domain::card::Card;
use crate::domain::change::{Cause, Draft};
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent};
use crate::domain::id::{PassTypeIdentifier, ProgramId};
use crate::domain::ledger::{is_earning, standing_earnings};
use crate::domain::money::{Amount, Currency};
use crate::domain::program::{Ladder, LinkedProgram, Program, ProgramKind, Rules, Scheme};
use crate::domain::redemption::{Change, ReverseRefusal, check_taking_back};
use crate::domain::time::Timestamp;
use crate::domain::{expiry, issue, points, punch, reward, tier};

/// Why a coupon does not turn into a card of the program that its rules name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    #[error("the card has ended")]
    CardVoid,
    #[error("there is no program {0}")]
    Missing(ProgramId),
    #[error("the program {0} is archived")]
    Archived(ProgramId),
    #[error("the program {0} gives coupons; a coupon turns into a punch or points card")]
    Coupon(ProgramId),
    #[error("the passes of {program} are of the type {got}; a pass that is installed stays {expected}")]
    PassType {
        program: ProgramId,
        expected: PassTypeIdentifier,
        got: PassTypeIdentifier,
    },
    #[error("the program {program} counts in {got} and the coupon in {expected}")]
    Currency {
        program: ProgramId,
        expected: Currency,
        got: Currency,
    },
}

/// What the rules of a coupon link to.
pub fn link(rules: &Rules) -> Option<LinkedProgram> {
    match &rules.scheme {
        Scheme::Coupon(coupon) => coupon.linked,
        Scheme::Punch(_) | Scheme::Points(_) => None,
    }
}

/// The linked program, if cards of `coupon` can become cards of it. `found` is the program that `link` names.
pub fn check<'p>(
    coupon: &Program,
    link: LinkedProgram,
    found: Option<&'p Program>,
) -> Result<&'p Program, LinkRefusal> {
    let linked = found
        .filter(|found| found.id == link.program && found.merchant == coupon.merchant)
        .ok_or(LinkRefusal::Missing(link.program))?;
    let program = linked.id;
    if linked.archived_at.is_some() {
        return Err(LinkRefusal::Archived(program));
    }
    if linked.rules.kind() == ProgramKind::Coupon {
        return Err(LinkRefusal::Coupon(program));
    }
    if linked.pass_type_identifier != coupon.pass_type_identifier {
        return Err(LinkRefusal::PassType {
            program,
            expected: coupon.pass_type_identifier.clone(),
            got: linked.pass_type_identifier.clone(),
        });
    }
    let (expected, got) = (coupon.rules.purchase.currency, linked.rules.purchase.currency);
    if expected != got {
        return Err(LinkRefusal::Currency {
            program,
            expected,
            got,
        });
    }
    Ok(linked)
}

/// When and for what a coupon turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// What was paid at the redemption.
    pub amount: Option<Amount>,
    /// The presentation that redeemed the coupon, where this happens with it.
    pub capture: Option<CaptureKey>,
    pub at: Timestamp,
}

/// What follows a redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// The coupon's rules name no program.
    Unlinked,
    /// The card is one of this program now.
    Converted(ProgramId),
    /// The redemption stands and the conversion is tried again later.
    Waits(LinkedProgram, LinkRefusal),
}

/// Adds to the redemption of a coupon what follows from it. `found` is the program that the coupon's rules name.
pub fn follow(
    coupon: &Program,
    found: Option<&Program>,
    zone: &TimeZone,
    change: Change,
    turn: Turn,
) -> (Change, Follow) {
    let Some(link) = link(&coupon.rules) else {
        return (change, Follow::Unlinked);
    };
    turned(coupon, link, found, zone, change, turn)
}

/// Turns the card of `change` as `link` says, or adds the row that says why not. Whoever calls it marks the card as
/// changed where nothing else did.
pub fn turned(
    coupon: &Program,
    link: LinkedProgram,
    found: Option<&Program>,
    zone: &TimeZone,
    mut change: Change,
    turn: Turn,
) -> (Change, Follow) {
    match check(coupon, link, found) {
        Ok(linked) => {
            let converted = convert(&change.card, linked, link.first_punch, zone, turn);
            change.card = converted.card;
            change.events.extend(converted.events);
            (change, Follow::Converted(linked.id))
        }
        Err(refusal) => {
            let mut row = NewEvent::of_card(
                change.card.id,
                EventKind::ConversionFailed,
                Actor::Gateway,
                turn.at,
            )
            .with_reason(refusal.to_string());
            row.capture = turn.capture;
            change.events.push(row);
            (change, Follow::Waits(link, refusal))
        }
    }
}

/// How long until a conversion that failed is tried again: a minute, twice as long each time, at most an hour.
pub fn retry_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 10)).unwrap_or(0);
    let minute = Duration::from_secs(60);
    minute.saturating_mul(1 << doublings).min(60 * minute)
}

/// A card of `linked`, which [`check`] has passed, in place of a redeemed coupon: as one that is issued there now, with
/// the welcome, and with a first punch where the link gives one. What the coupon's own ladder counted stays behind.
fn convert(card: &Card, linked: &Program, with_first_punch: bool, zone: &TimeZone, turn: Turn) -> Change {
    let (rules, ladder) = (&linked.rules, linked.rules.ladder.as_ref());
    let detail = Detail::Conversion {
        from: card.program,
        to: linked.id,
        ended: card.expires_at,
    };
    let mut begun = card.clone();
    begun.program = linked.id;
    begun.expires_at = expiry::first_end(&rules.validity, turn.at, zone);
    begin_ladder(ladder, &mut begun, 0, turn.at, zone);
    let cause = Cause::of(Actor::Gateway);
    let mut draft = Draft::new(rules, &begun, &cause, turn.at);
    let left_behind = Delta {
        tier_points: -card.tier_points,
        ..Delta::default()
    };
    draft.add(EventKind::CardConverted, left_behind);
    if let Some(welcome) = issue::welcome(rules, &draft.card) {
        draft.add(EventKind::PointsAdded, welcome).reason = Some(issue::WELCOME.into());
    }
    if with_first_punch {
        let first = first_punch(rules, &draft.card, turn.amount);
        draft.add(EventKind::PointsAdded, first);
        draft.card.last_earned_at = Some(turn.at);
        draft.card.last_earned_day = Some(turn.at.day_in(zone));
        draft.card.earned_on_day = first.punches + first.points;
    }
    let mut change = draft.finish(turn.at);
    // The redemption has marked the card as changed already, or whoever tries again does.
    (change.card.version, change.card.changed_at) = (card.version, card.changed_at);
    for event in &mut change.events {
        event.capture = turn.capture;
        // Rewards of a list and moves between tiers say something of their own.
        event.detail.get_or_insert_with(|| detail.clone());
    }
    change
}

/// Puts the card on the ladder of the program that it is a card of from now on, in the cycle around `at`.
fn begin_ladder(ladder: Option<&Ladder>, card: &mut Card, tier_points: i64, at: Timestamp, zone: &TimeZone) {
    (card.cycle_began_at, card.cycle_ends_at) = (None, None);
    // There is no cycle that could have ended, so no row.
    tier::catch_up(ladder, card, at, zone);
    card.tier = tier::reached(ladder, tier_points);
}

/// What a first punch gives, or a first visit with what was paid. The visit and the money themselves were counted with
/// the redemption.
fn first_punch(rules: &Rules, card: &Card, amount: Option<Amount>) -> Delta {
    let mut given = match &rules.scheme {
        Scheme::Punch(punch) => Delta {
            punches: punch::counted(punch, card.punches, punch.punches_per_visit),
            ..Delta::default()
        },
        Scheme::Points(points) => reward::moved(points, card, points::earned(points, true, amount)),
        Scheme::Coupon(_) => Delta::default(),
    };
    let paid = Delta {
        spend: amount.map_or(0, Amount::minor),
        ..given
    };
    given.tier_points = tier::measured(rules.ladder.as_ref(), paid);
    given
}

/// Takes back the redemption of a coupon, and the conversion that followed it as long as the new card has earned
/// nothing of its own. `newer` are the rows after `original`, newest first; `already` says whether some row takes
/// `original` back.
pub fn take_back(
    coupon: &Program,
    card: &Card,
    original: &Event,
    newer: &[Event],
    already: bool,
    (actor, zone): (Actor, &TimeZone),
    now: Timestamp,
) -> Result<Change, ReverseRefusal> {
    let window = Some(coupon.rules.limits.reversal_window);
    check_taking_back(original, already, window, now)?;
    let mut after = card.clone();
    let mut events = Vec::new();
    let mut take = |after: &mut Card, event: &Event, kind, detail| {
        let mut back = event.event.delta.opposite();
        // What was counted in a cycle that has ended went with it.
        back.tier_points = back.tier_points.max(-after.tier_points);
        after.apply(back);
        let row = NewEvent::of_card(card.id, kind, actor, now).with_delta(back);
        events.push(NewEvent {
            detail,
            ..row.taking_back(event.id)
        });
    };
    if card.is_converted() {
        if has_earned(newer) {
            return Err(ReverseRefusal::ConvertedCardUsed);
        }
        for event in newer.iter().take_while(|event| event.id > original.id) {
            let Some(Detail::Conversion { from, to, ended }) = event.event.detail else {
                continue;
            };
            let back = Detail::Conversion {
                from: to,
                to: from,
                ended: card.expires_at,
            };
            let (kind, detail) = match event.event.kind {
                EventKind::CardConverted => (EventKind::CardConverted, Some(back)),
                EventKind::RewardRedeemable => (EventKind::RewardWithdrawn, None),
                _ if event.event.delta.points != 0 => (EventKind::PointsReversed, None),
                _ => (EventKind::PunchReversed, None),
            };
            take(&mut after, event, kind, detail);
            if event.event.kind == EventKind::CardConverted {
                after.program = from;
                after.expires_at = ended;
                break;
            }
        }
        if after.is_converted() {
            return Err(ReverseRefusal::ConvertedCardUsed);
        }
        after.last_earned_at = None;
        after.last_earned_day = None;
        after.earned_on_day = 0;
    }
    take(&mut after, original, EventKind::RedemptionReversed, None);
    // Rewards of a list follow from the points, which have gone; a coupon has none.
    if after.rewards > 0 {
        let gone = Delta {
            rewards: -after.rewards,
            ..Delta::default()
        };
        after.apply(gone);
        events.push(NewEvent::of_card(card.id, EventKind::RewardWithdrawn, actor, now).with_delta(gone));
    }
    after.redeemed_at = None;
    let ladder = coupon.rules.ladder.as_ref();
    if card.is_converted() {
        let tier_points = after.tier_points;
        begin_ladder(ladder, &mut after, tier_points, now, zone);
    }
    events.extend(tier::settle(ladder, &mut after, actor, now));
    after.touch(now);
    Ok(Change { card: after, events })
}

/// Whether `original` is the redemption of `card` as a coupon.
pub fn is_redemption(card: &Card, original: &Event) -> bool {
    let row = &original.event;
    row.kind == EventKind::RewardRedeemed
        && card.redeemed_at == Some(row.at)
        && row.delta.redemptions == 1
        && row.delta.rewards == 0
        && row.delta.points == 0
}

/// Refuses to take back the presentation that redeemed a coupon as long as the redemption stands.
pub fn check_scan(card: &Card, original: &Event) -> Result<(), ReverseRefusal> {
    if is_earning(&original.event) && card.redeemed_at == Some(original.event.at) {
        return Err(ReverseRefusal::CouponRedeemed);
    }
    Ok(())
}

/// Whether a converted card was used as what it is now: anything but the rows of its conversion that stands.
fn has_earned(newer: &[Event]) -> bool {
    // What the points of the conversion cover is no use of the card either.
    let of_the_card = |event: &&Event| {
        let row = &event.event;
        match row.detail {
            Some(Detail::Conversion { .. }) => false,
            Some(Detail::Reward { .. }) => row.kind != EventKind::RewardRedeemable,
            _ => true,
        }
    };
    let sum: Delta = newer
        .iter()
        .filter(of_the_card)
        .map(|event| event.event.delta)
        .sum();
    sum.punches != 0
        || sum.points != 0
        || sum.rewards != 0
        || sum.redemptions != 0
        || standing_earnings(newer).next().is_some()
}

#[cfg(test)]
mod tests;
