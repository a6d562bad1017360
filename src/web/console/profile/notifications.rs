//! What the holder wants to be told and agreed to, read-only; why the card rang or did not; its last messages.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use super::{Held, Tab, evidence, open, page, why};
use crate::domain::access::Action;
use crate::domain::consent::Purpose;
use crate::domain::preference::{Class, Preference};
use crate::ops::consent_words::ConsentEvidence;
use crate::ops::pushes::Why;
use crate::web::Web;
use crate::web::console::components::{Tone, badge, icon};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

/// `GET /console/cards/{card_id}/notifications`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    let why = web.ops.why(screen.member.merchant, held.card()).await?;
    let customer = held.profile.person.customer.id;
    let kept = web.ops.consent_evidence(screen.member.merchant, customer).await?;
    let content = html! {
        div.stack {
            (wishes(&screen, &held, &kept))
            @if let Some(why) = &why {
                (why::section(&screen, why))
                (messages(&screen, why))
            }
        }
    };
    Ok(page(&screen, &held, Tab::Notifications, &content))
}

fn wishes(screen: &Screen, held: &Held, kept: &[ConsentEvidence]) -> Markup {
    let words = &screen.words.profile;
    html! {
        section.panel aria-labelledby="wishes-title" {
            div.panel-head { h2 #wishes-title { (words.preferences) } }
            p.panel-note.muted { (words.preferences_means) }
            ul.list.wishes {
                @for class in Class::ALL {
                    @let active = held.profile.card.preferences.of(class) == Preference::Active;
                    li {
                        (icon(if active { "bell" } else { "bell-off" }))
                        span { (words.class(class)) }
                        span.push { @if active { (badge(Tone::Good, words.active)) } @else { (badge(Tone::Neutral, words.paused)) } }
                    }
                }
            }
            h3.panel-note { (words.consents) }
            ul.list.wishes {
                @for purpose in Purpose::ALL {
                    @let agreed = held.profile.consents.has(purpose);
                    li {
                        (icon(if agreed { "check" } else { "stop" }))
                        span { (words.purpose(purpose)) }
                        span.push { @if agreed { (badge(Tone::Good, words.agreed)) } @else { (badge(Tone::Neutral, words.not_agreed)) } }
                    }
                }
            }
            @if !kept.is_empty() {
                details.device {
                    summary { (words.evidence) }
                    ul.list {
                        @for one in kept {
                            li {
                                span { (words.purpose(one.recorded.purpose)) ": " (if one.recorded.given { words.agreed } else { words.withdrawn }) }
                                (evidence::words_of(screen, one))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn messages(screen: &Screen, why: &Why) -> Markup {
    let words = &screen.words.profile;
    html! {
        section.panel aria-labelledby="messages-title" {
            div.panel-head { h2 #messages-title { (words.last_messages) } }
            @if why.messages.is_empty() { p.muted.quiet { (words.no_messages) } }
            ul.list {
                @for message in &why.messages {
                    li {
                        @if screen.may(Action::ViewMessages) {
                            a href=(format!("/console/messages/{}", message.message)) { (begin(&message.body)) }
                        } @else { span { (begin(&message.body)) } }
                        span.muted { (screen.words.common.channel(message.channel)) }
                        span.push.muted { (screen.time(message.changed_at)) }
                    }
                }
            }
        }
    }
}

fn begin(text: &str) -> String {
    const SHOWN: usize = 60;
    let begin: String = text.chars().take(SHOWN).collect();
    if begin.len() < text.len() {
        format!("{begin}…")
    } else {
        begin
    }
}
