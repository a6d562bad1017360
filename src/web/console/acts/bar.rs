//! The buttons above a profile: what the member's role may do and the card's state allows. Replaced whenever the card
//! changes. Of somebody who was erased nothing can be changed any more.

use maud::{Markup, html};

use super::button_form;
use crate::domain::access::Action;
use crate::domain::event::EventKind;
use crate::domain::program::ProgramKind;
use crate::store::listing::{ActorName, TimelineRow};
use crate::web::console::card::Shown;
use crate::web::console::components::icon;
use crate::web::console::screen::Screen;
use crate::web::console::way::Way;

pub fn of(screen: &Screen, shown: &Shown, way: &Way) -> Markup {
    let words = &screen.words.acts;
    let face = &shown.sheet.face;
    let good = is_good(screen, shown);
    let adjust = match face.kind {
        ProgramKind::Punch => Some(words.edit_punches),
        ProgramKind::Points => Some(words.edit_points),
        ProgramKind::Coupon => None,
    };
    let reverse = reversible(screen, shown);
    if shown.sheet.erased_at.is_some() {
        return html! { section #actions .actions {} };
    }
    html! {
        section #actions .actions aria-label=(screen.words.profile.actions) {
            @if screen.may(Action::RedeemReward) && can_redeem(screen, shown) {
                a.button.primary href=(way.to("/redeem")) data-modal data-command=(redeem_title(screen, face.kind)) {
                    (icon("gift")) (redeem_title(screen, face.kind))
                }
            }
            @if let Some(title) = adjust.filter(|_| good && screen.may(Action::EditBalance)) {
                a.button.secondary href=(way.to("/balance")) data-modal data-command=(title) { (icon("pencil")) (title) }
            }
            @if !face.void && screen.may(Action::SendMessages) {
                a.button.secondary href=(way.to("/push")) data-modal data-command=(words.push) { (icon("push")) (words.push) }
            }
            @if let Some(row) = reverse {
                (button_form(shown, way, "/reverse", Some(row.id), &html! {
                    button.button.secondary type="submit" { (icon("undo")) (reverse_title(screen, row.kind)) }
                }))
            }
            (more(screen, shown, way))
            @if screen.may(Action::VoidCard) {
                @if face.void {
                    (button_form(shown, way, "/restore", None, &html! {
                        button.button.secondary type="submit" { (icon("undo")) (words.restore) }
                    }))
                } @else {
                    a.button.quiet-danger href=(way.to("/end")) data-modal data-command=(words.end) { (icon("stop")) (words.end) }
                }
            }
        }
    }
}

/// The rarer acts, behind one button.
fn more(screen: &Screen, shown: &Shown, way: &Way) -> Markup {
    let words = &screen.words.acts;
    let person = Way::of_customer(shown.sheet.customer, way.within());
    let acts: [(Action, String, &str, &str, bool); 6] = [
        (
            Action::ShareLinks,
            way.to("/share"),
            "link",
            screen.words.people.share,
            !shown.sheet.face.void,
        ),
        (
            Action::EditExpiry,
            way.to("/expiry"),
            "pencil",
            words.expiry,
            !shown.sheet.face.void,
        ),
        (
            Action::InviteCustomers,
            way.to("/letter"),
            "mail",
            words.letter,
            true,
        ),
        (
            Action::EditCustomers,
            way.to("/name"),
            "pencil",
            words.holder,
            true,
        ),
        (
            Action::EditCustomers,
            person.with("/edit", &[("card", &shown.sheet.face.card.to_string())]),
            "people",
            screen.words.people.edit,
            true,
        ),
        (
            Action::EraseCustomer,
            person.to("/erase"),
            "stop",
            screen.words.people.erase,
            true,
        ),
    ];
    let acts: Vec<_> = acts
        .into_iter()
        .filter(|(action, .., fits)| *fits && screen.may(*action))
        .collect();
    html! {
        @if !acts.is_empty() {
            details #more-actions .more {
                summary.button.secondary data-key="a" { (icon("more")) (screen.words.profile.more_actions) }
                ul {
                    @for (_, address, drawing, title, _) in acts {
                        li { a.menu-item href=(address) data-modal data-command=(title) { (icon(drawing)) (title) } }
                    }
                }
            }
        }
    }
}

/// Neither ended nor expired.
fn is_good(screen: &Screen, shown: &Shown) -> bool {
    let face = &shown.sheet.face;
    !face.void && face.expires_at.is_none_or(|end| end > screen.now)
}

pub fn can_redeem(screen: &Screen, shown: &Shown) -> bool {
    let face = &shown.sheet.face;
    let has = match face.kind {
        ProgramKind::Punch => face.rewards > 0,
        ProgramKind::Points => face.prices.covered.is_some(),
        ProgramKind::Coupon => !face.redeemed,
    };
    has && is_good(screen, shown)
}

pub fn redeem_title(screen: &Screen, kind: ProgramKind) -> &'static str {
    match kind {
        ProgramKind::Punch => screen.words.acts.redeem,
        ProgramKind::Points => screen.words.acts.redeem_points,
        ProgramKind::Coupon => screen.words.acts.redeem_coupon,
    }
}

/// The newest thing that staff gave, handed out or changed, while this member can still take it back.
pub fn reversible<'s>(screen: &Screen, shown: &'s Shown) -> Option<&'s TimelineRow> {
    let may = screen.may(Action::ReverseEvent) && !shown.sheet.face.void;
    let newest = shown.recent.iter().find(|row| {
        let by_hand = matches!(row.actor, ActorName::Member(_));
        let counts = match row.kind {
            EventKind::CustomerScanned | EventKind::CustomerTapped | EventKind::RewardRedeemed => true,
            EventKind::PointsAdded | EventKind::PointsRemoved => by_hand,
            _ => false,
        };
        counts && row.reversed_by.is_none()
    })?;
    let age = screen.now.since(newest.at.max(newest.recorded_at));
    (may && age <= shown.sheet.reversal_window).then_some(newest)
}

fn reverse_title(screen: &Screen, kind: EventKind) -> &'static str {
    match kind {
        EventKind::RewardRedeemed => screen.words.acts.take_back_redemption,
        EventKind::PointsAdded | EventKind::PointsRemoved => screen.words.acts.take_back_change,
        _ => screen.words.acts.take_back_punch,
    }
}
