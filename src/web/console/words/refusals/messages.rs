//! Why a message is not written, changed or sent, and why the gateway holds it.

use super::Language;
use crate::domain::message::audience::AudienceRefusal;
use crate::domain::message::hold::Hold;
use crate::domain::message::{Refusal, Step, WhenRefusal, WrongState, length, translation};
use crate::domain::wording::WordingError;
use crate::ops::messages::MessageError;

impl Language {
    pub fn message_error(self, error: &MessageError) -> String {
        match error {
            MessageError::NotFound => {
                self.said("There is no such message.", "Diese Nachricht gibt es nicht.")
            }
            MessageError::Refused(refusal) => self.message_refusal(refusal),
            MessageError::Segment(error) => self.segment_error(error),
            MessageError::NoMerchant(_) => {
                self.said("There is no such merchant.", "Diesen Betrieb gibt es nicht.")
            }
            MessageError::NoCard(_) => self.said(
                "One of the chosen cards is gone. Choose again.",
                "Eine der ausgewählten Karten gibt es nicht mehr. Wählen Sie neu.",
            ),
            MessageError::NoProgram => self.said(
                "This program is gone. Choose another one.",
                "Dieses Programm gibt es nicht mehr. Wählen Sie ein anderes.",
            ),
            MessageError::Store(_) => self.fault(),
        }
    }

    pub fn message_refusal(self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::Wording(error) => self.wording_error(error),
            Refusal::AddressInText => self.said(
                "Write words only; an address belongs into the link, where it is counted.",
                "Schreiben Sie nur Worte; eine Adresse gehört in den Link, wo sie gezählt wird.",
            ),
            Refusal::Class => self.said(
                "A message is about marketing, rewards, the balance or the tier; phones show places by themselves.",
                "Eine Nachricht handelt von Werbung, Prämien, Stand oder Stufe; Orte zeigen Handys von selbst.",
            ),
            Refusal::In { language, why } => {
                format!("{}: {}", self.language_name(language), self.message_refusal(why))
            }
            Refusal::Languages { .. } => {
                let most = translation::MOST;
                self.said(
                    format!("Besides the first text there can be {most} languages; remove some."),
                    format!("Neben dem ersten Text sind {most} Sprachen möglich; entfernen Sie einige."),
                )
            }
            Refusal::LanguageTwice(language) => {
                let name = self.language_name(language);
                self.said(
                    format!("{name} is there twice; remove one of the two."),
                    format!("{name} ist zweimal da; entfernen Sie eines davon."),
                )
            }
            Refusal::Target(_) => self.said(
                "Link: write an address like https://example.com/menu of at most 2000 characters.",
                "Link: Schreiben Sie eine Adresse wie https://example.com/menu mit höchstens 2000 Zeichen.",
            ),
            Refusal::Audience(AudienceRefusal::Cards { got: 0 }) => {
                self.said("Nobody is chosen yet.", "Noch ist niemand ausgewählt.")
            }
            Refusal::Audience(AudienceRefusal::Cards { .. }) => self.said(
                "So many single cards cannot be named; choose a program or a segment.",
                "So viele einzelne Karten lassen sich nicht nennen; wählen Sie ein Programm oder ein Segment.",
            ),
            Refusal::Audience(AudienceRefusal::BuiltIn(_)) => self.said(
                "This segment is gone. Choose another one.",
                "Dieses Segment gibt es nicht mehr. Wählen Sie ein anderes.",
            ),
            Refusal::When(WhenRefusal::Past { .. }) => self.said(
                "This time has passed already. Choose one that is still to come.",
                "Dieser Zeitpunkt ist schon vorbei. Wählen Sie einen künftigen.",
            ),
            Refusal::When(WhenRefusal::TooFar { .. }) => self.said(
                "A message can be planned 400 days ahead at most.",
                "Eine Nachricht lässt sich höchstens 400 Tage im Voraus planen.",
            ),
            Refusal::State(wrong) => self.wrong_state(*wrong),
            Refusal::Stale { .. } => self.words().common.changed_meanwhile.to_owned(),
            Refusal::NoForecast => self.said(
                "There is no forecast since the last change. Make one and confirm its number.",
                "Seit der letzten Änderung gibt es keine Vorhersage. Machen Sie eine und bestätigen Sie deren Zahl.",
            ),
            Refusal::Unconfirmed { forecast, got } => {
                let (forecast, got) = (self.number(*forecast), self.number(*got));
                self.said(
                    format!("The forecast says {forecast} recipients; you typed {got}. Nothing was sent."),
                    format!("Die Vorhersage nennt {forecast} Empfänger; eingetippt haben Sie {got}. Nichts wurde gesendet."),
                )
            }
            Refusal::Nobody => self.said(
                "The forecast finds no recipient, so there is nothing to send.",
                "Die Vorhersage findet keinen Empfänger, also gibt es nichts zu senden.",
            ),
        }
    }

    /// A text that somebody typed in and that is too short, too long or holds what it must not.
    pub fn wording_error(self, error: &WordingError) -> String {
        let WordingError {
            field, least, most, ..
        } = error;
        let (english, german) = match *field {
            "title" => ("Title", "Titel"),
            "text" => ("Text", "Text"),
            "name" => ("Name", "Name"),
            "comment" => ("Comment", "Kommentar"),
            other => (other, other),
        };
        self.said(
            format!("{english}: write {least} to {most} characters."),
            format!("{german}: Schreiben Sie {least} bis {most} Zeichen."),
        )
    }

    fn wrong_state(self, wrong: WrongState) -> String {
        let now = self.words().messages.state(wrong.state);
        let (english, german) = match wrong.step {
            Step::Edit => (
                "It can be edited until it starts.",
                "Bearbeiten lässt sie sich, bis sie beginnt.",
            ),
            Step::Schedule => (
                "It can be sent or scheduled until it starts.",
                "Senden oder planen lässt sie sich, bis sie beginnt.",
            ),
            Step::Cancel => (
                "It can be cancelled until it starts; one that runs is aborted.",
                "Absagen lässt sie sich, bis sie beginnt; eine laufende wird abgebrochen.",
            ),
            Step::Start => ("Only a scheduled one starts.", "Nur eine geplante beginnt."),
            Step::Pause => (
                "Only one that runs can be paused.",
                "Anhalten lässt sich nur eine laufende.",
            ),
            Step::Resume => (
                "Only one that is paused can go on.",
                "Weiterlaufen kann nur eine angehaltene.",
            ),
            Step::Abort => (
                "Only one that runs or is paused can be aborted.",
                "Abbrechen lässt sich nur eine laufende oder angehaltene.",
            ),
            Step::Finish => ("Only one that runs ends.", "Nur eine laufende endet."),
        };
        self.said(
            format!("The message stands at “{now}”. {english}"),
            format!("Die Nachricht ist im Stand „{now}“. {german}"),
        )
    }

    /// Why the gateway itself holds a message, or why it could not start, from what is stored beside it.
    pub fn held_because(self, stored: &str) -> String {
        let Some(hold) = Hold::parse(stored) else {
            return self.said(
                format!("It could not start: {stored}."),
                "Sie konnte nicht beginnen: Ihre Empfänger ließen sich nicht mehr bestimmen.".to_owned(),
            );
        };
        let (refused, tried) = (self.number(hold.refused), self.number(hold.tried));
        match (hold.refused, hold.tried) {
            (_, 0) => self.said(
                format!("passgate holds it: providers refused {refused} of its copies."),
                format!("passgate hält sie an: Anbieter haben {refused} ihrer Kopien abgelehnt."),
            ),
            (0, _) => self.said(
                format!("passgate holds it: providers do not take its copies; {tried} are tried again."),
                format!("passgate hält sie an: Anbieter nehmen ihre Kopien nicht an; {tried} werden noch einmal versucht."),
            ),
            _ => self.said(
                format!("passgate holds it: providers refused {refused} of its copies, and {tried} are tried again."),
                format!("passgate hält sie an: Anbieter haben {refused} ihrer Kopien abgelehnt, {tried} werden noch einmal versucht."),
            ),
        }
    }

    /// A place where a message is shown.
    pub fn lock_screen(self, screen: length::Screen) -> &'static str {
        let acts = &self.words().acts;
        match screen {
            length::Screen::AppleLockScreen => acts.push_apple,
            length::Screen::GoogleNotification => acts.push_google,
            length::Screen::Browser => acts.push_browser,
        }
    }
}
