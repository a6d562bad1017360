//! What a phone shows of a card that has changed since it last fetched it: the card, with the newer rows of its ledger
//! taken off again.
//!
//! Only what the ledger says can be taken off. The name on a card is not in the ledger; where that was changed since, the
//! old one is not known and the new one stands in its place.

use crate::domain::card::{Card, CardStatus};
use crate::domain::detail::Detail;
use crate::domain::event::{Event, EventKind};
use crate::domain::program::Rules;
use crate::domain::tier;
use crate::domain::time::Timestamp;

/// A card as it was when a phone fetched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub card: Card,
    /// Rows of the ledger that the phone has not seen.
    pub newer: usize,
}

/// The card as it was at `at`. `history` is its ledger, newest first, as far as it was read; none where that does not go
/// back to `at`.
pub fn at(card: &Card, rules: &Rules, history: &[Event], at: Timestamp) -> Option<Fetched> {
    let newer = history.iter().take_while(|event| event.recorded_at > at).count();
    let reaches = newer < history.len() || history.last().is_none_or(|oldest| oldest.previous.is_none());
    if !reaches {
        return None;
    }
    let mut before = card.clone();
    for event in history.iter().take(newer) {
        take_off(&mut before, event);
    }
    if newer > 0 {
        before.tier = tier::reached(rules.ladder.as_ref(), before.tier_points);
        before.changed_at = before.changed_at.min(at);
        if before.status != CardStatus::Void {
            before.status = before.status_by_copies();
        }
    }
    Some(Fetched { card: before, newer })
}

fn take_off(card: &mut Card, event: &Event) {
    let event = &event.event;
    card.apply(event.delta.opposite());
    match (event.kind, &event.detail) {
        (EventKind::CardVoided, _) => card.status = card.status_by_copies(),
        (EventKind::CardRestored, _) => card.status = CardStatus::Void,
        (EventKind::ExpiryChanged, Some(Detail::Expiry { from, .. })) => card.expires_at = *from,
        (EventKind::RewardRedeemed, _) if card.redeemed_at.is_some_and(|at| at >= event.at) => {
            card.redeemed_at = None;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::capture::Token;
    use crate::domain::card::Identity;
    use crate::domain::event::{Actor, Delta, NewEvent};
    use crate::domain::id::{CardId, CustomerId, EventId, MerchantId, ProgramId, SerialNumber};
    use proptest::prelude::*;

    fn card() -> Card {
        let identity = Identity {
            id: CardId(1),
            merchant: MerchantId(1),
            program: ProgramId(1),
            customer: CustomerId(1),
            serial_number: SerialNumber::parse("card-1").expect("a serial number"),
            token: Token::from_random([3; 10]),
        };
        Card::new(identity, Timestamp(0))
    }

    fn event(number: i64, kind: EventKind, delta: Delta) -> Event {
        let at = Timestamp(number * 1000);
        Event {
            id: EventId(number),
            previous: (number > 1).then_some(EventId(number - 1)),
            recorded_at: at,
            event: NewEvent::of_card(CardId(1), kind, Actor::Gateway, at).with_delta(delta),
        }
    }

    proptest! {
        #[test]
        fn what_came_later_is_taken_off(deltas in prop::collection::vec((-3..5_i64, 0..2_i64), 1..12), seen in 0..14_i64) {
            let rules = Rules::punch(10).expect("rules");
            let mut now = card();
            let mut then = now.clone();
            let mut history = Vec::new();
            for (index, (punches, rewards)) in deltas.iter().enumerate() {
                let number = i64::try_from(index).expect("small") + 1;
                let delta = Delta { punches: *punches, rewards: *rewards, ..Delta::default() };
                now.apply(delta);
                if number <= seen {
                    then.apply(delta);
                }
                history.insert(0, event(number, EventKind::CustomerScanned, delta));
            }
            let fetched = at(&now, &rules, &history, Timestamp(seen * 1000)).expect("all of it was read");
            prop_assert_eq!((fetched.card.punches, fetched.card.rewards), (then.punches, then.rewards));
            prop_assert_eq!(i64::try_from(fetched.newer), Ok((i64::try_from(deltas.len()).expect("small") - seen).max(0)));
        }
    }

    #[test]
    fn a_card_that_ended_since_is_shown_as_good() {
        let rules = Rules::punch(10).expect("rules");
        let mut ended = card();
        ended.status = CardStatus::Void;
        let history = [
            event(2, EventKind::CardVoided, Delta::default()),
            event(1, EventKind::CardIssued, Delta::default()),
        ];
        let fetched = at(&ended, &rules, &history, Timestamp(1500)).expect("known");
        assert_eq!((fetched.card.status, fetched.newer), (CardStatus::Pending, 1));
        // What was read does not reach back to the fetch: nobody knows.
        assert_eq!(at(&ended, &rules, &history[..1], Timestamp(1500)), None);
    }
}
