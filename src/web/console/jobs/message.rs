//! From a selection to a message: leads to the composer with the selection as its audience.

use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::preview::{refused, sorry};
use crate::domain::access::Action;
use crate::domain::bulk::Audience;
use crate::ops::segments::{NewContent, NewSegment};
use crate::web::Web;
use crate::web::console::list::selected::Selected;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// Cards that an address carries; more become a private list.
const MOST_IN_ADDRESS: usize = 100;

/// `POST /console/jobs/message`
pub async fn compose(State(web): State<Web>, screen: Screen, form: RawForm) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let selected = Selected::parse(&form.0);
    let audience = match selected.audience(&web, &screen).await? {
        Ok(audience) => audience,
        Err(why) => return Ok(sorry(&screen, &selected, refused(&screen, &why))),
    };
    let fields = match audience {
        Audience::Rule { rule, .. } => vec![("to", "rule".to_owned()), ("rule", rule.to_string())],
        Audience::Listed(segment) => vec![("to", format!("segment:{segment}"))],
        Audience::Cards(cards) if cards.len() > MOST_IN_ADDRESS => {
            let there = web.ops.clock.now().to_jiff().to_zoned(screen.member.zone.clone());
            let at = there.strftime("%Y-%m-%d %H:%M:%S");
            let new = NewSegment {
                name: format!("{} {at}", screen.words.segments.selection_of),
                content: NewContent::List(cards),
                owner: Some(screen.member.id),
                shared: false,
            };
            let segment = web.ops.add_segment(screen.member.merchant, new).await?;
            vec![("to", format!("segment:{}", segment.id))]
        }
        Audience::Cards(cards) => {
            let cards: Vec<String> = cards.iter().map(ToString::to_string).collect();
            vec![("to", "card".to_owned()), ("cards", cards.join(" "))]
        }
        Audience::Program(program) => vec![("to", format!("program:{program}"))],
        Audience::Batch(_) => return Err(ApiError::NotFound),
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Ok(Redirect::to(&format!("/console/messages/new?{query}")).into_response())
}
