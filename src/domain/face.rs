//! The card's face: what a holder sees, before any platform's format. Apple's pass, Google's object, the web
//! card and the console's picture are all drawn from this one value.

use std::fmt;

use crate::domain::card::{Card, CardStatus};
use crate::domain::id::{CardId, MerchantId, MessageId, PassTypeIdentifier, ProgramId, SerialNumber};
use crate::domain::link::CountedLink;
use crate::domain::message::Translations;
use crate::domain::preference::{Class, Preference, Preferences};
use crate::domain::program::{PricedReward, Program, ProgramKind, Rules, Scheme};
use crate::domain::tier;
use crate::domain::time::Timestamp;

#[derive(Clone, PartialEq, Eq)]
pub struct CardFace {
    pub merchant: MerchantId,
    pub program: ProgramId,
    /// The program that the card came into the wallet as; another one where a coupon was converted.
    pub installed_as: ProgramId,
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
    /// The tier that the holder is in, by name.
    pub tier: Option<String>,
    pub prices: Prices,
    pub void: bool,
    /// A coupon that was redeemed.
    pub redeemed: bool,
    pub expires_at: Option<Timestamp>,
    /// Whether the holder lets the card show up where they are: a phone does that by itself, so the pass must not name
    /// places where they do not.
    pub locations: bool,
    pub version: i64,
    pub changed_at: Timestamp,
    /// What rang last on Apple's copies.
    pub news: Option<News>,
    /// The counted link on the copies of its program, for a channel that is handed the card's state; whoever hands it over
    /// fills it in.
    pub link: Option<CountedLink>,
}

/// The last alert that a card's budget let through, as the pass says it. A phone rings when it changes, so it changes
/// with each alert and with nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Counts the alerts of the card.
    pub number: i64,
    pub class: Class,
    pub said: Said,
    /// The message that rang, if one did.
    pub message: Option<MessageId>,
    /// What that message says in other languages, each as one text; the phone chooses.
    pub translations: Translations,
}

/// What news say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Message(String),
    /// The card as it was then: what the news say must not move with it.
    Then(Box<CardFace>),
}

/// An alert as it was kept with the numbers that its card had then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptNews {
    pub number: i64,
    pub class: Class,
    /// None for a change of the card.
    pub text: Option<String>,
    /// Above the text, where the message has one.
    pub title: Option<String>,
    pub punches: i64,
    pub points: i64,
    pub rewards: i64,
    pub tier: Option<i64>,
    pub message: Option<MessageId>,
    /// Of the message.
    pub translations: Translations,
}

/// What points can be exchanged for, as one holder sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// The dearest reward that the balance covers.
    pub covered: Option<PricedReward>,
    /// The cheapest one that it does not cover.
    pub next: Option<PricedReward>,
}

impl Prices {
    pub fn of(rules: &Rules, points: i64) -> Self {
        let Scheme::Points(rules) = &rules.scheme else {
            return Self::default();
        };
        let covered = rules.rewards.partition_point(|reward| reward.points <= points);
        let at = |index: Option<usize>| rules.rewards.get(index?).cloned();
        Self {
            covered: at(covered.checked_sub(1)),
            next: at(Some(covered)),
        }
    }
}

/// Shows neither the code nor the holder.
impl std::fmt::Debug for CardFace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CardFace")
            .field("card", &self.card)
            .field("program", &self.program)
            .field("version", &self.version)
            .field("punches", &self.punches)
            .field("points", &self.points)
            .field("rewards", &self.rewards)
            .finish_non_exhaustive()
    }
}

/// What the holder can do now, or works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim<'f> {
    Ended,
    Expired,
    /// A coupon that gave this.
    Redeemed(&'f str),
    /// So many of this reward.
    Ready(i64, &'f str),
    /// So many punches or points to this reward.
    ToGo(i64, &'f str),
    /// All that there is, without a price.
    Reward(&'f str),
}

impl fmt::Display for Aim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("This card has ended"),
            Self::Expired => f.write_str("This card has expired"),
            Self::Redeemed(name) => write!(f, "Redeemed: {name}"),
            Self::Ready(1, name) => write!(f, "Ready: {name}"),
            Self::Ready(count, name) => write!(f, "Ready: {count} × {name}"),
            Self::ToGo(missing, name) => write!(f, "{missing} to go: {name}"),
            Self::Reward(name) => f.write_str(name),
        }
    }
}

impl CardFace {
    /// "3 of 10" or "120 points", the balance as every platform shows it.
    pub fn balance(&self) -> String {
        match self.kind {
            ProgramKind::Points if self.points == 1 => "1 point".into(),
            ProgramKind::Points => format!("{} points", self.points),
            ProgramKind::Coupon if self.redeemed => "used".into(),
            ProgramKind::Coupon => "1 use".into(),
            ProgramKind::Punch => format!("{} of {}", self.punches, self.goal),
        }
    }

    /// What is missing to the next reward: punches or points; 0 where nothing is or where there is none.
    pub fn remaining(&self) -> i64 {
        let missing = match (self.kind, &self.prices.next) {
            (ProgramKind::Points, Some(next)) => next.points.saturating_sub(self.points),
            (ProgramKind::Points, None) | (ProgramKind::Coupon, _) => 0,
            (ProgramKind::Punch, _) => self.goal.saturating_sub(self.punches),
        };
        missing.max(0)
    }

    /// Whether the card had ended by itself when it last changed. Ending is a change like any other, so this tells
    /// the time without a clock.
    pub fn expired(&self) -> bool {
        self.expires_at.is_some_and(|end| end <= self.changed_at)
    }

    /// What the holder can do now, or works on.
    pub fn aim(&self) -> Aim<'_> {
        if self.void {
            return Aim::Ended;
        }
        if self.redeemed {
            return Aim::Redeemed(&self.reward_name);
        }
        if self.expired() {
            return Aim::Expired;
        }
        if self.kind == ProgramKind::Coupon {
            return Aim::Ready(1, &self.reward_name);
        }
        if self.kind == ProgramKind::Points {
            return match (&self.prices.covered, &self.prices.next) {
                (Some(covered), _) => Aim::Ready(1, &covered.name),
                (None, Some(next)) => Aim::ToGo(self.remaining(), &next.name),
                (None, None) => Aim::Reward(&self.reward_name),
            };
        }
        match self.rewards {
            0 => Aim::ToGo(self.remaining(), &self.reward_name),
            rewards => Aim::Ready(rewards, &self.reward_name),
        }
    }

    /// The one line under the balance: what the holder can do now.
    pub fn status_line(&self) -> String {
        self.aim().to_string()
    }
}

/// Draws the face of `card` with what rang last on it.
pub fn render(
    merchant_name: &str,
    program: &Program,
    card: &Card,
    (holder, preferences): (Option<&str>, Preferences),
    news: Option<&KeptNews>,
) -> CardFace {
    let face = CardFace {
        merchant: card.merchant,
        program: program.id,
        installed_as: card.installed_as,
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
        tier: tier::name(program.rules.ladder.as_ref(), card.tier).map(str::to_owned),
        prices: Prices::of(&program.rules, card.points),
        void: card.status == CardStatus::Void,
        redeemed: program.rules.kind() == ProgramKind::Coupon && card.redeemed_at.is_some(),
        expires_at: card.expires_at,
        locations: preferences.of(Class::Location) == Preference::Active,
        version: card.version,
        changed_at: card.changed_at,
        news: None,
        link: None,
    };
    CardFace {
        news: news.map(|kept| kept.shown(&face, program)),
        ..face
    }
}

impl KeptNews {
    fn shown(&self, face: &CardFace, program: &Program) -> News {
        let then = || CardFace {
            punches: self.punches,
            points: self.points,
            rewards: self.rewards,
            tier: tier::name(program.rules.ladder.as_ref(), self.tier).map(str::to_owned),
            prices: Prices::of(&program.rules, self.points),
            // Only a card that is good rings.
            void: false,
            redeemed: false,
            expires_at: None,
            ..face.clone()
        };
        News {
            number: self.number,
            class: self.class,
            message: self.message,
            translations: self.translations.under_titles(),
            said: match &self.text {
                Some(text) => Said::Message(under_title(self.title.as_deref(), text)),
                None => Said::Then(Box::new(then())),
            },
        }
    }
}

/// A title and a text where there is one place for both.
pub fn under_title(title: Option<&str>, text: &str) -> String {
    match title.map(str::trim).filter(|title| !title.is_empty()) {
        None => text.to_owned(),
        Some(title) if title.ends_with(['.', '!', '?', ':', '…']) => format!("{title} {text}"),
        Some(title) => format!("{title}: {text}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::domain) fn face() -> CardFace {
        CardFace {
            merchant: MerchantId(1),
            program: ProgramId(7),
            installed_as: ProgramId(7),
            card: CardId(9),
            merchant_name: "Corner Café".into(),
            program_name: "Coffee card".into(),
            reward_name: "Free coffee".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
            serial_number: SerialNumber::parse("card-9").expect("valid"),
            holder: None,
            code: "0123456789ABCDEF".into(),
            kind: ProgramKind::Punch,
            punches: 3,
            points: 0,
            goal: 10,
            rewards: 0,
            tier: None,
            prices: Prices::default(),
            void: false,
            redeemed: false,
            expires_at: None,
            locations: true,
            version: 1,
            changed_at: Timestamp(0),
            news: None,
            link: None,
        }
    }

    #[test]
    fn a_title_leads_into_its_text() {
        assert_eq!(under_title(None, "Two for one"), "Two for one");
        assert_eq!(under_title(Some("Friday"), "Two for one"), "Friday: Two for one");
        assert_eq!(
            under_title(Some("Last call!"), "Two for one"),
            "Last call! Two for one"
        );
        assert_eq!(under_title(Some(" "), "Two for one"), "Two for one");
    }
}
