//! The recipients of a message, by what became of them, cut into pages by key.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, message_id};
use crate::domain::access::Action;
use crate::domain::budget;
use crate::domain::delivery::Channel;
use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;
use crate::ops::messages::{Cursor, Page};
use crate::store::intents::IntentState;
use crate::web::Web;
use crate::web::console::components::{empty, icon, time};
use crate::web::console::layout::{Section, Theme, frame};
use crate::web::console::words::ENGLISH;
use crate::web::error::ApiError;
use crate::web::extract::Member;

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
    member: Member,
    theme: Theme,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    member.require(Action::ViewMessages)?;
    let id = message_id(&id)?;
    let found = web
        .ops
        .recipients(member.merchant, id, place.state(), place.after(), PAGE_SIZE)
        .await?;
    Ok(view(
        &member,
        theme,
        id,
        place.state(),
        &found,
        web.ops.clock.now(),
    ))
}

pub fn view(
    member: &Member,
    theme: Theme,
    id: MessageId,
    state: Option<IntentState>,
    found: &Page,
    now: Timestamp,
) -> Markup {
    let list = format!("{}/recipients", address(id));
    let content = html! {
        div.page-head {
            h1 { "Recipients" }
            p { a href=(address(id)) { "Back to the message" } }
        }
        nav.filters aria-label="Show" {
            a.chip href=(list) aria-current=[state.is_none().then_some("true")] { "All" }
            @for choice in IntentState::ALL {
                a.chip href=(format!("{list}?state={}", choice.as_str()))
                    aria-current=[(state == Some(choice)).then_some("true")] { (choice.as_str()) }
            }
        }
        @if found.recipients.is_empty() {
            (empty("Nobody", "No recipient is in this state.", None))
        } @else {
            div.panel.table-panel {
                table.table {
                    thead { tr {
                        th scope="col" { "Card" } th scope="col" { "Channel" } th scope="col" { "State" }
                        th scope="col" { "Why" } th scope="col" { "When" }
                    } }
                    tbody {
                        @for recipient in &found.recipients {
                            tr {
                                th scope="row" data-label="Card" {
                                    a.row-link href=(format!("/console/cards/{}", recipient.card)) { (recipient.card) }
                                }
                                td data-label="Channel" { (recipient.channel.title()) }
                                td data-label="State" { (recipient.state.as_str()) }
                                td data-label="Why" { (recipient.rule.as_deref().map_or("", budget::reason)) }
                                td data-label="When" {
                                    @if let Some(until) = recipient.until { "not before " (time(until, &member.zone, now)) }
                                    @else if let Some(at) = recipient.fetched_at { "fetched " (time(at, &member.zone, now)) }
                                    @else { (time(recipient.changed_at, &member.zone, now)) }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(next) = &found.next {
                nav.pager aria-label="Pages" {
                    span {}
                    a.button.secondary rel="next" href=(next_page(&list, state, next)) { "More" (icon("right")) }
                }
            }
        }
    };
    frame(member, theme, &ENGLISH, Section::Messages, "Recipients", &content)
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
