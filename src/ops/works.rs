//! One picture of long work: what goes on, how far it is, and what there was.

use crate::domain::id::MerchantId;
use crate::domain::message::State;
use crate::domain::upload::UploadState;
use crate::ops::Ops;
use crate::store::Error;
use crate::store::jobs::{ALL_GATHERED, JobState};
use crate::store::works;
pub use crate::store::works::{Running, Sending, Work};

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Of `whole`, in whatever it is measured in.
    pub part: i64,
    pub whole: i64,
    /// The things that people count: cards, rows, copies, codes.
    pub things: i64,
}

impl Work {
    /// Unlike that of any other work of the merchant; greater, where it began later.
    pub fn id(&self) -> i64 {
        match self {
            Self::Job(job) => job.batch.0,
            Self::Import(upload) => upload.id.0,
            Self::Message(sending) => sending.message.id.0,
            Self::Codes(batch) => batch.id.0,
        }
    }

    /// Whether something happens with it at this moment.
    pub fn is_running(&self) -> bool {
        match self {
            Self::Job(job) => job.state == JobState::Running,
            Self::Import(upload) => upload.state.is_worked_on(),
            Self::Message(sending) => sending.message.state == State::Running,
            Self::Codes(batch) => batch.made < batch.wanted,
        }
    }

    /// Whether it may go on: it runs, or somebody holds it.
    pub fn is_open(&self) -> bool {
        let is_held = match self {
            Self::Job(job) => job.state == JobState::Paused,
            Self::Message(sending) => sending.message.state == State::Paused,
            Self::Import(_) | Self::Codes(_) => false,
        };
        is_held || self.is_running()
    }

    /// How far it is; none while its size is not known, and of messages that have ended.
    pub fn progress(&self) -> Option<Progress> {
        match self {
            Self::Job(job) if job.gathered_to != ALL_GATHERED && self.is_open() => None,
            Self::Job(job) => Some(Progress {
                part: job.done + job.refused,
                whole: job.cards,
                things: job.done + job.refused,
            }),
            Self::Import(upload) => Some(Progress {
                part: match upload.state {
                    UploadState::Done => upload.bytes,
                    _ => upload.read_bytes.min(upload.bytes),
                },
                whole: upload.bytes,
                things: upload.counts.rows(),
            }),
            Self::Message(sending) if sending.message.is_expanded() && self.is_open() => {
                let part = sending.copies - sending.open;
                Some(Progress {
                    part,
                    whole: sending.copies,
                    things: part,
                })
            }
            Self::Message(_) => None,
            Self::Codes(batch) => Some(Progress {
                part: batch.made,
                whole: batch.wanted,
                things: batch.made,
            }),
        }
    }
}

impl Ops {
    /// What has not ended, newest first.
    pub async fn open_works(&self, merchant: MerchantId) -> Result<Vec<Work>, Error> {
        self.store
            .read("open_works", move |tx| Box::pin(works::open(tx, merchant)))
            .await
    }

    /// What began before the work with the id `before`, newest first.
    pub async fn works(
        &self,
        merchant: MerchantId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Work>, Error> {
        let before = before.unwrap_or(i64::MAX);
        self.store
            .read("works", move |tx| {
                Box::pin(works::before(tx, merchant, before, limit))
            })
            .await
    }

    /// How much of each kind runs.
    pub async fn running_works(&self, merchant: MerchantId) -> Result<Running, Error> {
        self.store
            .read("running_works", move |tx| Box::pin(works::running(tx, merchant)))
            .await
    }
}
