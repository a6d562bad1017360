//! What staff write beside a person: notes and tags. A note carries an id that its form drew, so that sent twice it is one.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Held, Tab, open, page};
use crate::domain::access::Action;
use crate::domain::id::NoteId;
use crate::domain::note::{NoteText, Tag, Writer};
use crate::ops::customers::{CustomerError, NoteError};
use crate::store::notes::Note;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

/// A form of this tab as it was filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// The id of the new note.
    key: String,
    text: String,
    add: String,
    remove: String,
    #[serde(rename = "in")]
    within: Option<String>,
}

/// What was typed and not taken.
#[derive(Clone, Copy, Default)]
struct Kept<'t> {
    problem: Option<&'static str>,
    /// The note that is edited; none for a new one.
    note: Option<NoteId>,
    text: &'t str,
    tag: &'t str,
}

/// `GET /console/cards/{card_id}/notes`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    Ok(view(&web, &screen, &held, &Kept::default()))
}

/// `POST /console/cards/{card_id}/notes`
pub async fn add(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let held = held(&web, &screen, &card, &typed).await?;
    let id = typed.key.parse::<NoteId>();
    let id = id.unwrap_or_else(|_| NoteId(web.ops.ids.next(screen.now)));
    let result = match NoteText::parse(&typed.text) {
        Ok(text) => {
            let (merchant, customer) = (screen.member.merchant, held.profile.person.customer.id);
            let writer = writer(&screen);
            let added = web.ops.add_note_once(merchant, customer, id, text, writer).await;
            added.map(|_| ())
        }
        Err(error) => Err(CustomerError::from(error).into()),
    };
    let kept = Kept {
        text: &typed.text,
        ..Kept::default()
    };
    answer(&web, &screen, &held, kept, result, "note")
}

/// `POST /console/cards/{card_id}/notes/{note_id}`
pub async fn change(
    State(web): State<Web>,
    screen: Screen,
    Path((card, note)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let note: NoteId = note.parse().map_err(|_| ApiError::NotFound)?;
    let held = held(&web, &screen, &card, &typed).await?;
    let result = match NoteText::parse(&typed.text) {
        Ok(text) => {
            let (merchant, customer) = (screen.member.merchant, held.profile.person.customer.id);
            web.ops
                .edit_note(merchant, customer, note, text, writer(&screen))
                .await
        }
        Err(error) => Err(CustomerError::from(error).into()),
    };
    let kept = Kept {
        note: Some(note),
        text: &typed.text,
        ..Kept::default()
    };
    answer(&web, &screen, &held, kept, result, "note")
}

/// `POST /console/cards/{card_id}/notes/{note_id}/delete`
pub async fn delete(
    State(web): State<Web>,
    screen: Screen,
    Path((card, note)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let note: NoteId = note.parse().map_err(|_| ApiError::NotFound)?;
    let held = held(&web, &screen, &card, &typed).await?;
    let (merchant, customer) = (screen.member.merchant, held.profile.person.customer.id);
    let result = web
        .ops
        .delete_note(merchant, customer, note, writer(&screen))
        .await;
    answer(&web, &screen, &held, Kept::default(), result, "note-deleted")
}

/// `POST /console/cards/{card_id}/tags`
pub async fn tag(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let held = held(&web, &screen, &card, &typed).await?;
    let read = |text: &str| match text.trim() {
        "" => Ok(Vec::new()),
        text => Tag::parse(text).map(|tag| vec![tag]),
    };
    let result = match (read(&typed.add), read(&typed.remove)) {
        (Ok(add), Ok(remove)) => {
            let (merchant, customer) = (screen.member.merchant, held.profile.person.customer.id);
            let actor = screen.member.actor();
            let tagged = web.ops.tag_customer(merchant, customer, add, remove, actor).await;
            tagged.map(|_| ()).map_err(NoteError::from)
        }
        (Err(error), _) | (_, Err(error)) => Err(CustomerError::from(error).into()),
    };
    let kept = Kept {
        tag: &typed.add,
        ..Kept::default()
    };
    answer(&web, &screen, &held, kept, result, "tags")
}

async fn held(web: &Web, screen: &Screen, card: &str, typed: &Typed) -> Result<Held, ApiError> {
    let place = Place {
        within: typed.within.clone(),
        done: None,
    };
    open(web, screen, card, &place).await
}

fn writer(screen: &Screen) -> Writer {
    Writer::Member(screen.member.id, screen.member.role)
}

fn answer(
    web: &Web,
    screen: &Screen,
    held: &Held,
    kept: Kept<'_>,
    result: Result<(), NoteError>,
    word: &str,
) -> Result<Response, ApiError> {
    let people = &screen.words.people;
    let (problem, refusal) = match result {
        Ok(()) => {
            let next = held.way.with(Tab::Notes.part(), &[("done", word)]);
            return Ok(Redirect::to(&next).into_response());
        }
        Err(NoteError::Store(error) | NoteError::Customer(CustomerError::Store(error))) => {
            return Err(error.into());
        }
        Err(NoteError::NotFound) => (people.note_gone, ApiError::Conflict(String::new())),
        Err(NoteError::NotYours) => (people.not_yours, ApiError::Forbidden(String::new())),
        Err(NoteError::Customer(CustomerError::Field(error))) => {
            let said = match (error.code, error.field.as_ref()) {
                ("too_many", _) => people.too_many,
                (_, "tag") => people.tag_wrong,
                _ => people.note_wrong,
            };
            (said, ApiError::BadRequest(String::new()))
        }
        Err(NoteError::Customer(CustomerError::Erased)) => (people.erased, ApiError::Conflict(String::new())),
        Err(NoteError::Customer(error)) => return Err(error.into()),
    };
    let kept = Kept {
        problem: Some(problem),
        ..kept
    };
    Ok((refusal.status(), view(web, screen, held, &kept)).into_response())
}

fn view(web: &Web, screen: &Screen, held: &Held, kept: &Kept<'_>) -> Markup {
    let people = &screen.words.people;
    let may = screen.may(Action::EditCustomers) && !held.is_erased();
    let within =
        html! { @if let Some(within) = held.way.within() { input type="hidden" name="in" value=(within); } };
    let new_text = if kept.note.is_none() { kept.text } else { "" };
    let content = html! {
        @if let Some(problem) = kept.problem { (alert(Tone::Bad, problem)) }
        div.stack {
            section.panel aria-labelledby="tags-title" {
                div.panel-head { h2 #tags-title { (people.tags) } }
                @if held.profile.person.tags.is_empty() { p.panel-note.muted { (people.no_tags) } }
                ul.tags {
                    @for tag in &held.profile.person.tags {
                        li {
                            span.chip {
                                (tag)
                                @if may {
                                    form method="post" action=(held.way.to("/tags")) data-once {
                                        (within)
                                        input type="hidden" name="remove" value=(tag);
                                        button.icon-button type="submit" aria-label=((people.remove_tag)(tag)) { (icon("close")) }
                                    }
                                }
                            }
                        }
                    }
                }
                @if may {
                    form.filter-row method="post" action=(held.way.to("/tags")) data-once data-guard {
                        (within)
                        label for="add" { (people.add_tag) }
                        input #add name="add" type="text" required maxlength="40" autocomplete="off" value=(kept.tag);
                        button.button.secondary type="submit" { (icon("plus")) (people.add) }
                    }
                }
            }
            section.panel aria-labelledby="notes-title" {
                div.panel-head { h2 #notes-title { (people.notes) } }
                @if may {
                    form.note-form method="post" action=(held.way.to("/notes")) data-once data-guard {
                        (within)
                        input type="hidden" name="key" value=(NoteId(web.ops.ids.next(screen.now)));
                        div.field {
                            label for="text" { (people.new_note) }
                            textarea #text name="text" rows="3" required aria-describedby="note-hint" { (new_text) }
                            p #note-hint .hint { (people.note_hint) }
                        }
                        button.button.primary type="submit" { (people.save_note) }
                    }
                }
                @if held.profile.person.notes.is_empty() { p.muted.quiet { (people.no_notes) } }
                ul.list { @for note in &held.profile.person.notes { (one(screen, held, note, kept, &within)) } }
            }
        }
    };
    page(screen, held, Tab::Notes, &content)
}

fn one(screen: &Screen, held: &Held, note: &Note, kept: &Kept<'_>, within: &Markup) -> Markup {
    let people = &screen.words.people;
    let writer = writer(screen);
    let may = screen.may(Action::EditCustomers) && !held.is_erased();
    let part = format!("/notes/{}", note.id);
    let who = note.author_name.as_deref().unwrap_or(people.operator);
    let id = format!("note-{}", note.id);
    let is_open = kept.note == Some(note.id);
    html! {
        li.note {
            p.note-text { (note.text) }
            p.muted {
                (who) ", " (screen.time(note.created_at))
                @if note.edited_at.is_some() { ", " (people.note_edited) }
            }
            @if may && writer.may_edit(note.author) {
                details open[is_open] {
                    summary { (people.edit_note) }
                    form.note-form method="post" action=(held.way.to(&part)) data-once data-guard {
                        (within)
                        div.field {
                            label for=(id) { (people.edit_note) }
                            textarea id=(id) name="text" rows="3" required { (if is_open { kept.text } else { &note.text }) }
                        }
                        button.button.secondary type="submit" { (people.save_note) }
                    }
                }
            }
            @if may && writer.may_delete(note.author) {
                form method="post" action=(held.way.to(&format!("{part}/delete"))) data-once {
                    (within)
                    button.link-button type="submit" { (people.delete_note) }
                }
            }
        }
    }
}
