//! Letters that bring people to their cards.

use super::{Counted, Text, With, words};
use crate::domain::invitation::{InvitationRefusal, InvitationState};

words! {
    /// Letters that bring people to their cards.
    Invite {
        title: Text = "Invitations", "Einladungen";
        no_mail: Text = "No mail server is set up, so letters wait. Whoever runs this gateway sets it up under “mail” in its configuration. Until then, copy links and pass them on yourself.",
            "Es ist kein Mailserver eingerichtet, darum warten die E-Mails. Wer dieses Gateway betreibt, richtet ihn in der Konfiguration unter „mail“ ein. Kopieren Sie bis dahin Links und geben Sie sie selbst weiter.";
        paste: Text = "Invite by email", "Per E-Mail einladen";
        addresses: Text = "Email addresses", "E-Mail-Adressen";
        addresses_hint: Text = "One a line, or with commas between them; at most 200. Who is new gets a card of the program.",
            "Eine je Zeile oder durch Kommas getrennt; höchstens 200. Wer neu ist, bekommt eine Karte des Programms.";
        send: Text = "Send invitations", "Einladungen senden";
        none_typed: Text = "Type at least one address.", "Geben Sie mindestens eine Adresse ein.";
        too_many: Counted = |count| format!("At most 200 addresses at once; these are {count}.", count = super::en(count)), |count| format!("Höchstens 200 Adressen auf einmal; das sind {count}.", count = super::de(count));
        answers: Text = "What became of each address", "Was aus jeder Adresse wurde";
        answers_cards: Text = "What became of each card", "Was aus jeder Karte wurde";
        is_sent: Text = "The letter is on its way.", "Die E-Mail ist unterwegs.";
        waits: Text = "The letter waits to be sent.", "Die E-Mail wartet auf den Versand.";
        no_address: Text = "This person has no email address.", "Diese Person hat keine E-Mail-Adresse.";
        too_soon: Counted = |minutes| format!("A letter about this card was sent already; the next may go in {}.", in_english(minutes)),
            |minutes| format!("Zu dieser Karte ging schon eine E-Mail; die nächste darf in {} gehen.", in_german(minutes));
        card_ended: Text = "This card has ended.", "Diese Karte ist beendet.";
        bad_address: Text = "This is no email address. One looks like name@example.com.", "Das ist keine E-Mail-Adresse. Sie sieht aus wie name@example.com.";
        no_card: Text = "There is no such card.", "Diese Karte gibt es nicht.";
        not_issued: Text = "No card could be made for this address.", "Für diese Adresse ließ sich keine Karte anlegen.";
        list: Text = "Letters", "E-Mails";
        none: Text = "No letters yet", "Noch keine E-Mails";
        none_text: Text = "Letters that you send appear here, with what became of them.",
            "Gesendete E-Mails erscheinen hier, und was aus ihnen wurde.";
        address: Text = "Address", "Adresse";
        kind: Text = "For", "Wofür";
        invitation: Text = "Invitation", "Einladung";
        card_again: Text = "Card once more", "Karte noch einmal";
        state: Text = "State", "Stand";
        asked: Text = "Asked for", "Veranlasst";
        link: Text = "Link", "Link";
        copy_link: With = |address| format!("Copy the link for {address}"), |address| format!("Link für {address} kopieren");
        queued: Text = "Waiting", "Wartet";
        sent: Text = "Sent", "Gesendet";
        opened: Text = "Opened", "Geöffnet";
        installed: Text = "Installed", "Installiert";
        bounced: Text = "Bounced", "Unzustellbar";
        failed: Text = "Given up", "Aufgegeben";
        send_again: Text = "Send again…", "Noch einmal senden …";
        confirm_one: With = |address| format!("Send the card to {address}?"), |address| format!("Die Karte an {address} senden?");
        confirm_many: Counted = |count| format!("Send {count} cards to their holders?", count = super::en(count)), |count| format!("{count} Karten an ihre Inhaber senden?", count = super::de(count));
        confirm_text: Text = "The letter holds the personal link to the card. Another one about the same card may go after a day.",
            "Die E-Mail enthält den persönlichen Link zur Karte. Eine weitere zur selben Karte darf nach einem Tag gehen.";
        unreachable: Counted = |count| if count == 1 { "1 of them has no email address.".into() } else { format!("{count} of them have no email address.", count = super::en(count)) },
            |count| if count == 1 { "1 davon hat keine E-Mail-Adresse.".into() } else { format!("{count} davon haben keine E-Mail-Adresse.", count = super::de(count)) };
        send_yes: Text = "Send", "Senden";
        done_sent: Text = "The letter waits to be sent.", "Die E-Mail wartet auf den Versand.";
        erased: Text = "erased", "gelöscht";
    }
}

fn in_english(minutes: i64) -> String {
    match minutes {
        ..=1 => "a minute".into(),
        2..=90 => format!("{minutes} minutes"),
        _ => format!("{} hours", (minutes + 59) / 60),
    }
}

fn in_german(minutes: i64) -> String {
    match minutes {
        ..=1 => "einer Minute".into(),
        2..=90 => format!("{minutes} Minuten"),
        _ => format!("{} Stunden", (minutes + 59) / 60),
    }
}

impl Invite {
    pub fn state_of(&self, state: InvitationState) -> Text {
        match state {
            InvitationState::Queued => self.queued,
            InvitationState::Sent => self.sent,
            InvitationState::Opened => self.opened,
            InvitationState::Installed => self.installed,
            InvitationState::Bounced => self.bounced,
            InvitationState::Failed => self.failed,
        }
    }

    pub fn refusal(&self, refusal: &InvitationRefusal) -> String {
        match refusal {
            InvitationRefusal::NoAddress => self.no_address.to_owned(),
            InvitationRefusal::TooSoon { minutes } => {
                (self.too_soon)(i64::try_from(*minutes).unwrap_or(i64::MAX))
            }
            InvitationRefusal::CardEnded => self.card_ended.to_owned(),
            InvitationRefusal::Address(_) => self.bad_address.to_owned(),
        }
    }
}
