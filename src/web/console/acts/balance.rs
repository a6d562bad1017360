//! Changing punches or points by hand, with a reason. What will happen is shown first; what is applied is what was shown.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Asks, Sent, changed, done, foot, page, refused, unreadable};
use crate::domain::access::Action;
use crate::domain::adjustment::{Adjustment, Effect, punches_held};
use crate::domain::change::{Cause, Reason};
use crate::domain::program::Scheme;
use crate::ops::balances::AdjustError;
use crate::web::Web;
use crate::web::console::profile::{self, Held};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The form as it was filled in.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    version: i64,
    seen: i64,
    #[serde(default)]
    number: String,
    #[serde(default)]
    reason: String,
    /// The number whose effect was shown.
    #[serde(default)]
    shown: String,
    /// `apply`, or anything else to look first.
    #[serde(default)]
    step: String,
    #[serde(default, rename = "in")]
    within: Option<String>,
}

/// What is wrong with each field.
#[derive(Debug, Default)]
struct Wrong {
    number: Option<String>,
    reason: Option<&'static str>,
}

/// `GET /console/cards/{card_id}/balance`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EditBalance)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    let typed = Typed {
        number: standing(&held).map_or_else(String::new, |(now, is_punches)| {
            if is_punches {
                now.to_string()
            } else {
                String::new()
            }
        }),
        ..Typed::default()
    };
    Ok(view(&screen, &held, &typed, &Wrong::default(), None))
}

/// `POST /console/cards/{card_id}/balance`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditBalance)?;
    let held = profile::open_sent(&web, &screen, &card, typed.within.as_deref()).await?;
    let sent = Sent {
        version: typed.version,
        seen: typed.seen,
        ..Sent::default()
    };
    if super::is_stale(&held, &sent) {
        return changed(&web, &screen, &held, &sent).await;
    }
    let (adjustment, reason) = match read(&screen, &held, &typed) {
        Ok(read) => read,
        Err(wrong) => return Ok(unreadable(view(&screen, &held, &typed, &wrong, None))),
    };
    let (merchant, id) = (screen.member.merchant, held.card());
    let cause = Cause::of(screen.member.actor()).because(reason);
    let applies = typed.step == "apply" && typed.shown == typed.number;
    let result = if applies {
        let seen = Some(typed.version);
        let adjusted = web.ops.adjust(merchant, id, seen, adjustment, None, cause).await;
        match adjusted {
            Ok(_) => return Ok(done(&held.way, "adjusted")),
            Err(error) => Err(error),
        }
    } else {
        web.ops.preview_adjustment(merchant, id, adjustment, cause).await
    };
    match result {
        Ok(effect) => Ok(view(&screen, &held, &typed, &Wrong::default(), Some(&effect)).into_response()),
        Err(AdjustError::NotFound) => Err(ApiError::NotFound),
        Err(AdjustError::Store(error)) => Err(error.into()),
        Err(AdjustError::Stale) => changed(&web, &screen, &held, &sent).await,
        Err(AdjustError::Refused(refusal)) => {
            let wrong = Wrong {
                number: Some(screen.words.language.adjust_refusal(&refusal)),
                reason: None,
            };
            Ok(refused(view(&screen, &held, &typed, &wrong, None)))
        }
        Err(error @ (AdjustError::NoReason | AdjustError::OtherCard)) => Err(Refused::Adjust(error).into()),
    }
}

/// What the card has now, and whether that is punches. None for a coupon.
fn standing(held: &Held) -> Option<(i64, bool)> {
    let card = &held.profile.card.card;
    match &held.profile.card.of.program.rules.scheme {
        Scheme::Punch(rules) => Some((punches_held(rules, card), true)),
        Scheme::Points(_) => Some((card.points, false)),
        Scheme::Coupon(_) => None,
    }
}

fn read(screen: &Screen, held: &Held, typed: &Typed) -> Result<(Adjustment, Reason), Wrong> {
    let words = &screen.words.acts;
    let number = typed.number.trim().replace('−', "-").parse::<i64>();
    let reason = Reason::parse(&typed.reason);
    match (number, reason, standing(held)) {
        (Ok(to), Ok(reason), Some((from, true))) => Ok((Adjustment::SetPunches { from, to }, reason)),
        (Ok(amount), Ok(reason), _) => Ok((Adjustment::Add { amount, paid: None }, reason)),
        (number, reason, _) => Err(Wrong {
            number: number.err().map(|_| words.number_wrong.to_owned()),
            reason: reason.err().map(|_| words.reason_wrong),
        }),
    }
}

fn view(screen: &Screen, held: &Held, typed: &Typed, wrong: &Wrong, effect: Option<&Effect>) -> Markup {
    let words = &screen.words.acts;
    let language = screen.words.language;
    let (now, is_punches) = standing(held).unwrap_or((0, false));
    let (title, label, hint) = if is_punches {
        (
            words.adjust_punches,
            words.new_punches,
            (words.punches_now)(&screen.number(now)),
        )
    } else {
        (
            words.adjust_points,
            words.points_by,
            (words.points_now)(&language.points(now)),
        )
    };
    let fields = html! {
        input type="hidden" name="shown" value=(if effect.is_some() { typed.number.as_str() } else { "" });
        div.field {
            label for="number" { (label) }
            input #number name="number" type="text" inputmode="numeric" autocomplete="off" required maxlength="12"
                value=(typed.number) autofocus[effect.is_none()]
                aria-invalid=[wrong.number.as_ref().map(|_| "true")]
                aria-describedby=(if wrong.number.is_some() { "number-problem" } else { "number-hint" });
            @match &wrong.number {
                Some(wrong) => p #number-problem .problem { (wrong) },
                None => p #number-hint .hint { (hint) },
            }
        }
        div.field {
            label for="reason" { (words.reason) }
            input #reason name="reason" type="text" autocomplete="off" required maxlength="200" value=(typed.reason)
                aria-invalid=[wrong.reason.map(|_| "true")]
                aria-describedby=(if wrong.reason.is_some() { "reason-problem" } else { "reason-hint" });
            @match wrong.reason {
                Some(wrong) => p #reason-problem .problem { (wrong) },
                None => p #reason-hint .hint { (words.reason_hint) },
            }
        }
        @if let Some(effect) = effect { (told(screen, effect, is_punches)) }
        (foot(screen, held, &html! {
            button.button.(if effect.is_some() { "secondary" } else { "primary" }) type="submit" name="step" value="look" { (words.show_effect) }
            @if effect.is_some() {
                button.button.primary type="submit" name="step" value="apply" autofocus { (words.apply) }
            }
        }))
    };
    let form = super::form(held, "/balance", Asks::Stay, &fields);
    page(screen, held, title, None, &form)
}

fn told(screen: &Screen, effect: &Effect, is_punches: bool) -> Markup {
    let words = &screen.words.acts;
    let language = screen.words.language;
    let said = |standing: &crate::domain::adjustment::Standing| {
        let balance = if is_punches {
            language.punches(standing.punches)
        } else {
            language.points(standing.points)
        };
        format!("{balance}, {}", language.rewards(standing.rewards))
    };
    html! {
        section.effect aria-label=(words.effect) role="status" {
            h2 { (words.effect) }
            dl.details {
                div { dt { (words.before) } dd { (said(&effect.before)) } }
                div { dt { (words.after) } dd { strong { (said(&effect.after)) } } }
            }
            @if effect.rewards_earned > 0 { p { ((words.effect_earned)(effect.rewards_earned)) } }
            @if effect.rewards_withdrawn > 0 { p { ((words.effect_withdrawn)(effect.rewards_withdrawn)) } }
            @if effect.before.tier != effect.after.tier { p { (words.effect_tier) } }
        }
    }
}
