//! What APNs refuses on its own account, written from Apple's tables ("Sending notification requests to APNs",
//! "Handling notification responses from APNs").

use http::request::Parts;
use http::{HeaderMap, Method};

/// A refusal: status and reason.
pub(super) type Refusal = (u16, &'static str);

const PAYLOAD_LIMIT: usize = 4096;
const PUSH_TYPES: [&str; 9] = [
    "alert",
    "background",
    "complication",
    "controls",
    "fileprovider",
    "liveactivity",
    "location",
    "mdm",
    "voip",
];

/// What a sound request asks for.
pub(super) struct Asked {
    /// Lower-case hexadecimal.
    pub(super) token: String,
    pub(super) topic: String,
}

/// Everything but who sends it.
pub(super) fn check(head: &Parts, payload_bytes: usize) -> Result<Asked, Refusal> {
    if head.method != Method::POST {
        return Err((405, "MethodNotAllowed"));
    }
    let token = match head.uri.path().strip_prefix("/3/device/") {
        Some("") => return Err((400, "MissingDeviceToken")),
        Some(token) if !token.contains('/') => token,
        _ => return Err((404, "BadPath")),
    };
    let hexadecimal = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hexadecimal || token.len() % 2 != 0 || token.len() > 200 {
        return Err((400, "BadDeviceToken"));
    }
    check_headers(&head.headers)?;
    if payload_bytes > PAYLOAD_LIMIT {
        return Err((413, "PayloadTooLarge"));
    }
    let topic = text(&head.headers, "apns-topic").ok_or((400, "MissingTopic"))?;
    if topic.is_empty() {
        return Err((400, "BadTopic"));
    }
    Ok(Asked {
        token: token.to_ascii_lowercase(),
        topic: topic.to_owned(),
    })
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let repeated = headers
        .keys()
        .filter(|name| name.as_str().starts_with("apns-"))
        .any(|name| headers.get_all(name).iter().count() > 1);
    if repeated {
        return Err((400, "DuplicateHeaders"));
    }
    if text(headers, "apns-id").is_some_and(|id| uuid::Uuid::parse_str(id).is_err()) {
        return Err((400, "BadMessageId"));
    }
    if text(headers, "apns-expiration").is_some_and(|time| time.parse::<u64>().is_err()) {
        return Err((400, "BadExpirationDate"));
    }
    if text(headers, "apns-collapse-id").is_some_and(|id| id.len() > 64) {
        return Err((400, "BadCollapseId"));
    }
    let push_type = text(headers, "apns-push-type");
    if push_type.is_some_and(|name| !PUSH_TYPES.contains(&name)) {
        return Err((400, "InvalidPushType"));
    }
    match text(headers, "apns-priority") {
        None | Some("1" | "5") => Ok(()),
        // At once is only for what the user sees.
        Some("10") if push_type != Some("background") => Ok(()),
        Some(_) => Err((400, "BadPriority")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &str, path: &str, headers: &[(&str, &str)], bytes: usize) -> Result<String, Refusal> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("request").into_parts();
        check(&head, bytes).map(|asked| asked.token)
    }

    #[test]
    fn a_sound_push_is_taken() {
        let headers = [
            ("apns-topic", "pass.example"),
            ("apns-push-type", "background"),
            ("apns-priority", "5"),
            ("apns-expiration", "1800000000"),
        ];
        assert_eq!(verdict("POST", "/3/device/00AB", &headers, 2), Ok("00ab".into()));
    }

    #[test]
    fn what_apns_refuses_is_refused_with_its_word() {
        let topic = ("apns-topic", "pass.example");
        for (method, path, headers, bytes, status, reason) in [
            ("GET", "/3/device/00", vec![topic], 2, 405, "MethodNotAllowed"),
            ("POST", "/3/devices/00", vec![topic], 2, 404, "BadPath"),
            ("POST", "/3/device/", vec![topic], 2, 400, "MissingDeviceToken"),
            ("POST", "/3/device/xyz", vec![topic], 2, 400, "BadDeviceToken"),
            ("POST", "/3/device/123", vec![topic], 2, 400, "BadDeviceToken"),
            ("POST", "/3/device/00", vec![], 2, 400, "MissingTopic"),
            (
                "POST",
                "/3/device/00",
                vec![topic, topic],
                2,
                400,
                "DuplicateHeaders",
            ),
            ("POST", "/3/device/00", vec![topic], 4097, 413, "PayloadTooLarge"),
            (
                "POST",
                "/3/device/00",
                vec![topic, ("apns-id", "7")],
                2,
                400,
                "BadMessageId",
            ),
            (
                "POST",
                "/3/device/00",
                vec![topic, ("apns-priority", "7")],
                2,
                400,
                "BadPriority",
            ),
            (
                "POST",
                "/3/device/00",
                vec![topic, ("apns-expiration", "soon")],
                2,
                400,
                "BadExpirationDate",
            ),
            (
                "POST",
                "/3/device/00",
                vec![topic, ("apns-push-type", "loud")],
                2,
                400,
                "InvalidPushType",
            ),
            (
                "POST",
                "/3/device/00",
                vec![topic, ("apns-push-type", "background"), ("apns-priority", "10")],
                2,
                400,
                "BadPriority",
            ),
        ] {
            assert_eq!(verdict(method, path, &headers, bytes), Err((status, reason)));
        }
    }
}
