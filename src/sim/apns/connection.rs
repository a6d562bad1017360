//! One client of the fake: TLS, HTTP/2, and an answer for each stream.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Ping, Reason, RecvStream};
use http::request::Parts;
use openssl::nid::Nid;
use openssl::ssl::Ssl;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_openssl::SslStream;

use super::check::{Refusal, check};
use super::provider::Shown;
use super::script::Answer;
use super::{Received, Shared};

/// More of a body than this is not read.
const BODY_LIMIT: usize = 64 * 1024;
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How long what was answered before a connection's end may take to be written.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// What a stream wants done with its whole connection.
enum Fate {
    GoAway,
    Abort,
    Reset,
}

/// What the streams of one connection share.
struct Client {
    /// The topic of its certificate, when it showed one.
    certified: Option<String>,
    /// What it showed last where it has no certificate.
    token: Mutex<Option<Shown>>,
    /// Streams that came before any token was good.
    unproven: AtomicUsize,
    /// Nothing is answered any more. Held while an answer is given, so that none comes after the end was told.
    ending: Mutex<bool>,
    fates: mpsc::Sender<Fate>,
}

/// Serves one connection until either side ends it. Peers without a sound certificate do not get past TLS.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let _slow = stream.set_nodelay(true);
    let Ok(Some(stream)) = tokio::time::timeout(HANDSHAKE_WITHIN, accept(&shared, stream)).await else {
        return;
    };
    let certified = stream.ssl().peer_certificate().and_then(|certificate| {
        let uid = certificate.subject_name().entries_by_nid(Nid::USERID).next()?;
        uid.data().to_string().ok()
    });
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(shared.streams)
        .handshake::<_, Bytes>(stream);
    let Ok(mut connection) = handshake.await else {
        return;
    };
    let (fates, mut fate) = mpsc::channel(1);
    let client = Arc::new(Client {
        certified,
        token: Mutex::default(),
        unproven: AtomicUsize::new(0),
        ending: Mutex::new(false),
        fates,
    });
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    streams.spawn(answer(shared.clone(), request, respond, client.clone()));
                }
                Some(Err(_)) | None => return,
            },
            Some(fate) = fate.recv() => match fate {
                Fate::GoAway => connection.graceful_shutdown(),
                Fate::Abort => {
                    flush(&mut connection).await;
                    connection.abrupt_shutdown(Reason::NO_ERROR);
                }
                Fate::Reset => {
                    flush(&mut connection).await;
                    return;
                }
            },
            Some(_) = streams.join_next() => {}
        }
    }
}

/// Waits until the answers so far are on the wire, so that what was counted as taken was also said to be: the answer to
/// a PING comes after them. Requests that come meanwhile are let go.
async fn flush(connection: &mut Connection<SslStream<TcpStream>, Bytes>) {
    let Some(mut ping_pong) = connection.ping_pong() else {
        return;
    };
    let written = async {
        let pong = ping_pong.ping(Ping::opaque());
        tokio::pin!(pong);
        loop {
            tokio::select! {
                _ = &mut pong => return,
                accepted = connection.accept() => match accepted {
                    Some(Ok(unread)) => drop(unread),
                    Some(Err(_)) | None => return,
                },
            }
        }
    };
    let _late = tokio::time::timeout(FLUSH_WITHIN, written).await;
}

impl Client {
    async fn end(&self, fate: Fate) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let _ended = self.fates.send(fate).await;
    }

    /// Who sends is who may send for `topic`.
    fn admit(&self, shared: &Shared, head: &Parts, topic: &str) -> Result<(), Refusal> {
        match &self.certified {
            Some(certified) if certified == topic => Ok(()),
            Some(_) => Err((400, "TopicDisallowed")),
            // Nobody is asked who they are.
            None if shared.keys.is_empty() => Ok(()),
            None => {
                let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
                let now = shared.clock.now();
                *token = Some(shared.keys.check(&head.headers, topic, token.as_ref(), now)?);
                Ok(())
            }
        }
    }

    /// Without a certificate there is one stream until a token was good.
    fn is_too_eager(&self, shared: &Shared) -> bool {
        let must_prove = self.certified.is_none() && !shared.keys.is_empty();
        must_prove
            && self
                .token
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_none()
            && self.unproven.load(Ordering::Relaxed) > 1
    }
}

async fn accept(shared: &Shared, stream: TcpStream) -> Option<SslStream<TcpStream>> {
    let ssl = Ssl::new(shared.tls.context()).ok()?;
    let mut stream = SslStream::new(ssl, stream).ok()?;
    if let Err(error) = Pin::new(&mut stream).accept().await {
        tracing::debug!(%error, "a client was turned away");
        return None;
    }
    (stream.ssl().selected_alpn_protocol() == Some(b"h2")).then_some(stream)
}

async fn answer(
    shared: Arc<Shared>,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    client: Arc<Client>,
) {
    client.unproven.fetch_add(1, Ordering::Relaxed);
    if client.is_too_eager(&shared) {
        shared.count_refused();
        client.unproven.fetch_sub(1, Ordering::Relaxed);
        respond.send_reset(Reason::REFUSED_STREAM);
        return;
    }
    let (head, body) = request.into_parts();
    if let Some(payload) = read(body).await {
        decide(&shared, head, payload, respond, &client).await;
    }
    client.unproven.fetch_sub(1, Ordering::Relaxed);
}

async fn decide(
    shared: &Shared,
    head: Parts,
    payload: Vec<u8>,
    respond: SendResponse<Bytes>,
    client: &Client,
) {
    let asked = check(&head, payload.len()).and_then(|asked| {
        client.admit(shared, &head, &asked.topic)?;
        Ok(asked)
    });
    let asked = match asked {
        Ok(asked) => asked,
        Err((status, reason)) => {
            shared.count_refused();
            send(shared, respond, &head, &Answer::status(status, reason));
            return;
        }
    };
    shared.count_taken();
    let scripted = shared.script().take(&asked.token);
    match scripted {
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Slow(wait)) => tokio::time::sleep(wait).await,
        Some(Answer::Abort) => return client.end(Fate::Abort).await,
        Some(Answer::Reset) => return client.end(Fate::Reset).await,
        _ => {}
    }
    let answer = match &scripted {
        Some(answer @ Answer::Status { .. }) => answer.clone(),
        _ => Answer::status(200, ""),
    };
    let status = if let Answer::Status { status, .. } = &answer {
        *status
    } else {
        200
    };
    {
        let ending = client.ending.lock().unwrap_or_else(PoisonError::into_inner);
        if *ending {
            return;
        }
        send(shared, respond, &head, &answer);
        if shared.is_watched() {
            shared.record(Received {
                token: asked.token,
                topic: asked.topic,
                headers: head.headers,
                payload,
                status,
            });
        }
    }
    if matches!(scripted, Some(Answer::GoAway)) {
        let _ended = client.fates.send(Fate::GoAway).await;
    }
}

/// Nobody listens any more when this fails, which is the client's choice.
fn send(shared: &Shared, mut respond: SendResponse<Bytes>, head: &Parts, answer: &Answer) {
    let Answer::Status {
        status,
        reason,
        retry_after,
        timestamp,
    } = answer
    else {
        return;
    };
    let id = match head.headers.get("apns-id") {
        Some(id) => id.clone(),
        None => shared.new_id(),
    };
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::from_u16(*status).unwrap_or(http::StatusCode::IM_A_TEAPOT);
    response.headers_mut().insert("apns-id", id);
    if let Some(value) = retry_after.as_deref().and_then(|text| text.parse().ok()) {
        response.headers_mut().insert(http::header::RETRY_AFTER, value);
    }
    if *status == 200 {
        let _ended = respond.send_response(response, true);
        return;
    }
    let mut body = serde_json::json!({ "reason": reason });
    if let (Some(since), Some(fields)) = (timestamp, body.as_object_mut()) {
        fields.insert("timestamp".into(), since.0.into());
    }
    if let Ok(mut stream) = respond.send_response(response, false) {
        let _ended = stream.send_data(Bytes::from(body.to_string()), true);
    }
}

async fn read(mut body: RecvStream) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.ok()?;
        body.flow_control().release_capacity(part.len()).ok()?;
        if whole.len() < BODY_LIMIT {
            whole.extend_from_slice(&part);
        }
    }
    Some(whole)
}
