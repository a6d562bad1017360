//! Why a rule cannot be read, and why a segment is not saved, changed or deleted.

use super::Language;
use crate::domain::segment::answers::{AnswerKind, Incomparable};
use crate::domain::segment::saved::Refusal;
use crate::domain::segment::{DEEPEST, Expected, Got, LONGEST, RuleError};
use crate::ops::segments::SegmentError;

impl Language {
    pub fn segment_error(self, error: &SegmentError) -> String {
        match error {
            SegmentError::NoMerchant(_) => {
                self.said("There is no such merchant.", "Diesen Betrieb gibt es nicht.")
            }
            SegmentError::Refused(refusal) => self.segment_refusal(refusal),
            SegmentError::Incomparable(error) => self.incomparable(error),
            SegmentError::Store(_) => self.fault(),
        }
    }

    pub fn segment_refusal(self, refusal: &Refusal) -> String {
        let words = &self.words().segments;
        match refusal {
            Refusal::Name(_) => words.expected_name.to_owned(),
            Refusal::NameTaken(_) => words.name_taken.to_owned(),
            Refusal::ListTooLong(_) => words.list_too_long.to_owned(),
            Refusal::NotFound => self.said(
                "This segment is gone, or private to somebody else.",
                "Dieses Segment gibt es nicht mehr, oder es gehört jemand anderem.",
            ),
            Refusal::NoRule => self.said(
                "This segment is a list; it has no rule to change.",
                "Dieses Segment ist eine feste Liste; es hat keine Regel.",
            ),
            Refusal::NoList => self.said(
                "This segment is a rule; cards join and leave it by themselves.",
                "Dieses Segment ist eine Regel; Karten kommen und gehen von selbst.",
            ),
            Refusal::Stale { .. } => self.words().common.changed_meanwhile.to_owned(),
            Refusal::InUse { .. } => self.said(
                "This segment is still needed by a message or a job. Change or cancel that first.",
                "Eine Nachricht oder ein Auftrag braucht dieses Segment noch. Ändern oder stoppen Sie zuerst das.",
            ),
        }
    }

    /// Where and why a rule cannot be read, as half a sentence.
    pub fn rule_error(self, error: &RuleError) -> String {
        if self == Self::English {
            return error.to_string();
        }
        let expected = self.expected(error.expected);
        let got = match &error.got {
            Got::Bytes(bytes) => format!("gekommen sind {bytes} Byte"),
            Got::End => "dort ist sie zu Ende".to_owned(),
            Got::Text(text) => format!("dort steht „{text}“"),
        };
        format!("Zeichen {}: erwartet wird {expected}; {got}", error.at)
    }

    fn expected(self, expected: Expected) -> String {
        match expected {
            Expected::Shorter => format!("eine Regel mit höchstens {LONGEST} Byte"),
            Expected::Shallower => format!("höchstens {DEEPEST} ineinander liegende Gruppen"),
            Expected::End => "das Ende der Regel".into(),
            Expected::Sign(sign) => format!("das Zeichen {sign}"),
            Expected::CommaOrBracket => "ein Komma oder eine schließende Klammer".into(),
            Expected::RuleOrField => {
                "all(…), any(…), not(…) oder ein Feld wie status, visits oder last_visit".into()
            }
            Expected::Code => "der Code eines Felds, zum Beispiel shoe_size".into(),
            Expected::Operator(field) => {
                format!("für {} eines von {}", field.name, field.operators().join(", "))
            }
            Expected::FirstOrLast => "ein erster oder ein letzter Wert".into(),
            Expected::SameKind => "zwei Zahlen oder zwei Tage".into(),
            Expected::InOrder => "ein erster Wert, der nicht hinter dem letzten liegt".into(),
            Expected::Number => "eine ganze Zahl".into(),
            Expected::Decimal => "eine Zahl wie 3.5".into(),
            Expected::Day => "ein Tag wie 2026-11-25".into(),
            Expected::NumberOrDay => "eine Zahl wie 42.5 oder ein Tag wie 2026-11-25".into(),
            Expected::MonthDay => "Monat und Tag wie 12-24".into(),
            Expected::Program => "die Kennung eines Programms".into(),
            Expected::Word(field) => format!("eines von {}", field.words().join(", ")),
            Expected::Text => {
                "ein Text, in einfachen Anführungszeichen, wenn er andere Zeichen als -_@+:/. enthält".into()
            }
            Expected::Span => "eine Anzahl Tage oder Stunden wie 7d oder 48h".into(),
        }
    }

    fn incomparable(self, error: &Incomparable) -> String {
        let (english, german) = match error.kind {
            AnswerKind::Text => (
                "its answers are texts, which can only be equal, contain something or be empty",
                "seine Antworten sind Texte, die nur gleich sein, etwas enthalten oder leer sein können",
            ),
            AnswerKind::Number => (
                "its answers are numbers; compare them with one such as 42.5",
                "seine Antworten sind Zahlen; vergleichen Sie sie mit einer wie 42,5",
            ),
            AnswerKind::Day => (
                "its answers are days; compare them with one such as 2026-11-25",
                "seine Antworten sind Tage; vergleichen Sie sie mit einem wie 2026-11-25",
            ),
        };
        let code = &error.code;
        self.said(
            format!("The field {code} cannot be compared like this: {english}."),
            format!("Das Feld {code} lässt sich so nicht vergleichen: {german}."),
        )
    }
}
