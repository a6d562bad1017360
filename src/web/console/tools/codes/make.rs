//! The form that makes a batch of codes. Its id is drawn with the form, so that sending it twice makes one batch.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use maud::{Markup, html};
use serde::Deserialize;

use super::address;
use crate::domain::access::Action;
use crate::domain::code::{Gift, LARGEST_BATCH};
use crate::domain::id::CodeBatchId;
use crate::domain::time::{CivilDay, Timestamp};
use crate::ops::codes::{CodesError, NewBatch};
use crate::web::Web;
use crate::web::console::components::{Field, Tone, alert, field};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::console::tools::{crumbs, open_programs, program_choice};
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The form as it was filled in.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    id: String,
    program: String,
    label: String,
    gives: String,
    amount: String,
    count: String,
    max_uses: String,
    expires: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            id: String::new(),
            program: String::new(),
            label: String::new(),
            gives: "earn".into(),
            amount: "1".into(),
            count: "100".into(),
            max_uses: "1".into(),
            expires: String::new(),
        }
    }
}

/// A field by its name, and why it was not taken.
type Problem = (&'static str, String);

/// `GET /console/tools/codes/new`
pub(super) async fn form(State(web): State<Web>, screen: Screen) -> Result<Markup, ApiError> {
    screen.require(Action::MakeCodes)?;
    let typed = Typed {
        id: CodeBatchId(web.ops.ids.next(screen.now)).to_string(),
        ..Typed::default()
    };
    draw(&web, &screen, &typed, None).await
}

async fn draw(
    web: &Web,
    screen: &Screen,
    typed: &Typed,
    problem: Option<&Problem>,
) -> Result<Markup, ApiError> {
    let said = &screen.words.codes;
    let programs = Programs::of(web, screen.member.merchant).await?;
    let of = |name: &str| {
        problem
            .filter(|(field, _)| *field == name)
            .map(|(_, text)| text.as_str())
    };
    let input = |name, label, kind, value, hint: Option<&str>| {
        html! {
            (field(&Field {
                name,
                label,
                kind,
                value,
                autocomplete: "off",
                focused: of(name).is_some(),
                error: of(name),
            }))
            @if let Some(hint) = hint { p.hint { (hint) } }
        }
    };
    let content = html! {
        (crumbs(screen, Some(("/console/tools/codes", said.title))))
        div.page-head { h1 { (said.new) } }
        form.panel method="post" action="/console/tools/codes/new" data-once data-guard {
            @if let Some((_, text)) = problem { (alert(Tone::Bad, text)) }
            input type="hidden" name="id" value=(typed.id);
            (input("label", said.label, "text", &typed.label, Some(said.label_hint)))
            (program_choice(screen, &open_programs(&programs), typed.program.parse().ok(), None, of("program")))
            fieldset.field {
                legend { (said.gives) }
                @for (word, text) in [("earn", said.gives_earn), ("join", said.gives_join)] {
                    label.check {
                        input type="radio" name="gives" value=(word) checked[typed.gives == word] required;
                        span { (text) }
                    }
                }
            }
            div.fields {
                div { (input("amount", said.amount, "number", &typed.amount, None)) }
                div { (input("max_uses", said.max_uses, "number", &typed.max_uses, None)) }
                div { (input("count", said.count, "number", &typed.count, Some(said.count_hint))) }
                div.field {
                    label for="expires" { (said.expires) }
                    input #expires name="expires" type="date" value=(typed.expires) aria-invalid=[of("expires").map(|_| "true")]
                        aria-describedby="expires-hint";
                    @match of("expires") {
                        Some(text) => p.problem #expires-hint { (text) },
                        None => p.hint #expires-hint { (said.expires_hint) },
                    }
                }
            }
            button.button.primary type="submit" { (said.make) }
        }
    };
    Ok(screen.page(Section::Tools, said.new, &content))
}

/// `POST /console/tools/codes/new`
pub(super) async fn make(
    State(web): State<Web>,
    screen: Screen,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::MakeCodes)?;
    let id: CodeBatchId = typed.id.parse().map_err(|_| Refused::Field {
        field: "id",
        expected: "the id that the form came with",
    })?;
    let made = match read(&screen, &typed) {
        Ok(new) => {
            let by = Some(screen.member.id);
            web.ops.begin_codes(screen.member.merchant, id, new, by).await
        }
        Err(problem) => return refused(&web, &screen, &typed, problem).await,
    };
    match made {
        Ok(()) => Ok(Redirect::to(&format!("{}?done=made", address(id))).into_response()),
        Err(CodesError::Store(error)) => Err(error.into()),
        Err(error) => {
            let problem = problem(&screen, &error);
            refused(&web, &screen, &typed, problem).await
        }
    }
}

async fn refused(web: &Web, screen: &Screen, typed: &Typed, problem: Problem) -> Result<Response, ApiError> {
    let page = draw(web, screen, typed, Some(&problem)).await?;
    Ok((ApiError::BadRequest(String::new()).status(), page).into_response())
}

fn read(screen: &Screen, typed: &Typed) -> Result<NewBatch, Problem> {
    let said = &screen.words.codes;
    let number = |name: &'static str, text: &str, most: i64| {
        let number = text.trim().parse::<i64>().ok().filter(|number| *number > 0);
        number.ok_or_else(|| (name, (said.range)(1, most)))
    };
    let program = typed.program.parse();
    let gift = match typed.gives.as_str() {
        "join" => Gift::Join,
        _ => Gift::Earn {
            amount: number("amount", &typed.amount, 10_000)?,
        },
    };
    Ok(NewBatch {
        program: program.map_err(|_| ("program", screen.words.tools.choose_program.to_owned()))?,
        label: typed.label.clone(),
        gift,
        count: number("count", &typed.count, LARGEST_BATCH)?,
        max_uses: number("max_uses", &typed.max_uses, 100_000)?,
        expires_at: end(screen, &typed.expires).ok_or_else(|| ("expires", said.bad_day.to_owned()))?,
    })
}

/// The end of the last day in the merchant's zone. The outer none stands for what is no day.
fn end(screen: &Screen, text: &str) -> Option<Option<Timestamp>> {
    match text.trim() {
        "" => Some(None),
        day => CivilDay(day.parse::<Date>().ok()?)
            .end_in(&screen.member.zone)
            .map(Some),
    }
}

fn problem(screen: &Screen, error: &CodesError) -> Problem {
    let said = &screen.words.codes;
    match error {
        CodesError::Field { field, .. } => match *field {
            "count" => ("count", (said.range)(1, LARGEST_BATCH)),
            "max_uses" => ("max_uses", (said.range)(1, 100_000)),
            "amount" => ("amount", (said.range)(1, 10_000)),
            "expires_at" => ("expires", said.bad_day.to_owned()),
            _ => ("label", said.bad_label.to_owned()),
        },
        _ => ("program", screen.words.tools.program_is_gone.to_owned()),
    }
}
