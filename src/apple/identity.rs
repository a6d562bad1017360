//! Pass Type ID identities: certificate, key and Apple's intermediate, read and checked once at start.
//!
//! Invariant: an [`Identity`] in hand can sign: its key belongs to its certificate, the certificate names its
//! pass type identifier and team, the intermediate is the one that issued it, and both were valid when it was
//! loaded. The certificate's own bytes are kept as they came: Wallet refuses certificates that were re-encoded.

use std::fs;
use std::path::{Path, PathBuf};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Ref};

use crate::apple::der;
use crate::domain::id::{IdError, PassTypeIdentifier};
use crate::domain::time::Timestamp;

/// 1.2.840.113635.100.6.1.16: the extension in which Apple repeats the pass type identifier.
pub(crate) const PASS_TYPE_MARKER: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x06, 0x01, 0x10];

/// Why a certificate and its key cannot sign passes.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "{path}: expected a certificate as PEM or DER, got something else ({source}); export it from the \
         developer portal as .cer, or convert it with `openssl x509`"
    )]
    Certificate { path: PathBuf, source: ErrorStack },
    #[error(
        "{path}: expected an unencrypted private key as PEM (PKCS#8 or PKCS#1), got something else ({source}); \
         convert it with `openssl pkey -in KEY -out {path}`"
    )]
    Key { path: PathBuf, source: ErrorStack },
    #[error(
        "{path}: expected an RSA or EC key, got a key that cannot sign passes; make the certificate request \
         again with an RSA-2048 key"
    )]
    KeyKind { path: PathBuf },
    #[error(
        "the key {key} does not belong to the certificate {certificate}; use the key that its certificate \
         request was made with, or request a new certificate"
    )]
    KeyMismatch { certificate: PathBuf, key: PathBuf },
    #[error("{path}: not valid before {from}; check this machine's clock or use an older certificate")]
    NotYetValid { path: PathBuf, from: jiff::Timestamp },
    #[error(
        "{path}: expired at {at}; make a new certificate for the same pass type identifier in Apple's developer \
         portal and put it in its place"
    )]
    Expired { path: PathBuf, at: jiff::Timestamp },
    #[error(
        "{path}: expected exactly one user id (UID, the pass type identifier) in the certificate's subject, got \
         {got}; this is not a Pass Type ID certificate"
    )]
    NoUserId { path: PathBuf, got: usize },
    #[error("{path}: the certificate's user id is no pass type identifier: {source}")]
    UserId { path: PathBuf, source: IdError },
    #[error(
        "{path}: expected the team identifier as organisational unit (OU) in the certificate's subject, got \
         none; this is not a Pass Type ID certificate"
    )]
    NoTeam { path: PathBuf },
    #[error(
        "{path}: expected {expected} in extension 1.2.840.113635.100.6.1.16 as in the subject, got {got}; \
         request a new certificate"
    )]
    Marker {
        path: PathBuf,
        expected: PassTypeIdentifier,
        got: String,
    },
    #[error(
        "{path}: was issued by the certificate with key id {issuer_key_id}, but {folder} holds only {found}; \
         put Apple's matching intermediate (normally WWDR G4) there"
    )]
    NoIntermediate {
        path: PathBuf,
        issuer_key_id: String,
        folder: PathBuf,
        found: String,
    },
    #[error("{first} and {second} are both for {pass_type_identifier}; configure one of them")]
    Duplicate {
        pass_type_identifier: PassTypeIdentifier,
        first: PathBuf,
        second: PathBuf,
    },
    #[error("OpenSSL cannot work on {path}: {source}")]
    OpenSsl { path: PathBuf, source: ErrorStack },
}

/// One Pass Type ID certificate with its key and the intermediate that issued it.
pub struct Identity {
    pub(crate) certificate_path: PathBuf,
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
    pub(crate) intermediate: X509,
    pub(crate) pass_type_identifier: PassTypeIdentifier,
    pub(crate) team_identifier: String,
    pub(crate) expires_at: Timestamp,
}

/// The certificates of a folder that may have issued pass certificates.
pub(crate) struct Intermediates {
    folder: PathBuf,
    certificates: Vec<(PathBuf, X509)>,
}

impl Identity {
    /// Reads and checks one identity. `now` decides whether it is valid.
    pub(crate) fn load(
        certificate_path: &Path,
        key_path: &Path,
        intermediates: &Intermediates,
        now: Timestamp,
    ) -> Result<Self, IdentityError> {
        let path = || certificate_path.to_path_buf();
        let certificate = read_certificate(certificate_path)?;
        let key = read_key(key_path)?;
        let public = certificate
            .public_key()
            .map_err(|source| IdentityError::Certificate { path: path(), source })?;
        if !public.public_eq(&key) {
            return Err(IdentityError::KeyMismatch {
                certificate: path(),
                key: key_path.to_path_buf(),
            });
        }
        let (pass_type_identifier, team_identifier) = names(certificate_path, &certificate)?;
        let expires_at = check_validity(certificate_path, &certificate, now)?;
        let (intermediate_path, intermediate) = intermediates.issuer_of(certificate_path, &certificate)?;
        check_validity(intermediate_path, intermediate, now)?;
        Ok(Self {
            certificate_path: path(),
            certificate,
            key,
            intermediate: intermediate.to_owned(),
            pass_type_identifier,
            team_identifier,
            expires_at,
        })
    }

    pub fn pass_type_identifier(&self) -> &PassTypeIdentifier {
        &self.pass_type_identifier
    }

    pub fn team_identifier(&self) -> &str {
        &self.team_identifier
    }

    /// The last moment at which the certificate is valid.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Refuses once the certificate has ended: no phone would take what it signs.
    pub(crate) fn check_expiry(&self, now: Timestamp) -> Result<(), IdentityError> {
        if now > self.expires_at {
            let at = self.expires_at.to_jiff();
            return Err(IdentityError::Expired {
                path: self.certificate_path.clone(),
                at,
            });
        }
        Ok(())
    }

    /// The certificate followed by its intermediate, as PEM.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        let mut pem = self.certificate.to_pem()?;
        pem.extend(self.intermediate.to_pem()?);
        Ok(pem)
    }

    /// The private key as unencrypted PKCS#8 PEM. A secret.
    pub fn key_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.key.private_key_to_pem_pkcs8()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("pass_type_identifier", &self.pass_type_identifier)
            .field("team_identifier", &self.team_identifier)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Intermediates {
    /// Reads every `*.pem`, `*.cer`, `*.crt` and `*.der` of `folder`.
    pub(crate) fn load(folder: &Path) -> Result<Self, IdentityError> {
        let failed = |source| IdentityError::Read {
            path: folder.to_path_buf(),
            source,
        };
        let mut certificates = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if matches!(extension, Some("pem" | "cer" | "crt" | "der")) {
                let certificate = read_certificate(&path)?;
                certificates.push((path, certificate));
            }
        }
        certificates.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(Self {
            folder: folder.to_path_buf(),
            certificates,
        })
    }

    /// The certificate whose subject key id is the authority key id of `leaf` and whose key signed it. Names
    /// are not compared: they are spelled differently by different tools.
    fn issuer_of(&self, leaf_path: &Path, leaf: &X509Ref) -> Result<(&Path, &X509Ref), IdentityError> {
        let wanted = leaf.authority_key_id().map(|id| id.as_slice());
        let issuer = self.certificates.iter().find(|(_, candidate)| {
            wanted.is_some()
                && candidate.subject_key_id().map(|id| id.as_slice()) == wanted
                && candidate
                    .public_key()
                    .and_then(|key| leaf.verify(&key))
                    .unwrap_or(false)
        });
        issuer
            .map(|(path, certificate)| (path.as_path(), certificate.as_ref()))
            .ok_or_else(|| IdentityError::NoIntermediate {
                path: leaf_path.to_path_buf(),
                issuer_key_id: wanted.map_or_else(|| "(not given)".to_owned(), hex::encode),
                folder: self.folder.clone(),
                found: self.describe(),
            })
    }

    fn describe(&self) -> String {
        let found: Vec<String> = self
            .certificates
            .iter()
            .map(|(path, certificate)| {
                let id = certificate.subject_key_id().map(|id| hex::encode(id.as_slice()));
                format!("{} ({})", path.display(), id.as_deref().unwrap_or("no key id"))
            })
            .collect();
        if found.is_empty() {
            "no certificates".into()
        } else {
            found.join(", ")
        }
    }
}

fn read_certificate(path: &Path) -> Result<X509, IdentityError> {
    let bytes = read(path)?;
    let parsed = if bytes.starts_with(&[der::SEQUENCE]) {
        X509::from_der(&bytes)
    } else {
        X509::from_pem(&bytes)
    };
    parsed.map_err(|source| IdentityError::Certificate {
        path: path.to_path_buf(),
        source,
    })
}

fn read_key(path: &Path) -> Result<PKey<Private>, IdentityError> {
    let bytes = read(path)?;
    // Without a callback OpenSSL would ask for a passphrase on the terminal.
    let key = PKey::private_key_from_pem_callback(&bytes, |_| Err(ErrorStack::get())).map_err(|source| {
        IdentityError::Key {
            path: path.to_path_buf(),
            source,
        }
    })?;
    match key.id() {
        openssl::pkey::Id::RSA | openssl::pkey::Id::EC => Ok(key),
        _ => Err(IdentityError::KeyKind {
            path: path.to_path_buf(),
        }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    fs::read(path).map_err(|source| IdentityError::Read {
        path: path.to_path_buf(),
        source,
    })
}

/// Pass type identifier and team identifier as the certificate states them.
fn names(path: &Path, certificate: &X509Ref) -> Result<(PassTypeIdentifier, String), IdentityError> {
    let subject = certificate.subject_name();
    let texts = |nid| -> Vec<String> {
        subject
            .entries_by_nid(nid)
            .filter_map(|entry| entry.data().to_string().ok())
            .collect()
    };
    let user_ids = texts(Nid::USERID);
    let [user_id] = user_ids.as_slice() else {
        return Err(IdentityError::NoUserId {
            path: path.to_path_buf(),
            got: user_ids.len(),
        });
    };
    let identifier = PassTypeIdentifier::parse(user_id.as_str()).map_err(|source| IdentityError::UserId {
        path: path.to_path_buf(),
        source,
    })?;
    let team = texts(Nid::ORGANIZATIONALUNITNAME)
        .into_iter()
        .next()
        .ok_or_else(|| IdentityError::NoTeam {
            path: path.to_path_buf(),
        })?;
    let encoded = certificate.to_der().map_err(|source| IdentityError::OpenSsl {
        path: path.to_path_buf(),
        source,
    })?;
    let marker = der::extension(&encoded, PASS_TYPE_MARKER)
        .and_then(der::read)
        .map(|(text, _)| String::from_utf8_lossy(text.content).into_owned());
    if marker.as_deref() != Some(identifier.as_str()) {
        return Err(IdentityError::Marker {
            path: path.to_path_buf(),
            expected: identifier,
            got: marker.unwrap_or_else(|| "nothing".into()),
        });
    }
    Ok((identifier, team))
}

/// Refuses a certificate that is not valid at `now`; otherwise tells when it ends.
fn check_validity(path: &Path, certificate: &X509Ref, now: Timestamp) -> Result<Timestamp, IdentityError> {
    let read = |time| {
        unix_time(time).map_err(|source| IdentityError::OpenSsl {
            path: path.to_path_buf(),
            source,
        })
    };
    let from = read(certificate.not_before())?;
    let until = read(certificate.not_after())?;
    if now < from {
        return Err(IdentityError::NotYetValid {
            path: path.to_path_buf(),
            from: from.to_jiff(),
        });
    }
    if now > until {
        return Err(IdentityError::Expired {
            path: path.to_path_buf(),
            at: until.to_jiff(),
        });
    }
    Ok(until)
}

fn unix_time(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(Timestamp(
        (i64::from(since.days) * 86_400 + i64::from(since.secs)) * 1000,
    ))
}
