//! The APNs client alone: every way in which an exchange can end is an outcome.

use std::time::Duration;

use passgate::config;
use passgate::domain::delivery::Outcome;
use passgate::domain::id::PassTypeIdentifier;
use passgate::domain::time::Timestamp;
use passgate::push::{Delivery, Sender};
use passgate::sim::apns::{Answer, Authority};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::support::{Apple, push, token, topic};

fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted => "accepted".into(),
        Outcome::Silenced { reason }
        | Outcome::Gone { reason, .. }
        | Outcome::Retry { reason, .. }
        | Outcome::Unanswered { reason }
        | Outcome::Untried { reason, .. }
        | Outcome::Misconfigured { reason }
        | Outcome::Rejected { reason } => reason.clone(),
    }
}

#[tokio::test]
async fn a_push_arrives_as_apple_wants_it() {
    let apple = Apple::start().await;
    let client = apple.client();
    let before = apple.clock.now().0 / 1000;
    assert_eq!(push(&client, &token(1)).await, Outcome::Accepted);

    let received = apple.fake.received();
    let [one] = received.as_slice() else {
        panic!("one push, got {}", received.len())
    };
    assert_eq!(one.token, token(1).as_str());
    assert_eq!(one.topic, topic().as_str());
    assert_eq!(one.payload, b"{}");
    assert_eq!(one.headers["apns-push-type"], "background");
    assert_eq!(one.headers["apns-priority"], "5");
    let expiration: i64 = one.headers["apns-expiration"].to_str().unwrap().parse().unwrap();
    assert!(expiration >= before + 86_400);
    assert_eq!(apple.fake.refused(), 0);
}

#[tokio::test]
async fn answers_become_outcomes() {
    let apple = Apple::start().await;
    let client = apple.client();
    let died = Timestamp(1_700_000_000_000);
    for (answer, expected) in [
        (
            Answer::unregistered(died),
            Outcome::Gone {
                since: Some(died),
                reason: "Unregistered".into(),
            },
        ),
        (
            Answer::later(429, "TooManyRequests", 90),
            Outcome::Retry {
                after: Some(Duration::from_secs(90)),
                reason: "TooManyRequests".into(),
            },
        ),
        (
            Answer::status(500, "InternalServerError"),
            Outcome::Retry {
                after: None,
                reason: "InternalServerError".into(),
            },
        ),
        (
            Answer::status(403, "BadCertificate"),
            Outcome::Misconfigured {
                reason: "BadCertificate".into(),
            },
        ),
        (
            Answer::status(400, "SunSpots"),
            Outcome::Rejected {
                reason: "SunSpots".into(),
            },
        ),
    ] {
        apple.fake.script(token(7).as_str(), [answer]);
        assert_eq!(push(&client, &token(7)).await, expected);
    }
    assert_eq!(push(&client, &token(7)).await, Outcome::Accepted);
    assert_eq!(apple.fake.connections(), 1, "all of it on one connection");
}

#[tokio::test]
async fn a_thousand_pushes_share_a_connection_even_with_few_streams() {
    let apple = Apple::with(|settings| settings.streams = 5).await;
    let client = std::sync::Arc::new(apple.client());
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let client = client.clone();
        sends.spawn(async move { push(&client, &token(number)).await });
    }
    while let Some(outcome) = sends.join_next().await {
        assert_eq!(outcome.expect("task"), Outcome::Accepted);
    }
    assert_eq!(apple.fake.taken(), 1000);
    assert_eq!(apple.fake.connections(), 1);
}

#[tokio::test]
async fn after_goaway_a_new_connection_serves_and_nothing_is_lost() {
    for last_word in [Answer::GoAway, Answer::Abort, Answer::Reset] {
        let apple = Apple::start().await;
        let client = std::sync::Arc::new(apple.client());
        apple.fake.script(token(20).as_str(), [last_word]);
        let mut sends = tokio::task::JoinSet::new();
        for number in 0..100 {
            let client = client.clone();
            sends.spawn(async move { (number, push(&client, &token(number)).await) });
        }
        let mut again = Vec::new();
        while let Some(done) = sends.join_next().await {
            match done.expect("task") {
                (_, Outcome::Accepted) => {}
                (number, Outcome::Retry { .. }) => again.push(number),
                other => panic!("{other:?}"),
            }
        }
        for number in again {
            // The caller comes back until the connection stands again.
            let retried = async {
                while push(&client, &token(number)).await != Outcome::Accepted {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(super::support::PATIENCE, retried)
                .await
                .expect("accepted in the end");
        }
        for number in 0..100 {
            assert!(apple.fake.accepted(token(number).as_str()) >= 1);
        }
        assert_eq!(push(&client, &token(500)).await, Outcome::Accepted);
        assert!(apple.fake.connections() >= 2);
    }
}

#[tokio::test]
async fn silence_ends_with_the_time_limit() {
    let apple = Apple::start().await;
    let settings = config::Apns {
        timeout: Duration::from_millis(300),
        ..apple.settings()
    };
    let client = apple.client_with(&settings, &apple.authority);
    assert_eq!(push(&client, &token(1)).await, Outcome::Accepted);
    apple.fake.script(token(2).as_str(), [Answer::Silence]);
    let outcome = push(&client, &token(2)).await;
    assert!(
        matches!(outcome, Outcome::Retry { after: None, .. }),
        "{outcome:?}"
    );
    assert_eq!(push(&client, &token(2)).await, Outcome::Accepted);
}

#[tokio::test]
async fn nobody_there_is_a_retry_with_a_time() {
    let apple = Apple::start().await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let settings = config::Apns {
        url: format!("https://{address}"),
        ..apple.settings()
    };
    let client = apple.client_with(&settings, &apple.authority);
    let mut outcome = push(&client, &token(1)).await;
    // The first failure is answered after the attempt, the next ones wait for the next attempt's time.
    if matches!(outcome, Outcome::Retry { after: None, .. }) {
        outcome = push(&client, &token(1)).await;
    }
    assert!(
        matches!(outcome, Outcome::Retry { after: Some(_), .. }),
        "{outcome:?}"
    );
    assert!(reason(&outcome).contains(&address.to_string()));
}

#[tokio::test]
async fn a_foreign_certificate_is_a_configuration_fault_on_either_side() {
    let apple = Apple::start().await;
    // Ours, signed by somebody whom the service does not know.
    let stranger = Authority::new("Stranger", &apple.clock, &apple.ids).unwrap();
    let client = apple.client_with(&apple.settings(), &stranger);
    let mut outcome = push(&client, &token(1)).await;
    if matches!(outcome, Outcome::Retry { .. }) {
        outcome = push(&client, &token(1)).await;
    }
    assert!(matches!(outcome, Outcome::Misconfigured { .. }), "{outcome:?}");

    // Theirs, signed by somebody whom we do not know.
    let settings = config::Apns {
        certificate_authority: None,
        ..apple.settings()
    };
    let client = apple.client_with(&settings, &apple.authority);
    let outcome = push(&client, &token(1)).await;
    assert!(matches!(outcome, Outcome::Misconfigured { .. }), "{outcome:?}");
    assert!(reason(&outcome).contains("not trusted"), "{outcome:?}");
    assert_eq!(apple.fake.taken(), 0);
}

#[tokio::test]
async fn a_pass_type_without_certificate_is_a_configuration_fault() {
    let apple = Apple::start().await;
    let client = apple.client();
    let delivery = Delivery::AppleDevice {
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.other").unwrap(),
        push_token: token(1),
    };
    let outcome = client.send(&delivery).await;
    assert!(matches!(outcome, Outcome::Misconfigured { .. }));
    assert!(reason(&outcome).contains("pass.example.other"));
}

#[tokio::test]
async fn pushes_go_through_a_proxy() {
    let apple = Apple::start().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap();
    let (asked, heard) = tokio::sync::oneshot::channel();
    let tunnel = tokio::spawn(async move {
        let (mut near, _) = proxy.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(near.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let mut far = TcpStream::connect(&target).await.unwrap();
        asked.send(head).unwrap();
        near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await
            .unwrap();
        let _ended = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    let settings = config::Apns {
        proxy: Some(format!("http://me:word@{address}")),
        ..apple.settings()
    };
    let client = apple.client_with(&settings, &apple.authority);
    assert_eq!(push(&client, &token(1)).await, Outcome::Accepted);
    let head = heard.await.unwrap();
    assert!(head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", apple.address)));
    assert!(head.contains("Proxy-Authorization: Basic bWU6d29yZA==\r\n"));
    drop(client);
    tunnel.abort();
}
