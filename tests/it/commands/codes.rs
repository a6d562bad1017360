//! Codes on paper from the command line: made, written down, used once, withdrawn.

use super::{SETUP, done, fresh, refused, word};

#[test]
fn a_code_on_paper_gives_its_punches_once() {
    let folder = fresh();
    let folder = folder.path();
    let printed = done(folder, &SETUP);
    let (merchant, program) = (word(&printed, "merchant "), word(&printed, "program "));
    let of = ["--merchant", merchant.as_str()];
    let issue = ["issue", "--program", &program, "--name", "Ada"];
    let card = word(&done(folder, &[&issue[..], &of].concat()), "card ");

    let make = [
        "code",
        "make",
        "--program",
        &program,
        "--label",
        "Spring flyer",
        "--gives",
        "earn",
        "--count",
        "3",
    ];
    let batch = word(
        &done(folder, &[&make[..], &of, &["--amount", "2"]].concat()),
        "batch ",
    );
    let export = ["code", "export", "--batch", &batch, "--out"];
    done(folder, &[&export[..], &["codes.csv"], &of].concat());
    let csv = std::fs::read_to_string(folder.join("codes.csv")).expect("the file");
    let codes: Vec<&str> = csv
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert_eq!(codes.len(), 3, "{csv}");
    let again = refused(folder, &[&export[..], &["codes.csv"], &of].concat());
    assert!(again.contains("not overwritten"), "{again}");
    done(
        folder,
        &[&export[..], &["codes.html", "--as", "sheet"], &of].concat(),
    );
    let sheet = std::fs::read_to_string(folder.join("codes.html")).expect("the file");
    assert_eq!(sheet.matches("<svg").count(), 3);
    assert!(codes.iter().all(|code| sheet.contains(code)), "{sheet}");

    let used = |code: &str| {
        let typed = code.to_lowercase().replace('-', " ");
        let arguments = [
            "code",
            "use",
            "--card",
            &card,
            "--merchant",
            &merchant,
            "--code",
            &typed,
        ];
        arguments.map(str::to_owned)
    };
    let first = used(codes[0]);
    let first = first.each_ref().map(String::as_str);
    assert!(done(folder, &first).contains("2 of 10"));
    let twice = refused(folder, &first);
    assert!(twice.contains("already used for this card, on"), "{twice}");
    let wrong = used("0000-0000-0001");
    assert!(refused(folder, &wrong.each_ref().map(String::as_str)).contains("not one of our codes"));

    done(
        folder,
        &[&["code", "revoke", "--batch", &batch][..], &of].concat(),
    );
    let late = used(codes[1]);
    assert!(refused(folder, &late.each_ref().map(String::as_str)).contains("withdrawn"));
    assert!(done(folder, &[&["code", "list"][..], &of].concat()).contains("withdrawn at"));
}
