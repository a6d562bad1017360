//! Access tokens: how often Google's token endpoint is asked, and what its failures become.

use std::time::Duration;

use passgate::domain::delivery::Outcome;
use passgate::google::client::Kind;
use passgate::push::Sender as _;
use passgate::sim::google::{Fault, TokenFault};
use serde_json::Value;

use super::{face, issued, push, setting};

#[tokio::test]
async fn twenty_cold_calls_ask_for_one_token() {
    let setting = setting().await;
    setting
        .google
        .token_fault(TokenFault::Slow(Duration::from_millis(100)), 1);
    let calls: Vec<_> = (1..=20)
        .map(|card| {
            let sender = setting.wallet.sender();
            tokio::spawn(async move { sender.send(&push(face(card, 1))).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Outcome::Accepted);
    }
    assert_eq!(setting.google.token_requests(), 1);
}

#[tokio::test]
async fn twenty_cold_calls_share_one_refusal_of_the_token_endpoint() {
    let setting = setting().await;
    setting
        .google
        .token_fault(TokenFault::Slow(Duration::from_millis(200)), 1);
    setting.google.token_fault(TokenFault::InvalidGrant, 1);
    let calls: Vec<_> = (1..=20)
        .map(|card| {
            let sender = setting.wallet.sender();
            tokio::spawn(async move { sender.send(&push(face(card, 1))).await })
        })
        .collect();
    let mut refused = 0;
    for call in calls {
        match call.await.expect("no panic") {
            Outcome::Misconfigured { reason } => {
                assert!(
                    reason.contains("/token refused the service account: invalid_grant"),
                    "{reason}"
                );
                refused += 1;
            }
            // Only a call that began after the refusal asks again, and then the endpoint is well.
            other => assert_eq!(other, Outcome::Accepted),
        }
    }
    assert!(refused >= 1);
    assert!(setting.google.token_requests() <= 2);
}

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    let setting = setting().await;
    let read = async || {
        setting
            .wallet
            .client()
            .resource::<Value>(Kind::LoyaltyClass, "3388000000012345678.x")
            .await
    };
    setting.google.set_token_life(59);
    for _ in 0..3 {
        assert!(read().await.expect("an answer").is_none());
    }
    assert_eq!(setting.google.token_requests(), 3);
    setting.google.set_token_life(3599);
    for _ in 0..3 {
        read().await.expect("an answer");
    }
    assert_eq!(setting.google.token_requests(), 4);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let setting = setting().await;
    let phone = issued(&setting, &face(1, 1)).await;
    setting.google.revoke_tokens();
    assert_eq!(
        setting.wallet.sender().send(&push(face(1, 2))).await,
        Outcome::Accepted
    );
    assert_eq!(phone.card().expect("the card").balance, "2 of 10");
    assert_eq!(setting.google.token_requests(), 2);

    let before = setting.google.seen().len();
    setting.google.fault(Fault::Unauthorized, 10);
    let outcome = setting.wallet.sender().send(&push(face(1, 3))).await;
    assert!(matches!(outcome, Outcome::Misconfigured { .. }), "{outcome:?}");
    assert_eq!(setting.google.token_requests(), 3);
    assert_eq!(setting.google.seen().len() - before, 2);
}

#[tokio::test]
async fn a_revoked_key_is_told_from_a_token_endpoint_that_is_down() {
    let setting = setting().await;
    setting.google.token_fault(TokenFault::InvalidGrant, 1);
    let error = setting.wallet.issue(&face(1, 1)).await.expect_err("no token");
    assert!(
        error
            .to_string()
            .contains("refused the service account: invalid_grant"),
        "{error}"
    );
    assert!(setting.google.seen().is_empty());
}

#[tokio::test]
async fn twenty_refused_calls_ask_for_one_new_token() {
    let setting = setting().await;
    issued(&setting, &face(1, 1)).await;
    setting.google.revoke_tokens();
    let calls: Vec<_> = (1..=20)
        .map(|card| {
            let sender = setting.wallet.sender();
            tokio::spawn(async move { sender.send(&push(face(card, 1))).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Outcome::Accepted);
    }
    assert_eq!(setting.google.token_requests(), 2);
}
