//! Campaigns, their members, and what a merchant's running campaigns listen to.

pub mod actions;

use crate::domain::campaign::step::Membership;
use crate::domain::campaign::sweep::Glance;
use crate::domain::campaign::trigger::Signals;
use crate::domain::campaign::{Campaign, CampaignRules, CampaignState, Cause};
use crate::domain::id::{CampaignId, CardId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

macro_rules! campaign_columns {
    () => {
        "c.campaign_id, c.merchant_id, c.name, c.rules, c.state, c.created_at, c.version"
    };
}

const INSERT: &str = "insert into campaigns (merchant_id, campaign_id, name, rules, state, created_at, version) \
     values ($1, $2, $3, $4, $5, $6, $7)";
const SAVE: &str = "update campaigns set name = $3, rules = $4, state = $5, version = $6, next_look_at = $7, \
     looked_card_id = 0 where merchant_id = $1 and campaign_id = $2";
const CAMPAIGN: &str = concat!(
    "select ",
    campaign_columns!(),
    " from campaigns c where c.merchant_id = $1 and c.campaign_id = $2"
);
const CAMPAIGN_FOR_UPDATE: &str = concat!(
    "select ",
    campaign_columns!(),
    " from campaigns c where c.merchant_id = $1 and c.campaign_id = $2 for update"
);
const CAMPAIGNS: &str = concat!(
    "select ",
    campaign_columns!(),
    " from campaigns c where c.merchant_id = $1 order by c.campaign_id desc limit $2"
);
const ACTIVE: &str = concat!(
    "select ",
    campaign_columns!(),
    " from (values {bigint}) as v join campaigns c on c.merchant_id = v.column1 where c.state = 'active'"
);
const SIGNALS: &str = "select signals from merchants where merchant_id = $1";
const SIGNALS_FOR_UPDATE: &str = "select signals from merchants where merchant_id = $1 for update";
const SET_SIGNALS: &str = "update merchants set signals = $2 where merchant_id = $1";
const ZONE: &str = "select zone from merchants where merchant_id = $1";
const DUE_LOOK: &str = concat!(
    "select ",
    campaign_columns!(),
    ", c.next_look_at, c.looked_card_id, m.zone \
     from campaigns c join merchants m on m.merchant_id = c.merchant_id \
     where c.state = 'active' and c.next_look_at <= $1 order by c.next_look_at limit 1 for update of c skip locked"
);
const MOVE_LOOK: &str = "update campaigns set next_look_at = $3, looked_card_id = $4 \
     where merchant_id = $1 and campaign_id = $2";
const GLANCES: &str = "select c.card_id, c.program_id, c.status, c.last_visit_at, c.created_at, c.expires_at, \
     c.redeemed_at, (select u.birthday from customers u where u.merchant_id = c.merchant_id \
     and u.customer_id = c.customer_id) from cards c where c.merchant_id = $1 and c.card_id > $2 \
     order by c.card_id limit $3";
const MEMBERS: &str = "select m.card_id, m.membership, m.cause, m.changed_at, m.runs, m.last_run_at \
     from (values {bigint}) as v join campaign_members m on m.merchant_id = $1 and m.campaign_id = $2 \
     and m.card_id = v.column1";
const MEMBERS_AFTER: &str = "select m.card_id, m.membership, m.cause, m.changed_at, m.runs, m.last_run_at \
     from campaign_members m where m.merchant_id = $1 and m.campaign_id = $2 and m.card_id > $3 \
     and m.membership = 'joined' order by m.card_id limit $4";
const SAVE_MEMBERS: &str = "insert into campaign_members (merchant_id, campaign_id, card_id, membership, cause, \
     changed_at, runs, last_run_at) values {bigint, bigint, bigint, text, text, bigint, bigint, bigint} \
     on conflict (merchant_id, campaign_id, card_id) do update set membership = excluded.membership, \
     cause = excluded.cause, changed_at = excluded.changed_at, runs = excluded.runs, \
     last_run_at = excluded.last_run_at";
const OF_CARD: &str = concat!(
    "select ",
    campaign_columns!(),
    ", m.card_id, m.membership, m.cause, m.changed_at, m.runs, m.last_run_at \
     from campaigns c join campaign_members m on m.merchant_id = c.merchant_id and m.campaign_id = c.campaign_id \
     and m.card_id = $2 where c.merchant_id = $1 order by c.campaign_id desc limit $3"
);

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    SAVE,
    CAMPAIGN,
    CAMPAIGN_FOR_UPDATE,
    CAMPAIGNS,
    ACTIVE,
    SIGNALS,
    SIGNALS_FOR_UPDATE,
    SET_SIGNALS,
    ZONE,
    DUE_LOOK,
    MOVE_LOOK,
    GLANCES,
    MEMBERS,
    MEMBERS_AFTER,
    SAVE_MEMBERS,
    OF_CARD,
];

/// Campaigns that a merchant has at most in one list.
const MOST: i64 = 1000;

/// A card in a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub card: CardId,
    pub membership: Membership,
    /// Why it joined or left last.
    pub cause: Cause,
    pub changed_at: Timestamp,
    /// How often the action was done, and when last.
    pub runs: i64,
    pub last_run: Option<Timestamp>,
}

/// A campaign whose look at all cards is due or under way.
#[derive(Debug, Clone)]
pub struct DueLook {
    pub campaign: Campaign,
    /// When the look was due: what it finds is about that time.
    pub at: Timestamp,
    /// The last card that was looked at; cards are looked at by id.
    pub after: CardId,
    pub zone: String,
}

pub async fn insert(tx: &mut Tx<'_>, campaign: &Campaign) -> Result<(), Error> {
    let params = params![
        campaign.merchant,
        campaign.id,
        campaign.name.as_str(),
        campaign.rules.print(),
        campaign.state.as_str(),
        campaign.created_at,
        campaign.version,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// Writes a campaign back; its next look at all cards begins anew.
pub async fn save(tx: &mut Tx<'_>, campaign: &Campaign, next_look: Option<Timestamp>) -> Result<(), Error> {
    let params = params![
        campaign.merchant,
        campaign.id,
        campaign.name.as_str(),
        campaign.rules.print(),
        campaign.state.as_str(),
        campaign.version,
        next_look,
    ];
    tx.exec(SAVE, &params).await?;
    Ok(())
}

pub async fn campaign(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    campaign: CampaignId,
) -> Result<Option<Campaign>, Error> {
    tx.opt(CAMPAIGN, &params![merchant, campaign]).await
}

/// A campaign, locked until the transaction ends.
pub async fn campaign_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    campaign: CampaignId,
) -> Result<Option<Campaign>, Error> {
    tx.opt(CAMPAIGN_FOR_UPDATE, &params![merchant, campaign]).await
}

/// A merchant's campaigns, newest first.
pub async fn campaigns(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Campaign>, Error> {
    tx.all(CAMPAIGNS, &params![merchant, MOST]).await
}

/// The running campaigns of some merchants.
pub async fn active(tx: &mut Tx<'_>, merchants: &[MerchantId]) -> Result<Vec<Campaign>, Error> {
    let rows: Vec<_> = merchants
        .iter()
        .map(|merchant| params![*merchant].to_vec())
        .collect();
    tx.all_rows(ACTIVE, &[], &rows).await
}

/// What a merchant's running campaigns and referrals listen to.
pub async fn signals(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Signals, Error> {
    let row: Option<(i64,)> = tx.opt(SIGNALS, &params![merchant]).await?;
    Ok(row.map_or(Signals::NONE, |(bits,)| Signals(bits)))
}

/// The same, locked until the transaction ends; none where there is no such merchant.
pub async fn signals_for_update(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Option<Signals>, Error> {
    let row: Option<(i64,)> = tx.opt(SIGNALS_FOR_UPDATE, &params![merchant]).await?;
    Ok(row.map(|(bits,)| Signals(bits)))
}

pub async fn set_signals(tx: &mut Tx<'_>, merchant: MerchantId, signals: Signals) -> Result<(), Error> {
    tx.exec(SET_SIGNALS, &params![merchant, signals.0]).await?;
    Ok(())
}

/// The zone of a merchant's day; none where there is no such merchant.
pub async fn zone(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = tx.opt(ZONE, &params![merchant]).await?;
    Ok(row.map(|(zone,)| zone))
}

/// One campaign whose look is due and that no other node has in hand, locked until the transaction ends.
pub async fn due_look(tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<DueLook>, Error> {
    tx.opt(DUE_LOOK, &params![now]).await
}

/// Writes down how far a look has come, or when the next is due.
pub async fn move_look(
    tx: &mut Tx<'_>,
    campaign: &Campaign,
    next_look: Option<Timestamp>,
    after: CardId,
) -> Result<(), Error> {
    tx.exec(
        MOVE_LOOK,
        &params![campaign.merchant, campaign.id, next_look, after],
    )
    .await?;
    Ok(())
}

/// The next `limit` cards behind `after`, by id.
pub async fn glances(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    after: CardId,
    limit: i64,
) -> Result<Vec<Glance>, Error> {
    tx.all(GLANCES, &params![merchant, after, limit]).await
}

/// Those of `cards` that are or were members.
pub async fn members(
    tx: &mut Tx<'_>,
    (merchant, campaign): (MerchantId, CampaignId),
    cards: &[CardId],
) -> Result<Vec<Member>, Error> {
    let rows: Vec<_> = cards.iter().map(|card| params![*card].to_vec()).collect();
    tx.all_rows(MEMBERS, &params![merchant, campaign], &rows).await
}

/// The next `limit` members behind `after`, by card.
pub async fn members_after(
    tx: &mut Tx<'_>,
    (merchant, campaign): (MerchantId, CampaignId),
    after: CardId,
    limit: i64,
) -> Result<Vec<Member>, Error> {
    tx.all(MEMBERS_AFTER, &params![merchant, campaign, after, limit])
        .await
}

pub async fn save_members(
    tx: &mut Tx<'_>,
    (merchant, campaign): (MerchantId, CampaignId),
    members: &[Member],
) -> Result<(), Error> {
    let rows: Vec<_> = members
        .iter()
        .map(|member| {
            params![
                merchant,
                campaign,
                member.card,
                word(member.membership),
                member.cause.as_str(),
                member.changed_at,
                member.runs,
                member.last_run,
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(SAVE_MEMBERS, &[], &rows).await?;
    Ok(())
}

/// The campaigns that a card is or was in.
pub async fn of_card(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Vec<(Campaign, Member)>, Error> {
    let rows: Vec<CampaignWithMember> = tx.all(OF_CARD, &params![merchant, card, MOST]).await?;
    Ok(rows.into_iter().map(|row| (row.0, row.1)).collect())
}

fn word(membership: Membership) -> &'static str {
    match membership {
        Membership::Never => "never",
        Membership::Joined => "joined",
        Membership::LeftByHand => "left_by_hand",
        Membership::Left => "left",
    }
}

struct CampaignWithMember(Campaign, Member);

impl FromRow for CampaignWithMember {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(Campaign::from_row(row)?, Member::from_row(row)?))
    }
}

impl FromRow for Campaign {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            merchant: row.next()?,
            name: row.next()?,
            rules: CampaignRules::parse(&row.next::<String>()?)
                .map_err(|error| Error::inconsistent("rules of a campaign", error))?,
            state: CampaignState::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("the state of a campaign", "another word"))?,
            created_at: row.next()?,
            version: row.next()?,
        })
    }
}

impl FromRow for DueLook {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            campaign: Campaign::from_row(row)?,
            at: row.next()?,
            after: row.next()?,
            zone: row.next()?,
        })
    }
}

impl FromRow for Glance {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            program: row.next()?,
            is_void: row.next::<String>()? == "void",
            last_visit_at: row.next()?,
            created_at: row.next()?,
            expires_at: row.next()?,
            redeemed_at: row.next()?,
            birthday: row.next()?,
        })
    }
}

impl FromRow for Member {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card = row.next()?;
        let membership = match row.next::<String>()?.as_str() {
            "never" => Membership::Never,
            "joined" => Membership::Joined,
            "left_by_hand" => Membership::LeftByHand,
            "left" => Membership::Left,
            _ => return Err(Error::inconsistent("a membership", "another word")),
        };
        Ok(Self {
            card,
            membership,
            cause: Cause::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("the cause of a membership", "another word"))?,
            changed_at: row.next()?,
            runs: row.next()?,
            last_run: row.next()?,
        })
    }
}
