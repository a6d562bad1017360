//! A pass as a phone reads it: unpacked, checked the way iOS checks it, and refused when one thing is wrong.
//!
//! Checked: a plain zip with its files at the root (localised ones one folder deep); every file named in
//! `manifest.json` with its SHA-1 and none besides; `signature` a detached CMS signature with a signing time over
//! the manifest's exact bytes, by one certificate that chains to a given root and whose subject names the pass's
//! type and team; `pass.json` with its required keys, one style, unique field keys and an icon.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509PurposeId};
use serde_json::Value;

use super::languages::Languages;

const MOST_FILES: usize = 200;
const LARGEST_FILE: u64 = 10 * 1024 * 1024;
const STYLES: [&str; 5] = ["boardingPass", "coupon", "eventTicket", "generic", "storeCard"];
const FIELD_ARRAYS: [&str; 5] = [
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "backFields",
];
/// DER of the object identifier 1.2.840.113549.1.9.5, the attribute that holds the signing time.
const SIGNING_TIME: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];

/// Why a phone refuses a pass.
#[derive(Debug, thiserror::Error)]
pub enum PassFault {
    #[error("the pass is not a zip archive that can be read: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error("the file {name:?} in the pass cannot be read: {source}")]
    Read { name: String, source: std::io::Error },
    #[error("the pass has a file {0:?}: names are plain, unique, and at most one .lproj folder deep")]
    Name(String),
    #[error("the pass has more than {MOST_FILES} files, or one of more than {LARGEST_FILE} bytes")]
    TooLarge,
    #[error("the pass has no {0}")]
    Missing(&'static str),
    #[error("manifest.json is not an object of SHA-1 digests by name: {0}")]
    Manifest(serde_json::Error),
    #[error("No entry in manifest for file {0}")]
    NotInManifest(String),
    #[error("manifest.json names {0}, which is not in the pass")]
    NotInPass(String),
    #[error("the SHA-1 of {name} is {found}; manifest.json says {expected}")]
    Digest {
        name: String,
        expected: String,
        found: String,
    },
    #[error("Manifest signature did not verify successfully: {0}")]
    Signature(#[from] openssl::error::ErrorStack),
    #[error("the signature must have one signer; it has {0}")]
    Signers(usize),
    #[error("the signature has no signing time")]
    NoSigningTime,
    #[error(
        "The passTypeIdentifier or teamIdentifier provided may not match your certificate: \
         {key} is {pass:?} in the pass and {certificate:?} in the certificate"
    )]
    Certificate {
        key: &'static str,
        pass: String,
        certificate: String,
    },
    #[error("pass.json is not JSON: {0}")]
    Json(serde_json::Error),
    #[error("Pass dictionary must contain key '{0}'.")]
    Key(&'static str),
    #[error("{0} is not a table of translations that a phone reads")]
    Strings(String),
    #[error("pass.json must have {expected}; it has {found}")]
    Shape { expected: &'static str, found: String },
}

/// A pass that a phone accepts.
#[derive(Clone)]
pub struct Pass {
    pub pass_type_identifier: String,
    pub serial_number: String,
    pub organization_name: String,
    /// Without a slash at its end.
    pub web_service_url: Option<String>,
    pub(super) authentication_token: Option<String>,
    /// What the first barcode says.
    pub code: Option<String>,
    pub voided: bool,
    fields: BTreeMap<String, String>,
    languages: Languages,
    files: BTreeMap<String, Vec<u8>>,
}

impl Pass {
    /// Reads and checks `bytes`; `roots` are the certificates that a signer must chain to.
    pub fn open(bytes: &[u8], roots: &[X509]) -> Result<Self, PassFault> {
        let files = unpack(bytes)?;
        let manifest = file(&files, "manifest.json")?;
        check_manifest(&files, manifest)?;
        let signer = verify(file(&files, "signature")?, manifest, roots)?;
        let json: Value = serde_json::from_slice(file(&files, "pass.json")?).map_err(PassFault::Json)?;
        if !["icon.png", "icon@2x.png", "icon@3x.png"]
            .iter()
            .any(|icon| files.contains_key(*icon))
        {
            return Err(PassFault::Missing("icon.png"));
        }
        let pass = Self::read(&json, files)?;
        pass.check_signer(&signer, &text(&json, "teamIdentifier")?)?;
        Ok(pass)
    }

    /// The value of a field by its key, wherever on the pass it stands.
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    /// What a phone of `language` shows as the value of a field.
    pub fn field_in(&self, language: &str, key: &str) -> Option<&str> {
        self.field(key).map(|value| self.languages.shown(language, value))
    }

    /// Every field, as `key: value`, in the order of the keys.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// A file of the pass.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Whether a holder could tell the two apart: signatures differ with the second they are made in.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.file("manifest.json") == other.file("manifest.json")
    }

    fn read(json: &Value, files: BTreeMap<String, Vec<u8>>) -> Result<Self, PassFault> {
        if json.get("formatVersion").ok_or(PassFault::Key("formatVersion"))? != 1 {
            return Err(PassFault::Shape {
                expected: "formatVersion 1",
                found: json["formatVersion"].to_string(),
            });
        }
        text(json, "description")?;
        let web_service_url = json.get("webServiceURL").and_then(Value::as_str);
        let authentication_token = json.get("authenticationToken").and_then(Value::as_str);
        let paired = web_service_url.is_some() == authentication_token.is_some();
        if !paired || authentication_token.is_some_and(|token| token.len() < 16) {
            return Err(PassFault::Shape {
                expected: "webServiceURL together with an authenticationToken of 16 characters or more",
                found: "something else".into(),
            });
        }
        Ok(Self {
            pass_type_identifier: text(json, "passTypeIdentifier")?,
            serial_number: text(json, "serialNumber")?,
            organization_name: text(json, "organizationName")?,
            web_service_url: web_service_url.map(|url| url.trim_end_matches('/').to_owned()),
            authentication_token: authentication_token.map(str::to_owned),
            code: json["barcodes"][0]["message"].as_str().map(str::to_owned),
            voided: json["voided"].as_bool().unwrap_or(false),
            fields: fields(json)?,
            languages: Languages::of(&files).map_err(PassFault::Strings)?,
            files,
        })
    }

    fn check_signer(&self, signer: &X509, team: &str) -> Result<(), PassFault> {
        for (key, pass, nid) in [
            (
                "passTypeIdentifier",
                self.pass_type_identifier.as_str(),
                Nid::USERID,
            ),
            ("teamIdentifier", team, Nid::ORGANIZATIONALUNITNAME),
        ] {
            let entry = signer.subject_name().entries_by_nid(nid).next();
            let certificate = entry
                .and_then(|entry| entry.data().to_string().ok())
                .unwrap_or_default();
            if certificate != pass {
                return Err(PassFault::Certificate {
                    key,
                    pass: pass.to_owned(),
                    certificate,
                });
            }
        }
        Ok(())
    }
}

/// The token opens the card: only names are printed.
impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass")
            .field("serial_number", &self.serial_number)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, PassFault> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    if archive.len() > MOST_FILES {
        return Err(PassFault::TooLarge);
    }
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let folder = name
            .split_once('/')
            .map(|(folder, rest)| folder.ends_with(".lproj") && !rest.contains('/'));
        let plain = folder.unwrap_or(true) && !name.contains("..") && !name.contains('\\');
        if !plain || entry.is_dir() || entry.is_symlink() || entry.encrypted() {
            return Err(PassFault::Name(name));
        }
        if entry.size() > LARGEST_FILE {
            return Err(PassFault::TooLarge);
        }
        let mut content = Vec::new();
        let read = entry.by_ref().take(LARGEST_FILE).read_to_end(&mut content);
        read.map_err(|source| PassFault::Read {
            name: name.clone(),
            source,
        })?;
        if files.insert(name.clone(), content).is_some() {
            return Err(PassFault::Name(name));
        }
    }
    Ok(files)
}

fn file<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &'static str) -> Result<&'a [u8], PassFault> {
    files.get(name).map(Vec::as_slice).ok_or(PassFault::Missing(name))
}

fn check_manifest(files: &BTreeMap<String, Vec<u8>>, manifest: &[u8]) -> Result<(), PassFault> {
    let digests: BTreeMap<String, String> = serde_json::from_slice(manifest).map_err(PassFault::Manifest)?;
    if let Some(name) = digests.keys().find(|name| !files.contains_key(*name)) {
        return Err(PassFault::NotInPass(name.clone()));
    }
    for (name, content) in files {
        if name == "manifest.json" || name == "signature" {
            continue;
        }
        let expected = digests
            .get(name)
            .ok_or_else(|| PassFault::NotInManifest(name.clone()))?;
        let found = hex::encode(hash(MessageDigest::sha1(), content)?);
        if found != *expected {
            return Err(PassFault::Digest {
                name: name.clone(),
                expected: expected.clone(),
                found,
            });
        }
    }
    Ok(())
}

/// The certificate that signed `manifest`.
fn verify(signature: &[u8], manifest: &[u8], roots: &[X509]) -> Result<X509, PassFault> {
    let mut trusted = X509StoreBuilder::new()?;
    trusted.set_purpose(X509PurposeId::ANY)?;
    for root in roots {
        trusted.add_cert(root.clone())?;
    }
    CmsContentInfo::from_der(signature)?.verify(
        None,
        Some(&trusted.build()),
        Some(manifest),
        None,
        CMSOptions::BINARY | CMSOptions::DETACHED,
    )?;
    if !signature
        .windows(SIGNING_TIME.len())
        .any(|window| window == SIGNING_TIME)
    {
        return Err(PassFault::NoSigningTime);
    }
    let signers = Pkcs7::from_der(signature)?.signers(&*Stack::new()?, Pkcs7Flags::empty())?;
    match signers.iter().next() {
        Some(signer) if signers.len() == 1 => Ok(signer.to_owned()),
        _ => Err(PassFault::Signers(signers.len())),
    }
}

fn text(json: &Value, key: &'static str) -> Result<String, PassFault> {
    json.get(key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or(PassFault::Key(key))
}

fn fields(json: &Value) -> Result<BTreeMap<String, String>, PassFault> {
    let styles: Vec<&str> = STYLES
        .into_iter()
        .filter(|style| json.get(style).is_some())
        .collect();
    let [style] = styles[..] else {
        return Err(PassFault::Shape {
            expected: "one style",
            found: format!("{styles:?}"),
        });
    };
    let mut fields = BTreeMap::new();
    for array in FIELD_ARRAYS {
        for field in json[style][array].as_array().into_iter().flatten() {
            let key = text(field, "key")?;
            let value = match field.get("value") {
                Some(Value::String(value)) => value.clone(),
                Some(value) => value.to_string(),
                None => return Err(PassFault::Key("value")),
            };
            let message = field.get("changeMessage").and_then(Value::as_str);
            if message.is_some_and(|message| !message.contains("%@")) {
                return Err(PassFault::Shape {
                    expected: "%@ in every changeMessage",
                    found: format!("none in the one of field {key:?}"),
                });
            }
            if fields.insert(key.clone(), value).is_some() {
                return Err(PassFault::Shape {
                    expected: "each field key once",
                    found: format!("{key:?} twice"),
                });
            }
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests;
