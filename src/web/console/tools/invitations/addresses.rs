//! Addresses as people paste them: one a line, with commas or semicolons between them, out of a mail program with names.

/// The addresses in a text, each once, in their order. What is none is kept as it is, so that it can be named.
pub(super) fn read(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in text.split(['\n', '\r', ',', ';']) {
        let part = part.trim();
        let bracketed = part
            .rsplit_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map(|(address, _)| address.trim());
        let addresses: Vec<&str> = match bracketed {
            Some(address) => vec![address],
            None if part.matches('@').count() > 1 => part.split_whitespace().collect(),
            None => vec![part],
        };
        for address in addresses {
            let is_known = found.iter().any(|known| known.eq_ignore_ascii_case(address));
            if !address.is_empty() && !is_known {
                found.push(address.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_found_however_they_are_pasted() {
        let text = "ada@example.com, Grace Hopper <grace@example.com>;\r\n\tADA@example.com\nmax@example.com kim@example.com\nno address";
        assert_eq!(
            read(text),
            [
                "ada@example.com",
                "grace@example.com",
                "max@example.com",
                "kim@example.com",
                "no address"
            ]
        );
        assert!(read(" ,;\n").is_empty());
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "[a<>@, \n;é]{0,60}") {
            for address in read(&text) {
                prop_assert!(!address.trim().is_empty());
            }
        }
    }
}
