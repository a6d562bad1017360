//! Refusals as jobs keep them, a code and an English sentence, read back to the values that they were, so that another
//! language says them with their numbers.

use super::Refusal;
use crate::domain::adjustment::AdjustRefusal;
use crate::domain::program::ProgramKind;
use crate::domain::redemption::{RedeemRefusal, ReverseRefusal};

impl Refusal {
    /// What is kept as this code and this sentence; none for a sentence that names something, or of an older build. What is
    /// found says exactly that sentence.
    pub fn read(code: &str, sentence: &str) -> Option<Self> {
        let mut might_be = candidates(code, &numbers(sentence)).into_iter();
        might_be.find(|refusal| refusal.code() == code && refusal.to_string() == sentence)
    }
}

/// The whole numbers in a sentence, in their order; one too large for us is none.
fn numbers(sentence: &str) -> [i64; 3] {
    let mut found = sentence
        .split(|letter: char| !(letter.is_ascii_digit() || letter == '-'))
        .filter_map(|digits| digits.parse().ok());
    std::array::from_fn(|_| found.next().unwrap_or(0))
}

fn candidates(code: &str, &[one, two, three]: &[i64; 3]) -> Vec<Refusal> {
    let adjust = |refusals: Vec<AdjustRefusal>| refusals.into_iter().map(Refusal::from).collect();
    let reverse = |refusal: ReverseRefusal| vec![Refusal::from(refusal)];
    match code {
        "no_card" => vec![Refusal::NoCard],
        "card_void" => adjust(vec![AdjustRefusal::CardVoid]),
        "card_expired" => adjust(vec![AdjustRefusal::CardExpired]),
        "balance" => adjust(vec![
            AdjustRefusal::NoBalance,
            AdjustRefusal::NotPunches,
            AdjustRefusal::NoChange,
            AdjustRefusal::BelowZero { to: two },
            AdjustRefusal::TooMuch {
                most: one,
                amount: two,
            },
            AdjustRefusal::Moved { from: two, now: one },
            AdjustRefusal::NotEnoughPunches {
                has: one,
                wanted: two,
            },
            AdjustRefusal::Overdrawn {
                balance: one,
                wanted: two,
                least: three,
            },
        ]),
        "not_redeemable" => vec![
            RedeemRefusal::NoReward {
                punches: one,
                goal: two,
            }
            .into(),
            RedeemRefusal::WhichReward.into(),
        ],
        "wrong_kind" => {
            let kinds = [ProgramKind::Punch, ProgramKind::Points, ProgramKind::Coupon];
            let of = |got| ["punches", "points"].map(|what| Refusal::Kind { what, got });
            kinds.into_iter().flat_map(of).collect()
        }
        "already_void" => vec![Refusal::AlreadyVoid],
        "not_void" => vec![Refusal::NotVoid],
        "customer_erased" => vec![Refusal::CustomerErased],
        "already_taken_back" => reverse(ReverseRefusal::AlreadyReversed),
        "reward_redeemed" => reverse(ReverseRefusal::RewardRedeemed),
        "points_spent" => reverse(ReverseRefusal::PointsSpent {
            given: two,
            balance: one,
        }),
        "coupon_redeemed" => reverse(ReverseRefusal::CouponRedeemed),
        "converted_card_used" => reverse(ReverseRefusal::ConvertedCardUsed),
        "too_late" => reverse(ReverseRefusal::TooLate {
            ago: one.unsigned_abs(),
        }),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn again(refusal: impl Into<Refusal>) -> Result<(), TestCaseError> {
        let refusal = refusal.into();
        let read = Refusal::read(refusal.code(), &refusal.to_string());
        // Two that are said alike are the same to whoever reads them.
        prop_assert_eq!(read.map(|read| read.to_string()), Some(refusal.to_string()));
        Ok(())
    }

    proptest! {
        #[test]
        fn what_was_kept_is_read_with_its_numbers(one: i64, two: i64, three: i64, ago in 0..i64::MAX.unsigned_abs()) {
            again(AdjustRefusal::BelowZero { to: one })?;
            again(AdjustRefusal::TooMuch { most: one, amount: two })?;
            again(AdjustRefusal::Moved { from: one, now: two })?;
            again(AdjustRefusal::NotEnoughPunches { has: one, wanted: two })?;
            again(AdjustRefusal::Overdrawn { balance: one, wanted: two, least: three })?;
            again(RedeemRefusal::NoReward { punches: one, goal: two })?;
            again(ReverseRefusal::PointsSpent { given: one, balance: two })?;
            again(ReverseRefusal::TooLate { ago })?;
        }

        #[test]
        fn no_sentence_is_misread(code in "(balance|too_late|points_spent|wrong_kind|no_card)", sentence in "\\PC{0,60}") {
            if let Some(read) = Refusal::read(&code, &sentence) {
                prop_assert_eq!(read.to_string(), sentence);
            }
        }
    }

    #[test]
    fn what_has_no_numbers_is_read_too_and_what_has_names_is_not() {
        for refusal in [
            Refusal::NoCard,
            Refusal::AlreadyVoid,
            Refusal::NotVoid,
            Refusal::CustomerErased,
            Refusal::Kind {
                what: "points",
                got: ProgramKind::Coupon,
            },
            AdjustRefusal::NoBalance.into(),
            RedeemRefusal::WhichReward.into(),
            ReverseRefusal::CouponRedeemed.into(),
        ] {
            assert_eq!(Refusal::read(refusal.code(), &refusal.to_string()), Some(refusal));
        }
        let named = Refusal::from(RedeemRefusal::NotEnough {
            name: "Cake".into(),
            price: 5,
            points: 3,
        });
        assert_eq!(Refusal::read(named.code(), &named.to_string()), None);
    }
}
