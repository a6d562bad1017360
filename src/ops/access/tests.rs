//! Passwords, addresses and tokens, without a store.

use super::*;

fn known(password: &str) -> Account {
    Account {
        id: AccountId(1),
        email: "ada@example.com".into(),
        name: "Ada".into(),
        password_hash: hash(password, [3; 16]).expect("hashes"),
        second_factor: None,
        second_factor_step: 0,
    }
}

#[test]
fn a_password_opens_only_its_own_account() {
    let secret = SecretString::from("correct horse");
    assert!(check(Some(known("correct horse")), &secret).is_ok());
    assert!(check(Some(known("battery staple")), &secret).is_err());
    assert!(check(None, &secret).is_err());
    assert!(check(None, &SecretString::from("decoy")).is_err());
}

#[test]
fn an_address_is_one_and_a_name_is_a_line() {
    assert!(check_email(" ada@example.com ").is_ok());
    let long = format!("{}@example.com", "a".repeat(LONGEST_EMAIL));
    for wrong in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a@b@c",
        "a da@example.com",
        "a\n@b",
        &long,
    ] {
        assert!(check_email(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(checked_name(" Ada ").expect("a name"), "Ada");
    for wrong in ["", " ", "Ada\nLovelace", &"a".repeat(LONGEST_NAME + 1)] {
        assert!(checked_name(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_decoy_costs_what_a_real_hash_costs() {
    let real = known("x").password_hash;
    let decoy = DECOY.as_deref().expect("hashes");
    let cost = |phc: &str| phc.split('$').take(4).collect::<Vec<_>>().join("$");
    assert_eq!(cost(decoy), cost(&real));
}

#[tokio::test]
async fn who_hangs_up_makes_no_room_for_another_password_to_be_hashed() {
    static ONE: Semaphore = Semaphore::const_new(1);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let asking = tokio::spawn(blocking_within(&ONE, move || {
        begun.send(()).expect("somebody waits");
        ends.recv().expect("the end is said");
    }));
    has_begun.await.expect("the work begins");
    asking.abort();
    assert!(asking.await.expect_err("hung up").is_cancelled());
    assert_eq!(ONE.available_permits(), 0, "its work goes on");
    end.send(()).expect("the work still listens");
    blocking_within(&ONE, || ())
        .await
        .expect("the place is free again");
}

#[test]
fn a_token_is_found_by_its_hash_and_not_printed() {
    let token = SessionToken::from_secret([7; 32]);
    assert_eq!(
        SessionToken::hash(token.expose()),
        Some(openssl::sha::sha256(&[7; 32]))
    );
    assert!(!format!("{token:?}").contains(token.expose()));
    assert_eq!(SessionToken::hash("short"), None);
    assert_eq!(SessionToken::hash("not base64 !"), None);
}
