//! Where an import is, above each of its pages.

use maud::{Markup, html};

use crate::web::console::screen::Screen;

/// The steps, of which `now` is the present one, counted from 0.
pub(super) fn draw(screen: &Screen, now: usize) -> Markup {
    let said = &screen.words.import;
    let steps = [said.step_upload, said.step_columns, said.step_try, said.step_run];
    html! {
        ol.steps aria-label=(said.steps) {
            @for (at, step) in steps.into_iter().enumerate() {
                li.past[at < now] aria-current=[(at == now).then_some("step")] { span { (at + 1) } (step) }
            }
        }
    }
}
