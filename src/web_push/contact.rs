//! Whom a push service writes to when something is wrong with our pushes: the `sub` of RFC 8292 §2.1.
//!
//! Apple answers 403 to a contact that cannot exist, and the pushes of all its browsers are lost; so one that cannot
//! exist is refused at start.

/// Names that no address on the Internet ends in (RFC 2606, RFC 6761, RFC 6762, RFC 7686, RFC 8375, ICANN 2024).
const NOWHERE: [&str; 10] = [
    "localhost",
    "invalid",
    "test",
    "example",
    "local",
    "internal",
    "lan",
    "home.arpa",
    "onion",
    "localdomain",
];

/// Why an address is no contact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    #[error("expected mailto:somebody@your-domain or https://your-domain/…; got {got:?}")]
    Form { got: String },
    #[error(
        "expected a domain that exists on the Internet, because Apple refuses all pushes otherwise; got {host:?}"
    )]
    Nowhere { host: String },
}

/// A checked contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact(String);

impl Contact {
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        let form = || ContactError::Form {
            got: text.chars().take(80).collect(),
        };
        let url = reqwest::Url::parse(text).map_err(|_| form())?;
        let host = match url.scheme() {
            "https" => url.host_str().unwrap_or_default().to_owned(),
            "mailto" => {
                let (user, host) = url.path().rsplit_once('@').ok_or_else(form)?;
                if user.is_empty() || user.contains(['@', ',']) {
                    return Err(form());
                }
                host.to_ascii_lowercase()
            }
            _ => return Err(form()),
        };
        let host = host.trim_end_matches('.');
        let labels: Vec<&str> = host.split('.').collect();
        let is_name = labels.len() > 1
            && labels.iter().all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
            // An address of numbers is not a name.
            && labels
                .last()
                .is_some_and(|label| label.bytes().any(|byte| byte.is_ascii_alphabetic()));
        let is_nowhere = NOWHERE
            .iter()
            .any(|end| host == *end || host.strip_suffix(end).is_some_and(|rest| rest.ends_with('.')));
        if !is_name || is_nowhere {
            return Err(ContactError::Nowhere {
                host: host.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_contact_that_can_exist_is_taken() {
        for text in [
            "mailto:cards@corner-cafe.com",
            "mailto:Cards@Mail.Corner-Cafe.co.uk",
            "https://corner-cafe.com/contact",
            "https://xn--caf-dma.com",
        ] {
            assert_eq!(Contact::parse(text).as_ref().map(Contact::as_str), Ok(text));
        }
    }

    #[test]
    fn a_contact_that_push_services_refuse_is_refused_here() {
        for text in [
            "",
            "cards@corner-cafe.com",
            "mailto:",
            "mailto:cards",
            "mailto:@corner-cafe.com",
            "mailto:a@b.com,c@d.com",
            "http://corner-cafe.com",
            "mailto:root@localhost",
            "mailto:cards@cafe.invalid",
            "mailto:cards@cafe.example",
            "mailto:cards@cafe.local",
            "https://localhost",
            "https://127.0.0.1/contact",
            "https://[::1]/",
            "https://router.lan",
        ] {
            assert!(Contact::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,80}") {
            let _ = Contact::parse(&text);
            let _ = Contact::parse(&format!("mailto:{text}"));
        }
    }
}
