//! The segments that every merchant has from the start, each with the rule that staff read.

use super::{Context, Facts, Plan, Rule};

/// A built-in segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    All,
    ReadyToRedeem,
    Inactive7,
    Inactive30,
    ActiveLoyaltyUsers,
    New,
    Redeemed,
    Frequent,
    NeverScanned,
    HighValue,
}

impl BuiltIn {
    pub const ALL: [Self; 10] = [
        Self::All,
        Self::ReadyToRedeem,
        Self::Inactive7,
        Self::Inactive30,
        Self::ActiveLoyaltyUsers,
        Self::New,
        Self::Redeemed,
        Self::Frequent,
        Self::NeverScanned,
        Self::HighValue,
    ];

    /// For addresses and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::ReadyToRedeem => "ready",
            Self::Inactive7 => "inactive_7",
            Self::Inactive30 => "inactive_30",
            Self::ActiveLoyaltyUsers => "active",
            Self::New => "new",
            Self::Redeemed => "redeemed",
            Self::Frequent => "frequent",
            Self::NeverScanned => "never_scanned",
            Self::HighValue => "high_value",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|built_in| built_in.as_str() == text)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::All => "All Customers",
            Self::ReadyToRedeem => "Ready to Redeem",
            Self::Inactive7 => "Inactive (7+ days)",
            Self::Inactive30 => "Inactive (30+ days)",
            Self::ActiveLoyaltyUsers => "Active Loyalty Users",
            Self::New => "New Customers",
            Self::Redeemed => "Redeemed",
            Self::Frequent => "Frequent (10+ visits)",
            Self::NeverScanned => "Never scanned",
            Self::HighValue => "High value",
        }
    }

    /// The rule in words, as it is shown beside the name.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::All => "Every customer with a card who was not erased.",
            Self::ReadyToRedeem => {
                "A reward that can be redeemed, or an active coupon, on a card that has not ended or expired."
            }
            Self::Inactive7 => {
                "No visit for more than 7 days (since joining, where there was none); the card is not void."
            }
            Self::Inactive30 => {
                "No visit for more than 30 days (since joining, where there was none); the card is not void."
            }
            Self::ActiveLoyaltyUsers => "The card is installed and visited in the last 30 days.",
            Self::New => "Joined in the last 7 days.",
            Self::Redeemed => "Redeemed something at least once.",
            Self::Frequent => "10 visits or more.",
            Self::NeverScanned => "The card is installed and was never scanned or tapped.",
            Self::HighValue => "The fifth of the customers who spent the most.",
        }
    }

    /// The rule in the language. `high_value` is the least spend that belongs to the top fifth, in minor units, as it was
    /// last taken; nobody is of high value before it was taken for the first time.
    pub fn rule(self, high_value: Option<i64>) -> Rule {
        let text = match self {
            Self::All => "all()",
            Self::ReadyToRedeem => "any(all(rewards.over.0,not(status.in(void,expired))),coupon.is.active)",
            Self::Inactive7 => "all(not(status.is.void),activity.older.7d)",
            Self::Inactive30 => "all(not(status.is.void),activity.older.30d)",
            Self::ActiveLoyaltyUsers => "all(status.is.installed,last_visit.within.30d)",
            Self::New => "joined.within.7d",
            Self::Redeemed => "redemptions.over.0",
            Self::Frequent => "visits.over.9",
            Self::NeverScanned => "all(status.is.installed,scans.is.0)",
            Self::HighValue => {
                let least = high_value.map_or("any()".into(), |least| format!("spend.between.{least}.."));
                return read(&least);
            }
        };
        read(text)
    }
}

/// Which built-in segments a card is in, one bit each in the order of [`BuiltIn::ALL`].
pub fn mask(facts: &Facts, context: &Context, high_value: Option<i64>) -> i64 {
    let is_in = |built_in: &BuiltIn| Plan::of(&built_in.rule(high_value), context).holds(facts);
    BuiltIn::ALL
        .iter()
        .enumerate()
        .filter(|(_, built_in)| is_in(built_in))
        .fold(0, |mask, (bit, _)| mask | (1 << bit))
}

/// The least spend of the fifth that spent the most; one who spent nothing is never of high value.
pub fn least_of_top_fifth(mut spends: Vec<i64>) -> Option<i64> {
    let last = spends.len().div_ceil(5).checked_sub(1)?;
    let (_, least, _) = spends.select_nth_unstable_by(last, |one, other| other.cmp(one));
    Some((*least).max(1))
}

/// Texts of ours are rules: a test reads all of them.
fn read(text: &str) -> Rule {
    Rule::parse(text).unwrap_or(Rule::Any(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_fifth_is_a_fifth_of_those_who_spent() {
        assert_eq!(least_of_top_fifth(Vec::new()), None);
        assert_eq!(least_of_top_fifth(vec![0, 0, 0]), Some(1));
        assert_eq!(least_of_top_fifth(vec![10, 50, 30, 20, 40]), Some(50));
        assert_eq!(least_of_top_fifth((1..=100).collect()), Some(81));
        assert_eq!(least_of_top_fifth(vec![7]), Some(7));
    }

    #[test]
    fn every_rule_is_read_and_every_name_found() {
        for built_in in BuiltIn::ALL {
            let rule = built_in.rule(Some(5000));
            assert_ne!(rule, Rule::Any(Vec::new()), "{built_in:?}");
            assert_eq!(BuiltIn::parse(built_in.as_str()), Some(built_in));
            assert!(built_in.sentence().ends_with('.'));
        }
        assert_eq!(BuiltIn::HighValue.rule(None), Rule::Any(Vec::new()));
        assert_eq!(
            BuiltIn::HighValue.rule(Some(5000)).to_string(),
            "spend.between.5000.."
        );
    }
}
