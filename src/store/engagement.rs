//! Which of the engagement tables hold something about a person, and how it goes when the person is erased.
//!
//! Stars, states and times stay: they say nothing about who it was once the customer's own row is empty. Consents stay
//! as evidence that there was a right to write to somebody.

use crate::domain::id::{CustomerId, MerchantId};
use crate::store::sql::params;
use crate::store::{Error, Tx};

const CLEAR_COMMENTS: &str = "update feedback set comment = null where merchant_id = $1 and customer_id = $2";
const DELETE_LINKS: &str = "delete from referral_links where merchant_id = $1 and customer_id = $2";
const DELETE_UTMS: &str = "delete from utms where merchant_id = $1 and card_id in \
     (select c.card_id from cards c where c.merchant_id = $1 and c.customer_id = $2)";
const DELETE_MESSAGES: &str = "delete from campaign_messages where merchant_id = $1 and card_id in \
     (select c.card_id from cards c where c.merchant_id = $1 and c.customer_id = $2)";
const CANCEL_ACTIONS: &str = "update campaign_actions set state = 'cancelled', due_at = null \
     where merchant_id = $1 and due_at is not null and campaign_id in \
     (select k.campaign_id from campaigns k where k.merchant_id = $1) and card_id in \
     (select c.card_id from cards c where c.merchant_id = $1 and c.customer_id = $2)";
const CLEAR_CONSENTS: &str = "update customers set consents = 0 where merchant_id = $1 and customer_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[
    CLEAR_COMMENTS,
    DELETE_LINKS,
    DELETE_UTMS,
    DELETE_MESSAGES,
    CANCEL_ACTIONS,
    CLEAR_CONSENTS,
];

/// A column that may hold something about a person, and what becomes of it on erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Personal {
    pub table: &'static str,
    pub column: &'static str,
    pub becomes: &'static str,
}

/// Everything personal in the engagement tables.
pub fn personal() -> &'static [Personal] {
    const fn row(table: &'static str, column: &'static str, becomes: &'static str) -> Personal {
        Personal {
            table,
            column,
            becomes,
        }
    }
    const {
        &[
            row("feedback", "comment", "empty"),
            row("referral_links", "token", "deleted with its row"),
            row(
                "utms",
                "source, medium, campaign, content, term",
                "deleted with their row",
            ),
            row("campaign_messages", "body", "deleted with its row"),
            row("customers", "consents", "none; the evidence in `consents` stays"),
        ]
    }
}

/// Takes away what [`personal`] lists, and everything that campaigns would still do. The person's cards are locked.
pub async fn erase(tx: &mut Tx<'_>, merchant: MerchantId, customer: CustomerId) -> Result<(), Error> {
    for statement in STATEMENTS {
        tx.exec(statement, &params![merchant, customer]).await?;
    }
    Ok(())
}
