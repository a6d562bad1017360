//! Counted links: where each leads, and how often each card's holder followed it.
//!
//! Clicks are written in sets, long after the redirect was answered; a link's own sums change in the same transaction.

use std::collections::HashMap;

use crate::domain::id::{CardId, LinkId, MerchantId, ProgramId};
use crate::domain::link::Target;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

/// A link keeps its counts when its target changes.
const SAVE: &str = "insert into links (merchant_id, link_id, kind, label, target, clicks, cards, created_at) \
     values ($1, $2, $3, $4, $5, 0, 0, $6) on conflict (merchant_id, link_id) do update set \
     label = excluded.label, target = excluded.target";
const DELETE: &str = "delete from links where merchant_id = $1 and link_id = $2";
const LINK: &str = "select link_id, kind, label, target, clicks, cards from links \
     where merchant_id = $1 and link_id = $2";
const LINKS: &str = "select link_id, kind, label, target, clicks, cards from links \
     where merchant_id = $1 and link_id < $2 order by link_id desc limit $3";
const OF_PROGRAMS: &str = "select l.merchant_id, l.link_id, l.kind, l.label, l.target, l.clicks, l.cards \
     from (values {bigint, bigint}) as v join links l on l.merchant_id = v.column1 and l.link_id = v.column2";
const SUM: &str = "select cast(coalesce(sum(clicks), 0) as bigint) from links where merchant_id = $1";
/// Only what is there: a link that was deleted meanwhile counts no more.
const CLICK: &str = "insert into clicks (merchant_id, link_id, card_id, clicks, first_at, last_at) \
     select v.column1, v.column2, v.column3, 0, v.column4, v.column4 \
     from (values {bigint, bigint, bigint, bigint}) as v \
     join links l on l.merchant_id = v.column1 and l.link_id = v.column2 \
     join cards c on c.merchant_id = v.column1 and c.card_id = v.column3 \
     where true on conflict (merchant_id, link_id, card_id) do nothing \
     returning merchant_id, link_id";
const ADD: &str = "update clicks set clicks = clicks.clicks + v.column4, last_at = v.column5 \
     from (values {bigint, bigint, bigint, bigint, bigint}) as v where clicks.merchant_id = v.column1 \
     and clicks.link_id = v.column2 and clicks.card_id = v.column3";
const ADD_TO_LINK: &str = "update links set clicks = links.clicks + v.column3, cards = links.cards + v.column4 \
     from (values {bigint, bigint, bigint, bigint}) as v \
     where links.merchant_id = v.column1 and links.link_id = v.column2";
const OF_CARDS: &str = "select k.card_id, k.clicks from (values {bigint}) as v join clicks k \
     on k.merchant_id = $1 and k.link_id = $2 and k.card_id = v.column1";

pub(crate) const STATEMENTS: &[&str] = &[
    SAVE,
    DELETE,
    LINK,
    LINKS,
    OF_PROGRAMS,
    SUM,
    CLICK,
    ADD,
    ADD_TO_LINK,
    OF_CARDS,
];

/// What a link is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Message,
    /// The back of a program's passes.
    Program,
}

/// A link with its sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub id: LinkId,
    pub kind: Kind,
    pub label: Option<String>,
    pub target: Target,
    /// How often it was followed, and by the holders of how many cards.
    pub clicks: i64,
    pub cards: i64,
}

/// How often the holder of one card followed one link since the last time it was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clicked {
    pub merchant: MerchantId,
    pub link: LinkId,
    pub card: CardId,
    pub count: i64,
    pub last_at: Timestamp,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Program => "program",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Message, Self::Program]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Makes a link, or lets one lead elsewhere.
pub async fn save(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: LinkId,
    kind: Kind,
    label: Option<&str>,
    target: &Target,
    now: Timestamp,
) -> Result<(), Error> {
    let params = params![merchant, id, kind.as_str(), label, target.as_str(), now];
    tx.exec(SAVE, &params).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx<'_>, merchant: MerchantId, id: LinkId) -> Result<(), Error> {
    tx.exec(DELETE, &params![merchant, id]).await?;
    Ok(())
}

pub async fn link(tx: &mut Tx<'_>, merchant: MerchantId, id: LinkId) -> Result<Option<Link>, Error> {
    tx.opt(LINK, &params![merchant, id]).await
}

/// The links before `before`, newest first.
pub async fn links(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: LinkId,
    limit: i64,
) -> Result<Vec<Link>, Error> {
    tx.all(LINKS, &params![merchant, before, limit]).await
}

/// The links on the copies of these programs' cards; programs without one are missing.
pub async fn of_programs(
    tx: &mut Tx<'_>,
    programs: &[(MerchantId, ProgramId)],
) -> Result<HashMap<(MerchantId, ProgramId), Link>, Error> {
    let rows: Vec<_> = programs.iter().map(|of| params![of.0, of.1]).collect();
    let found: Vec<OfProgram> = tx.all_rows(OF_PROGRAMS, &[], &rows).await?;
    let named = |OfProgram(merchant, link): OfProgram| ((merchant, ProgramId(link.id.0)), link);
    Ok(found.into_iter().map(named).collect())
}

/// How often all links of a merchant were followed.
pub async fn sum(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<i64, Error> {
    let (sum,): (i64,) = tx.one(SUM, &params![merchant]).await?;
    Ok(sum)
}

/// Adds up. `clicked` is sorted by merchant, link and card, each once, so that two nodes lock in one order.
pub async fn add(tx: &mut Tx<'_>, clicked: &[Clicked]) -> Result<(), Error> {
    let rows: Vec<_> = clicked
        .iter()
        .map(|clicked| params![clicked.merchant, clicked.link, clicked.card, clicked.last_at])
        .collect();
    let new: Vec<(MerchantId, LinkId)> = tx.all_rows(CLICK, &[], &rows).await?;
    let rows: Vec<_> = clicked
        .iter()
        .map(|clicked| {
            params![
                clicked.merchant,
                clicked.link,
                clicked.card,
                clicked.count,
                clicked.last_at
            ]
        })
        .collect();
    tx.exec_rows(ADD, &[], &rows).await?;
    let of_links: Vec<_> = clicked
        .chunk_by(|a, b| (a.merchant, a.link) == (b.merchant, b.link))
        .filter_map(|of_one| {
            let Clicked { merchant, link, .. } = *of_one.first()?;
            let clicks: i64 = of_one.iter().map(|clicked| clicked.count).sum();
            let cards = new.iter().filter(|key| **key == (merchant, link)).count();
            let cards = i64::try_from(cards).unwrap_or(i64::MAX);
            Some(params![merchant, link, clicks, cards])
        })
        .collect();
    tx.exec_rows(ADD_TO_LINK, &[], &of_links).await?;
    Ok(())
}

/// How often the holders of these cards followed a link; who never did is missing.
pub async fn of_cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    link: LinkId,
    cards: &[CardId],
) -> Result<Vec<(CardId, i64)>, Error> {
    let rows: Vec<_> = cards.iter().map(|card| params![*card]).collect();
    tx.all_rows(OF_CARDS, &params![merchant, link], &rows).await
}

fn stored(target: &str) -> Result<Target, Error> {
    Target::parse(target).map_err(|error| Error::inconsistent("a target in links.target", error))
}

struct OfProgram(MerchantId, Link);

impl FromRow for OfProgram {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(row.next()?, Link::from_row(row)?))
    }
}

impl FromRow for Link {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            kind: Kind::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("a kind in links.kind", "another word"))?,
            label: row.next()?,
            target: stored(&row.next::<String>()?)?,
            clicks: row.next()?,
            cards: row.next()?,
        })
    }
}
