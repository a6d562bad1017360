//! What can be done with a card: once, with what was typed kept, and with a sentence where it cannot be done.

use passgate::domain::card::CardStatus;
use passgate::domain::event::Actor;
use passgate::domain::id::{CardId, ProgramId};
use passgate::domain::money::Currency;
use passgate::domain::profile::Field;
use passgate::domain::program::{CouponRules, PointsRules, PricedReward, Purchase, Rules, Scheme};
use passgate::ops::customers::{Added, NewPerson};
use passgate::ops::setup::NewProgram;

use super::NOON;
use super::gateway;
use super::sample::{MERCHANT, OWNER, SCAN, card, happen};
use super::visitor::{Gateway, Page, Visitor, hidden};

/// The two fields that every form of a card carries.
struct Seen {
    version: String,
    seen: String,
}

impl Seen {
    fn of(page: &Page) -> Self {
        Self {
            version: hidden(&page.body, "version"),
            seen: hidden(&page.body, "seen"),
        }
    }

    fn with<'f>(&'f self, fields: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
        let mut all = vec![("version", self.version.as_str()), ("seen", self.seen.as_str())];
        all.extend_from_slice(fields);
        all
    }
}

async fn program(gateway: &Gateway, name: &str, rules: Rules) -> ProgramId {
    let new = NewProgram {
        name: name.to_owned(),
        template: "coffee".to_owned(),
        pass_type_identifier: passgate::domain::id::PassTypeIdentifier::parse("pass.example.morgenrot")
            .expect("a pass type"),
        reward_name: "A croissant".to_owned(),
        rules,
    };
    let made = gateway.web().ops.create_program(MERCHANT, new).await;
    made.expect("a program")
}

pub(super) async fn holder(gateway: &Gateway, program: ProgramId, email: &str) -> CardId {
    let ops = &gateway.web().ops;
    let typed = [
        (Field::FirstName, "Greta".to_owned()),
        (Field::Email, email.to_owned()),
    ];
    let profile = ops.read_profile(MERCHANT, &typed).await.expect("a profile");
    let person = NewPerson {
        profile,
        program: Some(program),
        answers: Vec::new(),
    };
    match ops.add_customer(MERCHANT, person, Actor::Gateway).await {
        Ok(Added::New { card: Some(card), .. }) => card.card.id,
        other => panic!("expected a card; got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_says_what_was_paid_or_that_nobody_knows() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}", card(6));
    let form = owner.page(&format!("{path}/redeem")).await;
    assert!(
        form.body.contains("Purchase amount in EUR") && form.body.contains("unknown, not zero"),
        "{}",
        form.body
    );
    let seen = Seen::of(&form);
    for wrong in ["-3", "lots", "3.505", "99999999999"] {
        let answer = owner
            .submit(&format!("{path}/redeem"), &seen.with(&[("amount", wrong)]))
            .await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(
            answer.body.contains("Write an amount like")
                && answer.body.contains(&format!(r#"value="{wrong}""#)),
            "{}",
            answer.body
        );
    }
    let done = owner
        .submit(&format!("{path}/redeem"), &seen.with(&[("amount", "3,50")]))
        .await;
    assert_eq!(
        done.location.as_deref(),
        Some(format!("{path}?done=redeemed").as_str())
    );
    let after = owner.page(&path).await.body;
    assert!(after.contains("3.50 EUR"), "{after}");
    let history = owner.page(&format!("{path}/timeline")).await.body;
    assert!(
        history.contains("Reward redeemed")
            && history.contains("paid 3.50 EUR")
            && history.contains("Olga Brandt"),
        "{history}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_is_redeemed_once_and_asks_for_the_amount() {
    let gateway = gateway(0).await;
    let mut rules = Rules::new(Scheme::Coupon(CouponRules {
        redeem_at_till: false,
        linked: None,
    }))
    .expect("rules");
    rules.purchase = Purchase {
        currency: Currency::EUR,
        required: true,
        minimum: None,
    };
    let coupon = program(&gateway, "Welcome", rules).await;
    let card = holder(&gateway, coupon, "greta@mail.example").await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{card}");
    let overview = owner.page(&path).await.body;
    assert!(
        overview.contains("Redeem coupon")
            && overview.contains("Can be redeemed")
            && !overview.contains("Punches<"),
        "{overview}"
    );
    let form = owner.page(&format!("{path}/redeem")).await;
    let seen = Seen::of(&form);
    let without = owner.submit(&format!("{path}/redeem"), &seen.with(&[])).await;
    assert_eq!(without.status, 400);
    assert!(without.body.contains("asks for the amount"), "{}", without.body);
    let redeem = format!("{path}/redeem");
    let fields = seen.with(&[("amount", "12")]);
    let (one, other) = tokio::join!(owner.submit(&redeem, &fields), owner.submit(&redeem, &fields));
    let mut answers = [one.status, other.status];
    answers.sort_unstable();
    assert_eq!(answers, [303, 409]);
    let told = if one.status == 409 { one } else { other };
    assert!(
        told.body.contains("already redeemed on 15 June 2026 at 12:00") && told.body.contains("Olga Brandt"),
        "{}",
        told.body
    );
    let after = owner.page(&path).await.body;
    assert!(
        after.contains("Redeemed") && after.contains("12.00 EUR"),
        "{after}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_is_changed_as_it_was_previewed_and_only_once() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}", card(6));
    let balance = format!("{path}/balance");
    let form = owner.page(&balance).await;
    let seen = Seen::of(&form);
    let held: i64 = form
        .body
        .split_once("Now ")
        .and_then(|(_, rest)| rest.split(',').next()?.parse().ok())
        .expect("the punches held");
    let (more, less) = ((held + 10).to_string(), (held - 1).to_string());

    let unsaid = owner
        .submit(&balance, &seen.with(&[("number", "many"), ("reason", "")]))
        .await;
    assert_eq!(unsaid.status, 400);
    assert!(
        unsaid.body.contains("whole number") && unsaid.body.contains("Give a reason"),
        "{}",
        unsaid.body
    );
    let refused = owner
        .submit(
            &balance,
            &seen.with(&[("number", "-4"), ("reason", "wrong card")]),
        )
        .await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("cannot be below 0"), "{}", refused.body);

    let preview = owner
        .submit(&balance, &seen.with(&[("number", &more), ("reason", "birthday")]))
        .await;
    assert_eq!(preview.status, 200);
    assert!(
        preview.body.contains("This will happen") && preview.body.contains("1 reward becomes ready"),
        "{}",
        preview.body
    );
    // Another number than the one that was shown is shown first.
    let other = [
        ("number", less.as_str()),
        ("reason", "birthday"),
        ("shown", &more),
        ("step", "apply"),
    ];
    let again = owner.submit(&balance, &seen.with(&other)).await;
    assert_eq!(again.status, 200);
    assert!(again.body.contains("This will happen"), "{}", again.body);

    let apply = [
        ("number", more.as_str()),
        ("reason", "birthday"),
        ("shown", &more),
        ("step", "apply"),
    ];
    let fields = seen.with(&apply);
    let (one, two) = tokio::join!(owner.submit(&balance, &fields), owner.submit(&balance, &fields));
    let mut answers = [one.status, two.status];
    answers.sort_unstable();
    assert_eq!(answers, [303, 409], "one is done, the other told so");
    let after = owner.page(&format!("{path}?done=adjusted")).await.body;
    assert!(
        after.contains("Balance changed.") && after.contains("Undo"),
        "{after}"
    );
    let history = owner.page(&format!("{path}/timeline")).await.body;
    assert!(
        history.contains("+10 punches") && history.contains("birthday"),
        "{history}"
    );

    let undo = Seen::of(&owner.page(&path).await);
    let event = hidden(&after, "event");
    let back = owner
        .submit(&format!("{path}/reverse"), &undo.with(&[("event", &event)]))
        .await;
    assert_eq!(
        back.location.as_deref(),
        Some(format!("{path}?done=reversed").as_str())
    );
    let now = owner.page(&balance).await.body;
    assert!(now.contains(&format!("Now {held},")), "{now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn points_are_exchanged_and_never_overdrawn() {
    let gateway = gateway(0).await;
    let reward = |code: &str, points| PricedReward {
        code: code.to_owned(),
        name: format!("A {code}"),
        points,
    };
    let rules = Rules::new(Scheme::Points(PointsRules {
        per_visit: 10,
        per_amount: None,
        overdraw: 0,
        rewards: vec![reward("tea", 20), reward("cake", 50)],
    }))
    .expect("rules");
    let program = program(&gateway, "Points", rules).await;
    let card = holder(&gateway, program, "greta@mail.example").await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{card}");
    let seen = Seen::of(&owner.page(&format!("{path}/balance")).await);
    let give = [
        ("number", "30"),
        ("reason", "gift"),
        ("shown", "30"),
        ("step", "apply"),
    ];
    assert_eq!(
        owner
            .submit(&format!("{path}/balance"), &seen.with(&give))
            .await
            .status,
        303
    );
    let form = owner.page(&format!("{path}/redeem")).await;
    assert!(
        form.body.contains("A cake: 50 points, not covered yet"),
        "{}",
        form.body
    );
    let seen = Seen::of(&form);
    let dear = owner
        .submit(&format!("{path}/redeem"), &seen.with(&[("reward", "cake")]))
        .await;
    assert_eq!(dear.status, 409);
    assert!(dear.body.contains("costs 50 points"), "{}", dear.body);
    let tea = owner
        .submit(&format!("{path}/redeem"), &seen.with(&[("reward", "tea")]))
        .await;
    assert_eq!(tea.status, 303);
    let seen = Seen::of(&owner.page(&format!("{path}/balance")).await);
    let take = [
        ("number", "-11"),
        ("reason", "oops"),
        ("shown", "-11"),
        ("step", "apply"),
    ];
    let overdrawn = owner.submit(&format!("{path}/balance"), &seen.with(&take)).await;
    assert_eq!(overdrawn.status, 409);
    assert!(
        overdrawn.body.contains("overdraw") && overdrawn.body.contains(r#"value="-11""#),
        "{}",
        overdrawn.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_moved_confirmed_and_undone() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}", card(6));
    let expiry = format!("{path}/expiry");
    let form = owner.page(&expiry).await;
    assert!(form.body.contains("Europe/Berlin"), "{}", form.body);
    let seen = Seen::of(&form);
    let unreadable = owner.submit(&expiry, &seen.with(&[("day", "soon")])).await;
    assert_eq!(unreadable.status, 400);
    // The box of a card without an end is ticked: a browser sends it along with the day that was written.
    assert!(
        form.body
            .contains(r#"name="never" value="1" data-instead="day" checked"#),
        "{}",
        form.body
    );
    let day = [("day", "2026-12-24"), ("never", "1")];
    let moved = owner.submit(&expiry, &seen.with(&day)).await;
    assert_eq!(
        moved.location.as_deref(),
        Some(format!("{path}?done=expiry-never").as_str())
    );
    let after = owner.page(&format!("{path}?done=expiry-never")).await.body;
    assert!(
        after.contains("Expiration changed.") && after.contains(r#"name="never" value="1""#),
        "{after}"
    );
    assert!(after.contains("24 Dec"), "{after}");

    let stale = owner.submit(&expiry, &seen.with(&[("day", "2027-01-01")])).await;
    assert_eq!(stale.status, 409);
    assert!(stale.body.contains("This card has changed"), "{}", stale.body);

    let seen = Seen::of(&owner.page(&expiry).await);
    let both = [("day", "2027-01-01"), ("never", "1")];
    let both = owner.submit(&expiry, &seen.with(&both)).await;
    assert!(
        both.status == 400 && both.body.contains("Choose one of both"),
        "{}",
        both.body
    );
    assert_eq!(
        owner.submit(&expiry, &seen.with(&day)).await.status,
        303,
        "no end again"
    );
    assert!(owner.page(&path).await.body.contains("Does not expire"));

    let seen = Seen::of(&owner.page(&expiry).await);
    let past = owner.submit(&expiry, &seen.with(&[("day", "2026-01-01")])).await;
    assert_eq!(past.status, 409);
    assert!(past.body.contains("ends now"), "{}", past.body);
    let confirmed = seen.with(&[("day", "2026-01-01"), ("confirmed", "1")]);
    assert_eq!(owner.submit(&expiry, &confirmed).await.status, 303);
    let ended = owner.page(&path).await.body;
    assert!(
        ended.contains("Expired on") && !ended.contains("Redeem reward"),
        "{ended}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_says_that_the_card_stays_on_the_phone_and_can_be_taken_back() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}", card(6));
    let form = owner.page(&format!("{path}/end")).await;
    assert!(form.body.contains("not removed from the phone"), "{}", form.body);
    let seen = Seen::of(&form);
    let ended = owner.submit(&format!("{path}/end"), &seen.with(&[])).await;
    assert_eq!(ended.status, 303);
    let after = owner.page(&format!("{path}?done=ended")).await.body;
    assert!(after.contains("Card ended.") && after.contains("Undo"), "{after}");
    assert!(
        !after.contains("Send push") && !after.contains("Redeem reward"),
        "{after}"
    );
    // The end once more: it has ended already, and the page says what happened.
    let again = owner.submit(&format!("{path}/end"), &seen.with(&[])).await;
    assert_eq!(again.status, 409);
    assert!(again.body.contains("Card ended"), "{}", again.body);
    let seen = Seen::of(&owner.page(&path).await);
    assert_eq!(
        owner
            .submit(&format!("{path}/restore"), &seen.with(&[]))
            .await
            .status,
        303
    );
    let back = owner.page(&path).await.body;
    assert!(back.contains("Installed") && back.contains("End card"), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_sent_again_to_a_masked_address_and_not_twice() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}/letter", card(6));
    let form = owner.page(&path).await;
    assert!(
        form.body.contains("l•••@mail.example") || form.body.contains("s•••@mail.example"),
        "{}",
        form.body
    );
    assert!(!form.body.contains("6@mail.example"), "{}", form.body);
    let seen = Seen::of(&form);
    let fields = seen.with(&[]);
    let (one, two) = tokio::join!(owner.submit(&path, &fields), owner.submit(&path, &fields));
    let mut answers = [one.status, two.status];
    answers.sort_unstable();
    assert_eq!(answers, [303, 409], "two clicks are one letter");
    let later = owner.page(&path).await.body;
    assert!(
        later.contains("the next may go in 24 hours") && later.contains("disabled"),
        "{later}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_written_looked_at_and_sent_once() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}", card(6));
    let push = format!("{path}/push");
    let form = owner.page(&push).await.body;
    assert!(
        form.contains("Apple lock screen") && form.contains("Café Morgenrot") && form.contains("Your text"),
        "{form}"
    );
    for (text, at, said, field) in [
        ("see https://example.com", "", "belongs into the link", "text"),
        ("Hello", "2020-01-01T10:00", "still to come", "at"),
        ("Hello", "tomorrow", "Write a date and time", "at"),
        ("", "", "1 to 500 characters", "text"),
    ] {
        let wrong = owner
            .submit(&push, &[("text", text), ("at", at), ("class", "reward")])
            .await;
        assert_eq!(wrong.status, 400);
        assert!(
            wrong.body.contains(said) && wrong.body.contains(text),
            "{}",
            wrong.body
        );
        assert!(
            wrong.body.matches("aria-invalid").count() == 1
                && wrong.body.contains(&format!(r#"id="{field}-problem""#)),
            "{field}: {}",
            wrong.body
        );
    }
    let fields = [
        ("text", "Your <b>table</b> is ready"),
        ("class", "reward"),
        ("at", ""),
    ];
    let written = owner.submit(&push, &fields).await;
    let next = written.location.expect("a forecast");
    let ahead = owner.page(&next).await;
    assert!(
        ahead.body.contains("What will become of it") && ahead.body.contains("&lt;b&gt;table"),
        "{}",
        ahead.body
    );
    let (version, recipients) = (hidden(&ahead.body, "version"), hidden(&ahead.body, "recipients"));
    let sent = [("version", version.as_str()), ("recipients", recipients.as_str())];
    assert_eq!(recipients, "1");
    let first = owner.submit(&next, &sent).await;
    assert_eq!(
        first.location.as_deref(),
        Some(format!("{path}?done=message").as_str())
    );
    let second = owner.submit(&next, &sent).await;
    assert_eq!(second.status, 303, "the second click sends nothing else");
    let list = owner.page("/console/messages").await.body;
    assert_eq!(list.matches("is ready").count(), 1, "{list}");
    // Another card's page does not lead to it.
    let elsewhere = next.replace(&card(6).to_string(), &card(5).to_string());
    assert_eq!(owner.page(&elsewhere).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_far_too_long_ends_in_a_page_with_the_way_back() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let notes = format!("/console/cards/{}/notes", card(6));
    let pasted = "x".repeat(10 * 1024 * 1024);
    let answer = owner.submit_on(&notes, &notes, &[("text", &pasted)]).await;
    assert_eq!(answer.status, 413);
    assert!(
        answer.body.contains("nothing was saved") && answer.body.contains(&format!(r#"href="{notes}""#)),
        "{}",
        answer.body
    );
    let page = owner.page(&notes).await.body;
    assert!(page.contains("No notes yet."), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_form_shows_what_happened_and_does_nothing() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let path = format!("/console/cards/{}", card(6));
    let seen = Seen::of(&owner.page(&format!("{path}/balance")).await);
    happen(gateway.web(), card(6), SCAN, NOON).await;
    let fields = [
        ("number", "0"),
        ("reason", "mistake"),
        ("shown", "0"),
        ("step", "apply"),
    ];
    let stale = owner
        .submit(&format!("{path}/balance"), &seen.with(&fields))
        .await;
    assert_eq!(stale.status, 409);
    assert!(
        stale.body.contains("This card has changed") && stale.body.contains("Barcode scanned"),
        "{}",
        stale.body
    );
    let read = gateway.web().ops.profile(MERCHANT, card(6)).await;
    let now = read.expect("read").expect("a card").card.card;
    assert!(now.punches > 0 && now.status == CardStatus::Installed, "{now:?}");
}
