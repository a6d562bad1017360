//! What the merchant says where people agree, its history, and the words somebody agreed to.

use super::{Counted, Language, Text, With, words};
use crate::domain::consent::Channel;
use crate::domain::consent_words::{
    LONGEST_ADDRESS, LONGEST_LEGAL_NAME, LONGEST_SENTENCE, SHORTEST_SENTENCE,
};
use crate::domain::profile::FieldError;

words! {
    /// The words of consents.
    Consents {
        title: Text = "Consent words", "Wortlaut der Einwilligungen";
        intro: Text = "What people read on your join pages beside each box, in the language of their browser. Whatever you change becomes a new version: what somebody agreed to before stays as they read it.",
            "Was Kunden auf Ihren Seiten zum Mitmachen neben jedem Kästchen lesen, in der Sprache ihres Browsers. Jede Änderung wird eine neue Fassung: Wozu jemand früher zugestimmt hat, bleibt im damaligen Wortlaut erhalten.";
        no_advice: Text = "Which sentences the law asks of you is for you to find out. They should name who asks, what for, and that it can be taken back.",
            "Welche Sätze das Recht von Ihnen verlangt, müssen Sie selbst klären. Sie sollten sagen, wer fragt, wozu, und dass man widerrufen kann.";
        language: Text = "Language", "Sprache";
        now: Text = "What people read now", "Was Kunden jetzt lesen";
        preview: Text = "What people would read", "Was Kunden lesen würden";
        preview_note: Text = "Not saved yet. Each program shows the boxes that its own page asks for.",
            "Noch nicht gespeichert. Jedes Programm zeigt die Kästchen, die auf seiner Seite gewählt sind.";
        now_note: Text = "Each program shows the boxes that its own page asks for.",
            "Jedes Programm zeigt die Kästchen, die auf seiner Seite gewählt sind.";
        standard: Text = "Standard words", "Standardwortlaut";
        own: Text = "Your own words", "Eigener Wortlaut";
        sentences: With = |language| format!("Sentences in {language}"), |language| format!("Sätze auf {language}");
        english: Text = "English", "Englisch";
        german: Text = "German", "Deutsch";
        sentence_hint: Text = "Leave a field empty to keep the standard words.", "Ein leeres Feld steht für den Standardwortlaut.";
        privacy: Text = "Privacy notice in this language", "Datenschutzhinweise in dieser Sprache";
        privacy_hint: Text = "Shown below the boxes. A program's own page may name another.",
            "Steht unter den Kästchen. Die Seite eines Programms kann eine andere Adresse nennen.";
        save: Text = "Save as a new version", "Als neue Fassung speichern";
        show_preview: Text = "Preview", "Vorschau";
        to_standard: Text = "Back to the standard words", "Zurück zum Standardwortlaut";
        about: Text = "Who you are", "Wer Sie sind";
        about_hint: Text = "Whoever asks for a consent has to say who they are. It stands below the boxes, in every language.",
            "Wer um eine Einwilligung bittet, muss sagen, wer er ist. Das steht unter den Kästchen, in jeder Sprache.";
        legal_name: Text = "Name in law", "Rechtlicher Name";
        legal_name_hint: Text = "As in your imprint, like Morgenrot GmbH", "Wie in Ihrem Impressum, etwa Morgenrot GmbH";
        address: Text = "Address", "Anschrift";
        save_about: Text = "Save", "Speichern";
        saved: Text = "Saved. Whoever opens a join page from now on reads this.", "Gespeichert. Wer ab jetzt eine Seite zum Mitmachen öffnet, liest das.";
        not_saved: Text = "Nothing was saved yet. Please look at what is marked.", "Es wurde noch nichts gespeichert. Bitte sehen Sie sich die markierten Felder an.";
        changed: Text = "Somebody changed these words meanwhile. Below is what you typed; above is what people read now. Saved again, yours takes its place.",
            "Jemand hat den Wortlaut inzwischen geändert. Unten steht, was Sie eingegeben haben, oben, was Kunden jetzt lesen. Noch einmal gespeichert, tritt Ihr Text an dessen Stelle.";
        changed_meanwhile: Text = "Somebody changed these words meanwhile, so nothing was done. Please look at what people read now.",
            "Jemand hat den Wortlaut inzwischen geändert, deshalb ist nichts geschehen. Bitte sehen Sie sich an, was Kunden jetzt lesen.";
        too_short: Counted = |least| format!("Please write at least {least} characters."), |least| format!("Bitte schreiben Sie mindestens {least} Zeichen.");
        too_long: Counted = |most| format!("Please write at most {most} characters."), |most| format!("Bitte schreiben Sie höchstens {most} Zeichen.");
        markup: Text = "Please write plain text without < and >.", "Bitte schreiben Sie reinen Text ohne < und >.";
        invisible: Text = "There are invisible characters in this text. Please type it anew.", "In diesem Text sind unsichtbare Zeichen. Bitte tippen Sie ihn neu.";
        bad_privacy: Text = "Please give an address that begins with https://.", "Bitte geben Sie eine Adresse an, die mit https:// beginnt.";
        too_many_lines: Text = "Please use six lines at most.", "Bitte höchstens sechs Zeilen.";
        history: Text = "Versions", "Fassungen";
        history_hint: Text = "How many people agreed by the words of each version, whether or not they took it back. Who was erased is not counted.",
            "Wie viele mit den Worten jeder Fassung zugestimmt haben, auch wenn sie später widerrufen haben. Wer gelöscht wurde, zählt nicht.";
        version: Counted = |version| if version == 0 { "Standard words".into() } else { format!("Version {version}") },
            |version| if version == 0 { "Standardwortlaut".into() } else { format!("Fassung {version}") };
        is_current: Text = "current", "aktuell";
        from_the_start: Text = "from the start", "von Anfang an";
        since: Text = "since", "seit";
        by: With = |name| format!("by {name}"), |name| format!("von {name}");
        by_operator: Text = "by the operator", "vom Betreiber";
        nobody: Text = "Nobody agreed by these words.", "Niemand hat mit diesen Worten zugestimmt.";
        agreed: Counted = |count| if count == 1 { "1 person".into() } else { format!("{} people", super::en(count)) },
            |count| if count == 1 { "1 Person".into() } else { format!("{} Personen", super::de(count)) };
        look_at_words: Text = "Words", "Wortlaut";
        standard_everywhere: Text = "The standard words in every language", "In jeder Sprache der Standardwortlaut";
        older: Text = "Older versions", "Ältere Fassungen";
        newest: Text = "Newest versions", "Neueste Fassungen";
        // The words that somebody agreed to.
        evidence: Text = "What they agreed to", "Wozu zugestimmt wurde";
        evidence_none: Text = "They have agreed to nothing.", "Bisher wurde zu nichts zugestimmt.";
        no_words: Text = "The words are not kept here. The text is called", "Der Wortlaut liegt hier nicht vor. Der Text heißt";
        no_evidence: Text = "No evidence is kept of this.", "Dafür liegt kein Nachweis vor.";
        asked_by: Text = "Asked by", "Gefragt von";
        privacy_notice: Text = "Privacy notice", "Datenschutzhinweise";
        words_changed: Text = "Since then your words have changed.", "Seither hat sich Ihr Wortlaut geändert.";
        on_card: Text = "on a page for customers", "auf einer Seite für Kunden";
        at_till: Text = "at the till", "an der Kasse";
        on_paper: Text = "on paper", "auf Papier";
        in_console: Text = "in the console", "in der Konsole";
        by_api: Text = "by the API", "über die Schnittstelle";
        by_import: Text = "by an import", "durch einen Import";
    }
}

impl Consents {
    /// Why a field was not taken.
    pub fn refusal(&self, error: &FieldError) -> String {
        let most = match error.field.as_ref() {
            "legal_name" => LONGEST_LEGAL_NAME,
            "address" => LONGEST_ADDRESS,
            _ => LONGEST_SENTENCE,
        };
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        match error.code {
            "too_short" => (self.too_short)(count(SHORTEST_SENTENCE)),
            "too_long" => (self.too_long)(count(most)),
            "markup" => self.markup.to_owned(),
            "control_character" => self.invisible.to_owned(),
            "too_many_lines" => self.too_many_lines.to_owned(),
            _ => self.bad_privacy.to_owned(),
        }
    }

    /// The name of a language in the language of the page.
    pub fn language_named(&self, language: Language) -> Text {
        match language {
            Language::English => self.english,
            Language::German => self.german,
        }
    }

    pub fn channel(&self, channel: Channel) -> Text {
        match channel {
            Channel::WebCard => self.on_card,
            Channel::Till => self.at_till,
            Channel::Paper => self.on_paper,
            Channel::Console => self.in_console,
            Channel::Api => self.by_api,
            Channel::Import => self.by_import,
        }
    }
}
