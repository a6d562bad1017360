//! A stand-in for the gateway's till protocol: real HTTP on loopback, every capture counted once.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use passgate::wire::{CaptureAnswer, CaptureAnswers, CaptureBatch, CaptureBody, Feedback, LARGEST_BATCH};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(super) const KEY: &str = "station-key-of-a-test";

/// How the gateway behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Answers,
    /// Records the captures, but the answer is lost on the way.
    LosesAnswers,
    RefusesKey,
    /// Something in between answers with a page of its own.
    BrokenProxy,
    /// Says 200 and nothing that the protocol knows.
    Babbles,
    /// Answers captures that nobody sent.
    AnswersOthers,
    /// Refuses any batch that holds the token `POISON`.
    Strict,
}

#[derive(Default)]
pub(super) struct Ledger {
    /// What each capture was, by counter; a second sending changes nothing.
    pub(super) captures: BTreeMap<i64, CaptureBody>,
    pub(super) requests: usize,
}

#[derive(Clone)]
struct Shared {
    ledger: Arc<Mutex<Ledger>>,
    mood: Arc<Mutex<Mood>>,
}

pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
}

impl Gateway {
    /// Reserves an address at which nobody answers yet.
    pub(super) async fn away() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self {
            address: listener.local_addr().expect("bound"),
            shared: Shared {
                ledger: Arc::default(),
                mood: Arc::new(Mutex::new(Mood::Answers)),
            },
            stop: None,
        }
    }

    pub(super) async fn start() -> Self {
        let mut gateway = Self::away().await;
        gateway.come_back().await;
        gateway
    }

    pub(super) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address)
            .await
            .expect("the port is still free");
        let (stop, stopped) = oneshot::channel::<()>();
        let app = axum::Router::new()
            .route("/api/station/captures", axum::routing::post(captures))
            .with_state(self.shared.clone());
        tokio::spawn(async move {
            let ended = async {
                let _ = stopped.await;
            };
            axum::serve(listener, app).with_graceful_shutdown(ended).await
        });
        self.stop = Some(stop);
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        *self.shared.mood.lock().expect("no panic") = mood;
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The tokens of all captures in the order of their counters.
    pub(super) fn tokens(&self) -> Vec<String> {
        let ledger = self.shared.ledger.lock().expect("no panic");
        ledger
            .captures
            .values()
            .map(|capture| capture.token.clone())
            .collect()
    }

    pub(super) fn requests(&self) -> usize {
        self.shared.ledger.lock().expect("no panic").requests
    }
}

async fn captures(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(batch): Json<CaptureBatch>,
) -> Response {
    let mood = *shared.mood.lock().expect("no panic");
    let key = headers.get(header::AUTHORIZATION).expect("a key is sent");
    assert_eq!(key, &format!("Bearer {KEY}"));
    assert!((1..=LARGEST_BATCH).contains(&batch.captures.len()));
    let mut ledger = shared.ledger.lock().expect("no panic");
    ledger.requests += 1;
    let poisoned = batch.captures.iter().any(|capture| capture.token == "POISON");
    match mood {
        Mood::RefusesKey => return problem(StatusCode::UNAUTHORIZED, "authentication failed"),
        Mood::BrokenProxy => return (StatusCode::BAD_REQUEST, "<h1>Bad Request</h1>").into_response(),
        Mood::Strict if poisoned => return problem(StatusCode::BAD_REQUEST, "cannot be taken"),
        _ => {}
    }
    let answers = batch
        .captures
        .into_iter()
        .map(|capture| {
            let refused = capture.token.starts_with("REFUSED");
            let answer = CaptureAnswer {
                counter: capture.counter,
                feedback: if refused {
                    Feedback::Reject
                } else {
                    Feedback::Accept
                },
                sentence: if refused { "No such card" } else { "One punch" }.into(),
                refusal: refused.then(|| "unknown_card".into()),
                balance: None,
            };
            ledger.captures.entry(capture.counter).or_insert(capture);
            answer
        })
        .collect();
    match mood {
        Mood::Babbles => "One punch".into_response(),
        Mood::AnswersOthers => {
            let mut others: Vec<CaptureAnswer> = answers;
            others.iter_mut().for_each(|answer| answer.counter += 7);
            Json(CaptureAnswers { answers: others }).into_response()
        }
        Mood::LosesAnswers => StatusCode::BAD_GATEWAY.into_response(),
        _ => Json(CaptureAnswers { answers }).into_response(),
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = serde_json::json!({ "status": status.as_u16(), "code": "x", "title": "x", "detail": detail });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}
