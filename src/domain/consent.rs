//! What a person agreed to, with the evidence, and whether a push may therefore be sent.
//!
//! Marketing, profiling and marketing by profile are agreed to one by one. Nothing said means no. What was once taken
//! back comes back only through the person: an import never raises it. What an import may bring along for somebody who
//! was never asked is in `domain::import`.

use serde::{Deserialize, Serialize};

use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent, Source, Subject};
use crate::domain::id::CustomerId;
use crate::domain::preference::{Class, Preference, Preferences};
use crate::domain::time::Timestamp;
use crate::domain::wording::{self, WordingError};

/// What is agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Being told about offers.
    Marketing,
    /// Being sorted by what one buys.
    Profiling,
    /// Being told about offers that were chosen by what one buys.
    Personalised,
}

/// Where the words were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    WebCard,
    Till,
    Paper,
    Console,
    Api,
    Import,
}

/// The set of what is agreed to, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Consents(pub i64);

/// Which words were shown, where and in which language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Names the version of the text.
    pub text: String,
    pub channel: Channel,
    /// A language tag like `de` or `pt-BR`.
    pub language: String,
}

/// Why consent is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentRefusal {
    #[error("consent is given by a person: {got} can only take it back")]
    NotFromAPerson { got: &'static str },
    #[error("a language is a tag like de or pt-BR; got {0:?}")]
    Language(String),
    #[error(transparent)]
    Wording(#[from] WordingError),
}

/// Why a push is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Withheld {
    #[error("the holder has paused notifications of this kind")]
    Paused,
    #[error("the holder has not agreed to this")]
    NoConsent,
}

impl Purpose {
    pub const ALL: [Self; 3] = [Self::Marketing, Self::Profiling, Self::Personalised];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Profiling => "profiling",
            Self::Personalised => "personalised",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    fn bit(self) -> i64 {
        match self {
            Self::Marketing => 1,
            Self::Profiling => 2,
            Self::Personalised => 4,
        }
    }
}

impl Channel {
    pub const ALL: [Self; 6] = [
        Self::WebCard,
        Self::Till,
        Self::Paper,
        Self::Console,
        Self::Api,
        Self::Import,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebCard => "web_card",
            Self::Till => "till",
            Self::Paper => "paper",
            Self::Console => "console",
            Self::Api => "api",
            Self::Import => "import",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

impl Consents {
    pub const NONE: Self = Self(0);

    pub fn has(self, purpose: Purpose) -> bool {
        self.0 & purpose.bit() != 0
    }

    #[must_use]
    pub fn with(self, purpose: Purpose, given: bool) -> Self {
        if given {
            Self(self.0 | purpose.bit())
        } else {
            Self(self.0 & !purpose.bit())
        }
    }
}

impl Evidence {
    pub fn new(text: &str, channel: Channel, language: &str) -> Result<Self, ConsentRefusal> {
        if !is_language_tag(language) {
            return Err(ConsentRefusal::Language(language.chars().take(40).collect()));
        }
        Ok(Self {
            text: wording::line("the version of the text", text, 1, 40)?,
            channel,
            language: language.to_owned(),
        })
    }
}

/// The name of a text that was shown in these very words, in a version of what the merchant says: other words have
/// another name, and so has another version. The standard words, version 0, are named by themselves.
pub fn text_name(version: i64, words: &str) -> String {
    let digest = match version {
        0 => openssl::sha::sha256(words.as_bytes()),
        _ => openssl::sha::sha256(format!("{version}\n{words}").as_bytes()),
    };
    format!("join-{}", hex::encode(digest.get(..8).unwrap_or(&digest)))
}

/// Whether a text has the form of a language tag like `de` or `pt-BR` (BCP 47).
pub fn is_language_tag(text: &str) -> bool {
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (2..=35).contains(&text.len()) && text.split('-').all(is_part)
}

/// A consent that changed, and the row of the person's timeline that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub consents: Consents,
    pub event: NewEvent,
}

/// Records that a person agrees or no longer agrees; nothing when it is so already.
pub fn change(
    before: Consents,
    (purpose, given): (Purpose, bool),
    evidence: &Evidence,
    customer: CustomerId,
    (actor, source): (Actor, Source),
    now: Timestamp,
) -> Result<Option<Changed>, ConsentRefusal> {
    if before.has(purpose) == given {
        return Ok(None);
    }
    if given && (matches!(source, Source::Import | Source::Rule) || actor == Actor::Gateway) {
        return Err(ConsentRefusal::NotFromAPerson { got: source.as_str() });
    }
    let event = told((purpose, given), evidence, customer, (actor, source), now);
    Ok(Some(Changed {
        consents: before.with(purpose, given),
        event,
    }))
}

/// The row of a person's timeline that says what they agreed to or no longer agree to.
pub fn told(
    (purpose, given): (Purpose, bool),
    evidence: &Evidence,
    customer: CustomerId,
    (actor, source): (Actor, Source),
    now: Timestamp,
) -> NewEvent {
    let detail = Detail::Consent {
        purpose,
        given,
        text: evidence.text.clone(),
        channel: evidence.channel,
        language: evidence.language.clone(),
    };
    let event = NewEvent::new(Subject::Customer(customer), EventKind::ConsentChanged, actor, now);
    NewEvent {
        source,
        ..event.with_detail(detail)
    }
}

/// Whether a push of `class` may be sent to somebody with these preferences and consents.
pub fn allows(class: Class, preferences: Preferences, consents: Consents) -> Result<(), Withheld> {
    if preferences.of(class) == Preference::Paused {
        return Err(Withheld::Paused);
    }
    match class {
        Class::Marketing if !consents.has(Purpose::Marketing) => Err(Withheld::NoConsent),
        _ => Ok(()),
    }
}

/// The same for marketing whose audience was chosen by what people buy.
pub fn allows_personalised(preferences: Preferences, consents: Consents) -> Result<(), Withheld> {
    allows(Class::Marketing, preferences, consents)?;
    let agreed = consents.has(Purpose::Profiling) && consents.has(Purpose::Personalised);
    agreed.then_some(()).ok_or(Withheld::NoConsent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::MemberId;

    fn evidence() -> Evidence {
        Evidence::new("2026-03", Channel::WebCard, "pt-BR").expect("valid")
    }

    #[test]
    fn marketing_needs_both_the_bell_and_the_consent() {
        let (on, off) = (
            Preferences::ALL_ACTIVE,
            Preferences::ALL_ACTIVE.with(Class::Marketing, Preference::Paused),
        );
        let agreed = Consents::NONE.with(Purpose::Marketing, true);
        assert_eq!(
            allows(Class::Marketing, on, Consents::NONE),
            Err(Withheld::NoConsent)
        );
        assert_eq!(allows(Class::Marketing, on, agreed), Ok(()));
        assert_eq!(allows(Class::Marketing, off, agreed), Err(Withheld::Paused));
        assert_eq!(allows(Class::Balance, off, Consents::NONE), Ok(()));
        assert_eq!(allows_personalised(on, agreed), Err(Withheld::NoConsent));
        let all = agreed
            .with(Purpose::Profiling, true)
            .with(Purpose::Personalised, true);
        assert_eq!(allows_personalised(on, all), Ok(()));
    }

    #[test]
    fn an_import_takes_back_and_never_gives() {
        let by = (Actor::Member(MemberId(1)), Source::Import);
        let raise = change(
            Consents::NONE,
            (Purpose::Marketing, true),
            &evidence(),
            CustomerId(1),
            by,
            Timestamp(1),
        );
        assert!(matches!(raise, Err(ConsentRefusal::NotFromAPerson { .. })));
        let agreed = Consents::NONE.with(Purpose::Marketing, true);
        let lower = change(
            agreed,
            (Purpose::Marketing, false),
            &evidence(),
            CustomerId(1),
            by,
            Timestamp(1),
        );
        assert_eq!(
            lower.expect("allowed").map(|changed| changed.consents),
            Some(Consents::NONE)
        );
    }

    #[test]
    fn evidence_names_its_text_and_language() {
        assert!(Evidence::new("", Channel::Paper, "de").is_err());
        for language in ["", "d", "de_DE", "de-", "x".repeat(36).as_str()] {
            assert!(
                Evidence::new("v1", Channel::Paper, language).is_err(),
                "{language}"
            );
        }
    }
}
