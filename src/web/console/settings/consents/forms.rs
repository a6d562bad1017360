//! What is said now, and the forms that change it.
//!
//! A form is made from a version and sends its number along. What was typed stays as it was typed.

use maud::{Markup, html};

use super::{ADDRESS, Sent, Shown};
use crate::domain::consent::Purpose;
use crate::domain::consent_words::{
    ConsentWords, LONGEST_ADDRESS, LONGEST_LEGAL_NAME, LONGEST_SENTENCE, WordsVersion,
};
use crate::web::console::components::{Tone, badge};
use crate::web::console::people::fields::Typed;
use crate::web::console::screen::Screen;
use crate::web::public::join::agree::Agreeing;
use crate::web::public::words::Public;

/// Which words the merchant's pages say.
fn asks<'a>(screen: &'a Screen, shown: &Shown, words: &'a ConsentWords) -> Agreeing<'a> {
    Agreeing {
        language: shown.language,
        words,
        merchant_name: &screen.member.merchant_name,
    }
}

/// What people read now.
pub(super) fn now(screen: &Screen, shown: &Shown, now: &WordsVersion) -> Markup {
    let said = &screen.words.consents;
    let own = |purpose| now.words.sentence(shown.language.as_str(), purpose).is_some();
    html! {
        section.panel aria-labelledby="now-title" {
            div.panel-head { h2 #now-title { (said.now) } (badge(Tone::Neutral, &(said.version)(now.version))) }
            p.panel-note.muted { (said.now_note) }
            dl.details {
                @for purpose in Purpose::ALL {
                    div.wide { dt { (screen.words.profile.purpose(purpose)) " " span.muted { "· " (if own(purpose) { said.own } else { said.standard }) } }
                        dd lang=(shown.language.as_str()) { (asks(screen, shown, &now.words).sentence(purpose)) }
                    }
                }
            }
            div.panel-note lang=(shown.language.as_str()) { (asks(screen, shown, &now.words).note(None)) }
        }
    }
}

/// The sentences in one language, and what the page would look like with them.
pub(super) fn sentences(screen: &Screen, shown: &Shown, now: &WordsVersion) -> Markup {
    let said = &screen.words.consents;
    let language = shown.language.as_str();
    let typed = shown.typed(Sent::Sentences);
    let is_own = Purpose::ALL
        .iter()
        .any(|purpose| now.words.sentence(language, *purpose).is_some());
    html! {
        form.panel.consent-words method="post" action=(ADDRESS) data-once data-guard aria-labelledby="sentences-title" {
            div.panel-head { h2 #sentences-title { ((said.sentences)(said.language_named(shown.language))) } }
            p.hint { (said.sentence_hint) " " (said.no_advice) }
            (made_from(shown, now))
            @for purpose in Purpose::ALL { (sentence(screen, shown, now, typed, purpose)) }
            (privacy(screen, shown, now, typed))
            (preview(screen, shown, now))
            div.row {
                button.button.primary type="submit" { (said.save) }
                button.button.secondary type="submit" formaction=(format!("{ADDRESS}/preview")) { (said.show_preview) }
            }
        }
        @if is_own {
            form.panel method="post" action=(format!("{ADDRESS}/standard")) data-once {
                (made_from(shown, now))
                button.button.secondary type="submit" { (said.to_standard) }
            }
        }
    }
}

fn made_from(shown: &Shown, now: &WordsVersion) -> Markup {
    html! {
        input type="hidden" name="language" value=(shown.language.as_str());
        input type="hidden" name="version" value=(now.version);
    }
}

/// The ids of a field's problem and hint, for whoever hears the page.
fn described(name: &str, problem: Option<&str>) -> String {
    match problem {
        Some(_) => format!("{name}-problem {name}-hint"),
        None => format!("{name}-hint"),
    }
}

fn sentence(
    screen: &Screen,
    shown: &Shown,
    now: &WordsVersion,
    typed: Option<&Typed>,
    purpose: Purpose,
) -> Markup {
    let (said, name) = (&screen.words.consents, purpose.as_str());
    let language = shown.language.as_str();
    let own = now.words.sentence(language, purpose).unwrap_or_default();
    let value = typed.map_or(own, |typed| typed.get(name));
    let problem = shown.wrong(name);
    html! {
        div.field {
            label for=(name) { (screen.words.profile.purpose(purpose)) }
            textarea id=(name) name=(name) rows="3" maxlength=(LONGEST_SENTENCE) lang=(language) aria-invalid=[problem.map(|_| "true")]
                aria-describedby=(described(name, problem)) { (value) }
            @if let Some(text) = problem { p.problem id=(format!("{name}-problem")) { (text) } }
            p.hint id=(format!("{name}-hint")) {
                (said.standard) ": " q lang=(language) { (asks(screen, shown, &now.words).standard(purpose)) }
            }
        }
    }
}

fn privacy(screen: &Screen, shown: &Shown, now: &WordsVersion, typed: Option<&Typed>) -> Markup {
    let said = &screen.words.consents;
    let own = now.words.privacy(shown.language.as_str()).unwrap_or_default();
    let value = typed.map_or(own, |typed| typed.get("privacy"));
    let problem = shown.wrong("privacy");
    html! {
        div.field {
            label for="privacy" { (said.privacy) }
            input #privacy name="privacy" type="url" maxlength="300" autocomplete="off" placeholder="https://" value=(value)
                aria-invalid=[problem.map(|_| "true")] aria-describedby=(described("privacy", problem));
            @if let Some(text) = problem { p.problem #privacy-problem { (text) } }
            p.hint #privacy-hint { (said.privacy_hint) }
        }
    }
}

/// The part of the join page that this is about. The script keeps its sentences as they are typed.
fn preview(screen: &Screen, shown: &Shown, now: &WordsVersion) -> Markup {
    let (said, public) = (&screen.words.consents, Public::of(shown.language));
    let typed = shown.typed(Sent::Sentences);
    let asks = asks(screen, shown, shown.preview.as_ref().unwrap_or(&now.words));
    // Of a form that was not taken, what was typed.
    let sentence = |purpose: Purpose| match typed.map(|typed| typed.get(purpose.as_str()).trim()) {
        Some("") => asks.standard(purpose),
        Some(typed) => typed.to_owned(),
        None => asks.sentence(purpose),
    };
    html! {
        section.consent-preview aria-labelledby="preview-title" {
            h3 #preview-title { (said.preview) }
            @if typed.is_some() { p.hint { (said.preview_note) } }
            div.consent-page lang=(shown.language.as_str()) {
                p { strong { (public.agree) } br; (public.agree_hint) }
                ul {
                    @for purpose in Purpose::ALL {
                        li {
                            span data-shows=(purpose.as_str()) data-most=(LONGEST_SENTENCE) data-otherwise=(asks.standard(purpose)) { (sentence(purpose)) }
                        }
                    }
                }
                (asks.note(None))
            }
        }
    }
}

/// Who the merchant is.
pub(super) fn about(screen: &Screen, shown: &Shown, now: &WordsVersion) -> Markup {
    let said = &screen.words.consents;
    let typed = shown.typed(Sent::About);
    let value = |name: &str, own: &Option<String>| {
        let own = own.clone().unwrap_or_default();
        typed.map_or(own, |typed| typed.get(name).to_owned())
    };
    let (of_name, of_address) = (shown.wrong("legal_name"), shown.wrong("address"));
    html! {
        form.panel method="post" action=(format!("{ADDRESS}/about")) data-once data-guard aria-labelledby="about-title" {
            div.panel-head { h2 #about-title { (said.about) } }
            p.hint { (said.about_hint) }
            (made_from(shown, now))
            div.field {
                label for="legal_name" { (said.legal_name) }
                input #legal_name name="legal_name" type="text" maxlength=(LONGEST_LEGAL_NAME) autocomplete="organization"
                    value=(value("legal_name", &now.words.legal_name)) aria-invalid=[of_name.map(|_| "true")]
                    aria-describedby=(described("legal_name", of_name));
                @if let Some(text) = of_name { p.problem #legal_name-problem { (text) } }
                p.hint #legal_name-hint { (said.legal_name_hint) }
            }
            div.field {
                label for="address" { (said.address) }
                textarea #address name="address" rows="4" maxlength=(LONGEST_ADDRESS) autocomplete="street-address"
                    aria-invalid=[of_address.map(|_| "true")] aria-describedby=[of_address.map(|_| "address-problem")] {
                    (value("address", &now.words.address))
                }
                @if let Some(text) = of_address { p.problem #address-problem { (text) } }
            }
            button.button.primary type="submit" { (said.save_about) }
        }
    }
}
