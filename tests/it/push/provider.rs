//! Pushes with provider tokens, and several pass types side by side: each with its own credentials, connections and
//! faults.

use std::sync::Arc;
use std::time::Duration;

use passgate::apple::apns::{Apns, ClientCertificate, Credentials, ProviderKey};
use passgate::clock::Clock;
use passgate::domain::delivery::Outcome;
use passgate::domain::id::{PassTypeIdentifier, PushToken};
use passgate::domain::time::Timestamp;
use passgate::push::{Delivery, Sender};
use passgate::sim::apns::{Answer, PushKey};

use super::support::{Apple, PATIENCE, token, topic};

const TEAM: &str = "TEAM12345X";
const START: Timestamp = Timestamp(1_800_000_000_000);

fn other_topic() -> PassTypeIdentifier {
    PassTypeIdentifier::parse("pass.example.bakery").expect("topic")
}

fn push_key() -> PushKey {
    PushKey::new("ABC123DEFG", TEAM, &[topic(), other_topic()]).expect("a key")
}

fn credentials(key: &PushKey) -> Credentials {
    Credentials::Key(ProviderKey::from_pem(&key.pem, &key.key_id, &key.team).expect("a good key"))
}

/// A fake that knows `key`, with the time of `clock`.
async fn apple(key: &PushKey, clock: &Clock) -> Apple {
    let key = key.clone();
    Apple::at(clock.clone(), |settings| settings.push_keys = vec![key]).await
}

fn client(apple: &Apple, clock: &Clock, shown: &[(PassTypeIdentifier, Credentials)]) -> Apns {
    Apns::new(&apple.settings(), shown, clock.clone(), &apple.ids).expect("client")
}

async fn push(client: &Apns, topic: PassTypeIdentifier, token: PushToken) -> Outcome {
    let delivery = Delivery::AppleDevice {
        pass_type_identifier: topic,
        push_token: token,
    };
    tokio::time::timeout(PATIENCE, client.send(&delivery))
        .await
        .expect("an outcome in time")
}

fn authorization(apple: &Apple, number: usize) -> String {
    let received = apple.fake.received();
    let one = received.get(number).expect("a push");
    one.headers["authorization"].to_str().expect("ASCII").to_owned()
}

#[tokio::test]
async fn a_token_is_kept_and_renewed_before_it_is_too_old() {
    let (key, clock) = (push_key(), Clock::manual(START));
    let apple = apple(&key, &clock).await;
    let client = client(&apple, &clock, &[(topic(), credentials(&key))]);
    for minutes in [0, 19, 30, 2, 48, 51, 70] {
        clock.advance(Duration::from_secs(minutes * 60));
        assert_eq!(
            push(&client, topic(), token(1)).await,
            Outcome::Accepted,
            "{minutes}"
        );
    }
    let shown: Vec<String> = (0..7).map(|number| authorization(&apple, number)).collect();
    let (changes, same) = ([3, 5, 6], [1, 2, 4]);
    assert!(
        same.iter().all(|at| shown[*at] == shown[at - 1]),
        "kept below fifty minutes"
    );
    assert!(changes.iter().all(|at| shown[*at] != shown[at - 1]));
    assert_eq!(apple.fake.refused(), 0);
    assert_eq!(
        apple.fake.connections(),
        1,
        "tokens change on a connection that stays"
    );
}

#[tokio::test]
async fn the_first_push_goes_alone_until_its_token_was_good() {
    let (key, clock) = (push_key(), Clock::System);
    let apple = apple(&key, &clock).await;
    let client = Arc::new(client(&apple, &clock, &[(topic(), credentials(&key))]));
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..300 {
        let client = client.clone();
        sends.spawn(async move { push(&client, topic(), token(number)).await });
    }
    while let Some(outcome) = sends.join_next().await {
        assert_eq!(outcome.expect("task"), Outcome::Accepted);
    }
    // The fake refuses a second stream before the first answer.
    assert_eq!((apple.fake.refused(), apple.fake.taken()), (0, 300));
}

#[tokio::test]
async fn a_token_that_is_called_expired_is_made_anew_and_the_push_goes_again() {
    let (key, clock) = (push_key(), Clock::manual(START));
    let apple = apple(&key, &clock).await;
    let client = client(&apple, &clock, &[(topic(), credentials(&key))]);
    assert_eq!(push(&client, topic(), token(1)).await, Outcome::Accepted);
    clock.advance(Duration::from_secs(25 * 60));
    apple.fake.next([Answer::status(403, "ExpiredProviderToken")]);
    assert_eq!(push(&client, topic(), token(2)).await, Outcome::Accepted);
    assert_eq!(apple.fake.taken(), 3, "refused once, and once more");
    assert_ne!(authorization(&apple, 1), authorization(&apple, 2));

    // A second time at once is a fault that a new token does not mend.
    apple
        .fake
        .everything(Some(Answer::status(403, "ExpiredProviderToken")));
    let outcome = push(&client, topic(), token(3)).await;
    assert!(matches!(outcome, Outcome::Misconfigured { .. }), "{outcome:?}");
    assert_eq!(apple.fake.taken(), 4);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_a_configuration_fault() {
    let key = push_key();
    let apple = apple(&key, &Clock::manual(START.plus(Duration::from_secs(7200)))).await;
    let late = Clock::manual(START);
    let client = client(&apple, &late, &[(topic(), credentials(&key))]);
    let outcome = push(&client, topic(), token(1)).await;
    assert_eq!(
        outcome,
        Outcome::Misconfigured {
            reason: "ExpiredProviderToken".into()
        }
    );
    assert_eq!(apple.fake.refused(), 2, "tried with one new token");
}

#[tokio::test]
async fn a_new_token_that_comes_too_soon_gives_way_to_the_one_before() {
    let (key, clock) = (push_key(), Clock::manual(START));
    let apple = apple(&key, &clock).await;
    let client = client(&apple, &clock, &[(topic(), credentials(&key))]);
    assert_eq!(push(&client, topic(), token(1)).await, Outcome::Accepted);
    clock.advance(Duration::from_secs(5 * 60));
    // Called expired by mistake: the new one comes five minutes after the last, and the fake minds.
    apple.fake.next([Answer::status(403, "ExpiredProviderToken")]);
    let outcome = push(&client, topic(), token(2)).await;
    assert_eq!(
        outcome,
        Outcome::Retry {
            after: None,
            reason: "TooManyProviderTokenUpdates".into()
        }
    );
    assert_eq!(push(&client, topic(), token(2)).await, Outcome::Accepted);
    let received = apple.fake.received().len();
    assert_eq!(authorization(&apple, 0), authorization(&apple, received - 1));
}

#[tokio::test]
async fn certificates_and_keys_work_side_by_side_and_a_key_is_shared() {
    let clock = Clock::System;
    let key = PushKey::new("ABC123DEFG", TEAM, &[topic(), other_topic()]).expect("a key");
    let apple = apple(&key, &clock).await;
    let third = PassTypeIdentifier::parse("pass.example.third").expect("topic");
    let identity = apple.authority.issue_client(&third).expect("client certificate");
    let certificate = ClientCertificate::from_pem(&identity.certificate, &identity.key).expect("pair");
    let shown = [
        (topic(), credentials(&key)),
        (other_topic(), credentials(&key)),
        (third.clone(), Credentials::Certificate(certificate)),
    ];
    let client = client(&apple, &clock, &shown);
    for name in [topic(), other_topic(), third] {
        assert_eq!(push(&client, name, token(1)).await, Outcome::Accepted);
    }
    assert_eq!(
        authorization(&apple, 0),
        authorization(&apple, 1),
        "APNs counts the tokens of a key"
    );
    assert!(!apple.fake.received()[2].headers.contains_key("authorization"));
    assert_eq!(apple.fake.connections(), 3, "one for each pass type");

    // A key of a team that the pass type does not belong to.
    let foreign = PassTypeIdentifier::parse("pass.example.foreign").expect("topic");
    let client = self::client(&apple, &clock, &[(foreign.clone(), credentials(&key))]);
    assert_eq!(
        push(&client, foreign, token(1)).await,
        Outcome::Misconfigured {
            reason: "TopicDisallowed".into()
        }
    );
    // A key that Apple does not know.
    let unknown = PushKey::new("ZZZ123DEFG", TEAM, &[topic()]).expect("a key");
    let client = self::client(&apple, &clock, &[(topic(), credentials(&unknown))]);
    assert_eq!(
        push(&client, topic(), token(1)).await,
        Outcome::Misconfigured {
            reason: "InvalidProviderToken".into()
        }
    );
}
