//! What was just done, said once on the page that follows, with the way back where there is one.

use maud::{Markup, html};

use super::bar::reversible;
use super::{button_form, hidden};
use crate::domain::access::Action;
use crate::domain::event::EventKind;
use crate::web::console::components::toast;
use crate::web::console::profile::Held;
use crate::web::console::screen::Screen;

pub fn of(screen: &Screen, held: &Held, done: &str) -> Option<Markup> {
    let words = &screen.words.acts;
    let people = &screen.words.people;
    let undo = html! { button.link-button type="submit" { (screen.words.common.undo) } };
    let taken_back = |kinds: &[EventKind]| {
        let row = reversible(screen, &held.shown).filter(|row| kinds.contains(&row.kind))?;
        Some(button_form(
            &held.shown,
            &held.way,
            "/reverse",
            Some(row.id),
            &undo,
        ))
    };
    if let Some(was) = done.strip_prefix("expiry") {
        return Some(toast(
            words.done_expiry,
            expiry_back(screen, held, was, &undo).as_ref(),
        ));
    }
    let (text, back) = match done {
        "redeemed" => (words.done_redeemed, taken_back(&[EventKind::RewardRedeemed])),
        "adjusted" => (
            words.done_adjusted,
            taken_back(&[EventKind::PointsAdded, EventKind::PointsRemoved]),
        ),
        "reversed" => (words.done_reversed, None),
        "ended" => {
            let may = screen.may(Action::VoidCard) && held.shown.sheet.face.void;
            let back = may.then(|| button_form(&held.shown, &held.way, "/restore", None, &undo));
            (words.done_ended, back)
        }
        "restored" => (words.done_restored, None),
        "named" => (words.done_named, None),
        "sent" => (words.done_sent, None),
        "message" => (words.done_message, None),
        "referral" => (words.done_referral, None),
        "added" => (people.added, None),
        "saved" => (people.saved, None),
        "kept" => (people.kept, None),
        "erasing" => (people.will_be_erased, None),
        "note" => (people.done_note, None),
        "note-deleted" => (people.done_note_deleted, None),
        "tags" => (people.done_tags, None),
        _ => return None,
    };
    Some(toast(text, back.as_ref()))
}

/// The form that sets the end back to the day that `was` names: `-2026-12-24` or `-never`.
fn expiry_back(screen: &Screen, held: &Held, was: &str, undo: &Markup) -> Option<Markup> {
    let was = was.strip_prefix('-')?;
    let fits = was == "never" || was.parse::<jiff::civil::Date>().is_ok();
    (fits && screen.may(Action::EditExpiry)).then(|| {
        html! {
            form method="post" action=(held.way.to("/expiry")) data-once {
                (hidden(&held.shown, &held.way))
                @if was == "never" { input type="hidden" name="never" value="1"; }
                @else { input type="hidden" name="day" value=(was); }
                (undo)
            }
        }
    })
}
