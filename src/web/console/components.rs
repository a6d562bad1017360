//! The parts that pages are made of. Each draws plain values; none reads anything by itself.

use maud::{Markup, html};

use crate::domain::card::{CardStatus, Channels};
use crate::domain::delivery::Channel;
use crate::web::console::words::common::Common;

/// What a badge, an alert or a timeline mark says by its colour; the words beside it say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Neutral,
    Good,
    Notice,
    Bad,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Notice => "notice",
            Self::Bad => "bad",
        }
    }
}

pub fn badge(tone: Tone, text: &str) -> Markup {
    html! { span.badge.(tone.class()) { (text) } }
}

/// The status of a card as it is stored.
pub fn status_badge(words: &Common, status: CardStatus) -> Markup {
    let tone = match status {
        CardStatus::Pending => Tone::Notice,
        CardStatus::Installed => Tone::Good,
        CardStatus::Removed => Tone::Neutral,
        CardStatus::Void => Tone::Bad,
    };
    badge(tone, words.status(status))
}

/// "2 ready", or nothing.
pub fn rewards_badge(words: &Common, rewards: i64) -> Markup {
    html! {
        @if rewards > 0 {
            span.badge.reward { (icon("gift")) ((words.ready)(rewards)) }
        }
    }
}

/// Where the card is on phones.
pub fn platforms(words: &Common, channels: Channels) -> Markup {
    let names: Vec<&str> = Channel::ALL
        .into_iter()
        .filter(|channel| channels.contains(*channel))
        .map(|channel| words.channel(channel))
        .collect();
    let said = match names.as_slice() {
        [] => words.on_no_phone.to_owned(),
        names => names.join(", "),
    };
    html! { span.muted { (said) } }
}

/// Punches towards the goal: dots while they can be counted at a glance, a bar beyond.
pub fn progress(words: &Common, punches: i64, goal: i64) -> Markup {
    const MOST_DOTS: i64 = 12;
    html! {
        span.progress {
            @if goal <= MOST_DOTS {
                svg.dots viewBox=(format!("0 0 {} 8", goal * 11 - 3)) width=(goal * 11 - 3) height="8" aria-hidden="true" {
                    @for at in 0..goal {
                        circle.(if at < punches { "full" } else { "open" }) cx=(at * 11 + 4) cy="4" r="3.5" {}
                    }
                }
            } @else {
                svg.bar viewBox="0 0 100 8" width="100" height="8" preserveAspectRatio="none" aria-hidden="true" {
                    rect.open width="100" height="8" rx="4" {}
                    rect.full width=((punches * 100 / goal.max(1)).clamp(0, 100)) height="8" rx="4" {}
                }
            }
            span.count { ((words.punches_of)(punches, goal)) }
        }
    }
}

/// A labelled input with the reason why its value was not taken.
pub struct Field<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub kind: &'a str,
    pub value: &'a str,
    pub autocomplete: &'a str,
    pub focused: bool,
    pub error: Option<&'a str>,
}

pub fn field(field: &Field<'_>) -> Markup {
    let problem = format!("{}-problem", field.name);
    html! {
        div.field {
            label for=(field.name) { (field.label) }
            input #(field.name) name=(field.name) type=(field.kind) value=[Some(field.value).filter(|v| !v.is_empty())]
                autocomplete=(field.autocomplete) required autofocus[field.focused]
                aria-invalid=[field.error.map(|_| "true")]
                aria-describedby=[field.error.map(|_| problem.as_str())];
            @if let Some(error) = field.error { p.problem id=(problem) { (error) } }
        }
    }
}

/// A sentence that stays on the page until it is dealt with.
pub fn alert(tone: Tone, text: &str) -> Markup {
    html! {
        div.alert.(tone.class()) role="alert" { (icon(if tone == Tone::Good { "check" } else { "notice" })) p { (text) } }
    }
}

/// A sentence about what was just done, with a form that undoes it where that can be.
pub fn toast(text: &str, undo: Option<&Markup>) -> Markup {
    html! {
        div.toast role="status" data-toast {
            (icon("check")) p { (text) }
            @if let Some(undo) = undo { (undo) }
        }
    }
}

/// What stands where rows would be: what is (not) here, and the way on.
pub fn empty(title: &str, text: &str, way: Option<(&str, &str)>) -> Markup {
    html! {
        div.empty {
            svg viewBox="0 0 120 72" width="120" height="72" aria-hidden="true" {
                rect.back x="22" y="4" width="76" height="48" rx="8" {}
                rect.front x="12" y="16" width="96" height="52" rx="9" {}
                @for at in 0..5_i64 { circle.hole cx=(28 + at * 16) cy="50" r="5" {} }
                path.line d="M24 31h34" {}
            }
            h2 { (title) }
            p { (text) }
            @if let Some((href, label)) = way { a.button.secondary href=(href) { (label) } }
        }
    }
}

/// The first letters of the first and the last name.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect()
}

/// A drawing of 20 by 20 in the colour of the text beside it.
pub fn icon(name: &str) -> Markup {
    let path = match name {
        "cards" => "M3.5 6.5h13v9h-13zM5.5 4h9M7 12.5h3",
        "gift" => {
            "M3.5 8h13v3h-13zM5 11v5.5h10V11M10 8v8.5M10 8C6 8 6 3.8 8 3.8S10 8 10 8s0-4.2 2-4.2S14 8 10 8"
        }
        "check" => "M4 10.5 8.2 15 16 5.5",
        "notice" => "M10 5.5v6M10 14.2v.3M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Z",
        "undo" => "M7.5 4 4 7.5 7.5 11M4 7.5h7.5a4.5 4.5 0 0 1 0 9H7",
        "stop" => "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15ZM5 5l10 10",
        "phone" => "M6 2.5h8v15H6zM9 15h2",
        "tap" => {
            "M6 13.5a5 5 0 0 1 0-7M9 12a2.8 2.8 0 0 1 0-4M14 4.5a8 8 0 0 1 0 11M11.5 7a4.2 4.2 0 0 1 0 6"
        }
        "scan" => "M3 6.5V3h3.5M13.5 3H17v3.5M17 13.5V17h-3.5M6.5 17H3v-3.5M6.5 7v6M9 7v6M11 7v6M13.5 7v6",
        "push" => "M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1.5 1.5H4zM8.5 17h3",
        "chevron" => "m6 8 4 4 4-4",
        "left" => "m12 5-5 5 5 5",
        "right" => "m8 5 5 5-5 5",
        "copy" => "M7 7h9v9.5H7zM13 7V3.5H4V13h3",
        "leave" => "M12 4V3H4v14h8v-1M8 10h9M14 7l3 3-3 3",
        "people" => {
            "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.5c0-3 2.4-5 5.5-5s5.5 2 5.5 5M13 3.8a3 3 0 0 1 0 5.4M15 12c1.8.7 3 2.3 3 4.5"
        }
        "segments" => "M3 4.5h14l-5.5 6.5v5L8.5 14.5V11L3 4.5Z",
        "jobs" => "M4 5h9M4 10h6M4 15h4M16 9v6m0 0-2.5-2.5M16 15l2.5-2.5",
        "tools" => "M3.5 5.5h7M14 5.5h2.5M3.5 14.5H6M9.5 14.5h7M12.2 3.5v4M7.8 12.5v4",
        "settings" => {
            "M10 12.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM10 2.5v2.2M10 15.3v2.2M2.5 10h2.2M15.3 10h2.2M4.7 4.7l1.5 1.5M13.8 13.8l1.5 1.5M15.3 4.7l-1.5 1.5M6.2 13.8l-1.5 1.5"
        }
        "find" => "M8.8 14.6a5.8 5.8 0 1 0 0-11.6 5.8 5.8 0 0 0 0 11.6ZM13 13l4 4",
        "close" => "m5 5 10 10M15 5 5 15",
        "pencil" => "M4 16l.8-3.2L13.5 4l2.5 2.5-8.8 8.7L4 16Z",
        "star" => "m10 3 2.1 4.5 4.9.6-3.6 3.4.9 4.9-4.3-2.4-4.3 2.4.9-4.9L3 8.1l4.9-.6L10 3Z",
        "bell" => "M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1.5 1.5H4zM8.5 17h3",
        "bell-off" => "M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1.5 1.5H4zM8.5 17h3M3 3l14 14",
        "more" => {
            "M4.1 10a.4.4 0 1 0 .8 0 .4.4 0 0 0-.8 0ZM9.6 10a.4.4 0 1 0 .8 0 .4.4 0 0 0-.8 0ZM15.1 10a.4.4 0 1 0 .8 0 .4.4 0 0 0-.8 0Z"
        }
        "link" => {
            "M8.5 11.5a3 3 0 0 0 4.2 0l3-3a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0l-3 3a3 3 0 0 0 4.2 4.2l1-1"
        }
        "mail" => "M3 5h14v10.5H3zM3.5 5.5 10 11l6.5-5.5",
        "download" => "M10 3v9m0 0-3.5-3.5M10 12l3.5-3.5M4 16.5h12",
        "upload" => "M10 12V3m0 0L6.5 6.5M10 3l3.5 3.5M4 16.5h12",
        "plus" => "M10 4v12M4 10h12",
        _ => "M10 10h.1",
    };
    html! {
        svg.icon viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" { path d=(path) {} }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_taken_from_both_ends_of_a_name() {
        assert_eq!(initials("Ada King Lovelace"), "AL");
        assert_eq!(initials("øyvind"), "Ø");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn text_from_outside_is_escaped() {
        let shown = alert(Tone::Bad, "<script>alert(1)</script>").into_string();
        assert!(!shown.contains("<script"), "{shown}");
    }
}
