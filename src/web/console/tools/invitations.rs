//! Invitations: letters to pasted addresses, to the holders of chosen cards, and what became of all of them.

mod addresses;
mod cards;

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::{crumbs, open_programs, program_choice};
use crate::domain::access::Action;
use crate::domain::id::{InvitationId, ProgramId};
use crate::domain::invitation::{InvitationKind, InvitationState};
use crate::ops::invitations::{InviteError, MOST_ADDRESSES};
use crate::store::invitations::Invitation;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, badge, empty, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;
use crate::web::public::card_link;
use crate::web::refused::Refused;

/// Letters that the store gives out at once.
const PAGE: usize = 200;

/// The routes of invitations, to be nested at `/invitations`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(list).post(invite))
        .route("/cards", get(cards::ask).post(cards::send))
}

#[derive(Debug, Default, Deserialize)]
struct Place {
    before: Option<String>,
    done: Option<String>,
}

/// The form as it was filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    program: String,
    addresses: String,
}

/// To whom, what became of it, and whether it was good.
struct Answer {
    whom: String,
    text: String,
    is_good: bool,
}

/// What stands on the page besides the letters.
#[derive(Default)]
struct News<'a> {
    notice: Option<Markup>,
    typed: Option<&'a Typed>,
    /// A field by its name, and why it was not taken.
    problem: Option<(&'static str, String)>,
    answers: Vec<Answer>,
    before: Option<InvitationId>,
}

/// `GET /console/tools/invitations`
async fn list(
    State(web): State<Web>,
    screen: Screen,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::InviteCustomers)?;
    let sent = place.done.as_deref() == Some("sent");
    let before = match place.before.as_deref() {
        Some(text) => Some(text.parse().map_err(|_| ApiError::NotFound)?),
        None => None,
    };
    let news = News {
        notice: sent.then(|| toast(screen.words.invite.done_sent, None)),
        before,
        ..News::default()
    };
    page(&web, &screen, &news).await
}

async fn page(web: &Web, screen: &Screen, news: &News<'_>) -> Result<Markup, ApiError> {
    let said = &screen.words.invite;
    let merchant = screen.member.merchant;
    let programs = Programs::of(web, merchant).await?;
    let letters = web.ops.invitations(merchant, news.before).await?;
    let last = letters.last().filter(|_| letters.len() >= PAGE);
    let has_older = match last {
        Some(last) => !web.ops.invitations(merchant, Some(last.id)).await?.is_empty(),
        None => false,
    };
    let content = html! {
        @if let Some(notice) = &news.notice { (notice) }
        (crumbs(screen, None))
        div.page-head { h1 { (said.title) } }
        div.stack {
            @if !web.sends_mail { (alert(Tone::Notice, said.no_mail)) }
            @if !news.answers.is_empty() { (answers(said.answers, &news.answers)) }
            (form(screen, &programs, news))
            section aria-labelledby="letters-title" {
                div.page-head { h2 #letters-title { (said.list) } }
                @if letters.is_empty() {
                    (empty(said.none, said.none_text, None))
                } @else {
                    (table(web, screen, &letters))
                    @if let Some(last) = last.filter(|_| has_older) {
                        nav.pager aria-label=(screen.words.common.pages) {
                            span {}
                            a.button.secondary rel="next" href=(format!("/console/tools/invitations?before={}", last.id)) {
                                (screen.words.common.older)
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(screen.page(Section::Tools, said.title, &content))
}

fn form(screen: &Screen, programs: &Programs, news: &News<'_>) -> Markup {
    let said = &screen.words.invite;
    let problem = |name| {
        let problem = news.problem.as_ref().filter(|(field, _)| *field == name);
        problem.map(|(_, text)| text.as_str())
    };
    let chosen: Option<ProgramId> = news.typed.and_then(|typed| typed.program.parse().ok());
    let wrong = problem("addresses");
    html! {
        form.panel method="post" action="/console/tools/invitations" data-once data-guard aria-labelledby="paste-title" {
            div.panel-head { h2 #paste-title { (said.paste) } }
            (program_choice(screen, &open_programs(programs), chosen, None, problem("program")))
            div.field {
                label for="addresses" { (said.addresses) }
                textarea #addresses name="addresses" rows="5" required autocomplete="off" spellcheck="false"
                    aria-invalid=[wrong.map(|_| "true")] aria-describedby="addresses-hint" {
                    (news.typed.map_or("", |typed| typed.addresses.as_str()))
                }
                @match wrong {
                    Some(text) => p.problem #addresses-hint { (text) },
                    None => p.hint #addresses-hint { (said.addresses_hint) },
                }
            }
            button.button.primary type="submit" { (icon("mail")) (said.send) }
        }
    }
}

fn answers(title: &str, answers: &[Answer]) -> Markup {
    html! {
        section.panel #answers role="status" aria-labelledby="answers-title" {
            div.panel-head { h2 #answers-title { (title) } }
            ul.list {
                @for answer in answers {
                    li {
                        span.mark.(if answer.is_good { "good" } else { "bad" }) { (icon(if answer.is_good { "check" } else { "notice" })) }
                        strong { (answer.whom) }
                        span.push.sentence { (answer.text) }
                    }
                }
            }
        }
    }
}

fn table(web: &Web, screen: &Screen, letters: &[Invitation]) -> Markup {
    let said = &screen.words.invite;
    html! {
        div.panel.table-panel {
            table.table.plain {
                thead {
                    tr {
                        @for head in [said.address, said.kind, said.state, said.asked, said.link] { th scope="col" { (head) } }
                    }
                }
                tbody { @for letter in letters { (line(web, screen, letter)) } }
            }
        }
    }
}

fn line(web: &Web, screen: &Screen, letter: &Invitation) -> Markup {
    let said = &screen.words.invite;
    let whom = match letter.address.as_str() {
        "" => said.erased,
        address => address,
    };
    let kind = match letter.kind {
        InvitationKind::Invitation => said.invitation,
        InvitationKind::CardAgain => said.card_again,
    };
    let tone = match letter.state {
        InvitationState::Queued => Tone::Notice,
        InvitationState::Sent | InvitationState::Opened => Tone::Neutral,
        InvitationState::Installed => Tone::Good,
        InvitationState::Bounced | InvitationState::Failed => Tone::Bad,
    };
    let link = card_link(&web.public_url, &web.master, letter.merchant, letter.card);
    html! {
        tr {
            th scope="row" { a href=(format!("/console/cards/{}", letter.card)) { (whom) } }
            td data-label=(said.kind) { (kind) }
            td data-label=(said.state) {
                (badge(tone, said.state_of(letter.state)))
                @if let Some(reason) = &letter.reason { span.under { (reason) } }
            }
            td data-label=(said.asked) { (screen.time(letter.created_at)) }
            td data-label=(said.link) {
                div.row {
                    button.icon-button type="button" data-copy=(link) aria-label=((said.copy_link)(whom)) hidden { (icon("copy")) }
                    a href=(format!("/console/tools/invitations/cards?card={}", letter.card)) data-modal {
                        (said.send_again) span.visually-hidden { " " (whom) }
                    }
                }
            }
        }
    }
}

/// `POST /console/tools/invitations`
async fn invite(
    State(web): State<Web>,
    screen: Screen,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::InviteCustomers)?;
    let said = &screen.words.invite;
    let addresses = addresses::read(&typed.addresses);
    let count = i64::try_from(addresses.len()).unwrap_or(i64::MAX);
    let programs = Programs::of(&web, screen.member.merchant).await?;
    let program: Option<ProgramId> = typed.program.parse().ok();
    let open = open_programs(&programs);
    let program = program.filter(|id| open.iter().any(|program| program.id == *id));
    let problem = match program {
        None => Some(("program", screen.words.tools.choose_program.to_owned())),
        Some(_) if addresses.is_empty() => Some(("addresses", said.none_typed.to_owned())),
        Some(_) if addresses.len() > MOST_ADDRESSES => Some(("addresses", (said.too_many)(count))),
        Some(_) => None,
    };
    let (Some(program), None) = (program, &problem) else {
        let news = News {
            typed: Some(&typed),
            problem,
            ..News::default()
        };
        let page = page(&web, &screen, &news).await?;
        return Ok((ApiError::BadRequest(String::new()).status(), page).into_response());
    };
    let by = Some(screen.member.id);
    let made = web
        .ops
        .invite_addresses(screen.member.merchant, program, &addresses, by)
        .await
        .map_err(refusal)?;
    let answers = addresses.into_iter().zip(made);
    let news = News {
        answers: answers
            .map(|(whom, made)| answer(&web, &screen, whom, made.map(|_| ())))
            .collect(),
        ..News::default()
    };
    Ok(page(&web, &screen, &news).await?.into_response())
}

fn answer(web: &Web, screen: &Screen, whom: String, made: Result<(), InviteError>) -> Answer {
    let said = &screen.words.invite;
    let is_good = made.is_ok();
    let text = match made {
        Ok(()) if web.sends_mail => said.is_sent.to_owned(),
        Ok(()) => said.waits.to_owned(),
        Err(InviteError::Refused(refusal)) => said.refusal(&refusal),
        Err(InviteError::NoCard) => said.no_card.to_owned(),
        Err(error) => {
            tracing::warn!(%error, "an invitation was not queued");
            said.not_issued.to_owned()
        }
    };
    Answer { whom, text, is_good }
}

fn refusal(error: InviteError) -> ApiError {
    match error {
        InviteError::NoCard => ApiError::NotFound,
        InviteError::Store(error) => error.into(),
        other => Refused::Invite(other).into(),
    }
}
