//! TLS to PostgreSQL, checked as libpq checks it: a front end that ends TLS stands before the real server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use passgate::store::{Error, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_openssl::SslStream;

use crate::postgres;

/// A certificate for `localhost` that signs itself, as Debian's PostgreSQL has one.
fn certificate() -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "localhost").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("version 3");
    let serial = BigNum::from_u32(1).and_then(|one| one.to_asn1_integer());
    builder
        .set_serial_number(&serial.expect("a number"))
        .expect("set");
    builder.set_subject_name(&name).expect("set");
    builder.set_issuer_name(&name).expect("set");
    builder.set_pubkey(&key).expect("set");
    builder
        .set_not_before(&Asn1Time::days_from_now(0).expect("today"))
        .expect("set");
    builder
        .set_not_after(&Asn1Time::days_from_now(1).expect("tomorrow"))
        .expect("set");
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&builder.x509v3_context(None, None));
    builder.append_extension(names.expect("names")).expect("set");
    builder
        .append_extension(BasicConstraints::new().critical().ca().build().expect("a CA"))
        .expect("set");
    builder.sign(&key, MessageDigest::sha256()).expect("signed");
    (builder.build(), key)
}

/// Serves TLS on a port of this machine, and passes what is inside on to the server's socket.
async fn front_end(socket: PathBuf, acceptor: SslAcceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let ssl = Ssl::new(acceptor.context()).expect("a session");
            tokio::spawn(serve(client, ssl, socket.clone()));
        }
    });
    address
}

async fn serve(mut client: TcpStream, ssl: Ssl, socket: PathBuf) -> std::io::Result<()> {
    // SSLRequest, see "Message Formats" in the PostgreSQL manual.
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    assert_eq!(request, [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
    client.write_all(b"S").await?;
    let mut client = SslStream::new(ssl, client).expect("a stream");
    // A client that does not trust us hangs up here.
    if Pin::new(&mut client).accept().await.is_ok() {
        let mut server = UnixStream::connect(socket).await?;
        copy_bidirectional(&mut client, &mut server).await?;
    }
    Ok(())
}

async fn connects(address: &str) -> bool {
    let store = match Store::open(address, 1).await {
        Ok(store) => store,
        Err(error) => {
            assert!(matches!(error, Error::Unavailable { .. }), "{error}");
            return false;
        }
    };
    let one: Result<(i64,), Error> = store.read("one", |tx| Box::pin(tx.one("select 1", &[]))).await;
    one.expect("read").0 == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_as_far_as_the_address_asks() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let (_, place) = url.split_once('@').expect("user@folder/database");
    let (folder, database) = place.split_once('/').expect("folder/database");
    let socket = Path::new(&folder.replace("%2F", "/")).join(".s.PGSQL.5432");

    let (certificate, key) = certificate();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("TLS");
    acceptor.set_private_key(&key).expect("set");
    acceptor.set_certificate(&certificate).expect("set");
    let port = front_end(socket, acceptor.build()).await.port();
    let files = tempfile::tempdir().expect("a folder");
    let root = files.path().join("root.crt");
    std::fs::write(&root, certificate.to_pem().expect("PEM")).expect("written");
    let root = root.display();

    let by_name = format!("postgres://postgres@localhost:{port}/{database}?hostaddr=127.0.0.1");
    let by_number = format!("postgres://postgres@127.0.0.1:{port}/{database}?application_name=tls");
    for (address, connected) in [
        (by_name.clone(), true),
        (format!("{by_name}&sslmode=prefer"), true),
        (format!("{by_name}&sslmode=require"), true),
        (format!("{by_name}&sslmode=verify-ca"), false),
        (format!("{by_name}&sslmode=verify-full"), false),
        (format!("{by_name}&sslmode=verify-full&sslrootcert={root}"), true),
        (format!("{by_number}&sslmode=require&sslrootcert={root}"), true),
        (format!("{by_number}&sslmode=verify-ca&sslrootcert={root}"), true),
        (
            format!("{by_number}&sslmode=verify-full&sslrootcert={root}"),
            false,
        ),
    ] {
        assert_eq!(connects(&address).await, connected, "{address}");
    }
}
