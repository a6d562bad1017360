//! What becomes of an occurrence of a campaign for one card: it waits, the action is done, or it is passed over with a
//! reason. The one decision by which memberships, delays, repeats and caps hold.

use std::time::Duration;

use crate::domain::campaign::{Audience, CampaignRules, Repeat, Trigger};
use crate::domain::time::{DAY, Timestamp};

/// How a card stands to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Membership {
    #[default]
    Never,
    Joined,
    /// Whoever was taken out by hand comes back by hand only.
    LeftByHand,
    Left,
}

/// Where an occurrence is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The trigger was pulled and nothing is decided.
    Fired,
    /// The card is a member and the action is due later.
    Waiting,
}

/// What is known of a card in a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    pub membership: Membership,
    /// How often the action was done, and when last.
    pub runs: i64,
    pub last_run: Option<Timestamp>,
    /// When it was done within the days of the cap.
    pub recent: Vec<Timestamp>,
}

/// An occurrence that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    pub stage: Stage,
    /// When the trigger counts from.
    pub at: Timestamp,
    pub leaves: bool,
    /// Whether what pulled the trigger is still so.
    pub holds: bool,
    /// Whether the card is void or has expired.
    pub has_ended: bool,
}

/// Why an action is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    CardEnded,
    /// What pulled the trigger is no longer so.
    Passed,
    NotAMember,
    /// Not in the segment that the campaign is for.
    NotEligible,
    /// Done before, and not to be done again so soon.
    Repeat,
    Cap,
    /// The action itself was refused: a full card, an offer that is over.
    Refused,
}

impl Skip {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CardEnded => "card_ended",
            Self::Passed => "passed",
            Self::NotAMember => "not_a_member",
            Self::NotEligible => "not_eligible",
            Self::Repeat => "repeat",
            Self::Cap => "cap",
            Self::Refused => "refused",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Skip(Skip),
    /// Join where that is to be, and look again then.
    Wait {
        joins: bool,
        until: Timestamp,
    },
    /// Join where that is to be, and do it.
    Run {
        joins: bool,
    },
    /// Leave the campaign; everything that is due is cancelled.
    Leave,
}

pub fn decide(rules: &CampaignRules, occurrence: Occurrence, standing: &Standing, now: Timestamp) -> Verdict {
    let joined = standing.membership == Membership::Joined;
    if occurrence.leaves {
        return if joined {
            Verdict::Leave
        } else {
            Verdict::Skip(Skip::NotAMember)
        };
    }
    if occurrence.has_ended {
        return Verdict::Skip(Skip::CardEnded);
    }
    let joins = match occurrence.stage {
        _ if joined => false,
        Stage::Waiting => return Verdict::Skip(Skip::NotAMember),
        Stage::Fired if !may_join(rules, standing.membership) => return Verdict::Skip(Skip::NotAMember),
        Stage::Fired => true,
    };
    if occurrence.stage == Stage::Fired && !occurrence.holds {
        return Verdict::Skip(Skip::Passed);
    }
    if is_done(rules.repeat, standing, now) {
        return Verdict::Skip(Skip::Repeat);
    }
    let minutes = u64::try_from(rules.delay_minutes).unwrap_or(0);
    let until = occurrence.at.plus(Duration::from_secs(60 * minutes));
    if now < until {
        return Verdict::Wait { joins, until };
    }
    if is_capped(rules, standing, now) {
        return Verdict::Skip(Skip::Cap);
    }
    Verdict::Run { joins }
}

/// Notes that the action was done.
pub fn note_run(standing: &mut Standing, now: Timestamp) {
    standing.runs += 1;
    standing.last_run = Some(standing.last_run.map_or(now, |last| last.max(now)));
    standing.recent.push(now);
}

fn may_join(rules: &CampaignRules, membership: Membership) -> bool {
    let by_trigger = rules.audience == Audience::Everybody && rules.trigger != Trigger::Joined;
    by_trigger && membership != Membership::LeftByHand
}

fn is_done(repeat: Repeat, standing: &Standing, now: Timestamp) -> bool {
    match repeat {
        Repeat::Always => false,
        Repeat::Never => standing.runs > 0,
        Repeat::AfterDays { days } => standing
            .last_run
            .is_some_and(|last| now.distance(last) < span(days)),
    }
}

fn is_capped(rules: &CampaignRules, standing: &Standing, now: Timestamp) -> bool {
    let Some(cap) = rules.cap else { return false };
    let recent = standing
        .recent
        .iter()
        .filter(|at| now.distance(**at) < span(cap.days));
    i64::try_from(recent.count()).is_ok_and(|count| count >= cap.times)
}

/// So many days.
pub fn span(days: i64) -> Duration {
    DAY.saturating_mul(u32::try_from(days).unwrap_or(0))
}

#[cfg(test)]
mod tests;
