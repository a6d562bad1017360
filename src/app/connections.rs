//! The listener's patience: how many connections it holds, and how long it waits for what a client should send.
//!
//! A connection costs a client nothing, so each is given up on when it says nothing: during the TLS handshake,
//! before its first bytes, in the middle of a request's head, and over HTTP/2 when it leaves a ping unanswered.
//! Bodies are limited in `web`, where a whole answer has its time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::Server;
use axum_server::accept::Accept;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Bytes that tell HTTP/1 from HTTP/2: the length of the latter's preface (RFC 9113 §3.4). No request with a
/// `Host` is shorter.
const PREFACE: usize = 24;

/// What a listener puts up with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at once; one more is closed at once.
    pub(super) connections: usize,
    /// How long the first bytes, a request's head, or the answer to a ping may take.
    pub(super) silence: Duration,
    /// How often an HTTP/2 client is asked whether it is still there.
    pub(super) ping_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            silence: Duration::from_secs(10),
            ping_every: Duration::from_secs(20),
        }
    }
}

/// `server` with these limits; `inner` says what is spoken on a new connection.
pub(super) fn limited<A>(
    server: Server<SocketAddr>,
    inner: A,
    limits: Limits,
) -> Server<SocketAddr, Limited<A>> {
    let free = Arc::new(Semaphore::new(limits.connections));
    limited_to(server, inner, limits, free)
}

/// The same; `free` has a permit for each connection that may still come.
pub(super) fn limited_to<A>(
    mut server: Server<SocketAddr>,
    inner: A,
    limits: Limits,
    free: Arc<Semaphore>,
) -> Server<SocketAddr, Limited<A>> {
    let builder = server.http_builder();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.silence);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.ping_every)
        .keep_alive_timeout(limits.silence);
    server.acceptor(Limited {
        inner,
        free,
        silence: limits.silence,
    })
}

/// Accepts connections as long as there is room for them.
#[derive(Debug, Clone)]
pub(super) struct Limited<A> {
    inner: A,
    free: Arc<Semaphore>,
    silence: Duration,
}

type Accepting<T, S> = Pin<Box<dyn Future<Output = io::Result<(Connection<T>, S)>> + Send>>;

impl<A, S> Accept<TcpStream, S> for Limited<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
{
    type Stream = Connection<A::Stream>;
    type Service = A::Service;
    type Future = Accepting<A::Stream, A::Service>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            tracing::debug!("closed a connection: too many are open");
            return Box::pin(async { Err(io::Error::other("too many connections are open")) });
        };
        let silence = self.silence;
        let accepting = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            let connection = Connection {
                stream,
                awaited: PREFACE,
                until: Box::pin(tokio::time::sleep(silence)),
                _place: place,
            };
            Ok((connection, service))
        })
    }
}

/// A connection that fails when its first bytes do not come, and gives its place back when it is closed.
#[derive(Debug)]
pub(super) struct Connection<T> {
    stream: T,
    /// Bytes still to come until `until`.
    awaited: usize,
    until: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.awaited > 0 {
            let new = buffer.filled().len().saturating_sub(before);
            self.awaited = self.awaited.saturating_sub(new);
            if read.is_pending() && self.until.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use axum_server::accept::DefaultAcceptor;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const PATIENCE: Duration = Duration::from_secs(30);
    const HOUR: Duration = Duration::from_secs(3600);

    fn serve(limits: Limits) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        let server = axum_server::from_tcp(listener).unwrap();
        let server = limited(server, DefaultAcceptor::new(), limits);
        tokio::spawn(server.serve(router.into_make_service()));
        address
    }

    /// What the server says until it closes the connection.
    async fn rest(mut connection: TcpStream) -> String {
        let mut said = Vec::new();
        let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut said));
        // A reset ends the connection as well as an orderly end.
        let _ = read.await.expect("the server closes the connection");
        String::from_utf8_lossy(&said).into_owned()
    }

    #[tokio::test]
    async fn a_client_that_stops_talking_is_given_up_on() {
        let address = serve(Limits {
            silence: Duration::from_millis(50),
            ping_every: Duration::from_millis(50),
            ..Limits::default()
        });
        let settings_frame = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
        for begun in [
            "",
            "P",
            "PRI * HTTP/2.0\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\n",
            settings_frame,
        ] {
            let mut connection = TcpStream::connect(address).await.unwrap();
            connection.write_all(begun.as_bytes()).await.unwrap();
            let said = rest(connection).await;
            assert!(!said.contains("200"), "{begun:?}: {said:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_too_many_is_closed_and_a_closed_one_gives_its_place_back() {
        let address = serve(Limits {
            connections: 1,
            silence: HOUR,
            ..Limits::default()
        });
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(request).await.unwrap();
        let mut start = [0; 12];
        first.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");

        let second = TcpStream::connect(address).await.unwrap();
        assert_eq!(rest(second).await, "");

        drop(first);
        let answered = async {
            loop {
                let mut third = TcpStream::connect(address).await.unwrap();
                let closing = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
                // Refused until the server has noticed that the first one is gone.
                if third.write_all(closing).await.is_ok() && rest(third).await.contains("here") {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, answered)
            .await
            .expect("a place is free again");
    }
}
