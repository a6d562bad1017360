//! Ending, restoring and moving the end of cards.

use super::*;
use crate::domain::card::tests::sample;
use crate::domain::card::{CardState, Channels};
use crate::domain::delivery::Channel;
use crate::domain::id::MemberId;

const ACTOR: Actor = Actor::Member(MemberId(1));
const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn end_of(change: Result<Option<Change>, LifecycleRefusal>) -> Option<Timestamp> {
    change.expect("allowed").expect("a change").card.expires_at
}

#[test]
fn a_restored_card_is_what_its_copies_make_it() {
    let mut never = sample();
    never.status = CardStatus::Pending;
    let mut held = never.clone();
    held.note_install(Channel::Apple, NOW);
    let mut gone = held.clone();
    gone.channels = Channels::NONE;
    gone.status = gone.status.when_reachable_by(gone.channels);
    for (card, expected) in [
        (never, CardStatus::Pending),
        (held, CardStatus::Installed),
        (gone, CardStatus::Removed),
    ] {
        assert_eq!(card.status, expected);
        let void = super::void(&card, ACTOR, NOW).expect("ended").card;
        assert_eq!(void.state(NOW), CardState::Void);
        let back = restore(&void, false, ACTOR, NOW).expect("restored").card;
        assert_eq!(back.status, expected);
        assert_eq!(back.sums(), card.sums());
    }
}

#[test]
fn a_wallet_that_takes_or_drops_a_void_card_decides_what_it_comes_back_as() {
    let mut card = super::void(&sample(), ACTOR, NOW).expect("ended").card;
    card.note_install(Channel::Google, NOW);
    assert_eq!(card.status, CardStatus::Void);
    card.channels = Channels::NONE;
    let back = restore(&card, false, ACTOR, NOW).expect("restored").card;
    assert_eq!(back.status, CardStatus::Removed);
}

#[test]
fn an_end_is_moved_taken_away_and_given() {
    let card = sample();
    let later = NOW.plus(DAY);
    assert_eq!(
        end_of(change_expiry(&card, Some(later), false, ACTOR, NOW)),
        Some(later)
    );
    let mut expired = card;
    expired.expires_at = Some(NOW.minus(DAY));
    assert_eq!(expired.state(NOW), CardState::Expired);
    let revived = change_expiry(&expired, Some(later), false, ACTOR, NOW);
    let change = revived.expect("allowed").expect("a change");
    assert_eq!(change.card.state(NOW), CardState::Installed);
    assert_eq!(
        change.events[0].detail,
        Some(Detail::Expiry {
            from: expired.expires_at,
            to: Some(later)
        })
    );
    assert_eq!(end_of(change_expiry(&expired, None, false, ACTOR, NOW)), None);
    assert_eq!(
        change_expiry(&change.card, Some(later), false, ACTOR, NOW),
        Ok(None)
    );
}

#[test]
fn a_past_end_is_now_and_has_to_be_confirmed() {
    let card = sample();
    let past = Some(NOW.minus(DAY));
    assert_eq!(
        change_expiry(&card, past, false, ACTOR, NOW),
        Err(LifecycleRefusal::WouldEndNow)
    );
    assert_eq!(end_of(change_expiry(&card, past, true, ACTOR, NOW)), Some(NOW));
    let mut expired = card;
    expired.expires_at = Some(NOW.minus(2 * DAY));
    assert_eq!(
        change_expiry(&expired, past, true, ACTOR, NOW),
        Ok(None),
        "it stays ended"
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let void = super::void(&sample(), ACTOR, NOW).expect("ended").card;
    let far = Some(NOW.plus(101 * 366 * DAY));
    assert_eq!(super::void(&void, ACTOR, NOW), Err(LifecycleRefusal::AlreadyVoid));
    assert_eq!(
        change_expiry(&void, None, true, ACTOR, NOW),
        Err(LifecycleRefusal::CardVoid)
    );
    assert_eq!(
        restore(&void, true, ACTOR, NOW),
        Err(LifecycleRefusal::CustomerErased)
    );
    assert_eq!(
        restore(&sample(), false, ACTOR, NOW),
        Err(LifecycleRefusal::NotVoid)
    );
    assert_eq!(
        change_expiry(&sample(), far, true, ACTOR, NOW),
        Err(LifecycleRefusal::TooFar)
    );
}

#[test]
fn phones_hear_of_the_end_and_of_nothing_after_it() {
    let ended = super::void(&sample(), ACTOR, NOW).expect("ended");
    assert!(is_told(&ended.card, &ended.events));
    assert!(!is_told(&ended.card, &[]));
    let back = restore(&ended.card, false, ACTOR, NOW).expect("restored");
    assert!(is_told(&back.card, &back.events));
}
