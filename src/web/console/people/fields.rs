//! The fields of a person's form: of the profile, and of what a program asks.
//!
//! What was typed is kept as it was typed, whatever becomes of it.

use maud::{Markup, html};

use crate::domain::custom_field::{CustomField, FieldKind, LONGEST_TEXT};
use crate::domain::profile::{Field, FieldError, LONGEST_NAME};
use crate::ops::customers::CustomerError;
use crate::web::console::screen::Screen;

/// A form as it was sent: names and values in their order.
#[derive(Debug, Clone, Default)]
pub struct Typed(pub Vec<(String, String)>);

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub field: String,
    pub text: String,
}

impl Typed {
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| key == name && !value.is_empty())
    }

    /// What was typed into the fields of the profile.
    pub fn profile(&self) -> Vec<(Field, String)> {
        Field::ALL
            .map(|field| (field, self.get(field.as_str()).to_owned()))
            .to_vec()
    }

    /// Answers to a program's fields, whose names begin with `prefix`.
    pub fn answers(&self, prefix: &str) -> Vec<(String, String)> {
        let own = self
            .0
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
        own.map(|(code, value)| (code.to_owned(), value.clone()))
            .collect()
    }
}

impl Wrong {
    pub fn of(screen: &Screen, error: &FieldError) -> Self {
        Self {
            field: error.field.to_string(),
            text: screen.words.language.field_refusal(error),
        }
    }

    /// What stands in the way of a person, where it is about a field.
    pub fn of_customer(screen: &Screen, error: &CustomerError) -> Option<Self> {
        let people = &screen.words.people;
        match error {
            CustomerError::Field(error) => Some(Self::of(screen, error)),
            CustomerError::Taken { kind, .. } => Some(Self {
                field: kind.as_str().to_owned(),
                text: (people.taken)(people.contact(*kind)),
            }),
            _ => None,
        }
    }
}

/// The fields of the profile. `now` says what stands there instead of what the sender saw.
pub fn profile(screen: &Screen, typed: &Typed, wrong: Option<&Wrong>, now: &[(Field, String)]) -> Markup {
    html! {
        div.fields {
            @for field in Field::ALL {
                @let other = now.iter().find(|(changed, _)| *changed == field).map(|(_, text)| text.as_str());
                (one(screen, field, typed.get(field.as_str()), wrong, other))
            }
        }
    }
}

fn one(screen: &Screen, field: Field, value: &str, wrong: Option<&Wrong>, now: Option<&str>) -> Markup {
    let people = &screen.words.people;
    let name = field.as_str();
    let wrong = wrong.filter(|wrong| wrong.field == name);
    let (kind, autocomplete, hint) = match field {
        Field::Email => ("email", "off", None),
        Field::Phone => ("tel", "off", None),
        Field::Birthday => ("text", "off", Some(people.birthday_hint)),
        Field::Language => ("text", "off", Some(people.language_hint)),
        Field::FirstName | Field::LastName | Field::ExternalId => ("text", "off", None),
    };
    let described = match (wrong, now, hint) {
        (Some(_), ..) => Some(format!("{name}-problem")),
        (None, Some(_), _) => Some(format!("{name}-now")),
        (None, None, Some(_)) => Some(format!("{name}-hint")),
        (None, None, None) => None,
    };
    html! {
        div.field {
            label for=(name) { (people.field(field)) }
            input id=(name) name=(name) type=(kind) autocomplete=(autocomplete) value=(value) maxlength=(LONGEST_NAME * 3)
                autofocus[field == Field::FirstName]
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[described];
            @if let Some(wrong) = wrong { p.problem id=(format!("{name}-problem")) { (wrong.text) } }
            @else if let Some(now) = now {
                p.problem id=(format!("{name}-now")) { ((people.now_says)(if now.is_empty() { people.empty } else { now })) }
            } @else if let Some(hint) = hint { p.hint id=(format!("{name}-hint")) { (hint) } }
        }
    }
}

/// The fields that a program asks for.
pub fn custom(
    screen: &Screen,
    prefix: &str,
    fields: &[CustomField],
    typed: &Typed,
    wrong: Option<&Wrong>,
) -> Markup {
    html! {
        div.fields { @for field in fields { (custom_one(screen, prefix, field, typed, wrong)) } }
    }
}

fn custom_one(
    screen: &Screen,
    prefix: &str,
    field: &CustomField,
    typed: &Typed,
    wrong: Option<&Wrong>,
) -> Markup {
    let name = format!("{prefix}{}", field.code);
    let value = typed.get(&name);
    let wrong = wrong.filter(|wrong| wrong.field == field.code.as_str());
    let invalid = wrong.map(|_| "true");
    let described = wrong.map(|_| format!("{name}-problem"));
    html! {
        div.field {
            label for=(name) { (field.label) @if field.required { " *" } }
            @match &field.kind {
                FieldKind::Choice(choices) => select id=(name) name=(name) aria-invalid=[invalid] aria-describedby=[described] {
                    option value="" { (screen.words.people.choose) }
                    @for choice in choices { option value=(choice) selected[choice == value] { (choice) } }
                },
                FieldKind::Date => input id=(name) name=(name) type="date" value=(value) aria-invalid=[invalid] aria-describedby=[described];,
                FieldKind::Number => input id=(name) name=(name) type="text" inputmode="decimal" autocomplete="off" maxlength="30" value=(value)
                    aria-invalid=[invalid] aria-describedby=[described];,
                FieldKind::Text => input id=(name) name=(name) type="text" autocomplete="off" maxlength=(LONGEST_TEXT) value=(value)
                    aria-invalid=[invalid] aria-describedby=[described];,
            }
            @if let Some(wrong) = wrong { p.problem id=(format!("{name}-problem")) { (wrong.text) } }
        }
    }
}
