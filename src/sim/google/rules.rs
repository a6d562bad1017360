//! The Wallet API's rules for one class or object: pure (reference: LoyaltyClass, LoyaltyObject, error codes).
//!
//! Required fields; ids begin with the issuer; a class needs a review status of UNDER_REVIEW or DRAFT with each
//! insert and PUT, becomes APPROVED at once, never goes back to DRAFT, and takes objects only when approved;
//! PATCH merges objects, replaces lists and deletes on null; an object cannot change its class; 10 messages.

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

    /// As in the `kind` of an answer.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "loyaltyClass",
            Self::LoyaltyObject => "loyaltyObject",
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "LoyaltyClass",
            Self::LoyaltyObject => "LoyaltyObject",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "Wallet Class",
            Self::LoyaltyObject => "Wallet Object",
        }
    }

    /// How the API calls the request's body in complaints about it.
    fn body_name(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "loyalty_class",
            Self::LoyaltyObject => "loyalty_object",
        }
    }

    pub(super) fn required(self) -> &'static [&'static str] {
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

    /// The body is not JSON of the right shape: refused before the API looks at what it means.
    fn payload(message: String) -> Self {
        Self {
            status: 400,
            domain: "global",
            reason: "badRequest",
            message,
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

/// A whole resource with what every one must have, cleaned of what only the API writes.
pub(super) fn whole(kind: Kind, issuer: &str, body: &Value) -> Result<Value, Refusal> {
    check_payload(kind, body)?;
    let mut fields = Map::new();
    merge_into(&mut fields, body);
    fields.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    let new = Value::Object(fields);
    if let Some(field) = kind.required().iter().find(|field| is_empty(&new[**field])) {
        return Err(Refusal::invalid(format!(
            "{} requires {field} to be set.",
            kind.in_words()
        )));
    }
    check_id(issuer, text(&new, "id"))?;
    if !is_empty(&new["merchantLocations"]) {
        return Err(Refusal::invalid(
            "Issuer not allowlisted for Merchant Locations. Please contact support.",
        ));
    }
    check_messages(&new)?;
    Ok(new)
}

/// Field names, types and spellings.
pub(super) fn check_payload(kind: Kind, body: &Value) -> Result<(), Refusal> {
    schema::check(kind.schema(), kind.body_name(), body).map_err(Refusal::payload)
}

/// The message in the body of an addMessage.
pub(super) fn message(body: &Value) -> Result<Value, Refusal> {
    schema::check("AddMessageRequest", "request", body).map_err(Refusal::payload)?;
    let message = body.get("message").filter(|message| message.is_object());
    message
        .cloned()
        .ok_or_else(|| Refusal::invalid("Message must be set."))
}

pub(super) fn check_messages(resource: &Value) -> Result<(), Refusal> {
    match resource["messages"].as_array() {
        Some(messages) if messages.len() > MOST_MESSAGES => Err(Refusal::invalid(format!(
            "A maximum of {MOST_MESSAGES} messages is allowed."
        ))),
        _ => Ok(()),
    }
}

/// An id is the issuer's number, a dot, and letters, digits, '.', '_' or '-'.
pub(super) fn check_id(issuer: &str, id: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match id.split_once('.') {
        Some((owner, suffix)) if !suffix.is_empty() && suffix.chars().all(allowed) => {
            if owner == issuer {
                Ok(())
            } else {
                Err(Refusal::wallet(403, "permissionDenied", "Permission denied."))
            }
        }
        _ => Err(Refusal::invalid(format!("Invalid resource ID: {id}"))),
    }
}

/// `class` is the one that the object names.
pub(super) fn check_object(new: &Value, class: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    let class_id = text(new, "classId");
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

/// Also sets the review status that the API makes of the written one.
pub(super) fn check_class(new: &mut Value, old: Option<&Value>) -> Result<(), Refusal> {
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

/// The body with the id of the path; a different id in it is refused.
pub(super) fn with_id(body: &Value, id: &str) -> Result<Value, Refusal> {
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
pub(super) fn merge(target: &mut Value, patch: &Value) {
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
