//! The card's face: what a holder sees, before any platform's format. Apple's pass, Google's object, the web
//! card and the console's picture are all drawn from this one value.

use crate::domain::card::{Card, CardStatus};
use crate::domain::id::{CardId, MerchantId, PassTypeIdentifier, ProgramId, SerialNumber};
use crate::domain::preference::{Class, Preference, Preferences};
use crate::domain::program::{Program, ProgramKind};
use crate::domain::time::Timestamp;

#[derive(Clone, PartialEq, Eq)]
pub struct CardFace {
    pub merchant: MerchantId,
    pub program: ProgramId,
    pub card: CardId,
    pub merchant_name: String,
    pub program_name: String,
    pub reward_name: String,
    pub template: String,
    pub pass_type_identifier: PassTypeIdentifier,
    pub serial_number: SerialNumber,
    /// Printed on the card. Set when the card was issued; editing the customer does not change it.
    pub holder: Option<String>,
    /// What the barcode says.
    pub code: String,
    pub kind: ProgramKind,
    pub punches: i64,
    pub points: i64,
    pub goal: i64,
    pub rewards: i64,
    pub void: bool,
    /// Whether the holder lets the card show up where they are: a phone does that by itself, so the pass must not name
    /// places where they do not.
    pub locations: bool,
    pub version: i64,
    pub changed_at: Timestamp,
}

/// Shows neither the code nor the holder.
impl std::fmt::Debug for CardFace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CardFace")
            .field("card", &self.card)
            .field("program", &self.program)
            .field("version", &self.version)
            .field("punches", &self.punches)
            .field("rewards", &self.rewards)
            .finish_non_exhaustive()
    }
}

impl CardFace {
    /// "3 of 10", the balance as every platform shows it.
    pub fn balance(&self) -> String {
        format!("{} of {}", self.punches, self.goal)
    }

    /// The one line under the balance: what the holder can do now.
    pub fn status_line(&self) -> String {
        if self.void {
            return "This card has ended".into();
        }
        match self.rewards {
            0 => format!("{} to go: {}", self.goal - self.punches, self.reward_name),
            1 => format!("Ready: {}", self.reward_name),
            n => format!("Ready: {n} × {}", self.reward_name),
        }
    }
}

/// Draws the face of `card`.
pub fn render(
    merchant_name: &str,
    program: &Program,
    card: &Card,
    holder: Option<&str>,
    preferences: Preferences,
) -> CardFace {
    CardFace {
        merchant: card.merchant,
        program: program.id,
        card: card.id,
        merchant_name: merchant_name.to_owned(),
        program_name: program.name.clone(),
        reward_name: program.reward_name.clone(),
        template: program.template.clone(),
        pass_type_identifier: program.pass_type_identifier.clone(),
        serial_number: card.serial_number.clone(),
        holder: holder.map(str::to_owned),
        code: card.token.expose().to_owned(),
        kind: program.rules.kind(),
        punches: card.punches,
        points: card.points,
        goal: program.rules.goal(),
        rewards: card.rewards,
        void: card.status == CardStatus::Void,
        locations: preferences.of(Class::Location) == Preference::Active,
        version: card.version,
        changed_at: card.changed_at,
    }
}
