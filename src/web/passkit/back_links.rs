//! The counted links on the back of a pass, looked up in memory, so that a pass costs no query more.

use crate::apple::BackLink;
use crate::domain::face::CardFace;
use crate::domain::id::LinkId;
use crate::domain::link::CountedLink;
use crate::store::links::Link;
use crate::web::Web;
use crate::web::error::ApiError;

/// That of the message that the pass says, and that of its program.
pub(super) async fn of(web: &Web, face: &CardFace) -> Result<Vec<BackLink>, ApiError> {
    let of_message = face.news.as_ref().and_then(|news| news.message);
    let of_message = of_message.map(|message| ("passgate-message-link", LinkId(message.0)));
    let of_program = ("passgate-link", LinkId(face.program.0));
    let mut back = Vec::new();
    for (key, id) in of_message.into_iter().chain([of_program]) {
        if let Some(link) = web.redirects.link(face.merchant, id).await? {
            back.push(back_link(web, face, key, &link));
        }
    }
    Ok(back)
}

fn back_link(web: &Web, face: &CardFace, key: &'static str, link: &Link) -> BackLink {
    let CountedLink { label, shown, url } = web.counted(face, link);
    BackLink {
        key,
        label,
        shown,
        url,
    }
}
