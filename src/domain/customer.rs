//! A person who holds cards: what they are called and reached by, and how that is made comparable.
//!
//! Personal data lives in customers and nowhere else; the ledger never repeats it.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Text as searches and comparisons see it: no case, no accents, single spaces.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    for letter in letters.flat_map(char::to_lowercase) {
        match letter {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            letter if letter.is_whitespace() => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            letter => folded.push(letter),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// An e-mail address as it is compared: folded case, no surrounding spaces.
pub fn email_key(email: &str) -> String {
    email.trim().nfc().collect::<String>().to_lowercase()
}

/// Everything that a search looks at: each part on a line of its own behind [`LINE`], so that no part runs into the
/// next and the beginning of a part can be searched for like anything else. Both orders of the name. Serial numbers
/// follow, one by one, by [`serial_line`].
pub fn search_text(first_name: &str, last_name: &str, email: Option<&str>, phone: Option<&str>) -> String {
    let parts = [
        fold(&format!("{first_name} {last_name}")),
        fold(&format!("{last_name} {first_name}")),
        email.map(fold).unwrap_or_default(),
        phone.map(digits).unwrap_or_default(),
    ];
    parts.iter().map(|part| line(part)).collect()
}

/// What comes before each part of a search text: two characters, so that they and one letter are three, the least
/// that an index of trigrams finds.
pub const LINE: &str = "\n\n";

/// What the serial number of a card adds to its holder's search text.
pub fn serial_line(serial_number: &str) -> String {
    line(&fold(serial_of(serial_number)))
}

/// A serial number without what all of ours begin with.
pub(crate) fn serial_of(serial_number: &str) -> &str {
    serial_number.strip_prefix("card-").unwrap_or(serial_number)
}

fn line(part: &str) -> String {
    if part.is_empty() {
        return String::new();
    }
    let printable = part.chars().filter(|letter| !letter.is_control());
    LINE.chars().chain(printable).collect()
}

/// First and last name as one.
pub fn full_name(first_name: &str, last_name: &str) -> String {
    format!("{first_name} {last_name}").trim().to_owned()
}

/// The full name as lists sort by it and rules compare it. Kept beside the name: whoever changes the one changes both.
pub fn name_key(first_name: &str, last_name: &str) -> String {
    fold(&full_name(first_name, last_name))
}

fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_case_and_special_letters_are_folded() {
        assert_eq!(fold("  Zoë   GROẞMANN "), "zoe grossmann");
        assert_eq!(fold("Łukasz Søren Æther"), "lukasz soren aether");
        assert_eq!(fold("İstanbul ﬁt"), "istanbul fit");
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in ".{0,60}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
