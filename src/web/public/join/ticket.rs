//! What makes a form of a join page good for one card, however often it is sent: the card's id, drawn with the page, and a
//! proof that it was drawn here, for this program, not long ago.

use std::time::Duration;

use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::secret::MasterKey;
use crate::domain::time::Timestamp;

/// The master key's purpose for tickets.
const PURPOSE: &str = "join ticket";
/// How long a page may stay open before it is sent.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// A ticket for a card that may be made until a day from `now`.
pub(super) fn print(master: &MasterKey, of: (MerchantId, ProgramId), card: CardId, now: Timestamp) -> String {
    sealed(master, of, card, now.plus(LIFE))
}

/// The card that a ticket is for, if it was printed here for this program and is still good.
pub(super) fn open(
    master: &MasterKey,
    of: (MerchantId, ProgramId),
    shown: &str,
    now: Timestamp,
) -> Option<CardId> {
    let mut parts = shown.splitn(3, '.');
    let card: CardId = parts.next()?.parse().ok()?;
    let until = Timestamp(parts.next()?.parse().ok()?);
    let expected = sealed(master, of, card, until);
    let is_ours = expected.len() == shown.len() && openssl::memcmp::eq(expected.as_bytes(), shown.as_bytes());
    (is_ours && now < until).then_some(card)
}

fn sealed(
    master: &MasterKey,
    (merchant, program): (MerchantId, ProgramId),
    card: CardId,
    until: Timestamp,
) -> String {
    let numbers = [merchant.0, program.0, card.0, until.0];
    let input: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    let derived = master.derive(PURPOSE, &input);
    let proof = hex::encode(derived.get(..16).unwrap_or(&derived));
    format!("{card}.{}.{proof}", until.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> MasterKey {
        MasterKey::from_bytes([7; 32])
    }

    const OF: (MerchantId, ProgramId) = (MerchantId(1), ProgramId(2));

    #[test]
    fn a_ticket_is_good_for_its_program_and_a_day() {
        let (card, now) = (CardId(77), Timestamp(1_000));
        let ticket = print(&key(), OF, card, now);
        assert_eq!(open(&key(), OF, &ticket, now), Some(card));
        assert_eq!(open(&key(), (MerchantId(1), ProgramId(3)), &ticket, now), None);
        assert_eq!(open(&key(), OF, &ticket, now.plus(LIFE)), None);
        let other = ticket.replacen(&card.to_string(), &CardId(78).to_string(), 1);
        assert_eq!(open(&key(), OF, &other, now), None);
        assert_eq!(open(&MasterKey::from_bytes([8; 32]), OF, &ticket, now), None);
    }

    proptest! {
        #[test]
        fn nothing_else_opens(text in "[0-9a-z.]{0,80}", cut in 0..60_usize) {
            prop_assert_eq!(open(&key(), OF, &text, Timestamp(0)), None);
            let ticket = print(&key(), OF, CardId(77), Timestamp(0));
            prop_assert_eq!(open(&key(), OF, &ticket[..cut.min(ticket.len() - 1)], Timestamp(0)), None);
        }
    }
}
