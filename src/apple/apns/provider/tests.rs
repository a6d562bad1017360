//! When a token is made anew, and that it is a JWT as Apple wants it.

use super::*;
use openssl::ec::EcGroup;
use proptest::prelude::*;

const START: Timestamp = Timestamp(1_800_000_000_000);

fn key_on(curve: Nid) -> EcKey<Private> {
    let group = EcGroup::from_curve_name(curve).expect("a curve");
    EcKey::generate(&group).expect("a key")
}

fn tokens() -> ProviderTokens {
    let pem = key_on(Nid::X9_62_PRIME256V1).private_key_to_pem().expect("PEM");
    ProviderTokens::new(ProviderKey::from_pem(&pem, "ABC123DEFG", "TEAM12345X").expect("a good key"))
}

fn minutes(count: u64) -> Timestamp {
    START.plus(Duration::from_secs(count * 60))
}

#[test]
fn a_token_is_a_jwt_that_the_public_key_proves() {
    let tokens = tokens();
    let header = tokens.header(START).expect("signed");
    assert!(header.is_sensitive());
    let text = header
        .to_str()
        .expect("ASCII")
        .strip_prefix("bearer ")
        .expect("bearer");
    let parts: Vec<&str> = text.split('.').collect();
    let read = |part: &str| -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
    };
    assert_eq!(
        read(parts[0]),
        serde_json::json!({"alg": "ES256", "kid": "ABC123DEFG"})
    );
    assert_eq!(
        read(parts[1]),
        serde_json::json!({"iss": "TEAM12345X", "iat": 1_800_000_000})
    );
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).expect("base64");
    assert_eq!(signature.len(), 64);
    let half = |bytes: &[u8]| openssl::bn::BigNum::from_slice(bytes).expect("a number");
    let signature =
        EcdsaSig::from_private_components(half(&signature[..32]), half(&signature[32..])).expect("a pair");
    let signed = format!("{}.{}", parts[0], parts[1]);
    assert!(
        signature
            .verify(&sha256(signed.as_bytes()), &tokens.key.key)
            .expect("checked")
    );
}

#[test]
fn only_a_p256_key_with_apples_ids_is_taken() {
    let good = key_on(Nid::X9_62_PRIME256V1).private_key_to_pem().expect("PEM");
    let other = key_on(Nid::SECP384R1).private_key_to_pem().expect("PEM");
    let read = |pem: &[u8], key_id, team| ProviderKey::from_pem(pem, key_id, team);
    assert!(matches!(
        read(&other, "ABC123DEFG", "TEAM12345X"),
        Err(ProviderKeyError::Curve)
    ));
    assert!(matches!(
        read(b"not PEM", "ABC123DEFG", "TEAM12345X"),
        Err(ProviderKeyError::Pem(_))
    ));
    for (key_id, team) in [("short", "TEAM12345X"), ("ABC123DEFG", "TEAM\"2345X")] {
        assert!(matches!(
            read(&good, key_id, team),
            Err(ProviderKeyError::Id { .. })
        ));
    }
    let shown = format!("{:?}", read(&good, "ABC123DEFG", "TEAM12345X"));
    assert!(shown.contains("ABC123DEFG") && !shown.contains("PRIVATE"));
}

#[test]
fn an_expired_token_is_signed_anew_once_and_not_again_at_once() {
    let tokens = tokens();
    let first = tokens.header(START).expect("signed");
    let second = tokens
        .after_expired(&first, minutes(5))
        .expect("signed")
        .expect("a new one");
    assert_ne!(first, second);
    assert_eq!(
        tokens.after_expired(&first, minutes(5)).expect("read"),
        Some(second.clone()),
        "a push that still had the old one takes the new one"
    );
    assert_eq!(tokens.after_expired(&second, minutes(6)).expect("read"), None);
    assert!(
        tokens
            .after_expired(&second, minutes(26))
            .expect("signed")
            .is_some()
    );
}

#[test]
fn too_many_updates_keep_the_old_token() {
    let tokens = tokens();
    let first = tokens.header(START).expect("signed");
    let second = tokens.header(minutes(50)).expect("signed");
    assert_ne!(first, second);
    tokens.after_too_many(&second, minutes(50));
    assert_eq!(tokens.header(minutes(51)).expect("kept"), first);
    assert_eq!(tokens.header(minutes(59)).expect("kept"), first);
    // Dead at sixty minutes: whatever APNs says to it, a new one is the only one that can work.
    assert_ne!(tokens.header(minutes(60)).expect("signed"), first);
    // Word about a token that is no longer in use changes nothing.
    let third = tokens.header(minutes(60)).expect("kept");
    tokens.after_too_many(&second, minutes(60));
    assert_eq!(tokens.header(minutes(61)).expect("kept"), third);
}

#[test]
fn a_clock_that_is_set_back_does_not_leave_a_token_from_the_future() {
    let tokens = tokens();
    let ahead = tokens.header(minutes(30)).expect("signed");
    assert_ne!(tokens.header(START).expect("signed"), ahead);
}

proptest! {
    /// Left to itself, a token is never older than APNs takes it and never renewed sooner than APNs allows.
    #[test]
    fn renewal_stays_between_twenty_and_sixty_minutes(
        steps in proptest::collection::vec(0..4_000_u64, 1..60),
    ) {
        let tokens = tokens();
        let mut now = START;
        let (mut last, mut signed_at) = (tokens.header(now).expect("signed"), now);
        for step in steps {
            now = now.plus(Duration::from_secs(step));
            let header = tokens.header(now).expect("signed");
            if header != last {
                prop_assert!(now.since(signed_at) >= EARLIEST);
                (last, signed_at) = (header, now);
            }
            prop_assert!(now.since(signed_at) < DEAD_AT);
        }
    }
}
