//! The fields of the language: what each is called, what it is compared with, and the facts it is read from.
//!
//! This is the one list. A new field over facts that are there is one line here; a new fact is one more name in
//! [`super::facts`], and the compiler then asks for its place in a card and for its SQL.

use super::facts::{NumberFact, TextFact, TimesFact};

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
    /// Bits with names.
    Set(NumberFact, &'static [(&'static str, i64)]),
    /// Whether there is a value.
    Known(NumberFact),
    Program,
    ProgramKind,
    /// The stored status, except that a card whose end has come is expired.
    Status,
    Coupon,
    Reachable,
}

/// Words for the state of a card; the first four are stored, the last follows from its end.
pub const STATUSES: &[&str] = &["pending", "installed", "removed", "void", "expired"];
pub const COUPON_STATES: &[&str] = &["active", "redeemed", "expired", "void"];
pub const KINDS: &[&str] = &["punch", "points", "coupon"];
pub const YES_NO: &[&str] = &["yes", "no"];
const PLATFORMS: &[(&str, i64)] = &[("apple", 1), ("google", 2)];

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
    "coupon" "coupon" Kind::Coupon;
    "platform" "platform" Kind::Set(NumberFact::Channels, PLATFORMS);
    "reachable" "reachable by push" Kind::Reachable;
    "punches" "punches" Kind::Number(NumberFact::Punches);
    "points" "points" Kind::Number(NumberFact::Points);
    "progress" "progress in thousandths of the goal" Kind::Number(NumberFact::Progress);
    "rewards" "rewards ready" Kind::Number(NumberFact::Rewards);
    "redemptions" "redemptions" Kind::Number(NumberFact::Redemptions);
    "visits" "visits" Kind::Number(NumberFact::Visits);
    "scans" "scans and taps" Kind::Number(NumberFact::Scans);
    "spend" "spend" Kind::Money(NumberFact::Spend);
    "unpriced" "visits without an amount" Kind::Number(NumberFact::Unpriced);
    "tier" "tier" Kind::Number(NumberFact::Tier);
    "joined" "joined" Kind::Time(NumberFact::Joined);
    "last_visit" "last visit" Kind::Time(NumberFact::LastVisit);
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
};

impl Field {
    pub fn named(name: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.name == name)
    }

    /// The words that it is compared with, if it is compared with words.
    pub(super) fn words(&self) -> Vec<&'static str> {
        match self.kind {
            Kind::Set(_, words) => words.iter().map(|(word, _)| *word).collect(),
            Kind::Status => STATUSES.to_vec(),
            Kind::Coupon => COUPON_STATES.to_vec(),
            Kind::ProgramKind => KINDS.to_vec(),
            Kind::Known(_) | Kind::Reachable => YES_NO.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The operators that make sense for it.
    pub fn operators(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Number(_) | Kind::Money(_) => &["is", "not", "in", "under", "over", "between", "empty"],
            Kind::Time(_) | Kind::Times(_) | Kind::FirstOf(_) | Kind::LastOf(_) => &[
                "is", "not", "in", "under", "over", "between", "empty", "older", "within", "next",
            ],
            Kind::MonthDay(_) => &["is", "in", "between", "empty", "today"],
            Kind::Text(_) => &["is", "not", "in", "has", "empty"],
            Kind::Set(..) | Kind::Coupon => &["is", "not", "in", "empty"],
            Kind::Program | Kind::ProgramKind | Kind::Status | Kind::Known(_) | Kind::Reachable => {
                &["is", "not", "in"]
            }
        }
    }
}
