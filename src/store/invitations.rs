//! Invitations: one row a letter, and the queue that they are sent from. A row is leased while it is being sent.

use crate::domain::id::{CardId, CustomerId, InvitationId, MemberId, MerchantId, ProgramId};
use crate::domain::invitation::{InvitationKind, InvitationState};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

macro_rules! columns {
    () => {
        "i.merchant_id, i.invitation_id, i.card_id, i.customer_id, i.kind, i.address, i.language, i.state, i.reason, \
         i.attempts, i.created_by, i.created_at, i.sent_at, i.opened_at, i.installed_at"
    };
}

const INSERT: &str = "insert into invitations (merchant_id, invitation_id, card_id, customer_id, kind, address, \
     language, state, reason, attempts, due_at, lease, created_by, created_at) \
     values ($1, $2, $3, $4, $5, $6, $7, 'queued', null, 0, $9, null, $8, $9)";
const LAST: &str = "select i.state, i.created_at from invitations i \
     where i.merchant_id = $1 and i.card_id = $2 order by i.created_at desc, i.invitation_id desc limit 1";
const ONE: &str = concat!(
    "select ",
    columns!(),
    " from invitations i where i.merchant_id = $1 and i.invitation_id = $2"
);
const OF_CARD: &str = concat!(
    "select ",
    columns!(),
    " from invitations i where i.merchant_id = $1 and i.card_id = $2 order by i.created_at desc, i.invitation_id desc"
);
const PAGE: &str = concat!(
    "select ",
    columns!(),
    " from invitations i where i.merchant_id = $1 and i.invitation_id < $2 order by i.invitation_id desc limit $3"
);
const DUE: &str = concat!(
    "select ",
    columns!(),
    " from invitations i where i.due_at is not null and i.due_at <= $1 order by i.due_at limit $2 \
     for update skip locked"
);
const LEASE: &str = "update invitations set due_at = $3, lease = $4, attempts = attempts + 1 \
     where merchant_id = $1 and invitation_id = $2";
const FINISH: &str = "update invitations set state = $4, reason = $5, due_at = $6, lease = null, \
     sent_at = coalesce($7, sent_at) where merchant_id = $1 and invitation_id = $2 and lease = $3";
const OPENED: &str = "update invitations set opened_at = $3, state = case state when 'sent' then 'opened' else state end \
     where merchant_id = $1 and invitation_id = $2 and opened_at is null";
const INSTALLED: &str = "update invitations set installed_at = $3, \
     state = case when state in ('sent', 'opened') then 'installed' else state end \
     where merchant_id = $1 and card_id = $2 and installed_at is null and sent_at is not null";
const BOUNCED: &str = "update invitations set state = 'bounced', reason = $3, due_at = null, lease = null \
     where merchant_id = $1 and invitation_id = $2 and state in ('queued', 'sent', 'opened')";
const CUSTOMER: &str = "select u.customer_id, u.first_name, u.email, u.language from customers u \
     join cards c on c.merchant_id = u.merchant_id and c.customer_id = u.customer_id \
     where c.merchant_id = $1 and c.card_id = $2";
const CARD_BY_EMAIL: &str = "select c.card_id from customers u \
     join cards c on c.merchant_id = u.merchant_id and c.customer_id = u.customer_id \
     where u.merchant_id = $1 and u.email_key = $2 and c.program_id = $3 and u.erased_at is null \
     order by c.card_id limit 1";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    LAST,
    ONE,
    OF_CARD,
    PAGE,
    DUE,
    LEASE,
    FINISH,
    OPENED,
    INSTALLED,
    BOUNCED,
    CUSTOMER,
    CARD_BY_EMAIL,
];

/// A letter to be sent.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    pub merchant: MerchantId,
    pub id: InvitationId,
    pub card: CardId,
    pub customer: CustomerId,
    pub kind: InvitationKind,
    pub address: String,
    pub language: String,
    pub created_by: Option<MemberId>,
}

/// A letter as stored.
#[derive(Clone)]
pub struct Invitation {
    pub merchant: MerchantId,
    pub id: InvitationId,
    pub card: CardId,
    pub customer: CustomerId,
    pub kind: InvitationKind,
    pub address: String,
    pub language: String,
    pub state: InvitationState,
    /// Why it bounced or failed, or what the last try met with.
    pub reason: Option<String>,
    pub attempts: i64,
    pub created_by: Option<MemberId>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub opened_at: Option<Timestamp>,
    pub installed_at: Option<Timestamp>,
}

/// Does not show the address.
impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation")
            .field("id", &self.id)
            .field("card", &self.card)
            .field("state", &self.state)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Whom a letter about a card goes to.
#[derive(Debug, Clone)]
pub struct Addressee {
    pub customer: CustomerId,
    pub first_name: String,
    pub email: Option<String>,
    pub language: String,
}

/// What is written back after a try.
#[derive(Debug, Clone)]
pub struct Finished {
    pub state: InvitationState,
    pub reason: Option<String>,
    /// When to try again; none when there is nothing left to try.
    pub due_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
}

/// Puts a letter into the queue, due at once.
pub async fn insert(tx: &mut Tx<'_>, new: &NewInvitation, now: Timestamp) -> Result<(), Error> {
    let params = params![
        new.merchant,
        new.id,
        new.card,
        new.customer,
        new.kind.as_str(),
        new.address.as_str(),
        new.language.as_str(),
        new.created_by,
        now,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// The state of the newest letter about a card, and when it was asked for.
pub async fn last(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<(InvitationState, Timestamp)>, Error> {
    let last: Option<(String, Timestamp)> = tx.opt(LAST, &params![merchant, card]).await?;
    last.map(|(state, at)| Ok((parsed(&state)?, at))).transpose()
}

pub async fn invitation(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: InvitationId,
) -> Result<Option<Invitation>, Error> {
    tx.opt(ONE, &params![merchant, id]).await
}

/// All letters about a card, newest first.
pub async fn of_card(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Vec<Invitation>, Error> {
    tx.all(OF_CARD, &params![merchant, card]).await
}

/// A merchant's letters before `before`, newest first.
pub async fn page(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: InvitationId,
    limit: i64,
) -> Result<Vec<Invitation>, Error> {
    tx.all(PAGE, &params![merchant, before, limit]).await
}

/// Letters that are due, leased until `until` under `lease`. Their attempts count this try.
pub async fn claim(
    tx: &mut Tx<'_>,
    now: Timestamp,
    until: Timestamp,
    lease: i64,
    limit: i64,
) -> Result<Vec<Invitation>, Error> {
    let mut due: Vec<Invitation> = tx.all(DUE, &params![now, limit]).await?;
    for one in &mut due {
        tx.exec(LEASE, &params![one.merchant, one.id, until, lease])
            .await?;
        one.attempts += 1;
    }
    Ok(due)
}

/// Writes back what became of a letter; false when the lease has gone to somebody else.
pub async fn finish(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: InvitationId,
    lease: i64,
    finished: &Finished,
) -> Result<bool, Error> {
    let params = params![
        merchant,
        id,
        lease,
        finished.state.as_str(),
        finished.reason.as_deref(),
        finished.due_at,
        finished.sent_at,
    ];
    Ok(tx.exec(FINISH, &params).await? > 0)
}

/// Notes that the link was followed; false when that was noted before.
pub async fn note_opened(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: InvitationId,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.exec(OPENED, &params![merchant, id, now]).await? > 0)
}

/// Notes that the card was installed after its letters.
pub async fn note_installed(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(INSTALLED, &params![merchant, card, now]).await?;
    Ok(())
}

/// Notes that a letter came back later; false when it cannot have.
pub async fn note_bounced(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: InvitationId,
    reason: &str,
) -> Result<bool, Error> {
    Ok(tx.exec(BOUNCED, &params![merchant, id, reason]).await? > 0)
}

/// Whom a letter about a card goes to.
pub async fn addressee(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<Addressee>, Error> {
    tx.opt(CUSTOMER, &params![merchant, card]).await
}

/// The card of a program that the person with this address holds.
pub async fn card_by_email(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    email_key: &str,
    program: ProgramId,
) -> Result<Option<CardId>, Error> {
    let found: Option<(CardId,)> = tx
        .opt(CARD_BY_EMAIL, &params![merchant, email_key, program])
        .await?;
    Ok(found.map(|(card,)| card))
}

fn parsed(state: &str) -> Result<InvitationState, Error> {
    InvitationState::parse(state)
        .ok_or_else(|| Error::inconsistent("the state of an invitation", "another word"))
}

impl FromRow for Invitation {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, id) = (row.next()?, row.next()?);
        let (card, customer) = (row.next()?, row.next()?);
        let kind: String = row.next()?;
        let kind = InvitationKind::parse(&kind);
        Ok(Self {
            merchant,
            id,
            card,
            customer,
            kind: kind.ok_or_else(|| Error::inconsistent("the kind of an invitation", "another word"))?,
            address: row.next()?,
            language: row.next()?,
            state: parsed(&row.next::<String>()?)?,
            reason: row.next()?,
            attempts: row.next()?,
            created_by: row.next()?,
            created_at: row.next()?,
            sent_at: row.next()?,
            opened_at: row.next()?,
            installed_at: row.next()?,
        })
    }
}

impl FromRow for Addressee {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            customer: row.next()?,
            first_name: row.next()?,
            email: row.next()?,
            language: row.next()?,
        })
    }
}
