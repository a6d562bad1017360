//! How often cards may ring, from the command line.

use super::*;

#[test]
fn a_policy_is_set_shown_previewed_and_explained() {
    let folder = fresh();
    let folder = folder.path();
    let printed = done(folder, &SETUP);
    let (merchant, program) = (word(&printed, "merchant "), word(&printed, "program "));
    let issue = [
        "issue",
        "--merchant",
        &merchant,
        "--program",
        &program,
        "--name",
        "Ada",
    ];
    let card = word(&done(folder, &issue), "card ");

    let show = ["policy", "show", "--merchant", &merchant];
    let usual = done(folder, &show);
    assert!(usual.contains("at most 3 alerts of a card in any 24 hours, 1 for rewards alone (the platform)"));
    assert!(usual.contains("quiet from 21:00 to 08:00"), "{usual}");

    let of = ["--merchant", &merchant, "--channel", "google"];
    let set = |rest: &[&'static str]| [&["policy", "set"][..], &of[..], rest].concat();
    let above = refused(folder, &set(&[r#"{"windows": [{"most": 9, "hours": 24}]}"#]));
    assert!(
        above.contains("google takes at most 3 alerts of a card in 24 hours; got 9 in 24"),
        "{above}"
    );
    let malformed = refused(folder, &set(&["often"]));
    assert!(malformed.contains("a policy is JSON such as"), "{malformed}");
    let strict = r#"{"windows": [{"most": 1, "hours": 48}]}"#;
    assert!(done(folder, &set(&[strict])).contains("in force"));
    let shown = done(folder, &show);
    assert!(shown.contains("at most 1 alert of a card in any 48 hours, 0 for rewards alone (the merchant)"));
    assert!(
        shown.contains("stored for all programs, google, version 1"),
        "{shown}"
    );
    assert!(done(folder, &set(&["--usual"])).contains("in force"));
    assert_eq!(done(folder, &show), usual);

    let preview = [&["policy", "preview"][..], &of[..], &[strict]].concat();
    assert!(done(folder, &preview).contains("0 cards, 0 wishes to ring"));
    let why = ["card", "why", "--merchant", &merchant, "--card", &card];
    assert!(done(folder, &why).contains("on no phone that can be reached"));
}
