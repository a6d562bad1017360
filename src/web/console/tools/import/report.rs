//! The third and the fourth step: how far it is, what would happen or has happened, and the rows that are wrong.
//!
//! Everything that changes is in the part with the id `import`, which is read again while somebody works on the file.

use maud::{Markup, html};

use super::{address, steps};
use crate::domain::upload::{UploadState, UploadWish};
use crate::store::imports::Failure;
use crate::store::uploads::Upload;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::jobs::watch::Going;
use crate::web::console::jobs::{self, live};
use crate::web::console::screen::Screen;
use crate::web::console::tools::crumbs;
use crate::web::console::words::import;

/// Failed rows on a page.
const PAGE: usize = 50;

pub(in crate::web::console) fn tone(state: UploadState) -> Tone {
    match state {
        UploadState::Done => Tone::Good,
        UploadState::Failed => Tone::Bad,
        UploadState::Cancelled => Tone::Neutral,
        _ => Tone::Notice,
    }
}

pub(super) fn draw(
    screen: &Screen,
    upload: &Upload,
    failures: &[Failure],
    after: Option<i64>,
    notice: Option<&Markup>,
    going: Option<&Going>,
) -> Markup {
    let said = &screen.words.import;
    let is_trial = matches!(upload.state, UploadState::Trying | UploadState::Tried);
    let (title, text) = match upload.state {
        UploadState::Trying => (said.trying, Some(said.trying_text)),
        UploadState::Tried => (said.tried, None),
        UploadState::Running => (said.running, Some(said.running_text)),
        UploadState::Done => (said.done, None),
        UploadState::Cancelled => (said.cancelled, Some(said.cancelled_text)),
        _ => (said.not_done, upload.problem.map(|problem| said.problem(problem))),
    };
    let poll = upload.state.is_worked_on().then_some("1");
    let live = upload
        .state
        .is_worked_on()
        .then(|| live::address(upload.id.0, "import"));
    html! {
        div data-live=[live] { section #import data-poll=[poll] {
            (crumbs(screen, Some(("/console/tools/import", said.title))))
            div.page-head { h1 { (title) } p.muted { (upload.name) } }
            (steps::draw(screen, if is_trial { 2 } else { 3 }))
            @if let Some(notice) = notice { (notice) }
            @match (upload.state, text) {
                (UploadState::Failed, Some(text)) => (alert(Tone::Bad, text)),
                (_, Some(text)) => p.muted { (text) },
                (_, None) => {},
            }
            @if upload.state.is_worked_on() { (meter(screen, upload, going)) }
            (counts(screen, upload))
            (notes(screen, upload))
            (ways(screen, upload))
            @if !failures.is_empty() { (errors(screen, upload, failures, after, is_trial)) }
            @if upload.state.is_over() { p.hint { (said.kept_until) " " (screen.time(upload.expires_at)) "." } }
        } }
    }
}

fn meter(screen: &Screen, upload: &Upload, going: Option<&Going>) -> Markup {
    let most = upload.bytes.max(1);
    let now = upload.read_bytes.clamp(0, most);
    let percent = now.saturating_mul(100) / most;
    html! {
        div.progress-line {
            progress.meter max=(most) value=(now) aria-label=(screen.words.import.progress) { (percent) " %" }
            span.muted { (percent) " %" }
            @for pace in going.map(|going| jobs::pace(screen, going)).unwrap_or_default() { span.muted { (pace) } }
        }
    }
}

fn counts(screen: &Screen, upload: &Upload) -> Markup {
    let (said, counts) = (&screen.words.import, upload.counts);
    let figures = [
        (said.created, counts.created),
        (said.updated, counts.updated),
        (said.unchanged, counts.unchanged),
        (said.failed, counts.failed),
        (said.rows, counts.rows()),
    ];
    html! {
        dl.tallies.panel {
            @for (name, count) in figures { div { dt { (name) } dd { (screen.number(count)) } } }
        }
    }
}

fn notes(screen: &Screen, upload: &Upload) -> Markup {
    let said = &screen.words.import;
    let is_tried = upload.state == UploadState::Tried;
    html! {
        @if is_tried && upload.counts.failed > 0 && upload.counts.failed < upload.counts.rows() {
            p.hint { (said.failed_left) }
        }
        @if upload.balances_kept > 0 { p.hint { ((said.balances_kept)(upload.balances_kept)) } }
        @if upload.consents_left > 0 { p.hint { ((said.consents_left)(upload.consents_left)) } }
    }
}

/// What can be asked of the file now.
fn ways(screen: &Screen, upload: &Upload) -> Markup {
    let said = &screen.words.import;
    let here = address(upload.id);
    let may = |wish| upload.state.after(wish).is_some();
    let good = upload.counts.rows() - upload.counts.failed;
    html! {
        div.row.after {
            @if may(UploadWish::Run) && good > 0 {
                form method="post" action=(format!("{here}/run")) data-once {
                    button.button.primary type="submit" { ((said.run)(good)) }
                }
            }
            @if may(UploadWish::Stop) {
                form method="post" action=(format!("{here}/stop")) data-once {
                    button.button.secondary type="submit" { (said.stop) }
                }
            }
            @if may(UploadWish::Try) { a.button.secondary href=(format!("{here}?columns=1")) { (said.change_columns) } }
            @if upload.state == UploadState::Done { a.button.primary href="/console/cards" { (said.to_the_list) } }
            @if upload.state.is_over() { a.button.secondary href="/console/tools/import" { (said.another) } }
            @if may(UploadWish::Discard) {
                form method="post" action=(format!("{here}/discard")) data-once {
                    button.button.quiet-danger type="submit" { (said.discard) }
                }
            }
        }
    }
}

fn errors(
    screen: &Screen,
    upload: &Upload,
    failures: &[Failure],
    after: Option<i64>,
    is_trial: bool,
) -> Markup {
    let said = &screen.words.import;
    let here = address(upload.id);
    let shown = failures.get(..PAGE.min(failures.len())).unwrap_or_default();
    let more = shown.last().filter(|_| failures.len() > PAGE);
    html! {
        section.errors aria-labelledby="errors-title" {
            div.page-head {
                h2 #errors-title { (if is_trial { said.errors_would } else { said.errors }) }
                @if !upload.state.is_worked_on() {
                    a.button.secondary.push href=(format!("{here}/failed.csv")) download { (icon("download")) (said.download_failed) }
                }
            }
            @if !upload.state.is_worked_on() { p.hint { (said.download_hint) } }
            div.panel.table-panel {
                table.table.plain {
                    thead {
                        tr {
                            @for head in [said.line, said.column, said.value, said.what_is_wrong, said.code] { th scope="col" { (head) } }
                        }
                    }
                    tbody {
                        @for failure in shown { @for problem in &failure.problems {
                            tr {
                                th scope="row" { span.only-small { (said.line) " " } (screen.number(failure.line)) }
                                td data-label=(said.column) {
                                    @if problem.column.is_empty() { span.muted { (said.whole_row) } } @else { (problem.column) }
                                }
                                td data-label=(said.value) { code { (problem.value) } }
                                td.sentence data-label=(said.what_is_wrong) {
                                    (import::problem(screen.words.language, &problem.code, &problem.message))
                                }
                                td data-label=(said.code) { code { (problem.code) } }
                            }
                        } }
                    }
                }
            }
            @if after.is_some() || more.is_some() {
                nav.pager aria-label=(screen.words.common.pages) {
                    @if after.is_some() { a.button.secondary href=(here) { (said.first_errors) } } @else { span {} }
                    @if let Some(last) = more {
                        a.button.secondary href=(format!("{here}?after={}", last.record)) { (said.more_errors) }
                    }
                }
            }
        }
    }
}
