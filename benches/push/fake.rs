//! The fakes, in a child process: with client certificates for us, without for h2load; each at once and with answers
//! after [`LATENCY`].

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::sim::apns::{Answer, FakeApns, Settings};

pub(crate) const LATENCY: Duration = Duration::from_millis(50);

/// The child's part.
pub(crate) async fn serve(folder: &Path) {
    let (clock, ids) = (Clock::System, Ids::random());
    let clients = std::fs::read(folder.join("clients.pem")).expect("the clients' authority");
    let mut settings = Settings::new(clients);
    settings.keep = false;
    let open = Settings {
        client_authority: None,
        ..settings.clone()
    };
    let mut fakes = Vec::new();
    for (settings, latency) in [
        (&settings, None),
        (&open, None),
        (&settings, Some(LATENCY)),
        (&open, Some(LATENCY)),
    ] {
        let (address, fake) = FakeApns::start(settings.clone(), &clock, &ids)
            .await
            .expect("starts");
        fake.everything(latency.map(Answer::Slow));
        // Each has an authority of its own, and all of one name.
        std::fs::write(authority(folder, address), fake.authority_pem()).expect("written");
        fakes.push((address, fake));
    }
    for (address, _) in &fakes {
        println!("{address}");
    }
    // Lives until the parent closes our input.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))
        .await
        .expect("joined")
        .expect("read");
}

/// The file with what a client of the fake at `address` must trust.
pub(crate) fn authority(folder: &Path, address: SocketAddr) -> PathBuf {
    folder.join(format!("authority-{}.pem", address.port()))
}

pub(crate) struct Fake {
    pub(crate) mutual: SocketAddr,
    pub(crate) open: SocketAddr,
    pub(crate) mutual_late: SocketAddr,
    pub(crate) open_late: SocketAddr,
    child: Child,
}

impl Fake {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("--fake")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fake starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut address = || {
            let line = lines.next().expect("a line").expect("text");
            line.parse().expect("an address")
        };
        Self {
            mutual: address(),
            open: address(),
            mutual_late: address(),
            open_late: address(),
            child,
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
