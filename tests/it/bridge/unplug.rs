//! A reader pulled out of a running PC/SC service and put back, while the one beside it stays in use.

use super::gateway::Gateway;
use super::pcscd::{Service, in_own_environment, tap};
use super::till::{Till, UID};
use passgate::sim::tag::SimTag;
use std::io::{Read, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_reader_that_was_unplugged_is_used_again_when_it_returns() {
    in_own_environment(
        "bridge::unplug::a_reader_that_was_unplugged_is_used_again_when_it_returns",
        walk,
    );
}

async fn walk(socket: &Path) {
    let gateway = Gateway::start().await;
    let mut till = Till::new(gateway.url());
    till.config.debounce = Duration::ZERO;
    till.config.answer_within = Duration::from_secs(20);
    till.reader("left", "generic-ccid", "^Virtual PCD$");
    till.reader("right", "generic-ccid", "^Virtual PCD$");
    let behind = socket.with_extension("behind");
    let service = Service::start(&behind);
    let hub = Hub::start(socket, &behind);
    let (bridge, mut events) = till.open();
    events.ready().await;
    events.ready().await;
    let tag = |token: &str| SimTag::type2(UID, &format!("https://cards.example/t/{token}"));
    tap(&service.reader(0), &tag("BEFORE"), &mut events).await;

    hub.unplug();
    assert!(events.missing().await.contains("unplugged"));
    tap(&service.reader(1), &tag("BESIDE"), &mut events).await;
    hub.plug_in();
    events.ready().await;
    tap(&service.reader(0), &tag("AFTER"), &mut events).await;
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["BEFORE", "BESIDE", "AFTER"]);
}

/// Stands between the client library and the service. The virtual reader cannot be removed while the service
/// runs; what a client sees of a removal is that the reader's place in the service's table has an empty name,
/// and that is what this does to the table on its way.
struct Hub {
    unplugged: Arc<AtomicBool>,
}

/// As the service's table has it, with the byte that ends it.
const FIRST_READER: &[u8] = b"Virtual PCD 00 00\0";

impl Hub {
    /// Its threads end with the process that the test has to itself.
    fn start(front: &Path, behind: &Path) -> Self {
        let unplugged = Arc::new(AtomicBool::new(false));
        let listener = UnixListener::bind(front).expect("a free name");
        let (behind, hides) = (behind.to_path_buf(), unplugged.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a client");
                let service = UnixStream::connect(&behind).expect("the service runs");
                let (from_client, from_service) = (client.try_clone(), service.try_clone());
                let hides = hides.clone();
                std::thread::spawn(move || relay(from_client.expect("open"), service, |_| {}));
                std::thread::spawn(move || {
                    relay(from_service.expect("open"), client, |table| {
                        if hides.load(Ordering::SeqCst) {
                            hide(table);
                        }
                    });
                });
            }
        });
        Self { unplugged }
    }

    fn unplug(&self) {
        self.unplugged.store(true, Ordering::SeqCst);
    }

    fn plug_in(&self) {
        self.unplugged.store(false, Ordering::SeqCst);
    }
}

/// The service writes its table at once, so it arrives in one piece.
fn relay(mut from: UnixStream, mut to: UnixStream, change: impl Fn(&mut [u8])) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        change(&mut bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(std::net::Shutdown::Both));
    drop(from.shutdown(std::net::Shutdown::Both));
}

fn hide(table: &mut [u8]) {
    let places = table.windows(FIRST_READER.len());
    if let Some(at) = places.into_iter().position(|name| name == FIRST_READER) {
        table[at..at + FIRST_READER.len()].fill(0);
    }
}
