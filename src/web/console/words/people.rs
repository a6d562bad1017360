//! Adding, editing and erasing people, their notes and tags.

use super::{Counted, Text, With, words};
use crate::domain::profile::{ContactKind, Field};

words! {
    /// Adding, editing and erasing people.
    People {
        title_new: Text = "Add customer", "Kunde anlegen";
        add_text: Text = "Give at least one of email, phone or external id.", "Geben Sie mindestens E-Mail, Telefon oder externe Kennung an.";
        edit: Text = "Edit customer", "Kunde bearbeiten";
        edit_text: Text = "What is printed on the card stays as it is until you update it there.",
            "Was auf der Karte steht, bleibt, bis Sie es dort aktualisieren.";
        first_name: Text = "First name", "Vorname";
        last_name: Text = "Last name", "Nachname";
        email: Text = "Email", "E-Mail";
        phone: Text = "Phone", "Telefon";
        external_id: Text = "External id", "Externe Kennung";
        birthday: Text = "Birthday", "Geburtstag";
        birthday_hint: Text = "Like 1990-05-17, or 05-17 without the year.", "Wie 1990-05-17 oder 17.05. ohne Jahr.";
        language: Text = "Language", "Sprache";
        language_hint: Text = "A tag like de or pt-BR.", "Ein Kürzel wie de oder pt-BR.";
        program: Text = "Program", "Programm";
        no_program: Text = "No card", "Keine Karte";
        consent: Text = "The customer agreed to marketing", "Der Kunde hat Werbung zugestimmt";
        consent_text: Text = "Which words they agreed to", "Welchem Wortlaut zugestimmt wurde";
        consent_hint: Text = "The name of the text, like “counter form 2026”.", "Der Name des Textes, etwa „Formular Theke 2026“.";
        choose: Text = "Choose…", "Bitte wählen …";
        custom_of: With = |program| format!("Fields of {program}"), |program| format!("Felder von {program}");
        added: Text = "Customer added.", "Kunde angelegt.";
        saved: Text = "Saved.", "Gespeichert.";
        kept: Text = "The customer is kept.", "Der Kunde bleibt.";
        known: With = |kind| format!("Somebody with this {kind} is a customer already. Nobody was added."),
            |kind| format!("Jemand mit dieser Angabe ({kind}) ist schon Kunde. Niemand wurde angelegt.");
        open_known: With = |name| format!("Open {name}"), |name| format!("{name} öffnen");
        taken: With = |kind| format!("Another customer has this {kind} already."), |kind| format!("Ein anderer Kunde hat diese Angabe schon ({kind}).");
        share: Text = "Give the card to the customer", "Dem Kunden die Karte geben";
        share_text: Text = "The customer still has to add the card: let them scan this code or open the link on their phone.",
            "Der Kunde muss die Karte noch hinzufügen: Lassen Sie ihn diesen Code scannen oder den Link auf seinem Handy öffnen.";
        share_code: Text = "QR code of the installation link", "QR-Code des Installationslinks";
        changed: With = |who| format!("{who} changed this customer while you were typing. Nothing was saved. Your text is still here; compare, then save again."),
            |who| format!("{who} hat diesen Kunden geändert, während Sie schrieben. Nichts wurde gespeichert. Ihr Text steht noch hier; vergleichen Sie und speichern Sie erneut.");
        somebody: Text = "Somebody", "Jemand";
        now_says: With = |text| format!("It now says: {text}"), |text| format!("Jetzt steht dort: {text}");
        empty: Text = "nothing", "nichts";
        save_anyway: Text = "Save mine", "Meine Angaben speichern";
        erase: Text = "Erase customer…", "Kunde löschen …";
        erase_title: With = |name| format!("Erase {name}?"), |name| format!("{name} löschen?");
        erase_text: Text = "This cannot be taken back once the time is over. Lost for good:",
            "Dies lässt sich nach Ablauf der Frist nicht zurücknehmen. Endgültig verloren:";
        erase_profile: Text = "name, email, phone, birthday and language", "Name, E-Mail, Telefon, Geburtstag und Sprache";
        erase_cards: Counted = |count| if count == 1 { "1 card ends; the phone shows it as ended".into() } else { format!("{count} cards end; phones show them as ended", count = super::en(count)) },
            |count| if count == 1 { "1 Karte endet; das Handy zeigt sie als beendet".into() } else { format!("{count} Karten enden; Handys zeigen sie als beendet", count = super::de(count)) };
        erase_rewards: Counted = |count| if count == 1 { "1 reward that waits to be redeemed".into() } else { format!("{count} rewards that wait to be redeemed", count = super::en(count)) },
            |count| if count == 1 { "1 Prämie, die auf Einlösung wartet".into() } else { format!("{count} Prämien, die auf Einlösung warten", count = super::de(count)) };
        erase_notes: Counted = |count| if count == 1 { "1 note".into() } else { format!("{count} notes", count = super::en(count)) },
            |count| if count == 1 { "1 Notiz".into() } else { format!("{count} Notizen", count = super::de(count)) };
        erase_tags: Counted = |count| if count == 1 { "1 tag".into() } else { format!("{count} tags", count = super::en(count)) },
            |count| if count == 1 { "1 Schlagwort".into() } else { format!("{count} Schlagwörter", count = super::de(count)) };
        erase_answers: Text = "all answers to the program’s fields", "alle Antworten auf Felder des Programms";
        erase_stays: Text = "The ledger stays, without a name. You have 30 seconds to take it back.",
            "Der Verlauf bleibt, ohne Namen. Sie haben 30 Sekunden, um es zurückzunehmen.";
        erase_now: Text = "Erase", "Löschen";
        will_be_erased: Text = "The customer will be erased in 30 seconds.", "Der Kunde wird in 30 Sekunden gelöscht.";
        tags: Text = "Tags", "Schlagwörter";
        add_tag: Text = "Add a tag", "Schlagwort hinzufügen";
        add: Text = "Add", "Hinzufügen";
        remove_tag: With = |tag| format!("Remove tag {tag}"), |tag| format!("Schlagwort {tag} entfernen");
        no_tags: Text = "No tags yet.", "Noch keine Schlagwörter.";
        notes: Text = "Notes", "Notizen";
        new_note: Text = "New note", "Neue Notiz";
        note_hint: Text = "Up to 2,000 characters, seen by all members, never by the customer.",
            "Bis zu 2.000 Zeichen, für alle Mitglieder sichtbar, nie für den Kunden.";
        save_note: Text = "Save note", "Notiz speichern";
        edit_note: Text = "Edit note", "Notiz bearbeiten";
        delete_note: Text = "Delete note", "Notiz löschen";
        no_notes: Text = "No notes yet.", "Noch keine Notizen.";
        note_edited: Text = "edited", "bearbeitet";
        operator: Text = "the operator", "der Betreiber";
        note_wrong: Text = "A note has 1 to 2,000 characters. Yours is still here.",
            "Eine Notiz hat 1 bis 2.000 Zeichen. Ihre steht noch hier.";
        tag_wrong: Text = "A tag has 1 to 40 characters without a comma.", "Ein Schlagwort hat 1 bis 40 Zeichen ohne Komma.";
        too_many: Text = "There are as many as there may be.", "Mehr sind nicht möglich.";
        not_yours: Text = "A note is changed by whoever wrote it, and deleted by them, an admin or an owner.",
            "Eine Notiz ändert, wer sie schrieb; löschen dürfen sie außerdem Verwalter und Inhaber.";
        note_gone: Text = "This note is no longer there.", "Diese Notiz gibt es nicht mehr.";
        done_note: Text = "Note saved.", "Notiz gespeichert.";
        done_note_deleted: Text = "Note deleted.", "Notiz gelöscht.";
        done_tags: Text = "Tags changed.", "Schlagwörter geändert.";
        erased: Text = "This customer was erased and cannot be changed.", "Dieser Kunde wurde gelöscht und kann nicht geändert werden.";
        raced: Text = "Somebody else took the same address or number at this moment; try again.",
            "Jemand anderes hat im selben Moment dieselbe Adresse oder Nummer belegt; versuchen Sie es noch einmal.";
        program_closed: Text = "This program takes no new cards.", "Dieses Programm nimmt keine neuen Karten.";
    }
}

impl People {
    pub fn field(&self, field: Field) -> Text {
        match field {
            Field::FirstName => self.first_name,
            Field::LastName => self.last_name,
            Field::Email => self.email,
            Field::Phone => self.phone,
            Field::ExternalId => self.external_id,
            Field::Birthday => self.birthday,
            Field::Language => self.language,
        }
    }

    pub fn contact(&self, kind: ContactKind) -> Text {
        match kind {
            ContactKind::Email => self.email,
            ContactKind::ExternalId => self.external_id,
            ContactKind::Phone => self.phone,
        }
    }
}
