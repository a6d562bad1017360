//! Who stands before and after a card in the list that it was opened from.

use super::wanted::Wanted;
use crate::domain::id::CardId;
use crate::domain::segment::order::Edge;
use crate::domain::segment::saved::Viewer;
use crate::web::Web;
use crate::web::console::screen::Screen;

/// The cards right before and after `card` in the list whose query is `in_query`, as `?in=` carries it. A list that
/// cannot be read any more has no neighbours: the card's page is shown all the same.
pub async fn neighbours(
    web: &Web,
    screen: &Screen,
    in_query: &str,
    card: CardId,
) -> (Option<CardId>, Option<CardId>) {
    let wanted = Wanted::parse(in_query);
    let Ok(meant) = wanted.meant() else {
        return (None, None);
    };
    let viewer = Viewer::Member(screen.member.id);
    let query = meant.ask(viewer, wanted.each, Edge::First, 1);
    match web.rosters.beside(screen.member.merchant, &query, card).await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "a card's neighbours in a list are not known");
            (None, None)
        }
    }
}

/// The address of the list that a card was opened from, for the way back.
pub fn back(in_query: &str) -> String {
    Wanted::parse(in_query).address()
}
