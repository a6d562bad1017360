//! Taking a file while it comes in: what it says is looked at piece by piece, and what cannot be read is not kept.

use std::sync::Arc;

use super::{ARRIVES_WITHIN, KEPT, LARGEST, MOST_OPEN, UploadError};
use crate::domain::id::{MemberId, MerchantId, ProgramId, UploadId};
use crate::domain::import::{MOST_COLUMNS, MappingError};
use crate::ops::Ops;
use crate::ops::import::{Head, ImportError, Surveyor};
use crate::store::uploads::{self, NewUpload, Received};

/// Bytes of a piece: longer than the longest row, so that the header is in the first one.
const PIECE: usize = 512 << 10;
const LONGEST_NAME: usize = 120;

/// A file that is coming in.
pub struct Receiving {
    ops: Ops,
    merchant: MerchantId,
    id: UploadId,
    surveyor: Surveyor,
    buffer: Vec<u8>,
    /// The first piece, for the header.
    first: Vec<u8>,
    pieces: i64,
    bytes: usize,
}

impl Ops {
    /// Begins to take a file. What has not come to its end within an hour is forgotten.
    pub async fn receive_upload(
        &self,
        merchant: MerchantId,
        member: MemberId,
        name: &str,
        program: Option<ProgramId>,
        welcome: bool,
    ) -> Result<Receiving, UploadError> {
        let now = self.clock.now();
        let id = UploadId(self.ids.next(now));
        let name = name.chars().filter(|letter| !letter.is_control());
        let new = NewUpload {
            merchant,
            id,
            member,
            name: name.take(LONGEST_NAME).collect(),
            program,
            welcome,
        };
        self.store
            .write("begin_upload", move |tx| {
                let new = new.clone();
                Box::pin(async move {
                    if uploads::open(tx, merchant).await? >= MOST_OPEN {
                        return Err(UploadError::TooMany);
                    }
                    uploads::insert(tx, &new, now, now.plus(ARRIVES_WITHIN)).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(Receiving {
            ops: self.clone(),
            merchant,
            id,
            surveyor: Surveyor::default(),
            buffer: Vec::new(),
            first: Vec::new(),
            pieces: 0,
            bytes: 0,
        })
    }
}

impl Receiving {
    /// Takes the next bytes. After an error the file is to be given up.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.bytes += bytes.len();
        if self.bytes > LARGEST {
            return Err(UploadError::TooLarge);
        }
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= PIECE {
            let rest = self.buffer.split_off(PIECE);
            let piece = std::mem::replace(&mut self.buffer, rest);
            self.keep(piece).await?;
        }
        Ok(())
    }

    /// The file is complete.
    pub async fn finish(mut self) -> Result<UploadId, UploadError> {
        match self.complete().await {
            Ok(()) => Ok(self.id),
            Err(error) => {
                self.give_up().await?;
                Err(error)
            }
        }
    }

    /// Forgets what has come.
    pub async fn give_up(self) -> Result<(), UploadError> {
        let (merchant, id) = (self.merchant, self.id);
        self.ops
            .store
            .write("give_up_upload", move |tx| {
                Box::pin(async move {
                    uploads::forget_pieces(tx, merchant, id).await?;
                    uploads::delete(tx, merchant, id).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn keep(&mut self, piece: Vec<u8>) -> Result<(), UploadError> {
        self.surveyor.look(&piece)?;
        if self.pieces == 0 {
            self.first.clone_from(&piece);
        }
        let (merchant, id, number) = (self.merchant, self.id, self.pieces);
        let piece = Arc::new(piece);
        self.ops
            .store
            .write("add_upload_piece", move |tx| {
                let piece = Vec::clone(&piece);
                Box::pin(async move { uploads::add_piece(tx, merchant, id, number, piece).await })
            })
            .await?;
        self.pieces += 1;
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), UploadError> {
        let rest = std::mem::take(&mut self.buffer);
        if !rest.is_empty() {
            self.keep(rest).await?;
        }
        let survey = std::mem::take(&mut self.surveyor).finish()?;
        let is_whole = self.first.len() == self.bytes;
        let header = Head::read(&self.first, survey.delimiter, is_whole).header;
        if header.iter().all(|name| name.trim().is_empty()) {
            return Err(UploadError::Empty);
        }
        if header.len() > MOST_COLUMNS {
            return Err(ImportError::from(MappingError::TooMany(header.len())).into());
        }
        let received = Received {
            bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX),
            fingerprint: survey.fingerprint,
            delimiter: survey.delimiter,
            header,
        };
        let (merchant, id, now) = (self.merchant, self.id, self.ops.clock.now());
        let is_there = self
            .ops
            .store
            .write("finish_upload", move |tx| {
                let received = received.clone();
                Box::pin(
                    async move { uploads::receive(tx, merchant, id, &received, now, now.plus(KEPT)).await },
                )
            })
            .await?;
        match is_there {
            true => Ok(()),
            false => Err(UploadError::NotFound),
        }
    }
}
