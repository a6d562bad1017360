//! A fake APNs: HTTP/2 over TLS on a real socket, with client certificates, provider tokens, or both.
//!
//! It checks requests as strictly as the real service, answers by script, records what it took, and passes every
//! push that it took on to whoever listens, so that a simulated phone can wait for its own token. What it keeps is
//! bounded: the oldest records go first.

mod authority;
mod check;
mod connection;
mod provider;
mod script;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};
use openssl::error::ErrorStack;
use openssl::ssl::{AlpnError, SslAcceptor, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::clock::{Clock, Ids};
pub use authority::{Authority, Identity};
use provider::Keys;
pub use provider::PushKey;
pub use script::Answer;
use script::Script;

/// Records that are kept.
const KEPT: usize = 100_000;
/// Connections at once.
const CONNECTIONS: usize = 100;

/// Why the fake cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FakeApnsError {
    #[error("the fake APNs cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("the fake APNs cannot set up TLS: {0}")]
    Tls(#[from] ErrorStack),
}

/// How the fake behaves.
#[derive(Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    /// PEM certificates whose clients are let in. `None`: no certificate is asked for, which the real service
    /// never does; for load tools that cannot show one.
    pub client_authority: Option<Vec<u8>>,
    /// The keys whose tokens are taken. With any, a client may come without a certificate and must show a token then.
    pub push_keys: Vec<PushKey>,
    /// By what provider tokens are judged; certificates are made by the clock that the fake is started with.
    pub clock: Clock,
    /// Streams at once on one connection; APNs offers 1000.
    pub streams: u32,
    /// False: pushes are counted and passed on, but not kept.
    pub keep: bool,
}

impl Settings {
    /// A free loopback port and everything as at Apple.
    pub fn new(client_authority: Vec<u8>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            client_authority: Some(client_authority),
            push_keys: Vec::new(),
            clock: Clock::System,
            streams: 1000,
            keep: true,
        }
    }
}

/// A push that reached the service in good form, with the status that it got.
#[derive(Debug, Clone)]
pub struct Received {
    /// Lower-case hexadecimal.
    pub token: String,
    pub topic: String,
    pub headers: HeaderMap,
    pub payload: Vec<u8>,
    pub status: u16,
}

/// The running fake; stops when dropped.
pub struct FakeApns {
    shared: Arc<Shared>,
    authority: Vec<u8>,
    _task: AbortOnDropHandle<()>,
}

struct Shared {
    tls: SslAcceptor,
    streams: u32,
    keep: bool,
    keys: Keys,
    clock: Clock,
    ids: Ids,
    script: Mutex<Script>,
    kept: Mutex<VecDeque<Arc<Received>>>,
    taken: AtomicU64,
    refused: AtomicU64,
    connections: AtomicU64,
    listeners: broadcast::Sender<Arc<Received>>,
}

impl FakeApns {
    /// Listens. The address is where `https://` pushes go; [`Self::authority_pem`] is what a client must trust.
    pub async fn start(
        settings: Settings,
        clock: &Clock,
        ids: &Ids,
    ) -> Result<(SocketAddr, Self), FakeApnsError> {
        let authority = Authority::new("Fake APNs", clock, ids)?;
        let shared = Arc::new(Shared {
            tls: acceptor(
                &authority.issue_server()?,
                settings.client_authority.as_deref(),
                settings.push_keys.is_empty(),
            )?,
            streams: settings.streams,
            keep: settings.keep,
            keys: Keys::new(&settings.push_keys)?,
            clock: settings.clock.clone(),
            ids: ids.clone(),
            script: Mutex::default(),
            kept: Mutex::default(),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            listeners: broadcast::channel(1024).0,
        });
        let listen = |source| FakeApnsError::Listen {
            address: settings.listen,
            source,
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let fake = Self {
            shared: shared.clone(),
            authority: authority.pem()?,
            _task: AbortOnDropHandle::new(tokio::spawn(accept(shared, listener))),
        };
        Ok((address, fake))
    }

    /// The authority of the fake's own certificate, PEM.
    pub fn authority_pem(&self) -> &[u8] {
        &self.authority
    }

    /// Answers for the coming pushes to `token`, one each.
    pub fn script(&self, token: &str, answers: impl IntoIterator<Item = Answer>) {
        self.shared.script().add(token, answers);
    }

    /// The answer for every further push to `token`.
    pub fn always(&self, token: &str, answer: Answer) {
        self.shared.script().set_always(token, answer);
    }

    /// Answers for the coming pushes, whichever token they are for, one each.
    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.script().add_next(answers);
    }

    /// The answer for every push that no other script is for; `None`: take them again.
    pub fn everything(&self, answer: Option<Answer>) {
        self.shared.script().set_everything(answer);
    }

    /// The pushes so far that were in good form, whatever their answer, oldest first.
    pub fn received(&self) -> Vec<Arc<Received>> {
        self.shared.kept().iter().cloned().collect()
    }

    /// Pushes to `token` that were answered with 200.
    pub fn accepted(&self, token: &str) -> usize {
        let kept = self.shared.kept();
        kept.iter()
            .filter(|push| push.status == 200 && push.token == token)
            .count()
    }

    /// Pushes as they come, for a phone that waits for its own. A slow listener misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Received>> {
        self.shared.listeners.subscribe()
    }

    /// Pushes in good form so far, also those that are not answered yet or never.
    pub fn taken(&self) -> u64 {
        self.shared.taken.load(Ordering::Relaxed)
    }

    /// Requests so far that Apple would have refused.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Connections opened so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<Received>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn count_taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether anybody wants to know more of a push than that it came.
    fn is_watched(&self) -> bool {
        self.keep || self.listeners.receiver_count() > 0
    }

    fn record(&self, push: Received) {
        let push = Arc::new(push);
        if self.keep {
            let mut kept = self.kept();
            if kept.len() >= KEPT {
                kept.pop_front();
            }
            kept.push_back(push.clone());
        }
        // Without listeners there is nobody to tell.
        let _nobody = self.listeners.send(push);
    }

    /// A canonical UUID, as APNs gives to a push that has none.
    fn new_id(&self) -> HeaderValue {
        let id = uuid::Builder::from_random_bytes(self.ids.secret()).into_uuid();
        HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => {
                if let Ok((stream, _)) = accepted {
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connection::serve(shared.clone(), stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// `certificate_required`: there is no other way to show who one is.
fn acceptor(
    identity: &Identity,
    client_authority: Option<&[u8]>,
    certificate_required: bool,
) -> Result<SslAcceptor, ErrorStack> {
    let mut builder = identity.acceptor()?;
    builder.set_alpn_select_callback(|_, offered| {
        openssl::ssl::select_next_proto(b"\x02h2", offered).ok_or(AlpnError::ALERT_FATAL)
    });
    if let Some(pem) = client_authority {
        let mut trusted = X509StoreBuilder::new()?;
        for certificate in X509::stack_from_pem(pem)? {
            trusted.add_cert(certificate)?;
        }
        builder.set_verify_cert_store(trusted.build())?;
        let mut verify = SslVerifyMode::PEER;
        verify.set(SslVerifyMode::FAIL_IF_NO_PEER_CERT, certificate_required);
        builder.set_verify(verify);
        // Sessions are per client; OpenSSL refuses to resume one with a certificate unless its context is named.
        builder.set_session_id_context(b"fake-apns")?;
    }
    Ok(builder.build())
}
