//! The pages by which people join, as a visitor's browser asks for them, and the console's pages that share them.

mod browser;
mod holder;
mod sharing;
mod words;

use std::time::Duration;

use passgate::domain::code::Gift;
use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::id::{CardId, ProgramId};
use passgate::domain::join::{Admission, Arrival, JoinForm};
use passgate::ops::codes::NewBatch;
use passgate::web::public::card_link;
use passgate::web::public::join::join_link;

use super::gateway;
use super::sample::{MERCHANT, OTHER_MERCHANT, OWNER};
use super::visitor::{Gateway, Page, Visitor, hidden};

const COFFEE: ProgramId = ProgramId(1);

pub(super) fn path() -> String {
    join_link("", MERCHANT, COFFEE, &Arrival::default())
}

pub(super) async fn admit(gateway: &Gateway, admission: Admission, form: JoinForm) {
    let ops = &gateway.web().ops;
    let sheet = ops.join_page(MERCHANT, COFFEE, None).await.expect("read");
    let seen = sheet.expect("a program").page.version;
    let set = ops.set_join_page(MERCHANT, COFFEE, seen, (admission, form));
    set.await.expect("set");
}

async fn open(cards: i64) -> Gateway {
    let gateway = gateway(cards).await;
    admit(&gateway, Admission::Open, JoinForm::default()).await;
    gateway
}

async fn code(gateway: &Gateway, gift: Gift) -> String {
    let new = NewBatch {
        program: COFFEE,
        label: "Flyer".into(),
        gift,
        count: 1,
        max_uses: 1,
        expires_at: None,
    };
    let ops = &gateway.web().ops;
    let batch = ops.make_codes(MERCHANT, new, None).await.expect("made");
    let codes = ops.codes(MERCHANT, batch.id, "").await.expect("read");
    codes[0].code.clone()
}

fn holder_page(gateway: &Gateway, card: CardId) -> String {
    card_link("", &gateway.web().master, MERCHANT, card)
}

/// Fills in the form as it was read, ticket and all.
async fn join(visitor: &Visitor, query: &str, fields: &[(&str, &str)]) -> Page {
    let at = format!("{}{query}", path());
    let form = visitor.page(&at).await;
    assert_eq!(form.status, 200, "{}", form.body);
    let ticket = hidden(&form.body, "ticket");
    let mut all = vec![("ticket", ticket.as_str())];
    all.extend_from_slice(fields);
    visitor.submit(&path(), &all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_joins_and_is_shown_their_card() {
    let gateway = open(0).await;
    let visitor = Visitor::new(&gateway);
    let form = visitor.page(&path()).await;
    assert_eq!(form.status, 200);
    for said in [
        "Café Morgenrot",
        "Coffee card",
        "Collect 10 stamps and get: Free coffee",
        "Get my card",
    ] {
        assert!(form.body.contains(said), "{said} in {}", form.body);
    }
    assert!(
        !form.body.contains("checked"),
        "nothing is agreed to before anybody did"
    );
    let policy = form.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'"));
    assert_eq!(form.header("cache-control"), "no-store");
    for inline in [" style=", " onclick=", "<style", "<script", "javascript:"] {
        assert!(!form.body.contains(inline), "{inline} in {}", form.body);
    }
    let ada = [("first_name", "Ada"), ("email", "ada@joins.example")];
    let joined = join(&visitor, "", &ada).await;
    assert_eq!(joined.status, 303, "{}", joined.body);
    let location = joined.location.expect("the card");
    assert!(location.starts_with(&format!("/card/{MERCHANT}/")) && location.ends_with("?done=joined"));
    let page = visitor.page(&location).await;
    assert_eq!(page.status, 200);
    for said in ["Welcome!", "0 of 10", "QR code of your card", "I have a code"] {
        assert!(page.body.contains(said), "{said} in {}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_what_was_typed_and_names_the_field() {
    let gateway = open(0).await;
    let ops = &gateway.web().ops;
    let field = CustomField {
        code: FieldCode::parse("milk").expect("a code"),
        label: "Milk".to_owned(),
        kind: FieldKind::Choice(vec!["Oat".to_owned(), "Cow".to_owned()]),
        required: true,
        position: 0,
    };
    ops.add_field(MERCHANT, COFFEE, field).await.expect("a field");
    let visitor = Visitor::new(&gateway);
    let text = hidden_box(&visitor.page(&path()).await.body);
    let sent = |email: &'static str, milk: &'static str| {
        vec![
            ("first_name", "<b>עדה</b>"),
            ("email", email),
            ("field:milk", milk),
            ("agree:marketing", text.as_str()),
        ]
    };
    for (email, milk, reason, field) in [
        ("ada at joins", "Oat", "An email address looks like", "email"),
        ("", "Oat", "Please fill this in.", "email"),
        ("ada@joins.example", "", "Please fill this in.", "field:milk"),
    ] {
        let refused = join(&visitor, "?utm_source=flyer", &sent(email, milk)).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(refused.body.contains(reason), "{reason} in {}", refused.body);
        assert!(
            refused
                .body
                .contains(&format!(r#"aria-describedby="{field}-problem""#)),
            "{}",
            refused.body
        );
        assert!(refused.body.contains("&lt;b&gt;עדה&lt;/b&gt;") && refused.body.contains("checked"));
    }
    let strange = join(&visitor, "", &sent("ada@joins.example", "Soy")).await;
    assert_eq!(strange.status, 400, "{}", strange.body);
    assert_eq!(
        join(&visitor, "", &sent("ada@joins.example", "oat")).await.status,
        303
    );
}

/// The value of the box about marketing: the name of its words.
fn hidden_box(page: &str) -> String {
    let (_, rest) = page
        .split_once(r#"name="agree:marketing" value=""#)
        .expect("a box");
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_agreed_to_are_the_words_that_stood_there() {
    let gateway = open(0).await;
    let visitor = Visitor::new(&gateway);
    let german = Visitor::new(&gateway).speaking("de-AT");
    let english_words = hidden_box(&visitor.page(&path()).await.body);
    let ada = [
        ("first_name", "Ada"),
        ("email", "ada@joins.example"),
        ("agree:marketing", english_words.as_str()),
    ];
    // Ticked beside other words than the page shows now: shown again, unticked.
    let other = join(&german, "", &ada).await;
    assert_eq!(other.status, 409, "{}", other.body);
    assert!(
        !other.body.contains("checked") && other.body.contains(r#"value="Ada""#),
        "{}",
        other.body
    );
    assert!(
        other.body.contains("Diese Seite war lange offen"),
        "{}",
        other.body
    );
    assert_eq!(join(&visitor, "", &ada).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_for_nobody_say_so_politely_in_both_languages() {
    let gateway = gateway(0).await;
    let visitor = Visitor::new(&gateway);
    // Nobody has opened the page yet: with a code alone.
    let form = visitor.page(&path()).await;
    assert!(form.body.contains(r#"name="code""#), "{}", form.body);
    let refused = join(
        &visitor,
        "",
        &[("first_name", "Ada"), ("email", "ada@joins.example")],
    )
    .await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("joined with a code"), "{}", refused.body);

    admit(&gateway, Admission::Closed, JoinForm::default()).await;
    let closed = visitor.page(&path()).await;
    assert_eq!(closed.status, 404);
    assert!(
        closed.body.contains("No new cards at the moment"),
        "{}",
        closed.body
    );
    let sent = visitor
        .submit(&path(), &[("first_name", "Ada"), ("email", "ada@joins.example")])
        .await;
    assert_eq!(sent.status, 404);
    let closed = visitor.page_in(&path(), "de").await;
    assert!(closed.body.contains(r#"lang="de""#) && closed.body.contains("Zurzeit keine neuen Karten"));

    let nowhere = ProgramId(77);
    for wrong in [
        join_link("", MERCHANT, nowhere, &Arrival::default()),
        join_link("", OTHER_MERCHANT, nowhere, &Arrival::default()),
        format!("/join/{MERCHANT}/x"),
        "/join/%FF%FE/%00".to_owned(),
        format!("/join/{}/1", "x".repeat(3000)),
    ] {
        let page = visitor.page(&wrong).await;
        assert!([400, 404].contains(&page.status), "{wrong}: {}", page.status);
        assert!(page.body.starts_with("<!DOCTYPE html>"), "{wrong}: {}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_gets_one_sentence_whatever_was_known() {
    let gateway = open(3).await;
    let visitor = Visitor::new(&gateway);
    let known = [
        [
            ("first_name", "Mallory"),
            ("email", "marta1@mail.example"),
            ("phone", ""),
        ],
        [
            ("first_name", "Mallory"),
            ("email", "m@mail.example"),
            ("phone", "+49 30 12345678"),
        ],
    ];
    let made = [
        ("first_name", "Ada"),
        ("email", "ada@joins.example"),
        ("phone", "+493012345678"),
    ];
    assert_eq!(join(&visitor, "", &made).await.status, 303);
    gateway
        .web()
        .ops
        .do_chores_named(&["bring_customers_into_form"])
        .await
        .expect("chores");
    let mut said = Vec::new();
    for fields in &known {
        let answer = join(&visitor, "", fields).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(
            answer.body.contains("You may have a card already") && !answer.body.contains("/card/0"),
            "{}",
            answer.body
        );
        said.push(answer.body);
    }
    assert_eq!(said[0], said[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_good_for_one_card_and_for_a_day() {
    let gateway = open(0).await;
    let visitor = Visitor::new(&gateway);
    let form = visitor.page(&path()).await;
    let ticket = hidden(&form.body, "ticket");
    let sent = |ticket: &str| {
        let ticket = ticket.to_owned();
        let visitor = &visitor;
        async move {
            let fields = [
                ("ticket", ticket.as_str()),
                ("first_name", "Ada"),
                ("email", "ada@joins.example"),
            ];
            visitor.submit(&path(), &fields).await
        }
    };
    for forged in ["", "x", &ticket[1..], &ticket.replace('.', "..")] {
        let refused = sent(forged).await;
        assert_eq!(refused.status, 409, "{forged}");
        assert!(refused.body.contains("send it once more") && refused.body.contains(r#"value="Ada""#));
    }
    let (first, second) = tokio::join!(sent(&ticket), sent(&ticket));
    assert_eq!((first.status, &first.location), (303, &second.location));
    gateway.clock().advance(Duration::from_secs(25 * 3600));
    assert_eq!(sent(&ticket).await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_forms_get_a_sentence_and_nothing_happens() {
    let gateway = open(0).await;
    let visitor = Visitor::new(&gateway);
    let long = "x".repeat(300);
    let refused = join(
        &visitor,
        "",
        &[("first_name", &long), ("email", "ada@joins.example")],
    )
    .await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("at most 100 characters") && refused.body.contains(&long));
    let control = join(
        &visitor,
        "",
        &[("first_name", "A\u{202e}da\0"), ("email", "ada@joins.example")],
    )
    .await;
    assert_eq!(control.status, 400, "{}", control.body);
    let huge = "x".repeat(10 << 20);
    let answer = visitor.submit(&path(), &[("first_name", &huge)]).await;
    assert_eq!(answer.status, 413);
    assert!(
        answer.body.contains("too long, so nothing was done"),
        "{}",
        answer.body
    );
    let foreign = visitor
        .submit_from(&path(), "cross-site", "https://evil.example")
        .await;
    assert_eq!(foreign.status, 403);
    let people = gateway.web().ops.find_customers(MERCHANT, "ada", None, 10).await;
    assert!(people.expect("read").expect("a query").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_held_up_and_loses_nothing_that_it_typed() {
    let gateway = open(0).await;
    let visitor = Visitor::new(&gateway);
    let mut held = None;
    for number in 0..40 {
        let email = format!("bot{number}@joins.example");
        let answer = join(&visitor, "", &[("first_name", "Bot"), ("email", &email)]).await;
        if answer.status == 429 {
            held = Some((number, answer.body));
            break;
        }
        assert_eq!(answer.status, 303);
    }
    let (number, body) = held.expect("held up");
    assert_eq!(number, 30);
    assert!(
        body.contains("Please wait a minute") && body.contains("bot30@joins.example"),
        "{body}"
    );
    gateway.clock().advance(Duration::from_secs(31));
    let later = join(
        &visitor,
        "",
        &[("first_name", "Ada"), ("email", "ada@joins.example")],
    )
    .await;
    assert_eq!(later.status, 303);
    // Signing in is counted by itself.
    assert!(!Visitor::signed_in(&gateway, OWNER).await.token().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_code_is_prefilled_and_a_used_one_says_when() {
    let gateway = gateway(0).await;
    let code = code(&gateway, Gift::Join).await;
    let visitor = Visitor::new(&gateway);
    let query = format!("?code={code}");
    let form = visitor.page(&format!("{}{query}", path())).await;
    assert!(form.body.contains(&format!(r#"value="{code}""#)), "{}", form.body);
    let fields = |email: &'static str| [("first_name", "Ada"), ("email", email), ("code", code.as_str())];
    assert_eq!(
        join(&visitor, &query, &fields("ada@joins.example")).await.status,
        303
    );
    let used = join(&visitor, &query, &fields("bob@joins.example")).await;
    assert_eq!(used.status, 409);
    assert!(
        used.body
            .contains("already used, first on 15 June 2026 at 12:00."),
        "{}",
        used.body
    );
    let german = Visitor::new(&gateway).speaking("de");
    let used = join(&german, &query, &fields("bob@joins.example")).await;
    assert!(
        used.body.contains("zuerst am 15. Juni 2026 um 12:00."),
        "{}",
        used.body
    );
    for typed in ["abc", "UUUU-UUUU-UUUU"] {
        let wrong = join(
            &visitor,
            "",
            &[
                ("first_name", "Ada"),
                ("email", "x@joins.example"),
                ("code", typed),
            ],
        )
        .await;
        assert_eq!(wrong.status, 409);
        assert!(
            wrong.body.contains(&format!(r#"value="{typed}""#)),
            "{}",
            wrong.body
        );
    }
}
