//! A merchant's program and the rules by which it gives punches.

use crate::domain::id::{MerchantId, PassTypeIdentifier, ProgramId};
use std::time::Duration;

/// A scheme that customers hold cards of. There is one kind: punch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub id: ProgramId,
    pub merchant: MerchantId,
    pub name: String,
    /// Folder under `pass-templates/`.
    pub template: String,
    pub pass_type_identifier: PassTypeIdentifier,
    pub reward_name: String,
    pub rules: PunchRules,
}

/// How a program turns presentations into punches and punches into rewards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PunchRules {
    goal: i64,
    punches_per_visit: i64,
    max_per_day: Option<i64>,
    minimum_gap: Duration,
    carry_over: bool,
    reversal_window: Duration,
    visit_gap: Duration,
}

/// Why a set of rules makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    #[error("the goal must be between 1 and 1000 punches; got {0}")]
    Goal(i64),
    #[error("punches per visit must be between 1 and 100; got {0}")]
    PunchesPerVisit(i64),
    #[error("the limit per day must be at least 1 punch; got {0} (leave it out for no limit)")]
    MaxPerDay(i64),
}

impl PunchRules {
    /// One punch a visit, no limits, surplus kept, one hour to reverse, visits an hour apart.
    pub fn new(goal: i64) -> Result<Self, RulesError> {
        if !(1..=1000).contains(&goal) {
            return Err(RulesError::Goal(goal));
        }
        Ok(Self {
            goal,
            punches_per_visit: 1,
            max_per_day: None,
            minimum_gap: Duration::ZERO,
            carry_over: true,
            reversal_window: Duration::from_secs(3600),
            visit_gap: Duration::from_secs(3600),
        })
    }

    pub fn with_punches_per_visit(mut self, count: i64) -> Result<Self, RulesError> {
        if !(1..=100).contains(&count) {
            return Err(RulesError::PunchesPerVisit(count));
        }
        self.punches_per_visit = count;
        Ok(self)
    }

    pub fn with_max_per_day(mut self, limit: Option<i64>) -> Result<Self, RulesError> {
        if let Some(limit) = limit
            && limit < 1
        {
            return Err(RulesError::MaxPerDay(limit));
        }
        self.max_per_day = limit;
        Ok(self)
    }

    #[must_use]
    pub fn with_minimum_gap(mut self, gap: Duration) -> Self {
        self.minimum_gap = gap;
        self
    }

    #[must_use]
    pub fn with_carry_over(mut self, keep: bool) -> Self {
        self.carry_over = keep;
        self
    }

    #[must_use]
    pub fn with_reversal_window(mut self, window: Duration) -> Self {
        self.reversal_window = window;
        self
    }

    #[must_use]
    pub fn with_visit_gap(mut self, gap: Duration) -> Self {
        self.visit_gap = gap;
        self
    }

    /// Punches that earn one reward.
    pub fn goal(&self) -> i64 {
        self.goal
    }

    pub fn punches_per_visit(&self) -> i64 {
        self.punches_per_visit
    }

    /// Most punches on one business day of the merchant.
    pub fn max_per_day(&self) -> Option<i64> {
        self.max_per_day
    }

    /// Least time between two accepted presentations of one card.
    pub fn minimum_gap(&self) -> Duration {
        self.minimum_gap
    }

    /// Whether punches beyond the goal count towards the next reward.
    pub fn carry_over(&self) -> bool {
        self.carry_over
    }

    /// How long after a punch it can be taken back.
    pub fn reversal_window(&self) -> Duration {
        self.reversal_window
    }

    /// Presentations closer together than this are one visit.
    pub fn visit_gap(&self) -> Duration {
        self.visit_gap
    }
}
