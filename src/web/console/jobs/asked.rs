//! What a form asks a job to do, to whom, and what its preview had said.

use crate::domain::bulk::{BulkAction, Seen};
use crate::web::console::list::act::Offer;
use crate::web::console::list::selected::Selected;
use crate::web::console::words::Text;
use crate::web::console::words::jobs::Jobs;

#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) offer: Option<Offer>,
    pub(super) amount: String,
    pub(super) reason: String,
    pub(super) selected: Selected,
    pub(super) ticket: String,
    pub(super) cards: Option<i64>,
    pub(super) able: Option<i64>,
    pub(super) print: Option<i64>,
}

impl Asked {
    pub(super) fn parse(form: &[u8]) -> Self {
        let mut asked = Self {
            selected: Selected::parse(form),
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "do" => asked.offer = Offer::parse(&value),
                "amount" => asked.amount = value.trim().to_owned(),
                "reason" => asked.reason = value.trim().to_owned(),
                "seen_cards" => asked.cards = value.parse().ok(),
                "seen_able" => asked.able = value.parse().ok(),
                "seen_print" => asked.print = value.parse().ok(),
                "ticket" => asked.ticket = value.into_owned(),
                _ => {}
            }
        }
        asked
    }

    /// The action; one that needs an amount has 1 of it until another is typed.
    pub(super) fn action(&self, words: &Jobs) -> Result<BulkAction, Text> {
        let count = || match self.amount.as_str() {
            "" => Ok(1),
            text => text
                .parse()
                .ok()
                .filter(|count| *count > 0)
                .ok_or(words.expected_amount),
        };
        match self.offer {
            Some(Offer::AddPunches) => Ok(BulkAction::AddPunches { count: count()? }),
            Some(Offer::AddPoints) => Ok(BulkAction::AddPoints { count: count()? }),
            Some(Offer::Redeem) => Ok(BulkAction::Redeem),
            Some(Offer::Void) => Ok(BulkAction::Void),
            Some(Offer::Restore) => Ok(BulkAction::Restore),
            Some(Offer::Message | Offer::List) | None => Err(words.nothing_selected),
        }
    }

    pub(super) fn has_amount(&self) -> bool {
        matches!(self.offer, Some(Offer::AddPunches | Offer::AddPoints))
    }

    pub(super) fn reason(&self) -> Option<String> {
        Some(self.reason.clone()).filter(|reason| !reason.is_empty())
    }

    /// The preview that the form was made from.
    pub(super) fn seen(&self) -> Option<Seen> {
        Some(Seen {
            cards: self.cards?,
            able: self.able?,
            print: self.print?,
        })
    }
}
