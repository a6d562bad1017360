//! A static list of what is selected: asks for its name, then keeps exactly these cards.

use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use crate::domain::access::Action;
use crate::domain::bulk::Audience;
use crate::domain::id::CardId;
use crate::domain::segment::saved::LONGEST_LIST;
use crate::ops::audience::BEGIN;
use crate::ops::segments::{NewContent, NewSegment, SegmentError, Target};
use crate::web::Web;
use crate::web::console::components::icon;
use crate::web::console::jobs::preview::{refused, sorry};
use crate::web::console::layout::Section;
use crate::web::console::list::selected::Selected;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// `POST /console/segments/list`
pub async fn save(State(web): State<Web>, screen: Screen, form: RawForm) -> Result<Response, ApiError> {
    screen.require(Action::EditSegments)?;
    let selected = Selected::parse(&form.0);
    let (mut name, mut shared) = (None, false);
    for (field, value) in form_urlencoded::parse(&form.0) {
        match &*field {
            "name" => name = Some(value.into_owned()),
            "shared" => shared = true,
            _ => {}
        }
    }
    let audience = match selected.audience(&web, &screen).await? {
        Ok(audience) => audience,
        Err(why) => return Ok(sorry(&screen, &selected, refused(&screen, &why))),
    };
    let cards = cards(&web, &screen, audience).await?;
    let count = i64::try_from(cards.len()).unwrap_or(i64::MAX);
    let Some(name) = name else {
        return Ok(page(&screen, &selected, count, "", None));
    };
    let new = NewSegment {
        name: name.clone(),
        content: NewContent::List(cards),
        owner: Some(screen.member.id),
        shared,
    };
    match web.ops.add_segment(screen.member.merchant, new).await {
        Ok(_) => Ok(Redirect::to("/console/segments?done=saved").into_response()),
        Err(SegmentError::Refused(why)) => {
            let problem = screen.words.language.segment_refusal(&why);
            Ok(page(&screen, &selected, count, &name, Some(&problem)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The cards of an audience, one more than a list holds at most.
async fn cards(web: &Web, screen: &Screen, audience: Audience) -> Result<Vec<CardId>, ApiError> {
    let target = match audience {
        Audience::Cards(cards) => return Ok(cards),
        Audience::Rule { rule, .. } => Target::Rule(rule),
        Audience::Listed(segment) => Target::Saved(segment),
        Audience::Program(_) | Audience::Batch(_) => return Err(ApiError::NotFound),
    };
    let (ops, merchant) = (&web.ops, screen.member.merchant);
    let resolved = ops
        .resolve(merchant, super::viewer(screen), &target, None)
        .await?;
    Ok(ops
        .members_after(merchant, &resolved, BEGIN, LONGEST_LIST + 1)
        .await?)
}

fn page(screen: &Screen, selected: &Selected, count: i64, name: &str, problem: Option<&str>) -> Response {
    let words = &screen.words.segments;
    let back = selected.wanted.address();
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href=(back) { (icon("left")) (screen.words.list.title) } }
        div.page-head { h1 { (words.list_title) } p.muted { ((words.members)(count)) } }
        form.panel method="post" action="/console/segments/list" data-once data-ends-selection {
            @for (name, value) in selected.fields() { input type="hidden" name=(name) value=(value); }
            p.muted { (words.static_text) }
            div.field {
                label for="list-name" { (words.name) }
                input #list-name name="name" type="text" maxlength="60" required value=(name) autocomplete="off" autofocus
                    aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "list-problem")];
                @if let Some(problem) = problem { p.problem #list-problem role="alert" { (problem) } }
            }
            label.check { input type="checkbox" name="shared" value="yes"; span { (words.share) } }
            div.dialog-foot {
                a.button.secondary href=(back) { (screen.words.common.cancel) }
                button.button.primary type="submit" { (words.save) }
            }
        }
    };
    let shown = screen.page(Section::Segments, words.list_title, &content);
    match problem {
        None => shown.into_response(),
        Some(problem) => (ApiError::Conflict(problem.to_owned()).status(), shown).into_response(),
    }
}
