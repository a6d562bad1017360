//! Files that leave by the browser: CSV, a piece at a time.
//!
//! Every file begins with the mark that tells spreadsheets that it is UTF-8. One that breaks off ends as a broken
//! download and not as a shorter file.

use std::future::Future;
use std::io;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::{self, Sender};
use tokio_stream::wrappers::ReceiverStream;

/// What stands before the text; imports skip it.
const MARK: &str = "\u{feff}";
/// Pieces that wait for a slow browser.
const AHEAD: usize = 4;

/// Where the pieces of a file go.
pub struct Out(Sender<io::Result<Bytes>>);

impl Out {
    /// False when nobody wants any more.
    pub async fn send(&self, piece: Vec<u8>) -> bool {
        self.0.send(Ok(piece.into())).await.is_ok()
    }
}

/// A CSV file whose pieces `write` sends. When it fails, the download is broken off.
pub fn csv<F>(name: &str, write: impl FnOnce(Out) -> F + Send + 'static) -> Response
where
    F: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send,
{
    let (sender, receiver) = mpsc::channel(AHEAD);
    let broken = sender.clone();
    tokio::spawn(async move {
        let out = Out(sender);
        if !out.send(MARK.as_bytes().to_vec()).await {
            return;
        }
        if let Err(error) = write(out).await {
            tracing::warn!(%error, "a download was broken off");
            let _ = broken.send(Err(io::Error::other("broken off"))).await;
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}.csv\"", plain(name)),
        ),
    ];
    (headers, Body::from_stream(ReceiverStream::new(receiver))).into_response()
}

/// Rows as a piece of a file. The cells are made harmless by whoever made them.
pub fn rows(rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<Vec<u8>> {
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        out.write_record(row).map_err(io::Error::other)?;
    }
    out.into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

/// A name that every system takes for a file.
fn plain(name: &str) -> String {
    let kept = name.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_') => letter,
        _ => '-',
    });
    kept.take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_without_anything_that_could_end_the_header() {
        assert_eq!(plain("codes \"x\"\r\n/é"), "codes--x-----");
    }
}
