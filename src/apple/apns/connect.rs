//! Opens one connection to APNs: TCP (or an HTTP CONNECT proxy), TLS with ALPN `h2` and, where a pass type pushes with
//! it, its certificate, then the HTTP/2 preface.

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509VerifyResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::{ApnsError, ClientCertificate};

/// The driver of one HTTP/2 connection; nothing moves unless it is polled.
pub(super) type Driver = h2::client::Connection<SslStream<TcpStream>, Bytes>;
pub(super) type Requests = h2::client::SendRequest<Bytes>;

/// Longest answer of a proxy that is read.
const PROXY_ANSWER_LIMIT: usize = 8 * 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("cannot reach {target}: {source}")]
    Reach { target: String, source: io::Error },
    #[error("the proxy {proxy} must answer CONNECT with status 200; got {answer:?}")]
    Proxy { proxy: String, answer: String },
    #[error("TLS with {target} failed: {problem}")]
    Tls { target: String, problem: String },
    #[error("{target} does not speak HTTP/2: it must choose \"h2\" by ALPN")]
    NoHttp2 { target: String },
    #[error("HTTP/2 with {target} failed: {source}")]
    Http2 { target: String, source: h2::Error },
}

impl ConnectError {
    /// True when waiting will not help and somebody must look at certificates or addresses.
    pub(super) fn is_configuration(&self) -> bool {
        matches!(self, Self::Tls { .. } | Self::NoHttp2 { .. })
    }
}

/// `host:port`, as TCP, the Host header and the certificate check each need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.authority())
    }
}

impl Target {
    /// `host:port`, an IPv6 address in brackets.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Reads `scheme://host[:port]` with nothing after it.
    pub(super) fn parse(url: &str, scheme: &'static str, default_port: u16) -> Result<Self, ApnsError> {
        let wrong = || ApnsError::Address {
            expected: scheme,
            got: url.to_owned(),
        };
        let uri: http::Uri = url.parse().map_err(|_| wrong())?;
        let plain =
            uri.scheme_str() == Some(scheme) && matches!(uri.path(), "" | "/") && uri.query().is_none();
        let host = uri
            .host()
            .filter(|host| plain && !host.is_empty())
            .ok_or_else(wrong)?;
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
        })
    }
}

/// An HTTP proxy, with credentials when its URL had them.
#[derive(Clone)]
pub(super) struct Proxy {
    target: Target,
    authorization: Option<String>,
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`.
    pub(super) fn parse(url: &str) -> Result<Self, ApnsError> {
        use base64::Engine as _;
        let (url, user) = match url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')) {
            Some((user, host)) => (format!("http://{host}"), Some(user)),
            None => (url.to_owned(), None),
        };
        let authorization =
            user.map(|user| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user)));
        Ok(Self {
            target: Target::parse(&url, "http", 8080)?,
            authorization,
        })
    }
}

/// How to reach APNs as one pass type.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) target: Target,
    proxy: Option<Proxy>,
    tls: SslConnector,
}

impl Route {
    /// `authority` replaces the system's trusted certificates. Without a certificate, requests must show who sends
    /// them.
    pub(super) fn new(
        target: Target,
        proxy: Option<Proxy>,
        authority: Option<&[X509]>,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Self, ErrorStack> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_alpn_protos(b"\x02h2")?;
        builder.set_verify(SslVerifyMode::PEER);
        if let Some(trusted) = authority {
            let mut store = openssl::x509::store::X509StoreBuilder::new()?;
            for one in trusted {
                store.add_cert(one.clone())?;
            }
            builder.set_cert_store(store.build());
        }
        if let Some(certificate) = certificate {
            builder.set_certificate(&certificate.leaf)?;
            builder.set_private_key(&certificate.key)?;
            for intermediate in &certificate.chain {
                builder.add_extra_chain_cert(intermediate.clone())?;
            }
        }
        Ok(Self {
            target,
            proxy,
            tls: builder.build(),
        })
    }

    /// Opens one connection; the caller sets the time limit.
    pub(super) async fn connect(&self) -> Result<(Requests, Driver), ConnectError> {
        let stream = self.tcp().await?;
        let stream = self.handshake(stream).await?;
        h2::client::Builder::new()
            .enable_push(false)
            // One stream until the peer's SETTINGS arrive, so that none is refused; then its own number holds.
            .initial_max_send_streams(1)
            .handshake(stream)
            .await
            .map_err(|source| ConnectError::Http2 {
                target: self.target.to_string(),
                source,
            })
    }

    async fn tcp(&self) -> Result<TcpStream, ConnectError> {
        let first = self.proxy.as_ref().map_or(&self.target, |proxy| &proxy.target);
        let reach = |source| ConnectError::Reach {
            target: first.to_string(),
            source,
        };
        let mut stream = TcpStream::connect((first.host.as_str(), first.port))
            .await
            .map_err(reach)?;
        stream.set_nodelay(true).map_err(reach)?;
        if let Some(proxy) = &self.proxy {
            let head = self.ask_proxy(&mut stream, proxy).await.map_err(reach)?;
            let line = head.lines().next().unwrap_or_default();
            let status = line.split(' ').nth(1).unwrap_or_default();
            if !line.starts_with("HTTP/1.") || status != "200" {
                return Err(ConnectError::Proxy {
                    proxy: proxy.target.to_string(),
                    answer: line.chars().take(80).collect(),
                });
            }
        }
        Ok(stream)
    }

    /// Sends CONNECT and reads the head of the answer, a byte at a time so that nothing behind it is swallowed.
    async fn ask_proxy(&self, stream: &mut TcpStream, proxy: &Proxy) -> io::Result<String> {
        let host = self.target.authority();
        let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
        if let Some(authorization) = &proxy.authorization {
            request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < PROXY_ANSWER_LIMIT {
            head.push(stream.read_u8().await?);
        }
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    async fn handshake(&self, stream: TcpStream) -> Result<SslStream<TcpStream>, ConnectError> {
        let tls = |problem: String| ConnectError::Tls {
            target: self.target.to_string(),
            problem,
        };
        let ssl: Ssl = self
            .tls
            .configure()
            .and_then(|configuration| configuration.into_ssl(&self.target.host))
            .map_err(|error| tls(error.to_string()))?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| tls(error.to_string()))?;
        if let Err(error) = Pin::new(&mut stream).connect().await {
            let verdict = stream.ssl().verify_result();
            let words = error.to_string();
            return Err(if verdict != X509VerifyResult::OK {
                tls(format!(
                    "its certificate is not trusted: {}",
                    verdict.error_string()
                ))
            } else if words.contains("alert") {
                tls(words)
            } else {
                // A connection cut off in the handshake is the network's doing, not the certificate's.
                ConnectError::Reach {
                    target: self.target.to_string(),
                    source: error.into_io_error().unwrap_or_else(io::Error::other),
                }
            });
        }
        if stream.ssl().selected_alpn_protocol() != Some(b"h2") {
            return Err(ConnectError::NoHttp2 {
                target: self.target.to_string(),
            });
        }
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_perhaps_a_port() {
        let target = Target::parse("https://api.push.apple.com", "https", 443).expect("apple");
        assert_eq!(target.to_string(), "api.push.apple.com:443");
        let target = Target::parse("https://[::1]:8443/", "https", 443).expect("address");
        assert_eq!((target.host.as_str(), target.port), ("::1", 8443));
        for wrong in ["http://a", "https://a/b", "https://a?b", "a:443", "", "https://"] {
            assert!(Target::parse(wrong, "https", 443).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_proxy_may_have_credentials_and_they_are_not_shown() {
        let proxy = Proxy::parse("http://me:secret@proxy.example:3128").expect("proxy");
        assert_eq!(proxy.target.to_string(), "proxy.example:3128");
        assert_eq!(proxy.authorization.as_deref(), Some("Basic bWU6c2VjcmV0"));
        assert!(Proxy::parse("socks5://proxy.example").is_err());
    }
}
