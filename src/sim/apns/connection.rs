//! One client of the fake: TLS, HTTP/2, and an answer for each stream.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use openssl::nid::Nid;
use openssl::ssl::Ssl;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_openssl::SslStream;

use super::check::check;
use super::script::Answer;
use super::{Received, Shared};

/// More of a body than this is not read.
const BODY_LIMIT: usize = 64 * 1024;
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// What a stream wants done with its whole connection.
enum Fate {
    GoAway,
    Abort,
    Reset,
}

/// Serves one connection until either side ends it. Peers without a sound certificate do not get past TLS.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let _slow = stream.set_nodelay(true);
    let Ok(Some(stream)) = tokio::time::timeout(HANDSHAKE_WITHIN, accept(&shared, stream)).await else {
        return;
    };
    let certified: Option<Arc<str>> = stream
        .ssl()
        .peer_certificate()
        .and_then(|certificate| {
            let uid = certificate.subject_name().entries_by_nid(Nid::USERID).next()?;
            uid.data().to_string().ok()
        })
        .map(Arc::from);
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(shared.streams)
        .handshake::<_, Bytes>(stream);
    let Ok(mut connection) = handshake.await else {
        return;
    };
    let (fates, mut fate) = mpsc::channel(1);
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let work = answer(shared.clone(), request, respond, certified.clone(), fates.clone());
                    streams.spawn(work);
                }
                Some(Err(_)) | None => return,
            },
            Some(fate) = fate.recv() => match fate {
                Fate::GoAway => connection.graceful_shutdown(),
                Fate::Abort => connection.abrupt_shutdown(Reason::NO_ERROR),
                Fate::Reset => return,
            },
            Some(_) = streams.join_next() => {}
        }
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
    respond: SendResponse<Bytes>,
    certified: Option<Arc<str>>,
    fates: mpsc::Sender<Fate>,
) {
    let (head, body) = request.into_parts();
    let Some(payload) = read(body).await else { return };
    let asked = match check(&head, payload.len(), certified.as_deref()) {
        Ok(asked) => asked,
        Err((status, reason)) => {
            shared.count_refused();
            send(&shared, respond, &head, &Answer::status(status, reason));
            return;
        }
    };
    shared.count_taken();
    let scripted = shared.script().take(&asked.token);
    match scripted {
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Slow(wait)) => tokio::time::sleep(wait).await,
        Some(Answer::Abort) => {
            let _ended = fates.send(Fate::Abort).await;
            return;
        }
        Some(Answer::Reset) => {
            let _ended = fates.send(Fate::Reset).await;
            return;
        }
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
    shared.record(Received {
        token: asked.token,
        topic: asked.topic,
        headers: head.headers.clone(),
        payload,
        status,
    });
    send(&shared, respond, &head, &answer);
    if matches!(scripted, Some(Answer::GoAway)) {
        let _ended = fates.send(Fate::GoAway).await;
    }
}

/// Nobody listens any more when this fails, which is the client's choice.
fn send(shared: &Shared, mut respond: SendResponse<Bytes>, head: &http::request::Parts, answer: &Answer) {
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
