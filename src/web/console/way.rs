//! How a profile is reached: its own address, and the list that it was opened from.
//!
//! The list's query travels along as one opaque text, in `?in=`. It is only ever put behind the list's own address, so
//! whatever it says leads nowhere else.

use serde::Deserialize;

use crate::domain::id::{CardId, CustomerId};

/// More of a list's query is dropped: it leads back to a list, only not to that one.
const LONGEST: usize = 2000;

/// The part of a query that says where somebody came from, and what was just done.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Place {
    #[serde(default, rename = "in")]
    pub within: Option<String>,
    pub done: Option<String>,
}

/// The address of a profile, with the list around it.
#[derive(Debug, Clone)]
pub struct Way {
    base: String,
    within: Option<String>,
}

impl Way {
    pub fn of_card(card: CardId, within: Option<&str>) -> Self {
        Self::new(format!("/console/cards/{card}"), within)
    }

    pub fn of_customer(customer: CustomerId, within: Option<&str>) -> Self {
        Self::new(format!("/console/customers/{customer}"), within)
    }

    fn new(base: String, within: Option<&str>) -> Self {
        let within = within.filter(|text| text.len() <= LONGEST);
        Self {
            base,
            within: within.map(str::to_owned),
        }
    }

    /// The address of a part of it, `"/timeline"` or `""`.
    pub fn to(&self, part: &str) -> String {
        self.with(part, &[])
    }

    /// The same with a query.
    pub fn with(&self, part: &str, pairs: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        if let Some(within) = &self.within {
            query.append_pair("in", within);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{part}{mark}{query}", self.base)
    }

    /// The list that it was opened from; without one, all cards.
    pub fn list(&self) -> String {
        match self.within.as_deref() {
            Some(query) if !query.is_empty() => format!("/console/cards?{}", printable(query)),
            _ => "/console/cards".to_owned(),
        }
    }

    pub fn within(&self) -> Option<&str> {
        self.within.as_deref()
    }
}

/// A query without what does not belong into an address.
fn printable(query: &str) -> String {
    let fits = |letter: &char| letter.is_ascii_graphic() && !matches!(letter, '"' | '<' | '>' | '#' | '\\');
    query.chars().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_list_travels_along() {
        let way = Way::of_card(CardId(1), Some("show=ready&sort=-visits"));
        assert_eq!(
            way.to("/timeline"),
            "/console/cards/0000000000001/timeline?in=show%3Dready%26sort%3D-visits"
        );
        assert_eq!(way.list(), "/console/cards?show=ready&sort=-visits");
        assert_eq!(
            Way::of_card(CardId(1), None).with("", &[("done", "ended")]),
            "/console/cards/0000000000001?done=ended"
        );
    }

    proptest! {
        #[test]
        fn whatever_it_says_it_leads_to_the_list(within in ".{0,80}") {
            let list = Way::of_card(CardId(1), Some(&within)).list();
            prop_assert!(list == "/console/cards" || list.starts_with("/console/cards?"));
            prop_assert!(!list.contains(['"', '<', ' ', '\n', '#']));
        }
    }
}
