//! The frame around every page, its dialogs of help and commands, and pages of errors.

use super::{Counted, Text, With, words};

words! {
    /// The frame around every page.
    Shell {
        skip: Text = "Skip to content", "Zum Inhalt springen";
        home: Text = "passgate, all customers", "passgate, alle Kunden";
        main: Text = "Main", "Hauptmenü";
        customers: Text = "Customers", "Kunden";
        segments: Text = "Segments", "Segmente";
        messages: Text = "Messages", "Nachrichten";
        jobs: Text = "Jobs", "Aufträge";
        tools: Text = "Tools", "Werkzeuge";
        settings: Text = "Settings", "Optionen";
        appearance: Text = "Appearance", "Darstellung";
        system: Text = "System", "System";
        light: Text = "Light", "Hell";
        dark: Text = "Dark", "Dunkel";
        language: Text = "Language", "Sprache";
        your_account: Text = "Your account", "Ihr Konto";
        switch_merchant: Text = "Switch merchant", "Betrieb wechseln";
        sign_out: Text = "Sign out", "Abmelden";
        shortcuts: Text = "Keyboard shortcuts", "Tastenkürzel";
        palette: Text = "Go to or do…", "Gehe zu oder tue …";
        palette_hint: Text = "A page, a customer, an action", "Eine Seite, ein Kunde, eine Aktion";
        nothing_found: Text = "Nothing found.", "Nichts gefunden.";
        running_jobs: Counted = |count| if count == 1 { "1 job is running".into() } else { format!("{count} jobs are running", count = super::en(count)) },
            |count| if count == 1 { "1 Auftrag läuft".into() } else { format!("{count} Aufträge laufen", count = super::de(count)) };
        live: Text = "Live", "Live";
        reconnecting: Text = "Reconnecting…", "Verbinde neu …";
        copying_not_allowed: Text = "Copying is not allowed here.", "Kopieren ist hier nicht erlaubt.";
        not_saved: Text = "You have not saved what you typed. Leave anyway?",
            "Ihre Eingaben sind nicht gespeichert. Trotzdem verlassen?";
        lost: Text = "The connection was lost. Nothing was done twice; try again.",
            "Die Verbindung ist abgebrochen. Nichts geschah doppelt; versuchen Sie es noch einmal.";
        session_ended: Text = "Your session has ended. What you typed is still here: sign in beside this page, then press the button again.",
            "Ihre Sitzung ist beendet. Ihre Eingaben stehen noch hier: Melden Sie sich neben dieser Seite an und drücken Sie den Knopf noch einmal.";
        too_long: Text = "That is too long", "Das ist zu lang";
        too_long_text: Text = "A form takes at most 64 KiB, so nothing was saved and nothing was done. Go back: what you typed is in the form if your browser kept it.",
            "Ein Formular fasst höchstens 64 KiB, also wurde nichts gespeichert und nichts getan. Gehen Sie zurück: Ihre Eingaben stehen im Formular, wenn Ihr Browser sie behalten hat.";
        go_back: Text = "Back to where you were", "Zurück, wo Sie waren";
        key_find: Text = "Find", "Suchen";
        key_rows: Text = "Next or previous row", "Nächste oder vorige Zeile";
        key_select: Text = "Select the row", "Zeile auswählen";
        key_open: Text = "Open the row", "Zeile öffnen";
        key_edit: Text = "Edit", "Bearbeiten";
        key_actions: Text = "Actions", "Aktionen";
        key_close: Text = "Close, clear", "Schließen, leeren";
        key_help: Text = "This list", "Diese Liste";
        single_keys: Text = "Use single keys", "Einzelne Tasten verwenden";
        not_found: Text = "Not found", "Nicht gefunden";
        not_found_text: Text =
            "There is nothing at this address. It may have been mistyped, or belong to another merchant.",
            "Unter dieser Adresse gibt es nichts. Vielleicht ist sie falsch geschrieben oder gehört einem anderen Betrieb.";
        not_allowed: Text = "Not allowed", "Nicht erlaubt";
        one_moment: Text = "One moment", "Einen Moment";
        one_moment_text: Text =
            "passgate cannot answer right now. Nothing was changed; try again in a few seconds.",
            "passgate kann gerade nicht antworten. Nichts wurde geändert; versuchen Sie es gleich noch einmal.";
        too_often_text: Text = "That was tried too often. Wait a little, then try again.",
            "Das wurde zu oft versucht. Warten Sie ein wenig und versuchen Sie es dann noch einmal.";
        went_wrong: Text = "Something went wrong", "Etwas ist schiefgegangen";
        went_wrong_text: Text =
            "passgate made a mistake and has written it down. Nothing was changed; try again.",
            "passgate hat einen Fehler gemacht und ihn notiert. Nichts wurde geändert; versuchen Sie es noch einmal.";
        did_not_work: Text = "That did not work", "Das hat nicht geklappt";
        did_not_work_text: Text =
            "passgate could not make sense of this request, so nothing was done. Go back, load the page again and \
             try once more.",
            "passgate hat diese Anfrage nicht verstanden, also geschah nichts. Gehen Sie zurück, laden Sie die Seite \
             neu und versuchen Sie es noch einmal.";
        all_customers: Text = "All customers", "Alle Kunden";
        takes_role: With = |role| format!("This takes the role {role} or higher."),
            |role| format!("Dafür braucht es mindestens die Rolle {role}.");
    }
}
