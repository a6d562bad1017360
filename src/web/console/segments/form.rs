//! The form of a segment, with who matches its rule while it is written.

use axum::extract::{Form, Path, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{reach_words, segment_id, viewer};
use crate::domain::access::Action;
use crate::domain::chips::Chip;
use crate::domain::segment::order::{Direction, Each, Edge, Order, Sort};
use crate::domain::segment::saved::{Content, Refusal, Segment};
use crate::domain::segment::{Rule, RuleError};
use crate::ops::rosters::{Preview, Query};
use crate::ops::segments::{Edit, NewContent, NewSegment, SegmentError, Target};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::list::saying::Saying;
use crate::web::console::list::selected::Selected;
use crate::web::console::list::table::name;
use crate::web::console::list::wanted::Wanted;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// The form as it was filled in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    name: String,
    rule: String,
    shared: Option<String>,
    version: i64,
}

impl Typed {
    /// Takes what the address says, while the rule is being tried.
    fn take(&mut self, name: &str, value: String) {
        match name {
            "rule" => self.rule = value,
            "name" => self.name = value,
            "shared" => self.shared = Some(value),
            _ => {}
        }
    }
}

/// What the page is about.
struct Page<'a> {
    title: &'a str,
    /// Where the form is sent, and where its rule is tried while it is typed.
    action: String,
    has_rule: bool,
    problem: Option<String>,
}

/// `GET /console/segments/new`: from the filters of a list, or from a rule that is being typed.
pub async fn new(
    State(web): State<Web>,
    screen: Screen,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    screen.require(Action::EditSegments)?;
    let query = query.unwrap_or_default();
    let mut typed = Typed::default();
    let mut from = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "in" => from = Some(Wanted::parse(&value)),
            _ => typed.take(&name, value.into_owned()),
        }
    }
    let mut problem = None;
    if let Some(wanted) = from {
        let selected = Selected {
            wanted,
            everything: true,
            cards: Vec::new(),
        };
        match selected.rule(&web, &screen).await? {
            Ok(Some(rule)) => typed.rule = rule.to_string(),
            Ok(None) | Err(_) => problem = Some(screen.words.segments.no_rule.to_owned()),
        }
    }
    if typed.rule.is_empty() {
        typed.rule = Rule::everything().to_string();
    }
    let page = Page {
        title: screen.words.segments.new,
        action: "/console/segments/new".to_owned(),
        has_rule: true,
        problem,
    };
    draw(&web, &screen, &typed, page).await
}

/// `POST /console/segments/new`
pub async fn save(
    State(web): State<Web>,
    screen: Screen,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditSegments)?;
    let rule = Rule::parse(typed.rule.trim());
    let problem = match rule {
        Err(error) => wrong_rule(&screen, &error),
        Ok(rule) => {
            let new = NewSegment {
                name: typed.name.clone(),
                content: NewContent::Rule(rule),
                owner: Some(screen.member.id),
                shared: typed.shared.is_some(),
            };
            match web.ops.add_segment(screen.member.merchant, new).await {
                Ok(_) => return Ok(Redirect::to("/console/segments?done=saved").into_response()),
                Err(SegmentError::Refused(why)) => screen.words.language.segment_refusal(&why),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let page = Page {
        title: screen.words.segments.new,
        action: "/console/segments/new".to_owned(),
        has_rule: true,
        problem: Some(problem),
    };
    draw(&web, &screen, &typed, page).await
}

fn wrong_rule(screen: &Screen, error: &RuleError) -> String {
    (screen.words.segments.wrong_rule)(&screen.words.language.rule_error(error))
}

/// `GET /console/segments/{segment}/edit`
pub async fn edit(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    screen.require(Action::EditSegments)?;
    let segment = found(&web, &screen, &id).await?;
    let mut typed = Typed {
        name: segment.name.clone(),
        rule: segment.rule().map(Rule::to_string).unwrap_or_default(),
        shared: segment.shared.then(String::new),
        version: segment.version,
    };
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        typed.take(&name, value.into_owned());
    }
    let page = Page {
        title: screen.words.segments.edit,
        action: format!("/console/segments/{}/edit", segment.id),
        has_rule: segment.content != Content::List,
        problem: None,
    };
    draw(&web, &screen, &typed, page).await
}

/// `POST /console/segments/{segment}/edit`
pub async fn change(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditSegments)?;
    let segment = found(&web, &screen, &id).await?;
    let has_rule = segment.content != Content::List;
    let rule = match has_rule {
        true => Rule::parse(typed.rule.trim()).map(Some),
        false => Ok(None),
    };
    let problem = match rule {
        Err(error) => wrong_rule(&screen, &error),
        Ok(rule) => {
            let edit = Edit {
                name: Some(typed.name.clone()),
                rule,
                shared: Some(typed.shared.is_some()),
            };
            let changed = web.ops.edit_segment(
                screen.member.merchant,
                viewer(&screen),
                segment.id,
                typed.version,
                edit,
            );
            match changed.await {
                Ok(_) => return Ok(Redirect::to("/console/segments?done=saved").into_response()),
                Err(SegmentError::Refused(Refusal::Stale { .. })) => {
                    screen.words.common.changed_meanwhile.to_owned()
                }
                Err(SegmentError::Refused(why)) => screen.words.language.segment_refusal(&why),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let page = Page {
        title: screen.words.segments.edit,
        action: format!("/console/segments/{}/edit", segment.id),
        has_rule,
        problem: Some(problem),
    };
    draw(&web, &screen, &typed, page).await
}

async fn found(web: &Web, screen: &Screen, id: &str) -> Result<Segment, ApiError> {
    let segment = web
        .ops
        .segment(screen.member.merchant, viewer(screen), segment_id(id)?);
    Ok(segment.await?)
}

/// The page with the form, and who matches the rule that stands in it.
async fn draw(web: &Web, screen: &Screen, typed: &Typed, page: Page<'_>) -> Result<Response, ApiError> {
    let words = &screen.words.segments;
    let programs = Programs::of(web, screen.member.merchant).await?;
    let tried = match page.has_rule.then(|| Rule::parse(typed.rule.trim())) {
        None => html! { p.muted { (words.static_text) } },
        Some(Err(error)) => alert(Tone::Bad, &wrong_rule(screen, &error)),
        Some(Ok(rule)) => {
            let preview = web
                .rosters
                .preview(screen.member.merchant, &asked(screen, rule.clone()))
                .await?;
            matches(screen, &Saying::new(screen, &programs).rule(&rule), &preview)
        }
    };
    let invalid = page.problem.as_ref().map(|_| "true");
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href="/console/segments" { (icon("left")) (words.title) } }
        div.page-head { h1 { (page.title) } }
        @if let Some(problem) = &page.problem { div #segment-problem { (alert(Tone::Bad, problem)) } }
        form #segment .panel method="post" action=(page.action) data-once data-guard
            data-swap=[page.has_rule.then_some("matches")] data-typed {
            input type="hidden" name="version" value=(typed.version);
            div.field {
                label for="name" { (words.name) }
                input #name name="name" type="text" maxlength="60" required value=(typed.name) autocomplete="off"
                    aria-invalid=[invalid] aria-describedby=[invalid.map(|_| "segment-problem")];
            }
            label.check {
                input type="checkbox" name="shared" value="yes" checked[typed.shared.is_some()];
                span { (words.share) }
            }
            @if page.has_rule {
                div.field {
                    label for="rule" { (words.rule) }
                    textarea #rule name="rule" rows="3" spellcheck="false" maxlength="4096" aria-describedby="rule-hint" { (typed.rule) }
                    p.hint #rule-hint { (words.rule_hint) }
                }
                noscript { button.button.secondary type="submit" formmethod="get" formnovalidate { (words.matches) } }
            }
        }
        section #matches .panel.sheet aria-live="polite" { (tried) }
        div.dialog-foot {
            a.button.secondary href="/console/segments" { (screen.words.common.cancel) }
            button.button.primary type="submit" form="segment" { (words.save) }
        }
    };
    let shown = screen.page(Section::Segments, page.title, &content);
    Ok(match page.problem {
        None => shown.into_response(),
        Some(problem) => (ApiError::Conflict(problem).status(), shown).into_response(),
    })
}

fn asked(screen: &Screen, rule: Rule) -> Query {
    Query {
        viewer: viewer(screen),
        target: match rule == Rule::everything() {
            true => Target::BuiltIn(Chip::All),
            false => Target::Rule(rule),
        },
        only: None,
        among: None,
        search: None,
        order: Order {
            sort: Sort::Activity,
            direction: Direction::Descending,
        },
        edge: Edge::First,
        size: 1,
        each: Each::Card,
    }
}

/// The rule in words, how many it is for, and some of them.
fn matches(screen: &Screen, rule: &str, preview: &Preview) -> Markup {
    let words = &screen.words.segments;
    html! {
        h2 { (words.matches) }
        p.rule { span.muted { (words.rule) ": " } (rule) }
        p { strong { (reach_words(screen, preview.reach)) } }
        @if !preview.sample.is_empty() {
            p.muted { (words.sample) }
            ul.sample {
                @for line in &preview.sample {
                    li { a href=(format!("/console/cards/{}", line.card)) { (name(screen, line)) } }
                }
            }
        }
    }
}

/// `GET /console/segments/{segment}/duplicate`: asks for the copy's name.
pub async fn copy(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EditSegments)?;
    let segment = found(&web, &screen, &id).await?;
    let name: String = (screen.words.segments.copy_of)(&segment.name)
        .chars()
        .take(60)
        .collect();
    Ok(copy_page(&screen, &segment, &name, None))
}

fn copy_page(screen: &Screen, segment: &Segment, name: &str, problem: Option<&str>) -> Markup {
    let words = &screen.words.segments;
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href="/console/segments" { (icon("left")) (words.title) } }
        div.page-head { h1 { (words.duplicate) } p.muted { (segment.name) } }
        form.panel method="post" action=(format!("/console/segments/{}/duplicate", segment.id)) data-once {
            div.field {
                label for="copy-name" { (words.name) }
                input #copy-name name="name" type="text" maxlength="60" required value=(name) autocomplete="off"
                    aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "copy-problem")];
                @if let Some(problem) = problem { p.problem #copy-problem role="alert" { (problem) } }
            }
            div.dialog-foot {
                a.button.secondary href="/console/segments" data-close { (screen.words.common.cancel) }
                button.button.primary type="submit" { (words.duplicate) }
            }
        }
    };
    screen.page(Section::Segments, words.duplicate, &content)
}

/// `POST /console/segments/{segment}/duplicate`
pub async fn duplicate(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditSegments)?;
    let segment = found(&web, &screen, &id).await?;
    let made = web
        .ops
        .duplicate_segment(screen.member.merchant, viewer(&screen), segment.id, &typed.name);
    match made.await {
        Ok(_) => Ok(Redirect::to("/console/segments?done=saved").into_response()),
        Err(SegmentError::Refused(why)) => {
            let problem = screen.words.language.segment_refusal(&why);
            let page = copy_page(&screen, &segment, &typed.name, Some(&problem));
            Ok((ApiError::Conflict(problem).status(), page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
