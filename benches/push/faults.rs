//! What becomes of pushes when the provider breaks in on them: every device must be told, and none twice.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use passgate::apple::apns::{Apns, ClientCertificate, Credentials};
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::delivery::BackOff;
use passgate::domain::id::PassTypeIdentifier;
use passgate::sim::apns::{Answer, Authority, FakeApns, Settings};

use crate::{TOPIC, dispatch, figure};

const PUSHES: i64 = 20_000;

/// What a push to the device of `card` meets, one of these in every thousand.
fn fault(card: i64) -> Option<Answer> {
    Some(match card % 1000 {
        100 => Answer::GoAway,
        250 => Answer::Reset,
        400 => Answer::Abort,
        550 => Answer::unregistered(Clock::System.now().plus(Duration::from_secs(60))),
        700 => Answer::later(429, "TooManyRequests", 1),
        850 => Answer::later(503, "ServiceUnavailable", 1),
        _ => return None,
    })
}

fn is_dead(card: i64) -> bool {
    card % 1000 == 550
}

pub(crate) async fn measure(folder: &Path) {
    let (clock, ids) = (Clock::System, Ids::random());
    let authority = Authority::new("Clients", &clock, &ids).expect("authority");
    let settings = Settings::new(authority.pem().expect("pem"));
    let (address, fake) = FakeApns::start(settings, &clock, &ids).await.expect("starts");
    let trusted = folder.join("faults.pem");
    std::fs::write(&trusted, fake.authority_pem()).expect("written");
    for card in 1..=PUSHES {
        fake.script(&format!("{card:064x}"), fault(card));
    }
    let topic = PassTypeIdentifier::parse(TOPIC).expect("topic");
    let identity = authority.issue_client(&topic).expect("client certificate");
    let certificate = ClientCertificate::from_pem(&identity.certificate, &identity.key).expect("certificate");
    let settings = config::Apns {
        url: format!("https://{address}"),
        certificate_authority: Some(trusted),
        ..config::Apns::default()
    };
    let client = Apns::new(
        &settings,
        &[(topic, Credentials::Certificate(certificate))],
        clock,
        &ids,
    )
    .expect("client");

    let url = format!("sqlite:{}", folder.join("faults.sqlite").display());
    let store = dispatch::open(&url, PUSHES).await;
    dispatch::enqueue(&store, PUSHES).await;
    let back_off = BackOff {
        first: Duration::from_millis(100),
        longest: Duration::from_secs(1),
    };
    dispatch::empty(&store, Arc::new(client), back_off).await;

    let mut taken: HashMap<String, usize> = HashMap::new();
    for push in fake.received().iter().filter(|push| push.status == 200) {
        *taken.entry(push.token.clone()).or_default() += 1;
    }
    let times = |card: i64| taken.get(&format!("{card:064x}")).copied().unwrap_or(0);
    let lost = (1..=PUSHES)
        .filter(|card| !is_dead(*card) && times(*card) == 0)
        .count();
    let doubled = (1..=PUSHES).filter(|card| times(*card) > 1).count();
    println!("{PUSHES} pushes over {} connections", fake.connections());
    figure("push.lost", lost as f64, "pushes");
    figure("push.doubled", doubled as f64, "pushes");
}
