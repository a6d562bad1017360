//! One typed configuration tree, read once at start from one TOML file and the environment.
//!
//! `docs/passgate.example.toml` is the manual: every key with its meaning, parsed by a test. A key that is not
//! in the tree is an error. `PASSGATE__STORE__URL=…` sets `store.url`. Secrets are paths to files, or come from
//! the environment; no secret need be written in the file itself, and none shows in `Debug`.

mod check;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, not TOML, or holds a key or a type that is not in the tree; or a variable does.
    #[error("cannot use the configuration {path}: {source}")]
    Read {
        path: PathBuf,
        source: ::config::ConfigError,
    },
    /// A value of the right type that makes no sense. `problem` is what was expected and what came.
    #[error("{key}: {problem}")]
    Value { key: String, problem: String },
}

/// Everything `passgate serve` needs to know.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub store: Store,
    pub lists: Lists,
    pub secrets: Secrets,
    pub apple: Apple,
    pub google: Google,
    pub web_push: WebPush,
    pub push: Push,
    pub mail: Mail,
    pub bridge: Bridge,
    pub log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    pub listen: SocketAddr,
    /// The address that phones and browsers use; goes into passes and must stay the same for their life.
    pub public_url: String,
    /// PEM files for serving TLS itself; leave both out behind a proxy.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Who is believed when it says, in `X-Forwarded-For`, where a request comes from.
    #[serde(with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Folder of pass templates.
    pub templates: PathBuf,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:<path>` or `postgres://…`.
    pub url: String,
    /// Connections to PostgreSQL; ignored for SQLite.
    pub connections: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lists {
    /// Megabytes for answering lists and counts from memory; 0 asks the store every time.
    pub memory: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// File with the gateway's master secret (32 bytes as hexadecimal). Pass tokens are derived from it: losing
    /// it cuts off every pass that was ever issued. `passgate serve` makes it when it is absent.
    pub master_key_file: PathBuf,
    /// File with the key that signs pushes to browsers (P-256, PEM). Every subscription is bound to it. `passgate
    /// serve` makes it when Web Push is on and it is absent.
    pub vapid_key_file: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Apple {
    pub pass_types: Vec<PassType>,
    /// Folder with Apple's intermediate certificates.
    pub intermediates: PathBuf,
    pub apns: Apns,
}

/// One Pass Type ID with its certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassType {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Apns {
    pub url: String,
    /// PEM file of certificates to trust instead of the system's; for a stand-in of APNs.
    pub certificate_authority: Option<PathBuf>,
    /// `http://host:port` of a proxy that understands CONNECT.
    pub proxy: Option<String>,
    #[serde(with = "seconds")]
    pub timeout: Duration,
    /// How long APNs keeps a push for a phone that is off.
    #[serde(with = "seconds")]
    pub expiration: Duration,
    /// 5 asks Apple to spare the phone's battery, 10 asks for at once.
    pub priority: u8,
    /// Connections for one pass type at most; another is opened when the streams of the others are taken.
    pub connections: usize,
    /// Keys for pushing. The pass types of a team that has one push with it, the others with their certificates.
    pub keys: Vec<PushKey>,
}

/// A team's `.p8` key for pushing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushKey {
    pub file: PathBuf,
    pub key_id: String,
    /// The team identifier, as in the certificates of its pass types.
    pub team: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Google {
    /// Empty: Google Wallet is off.
    pub issuer_id: String,
    /// Begins the ids of our classes and objects after the issuer's number. Google never frees an id: give each
    /// environment that shares an issuer its own prefix, and keep it.
    pub id_prefix: String,
    /// JSON key file of the service account.
    pub service_account: Option<PathBuf>,
    pub api_url: String,
    pub save_url: String,
    /// Web origins that may show the save button.
    pub origins: Vec<String>,
    pub requests_per_second: u32,
    #[serde(with = "seconds")]
    pub timeout: Duration,
    pub fcm: Fcm,
}

/// Firebase Cloud Messaging, for apps of the merchant's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fcm {
    /// The Firebase project's id. Empty: no app is told of anything.
    pub project: String,
    /// JSON key file of a service account of that project; `google.service_account` where it is left out.
    pub service_account: Option<PathBuf>,
    pub api_url: String,
    pub messages_per_minute: u32,
    /// How long Firebase keeps a message for a phone that is off.
    #[serde(with = "seconds")]
    pub expiration: Duration,
    #[serde(with = "seconds")]
    pub timeout: Duration,
}

/// Pushes to browsers that show a card's page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebPush {
    /// `mailto:` or `https:`; push services write there when something is wrong. Empty: Web Push is off.
    pub contact: String,
    /// `http://host:port` of a proxy that understands CONNECT. It looks names up itself: it must keep private networks
    /// out of reach.
    pub proxy: Option<String>,
    /// PEM file of certificates to trust instead of the system's; for a stand-in of a push service.
    pub certificate_authority: Option<PathBuf>,
    /// True: endpoints may lead into private networks; for a stand-in of a push service.
    pub allow_private_networks: bool,
    /// How long a push service keeps a push for a browser that is not running.
    #[serde(with = "seconds")]
    pub expiration: Duration,
    #[serde(with = "seconds")]
    pub timeout: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Push {
    /// False: this node serves requests and leaves pushing to others.
    pub enabled: bool,
    /// Sends in flight at once, per channel.
    pub concurrency: usize,
    /// How long a claimed push belongs to a node that may have died.
    #[serde(with = "seconds")]
    pub lease: Duration,
    /// How often to look for due pushes when no wake-up comes.
    #[serde(with = "seconds")]
    pub poll: Duration,
    /// How long a stopping node waits for pushes in flight.
    #[serde(with = "seconds")]
    pub drain: Duration,
    /// Mbit/s that passes may take of the network: phones are told no faster than they can fetch with it. 0: no limit.
    pub egress: u32,
}

/// The mail server that letters go out by. Without a host, no letters are sent; they wait.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Empty: mail is off.
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    pub user: Option<String>,
    /// File with the password on its first line.
    pub password_file: Option<PathBuf>,
    /// `Name <address>` that letters come from.
    pub from: String,
    /// PEM file of a certificate to trust besides the system's.
    pub certificate_authority: Option<PathBuf>,
    #[serde(with = "seconds")]
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// From the first byte.
    Tls,
    /// After a greeting in the clear; never without.
    Starttls,
    /// None at all; for a mail server on this machine only.
    None,
}

/// What `passgate bridge` needs to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bridge {
    /// The gateway's address.
    pub gateway_url: String,
    /// File with the station's key.
    pub station_key_file: PathBuf,
    /// PEM file of certificates to trust instead of the system's.
    pub certificate_authority: Option<PathBuf>,
    /// Where captures are kept until the gateway has them.
    pub journal: PathBuf,
    /// Folder of firmware profiles.
    pub profiles: PathBuf,
    pub scanners: Vec<Device>,
    pub readers: Vec<Device>,
    /// The same card within this time is one presentation.
    #[serde(with = "seconds")]
    pub debounce: Duration,
    /// How long a device waits for the gateway's answer before it signals "stored".
    #[serde(with = "seconds")]
    pub answer_within: Duration,
    /// Accept tags that are known by their UID alone. UIDs can be copied.
    pub allow_uid: bool,
    /// Where the till answers `/healthz` and `/metrics`; nowhere when it is left out.
    pub metrics_listen: Option<SocketAddr>,
}

/// A scanner or reader by profile. `path` is a serial port; `name` a regular expression on the PC/SC name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What staff call it.
    pub id: String,
    pub profile: String,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `info`, or per module: `info,passgate::push=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads `path` (or only defaults when there is none) and lets `PASSGATE__…` variables override it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        // Variables whose names or values are not Unicode cannot be ours.
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::load_with(path, std::env::vars_os().filter_map(unicode).collect())
    }

    /// [`Config::load`] with the environment passed in.
    pub fn load_with(path: Option<&Path>, environment: HashMap<String, String>) -> Result<Self, ConfigError> {
        let shown = path.map_or_else(|| PathBuf::from("(defaults)"), Path::to_path_buf);
        let mut builder = ::config::Config::builder();
        if let Some(path) = path {
            let file = ::config::File::from(path.to_path_buf()).format(::config::FileFormat::Toml);
            builder = builder.add_source(file);
        }
        let environment = ::config::Environment::with_prefix("PASSGATE")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("google.origins")
            .with_list_parse_key("server.trusted_proxies")
            .source(Some(environment));
        let config: Self = builder
            .add_source(environment)
            .build()
            .and_then(::config::Config::try_deserialize)
            .map_err(|source| ConfigError::Read { path: shown, source })?;
        config.check()?;
        Ok(config)
    }
}

/// The address of a database may hold its password.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match self.url.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://…"),
            None => self.url.clone(),
        };
        f.debug_struct("Store")
            .field("url", &shown)
            .field("connections", &self.connections)
            .finish()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: "http://127.0.0.1:8080".into(),
            certificate: None,
            key: None,
            trusted_proxies: Vec::new(),
            templates: "pass-templates".into(),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: "sqlite:data/passgate.sqlite".into(),
            connections: 8,
        }
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self { memory: 512 }
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            master_key_file: "data/master.key".into(),
            vapid_key_file: "data/vapid.key".into(),
        }
    }
}

impl Default for Apple {
    fn default() -> Self {
        Self {
            pass_types: Vec::new(),
            intermediates: "certs".into(),
            apns: Apns::default(),
        }
    }
}

impl Default for Apns {
    fn default() -> Self {
        Self {
            url: "https://api.push.apple.com".into(),
            certificate_authority: None,
            proxy: None,
            timeout: Duration::from_secs(20),
            expiration: Duration::from_secs(86_400),
            priority: 5,
            connections: 4,
            keys: Vec::new(),
        }
    }
}

impl Default for Google {
    fn default() -> Self {
        Self {
            issuer_id: String::new(),
            id_prefix: String::new(),
            service_account: None,
            api_url: "https://walletobjects.googleapis.com".into(),
            save_url: "https://pay.google.com/gp/v/save".into(),
            origins: Vec::new(),
            requests_per_second: 20,
            timeout: Duration::from_secs(20),
            fcm: Fcm::default(),
        }
    }
}

impl Default for Fcm {
    fn default() -> Self {
        Self {
            project: String::new(),
            service_account: None,
            api_url: "https://fcm.googleapis.com".into(),
            messages_per_minute: 600_000,
            expiration: Duration::from_secs(604_800),
            timeout: Duration::from_secs(20),
        }
    }
}

impl Default for WebPush {
    fn default() -> Self {
        Self {
            contact: String::new(),
            proxy: None,
            certificate_authority: None,
            allow_private_networks: false,
            expiration: Duration::from_secs(604_800),
            timeout: Duration::from_secs(20),
        }
    }
}

impl Default for Push {
    fn default() -> Self {
        Self {
            enabled: true,
            concurrency: 500,
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(5),
            drain: Duration::from_secs(10),
            egress: 0,
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 465,
            security: MailSecurity::Tls,
            user: None,
            password_file: None,
            from: String::new(),
            certificate_authority: None,
            timeout: Duration::from_secs(30),
        }
    }
}

impl Default for Bridge {
    fn default() -> Self {
        Self {
            gateway_url: "http://127.0.0.1:8080".into(),
            station_key_file: "data/station.key".into(),
            certificate_authority: None,
            journal: "data/journal".into(),
            profiles: "firmware-profiles".into(),
            scanners: Vec::new(),
            readers: Vec::new(),
            debounce: Duration::from_secs(3),
            answer_within: Duration::from_millis(1000),
            allow_uid: false,
            metrics_listen: None,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: LogFormat::Text,
        }
    }
}

/// Durations are written as seconds, fractions allowed.
mod seconds {
    use serde::{Deserialize, Deserializer, de::Error};
    use std::time::Duration;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(value).map_err(|_| {
            D::Error::custom(format!(
                "a duration is a number of seconds from 0 up; got {value}"
            ))
        })
    }
}

/// Networks are written as an address with the length of its prefix, or as one address.
mod networks {
    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, de::Error};
    use std::net::IpAddr;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let network = |text: String| {
            let one = text.parse::<IpAddr>().map(IpNet::from);
            one.or_else(|_| text.parse()).map_err(|_| {
                D::Error::custom(format!(
                    "expected an address such as 10.0.0.1 or a network such as 10.0.0.0/8; got {text:?}"
                ))
            })
        };
        texts.into_iter().map(network).collect()
    }
}
