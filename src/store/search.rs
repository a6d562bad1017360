//! Finding people by a part of what is known of them. The one place where the text of a statement differs by engine:
//! each is asked for its own index of trigrams, and both check the rows that it yields in the same way.
//!
//! SQLite's index holds no positions, so it is asked for a needle's trigrams and not for the needle; it is joined from
//! the left, or the planner would walk through all customers. PostgreSQL's is asked by `like`, which also works, slower,
//! where the extension is missing.

use crate::domain::id::{CustomerId, MerchantId};
use crate::domain::search::{MOST_NEEDLES, Query};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

/// Trigrams of one needle that the index is asked for; the rows are checked for all of it.
const MOST_TRIGRAMS: usize = 16;

macro_rules! found {
    () => {
        "select u.customer_id, u.first_name, u.last_name, u.email, u.phone "
    };
}

const FIND_ON_SQLITE: &str = concat!(
    found!(),
    "from customer_search s cross join customers u on u.merchant_id = $1 and u.customer_id = s.rowid \
     where s.customer_search match $2 and s.rowid < $3 \
     and instr(u.search, $4) > 0 and instr(u.search, $5) > 0 and instr(u.search, $6) > 0 \
     and instr(u.search, $7) > 0 and instr(u.search, $8) > 0 \
     order by s.rowid desc limit $9"
);
const FIND_ON_POSTGRES: &str = concat!(
    found!(),
    "from customers u where u.merchant_id = $1 and u.search like $2 and u.customer_id < $3 \
     and strpos(u.search, $4) > 0 and strpos(u.search, $5) > 0 and strpos(u.search, $6) > 0 \
     and strpos(u.search, $7) > 0 and strpos(u.search, $8) > 0 \
     order by u.customer_id desc limit $9"
);

/// A prepared statement is soon planned once for all patterns, as if each were rare or each common. Whether the index or
/// the newest people are the quicker way depends on the pattern: so this transaction plans anew.
const PLAN_FOR_THIS_PATTERN: &str = "select set_config('plan_cache_mode', 'force_custom_plan', true)";

pub(crate) const STATEMENTS_ON_SQLITE: &[&str] = &[FIND_ON_SQLITE];
pub(crate) const STATEMENTS_ON_POSTGRES: &[&str] = &[PLAN_FOR_THIS_PATTERN, FIND_ON_POSTGRES];

/// Somebody whom a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub id: CustomerId,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// The newest `limit` people that `query` finds, newest first; of those, only older ones than `before`.
pub async fn find(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    query: &Query,
    before: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<Found>, Error> {
    let on_sqlite = tx.is_on_sqlite();
    if !on_sqlite {
        let _: (String,) = tx.one(PLAN_FOR_THIS_PATTERN, &params![]).await?;
    }
    let (sql, params) = asked(merchant, query, before, limit, on_sqlite);
    tx.all(sql, &params).await
}

/// How the newest `limit` people would be asked for on one of the engines.
pub fn show(merchant: MerchantId, query: &Query, limit: i64, on_sqlite: bool) -> (String, Vec<Value>) {
    let (sql, params) = asked(merchant, query, None, limit, on_sqlite);
    (sql.to_owned(), params)
}

fn asked(
    merchant: MerchantId,
    query: &Query,
    before: Option<CustomerId>,
    limit: i64,
    on_sqlite: bool,
) -> (&'static str, Vec<Value>) {
    let before = before.map_or(i64::MAX, |customer| customer.0);
    let (sql, asked) = if on_sqlite {
        (FIND_ON_SQLITE, all_trigrams(query))
    } else {
        (FIND_ON_POSTGRES, like(query))
    };
    let mut params = params![merchant, asked, before].to_vec();
    let needles = query.needles().iter().map(|needle| Value::from(needle.as_str()));
    params.extend(
        needles
            .chain(std::iter::repeat(Value::from("")))
            .take(MOST_NEEDLES),
    );
    params.push(limit.into());
    (sql, params)
}

/// `"abc" AND "bcd"`: what FTS5 is asked for. Every needle has three letters at least.
fn all_trigrams(query: &Query) -> String {
    let mut asked: Vec<String> = Vec::new();
    for needle in query.needles() {
        let letters: Vec<char> = needle.chars().collect();
        for three in letters.windows(3).take(MOST_TRIGRAMS) {
            let text: String = three.iter().collect();
            asked.push(format!("\"{}\"", text.replace('"', "\"\"")));
        }
    }
    asked.join(" AND ")
}

/// The longest needle as a pattern.
fn like(query: &Query) -> String {
    let mut pattern = String::from("%");
    for letter in query.needles().first().map_or("", String::as_str).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

impl FromRow for Found {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            first_name: row.next()?,
            last_name: row.next()?,
            email: row.next()?,
            phone: row.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_index_is_asked_for_holds_nothing_that_it_would_read_as_its_own() {
        let query = |text| Query::parse(text).expect("a query");
        assert_eq!(
            all_trigrams(&query("a\"b\"c")),
            r#""a""b" AND """b""" AND "b""c""#
        );
        assert_eq!(all_trigrams(&query("an")), "\"\n\na\" AND \"\nan\"");
        assert_eq!(like(&query("50%_\\o")), r"%50\%\_\\o%");
    }
}
