//! Messages in several languages on both engines: kept, edited, copied, told to each in theirs, and erased with the rest.

use std::collections::BTreeMap;

use passgate::domain::event::{Actor, Source};
use passgate::domain::id::{CardId, MessageId};
use passgate::domain::message::{Audience, Content, Message, Refusal, Translation, Translations};
use passgate::domain::preference::Class;
use passgate::domain::profile::Language;
use passgate::ops::erasure::{Erasure, GRACE};
use passgate::ops::faces::StoredFaces;
use passgate::ops::messages::{Edit, MessageError};
use passgate::push::Delivery;
use passgate::push::dispatcher::Faces as _;

use super::shop::{Person, Shop};
use crate::engines::{for_each_engine, values};

fn in_languages(all: &[(&str, Option<&str>, &str)]) -> Translations {
    let checked = all.iter().map(|(tag, title, text)| {
        let language = Language::parse(tag).expect("a language");
        Translation::checked(&language, *title, text).expect("good words")
    });
    Translations::checked(checked.collect()).expect("few languages")
}

fn said(all: &[(&str, Option<&str>, &str)]) -> Content {
    let first = Content::checked(Some("Friday"), "Two for one", None, Class::Marketing).expect("good words");
    Content {
        translations: in_languages(all),
        ..first
    }
}

impl Shop {
    async fn write_in(&self, audience: Audience, all: &[(&str, Option<&str>, &str)]) -> Message {
        let mut new = self.offer(audience);
        new.content = said(all);
        self.write(new).await
    }

    /// Somebody with a copy on every channel, whose profile names a language or none.
    async fn reader(&self, language: &'static str) -> CardId {
        let card = self
            .add(&Person {
                channels: 15,
                ..Person::default()
            })
            .await;
        self.exec(
            "update customers set language = $3 where merchant_id = $1 and customer_id = \
             (select c.customer_id from cards c where c.merchant_id = $1 and c.card_id = $2)",
            values![self.merchant, card, language].to_vec(),
        )
        .await;
        for channel in ["fcm", "web_push"] {
            self.exec(
                "insert into push_addresses (merchant_id, card_id, channel, address_key, kind, address, registered_at) \
                 values ($1, $2, $3, 'a', 'fid', 'cIN1cbQ7TGqmGRoZDcHOgj', 0)",
                values![self.merchant, card, channel].to_vec(),
            )
            .await;
        }
        card
    }

    /// The rows of a message in the store, by language.
    async fn rows(&self, message: MessageId) -> Vec<(String, Option<String>, String)> {
        self.all(
            "select language, title, body from message_translations where merchant_id = $1 and message_id = $2 \
             order by language",
            values![self.merchant, message].to_vec(),
        )
        .await
    }
}

const GERMAN: (&str, Option<&str>, &str) = ("de", Some("Freitag"), "Zwei für eins");
const FRENCH: (&str, Option<&str>, &str) = ("fr", None, "Deux pour un");

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read_edited_at_its_version_and_copied() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.add(&Person::default()).await;
        let written = shop
            .write_in(Audience::Cards(vec![card]), &[GERMAN, FRENCH])
            .await;
        assert_eq!(shop.message(written.id).await, written);
        let other = shop.write_in(Audience::Cards(vec![card]), &[]).await;
        let listed = shop.ops.messages(shop.merchant, None, 10).await.expect("listed");
        assert_eq!(listed, [other.clone(), written.clone()], "each has its own");

        let edit = |content| Edit {
            content: Some(content),
            ..Edit::default()
        };
        let changed = said(&[("de-AT", None, "Zwoa für oans"), FRENCH]);
        let edited = shop
            .ops
            .edit_message(shop.merchant, None, written.id, 1, edit(changed.clone()));
        let edited = edited.await.expect("edited");
        assert_eq!((edited.version, &edited.content), (2, &changed));
        assert_eq!(shop.message(written.id).await.content, changed);
        let stale = shop
            .ops
            .edit_message(shop.merchant, None, written.id, 1, edit(said(&[GERMAN])));
        let stale = stale.await;
        assert!(
            matches!(stale, Err(MessageError::Refused(Refusal::Stale { .. }))),
            "{stale:?}"
        );
        assert_eq!(
            shop.message(written.id).await.content,
            changed,
            "and nothing of it is kept"
        );

        let copy = shop.ops.duplicate_message(shop.merchant, None, written.id).await;
        let copy = copy.expect("copied").id;
        assert_eq!(shop.message(copy).await.content, changed);
        let none = shop
            .ops
            .edit_message(shop.merchant, None, written.id, 2, edit(said(&[])));
        none.await.expect("edited");
        assert!(shop.rows(written.id).await.is_empty());
        assert_eq!(shop.rows(copy).await.len(), 2, "the copy stands by itself");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_and_apps_are_told_in_the_holders_language_and_wallets_in_all() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let mut readers = BTreeMap::new();
        for language in ["de", "de-AT", "en", ""] {
            readers.insert(shop.reader(language).await, language);
        }
        let cards: Vec<CardId> = readers.keys().copied().collect();
        let message = shop.write_in(Audience::Cards(cards), &[GERMAN, FRENCH]).await;
        let forecast = shop.ops.forecast_message(shop.merchant, None, message.id).await;
        let forecast = forecast.expect("a forecast");
        assert_eq!((forecast.readers.phones, forecast.readers.first), (8, 4));
        assert_eq!(forecast.readers.languages, BTreeMap::from([("de".to_owned(), 4)]));
        let kept = shop
            .ops
            .show_message(shop.merchant, message.id)
            .await
            .expect("there");
        assert_eq!(kept.forecast, Some(forecast));

        shop.schedule(message.id).await;
        shop.chores().await;
        let running = shop.dispatch();
        shop.settled().await;
        let of_tag: BTreeMap<String, &str> = readers
            .iter()
            .map(|(card, language)| (passgate::domain::notice::tag(shop.merchant, *card), *language))
            .collect();
        let (mut objects, mut notices) = (0, 0);
        for delivery in running.deliveries() {
            match delivery {
                Delivery::GoogleObject { alerts, .. } => {
                    objects += 1;
                    let words = alerts[0].words.as_ref().expect("it says something");
                    assert_eq!(words.translations, in_languages(&[GERMAN, FRENCH]));
                    assert_eq!(words.text, "Two for one");
                }
                Delivery::Notice { notice, .. } => {
                    notices += 1;
                    let expected = match of_tag[&notice.tag] {
                        "de" | "de-AT" => ("Freitag", "Zwei für eins"),
                        _ => ("Friday", "Two for one"),
                    };
                    assert_eq!((notice.title.as_str(), notice.body.as_str()), expected);
                }
                Delivery::AppleDevice { .. } => {}
            }
        }
        assert_eq!((objects, notices), (4, 8));

        // Apple's phones fetch passes with all of it.
        let faces = StoredFaces::new(shop.ops.store.clone(), shop.addresses());
        let keys = readers.keys().map(|card| (shop.merchant, *card)).collect();
        for face in faces.faces(keys).await.expect("read") {
            let news = face.news.expect("it rang");
            let said: Vec<_> = news
                .translations
                .iter()
                .map(|of| (of.language.as_str(), of.text.as_str()))
                .collect();
            assert_eq!(said, [("de", "Freitag: Zwei für eins"), ("fr", "Deux pour un")]);
        }
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_first_text_with_another_translation_is_no_repetition() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.add(&Person::default()).await;
        let first = shop.write_in(Audience::Cards(vec![card]), &[GERMAN]).await;
        shop.schedule(first.id).await;
        shop.chores().await;
        let running = shop.dispatch();
        shop.settled().await;
        running.stop().await;
        let suppressed = async |all: &[(&str, Option<&str>, &str)]| {
            let message = shop.write_in(Audience::Cards(vec![card]), all).await;
            let forecast = shop.ops.forecast_message(shop.merchant, None, message.id).await;
            forecast.expect("a forecast").tally.suppressed
        };
        let same = suppressed(&[GERMAN]).await;
        assert_eq!(same.get("duplicate"), Some(&1), "{same:?}");
        let other = suppressed(&[("de", Some("Freitag"), "Drei für zwei")]).await;
        assert!(other.is_empty(), "{other:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_to_one_person_is_erased_in_every_language() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (gone, stays) = (
            shop.add(&Person::default()).await,
            shop.add(&Person::default()).await,
        );
        let named = ("de", None, "Frau Lovelace, Ihr Kuchen ist fertig");
        let alone = shop.write_in(Audience::Cards(vec![gone]), &[named]).await;
        shop.schedule(alone.id).await;
        let draft = shop.write_in(Audience::Cards(vec![gone]), &[named]).await;
        let all = shop.write_in(Audience::Cards(vec![gone, stays]), &[GERMAN]).await;
        shop.schedule(all.id).await;
        let others = shop.write_in(Audience::Cards(vec![stays]), &[GERMAN]).await;
        shop.chores().await;
        let customers: Vec<(passgate::domain::id::CustomerId,)> = shop
            .all(
                "select customer_id from cards where merchant_id = $1 and card_id = $2",
                values![shop.merchant, gone].to_vec(),
            )
            .await;
        let erasure = Erasure {
            merchant: shop.merchant,
            customer: customers[0].0,
            actor: Actor::Gateway,
            source: Source::Console,
        };
        shop.ops.erase_customer(erasure, GRACE).await.expect("scheduled");
        shop.ops.clock.advance(GRACE);
        shop.ops
            .do_chores_named(&["erase_customers"])
            .await
            .expect("erased");
        for message in [alone.id, draft.id] {
            assert!(shop.rows(message).await.is_empty());
            assert!(shop.message(message).await.content.text.is_empty());
        }
        for message in [all.id, others.id] {
            assert_eq!(shop.rows(message).await.len(), 1, "it was for others, too");
        }
    })
    .await;
}
