//! The commands about many cards, timelines, members and the ledger, as a person types them.

use passgate::store::{Error, Store};

use super::{SETUP, done, fresh, passgate, refused, text, word};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_given_shown_taken_back_and_the_ledger_checked() {
    let folder = fresh();
    let folder = folder.path();
    super::follow_certs_dev(folder);
    let printed = done(folder, &SETUP);
    let (merchant, program) = (word(&printed, "merchant "), word(&printed, "program "));
    let of = ["--merchant", merchant.as_str()];
    let to = ["--program", program.as_str()];
    let mut cards = Vec::new();
    for name in ["Ada", "Bob", "Eve"] {
        let issued = done(folder, &[&["issue", "--name", name], &of[..], &to[..]].concat());
        cards.push(word(&issued, "card "));
    }

    let add = [&["job", "add-punches", "--amount", "11"], &of[..], &to[..]].concat();
    let complaint = refused(folder, &add);
    assert!(
        complaint.contains("reason: expected 1 to 200 characters"),
        "{complaint}"
    );
    let add = [&add[..], &["--reason", "Opening day"]].concat();
    let dry = done(folder, &[&add[..], &["--dry-run"]].concat());
    assert!(dry.starts_with("3 of 3 can be given punches"), "{dry}");
    assert!(dry.contains("3 reach their goal and earn 3 rewards"), "{dry}");
    assert!(!dry.contains("job"), "{dry}");
    let ran = done(folder, &[&add[..], &["--here"]].concat());
    let job = word(&ran, "job ");
    assert!(ran.contains("3 cards, 3 done, 0 refused"), "{ran}");
    assert!(ran.contains(&format!("card {}: done", cards[1])), "{ran}");

    let shown = done(folder, &[&["timeline", &cards[0]], &of[..]].concat());
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines[0].contains("Reward Redeemable  -10 punches  +1 rewards"),
        "{shown}"
    );
    assert!(lines[1].contains("Points Added  +11 punches"), "{shown}");
    assert!(
        lines[1].contains(&format!("(Opening day)  batch {job}")),
        "{shown}"
    );
    assert_eq!(lines.last(), Some(&"start of history"));
    let first = [&["timeline", &cards[0], "--size", "1"], &of[..]].concat();
    let page = done(folder, &first);
    let cursor = word(
        &page[page.find("more with").expect("more")..],
        "more with --cursor ",
    );
    let second = done(folder, &[&first[..], &["--cursor", &cursor]].concat());
    assert!(second.contains("Points Added"), "{second}");
    let bent = format!("{}A", &cursor[..cursor.len() - 1]);
    let bent = if bent == cursor {
        format!("{}B", &cursor[..cursor.len() - 1])
    } else {
        bent
    };
    let complaint = refused(folder, &[&first[..], &["--cursor", &bent]].concat());
    assert!(
        complaint.contains("cursor: expected a cursor that this list gave out"),
        "{complaint}"
    );

    let back = done(folder, &[&["job", "reverse", &job, "--here"], &of[..]].concat());
    assert!(back.contains("3 of 3 can be taken back"), "{back}");
    let listed = done(folder, &[&["job", "list"], &of[..]].concat());
    assert_eq!(listed.lines().count(), 2, "{listed}");

    let sound = done(folder, &["verify"]);
    assert!(
        sound.contains("  sound") && sound.contains("head: seal 1 "),
        "{sound}"
    );
    let url = format!("sqlite:{}", folder.join("data/passgate.sqlite").display());
    let store = Store::open(&url, 1).await.expect("the store opens");
    let edited: Result<u64, Error> = store
        .write("by_hand", |tx| {
            let sql = "update cards set punches = 9 where card_id = (select max(card_id) from cards)";
            Box::pin(async move { tx.exec(sql, &[]).await })
        })
        .await;
    assert_eq!(edited.expect("edited"), 1);
    drop(store);
    let output = passgate(folder, &[&["verify"], &of[..]].concat())
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let said = text(&output.stdout);
    assert!(
        said.contains(&format!("card {}: says 9 punches; its ledger says 0", cards[2])),
        "{said}"
    );
    assert!(text(&output.stderr).contains("one ledger does not fit"));
}

#[test]
fn members_change_and_the_last_owner_stays() {
    let folder = fresh();
    let folder = folder.path();
    super::follow_certs_dev(folder);
    let printed = done(folder, &SETUP);
    let merchant = word(&printed, "merchant ");
    let of = ["--merchant", merchant.as_str()];
    let owner = word(&done(folder, &[&["member", "list"], &of[..]].concat()), "member ");
    let add = ["member", "add", "--name", "Ada", "--email", "ada@example.com"];
    let ada = word(&done(folder, &[&add[..], &of[..]].concat()), "member ");
    let complaint = refused(folder, &[&["member", "remove", &owner], &of[..]].concat());
    assert!(complaint.contains("This is the last owner."), "{complaint}");
    done(
        folder,
        &[&["member", "role", &ada, "--role", "owner"], &of[..]].concat(),
    );
    done(folder, &[&["member", "remove", &owner], &of[..]].concat());
    let complaint = refused(
        folder,
        &[&["member", "role", &ada, "--role", "viewer"], &of[..]].concat(),
    );
    assert!(complaint.contains("This is the last owner."), "{complaint}");
    let viewer = done(
        folder,
        &[
            &[
                "member",
                "add",
                "--name",
                "Vera",
                "--email",
                "v@example.com",
                "--role",
                "viewer",
            ],
            &of[..],
        ]
        .concat(),
    );
    let viewer = word(&viewer, "member ");
    let program = word(&printed, "program ");
    let void = ["job", "void", "--program", &program, "--member", &viewer];
    let complaint = refused(folder, &[&void[..], &of[..]].concat());
    assert!(
        complaint.contains("This takes the role editor or higher; yours is viewer."),
        "{complaint}"
    );
}
