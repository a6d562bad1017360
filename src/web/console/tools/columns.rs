//! What columns of files are called.

use crate::domain::custom_field::CustomField;
use crate::web::console::screen::Screen;
use crate::web::console::words::import;

/// What the column that files call `name` is called on pages.
pub fn label<'a>(screen: &Screen, fields: &'a [CustomField], name: &'a str) -> &'a str {
    let known = import::column(screen.words.language, name);
    let own = fields.iter().find(|field| field.code.as_str() == name);
    known.or(own.map(|field| field.label.as_str())).unwrap_or(name)
}

/// The same of a column that leaves: balances are what cards have, not what they begin with.
pub fn exported<'a>(screen: &Screen, fields: &'a [CustomField], name: &'a str) -> &'a str {
    let words = &screen.words.list;
    match name {
        "stamps" => words.punches,
        "points" => words.points,
        "spend" => words.spend,
        name => label(screen, fields, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::import::Column;
    use crate::web::console::words::Language;

    #[test]
    fn no_column_is_shown_by_the_name_that_files_give_it() {
        for column in Column::all(&[]) {
            for language in Language::ALL {
                assert!(
                    import::column(language, column.as_str()).is_some(),
                    "{}",
                    column.as_str()
                );
            }
        }
    }
}
