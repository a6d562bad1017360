//! The console's stylesheet and script, embedded, at addresses that hold their hash.
//!
//! An address never changes its content, so browsers may keep it for ever; a new build has new addresses.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::web::error::ApiError;

/// One embedded file.
pub struct Asset {
    /// `console.<16 hexadecimal digits>.css`
    name: String,
    media_type: &'static str,
    body: &'static str,
}

pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "css",
        "text/css; charset=utf-8",
        concat!(
            include_str!("../assets/console/tokens.css"),
            include_str!("../assets/console/elements.css"),
            include_str!("../assets/console/shell.css"),
            include_str!("../assets/console/parts.css"),
            include_str!("../assets/console/table.css"),
            include_str!("../assets/console/timeline.css"),
            include_str!("../assets/console/profile.css"),
            include_str!("../assets/console/messages.css"),
            include_str!("../assets/console/settings.css"),
            include_str!("../assets/console/list.css"),
            include_str!("../assets/console/customer.css"),
            include_str!("../assets/console/tools.css"),
            include_str!("../assets/console/share.css"),
            include_str!("../assets/console/works.css"),
            include_str!("../assets/console/small.css"),
        ),
    )
});
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "js",
        "text/javascript; charset=utf-8",
        concat!(
            include_str!("../assets/console/core.js"),
            include_str!("../assets/console/frame.js"),
            include_str!("../assets/console/live.js"),
            include_str!("../assets/console/keys.js"),
            include_str!("../assets/console/list.js"),
            include_str!("../assets/console/typed.js"),
            include_str!("../assets/console/select.js"),
            include_str!("../assets/console/start.js"),
        ),
    )
});

impl Asset {
    fn new(extension: &str, media_type: &'static str, body: &'static str) -> Self {
        let hash = hex::encode(&openssl::sha::sha256(body.as_bytes())[..8]);
        Self {
            name: format!("console.{hash}.{extension}"),
            media_type,
            body,
        }
    }

    pub fn url(&self) -> String {
        format!("/console/assets/{}", self.name)
    }
}

/// `GET /console/assets/{name}`
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let asset = [&*STYLE, &*SCRIPT]
        .into_iter()
        .find(|asset| asset.name == name)
        .ok_or(ApiError::NotFound)?;
    let tag =
        HeaderValue::try_from(format!("\"{}\"", asset.name)).map_err(|e| ApiError::Internal(Box::new(e)))?;
    let kept = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known == tag);
    let body = if kept { "" } else { asset.body };
    let status = if kept {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let answer = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        (header::ETAG, tag),
    ];
    Ok((status, answer, body).into_response())
}
