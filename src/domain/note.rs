//! What staff write beside a person: notes, and tags to group by.

use crate::domain::customer;
use crate::domain::id::MemberId;
use crate::domain::member::Role;
use crate::domain::profile::{FieldError, is_unprintable};

const LONGEST_NOTE: usize = 2000;
const LONGEST_TAG: usize = 40;

/// Most notes and most tags of one person.
pub const MOST_NOTES: i64 = 500;
pub const MOST_TAGS: usize = 50;

/// Text of a note; lines may be broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteText(String);

impl NoteText {
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim().replace("\r\n", "\n");
        let length = text.chars().count();
        if length == 0 || length > LONGEST_NOTE {
            let expected = format!("1 to {LONGEST_NOTE} characters");
            return Err(FieldError::new("note", "too_long", expected, &text));
        }
        if text
            .chars()
            .any(|letter| !matches!(letter, '\n' | '\t') && is_unprintable(letter))
        {
            let expected = "text without control characters";
            return Err(FieldError::new("note", "control_character", expected, &text));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A word to group people by; compared without case and accents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let refuse = |code, expected: String| Err(FieldError::new("tag", code, expected, text));
        if text.chars().any(|letter| is_unprintable(letter) || letter == ',') {
            return refuse(
                "control_character",
                "text without commas and control characters".into(),
            );
        }
        if customer::fold(text).is_empty() || text.chars().count() > LONGEST_TAG {
            return refuse("too_long", format!("1 to {LONGEST_TAG} characters"));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn key(&self) -> String {
        customer::fold(&self.0)
    }
}

/// Who wants to change a note. The command line speaks for the owner of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Member(MemberId, Role),
    CommandLine,
}

impl Writer {
    /// What a note keeps of its author.
    pub fn author(self) -> Option<MemberId> {
        match self {
            Self::Member(member, _) => Some(member),
            Self::CommandLine => None,
        }
    }

    /// Words are changed by whoever wrote them, and by nobody else.
    pub fn may_edit(self, author: Option<MemberId>) -> bool {
        self.author() == author
    }

    /// Notes are deleted by whoever wrote them, and by admins and owners.
    pub fn may_delete(self, author: Option<MemberId>) -> bool {
        match self {
            Self::CommandLine => true,
            Self::Member(_, role) => role >= Role::Admin || self.may_edit(author),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_edit_their_own_and_admins_delete_any() {
        let (ada, bob) = (MemberId(1), MemberId(2));
        let editor = Writer::Member(ada, Role::Editor);
        assert!(editor.may_edit(Some(ada)) && editor.may_delete(Some(ada)));
        assert!(!editor.may_edit(Some(bob)) && !editor.may_delete(Some(bob)));
        let admin = Writer::Member(ada, Role::Admin);
        assert!(!admin.may_edit(Some(bob)) && admin.may_delete(Some(bob)) && admin.may_delete(None));
        assert!(!Writer::CommandLine.may_edit(Some(ada)) && Writer::CommandLine.may_delete(Some(ada)));
        assert!(Writer::CommandLine.may_edit(None) && !editor.may_edit(None));
    }

    #[test]
    fn tags_are_one_when_they_differ_in_case_or_accents_only() {
        let key = |text| Tag::parse(text).map(|tag| tag.key());
        assert_eq!(key(" Stammgäste "), key("STAMMGASTE"));
        for wrong in ["", "a,b", "a\nb", "\u{301}"] {
            assert!(Tag::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(NoteText::parse("").is_err());
        assert!(NoteText::parse("a\u{0}").is_err());
        assert_eq!(NoteText::parse(" a\r\nb ").expect("a note").as_str(), "a\nb");
    }
}
