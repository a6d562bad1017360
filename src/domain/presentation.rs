//! What a presentation of a card is worth, or a refusal that staff can read aloud.
//!
//! The sums of the card always agree with the ledger: whatever is added to the one stands in rows of the other.
//!
//! A limit per day clips: what the day still has room for is given, and only a presentation for which there is no room
//! at all is refused. Adjustments by hand neither count towards the limit nor obey it.

use std::time::Duration;

use crate::domain::capture::{Capture, CaptureKind};
use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, Delta, EventKind, NewEvent};
use crate::domain::money::Amount;
use crate::domain::program::{Rules, Scheme};
use crate::domain::time::{Day, Timestamp};
use crate::domain::{coupon, expiry, points, punch, reward, tier};

/// What the rules need to know about the moment of a presentation besides the card itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When the card was presented, never later than *now*.
    pub at: Timestamp,
    /// The merchant's business day of `at`.
    pub day: Day,
    pub history: History,
}

/// Earlier presentations around the moment. `Latest` is the common case: nothing was earned after this moment, so
/// the card's own running numbers tell all. `Past` is for captures that arrive late, out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    Latest,
    Past {
        earned_on_day: i64,
        nearest: Option<Timestamp>,
        /// The visit that is nearest to the moment, on either side of it.
        nearest_visit: Option<Timestamp>,
    },
}

impl Moment {
    /// True when the card earned or was visited with after `at`: the ledger must be asked before deciding.
    pub fn is_out_of_order(card: &Card, at: Timestamp) -> bool {
        let newest = card.last_earned_at.max(card.last_visit_at);
        newest.is_some_and(|newest| at < newest)
    }
}

/// Why a presentation gave nothing. A value, not an error: the till shows it and the customer hears it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No card of this merchant has that token.
    UnknownToken,
    /// Staff have ended the card.
    CardVoid,
    /// The card had ended by itself when it was presented.
    CardExpired { at: Timestamp },
    /// A coupon is redeemed once.
    AlreadyRedeemed { at: Timestamp },
    /// The program wants to know the amount of each purchase.
    AmountRequired,
    /// The purchase is too small to earn anything.
    MinimumSpend { minimum: Amount },
    /// The capture is older than the card: a station's clock is wrong.
    BeforeCard,
    /// The card was presented a moment ago.
    TooSoon { wait: Duration },
    /// The card has had all its punches for that day.
    DailyLimit { limit: i64 },
    /// The station sent this number before with other contents.
    CounterReused,
}

impl Refusal {
    /// A stable code for stores and programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownToken => "unknown_token",
            Self::CardVoid => "card_void",
            Self::CardExpired { .. } => "card_expired",
            Self::AlreadyRedeemed { .. } => "already_redeemed",
            Self::AmountRequired => "amount_required",
            Self::MinimumSpend { .. } => "minimum_spend",
            Self::BeforeCard => "before_card",
            Self::TooSoon { .. } => "too_soon",
            Self::DailyLimit { .. } => "daily_limit",
            Self::CounterReused => "counter_reused",
        }
    }

    /// The number that belongs to the code, for the store.
    pub fn detail(&self) -> i64 {
        match self {
            Self::TooSoon { wait } => i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            Self::DailyLimit { limit } => *limit,
            Self::CardExpired { at } | Self::AlreadyRedeemed { at } => at.0,
            Self::MinimumSpend { minimum } => minimum.minor(),
            _ => 0,
        }
    }

    /// The inverse of [`Refusal::code`] and [`Refusal::detail`].
    pub fn from_code(code: &str, detail: i64) -> Option<Self> {
        Some(match code {
            "unknown_token" => Self::UnknownToken,
            "card_void" => Self::CardVoid,
            "card_expired" => Self::CardExpired {
                at: Timestamp(detail),
            },
            "already_redeemed" => Self::AlreadyRedeemed {
                at: Timestamp(detail),
            },
            "amount_required" => Self::AmountRequired,
            "minimum_spend" => Self::MinimumSpend {
                minimum: Amount::new(detail).ok()?,
            },
            "before_card" => Self::BeforeCard,
            "too_soon" => Self::TooSoon {
                wait: Duration::from_secs(u64::try_from(detail).unwrap_or(0)),
            },
            "daily_limit" => Self::DailyLimit { limit: detail },
            "counter_reused" => Self::CounterReused,
            _ => return None,
        })
    }

    /// What staff say to the customer.
    pub fn sentence(&self) -> String {
        match self {
            Self::UnknownToken => "This is not one of our cards.".into(),
            Self::CardVoid => "This card has ended.".into(),
            Self::CardExpired { .. } => "This card has expired.".into(),
            Self::AlreadyRedeemed { .. } => "This coupon was already redeemed.".into(),
            Self::AmountRequired => "Enter what was paid, then present the card again.".into(),
            Self::MinimumSpend { .. } => "This purchase is below the least amount of the program.".into(),
            Self::BeforeCard => "This scan is older than the card. Check the clock of this till.".into(),
            Self::TooSoon { wait } => format!(
                "This card was just punched. Try again in {}.",
                plain_duration(*wait)
            ),
            Self::DailyLimit { limit: 1 } => "This card has had its punch for the day.".into(),
            Self::DailyLimit { limit } => {
                format!("This card has had its {limit} for the day.")
            }
            Self::CounterReused => {
                "This till sent two different scans under one number. Call support.".into()
            }
        }
    }
}

/// "40 seconds", "3 minutes": rounded up, so that waiting that long is enough.
fn plain_duration(duration: Duration) -> String {
    let seconds = duration.as_millis().div_ceil(1000).max(1);
    let (count, unit) = if seconds < 60 {
        (seconds, "second")
    } else if seconds < 3600 {
        (seconds.div_ceil(60), "minute")
    } else {
        (seconds.div_ceil(3600), "hour")
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// What a presentation leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every presentation is accepted, and no decision is kept"
)]
pub enum Decision {
    Accepted(Accepted),
    Refused(Refusal),
}

/// The card after an accepted presentation and the ledger rows that explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub card: Card,
    pub events: Vec<NewEvent>,
    /// Punches or points given by this very presentation.
    pub earned: i64,
    /// Rewards earned by it.
    pub rewards_earned: i64,
    /// Whether it redeemed the card, a coupon.
    pub redeemed: bool,
}

/// A presentation that nothing common to all programs speaks against, for the rules of one kind.
pub(super) struct Presentation<'a> {
    pub rules: &'a Rules,
    pub capture: &'a Capture,
    pub moment: Moment,
    pub is_visit: bool,
    pub accepted: Accepted,
}

/// Decides what `capture` gives to `card` under `rules`.
pub fn decide(rules: &Rules, card: &Card, capture: &Capture, moment: Moment, now: Timestamp) -> Decision {
    if let Some(refusal) = refuse(rules, card, capture, moment) {
        return Decision::Refused(refusal);
    }
    let nearest_visit = match moment.history {
        History::Past { nearest_visit, .. } => nearest_visit,
        History::Latest => card.last_visit_at,
    };
    let is_visit = earns_or_redeems(rules)
        && nearest_visit.is_none_or(|visit| moment.at.distance(visit) >= rules.limits.visit_gap);
    let mut presentation = Presentation {
        rules,
        capture,
        moment,
        is_visit,
        accepted: Accepted {
            card: card.clone(),
            events: Vec::with_capacity(2),
            earned: 0,
            rewards_earned: 0,
            redeemed: false,
        },
    };
    let done = match &rules.scheme {
        Scheme::Punch(punch) => punch::present(punch, &mut presentation),
        Scheme::Points(points) => points::present(points, &mut presentation),
        Scheme::Coupon(coupon) => coupon::present(coupon, &mut presentation),
    };
    if let Err(refusal) = done {
        return Decision::Refused(refusal);
    }
    for due in reward::due(rules, &presentation.accepted.card) {
        presentation.accepted.rewards_earned += due.delta.rewards.max(0);
        presentation.add(due.kind, due.delta).detail = due.detail;
    }
    let Presentation { mut accepted, .. } = presentation;
    let after = &mut accepted.card;
    after.scans += 1;
    if is_visit {
        after.last_visit_at = Some(card.last_visit_at.map_or(moment.at, |last| last.max(moment.at)));
        expiry::roll(&rules.validity, after);
    }
    let actor = Actor::Station(capture.key.station);
    if let Some(changed) = tier::settle(rules.ladder.as_ref(), after, actor, moment.at) {
        accepted.events.push(NewEvent {
            capture: Some(capture.key),
            ..changed
        });
    }
    after.touch(now);
    Decision::Accepted(accepted)
}

impl Presentation<'_> {
    /// Adds a row with its numbers to the ledger and to the card.
    pub(super) fn add(&mut self, kind: EventKind, delta: Delta) -> &mut NewEvent {
        let card = &mut self.accepted.card;
        card.apply(delta);
        let actor = Actor::Station(self.capture.key.station);
        let mut event = NewEvent::of_card(card.id, kind, actor, self.moment.at).with_delta(delta);
        event.capture = Some(self.capture.key);
        let events = &mut self.accepted.events;
        events.push(event);
        let newest = events.len() - 1;
        &mut events[newest]
    }

    /// The row of the presentation itself: what was given, the visit, and what was paid.
    pub(super) fn add_seen(&mut self, given: Delta) {
        let seen = match self.capture.kind {
            CaptureKind::Barcode => EventKind::CustomerScanned,
            CaptureKind::Ndef | CaptureKind::Uid => EventKind::CustomerTapped,
        };
        let mut delta = given;
        if earns_or_redeems(self.rules) {
            delta += visit(self.is_visit, self.capture.amount);
        }
        // What was earned in a cycle that has ended would have ended with it.
        let began = self.accepted.card.cycle_began_at;
        if began.is_none_or(|began| self.moment.at >= began) {
            delta.tier_points = tier::measured(self.rules.ladder.as_ref(), delta);
        }
        self.add(seen, delta);
    }

    /// Keeps the card's latest earning and the sum of its day; a late capture only adds to the day that is kept.
    pub(super) fn note_earning(&mut self, given: i64) {
        let (card, moment) = (&mut self.accepted.card, self.moment);
        if card.last_earned_day == Some(moment.day) {
            card.earned_on_day += given;
        } else if card.last_earned_day.is_none_or(|day| day < moment.day) {
            card.last_earned_day = Some(moment.day);
            card.earned_on_day = given;
        }
        card.last_earned_at = Some(card.last_earned_at.map_or(moment.at, |last| last.max(moment.at)));
        self.accepted.earned = given;
    }

    /// Of `offered`, what the day has room for; a refusal where that is nothing.
    pub(super) fn fit_into_day(&self, offered: i64) -> Result<i64, Refusal> {
        let Some(limit) = self.rules.limits.max_per_day else {
            return Ok(offered);
        };
        let room = limit - earned_on_day(&self.accepted.card, self.moment);
        if offered > 0 && room < 1 {
            return Err(Refusal::DailyLimit { limit });
        }
        Ok(offered.min(room.max(0)))
    }
}

/// Whether what `actor` hands out by hand at `at` is a visit of its own: at the shop, and not within one that counts.
pub(super) fn is_visit_by_hand(rules: &Rules, card: &Card, actor: Actor, at: Timestamp) -> bool {
    actor.is_at_the_shop()
        && card
            .last_visit_at
            .is_none_or(|last| at.distance(last) >= rules.limits.visit_gap)
}

/// What a visit with this purchase adds besides what it earns. An amount that nobody gave is unknown, not zero.
pub(super) fn visit(is_visit: bool, amount: Option<Amount>) -> Delta {
    Delta {
        visits: i64::from(is_visit),
        spend: amount.map_or(0, Amount::minor),
        unpriced: i64::from(is_visit && amount.is_none()),
        ..Delta::default()
    }
}

/// Whether presenting a card of the program does anything. A coupon that is only shown to be good is neither a visit nor
/// a purchase: both come with its redemption.
fn earns_or_redeems(rules: &Rules) -> bool {
    match &rules.scheme {
        Scheme::Punch(_) | Scheme::Points(_) => true,
        Scheme::Coupon(coupon) => coupon.redeem_at_till,
    }
}

/// What speaks against any use of the card at `at`, presented or by hand. Redeemed comes before expired: it is for good.
pub(super) fn refuse_use(rules: &Rules, card: &Card, at: Timestamp) -> Option<Refusal> {
    if card.status == CardStatus::Void {
        return Some(Refusal::CardVoid);
    }
    if let Some(at) = coupon::redeemed(rules, card, at) {
        return Some(Refusal::AlreadyRedeemed { at });
    }
    match card.expires_at {
        Some(end) if at >= end => Some(Refusal::CardExpired { at: end }),
        _ => None,
    }
}

/// What the program has against a purchase.
pub(super) fn refuse_purchase(rules: &Rules, amount: Option<Amount>) -> Option<Refusal> {
    match (amount, rules.purchase.minimum) {
        (None, _) if rules.purchase.required => Some(Refusal::AmountRequired),
        (Some(amount), Some(minimum)) if amount < minimum => Some(Refusal::MinimumSpend { minimum }),
        _ => None,
    }
}

fn refuse(rules: &Rules, card: &Card, capture: &Capture, moment: Moment) -> Option<Refusal> {
    if moment.at < card.created_at {
        return Some(Refusal::BeforeCard);
    }
    if let Some(refusal) = refuse_use(rules, card, moment.at) {
        return Some(refusal);
    }
    let nearest = match moment.history {
        History::Past { nearest, .. } => nearest,
        History::Latest => card.last_earned_at,
    };
    if let Some(nearest) = nearest {
        let gap = moment.at.distance(nearest);
        if gap < rules.limits.minimum_gap {
            return Some(Refusal::TooSoon {
                wait: rules.limits.minimum_gap - gap,
            });
        }
    }
    refuse_purchase(rules, capture.amount)
}

fn earned_on_day(card: &Card, moment: Moment) -> i64 {
    match moment.history {
        History::Past { earned_on_day, .. } => earned_on_day,
        History::Latest if card.last_earned_day == Some(moment.day) => card.earned_on_day,
        History::Latest => 0,
    }
}

#[cfg(test)]
mod tests;
