//! The text of statements: expanding sets, and the rewrites that SQLite needs. Pure; engines keep the results,
//! so that no text is built on the hot path.

/// How many rows one statement carries on SQLite: powers of two, so that a set of any length takes few statements and few
/// texts are prepared.
pub(super) const CHUNKS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

/// Names one text that an engine keeps: a statement lives for ever, so its address is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    address: usize,
    length: usize,
    /// Rows of the set as far as the text depends on them; 0 for a statement without one.
    rows: usize,
}

impl Key {
    pub(super) fn new(sql: &'static str, rows: usize) -> Self {
        Self {
            address: sql.as_ptr().addr(),
            length: sql.len(),
            rows,
        }
    }
}

/// The length of the next chunk of `left` rows.
pub(super) fn chunk(left: usize) -> usize {
    CHUNKS.into_iter().find(|size| *size <= left).unwrap_or(left)
}

/// Replaces `values {bigint, text}` by the rows of one array for each column, which are parameters after the highest
/// `$N` of the statement: the same text whatever the number of rows. `None` when there is no such list.
pub(super) fn expand_for_postgres(sql: &str) -> Option<String> {
    let list = List::find(sql)?;
    let first = highest_parameter(sql) + 1;
    let arrays: Vec<String> = (first..)
        .zip(&list.types)
        .map(|(number, kind)| format!("cast(${number} as {kind}[])"))
        .collect();
    let names: Vec<String> = (1..=list.types.len())
        .map(|number| format!("column{number}"))
        .collect();
    let (before, after) = (list.before, list.after);
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    Some(format!(
        "{before}select * from unnest({arrays}) as r ({names}){after}"
    ))
}

/// Replaces `values {bigint, text}` by `rows` rows of parameters, numbered after the highest `$N` of the statement, as
/// SQLite reads them.
pub(super) fn expand_for_sqlite(sql: &str, rows: usize) -> Option<String> {
    let list = List::find(sql)?;
    let mut number = highest_parameter(sql);
    let mut text = String::with_capacity(sql.len() + rows * list.types.len() * 8);
    text.push_str(list.before);
    text.push_str("values ");
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..list.types.len() {
            number += 1;
            text.push_str(if column == 0 { "$" } else { ", $" });
            text.push_str(&number.to_string());
        }
        text.push(')');
    }
    text.push_str(list.after);
    Some(to_sqlite(&text))
}

/// The list of a set statement, and what is around it.
struct List<'s> {
    before: &'s str,
    types: Vec<&'s str>,
    after: &'s str,
}

impl<'s> List<'s> {
    fn find(sql: &'s str) -> Option<Self> {
        let (before, rest) = sql.split_once("values {")?;
        let (list, after) = rest.split_once('}')?;
        Some(Self {
            before,
            types: list.split(',').map(str::trim).collect(),
            after,
        })
    }
}

/// How many columns the rows of a set have.
pub(super) fn set_width(sql: &str) -> Option<usize> {
    List::find(sql).map(|list| list.types.len())
}

fn highest_parameter(sql: &str) -> usize {
    sql.split('$')
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest.get(..end)?.parse().ok()
        })
        .max()
        .unwrap_or(0)
}

/// The statement as SQLite reads it: `?N` for `$N`, `blob` for `bytea`, no row locks. Quoted text stays.
pub(super) fn to_sqlite(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let end = rest.get(1..).and_then(|quoted| quoted.find('\''));
            let (quoted, after) = rest.split_at(end.map_or(rest.len(), |end| end + 2));
            text.push_str(quoted);
            rest = after;
        } else if let Some((word, after)) = leading_word(rest) {
            rest = after;
            match word {
                "bytea" => text.push_str("blob"),
                "for" => match after_lock_clause(after) {
                    Some(after) => rest = after,
                    None => text.push_str(word),
                },
                _ => text.push_str(word),
            }
        } else {
            let (_, after) = rest.split_at(first.len_utf8());
            let is_parameter = first == '$' && after.starts_with(|c: char| c.is_ascii_digit());
            text.push(if is_parameter { '?' } else { first });
            rest = after;
        }
    }
    text
}

/// A word at the very start of `text`, and what follows it.
fn leading_word(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// What follows `for update [of name] [skip locked | nowait]`, given what follows its `for`.
fn after_lock_clause(text: &str) -> Option<&str> {
    let word = |text| leading_word(str::trim_start(text));
    let expect = |text, expected| {
        word(text).and_then(|(found, after): (&str, _)| (found == expected).then_some(after))
    };
    let strength = expect(text, "no")
        .and_then(|after| expect(after, "key"))
        .unwrap_or(text);
    let mut rest = expect(strength, "update").or_else(|| expect(text, "share"))?;
    if let Some((_, after)) = expect(rest, "of").and_then(word) {
        rest = after;
    }
    let patience = expect(rest, "skip")
        .and_then(|after| expect(after, "locked"))
        .or_else(|| expect(rest, "nowait"));
    Some(patience.unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_become_numbers_and_locks_go() {
        let sqlite = to_sqlite("select $2, '$1 for update', a from t where b = $1 for update skip locked");
        assert_eq!(sqlite, "select ?2, '$1 for update', a from t where b = ?1 ");
        assert_eq!(to_sqlite("select a for no key update of t nowait;"), "select a ;");
        assert_eq!(
            to_sqlite("select cast($1 as bytea) as bytea_for"),
            "select cast(?1 as blob) as bytea_for"
        );
    }

    #[test]
    fn a_set_is_numbered_after_the_other_parameters() {
        let set = "insert into t select $1, column1, column2 from (values {bigint, text}) as v";
        assert_eq!(
            expand_for_postgres(set).as_deref(),
            Some(
                "insert into t select $1, column1, column2 from (select * from unnest(cast($2 as bigint[]), \
                 cast($3 as text[])) as r (column1, column2)) as v"
            )
        );
        assert_eq!(expand_for_postgres("select 1"), None);
        let text = expand_for_sqlite("update t set a = $1 from (values {bigint, bytea}) as v", 2);
        assert_eq!(
            text.as_deref(),
            Some("update t set a = ?1 from (values (?2, ?3), (?4, ?5)) as v")
        );
        assert_eq!(set_width("values {bigint, text, bytea}"), Some(3));
    }

    proptest! {
        #[test]
        fn chunks_cover_all_rows(rows in 0..1000_usize) {
            let mut left = rows;
            while left > 0 {
                let size = chunk(left);
                prop_assert!(CHUNKS.contains(&size) && size <= left);
                left -= size;
            }
        }

        #[test]
        fn no_text_makes_rewriting_panic(text in ".{0,60}") {
            let _ = to_sqlite(&text);
            let _ = expand_for_postgres(&text);
            let _ = expand_for_sqlite(&text, 3);
        }
    }
}
