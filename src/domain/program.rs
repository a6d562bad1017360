//! A merchant's program: what kind of card it gives, and the rules that every decision about such a card follows.
//!
//! Rules are stored as one JSON text. [`Rules::parse`] and the `with_…` functions check them, so that rules in hand
//! make sense; decisions do not check again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::id::{MerchantId, PassTypeIdentifier, ProgramId};
use crate::domain::money::{Amount, Currency};
use crate::domain::time::{CivilDay, Timestamp};

/// A scheme that customers hold cards of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub id: ProgramId,
    pub merchant: MerchantId,
    pub name: String,
    /// Folder under `pass-templates/`.
    pub template: String,
    pub pass_type_identifier: PassTypeIdentifier,
    pub reward_name: String,
    pub rules: Rules,
    /// When staff retired the program: its cards go on, new ones are not issued.
    pub archived_at: Option<Timestamp>,
    /// Grows by one with each edit.
    pub version: i64,
}

/// Everything a program decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub scheme: Scheme,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub purchase: Purchase,
    #[serde(default)]
    pub validity: Validity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<Ladder>,
    /// Punches or points that a card has from its first moment.
    #[serde(default)]
    pub welcome: i64,
}

/// What a card of the program is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scheme {
    Punch(PunchRules),
    Points(PointsRules),
    Coupon(CouponRules),
}

/// The kind of a program, as it is stored beside the rules and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProgramKind {
    Punch,
    Points,
    Coupon,
}

/// How presentations become punches and punches rewards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PunchRules {
    /// Punches that earn one reward.
    pub goal: i64,
    pub punches_per_visit: i64,
    /// Whether punches beyond the goal count towards the next reward.
    pub carry_over: bool,
}

/// How presentations and purchases become points, and what points are spent on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointsRules {
    /// Points for each visit, whatever was bought.
    #[serde(default)]
    pub per_visit: i64,
    /// Points for what was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_amount: Option<Rate>,
    /// How far below zero a balance may go; 0 refuses what the balance does not cover.
    #[serde(default)]
    pub overdraw: i64,
    /// What points are exchanged for, cheapest first.
    #[serde(default)]
    pub rewards: Vec<PricedReward>,
}

/// So many points for each full `per` of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub points: i64,
    pub per: Amount,
}

/// A reward with its price in points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricedReward {
    /// Names the reward in the ledger for ever; never used for another one.
    pub code: String,
    pub name: String,
    pub points: i64,
}

/// A card that is redeemed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouponRules {
    /// Whether presenting the card at a till redeems it, or only shows that it can be redeemed.
    #[serde(default)]
    pub redeem_at_till: bool,
    /// What the card turns into once it is redeemed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<LinkedProgram>,
}

/// The program that a redeemed coupon turns into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedProgram {
    pub program: ProgramId,
    /// Whether the redemption counts as the first punch or visit there.
    #[serde(default)]
    pub first_punch: bool,
}

/// What keeps a card from earning too much, and how long something can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most punches or points on one business day of the merchant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_day: Option<i64>,
    /// Least time between two accepted presentations of one card.
    #[serde(rename = "minimum_gap_ms", with = "millis")]
    pub minimum_gap: Duration,
    /// Presentations closer together than this are one visit.
    #[serde(rename = "visit_gap_ms", with = "millis")]
    pub visit_gap: Duration,
    /// How long after a punch or a redemption it can be taken back.
    #[serde(rename = "reversal_window_ms", with = "millis")]
    pub reversal_window: Duration,
}

/// What the program wants to know about purchases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Purchase {
    pub currency: Currency,
    /// Whether an amount must be given. Where it need not, "none given" is unknown and not zero.
    pub required: bool,
    /// Least amount that earns anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Amount>,
}

/// When a card ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "ends", rename_all = "snake_case", deny_unknown_fields)]
pub enum Validity {
    #[default]
    Never,
    /// With the end of this day in the merchant's zone.
    Fixed { day: CivilDay },
    /// So many days after it was issued.
    AfterIssue { days: i64 },
    /// So many days after the last visit, or after it was issued where there was none.
    Rolling { days: i64 },
}

/// Tiers on top of a program, lowest first. The spendable balance has no part in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    pub measure: Measure,
    #[serde(default)]
    pub cycle: Cycle,
    pub tiers: Vec<Tier>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub name: String,
    /// What the measure must have reached; the first tier's is 0.
    pub threshold: i64,
}

/// What moves a card up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Minor units spent.
    Spend,
    /// Points or punches earned; spending them does not lower it.
    Earned,
}

/// When the measure starts again at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cycle {
    #[default]
    Never,
    /// On 1 January in the merchant's zone.
    Calendar,
    /// A year after the card was issued, and so on.
    Enrolment,
}

/// Why a set of rules makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    #[error("the goal must be between 1 and 1000 punches; got {0}")]
    Goal(i64),
    #[error("punches per visit must be between 1 and 100; got {0}")]
    PunchesPerVisit(i64),
    #[error("the limit per day must be at least 1; got {0} (leave it out for no limit)")]
    MaxPerDay(i64),
    #[error("{field} must be between {least} and {most}; got {got}")]
    Range {
        field: &'static str,
        least: i64,
        most: i64,
        got: i64,
    },
    #[error("{0}")]
    Order(&'static str),
    #[error("{field} is a name of 1 to 60 characters; got {got:?}")]
    Name { field: &'static str, got: String },
    #[error("these rules belong to a {expected} program; this one is a {got} program")]
    Kind {
        expected: &'static str,
        got: &'static str,
    },
    #[error("rules are a JSON object as described in the manual: {0}")]
    Json(String),
}

/// More points than any rule needs, small enough that sums never overflow.
const MOST_POINTS: i64 = 1_000_000;

/// More than any customer spends or earns in a lifetime.
const MOST_MEASURED: i64 = 1_000_000_000_000_000;

impl ProgramKind {
    pub const ALL: [Self; 3] = [Self::Punch, Self::Points, Self::Coupon];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Punch => "punch",
            Self::Points => "points",
            Self::Coupon => "coupon",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Default for Limits {
    /// No limits; one hour to reverse, visits an hour apart.
    fn default() -> Self {
        Self {
            max_per_day: None,
            minimum_gap: Duration::ZERO,
            visit_gap: Duration::from_secs(3600),
            reversal_window: Duration::from_secs(3600),
        }
    }
}

impl Default for Purchase {
    fn default() -> Self {
        Self {
            currency: Currency::EUR,
            required: false,
            minimum: None,
        }
    }
}

impl Rules {
    /// A punch card: one punch a visit, no limits, surplus kept.
    pub fn punch(goal: i64) -> Result<Self, RulesError> {
        Self::new(Scheme::Punch(PunchRules {
            goal,
            punches_per_visit: 1,
            carry_over: true,
        }))
    }

    /// Rules with a scheme and nothing else said.
    pub fn new(scheme: Scheme) -> Result<Self, RulesError> {
        let rules = Self {
            scheme,
            limits: Limits::default(),
            purchase: Purchase::default(),
            validity: Validity::default(),
            ladder: None,
            welcome: 0,
        };
        rules.checked()
    }

    /// Reads what [`Rules::print`] wrote, or what a person wrote, and checks it.
    pub fn parse(json: &str) -> Result<Self, RulesError> {
        let rules: Self = serde_json::from_str(json).map_err(|error| RulesError::Json(error.to_string()))?;
        rules.checked()
    }

    /// The rules as JSON, for the store.
    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The rules, if they make sense.
    pub fn checked(self) -> Result<Self, RulesError> {
        match &self.scheme {
            Scheme::Punch(punch) => punch.check()?,
            Scheme::Points(points) => points.check()?,
            Scheme::Coupon(_) => {}
        }
        if let Some(limit) = self.limits.max_per_day
            && limit < 1
        {
            return Err(RulesError::MaxPerDay(limit));
        }
        range("welcome", self.welcome, 0, MOST_POINTS)?;
        match self.validity {
            Validity::AfterIssue { days } | Validity::Rolling { days } => {
                range("validity.days", days, 1, 36_500)?;
            }
            Validity::Never | Validity::Fixed { .. } => {}
        }
        self.ladder.as_ref().map_or(Ok(()), Ladder::check)?;
        Ok(self)
    }

    pub fn kind(&self) -> ProgramKind {
        match self.scheme {
            Scheme::Punch(_) => ProgramKind::Punch,
            Scheme::Points(_) => ProgramKind::Points,
            Scheme::Coupon(_) => ProgramKind::Coupon,
        }
    }

    /// Punches that earn one reward; 0 where there are no punches.
    pub fn goal(&self) -> i64 {
        match &self.scheme {
            Scheme::Punch(punch) => punch.goal,
            Scheme::Points(_) | Scheme::Coupon(_) => 0,
        }
    }

    pub fn with_punches_per_visit(mut self, count: i64) -> Result<Self, RulesError> {
        self.punch_rules()?.punches_per_visit = count;
        self.checked()
    }

    pub fn with_carry_over(mut self, keep: bool) -> Result<Self, RulesError> {
        self.punch_rules()?.carry_over = keep;
        self.checked()
    }

    pub fn with_max_per_day(mut self, limit: Option<i64>) -> Result<Self, RulesError> {
        self.limits.max_per_day = limit;
        self.checked()
    }

    #[must_use]
    pub fn with_minimum_gap(mut self, gap: Duration) -> Self {
        self.limits.minimum_gap = gap;
        self
    }

    #[must_use]
    pub fn with_reversal_window(mut self, window: Duration) -> Self {
        self.limits.reversal_window = window;
        self
    }

    #[must_use]
    pub fn with_visit_gap(mut self, gap: Duration) -> Self {
        self.limits.visit_gap = gap;
        self
    }

    fn punch_rules(&mut self) -> Result<&mut PunchRules, RulesError> {
        let got = self.kind().as_str();
        match &mut self.scheme {
            Scheme::Punch(punch) => Ok(punch),
            Scheme::Points(_) | Scheme::Coupon(_) => Err(RulesError::Kind {
                expected: ProgramKind::Punch.as_str(),
                got,
            }),
        }
    }
}

impl PunchRules {
    fn check(&self) -> Result<(), RulesError> {
        if !(1..=1000).contains(&self.goal) {
            return Err(RulesError::Goal(self.goal));
        }
        if !(1..=100).contains(&self.punches_per_visit) {
            return Err(RulesError::PunchesPerVisit(self.punches_per_visit));
        }
        Ok(())
    }
}

impl PointsRules {
    fn check(&self) -> Result<(), RulesError> {
        range("scheme.per_visit", self.per_visit, 0, MOST_POINTS)?;
        range("scheme.overdraw", self.overdraw, 0, MOST_POINTS)?;
        if let Some(rate) = self.per_amount {
            range("scheme.per_amount.points", rate.points, 1, MOST_POINTS)?;
            if rate.per.minor() < 1 {
                return Err(RulesError::Order(
                    "scheme.per_amount.per must be at least 1 minor unit",
                ));
            }
        }
        let count = i64::try_from(self.rewards.len()).unwrap_or(i64::MAX);
        range("scheme.rewards", count, 0, 100)?;
        for reward in &self.rewards {
            name("scheme.rewards.code", &reward.code)?;
            name("scheme.rewards.name", &reward.name)?;
            range("scheme.rewards.points", reward.points, 1, MOST_POINTS)?;
        }
        let codes: std::collections::BTreeSet<_> = self.rewards.iter().map(|reward| &reward.code).collect();
        if codes.len() != self.rewards.len() {
            return Err(RulesError::Order("each reward needs a code of its own"));
        }
        if !self.rewards.is_sorted_by_key(|reward| reward.points) {
            return Err(RulesError::Order(
                "rewards are listed from the cheapest to the dearest",
            ));
        }
        Ok(())
    }
}

impl Ladder {
    fn check(&self) -> Result<(), RulesError> {
        range(
            "ladder.tiers",
            i64::try_from(self.tiers.len()).unwrap_or(i64::MAX),
            1,
            20,
        )?;
        for tier in &self.tiers {
            name("ladder.tiers.name", &tier.name)?;
            range("ladder.tiers.threshold", tier.threshold, 0, MOST_MEASURED)?;
        }
        if self.tiers.first().is_some_and(|tier| tier.threshold != 0) {
            return Err(RulesError::Order(
                "the first tier's threshold is 0: everybody is in it",
            ));
        }
        if !self.tiers.is_sorted_by(|a, b| a.threshold < b.threshold) {
            return Err(RulesError::Order(
                "each tier's threshold is above the one before it",
            ));
        }
        Ok(())
    }
}

fn range(field: &'static str, got: i64, least: i64, most: i64) -> Result<(), RulesError> {
    if (least..=most).contains(&got) {
        Ok(())
    } else {
        Err(RulesError::Range {
            field,
            least,
            most,
            got,
        })
    }
}

fn name(field: &'static str, got: &str) -> Result<(), RulesError> {
    if (1..=60).contains(&got.chars().count()) && !got.chars().any(char::is_control) {
        Ok(())
    } else {
        let got = got.chars().take(80).collect();
        Err(RulesError::Name { field, got })
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests;
