//! Why the gateway has paused a message by itself, as it is stored beside it.

use std::fmt;

/// Copies that providers did not accept since the message was last taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// For good.
    pub refused: i64,
    /// Not now; they are tried again.
    pub tried: i64,
}

impl Hold {
    /// Reads what [`fmt::Display`] writes; none for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        if let Some(rest) = text.strip_prefix("providers do not take its copies; ") {
            let tried = number(rest.strip_suffix(" are tried again")?)?;
            return Some(Self { refused: 0, tried });
        }
        let rest = text.strip_prefix("providers refused ")?;
        if let Some(refused) = rest.strip_suffix(" of its copies") {
            let refused = number(refused)?;
            return Some(Self { refused, tried: 0 });
        }
        let (refused, tried) = rest
            .strip_suffix(" are tried again")?
            .split_once(" of its copies, and ")?;
        Some(Self {
            refused: number(refused)?,
            tried: number(tried)?,
        })
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.refused, self.tried) {
            (refused, 0) => write!(f, "providers refused {refused} of its copies"),
            (0, tried) => write!(f, "providers do not take its copies; {tried} are tried again"),
            (refused, tried) => write!(
                f,
                "providers refused {refused} of its copies, and {tried} are tried again"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_stored_is_read_again(refused in 0..1_000_000_i64, tried in 0..1_000_000_i64) {
            let hold = Hold { refused, tried };
            prop_assert_eq!(Hold::parse(&hold.to_string()), Some(hold));
        }

        #[test]
        fn any_other_text_is_none(text in "\\PC{0,60}") {
            let read = Hold::parse(&text);
            prop_assert!(read.is_none_or(|hold| hold.to_string() == text));
        }
    }
}
