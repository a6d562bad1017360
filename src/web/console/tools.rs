//! Tools: what brings people in and out in numbers. The landing page shows what the member's role may do.

pub mod codes;
pub mod columns;
pub mod download;
pub mod export;
pub mod import;
pub mod invitations;
pub mod share;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};

use crate::domain::access::Action;
use crate::domain::id::ProgramId;
use crate::domain::program::Program;
use crate::ops::customers::CustomerError;
use crate::web::Web;
use crate::web::console::components::icon;
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The routes of tools, to be nested at `/tools`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(landing))
        .nest("/import", import::router())
        .nest("/export", export::router())
        .nest("/codes", codes::router())
        .nest("/invitations", invitations::router())
        .nest("/share", share::router())
}

/// `GET /console/tools`
async fn landing(screen: Screen) -> Markup {
    let said = &screen.words.tools;
    let share = &screen.words.share;
    let all = [
        (Action::ShareLinks, "share", "link", share.title, share.tool_text),
        (Action::Import, "import", "upload", said.import, said.import_text),
        (
            Action::Export,
            "export",
            "download",
            said.export,
            said.export_text,
        ),
        (Action::MakeCodes, "codes", "scan", said.codes, said.codes_text),
        (
            Action::InviteCustomers,
            "invitations",
            "mail",
            said.invitations,
            said.invitations_text,
        ),
    ];
    let content = html! {
        div.page-head { h1 { (said.title) } }
        ul.tools {
            @for (_, place, drawing, title, text) in all.into_iter().filter(|(action, ..)| screen.may(*action)) {
                li.panel.tool {
                    (icon(drawing))
                    h2 { a.row-link href=(format!("/console/tools/{place}")) data-command=(title) { (title) } }
                    p.muted { (text) }
                }
            }
        }
    };
    screen.page(Section::Tools, said.title, &content)
}

/// The way back to the tools, or to one of them.
fn crumbs(screen: &Screen, tool: Option<(&str, &str)>) -> Markup {
    let (address, title) = tool.unwrap_or(("/console/tools", screen.words.tools.title));
    html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href=(address) { (icon("left")) (title) } }
    }
}

/// The programs that take new cards, oldest first.
fn open_programs(programs: &Programs) -> Vec<&Program> {
    let all = programs.all().into_iter();
    all.filter(|program| program.archived_at.is_none()).collect()
}

/// A choice among programs. `none` is what stands for no program; without it one has to be chosen.
fn program_choice(
    screen: &Screen,
    programs: &[&Program],
    chosen: Option<ProgramId>,
    none: Option<&str>,
    error: Option<&str>,
) -> Markup {
    let said = &screen.words.tools;
    html! {
        div.field {
            label for="program" { (said.program) }
            select #program name="program" required[none.is_none()] aria-invalid=[error.map(|_| "true")]
                aria-describedby=[error.map(|_| "program-problem")] {
                @match none {
                    Some(none) => option value="" selected[chosen.is_none()] { (none) },
                    None => @if programs.len() != 1 {
                        option value="" selected[chosen.is_none()] { (said.choose_program) }
                    },
                }
                @for program in programs {
                    option value=(program.id) selected[chosen == Some(program.id)] { (program.name) }
                }
            }
            @if let Some(error) = error { p.problem #program-problem { (error) } }
        }
    }
}

/// The program that a form names; none for an empty choice.
fn program_of(text: &str) -> Result<Option<ProgramId>, ApiError> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Refused::Field {
                field: "program",
                expected: "the id of a program",
            }
            .into()
        }),
    }
}

/// What is said of an error about programs and people that no form of the tools can bring about.
fn of_customers(error: CustomerError) -> ApiError {
    match error {
        CustomerError::NotFound | CustomerError::NoProgram | CustomerError::NoMerchant => ApiError::NotFound,
        CustomerError::Store(error) => error.into(),
        refusal => Refused::Customer(refusal).into(),
    }
}
