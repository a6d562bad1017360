//! The landing page of tools, exports, and what all tools say.

use super::{Counted, Text, With, words};

words! {
    /// The landing page of tools, exports, and what all tools say.
    Tools {
        title: Text = "Tools", "Werkzeuge";
        import: Text = "Import customers", "Kunden importieren";
        import_text: Text = "From a CSV file, with a dry run before anything is written.",
            "Aus einer CSV-Datei, mit einem Probelauf, bevor etwas geschrieben wird.";
        export: Text = "Export", "Exportieren";
        export_text: Text = "People or cards as a CSV file that can be imported again.",
            "Personen oder Karten als CSV-Datei, die sich wieder importieren lässt.";
        codes: Text = "Codes", "Codes";
        codes_text: Text = "Batches of codes to print and hand out.", "Serien von Codes zum Drucken und Verteilen.";
        invitations: Text = "Invitations", "Einladungen";
        invitations_text: Text = "Letters by email with a personal link to a card.",
            "E-Mails mit einem persönlichen Link zu einer Karte.";
        program: Text = "Program", "Programm";
        all_programs: Text = "All programs", "Alle Programme";
        no_program: Text = "No card, people only", "Keine Karte, nur Personen";
        choose_program: Text = "Choose a program", "Programm wählen";
        program_is_gone: Text = "This program is gone or takes no new cards. Choose another one.",
            "Dieses Programm gibt es nicht mehr, oder es nimmt keine neuen Karten an. Wählen Sie ein anderes.";
        download: Text = "Download", "Herunterladen";
        print: Text = "Print", "Drucken";
        what: Text = "What to export", "Was exportiert wird";
        cards: Text = "Cards, one row each", "Karten, je eine Zeile";
        people: Text = "People, one row each", "Personen, je eine Zeile";
        exactly_the_list: Text = "Exactly the list that you came from, in its order.",
            "Genau die Liste, von der Sie kommen, in ihrer Reihenfolge.";
        columns: Text = "Columns", "Spalten";
        columns_hint: Text = "All are exported when none is ticked.", "Ist keine angekreuzt, werden alle exportiert.";
        column_is_unknown: Text = "One of these columns is gone. Look at the choice again.",
            "Eine dieser Spalten gibt es nicht mehr. Sehen Sie sich die Auswahl noch einmal an.";
        custom: Text = "Own fields of the program", "Eigene Felder des Programms";
        noted: Text = "Every export is noted with your name, the filter and the number of rows.",
            "Jeder Export wird mit Ihrem Namen, dem Filter und der Zahl der Zeilen festgehalten.";
        show_columns: Text = "Show columns", "Spalten zeigen";
        rows: Counted = |count| if count == 1 { "1 row".into() } else { format!("{count} rows", count = super::en(count)) },
            |count| if count == 1 { "1 Zeile".into() } else { format!("{count} Zeilen", count = super::de(count)) };
        of: With = |name| format!("of {name}"), |name| format!("von {name}");
    }
}
