//! What staff write beside a person: notes and tags, on the profile of a card or, for who has none, on the person's own
//! page. A note carries an id that its form drew, so that sent twice it is one.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Held, Tab, open, open_sent, page};
use crate::domain::access::Action;
use crate::domain::id::NoteId;
use crate::domain::note::{NoteText, Tag, Writer};
use crate::domain::profile::FieldError;
use crate::ops::customers::{CustomerError, CustomerSheet, NoteError};
use crate::store::notes::Note;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::people::show::Person;
use crate::web::console::screen::Screen;
use crate::web::console::way::{Place, Way};
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

impl Typed {
    pub fn within(&self) -> Option<&str> {
        self.within.as_deref()
    }
}

/// What was typed and not taken.
#[derive(Clone, Copy, Default)]
pub struct Kept<'t> {
    problem: Option<&'static str>,
    /// The note that is edited; none for a new one.
    note: Option<NoteId>,
    text: &'t str,
    tag: &'t str,
}

/// Whose notes they are, and the page that they stand on.
pub enum Of {
    Card(Box<Held>),
    Person(Box<Person>),
}

impl Of {
    fn sheet(&self) -> &CustomerSheet {
        match self {
            Self::Card(held) => &held.profile.person,
            Self::Person(person) => &person.sheet,
        }
    }

    fn way(&self) -> &Way {
        match self {
            Self::Card(held) => &held.way,
            Self::Person(person) => &person.way,
        }
    }

    fn page(&self, web: &Web, screen: &Screen, kept: &Kept<'_>) -> Markup {
        match self {
            Self::Card(held) => page(
                screen,
                held,
                Tab::Notes,
                &sections(web, screen, &held.way, self.sheet(), kept),
            ),
            Self::Person(person) => person.page(web, screen, kept),
        }
    }

    /// Where what was done is told.
    fn after(&self, word: &str) -> String {
        let part = match self {
            Self::Card(_) => Tab::Notes.part(),
            Self::Person(_) => "",
        };
        self.way().with(part, &[("done", word)])
    }
}

/// `GET /console/cards/{card_id}/notes`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    Ok(Of::Card(Box::new(held)).page(&web, &screen, &Kept::default()))
}

/// Something that is done to notes and tags.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    Add,
    Change(NoteId),
    Delete(NoteId),
    Tag,
}

impl Wish {
    /// Whether it is done to the note of a path.
    pub fn of_note(note: &str, wish: fn(NoteId) -> Self) -> Result<Self, ApiError> {
        note.parse().map(wish).map_err(|_| ApiError::NotFound)
    }
}

/// `POST /console/cards/{card_id}/notes`
pub async fn add(state: State<Web>, screen: Screen, Path(card): Path<String>, typed: Form<Typed>) -> Answer {
    of_card(state, screen, &card, typed, Ok(Wish::Add)).await
}

/// `POST /console/cards/{card_id}/notes/{note_id}`
pub async fn change(
    state: State<Web>,
    screen: Screen,
    Path((card, note)): Path<(String, String)>,
    typed: Form<Typed>,
) -> Answer {
    of_card(state, screen, &card, typed, Wish::of_note(&note, Wish::Change)).await
}

/// `POST /console/cards/{card_id}/notes/{note_id}/delete`
pub async fn delete(
    state: State<Web>,
    screen: Screen,
    Path((card, note)): Path<(String, String)>,
    typed: Form<Typed>,
) -> Answer {
    of_card(state, screen, &card, typed, Wish::of_note(&note, Wish::Delete)).await
}

/// `POST /console/cards/{card_id}/tags`
pub async fn tag(state: State<Web>, screen: Screen, Path(card): Path<String>, typed: Form<Typed>) -> Answer {
    of_card(state, screen, &card, typed, Ok(Wish::Tag)).await
}

type Answer = Result<Response, ApiError>;

async fn of_card(
    State(web): State<Web>,
    screen: Screen,
    card: &str,
    Form(typed): Form<Typed>,
    wish: Result<Wish, ApiError>,
) -> Answer {
    screen.require(Action::EditCustomers)?;
    let held = open_sent(&web, &screen, card, typed.within.as_deref()).await?;
    act(&web, &screen, &Of::Card(Box::new(held)), &typed, wish?).await
}

/// Does what a form asks for, and leads on or says why not, with what was typed.
pub async fn act(web: &Web, screen: &Screen, of: &Of, typed: &Typed, wish: Wish) -> Answer {
    let (merchant, customer) = (screen.member.merchant, of.sheet().customer.id);
    let writer = writer(screen);
    let unread = |error: FieldError| NoteError::from(CustomerError::from(error));
    let (result, word) = match wish {
        Wish::Add => {
            let id = typed.key.parse::<NoteId>();
            let id = id.unwrap_or_else(|_| NoteId(web.ops.ids.next(screen.now)));
            let result = match NoteText::parse(&typed.text) {
                Ok(text) => web.ops.add_note_once(merchant, customer, id, text, writer).await,
                Err(error) => Err(unread(error)),
            };
            (result.map(|_| ()), "note")
        }
        Wish::Change(note) => {
            let result = match NoteText::parse(&typed.text) {
                Ok(text) => web.ops.edit_note(merchant, customer, note, text, writer).await,
                Err(error) => Err(unread(error)),
            };
            (result, "note")
        }
        Wish::Delete(note) => {
            let result = web.ops.delete_note(merchant, customer, note, writer).await;
            (result, "note-deleted")
        }
        Wish::Tag => {
            let read = |text: &str| match text.trim() {
                "" => Ok(Vec::new()),
                text => Tag::parse(text).map(|tag| vec![tag]),
            };
            let result = match (read(&typed.add), read(&typed.remove)) {
                (Ok(add), Ok(remove)) => {
                    let actor = screen.member.actor();
                    let tagged = web.ops.tag_customer(merchant, customer, add, remove, actor).await;
                    tagged.map(|_| ()).map_err(NoteError::from)
                }
                (Err(error), _) | (_, Err(error)) => Err(unread(error)),
            };
            (result, "tags")
        }
    };
    let kept = Kept {
        problem: None,
        note: match wish {
            Wish::Change(note) => Some(note),
            _ => None,
        },
        text: &typed.text,
        tag: &typed.add,
    };
    let people = &screen.words.people;
    let (problem, refusal) = match result {
        Ok(()) => return Ok(Redirect::to(&of.after(word)).into_response()),
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
    Ok((refusal.status(), of.page(web, screen, &kept)).into_response())
}

fn writer(screen: &Screen) -> Writer {
    Writer::Member(screen.member.id, screen.member.role)
}

/// Tags and notes with their forms, which are sent to parts of `way`.
pub fn sections(web: &Web, screen: &Screen, way: &Way, sheet: &CustomerSheet, kept: &Kept<'_>) -> Markup {
    let people = &screen.words.people;
    let may = screen.may(Action::EditCustomers) && sheet.customer.erased_at.is_none();
    let within =
        html! { @if let Some(within) = way.within() { input type="hidden" name="in" value=(within); } };
    let new_text = if kept.note.is_none() { kept.text } else { "" };
    html! {
        @if let Some(problem) = kept.problem { (alert(Tone::Bad, problem)) }
        div.stack {
            section.panel aria-labelledby="tags-title" {
                div.panel-head { h2 #tags-title { (people.tags) } }
                @if sheet.tags.is_empty() { p.panel-note.muted { (people.no_tags) } }
                ul.tags {
                    @for tag in &sheet.tags {
                        li {
                            span.chip {
                                (tag)
                                @if may {
                                    form method="post" action=(way.to("/tags")) data-once {
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
                    form.filter-row method="post" action=(way.to("/tags")) data-once data-guard {
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
                    form.note-form method="post" action=(way.to("/notes")) data-once data-guard {
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
                @if sheet.notes.is_empty() { p.muted.quiet { (people.no_notes) } }
                ul.list { @for note in &sheet.notes { (one(screen, (way, may), note, kept, &within)) } }
            }
        }
    }
}

fn one(screen: &Screen, (way, may): (&Way, bool), note: &Note, kept: &Kept<'_>, within: &Markup) -> Markup {
    let people = &screen.words.people;
    let writer = writer(screen);
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
                    form.note-form method="post" action=(way.to(&part)) data-once data-guard {
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
                form method="post" action=(way.to(&format!("{part}/delete"))) data-once {
                    (within)
                    button.link-button type="submit" { (people.delete_note) }
                }
            }
        }
    }
}
