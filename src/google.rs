//! Google Wallet: classes, objects, save links and the REST client; beside it Firebase Cloud Messaging, in `fcm`.
//!
//! A program is a loyalty class, a card is a loyalty object. Both are always inserted over REST before a save
//! link names them: a link that carries the whole object would not update an existing one, and an object that
//! nobody has saved yet could not be patched.

pub mod account;
pub mod client;
pub mod error;
pub mod fcm;
pub mod message;
pub mod object;
pub mod rate;
pub mod save_link;
pub mod sender;
pub mod token;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, PoisonError};

use crate::clock::Clock;
use crate::config;
use crate::domain::delivery::Outcome;
use crate::domain::face::CardFace;
use crate::domain::id::{CardId, ProgramId};
use crate::google::account::{AccountError, ServiceAccount};
use crate::google::client::{Client, First, Kind};
use crate::google::error::{Error, Reason};
use crate::google::message::{Message, MessageType, Messages};
use crate::google::object::{Naming, NamingError};
use crate::google::save_link::SaveLink;
use crate::google::sender::ObjectSender;
use crate::google::token::{Scope, TokenError, TokenSource};
use crate::push::Alert;

/// Why Google Wallet cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("google.service_account: give the path of the service account's JSON key")]
    NoAccount,
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Naming(#[from] NamingError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the public address {got:?} is not one, so Google could not load logos from it")]
    PublicUrl { got: String },
    #[error("google.fcm.api_url: expected https://… without a path; got {got:?}")]
    FcmUrl { got: String },
    #[error("cannot set up the HTTP client for Google: {0}")]
    Http(#[from] reqwest::Error),
}

/// Whether what was to ring did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rang {
    AsAsked,
    /// Google lets nothing more ring for this card today, in its words; all of it is there silently.
    Silently(String),
}

/// One issuer at Google, with its credential.
pub struct Wallet {
    client: Client,
    account: ServiceAccount,
    naming: Naming,
    public_url: reqwest::Url,
    save_url: String,
    origins: Vec<String>,
    /// By template name, as `#rrggbb`.
    backgrounds: HashMap<String, String>,
    clock: Clock,
    /// Per class, a hash of the last body that Google has answered for good. The inner lock lets one caller
    /// write a class while the others wait for it.
    classes: std::sync::Mutex<HashMap<ProgramId, Arc<tokio::sync::Mutex<Option<u64>>>>>,
}

impl Wallet {
    /// Reads and checks the credential; talks to nobody. `public_url` is the gateway's own address, where Google
    /// loads logos from (`/templates/<template>/logo.png`); `backgrounds` maps templates to `#rrggbb`.
    pub async fn load(
        config: &config::Google,
        public_url: &str,
        backgrounds: HashMap<String, String>,
        clock: Clock,
    ) -> Result<Arc<Self>, LoadError> {
        let path = config.service_account.as_deref().ok_or(LoadError::NoAccount)?;
        let account = ServiceAccount::load(path)?;
        let naming = Naming::new(&config.issuer_id, &config.id_prefix)?;
        let tokens = TokenSource::new(&account, Scope::Wallet, config.timeout).await?;
        let client = Client::new(
            &config.api_url,
            tokens,
            config.requests_per_second,
            config.timeout,
        )?;
        let public_url = reqwest::Url::parse(public_url)
            .ok()
            .filter(|url| !url.cannot_be_a_base())
            .ok_or_else(|| LoadError::PublicUrl {
                got: public_url.to_owned(),
            })?;
        let mut origins = config.origins.clone();
        if origins.is_empty() {
            // Without any origin Google's button does not show at all.
            origins.push(public_url.origin().ascii_serialization());
        }
        Ok(Arc::new(Self {
            client,
            account,
            naming,
            public_url,
            save_url: config.save_url.clone(),
            origins,
            backgrounds,
            clock,
            classes: std::sync::Mutex::default(),
        }))
    }

    /// The sender of the outbox's Google channel.
    pub fn sender(self: &Arc<Self>) -> ObjectSender {
        ObjectSender {
            wallet: Arc::clone(self),
        }
    }

    /// The REST client, for audits and one-off messages.
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn class_id(&self, program: ProgramId) -> String {
        self.naming.class_id(program)
    }

    pub fn object_id(&self, card: CardId) -> String {
        self.naming.object_id(card)
    }

    /// Makes the card exist at Google and signs the link that saves it. Doing it again gives a link to the same
    /// object.
    pub async fn issue(&self, face: &CardFace) -> Result<SaveLink, Error> {
        if speaks_for_class(face) {
            self.settle_class(face, First::Insert).await?;
        }
        self.write_object(face, First::Insert, false).await?;
        let object_id = self.object_id(face.card);
        SaveLink::sign(
            &self.account,
            &self.save_url,
            &object_id,
            &self.origins,
            self.clock.now(),
        )
    }

    /// Brings the card's object up to date; makes it, and its class, where they are missing. Nothing rings.
    pub async fn update(&self, face: &CardFace) -> Result<(), Error> {
        self.deliver(face, &[]).await.map(|_| ())
    }

    /// The same with what is to ring. Google lets few alerts a day through for a card: when it refuses one for that, the
    /// same thing is written silently and the answer says so.
    pub async fn deliver(&self, face: &CardFace, alerts: &[Alert]) -> Result<Rang, Error> {
        self.refresh_class(face).await?;
        let mut rang = Rang::AsAsked;
        let change = alerts.iter().any(|alert| alert.words.is_none());
        let mut messages = match self.write_object(face, First::Patch, change).await {
            Err(error) if change && error.is(&Reason::QuotaExceeded) => {
                let messages = self.write_object(face, First::Patch, false).await?;
                rang = Rang::Silently(error.to_string());
                messages
            }
            done => done?,
        };
        let id = self.object_id(face.card);
        for alert in alerts {
            let Some(words) = &alert.words else { continue };
            let message_id = message::id(alert);
            if messages.has(&message_id) {
                continue;
            }
            if let Some(kept) = messages.with_room() {
                let body = serde_json::json!({ "messages": kept });
                self.client.patch(Kind::LoyaltyObject, &id, &body).await?;
            }
            let put = async |message_type| {
                let said = (words, alert.link.as_deref());
                let message = Message::new(face, &message_id, said, message_type, self.clock.now());
                self.client.add_message(Kind::LoyaltyObject, &id, &message).await
            };
            let answer = match rang {
                Rang::AsAsked => match put(MessageType::TextAndNotify).await {
                    Err(error) if error.is(&Reason::QuotaExceeded) => {
                        let answer = put(MessageType::Text).await?;
                        rang = Rang::Silently(error.to_string());
                        answer
                    }
                    done => done?,
                },
                Rang::Silently(_) => put(MessageType::Text).await?,
            };
            messages = Messages::of(&answer);
        }
        Ok(rang)
    }

    /// Lets the class follow its program.
    async fn refresh_class(&self, face: &CardFace) -> Result<(), Error> {
        if !speaks_for_class(face) {
            return Ok(());
        }
        match self.settle_class(face, First::Patch).await {
            // A class that Google refuses (a logo that it cannot load, say) keeps its old look; the balance of
            // the cards must not wait for that.
            Err(error) if matches!(error.outcome(), Outcome::Rejected { .. }) => {
                tracing::warn!(class = self.class_id(face.installed_as), %error, "Google refused a class");
            }
            other => other?,
        }
        Ok(())
    }

    /// Returns the messages that are on the object.
    async fn write_object(&self, face: &CardFace, first: First, rings: bool) -> Result<Messages, Error> {
        let mut object = object::object(&self.naming, face);
        if rings {
            object = object.ringing();
        }
        let written = self
            .client
            .upsert(Kind::LoyaltyObject, &object.id, &object, first)
            .await;
        // Only an insert can end with "not found", and then it is the class that is missing.
        if !written.as_ref().is_err_and(|error| error.is(&Reason::NotFound)) {
            return written.map(|resource| Messages::of(&resource));
        }
        self.forget_class(face.installed_as);
        self.settle_class(face, First::Insert).await?;
        self.client
            .upsert(Kind::LoyaltyObject, &object.id, &object, First::Insert)
            .await
            .map(|resource| Messages::of(&resource))
    }

    /// Writes the class of `face` once per process, and again whenever its content changes. `first` is the guess
    /// for a class that this process has not written yet.
    async fn settle_class(&self, face: &CardFace, first: First) -> Result<(), Error> {
        let class = object::class(
            &self.naming,
            face,
            &self.logo(&face.template),
            self.backgrounds.get(&face.template).map(String::as_str),
        );
        let mut hasher = DefaultHasher::new();
        class.hash(&mut hasher);
        let content = Some(hasher.finish());

        let slot = Arc::clone(self.classes().entry(face.installed_as).or_default());
        let mut settled = slot.lock().await;
        if *settled == content {
            return Ok(());
        }
        let first = if settled.is_some() { First::Patch } else { first };
        let result = self
            .client
            .upsert(Kind::LoyaltyClass, &class.id, &class, first)
            .await;
        let is_final = match &result {
            Ok(_) => true,
            Err(error) => matches!(error.outcome(), Outcome::Rejected { .. }),
        };
        if is_final {
            *settled = content;
        }
        result.map(|_| ())
    }

    fn forget_class(&self, program: ProgramId) {
        self.classes().remove(&program);
    }

    fn classes(&self) -> std::sync::MutexGuard<'_, HashMap<ProgramId, Arc<tokio::sync::Mutex<Option<u64>>>>> {
        self.classes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logo(&self, template: &str) -> String {
        let mut url = self.public_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["templates", template, "logo.png"]);
        }
        url.into()
    }
}

/// Whether a card shows what its class is to say. A converted coupon lives in the class of the coupon and looks like
/// another program: it makes the class only where there is none.
fn speaks_for_class(face: &CardFace) -> bool {
    face.installed_as == face.program
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wallet")
            .field("account", &self.account)
            .field("naming", &self.naming)
            .finish_non_exhaustive()
    }
}
