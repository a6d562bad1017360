//! Actions on many cards: the bar under the list, previews, jobs and what became of them.

use super::{Counted, Text, With, words};

words! {
    /// Actions on many cards.
    Jobs {
        title: Text = "Jobs", "Aufträge";
        /// `%n` is the number, which a script puts in.
        selected: Text = "%n selected", "%n ausgewählt";
        selected_hint: Text = "With the ticked rows:", "Mit den angekreuzten Zeilen:";
        all_matching: Counted = |total| if total == 1 { "The one that matches".into() } else { format!("All {} that match", super::en(total)) },
            |total| if total == 1 { "Der eine Treffer".into() } else { format!("Alle {} Treffer", super::de(total)) };
        clear_selection: Text = "Clear selection", "Auswahl aufheben";
        add_punches: Text = "Add punches", "Stempel geben";
        add_points: Text = "Add points", "Punkte geben";
        redeem: Text = "Redeem", "Einlösen";
        void: Text = "End cards", "Karten beenden";
        restore: Text = "Restore cards", "Karten wiederherstellen";
        take_back: Text = "Take back", "Zurücknehmen";
        message: Text = "Send message", "Nachricht senden";
        put_on_list: Text = "Save as list", "Als Liste speichern";
        able_of: fn(i64, i64) -> String = |able, all| format!("{able} of {all}", able = super::en(able), all = super::en(all)), |able, all| format!("{able} von {all}", able = super::de(able), all = super::de(all));
        preview: Text = "Preview", "Vorschau";
        preview_again: Text = "Preview again", "Vorschau erneuern";
        amount: Text = "How many for each card", "Wie viele je Karte";
        reason: Text = "Reason", "Grund";
        reason_hint: Text = "Stands in each card's history.", "Steht im Verlauf jeder Karte.";
        can_punches: fn(i64, i64) -> String = |able, all| format!("{able} of {all} can be given punches", able = super::en(able), all = super::en(all)),
            |able, all| format!("{} von {} {} Stempel bekommen", super::de(able), super::de(all), super::does(able, "kann", "können"));
        can_points: fn(i64, i64) -> String = |able, all| format!("{able} of {all} can be given points", able = super::en(able), all = super::en(all)),
            |able, all| format!("{} von {} {} Punkte bekommen", super::de(able), super::de(all), super::does(able, "kann", "können"));
        can_redeem: fn(i64, i64) -> String = |able, all| format!("{able} of {all} can be redeemed", able = super::en(able), all = super::en(all)),
            |able, all| format!("{} von {} {} eingelöst werden", super::de(able), super::de(all), super::does(able, "kann", "können"));
        can_void: fn(i64, i64) -> String = |able, all| format!("{able} of {all} can be ended", able = super::en(able), all = super::en(all)),
            |able, all| format!("{} von {} {} beendet werden", super::de(able), super::de(all), super::does(able, "kann", "können"));
        can_restore: fn(i64, i64) -> String = |able, all| format!("{able} of {all} can be restored", able = super::en(able), all = super::en(all)),
            |able, all| format!("{} von {} {} wiederhergestellt werden", super::de(able), super::de(all), super::does(able, "kann", "können"));
        can_take_back: fn(i64, i64) -> String = |able, all| format!("{able} of {all} can be taken back", able = super::en(able), all = super::en(all)),
            |able, all| format!("{} von {} {} zurückgenommen werden", super::de(able), super::de(all), super::does(able, "kann", "können"));
        crossing: fn(i64, i64) -> String = |cards, rewards| format!("{} {} goal, which earns {}.", super::en(cards),
                if cards == 1 { "card reaches its" } else { "cards reach their" }, super::en_of(rewards, "reward", "rewards")),
            |cards, rewards| format!("{} {} ihr Ziel; das bringt {}.", super::de_of(cards, "Karte", "Karten"),
                super::does(cards, "erreicht", "erreichen"), super::de_of(rewards, "Prämie", "Prämien"));
        void_note: Text = "Ended cards stay on the phones. They show that they have ended, and every scan is refused.",
            "Beendete Karten bleiben auf den Handys. Sie zeigen, dass sie beendet sind, und jeder Scan wird abgelehnt.";
        type_number: With = |count| format!("To end them, type their number: {count}"),
            |count| format!("Geben Sie zum Beenden ihre Anzahl ein: {count}");
        type_number_hint: Counted = |many| format!("Asked for more than {many} cards, and for all that match."),
            |many| format!("Wird bei mehr als {many} Karten und bei allen Treffern verlangt.");
        expected_typed: Text = "The number does not fit, so nothing was done. Type how many cards will end.",
            "Die Anzahl stimmt nicht, also geschah nichts. Geben Sie ein, wie viele Karten beendet werden.";
        rest: Text = "The rest, and why", "Der Rest, und warum";
        first_of: With = |count| format!("The first {count} of them."), |count| format!("Die ersten {count} davon.");
        start: Counted = |count| if count == 1 { "Do it to 1 card".into() } else { format!("Do it to {count} cards", count = super::en(count)) },
            |count| if count == 1 { "Für 1 Karte ausführen".into() } else { format!("Für {count} Karten ausführen", count = super::de(count)) };
        nobody_can: Text = "Nobody in this selection can. Choose others, or another action.",
            "Niemand in dieser Auswahl. Wählen Sie andere Karten oder eine andere Aktion.";
        asked_again: Text = "Who matches is looked up again when the job runs; the job says what was different then.",
            "Wer passt, wird beim Ausführen neu nachgesehen; der Auftrag sagt, was dann anders war.";
        expected_amount: Text = "Please type a whole number from 1.", "Bitte eine ganze Zahl ab 1 eingeben.";
        expected_reason: Text = "Please give a reason of at most 200 characters.",
            "Bitte einen Grund mit höchstens 200 Zeichen angeben.";
        nothing_selected: Text = "Nothing is selected. Tick some rows, or choose all that match.",
            "Nichts ist ausgewählt. Kreuzen Sie Zeilen an oder wählen Sie alle Treffer.";
        too_many: Text = "A search, a list with filters, or one row per customer can act on at most 5,000 cards at once. Narrow it down, or filter without a search.",
            "Mit einer Suche, einer Liste mit Filtern oder einer Zeile je Kunde sind höchstens 5.000 Karten auf einmal möglich. Grenzen Sie weiter ein oder filtern Sie ohne Suche.";
        too_long: Text = "These filters are too many to act on at once. Take some of them off.",
            "Das sind zu viele Filter für eine Aktion. Nehmen Sie einige davon weg.";
        wrong_list: Text = "The list that this was chosen from cannot be read any more. Choose again.",
            "Die Liste, aus der gewählt wurde, ist nicht mehr lesbar. Wählen Sie neu.";
        stale: Text = "This form is too old to be sent. Choose again; nothing was done.",
            "Dieses Formular ist zu alt. Wählen Sie neu; nichts ist geschehen.";
        running: Text = "Running", "Läuft";
        paused: Text = "Paused", "Angehalten";
        done: Text = "Done", "Fertig";
        cancelled: Text = "Cancelled", "Abgebrochen";
        goes_on: Text = "Going on", "Im Gange";
        before: Text = "Before", "Zuvor";
        meter: Text = "Progress", "Fortschritt";
        failed: Text = "Failed", "Fehlgeschlagen";
        waits_for_you: Text = "Waits for you", "Wartet auf Sie";
        import: Text = "Import", "Import";
        check_file: Text = "Check of a file", "Prüfung einer Datei";
        sending: Text = "Message", "Nachricht";
        making_codes: Text = "Codes", "Codes";
        rows: Counted = |rows| super::en_of(rows, "row", "rows"), |rows| super::de_of(rows, "Zeile", "Zeilen");
        copies: fn(i64, i64) -> String = |told, all| format!("{} of {} decided", super::en(told), super::en_of(all, "copy", "copies")),
            |told, all| format!("über {} von {} entschieden", super::de(told), super::de_of(all, "Kopie", "Kopien"));
        sent_to: Counted = |count| format!("to {}", super::en_of(count, "recipient", "recipients")), |count| format!("an {} Empfänger", super::de(count));
        codes: fn(i64, i64) -> String = |made, all| format!("{} of {} made", super::en(made), super::en_of(all, "code", "codes")),
            |made, all| format!("{} von {} erzeugt", super::de(made), super::de_of(all, "Code", "Codes"));
        cards_a_minute: Counted = |rate| format!("{} a minute", super::en_of(rate, "card", "cards")),
            |rate| format!("{} pro Minute", super::de_of(rate, "Karte", "Karten"));
        rows_a_minute: Counted = |rate| format!("{} a minute", super::en_of(rate, "row", "rows")),
            |rate| format!("{} pro Minute", super::de_of(rate, "Zeile", "Zeilen"));
        copies_a_minute: Counted = |rate| format!("{} a minute", super::en_of(rate, "copy", "copies")),
            |rate| format!("{} pro Minute", super::de_of(rate, "Kopie", "Kopien"));
        codes_a_minute: Counted = |rate| format!("{} a minute", super::en_of(rate, "code", "codes")),
            |rate| format!("{} pro Minute", super::de_of(rate, "Code", "Codes"));
        seconds_left: Text = "a few seconds left", "noch einige Sekunden";
        a_minute_left: Text = "less than a minute left", "noch weniger als eine Minute";
        minutes_left: Counted = |count| format!("about {count} min left"), |count| format!("noch etwa {count} Min.");
        hours_left: Counted = |count| format!("about {count} h left"), |count| format!("noch etwa {count} Std.");
        gathering: Text = "Looking up who is meant…", "Es wird nachgesehen, wer gemeint ist …";
        progress: fn(i64, i64) -> String = |done, all| format!("{} of {}", super::en(done), super::en_of(all, "card", "cards")),
            |done, all| format!("{} von {}", super::de(done), super::de_of(all, "Karte", "Karten"));
        changed: Text = "Done", "Ausgeführt";
        left_out: Text = "Left out", "Ausgelassen";
        started_by: Text = "Started", "Begonnen";
        ended_at: Text = "Ended", "Beendet";
        pause: Text = "Pause", "Anhalten";
        resume: Text = "Go on", "Fortsetzen";
        cancel: Text = "Cancel the job", "Auftrag abbrechen";
        undo_all: Text = "Undo all of it", "Alles zurücknehmen";
        undo_title: Text = "Undo all of it?", "Alles zurücknehmen?";
        undo_text: Text = "What this job did to each card is taken back, where that still can be. That is a job of its own.",
            "Was dieser Auftrag an jeder Karte getan hat, wird zurückgenommen, soweit das noch geht. Das ist ein eigener Auftrag.";
        started: Text = "The job has begun.", "Der Auftrag hat begonnen.";
        was_paused: Text = "Paused.", "Angehalten.";
        was_resumed: Text = "The job goes on.", "Der Auftrag läuft weiter.";
        was_cancelled: Text = "Cancelled. What was done stays, and can be undone.",
            "Abgebrochen. Was getan ist, bleibt und lässt sich zurücknehmen.";
        same_as_preview: Text = "Exactly what the preview showed.", "Genau wie in der Vorschau.";
        more_cards: Counted = |count| format!("{} than in the preview.", super::en_of(count, "more card", "more cards")),
            |count| format!("{} mehr als in der Vorschau.", super::de_of(count, "Karte", "Karten"));
        fewer_cards: Counted = |count| format!("{} than in the preview.", super::en_of(count, "card fewer", "fewer cards")),
            |count| format!("{} weniger als in der Vorschau.", super::de_of(count, "Karte", "Karten"));
        other_cards: Text = "As many cards as in the preview, but not the same ones.",
            "So viele Karten wie in der Vorschau, aber nicht dieselben.";
        able_differs: fn(i64, i64) -> String = |now, then| format!("It was done to {}; the preview had said {}.", super::en_of(now, "card", "cards"), super::en(then)),
            |now, then| format!("Ausgeführt für {}; die Vorschau sagte {}.", super::de_of(now, "Karte", "Karten"), super::de(then));
        each_card: Text = "Each card", "Jede Karte";
        waiting: Text = "Waiting", "Wartet";
        nothing_yet: Text = "No jobs yet", "Noch keine Aufträge";
        nothing_yet_text: Text = "What takes longer appears here with its progress and its result: actions on many customers, imports, messages and codes.",
            "Was länger dauert, erscheint hier mit Fortschritt und Ergebnis: Aktionen an vielen Kunden, Importe, Nachrichten und Codes.";
        to_list: Text = "To the customers", "Zu den Kunden";
        whom_cards: Counted = |count| if count == 1 { "1 selected card".into() } else { format!("{count} selected cards", count = super::en(count)) },
            |count| if count == 1 { "1 ausgewählte Karte".into() } else { format!("{count} ausgewählte Karten", count = super::de(count)) };
        whom_program: With = |name| format!("all cards of {name}"), |name| format!("alle Karten von {name}");
        whom_batch: Text = "the cards of another job", "die Karten eines anderen Auftrags";
        whom_list: Text = "the cards of a saved list", "die Karten einer gespeicherten Liste";
    }
}
