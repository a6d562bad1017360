//! Referrals: a holder's link brings somebody new, and both get a bonus, once.
//!
//! A link names a card and nothing else. Nobody refers themselves, no phone refers itself, and who is a customer
//! already is not new.

use serde::{Deserialize, Serialize};

use crate::domain::bonus;
use crate::domain::card::{Card, CardStatus};

/// What a link carries: 26 characters that cannot be guessed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LinkToken(String);

const LENGTH: usize = 26;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// When the bonus is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    Install,
    FirstVisit,
}

/// What a program gives for a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub moment: Moment,
    /// Punches or points for who referred; 0 for none.
    pub referrer: i64,
    /// And for who came.
    pub referred: i64,
}

/// How far a referral has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A card was issued through the link.
    Opened,
    /// It was installed: the referral counts.
    Added,
    /// The bonus was given.
    Rewarded,
    Refused,
}

/// Why a referral does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReferralRefusal {
    #[error("this program has no referrals")]
    NoTerms,
    #[error("this is no referral link")]
    UnknownLink,
    #[error("the link belongs to a card of another program")]
    OtherProgram,
    #[error("nobody refers themselves")]
    SelfReferral,
    #[error("who was referred is a customer already")]
    ExistingCustomer,
    #[error("the card was put on the phone of the one who referred")]
    SameDevice,
    #[error("one of the two cards has ended")]
    CardVoid,
    #[error("this customer was referred before")]
    AlreadyReferred,
}

/// What is wrong with the terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is 0 to {most}; got {got}")]
pub struct TermsError {
    pub field: &'static str,
    pub most: i64,
    pub got: i64,
}

impl LinkToken {
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(bytes);
        let letter = |place: usize| char::from(ALPHABET[((bits >> (5 * place)) & 31) as usize]);
        Self((0..LENGTH).rev().map(letter).collect())
    }

    /// What a link held, if it has the form of a token.
    pub fn parse(text: &str) -> Option<Self> {
        let right = text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte));
        right.then(|| Self(text.to_owned()))
    }

    /// The token itself, for the link.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

impl Moment {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::FirstVisit => "first_visit",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Install, Self::FirstVisit]
            .into_iter()
            .find(|moment| moment.as_str() == text)
    }
}

impl Terms {
    pub fn checked(self) -> Result<Self, TermsError> {
        for (field, got) in [
            ("the referrer's bonus", self.referrer),
            ("the newcomer's bonus", self.referred),
        ] {
            if !(0..=bonus::MOST).contains(&got) {
                return Err(TermsError {
                    field,
                    most: bonus::MOST,
                    got,
                });
            }
        }
        Ok(self)
    }
}

impl State {
    const ALL: [Self; 4] = [Self::Opened, Self::Added, Self::Rewarded, Self::Refused];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Added => "added",
            Self::Rewarded => "rewarded",
            Self::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl ReferralRefusal {
    const ALL: [Self; 8] = [
        Self::NoTerms,
        Self::UnknownLink,
        Self::OtherProgram,
        Self::SelfReferral,
        Self::ExistingCustomer,
        Self::SameDevice,
        Self::CardVoid,
        Self::AlreadyReferred,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::NoTerms => "no_terms",
            Self::UnknownLink => "unknown_link",
            Self::OtherProgram => "other_program",
            Self::SelfReferral => "self_referral",
            Self::ExistingCustomer => "existing_customer",
            Self::SameDevice => "same_device",
            Self::CardVoid => "card_void",
            Self::AlreadyReferred => "already_referred",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}

/// What is known of who came when they open the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    /// Whether another card of theirs, or another person with their address or number, was there before.
    pub is_known: bool,
    /// Whether their address or number is the referrer's own.
    pub is_referrer: bool,
}

/// Whether `card`, just issued through the link of `referrer`, may count.
pub fn open(referrer: &Card, card: &Card, newcomer: Newcomer) -> Result<(), ReferralRefusal> {
    if referrer.program != card.program {
        return Err(ReferralRefusal::OtherProgram);
    }
    if referrer.customer == card.customer || newcomer.is_referrer {
        return Err(ReferralRefusal::SelfReferral);
    }
    if referrer.status == CardStatus::Void || card.status == CardStatus::Void {
        return Err(ReferralRefusal::CardVoid);
    }
    if newcomer.is_known || card.visits > 0 {
        return Err(ReferralRefusal::ExistingCustomer);
    }
    Ok(())
}

/// What a referral comes to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    pub to: State,
    /// Whether the referrer's timeline is told now.
    pub adds: bool,
    /// Whether both get their bonus now.
    pub rewards: bool,
}

/// Looks at a referral again after its card was installed or presented.
pub fn advance(
    state: State,
    moment: Moment,
    referrer: &Card,
    card: &Card,
    is_same_device: bool,
) -> Result<Option<Advance>, ReferralRefusal> {
    let was_added = match state {
        State::Rewarded | State::Refused => return Ok(None),
        State::Added => true,
        State::Opened => false,
    };
    if referrer.status == CardStatus::Void || card.status == CardStatus::Void {
        return Err(ReferralRefusal::CardVoid);
    }
    if !was_added {
        if card.status == CardStatus::Pending {
            return Ok(None);
        }
        if is_same_device {
            return Err(ReferralRefusal::SameDevice);
        }
    }
    let rewards = match moment {
        Moment::Install => true,
        Moment::FirstVisit => card.visits > 0,
    };
    if was_added && !rewards {
        return Ok(None);
    }
    Ok(Some(Advance {
        to: if rewards { State::Rewarded } else { State::Added },
        adds: !was_added,
        rewards,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
    use crate::domain::id::{CardId, CustomerId, ProgramId};
    use proptest::prelude::*;

    fn newcomer() -> Card {
        let mut card = sample();
        card.id = CardId(2);
        card.customer = CustomerId(2);
        card.status = CardStatus::Pending;
        card
    }

    #[test]
    fn who_is_not_new_is_refused_with_a_reason() {
        let new = Newcomer {
            is_known: false,
            is_referrer: false,
        };
        assert_eq!(open(&sample(), &newcomer(), new), Ok(()));
        assert_eq!(
            open(&sample(), &sample(), new),
            Err(ReferralRefusal::SelfReferral)
        );
        let same = Newcomer {
            is_referrer: true,
            ..new
        };
        assert_eq!(
            open(&sample(), &newcomer(), same),
            Err(ReferralRefusal::SelfReferral)
        );
        let known = Newcomer {
            is_known: true,
            ..new
        };
        assert_eq!(
            open(&sample(), &newcomer(), known),
            Err(ReferralRefusal::ExistingCustomer)
        );
        let mut other = newcomer();
        other.program = ProgramId(9);
        assert_eq!(open(&sample(), &other, new), Err(ReferralRefusal::OtherProgram));
        for refusal in ReferralRefusal::ALL {
            assert_eq!(ReferralRefusal::parse(refusal.code()), Some(refusal));
        }
    }

    proptest! {
        #[test]
        fn in_any_order_it_is_added_once_and_rewarded_once(
            looks in proptest::collection::vec(0..3_u8, 1..12), at_install in any::<bool>()
        ) {
            let moment = if at_install { Moment::Install } else { Moment::FirstVisit };
            let (mut state, mut card) = (State::Opened, newcomer());
            let (mut added, mut rewarded) = (0, 0);
            for look in looks {
                match look {
                    0 => card.status = CardStatus::Installed,
                    1 => card.visits += 1,
                    _ => {}
                }
                if let Some(step) = advance(state, moment, &sample(), &card, false).expect("not refused") {
                    added += i32::from(step.adds);
                    rewarded += i32::from(step.rewards);
                    state = step.to;
                }
            }
            let installed = card.status == CardStatus::Installed;
            prop_assert_eq!(added, i32::from(installed));
            prop_assert_eq!(rewarded, i32::from(installed && (at_install || card.visits > 0)));
        }

        #[test]
        fn tokens_are_read_back_and_no_text_makes_reading_panic(bytes in any::<[u8; 16]>(), text in ".{0,40}") {
            let token = LinkToken::from_random(bytes);
            prop_assert_eq!(LinkToken::parse(token.expose()), Some(token));
            let _ = LinkToken::parse(&text);
        }
    }
}
