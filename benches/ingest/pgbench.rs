//! The limit on PostgreSQL: `pgbench` sends the very statements of the recorder, prepared, in sets of the same size
//! and on as many connections.
//!
//! A set taps random cards of a merchant of its own in the recorder's tables, none of them twice, in the order of
//! their ids; one card in ten reaches its goal. The texts are those of [`passgate::store::statements`], in two forms:
//! with one array for each column, as the store sends sets, and with rows of values, cut in chunks. The faster form
//! is the limit. `pgbench` takes at most 255 parameters and no arrays, so rows have at most one parameter, their card
//! or counter, and other values are written out.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use passgate::domain::program::Rules;
use passgate::ops::captures::{LARGEST_SET, WORKERS};
use passgate::store::statements;

use super::{CARDS, GOAL, cluster::Cluster};

/// Parameters of one statement that `pgbench` takes.
const PARAMETERS: usize = 255;
/// Rows of one statement with rows of values.
const CHUNKS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

const MERCHANT: i64 = 2;
/// As long as the ids and tokens of the recorder's own cards.
const FIRST_CARD: i64 = 1_000_000_000_000_000;
const AT: i64 = 1_790_000_000_000;
/// Counters above all that are stored: looked for and not found, like those of new captures.
const UNUSED: i64 = 4_000_000_000_000_000_000;

/// How the rows of a set are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Arrays,
    Values,
}

pub(crate) struct Bench<'c> {
    cluster: &'c Cluster,
    arrays: PathBuf,
    values: PathBuf,
}

impl<'c> Bench<'c> {
    /// Fills the tables, which must be there.
    pub(crate) async fn prepare(cluster: &'c Cluster) -> Self {
        let client = cluster.client().await;
        client.batch_execute(&filling()).await.expect("cards are made");
        let write = |name: &str, form| {
            let path = cluster.folder().join(name);
            std::fs::write(&path, script(form)).expect("written");
            path
        };
        Self {
            cluster,
            arrays: write("arrays.sql", Form::Arrays),
            values: write("values.sql", Form::Values),
        }
    }

    /// Lets the planner know the tables, as autovacuum does within a minute of any that grow; plans made before
    /// that are made anew.
    pub(crate) async fn analyze(&self) {
        let client = self.cluster.client().await;
        client.batch_execute("vacuum analyze").await.expect("analyzed");
    }

    /// Captures in a second. The first second, in which statements are prepared, does not count.
    pub(crate) fn run(&self, form: Form, span: Duration) -> f64 {
        let script = match form {
            Form::Arrays => &self.arrays,
            Form::Values => &self.values,
        };
        let seconds = span.as_secs_f64().ceil() + 1.0;
        let mut command: Command = self.cluster.pgbench();
        let output = command
            .args(["--no-vacuum", "--protocol", "prepared", "--progress", "1"])
            .args(["--client", &WORKERS.to_string(), "--time", &seconds.to_string()])
            .arg("--file")
            .arg(script)
            .arg("postgres")
            .output()
            .expect("pgbench runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pgbench: {said}");
        let rates: Vec<f64> = said.lines().filter_map(rate).skip(1).collect();
        assert!(!rates.is_empty(), "pgbench: {said}");
        let count = u32::try_from(rates.len()).expect("a few seconds");
        let sets = rates.iter().sum::<f64>() / f64::from(count);
        sets * f64::from(u32::try_from(LARGEST_SET).expect("small"))
    }
}

/// The rate in `progress: 2.0 s, 123.4 tps, lat …`.
fn rate(line: &str) -> Option<f64> {
    let rest = line.strip_prefix("progress:")?;
    let (_, rest) = rest.split_once(", ")?;
    let (rate, _) = rest.split_once(" tps")?;
    rate.parse().ok()
}

fn filling() -> String {
    let last = FIRST_CARD + i64::try_from(CARDS).expect("small") - 1;
    let rules = Rules::punch(GOAL).expect("rules").print();
    format!(
        "create sequence bench_counter cache 1024;
         insert into merchants (merchant_id, name, zone, created_at) values ({MERCHANT}, 'Bench', 'UTC', {AT});
         insert into programs (merchant_id, program_id, kind, name, template, pass_type_identifier, reward_name,
             rules, created_at)
         values ({MERCHANT}, 1, 'punch', 'Coffee card', 'coffee', 'pass.example.bench', 'Free coffee', '{rules}', {AT});
         insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, channels,
             punches, rewards, visits, earned_on_day, created_at, version, changed_at)
         select {MERCHANT}, card, 1, card, 'serial-number-' || card, card, 'pending', 0, 0, 0, 0, 0, {AT}, 1, {AT}
         from generate_series({FIRST_CARD}, {last}) as card;
         insert into tokens (merchant_id, token, card_id)
         select {MERCHANT}, card, card from generate_series({FIRST_CARD}, {last}) as card;"
    )
}

/// One transaction, statement by statement as `ops::captures` sends them for a full set of new captures.
fn script(form: Form) -> String {
    let mut script = String::new();
    // Each client has cards of its own, so that no set waits for another one's locks, as in the recorder's turn.
    let width = CARDS / LARGEST_SET / WORKERS;
    writeln!(script, "\\set unused random({UNUSED}, {})", 2 * UNUSED).unwrap();
    writeln!(script, "\\set own {FIRST_CARD} + :client_id * {width}").unwrap();
    let own = LARGEST_SET.min(match form {
        Form::Arrays => PARAMETERS,
        Form::Values => LARGEST_SET,
    });
    for row in 0..own {
        let first = row * width * WORKERS;
        let last = first + width - 1;
        writeln!(script, "\\set card{row} :own + random({first}, {last})").unwrap();
        writeln!(script, "\\set counter{row} :unused + {row}").unwrap();
    }
    // Beyond the last parameter a client is told from the others by its process.
    let card = |row: usize| match row < own {
        true => format!(":card{row}"),
        false => format!(
            "{} + pg_backend_pid() % {}",
            FIRST_CARD + i64::try_from(row * width * WORKERS).expect("small"),
            width * WORKERS
        ),
    };
    let counter = |row: usize| match row < own {
        true => format!(":counter{row}"),
        false => format!("{UNUSED} - pg_backend_pid()"),
    };
    let all: Vec<usize> = (0..LARGEST_SET).collect();
    let goals: Vec<usize> = all.iter().copied().step_by(10).collect();
    writeln!(script, "begin isolation level read committed read write;").unwrap();
    let mut add = |file: &str, start: &str, rows: &[usize], values: &dyn Fn(usize) -> String| {
        let mut left = rows;
        while !left.is_empty() {
            let size = match form {
                Form::Arrays => left.len(),
                Form::Values => CHUNKS.into_iter().find(|size| *size <= left.len()).expect("one"),
            };
            let (some, rest) = left.split_at(size);
            let rows: Vec<String> = some.iter().map(|row| values(*row)).collect();
            writeln!(script, "{};", expanded(text(file, start), &rows, form)).unwrap();
            left = rest;
        }
    };
    let event = |row: usize, kind: &str, punches: i64| {
        let card = card(row);
        format!(
            "{MERCHANT}, {card}, null, 123456, '{kind}', {punches}, 0, 0, 0, 0, 0, 0, 0, {AT}, {AT}, 'station', 77, \
             'station', null, 77, 123456, null, null, null, null"
        )
    };
    add("captures", "select", &all, &|row| {
        format!("{MERCHANT}, 77, {}", counter(row))
    });
    add("cards", "select t.merchant_id", &all, &|row| {
        format!("{MERCHANT}, {}", card(row))
    });
    add("cards", "for update of c", &all, &|row| {
        format!("{MERCHANT}, {}", card(row))
    });
    add(
        "cards",
        "values {bigint, bigint}) as v join programs",
        &[0],
        &|_| format!("{MERCHANT}, 1"),
    );
    add("captures", "insert", &all, &|row| {
        let card = card(row);
        format!(
            "{MERCHANT}, 77, nextval('bench_counter'), 'barcode', 1234567890123456789, {AT}, {AT}, {card}, null, \
             0, 0, 3, {GOAL}, 0, 0, 1, 0"
        )
    });
    add("events", "insert", &all, &|row| event(row, "customer_scanned", 1));
    add("events", "insert", &goals, &|row| {
        event(row, "reward_redeemable", -GOAL)
    });
    add("segment_rules", "values {bigint, bigint}", &[0], &|_| {
        format!("{MERCHANT}, 1")
    });
    add("cards", "visit_before_at = v.column32 from", &all, &|row| {
        let card = card(row);
        format!(
            "{MERCHANT}, {card}, 'pending', 0, 3, 0, 0, 0, 1, 0, 1, 0, null, 5, {AT}, {AT}, 20700, 3, null, null, \
             12, {AT}, 123456, null, null, null, null, 1, 1, 33, 1, null"
        )
    });
    // One card in ten has a reward now.
    add("counts/counters", "insert into segment_deltas", &[0], &|_| {
        format!("{MERCHANT}, 1, 1, '[[1,26]]'")
    });
    writeln!(script, "commit;").unwrap();
    script
}

/// The only set statement of a file that has `words` in it.
fn text(file: &str, words: &str) -> &'static str {
    let mut found = statements()
        .into_iter()
        .filter(|(of, sql)| *of == file && sql.contains('{') && sql.contains(words));
    match (found.next(), found.next()) {
        (Some((_, sql)), None) => sql,
        _ => panic!("the store has one statement with `{words}` in {file}"),
    }
}

/// The statement with the given rows in place of its list of types.
fn expanded(sql: &str, rows: &[String], form: Form) -> String {
    let (before, rest) = sql.split_once("values {").expect("a set");
    let (types, after) = rest.split_once('}').expect("a set");
    let types: Vec<&str> = types.split(", ").collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.split(", ").collect()).collect();
    if form == Form::Values {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| {
                let casts = row.iter().zip(&types);
                let casts: Vec<String> = casts
                    .map(|(value, kind)| format!("cast({value} as {kind})"))
                    .collect();
                format!("({})", casts.join(", "))
            })
            .collect();
        return format!("{before}values {}{after}", rows.join(", "));
    }
    let mut arrays = Vec::new();
    let mut names = Vec::new();
    for (index, kind) in types.iter().enumerate() {
        let values: Vec<&str> = rows.iter().map(|row| row[index]).collect();
        arrays.push(format!("cast(array[{}] as {kind}[])", values.join(", ")));
        names.push(format!("column{}", index + 1));
    }
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    format!("{before}select * from unnest({arrays}) as r ({names}){after}")
}
