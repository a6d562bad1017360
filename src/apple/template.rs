//! Pass templates: one folder each, read and checked once at start.
//!
//! ```text
//! coffee/template.toml                  colours, texts, fields, barcode, stamps ([`Settings`])
//! coffee/icon.svg | icon.png, icon@2x.png, icon@3x.png      required; so for logo and strip
//! coffee/en.lproj/pass.strings          translations of the constant texts
//! ```
//!
//! A mistake is refused at start with the file, what was expected and what came. Hidden files are ignored;
//! any other file that a pass has no place for is a mistake.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Deserialize;

use crate::apple::images::{self, ImageError, Kind};
use crate::apple::strings::{self, StringsError};
use crate::apple::strip::Stamps;
use crate::apple::text::Text;

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Settings {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error(
        "{path}: the key {key:?} is used by two fields; field keys must be unique in the whole pass, and \"news\" is passgate's"
    )]
    DuplicateKey { path: PathBuf, key: String },
    #[error(
        "{path}: expected one \"%@\" in the change message of {key:?} (the place of the new value), got {got:?}"
    )]
    ChangeMessage { path: PathBuf, key: String, got: String },
    #[error("{path}: {first:?} and {second:?} both have a change message; a change rings once, so keep one")]
    TwoChangeMessages {
        path: PathBuf,
        first: String,
        second: String,
    },
    #[error("{path}: {key:?} has an alignment, which primary and back fields cannot have; remove it")]
    Alignment { path: PathBuf, key: String },
    #[error(
        "{path}: a pass has no place for this file; expected template.toml, icon, logo or strip as .svg or .png \
         (also @2x.png, @3x.png), or <language>.lproj/pass.strings"
    )]
    UnknownFile { path: PathBuf },
    #[error("{folder}: {name} comes both as .svg and as .png, or is drawn from [stamps]; keep one")]
    TwoSources { folder: PathBuf, name: &'static str },
    #[error("{folder}: expected icon.svg or icon.png, got neither; every pass needs an icon")]
    NoIcon { folder: PathBuf },
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("{path}: {source}")]
    Strings { path: PathBuf, source: StringsError },
}

/// Pixels a side of the logo for other platforms.
const LOGO_SIDE: u16 = 660;

/// A template in hand: its settings, and its files as they go into every pass.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) settings: Settings,
    pub(crate) files: BTreeMap<String, Bytes>,
    /// What is in its `.lproj` folders, by the languages that name them.
    pub(crate) languages: BTreeMap<String, strings::Strings>,
    /// A square PNG, for platforms that fetch a logo by its address. Google asks for 660 pixels and more.
    pub(crate) logo: Bytes,
}

/// `template.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Read aloud by VoiceOver in place of the whole card.
    pub(crate) description: Text,
    /// Beside the logo.
    #[serde(default)]
    pub(crate) logo_text: Option<Text>,
    /// Hides Wallet's button for sending the card to others.
    #[serde(default)]
    pub(crate) sharing_prohibited: bool,
    /// Above this many kB of files a warning is given: bytes limit how fast many phones can be updated.
    #[serde(default = "default_weight")]
    pub(crate) weight_budget_kb: usize,
    pub(crate) colours: Colours,
    pub(crate) barcode: Barcode,
    /// Draws the strip from the balance; without it the strip is an image of the template or absent.
    #[serde(default)]
    pub(crate) stamps: Option<Stamps>,
    pub(crate) fields: Fields,
    #[serde(default)]
    pub(crate) news: NewsTexts,
}

/// The key of the field that rings, which a template must not use.
pub(crate) const NEWS: &str = "news";

/// Texts around the field on the back that says the newest message or change, and rings when it does. Without places.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewsTexts {
    pub(crate) label: String,
    /// Before the first.
    pub(crate) none: String,
    /// Of a new tier, `%@` being its name.
    pub(crate) tier: String,
}

impl Default for NewsTexts {
    fn default() -> Self {
        Self {
            label: "News".into(),
            none: "Nothing new yet.".into(),
            tier: "Your tier is now %@".into(),
        }
    }
}

fn default_weight() -> usize {
    250
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Colours {
    pub(crate) background: Colour,
    pub(crate) foreground: Colour,
    pub(crate) label: Colour,
}

/// `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Colour(pub(crate) [u8; 3]);

#[derive(Debug, thiserror::Error)]
#[error("expected a colour like \"#3b2417\", got {0:?}")]
pub(crate) struct ColourError(String);

impl TryFrom<String> for Colour {
    type Error = ColourError;

    fn try_from(text: String) -> Result<Self, ColourError> {
        let mut bytes = [0; 3];
        match text
            .strip_prefix('#')
            .map(|digits| hex::decode_to_slice(digits, &mut bytes))
        {
            Some(Ok(())) => Ok(Self(bytes)),
            _ => Err(ColourError(text)),
        }
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Barcode {
    pub(crate) format: BarcodeFormat,
    /// Under the barcode, for typing it in when a scanner fails.
    #[serde(default)]
    pub(crate) caption: Option<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BarcodeFormat {
    Qr,
    Pdf417,
    Aztec,
    Code128,
}

/// The fields of a store card by their place on it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Fields {
    pub(crate) header: Vec<FieldTemplate>,
    pub(crate) primary: Vec<FieldTemplate>,
    pub(crate) secondary: Vec<FieldTemplate>,
    pub(crate) auxiliary: Vec<FieldTemplate>,
    pub(crate) back: Vec<FieldTemplate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldTemplate {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) label: Option<Text>,
    /// The field is left out on cards that lack a value spoken of here.
    pub(crate) value: Text,
    /// Shown on the lock screen when the value has changed and the card's budget lets it ring, `%@` being the new value.
    #[serde(default)]
    pub(crate) change: Option<String>,
    #[serde(default)]
    pub(crate) align: Option<Align>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Align {
    Left,
    Center,
    Right,
    Natural,
}

impl Fields {
    fn all(&self) -> impl Iterator<Item = &FieldTemplate> {
        [
            &self.header,
            &self.primary,
            &self.secondary,
            &self.auxiliary,
            &self.back,
        ]
        .into_iter()
        .flatten()
    }
}

impl Template {
    pub(crate) fn load(folder: &Path) -> Result<Self, TemplateError> {
        let settings = Settings::load(&folder.join("template.toml"))?;
        let (mut files, mut languages) = (BTreeMap::new(), BTreeMap::new());
        let mut sources = BTreeMap::new();
        if settings.stamps.is_some() {
            sources.insert(images::STRIP.name, "stamps");
        }
        for (name, path) in entries(folder)? {
            if name == "template.toml" {
                continue;
            }
            if let Some(language) = name.strip_suffix(".lproj") {
                let strings = load_language(&path)?;
                warn_about_missing(&settings, language, &strings);
                files.insert(strings::path(language), strings::print(&strings).into());
                languages.insert(language.to_owned(), strings);
                continue;
            }
            let Some(kind) = Kind::of(&name) else {
                return Err(TemplateError::UnknownFile { path });
            };
            let source = if matches!(kind, Kind::Svg { .. }) {
                "svg"
            } else {
                "png"
            };
            if sources
                .insert(kind.slot().name, source)
                .is_some_and(|earlier| earlier != source)
            {
                return Err(TemplateError::TwoSources {
                    folder: folder.to_path_buf(),
                    name: kind.slot().name,
                });
            }
            files.extend(images::load(&path, &name, kind)?);
        }
        check_icon(folder, &files)?;
        warn_about_weight(folder, &settings, &files);
        let logo = match sources.get(images::ICON.name) {
            Some(&"svg") => images::draw_square(&folder.join("icon.svg"), LOGO_SIDE)?,
            _ => largest_icon(&files),
        };
        Ok(Self {
            settings,
            files,
            languages,
            logo,
        })
    }
}

fn largest_icon(files: &BTreeMap<String, Bytes>) -> Bytes {
    ["icon@3x.png", "icon@2x.png", "icon.png"]
        .into_iter()
        .find_map(|name| files.get(name).cloned())
        .unwrap_or_default()
}

impl Settings {
    fn load(path: &Path) -> Result<Self, TemplateError> {
        let text = fs::read_to_string(path).map_err(|source| TemplateError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let settings: Self = toml::from_str(&text).map_err(|source| TemplateError::Settings {
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
        settings.check(path)?;
        Ok(settings)
    }

    fn check(&self, path: &Path) -> Result<(), TemplateError> {
        let path = || path.to_path_buf();
        let mut keys = std::collections::BTreeSet::from([NEWS]);
        if self.news.tier.matches("%@").count() != 1 {
            return Err(TemplateError::ChangeMessage {
                path: path(),
                key: NEWS.to_owned(),
                got: self.news.tier.clone(),
            });
        }
        let mut announced: Option<&str> = None;
        for field in self.fields.all() {
            let key = || field.key.clone();
            if !keys.insert(field.key.as_str()) {
                return Err(TemplateError::DuplicateKey {
                    path: path(),
                    key: key(),
                });
            }
            let Some(change) = &field.change else { continue };
            if change.matches("%@").count() != 1 {
                return Err(TemplateError::ChangeMessage {
                    path: path(),
                    key: key(),
                    got: change.clone(),
                });
            }
            if let Some(first) = announced.replace(&field.key) {
                return Err(TemplateError::TwoChangeMessages {
                    path: path(),
                    first: first.to_owned(),
                    second: key(),
                });
            }
        }
        let aligned = self
            .fields
            .primary
            .iter()
            .chain(&self.fields.back)
            .find(|field| field.align.is_some());
        match aligned {
            Some(field) => Err(TemplateError::Alignment {
                path: path(),
                key: field.key.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The field whose change is told, and the text around its value.
    pub(crate) fn announced(&self) -> Option<(&FieldTemplate, &str)> {
        self.fields
            .all()
            .find_map(|field| Some((field, field.change.as_deref()?)))
    }

    /// The texts that are the same on every card, and so can be translated.
    pub(crate) fn constants(&self) -> impl Iterator<Item = &str> {
        let labels = self.fields.all().filter_map(|field| field.label.as_ref());
        let values = self.fields.all().map(|field| &field.value);
        let changes = self.fields.all().filter_map(|field| field.change.as_deref());
        let news = [&self.news.label, &self.news.none, &self.news.tier].map(String::as_str);
        labels
            .chain(values)
            .filter_map(Text::constant)
            .chain(changes)
            .chain(news)
    }
}

/// The entries of a folder by name, without hidden ones.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, TemplateError> {
    let failed = |source| TemplateError::Read {
        path: folder.to_path_buf(),
        source,
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with('.') => {}
            Some(name) => entries.push((name.to_owned(), path)),
            None => return Err(TemplateError::UnknownFile { path }),
        }
    }
    entries.sort();
    Ok(entries)
}

fn load_language(folder: &Path) -> Result<strings::Strings, TemplateError> {
    let mut found = strings::Strings::new();
    for (name, path) in entries(folder)? {
        if name != "pass.strings" {
            return Err(TemplateError::UnknownFile { path });
        }
        let bytes = fs::read(&path).map_err(|source| TemplateError::Read {
            path: path.clone(),
            source,
        })?;
        found = strings::parse(&bytes).map_err(|source| TemplateError::Strings { path, source })?;
    }
    Ok(found)
}

fn check_icon(folder: &Path, files: &BTreeMap<String, Bytes>) -> Result<(), TemplateError> {
    let has = |suffix: &str| files.contains_key(&format!("icon{suffix}.png"));
    let missing: Vec<&str> = images::SCALES
        .map(|(suffix, _)| suffix)
        .into_iter()
        .filter(|suffix| !has(suffix))
        .collect();
    if missing.len() == images::SCALES.len() {
        return Err(TemplateError::NoIcon {
            folder: folder.to_path_buf(),
        });
    }
    for suffix in missing {
        tracing::warn!(folder = %folder.display(), missing = format!("icon{suffix}.png"), "an icon size is missing; Wallet will scale another");
    }
    Ok(())
}

fn warn_about_missing(settings: &Settings, language: &str, strings: &strings::Strings) {
    for text in settings.constants().filter(|text| !strings.contains_key(*text)) {
        tracing::warn!(language, text, "a text of the template is not translated");
    }
}

fn warn_about_weight(folder: &Path, settings: &Settings, files: &BTreeMap<String, Bytes>) {
    let weight: usize = files.values().map(Bytes::len).sum();
    if weight > settings.weight_budget_kb * 1000 {
        tracing::warn!(
            folder = %folder.display(),
            budget_kb = settings.weight_budget_kb,
            found_kb = weight / 1000,
            "a template is heavier than its budget; updates of many cards will take longer"
        );
    }
}
