//! The fields of the language: what each is called, what it is compared with, and the facts it is read from.
//!
//! This is the one list. A new field over facts that are there is one line here; a new fact is one more name in
//! [`super::facts`], and the compiler then asks for its place in a card and for its SQL.

use super::facts::{NumberFact, TextFact, TextsFact, TimesFact};

/// Something that a rule can ask about a card.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// As rules are written.
    pub name: &'static str,
    /// As people read it.
    pub label: &'static str,
    pub kind: Kind,
}

/// What a field holds and where it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number(NumberFact),
    /// With up to four decimals, kept as ten-thousandths.
    Decimal(NumberFact),
    /// Minor units.
    Money(NumberFact),
    /// A moment; compared by days of the merchant's zone or by how long ago it was.
    Time(NumberFact),
    /// Any number of moments; a condition holds when it holds for one of them.
    Times(TimesFact),
    /// The first or the last of such moments.
    FirstOf(TimesFact),
    LastOf(TimesFact),
    /// A day of the year.
    MonthDay(NumberFact),
    Text(TextFact),
    /// Any number of texts; a condition holds when it holds for one of them.
    Texts(TextsFact),
    /// What the holder answered to a field of the program, which the condition names by its code. Compared as text, or
    /// where it is under, over or between something, as a number or a day.
    Answer,
    /// Bits with names.
    Set(NumberFact, &'static [(&'static str, i64)]),
    /// Whether there is a value.
    Known(NumberFact),
    Program,
    ProgramKind,
    /// The stored status, except that a card whose end has come is expired.
    Status,
    /// The stored status alone: where the card's copies are, whether or not its end has come.
    Wallet,
    Coupon,
    /// By the program's ladder.
    Tier,
    /// Whether something can be redeemed now.
    Ready,
    /// Whether it is in the top fifth by money, by the limit measured last.
    HighValue,
    /// The cell of the program's grid by recency and frequency.
    Cell,
    Reachable,
    /// By a push of this class, which the holder has not paused and has agreed to where that is needed.
    ReachableFor,
}

/// Words for the state of a card; the first four are stored, the last follows from its end.
pub const STATUSES: &[&str] = &["pending", "installed", "removed", "void", "expired"];
pub const COUPON_STATES: &[&str] = &["active", "redeemed", "expired", "void"];
pub const KINDS: &[&str] = &["punch", "points", "coupon"];
pub const YES_NO: &[&str] = &["yes", "no"];
/// What is stored while a card has not been ended.
pub const WALLETS: &[&str] = &["pending", "installed", "removed"];
const PLATFORMS: &[(&str, i64)] = &[("apple", 1), ("google", 2)];
const PURPOSES: &[(&str, i64)] = &[("marketing", 1), ("profiling", 2), ("personalised", 4)];
const CLASSES: &[(&str, i64)] = &[
    ("balance", 1),
    ("location", 2),
    ("marketing", 4),
    ("tier", 8),
    ("reward", 16),
];
/// The cells of both grids by name; some cells of the large one share theirs.
pub const CELLS: &[&str] = &[
    "no_visit_yet",
    "beginners",
    "growths",
    "champions",
    "doubtful",
    "medium",
    "loyal",
    "sleeping",
    "at_risk",
    "needs_attention",
    "loyal_customers",
    "potential_loyalists",
    "new_customers",
    "promising",
    "need_attention",
    "about_to_sleep",
    "cannot_lose_them",
    "hibernating",
    "lost",
];

macro_rules! fields {
    ($($name:literal $label:literal $kind:expr;)*) => {
        &[$(Field { name: $name, label: $label, kind: $kind }),*]
    };
}

/// Every field, in the order in which an editor offers them.
pub const FIELDS: &[Field] = fields! {
    "program" "program" Kind::Program;
    "kind" "kind of program" Kind::ProgramKind;
    "status" "status" Kind::Status;
    "wallet" "wallet" Kind::Wallet;
    "coupon" "coupon" Kind::Coupon;
    "ready" "ready to redeem" Kind::Ready;
    "high_value" "of high value" Kind::HighValue;
    "rfm" "recency and frequency" Kind::Cell;
    "platform" "platform" Kind::Set(NumberFact::Channels, PLATFORMS);
    "reachable" "reachable by push" Kind::Reachable;
    "reachable_for" "reachable for notifications of" Kind::ReachableFor;
    "consent" "consent" Kind::Set(NumberFact::Consents, PURPOSES);
    "paused" "paused notifications" Kind::Set(NumberFact::Paused, CLASSES);
    "punches" "punches" Kind::Number(NumberFact::Punches);
    "points" "points" Kind::Number(NumberFact::Points);
    "progress" "progress in thousandths of the goal" Kind::Number(NumberFact::Progress);
    "rewards" "rewards ready" Kind::Number(NumberFact::Rewards);
    "redemptions" "redemptions" Kind::Number(NumberFact::Redemptions);
    "visits" "visits" Kind::Number(NumberFact::Visits);
    "scans" "scans and taps" Kind::Number(NumberFact::Scans);
    "spend" "spend" Kind::Money(NumberFact::Spend);
    "unpriced" "visits without an amount" Kind::Number(NumberFact::Unpriced);
    "tier" "tier" Kind::Tier;
    "tier_points" "points towards tiers" Kind::Number(NumberFact::TierPoints);
    "rating" "rating" Kind::Decimal(NumberFact::Rating);
    "comments" "comments" Kind::Number(NumberFact::Comments);
    "joined" "joined" Kind::Time(NumberFact::Joined);
    "installed" "first in a wallet" Kind::Time(NumberFact::InstalledAt);
    "last_visit" "last visit" Kind::Time(NumberFact::LastVisit);
    "visit_before" "last visit but one" Kind::Time(NumberFact::VisitBefore);
    "activity" "last visit, or joined where there was none," Kind::Time(NumberFact::Activity);
    "expires" "end of the card" Kind::Time(NumberFact::Expires);
    "redeemed" "a redemption" Kind::Times(TimesFact::Redemptions);
    "first_redeemed" "first redemption" Kind::FirstOf(TimesFact::Redemptions);
    "last_redeemed" "last redemption" Kind::LastOf(TimesFact::Redemptions);
    "birthday" "birthday" Kind::MonthDay(NumberFact::Birthday);
    "name" "name" Kind::Text(TextFact::Name);
    "email" "email" Kind::Text(TextFact::Email);
    "phone" "phone" Kind::Text(TextFact::Phone);
    "external_id" "external id" Kind::Text(TextFact::ExternalId);
    "language" "language" Kind::Text(TextFact::Language);
    "verified" "verified" Kind::Known(NumberFact::VerifiedAt);
    "tag" "tag" Kind::Texts(TextsFact::Tags);
    "custom" "answer to" Kind::Answer;
    "utm_source" "came from (source)" Kind::Text(TextFact::UtmSource);
    "utm_medium" "came from (medium)" Kind::Text(TextFact::UtmMedium);
    "utm_campaign" "came from (campaign)" Kind::Text(TextFact::UtmCampaign);
    "utm_content" "came from (content)" Kind::Text(TextFact::UtmContent);
    "utm_term" "came from (term)" Kind::Text(TextFact::UtmTerm);
};

impl Field {
    pub fn named(name: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.name == name)
    }

    /// The words that it is compared with, if it is compared with words.
    pub fn words(&self) -> Vec<&'static str> {
        match self.kind {
            Kind::Set(_, words) => words.iter().map(|(word, _)| *word).collect(),
            Kind::ReachableFor => CLASSES.iter().map(|(word, _)| *word).collect(),
            Kind::Status => STATUSES.to_vec(),
            Kind::Wallet => WALLETS.to_vec(),
            Kind::Coupon => COUPON_STATES.to_vec(),
            Kind::ProgramKind => KINDS.to_vec(),
            Kind::Cell => CELLS.to_vec(),
            Kind::Known(_) | Kind::Reachable | Kind::Ready | Kind::HighValue => YES_NO.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The operators that make sense for it.
    pub fn operators(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Number(_) | Kind::Decimal(_) | Kind::Money(_) => {
                &["is", "not", "in", "under", "over", "between", "empty"]
            }
            Kind::Time(_) | Kind::Times(_) | Kind::FirstOf(_) | Kind::LastOf(_) => &[
                "is", "not", "in", "under", "over", "between", "empty", "older", "within", "next",
            ],
            Kind::MonthDay(_) => &["is", "in", "between", "empty", "today"],
            Kind::Text(_) | Kind::Texts(_) => &["is", "not", "in", "has", "empty"],
            Kind::Answer => &["is", "not", "in", "has", "under", "over", "between", "empty"],
            Kind::Set(..) | Kind::Coupon | Kind::Tier => &["is", "not", "in", "empty"],
            Kind::Program
            | Kind::ProgramKind
            | Kind::Status
            | Kind::Wallet
            | Kind::Known(_)
            | Kind::Ready
            | Kind::HighValue
            | Kind::Cell
            | Kind::Reachable
            | Kind::ReachableFor => &["is", "not", "in"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consent::{Consents, Purpose};
    use crate::domain::preference::{Class, Preference, Preferences};
    use std::collections::BTreeSet;

    #[test]
    fn words_are_those_of_what_they_stand_for() {
        let purposes = Purpose::ALL.map(|purpose| (purpose.as_str(), Consents::NONE.with(purpose, true).0));
        assert_eq!(PURPOSES, purposes);
        let paused = |class| Preferences::ALL_ACTIVE.with(class, Preference::Paused).0;
        assert_eq!(CLASSES, Class::ALL.map(|class| (class.as_str(), paused(class))));
        let names: BTreeSet<_> = FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), FIELDS.len());
    }
}
