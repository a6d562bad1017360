//! A PostgreSQL server of the benchmark's own, with the settings of a new cluster: every commit waits for the disk.
//!
//! A shell that waits for its input to end stops the server and removes its folder. As root the server runs as the
//! user `postgres`, because it refuses root.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio_postgres::{Client, NoTls};

const START: &str = r#"
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$2/initdb.log" 2>&1 ||
{ cat "$2/initdb.log"; exit 1; }
"$1/pg_ctl" -D "$2/data" -w -l "$2/server.log" start >/dev/null \
    -o "-c listen_addresses='' -c unix_socket_directories='$2'" ||
{ cat "$2/server.log"; exit 1; }
echo ready
cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null
rm -rf "$2"
"#;

pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    /// Its input is open as long as this lives.
    keeper: Child,
}

impl Cluster {
    /// `None` where PostgreSQL or `pgbench` is not installed.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new()
            .prefix("passgate-bench-")
            .tempdir()
            .expect("a folder")
            .keep();
        let is_root = folder.metadata().expect("its owner").uid() == 0;
        let mut command = if is_root {
            let owned = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(owned.expect("chown runs").success(), "the user postgres exists");
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
        let mut lines = BufReader::new(keeper.stdout.take().expect("piped")).lines();
        let mut said = Vec::new();
        while said.last().is_none_or(|line| line != "ready") {
            match lines.next() {
                Some(line) => said.push(line.expect("text")),
                None => panic!("PostgreSQL does not start: {}", said.join("\n")),
            }
        }
        Some(Self {
            programs,
            folder,
            keeper,
        })
    }

    pub(crate) fn url(&self) -> String {
        let folder = self.folder.to_str().expect("a plain path").replace('/', "%2F");
        format!("postgres://postgres@{folder}/postgres")
    }

    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls)
            .await
            .expect("the server answers");
        tokio::spawn(connection);
        client
    }

    /// `pgbench`, told how to reach the server.
    pub(crate) fn pgbench(&self) -> Command {
        let mut command = Command::new(self.programs.join("pgbench"));
        command
            .arg("--host")
            .arg(&self.folder)
            .args(["--username", "postgres"])
            .current_dir(&self.folder);
        command
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The folder of the server's programs: on the path, or where Debian keeps it; the newest version.
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
    ["initdb", "pg_ctl", "pgbench"]
        .iter()
        .all(|name| folder.join(name).exists())
}
