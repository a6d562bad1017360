//! Tells a new presentation of a card from the same one seen again.
//!
//! The key is the decoded token, never a UID: phones draw a new UID for each tap. A token is new again when it has
//! left the reader's field and has not been seen for the window. Scanners have no field: there, being seen again
//! within the window is staying. Times are measured from any fixed point and never go back.

use crate::domain::capture::Token;
use std::collections::HashMap;
use std::time::Duration;

/// What a sighting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    New,
    /// The same presentation, last seen this long ago.
    Again(Duration),
}

/// Remembers the tokens of the last moments.
#[derive(Debug)]
pub struct Debounce<Device> {
    window: Duration,
    seen: HashMap<Token, Seen<Device>>,
}

#[derive(Debug)]
struct Seen<Device> {
    at: Duration,
    /// The reader in whose field the token still is.
    field: Option<Device>,
}

impl<Device: PartialEq> Debounce<Device> {
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            seen: HashMap::new(),
        }
    }

    /// A token was read. `field` names the reader that will say when the card leaves; `None` for scanners.
    /// A card that lies on one device does not hold up its copy on another beyond the window.
    pub fn see(&mut self, token: &Token, field: Option<Device>, now: Duration) -> Sighting {
        let window = self.window;
        self.seen
            .retain(|_, seen| seen.field.is_some() || now.saturating_sub(seen.at) < window);
        let before = self.seen.get(token).and_then(|seen| {
            let ago = now.saturating_sub(seen.at);
            let stayed = field.is_some() && seen.field == field;
            (stayed || ago < window).then_some(ago)
        });
        self.seen.insert(token.clone(), Seen { at: now, field });
        before.map_or(Sighting::New, Sighting::Again)
    }

    /// The field of `device` is empty.
    pub fn leave(&mut self, device: &Device, now: Duration) {
        for seen in self.seen.values_mut() {
            if seen.field.as_ref() == Some(device) {
                seen.field = None;
                seen.at = now;
            }
        }
    }

    /// The sighting led to nothing: the next one is new.
    pub fn forget(&mut self, token: &Token) {
        self.seen.remove(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(text: &str) -> Token {
        Token::parse(text).expect("a token")
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn debounce() -> Debounce<u8> {
        Debounce::new(at(3000))
    }

    #[test]
    fn a_scan_is_new_again_after_the_window() {
        let mut debounce = debounce();
        assert_eq!(debounce.see(&token("A"), None, at(0)), Sighting::New);
        assert_eq!(debounce.see(&token("B"), None, at(1)), Sighting::New);
        assert_eq!(
            debounce.see(&token("A"), None, at(2999)),
            Sighting::Again(at(2999))
        );
        assert_eq!(
            debounce.see(&token("A"), None, at(5998)),
            Sighting::Again(at(2999))
        );
        assert_eq!(debounce.see(&token("A"), None, at(8998)), Sighting::New);
    }

    #[test]
    fn a_card_left_on_the_reader_is_one_presentation_for_ever() {
        let mut debounce = debounce();
        assert_eq!(debounce.see(&token("A"), Some(1), at(0)), Sighting::New);
        assert_eq!(
            debounce.see(&token("A"), Some(1), at(600_000)),
            Sighting::Again(at(600_000))
        );
        debounce.leave(&2, at(600_001));
        debounce.leave(&1, at(700_000));
        assert_eq!(
            debounce.see(&token("A"), Some(1), at(702_999)),
            Sighting::Again(at(2999))
        );
        debounce.leave(&1, at(703_000));
        assert_eq!(debounce.see(&token("A"), Some(1), at(706_000)), Sighting::New);
    }

    #[test]
    fn a_card_lying_on_a_lost_reader_may_be_scanned() {
        let mut debounce = debounce();
        assert_eq!(debounce.see(&token("A"), Some(1), at(0)), Sighting::New);
        assert_eq!(debounce.see(&token("A"), None, at(10)), Sighting::Again(at(10)));
        assert_eq!(debounce.see(&token("A"), None, at(3010)), Sighting::New);
    }

    #[test]
    fn a_forgotten_sighting_is_new() {
        let mut debounce = debounce();
        assert_eq!(debounce.see(&token("A"), Some(1), at(0)), Sighting::New);
        debounce.forget(&token("A"));
        assert_eq!(debounce.see(&token("A"), Some(1), at(1)), Sighting::New);
    }

    proptest! {
        #[test]
        fn two_new_sightings_of_a_token_are_a_window_apart(
            steps in prop::collection::vec((0_u64..2000, 0_usize..3, any::<bool>(), any::<bool>()), 0..60)
        ) {
            let mut debounce = debounce();
            let (mut now, mut last) = (0, [None; 3]);
            for (pause, which, reader, leaves) in steps {
                now += pause;
                let name = token(["A", "B", "C"][which]);
                if debounce.see(&name, reader.then_some(1), at(now)) == Sighting::New {
                    if let Some(before) = last[which] {
                        prop_assert!(now - before >= 3000);
                    }
                    last[which] = Some(now);
                }
                if leaves {
                    debounce.leave(&1, at(now));
                }
            }
        }
    }
}
