//! Which column of a file means what.

use crate::domain::consent::Purpose;
use crate::domain::custom_field::{CustomField, FieldCode};
use crate::domain::customer;
use crate::domain::profile::Field;
use crate::domain::utm::Word;

/// Most columns of a file.
pub const MOST_COLUMNS: usize = 200;

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Column {
    Profile(Field),
    /// Words with commas between them.
    Tags,
    /// The serial number of a card that is there: finds its holder again.
    SerialNumber,
    /// Punches, points and money that a new card begins with.
    Stamps,
    Points,
    Spend,
    /// Something about a consent to this purpose.
    Consent(Purpose, Said),
    /// A word of the link by which the card came.
    Landing(Word),
    Custom(FieldCode),
    /// Anything in it marks the row as a template's example.
    Example,
    Ignored,
}

/// What a cell says about a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Said {
    /// Whether it was given.
    Given,
    /// When it was given or taken back, and where.
    At,
    Source,
    /// Which version of the words was shown, in which language.
    Text,
    Language,
}

impl Said {
    pub const ALL: [Self; 5] = [Self::Given, Self::At, Self::Source, Self::Text, Self::Language];
}

/// The columns of a file, from left to right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    columns: Vec<(String, Column)>,
}

/// Why the columns of a file are not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    #[error("a file begins with a line of column names; this one is empty")]
    Empty,
    #[error("a file has at most {MOST_COLUMNS} columns; got {0}")]
    TooMany(usize),
    #[error("no column is one that an import knows; name some with --map, such as --map 'Your column=email'")]
    Nothing,
    #[error("the columns {0:?} and {1:?} both mean {2}; map one of them to `ignore`")]
    Twice(String, String, String),
    #[error("--map names the column {0:?}, which the file does not have")]
    NoColumn(String),
    #[error("a column can mean {known}; got {got:?}")]
    NoMeaning { known: String, got: String },
}

/// Words that stand over columns, folded and without what stands between their letters.
const GUESSES: &[(&str, Column)] = &[
    ("firstname", Column::Profile(Field::FirstName)),
    ("givenname", Column::Profile(Field::FirstName)),
    ("forename", Column::Profile(Field::FirstName)),
    ("vorname", Column::Profile(Field::FirstName)),
    ("prenom", Column::Profile(Field::FirstName)),
    ("nombre", Column::Profile(Field::FirstName)),
    ("name", Column::Profile(Field::FirstName)),
    ("fullname", Column::Profile(Field::FirstName)),
    ("lastname", Column::Profile(Field::LastName)),
    ("surname", Column::Profile(Field::LastName)),
    ("familyname", Column::Profile(Field::LastName)),
    ("nachname", Column::Profile(Field::LastName)),
    ("nom", Column::Profile(Field::LastName)),
    ("apellidos", Column::Profile(Field::LastName)),
    ("email", Column::Profile(Field::Email)),
    ("emailaddress", Column::Profile(Field::Email)),
    ("mail", Column::Profile(Field::Email)),
    ("correo", Column::Profile(Field::Email)),
    ("phone", Column::Profile(Field::Phone)),
    ("phonenumber", Column::Profile(Field::Phone)),
    ("mobile", Column::Profile(Field::Phone)),
    ("mobilenumber", Column::Profile(Field::Phone)),
    ("mobilephone", Column::Profile(Field::Phone)),
    ("tel", Column::Profile(Field::Phone)),
    ("telefon", Column::Profile(Field::Phone)),
    ("handy", Column::Profile(Field::Phone)),
    ("telephone", Column::Profile(Field::Phone)),
    ("externalid", Column::Profile(Field::ExternalId)),
    ("customernumber", Column::Profile(Field::ExternalId)),
    ("kundennummer", Column::Profile(Field::ExternalId)),
    ("birthday", Column::Profile(Field::Birthday)),
    ("birthdate", Column::Profile(Field::Birthday)),
    ("dateofbirth", Column::Profile(Field::Birthday)),
    ("dob", Column::Profile(Field::Birthday)),
    ("geburtstag", Column::Profile(Field::Birthday)),
    ("geburtsdatum", Column::Profile(Field::Birthday)),
    ("language", Column::Profile(Field::Language)),
    ("sprache", Column::Profile(Field::Language)),
    ("tags", Column::Tags),
    ("serialnumber", Column::SerialNumber),
    ("stamps", Column::Stamps),
    ("punches", Column::Stamps),
    ("stempel", Column::Stamps),
    ("points", Column::Points),
    ("punkte", Column::Points),
    ("spend", Column::Spend),
    ("umsatz", Column::Spend),
    ("consent", Column::Consent(Purpose::Marketing, Said::Given)),
    ("newsletter", Column::Consent(Purpose::Marketing, Said::Given)),
    ("consentdate", Column::Consent(Purpose::Marketing, Said::At)),
    ("example", Column::Example),
];

impl Column {
    /// Everything that files say about consents.
    pub fn of_consents() -> impl Iterator<Item = Self> {
        let of = |purpose| {
            Said::ALL
                .into_iter()
                .map(move |said| Self::Consent(purpose, said))
        };
        Purpose::ALL.into_iter().flat_map(of)
    }

    /// Everything that a column can mean where a program has these fields.
    pub fn all(fields: &[CustomField]) -> Vec<Self> {
        let fixed = [
            Self::Tags,
            Self::SerialNumber,
            Self::Stamps,
            Self::Points,
            Self::Spend,
            Self::Example,
            Self::Ignored,
        ];
        let custom = fields.iter().map(|field| Self::Custom(field.code.clone()));
        Field::ALL
            .into_iter()
            .map(Self::Profile)
            .chain(fixed)
            .chain(Self::of_consents())
            .chain(Word::ALL.map(Self::Landing))
            .chain(custom)
            .collect()
    }

    /// The meaning that is called `text`.
    fn parse(text: &str, fields: &[CustomField]) -> Result<Self, MappingError> {
        let known = Self::all(fields);
        let found = known.iter().find(|column| column.as_str() == text.trim());
        found.cloned().ok_or_else(|| MappingError::NoMeaning {
            known: known.iter().map(Self::as_str).collect::<Vec<_>>().join(", "),
            got: text.chars().take(40).collect(),
        })
    }

    /// Its name in templates, exports and `--map`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Profile(field) => field.as_str(),
            Self::Tags => "tags",
            Self::SerialNumber => "serial_number",
            Self::Stamps => "stamps",
            Self::Points => "points",
            Self::Spend => "spend",
            Self::Consent(purpose, said) => consent_name(*purpose, *said),
            Self::Landing(word) => word.as_str(),
            Self::Custom(code) => code.as_str(),
            Self::Example => "example",
            Self::Ignored => "ignore",
        }
    }
}

impl Mapping {
    /// Guesses what the columns under `header` mean; `told` says it for some, as pairs of a header and a meaning.
    pub fn new(
        header: &[String],
        told: &[(String, String)],
        fields: &[CustomField],
    ) -> Result<Self, MappingError> {
        if header.iter().all(|name| name.trim().is_empty()) {
            return Err(MappingError::Empty);
        }
        if header.len() > MOST_COLUMNS {
            return Err(MappingError::TooMany(header.len()));
        }
        for (name, _) in told {
            if !header.iter().any(|there| there.trim() == name.trim()) {
                return Err(MappingError::NoColumn(name.chars().take(60).collect()));
            }
        }
        let mut columns: Vec<(String, Column)> = Vec::with_capacity(header.len());
        for name in header {
            let said = told.iter().find(|(there, _)| there.trim() == name.trim());
            let column = match said {
                Some((_, meaning)) => Column::parse(meaning, fields)?,
                None => guess(name, fields),
            };
            // Guessing twice is no mistake of the file's: only the first such column is meant.
            let again = columns
                .iter()
                .find(|(_, other)| *other == column && column != Column::Ignored);
            let column = match again {
                Some((other, _)) if said.is_some() => {
                    let meaning = column.as_str().to_owned();
                    return Err(MappingError::Twice(
                        other.clone(),
                        name.trim().to_owned(),
                        meaning,
                    ));
                }
                Some(_) => Column::Ignored,
                None => column,
            };
            columns.push((name.trim().to_owned(), column));
        }
        if says_nothing(&columns) {
            return Err(MappingError::Nothing);
        }
        Ok(Self { columns })
    }

    /// Columns whose meanings somebody has chosen, one for each and from left to right.
    pub fn chosen(
        header: &[String],
        meanings: &[String],
        fields: &[CustomField],
    ) -> Result<Self, MappingError> {
        if header.iter().all(|name| name.trim().is_empty()) {
            return Err(MappingError::Empty);
        }
        if header.len() > MOST_COLUMNS {
            return Err(MappingError::TooMany(header.len()));
        }
        let mut columns: Vec<(String, Column)> = Vec::with_capacity(header.len());
        for (at, name) in header.iter().enumerate() {
            let meaning = meanings.get(at).map_or(Column::Ignored.as_str(), String::as_str);
            let column = Column::parse(meaning, fields)?;
            let again = columns
                .iter()
                .find(|(_, other)| *other == column && column != Column::Ignored);
            if let Some((other, _)) = again {
                let meaning = column.as_str().to_owned();
                return Err(MappingError::Twice(
                    other.clone(),
                    name.trim().to_owned(),
                    meaning,
                ));
            }
            columns.push((name.trim().to_owned(), column));
        }
        if says_nothing(&columns) {
            return Err(MappingError::Nothing);
        }
        Ok(Self { columns })
    }

    /// What columns seem to mean, from left to right; no meaning twice.
    pub fn guesses(header: &[String], fields: &[CustomField]) -> Vec<Column> {
        let mut guessed: Vec<Column> = Vec::with_capacity(header.len());
        for name in header {
            let column = guess(name, fields);
            let again = guessed.contains(&column);
            guessed.push(if again { Column::Ignored } else { column });
        }
        guessed
    }

    /// Headers with what they mean.
    pub fn columns(&self) -> &[(String, Column)] {
        &self.columns
    }

    /// Whether some column says what people agreed to.
    pub fn has_consent(&self) -> bool {
        self.columns
            .iter()
            .any(|(_, column)| matches!(column, Column::Consent(_, Said::Given)))
    }

    /// Whether some column says by which link cards came.
    pub fn has_landing(&self) -> bool {
        self.columns
            .iter()
            .any(|(_, column)| matches!(column, Column::Landing(_)))
    }

    /// What stands over the column that means `column`; its own name where there is none.
    pub(super) fn header_of<'m>(&'m self, column: &'m Column) -> &'m str {
        let own = self.columns.iter().find(|(_, there)| there == column);
        own.map_or(column.as_str(), |(header, _)| header)
    }
}

/// Marketing was there first, so that its evidence goes without its name.
pub(super) fn consent_name(purpose: Purpose, said: Said) -> &'static str {
    match (purpose, said) {
        (Purpose::Marketing, Said::Given) => "marketing_consent",
        (Purpose::Marketing, Said::At) => "consent_at",
        (Purpose::Marketing, Said::Source) => "consent_source",
        (Purpose::Marketing, Said::Text) => "consent_text",
        (Purpose::Marketing, Said::Language) => "consent_language",
        (Purpose::Profiling, Said::Given) => "profiling_consent",
        (Purpose::Profiling, Said::At) => "profiling_consent_at",
        (Purpose::Profiling, Said::Source) => "profiling_consent_source",
        (Purpose::Profiling, Said::Text) => "profiling_consent_text",
        (Purpose::Profiling, Said::Language) => "profiling_consent_language",
        (Purpose::Personalised, Said::Given) => "personalised_consent",
        (Purpose::Personalised, Said::At) => "personalised_consent_at",
        (Purpose::Personalised, Said::Source) => "personalised_consent_source",
        (Purpose::Personalised, Said::Text) => "personalised_consent_text",
        (Purpose::Personalised, Said::Language) => "personalised_consent_language",
    }
}

fn says_nothing(columns: &[(String, Column)]) -> bool {
    columns
        .iter()
        .all(|(_, column)| matches!(column, Column::Ignored | Column::Example))
}

fn guess(header: &str, fields: &[CustomField]) -> Column {
    let plain = |text: &str| -> String {
        customer::fold(text)
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .collect()
    };
    let name = header.trim();
    let exact = fields.iter().find(|field| field.code.as_str() == name);
    if let Some(field) = exact {
        return Column::Custom(field.code.clone());
    }
    let known = plain(name);
    if let Some((_, column)) = GUESSES.iter().find(|(word, _)| *word == known) {
        return column.clone();
    }
    let named = Column::of_consents().chain(Word::ALL.map(Column::Landing));
    if let Some(column) = named.into_iter().find(|column| plain(column.as_str()) == known) {
        return column;
    }
    let labelled = fields
        .iter()
        .find(|field| !known.is_empty() && plain(&field.label) == known);
    labelled.map_or(Column::Ignored, |field| Column::Custom(field.code.clone()))
}
