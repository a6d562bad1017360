//! Customers from the command line: added, found, edited, imported and exported.

use super::{SETUP, done, follow_certs_dev, fresh, refused, word};

#[test]
fn people_come_in_by_hand_and_by_file_and_leave_as_a_file() {
    let folder = fresh();
    let folder = folder.path();
    follow_certs_dev(folder);
    let setup = done(folder, &SETUP);
    let (merchant, program) = (word(&setup, "merchant"), word(&setup, "program"));
    let run = |arguments: &[&str]| {
        done(
            folder,
            &[&arguments[..2], &["--merchant", &merchant], &arguments[2..]].concat(),
        )
    };
    run(&["customer", "country", "DE"]);
    run(&[
        "field",
        "add",
        "--program",
        &program,
        "--code",
        "shoe_size",
        "--label",
        "Shoe size",
        "--kind",
        "number",
    ]);
    assert_eq!(
        run(&["field", "list", "--program", &program]),
        "shoe_size: Shoe size (number)\n"
    );
    let added = run(&[
        "customer",
        "add",
        "--program",
        &program,
        "--first-name",
        "Ada",
        "--email",
        "ada@example.com",
        "--phone",
        "01512 3456789",
        "--field",
        "shoe_size=42",
    ]);
    let (ada, card) = (word(&added, "customer"), word(&added, "card"));
    let twin = run(&["customer", "add", "--email", "ADA@example.com"]);
    assert!(
        twin.starts_with(&format!("customer {ada} has this email already")),
        "{twin}"
    );
    assert!(run(&["customer", "find", "0151 234"]).contains(&ada));
    assert!(run(&["customer", "find", "nobody"]).starts_with("nobody has \"nobody\""));
    let edit = [
        "customer",
        "edit",
        "--customer",
        &ada,
        "--version",
        "1",
        "--last-name",
        "Lovelace",
    ];
    assert!(run(&edit).contains("version 2"));
    let late = refused(
        folder,
        &[&edit[..2], &["--merchant", &merchant], &edit[2..]].concat(),
    );
    assert!(late.contains("changed meanwhile (by the command line"), "{late}");
    run(&["customer", "note", "--customer", &ada, "Likes oat milk"]);
    run(&["customer", "tag", "--customer", &ada, "vip"]);
    let shown = run(&["customer", "show", "--customer", &ada]);
    for part in [
        "phone: +4915123456789",
        "tags: vip",
        "shoe_size: 42",
        "printed: Ada\n",
        "Likes oat milk",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(run(&["customer", "update-card", "--card", &card]).ends_with("says Ada Lovelace\n"));

    let whole = |arguments: &[&str]| {
        done(
            folder,
            &[
                &arguments[..1],
                &["--merchant", &merchant, "--program", &program],
                &arguments[1..],
            ]
            .concat(),
        )
    };
    whole(&["import", "--template", "template.csv"]);
    let template = whole(&["import", "template.csv"]);
    assert!(
        template.contains("2 rows: 0 created, 0 updated, 0 unchanged, 2 failed"),
        "{template}"
    );
    std::fs::write(
        folder.join("people.csv"),
        "name;mail;stamps\nBob;bob@example.com;4\nEve;nobody;1\n",
    )
    .expect("a file");
    let counts = "2 rows: 1 created, 0 updated, 0 unchanged, 1 failed";
    assert!(whole(&["import", "--dry-run", "people.csv"]).contains(counts));
    let imported = whole(&["import", "--failed-rows", "failed.csv", "people.csv"]);
    assert!(
        imported.contains(counts) && imported.contains("line 3: mail: expected an address"),
        "{imported}"
    );
    let failed = std::fs::read_to_string(folder.join("failed.csv")).expect("a file");
    assert_eq!(
        failed,
        "name,mail,stamps,error\nEve,nobody,1,line 3: mail: expected an address such as ada@example.com\n"
    );
    assert_eq!(whole(&["export", "--out", "all.csv"]), "2 rows in all.csv\n");
    let back = whole(&["import", "all.csv"]);
    assert!(
        back.contains("2 rows: 0 created, 0 updated, 2 unchanged, 0 failed"),
        "{back}"
    );
    let some = whole(&["export", "--columns", "first_name,phone"]);
    assert_eq!(some, "first_name,phone\r\nBob,\r\nAda,'+4915123456789\r\n");

    let of_field = ["--program", &program, "--code", "shoe_size"];
    let field = |verb, more: &[&str]| run(&[&["field", verb], &of_field[..], more].concat());
    assert_eq!(
        field("edit", &["--label", "Shoes"]),
        "shoe_size: Shoes (number)\n"
    );
    assert_eq!(
        run(&["field", "clear", "--card", &card, "--code", "shoe_size"]),
        "cleared\n"
    );
    assert_eq!(field("archive", &[]), "archived; answers are kept\n");
    assert_eq!(
        run(&["field", "list", "--program", &program]),
        "shoe_size: Shoes (number), archived\n"
    );
    assert_eq!(field("restore", &[]), "asked for again\n");
}
