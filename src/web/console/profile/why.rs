//! Why the card rang or did not, and when it may ring next, in plain words.

use maud::{Markup, html};

use crate::domain::budget::{Decision, Ruling};
use crate::ops::pushes::Why;
use crate::web::console::screen::Screen;
use crate::web::console::timeline::time_text;

/// Lines of each channel.
const LINES: usize = 5;

pub(super) fn section(screen: &Screen, why: &Why) -> Markup {
    let words = &screen.words.profile;
    html! {
        section #why .panel aria-labelledby="why-title" {
            div.panel-head { h2 #why-title { (words.why) } }
            @if why.channels.is_empty() { p.muted.quiet { (words.why_nowhere) } }
            @for of in &why.channels {
                h3.panel-note { (screen.words.common.channel(of.channel)) }
                dl.details {
                    @for (class, ruling) in &of.next {
                        div { dt { (words.class(*class)) } dd { (next(screen, ruling, why)) } }
                    }
                }
                @if !of.rulings.is_empty() {
                    ul.quiet {
                        @for noted in of.rulings.iter().take(LINES) {
                            li { (screen.time(noted.decided_at)) " " (screen.words.language.ruling(&noted.ruling, &why.zone)) }
                        }
                    }
                }
            }
        }
    }
}

fn next(screen: &Screen, ruling: &Ruling, why: &Why) -> String {
    let words = &screen.words.profile;
    let reason = screen.words.language.rule(&ruling.rule, &why.zone);
    match ruling.decision {
        Decision::SendNow => words.may_ring.to_owned(),
        Decision::Defer { until } => (words.rings_from)(&time_text(screen, until), &reason),
        Decision::Suppress | Decision::Merge | Decision::Hold => (words.rings_not)(&reason),
    }
}
