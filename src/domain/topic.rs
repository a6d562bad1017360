//! Topics of Firebase Cloud Messaging: everybody whose app has subscribed to a name hears what is said to it.
//!
//! Who that is nobody tells us, so no card's budget counts it. A topic has a bound of its own instead: a few things that
//! ring in any 24 hours. A merchant's topics are its own: the name at Firebase begins with the merchant's id.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::address::{Destination, PushAddress, Registration, RegistrationKind};
use crate::domain::delivery::{BackOff, Next, Outcome};
use crate::domain::id::{MerchantId, TopicNoticeId};
use crate::domain::link::Target;
use crate::domain::notice::{Notice, TAG};
use crate::domain::preference::Class;
use crate::domain::time::{DAY, Timestamp};

/// Things said to a topic in any 24 hours.
pub const MOST_A_DAY: usize = 3;
/// What could not be sent for so long is no news any more.
pub const WORTH: Duration = DAY;
const LONGEST_NAME: usize = 100;
const LONGEST_TITLE: usize = 100;
const LONGEST_BODY: usize = 500;

/// Why something is not said to a topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicRefusal {
    #[error("the name of a topic is 1 to {LONGEST_NAME} letters, digits and -_.~; got {got:?}")]
    Name { got: String },
    #[error("{what}: expected 1 to {limit} characters; got {got}")]
    Words {
        what: &'static str,
        limit: usize,
        got: usize,
    },
    #[error(
        "{MOST_A_DAY} things were said to this topic within 24 hours, which is all that people put up with; the next may \
         follow at {}", next.to_jiff()
    )]
    TooOften { next: Timestamp },
}

/// A topic as its merchant calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(String);

impl TopicName {
    /// What apps of `merchant` subscribe to.
    pub fn at_firebase(&self, merchant: MerchantId) -> String {
        format!("{merchant}-{}", self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TopicName {
    type Err = TopicRefusal;

    fn from_str(text: &str) -> Result<Self, TopicRefusal> {
        let is_one = (1..=LONGEST_NAME).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        if is_one {
            return Ok(Self(text.to_owned()));
        }
        // A few letters, so that a text that was put here by mistake fills no screen.
        let got = text.chars().take(LONGEST_NAME + 1).collect();
        Err(TopicRefusal::Name { got })
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub title: String,
    pub body: String,
    /// Where a click leads.
    pub url: Option<Target>,
    /// False: apps are told silently.
    pub rings: bool,
}

impl Words {
    pub fn checked(title: &str, body: &str, url: Option<Target>, rings: bool) -> Result<Self, TopicRefusal> {
        let fitting = |what, text: &str, limit| {
            let text = text.trim();
            let got = text.chars().count();
            if (1..=limit).contains(&got) {
                Ok(text.to_owned())
            } else {
                Err(TopicRefusal::Words { what, limit, got })
            }
        };
        Ok(Self {
            title: fitting("title", title, LONGEST_TITLE)?,
            body: fitting("text", body, LONGEST_BODY)?,
            url,
            rings,
        })
    }
}

/// Whether one more thing may be said now, given when things were said before, in any order.
pub fn admit(said: &[Timestamp], now: Timestamp) -> Result<(), TopicRefusal> {
    let mut within: Vec<Timestamp> = said.iter().copied().filter(|at| at.plus(DAY) > now).collect();
    within.sort_unstable();
    match within.len().checked_sub(MOST_A_DAY) {
        None => Ok(()),
        Some(older) => Err(TopicRefusal::TooOften {
            next: within.get(older).copied().unwrap_or(now).plus(DAY),
        }),
    }
}

/// What was said, as apps are shown it. The tag is the topic's: what is said later takes its place.
pub fn notice(topic: &str, id: TopicNoticeId, words: &Words) -> Notice {
    let hash = openssl::sha::sha256(topic.as_bytes());
    let mut tag = URL_SAFE_NO_PAD.encode(hash);
    tag.truncate(TAG);
    Notice {
        tag,
        title: words.title.clone(),
        body: words.body.clone(),
        url: words.url.as_ref().map(|target| target.as_str().to_owned()),
        class: Class::Marketing,
        alert: words.rings,
        // Later ones have the greater number.
        version: id.0,
    }
}

/// Where `topic`, as Firebase knows it, is reached; none for a name that cannot be one.
pub fn address(topic: &str) -> Option<PushAddress> {
    let registration = Registration::new(RegistrationKind::Topic, topic.to_owned()).ok()?;
    let destination = Destination::App(registration);
    Some(PushAddress {
        key: destination.key(),
        destination,
        registered_at: Timestamp(0),
    })
}

/// What follows from a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    Sent,
    Failed {
        reason: String,
    },
    /// Tried again then; `counts` unless it was not tried at all.
    Again {
        at: Timestamp,
        reason: String,
        counts: bool,
    },
}

/// What follows from `outcome` of a try to send what was said at `said_at`.
pub fn after(
    outcome: &Outcome,
    (attempts, jitter): (i64, u8),
    said_at: Timestamp,
    now: Timestamp,
) -> Followed {
    let reason = match outcome {
        Outcome::Accepted => return Followed::Sent,
        Outcome::Silenced { reason }
        | Outcome::Gone { reason, .. }
        | Outcome::Retry { reason, .. }
        | Outcome::Unanswered { reason }
        | Outcome::Untried { reason, .. }
        | Outcome::Misconfigured { reason }
        | Outcome::Rejected { reason } => reason.clone(),
    };
    let (at, counts) = match BackOff::default().next(outcome, attempts, jitter, now) {
        Next::Done | Next::GiveUp { .. } => return Followed::Failed { reason },
        Next::Again { at } => (at, true),
        Next::NotYet { at } => (at, false),
    };
    if at >= said_at.plus(WORTH) {
        let reason = format!("not sent within a day: {reason}");
        return Followed::Failed { reason };
    }
    Followed::Again { at, reason, counts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_name_is_one_and_each_merchant_has_its_own() {
        for good in ["news", "a.b-c_d~1", &"x".repeat(100)] {
            let name: TopicName = good.parse().expect(good);
            let (one, other) = (name.at_firebase(MerchantId(1)), name.at_firebase(MerchantId(2)));
            assert_ne!(one, other);
            assert!(address(&one).is_some(), "{one}");
        }
        for bad in ["", "two words", "a/b", "%20", "ü", &"x".repeat(101)] {
            assert!(bad.parse::<TopicName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_bounded() {
        assert!(Words::checked("News", "Hello", None, true).is_ok());
        assert!(Words::checked(" ", "Hello", None, true).is_err());
        assert!(Words::checked("News", &"x".repeat(501), None, true).is_err());
        let words = Words::checked(&"t".repeat(100), &"x".repeat(500), None, true).expect("good");
        let notice = notice("topic", TopicNoticeId(9), &words);
        assert_eq!(notice.tag.len(), TAG);
        assert!(notice.alert);
    }

    #[test]
    fn what_cannot_be_sent_for_a_day_is_given_up_and_a_refusal_at_once() {
        let retry = Outcome::Retry {
            after: None,
            reason: "down".into(),
        };
        assert!(matches!(
            after(&retry, (1, 0), NOW, NOW),
            Followed::Again { counts: true, .. }
        ));
        let late = NOW.plus(WORTH);
        assert!(matches!(
            after(&retry, (30, 0), NOW, late),
            Followed::Failed { .. }
        ));
        let refused = Outcome::Rejected { reason: "no".into() };
        assert_eq!(
            after(&refused, (1, 0), NOW, NOW),
            Followed::Failed { reason: "no".into() }
        );
        assert_eq!(after(&Outcome::Accepted, (1, 0), NOW, NOW), Followed::Sent);
    }

    proptest! {
        #[test]
        fn no_stretch_of_a_day_has_more_than_a_few(gaps in prop::collection::vec(0..20 * 3_600_000_i64, 1..40)) {
            let (mut said, mut now): (Vec<Timestamp>, _) = (Vec::new(), NOW);
            for gap in gaps {
                now = Timestamp(now.0 + gap);
                match admit(&said, now) {
                    Ok(()) => said.push(now),
                    Err(TopicRefusal::TooOften { next }) => {
                        prop_assert!(next > now);
                        prop_assert!(admit(&said, Timestamp(next.0 - 1)).is_err());
                        prop_assert!(admit(&said, next).is_ok());
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            for window in said.windows(MOST_A_DAY + 1) {
                prop_assert!(window[MOST_A_DAY].since(window[0]) >= DAY);
            }
        }
    }
}
