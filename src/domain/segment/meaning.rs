//! What the words of rules stand for: the one place that says what "installed", "ready" or "champions" is.

use super::facts::{EXPIRED_CODE, NumberFact, TextFact, TextsFact, status_code};
use super::field::Kind;
use super::plan::{Context, Plan, ProgramFacts};
use super::range::Range;
use crate::domain::card::CardStatus;
use crate::domain::chips::Ready;
use crate::domain::consent::{Consents, Purpose};
use crate::domain::customer;
use crate::domain::preference::{Class, Preference, Preferences};
use crate::domain::program::ProgramKind;
use crate::domain::rfm::{Cell, Grid};
use crate::domain::time::Timestamp;

const MS_PER_DAY: i64 = 86_400_000;

/// A text as the fact is kept.
pub(super) fn comparable(fact: TextFact, text: &str) -> String {
    match fact {
        TextFact::Name => customer::fold(text),
        TextFact::Email => customer::email_key(text),
        TextFact::Phone => text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect(),
        TextFact::ExternalId
        | TextFact::Language
        | TextFact::UtmSource
        | TextFact::UtmMedium
        | TextFact::UtmCampaign
        | TextFact::UtmContent
        | TextFact::UtmTerm => text.to_owned(),
    }
}

/// The same for facts that are several texts.
pub(super) fn comparable_one_of(fact: TextsFact, text: &str) -> String {
    match fact {
        TextsFact::Tags => customer::fold(text),
    }
}

/// Cards of which a field of this kind is this word.
pub(super) fn word(kind: Kind, word: &str, context: &Context) -> Plan {
    match kind {
        Kind::ProgramKind => {
            ProgramKind::parse(word).map_or(Plan::nothing(), |kind| programs_of(kind, context))
        }
        Kind::Status => status(word, context.now),
        Kind::Wallet => CardStatus::parse(word).map_or(Plan::nothing(), stored),
        Kind::Coupon => coupon(word, context),
        Kind::Known(fact) => yes_no(word, Plan::Absent(fact).not()),
        Kind::Ready => yes_no(word, ready(context)),
        Kind::HighValue => yes_no(word, high_value(context)),
        Kind::Cell => cell(word, context),
        Kind::Reachable => yes_no(word, reachable()),
        Kind::ReachableFor => Class::parse(word).map_or(Plan::nothing(), reachable_for),
        _ => Plan::nothing(),
    }
}

fn yes_no(word: &str, yes: Plan) -> Plan {
    if word == "yes" { yes } else { yes.not() }
}

fn programs(wanted: impl Iterator<Item = i64>) -> Plan {
    Plan::one_of(NumberFact::Program, wanted)
}

fn programs_of(kind: ProgramKind, context: &Context) -> Plan {
    let of_kind = context.programs.iter().filter(|program| program.kind == kind);
    programs(of_kind.map(|program| program.id.0))
}

/// What differs from program to program; those of which the same is asked are asked together.
fn by_program(context: &Context, plan: impl Fn(&ProgramFacts) -> Plan) -> Plan {
    let mut groups: Vec<(Plan, Vec<i64>)> = Vec::new();
    for program in &context.programs {
        let plan = plan(program);
        match groups.iter_mut().find(|(known, _)| *known == plan) {
            Some((_, programs)) => programs.push(program.id.0),
            None => groups.push((plan, vec![program.id.0])),
        }
    }
    let groups = groups.into_iter().filter(|(plan, _)| *plan != Plan::nothing());
    let asked = groups.map(|(plan, ids)| Plan::All(vec![programs(ids.into_iter()), plan]));
    Plan::Any(asked.collect())
}

fn stored(status: CardStatus) -> Plan {
    Plan::one_of(NumberFact::Status, std::iter::once(status_code(status)))
}

fn within(fact: NumberFact, range: Range) -> Plan {
    Plan::Number {
        fact,
        ranges: range.into(),
    }
}

fn at_least(fact: NumberFact, least: i64) -> Plan {
    within(fact, Range { least, ..Range::ALL })
}

fn has_ended(now: Timestamp) -> Plan {
    within(
        NumberFact::Expires,
        Range {
            most: now.0,
            ..Range::ALL
        },
    )
}

/// Void comes before expired, and expired before everything that a phone reported.
fn status(word: &str, now: Timestamp) -> Plan {
    match CardStatus::parse(word) {
        Some(CardStatus::Void) => stored(CardStatus::Void),
        Some(other) => Plan::All(vec![stored(other), has_ended(now).not()]),
        None => Plan::All(vec![stored(CardStatus::Void).not(), has_ended(now)]),
    }
}

fn is_good(now: Timestamp) -> Plan {
    Plan::Any(vec![stored(CardStatus::Void), has_ended(now)]).not()
}

fn coupon(word: &str, context: &Context) -> Plan {
    let redeemed = Plan::Absent(NumberFact::CouponRedeemed).not();
    let unredeemed = |state: Plan| {
        let is_coupon = programs_of(ProgramKind::Coupon, context);
        Plan::All(vec![is_coupon, Plan::Absent(NumberFact::CouponRedeemed), state])
    };
    match word {
        "redeemed" => redeemed,
        "active" => unredeemed(is_good(context.now)),
        word => unredeemed(status(word, context.now)),
    }
}

/// Cards that are no coupon and never were one.
pub(super) fn no_coupon(context: &Context) -> Plan {
    Plan::Any(vec![
        programs_of(ProgramKind::Coupon, context),
        Plan::Absent(NumberFact::CouponRedeemed).not(),
    ])
    .not()
}

/// The same as `chips::membership` says of a card.
fn ready(context: &Context) -> Plan {
    let has_reward = || at_least(NumberFact::Rewards, 1);
    let has_something = by_program(context, |program| match program.ready {
        Ready::Reward | Ready::Balance(None) => has_reward(),
        Ready::Balance(Some(price)) => Plan::Any(vec![has_reward(), at_least(NumberFact::Points, price)]),
        Ready::Coupon => Plan::Absent(NumberFact::CouponRedeemed),
    });
    Plan::All(vec![is_good(context.now), has_something])
}

/// The same as `chips::membership` says of a card.
fn high_value(context: &Context) -> Plan {
    by_program(context, |program| {
        let from = program.high_value_from;
        from.map_or(Plan::nothing(), |from| at_least(NumberFact::Spend, from))
    })
}

/// Every tier of this name, whichever program has it.
pub(super) fn tier(name: &str, context: &Context) -> Plan {
    let name = customer::fold(name);
    by_program(context, |program| {
        let places = program
            .tiers
            .iter()
            .enumerate()
            .filter(|(_, tier)| **tier == name);
        let places: Vec<_> = places
            .filter_map(|(place, _)| i64::try_from(place).ok())
            .collect();
        if places.is_empty() {
            return Plan::nothing();
        }
        Plan::one_of(NumberFact::Tier, places.into_iter())
    })
}

fn reachable() -> Plan {
    let has_channel = Plan::one_of(NumberFact::Channels, std::iter::once(0)).not();
    Plan::All(vec![has_channel, stored(CardStatus::Void).not()])
}

/// The same as `consent::allows` says of the holder.
fn reachable_for(class: Class) -> Plan {
    let is_paused = Plan::Bits {
        fact: NumberFact::Paused,
        mask: Preferences::ALL_ACTIVE.with(class, Preference::Paused).0,
    };
    let mut all = vec![reachable(), is_paused.not()];
    if class == Class::Marketing {
        all.push(Plan::Bits {
            fact: NumberFact::Consents,
            mask: Consents::NONE.with(Purpose::Marketing, true).0,
        });
    }
    Plan::All(all)
}

/// A cell's name as rules write it.
pub fn cell_word(name: &str) -> String {
    name.to_lowercase().replace(' ', "_")
}

/// Every cell of this name of each program's grid.
fn cell(word: &str, context: &Context) -> Plan {
    by_program(context, |program| {
        let grid = program.grid;
        let named = grid.cells().filter(|cell| cell_word(grid.name(*cell)) == word);
        Plan::Any(named.map(|cell| in_cell(grid, cell, context.now)).collect())
    })
}

/// The same as [`Grid::cell`] says of a card.
fn in_cell(grid: Grid, cell: Cell, now: Timestamp) -> Plan {
    let was_visited = || at_least(NumberFact::Visits, 1);
    let Some((row, column)) = grid.place(cell) else {
        return Plan::All(vec![was_visited(), Plan::Absent(NumberFact::LastVisit).not()]).not();
    };
    let (last, mut all) = match grid {
        Grid::Limits(limits) => {
            let [first, second] = limits.recency;
            let ends = [second, first].map(|days| now.0.saturating_sub(days.saturating_add(1) * MS_PER_DAY));
            let visits = within(NumberFact::RecentVisits, part(limits.visits, column));
            (part(ends, 2 - row), vec![visits])
        }
        Grid::Fifths(fifths) => (part(fifths.last_visit, row), fifth(fifths.frequency(), column)),
    };
    all.insert(0, within(NumberFact::LastVisit, last));
    all.push(was_visited());
    Plan::All(all)
}

/// Visits and money above the `index` first of `ends`, which grow, and up to the next one.
fn fifth(ends: [(i64, i64); 4], index: i64) -> Vec<Plan> {
    let index = usize::try_from(index).unwrap_or(0);
    let below = index.checked_sub(1).and_then(|below| ends.get(below));
    let above = ends.get(index).map(|end| more_than(*end).not());
    below
        .map(|end| more_than(*end))
        .into_iter()
        .chain(above)
        .collect()
}

/// More visits within the window than that, or as many and more money.
fn more_than((visits, spend): (i64, i64)) -> Plan {
    let as_many = within(NumberFact::RecentVisits, Range::only(visits));
    Plan::Any(vec![
        within(NumberFact::RecentVisits, Range::above(visits)),
        Plan::All(vec![
            as_many,
            within(NumberFact::RecentSpend, Range::above(spend)),
        ]),
    ])
}

/// The numbers above the `index` first of `ends`, which grow, and up to the next one.
fn part<const N: usize>(ends: [i64; N], index: i64) -> Range {
    let index = usize::try_from(index).unwrap_or(0);
    let below = index.checked_sub(1).and_then(|below| ends.get(below));
    let above = Range {
        most: ends.get(index).copied().unwrap_or(i64::MAX),
        ..Range::ALL
    };
    below.map_or(above, |below| Range {
        most: above.most,
        ..Range::above(*below)
    })
}

/// The state that a card is shown in, as a number that sorts.
pub fn status_now(stored: i64, expires: Option<i64>, now: Timestamp) -> i64 {
    if stored != status_code(CardStatus::Void) && expires.is_some_and(|end| end <= now.0) {
        EXPIRED_CODE
    } else {
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rfm::{Fifths, Limits};
    use crate::domain::segment::field::CELLS;
    use std::collections::BTreeSet;

    #[test]
    fn every_cell_of_every_grid_has_its_word() {
        let grids = [Grid::Limits(Limits::default()), Grid::Fifths(Fifths::default())];
        let named = grids
            .iter()
            .flat_map(|grid| grid.cells().map(|cell| grid.name(cell)));
        let words: BTreeSet<String> = named.map(cell_word).collect();
        assert_eq!(words, CELLS.iter().map(|word| (*word).to_owned()).collect());
    }
}
