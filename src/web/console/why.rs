//! The part of a card's page that says why the card rang or did not, and when it may ring next, in plain words.

use maud::{Markup, html};

use crate::domain::budget::{Decision, Ruling};
use crate::domain::time::Timestamp;
use crate::ops::pushes::Why;
use crate::web::console::components::time;

/// Lines of each channel.
const LINES: usize = 5;

pub(super) fn section(why: &Why, now: Timestamp) -> Markup {
    html! {
        section #why .panel aria-labelledby="why-title" {
            div.panel-head { h2 #why-title { "Notifications" } }
            @if why.channels.is_empty() {
                p.muted.quiet { "This card is on no phone that can be reached." }
            }
            @for of in &why.channels {
                h3 { (of.channel.title()) }
                dl.details {
                    @for (class, ruling) in &of.next {
                        div { dt { (class.title()) } dd { (next(ruling, why, now)) } }
                    }
                }
                @if !of.rulings.is_empty() {
                    ul.quiet {
                        @for noted in of.rulings.iter().take(LINES) {
                            li { (time(noted.decided_at, &why.zone, now)) " " (noted.ruling.words(&why.zone)) }
                        }
                    }
                }
            }
        }
    }
}

fn next(ruling: &Ruling, why: &Why, now: Timestamp) -> Markup {
    let reason = ruling.rule.words(&why.zone);
    html! {
        @match ruling.decision {
            Decision::SendNow => "May ring now",
            Decision::Defer { until } => { "From " (time(until, &why.zone, now)) ": " (reason) }
            Decision::Suppress | Decision::Merge | Decision::Hold => { "Not: " (reason) }
        }
    }
}
