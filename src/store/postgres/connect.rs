//! Reads a `postgres://` address, and maps its TLS parameters as libpq does.
//!
//! `sslmode` = `disable`, `prefer` (the default) and `require` encrypt or not but trust any certificate;
//! `verify-ca` checks it against `sslrootcert` (or the system's store), `verify-full` the host name as well. As
//! with libpq, `require` together with `sslrootcert` means `verify-ca`. See "SSL Support" in the libpq chapter of
//! the PostgreSQL manual.

use std::path::PathBuf;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use postgres_openssl::MakeTlsConnector;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::store::Error;

/// Where to connect and how to encrypt.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeTlsConnector,
}

/// How much of a server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verify {
    Nothing,
    Authority,
    AuthorityAndName,
}

#[derive(Debug, PartialEq, Eq)]
struct Tls {
    mode: SslMode,
    verify: Verify,
    root: Option<PathBuf>,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (address, tls) = split(url)?;
        // The parser's own message never holds the address, which may hold a password.
        let mut config: Config = address
            .parse()
            .map_err(|error: tokio_postgres::Error| Error::Url(error.to_string()))?;
        config
            .ssl_mode(tls.mode)
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        if config.get_application_name().is_none() {
            config.application_name("passgate");
        }
        Ok(Self {
            config,
            tls: connector(&tls)?,
        })
    }
}

/// Takes the TLS parameters out of an address.
fn split(url: &str) -> Result<(String, Tls), Error> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut mode = "prefer";
    let mut root = None;
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = value,
            Some(("sslrootcert", "system")) => {}
            Some(("sslrootcert", value)) => root = Some(PathBuf::from(unescape(value)?)),
            _ => others.push(pair),
        }
    }
    let (mode, verify) = match mode {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
        "require" if root.is_some() => (SslMode::Require, Verify::Authority),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Authority),
        "verify-full" => (SslMode::Require, Verify::AuthorityAndName),
        other => {
            return Err(Error::Url(format!(
                "sslmode is disable, prefer, require, verify-ca or verify-full; got {other:?}"
            )));
        }
    };
    let query = others.join("&");
    let address = if query.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{query}")
    };
    Ok((address, Tls { mode, verify, root }))
}

fn unescape(text: &str) -> Result<String, Error> {
    let refuse = || Error::Url("sslrootcert has a % that is not followed by two hexadecimal digits".into());
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or_else(refuse)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| refuse())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| Error::Url("sslrootcert is not UTF-8".into()))
}

fn connector(tls: &Tls) -> Result<MakeTlsConnector, Error> {
    let refuse = |error: openssl::error::ErrorStack| match &tls.root {
        Some(root) => Error::Url(format!("sslrootcert {} cannot be used: {error}", root.display())),
        None => Error::Url(format!("OpenSSL cannot be set up: {error}")),
    };
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(refuse)?;
    if tls.verify == Verify::Nothing {
        builder.set_verify(SslVerifyMode::NONE);
    }
    if let Some(root) = &tls.root {
        builder.set_ca_file(root).map_err(refuse)?;
    }
    let mut connector = MakeTlsConnector::new(builder.build());
    let checks_name = tls.verify == Verify::AuthorityAndName;
    connector.set_callback(move |connection, _| {
        connection.set_verify_hostname(checks_name);
        Ok(())
    });
    Ok(connector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(url: &str) -> Tls {
        split(url).expect("valid address").1
    }

    #[test]
    fn tls_parameters_mean_what_they_mean_to_libpq() {
        assert_eq!(tls("postgres://h/d").mode, SslMode::Prefer);
        assert_eq!(tls("postgres://h/d?sslmode=disable").mode, SslMode::Disable);
        assert_eq!(tls("postgres://h/d?sslmode=require").verify, Verify::Nothing);
        let pinned = tls("postgres://h/d?sslmode=require&sslrootcert=/a%20b/ca.pem");
        assert_eq!(pinned.verify, Verify::Authority);
        assert_eq!(pinned.root, Some("/a b/ca.pem".into()));
        let full = tls("postgres://h/d?sslmode=verify-full&sslrootcert=system");
        assert_eq!(
            (full.mode, full.verify),
            (SslMode::Require, Verify::AuthorityAndName)
        );
        assert_eq!(full.root, None);
        assert!(split("postgres://h/d?sslmode=maybe").is_err());
        assert!(split("postgres://h/d?sslrootcert=%zz").is_err());
    }

    #[test]
    fn other_parameters_reach_the_driver_and_passwords_stay_out_of_messages() {
        let (address, _) = split("postgres://h/d?sslmode=require&connect_timeout=3").expect("valid");
        assert_eq!(address, "postgres://h/d?connect_timeout=3");
        let error = Target::parse("postgres://me:secret@h:port/d")
            .err()
            .expect("no port");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
