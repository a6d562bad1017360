//! The words that somebody agreed to, as they read them, also where they have changed since.

use maud::{Markup, html};

use super::Held;
use crate::domain::consent::Purpose;
use crate::domain::consent_words::{ConsentWords, WordsVersion};
use crate::ops::consent_words::ConsentEvidence;
use crate::web::console::components::{Tone, badge};
use crate::web::console::screen::Screen;
use crate::web::console::words::Language;
use crate::web::public::join::agree::Agreeing;

/// Everything that the holder agrees to now, each with the words of the time.
pub fn agreed(screen: &Screen, held: &Held, evidence: &[ConsentEvidence], now: &WordsVersion) -> Markup {
    let (said, words) = (&screen.words.consents, &screen.words.profile);
    let agreed: Vec<Purpose> = Purpose::ALL
        .into_iter()
        .filter(|purpose| held.profile.consents.has(*purpose))
        .collect();
    html! {
        section.panel aria-labelledby="agreed-title" {
            div.panel-head { h2 #agreed-title { (said.evidence) } }
            @if agreed.is_empty() { p.muted.quiet { (said.evidence_none) } }
            ul.list {
                @for purpose in agreed {
                    @let newest = evidence.iter().find(|one| one.recorded.purpose == purpose && one.recorded.given);
                    li {
                        strong { (words.purpose(purpose)) }
                        @match newest {
                            None => p.comment.muted { (said.no_evidence) },
                            Some(newest) => {
                                (words_of(screen, newest))
                                @if is_changed(screen, newest, &now.words) { p.hint.comment { (said.words_changed) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The words of one consent, and where and when they were shown.
pub fn words_of(screen: &Screen, evidence: &ConsentEvidence) -> Markup {
    let said = &screen.words.consents;
    let (recorded, of) = (&evidence.recorded, &evidence.recorded.evidence);
    let spoken = Language::parse(&of.language);
    let spoken = spoken.map_or(of.language.as_str(), |language| said.language_named(language));
    html! {
        // The words themselves where they were shown by a page of ours, else the name of the text.
        @match &evidence.shown {
            Some(shown) => p.comment lang=(of.language) { (shown.body) },
            None => p.comment.muted { (said.no_words) " " (of.text) },
        }
        p.comment.muted {
            @if let Some(shown) = &evidence.shown { (badge(Tone::Neutral, &(said.version)(shown.version))) " " }
            (spoken) ", " (said.channel(of.channel)) ", " (screen.time(recorded.at))
        }
        @if let Some(around) = &evidence.words { (asked_by(screen, around, &of.language)) }
    }
}

/// Who asked then, and where their privacy notice was.
fn asked_by(screen: &Screen, words: &ConsentWords, language: &str) -> Markup {
    let said = &screen.words.consents;
    let who = words.who_asks();
    let privacy = words.privacy(language);
    html! {
        @if who.is_some() || privacy.is_some() {
            p.comment.muted {
                @if let Some(who) = &who { (said.asked_by) " " (who) @if privacy.is_some() { ". " } }
                @if let Some(address) = privacy { a href=(address) rel="noreferrer" { (said.privacy_notice) } }
            }
        }
    }
}

/// Whether whoever agreed now would read something else.
fn is_changed(screen: &Screen, evidence: &ConsentEvidence, now: &ConsentWords) -> bool {
    let of = &evidence.recorded;
    let (Some(shown), Some(language)) = (&evidence.shown, Language::parse(&of.evidence.language)) else {
        return false;
    };
    let asks = Agreeing {
        language,
        words: now,
        merchant_name: &screen.member.merchant_name,
    };
    asks.sentence(of.purpose) != shown.body
}
