//! A private PC/SC service with a virtual reader: taps, a card torn away, and the service restarted.

use super::gateway::Gateway;
use super::till::{Till, UID};
use passgate::bridge::feedback::Signal;
use passgate::sim::tag::SimTag;
use passgate::sim::tag::vpcd::VpcdCard;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SERVICE: &str = "/usr/sbin/pcscd";
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// Where the client library looks for the service; also tells the copy of the test that does the walk.
const SOCKET: &str = "PCSCLITE_CSOCK_NAME";

/// The client library reads the socket's name from the environment, so the test runs itself again in a process
/// that has it.
#[test]
fn taps_on_a_pcsc_reader_survive_torn_cards_and_a_restarted_service() {
    in_own_environment(
        "bridge::pcscd::taps_on_a_pcsc_reader_survive_torn_cards_and_a_restarted_service",
        walk,
    );
}

/// Runs `test` in a copy of this process whose client library looks for the service at the path that it is given.
/// Skips it, unless told that the service must be there, where it is not installed.
pub(super) fn in_own_environment(name: &str, test: impl AsyncFnOnce(&Path)) {
    let variable = |wanted: &str| std::env::vars_os().find(|(name, _)| name == wanted);
    if let Some((_, socket)) = variable(SOCKET).filter(|_| variable("PASSGATE_TEST_PCSCD").is_some()) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(test(Path::new(&socket)));
    }
    for needed in [SERVICE, DRIVER] {
        if !Path::new(needed).exists() {
            let missing = format!("{needed} is not installed (Debian: pcscd, vsmartcard-vpcd)");
            assert!(
                variable("CI").is_none() && variable("REQUIRE_PCSCD").is_none(),
                "{missing}"
            );
            println!("skipped: {missing}");
            return;
        }
    }
    let folder = tempfile::tempdir().expect("folder");
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runs itself in an environment of its own"
    )]
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", name, "--nocapture"])
        .env("PASSGATE_TEST_PCSCD", "1")
        .env(SOCKET, folder.path().join("pcscd.comm"))
        .output()
        .expect("the test runs itself");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn walk(socket: &Path) {
    let gateway = Gateway::start().await;
    let mut till = Till::new(gateway.url());
    till.config.debounce = Duration::ZERO;
    till.config.answer_within = Duration::from_secs(20);
    // This profile signals with commands that the virtual reader does not take: that must not disturb taps.
    till.reader("left", "acs-acr1252u", "^Virtual PCD$");
    till.reader("right", "generic-ccid", "^Virtual PCD$");
    let (bridge, mut events) = till.open();
    assert!(events.missing().await.contains("pcscd"));

    let service = Service::start(socket);
    events.ready().await;
    events.ready().await;
    let tag = SimTag::type2(UID, "https://cards.example/t/TAG2");
    tap(&service.reader(0), &tag, &mut events).await;

    let slow = SimTag::type4(UID, "TAG4");
    let torn = VpcdCard::insert(service.reader(1), slow.clone().torn_after(4)).expect("held to the reader");
    events.torn().await;
    events.signalled(Signal::Retry).await;
    torn.remove();
    tap(&service.reader(1), &slow, &mut events).await;

    drop(service);
    events.missing().await;
    let service = Service::start(socket);
    events.ready().await;
    events.ready().await;
    tap(&service.reader(0), &tag, &mut events).await;
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["TAG2", "TAG4", "TAG2"]);
}

pub(super) async fn tap(reader: &SocketAddr, tag: &SimTag, events: &mut super::till::Events) {
    let card = VpcdCard::insert(*reader, tag.clone()).expect("held to the reader");
    events.captured().await;
    events.signalled(Signal::Accept).await;
    card.remove();
}

/// A pcscd of its own: socket, configuration and port are nobody else's.
pub(super) struct Service {
    process: Child,
    socket: PathBuf,
    port: u16,
}

impl Service {
    pub(super) fn start(socket: &Path) -> Self {
        let port = two_free_ports();
        let folder = socket.parent().expect("a folder").join(format!("reader-{port}"));
        std::fs::create_dir(&folder).expect("made");
        let config = format!(
            "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {DRIVER}\nCHANNELID 0x{port:04X}\n"
        );
        std::fs::write(folder.join("vpcd"), config).expect("written");
        // pcscd takes the socket that systemd would pass it: open as file 3, announced in the environment.
        let listener = UnixListener::bind(socket).expect("a free name");
        #[expect(clippy::disallowed_methods, reason = "the service under test is a program")]
        let process = Command::new("sh")
            .args([
                "-c",
                "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --foreground --config \"$1\"",
                SERVICE,
            ])
            .arg(&folder)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .spawn()
            .expect("pcscd starts");
        Self {
            process,
            socket: socket.to_path_buf(),
            port,
        }
    }

    /// Where a card is held to the reader's slot.
    pub(super) fn reader(&self, slot: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port + slot).into()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// The virtual reader listens on a port for each of its two slots, one after the other.
fn two_free_ports() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = first.local_addr().expect("bound").port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two free ports in a row");
}
