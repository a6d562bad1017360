//! Words that people type in: how long they may be and what they may hold.
//!
//! Nothing that was let in here breaks a line where it is shown on one, and nothing is endless.

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is a text of {least} to {most} characters without control characters; got {got}")]
pub struct WordingError {
    pub field: &'static str,
    pub least: usize,
    pub most: usize,
    /// What was wrong, never the whole text.
    pub got: String,
}

/// One line, without spaces around it.
pub fn line(field: &'static str, text: &str, least: usize, most: usize) -> Result<String, WordingError> {
    check(field, text, least, most, char::is_control)
}

/// Several lines, without spaces around them.
pub fn lines(field: &'static str, text: &str, least: usize, most: usize) -> Result<String, WordingError> {
    check(field, text, least, most, |letter| {
        letter.is_control() && letter != '\n'
    })
}

fn check(
    field: &'static str,
    text: &str,
    least: usize,
    most: usize,
    forbidden: impl Fn(char) -> bool,
) -> Result<String, WordingError> {
    let refuse = |got: String| {
        Err(WordingError {
            field,
            least,
            most,
            got,
        })
    };
    let text = text.trim();
    // Bytes are counted first: they bound how long counting characters can take.
    let count = if text.len() > most.saturating_mul(4) {
        return refuse(format!("{} bytes", text.len()));
    } else {
        text.chars().count()
    };
    if count < least || count > most {
        return refuse(format!("{count} characters"));
    }
    match text.chars().position(forbidden) {
        Some(at) => refuse(format!("a control character at {at}")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_taken_keeps_its_bounds(text in "\\PC{0,40}|.{0,40}") {
            if let Ok(taken) = line("x", &text, 1, 20) {
                prop_assert!((1..=20).contains(&taken.chars().count()));
                prop_assert!(!taken.chars().any(char::is_control));
                let again = line("x", &taken, 1, 20);
                prop_assert_eq!(again, Ok(taken));
            }
        }
    }

    #[test]
    fn names_of_any_script_are_taken_and_errors_name_the_field() {
        assert_eq!(
            line("name", " \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{1f389} ", 1, 6),
            Ok("\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{1f389}".into())
        );
        let refused = line("name", "a\nb", 1, 9).expect_err("two lines");
        assert!(refused.to_string().starts_with("name is a text of 1 to 9"));
        assert_eq!(lines("text", "a\nb", 1, 9), Ok("a\nb".into()));
        assert!(lines("text", &"x".repeat(100_000), 0, 9).is_err());
    }
}
