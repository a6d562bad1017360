//! Something is said to a topic of Firebase from the command line, and a running gateway sends it.

use passgate::sim::google::FakeGoogle;

use super::*;

const PROJECT: &str = "corner-cafe-cards";

/// The command with an account at the stand-in for Firebase.
fn with_firebase(folder: &Path, google: &FakeGoogle, key: &Path, arguments: &[&str]) -> Command {
    let mut command = passgate(folder, arguments);
    command
        .env("PASSGATE__GOOGLE__FCM__PROJECT", PROJECT)
        .env("PASSGATE__GOOGLE__FCM__API_URL", google.api_url())
        .env("PASSGATE__GOOGLE__FCM__SERVICE_ACCOUNT", key);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_a_topic_is_sent_once_by_the_gateway_and_not_too_often() {
    let folder = fresh();
    let folder = folder.path();
    follow_certs_dev(folder);
    let merchant = word(&done(folder, &SETUP), "merchant ");
    let help = done(folder, &["topic", "send", "--help"]);
    assert!(
        help.contains("three in 24 hours") && help.contains("--silent"),
        "{help}"
    );

    let send = [
        "topic",
        "send",
        "--merchant",
        &merchant,
        "--topic",
        "news",
        "--title",
        "Corner Café",
        "--text",
        "New beans are in",
        "--url",
        "https://example.com/menu",
    ];
    let off = refused(folder, &send);
    assert!(off.contains("google.fcm.project"), "{off}");
    let list = ["topic", "list", "--merchant", &merchant];
    assert_eq!(done(folder, &list), "");

    let google = FakeGoogle::start("3388000000012345678").await.expect("Google");
    google.set_firebase_project(PROJECT);
    let key = google.make_service_account(folder).expect("a key").key_file;
    let run = |arguments: &[&str]| {
        let output = with_firebase(folder, &google, &key, arguments).output();
        let output = output.expect("it runs");
        (
            output.status.success(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (fine, printed) = run(&send);
    assert!(fine, "{printed}");
    let subscribed = word(&printed, "subscribed ");
    assert_eq!(subscribed, format!("{merchant}-news"));
    let (_, listed) = run(&list);
    assert!(listed.starts_with("topic news: 0 sent, 1 waiting"), "{listed}");
    assert!(google.fcm_seen().is_empty(), "the command itself sends nothing");

    let gateway = with_firebase(folder, &google, &key, &["serve"])
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let _running = Running(gateway);
    let sent = async {
        while google.fcm_seen().is_empty() || !run(&list).1.contains("1 sent, 0 waiting") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(DEADLINE, sent)
        .await
        .expect("it is sent in time");
    let seen = google.fcm_seen();
    assert_eq!(seen.len(), 1, "once: {seen:?}");
    let message = &seen[0].message;
    assert_eq!((seen[0].status, &message["topic"]), (200, &json!(subscribed)));
    assert_eq!(message["notification"]["body"], "New beans are in");
    assert_eq!(message["data"]["url"], "https://example.com/menu");

    let silent = [&send[..], &["--silent"]].concat();
    for _ in 0..2 {
        let (fine, printed) = run(&silent);
        assert!(fine, "{printed}");
    }
    let (fine, printed) = run(&send);
    assert!(!fine && printed.contains("within 24 hours"), "{printed}");
    let two = async {
        while google.fcm_seen().len() < 3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(DEADLINE, two)
        .await
        .expect("they are sent in time");
    let last = google.fcm_seen().pop().expect("three").message;
    assert!(last.get("notification").is_none(), "{last}");
    let show = ["topic", "show", "--merchant", &merchant, "--topic", "news"];
    let (_, shown) = run(&show);
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(shown.contains("Corner Café / New beans are in"), "{shown}");

    for (bad, why) in [
        (["--topic", "two words"], "the name of a topic"),
        (["--url", "http://example.com"], "https://"),
    ] {
        let mut arguments = send.to_vec();
        let place = arguments.iter().position(|word| *word == bad[0]).expect("there");
        arguments[place + 1] = bad[1];
        let (fine, printed) = run(&arguments);
        assert!(!fine && printed.contains(why), "{printed}");
    }
}
