//! What a notice looks like as a message of FCM v1.
//!
//! A refresh is data alone: the app draws it, silently. What may ring is a notification besides. Nothing is collapsed at
//! Firebase, which keeps only four collapse keys for a phone that is off and has a pace of its own for them: `version`
//! tells an app which of two is newer. The message goes through Google in the clear, so it holds what a lock screen may
//! show and no link to the card.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::domain::address::{Registration, RegistrationKind};
use crate::domain::notice::{Notice, Urgency};

/// What Firebase takes; to a topic, half of it.
const LARGEST: usize = 4096;
const LARGEST_TO_TOPIC: usize = 2048;

/// The body of `messages:send`, its words cut short where they do not fit. `None` where not even that helps.
pub(super) fn message(registration: &Registration, notice: &Notice, expiration: Duration) -> Option<Value> {
    let limit = match registration.kind() {
        RegistrationKind::Topic => LARGEST_TO_TOPIC,
        RegistrationKind::Fid | RegistrationKind::Token => LARGEST,
    };
    let size = |notice: &Notice| draw(registration, notice, expiration).to_string().len();
    let fitting = notice.within(limit, size)?;
    Some(draw(registration, &fitting, expiration))
}

fn draw(registration: &Registration, notice: &Notice, expiration: Duration) -> Value {
    let mut data = Map::new();
    // Every value is a text, and no key is one of Firebase's own (`from`, `message_type`, `google.…`).
    for (key, value) in [
        ("tag", notice.tag.clone()),
        ("title", notice.title.clone()),
        ("body", notice.body.clone()),
        ("class", notice.class.as_str().to_owned()),
        ("alert", notice.alert.to_string()),
        ("version", notice.version.to_string()),
    ] {
        data.insert(key.to_owned(), value.into());
    }
    if let Some(url) = &notice.url {
        data.insert("url".to_owned(), url.clone().into());
    }
    let wakes = notice.alert && notice.class.urgency() > Urgency::Low;
    let mut android = json!({
        "priority": if wakes { "HIGH" } else { "NORMAL" },
        "ttl": format!("{}s", expiration.as_secs()),
    });
    let mut message = Map::new();
    message.insert(
        registration.kind().as_str().to_owned(),
        registration.address().into(),
    );
    message.insert("data".to_owned(), data.into());
    if notice.alert {
        android["notification"] = json!({"tag": notice.tag});
        message.insert(
            "notification".to_owned(),
            json!({"title": notice.title, "body": notice.body}),
        );
    } else {
        // Without a notification, Apple's phones are only woken for this form.
        message.insert(
            "apns".to_owned(),
            json!({
                "headers": {"apns-push-type": "background", "apns-priority": "5"},
                "payload": {"aps": {"content-available": 1}},
            }),
        );
    }
    message.insert("android".to_owned(), android);
    json!({"message": message})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::preference::Class;

    fn registration(kind: RegistrationKind) -> Registration {
        Registration::new(kind, "cIN1cbQ7TGqmGRoZDcHOgj".into()).expect("valid")
    }

    fn notice(alert: bool, body: String) -> Notice {
        Notice {
            tag: "t".repeat(32),
            title: "Coffee card".into(),
            body,
            url: None,
            class: Class::Reward,
            alert,
            version: 7,
        }
    }

    const WEEK: Duration = Duration::from_secs(604_800);

    #[test]
    fn each_kind_of_address_has_its_field() {
        for kind in RegistrationKind::ALL {
            let drawn = message(&registration(kind), &notice(false, "3 of 10".into()), WEEK).expect("drawn");
            assert_eq!(drawn["message"][kind.as_str()], "cIN1cbQ7TGqmGRoZDcHOgj");
            let targets = ["fid", "token", "topic", "condition"];
            let named = targets
                .iter()
                .filter(|field| drawn["message"].get(field).is_some());
            assert_eq!(named.count(), 1);
        }
    }

    #[test]
    fn a_refresh_is_silent_and_an_alert_is_not() {
        let to = registration(RegistrationKind::Fid);
        let silent = message(&to, &notice(false, "3 of 10".into()), WEEK).expect("drawn");
        let silent = &silent["message"];
        assert!(silent.get("notification").is_none());
        assert_eq!(silent["android"]["priority"], "NORMAL");
        assert_eq!(silent["android"]["ttl"], "604800s");
        assert_eq!(silent["apns"]["payload"]["aps"]["content-available"], 1);
        let values = silent["data"].as_object().expect("data").values();
        assert!(values.into_iter().all(Value::is_string));
        let alert = message(&to, &notice(true, "A coffee is yours".into()), WEEK).expect("drawn");
        let alert = &alert["message"];
        assert_eq!(alert["notification"]["body"], "A coffee is yours");
        assert_eq!(alert["android"]["priority"], "HIGH");
    }

    #[test]
    fn long_words_are_cut_to_what_firebase_takes() {
        for (kind, limit) in [
            (RegistrationKind::Token, LARGEST),
            (RegistrationKind::Topic, LARGEST_TO_TOPIC),
        ] {
            let long = notice(true, "ä".repeat(5000));
            let drawn = message(&registration(kind), &long, WEEK).expect("drawn");
            assert!(drawn.to_string().len() <= limit);
            assert!(drawn.to_string().len() > limit - 20, "no more than needed");
        }
    }
}
