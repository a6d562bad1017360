//! Whether what wants to ring on a phone may ring now: the one decision that sends, that forecasts and that replays.
//!
//! [`decide`] is asked for one card on one channel, about everything that wants to be told there, together. Alerts are
//! counted whatever they are: a message, a balance that moved, an update that notifies. A silent refresh rings nowhere
//! and needs no leave.
//!
//! Invariants, each held by a property test:
//! 1. No sequence of decisions lets more alerts into a window than it has room for. An alert that the provider has not
//!    answered yet counts as one of this very moment, because that is when it may ring.
//! 2. What is deferred is deferred to the first millisecond at which it is allowed, with everything taken into account
//!    that waits beside it. When that time comes and nothing else has changed, it is sent.
//! 3. A short budget is handed out in the order reward, balance, tier, marketing, and non-rewards leave one place of each
//!    window free.
//!
//! Why 2 follows: rewards may go whenever others may, and all others have the same rules, so what comes later in the
//! order is never allowed earlier, and can be planned after what comes before it.

mod classes;
mod policy;
mod quiet;
pub mod replay;
mod ruling;
mod told;
mod words;

use jiff::tz::TimeZone;
use openssl::sha::Sha256;

use crate::domain::card::CardState;
use crate::domain::consent::{self, Consents, Withheld};
use crate::domain::delivery::Channel;
use crate::domain::id::MessageId;
use crate::domain::preference::{Class, Preferences};
use crate::domain::time::Timestamp;

pub use classes::Classes;
pub use policy::{Clocks, LONGEST_HOURS, Level, Limit, Limits, Policy, PolicyError, Window};
pub use quiet::{NoTimeOfDay, Quiet, TimeOfDay, Whose};
pub use ruling::{Count, Decision, Inputs, Rule, Ruling};
pub use told::{Told, created};
pub use words::{counted, reason};

/// Turns of the search for a time; each passes an alert, a night or a change of clocks.
const TURNS: usize = 4096;

/// 64 bits over a text as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextDigest(pub i64);

impl TextDigest {
    /// The same for two texts that differ only in white space and in characters that cannot be seen.
    pub fn of(text: &str) -> Self {
        let mut hash = Sha256::new();
        for word in text.split_whitespace() {
            for letter in word.chars().filter(|letter| !is_invisible(*letter)) {
                hash.update(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            hash.update(b" ");
        }
        let [a, b, c, d, e, f, g, h, ..] = hash.finish();
        Self(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

/// An alert that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// When the provider answered; for one that is open, when it was let through.
    pub at: Timestamp,
    pub class: Class,
    /// Of a message's text; none for a change of the card, whose text says the newest state.
    pub digest: Option<TextDigest>,
    /// On its way: the provider has not answered.
    pub is_open: bool,
}

/// What an intent comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The card changed.
    Change,
    Message(MessageId),
}

/// Why a message does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// For good: it, or the campaign that it comes from, was called off.
    Cancelled,
    /// Until somebody says otherwise.
    Paused,
}

/// Something that wants to ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    pub origin: Origin,
    pub class: Class,
    pub digest: Option<TextDigest>,
    /// Its audience was chosen by what people buy.
    pub personalised: bool,
    /// Not before.
    pub due_at: Timestamp,
    /// Makes no sense from then on.
    pub ends_at: Option<Timestamp>,
    pub stop: Option<Stop>,
}

impl Intent {
    /// A change of the card that is about `class`.
    pub fn change(class: Class, at: Timestamp) -> Self {
        Self {
            origin: Origin::Change,
            class,
            digest: None,
            personalised: false,
            due_at: at,
            ends_at: None,
            stop: None,
        }
    }

    pub fn message(message: MessageId, class: Class, digest: TextDigest, due_at: Timestamp) -> Self {
        Self {
            origin: Origin::Message(message),
            digest: Some(digest),
            ..Self::change(class, due_at)
        }
    }
}

/// Where one card stands on one channel.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'s> {
    pub channel: Channel,
    pub state: CardState,
    /// A copy of the card on this channel can be reached by push.
    pub is_reachable: bool,
    /// Something can be redeemed now: without, there is no reward to tell of.
    pub has_reward: bool,
    pub preferences: Preferences,
    pub consents: Consents,
    pub clocks: Clocks<'s>,
    pub limits: &'s Limits,
    /// What was let through within [`Limits::memory`], in any order; older ones do no harm.
    pub alerts: &'s [Alert],
    /// The provider said that it shows nothing before.
    pub exhausted_until: Option<Timestamp>,
    /// The first free place in the pace of the merchant or program.
    pub pace_from: Option<Timestamp>,
}

/// Decides about `intents`, all that wait for this card on this channel; the answers come in the same order.
pub fn decide(standing: &Standing<'_>, intents: &[Intent], now: Timestamp) -> Vec<Ruling> {
    let mut order: Vec<usize> = (0..intents.len()).collect();
    order.sort_by_key(|index| {
        let intent = &intents[*index];
        let message = match intent.origin {
            Origin::Change => None,
            Origin::Message(message) => Some(message),
        };
        (classes::rank(intent.class), intent.due_at, message, *index)
    });
    let mut log = Log::new(standing.alerts, now);
    let mut change: Option<(Class, Decision)> = None;
    let mut rulings: Vec<Option<Ruling>> = intents.iter().map(|_| None).collect();
    for index in order {
        let intent = &intents[index];
        let inputs = Inputs::new(standing, intent);
        let (decision, rule) = match (&change, intent.origin) {
            // One alert speaks for everything that changed on the card.
            (Some((into, of)), Origin::Change) if refusal(standing, intent, &log, now).is_none() => {
                let decision = match of {
                    Decision::Defer { until } => Decision::Defer { until: *until },
                    _ => Decision::Merge,
                };
                (decision, Rule::Merged { into: *into })
            }
            _ => decide_one(standing, intent, &mut log, now),
        };
        if intent.origin == Origin::Change
            && change.is_none()
            && matches!(decision, Decision::SendNow | Decision::Defer { .. })
        {
            change = Some((intent.class, decision));
        }
        rulings[index] = Some(Ruling {
            decision,
            rule,
            counters: Count::of(standing.limits, &log, now),
            inputs,
        });
    }
    rulings.into_iter().flatten().collect()
}

/// What would become of `intent` if it were wanted now beside what `waits` already: what [`decide`] will say.
pub fn forecast(standing: &Standing<'_>, waits: &[Intent], intent: Intent, now: Timestamp) -> Option<Ruling> {
    let mut intents = waits.to_vec();
    intents.push(intent);
    decide(standing, &intents, now).pop()
}

/// When the next alert of `class` would be allowed, were it wanted now and nothing else waited.
pub fn next_allowed(standing: &Standing<'_>, class: Class, now: Timestamp) -> Ruling {
    let mut log = Log::new(standing.alerts, now);
    let intent = Intent::change(class, now);
    let (decision, rule) = decide_one(standing, &intent, &mut log, now);
    Ruling {
        decision,
        rule,
        counters: Count::of(standing.limits, &Log::new(standing.alerts, now), now),
        inputs: Inputs::new(standing, &intent),
    }
}

fn decide_one(standing: &Standing<'_>, intent: &Intent, log: &mut Log, now: Timestamp) -> (Decision, Rule) {
    if let Some(rule) = refusal(standing, intent, log, now) {
        let decision = if rule == Rule::Paused {
            Decision::Hold
        } else {
            Decision::Suppress
        };
        return (decision, rule);
    }
    if intent.due_at > now {
        let until = intent.due_at;
        return (Decision::Defer { until }, Rule::Scheduled);
    }
    let (until, rule) = earliest(standing, intent.class, log, now);
    if let Some(ends) = intent.ends_at.filter(|ends| *ends <= until) {
        return (Decision::Suppress, Rule::TooLate { ends });
    }
    log.add(until, intent);
    if until <= now {
        (Decision::SendNow, Rule::Free)
    } else {
        (Decision::Defer { until }, rule)
    }
}

/// What no waiting mends.
fn refusal(standing: &Standing<'_>, intent: &Intent, log: &Log, now: Timestamp) -> Option<Rule> {
    match intent.stop {
        Some(Stop::Cancelled) => return Some(Rule::Cancelled),
        Some(Stop::Paused) => return Some(Rule::Paused),
        None => {}
    }
    match standing.state {
        CardState::Void => return Some(Rule::Void),
        CardState::Expired => return Some(Rule::Expired),
        CardState::Removed => return Some(Rule::Removed),
        CardState::Pending => return Some(Rule::NotInstalled),
        CardState::Installed => {}
    }
    if !standing.is_reachable {
        return Some(Rule::Unreachable);
    }
    let withheld = if intent.personalised && intent.class == Class::Marketing {
        consent::allows_personalised(standing.preferences, standing.consents)
    } else {
        consent::allows(intent.class, standing.preferences, standing.consents)
    };
    match withheld {
        Err(Withheld::Paused) => return Some(Rule::PreferencePaused),
        Err(Withheld::NoConsent) => return Some(Rule::NoConsent),
        Ok(()) => {}
    }
    if intent.origin == Origin::Change && intent.class == Class::Reward && !standing.has_reward {
        return Some(Rule::Outdated);
    }
    if let Some(ends) = intent.ends_at.filter(|ends| *ends <= now) {
        return Some(Rule::TooLate { ends });
    }
    let digest = intent.digest?;
    let since = now.minus(standing.limits.repeat);
    let at = log.newest_of(digest).filter(|at| *at > since)?;
    Some(Rule::Duplicate { at })
}

/// The first time from `now` on at which an alert of `class` breaks no rule, and the rule that it waits for.
///
/// Each rule alone moves a time forward to the next that it allows; a time that none of them moves is the first that all
/// allow.
fn earliest(standing: &Standing<'_>, class: Class, log: &Log, now: Timestamp) -> (Timestamp, Rule) {
    let (mut at, mut rule) = (now, Rule::Free);
    for _ in 0..TURNS {
        let before = at;
        if let Some(until) = standing.exhausted_until.filter(|until| *until > at) {
            (at, rule) = (until, Rule::Exhausted);
        }
        if let Some(from) = standing.pace_from.filter(|from| *from > at) {
            (at, rule) = (from, Rule::Pace);
        }
        if let Some(last) = log.newest()
            && last.plus(standing.limits.gap) > at
        {
            let minutes = i64::try_from(standing.limits.gap.as_secs() / 60).unwrap_or(i64::MAX);
            (at, rule) = (last.plus(standing.limits.gap), Rule::Gap { minutes });
        }
        for limit in &standing.limits.windows {
            if let Some(free) = log.free_from(limit, class).filter(|free| *free > at) {
                (at, rule) = (free, Rule::of_window(limit));
            }
        }
        for quiet in &standing.limits.quiets {
            let zone: &TimeZone = standing.clocks.of(quiet.zone);
            let over = quiet.over(at, zone);
            if over > at {
                (at, rule) = (over, Rule::of_quiet(quiet, zone));
            }
        }
        if at == before {
            break;
        }
    }
    (at, rule)
}

/// When alerts rang and will ring, the earliest first.
#[derive(Debug)]
pub(crate) struct Log {
    alerts: Vec<Alert>,
}

impl Log {
    fn new(alerts: &[Alert], now: Timestamp) -> Self {
        let mut alerts: Vec<Alert> = alerts
            .iter()
            .map(|alert| Alert {
                at: if alert.is_open {
                    now.max(alert.at)
                } else {
                    alert.at
                },
                ..*alert
            })
            .collect();
        alerts.sort_by_key(|alert| alert.at);
        Self { alerts }
    }

    /// Takes one that is planned; none before it was planned for later.
    fn add(&mut self, at: Timestamp, intent: &Intent) {
        let alert = Alert {
            at,
            class: intent.class,
            digest: intent.digest,
            is_open: true,
        };
        let place = self.alerts.partition_point(|alert| alert.at <= at);
        self.alerts.insert(place, alert);
    }

    fn newest(&self) -> Option<Timestamp> {
        self.alerts.last().map(|alert| alert.at)
    }

    fn newest_of(&self, digest: TextDigest) -> Option<Timestamp> {
        let same = |alert: &&Alert| alert.digest == Some(digest);
        self.alerts.iter().rev().find(same).map(|alert| alert.at)
    }

    /// When `limit` has room for one more alert of `class`, as soon as nothing is added; none when it has room anyway.
    fn free_from(&self, limit: &Limit, class: Class) -> Option<Timestamp> {
        let any = self.leaves(limit.most, limit, |_| true);
        if class == Class::Reward {
            return any;
        }
        any.max(self.leaves(limit.most - limit.kept, limit, |class| class != Class::Reward))
    }

    /// When the `most`-th newest of those that `counts` leaves the window.
    fn leaves(&self, most: i64, limit: &Limit, counts: impl Fn(Class) -> bool) -> Option<Timestamp> {
        let older = usize::try_from(most - 1).ok()?;
        let mut counted = self.alerts.iter().rev().filter(|alert| counts(alert.class));
        let alert = counted.nth(older)?;
        Some(Timestamp(alert.at.0.saturating_add(limit.length)))
    }

    /// Alerts within `limit` at `now`, planned ones left out.
    fn used(&self, limit: &Limit, now: Timestamp) -> i64 {
        let within = |alert: &&Alert| alert.at <= now && alert.at.0.saturating_add(limit.length) > now.0;
        i64::try_from(self.alerts.iter().filter(within).count()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
