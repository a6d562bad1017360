//! Why something about a person, an invitation or a member is not done.

use super::Language;
use crate::domain::access::MemberRefusal;
use crate::domain::consent::ConsentRefusal;
use crate::domain::invitation::InvitationRefusal;
use crate::domain::referral::ReferralRefusal;
use crate::ops::addresses::ListenError;
use crate::ops::consents::WishError;
use crate::ops::customers::CustomerError;
use crate::ops::invitations::InviteError;
use crate::ops::referrals::ReferralError;

impl Language {
    pub fn customer_error(self, error: &CustomerError) -> String {
        let people = &self.words().people;
        match error {
            CustomerError::NoMerchant => {
                self.said("There is no such merchant.", "Diesen Betrieb gibt es nicht.")
            }
            CustomerError::NotFound => {
                self.said("There is no such customer.", "Diesen Kunden gibt es nicht.")
            }
            CustomerError::NoProgram => self.words().tools.program_is_gone.to_owned(),
            CustomerError::Erased => people.erased.to_owned(),
            CustomerError::Changed(_) => self.words().common.changed_meanwhile.to_owned(),
            CustomerError::Taken { kind, .. } => (people.taken)(people.contact(*kind)),
            CustomerError::Field(error) => self.field_refusal(error),
            CustomerError::NoField(code) => self.said(
                format!("This program no longer asks for “{code}”. Load the page again."),
                format!("Dieses Programm fragt nicht mehr nach „{code}“. Laden Sie die Seite neu."),
            ),
            CustomerError::Raced => people.raced.to_owned(),
            CustomerError::Card(error) => self.card_error(error),
            CustomerError::Store(_) => self.fault(),
        }
    }

    pub fn invite_error(self, error: &InviteError) -> String {
        let words = &self.words().invite;
        match error {
            InviteError::NoCard => words.no_card.to_owned(),
            InviteError::Refused(refusal) => self.invitation_refusal(refusal),
            InviteError::TooMany(count) => (words.too_many)(i64::try_from(*count).unwrap_or(i64::MAX)),
            InviteError::Card(error) => self.card_error(error),
            InviteError::Store(_) => self.fault(),
        }
    }

    fn invitation_refusal(self, refusal: &InvitationRefusal) -> String {
        self.words().invite.refusal(refusal)
    }

    pub fn referral_error(self, error: &ReferralError) -> String {
        match error {
            ReferralError::NoCard => self.said("There is no such card.", "Diese Karte gibt es nicht."),
            ReferralError::NoProgram => {
                self.said("There is no such program.", "Dieses Programm gibt es nicht.")
            }
            ReferralError::NotStaff { .. } => self.said(
                "What a referral gives is set by staff.",
                "Was eine Empfehlung bringt, legt das Personal fest.",
            ),
            ReferralError::Terms(error) => self.said(
                format!("A referral gives 0 to {}.", self.number(error.most)),
                format!("Eine Empfehlung bringt 0 bis {}.", self.number(error.most)),
            ),
            ReferralError::Refused(refusal) => self.referral_refusal(*refusal),
            ReferralError::Store(_) => self.fault(),
        }
    }

    fn referral_refusal(self, refusal: ReferralRefusal) -> String {
        match refusal {
            ReferralRefusal::NoTerms => self.said(
                "This program has no referrals.",
                "Dieses Programm hat keine Empfehlungen.",
            ),
            ReferralRefusal::UnknownLink => {
                self.said("This is no referral link.", "Das ist kein Empfehlungslink.")
            }
            ReferralRefusal::OtherProgram => self.said(
                "The link belongs to a card of another program.",
                "Der Link gehört zu einer Karte eines anderen Programms.",
            ),
            ReferralRefusal::SelfReferral => {
                self.said("Nobody refers themselves.", "Niemand empfiehlt sich selbst.")
            }
            ReferralRefusal::ExistingCustomer => self.said(
                "Who was referred is a customer already.",
                "Wer empfohlen wurde, ist schon Kunde.",
            ),
            ReferralRefusal::SameDevice => self.said(
                "The card was put on the phone of the one who referred.",
                "Die Karte kam auf das Handy dessen, der empfohlen hat.",
            ),
            ReferralRefusal::CardVoid => self.said(
                "One of the two cards has ended.",
                "Eine der beiden Karten ist beendet.",
            ),
            ReferralRefusal::AlreadyReferred => self.said(
                "This customer was referred before.",
                "Dieser Kunde wurde schon einmal empfohlen.",
            ),
        }
    }

    pub fn wish_error(self, error: &WishError) -> String {
        match error {
            WishError::NotFound => self.said("There is no such customer.", "Diesen Kunden gibt es nicht."),
            WishError::Preference(_) => self.said(
                "Only the holder changes this, on the card’s own page.",
                "Das ändert nur der Inhaber, auf der Seite der Karte.",
            ),
            WishError::Consent(ConsentRefusal::NotFromAPerson { .. }) => self.said(
                "Consent is given by a person.",
                "Eine Einwilligung gibt ein Mensch.",
            ),
            WishError::Consent(ConsentRefusal::Language(_)) => self.said(
                "A language is written like de or pt-BR.",
                "Eine Sprache schreibt man wie de oder pt-BR.",
            ),
            WishError::Consent(ConsentRefusal::Wording(error)) => self.wording_error(error),
            WishError::Store(_) => self.fault(),
        }
    }

    pub fn member_refusal(self, refusal: &MemberRefusal) -> String {
        match refusal {
            MemberRefusal::NotAllowed { needs, .. } => {
                (self.words().shell.takes_role)(self.words().common.role(*needs))
            }
            MemberRefusal::LastOwner => self.words().settings.last_owner.to_owned(),
        }
    }

    pub fn listen_error(self, error: &ListenError) -> String {
        match error {
            ListenError::NoCard => self.said("There is no such card.", "Diese Karte gibt es nicht."),
            ListenError::Ended => self.said(
                "This card has ended: there is nothing more to tell.",
                "Diese Karte ist beendet: Es gibt nichts mehr mitzuteilen.",
            ),
            ListenError::Store(_) => self.fault(),
        }
    }
}
