//! What a message says, as it is typed: the first text and, each in fields of its own, the other languages.
//!
//! A language is added and removed by buttons of the form itself, which answer with the form as it is then: nothing is
//! saved by them, and nothing that was typed is lost.

use maud::{Markup, html};

use super::preview::{Said, field, lengths, lock_screens};
use crate::domain::message::translation::{self, canonical};
use crate::domain::message::{Content, Refusal, Translation, Translations, length};
use crate::domain::profile::Language;
use crate::web::console::components::icon;
use crate::web::console::screen::Screen;

/// The fields of one language as they were filled in.
#[derive(Debug, Clone)]
pub(super) struct InLanguage {
    pub(super) language: Language,
    pub(super) title: String,
    pub(super) text: String,
}

/// What one of the form's own buttons asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Add(Language),
    Remove(Language),
    /// A button whose language is none.
    Nothing,
}

/// A field that was refused, and why.
#[derive(Debug, Clone)]
pub(super) struct Wrong {
    field: String,
    why: String,
}

/// All that is typed of what a message says.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) others: Vec<InLanguage>,
    /// Where somebody goes on who pressed one of the buttons.
    next: Option<Next>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// The fields of a language that was added.
    Fields(Language),
    /// The choice of one more.
    Choice,
}

impl Texts {
    /// Takes what one field of a form says; one that is none of these says nothing.
    pub(super) fn take(&mut self, name: &str, value: &str) {
        match (name, name.split_once('-')) {
            ("title", _) => value.clone_into(&mut self.title),
            ("text", _) => value.clone_into(&mut self.text),
            ("language", _) => self.open(value),
            (_, Some((part @ ("title" | "text"), tag))) => {
                self.open(tag);
                let found = self.others.iter_mut().find(|of| of.language.as_str() == tag);
                if let Some(of) = found {
                    value.clone_into(if part == "title" {
                        &mut of.title
                    } else {
                        &mut of.text
                    });
                }
            }
            _ => {}
        }
    }

    /// Has fields for a language. One more than there can be is kept, so that its refusal can say so.
    fn open(&mut self, tag: &str) {
        let Ok(language) = Language::parse(tag) else {
            return;
        };
        let language = canonical(&language);
        let is_there = self.others.iter().any(|of| of.language == language);
        if !is_there && self.others.len() <= translation::MOST {
            self.others.push(InLanguage {
                language,
                title: String::new(),
                text: String::new(),
            });
        }
    }

    pub(super) fn of(content: &Content) -> Self {
        let others = content.translations.iter().map(|translation| InLanguage {
            language: translation.language.clone(),
            title: translation.title.clone().unwrap_or_default(),
            text: translation.text.clone(),
        });
        Self {
            title: content.title.clone().unwrap_or_default(),
            text: content.text.clone(),
            others: others.collect(),
            next: None,
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Add(language) => {
                self.open(language.as_str());
                self.next = Some(Next::Fields(canonical(&language)));
            }
            Step::Remove(language) => {
                self.others.retain(|of| of.language != language);
                self.next = Some(Next::Choice);
            }
            Step::Nothing => {}
        }
    }

    /// The other languages, checked.
    pub(super) fn translations(&self) -> Result<Translations, Refusal> {
        let checked = self
            .others
            .iter()
            .map(|of| Translation::checked(&of.language, Some(&of.title), &one_break(&of.text)));
        Translations::checked(checked.collect::<Result<_, _>>()?)
    }

    /// The other languages, whatever their words are by now.
    pub(super) fn meant(&self) -> Translations {
        let meant = self.others.iter().map(|of| Translation {
            language: of.language.clone(),
            title: Some(of.title.trim().to_owned()).filter(|title| !title.is_empty()),
            text: one_break(&of.text).trim().to_owned(),
        });
        Translations::checked(meant.collect()).unwrap_or_default()
    }
}

impl Step {
    /// What a button of the form said; `chosen` is what is chosen beside it.
    pub(super) fn parse(button: &str, chosen: &str) -> Self {
        let (word, tag) = match button.split_once(':') {
            Some(parts) => parts,
            None => (button, chosen),
        };
        match (word, Language::parse(tag)) {
            ("add", Ok(language)) => Self::Add(language),
            ("remove", Ok(language)) => Self::Remove(language),
            _ => Self::Nothing,
        }
    }
}

impl Wrong {
    /// The field that a refusal is about, if it is about one of these.
    pub(super) fn of(screen: &Screen, refusal: &Refusal) -> Option<Self> {
        let (language, why) = match refusal {
            Refusal::In { language, why } => (Some(language.as_str()), &**why),
            why => (None, why),
        };
        let part = match why {
            Refusal::Wording(error) => error.field,
            Refusal::AddressInText => "text",
            _ => return None,
        };
        Some(Self {
            field: field(part, language),
            why: screen.words.language.message_refusal(why),
        })
    }
}

/// Browsers send lines with carriage returns.
pub(super) fn one_break(text: &str) -> String {
    text.replace("\r\n", "\n")
}

impl Texts {
    /// The first text, and how it looks.
    pub(super) fn first(&self, screen: &Screen, wrong: Option<&Wrong>) -> Markup {
        let words = &screen.words.messages;
        let said = Said::first(&self.title, &self.text);
        fields(screen, &said, (words.title_field, words.text), wrong, false)
    }

    /// The other languages, and a choice of one more.
    pub(super) fn others(&self, screen: &Screen, wrong: Option<&Wrong>) -> Markup {
        let words = &screen.words.messages;
        html! {
            section #languages aria-labelledby="languages-title" {
                h2 #languages-title { (words.other_languages) }
                p.hint { (words.languages_choose) }
                @for of in &self.others { (self.other(screen, of, wrong)) }
                (self.more(screen))
            }
        }
    }

    fn other(&self, screen: &Screen, of: &InLanguage, wrong: Option<&Wrong>) -> Markup {
        let words = &screen.words.messages;
        let name = screen.words.language.language_name(&of.language);
        let said = Said {
            title: &of.title,
            text: &of.text,
            language: Some(&of.language),
        };
        let labels = ((words.title_in)(&name), (words.text_in)(&name));
        let is_new = self.next.as_ref() == Some(&Next::Fields(of.language.clone()));
        html! {
            fieldset.in-language {
                legend { (name) }
                input type="hidden" name="language" value=(of.language.as_str());
                (fields(screen, &said, (&labels.0, &labels.1), wrong, is_new))
                button.button.secondary type="submit" name="languages" value=(format!("remove:{}", of.language.as_str()))
                    formnovalidate { (icon("close")) ((words.remove_language)(&name)) }
            }
        }
    }

    fn more(&self, screen: &Screen) -> Markup {
        let words = &screen.words.messages;
        if self.others.len() >= translation::MOST {
            let most = i64::try_from(translation::MOST).unwrap_or(i64::MAX);
            return html! { p.muted { ((words.no_more_languages)(most)) } };
        }
        let is_there = |tag: &str| self.others.iter().any(|of| of.language.as_str() == tag);
        html! {
            div.field {
                label for="another" { (words.language) }
                div.row {
                    select #another name="another" autofocus[self.next == Some(Next::Choice)] {
                        @for (tag, name) in screen.words.language.languages() {
                            @if !is_there(tag) { option value=(tag) { (name) } }
                        }
                    }
                    button.button.secondary type="submit" name="languages" value="add" formnovalidate {
                        (icon("plus")) (words.add_language)
                    }
                }
            }
        }
    }
}

/// Title and text in one language, with their lengths and looks.
fn fields(
    screen: &Screen,
    said: &Said<'_>,
    (title_label, text_label): (&str, &str),
    wrong: Option<&Wrong>,
    is_new: bool,
) -> Markup {
    let (title, text) = (said.field("title"), said.field("text"));
    let tag = said.language.map(Language::as_str);
    let why = |id: &str| wrong.filter(|wrong| wrong.field == id);
    let problem = |id: &str| format!("{id}-problem");
    let (wrong_title, wrong_text) = (why(&title), why(&text));
    let described = match wrong_text {
        Some(_) => format!("{} {text}-length", problem(&text)),
        None => format!("{text}-length"),
    };
    html! {
        div.field {
            label for=(title) { (title_label) }
            input id=(title) name=(title) type="text" lang=[tag] maxlength=(length::MOST_TITLE) value=(said.title)
                autocomplete="off" autofocus[is_new] aria-invalid=[wrong_title.map(|_| "true")]
                aria-describedby=[wrong_title.map(|_| problem(&title))];
            @if let Some(wrong) = wrong_title { p.problem id=(problem(&title)) { (wrong.why) } }
        }
        div.field {
            label for=(text) { (text_label) }
            textarea id=(text) name=(text) lang=[tag] required maxlength=(length::MOST_TEXT) rows="4"
                aria-invalid=[wrong_text.map(|_| "true")] aria-describedby=(described) { (said.text) }
            @if let Some(wrong) = wrong_text { p.problem id=(problem(&text)) { (wrong.why) } }
            (lengths(screen, said))
        }
        (lock_screens(screen, &screen.member.merchant_name, said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).expect("a language")
    }

    fn typed(pairs: &[(&str, &str)]) -> Texts {
        let mut texts = Texts::default();
        for (name, value) in pairs {
            texts.take(name, value);
        }
        texts
    }

    #[test]
    fn fields_of_a_form_become_languages_in_their_order() {
        let texts = typed(&[
            ("title", "Today"),
            ("text", "Soup"),
            ("language", "de"),
            ("title-de", "Heute"),
            ("text-de", "Suppe"),
            ("text-pt-BR", "Sopa"),
            ("language", "no language"),
        ]);
        assert_eq!((texts.title.as_str(), texts.text.as_str()), ("Today", "Soup"));
        let others = texts.translations().expect("good");
        let found: Vec<_> = others
            .iter()
            .map(|of| (of.language.as_str(), of.title.as_deref(), of.text.as_str()))
            .collect();
        assert_eq!(found, [("de", Some("Heute"), "Suppe"), ("pt-BR", None, "Sopa")]);
        assert!(typed(&[("rule-de", "x"), ("text-", "x")]).others.is_empty());
    }

    #[test]
    fn buttons_add_and_remove_and_keep_the_rest() {
        let mut texts = typed(&[("text", "Soup"), ("text-de", "Suppe")]);
        texts.step(Step::parse("add", "fr"));
        texts.step(Step::parse("add", "fr"));
        let tags = |texts: &Texts| {
            let others = texts.others.iter();
            others
                .map(|of| of.language.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(tags(&texts), ["de", "fr"]);
        assert!(texts.translations().is_err(), "French says nothing yet");
        texts.step(Step::parse("remove:fr", "de"));
        assert_eq!(tags(&texts), ["de"]);
        assert_eq!(texts.others[0].text, "Suppe");
        assert_eq!(Step::parse("add", ""), Step::Nothing);
        assert_eq!(Step::parse("remove:de", ""), Step::Remove(language("de")));
    }

    #[test]
    fn a_form_of_endless_languages_stays_small_and_is_refused() {
        let mut texts = Texts::default();
        for number in 0..500 {
            texts.take(&format!("text-de-{number:03}"), "x");
        }
        assert_eq!(texts.others.len(), translation::MOST + 1);
        assert!(matches!(texts.translations(), Err(Refusal::Languages { .. })));
    }
}
