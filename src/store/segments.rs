//! Saved segments, and asking for cards by rule.
//!
//! The rules of segments are the one place where SQL is put together at run time: `compile` makes the text from
//! constants, with every value as a parameter, and a test compares what it finds with what the domain says of each card.

mod beside;
mod columns;
mod compile;
mod lines;
mod rows;

use std::collections::HashMap;

use crate::domain::bulk::Audience;
use crate::domain::chips::CountRules;
use crate::domain::id::{BatchId, CardId, MerchantId, ProgramId, SegmentId};
use crate::domain::program::Rules;
use crate::domain::segment::Rule;
use crate::domain::segment::plan::{Context, ProgramFacts};
use crate::domain::segment::saved::{Content, Segment, Use, UsedBy, name_key};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, messages, segment_rules};
use jiff::tz::TimeZone;
pub use lines::{Line, cards_of, lines, show_lines};
pub use rows::{
    Shown, cards, count, count_customers, facts_after, facts_of, page, page_of_customers, show_count,
    show_page,
};

const ZONE: &str = "select m.zone from merchants m where m.merchant_id = $1";
const PROGRAMS: &str =
    "select p.program_id, p.rules from programs p where p.merchant_id = $1 order by p.program_id";

macro_rules! segment_columns {
    () => {
        "s.segment_id, s.merchant_id, s.name, s.rule, s.owner_id, s.shared, s.version, s.created_at, s.changed_at"
    };
}

const INSERT: &str = "insert into segments (merchant_id, segment_id, name, name_key, rule, owner_id, shared, version, \
     created_at, changed_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const UPDATE: &str = "update segments set name = $3, name_key = $4, rule = $5, shared = $6, version = $7, \
     changed_at = $8 where merchant_id = $1 and segment_id = $2";
const DELETE: &str = "delete from segments where merchant_id = $1 and segment_id = $2";
const SEGMENT: &str = concat!(
    "select ",
    segment_columns!(),
    " from segments s where s.merchant_id = $1 and s.segment_id = $2 for update"
);
const LOOK: &str = concat!(
    "select ",
    segment_columns!(),
    " from segments s where s.merchant_id = $1 and s.segment_id = $2"
);
const SEGMENTS: &str = concat!(
    "select ",
    segment_columns!(),
    " from segments s where s.merchant_id = $1 order by s.name_key, s.segment_id"
);
const NAMED: &str = "select s.segment_id from segments s where s.merchant_id = $1 and s.name_key = $2";
/// At most `$3` of a list's cards.
const CLEAR: &str = "delete from segment_cards where merchant_id = $1 and segment_id = $2 and card_id in \
     (select s.card_id from segment_cards s where s.merchant_id = $1 and s.segment_id = $2 limit $3)";
const PUT_ON: &str = "insert into segment_cards (merchant_id, segment_id, card_id) \
     select c.merchant_id, $2, c.card_id from (values {bigint}) as v \
     join cards c on c.merchant_id = $1 and c.card_id = v.column1 where true on conflict do nothing";
const TAKE_OFF: &str =
    "delete from segment_cards where merchant_id = $1 and segment_id = $2 and card_id = $3";
const ON_LIST: &str = "select s.card_id from segment_cards s where s.merchant_id = $1 and s.segment_id = $2 \
     order by s.card_id";
const LENGTH: &str = "select count(*) from segment_cards s where s.merchant_id = $1 and s.segment_id = $2";

/// The next cards on a list, without those of people who were erased.
const LISTED: &str = "select s.card_id from segment_cards s \
     join cards c on c.merchant_id = s.merchant_id and c.card_id = s.card_id \
     join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id and u.erased_at is null \
     where s.merchant_id = $1 and s.segment_id = $2 and s.card_id > $3 order by s.card_id limit $4";
/// A job that goes by a list and has not ended.
const USE_BY_JOB: &str = "select j.batch_id from jobs j \
     where j.merchant_id = $1 and j.finished_at is null and j.audience = $2 limit 1";

pub(crate) const STATEMENTS: &[&str] = &[
    ZONE,
    PROGRAMS,
    INSERT,
    UPDATE,
    DELETE,
    SEGMENT,
    LOOK,
    SEGMENTS,
    NAMED,
    CLEAR,
    PUT_ON,
    TAKE_OFF,
    ON_LIST,
    LENGTH,
    LISTED,
    USE_BY_JOB,
    lines::LINES,
    lines::CARDS_OF,
    beside::STATEMENTS[0],
    beside::STATEMENTS[1],
    beside::STATEMENTS[2],
    beside::STATEMENTS[3],
];

/// What rules of a merchant need to know besides cards; none where there is no such merchant.
pub async fn context(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    now: Timestamp,
) -> Result<Option<Context>, Error> {
    let zone: Option<(String,)> = tx.opt(ZONE, &params![merchant]).await?;
    let Some((zone,)) = zone else {
        return Ok(None);
    };
    let countings = segment_rules::of_merchant(tx, merchant).await?;
    let countings: HashMap<_, _> = countings
        .into_iter()
        .map(|counting| (counting.key.1, counting))
        .collect();
    let rows: Vec<(ProgramId, String)> = tx.all(PROGRAMS, &params![merchant]).await?;
    let mut programs = Vec::with_capacity(rows.len());
    for (id, rules) in rows {
        let rules = Rules::parse(&rules).map_err(|error| Error::inconsistent("rules of a program", error))?;
        let counting = countings.get(&id);
        let counting =
            counting.ok_or_else(|| Error::inconsistent("what the cards are counted by", "none"))?;
        let CountRules {
            grid,
            high_value_from,
        } = counting.rules;
        programs.push(ProgramFacts::new(
            id,
            &rules,
            counting.ready,
            grid,
            high_value_from,
        ));
    }
    Ok(Some(Context {
        now,
        zone: TimeZone::get(&zone).unwrap_or(TimeZone::UTC),
        programs,
    }))
}

fn rule(segment: &Segment) -> Option<String> {
    segment.rule().map(ToString::to_string)
}

/// A name that another segment has is a conflict.
pub async fn insert(tx: &mut Tx<'_>, segment: &Segment) -> Result<(), Error> {
    let params = params![
        segment.merchant,
        segment.id,
        segment.name.as_str(),
        name_key(&segment.name),
        rule(segment),
        segment.owner,
        segment.shared,
        segment.version,
        segment.created_at,
        segment.changed_at,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// Writes back what an edit changes. A name that another segment has is a conflict.
pub async fn update(tx: &mut Tx<'_>, segment: &Segment) -> Result<(), Error> {
    let params = params![
        segment.merchant,
        segment.id,
        segment.name.as_str(),
        name_key(&segment.name),
        rule(segment),
        segment.shared,
        segment.version,
        segment.changed_at,
    ];
    tx.exec(UPDATE, &params).await?;
    Ok(())
}

/// Removes a segment; the cards of its list are taken off by [`clear`].
pub async fn delete(tx: &mut Tx<'_>, merchant: MerchantId, segment: SegmentId) -> Result<(), Error> {
    tx.exec(DELETE, &params![merchant, segment]).await?;
    Ok(())
}

/// Takes at most `limit` cards off a list; returns how many there were.
pub async fn clear(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
    limit: i64,
) -> Result<u64, Error> {
    tx.exec(CLEAR, &params![merchant, segment, limit]).await
}

/// One segment, locked until the transaction ends.
pub async fn for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
) -> Result<Option<Segment>, Error> {
    tx.opt(SEGMENT, &params![merchant, segment]).await
}

pub async fn segment(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
) -> Result<Option<Segment>, Error> {
    tx.opt(LOOK, &params![merchant, segment]).await
}

/// Every segment of a merchant by name, private ones too.
pub async fn segments(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Segment>, Error> {
    tx.all(SEGMENTS, &params![merchant]).await
}

/// The segment that has a name like `name`.
pub async fn named(tx: &mut Tx<'_>, merchant: MerchantId, name: &str) -> Result<Option<SegmentId>, Error> {
    let found: Option<(SegmentId,)> = tx.opt(NAMED, &params![merchant, name_key(name)]).await?;
    Ok(found.map(|(segment,)| segment))
}

/// What needs a segment and has not happened yet. Whatever goes by a rule has its own copy of it.
pub async fn uses(tx: &mut Tx<'_>, merchant: MerchantId, segment: SegmentId) -> Result<Vec<Use>, Error> {
    let mut uses = messages::need_segment(tx, merchant, segment).await?;
    let audience = serde_json::to_string(&Audience::Listed(segment)).unwrap_or_default();
    let job: Option<(BatchId,)> = tx.opt(USE_BY_JOB, &params![merchant, audience]).await?;
    uses.extend(job.map(|(job,)| Use {
        what: format!("the job {job}"),
        by: UsedBy::Job(job),
    }));
    Ok(uses)
}

/// Puts those of `cards` that the merchant has on a list; those that are on it stay.
pub async fn put_on(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
    cards: &[CardId],
) -> Result<u64, Error> {
    let rows: Vec<_> = cards.iter().map(|card| params![*card].to_vec()).collect();
    tx.exec_rows(PUT_ON, &params![merchant, segment], &rows).await
}

pub async fn take_off(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
    card: CardId,
) -> Result<u64, Error> {
    tx.exec(TAKE_OFF, &params![merchant, segment, card]).await
}

/// The cards on a list, by id.
pub async fn on_list(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
) -> Result<Vec<CardId>, Error> {
    let rows: Vec<(CardId,)> = tx.all(ON_LIST, &params![merchant, segment]).await?;
    Ok(rows.into_iter().map(|(card,)| card).collect())
}

/// How many cards are on a list.
pub async fn length(tx: &mut Tx<'_>, merchant: MerchantId, segment: SegmentId) -> Result<usize, Error> {
    let (count,): (i64,) = tx.one(LENGTH, &params![merchant, segment]).await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The next `limit` cards on a list after `after`, by id; without those of people who were erased.
pub async fn listed(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardId>, Error> {
    let rows: Vec<(CardId,)> = tx.all(LISTED, &params![merchant, segment, after, limit]).await?;
    Ok(rows.into_iter().map(|(card,)| card).collect())
}

impl FromRow for Segment {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            merchant: row.next()?,
            name: row.next()?,
            content: match row.next::<Option<String>>()? {
                None => Content::List,
                Some(rule) => Content::Rule(
                    Rule::parse(&rule).map_err(|error| Error::inconsistent("a rule", error.expected))?,
                ),
            },
            owner: row.next()?,
            shared: row.next()?,
            version: row.next()?,
            created_at: row.next()?,
            changed_at: row.next()?,
        })
    }
}
