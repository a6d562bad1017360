//! Messages and counted links as a person types them.

use super::{SETUP, done, follow_certs_dev, fresh, refused, word};

#[test]
fn a_message_is_forecast_confirmed_followed_and_copied_by_commands() {
    let folder = fresh();
    let folder = folder.path();
    follow_certs_dev(folder);
    let made = done(folder, &SETUP);
    let (merchant, program) = (word(&made, "merchant "), word(&made, "program "));
    let of = ["--merchant", merchant.as_str()];
    let issued = done(
        folder,
        &[&["issue"], &of[..], &["--program", &program, "--name", "Ada"]].concat(),
    );
    let card = word(&issued, "card ");
    let run = |words: &[&str], more: &[&str]| done(folder, &[words, &of[..], more].concat());
    let refuse = |words: &[&str], more: &[&str]| refused(folder, &[words, &of[..], more].concat());

    let said = [
        "--text",
        "Two for one",
        "--link",
        "https://example.com/menu",
        "--program",
        program.as_str(),
    ];
    let forecast = run(&["message", "send"], &said);
    assert!(
        forecast.contains("recipients 1") && forecast.contains("not sent 1: the card is in no wallet yet"),
        "{forecast}"
    );
    assert!(forecast.contains("Nothing was sent") && forecast.contains("Apple lock screen: 11 characters"));
    let message = word(&forecast, "message ");
    let named = ["--message", message.as_str()];
    let wrong = refuse(&["message", "send"], &[&named[..], &["--confirm", "2"]].concat());
    assert!(
        wrong.contains("expected the forecast's number, 1; got 2"),
        "{wrong}"
    );
    let past = [&named[..], &["--at", "2020-01-01T10:00", "--confirm", "1"]].concat();
    assert!(refuse(&["message", "schedule"], &past).contains("has passed where the merchant is"));
    let address = ["--text", "see https://example.com", "--card", card.as_str()];
    assert!(refuse(&["message", "forecast"], &address).contains("belongs into the link"));
    let plain = [
        "--text",
        "a",
        "--link",
        "http://example.com",
        "--card",
        card.as_str(),
    ];
    assert!(refuse(&["message", "forecast"], &plain).contains("https://"));

    let sent = run(&["message", "send"], &[&named[..], &["--confirm", "1"]].concat());
    assert!(sent.contains("scheduled"), "{sent}");
    let edited = run(&["message", "edit", &message], &["--text", "Three for one"]);
    assert!(
        edited.contains("draft") && edited.contains("It is a draft now"),
        "{edited}"
    );
    let shown = run(&["message", "show", &message], &[]);
    assert!(
        shown.contains("text: Three for one") && shown.contains("clicked 0 times"),
        "{shown}"
    );
    let cancelled = run(&["message", "cancel", &message], &[]);
    assert!(cancelled.contains("cancelled"), "{cancelled}");
    assert!(refuse(&["message", "pause", &message], &[]).contains("pausing needs one that is running"));
    let copy = word(&run(&["message", "duplicate", &message], &[]), "message ");
    assert_ne!(copy, message);
    let test = word(&run(&["message", "test", &copy], &["--card", &card]), "message ");
    let list = run(&["message", "list"], &[]);
    assert_eq!(list.matches("message ").count(), 3, "{list}");
    assert!(list.contains(&test) && list.contains("(test)"), "{list}");
    assert_eq!(run(&["message", "recipients", &copy], &[]), "");
    assert!(refuse(&["message", "recipients", &copy], &["--state", "x"]).contains("expected one of waiting"));

    let link = [
        "--program",
        program.as_str(),
        "--label",
        "Our menu",
        "--target",
        "https://example.com",
    ];
    run(&["link", "set"], &link);
    let links = run(&["link", "list"], &[]);
    assert!(
        links.contains("Our menu: 0 clicks by 0 cards, to https://example.com"),
        "{links}"
    );
    run(&["link", "remove"], &["--program", &program]);
    assert!(!run(&["link", "list"], &[]).contains("Our menu"));
}
