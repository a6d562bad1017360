//! A simulated Android phone with Google Wallet: it holds one saved card and shows what Google shows it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::rules::{Kind, text};
use super::server::Shared;

/// One saved card on one phone.
pub struct SimAndroidPhone {
    pub(super) shared: Arc<Shared>,
    pub(super) object_id: String,
}

/// What the holder sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCard {
    pub issuer_name: String,
    pub program_name: String,
    pub holder: String,
    /// "3 of 10"
    pub balance: String,
    pub rewards: i64,
    pub barcode: String,
    /// Under the barcode.
    pub code_text: String,
    /// Header and body.
    pub texts: Vec<(String, String)>,
    /// False: the card lies under "expired passes".
    pub active: bool,
    pub version: usize,
}

/// The card did not come to look as expected in time.
#[derive(Debug, thiserror::Error)]
#[error("the card did not change as expected within {limit:?}; it shows {last:?}")]
pub struct Waited {
    pub limit: Duration,
    pub last: Option<Box<ShownCard>>,
}

impl SimAndroidPhone {
    pub fn object_id(&self) -> &str {
        &self.object_id
    }

    /// The card as it looks now; nothing once Google has lost it.
    pub fn card(&self) -> Option<ShownCard> {
        self.history().pop()
    }

    /// Every look that the card has had, oldest first, each with the class as it is now.
    pub fn history(&self) -> Vec<ShownCard> {
        let state = self.shared.state();
        let versions = state.resources.versions(Kind::LoyaltyObject, &self.object_id);
        let show = |(version, object): (usize, &Value)| {
            let class = state
                .resources
                .versions(Kind::LoyaltyClass, text(object, "classId"))
                .last()?;
            Some(shown(class, object, version + 1))
        };
        versions.iter().enumerate().filter_map(show).collect()
    }

    /// Waits until the card looks as `expected`; at most `limit`.
    pub async fn wait_for(
        &self,
        limit: Duration,
        expected: impl Fn(&ShownCard) -> bool,
    ) -> Result<ShownCard, Waited> {
        let mut changes = self.shared.changes.subscribe();
        let wait = async {
            loop {
                changes.mark_unchanged();
                if let Some(card) = self.card().filter(&expected) {
                    return Some(card);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        let found = tokio::time::timeout(limit, wait).await.ok().flatten();
        found.ok_or_else(|| Waited {
            limit,
            last: self.card().map(Box::new),
        })
    }
}

fn shown(class: &Value, object: &Value, version: usize) -> ShownCard {
    let balance = &object["loyaltyPoints"]["balance"];
    let barcode = &object["barcode"];
    // Loyalty cards without a barcode value of their own show the account id.
    let value = [text(barcode, "value"), text(object, "accountId")];
    let code_text = [
        text(barcode, "alternateText"),
        text(object, "accountId"),
        text(barcode, "value"),
    ];
    let first = |texts: &[&str]| {
        texts
            .iter()
            .find(|text| !text.is_empty())
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    ShownCard {
        issuer_name: text(class, "issuerName").to_owned(),
        program_name: text(class, "programName").to_owned(),
        holder: text(object, "accountName").to_owned(),
        balance: match balance["int"].as_i64() {
            Some(number) => number.to_string(),
            None => text(balance, "string").to_owned(),
        },
        rewards: object["secondaryLoyaltyPoints"]["balance"]["int"]
            .as_i64()
            .unwrap_or(0),
        barcode: first(&value),
        code_text: first(&code_text),
        texts: object["textModulesData"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|module| (text(module, "header").to_owned(), text(module, "body").to_owned()))
            .collect(),
        active: text(object, "state") == "ACTIVE",
        version,
    }
}
