//! `/r/{merchant}/{link}/{card}/{proof}`: leads on to where a link of a message or pass points, and counts who followed it.
//!
//! The address holds no target, only the names of a stored link and of a card, and a proof that the gateway made: so it
//! leads nowhere that the merchant did not enter, and nobody else can count clicks. Counting waits for nothing.

mod followed;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::domain::id::{CardId, LinkId, MerchantId};
use crate::domain::link::Follower;
use crate::web::Web;
use crate::web::error::ApiError;
pub use followed::Redirects;

pub fn router() -> Router<Web> {
    Router::new().route("/r/{merchant}/{link}/{card}/{proof}", get(follow))
}

#[derive(Deserialize)]
struct Address {
    merchant: MerchantId,
    link: LinkId,
    card: CardId,
    proof: String,
}

async fn follow(
    State(web): State<Web>,
    method: Method,
    headers: HeaderMap,
    Path(address): Path<Address>,
) -> Result<Response, ApiError> {
    let Address {
        merchant,
        link,
        card,
        proof,
    } = address;
    if !web.master.opens_link(merchant, link, card, &proof) {
        return Err(ApiError::NotFound);
    }
    let found = web.redirects.link(merchant, link).await?;
    let found = found.ok_or(ApiError::NotFound)?;
    if follower(&method, &headers).is_person() {
        web.redirects.note(merchant, link, card);
    }
    let headers = [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    Ok((headers, Redirect::temporary(found.target.as_str())).into_response())
}

fn follower<'a>(method: &Method, headers: &'a HeaderMap) -> Follower<'a> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Follower {
        head_only: *method == Method::HEAD,
        user_agent: text("user-agent"),
        purpose: ["sec-purpose", "purpose", "x-purpose", "x-moz"].map(text),
    }
}
