//! The journal as several tasks use it: each call waits for the disk on a thread made for waiting.

use super::{Journal, JournalError};
use crate::wire::CaptureBody;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone)]
pub(in crate::bridge) struct SharedJournal {
    folder: PathBuf,
    journal: Arc<Mutex<Journal>>,
    /// Readable without waiting for a write in progress.
    depth: Arc<AtomicUsize>,
}

impl SharedJournal {
    pub(in crate::bridge) fn new(journal: Journal) -> Self {
        Self {
            folder: journal.folder.clone(),
            depth: Arc::new(AtomicUsize::new(journal.depth())),
            journal: Arc::new(Mutex::new(journal)),
        }
    }

    pub(in crate::bridge) fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    pub(in crate::bridge) async fn append(&self, capture: CaptureBody) -> Result<CaptureBody, JournalError> {
        self.with(move |journal| journal.append(capture)).await
    }

    pub(in crate::bridge) async fn oldest(&self, most: usize) -> Result<Vec<CaptureBody>, JournalError> {
        self.with(move |journal| Ok(journal.oldest(most))).await
    }

    pub(in crate::bridge) async fn acknowledge(&self, counter: i64) -> Result<(), JournalError> {
        self.with(move |journal| journal.acknowledge(counter)).await
    }

    pub(in crate::bridge) async fn reject_oldest(
        &self,
        reason: String,
    ) -> Result<Option<CaptureBody>, JournalError> {
        self.with(move |journal| journal.reject_oldest(&reason)).await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (journal, depth) = (self.journal.clone(), self.depth.clone());
        let done = tokio::task::spawn_blocking(move || {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            let result = work(&mut journal);
            depth.store(journal.depth(), Ordering::Relaxed);
            result
        });
        done.await.unwrap_or_else(|ended| {
            Err(JournalError::unavailable(
                &self.folder,
                std::io::Error::other(ended),
            ))
        })
    }
}
