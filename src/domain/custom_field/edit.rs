//! Changing a field that people have answered already.
//!
//! Its code stays, because files and rules name it, and so does its kind, because answers are of that kind: a field of
//! another kind is another field. Answers stay as they are, whatever becomes of the field.

use crate::domain::custom_field::{CustomField, FieldKind};
use crate::domain::profile::FieldError;

/// What to change of a field; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldEdit {
    /// What people read.
    pub label: Option<String>,
    /// All choices, in their order.
    pub choices: Option<Vec<String>>,
    /// Whoever has not answered is asked with the next edit of their card or the next import, and not before.
    pub required: Option<bool>,
}

/// A field as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    pub field: CustomField,
    /// Choices that it has no longer. No card may answer one of them: its answer could not be imported again.
    pub gone: Vec<String>,
}

impl CustomField {
    /// The field with a change, if it still makes sense.
    pub fn edited(&self, edit: &FieldEdit) -> Result<Edited, FieldError> {
        let mut field = self.clone();
        if let Some(label) = &edit.label {
            label.trim().clone_into(&mut field.label);
        }
        if let Some(required) = edit.required {
            field.required = required;
        }
        let mut gone = Vec::new();
        if let Some(choices) = &edit.choices {
            let FieldKind::Choice(before) = &self.kind else {
                let expected = format!("none, because this is a {} field", self.kind.as_str());
                return Err(FieldError::new(
                    "choices",
                    "wrong_kind",
                    expected,
                    &choices.join(", "),
                ));
            };
            gone.extend(before.iter().filter(|choice| !choices.contains(choice)).cloned());
            field.kind = FieldKind::Choice(choices.clone());
        }
        Ok(Edited {
            field: field.checked()?,
            gone,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::custom_field::FieldCode;

    fn field(kind: FieldKind) -> CustomField {
        CustomField {
            code: FieldCode::parse("size").expect("a code"),
            label: "Size".into(),
            kind,
            required: false,
            position: 3,
        }
    }

    #[test]
    fn a_field_without_choices_gets_none_and_no_label_is_empty() {
        let choices = FieldEdit {
            choices: Some(vec!["S".into()]),
            ..FieldEdit::default()
        };
        let refused = field(FieldKind::Number).edited(&choices).expect_err("refused");
        assert_eq!(refused.code, "wrong_kind");
        let nameless = FieldEdit {
            label: Some(" ".into()),
            ..FieldEdit::default()
        };
        assert!(field(FieldKind::Text).edited(&nameless).is_err());
    }

    proptest! {
        #[test]
        fn what_a_field_took_it_takes_still_unless_the_choice_is_gone(
            before in proptest::collection::btree_set("[A-E]", 1..5),
            after in proptest::collection::btree_set("[A-E]", 0..5),
        ) {
            let field = field(FieldKind::Choice(before.iter().cloned().collect()));
            let edit = FieldEdit { choices: Some(after.iter().cloned().collect()), ..FieldEdit::default() };
            match field.edited(&edit) {
                Err(_) => prop_assert!(after.is_empty()),
                Ok(edited) => {
                    prop_assert_eq!((&edited.field.code, edited.field.position), (&field.code, 3));
                    for choice in &before {
                        let is_gone = edited.gone.contains(choice);
                        prop_assert_eq!(edited.field.read(choice).is_ok(), !is_gone);
                    }
                }
            }
        }
    }
}
