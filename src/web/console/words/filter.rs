//! Filters: fields, what they are compared with, and the form that puts a condition together.

use super::{Language, Text, With, words};

words! {
    /// Filters.
    Filter {
        title: Text = "Add a filter", "Filter hinzufügen";
        or_title: Text = "Add an alternative", "Alternative hinzufügen";
        choose: Text = "Choose what to filter by.", "Wonach soll gefiltert werden?";
        add: Text = "Add filter", "Filter hinzufügen";
        other_field: Text = "Another field", "Anderes Feld";
        comparison: Text = "Comparison", "Vergleich";
        value: Text = "Value", "Wert";
        values: Text = "Values", "Werte";
        values_hint: Text = "Separate several with semicolons.", "Mehrere mit Semikolon trennen.";
        from: Text = "From", "Von";
        to: Text = "To", "Bis";
        either_hint: Text = "Either one may be left out.", "Eines davon darf leer bleiben.";
        day: Text = "Day", "Tag";
        month: Text = "Month", "Monat";
        span: Text = "How many", "Wie viele";
        unit: Text = "Unit", "Einheit";
        days: Text = "days", "Tage";
        hours: Text = "hours", "Stunden";
        one_day: Text = "1 day", "1 Tag";
        one_hour: Text = "1 hour", "1 Stunde";
        /// After "in the last" and "in the next".
        within_days: Text = "days", "Tagen";
        which: Text = "Which field", "Welches Feld";
        which_hint: Text = "The code of a field that a program asks for.", "Der Code eines Felds, das ein Programm abfragt.";
        is: Text = "is", "ist";
        is_one_of: Text = "is one of", "ist eines von";
        not: Text = "is not", "ist nicht";
        has: Text = "contains", "enthält";
        under: Text = "under", "unter";
        over: Text = "over", "über";
        before: Text = "before", "vor dem";
        after: Text = "after", "nach dem";
        between: Text = "between", "zwischen";
        empty: Text = "is empty", "ist leer";
        older: Text = "longer ago than", "länger her als";
        within: Text = "in the last", "in den letzten";
        next: Text = "in the next", "in den nächsten";
        today: Text = "is today", "ist heute";
        from_to: fn(&str, &str) -> String = |from, to| format!("{from} to {to}"), |from, to| format!("{from} bis {to}");
        from_on: With = |from| format!("from {from}"), |from| format!("ab {from}");
        up_to: With = |to| format!("up to {to}"), |to| format!("bis {to}");
        but_not: With = |rule| format!("not ({rule})"), |rule| format!("nicht ({rule})");
        everybody: Text = "everybody", "alle";
        nobody: Text = "nobody", "niemand";
        and: Text = " and ", " und ";
        or: Text = " or ", " oder ";
        static_list: Text = "A list of cards that were put on it.", "Eine Liste von Karten, die darauf gesetzt wurden.";
        expected_number: Text = "Please type a whole number.", "Bitte eine ganze Zahl eingeben.";
        expected_decimal: Text = "Please type a number such as 3.5.", "Bitte eine Zahl wie 3,5 eingeben.";
        expected_money: Text = "Please type an amount such as 12.50.", "Bitte einen Betrag wie 12,50 eingeben.";
        expected_day: Text = "Please choose a day.", "Bitte einen Tag wählen.";
        expected_day_of_year: Text = "Please choose a month and a day that it has.",
            "Bitte einen Monat wählen und einen Tag, den er hat.";
        expected_percent: Text = "Please type a percentage such as 75 or 37.5.",
            "Bitte einen Prozentwert wie 75 oder 37,5 eingeben.";
        expected_text: Text = "Please type something to compare with.", "Bitte einen Vergleichswert eingeben.";
        expected_choice: Text = "Please choose at least one.", "Bitte mindestens eines wählen.";
        expected_span: Text = "Please type how many days or hours.", "Bitte die Anzahl Tage oder Stunden eingeben.";
        expected_code: Text = "Please type the code of a field, such as shoe_size.",
            "Bitte den Code eines Felds eingeben, zum Beispiel shoe_size.";
        backwards: Text = "The first value must not come after the last one.",
            "Der erste Wert darf nicht hinter dem letzten liegen.";
        too_long: Text = "There are too many filters for one address. Remove one, or save this list as a segment first.",
            "Das sind zu viele Filter für eine Adresse. Nehmen Sie einen weg oder speichern Sie die Liste zuerst als Segment.";
    }
}

/// What a field is called.
pub fn field(language: Language, name: &str) -> Text {
    let (english, german) = match name {
        "program" => ("Program", "Programm"),
        "kind" => ("Kind of card", "Kartenart"),
        "status" => ("Status", "Status"),
        "wallet" => ("Wallet", "Wallet"),
        "coupon" => ("Coupon", "Coupon"),
        "ready" => ("Ready to redeem", "Einlösbar"),
        "high_value" => ("High value", "Hoher Umsatz"),
        "rfm" => ("Recency and frequency", "Aktualität und Häufigkeit"),
        "platform" => ("Platform", "Plattform"),
        "reachable" => ("Reachable by push", "Per Push erreichbar"),
        "reachable_for" => ("Reachable for", "Erreichbar für"),
        "consent" => ("Consent", "Einwilligung"),
        "paused" => ("Paused notifications", "Pausierte Mitteilungen"),
        "punches" => ("Punches", "Stempel"),
        "points" => ("Points", "Punkte"),
        "progress" => (
            "Progress in percent of the goal",
            "Fortschritt in Prozent des Ziels",
        ),
        "rewards" => ("Rewards ready", "Prämien bereit"),
        "redemptions" => ("Redemptions", "Einlösungen"),
        "visits" => ("Visits", "Besuche"),
        "scans" => ("Scans and taps", "Scans"),
        "spend" => ("Spend", "Umsatz"),
        "unpriced" => ("Visits without an amount", "Besuche ohne Betrag"),
        "tier" => ("Tier", "Stufe"),
        "tier_points" => ("Tier points", "Stufenpunkte"),
        "rating" => ("Feedback rating", "Bewertung"),
        "comments" => ("Comments", "Kommentare"),
        "joined" => ("Joined", "Dabei seit"),
        "installed" => ("First in a wallet", "Erstmals im Wallet"),
        "last_visit" => ("Last visit", "Letzter Besuch"),
        "visit_before" => ("Last visit but one", "Vorletzter Besuch"),
        "activity" => ("Last visit, else joined", "Letzter Besuch, sonst dabei seit"),
        "expires" => ("Card ends", "Karte endet"),
        "redeemed" => ("Redemption date", "Einlösedatum"),
        "first_redeemed" => ("First redemption", "Erste Einlösung"),
        "last_redeemed" => ("Last redemption", "Letzte Einlösung"),
        "birthday" => ("Birthday", "Geburtstag"),
        "name" => ("Name", "Name"),
        "email" => ("Email", "E-Mail"),
        "phone" => ("Phone", "Telefon"),
        "external_id" => ("External id", "Fremde Kennung"),
        "language" => ("Language", "Sprache"),
        "verified" => ("Verified", "Bestätigt"),
        "tag" => ("Tag", "Schlagwort"),
        "custom" => ("Own field", "Eigenes Feld"),
        "utm_source" => ("UTM source", "UTM-Quelle"),
        "utm_medium" => ("UTM medium", "UTM-Medium"),
        "utm_campaign" => ("UTM campaign", "UTM-Kampagne"),
        "utm_content" => ("UTM content", "UTM-Inhalt"),
        "utm_term" => ("UTM term", "UTM-Begriff"),
        _ => ("Field", "Feld"),
    };
    match language {
        Language::English => english,
        Language::German => german,
    }
}

/// What a word of the language of rules is called; none for one that is not known.
pub fn word(language: Language, word: &str) -> Option<Text> {
    let (english, german) = match word {
        "pending" => ("Not installed", "Nicht installiert"),
        "installed" => ("Installed", "Installiert"),
        "removed" => ("Removed", "Entfernt"),
        "void" => ("Ended", "Beendet"),
        "expired" => ("Expired", "Abgelaufen"),
        "active" => ("Active", "Gültig"),
        "redeemed" => ("Redeemed", "Eingelöst"),
        "punch" => ("Punch card", "Stempelkarte"),
        "points" => ("Points card", "Punktekarte"),
        "coupon" => ("Coupon", "Coupon"),
        "yes" => ("Yes", "Ja"),
        "no" => ("No", "Nein"),
        "apple" => ("Apple Wallet", "Apple Wallet"),
        "google" => ("Google Wallet", "Google Wallet"),
        "marketing" => ("Marketing", "Werbung"),
        "profiling" => ("Profiling", "Profilbildung"),
        "personalised" => ("Personalised offers", "Persönliche Angebote"),
        "balance" => ("Balance", "Guthaben"),
        "location" => ("Location", "Standort"),
        "tier" => ("Tier", "Stufe"),
        "reward" => ("Rewards", "Prämien"),
        "no_visit_yet" => ("No visit yet", "Noch kein Besuch"),
        "beginners" => ("Beginners", "Einsteiger"),
        "growths" => ("Growths", "Aufsteiger"),
        "champions" => ("Champions", "Champions"),
        "doubtful" => ("Doubtful", "Unsichere"),
        "medium" => ("Medium", "Mittlere"),
        "loyal" => ("Loyal", "Treue"),
        "sleeping" => ("Sleeping", "Schlafende"),
        "at_risk" => ("At risk", "Gefährdete"),
        "needs_attention" | "need_attention" => ("Need attention", "Brauchen Aufmerksamkeit"),
        "loyal_customers" => ("Loyal customers", "Treue Kunden"),
        "potential_loyalists" => ("Potential loyalists", "Mögliche Treue"),
        "new_customers" => ("New customers", "Neukunden"),
        "promising" => ("Promising", "Vielversprechende"),
        "about_to_sleep" => ("About to sleep", "Bald Schlafende"),
        "cannot_lose_them" => ("Cannot lose them", "Nicht verlieren"),
        "hibernating" => ("Hibernating", "Im Winterschlaf"),
        "lost" => ("Lost", "Verlorene"),
        _ => return None,
    };
    Some(match language {
        Language::English => english,
        Language::German => german,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rfm::{Fifths, Grid, Limits};
    use crate::domain::segment::cell_word;

    #[test]
    fn every_cell_of_a_grid_has_a_name_in_each_language() {
        for grid in [Grid::Limits(Limits::default()), Grid::Fifths(Fifths::default())] {
            for name in grid.cells().map(|cell| grid.name(cell)) {
                for language in [Language::English, Language::German] {
                    assert!(word(language, &cell_word(name)).is_some(), "{name}");
                }
            }
        }
    }
}
