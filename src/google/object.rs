//! The loyalty class and object that Google Wallet shows, drawn from a card's face.
//!
//! Only spellings that the Wallet API's discovery document does not call deprecated are written. Texts are cut
//! to what Google Wallet shows (reference: LoyaltyClass, LoyaltyObject), always between characters. Every field
//! that can be absent is written as `null` then: in a PATCH that removes an older value, and an insert leaves
//! it out. A class is always written with `reviewStatus: UNDER_REVIEW`, which Google turns into APPROVED by
//! itself; echoing APPROVED back is an error.

use serde::Serialize;

use crate::domain::face::CardFace;
use crate::domain::id::{CardId, ProgramId};
use crate::domain::link::CountedLink;
use crate::domain::program::ProgramKind;

/// Most characters that Google Wallet shows of each text.
const NAME: usize = 20;
const POINTS_LABEL: usize = 9;
const POINTS_BALANCE: usize = 7;
const ACCOUNT_NAME: usize = 20;
const TEXT_HEADER: usize = 35;
const TEXT_BODY: usize = 500;
/// Ours: what fits a line of a phone.
const LINK_LABEL: usize = 40;

/// Where our classes and objects live: `<issuer>.<prefix>program-<id>` and `<issuer>.<prefix>card-<id>`.
///
/// Google never forgets an id, so environments that share an issuer need different prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    issuer: String,
    prefix: String,
}

/// Why classes and objects cannot be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamingError {
    #[error("google.issuer_id is the number shown in the Google Pay & Wallet console; got {0:?}")]
    Issuer(String),
    #[error("google.id_prefix has at most 40 characters of A-Z, a-z, 0-9, '.', '_', '-'; got {0:?}")]
    Prefix(String),
}

impl Naming {
    pub fn new(issuer: &str, prefix: &str) -> Result<Self, NamingError> {
        if !(1..=30).contains(&issuer.len()) || !issuer.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NamingError::Issuer(issuer.to_owned()));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if prefix.len() > 40 || !prefix.bytes().all(allowed) {
            return Err(NamingError::Prefix(prefix.to_owned()));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn class_id(&self, program: ProgramId) -> String {
        format!("{}.{}program-{program}", self.issuer, self.prefix)
    }

    pub fn object_id(&self, card: CardId) -> String {
        format!("{}.{}card-{card}", self.issuer, self.prefix)
    }
}

/// A program as Google's class.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoyaltyClass {
    pub id: String,
    issuer_name: String,
    program_name: String,
    program_logo: Image,
    review_status: ReviewStatus,
    multiple_devices_and_holders_allowed_status: Holders,
    hex_background_color: Option<String>,
    account_name_label: &'static str,
}

/// A card as Google's object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoyaltyObject {
    pub id: String,
    class_id: String,
    state: State,
    account_name: Option<String>,
    barcode: Barcode,
    loyalty_points: LoyaltyPoints,
    secondary_loyalty_points: LoyaltyPoints,
    valid_time_interval: Option<TimeInterval>,
    text_modules_data: Vec<TextModule>,
    links_module_data: Option<LinksModule>,
    /// Said anew with every write that is to ring; nothing stays of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_preference: Option<NotifyPreference>,
}

impl LoyaltyObject {
    /// The same, to be written so that the phone rings if the balance or another field of Google's list changes.
    #[must_use]
    pub fn ringing(self) -> Self {
        Self {
            notify_preference: Some(NotifyPreference::NotifyOnUpdate),
            ..self
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum NotifyPreference {
    NotifyOnUpdate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ReviewStatus {
    UnderReview,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Holders {
    OneUserAllDevices,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    Active,
    Completed,
    Expired,
    Inactive,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct TimeInterval {
    end: DateTime,
}

/// ISO 8601 with an offset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct DateTime {
    date: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    source_uri: ImageUri,
    content_description: LocalizedString,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct ImageUri {
    uri: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalizedString {
    default_value: TranslatedString,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct TranslatedString {
    language: &'static str,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
struct Barcode {
    r#type: BarcodeType,
    render_encoding: RenderEncoding,
    value: String,
    alternate_text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum BarcodeType {
    QrCode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
enum RenderEncoding {
    #[serde(rename = "UTF_8")]
    Utf8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct LoyaltyPoints {
    label: String,
    balance: Balance,
}

/// Exactly one of the kinds that Google knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
enum Balance {
    String(String),
    Int(i32),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct TextModule {
    /// Without dots: they separate parts of a field path in Google's templates.
    id: &'static str,
    header: String,
    body: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct LinksModule {
    uris: Vec<Uri>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct Uri {
    id: &'static str,
    uri: String,
    description: String,
}

fn links(link: &CountedLink) -> LinksModule {
    LinksModule {
        uris: vec![Uri {
            id: "link",
            uri: link.url.clone(),
            description: named(&link.label, LINK_LABEL),
        }],
    }
}

/// The class of the program that `face` belongs to. `logo` is a public address of a PNG; `background` a colour
/// as `#rrggbb`, and without one Google takes the logo's.
pub fn class(naming: &Naming, face: &CardFace, logo: &str, background: Option<&str>) -> LoyaltyClass {
    let issuer_name = named(&face.merchant_name, NAME);
    LoyaltyClass {
        id: naming.class_id(face.installed_as),
        program_name: named(&face.program_name, NAME),
        program_logo: Image {
            source_uri: ImageUri { uri: logo.to_owned() },
            content_description: LocalizedString {
                default_value: TranslatedString {
                    language: "en",
                    value: format!("Logo of {issuer_name}"),
                },
            },
        },
        issuer_name,
        review_status: ReviewStatus::UnderReview,
        multiple_devices_and_holders_allowed_status: Holders::OneUserAllDevices,
        hex_background_color: background.map(str::to_owned),
        account_name_label: "Name",
    }
}

/// The object of the card that `face` shows.
pub fn object(naming: &Naming, face: &CardFace) -> LoyaltyObject {
    LoyaltyObject {
        id: naming.object_id(face.card),
        // An object cannot change its class: a converted coupon stays in the one that it was saved with.
        class_id: naming.class_id(face.installed_as),
        state: state(face),
        account_name: face
            .holder
            .as_deref()
            .map(|holder| cut(holder, ACCOUNT_NAME))
            .filter(|holder| !holder.is_empty()),
        barcode: Barcode {
            r#type: BarcodeType::QrCode,
            render_encoding: RenderEncoding::Utf8,
            value: face.code.clone(),
            alternate_text: face.code.clone(),
        },
        loyalty_points: LoyaltyPoints {
            label: cut(points_label(face), POINTS_LABEL),
            balance: Balance::String(balance(face)),
        },
        secondary_loyalty_points: LoyaltyPoints {
            label: cut("Rewards", POINTS_LABEL),
            balance: Balance::Int(i32::try_from(face.rewards).unwrap_or(i32::MAX)),
        },
        valid_time_interval: face.expires_at.map(|end| TimeInterval {
            end: DateTime {
                date: end.to_jiff().to_string(),
            },
        }),
        text_modules_data: modules(face),
        links_module_data: face.link.as_ref().map(links),
        notify_preference: None,
    }
}

/// What an object of `face` says, label and text, for people who look at it elsewhere: as [`object`] has it.
pub fn texts(face: &CardFace) -> Vec<(String, String)> {
    let label = points_label(face);
    let mut texts = vec![
        (label.to_owned(), balance(face)),
        ("Rewards".to_owned(), face.rewards.to_string()),
    ];
    if let Some(holder) = &face.holder {
        texts.insert(0, ("Name".to_owned(), cut(holder, ACCOUNT_NAME)));
    }
    texts.extend(
        modules(face)
            .into_iter()
            .map(|module| (module.header, module.body)),
    );
    texts
}

fn points_label(face: &CardFace) -> &'static str {
    match face.kind {
        ProgramKind::Punch => "Punches",
        ProgramKind::Points => "Points",
        ProgramKind::Coupon => "Uses",
    }
}

/// Google itself moves an object to the expired passes up to a day after its end, so an end is also said as a state.
fn state(face: &CardFace) -> State {
    if face.void {
        State::Inactive
    } else if face.redeemed {
        State::Completed
    } else if face.expired() {
        State::Expired
    } else {
        State::Active
    }
}

fn modules(face: &CardFace) -> Vec<TextModule> {
    let mut modules = vec![
        text("status", "Status", &face.status_line()),
        text("reward", "Reward", &face.reward_name),
    ];
    if let Some(tier) = &face.tier {
        modules.push(text("tier", "Tier", tier));
    }
    if face.installed_as != face.program {
        modules.push(text("program", "Card", &face.program_name));
    }
    modules
}

/// "3 of 10". Where that is too long, a shorter way to say it: a number that is cut off would be a wrong number.
fn balance(face: &CardFace) -> String {
    if face.kind == ProgramKind::Points {
        let number = face.points.to_string();
        let fits = number.len() <= POINTS_BALANCE;
        return if fits { number } else { "many".into() };
    }
    if face.kind == ProgramKind::Coupon {
        return cut(&face.balance(), POINTS_BALANCE);
    }
    let short = format!("{}/{}", face.punches, face.goal);
    let alone = face.punches.to_string();
    [face.balance(), short, alone]
        .into_iter()
        .find(|text| text.chars().count() <= POINTS_BALANCE)
        .unwrap_or_else(|| "many".into())
}

fn text(id: &'static str, header: &str, body: &str) -> TextModule {
    TextModule {
        id,
        header: cut(header, TEXT_HEADER),
        body: named(body, TEXT_BODY),
    }
}

/// `text` with at most `limit` characters, ended by an ellipsis where something is missing.
pub(super) fn cut(text: &str, limit: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    // A joiner or a variation selector at the cut belongs to a character that is gone.
    let kept = kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200d}' | '\u{fe0f}'));
    format!("{kept}…")
}

/// Like [`cut`], for fields that Google requires: never empty.
fn named(text: &str, limit: usize) -> String {
    let shown = cut(text, limit);
    if shown.is_empty() { "-".into() } else { shown }
}

#[cfg(test)]
pub(super) mod tests;
