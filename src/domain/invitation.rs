//! Letters that bring a person to their card: an invitation, or the link to a card they have once more.
//!
//! The address is beside the ledger and goes when the person is erased. What a mail server accepted is called sent:
//! nobody says what was read. A link that was opened may have been opened by a program that looks for viruses.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// Least time between two letters about one card.
pub const COOL_DOWN: Duration = Duration::from_secs(24 * 3600);
/// Tries before a letter is given up.
const MOST_ATTEMPTS: i64 = 8;
const LONGEST_ADDRESS: usize = 254;

/// What a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationKind {
    /// The card is new to the person.
    Invitation,
    /// The person asks for their card again, or staff send it.
    CardAgain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Waits to be sent.
    Queued,
    /// A mail server accepted it.
    Sent,
    Opened,
    /// The card was installed after it.
    Installed,
    /// The address does not exist or refuses us.
    Bounced,
    /// Given up for another reason.
    Failed,
}

/// How one try to send a letter ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Accepted,
    /// The mail server refuses this address for good, with this code.
    Bounced {
        code: String,
    },
    /// It may go later.
    Later {
        reason: String,
    },
}

/// What becomes of a letter after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Done(InvitationState, Option<String>),
    Again { at: Timestamp, reason: String },
}

/// Why no letter is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvitationRefusal {
    #[error("this person has no e-mail address")]
    NoAddress,
    #[error("a letter about this card was sent already; the next may go in {minutes} minutes")]
    TooSoon { minutes: u64 },
    #[error("this card has ended")]
    CardEnded,
    #[error(
        "an e-mail address looks like name@example.com and has at most {LONGEST_ADDRESS} characters; got {0:?}"
    )]
    Address(String),
}

impl InvitationKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::CardAgain => "card_again",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Invitation, Self::CardAgain]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl InvitationState {
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Sent,
        Self::Opened,
        Self::Installed,
        Self::Bounced,
        Self::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Opened => "opened",
            Self::Installed => "installed",
            Self::Bounced => "bounced",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Whether a letter may go now, given when the last one about the same card was asked for. One that bounced or failed
/// holds up none.
pub fn may_send(last: Option<(InvitationState, Timestamp)>, now: Timestamp) -> Result<(), InvitationRefusal> {
    let Some((state, at)) = last else { return Ok(()) };
    let age = now.since(at);
    if matches!(state, InvitationState::Bounced | InvitationState::Failed) || age >= COOL_DOWN {
        return Ok(());
    }
    let minutes = (COOL_DOWN - age).as_secs().div_ceil(60);
    Err(InvitationRefusal::TooSoon { minutes })
}

/// Decides after try number `attempts`, counted from 1. Each wait is four times as long as the one before it: a
/// minute, four, sixteen, and so on up to a day.
pub fn after(delivery: Delivery, attempts: i64, now: Timestamp) -> Next {
    match delivery {
        Delivery::Accepted => Next::Done(InvitationState::Sent, None),
        Delivery::Bounced { code } => Next::Done(InvitationState::Bounced, Some(code)),
        Delivery::Later { reason } if attempts >= MOST_ATTEMPTS => {
            Next::Done(InvitationState::Failed, Some(reason))
        }
        Delivery::Later { reason } => {
            let steps = u32::try_from(attempts.clamp(1, MOST_ATTEMPTS) - 1).unwrap_or(0);
            let wait = Duration::from_secs(60).saturating_mul(4_u32.saturating_pow(steps));
            Next::Again {
                at: now.plus(wait.min(Duration::from_secs(24 * 3600))),
                reason,
            }
        }
    }
}

/// Checks what somebody typed or pasted: one `@` with something on both sides, no spaces, not too long. Whether it
/// exists is found out by writing to it.
pub fn address(text: &str) -> Result<String, InvitationRefusal> {
    let text = text.trim();
    let wrong = || InvitationRefusal::Address(text.chars().take(60).collect());
    let (name, host) = text.split_once('@').ok_or_else(wrong)?;
    let fits = !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    let clean = text
        .chars()
        .all(|c| !c.is_whitespace() && !c.is_control() && c != '<' && c != '>');
    if fits && clean && !host.contains('@') && text.len() <= LONGEST_ADDRESS {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

/// The address as staff may see it before they send: the first letter and the host.
pub fn masked(address: &str) -> String {
    let (name, host) = address.split_once('@').unwrap_or((address, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}•••@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_looked_at_and_not_more() {
        assert_eq!(address(" ada@example.com "), Ok("ada@example.com".into()));
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "a b@example.com",
            "a@b@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        assert_eq!(masked("ada@example.com"), "a•••@example.com");
    }

    #[test]
    fn a_second_letter_waits_unless_the_first_came_back() {
        let now = Timestamp(1_800_000_000_000);
        let hour_ago = now.minus(Duration::from_secs(3600));
        let refused = may_send(Some((InvitationState::Sent, hour_ago)), now);
        assert_eq!(refused, Err(InvitationRefusal::TooSoon { minutes: 23 * 60 }));
        assert_eq!(may_send(Some((InvitationState::Bounced, hour_ago)), now), Ok(()));
        assert_eq!(
            may_send(Some((InvitationState::Sent, now.minus(COOL_DOWN))), now),
            Ok(())
        );
        assert_eq!(may_send(None, now), Ok(()));
    }

    proptest! {
        #[test]
        fn tries_come_to_an_end(now in 0..i64::from(i32::MAX)) {
            let mut at = Timestamp(now);
            let mut attempts = 0;
            let ended = loop {
                attempts += 1;
                match after(Delivery::Later { reason: "busy".into() }, attempts, at) {
                    Next::Again { at: next, .. } => {
                        prop_assert!(next > at);
                        at = next;
                    }
                    Next::Done(state, _) => break state,
                }
            };
            prop_assert_eq!((ended, attempts), (InvitationState::Failed, MOST_ATTEMPTS));
        }

        #[test]
        fn no_text_makes_checking_panic(text in ".{0,80}") {
            if let Ok(address) = address(&text) {
                let _ = masked(&address);
            }
        }
    }
}
