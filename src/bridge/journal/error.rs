//! Why a journal cannot be used, and what to do about it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refuses; nothing that was stored is lost, and the next capture tries again.
    #[error("the journal in {folder} cannot be written: {source}")]
    Unavailable { folder: PathBuf, source: std::io::Error },
    #[error("the journal in {folder} is in use by another bridge; one folder serves one bridge")]
    InUse { folder: PathBuf },
}

impl JournalError {
    pub(super) fn unavailable(folder: &Path, source: std::io::Error) -> Self {
        Self::Unavailable {
            folder: folder.to_path_buf(),
            source,
        }
    }

    /// What staff are told.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Unavailable { source, .. } if is_full(source.kind()) => {
                "This till cannot store scans: its disk is full"
            }
            Self::Unavailable { .. } => "This till cannot store scans: its disk reports an error",
            Self::InUse { .. } => "This till cannot store scans: another program uses its journal",
        }
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}
