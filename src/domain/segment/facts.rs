//! What rules know about one card and its holder: plain numbers, texts and moments.
//!
//! The store reads the same facts by SQL; the order of the names is the order of its columns.

use std::collections::BTreeMap;

use super::plan::{AnswerTest, Context, Plan, TextTest};
use crate::domain::card::{Card, CardStatus};
use crate::domain::consent::Consents;
use crate::domain::custom_field::FieldValue;
use crate::domain::feedback::Rating;
use crate::domain::id::{CardId, CustomerId};
use crate::domain::preference::Preferences;
use crate::domain::time::Timestamp;
use crate::domain::utm::Utm;

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
        /// When the card first came into a wallet.
        InstalledAt,
        /// The last visit but one.
        VisitBefore,
        /// What the holder agreed to, and what they paused, as bits.
        Consents,
        Paused,
        /// The mean of the holder's ratings to one decimal, in ten-thousandths.
        Rating,
        /// Ratings with words.
        Comments,
        /// What was counted towards tiers in this cycle.
        TierPoints,
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
        UtmSource,
        UtmMedium,
        UtmCampaign,
        UtmContent,
        UtmTerm,
    }
}

facts! {
    /// Facts that are any number of texts, made comparable.
    TextsFact {
        Tags,
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
    /// Sorted; no text is empty or has a line break in it.
    pub lists: [Vec<String>; TextsFact::COUNT],
    /// What its program asks and the holder answered, by the field's code; no text is empty.
    pub answers: BTreeMap<String, FieldValue>,
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
    pub consents: Consents,
    pub paused: Preferences,
    pub rating: Rating,
    pub comments: i64,
    pub tags: Vec<String>,
}

/// What is kept beside a card.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Beside {
    pub redemptions: Vec<Timestamp>,
    pub visit_before_at: Option<Timestamp>,
    pub landing: Utm,
    pub answers: BTreeMap<String, FieldValue>,
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
    pub fn of(card: &Card, person: &Person, beside: &Beside, context: &Context) -> Self {
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
            NumberFact::InstalledAt => card.installed_at.map(|at| at.0),
            NumberFact::VisitBefore => beside.visit_before_at.map(|at| at.0),
            NumberFact::Consents => Some(person.consents.0),
            NumberFact::Paused => Some(person.paused.0),
            NumberFact::Rating => person.rating.tenths().map(|tenths| tenths * 1000),
            NumberFact::Comments => Some(person.comments),
            NumberFact::TierPoints => Some(card.tier_points),
        };
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        let text = |fact| match fact {
            TextFact::Name => person.name_key.clone(),
            TextFact::Email => person.email_key.clone(),
            TextFact::Phone => person.phone.clone(),
            TextFact::ExternalId => person.external_id.clone(),
            TextFact::Language => person.language.clone(),
            TextFact::UtmSource => word(&beside.landing.source),
            TextFact::UtmMedium => word(&beside.landing.medium),
            TextFact::UtmCampaign => word(&beside.landing.campaign),
            TextFact::UtmContent => word(&beside.landing.content),
            TextFact::UtmTerm => word(&beside.landing.term),
        };
        let mut times: Vec<i64> = beside.redemptions.iter().map(|at| at.0).collect();
        times.sort_unstable();
        let mut tags = person.tags.clone();
        tags.sort_unstable();
        Self {
            card: card.id,
            numbers: std::array::from_fn(|index| number(NumberFact::ALL[index])),
            texts: std::array::from_fn(|index| text(TextFact::ALL[index])),
            times: [times],
            lists: [tags],
            answers: beside.answers.clone(),
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
            Self::Texts { fact, test } => {
                test.holds_for_one(facts.lists[fact.index()].iter().map(String::as_str))
            }
            Self::Answer { code, test } => {
                let answer = facts.answers.get(code);
                test.holds(answer.map(|value| (value.text.as_str(), value.number)))
            }
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

    /// Whether it holds for one of several texts; without any, they are empty.
    pub(super) fn holds_for_one<'t>(&self, mut texts: impl Iterator<Item = &'t str>) -> bool {
        match self {
            Self::Empty => texts.next().is_none(),
            test => texts.any(|text| test.holds(text)),
        }
    }
}

impl AnswerTest {
    /// The answer as it was given, and what it is compared by.
    pub(super) fn holds(&self, answer: Option<(&str, Option<i64>)>) -> bool {
        match (self, answer) {
            (Self::Text(TextTest::Empty), answer) => answer.is_none(),
            (Self::Text(test), Some((text, _))) => test.holds(text),
            (Self::Number(ranges), Some((_, Some(number)))) => ranges.holds(number),
            (Self::Text(_) | Self::Number(_), _) => false,
        }
    }
}
