//! First run, members and invitations, the second factor, sessions, and several merchants of one account.

use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use passgate::domain::member::Role;
use secrecy::SecretString;

use super::sample::{MERCHANT, OTHER_MERCHANT, OWNER, PASSWORD, STRANGER, VIEWER};
use super::visitor::{Gateway, Visitor};
use super::{NOON, gateway};
use crate::engines::{self, for_each_engine};
use passgate::clock::Clock;

const EDITOR: &str = "edda@morgenrot.example";

/// What stands between `before` and `after` in a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page
        .split_once(before)
        .unwrap_or_else(|| panic!("{before} in {page}"));
    rest.split_once(after).expect("an end").0
}

/// RFC 6238 by hand, so that a mistake in the library would show.
fn code(secret: &str, at: i64) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut held, mut key) = (0_u32, 0, Vec::new());
    for letter in secret.bytes().filter(|byte| *byte != b'=') {
        let value = LETTERS.iter().position(|each| *each == letter).expect("base 32");
        bits = (bits << 5) | u32::try_from(value).expect("five bits");
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push(u8::try_from((bits >> held) & 0xff).expect("a byte"));
        }
    }
    let key = PKey::hmac(&key).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha1(), &key).expect("a signer");
    let mac = signer
        .sign_oneshot_to_vec(&(at / 30_000).to_be_bytes())
        .expect("an HMAC");
    let offset = usize::from(mac[19] & 15);
    let word: [u8; 4] = mac[offset..offset + 4].try_into().expect("four bytes");
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_visitor_with_the_operators_code_becomes_the_owner_and_nobody_after() {
    for_each_engine(async |store| {
        let gateway = Gateway::empty(store, Clock::manual(NOON)).await;
        let visitor = Visitor::new(&gateway);
        let led = visitor.page("/console/sign-in").await;
        assert_eq!(led.location.as_deref(), Some("/console/first-run"));
        assert_eq!(visitor.page("/console/first-run").await.status, 200);

        let code = gateway.web().master.first_owner_code();
        let mut wish = vec![
            ("code", "0000"),
            ("business", "Eck Café"),
            ("zone", "Europe/Berlin"),
            ("name", "Ada"),
            ("email", "ada@example.com"),
            ("password", PASSWORD),
        ];
        let refused = visitor.submit("/console/first-run", &wish).await;
        assert_eq!(refused.status, 401);
        assert!(refused.body.contains("not the first-run code") && refused.body.contains("Eck Café"));
        wish[0].1 = &code;
        wish[2].1 = "Berlin";
        let refused = visitor.submit("/console/first-run", &wish).await;
        assert!(refused.status == 400 && refused.body.contains("such as Europe/Berlin"));
        wish[2].1 = "Europe/Berlin";
        let short = [&wish[..5], &[("password", "short")]].concat();
        let refused = visitor.submit("/console/first-run", &short).await;
        assert!(
            refused.status == 400 && refused.body.contains("10 to 1024"),
            "{}",
            refused.body
        );

        let other = wish.iter().map(|(name, value)| match *name {
            "email" => (*name, "eve@example.com"),
            _ => (*name, *value),
        });
        let other: Vec<_> = other.collect();
        let (one, two) = tokio::join!(
            visitor.submit("/console/first-run", &wish),
            visitor.submit("/console/first-run", &other)
        );
        let entered = [&one, &two].iter().filter(|page| page.cookie.is_some()).count();
        assert_eq!(entered, 1, "{:?} {:?}", one.location, two.location);
        let late = visitor.submit("/console/first-run", &wish).await;
        assert_eq!(late.location.as_deref(), Some("/console/sign-in"));
        assert!(late.cookie.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_invited_by_a_link_that_works_once() {
    let gateway = gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let wish = [("email", "Edda@Morgenrot.example"), ("role", "editor")];
    let made = owner.submit("/console/settings/members/invite", &wish).await;
    assert_eq!(made.status, 200);
    let link = format!("/console/join/{}", between(&made.body, "/console/join/", "<"));
    assert!(made.body.contains(EDITOR), "the open link is listed");

    let guest = Visitor::new(&gateway);
    let offer = guest.page(&link).await;
    assert!(
        offer.body.contains("Café Morgenrot") && offer.body.contains("Editor"),
        "{}",
        offer.body
    );
    let short = guest
        .submit(&link, &[("name", "Edda"), ("password", "short")])
        .await;
    assert!(short.status == 400 && short.body.contains(r#"value="Edda""#));
    let joined = guest
        .submit(&link, &[("name", "Edda Blum"), ("password", PASSWORD)])
        .await;
    assert_eq!(joined.location.as_deref(), Some("/console/sign-in"));
    assert_eq!(
        guest
            .submit(&link, &[("name", "Eve"), ("password", PASSWORD)])
            .await
            .status,
        404
    );
    let editor = Visitor::signed_in(&gateway, EDITOR).await;
    let page = editor.page("/console/settings").await.body;
    assert!(
        page.contains("Edda Blum") && !page.contains("Make a link"),
        "an editor invites nobody"
    );
    assert_eq!(
        editor
            .submit("/console/settings/members/invite", &wish)
            .await
            .status,
        403
    );

    // An admin makes no owners, neither at once nor by a link; a link ends with the right of who made it.
    let shown = owner.page("/console/settings").await.body;
    let role = format!("/console/settings/members/{}/role", id_of(&shown, "Edda Blum"));
    assert_eq!(owner.submit(&role, &[("role", "admin")]).await.status, 303);
    let to_owner = [("email", "max@morgenrot.example"), ("role", "owner")];
    assert_eq!(
        editor
            .submit("/console/settings/members/invite", &to_owner)
            .await
            .status,
        403
    );
    let to_viewer = [("email", "max@morgenrot.example"), ("role", "viewer")];
    let made = editor
        .submit("/console/settings/members/invite", &to_viewer)
        .await;
    let stale = format!("/console/join/{}", between(&made.body, "/console/join/", "<"));
    assert_eq!(owner.submit(&role, &[("role", "viewer")]).await.status, 303);
    assert_eq!(
        guest
            .submit(&stale, &[("name", "Max"), ("password", PASSWORD)])
            .await
            .status,
        404
    );

    // Who has an account is not asked for a name again, and keeps the one that they have.
    let known = [("email", STRANGER), ("role", "viewer")];
    let made = owner.submit("/console/settings/members/invite", &known).await;
    let link = format!("/console/join/{}", between(&made.body, "/console/join/", "<"));
    assert!(!guest.page(&link).await.body.contains(r#"name="name""#));
    let joined = guest.submit(&link, &[("password", PASSWORD)]).await;
    assert_eq!(joined.location.as_deref(), Some("/console/sign-in"));
    let members = gateway.web().ops.members(MERCHANT).await.expect("listed");
    let known = members.iter().find(|member| member.email == STRANGER);
    assert!(!known.expect("a member").name.is_empty());

    // Two days.
    let made = owner.submit("/console/settings/members/invite", &to_viewer).await;
    let old = format!("/console/join/{}", between(&made.body, "/console/join/", "<"));
    gateway.clock().advance(Duration::from_secs(48 * 3600));
    assert_eq!(guest.page(&old).await.status, 404);
}

/// The id in the form that changes the role of whom the page calls `name`.
fn id_of(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("<strong>{name}</strong>"))
        .expect("the member");
    between(rest, "/console/settings/members/", "/").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_stays_and_who_is_removed_is_out_at_once() {
    let gateway = gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let shown = owner.page("/console/settings").await.body;
    let own = format!("/console/settings/members/{}/role", id_of(&shown, "Olga Brandt"));
    let refused = owner.submit(&own, &[("role", "viewer")]).await;
    assert!(refused.status == 409 && refused.body.contains("last owner"));
    let remove = format!("/console/settings/members/{}/remove", id_of(&shown, "Vera Lind"));
    let asked = owner.page(&remove).await;
    assert!(asked.body.contains("Remove Vera Lind?") && asked.body.contains("data-alarming"));
    assert_eq!(viewer.page(&remove).await.status, 403);
    assert_eq!(viewer.page("/console/cards").await.status, 200);
    assert_eq!(owner.submit(&remove, &[]).await.status, 303);
    assert_eq!(viewer.page("/console/cards").await.status, 303, "led to sign in");
    assert_eq!(owner.submit(&remove, &[]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_and_each_code_is_good_once() {
    for_each_engine(async |store| {
        let gateway = Gateway::start(store, 0, Clock::manual(NOON), "http://127.0.0.1").await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let asked = owner.page("/console/settings/account/second-factor").await.body;
        let secret = between(&asked, r#"name="secret" value=""#, "\"").to_owned();
        let at = || gateway.clock().now().0;
        let turn_on = "/console/settings/account/second-factor";
        let wrong = owner
            .submit(turn_on, &[("secret", &secret), ("code", "000000")])
            .await;
        assert!(
            wrong.status == 400 && wrong.body.contains(&secret),
            "the same secret stays"
        );
        let on = owner
            .submit(turn_on, &[("secret", &secret), ("code", &code(&secret, at()))])
            .await;
        let recovery = between(&on.body, "<li><code>", "</code>").to_owned();
        assert!(
            owner
                .page("/console/settings/account")
                .await
                .body
                .contains("8 recovery codes")
        );

        // Whoever finds a browser signed in does not put a factor of their own in its place.
        let theirs = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let replaced = owner
            .submit(turn_on, &[("secret", theirs), ("code", &code(theirs, at()))])
            .await;
        assert!(
            replaced.status == 409 && replaced.body.contains("8 recovery codes"),
            "{}: {}",
            replaced.status,
            replaced.body
        );
        let again = owner.page(turn_on).await;
        assert_eq!(again.location.as_deref(), Some("/console/settings/account"));

        let visitor = Visitor::new(&gateway);
        let credentials = [
            ("email", OWNER),
            ("password", PASSWORD),
            ("next", "/console/messages"),
        ];
        let asked = visitor.submit("/console/sign-in", &credentials).await;
        assert!(asked.cookie.is_none(), "a password alone opens nothing");
        let ticket = between(&asked.body, r#"name="ticket" value=""#, "\"").to_owned();
        let enter = async |code: &str| {
            let fields = [
                ("ticket", ticket.as_str()),
                ("code", code),
                ("next", "/console/messages"),
            ];
            visitor.submit("/console/sign-in/code", &fields).await
        };
        // The code that turned it on is used up.
        assert_eq!(enter(&code(&secret, at())).await.status, 401);
        gateway.clock().advance(Duration::from_secs(30));
        let fresh = code(&secret, at());
        let (one, two) = tokio::join!(enter(&fresh), enter(&fresh));
        assert_eq!(
            [&one, &two].iter().filter(|page| page.cookie.is_some()).count(),
            1
        );
        assert_eq!(
            enter(&recovery.to_uppercase()).await.location.as_deref(),
            Some("/console/messages")
        );
        gateway.clock().advance(Duration::from_secs(60));
        assert_eq!(enter(&recovery).await.status, 401, "a recovery code is good once");
        gateway.clock().advance(Duration::from_secs(300));
        let late = enter(&code(&secret, at())).await;
        assert!(late.status == 401 && late.body.contains("took too long"));
        assert!(
            owner
                .page("/console/settings/account")
                .await
                .body
                .contains("7 recovery codes")
        );

        let off = "/console/settings/account/second-factor/off";
        assert_eq!(owner.submit(off, &[("code", "123456")]).await.status, 400);
        assert_eq!(
            owner.submit(off, &[("code", &code(&secret, at()))]).await.status,
            303
        );
        assert!(
            visitor
                .submit("/console/sign-in", &credentials)
                .await
                .cookie
                .is_some()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_a_code_are_limited_wherever_they_come_from() {
    let gateway = gateway(0).await;
    let account = gateway
        .web()
        .ops
        .session(Visitor::signed_in(&gateway, OWNER).await.token())
        .await
        .expect("read")
        .expect("a session")
        .account;
    let now = gateway.clock().now();
    let ticket = gateway
        .web()
        .master
        .password_ticket(account, now.plus(Duration::from_secs(200)));
    let mut answers = Vec::new();
    for _ in 0..8 {
        let guess = [("ticket", ticket.as_str()), ("code", "123456")];
        answers.push(
            Visitor::new(&gateway)
                .submit("/console/sign-in/code", &guess)
                .await
                .status,
        );
    }
    assert_eq!(answers.first(), Some(&401));
    assert_eq!(answers.last(), Some(&429));
}

/// The answers to eight tries, one after the other.
async fn eight_tries(visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Vec<u16> {
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(visitor.submit(path, fields).await.status);
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_was_left_signed_in_is_no_place_to_guess() {
    let gateway = gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let turn_on = "/console/settings/account/second-factor";
    let asked = owner.page(turn_on).await.body;
    let secret = between(&asked, r#"name="secret" value=""#, "\"").to_owned();
    let right = code(&secret, gateway.clock().now().0);
    let on = owner
        .submit(turn_on, &[("secret", &secret), ("code", &right)])
        .await;
    assert_eq!(on.status, 200);
    let off = "/console/settings/account/second-factor/off";
    let answers = eight_tries(&owner, off, &[("code", "123456")]).await;
    assert_eq!((answers[0], answers[7]), (400, 429), "{answers:?}");
    let old = [("old", "not the password"), ("new", "another long one")];
    let answers = eight_tries(&owner, "/console/settings/account/password", &old).await;
    assert_eq!((answers[0], answers[7]), (400, 429), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_taken_stays_in_its_field() {
    let gateway = gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let long = "Olga ".repeat(30);
    let refused = owner
        .submit("/console/settings/account/name", &[("name", &long)])
        .await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains(&format!(r#"value="{long}""#)),
        "{}",
        refused.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_listed_and_signed_out_one_by_one_or_all() {
    let gateway = gateway(0).await;
    let (here, there) = (
        Visitor::signed_in(&gateway, OWNER).await,
        Visitor::signed_in(&gateway, OWNER).await,
    );
    let third = Visitor::signed_in(&gateway, OWNER).await;
    let stranger = Visitor::signed_in(&gateway, STRANGER).await;
    let page = here.page("/console/settings/account").await.body;
    assert_eq!(page.matches("This browser").count(), 1);
    assert_eq!(page.matches(r#"name="session""#).count(), 2, "not this one");
    let session = between(&page, r#"name="session" value=""#, "\"");
    let end = "/console/settings/account/sessions/end";
    stranger.submit(end, &[("session", session)]).await;
    assert!(
        third.page("/console/cards").await.status == 200 && there.page("/console/cards").await.status == 200
    );
    assert_eq!(here.submit(end, &[("session", session)]).await.status, 303);
    let alive = async || {
        let mut count = 0;
        for visitor in [&there, &third] {
            count += usize::from(visitor.page("/console/cards").await.status == 200);
        }
        count
    };
    assert_eq!(alive().await, 1);
    here.submit("/console/settings/account/sessions/end-others", &[])
        .await;
    assert_eq!(alive().await, 0);
    assert_eq!(here.page("/console/cards").await.status, 200);

    // A new password leaves only this browser signed in.
    let again = Visitor::signed_in(&gateway, OWNER).await;
    let change = "/console/settings/account/password";
    let wrong = here
        .submit(
            change,
            &[("old", "not the password"), ("new", "another long one")],
        )
        .await;
    assert!(wrong.status == 400 && wrong.body.contains("not your current password"));
    let done = here
        .submit(change, &[("old", PASSWORD), ("new", "another long one")])
        .await;
    assert_eq!(done.status, 303);
    assert_eq!(again.page("/console/cards").await.status, 303);
    assert_eq!(here.page("/console/cards").await.status, 200);
    let old = [("email", OWNER), ("password", PASSWORD)];
    assert_eq!(again.submit("/console/sign-in", &old).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_looks_at_one_of_its_merchants_at_a_time() {
    for_each_engine(async |store| {
        let gateway = Gateway::start(store, 1, Clock::manual(NOON), "http://127.0.0.1").await;
        let ops = &gateway.web().ops;
        let wrong = SecretString::from("not the password");
        let taken = ops
            .add_member(OTHER_MERCHANT, "Eve", OWNER, Role::Owner, &wrong)
            .await;
        assert!(taken.is_err(), "an account is joined with its own password");
        let password = SecretString::from(PASSWORD);
        ops.add_member(OTHER_MERCHANT, "Olga Brandt", OWNER, Role::Viewer, &password)
            .await
            .expect("another membership");
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let page = owner.page("/console/settings/account").await.body;
        assert!(
            page.contains("Elsewhere") && page.contains("Switch merchant"),
            "{page}"
        );
        let switch = "/console/settings/account/merchant";
        assert_eq!(
            owner
                .submit(switch, &[("merchant", &OTHER_MERCHANT.to_string())])
                .await
                .status,
            303
        );
        let there = owner.page("/console/settings").await.body;
        assert!(
            there.contains("Elsewhere") && !there.contains("Make a link"),
            "a viewer there"
        );
        // The next sign-in leads to where they were last.
        let again = Visitor::signed_in(&gateway, OWNER).await;
        assert!(again.page("/console/settings").await.body.contains("Elsewhere"));
        let stranger = Visitor::signed_in(&gateway, STRANGER).await;
        assert_eq!(
            stranger
                .submit(switch, &[("merchant", &MERCHANT.to_string())])
                .await
                .status,
            404
        );
        // Leaving one merchant ends the sessions there, and the account goes on at the other.
        let member = ops
            .member_by_email(OTHER_MERCHANT, OWNER)
            .await
            .expect("read")
            .expect("a member");
        ops.remove_member(OTHER_MERCHANT, None, member)
            .await
            .expect("removed");
        assert_eq!(owner.page("/console/cards").await.status, 303);
        let home = Visitor::signed_in(&gateway, OWNER).await;
        assert!(
            home.page("/console/settings")
                .await
                .body
                .contains("Café Morgenrot")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_speaks_the_language_that_was_chosen() {
    let gateway = gateway(1).await;
    let german = Visitor::signed_in(&gateway, OWNER)
        .await
        .speaking("de-AT,de;q=0.9");
    let page = german.page("/console/settings").await.body;
    assert!(
        page.contains(r#"<html lang="de""#) && page.contains("Mitglied einladen"),
        "{page}"
    );
    let english = Visitor::signed_in(&gateway, OWNER).await;
    assert!(
        english
            .page("/console/settings")
            .await
            .body
            .contains("Invite a member")
    );
    let chosen = english.submit("/console/language", &[("language", "de")]).await;
    assert!(chosen.cookie.expect("a cookie").starts_with("language=de"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_to_a_gateway_that_nobody_owns() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = Gateway::empty(store, Clock::manual(NOON)).await;
    let tried = Visitor::new(&gateway)
        .submit("/console/sign-in", &[("email", OWNER), ("password", PASSWORD)])
        .await;
    assert_eq!(tried.status, 401);
}
