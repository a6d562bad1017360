//! When to look at cards again because time alone changes them.
//!
//! A row is never later than the date it stands for, and often earlier: a tap that moves the end of a card further away
//! leaves its row alone, and whoever looks at it then sets it anew. So the tap keeps no index by time.

use crate::domain::card::Card;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, Tx};

const ARM: &str = "insert into dues (merchant_id, card_id, kind, due_at) values {bigint, bigint, text, bigint} \
     on conflict (merchant_id, card_id, kind) do update set due_at = excluded.due_at \
     where excluded.due_at < dues.due_at";
const SET: &str = "insert into dues (merchant_id, card_id, kind, due_at) values {bigint, bigint, text, bigint} \
     on conflict (merchant_id, card_id, kind) do update set due_at = excluded.due_at";
const DROP: &str = "delete from dues where merchant_id = $1 and card_id = $2 and kind = $3";
const DUE: &str = "select merchant_id, card_id from dues where kind = $1 and due_at <= $2 \
     order by due_at, merchant_id, card_id limit $3";
const STILL_DUE: &str = "select d.merchant_id, d.card_id from (values {bigint, bigint}) as v join dues d \
     on d.merchant_id = v.column1 and d.card_id = v.column2 where d.kind = $1 and d.due_at <= $2";

pub(crate) const STATEMENTS: &[&str] = &[ARM, SET, DROP, DUE, STILL_DUE];

/// What time alone does to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It ends by itself.
    End,
    /// Its cycle of the ladder is over.
    Cycle,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Cycle => "cycle",
        }
    }

    /// The card's own date of this kind, as long as it is ahead.
    pub fn date(self, card: &Card) -> Option<Timestamp> {
        match self {
            Self::End => card.expires_at.filter(|_| !card.is_shown_expired()),
            Self::Cycle => card.cycle_ends_at,
        }
    }
}

/// Whether a card that was `before` and is `after` must be armed: it has a date that it had not, or an earlier one.
pub fn must_arm(before: &Card, after: &Card) -> bool {
    [Kind::End, Kind::Cycle].into_iter().any(|kind| {
        let (old, new) = (kind.date(before), kind.date(after));
        new.is_some_and(|new| old.is_none_or(|old| new < old))
    })
}

/// Sees to it that each of `cards` is looked at no later than its dates say.
pub async fn arm<'c>(tx: &mut Tx<'_>, cards: impl IntoIterator<Item = &'c Card>) -> Result<(), Error> {
    let mut rows = Vec::new();
    for card in cards {
        for kind in [Kind::End, Kind::Cycle] {
            if let Some(date) = kind.date(card) {
                rows.push(params![card.merchant, card.id, kind.as_str(), date].to_vec());
            }
        }
    }
    if !rows.is_empty() {
        tx.exec_rows(ARM, &[], &rows).await?;
    }
    Ok(())
}

/// After a look at `card`: sets its row to its date, or ends it where there is none any more.
pub async fn set(tx: &mut Tx<'_>, kind: Kind, card: &Card) -> Result<(), Error> {
    match kind.date(card) {
        Some(date) => {
            let row = params![card.merchant, card.id, kind.as_str(), date].to_vec();
            tx.exec_rows(SET, &[], &[row]).await?;
        }
        None => drop(tx, kind, card.merchant, card.id).await?,
    }
    Ok(())
}

pub async fn drop(tx: &mut Tx<'_>, kind: Kind, merchant: MerchantId, card: CardId) -> Result<(), Error> {
    tx.exec(DROP, &params![merchant, card, kind.as_str()]).await?;
    Ok(())
}

/// At most `limit` cards that are to be looked at, in the order in which cards are locked. Nothing is locked.
pub async fn due(
    tx: &mut Tx<'_>,
    kind: Kind,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(MerchantId, CardId)>, Error> {
    let mut found: Vec<(MerchantId, CardId)> = tx.all(DUE, &params![kind.as_str(), now, limit]).await?;
    found.sort_unstable();
    Ok(found)
}

/// Those of `cards`, which the caller has locked meanwhile, that nobody else has looked at since.
pub async fn still_due(
    tx: &mut Tx<'_>,
    kind: Kind,
    now: Timestamp,
    cards: &[(MerchantId, CardId)],
) -> Result<Vec<(MerchantId, CardId)>, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card].to_vec())
        .collect();
    tx.all_rows(STILL_DUE, &params![kind.as_str(), now], &rows).await
}
