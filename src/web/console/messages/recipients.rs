//! The recipients of a message, by what became of them, cut into pages by key.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, message_id};
use crate::domain::access::Action;
use crate::domain::delivery::Channel;
use crate::domain::id::MessageId;
use crate::ops::messages::{Cursor, Page, Recipient};
use crate::store::intents::IntentState;
use crate::web::Web;
use crate::web::console::components::{empty, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::words::messages::reason;
use crate::web::error::ApiError;

const PAGE_SIZE: i64 = 50;

/// What the address of the list may say; anything else in it is ignored.
#[derive(Debug, Default, Deserialize)]
pub struct Place {
    state: Option<String>,
    /// State, card and channel of the last line before.
    after: Option<String>,
}

impl Place {
    fn state(&self) -> Option<IntentState> {
        self.state.as_deref().and_then(IntentState::parse)
    }

    fn after(&self) -> Option<Cursor> {
        let mut parts = self.after.as_deref()?.split('.');
        let cursor = Cursor {
            state: IntentState::parse(parts.next()?)?,
            card: parts.next()?.parse().ok()?,
            channel: Channel::parse(parts.next()?)?,
        };
        parts.next().is_none().then_some(cursor)
    }
}

/// `GET /console/messages/{message_id}/recipients`
pub async fn list(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ViewMessages)?;
    let id = message_id(&id)?;
    let found = web
        .ops
        .recipients(
            screen.member.merchant,
            id,
            place.state(),
            place.after(),
            PAGE_SIZE,
        )
        .await?;
    Ok(view(&screen, id, place.state(), &found))
}

fn view(screen: &Screen, id: MessageId, state: Option<IntentState>, found: &Page) -> Markup {
    let (said, common) = (&screen.words.messages, &screen.words.common);
    let list = format!("{}/recipients", address(id));
    let content = html! {
        nav.crumbs aria-label=(common.path) { a href=(address(id)) { (icon("left")) (said.back) } }
        div.page-head { h1 { (said.recipients) } }
        nav.filters aria-label=(said.show) {
            a.chip href=(list) aria-current=[state.is_none().then_some("true")] { (said.all) }
            @for choice in IntentState::ALL {
                a.chip href=(format!("{list}?state={}", choice.as_str()))
                    aria-current=[(state == Some(choice)).then_some("true")] { (said.intent(choice)) }
            }
        }
        @if found.recipients.is_empty() {
            (empty(said.nobody, said.nobody_text, None))
        } @else {
            div.panel.table-panel {
                table.table {
                    thead { tr {
                        th scope="col" { (said.card) } th scope="col" { (said.channel) } th scope="col" { (said.state) }
                        th scope="col" { (said.why) } th scope="col" { (said.when) }
                    } }
                    tbody { @for recipient in &found.recipients { (line(screen, recipient)) } }
                }
            }
            @if let Some(next) = &found.next {
                nav.pager aria-label=(common.pages) {
                    span {}
                    a.button.secondary rel="next" href=(next_page(&list, state, next)) { (said.more) (icon("right")) }
                }
            }
        }
    };
    screen.page(Section::Messages, said.recipients, &content)
}

fn line(screen: &Screen, recipient: &Recipient) -> Markup {
    let said = &screen.words.messages;
    let why = recipient
        .rule
        .as_deref()
        .map_or("", |code| reason(screen.words.language, code));
    html! {
        tr data-row {
            th scope="row" data-label=(said.card) {
                a.row-link href=(format!("/console/cards/{}", recipient.card)) { (recipient.card) }
            }
            td data-label=(said.channel) { (screen.words.common.channel(recipient.channel)) }
            td data-label=(said.state) { (said.intent(recipient.state)) }
            td data-label=(said.why) { (why) }
            td data-label=(said.when) {
                @if let Some(until) = recipient.until { (said.not_before) " " (screen.time(until)) }
                @else if let Some(at) = recipient.fetched_at { (said.fetched_at) " " (screen.time(at)) }
                @else { (screen.time(recipient.changed_at)) }
            }
        }
    }
}

fn next_page(list: &str, state: Option<IntentState>, next: &Cursor) -> String {
    let state = state.map_or_else(String::new, |state| format!("state={}&", state.as_str()));
    let (of, card, channel) = (next.state.as_str(), next.card, next.channel.as_str());
    format!("{list}?{state}after={of}.{card}.{channel}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::CardId;

    #[test]
    fn an_address_restores_where_a_page_ended() {
        let next = Cursor {
            state: IntentState::Suppressed,
            card: CardId(77),
            channel: Channel::Google,
        };
        let address = next_page("/x", Some(IntentState::Suppressed), &next);
        let place = Query::<Place>::try_from_uri(&address.parse().expect("a uri")).expect("a place");
        assert_eq!(place.after(), Some(next));
        assert_eq!(place.state(), Some(IntentState::Suppressed));
        for wrong in [
            "",
            "waiting",
            "waiting.x.apple",
            "nonsense.0000000000001.apple",
            "a.b.c.d",
        ] {
            let place = Place {
                state: None,
                after: Some(wrong.into()),
            };
            assert_eq!(place.after(), None, "{wrong}");
        }
    }
}
