//! Handing out a reward, exchanging points, redeeming a coupon, with what was paid.

use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::bar::redeem_title;
use super::{Asks, Sent, done, foot, lifecycle, page, refused, unreadable};
use crate::domain::access::Action;
use crate::domain::change::Cause;
use crate::domain::coupon::Redeem;
use crate::domain::event::Source;
use crate::domain::money::Amount;
use crate::domain::program::{ProgramKind, Scheme};
use crate::ops::coupons::CouponError;
use crate::web::Web;
use crate::web::console::components::icon;
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
    amount: String,
    /// The code of a reward that points are exchanged for.
    #[serde(default)]
    reward: String,
    #[serde(default, rename = "in")]
    within: Option<String>,
}

/// What is wrong, and with which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Amount,
    Missing,
}

/// `GET /console/cards/{card_id}/redeem`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::RedeemReward)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    Ok(view(&screen, &held, &Typed::default(), None, None))
}

/// `POST /console/cards/{card_id}/redeem`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::RedeemReward)?;
    let held = profile::open_sent(&web, &screen, &card, typed.within.as_deref()).await?;
    let amount = match typed.amount(&held) {
        Ok(amount) => amount,
        Err(wrong) => return Ok(unreadable(view(&screen, &held, &typed, Some(wrong), None))),
    };
    let (merchant, id, actor) = (screen.member.merchant, held.card(), screen.member.actor());
    let sent = Sent {
        version: typed.version,
        seen: typed.seen,
        ..Sent::default()
    };
    let result = match held.shown.sheet.face.kind {
        ProgramKind::Punch => {
            web.ops
                .redeem_paid(merchant, id, typed.version, amount, Cause::of(actor))
                .await
        }
        ProgramKind::Points => {
            let code = typed.reward.clone();
            web.ops
                .redeem_reward(merchant, id, code, typed.version, amount, Cause::of(actor))
                .await
        }
        ProgramKind::Coupon => {
            let wish = Redeem {
                amount,
                actor,
                source: Source::Console,
                location: None,
                batch: None,
            };
            return coupon(
                &screen,
                &held,
                &typed,
                web.ops.redeem_coupon(merchant, id, wish).await,
            );
        }
    };
    lifecycle::answer(&web, &screen, &held, &sent, result, "redeemed").await
}

fn coupon(
    screen: &Screen,
    held: &Held,
    typed: &Typed,
    result: Result<crate::ops::coupons::Redeemed, CouponError>,
) -> Result<Response, ApiError> {
    let language = screen.words.language;
    let reason = match result {
        Ok(_) => return Ok(done(&held.way, "redeemed")),
        Err(CouponError::NotFound) => return Err(ApiError::NotFound),
        Err(CouponError::Store(error)) => return Err(error.into()),
        Err(refusal) => language.coupon_error(&refusal),
    };
    Ok(refused(view(screen, held, typed, None, Some(&reason))))
}

impl Typed {
    fn amount(&self, held: &Held) -> Result<Option<Amount>, Wrong> {
        let purchase = &held.profile.card.of.program.rules.purchase;
        match self.amount.trim() {
            "" if purchase.required => Err(Wrong::Missing),
            "" => Ok(None),
            text => purchase
                .currency
                .amount(text)
                .map(Some)
                .map_err(|_| Wrong::Amount),
        }
    }
}

fn view(screen: &Screen, held: &Held, typed: &Typed, wrong: Option<Wrong>, problem: Option<&str>) -> Markup {
    let words = &screen.words.acts;
    let program = &held.profile.card.of.program;
    let (purchase, face) = (&program.rules.purchase, &held.shown.sheet.face);
    let example = screen.words.language.money(purchase.currency, 350);
    let wrong = wrong.map(|wrong| match wrong {
        Wrong::Missing => words.amount_required.to_owned(),
        Wrong::Amount => (words.amount_wrong)(&example),
    });
    let hint = if purchase.required {
        words.amount_required
    } else {
        words.amount_optional
    };
    let described = if wrong.is_some() {
        "amount-problem"
    } else {
        "amount-hint"
    };
    let fields = html! {
        @match &program.rules.scheme {
            Scheme::Points(points) => {
                div.field {
                    label for="reward" { (words.which_reward) }
                    select #reward name="reward" required {
                        @for reward in &points.rewards {
                            @let covered = reward.points <= face.points;
                            option value=(reward.code) disabled[!covered] selected[typed.reward == reward.code] {
                                ((words.costs)(&reward.name, &screen.words.language.points(reward.points)))
                                @if !covered { ", " (words.not_covered) }
                            }
                        }
                    }
                }
            }
            Scheme::Punch(_) | Scheme::Coupon(_) => p.hint { ((words.redeem_text)(&face.reward_name)) },
        }
        div.field {
            label for="amount" { ((words.purchase)(purchase.currency.code())) }
            input #amount name="amount" type="text" inputmode="decimal" autocomplete="off" maxlength="20"
                pattern="[0-9]+([.,][0-9]+)?" required[purchase.required] value=(typed.amount)
                aria-invalid=[wrong.as_ref().map(|_| "true")] aria-describedby=(described);
            @match &wrong {
                Some(wrong) => p #amount-problem .problem { (wrong) },
                None => p #amount-hint .hint { (hint) },
            }
        }
        (foot(screen, held, &html! {
            button.button.primary.until-valid type="submit" { (icon("gift")) (words.apply) }
        }))
    };
    let form = super::form(held, "/redeem", Asks::Guard, &fields);
    page(screen, held, redeem_title(screen, face.kind), problem, &form)
}
