//! Who is asking: extractors that return the authorised thing or refuse.
//!
//! A page that is asked for without a session leads to the sign-in page and from there back; any other call is
//! answered with 401.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use jiff::tz::TimeZone;

use crate::domain::access::Action;
use crate::domain::event::Actor;
use crate::domain::id::{AccountId, MemberId, MerchantId};
use crate::domain::member::Role;
use crate::ops::access::AccessError;
use crate::web::Web;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The member whose session the request carries.
#[derive(Debug, Clone)]
pub struct Member {
    pub merchant: MerchantId,
    pub id: MemberId,
    pub account: AccountId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub merchant_name: String,
    /// The merchant's time zone, in which its pages show times.
    pub zone: TimeZone,
    /// How many merchants the account belongs to.
    pub merchants: i64,
}

impl Member {
    pub fn may(&self, action: Action) -> bool {
        self.role.may(action)
    }

    /// Refuses what the member's role may not do, naming the role that may.
    pub fn require(&self, action: Action) -> Result<(), ApiError> {
        if self.may(action) {
            return Ok(());
        }
        let refused = Refused::Role {
            yours: self.role,
            needs: action.least_role(),
            merchant: self.merchant_name.clone(),
        };
        Err(refused.into())
    }

    pub fn actor(&self) -> Actor {
        Actor::Member(self.id)
    }
}

/// Marks the answer to a form that was sent without a session.
#[derive(Debug, Clone, Copy)]
pub struct SignedOut;

/// Why there is no member.
#[derive(Debug)]
pub enum NotSignedIn {
    /// Show the sign-in page, then come back to this path; none for a form, which a redirect cannot send again.
    Page {
        back: Option<String>,
    },
    Call(ApiError),
}

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        match self {
            Self::Page { back: None } => {
                let mut answer = Redirect::to("/console/sign-in").into_response();
                answer.extensions_mut().insert(SignedOut);
                answer
            }
            Self::Page { back: Some(back) } => {
                let query = form_encoded(&back);
                Redirect::to(&format!("/console/sign-in?next={query}")).into_response()
            }
            Self::Call(error) => error.into_response(),
        }
    }
}

impl FromRequestParts<Web> for Member {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, NotSignedIn> {
        let jar = CookieJar::from_headers(&parts.headers);
        let shown = jar
            .get(web.session_cookie())
            .map(|cookie| cookie.value().to_owned());
        let session = match shown {
            Some(shown) => web.ops.session(&shown).await,
            None => Ok(None),
        };
        match session {
            Ok(Some(session)) => Ok(Self {
                merchant: session.merchant,
                id: session.member,
                account: session.account,
                email: session.email,
                name: session.name,
                role: session.role,
                merchant_name: session.merchant_name,
                zone: zone(&session.zone),
                merchants: session.merchants,
            }),
            Ok(None) if !wants_page(&parts.headers) => Err(NotSignedIn::Call(ApiError::Unauthorized)),
            Ok(None) => {
                // A form that was sent cannot be sent again by a redirect; its page can be shown again.
                let path = axum::extract::OriginalUri::from_request_parts(parts, web)
                    .await
                    .ok()
                    .and_then(|uri| uri.path_and_query().map(ToString::to_string));
                let back = path.filter(|_| parts.method == Method::GET);
                Err(NotSignedIn::Page { back })
            }
            Err(error) => Err(NotSignedIn::Call(error.into())),
        }
    }
}

impl Web {
    /// The name of the session cookie. With TLS it carries the prefix that makes browsers refuse it from
    /// other hosts, other paths and plain HTTP (RFC 6265bis §4.1.3.2).
    pub fn session_cookie(&self) -> &'static str {
        if self.is_https() {
            "__Host-passgate"
        } else {
            "passgate"
        }
    }

    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::WrongCredentials | AccessError::WrongCode | AccessError::NoMerchant => {
                Self::Unauthorized
            }
            AccessError::Email | AccessError::PasswordLength(_) | AccessError::Name(_) => {
                Self::BadRequest(error.to_string())
            }
            AccessError::AlreadyOwned | AccessError::EmailTaken | AccessError::SecondFactorOn => {
                Self::Conflict(error.to_string())
            }
            AccessError::Hashing => Self::Internal(Box::new(error)),
            AccessError::Store(error) => error.into(),
        }
    }
}

/// Whether a person looks at the answer, rather than a program.
pub fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// The zone of that name; UTC for a name that this build does not know.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// `text` as a value in a query string.
fn form_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_as_a_query_value() {
        assert_eq!(
            form_encoded("/console/cards?show=ready&x=é"),
            "/console/cards%3Fshow%3Dready%26x%3D%C3%A9"
        );
    }

    #[test]
    fn a_refusal_names_the_role_that_is_needed() {
        let member = Member {
            merchant: MerchantId(1),
            id: MemberId(1),
            account: AccountId(1),
            email: "v@example.com".into(),
            name: "Vera".into(),
            role: Role::Viewer,
            merchant_name: "Kaffee".into(),
            zone: TimeZone::UTC,
            merchants: 1,
        };
        assert!(member.require(Action::ViewCards).is_ok());
        let refused = member
            .require(Action::VoidCard)
            .expect_err("a viewer ends no cards");
        assert!(refused.to_string().contains("editor"));
        for role in Role::ALL {
            let member = Member {
                role,
                ..member.clone()
            };
            for action in Action::ALL {
                match member.require(*action) {
                    Ok(()) => assert!(role.may(*action)),
                    Err(refused) => {
                        assert!(!role.may(*action));
                        assert_eq!(refused.status(), axum::http::StatusCode::FORBIDDEN);
                    }
                }
            }
        }
    }
}
