//! Saved segments.

use super::{Counted, Text, With, words};

words! {
    /// Saved segments.
    Segments {
        title: Text = "Segments", "Segmente";
        new: Text = "New segment", "Neues Segment";
        save_as: Text = "Save as segment", "Als Segment speichern";
        edit: Text = "Edit segment", "Segment bearbeiten";
        duplicate: Text = "Duplicate", "Duplizieren";
        copy_of: With = |name| format!("Copy of {name}"), |name| format!("Kopie von {name}");
        delete_title: With = |name| format!("Delete the segment “{name}”?"), |name| format!("Segment „{name}“ löschen?");
        delete_text: Text = "Only the segment goes. Its customers and their cards stay as they are.",
            "Nur das Segment verschwindet. Kunden und Karten bleiben, wie sie sind.";
        keep: Text = "Keep it", "Behalten";
        in_use: Text = "This segment is still needed, so it stays. Change or cancel this first:",
            "Dieses Segment wird noch gebraucht und bleibt deshalb. Ändern oder stoppen Sie zuerst:";
        in_use_message: Text = "A message that has not been sent", "Eine Nachricht, die noch nicht gesendet ist";
        in_use_job: Text = "A job that has not ended", "Ein Auftrag, der noch nicht fertig ist";
        name: Text = "Name", "Name";
        share: Text = "Everybody who works here sees it", "Alle, die hier arbeiten, sehen es";
        shared: Text = "Shared", "Geteilt";
        private: Text = "Private", "Privat";
        rule: Text = "Rule", "Regel";
        rule_hint: Text = "Written in the language of segments; add filters in the list to have it written for you.",
            "In der Sprache der Segmente; mit Filtern in der Liste wird sie für Sie geschrieben.";
        static_list: Text = "Static list", "Feste Liste";
        static_text: Text = "The cards that were put on it, and no others. Nobody joins or leaves by themselves.",
            "Die Karten, die darauf gesetzt wurden, und keine anderen. Niemand kommt oder geht von selbst.";
        matches: Text = "Who matches now", "Wer jetzt passt";
        members: Counted = |count| if count == 1 { "1 card".into() } else { format!("{count} cards", count = super::en(count)) },
            |count| if count == 1 { "1 Karte".into() } else { format!("{count} Karten", count = super::de(count)) };
        reachable: fn(i64, i64) -> String = |reachable, all| format!("{} of {} can be reached by push now", super::en(reachable), super::en(all)),
            |reachable, all| format!("{} von {} {} jetzt per Push erreichbar", super::de(reachable), super::de(all), super::does(reachable, "ist", "sind"));
        sample: Text = "For example", "Zum Beispiel";
        save: Text = "Save segment", "Segment speichern";
        show: Text = "Show in the list", "In der Liste zeigen";
        nothing_yet: Text = "No segments yet", "Noch keine Segmente";
        nothing_yet_text: Text = "Filter the list of customers and save what you see as a segment. It keeps itself up to date.",
            "Filtern Sie die Kundenliste und speichern Sie das Ergebnis als Segment. Es hält sich selbst aktuell.";
        nothing_yet_ask: Text = "Nobody has shared a segment yet. An editor can make them.",
            "Noch hat niemand ein Segment geteilt. Ein Bearbeiter kann welche anlegen.";
        to_list: Text = "To the customers", "Zu den Kunden";
        saved: Text = "Segment saved.", "Segment gespeichert.";
        deleted: Text = "Segment deleted.", "Segment gelöscht.";
        expected_name: Text = "Please give it a name of at most 60 characters.",
            "Bitte einen Namen mit höchstens 60 Zeichen angeben.";
        name_taken: Text = "Another segment has this name, perhaps a private one of somebody else. Choose another.",
            "Ein anderes Segment heißt schon so, vielleicht ein privates von jemand anderem. Wählen Sie einen anderen Namen.";
        wrong_rule: With = |why| format!("This rule cannot be read: {why}."), |why| format!("Diese Regel ist nicht lesbar ({why}).");
        list_too_long: Text = "A list holds at most 100,000 cards.", "Eine Liste fasst höchstens 100.000 Karten.";
        no_rule: Text = "A search, a list with filters, or nothing at all cannot be kept as a rule. It can be saved as a static list.",
            "Eine Suche oder eine Liste mit Filtern lässt sich nicht als Regel merken. Sie lässt sich als feste Liste speichern.";
        list_title: Text = "Save as static list", "Als feste Liste speichern";
        selection_of: Text = "Selection of", "Auswahl vom";
    }
}
