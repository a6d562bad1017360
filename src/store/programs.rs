//! Changes of programs: edits against a version, archiving, and how far a change of rules has been carried to the cards.

use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::program::Program;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, Tx};

const UPDATE: &str = "update programs set name = $4, template = $5, reward_name = $6, rules = $7, settled_to = 0, \
     version = version + 1 where merchant_id = $1 and program_id = $2 and version = $3";
const ARCHIVE: &str = "update programs set archived_at = $4, version = version + 1 \
     where merchant_id = $1 and program_id = $2 and version = $3";
/// The program whose change has been on its way to its cards; locked, so that two nodes take two.
const TO_SETTLE: &str = "select p.merchant_id, p.program_id, p.settled_to from programs p \
     where p.settled_to is not null order by p.merchant_id, p.program_id limit 1 for update skip locked";
const SETTLED: &str = "update programs set settled_to = $3 where merchant_id = $1 and program_id = $2";
/// Walks all cards of the merchant, so that there need be no index of cards by program for this alone.
const CARDS_AFTER: &str = "select card_id, program_id from cards where merchant_id = $1 and card_id > $2 \
     order by card_id limit $3";

pub(crate) const STATEMENTS: &[&str] = &[UPDATE, ARCHIVE, TO_SETTLE, SETTLED, CARDS_AFTER];

/// A change of rules on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    pub merchant: MerchantId,
    pub program: ProgramId,
    /// The last card that it has reached.
    pub reached: CardId,
}

/// Writes what staff may change of `program` over its version `seen`, and sends the change on its way to the cards.
/// Whether that was still the program's version.
pub async fn update(tx: &mut Tx<'_>, program: &Program, seen: i64) -> Result<bool, Error> {
    let params = params![
        program.merchant,
        program.id,
        seen,
        program.name.as_str(),
        program.template.as_str(),
        program.reward_name.as_str(),
        program.rules.print(),
    ];
    Ok(tx.exec(UPDATE, &params).await? == 1)
}

/// Archives the program in version `seen`, or takes it back from there.
pub async fn set_archived(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    seen: i64,
    at: Option<Timestamp>,
) -> Result<bool, Error> {
    Ok(tx.exec(ARCHIVE, &params![merchant, program, seen, at]).await? == 1)
}

/// A change of rules that has not reached all cards, held until the transaction ends.
pub async fn to_settle(tx: &mut Tx<'_>) -> Result<Option<Settling>, Error> {
    let found: Option<(MerchantId, ProgramId, CardId)> = tx.opt(TO_SETTLE, &[]).await?;
    Ok(found.map(|(merchant, program, reached)| Settling {
        merchant,
        program,
        reached,
    }))
}

/// Keeps how far a change has come; none for all the way.
pub async fn settled(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    to: Option<CardId>,
) -> Result<(), Error> {
    tx.exec(SETTLED, &params![merchant, program, to]).await?;
    Ok(())
}

/// The merchant's next `limit` cards after `card`, each with its program.
pub async fn cards_after(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    limit: i64,
) -> Result<Vec<(CardId, ProgramId)>, Error> {
    tx.all(CARDS_AFTER, &params![merchant, card, limit]).await
}
