//! What can be done to what is selected: the bar under the list, with how many of the selected each action is for.

use axum::extract::{RawForm, State};
use maud::{Markup, html};

use super::selected::Selected;
use super::wanted::Wanted;
use crate::domain::access::Action;
use crate::domain::segment::Rule;
use crate::domain::segment::order::Each;
use crate::ops::rosters::Tally;
use crate::web::Web;
use crate::web::console::components::icon;
use crate::web::console::screen::Screen;
use crate::web::console::words::Text;
use crate::web::console::words::jobs::Jobs;
use crate::web::error::ApiError;

/// Something that the bar offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    AddPunches,
    AddPoints,
    Redeem,
    Void,
    Restore,
    Message,
    List,
}

impl Offer {
    pub const ALL: [Self; 7] = [
        Self::AddPunches,
        Self::AddPoints,
        Self::Redeem,
        Self::Void,
        Self::Restore,
        Self::Message,
        Self::List,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AddPunches => "add_punches",
            Self::AddPoints => "add_points",
            Self::Redeem => "redeem",
            Self::Void => "void",
            Self::Restore => "restore",
            Self::Message => "message",
            Self::List => "list",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|offer| offer.as_str() == text)
    }

    pub fn takes(self) -> Action {
        match self {
            Self::AddPunches | Self::AddPoints => Action::EditBalance,
            Self::Redeem => Action::RedeemReward,
            Self::Void | Self::Restore => Action::VoidCard,
            Self::Message => Action::SendMessages,
            Self::List => Action::EditSegments,
        }
    }

    pub fn label(self, words: &Jobs) -> Text {
        match self {
            Self::AddPunches => words.add_punches,
            Self::AddPoints => words.add_points,
            Self::Redeem => words.redeem,
            Self::Void => words.void,
            Self::Restore => words.restore,
            Self::Message => words.message,
            Self::List => words.put_on_list,
        }
    }

    /// Whom it is for, as the judgement of one card says it.
    fn rule(self) -> &'static str {
        match self {
            Self::AddPunches => "all(kind.is.punch,not(status.in(void,expired)))",
            Self::AddPoints => "all(kind.is.points,not(status.in(void,expired)))",
            Self::Redeem => "all(not(kind.is.points),rewards.over.0,not(status.in(void,expired)))",
            Self::Void => "not(status.is.void)",
            Self::Restore => "status.is.void",
            Self::Message => "reachable.is.yes",
            Self::List => "all()",
        }
    }

    fn page(self) -> &'static str {
        match self {
            Self::Message => "/console/jobs/message",
            Self::List => "/console/segments/list",
            _ => "/console/jobs/preview",
        }
    }
}

/// Whether a member may do anything to what is selected; who may not has nothing to tick.
pub fn may_act(screen: &Screen) -> bool {
    Offer::ALL.into_iter().any(|offer| screen.may(offer.takes()))
}

/// The bar of a list of `total` rows. Without a script it is always there and acts on what is ticked on the page.
pub fn bar(screen: &Screen, wanted: &Wanted, total: i64) -> Markup {
    let words = &screen.words.jobs;
    let without_place = wanted.with(|_| ());
    html! {
        form #act .act-bar method="post" action="/console/jobs/preview" data-offers="/console/cards/offers" {
            input type="hidden" name="in" value=(without_place.query());
            input type="hidden" name="cards" value="" data-elsewhere;
            p.selected aria-live="polite" data-selected=(words.selected) { (words.selected_hint) }
            label.check {
                input type="checkbox" name="scope" value="all" data-key="a" data-everything=(screen.number(total));
                span { ((words.all_matching)(total)) }
            }
            (offers(screen, None))
            button.button.secondary type="button" data-clear-selection hidden { (words.clear_selection) }
        }
    }
}

/// The buttons. With counts, only those of which there is somebody.
fn offers(screen: &Screen, counts: Option<(&[i64], i64)>) -> Markup {
    let words = &screen.words.jobs;
    html! {
        div #offers .row {
            @for (place, offer) in Offer::ALL.into_iter().enumerate() {
                @let able = counts.map(|(able, all)| (able.get(place).copied().unwrap_or(0), all));
                @if screen.may(offer.takes()) && able.is_none_or(|(able, _)| able > 0) {
                    button.button.secondary type="submit" name="do" value=(offer.as_str()) formaction=(offer.page()) {
                        @if offer == Offer::Message { (icon("push")) }
                        (offer.label(words))
                        @if let Some((able, all)) = able.filter(|(able, all)| able < all) {
                            small { " " ((words.able_of)(able, all)) }
                        }
                    }
                }
            }
        }
    }
}

/// `POST /console/cards/offers`: the buttons for a selection, each with how many of it it is for.
pub async fn offered(State(web): State<Web>, screen: Screen, form: RawForm) -> Result<Markup, ApiError> {
    screen.require(Action::ViewCards)?;
    let selected = Selected::parse(&form.0);
    let Ok(whom) = selected.whom(&screen) else {
        return Ok(offers(&screen, None));
    };
    let rules: Vec<Rule> = Offer::ALL
        .iter()
        .map(|offer| Rule::parse(offer.rule()).unwrap_or(Rule::Any(Vec::new())))
        .collect();
    let tallies = web.rosters.tally(screen.member.merchant, &whom, &rules).await?;
    // Of a list with a row for each customer, everything is a card of each of them.
    let of_rows = |tally: &Tally| match (selected.everything, selected.wanted.each) {
        (true, Each::Customer) => tally.customers,
        _ => tally.cards,
    };
    let able: Option<Vec<i64>> = tallies.map(|tallies| tallies.iter().map(of_rows).collect());
    let all = able.as_ref().and_then(|able| able.last().copied()).unwrap_or(0);
    Ok(offers(&screen, able.as_deref().map(|able| (able, all))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offer_is_for_somebody_by_a_rule() {
        for offer in Offer::ALL {
            assert!(Rule::parse(offer.rule()).is_ok(), "{offer:?}");
            assert_eq!(Offer::parse(offer.as_str()), Some(offer));
        }
    }
}
