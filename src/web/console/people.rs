//! People: added, edited, erased, and shown where they have no card.

pub mod edit;
pub mod erase;
pub mod fields;
pub mod new;
pub mod share;
pub mod show;

use axum::Router;
use axum::routing::{get, post};

use crate::domain::id::CustomerId;
use crate::web::Web;
use crate::web::error::ApiError;

/// The pages of people, to be merged into the console's routes.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/customers/new", get(new::form).post(new::submit))
        .route("/customers/{customer_id}", get(show::show))
        .route(
            "/customers/{customer_id}/edit",
            get(edit::form).post(edit::submit),
        )
        .route(
            "/customers/{customer_id}/erase",
            get(erase::form).post(erase::submit),
        )
        .route("/customers/{customer_id}/keep", post(erase::keep))
        .route("/customers/{customer_id}/notes", post(show::add_note))
        .route(
            "/customers/{customer_id}/notes/{note_id}",
            post(show::change_note),
        )
        .route(
            "/customers/{customer_id}/notes/{note_id}/delete",
            post(show::delete_note),
        )
        .route("/customers/{customer_id}/tags", post(show::tag))
        .route("/cards/{card_id}/share", get(share::show))
}

/// Reads the id in a path; one that cannot be ours is simply not there.
pub fn customer_id(text: &str) -> Result<CustomerId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}
