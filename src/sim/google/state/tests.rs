//! What the stand-in for the Wallet API refuses, merges and keeps.

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn class() -> Value {
    json!({"id": "3388.a", "issuerName": "Shop", "programName": "Card", "reviewStatus": "UNDER_REVIEW",
           "programLogo": {"sourceUri": {"uri": "https://shop.example/logo.png"}}})
}

fn object() -> Value {
    json!({"id": "3388.b", "classId": "3388.a", "state": "ACTIVE",
           "textModulesData": [{"id": "one"}, {"id": "two"}]})
}

fn resources() -> Resources {
    Resources::of("3388")
}

fn filled() -> Resources {
    let mut resources = resources();
    resources
        .insert(Kind::LoyaltyClass, &class())
        .expect("a good class");
    resources
        .insert(Kind::LoyaltyObject, &object())
        .expect("a good object");
    resources
}

fn refused(result: Result<Value, Refusal>) -> (u16, &'static str) {
    let refusal = result.expect_err("refused");
    (refusal.status, refusal.reason)
}

#[test]
fn required_fields_and_ids_are_checked() {
    for field in Kind::LoyaltyClass.required() {
        let mut class = class();
        class[*field] = Value::Null;
        assert_eq!(
            refused(resources().insert(Kind::LoyaltyClass, &class)),
            (400, "invalidResource")
        );
    }
    let mut foreign = class();
    foreign["id"] = "9999.a".into();
    assert_eq!(
        refused(resources().insert(Kind::LoyaltyClass, &foreign)),
        (403, "permissionDenied")
    );
    foreign["id"] = "3388.a/b".into();
    assert_eq!(
        refused(resources().insert(Kind::LoyaltyClass, &foreign)),
        (400, "invalidResource")
    );
}

#[test]
fn an_object_needs_an_approved_class() {
    let mut resources = resources();
    assert_eq!(
        refused(resources.insert(Kind::LoyaltyObject, &object())),
        (404, "notFound")
    );
    let mut draft = class();
    draft["reviewStatus"] = "DRAFT".into();
    resources.insert(Kind::LoyaltyClass, &draft).expect("a draft");
    assert_eq!(
        refused(resources.insert(Kind::LoyaltyObject, &object())),
        (400, "invalidResource")
    );
    resources
        .patch(
            Kind::LoyaltyClass,
            "3388.a",
            &json!({"reviewStatus": "UNDER_REVIEW"}),
            NOW,
        )
        .expect("for review");
    resources
        .insert(Kind::LoyaltyObject, &object())
        .expect("approved now");
}

#[test]
fn approval_is_not_ours_to_give_and_there_is_no_way_back() {
    let mut resources = filled();
    for status in ["APPROVED", "REJECTED", "DRAFT"] {
        let patch = json!({"reviewStatus": status});
        assert_eq!(
            refused(resources.patch(Kind::LoyaltyClass, "3388.a", &patch, NOW)),
            (400, "invalidResource"),
            "{status}"
        );
    }
}

#[test]
fn patch_merges_replaces_lists_and_deletes_on_null() {
    let mut resources = filled();
    let patch = json!({"accountName": "Ada", "textModulesData": [{"id": "three"}]});
    resources
        .patch(Kind::LoyaltyObject, "3388.b", &patch, NOW)
        .expect("a good patch");
    let patch = json!({"accountName": null, "loyaltyPoints": {"balance": {"string": "1"}}});
    let read = resources
        .patch(Kind::LoyaltyObject, "3388.b", &patch, NOW)
        .expect("a good patch");
    assert!(read.get("accountName").is_none());
    assert_eq!(read["textModulesData"], json!([{"id": "three"}]));
    assert_eq!(read["state"], "ACTIVE");
    let two_kinds = json!({"loyaltyPoints": {"balance": {"int": 1}}});
    assert_eq!(
        refused(resources.patch(Kind::LoyaltyObject, "3388.b", &two_kinds, NOW)),
        (400, "invalidResource")
    );
    let put = resources
        .update(Kind::LoyaltyObject, "3388.b", &object(), NOW)
        .expect("a good PUT");
    assert!(put.get("loyaltyPoints").is_none());
    assert_eq!(resources.versions(Kind::LoyaltyObject, "3388.b").len(), 4);
}

#[test]
fn ten_messages_whatever_their_ids() {
    let mut resources = filled();
    let message = json!({"message": {"id": "same", "header": "Hello", "body": "Again"}});
    for _ in 0..10 {
        resources
            .add_message(Kind::LoyaltyObject, "3388.b", &message, NOW)
            .expect("room");
    }
    assert_eq!(
        refused(resources.add_message(Kind::LoyaltyObject, "3388.b", &message, NOW)),
        (400, "invalidResource")
    );
}

#[test]
fn lists_are_whole_without_a_size_and_paged_with_one() {
    let mut resources = filled();
    for id in ["3388.c", "3388.d"] {
        let mut object = object();
        object["id"] = id.into();
        resources
            .insert(Kind::LoyaltyObject, &object)
            .expect("a good object");
    }
    let list = |size, token: &str| {
        resources
            .list(Kind::LoyaltyObject, "3388.a", size, token)
            .expect("a list")
    };
    assert_eq!(list(None, "")["resources"].as_array().map(Vec::len), Some(3));
    let first = list(Some(2), "");
    let token = text(&first["pagination"], "nextPageToken");
    let second = list(Some(2), token);
    assert_eq!(second["resources"][0]["id"], "3388.d");
    assert!(second["pagination"].get("nextPageToken").is_none());
}

#[test]
fn the_first_saver_keeps_the_card() {
    let mut resources = filled();
    assert_eq!(resources.save("3388.b", "ada"), Ok(()));
    assert_eq!(resources.save("3388.b", "ada"), Ok(()));
    assert!(resources.save("3388.b", "bob").is_err());
    assert!(resources.save("3388.nothing", "ada").is_err());
    assert_eq!(
        resources.read(Kind::LoyaltyObject, "3388.b").expect("there")["hasUsers"],
        true
    );
}
