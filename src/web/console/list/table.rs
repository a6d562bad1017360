//! The list as a table: its head with the way to sort by each column, and a row for each card or customer.

use std::collections::HashMap;

use maud::{Markup, html};

use super::columns::Column;
use super::programs::Programs;
use super::wanted::Wanted;
use crate::domain::card::CardStatus;
use crate::domain::customer;
use crate::domain::id::{CardId, CustomerId};
use crate::domain::program::ProgramKind;
use crate::domain::segment::order::{Direction, Each, Order, Sort};
use crate::store::segments::Line;
use crate::web::console::components::{Tone, badge, icon, platforms, progress};
use crate::web::console::screen::Screen;

/// What rows are drawn with.
pub struct Table<'p> {
    pub screen: &'p Screen,
    pub programs: &'p Programs,
    pub columns: &'p [Column],
    pub each: Each,
    /// The query of the list, which rows carry to the panel that they open.
    pub query: &'p str,
    /// Whether rows can be ticked.
    pub ticks: bool,
}

/// The id of a row's element, by which live pages replace it.
pub fn row_id(card: CardId) -> String {
    format!("row-{card}")
}

/// A customer's name as lists show it.
pub fn name(screen: &Screen, line: &Line) -> String {
    screen.name(customer::full_name(&line.first_name, &line.last_name))
}

impl Table<'_> {
    pub fn draw(
        &self,
        wanted: &Wanted,
        order: Order,
        lines: &[Line],
        cards_of: &HashMap<CustomerId, i64>,
    ) -> Markup {
        let words = &self.screen.words.list;
        let wide = self.columns.len() > 9;
        html! {
            div.panel.table-panel.list-panel.scrolls[wide] {
                table.table.list-table {
                    caption.visually-hidden { (words.title) }
                    thead {
                        tr {
                            @if self.ticks {
                                th.tick scope="col" {
                                    label.tick-box {
                                        span.visually-hidden { (words.select_page) }
                                        input type="checkbox" data-tick-all hidden;
                                    }
                                }
                            }
                            (heading(wanted, order, Sort::Name, words.name, false))
                            @for column in self.columns {
                                (heading(wanted, order, column.sort(), column.label(words), column.is_numeric()))
                            }
                        }
                    }
                    tbody {
                        @for line in lines { (self.row(line, cards_of.get(&line.customer).copied())) }
                    }
                }
            }
        }
    }

    /// One row; `cards` is how many cards the customer has, where a row stands for all of them.
    pub fn row(&self, line: &Line, cards: Option<i64>) -> Markup {
        let words = &self.screen.words.list;
        let name = name(self.screen, line);
        let address = match self.query {
            "" => format!("/console/cards/{}", line.card),
            query => {
                let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
                format!("/console/cards/{}?in={query}", line.card)
            }
        };
        let more = cards.filter(|cards| self.each == Each::Customer && *cards > 1);
        html! {
            tr id=(row_id(line.card)) data-row {
                @if self.ticks {
                    td.tick {
                        label.tick-box {
                            span.visually-hidden { ((words.select_row)(&name)) }
                            input type="checkbox" form="act" name="card" value=(line.card) data-tick;
                        }
                    }
                }
                th scope="row" data-label=(words.name) {
                    a.row-link href=(address) data-panel { (name) }
                    span.under {
                        (platforms(&self.screen.words.common, line.channels))
                        @if let Some(cards) = more { " " span.muted { ((words.more_cards)(cards - 1)) } }
                    }
                }
                @for column in self.columns {
                    td data-label=(column.label(words)) data-column=(column.as_str()) class=[column.is_numeric().then_some("number")] {
                        (self.cell(*column, line))
                    }
                }
            }
        }
    }

    fn cell(&self, column: Column, line: &Line) -> Markup {
        let (screen, programs) = (self.screen, self.programs);
        let number = |number| html! { (screen.number(number)) };
        let nothing = || {
            html! {
                span.muted aria-hidden="true" { "–" } span.visually-hidden { (screen.words.common.none) }
            }
        };
        let text = |text: &Option<String>| match text {
            Some(text) => html! { (text) },
            None => nothing(),
        };
        let is_a = |kind| programs.kind(line.program) == Some(kind);
        match column {
            Column::Email => text(&line.email),
            Column::Phone => text(&line.phone),
            Column::Program => html! { (programs.name(line.program)) },
            Column::Status => self.status(line),
            Column::Progress => match programs.goal(line.program) {
                goal if goal > 0 => progress(&screen.words.common, line.punches, goal),
                _ => nothing(),
            },
            Column::Punches if is_a(ProgramKind::Punch) => number(line.punches),
            Column::Points if is_a(ProgramKind::Points) => number(line.points),
            Column::Punches | Column::Points => nothing(),
            Column::Rewards if line.rewards > 0 => html! {
                span.badge.reward { (icon("gift")) ((screen.words.common.ready)(line.rewards)) }
            },
            Column::Rewards => nothing(),
            Column::Visits => number(line.visits),
            Column::Tier => match programs.tier(line.program, line.tier) {
                Some(tier) => html! { (tier) },
                None => nothing(),
            },
            Column::TierPoints if line.tier.is_some() => number(line.tier_points),
            Column::TierPoints => nothing(),
            Column::Spend => {
                html! { (screen.words.language.money(programs.currency(line.program), line.spend)) }
            }
            Column::Activity => match line.last_visit_at {
                Some(at) => screen.time(at),
                None => html! { span.muted { (screen.words.common.never) } },
            },
            Column::Joined => screen.day(line.joined_at),
        }
    }

    /// What is stored, unless the card's end has come or a coupon was used.
    fn status(&self, line: &Line) -> Markup {
        let (words, common) = (&self.screen.words.list, &self.screen.words.common);
        let is_void = line.status == CardStatus::Void;
        if !is_void
            && line.redeemed_at.is_some()
            && self.programs.kind(line.program) == Some(ProgramKind::Coupon)
        {
            return badge(Tone::Good, words.redeemed);
        }
        if !is_void && line.expires_at.is_some_and(|end| end <= self.screen.now) {
            return badge(Tone::Neutral, words.expired);
        }
        let tone = match line.status {
            CardStatus::Pending => Tone::Notice,
            CardStatus::Installed => Tone::Good,
            CardStatus::Removed => Tone::Neutral,
            CardStatus::Void => Tone::Bad,
        };
        badge(tone, common.status(line.status))
    }
}

/// Where a click on a column leads: the other way round, or to numbers and times from the greatest down.
pub fn next_order(order: Order, sort: Sort) -> Order {
    let direction = match order.direction {
        Direction::Descending if order.sort == sort => Direction::Ascending,
        Direction::Ascending if order.sort == sort => Direction::Descending,
        _ if matches!(
            sort,
            Sort::Name | Sort::Email | Sort::Phone | Sort::Program | Sort::Status
        ) =>
        {
            Direction::Ascending
        }
        _ => Direction::Descending,
    };
    Order { sort, direction }
}

fn heading(wanted: &Wanted, order: Order, sort: Sort, label: &str, is_numeric: bool) -> Markup {
    let is_sorted = order.sort == sort;
    let next = next_order(order, sort).to_string();
    let said = match order.direction {
        Direction::Ascending => "ascending",
        Direction::Descending => "descending",
    };
    let address = wanted.with(|wanted| wanted.sort = Some(next)).address();
    html! {
        th scope="col" aria-sort=[is_sorted.then_some(said)] class=[is_numeric.then_some("number")] {
            a.sort href=(address) data-swap="list" { (label) (icon("chevron")) }
        }
    }
}
