//! The built-in segments in the language. What they are is said once, in `domain::chips`; here is the same as rules, so
//! that lists, messages and jobs can be asked for them, and a test holds the two together.

use super::Rule;
use crate::domain::chips::Chip;

/// The rule that holds for exactly the cards that are counted in a built-in segment.
pub fn rule(chip: Chip) -> Rule {
    // Texts of ours are rules: a test reads all of them.
    Rule::parse(text(chip)).unwrap_or(Rule::Any(Vec::new()))
}

fn text(chip: Chip) -> &'static str {
    match chip {
        Chip::All => "all()",
        Chip::ReadyToRedeem => "ready.is.yes",
        Chip::Inactive7 => "all(not(status.is.void),activity.older.7d)",
        Chip::Inactive30 => "all(not(status.is.void),activity.older.30d)",
        Chip::Active => "all(wallet.is.installed,not(last_visit.empty),not(last_visit.older.30d))",
        Chip::New => "not(joined.older.7d)",
        Chip::Redeemed => "redemptions.over.0",
        Chip::Frequent => "visits.over.9",
        Chip::NeverScanned => "all(wallet.is.installed,scans.is.0)",
        Chip::HighValue => "high_value.is.yes",
        Chip::LowEngagement => {
            "all(wallet.is.installed,installed.older.30d,any(visit_before.empty,visit_before.older.30d))"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_rule() {
        for chip in Chip::EACH {
            assert_eq!(rule(*chip).to_string(), text(*chip));
        }
    }
}
