//! Files that members upload to import, from the first byte to the last row.
//!
//! A file is kept in pieces in the store, so that any node can go on with it, and it is personal data: its pieces go
//! when it was imported, its rows that were not taken a day later, and everything when somebody is erased while it
//! waits. What it says is looked at while it comes in; a file that cannot be read is not kept at all.

mod receiving;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::custom_field::CustomField;
use crate::domain::id::{MerchantId, UploadId};
use crate::domain::import::{Column, Mapping};
use crate::domain::program::ProgramKind;
use crate::domain::time::Timestamp;
use crate::domain::upload::{UploadState, UploadWish};
use crate::ops::Ops;
pub use crate::ops::import::Head;
use crate::ops::import::ImportError;
use crate::store::imports::{self, Failure};
use crate::store::uploads::{self, Upload};
use crate::store::{Error, Store, cards, custom_fields};
pub use receiving::Receiving;

/// Most bytes of a file.
pub const LARGEST: usize = 32 << 20;
/// How long a file is kept after the last thing that happened to it.
pub const KEPT: Duration = Duration::from_hours(24);
/// How long a file may take to come in. What is broken off leaves nothing that anybody could delete, and counts among those
/// that wait.
pub(super) const ARRIVES_WITHIN: Duration = Duration::from_hours(1);
/// How long a node that says nothing more is believed to work on a file.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// Files of a merchant that wait at the same time.
const MOST_OPEN: i64 = 10;
/// How often files are looked for that there is something to do for.
const EVERY: Duration = Duration::from_millis(500);

/// Why a file was not taken, or not moved on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("there is no such file; files are kept for a day")]
    NotFound,
    /// Somebody else has moved it on.
    #[error("this file is {} by now", .0.as_str())]
    Moved(UploadState),
    #[error("a file has at most {LARGEST} bytes")]
    TooLarge,
    #[error("{MOST_OPEN} files wait already; import or delete one of them")]
    TooMany,
    #[error("the file is empty")]
    Empty,
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What is to be known to say what the columns of a file mean.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub upload: Upload,
    pub head: Head,
    /// What was chosen, or else what the columns seem to mean.
    pub meanings: Vec<Column>,
    pub fields: Vec<CustomField>,
    pub kind: Option<ProgramKind>,
}

impl Ops {
    pub async fn upload(&self, merchant: MerchantId, upload: UploadId) -> Result<Upload, UploadError> {
        self.store
            .read("upload", move |tx| {
                Box::pin(async move {
                    let found = uploads::upload(tx, merchant, upload).await?;
                    found.ok_or(UploadError::NotFound)
                })
            })
            .await
    }

    /// A merchant's newest files.
    pub async fn uploads(&self, merchant: MerchantId) -> Result<Vec<Upload>, Error> {
        self.store
            .read("uploads", move |tx| Box::pin(uploads::uploads(tx, merchant, 20)))
            .await
    }

    /// The beginning of a file, and what its columns can mean and seem to mean.
    pub async fn upload_sheet(&self, merchant: MerchantId, upload: UploadId) -> Result<Sheet, UploadError> {
        self.store
            .read("upload_sheet", move |tx| {
                Box::pin(async move {
                    let upload = uploads::upload(tx, merchant, upload).await?;
                    let upload = upload.ok_or(UploadError::NotFound)?;
                    let (mut fields, mut kind) = (Vec::new(), None);
                    if let Some(program) = upload.program {
                        fields = custom_fields::fields(tx, merchant, program).await?;
                        let of = cards::program(tx, merchant, program).await?;
                        kind = of.map(|of| of.program.rules.kind());
                    }
                    let first = uploads::piece(tx, merchant, upload.id, 0).await?;
                    let first = first.unwrap_or_default();
                    let is_whole = i64::try_from(first.len()) == Ok(upload.bytes);
                    let delimiter = u8::try_from(upload.delimiter).unwrap_or(b',');
                    let head = Head::read(&first, delimiter, is_whole);
                    let all = Column::all(&fields);
                    let meanings = if upload.meanings.is_empty() {
                        Mapping::guesses(&upload.header, &fields)
                    } else {
                        let known =
                            |word: &String| all.iter().find(|column| column.as_str() == word).cloned();
                        let chosen = upload.meanings.iter().map(known);
                        chosen.map(|column| column.unwrap_or(Column::Ignored)).collect()
                    };
                    Ok(Sheet {
                        upload,
                        head,
                        meanings,
                        fields,
                        kind,
                    })
                })
            })
            .await
    }

    /// Says what the columns of a file mean, from left to right, and has it looked through.
    pub async fn try_upload(
        &self,
        merchant: MerchantId,
        upload: UploadId,
        meanings: Vec<String>,
    ) -> Result<(), UploadError> {
        let now = self.clock.now();
        self.store
            .write("try_upload", move |tx| {
                let meanings = meanings.clone();
                Box::pin(async move {
                    let upload = uploads::upload_for_update(tx, merchant, upload).await?;
                    let upload = upload.ok_or(UploadError::NotFound)?;
                    let state = after(&upload, UploadWish::Try)?;
                    let fields = match upload.program {
                        Some(program) => custom_fields::fields(tx, merchant, program).await?,
                        None => Vec::new(),
                    };
                    Mapping::chosen(&upload.header, &meanings, &fields).map_err(ImportError::from)?;
                    uploads::begin(tx, &upload, state, &meanings, now, now.plus(KEPT)).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Imports a file that was looked through. One that is being imported or was imported stays so.
    pub async fn run_upload(&self, merchant: MerchantId, upload: UploadId) -> Result<(), UploadError> {
        let now = self.clock.now();
        self.store
            .write("run_upload", move |tx| {
                Box::pin(async move {
                    let upload = uploads::upload_for_update(tx, merchant, upload).await?;
                    let upload = upload.ok_or(UploadError::NotFound)?;
                    if matches!(upload.state, UploadState::Running | UploadState::Done) {
                        return Ok(());
                    }
                    let state = after(&upload, UploadWish::Run)?;
                    uploads::begin(tx, &upload, state, &upload.meanings, now, now.plus(KEPT)).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Stops looking through a file or importing it; what was imported stays. Returns the state that it has now.
    pub async fn stop_upload(
        &self,
        merchant: MerchantId,
        upload: UploadId,
    ) -> Result<UploadState, UploadError> {
        let now = self.clock.now();
        self.store
            .write("stop_upload", move |tx| {
                Box::pin(async move {
                    let upload = uploads::upload_for_update(tx, merchant, upload).await?;
                    let upload = upload.ok_or(UploadError::NotFound)?;
                    let state = after(&upload, UploadWish::Stop)?;
                    uploads::stop(tx, &upload, state, now, now.plus(KEPT)).await?;
                    if state.is_over() {
                        uploads::forget_pieces(tx, merchant, upload.id).await?;
                    }
                    Ok(state)
                })
            })
            .await
    }

    /// Throws away a file with everything that is known of it.
    pub async fn discard_upload(&self, merchant: MerchantId, upload: UploadId) -> Result<(), UploadError> {
        self.store
            .write("discard_upload", move |tx| {
                Box::pin(async move {
                    let upload = uploads::upload_for_update(tx, merchant, upload).await?;
                    let upload = upload.ok_or(UploadError::NotFound)?;
                    after(&upload, UploadWish::Discard)?;
                    forget(tx, &upload).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Some of the rows of a file that would not be or were not taken, after row `row`.
    pub async fn upload_failures(&self, upload: &Upload, row: i64) -> Result<Vec<Failure>, Error> {
        self.import_failures(upload.merchant, upload.failures(), row)
            .await
    }

    /// Takes a file that there is something to do for and works on it, to its end or until `stop`. False: there was none.
    pub async fn work_uploads(&self, stop: &CancellationToken) -> Result<bool, Error> {
        let now = self.clock.now();
        let (until, lease) = (now.plus(LEASE), self.ids.next(now));
        let claimed = self
            .store
            .write("claim_upload", move |tx| {
                Box::pin(async move { uploads::claim(tx, now, until, lease).await })
            })
            .await?;
        let Some(claimed) = claimed else {
            return Ok(false);
        };
        let (ops, stop, runtime) = (self.clone(), stop.clone(), tokio::runtime::Handle::current());
        let work = move || runtime.block_on(async move { ops.work_on(&claimed, &stop).await });
        match tokio::task::spawn_blocking(work).await {
            Ok(worked) => worked.map(|()| true),
            Err(error) => {
                tracing::error!(%error, "the work on an uploaded file ended badly");
                Err(Error::Body("the work on an uploaded file ended badly"))
            }
        }
    }

    /// Forgets a file whose time is over.
    pub(super) async fn forget_uploads(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("forget_upload", move |tx| {
                Box::pin(async move {
                    let Some(upload) = uploads::expired(tx, now).await? else {
                        return Ok(0);
                    };
                    forget(tx, &upload).await?;
                    Ok(1)
                })
            })
            .await
    }
}

/// Works on files until `stop`.
pub async fn run(ops: Ops, stop: CancellationToken) {
    let mut looks = tokio::time::interval(EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        while !stop.is_cancelled() {
            match ops.work_uploads(&stop).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "an uploaded file is put off; it is tried again");
                    break;
                }
            }
        }
    }
}

/// One piece of a file; none behind the last one.
pub(super) async fn stored_piece(
    store: &Store,
    upload: &Upload,
    piece: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let (merchant, id) = (upload.merchant, upload.id);
    store
        .read("upload_piece", move |tx| {
            Box::pin(async move { uploads::piece(tx, merchant, id, piece).await })
        })
        .await
}

fn after(upload: &Upload, wish: UploadWish) -> Result<UploadState, UploadError> {
    upload.state.after(wish).ok_or(UploadError::Moved(upload.state))
}

async fn forget(tx: &mut crate::store::Tx<'_>, upload: &Upload) -> Result<(), Error> {
    let (merchant, id) = (upload.merchant, upload.id);
    for batch in [Some(upload.tried()), upload.batch].into_iter().flatten() {
        imports::forget_failures(tx, merchant, batch).await?;
    }
    uploads::forget_pieces(tx, merchant, id).await?;
    uploads::delete(tx, merchant, id).await
}
