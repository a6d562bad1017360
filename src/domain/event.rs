//! Ledger and timeline rows: what happened to a card, when, through whom.
//!
//! Rows are only ever added. A balance is the sum of the deltas of its rows; a correction is a row with the
//! opposite delta that names the row it takes back. No row holds personal data.

use crate::domain::capture::CaptureKey;
use crate::domain::detail::Detail;
use crate::domain::id::{BatchId, CardId, CustomerId, EventId, LocationId, MemberId, StationId};
use crate::domain::time::Timestamp;

/// What an event adds to a card's sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Delta {
    /// Punches towards the next reward.
    pub punches: i64,
    /// Points that can be spent.
    pub points: i64,
    /// What counts towards a tier; spending does not lower it.
    pub tier_points: i64,
    /// Rewards earned and not redeemed.
    pub rewards: i64,
    pub visits: i64,
    /// Minor units of the program's currency.
    pub spend: i64,
    /// Visits whose amount is not known.
    pub unpriced: i64,
    /// Rewards or coupons redeemed.
    pub redemptions: i64,
}

impl Delta {
    /// What takes this back.
    #[must_use]
    pub fn opposite(self) -> Self {
        Self {
            punches: -self.punches,
            points: -self.points,
            tier_points: -self.tier_points,
            rewards: -self.rewards,
            visits: -self.visits,
            spend: -self.spend,
            unpriced: -self.unpriced,
            redemptions: -self.redemptions,
        }
    }
}

impl std::ops::AddAssign for Delta {
    fn add_assign(&mut self, other: Self) {
        self.punches += other.punches;
        self.points += other.points;
        self.tier_points += other.tier_points;
        self.rewards += other.rewards;
        self.visits += other.visits;
        self.spend += other.spend;
        self.unpriced += other.unpriced;
        self.redemptions += other.redemptions;
    }
}

impl std::iter::Sum for Delta {
    fn sum<I: Iterator<Item = Self>>(deltas: I) -> Self {
        deltas.fold(Self::default(), |mut sum, delta| {
            sum += delta;
            sum
        })
    }
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name),*
        }

        impl EventKind {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

event_kinds! {
    CardIssued = "card_issued",
    CardInstalled = "card_installed",
    CardRemoved = "card_removed",
    CardVoided = "card_voided",
    CardRestored = "card_restored",
    /// Staff or the card's rules moved the day on which it ends.
    ExpiryChanged = "expiry_changed",
    /// The card ended by itself.
    CardExpired = "card_expired",
    /// A redeemed coupon turned into a card of the linked program.
    CardConverted = "card_converted",
    /// The linked program of a redeemed coupon was not to be had; tried again later.
    ConversionFailed = "conversion_failed",
    /// A barcode was scanned.
    CustomerScanned = "customer_scanned",
    /// A phone or tag was tapped.
    CustomerTapped = "customer_tapped",
    /// Punches or points were added by hand, by an import or by a rule.
    PointsAdded = "points_added",
    /// Punches or points were taken by hand, by expiry or in exchange for a reward.
    PointsRemoved = "points_removed",
    /// The goal was reached and punches were exchanged for one reward, or the balance came to cover a reward's price.
    RewardRedeemable = "reward_redeemable",
    RewardRedeemed = "reward_redeemed",
    /// Takes back a punch.
    PunchReversed = "punch_reversed",
    /// Takes back points.
    PointsReversed = "points_reversed",
    /// Takes back a reward that was not redeemed: its punches were taken back, or its price rose.
    RewardWithdrawn = "reward_withdrawn",
    /// Takes back a redemption.
    RedemptionReversed = "redemption_reversed",
    TierChanged = "tier_changed",
    /// A cycle of the ladder ended: what was counted towards tiers starts at zero again.
    TierCycleEnded = "tier_cycle_ended",
    /// The holder had the benefit of a promotion.
    PromotionUsed = "promotion_used",
    /// Takes back a use of a promotion: it counts against no limit any more.
    PromotionReversed = "promotion_reversed",
    CouponAssigned = "coupon_assigned",
    OfferClaimed = "offer_claimed",
    OfferFavourited = "offer_favourited",
    OfferUnfavourited = "offer_unfavourited",
    OfferRedeemed = "offer_redeemed",
    CampaignJoined = "campaign_joined",
    CampaignDisjoined = "campaign_disjoined",
    FeedbackGiven = "feedback_given",
    ReferralAdded = "referral_added",
    /// A mail server accepted a letter with the card's link.
    InvitationSent = "invitation_sent",
    /// A letter came back or could not be sent.
    InvitationFailed = "invitation_failed",
    /// The person's own wish or staff's: everything that said who they are is gone.
    CustomerErased = "customer_erased",
    /// Which fields of the customer changed, never their contents.
    ProfileEdited = "profile_edited",
    ConsentChanged = "consent_changed",
    PreferenceChanged = "preference_changed",
    PushCreated = "push_created",
    PushSent = "push_sent",
    PushFailed = "push_failed",
    PushSuppressed = "push_suppressed",
    PushDeferred = "push_deferred",
}

/// Who or what caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    Station(StationId),
    Member(MemberId),
    /// The holder: their phone, or their card's own web page.
    Device,
    /// passgate itself, by a rule.
    Gateway,
}

/// The way by which an event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    Station,
    Console,
    Api,
    Import,
    Rule,
    /// The holder's phone or web card.
    Device,
}

impl Source {
    pub const ALL: [Self; 6] = [
        Self::Station,
        Self::Console,
        Self::Api,
        Self::Import,
        Self::Rule,
        Self::Device,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::Console => "console",
            Self::Api => "api",
            Self::Import => "import",
            Self::Rule => "rule",
            Self::Device => "device",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

impl Actor {
    /// Whether this actor stands before the customer: only then is what they do a visit.
    pub fn is_at_the_shop(self) -> bool {
        matches!(self, Self::Station(_) | Self::Member(_))
    }

    /// The way that this actor takes where nothing else is said.
    pub fn usual_source(self) -> Source {
        match self {
            Self::Station(_) => Source::Station,
            Self::Member(_) => Source::Console,
            Self::Device => Source::Device,
            Self::Gateway => Source::Rule,
        }
    }
}

/// Whose timeline an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    Card(CardId),
    /// The person, whatever cards they hold.
    Customer(CustomerId),
}

/// An event before the store has numbered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub subject: Subject,
    pub kind: EventKind,
    pub delta: Delta,
    /// When it happened, where it happened.
    pub at: Timestamp,
    pub actor: Actor,
    pub source: Source,
    /// Where, when it is not the station's own location.
    pub location: Option<LocationId>,
    /// The capture that caused it.
    pub capture: Option<CaptureKey>,
    /// The bulk job or import that it is a part of.
    pub batch: Option<BatchId>,
    /// The event that this one takes back.
    pub reverses: Option<EventId>,
    /// A short reason in plain words or a provider's reason; never personal data.
    pub reason: Option<String>,
    pub detail: Option<Detail>,
}

impl NewEvent {
    /// An event that changes no sum and says nothing more.
    pub fn new(subject: Subject, kind: EventKind, actor: Actor, at: Timestamp) -> Self {
        Self {
            subject,
            kind,
            delta: Delta::default(),
            at,
            actor,
            source: actor.usual_source(),
            location: None,
            capture: None,
            batch: None,
            reverses: None,
            reason: None,
            detail: None,
        }
    }

    /// The same for a card.
    pub fn of_card(card: CardId, kind: EventKind, actor: Actor, at: Timestamp) -> Self {
        Self::new(Subject::Card(card), kind, actor, at)
    }

    #[must_use]
    pub fn with_delta(mut self, delta: Delta) -> Self {
        self.delta = delta;
        self
    }

    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = Some(detail);
        self
    }

    #[must_use]
    pub fn taking_back(mut self, event: EventId) -> Self {
        self.reverses = Some(event);
        self
    }

    /// The card it belongs to; none for an event of the person.
    pub fn card(&self) -> Option<CardId> {
        match self.subject {
            Subject::Card(card) => Some(card),
            Subject::Customer(_) => None,
        }
    }
}

/// An event as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    /// The subject's event before this one.
    pub previous: Option<EventId>,
    pub recorded_at: Timestamp,
    pub event: NewEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
        }
    }
}
