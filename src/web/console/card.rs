//! The page of one card: its front, its numbers, what may be done with it, and its timeline.
//!
//! The parts that change with the card have fixed ids (`pass`, `facts`, `actions`, `timeline`), so that the live
//! stream can replace each of them; the same functions draw them for both.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::access::Action;
use crate::domain::event::EventKind;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::program::ProgramKind;
use crate::domain::receipt::Receipt;
use crate::domain::time::Timestamp;
use crate::ops::pushes::Why;
use crate::ops::receipts;
use crate::store::listing::{self, CardSheet, TimelineRow};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon, platforms, status_badge, time, toast};
use crate::web::console::layout::{Section, Theme, frame};
use crate::web::console::words::ENGLISH;
use crate::web::console::{devices, pass, timeline, why};
use crate::web::error::ApiError;
use crate::web::extract::Member;

/// Rows of a timeline on one page.
pub const TIMELINE_PAGE: i64 = 30;

/// A card as its page shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub sheet: CardSheet,
    /// The newest rows.
    pub recent: Vec<TimelineRow>,
    /// The phones that hold it.
    pub devices: Vec<Receipt>,
}

impl Shown {
    pub fn last_event(&self) -> EventId {
        self.sheet.last_event.unwrap_or(EventId(0))
    }
}

#[derive(Debug, Default, Deserialize)]
pub struct Place {
    /// Show the timeline from this event back.
    before: Option<String>,
    /// What the form that led here did.
    done: Option<String>,
}

/// `GET /console/cards/{card_id}`
pub async fn show(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    member.require(Action::ViewCards)?;
    let card = card_id(&card)?;
    let shown = load(&web, member.merchant, card, TIMELINE_PAGE).await?;
    let earlier = match place.before.as_deref().and_then(|before| before.parse().ok()) {
        Some(from) => Some(rows(&web, member.merchant, card, EventId(from), EventId(0)).await?),
        None => None,
    };
    let why = web.ops.why(member.merchant, card).await?;
    let now = web.ops.clock.now();
    let notice = place
        .done
        .as_deref()
        .and_then(|done| notice(done, &member, &shown, now));
    Ok(view(
        &member,
        theme,
        &shown,
        (earlier.as_deref(), why.as_ref()),
        notice.as_ref(),
        now,
    ))
}

/// Reads the id in a path; one that cannot be ours is simply not there.
pub fn card_id(text: &str) -> Result<CardId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

/// A card and its newest `limit` events, in one snapshot.
pub async fn load(web: &Web, merchant: MerchantId, card: CardId, limit: i64) -> Result<Shown, ApiError> {
    let found = web
        .ops
        .store
        .read("card_page", move |tx| {
            Box::pin(async move {
                let Some(sheet) = listing::card(tx, merchant, card).await? else {
                    return Ok::<_, crate::store::Error>(None);
                };
                let recent = match sheet.last_event {
                    Some(last) => listing::timeline(tx, merchant, card, last, EventId(0), limit).await?,
                    None => Vec::new(),
                };
                let devices = receipts::of_card(tx, merchant, card).await?;
                Ok(Some(Shown {
                    sheet,
                    recent,
                    devices,
                }))
            })
        })
        .await?;
    found.ok_or(ApiError::NotFound)
}

/// One page of a card's timeline, from event `from` back to, but without, event `after`.
pub async fn rows(
    web: &Web,
    merchant: MerchantId,
    card: CardId,
    from: EventId,
    after: EventId,
) -> Result<Vec<TimelineRow>, ApiError> {
    let read = web.ops.store.read("card_timeline", move |tx| {
        Box::pin(async move { listing::timeline(tx, merchant, card, from, after, TIMELINE_PAGE).await })
    });
    Ok(read.await?)
}

pub fn view(
    member: &Member,
    theme: Theme,
    shown: &Shown,
    (earlier, why): (Option<&[TimelineRow]>, Option<&Why>),
    notice: Option<&Markup>,
    now: Timestamp,
) -> Markup {
    let sheet = &shown.sheet;
    let address = format!("/console/cards/{}", sheet.face.card);
    let stream = format!("{address}/events?since={}", seen(shown));
    let listed = earlier.unwrap_or(&shown.recent);
    let content = html! {
        @if let Some(notice) = notice { (notice) }
        nav.crumbs aria-label="Path" { a href="/console/cards" { (icon("left")) "Cards" } }
        div.page-head {
            h1 { (sheet.customer_name) }
            p.muted { (sheet.face.program_name) }
        }
        div.card-page data-live=[earlier.is_none().then_some(stream)] {
            div.card-side { (pass::front(&sheet.face)) }
            div.card-main {
                (facts(member, sheet, now))
                (actions(member, shown, now))
                (devices::panel(&shown.devices, &member.zone, now))
                @if let Some(why) = why { (why::section(why, now)) }
                section.panel aria-labelledby="timeline-title" {
                    div.panel-head {
                        h2 #timeline-title { @if earlier.is_some() { "Earlier" } @else { "Timeline" } }
                        @if earlier.is_none() { span.live data-live-state hidden { span.live-dot {} span { "Live" } } }
                    }
                    @if listed.is_empty() {
                        p.muted.quiet { "Nothing has happened to this card yet." }
                    }
                    ol #timeline .timeline { (timeline::rows(listed, &member.zone, now)) }
                    div.panel-foot {
                        @if earlier.is_some() { a.button.secondary href=(address) { (icon("left")) "Back to the newest" } }
                        @if let Some(previous) = listed.last().and_then(|row| row.previous) {
                            a.button.secondary href=(format!("{address}?before={}", previous.0)) { "Show earlier" }
                        }
                    }
                }
            }
        }
    };
    frame(
        member,
        theme,
        &ENGLISH,
        Section::Customers,
        &sheet.customer_name,
        &content,
    )
}

/// What a page has seen of a card: its newest event and its version. The id of every live message.
pub fn seen(shown: &Shown) -> String {
    format!("{}-{}", shown.last_event().0, shown.sheet.face.version)
}

/// The card's numbers and where it is.
pub fn facts(member: &Member, sheet: &CardSheet, now: Timestamp) -> Markup {
    let face = &sheet.face;
    html! {
        section #facts .panel.facts aria-label="Card" {
            div.figures {
                @match face.kind {
                    ProgramKind::Punch => div.figure {
                        span.figure-label { "Punches" }
                        span.figure-value { (face.punches) small { " of " (face.goal) } }
                    }
                    ProgramKind::Points => div.figure {
                        span.figure-label { "Points" }
                        span.figure-value { (face.points) }
                    }
                    ProgramKind::Coupon => div.figure {
                        span.figure-label { "Coupon" }
                        span.figure-value.small { (face.balance()) }
                    }
                }
                div.figure { span.figure-label { "Rewards" } span.figure-value { (face.rewards) @if face.rewards > 0 { small { " ready" } } } }
                div.figure { span.figure-label { "Visits" } span.figure-value { (sheet.visits) } }
                div.figure {
                    span.figure-label { "Last visit" }
                    span.figure-value.small {
                        @if let Some(at) = sheet.last_visit_at { (time(at, &member.zone, now)) } @else { "Never" }
                    }
                }
            }
            dl.details {
                div { dt { "Status" } dd { (status_badge(sheet.status)) } }
                div { dt { "On phones" } dd { (platforms(sheet.channels)) } }
                div { dt { "Reward" } dd { (face.reward_name) } }
                div { dt { "Issued" } dd { (time(sheet.created_at, &member.zone, now)) } }
                @if let Some(email) = &sheet.customer_email { div.email { dt { "Email" } dd { (email) } } }
                @if let Some(phone) = &sheet.customer_phone { div { dt { "Phone" } dd { (phone) } } }
                div.wide {
                    dt { "Serial number" }
                    dd.copyable {
                        code { (face.serial_number) }
                        button.icon-button type="button" data-copy=(face.serial_number) aria-label="Copy serial number" hidden {
                            (icon("copy"))
                        }
                    }
                }
            }
        }
    }
}

/// The forms that the member's role may send and the card's state allows.
pub fn actions(member: &Member, shown: &Shown, now: Timestamp) -> Markup {
    let sheet = &shown.sheet;
    let ended = sheet.face.void;
    let redeem = member.may(Action::RedeemReward) && sheet.face.rewards > 0 && !ended;
    let reverse = reversible(member, shown, now);
    let end = member.may(Action::VoidCard);
    html! {
        section #actions .actions aria-label="Actions" {
            @if redeem {
                (form(shown, "redeem", None, &html! {
                    button.button.primary type="submit" { (icon("gift")) "Redeem reward" }
                }))
            }
            @if let Some(row) = reverse {
                (form(shown, "reverse", Some(row.id), &html! {
                    button.button.secondary type="submit" { (icon("undo")) (reverse_label(row.kind)) }
                }))
            }
            @if end && ended {
                (form(shown, "restore", None, &html! {
                    button.button.secondary type="submit" { (icon("undo")) "Restore card" }
                }))
            }
            @if end && !ended { (end_card(shown)) }
        }
    }
}

fn end_card(shown: &Shown) -> Markup {
    let sheet = &shown.sheet;
    html! {
        button.button.quiet-danger type="button" popovertarget="end-card" { (icon("stop")) "End card…" }
        div #end-card .dialog popover role="alertdialog" aria-labelledby="end-title" aria-describedby="end-text" {
            h2 #end-title { "End " (sheet.customer_name) "’s card?" }
            p #end-text {
                "It can no longer be punched or redeemed. It stays on the phone, marked as ended, and "
                "its history stays here. You can restore it later."
            }
            div.dialog-foot {
                button.button.secondary type="button" popovertarget="end-card" popovertargetaction="hide" autofocus {
                    "Keep it"
                }
                (form(shown, "end", None, &html! {
                    button.button.danger type="submit" { "End card" }
                }))
            }
        }
    }
}

/// The newest punch or redemption that can still be taken back by this member.
fn reversible<'a>(member: &Member, shown: &'a Shown, now: Timestamp) -> Option<&'a TimelineRow> {
    let may = member.may(Action::ReverseEvent) && !shown.sheet.face.void;
    let newest = shown.recent.iter().find(|row| {
        let kinds = [
            EventKind::CustomerScanned,
            EventKind::CustomerTapped,
            EventKind::RewardRedeemed,
        ];
        kinds.contains(&row.kind) && row.reversed_by.is_none()
    })?;
    let age = now.since(newest.at.max(newest.recorded_at));
    (may && age <= shown.sheet.reversal_window).then_some(newest)
}

fn reverse_label(kind: EventKind) -> &'static str {
    match kind {
        EventKind::RewardRedeemed => "Take back redemption",
        _ => "Take back last punch",
    }
}

/// A form that says which state of the card its sender saw: sent twice, the second finds another version.
fn form(shown: &Shown, action: &str, event: Option<EventId>, buttons: &Markup) -> Markup {
    html! {
        form method="post" action=(format!("/console/cards/{}/{action}", shown.sheet.face.card)) data-once {
            input type="hidden" name="version" value=(shown.sheet.face.version);
            input type="hidden" name="seen" value=(shown.last_event().0);
            @if let Some(event) = event { input type="hidden" name="event" value=(event.0); }
            (buttons)
        }
    }
}

/// What was just done, with the way back where there is one.
fn notice(done: &str, member: &Member, shown: &Shown, now: Timestamp) -> Option<Markup> {
    let undo = |action, event| {
        form(
            shown,
            action,
            event,
            &html! { button.link-button type="submit" { "Undo" } },
        )
    };
    let taken_back = reversible(member, shown, now);
    Some(match done {
        "redeemed" => {
            let back = taken_back.filter(|row| row.kind == EventKind::RewardRedeemed);
            toast(
                "Reward redeemed.",
                back.map(|row| undo("reverse", Some(row.id))).as_ref(),
            )
        }
        "reversed" => toast("Taken back.", None),
        "ended" => {
            let back = member.may(Action::VoidCard) && shown.sheet.face.void;
            toast("Card ended.", back.then(|| undo("restore", None)).as_ref())
        }
        "restored" => toast("Card restored.", None),
        _ => return None,
    })
}

/// The page after a form that was refused, with the reason on top.
pub fn refused(member: &Member, theme: Theme, shown: &Shown, reason: &str, now: Timestamp) -> Markup {
    view(
        member,
        theme,
        shown,
        (None, None),
        Some(&alert(Tone::Bad, reason)),
        now,
    )
}

/// The page after a form that was made from an older state of the card: what happened since, and the choice
/// again.
pub fn changed_meanwhile(
    member: &Member,
    theme: Theme,
    shown: &Shown,
    since: &[TimelineRow],
    now: Timestamp,
) -> Markup {
    let address = format!("/console/cards/{}", shown.sheet.face.card);
    let content = html! {
        nav.crumbs aria-label="Path" { a href=(address) { (icon("left")) (shown.sheet.customer_name) } }
        section.panel.changed {
            h1 { "This card has changed" }
            p {
                "Nothing was done: since you opened the page, this happened. Look at it, then choose again."
            }
            @if since.is_empty() {
                p.muted { "The card itself was changed; its timeline was not." }
            }
            ol.timeline { (timeline::rows(since, &member.zone, now)) }
            p { "It now stands at " strong { (shown.sheet.face.balance()) } " punches, rewards to redeem: "
                strong { (shown.sheet.face.rewards) } "." }
            (actions(member, shown, now))
            p { a href=(address) { "Back to the card" } }
        }
    };
    frame(
        member,
        theme,
        &ENGLISH,
        Section::Customers,
        "Changed meanwhile",
        &content,
    )
}
