//! The page around the list: the search, the part that changes, and what stands there when nothing is listed.

use std::collections::HashMap;

use maud::{Markup, html};

use super::act;
use super::chips;
use super::columns::Column;
use super::counts::Counts;
use super::live;
use super::programs::Programs;
use super::saying::Saying;
use super::table::Table;
use super::wanted::{SIZES, Wanted, Wrong};
use crate::domain::access::Action;
use crate::domain::chips::Chip;
use crate::domain::id::CustomerId;
use crate::domain::segment::order::{Direction, Each, Order, Sort};
use crate::domain::segment::saved::Segment;
use crate::ops::rosters::List;
use crate::store::segments::Line;
use crate::web::console::components::{Tone, alert, empty, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;

/// What a page of the list shows.
pub struct Found {
    pub list: List,
    pub order: Order,
    pub columns: Vec<Column>,
    pub programs: Programs,
    pub counts: Counts,
    pub saved: Option<Segment>,
    pub cards_of: HashMap<CustomerId, Vec<Line>>,
    pub before: Option<Wanted>,
    pub after: Option<Wanted>,
}

pub fn draw(screen: &Screen, wanted: &Wanted, found: &Found) -> Markup {
    let words = &screen.words.list;
    let content = html! {
        div.page-head {
            h1 { (words.title) }
            @if screen.may(Action::EditCustomers) {
                a.button.primary.push href="/console/customers/new" data-modal data-command=(words.add_customer) {
                    (icon("plus")) (words.add_customer)
                }
            }
        }
        (search(screen, wanted))
        (part(screen, wanted, found))
    };
    screen.page(Section::Customers, words.title, &content)
}

/// The search stays as it is while the list under it changes; what else the address says belongs to the list.
fn search(screen: &Screen, wanted: &Wanted) -> Markup {
    let words = &screen.words.list;
    html! {
        form #find .find role="search" method="get" action="/console/cards" data-swap="list" data-typed {
            label.visually-hidden for="find-text" { (words.find) }
            (icon("find"))
            input #find-text name="find" type="search" value=(wanted.find) placeholder=(words.find_hint) maxlength="100"
                autocomplete="off" spellcheck="false" data-find;
            button.button.secondary type="submit" { (words.search) }
        }
    }
}

fn part(screen: &Screen, wanted: &Wanted, found: &Found) -> Markup {
    let saying = Saying::new(screen, &found.programs);
    let words = &screen.words.list;
    let all = i64::try_from(found.list.total).unwrap_or(i64::MAX);
    let said = total_text(screen, wanted.each, all);
    let query = wanted.query();
    let table = Table {
        screen,
        programs: &found.programs,
        columns: &found.columns,
        each: wanted.each,
        query: &query,
        ticks: act::may_act(screen),
    };
    html! {
        section #list aria-label=(words.title) data-text=(wanted.find) data-said=((words.updated)(&said)) data-filter=(format!("{} {}", screen.member.merchant, wanted.filter())) {
            @for (name, value) in wanted.parts().into_iter().filter(|(name, _)| !matches!(*name, "find" | "at")) {
                input type="hidden" form="find" name=(name) value=(value);
            }
            (chips::segments(screen, wanted, &found.counts))
            (chips::filters(screen, wanted, found.saved.as_ref(), &saying))
            @if found.list.is_cut { (alert(Tone::Notice, words.is_cut)) }
            div.row.list-bar {
                (total(screen, wanted.each, found.list.total))
                div.live-line data-live=(live::address(wanted, &found.list.lines)) {
                    span.live data-live-state hidden { span.live-dot {} span { (screen.words.shell.live) } }
                }
                span.push {}
                (grouping(screen, wanted))
                (sorting(screen, wanted, found))
                (chooser(screen, wanted, found))
                @if screen.may(Action::Export) {
                    a.chip href=(format!("/console/cards/export?{query}")) { (icon("download")) (screen.words.tools.export) }
                }
            }
            @if wanted.each == Each::Customer { p.hint { (words.by_customer_hint) } }
            div.list-news role="status" { span #list-news {} }
            @if found.list.lines.is_empty() { (nothing(screen, wanted, found)) }
            @else { (table.draw(wanted, found.order, &found.list.lines, &found.cards_of)) }
            @if table.ticks && !found.list.lines.is_empty() { (act::bar(screen, wanted, all)) }
            (pager(screen, wanted, found))
        }
    }
}

fn total_text(screen: &Screen, each: Each, all: i64) -> String {
    let words = &screen.words.list;
    let things = match each {
        Each::Card => (words.cards)(all),
        Each::Customer => (words.customers)(all),
    };
    format!("{} {things}", screen.number(all))
}

/// How many rows the list has; live pages replace it.
pub fn total(screen: &Screen, each: Each, all: usize) -> Markup {
    let text = total_text(screen, each, i64::try_from(all).unwrap_or(i64::MAX));
    html! { p #total .total { (text) } }
}

fn grouping(screen: &Screen, wanted: &Wanted) -> Markup {
    let words = &screen.words.list;
    let choice = |each: Each, label: &str| {
        let is_on = wanted.each == each;
        let address = wanted.with(|wanted| wanted.each = each).address();
        html! { a.chip href=(address) data-swap="list" aria-current=[is_on.then_some("true")] { (label) } }
    };
    html! { (choice(Each::Card, words.by_card)) (choice(Each::Customer, words.by_customer)) }
}

/// The order for screens on which the table has no head.
fn sorting(screen: &Screen, wanted: &Wanted, found: &Found) -> Markup {
    let words = &screen.words.list;
    let sorts: Vec<(Sort, &str)> = std::iter::once((Sort::Name, words.name))
        .chain(Column::offered(&found.programs).map(|column| (column.sort(), column.label(words))))
        .collect();
    html! {
        form.sorting method="get" action="/console/cards" data-swap="list" data-typed {
            @for (name, value) in wanted.parts().into_iter().filter(|(name, _)| !matches!(*name, "sort" | "at")) {
                input type="hidden" name=(name) value=(value);
            }
            label for="sort" { (words.sort_by) }
            select #sort name="sort" {
                @for (sort, label) in &sorts {
                    @for direction in [Direction::Descending, Direction::Ascending] {
                        @let order = Order { sort: *sort, direction };
                        option value=(order) selected[order == found.order] {
                            (label) ", "
                            @if direction == Direction::Descending { (words.descending) } @else { (words.ascending) }
                        }
                    }
                }
            }
            noscript { button.button.secondary type="submit" { (words.sort) } }
        }
    }
}

fn chooser(screen: &Screen, wanted: &Wanted, found: &Found) -> Markup {
    let words = &screen.words.list;
    html! {
        details.drop {
            summary.button.secondary { (words.columns) (icon("chevron")) }
            form.drop-body method="post" action="/console/cards/columns" {
                input type="hidden" name="in" value=(wanted.query());
                fieldset {
                    legend.visually-hidden { (words.columns) }
                    @for column in Column::offered(&found.programs) {
                        label.check {
                            input type="checkbox" name="column" value=(column.as_str()) checked[found.columns.contains(&column)];
                            span { (column.label(words)) }
                        }
                    }
                }
                button.button.primary type="submit" { (words.show_columns) }
            }
        }
    }
}

fn nothing(screen: &Screen, wanted: &Wanted, found: &Found) -> Markup {
    let words = &screen.words.list;
    if found.counts.of(Chip::All, Each::Card) == 0 && found.list.total == 0 && !wanted.is_filtered() {
        return match screen.may(Action::EditCustomers) {
            true => empty(
                words.nothing_yet,
                words.nothing_yet_text,
                Some(("/console/customers/new", words.add_customer)),
            ),
            false => empty(words.nothing_yet, words.nothing_yet_ask, None),
        };
    }
    if found.list.total > 0 {
        let first = wanted.with(|_| ()).address();
        return empty(
            words.past_end,
            words.past_end_text,
            Some((&first, words.first_page)),
        );
    }
    let searched = match wanted.find.as_str() {
        "" => words.no_match_text.to_owned(),
        text => (words.no_match_find)(text),
    };
    empty(
        words.no_match,
        &searched,
        Some((&wanted.cleared().address(), words.clear)),
    )
}

fn pager(screen: &Screen, wanted: &Wanted, found: &Found) -> Markup {
    let (words, common) = (&screen.words.list, &screen.words.common);
    html! {
        @if found.list.total > SIZES[0] || found.before.is_some() || found.after.is_some() {
            nav.pager aria-label=(common.pages) {
                @match &found.before {
                    Some(page) => a.button.secondary rel="prev" href=(page.address()) data-swap="list" { (icon("left")) (common.previous) },
                    None => span {},
                }
                div.sizes role="group" aria-label=(words.page_size) {
                    span.muted { (words.page_size) }
                    @for size in SIZES {
                        @let address = wanted.with(|wanted| wanted.size = Some(size)).address();
                        a.chip href=(address) data-swap="list" aria-current=[(wanted.size() == size).then_some("true")] { (size) }
                    }
                }
                @match &found.after {
                    Some(page) => a.button.secondary rel="next" href=(page.address()) data-swap="list" { (common.next) (icon("right")) },
                    None => span {},
                }
            }
        }
    }
}

/// The page of an address that describes no list: what is wrong with it, and the way on.
pub fn wrong(screen: &Screen, wanted: &Wanted, wrong: &Wrong) -> Markup {
    let words = &screen.words.list;
    let reason = match wrong {
        Wrong::Segment => words.wrong_segment.to_owned(),
        Wrong::Rule(error) => (words.wrong_rule)(&screen.words.language.rule_error(error)),
        Wrong::Find(_) => words.wrong_find.to_owned(),
        Wrong::Sort => words.wrong_sort.to_owned(),
        Wrong::Place => words.wrong_place.to_owned(),
    };
    let way = match wrong {
        Wrong::Place => wanted.with(|_| ()),
        Wrong::Sort => wanted.with(|wanted| wanted.sort = None),
        Wrong::Find(_) => wanted.with(|wanted| wanted.find.clear()),
        Wrong::Segment => wanted.with(|wanted| wanted.segment = None),
        Wrong::Rule(_) => wanted.with(|wanted| wanted.rule = None),
    };
    let label = match wrong {
        Wrong::Place => words.first_page,
        _ => words.clear,
    };
    let content = html! {
        div.page-head { h1 { (words.title) } }
        (search(screen, &Wanted::default()))
        section #list aria-label=(words.title) {
            div role="alert" { (empty(words.wrong, &reason, Some((&way.address(), label)))) }
        }
    };
    screen.page(Section::Customers, words.title, &content)
}
