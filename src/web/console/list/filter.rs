//! Adding a filter: a page with the fields, then one with a form for the field that was chosen. What comes of it is a
//! condition of the typed rule in the list's address.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::programs::Programs;
use super::typed::{self, Input, Typed};
use super::wanted::Wanted;
use crate::domain::access::Action;
use crate::domain::segment::groups::Groups;
use crate::domain::segment::{FIELDS, Field, LONGEST, Rule};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::words::Text;
use crate::web::console::words::filter::field as label_of;
use crate::web::error::ApiError;

/// Where a condition goes.
struct Place {
    wanted: Wanted,
    /// The group that it is an alternative in.
    group: Option<usize>,
    field: Option<&'static Field>,
}

impl Place {
    fn parse(query: &str) -> Self {
        let mut place = Self {
            wanted: Wanted::default(),
            group: None,
            field: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "in" => place.wanted = Wanted::parse(&value),
                "group" => place.group = value.parse().ok(),
                "field" => place.field = Field::named(&value),
                _ => {}
            }
        }
        place
    }

    fn address(&self, field: Option<&Field>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("in", &self.wanted.query());
        if let Some(group) = self.group {
            query.append_pair("group", &group.to_string());
        }
        if let Some(field) = field {
            query.append_pair("field", field.name);
        }
        format!("/console/cards/filter?{}", query.finish())
    }
}

/// `GET /console/cards/filter`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    RawQuery(query): RawQuery,
) -> Result<Markup, ApiError> {
    screen.require(Action::ViewCards)?;
    let query = query.unwrap_or_default();
    let place = Place::parse(&query);
    let programs = Programs::of(&web, screen.member.merchant).await?;
    Ok(match place.field {
        None => fields(&screen, &place, &programs),
        Some(field) => comparison(&screen, &place, field, &programs, &Typed::parse(&query), None),
    })
}

/// `GET /console/cards/filter/add`: leads to the list with one condition more, or says what is wrong with it.
pub async fn add(
    State(web): State<Web>,
    screen: Screen,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    screen.require(Action::ViewCards)?;
    let query = query.unwrap_or_default();
    let place = Place::parse(&query);
    let Some(field) = place.field else {
        return Ok(Redirect::to(&place.address(None)).into_response());
    };
    let programs = Programs::of(&web, screen.member.merchant).await?;
    let typed = Typed::parse(&query);
    let words = &screen.words.filter;
    let added = typed
        .rule(field, words, programs.usual_currency())
        .and_then(|rule| {
            let groups = place.wanted.rule().map(Groups::of).unwrap_or_default();
            let rule = groups.with(place.group, rule).rule().map(|rule| rule.to_string());
            match rule {
                Some(rule) if rule.len() > LONGEST || Rule::parse(&rule).is_err() => Err(words.too_long),
                rule => Ok(rule),
            }
        });
    match added {
        Ok(rule) => {
            let wanted = place.wanted.with(|wanted| wanted.rule = rule);
            Ok(Redirect::to(&wanted.address()).into_response())
        }
        Err(problem) => {
            let page = comparison(&screen, &place, field, &programs, &typed, Some(problem));
            Ok((ApiError::BadRequest(String::new()).status(), page).into_response())
        }
    }
}

fn title(screen: &Screen, place: &Place) -> Text {
    match place.group {
        None => screen.words.filter.title,
        Some(_) => screen.words.filter.or_title,
    }
}

fn crumbs(screen: &Screen, place: &Place) -> Markup {
    html! {
        nav.crumbs aria-label=(screen.words.common.path) {
            a href=(place.wanted.address()) { (icon("left")) (screen.words.list.title) }
        }
    }
}

fn fields(screen: &Screen, place: &Place, programs: &Programs) -> Markup {
    let words = &screen.words.filter;
    let language = screen.words.language;
    let offered = FIELDS
        .iter()
        .filter(|field| programs.has_tiers() || !field.name.starts_with("tier"));
    let content = html! {
        (crumbs(screen, place))
        div.page-head { h1 { (title(screen, place)) } }
        p.muted { (words.choose) }
        ul.field-list {
            @for field in offered {
                li { a.chip href=(place.address(Some(field))) data-modal { (label_of(language, field.name)) } }
            }
        }
        div.dialog-foot { a.button.secondary href=(place.wanted.address()) data-close { (screen.words.common.cancel) } }
    };
    screen.page(Section::Customers, title(screen, place), &content)
}

fn comparison(
    screen: &Screen,
    place: &Place,
    field: &'static Field,
    programs: &Programs,
    typed: &Typed,
    problem: Option<Text>,
) -> Markup {
    let words = &screen.words.filter;
    let name = label_of(screen.words.language, field.name);
    let input = Input::of(field, screen.words.language, programs);
    let operators = typed::operators(field, &input, words);
    let content = html! {
        (crumbs(screen, place))
        div.page-head { h1 { (title(screen, place)) ": " (name) } }
        form.panel.comparison method="get" action="/console/cards/filter/add" {
            input type="hidden" name="in" value=(place.wanted.query());
            @if let Some(group) = place.group { input type="hidden" name="group" value=(group); }
            input type="hidden" name="field" value=(field.name);
            @if let Some(problem) = problem { div #filter-problem { (alert(Tone::Bad, problem)) } }
            @if field.kind == crate::domain::segment::field::Kind::Answer {
                div.field {
                    label for="code" { (words.which) }
                    input #code name="code" type="text" value=(typed.code) required autocomplete="off" aria-describedby="code-hint";
                    p.hint #code-hint { (words.which_hint) }
                }
            }
            div.field {
                label for="comparison" { (words.comparison) }
                select #comparison name="is" data-comparison {
                    @for (operator, label) in &operators {
                        option value=(operator) selected[*operator == typed.operator] { (label) }
                    }
                }
            }
            (input.draw(typed, screen.words, problem.map(|_| "filter-problem")))
            div.dialog-foot {
                a.button.secondary href=(place.address(None)) data-modal { (words.other_field) }
                button.button.primary type="submit" { (words.add) }
            }
        }
    };
    screen.page(Section::Customers, name, &content)
}
