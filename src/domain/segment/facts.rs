//! What rules know about one card and its holder: plain numbers, texts and moments.
//!
//! The store reads the same facts by SQL; the order of the names is the order of its columns.

use super::plan::{Context, Plan, TextTest};
use crate::domain::card::{Card, CardStatus};
use crate::domain::id::{CardId, CustomerId};
use crate::domain::time::Timestamp;

macro_rules! facts {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $fact:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$of])* $fact),*
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$fact),*];
            pub const COUNT: usize = Self::ALL.len();

            pub fn index(self) -> usize {
                self as usize
            }
        }
    };
}

facts! {
    /// Facts that are numbers: counts, minor units, unix milliseconds, sets of bits, codes.
    NumberFact {
        Customer,
        Program,
        /// The stored status as [`status_code`] numbers it.
        Status,
        Channels,
        Punches,
        Points,
        /// Thousandths of the goal; none where there is no goal.
        Progress,
        Rewards,
        Redemptions,
        Visits,
        Scans,
        Spend,
        Unpriced,
        Tier,
        Joined,
        LastVisit,
        /// The last visit, or when the card was issued.
        Activity,
        Expires,
        CouponRedeemed,
        /// Month * 100 + day.
        Birthday,
        VerifiedAt,
    }
}

facts! {
    /// Facts that are texts, made comparable; empty where there is none.
    TextFact {
        Name,
        Email,
        Phone,
        ExternalId,
        Language,
    }
}

facts! {
    /// Facts that are any number of moments.
    TimesFact {
        Redemptions,
    }
}

/// What is known of one card and its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub card: CardId,
    pub numbers: [Option<i64>; NumberFact::COUNT],
    pub texts: [String; TextFact::COUNT],
    /// Oldest first.
    pub times: [Vec<i64>; TimesFact::COUNT],
}

/// The holder, as rules see them: texts folded as the store keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    pub name_key: String,
    pub email_key: String,
    pub phone: String,
    pub external_id: String,
    pub language: String,
    /// Month * 100 + day.
    pub birthday: Option<i64>,
    pub verified_at: Option<Timestamp>,
}

/// The stored status as a number; sorts from the freshest to the most finished.
pub fn status_code(status: CardStatus) -> i64 {
    match status {
        CardStatus::Pending => 0,
        CardStatus::Installed => 1,
        CardStatus::Removed => 2,
        CardStatus::Void => 4,
    }
}

/// Stands between removed and void in order.
pub const EXPIRED_CODE: i64 = 3;

impl Facts {
    /// The facts of a card that is at hand.
    pub fn of(card: &Card, person: &Person, redemptions: &[Timestamp], context: &Context) -> Self {
        let number = |fact| match fact {
            NumberFact::Customer => Some(card.customer.0),
            NumberFact::Program => Some(card.program.0),
            NumberFact::Status => Some(status_code(card.status)),
            NumberFact::Channels => Some(card.channels.0),
            NumberFact::Punches => Some(card.punches),
            NumberFact::Points => Some(card.points),
            NumberFact::Progress => context.progress(card.program, card.punches),
            NumberFact::Rewards => Some(card.rewards),
            NumberFact::Redemptions => Some(card.redemptions),
            NumberFact::Visits => Some(card.visits),
            NumberFact::Scans => Some(card.scans),
            NumberFact::Spend => Some(card.spend),
            NumberFact::Unpriced => Some(card.unpriced),
            NumberFact::Tier => card.tier,
            NumberFact::Joined => Some(card.created_at.0),
            NumberFact::LastVisit => card.last_visit_at.map(|at| at.0),
            NumberFact::Activity => Some(card.last_visit_at.unwrap_or(card.created_at).0),
            NumberFact::Expires => card.expires_at.map(|at| at.0),
            NumberFact::CouponRedeemed => card.redeemed_at.map(|at| at.0),
            NumberFact::Birthday => person.birthday,
            NumberFact::VerifiedAt => person.verified_at.map(|at| at.0),
        };
        let text = |fact| match fact {
            TextFact::Name => person.name_key.clone(),
            TextFact::Email => person.email_key.clone(),
            TextFact::Phone => person.phone.clone(),
            TextFact::ExternalId => person.external_id.clone(),
            TextFact::Language => person.language.clone(),
        };
        let mut times: Vec<i64> = redemptions.iter().map(|at| at.0).collect();
        times.sort_unstable();
        Self {
            card: card.id,
            numbers: std::array::from_fn(|index| number(NumberFact::ALL[index])),
            texts: std::array::from_fn(|index| text(TextFact::ALL[index])),
            times: [times],
        }
    }

    pub fn number(&self, fact: NumberFact) -> Option<i64> {
        self.numbers[fact.index()]
    }

    pub fn customer(&self) -> Option<CustomerId> {
        self.number(NumberFact::Customer).map(CustomerId)
    }
}

impl Plan {
    /// Whether the rule holds for one card.
    pub fn holds(&self, facts: &Facts) -> bool {
        match self {
            Self::All(plans) => plans.iter().all(|plan| plan.holds(facts)),
            Self::Any(plans) => plans.iter().any(|plan| plan.holds(facts)),
            Self::Not(plan) => !plan.holds(facts),
            Self::Number { fact, ranges } => facts.number(*fact).is_some_and(|value| ranges.holds(value)),
            Self::Absent(fact) => facts.number(*fact).is_none(),
            Self::Bits { fact, mask } => facts.number(*fact).is_some_and(|bits| bits & mask != 0),
            Self::Text { fact, test } => test.holds(&facts.texts[fact.index()]),
            Self::Times { fact, ranges, which } => which
                .of(&facts.times[fact.index()])
                .iter()
                .any(|at| ranges.holds(*at)),
            Self::Listed { cards, .. } => cards.holds(facts.card.0),
        }
    }
}

impl TextTest {
    pub(super) fn holds(&self, text: &str) -> bool {
        match self {
            Self::Empty => text.is_empty(),
            Self::OneOf(texts) => texts.iter().any(|one| one == text),
            Self::Contains(part) => text.contains(part.as_str()),
        }
    }
}
