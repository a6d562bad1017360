//! A gateway notices when one of its parts ends.

use super::*;
use std::path::Path;

const PATIENCE: Duration = Duration::from_secs(30);

async fn gateway(folder: &Path) -> Gateway {
    let mut config = Config::default();
    config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.server.templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("pass-templates");
    config.store.url = format!("sqlite:{}", folder.join("store.sqlite").display());
    config.secrets.master_key_file = folder.join("master.key");
    let metrics = Metrics::detached().unwrap();
    Gateway::start(&config, Clock::System, Ids::random(), metrics)
        .await
        .unwrap()
}

async fn ended(gateway: &mut Gateway) -> Ended {
    tokio::time::timeout(PATIENCE, gateway.ended())
        .await
        .expect("it is noticed")
}

#[tokio::test]
async fn a_listener_or_dispatcher_that_ends_by_itself_is_noticed_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = gateway(folder.path()).await;
    gateway.handle.shutdown();
    assert_eq!(ended(&mut gateway).await, Ended::Listener);
    gateway.dispatcher.as_ref().unwrap().abort();
    assert_eq!(ended(&mut gateway).await, Ended::Dispatcher);
    tokio::time::timeout(PATIENCE, gateway.stop())
        .await
        .expect("the rest stops");
}
