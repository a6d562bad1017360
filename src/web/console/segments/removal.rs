//! Deleting a segment, after a question; what still needs it is named, with the way there.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{segment_id, viewer};
use crate::domain::access::Action;
use crate::domain::segment::saved::{Refusal, Segment, Use, UsedBy};
use crate::ops::segments::SegmentError;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::words::apart::apart;
use crate::web::error::ApiError;

#[derive(Debug, Deserialize)]
pub struct Sent {
    version: i64,
}

/// `GET /console/segments/{segment}/delete`
pub async fn ask(State(web): State<Web>, screen: Screen, Path(id): Path<String>) -> Result<Markup, ApiError> {
    screen.require(Action::EditSegments)?;
    let (segment, uses) = look(&web, &screen, &id).await?;
    Ok(question(&screen, &segment, &uses, None))
}

async fn look(web: &Web, screen: &Screen, id: &str) -> Result<(Segment, Vec<Use>), ApiError> {
    let (merchant, viewer, id) = (screen.member.merchant, viewer(screen), segment_id(id)?);
    let segment = web.ops.segment(merchant, viewer, id).await?;
    let uses = web.ops.segment_uses(merchant, viewer, id).await?;
    Ok((segment, uses))
}

/// `POST /console/segments/{segment}/delete`
pub async fn delete(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditSegments)?;
    let id_of = segment_id(&id)?;
    let deleted = web
        .ops
        .delete_segment(screen.member.merchant, viewer(&screen), id_of, sent.version);
    let problem = match deleted.await {
        // A second press finds it gone, which is what was wished.
        Ok(()) | Err(SegmentError::Refused(Refusal::NotFound)) => {
            return Ok(Redirect::to("/console/segments?done=deleted").into_response());
        }
        Err(SegmentError::Refused(Refusal::Stale { .. })) => Some(screen.words.common.changed_meanwhile),
        Err(SegmentError::Refused(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let (segment, uses) = look(&web, &screen, &id).await?;
    let page = question(&screen, &segment, &uses, problem);
    Ok((ApiError::Conflict(String::new()).status(), page).into_response())
}

fn question(screen: &Screen, segment: &Segment, uses: &[Use], problem: Option<&str>) -> Markup {
    let words = &screen.words.segments;
    let title = (words.delete_title)(&apart(segment.name.clone()));
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href="/console/segments" { (icon("left")) (words.title) } }
        div.page-head { h1 { (title) } }
        @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
        @if uses.is_empty() {
            form.panel method="post" action=(format!("/console/segments/{}/delete", segment.id)) data-once data-alarming {
                input type="hidden" name="version" value=(segment.version);
                p { (words.delete_text) }
                div.dialog-foot {
                    a.button.secondary href="/console/segments" data-close autofocus { (words.keep) }
                    button.button.danger type="submit" { (screen.words.common.delete) }
                }
            }
        } @else {
            (alert(Tone::Notice, words.in_use))
            ul.uses {
                @for each in uses {
                    @match each.by {
                        UsedBy::Message(id) => li { a href=(format!("/console/messages/{id}")) { (words.in_use_message) } },
                        UsedBy::Job(id) => li { a href=(format!("/console/jobs/{id}")) { (words.in_use_job) } },
                    }
                }
            }
            div.dialog-foot { a.button.secondary href="/console/segments" data-close { (words.keep) } }
        }
    };
    screen.page(Section::Segments, &title, &content)
}
