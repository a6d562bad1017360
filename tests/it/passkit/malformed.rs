//! What nobody may break: bodies, paths and headers of any shape get a clear answer and never a 5xx.

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tower::ServiceExt as _;

use super::shop::{PASS_TYPE, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_body_is_told_what_was_expected() {
    let (store, _folder) = crate::engines::sqlite().await;
    let shop = Shop::open(store).await;
    let card = shop.issue().await;
    let registration = format!("devices/d1/registrations/{PASS_TYPE}/{}", card.serial_number);
    let long_token = format!(r#"{{"pushToken":"{}"}}"#, "a".repeat(256));
    let too_large = format!(r#"{{"pushToken":"{}"}}"#, "a".repeat(5000));
    let too_much_log = format!(r#"{{"logs":["{}"]}}"#, "a".repeat(70_000));
    let rows: &[(&str, &str, u16, &str)] = &[
        (&registration, "", 400, "pushToken"),
        (&registration, "{", 400, "pushToken"),
        (&registration, "not JSON", 400, "pushToken"),
        (&registration, "{}", 400, "pushToken"),
        (&registration, "[]", 400, "pushToken"),
        (&registration, r#"{"pushToken":17}"#, 400, "pushToken"),
        (&registration, r#"{"pushToken":null}"#, 400, "pushToken"),
        (&registration, r#"{"pushToken":""}"#, 400, "1 to 255"),
        (&registration, r#"{"pushToken":"a b"}"#, 400, "visible"),
        (&registration, &long_token, 400, "1 to 255"),
        (&registration, &too_large, 413, "4096"),
        ("log", "", 400, "logs"),
        ("log", r#"{"logs":"a line"}"#, 400, "logs"),
        ("log", r#"{"logs":[1]}"#, 400, "logs"),
        ("log", &too_much_log, 413, "65536"),
    ];
    for (path, body, status, words) in rows {
        let request = shop.http.post(format!("{}/{path}", shop.base));
        let request = request.header("authorization", format!("ApplePass {}", shop.token(&card)));
        let response = request.body((*body).to_owned()).send().await.expect("an answer");
        assert_eq!(response.status(), *status, "{path} {body:.60}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem = response.text().await.expect("a body");
        assert!(problem.contains(words), "{body:.60} got {problem}");
    }
    assert_eq!(shop.push_token("d1", card.id).await, None, "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_before_the_body_is_looked_at() {
    let (store, _folder) = crate::engines::sqlite().await;
    let shop = Shop::open(store).await;
    let card = shop.issue().await;
    let path = format!(
        "{}/devices/d1/registrations/{PASS_TYPE}/{}",
        shop.base, card.serial_number
    );
    let response = shop
        .http
        .post(path)
        .header("authorization", "ApplePass x")
        .body("{")
        .send()
        .await;
    assert_eq!(response.expect("an answer").status(), 401);
}

/// Any request line that `http` lets through, with the shape of ours at least half of the time.
fn paths() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        "[a-zA-Z0-9.]{0,20}",
        "(%[0-9a-fA-F]{2}){1,8}",
        "[!-~&&[^#?/]]{0,30}",
        Just("..".to_owned()),
        Just(PASS_TYPE.to_owned()),
    ];
    let segments = proptest::collection::vec(segment, 4..=4);
    (segments, 0..5_u8, "[!-~&&[^#]]{0,40}").prop_map(|(parts, shape, rest)| {
        let [merchant, device, kind, serial] = [&parts[0], &parts[1], &parts[2], &parts[3]];
        match shape {
            0 => format!("/passkit/{merchant}/v1/devices/{device}/registrations/{kind}/{serial}?{rest}"),
            1 => format!(
                "/passkit/{merchant}/v1/devices/{device}/registrations/{kind}?passesUpdatedSince={rest}"
            ),
            2 => format!("/passkit/{merchant}/v1/passes/{kind}/{serial}?{rest}"),
            3 => format!("/passkit/{merchant}/v1/log?{rest}"),
            _ => format!("/passkit/{rest}"),
        }
    })
}

#[derive(Debug, Clone)]
struct Call {
    path: String,
    own_merchant: bool,
    method: &'static str,
    authorization: Vec<u8>,
    condition: Vec<u8>,
    body: Vec<u8>,
}

fn calls() -> impl Strategy<Value = Call> {
    let header = || {
        prop_oneof![
            proptest::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..80),
            "ApplePass [0-9a-f]{0,70}".prop_map(String::into_bytes),
            "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
                .prop_map(String::into_bytes),
        ]
    };
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        r#"\{"(pushToken|logs)":("[ -~&&[^"\\]]{0,40}"|[0-9]{1,4}|\["[a-z ]{0,20}"\])\}"#
            .prop_map(String::into_bytes),
    ];
    let method = proptest::sample::select(vec!["GET", "HEAD", "POST", "DELETE"]);
    (paths(), any::<bool>(), method, header(), header(), body).prop_map(
        |(path, own_merchant, method, authorization, condition, body)| Call {
            path,
            own_merchant,
            method,
            authorization,
            condition,
            body,
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_of_any_shape_is_a_fault_of_ours() {
    let (store, _folder) = crate::engines::sqlite().await;
    let shop = Shop::open(store).await;
    let (router, merchant) = (shop.router(), shop.merchant);
    let here = tokio::runtime::Handle::current();
    let run = move || {
        let config = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let found = TestRunner::new(config).run(&calls(), |call| {
            let path = match call
                .path
                .strip_prefix("/passkit/")
                .and_then(|rest| rest.split_once('/'))
            {
                Some((_, rest)) if call.own_merchant => format!("/passkit/{merchant}/{rest}"),
                _ => call.path.clone(),
            };
            let request = Request::builder()
                .method(call.method)
                .uri(path)
                .header("authorization", call.authorization)
                .header("if-modified-since", call.condition.clone())
                .header("if-none-match", call.condition)
                .body(Body::from(call.body));
            // What `http` refuses never reaches the gateway.
            let Ok(request) = request else { return Ok(()) };
            let response = here
                .block_on(router.clone().oneshot(request))
                .expect("infallible");
            prop_assert!(response.status().as_u16() < 500, "{}", response.status());
            Ok(())
        });
        found.map_err(|error| error.to_string())
    };
    tokio::task::spawn_blocking(run)
        .await
        .expect("no panic")
        .expect("no counterexample");
}
