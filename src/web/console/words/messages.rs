//! Messages: the list, writing one, what it will do and what it did.

use super::{Counted, Language, Text, With, words};
use crate::domain::budget;
use crate::domain::message::State;
use crate::domain::preference::Class;
use crate::store::intents::IntentState;

words! {
    /// Messages: the list, writing one, what it will do and what it did.
    Messages {
        title: Text = "Messages", "Nachrichten";
        one: Text = "Message", "Nachricht";
        new: Text = "New message", "Neue Nachricht";
        edit_title: Text = "Edit message", "Nachricht bearbeiten";
        clicks: Counted = |count| format!("Links on passes and in messages were opened {}.", super::en_of(count, "time", "times")),
            |count| format!("Links auf Pässen und in Nachrichten wurden {}-mal geöffnet.", super::de(count));
        none: Text = "No messages yet", "Noch keine Nachrichten";
        none_text: Text = "Write one to see how many people it reaches before anything is sent.",
            "Schreiben Sie eine: Vor dem Senden sehen Sie, wie viele Menschen sie erreicht.";
        list_caption: Text = "Messages, newest first", "Nachrichten, neueste zuerst";
        text: Text = "Text", "Text";
        state: Text = "State", "Stand";
        to: Text = "To", "An";
        recipients: Text = "Recipients", "Empfänger";
        starts: Text = "Starts", "Beginnt";
        started: Text = "Started", "Begonnen";
        ended: Text = "Ended", "Beendet";
        written: Text = "Written", "Geschrieben";
        not_scheduled: Text = "Not scheduled", "Nicht geplant";
        test: Text = "test", "Test";
        draft: Text = "Draft", "Entwurf";
        scheduled: Text = "Scheduled", "Geplant";
        running: Text = "Running", "Läuft";
        paused: Text = "Paused", "Angehalten";
        done: Text = "Done", "Fertig";
        cancelled: Text = "Cancelled", "Abgesagt";
        aborted: Text = "Aborted", "Abgebrochen";
        balance: Text = "Balance", "Kontostand";
        location: Text = "Places", "Orte";
        marketing: Text = "Marketing", "Werbung";
        tier: Text = "Tier", "Stufe";
        reward: Text = "Rewards", "Prämien";
        one_card: Text = "One card", "Eine Karte";
        cards: Counted = |count| super::en_of(count, "card", "cards"), |count| super::de_of(count, "Karte", "Karten");
        all_of_program: Text = "All of a program", "Alle eines Programms";
        all_holders: With = |name| format!("All holders of {name}"), |name| format!("Alle mit der Karte {name}");
        saved_segment: Text = "A saved segment", "Ein gespeichertes Segment";
        says: Text = "What it says", "Was sie sagt";
        leads_to: With = |host| format!("Leads to {host}"), |host| format!("Führt zu {host}");
        rule_at_start: Text = "Rule at the start", "Regel beim Start";
        clicked: Text = "Clicked", "Angeklickt";
        clicked_by: fn(i64, i64) -> String = |clicks, cards| format!("{}, by {} of them", super::en_of(clicks, "time", "times"), super::en(cards)),
            |clicks, cards| format!("{}-mal, von {} von ihnen", super::de(clicks), super::de(cards));
        forecast_title: Text = "What it will do", "Was sie bewirken wird";
        outcome_title: Text = "Forecast and outcome", "Vorhersage und Ergebnis";
        copies: Text = "Copies of cards are counted: a card in two wallets counts twice.",
            "Gezählt werden Kopien von Karten: Eine Karte in zwei Wallets zählt doppelt.";
        what: Text = "What", "Was";
        forecast: Text = "Forecast", "Vorhersage";
        outcome: Text = "Outcome", "Ergebnis";
        no_forecast: Text = "None made", "Keine gemacht";
        sent_at_once: Text = "Sent at once", "Sofort gesendet";
        deferred: Text = "Later, by the rules", "Später, nach den Regeln";
        not_sent_because: With = |reason| format!("Not sent: {reason}"), |reason| format!("Nicht gesendet: {reason}");
        bar: fn(i64, i64, i64) -> String =
            |sent, deferred, suppressed| format!("{sent} at once, {deferred} later, {suppressed} not", sent = super::en(sent), deferred = super::en(deferred), suppressed = super::en(suppressed)),
            |sent, deferred, suppressed| format!("{sent} sofort, {deferred} später, {suppressed} nicht", sent = super::de(sent), deferred = super::de(deferred), suppressed = super::de(suppressed));
        of_people: fn(i64, i64) -> String =
            |recipients, reached| format!("{} meant; {} can be told.", super::en_of(recipients, "card is", "cards are"), super::en_of(reached, "copy", "copies")),
            |recipients, reached| format!("{} gemeint; {} erreichbar.", super::de_of(recipients, "Karte ist", "Karten sind"), super::de_of(reached, "Kopie ist", "Kopien sind"));
        outdated_forecast: Text = "The message changed after this forecast. Make a new one before you send.",
            "Die Nachricht wurde nach dieser Vorhersage geändert. Machen Sie vor dem Senden eine neue.";
        when_told: Text = "When they are told", "Wann sie es erfahren";
        in_the_hour_from: Text = "In the hour from", "In der Stunde ab";
        created: Text = "Created", "Angelegt";
        now_in: With = |state| format!("Now {state}"), |state| format!("Jetzt {state}");
        waiting: Text = "waiting", "wartend";
        sending: Text = "being sent", "im Versand";
        accepted: Text = "accepted", "angenommen";
        failed: Text = "failed", "gescheitert";
        suppressed: Text = "not sent", "nicht gesendet";
        fetched: Text = "Fetched by phones (Apple Wallet)", "Von Handys geholt (Apple Wallet)";
        half_within: Text = "Half of them within", "Die Hälfte binnen";
        most_within: Text = "95 of 100 within", "95 von 100 binnen";
        progress: fn(i64, i64) -> String = |done, all| format!("{done} of {all} decided", done = super::en(done), all = super::en(all)),
            |done, all| format!("{done} von {all} entschieden", done = super::de(done), all = super::de(all));
        rate: Counted = |rate| format!("{rate} a minute", rate = super::en(rate)), |rate| format!("{rate} pro Minute", rate = super::de(rate));
        make_forecast: Text = "Make a forecast", "Vorhersage machen";
        send_title: Text = "Send it", "Senden";
        confirm: Counted = |count| format!("Type the number of recipients, {count}, to send it", count = super::en(count)),
            |count| format!("Tippen Sie zum Senden die Zahl der Empfänger ein: {count}", count = super::de(count));
        send: Text = "Send", "Senden";
        schedule: Text = "Schedule", "Planen";
        edit: Text = "Edit", "Bearbeiten";
        cancel: Text = "Cancel", "Absagen";
        pause: Text = "Pause", "Anhalten";
        resume: Text = "Go on", "Weiter";
        abort: Text = "Abort…", "Abbrechen …";
        abort_title: Text = "Abort this message?", "Diese Nachricht abbrechen?";
        abort_text: Text = "Who has been told stays told; everybody else never is. This cannot be taken back.",
            "Wer sie schon hat, behält sie; alle anderen bekommen sie nie. Das lässt sich nicht zurücknehmen.";
        abort_yes: Text = "Abort message", "Nachricht abbrechen";
        keep: Text = "Let it run", "Weiterlaufen lassen";
        duplicate: Text = "Duplicate", "Duplizieren";
        test_card: Text = "Send a test to your own card (its id)", "Test an Ihre eigene Karte senden (ihre Nummer)";
        send_test: Text = "Send a test", "Test senden";
        all: Text = "All", "Alle";
        show: Text = "Show", "Zeigen";
        card: Text = "Card", "Karte";
        channel: Text = "Channel", "Kanal";
        why: Text = "Why", "Warum";
        when: Text = "When", "Wann";
        not_before: Text = "not before", "nicht vor";
        fetched_at: Text = "fetched", "geholt";
        nobody: Text = "Nobody", "Niemand";
        nobody_text: Text = "No recipient is in this state.", "Kein Empfänger ist in diesem Stand.";
        back: Text = "Back to the message", "Zurück zur Nachricht";
        more: Text = "More", "Mehr";
        title_field: Text = "Title (may be left out)", "Titel (kann fehlen)";
        link: Text = "Link", "Link";
        link_field: Text = "Link (may be left out)", "Link (kann fehlen)";
        about: Text = "About", "Worum geht es";
        about_hint: Text = "Marketing reaches only who agreed to it; the others are service.",
            "Werbung erreicht nur, wer zugestimmt hat; das andere ist Service.";
        rule_field: Text = "Rule", "Regel";
        at: Text = "At (at once when left out)", "Um (sofort, wenn leer)";
        zone: Text = "By the clock of", "Nach der Uhr";
        shop: Text = "the shop", "des Betriebs";
        each_customer: Text = "each customer", "jedes Kunden";
        selection: Text = "Selected in the list", "In der Liste ausgewählt";
        and_more: Counted = |count| format!("and {count} more", count = super::en(count)), |count| format!("und {count} weitere", count = super::de(count));
        filtered_list: Text = "The filtered list", "Die gefilterte Liste";
        holders_of: Text = "All holders of", "Alle mit der Karte";
        own_segments: Text = "Your segments", "Ihre Segmente";
        ready_segments: Text = "Ready-made segments", "Fertige Segmente";
        rule_typed: Text = "A rule that you write yourself", "Eine selbst geschriebene Regel";
        advanced: Text = "Advanced: the rule as text", "Erweitert: die Regel als Text";
        rule_text: Text = "Text of the rule", "Text der Regel";
        nobody_chosen: Text = "Choose whom the message is for.", "Wählen Sie, für wen die Nachricht ist.";
        ahead: Text = "Whom it reaches", "Wen sie erreicht";
        ahead_later: Text = "For so many, what becomes of each is looked up when you save. Nothing is sent by that.",
            "Bei so vielen wird beim Speichern nachgesehen, was aus jeder wird. Gesendet wird dabei nichts.";
        ahead_nothing: Text = "Choose whom it is for; the numbers appear here.",
            "Wählen Sie, für wen sie ist; hier erscheinen dann die Zahlen.";
        show_ahead: Text = "Show whom it reaches", "Zeigen, wen sie erreicht";
        other_languages: Text = "Other languages", "Weitere Sprachen";
        languages_choose: Text = "Everyone else reads the first text. In Apple Wallet and Google Wallet the phone chooses by its own language; browsers and apps get the language of the customer’s profile.",
            "Alle anderen lesen den ersten Text. In Apple Wallet und Google Wallet wählt das Handy nach seiner eigenen Sprache; in Browsern und Apps gilt die Sprache aus dem Kundenprofil.";
        language: Text = "Language", "Sprache";
        add_language: Text = "Add language", "Sprache hinzufügen";
        no_more_languages: Counted = |count| format!("Besides the first text there can be {count} languages.", count = super::en(count)),
            |count| format!("Neben dem ersten Text sind {count} Sprachen möglich.", count = super::de(count));
        remove_language: With = |name| format!("Remove {name}"), |name| format!("{name} entfernen");
        title_in: With = |name| format!("Title in {name} (may be left out)"), |name| format!("Titel auf {name} (kann fehlen)");
        text_in: With = |name| format!("Text in {name}"), |name| format!("Text auf {name}");
        preview_in: With = |name| format!("On the lock screen, in {name}"), |name| format!("Auf dem Sperrbildschirm, auf {name}");
        also_in: With = |names| format!("also in {names}"), |names| format!("auch auf {names}");
        readers: Text = "Which text they read", "Welchen Text sie lesen";
        phone_chooses: Text = "The phone chooses (wallets)", "Das Handy wählt (Wallets)";
        first_text: Text = "The first text", "Den ersten Text";
        save_and_forecast: Text = "Save and make a forecast", "Speichern und Vorhersage machen";
    }
}

impl Messages {
    pub fn state(&self, state: State) -> Text {
        match state {
            State::Draft => self.draft,
            State::Scheduled => self.scheduled,
            State::Running => self.running,
            State::Paused => self.paused,
            State::Done => self.done,
            State::Cancelled => self.cancelled,
            State::Aborted => self.aborted,
        }
    }

    pub fn class(&self, class: Class) -> Text {
        match class {
            Class::Balance => self.balance,
            Class::Location => self.location,
            Class::Marketing => self.marketing,
            Class::Tier => self.tier,
            Class::Reward => self.reward,
        }
    }

    /// The state that a copy is in.
    pub fn intent(&self, state: IntentState) -> Text {
        match state {
            IntentState::Waiting => self.waiting,
            IntentState::Sending => self.sending,
            IntentState::Accepted => self.accepted,
            IntentState::Failed => self.failed,
            IntentState::Suppressed => self.suppressed,
        }
    }
}

/// Why something does not ring, by its code. What is no code of ours is a provider's own word and stays as it is.
pub fn reason(language: Language, code: &str) -> &str {
    if language == Language::English {
        return budget::reason(code);
    }
    match code {
        "free" => "nichts spricht dagegen",
        "cancelled" => "die Nachricht oder ihre Kampagne wurde abgesagt",
        "paused" => "die Nachricht ist angehalten",
        "not_installed" => "die Karte ist noch in keinem Wallet",
        "removed" => "die Karte wurde aus dem Wallet entfernt",
        "unreachable" => "die Karte hat auf diesem Weg keine erreichbare Kopie",
        "expired" => "die Karte ist abgelaufen",
        "void" => "die Karte ist beendet",
        "preference_paused" => "der Inhaber hat solche Mitteilungen abgestellt",
        "no_consent" => "der Inhaber hat dem nicht zugestimmt",
        "outdated" => "es gibt keine Prämie mehr einzulösen",
        "duplicate" => "derselbe Text ging vor Kurzem an die Karte",
        "too_late" => "es wäre erst nach dem Ende erlaubt",
        "scheduled" => "dafür ist es geplant",
        "platform_cap" => "die Plattform lässt eine Karte nur so oft klingeln",
        "card_cap" => "die Vorgabe lässt eine Karte nur so oft klingeln",
        "gap" => "die Karte hat eben erst geklingelt",
        "quiet_hours" => "es ist Ruhezeit",
        "exhausted" => "der Anbieter zeigt vorerst keine weiteren Mitteilungen",
        "pace" => "andere sind im Tempo des Betriebs vorher dran",
        "merged" => "eine andere Mitteilung sagt es schon",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_that_english_knows_german_knows_too() {
        let source = include_str!("../../../domain/budget/words.rs");
        let (_, table) = source.split_once("match code {").expect("the table");
        let (table, _) = table.split_once("other => other").expect("its end");
        let mut count = 0;
        for line in table.lines().filter_map(|line| line.trim().strip_prefix('"')) {
            let (code, _) = line.split_once('"').expect("a code");
            assert_ne!(reason(Language::German, code), code);
            assert_ne!(reason(Language::English, code), code);
            count += 1;
        }
        assert!(count > 15, "{count}");
        assert_eq!(reason(Language::German, "BadDeviceToken"), "BadDeviceToken");
    }
}
