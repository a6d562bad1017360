//! What has come to a list, or moved in it, since its page was drawn: a quiet line with the way to see it. Rows are never
//! moved under somebody's pointer.

use std::collections::HashSet;

use maud::{Markup, html};

use super::page;
use super::wanted::Wanted;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::secret::MasterKey;
use crate::domain::segment::order::Edge;
use crate::domain::segment::saved::Viewer;
use crate::ops::rosters::{Glance, Query};
use crate::web::console::screen::Screen;

/// The list of an open page, asked again and again.
pub struct News {
    wanted: Wanted,
    /// The same text for pages that show the same list to people who see the same of it.
    pub key: String,
    pub query: Query,
    /// The rows that the page was drawn with, in their order.
    rows: Vec<CardId>,
    said: Option<Said>,
}

/// What a page was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    fresh: usize,
    is_same: bool,
    total: usize,
}

impl News {
    /// None for an address that means no list.
    pub fn of(
        wanted: Wanted,
        rows: Vec<CardId>,
        screen: &Screen,
        (key, merchant): (&MasterKey, MerchantId),
    ) -> Option<Self> {
        let meant = wanted.meant().ok()?;
        let edge = match &wanted.at {
            None => Edge::First,
            Some(at) => Edge::open(at, key, merchant, &wanted.filter(), meant.order).ok()?,
        };
        let viewer = Viewer::Member(screen.member.id);
        // A saved segment may be one person's own.
        let whose = wanted.saved().map(|_| screen.member.id.to_string());
        Some(Self {
            key: format!("{} {}", whose.unwrap_or_default(), wanted.query()),
            query: meant.ask(viewer, wanted.each, edge, wanted.size()),
            wanted,
            rows,
            said: None,
        })
    }

    /// What is to be told now; nothing while that was told already.
    pub fn of_glance(&mut self, screen: &Screen, glance: &Glance) -> Option<Markup> {
        let shown: HashSet<_> = self.rows.iter().collect();
        let now = Said {
            fresh: glance.cards.iter().filter(|card| !shown.contains(card)).count(),
            is_same: glance.cards == self.rows,
            total: glance.total,
        };
        if self.said == Some(now) {
            return None;
        }
        let was_same = self.said.is_none_or(|said| said.is_same);
        self.said = Some(now);
        Some(html! {
            template data-swap="total" { (page::total(screen, self.wanted.each, now.total)) }
            @if !(was_same && now.is_same) { template data-swap="list-news" { (self.line(screen, now)) } }
        })
    }

    fn line(&self, screen: &Screen, now: Said) -> Markup {
        let words = &screen.words.list;
        let text = match i64::try_from(now.fresh).unwrap_or(i64::MAX) {
            0 => words.moved.to_owned(),
            fresh => (words.fresh)(fresh),
        };
        html! {
            span #list-news {
                @if !now.is_same {
                    a.chip href=(self.wanted.address()) data-renew="list" { (text) " · " strong { (words.show) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::web::console::screen::tests::screen;
    use crate::web::console::words::Language;

    fn news(rows: &[i64]) -> News {
        let screen = screen(Language::English, Timestamp(0));
        let rows = rows.iter().map(|id| CardId(*id)).collect();
        let key = MasterKey::from_bytes([1; 32]);
        News::of(
            Wanted::parse("sort=-visits"),
            rows,
            &screen,
            (&key, MerchantId(1)),
        )
        .expect("a list")
    }

    fn told(news: &mut News, cards: &[i64], total: usize) -> Option<String> {
        let screen = screen(Language::English, Timestamp(0));
        let cards = cards.iter().map(|id| CardId(*id)).collect();
        let markup = news.of_glance(&screen, &Glance { cards, total });
        markup.map(Markup::into_string)
    }

    #[test]
    fn a_page_is_told_once_what_has_come_or_moved() {
        let mut news = news(&[3, 2, 1]);
        let first = told(&mut news, &[3, 2, 1], 3).expect("the total");
        assert!(!first.contains("list-news"), "{first}");
        assert_eq!(told(&mut news, &[3, 2, 1], 3), None);
        let come = told(&mut news, &[5, 4, 3], 5).expect("news");
        assert!(come.contains("2 new") && come.contains("5 cards"), "{come}");
        assert_eq!(told(&mut news, &[5, 4, 3], 5), None);
        let moved = told(&mut news, &[2, 3, 1], 3).expect("news");
        assert!(
            moved.contains("sort=-visits") && !moved.contains("new ·"),
            "{moved}"
        );
        let back = told(&mut news, &[3, 2, 1], 3).expect("nothing any more");
        assert!(back.contains(r#"<span id="list-news"></span>"#), "{back}");
    }

    #[test]
    fn an_address_that_means_no_list_has_no_news() {
        let screen = screen(Language::English, Timestamp(0));
        let key = MasterKey::from_bytes([1; 32]);
        for query in ["sort=colour", "rule=%27", "at=x", "segment=nobody"] {
            let wanted = Wanted::parse(query);
            assert!(
                News::of(wanted, Vec::new(), &screen, (&key, MerchantId(1))).is_none(),
                "{query}"
            );
        }
    }
}
