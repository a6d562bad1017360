//! What is kept in rows of its own beside cards and people, and belongs to the facts of each card: redemptions, tags,
//! answers. Read for as many cards at once as their facts are.

use crate::domain::custom_field::FieldValue;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::segment::facts::{Facts, TextsFact, TimesFact};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, Tx, Value, redemption_days};

/// The planner is not to begin with all tags of the merchant.
const TAGS_BETWEEN: &str = "select c.card_id, t.tag_key from cards c cross join customer_tags t \
     where c.merchant_id = $1 and c.card_id >= $2 and c.card_id <= $3 \
     and t.merchant_id = $1 and t.customer_id = c.customer_id";
const TAGS_OF: &str = "select c.card_id, t.tag_key from (values {bigint}) as v \
     join cards c on c.merchant_id = $1 and c.card_id = v.column1 \
     join customer_tags t on t.merchant_id = $1 and t.customer_id = c.customer_id";
const ANSWERS_BETWEEN: &str = "select w.card_id, w.code, w.value, w.number from custom_values w \
     where w.merchant_id = $1 and w.card_id >= $2 and w.card_id <= $3";
const ANSWERS_OF: &str = "select w.card_id, w.code, w.value, w.number from (values {bigint}) as v \
     join custom_values w on w.merchant_id = $1 and w.card_id = v.column1";

pub(super) const STATEMENTS: &[&str] = &[TAGS_BETWEEN, TAGS_OF, ANSWERS_BETWEEN, ANSWERS_OF];

type Tagged = (CardId, String);
type Answered = (CardId, String, String, Option<i64>);

/// Adds to the facts of all of a merchant's cards between two, which are sorted by card.
pub(super) async fn add_between(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    facts: &mut [Facts],
) -> Result<(), Error> {
    let (Some(first), Some(last)) = (facts.first(), facts.last()) else {
        return Ok(());
    };
    let (first, last) = (first.card, last.card);
    let redeemed = redemption_days::between(tx, merchant, first, last).await?;
    let tagged: Vec<Tagged> = tx.all(TAGS_BETWEEN, &params![merchant, first, last]).await?;
    let answered: Vec<Answered> = tx.all(ANSWERS_BETWEEN, &params![merchant, first, last]).await?;
    add(facts, redeemed, tagged, answered);
    Ok(())
}

/// The same for some cards, sorted as well.
pub(super) async fn add_of(tx: &mut Tx<'_>, merchant: MerchantId, facts: &mut [Facts]) -> Result<(), Error> {
    let cards: Vec<CardId> = facts.iter().map(|facts| facts.card).collect();
    let rows: Vec<Vec<Value>> = cards.iter().map(|card| params![*card].to_vec()).collect();
    let redeemed = redemption_days::of_cards(tx, merchant, &cards).await?;
    let tagged: Vec<Tagged> = tx.all_rows(TAGS_OF, &params![merchant], &rows).await?;
    let answered: Vec<Answered> = tx.all_rows(ANSWERS_OF, &params![merchant], &rows).await?;
    add(facts, redeemed, tagged, answered);
    Ok(())
}

fn add(
    facts: &mut [Facts],
    redeemed: Vec<(CardId, Timestamp)>,
    mut tagged: Vec<Tagged>,
    answered: Vec<Answered>,
) {
    for (card, at) in redeemed {
        if let Some(of) = of(facts, card) {
            of.times[TimesFact::Redemptions.index()].push(at.0);
        }
    }
    // In the order of the bytes, whatever the database thinks of languages.
    tagged.sort_unstable();
    for (card, tag) in tagged {
        if let Some(of) = of(facts, card) {
            of.lists[TextsFact::Tags.index()].push(tag);
        }
    }
    for (card, code, text, number) in answered {
        if let Some(of) = of(facts, card) {
            of.answers.insert(code, FieldValue { text, number });
        }
    }
}

fn of(facts: &mut [Facts], card: CardId) -> Option<&mut Facts> {
    let place = facts.binary_search_by_key(&card, |facts| facts.card).ok()?;
    facts.get_mut(place)
}
