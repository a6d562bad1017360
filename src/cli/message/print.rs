//! Messages as the command prints them.

use crate::domain::budget;
use crate::domain::message::fetches;
use crate::domain::message::forecast::{Tally, hour_start};
use crate::domain::message::{Audience, Content, Forecast, Message, length};
use crate::ops::messages::{Recipient, Shown};

/// Hours of a time line that are printed.
const MOST_HOURS: usize = 48;

pub(super) fn line(message: &Message) {
    let begin: String = message.content.text.chars().take(40).collect();
    let test = if message.is_test { " (test)" } else { "" };
    println!(
        "message {} {}{test}: {begin:?}, {}, to {}, {} recipients, made {}",
        message.id,
        message.state.as_str(),
        message.content.class.as_str(),
        audience(&message.audience),
        message.recipients,
        message.created_at.to_jiff()
    );
    if let Some(starts_at) = message.starts_at {
        println!("  starts {}", starts_at.to_jiff());
    }
    if let Some(why) = &message.paused_because {
        println!("  {why}");
    }
}

/// Whom a message is for, in words.
pub(super) fn audience(audience: &Audience) -> String {
    match audience {
        Audience::Cards(cards) => match cards[..] {
            [card] => format!("card {card}"),
            _ => format!("{} cards", cards.len()),
        },
        Audience::Program(program) => format!("all of program {program}"),
        Audience::Rule(rule) => format!("rule {rule}"),
        Audience::Segment(segment) => format!("segment {segment}"),
        Audience::BuiltIn(built_in) => format!("segment {}", built_in.0.as_str()),
    }
}

/// How long the text is, where that matters.
pub(super) fn lengths(content: &Content) {
    for length in length::lengths(&content.text) {
        let shown = match length.cut() {
            0 => "shown in full".to_owned(),
            cut => format!("{cut} may be cut"),
        };
        println!(
            "  {}: {} characters, {shown}",
            length.screen.name(),
            length.characters
        );
    }
    for translation in content.translations.iter() {
        let title = translation.title.as_deref().map(|title| format!("{title:?}, "));
        println!(
            "  in {}: {}{:?}",
            translation.language.as_str(),
            title.unwrap_or_default(),
            translation.text
        );
    }
}

pub(super) fn forecast(forecast: &Forecast) {
    println!("forecast for {}", forecast.starts_at.to_jiff());
    tally(&forecast.tally);
}

fn tally(tally: &Tally) {
    println!("  recipients {}", tally.recipients);
    println!("  sent at once {}", tally.sent);
    println!("  deferred {}", tally.deferred);
    for (rule, count) in &tally.suppressed {
        println!("  not sent {count}: {}", budget::reason(rule));
    }
    for (hour, count) in tally.line.iter().take(MOST_HOURS) {
        println!("  in the hour from {}: {count}", hour_start(*hour).to_jiff());
    }
    let more = tally.line.values().skip(MOST_HOURS).sum::<i64>();
    if more > 0 {
        println!("  later: {more}");
    }
}

pub(super) fn shown(shown: &Shown) {
    line(&shown.message);
    println!(
        "  text: {}",
        shown.message.content.text.replace('\n', "\n        ")
    );
    if let Some(rule) = &shown.message.rule {
        println!("  rule at the start: {rule}");
    }
    if let Some(author) = shown.message.author {
        println!("  by member {author}");
    }
    println!("  forecast  outcome");
    for line in shown.lines() {
        let forecast = line
            .forecast
            .map_or_else(|| "-".to_owned(), |count| count.to_string());
        println!("  {forecast:>8}  {:>7}  {}", line.outcome, line.what);
    }
    for hour in shown.hours().iter().take(MOST_HOURS) {
        let forecast = hour
            .forecast
            .map_or_else(|| "-".to_owned(), |count| count.to_string());
        println!(
            "  {forecast:>8}  {:>7}  in the hour from {}",
            hour.outcome,
            hour.begins.to_jiff()
        );
    }
    println!("  created: {}", shown.outcome.created());
    for (state, count) in &shown.outcome.states {
        println!("  now {state}: {count}");
    }
    if let (Some(median), Some(p95)) = (shown.fetches.median(), shown.fetches.p95()) {
        println!(
            "  fetched: {}, half of them within {}, 95 of 100 within {}",
            shown.fetches.count(),
            fetches::shown(median),
            fetches::shown(p95)
        );
    }
    for (reason, count) in &shown.outcome.reasons {
        println!("  {}: {count}", budget::counted(reason));
    }
    if let Some(link) = &shown.link {
        println!(
            "  clicked {} times by {} of them: {}",
            link.clicks,
            link.cards,
            link.target.as_str()
        );
    }
}

pub(super) fn recipient(recipient: &Recipient) {
    let why = recipient.rule.as_deref();
    let why = why.map(|rule| format!(" ({})", budget::reason(rule)));
    let fetched = recipient
        .fetched_at
        .map(|at| format!(", fetched {}", at.to_jiff()));
    let until = recipient.until.map(|until| format!(" until {}", until.to_jiff()));
    println!(
        "card {} {}: {}{}{}{}",
        recipient.card,
        recipient.channel.as_str(),
        recipient.state.as_str(),
        until.unwrap_or_default(),
        why.unwrap_or_default(),
        fetched.unwrap_or_default(),
    );
}
