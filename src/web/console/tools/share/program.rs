//! The page of one program's link: to copy, to scan, to download, with campaign words, and what its page asks.

use axum::extract::{Path, Query, RawQuery, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, arrival, came, link, open, settings, state};
use crate::domain::access::Action;
use crate::domain::join::{Admission, Arrival};
use crate::domain::joins::Joins;
use crate::ops::join_pages::JoinSheet;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::pass::qr_path;
use crate::web::console::people::fields::Wrong;
use crate::web::console::profile::information::copyable;
use crate::web::console::screen::Screen;
use crate::web::console::tools::crumbs;
use crate::web::error::ApiError;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Place {
    done: Option<String>,
}

/// `GET /console/tools/share/{program_id}?utm_source=`
pub(super) async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(program): Path<String>,
    Query(place): Query<Place>,
    RawQuery(query): RawQuery,
) -> Result<Markup, ApiError> {
    screen.require(Action::ShareLinks)?;
    let sheet = open(&web, &screen, &program).await?;
    let done = place.done.as_deref() == Some("saved");
    let chosen = settings::Chosen::of(&sheet.page);
    let joins = came::joins(&web, &screen, &sheet).await?;
    let shown = Shown {
        arrival: &arrival(query),
        joins: &joins,
        chosen: &chosen,
        wrong: None,
        done,
    };
    Ok(draw(&web, &screen, &sheet, &shown))
}

/// What stands on the page of a program.
pub(super) struct Shown<'a> {
    pub(super) arrival: &'a Arrival,
    pub(super) joins: &'a Joins,
    /// What the form says, and why it was not taken.
    pub(super) chosen: &'a settings::Chosen,
    pub(super) wrong: Option<&'a Wrong>,
    pub(super) done: bool,
}

pub(super) fn draw(web: &Web, screen: &Screen, sheet: &JoinSheet, shown: &Shown<'_>) -> Markup {
    let said = &screen.words.share;
    let program = &sheet.of.program;
    let is_archived = program.archived_at.is_some();
    let content = html! {
        @if shown.done { (toast(said.saved, None)) }
        (crumbs(screen, Some(("/console/tools/share", said.title))))
        div.page-head { h1 { (program.name) } (state(screen, is_archived, sheet.page.admission)) }
        @if is_archived { (alert(Tone::Notice, said.archived_text)) }
        @else if sheet.page.admission != Admission::Open {
            (alert(Tone::Notice, if screen.may(Action::EditPrograms) { said.not_open } else { said.not_open_ask }))
        }
        div.stack {
            (shared(web, screen, sheet, shown.arrival))
            (came::section(screen, shown.joins))
            @if screen.may(Action::EditPrograms) { (settings::form(web, screen, sheet, shown.chosen, shown.wrong)) }
        }
    };
    screen.page(Section::Tools, &program.name, &content)
}

fn shared(web: &Web, screen: &Screen, sheet: &JoinSheet, arrival: &Arrival) -> Markup {
    let said = &screen.words.share;
    let here = address(sheet.of.program.id);
    let link = link(web, sheet, arrival);
    let query = arrival.to_query();
    let words = arrival.utm.words();
    let named = [
        ("source", said.utm_source, Some(said.utm_source_hint)),
        ("medium", said.utm_medium, Some(said.utm_medium_hint)),
        ("campaign", said.utm_campaign, None),
        ("content", said.utm_content, None),
        ("term", said.utm_term, None),
    ];
    html! {
        section.panel #shared aria-labelledby="shared-title" {
            div.panel-head { h2 #shared-title { (said.link) } a href=(link) rel="noopener" target="_blank" { (said.look) } }
            div.shared {
                @if let Some((size, path)) = qr_path(&link) {
                    div.pass-code {
                        svg viewBox=(format!("0 0 {size} {size}")) role="img" aria-label=(said.code) { path d=(path) {} }
                    }
                }
                div {
                    p { (copyable(screen, said.link, &link)) }
                    p.row {
                        a.button.secondary href=(format!("{here}/code.svg{query}")) download { (icon("download")) (said.as_svg) }
                        a.button.secondary href=(format!("{here}/code.png{query}")) download { (icon("download")) (said.as_png) }
                        a.button.secondary href=(format!("{here}/poster{query}")) { (said.poster) }
                    }
                    form method="get" action=(here) data-swap="shared" {
                        h3 { (said.campaign) }
                        p.hint { (said.campaign_text) }
                        div.fields {
                            @for (name, label, hint) in named {
                                @let id = format!("utm_{name}");
                                @let value = words.iter().find(|(word, _)| *word == name).and_then(|(_, value)| *value);
                                div.field {
                                    label for=(id) { (label) }
                                    input id=(id) name=(id) type="text" maxlength="100" autocomplete="off" value=[value]
                                        aria-describedby=[hint.map(|_| format!("{id}-hint"))];
                                    @if let Some(hint) = hint { p.hint id=(format!("{id}-hint")) { (hint) } }
                                }
                            }
                        }
                        button.button.secondary.after type="submit" { (said.apply) }
                    }
                }
            }
        }
    }
}
