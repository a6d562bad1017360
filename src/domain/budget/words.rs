//! Why something did not ring, in plain words: the one place where codes become sentences.
//!
//! What is stored and what programs read are the codes of [`Rule::as_str`]; whatever a person reads goes through here.

use super::Rule;

/// The reason behind a stored code, as half a sentence. What is no code of ours is a provider's own reason, or a sentence
/// already, and stays as it is.
pub fn reason(code: &str) -> &str {
    match code {
        "free" => "nothing is against it",
        "cancelled" => "the message or its campaign was called off",
        "paused" => "the message is paused",
        "not_installed" => "the card is in no wallet yet",
        "removed" => "the card was removed from the wallet",
        "unreachable" => "the card has no copy on this channel that can be reached",
        "expired" => "the card has expired",
        "void" => "the card has ended",
        "preference_paused" => "the holder has paused notifications of this kind",
        "no_consent" => "the holder has not agreed to this",
        "outdated" => "there is no reward to redeem any more",
        "duplicate" => "the same text went to the card a short while ago",
        "too_late" => "it would only be allowed after its end",
        "scheduled" => "that is when it is scheduled",
        "platform_cap" => "the platform lets a card ring only so often",
        "card_cap" => "the policy lets a card ring only so often",
        "gap" => "the card has rung a moment before",
        "quiet_hours" => "it is during quiet hours",
        "exhausted" => "the provider shows no more alerts for now",
        "pace" => "others are before it in the merchant's pace",
        "merged" => "another alert says it too",
        other => other,
    }
}

/// The same for a count: `suppressed: no_consent` as it is stored, and what people read of it.
pub fn counted(key: &str) -> String {
    match key.split_once(": ") {
        Some((state, code)) => format!("{state}: {}", reason(code)),
        None => key.to_owned(),
    }
}

impl Rule {
    /// The reason without its particulars.
    pub fn reason(&self) -> &'static str {
        reason(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::budget::{Level, TimeOfDay};
    use crate::domain::preference::Class;
    use crate::domain::time::Timestamp;

    #[test]
    fn every_rule_is_said_in_words() {
        let window = |level| Rule::Window {
            most: 1,
            hours: 24,
            kept: 0,
            level,
        };
        let time = TimeOfDay::parse("21:00").expect("a time");
        let rules = [
            Rule::Free,
            Rule::Cancelled,
            Rule::Paused,
            Rule::NotInstalled,
            Rule::Removed,
            Rule::Unreachable,
            Rule::Expired,
            Rule::Void,
            Rule::PreferencePaused,
            Rule::NoConsent,
            Rule::Outdated,
            Rule::Duplicate { at: Timestamp(0) },
            Rule::TooLate { ends: Timestamp(0) },
            Rule::Scheduled,
            window(Level::Platform),
            window(Level::Merchant),
            Rule::Gap { minutes: 30 },
            Rule::Quiet {
                from: time,
                to: time,
                zone: "UTC".into(),
            },
            Rule::Exhausted,
            Rule::Pace,
            Rule::Merged { into: Class::Reward },
        ];
        for rule in rules {
            let said = rule.reason();
            assert!(said.contains(' ') && !said.contains('_'), "{rule:?}: {said}");
        }
        assert_eq!(reason("BadDeviceToken"), "BadDeviceToken");
        assert_eq!(counted("failed: BadMessage"), "failed: BadMessage");
        assert_eq!(
            counted("suppressed: no_consent"),
            "suppressed: the holder has not agreed to this"
        );
    }
}
