//! Offers, campaigns, consents, feedback and referrals as a person types them.

use super::{SETUP, done, follow_certs_dev, fresh, refused, word};

#[test]
fn offers_campaigns_and_what_customers_say_are_reached_by_commands() {
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

    let offer = word(
        &run(&["offer", "create"], &["--title", "Two for one", "--claims", "5"]),
        "offer ",
    );
    let named = ["--offer", offer.as_str()];
    let early = [
        &["offer", "assign"],
        &of[..],
        &named[..],
        &["--card", card.as_str()],
    ]
    .concat();
    assert!(refused(folder, &early).contains("not published"));
    run(&["offer", "publish"], &named);
    assert!(done(folder, &early).contains("assigned to 1, passed over 0"));
    assert!(
        run(
            &["offer", "assign"],
            &[&named[..], &["--program", &program]].concat()
        )
        .contains("passed over 1")
    );
    run(
        &["offer", "redeem"],
        &[&named[..], &["--card", card.as_str(), "--amount", "350"]].concat(),
    );
    let again = [
        &["offer", "redeem"],
        &of[..],
        &named[..],
        &["--card", card.as_str()],
    ]
    .concat();
    assert!(refused(folder, &again).contains("1 of 1 times"));
    let shown = run(&["offer", "show"], &["--card", &card]);
    assert!(
        shown.contains("1 of 5 claimed") && shown.contains("redeemed 20"),
        "{shown}"
    );

    let redeemed = ["--card", card.as_str()];
    let back = [&["offer", "take-back"], &of[..], &named[..], &redeemed].concat();
    assert!(done(folder, &back).contains("taken back: row "));
    assert!(refused(folder, &back).contains("no redemption of this offer"));
    let shown = run(&["offer", "show"], &["--card", &card]);
    assert!(shown.contains(", taken back 20"), "{shown}");
    let help = done(folder, &["offer", "take-back", "--help"]);
    assert!(
        help.contains("can be redeemed once more") && help.contains("--offer"),
        "{help}"
    );
    // And it can.
    done(folder, &again);
    assert!(refused(folder, &again).contains("1 of 1 times"));

    let rules = folder.join("rules.json");
    let nonsense = r#"{"trigger": {"on": "joined"}, "action": {"do": "bonus", "amount": 0}}"#;
    std::fs::write(&rules, nonsense).expect("a file");
    let create = ["--name", "Welcome", "--rules", "rules.json"];
    let wrong = refused(folder, &[&["campaign", "create"], &of[..], &create].concat());
    assert!(wrong.contains("action.amount must be between 1 and"), "{wrong}");
    std::fs::write(&rules, nonsense.replace("0}", "2}")).expect("a file");
    let campaign = word(&run(&["campaign", "create"], &create), "campaign ");
    let named = ["--campaign", campaign.as_str()];
    run(&["campaign", "start"], &named);
    assert!(run(&["campaign", "join"], &[&named[..], &["--card", &card]].concat()).contains("1 joined"));
    let shown = run(&["campaign", "show"], &named);
    assert!(
        shown.contains("active  Welcome") && shown.contains("fired: 1"),
        "{shown}"
    );
    run(&["campaign", "end"], &named);
    let over = refused(folder, &[&["campaign", "start"], &of[..], &named].concat());
    assert!(over.contains("ended cannot become active"), "{over}");

    let wishes = run(&["consent", "show"], &["--card", &card]);
    assert!(
        wishes.contains("marketing: active (not sent: the holder has not agreed to this)"),
        "{wishes}"
    );
    assert!(run(&["feedback", "list"], &["--period", "week"]).contains("no feedback yet"));
    run(
        &["referral", "terms"],
        &["--program", &program, "--moment", "install"],
    );
    let links = run(&["referral", "show"], &["--card", &card]);
    assert!(
        links.contains(&format!("/card/{merchant}/{card}/"))
            && links.contains(&format!("/join/{merchant}/{program}?ref="))
    );
    assert!(run(&["referral", "show"], &["--program", &program]).contains("rewarded 0"));

    let terms = ["--program", &program, "--name", "Second shot", "--most", "5"];
    let until = ["--until", "2999-01-01T00:00:00Z"];
    let promotion = word(
        &run(&["promotion", "add"], &[&terms[..], &until].concat()),
        "promotion ",
    );
    let listed = run(&["promotion", "list"], &[]);
    assert!(
        listed.contains("runs  Second shot") && listed.contains("used 0 of 5, any number a customer"),
        "{listed}"
    );
    let used = ["--promotion", promotion.as_str(), "--card", card.as_str()];
    let back = [&["promotion", "take-back"], &of[..], &used[..]].concat();
    assert!(refused(folder, &back).contains("no use of this promotion"));
    run(&["promotion", "use"], &used);
    run(&["promotion", "use"], &used);
    assert!(run(&["promotion", "list"], &[]).contains("used 2 of 5"));
    let by = ["--by", "you@example.com"];
    assert!(run(&["promotion", "take-back"], &[&used[..], &by].concat()).contains("taken back: row "));
    assert!(run(&["promotion", "list"], &[]).contains("used 1 of 5"));
    done(folder, &back);
    assert!(refused(folder, &back).contains("no use of this promotion"));
    let help = done(folder, &["promotion", "take-back", "--help"]);
    assert!(
        help.contains("newest use of a promotion") && help.contains("--card"),
        "{help}"
    );

    let ended = run(&["promotion", "end"], &["--promotion", &promotion]);
    assert!(ended.contains("over  Second shot"), "{ended}");
}
