//! The courier: takes letters that are due, sends them one after another, and writes down what became of each.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::invitation::Delivery;
use crate::domain::secret::MasterKey;
use crate::mail::Mailer;
use crate::mail::letter::{self, Facts};
use crate::ops::Ops;
use crate::ops::invitations::Letter;
use crate::store::Error;
use crate::telemetry::Metric;

/// Letters taken at once.
const HANDFUL: i64 = 20;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a courier carries with.
#[derive(Clone)]
pub struct Courier {
    pub ops: Ops,
    pub mailer: Mailer,
    pub master: MasterKey,
    /// Without a slash at its end.
    pub public_url: Arc<str>,
    /// How long a letter in hand belongs to this node; longer than a handful can take.
    pub lease: Duration,
}

impl Courier {
    /// Sends what becomes due until `stop`; a letter in hand is finished first.
    pub async fn run(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
            }
            loop {
                match self.send_some(&stop).await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "letters could not be taken or noted; they are tried again");
                        break;
                    }
                }
            }
        }
    }

    /// Sends a handful of letters; returns how many were taken. Letters that are not begun when `stop` comes are
    /// left to the end of their lease.
    pub async fn send_some(&self, stop: &CancellationToken) -> Result<usize, Error> {
        let letters = self.ops.claim_letters(HANDFUL, self.lease).await?;
        for letter in &letters {
            if stop.is_cancelled() {
                break;
            }
            let delivery = self.send(letter).await;
            let outcome = match &delivery {
                Delivery::Accepted => "accepted",
                Delivery::Bounced { .. } => "bounced",
                Delivery::Later { .. } => "later",
            };
            Metric::Letters.counter(&[("outcome", outcome)]).increment(1);
            self.ops.finish_letter(letter, delivery).await?;
        }
        Ok(letters.len())
    }

    async fn send(&self, letter: &Letter) -> Delivery {
        let invitation = &letter.invitation;
        let link = self
            .master
            .invitation_link(&self.public_url, invitation.merchant, invitation.id);
        let facts = Facts {
            kind: invitation.kind,
            merchant_name: &letter.merchant_name,
            program_name: &letter.program_name,
            first_name: &letter.first_name,
            link: &link,
            language: &invitation.language,
        };
        let text = letter::write(&facts);
        let id = invitation.id.to_string();
        self.mailer.send(&invitation.address, &id, &text).await
    }
}
