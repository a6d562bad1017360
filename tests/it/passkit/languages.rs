//! A message in several languages on a phone: the pass has them all, and the phone shows its own.

use passgate::domain::card::Card;
use passgate::domain::id::MessageId;
use passgate::domain::message::{Audience, Content, Translation, Translations, When};
use passgate::domain::preference::Class;
use passgate::domain::profile::Language;
use passgate::ops::messages::NewMessage;
use passgate::store::{Error, alerts};

use super::shop::{SECOND, Shop, headers};
use crate::engines::for_each_engine;

fn translations(all: &[(&str, Option<&str>, &str)]) -> Translations {
    let checked = all.iter().map(|(tag, title, text)| {
        let language = Language::parse(tag).expect("a language");
        Translation::checked(&language, *title, text).expect("good words")
    });
    Translations::checked(checked.collect()).expect("few languages")
}

/// Starts a message to a card, and lets it be the news of the card's pass, as a dispatcher does.
async fn tell(shop: &Shop, card: &Card, translations: Translations) -> MessageId {
    let first = Content::checked(Some("Friday"), "Two for one", None, Class::Balance).expect("good words");
    let new = NewMessage {
        content: Content {
            translations,
            ..first
        },
        audience: Audience::Cards(vec![card.id]),
        when: When::Now,
        author: None,
    };
    let written = shop.ops.write_message(shop.merchant, new).await.expect("written");
    let forecast = shop.ops.forecast_message(shop.merchant, None, written.id).await;
    let recipients = forecast.expect("a forecast").tally.recipients;
    let scheduled = shop
        .ops
        .schedule_message(shop.merchant, written.id, written.version, recipients);
    scheduled.await.expect("scheduled");
    shop.ops
        .do_chores_named(&["send_messages"])
        .await
        .expect("started");
    let (key, message, now) = ((shop.merchant, card.id), written.id, shop.ops.clock.now());
    let told: Result<(), Error> = shop
        .ops
        .store
        .write("test_news", move |tx| {
            Box::pin(async move { alerts::make_news(tx, &[(key, Class::Balance, Some(message))], now).await })
        })
        .await;
    told.expect("told");
    written.id
}

/// What a phone of `language` shows as news, without characters that nobody sees.
fn news(pass: &passgate::sim::phone::pass::Pass, language: &str) -> String {
    let shown = pass.field_in(language, "news").expect("every pass has news");
    shown.replace('\u{2060}', "")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_phone_shows_a_message_in_its_own_language() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let phone = shop.phone("d1");
        let body = shop.fetch(&card, &[]).await.bytes().await.expect("a body");
        let plain = phone.add(&body).expect("a sound pass");
        assert_eq!(phone.register("aa").await.expect("registered"), 1);
        phone.on_push().await.expect("nothing new");

        shop.ops.clock.advance(SECOND);
        let said = [
            ("de", Some("Freitag"), "Zwei \"für\" eins;\nnur heute"),
            ("fr-CH", None, "Deux pour un"),
        ];
        tell(&shop, &card, translations(&said)).await;
        shop.announce().await;
        let new = phone.on_push().await.expect("the list and the pass");
        let pass = &new.first().expect("a new version").pass;
        for (language, shown) in [
            ("de", "Freitag: Zwei \"für\" eins;\nnur heute"),
            ("de-AT", "Freitag: Zwei \"für\" eins;\nnur heute"),
            ("fr-CH", "Deux pour un"),
            ("en-GB", "Friday: Two for one"),
            ("nb", "Friday: Two for one"),
        ] {
            assert_eq!(news(pass, language), shown, "{language}");
        }
        // Everything else is said as before, in each language that the template has.
        let label = |pass: &passgate::sim::phone::pass::Pass, folder: &str| {
            let file = pass.file(&format!("{folder}.lproj/pass.strings"));
            let text = std::str::from_utf8(file.expect("a folder"))
                .expect("text")
                .to_owned();
            text.lines()
                .find(|line| line.starts_with("\"Stamps\" ="))
                .expect("the template's text")
                .to_owned()
        };
        assert_eq!(label(pass, "de"), label(&plain, "de"));

        // The same first text with another translation is another pass, and rings: what is shown has changed.
        let before = headers(&shop.fetch(&card, &[]).await)["etag"].clone();
        shop.ops.clock.advance(SECOND);
        tell(&shop, &card, translations(&[("de", None, "Drei für zwei")])).await;
        let response = shop.fetch(&card, &[("if-none-match", &before)]).await;
        assert_eq!(response.status(), 200);
        shop.announce().await;
        let new = phone.on_push().await.expect("the list and the pass");
        let changed = &new.first().expect("a new version").pass;
        assert!(!changed.looks_like(pass));
        assert_eq!(news(changed, "de-CH"), "Drei für zwei");
        assert_eq!(
            news(changed, "fr-CH"),
            "Friday: Two for one",
            "no folder is left of before"
        );
        for language in ["de", "en"] {
            assert_ne!(
                changed.field_in(language, "news"),
                pass.field_in(language, "news")
            );
        }
        assert_eq!(phone.complaints(), Vec::<String>::new());

        // And one without translations is made as ever: of its template's files and its own three.
        shop.ops.clock.advance(SECOND);
        tell(&shop, &card, Translations::default()).await;
        let body = shop.fetch(&card, &[]).await.bytes().await.expect("a body");
        let last = shop.phone("d2").add(&body).expect("a sound pass");
        assert_eq!(news(&last, "de"), "Friday: Two for one");
        for folder in ["de", "en"] {
            let path = format!("{folder}.lproj/pass.strings");
            assert_eq!(last.file(&path), plain.file(&path));
        }
    })
    .await;
}
