//! The list of customers: its columns, its segments, what it says when it is empty.

use super::{Counted, Language, Text, With, words};
use crate::domain::chips::Chip;

words! {
    /// The list of customers.
    List {
        title: Text = "Customers", "Kunden";
        customers: Counted = |count| if count == 1 { "customer".into() } else { "customers".into() },
            |count| if count == 1 { "Kunde".into() } else { "Kunden".into() };
        cards: Counted = |count| if count == 1 { "card".into() } else { "cards".into() },
            |count| if count == 1 { "Karte".into() } else { "Karten".into() };
        find: Text = "Find a customer", "Kunden suchen";
        find_hint: Text = "Name, email, phone or serial number", "Name, E-Mail, Telefon oder Seriennummer";
        search: Text = "Search", "Suchen";
        name: Text = "Customer", "Kunde";
        email: Text = "Email", "E-Mail";
        phone: Text = "Phone", "Telefon";
        program: Text = "Program", "Programm";
        status: Text = "Status", "Status";
        punches: Text = "Punches", "Stempel";
        points: Text = "Points", "Punkte";
        rewards: Text = "Rewards", "Prämien";
        visits: Text = "Visits", "Besuche";
        progress: Text = "Progress", "Fortschritt";
        tier: Text = "Tier", "Stufe";
        tier_points: Text = "Tier points", "Stufenpunkte";
        activity: Text = "Last activity", "Zuletzt aktiv";
        spend: Text = "Spend", "Umsatz";
        joined: Text = "Created", "Angelegt";
        segments: Text = "Segments", "Segmente";
        filters: Text = "Filters", "Filter";
        add_filter: Text = "Add filter", "Filter hinzufügen";
        or: Text = "or", "oder";
        and: Text = "and", "und";
        add_alternative: Text = "Or…", "Oder …";
        remove_filter: With = |what| format!("Remove the filter: {what}"), |what| format!("Filter entfernen: {what}");
        found_by: With = |what| format!("“{what}”"), |what| format!("„{what}“");
        remove_search: With = |what| format!("Clear the search for {what}"), |what| format!("Suche nach {what} löschen");
        clear: Text = "Clear filters", "Filter löschen";
        rule: Text = "Rule", "Regel";
        by_card: Text = "One row per card", "Eine Zeile je Karte";
        by_customer: Text = "One row per customer", "Eine Zeile je Kunde";
        columns: Text = "Columns", "Spalten";
        show_columns: Text = "Show these columns", "Diese Spalten zeigen";
        page_size: Text = "Rows per page", "Zeilen je Seite";
        sort_by: Text = "Sort by", "Sortieren nach";
        descending: Text = "descending", "absteigend";
        ascending: Text = "ascending", "aufsteigend";
        sort: Text = "Sort", "Sortieren";
        more_cards: Counted = |count| if count == 1 { "and 1 more card".into() } else { format!("and {count} more cards", count = super::en(count)) },
            |count| if count == 1 { "und 1 weitere Karte".into() } else { format!("und {count} weitere Karten", count = super::de(count)) };
        expired: Text = "Expired", "Abgelaufen";
        redeemed: Text = "Redeemed", "Eingelöst";
        is_cut: Text = "More people match than are listed. Type more to see all of them.",
            "Es gibt mehr Treffer, als hier stehen. Tippen Sie mehr, um alle zu sehen.";
        nothing_yet: Text = "No customers yet", "Noch keine Kunden";
        nothing_yet_text: Text = "A customer appears here as soon as a card is issued to them.",
            "Ein Kunde erscheint hier, sobald eine Karte für ihn ausgestellt ist.";
        nothing_yet_ask: Text = "A customer appears here as soon as a card is issued to them. Your role only looks; an editor can add customers.",
            "Ein Kunde erscheint hier, sobald eine Karte für ihn ausgestellt ist. Ihre Rolle darf nur ansehen; ein Bearbeiter kann Kunden anlegen.";
        add_customer: Text = "Add a customer", "Kunden anlegen";
        no_match: Text = "No customer matches", "Kein Kunde passt";
        no_match_text: Text = "Nobody is in this list right now.", "Gerade ist niemand in dieser Liste.";
        no_match_find: With = |what| format!("Searched names, emails, phone numbers and serial numbers for “{what}”."),
            |what| format!("Gesucht in Namen, E-Mails, Telefonnummern und Seriennummern nach „{what}“.");
        past_end: Text = "Past the end", "Hinter dem Ende";
        past_end_text: Text = "There is nobody on this side of the list any more.",
            "Auf dieser Seite der Liste steht niemand mehr.";
        first_page: Text = "Back to the first page", "Zur ersten Seite";
        wrong: Text = "This address does not describe a list", "Diese Adresse beschreibt keine Liste";
        wrong_segment: Text = "It names a segment that there is not, or that is private to somebody else.",
            "Sie nennt ein Segment, das es nicht gibt oder das nur jemand anderes sieht.";
        wrong_rule: With = |why| format!("Its filter cannot be read: {why}."),
            |why| format!("Ihr Filter ist nicht lesbar ({why}).");
        wrong_find: Text = "What it searches for is too long, or holds nothing that could be searched for.",
            "Die Suche ist zu lang oder enthält nichts, wonach man suchen kann.";
        wrong_sort: Text = "It sorts by a column that there is not.", "Sie sortiert nach einer Spalte, die es nicht gibt.";
        wrong_place: Text = "Its place in the list was changed, or belongs to another list.",
            "Die Stelle in der Liste wurde verändert oder gehört zu einer anderen Liste.";
        select_page: Text = "Select all on this page", "Alle auf dieser Seite auswählen";
        select_row: With = |name| format!("Select {name}"), |name| format!("{name} auswählen");
        by_customer_hint: Text = "One row stands for all cards of a customer: visits, spend, rewards and balances are sums, the status is that of the best card, the progress that of the card nearest its goal.",
            "Eine Zeile steht für alle Karten eines Kunden: Besuche, Umsatz, Prämien und Stände sind Summen, der Status ist der der besten Karte, der Fortschritt der der Karte kurz vor dem Ziel.";
        fresh: Counted = |count| format!("{count} new"), |count| format!("{count} neu");
        moved: Text = "This list has changed", "Diese Liste hat sich geändert";
        show: Text = "show", "anzeigen";
        updated: With = |total| format!("{total} found"), |total| format!("{total} gefunden");
    }
}

/// A built-in segment by name, and its rule as merchants read it.
pub fn chip(language: Language, chip: Chip) -> (Text, Text) {
    if language == Language::English {
        return (chip.title(), chip.rule());
    }
    match chip {
        Chip::All => ("Alle Kunden", "Alle mit einer Karte, die nicht gelöscht wurden."),
        Chip::ReadyToRedeem => (
            "Einlösbar",
            "Mindestens eine Prämie, die jetzt eingelöst werden kann, oder ein gültiger Coupon.",
        ),
        Chip::Inactive7 => (
            "Inaktiv (7+ Tage)",
            "Die Karte ist nicht beendet, und der letzte Besuch, sonst das Anlegen, ist 7 Tage oder länger her.",
        ),
        Chip::Inactive30 => (
            "Inaktiv (30+ Tage)",
            "Die Karte ist nicht beendet, und der letzte Besuch, sonst das Anlegen, ist 30 Tage oder länger her.",
        ),
        Chip::Active => (
            "Aktive Treuekunden",
            "Die Karte ist in einem Wallet, und es gab in den letzten 30 Tagen einen Besuch.",
        ),
        Chip::New => ("Neue Kunden", "In den letzten 7 Tagen dazugekommen."),
        Chip::Redeemed => (
            "Eingelöst",
            "Mindestens einmal eine Prämie oder einen Coupon eingelöst.",
        ),
        Chip::Frequent => ("Häufig (10+ Besuche)", "10 Besuche oder mehr."),
        Chip::NeverScanned => (
            "Nie gescannt",
            "Die Karte ist in einem Wallet und wurde nie gescannt oder aufgelegt.",
        ),
        Chip::HighValue => (
            "Hoher Umsatz",
            "Im obersten Fünftel des Programms nach Umsatz, nach der zuletzt gemessenen Grenze.",
        ),
        Chip::LowEngagement => (
            "Wenig aktiv",
            "Die Karte ist seit 30 Tagen oder länger in einem Wallet, mit höchstens einem Besuch in den letzten 30 Tagen.",
        ),
    }
}
