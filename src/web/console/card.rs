//! A card as its open pages show and follow it: its front, its numbers, and what may be done with it.
//!
//! The parts that change with the card have fixed ids (`pass`, `facts`, `actions`, `timeline`), so that the live
//! stream can replace each of them; the same functions draw them for both.

use maud::{Markup, html};

use crate::apple::Texts;
use crate::domain::card::CardStatus;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::program::ProgramKind;
use crate::store::listing::{self, CardSheet, TimelineRow};
use crate::web::Web;
use crate::web::console::components::status_badge;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// Events that a page shows of a card without being asked for more.
pub const RECENT: i64 = 30;

/// A card as its page shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub sheet: CardSheet,
    /// The newest rows.
    pub recent: Vec<TimelineRow>,
    /// What its pass says.
    pub texts: Option<Texts>,
}

impl Shown {
    pub fn last_event(&self) -> EventId {
        self.sheet.last_event.unwrap_or(EventId(0))
    }
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
                Ok(Some((sheet, recent)))
            })
        })
        .await?;
    let (sheet, recent) = found.ok_or(ApiError::NotFound)?;
    let texts = web.passes.texts(&sheet.face);
    Ok(Shown { sheet, recent, texts })
}

/// What happened to a card after event `after`, newest first.
pub async fn since(
    web: &Web,
    merchant: MerchantId,
    shown: &Shown,
    after: EventId,
) -> Result<Vec<TimelineRow>, ApiError> {
    let (card, from) = (shown.sheet.face.card, shown.last_event());
    let read = web.ops.store.read("card_timeline", move |tx| {
        Box::pin(async move { listing::timeline(tx, merchant, card, from, after, RECENT).await })
    });
    Ok(read.await?)
}

/// What a page has seen of a card: its newest event and its version. The id of every live message.
pub fn seen(shown: &Shown) -> String {
    format!("{}-{}", shown.last_event().0, shown.sheet.face.version)
}

/// The balance in words, as staff say it.
pub fn balance(screen: &Screen, shown: &Shown) -> String {
    let (face, language) = (&shown.sheet.face, screen.words.language);
    match face.kind {
        ProgramKind::Punch => (screen.words.common.punches_of)(face.punches, face.goal),
        ProgramKind::Points => language.points(face.points),
        ProgramKind::Coupon if face.redeemed => screen.words.profile.coupon_redeemed.to_owned(),
        ProgramKind::Coupon => screen.words.profile.coupon_active.to_owned(),
    }
}

/// The card's numbers that change while somebody looks.
pub fn facts(screen: &Screen, sheet: &CardSheet) -> Markup {
    let face = &sheet.face;
    let (words, common) = (&screen.words.profile, &screen.words.common);
    let ready = (common.ready)(face.rewards);
    let ready = ready.split_once(' ').map_or("", |(_, word)| word);
    html! {
        section #facts .panel.facts aria-label=(words.balance) {
            div.figures {
                div.figure {
                    span.figure-label { (words.balance) }
                    @match face.kind {
                        ProgramKind::Punch => span.figure-value { (face.punches) small { " / " (face.goal) } }
                        ProgramKind::Points => span.figure-value { (screen.number(face.points)) }
                        ProgramKind::Coupon => span.figure-value.small {
                            @if face.redeemed { (words.coupon_redeemed) } @else { (words.coupon_active) }
                        }
                    }
                }
                div.figure {
                    span.figure-label { (words.rewards) }
                    span.figure-value { (face.rewards) @if face.rewards > 0 { small { " " (ready) } } }
                }
                div.figure { span.figure-label { (words.visits) } span.figure-value { (screen.number(sheet.visits)) } }
                div.figure {
                    span.figure-label { (words.last_visit) }
                    span.figure-value.small {
                        @if let Some(at) = sheet.last_visit_at { (screen.time(at)) } @else { (common.never) }
                    }
                }
            }
        }
    }
}

/// The status as a badge, in the words of the page.
pub fn status(screen: &Screen, status: CardStatus) -> Markup {
    status_badge(&screen.words.common, status)
}
