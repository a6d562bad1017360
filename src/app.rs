//! Composition: builds every part from the configuration, runs them, and stops them in order.
//!
//! Stopping: live pages end, the listener takes no new connections and answers what is under way, the dispatcher
//! takes no new pushes and waits for those in flight, then the store commits what is queued.

mod connections;
pub mod demo;
mod fetching;
mod herald;
pub mod secrets;
pub mod seed;
#[cfg(test)]
mod tests;
pub mod watched;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_openssl::{OpenSSLAcceptor, OpenSSLConfig};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::apple::Passes;
use crate::apple::apns::{Apns, ApnsError, ClientCertificate, Credentials, ProviderKey};
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::domain::delivery::BackOff;
use crate::domain::link::Addresses;
use crate::domain::secret::MasterKey;
use crate::google::Wallet;
use crate::google::fcm::Messaging;
use crate::mail::courier::Courier;
use crate::mail::{MailError, Mailer};
use crate::ops::Ops;
use crate::ops::captures::Recorder;
use crate::ops::faces::StoredFaces;
use crate::ops::rosters::Rosters;
use crate::ops::{chores, uploads};
use crate::push::Sender;
use crate::push::dispatcher::{Dispatcher, Settings};
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::web::redirect::Redirects;
use crate::web::{self, Reach, Web};
use crate::web_push::WebPush;
use fetching::Fetching;
use herald::Herald;

/// Why the gateway does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the store does not open: {0}")]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Secret(#[from] secrets::SecretError),
    #[error("Apple passes cannot be made: {0}")]
    Apple(#[from] crate::apple::Error),
    #[error("pushing to Apple is not possible: {0}")]
    Apns(#[from] ApnsError),
    #[error("letters cannot be sent: {0}")]
    Mail(#[from] MailError),
    #[error("Google is not usable: {0}")]
    Google(#[from] crate::google::LoadError),
    #[error("Web Push is not usable: {0}")]
    WebPush(#[from] crate::web_push::LoadError),
    #[error("cannot listen on {address}: {source}; is another program using it?")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot serve TLS with {certificate} and {key}: {source}")]
    Tls {
        certificate: PathBuf,
        key: PathBuf,
        source: openssl::ssl::Error,
    },
}

/// A part of the gateway has ended that runs as long as the gateway does; the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    #[error("the listener has ended by itself; the log says why. Start the gateway again")]
    Listener,
    #[error("the dispatcher of pushes has ended by itself; the log says why. Start the gateway again")]
    Dispatcher,
    #[error("the chores have ended by themselves; the log says why. Start the gateway again")]
    Chores,
}

/// A running gateway.
pub struct Gateway {
    /// Where it really listens: the port is chosen by the system when the configuration says 0.
    pub address: SocketAddr,
    pub ops: Ops,
    pub master: MasterKey,
    pub passes: Arc<Passes>,
    pub public_url: Arc<str>,
    /// None: it has ended.
    server: Option<JoinHandle<std::io::Result<()>>>,
    handle: Handle<SocketAddr>,
    /// None: it has ended, or this node leaves pushing to others.
    dispatcher: Option<JoinHandle<()>>,
    /// None: they have ended.
    chores: Option<JoinHandle<()>>,
    /// Imports what was uploaded. Files can wait, so nothing stops when it ends.
    imports: JoinHandle<()>,
    /// None: no mail server is configured. Letters can wait, so nothing stops when it ends.
    courier: Option<JoinHandle<()>>,
    /// None: no app is told of anything, or this node leaves pushing to others.
    herald: Option<JoinHandle<()>>,
    /// Writes down who followed links; ends when nobody can follow one any more.
    clicks: JoinHandle<()>,
    _folding: AbortOnDropHandle<()>,
    stop: CancellationToken,
    drain: Duration,
}

impl Gateway {
    /// Opens the store, loads certificates and keys, and listens. Everything that can be wrong with the
    /// configuration is found here and not later.
    pub async fn start(
        config: &Config,
        clock: Clock,
        ids: Ids,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let master = secrets::master_key(&config.secrets.master_key_file, &ids)?;
        let store = Store::open(&config.store.url, config.store.connections).await?;
        store.migrate().await?;
        let ops = Ops {
            store,
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let now = clock.now();
        let passes = Arc::new(Passes::load(&config.apple, &config.server.templates, now)?);
        let listener = listen(config.server.listen)?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            address: config.server.listen,
            source,
        })?;
        let public_url = public_url(config, address);
        let google = match &config.google.service_account {
            Some(_) => {
                let backgrounds = passes.backgrounds();
                Some(Wallet::load(&config.google, &public_url, backgrounds, clock.clone()).await?)
            }
            None => None,
        };

        let web_push = web_push(config, &ops).await?;
        let fcm = match config.google.fcm.project.as_str() {
            "" => None,
            _ => Some(Messaging::load(&config.google, clock.clone()).await?),
        };

        let stop = CancellationToken::new();
        let places = connections::Limits::default().connections;
        let free = Arc::new(Semaphore::new(places));
        let dispatcher = if config.push.enabled {
            let mut senders = senders(config, &passes, google.as_ref(), &clock, &ids)?;
            if let Some(web_push) = &web_push {
                senders.push(Arc::new(web_push.sender()));
            }
            if let Some(fcm) = &fcm {
                senders.push(Arc::new(fcm.clone()));
            }
            let addresses = Addresses {
                master: master.clone(),
                public_url: Arc::clone(&public_url),
            };
            let faces = Arc::new(StoredFaces::new(ops.store.clone(), addresses));
            let settings = Settings {
                concurrency: config.push.concurrency,
                lease: config.push.lease,
                poll: config.push.poll,
                drain: config.push.drain,
                back_off: BackOff::default(),
            };
            let fetching = Fetching::new(Arc::clone(&free), places, config.push.egress);
            let dispatcher = Dispatcher::new(ops.store.clone(), clock, ids, senders, faces, settings)
                .beside(Arc::new(fetching));
            Some(tokio::spawn(dispatcher.run(stop.clone())))
        } else {
            None
        };

        let herald = fcm.as_ref().filter(|_| config.push.enabled).map(|fcm| {
            let herald = Herald {
                ops: ops.clone(),
                sender: Arc::new(fcm.clone()),
                lease: config.google.fcm.timeout.saturating_mul(60),
            };
            tokio::spawn(herald.run(stop.clone()))
        });
        let chores = tokio::spawn(chores::run(ops.clone(), stop.clone()));
        let imports = tokio::spawn(uploads::run(ops.clone(), stop.clone()));
        let courier = courier(config, &ops, &master, &public_url)?
            .map(|courier| tokio::spawn(courier.run(stop.clone())));
        let folding = AbortOnDropHandle::new(tokio::spawn(fold(metrics.clone())));
        let (redirects, clicks) = Redirects::start(&ops);
        let web = Web::from(Reach {
            ops: ops.clone(),
            recorder: Recorder::start(&ops),
            redirects,
            rosters: Rosters::start(&ops, config.lists.memory.saturating_mul(1 << 20)),
            master: master.clone(),
            passes: Arc::clone(&passes),
            google,
            web_push,
            takes_apps: fcm.is_some(),
            metrics,
            public_url: Arc::clone(&public_url),
            sends_mail: courier.is_some(),
            trusted_proxies: config.server.trusted_proxies.clone().into(),
            stopping: stop.clone(),
        });
        let handle = Handle::new();
        let server = serve(config, listener, web, handle.clone(), free)?;
        tracing::info!(%address, %public_url, "the gateway listens");
        Ok(Self {
            address,
            ops,
            master,
            passes,
            public_url,
            server: Some(server),
            handle,
            dispatcher,
            chores: Some(chores),
            imports,
            courier,
            herald,
            clicks,
            _folding: folding,
            stop,
            drain: config.push.drain,
        })
    }

    /// Returns when a part has ended that should run until [`Gateway::stop`]; otherwise never. What is left is to
    /// stop the rest. Can be dropped and called again.
    pub async fn ended(&mut self) -> Ended {
        tokio::select! {
            outcome = end_of(&mut self.server) => {
                match outcome {
                    Ok(Ok(())) => tracing::error!("the listener ended by itself"),
                    Ok(Err(error)) => tracing::error!(%error, "the listener ended with an error"),
                    Err(error) => tracing::error!(%error, "the listener ended badly"),
                }
                Ended::Listener
            }
            outcome = end_of(&mut self.dispatcher) => {
                match outcome {
                    Ok(()) => tracing::error!("the dispatcher ended by itself"),
                    Err(error) => tracing::error!(%error, "the dispatcher ended badly"),
                }
                Ended::Dispatcher
            }
            outcome = end_of(&mut self.chores) => {
                match outcome {
                    Ok(()) => tracing::error!("the chores ended by themselves"),
                    Err(error) => tracing::error!(%error, "the chores ended badly"),
                }
                Ended::Chores
            }
        }
    }

    /// Ends live pages, answers what is under way, finishes pushes in flight, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        self.handle.graceful_shutdown(Some(self.drain));
        if let Some(dispatcher) = self.dispatcher
            && let Err(error) = dispatcher.await
        {
            tracing::error!(%error, "the dispatcher ended badly");
        }
        if let Some(courier) = self.courier
            && let Err(error) = courier.await
        {
            tracing::error!(%error, "the courier ended badly");
        }
        if let Some(herald) = self.herald
            && let Err(error) = herald.await
        {
            tracing::error!(%error, "the herald ended badly");
        }
        if let Err(error) = self.imports.await {
            tracing::error!(%error, "the work on uploaded files ended badly");
        }
        if let Some(chores) = self.chores
            && let Err(error) = chores.await
        {
            tracing::error!(%error, "the chores ended badly");
        }
        if let Some(server) = self.server {
            match server.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the listener ended with an error"),
                Err(error) => tracing::error!(%error, "the listener ended badly"),
            }
        }
        if tokio::time::timeout(self.drain, self.clicks).await.is_err() {
            tracing::warn!("the last clicks are not written: a request did not end in time");
        }
        tracing::info!("the gateway has stopped");
    }
}

/// How a task ended. Never returns when there is none, or when that was said before.
async fn end_of<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task.as_mut() {
        Some(running) => {
            let outcome = running.await;
            *task = None;
            outcome
        }
        None => std::future::pending().await,
    }
}

/// Keeps the memory of histograms bounded while nobody asks for them.
async fn fold(metrics: Metrics) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        metrics.fold();
    }
}

/// Who carries letters, where a mail server is configured.
fn courier(
    config: &Config,
    ops: &Ops,
    master: &MasterKey,
    public_url: &Arc<str>,
) -> Result<Option<Courier>, MailError> {
    if config.mail.host.is_empty() {
        return Ok(None);
    }
    Ok(Some(Courier {
        ops: ops.clone(),
        mailer: Mailer::load(&config.mail)?,
        master: master.clone(),
        public_url: Arc::clone(public_url),
        lease: config.mail.timeout.saturating_mul(60),
    }))
}

/// Web Push with its key, where it is configured. Subscriptions of another key are lost: nothing can be done but say so.
async fn web_push(config: &Config, ops: &Ops) -> Result<Option<Arc<WebPush>>, StartError> {
    if config.web_push.contact.is_empty() {
        return Ok(None);
    }
    let path = &config.secrets.vapid_key_file;
    let key = secrets::vapid_key(path)?;
    let web_push = WebPush::load(&config.web_push, key, ops.clock.clone(), ops.ids.clone())?;
    if ops.any_listens_for_another_key(web_push.key_name()).await? {
        tracing::error!(
            path = %path.display(),
            "browsers have subscribed with another key of Web Push than the one in this file, and hear nothing from it: \
             restore the file from a backup; with the new key they hear again once their holders open their cards"
        );
    }
    Ok(Some(web_push))
}

/// One sender for each provider that is configured.
fn senders(
    config: &Config,
    passes: &Passes,
    google: Option<&Arc<Wallet>>,
    clock: &Clock,
    ids: &Ids,
) -> Result<Vec<Arc<dyn Sender>>, StartError> {
    let mut keys = Vec::new();
    for key in &config.apple.apns.keys {
        keys.push(ProviderKey::load(&key.file, &key.key_id, &key.team)?);
    }
    let mut credentials = Vec::new();
    for identity in passes.identities() {
        let of_team = keys.iter().find(|key| key.team() == identity.team_identifier());
        let shown = if let Some(key) = of_team {
            Credentials::Key(key.clone())
        } else {
            let chain = identity.certificate_pem().map_err(ApnsError::Certificate)?;
            let key = identity.key_pem().map_err(ApnsError::Key)?;
            Credentials::Certificate(ClientCertificate::from_pem(&chain, &key)?)
        };
        credentials.push((identity.pass_type_identifier().clone(), shown));
    }
    let apns = Apns::new(&config.apple.apns, &credentials, clock.clone(), ids)?;
    let mut senders: Vec<Arc<dyn Sender>> = vec![Arc::new(apns)];
    if let Some(google) = google {
        senders.push(Arc::new(google.sender()));
    }
    Ok(senders)
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener, StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = std::net::TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// The configured address for phones and browsers. When it ends in port 0 (tests and the demo) the port that the
/// system chose takes its place.
fn public_url(config: &Config, address: SocketAddr) -> Arc<str> {
    let configured = config.server.public_url.trim_end_matches('/');
    match configured.strip_suffix(":0") {
        Some(host) => format!("{host}:{}", address.port()).into(),
        None => configured.into(),
    }
}

fn serve(
    config: &Config,
    listener: std::net::TcpListener,
    web: Web,
    handle: Handle<SocketAddr>,
    free: Arc<Semaphore>,
) -> Result<JoinHandle<std::io::Result<()>>, StartError> {
    let address = config.server.listen;
    let router = web::router(web).into_make_service_with_connect_info::<SocketAddr>();
    let limits = connections::Limits::default();
    let server = axum_server::from_tcp(listener).map_err(|source| StartError::Listen { address, source })?;
    Ok(match (&config.server.certificate, &config.server.key) {
        (Some(certificate), Some(key)) => {
            let tls =
                OpenSSLConfig::from_pem_chain_file(certificate, key).map_err(|source| StartError::Tls {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    source,
                })?;
            let server = connections::limited_to(server, OpenSSLAcceptor::new(tls), limits, free);
            tokio::spawn(server.handle(handle).serve(router))
        }
        _ => {
            let server = connections::limited_to(server, DefaultAcceptor::new(), limits, free);
            tokio::spawn(server.handle(handle).serve(router))
        }
    })
}
