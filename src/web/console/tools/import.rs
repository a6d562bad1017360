//! Importing: the file, what its columns mean, what would happen, and what happened. Each step is kept in the store, so
//! that it can be left and come back to from any browser.

mod columns;
mod receive;
mod report;
mod steps;

pub(in crate::web::console) use report::tone;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Path, Query, RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::Markup;
use serde::Deserialize;

use super::download;
use crate::domain::access::Action;
use crate::domain::id::UploadId;
use crate::domain::upload::{UploadState, UploadWish};
use crate::ops::import::{ImportError, failed_header, failed_row_saying, template};
use crate::ops::uploads::UploadError;
use crate::store::uploads::Upload;
use crate::web::Web;
use crate::web::console::components::{Tone, alert};
use crate::web::console::jobs::watch::{Picture, Works};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// What is read of a file that is too large, so that its browser hears the answer and not a broken connection.
const READ_AT_MOST: usize = 512 << 20;

/// The routes of imports, to be nested at `/import`.
pub fn router() -> Router<Web> {
    let file = post(receive::receive).layer(DefaultBodyLimit::max(READ_AT_MOST));
    Router::new()
        .route("/", get(receive::form).merge(file))
        .route("/template.csv", get(template_file))
        .route("/{upload_id}", get(show))
        .route("/{upload_id}/columns", post(choose))
        .route("/{upload_id}/run", post(run))
        .route("/{upload_id}/stop", post(stop))
        .route("/{upload_id}/discard", post(discard))
        .route("/{upload_id}/failed.csv", get(failed_file))
}

/// Which part of a file's page is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Place {
    /// The row behind which failed rows are shown.
    after: Option<i64>,
    /// Whether its columns are to be chosen once more.
    columns: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct OfProgram {
    #[serde(default)]
    program: String,
}

pub(in crate::web::console) fn address(upload: UploadId) -> String {
    format!("/console/tools/import/{upload}")
}

fn upload_id(text: &str) -> Result<UploadId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

/// `GET /console/tools/import/{upload_id}`
async fn show(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Path(upload): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::Import)?;
    let upload = upload_id(&upload)?;
    page(&web, &works, &screen, upload, (&place, None)).await
}

/// A file as it stands now, with a sentence about what was asked of it.
async fn page(
    web: &Web,
    works: &Works,
    screen: &Screen,
    upload: UploadId,
    (place, notice): (&Place, Option<&str>),
) -> Result<Markup, ApiError> {
    let upload = web.ops.upload(screen.member.merchant, upload).await?;
    let chooses = upload.state == UploadState::Received
        || (place.columns.is_some() && upload.state.after(UploadWish::Try).is_some());
    let notice = notice.map(|text| alert(Tone::Bad, text));
    let content = if chooses {
        let sheet = web.ops.upload_sheet(upload.merchant, upload.id).await?;
        columns::draw(screen, &sheet, notice.as_ref())
    } else {
        let failures = match upload.counts.failed {
            0 => Vec::new(),
            _ => web.ops.upload_failures(&upload, place.after.unwrap_or(0)).await?,
        };
        let picture = match upload.state.is_worked_on() {
            true => works.look(web, upload.merchant).await?,
            false => Picture::default(),
        };
        let going = picture.of(upload.id.0);
        report::draw(screen, &upload, &failures, place.after, notice.as_ref(), going)
    };
    Ok(screen.page(Section::Tools, screen.words.import.title, &content))
}

/// `POST /console/tools/import/{upload_id}/columns`: one `meaning` for each column, from left to right.
async fn choose(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Path(upload): Path<String>,
    RawForm(form): RawForm,
) -> Result<Response, ApiError> {
    screen.require(Action::Import)?;
    let upload = upload_id(&upload)?;
    let merchant = screen.member.merchant;
    let meanings: Vec<String> = form_urlencoded::parse(&form)
        .filter(|(name, _)| name == "meaning")
        .map(|(_, value)| value.into_owned())
        .collect();
    let said = &screen.words.import;
    let reason = match web.ops.try_upload(merchant, upload, meanings.clone()).await {
        Err(UploadError::Import(ImportError::Mapping(error))) => screen.words.language.mapping_error(&error),
        other => return moved(&web, &works, &screen, upload, other.map(|()| None)).await,
    };
    let mut sheet = web.ops.upload_sheet(merchant, upload).await?;
    columns::take_typed(&mut sheet, &meanings);
    let content = columns::draw(&screen, &sheet, Some(&alert(Tone::Bad, &reason)));
    let page = screen.page(Section::Tools, said.title, &content);
    Ok((ApiError::BadRequest(String::new()).status(), page).into_response())
}

/// `POST /console/tools/import/{upload_id}/run`
async fn run(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Path(upload): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::Import)?;
    let upload = upload_id(&upload)?;
    let done = web.ops.run_upload(screen.member.merchant, upload).await;
    moved(&web, &works, &screen, upload, done.map(|()| None)).await
}

/// `POST /console/tools/import/{upload_id}/stop`
async fn stop(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Path(upload): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::Import)?;
    let upload = upload_id(&upload)?;
    let done = web.ops.stop_upload(screen.member.merchant, upload).await;
    moved(&web, &works, &screen, upload, done.map(|_| None)).await
}

/// `POST /console/tools/import/{upload_id}/discard`
async fn discard(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Path(upload): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::Import)?;
    let upload = upload_id(&upload)?;
    let done = web.ops.discard_upload(screen.member.merchant, upload).await;
    let list = "/console/tools/import?done=discarded";
    moved(&web, &works, &screen, upload, done.map(|()| Some(list))).await
}

/// What follows a wish: the file's page or another one, or how the file stands when somebody else was faster.
async fn moved(
    web: &Web,
    works: &Works,
    screen: &Screen,
    upload: UploadId,
    done: Result<Option<&str>, UploadError>,
) -> Result<Response, ApiError> {
    match done {
        Ok(None) => Ok(Redirect::to(&address(upload)).into_response()),
        Ok(Some(other)) => Ok(Redirect::to(other).into_response()),
        Err(UploadError::Moved(_)) => {
            let notice = Some(screen.words.import.moved);
            let page = page(web, works, screen, upload, (&Place::default(), notice)).await?;
            Ok((ApiError::Conflict(String::new()).status(), page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/tools/import/template.csv?program=`
async fn template_file(
    State(web): State<Web>,
    screen: Screen,
    Query(of): Query<OfProgram>,
) -> Result<Response, ApiError> {
    screen.require(Action::Import)?;
    let merchant = screen.member.merchant;
    let (mut kind, mut fields, mut name) = (None, Vec::new(), "people".to_owned());
    if let Some(id) = super::program_of(&of.program)? {
        let programs = web.ops.programs_of(merchant).await?;
        let program = programs.into_iter().find(|of| of.program.id == id);
        let program = program.ok_or(ApiError::NotFound)?.program;
        kind = Some(program.rules.kind());
        fields = web.ops.fields(merchant, id).await.map_err(super::of_customers)?;
        name = program.name;
    }
    let rows = download::rows(template(kind, &fields)).map_err(|error| ApiError::Internal(error.into()))?;
    Ok(download::csv(&format!("import-{name}"), move |out| async move {
        out.send(rows).await;
        Ok(())
    }))
}

/// `GET /console/tools/import/{upload_id}/failed.csv`
async fn failed_file(
    State(web): State<Web>,
    screen: Screen,
    Path(upload): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::Import)?;
    let upload: Upload = web
        .ops
        .upload(screen.member.merchant, upload_id(&upload)?)
        .await?;
    let ops = web.ops.clone();
    let words = screen.words;
    Ok(download::csv("failed-rows", move |out| async move {
        let columns = columns::headers(&upload);
        let mut piece = vec![failed_header(&columns)];
        let mut after = 0;
        loop {
            let page = ops.upload_failures(&upload, after).await?;
            piece.extend(page.iter().map(|failure| {
                failed_row_saying(&columns, failure, words.import.failure(words.language, failure))
            }));
            if !out.send(download::rows(std::mem::take(&mut piece))?).await {
                return Ok(());
            }
            let Some(last) = page.last() else { return Ok(()) };
            after = last.record;
        }
    }))
}
