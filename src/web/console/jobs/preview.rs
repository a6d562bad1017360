//! Before a job begins: what it would do, to how many, and why not to the rest.

use std::collections::HashMap;

use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::asked::{Asked, MANY};
use super::{address, names_of, takes, ticket, title};
use crate::domain::bulk::{Audience, BulkAction, BulkError, Preview, Seen};
use crate::domain::event::Source;
use crate::domain::id::{BatchId, CardId};
use crate::ops::jobs::{JobError, NewJob};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::list::act::Offer;
use crate::web::console::list::selected::{Refused, Selected};
use crate::web::console::screen::Screen;
use crate::web::console::words::Text;
use crate::web::error::ApiError;

/// Why a selection cannot be acted on.
pub(in crate::web::console) fn refused(screen: &Screen, refused: &Refused) -> Text {
    let words = &screen.words.jobs;
    match refused {
        Refused::Nothing => words.nothing_selected,
        Refused::TooMany => words.too_many,
        Refused::TooLong => words.too_long,
        Refused::Wrong(_) => words.wrong_list,
    }
}

/// A page that says why nothing was done, with the way back to the list.
pub(in crate::web::console) fn sorry(screen: &Screen, selected: &Selected, problem: &str) -> Response {
    let words = &screen.words;
    let content = html! {
        div.page-head { h1 { (words.jobs.preview) } }
        (alert(Tone::Bad, problem))
        a.button.secondary href=(selected.wanted.address()) { (icon("left")) (words.list.title) }
    };
    let page = screen.page(Section::Customers, words.jobs.preview, &content);
    (ApiError::BadRequest(String::new()).status(), page).into_response()
}

/// `POST /console/jobs/preview`
pub async fn show(State(web): State<Web>, screen: Screen, form: RawForm) -> Result<Response, ApiError> {
    let asked = Asked::parse(&form.0);
    screen.require(
        asked
            .offer
            .map_or(crate::domain::access::Action::EditBalance, Offer::takes),
    )?;
    let audience = match asked.selected.audience(&web, &screen).await? {
        Ok(audience) => audience,
        Err(why) => return Ok(sorry(&screen, &asked.selected, refused(&screen, &why))),
    };
    match asked.action(&screen.words.jobs) {
        Ok(action) => look(&web, &screen, &asked, (action, &audience), None).await,
        Err(problem) => again(&web, &screen, &asked, &audience, problem).await,
    }
}

/// The preview of what can be read of a form whose amount cannot.
async fn again(
    web: &Web,
    screen: &Screen,
    asked: &Asked,
    audience: &Audience,
    problem: Text,
) -> Result<Response, ApiError> {
    let readable = Asked {
        offer: asked.offer,
        ..Asked::default()
    };
    match readable.action(&screen.words.jobs) {
        Ok(action) => look(web, screen, asked, (action, audience), Some(problem)).await,
        Err(problem) => Ok(sorry(screen, &asked.selected, problem)),
    }
}

/// The preview's page; `problem` says what kept the job from beginning.
async fn look(
    web: &Web,
    screen: &Screen,
    asked: &Asked,
    (action, audience): (BulkAction, &Audience),
    problem: Option<Text>,
) -> Result<Response, ApiError> {
    let merchant = screen.member.merchant;
    // A preview needs no reason yet; the job does.
    let reason = asked.has_amount().then_some("-");
    let preview = match web.ops.preview_job(merchant, action, audience, reason).await {
        Ok(preview) => preview,
        Err(JobError::Refused(BulkError::Amount { .. })) => {
            return Ok(sorry(screen, &asked.selected, screen.words.jobs.expected_amount));
        }
        Err(error) => return Err(error.into()),
    };
    let named = preview.named.iter().map(|(card, _)| *card).collect();
    let names = names_of(web, screen, named).await?;
    let ticket = ticket::make(web, merchant, &asked.about(), preview.seen.able);
    let content = draw(
        screen,
        asked,
        (action, audience),
        &preview,
        (&names, &ticket),
        problem,
    );
    let label = asked
        .offer
        .map_or(screen.words.jobs.preview, |offer| offer.label(&screen.words.jobs));
    let page = screen.page(Section::Customers, label, &content);
    Ok(match problem {
        None => page.into_response(),
        Some(problem) => (ApiError::BadRequest(problem.to_owned()).status(), page).into_response(),
    })
}

fn sentence(screen: &Screen, action: BulkAction, seen: Seen) -> String {
    let words = &screen.words.jobs;
    let say = match action {
        BulkAction::AddPunches { .. } => words.can_punches,
        BulkAction::AddPoints { .. } => words.can_points,
        BulkAction::Redeem => words.can_redeem,
        BulkAction::Void => words.can_void,
        BulkAction::Restore => words.can_restore,
        BulkAction::TakeBack => words.can_take_back,
    };
    say(seen.able, seen.cards)
}

fn draw(
    screen: &Screen,
    asked: &Asked,
    (action, audience): (BulkAction, &Audience),
    preview: &Preview,
    (names, ticket): (&HashMap<CardId, String>, &str),
    problem: Option<Text>,
) -> Markup {
    let words = &screen.words.jobs;
    let seen = preview.seen;
    let label = asked.offer.map_or(words.preview, |offer| offer.label(words));
    let back = asked.selected.wanted.address();
    html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href=(back) { (icon("left")) (screen.words.list.title) } }
        div.page-head { h1 { (label) } p.muted { (title(screen, action)) } }
        @if let Some(problem) = problem { div #job-problem { (alert(Tone::Bad, problem)) } }
        form.panel method="post" action="/console/jobs" data-once data-ends-selection {
            @for (name, value) in asked.selected.fields() { input type="hidden" name=(name) value=(value); }
            input type="hidden" name="do" value=[asked.offer.map(Offer::as_str)];
            input type="hidden" name="seen_cards" value=(seen.cards);
            input type="hidden" name="seen_able" value=(seen.able);
            input type="hidden" name="seen_print" value=(seen.print);
            input type="hidden" name="ticket" value=(ticket);
            p.preview-sentence { strong { (sentence(screen, action, seen)) } }
            @if preview.crossing > 0 { p { ((words.crossing)(preview.crossing, preview.rewards)) } }
            @if action == BulkAction::Void { p { (words.void_note) } }
            @if matches!(audience, Audience::Rule { .. } | Audience::Listed(_)) { p.hint { (words.asked_again) } }
            (inputs(screen, asked, problem))
            @if asked.needs_typing(seen.able) { (typing(screen, asked, seen.able, problem)) }
            // The first button is what Enter presses.
            div.dialog-foot.ordered {
                @if seen.able > 0 { button.button.primary type="submit" { ((words.start)(seen.able)) } }
                @else { p.muted { (words.nobody_can) } }
                a.button.secondary href=(back) { (screen.words.common.cancel) }
                @if asked.has_amount() {
                    button.button.secondary type="submit" formaction="/console/jobs/preview" formnovalidate { (words.preview_again) }
                }
            }
        }
        @if !preview.named.is_empty() { (rest(screen, preview, names)) }
    }
}

fn inputs(screen: &Screen, asked: &Asked, problem: Option<Text>) -> Markup {
    let words = &screen.words.jobs;
    let has_amount = asked.has_amount();
    let amount = if asked.amount.is_empty() {
        "1"
    } else {
        &asked.amount
    };
    let invalid = |about: Text| problem.filter(|problem| *problem == about).map(|_| "true");
    html! {
        @if has_amount {
            div.field {
                label for="amount" { (words.amount) }
                input #amount name="amount" type="number" min="1" inputmode="numeric" required value=(amount)
                    aria-invalid=[invalid(words.expected_amount)] aria-describedby=[problem.map(|_| "job-problem")];
            }
        }
        div.field {
            label for="reason" { (words.reason) }
            input #reason name="reason" type="text" maxlength="200" value=(asked.reason) required[has_amount]
                autofocus[has_amount] aria-invalid=[invalid(words.expected_reason)] aria-describedby="reason-hint";
            p.hint #reason-hint { (words.reason_hint) }
        }
    }
}

/// The number of cards, to be typed before many of them end.
fn typing(screen: &Screen, asked: &Asked, able: i64, problem: Option<Text>) -> Markup {
    let words = &screen.words.jobs;
    let is_wrong = problem == Some(words.expected_typed);
    html! {
        div.field {
            label for="typed" { ((words.type_number)(&screen.number(able))) }
            input #typed name="typed" type="text" inputmode="numeric" autocomplete="off" required maxlength="20" value=(asked.typed)
                aria-invalid=[is_wrong.then_some("true")] aria-describedby="typed-hint";
            p.hint #typed-hint { ((words.type_number_hint)(MANY)) }
        }
    }
}

/// Those who cannot, each with the reason.
fn rest(screen: &Screen, preview: &Preview, names: &HashMap<CardId, String>) -> Markup {
    let words = &screen.words.jobs;
    let (seen, named) = (preview.seen, preview.named.len());
    html! {
        section.panel.rest aria-labelledby="rest-title" {
            div.panel-head { h2 #rest-title { (words.rest) } }
            @if seen.cards - seen.able > i64::try_from(named).unwrap_or(0) {
                p.panel-note.muted { ((words.first_of)(&named.to_string())) }
            }
            ul.list {
                @for (card, refusal) in &preview.named {
                    li {
                        a href=(format!("/console/cards/{card}")) { (names.get(card).map_or(screen.words.common.no_name, String::as_str)) }
                        span.muted { (screen.words.language.bulk_refusal(refusal)) }
                    }
                }
            }
        }
    }
}

/// `POST /console/jobs`: begins the job. The same form sent twice leads to the same job.
pub async fn start(State(web): State<Web>, screen: Screen, form: RawForm) -> Result<Response, ApiError> {
    let asked = Asked::parse(&form.0);
    screen.require(
        asked
            .offer
            .map_or(crate::domain::access::Action::EditBalance, Offer::takes),
    )?;
    let (words, merchant) = (&screen.words.jobs, screen.member.merchant);
    let Some(ticket) = ticket::read(&web, merchant, &asked.about(), &asked.ticket) else {
        return Ok(sorry(&screen, &asked.selected, words.stale));
    };
    let batch = ticket.batch;
    if web.ops.job(merchant, batch).await.is_ok() {
        return Ok(begun(batch));
    }
    let audience = match asked.selected.audience(&web, &screen).await? {
        Ok(audience) => audience,
        Err(why) => return Ok(sorry(&screen, &asked.selected, refused(&screen, &why))),
    };
    let action = match asked.action(words) {
        Ok(action) => action,
        Err(problem) => return again(&web, &screen, &asked, &audience, problem).await,
    };
    screen.require(takes(action))?;
    if asked.needs_typing(ticket.able) && !asked.is_typed(ticket.able) {
        return look(
            &web,
            &screen,
            &asked,
            (action, &audience),
            Some(words.expected_typed),
        )
        .await;
    }
    let new = NewJob {
        action,
        audience: audience.clone(),
        reason: asked.reason(),
        member: Some(screen.member.id),
        source: Source::Console,
        expected: asked.seen(),
    };
    let problem = match web.ops.start_job_as(merchant, batch, new).await {
        Ok(batch) => return Ok(begun(batch)),
        Err(JobError::Refused(BulkError::Reason { .. })) => words.expected_reason,
        Err(JobError::Refused(BulkError::Amount { .. })) => words.expected_amount,
        Err(error) => return Err(error.into()),
    };
    match problem {
        problem if problem == words.expected_amount => again(&web, &screen, &asked, &audience, problem).await,
        problem => look(&web, &screen, &asked, (action, &audience), Some(problem)).await,
    }
}

fn begun(batch: BatchId) -> Response {
    Redirect::to(&format!("{}?done=started", address(batch))).into_response()
}
