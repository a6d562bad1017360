//! Where each holder first landed.

use crate::domain::id::{CardId, MerchantId};
use crate::domain::time::Timestamp;
use crate::domain::utm::Utm;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT: &str = "insert into utms (merchant_id, card_id, source, medium, campaign, content, term, landed_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (merchant_id, card_id) do nothing";
const UTM: &str = "select source, medium, campaign, content, term, landed_at from utms \
     where merchant_id = $1 and card_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, UTM];

/// The landing that counts for a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    pub utm: Utm,
    pub at: Timestamp,
}

/// Keeps a landing unless there was one; whether it was kept.
pub async fn insert(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    landing: &Landing,
) -> Result<bool, Error> {
    let utm = &landing.utm;
    let params = params![
        merchant,
        card,
        utm.source.as_deref(),
        utm.medium.as_deref(),
        utm.campaign.as_deref(),
        utm.content.as_deref(),
        utm.term.as_deref(),
        landing.at,
    ];
    Ok(tx.exec(INSERT, &params).await? > 0)
}

pub async fn landing(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Option<Landing>, Error> {
    tx.opt(UTM, &params![merchant, card]).await
}

impl FromRow for Landing {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            utm: Utm {
                source: row.next()?,
                medium: row.next()?,
                campaign: row.next()?,
                content: row.next()?,
                term: row.next()?,
            },
            at: row.next()?,
        })
    }
}
