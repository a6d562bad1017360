//! What a form asks a job to do, to whom, and what its preview had said.

use crate::domain::bulk::{BulkAction, Seen};
use crate::web::console::list::act::Offer;
use crate::web::console::list::selected::Selected;
use crate::web::console::words::Text;
use crate::web::console::words::jobs::Jobs;

/// More cards than this are ended only by whoever types how many they are.
pub(super) const MANY: i64 = 100;

#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) offer: Option<Offer>,
    pub(super) amount: String,
    pub(super) reason: String,
    pub(super) selected: Selected,
    pub(super) ticket: String,
    /// The number of cards, typed by whom is asked for it.
    pub(super) typed: String,
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
                "typed" => asked.typed = value.into_owned(),
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

    /// What the job is about, as its ticket says it: the action and the selection, not what is typed beside them.
    pub(super) fn about(&self) -> String {
        let selection = match self.selected.everything {
            true => self.selected.wanted.filter(),
            false => {
                let cards: Vec<String> = self.selected.cards.iter().map(ToString::to_string).collect();
                cards.join(".")
            }
        };
        format!("{} {selection}", self.offer.map_or("", Offer::as_str))
    }

    /// Whether the number of cards has to be typed: what ends many cards, or all that match, is not begun by one press.
    pub(super) fn needs_typing(&self, able: i64) -> bool {
        self.offer == Some(Offer::Void) && able > 0 && (able > MANY || self.selected.everything)
    }

    /// Whether that number was typed, however it is grouped.
    pub(super) fn is_typed(&self, able: i64) -> bool {
        let is_group = |letter: &char| matches!(letter, '.' | ',' | '\'' | '\u{a0}' | '\u{202f}' | ' ');
        let digits: String = self
            .typed
            .trim()
            .chars()
            .filter(|letter| !is_group(letter))
            .collect();
        digits == able.to_string()
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
