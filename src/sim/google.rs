//! A stand-in for the Google Wallet API, Firebase Cloud Messaging and their token endpoint, and a simulated Android phone.
//!
//! Speaks HTTP on a loopback port: `POST /token` (checks the signed grant), loyalty classes and objects under
//! `/walletobjects/v1` (insert, get, list, PUT, PATCH, addMessage), and `GET /gp/v/save/{jwt}`. A resource has ten
//! messages at most and rings three times in 24 hours. Error bodies are Google's envelope. Faults can be scripted for the next answers.

mod android;
mod credential;
mod fcm;
mod rules;
mod schema;
mod server;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use android::{ShownCard, SimAndroidPhone, Waited};
pub use credential::{MakeError, ServiceAccount, make_service_account};
pub use fcm::{FcmFault, FcmSeen};
pub use rules::Kind;
pub use server::{Fault, Seen, TokenFault};

use crate::clock::Clock;
use server::{Everything, Shared};
pub use state::Alert;

/// Why Google did not save a card.
#[derive(Debug, thiserror::Error)]
#[error("Google Wallet shows \"something went wrong\": {0}")]
pub struct NotSaved(String);

/// A running stand-in; stops when dropped.
pub struct FakeGoogle {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl FakeGoogle {
    /// Serves the issuer `issuer` on a free loopback port.
    pub async fn start(issuer: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(Everything::of(issuer)),
            changes: watch::Sender::new(0),
            token_uri: format!("http://{address}/token"),
        });
        let router = server::router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the stand-in for Google stopped");
            }
        });
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    /// For `google.api_url`.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// For `google.save_url`.
    pub fn save_url(&self) -> String {
        format!("http://{}/gp/v/save", self.address)
    }

    /// For the key file of a service account.
    pub fn token_uri(&self) -> &str {
        &self.shared.token_uri
    }

    /// Makes a service account in `directory` that this stand-in knows; its key file is for
    /// `google.service_account`. Making the key takes part of a second of CPU.
    pub fn make_service_account(&self, directory: &Path) -> Result<ServiceAccount, MakeError> {
        let account = make_service_account(directory, self.token_uri())?;
        self.trust(&account);
        Ok(account)
    }

    pub fn trust(&self, account: &ServiceAccount) {
        let mut state = self.shared.state();
        state
            .accounts
            .insert(account.email.clone(), account.public_key.clone());
    }

    /// The next `times` answers of the Wallet API are `fault`.
    pub fn fault(&self, fault: Fault, times: usize) {
        self.shared
            .state()
            .faults
            .extend(std::iter::repeat_n(fault, times));
    }

    /// The next `times` answers of the token endpoint are `fault`.
    pub fn token_fault(&self, fault: TokenFault, times: usize) {
        self.shared
            .state()
            .token_faults
            .extend(std::iter::repeat_n(fault, times));
    }

    /// Tokens given from now on say that they live so long.
    pub fn set_token_life(&self, seconds: u64) {
        self.shared.state().token_life = seconds;
    }

    /// Every token given so far is refused from now on.
    pub fn revoke_tokens(&self) {
        self.shared.state().revoke_tokens();
    }

    /// More requests than this within a second are refused with `quotaExceeded`.
    pub fn set_quota(&self, per_second: Option<usize>) {
        self.shared.state().quota = per_second;
    }

    /// The time by which a day's alerts are counted.
    pub fn set_clock(&self, clock: Clock) {
        self.shared.state().clock = clock;
    }

    /// What made phones ring for an object, oldest first.
    pub fn alerts(&self, id: &str) -> Vec<Alert> {
        let state = self.shared.state();
        state.resources.alerts(Kind::LoyaltyObject, id).to_vec()
    }

    /// Google loses every class and object.
    pub fn forget_resources(&self) {
        self.shared.state().resources.clear();
    }

    /// Requests to the Wallet API so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    pub fn token_requests(&self) -> u64 {
        self.shared.state().token_requests
    }

    /// The newest state of a class or object.
    pub fn resource(&self, kind: Kind, id: &str) -> Option<Value> {
        self.shared.state().resources.versions(kind, id).last().cloned()
    }

    /// Opens a save link (or its JWT alone) as a holder does, and gives the phone that has the card then.
    pub fn open_save_link(&self, link: &str) -> Result<SimAndroidPhone, NotSaved> {
        self.open_save_link_as(link, "holder")
    }

    /// The same for a named Google account: a card that one user may have is refused to a second.
    pub fn open_save_link_as(&self, link: &str, user: &str) -> Result<SimAndroidPhone, NotSaved> {
        let object_id = self.shared.open(link, user).map_err(NotSaved)?;
        Ok(SimAndroidPhone {
            shared: Arc::clone(&self.shared),
            object_id,
        })
    }
}

impl Drop for FakeGoogle {
    fn drop(&mut self) {
        self.server.abort();
    }
}
