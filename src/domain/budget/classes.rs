//! What a change of a card gives reason to tell, as a set of classes.

use crate::domain::event::{EventKind, NewEvent};
use crate::domain::preference::Class;

/// A set of classes, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Classes(pub i64);

impl Classes {
    pub const NONE: Self = Self(0);
    /// Every bit of a class.
    pub const ALL: Self = Self(31);
    /// What changes of cards may be about, the most important first.
    pub const OF_CHANGES: [Class; 3] = [Class::Reward, Class::Balance, Class::Tier];

    #[must_use]
    pub fn with(self, class: Class) -> Self {
        Self(self.0 | class.bit())
    }

    /// Both sets together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn contains(self, class: Class) -> bool {
        self.0 & class.bit() != 0
    }

    /// What `events` of one card are worth telling its holder: a reward that can be had, a balance that moved, another
    /// tier. Everything else reaches the card silently.
    pub fn touched<'e>(events: impl IntoIterator<Item = &'e NewEvent>) -> Self {
        events.into_iter().fold(Self::NONE, |mut classes, event| {
            if event.kind == EventKind::RewardRedeemable {
                classes = classes.with(Class::Reward);
            }
            if event.kind == EventKind::TierChanged {
                classes = classes.with(Class::Tier);
            }
            if event.delta.punches != 0 || event.delta.points != 0 {
                classes = classes.with(Class::Balance);
            }
            classes
        })
    }
}

/// The place of a class in the order in which a short budget is handed out; the smallest is first.
pub(super) fn rank(class: Class) -> u8 {
    match class {
        Class::Reward => 0,
        Class::Balance => 1,
        Class::Tier => 2,
        Class::Marketing => 3,
        // Phones tell places by themselves; what is sent by this name waits for everything else.
        Class::Location => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Actor, Delta};
    use crate::domain::id::CardId;
    use crate::domain::time::Timestamp;

    #[test]
    fn every_class_has_its_bit() {
        let all = Class::ALL.into_iter().fold(Classes::NONE, Classes::with);
        assert_eq!(all, Classes::ALL);
    }

    #[test]
    fn a_full_card_is_a_reward_and_a_balance_and_a_removal_is_nothing() {
        let event = |kind| NewEvent::of_card(CardId(1), kind, Actor::Gateway, Timestamp(0));
        let punch = Delta {
            punches: 1,
            ..Delta::default()
        };
        let events = [
            event(EventKind::CustomerTapped).with_delta(punch),
            event(EventKind::RewardRedeemable),
        ];
        let touched = Classes::touched(&events);
        assert_eq!(touched, Classes::NONE.with(Class::Reward).with(Class::Balance));
        assert!(Classes::touched(&[event(EventKind::TierChanged)]).contains(Class::Tier));
        assert_eq!(Classes::touched(&[event(EventKind::CardRemoved)]), Classes::NONE);
    }
}
