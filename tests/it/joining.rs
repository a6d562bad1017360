//! Joining by oneself, on both engines: one person and one card however often a form is sent, and nobody's card but one's
//! own.

mod came;
mod shop;
mod words;

use std::time::Duration;

use passgate::domain::card::CardStatus;
use passgate::domain::code::CodeRefusal;
use passgate::domain::consent::{self, Channel, Purpose};
use passgate::domain::custom_field::{CustomField, FieldCode, FieldKind};
use passgate::domain::event::{Actor, EventKind};
use passgate::domain::id::{MerchantId, ProgramId};
use passgate::domain::invitation::InvitationKind;
use passgate::domain::join::{Admission, Arrival, Ask, JoinForm};
use passgate::domain::profile::Field;
use passgate::domain::referral::{LinkToken, Moment, Terms};
use passgate::domain::utm::Utm;
use passgate::ops::codes::CodesError;
use passgate::ops::customers::CustomerError;
use passgate::ops::join_pages::JoinPageError;
use passgate::ops::joining::{JoinError, Joined, Joining};

use crate::engines::for_each_engine;
use shop::{STAFF, Shop, WORDS, person, shown, with_code};

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_a_card_with_all_that_they_gave() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let field = CustomField {
            code: FieldCode::parse("milk").expect("a code"),
            label: "Milk".into(),
            kind: FieldKind::Choice(vec!["Oat".into(), "Cow".into()]),
            required: true,
            position: 0,
        };
        let added = shop.ops.add_field(shop.merchant, shop.program, field).await;
        added.expect("a field");
        let ada = Joining {
            answers: vec![("milk".into(), "oat".into())],
            agreed: vec![(Purpose::Marketing, WORDS.into())],
            arrival: Arrival {
                utm: Utm::from_query("utm_source=flyer&utm_term=caf%C3%A9"),
                ..Arrival::default()
            },
            ..person("عَلِيّ", "Ada@Example.com", "")
        };
        let unanswered = Joining {
            answers: Vec::new(),
            ..ada.clone()
        };
        let refused = shop.join(unanswered).await;
        assert!(
            matches!(&refused, Err(JoinError::Customer(CustomerError::Field(error))) if error.field == "milk")
        );
        assert_eq!(shop.people().await, (0, 0), "a refusal leaves nothing behind");

        let card = shown(shop.join(ada).await);
        let held = shop.card(card).await.expect("the card");
        assert_eq!(
            (held.card.status, held.holder.as_deref()),
            (CardStatus::Pending, Some("عَلِيّ"))
        );
        assert_eq!(shop.kinds(card).await, [(EventKind::CardIssued, Actor::Device)]);
        let customer = held.card.customer;
        let sheet = shop
            .ops
            .customer_sheet(shop.merchant, customer)
            .await
            .expect("read");
        assert_eq!(sheet.customer.profile.text(Field::Email), "Ada@Example.com");
        assert_eq!(sheet.customer.profile.text(Field::Language), "de");
        assert_eq!(sheet.cards[0].answers[0].1.as_deref(), Some("Oat"));
        let (wishes, history) = shop.ops.wishes(shop.merchant, customer).await.expect("read");
        assert!(wishes.consents.has(Purpose::Marketing) && !wishes.consents.has(Purpose::Profiling));
        let evidence = &history[0].evidence;
        assert_eq!(
            (evidence.channel, evidence.language.as_str()),
            (Channel::WebCard, "de")
        );
        assert_eq!(evidence.text, consent::text_name(0, WORDS));
        let kept = shop.ops.consent_evidence(shop.merchant, customer).await;
        assert_eq!(
            kept.expect("read")[0]
                .shown
                .as_ref()
                .map(|shown| shown.body.as_str()),
            Some(WORDS)
        );
        let landing = shop.ops.landing(shop.merchant, card).await.expect("read");
        assert_eq!(landing.expect("kept").utm.source.as_deref(), Some("flyer"));
        assert!(shop.letters().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_many_times_at_once_makes_one_person_with_one_card() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let code = shop.codes(shop.program, 1).await;
        shop.set(Admission::WithCode, JoinForm::default()).await;
        let card = shop.draw();
        let tries = (0..12).map(|_| {
            let (ops, merchant, program) = (shop.ops.clone(), shop.merchant, shop.program);
            let ada = with_code(person("Ada", "ada@example.com", ""), &code);
            tokio::spawn(async move { ops.join(merchant, program, card, ada).await })
        });
        for one in tries.collect::<Vec<_>>() {
            assert_eq!(shown(one.await.expect("no panic")), card);
        }
        assert_eq!(shop.people().await, (1, 1));

        // Somebody else at the same browser, who went back to the form: not the first one's card.
        shop.set(Admission::Open, JoinForm::default()).await;
        let bob = shop
            .ops
            .join(
                shop.merchant,
                shop.program,
                card,
                person("Bob", "bob@example.com", ""),
            )
            .await;
        assert_ne!(shown(bob), card);
        assert_eq!(shop.people().await, (2, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_browsers_with_one_address_make_no_twin() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let tries = (0..12).map(|_| {
            let (ops, merchant, program, card) = (shop.ops.clone(), shop.merchant, shop.program, shop.draw());
            let ada = person("Ada", "ada@example.com", "");
            tokio::spawn(async move { ops.join(merchant, program, card, ada).await })
        });
        let mut cards = 0;
        for one in tries.collect::<Vec<_>>() {
            match one.await.expect("no panic").expect("no refusal") {
                Joined::Card(_) => cards += 1,
                Joined::Letter => {}
            }
        }
        assert_eq!((cards, shop.people().await), (1, (1, 1)));
        assert_eq!(shop.letters().await.len(), 1, "the others are one letter");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_is_shown_nothing_and_told_by_mail_once_a_day() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let first = Joining {
            typed: vec![
                (Field::FirstName, "Ada".into()),
                (Field::Email, "ada@example.com".into()),
                (Field::Phone, "+493012345678".into()),
            ],
            ..person("", "", "")
        };
        let card = shown(shop.join(first).await);
        let customer = shop.card(card).await.expect("the card").card.customer;
        let before = shop
            .ops
            .customer_sheet(shop.merchant, customer)
            .await
            .expect("read");

        let stranger = |email: &str, phone: &str| Joining {
            agreed: vec![(Purpose::Marketing, WORDS.into())],
            ..person("Mallory", email, phone)
        };
        let without_mail = Joining {
            sends_mail: false,
            ..stranger("ADA@example.com", "")
        };
        assert_eq!(shop.join(without_mail).await.expect("answered"), Joined::Letter);
        assert!(
            shop.letters().await.is_empty(),
            "no letter waits for a mail server that is not there"
        );

        let by_email = shop.join(stranger(" ada@EXAMPLE.com ", "")).await;
        let by_phone = shop
            .join(stranger("mallory@example.com", "+49 30 12345678"))
            .await;
        assert_eq!(by_email.expect("answered"), Joined::Letter);
        assert_eq!(by_phone.expect("answered"), Joined::Letter);
        let letter = (card, InvitationKind::CardAgain, "ada@example.com".to_owned());
        assert_eq!(
            shop.letters().await,
            std::slice::from_ref(&letter),
            "to whom was known before"
        );
        assert_eq!(shop.people().await, (1, 1));
        let after = shop
            .ops
            .customer_sheet(shop.merchant, customer)
            .await
            .expect("read");
        assert_eq!(after.customer, before.customer, "nothing of them is changed");
        let (wishes, _) = shop.ops.wishes(shop.merchant, customer).await.expect("read");
        assert!(
            !wishes.consents.has(Purpose::Marketing),
            "nobody agrees for somebody else"
        );

        shop.ops.clock.advance(Duration::from_secs(25 * 3600));
        shop.join(stranger("ada@example.com", ""))
            .await
            .expect("answered");
        assert_eq!(shop.letters().await.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_elsewhere_gets_the_card_by_mail_and_an_ended_one_stays_ended() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let lunch = shop.another_program().await;
        let set = shop
            .ops
            .set_join_page(shop.merchant, lunch, 0, (Admission::Open, JoinForm::default()));
        set.await.expect("set");
        let coffee = shown(shop.join(person("Ada", "ada@example.com", "")).await);
        let joined = shop
            .ops
            .join(
                shop.merchant,
                lunch,
                shop.draw(),
                person("Mallory", "ada@example.com", ""),
            )
            .await;
        assert_eq!(joined.expect("answered"), Joined::Letter);
        assert_eq!(shop.people().await, (1, 2));
        let (card, kind, address) = shop.letters().await.remove(0);
        assert_eq!(
            (kind, address.as_str()),
            (InvitationKind::Invitation, "ada@example.com")
        );
        let new = shop.card(card).await.expect("the card");
        assert_eq!((new.card.program, new.holder.as_deref()), (lunch, Some("Ada")));

        shop.ops.clock.advance(Duration::from_secs(25 * 3600));
        let ended = shop.ops.void(shop.merchant, coffee, STAFF).await;
        ended.expect("ended");
        let joined = shop.join(person("Ada", "ada@example.com", "")).await;
        assert_eq!(joined.expect("answered"), Joined::Letter);
        assert_eq!((shop.people().await, shop.letters().await.len()), ((1, 2), 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lets_in_as_often_as_it_may_and_says_when_it_was_used() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let lunch = shop.another_program().await;
        let (code, other) = (shop.codes(shop.program, 1).await, shop.codes(lunch, 1).await);
        // The page that nobody has set takes codes, and nobody without one.
        let nobody_set = shop.ops.join(
            shop.merchant,
            lunch,
            shop.draw(),
            person("Ada", "a@example.com", ""),
        );
        assert!(matches!(nobody_set.await, Err(JoinError::CodeNeeded)));
        shop.set(Admission::WithCode, JoinForm::default()).await;
        let wrong = shop
            .join(with_code(person("Ada", "ada@example.com", ""), &other))
            .await;
        let Err(JoinError::Code(CodesError::Refused(refusal))) = wrong else {
            panic!("refused; got {wrong:?}");
        };
        assert_eq!(refusal, CodeRefusal::OtherProgram);
        shown(
            shop.join(with_code(person("Ada", "ada@example.com", ""), &code))
                .await,
        );
        let again = shop
            .join(with_code(person("Bob", "bob@example.com", ""), &code))
            .await;
        assert_eq!(
            again.expect_err("used").to_string(),
            "This code was already used, first on 21 September 2026 at 16:13."
        );
        assert_eq!(shop.people().await, (1, 1));

        // Of many who come at once with one code, one gets in.
        let code = shop.codes(shop.program, 1).await;
        let tries = (0..10).map(|number| {
            let (ops, merchant, program, card) = (shop.ops.clone(), shop.merchant, shop.program, shop.draw());
            let one = with_code(person("Eve", &format!("eve{number}@example.com"), ""), &code);
            tokio::spawn(async move { ops.join(merchant, program, card, one).await })
        });
        let mut let_in = 0;
        for one in tries.collect::<Vec<_>>() {
            let_in += i32::from(one.await.expect("no panic").is_ok());
        }
        assert_eq!((let_in, shop.people().await), (1, (2, 2)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_where_the_page_is_closed_or_the_program_archived() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let code = shop.codes(shop.program, 5).await;
        shop.set(Admission::Closed, JoinForm::default()).await;
        let joined = shop
            .join(with_code(person("Ada", "ada@example.com", ""), &code))
            .await;
        assert!(matches!(joined, Err(JoinError::Closed)), "{joined:?}");
        shop.set(Admission::Open, JoinForm::default()).await;
        let archived = shop
            .ops
            .archive_program(shop.merchant, shop.program, 1, true)
            .await;
        archived.expect("archived");
        let joined = shop.join(person("Ada", "ada@example.com", "")).await;
        assert!(matches!(joined, Err(JoinError::Closed)), "{joined:?}");
        let elsewhere = shop
            .ops
            .join(
                MerchantId(1),
                shop.program,
                shop.draw(),
                person("Ada", "ada@example.com", ""),
            )
            .await;
        assert!(matches!(elsewhere, Err(JoinError::Closed)), "{elsewhere:?}");
        assert_eq!(shop.people().await, (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_mail_alone_everybody_gets_the_same_answer() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let form = JoinForm {
            by_mail: true,
            ..JoinForm::default()
        };
        shop.set(Admission::Open, form).await;
        let card = shop.draw();
        for _ in 0..2 {
            let ada = person("Ada", "ada@example.com", "");
            let joined = shop.ops.join(shop.merchant, shop.program, card, ada).await;
            assert_eq!(joined.expect("answered"), Joined::Letter);
        }
        let known = shop.join(person("Ada", "ada@example.com", "")).await;
        assert_eq!(known.expect("answered"), Joined::Letter);
        let letter = (card, InvitationKind::Invitation, "ada@example.com".to_owned());
        assert_eq!(shop.letters().await, [letter]);
        assert_eq!(shop.people().await, (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_link_credits_its_holder_and_tampering_keeps_nobody_away() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let terms = Terms {
            moment: Moment::Install,
            referrer: 2,
            referred: 1,
        };
        let set = shop
            .ops
            .set_referral_terms(shop.merchant, shop.program, terms, STAFF);
        set.await.expect("set");
        let ada = shown(shop.join(person("Ada", "ada@example.com", "")).await);
        let token = shop.ops.referral_link(shop.merchant, ada).await.expect("a link");
        let by = |token: &LinkToken, joining: Joining| Joining {
            arrival: Arrival {
                referral: Some(token.clone()),
                ..Arrival::default()
            },
            ..joining
        };
        let sheet = shop
            .ops
            .join_page(shop.merchant, shop.program, Some(token.clone()))
            .await;
        assert!(sheet.expect("read").expect("a page").is_referred);
        let bob = shown(shop.join(by(&token, person("Bob", "bob@example.com", ""))).await);
        shop.ops.link_google(shop.merchant, bob).await.expect("installed");
        shop.ops.do_chores().await.expect("done");
        let punches = async |card| shop.card(card).await.expect("the card").card.punches;
        assert_eq!((punches(ada).await, punches(bob).await), (2, 1));

        // Nobody brings themselves, or somebody who was there: they are known, and nothing is counted.
        let own = shop.join(by(&token, person("Ada", "ada@example.com", ""))).await;
        assert_eq!(own.expect("answered"), Joined::Letter);
        let made_up = LinkToken::from_random([9; 16]);
        let eve = shown(
            shop.join(by(&made_up, person("Eve", "eve@example.com", "")))
                .await,
        );
        shop.ops.link_google(shop.merchant, eve).await.expect("installed");
        shop.ops.do_chores().await.expect("done");
        assert_eq!((punches(ada).await, punches(eve).await), (2, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_changed_by_who_saw_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let seen = shop.page().await.version;
        let wish = |form: JoinForm| {
            let (ops, merchant, program) = (shop.ops.clone(), shop.merchant, shop.program);
            async move {
                ops.set_join_page(merchant, program, seen, (Admission::Closed, form))
                    .await
            }
        };
        let nobody = JoinForm {
            email: Ask::No,
            phone: Ask::No,
            ..JoinForm::default()
        };
        assert!(matches!(wish(nobody).await, Err(JoinPageError::Field(_))));
        let both = tokio::join!(wish(JoinForm::default()), wish(JoinForm::default()));
        let kept = [both.0.is_ok(), both.1.is_ok()];
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 1, "{both:?}");
        assert_eq!(shop.page().await.version, seen + 1);
        let strange = shop
            .ops
            .set_join_page(
                shop.merchant,
                ProgramId(1),
                0,
                (Admission::Open, JoinForm::default()),
            )
            .await;
        assert!(matches!(strange, Err(JoinPageError::NotFound)));
        let all = shop.ops.join_pages(shop.merchant).await.expect("read");
        assert_eq!(all.len(), 1);
    })
    .await;
}
