//! Cards as statements find them, with what their passes say as news.
//!
//! Texts in other languages are read only for cards whose news have some: a pass is read for every fetch of a phone.

use std::collections::BTreeSet;

use super::{CardWithProgram, ProgramOfMerchant};
use crate::domain::card::Card;
use crate::domain::face::KeptNews;
use crate::domain::message::Translations;
use crate::domain::preference::{Class, Preferences};
use crate::store::messages::translations;
use crate::store::{Error, FromRow, Row, Tx};

/// A card as it was read.
pub(super) struct Found {
    card: CardWithProgram,
    /// How many translations the message in its news has.
    languages: i64,
}

impl FromRow for Found {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card = Card::from_row(row)?;
        let (holder, preferences) = (row.next()?, Preferences(row.next()?));
        let news = news_of(row)?;
        let languages = row.next()?;
        Ok(Self {
            card: CardWithProgram {
                card,
                holder,
                preferences,
                news,
                of: ProgramOfMerchant::from_row(row)?,
            },
            languages,
        })
    }
}

/// Cards as they were read, with what their news say in other languages. Nothing is read where there is none.
pub(super) async fn whole(
    tx: &mut Tx<'_>,
    found: impl IntoIterator<Item = Found>,
) -> Result<Vec<CardWithProgram>, Error> {
    let mut cards = Vec::new();
    let mut translated = BTreeSet::new();
    for Found { card, languages } in found {
        let message = card.news.as_ref().and_then(|news| news.message);
        translated.extend(
            message
                .filter(|_| languages > 0)
                .map(|message| (card.card.merchant, message)),
        );
        cards.push(card);
    }
    let translations = translations::of(tx, &translated).await?;
    for card in &mut cards {
        let merchant = card.card.merchant;
        if let Some(news) = &mut card.news
            && let Some(found) = news
                .message
                .and_then(|message| translations.get(&(merchant, message)))
        {
            news.translations = found.clone();
        }
    }
    Ok(cards)
}

fn news_of(row: &mut Row) -> Result<Option<KeptNews>, Error> {
    let (number, class): (Option<i64>, Option<String>) = (row.next()?, row.next()?);
    let (text, title) = (row.next()?, row.next()?);
    let (punches, points, rewards): (Option<i64>, Option<i64>, Option<i64>) =
        (row.next()?, row.next()?, row.next()?);
    let (tier, message) = (row.next()?, row.next()?);
    let (Some(number), Some(class)) = (number, class) else {
        return Ok(None);
    };
    Ok(Some(KeptNews {
        number,
        class: Class::parse(&class)
            .ok_or_else(|| Error::inconsistent("a class of pushes", "another word"))?,
        text,
        title,
        punches: punches.unwrap_or(0),
        points: points.unwrap_or(0),
        rewards: rewards.unwrap_or(0),
        tier,
        message,
        translations: Translations::default(),
    }))
}
