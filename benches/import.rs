//! How fast a file of 100 000 people with balances becomes customers and cards, and what memory that takes.
//!
//! `IMPORT_ONLY=sqlite` or `postgres` measures one engine, `IMPORT_ROWS` changes the number of rows. The peak is the
//! process's largest resident size, as Linux counts it, less what it was before the import; it is told of the engine
//! that is measured first.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reads the environment and clocks, and fails by panicking"
)]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use passgate::clock::{Clock, Ids};
use passgate::domain::event::Actor;
use passgate::domain::id::PassTypeIdentifier;
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::import::ImportRequest;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::Store;

#[allow(dead_code, reason = "another benchmark uses the rest of it")]
#[path = "ingest/cluster.rs"]
mod cluster;

#[tokio::main]
async fn main() {
    let only = std::env::var("IMPORT_ONLY").unwrap_or_default();
    let rows: u32 = std::env::var("IMPORT_ROWS").map_or(100_000, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("people.csv");
    let mut file = BufWriter::new(File::create(&path).expect("a file"));
    writeln!(
        file,
        "first_name,last_name,email,phone,external_id,birthday,stamps"
    )
    .expect("written");
    for row in 0..rows {
        writeln!(
            file,
            "First{row},Last{},person{row}@example.com,+49151{:08},C-{row},1990-05-17,{}",
            row % 5000,
            20_000_000 + row,
            row % 9
        )
        .expect("written");
    }
    file.flush().expect("written");
    if only != "postgres" {
        let url = format!("sqlite:{}", folder.path().join("import.sqlite").display());
        measure(&url, "import", &path, rows).await;
    }
    if only != "sqlite" {
        match cluster::Cluster::start() {
            Some(cluster) => measure(&cluster.url(), "import.pg", &path, rows).await,
            None => println!("import.pg is skipped: PostgreSQL with pgbench is not installed"),
        }
    }
}

async fn measure(url: &str, figure: &str, path: &Path, rows: u32) {
    let store = Store::open(url, 4).await.expect("the store opens");
    store.migrate().await.expect("the schema is made");
    let ops = Ops {
        store,
        clock: Clock::System,
        ids: Ids::random(),
    };
    let business = NewBusiness {
        name: "Bench".into(),
        zone: "Europe/Berlin".into(),
    };
    let merchant = ops.create_merchant(business).await.expect("a merchant");
    let new = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.bench").expect("valid"),
        reward_name: "Free coffee".into(),
        rules: Rules::punch(10).expect("valid"),
    };
    let program = ops.create_program(merchant, new).await.expect("a program");
    let request = ImportRequest {
        merchant,
        program: Some(program),
        told: Vec::new(),
        welcome: true,
        actor: Actor::Gateway,
    };
    let count = f64::from(rows);
    let before = peak_mib();
    let started = Instant::now();
    let report = ops
        .import(&request, || File::open(path), |_| Ok(()))
        .await
        .expect("imported");
    let took = started.elapsed().as_secs_f64();
    assert_eq!(report.counts.created, i64::from(rows));
    println!("figure {figure}.rows_per_s {:.0} rows/s", count / took);
    println!("figure {figure}.seconds {took:.1} s");
    println!("figure {figure}.peak_mib {:.0} MiB", peak_mib() - before);
    let started = Instant::now();
    let again = ops
        .dry_run(&request, || File::open(path), |_| Ok(()))
        .await
        .expect("planned");
    assert_eq!(again.counts.unchanged, i64::from(rows));
    println!(
        "figure {figure}.dry_run_rows_per_s {:.0} rows/s",
        count / started.elapsed().as_secs_f64()
    );
}

/// The largest resident size so far; 0 where the system does not say.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
