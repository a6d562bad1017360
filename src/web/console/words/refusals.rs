//! Why something was not done, in the words of each language. In English a refusal says it itself.

use super::Language;
use crate::domain::adjustment::AdjustRefusal;
use crate::domain::coupon::{CouponRefusal, RedeemedBy, Redemption};
use crate::domain::lifecycle::LifecycleRefusal;
use crate::domain::presentation::Refusal;
use crate::domain::profile::FieldError;
use crate::domain::redemption::{RedeemRefusal, ReverseRefusal};

const ENDED: &str = "Diese Karte ist beendet.";
const EXPIRED: &str = "Diese Karte ist abgelaufen.";

impl Language {
    pub fn redeem_refusal(self, refusal: &RedeemRefusal) -> String {
        if self == Self::English {
            return refusal.to_string();
        }
        match refusal {
            RedeemRefusal::CardVoid => ENDED.into(),
            RedeemRefusal::CardExpired => EXPIRED.into(),
            RedeemRefusal::NoReward { punches, goal } => {
                format!("Es gibt keine Prämie einzulösen: {punches} von {goal} Stempeln.")
            }
            RedeemRefusal::WhichReward => {
                "Punkte werden gegen eine Prämie der Liste getauscht; wählen Sie eine.".into()
            }
            RedeemRefusal::UnknownReward { code } => format!("Dieses Programm hat keine Prämie „{code}“."),
            RedeemRefusal::NotEnough { name, price, points } => {
                format!("{name} kostet {price} Punkte; der Stand ist {points}.")
            }
        }
    }

    pub fn reverse_refusal(self, refusal: &ReverseRefusal) -> String {
        if self == Self::English {
            return refusal.to_string();
        }
        match refusal {
            ReverseRefusal::NotReversible { .. } => {
                "Nur Stempel, Punkte und Einlösungen lassen sich zurücknehmen.".into()
            }
            ReverseRefusal::AlreadyReversed => "Das wurde bereits zurückgenommen.".into(),
            ReverseRefusal::TooLate { ago } => {
                format!("Dafür ist es zu spät: Die Frist endete vor {ago} Minuten.")
            }
            ReverseRefusal::RewardRedeemed => {
                "Die Prämie aus diesem Stempel wurde schon eingelöst. Nehmen Sie zuerst die Einlösung zurück.".into()
            }
            ReverseRefusal::PointsSpent { given, balance } => {
                format!("Diese Punkte wurden schon ausgegeben: {balance} von {given} sind übrig.")
            }
            ReverseRefusal::CouponRedeemed => {
                "Mit diesem Scan wurde der Coupon eingelöst. Nehmen Sie zuerst die Einlösung zurück.".into()
            }
            ReverseRefusal::ConvertedCardUsed => {
                "Der Coupon wurde zu einer anderen Karte, die seitdem genutzt wurde. Das lässt sich nicht mehr zurücknehmen."
                    .into()
            }
        }
    }

    pub fn lifecycle_refusal(self, refusal: &LifecycleRefusal) -> String {
        if self == Self::English {
            return refusal.to_string();
        }
        match refusal {
            LifecycleRefusal::AlreadyVoid => "Diese Karte ist bereits beendet.",
            LifecycleRefusal::NotVoid => "Diese Karte ist nicht beendet.",
            LifecycleRefusal::CardVoid => {
                "Diese Karte ist beendet. Stellen Sie sie wieder her, bevor Sie ihren letzten Tag ändern."
            }
            LifecycleRefusal::CustomerErased => {
                "Der Kunde wurde gelöscht. Seine Karten lassen sich nicht wiederherstellen."
            }
            LifecycleRefusal::WouldEndNow => "Dieser Tag ist vorbei: Die Karte würde jetzt enden.",
            LifecycleRefusal::TooFar => "Der letzte Tag einer Karte liegt innerhalb von 100 Jahren.",
        }
        .into()
    }

    pub fn adjust_refusal(self, refusal: &AdjustRefusal) -> String {
        if self == Self::English {
            return refusal.to_string();
        }
        match refusal {
            AdjustRefusal::CardVoid => ENDED.into(),
            AdjustRefusal::CardExpired => EXPIRED.into(),
            AdjustRefusal::NoBalance => "Ein Coupon hat keinen Stand.".into(),
            AdjustRefusal::NotPunches => "Eine Punktekarte hat keine Stempel.".into(),
            AdjustRefusal::BelowZero { to } => {
                format!("Die Zahl der Stempel kann nicht unter 0 liegen, auch nicht bei {to}.")
            }
            AdjustRefusal::TooMuch { most, .. } => {
                format!("Eine Änderung ist höchstens {} groß.", self.number(*most))
            }
            AdjustRefusal::NoChange => "Es würde sich nichts ändern.".into(),
            AdjustRefusal::Moved { from, now } => {
                format!(
                    "Die Karte hat jetzt {now} Stempel, nicht {from}. Sehen Sie nach und entscheiden Sie neu."
                )
            }
            AdjustRefusal::NotEnoughPunches { has, wanted } => {
                format!("Die Karte hat {has} Stempel; {wanted} lassen sich nicht abziehen.")
            }
            AdjustRefusal::Overdrawn {
                balance,
                wanted,
                least,
            } => {
                format!("Der Stand ist {balance}; {wanted} abzuziehen würde ihn unter {least} bringen.")
            }
        }
    }

    pub fn coupon_refusal(self, refusal: &CouponRefusal) -> String {
        if self == Self::English {
            return refusal.to_string();
        }
        match refusal {
            CouponRefusal::NotACoupon { .. } => "Diese Karte ist kein Coupon.",
            CouponRefusal::Card(Refusal::CardVoid) => ENDED,
            CouponRefusal::Card(Refusal::CardExpired { .. }) => EXPIRED,
            CouponRefusal::Card(Refusal::AlreadyRedeemed { .. }) => "Dieser Coupon wurde bereits eingelöst.",
            CouponRefusal::Card(Refusal::AmountRequired) => "Geben Sie an, was bezahlt wurde.",
            CouponRefusal::Card(Refusal::MinimumSpend { .. }) => {
                "Dieser Einkauf liegt unter dem Mindestbetrag des Programms."
            }
            CouponRefusal::Card(_) => "Das ist jetzt nicht möglich.",
        }
        .into()
    }

    /// When, where and by whom a coupon was redeemed.
    pub fn redemption(self, redemption: &Redemption) -> String {
        if self == Self::English {
            return redemption.sentence();
        }
        let there = redemption.at.to_jiff().to_zoned(redemption.zone.clone());
        let mut text = format!(
            "Dieser Coupon wurde bereits am {} um {} eingelöst",
            self.date(there.date(), false),
            there.strftime("%H:%M")
        );
        let by = match &redemption.by {
            RedeemedBy::Station(name) | RedeemedBy::Member(name) => Some(format!("durch {name}")),
            RedeemedBy::Holder => Some("durch den Inhaber".to_owned()),
            RedeemedBy::Gateway => None,
        };
        for part in [redemption.location.clone(), by].into_iter().flatten() {
            text.push_str(", ");
            text.push_str(&part);
        }
        text.push('.');
        text
    }

    /// Why a field was not taken. What was expected is said in English by the field itself.
    pub fn field_refusal(self, error: &FieldError) -> String {
        let expected = &error.expected;
        if self == Self::English {
            return match error.code {
                "required" => "Please fill this in.".into(),
                _ => format!("Expected {expected}."),
            };
        }
        match error.code {
            "required" => "Bitte ausfüllen.",
            "too_long" => "Das ist zu kurz oder zu lang.",
            "too_many" => "Mehr sind nicht möglich.",
            "control_character" => "Bitte ohne Steuerzeichen schreiben.",
            "impossible_date" => "Schreiben Sie einen Tag, den es gibt und der vorbei ist, wie 1990-05-17.",
            "impossible_number" => "Schreiben Sie eine Nummer, die es gibt, mit Vorwahl.",
            "not_a_number" => "Schreiben Sie eine Zahl wie 42 oder 3,75.",
            "no_choice" => "Bitte wählen Sie einen Wert der Liste.",
            "no_contact" => "Geben Sie mindestens E-Mail, Telefon oder externe Kennung an.",
            _ => "So lässt sich das nicht lesen. Bitte prüfen Sie die Schreibweise.",
        }
        .into()
    }
}
