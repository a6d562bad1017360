//! Who joined in which week by which source, on both engines.

use std::time::Duration;

use jiff::tz::TimeZone;
use passgate::domain::join::Arrival;
use passgate::domain::joins::{Joins, Source, WEEKS};
use passgate::domain::utm::Utm;
use passgate::ops::joining::Joining;

use super::shop::{Shop, person, shown};
use crate::engines::for_each_engine;

impl Shop {
    async fn come(&self, email: &str, query: &str) {
        let arrival = Arrival {
            utm: Utm::from_query(query),
            ..Arrival::default()
        };
        let joining = Joining {
            arrival,
            ..person("Ada", email, "")
        };
        shown(self.join(joining).await);
    }

    async fn joins(&self) -> Joins {
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
        let joins = self.ops.joins(self.merchant, self.program, &zone).await;
        joins.expect("read")
    }
}

/// Name, joins of the last two weeks, and all.
fn lines(joins: &Joins) -> Vec<(String, i64, i64, i64)> {
    let line = |line: &passgate::domain::joins::Line| {
        let name = match &line.source {
            Source::Named(name) => name.clone(),
            other => format!("{other:?}"),
        };
        (name, line.weeks[WEEKS - 2], line.weeks[WEEKS - 1], line.total())
    };
    joins.lines.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_are_counted_by_week_and_source() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let week = Duration::from_secs(7 * 24 * 3600);
        shop.come("old@came.example", "utm_source=flyer").await;
        // Too long ago for the chart.
        shop.ops.clock.advance(week * 13);
        assert_eq!(shop.joins().await.lines, []);
        shop.come("a@came.example", "utm_source=flyer").await;
        shop.come("b@came.example", "utm_medium=qr").await;
        shop.ops.clock.advance(week);
        for at in 0..3 {
            shop.come(&format!("c{at}@came.example"), "utm_source=window")
                .await;
        }
        shop.come("d@came.example", "").await;
        let other = shop.another_program().await;
        let expected = [
            ("window".to_owned(), 0, 3, 3),
            ("flyer".to_owned(), 1, 0, 1),
            ("Unnamed".to_owned(), 1, 1, 2),
        ];
        assert_eq!(lines(&shop.joins().await), expected);
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
        let of_other = shop.ops.joins(shop.merchant, other, &zone).await;
        assert_eq!(of_other.expect("read").lines, []);

        // Sources beyond those with a line of their own are one line, and nobody is counted twice.
        for at in 0..6 {
            let query = format!("utm_source=blog{at}");
            shop.come(&format!("e{at}@came.example"), &query).await;
        }
        let joins = shop.joins().await;
        let named = lines(&joins);
        assert_eq!(named[0], expected[0]);
        // Of those that brought one each, the first by name have the lines: five of the blogs.
        assert_eq!(named[6], ("Others".to_owned(), 1, 1, 2));
        assert_eq!(joins.total(), 3 + 1 + 2 + 6);
    })
    .await;
}
