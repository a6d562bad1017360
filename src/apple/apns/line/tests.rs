//! A connection that died silently is found out and replaced.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::apple::apns::ClientCertificate;
use crate::apple::apns::connect::Target;
use crate::apple::apns::request::Form;
use crate::clock::Clock;
use crate::domain::id::{PassTypeIdentifier, PushToken};
use crate::sim::apns::{Authority, FakeApns, Settings};
use openssl::x509::X509;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Passes bytes on until it is told to keep them.
async fn relay(listener: TcpListener, target: std::net::SocketAddr, frozen: Arc<AtomicBool>) {
    let mut pipes = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.expect("accepted");
        let far = TcpStream::connect(target).await.expect("connected");
        let (mut near_in, mut near_out) = near.into_split();
        let (mut far_in, mut far_out) = far.into_split();
        // Only the connections of before freeze.
        let frozen = (!frozen.load(Ordering::SeqCst)).then(|| frozen.clone());
        let back = frozen.clone();
        pipes.spawn(async move { pipe(&mut near_in, &mut far_out, frozen).await });
        pipes.spawn(async move { pipe(&mut far_in, &mut near_out, back).await });
    }
}

async fn pipe(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    frozen: Option<Arc<AtomicBool>>,
) {
    let mut buffer = [0; 4096];
    while let Ok(size @ 1..) = from.read(&mut buffer).await {
        let is_frozen = frozen.as_ref().is_some_and(|flag| flag.load(Ordering::SeqCst));
        if !is_frozen && to.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_silent_connection_is_given_up_by_ping_and_replaced() {
    let (clock, ids) = (Clock::System, Ids::random());
    let topic = PassTypeIdentifier::parse("pass.example").expect("topic");
    let authority = Authority::new("Clients", &clock, &ids).expect("authority");
    let settings = Settings::new(authority.pem().expect("pem"));
    let (address, fake) = FakeApns::start(settings, &clock, &ids).await.expect("fake");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = listener.local_addr().expect("address").port();
    let frozen = Arc::new(AtomicBool::new(false));
    let _relay = AbortOnDropHandle::new(tokio::spawn(relay(listener, address, frozen.clone())));

    let identity = authority.issue_client(&topic).expect("identity");
    let certificate = ClientCertificate::from_pem(&identity.certificate, &identity.key).expect("pair");
    let trusted = X509::stack_from_pem(fake.authority_pem()).expect("pem");
    let target = Target {
        host: "localhost".into(),
        port,
    };
    let route = Route::new(target, None, Some(&trusted), Some(&certificate)).expect("route");
    let pace = Pace {
        ping_every: Duration::from_millis(50),
        pong_within: Duration::from_millis(200),
    };
    // The time limit alone would take longer than this test may.
    let line = Line::start(route, true, Duration::from_secs(600), pace, ids);
    let form = Form::new("localhost", &topic, 5).expect("form");
    let push = async || {
        let token = PushToken::parse("00ff").expect("token");
        let request = form.request(&token, 1, None).expect("request");
        let (sent, _load) = line
            .put(request, form.body())
            .await
            .map_err(|fault| fault.reason)?;
        sent.response.await.map(|_| ()).map_err(|error| error.to_string())
    };
    let limit = Duration::from_secs(20);
    let within = async || {
        tokio::time::timeout(limit, push())
            .await
            .expect("an answer in time")
    };

    assert_eq!(within().await, Ok(()));
    frozen.store(true, Ordering::SeqCst);
    assert!(within().await.is_err(), "nobody answers, and that is noticed");
    while within().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(fake.connections(), 2);
}
