//! Certificates for trying out and for tests: a chain shaped like Apple's, and a TLS server certificate.
//!
//! No phone trusts them; everything else works as with Apple's. Files are written next to each other:
//!
//! ```text
//! dev-root.pem  dev-intermediate.pem  dev-intermediate.key     made once, used again by later calls
//! <pass type identifier>.pem  <pass type identifier>.key       RSA-2048, thirteen months
//! tls-authority.pem  tls.pem  tls.key                          P-256, for localhost, 127.0.0.1 and ::1
//! ```
//!
//! Existing files are never overwritten. Keys can be read by their owner alone.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder, X509Ref};

use crate::apple::der;
use crate::domain::id::PassTypeIdentifier;
use crate::domain::time::Timestamp;

/// Why no certificates were written.
#[derive(Debug, thiserror::Error)]
pub enum DevChainError {
    #[error("{path} exists already and is left alone; choose another folder or remove it yourself")]
    Exists { path: PathBuf },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot use {path}: {source}; remove the dev-* files to start over")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("OpenSSL cannot make a certificate: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// Where a chain for signing passes was written.
#[derive(Debug, Clone)]
pub struct PassChain {
    /// What a reader of such passes must trust.
    pub root: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Where a TLS server's certificate was written.
#[derive(Debug, Clone)]
pub struct ServerChain {
    /// What a client of such a server must trust.
    pub authority: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

const DAY: i64 = 86_400;
const TEN_YEARS: i64 = 3650 * DAY;
const THIRTEEN_MONTHS: i64 = 395 * DAY;

/// Writes a certificate and key for `pass_type` of `team` into `folder`, and the chain above it unless an
/// earlier call made that. The folder then serves as the folder of intermediates too.
pub fn write_pass_chain(
    folder: &Path,
    pass_type: &PassTypeIdentifier,
    team: &str,
    now: Timestamp,
) -> Result<PassChain, DevChainError> {
    std::fs::create_dir_all(folder).map_err(|source| DevChainError::Write {
        path: folder.to_path_buf(),
        source,
    })?;
    let chain = PassChain {
        root: folder.join("dev-root.pem"),
        certificate: folder.join(format!("{pass_type}.pem")),
        key: folder.join(format!("{pass_type}.key")),
    };
    must_not_exist(&[&chain.certificate, &chain.key])?;
    let issuer = pass_issuer(folder, &chain.root, now)?;
    let leaf = pass_certificate(&issuer, rsa_key()?, pass_type, team, now)?;
    write_key(&chain.key, &leaf.key)?;
    write_certificate(&chain.certificate, &leaf.certificate)?;
    Ok(chain)
}

/// Writes a certificate for a TLS server on this machine, and the authority that issued it, into `folder`.
pub fn write_server_chain(folder: &Path, now: Timestamp) -> Result<ServerChain, DevChainError> {
    std::fs::create_dir_all(folder).map_err(|source| DevChainError::Write {
        path: folder.to_path_buf(),
        source,
    })?;
    let chain = ServerChain {
        authority: folder.join("tls-authority.pem"),
        certificate: folder.join("tls.pem"),
        key: folder.join("tls.key"),
    };
    must_not_exist(&[&chain.authority, &chain.certificate, &chain.key])?;
    let name = name(&[(Nid::COMMONNAME, "passgate development TLS authority")])?;
    let authority = Request::authority(name, ec_key()?, TEN_YEARS).issue(None, now)?;
    let server = server_certificate(&authority, now)?;
    write_key(&chain.key, &server.key)?;
    write_certificate(&chain.certificate, &server.certificate)?;
    write_certificate(&chain.authority, &authority.certificate)?;
    Ok(chain)
}

/// A certificate with its key.
struct Issued {
    certificate: X509,
    key: PKey<Private>,
}

/// Reads the development intermediate, or makes it and its root.
fn pass_issuer(folder: &Path, root_path: &Path, now: Timestamp) -> Result<Issued, DevChainError> {
    let certificate_path = folder.join("dev-intermediate.pem");
    let key_path = folder.join("dev-intermediate.key");
    if certificate_path.exists() && key_path.exists() {
        return Ok(Issued {
            certificate: X509::from_pem(&read(&certificate_path)?)?,
            key: PKey::private_key_from_pem(&read(&key_path)?)?,
        });
    }
    must_not_exist(&[root_path, &certificate_path, &key_path])?;
    let root_name = name(&[
        (Nid::COUNTRYNAME, "US"),
        (Nid::ORGANIZATIONNAME, "passgate development"),
        (Nid::COMMONNAME, "passgate development root"),
    ])?;
    let root = Request::authority(root_name, rsa_key()?, TEN_YEARS).issue(None, now)?;
    let intermediate_name = name(&[
        (
            Nid::COMMONNAME,
            "passgate development relations certification authority",
        ),
        (Nid::ORGANIZATIONALUNITNAME, "G4"),
        (Nid::ORGANIZATIONNAME, "passgate development"),
        (Nid::COUNTRYNAME, "US"),
    ])?;
    let mut request = Request::authority(intermediate_name, rsa_key()?, TEN_YEARS);
    // The mark of an intermediate of Apple's developer relations.
    request
        .extensions
        .push(marker("1.2.840.113635.100.6.2.1", &[0x05, 0x00])?);
    let intermediate = request.issue(Some(&root), now)?;
    write_key(&key_path, &intermediate.key)?;
    write_certificate(&certificate_path, &intermediate.certificate)?;
    write_certificate(root_path, &root.certificate)?;
    Ok(intermediate)
}

fn pass_certificate(
    issuer: &Issued,
    key: PKey<Private>,
    pass_type: &PassTypeIdentifier,
    team: &str,
    now: Timestamp,
) -> Result<Issued, DevChainError> {
    const UTF8_STRING: u8 = 0x0c;
    let subject = name(&[
        (Nid::USERID, pass_type.as_str()),
        (
            Nid::COMMONNAME,
            &format!("Pass Type ID: {pass_type}")
                .chars()
                .take(64)
                .collect::<String>(),
        ),
        (Nid::ORGANIZATIONALUNITNAME, team),
        (Nid::ORGANIZATIONNAME, "passgate development"),
        (Nid::COUNTRYNAME, "US"),
    ])?;
    let text = der::element(UTF8_STRING, &[pass_type.as_str().as_bytes()]);
    let request = Request {
        subject,
        key,
        seconds: THIRTEEN_MONTHS,
        authority: false,
        extensions: vec![
            KeyUsage::new().critical().digital_signature().build()?,
            ExtendedKeyUsage::new()
                .client_auth()
                .other("1.2.840.113635.100.4.14")
                .build()?,
            marker("1.2.840.113635.100.6.1.16", &text)?,
            marker("1.2.840.113635.100.6.3.2", &[0x05, 0x00])?,
        ],
        names: None,
    };
    Ok(request.issue(Some(issuer), now)?)
}

fn server_certificate(authority: &Issued, now: Timestamp) -> Result<Issued, DevChainError> {
    let mut names = SubjectAlternativeName::new();
    names.dns("localhost").ip("127.0.0.1").ip("::1");
    let request = Request {
        subject: name(&[(Nid::COMMONNAME, "localhost")])?,
        key: ec_key()?,
        seconds: THIRTEEN_MONTHS,
        authority: false,
        extensions: vec![
            KeyUsage::new().critical().digital_signature().build()?,
            ExtendedKeyUsage::new().server_auth().build()?,
        ],
        names: Some(names),
    };
    Ok(request.issue(Some(authority), now)?)
}

/// What a certificate is to say.
struct Request {
    subject: X509Name,
    key: PKey<Private>,
    seconds: i64,
    authority: bool,
    extensions: Vec<X509Extension>,
    names: Option<SubjectAlternativeName>,
}

impl Request {
    fn authority(subject: X509Name, key: PKey<Private>, seconds: i64) -> Self {
        Self {
            subject,
            key,
            seconds,
            authority: true,
            extensions: Vec::new(),
            names: None,
        }
    }

    /// Signs the certificate with `issuer`'s key, or with its own.
    fn issue(self, issuer: Option<&Issued>, now: Timestamp) -> Result<Issued, ErrorStack> {
        let start = now.0.div_euclid(1000) - DAY;
        let mut serial = BigNum::new()?;
        serial.rand(127, MsbOption::ONE, false)?;

        let mut builder: X509Builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_serial_number(&*serial.to_asn1_integer()?)?;
        builder.set_subject_name(&self.subject)?;
        builder.set_issuer_name(issuer.map_or(&self.subject, |issuer| issuer.certificate.subject_name()))?;
        builder.set_not_before(&*Asn1Time::from_unix(start)?)?;
        builder.set_not_after(&*Asn1Time::from_unix(start + self.seconds)?)?;
        builder.set_pubkey(&self.key)?;
        if self.authority {
            builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
            builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        } else {
            builder.append_extension(BasicConstraints::new().critical().build()?)?;
        }
        for extension in self.extensions {
            builder.append_extension(extension)?;
        }
        let parent: Option<&X509Ref> = issuer.map(|issuer| issuer.certificate.as_ref());
        let own_id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(parent, None))?;
        builder.append_extension(own_id)?;
        if parent.is_some() {
            let parent_id = AuthorityKeyIdentifier::new()
                .keyid(true)
                .build(&builder.x509v3_context(parent, None))?;
            builder.append_extension(parent_id)?;
        }
        if let Some(names) = self.names {
            let names = names.build(&builder.x509v3_context(parent, None))?;
            builder.append_extension(names)?;
        }
        let signer = issuer.map_or(&self.key, |issuer| &issuer.key);
        builder.sign(signer, MessageDigest::sha256())?;
        Ok(Issued {
            certificate: builder.build(),
            key: self.key,
        })
    }
}

fn marker(oid: &str, content: &[u8]) -> Result<X509Extension, ErrorStack> {
    let oid = Asn1Object::from_str(oid)?;
    X509Extension::new_from_der(&oid, false, &*Asn1OctetString::new_from_bytes(content)?)
}

fn name(entries: &[(Nid, &str)]) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    for (nid, text) in entries {
        builder.append_entry_by_nid(*nid, text)?;
    }
    Ok(builder.build())
}

fn rsa_key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(2048)?)
}

fn ec_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn must_not_exist(paths: &[&Path]) -> Result<(), DevChainError> {
    match paths.iter().find(|path| path.exists()) {
        Some(path) => Err(DevChainError::Exists {
            path: path.to_path_buf(),
        }),
        None => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DevChainError> {
    std::fs::read(path).map_err(|source| DevChainError::Read {
        path: path.to_path_buf(),
        source,
    })
}

fn write_key(path: &Path, key: &PKey<Private>) -> Result<(), DevChainError> {
    write_new(path, 0o600, &key.private_key_to_pem_pkcs8()?)
}

fn write_certificate(path: &Path, certificate: &X509) -> Result<(), DevChainError> {
    write_new(path, 0o644, &certificate.to_pem()?)
}

fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<(), DevChainError> {
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(DevChainError::Exists {
                path: path.to_path_buf(),
            });
        }
        Err(source) => {
            return Err(DevChainError::Write {
                path: path.to_path_buf(),
                source,
            });
        }
    };
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(|source| DevChainError::Write {
            path: path.to_path_buf(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apple::identity::{Identity, Intermediates};
    use crate::apple::sign::Signer;
    use openssl::cms::{CMSOptions, CmsContentInfo};
    use openssl::stack::Stack;
    use openssl::x509::X509PurposeId;
    use openssl::x509::store::X509StoreBuilder;
    use openssl::x509::verify::X509VerifyParam;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    /// Signs with a P-256 key and lets OpenSSL judge the message.
    #[test]
    fn an_elliptic_key_signs_too() {
        let folder = tempfile::tempdir().expect("folder");
        let pass_type = PassTypeIdentifier::parse("pass.example.curve").expect("identifier");
        let root_path = folder.path().join("dev-root.pem");
        let issuer = pass_issuer(folder.path(), &root_path, NOW).expect("issuer");
        let leaf =
            pass_certificate(&issuer, ec_key().expect("key"), &pass_type, "TEAM12345X", NOW).expect("leaf");
        let (certificate, key) = (folder.path().join("leaf.pem"), folder.path().join("leaf.key"));
        write_certificate(&certificate, &leaf.certificate).expect("write");
        write_key(&key, &leaf.key).expect("write");
        let intermediates = Intermediates::load(folder.path()).expect("intermediates");
        let identity = Identity::load(&certificate, &key, &intermediates, NOW).expect("identity");

        let signer = Signer::new(&identity).expect("signer");
        for manifest in [&b"{}"[..], b"{\"a\":\"b\"}\n"] {
            let signature = signer.sign(manifest, NOW).expect("signature");
            let mut message = CmsContentInfo::from_der(&signature).expect("a CMS message");
            let mut store = X509StoreBuilder::new().expect("store");
            store
                .add_cert(X509::from_pem(&read(&root_path).expect("root")).expect("root"))
                .expect("trust");
            let mut rules = X509VerifyParam::new().expect("rules");
            rules.set_time(NOW.0 / 1000);
            rules.set_purpose(X509PurposeId::ANY).expect("purpose");
            store.set_param(&rules).expect("rules");
            let none = Stack::new().expect("stack");
            message
                .verify(
                    Some(&none),
                    Some(&store.build()),
                    Some(manifest),
                    None,
                    CMSOptions::BINARY,
                )
                .expect("OpenSSL accepts it");
        }
    }
}
