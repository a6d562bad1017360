//! What happened to a card or a person, as staff read it: one line an event, newest first.

use maud::{Markup, html};

use crate::domain::delivery::Channel;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, EventKind, Source};
use crate::domain::id::EventId;
use crate::domain::money::Currency;
use crate::domain::preference::Preference;
use crate::domain::time::Timestamp;
use crate::store::listing::{ActorName, TimelineRow};
use crate::store::timeline::Entry;
use crate::web::console::components::{Tone, icon};
use crate::web::console::screen::Screen;
use crate::web::console::words::apart::apart;
use crate::web::console::words::messages;

/// An event, wherever it was read.
pub struct Line<'e> {
    id: EventId,
    kind: EventKind,
    delta: Delta,
    at: Timestamp,
    by: Vec<String>,
    reason: Option<&'e str>,
    detail: Option<&'e Detail>,
    currency: Option<Currency>,
    program: Option<&'e str>,
    taken_back: bool,
}

impl<'e> Line<'e> {
    pub fn of_row(screen: &Screen, row: &'e TimelineRow) -> Self {
        let words = &screen.words.timeline;
        let by = match &row.actor {
            ActorName::Station { name, location } => [Some(name.clone()), location.clone()]
                .into_iter()
                .flatten()
                .collect(),
            ActorName::Member(name) => vec![apart(name.clone())],
            ActorName::Device => vec![words.holders_phone.to_owned()],
            ActorName::Gateway => vec![words.passgate.to_owned()],
        };
        Self {
            id: row.id,
            kind: row.kind,
            delta: row.delta,
            at: row.at,
            by,
            reason: row.reason.as_deref(),
            detail: row.detail.as_ref(),
            currency: None,
            program: None,
            taken_back: row.reversed_by.is_some(),
        }
    }

    /// `with_program`: the timeline is about several cards.
    pub fn of_entry(screen: &Screen, entry: &'e Entry, with_program: bool) -> Self {
        let event = &entry.event.event;
        Self {
            id: entry.event.id,
            kind: event.kind,
            delta: event.delta,
            at: event.at,
            by: by(screen, entry),
            reason: event.reason.as_deref(),
            detail: event.detail.as_ref(),
            currency: entry.currency,
            program: entry.program_name.as_deref().filter(|_| with_program),
            taken_back: entry.reversed_by.is_some(),
        }
    }
}

/// The newest events of a card without the list around them.
pub fn rows(screen: &Screen, rows: &[TimelineRow]) -> Markup {
    html! { @for row in rows { (line(screen, &Line::of_row(screen, row))) } }
}

/// The id of a line in the page.
pub fn line_id(event: EventId) -> String {
    format!("event-{}", event.0)
}

pub fn line(screen: &Screen, line: &Line<'_>) -> Markup {
    let (drawing, tone) = mark(line.kind);
    let words = &screen.words.timeline;
    html! {
        li.event.(if line.taken_back { "taken-back" } else { "" }) id=(line_id(line.id)) {
            span.mark.(tone.class()) { (icon(drawing)) }
            div.event-text {
                p.event-title {
                    span.event-name { (screen.words.language.event(line.kind)) }
                    @for change in changes(screen, line) { span.change { (change) } }
                    @if line.taken_back { span.badge.neutral { (words.taken_back) } }
                }
                @let about: Vec<String> = line.by.iter().cloned()
                    .chain(line.program.map(str::to_owned))
                    .chain(line.detail.and_then(|detail| told(screen, detail)))
                    .chain(reason(screen, line))
                    .collect();
                p.event-by { (about.join(" · ")) }
            }
            div.event-when { (screen.time(line.at)) }
        }
    }
}

fn by(screen: &Screen, entry: &Entry) -> Vec<String> {
    let words = &screen.words.timeline;
    let event = &entry.event.event;
    let named = |otherwise: &str| {
        entry
            .actor_name
            .clone()
            .map_or_else(|| otherwise.to_owned(), apart)
    };
    let who = match event.actor {
        Actor::Station(_) => named(words.a_till),
        Actor::Member(_) => named(words.a_member),
        Actor::Device => words.holder.to_owned(),
        Actor::Gateway => words.passgate.to_owned(),
    };
    let way = match event.source {
        Source::Import => Some(words.by_import),
        Source::Api => Some(words.by_api),
        _ if event.batch.is_some() => Some(words.in_bulk),
        _ => None,
    };
    [Some(who), entry.location_name.clone(), way.map(str::to_owned)]
        .into_iter()
        .flatten()
        .collect()
}

fn mark(kind: EventKind) -> (&'static str, Tone) {
    match kind {
        EventKind::CardInstalled => ("phone", Tone::Good),
        EventKind::CardRemoved => ("phone", Tone::Neutral),
        EventKind::CardVoided | EventKind::ConversionFailed => ("stop", Tone::Bad),
        EventKind::CardExpired | EventKind::CustomerErased | EventKind::TierCycleEnded => {
            ("stop", Tone::Neutral)
        }
        EventKind::CardRestored => ("undo", Tone::Good),
        EventKind::CustomerScanned => ("scan", Tone::Good),
        EventKind::CustomerTapped => ("tap", Tone::Good),
        EventKind::PunchReversed
        | EventKind::RewardWithdrawn
        | EventKind::RedemptionReversed
        | EventKind::PointsReversed
        | EventKind::PromotionReversed => ("undo", Tone::Neutral),
        EventKind::RewardRedeemable
        | EventKind::RewardRedeemed
        | EventKind::TierChanged
        | EventKind::PromotionUsed
        | EventKind::CouponAssigned
        | EventKind::CardConverted
        | EventKind::OfferClaimed
        | EventKind::OfferRedeemed => ("gift", Tone::Notice),
        EventKind::OfferFavourited | EventKind::OfferUnfavourited | EventKind::FeedbackGiven => {
            ("star", Tone::Notice)
        }
        EventKind::CampaignJoined | EventKind::CampaignDisjoined => ("people", Tone::Neutral),
        EventKind::ReferralAdded => ("link", Tone::Good),
        EventKind::PointsAdded => ("plus", Tone::Good),
        EventKind::InvitationSent => ("mail", Tone::Neutral),
        EventKind::InvitationFailed => ("mail", Tone::Bad),
        EventKind::ProfileEdited | EventKind::ExpiryChanged => ("pencil", Tone::Neutral),
        EventKind::CardIssued
        | EventKind::PointsRemoved
        | EventKind::ConsentChanged
        | EventKind::PreferenceChanged => ("check", Tone::Neutral),
        EventKind::PushCreated
        | EventKind::PushSent
        | EventKind::PushSuppressed
        | EventKind::PushDeferred => ("push", Tone::Neutral),
        EventKind::PushFailed => ("push", Tone::Bad),
    }
}

/// "+1 punch", "−10 punches", "paid 3.50 EUR"; visits follow from punches and are not repeated.
fn changes(screen: &Screen, line: &Line<'_>) -> Vec<String> {
    let language = screen.words.language;
    let delta = line.delta;
    let signed = |count: i64, text: String| format!("{}{text}", if count > 0 { '+' } else { '−' });
    let mut changes = Vec::new();
    if delta.punches != 0 {
        changes.push(signed(delta.punches, language.punches(delta.punches.abs())));
    }
    if delta.points != 0 {
        changes.push(signed(delta.points, language.points(delta.points.abs())));
    }
    if delta.rewards != 0 {
        changes.push(signed(delta.rewards, language.rewards(delta.rewards.abs())));
    }
    if let Some(currency) = line.currency.filter(|_| delta.spend != 0) {
        let paid = language.money(currency, delta.spend);
        changes.push((screen.words.timeline.paid)(&paid));
    }
    changes
}

/// Why it happened. What dispatchers write begins with the channel, by the name that the ledger has for it, and goes on in
/// English where a rule decided: the detail says both in the words of the page.
fn reason(screen: &Screen, line: &Line<'_>) -> Option<String> {
    let (reason, words) = (line.reason?, &screen.words.timeline);
    let (name, rest) = match reason.split_once(": ") {
        Some((name, rest)) => (name, Some(rest)),
        None => (reason, None),
    };
    let Some(channel) = Channel::parse(name).filter(|_| is_of_dispatchers(line.kind)) else {
        return Some(apart(words.reason(reason).to_owned()));
    };
    let (channel, rest) = match line.detail {
        Some(Detail::Push { rule: Some(_), .. }) => return None,
        Some(Detail::Push { .. }) => (None, rest),
        _ => (Some(screen.words.common.channel(channel)), rest),
    };
    let rest = rest.map(|rest| words.reason(rest));
    let said: Vec<&str> = channel.into_iter().chain(rest).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn is_of_dispatchers(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::PushCreated
            | EventKind::PushDeferred
            | EventKind::PushSuppressed
            | EventKind::PushSent
            | EventKind::PushFailed
            | EventKind::CardRemoved
    )
}

/// What an event says beyond its kind.
fn told(screen: &Screen, detail: &Detail) -> Option<String> {
    let words = &screen.words.timeline;
    let language = screen.words.language;
    let day = |at: &Option<Timestamp>| {
        at.map_or_else(|| words.never_ends.to_owned(), |at| last_day_text(screen, at))
    };
    Some(match detail {
        Detail::Tier { from, to } => {
            let named = |tier: &Option<String>| tier.clone().unwrap_or_else(|| words.no_tier.to_owned());
            (words.from_to)(&named(from), &named(to))
        }
        Detail::Reward { code, points } => format!("{code}, {}", language.points(*points)),
        Detail::Expiry { from, to } => (words.from_to)(&day(from), &day(to)),
        Detail::Promotion { name, .. } | Detail::Campaign { name, .. } => name.clone(),
        Detail::Fields { names } => {
            let named = names.iter().map(|name| field_name(screen, name));
            named.collect::<Vec<_>>().join(", ")
        }
        Detail::Preference { class, from, to } => {
            let said = |preference: &Preference| match preference {
                Preference::Active => screen.words.profile.active,
                Preference::Paused => screen.words.profile.paused,
            };
            let change = (words.from_to)(said(from), said(to));
            format!("{}: {change}", screen.words.profile.class(*class))
        }
        Detail::Consent { purpose, given, .. } => {
            let what = screen.words.profile.purpose(*purpose);
            format!("{what}: {}", if *given { words.given } else { words.withdrawn })
        }
        Detail::Feedback { stars, .. } => (words.stars)(*stars),
        Detail::Push {
            channel, rule, until, ..
        } => {
            let why = rule
                .as_deref()
                .map(|rule| messages::reason(language, rule).to_owned());
            let until = until.map(|until| (screen.words.timeline.not_before)(&time_text(screen, until)));
            let parts = [Some(screen.words.common.channel(*channel).to_owned()), why, until];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Detail::Conversion { .. } | Detail::Referral { .. } | Detail::Offer { .. } => return None,
    })
}

/// What a field of a profile is called; fields of programs by their code.
fn field_name(screen: &Screen, name: &str) -> String {
    use crate::domain::profile::Field;
    let people = &screen.words.people;
    if let Some(field) = Field::ALL.into_iter().find(|field| field.as_str() == name) {
        return people.field(field).to_owned();
    }
    match name {
        "holder" => screen.words.profile.printed_name.to_owned(),
        "tags" => people.tags.to_owned(),
        other => other.strip_prefix("custom.").unwrap_or(other).to_owned(),
    }
}

/// A day with its year, as text.
pub fn day_text(screen: &Screen, at: Timestamp) -> String {
    let there = at.to_jiff().to_zoned(screen.member.zone.clone());
    screen.words.language.date(there.date(), false)
}

/// The last day on which something is good that ends at `end`, which is the first moment after it.
pub fn last_day_text(screen: &Screen, end: Timestamp) -> String {
    day_text(screen, end.minus(std::time::Duration::from_millis(1)))
}

/// A day and an hour, as text.
pub fn time_text(screen: &Screen, at: Timestamp) -> String {
    let there = at.to_jiff().to_zoned(screen.member.zone.clone());
    format!("{}, {}", day_text(screen, at), there.strftime("%H:%M"))
}

#[cfg(test)]
mod tests;
