//! What the stand-in for the Wallet API keeps: every version of every class and object, and what rang. Nothing is ever
//! deleted. A resource rings three times in any 24 hours, by messages and updates together; more is refused.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rules::{self, Kind, Refusal, merge, text, with_id};
use crate::domain::time::{DAY, Timestamp};

/// Alerts in any 24 hours ("Trigger push notifications").
const MOST_ALERTS: usize = 3;

/// Something that made the holder's phone ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub at: Timestamp,
    /// The body of a message; `None` for an update of the object.
    pub message: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Resources {
    issuer: String,
    all: BTreeMap<(Kind, String), Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Every state since the insert; the last is the current one. Never empty.
    versions: Vec<Value>,
    /// What rang, oldest first.
    alerts: Vec<Alert>,
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

    pub(super) fn update(
        &mut self,
        kind: Kind,
        id: &str,
        body: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let old = self.current(kind, id)?.clone();
        let new = self.checked(kind, &with_id(body, id)?, Some(&old))?;
        self.ring_for_change(kind, id, body, (&old, &new), now)?;
        self.store(kind, id, new)
    }

    pub(super) fn patch(
        &mut self,
        kind: Kind,
        id: &str,
        body: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let old = self.current(kind, id)?.clone();
        rules::check_payload(kind, body)?;
        let patch = with_id(body, id)?;
        let mut merged = old.clone();
        merge(&mut merged, &patch);
        if kind == Kind::LoyaltyClass && patch.get("reviewStatus").is_none() {
            merged["reviewStatus"] = "UNDER_REVIEW".into();
        }
        let new = self.checked(kind, &merged, Some(&old))?;
        self.ring_for_change(kind, id, body, (&old, &new), now)?;
        self.store(kind, id, new)
    }

    /// An update that asks for it rings when a field of the list has changed.
    fn ring_for_change(
        &mut self,
        kind: Kind,
        id: &str,
        body: &Value,
        (old, new): (&Value, &Value),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let watched = |value: &Value| {
            [
                value["loyaltyPoints"]["balance"].clone(),
                value["secondaryLoyaltyPoints"]["balance"].clone(),
                value["rewardsTier"].clone(),
            ]
        };
        if text(body, "notifyPreference") != "NOTIFY_ON_UPDATE" || watched(old) == watched(new) {
            return Ok(());
        }
        self.ring(kind, id, None, now)
    }

    fn ring(&mut self, kind: Kind, id: &str, message: Option<String>, now: Timestamp) -> Result<(), Refusal> {
        let entry = self.all.entry((kind, id.to_owned())).or_default();
        let recent = entry.alerts.iter().filter(|alert| now.since(alert.at) < DAY);
        if recent.count() >= MOST_ALERTS {
            let issuer = &self.issuer;
            let what = match message {
                Some(_) => format!("adding TEXT_AND_NOTIFY message to {} {id}", kind.in_words()),
                None => format!("updating {} {id} with NOTIFY_ON_UPDATE", kind.in_words()),
            };
            let message = format!("Quota exceeded for issuer ({issuer}) when {what}.");
            return Err(Refusal::wallet(403, "quotaExceeded", message));
        }
        entry.alerts.push(Alert { at: now, message });
        Ok(())
    }

    pub(super) fn alerts(&self, kind: Kind, id: &str) -> &[Alert] {
        self.all
            .get(&(kind, id.to_owned()))
            .map_or(&[], |entry| &entry.alerts)
    }

    pub(super) fn add_message(
        &mut self,
        kind: Kind,
        id: &str,
        body: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let mut new = self.current(kind, id)?.clone();
        let message = rules::message(body)?;
        let rings = text(&message, "messageType") == "TEXT_AND_NOTIFY";
        let said = text(&message, "body").to_owned();
        let mut messages = new["messages"].as_array().cloned().unwrap_or_default();
        // Ids of messages are the caller's business: the same id twice is two messages.
        messages.push(message);
        new["messages"] = Value::Array(messages);
        rules::check_messages(&new)?;
        if rings {
            self.ring(kind, id, Some(said), now)?;
        }
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
        rules::check_id(&self.issuer, id)?;
        let entry = self.all.get(&(kind, id.to_owned()));
        entry
            .and_then(Entry::current)
            .ok_or_else(|| Refusal::wallet(404, "notFound", format!("{} {id} not found.", kind.in_words())))
    }

    fn store(&mut self, kind: Kind, id: &str, mut new: Value) -> Result<Value, Refusal> {
        let entry = self.all.entry((kind, id.to_owned())).or_default();
        // Said with each update, and kept by none.
        if let Some(fields) = new.as_object_mut() {
            fields.remove("notifyPreference");
        }
        new["kind"] = format!("walletobjects#{}", kind.as_str()).into();
        new["version"] = (entry.versions.len() + 1).to_string().into();
        if kind == Kind::LoyaltyObject {
            new["hasUsers"] = entry.saved_by.is_some().into();
        }
        entry.versions.push(new);
        self.read(kind, id)
    }

    fn checked(&self, kind: Kind, body: &Value, old: Option<&Value>) -> Result<Value, Refusal> {
        let mut new = rules::whole(kind, &self.issuer, body)?;
        match kind {
            Kind::LoyaltyClass => rules::check_class(&mut new, old)?,
            Kind::LoyaltyObject => {
                let class = self.current(Kind::LoyaltyClass, text(&new, "classId"))?;
                rules::check_object(&new, class, old)?;
            }
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests;
