//! Saved segments: a rule or a list of cards under a name, for one member or for everybody who works at the merchant.

use super::Rule;
use crate::domain::customer;
use crate::domain::id::{BatchId, MemberId, MerchantId, MessageId, SegmentId};
use crate::domain::time::Timestamp;

/// Characters of a name.
const LONGEST_NAME: usize = 60;
/// Cards on a list that was put together by hand.
pub const LONGEST_LIST: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub id: SegmentId,
    pub merchant: MerchantId,
    pub name: String,
    pub content: Content,
    /// Who made it; nobody where an operator did, at the command line.
    pub owner: Option<MemberId>,
    /// Whether others than its owner see it.
    pub shared: bool,
    /// Grows by one with each edit.
    pub version: i64,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

/// What makes a card a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Whatever the rule holds for at the moment of asking.
    Rule(Rule),
    /// The cards that were put on it and no others.
    List,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    Member(MemberId),
    /// Whoever has the machine sees everything.
    Operator,
}

/// Something that a segment is needed for and that has not happened yet, such as a scheduled message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub what: String,
    pub by: UsedBy,
}

/// What needs a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedBy {
    Message(MessageId),
    Job(BatchId),
}

/// Why a segment is not as somebody wished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("name: expected 1 to {LONGEST_NAME} characters; got {0}")]
    Name(usize),
    #[error("name: expected one that no other segment has; got {0:?}")]
    NameTaken(String),
    #[error("there is no such segment")]
    NotFound,
    #[error("this segment is a list; it has no rule to change")]
    NoRule,
    #[error("this segment is a rule; cards join and leave it by themselves")]
    NoList,
    #[error("list: expected at most {LONGEST_LIST} cards; got {0}")]
    ListTooLong(usize),
    #[error(
        "this segment has changed meanwhile (you saw version {seen}, it has {now}); look again and decide anew"
    )]
    Stale { seen: i64, now: i64 },
    #[error("this segment is needed by {what}; change or cancel that first")]
    InUse { what: String },
}

/// A name as it is kept.
pub fn name(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let count = text.chars().count();
    if (1..=LONGEST_NAME).contains(&count) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::Name(count))
    }
}

/// A name as it is compared: two that look alike to people are the same.
pub fn name_key(name: &str) -> String {
    customer::fold(name)
}

impl Segment {
    /// What is private to somebody else does not exist for others.
    pub fn seen_by(self, viewer: Viewer) -> Result<Self, Refusal> {
        let is_visible = match viewer {
            Viewer::Operator => true,
            Viewer::Member(member) => self.shared || self.owner == Some(member),
        };
        if is_visible {
            Ok(self)
        } else {
            Err(Refusal::NotFound)
        }
    }

    /// The segment, if it still is what the caller looked at.
    pub fn at_version(self, seen: i64) -> Result<Self, Refusal> {
        if self.version == seen {
            Ok(self)
        } else {
            Err(Refusal::Stale {
                seen,
                now: self.version,
            })
        }
    }

    pub fn rule(&self) -> Option<&Rule> {
        match &self.content {
            Content::Rule(rule) => Some(rule),
            Content::List => None,
        }
    }
}

/// A segment that something is going to need cannot go.
pub fn may_delete(uses: &[Use]) -> Result<(), Refusal> {
    match uses.first() {
        None => Ok(()),
        Some(first) => Err(Refusal::InUse {
            what: first.what.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(owner: i64, shared: bool) -> Segment {
        Segment {
            id: SegmentId(1),
            merchant: MerchantId(1),
            name: "Regulars".into(),
            content: Content::Rule(Rule::everything()),
            owner: Some(MemberId(owner)),
            shared,
            version: 3,
            created_at: Timestamp(0),
            changed_at: Timestamp(0),
        }
    }

    #[test]
    fn private_segments_exist_for_their_owner_only() {
        let other = Viewer::Member(MemberId(2));
        assert!(segment(1, false).seen_by(Viewer::Member(MemberId(1))).is_ok());
        assert_eq!(segment(1, false).seen_by(other), Err(Refusal::NotFound));
        assert!(segment(1, true).seen_by(other).is_ok());
        assert!(segment(1, false).seen_by(Viewer::Operator).is_ok());
    }

    #[test]
    fn what_changed_meanwhile_or_is_needed_is_refused() {
        assert!(segment(1, true).at_version(3).is_ok());
        assert_eq!(
            segment(1, true).at_version(2),
            Err(Refusal::Stale { seen: 2, now: 3 })
        );
        let message = Use {
            what: "the message \"Hello\" of 3 May".into(),
            by: UsedBy::Message(MessageId(5)),
        };
        assert!(may_delete(&[]).is_ok());
        let refused = may_delete(&[message]).expect_err("needed");
        assert!(refused.to_string().contains("Hello"), "{refused}");
    }

    #[test]
    fn names_are_short_and_compared_as_people_do() {
        assert_eq!(name("  Stammgäste "), Ok("Stammgäste".into()));
        assert_eq!(name(" "), Err(Refusal::Name(0)));
        assert_eq!(name(&"x".repeat(61)), Err(Refusal::Name(61)));
        assert!(name("a\u{7}b").is_err());
        assert_eq!(name_key("STAMMGÄSTE"), name_key("stammgaste"));
    }
}
