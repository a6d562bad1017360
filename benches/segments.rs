//! Lists, counts and searches of one merchant with a million customers, on both engines.
//!
//! What people wait for is measured as they get it: a page from the call to the lines that it shows, for every rule below
//! in every order, at the beginning, in the middle and at the end of the list; a count with what of it can be reached. The
//! figure is the slowest of them, each a median of three. Beside it: what a roster costs to load and in memory, a page right
//! after taps, and what the database needs for the same without a roster, with its plans.
//!
//! `SEGMENTS_ONLY=sqlite` or `postgres` measures one of them, `SEGMENTS_CUSTOMERS` changes how many there are.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reads the environment and clocks, and fails by panicking"
)]

use std::sync::Arc;
use std::time::Instant;

use passgate::clock::{Clock, Ids};
use passgate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use passgate::domain::chips::Chip;
use passgate::domain::id::{CardId, MerchantId, PassTypeIdentifier, ProgramId, StationId};
use passgate::domain::program::{CouponRules, PointsRules, Rules, Scheme};
use passgate::domain::search;
use passgate::domain::segment::Rule;
use passgate::domain::segment::order::{Direction, Each, Edge, Key, Order, Place, Sort};
use passgate::domain::segment::saved::Viewer;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::rosters::{PAGE, Query, Rosters};
use passgate::ops::segments::Target;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::segments::{self, Shown};
use passgate::store::{Error, Store, Value};

#[path = "ingest/cluster.rs"]
#[expect(dead_code, reason = "pgbench is not run here")]
mod cluster;
#[path = "segments/fill.rs"]
mod fill;

use cluster::Cluster;

const ROOM: usize = 1 << 30;
/// Taps between two looks at the list.
const TAPS: [usize; 2] = [1, 1000];

/// From everybody to nobody, by every kind of condition; some that hold for few and that no index would find.
const RULES: [&str; 22] = [
    "all()",
    "status.is.installed",
    "visits.over.9",
    "all(visits.over.20,spend.under.9000,activity.older.90d)",
    "all(visits.between.4..6,spend.between.5000..5010,tier.empty)",
    "any(all(rewards.over.0,not(status.in(void,expired))),coupon.is.active)",
    "all(not(status.is.void),activity.older.30d)",
    "all(status.is.installed,last_visit.within.30d)",
    "birthday.between.12-20..01-10",
    "redeemed.between.2026-11-01..2026-11-25",
    "all(not(redemptions.is.0),last_redeemed.older.300d,platform.is.apple)",
    "name.has.'a zimmermann'",
    "email.has.nora.hoffmann12",
    "all(email.empty,phone.empty,language.is.fr)",
    "not(any(email.empty,phone.empty,birthday.empty,visits.is.0,not(tier.empty),reachable.is.no))",
    "external_id.is.nobody",
    "all(rfm.in(champions,loyal),not(tag.empty))",
    "any(tag.has.gast,utm_source.is.flyer)",
    "custom.size.between.40..42",
    "all(reachable_for.is.reward,high_value.is.yes)",
    "ready.is.yes",
    "all(wallet.is.installed,installed.older.30d,any(visit_before.empty,visit_before.older.30d))",
];
/// Parts of names, addresses and numbers, from many who are found to nobody.
const SEARCHES: [&str; 12] = [
    "ann",
    "mann",
    "zimmermann nora",
    "nora z",
    "a z",
    "hoffmann12345@",
    "example.com",
    "@ex",
    "4915",
    "0151 1234",
    "987654",
    "qqqq",
];

#[tokio::main]
async fn main() {
    let only = std::env::var("SEGMENTS_ONLY").unwrap_or_default();
    let customers =
        std::env::var("SEGMENTS_CUSTOMERS").map_or(1_000_000, |text| text.parse().expect("a number"));
    if only != "postgres" {
        sqlite(customers).await;
    }
    if only != "sqlite" {
        match Cluster::start() {
            Some(cluster) => postgres(&cluster, customers).await,
            None => println!("segments on PostgreSQL is skipped: PostgreSQL with pgbench is not installed"),
        }
    }
}

async fn sqlite(customers: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("segments.sqlite");
    let url = format!("sqlite:{}", file.display());
    let (merchant, programs) = prepare(&url).await;
    let raw = rusqlite::Connection::open(&file).expect("the file opens");
    raw.execute_batch("pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -262144;")
        .expect("settings");
    for statement in fill::statements(merchant, programs, customers) {
        raw.execute_batch(&statement).expect("filled");
    }
    raw.execute_batch("analyze").expect("analyzed");
    drop(raw);
    let bench = Bench::open("sqlite", &url, merchant).await;
    bench.chips().await;
    bench.measure().await;
    let raw = rusqlite::Connection::open(&file).expect("the file opens");
    for (name, shown) in bench.shown().await {
        // SQLite numbers its parameters with a question mark.
        let mut plan = raw
            .prepare(&format!("explain query plan {}", shown.text.replace('$', "?")))
            .expect("a statement");
        for (index, value) in shown.params.iter().enumerate() {
            plan.raw_bind_parameter(index + 1, value).expect("bound");
        }
        println!("plan of {name} on SQLite:");
        let mut rows = plan.raw_query();
        while let Some(row) = rows.next().expect("a line") {
            println!("    {}", row.get::<_, String>(3).expect("text"));
        }
    }
}

async fn postgres(cluster: &Cluster, customers: usize) {
    let client = cluster.client().await;
    // The disk of this machine holds more than the log.
    for setting in [
        "max_wal_size = '512MB'",
        "wal_level = minimal",
        "shared_buffers = '128MB'",
    ] {
        client
            .batch_execute(&format!("alter system set {setting}"))
            .await
            .expect("a setting");
    }
    client
        .batch_execute("select pg_reload_conf()")
        .await
        .expect("reloaded");
    let (merchant, programs) = prepare(&cluster.url()).await;
    for statement in fill::statements(merchant, programs, customers) {
        client.batch_execute(&statement).await.expect("filled");
    }
    client.batch_execute("vacuum analyze").await.expect("analyzed");
    let bench = Bench::open("postgres", &cluster.url(), merchant).await;
    bench.chips().await;
    bench.measure().await;
    for (name, shown) in bench.shown().await {
        let statement = client
            .prepare(&format!("explain {}", shown.text))
            .await
            .expect("a statement");
        let params: Vec<_> = shown
            .params
            .iter()
            .map(|value: &Value| value as &(dyn tokio_postgres::types::ToSql + Sync))
            .collect();
        println!("plan of {name} on PostgreSQL:");
        for row in client.query(&statement, &params).await.expect("a plan") {
            println!("    {}", row.get::<_, String>(0));
        }
    }
}

/// The schema, a merchant and three programs.
async fn prepare(url: &str) -> (MerchantId, [ProgramId; 3]) {
    let ops = open(url).await;
    let business = NewBusiness {
        name: "A large one".into(),
        zone: "Europe/London".into(),
    };
    let merchant = ops.create_merchant(business).await.expect("a merchant");
    let points = Scheme::Points(PointsRules {
        per_visit: 7,
        per_amount: None,
        overdraw: 0,
        rewards: Vec::new(),
    });
    let coupon = Scheme::Coupon(CouponRules {
        redeem_at_till: false,
        linked: None,
    });
    let schemes = [Rules::punch(10), Rules::new(points), Rules::new(coupon)];
    let mut programs = Vec::new();
    for rules in schemes {
        let new = NewProgram {
            name: "Program".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.bench").expect("valid"),
            reward_name: "Free coffee".into(),
            rules: rules.expect("valid"),
        };
        programs.push(ops.create_program(merchant, new).await.expect("a program"));
    }
    (merchant, programs.try_into().expect("three"))
}

async fn open(url: &str) -> Ops {
    let store = Store::open(url, 8).await.expect("the store opens");
    store.migrate().await.expect("the schema is made");
    Ops {
        store,
        clock: Clock::manual(Timestamp(fill::NOW)),
        ids: Ids::random(),
    }
}

struct Bench {
    engine: &'static str,
    ops: Ops,
    merchant: MerchantId,
    rosters: Rosters,
}

impl Bench {
    async fn open(engine: &'static str, url: &str, merchant: MerchantId) -> Self {
        let ops = open(url).await;
        Self {
            engine,
            rosters: Rosters::start(&ops, ROOM),
            ops,
            merchant,
        }
    }

    async fn measure(&self) {
        let started = Instant::now();
        let bytes = self
            .rosters
            .load(self.merchant)
            .await
            .expect("loaded")
            .expect("room");
        let seconds = started.elapsed().as_secs_f64();
        self.figure("load_s", seconds, "s");
        self.figure("roster_mb", bytes as f64 / 1e6, "MB");
        self.pages().await;
        self.counts().await;
        self.searches().await;
        self.after_taps().await;
        self.without_roster().await;
    }

    fn figure(&self, name: &str, value: f64, unit: &str) {
        println!("figure segments.{name}.{} {value:.2} {unit}", self.engine);
    }

    fn query(&self, rule: &str, order: Order, edge: Edge) -> Query {
        Query {
            viewer: Viewer::Operator,
            target: Target::Rule(Rule::parse(rule).expect(rule)),
            among: None,
            search: None,
            order,
            edge,
            size: PAGE,
            each: Each::Card,
            only: None,
        }
    }

    /// Every rule in every order at three depths.
    async fn pages(&self) {
        let mut slowest = (0.0, String::new());
        let mut all = Vec::new();
        for order in orders() {
            let middle = self.middle(order).await;
            for rule in RULES {
                let first = self.query(rule, order, Edge::First);
                let deep = self.query(rule, order, Edge::After(middle.clone()));
                let last = self.query(rule, order, Edge::Before(beyond(order, &middle)));
                for (depth, query) in [("first", first), ("middle", deep), ("last", last)] {
                    let mut times = Vec::new();
                    for _ in 0..3 {
                        let started = Instant::now();
                        self.rosters.list(self.merchant, &query).await.expect("a page");
                        times.push(started.elapsed().as_secs_f64() * 1e3);
                    }
                    let time = median(times);
                    all.push(time);
                    if time > slowest.0 {
                        slowest = (time, format!("{rule} by {order}, {depth}"));
                    }
                }
            }
        }
        println!("slowest page on {}: {}", self.engine, slowest.1);
        self.figure("page_ms", slowest.0, "ms");
        self.figure("page_median_ms", median(all), "ms");
    }

    /// The place in the middle of all cards.
    async fn middle(&self, order: Order) -> Place {
        let mut query = self.query("all()", order, Edge::First);
        let total = self
            .rosters
            .list(self.merchant, &query)
            .await
            .expect("a page")
            .total;
        query.size = total / 2;
        query.target = Target::Rule(Rule::everything());
        let half = self
            .rosters
            .list(self.merchant, &query)
            .await
            .expect("half of all");
        match half.after.expect("there is more") {
            Edge::After(place) => place,
            other => panic!("{other:?}"),
        }
    }

    async fn counts(&self) {
        let mut slowest = (0.0, "");
        for rule in RULES {
            let target = Target::Rule(Rule::parse(rule).expect(rule));
            let mut times = Vec::new();
            for _ in 0..5 {
                let started = Instant::now();
                let reach = self.rosters.reach(self.merchant, Viewer::Operator, &target);
                let reach = reach.await.expect("counted");
                times.push(started.elapsed().as_secs_f64() * 1e3);
                assert!(reach.reachable <= reach.members);
            }
            let time = median(times);
            if time > slowest.0 {
                slowest = (time, rule);
            }
        }
        println!("slowest count on {}: {}", self.engine, slowest.1);
        self.figure("custom_count_ms", slowest.0, "ms");
    }

    /// All chips of all programs, once every card has been counted.
    async fn chips(&self) {
        let counting = ["recount_due_cards", "fold_counts"];
        self.ops.do_chores_named(&counting).await.expect("counted");
        let mut times = Vec::new();
        for _ in 0..50 {
            let started = Instant::now();
            let programs = self.ops.segment_counts(self.merchant, None).await.expect("read");
            let all: i64 = Chip::EACH
                .iter()
                .map(|chip| programs.iter().map(|program| program.chip(*chip)).sum::<i64>())
                .sum();
            times.push(started.elapsed().as_secs_f64() * 1e3);
            assert!(all > 0);
        }
        self.figure("chips_ms", median(times), "ms");
    }

    /// The first page of people, as the search field asks for it; and of a list that is searched in.
    async fn searches(&self) {
        let (mut slowest, mut in_list) = ((0.0, ""), (0.0, ""));
        for text in SEARCHES {
            let (mut times, mut times_in_list) = (Vec::new(), Vec::new());
            let order = Order::parse("-spend").expect("an order");
            let query = Query {
                search: Some(search::Query::parse(text).expect("a query")),
                ..self.query("visits.over.9", order, Edge::First)
            };
            for _ in 0..5 {
                let started = Instant::now();
                let found = self.ops.find_customers(self.merchant, text, None, 50).await;
                times.push(started.elapsed().as_secs_f64() * 1e3);
                found.expect("found").expect("a query");
                let started = Instant::now();
                self.rosters.list(self.merchant, &query).await.expect("a page");
                times_in_list.push(started.elapsed().as_secs_f64() * 1e3);
            }
            let (time, time_in_list) = (median(times), median(times_in_list));
            println!(
                "search on {}: {text:?} {time:.2} ms, in a list {time_in_list:.2} ms",
                self.engine
            );
            if time > slowest.0 {
                slowest = (time, text);
            }
            if time_in_list > in_list.0 {
                in_list = (time_in_list, text);
            }
        }
        println!(
            "slowest searches on {}: {}, in a list {}",
            self.engine, slowest.1, in_list.1
        );
        self.figure("search_ms", slowest.0, "ms");
        self.figure("search_in_list_ms", in_list.0, "ms");
    }

    /// The first page right after taps, which it must show.
    async fn after_taps(&self) {
        let recorder = Recorder::start(&self.ops);
        let order = Order::parse("-activity").expect("an order");
        let query = self.query("visits.between.10..13", order, Edge::First);
        let many = Query {
            size: 2000,
            ..query.clone()
        };
        let cards = self
            .rosters
            .list(self.merchant, &many)
            .await
            .expect("a page")
            .lines;
        let mut counter = 0;
        for taps in TAPS {
            let mut times = Vec::new();
            for _ in 0..5 {
                self.ops.clock.advance(std::time::Duration::from_hours(2));
                for line in cards.iter().take(taps) {
                    counter += 1;
                    let capture = Capture {
                        key: CaptureKey {
                            station: StationId(7),
                            counter,
                        },
                        kind: CaptureKind::Barcode,
                        token: Token::parse(&format!("token-{}", line.card.0)).expect("a token"),
                        captured_at: self.ops.clock.now(),
                        amount: None,
                    };
                    recorder
                        .record(self.merchant, vec![capture])
                        .await
                        .expect("recorded");
                }
                let started = Instant::now();
                self.rosters.list(self.merchant, &query).await.expect("a page");
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
            self.figure(&format!("page_after_{taps}_taps_ms"), median(times), "ms");
        }
    }

    /// What the database needs by itself, as work on whole segments uses it.
    async fn without_roster(&self) {
        let (mut count, mut page) = ((0.0, ""), (0.0, ""));
        for rule in RULES {
            let target = Target::Rule(Rule::parse(rule).expect(rule));
            let resolved = self.ops.resolve(self.merchant, Viewer::Operator, &target, None);
            let resolved = resolved.await.expect("resolved");
            let merchant = self.merchant;
            let started = Instant::now();
            let counted: Result<i64, Error> = self
                .ops
                .store
                .read("count", |tx| {
                    let resolved = resolved.clone();
                    Box::pin(
                        async move { segments::count(tx, merchant, &resolved.plan, &resolved.context).await },
                    )
                })
                .await;
            counted.expect("counted");
            let time = started.elapsed().as_secs_f64() * 1e3;
            if time > count.0 {
                count = (time, rule);
            }
            let started = Instant::now();
            self.ops
                .members_after(merchant, &resolved, CardId(0), 200)
                .await
                .expect("found");
            let time = started.elapsed().as_secs_f64() * 1e3;
            if time > page.0 {
                page = (time, rule);
            }
        }
        println!(
            "slowest without a roster on {}: count {}, next 200 cards {}",
            self.engine, count.1, page.1
        );
        self.figure("sql_count_ms", count.0, "ms");
        self.figure("sql_next_200_ms", page.0, "ms");
    }

    /// Statements whose plans are worth a look.
    async fn shown(&self) -> Vec<(String, Shown)> {
        let mut all = Vec::new();
        for rule in [RULES[3], RULES[10], RULES[11]] {
            let target = Target::Rule(Rule::parse(rule).expect(rule));
            let resolved = self.ops.resolve(self.merchant, Viewer::Operator, &target, None);
            let resolved = resolved.await.expect("resolved");
            let (plan, context) = (Arc::clone(&resolved.plan), Arc::clone(&resolved.context));
            all.push((
                format!("count of {rule}"),
                segments::show_count(self.merchant, &plan, &context),
            ));
            let order = Order::parse("-spend").expect("an order");
            let page = segments::show_page(self.merchant, &plan, &context, order, &Edge::First, PAGE);
            all.push((format!("page of {rule} by {order}"), page));
        }
        all.push((
            "lines of a page".into(),
            segments::show_lines(self.merchant, PAGE),
        ));
        let find = search::Query::parse("nora hoffmann").expect("a query");
        let (text, params) = passgate::store::search::show(self.merchant, &find, 50, self.engine == "sqlite");
        all.push(("search for nora hoffmann".into(), Shown { text, params }));
        let (text, params) = passgate::store::counts::show(self.merchant);
        all.push(("chips".into(), Shown { text, params }));
        all
    }
}

fn orders() -> impl Iterator<Item = Order> {
    Sort::ALL.into_iter().flat_map(|sort| {
        [Direction::Ascending, Direction::Descending].map(|direction| Order { sort, direction })
    })
}

/// A place behind all others, of the same kind as `place`.
fn beyond(order: Order, place: &Place) -> Place {
    let ascending = order.direction == Direction::Ascending;
    let key = match (&place.key, ascending) {
        (Key::Number(_), true) => Key::Number(i64::MAX),
        (Key::Number(_), false) => Key::Number(i64::MIN),
        (Key::Text(_), true) => Key::Text("\u{10ffff}".into()),
        (Key::Text(_), false) => Key::Text(String::new()),
    };
    let card = CardId(if ascending { i64::MAX } else { 0 });
    Place { key, card }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
