//! A gateway that kept its counts by exact sets of segments goes on with the same counts as counters, on both engines.

use std::path::Path;

use passgate::clock::{Clock, Ids};
use passgate::domain::chips::{Chip, Counter};
use passgate::domain::event::Actor;
use passgate::domain::id::{CardId, MemberId, MerchantId, ProgramId};
use passgate::domain::program::Rules;
use passgate::domain::rfm::Cell;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::store::Store;

use crate::engines::sqlite_url;
use crate::postgres;

const LAST_BEFORE: &str = "0010";
const NOON: Timestamp = Timestamp(1_790_000_000_000);
const MERCHANT: MerchantId = MerchantId(1);

/// Segments as bits: 1 all, 2 ready to redeem, 16 active, 32 new, 1024 low engagement. Of program 1 four cards are counted
/// and one of them has moved since, which stands in the deltas still; a fifth belongs to somebody who was erased. Program
/// 2 has cards that are counted by two versions. Nothing is due.
const FILLING: &str = "
    insert into merchants (merchant_id, name, zone, created_at) values (1, 'Corner', 'UTC', 0);
    insert into programs (merchant_id, program_id, kind, name, template, pass_type_identifier, reward_name, rules,
        created_at)
    values (1, 1, 'punch', 'Coffee card', 'coffee', 'pass.example.counts', 'Free coffee',
            'RULES', 0),
        (1, 2, 'punch', 'Tea card', 'coffee', 'pass.example.counts', 'Free tea',
            'RULES', 0);
    insert into segment_states (merchant_id, program_id, version, measure_at, walk_version)
    values (1, 1, 1, 1800000000000, 1), (1, 2, 2, 1800000000000, 2);
    insert into segment_rules (merchant_id, program_id, version, rules, made_at) values (1, 2, 2, '{}', 0);
    insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, channels, punches,
        rewards, visits, earned_on_day, created_at, version, changed_at, installed_as, last_visit_at, counted_program,
        counted_version, segments, rfm, counts_due_at)
    values (1, 11, 1, 11, 's11', 'T11', 'pending', 0, 0, 1, 0, 0, 1789990000000, 1, 0, 1, null, 1, 1, 35, 0, null),
        (1, 12, 1, 12, 's12', 'T12', 'pending', 0, 0, 1, 0, 0, 1789990000000, 1, 0, 1, null, 1, 1, 35, 0, null),
        (1, 13, 1, 13, 's13', 'T13', 'pending', 0, 0, 0, 1, 0, 1789990000000, 1, 0, 1, 1789990000000, 1, 1, 33, 1, null),
        (1, 14, 1, 14, 's14', 'T14', 'pending', 0, 0, 0, 0, 0, 1789990000000, 1, 0, 1, null, 1, 1, 33, 0, null),
        (1, 15, 1, 15, 's15', 'T15', 'void', 0, 0, 0, 5, 0, 1789990000000, 1, 0, 1, 1789990000000, 1, 1, 0, 2, null);
    insert into customers (merchant_id, customer_id, first_name, last_name, search, created_at, changed_at, erased_at)
    values (1, 15, '', '', '', 0, 0, 1);
    insert into segment_counts (merchant_id, program_id, version, segments, rfm, cards)
    values (1, 1, 1, 35, 0, 2), (1, 1, 1, 33, 0, 2), (1, 1, 1, 0, 2, 1), (1, 2, 1, 1, 3, 40), (1, 2, 2, 1041, 4, 2),
        (1, 2, 1, 17, 9, 0), (2, 3, 1, 1, 1, 7);
    insert into segment_deltas (merchant_id, program_id, version, segments, rfm, cards)
    values (1, 1, 1, 33, 0, -1), (1, 1, 1, 33, 1, 1), (1, 2, 1, 1, 3, -3), (1, 2, 2, 1041, 4, 3);
";

/// The migrations up to [`LAST_BEFORE`] and what fills their tables, as one text.
fn schema_before(engine: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/store/migrations")
        .join(engine);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("migrations")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy()[..4] <= *LAST_BEFORE)
        })
        .collect();
    files.sort();
    let mut text = String::from(
        "create table schema_migrations (version bigint not null primary key, applied_at bigint not null);",
    );
    for (version, file) in (1..).zip(&files) {
        text.push_str(&std::fs::read_to_string(file).expect("a migration"));
        text.push_str(&format!(
            "\ninsert into schema_migrations (version, applied_at) values ({version}, 0);\n"
        ));
    }
    text + &FILLING.replace("RULES", &Rules::punch(10).expect("rules").print())
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_deltas_are_carried_over_to_counters() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = sqlite_url(&folder);
    let path = url.strip_prefix("sqlite:").expect("a file");
    std::fs::create_dir_all(Path::new(path).parent().expect("a folder")).expect("made");
    let database = rusqlite::Connection::open(path).expect("opened");
    database.execute_batch(&schema_before("sqlite")).expect("filled");
    drop(database);
    check(&url).await;

    let Some(url) = postgres::empty_database().await else {
        return;
    };
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .expect("connected");
    let running = tokio::spawn(connection);
    client
        .batch_execute(&schema_before("postgres"))
        .await
        .expect("filled");
    drop(client);
    running.await.expect("no panic").expect("closed");
    check(&url).await;
}

async fn check(url: &str) {
    let store = Store::open(url, 4).await.expect("opened");
    store.migrate().await.expect("migrated");
    let ops = Ops {
        store,
        clock: Clock::manual(NOON),
        ids: Ids::random(),
    };
    let read = async || {
        let counts = ops.segment_counts(MERCHANT, None).await.expect("read");
        let [coffee, tea] = counts.try_into().expect("two programs");
        (coffee, tea)
    };
    let chips = [
        Chip::All,
        Chip::ReadyToRedeem,
        Chip::Active,
        Chip::New,
        Chip::LowEngagement,
    ];
    let (coffee, tea) = read().await;
    assert_eq!(chips.map(|chip| coffee.chip(chip)), [4, 2, 0, 4, 0]);
    assert_eq!(
        [0, 1, 2].map(|cell| coffee.cell(1, Cell(cell))),
        [3, 1, 0],
        "the erased are in no cell"
    );
    assert_eq!(chips.map(|chip| tea.chip(chip)), [42, 0, 5, 0, 5]);
    assert_eq!(
        (tea.cell(1, Cell(3)), tea.cell(2, Cell(4)), tea.behind()),
        (37, 5, 37)
    );
    let version_1 = tea.counters.get(&1).expect("counted by it");
    assert!(
        !version_1.contains_key(&Counter::Cell(Cell(9))),
        "nobody is in it"
    );

    // And from there they follow the cards.
    ops.void(MERCHANT, CardId(11), Actor::Member(MemberId(1)))
        .await
        .expect("ended");
    for chores in [false, true] {
        if chores {
            ops.do_chores().await.expect("done");
        }
        let (coffee, _) = read().await;
        assert_eq!(coffee.program, ProgramId(1));
        assert_eq!(chips.map(|chip| coffee.chip(chip)), [4, 1, 0, 4, 0]);
        assert_eq!([0, 1, 2].map(|cell| coffee.cell(1, Cell(cell))), [3, 1, 0]);
    }
}
