//! Why a card is not changed, one by one and in bulk.

use super::Language;
use crate::domain::bulk::{self, BulkError};
use crate::domain::issue::IssueRefusal;
use crate::domain::program::ProgramKind;
use crate::ops::balances::AdjustError;
use crate::ops::cards::CardError;
use crate::ops::codes::CodesError;
use crate::ops::coupons::CouponError;
use crate::ops::jobs::JobError;

const NO_CARD: (&str, &str) = ("There is no such card.", "Diese Karte gibt es nicht.");
const STALE: (&str, &str) = (
    "This card has changed meanwhile. Look again and decide anew.",
    "Diese Karte hat sich inzwischen geändert. Sehen Sie nach und entscheiden Sie neu.",
);

impl Language {
    pub fn card_error(self, error: &CardError) -> String {
        match error {
            CardError::NotFound => self.said(NO_CARD.0, NO_CARD.1),
            CardError::Issue(refusal) => self.issue_refusal(refusal),
            CardError::Redeem(refusal) => self.redeem_refusal(refusal),
            CardError::Reverse(refusal) => self.reverse_refusal(refusal),
            CardError::Lifecycle(refusal) => self.lifecycle_refusal(refusal),
            CardError::Stale => self.said(STALE.0, STALE.1),
            CardError::Field(error) => self.field_refusal(error),
            CardError::AlreadyHolds(_) => self.said(
                "The customer with this address or number has a card of this program already.",
                "Der Kunde mit dieser Adresse oder Nummer hat schon eine Karte dieses Programms.",
            ),
            CardError::Raced => self.words().people.raced.to_owned(),
            CardError::Store(_) => self.fault(),
        }
    }

    pub fn issue_refusal(self, refusal: &IssueRefusal) -> String {
        match (self, refusal) {
            (Self::English, refusal) => refusal.to_string(),
            (Self::German, IssueRefusal::Archived) => {
                "Dieses Programm ist archiviert: Seine Karten gelten weiter, neue werden nicht ausgestellt."
                    .into()
            }
            (Self::German, IssueRefusal::Ended { day }) => format!(
                "Dieses Programm endete am {}: Eine neue Karte wäre schon abgelaufen.",
                self.date(*day, false)
            ),
        }
    }

    pub fn adjust_error(self, error: &AdjustError) -> String {
        match error {
            AdjustError::NotFound => self.said(NO_CARD.0, NO_CARD.1),
            AdjustError::Stale => self.said(STALE.0, STALE.1),
            AdjustError::NoReason => self.words().acts.reason_wrong.to_owned(),
            AdjustError::Refused(refusal) => self.adjust_refusal(refusal),
            AdjustError::OtherCard => self.said(
                "This order was already credited to another card.",
                "Diese Bestellung wurde schon einer anderen Karte gutgeschrieben.",
            ),
            AdjustError::Store(_) => self.fault(),
        }
    }

    pub fn coupon_error(self, error: &CouponError) -> String {
        match error {
            CouponError::NotFound => self.said(NO_CARD.0, NO_CARD.1),
            CouponError::NoLocation => self.said(
                "This location is gone. Choose another one.",
                "Diesen Standort gibt es nicht mehr. Wählen Sie einen anderen.",
            ),
            CouponError::Refused(refusal) => self.coupon_refusal(refusal),
            CouponError::AlreadyRedeemed(redemption) => self.redemption(redemption),
            CouponError::Store(_) => self.fault(),
        }
    }

    pub fn codes_error(self, error: &CodesError) -> String {
        let words = &self.words().codes;
        match error {
            CodesError::Field { field, .. } => self.said(
                format!("The field “{field}” does not hold what it should. Load the page again."),
                format!("Im Feld „{field}“ steht nicht, was dort stehen muss. Laden Sie die Seite neu."),
            ),
            CodesError::NoProgram => self.words().tools.program_is_gone.to_owned(),
            CodesError::NoBatch => self.said(
                "There is no such batch of codes.",
                "Diese Serie von Codes gibt es nicht.",
            ),
            CodesError::AlreadyRevoked => words.revoked_before.to_owned(),
            CodesError::NoCard => words.no_card.to_owned(),
            CodesError::Typed(error) => words.typed(error),
            CodesError::Refused(refusal) => words.refusal(refusal),
            CodesError::Adjust(error) => self.adjust_error(error),
            CodesError::Card(error) => self.card_error(error),
            CodesError::Store(_) => self.fault(),
        }
    }

    /// Why one of many cards is left out.
    pub fn bulk_refusal(self, refusal: &bulk::Refusal) -> String {
        match refusal {
            bulk::Refusal::NoCard => self.said(NO_CARD.0, NO_CARD.1),
            bulk::Refusal::Adjust(refusal) => self.adjust_refusal(refusal),
            bulk::Refusal::Redeem(refusal) => self.redeem_refusal(refusal),
            bulk::Refusal::Kind { got, .. } => self.said(
                refusal.to_string(),
                match got {
                    ProgramKind::Punch => {
                        "Das ist eine Stempelkarte; so etwas bekommt nur eine andere Art.".to_owned()
                    }
                    ProgramKind::Points => {
                        "Das ist eine Punktekarte; so etwas bekommt nur eine andere Art.".to_owned()
                    }
                    ProgramKind::Coupon => {
                        "Das ist ein Coupon; so etwas bekommt nur eine andere Art.".to_owned()
                    }
                },
            ),
            bulk::Refusal::AlreadyVoid => {
                self.said(refusal.to_string(), "Diese Karte ist bereits beendet.".to_owned())
            }
            bulk::Refusal::NotVoid => {
                self.said(refusal.to_string(), "Diese Karte ist nicht beendet.".to_owned())
            }
            bulk::Refusal::CustomerErased => self.said(
                refusal.to_string(),
                "Der Kunde wurde gelöscht; seine Karte lässt sich nicht wiederherstellen.".to_owned(),
            ),
            bulk::Refusal::Reverse(refusal) => self.reverse_refusal(refusal),
        }
    }

    /// Why a job left a card out, as its row keeps it: a code and the English sentence. What cannot be read back from that
    /// is said by its code alone.
    pub fn job_row(self, code: &str, stored: &str) -> String {
        if self == Self::English {
            return stored.to_owned();
        }
        if let Some(refusal) = bulk::Refusal::read(code, stored) {
            return self.bulk_refusal(&refusal);
        }
        match code {
            "no_card" => NO_CARD.1,
            "card_void" => "Diese Karte ist beendet.",
            "card_expired" => "Diese Karte ist abgelaufen.",
            "balance" => "Der Stand der Karte lässt das nicht zu.",
            "not_redeemable" => "Hier gibt es gerade nichts einzulösen.",
            "wrong_kind" => "Das passt nicht zur Art dieser Karte.",
            "already_void" => "Diese Karte ist bereits beendet.",
            "not_void" => "Diese Karte ist nicht beendet.",
            "customer_erased" => "Der Kunde wurde gelöscht; seine Karte lässt sich nicht wiederherstellen.",
            "already_taken_back" => "Das wurde bereits zurückgenommen.",
            "reward_redeemed" => {
                "Die Prämie daraus wurde schon eingelöst. Nehmen Sie zuerst die Einlösung zurück."
            }
            "points_spent" => "Diese Punkte wurden schon ausgegeben.",
            "coupon_redeemed" => "Damit wurde der Coupon eingelöst. Nehmen Sie zuerst die Einlösung zurück.",
            "converted_card_used" => "Der Coupon wurde zu einer anderen Karte, die seitdem genutzt wurde.",
            "too_late" => "Dafür ist es zu spät.",
            "not_reversible" => "Das lässt sich nicht mehr zurücknehmen.",
            "failed" => "Das Gateway konnte diese Karte nicht ändern; sein Protokoll sagt, warum.",
            _ => "Diese Karte wurde ausgelassen.",
        }
        .to_owned()
    }

    pub fn job_error(self, error: &JobError) -> String {
        match error {
            JobError::Refused(BulkError::Amount { .. }) => self.words().jobs.expected_amount.to_owned(),
            JobError::Refused(BulkError::Reason { .. }) => self.words().jobs.expected_reason.to_owned(),
            JobError::Refused(BulkError::Cards { got: 0 }) => self.words().jobs.nothing_selected.to_owned(),
            JobError::Refused(BulkError::Cards { .. }) => self.words().jobs.too_many.to_owned(),
            JobError::Refused(BulkError::Rule) => self.words().jobs.too_long.to_owned(),
            JobError::NotFound => self.said("There is no such job.", "Diesen Auftrag gibt es nicht."),
            JobError::Over(_) => self.said(
                "This job has ended: it can no longer be paused, resumed or cancelled.",
                "Dieser Auftrag ist zu Ende: Er lässt sich nicht mehr anhalten, fortsetzen oder abbrechen.",
            ),
            JobError::Open(_) => self.said(
                "This job has not ended. Cancel it, or wait until it is done, before it is taken back.",
                "Dieser Auftrag läuft noch. Brechen Sie ihn ab oder warten Sie, bis er fertig ist, bevor Sie ihn zurücknehmen.",
            ),
            JobError::TakesBack => self.said(
                "A job that took back another one is not taken back itself. Do the action again.",
                "Eine Rücknahme wird nicht selbst zurückgenommen. Führen Sie die Aktion noch einmal aus.",
            ),
            JobError::Store(_) => self.fault(),
        }
    }
}
