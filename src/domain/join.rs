//! Joining a program by oneself: who is let in, what the page asks, and what a link to it carries.
//!
//! A page in hand makes sense: it asks for something by which a person is found again. What somebody sends counts only
//! as far as it was asked for; what a link carries is bounded, and nonsense in it is left out and keeps nobody away.

use serde::{Deserialize, Serialize};

use crate::domain::consent::Purpose;
use crate::domain::profile::{Field, FieldError};
use crate::domain::referral::LinkToken;
use crate::domain::utm::Utm;

/// Parameters of a link that are looked at.
const PARAMETERS: usize = 100;
/// Characters kept of a code in a link; a code has 12 and people add dashes and spaces.
const LONGEST_CODE: usize = 40;
const LONGEST_ADDRESS: usize = 300;

/// Who may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    Closed,
    /// Whoever has a code that gives a card.
    WithCode,
    Open,
}

/// Whether the page asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    No,
    Optional,
    Required,
}

/// What the page asks of whoever joins, beside the program's own fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JoinForm {
    pub first_name: Ask,
    pub last_name: Ask,
    pub email: Ask,
    pub phone: Ask,
    pub birthday: Ask,
    /// What people may agree to, each by itself.
    pub purposes: Vec<Purpose>,
    /// Whether the card is handed over by mail alone: nobody gets one for an address that is not theirs, and nobody
    /// learns whose address is known.
    pub by_mail: bool,
    /// Where the merchant says what becomes of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
}

/// A program's join page. Version 0 is the one that nobody has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinPage {
    pub admission: Admission,
    pub form: JoinForm,
    /// Grows by one with each change.
    pub version: i64,
}

/// What a link brings along.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrival {
    /// What stood where a code is expected, as it stood there.
    pub code: Option<String>,
    pub referral: Option<LinkToken>,
    pub utm: Utm,
}

impl Admission {
    pub const ALL: [Self; 3] = [Self::Open, Self::WithCode, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::WithCode => "with_code",
            Self::Open => "open",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|admission| admission.as_str() == text)
    }
}

impl Ask {
    pub const ALL: [Self; 3] = [Self::Required, Self::Optional, Self::No];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ask| ask.as_str() == text)
    }
}

impl Default for JoinForm {
    fn default() -> Self {
        Self {
            first_name: Ask::Required,
            last_name: Ask::Optional,
            email: Ask::Required,
            phone: Ask::Optional,
            birthday: Ask::No,
            purposes: vec![Purpose::Marketing],
            by_mail: false,
            privacy: None,
        }
    }
}

impl Default for JoinPage {
    /// Codes that were handed out work; nobody else comes in until somebody opens the page.
    fn default() -> Self {
        Self {
            admission: Admission::WithCode,
            form: JoinForm::default(),
            version: 0,
        }
    }
}

impl JoinForm {
    /// What a page may ask for, in the order in which it asks.
    pub const FIELDS: [Field; 5] = [
        Field::FirstName,
        Field::LastName,
        Field::Email,
        Field::Phone,
        Field::Birthday,
    ];

    pub fn ask(&self, field: Field) -> Ask {
        match field {
            Field::FirstName => self.first_name,
            Field::LastName => self.last_name,
            Field::Email => self.email,
            Field::Phone => self.phone,
            Field::Birthday => self.birthday,
            Field::ExternalId | Field::Language => Ask::No,
        }
    }

    pub fn set(&mut self, field: Field, ask: Ask) {
        match field {
            Field::FirstName => self.first_name = ask,
            Field::LastName => self.last_name = ask,
            Field::Email => self.email = ask,
            Field::Phone => self.phone = ask,
            Field::Birthday => self.birthday = ask,
            Field::ExternalId | Field::Language => {}
        }
    }

    /// The form, if somebody who fills it in can be found again, and reached where that is needed.
    pub fn checked(mut self) -> Result<Self, FieldError> {
        if self.email == Ask::No && self.phone == Ask::No {
            let expected = "an email address or a phone number to be asked for";
            return Err(FieldError::new("email", "no_contact", expected, "neither"));
        }
        if self.by_mail && self.email != Ask::Required {
            let expected = "required, because the card is handed over by mail";
            return Err(FieldError::new(
                "email",
                "needs_email",
                expected,
                self.email.as_str(),
            ));
        }
        self.purposes.sort_unstable();
        self.purposes.dedup();
        self.privacy = match self.privacy.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(address) => Some(web_address(address)?),
        };
        Ok(self)
    }

    /// What of a sent form counts: the fields that are asked for. Refused where one that is required is empty, and where
    /// there is nothing by which the person could be found again.
    pub fn read<'t>(&self, typed: impl Fn(Field) -> &'t str) -> Result<Vec<(Field, String)>, FieldError> {
        let asked = Self::FIELDS
            .into_iter()
            .filter(|field| self.ask(*field) != Ask::No);
        let read: Vec<_> = asked
            .map(|field| (field, typed(field).trim().to_owned()))
            .collect();
        let is_empty = |wanted: Field| {
            read.iter()
                .all(|(field, text)| *field != wanted || text.is_empty())
        };
        for (field, text) in &read {
            if text.is_empty() && self.ask(*field) == Ask::Required {
                return Err(FieldError::new(field.as_str(), "required", "a value", ""));
            }
        }
        if is_empty(Field::Email) && is_empty(Field::Phone) {
            let field = if self.email == Ask::No {
                Field::Phone
            } else {
                Field::Email
            };
            let expected = "an email address or a phone number";
            return Err(FieldError::new(field.as_str(), "no_reach", expected, ""));
        }
        Ok(read)
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// An address that a browser opens, as the field `privacy` has it.
pub(super) fn web_address(text: &str) -> Result<String, FieldError> {
    let fits = (text.starts_with("https://") || text.starts_with("http://"))
        && text.len() <= LONGEST_ADDRESS
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\".contains(&byte));
    if fits {
        return Ok(text.to_owned());
    }
    let expected = "an address that begins with https://, of at most 300 characters";
    Err(FieldError::new("privacy", "malformed", expected, text))
}

impl Arrival {
    /// Reads the query of a link, or the hidden fields that carry it on.
    pub fn from_query(query: &str) -> Self {
        let (mut code, mut referral) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(PARAMETERS) {
            match name.as_ref() {
                "code" if code.is_none() => {
                    let printable = value.trim().chars().filter(|letter| !letter.is_control());
                    let kept: String = printable.take(LONGEST_CODE).collect();
                    code = (!kept.is_empty()).then_some(kept);
                }
                "ref" if referral.is_none() => referral = LinkToken::parse(value.trim()),
                _ => {}
            }
        }
        Self {
            code,
            referral,
            utm: Utm::from_query(query),
        }
    }

    /// Each thing that it carries with its name.
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let code = self.code.as_deref().map(|code| ("code", code));
        let referral = self.referral.as_ref().map(|token| ("ref", token.expose()));
        let mut pairs: Vec<_> = code.into_iter().chain(referral).collect();
        pairs.extend(self.utm.pairs());
        pairs
    }

    /// What [`from_query`](Self::from_query) reads: nothing, or a query with its question mark.
    pub fn to_query(&self) -> String {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return String::new();
        }
        let mut query = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
        query.extend_pairs(pairs);
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed<'t>(given: &'t [(Field, &'t str)]) -> impl Fn(Field) -> &'t str {
        move |wanted| {
            given
                .iter()
                .find(|(field, _)| *field == wanted)
                .map_or("", |(_, text)| *text)
        }
    }

    #[test]
    fn only_what_was_asked_counts() {
        let form = JoinForm::default();
        let sent = [
            (Field::FirstName, " Ada "),
            (Field::Email, "ada@example.com"),
            (Field::Birthday, "1990-01-01"),
            (Field::ExternalId, "42"),
        ];
        let read = form.read(typed(&sent)).expect("read");
        let names: Vec<_> = read.iter().filter(|(_, text)| !text.is_empty()).collect();
        assert_eq!(
            names,
            [
                &(Field::FirstName, "Ada".to_owned()),
                &(Field::Email, "ada@example.com".to_owned())
            ]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let code = |form: &JoinForm, sent: &[(Field, &str)]| {
            let refused = form.read(typed(sent)).expect_err("refused");
            (refused.field.to_string(), refused.code)
        };
        let form = JoinForm::default();
        assert_eq!(
            code(&form, &[(Field::Email, "a@b.example")]),
            ("first_name".into(), "required")
        );
        let either = JoinForm {
            email: Ask::Optional,
            ..form
        };
        assert_eq!(
            code(&either, &[(Field::FirstName, "Ada")]),
            ("email".into(), "no_reach")
        );
        assert!(
            either
                .read(typed(&[(Field::FirstName, "Ada"), (Field::Phone, "030 1")]))
                .is_ok()
        );
    }

    #[test]
    fn a_page_by_which_nobody_is_found_is_refused() {
        let code = |form: JoinForm| form.checked().map_err(|error| error.code);
        let form = JoinForm::default;
        let nobody = JoinForm {
            email: Ask::No,
            phone: Ask::No,
            ..form()
        };
        assert_eq!(code(nobody), Err("no_contact"));
        let unreachable = JoinForm {
            by_mail: true,
            email: Ask::Optional,
            ..form()
        };
        assert_eq!(code(unreachable), Err("needs_email"));
        for bad in [
            "javascript:alert(1)",
            "//evil.example",
            "https://a b",
            "https://x\"y",
        ] {
            let privacy = Some(bad.to_owned());
            assert_eq!(code(JoinForm { privacy, ..form() }), Err("malformed"), "{bad}");
        }
        let blank = JoinForm {
            privacy: Some("  ".into()),
            purposes: vec![Purpose::Profiling, Purpose::Marketing, Purpose::Profiling],
            ..form()
        };
        let checked = blank.checked().expect("sound");
        assert_eq!((checked.privacy, checked.purposes.len()), (None, 2));
    }

    #[test]
    fn a_link_is_read_and_tampering_is_left_out() {
        let token = LinkToken::from_random([7; 16]);
        let query = format!(
            "code=ab%20cd&ref={}&utm_source=flyer&ref=x&code=zz",
            token.expose()
        );
        let arrival = Arrival::from_query(&query);
        assert_eq!(arrival.code.as_deref(), Some("ab cd"));
        assert_eq!(arrival.referral, Some(token));
        assert_eq!(arrival.utm.source.as_deref(), Some("flyer"));
        assert_eq!(Arrival::from_query("ref=short&code=%00%07"), Arrival::default());
        assert_eq!(Arrival::default().to_query(), "");
    }

    proptest! {
        #[test]
        fn no_query_makes_reading_panic_and_all_of_it_is_bounded(query in "((code|ref|utm_term)=)?.{0,400}") {
            let arrival = Arrival::from_query(&query);
            prop_assert!(arrival.code.as_ref().is_none_or(|code| code.chars().count() <= LONGEST_CODE));
            prop_assert!(arrival.pairs().iter().all(|(_, value)| value.chars().count() <= 100));
        }

        #[test]
        fn what_is_printed_is_read_again(code in "[ -~äß]{0,30}", source in "\\PC{0,40}", bytes: [u8; 16]) {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("code", &code).append_pair("utm_source", &source)
                .append_pair("ref", LinkToken::from_random(bytes).expose()).finish();
            let arrival = Arrival::from_query(&query);
            let again = Arrival::from_query(arrival.to_query().trim_start_matches('?'));
            prop_assert_eq!(again, arrival);
        }

        #[test]
        fn a_form_is_kept_as_it_is(asks in proptest::collection::vec(0..3_usize, 5), by_mail: bool) {
            let mut form = JoinForm { by_mail, ..JoinForm::default() };
            for (field, ask) in JoinForm::FIELDS.into_iter().zip(asks) {
                form.set(field, Ask::ALL[ask]);
            }
            prop_assert_eq!(JoinForm::parse(&form.print()).expect("ours"), form);
        }
    }
}
