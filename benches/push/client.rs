//! The APNs client alone: many tasks hand it one push after another.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use passgate::apple::apns::{Apns, ClientCertificate, Credentials};
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::delivery::Outcome;
use passgate::domain::id::{PassTypeIdentifier, PushToken};
use passgate::push::{Delivery, Sender};
use passgate::sim::apns::Authority;
use tokio::runtime::Runtime;

use crate::fake::{Fake, authority};
use crate::{TOPIC, figure, h2load};

/// Pushes of one round.
const PUSHES: usize = 100_000;
const ROUNDS: usize = 3;
/// Streams of one connection.
const STREAMS: usize = 1000;

/// Where the fake listens, and what it must be shown.
pub(crate) struct Setting {
    pub(crate) folder: PathBuf,
    pub(crate) authority: Authority,
    pub(crate) at_once: SocketAddr,
    pub(crate) late: SocketAddr,
}

impl Setting {
    pub(crate) fn client(&self, address: SocketAddr, connections: usize) -> Apns {
        let topic = PassTypeIdentifier::parse(TOPIC).expect("topic");
        let identity = self.authority.issue_client(&topic).expect("client certificate");
        let certificate =
            ClientCertificate::from_pem(&identity.certificate, &identity.key).expect("certificate");
        let settings = config::Apns {
            url: format!("https://{address}"),
            certificate_authority: Some(authority(&self.folder, address)),
            connections,
            ..config::Apns::default()
        };
        let credentials = [(topic, Credentials::Certificate(certificate))];
        Apns::new(&settings, &credentials, Clock::System, &Ids::random()).expect("client")
    }
}

pub(crate) fn measure(runtime: &Runtime, setting: &Setting, fake: &Fake) {
    let run = |address, connections, pushes, at_once| {
        runtime.block_on(async {
            let client = setting.client(address, connections);
            // The body runs on a worker, not on the thread that waits.
            tokio::spawn(async move {
                push_all(Arc::new(client), pushes / 10, at_once).await;
            })
            .await
            .expect("warm");
            let client = setting.client(address, connections);
            tokio::spawn(async move { push_all(Arc::new(client), pushes, at_once).await })
                .await
                .expect("measured")
        })
    };
    let mut cpu = f64::INFINITY;
    for round in 0..ROUNDS {
        let (used, wall) = run(fake.mutual, 1, PUSHES, STREAMS);
        let each = used.as_secs_f64() * 1e6 / PUSHES as f64;
        let rate = PUSHES as f64 / wall.as_secs_f64();
        println!("client, round {round}: {each:.1} us each, {rate:.0} a second");
        cpu = cpu.min(each);
    }
    figure("push.client_us", cpu, "us");
    let pass = h2load::Pass {
        folder: &setting.folder,
        requests: PUSHES,
        streams: STREAMS,
    };
    match pass.run(fake.open) {
        Some(run) => figure("push.h2load_us", run.cpu_us, "us"),
        None => println!("push.h2load_us is skipped: h2load is not installed (Debian: nghttp2-client)"),
    }

    // Each round asks all three, so that what else the machine does meets them alike; the median of the ratios counts.
    let (mut shares, mut scales) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let rate = |connections: usize, pushes: usize| {
            let (_, wall) = run(setting.late, connections, pushes, connections * STREAMS);
            pushes as f64 / wall.as_secs_f64()
        };
        let one = rate(1, PUSHES);
        let theirs = pass.run(fake.open_late).map(|run| run.rate);
        let four = rate(4, PUSHES * 3);
        println!("50 ms, round {round}: {one:.0} a second, four {four:.0}, h2load {theirs:.0?}");
        shares.extend(theirs.map(|theirs| one / theirs));
        scales.push(four / one);
    }
    if let Some(share) = median(shares) {
        figure("push.h2load_share", share, "ratio");
    }
    if let Some(scale) = median(scales) {
        figure("push.conn4_scale", scale, "ratio");
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Processor and wall time for `pushes` pushes, `at_once` of them under way.
async fn push_all(client: Arc<Apns>, pushes: usize, at_once: usize) -> (Duration, Duration) {
    let next = Arc::new(AtomicUsize::new(0));
    let topic = PassTypeIdentifier::parse(TOPIC).expect("topic");
    let mut senders = tokio::task::JoinSet::new();
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    for _ in 0..at_once {
        let (client, next, topic) = (client.clone(), next.clone(), topic.clone());
        senders.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= pushes {
                    return;
                }
                let delivery = Delivery::AppleDevice {
                    pass_type_identifier: topic.clone(),
                    push_token: PushToken::parse(format!("{number:064x}")).expect("token"),
                };
                assert_eq!(client.send(&delivery).await, Outcome::Accepted);
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.expect("sent");
    }
    (cpu.elapsed(), wall.elapsed())
}
