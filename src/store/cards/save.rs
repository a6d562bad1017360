//! Writing cards back: what decisions change, and what the card counts as from now on, in one row.

use crate::domain::card::Card;
use crate::domain::time::Timestamp;
use crate::store::counts::{self, Due};
use crate::store::sql::params;
use crate::store::{Error, Tx, locked};

/// What decisions change of a card. SQLite rewrites the entries of an index whose columns are named, changed or not: hence
/// neither `program_id` nor `counts_due_at` is among them.
macro_rules! saved_columns {
    () => {
        "update cards set status = v.column3, channels = v.column4, punches = v.column5, \
         points = v.column6, tier_points = v.column7, rewards = v.column8, visits = v.column9, spend = v.column10, \
         unpriced = v.column11, redemptions = v.column12, tier = v.column13, scans = v.column14, \
         last_visit_at = v.column15, last_earned_at = v.column16, last_earned_day = v.column17, \
         earned_on_day = v.column18, expires_at = v.column19, redeemed_at = v.column20, version = v.column21, \
         changed_at = v.column22, last_event_id = v.column23, cycle_began_at = v.column24, \
         cycle_ends_at = v.column25, expired_at = v.column26, installed_at = v.column27"
    };
}
macro_rules! counted_columns {
    () => {
        ", counted_program = v.column28, counted_version = v.column29, segments = v.column30, rfm = v.column31, \
         visit_before_at = v.column32, recent_days = v.column33, recent_visits = v.column34, recent_spend = v.column35, \
         recent_from = v.column36"
    };
}
macro_rules! saved_types {
    () => {
        "bigint, bigint, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, \
         bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint"
    };
}
const SAVE: &str = concat!(
    saved_columns!(),
    " from (values {",
    saved_types!(),
    "}) as v where cards.merchant_id = v.column1 and cards.card_id = v.column2"
);
const SAVE_COUNTED: &str = concat!(
    saved_columns!(),
    counted_columns!(),
    " from (values {",
    saved_types!(),
    ", bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2"
);
const SAVE_COUNTED_AND_DUE: &str = concat!(
    saved_columns!(),
    counted_columns!(),
    ", counts_due_at = v.column37 from (values {",
    saved_types!(),
    ", bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2"
);
const CONVERT: &str = "update cards set program_id = v.column3 from (values {bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";

pub(crate) const STATEMENTS: &[&str] = &[SAVE, SAVE_COUNTED, SAVE_COUNTED_AND_DUE, CONVERT];

/// The values of [`saved_columns`] of a card, and more behind them.
macro_rules! saved_row {
    ($card:expr, $installed_at:expr $(, $more:expr)* $(,)?) => {
        params![
            $card.merchant,
            $card.id,
            $card.status.as_str(),
            $card.channels.0,
            $card.punches,
            $card.points,
            $card.tier_points,
            $card.rewards,
            $card.visits,
            $card.spend,
            $card.unpriced,
            $card.redemptions,
            $card.tier,
            $card.scans,
            $card.last_visit_at,
            $card.last_earned_at,
            $card.last_earned_day,
            $card.earned_on_day,
            $card.expires_at,
            $card.redeemed_at,
            $card.version,
            $card.changed_at,
            $card.last_event,
            $card.cycle_began_at,
            $card.cycle_ends_at,
            $card.expired_at,
            $installed_at,
            $($more),*
        ]
    };
}

/// Writes back what decisions change of cards, and what they count as in the same row; everything else of a card is fixed
/// when it is issued.
pub async fn save(tx: &mut Tx<'_>, cards: &[Card], now: Timestamp) -> Result<(), Error> {
    locked::know(tx, cards).await?;
    let converted: Vec<_> = cards
        .iter()
        .filter(|card| {
            tx.known
                .get(&(card.merchant, card.id))
                .is_some_and(|known| known.program != card.program)
        })
        .map(|card| params![card.merchant, card.id, card.program])
        .collect();
    tx.exec_rows(CONVERT, &[], &converted).await?;
    let weighed = counts::weigh(tx, cards, now, Due::NotLater).await?;
    let (mut uncounted, mut counted, mut due) = (Vec::new(), Vec::new(), Vec::new());
    for (card, place) in cards.iter().zip(&weighed.places) {
        let Some(place) = place else {
            uncounted.push(saved_row![card, card.installed_at]);
            continue;
        };
        let of = place.counted;
        let (chips, cell) = (of.standing.chips.0, of.standing.cell.0);
        let (days, recent) = (place.kept.days, place.kept.recent);
        match place.due_at {
            None => counted.push(saved_row![
                card,
                place.installed_at,
                of.program,
                of.version.0,
                chips,
                cell,
                place.visit_before_at,
                days,
                recent.visits,
                recent.spend,
                recent.oldest,
            ]),
            Some(at) => due.push(saved_row![
                card,
                place.installed_at,
                of.program,
                of.version.0,
                chips,
                cell,
                place.visit_before_at,
                days,
                recent.visits,
                recent.spend,
                recent.oldest,
                at,
            ]),
        }
    }
    tx.exec_rows(SAVE, &[], &uncounted).await?;
    tx.exec_rows(SAVE_COUNTED, &[], &counted).await?;
    tx.exec_rows(SAVE_COUNTED_AND_DUE, &[], &due).await?;
    counts::count(tx, weighed).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tap must not rewrite entries of indexes whose columns it leaves as they are.
    #[test]
    fn saving_names_no_column_of_an_index_unless_it_changes() {
        let database = rusqlite::Connection::open_in_memory().expect("opened");
        for schema in [
            include_str!("../migrations/sqlite/0001_initial.sql"),
            include_str!("../migrations/sqlite/0002_loyalty.sql"),
            include_str!("../migrations/sqlite/0003_programs.sql"),
            include_str!("../migrations/sqlite/0004_coupons.sql"),
            include_str!("../migrations/sqlite/0005_ledger_jobs.sql"),
            include_str!("../migrations/sqlite/0006_customers.sql"),
            include_str!("../migrations/sqlite/0007_segments.sql"),
            include_str!("../migrations/sqlite/0008_live_counts.sql"),
            include_str!("../migrations/sqlite/0018_windows.sql"),
        ] {
            database.execute_batch(schema).expect("the schema");
        }
        let mut indexed = database
            .prepare("select i.name from pragma_index_list('cards') as l, pragma_index_info(l.name) as i")
            .expect("a sound statement");
        let indexed: Vec<String> = indexed
            .query_map([], |row| row.get(0))
            .expect("columns")
            .collect::<Result<_, _>>()
            .expect("text");
        assert!(indexed.contains(&"program_id".to_owned()) && indexed.contains(&"counts_due_at".to_owned()));
        let named = |statement: &str, column: &str| statement.contains(&format!(" {column} = v."));
        for column in &indexed {
            assert!(!named(SAVE, column) && !named(SAVE_COUNTED, column), "{column}");
            assert_eq!(named(SAVE_COUNTED_AND_DUE, column), column == "counts_due_at");
        }
    }
}
