//! A fake APNs with certificates made at run time, and a client that is set up for it.

use std::net::SocketAddr;
use std::time::Duration;

use passgate::apple::apns::{Apns, ClientCertificate, Credentials};
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::delivery::Outcome;
use passgate::domain::id::{PassTypeIdentifier, PushToken};
use passgate::push::{Delivery, Sender};
use passgate::sim::apns::{Authority, FakeApns, Settings};

/// No wait in these tests takes longer, or something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Apple {
    pub(crate) fake: FakeApns,
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    folder: tempfile::TempDir,
}

pub(crate) fn topic() -> PassTypeIdentifier {
    PassTypeIdentifier::parse("pass.example.coffee").expect("topic")
}

pub(crate) fn token(number: usize) -> PushToken {
    PushToken::parse(format!("{number:064x}")).expect("token")
}

impl Apple {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::at(Clock::System, change).await
    }

    /// A fake with a time of its own. Its certificates are of today: TLS has a clock that nobody passes in.
    pub(crate) async fn at(time: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let (clock, ids) = (Clock::System, Ids::random());
        let authority = Authority::new("Clients", &clock, &ids).expect("authority");
        let mut settings = Settings::new(authority.pem().expect("pem"));
        change(&mut settings);
        settings.clock = time;
        let (address, fake) = FakeApns::start(settings, &clock, &ids).await.expect("fake APNs");
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("ca.pem"), fake.authority_pem()).expect("authority file");
        Self {
            fake,
            address,
            authority,
            clock,
            ids,
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn settings(&self) -> config::Apns {
        config::Apns {
            url: format!("https://{}", self.address),
            certificate_authority: Some(self.folder.path().join("ca.pem")),
            timeout: Duration::from_secs(10),
            ..config::Apns::default()
        }
    }

    pub(crate) fn client(&self) -> Apns {
        self.client_with(&self.settings(), &self.authority)
    }

    pub(crate) fn client_with(&self, settings: &config::Apns, authority: &Authority) -> Apns {
        let identity = authority.issue_client(&topic()).expect("client certificate");
        let certificate =
            ClientCertificate::from_pem(&identity.certificate, &identity.key).expect("certificate");
        let credentials = [(topic(), Credentials::Certificate(certificate))];
        Apns::new(settings, &credentials, self.clock.clone(), &self.ids).expect("client")
    }
}

pub(crate) async fn push(client: &Apns, token: &PushToken) -> Outcome {
    let delivery = Delivery::AppleDevice {
        pass_type_identifier: topic(),
        push_token: token.clone(),
    };
    tokio::time::timeout(PATIENCE, client.send(&delivery))
        .await
        .expect("an outcome in time")
}
