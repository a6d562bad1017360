//! People on both engines: nobody becomes two, no edit is lost, profiles leave passes alone, and searches find the same.

mod begin;
mod definitions;
mod files;
mod search;
mod shop;
mod transfer;

use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::detail::Detail;
use passgate::domain::event::{Actor, EventKind};
use passgate::domain::id::{CustomerId, MemberId, MerchantId};
use passgate::domain::member::Role;
use passgate::domain::note::{NoteText, Tag, Writer};
use passgate::domain::profile::{ContactKind, Field, Region};
use passgate::ops::cards::{CardError, Holder};
use passgate::ops::customers::{Added, CustomerError, Edit, NewPerson, NoteError};
use passgate::store::listing::ActorName;
use passgate::store::{Error, notes};

use crate::engines::for_each_engine;
use shop::Shop;

fn set(fields: &[(Field, &str)]) -> Edit {
    let fields = fields.iter().map(|(field, text)| (*field, (*text).to_owned()));
    Edit {
        fields: fields.collect(),
        answers: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_the_customer_who_is_there_and_not_a_twin() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.ops
            .set_country(shop.merchant, Region::parse("DE").expect("a country"))
            .await
            .expect("set");
        let ada = shop
            .add(&[
                (Field::FirstName, "Ada"),
                (Field::Email, "Ada@Example.com"),
                (Field::Phone, "01512 3456789"),
            ])
            .await;
        for (field, text, by) in [
            (Field::Email, " ada@EXAMPLE.com", ContactKind::Email),
            (Field::Phone, "+49 (0)1512/345-6789", ContactKind::Phone),
            (Field::Phone, "0049 1512 3456789", ContactKind::Phone),
        ] {
            match shop
                .try_add(&[(Field::FirstName, "Twin"), (field, text)])
                .await
                .expect("answered")
            {
                Added::Known { by: found, customer } => {
                    assert_eq!((found, customer.id), (by, ada), "{text}");
                    assert_eq!(customer.profile.first_name.as_str(), "Ada", "nothing was written");
                }
                Added::New { .. } => panic!("{text} made a twin"),
            }
        }
        assert_eq!(shop.count("select count(*) from customers").await, 1);
        let nobody = shop.try_add(&[(Field::FirstName, "Nobody")]).await;
        assert!(matches!(nobody, Err(CustomerError::Field(error)) if error.code == "no_contact"));
        let holder = Holder {
            name: "Ada L".into(),
            email: Some("ada@example.com".into()),
            phone: None,
        };
        let card = shop.ops.issue(shop.merchant, shop.program, holder.clone()).await;
        assert!(matches!(card, Err(CardError::AlreadyHolds(_))), "{card:?}");
        assert_eq!(shop.count("select count(*) from cards").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_at_once_make_one_customer() {
    for_each_engine(async |store| {
        let shop = std::sync::Arc::new(Shop::open(store).await);
        for round in 0..5 {
            let email = format!("ada{round}@example.com");
            let mut tasks = tokio::task::JoinSet::new();
            for index in 0..8 {
                let (shop, email) = (std::sync::Arc::clone(&shop), email.clone());
                tasks.spawn(async move {
                    // Half of them meet by the number, half by the address; all of them by one of the two.
                    let phone = format!("+49151234567{round}{}", 0);
                    let typed: &[(Field, &str)] = match index % 3 {
                        0 => &[(Field::Email, &email)],
                        1 => &[(Field::Email, &email), (Field::Phone, &phone)],
                        _ => &[(Field::Phone, &phone), (Field::Email, &email)],
                    };
                    shop.try_add(typed).await.expect("answered")
                });
            }
            let answers = tasks.join_all().await;
            let new = answers
                .iter()
                .filter(|answer| matches!(answer, Added::New { .. }))
                .count();
            assert_eq!(new, 1);
        }
        assert_eq!(shop.count("select count(*) from customers").await, 5);
        assert_eq!(shop.count("select count(*) from cards").await, 5);
        assert_eq!(
            shop.count("select count(*) from customer_contacts where kind = 'email'")
                .await,
            5
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_what_changed_meanwhile_names_who_and_when_and_overwrites_nothing() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let ada = shop
            .add(&[(Field::FirstName, "Ada"), (Field::Email, "ada@example.com")])
            .await;
        let member = Actor::Member(shop.owner);
        let edit = |edit, seen| shop.ops.edit_customer(shop.merchant, ada, seen, edit, member);
        let first = edit(
            set(&[(Field::LastName, "Lovelace"), (Field::Phone, "+4915123456789")]),
            1,
        )
        .await;
        let first = first.expect("edited");
        assert_eq!(first.version, 2);
        let late = edit(set(&[(Field::FirstName, "Bob")]), 1).await;
        let Err(CustomerError::Changed(conflict)) = late else {
            panic!("{late:?}")
        };
        let last = conflict.last.expect("who and when");
        assert_eq!(
            (last.at, last.by),
            (first.changed_at, ActorName::Member("Owner".into()))
        );
        assert_eq!(conflict.current, first);
        assert_eq!(shop.customer(ada).await.profile.first_name.as_str(), "Ada");
        let unchanged = edit(set(&[(Field::LastName, " Lovelace ")]), 2)
            .await
            .expect("nothing to do");
        assert_eq!(unchanged.version, 2);
        let history = shop.history_of(ada).await;
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].event.kind, EventKind::ProfileEdited);
        let names = vec!["last_name".to_owned(), "phone".to_owned()];
        assert_eq!(history[0].event.detail, Some(Detail::Fields { names }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_move_with_edits_and_belong_to_one_person() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let ada = shop.add(&[(Field::Email, "ada@example.com"), (Field::ExternalId, "7")]).await;
        let bob = shop.add(&[(Field::Email, "bob@example.com")]).await;
        let edit = |who, seen, fields: &[(Field, &str)]| {
            shop.ops.edit_customer(shop.merchant, who, seen, set(fields), Actor::Gateway)
        };
        let taken = edit(bob, 1, &[(Field::Email, "ADA@example.com")]).await;
        assert!(matches!(taken, Err(CustomerError::Taken { kind: ContactKind::Email, customer }) if customer == ada));
        edit(ada, 1, &[(Field::Email, "countess@example.com")]).await.expect("moved");
        edit(bob, 1, &[(Field::Email, "ada@example.com")]).await.expect("free now");
        let last = edit(bob, 2, &[(Field::Email, "")]).await;
        assert!(matches!(last, Err(CustomerError::Field(error)) if error.code == "no_contact"));
        edit(ada, 2, &[(Field::Email, "")]).await.expect("the external id is left");
        let future = edit(ada, 3, &[(Field::Birthday, "2999-01-01")]).await;
        assert!(matches!(future, Err(CustomerError::Field(error)) if error.code == "future_date"));
        assert_eq!(shop.count("select count(*) from customer_contacts").await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_edit_leaves_the_pass_alone_and_a_new_name_on_the_card_is_pushed() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let ada = shop
            .add(&[(Field::FirstName, "Ada"), (Field::Email, "ada@example.com")])
            .await;
        let card = shop.card_of(ada).await;
        shop.ops.link_google(shop.merchant, card).await.expect("linked");
        let pushes = "select coalesce(cast(sum(generation) as bigint), 0) from pushes";
        let (face, asked) = (shop.face(card).await, shop.count(pushes).await);
        let edit = set(&[
            (Field::FirstName, "Augusta"),
            (Field::LastName, "King"),
            (Field::Birthday, "1815-12-10"),
        ]);
        let refused = shop
            .ops
            .edit_customer(shop.merchant, ada, 1, edit, Actor::Gateway)
            .await;
        assert!(refused.is_err(), "nobody born in 1815 comes for coffee");
        let edit = set(&[(Field::FirstName, "Augusta"), (Field::LastName, "King")]);
        shop.ops
            .edit_customer(shop.merchant, ada, 1, edit, Actor::Gateway)
            .await
            .expect("edited");
        assert!(
            shop.face(card).await == face,
            "version, time and text are the same"
        );
        assert_eq!(shop.count(pushes).await, asked);
        let updated = shop
            .ops
            .update_holder(shop.merchant, card, None, Actor::Gateway)
            .await
            .expect("updated");
        let after = shop.face(card).await;
        assert_eq!(
            (face.holder.as_deref(), after.holder.as_deref()),
            (Some("Ada"), Some("Augusta King"))
        );
        assert_eq!(after.version, face.version + 1);
        assert!(after.changed_at > face.changed_at);
        assert_eq!(shop.count(pushes).await, asked + 1);
        let again = shop
            .ops
            .update_holder(shop.merchant, card, None, Actor::Gateway)
            .await
            .expect("nothing to do");
        assert_eq!(again.card.version, updated.card.version);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_fields_are_checked_and_shown_even_when_empty() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let field = |code: &str, kind, required| CustomField {
            code: FieldCode::parse(code).expect("a code"),
            label: code.to_uppercase(),
            kind,
            required,
            position: 0,
        };
        let add = |field| shop.ops.add_field(shop.merchant, shop.program, field);
        add(field("shoe_size", FieldKind::Number, true))
            .await
            .expect("added");
        let sizes = FieldKind::Choice(vec!["S".into(), "M".into()]);
        add(field("shirt", sizes, false)).await.expect("added");
        assert!(
            add(field("shirt", FieldKind::Text, false)).await.is_err(),
            "taken"
        );
        assert!(
            add(field("email", FieldKind::Text, false)).await.is_err(),
            "reserved"
        );
        let profile = shop.profile(&[(Field::Email, "ada@example.com")]).await;
        let person = |answers: &[(&str, &str)]| NewPerson {
            profile: profile.clone(),
            program: Some(shop.program),
            answers: answers
                .iter()
                .map(|(code, text)| ((*code).into(), (*text).into()))
                .collect(),
        };
        let add = |person| shop.ops.add_customer(shop.merchant, person, Actor::Gateway);
        let missing = add(person(&[])).await.expect_err("required");
        assert_eq!(missing.to_string(), "shoe_size: expected a value; got \"\"");
        let wrong = add(person(&[("shoe_size", "large")]))
            .await
            .expect_err("no number");
        assert_eq!(
            wrong.to_string(),
            "shoe_size: expected a number such as 42 or 3.75; got \"large\""
        );
        assert!(matches!(
            add(person(&[("hat", "1")])).await,
            Err(CustomerError::NoField(_))
        ));
        assert_eq!(
            shop.count("select count(*) from customers").await,
            0,
            "all or nothing"
        );
        let Added::New { customer, card } = add(person(&[("shoe_size", "42,50")])).await.expect("added")
        else {
            panic!("new");
        };
        let card = card.expect("issued").card.id;
        let shown = async || {
            let sheet = shop
                .ops
                .customer_sheet(shop.merchant, customer.id)
                .await
                .expect("a sheet");
            let answers = sheet.cards[0].answers.iter();
            answers
                .map(|(field, answer)| (field.code.to_string(), answer.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown().await,
            [("shoe_size".into(), Some("42.5".into())), ("shirt".into(), None)]
        );
        let edit = |answers: &[(&str, &str)]| Edit {
            fields: Vec::new(),
            answers: Some((
                card,
                answers
                    .iter()
                    .map(|(code, text)| ((*code).into(), (*text).into()))
                    .collect(),
            )),
        };
        let edited = shop
            .ops
            .edit_customer(
                shop.merchant,
                customer.id,
                1,
                edit(&[("shirt", "m")]),
                Actor::Gateway,
            )
            .await
            .expect("edited");
        assert_eq!(edited.version, 2);
        assert_eq!(shown().await[1].1.as_deref(), Some("M"));
        let emptied = shop
            .ops
            .edit_customer(
                shop.merchant,
                customer.id,
                2,
                edit(&[("shoe_size", " ")]),
                Actor::Gateway,
            )
            .await;
        assert!(matches!(emptied, Err(CustomerError::Field(error)) if error.code == "required"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_and_tags_hang_on_a_person_and_go_when_they_are_forgotten() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let ada = shop.add(&[(Field::Email, "ada@example.com")]).await;
        let (author, other) = (
            Writer::Member(shop.owner, Role::Editor),
            Writer::Member(MemberId(99), Role::Editor),
        );
        let text = |text| NoteText::parse(text).expect("a note");
        let note = shop
            .ops
            .add_note(shop.merchant, ada, text("Likes oat milk"), author)
            .await
            .expect("added");
        let stranger = shop
            .ops
            .edit_note(shop.merchant, ada, note, text("!"), other)
            .await;
        assert!(matches!(stranger, Err(NoteError::NotYours)));
        shop.ops
            .edit_note(shop.merchant, ada, note, text("Likes soy milk"), author)
            .await
            .expect("edited");
        let sheet = shop
            .ops
            .customer_sheet(shop.merchant, ada)
            .await
            .expect("a sheet");
        assert_eq!(sheet.notes[0].text, "Likes soy milk");
        assert_eq!(sheet.notes[0].author_name.as_deref(), Some("Owner"));
        assert!(sheet.notes[0].edited_at.is_some());
        let tag = |text| Tag::parse(text).expect("a tag");
        let tags = |add, remove| {
            shop.ops
                .tag_customer(shop.merchant, ada, add, remove, Actor::Gateway)
        };
        assert_eq!(
            tags(vec![tag("VIP"), tag("vip"), tag("Stammgäste")], vec![])
                .await
                .expect("tagged"),
            ["Stammgäste", "VIP"]
        );
        assert_eq!(
            tags(vec![], vec![tag("ViP")]).await.expect("untagged"),
            ["Stammgäste"]
        );
        assert_eq!(shop.customer(ada).await.version, 1, "tags disturb no edit");
        assert_eq!(shop.history_of(ada).await.len(), 2);
        let person = shop.customer(ada).await;
        let forgotten: Result<(), Error> = shop
            .ops
            .store
            .write("forget", move |tx| {
                let person = person.clone();
                Box::pin(async move { notes::forget(tx, &person).await })
            })
            .await;
        forgotten.expect("forgotten");
        for (table, _) in notes::PERSONAL
            .iter()
            .filter(|(table, _)| !matches!(*table, "customers" | "cards"))
        {
            let sql: &'static str = Box::leak(format!("select count(*) from {table}").into_boxed_str());
            assert_eq!(shop.count(sql).await, 0, "{table}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_from_before_are_brought_into_form_and_the_first_of_twins_keeps_the_key() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.ops.set_country(shop.merchant, Region::parse("DE").expect("a country")).await.expect("set");
        let merchant = shop.merchant;
        let old: Result<u64, Error> = shop
            .ops
            .store
            .write("old_rows", move |tx| {
                Box::pin(async move {
                    let sql = "insert into customers (merchant_id, customer_id, first_name, email, email_key, phone, search, \
                        created_at) values ($1, 1, 'Zoë', 'Z@example.com', 'z@example.com', '01512 3456789', 'zoë', 0), \
                        ($1, 2, 'Zoe', 'z@example.com', 'z@example.com', 'call me', 'zoe', 0)";
                    tx.exec(sql, &crate::engines::values![merchant]).await
                })
            })
            .await;
        old.expect("stored");
        let form = ["bring_customers_into_form"];
        assert_eq!(shop.ops.do_chores_named(&form).await.expect("done"), 2);
        assert_eq!(shop.ops.do_chores_named(&form).await.expect("done"), 0);
        let first = shop.customer(CustomerId(1)).await;
        assert_eq!(first.profile.text(Field::Phone), "+4915123456789");
        assert_eq!(shop.customer(CustomerId(2)).await.profile.text(Field::Phone), "call me");
        let Added::Known { customer, .. } = shop.try_add(&[(Field::Email, "Z@Example.com")]).await.expect("answered") else {
            panic!("a twin");
        };
        assert_eq!(customer.id, CustomerId(1));
        assert_eq!(shop.found("zoe").await, [CustomerId(2), CustomerId(1)]);
        assert_eq!(shop.found("0151234").await, [CustomerId(1)]);
        let elsewhere = shop.ops.customer_sheet(MerchantId(7), CustomerId(1)).await;
        assert!(matches!(elsewhere, Err(CustomerError::NotFound)));
    })
    .await;
}
