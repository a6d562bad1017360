//! The first step: the form for a file, and taking it.
//!
//! A file that is refused is read to its end all the same: a browser that cannot send on shows a broken connection
//! instead of the reason.

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, steps};
use crate::domain::access::Action;
use crate::domain::id::{ProgramId, UploadId};
use crate::domain::import::MappingError;
use crate::ops::import::ImportError;
use crate::ops::uploads::{Receiving, UploadError};
use crate::store::uploads::Upload;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, badge, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::console::tools::{crumbs, open_programs, program_choice};
use crate::web::console::words::import::Import;
use crate::web::error::ApiError;

/// No other field of the form is longer.
const LONGEST_FIELD: usize = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

/// The form as it was filled in, without the file: browsers do not keep it.
#[derive(Debug, Default)]
struct Typed {
    program: Option<ProgramId>,
    no_welcome: bool,
}

/// Why a file was not taken, as far as it is the member's to know.
enum Refused {
    Said(String),
    Error(ApiError),
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

/// `GET /console/tools/import`
pub(super) async fn form(
    State(web): State<Web>,
    screen: Screen,
    Query(place): Query<Done>,
) -> Result<Markup, ApiError> {
    screen.require(Action::Import)?;
    let discarded = place.done.as_deref() == Some("discarded");
    let news = discarded.then(|| toast(screen.words.import.discarded, None));
    draw(&web, &screen, &Typed::default(), news.as_ref(), None).await
}

async fn draw(
    web: &Web,
    screen: &Screen,
    typed: &Typed,
    news: Option<&Markup>,
    problem: Option<&str>,
) -> Result<Markup, ApiError> {
    let (said, tools) = (&screen.words.import, &screen.words.tools);
    let programs = Programs::of(web, screen.member.merchant).await?;
    let uploads = web.ops.uploads(screen.member.merchant).await?;
    let open = open_programs(&programs);
    let content = html! {
        @if let Some(news) = news { (news) }
        (crumbs(screen, None))
        div.page-head { h1 { (said.title) } }
        (steps::draw(screen, 0))
        div.stack {
            form.panel method="post" action="/console/tools/import" enctype="multipart/form-data" data-once {
                @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
                (program_choice(screen, &open, typed.program, Some(tools.no_program), None))
                p.hint { (said.program_hint) }
                label.check {
                    input type="checkbox" name="welcome" value="yes" checked[!typed.no_welcome];
                    span { (said.welcome) small.under { (said.welcome_hint) } }
                }
                div.field {
                    label for="file" { (said.file) }
                    input #file name="file" type="file" accept=".csv,.tsv,.txt,text/csv,text/plain" required
                        aria-describedby="file-hint" aria-invalid=[problem.map(|_| "true")];
                    p.hint #file-hint { (said.file_hint) }
                }
                button.button.primary type="submit" { (icon("upload")) (said.upload) }
                p.hint { (said.nothing_yet) }
            }
            form.panel method="get" action="/console/tools/import/template.csv" aria-labelledby="template-title" {
                div.panel-head { h2 #template-title { (said.template) } }
                p.hint { (said.template_hint) }
                div.field {
                    label for="template-program" { (tools.program) }
                    select #template-program name="program" {
                        option value="" { (tools.no_program) }
                        @for program in &open { option value=(program.id) { (program.name) } }
                    }
                }
                button.button.secondary type="submit" { (icon("download")) (tools.download) }
            }
            @if !uploads.is_empty() { (recent(screen, &programs, &uploads)) }
        }
    };
    Ok(screen.page(Section::Tools, said.title, &content))
}

fn recent(screen: &Screen, programs: &Programs, uploads: &[Upload]) -> Markup {
    let (said, tools) = (&screen.words.import, &screen.words.tools);
    html! {
        section.panel aria-labelledby="recent-title" {
            div.panel-head { h2 #recent-title { (said.recent) } }
            ul.list {
                @for upload in uploads {
                    li {
                        div {
                            a href=(address(upload.id)) { (if upload.name.is_empty() { said.file } else { &upload.name }) }
                            span.under {
                                (upload.program.map_or(tools.no_program, |program| programs.name(program)))
                                ", " (said.uploaded) " " (screen.time(upload.created_at))
                            }
                        }
                        span.push { (badge(super::report::tone(upload.state), said.state(upload.state))) }
                    }
                }
            }
        }
    }
}

/// `POST /console/tools/import`, as `multipart/form-data` with `program`, `welcome` and, last, `file`.
pub(super) async fn receive(
    State(web): State<Web>,
    screen: Screen,
    mut parts: Multipart,
) -> Result<Response, ApiError> {
    screen.require(Action::Import)?;
    let mut typed = Typed {
        program: None,
        no_welcome: true,
    };
    let refused = match take(&web, &screen, &mut parts, &mut typed).await {
        Ok(upload) => return Ok(Redirect::to(&address(upload)).into_response()),
        Err(refused) => refused,
    };
    while let Ok(Some(mut field)) = parts.next_field().await {
        while let Ok(Some(_)) = field.chunk().await {}
    }
    match refused {
        Refused::Error(error) => Err(error),
        Refused::Said(reason) => {
            let page = draw(&web, &screen, &typed, None, Some(&reason)).await?;
            Ok((ApiError::BadRequest(String::new()).status(), page).into_response())
        }
    }
}

async fn take(
    web: &Web,
    screen: &Screen,
    parts: &mut Multipart,
    typed: &mut Typed,
) -> Result<UploadId, Refused> {
    let said = &screen.words.import;
    let broken = |_: MultipartError| Refused::Said(said.broken_off.to_owned());
    while let Some(mut field) = parts.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "program" => typed.program = super::super::program_of(&text(&mut field).await)?,
            "welcome" => typed.no_welcome = text(&mut field).await != "yes",
            "file" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let taken = take_file(web, screen, typed, &name, &mut field).await;
                // To its end, or the parts behind it could not be told.
                while let Ok(Some(_)) = field.chunk().await {}
                return taken;
            }
            _ => {}
        }
    }
    Err(Refused::Said(said.no_file.to_owned()))
}

async fn take_file(
    web: &Web,
    screen: &Screen,
    typed: &Typed,
    name: &str,
    field: &mut Field<'_>,
) -> Result<UploadId, Refused> {
    let said = &screen.words.import;
    let mut first = field
        .chunk()
        .await
        .map_err(|_| Refused::Said(said.broken_off.to_owned()))?;
    if name.is_empty() && first.as_ref().is_none_or(|bytes| bytes.is_empty()) {
        return Err(Refused::Said(said.no_file.to_owned()));
    }
    let member = &screen.member;
    if let Some(program) = typed.program {
        let programs = Programs::of(web, member.merchant).await?;
        if !open_programs(&programs).iter().any(|open| open.id == program) {
            return Err(Refused::Said(screen.words.tools.program_is_gone.to_owned()));
        }
    }
    let begun = web
        .ops
        .receive_upload(member.merchant, member.id, name, typed.program, !typed.no_welcome);
    let mut receiving: Receiving = begun.await.map_err(|error| refusal(said, error))?;
    loop {
        let bytes = match first.take() {
            Some(bytes) => Ok(Some(bytes)),
            None => field.chunk().await,
        };
        let taken = match bytes {
            Ok(Some(bytes)) => receiving.take(&bytes).await,
            Ok(None) => break,
            Err(_) => {
                let _ = receiving.give_up().await;
                return Err(Refused::Said(said.broken_off.to_owned()));
            }
        };
        if let Err(error) = taken {
            // What cannot be deleted now is forgotten after an hour.
            let _ = receiving.give_up().await;
            return Err(refusal(said, error));
        }
    }
    receiving.finish().await.map_err(|error| refusal(said, error))
}

async fn text(field: &mut Field<'_>) -> String {
    let mut text = Vec::new();
    while let Ok(Some(bytes)) = field.chunk().await {
        let room = LONGEST_FIELD.saturating_sub(text.len()).min(bytes.len());
        text.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn refusal(said: &Import, error: UploadError) -> Refused {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Refused::Said(match error {
        UploadError::TooLarge => said.too_large.to_owned(),
        UploadError::TooMany => said.too_many.to_owned(),
        UploadError::Empty => said.empty.to_owned(),
        UploadError::Import(ImportError::Encoding { line, byte, .. }) => {
            (said.encoding)(number(line), number(byte))
        }
        UploadError::Import(ImportError::LongRow { line, .. }) => (said.long_row)(number(line)),
        UploadError::Import(ImportError::Mapping(MappingError::TooMany(columns))) => {
            (said.too_many_columns)(i64::try_from(columns).unwrap_or(i64::MAX))
        }
        other => return Refused::Error(other.into()),
    })
}
