//! One request of the till protocol, and what its answer means.

use crate::wire::{CaptureAnswer, CaptureAnswers, CaptureBatch, CaptureBody};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use std::time::Duration;

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// An answer to a full batch is some 60 kB.
const LARGEST_ANSWER: usize = 1 << 20;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why no client can be made from the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("bridge.gateway_url is an http:// or https:// address; got {0:?}")]
    Address(String),
    #[error("the station key holds characters that no key has; copy the file again")]
    Key,
    #[error("bridge.certificate_authority holds no certificates in PEM form: {0}")]
    Certificates(reqwest::Error),
    #[error("cannot prepare the connection to the gateway: {0}")]
    Tls(reqwest::Error),
}

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Posted {
    Answers(Vec<CaptureAnswer>),
    /// 400, 413, 422: something in the batch cannot be taken. `by_gateway`: the answer is the gateway's own.
    Refused {
        reason: String,
        by_gateway: bool,
    },
    KeyRefused,
    /// No answer, or one that says nothing about the captures. `wait`: how long the gateway wants to be left alone.
    Away {
        reason: String,
        wait: Option<Duration>,
    },
}

pub(in crate::bridge) struct Client {
    http: reqwest::Client,
    address: Url,
}

impl Client {
    pub(super) fn new(
        gateway_url: &str,
        station_key: &str,
        certificate_authority: Option<&[u8]>,
    ) -> Result<Self, ClientError> {
        let address = format!("{}/api/station/captures", gateway_url.trim_end_matches('/'))
            .parse::<Url>()
            .ok()
            .filter(|address| matches!(address.scheme(), "http" | "https") && address.has_host())
            .ok_or_else(|| ClientError::Address(gateway_url.to_owned()))?;
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {station_key}")).map_err(|_| ClientError::Key)?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, bearer);
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("passgate-bridge/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN);
        if let Some(pem) = certificate_authority {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(ClientError::Certificates)?;
            builder = builder.tls_certs_only(certificates);
        }
        if is_loopback(&address) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(ClientError::Tls)?;
        Ok(Self { http, address })
    }

    /// Sends a batch and waits for the answers.
    pub(super) async fn post(&self, captures: &[CaptureBody]) -> Posted {
        let batch = CaptureBatch {
            captures: captures.to_vec(),
        };
        match self.http.post(self.address.clone()).json(&batch).send().await {
            Ok(response) => read(response).await,
            Err(error) => Posted::Away {
                reason: describe(&error),
                wait: None,
            },
        }
    }
}

fn is_loopback(address: &Url) -> bool {
    match address.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

async fn read(response: Response) -> Posted {
    let status = response.status();
    let headers = response.headers().clone();
    let body = match body(response).await {
        Ok(body) => body,
        Err(reason) => return Posted::Away { reason, wait: None },
    };
    match status {
        StatusCode::OK => match serde_json::from_slice::<CaptureAnswers>(&body) {
            Ok(answers) => Posted::Answers(answers.answers),
            Err(error) => Posted::Away {
                reason: format!("the gateway's answer is not one of the till protocol: {error}"),
                wait: None,
            },
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Posted::KeyRefused,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            let problem = problem(&headers, &body);
            Posted::Refused {
                by_gateway: problem.is_some(),
                reason: format!(
                    "{status}: {}",
                    problem.unwrap_or_else(|| "no reason given".into())
                ),
            }
        }
        _ => Posted::Away {
            reason: format!(
                "the gateway answered {status}: {}",
                problem(&headers, &body).unwrap_or_else(|| "no reason given".into())
            ),
            wait: retry_after(&headers),
        },
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| describe(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER {
            return Err(format!(
                "the gateway's answer is longer than {LARGEST_ANSWER} bytes"
            ));
        }
    }
    Ok(body)
}

/// The sentence of a problem+json answer (RFC 9457); `None` when the answer is not one.
fn problem(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(default)]
        title: String,
        #[serde(default)]
        detail: String,
    }
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !kind.starts_with("application/problem+json") {
        return None;
    }
    let problem: Problem = serde_json::from_slice(body).ok()?;
    let text = if problem.detail.is_empty() {
        problem.title
    } else {
        problem.detail
    };
    Some(text.chars().take(300).collect())
}

/// RFC 9110 §10.2.3 in its form of seconds; a date is not honoured, because the till's clock may be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// The whole chain of causes: the outer one alone says only that sending failed.
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_keys_are_checked_before_anything_is_sent() {
        assert!(Client::new("http://127.0.0.1:8080/", "key", None).is_ok());
        let address = |text| matches!(Client::new(text, "key", None), Err(ClientError::Address(_)));
        assert!(address("127.0.0.1:8080") && address("ftp://a") && address(""));
        let key = Client::new("http://a.example", "k\ney", None);
        assert!(matches!(key, Err(ClientError::Key)));
        let pem = Client::new(
            "https://a.example",
            "key",
            Some(b"-----BEGIN CERTIFICATE-----\n!\n"),
        );
        assert!(pem.is_err());
    }

    #[test]
    fn only_problem_json_speaks_for_the_gateway() {
        let mut headers = HeaderMap::new();
        let body = br#"{"title":"Bad Request","detail":"a token is too long"}"#;
        assert_eq!(problem(&headers, body), None);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        assert_eq!(problem(&headers, body).as_deref(), Some("a token is too long"));
        assert_eq!(problem(&headers, b"<html>"), None);
    }

    #[test]
    fn a_wait_is_honoured_within_bounds() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(5)));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("86400"));
        assert_eq!(retry_after(&headers), Some(LONGEST_WAIT));
    }
}
