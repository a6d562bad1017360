//! The card's own page, for its holder: add the card to a wallet, or keep the page and hear of changes. No sign-in: the link is the secret. Links in letters
//! lead here.
//!
//! `/card/{merchant}/{card}/{proof}` shows the buttons, `…/pass.pkpass` is Apple's pass. A POST to `…/google`
//! makes the card's copy at Google and answers with a page that leads on to Google's save page: no GET here changes
//! anything, because previews of links and scanners of mail follow them. The answer is a page and no redirect, because
//! browsers hold a form's redirects to `form-action`, and where Google redirects to is not ours to know. The proof is derived from the master key, so a link cannot be guessed from another.
//! One thing is noted on the way: the campaign that a link names, which is the same whoever follows it first.
//!
//! What fits the visitor's phone stands first, and nothing is left out: the browser's word for itself is only a guess.

mod failure;
mod holder;
pub mod join;
mod notices;
mod platform;
mod seen;
mod throttle;
pub mod words;

use axum::Router;
use axum::extract::{Extension, Path, Query, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use tower::ServiceBuilder;
use tower_http::csrf::CsrfLayer;

use crate::domain::card::CardStatus;
use crate::domain::delivery::Channel;
use crate::domain::face::CardFace;
use crate::domain::id::{CardId, InvitationId, LinkId, MerchantId};
use crate::domain::join::Arrival;
use crate::domain::secret::MasterKey;
use crate::domain::utm::Utm;
use crate::store::cards::{self, CardWithProgram};
use crate::web::Web;
use crate::web::console::failure::read_out;
use crate::web::error::ApiError;
use holder::Done;
use platform::Platform;
use seen::Seen;

/// The master key's purpose for proofs in links.
const PURPOSE: &str = "card link";

pub fn router() -> Router<Web> {
    // All layers as one: each `.layer` copies the whole chain below once more at every request.
    let of_forms = ServiceBuilder::new()
        .layer(from_fn(failure::as_page))
        .layer(from_fn(read_out))
        .layer(CsrfLayer::new().with_rejection_response(failure::foreign_form))
        .layer(Extension(throttle::Throttle::default()));
    let forms = join::router().merge(holder::router()).layer(of_forms);
    Router::new()
        .route("/card/{merchant}/{card}/{proof}", get(page))
        .route("/card/{merchant}/{card}/{proof}/pass.pkpass", get(pass))
        .route("/card/{merchant}/{card}/{proof}/google", post(google))
        .route("/invitation/{merchant}/{invitation}/{proof}", get(invitation))
        .route("/card/style.css", get(style))
        .route("/templates/{template}/logo.png", get(logo))
        .merge(notices::router())
        .merge(forms)
}

/// The address of a card's own page, without a slash at its end.
pub fn card_link(public_url: &str, master: &MasterKey, merchant: MerchantId, card: CardId) -> String {
    let proof = proof(master, merchant, card);
    format!("{public_url}/card/{merchant}/{card}/{proof}")
}

fn proof(master: &MasterKey, merchant: MerchantId, card: CardId) -> String {
    let mut input = [0; 16];
    input[..8].copy_from_slice(&merchant.0.to_be_bytes());
    input[8..].copy_from_slice(&card.0.to_be_bytes());
    hex::encode(&master.derive(PURPOSE, &input)[..16])
}

#[derive(Deserialize)]
struct Link {
    merchant: MerchantId,
    card: CardId,
    proof: String,
}

impl Link {
    /// The card, if the proof is right; a wrong proof and an unknown card look the same.
    async fn open(&self, web: &Web) -> Result<CardWithProgram, ApiError> {
        let expected = proof(&web.master, self.merchant, self.card);
        let right = expected.len() == self.proof.len()
            && openssl::memcmp::eq(expected.as_bytes(), self.proof.as_bytes());
        if !right {
            return Err(ApiError::NotFound);
        }
        let (merchant, card) = (self.merchant, self.card);
        web.ops
            .store
            .read("card_page", move |tx| {
                Box::pin(async move { cards::card(tx, merchant, card).await })
            })
            .await?
            .ok_or(ApiError::NotFound)
    }
}

/// What the address of a card's page says beside the card.
#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    done: Option<String>,
}

async fn page(
    State(web): State<Web>,
    Path(link): Path<Link>,
    headers: HeaderMap,
    Query(place): Query<Place>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let card = link.open(&web).await?;
    let utm = Utm::from_query(&query.unwrap_or_default());
    if !utm.is_empty() && card.card.status == CardStatus::Pending {
        web.ops.note_landing(link.merchant, link.card, utm).await?;
    }
    let seen = Seen::of(&headers);
    whole(&web, &seen, &link, &card, &Done::of(&seen, place.done.as_deref())).await
}

/// The whole page of a card.
async fn whole(
    web: &Web,
    seen: &Seen,
    link: &Link,
    card: &CardWithProgram,
    done: &Done,
) -> Result<Response, ApiError> {
    let face = card.face();
    let referring = web.ops.referring(link.merchant, link.card).await?;
    let friends = referring.map(|referring| holder::friends(web, seen, link, &face, &referring));
    let friends = friends.unwrap_or_default();
    let shares = friends.0.contains("data-share");
    let head = html! {
        (notices::head(web, link))
        @if shares { script src="/card/share.js" defer {} }
    };
    let (apple, google) = (
        apple_button(web, seen, link, &face),
        google_button(web, seen, link),
    );
    let picture = holder::picture(seen, &face);
    let parts = html! {
        @if let Some(told) = done.told { p.told role="status" { (told) } }
        @if seen.platform == Platform::Other { (picture) }
        nav {
            @match seen.platform {
                Platform::Apple | Platform::Other => { (apple) (google) }
                Platform::Android => { (google) (apple) }
            }
            (notices::offer(web, seen, link, &face))
        }
        @if seen.platform != Platform::Other { (picture) }
        p.note { (seen.said.keep_address) }
        (holder::code_form(seen, link, &face, done))
        (friends)
    };
    Ok(show(seen, &face, &head, &parts))
}

fn apple_button(web: &Web, seen: &Seen, link: &Link, face: &CardFace) -> Markup {
    let here = card_link(&web.public_url, &web.master, link.merchant, link.card);
    html! {
        @if has_apple(web, face) {
            a.button href=(format!("{here}/pass.pkpass")) { (seen.said.add_apple) }
        }
    }
}

fn google_button(web: &Web, seen: &Seen, link: &Link) -> Markup {
    html! {
        @if web.google.is_some() {
            // By its path: form-action 'self' is about the address that the browser really used.
            form method="post" action=(path_of(link, "google")) {
                button.button { (seen.said.add_google) }
            }
        }
    }
}

#[derive(Deserialize)]
struct InvitationLink {
    merchant: MerchantId,
    invitation: InvitationId,
    proof: String,
}

/// A letter's link: leads on to the card's page. That it was followed is noted, which says little: programs that look
/// for viruses follow links too. Nothing else is changed.
async fn invitation(
    State(web): State<Web>,
    Path(link): Path<InvitationLink>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    if !web
        .master
        .opens_invitation(link.merchant, link.invitation, &link.proof)
    {
        return Err(ApiError::NotFound);
    }
    let card = web.ops.open_invitation(link.merchant, link.invitation).await?;
    let card = card.ok_or(ApiError::NotFound)?;
    let page = card_link("", &web.master, link.merchant, card);
    let landing = Arrival {
        utm: Utm::from_query(&query.unwrap_or_default()),
        ..Arrival::default()
    };
    let page = format!("{page}{}", landing.to_query());
    Ok(([(header::REFERRER_POLICY, "no-referrer")], Redirect::to(&page)).into_response())
}

/// Whether this gateway can sign the program's passes.
fn has_apple(web: &Web, face: &CardFace) -> bool {
    web.passes.identity(&face.pass_type_identifier).is_ok()
}

fn path_of(link: &Link, last: &str) -> String {
    let Link {
        merchant,
        card,
        proof,
    } = link;
    format!("/card/{merchant}/{card}/{proof}/{last}")
}

fn show(seen: &Seen, face: &CardFace, head: &Markup, parts: &Markup) -> Response {
    let content = html! {
        p.merchant { (face.merchant_name) }
        h1 { (face.program_name) }
        p.balance { (seen.language.balance(face)) }
        p { (seen.language.status_line(face)) }
        (parts)
    };
    let title = format!("{} · {}", face.program_name, face.merchant_name);
    let body = seen.document(&title, head, &content);
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
                  manifest-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body).into_response()
}

async fn pass(State(web): State<Web>, Path(link): Path<Link>) -> Result<Response, ApiError> {
    let card = link.open(&web).await?;
    if !has_apple(&web, &card.face()) {
        return Err(ApiError::NotFound);
    }
    crate::web::passkit::pass_response(&web, &card).await
}

async fn google(
    State(web): State<Web>,
    Path(link): Path<Link>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wallet = web.google.clone().ok_or(ApiError::NotFound)?;
    let card = link.open(&web).await?;
    let mut face = card.face();
    let counted = web.redirects.link(face.merchant, LinkId(face.program.0)).await?;
    face.link = counted.map(|link| web.counted(&face, &link));
    let save = wallet
        .issue(&face)
        .await
        .map_err(|error| ApiError::Unavailable(Box::new(error)))?;
    // Asked again, the link is all there is to do: a change would be pushed to every copy of the card.
    if !card.card.channels.contains(Channel::Google) {
        web.ops.link_google(link.merchant, link.card).await?;
    }
    let seen = Seen::of(&headers);
    let parts = html! {
        nav { a.button href=(save.url()) rel="noreferrer" { (seen.said.go_on_google) } }
    };
    Ok(show(&seen, &face, &Markup::default(), &parts))
}

async fn style() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, include_str!("assets/card.css"))
}

/// A template's logo, for Google, which loads it by its address and keeps a copy.
async fn logo(State(web): State<Web>, Path(template): Path<String>) -> Result<Response, ApiError> {
    let logo = web.passes.logo(&template).ok_or(ApiError::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((headers, logo).into_response())
}
