//! The list as a table: its head with the way to sort by each column, and a row for each card or customer.

use std::collections::HashMap;

use maud::{Markup, html};

use super::columns::Column;
use super::programs::Programs;
use super::wanted::Wanted;
use crate::domain::card::CardStatus;
use crate::domain::customer;
use crate::domain::id::{CardId, CustomerId};
use crate::domain::money::Currency;
use crate::domain::program::ProgramKind;
use crate::domain::segment::facts::status_code;
use crate::domain::segment::merge::usefulness;
use crate::domain::segment::order::{Direction, Each, Order, Sort};
use crate::domain::segment::status_now;
use crate::store::segments::Line;
use crate::web::console::components::{Tone, badge, icon, platforms, progress, rewards_badge, status_badge};
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

/// A row's own card, and all cards that it stands for.
#[derive(Clone, Copy)]
struct Row<'l> {
    line: &'l Line,
    all: &'l [Line],
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
        cards_of: &HashMap<CustomerId, Vec<Line>>,
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
                        @for line in lines { (self.row(line, cards_of.get(&line.customer).map(Vec::as_slice))) }
                    }
                }
            }
        }
    }

    /// One row; `cards` are those of the customer, where a row stands for all of them.
    pub fn row(&self, line: &Line, cards: Option<&[Line]>) -> Markup {
        let words = &self.screen.words.list;
        let name = name(self.screen, line);
        let address = match self.query {
            "" => format!("/console/cards/{}", line.card),
            query => {
                let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
                format!("/console/cards/{}?in={query}", line.card)
            }
        };
        let cards = cards.filter(|cards| self.each == Each::Customer && cards.len() > 1);
        let more = cards.and_then(|cards| i64::try_from(cards.len()).ok());
        let row = Row {
            line,
            all: cards.unwrap_or(std::slice::from_ref(line)),
        };
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
                        (self.cell(*column, row))
                    }
                }
            }
        }
    }

    fn cell(&self, column: Column, row: Row<'_>) -> Markup {
        let (screen, programs, line) = (self.screen, self.programs, row.line);
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
        // Balances of different kinds of cards do not add up.
        let of_a = |kind, number: fn(&Line) -> i64| {
            let of_kind = row
                .all
                .iter()
                .filter(|line| programs.kind(line.program) == Some(kind));
            of_kind.map(number).reduce(i64::saturating_add)
        };
        let sum = |number: fn(&Line) -> i64| row.all.iter().map(number).fold(0, i64::saturating_add);
        match column {
            Column::Email => text(&line.email),
            Column::Phone => text(&line.phone),
            Column::Program => html! { (programs.name(line.program)) },
            Column::Status => self.status(self.best(row)),
            Column::Progress => match self.furthest(row) {
                Some((punches, goal)) => progress(&screen.words.common, punches, goal),
                None => nothing(),
            },
            Column::Punches => of_a(ProgramKind::Punch, |line| line.punches).map_or_else(nothing, number),
            Column::Points => of_a(ProgramKind::Points, |line| line.points).map_or_else(nothing, number),
            Column::Rewards => match sum(|line| line.rewards) {
                0 => nothing(),
                rewards => rewards_badge(&screen.words.common, rewards),
            },
            Column::Visits => number(sum(|line| line.visits)),
            Column::Tier => match programs.tier(line.program, line.tier) {
                Some(tier) => html! { (tier) },
                None => nothing(),
            },
            Column::TierPoints if line.tier.is_some() => number(line.tier_points),
            Column::TierPoints => nothing(),
            Column::Spend => html! { (self.spend(row).join(" + ")) },
            Column::Activity => match row.all.iter().filter_map(|line| line.last_visit_at).max() {
                Some(at) => screen.time(at),
                None => html! { span.muted { (screen.words.common.never) } },
            },
            Column::Joined => {
                let first = row.all.iter().map(|line| line.joined_at).min();
                screen.day(first.unwrap_or(line.joined_at))
            }
        }
    }

    /// The card whose status says most.
    fn best<'l>(&self, row: Row<'l>) -> &'l Line {
        let status = |line: &&Line| {
            let stored = status_code(line.status);
            let end = line.expires_at.map(|end| end.0);
            usefulness(status_now(stored, end, self.screen.now))
        };
        // Of equals the row's own card comes first.
        let rest = row.all.iter().filter(|line| line.card != row.line.card);
        std::iter::once(row.line)
            .chain(rest)
            .min_by_key(status)
            .unwrap_or(row.line)
    }

    /// Punches and goal of the card that is nearest to its own.
    fn furthest(&self, row: Row<'_>) -> Option<(i64, i64)> {
        let with_goal = row
            .all
            .iter()
            .map(|line| (line.punches, self.programs.goal(line.program)));
        with_goal
            .filter(|(_, goal)| *goal > 0)
            .max_by_key(|(punches, goal)| punches.saturating_mul(1000) / goal)
    }

    /// What was spent, in each currency.
    fn spend(&self, row: Row<'_>) -> Vec<String> {
        let mut spent: Vec<(Currency, i64)> = Vec::new();
        for line in row.all {
            let currency = self.programs.currency(line.program);
            match spent.iter_mut().find(|(known, _)| *known == currency) {
                Some((_, sum)) => *sum = sum.saturating_add(line.spend),
                None => spent.push((currency, line.spend)),
            }
        }
        let language = self.screen.words.language;
        let some = spent.iter().any(|(_, sum)| *sum != 0);
        let spent = spent.into_iter().enumerate();
        // Nothing in another currency says nothing.
        spent
            .filter(|(place, (_, sum))| *sum != 0 || (!some && *place == 0))
            .map(|(_, (currency, sum))| language.money(currency, sum))
            .collect()
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
        status_badge(common, line.status)
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
