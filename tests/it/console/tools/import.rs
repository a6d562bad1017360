//! The steps of an import as a member takes them.

use passgate::clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::console::sample::OWNER;
use crate::console::visitor::{Gateway, Page, Visitor};
use crate::console::{NOON, gateway};
use crate::engines::for_each_engine;

const PLACE: &str = "/console/tools/import";

async fn work(gateway: &Gateway) {
    let stop = CancellationToken::new();
    while gateway.web().ops.work_uploads(&stop).await.expect("worked") {}
}

/// Lets imports and searches know the people of the sample.
pub(super) async fn known(gateway: &Gateway) {
    let chores = gateway.web().ops.do_chores_named(&["bring_customers_into_form"]);
    chores.await.expect("a chore");
}

/// Program 1 and the welcome of new cards.
const FIELDS: [(&str, &str); 2] = [("program", "0000000000001"), ("welcome", "yes")];

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_through_columns_dry_run_and_import() {
    for_each_engine(async |store| {
        let gateway = Gateway::start(store, 3, Clock::manual(NOON), "http://127.0.0.1").await;
        known(&gateway).await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let file = "\u{feff}Vorname;E-Mail;Stempel;Notiz\r\nJörg;joerg@mail.example;3;\"a; b\"\r\nKim;kim at mail;2;\r\n\
                    Marta;marta1@mail.example;;\r\n";
        let sent = owner.send_file(PLACE, &FIELDS, "Gäste <1>.csv", file.as_bytes()).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let here = sent.location.expect("the file's page");

        let columns = owner.page(&here).await.body;
        for guess in [
            r#"value="first_name" selected"#,
            r#"value="email" selected"#,
            r#"value="stamps" selected"#,
            r#"value="ignore" selected"#,
        ] {
            assert!(columns.contains(guess), "{guess}: {columns}");
        }
        assert!(columns.contains("<span>a; b</span>") && columns.contains("Gäste &lt;1&gt;.csv"), "{columns}");

        let meanings = |third| [("meaning", "first_name"), ("meaning", "email"), ("meaning", third), ("meaning", "ignore")];
        let chosen = format!("{here}/columns");
        let twice = owner.submit(&chosen, &meanings("email")).await;
        assert!(twice.status == 400 && twice.body.contains("mean the same"), "{}", twice.body);
        let unknown = owner.submit(&chosen, &meanings("colour")).await;
        assert!(unknown.status == 400 && unknown.body.contains("meanings is gone"), "{}", unknown.body);
        let nothing = owner.submit(&chosen, &[("meaning", "ignore")]).await;
        assert!(nothing.status == 400 && nothing.body.contains("at least one"), "{}", nothing.body);
        assert_eq!(owner.submit(&format!("{here}/run"), &[]).await.status, 409, "not before a dry run");

        assert_eq!(owner.submit(&chosen, &meanings("stamps")).await.status, 303);
        let trying = owner.page(&here).await.body;
        assert!(trying.contains("Nothing is written") && trying.contains("data-poll"), "{trying}");
        work(&gateway).await;
        let tried = owner.page(&here).await.body;
        assert!(!tried.contains("data-poll") && tried.contains("Import 2 rows"), "{tried}");
        assert_eq!(tallies(&tried), [1, 1, 0, 1, 3]);
        assert!(tried.contains("kim at mail") && tried.contains("E-Mail"), "{tried}");
        let german = Visitor::signed_in(&gateway, OWNER).await.speaking("de").page(&here).await.body;
        assert!(german.contains("2 Zeilen importieren"), "{german}");

        let failed = owner.page(&format!("{here}/failed.csv")).await;
        assert_eq!(failed.header("content-type"), "text/csv; charset=utf-8");
        assert!(
            failed.body.starts_with("\u{feff}Vorname,E-Mail,Stempel,Notiz,error\r\nKim,kim at mail,2,,line 3: E-Mail"),
            "{}",
            failed.body
        );

        let list = owner.page("/console/cards").await.body;
        assert!(!list.contains("Jörg"), "a dry run writes nobody");
        for _ in 0..2 {
            assert_eq!(owner.submit(&format!("{here}/run"), &[]).await.status, 303, "once or twice");
        }
        work(&gateway).await;
        let done = owner.page(&here).await.body;
        assert!(done.contains("<h1>Imported</h1>"), "{done}");
        assert_eq!(tallies(&done), [1, 1, 0, 1, 3]);
        let list = owner.page("/console/cards").await.body;
        assert!(list.contains("Jörg"), "{list}");

        // The failed rows, put right, are a file of their own; the column with the reasons is left out by itself.
        let mended = failed.body.replace("kim at mail", "kim@mail.example");
        let sent = owner.send_file(PLACE, &FIELDS, "failed-rows.csv", mended.as_bytes()).await;
        let again = sent.location.expect("the file's page");
        let five = [&meanings("stamps")[..], &[("meaning", "ignore")]].concat();
        owner.submit(&format!("{again}/columns"), &five).await;
        work(&gateway).await;
        assert_eq!(tallies(&owner.page(&again).await.body), [1, 0, 0, 0, 1]);
        assert_eq!(owner.submit(&format!("{again}/discard"), &[]).await.status, 303);
        assert_eq!(owner.page(&again).await.status, 404);
        let start = owner.page(PLACE).await.body;
        assert!(start.contains("Gäste &lt;1&gt;.csv") && !start.contains("failed-rows.csv"), "{start}");
    })
    .await;
}

/// Created, updated, unchanged, failed and all rows, as the page says it.
fn tallies(page: &str) -> Vec<i64> {
    let (_, rest) = page.split_once("tallies").expect("tallies");
    let (list, _) = rest.split_once("</dl>").expect("an end");
    let counts = list.split("<dd>").skip(1);
    let counts = counts.map(|rest| {
        rest.split('<')
            .next()
            .expect("a number")
            .parse()
            .expect("a number")
    });
    counts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_gets_a_plain_sentence_and_is_not_kept() {
    let gateway = gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let refused = async |file: &[u8]| -> Page { owner.send_file(PLACE, &FIELDS, "people.csv", file).await };
    let mut quote = b"name,mail\nAda,\"a@example.com\n".to_vec();
    quote.resize(1 << 20, b'x');
    let mut cell = b"name\n".to_vec();
    cell.resize(10 << 20, b'x');
    let large = vec![b'\n'; (33 << 20) + 1];
    for (file, said) in [
        (
            &b"name\nZo\xeb\n"[..],
            "line 2, byte 8. In your spreadsheet choose",
        ),
        (&quote, "begins in line 2 does not end"),
        (&cell, "begins in line 2 does not end"),
        (&large, "larger than 32 MB"),
        (b"", "The file is empty"),
        (b"PK\x03\x04\xff\xfe", "not text in UTF-8"),
    ] {
        let page = refused(file).await;
        assert_eq!(page.status, 400, "{said}");
        assert!(page.body.contains(said), "{said}: {}", page.body);
        assert!(
            page.body.contains(r#"value="0000000000001" selected"#),
            "what was chosen is kept"
        );
    }
    let none = owner.send_file(PLACE, &FIELDS, "", b"").await;
    assert!(
        none.status == 400 && none.body.contains("Choose a file first"),
        "{}",
        none.body
    );
    let gone = owner
        .send_file(
            PLACE,
            &[("program", "0000000000009")],
            "people.csv",
            b"name\nAda\n",
        )
        .await;
    assert!(
        gone.status == 400 && gone.body.contains("program is gone"),
        "{}",
        gone.body
    );
    let form = owner.submit(PLACE, &[("file", "no file")]).await;
    assert!(form.status == 400 || form.status == 415, "{}", form.status);
    let start = owner.page(PLACE).await.body;
    assert!(!start.contains("people.csv"), "{start}");

    // No column that is known by its name: nothing is lost, and somebody can say it.
    let sent = owner
        .send_file(PLACE, &FIELDS, "odd.csv", b"x,y\nAda,ada@example.com\n")
        .await;
    let here = sent.location.expect("the file's page");
    let page = owner.page(&here).await;
    assert!(
        page.body.contains("None of these columns is known"),
        "{}",
        page.body
    );
    let chosen = [("meaning", "first_name"), ("meaning", "email")];
    assert_eq!(
        owner.submit(&format!("{here}/columns"), &chosen).await.status,
        303
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_not_imported_as_people() {
    let gateway = gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let template = owner
        .page("/console/tools/import/template.csv?program=0000000000001")
        .await;
    assert!(
        template.body.contains("stamps") && template.body.contains("ada@example.com"),
        "{}",
        template.body
    );
    assert_eq!(template.body.lines().count(), 3);
    let sent = owner
        .send_file(PLACE, &FIELDS, "template.csv", template.body.as_bytes())
        .await;
    let here = sent.location.expect("the file's page");
    let header = template
        .body
        .trim_start_matches('\u{feff}')
        .lines()
        .next()
        .expect("a header");
    let meanings: Vec<_> = header.split(',').map(|name| ("meaning", name)).collect();
    assert_eq!(
        owner.submit(&format!("{here}/columns"), &meanings).await.status,
        303
    );
    work(&gateway).await;
    let tried = owner.page(&here).await.body;
    assert_eq!(tallies(&tried), [0, 0, 0, 2, 2]);
    assert!(
        !tried.contains(&format!(r#"action="{here}/run""#)),
        "nothing to import"
    );
    let elsewhere = owner
        .page("/console/tools/import/template.csv?program=0000000000009")
        .await;
    assert_eq!(elsewhere.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_can_be_stopped_and_its_columns_changed() {
    let gateway = gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let sent = owner
        .send_file(PLACE, &FIELDS, "p.csv", b"name,mail\nAda,ada@example.com\n")
        .await;
    let here = sent.location.expect("the file's page");
    let post = async |step: &str, form: &[(&str, &str)]| owner.submit(&format!("{here}/{step}"), form).await;
    let meanings = [("meaning", "first_name"), ("meaning", "email")];
    assert_eq!(post("columns", &meanings).await.status, 303);
    assert_eq!(
        post("discard", &[]).await.status,
        409,
        "not while it is looked through"
    );
    assert_eq!(post("stop", &[]).await.status, 303);
    assert!(owner.page(&here).await.body.contains("Start dry run"));
    post("columns", &meanings).await;
    work(&gateway).await;
    let again = owner.page(&format!("{here}?columns=1")).await.body;
    assert!(
        again.contains(r#"value="email" selected"#),
        "what was chosen stands there: {again}"
    );
    assert_eq!(post("run", &[]).await.status, 303);
    let stopped = post("stop", &[]).await;
    assert_eq!(stopped.status, 303);
    let late = post("stop", &[]).await;
    assert!(
        late.status == 409 && late.body.contains("Somebody else has gone on"),
        "{}",
        late.body
    );
    assert!(owner.page(&here).await.body.contains("Import stopped"));
}
