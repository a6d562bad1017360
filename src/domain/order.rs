//! The number under which a shop keeps an order: what makes crediting it twice give once.

/// A shop's own number of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReference(String);

/// Why a text is no order reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an order reference has 1 to 64 visible ASCII characters; got {got}")]
pub struct NoReference {
    got: String,
}

impl OrderReference {
    pub fn parse(text: &str) -> Result<Self, NoReference> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(NoReference {
            got: format!("{:?}", text.chars().take(70).collect::<String>()),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_read_is_kept_and_nothing_panics(text in ".{0,80}|[!-~]{1,64}") {
            if let Ok(reference) = OrderReference::parse(&text) {
                prop_assert_eq!(reference.as_str(), text);
            }
        }
    }
}
