//! What messages say in other languages than their first. One row serves the message while it is written and what
//! channels are told of it afterwards: once it has started, neither changes.

use std::collections::{BTreeSet, HashMap};

use crate::domain::id::{MerchantId, MessageId};
use crate::domain::message::{Message, Translation, Translations};
use crate::domain::profile::Language;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

/// A message by its key.
pub type MessageKey = (MerchantId, MessageId);

const DELETE: &str = "delete from message_translations where merchant_id = $1 and message_id = $2";
const INSERT: &str = "insert into message_translations (merchant_id, message_id, language, title, body) \
     select cast($1 as bigint), cast($2 as bigint), v.column1, v.column2, v.column3 from (values {text, text, text}) as v";
const OF_MESSAGES: &str = "select t.merchant_id, t.message_id, t.language, t.title, t.body \
     from (values {bigint, bigint}) as v \
     join message_translations t on t.merchant_id = v.column1 and t.message_id = v.column2";

pub(crate) const STATEMENTS: &[&str] = &[DELETE, INSERT, OF_MESSAGES];

/// Puts `translations` in the place of those that the message had.
pub(super) async fn replace(
    tx: &mut Tx<'_>,
    (merchant, message): MessageKey,
    translations: &Translations,
) -> Result<(), Error> {
    tx.exec(DELETE, &params![merchant, message]).await?;
    let rows: Vec<_> = translations
        .iter()
        .map(|translation| {
            params![
                translation.language.as_str(),
                translation.title.as_deref(),
                translation.text.as_str(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        tx.exec_rows(INSERT, &params![merchant, message], &rows).await?;
    }
    Ok(())
}

/// The translations of some messages; those without any are left out.
pub async fn of(
    tx: &mut Tx<'_>,
    messages: &BTreeSet<MessageKey>,
) -> Result<HashMap<MessageKey, Translations>, Error> {
    if messages.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<_> = messages
        .iter()
        .map(|(merchant, message)| params![*merchant, *message])
        .collect();
    let found: Vec<Stored> = tx.all_rows(OF_MESSAGES, &[], &rows).await?;
    let mut of_message: HashMap<MessageKey, Vec<Translation>> = HashMap::new();
    for Stored(key, translation) in found {
        of_message.entry(key).or_default().push(translation);
    }
    let whole = |(key, list)| (key, Translations::from_store(list));
    Ok(of_message.into_iter().map(whole).collect())
}

/// Gives messages as they were read the translations that belong to them.
pub(super) async fn fill<'m>(
    tx: &mut Tx<'_>,
    messages: impl IntoIterator<Item = &'m mut Message>,
) -> Result<(), Error> {
    let messages: Vec<&mut Message> = messages.into_iter().collect();
    let keys = messages
        .iter()
        .map(|message| (message.merchant, message.id))
        .collect();
    let mut found = of(tx, &keys).await?;
    for message in messages {
        let translations = found.remove(&(message.merchant, message.id));
        message.content.translations = translations.unwrap_or_default();
    }
    Ok(())
}

struct Stored(MessageKey, Translation);

impl FromRow for Stored {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(
            (row.next()?, row.next()?),
            Translation {
                language: Language::from_store(row.next()?),
                title: row.next()?,
                text: row.next()?,
            },
        ))
    }
}
