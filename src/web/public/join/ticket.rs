//! What makes a form of a join page good for one card, however often it is sent: the card's id, drawn with the page, and a
//! proof that it was drawn here, for this program, not long ago. It also says which words were shown, so that whoever sends
//! the form agrees to those and to no others.

use std::time::Duration;

use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::secret::MasterKey;
use crate::domain::time::Timestamp;
use crate::web::console::words::Language;

/// The master key's purpose for tickets.
const PURPOSE: &str = "join ticket";
/// How long a page may stay open before it is sent.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// What a form is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) card: CardId,
    /// Of what the merchant says where people agree, and the language: the words that were shown.
    pub(super) words_version: i64,
    pub(super) language: Language,
}

/// A ticket that is good for a day from `now`.
pub(super) fn print(
    master: &MasterKey,
    of: (MerchantId, ProgramId),
    ticket: Ticket,
    now: Timestamp,
) -> String {
    sealed(master, of, ticket, now.plus(LIFE))
}

/// What a ticket says, if it was printed here for this program and is still good.
pub(super) fn open(
    master: &MasterKey,
    of: (MerchantId, ProgramId),
    shown: &str,
    now: Timestamp,
) -> Option<Ticket> {
    let mut parts = shown.splitn(5, '.');
    let card: CardId = parts.next()?.parse().ok()?;
    let until = Timestamp(parts.next()?.parse().ok()?);
    let ticket = Ticket {
        card,
        words_version: parts.next()?.parse().ok()?,
        language: Language::parse(parts.next()?)?,
    };
    let expected = sealed(master, of, ticket, until);
    let is_ours = expected.len() == shown.len() && openssl::memcmp::eq(expected.as_bytes(), shown.as_bytes());
    (is_ours && now < until).then_some(ticket)
}

fn sealed(
    master: &MasterKey,
    (merchant, program): (MerchantId, ProgramId),
    ticket: Ticket,
    until: Timestamp,
) -> String {
    let Ticket {
        card,
        words_version,
        language,
    } = ticket;
    let numbers = [merchant.0, program.0, card.0, until.0, words_version];
    let mut input: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    input.extend(language.as_str().bytes());
    let derived = master.derive(PURPOSE, &input);
    let proof = hex::encode(derived.get(..16).unwrap_or(&derived));
    format!("{card}.{}.{words_version}.{}.{proof}", until.0, language.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> MasterKey {
        MasterKey::from_bytes([7; 32])
    }

    const OF: (MerchantId, ProgramId) = (MerchantId(1), ProgramId(2));
    const TICKET: Ticket = Ticket {
        card: CardId(77),
        words_version: 3,
        language: Language::German,
    };

    #[test]
    fn a_ticket_is_good_for_its_program_its_words_and_a_day() {
        let now = Timestamp(1_000);
        let ticket = print(&key(), OF, TICKET, now);
        assert_eq!(open(&key(), OF, &ticket, now), Some(TICKET));
        assert_eq!(open(&key(), (MerchantId(1), ProgramId(3)), &ticket, now), None);
        assert_eq!(open(&key(), OF, &ticket, now.plus(LIFE)), None);
        let card = TICKET.card.to_string();
        for (from, to) in [
            (card.as_str(), CardId(78).to_string().as_str()),
            (".3.", ".2."),
            (".3.", ".03."),
            (".de.", ".en."),
        ] {
            let other = ticket.replacen(from, to, 1);
            assert_ne!(other, ticket);
            assert_eq!(open(&key(), OF, &other, now), None, "{to}");
        }
        assert_eq!(open(&MasterKey::from_bytes([8; 32]), OF, &ticket, now), None);
    }

    proptest! {
        #[test]
        fn nothing_else_opens(text in "[0-9a-z.]{0,80}", cut in 0..60_usize) {
            prop_assert_eq!(open(&key(), OF, &text, Timestamp(0)), None);
            let ticket = print(&key(), OF, TICKET, Timestamp(0));
            prop_assert_eq!(open(&key(), OF, &ticket[..cut.min(ticket.len() - 1)], Timestamp(0)), None);
        }
    }
}
