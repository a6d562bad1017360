//! TLS to the mail server: letters go inside it to a server that is trusted, or they wait and say why.

use std::path::PathBuf;

use passgate::clock::{Clock, Ids};
use passgate::config::{self, MailSecurity};
use passgate::domain::invitation::Delivery;
use passgate::mail::Mailer;
use passgate::mail::letter::Text;
use passgate::sim::apns::Authority;
use passgate::sim::smtp::{FakeSmtp, Tls};
use tempfile::TempDir;

/// An authority made for this run, and the file that names it.
struct Trust {
    authority: Authority,
    folder: TempDir,
}

impl Trust {
    fn new() -> Self {
        let authority = Authority::new("Mail authority", &Clock::System, &Ids::random());
        let trust = Self {
            authority: authority.expect("an authority"),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let pem = trust.authority.pem().expect("PEM");
        std::fs::write(trust.file(), pem).expect("written");
        trust
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    async fn server(&self, tls: Tls) -> FakeSmtp {
        let identity = self.authority.issue_server().expect("a certificate");
        FakeSmtp::start_with(tls, &identity).await.expect("a mail server")
    }
}

async fn send(server: &FakeSmtp, security: MailSecurity, trusted: Option<PathBuf>) -> Delivery {
    let mail = config::Mail {
        host: server.address.ip().to_string(),
        port: server.address.port(),
        security,
        from: "Corner Café <cards@example.com>".into(),
        certificate_authority: trusted,
        ..config::Mail::default()
    };
    let text = Text {
        subject: "Your card".into(),
        plain: "Here it is.".into(),
        html: "<p>Here it is.</p>".into(),
    };
    let mailer = Mailer::load(&mail).expect("a mailer");
    mailer.send("ada@example.com", "letter-1", &text).await
}

const BOTH: [(Tls, MailSecurity); 2] = [
    (Tls::FromTheStart, MailSecurity::Tls),
    (Tls::AfterStarttls, MailSecurity::Starttls),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_inside_tls_to_a_server_that_is_trusted() {
    let trust = Trust::new();
    for (tls, security) in BOTH {
        let server = trust.server(tls).await;
        let sent = send(&server, security, Some(trust.file())).await;
        assert_eq!(sent, Delivery::Accepted, "{tls:?}");
        let received = server.received();
        assert_eq!(received.len(), 1);
        assert!(received[0].encrypted, "{tls:?}");
        assert_eq!(received[0].to, ["ada@example.com"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_trusted_gets_no_letter_and_the_reason_says_what_to_do() {
    let (trust, other) = (Trust::new(), Trust::new());
    for (tls, security) in BOTH {
        for trusted in [None, Some(other.file())] {
            let server = trust.server(tls).await;
            let Delivery::Later { reason } = send(&server, security, trusted).await else {
                panic!("{tls:?}: sent to a stranger");
            };
            assert!(
                reason.contains("certificate was refused") && reason.contains("mail.certificate_authority"),
                "{reason}"
            );
            assert!(server.received().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_in_the_clear_where_tls_is_wanted() {
    let trust = Trust::new();
    let plain = FakeSmtp::start().await.expect("a mail server");
    for (security, words) in [
        (MailSecurity::Starttls, "STARTTLS"),
        (MailSecurity::Tls, "no TLS with the mail server"),
    ] {
        let Delivery::Later { reason } = send(&plain, security, Some(trust.file())).await else {
            panic!("sent in the clear");
        };
        assert!(reason.contains(words), "{reason}");
    }
    assert!(plain.received().is_empty());
}
