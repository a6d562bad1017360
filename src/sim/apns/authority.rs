//! A certificate authority made on the spot: it issues the fake service's own certificate and, for tests, client
//! certificates shaped like those of a pass type. Keys live in memory only.

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder};

use crate::clock::{Clock, Ids};
use crate::domain::id::PassTypeIdentifier;

const DAY: i64 = 86_400;

/// A self-signed root and its key.
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
    now: i64,
    ids: Ids,
}

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl Identity {
    /// What a server with this certificate begins TLS with.
    pub(in crate::sim) fn acceptor(&self) -> Result<SslAcceptorBuilder, ErrorStack> {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        let certificate = X509::from_pem(&self.certificate)?;
        builder.set_certificate(&certificate)?;
        let key = PKey::private_key_from_pem(&self.key)?;
        builder.set_private_key(&key)?;
        Ok(builder)
    }
}

impl Authority {
    pub fn new(name: &str, clock: &Clock, ids: &Ids) -> Result<Self, ErrorStack> {
        let key = new_key()?;
        let now = clock.now().0 / 1000;
        let subject = common_name(name)?;
        let mut builder = start(&subject, &key, now, ids)?;
        builder.set_issuer_name(&subject)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self {
            certificate: builder.build(),
            key,
            now,
            ids: ids.clone(),
        })
    }

    /// What a peer must trust.
    pub fn pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.certificate.to_pem()
    }

    /// A server certificate for `localhost` and the loopback addresses.
    pub fn issue_server(&self) -> Result<Identity, ErrorStack> {
        let key = new_key()?;
        let mut builder = start(&common_name("localhost")?, &key, self.now, &self.ids)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        let names = SubjectAlternativeName::new()
            .dns("localhost")
            .ip("127.0.0.1")
            .ip("::1")
            .build(&builder.x509v3_context(Some(&self.certificate), None))?;
        builder.append_extension(names)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        self.finish(builder, &key)
    }

    /// A client certificate for `topic`, named as Apple names a Pass Type ID certificate: the identifier is the
    /// subject's UID.
    pub fn issue_client(&self, topic: &PassTypeIdentifier) -> Result<Identity, ErrorStack> {
        let key = new_key()?;
        let mut subject = X509NameBuilder::new()?;
        subject.append_entry_by_nid(Nid::USERID, topic.as_str())?;
        subject.append_entry_by_nid(Nid::COMMONNAME, "Pass Type ID")?;
        let mut builder = start(&subject.build(), &key, self.now, &self.ids)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
        // "May push to the production service": an ASN.1 NULL under Apple's arc.
        let production = Asn1Object::from_str("1.2.840.113635.100.6.3.2")?;
        let null = Asn1OctetString::new_from_bytes(&[5, 0])?;
        builder.append_extension(X509Extension::new_from_der(&production, false, &null)?)?;
        self.finish(builder, &key)
    }

    fn finish(&self, mut builder: X509Builder, key: &PKey<Private>) -> Result<Identity, ErrorStack> {
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(Identity {
            certificate: builder.build().to_pem()?,
            key: key.private_key_to_pem_pkcs8()?,
        })
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&curve)?)
}

fn common_name(name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(builder.build())
}

fn start(subject: &X509Name, key: &PKey<Private>, now: i64, ids: &Ids) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = ids.secret::<16>();
    serial[0] &= 0x7f;
    let serial = BigNum::from_slice(&serial)?.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    let begin = Asn1Time::from_unix(now - DAY)?;
    let end = Asn1Time::from_unix(now + 30 * DAY)?;
    builder.set_not_before(&begin)?;
    builder.set_not_after(&end)?;
    Ok(builder)
}
