//! One timeline out of several chains of events: a person's own and those of their cards, newest first.
//!
//! A place in a timeline is a place in each chain, not a time and not one number: events of another card may become
//! visible late and below what was read already, and then they are new on top and never missing in between. So the pages
//! of one walk together are exactly the events that were there at its first page, whatever happens meanwhile.

use std::collections::VecDeque;

use crate::domain::event::{EventKind, Subject};
use crate::domain::id::EventId;

pub mod cursor;

/// Chains of one timeline: a person and so many cards.
pub const MOST_CHAINS: usize = 200;

/// Rows that one page looks at, however few of them the filter lets through.
pub const MOST_SCANNED: usize = 2000;

macro_rules! entry_types {
    ($($name:ident = $label:literal: $($kind:ident)|+;)*) => {
        /// What a line of a timeline is called. The first 13 are what staff know from elsewhere; the others add to them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EntryType {
            $($name),*
        }

        impl EntryType {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn of(kind: EventKind) -> Self {
                match kind {
                    $($(EventKind::$kind)|+ => Self::$name),*
                }
            }

            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label),*
                }
            }

            /// The kinds of events that it shows.
            pub fn kinds(self) -> &'static [EventKind] {
                match self {
                    $(Self::$name => &[$(EventKind::$kind),+]),*
                }
            }
        }
    };
}

entry_types! {
    PointsAdded = "Points Added": PointsAdded;
    PointsRemoved = "Points Removed": PointsRemoved;
    CampaignJoined = "Campaign Joined": CampaignJoined;
    CampaignDisjoined = "Campaign Disjoined": CampaignDisjoined;
    CustomerScanned = "Customer Scanned": CustomerScanned;
    PushCreated = "Push Created": PushCreated;
    PushSent = "Push Sent": PushSent;
    PushFailed = "Push Failed": PushFailed;
    RewardRedeemed = "Reward Redeemed": RewardRedeemed;
    RewardRedeemable = "Reward Redeemable": RewardRedeemable;
    CouponAssigned = "Coupon Assigned": CouponAssigned;
    CustomerTapped = "Customer Tapped": CustomerTapped;
    TierChanged = "Tier Changed": TierChanged;

    TierCycleEnded = "Tier Cycle Ended": TierCycleEnded;
    PromotionUsed = "Promotion Used": PromotionUsed | PromotionReversed;
    CardIssued = "Card Issued": CardIssued;
    CardInstalled = "Card Installed": CardInstalled;
    CardRemoved = "Card Removed": CardRemoved;
    CardVoided = "Card Voided": CardVoided;
    CardRestored = "Card Restored": CardRestored;
    CardExpiry = "Card Expiry": ExpiryChanged | CardExpired;
    CardConverted = "Card Converted": CardConverted | ConversionFailed;
    TakenBack = "Taken Back": PunchReversed | PointsReversed | RewardWithdrawn | RedemptionReversed;
    Offer = "Offer": OfferClaimed | OfferFavourited | OfferUnfavourited | OfferRedeemed;
    FeedbackGiven = "Feedback Given": FeedbackGiven;
    ReferralAdded = "Referral Added": ReferralAdded;
    InvitationSent = "Invitation Sent": InvitationSent;
    InvitationFailed = "Invitation Failed": InvitationFailed;
    ProfileEdited = "Profile Edited": ProfileEdited;
    CustomerErased = "Customer Erased": CustomerErased;
    ConsentChanged = "Consent Changed": ConsentChanged;
    PreferenceChanged = "Preference Changed": PreferenceChanged;
    PushSuppressed = "Push Suppressed": PushSuppressed;
    PushDeferred = "Push Deferred": PushDeferred;
}

impl EntryType {
    /// Its label in lower case with underscores, as in addresses and arguments.
    pub fn name(self) -> String {
        self.label().to_lowercase().replace(' ', "_")
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|entry| entry.name() == text)
    }
}

/// Which kinds of events are shown; all of them where none is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter(Vec<EventKind>);

impl Filter {
    pub fn kinds(kinds: impl IntoIterator<Item = EventKind>) -> Self {
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|kind| kind.as_str());
        kinds.dedup();
        Self(kinds)
    }

    pub fn types(types: impl IntoIterator<Item = EntryType>) -> Self {
        Self::kinds(types.into_iter().flat_map(|entry| entry.kinds().iter().copied()))
    }

    pub fn shows(&self, kind: EventKind) -> bool {
        self.0.is_empty() || self.0.contains(&kind)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|kind| kind.as_str())
    }
}

/// A place in one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub chain: Subject,
    /// The chain's newest event when the walk began.
    pub top: Option<EventId>,
    /// The event to show next; none at the chain's end.
    pub next: Option<EventId>,
}

impl Place {
    pub fn at_top(chain: Subject, top: Option<EventId>) -> Self {
        Self {
            chain,
            top,
            next: top,
        }
    }
}

/// A row of a chain.
pub trait Linked {
    fn id(&self) -> EventId;
    fn previous(&self) -> Option<EventId>;
    fn kind(&self) -> EventKind;
}

/// One page in the making. Says what it has to read next and is fed with it.
pub struct Page<T> {
    chains: Vec<(Place, VecDeque<T>)>,
    filter: Filter,
    size: usize,
    scanned: usize,
    rows: Vec<T>,
}

impl<T: Linked> Page<T> {
    pub fn new(places: Vec<Place>, filter: Filter, size: usize) -> Self {
        Self {
            chains: places.into_iter().map(|place| (place, VecDeque::new())).collect(),
            filter,
            size,
            scanned: 0,
            rows: Vec::new(),
        }
    }

    /// Goes on as far as the rows in hand allow. Returns the chain, by its index, and the event from which back it wants
    /// more rows; none when the page is done.
    pub fn wants(&mut self) -> Option<(usize, EventId)> {
        while self.rows.len() < self.size && self.scanned < MOST_SCANNED {
            let newest = self
                .chains
                .iter()
                .enumerate()
                .filter_map(|(at, (place, _))| Some((place.next?, at)));
            let (next, at) = newest.max()?;
            let (place, rows) = &mut self.chains[at];
            let Some(row) = rows.pop_front() else {
                return Some((at, next));
            };
            place.next = row.previous().filter(|previous| *previous < row.id());
            self.scanned += 1;
            if self.filter.shows(row.kind()) {
                self.rows.push(row);
            }
        }
        None
    }

    /// Rows of the chain `at`, as they were wanted, newest first. Without any, or with others, the chain ends here.
    pub fn feed(&mut self, at: usize, rows: Vec<T>) {
        let Some((place, waiting)) = self.chains.get_mut(at) else {
            return;
        };
        match rows.first() {
            Some(first) if Some(first.id()) == place.next => *waiting = rows.into(),
            _ => place.next = None,
        }
    }

    /// The page and the places at which the next one begins.
    pub fn finish(self) -> (Vec<T>, Vec<Place>) {
        let places = self.chains.into_iter().map(|(place, _)| place).collect();
        (self.rows, places)
    }
}

/// Whether nothing older is left.
pub fn is_start(places: &[Place]) -> bool {
    places.iter().all(|place| place.next.is_none())
}

#[cfg(test)]
mod tests;
