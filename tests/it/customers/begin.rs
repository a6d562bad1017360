//! What imported people agree to and imported cards begin with.

use passgate::domain::consent::{Channel, Evidence, Purpose};
use passgate::domain::event::{Actor, EventKind, Source};
use passgate::domain::id::CustomerId;
use passgate::domain::import::{Column, Counts};
use passgate::domain::profile::Field;
use passgate::domain::program::{Cycle, Ladder, Measure, Rules, Tier};
use passgate::domain::time::Timestamp;
use passgate::ops::export::Which;
use passgate::ops::import::ImportRequest;
use passgate::store::{Error, Store, cards};

use super::shop::Shop;
use crate::engines::for_each_engine;

const HEADER: &str = "email,marketing_consent,consent_at,consent_source,consent_text,language";

fn updated(updated: i64, unchanged: i64) -> Counts {
    Counts {
        updated,
        unchanged,
        ..Counts::default()
    }
}

/// Whether the person wants marketing, and what they said of it: given or not, where, and when, newest first.
async fn said(shop: &Shop, customer: CustomerId) -> (bool, Vec<(bool, Channel, String)>) {
    let (person, history) = shop.ops.wishes(shop.merchant, customer).await.expect("there");
    let told = history
        .iter()
        .map(|said| (said.given, said.evidence.channel, said.at.to_jiff().to_string()));
    (person.consents.has(Purpose::Marketing), told.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_comes_with_its_evidence_goes_by_a_file_and_never_comes_back_by_one() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let with = "ada@example.com,yes,2026-01-15,paper,v3,de\n";
        let text = format!("{HEADER}\n{with}bob@example.com,yes,,,,\neve@example.com,no,,,,\n");
        let (report, _) = shop.checked(&text).await;
        assert_eq!(report.counts.created, 3);
        assert_eq!(report.consents_left, 1, "Bob's says not when and where");
        let people = ["ada", "bob", "eve"];
        let mut ids = Vec::new();
        for name in people {
            ids.push(shop.found(name).await[0]);
        }
        let paper = (true, Channel::Paper, "2026-01-14T23:00:00Z".to_owned());
        assert_eq!(said(&shop, ids[0]).await, (true, vec![paper.clone()]));
        assert_eq!(
            said(&shop, ids[1]).await,
            (false, Vec::new()),
            "nothing said means no"
        );
        let refused = said(&shop, ids[2]).await;
        assert_eq!((refused.0, refused.1.len()), (false, 1), "a no is remembered");
        let row = shop.history_of(ids[0]).await.remove(0).event;
        assert_eq!(
            (row.kind, row.source, row.batch),
            (EventKind::ConsentChanged, Source::Import, report.batch)
        );
        // The same file again changes nothing.
        let (again, _) = shop.checked(&text).await;
        assert_eq!(again.counts, updated(0, 3));
        // A no takes it away, whatever is known of it; and no file gives it back to who has said no.
        let (taken, _) = shop
            .checked("email,marketing_consent,first_name\nada@example.com,no,Ada\n")
            .await;
        assert_eq!(taken.counts, updated(1, 0));
        let (wants, told) = said(&shop, ids[0]).await;
        assert!(!wants);
        assert_eq!((told[0].0, told[0].1, &told[1]), (false, Channel::Import, &paper));
        let raised = format!("{HEADER}\n{with}eve@example.com,yes,2026-01-15,till,,\n");
        let (report, _) = shop.checked(&raised).await;
        assert_eq!((report.counts, report.consents_left), (updated(0, 2), 2));
        for id in [ids[0], ids[2]] {
            assert!(!said(&shop, id).await.0);
        }
    })
    .await;
}

/// Every purpose leaves with its evidence, changes nothing where it came from, and is the same where it was not known.
#[tokio::test(flavor = "multi_thread")]
async fn consents_to_everything_leave_with_their_evidence_and_come_back_the_same() {
    for_each_engine(async |store| {
        let shop = Shop::open(store.clone()).await;
        let text = "email,marketing_consent,consent_at,consent_source,consent_text,consent_language,\
                    profiling_consent,profiling_consent_at,profiling_consent_source,\
                    personalised_consent,personalised_consent_at,personalised_consent_source\n\
                    ada@example.com,yes,2026-01-15,paper,v3,pt-BR,yes,2026-01-16T08:00:00.123Z,till,no,,\n\
                    bob@example.com,no,,,,,,,,yes,2026-02-01,web_card\n\
                    eve@example.com,,,,,,,,,,,\n\
                    max@example.com,,,,,,yes,,,yes,2026-02-01,\n";
        let (report, failures) = shop.checked(text).await;
        assert_eq!(
            (report.counts.created, report.consents_left),
            (4, 1),
            "{failures:?}"
        );
        let ada = shop.found("ada").await[0];
        let (person, history) = shop.ops.wishes(shop.merchant, ada).await.expect("there");
        let has = Purpose::ALL.map(|purpose| person.consents.has(purpose));
        assert_eq!((has, history.len()), ([true, true, false], 3));
        assert_eq!(shop.history_of(ada).await.len(), 3, "a row of the timeline each");
        // Somebody takes one back here.
        let evidence = Evidence::new("v4", Channel::WebCard, "de").expect("evidence");
        let by = (Actor::Device, Source::Device);
        let taken = shop
            .ops
            .set_consent(shop.merchant, ada, (Purpose::Profiling, false), evidence, by);
        taken.await.expect("taken back");
        let (report, _) = shop.checked(text).await;
        assert_eq!(
            (report.counts, report.consents_left),
            (updated(0, 4), 2),
            "a no stays"
        );

        let before = shop.state().await;
        let people = shop.export(Which::People, None).await.expect("exported");
        let (report, failures) = shop.checked(&people).await;
        assert_eq!(
            (report.counts, report.consents_left),
            (updated(0, 4), 0),
            "{failures:?}"
        );
        assert_eq!(shop.state().await, before);

        let other = Shop::open(store).await;
        let (report, failures) = other.checked(&people).await;
        assert_eq!(
            (report.counts.created, report.consents_left),
            (4, 0),
            "{failures:?}"
        );
        let mut columns = vec!["email".to_owned()];
        columns.extend(Column::of_consents().map(|column| column.as_str().to_owned()));
        let rows = async |shop: &Shop| {
            let text = shop
                .export(Which::People, Some(columns.clone()))
                .await
                .expect("exported");
            let mut rows: Vec<_> = text.lines().map(str::to_owned).collect();
            rows.sort();
            rows
        };
        let told = rows(&shop).await;
        assert!(
            told.iter()
                .any(|row| row.contains("pt-BR") && row.contains("2026-01-14T23:00:00Z"))
        );
        assert_eq!(rows(&other).await, told);
    })
    .await;
}

/// A punch card with a welcome, and tiers that everybody begins the lowest of.
async fn tiered(store: Store) -> Shop {
    let tier = |name: &str, threshold| Tier {
        name: name.into(),
        threshold,
    };
    let mut rules = Rules::punch(10).expect("rules");
    rules.welcome = 2;
    rules.ladder = Some(Ladder {
        measure: Measure::Earned,
        cycle: Cycle::Calendar,
        tiers: vec![tier("Basic", 0), tier("Silver", 4)],
    });
    Shop::with_rules(store, rules).await
}

/// The card of somebody who is found by `name`: its punches, and where it stands on the ladder.
async fn begun(shop: &Shop, name: &str) -> (i64, i64, Option<i64>, Option<Timestamp>) {
    let holder = shop.found(name).await[0];
    let (merchant, id) = (shop.merchant, shop.card_of(holder).await);
    let read: Result<_, Error> = shop
        .ops
        .store
        .read("card", move |tx| {
            Box::pin(async move { cards::card(tx, merchant, id).await })
        })
        .await;
    let card = read.expect("readable").expect("there").card;
    (card.punches, card.tier_points, card.tier, card.cycle_ends_at)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_card_begins_as_one_that_is_issued_by_hand() {
    for_each_engine(async |store| {
        let shop = tiered(store).await;
        shop.add(&[(Field::Email, "hand@example.com")]).await;
        let by_hand = begun(&shop, "hand").await;
        assert_eq!((by_hand.0, by_hand.1, by_hand.2), (2, 2, Some(0)));
        assert!(by_hand.3.is_some());
        shop.checked("email\nfile@example.com\n").await;
        assert_eq!(begun(&shop, "file").await, by_hand);
        // What a card begins with takes the place of the welcome, and counts towards its tier.
        shop.checked("email,stamps\nmoved@example.com,5\n").await;
        assert_eq!(begun(&shop, "moved").await, (5, 5, Some(1), by_hand.3));
        let without = ImportRequest {
            welcome: false,
            ..shop.request()
        };
        let file = || Ok(std::io::Cursor::new("email\nplain@example.com\n"));
        shop.ops
            .import(&without, file, |_| Ok(()))
            .await
            .expect("imported");
        assert_eq!(begun(&shop, "plain").await, (0, 0, Some(0), by_hand.3));
        shop.check_sums().await;
    })
    .await;
}
