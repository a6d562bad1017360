//! A PostgreSQL server of our own: a cluster in a temporary folder, reached through a socket in it, started once
//! for the test binary and shared by its tests, each of which gets its own database.
//!
//! A shell that waits for its input to end stops the server and removes the folder; the input ends when this
//! process does, however it ends. As root the server runs as the user `postgres`, because it refuses root.
//!
//! Where PostgreSQL is not installed the tests say so and pass, unless `CI` or `REQUIRE_PG` is set.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use passgate::store::Store;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

const TEMPLATE: &str = "passgate_template";

/// Words are compared as people do by default, so that a column without `collate "C"` shows. Commits are not
/// synced: no test here cuts the power.
const START: &str = r#"
"$1/initdb" -D "$2/data" -U postgres -A trust --no-sync -E UTF8 \
    --locale-provider=icu --icu-locale=en --locale=C.UTF-8 >"$2/initdb.log" 2>&1 ||
{ rm -rf "$2/data" && "$1/initdb" -D "$2/data" -U postgres -A trust --no-sync -E UTF8 >"$2/initdb.log" 2>&1; } ||
{ cat "$2/initdb.log"; exit 1; }
"$1/pg_ctl" -D "$2/data" -w -l "$2/server.log" start >/dev/null \
    -o "-c listen_addresses='' -c unix_socket_directories='$2' -c fsync=off -c max_connections=200 -c deadlock_timeout=50ms" ||
{ cat "$2/server.log"; exit 1; }
echo ready
cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null
rm -rf "$2"
"#;

struct Cluster {
    folder: PathBuf,
    /// Its input is open as long as this process lives.
    _keeper: Child,
}

static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
static MIGRATED: OnceCell<()> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The address of a new, empty database with the newest schema; `None` where PostgreSQL is not installed.
pub(crate) async fn migrated_database() -> Option<String> {
    let cluster = cluster()?;
    MIGRATED.get_or_init(|| make_template(cluster)).await;
    Some(cluster.create(TEMPLATE).await)
}

/// The address of a new database without any table.
pub(crate) async fn empty_database() -> Option<String> {
    Some(cluster()?.create("template1").await)
}

fn cluster() -> Option<&'static Cluster> {
    CLUSTER.get_or_init(Cluster::start).as_ref()
}

async fn make_template(cluster: &Cluster) {
    let admin = cluster.admin().await;
    let create = format!("create database {TEMPLATE}");
    admin.batch_execute(&create).await.expect("the template is made");
    let store = Store::open(&cluster.url(TEMPLATE), 1)
        .await
        .expect("the store opens");
    store.migrate().await.expect("the schema is made");
    drop(store);
    // A database in use cannot be a template, and connections close a moment after the store.
    let in_use = format!("select count(*) from pg_stat_activity where datname = '{TEMPLATE}'");
    let is_free = async {
        while admin
            .query_one(&in_use, &[])
            .await
            .expect("counted")
            .get::<_, i64>(0)
            > 0
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_free)
        .await
        .expect("the store closes its connections");
}

impl Cluster {
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let is_required = ["CI", "REQUIRE_PG"]
                .iter()
                .any(|name| std::env::var_os(name).is_some());
            assert!(
                !is_required,
                "PostgreSQL is required here and not installed: install `postgresql`"
            );
            eprintln!("SKIPPED: PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("passgate-pg-")
            .tempdir()
            .expect("a folder")
            .keep();
        let is_root = folder.metadata().expect("its owner").uid() == 0;
        let mut command = if is_root {
            let owned = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(
                owned.expect("chown runs").success(),
                "the user postgres must exist"
            );
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        let mut keeper = command
            .args(["-c", START, "sh"])
            .args([&programs, &folder])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server's shell starts");
        let mut lines = BufReader::new(keeper.stdout.take().expect("piped"))
            .lines()
            .map_while(Result::ok);
        let mut said = Vec::new();
        let is_ready = lines.by_ref().any(|line| {
            said.push(line.clone());
            line == "ready"
        });
        if !is_ready {
            let _ = keeper.wait();
            panic!("PostgreSQL does not start: {}", said.join("\n"));
        }
        Some(Self {
            folder,
            _keeper: keeper,
        })
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().expect("a plain path").replace('/', "%2F");
        format!("postgres://postgres@{folder}/{database}")
    }

    async fn admin(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url("postgres"), NoTls)
            .await
            .expect("the server answers");
        tokio::spawn(connection);
        client
    }

    async fn create(&self, template: &str) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let create = format!("create database {name} template {template}");
        self.admin()
            .await
            .batch_execute(&create)
            .await
            .expect("a database is made");
        self.url(&name)
    }
}

/// The folder of `initdb`: on the path, or where Debian keeps it; the newest version.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| has_programs(folder));
    on_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
        folders.filter(|folder| has_programs(folder)).max()
    })
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"]
        .iter()
        .all(|name| folder.join(name).exists())
}
