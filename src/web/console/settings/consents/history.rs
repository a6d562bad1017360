//! Every version of what is said, since when, by whom, and how many agreed by its words.

use maud::{Markup, html};

use super::{Shown, address};
use crate::domain::consent::Purpose;
use crate::domain::consent_words::{ConsentWords, WordsVersion};
use crate::ops::consent_words::WordsHistory;
use crate::web::console::components::{Tone, badge};
use crate::web::console::screen::Screen;
use crate::web::console::words::Language;
use crate::web::console::words::apart::apart;

pub(super) fn section(screen: &Screen, shown: &Shown, now: &WordsVersion, history: &WordsHistory) -> Markup {
    let said = &screen.words.consents;
    let last = history.versions.last().map(|listed| listed.made.of.version);
    html! {
        section.panel aria-labelledby="history-title" {
            div.panel-head { h2 #history-title { (said.history) } }
            p.panel-note.muted { (said.history_hint) }
            ul.list {
                @for listed in &history.versions {
                    @let version = listed.made.of.version;
                    li {
                        (named(screen, version, now))
                        span.push.muted {
                            (said.since) " " (screen.time(listed.made.at)) ", "
                            @match &listed.by_name {
                                Some(name) => ((said.by)(&apart(name.clone()))),
                                None => (said.by_operator),
                            }
                        }
                        (agreed(screen, history, version))
                        (words(screen, version, &listed.made.of.words))
                    }
                }
                @if !history.has_more {
                    li {
                        (named(screen, 0, now))
                        span.push.muted { (said.from_the_start) }
                        (agreed(screen, history, 0))
                    }
                }
            }
            @if shown.before.is_some() || history.has_more {
                nav.row.panel-note aria-labelledby="history-title" {
                    @if shown.before.is_some() { a.button.secondary href=(address(shown.language)) { (said.newest) } }
                    @if let Some(last) = last.filter(|_| history.has_more) {
                        a.button.secondary href=(format!("{}&before={last}", address(shown.language))) { (said.older) }
                    }
                }
            }
        }
    }
}

fn named(screen: &Screen, version: i64, now: &WordsVersion) -> Markup {
    let said = &screen.words.consents;
    html! {
        strong { ((said.version)(version)) }
        @if version == now.version { " " (badge(Tone::Good, said.is_current)) }
    }
}

fn agreed(screen: &Screen, history: &WordsHistory, version: i64) -> Markup {
    let said = &screen.words.consents;
    let counted: Vec<_> = history
        .agreed
        .iter()
        .filter(|agreed| agreed.version == version)
        .collect();
    html! {
        p.comment {
            @if counted.is_empty() { span.muted { (said.nobody) } }
            @for (at, agreed) in counted.iter().enumerate() {
                @if at > 0 { " · " }
                (screen.words.profile.purpose(agreed.purpose)) ": " ((said.agreed)(agreed.people))
            }
        }
    }
}

/// All that a version says of its own.
fn words(screen: &Screen, version: i64, words: &ConsentWords) -> Markup {
    let said = &screen.words.consents;
    html! {
        details.comment {
            summary { (said.look_at_words) span.visually-hidden { ": " ((said.version)(version)) } }
            @if words.languages.values().all(|said| said.sentences.is_empty()) { p.muted { (said.standard_everywhere) } }
            dl.details {
                @for language in Language::ALL {
                    @for purpose in Purpose::ALL {
                        @if let Some(sentence) = words.sentence(language.as_str(), purpose) {
                            div.wide {
                                dt { (screen.words.profile.purpose(purpose)) ", " (said.language_named(language)) }
                                dd lang=(language.as_str()) { (sentence) }
                            }
                        }
                    }
                    @if let Some(privacy) = words.privacy(language.as_str()) {
                        div.wide { dt { (said.privacy_notice) ", " (said.language_named(language)) } dd { a href=(privacy) rel="noreferrer" { (privacy) } } }
                    }
                }
                @if let Some(who) = words.who_asks() { div.wide { dt { (said.about) } dd { (who) } } }
            }
        }
    }
}
