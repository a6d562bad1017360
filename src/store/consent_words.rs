//! What a merchant says where people agree, in versions, and the texts that people agreed to.
//!
//! Rows of both are only ever added.

use crate::domain::consent::Purpose;
use crate::domain::consent_words::{ConsentWords, MadeVersion, WordsVersion};
use crate::domain::id::{MemberId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const NEWEST: &str =
    "select version, body from consent_words where merchant_id = $1 order by version desc limit 1";
const VERSION: &str = "select version, body from consent_words where merchant_id = $1 and version = $2";
const VERSIONS: &str = "select w.version, w.body, w.made_at, w.made_by, m.name from consent_words w \
     left join members m on m.merchant_id = w.merchant_id and m.member_id = w.made_by \
     where w.merchant_id = $1 and w.version < $2 order by w.version desc limit $3";
const INSERT: &str = "insert into consent_words (merchant_id, version, body, made_at, made_by) \
     values ($1, $2, $3, $4, $5) on conflict (merchant_id, version) do nothing";
const KEEP_TEXT: &str = "insert into consent_texts (merchant_id, text_version, version, language, body, first_at) \
     values ($1, $2, $3, $4, $5, $6) on conflict (merchant_id, text_version) do nothing";
const TEXT: &str = "select version, body from consent_texts where merchant_id = $1 and text_version = $2";
/// Everybody counts once for each purpose, however often they changed their mind.
const AGREED: &str = "select t.version, c.purpose, count(distinct c.customer_id) \
     from (values {bigint, bigint}) as v \
     join consent_texts t on t.merchant_id = v.column1 and t.version = v.column2 \
     join consents c on c.merchant_id = t.merchant_id and c.text_version = t.text_version and c.given = 1 \
     group by t.version, c.purpose";

pub(crate) const STATEMENTS: &[&str] = &[NEWEST, VERSION, VERSIONS, INSERT, KEEP_TEXT, TEXT, AGREED];

/// A version with the name of the member who made it, where it is a member that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    pub made: MadeVersion,
    pub by_name: Option<String>,
}

/// A text that somebody agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownText {
    /// What it stood in; 0 for the standard words.
    pub version: i64,
    pub body: String,
}

/// How many agreed to a purpose by the words of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    pub version: i64,
    pub purpose: Purpose,
    pub people: i64,
}

/// What is said now.
pub async fn newest(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<WordsVersion, Error> {
    let newest: Option<WordsVersion> = tx.opt(NEWEST, &params![merchant]).await?;
    Ok(newest.unwrap_or_default())
}

/// What was said in a version; none for one that there never was. Version 0 is the standard words.
pub async fn version(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    version: i64,
) -> Result<Option<WordsVersion>, Error> {
    if version == 0 {
        return Ok(Some(WordsVersion::default()));
    }
    tx.opt(VERSION, &params![merchant, version]).await
}

/// At most `limit` versions before `before`, newest first.
pub async fn versions(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: i64,
    limit: i64,
) -> Result<Vec<ListedVersion>, Error> {
    tx.all(VERSIONS, &params![merchant, before, limit]).await
}

/// Adds a version; whether nobody else has added it before.
pub async fn insert(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    of: &WordsVersion,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<bool, Error> {
    let params = params![merchant, of.version, of.words.print(), now, by];
    Ok(tx.exec(INSERT, &params).await? == 1)
}

/// Keeps the words behind the name of a text, once.
pub async fn keep_text(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    name: &str,
    (version, language, body): (i64, &str, &str),
    now: Timestamp,
) -> Result<(), Error> {
    let params = params![merchant, name, version, language, body, now];
    tx.exec(KEEP_TEXT, &params).await?;
    Ok(())
}

/// The words behind the name of a text; none for a text on paper or of another system.
pub async fn text(tx: &mut Tx<'_>, merchant: MerchantId, name: &str) -> Result<Option<ShownText>, Error> {
    tx.opt(TEXT, &params![merchant, name]).await
}

/// How many people agreed by the words of each of `versions`, in order; nothing is said where nobody did.
pub async fn agreed(tx: &mut Tx<'_>, merchant: MerchantId, versions: &[i64]) -> Result<Vec<Agreed>, Error> {
    let keys: Vec<_> = versions
        .iter()
        .map(|version| params![merchant, *version].to_vec())
        .collect();
    let mut agreed: Vec<Agreed> = tx.all_rows(AGREED, &[], &keys).await?;
    agreed.sort_by_key(|agreed| (agreed.version, agreed.purpose));
    Ok(agreed)
}

impl FromRow for WordsVersion {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let version = row.next()?;
        let body: String = row.next()?;
        let words =
            ConsentWords::parse(&body).map_err(|error| Error::inconsistent("consent words", error))?;
        Ok(Self { version, words })
    }
}

impl FromRow for ListedVersion {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            made: MadeVersion {
                of: WordsVersion::from_row(row)?,
                at: row.next()?,
                by: row.next()?,
            },
            by_name: row.next()?,
        })
    }
}

impl FromRow for ShownText {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            version: row.next()?,
            body: row.next()?,
        })
    }
}

impl FromRow for Agreed {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let version = row.next()?;
        let purpose: String = row.next()?;
        let Some(purpose) = Purpose::parse(&purpose) else {
            return Err(Error::inconsistent("the purpose of a consent", purpose));
        };
        Ok(Self {
            version,
            purpose,
            people: row.next()?,
        })
    }
}
