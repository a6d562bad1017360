//! Codes: made once from one form, listed, printed, used and withdrawn.

use passgate::clock::Clock;

use crate::console::NOON;
use crate::console::sample::{OWNER, card};
use crate::console::visitor::{Gateway, Visitor, hidden};
use crate::engines::for_each_engine;

const NEW: &str = "/console/tools/codes/new";

fn form<'a>(id: &'a str, label: &'a str, count: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("id", id),
        ("label", label),
        ("program", "0000000000001"),
        ("gives", "earn"),
        ("amount", "2"),
        ("count", count),
        ("max_uses", "1"),
        ("expires", "2027-01-31"),
    ]
}

/// Makes a batch of codes that give two punches of program 1; returns its page.
pub(super) async fn make(owner: &Visitor, label: &str, count: &str) -> String {
    let page = owner.page(NEW).await.body;
    let made = owner.submit(NEW, &form(&hidden(&page, "id"), label, count)).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let location = made.location.expect("the batch");
    location.split('?').next().expect("an address").to_owned()
}

fn codes(file: &str) -> Vec<String> {
    let rows = file.trim_start_matches('\u{feff}').lines().skip(1);
    rows.map(|row| row.split(',').next().expect("a code").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_made_once_printed_used_and_withdrawn() {
    for_each_engine(async |store| {
        let gateway = Gateway::start(store, 6, Clock::manual(NOON), "http://127.0.0.1").await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let id = hidden(&owner.page(NEW).await.body, "id");
        for _ in 0..2 {
            let made = owner.submit(NEW, &form(&id, "Flyers <May>", "450")).await;
            assert_eq!(made.status, 303, "{}", made.body);
        }
        let list = owner.page("/console/tools/codes").await.body;
        assert_eq!(
            list.matches("Flyers &lt;May&gt;").count(),
            1,
            "one form is one batch: {list}"
        );
        let here = format!("/console/tools/codes/{id}");
        let making = owner.page(&here).await.body;
        assert!(
            making.contains("400 of 450 made") && making.contains("data-poll"),
            "{making}"
        );
        gateway
            .web()
            .ops
            .do_chores_named(&["make_codes"])
            .await
            .expect("a chore");
        let made = owner.page(&here).await.body;
        assert!(
            made.contains("Valid") && !made.contains("data-poll") && made.contains("31 Jan 2027"),
            "{made}"
        );

        let file = owner.page(&format!("{here}/codes.csv")).await.body;
        let all = codes(&file);
        assert_eq!(all.len(), 450);
        let (mut sheet, mut slips) = (format!("{here}/sheet"), 0);
        loop {
            let page = owner.page(&sheet).await.body;
            slips += page.matches("<li><svg").count();
            let Some((_, rest)) = page.split_once(r#"rel="next" href=""#) else {
                break;
            };
            sheet = rest.split('"').next().expect("an address").to_owned();
        }
        assert_eq!(slips, 450, "each code is on one sheet");

        let (code, serial) = (all[0].to_lowercase(), format!("card-{}", card(1)));
        let use_code = async |code: &str, card: &str| {
            owner
                .submit("/console/tools/codes/use", &[("code", code), ("card", card)])
                .await
        };
        let used = use_code(&code, &serial).await;
        assert_eq!(
            used.location,
            Some(format!("/console/cards/{}?done=code", card(1))),
            "{}",
            used.body
        );
        let again = use_code(&code, &card(3).to_string()).await;
        assert!(
            again.status == 409 && again.body.contains("already used, first on 15 June 2026"),
            "{}",
            again.body
        );
        assert!(
            again.body.contains(&format!(r#"value="{code}""#)),
            "what was typed is kept"
        );
        let mistyped = use_code("1234", &serial).await;
        assert!(mistyped.body.contains("12 characters"), "{}", mistyped.body);
        let nobody = use_code(&all[1], "card-nobody").await;
        assert!(
            nobody.status == 409 && nobody.body.contains("There is no such card"),
            "{}",
            nobody.body
        );
        let other = use_code(&all[1], &card(2).to_string()).await;
        assert!(other.body.contains("another program"), "{}", other.body);
        let listed = owner.page(&here).await.body;
        assert!(listed.contains("1 of 1") && listed.contains("0 of 1"), "{listed}");

        let asked = owner.page(&format!("{here}/revoke")).await.body;
        assert!(
            asked.contains("data-alarming") && asked.contains("None of its 450 codes"),
            "{asked}"
        );
        assert_eq!(owner.submit(&format!("{here}/revoke"), &[]).await.status, 303);
        let late = owner.submit(&format!("{here}/revoke"), &[]).await;
        assert!(
            late.status == 409 && late.body.contains("withdrawn before"),
            "{}",
            late.body
        );
        let dead = use_code(&all[1], &card(1).to_string()).await;
        assert!(dead.body.contains("This code was withdrawn"), "{}", dead.body);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_wrong_says_where_and_keeps_what_was_typed() {
    let gateway = crate::console::gateway(0).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let id = hidden(&owner.page(NEW).await.body, "id");
    for (name, value, said) in [
        ("label", "", "1 to 80 printable characters"),
        ("program", "", "Choose a program"),
        ("program", "0000000000009", "program is gone"),
        ("count", "100001", "from 1 to 100,000"),
        ("count", "many", "from 1 to 100,000"),
        ("amount", "0", "from 1 to 10,000"),
        ("max_uses", "-1", "from 1 to 100,000"),
        ("expires", "2020-01-31", "A day to come"),
        ("expires", "soon", "A day to come"),
    ] {
        let mut sent = form(&id, "Flyers", "10");
        for field in sent.iter_mut().filter(|(field, _)| *field == name) {
            field.1 = value;
        }
        let page = owner.submit(NEW, &sent).await;
        assert_eq!(page.status, 400, "{name} {value}");
        assert!(
            page.body.contains(said) && page.body.contains(r#"aria-invalid="true""#),
            "{name} {value}: {}",
            page.body
        );
        assert_eq!(hidden(&page.body, "id"), id, "it stays the same batch");
    }
    assert!(
        owner
            .page("/console/tools/codes")
            .await
            .body
            .contains("No codes yet")
    );
}
