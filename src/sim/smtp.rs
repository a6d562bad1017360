//! A mail server that keeps what it is given (RFC 5321), for the demo and tests. Refuses addresses it is told to, and
//! speaks TLS from the first byte (RFC 8314, section 3.3) or after STARTTLS (RFC 3207) where it is told to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use openssl::ssl::{Ssl, SslAcceptor};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;
use tokio_util::task::AbortOnDropHandle;

use crate::sim::apns::Identity;

/// Longest letter that is kept.
const LARGEST: usize = 1024 * 1024;

/// A letter as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// Head and body, without the dots that the protocol adds.
    pub text: String,
    /// Whether it came inside TLS.
    pub encrypted: bool,
}

/// When the server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    FromTheStart,
    /// Once the client asks; it takes no letter before.
    AfterStarttls,
}

/// A running mail server; it ends when this is dropped.
#[derive(Debug)]
pub struct FakeSmtp {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    /// What to answer to `RCPT` for an address, such as `550 no such user`; how often, or for ever.
    refusals: BTreeMap<String, (String, Option<usize>)>,
}

impl FakeSmtp {
    /// Listens on a loopback port of the system's choice.
    pub async fn start() -> std::io::Result<Self> {
        Self::listen(None).await
    }

    /// The same with TLS under a certificate.
    pub async fn start_with(tls: Tls, identity: &Identity) -> std::io::Result<Self> {
        Self::listen(Some((tls, identity.acceptor()?.build()))).await
    }

    async fn listen(tls: Option<(Tls, SslAcceptor)>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that breaks the protocol loses its connection and nothing else.
                tokio::spawn(serve(stream, tls.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self {
            address,
            state,
            _server: AbortOnDropHandle::new(server),
        })
    }

    /// Every letter so far, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state).received.clone()
    }

    /// Answers `answer` to letters for `address`: `times` times, or always.
    pub fn refuse(&self, address: &str, answer: &str, times: Option<usize>) {
        let refusal = (answer.to_owned(), times);
        lock(&self.state).refusals.insert(address.to_owned(), refusal);
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

const GREETING: &[u8] = b"220 mail.example ESMTP\r\n";

async fn serve(
    mut stream: TcpStream,
    tls: Option<(Tls, SslAcceptor)>,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    let Some((tls, acceptor)) = tls else {
        stream.write_all(GREETING).await?;
        return talk(stream, false, state).await;
    };
    if tls == Tls::AfterStarttls {
        stream.write_all(GREETING).await?;
        // What a client sends ahead in the clear is thrown away with the buffer (RFC 3207, section 4.2).
        if !asks_for_tls(&mut BufReader::new(&mut stream)).await? {
            return Ok(());
        }
    }
    let mut stream = SslStream::new(Ssl::new(acceptor.context())?, stream)?;
    // A client that does not trust us hangs up here.
    let accepted = std::pin::Pin::new(&mut stream).accept().await;
    accepted.map_err(std::io::Error::other)?;
    if tls == Tls::FromTheStart {
        stream.write_all(GREETING).await?;
    }
    talk(stream, true, state).await
}

/// The talk before TLS; whether the client wants it.
async fn asks_for_tls(stream: &mut BufReader<&mut TcpStream>) -> std::io::Result<bool> {
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let verb = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let (answer, done) = match verb.as_str() {
            "EHLO" => ("250-mail.example\r\n250 STARTTLS\r\n", None),
            "STARTTLS" => ("220 go on\r\n", Some(true)),
            "QUIT" => ("221 bye\r\n", Some(false)),
            _ => ("530 5.7.0 STARTTLS first\r\n", None),
        };
        stream.get_mut().write_all(answer.as_bytes()).await?;
        if let Some(done) = done {
            return Ok(done);
        }
        line.clear();
    }
    Ok(false)
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite,
    encrypted: bool,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let mut from = String::new();
    let mut to = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let verb = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mail.example\r\n250 8BITMIME".to_owned(),
            "HELO" | "NOOP" => "250 mail.example".to_owned(),
            "MAIL" => {
                from = path(&line);
                to.clear();
                "250 OK".to_owned()
            }
            "RCPT" => {
                let address = path(&line);
                match refusal(&state, &address) {
                    Some(refusal) => refusal,
                    None => {
                        to.push(address);
                        "250 OK".to_owned()
                    }
                }
            }
            "DATA" if to.is_empty() => "503 no recipient".to_owned(),
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." || text.len() > LARGEST {
                        break;
                    }
                    // RFC 5321, section 4.5.2: a line that begins with a dot came with one more.
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                let (from, to) = (from.clone(), std::mem::take(&mut to));
                lock(&state).received.push(Received {
                    from,
                    to,
                    text,
                    encrypted,
                });
                "250 kept".to_owned()
            }
            "RSET" => {
                to.clear();
                "250 OK".to_owned()
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 not known here".to_owned(),
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn refusal(state: &Mutex<State>, address: &str) -> Option<String> {
    let mut state = lock(state);
    let (answer, times) = state.refusals.get_mut(address)?;
    let answer = answer.clone();
    if let Some(left) = times {
        *left = left.saturating_sub(1);
        if *left == 0 {
            state.refusals.remove(address);
        }
    }
    Some(answer)
}

/// What stands between `<` and `>`.
fn path(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(path, _)| path.to_owned())
}
