//! Counted links on the back of a pass: that of its program, and that of the message that it says.

use passgate::domain::id::LinkId;
use passgate::domain::link::Target;
use passgate::domain::message::{Audience, Content, When};
use passgate::domain::preference::Class;
use passgate::ops::messages::NewMessage;
use passgate::store::Error;
use serde_json::Value;

use super::shop::Shop;
use crate::engines::{for_each_engine, values};

#[tokio::test(flavor = "multi_thread")]
async fn links_on_a_pass_lead_through_the_gateway() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = shop.issue().await;
        let target = |text| Target::parse(text).expect("good");
        let on_passes = Some(("Our menu".to_owned(), target("https://example.com/menu?a=1&b=2")));
        shop.ops
            .set_program_link(shop.merchant, shop.program, on_passes)
            .await
            .expect("set");
        let new = NewMessage {
            content: Content::checked(None, "Hello", Some("https://example.org/hello"), Class::Reward)
                .expect("good"),
            audience: Audience::Cards(vec![card.id]),
            when: When::Now,
            author: None,
        };
        let message = shop.ops.write_message(shop.merchant, new).await.expect("written");
        // It has rung on this card.
        let (merchant, rang) = (shop.merchant, (card.id, message.id));
        let noted: Result<u64, Error> = shop
            .ops
            .store
            .write("rang", move |tx| {
                Box::pin(async move {
                    let sql = "insert into card_news (merchant_id, card_id, number, class, message_id, punches, \
                         points, rewards, at) values ($1, $2, 1, 'reward', $3, 0, 0, 0, 0)";
                    tx.exec(sql, &values![merchant, rang.0, rang.1]).await
                })
            })
            .await;
        noted.expect("noted");

        let body = shop.fetch(&card, &[]).await.bytes().await.expect("a body");
        let pass = shop.phone("d1").add(&body).expect("a sound pass");
        let json: Value = serde_json::from_slice(pass.file("pass.json").expect("there")).expect("JSON");
        let back = json["storeCard"]["backFields"].as_array().expect("fields").clone();
        let field = |key: &str| back.iter().find(|field| field["key"] == key).expect(key).clone();
        let link = |id| {
            let path = shop.web.master.link_path(shop.merchant, id, card.id);
            format!("{}{path}", shop.web.public_url)
        };
        let menu = field("passgate-link");
        assert_eq!((&menu["label"], &menu["value"]), (&"Our menu".into(), &"example.com".into()));
        let url = link(LinkId(shop.program.0));
        assert_eq!(menu["attributedValue"], format!("<a href='{url}'>example.com</a>"));
        let hello = field("passgate-message-link");
        let url = link(LinkId(message.id.0));
        assert_eq!(hello["attributedValue"], format!("<a href='{url}'>example.org</a>"));
        assert!(hello.get("changeMessage").is_none(), "only the news ring");
    })
    .await;
}
