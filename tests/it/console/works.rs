//! Long work of every kind in one picture: the list, the count beside the way to it, and the streams that keep both true.

use passgate::clock::Clock;
use std::time::Duration;

use super::NOON;
use super::sample::{OWNER, STRANGER, VIEWER, card};
use super::visitor::{Gateway, Live, Visitor, hidden};
use crate::engines;

async fn gateway(store: passgate::store::Store) -> Gateway {
    Gateway::start(store, 12, Clock::manual(NOON), "http://127.0.0.1").await
}

async fn turn(gateway: &Gateway, chore: &str) {
    let done = gateway.web().ops.do_one_chore(chore).await;
    done.expect("a turn");
}

/// Begins an action on some cards; returns the job's page.
async fn job(visitor: &Visitor) -> String {
    let cards = format!("{}.{}.{}", card(2), card(3), card(5));
    let asked = [("do", "add_punches"), ("in", ""), ("cards", cards.as_str())];
    let preview = visitor.submit("/console/jobs/preview", &asked).await.body;
    let names = ["do", "in", "seen_cards", "seen_able", "seen_print", "ticket"];
    let mut start: Vec<_> = names.iter().map(|name| (*name, hidden(&preview, name))).collect();
    start.push(("cards", cards));
    start.push(("amount", "1".into()));
    start.push(("reason", "A sunny day".into()));
    let start: Vec<_> = start
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let begun = visitor.submit("/console/jobs", &start).await.location;
    begun.expect("a job").replace("?done=started", "")
}

/// Brings a file as far as its dry run.
async fn import(visitor: &Visitor) -> String {
    let fields = [("program", "0000000000001"), ("welcome", "yes")];
    let sent = visitor
        .send_file(
            "/console/tools/import",
            &fields,
            "guests.csv",
            b"Vorname;E-Mail\r\nKim;kim@mail.example\r\n",
        )
        .await;
    let here = sent.location.expect("the file's page");
    let meanings = [("meaning", "first_name"), ("meaning", "email")];
    let tried = visitor.submit(&format!("{here}/columns"), &meanings).await;
    assert_eq!(tried.status, 303, "{}", tried.body);
    here
}

/// Lets a message to one card begin.
async fn message(gateway: &Gateway, visitor: &Visitor) -> String {
    let card = card(2).to_string();
    let fields = [
        ("text", "Soup is back"),
        ("class", "reward"),
        ("to", "card"),
        ("cards", card.as_str()),
    ];
    let here = visitor
        .submit("/console/messages/new", &fields)
        .await
        .location
        .expect("a message");
    let sent = visitor
        .submit(&format!("{here}/send"), &[("version", "1"), ("confirm", "1")])
        .await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    turn(gateway, "send_messages").await;
    here
}

async fn codes(visitor: &Visitor, count: &str) -> String {
    let new = "/console/tools/codes/new";
    let id = hidden(&visitor.page(new).await.body, "id");
    let fields = [
        ("id", id.as_str()),
        ("program", "0000000000001"),
        ("label", "Flyers"),
        ("gives", "earn"),
        ("amount", "2"),
        ("count", count),
        ("max_uses", "1"),
        ("expires", "2027-01-31"),
    ];
    let made = visitor.submit(new, &fields).await;
    assert_eq!(made.status, 303, "{}", made.body);
    format!("/console/tools/codes/{id}")
}

fn going_on(page: &str) -> &str {
    let (_, rest) = page.split_once(r#"id="open-work""#).expect("what goes on");
    rest.split("</section>").next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_long_is_in_one_list_and_counted_on_every_page() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store).await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        assert!(owner.page("/console/jobs").await.body.contains("No jobs yet"));
        let pages = [
            job(&owner).await,
            import(&owner).await,
            message(&gateway, &owner).await,
            codes(&owner, "450").await,
        ];
        let list = owner.page("/console/jobs").await.body;
        for page in &pages {
            assert!(
                going_on(&list).contains(&format!(r#"href="{page}""#)),
                "{page}: {list}"
            );
        }
        for said in [
            "Add punches (+1)",
            "Check of a file",
            "guests.csv",
            "Soup is back",
            "Flyers",
        ] {
            assert!(going_on(&list).contains(said), "{said}: {list}");
        }
        let elsewhere = owner.page("/console/segments").await.body;
        assert!(elsewhere.contains("4 jobs are running"), "{elsewhere}");
        // Who may not look at imports and codes is not told of them.
        let viewer = Visitor::signed_in(&gateway, VIEWER).await;
        let seen = viewer.page("/console/jobs").await.body;
        assert!(
            seen.contains("Soup is back") && !seen.contains("guests.csv"),
            "{seen}"
        );
        assert!(seen.contains("2 jobs are running"), "{seen}");
        let stranger = Visitor::signed_in(&gateway, STRANGER).await;
        let nothing = stranger.page("/console/jobs").await.body;
        assert!(
            nothing.contains("No jobs yet") && !nothing.contains("are running"),
            "{nothing}"
        );

        // A message that is held is not running, and still there.
        assert_eq!(
            owner.submit(&format!("{}/pause", pages[2]), &[]).await.status,
            303
        );
        let held = owner.page("/console/jobs").await.body;
        assert!(
            going_on(&held).contains("Paused") && held.contains("3 jobs are running"),
            "{held}"
        );
        // Its page hears when somebody takes it up again elsewhere.
        let page = owner.page(&pages[2]).await.body;
        assert!(
            page.contains("data-live=") && page.contains("data-poll="),
            "{page}"
        );
        assert_eq!(
            owner.submit(&format!("{}/abort", pages[2]), &[]).await.status,
            303
        );

        let ops = &gateway.web().ops;
        ops.do_chores_named(&["work_jobs", "make_codes"])
            .await
            .expect("worked off");
        let stop = tokio_util::sync::CancellationToken::new();
        while ops.work_uploads(&stop).await.expect("worked") {}
        let after = owner.page("/console/jobs").await.body;
        assert!(
            !after.contains("Going on</h2>") && !after.contains("running</span>"),
            "{after}"
        );
        for page in &pages {
            assert!(after.contains(&format!(r#"href="{page}""#)), "{page}: {after}");
        }
        assert!(
            after.contains("Waits for you") && after.contains("450 of 450 codes made"),
            "{after}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_look_at_none_of_what_there_is_is_told_that_there_is_nothing() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    import(&owner).await;
    let viewer = Visitor::signed_in(&gateway, VIEWER).await;
    let nothing = viewer.page("/console/jobs").await.body;
    assert!(
        nothing.contains("No jobs yet") && !nothing.contains("guests.csv"),
        "{nothing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_of_codes_that_is_the_last_one_leads_to_no_other() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    for (count, has_more) in [("200", false), ("201", true)] {
        let batch = codes(&owner, count).await;
        let made = gateway.web().ops.do_chores_named(&["make_codes"]).await;
        made.expect("made");
        for part in ["", "/sheet"] {
            let page = owner.page(&format!("{batch}{part}")).await.body;
            assert_eq!(page.contains(r#"rel="next""#), has_more, "{count}{part}: {page}");
        }
    }
}

async fn until(live: &mut Live, said: &str) -> String {
    loop {
        let message = live.any().await;
        if message.data.contains(said) {
            return message.data;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_pages_hear_of_work_that_begins_moves_and_ends() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store).await;
        let owner = Visitor::signed_in(&gateway, OWNER).await;
        let mut list = owner.listen("/console/jobs/live?of=all", None).await;
        assert_eq!(list.any().await.name, "hello");
        let first = list.any().await.data;
        assert!(
            first.contains(r#"id="running-work"></span>"#) && first.contains("open-work"),
            "{first}"
        );
        // A page with a stream of its own is told on it.
        let mut card_page = owner
            .listen(&format!("/console/cards/{}/events", card(6)), None)
            .await;
        let mut cards_page = owner.listen("/console/cards/live?in=&rows=", None).await;

        let job = job(&owner).await;
        let begun = until(&mut list, "1 job is running").await;
        assert!(begun.contains(&format!(r#"href="{job}""#)), "{begun}");
        assert!(
            begun.contains(r#"data-renew="all-work""#),
            "what has begun stands below no more: {begun}"
        );
        until(&mut card_page, "1 job is running").await;
        until(&mut cards_page, "1 job is running").await;

        let page = owner.page(&job).await.body;
        let (_, rest) = page
            .split_once(r#"data-live="/console/jobs/live?"#)
            .expect("a live part");
        let query = rest.split('"').next().expect("an address").replace("&amp;", "&");
        let mut one = owner.listen(&format!("/console/jobs/live?{query}"), None).await;
        until(&mut one, r#"data-renew="job""#).await;
        turn(&gateway, "work_jobs").await;
        until(&mut one, r#"data-renew="job""#).await;
        gateway
            .web()
            .ops
            .do_chores_named(&["work_jobs"])
            .await
            .expect("worked off");
        let ended = until(&mut list, r#"id="running-work"></span>"#).await;
        assert!(ended.contains(r#"data-renew="all-work""#), "{ended}");
        until(&mut card_page, r#"id="running-work"></span>"#).await;
        let part = owner.part(&job).await.body;
        assert!(
            part.contains("3 of 3 cards") && !part.contains("<nav aria-label=\"Main\""),
            "{part}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_left_is_told_once_it_is_known() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store).await;
    let owner = Visitor::signed_in(&gateway, OWNER).await;
    let here = codes(&owner, "1050").await;
    let look = async || owner.page("/console/jobs").await.body;
    let first = look().await;
    assert!(
        first.contains("200 of 1,050") && !first.contains("min left"),
        "nothing is known yet: {first}"
    );
    turn(&gateway, "make_codes").await;
    gateway.clock().advance(Duration::from_secs(60));
    let some = look().await;
    assert!(some.contains("400 of 1,050 codes made"), "{some}");
    assert!(
        some.contains("200 codes a minute") && some.contains("about 4 min left"),
        "650 at 200 a minute: {some}"
    );
    let german = Visitor::signed_in(&gateway, OWNER)
        .await
        .speaking("de")
        .page("/console/jobs")
        .await
        .body;
    assert!(german.contains("noch etwa 4 Min."), "{german}");
    // What stands still has no time left that could be told.
    gateway.clock().advance(Duration::from_secs(120));
    look().await;
    gateway.clock().advance(Duration::from_secs(60));
    let stands = look().await;
    assert!(
        stands.contains("400 of 1,050") && !stands.contains("min left"),
        "{stands}"
    );
    assert_eq!(owner.page(&here).await.status, 200);
}
