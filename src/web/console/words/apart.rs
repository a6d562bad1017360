//! Names beside other words: one that runs from right to left must not turn round the line that it stands in.
//!
//! A name comes from outside and may hold any letter, also those that say nothing but "from here the other way round".
//! Whatever it holds, what stands before and behind it stays where it is.

/// First strong isolate, and its end.
const OPEN: char = '\u{2068}';
const CLOSE: char = '\u{2069}';

/// A name as it stands in a sentence: as it is where it runs from left to right, otherwise set apart from what surrounds it.
pub fn apart(name: String) -> String {
    if !name.chars().any(|letter| runs_back(letter) || turns(letter)) {
        return name;
    }
    let mut set = String::with_capacity(name.len() + 6);
    set.push(OPEN);
    set.extend(name.chars().filter(|letter| !turns(*letter)));
    set.push(CLOSE);
    set
}

/// Letters of scripts that run from right to left.
fn runs_back(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// Letters without a shape that turn what follows.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_from_left_to_right_stay_as_they_are() {
        for name in ["Zoë Papadaki", "Łukasz", "山田 太郎", ""] {
            assert_eq!(apart(name.to_owned()), name);
        }
        assert_eq!(apart("محمد".to_owned()), "\u{2068}محمد\u{2069}");
        assert_eq!(apart("Ada\u{202e}!".to_owned()), "\u{2068}Ada!\u{2069}");
    }

    proptest! {
        #[test]
        fn what_is_opened_is_closed_and_nothing_else_turns(name in any::<String>()) {
            let set = apart(name.clone());
            let inside = set.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE)).unwrap_or(&set);
            prop_assert!(!inside.chars().any(turns));
            prop_assert_eq!(inside, name.chars().filter(|letter| !turns(*letter)).collect::<String>());
        }
    }
}
