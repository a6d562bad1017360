//! The profile of a card and its holder.

use super::{Counted, Language, Text, With, words};
use crate::domain::consent::Purpose;
use crate::domain::coupon::CouponStatus;
use crate::domain::face::Aim;
use crate::domain::preference::Class;

words! {
    /// The profile of a card and its holder.
    Profile {
        tabs: Text = "Parts of the profile", "Teile des Profils";
        overview: Text = "Overview", "Überblick";
        information: Text = "Information", "Angaben";
        card: Text = "Card", "Karte";
        timeline: Text = "Timeline", "Verlauf";
        offers: Text = "Offers", "Angebote";
        feedback: Text = "Feedback", "Bewertungen";
        notes: Text = "Notes", "Notizen";
        notifications: Text = "Notifications", "Mitteilungen";
        their_cards: Text = "Cards of this customer", "Karten dieses Kunden";
        previous_customer: Text = "Previous customer", "Voriger Kunde";
        next_customer: Text = "Next customer", "Nächster Kunde";
        whole_page: Text = "Open as page", "Als Seite öffnen";
        verified: Text = "Verified", "Bestätigt";
        unverified: Text = "Unverified", "Unbestätigt";
        verified_means: Text = "The customer followed a link that was sent to their email address.",
            "Der Kunde ist einem Link gefolgt, der an seine E-Mail-Adresse ging.";
        erased: Text = "This customer was erased.", "Dieser Kunde wurde gelöscht.";
        will_be_erased: With = |at| format!("This customer will be erased on {at}."),
            |at| format!("Dieser Kunde wird am {at} Uhr gelöscht.");
        keep: Text = "Keep this customer", "Diesen Kunden behalten";
        balance: Text = "Balance", "Stand";
        pushes_sent: Text = "Pushes sent", "Gesendete Pushes";
        pushes_sent_means: Text = "Pushes to this card that Apple, Google or a browser accepted, messages and silent updates alike, each wallet counted.",
            "Pushes an diese Karte, die Apple, Google oder ein Browser angenommen hat: Nachrichten wie stille Aktualisierungen, je Wallet gezählt.";
        clicks: Text = "Clicks", "Klicks";
        clicks_means: Text = "How often the holder followed a link on the pass or in a message.",
            "Wie oft der Inhaber einem Link auf der Karte oder in einer Nachricht gefolgt ist.";
        definition: With = |name| format!("What {name} means"), |name| format!("Was {name} bedeutet");
        rewards: Text = "Rewards", "Prämien";
        last_visit: Text = "Last visit", "Letzter Besuch";
        metrics: Text = "Metrics", "Kennzahlen";
        ltv: Text = "Lifetime value", "Kundenwert";
        ltv_means: Text = "Everything that was paid with this card and whose amount is known.",
            "Alles, was mit dieser Karte bezahlt wurde und dessen Betrag bekannt ist.";
        unpriced: Counted = |count| if count == 1 { "1 visit without an amount".into() } else { format!("{count} visits without an amount", count = super::en(count)) },
            |count| if count == 1 { "1 Besuch ohne Betrag".into() } else { format!("{count} Besuche ohne Betrag", count = super::de(count)) };
        segment: Text = "Recency and frequency", "Aktualität und Häufigkeit";
        segment_means: Text = "Where this card stands among the program’s cards by days since its last visit and number of visits.",
            "Wo diese Karte unter den Karten des Programms steht, nach Tagen seit dem letzten Besuch und Zahl der Besuche.";
        rating: Text = "Feedback rating", "Bewertung";
        rating_means: Text = "Mean of all stars that this customer has given.", "Mittel aller Sterne, die dieser Kunde vergeben hat.";
        no_feedback: Text = "No feedback yet", "Noch keine Bewertung";
        rating_of: fn(&str, i64) -> String = |mean, count| format!("{mean} of 5 ({count})", count = super::en(count)),
            |mean, count| format!("{mean} von 5 ({count})", count = super::de(count));
        visits: Text = "Visits", "Besuche";
        visits_means: Text = "Visits that stand; in brackets all scans and taps, those that were taken back too.",
            "Besuche, die gelten; in Klammern alle Scans und Taps, auch die zurückgenommenen.";
        visits_of: fn(i64, i64) -> String = |net, gross| format!("{} ({})", super::en(net), super::en_of(gross, "scan", "scans")),
            |net, gross| format!("{} ({})", super::de(net), super::de_of(gross, "Scan", "Scans"));
        coupon_status: Text = "Coupon", "Coupon";
        coupon_status_means: Text = "A coupon is redeemed once, ever.", "Ein Coupon wird ein einziges Mal eingelöst.";
        coupon_active: Text = "Can be redeemed", "Einlösbar";
        coupon_redeemed: Text = "Redeemed", "Eingelöst";
        coupon_expired: Text = "Expired", "Abgelaufen";
        coupon_void: Text = "Ended", "Beendet";
        expires: Text = "Expiration", "Ablauf";
        expires_means: Text = "When the card ends by itself.", "Wann die Karte von selbst endet.";
        no_end: Text = "Does not expire", "Läuft nicht ab";
        expired_since: With = |day| format!("Expired on {day}"), |day| format!("Abgelaufen am {day}");
        tier: Text = "Tier", "Stufe";
        tier_means: Text = "By what was earned or spent; redeeming never lowers it.",
            "Nach dem, was verdient oder ausgegeben wurde; Einlösen senkt sie nie.";
        tier_points: fn(&str, &str) -> String = |tier, points| format!("{tier} ({points})"), |tier, points| format!("{tier} ({points})");
        redemptions: Text = "Redemptions", "Einlösungen";
        redemptions_means: Text = "Rewards handed out and not taken back.", "Ausgegebene und nicht zurückgenommene Prämien.";
        source: Text = "Came by", "Kam über";
        source_means: Text = "Campaign words of the link that the holder first landed on (UTM); frozen at install.",
            "Kampagnenwörter des Links, auf dem der Inhaber zuerst landete (UTM); ab der Installation fest.";
        unknown: Text = "Unknown", "Unbekannt";
        issued: Text = "Issued", "Ausgegeben";
        installed_since: Text = "First installed", "Zuerst installiert";
        came_as: Text = "Came in as", "Kam als";
        promotions: Text = "Running promotions", "Laufende Aktionen";
        promotions_means: Text = "What this holder can use now, with the uses left.",
            "Was dieser Inhaber jetzt nutzen kann, mit den verbleibenden Nutzungen.";
        uses_left: Counted = |count| format!("{} left", super::en_of(count, "use", "uses")), |count| format!("noch {}", super::de_of(count, "Nutzung", "Nutzungen"));
        until: With = |day| format!("until {day}"), |day| format!("bis {day}");
        serial_number: Text = "Serial number", "Seriennummer";
        serial_means: Text = "What this pass is called on every phone; it never changes.",
            "So heißt diese Karte auf jedem Handy; sie ändert sich nie.";
        reward: Text = "Reward", "Prämie";
        program: Text = "Program", "Programm";
        personal: Text = "Customer", "Kunde";
        name: Text = "Name", "Name";
        email: Text = "Email", "E-Mail";
        phone: Text = "Phone", "Telefon";
        birthday: Text = "Birthday", "Geburtstag";
        external_id: Text = "External id", "Externe Kennung";
        language: Text = "Language", "Sprache";
        created: Text = "Customer since", "Kunde seit";
        edited_by: fn(&str, &str) -> String = |who, at| format!("Last edited by {who}, {at}"),
            |who, at| format!("Zuletzt bearbeitet von {who}, {at}");
        printed_name: Text = "Name on the card", "Name auf der Karte";
        printed_none: Text = "No name on the card", "Kein Name auf der Karte";
        fields: Text = "Fields of the program", "Felder des Programms";
        no_fields: Text = "This program asks for nothing more.", "Dieses Programm fragt nichts weiter.";
        not_answered: Text = "Not answered", "Nicht beantwortet";
        links: Text = "Links", "Links";
        installation_link: Text = "Installation link", "Installationslink";
        installation_means: Text = "Opens this very card. Whoever has it can add the card, so give it to its holder only.",
            "Öffnet genau diese Karte. Wer ihn hat, kann die Karte hinzufügen; geben Sie ihn nur dem Inhaber.";
        referral_link: Text = "Referral link", "Empfehlungslink";
        referral_means: Text = "Leads to the page where somebody new joins, and credits this customer. It does not open this card.",
            "Führt zur Seite, auf der jemand Neues mitmacht, und schreibt diesem Kunden gut. Er öffnet diese Karte nicht.";
        make_referral: Text = "Make a referral link", "Empfehlungslink erstellen";
        referral_closed: Text = "Nobody can join by it now: the program’s page is closed.",
            "Zurzeit kann niemand darüber mitmachen: Die Seite des Programms ist geschlossen.";
        referral_with_code: Text = "Who comes by it needs a code: the program’s page is not open to everybody.",
            "Wer darüber kommt, braucht einen Code: Die Seite des Programms ist nicht für alle offen.";
        referral_no_terms: Text = "It is not counted: the program gives nothing for referrals.",
            "Er wird nicht gezählt: Das Programm gibt nichts für Empfehlungen.";
        copy_named: With = |name| format!("Copy: {name}"), |name| format!("Kopieren: {name}");
        referrals: Text = "Referrals", "Empfehlungen";
        came_by_referral: Text = "Came through", "Kam durch";
        referrals_opened: Text = "Card issued", "Karte ausgegeben";
        referrals_added: Text = "Installed", "Installiert";
        referrals_rewarded: Text = "Bonus given", "Bonus gegeben";
        referrals_refused: Text = "Not counted", "Nicht gezählt";
        nobody_brought: Text = "This customer has brought nobody yet.", "Dieser Kunde hat noch niemanden gebracht.";
        platforms: Text = "On phones", "Auf Handys";
        passes: fn(&str, i64) -> String = |name, count| format!("{name}: {count}", count = super::en(count)), |name, count| format!("{name}: {count}", count = super::de(count));
        seen: With = |at| format!("last seen {at}"), |at| format!("zuletzt gesehen {at}");
        reachable: Text = "Can be reached", "Erreichbar";
        not_reachable: Text = "Cannot be reached", "Nicht erreichbar";
        on_no_phone: Text = "On no phone yet. Send the card, or show its code.",
            "Noch auf keinem Handy. Senden Sie die Karte oder zeigen Sie ihren Code.";
        iphone: With = |name| format!("Apple device {name}"), |name| format!("Apple-Gerät {name}");
        queued: Text = "Queued", "Eingereiht";
        accepted: Text = "Taken by Apple", "Von Apple angenommen";
        asked: Text = "Asked", "Nachgefragt";
        fetched: Text = "Fetched", "Abgeholt";
        told_again: Text = "Told again", "Wird erneut benachrichtigt";
        time_to_fetch: Text = "Time to fetch", "Zeit bis zum Abholen";
        untold: Text = "None sent yet", "Noch keine gesendet";
        silent: Text = "Sent; the phone has not answered", "Gesendet; das Handy hat nicht geantwortet";
        has_asked: Text = "The phone has asked and not fetched it yet", "Das Handy hat gefragt, aber noch nicht abgeholt";
        on_the_phone: Text = "On the phone", "Auf dem Handy";
        waiting: With = |channel| format!("An update for {channel} waits to be sent."),
            |channel| format!("Eine Aktualisierung für {channel} wartet auf den Versand.");
        preview: Text = "The card as phones show it", "Die Karte, wie Handys sie zeigen";
        preview_now: Text = "As it is now", "So ist sie jetzt";
        preview_then: With = |at| format!("What the phone fetched, {at}"), |at| format!("Was das Handy abgeholt hat, {at}");
        preview_current: With = |at| format!("The phone shows this version, fetched {at}."),
            |at| format!("Das Handy zeigt diese Version, abgeholt {at}.");
        preview_pending: Counted = |count| format!("Newer events that are not on the phone yet: {count}.", count = super::en(count)),
            |count| format!("Neuere Ereignisse, die noch nicht auf dem Handy sind: {count}.", count = super::de(count));
        preview_unknown: Text = "No phone has fetched this card yet.", "Noch hat kein Handy diese Karte abgeholt.";
        preview_far: Text = "Too much has happened since the phone fetched it to say what it shows.",
            "Seit dem letzten Abholen ist zu viel geschehen, um zu sagen, was das Handy zeigt.";
        version: With = |version| format!("Version {version}"), |version| format!("Version {version}");
        front: Text = "Front", "Vorderseite";
        back: Text = "Back", "Rückseite";
        front_label: Text = "Front of the card", "Vorderseite der Karte";
        code_label: Text = "QR code of the card", "QR-Code der Karte";
        no_template: Text = "This program’s template is not on this gateway.", "Die Vorlage dieses Programms fehlt auf diesem Gateway.";
        working_on: Text = "Working on", "Arbeitet an";
        aim_ended: Text = "This card has ended", "Diese Karte ist beendet";
        aim_expired: Text = "This card has expired", "Diese Karte ist abgelaufen";
        aim_redeemed: With = |name| format!("Redeemed: {name}"), |name| format!("Eingelöst: {name}");
        aim_ready: With = |name| format!("Ready: {name}"), |name| format!("Bereit: {name}");
        aim_to_go: fn(&str, &str) -> String = |missing, name| format!("{missing} to go: {name}"), |missing, name| format!("noch {missing}: {name}");
        preferences: Text = "What the holder wants to be told", "Was der Inhaber erfahren möchte";
        preferences_means: Text = "Only the holder changes these, on the card’s own page.",
            "Nur der Inhaber ändert dies, auf der Seite der Karte.";
        active: Text = "Active", "Aktiv";
        paused: Text = "Paused", "Pausiert";
        class_balance: Text = "Balance", "Stand";
        class_location: Text = "Places", "Orte";
        class_marketing: Text = "Marketing", "Werbung";
        class_tier: Text = "Tier", "Stufe";
        class_reward: Text = "Rewards", "Prämien";
        consents: Text = "Consents", "Einwilligungen";
        consent_marketing: Text = "Marketing", "Werbung";
        consent_profiling: Text = "Being sorted by purchases", "Einordnung nach Einkäufen";
        consent_personalised: Text = "Offers chosen by purchases", "Angebote nach Einkäufen";
        agreed: Text = "Agreed", "Zugestimmt";
        not_agreed: Text = "Not agreed", "Nicht zugestimmt";
        withdrawn: Text = "Taken back", "Zurückgenommen";
        evidence: Text = "The words and when", "Wortlaut und Zeitpunkt";
        why: Text = "Why it rang or did not", "Warum es klingelte oder nicht";
        why_nowhere: Text = "This card is on no phone that can be reached.", "Diese Karte ist auf keinem erreichbaren Handy.";
        may_ring: Text = "May ring now", "Darf jetzt klingeln";
        rings_from: fn(&str, &str) -> String = |at, reason| format!("From {at}: {reason}"), |at, reason| format!("Ab {at}: {reason}");
        rings_not: With = |reason| format!("Not: {reason}"), |reason| format!("Nicht: {reason}");
        last_messages: Text = "Last messages", "Letzte Nachrichten";
        no_messages: Text = "No message was sent to this card yet.", "An diese Karte ging noch keine Nachricht.";
        no_offers: Text = "No offers yet", "Noch keine Angebote";
        no_offers_text: Text = "Offers that this customer claims, redeems or marks on their card’s page appear here.",
            "Angebote, die dieser Kunde auf der Seite seiner Karte sichert, einlöst oder markiert, erscheinen hier.";
        assigned: Text = "Assigned", "Zugeteilt";
        claimed: Text = "Claimed", "Gesichert";
        favourited: Text = "Favourite", "Favorit";
        redeemed: Text = "Redeemed", "Eingelöst";
        redeemed_times: fn(i64, i64) -> String = |times, of| format!("{times} of {of} times", times = super::en(times), of = super::en(of)), |times, of| format!("{times} von {of} Mal", times = super::de(times), of = super::de(of));
        taken_back: Text = "taken back", "zurückgenommen";
        other_card: Text = "another card of theirs", "eine andere ihrer Karten";
        through: Text = "With the card", "Mit der Karte";
        offer_draft: Text = "Draft", "Entwurf";
        offer_published: Text = "Published", "Veröffentlicht";
        offer_withdrawn: Text = "Withdrawn", "Zurückgezogen";
        offer_for: Text = "For holders of", "Für Inhaber von";
        offer_everybody: Text = "every card", "jeder Karte";
        offer_personal: Text = "Only for those to whom it was assigned.", "Nur für die, denen es zugeteilt wurde.";
        offer_begins: Text = "From", "Von";
        offer_ends: Text = "Until", "Bis";
        offer_claims: Text = "Claimed by", "Gesichert von";
        offer_claimed: fn(&str, &str) -> String = |claimed, of| format!("{claimed} of at most {of} customers"),
            |claimed, of| format!("{claimed} von höchstens {of} Kunden");
        offer_claimed_by: Counted = |count| if count == 1 { "1 customer".into() } else { format!("{count} customers", count = super::en(count)) },
            |count| if count == 1 { "1 Kunde".into() } else { format!("{count} Kunden", count = super::de(count)) };
        offer_times: Text = "Each may redeem it", "Jeder darf es einlösen";
        offer_times_of: Counted = |count| if count == 1 { "once".into() } else { format!("{count} times") },
            |count| if count == 1 { "einmal".into() } else { format!("{count} Mal") };
        rating_from: Text = "From", "Von";
        rating_to: Text = "To", "Bis";
        period: Text = "Period", "Zeitraum";
        day: Text = "Today", "Heute";
        week: Text = "This week", "Diese Woche";
        month: Text = "This month", "Dieser Monat";
        year: Text = "This year", "Dieses Jahr";
        all: Text = "All", "Alle";
        custom: Text = "Range", "Eigener";
        only_comments: Text = "Only comments", "Nur Kommentare";
        apply_filter: Text = "Show", "Anzeigen";
        average: With = |mean| format!("Average {mean}"), |mean| format!("Durchschnitt {mean}");
        no_comment: Text = "No comment", "Ohne Kommentar";
        stars: Counted = |count| format!("{count} of 5 stars", count = super::en(count)), |count| format!("{count} von 5 Sternen", count = super::de(count));
        nothing_given: Text = "No feedback in this period.", "Keine Bewertung in diesem Zeitraum.";
        about_visit: Text = "About a visit", "Zu einem Besuch";
        wrong_range: Text = "The first day must not be after the last.", "Der erste Tag darf nicht nach dem letzten liegen.";
        wrong_day: Text = "Write a day like 2026-12-24.", "Schreiben Sie einen Tag wie 2026-12-24.";
        live_balance: With = |balance| format!("Balance: {balance}."), |balance| format!("Stand: {balance}.");
        actions: Text = "Actions", "Aktionen";
        more_actions: Text = "More", "Mehr";
        person_only: Text = "This customer has no card.", "Dieser Kunde hat keine Karte.";
    }
}

impl Profile {
    /// What the holder can do now, or works on.
    pub fn aim(&self, language: Language, aim: Aim<'_>) -> String {
        match aim {
            Aim::Ended => self.aim_ended.to_owned(),
            Aim::Expired => self.aim_expired.to_owned(),
            Aim::Redeemed(name) => (self.aim_redeemed)(name),
            Aim::Ready(1, name) => (self.aim_ready)(name),
            Aim::Ready(count, name) => (self.aim_ready)(&format!("{} × {name}", language.number(count))),
            Aim::ToGo(missing, name) => (self.aim_to_go)(&language.number(missing), name),
            Aim::Reward(name) => name.to_owned(),
        }
    }

    pub fn class(&self, class: Class) -> Text {
        match class {
            Class::Balance => self.class_balance,
            Class::Location => self.class_location,
            Class::Marketing => self.class_marketing,
            Class::Tier => self.class_tier,
            Class::Reward => self.class_reward,
        }
    }

    pub fn purpose(&self, purpose: Purpose) -> Text {
        match purpose {
            Purpose::Marketing => self.consent_marketing,
            Purpose::Profiling => self.consent_profiling,
            Purpose::Personalised => self.consent_personalised,
        }
    }

    pub fn coupon(&self, status: CouponStatus) -> Text {
        match status {
            CouponStatus::Active => self.coupon_active,
            CouponStatus::Redeemed => self.coupon_redeemed,
            CouponStatus::Expired => self.coupon_expired,
            CouponStatus::Void => self.coupon_void,
        }
    }
}
