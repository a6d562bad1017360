//! The card: one customer in one program, the aggregate that every punch, redemption and push is about.
//!
//! Its numbers are running sums of its ledger: a test recounts them.

use crate::domain::capture::Token;
use crate::domain::delivery::Channel;
use crate::domain::event::Delta;
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId, ProgramId, SerialNumber, UpdateTag};
use crate::domain::time::{Day, Timestamp};

/// What is known of the card's copies on phones. Unregistering means unreachable, not gone: a removed card
/// still punches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardStatus {
    /// Issued, never installed.
    Pending,
    /// At least one live registration.
    Installed,
    /// Had a registration, has none now.
    Removed,
    /// Ended by staff.
    Void,
}

impl CardStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Installed => "installed",
            Self::Removed => "removed",
            Self::Void => "void",
        }
    }

    /// The status once only `left` can be reached by push: a card in no wallet any more is removed.
    #[must_use]
    pub fn when_reachable_by(self, left: Channels) -> Self {
        match self {
            Self::Installed if left == Channels::NONE => Self::Removed,
            other => other,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "pending" => Self::Pending,
            "installed" => Self::Installed,
            "removed" => Self::Removed,
            "void" => Self::Void,
            _ => return None,
        })
    }
}

/// The status of a card together with what time alone makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardState {
    Pending,
    Installed,
    Removed,
    /// Ended by itself; may be extended.
    Expired,
    /// Ended by staff; may be restored.
    Void,
}

/// Which kinds of copies of a card are reachable by push; a set kept on the card so that a punch knows at once
/// which outbox rows it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Channels(pub i64);

impl Channels {
    pub const NONE: Self = Self(0);

    pub fn contains(self, channel: Channel) -> bool {
        self.0 & channel.bit() != 0
    }

    #[must_use]
    pub fn with(self, channel: Channel) -> Self {
        Self(self.0 | channel.bit())
    }

    #[must_use]
    pub fn without(self, channel: Channel) -> Self {
        Self(self.0 & !channel.bit())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub id: CardId,
    pub merchant: MerchantId,
    pub program: ProgramId,
    pub customer: CustomerId,
    pub serial_number: SerialNumber,
    /// What the barcode on the pass says.
    pub token: Token,
    pub status: CardStatus,
    pub channels: Channels,
    /// Sums of its ledger's rows.
    pub punches: i64,
    pub points: i64,
    pub tier_points: i64,
    pub rewards: i64,
    pub visits: i64,
    pub spend: i64,
    pub unpriced: i64,
    pub redemptions: i64,
    /// Its place on the program's ladder, counted from 0.
    pub tier: Option<i64>,
    /// Presentations that were accepted, taken back or not.
    pub scans: i64,
    pub last_visit_at: Option<Timestamp>,
    pub last_earned_at: Option<Timestamp>,
    /// The business day of the last earning and what was earned on it: punches or points.
    pub last_earned_day: Option<Day>,
    pub earned_on_day: i64,
    /// Where the cycle of the ladder that `tier_points` count in began, and where it ends.
    pub cycle_began_at: Option<Timestamp>,
    pub cycle_ends_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The end that the ledger has a row for: the same as `expires_at` once the card has expired.
    pub expired_at: Option<Timestamp>,
    /// When a coupon was redeemed.
    pub redeemed_at: Option<Timestamp>,
    /// The program that its installs count for; a coupon that was converted keeps its own.
    pub installed_as: ProgramId,
    /// When it first came into a wallet.
    pub installed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// Grows by one with each change that a holder could see.
    pub version: i64,
    /// When the visible content last changed; moves forward by at least a second with each version, because
    /// HTTP dates resolve no finer (RFC 9110, section 8.8.2).
    pub changed_at: Timestamp,
    /// Newest row of this card's ledger; each row names the one before it.
    pub last_event: Option<EventId>,
    pub tag: Option<UpdateTag>,
}

/// What a card is called, fixed when it is issued.
#[derive(Debug, Clone)]
pub struct Identity {
    pub id: CardId,
    pub merchant: MerchantId,
    pub program: ProgramId,
    pub customer: CustomerId,
    pub serial_number: SerialNumber,
    pub token: Token,
}

impl Card {
    /// A card without a history.
    pub fn new(identity: Identity, now: Timestamp) -> Self {
        Self {
            id: identity.id,
            merchant: identity.merchant,
            program: identity.program,
            customer: identity.customer,
            serial_number: identity.serial_number,
            token: identity.token,
            status: CardStatus::Pending,
            channels: Channels::NONE,
            punches: 0,
            points: 0,
            tier_points: 0,
            rewards: 0,
            visits: 0,
            spend: 0,
            unpriced: 0,
            redemptions: 0,
            tier: None,
            scans: 0,
            last_visit_at: None,
            last_earned_at: None,
            last_earned_day: None,
            earned_on_day: 0,
            cycle_began_at: None,
            cycle_ends_at: None,
            expires_at: None,
            expired_at: None,
            redeemed_at: None,
            installed_as: identity.program,
            installed_at: None,
            created_at: now,
            version: 1,
            changed_at: now,
            last_event: None,
            tag: None,
        }
    }

    /// Adds what an event changed to the running sums.
    pub fn apply(&mut self, delta: Delta) {
        let mut sums = self.sums();
        sums += delta;
        self.punches = sums.punches;
        self.points = sums.points;
        self.tier_points = sums.tier_points;
        self.rewards = sums.rewards;
        self.visits = sums.visits;
        self.spend = sums.spend;
        self.unpriced = sums.unpriced;
        self.redemptions = sums.redemptions;
    }

    /// The running sums: the same as the sum of the deltas of all its events.
    pub fn sums(&self) -> Delta {
        Delta {
            punches: self.punches,
            points: self.points,
            tier_points: self.tier_points,
            rewards: self.rewards,
            visits: self.visits,
            spend: self.spend,
            unpriced: self.unpriced,
            redemptions: self.redemptions,
        }
    }

    /// Whether the card has ended by itself.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether its ending stands in the ledger; whoever looks at the card without a clock sees this.
    pub fn is_shown_expired(&self) -> bool {
        self.expires_at.is_some() && self.expired_at == self.expires_at
    }

    /// Whether it was a coupon and is a card of the linked program now.
    pub fn is_converted(&self) -> bool {
        self.program != self.installed_as
    }

    /// Notes that a wallet holds a copy from now on. A void card stays void in it.
    pub fn note_install(&mut self, channel: Channel, now: Timestamp) {
        self.channels = self.channels.with(channel);
        self.installed_at = self.installed_at.or(Some(now));
        if self.status != CardStatus::Void {
            self.status = CardStatus::Installed;
        }
    }

    /// Its status by what happened to its copies, whether or not staff ended it.
    pub fn status_by_copies(&self) -> CardStatus {
        if self.channels != Channels::NONE {
            CardStatus::Installed
        } else if self.installed_at.is_some() {
            CardStatus::Removed
        } else {
            CardStatus::Pending
        }
    }

    /// What staff are shown: the stored status, or that the card ended by itself.
    pub fn state(&self, now: Timestamp) -> CardState {
        state(self.status, self.expires_at, now)
    }

    /// Marks the card's visible content as changed at `now`.
    ///
    /// Two changes within one second must not look alike to `If-Modified-Since`: the stored second always
    /// moves on, even when the wall clock has not.
    pub fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        let next_second = Timestamp((self.changed_at.0.div_euclid(1000) + 1) * 1000);
        self.changed_at = now.max(next_second);
    }
}

/// What a stored status and an end come to at `now`.
pub fn state(status: CardStatus, expires_at: Option<Timestamp>, now: Timestamp) -> CardState {
    match status {
        CardStatus::Void => CardState::Void,
        _ if expires_at.is_some_and(|end| end <= now) => CardState::Expired,
        CardStatus::Pending => CardState::Pending,
        CardStatus::Installed => CardState::Installed,
        CardStatus::Removed => CardState::Removed,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A fresh card for tests of the rules.
    pub(crate) fn sample() -> Card {
        let identity = Identity {
            id: CardId(1),
            merchant: MerchantId(1),
            program: ProgramId(1),
            customer: CustomerId(1),
            serial_number: SerialNumber::parse("card-0000000000001").expect("valid serial number"),
            token: Token::from_random([1; 10]),
        };
        Card {
            status: CardStatus::Installed,
            ..Card::new(identity, Timestamp(0))
        }
    }

    #[test]
    fn two_changes_within_one_second_have_different_http_dates() {
        let mut card = sample();
        let now = Timestamp(1_800_000_000_400);
        card.touch(now);
        let first = card.changed_at.0 / 1000;
        card.touch(now.plus(std::time::Duration::from_millis(10)));
        assert!(card.changed_at.0 / 1000 > first);
    }
}
