//! The steps of an import, what columns can mean, and what can be wrong with a row.

use super::{Counted, Language, Text, With, words};
use crate::store::imports::Failure;

words! {
    /// The steps of an import.
    Import {
        title: Text = "Import customers", "Kunden importieren";
        file: Text = "File", "Datei";
        file_hint: Text =
            "CSV in UTF-8, at most 32 MB, with a first line of column names. Commas, semicolons or tabs between cells.",
            "CSV in UTF-8, höchstens 32 MB, mit einer ersten Zeile aus Spaltennamen. Zwischen den Zellen Kommas, Semikolons oder Tabulatoren.";
        program_hint: Text = "Who has no card of it yet gets one.", "Wer noch keine Karte davon hat, bekommt eine.";
        welcome: Text = "Give new cards the program's welcome", "Neuen Karten den Willkommensgruß des Programms geben";
        welcome_hint: Text = "Cards that begin with a balance from the file never get it.",
            "Karten, die mit einem Stand aus der Datei beginnen, bekommen ihn nie.";
        upload: Text = "Upload and look at it", "Hochladen und ansehen";
        nothing_yet: Text = "Nothing is imported yet: first you say what the columns mean, then you see what would happen.",
            "Noch wird nichts importiert: Zuerst sagen Sie, was die Spalten bedeuten, dann sehen Sie, was geschähe.";
        template: Text = "Template to fill in", "Vorlage zum Ausfüllen";
        template_hint: Text = "With every column of the program and two example rows, which are never imported.",
            "Mit jeder Spalte des Programms und zwei Beispielzeilen, die nie importiert werden.";
        recent: Text = "Files of the last day", "Dateien des letzten Tages";
        no_file: Text = "Choose a file first.", "Wählen Sie zuerst eine Datei.";
        too_large: Text = "The file is larger than 32 MB. Cut it into several; nothing was kept of it.",
            "Die Datei ist größer als 32 MB. Teilen Sie sie auf; von ihr wurde nichts behalten.";
        too_many: Text = "Ten files are waiting already. Import or delete one of them first.",
            "Zehn Dateien warten schon. Importieren oder löschen Sie erst eine davon.";
        empty: Text = "The file is empty, or its first line has no column names.",
            "Die Datei ist leer, oder in ihrer ersten Zeile stehen keine Spaltennamen.";
        too_many_columns: Counted = |count| format!("The file has {count} columns; at most 200 can be read. Is it a CSV file?", count = super::en(count)),
            |count| format!("Die Datei hat {count} Spalten; höchstens 200 lassen sich lesen. Ist es eine CSV-Datei?", count = super::de(count));
        encoding: fn(i64, i64) -> String =
            |line, byte| format!("The file is not text in UTF-8: line {line}, byte {byte}. In your spreadsheet choose “Save as” and “CSV UTF-8”, then upload that file. Nothing was kept of this one.", line = super::en(line), byte = super::en(byte)),
            |line, byte| format!("Die Datei ist kein Text in UTF-8: Zeile {line}, Byte {byte}. Wählen Sie in Ihrer Tabelle „Speichern unter“ und „CSV UTF-8“ und laden Sie diese Datei hoch. Von der hier wurde nichts behalten.", line = super::de(line), byte = super::de(byte));
        long_row: Counted =
            |line| format!("The row that begins in line {line} does not end, or one of its cells is larger than a row may be. Is a closing quote missing there? Nothing was kept of the file.", line = super::en(line)),
            |line| format!("Die Zeile, die in Zeile {line} der Datei beginnt, hört nicht auf, oder eine ihrer Zellen ist größer, als eine Zeile sein darf. Fehlt dort ein schließendes Anführungszeichen? Von der Datei wurde nichts behalten.", line = super::de(line));
        broken_off: Text = "The file did not arrive to its end. Nothing was kept of it; upload it again.",
            "Die Datei kam nicht vollständig an. Von ihr wurde nichts behalten; laden Sie sie noch einmal hoch.";
        steps: Text = "Steps", "Schritte";
        step_upload: Text = "File", "Datei";
        step_columns: Text = "Columns", "Spalten";
        step_try: Text = "Dry run", "Probelauf";
        step_run: Text = "Import", "Import";
        columns_text: Text = "What does each column mean?", "Was bedeutet jede Spalte?";
        meaning: Text = "Meaning", "Bedeutung";
        first_rows: Text = "First rows", "Erste Zeilen";
        meaning_of: With = |header| format!("Meaning of {header}"), |header| format!("Bedeutung von {header}");
        nameless: Counted = |place| format!("Column {place}", place = super::en(place)), |place| format!("Spalte {place}", place = super::de(place));
        nothing_known: Text = "None of these columns is known by its name. Say for at least one what it means.",
            "Keine dieser Spalten ist am Namen zu erkennen. Sagen Sie bei mindestens einer, was sie bedeutet.";
        twice: fn(&str, &str) -> String = |one, other| format!("“{one}” and “{other}” mean the same. Set one of them to “Leave out”."),
            |one, other| format!("„{one}“ und „{other}“ bedeuten dasselbe. Stellen Sie eine davon auf „Weglassen“.");
        no_meaning: Text = "One of these meanings is gone. Look at the columns again.",
            "Eine dieser Bedeutungen gibt es nicht mehr. Sehen Sie sich die Spalten noch einmal an.";
        try_it: Text = "Start dry run", "Probelauf starten";
        trying: Text = "Looking through the file", "Die Datei wird durchgesehen";
        trying_text: Text = "Nothing is written. You may leave this page.",
            "Nichts wird geschrieben. Sie können diese Seite verlassen.";
        running: Text = "Importing", "Import läuft";
        running_text: Text = "You may leave this page; the import goes on, also when passgate is restarted.",
            "Sie können diese Seite verlassen; der Import läuft weiter, auch wenn passgate neu gestartet wird.";
        tried: Text = "This is what the import would do", "Das würde der Import tun";
        done: Text = "Imported", "Importiert";
        cancelled: Text = "Import stopped", "Import angehalten";
        cancelled_text: Text = "What was imported until then stays. Upload the same file again to go on where it stopped.",
            "Was bis dahin importiert wurde, bleibt. Laden Sie dieselbe Datei noch einmal hoch, um dort weiterzumachen.";
        not_done: Text = "Not imported to its end", "Nicht bis zum Ende importiert";
        progress: Text = "Progress", "Fortschritt";
        created: Text = "Created", "Angelegt";
        updated: Text = "Updated", "Geändert";
        unchanged: Text = "Unchanged", "Unverändert";
        failed: Text = "Failed", "Fehlerhaft";
        rows: Text = "Rows", "Zeilen";
        failed_left: Text = "Good rows are imported even though others fail.",
            "Gute Zeilen werden importiert, auch wenn andere fehlerhaft sind.";
        balances_kept: Counted =
            |count| format!("{} a balance of a card that is there already. Such cards keep their own.", super::en_of(count, "row names", "rows name")),
            |count| format!("{} einen Stand zu einer Karte, die es schon gibt. Solche Karten behalten ihren eigenen.", super::de_of(count, "Zeile nennt", "Zeilen nennen"));
        consents_left: Counted =
            |count| format!("{} a consent that is not noted: it lacks when and where it was given, or the person has refused it here.", super::en_of(count, "row names", "rows name")),
            |count| format!("{} eine Einwilligung, die nicht vermerkt wird: Es fehlt, wann und wo sie gegeben wurde, oder die Person hat sie hier verweigert.", super::de_of(count, "Zeile nennt", "Zeilen nennen"));
        run: Counted = |count| if count == 1 { "Import 1 row".into() } else { format!("Import {count} rows", count = super::en(count)) },
            |count| if count == 1 { "1 Zeile importieren".into() } else { format!("{count} Zeilen importieren", count = super::de(count)) };
        change_columns: Text = "Change columns", "Spalten ändern";
        stop: Text = "Stop", "Anhalten";
        discard: Text = "Delete file", "Datei löschen";
        discarded: Text = "File deleted.", "Datei gelöscht.";
        another: Text = "Import another file", "Weitere Datei importieren";
        to_the_list: Text = "To the customers", "Zu den Kunden";
        errors: Text = "Rows that were not taken", "Nicht übernommene Zeilen";
        errors_would: Text = "Rows that would not be taken", "Zeilen, die nicht übernommen würden";
        download_failed: Text = "Download failed rows", "Fehlerhafte Zeilen herunterladen";
        download_hint: Text = "The same columns and one more that says what is wrong. Put them right and upload that file.",
            "Dieselben Spalten und eine mehr, in der steht, was nicht stimmt. Berichtigen Sie sie und laden Sie diese Datei hoch.";
        line: Text = "Line", "Zeile";
        in_line: Counted = |line| format!("line {line}"), |line| format!("Zeile {line}");
        column: Text = "Column", "Spalte";
        value: Text = "Value", "Wert";
        what_is_wrong: Text = "What is wrong", "Was nicht stimmt";
        code: Text = "Code", "Kennung";
        whole_row: Text = "whole row", "ganze Zeile";
        more_errors: Text = "More rows", "Weitere Zeilen";
        first_errors: Text = "From the beginning", "Von vorn";
        kept_until: Text = "This page and the failed rows are kept until", "Diese Seite und die fehlerhaften Zeilen werden aufbewahrt bis";
        uploaded: Text = "uploaded", "hochgeladen";
        state_received: Text = "Columns not chosen", "Spalten nicht gewählt";
        state_trying: Text = "Being looked through", "Wird durchgesehen";
        state_tried: Text = "Ready to import", "Bereit zum Import";
        state_running: Text = "Importing", "Import läuft";
        state_done: Text = "Imported", "Importiert";
        state_cancelled: Text = "Stopped", "Angehalten";
        state_failed: Text = "Not imported", "Nicht importiert";
        moved: Text = "Somebody else has gone on with this file meanwhile. This is how it stands now.",
            "Jemand anderes hat inzwischen mit dieser Datei weitergemacht. So steht es jetzt.";
        problem_too_many_rows: Text = "A file may have at most 1,000,000 rows. Cut it into several.",
            "Eine Datei darf höchstens 1.000.000 Zeilen haben. Teilen Sie sie auf.";
        problem_no_program: Text = "The program is gone or takes no new cards.",
            "Das Programm gibt es nicht mehr, oder es nimmt keine neuen Karten an.";
        problem_columns: Text = "The fields of the program have changed meanwhile. Upload the file again and choose its columns anew.",
            "Die Felder des Programms haben sich inzwischen geändert. Laden Sie die Datei noch einmal hoch und wählen Sie die Spalten neu.";
        problem_busy: Text = "The same file is being imported elsewhere.", "Dieselbe Datei wird gerade anderswo importiert.";
        problem_erased: Text = "The file was thrown away, because somebody was erased whom it may have named. Upload it again.",
            "Die Datei wurde verworfen, weil inzwischen jemand gelöscht wurde, der darin vorkommen konnte. Laden Sie sie noch einmal hoch.";
        problem_fault: Text = "passgate made a mistake and has written it down. What was imported until then stays; upload the same file again to go on.",
            "passgate hat einen Fehler gemacht und ihn notiert. Was bis dahin importiert wurde, bleibt; laden Sie dieselbe Datei noch einmal hoch, um weiterzumachen.";
    }
}

/// What a column of files is called on pages; none for the own fields of programs, which have labels.
pub fn column(language: Language, name: &str) -> Option<Text> {
    let (english, german) = match name {
        "first_name" => ("First name", "Vorname"),
        "last_name" => ("Last name", "Nachname"),
        "email" => ("Email", "E-Mail"),
        "phone" => ("Phone", "Telefon"),
        "external_id" => ("Customer number", "Kundennummer"),
        "birthday" => ("Birthday", "Geburtstag"),
        "language" => ("Language", "Sprache"),
        "tags" => ("Tags", "Schlagworte"),
        "serial_number" => ("Serial number of the card", "Seriennummer der Karte"),
        "stamps" => ("Punches to begin with", "Stempel zu Beginn"),
        "points" => ("Points to begin with", "Punkte zu Beginn"),
        "spend" => ("Spend to begin with", "Umsatz zu Beginn"),
        "marketing_consent" => ("Consent to marketing", "Einwilligung in Werbung"),
        "consent_at" => ("Consent: when", "Einwilligung: wann"),
        "consent_source" => ("Consent: where", "Einwilligung: wo"),
        "consent_text" => (
            "Consent: version of the words",
            "Einwilligung: Fassung des Textes",
        ),
        "consent_language" => ("Consent: language", "Einwilligung: Sprache"),
        "profiling_consent" => (
            "Consent to being sorted by purchases",
            "Einwilligung: Einordnung nach Einkäufen",
        ),
        "profiling_consent_at" => ("Sorting: when", "Einordnung: wann"),
        "profiling_consent_source" => ("Sorting: where", "Einordnung: wo"),
        "profiling_consent_text" => ("Sorting: version of the words", "Einordnung: Fassung des Textes"),
        "profiling_consent_language" => ("Sorting: language", "Einordnung: Sprache"),
        "personalised_consent" => (
            "Consent to offers chosen by purchases",
            "Einwilligung: Angebote nach Einkäufen",
        ),
        "personalised_consent_at" => ("Chosen offers: when", "Angebote: wann"),
        "personalised_consent_source" => ("Chosen offers: where", "Angebote: wo"),
        "personalised_consent_text" => (
            "Chosen offers: version of the words",
            "Angebote: Fassung des Textes",
        ),
        "personalised_consent_language" => ("Chosen offers: language", "Angebote: Sprache"),
        "utm_source" => ("UTM source", "UTM-Quelle"),
        "utm_medium" => ("UTM medium", "UTM-Medium"),
        "utm_campaign" => ("UTM campaign", "UTM-Kampagne"),
        "utm_content" => ("UTM content", "UTM-Inhalt"),
        "utm_term" => ("UTM term", "UTM-Begriff"),
        "example" => ("Mark of an example row", "Kennzeichen einer Beispielzeile"),
        "ignore" => ("Leave out", "Weglassen"),
        "status" => ("State of the card", "Zustand der Karte"),
        "created_at" => ("Created at", "Angelegt am"),
        _ => return None,
    };
    Some(match language {
        Language::English => english,
        Language::German => german,
    })
}

/// What is wrong with a cell or a row: in English as it stands, in German by its code.
pub fn problem(language: Language, code: &str, message: &str) -> String {
    let german = match code {
        "example" => "Das ist ein Beispiel der Vorlage; löschen Sie die Zeile.",
        "no_contact" => {
            "Es fehlt etwas, woran die Person wiederzuerkennen ist: E-Mail, Telefon oder Kundennummer."
        }
        "required" => "Hier muss etwas stehen.",
        "repeated" => "Eine Zeile weiter oben betrifft dieselbe Person.",
        "belongs_to_another" => "Gehört schon einer anderen Person.",
        "contact_differs" => "Widerspricht dem, was von dieser Person bekannt ist.",
        "came_otherwise" => {
            "Die Karte gibt es schon, und sie kam auf anderem Weg. Das bleibt so; lassen Sie die Zelle leer."
        }
        "too_many_cells" => "Die Zeile hat mehr Zellen als Spalten. Fehlt ein Anführungszeichen?",
        "no_choice" => "Keine der erlaubten Angaben.",
        "no_date" => "Kein Datum wie 2026-01-31.",
        "impossible_date" => "Diesen Tag gibt es nicht.",
        "in_the_future" | "future_date" => "Liegt in der Zukunft.",
        "not_an_amount" => "Kein Betrag.",
        "not_a_balance" => "Keine ganze Zahl ab 0.",
        "wrong_kind" => "Passt nicht zur Art des Programms.",
        "malformed" => "Hat nicht die Form, die hier stehen muss.",
        "control_character" => "Enthält Leerzeichen oder Zeichen, die hier nicht stehen können.",
        "impossible_number" => "Diese Nummer gibt es nicht.",
        "no_country" => "Der Nummer fehlt die Vorwahl des Landes.",
        "not_a_number" => "Keine Zahl.",
        "unknown" => "Das ist hier nicht bekannt.",
        "too_long" => "Zu lang.",
        "too_many" => "Zu viele.",
        _ => "",
    };
    match language {
        Language::German if !german.is_empty() => german.to_owned(),
        _ => {
            let mut letters = message.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string());
            format!(
                "{}{}.",
                first.unwrap_or_default(),
                letters.as_str().trim_end_matches('.')
            )
        }
    }
}

impl Import {
    /// What is wrong with a row, in the file of failed rows: for whoever downloads it.
    pub fn failure(&self, language: Language, failure: &Failure) -> String {
        let said = failure.problems.iter().map(|wrong| {
            let text = problem(language, &wrong.code, &wrong.message);
            match wrong.column.as_str() {
                "" => text,
                column => format!("{column}: {text}"),
            }
        });
        format!(
            "{}: {}",
            (self.in_line)(failure.line),
            said.collect::<Vec<_>>().join(" ")
        )
    }

    pub fn state(&self, state: crate::domain::upload::UploadState) -> Text {
        use crate::domain::upload::UploadState;
        match state {
            UploadState::Receiving | UploadState::Received => self.state_received,
            UploadState::Trying => self.state_trying,
            UploadState::Tried => self.state_tried,
            UploadState::Running => self.state_running,
            UploadState::Done => self.state_done,
            UploadState::Cancelled => self.state_cancelled,
            UploadState::Failed => self.state_failed,
        }
    }

    pub fn problem(&self, problem: crate::domain::upload::UploadProblem) -> Text {
        use crate::domain::upload::UploadProblem;
        match problem {
            UploadProblem::TooManyRows => self.problem_too_many_rows,
            UploadProblem::NoProgram => self.problem_no_program,
            UploadProblem::Columns => self.problem_columns,
            UploadProblem::Busy => self.problem_busy,
            UploadProblem::Erased => self.problem_erased,
            UploadProblem::Fault => self.problem_fault,
        }
    }
}
