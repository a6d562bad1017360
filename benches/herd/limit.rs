//! What serving a phone costs at least: the server's side of a TLS handshake, one RSA signature, and a pass's bytes through
//! TLS. In memory, on one thread; only the server's part is counted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use cpu_time::ThreadTime;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::ssl::{
    ErrorCode, HandshakeError, MidHandshakeSslStream, SslAcceptor, SslConnector, SslFiletype, SslMethod,
    SslStream, SslVerifyMode,
};
use passgate::apple::dev_chain::ServerChain;

const ROUNDS: u32 = 500;

type Pipe = Rc<RefCell<VecDeque<u8>>>;

/// One end of a line in memory.
#[derive(Debug)]
struct End {
    reads: Pipe,
    writes: Pipe,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reads.borrow_mut().read(buffer)? {
            0 if !buffer.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A handshake under way.
enum Side {
    Done(SslStream<End>),
    Under(MidHandshakeSslStream<End>),
}

impl Side {
    fn new(begun: Result<SslStream<End>, HandshakeError<End>>) -> Self {
        match begun {
            Ok(stream) => Self::Done(stream),
            Err(HandshakeError::WouldBlock(waits)) => Self::Under(waits),
            Err(error) => panic!("{error}"),
        }
    }

    fn on(self) -> Self {
        match self {
            Self::Done(stream) => Self::Done(stream),
            Self::Under(waits) => Self::new(waits.handshake()),
        }
    }
}

/// Microseconds for one phone whose pass has `weight` bytes.
pub(crate) fn measure(tls: &ServerChain, weight: usize) -> f64 {
    let mut acceptor = SslAcceptor::mozilla_modern_v5(SslMethod::tls_server()).expect("an acceptor");
    acceptor
        .set_certificate_chain_file(&tls.certificate)
        .expect("a certificate");
    acceptor
        .set_private_key_file(&tls.key, SslFiletype::PEM)
        .expect("a key");
    let acceptor = acceptor.build();
    let mut connector = SslConnector::builder(SslMethod::tls_client()).expect("a connector");
    connector.set_verify(SslVerifyMode::NONE);
    let connector = connector.build();
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let pass = vec![7; weight];

    let mut used = Duration::ZERO;
    for _ in 0..ROUNDS {
        let (up, down) = (Pipe::default(), Pipe::default());
        let (near, far) = (
            End {
                reads: Rc::clone(&up),
                writes: Rc::clone(&down),
            },
            End {
                reads: down,
                writes: up,
            },
        );
        let client = connector.configure().expect("a client").verify_hostname(false);
        let mut client = Side::new(client.connect("localhost", far));
        let begun = ThreadTime::now();
        let mut server = Side::new(acceptor.accept(near));
        used += begun.elapsed();
        let (mut server, mut client) = loop {
            client = client.on();
            let begun = ThreadTime::now();
            server = server.on();
            used += begun.elapsed();
            match (server, client) {
                (Side::Done(server), Side::Done(client)) => break (server, client),
                (one, other) => (server, client) = (one, other),
            }
        };
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
        let mut request = [0; 64];
        let begun = ThreadTime::now();
        match server.ssl_read(&mut request) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code(), ErrorCode::WANT_READ),
        }
        let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
        let signature = signer.sign_oneshot_to_vec(b"what is signed").expect("signed");
        server.write_all(&pass).expect("sent");
        used += begun.elapsed();
        assert_eq!(signature.len(), 256);
    }
    used.as_secs_f64() * 1e6 / f64::from(ROUNDS)
}
