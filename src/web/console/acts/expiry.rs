//! Moving the last day of a card, or taking it away. A day that is past ends the card now, when that is confirmed.

use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Asks, Sent, foot, lifecycle, page, refused, unreadable};
use crate::domain::access::Action;
use crate::domain::lifecycle::LifecycleRefusal;
use crate::domain::time::{CivilDay, Timestamp};
use crate::ops::cards::CardError;
use crate::web::Web;
use crate::web::console::profile::{self, Held};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

/// The form as it was filled in.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    version: i64,
    seen: i64,
    #[serde(default)]
    day: String,
    #[serde(default)]
    never: String,
    /// That the card may end now.
    #[serde(default)]
    confirmed: String,
    #[serde(default, rename = "in")]
    within: Option<String>,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    NoDay,
    /// A day, and that there is none.
    Both,
    EndsNow,
}

/// `GET /console/cards/{card_id}/expiry`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EditExpiry)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    let last = last_day(&screen, held.profile.card.card.expires_at);
    let typed = Typed {
        never: if last.is_none() {
            "1".to_owned()
        } else {
            String::new()
        },
        day: last.map_or_else(String::new, |day| day.to_string()),
        ..Typed::default()
    };
    Ok(view(&screen, &held, &typed, None))
}

/// `POST /console/cards/{card_id}/expiry`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditExpiry)?;
    let held = profile::open_sent(&web, &screen, &card, typed.within.as_deref()).await?;
    let sent = Sent {
        version: typed.version,
        seen: typed.seen,
        ..Sent::default()
    };
    let last = last_day(&screen, held.profile.card.card.expires_at);
    let end = match typed.end(last, &screen.member.zone) {
        Ok(end) => end,
        Err(problem) => return Ok(unreadable(view(&screen, &held, &typed, Some(problem)))),
    };
    let confirmed = !typed.confirmed.is_empty();
    let (merchant, actor) = (screen.member.merchant, screen.member.actor());
    // Whether the card is the one that the form showed is asked where it is locked.
    let seen = Some(sent.version);
    let result = web
        .ops
        .change_expiry(merchant, held.card(), seen, end, confirmed, actor)
        .await;
    if matches!(result, Err(CardError::Lifecycle(LifecycleRefusal::WouldEndNow))) {
        return Ok(refused(view(&screen, &held, &typed, Some(Problem::EndsNow))));
    }
    let word = was(&screen, held.profile.card.card.expires_at);
    lifecycle::answer(&web, &screen, &held, &sent, result, &word).await
}

impl Typed {
    /// The end that is wished for, given the last day that the form showed.
    ///
    /// The form of a card without an end comes with "does not expire" ticked: whoever writes a day there means the day. And
    /// the day of a card that has one stands in its field already: whoever ticks the box means the box.
    fn end(&self, last: Option<jiff::civil::Date>, zone: &TimeZone) -> Result<Option<Timestamp>, Problem> {
        let day = self.day.trim();
        let is_new = !day.is_empty() && last.is_none_or(|last| last.to_string() != day);
        match (self.never.is_empty(), is_new) {
            (false, false) => return Ok(None),
            (false, true) if last.is_some() => return Err(Problem::Both),
            _ => {}
        }
        let day = day.parse().ok().map(CivilDay);
        let end = day.and_then(|day| day.end_in(zone));
        end.map(Some).ok_or(Problem::NoDay)
    }
}

/// The last day on which a card that ends then is good.
fn last_day(screen: &Screen, end: Option<Timestamp>) -> Option<jiff::civil::Date> {
    let last = end?.minus(std::time::Duration::from_millis(1));
    Some(last.to_jiff().to_zoned(screen.member.zone.clone()).date())
}

/// What was done, with the end before it, where the form can say that one again.
fn was(screen: &Screen, end: Option<Timestamp>) -> String {
    let Some(day) = last_day(screen, end) else {
        return "expiry-never".to_owned();
    };
    let same = CivilDay(day).end_in(&screen.member.zone) == end && end > Some(screen.now);
    if same {
        format!("expiry-{day}")
    } else {
        "expiry".to_owned()
    }
}

fn view(screen: &Screen, held: &Held, typed: &Typed, problem: Option<Problem>) -> Markup {
    let words = &screen.words.acts;
    let wrong = match problem {
        Some(Problem::NoDay) => Some(screen.words.profile.wrong_day),
        Some(Problem::Both) => Some(words.day_or_never),
        Some(Problem::EndsNow) | None => None,
    };
    let zone = screen.member.zone.iana_name().unwrap_or("UTC");
    let fields = html! {
        div.field {
            label for="day" { (words.last_day) }
            input #day name="day" type="date" min="2000-01-01" value=(typed.day) autofocus
                aria-invalid=[wrong.map(|_| "true")]
                aria-describedby=(if wrong.is_some() { "day-problem" } else { "day-hint" });
            @match wrong {
                Some(wrong) => p #day-problem .problem { (wrong) },
                None => p #day-hint .hint { ((words.last_day_hint)(zone)) },
            }
        }
        label.check { input type="checkbox" name="never" value="1" data-instead="day" checked[!typed.never.is_empty()]; span { (words.never_expires) } }
        @if problem == Some(Problem::EndsNow) {
            label.check { input type="checkbox" name="confirmed" value="1" required; span { (words.confirm_end) } }
        }
        (foot(screen, held, &html! { button.button.primary type="submit" { (words.apply) } }))
    };
    let form = super::form(held, "/expiry", Asks::Guard, &fields);
    let said = (problem == Some(Problem::EndsNow)).then_some(words.ends_now);
    page(screen, held, words.expiry, said, &form)
}
