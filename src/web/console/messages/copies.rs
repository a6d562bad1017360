//! What a message will do and did: forecast beside outcome, as a bar, as a table, and hour by hour.

use maud::{Markup, html};

use super::address;
use super::ahead::read;
use crate::domain::message::State as MessageState;
use crate::domain::message::fetches;
use crate::domain::message::forecast::{Tally, hour_start};
use crate::ops::messages::Shown;
use crate::store::intents::IntentState;
use crate::web::console::components::{Tone, alert};
use crate::web::console::screen::Screen;
use crate::web::console::words::messages::reason;

/// Hours of a time line that are shown.
const MOST_HOURS: usize = 48;

pub(super) fn sections(screen: &Screen, shown: &Shown) -> Markup {
    html! {
        (progress(screen, shown))
        (side_by_side(screen, shown))
        (time_line(screen, shown))
    }
}

/// How far a message that runs has come, and how fast.
fn progress(screen: &Screen, shown: &Shown) -> Markup {
    let (said, message) = (&screen.words.messages, &shown.message);
    let all = shown.outcome.created();
    let waiting = shown
        .outcome
        .states
        .get(IntentState::Waiting.as_str())
        .copied()
        .unwrap_or(0);
    let done = all - waiting;
    let minutes = message
        .started_at
        .map(|at| screen.now.since(at).as_secs().div_euclid(60).max(1));
    let rate = minutes.and_then(|minutes| Some(done / i64::try_from(minutes).ok()?));
    let is_on = matches!(message.state, MessageState::Running | MessageState::Paused);
    html! {
        @if is_on && all > 0 {
            section.panel.sheet {
                p.row {
                    strong { ((said.progress)(done, all)) }
                    @if let Some(rate) = rate { span.muted { ((said.rate)(rate)) } }
                }
                progress.meter max=(all) value=(done) aria-label=((said.progress)(done, all)) {}
            }
        }
    }
}

/// One bar for a tally; the words under it say the same.
pub(super) fn bar(screen: &Screen, tally: &Tally) -> Markup {
    let said = &screen.words.messages;
    let parts = [
        ("good", tally.sent),
        ("notice", tally.deferred),
        ("neutral", tally.suppressed()),
    ];
    let all: i64 = parts.iter().map(|(_, count)| count).sum();
    let mut from = 0;
    html! {
        @if all > 0 {
            svg.stacked viewBox="0 0 1000 12" preserveAspectRatio="none" height="12" aria-hidden="true" {
                @for (tone, count) in parts {
                    @let begins = from * 1000 / all;
                    @let () = from += count;
                    rect.(tone) x=(begins) width=(from * 1000 / all - begins) height="12" {}
                }
            }
        }
        p.stacked-words { ((said.bar)(tally.sent, tally.deferred, tally.suppressed())) }
    }
}

fn side_by_side(screen: &Screen, shown: &Shown) -> Markup {
    let (said, message) = (&screen.words.messages, &shown.message);
    let is_ahead = matches!(message.state, MessageState::Draft | MessageState::Scheduled);
    let forecast = shown.forecast.as_ref();
    let is_old = is_ahead && forecast.is_some_and(|forecast| forecast.version != message.version);
    html! {
        section.panel.table-panel aria-labelledby="forecast-title" {
            div.panel-head { h2 #forecast-title { @if is_ahead { (said.forecast_title) } @else { (said.outcome_title) } } }
            @if is_old { div.panel-note { (alert(Tone::Notice, said.outdated_forecast)) } }
            div.panel-note {
                @match forecast {
                    Some(forecast) => {
                        @let tally = &forecast.tally;
                        p { ((said.of_people)(tally.recipients, tally.sent + tally.deferred)) }
                        (bar(screen, tally))
                        @if !forecast.readers.is_empty() { (read(screen, &forecast.readers)) }
                    }
                    None => p.muted { (said.no_forecast) },
                }
                p.muted { (said.copies) }
            }
            (table(screen, shown, is_ahead))
            @if !shown.outcome.states.is_empty() { (states(screen, shown)) }
        }
    }
}

/// What a line of a forecast says, and how many of it.
type Row = (String, Option<i64>, i64);

fn rows(screen: &Screen, shown: &Shown) -> Vec<Row> {
    let (said, language) = (&screen.words.messages, screen.words.language);
    let forecast = shown.forecast.as_ref().map(|forecast| &forecast.tally);
    let outcome = &shown.outcome.first;
    let row = |what: &str, of: fn(&Tally) -> i64| (what.to_owned(), forecast.map(of), of(outcome));
    let mut rows = vec![
        row(said.recipients, |tally| tally.recipients),
        row(said.sent_at_once, |tally| tally.sent),
        row(said.deferred, |tally| tally.deferred),
    ];
    let tallies = forecast.into_iter().chain([outcome]);
    let mut codes: Vec<&String> = tallies.flat_map(|tally| tally.suppressed.keys()).collect();
    codes.sort_unstable();
    codes.dedup();
    for code in codes {
        let of = |tally: &Tally| tally.suppressed.get(code).copied().unwrap_or(0);
        let what = (said.not_sent_because)(reason(language, code));
        rows.push((what, forecast.map(of), of(outcome)));
    }
    rows
}

fn table(screen: &Screen, shown: &Shown, is_ahead: bool) -> Markup {
    let said = &screen.words.messages;
    html! {
        table.table {
            thead { tr {
                th scope="col" { (said.what) } th scope="col" { (said.forecast) }
                @if !is_ahead { th scope="col" { (said.outcome) } }
            } }
            tbody {
                @for (what, forecast, outcome) in rows(screen, shown) {
                    tr {
                        th scope="row" data-label=(said.what) { (what) }
                        td data-label=(said.forecast) {
                            @match forecast { Some(count) => (screen.number(count)), None => span.muted { (said.no_forecast) } }
                        }
                        @if !is_ahead { td data-label=(said.outcome) { (screen.number(outcome)) } }
                    }
                }
            }
        }
    }
}

/// Where the copies are now, each with the way to them.
fn states(screen: &Screen, shown: &Shown) -> Markup {
    let (said, language) = (&screen.words.messages, screen.words.language);
    let list = format!("{}/recipients", address(shown.message.id));
    html! {
        dl.details {
            div { dt { (said.created) } dd { a href=(list) { (screen.number(shown.outcome.created())) } } }
            @for (state, count) in &shown.outcome.states {
                @if let Some(state) = IntentState::parse(state) {
                    div {
                        dt { ((said.now_in)(said.intent(state))) }
                        dd { a href=(format!("{list}?state={}", state.as_str())) { (screen.number(*count)) } }
                    }
                }
            }
            @for (key, count) in &shown.outcome.reasons {
                @if let Some((state, code)) = key.split_once(": ") {
                    div {
                        dt { (IntentState::parse(state).map_or(state, |state| said.intent(state))) ": " (reason(language, code)) }
                        dd { (screen.number(*count)) }
                    }
                }
            }
            // Only Apple's copies are fetched: what becomes of the others nobody tells the gateway.
            @if let (Some(median), Some(p95)) = (shown.fetches.median(), shown.fetches.p95()) {
                div { dt { (said.fetched) } dd { (screen.number(shown.fetches.count())) } }
                div { dt { (said.half_within) } dd { (fetches::shown(median)) } }
                div { dt { (said.most_within) } dd { (fetches::shown(p95)) } }
            }
        }
    }
}

/// Why some are not told, each reason with its number.
pub(super) fn reasons(screen: &Screen, tally: &Tally) -> Markup {
    let said = &screen.words.messages;
    html! {
        ul.reasons {
            @for (code, count) in &tally.suppressed {
                li { strong { (screen.number(*count)) } " " ((said.not_sent_because)(reason(screen.words.language, code))) }
            }
        }
    }
}

/// Hour by hour: a bar for the eye, the numbers for everybody.
fn time_line(screen: &Screen, shown: &Shown) -> Markup {
    let said = &screen.words.messages;
    let hours = shown.hours();
    let most = hours
        .iter()
        .map(|hour| hour.forecast.unwrap_or(0).max(hour.outcome))
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        @if !hours.is_empty() {
            section.panel.table-panel {
                div.panel-head { h2 { (said.when_told) } }
                table.table {
                    thead { tr {
                        th scope="col" { (said.in_the_hour_from) } th scope="col" { (said.forecast) } th scope="col" { (said.outcome) }
                    } }
                    tbody {
                        @for hour in hours.iter().take(MOST_HOURS) {
                            tr {
                                th scope="row" data-label=(said.in_the_hour_from) { (screen.time(hour.begins)) }
                                td data-label=(said.forecast) {
                                    @match hour.forecast {
                                        Some(count) => { (hour_bar(count, most)) " " (screen.number(count)) }
                                        None => span.muted { (said.no_forecast) },
                                    }
                                }
                                td data-label=(said.outcome) { (hour_bar(hour.outcome, most)) " " (screen.number(hour.outcome)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Hour by hour, of a message that nobody has saved.
pub(super) fn time_line_of(screen: &Screen, tally: &Tally) -> Markup {
    let said = &screen.words.messages;
    let most = tally.line.values().copied().max().unwrap_or(0).max(1);
    html! {
        h3 { (said.when_told) }
        dl.hours {
            @for (hour, count) in tally.line.iter().take(MOST_HOURS) {
                div { dt { (screen.time(hour_start(*hour))) } dd { (hour_bar(*count, most)) " " (screen.number(*count)) } }
            }
        }
    }
}

fn hour_bar(count: i64, most: i64) -> Markup {
    html! {
        svg.hour viewBox="0 0 100 8" width="100" height="8" preserveAspectRatio="none" aria-hidden="true" {
            rect.full width=(count * 100 / most) height="8" {}
        }
    }
}
