//! People in the console: nobody becomes two, no edit overwrites another unseen, and erasing names what is lost.

use std::time::Duration;

use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::id::ProgramId;

use super::gateway;
use super::sample::{MERCHANT, OWNER, VIEWER, card};
use super::visitor::{Visitor, hidden};

const NEW: &str = "/console/customers/new";

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_added_with_a_card_to_share_and_never_twice() {
    let gateway = gateway(0).await;
    let field = CustomField {
        code: FieldCode::parse("milk").expect("a code"),
        label: "Milk".to_owned(),
        kind: FieldKind::Choice(vec!["Oat".to_owned(), "Cow".to_owned()]),
        required: true,
        position: 0,
    };
    let ops = &gateway.web().ops;
    ops.add_field(MERCHANT, ProgramId(1), field)
        .await
        .expect("a field");
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let form = owner.page(NEW).await.body;
    assert!(
        form.contains("at least one of email") && form.contains("Fields of Coffee card"),
        "{form}"
    );
    let program = ProgramId(1).to_string();
    let milk = format!("field:{program}:milk");
    let person = |email: &'static str, milk_is: &'static str| {
        vec![
            ("first_name", "Greta"),
            ("last_name", "Öhm"),
            ("email", email),
            ("program", program.as_str()),
            (milk.as_str(), milk_is),
            ("consent", "1"),
            ("consent_text", "counter form 2026"),
        ]
    };
    let nowhere = owner.submit(NEW, &person("", "Oat")).await;
    assert_eq!(nowhere.status, 400);
    assert!(
        nowhere
            .body
            .contains("an email address, a phone number or an external id")
            && nowhere.body.contains(r#"value="Öhm""#),
        "{}",
        nowhere.body
    );
    let unasked = owner.submit(NEW, &person("greta@mail.example", "")).await;
    assert_eq!(unasked.status, 400);
    assert!(
        unasked.body.contains("Please fill this in") && unasked.body.contains("greta@mail.example"),
        "{}",
        unasked.body
    );
    let wrong = owner.submit(NEW, &person("greta at mail", "Oat")).await;
    assert_eq!(wrong.status, 400);

    let added = owner.submit(NEW, &person("greta@mail.example", "Oat")).await;
    let share = added.location.expect("the page to share the card");
    assert!(share.contains("/share?done=added"), "{share}");
    let shown = owner.page(&share).await.body;
    assert!(
        shown.contains("QR code of the installation link")
            && shown.contains(&format!("http://127.0.0.1/card/{MERCHANT}/"))
            && shown.contains("Customer added."),
        "{shown}"
    );
    let card = share.split('/').nth(3).expect("a card").to_owned();
    let information = owner
        .page(&format!("/console/cards/{card}/information"))
        .await
        .body;
    assert!(
        information.contains("Milk") && information.contains("Oat"),
        "{information}"
    );
    let wishes = owner
        .page(&format!("/console/cards/{card}/notifications"))
        .await
        .body;
    assert!(wishes.contains("Agreed"), "{wishes}");

    let twin = owner.submit(NEW, &person("GRETA@mail.example", "Cow")).await;
    assert_eq!(twin.status, 409);
    assert!(
        twin.body.contains("is a customer already") && twin.body.contains("Open Greta Öhm"),
        "{}",
        twin.body
    );
    // The person's own address leads to their card.
    let (_, rest) = twin
        .body
        .split_once(r#"href="/console/customers/"#)
        .expect("the way there");
    let known = format!("/console/customers/{}", &rest[..13]);
    let led = owner.page(&known).await;
    assert_eq!(
        led.location.as_deref(),
        Some(format!("/console/cards/{card}").as_str())
    );

    let alone = [
        ("email", "otto@mail.example"),
        ("first_name", "Otto"),
        ("program", ""),
    ];
    let person_only = owner.submit(NEW, &alone).await.location.expect("their page");
    let page = owner.page(&person_only).await.body;
    assert!(
        page.contains("This customer has no card.") && page.contains("otto@mail.example"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_leaves_the_card_alone_and_shows_another_edit() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let customer = passgate::domain::id::CustomerId(6);
    let edit = format!("/console/customers/{customer}/edit");
    let form = owner.page(&edit).await.body;
    let version = hidden(&form, "version");
    let fields = |first: &'static str| {
        vec![
            ("version", version.as_str()),
            ("first_name", first),
            ("last_name", "Neu"),
            ("email", "neu@mail.example"),
        ]
    };
    let printed = async || {
        let profile = gateway.web().ops.profile(MERCHANT, card(6)).await;
        let profile = profile.expect("read").expect("a card");
        (profile.card.holder.clone(), profile.card.card.version)
    };
    let before = printed().await;
    let bad = owner
        .submit(
            &edit,
            &[
                ("version", &version),
                ("first_name", "A"),
                ("email", "no address"),
                ("birthday", "99-99"),
            ],
        )
        .await;
    assert_eq!(bad.status, 400);
    assert!(
        bad.body.contains("no address") && bad.body.contains("aria-invalid"),
        "{}",
        bad.body
    );

    let saved = owner.submit(&edit, &fields("Anna")).await;
    assert_eq!(
        saved.location.as_deref(),
        Some(format!("/console/cards/{}?done=saved", card(6)).as_str())
    );
    assert_eq!(printed().await, before, "the card is what it was");

    // Somebody whose form is older than that edit.
    let conflict = owner.submit(&edit, &fields("Berta")).await;
    assert_eq!(conflict.status, 409);
    assert!(
        conflict.body.contains("Olga Brandt changed this customer")
            && conflict.body.contains(r#"value="Berta""#)
            && conflict.body.contains("It now says: Anna"),
        "{}",
        conflict.body
    );
    let now = owner
        .page(&format!("/console/cards/{}/information", card(6)))
        .await
        .body;
    assert!(now.contains("Anna Neu") && !now.contains("Berta"), "{now}");

    let name = format!("/console/cards/{}/name", card(6));
    let question = owner.page(&name).await.body;
    assert!(question.contains("It will say “Anna Neu”"), "{question}");
    let sent = [
        ("version", hidden(&question, "version")),
        ("seen", hidden(&question, "seen")),
        ("name", hidden(&question, "name")),
    ];
    let sent: Vec<_> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(owner.submit(&name, &sent).await.status, 303);
    let (holder, version_after) = printed().await;
    assert_eq!(holder.as_deref(), Some("Anna Neu"));
    assert!(version_after > before.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_names_what_is_lost_and_can_be_taken_back_for_a_while() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let customer = passgate::domain::id::CustomerId(6);
    let erase = format!("/console/customers/{customer}/erase");
    assert_eq!(viewer.page(&erase).await.status, 403);
    assert_eq!(viewer.submit(&erase, &[]).await.status, 403);
    let question = owner.page(&erase).await.body;
    for lost in ["1 card ends", "1 reward that waits", "name, email", "autofocus"] {
        assert!(question.contains(lost), "{lost} in {question}");
    }
    let path = format!("/console/cards/{}", card(6));
    let asked = owner.submit(&erase, &[]).await.location.expect("the person");
    let led = owner.page(&asked).await.location.expect("the card");
    assert_eq!(led, format!("{path}?done=erasing"));
    let waiting = owner.page(&led).await.body;
    assert!(waiting.contains("This customer will be erased on"), "{waiting}");
    let keep = format!("/console/customers/{customer}/keep");
    assert_eq!(owner.submit(&keep, &[]).await.status, 303);
    assert!(!owner.page(&path).await.body.contains("will be erased"));

    owner.submit(&erase, &[]).await;
    gateway.clock().advance(Duration::from_secs(31));
    let done = gateway.web().ops.do_chores_named(&["erase_customers"]).await;
    assert!(done.expect("the chore") > 0);
    let erased = owner.page(&path).await.body;
    assert!(
        erased.contains("This customer was erased.") && erased.contains("No name"),
        "{erased}"
    );
    for gone in [
        "Restore card",
        "Edit customer",
        "Erase customer",
        "Send card again",
    ] {
        assert!(!erased.contains(gone), "{gone} in {erased}");
    }
    let edit = owner
        .submit(
            &format!("/console/customers/{customer}/edit"),
            &[("version", "2"), ("email", "a@b.example")],
        )
        .await;
    assert_eq!(edit.status, 409);
    assert_eq!(owner.submit(&erase, &[]).await.status, 409, "once is for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_and_tags_are_written_once_and_keep_what_was_typed() {
    let gateway = gateway(6).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let notes = format!("/console/cards/{}/notes", card(6));
    let form = owner.page(&notes).await.body;
    let key = hidden(&form, "key");
    let note = [("key", key.as_str()), ("text", "Likes the window seat")];
    let (one, two) = tokio::join!(owner.submit(&notes, &note), owner.submit(&notes, &note));
    assert_eq!((one.status, two.status), (303, 303));
    let page = owner.page(&notes).await.body;
    assert_eq!(
        page.matches(r#"class="note-text">Likes the window seat"#).count(),
        1,
        "{page}"
    );

    let long = "y".repeat(2001);
    let refused = owner.submit(&notes, &[("text", &long)]).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("1 to 2,000 characters") && refused.body.contains(&long),
        "{}",
        refused.body
    );
    let address = format!("{notes}/{key}");
    assert_eq!(
        owner.submit(&address, &[("text", "Likes the bar")]).await.status,
        303
    );
    assert!(owner.page(&notes).await.body.contains("Likes the bar"));
    assert_eq!(owner.submit(&format!("{address}/delete"), &[]).await.status, 303);
    assert!(owner.page(&notes).await.body.contains("No notes yet."));
    assert_eq!(owner.submit(&address, &[("text", "gone")]).await.status, 409);

    let tags = format!("/console/cards/{}/tags", card(6));
    assert_eq!(owner.submit(&tags, &[("add", "Stammgast")]).await.status, 303);
    let tagged = owner.page(&notes).await.body;
    assert!(tagged.contains("Remove tag Stammgast"), "{tagged}");
    let wrong = owner.submit(&tags, &[("add", "a,b")]).await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.body.contains("without a comma") && wrong.body.contains(r#"value="a,b""#),
        "{}",
        wrong.body
    );
    assert_eq!(owner.submit(&tags, &[("remove", "stammgast")]).await.status, 303);
    assert!(owner.page(&notes).await.body.contains("No tags yet."));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_card_has_notes_and_tags_too() {
    crate::engines::for_each_engine(async |store| {
        let gateway = super::visitor::Gateway::start(
            store,
            1,
            passgate::clock::Clock::manual(super::NOON),
            "http://127.0.0.1",
        )
        .await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let ops = &gateway.web().ops;
        let typed = [
            (passgate::domain::profile::Field::FirstName, "Frieda".to_owned()),
            (
                passgate::domain::profile::Field::Email,
                "frieda@mail.example".to_owned(),
            ),
        ];
        let person = passgate::ops::customers::NewPerson {
            profile: ops.read_profile(MERCHANT, &typed).await.expect("a profile"),
            program: None,
            answers: Vec::new(),
        };
        let added = ops
            .add_customer(MERCHANT, person, passgate::domain::event::Actor::Gateway)
            .await;
        let passgate::ops::customers::Added::New { customer, .. } = added.expect("added") else {
            panic!("somebody new");
        };
        let path = format!("/console/customers/{}", customer.id);
        let page = owner.page(&path).await.body;
        assert!(
            page.contains("No notes yet.") && page.contains("No tags yet."),
            "{page}"
        );
        let key = hidden(&page, "key");
        for _ in 0..2 {
            let written = owner
                .submit(
                    &format!("{path}/notes"),
                    &[("key", &key), ("text", "Asks for oat milk")],
                )
                .await;
            assert_eq!(
                written.location.as_deref(),
                Some(format!("{path}?done=note").as_str())
            );
        }
        assert_eq!(
            owner
                .submit(&format!("{path}/tags"), &[("add", "regular")])
                .await
                .status,
            303
        );
        let wrong = owner.submit(&format!("{path}/tags"), &[("add", "a,b")]).await;
        assert!(
            wrong.status == 400 && wrong.body.contains(r#"value="a,b""#),
            "{}",
            wrong.body
        );
        let page = owner.page(&format!("{path}?done=tags")).await.body;
        assert_eq!(
            page.matches(r#"<p class="note-text">Asks for oat milk"#).count(),
            1,
            "{page}"
        );
        assert!(
            page.contains("regular") && page.contains("Tags changed."),
            "{page}"
        );
        let (_, rest) = page
            .split_once(&format!(r#"action="{path}/notes/"#))
            .expect("a note's form");
        let note = format!("{path}/notes/{}", rest.split('"').next().expect("its id"));
        let edited = owner.submit(&note, &[("text", "Asks for soy milk")]).await;
        assert_eq!(edited.status, 303);
        assert!(owner.page(&path).await.body.contains("Asks for soy milk"));
        assert_eq!(owner.submit(&format!("{note}/delete"), &[]).await.status, 303);
        assert_eq!(
            owner
                .submit(&format!("{path}/tags"), &[("remove", "regular")])
                .await
                .status,
            303
        );
        let page = owner.page(&path).await.body;
        assert!(
            page.contains("No notes yet.") && page.contains("No tags yet."),
            "{page}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_printed_only_as_it_was_shown() {
    crate::engines::for_each_engine(async |store| {
        let gateway = super::visitor::Gateway::start(
            store,
            6,
            passgate::clock::Clock::manual(super::NOON),
            "http://127.0.0.1",
        )
        .await;
        let ops = &gateway.web().ops;
        let face = async || {
            ops.profile(MERCHANT, card(6))
                .await
                .expect("read")
                .expect("a card")
                .card
        };
        let before = face().await;
        let actor = passgate::domain::event::Actor::Gateway;
        let shown = "Samuel Okafor".to_owned();
        for seen in [
            passgate::ops::customers::HolderSeen {
                version: before.card.version - 1,
                name: shown.clone(),
            },
            passgate::ops::customers::HolderSeen {
                version: before.card.version,
                name: "Somebody Else".to_owned(),
            },
        ] {
            let refused = ops.update_holder(MERCHANT, card(6), Some(seen), actor).await;
            assert!(
                matches!(
                    refused,
                    Err(passgate::ops::customers::CustomerError::Card(
                        passgate::ops::cards::CardError::Stale
                    ))
                ),
                "{refused:?}"
            );
        }
        let moved = ops
            .change_expiry(
                MERCHANT,
                card(6),
                Some(before.card.version - 1),
                None,
                false,
                actor,
            )
            .await;
        assert!(
            matches!(moved, Err(passgate::ops::cards::CardError::Stale)),
            "{moved:?}"
        );
        let after = face().await;
        assert_eq!(
            (after.card.version, after.holder),
            (before.card.version, before.holder)
        );
    })
    .await;
}
