//! Why a push was or was not let through. In English a rule says it itself.

use jiff::tz::TimeZone;

use super::Language;
use crate::domain::budget::{Decision, Level, Rule, Ruling};
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;

impl Language {
    /// The reason, as half a sentence.
    pub fn rule(self, rule: &Rule, zone: &TimeZone) -> String {
        if self == Self::English {
            return rule.words(zone);
        }
        match rule {
            Rule::Free => "nichts spricht dagegen".into(),
            Rule::Cancelled => "die Nachricht oder ihre Kampagne wurde abgesagt".into(),
            Rule::Paused => "die Nachricht ist angehalten".into(),
            Rule::NotInstalled => "die Karte ist noch in keinem Wallet".into(),
            Rule::Removed => "die Karte wurde aus dem Wallet entfernt".into(),
            Rule::Unreachable => "auf diesem Weg ist keine Kopie der Karte erreichbar".into(),
            Rule::Expired => "die Karte ist abgelaufen".into(),
            Rule::Void => "die Karte ist beendet".into(),
            Rule::PreferencePaused => "der Inhaber hat solche Mitteilungen pausiert".into(),
            Rule::NoConsent => "der Inhaber hat dem nicht zugestimmt".into(),
            Rule::Outdated => "es gibt keine Prämie mehr einzulösen".into(),
            Rule::Duplicate { at } => {
                format!("derselbe Text geht bereits um {} hinaus", self.shown(*at, zone))
            }
            Rule::TooLate { ends } => format!("nach {} ergibt es keinen Sinn", self.shown(*ends, zone)),
            Rule::Scheduled => "dann ist es geplant".into(),
            Rule::Window {
                most,
                hours,
                kept,
                level,
            } => {
                let of = match level {
                    Level::Platform => "die Plattform",
                    Level::Gateway => "die Regel des Gateways",
                    Level::Merchant => "die Regel des Betriebs",
                    Level::Program => "die Regel des Programms",
                };
                let stretch = match hours {
                    1 => "einer Stunde".to_owned(),
                    hours if *hours > 24 && hours % 24 == 0 => format!("{} Tagen", hours / 24),
                    hours => format!("{hours} Stunden"),
                };
                let kept = if *kept > 0 {
                    format!(", {kept} davon nur für Prämien")
                } else {
                    String::new()
                };
                format!("{of} lässt eine Karte in {stretch} {most}-mal klingeln{kept}")
            }
            Rule::Gap { minutes } => {
                format!("zwischen zwei Mitteilungen einer Karte liegen mindestens {minutes} Minuten")
            }
            Rule::Quiet { from, to, zone } => format!("Ruhezeit ist von {from} bis {to} ({zone})"),
            Rule::Exhausted => "der Anbieter zeigt vorher keine weiteren Mitteilungen".into(),
            Rule::Pace => "andere sind vorher an der Reihe".into(),
            Rule::Merged { into } => format!("die Mitteilung zum Thema {} sagt es mit", class(*into)),
        }
    }

    /// The reason of which only the name is known, as forecasts count it.
    pub fn rule_code(self, code: &str) -> String {
        let plain = [
            Rule::Free,
            Rule::Cancelled,
            Rule::Paused,
            Rule::NotInstalled,
            Rule::Removed,
            Rule::Unreachable,
            Rule::Expired,
            Rule::Void,
            Rule::PreferencePaused,
            Rule::NoConsent,
            Rule::Outdated,
            Rule::Scheduled,
            Rule::Exhausted,
            Rule::Pace,
        ];
        if let Some(rule) = plain.iter().find(|rule| rule.as_str() == code) {
            return self.rule(rule, &TimeZone::UTC);
        }
        let (english, german) = match code {
            "platform_cap" | "card_cap" => (
                "the card has had all its alerts for now",
                "die Karte hat vorerst alle ihre Mitteilungen gehabt",
            ),
            "duplicate" => (
                "the same text goes out already",
                "derselbe Text geht bereits hinaus",
            ),
            "too_late" => ("it would come too late", "es käme zu spät"),
            "gap" => (
                "the last alert was too recent",
                "die letzte Mitteilung ist zu kurz her",
            ),
            "quiet_hours" => ("quiet hours", "Ruhezeit"),
            other => (other, other),
        };
        match self {
            Self::English => english.to_owned(),
            Self::German => german.to_owned(),
        }
    }

    /// The whole answer in one sentence.
    pub fn ruling(self, ruling: &Ruling, zone: &TimeZone) -> String {
        if self == Self::English {
            return ruling.words(zone);
        }
        let about = class(ruling.inputs.class);
        let what = match ruling.inputs.message {
            Some(_) => format!("Eine Nachricht zum Thema {about}"),
            None => format!("Die Mitteilung zum Thema {about}"),
        };
        let why = self.rule(&ruling.rule, zone);
        match ruling.decision {
            Decision::SendNow => format!("{what} wurde durchgelassen."),
            Decision::Defer { until } => format!("{what} wartet bis {}: {why}.", self.shown(until, zone)),
            Decision::Suppress => format!("{what} wird nicht gesendet: {why}."),
            Decision::Merge => format!("{what} wurde nicht einzeln gesendet: {why}."),
            Decision::Hold => format!("{what} wartet: {why}."),
        }
    }

    fn shown(self, at: Timestamp, zone: &TimeZone) -> String {
        let there = at.to_jiff().to_zoned(zone.clone());
        format!("{}, {}", self.date(there.date(), false), there.strftime("%H:%M"))
    }
}

fn class(class: Class) -> &'static str {
    super::profile::GERMAN.class(class)
}
