//! Where those came from who joined lately: a row of bars for each source, and every number in a table beside it.
//!
//! The bars are drawn for eyes alone; whoever does not see them reads the table.

use jiff::civil::Date;
use maud::{Markup, html};

use crate::domain::joins::{Joins, Line, Source};
use crate::ops::join_pages::JoinSheet;
use crate::web::Web;
use crate::web::console::screen::Screen;
use crate::web::console::words::apart::apart;
use crate::web::error::ApiError;

/// Units of the drawing: a bar with the gap after it, and the tallest bar.
const STEP: i64 = 14;
const BAR: i64 = 10;
const HEIGHT: i64 = 36;

pub(super) async fn joins(web: &Web, screen: &Screen, sheet: &JoinSheet) -> Result<Joins, ApiError> {
    let (merchant, program) = (screen.member.merchant, sheet.of.program.id);
    Ok(web.ops.joins(merchant, program, &screen.member.zone).await?)
}

pub(super) fn section(screen: &Screen, joins: &Joins) -> Markup {
    let said = &screen.words.share;
    html! {
        section.panel.came aria-labelledby="came-title" {
            div.panel-head { h2 #came-title { (said.came) } }
            p.panel-note.muted { (said.came_hint) }
            @if joins.lines.is_empty() { p.muted.quiet { (said.came_nobody) } } @else {
                table.came-lines {
                    thead { tr { th scope="col" { (said.utm_source) } th scope="col" { (said.came_by_week) } th.number scope="col" { (said.came_total) } } }
                    tbody {
                        @for line in &joins.lines {
                            tr {
                                th scope="row" { (named(screen, &line.source)) }
                                td { (bars(screen, joins, line)) }
                                td.number { (screen.number(line.total())) }
                            }
                        }
                    }
                }
                details.panel-note {
                    summary { (said.came_numbers) }
                    (numbers(screen, joins))
                }
            }
        }
    }
}

fn named(screen: &Screen, source: &Source) -> String {
    let said = &screen.words.share;
    match source {
        Source::Named(name) => apart(name.clone()),
        Source::Others => said.came_others.to_owned(),
        Source::Unnamed => said.came_unnamed.to_owned(),
    }
}

/// All rows are drawn to one measure, so that they can be compared.
fn bars(screen: &Screen, joins: &Joins, line: &Line) -> Markup {
    let most = joins.most();
    let width = STEP * i64::try_from(line.weeks.len()).unwrap_or(0);
    html! {
        svg.came-bars viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" aria-hidden="true" {
            @for ((at, count), monday) in (0..).zip(&line.weeks).zip(&joins.mondays) {
                // What is there is seen, however little it is.
                @let height = if *count == 0 { 1 } else { (count * HEIGHT / most).max(3) };
                rect.(if *count == 0 { "none" } else { "some" }) x=(at * STEP) y=(HEIGHT - height) width=(BAR) height=(height) rx="1.5" {
                    title { (week(screen, *monday)) ": " (screen.number(*count)) }
                }
            }
        }
    }
}

fn numbers(screen: &Screen, joins: &Joins) -> Markup {
    let said = &screen.words.share;
    html! {
        div.came-numbers tabindex="0" role="region" aria-label=(said.came_numbers) {
            table {
                thead { tr {
                    th scope="col" { (said.came_week) }
                    @for line in &joins.lines { th.number scope="col" { (named(screen, &line.source)) } }
                } }
                tbody {
                    @for (at, monday) in joins.mondays.iter().enumerate().rev() {
                        tr {
                            th scope="row" { (week(screen, *monday)) }
                            @for line in &joins.lines { td.number { (screen.number(line.weeks.get(at).copied().unwrap_or(0))) } }
                        }
                    }
                }
            }
        }
    }
}

fn week(screen: &Screen, monday: Date) -> String {
    let this_year = screen.now.to_jiff().to_zoned(screen.member.zone.clone()).year();
    screen.words.language.date(monday, monday.year() == this_year)
}
