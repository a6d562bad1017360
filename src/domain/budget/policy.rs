//! How often a card may ring: what the platforms allow, what the gateway holds to by itself, and what a merchant and a
//! program say instead.
//!
//! ```json
//! {"windows": [{"most": 2, "hours": 24}, {"most": 8, "hours": 168}], "gap_minutes": 30,
//!  "quiet": {"from": "21:00", "to": "08:00", "zone": "customer"}, "repeat_hours": 24, "pace_per_minute": 600}
//! ```
//!
//! What a merchant leaves out is as the gateway has it, and `"quiet": null` is none. What a program says comes on top of
//! its merchant's. All levels hold at once together with the platform's caps, so a policy can only lower them.

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

use super::quiet::{Quiet, Whose};
use crate::domain::budget::TimeOfDay;
use crate::domain::delivery::Channel;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// The longest window and repetition, in hours: what is older is forgotten.
pub const LONGEST_HOURS: i64 = 31 * 24;
const MOST_WINDOWS: usize = 4;
/// Longer than a provider may take to answer: it counts an alert when it accepts it, we when we let it through.
const MARGIN: Duration = Duration::from_secs(300);

/// At most `most` alerts of a card in any stretch of so many hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub most: i64,
    pub hours: i64,
}

/// What somebody wants otherwise, for one channel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<Window>>,
    /// From one alert of a card to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_minutes: Option<i64>,
    /// `Some(None)`: no quiet hours.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub quiet: Option<Option<Quiet>>,
    /// The same text is not sent to a card again within so many hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_hours: Option<i64>,
    /// Alerts a minute over all cards that the policy is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace_per_minute: Option<i64>,
}

/// Why a policy is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error(
        "a policy is JSON such as {{\"windows\": [{{\"most\": 2, \"hours\": 24}}], \"gap_minutes\": 30}}: {0}"
    )]
    Malformed(String),
    #[error("a policy has up to {MOST_WINDOWS} windows; got {0}")]
    Windows(usize),
    #[error("a window lets through 1 to 1000 alerts in 1 to {LONGEST_HOURS} hours; got {most} in {hours}")]
    Window { most: i64, hours: i64 },
    #[error(
        "{channel} takes at most {cap} alerts of a card in {cap_hours} hours; got {most} in {hours}. \
         A policy can only lower that"
    )]
    AboveCap {
        channel: &'static str,
        cap: i64,
        cap_hours: i64,
        most: i64,
        hours: i64,
    },
    #[error("alerts of a card are {least} to 10080 minutes apart on {channel}; got {got}")]
    Gap {
        channel: &'static str,
        least: i64,
        got: i64,
    },
    #[error("quiet hours that begin and end at {0} are no hours; leave them out or write null for none")]
    Quiet(TimeOfDay),
    #[error("a text may be kept from being repeated for 0 to {LONGEST_HOURS} hours; got {0}")]
    Repeat(i64),
    #[error("a pace is 1 to 60000 alerts a minute; got {0}")]
    Pace(i64),
}

/// Who set a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Platform,
    /// Nobody said otherwise.
    Gateway,
    Merchant,
    Program,
}

/// A window in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub most: i64,
    /// How many of them only rewards may take.
    pub kept: i64,
    pub hours: i64,
    /// The stretch in which alerts count, in milliseconds.
    pub(super) length: i64,
    pub level: Level,
}

/// Everything that limits the cards of one program on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub windows: Vec<Limit>,
    pub gap: Duration,
    pub quiets: Vec<Quiet>,
    pub repeat: Duration,
    /// From one alert to the next, over all cards of the merchant or of the program; none for as fast as the provider
    /// takes them.
    pub paces: Vec<(Level, Duration)>,
}

/// What the platform itself allows.
struct Platform {
    windows: &'static [Window],
    gap_minutes: i64,
}

/// Google shows three alerts of a pass in any 24 hours, messages and notifying updates together (Google Wallet API,
/// "Trigger push notifications"). Apple publishes no number; a phone that is made to fetch too often stops for a while,
/// and two alerts before it has fetched are one, so they are kept apart. Push services and Firebase publish no number for
/// one browser or app; browsers take the permission from a page that is too loud, so the same holds there.
fn platform(channel: Channel) -> Platform {
    match channel {
        Channel::Apple => Platform {
            windows: &[Window { most: 3, hours: 1 }, Window { most: 12, hours: 24 }],
            gap_minutes: 1,
        },
        Channel::Google => Platform {
            windows: &[Window { most: 3, hours: 24 }],
            gap_minutes: 0,
        },
        Channel::Fcm | Channel::WebPush => Platform {
            windows: &[Window { most: 3, hours: 1 }, Window { most: 12, hours: 24 }],
            gap_minutes: 1,
        },
    }
}

/// Where nobody said otherwise: well under the platform's caps.
fn usual(channel: Channel) -> (&'static [Window], i64, Quiet, i64) {
    let windows: &[Window] = match channel {
        Channel::Apple => &[Window { most: 3, hours: 24 }, Window { most: 10, hours: 168 }],
        Channel::Google => &[Window { most: 2, hours: 24 }, Window { most: 8, hours: 168 }],
        Channel::Fcm | Channel::WebPush => &[Window { most: 3, hours: 24 }, Window { most: 10, hours: 168 }],
    };
    let quiet = Quiet {
        from: TimeOfDay::NINE_IN_THE_EVENING,
        to: TimeOfDay::EIGHT_IN_THE_MORNING,
        zone: Whose::Customer,
    };
    (windows, 30, quiet, 24)
}

impl Policy {
    /// Reads and checks what somebody wants for `channel`.
    pub fn parse(json: &str, channel: Channel) -> Result<Self, PolicyError> {
        if !json.trim_start().starts_with('{') {
            return Err(PolicyError::Malformed(
                "it begins with another character than {".into(),
            ));
        }
        let policy: Self =
            serde_json::from_str(json).map_err(|error| PolicyError::Malformed(error.to_string()))?;
        policy.check(channel)?;
        Ok(policy)
    }

    /// What was checked when it was stored.
    pub fn stored(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn check(&self, channel: Channel) -> Result<(), PolicyError> {
        let (caps, name) = (platform(channel), channel.as_str());
        let windows = self.windows.as_deref().unwrap_or_default();
        if windows.len() > MOST_WINDOWS {
            return Err(PolicyError::Windows(windows.len()));
        }
        for window in windows {
            let Window { most, hours } = *window;
            if !(1..=1000).contains(&most) || !(1..=LONGEST_HOURS).contains(&hours) {
                return Err(PolicyError::Window { most, hours });
            }
            let above = caps
                .windows
                .iter()
                .find(|cap| hours <= cap.hours && most > cap.most);
            if let Some(cap) = above {
                return Err(PolicyError::AboveCap {
                    channel: name,
                    cap: cap.most,
                    cap_hours: cap.hours,
                    most,
                    hours,
                });
            }
        }
        let least = caps.gap_minutes;
        if let Some(got) = self.gap_minutes.filter(|gap| !(least..=10_080).contains(gap)) {
            return Err(PolicyError::Gap {
                channel: name,
                least,
                got,
            });
        }
        if let Some(Some(quiet)) = self.quiet
            && quiet.from == quiet.to
        {
            return Err(PolicyError::Quiet(quiet.from));
        }
        if let Some(hours) = self
            .repeat_hours
            .filter(|hours| !(0..=LONGEST_HOURS).contains(hours))
        {
            return Err(PolicyError::Repeat(hours));
        }
        if let Some(pace) = self.pace_per_minute.filter(|pace| !(1..=60_000).contains(pace)) {
            return Err(PolicyError::Pace(pace));
        }
        Ok(())
    }
}

impl Limit {
    fn new(window: Window, level: Level) -> Self {
        let length = hours(window.hours)
            + if level == Level::Platform {
                MARGIN
            } else {
                Duration::ZERO
            };
        Self {
            most: window.most,
            // A window of one has nothing to keep: it would never let anything else through.
            kept: i64::from(window.most > 1),
            hours: window.hours,
            length: i64::try_from(length.as_millis()).unwrap_or(i64::MAX),
            level,
        }
    }
}

impl Limits {
    /// What is in force where a merchant and a program have said this.
    pub fn of(channel: Channel, merchant: Option<&Policy>, program: Option<&Policy>) -> Self {
        let caps = platform(channel);
        let (windows, gap, quiet, repeat) = usual(channel);
        let merchants = merchant.cloned().unwrap_or_default();
        let programs = program.cloned().unwrap_or_default();
        let mut limits: Vec<Limit> = caps
            .windows
            .iter()
            .map(|cap| Limit::new(*cap, Level::Platform))
            .collect();
        match &merchants.windows {
            Some(windows) => limits.extend(windows.iter().map(|of| Limit::new(*of, Level::Merchant))),
            None => limits.extend(windows.iter().map(|of| Limit::new(*of, Level::Gateway))),
        }
        let of_program = programs.windows.unwrap_or_default();
        limits.extend(of_program.iter().map(|of| Limit::new(*of, Level::Program)));

        let gaps = [
            Some(caps.gap_minutes),
            Some(merchants.gap_minutes.unwrap_or(gap)),
            programs.gap_minutes,
        ];
        let repeats = [
            Some(merchants.repeat_hours.unwrap_or(repeat)),
            programs.repeat_hours,
        ];
        let mut quiets: Vec<Quiet> = merchants.quiet.unwrap_or(Some(quiet)).into_iter().collect();
        quiets.extend(programs.quiet.flatten());
        let paces = [
            (Level::Merchant, merchants.pace_per_minute),
            (Level::Program, programs.pace_per_minute),
        ];
        Self {
            windows: limits,
            gap: minutes(gaps.into_iter().flatten().max().unwrap_or(0)),
            quiets,
            repeat: hours(repeats.into_iter().flatten().max().unwrap_or(0)),
            paces: paces
                .into_iter()
                .filter_map(|(level, pace)| {
                    let pace = u32::try_from(pace?).ok().filter(|pace| *pace > 0)?;
                    Some((level, MINUTE / pace))
                })
                .collect(),
        }
    }

    /// How far back alerts count.
    pub fn memory(&self) -> Duration {
        let windows = self.windows.iter().map(|limit| limit.length).max().unwrap_or(0);
        Duration::from_millis(u64::try_from(windows).unwrap_or(0))
            .max(self.gap)
            .max(self.repeat)
    }

    /// Whether the customer's own clock is asked.
    pub fn asks_the_customers_clock(&self) -> bool {
        self.quiets.iter().any(|quiet| quiet.zone == Whose::Customer)
    }
}

/// The clocks that quiet hours go by.
#[derive(Debug, Clone, Copy)]
pub struct Clocks<'z> {
    pub merchant: &'z TimeZone,
    /// None where the customer's zone is not known.
    pub customer: Option<&'z TimeZone>,
}

impl<'z> Clocks<'z> {
    pub fn of(&self, whose: Whose) -> &'z TimeZone {
        match whose {
            Whose::Customer => self.customer.unwrap_or(self.merchant),
            Whose::Merchant => self.merchant,
        }
    }
}

fn hours(count: i64) -> Duration {
    HOUR.saturating_mul(u32::try_from(count).unwrap_or(0))
}

fn minutes(count: i64) -> Duration {
    MINUTE.saturating_mul(u32::try_from(count).unwrap_or(0))
}

/// Tells "null" from nothing said.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Quiet>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_policy_only_lowers() {
        let parse = |json| Policy::parse(json, Channel::Google);
        assert!(parse(r#"{"windows": [{"most": 3, "hours": 24}]}"#).is_ok());
        for above in [
            r#"{"windows": [{"most": 4, "hours": 24}]}"#,
            r#"{"windows": [{"most": 4, "hours": 1}]}"#,
        ] {
            assert!(
                matches!(parse(above), Err(PolicyError::AboveCap { cap: 3, .. })),
                "{above}"
            );
        }
        // Longer stretches are no matter of the platform: its own window holds as well.
        let weekly = parse(r#"{"windows": [{"most": 20, "hours": 168}]}"#).expect("taken");
        let limits = Limits::of(Channel::Google, Some(&weekly), None);
        let levels: Vec<_> = limits
            .windows
            .iter()
            .map(|limit| (limit.most, limit.level))
            .collect();
        assert_eq!(levels, [(3, Level::Platform), (20, Level::Merchant)]);
        assert!(Policy::parse(r#"{"gap_minutes": 0}"#, Channel::Apple).is_err());
        assert!(parse(r#"{"gap_minutes": 0}"#).is_ok());
        for wrong in [
            "",
            "[]",
            r#"{"window": []}"#,
            r#"{"windows": [{"most": 0, "hours": 24}]}"#,
            r#"{"windows": [{"most": 1, "hours": 745}]}"#,
            r#"{"quiet": {"from": "08:00", "to": "08:00"}}"#,
            r#"{"repeat_hours": -1}"#,
            r#"{"pace_per_minute": 0}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_programs_policy_comes_on_top() {
        let merchant = Policy::parse(
            r#"{"windows": [{"most": 2, "hours": 24}], "gap_minutes": 60, "quiet": null, "repeat_hours": 2}"#,
            Channel::Apple,
        );
        let program = Policy::parse(
            r#"{"windows": [{"most": 1, "hours": 48}], "gap_minutes": 5, "quiet": {"from": "12:00", "to": "14:00"}}"#,
            Channel::Apple,
        );
        let (merchant, program) = (merchant.expect("taken"), program.expect("taken"));
        let limits = Limits::of(Channel::Apple, Some(&merchant), Some(&program));
        assert_eq!(limits.windows.len(), 4);
        assert_eq!(limits.gap, HOUR);
        assert_eq!(limits.quiets.len(), 1);
        assert_eq!(limits.repeat, 2 * HOUR);
        assert_eq!(limits.memory(), 48 * HOUR);
        assert!(Limits::of(Channel::Apple, None, None).quiets.len() == 1);
    }

    #[test]
    fn every_usual_policy_is_under_its_caps() {
        for channel in Channel::ALL {
            let (windows, gap, quiet, repeat) = usual(channel);
            let policy = Policy {
                windows: Some(windows.to_vec()),
                gap_minutes: Some(gap),
                quiet: Some(Some(quiet)),
                repeat_hours: Some(repeat),
                pace_per_minute: None,
            };
            assert_eq!(policy.check(channel), Ok(()));
            assert_eq!(Policy::parse(&policy.print(), channel), Ok(policy));
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_panic(json in ".{0,60}") {
            let _ = Policy::parse(&json, Channel::Apple);
        }
    }
}
