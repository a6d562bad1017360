//! Where the fifths of a set of numbers end: the relative rules ("the top fifth by money", scores from 1 to 5).
//!
//! What is relative moves with every other card, so rules do not follow it card by card: the ends are measured now and
//! then, kept with the rules as plain limits, and a card is counted by the limits that are kept. Equal numbers are
//! never torn apart: they fall into the same fifth, the lowest that they reach into.

/// The least number that belongs to the top fifth of those above zero; none where there are none.
///
/// With equal numbers around it the top fifth is larger than a fifth rather than smaller.
pub fn top_fifth_from(numbers: &mut [i64]) -> Option<i64> {
    let wanted = numbers.len().div_ceil(5);
    let last = wanted.checked_sub(1)?;
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    // Where fewer than a fifth have any money, all of those who have are the top.
    let from = *numbers.get(last)?;
    if from > 0 {
        return Some(from);
    }
    numbers.iter().copied().filter(|number| *number > 0).min()
}

/// The last number of each of the first four fifths; all the same where there are no numbers.
pub fn ends<N: Ord + Copy + Default>(numbers: &mut [N]) -> [N; 4] {
    numbers.sort_unstable();
    [1, 2, 3, 4].map(|fifth| {
        let end = (numbers.len() * fifth).div_ceil(5).saturating_sub(1);
        numbers.get(end).copied().unwrap_or_default()
    })
}

/// The fifth, 1 to 5, that `number` falls into.
pub fn score<N: Ord + Copy>(ends: [N; 4], number: N) -> i64 {
    1 + ends.into_iter().map(|end| i64::from(number > end)).sum::<i64>()
}

/// Whether a part of `of` is so far from a fifth that limits are worth measuring anew: every change of limits makes
/// every card be counted again.
pub fn is_off(part: usize, of: usize) -> bool {
    let hundredths = part.saturating_mul(100);
    hundredths < of.saturating_mul(18) || hundredths > of.saturating_mul(22)
}

/// Whether two parts of `of` differ by so much. Where many numbers are equal no limits make a fifth, so what new ones
/// would make is what old ones are held against.
pub fn are_apart(part: usize, other: usize, of: usize) -> bool {
    part.abs_diff(other).saturating_mul(100) > of.saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hundred_different_numbers_are_cut_into_twenties() {
        let mut numbers: Vec<i64> = (1..=100).collect();
        assert_eq!(ends(&mut numbers), [20, 40, 60, 80]);
        assert_eq!(top_fifth_from(&mut numbers), Some(81));
        assert_eq!(top_fifth_from(&mut []), None);
        assert_eq!(top_fifth_from(&mut [0, 0]), None);
        assert_eq!(top_fifth_from(&mut [0, 0, 0, 0, 0, 0, 0, 7]), Some(7));
    }

    proptest! {
        #[test]
        fn the_top_fifth_is_a_fifth_but_for_equals(mut numbers in prop::collection::vec(0..50_i64, 0..200)) {
            let with_money = numbers.iter().filter(|number| **number > 0).count();
            let from = top_fifth_from(&mut numbers);
            prop_assert_eq!(from.is_some(), with_money > 0);
            if let Some(from) = from {
                let above = numbers.iter().filter(|number| **number > from).count();
                let reached = numbers.iter().filter(|number| **number >= from).count();
                prop_assert!(from > 0 && above < numbers.len().div_ceil(5));
                prop_assert!(reached >= with_money.min(numbers.len().div_ceil(5)));
            }
        }

        #[test]
        fn scores_grow_with_the_number(mut numbers in prop::collection::vec(any::<i64>(), 1..200), a: i64, b: i64) {
            let ends: [i64; 4] = ends(&mut numbers);
            prop_assert!(ends.is_sorted());
            let (low, high) = (score(ends, a.min(b)), score(ends, a.max(b)));
            prop_assert!(1 <= low && low <= high && high <= 5);
        }
    }
}
