//! What the stand-in for the Wallet API keeps, and its rules for writing: pure, no HTTP.
//!
//! Rules (reference: LoyaltyClass, LoyaltyObject, error codes): required fields; ids begin with the issuer; a
//! class needs a review status of UNDER_REVIEW or DRAFT with each insert and PUT, becomes APPROVED at once, never
//! goes back to DRAFT, and takes objects only when approved; PATCH merges objects, replaces lists and deletes on
//! null; an object cannot change its class; nothing is ever deleted; at most 10 messages.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    LoyaltyClass,
    LoyaltyObject,
}

impl Kind {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "loyaltyClass" => Some(Self::LoyaltyClass),
            "loyaltyObject" => Some(Self::LoyaltyObject),
            _ => None,
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "LoyaltyClass",
            Self::LoyaltyObject => "LoyaltyObject",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "Loyalty class",
            Self::LoyaltyObject => "Loyalty object",
        }
    }

    /// How the API calls the request's body in complaints about it.
    fn body_name(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "loyalty_class",
            Self::LoyaltyObject => "loyalty_object",
        }
    }

    fn required(self) -> &'static [&'static str] {
        match self {
            Self::LoyaltyClass => &["id", "issuerName", "programLogo", "programName", "reviewStatus"],
            Self::LoyaltyObject => &["id", "classId", "state"],
        }
    }
}

/// A refusal of the API: HTTP status, `reason` and message of its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) domain: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn wallet(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            domain: "walletobjects",
            reason,
            message: message.into(),
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::wallet(400, "invalidResource", message)
    }

    pub(super) fn envelope(&self) -> Value {
        let item = json!({"message": self.message, "domain": self.domain, "reason": self.reason});
        json!({"error": {"code": self.status, "message": self.message, "errors": [item]}})
    }
}

/// Fields that the API writes and nobody else.
const READ_ONLY: &[&str] = &[
    "kind",
    "version",
    "hasUsers",
    "hasLinkedDevice",
    "classReference",
    "review",
];

const MOST_MESSAGES: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Resources {
    issuer: String,
    all: BTreeMap<(Kind, String), Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Every state since the insert; the last is the current one. Never empty.
    versions: Vec<Value>,
    /// Who saved it: the first saver of a card that one user may have.
    saved_by: Option<String>,
}

impl Entry {
    fn current(&self) -> Option<&Value> {
        self.versions.last()
    }
}

impl Resources {
    pub(super) fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            all: BTreeMap::new(),
        }
    }

    pub(super) fn insert(&mut self, kind: Kind, body: &Value) -> Result<Value, Refusal> {
        let new = self.checked(kind, body, None)?;
        let id = text(&new, "id").to_owned();
        if self.all.contains_key(&(kind, id.clone())) {
            let message = format!("{} {id} already exists.", kind.in_words());
            return Err(Refusal::wallet(409, "alreadyExists", message));
        }
        self.all.insert((kind, id.clone()), Entry::default());
        self.store(kind, &id, new)
    }

    pub(super) fn update(&mut self, kind: Kind, id: &str, body: &Value) -> Result<Value, Refusal> {
        let old = self.current(kind, id)?.clone();
        let new = self.checked(kind, &with_id(body, id)?, Some(&old))?;
        self.store(kind, id, new)
    }

    pub(super) fn patch(&mut self, kind: Kind, id: &str, body: &Value) -> Result<Value, Refusal> {
        let old = self.current(kind, id)?.clone();
        schema::check(kind.schema(), kind.body_name(), body).map_err(bad_payload)?;
        let patch = with_id(body, id)?;
        let mut merged = old.clone();
        merge(&mut merged, &patch);
        if kind == Kind::LoyaltyClass && patch.get("reviewStatus").is_none() {
            merged["reviewStatus"] = "UNDER_REVIEW".into();
        }
        let new = self.checked(kind, &merged, Some(&old))?;
        self.store(kind, id, new)
    }

    pub(super) fn add_message(&mut self, kind: Kind, id: &str, body: &Value) -> Result<Value, Refusal> {
        let mut new = self.current(kind, id)?.clone();
        schema::check("AddMessageRequest", "request", body).map_err(bad_payload)?;
        let message = body.get("message").filter(|message| message.is_object());
        let message = message.ok_or_else(|| Refusal::invalid("Message must be set."))?;
        let mut messages = new["messages"].as_array().cloned().unwrap_or_default();
        // Ids of messages are the caller's business: the same id twice is two messages.
        messages.push(message.clone());
        if messages.len() > MOST_MESSAGES {
            return Err(Refusal::invalid(format!(
                "A maximum of {MOST_MESSAGES} messages is allowed."
            )));
        }
        new["messages"] = Value::Array(messages);
        let stored = self.store(kind, id, new)?;
        Ok(json!({"resource": stored}))
    }

    /// The resource as a read returns it.
    pub(super) fn read(&self, kind: Kind, id: &str) -> Result<Value, Refusal> {
        let mut shown = self.current(kind, id)?.clone();
        if kind == Kind::LoyaltyObject
            && let Ok(class) = self.current(Kind::LoyaltyClass, text(&shown, "classId"))
        {
            shown["classReference"] = class.clone();
        }
        Ok(shown)
    }

    /// A page: everything when `size` is absent, as the API does it.
    pub(super) fn list(
        &self,
        kind: Kind,
        parent: &str,
        size: Option<usize>,
        token: &str,
    ) -> Result<Value, Refusal> {
        let after = token.strip_prefix("after:").unwrap_or_default();
        if kind == Kind::LoyaltyObject {
            self.current(Kind::LoyaltyClass, parent)?;
        }
        let belongs = |value: &Value| match kind {
            Kind::LoyaltyClass => text(value, "id").split('.').next() == Some(parent),
            Kind::LoyaltyObject => text(value, "classId") == parent,
        };
        let mut found = self
            .all
            .iter()
            .filter(|((of, id), _)| *of == kind && id.as_str() > after)
            .filter_map(|(_, entry)| entry.current())
            .filter(|value| belongs(value));
        let page: Vec<Value> = found.by_ref().take(size.unwrap_or(usize::MAX)).cloned().collect();
        let mut pagination = json!({"kind": "walletobjects#pagination", "resultsPerPage": page.len()});
        if let (Some(last), Some(_)) = (page.last(), found.next()) {
            pagination["nextPageToken"] = format!("after:{}", text(last, "id")).into();
        }
        Ok(json!({"resources": page, "pagination": pagination}))
    }

    /// Puts an object into the wallet of `user`.
    pub(super) fn save(&mut self, id: &str, user: &str) -> Result<(), String> {
        let class_id = self
            .current(Kind::LoyaltyObject, id)
            .map_err(|refusal| refusal.message)?;
        let class_id = text(class_id, "classId").to_owned();
        let class = self
            .current(Kind::LoyaltyClass, &class_id)
            .map_err(|refusal| refusal.message)?;
        let shared = text(class, "multipleDevicesAndHoldersAllowedStatus") == "MULTIPLE_HOLDERS";
        for (kind, id) in [
            (Kind::LoyaltyObject, id.to_owned()),
            (Kind::LoyaltyClass, class_id),
        ] {
            let Some(entry) = self.all.get_mut(&(kind, id)) else {
                continue;
            };
            if kind == Kind::LoyaltyObject && !shared {
                if entry.saved_by.as_deref().is_some_and(|holder| holder != user) {
                    return Err("this card is in somebody else's wallet".into());
                }
                entry.saved_by = Some(user.to_owned());
                if let Some(current) = entry.versions.last_mut() {
                    current["hasUsers"] = true.into();
                }
            }
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    pub(super) fn versions(&self, kind: Kind, id: &str) -> &[Value] {
        self.all
            .get(&(kind, id.to_owned()))
            .map_or(&[], |entry| &entry.versions)
    }

    fn current(&self, kind: Kind, id: &str) -> Result<&Value, Refusal> {
        self.check_id(id)?;
        let entry = self.all.get(&(kind, id.to_owned()));
        entry
            .and_then(Entry::current)
            .ok_or_else(|| Refusal::wallet(404, "notFound", format!("{} {id} not found.", kind.in_words())))
    }

    fn store(&mut self, kind: Kind, id: &str, mut new: Value) -> Result<Value, Refusal> {
        let entry = self.all.entry((kind, id.to_owned())).or_default();
        new["kind"] = format!("walletobjects#{}", lower_first(kind.schema())).into();
        new["version"] = (entry.versions.len() + 1).to_string().into();
        if kind == Kind::LoyaltyObject {
            new["hasUsers"] = entry.saved_by.is_some().into();
        }
        entry.versions.push(new);
        self.read(kind, id)
    }

    fn check_id(&self, id: &str) -> Result<(), Refusal> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match id.split_once('.') {
            Some((issuer, suffix)) if !suffix.is_empty() && suffix.chars().all(allowed) => {
                if issuer == self.issuer {
                    Ok(())
                } else {
                    Err(Refusal::wallet(403, "permissionDenied", "Permission denied."))
                }
            }
            _ => Err(Refusal::invalid(format!("Invalid resource ID: {id}"))),
        }
    }

    /// A whole resource, checked and cleaned of what only the API writes.
    fn checked(&self, kind: Kind, body: &Value, old: Option<&Value>) -> Result<Value, Refusal> {
        schema::check(kind.schema(), kind.body_name(), body).map_err(bad_payload)?;
        let mut new = Map::new();
        merge_into(&mut new, body);
        new.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        let mut new = Value::Object(new);
        if let Some(field) = kind.required().iter().find(|field| is_empty(&new[**field])) {
            return Err(Refusal::invalid(format!(
                "{} requires {field} to be set.",
                kind.in_words()
            )));
        }
        self.check_id(text(&new, "id"))?;
        match kind {
            Kind::LoyaltyClass => check_class(&mut new, old)?,
            Kind::LoyaltyObject => self.check_object(&new, old)?,
        }
        if !is_empty(&new["merchantLocations"]) {
            return Err(Refusal::invalid(
                "Issuer not allowlisted for Merchant Locations. Please contact support.",
            ));
        }
        if new["messages"]
            .as_array()
            .is_some_and(|messages| messages.len() > MOST_MESSAGES)
        {
            return Err(Refusal::invalid(format!(
                "A maximum of {MOST_MESSAGES} messages is allowed."
            )));
        }
        Ok(new)
    }

    fn check_object(&self, new: &Value, old: Option<&Value>) -> Result<(), Refusal> {
        let class_id = text(new, "classId");
        let class = self.current(Kind::LoyaltyClass, class_id)?;
        if text(class, "reviewStatus") != "APPROVED" {
            return Err(Refusal::invalid(format!("Class {class_id} is not approved.")));
        }
        if old.is_some_and(|old| text(old, "classId") != class_id) {
            return Err(Refusal::invalid("The class of an object cannot be changed."));
        }
        if let Some(barcode) = new.get("barcode").filter(|barcode| !barcode.is_null()) {
            match text(barcode, "type") {
                "" | "BARCODE_TYPE_UNSPECIFIED" => return Err(Refusal::invalid("Barcode type must be set.")),
                "TEXT_ONLY" if !is_empty(&barcode["alternateText"]) => {
                    return Err(Refusal::invalid(
                        "alternateText must not be set for TEXT_ONLY barcodes.",
                    ));
                }
                _ => {}
            }
        }
        for points in ["loyaltyPoints", "secondaryLoyaltyPoints"] {
            let balance = &new[points]["balance"];
            if balance
                .as_object()
                .is_some_and(|kinds| kinds.values().filter(|v| !v.is_null()).count() != 1)
            {
                return Err(Refusal::invalid(format!(
                    "Exactly one kind of {points}.balance must be set."
                )));
            }
        }
        Ok(())
    }
}

fn check_class(new: &mut Value, old: Option<&Value>) -> Result<(), Refusal> {
    if is_empty(&new["programLogo"]["sourceUri"]["uri"]) {
        return Err(Refusal::invalid(
            "Image must have exactly one of sourceUri and privateImageId.",
        ));
    }
    let before = old.map(|old| text(old, "reviewStatus"));
    let after = match (text(new, "reviewStatus"), before) {
        ("UNDER_REVIEW", _) => "APPROVED",
        ("DRAFT", None | Some("DRAFT")) => "DRAFT",
        ("DRAFT", _) => return Err(Refusal::invalid("Review status cannot be changed back to DRAFT.")),
        (other, _) => {
            return Err(Refusal::invalid(format!(
                "Invalid review status {other}: use DRAFT or UNDER_REVIEW."
            )));
        }
    };
    new["reviewStatus"] = after.into();
    Ok(())
}

fn bad_payload(message: String) -> Refusal {
    Refusal {
        status: 400,
        domain: "global",
        reason: "badRequest",
        message,
    }
}

/// The body with the id of the path; a different id in it is refused.
fn with_id(body: &Value, id: &str) -> Result<Value, Refusal> {
    let mut body = body.clone();
    match body.get("id").and_then(Value::as_str) {
        Some(given) if given != id => Err(Refusal::invalid(format!("Invalid resource ID: {given}"))),
        _ => {
            if let Value::Object(fields) = &mut body {
                fields.insert("id".into(), id.into());
            }
            Ok(body)
        }
    }
}

/// Merges as PATCH does: objects field by field, lists and values whole, null deletes.
fn merge(target: &mut Value, patch: &Value) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        merge_into(target, patch);
    }
}

fn merge_into(target: &mut Map<String, Value>, patch: &Value) {
    let Value::Object(patch) = patch else {
        return;
    };
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(_) => merge(target.entry(name.clone()).or_insert(Value::Null), value),
            other => {
                target.insert(name.clone(), other.clone());
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
                refused(resources.patch(Kind::LoyaltyClass, "3388.a", &patch)),
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
            .patch(Kind::LoyaltyObject, "3388.b", &patch)
            .expect("a good patch");
        let patch = json!({"accountName": null, "loyaltyPoints": {"balance": {"string": "1"}}});
        let read = resources
            .patch(Kind::LoyaltyObject, "3388.b", &patch)
            .expect("a good patch");
        assert!(read.get("accountName").is_none());
        assert_eq!(read["textModulesData"], json!([{"id": "three"}]));
        assert_eq!(read["state"], "ACTIVE");
        let two_kinds = json!({"loyaltyPoints": {"balance": {"int": 1}}});
        assert_eq!(
            refused(resources.patch(Kind::LoyaltyObject, "3388.b", &two_kinds)),
            (400, "invalidResource")
        );
        let put = resources
            .update(Kind::LoyaltyObject, "3388.b", &object())
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
                .add_message(Kind::LoyaltyObject, "3388.b", &message)
                .expect("room");
        }
        assert_eq!(
            refused(resources.add_message(Kind::LoyaltyObject, "3388.b", &message)),
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
}
