//! Every part that pages are made of, on one page, for whoever builds or looks at the console. Not shown over TLS, where
//! merchants are.

use axum::extract::State;
use maud::{Markup, html};

use crate::domain::card::{CardStatus, Channels};
use crate::domain::delivery::Channel;
use crate::web::Web;
use crate::web::console::components::{
    Field, Tone, alert, badge, empty, field, icon, platforms, progress, rewards_badge, status_badge,
};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

const ICONS: [&str; 34] = [
    "cards", "gift", "check", "notice", "undo", "stop", "phone", "tap", "scan", "push", "chevron", "left",
    "right", "copy", "leave", "plus", "people", "segments", "jobs", "tools", "settings", "find", "close",
    "pencil", "star", "bell", "bell-off", "more", "link", "mail", "download", "upload", "left", "right",
];
const TONES: [(Tone, &str); 4] = [
    (Tone::Neutral, "Neutral"),
    (Tone::Good, "Good"),
    (Tone::Notice, "Notice"),
    (Tone::Bad, "Bad"),
];

/// `GET /console/styleguide`
pub async fn show(State(web): State<Web>, screen: Screen) -> Result<Markup, ApiError> {
    if web.is_https() {
        return Err(ApiError::NotFound);
    }
    let content = html! {
        div.page-head { h1 { "Style guide" } p.muted { "Parts that pages are made of." } }
        div.stack {
            (group("Buttons", &buttons()))
            (group("Badges and alerts", &badges(&screen)))
            (group("Icons", &html! { div.row { @for name in ICONS { (icon(name)) } } }))
            (group("Chips and tabs", &chips()))
            (group("Form", &form()))
            (group("Table", &table(&screen)))
            (group("Figures and details", &figures(&screen)))
            (group("Dialog, toast, alarm", &html! {
                div.row { a.button.secondary href="/console/styleguide/dialog" data-modal { "Open a dialog" } kbd { "Ctrl K" } kbd { "?" } }
            }))
            (empty("Nothing here yet", "What is empty says what would be here and how to begin.", Some(("#", "Begin"))))
        }
    };
    Ok(screen.page(Section::Settings, "Style guide", &content))
}

/// `GET /console/styleguide/dialog`
pub async fn dialog(State(web): State<Web>, screen: Screen) -> Result<Markup, ApiError> {
    if web.is_https() {
        return Err(ApiError::NotFound);
    }
    let content = html! {
        form.panel method="get" action="/console/styleguide" data-guard {
            h1 { "A dialog" }
            p.hint { "The same form is a page without the script." }
            (text_field("Name", None))
            div.dialog-foot {
                a.button.secondary href="/console/styleguide" data-close { (screen.words.common.cancel) }
                button.button.primary type="submit" { (screen.words.common.save) }
            }
        }
    };
    Ok(screen.page(Section::Settings, "A dialog", &content))
}

fn group(title: &str, content: &Markup) -> Markup {
    html! { section.panel.sheet { h2 { (title) } (content) } }
}

fn buttons() -> Markup {
    html! {
        div.row {
            button.button.primary type="button" { "Primary" }
            button.button.secondary type="button" { (icon("undo")) "Secondary" }
            button.button.danger type="button" { "Danger" }
            button.button.quiet-danger type="button" { "Quiet danger" }
            button.button.primary type="button" aria-busy="true" { "Busy" }
            button.icon-button type="button" aria-label="Copy" { (icon("copy")) }
        }
    }
}

fn badges(screen: &Screen) -> Markup {
    let words = &screen.words.common;
    html! {
        div.row {
            @for (tone, name) in TONES { (badge(tone, name)) }
            @for status in [CardStatus::Pending, CardStatus::Installed, CardStatus::Removed, CardStatus::Void] { (status_badge(words, status)) }
            (rewards_badge(words, 2))
        }
        @for (tone, name) in TONES { (alert(tone, name)) }
    }
}

fn chips() -> Markup {
    html! {
        nav.filters aria-label="Chips" {
            a.chip href="#" aria-current="true" { "Chosen" span.chip-count { "12" } }
            a.chip href="#" { "Other" span.chip-count { "1,234" } }
        }
        nav.tabs aria-label="Tabs" { a href="#" aria-current="page" { "One" } a href="#" { "Two" } a href="#" { "Three" } }
    }
}

fn text_field(label: &str, error: Option<&str>) -> Markup {
    let name = if error.is_some() { "wrong" } else { "right" };
    field(&Field {
        name,
        label,
        kind: "text",
        value: "Ada Lovelace",
        autocomplete: "off",
        focused: false,
        error,
    })
}

fn form() -> Markup {
    html! {
        div.fields {
            (text_field("A field", None))
            (text_field("A field with a mistake", Some("Expected a whole number; got “Ada Lovelace”.")))
        }
        label.check { input type="checkbox" checked; span { "A choice" } }
        progress.meter max="100" value="38" aria-label="A meter" {}
    }
}

fn table(screen: &Screen) -> Markup {
    html! {
        div.panel.table-panel {
            table.table {
                thead { tr { th scope="col" aria-sort="descending" { "Name" } th scope="col" { "Progress" } th scope="col" { "When" } } }
                tbody {
                    @for (name, punches) in [("Ada Lovelace", 3), ("Grace Hopper", 9)] {
                        tr {
                            th scope="row" data-label="Name" { a.row-link href="#" { (name) } span.under { (platforms(&screen.words.common, Channels::NONE.with(Channel::Apple))) } }
                            td data-label="Progress" { (progress(&screen.words.common, punches, 10)) }
                            td data-label="When" { (screen.time(screen.now)) }
                        }
                    }
                }
            }
        }
    }
}

fn figures(screen: &Screen) -> Markup {
    html! {
        div.figures {
            div.figure { span.figure-label { "Number" } span.figure-value { (screen.number(12_345)) } }
            div.figure { span.figure-label { "Of a goal" } span.figure-value { "3" small { " of 10" } } }
            div.figure { span.figure-label { "Day" } span.figure-value.small { (screen.day(screen.now)) } }
        }
        dl.details { div { dt { "A name" } dd { "A value" } } div { dt { "Another" } dd { code { "0123456789" } } } }
    }
}
