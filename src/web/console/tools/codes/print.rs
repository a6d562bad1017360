//! How codes leave: as rows of a file, and as pieces of paper with a QR code each.

use maud::{Markup, html};

use crate::domain::code::{Code, Gift};
use crate::domain::join::Arrival;
use crate::domain::time::Timestamp;
use crate::store::codes::{CodeBatch, ListedCode};
use crate::web::console::pass::qr_path;
use crate::web::public::join::join_link;

/// What stands over the columns of a file of codes.
pub const HEADER: [&str; 5] = ["code", "uses", "max_uses", "first_used_at", "expires_at"];

/// A code as people read it.
pub fn printed(code: &ListedCode) -> String {
    Code::parse(&code.code).map_or_else(|_| code.code.clone(), |code| code.to_string())
}

/// A row below [`HEADER`].
pub fn row(batch: &CodeBatch, code: &ListedCode) -> [String; 5] {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_jiff().to_string()).unwrap_or_default();
    [
        printed(code),
        code.uses.to_string(),
        batch.max_uses.to_string(),
        time(code.first_used_at),
        time(batch.expires_at),
    ]
}

/// What a code of a batch leads to: the page where it gives a card. Codes that give something on a card are typed there,
/// because no link knows whose card that is.
pub fn link(public_url: &str, batch: &CodeBatch, code: &ListedCode) -> Option<String> {
    let arrival = Arrival {
        code: Some(printed(code)),
        ..Arrival::default()
    };
    (batch.gift == Gift::Join).then(|| join_link(public_url, batch.merchant, batch.program, &arrival))
}

/// A piece of paper, as an item of a list.
pub fn slip(public_url: &str, batch: &CodeBatch, code: &ListedCode) -> Markup {
    let text = printed(code);
    let scanned = link(public_url, batch, code);
    html! {
        li {
            @if let Some((size, path)) = qr_path(scanned.as_deref().unwrap_or(&text)) {
                svg viewBox=(format!("0 0 {size} {size}")) aria-hidden="true" { path d=(path) {} }
            }
            code { (text) }
        }
    }
}
