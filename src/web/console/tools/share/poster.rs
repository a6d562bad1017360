//! A poster with a program's code: one page of A4, in the language of whoever will read it.

use axum::extract::{Path, Query, RawQuery, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, arrival, link, open};
use crate::domain::access::Action;
use crate::web::Web;
use crate::web::console::layout::Section;
use crate::web::console::pass::qr_path;
use crate::web::console::screen::Screen;
use crate::web::console::tools::crumbs;
use crate::web::console::words::Language;
use crate::web::error::ApiError;
use crate::web::public::words::Public;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Place {
    language: Option<String>,
}

/// `GET /console/tools/share/{program_id}/poster?language=de`
pub(super) async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(program): Path<String>,
    Query(place): Query<Place>,
    RawQuery(query): RawQuery,
) -> Result<Markup, ApiError> {
    screen.require(Action::ShareLinks)?;
    let sheet = open(&web, &screen, &program).await?;
    let arrival = arrival(query);
    let wanted = place.language.as_deref().and_then(Language::parse);
    let language = wanted.unwrap_or(screen.words.language);
    let (said, printed, public) = (&screen.words.share, &language.words().share, Public::of(language));
    let (program, link) = (&sheet.of.program, link(&web, &sheet, &arrival));
    let here = address(program.id);
    let query = arrival.to_query();
    let title = (said.poster_of)(&program.name);
    let content = html! {
        div.no-print {
            (crumbs(&screen, Some((&format!("{here}{query}"), &program.name))))
            div.page-head { h1 { (title) } }
            p.hint { (said.poster_hint) }
            p.row {
                @for each in Language::ALL {
                    @let and = if query.is_empty() { "?" } else { "&" };
                    a.chip href=(format!("{here}/poster{query}{and}language={}", each.as_str())) lang=(each.as_str())
                        aria-current=[(each == language).then_some("true")] { (each.title()) }
                }
            }
        }
        article.paper.poster lang=(language.as_str()) aria-label=(title) {
            p.poster-merchant { (sheet.of.merchant_name) }
            p.poster-program { (program.name) }
            p.poster-promise { (public.promise(&program.rules, &program.reward_name)) }
            @if let Some((size, path)) = qr_path(&link) {
                svg viewBox=(format!("0 0 {size} {size}")) role="img" aria-label=(said.code) { path d=(path) {} }
            }
            p.poster-call { (printed.poster_call) }
            p { (printed.poster_text) }
            p.poster-link { (link.split('?').next().unwrap_or(&link)) }
        }
    };
    Ok(screen.page(Section::Tools, &title, &content))
}
