//! What a push costs and how fast pushes go: the APNs client alone, beside h2load on the same fake; the dispatcher alone;
//! and what is lost or sent twice when connections break.
//!
//! The fake runs in a child process of this program, so that its work is not counted.
//!
//! | figure | |
//! |---|---|
//! | `push.client_us` | processor time of the client for each push; no latency |
//! | `push.h2load_us` | processor time of h2load for each request on the same fake |
//! | `push.h2load_share` | pushes a second over one connection with answers after 50 ms, over h2load's |
//! | `push.conn4_scale` | pushes a second over four such connections, over those of one |
//! | `push.lost`, `push.doubled` | of the pushes of a dispatcher, through GOAWAY, resets, 410, 429 |
//! | `push.dispatch_us`, `push.dispatch_pg_us` | processor time of the dispatcher for each push: claim, tag, finish |
//! | `push.cpu_us` | dispatcher, client and SQLite together |
//!
//! `PUSH_ONLY=client`, `faults` or `dispatch` measures some of them.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark starts programs, reads clocks, and fails by panicking"
)]

#[path = "push/client.rs"]
mod client;
#[expect(dead_code, reason = "pgbench is another benchmark's")]
#[path = "ingest/cluster.rs"]
mod cluster;
#[path = "push/dispatch.rs"]
mod dispatch;
#[path = "push/fake.rs"]
mod fake;
#[path = "push/faults.rs"]
mod faults;
#[path = "push/h2load.rs"]
mod h2load;

use std::path::Path;

use passgate::clock::{Clock, Ids};
use passgate::sim::apns::Authority;

pub(crate) const TOPIC: &str = "pass.example.bench";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("--fake") {
        let folder = arguments.next().expect("the folder");
        runtime.block_on(fake::serve(Path::new(&folder)));
        return;
    }
    let only = std::env::var("PUSH_ONLY").unwrap_or_default();
    let wanted = |name: &str| only.is_empty() || only == name;
    let folder = tempfile::tempdir().expect("folder");
    let authority = Authority::new("Clients", &Clock::System, &Ids::random()).expect("authority");
    std::fs::write(folder.path().join("clients.pem"), authority.pem().expect("pem")).expect("written");
    let fake = fake::Fake::start(folder.path());
    let setting = client::Setting {
        folder: folder.path().to_owned(),
        authority,
        at_once: fake.mutual,
        late: fake.mutual_late,
    };
    if wanted("client") {
        client::measure(&runtime, &setting, &fake);
    }
    if wanted("faults") {
        runtime.block_on(faults::measure(folder.path()));
    }
    if wanted("dispatch") {
        runtime.block_on(dispatch::measure(&setting));
    }
}

pub(crate) fn figure(name: &str, value: f64, unit: &str) {
    println!("figure {name} {value:.2} {unit}");
}
