//! The rules that a program's live counts follow: their versions, and what is measured to make the next one.
//!
//! Cards say which version they are counted by. A new version is in force at once for every card that changes; the others
//! are walked through, some at a time, and until then counts are told by version.

use std::collections::HashMap;

use crate::domain::chips::{CountRules, Ready};
use crate::domain::id::{CardId, EventId, MerchantId, ProgramId};
use crate::domain::measuring::Numbers;
use crate::domain::program::{ProgramKind, Rules, Scheme};
use crate::domain::rfm::Seen;
use crate::domain::time::Timestamp;
use crate::domain::window::{Recent, Window};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, windows};

/// Points programs are counted by their prices too, so that each edit of them is another version.
macro_rules! rules_columns {
    () => {
        "p.merchant_id, p.program_id, p.kind, case p.kind when 'points' then p.version else 0 end, \
         case p.kind when 'points' then p.rules end, coalesce(s.version, 1), s.walk_version, r.rules"
    };
}
macro_rules! joined {
    () => {
        " left join segment_states s on s.merchant_id = p.merchant_id and s.program_id = p.program_id \
         left join segment_rules r on r.merchant_id = s.merchant_id and r.program_id = s.program_id \
         and r.version = s.version"
    };
}

const OF_PROGRAMS: &str = concat!(
    "select ",
    rules_columns!(),
    " from (values {bigint, bigint}) as v \
     join programs p on p.merchant_id = v.column1 and p.program_id = v.column2",
    joined!()
);
const OF_MERCHANT: &str = concat!(
    "select ",
    rules_columns!(),
    " from programs p",
    joined!(),
    " where p.merchant_id = $1 order by p.program_id"
);
const VERSIONS: &str = "select version, rules, made_at from segment_rules \
     where merchant_id = $1 and program_id = $2 order by version desc limit 100";
const INSERT: &str = "insert into segment_rules (merchant_id, program_id, version, rules, made_at) \
     values ($1, $2, $3, $4, $5)";
const LOCK: &str = "select version from segment_states where merchant_id = $1 and program_id = $2 for update";
/// A program's first row: version 1 is what needs no row in `segment_rules`.
const BEGIN: &str = "insert into segment_states (merchant_id, program_id, version, measure_at, walk_version, walked_to) \
     values ($1, $2, 1, $3, $4, null) on conflict (merchant_id, program_id) do nothing";
const ENACT: &str = "update segment_states set version = $3 where merchant_id = $1 and program_id = $2";
const WALK: &str = "update segment_states set walk_version = $3, walked_to = 0 \
     where merchant_id = $1 and program_id = $2";
const WALKING: &str = "select merchant_id, program_id, walk_version, walked_to from segment_states \
     where walked_to is not null order by merchant_id, program_id limit 1";
/// Whoever else moved the cards meanwhile, or began anew, has written another place.
const WALKED: &str = "update segment_states set walked_to = $5 \
     where merchant_id = $1 and program_id = $2 and walk_version = $3 and walked_to = $4";
const UNMEASURED: &str = "select p.merchant_id, p.program_id from programs p left join segment_states s \
     on s.merchant_id = p.merchant_id and s.program_id = p.program_id \
     where s.program_id is null or s.measure_at <= $1 limit 1";
const CLAIM: &str = "update segment_states set measure_at = $4 \
     where merchant_id = $1 and program_id = $2 and measure_at <= $3";
/// Cards of other programs come along, so that each part is a short look at the merchant's cards. The first bit is "all":
/// whoever is erased is not measured.
const NUMBERS: &str = "select c.card_id, case when c.program_id = $3 and (c.segments & 1) = 1 then 1 else 0 end, \
     c.last_event_id, c.spend, c.visits, c.last_visit_at, c.recent_days, c.recent_visits, c.recent_spend, c.recent_from \
     from cards c \
     where c.merchant_id = $1 and c.card_id > $2 order by c.card_id limit $4";
const BEHIND: &str = "select count(*) from (select 1 from segment_counters \
     where merchant_id = $1 and program_id = $2 and version <> $3 and cards <> 0 limit 1) as one";
const CLEAR: &str = "delete from segment_counters where merchant_id = $1 and program_id = $2 and cards = 0";

pub(crate) const STATEMENTS: &[&str] = &[
    OF_PROGRAMS,
    OF_MERCHANT,
    VERSIONS,
    INSERT,
    LOCK,
    BEGIN,
    ENACT,
    WALK,
    WALKING,
    WALKED,
    UNMEASURED,
    CLAIM,
    NUMBERS,
    BEHIND,
    CLEAR,
];

pub type ProgramKey = (MerchantId, ProgramId);

/// Bits of [`Version`] that say which version of the count rules it is.
const RULES_BITS: u32 = 20;

/// Everything that cards are counted by, as one number: the version of the count rules and, where the program's own
/// rules have a part in it, theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i64);

impl Version {
    fn new(program: i64, rules: i64) -> Self {
        Self((program << RULES_BITS) | rules)
    }

    /// The version of the count rules.
    pub fn of_rules(self) -> i64 {
        self.0 & ((1 << RULES_BITS) - 1)
    }
}

/// What the cards of one program are counted by.
#[derive(Debug, Clone, Copy)]
pub struct Counting {
    pub key: ProgramKey,
    pub version: Version,
    /// The version that cards have been moved to, or are being moved to; none before anything was measured.
    pub walk_version: Option<Version>,
    pub rules: CountRules,
    pub ready: Ready,
}

/// A version of the count rules.
#[derive(Debug, Clone)]
pub struct RulesVersion {
    pub version: i64,
    pub rules: CountRules,
    /// None for version 1, with which every program begins.
    pub made_at: Option<Timestamp>,
}

/// How far the cards of a program have been moved to a new version.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    pub key: ProgramKey,
    version: i64,
    pub to: CardId,
}

pub async fn of_programs(
    tx: &mut Tx<'_>,
    keys: &[ProgramKey],
) -> Result<HashMap<ProgramKey, Counting>, Error> {
    let rows: Vec<_> = keys
        .iter()
        .map(|(merchant, program)| params![*merchant, *program].to_vec())
        .collect();
    let found: Vec<Counting> = tx.all_rows(OF_PROGRAMS, &[], &rows).await?;
    Ok(found
        .into_iter()
        .map(|counting| (counting.key, counting))
        .collect())
}

/// How far back the counts of a program look.
pub async fn window(tx: &mut Tx<'_>, key: ProgramKey) -> Result<Window, Error> {
    let counting = of_program(tx, key).await?;
    Ok(counting.map(|counting| counting.rules.window).unwrap_or_default())
}

/// One for each program of a merchant.
pub async fn of_merchant(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Counting>, Error> {
    tx.all(OF_MERCHANT, &params![merchant]).await
}

async fn of_program(tx: &mut Tx<'_>, key: ProgramKey) -> Result<Option<Counting>, Error> {
    Ok(of_programs(tx, &[key]).await?.remove(&key))
}

/// The newest versions, and the one that every program begins with.
pub async fn versions(tx: &mut Tx<'_>, (merchant, program): ProgramKey) -> Result<Vec<RulesVersion>, Error> {
    let mut versions: Vec<RulesVersion> = tx.all(VERSIONS, &params![merchant, program]).await?;
    versions.push(RulesVersion {
        version: 1,
        rules: CountRules::default(),
        made_at: None,
    });
    Ok(versions)
}

/// Puts a new version in force, made by `change` from the one before; none where the program is missing or `change`
/// leaves the rules as they are.
pub async fn enact(
    tx: &mut Tx<'_>,
    key: ProgramKey,
    now: Timestamp,
    change: impl Fn(CountRules) -> CountRules,
) -> Result<Option<i64>, Error> {
    let (merchant, program) = key;
    if !begin(tx, key, now).await? {
        return Ok(None);
    }
    let (version,): (i64,) = tx.one(LOCK, &params![merchant, program]).await?;
    let Some(before) = of_program(tx, key).await? else {
        return Ok(None);
    };
    let rules = change(before.rules);
    if rules == before.rules {
        return Ok(None);
    }
    let version = version + 1;
    tx.exec(INSERT, &params![merchant, program, version, rules.print(), now])
        .await?;
    tx.exec(ENACT, &params![merchant, program, version]).await?;
    if let Some(after) = of_program(tx, key).await? {
        walk(tx, key, after.version).await?;
    }
    Ok(Some(version))
}

/// Makes sure that the program has a state; false where there is no such program.
async fn begin(tx: &mut Tx<'_>, key: ProgramKey, measure_at: Timestamp) -> Result<bool, Error> {
    let Some(counting) = of_program(tx, key).await? else {
        return Ok(false);
    };
    if counting.walk_version.is_none() {
        tx.exec(BEGIN, &params![key.0, key.1, measure_at, counting.version.0])
            .await?;
    }
    Ok(true)
}

/// Has every card of the program looked at again.
pub async fn walk(tx: &mut Tx<'_>, key: ProgramKey, version: Version) -> Result<(), Error> {
    tx.exec(WALK, &params![key.0, key.1, version.0]).await?;
    Ok(())
}

/// A program whose cards are to be moved.
pub async fn walking(tx: &mut Tx<'_>) -> Result<Option<Walk>, Error> {
    tx.opt(WALKING, &[]).await
}

/// Notes how far the cards were moved; without a card, all were.
pub async fn walked(tx: &mut Tx<'_>, walk: Walk, to: Option<CardId>) -> Result<(), Error> {
    let params = params![walk.key.0, walk.key.1, walk.version, walk.to, to];
    tx.exec(WALKED, &params).await?;
    Ok(())
}

/// A program whose limits are to be measured.
pub async fn unmeasured(tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<ProgramKey>, Error> {
    tx.opt(UNMEASURED, &params![now]).await
}

/// Takes the measuring of a program until `again`; false where somebody else has.
pub async fn claim_measuring(
    tx: &mut Tx<'_>,
    key: ProgramKey,
    now: Timestamp,
    again: Timestamp,
) -> Result<bool, Error> {
    begin(tx, key, now).await?;
    let claimed = tx.exec(CLAIM, &params![key.0, key.1, now, again]).await?;
    Ok(claimed > 0)
}

/// Puts off the next measuring of a program that has just been measured.
pub async fn put_off_measuring(tx: &mut Tx<'_>, key: ProgramKey, until: Timestamp) -> Result<(), Error> {
    tx.exec(CLAIM, &params![key.0, key.1, until, until]).await?;
    Ok(())
}

/// The numbers of those of the merchant's next `limit` cards behind `after` that are of the program, and the last of all
/// those cards; none at the end. What lies within the window is read from the ledger where another one is kept.
pub async fn numbers(
    tx: &mut Tx<'_>,
    (merchant, program): ProgramKey,
    after: CardId,
    limit: i64,
    (window, now): (Window, Timestamp),
) -> Result<(Vec<Numbers>, Option<CardId>), Error> {
    let cards: Vec<Numbered> = tx.all(NUMBERS, &params![merchant, after, program, limit]).await?;
    let last = cards.last().map(|of| of.card);
    let mut numbers = Vec::with_capacity(cards.len());
    for of in cards.into_iter().filter(|of| of.is_measured) {
        let mut of_card = of.numbers;
        if of.days != window.days() && (of_card.seen.visits != 0 || of_card.spend != 0) {
            of_card.seen.recent = windows::of_ledger(tx, merchant, of.last_event, window, now).await?;
        }
        numbers.push(of_card);
    }
    Ok((numbers, last))
}

/// What limits are measured from, and by which window it was counted.
struct Numbered {
    card: CardId,
    is_measured: bool,
    last_event: Option<EventId>,
    numbers: Numbers,
    days: i64,
}

/// Drops counters that no card is in any more. And looks for cards that are still counted by something older, and begins
/// a walk for them: a transaction that began before the last walk may have ended after it.
pub async fn tidy(tx: &mut Tx<'_>, key: ProgramKey) -> Result<(), Error> {
    let Some(counting) = of_program(tx, key).await? else {
        return Ok(());
    };
    tx.exec(CLEAR, &params![key.0, key.1]).await?;
    let (behind,): (i64,) = tx.one(BEHIND, &params![key.0, key.1, counting.version.0]).await?;
    if behind > 0 {
        walk(tx, key, counting.version).await?;
    }
    Ok(())
}

impl FromRow for Counting {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let key = (row.next()?, row.next()?);
        let kind: String = row.next()?;
        let kind =
            ProgramKind::parse(&kind).ok_or_else(|| Error::inconsistent("a program's kind", "another"))?;
        let program_version: i64 = row.next()?;
        let program_rules: Option<String> = row.next()?;
        let rules_version: i64 = row.next()?;
        let walk_version: Option<i64> = row.next()?;
        let rules: Option<String> = row.next()?;
        let rules = match rules {
            None => CountRules::default(),
            Some(json) => {
                CountRules::parse(&json).ok_or_else(|| Error::inconsistent("count rules", "another text"))?
            }
        };
        let ready = match (kind, program_rules) {
            (ProgramKind::Coupon, _) => Ready::Coupon,
            (ProgramKind::Points, Some(json)) => Ready::Balance(cheapest(&json)?),
            (ProgramKind::Punch | ProgramKind::Points, _) => Ready::Reward,
        };
        Ok(Self {
            key,
            version: Version::new(program_version, rules_version),
            walk_version: walk_version.map(Version),
            rules,
            ready,
        })
    }
}

/// What the cheapest reward of a points program costs.
fn cheapest(json: &str) -> Result<Option<i64>, Error> {
    let rules = Rules::parse(json).map_err(|error| Error::inconsistent("rules of a program", error))?;
    Ok(match rules.scheme {
        Scheme::Points(points) => points.rewards.iter().map(|reward| reward.points).min(),
        Scheme::Punch(_) | Scheme::Coupon(_) => None,
    })
}

impl FromRow for Numbered {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (card, is_measured, last_event) = (row.next()?, row.next()?, row.next()?);
        let spend = row.next()?;
        let (visits, last_visit_at, days) = (row.next()?, row.next()?, row.next()?);
        let recent = Recent {
            visits: row.next()?,
            spend: row.next()?,
            oldest: row.next()?,
        };
        Ok(Self {
            card,
            is_measured,
            last_event,
            numbers: Numbers {
                spend,
                seen: Seen {
                    visits,
                    last_visit_at,
                    recent,
                },
            },
            days,
        })
    }
}

impl FromRow for RulesVersion {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let version = row.next()?;
        let rules: String = row.next()?;
        Ok(Self {
            version,
            rules: CountRules::parse(&rules)
                .ok_or_else(|| Error::inconsistent("count rules", "another text"))?,
            made_at: row.next()?,
        })
    }
}

impl FromRow for Walk {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            key: (row.next()?, row.next()?),
            version: row.next()?,
            to: row.next()?,
        })
    }
}
