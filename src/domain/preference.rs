//! What a holder wants to be told: five kinds of notification, each active or paused, changed by the holder alone.
//!
//! Kept as the set of what is paused, so that nothing said means everything is active.

use serde::{Deserialize, Serialize};

use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent, Source, Subject};
use crate::domain::id::CustomerId;
use crate::domain::time::Timestamp;

/// What a push is about; every push has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Balance,
    Location,
    Marketing,
    Tier,
    Reward,
}

/// Whether a class may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    Active,
    Paused,
}

/// The set of paused classes, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Preferences(pub i64);

/// Why a preference is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreferenceRefusal {
    #[error("preferences belong to the holder, who changes them on the card's own page; got {got}")]
    NotTheHolder { got: &'static str },
}

impl Class {
    pub const ALL: [Self; 5] = [
        Self::Balance,
        Self::Location,
        Self::Marketing,
        Self::Tier,
        Self::Reward,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::Location => "location",
            Self::Marketing => "marketing",
            Self::Tier => "tier",
            Self::Reward => "reward",
        }
    }

    /// Its name on screens.
    pub fn title(self) -> &'static str {
        match self {
            Self::Balance => "Balance",
            Self::Location => "Places",
            Self::Marketing => "Marketing",
            Self::Tier => "Tier",
            Self::Reward => "Rewards",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// Its place in a stored set of classes.
    pub fn bit(self) -> i64 {
        match self {
            Self::Balance => 1,
            Self::Location => 2,
            Self::Marketing => 4,
            Self::Tier => 8,
            Self::Reward => 16,
        }
    }
}

impl Preference {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

impl Preferences {
    /// Nothing is paused.
    pub const ALL_ACTIVE: Self = Self(0);

    pub fn of(self, class: Class) -> Preference {
        if self.0 & class.bit() == 0 {
            Preference::Active
        } else {
            Preference::Paused
        }
    }

    #[must_use]
    pub fn with(self, class: Class, preference: Preference) -> Self {
        match preference {
            Preference::Active => Self(self.0 & !class.bit()),
            Preference::Paused => Self(self.0 | class.bit()),
        }
    }
}

/// A preference that the holder changed, and the row of their timeline that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub preferences: Preferences,
    pub event: NewEvent,
}

/// Sets `class` to what the holder wants; nothing when it is so already. Whoever else asks is refused, staff of every
/// role and the API included.
pub fn change(
    before: Preferences,
    class: Class,
    to: Preference,
    customer: CustomerId,
    by: (Actor, Source),
    now: Timestamp,
) -> Result<Option<Changed>, PreferenceRefusal> {
    let (Actor::Device, Source::Device) = by else {
        return Err(PreferenceRefusal::NotTheHolder { got: by.1.as_str() });
    };
    let from = before.of(class);
    if from == to {
        return Ok(None);
    }
    let detail = Detail::Preference { class, from, to };
    let subject = Subject::Customer(customer);
    Ok(Some(Changed {
        preferences: before.with(class, to),
        event: NewEvent::new(subject, EventKind::PreferenceChanged, Actor::Device, now).with_detail(detail),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{MemberId, StationId};
    use proptest::prelude::*;

    #[test]
    fn nobody_but_the_holder_changes_a_preference() {
        let customer = CustomerId(1);
        let member = Actor::Member(MemberId(1));
        for by in [
            (member, Source::Console),
            (member, Source::Api),
            (member, Source::Device),
            (Actor::Station(StationId(1)), Source::Station),
            (Actor::Gateway, Source::Import),
            (Actor::Device, Source::Api),
        ] {
            for class in Class::ALL {
                let asked = change(
                    Preferences::ALL_ACTIVE,
                    class,
                    Preference::Paused,
                    customer,
                    by,
                    Timestamp(1),
                );
                assert!(asked.is_err(), "{by:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn each_class_is_kept_apart(steps in proptest::collection::vec((0..5_usize, any::<bool>()), 0..30)) {
            let mut wanted = [Preference::Active; 5];
            let mut kept = Preferences::ALL_ACTIVE;
            for (index, pause) in steps {
                let to = if pause { Preference::Paused } else { Preference::Active };
                let by = (Actor::Device, Source::Device);
                let changed = change(kept, Class::ALL[index], to, CustomerId(1), by, Timestamp(1)).expect("the holder");
                prop_assert_eq!(changed.is_some(), wanted[index] != to);
                kept = changed.map_or(kept, |changed| changed.preferences);
                wanted[index] = to;
                for (class, wanted) in Class::ALL.into_iter().zip(wanted) {
                    prop_assert_eq!(kept.of(class), wanted);
                }
            }
        }
    }
}
