//! What somebody is refused, kept as the value that it is until a page says it in its language. Programs are told the
//! English sentence of the value.

use crate::domain::access::MemberRefusal;
use crate::domain::member::Role;
use crate::ops::addresses::ListenError;
use crate::ops::balances::AdjustError;
use crate::ops::cards::CardError;
use crate::ops::codes::CodesError;
use crate::ops::consents::WishError;
use crate::ops::customers::CustomerError;
use crate::ops::export::ExportError;
use crate::ops::invitations::InviteError;
use crate::ops::jobs::JobError;
use crate::ops::messages::MessageError;
use crate::ops::referrals::ReferralError;
use crate::ops::segments::SegmentError;
use crate::ops::timeline::TimelineError;
use crate::ops::uploads::UploadError;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(
        "Your role is {yours}. This takes the role {needs} or higher; an owner of {merchant} can give it to you.",
        yours = .yours.as_str(), needs = .needs.as_str()
    )]
    Role {
        yours: Role,
        needs: Role,
        merchant: String,
    },
    #[error("This form was sent from another site, so nothing was done.")]
    OtherSite,
    #[error("A form takes at most 64 KiB, so nothing was done.")]
    LongForm,
    /// Nothing that a form or a link of ours would send.
    #[error("{field}: expected {expected}")]
    Field {
        field: &'static str,
        expected: &'static str,
    },
    #[error(transparent)]
    Adjust(AdjustError),
    #[error(transparent)]
    Card(CardError),
    #[error(transparent)]
    Codes(CodesError),
    #[error(transparent)]
    Customer(CustomerError),
    #[error(transparent)]
    Export(ExportError),
    #[error(transparent)]
    Invite(InviteError),
    #[error(transparent)]
    Job(JobError),
    #[error(transparent)]
    Listen(ListenError),
    #[error(transparent)]
    Member(MemberRefusal),
    #[error(transparent)]
    Message(MessageError),
    #[error(transparent)]
    Referral(ReferralError),
    #[error(transparent)]
    Segment(SegmentError),
    #[error(transparent)]
    Timeline(TimelineError),
    #[error(transparent)]
    Upload(UploadError),
    #[error(transparent)]
    Wish(WishError),
}

/// What kind of answer a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was sent cannot be read, or says what cannot be.
    Unreadable,
    Forbidden,
    TooLarge,
    /// It could be done, but not as things stand.
    Conflict,
}

impl Refused {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Role { .. } | Self::OtherSite => Kind::Forbidden,
            Self::Member(MemberRefusal::NotAllowed { .. }) => Kind::Forbidden,
            Self::LongForm => Kind::TooLarge,
            Self::Field { .. }
            | Self::Export(ExportError::NoColumn { .. })
            | Self::Invite(InviteError::TooMany(_))
            | Self::Job(JobError::Refused(_))
            | Self::Segment(SegmentError::Incomparable(_))
            | Self::Timeline(_) => Kind::Unreadable,
            Self::Adjust(_)
            | Self::Card(_)
            | Self::Codes(_)
            | Self::Customer(_)
            | Self::Export(_)
            | Self::Invite(_)
            | Self::Job(_)
            | Self::Listen(_)
            | Self::Member(_)
            | Self::Message(_)
            | Self::Referral(_)
            | Self::Segment(_)
            | Self::Upload(_)
            | Self::Wish(_) => Kind::Conflict,
        }
    }
}
