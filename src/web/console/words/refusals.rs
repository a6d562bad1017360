//! Why something was not done, in the words of each language: every refusal of the rooms below by a match, so that one
//! that is new does not compile until both languages know it. In English many a refusal says it itself.

mod cards;
mod files;
mod messages;
mod people;
mod segments;

use super::Language;
use crate::domain::adjustment::AdjustRefusal;
use crate::domain::coupon::{CouponRefusal, RedeemedBy, Redemption};
use crate::domain::lifecycle::LifecycleRefusal;
use crate::domain::presentation::Refusal;
use crate::domain::profile::FieldError;
use crate::domain::redemption::{RedeemRefusal, ReverseRefusal};
use crate::web::refused::Refused;

const ENDED: &str = "Diese Karte ist beendet.";
const EXPIRED: &str = "Diese Karte ist abgelaufen.";

impl Language {
    /// What a page says of a call that was refused.
    pub fn refused(self, refused: &Refused) -> String {
        let words = self.words();
        match refused {
            Refused::Role {
                yours,
                needs,
                merchant,
            } => {
                let (yours, needs) = (words.common.role(*yours), words.common.role(*needs));
                self.said(
                    format!(
                        "Your role is {yours}. This takes the role {needs} or higher; an owner of {merchant} can give it to you."
                    ),
                    format!(
                        "Ihre Rolle ist {yours}. Dafür braucht es mindestens die Rolle {needs}; ein Inhaber von {merchant} kann sie Ihnen geben."
                    ),
                )
            }
            Refused::OtherSite => self.said(
                "This form was sent from another site, so nothing was done.",
                "Dieses Formular kam von einer anderen Website, also geschah nichts.",
            ),
            Refused::LongForm => words.shell.too_long_text.to_owned(),
            Refused::Field { .. } => words.shell.did_not_work_text.to_owned(),
            Refused::Adjust(error) => self.adjust_error(error),
            Refused::Card(error) => self.card_error(error),
            Refused::Codes(error) => self.codes_error(error),
            Refused::Customer(error) => self.customer_error(error),
            Refused::Export(error) => self.export_error(error),
            Refused::Invite(error) => self.invite_error(error),
            Refused::Job(error) => self.job_error(error),
            Refused::Listen(error) => self.listen_error(error),
            Refused::Member(refusal) => self.member_refusal(refusal),
            Refused::Message(error) => self.message_error(error),
            Refused::Referral(error) => self.referral_error(error),
            Refused::Segment(error) => self.segment_error(error),
            Refused::Timeline(error) => self.timeline_error(error),
            Refused::Upload(error) => self.upload_error(error),
            Refused::Wish(error) => self.wish_error(error),
        }
    }

    /// One of two sentences that say the same.
    fn said<T: Into<String>>(self, english: T, german: T) -> String {
        match self {
            Self::English => english.into(),
            Self::German => german.into(),
        }
    }

    /// A fault of ours, which is logged elsewhere.
    fn fault(self) -> String {
        self.words().shell.went_wrong_text.to_owned()
    }

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
            CouponRefusal::Card(Refusal::UnknownToken) => "Das ist keine unserer Karten.",
            CouponRefusal::Card(Refusal::BeforeCard) => {
                "Dieser Scan ist älter als die Karte. Prüfen Sie die Uhr dieser Kasse."
            }
            CouponRefusal::Card(Refusal::TooSoon { .. }) => "Diese Karte wurde eben erst genutzt.",
            CouponRefusal::Card(Refusal::DailyLimit { .. }) => {
                "Diese Karte hat für diesen Tag bekommen, was sie bekommen kann."
            }
            CouponRefusal::Card(Refusal::CounterReused) => {
                "Diese Kasse hat zwei verschiedene Scans unter einer Nummer gesendet. Rufen Sie den Support."
            }
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
            "malformed" => "So lässt sich das nicht lesen. Bitte prüfen Sie die Schreibweise.",
            "in_the_future" | "future_date" => "Schreiben Sie einen Tag, der schon vorbei ist.",
            "no_date" => "Schreiben Sie einen Tag wie 2026-01-31.",
            "no_country" => "Schreiben Sie die Nummer mit der Vorwahl des Landes, etwa +49.",
            "not_an_amount" => "Schreiben Sie einen Betrag wie 12,50.",
            "not_a_balance" => "Schreiben Sie eine ganze Zahl ab 0.",
            "wrong_kind" => "Das passt nicht zur Art des Programms.",
            "too_many" => "Mehr sind nicht möglich.",
            "control_character" => "Bitte ohne Steuerzeichen schreiben.",
            "impossible_date" => "Schreiben Sie einen Tag, den es gibt und der vorbei ist, wie 1990-05-17.",
            "impossible_number" => "Schreiben Sie eine Nummer, die es gibt, mit Vorwahl.",
            "not_a_number" => "Schreiben Sie eine Zahl wie 42 oder 3,75.",
            "no_choice" => "Bitte wählen Sie einen Wert der Liste.",
            "no_contact" => "Geben Sie mindestens E-Mail, Telefon oder externe Kennung an.",
            _ => "Das wurde nicht angenommen. Bitte prüfen Sie die Angabe.",
        }
        .into()
    }
}

#[cfg(test)]
mod tests;
