//! The public page of a program, where a stranger joins: `/join/{merchant}/{program}`.
//!
//! No account, no script: one form. It carries on what the link brought along (a code, who referred, the campaign), and
//! a ticket that makes it good for one card, however often it is sent. Nothing that was typed is lost by a refusal. What
//! is decided is decided by `ops::joining`.

pub mod agree;
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
use crate::domain::consent_words::WordsVersion;
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
use agree::Agreeing;
use ticket::Ticket;
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
    let read = sheet.page.form.read(|field| typed.get(field.as_str()));
    let read = match read {
        Ok(read) => read,
        Err(error) => return refuse(ApiError::BadRequest(String::new()), wrong(&seen, &error, false)),
    };
    let shown = asked(
        &web,
        of.0,
        ticket::open(&web.master, of, typed.get("ticket"), now),
    )
    .await?;
    let agreed = shown.as_ref().and_then(|shown| shown.agreed(&sheet, &typed));
    let (Some(shown), Some(agreed)) = (shown, agreed) else {
        return refuse(ApiError::Conflict(String::new()), again(seen.said.open_too_long));
    };
    let answers = sheet.fields.iter().map(|field| {
        let code = field.code.as_str();
        (code.to_owned(), typed.get(&format!("{FIELD}{code}")).to_owned())
    });
    let joining = Joining {
        typed: read,
        answers: answers.collect(),
        agreed,
        words_version: shown.words.version,
        arrival: arrival.clone(),
        language: shown.ticket.language.as_str().to_owned(),
        sends_mail: web.sends_mail,
    };
    let card = shown.ticket.card;
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

/// The form with what was typed, good for a card that is drawn now, in the words that are said now. The card of a ticket
/// that is still good stays: it may have been made, and a page that says otherwise may have got lost on its way.
fn show(web: &Web, seen: &Seen, sheet: &JoinSheet, typed: &Typed, wrong: Option<&Wrong>) -> Response {
    let now = web.ops.clock.now();
    let of = (sheet.of.program.merchant, sheet.of.program.id);
    let kept = ticket::open(&web.master, of, typed.get("ticket"), now);
    let ticket = Ticket {
        card: kept.map_or_else(|| CardId(web.ops.ids.next(now)), |kept| kept.card),
        words_version: sheet.words.version,
        language: seen.language,
    };
    let shown = Shown {
        typed,
        wrong,
        ticket: &ticket::print(&web.master, of, ticket, now),
    };
    view::form(web, seen, sheet, &shown)
}

/// What a form asked when it was drawn.
struct Asked {
    ticket: Ticket,
    /// What the merchant said then.
    words: WordsVersion,
}

/// What the form asked that a ticket came with; none without a good ticket.
async fn asked(web: &Web, merchant: MerchantId, ticket: Option<Ticket>) -> Result<Option<Asked>, ApiError> {
    let Some(ticket) = ticket else { return Ok(None) };
    let words = web.ops.consent_words_of(merchant, ticket.words_version).await?;
    Ok(words.map(|words| Asked { ticket, words }))
}

impl Asked {
    /// What was agreed to, in the words that were shown; none where boxes were ticked that stood beside others.
    fn agreed(&self, sheet: &JoinSheet, typed: &Typed) -> Option<Vec<(Purpose, String)>> {
        let asks = Agreeing {
            language: self.ticket.language,
            words: &self.words.words,
            merchant_name: &sheet.of.merchant_name,
        };
        let mut agreed = Vec::new();
        for purpose in &sheet.page.form.purposes {
            let ticked = typed.get(&format!("{AGREE}{}", purpose.as_str()));
            if ticked.is_empty() {
                continue;
            }
            let words = asks.sentence(*purpose);
            if ticked != consent::text_name(self.words.version, &words) {
                return None;
            }
            agreed.push((*purpose, words));
        }
        Some(agreed)
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
