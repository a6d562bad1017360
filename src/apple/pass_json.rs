//! `pass.json` of a store card, from the card's face and its template's settings.
//!
//! Apple's documentation of `Pass`, `PassFields.StoreCard` and `PassFieldContent` names every key here. All
//! values are strings; no field has the shape of a date, because Wallet would show it as one.

use serde::Serialize;

use crate::apple::identity::Identity;
use crate::apple::template::{Align, BarcodeFormat, Colour, FieldTemplate, NEWS, Settings};
use crate::apple::{BackLink, WebService};
use crate::domain::face::{CardFace, News, Said};
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pass<'a> {
    format_version: u8,
    pass_type_identifier: &'a str,
    serial_number: &'a str,
    team_identifier: &'a str,
    organization_name: &'a str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_text: Option<String>,
    background_color: Rgb,
    foreground_color: Rgb,
    label_color: Rgb,
    #[serde(rename = "webServiceURL")]
    web_service_url: &'a str,
    authentication_token: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    voided: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sharing_prohibited: bool,
    suppress_strip_shine: bool,
    store_card: StoreCard<'a>,
    barcodes: [&'a Barcode<'a>; 1],
    /// For systems before iOS 9.
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<&'a Barcode<'a>>,
}

/// `rgb(r, g, b)`
struct Rgb(Colour);

impl Serialize for Rgb {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [red, green, blue] = self.0.0;
        serializer.collect_str(&format_args!("rgb({red}, {green}, {blue})"))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoreCard<'a> {
    header_fields: Vec<Field<'a>>,
    primary_fields: Vec<Field<'a>>,
    secondary_fields: Vec<Field<'a>>,
    auxiliary_fields: Vec<Field<'a>>,
    back_fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Field<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributed_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_alignment: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Barcode<'a> {
    format: &'static str,
    message: &'a str,
    message_encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alt_text: Option<String>,
}

/// U+2060, which nobody sees and which breaks no line.
pub(super) const JOINER: char = '\u{2060}';

/// Bytes that most passes fit into.
const USUAL_LENGTH: usize = 4096;

/// `news_key` stands for what the news say where phones look that up in their own language.
pub(crate) fn write(
    face: &CardFace,
    settings: &Settings,
    identity: &Identity,
    links: &WebService<'_>,
    back: &[BackLink],
    news_key: Option<&str>,
) -> Result<Vec<u8>, serde_json::Error> {
    let barcode = Barcode {
        format: format_name(settings.barcode.format),
        message: &face.code,
        message_encoding: if face.code.chars().all(|letter| u32::from(letter) < 256) {
            "iso-8859-1"
        } else {
            "utf-8"
        },
        alt_text: settings.barcode.caption.as_ref().and_then(|text| text.fill(face)),
    };
    let pass = Pass {
        format_version: 1,
        pass_type_identifier: identity.pass_type_identifier.as_str(),
        serial_number: face.serial_number.as_str(),
        team_identifier: &identity.team_identifier,
        organization_name: &face.merchant_name,
        description: settings
            .description
            .fill(face)
            .unwrap_or_else(|| face.program_name.clone()),
        logo_text: settings.logo_text.as_ref().and_then(|text| text.fill(face)),
        background_color: Rgb(settings.colours.background),
        foreground_color: Rgb(settings.colours.foreground),
        label_color: Rgb(settings.colours.label),
        web_service_url: links.url.trim_end_matches('/'),
        authentication_token: links.authentication_token.expose(),
        // "For example, a one time use coupon that has been redeemed" (Apple's documentation of `Pass`).
        voided: face.void || face.redeemed,
        expiration_date: face.expires_at.map(date),
        sharing_prohibited: settings.sharing_prohibited,
        suppress_strip_shine: true,
        store_card: StoreCard {
            header_fields: fields(&settings.fields.header, face),
            primary_fields: fields(&settings.fields.primary, face),
            secondary_fields: fields(&settings.fields.secondary, face),
            auxiliary_fields: fields(&settings.fields.auxiliary, face),
            back_fields: std::iter::once(news(settings, face, news_key))
                .chain(fields(&settings.fields.back, face))
                .chain(back.iter().map(link))
                .collect(),
        },
        // Code 128 came with `barcodes`.
        barcode: (settings.barcode.format != BarcodeFormat::Code128).then_some(&barcode),
        barcodes: [&barcode],
    };
    let mut json = Vec::with_capacity(USUAL_LENGTH);
    serde_json::to_writer(&mut json, &pass)?;
    Ok(json)
}

/// A label, where there is one, and what stands below it.
pub type LabelAndText = (Option<String>, String);

/// What a pass says, without its pictures and its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    pub logo: Option<String>,
    pub header: Vec<LabelAndText>,
    /// Primary, secondary and auxiliary fields, in this order.
    pub front: Vec<LabelAndText>,
    pub back: Vec<LabelAndText>,
}

/// The texts that [`write()`] writes for `face`, but for the links on its back.
pub(crate) fn texts(face: &CardFace, settings: &Settings) -> Texts {
    let said = |fields: Vec<Field<'_>>| {
        fields
            .into_iter()
            .map(|field| (field.label, field.value))
            .collect()
    };
    let groups = &settings.fields;
    let front = [&groups.primary, &groups.secondary, &groups.auxiliary];
    let back = std::iter::once(news(settings, face, None)).chain(fields(&groups.back, face));
    Texts {
        logo: settings.logo_text.as_ref().and_then(|text| text.fill(face)),
        header: said(fields(&groups.header, face)),
        front: said(front.into_iter().flat_map(|group| fields(group, face)).collect()),
        back: said(back.collect()),
    }
}

/// A W3C date with seconds: Wallet reads no finer one.
fn date(at: Timestamp) -> String {
    Timestamp(at.0.div_euclid(1000) * 1000).to_jiff().to_string()
}

/// The fields that this card has values for.
fn fields<'a>(templates: &'a [FieldTemplate], face: &CardFace) -> Vec<Field<'a>> {
    let filled = templates.iter().filter_map(|template| {
        Some(Field {
            key: &template.key,
            value: undated(template.value.fill(face)?),
            label: template.label.as_ref().and_then(|label| label.fill(face)),
            attributed_value: None,
            // The news say it where the card's budget lets it ring.
            change_message: None,
            text_alignment: template.align.map(align_name),
        })
    });
    filled.collect()
}

/// The one field that rings. Its value changes with each alert that the budget let through and with nothing else, so a
/// phone that comes late still rings once, and one that has it never rings again. It is on every pass: a phone compares
/// it with the one before. (Several fields that change at once would show a text of Wallet's own instead of theirs.)
fn news<'a>(settings: &'a Settings, face: &CardFace, key: Option<&str>) -> Field<'a> {
    let texts = &settings.news;
    let (value, change) = match &face.news {
        None => (texts.none.clone(), None),
        Some(news) => {
            let (value, change) = news_text(settings, news);
            let value = key.map_or_else(|| numbered(value, news.number), str::to_owned);
            (value, Some(change))
        }
    };
    Field {
        key: NEWS,
        label: Some(texts.label.clone()),
        value: undated(value),
        attributed_value: None,
        change_message: change,
        text_alignment: None,
    }
}

/// The text of news as the field says it. Two equal texts in a row ring twice: an invisible word joiner tells them apart.
pub(super) fn numbered(text: String, number: i64) -> String {
    if number % 2 == 0 {
        text
    } else {
        format!("{text}{JOINER}")
    }
}

/// A link on the back: Wallet shows what stands between the tags, and what cannot show links shows the plain text.
fn link(link: &BackLink) -> Field<'_> {
    Field {
        key: link.key,
        label: Some(link.label.clone()),
        value: link.shown.clone(),
        attributed_value: Some(format!(
            "<a href='{}'>{}</a>",
            escaped(&link.url),
            escaped(&link.shown)
        )),
        change_message: None,
        text_alignment: None,
    }
}

/// What the news say, and the text around it.
fn news_text<'a>(settings: &'a Settings, news: &News) -> (String, &'a str) {
    const ALONE: &str = "%@";
    match &news.said {
        Said::Message(text) => (text.clone(), ALONE),
        Said::Then(then) => match (news.class, &then.tier) {
            (Class::Reward, _) => (then.status_line(), ALONE),
            (Class::Tier, Some(tier)) => (tier.clone(), settings.news.tier.as_str()),
            _ => settings
                .announced()
                .and_then(|(field, change)| Some((field.value.fill(then)?, change)))
                .unwrap_or_else(|| (then.balance(), ALONE)),
        },
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&quot;"),
            letter => out.push(letter),
        }
    }
    out
}

/// Keeps a text that starts like an ISO 8601 date from being taken for one: an invisible word joiner goes in
/// front.
pub(super) fn undated(text: String) -> String {
    let shaped = text
        .trim_start()
        .as_bytes()
        .first_chunk::<8>()
        .is_some_and(|start| {
            start.iter().enumerate().all(|(index, byte)| match index {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
        });
    if shaped { format!("{JOINER}{text}") } else { text }
}

fn format_name(format: BarcodeFormat) -> &'static str {
    match format {
        BarcodeFormat::Qr => "PKBarcodeFormatQR",
        BarcodeFormat::Pdf417 => "PKBarcodeFormatPDF417",
        BarcodeFormat::Aztec => "PKBarcodeFormatAztec",
        BarcodeFormat::Code128 => "PKBarcodeFormatCode128",
    }
}

fn align_name(align: Align) -> &'static str {
    match align {
        Align::Left => "PKTextAlignmentLeft",
        Align::Center => "PKTextAlignmentCenter",
        Align::Right => "PKTextAlignmentRight",
        Align::Natural => "PKTextAlignmentNatural",
    }
}
