//! The second step: what each column of the file means, with its first rows beside it.

use maud::{Markup, html};

use super::{address, steps};
use crate::domain::import::Column;
use crate::ops::uploads::Sheet;
use crate::store::uploads::Upload;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::screen::Screen;
use crate::web::console::tools::columns::label;
use crate::web::console::tools::crumbs;

/// Letters of a cell that are shown.
const SHOWN: usize = 60;

/// Puts what was chosen in a form that was refused in the place of what is stored.
pub(super) fn take_typed(sheet: &mut Sheet, meanings: &[String]) {
    let all = Column::all(&sheet.fields);
    for (at, column) in sheet.meanings.iter_mut().enumerate() {
        let typed = meanings.get(at).map(String::as_str);
        if let Some(known) = all.iter().find(|known| Some(known.as_str()) == typed) {
            *column = known.clone();
        }
    }
}

/// The headers of a file in the form in which failed rows are written.
pub(super) fn headers(upload: &Upload) -> Vec<(String, Column)> {
    let headers = upload.header.iter().map(|header| header.trim().to_owned());
    headers.map(|header| (header, Column::Ignored)).collect()
}

pub(super) fn draw(screen: &Screen, sheet: &Sheet, notice: Option<&Markup>) -> Markup {
    let said = &screen.words.import;
    let knows_nothing = sheet.meanings.iter().all(|column| *column == Column::Ignored);
    let here = address(sheet.upload.id);
    html! {
        section #import {
            (crumbs(screen, Some(("/console/tools/import", said.title))))
            div.page-head { h1 { (said.columns_text) } p.muted { (sheet.upload.name) } }
            (steps::draw(screen, 1))
            @if let Some(notice) = notice { (notice) }
            @else if knows_nothing { (alert(Tone::Notice, said.nothing_known)) }
            form method="post" action=(format!("{here}/columns")) data-once data-guard {
                div.panel.table-panel {
                    table.table.plain {
                        thead { tr { th scope="col" { (said.column) } th scope="col" { (said.meaning) } th scope="col" { (said.first_rows) } } }
                        tbody {
                            @for (at, header) in sheet.upload.header.iter().enumerate() {
                                (line(screen, sheet, at, header))
                            }
                        }
                    }
                }
                div.row.after {
                    button.button.primary type="submit" { (said.try_it) }
                    button.button.quiet-danger type="submit" form="discard" { (said.discard) }
                }
            }
            form #discard method="post" action=(format!("{here}/discard")) data-once {}
        }
    }
}

fn line(screen: &Screen, sheet: &Sheet, at: usize, header: &str) -> Markup {
    let said = &screen.words.import;
    let name = match header.trim() {
        "" => (said.nameless)(i64::try_from(at + 1).unwrap_or(i64::MAX)),
        name => name.to_owned(),
    };
    let id = format!("meaning-{at}");
    let chosen = sheet.meanings.get(at).unwrap_or(&Column::Ignored);
    let cells = sheet.head.rows.iter().filter_map(|row| row.get(at));
    html! {
        tr {
            th scope="row" { strong { (name) } }
            td data-label=(said.meaning) {
                label.visually-hidden for=(id) { ((said.meaning_of)(&name)) }
                select.small #(id) name="meaning" {
                    @for column in Column::all(&sheet.fields) {
                        option value=(column.as_str()) selected[column == *chosen] {
                            (label(screen, &sheet.fields, column.as_str()))
                        }
                    }
                }
                @if *chosen != Column::Ignored { " " span.known { (icon("check")) } }
            }
            td.cells data-label=(said.first_rows) {
                @for cell in cells.filter(|cell| !cell.trim().is_empty()) {
                    span { (cell.chars().take(SHOWN).collect::<String>()) @if cell.chars().count() > SHOWN { "…" } }
                }
            }
        }
    }
}
