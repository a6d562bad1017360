//! Letters out by SMTP: the mailer speaks to a mail server, the courier empties the queue of letters.
//!
//! A mail server's answer becomes a [`Delivery`]; what follows from it is decided in `domain`. The server's words are
//! not kept, because they often repeat the address: its code is.

pub mod courier;
pub mod letter;

use std::error::Error as _;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{self, MailSecurity};
use crate::domain::invitation::Delivery;
use letter::Text;

/// Why no mail can be sent with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("mail.from: expected an address such as Corner Café <cards@example.com>; got {got:?}")]
    From { got: String },
    #[error("mail.password_file: cannot read {path}: {source}")]
    Password {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
    #[error("mail.certificate_authority: cannot use {path}: {problem}")]
    Authority {
        path: std::path::PathBuf,
        problem: String,
    },
    #[error("mail.host: {0}")]
    Host(#[source] lettre::transport::smtp::Error),
}

/// A connection pool to one mail server.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// Reads keys and checks names; connects when the first letter goes.
    pub fn load(config: &config::Mail) -> Result<Self, MailError> {
        let from = config.from.parse().map_err(|_| MailError::From {
            got: config.from.clone(),
        })?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls(config)?)
            .timeout(Some(config.timeout));
        if let (Some(user), Some(path)) = (&config.user, &config.password_file) {
            let password = std::fs::read_to_string(path).map_err(|source| MailError::Password {
                path: path.clone(),
                source,
            })?;
            let password = SecretString::from(password.trim_end_matches(['\r', '\n']).to_owned());
            builder = builder.credentials(Credentials::new(
                user.clone(),
                password.expose_secret().to_owned(),
            ));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    /// Sends one letter under an id that stays the same however often it is tried.
    pub async fn send(&self, address: &str, id: &str, text: &Text) -> Delivery {
        let later = |reason: &str| Delivery::Later {
            reason: reason.into(),
        };
        let Ok(to) = address.parse::<lettre::Address>() else {
            return Delivery::Bounced {
                code: "not an address".into(),
            };
        };
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&text.subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(
                text.plain.clone(),
                text.html.clone(),
            ));
        let Ok(message) = message else {
            return later("the letter could not be written");
        };
        match self.transport.send(message).await {
            Ok(_) => Delivery::Accepted,
            Err(error) => match error.status() {
                Some(code) if error.is_permanent() => judged(&code.to_string()),
                Some(code) => later(&format!("the mail server answered {code}")),
                None if error.is_timeout() => later("the mail server did not answer in time"),
                None => later(&unsent(&error)),
            },
        }
    }
}

/// Why a letter did not come as far as an answer to it.
fn unsent(error: &lettre::transport::smtp::Error) -> String {
    /// `SSL_R_CERTIFICATE_VERIFY_FAILED` of `openssl/sslerr.h`.
    const NOT_TRUSTED: i32 = 134;
    let sources = || std::iter::successors(error.source(), |error| (*error).source());
    let tls = sources().find_map(|error| error.downcast_ref::<openssl::error::ErrorStack>());
    if let Some(stack) = tls {
        let is_trust = |error: &openssl::error::Error| error.reason_code() == NOT_TRUSTED;
        return match stack.errors().iter().any(is_trust) {
            true => "the mail server's certificate was refused: it is not made for mail.host by an authority that \
                     this system or mail.certificate_authority names"
                .into(),
            false => format!("no TLS with the mail server, as mail.security wants it: {stack}"),
        };
    }
    match error.source().filter(|_| error.is_client()) {
        // Such as a server without STARTTLS. The words are our own client's and name no address.
        Some(source) => format!("the mail server cannot do what is asked of it: {source}"),
        None => "the mail server could not be reached".into(),
    }
}

/// A final refusal: about this address (5.1.x, 5.2.x and their basic codes), or about us, which may be mended.
fn judged(code: &str) -> Delivery {
    match code {
        "550" | "551" | "552" | "553" => Delivery::Bounced {
            code: code.to_owned(),
        },
        _ => Delivery::Later {
            reason: format!("the mail server refused us with {code}"),
        },
    }
}

fn tls(config: &config::Mail) -> Result<Tls, MailError> {
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.certificate_authority {
        let wrong = |problem: String| MailError::Authority {
            path: path.clone(),
            problem,
        };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let authority = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        parameters = parameters.add_root_certificate(authority);
    }
    let parameters = parameters.build().map_err(MailError::Host)?;
    Ok(match config.security {
        MailSecurity::Tls => Tls::Wrapper(parameters),
        MailSecurity::Starttls => Tls::Required(parameters),
        MailSecurity::None => Tls::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_address_is_a_bounce() {
        assert!(matches!(judged("550"), Delivery::Bounced { .. }));
        assert!(matches!(judged("535"), Delivery::Later { .. }));
        assert!(matches!(judged("554"), Delivery::Later { .. }));
    }
}
