//! What a card's new events say to campaigns: pure, asked in the transaction that writes the events.

use serde::{Deserialize, Serialize};

use crate::domain::campaign::{CampaignRules, Trigger};
use crate::domain::card::{Card, CardStatus};
use crate::domain::detail::Detail;
use crate::domain::event::{Event, EventKind, NewEvent};
use crate::domain::id::EventId;
use crate::domain::time::{DAY, Timestamp};

/// Something that an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    Installed,
    Visit,
    Punched,
    RewardEarned,
    CouponUsed,
    TierChanged,
    FeedbackGiven,
    ReferralAdded,
    /// Something was taken back.
    Reversed,
}

/// A set of signals, as bits. A merchant keeps the set that its running campaigns listen to, so that a tap that says
/// nothing to them costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Signals(pub i64);

impl Signals {
    pub const NONE: Self = Self(0);
    /// Not a campaign's: the merchant has referrals that wait for an install or a first visit.
    pub const REFERRALS: Self = Self(1 << 32);

    #[must_use]
    pub fn with(self, signal: Signal) -> Self {
        self.and(Self(1 << (signal as i64)))
    }

    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    #[must_use]
    pub fn common(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    pub fn has(self, signal: Signal) -> bool {
        self.common(Self::NONE.with(signal)) != Self::NONE
    }

    /// What `event` says. What a campaign did says nothing.
    pub fn of(event: &NewEvent) -> Self {
        if matches!(event.detail, Some(Detail::Campaign { .. })) {
            return Self::NONE;
        }
        let mut signals = match event.kind {
            EventKind::CardInstalled => Self::NONE.with(Signal::Installed),
            EventKind::RewardRedeemable => Self::NONE.with(Signal::RewardEarned),
            EventKind::RewardRedeemed | EventKind::OfferRedeemed => Self::NONE.with(Signal::CouponUsed),
            EventKind::TierChanged => Self::NONE.with(Signal::TierChanged),
            EventKind::FeedbackGiven => Self::NONE.with(Signal::FeedbackGiven),
            EventKind::ReferralAdded => Self::NONE.with(Signal::ReferralAdded),
            _ => Self::NONE,
        };
        if event.reverses.is_some() {
            return signals.with(Signal::Reversed);
        }
        if event.delta.visits > 0 {
            signals = signals.with(Signal::Visit);
        }
        if event.delta.punches > 0 {
            signals = signals.with(Signal::Punched);
        }
        signals
    }
}

/// A trigger that an event pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// Names the occurrence among those of this campaign and card: the event.
    pub occurrence: i64,
    /// When it counts; the delay comes on top.
    pub at: Timestamp,
    /// Whether it makes a member leave instead.
    pub leaves: bool,
}

/// What `events`, all new and all of `card`, pull of a campaign. `card` is as they left it.
pub fn fired(rules: &CampaignRules, card: &Card, events: &[(EventId, &NewEvent)]) -> Vec<Fired> {
    if card.status == CardStatus::Void || rules.program.is_some_and(|program| program != card.program) {
        return Vec::new();
    }
    let added: i64 = events.iter().map(|(_, event)| event.delta.punches).sum();
    let mut punches = card.punches - added;
    let mut fired = Vec::new();
    for (id, event) in events {
        let before = punches;
        punches += event.delta.punches;
        let signals = Signals::of(event);
        // A goal that is reached begins the way anew, and what was carried over is its first part.
        let restarts = event.kind == EventKind::RewardRedeemable && event.delta.punches < 0;
        let at = match rules.trigger {
            Trigger::Punches { count } if punches < count || (before >= count && !restarts) => None,
            Trigger::RewardUnused { days } => Some(
                event
                    .at
                    .plus(DAY.saturating_mul(u32::try_from(days).unwrap_or(0))),
            ),
            _ => Some(event.at),
        };
        let leaves = rules.leave_on.is_some_and(|signal| signals.has(signal));
        let by_punches =
            matches!(rules.trigger, Trigger::Punches { .. }) && signals != Signals::NONE && restarts;
        let enters = by_punches || signals.common(rules.signals_in()) != Signals::NONE;
        let at = if leaves {
            Some(event.at)
        } else {
            at.filter(|_| enters)
        };
        fired.extend(at.map(|at| Fired {
            occurrence: id.0,
            at,
            leaves,
        }));
    }
    fired
}

/// Whether the reward that `earned` gave is still there. `history` is the card's, newest first; rewards are redeemed
/// oldest first and withdrawn newest first. One that lies further back than `history` reaches counts as used.
pub fn is_reward_unused(card: &Card, history: &[Event], earned: EventId) -> bool {
    if !history.iter().any(|event| event.id == earned) {
        return false;
    }
    let (mut since, mut used, mut withdrawn, mut later) = (0, 0, 0, 0);
    for event in history
        .iter()
        .take_while(|event| event.id != earned)
        .map(|event| &event.event)
    {
        since += event.delta.rewards;
        match event.kind {
            EventKind::RewardWithdrawn => withdrawn -= event.delta.rewards,
            EventKind::RewardRedeemable => later += event.delta.rewards,
            _ => used -= event.delta.rewards,
        }
    }
    let place = card.rewards - since;
    used < place && withdrawn <= later
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::Action;
    use crate::domain::card::tests::sample;
    use crate::domain::event::{Actor, Delta};
    use proptest::prelude::*;

    fn rules(trigger: Trigger) -> CampaignRules {
        CampaignRules {
            trigger,
            audience: super::super::Audience::Everybody,
            eligible: None,
            program: None,
            repeat: super::super::Repeat::Always,
            delay_minutes: 0,
            cap: None,
            leave_on: None,
            action: Action::Bonus { amount: 1 },
        }
    }

    fn punched(kind: EventKind, punches: i64, rewards: i64) -> NewEvent {
        let delta = Delta {
            punches,
            rewards,
            ..Delta::default()
        };
        NewEvent::of_card(sample().id, kind, Actor::Gateway, Timestamp(7)).with_delta(delta)
    }

    proptest! {
        #[test]
        fn a_number_of_punches_is_reached_once_on_each_way_to_the_goal(
            count in 1..=10_i64, steps in proptest::collection::vec(1..4_i64, 1..40)
        ) {
            let rules = rules(Trigger::Punches { count });
            let (mut total, mut card, mut reached) = (0, sample(), 0);
            for (id, step) in (1..).zip(steps) {
                total += step;
                let mut events = vec![punched(EventKind::CustomerScanned, step, 0)];
                card.punches += step;
                while card.punches >= 10 {
                    card.punches -= 10;
                    events.push(punched(EventKind::RewardRedeemable, -10, 1));
                }
                let numbered: Vec<_> = (id * 100..).map(EventId).zip(&events).collect();
                reached += fired(&rules, &card, &numbered).len();
            }
            let expected = total / 10 + i64::from(total % 10 >= count);
            prop_assert_eq!(i64::try_from(reached).expect("few"), expected);
        }
    }

    #[test]
    fn what_a_campaign_did_pulls_nothing() {
        let cause = crate::domain::campaign::Cause::Trigger;
        let detail = Detail::Campaign {
            campaign: crate::domain::id::CampaignId(1),
            name: "x".into(),
            cause,
        };
        let event = punched(EventKind::RewardRedeemable, -10, 1);
        assert!(Signals::of(&event).has(Signal::RewardEarned));
        assert_eq!(Signals::of(&event.with_detail(detail)), Signals::NONE);
    }

    #[test]
    fn rewards_are_used_oldest_first() {
        let stored = |id, kind, rewards| Event {
            id: EventId(id),
            previous: None,
            recorded_at: Timestamp(0),
            event: punched(kind, 0, rewards),
        };
        let (earned, redeemed) = (EventKind::RewardRedeemable, EventKind::RewardRedeemed);
        let mut card = sample();
        card.rewards = 1;
        let history = [
            stored(3, redeemed, -1),
            stored(2, earned, 1),
            stored(1, earned, 1),
        ];
        assert!(!is_reward_unused(&card, &history, EventId(1)));
        assert!(is_reward_unused(&card, &history, EventId(2)));
        let history = [
            stored(3, EventKind::RewardWithdrawn, -1),
            stored(2, earned, 1),
            stored(1, earned, 1),
        ];
        assert!(
            is_reward_unused(&card, &history, EventId(1)),
            "the newest is withdrawn first"
        );
        assert!(!is_reward_unused(&card, &history, EventId(2)));
    }
}
