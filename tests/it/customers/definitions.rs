//! Fields that change after people have answered them: answers stay, or the change is refused.

use passgate::domain::custom_field::{CustomField, FieldCode, FieldEdit, FieldKind};
use passgate::domain::event::{Actor, EventKind};
use passgate::domain::id::CardId;
use passgate::domain::import::Counts;
use passgate::domain::profile::Field;
use passgate::ops::customers::{CustomerError, Edit};
use passgate::ops::export::Which;

use super::shop::Shop;
use crate::engines::for_each_engine;

fn code(text: &str) -> FieldCode {
    FieldCode::parse(text).expect("a code")
}

fn choices(of: &[&str]) -> FieldEdit {
    FieldEdit {
        choices: Some(of.iter().map(|choice| (*choice).to_owned()).collect()),
        ..FieldEdit::default()
    }
}

/// A shop that asks for a shirt's size, and Ada, who wears M.
async fn answered(shop: &Shop) -> CardId {
    let shirt = CustomField {
        code: code("shirt"),
        label: "Shirt".into(),
        kind: FieldKind::Choice(vec!["S".into(), "M".into(), "L".into()]),
        required: false,
        position: 0,
    };
    shop.ops
        .add_field(shop.merchant, shop.program, shirt)
        .await
        .expect("added");
    let ada = shop.add(&[(Field::Email, "ada@example.com")]).await;
    let card = shop.card_of(ada).await;
    let version = shop.customer(ada).await.version;
    let edit = Edit {
        fields: Vec::new(),
        answers: Some((card, vec![("shirt".into(), "m".into())])),
    };
    shop.ops
        .edit_customer(shop.merchant, ada, version, edit, Actor::Gateway)
        .await
        .expect("answered");
    card
}

/// What the card answers to each field that is asked for.
async fn answers(shop: &Shop, card: CardId) -> Vec<(String, Option<String>)> {
    let holder = shop.found("ada").await[0];
    let sheet = shop
        .ops
        .customer_sheet(shop.merchant, holder)
        .await
        .expect("a sheet");
    let own = sheet.cards.iter().find(|sheet| sheet.card.id == card);
    let told = own.expect("the card").answers.iter();
    told.map(|(field, answer)| (field.label.clone(), answer.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_renamed_and_no_choice_goes_that_somebody_took() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = answered(&shop).await;
        let edit = async |edit| {
            shop.ops
                .edit_field(shop.merchant, shop.program, code("shirt"), edit)
                .await
        };
        let rename = FieldEdit {
            label: Some("T-shirt".into()),
            required: Some(true),
            ..FieldEdit::default()
        };
        let field = edit(rename).await.expect("edited");
        assert!(field.required);
        assert_eq!(
            answers(&shop, card).await,
            [("T-shirt".into(), Some("M".to_owned()))]
        );
        let refused = edit(choices(&["S", "L"])).await.expect_err("refused").to_string();
        assert!(refused.contains("1 cards answer it"), "{refused}");
        edit(choices(&["XL", "M"])).await.expect("nobody took S or L");
        // What leaves as a file comes back without a change.
        let file = shop.export(Which::Cards, None).await.expect("exported");
        let (report, failures) = shop.checked(file).await;
        let unchanged = Counts {
            unchanged: 1,
            ..Counts::default()
        };
        assert_eq!(report.counts, unchanged, "{failures:?}");
        let unknown = shop
            .ops
            .edit_field(shop.merchant, shop.program, code("hat"), FieldEdit::default())
            .await;
        assert!(matches!(unknown, Err(CustomerError::NoField(code)) if code == "hat"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_field_is_asked_of_nobody_and_keeps_its_answers() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = answered(&shop).await;
        let archive = async |archived| {
            shop.ops
                .archive_field(shop.merchant, shop.program, code("shirt"), archived)
                .await
                .expect("found")
        };
        let required = FieldEdit {
            required: Some(true),
            ..FieldEdit::default()
        };
        shop.ops
            .edit_field(shop.merchant, shop.program, code("shirt"), required)
            .await
            .expect("edited");
        assert!(archive(true).await);
        assert!(!archive(true).await);
        assert!(answers(&shop, card).await.is_empty());
        let (report, _) = shop.checked("email,shirt\nbob@example.com,XXL\n").await;
        assert_eq!(
            report.counts.created, 1,
            "not required, and its column means nothing"
        );
        let all = shop.ops.all_fields(shop.merchant, shop.program).await;
        assert!(all.expect("listed")[0].1.is_some());
        let again = CustomField {
            code: code("shirt"),
            label: "Another".into(),
            kind: FieldKind::Text,
            required: false,
            position: 0,
        };
        let taken = shop.ops.add_field(shop.merchant, shop.program, again).await;
        assert!(taken.is_err(), "its code is its answers'");
        assert!(archive(false).await);
        assert_eq!(
            answers(&shop, card).await,
            [("Shirt".into(), Some("M".to_owned()))]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_cleared_and_the_timeline_says_that_not_which() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let card = answered(&shop).await;
        let clear = async || {
            shop.ops
                .clear_answer(shop.merchant, card, code("shirt"), Actor::Member(shop.owner))
                .await
        };
        assert!(clear().await.expect("cleared"));
        assert!(!clear().await.expect("there was none"));
        assert_eq!(answers(&shop, card).await, [("Shirt".into(), None)]);
        let ada = shop.found("ada").await[0];
        let newest = shop.history_of(ada).await.remove(0).event;
        assert_eq!(newest.kind, EventKind::ProfileEdited);
        let detail = newest.detail.expect("which field").print();
        assert!(
            detail.contains("custom.shirt") && !detail.contains("\"M\""),
            "{detail}"
        );
        let stranger = shop
            .ops
            .clear_answer(shop.merchant, CardId(1), code("shirt"), Actor::Gateway)
            .await;
        assert!(stranger.is_err());
    })
    .await;
}
