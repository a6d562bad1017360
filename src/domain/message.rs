//! Messages: a text that a merchant sends to one card, a selection, a segment or all holders of a program.
//!
//! A message is written, scheduled, and started once; its audience is what it is at the start. What becomes of each
//! recipient is not decided here but by `budget`, at the moment when the gateway would send.

pub mod audience;
pub mod fetches;
pub mod forecast;
pub mod hold;
pub mod length;
pub mod readers;
pub mod state;
pub mod translation;
pub mod when;

use crate::domain::budget::TextDigest;
use crate::domain::id::{CardId, MemberId, MerchantId, MessageId};
use crate::domain::link::{Target, TargetError};
use crate::domain::preference::Class;
use crate::domain::profile::Language;
use crate::domain::time::Timestamp;
use crate::domain::wording::{self, WordingError};
pub use audience::{Audience, AudienceRefusal, RuleText};
pub use fetches::Fetches;
pub use forecast::{Forecast, Outcome};
pub use state::{State, Step, WrongState};
pub use translation::{Translation, Translations};
pub use when::{When, WhenRefusal};

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Shown above the text where a platform has a place for it; the merchant's name where there is none.
    pub title: Option<String>,
    pub text: String,
    /// Where its link leads.
    pub link: Option<Target>,
    pub class: Class,
    /// Title and text in other languages.
    pub translations: Translations,
}

/// What a channel is told of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Above the text, where the channel has a place for it.
    pub title: Option<String>,
    pub text: String,
    /// It has a counted link, which is named like the message.
    pub linked: bool,
    /// The same in other languages, for a channel where the phone chooses.
    pub translations: Translations,
}

/// Why a message is not as somebody wished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Wording(#[from] WordingError),
    #[error("text: expected words only; got an address, which belongs into the link, where it is counted")]
    AddressInText,
    #[error(
        "class: expected balance, marketing, tier or reward; got location, which only phones show by themselves"
    )]
    Class,
    #[error("in {}: {why}", language.as_str())]
    In { language: Language, why: Box<Refusal> },
    #[error(
        "languages: expected at most {} besides the first text; got {got}",
        translation::MOST
    )]
    Languages { got: usize },
    #[error("languages: expected each once; got {} twice", .0.as_str())]
    LanguageTwice(Language),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Audience(#[from] AudienceRefusal),
    #[error(transparent)]
    When(#[from] WhenRefusal),
    #[error(transparent)]
    State(#[from] WrongState),
    #[error(
        "this message has changed meanwhile (you saw version {seen}, it has {now}); look again and decide anew"
    )]
    Stale { seen: i64, now: i64 },
    #[error("this message has no forecast since it was last changed; make one and confirm its number")]
    NoForecast,
    #[error("recipients: expected the forecast's number, {forecast}; got {got}")]
    Unconfirmed { forecast: i64, got: i64 },
    #[error("nobody: the forecast finds no recipient")]
    Nobody,
}

impl Content {
    /// What somebody typed, checked and without spaces around it.
    pub fn checked(
        title: Option<&str>,
        text: &str,
        link: Option<&str>,
        class: Class,
    ) -> Result<Self, Refusal> {
        if class == Class::Location {
            return Err(Refusal::Class);
        }
        let (title, text) = said(title, text)?;
        let link = link.map(str::trim).filter(|link| !link.is_empty());
        Ok(Self {
            title,
            text,
            link: link.map(Target::parse).transpose()?,
            class,
            translations: Translations::default(),
        })
    }

    /// Tells this message from others as their readers would, in whichever language they read.
    pub fn digest(&self) -> TextDigest {
        if self.translations.is_empty() {
            return TextDigest::of(&self.text);
        }
        let mut all = self.text.clone();
        for translation in self.translations.iter() {
            let title = translation.title.as_deref().unwrap_or_default();
            // What is between two words counts; which white space it is does not.
            let parts = [
                "\n[",
                translation.language.as_str(),
                "] ",
                title,
                " | ",
                &translation.text,
            ];
            all.extend(parts);
        }
        TextDigest::of(&all)
    }
}

/// A title and a text, checked and without spaces around them.
fn said(title: Option<&str>, text: &str) -> Result<(Option<String>, String), Refusal> {
    let title = title.map(str::trim).filter(|title| !title.is_empty());
    let title = title.map(|title| wording::line("title", title, 1, length::MOST_TITLE));
    let text = wording::lines("text", text, 1, length::MOST_TEXT)?;
    let lower = text.to_ascii_lowercase();
    if lower.contains("http://") || lower.contains("https://") {
        return Err(Refusal::AddressInText);
    }
    Ok((title.transpose()?, text))
}

/// A message with everything that is known of it but its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub merchant: MerchantId,
    pub content: Content,
    pub audience: Audience,
    pub when: When,
    pub state: State,
    /// Grows by one with each edit.
    pub version: i64,
    /// Who wrote it; none for the operator of the gateway.
    pub author: Option<MemberId>,
    /// A test that its author sends to themselves.
    pub is_test: bool,
    /// The rule of a segment as it was at the start.
    pub rule: Option<RuleText>,
    /// How many recipients somebody confirmed.
    pub confirmed: Option<i64>,
    /// When it starts, once that is fixed.
    pub starts_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// Up to which card its audience is written down, and how many that are.
    pub expanded_to: CardId,
    pub recipients: i64,
    /// How far those who wait were woken after it was taken up, or told that it was aborted.
    pub walked_to: CardId,
    /// How many copies providers had refused when it was taken up last.
    pub faults: i64,
    /// Why the gateway itself has paused it, as [`hold::Hold`] writes it, or why it could not start.
    pub paused_because: Option<String>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

/// `expanded_to` of a message whose audience is written down, and `walked_to` of one that has nobody to wake.
pub const ALL_EXPANDED: CardId = CardId(i64::MAX);

/// Faults of a provider after which a message is paused, if it accepts fewer: copies that it refused, and copies that it
/// did not take and that are tried again.
pub const MOST_FAULTS: i64 = 20;

impl Message {
    /// The message, if it still is what the caller looked at.
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

    /// Takes a step, or says why it cannot be taken.
    pub fn step(&mut self, step: Step, now: Timestamp) -> Result<(), WrongState> {
        self.state = self.state.after(step)?;
        self.changed_at = now;
        match step {
            Step::Start => self.started_at = Some(now),
            Step::Pause | Step::Edit | Step::Schedule => {}
            Step::Resume => {
                self.paused_because = None;
                self.walked_to = CardId(0);
            }
            Step::Abort => {
                self.finished_at = Some(now);
                self.walked_to = CardId(0);
            }
            Step::Cancel | Step::Finish => self.finished_at = Some(now),
        }
        Ok(())
    }

    /// Whether every recipient is written down.
    pub fn is_expanded(&self) -> bool {
        self.expanded_to == ALL_EXPANDED
    }

    /// Whether marketing to its audience needs consent to being chosen by what one does.
    pub fn is_personalised(&self) -> bool {
        let rule = match &self.audience {
            Audience::Rule(rule) => Some(rule),
            _ => self.rule.as_ref(),
        };
        self.content.class == Class::Marketing && rule.is_some_and(|rule| audience::is_personalised(&rule.0))
    }
}

/// Whether a message is held because of a provider's faults: at least [`MOST_FAULTS`] copies since it was last taken up,
/// when `before` were known already, and more than one in two of the answers. Both counts may stop at a thousand.
pub fn is_refused(faults: i64, before: i64, accepted: i64) -> bool {
    let fresh = faults - before;
    fresh >= MOST_FAULTS && fresh > accepted
}

/// Whether a message may be scheduled for the number of recipients that somebody typed in.
pub fn confirm(forecast: Option<i64>, got: i64) -> Result<(), Refusal> {
    match forecast {
        None => Err(Refusal::NoForecast),
        Some(0) => Err(Refusal::Nobody),
        Some(forecast) if forecast != got => Err(Refusal::Unconfirmed { forecast, got }),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_said_is_checked() {
        let content = Content::checked(
            Some(" "),
            " Free coffee\ntoday ",
            Some("https://example.com"),
            Class::Marketing,
        )
        .expect("good");
        assert_eq!(
            (content.title, content.text.as_str()),
            (None, "Free coffee\ntoday")
        );
        let with_text = |text: &str| Content::checked(None, text, None, Class::Reward);
        assert!(matches!(with_text("  "), Err(Refusal::Wording(_))));
        assert!(with_text(&"x".repeat(length::MOST_TEXT)).is_ok());
        assert!(with_text(&"x".repeat(length::MOST_TEXT + 1)).is_err());
        assert_eq!(with_text("see HTTPS://example.com"), Err(Refusal::AddressInText));
        assert_eq!(
            Content::checked(None, "a", None, Class::Location),
            Err(Refusal::Class)
        );
        let title = "x".repeat(length::MOST_TITLE + 1);
        assert!(Content::checked(Some(&title), "a", None, Class::Tier).is_err());
        assert!(matches!(
            Content::checked(None, "a", Some("http://example.com"), Class::Tier),
            Err(Refusal::Target(_))
        ));
    }

    #[test]
    fn only_the_forecasts_own_number_confirms() {
        assert_eq!(confirm(None, 3), Err(Refusal::NoForecast));
        assert_eq!(confirm(Some(0), 0), Err(Refusal::Nobody));
        assert_eq!(
            confirm(Some(4), 3),
            Err(Refusal::Unconfirmed { forecast: 4, got: 3 })
        );
        assert_eq!(confirm(Some(3), 3), Ok(()));
    }

    #[test]
    fn a_few_refusals_among_many_hold_nothing() {
        assert!(!is_refused(MOST_FAULTS - 1, 0, 0));
        assert!(is_refused(MOST_FAULTS, 0, 0));
        assert!(!is_refused(MOST_FAULTS, 0, MOST_FAULTS));
        assert!(!is_refused(100, 0, 1000), "one in ten of many");
        assert!(
            !is_refused(MOST_FAULTS + 5, 6, 0),
            "those from before it was taken up are known"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_is_bounded(text in ".{0,600}", title in ".{0,60}") {
            if let Ok(content) = Content::checked(Some(&title), &text, None, Class::Balance) {
                prop_assert!((1..=length::MOST_TEXT).contains(&content.text.chars().count()));
                prop_assert!(content.title.is_none_or(|title| title.chars().count() <= length::MOST_TITLE));
            }
        }
    }
}
