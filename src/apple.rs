//! Apple Wallet: identities, passes and the way to APNs.
//!
//! [`Passes`] is loaded once at start: every Pass Type ID certificate and every template is read and checked
//! then, so that building a pass later can only fail for what the card itself asks for. Building costs one RSA
//! operation; whatever does not depend on the card is laid out once per design and shared by all its passes.

pub mod apns;
pub(crate) mod bundle;
pub(crate) mod cache;
pub(crate) mod der;
pub mod dev_chain;
pub mod identity;
pub(crate) mod images;
pub(crate) mod palette;
pub(crate) mod pass_json;
pub(crate) mod sign;
pub(crate) mod strings;
pub(crate) mod strip;
pub(crate) mod template;
pub(crate) mod text;
pub(crate) mod translated;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openssl::error::ErrorStack;

use crate::apple::bundle::{Design, Files};
use crate::apple::cache::Cache;
use crate::apple::identity::{Identity, IdentityError, Intermediates};
use crate::apple::sign::{Signer, sha256};
use crate::apple::strip::Strip;
use crate::apple::template::Template;
use crate::apple::translated::Translated;
use crate::config;
use crate::domain::face::CardFace;
use crate::domain::id::PassTypeIdentifier;
use crate::domain::secret::AuthenticationToken;
use crate::domain::time::Timestamp;

pub use crate::apple::bundle::{ArchiveError, Bundle};
pub use crate::apple::images::ImageError;
pub use crate::apple::pass_json::{LabelAndText, Texts};
pub use crate::apple::strings::StringsError;
pub use crate::apple::template::TemplateError;

/// Bytes kept of designs and of finished tails.
const DESIGN_BYTES: usize = 24 << 20;
const TAIL_BYTES: usize = 16 << 20;

/// How long before a certificate ends its owner is warned.
const EXPIRY_WARNING: Duration = Duration::from_secs(60 * 86_400);

/// Why passes cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("cannot read the folder of templates {path}: {source}")]
    Templates { path: PathBuf, source: std::io::Error },
    #[error("there is no certificate for {wanted}, only for {known}; add it to apple.pass_types")]
    UnknownPassType {
        wanted: PassTypeIdentifier,
        known: String,
    },
    #[error("there is no template {wanted:?}, only {known}; add its folder to the templates")]
    UnknownTemplate { wanted: String, known: String },
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("writing pass.json failed: {0}")]
    Json(#[from] serde_json::Error),
    #[error("signing failed: {0}")]
    Sign(#[from] ErrorStack),
}

/// Where a pass asks for its updates.
#[derive(Debug, Clone, Copy)]
pub struct WebService<'a> {
    /// The address before `/v1/…`; a slash at its end does not matter. Must stay the same for the life of the
    /// pass.
    pub url: &'a str,
    pub authentication_token: &'a AuthenticationToken,
}

/// A link on the back of a pass, beside what its template has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackLink {
    /// Unlike every other on the pass.
    pub key: &'static str,
    pub label: String,
    /// What stands there to be touched.
    pub shown: String,
    pub url: String,
}

/// Builds passes for every configured Pass Type ID and every template. Shared between threads.
pub struct Passes {
    issuers: BTreeMap<PassTypeIdentifier, Issuer>,
    templates: BTreeMap<String, Arc<Template>>,
    designs: Cache<DesignKey, Arc<Design>>,
    tails: Cache<TailKey, Bytes>,
}

struct Issuer {
    identity: Identity,
    signer: Signer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct DesignKey {
    template: String,
    strip: Option<Strip>,
    /// Translations are not in the design: each pass has its own.
    without_languages: bool,
}

/// A finished tail is named by all that went into it except the time, so none can be out of date.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TailKey {
    design: DesignKey,
    pass: [u8; 32],
}

impl Passes {
    /// Reads and checks every identity of `config` and every template under `templates`.
    pub fn load(config: &config::Apple, templates: &Path, now: Timestamp) -> Result<Self, Error> {
        Ok(Self {
            issuers: load_issuers(config, now)?,
            templates: load_templates(templates)?,
            designs: Cache::new(DESIGN_BYTES),
            tails: Cache::new(TAIL_BYTES),
        })
    }

    /// The signed pass that shows `face`. Takes a third of a millisecond of one core, and some ten when its strip
    /// is drawn for the first time: call it where blocking is allowed.
    ///
    /// The same face gives the same bytes while it is remembered, and afterwards the same but for the signature.
    pub fn build(&self, face: &CardFace, links: &WebService<'_>, now: Timestamp) -> Result<Bundle, Error> {
        self.build_with(face, links, &[], now)
    }

    /// The same with links on its back.
    pub fn build_with(
        &self,
        face: &CardFace,
        links: &WebService<'_>,
        back: &[BackLink],
        now: Timestamp,
    ) -> Result<Bundle, Error> {
        let issuer = self.issuer(&face.pass_type_identifier)?;
        issuer.identity.check_expiry(now)?;
        let template = self
            .templates
            .get(&face.template)
            .ok_or_else(|| Error::UnknownTemplate {
                wanted: face.template.clone(),
                known: list(self.templates.keys()),
            })?;
        let translated = Translated::of(face, template);
        let key = translated.as_ref().map(|translated| translated.key.as_str());
        let pass = pass_json::write(face, &template.settings, &issuer.identity, links, back, key)?;
        let strip = template.settings.stamps.as_ref().map(|_| Strip::of(face));
        let design_key = DesignKey {
            template: face.template.clone(),
            strip,
            without_languages: translated.is_some(),
        };
        let design = self.design(&design_key, template)?;
        let files = translated.map(|translated| translated.files).unwrap_or_default();

        let key = TailKey {
            design: design_key,
            pass: digest(&pass, &files),
        };
        let tail = match self.tails.find(&key) {
            Some(tail) => tail,
            None => {
                let manifest = design.manifest(&pass, &files);
                let signature = issuer.signer.sign(manifest.as_bytes(), now)?;
                let tail = design.tail(&pass, &files, manifest.as_bytes(), &signature)?;
                self.tails.insert(key, tail.clone(), tail.len());
                tail
            }
        };
        Ok(Bundle {
            blob: design.blob.clone(),
            tail,
        })
    }

    pub fn pass_types(&self) -> impl Iterator<Item = &PassTypeIdentifier> {
        self.issuers.keys()
    }

    /// The certificates in use, for telling when they end.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.issuers.values().map(|issuer| &issuer.identity)
    }

    /// The certificate and key of a pass type: APNs takes them as the client certificate.
    pub fn identity(&self, pass_type: &PassTypeIdentifier) -> Result<&Identity, Error> {
        self.issuer(pass_type).map(|issuer| &issuer.identity)
    }

    /// Names of the templates that programs can use.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(String::as_str)
    }

    /// The background colour of each template, as `#rrggbb`, for other pictures of the same card.
    pub fn backgrounds(&self) -> HashMap<String, String> {
        let colour = |template: &Template| template.settings.colours.background.to_string();
        self.templates
            .iter()
            .map(|(name, template)| (name.clone(), colour(template)))
            .collect()
    }

    /// The texts of the pass that would be built for `face`, for people who look at it elsewhere; none where there is no
    /// such template.
    pub fn texts(&self, face: &CardFace) -> Option<Texts> {
        let template = self.templates.get(&face.template)?;
        Some(pass_json::texts(face, &template.settings))
    }

    /// The square logo of a template as PNG, for platforms that fetch it by address.
    pub fn logo(&self, template: &str) -> Option<Bytes> {
        self.templates.get(template).map(|template| template.logo.clone())
    }

    fn issuer(&self, pass_type: &PassTypeIdentifier) -> Result<&Issuer, Error> {
        self.issuers.get(pass_type).ok_or_else(|| Error::UnknownPassType {
            wanted: pass_type.clone(),
            known: list(self.issuers.keys()),
        })
    }

    fn design(&self, key: &DesignKey, template: &Template) -> Result<Arc<Design>, Error> {
        if let Some(design) = self.designs.find(key) {
            return Ok(design);
        }
        let mut files = template.files.clone();
        if key.without_languages {
            for language in template.languages.keys() {
                files.remove(&strings::path(language));
            }
        }
        if let (Some(strip), Some(stamps)) = (key.strip, &template.settings.stamps) {
            files.extend(strip.draw(stamps)?);
        }
        let design = Arc::new(Design::new(&files)?);
        self.designs
            .insert(key.clone(), design.clone(), design.blob.len());
        Ok(design)
    }
}

/// Of all files of a pass that are not its design's.
fn digest(pass: &[u8], files: &Files) -> [u8; 32] {
    if files.is_empty() {
        return sha256(pass);
    }
    let mut all = sha256(pass).to_vec();
    for (name, content) in files {
        all.extend(sha256(name.as_bytes()));
        all.extend(sha256(content));
    }
    sha256(&all)
}

fn load_issuers(
    config: &config::Apple,
    now: Timestamp,
) -> Result<BTreeMap<PassTypeIdentifier, Issuer>, Error> {
    let mut issuers: BTreeMap<PassTypeIdentifier, Issuer> = BTreeMap::new();
    if config.pass_types.is_empty() {
        return Ok(issuers);
    }
    let intermediates = Intermediates::load(&config.intermediates)?;
    for pass_type in &config.pass_types {
        let identity = Identity::load(&pass_type.certificate, &pass_type.key, &intermediates, now)?;
        let name = identity.pass_type_identifier.clone();
        if let Some(earlier) = issuers.get(&name) {
            return Err(Error::Identity(IdentityError::Duplicate {
                first: earlier.identity.certificate_path.clone(),
                second: identity.certificate_path,
                pass_type_identifier: name,
            }));
        }
        if now.plus(EXPIRY_WARNING) > identity.expires_at {
            tracing::warn!(pass_type = %name, expires_at = %identity.expires_at.to_jiff(), "a pass certificate ends soon");
        }
        let signer = Signer::new(&identity)?;
        issuers.insert(name, Issuer { identity, signer });
    }
    Ok(issuers)
}

fn load_templates(folder: &Path) -> Result<BTreeMap<String, Arc<Template>>, Error> {
    let failed = |source| Error::Templates {
        path: folder.to_path_buf(),
        source,
    };
    let mut templates = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') {
            templates.insert(name, Arc::new(Template::load(&path)?));
        }
    }
    Ok(templates)
}

fn list<T: std::fmt::Display>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}
