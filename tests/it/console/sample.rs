//! A small merchant with members, programs, customers, cards and some history, and ways to make more happen.

use std::path::Path;
use std::sync::Arc;

use passgate::apple::Passes;
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::id::{CardId, MerchantId, StationId};
use passgate::domain::member::Role;
use passgate::domain::program::Rules;
use passgate::domain::secret::MasterKey;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::captures::Recorder;
use passgate::ops::rosters::Rosters;
use passgate::store::{Change, Error, Row, Store, Value};
use passgate::telemetry::Metrics;
use passgate::web::{Reach, Web};
use secrecy::SecretString;

pub(crate) const MERCHANT: MerchantId = MerchantId(7_001);
pub(crate) const OTHER_MERCHANT: MerchantId = MerchantId(7_002);
pub(crate) const STATION: StationId = StationId(7_301);
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const OWNER: &str = "olga@morgenrot.example";
pub(crate) const VIEWER: &str = "vera@morgenrot.example";
pub(crate) const STRANGER: &str = "sam@elsewhere.example";

const MERCHANTS: &str = "insert into merchants (merchant_id, name, zone, created_at) values ($1, $2, $3, $4)";
const LOCATION: &str =
    "insert into locations (merchant_id, location_id, name, created_at) values ($1, $2, $3, $4)";
const STATIONS: &str = "insert into stations (merchant_id, station_id, location_id, name, key_hash, created_at) \
     values ($1, $2, $3, $4, $5, $6)";
const PROGRAM: &str = "insert into programs (merchant_id, program_id, kind, name, template, pass_type_identifier, \
     reward_name, rules, created_at) \
     values ($1, $2, 'punch', $3, 'coffee', 'pass.example.morgenrot', $4, $5, $6)";
const CUSTOMER: &str = "insert into customers (merchant_id, customer_id, first_name, email, phone, created_at) \
     values ($1, $2, $3, $4, null, $5)";
const CARD: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, holder, \
     status, channels, punches, rewards, visits, last_visit_at, earned_on_day, created_at, version, changed_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, null, 0, $10, 1, $10)";
const EVENT: &str = "insert into events (merchant_id, card_id, previous_event_id, kind, punches, rewards, visits, at, \
     recorded_at, actor, actor_id, reverses_event_id) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, null) returning event_id";
const LAST: &str = "select last_event_id from cards where merchant_id = $1 and card_id = $2";
const MOVE: &str = "update cards set punches = punches + $3, rewards = rewards + $4, visits = visits + $5, \
     last_visit_at = case when $5 > 0 then $6 else last_visit_at end, last_event_id = $7, version = version + 1, \
     changed_at = $6 where merchant_id = $1 and card_id = $2";

/// What happens to a card, with its effect on the sums.
#[derive(Clone, Copy)]
pub(crate) struct Happening {
    pub(crate) kind: &'static str,
    pub(crate) punches: i64,
    pub(crate) rewards: i64,
    pub(crate) visits: i64,
    pub(crate) by_station: bool,
}

pub(crate) const SCAN: Happening = Happening {
    kind: "customer_scanned",
    punches: 1,
    rewards: 0,
    visits: 1,
    by_station: true,
};
pub(crate) const TAP: Happening = Happening {
    kind: "customer_tapped",
    ..SCAN
};
pub(crate) const GOAL: Happening = Happening {
    kind: "reward_redeemable",
    punches: -10,
    rewards: 1,
    visits: 0,
    by_station: true,
};
const ISSUED: Happening = Happening {
    kind: "card_issued",
    punches: 0,
    rewards: 0,
    visits: 0,
    by_station: false,
};
const INSTALLED: Happening = Happening {
    kind: "card_installed",
    ..ISSUED
};
const SENT: Happening = Happening {
    kind: "push_sent",
    ..ISSUED
};

pub(crate) struct Sample {
    pub(crate) web: Web,
}

pub(crate) fn card(number: i64) -> CardId {
    CardId(4_800_000_000_000_000_000 + number)
}

/// A gateway on an empty store.
pub(crate) fn empty(store: Store, clock: Clock, public_url: &str) -> Sample {
    let ids = Ids::random();
    let ops = Ops { store, clock, ids };
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
    let apple = config::Apple::default();
    let web = Web::from(Reach {
        recorder: Recorder::start(&ops),
        redirects: passgate::web::redirect::Redirects::start(&ops).0,
        rosters: Rosters::start(&ops, 1 << 24),
        passes: Arc::new(Passes::load(&apple, &templates, ops.clock.now()).expect("templates")),
        google: None,
        web_push: None,
        takes_apps: false,
        sends_mail: false,
        metrics: Metrics::detached().expect("metrics"),
        master: MasterKey::from_bytes([5; 32]),
        public_url: public_url.into(),
        trusted_proxies: Default::default(),
        stopping: Default::default(),
        ops,
    });
    Sample { web }
}

/// Fills an empty store; `cards` of them belong to the merchant.
pub(crate) async fn sample(store: Store, cards: i64, clock: Clock, public_url: &str) -> Sample {
    let Sample { web } = empty(store, clock, public_url);
    merchant(&web, MERCHANT, "Café Morgenrot").await;
    merchant(&web, OTHER_MERCHANT, "Elsewhere").await;
    let password = SecretString::from(PASSWORD);
    let ops = &web.ops;
    ops.first_owner(MERCHANT, "Olga Brandt", OWNER, &password)
        .await
        .expect("an owner");
    ops.add_member(MERCHANT, "Vera Lind", VIEWER, Role::Viewer, &password)
        .await
        .expect("a viewer");
    ops.first_owner(OTHER_MERCHANT, "Sam Stray", STRANGER, &password)
        .await
        .expect("another owner");
    for number in 1..=cards {
        issue(&web, number).await;
    }
    Sample { web }
}

pub(super) async fn exec(web: &Web, sql: &'static str, params: Vec<Value>) {
    web.ops
        .store
        .write("sample", move |tx| {
            let params = params.clone();
            Box::pin(async move {
                tx.exec(sql, &params).await?;
                Ok::<_, Error>(())
            })
        })
        .await
        .expect("a sample row");
}

async fn merchant(web: &Web, merchant: MerchantId, name: &str) {
    let at = web.ops.clock.now().0 - 90 * DAY;
    let int = Value::from;
    exec(
        web,
        MERCHANTS,
        vec![merchant.into(), name.into(), "Europe/Berlin".into(), int(at)],
    )
    .await;
    exec(
        web,
        LOCATION,
        vec![merchant.into(), int(1), "Oderberger Straße".into(), int(at)],
    )
    .await;
    let key = format!("key of {merchant}").into_bytes();
    let station = vec![
        merchant.into(),
        STATION.into(),
        int(1),
        "Till 1".into(),
        key.into(),
        int(at),
    ];
    exec(web, STATIONS, station).await;
    for (id, name, reward, goal) in [
        (1, "Coffee card", "Free coffee", 10),
        (2, "Lunch club", "Free lunch", 6),
        (3, "Reader's card", "A paperback", 40),
    ] {
        let row = vec![
            merchant.into(),
            int(id),
            name.into(),
            reward.into(),
            Rules::punch(goal).expect("rules").print().into(),
            int(at),
        ];
        exec(web, PROGRAM, row).await;
    }
}

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
const NAMES: [&str; 24] = [
    "Marta Wójcik",
    "Jonas Petersen",
    "Aylin Demir",
    "Théo Laurent",
    "Ingrid Solberg",
    "Samuel Okafor",
    "Lena Hoffmann",
    "Mateo García",
    "Yuki Tanaka",
    "Nora Lindqvist",
    "David Cohen",
    "Priya Raman",
    "Emil Novák",
    "Clara Rossi",
    "Hugo van Dijk",
    "Zoe Papadaki",
    "Ole Kristiansen",
    "Fatima El Amrani",
    "Benedikt Maier",
    "Ana Horvat",
    "Tom Fletcher",
    "Sofia Almeida",
    "Ruth Weiss",
    "Linh Nguyen",
];

async fn issue(web: &Web, number: i64) {
    let int = Value::from;
    let name = NAMES[usize::try_from((number - 1) % 24).expect("small")];
    let now = web.ops.clock.now().0;
    let at = now - 60 * DAY + number * 5 * HOUR;
    let id = card(number);
    let program = [1, 1, 2, 1, 3, 1, 1, 2][usize::try_from(number % 8).expect("small")];
    let email = format!(
        "{}{number}@mail.example",
        name.split(' ').next().unwrap_or("x").to_lowercase()
    );
    exec(
        web,
        CUSTOMER,
        vec![MERCHANT.into(), int(number), name.into(), email.into(), int(at)],
    )
    .await;
    let (status, channels) = match number % 9 {
        0 => ("pending", 0),
        4 => ("removed", 0),
        7 => ("void", 1),
        2 => ("installed", 2),
        5 => ("installed", 3),
        _ => ("installed", 1),
    };
    let row = vec![
        MERCHANT.into(),
        id.into(),
        int(program),
        int(number),
        format!("card-{id}").into(),
        format!("7Q4K{number:04}ZP2MX81R").into(),
        name.into(),
        status.into(),
        int(channels),
        int(at),
    ];
    exec(web, CARD, row).await;
    happen(web, id, ISSUED, Timestamp(at)).await;
    if status != "pending" {
        happen(web, id, INSTALLED, Timestamp(at + 60_000)).await;
    }
    let goal = [10, 6, 40][usize::try_from(program - 1).expect("small")];
    let visits = if number % 5 == 1 {
        goal.min(12) + 2
    } else {
        number * 7 % goal
    };
    let span = now - at - 2 * HOUR;
    let mut punches = 0;
    for visit in 0..visits {
        let then = match visits - visit {
            1 if number % 5 == 1 => now - 6 * 60_000,
            2 if number % 5 == 1 => now - 50 * 60_000,
            _ => at + HOUR + span * visit / visits,
        };
        happen(web, id, if visit % 3 == 2 { TAP } else { SCAN }, Timestamp(then)).await;
        punches += 1;
        if punches == goal {
            let reached = Happening {
                punches: -goal,
                ..GOAL
            };
            happen(web, id, reached, Timestamp(then)).await;
            punches = 0;
        }
        happen(web, id, SENT, Timestamp(then + 1_000)).await;
    }
}

/// Gives the customer of a card a second one, in another program.
pub(crate) async fn second_card(web: &Web, number: i64) -> CardId {
    let (id, at) = (card(number + 1_000), web.ops.clock.now());
    let row = vec![
        MERCHANT.into(),
        id.into(),
        Value::from(3),
        Value::from(number),
        format!("card-{id}").into(),
        format!("8Q4K{number:04}ZP2MX81R").into(),
        "".into(),
        "pending".into(),
        Value::from(0),
        at.into(),
    ];
    exec(web, CARD, row).await;
    id
}

/// Writes what happened and tells the store's subscribers, as a use case does.
pub(crate) async fn happen(web: &Web, card: CardId, what: Happening, at: Timestamp) {
    web.ops
        .store
        .write("sample_event", move |tx| {
            Box::pin(async move {
                let int = Value::from;
                let last: Last = tx.one(LAST, &[MERCHANT.into(), card.into()]).await?;
                let (actor, id) = match what.by_station {
                    true => ("station", Value::from(STATION)),
                    false => ("gateway", Value::Null),
                };
                let row = [
                    MERCHANT.into(),
                    card.into(),
                    last.0.map_or(Value::Null, int),
                    what.kind.into(),
                    int(what.punches),
                    int(what.rewards),
                    int(what.visits),
                    at.into(),
                    actor.into(),
                    id,
                ];
                let event: Last = tx.one(EVENT, &row).await?;
                let moved = [
                    MERCHANT.into(),
                    card.into(),
                    int(what.punches),
                    int(what.rewards),
                    int(what.visits),
                    at.into(),
                    event.0.map_or(Value::Null, int),
                ];
                tx.exec(MOVE, &moved).await?;
                tx.announce(Change::Card(MERCHANT, card));
                Ok::<_, Error>(())
            })
        })
        .await
        .expect("a sample event");
}

struct Last(Option<i64>);

impl passgate::store::FromRow for Last {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(row.next()?))
    }
}
