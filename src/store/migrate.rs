//! Migrations: an ordered list of twins, one text for each engine, applied in one transaction.
//!
//! A migration that has been released is never edited. Several nodes may start at once: the first one holds a
//! lock, the others find nothing left to do. A schema newer than this binary is refused.

use crate::store::value::Row;
use crate::store::{Error, params, postgres, sqlite};

struct Migration {
    version: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

/// The twins of one version, by the name of their files.
macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            sqlite: include_str!(concat!("migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_initial",
    2 "0002_loyalty",
    3 "0003_programs",
    4 "0004_coupons",
    5 "0005_ledger_jobs",
    6 "0006_customers",
    7 "0007_segments",
    8 "0008_live_counts",
    9 "0009_engagement",
    10 "0010_codes_invitations",
    11 "0011_counters",
    12 "0012_no_measures",
    13 "0013_taken_back",
    14 "0014_push_budget",
    15 "0015_push_addresses",
    16 "0016_receipts",
    17 "0017_messages",
    18 "0018_windows",
    19 "0019_truth",
    20 "0020_addresses_topics",
    21 "0021_accounts",
    22 "0022_uploads",
    23 "0023_join_pages",
    24 "0024_translations",
    25 "0025_consent_words",
};

const CREATE: &str = "create table if not exists schema_migrations (
    version bigint not null primary key,
    applied_at bigint not null
)";
const LATEST: &str = "select max(version) from schema_migrations";

// When a migration ran is for people only, so here the database's own clock will do.
const APPLIED_SQLITE: &str =
    "insert into schema_migrations (version, applied_at) values ($1, unixepoch() * 1000)";
const APPLIED_POSTGRES: &str = "insert into schema_migrations (version, applied_at)
    values ($1, cast(extract(epoch from now()) * 1000 as bigint))";

/// Held until the transaction ends; the number only has to be the same on all nodes.
const LOCK: &str = "select pg_advisory_xact_lock(7241860035)";

pub(super) fn sqlite(connection: &mut sqlite::Connection) -> Result<(), Error> {
    connection.control("begin immediate")?;
    let result = apply_to_sqlite(connection).and_then(|()| connection.control("commit"));
    connection.roll_back();
    result
}

fn apply_to_sqlite(connection: &mut sqlite::Connection) -> Result<(), Error> {
    connection.batch(CREATE)?;
    let mut latest = Ok(0);
    connection.rows(LATEST, &[], &[], &mut |row| latest = version(row))?;
    for migration in missing(latest?)? {
        connection.batch(migration.sqlite)?;
        let version = params![migration.version];
        connection.count(APPLIED_SQLITE, &version, &[])?;
        tracing::info!(version = migration.version, "schema migrated");
    }
    Ok(())
}

/// `connection` is inside a transaction, which the caller ends.
pub(super) async fn postgres(connection: &postgres::Connection) -> Result<(), Error> {
    connection.control(LOCK).await?;
    connection.control(CREATE).await?;
    let mut latest = Ok(0);
    let read = connection
        .rows(LATEST, &[], &[], &mut |row| latest = version(row))
        .await;
    read.map_err(|failure| failure.error)?;
    for migration in missing(latest?)? {
        connection.control(migration.postgres).await?;
        let version = params![migration.version];
        let applied = connection.count(APPLIED_POSTGRES, &version, &[]).await;
        applied.map_err(|failure| failure.error)?;
        tracing::info!(version = migration.version, "schema migrated");
    }
    Ok(())
}

/// The newest version that the database has; 0 before the first.
fn version(row: &mut Row) -> Result<i64, Error> {
    let (version,): (Option<i64>,) = row.whole(LATEST)?;
    Ok(version.unwrap_or(0))
}

/// What comes after the version that the database says it has.
fn missing(found: i64) -> Result<impl Iterator<Item = &'static Migration>, Error> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if found > known {
        return Err(Error::Newer { found, known });
    }
    Ok(MIGRATIONS
        .iter()
        .filter(move |migration| migration.version > found))
}

/// The whole schema for SQLite, for tests that look at plans.
#[cfg(test)]
pub(super) fn sqlite_schema() -> String {
    MIGRATIONS.iter().map(|migration| migration.sqlite).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_grow() {
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.version < b.version));
    }
}
