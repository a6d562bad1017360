//! What a letter says, in the reader's language; plain text and HTML of the same words. One link, no pictures, nothing
//! that is loaded from anywhere.

use maud::{DOCTYPE, html};

use crate::domain::invitation::InvitationKind;

/// A letter's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub subject: String,
    pub plain: String,
    pub html: String,
}

/// What is written about.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub kind: InvitationKind,
    pub merchant_name: &'a str,
    pub program_name: &'a str,
    pub first_name: &'a str,
    pub link: &'a str,
    /// `de…` for German; everything else is English.
    pub language: &'a str,
}

struct Words {
    language: &'static str,
    greeting: String,
    subject: String,
    line: String,
    button: &'static str,
    note: &'static str,
}

/// Writes a letter.
pub fn write(facts: &Facts<'_>) -> Text {
    let words = words(facts);
    let plain = format!(
        "{}\n\n{}\n\n{}\n\n{}\n\n{}\n",
        words.greeting, words.line, facts.link, words.note, facts.merchant_name
    );
    let page = html! {
        (DOCTYPE)
        html lang=(words.language) {
            head { meta charset="utf-8"; title { (words.subject) } }
            body style="font-family:system-ui,sans-serif;line-height:1.5;color:#1c1917;max-width:36em;margin:2em auto;padding:0 1em" {
                p { (words.greeting) }
                p { (words.line) }
                p {
                    a href=(facts.link) style="display:inline-block;padding:.7em 1.2em;border-radius:.6em;background:#1c1917;color:#fff;text-decoration:none" {
                        (words.button)
                    }
                }
                p style="color:#57534e" { (words.note) }
                p { (facts.merchant_name) }
            }
        }
    };
    Text {
        subject: words.subject,
        plain,
        html: page.into_string(),
    }
}

fn words(facts: &Facts<'_>) -> Words {
    let (merchant, program) = (facts.merchant_name, facts.program_name);
    let german = facts.language.starts_with("de");
    let named = !facts.first_name.is_empty();
    if german {
        return Words {
            language: "de",
            greeting: if named {
                format!("Hallo {},", facts.first_name)
            } else {
                "Hallo,".into()
            },
            subject: match facts.kind {
                InvitationKind::Invitation => format!("{program}: Ihre Karte von {merchant}"),
                InvitationKind::CardAgain => format!("{program}: noch einmal Ihre Karte"),
            },
            line: match facts.kind {
                InvitationKind::Invitation => {
                    format!(
                        "{merchant} lädt Sie ein: {program}. Legen Sie die Karte mit einem Tippen in Ihr Telefon."
                    )
                }
                InvitationKind::CardAgain => {
                    format!(
                        "hier ist Ihre Karte {program} von {merchant} noch einmal, mit allem, was darauf ist."
                    )
                }
            },
            button: "Karte öffnen",
            note: "Der Link gehört Ihnen: Wer ihn hat, kann die Karte öffnen.",
        };
    }
    Words {
        language: "en",
        greeting: if named {
            format!("Hello {},", facts.first_name)
        } else {
            "Hello,".into()
        },
        subject: match facts.kind {
            InvitationKind::Invitation => format!("{program}: your card from {merchant}"),
            InvitationKind::CardAgain => format!("{program}: your card once more"),
        },
        line: match facts.kind {
            InvitationKind::Invitation => {
                format!("{merchant} invites you: {program}. Add the card to your phone with one tap.")
            }
            InvitationKind::CardAgain => {
                format!("Here is your card {program} from {merchant} once more, with everything on it.")
            }
        },
        button: "Open the card",
        note: "Keep this link to yourself: whoever has it can open the card.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_never_markup() {
        let facts = Facts {
            kind: InvitationKind::Invitation,
            merchant_name: "Bits & <b>Bytes</b>",
            program_name: "Coffee",
            first_name: "<script>",
            link: "https://cards.example/x",
            language: "de-AT",
        };
        let text = write(&facts);
        assert!(text.html.contains("Bits &amp; &lt;b&gt;") && !text.html.contains("<script>"));
        assert!(text.plain.starts_with("Hallo <script>,") && text.plain.contains(facts.link));
    }
}
