//! What a merchant says where people agree: reading it, changing it, and who agreed to what.

use std::collections::HashMap;

use crate::domain::consent_words::{ConsentWords, InLanguage, WordsVersion};
use crate::domain::id::{CustomerId, MemberId, MerchantId};
use crate::ops::Ops;
use crate::store::consent_words::{self, Agreed, ListedVersion, ShownText};
use crate::store::consents::{self, Recorded};
use crate::store::{Error, Tx};

/// Versions of a page of the history.
pub const VERSIONS: i64 = 20;
/// Consents of one person that are shown with their words.
const SHOWN: i64 = 20;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// Somebody else changed it since the caller looked.
    #[error("these words were changed meanwhile; look again and decide anew")]
    Changed,
    #[error(transparent)]
    Store(#[from] Error),
}

/// A change of what is said.
#[derive(Debug, Clone)]
pub enum WordsChange {
    /// What is said in the language with this tag.
    Language(String, InLanguage),
    /// The standard sentences again in this language; where the privacy notice is stays.
    Standard(String),
    /// Who the merchant is: name in law and address.
    About(Option<String>, Option<String>),
}

impl WordsChange {
    /// What is said once this is done to it.
    pub fn applied(&self, before: &ConsentWords) -> ConsentWords {
        let mut words = before.clone();
        match self {
            Self::Language(language, said) => words.set_language(language, said.clone()),
            Self::Standard(language) => {
                let privacy = words.privacy(language).map(str::to_owned);
                let said = InLanguage {
                    privacy,
                    ..InLanguage::default()
                };
                words.set_language(language, said);
            }
            Self::About(name, address) => {
                words.legal_name.clone_from(name);
                words.address.clone_from(address);
            }
        }
        words
    }
}

/// A page of the history, newest first.
#[derive(Debug, Clone)]
pub struct WordsHistory {
    pub versions: Vec<ListedVersion>,
    /// How many people agreed to each purpose by the words of these versions, and by those of version 0 at the end.
    pub agreed: Vec<Agreed>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// What a person agreed to or took back, with the words that they read where those are kept.
#[derive(Debug, Clone)]
pub struct ConsentEvidence {
    pub recorded: Recorded,
    pub shown: Option<ShownText>,
    /// What was said around it: who asked, and where their privacy notice was. None for the standard words, too.
    pub words: Option<ConsentWords>,
}

impl Ops {
    /// What is said now.
    pub async fn consent_words(&self, merchant: MerchantId) -> Result<WordsVersion, Error> {
        self.store
            .read("consent_words", move |tx| {
                Box::pin(consent_words::newest(tx, merchant))
            })
            .await
    }

    /// What was said in a version; none for one that there never was.
    pub async fn consent_words_of(
        &self,
        merchant: MerchantId,
        version: i64,
    ) -> Result<Option<WordsVersion>, Error> {
        self.store
            .read("consent_words_of", move |tx| {
                Box::pin(consent_words::version(tx, merchant, version))
            })
            .await
    }

    /// Changes what the caller saw in version `seen`. What changes nothing makes no version.
    pub async fn change_consent_words(
        &self,
        merchant: MerchantId,
        seen: i64,
        change: WordsChange,
        by: Option<MemberId>,
    ) -> Result<WordsVersion, WordsError> {
        let now = self.clock.now();
        self.store
            .write("change_consent_words", move |tx| {
                let change = change.clone();
                Box::pin(async move {
                    let before = consent_words::newest(tx, merchant).await?;
                    if before.version != seen {
                        return Err(WordsError::Changed);
                    }
                    let words = change.applied(&before.words);
                    if words == before.words {
                        return Ok(before);
                    }
                    let next = WordsVersion {
                        version: before.version + 1,
                        words,
                    };
                    if !consent_words::insert(tx, merchant, &next, by, now).await? {
                        return Err(WordsError::Changed);
                    }
                    Ok(next)
                })
            })
            .await
    }

    /// Versions before `before`, or the newest, with how many agreed to each.
    pub async fn consent_words_history(
        &self,
        merchant: MerchantId,
        before: Option<i64>,
    ) -> Result<WordsHistory, Error> {
        let before = before.unwrap_or(i64::MAX);
        self.store
            .read("consent_words_history", move |tx| {
                Box::pin(async move {
                    let mut versions = consent_words::versions(tx, merchant, before, VERSIONS + 1).await?;
                    let most = usize::try_from(VERSIONS).unwrap_or(usize::MAX);
                    let has_more = versions.len() > most;
                    versions.truncate(most);
                    let mut asked: Vec<i64> = versions.iter().map(|listed| listed.made.of.version).collect();
                    if !has_more {
                        asked.push(0);
                    }
                    Ok(WordsHistory {
                        agreed: consent_words::agreed(tx, merchant, &asked).await?,
                        versions,
                        has_more,
                    })
                })
            })
            .await
    }

    /// What a person agreed to or took back, newest first, and the last of each purpose.
    pub async fn consent_evidence(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
    ) -> Result<Vec<ConsentEvidence>, Error> {
        self.store
            .read("consent_evidence", move |tx| {
                Box::pin(evidence(tx, merchant, customer))
            })
            .await
    }
}

async fn evidence(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Vec<ConsentEvidence>, Error> {
    let mut known: HashMap<i64, Option<ConsentWords>> = HashMap::from([(0, None)]);
    let mut evidence = Vec::new();
    let mut all = consents::history(tx, merchant, customer, SHOWN).await?;
    // What was said last about each purpose is always among it, however often the others were changed since.
    for answer in consents::answers(tx, merchant, &[customer]).await? {
        all.extend(answer.recorded.filter(|last| !all.contains(last)));
    }
    for recorded in all {
        let shown = consent_words::text(tx, merchant, &recorded.evidence.text).await?;
        let words = match &shown {
            None => None,
            Some(shown) => match known.get(&shown.version) {
                Some(words) => words.clone(),
                None => {
                    let version = consent_words::version(tx, merchant, shown.version).await?;
                    let words = version.map(|version| version.words);
                    known.insert(shown.version, words.clone());
                    words
                }
            },
        };
        evidence.push(ConsentEvidence {
            recorded,
            shown,
            words,
        });
    }
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consent::Purpose;

    #[test]
    fn the_standard_sentences_of_one_language_leave_the_rest_alone() {
        let said = |text: &str| {
            let sentence = |purpose| if purpose == Purpose::Marketing { text } else { "" };
            InLanguage::read(sentence, "https://cafe.example/privacy").expect("plain")
        };
        let mut words = ConsentWords::default();
        for change in [
            WordsChange::Language("de".into(), said("Ich möchte Post.")),
            WordsChange::Language("en".into(), said("I would like mail.")),
            WordsChange::About(Some("Café GmbH".into()), None),
            WordsChange::Standard("de".into()),
        ] {
            words = change.applied(&words);
        }
        assert_eq!(words.sentence("de", Purpose::Marketing), None);
        assert_eq!(words.privacy("de"), Some("https://cafe.example/privacy"));
        assert_eq!(
            words.sentence("en", Purpose::Marketing),
            Some("I would like mail.")
        );
        assert_eq!(words.legal_name.as_deref(), Some("Café GmbH"));
    }
}
