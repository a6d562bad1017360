//! The public page of a program, where a stranger joins: `/join/{merchant}/{program}`.
//!
//! No account, no script: one form. It carries on what the link brought along (a code, who referred, the campaign), and
//! a ticket that makes it good for one card, however often it is sent. Nothing that was typed is lost by a refusal. What
//! is decided is decided by `ops::joining`.

mod ticket;
mod view;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Form, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::card_link;
use super::seen::Seen;
use super::throttle::Throttle;
use crate::domain::consent::{self, Purpose};
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::join::{Admission, Arrival};
use crate::domain::profile::{Field, FieldError};
use crate::ops::codes::CodesError;
use crate::ops::customers::CustomerError;
use crate::ops::join_pages::JoinSheet;
use crate::ops::joining::{JoinError, Joined, Joining};
use crate::web::Web;
use crate::web::console::address::ClientAddress;
use crate::web::console::people::fields::{Typed, Wrong};
use crate::web::error::ApiError;
use view::Shown;

/// No form of a join page is longer.
const LARGEST_FORM: usize = 64 * 1024;
/// What the names of answers to a program's fields begin with.
const FIELD: &str = "field:";
/// What the names of boxes to tick begin with.
const AGREE: &str = "agree:";

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/join/{merchant}/{program}", get(form).post(submit))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
}

/// The address of a program's join page, with what a link to it carries.
pub fn join_link(public_url: &str, merchant: MerchantId, program: ProgramId, arrival: &Arrival) -> String {
    format!("{public_url}/join/{merchant}/{program}{}", arrival.to_query())
}

/// `GET /join/{merchant}/{program}`
async fn form(
    State(web): State<Web>,
    headers: HeaderMap,
    Path(place): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let seen = Seen::of(&headers);
    let arrival = Arrival::from_query(&query.unwrap_or_default());
    let sheet = match open(&web, &seen, &place, &arrival).await? {
        Ok(sheet) => sheet,
        Err(closed) => return Ok(closed),
    };
    let typed = Typed(arrival.pairs().into_iter().map(owned).collect());
    Ok(show(&web, &seen, &sheet, &typed, None))
}

/// `POST /join/{merchant}/{program}`
async fn submit(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    Path(place): Path<(String, String)>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let seen = Seen::of(&headers);
    let (typed, now) = (Typed(sent), web.ops.clock.now());
    let arrival = arrival(&typed);
    let sheet = match open(&web, &seen, &place, &arrival).await? {
        Ok(sheet) => sheet,
        Err(closed) => return Ok(closed),
    };
    let of = (sheet.of.program.merchant, sheet.of.program.id);
    let refuse = |error: ApiError, wrong: Wrong| {
        let page = show(&web, &seen, &sheet, &typed, Some(&wrong));
        Ok((error.status(), page).into_response())
    };
    let again = |text: &str| Wrong {
        field: String::new(),
        text: text.to_owned(),
    };
    if !throttle.admit(address, now) {
        return refuse(ApiError::TooManyRequests, again(seen.said.too_many));
    }
    let wished = wished(&seen, &sheet, &typed, &arrival, web.sends_mail);
    let (card, joining) = match (ticket::open(&web.master, of, typed.get("ticket"), now), wished) {
        (_, Err(wrong)) => return refuse(ApiError::BadRequest(String::new()), wrong),
        (None, _) | (_, Ok(None)) => {
            return refuse(ApiError::Conflict(String::new()), again(seen.said.open_too_long));
        }
        (Some(card), Ok(Some(joining))) => (card, joining),
    };
    if !throttle.admit_into(of, now) {
        return refuse(ApiError::TooManyRequests, again(seen.said.too_many));
    }
    match web.ops.join(of.0, of.1, card, joining).await {
        Ok(Joined::Card(card)) => {
            let page = card_link("", &web.master, of.0, card);
            Ok(Redirect::to(&format!("{page}?done=joined")).into_response())
        }
        Ok(Joined::Letter) => Ok(view::letter(&web, &seen, &sheet)),
        Err(JoinError::Closed) => Ok(closed(&web, &seen, &sheet)),
        Err(error) => {
            let (status, wrong) = refusal(&seen, error)?;
            refuse(status, wrong)
        }
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// What the hidden fields, and the one for a code, carry on.
fn arrival(typed: &Typed) -> Arrival {
    let carried = |name: &str| name == "code" || name == "ref" || name.starts_with("utm_");
    let carried = typed.0.iter().filter(|(name, _)| carried(name));
    let mut query = form_urlencoded::Serializer::new(String::new());
    Arrival::from_query(&query.extend_pairs(carried).finish())
}

/// The page that somebody asks for, or what they see instead.
async fn open(
    web: &Web,
    seen: &Seen,
    (merchant, program): &(String, String),
    arrival: &Arrival,
) -> Result<Result<JoinSheet, Response>, ApiError> {
    let sheet = match (merchant.parse(), program.parse()) {
        (Ok(merchant), Ok(program)) => {
            let referral = arrival.referral.clone();
            web.ops.join_page(merchant, program, referral).await?
        }
        _ => None,
    };
    Ok(match sheet {
        None => {
            let page = view::unknown(seen);
            Err((ApiError::NotFound.status(), page).into_response())
        }
        Some(sheet) if sheet.admission() == Admission::Closed => Err(closed(web, seen, &sheet)),
        Some(sheet) => Ok(sheet),
    })
}

fn closed(web: &Web, seen: &Seen, sheet: &JoinSheet) -> Response {
    let status: StatusCode = ApiError::NotFound.status();
    (status, view::closed(web, seen, sheet)).into_response()
}

/// The form with what was typed, good for a card that is drawn now. A ticket that is still good stays: it may have made
/// its card, and a page that says otherwise may have got lost on its way.
fn show(web: &Web, seen: &Seen, sheet: &JoinSheet, typed: &Typed, wrong: Option<&Wrong>) -> Response {
    let now = web.ops.clock.now();
    let of = (sheet.of.program.merchant, sheet.of.program.id);
    let kept = ticket::open(&web.master, of, typed.get("ticket"), now);
    let card = kept.unwrap_or_else(|| CardId(web.ops.ids.next(now)));
    let shown = Shown {
        typed,
        wrong,
        ticket: &ticket::print(&web.master, of, card, now),
    };
    view::form(web, seen, sheet, &shown)
}

/// What somebody sent, as far as the page asked for it; none where the boxes that they ticked stood beside other words.
fn wished(
    seen: &Seen,
    sheet: &JoinSheet,
    typed: &Typed,
    arrival: &Arrival,
    sends_mail: bool,
) -> Result<Option<Joining>, Wrong> {
    let read = sheet.page.form.read(|field| typed.get(field.as_str()));
    let read = read.map_err(|error| wrong(seen, &error, false))?;
    let mut agreed = Vec::new();
    for purpose in &sheet.page.form.purposes {
        let ticked = typed.get(&format!("{AGREE}{}", purpose.as_str()));
        if ticked.is_empty() {
            continue;
        }
        let words = words_of(seen, *purpose, &sheet.of.merchant_name);
        if ticked != consent::text_name(&words) {
            return Ok(None);
        }
        agreed.push((*purpose, words));
    }
    let answers = sheet.fields.iter().map(|field| {
        let code = field.code.as_str();
        (code.to_owned(), typed.get(&format!("{FIELD}{code}")).to_owned())
    });
    Ok(Some(Joining {
        typed: read,
        answers: answers.collect(),
        agreed,
        arrival: arrival.clone(),
        language: seen.language.as_str().to_owned(),
        sends_mail,
    }))
}

/// The words beside a box, which are the evidence of what was agreed to.
fn words_of(seen: &Seen, purpose: Purpose, merchant: &str) -> String {
    let said = seen.said;
    match purpose {
        Purpose::Marketing => (said.agree_marketing)(merchant),
        Purpose::Profiling => (said.agree_profiling)(merchant),
        Purpose::Personalised => (said.agree_personalised)(merchant),
    }
}

/// What is wrong with a field, of the page or of the program, by the name that it has in the form.
fn wrong(seen: &Seen, error: &FieldError, is_custom: bool) -> Wrong {
    Wrong {
        field: if is_custom {
            format!("{FIELD}{}", error.field)
        } else {
            error.field.to_string()
        },
        text: seen.said.field_refusal(seen.language, error),
    }
}

/// Why somebody did not join, as they read it.
fn refusal(seen: &Seen, error: JoinError) -> Result<(ApiError, Wrong), ApiError> {
    let codes = &seen.language.words().codes;
    let of_code = |text: String| {
        let field = "code".to_owned();
        Ok((ApiError::Conflict(String::new()), Wrong { field, text }))
    };
    match error {
        JoinError::Store(error)
        | JoinError::Code(CodesError::Store(error))
        | JoinError::Customer(CustomerError::Store(error)) => Err(error.into()),
        JoinError::CodeNeeded => of_code(seen.said.needs_code.to_owned()),
        JoinError::Code(CodesError::Typed(error)) => of_code(codes.typed(&error)),
        JoinError::Code(CodesError::Refused(refusal)) => of_code(codes.refusal(&refusal)),
        JoinError::Code(_) => of_code(codes.unknown.to_owned()),
        JoinError::Customer(CustomerError::Field(error)) => {
            let is_custom = Field::ALL.iter().all(|field| field.as_str() != error.field);
            Ok((
                ApiError::BadRequest(String::new()),
                wrong(seen, &error, is_custom),
            ))
        }
        JoinError::Closed | JoinError::Customer(_) => {
            let (field, text) = (String::new(), seen.said.busy.to_owned());
            Ok((ApiError::Conflict(String::new()), Wrong { field, text }))
        }
    }
}
