//! Cells of files that people open in a spreadsheet.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@` or a control for a formula and runs it. Such cells go
//! out behind an apostrophe and lose it when they come back; every text survives the way out and back.

use std::borrow::Cow;

const QUOTE: char = '\'';

fn is_dangerous(first: char) -> bool {
    matches!(
        first,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

/// The cell as it goes out.
pub fn neutralise(text: &str) -> Cow<'_, str> {
    if text.trim_start_matches(QUOTE).starts_with(is_dangerous) {
        Cow::Owned(format!("{QUOTE}{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text of a cell that may have been written by [`neutralise`].
pub fn restore(cell: &str) -> &str {
    match cell.strip_prefix(QUOTE) {
        Some(text) if text.trim_start_matches(QUOTE).starts_with(is_dangerous) => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_do_not_leave_as_formulas_and_names_are_left_alone() {
        for formula in ["=1+1", "+49 151", "-5", "@SUM(A1)", "\tx", "\r", "＝1"] {
            assert!(neutralise(formula).starts_with('\''), "{formula:?}");
        }
        for name in ["'t Hooft", "O'Neil", "''", "", "a=b"] {
            assert_eq!(neutralise(name), name);
            assert_eq!(restore(name), name);
        }
    }

    proptest! {
        #[test]
        fn every_text_survives_the_way_out_and_back(text in "['=+@\\-\t\r\n a]{0,6}|\\PC{0,10}") {
            let out = neutralise(&text);
            prop_assert!(!out.starts_with(is_dangerous));
            prop_assert_eq!(restore(&out), text.as_str());
        }
    }
}
