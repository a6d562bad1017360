//! Everything that a list holds as a selection: what can be done to it, and what cannot be kept as a rule.

use passgate::clock::Clock;

use super::NOON;
use super::sample::{MERCHANT, OWNER, second_card};
use super::visitor::{Gateway, Visitor};
use crate::engines;

async fn gateway(store: passgate::store::Store, cards: i64) -> Gateway {
    Gateway::start(store, cards, Clock::manual(NOON), "http://127.0.0.1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_make_too_long_a_rule_together_are_refused_before_a_job_is_written() {
    engines::for_each_engine(async |store| {
        let gateway = gateway(store, 3).await;
        let visitor = Visitor::signed_in(&gateway, OWNER).await;
        // By itself as long as a rule can be; with the segment beside it longer than one that is read again.
        let rule = format!("name.has.'{}'", "x".repeat(4096 - 11));
        let list = form_urlencoded::Serializer::new(String::new())
            .append_pair("segment", "frequent")
            .append_pair("rule", &rule)
            .finish();
        let asked = [("do", "void"), ("in", list.as_str()), ("scope", "all")];
        for page in ["/console/jobs/preview", "/console/jobs/message"] {
            let refused = visitor.submit(page, &asked).await;
            assert_eq!(refused.status, 400, "{page}: {}", refused.body);
            assert!(
                refused.body.contains("Take some of them off"),
                "{page}: {}",
                refused.body
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_by_customer_is_counted_by_customer() {
    let (store, _folder) = engines::sqlite().await;
    let gateway = gateway(store, 8).await;
    second_card(gateway.web(), 3).await;
    let loaded = gateway.web().rosters.load(MERCHANT).await;
    loaded.expect("read").expect("room");
    let visitor = Visitor::signed_in(&gateway, OWNER).await;
    for (list, all) in [("", " of 9</small>"), ("by=customer", " of 8</small>")] {
        let everything = [("in", list), ("scope", "all")];
        let offered = visitor.submit("/console/cards/offers", &everything).await.body;
        let counted = offered.matches(" of ").count();
        assert!(counted > 0, "{offered}");
        assert_eq!(offered.matches(all).count(), counted, "{list}: {offered}");
    }
}
