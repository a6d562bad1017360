//! Asking for cards by rule: how many, which, in what order, and the facts that a roster is made of.

use super::beside;
use super::compile::{Composed, Composer};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::segment::facts::{Facts, NumberFact, TextFact};
use crate::domain::segment::order::{Each, Edge, Key, Order, Place, SortBy};
use crate::domain::segment::plan::{Context, Plan};
use crate::store::{Error, FromRow, Row, Tx};

const FACTS: &str = "facts of cards";

/// A statement as it would be run, for those who want to see how the database goes about it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub text: String,
    pub params: Vec<crate::store::Value>,
}

/// How many cards `plan` holds for.
pub async fn count(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    plan: &Plan,
    context: &Context,
) -> Result<i64, Error> {
    counted(tx, counting(merchant, plan, context)).await
}

/// How many people hold the cards that `plan` holds for.
pub async fn count_customers(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    plan: &Plan,
    context: &Context,
) -> Result<i64, Error> {
    let mut composer = Composer::new(context, merchant);
    composer.plan(plan);
    counted(tx, composer.select("count(distinct c.customer_id)", "")).await
}

async fn counted(tx: &mut Tx<'_>, Composed { text, params }: Composed) -> Result<i64, Error> {
    let counted: Vec<(i64,)> = tx.composed("count by rule", &text, &params).await?;
    let first = counted.first().map(|(count,)| *count);
    first.ok_or_else(|| Error::inconsistent("one row", "none"))
}

fn counting(merchant: MerchantId, plan: &Plan, context: &Context) -> Composed {
    let mut composer = Composer::new(context, merchant);
    composer.plan(plan);
    composer.select("count(*)", "")
}

/// The next `limit` cards that `plan` holds for after `after`, by id: how work on all of them goes through them.
pub async fn cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    plan: &Plan,
    context: &Context,
    after: CardId,
    limit: usize,
) -> Result<Vec<CardId>, Error> {
    let mut composer = Composer::new(context, merchant);
    composer.plan(plan);
    composer.push(" and c.card_id > ");
    composer.bind(after.0);
    composer.push(" order by c.card_id limit ");
    composer.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let Composed { text, params } = composer.select("c.card_id", "");
    let cards: Vec<(CardId,)> = tx.composed("cards by rule", &text, &params).await?;
    Ok(cards.into_iter().map(|(card,)| card).collect())
}

/// At most `size` places next to `edge`, in the order asked for, and whether there are more in that direction.
pub async fn page(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    plan: &Plan,
    context: &Context,
    order: Order,
    edge: &Edge,
    size: usize,
) -> Result<(Vec<Place>, bool), Error> {
    let composer = Composer::new(context, merchant);
    let composed = composer.page(plan, order, edge, size.saturating_add(1));
    places(tx, composed, order, edge, size).await
}

/// The same with one row for each customer.
pub async fn page_of_customers(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    plan: &Plan,
    context: &Context,
    order: Order,
    edge: &Edge,
    size: usize,
) -> Result<(Vec<Place>, bool), Error> {
    let composer = Composer::new(context, merchant).newest_of_each(plan);
    let composed = composer.ordered(order, Each::Customer, edge, size.saturating_add(1));
    places(tx, composed, order, edge, size).await
}

async fn places(
    tx: &mut Tx<'_>,
    Composed { text, params }: Composed,
    order: Order,
    edge: &Edge,
    size: usize,
) -> Result<(Vec<Place>, bool), Error> {
    let mut places: Vec<Place> = match order.sort.by() {
        SortBy::Text(_) => {
            let rows: Vec<(CardId, String)> = tx.composed("page by rule", &text, &params).await?;
            let place = |(card, key)| Place {
                key: Key::Text(key),
                card,
            };
            rows.into_iter().map(place).collect()
        }
        SortBy::Number(_) | SortBy::Status => {
            let rows: Vec<(CardId, i64)> = tx.composed("page by rule", &text, &params).await?;
            let place = |(card, key)| Place {
                key: Key::Number(key),
                card,
            };
            rows.into_iter().map(place).collect()
        }
    };
    let has_more = places.len() > size;
    places.truncate(size);
    if matches!(edge, Edge::Before(_)) {
        places.reverse();
    }
    Ok((places, has_more))
}

/// The facts of the next `limit` cards after `after`, by id.
pub async fn facts_after(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    context: &Context,
    after: CardId,
    limit: usize,
) -> Result<Vec<Facts>, Error> {
    let mut composer = Composer::new(context, merchant);
    composer.push("c.card_id > ");
    composer.bind(after.0);
    let columns = columns(&mut composer);
    composer.push(" order by c.card_id limit ");
    composer.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let Composed { text, params } = composer.select(&columns, "");
    let mut facts: Vec<Facts> = tx.composed(FACTS, &text, &params).await?;
    beside::add_between(tx, merchant, &mut facts).await?;
    Ok(facts)
}

/// The facts of those of `cards` that there are, in no promised order.
pub async fn facts_of(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    context: &Context,
    cards: &[CardId],
) -> Result<Vec<Facts>, Error> {
    let mut all = Vec::with_capacity(cards.len());
    for some in cards.chunks(500) {
        let mut composer = Composer::new(context, merchant);
        composer.push("c.card_id in (");
        for (index, card) in some.iter().enumerate() {
            composer.push(if index > 0 { ", " } else { "" });
            composer.bind(card.0);
        }
        composer.push(") order by c.card_id");
        let columns = columns(&mut composer);
        let Composed { text, params } = composer.select(&columns, "");
        let mut facts: Vec<Facts> = tx.composed(FACTS, &text, &params).await?;
        beside::add_of(tx, merchant, &mut facts).await?;
        all.extend(facts);
    }
    Ok(all)
}

/// Every fact in the order of its list.
fn columns(composer: &mut Composer<'_>) -> String {
    let mut columns = vec!["c.card_id".to_owned()];
    columns.extend(NumberFact::ALL.iter().map(|fact| composer.number(*fact)));
    columns.extend(TextFact::ALL.iter().map(|fact| composer.text_of(*fact)));
    columns.join(", ")
}

/// How the list of places would be asked for.
pub fn show_page(
    merchant: MerchantId,
    plan: &Plan,
    context: &Context,
    order: Order,
    edge: &Edge,
    size: usize,
) -> Shown {
    let Composed { text, params } = Composer::new(context, merchant).page(plan, order, edge, size);
    Shown { text, params }
}

pub fn show_count(merchant: MerchantId, plan: &Plan, context: &Context) -> Shown {
    let Composed { text, params } = counting(merchant, plan, context);
    Shown { text, params }
}

impl FromRow for Facts {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card = row.next()?;
        let mut numbers = [None; NumberFact::COUNT];
        for number in &mut numbers {
            *number = row.next()?;
        }
        let mut texts: [String; TextFact::COUNT] = Default::default();
        for text in &mut texts {
            *text = row.next()?;
        }
        Ok(Self {
            card,
            numbers,
            texts,
            times: Default::default(),
            lists: Default::default(),
            answers: Default::default(),
        })
    }
}
