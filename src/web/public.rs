//! The card's own page, for its holder: add the card to a wallet, or keep the page and hear of changes. No sign-in: the link is the secret. Links in letters
//! lead here.
//!
//! `/card/{merchant}/{card}/{proof}` shows the buttons, `…/pass.pkpass` is Apple's pass. A POST to `…/google`
//! makes the card's copy at Google and answers with a page that leads on to Google's save page: no GET here changes
//! anything, because previews of links and scanners of mail follow them. The answer is a page and no redirect, because
//! browsers hold a form's redirects to `form-action`, and where Google redirects to is not ours to know. The proof is derived from the master key, so a link cannot be guessed from another.

mod notices;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use crate::domain::delivery::Channel;
use crate::domain::face::CardFace;
use crate::domain::id::{CardId, InvitationId, LinkId, MerchantId};
use crate::domain::secret::MasterKey;
use crate::store::cards::{self, CardWithProgram};
use crate::web::Web;
use crate::web::error::ApiError;

/// The master key's purpose for proofs in links.
const PURPOSE: &str = "card link";

pub fn router() -> Router<Web> {
    Router::new()
        .route("/card/{merchant}/{card}/{proof}", get(page))
        .route("/card/{merchant}/{card}/{proof}/pass.pkpass", get(pass))
        .route("/card/{merchant}/{card}/{proof}/google", post(google))
        .route("/invitation/{merchant}/{invitation}/{proof}", get(invitation))
        .route("/card/style.css", get(style))
        .route("/templates/{template}/logo.png", get(logo))
        .merge(notices::router())
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

async fn page(State(web): State<Web>, Path(link): Path<Link>) -> Result<Response, ApiError> {
    let card = link.open(&web).await?;
    let face = card.face();
    let here = card_link(&web.public_url, &web.master, link.merchant, link.card);
    let buttons = html! {
        @if has_apple(&web, &face) {
            a.button href=(format!("{here}/pass.pkpass")) { "Add to Apple Wallet" }
        }
        @if web.google.is_some() {
            // By its path: form-action 'self' is about the address that the browser really used.
            form method="post" action=(path_of(&link, "google")) {
                button.button { "Add to Google Wallet" }
            }
        }
        (notices::offer(&web, &link, &face))
    };
    Ok(show(&face, &notices::head(&web, &link), &buttons))
}

#[derive(Deserialize)]
struct InvitationLink {
    merchant: MerchantId,
    invitation: InvitationId,
    proof: String,
}

/// A letter's link: leads on to the card's page. That it was followed is noted, which says little: programs that look
/// for viruses follow links too. Nothing else is changed.
async fn invitation(State(web): State<Web>, Path(link): Path<InvitationLink>) -> Result<Response, ApiError> {
    if !web
        .master
        .opens_invitation(link.merchant, link.invitation, &link.proof)
    {
        return Err(ApiError::NotFound);
    }
    let card = web.ops.open_invitation(link.merchant, link.invitation).await?;
    let card = card.ok_or(ApiError::NotFound)?;
    let page = card_link("", &web.master, link.merchant, card);
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

fn show(face: &CardFace, head: &Markup, buttons: &Markup) -> Response {
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (face.program_name) " · " (face.merchant_name) }
                link rel="stylesheet" href="/card/style.css";
                (head)
            }
            body {
                main {
                    p.merchant { (face.merchant_name) }
                    h1 { (face.program_name) }
                    p.balance { (face.balance()) }
                    p { (face.status_line()) }
                    nav { (buttons) }
                    p.note { "Keep this address to yourself: whoever has it can add your card." }
                }
            }
        }
    };
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

async fn google(State(web): State<Web>, Path(link): Path<Link>) -> Result<Response, ApiError> {
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
    let buttons = html! {
        a.button href=(save.url()) rel="noreferrer" { "Continue to Google Wallet" }
    };
    Ok(show(&face, &Markup::default(), &buttons))
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
