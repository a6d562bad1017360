//! One push as an HTTP/2 request: `POST /3/device/<push token>` with the `apns-` headers and the body `{}`.
//!
//! Wallet ignores the content: the push says "something of this pass type changed" and no more (Apple, "Adding a
//! Web Service to Update Passes"). `apns-expiration` is never 0: that would mean "do not keep it", and a phone that
//! is off would miss the change.

use a2::request::payload::PayloadLike;
use a2::{NotificationOptions, Priority, PushType};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::{self, Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use serde::Serialize;

use crate::domain::id::{PassTypeIdentifier, PushToken};

/// Why a push cannot be written as a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("a push token has only hexadecimal digits")]
    PushToken,
    #[error("a pass type identifier has only characters that a header may hold")]
    Topic,
}

/// The empty push in a2's terms: every field stays out of the JSON.
#[derive(Debug, Serialize)]
struct WalletPush<'a> {
    #[serde(skip)]
    options: NotificationOptions<'a>,
    #[serde(skip)]
    device_token: &'a str,
}

impl PayloadLike for WalletPush<'_> {
    fn get_device_token(&self) -> &str {
        self.device_token
    }

    fn get_options(&self) -> &NotificationOptions<'_> {
        &self.options
    }
}

/// What all pushes of one pass type have in common.
#[derive(Debug, Clone)]
pub(super) struct Form {
    authority: Authority,
    headers: HeaderMap,
    body: Bytes,
}

impl Form {
    /// `priority` is 1, 5 or 10.
    pub(super) fn new(
        authority: &str,
        topic: &PassTypeIdentifier,
        priority: u8,
    ) -> Result<Self, RequestError> {
        let push = WalletPush {
            options: NotificationOptions {
                apns_topic: Some(topic.as_str()),
                apns_push_type: Some(PushType::Background),
                apns_priority: match priority {
                    5 => Some(Priority::Normal),
                    10 => Some(Priority::High),
                    _ => None,
                },
                ..NotificationOptions::default()
            },
            device_token: "",
        };
        let options = push.get_options();
        let header = |text: String| HeaderValue::try_from(text).map_err(|_| RequestError::Topic);
        let priority = match &options.apns_priority {
            Some(named) => header(named.to_string())?,
            None => HeaderValue::from(u16::from(priority)),
        };
        let mut headers = HeaderMap::with_capacity(8);
        let topic = header(options.apns_topic.unwrap_or_default().to_owned())?;
        headers.insert(HeaderName::from_static("apns-topic"), topic);
        let push_type = header(options.apns_push_type.unwrap_or_default().to_string())?;
        headers.insert(HeaderName::from_static("apns-push-type"), push_type);
        headers.insert(HeaderName::from_static("apns-priority"), priority);
        Ok(Self {
            authority: Authority::try_from(authority).map_err(|_| RequestError::Topic)?,
            headers,
            // An empty object cannot fail to be written.
            body: push
                .to_json_string()
                .map_or(Bytes::from_static(b"{}"), Bytes::from),
        })
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// `expiration` is in unix seconds and greater than 0; `bearer` is the provider token, where one is used.
    pub(super) fn request(
        &self,
        token: &PushToken,
        expiration: i64,
        bearer: Option<&HeaderValue>,
    ) -> Result<Request<()>, RequestError> {
        let token = token.as_str();
        if !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(RequestError::PushToken);
        }
        let path = Bytes::from(format!("/3/device/{token}"));
        let mut parts = uri::Parts::default();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query =
            Some(PathAndQuery::from_maybe_shared(path).map_err(|_| RequestError::PushToken)?);
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| RequestError::PushToken)?;
        *request.version_mut() = Version::HTTP_2;
        let mut headers = self.headers.clone();
        headers.insert(
            HeaderName::from_static("apns-expiration"),
            HeaderValue::from(expiration.max(1)),
        );
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_has_the_headers_and_the_empty_body() {
        let topic = PassTypeIdentifier::parse("pass.example.coffee").expect("topic");
        let token = PushToken::parse("0aFF").expect("token");
        let form = Form::new("api.push.apple.com:443", &topic, 5).expect("form");
        let request = form.request(&token, 1_800_000_000, None).expect("request");
        assert_eq!(request.uri().path(), "/3/device/0aFF");
        let header = |name: &str| request.headers()[name].to_str().expect("ascii").to_owned();
        assert_eq!(header("apns-topic"), "pass.example.coffee");
        assert_eq!(header("apns-push-type"), "background");
        assert_eq!(header("apns-priority"), "5");
        assert_eq!(header("apns-expiration"), "1800000000");
        assert_eq!(form.body(), "{}");
        assert!(!request.headers().contains_key("authorization"));
        let bearer = HeaderValue::from_static("bearer a.b.c");
        let request = form.request(&token, 1, Some(&bearer)).expect("request");
        assert_eq!(request.headers()["authorization"], "bearer a.b.c");
    }

    #[test]
    fn priorities_are_written_as_configured_and_expiration_is_never_zero() {
        let topic = PassTypeIdentifier::parse("pass.example.coffee").expect("topic");
        let token = PushToken::parse("0aff").expect("token");
        for (priority, text) in [(1, "1"), (5, "5"), (10, "10")] {
            let form = Form::new("localhost", &topic, priority).expect("form");
            let request = form.request(&token, 0, None).expect("request");
            assert_eq!(request.headers()["apns-priority"], text);
            assert_eq!(request.headers()["apns-expiration"], "1");
        }
    }

    #[test]
    fn a_token_cannot_bend_the_path() {
        let topic = PassTypeIdentifier::parse("pass.example.coffee").expect("topic");
        let form = Form::new("localhost", &topic, 5).expect("form");
        for token in ["..", "a?b", "a#b", "%2e%2e", "zz"] {
            let token = PushToken::parse(token).expect("opaque");
            assert!(form.request(&token, 1, None).is_err());
        }
    }
}
