//! What happened to cards and people, as staff read it.

use super::{Counted, Text, With, words};
use crate::domain::event::EventKind;
use crate::domain::timeline::EntryType;

words! {
    /// A timeline and its lines.
    Timeline {
        title: Text = "Timeline", "Verlauf";
        earlier: Text = "Earlier", "Früher";
        recent: Text = "Latest", "Zuletzt";
        whole: Text = "Whole timeline", "Ganzer Verlauf";
        nothing: Text = "Nothing has happened yet.", "Noch ist nichts geschehen.";
        nothing_of_these: Text = "Nothing of this kind on this page. There may be more further back.",
            "Auf dieser Seite nichts dergleichen. Weiter zurück kann es mehr geben.";
        show: Text = "Show", "Anzeigen";
        all_types: Text = "Everything", "Alles";
        load_more: Text = "Load more", "Mehr laden";
        start_of_history: Text = "Start of history", "Anfang des Verlaufs";
        to_newest: Text = "Back to the newest", "Zurück zum Neuesten";
        newer: Counted = |count| if count == 1 { "1 new event on top".into() } else { format!("{count} new events on top", count = super::en(count)) },
            |count| if count == 1 { "1 neues Ereignis oben".into() } else { format!("{count} neue Ereignisse oben", count = super::de(count)) };
        newer_and_more: Counted = |count| format!("More than {count} new events on top", count = super::en(count)),
            |count| format!("Mehr als {count} neue Ereignisse oben", count = super::de(count));
        times_in: With = |zone| format!("Times of {zone}. Point at a time to see the second."),
            |zone| format!("Zeiten von {zone}. Zeigen Sie auf eine Zeit, um die Sekunde zu sehen.");
        taken_back: Text = "Taken back", "Zurückgenommen";
        holders_phone: Text = "the holder’s phone", "das Handy des Inhabers";
        holder: Text = "the holder", "der Inhaber";
        passgate: Text = "passgate", "passgate";
        a_till: Text = "a till", "eine Kasse";
        a_member: Text = "a member", "ein Mitglied";
        paid: With = |amount| format!("paid {amount}"), |amount| format!("bezahlt {amount}");
        from_to: fn(&str, &str) -> String = |from, to| format!("{from} → {to}"), |from, to| format!("{from} → {to}");
        no_tier: Text = "no tier", "keine Stufe";
        never_ends: Text = "no end", "kein Ende";
        by_import: Text = "by import", "per Import";
        by_api: Text = "by API", "per API";
        in_bulk: Text = "in bulk", "im Stapel";
        stars: Counted = |count| format!("{count} of 5 stars", count = super::en(count)), |count| format!("{count} von 5 Sternen", count = super::de(count));
        given: Text = "given", "erteilt";
        withdrawn: Text = "taken back", "widerrufen";
        reason_code: Text = "a code", "ein Code";
        reason_referral: Text = "a referral", "eine Empfehlung";
        reason_dead: Text = "the phone does not know the card any more", "das Handy kennt die Karte nicht mehr";
        reason_silenced: Text = "without ringing", "ohne zu klingeln";
        reason_nobody: Text = "nobody listens there", "dort hört niemand zu";
        reason_welcome: Text = "welcome gift", "Willkommensgeschenk";
        reason_opening: Text = "opening balance", "Anfangsstand";
        reason_given_up: Text = "given up", "aufgegeben";
        not_before: With = |at| format!("not before {at}"), |at| format!("nicht vor {at}");
    }
}

/// What an event is called: in English and in German.
fn names(kind: EventKind) -> (Text, Text) {
    match kind {
        EventKind::CardIssued => ("Card issued", "Karte ausgegeben"),
        EventKind::CardInstalled => ("Card installed", "Karte installiert"),
        EventKind::CardRemoved => ("Card removed from the phone", "Karte vom Handy entfernt"),
        EventKind::CardVoided => ("Card ended", "Karte beendet"),
        EventKind::CardRestored => ("Card restored", "Karte wiederhergestellt"),
        EventKind::CustomerScanned => ("Barcode scanned", "Barcode gescannt"),
        EventKind::CustomerTapped => ("Phone tapped", "Handy angehalten"),
        EventKind::RewardRedeemable => ("Goal reached", "Ziel erreicht"),
        EventKind::RewardRedeemed => ("Reward redeemed", "Prämie eingelöst"),
        EventKind::PunchReversed => ("Punch taken back", "Stempel zurückgenommen"),
        EventKind::RewardWithdrawn => ("Reward withdrawn", "Prämie entzogen"),
        EventKind::RedemptionReversed => ("Redemption taken back", "Einlösung zurückgenommen"),
        EventKind::ExpiryChanged => ("Last day changed", "Letzter Tag geändert"),
        EventKind::CardExpired => ("Card expired", "Karte abgelaufen"),
        EventKind::CardConverted => ("Turned into another card", "In eine andere Karte umgewandelt"),
        EventKind::ConversionFailed => (
            "Could not turn into another card",
            "Konnte nicht umgewandelt werden",
        ),
        EventKind::PointsAdded => (
            "Added by hand or by a rule",
            "Von Hand oder durch eine Regel gutgeschrieben",
        ),
        EventKind::PointsRemoved => ("Taken off", "Abgezogen"),
        EventKind::PointsReversed => ("Points taken back", "Punkte zurückgenommen"),
        EventKind::TierChanged => ("Tier changed", "Stufe geändert"),
        EventKind::TierCycleEnded => ("Tier cycle ended", "Stufenzeitraum beendet"),
        EventKind::PromotionUsed => ("Promotion used", "Aktion genutzt"),
        EventKind::PromotionReversed => (
            "Use of a promotion taken back",
            "Nutzung einer Aktion zurückgenommen",
        ),
        EventKind::CouponAssigned => ("Coupon assigned", "Coupon zugeteilt"),
        EventKind::OfferClaimed => ("Offer claimed", "Angebot gesichert"),
        EventKind::OfferFavourited => ("Offer marked as favourite", "Angebot als Favorit markiert"),
        EventKind::OfferUnfavourited => ("Offer no longer a favourite", "Angebot kein Favorit mehr"),
        EventKind::OfferRedeemed => ("Offer redeemed", "Angebot eingelöst"),
        EventKind::CampaignJoined => ("Campaign joined", "Kampagne beigetreten"),
        EventKind::CampaignDisjoined => ("Campaign left", "Kampagne verlassen"),
        EventKind::FeedbackGiven => ("Feedback given", "Bewertung abgegeben"),
        EventKind::ReferralAdded => ("Referral added", "Empfehlung gezählt"),
        EventKind::InvitationSent => ("Email with the card sent", "E-Mail mit der Karte gesendet"),
        EventKind::InvitationFailed => ("Email came back", "E-Mail kam zurück"),
        EventKind::CustomerErased => ("Customer erased", "Kunde gelöscht"),
        EventKind::ProfileEdited => ("Profile edited", "Profil bearbeitet"),
        EventKind::ConsentChanged => ("Consent changed", "Einwilligung geändert"),
        EventKind::PreferenceChanged => ("Preference changed", "Mitteilungswunsch geändert"),
        EventKind::PushCreated => ("Update created", "Aktualisierung erstellt"),
        EventKind::PushSent => ("Update sent to the phone", "Aktualisierung ans Handy gesendet"),
        EventKind::PushFailed => (
            "Update could not be sent",
            "Aktualisierung konnte nicht gesendet werden",
        ),
        EventKind::PushSuppressed => ("Update not sent", "Aktualisierung nicht gesendet"),
        EventKind::PushDeferred => ("Update put off", "Aktualisierung aufgeschoben"),
    }
}

fn type_in_german(entry: EntryType) -> Text {
    match entry {
        EntryType::PointsAdded => "Punkte gutgeschrieben",
        EntryType::PointsRemoved => "Punkte abgezogen",
        EntryType::CampaignJoined => "Kampagne beigetreten",
        EntryType::CampaignDisjoined => "Kampagne verlassen",
        EntryType::CustomerScanned => "Kunde gescannt",
        EntryType::PushCreated => "Push erstellt",
        EntryType::PushSent => "Push gesendet",
        EntryType::PushFailed => "Push fehlgeschlagen",
        EntryType::RewardRedeemed => "Prämie eingelöst",
        EntryType::RewardRedeemable => "Prämie einlösbar",
        EntryType::CouponAssigned => "Coupon zugeteilt",
        EntryType::CustomerTapped => "Kunde angehalten",
        EntryType::TierChanged => "Stufe geändert",
        EntryType::TierCycleEnded => "Stufenzeitraum beendet",
        EntryType::PromotionUsed => "Aktion genutzt",
        EntryType::CardIssued => "Karte ausgegeben",
        EntryType::CardInstalled => "Karte installiert",
        EntryType::CardRemoved => "Karte entfernt",
        EntryType::CardVoided => "Karte beendet",
        EntryType::CardRestored => "Karte wiederhergestellt",
        EntryType::CardExpiry => "Ablauf der Karte",
        EntryType::CardConverted => "Karte umgewandelt",
        EntryType::TakenBack => "Zurückgenommen",
        EntryType::Offer => "Angebot",
        EntryType::FeedbackGiven => "Bewertung",
        EntryType::ReferralAdded => "Empfehlung",
        EntryType::InvitationSent => "E-Mail gesendet",
        EntryType::InvitationFailed => "E-Mail kam zurück",
        EntryType::ProfileEdited => "Profil bearbeitet",
        EntryType::CustomerErased => "Kunde gelöscht",
        EntryType::ConsentChanged => "Einwilligung",
        EntryType::PreferenceChanged => "Mitteilungswunsch",
        EntryType::PushSuppressed => "Push nicht gesendet",
        EntryType::PushDeferred => "Push aufgeschoben",
    }
}

impl Timeline {
    /// Why something happened. What the gateway itself writes has words of the page; anything else is somebody's own.
    pub fn reason<'r>(&self, reason: &'r str) -> &'r str {
        match reason {
            "code" => self.reason_code,
            "referral" => self.reason_referral,
            "its push token is dead" => self.reason_dead,
            "without ringing" => self.reason_silenced,
            "nobody listens on this channel" => self.reason_nobody,
            "welcome" => self.reason_welcome,
            "opening balance" => self.reason_opening,
            "given up" => self.reason_given_up,
            other => other,
        }
    }
}

impl super::Language {
    /// What an event is called.
    pub fn event(self, kind: EventKind) -> Text {
        let (english, german) = names(kind);
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// What a type of events is called in filters.
    pub fn entry_type(self, entry: EntryType) -> Text {
        match self {
            Self::English => entry.label(),
            Self::German => type_in_german(entry),
        }
    }

    /// "3 punches", without a sign.
    pub fn punches(self, count: i64) -> String {
        self.counted(count, ("punch", "punches"), ("Stempel", "Stempel"))
    }

    pub fn points(self, count: i64) -> String {
        self.counted(count, ("point", "points"), ("Punkt", "Punkte"))
    }

    pub fn rewards(self, count: i64) -> String {
        self.counted(count, ("reward", "rewards"), ("Prämie", "Prämien"))
    }

    fn counted(self, count: i64, english: (&str, &str), german: (&str, &str)) -> String {
        let (one, many) = match self {
            Self::English => english,
            Self::German => german,
        };
        let word = if count == 1 { one } else { many };
        format!("{} {word}", self.number(count))
    }
}
