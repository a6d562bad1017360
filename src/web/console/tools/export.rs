//! Exporting: a form for people or cards, and exactly the list that somebody looks at.
//!
//! `GET` shows the form and changes nothing; what leaves is asked for by `POST`, because each export is noted.

use axum::Router;
use axum::extract::{RawForm, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::columns::exported;
use super::{crumbs, download, of_customers, program_choice, program_of};
use crate::domain::access::Action;
use crate::domain::custom_field::CustomField;
use crate::domain::id::ProgramId;
use crate::domain::segment::saved::Viewer;
use crate::ops::export::{ExportError, ExportRequest, Which};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::list::wanted::Wanted;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The routes of exports, to be nested at `/export`.
pub fn router() -> Router<Web> {
    Router::new().route("/", get(form).post(export))
}

/// `GET /console/cards/export?…`: the form for exactly the list that the query says.
pub async fn list(
    State(web): State<Web>,
    screen: Screen,
    RawQuery(query): RawQuery,
) -> Result<Markup, ApiError> {
    screen.require(Action::Export)?;
    let wish = Wish {
        list: Some(Wanted::parse(&query.unwrap_or_default()).query()),
        ..Wish::default()
    };
    draw(&web, &screen, &wish, None).await
}

/// What is to be exported, as an address or a form says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wish {
    is_of_people: bool,
    program: String,
    columns: Vec<String>,
    /// The query of the list that is to be exported; none for people or cards as a whole.
    list: Option<String>,
}

impl Wish {
    fn parse(form: &[u8]) -> Self {
        let mut wish = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "what" => wish.is_of_people = value == "people",
                "program" => wish.program = value.into_owned(),
                "column" => wish.columns.push(value.into_owned()),
                "list" => wish.list = Some(value.into_owned()),
                _ => {}
            }
        }
        wish
    }

    /// Whether rows are people: a list has a row for each card or for the newest card of each person.
    fn is_of_people(&self) -> bool {
        self.is_of_people && self.list.is_none()
    }
}

/// `GET /console/tools/export?list=…` or `?what=…&program=…`
async fn form(State(web): State<Web>, screen: Screen, RawQuery(query): RawQuery) -> Result<Markup, ApiError> {
    screen.require(Action::Export)?;
    let wish = Wish::parse(query.unwrap_or_default().as_bytes());
    draw(&web, &screen, &wish, None).await
}

async fn draw(web: &Web, screen: &Screen, wish: &Wish, problem: Option<&str>) -> Result<Markup, ApiError> {
    let said = &screen.words.tools;
    let merchant = screen.member.merchant;
    let programs = Programs::of(web, merchant).await?;
    let program = known_program(&programs, wish);
    let (fields, columns) = match web
        .ops
        .export_columns(merchant, program, wish.is_of_people())
        .await
    {
        Ok(columns) => (fields(web, screen, program).await?, columns),
        Err(error) => return Err(refusal(error)),
    };
    let content = html! {
        (crumbs(screen, None))
        div.page-head { h1 { (said.export) } }
        div.stack {
            @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
            @if let Some(list) = &wish.list { (of_list(screen, list)) }
            @else { (choice(screen, &programs, program, wish)) }
            form.panel method="post" action="/console/tools/export" aria-labelledby="columns-title" {
                div.panel-head { h2 #columns-title { (said.columns) } }
                p.hint { (said.columns_hint) }
                @match &wish.list {
                    Some(list) => input type="hidden" name="list" value=(list);,
                    None => {
                        input type="hidden" name="what" value=(if wish.is_of_people() { "people" } else { "cards" });
                        input type="hidden" name="program" value=(program.map_or_else(String::new, |program| program.to_string()));
                    }
                }
                div.fields {
                    @for name in &columns {
                        label.check {
                            input type="checkbox" name="column" value=(name) checked[wish.columns.contains(name)];
                            span { (exported(screen, &fields, name)) }
                        }
                    }
                }
                button.button.primary type="submit" { (icon("download")) (said.download) }
                p.hint { (said.noted) }
            }
        }
    };
    Ok(screen.page(Section::Tools, said.export, &content))
}

fn of_list(screen: &Screen, list: &str) -> Markup {
    let back = Wanted::parse(list).address();
    html! {
        p { (screen.words.tools.exactly_the_list) " " a href=(back) { (screen.words.import.to_the_list) } }
    }
}

/// What is exported, when it is no list. The columns below it are those of this choice.
fn choice(screen: &Screen, programs: &Programs, program: Option<ProgramId>, wish: &Wish) -> Markup {
    let said = &screen.words.tools;
    html! {
        form.panel method="get" action="/console/tools/export" aria-labelledby="what-title" {
            div.panel-head { h2 #what-title { (said.what) } }
            fieldset.field {
                legend.visually-hidden { (said.what) }
                @for (word, is_people, text) in [("cards", false, said.cards), ("people", true, said.people)] {
                    label.check {
                        input type="radio" name="what" value=(word) checked[is_people == wish.is_of_people];
                        span { (text) }
                    }
                }
            }
            (program_choice(screen, &programs.all(), program, Some(said.all_programs), None))
            button.button.secondary type="submit" { (said.show_columns) }
        }
    }
}

/// The program that is meant, as long as there is one and rows are cards.
fn known_program(programs: &Programs, wish: &Wish) -> Option<ProgramId> {
    let id: ProgramId = wish.program.parse().ok()?;
    let is_there = programs.kind(id).is_some();
    Some(id).filter(|_| is_there && wish.list.is_none() && !wish.is_of_people())
}

async fn fields(
    web: &Web,
    screen: &Screen,
    program: Option<ProgramId>,
) -> Result<Vec<CustomField>, ApiError> {
    match program {
        None => Ok(Vec::new()),
        Some(program) => {
            let fields = web.ops.fields(screen.member.merchant, program).await;
            fields.map_err(of_customers)
        }
    }
}

/// `POST /console/tools/export`
async fn export(
    State(web): State<Web>,
    screen: Screen,
    RawForm(form): RawForm,
) -> Result<Response, ApiError> {
    screen.require(Action::Export)?;
    let wish = Wish::parse(&form);
    let merchant = screen.member.merchant;
    let (which, program, filter) = match &wish.list {
        Some(list) => {
            let cards = cards_of_list(&web, &screen, list).await?;
            (
                Which::These(Box::new(cards.into_iter())),
                None,
                filter_of(&Wanted::parse(list)),
            )
        }
        None if wish.is_of_people => (Which::People, None, "people".to_owned()),
        None => match program_of(&wish.program)? {
            Some(program) => (Which::Cards, Some(program), format!("cards of program {program}")),
            None => (Which::Cards, None, "cards".to_owned()),
        },
    };
    let request = ExportRequest {
        merchant,
        which,
        program,
        columns: Some(wish.columns.clone()).filter(|columns| !columns.is_empty()),
        filter,
        actor: screen.member.actor(),
    };
    let mut exporter = match web.ops.begin_export(request).await {
        Ok(exporter) => exporter,
        Err(ExportError::NoColumn { .. }) => {
            let page = draw(&web, &screen, &wish, Some(screen.words.tools.column_is_unknown)).await?;
            return Ok((ApiError::BadRequest(String::new()).status(), page).into_response());
        }
        Err(error) => return Err(refusal(error)),
    };
    let what = if wish.is_of_people() { "people" } else { "cards" };
    let day = screen.now.to_jiff().to_zoned(screen.member.zone.clone()).date();
    Ok(download::csv(&format!("{what}-{day}"), move |out| async move {
        while let Some(piece) = exporter.next().await? {
            if !out.send(piece).await {
                break;
            }
        }
        Ok(())
    }))
}

/// Every card of a list, in its order.
async fn cards_of_list(
    web: &Web,
    screen: &Screen,
    list: &str,
) -> Result<Vec<crate::domain::id::CardId>, ApiError> {
    let wanted = Wanted::parse(list);
    let meant = wanted.meant().map_err(|_| Refused::Field {
        field: "list",
        expected: "the query of a list",
    })?;
    let viewer = Viewer::Member(screen.member.id);
    let edge = crate::domain::segment::order::Edge::First;
    let query = meant.ask(viewer, wanted.each, edge, wanted.size());
    Ok(web.rosters.cards(screen.member.merchant, &query).await?)
}

/// The list in words for the audit, without what may name somebody.
fn filter_of(wanted: &Wanted) -> String {
    const OF_PEOPLE: [&str; 7] = [
        "name",
        "first_name",
        "email",
        "phone",
        "external_id",
        "serial_number",
        // What somebody answered to a program, such as a licence plate.
        "custom",
    ];
    let mut shown = wanted.clone();
    shown.at = None;
    let is_search = !std::mem::take(&mut shown.find).is_empty();
    let names_somebody = |rule: &String| {
        let plain = OF_PEOPLE.iter().fold(rule.clone(), |rule, field| {
            rule.replace(&format!("{field}.empty"), "")
        });
        OF_PEOPLE.iter().any(|field| plain.contains(&format!("{field}.")))
    };
    let is_of_people = shown.rule.as_ref().is_some_and(names_somebody);
    if is_of_people {
        shown.rule = None;
    }
    let mut filter = format!("list {}", shown.query());
    if is_search {
        filter.push_str(" with a search");
    }
    if is_of_people {
        filter.push_str(" with a rule that names somebody");
    }
    filter
}

fn refusal(error: ExportError) -> ApiError {
    match error {
        ExportError::Store(error) => error.into(),
        ExportError::Customer(error) => of_customers(error),
        error @ ExportError::NoColumn { .. } => Refused::Export(error).into(),
        ExportError::File(error) => ApiError::Internal(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_leaves() {
        let wish = Wish::parse(b"what=people&program=&column=email&column=phone&x=y");
        assert!(wish.is_of_people() && wish.list.is_none());
        assert_eq!(wish.columns, ["email", "phone"]);
        let wish = Wish::parse(b"what=people&list=sort%3D-spend");
        assert_eq!(wish.list.as_deref(), Some("sort=-spend"));
        assert!(!wish.is_of_people());
    }

    #[test]
    fn the_audit_says_what_list_it_was_and_names_nobody() {
        let filter = |query: &str| filter_of(&Wanted::parse(query));
        assert_eq!(filter("sort=-spend&at=x"), "list sort=-spend");
        assert_eq!(
            filter("rule=all(visits.over.3,email.empty)"),
            "list rule=all%28visits.over.3%2Cemail.empty%29"
        );
        for query in [
            "find=ada",
            "rule=name.has.ada",
            "rule=all(visits.over.1,email.is.'ada@example.com')",
            "rule=custom.nickname.is.ada",
        ] {
            assert!(!filter(query).contains("ada"), "{query}");
        }
    }
}
