//! Acting on many from the console: a selection, its preview, the job, what became of each card, and the way back.

use passgate::clock::Clock;

use super::NOON;
use super::list::rows;
use super::sample::{OWNER, STRANGER, VIEWER, card};
use super::visitor::{Gateway, Visitor, hidden};
use crate::engines;

async fn gateway(store: passgate::store::Store, cards: i64) -> Gateway {
    Gateway::start(store, cards, Clock::manual(NOON), "http://127.0.0.1").await
}

async fn work(gateway: &Gateway) {
    gateway
        .web()
        .ops
        .do_chores_named(&["work_jobs"])
        .await
        .expect("jobs are worked off");
}

/// The fields of a preview that start its job.
fn fields<'a>(page: &'a str, names: &[&'a str]) -> Vec<(&'a str, String)> {
    let names = names
        .iter()
        .chain(&["do", "in", "seen_cards", "seen_able", "seen_print", "ticket"]);
    names.map(|name| (*name, hidden(page, name))).collect()
}

/// Of how many cards a preview says that they can.
fn able(page: &str) -> String {
    let (_, rest) = page.split_once("<strong>").expect("a sentence");
    rest.split(' ').next().expect("a number").to_owned()
}

fn borrowed<'a>(fields: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ticked_cards_are_given_punches_once_and_all_of_it_is_taken_back() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 12).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let (one, two, ended) = (card(2).to_string(), card(3).to_string(), card(7).to_string());
        let ticked = [
            ("do", "add_punches"),
            ("in", ""),
            ("card", one.as_str()),
            ("card", two.as_str()),
            ("cards", ended.as_str()),
        ];
        let preview = visitor.submit("/console/jobs/preview", &ticked).await;
        assert_eq!(preview.status, 200, "{}", preview.body);
        assert!(
            preview.body.contains("2 of 3 can be given punches"),
            "{}",
            preview.body
        );
        assert!(
            preview.body.contains("The rest, and why") && preview.body.contains("Lena Hoffmann"),
            "{}",
            preview.body
        );

        let mut start = fields(&preview.body, &["cards"]);
        start.push(("amount", "1".into()));
        let unexplained = visitor.submit("/console/jobs", &borrowed(&start)).await;
        assert_eq!(unexplained.status, 400, "{}", unexplained.body);
        assert!(unexplained.body.contains("give a reason"), "{}", unexplained.body);

        start.push(("reason", "A sunny day".into()));
        let form = borrowed(&start);
        let (once, twice) = tokio::join!(
            visitor.submit("/console/jobs", &form),
            visitor.submit("/console/jobs", &form)
        );
        assert_eq!(
            (once.status, twice.status),
            (303, 303),
            "{}{}",
            once.body,
            twice.body
        );
        assert_eq!(once.location, twice.location, "one job");
        let job = once.location.expect("the job").replace("?done=started", "");
        // Every page says that something runs.
        let elsewhere = visitor.page("/console/segments").await.body;
        assert!(elsewhere.contains("1 job is running"), "{elsewhere}");

        work(&gateway).await;
        let done = visitor.page(&job).await.body;
        assert!(
            done.contains("Exactly what the preview showed") && done.contains("3 of 3 cards"),
            "{done}"
        );
        assert!(
            done.contains("A sunny day") && done.contains("This card has ended"),
            "{done}"
        );
        let elsewhere = visitor.page("/console/segments").await.body;
        assert!(!elsewhere.contains("job is running"), "{elsewhere}");

        let undo = format!("{job}/undo");
        let question = visitor.page(&undo).await.body;
        assert!(question.contains("2 of 2 can be taken back"), "{question}");
        let names = ["ticket", "cards", "able", "print"];
        let sent: Vec<_> = names
            .iter()
            .map(|name| (*name, hidden(&question, name)))
            .collect();
        let back = visitor.submit(&undo, &borrowed(&sent)).await;
        let again = visitor.submit(&undo, &borrowed(&sent)).await;
        assert_eq!((back.status, &back.location), (303, &again.location));
        work(&gateway).await;
        let taken = visitor.page(&back.location.expect("a job")).await.body;
        assert!(taken.contains("2 of 2 cards"), "{taken}");
        let jobs = visitor.page("/console/jobs").await.body;
        assert!(
            jobs.contains("Take back") && jobs.contains("Add punches (+1)"),
            "{jobs}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_is_asked_again_when_the_job_runs() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 12).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let all = rows(&visitor.page("/console/cards?rule=punches.over.0").await.body).len();
        let whole = [
            ("do", "void"),
            ("in", "rule=punches.over.0&sort=-visits"),
            ("scope", "all"),
        ];
        let preview = visitor.submit("/console/jobs/preview", &whole).await;
        assert!(
            preview.body.contains(&format!("of {all} can be ended")),
            "{}",
            preview.body
        );
        assert!(
            preview.body.contains("looked up again when the job runs"),
            "{}",
            preview.body
        );
        let able = able(&preview.body);
        let mut start = fields(&preview.body, &[]);
        start.push(("scope", "all".into()));
        start.push(("typed", able));
        // One more matches before the form is sent.
        super::sample::happen(gateway.web(), card(10), super::sample::SCAN, NOON).await;
        let job = visitor
            .submit("/console/jobs", &borrowed(&start))
            .await
            .location
            .expect("a job");
        work(&gateway).await;
        let done = visitor.page(&job).await.body;
        let now = rows(
            &visitor
                .page("/console/cards?rule=all(punches.over.0,status.is.void)")
                .await
                .body,
        )
        .len();
        assert!(done.contains(&format!("{now} of {now} cards")), "{now} {done}");
        if now == all {
            assert!(done.contains("Exactly what the preview showed"), "{done}");
        } else {
            assert!(done.contains("more cards than in the preview"), "{done}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_say_for_how_many_of_a_selection_each_action_is() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store, 12).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let cards = format!("{}.{}", card(2), card(7));
    let bar = visitor
        .submit("/console/cards/offers", &[("in", ""), ("cards", &cards)])
        .await
        .body;
    assert!(bar.contains("Add punches") && bar.contains("1 of 2"), "{bar}");
    assert!(
        bar.contains("Restore cards") && !bar.contains("Add points"),
        "{bar}"
    );
    assert!(!bar.contains("Redeem"), "nobody has a reward: {bar}");
    let ready = visitor
        .submit(
            "/console/cards/offers",
            &[("in", "segment=ready_to_redeem"), ("scope", "all")],
        )
        .await
        .body;
    assert!(
        ready.contains(r#"value="redeem""#) && !ready.contains(r#"value="restore""#),
        "{ready}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_acted_on_is_said_and_nothing_is_done() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store, 6).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let one = card(2).to_string();
    for (fields, said) in [
        (vec![("do", "redeem"), ("in", "")], "Nothing is selected"),
        (
            vec![("do", "redeem"), ("in", "rule=nonsense"), ("scope", "all")],
            "cannot be read any more",
        ),
        (
            vec![("do", "add_punches"), ("amount", "-3"), ("card", one.as_str())],
            "whole number from 1",
        ),
        (vec![("card", one.as_str())], "Nothing is selected"),
    ] {
        let page = visitor.submit("/console/jobs/preview", &fields).await;
        assert_eq!(page.status, 400, "{fields:?}");
        assert!(page.body.contains(said), "{fields:?}: {}", page.body);
    }
    let made_up = [
        ("do", "void"),
        ("card", one.as_str()),
        ("ticket", "0000000000001.9.00"),
    ];
    let page = visitor.submit("/console/jobs", &made_up).await;
    assert_eq!(page.status, 400);
    assert!(page.body.contains("too old to be sent"), "{}", page.body);
    assert!(visitor.page("/console/jobs").await.body.contains("No jobs yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_saved_from_filters_edited_copied_and_deleted() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 12).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let new = visitor
            .page("/console/segments/new?in=segment%3Dready_to_redeem%26rule%3Dvisits.over.1")
            .await
            .body;
        assert!(new.contains("all(ready.is.yes,visits.over.1)"), "{new}");
        assert!(
            new.contains("Ready to redeem and Visits over 1") && new.contains("can be reached by push now"),
            "{new}"
        );
        let save = [
            ("name", "Regulars"),
            ("rule", "all(ready.is.yes,visits.over.1)"),
            ("shared", "yes"),
            ("version", "0"),
        ];
        assert_eq!(visitor.submit("/console/segments/new", &save).await.status, 303);
        let twice = visitor.submit("/console/segments/new", &save).await;
        assert_eq!(twice.status, 409);
        assert!(
            twice.body.contains("Another segment has this name"),
            "{}",
            twice.body
        );
        let wrong = visitor
            .submit(
                "/console/segments/new",
                &[("name", "X"), ("rule", "visits.over.many")],
            )
            .await;
        assert_eq!(wrong.status, 409);
        assert!(wrong.body.contains("cannot be read"), "{}", wrong.body);

        let list = visitor.page("/console/segments").await.body;
        let (_, rest) = list.split_once("/console/cards?segment=").expect("a segment");
        let id = rest[..13].to_owned();
        assert!(
            list.contains("Ready to redeem and Visits over 1") && list.contains("Shared"),
            "{list}"
        );
        let shown = visitor.page(&format!("/console/cards?segment={id}")).await.body;
        assert!(shown.contains("Regulars") && !rows(&shown).is_empty(), "{shown}");

        let path = format!("/console/segments/{id}");
        let edit = [
            ("name", "Regular guests"),
            ("rule", "visits.over.1"),
            ("version", "1"),
        ];
        assert_eq!(visitor.submit(&format!("{path}/edit"), &edit).await.status, 303);
        let stale = visitor.submit(&format!("{path}/edit"), &edit).await;
        assert_eq!(stale.status, 409);
        assert!(stale.body.contains("Somebody changed this"), "{}", stale.body);
        // Nobody else sees what is private now.
        let viewer = Visitor::signed_in(&gateway, VIEWER).await;
        assert!(
            !viewer
                .page("/console/segments")
                .await
                .body
                .contains("Regular guests")
        );
        assert_eq!(
            viewer.page(&format!("/console/cards?segment={id}")).await.status,
            400
        );

        assert_eq!(
            visitor
                .submit(&format!("{path}/duplicate"), &[("name", "Copy")])
                .await
                .status,
            303
        );
        assert_eq!(
            visitor
                .submit(&format!("{path}/duplicate"), &[("name", "copy")])
                .await
                .status,
            409
        );
        let question = visitor.page(&format!("{path}/delete")).await.body;
        assert!(
            question.contains("Delete the segment “Regular guests”?"),
            "{question}"
        );
        let version = hidden(&question, "version");
        assert_eq!(
            visitor
                .submit(&format!("{path}/delete"), &[("version", &version)])
                .await
                .status,
            303
        );
        assert!(
            !visitor
                .page("/console/segments")
                .await
                .body
                .contains("Regular guests")
        );

        // What is selected becomes a list of exactly these, and one that a job goes by cannot be deleted.
        let cards = format!("{}.{}", card(2), card(3));
        let page = visitor
            .submit("/console/segments/list", &[("in", ""), ("cards", &cards)])
            .await;
        assert!(
            page.body.contains("Save as static list") && page.body.contains("2 cards"),
            "{}",
            page.body
        );
        let saved = visitor
            .submit(
                "/console/segments/list",
                &[("in", ""), ("cards", &cards), ("name", "Two")],
            )
            .await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        let list = visitor.page("/console/segments").await.body;
        let (_, rest) = list.split_once(">Two<").expect("the list");
        let (_, rest) = rest.split_once("/console/segments/").expect("its page");
        let two = rest[..13].to_owned();
        let whole = [
            ("do", "void"),
            ("in", &*format!("segment={two}")),
            ("scope", "all"),
        ];
        let preview = visitor.submit("/console/jobs/preview", &whole).await.body;
        assert!(preview.contains("2 of 2 can be ended"), "{preview}");
        let mut start = fields(&preview, &[]);
        start.push(("scope", "all".into()));
        start.push(("typed", "2".into()));
        let job = visitor
            .submit("/console/jobs", &borrowed(&start))
            .await
            .location
            .expect("a job");
        let job = job.replace("?done=started", "");
        let question = visitor
            .page(&format!("/console/segments/{two}/delete"))
            .await
            .body;
        assert!(
            question.contains("still needed") && question.contains(&job),
            "{question}"
        );
        let refused = visitor
            .submit(&format!("/console/segments/{two}/delete"), &[("version", "1")])
            .await;
        assert_eq!(refused.status, 409);
        assert!(refused.body.contains(&job), "{}", refused.body);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_held_gone_on_with_and_cancelled() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store, 6).await;
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    let one = card(2).to_string();
    let preview = visitor
        .submit("/console/jobs/preview", &[("do", "void"), ("card", one.as_str())])
        .await
        .body;
    let start = fields(&preview, &["cards"]);
    let job = visitor
        .submit("/console/jobs", &borrowed(&start))
        .await
        .location
        .expect("a job");
    let job = job.replace("?done=started", "");
    let polls = |page: &str, seconds: &str| page.contains(&format!(r#"data-poll="{seconds}""#));
    assert!(polls(&visitor.page(&job).await.body, "1"));
    assert_eq!(visitor.submit(&format!("{job}/pause"), &[]).await.status, 303);
    work(&gateway).await;
    let held = visitor.page(&job).await.body;
    assert!(held.contains("Paused") && held.contains("/resume"), "{held}");
    // Somebody may go on with it elsewhere.
    assert!(polls(&held, "5") && held.contains("data-live="), "{held}");
    assert_eq!(visitor.submit(&format!("{job}/resume"), &[]).await.status, 303);
    assert_eq!(visitor.submit(&format!("{job}/cancel"), &[]).await.status, 303);
    assert_eq!(
        visitor.submit(&format!("{job}/cancel"), &[]).await.status,
        303,
        "twice does no harm"
    );
    work(&gateway).await;
    assert!(visitor.page(&job).await.body.contains("Cancelled"));
    let stranger = Visitor::signed_in(&gateway, STRANGER).await;
    assert_eq!(stranger.page(&job).await.status, 404);
    assert_eq!(
        stranger
            .submit(
                &format!("{job}/undo"),
                &[("ticket", "x"), ("cards", "1"), ("able", "1"), ("print", "1")]
            )
            .await
            .status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_looks_and_acts_on_nothing() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store, 6).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let list = viewer.page("/console/cards?segment=active").await.body;
    for hidden in [
        "data-tick",
        "id=\"act\"",
        "Save as segment",
        "/console/customers/new",
    ] {
        assert!(!list.contains(hidden), "{hidden}: {list}");
    }
    for path in [
        "/console/cards/filter",
        "/console/cards/live",
        "/console/find?q=a",
        "/console/segments",
        "/console/jobs",
    ] {
        if path != "/console/cards/live" {
            assert_eq!(viewer.page(path).await.status, 200, "{path}");
        }
    }
    for path in [
        "/console/segments/new",
        "/console/segments/0000000000001/edit",
        "/console/segments/0000000000001/duplicate",
        "/console/segments/0000000000001/delete",
        "/console/jobs/0000000000001/undo",
    ] {
        assert_eq!(viewer.page(path).await.status, 403, "{path}");
    }
    let card = card(2).to_string();
    for (path, action) in [
        ("/console/jobs", "void"),
        ("/console/jobs/preview", "add_punches"),
        ("/console/jobs/preview", "redeem"),
        ("/console/jobs/message", "message"),
        ("/console/jobs/0000000000001/pause", ""),
        ("/console/jobs/0000000000001/resume", ""),
        ("/console/jobs/0000000000001/cancel", ""),
        ("/console/segments/new", ""),
        ("/console/segments/list", "list"),
    ] {
        let refused = viewer
            .submit(
                path,
                &[("do", action), ("card", &card), ("name", "x"), ("rule", "all()")],
            )
            .await;
        assert_eq!(refused.status, 403, "{path} {action}");
        assert!(
            refused.body.contains("takes the role Editor"),
            "{path}: {}",
            refused.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_all_that_match_or_very_many_types_how_many_they_are() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 130).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        let few: String = (1..=100).map(|number| format!("{}.", card(number))).collect();
        let many: String = (1..=130).map(|number| format!("{}.", card(number))).collect();
        let look = async |selection: &[(&str, &str)]| {
            let sent = [&[("do", "void"), ("in", "rule=punches.over.0")], selection].concat();
            visitor.submit("/console/jobs/preview", &sent).await.body
        };
        let few = look(&[("cards", &few)]).await;
        assert!(
            !few.contains(r#"name="typed""#),
            "a hundred are ended by one press: {few}"
        );
        let by_rule = look(&[("scope", "all")]).await;
        let by_hand = look(&[("cards", &many)]).await;
        for (preview, selection) in [(&by_rule, ("scope", "all")), (&by_hand, ("cards", many.as_str()))] {
            assert!(preview.contains("To end them, type their number"), "{preview}");
            let able = able(preview);
            let mut start = fields(preview, &[]);
            start.push((selection.0, selection.1.to_owned()));
            for typed in ["", "1", "many"] {
                let sent = [&borrowed(&start)[..], &[("typed", typed)]].concat();
                let refused = visitor.submit("/console/jobs", &sent).await;
                assert_eq!(refused.status, 400, "{typed:?}");
                assert!(
                    refused.body.contains("The number does not fit"),
                    "{}",
                    refused.body
                );
            }
            assert!(
                visitor.page("/console/jobs").await.body.contains("No jobs yet"),
                "nothing began"
            );
            // What a smaller selection was given is no good for this one.
            let small = look(&[("card", &card(1).to_string())]).await;
            let ticket = hidden(&small, "ticket");
            let mut forged = start.clone();
            forged.retain(|(name, _)| *name != "ticket");
            forged.push(("ticket", ticket));
            let refused = visitor.submit("/console/jobs", &borrowed(&forged)).await;
            assert_eq!(refused.status, 400);
            assert!(refused.body.contains("too old"), "{}", refused.body);
            start.push(("typed", able));
        }
        let mut start = fields(&by_hand, &["cards"]);
        start.push(("typed", format!(" {} ", able(&by_hand))));
        let begun = visitor.submit("/console/jobs", &borrowed(&start)).await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        work(&gateway).await;
        while visitor.page("/console/jobs").await.body.contains("Going on</h2>") {
            work(&gateway).await;
        }
        let ended = visitor.page("/console/cards?rule=not(status.is.void)").await.body;
        assert!(rows(&ended).is_empty(), "{ended}");
    })
    .await;
}
