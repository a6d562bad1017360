//! Firmware profiles: what is particular about a family of readers or scanners, one TOML file each.
//!
//! Those in `firmware-profiles/` are built into the program; a file in the configured folder with the same `id`
//! takes the place of a built-in one. Every profile of a kind has the same keys, unknown keys are refused, and
//! everything that can be checked without the device is checked when the file is read.

mod file;

use crate::bridge::feedback::Signals;
use crate::bridge::framing::{Framing, Millis};
use regex_lite::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(rust_embed::RustEmbed)]
#[folder = "firmware-profiles/"]
struct BuiltIn;

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("cannot read the firmware profile {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the firmware profile {file} is not valid: {problem}")]
    Invalid { file: String, problem: String },
    #[error("two files in one folder describe the firmware profile {id:?}; the second is {file}")]
    Twice { id: String, file: String },
    #[error("there is no firmware profile {wanted:?}; there are: {known}")]
    Unknown { wanted: String, known: String },
    #[error("the firmware profile {id:?} is for {found} devices; a {wanted} profile is needed here")]
    Kind {
        id: String,
        found: &'static str,
        wanted: &'static str,
    },
}

/// Who has tried a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Tried on the device.
    Bench,
    /// Written from the maker's document.
    Documented,
    /// Written from what such devices usually do.
    Assumed,
}

/// One family of devices.
#[derive(Debug, Clone)]
pub struct Profile {
    pub id: String,
    pub vendor: String,
    pub model: String,
    pub status: Status,
    pub sources: Vec<String>,
    /// `vendor:product`, four hexadecimal digits each, lower case.
    pub usb: Vec<String>,
    pub signals: Signals,
    pub transport: Transport,
}

/// How the device is reached.
#[derive(Debug, Clone)]
pub enum Transport {
    Pcsc(Pcsc),
    Serial(Serial),
}

/// A reader behind PC/SC.
#[derive(Debug, Clone)]
pub struct Pcsc {
    /// Found in the reader's name; matches every name when empty.
    pub name: Regex,
    /// Never use a reader whose name holds this.
    pub exclude: Option<Regex>,
    pub exclusive: bool,
    pub escape: Escape,
    pub commands: CardCommands,
}

/// How bytes for lights and sounds reach a PC/SC reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// SCardControl.
    Control,
    /// A command to the card that the reader keeps for itself; works only while a card is there.
    PseudoApdu,
    /// The reader has no such commands.
    None,
}

/// Commands of PC/SC part 3 that a reader answers in place of the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardCommands {
    pub uid: Vec<u8>,
    read_pages_head: Vec<u8>,
    read_pages_tail: Vec<u8>,
}

impl CardCommands {
    /// The command that reads memory from `page` on.
    pub fn read_pages(&self, page: u8) -> Vec<u8> {
        [&self.read_pages_head[..], &[page], &self.read_pages_tail].concat()
    }
}

/// The commands of PC/SC part 3 as written there: GET DATA for the UID, READ BINARY of 16 bytes.
impl Default for CardCommands {
    fn default() -> Self {
        Self {
            uid: vec![0xff, 0xca, 0, 0, 0],
            read_pages_head: vec![0xff, 0xb0, 0],
            read_pages_tail: vec![0x10],
        }
    }
}

/// A scanner on a serial port.
#[derive(Debug, Clone)]
pub struct Serial {
    /// Where such a port usually appears; for people, `*` stands for the serial number.
    pub path: String,
    pub line: Line,
    pub framing: Framing,
}

/// The settings of a serial line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub baud: u32,
    pub data_bits: u8,
    pub parity: Parity,
    pub stop_bits: u8,
    pub flow: Flow,
    /// Raise DTR after opening. Ports without modem lines are fine: failing to do so is no error.
    pub dtr: bool,
    /// Some scanners drop what is sent to them right after opening.
    #[serde(rename = "open_delay_ms")]
    pub open_delay: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    None,
    Odd,
    Even,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    None,
    RtsCts,
    XonXoff,
}

/// All profiles by id.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    by_id: BTreeMap<String, Profile>,
}

impl Profiles {
    /// The built-in profiles and those in `folder`, which win. A folder that does not exist adds nothing.
    pub fn load(folder: &Path) -> Result<Self, ProfileError> {
        let mut profiles = Self::built_in()?;
        let read = |source| ProfileError::Read {
            path: folder.to_path_buf(),
            source,
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(profiles),
            Err(error) => return Err(read(error)),
        };
        let mut own = Self::default();
        for entry in entries {
            let path = entry.map_err(read)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let text = std::fs::read_to_string(&path).map_err(|source| ProfileError::Read {
                    path: path.clone(),
                    source,
                })?;
                own.add(&path.display().to_string(), &text)?;
            }
        }
        profiles.by_id.append(&mut own.by_id);
        Ok(profiles)
    }

    /// Only the profiles that come with the program.
    pub fn built_in() -> Result<Self, ProfileError> {
        let mut profiles = Self::default();
        for name in BuiltIn::iter() {
            if let Some(file) = BuiltIn::get(&name) {
                profiles.add(&name, &String::from_utf8_lossy(&file.data))?;
            }
        }
        Ok(profiles)
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), ProfileError> {
        let profile = Profile::parse(text).map_err(|problem| ProfileError::Invalid {
            file: file.to_owned(),
            problem,
        })?;
        let id = profile.id.clone();
        match self.by_id.insert(id.clone(), profile) {
            Some(_) => Err(ProfileError::Twice {
                id,
                file: file.to_owned(),
            }),
            None => Ok(()),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_id.values()
    }

    pub fn profile(&self, id: &str) -> Result<&Profile, ProfileError> {
        self.by_id.get(id).ok_or_else(|| ProfileError::Unknown {
            wanted: id.to_owned(),
            known: self.by_id.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// A profile for a reader.
    pub fn pcsc(&self, id: &str) -> Result<(&Profile, &Pcsc), ProfileError> {
        let profile = self.profile(id)?;
        match &profile.transport {
            Transport::Pcsc(pcsc) => Ok((profile, pcsc)),
            Transport::Serial(_) => Err(profile.wrong_kind("serial", "pcsc")),
        }
    }

    /// A profile for a scanner.
    pub fn serial(&self, id: &str) -> Result<(&Profile, &Serial), ProfileError> {
        let profile = self.profile(id)?;
        match &profile.transport {
            Transport::Serial(serial) => Ok((profile, serial)),
            Transport::Pcsc(_) => Err(profile.wrong_kind("pcsc", "serial")),
        }
    }
}

impl Profile {
    /// Reads one file; the error is a sentence for the person who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        file::parse(text)
    }

    fn wrong_kind(&self, found: &'static str, wanted: &'static str) -> ProfileError {
        ProfileError::Kind {
            id: self.id.clone(),
            found,
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_that_come_with_the_program_are_valid() {
        let profiles = Profiles::built_in().expect("all built-in profiles are valid");
        let ids: Vec<_> = profiles.iter().map(|profile| profile.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "acs-acr1252u",
                "generic-ccid",
                "generic-line-scanner",
                "honeywell-cdc"
            ]
        );
        assert!(profiles.pcsc("acs-acr1252u").is_ok());
        assert!(profiles.serial("honeywell-cdc").is_ok());
    }

    #[test]
    fn no_two_profiles_claim_the_same_usb_device() {
        let profiles = Profiles::built_in().expect("valid");
        let mut claimed: Vec<_> = profiles.iter().flat_map(|profile| &profile.usb).collect();
        let all = claimed.len();
        claimed.sort();
        claimed.dedup();
        assert_eq!(claimed.len(), all);
    }

    #[test]
    fn a_profile_is_asked_for_by_id_and_kind() {
        let profiles = Profiles::built_in().expect("valid");
        let unknown = profiles.pcsc("acr122").expect_err("there is none").to_string();
        assert!(unknown.contains("acr122") && unknown.contains("acs-acr1252u"));
        let kind = profiles
            .serial("generic-ccid")
            .expect_err("not serial")
            .to_string();
        assert!(kind.contains("pcsc devices") && kind.contains("serial profile"));
    }

    #[test]
    fn a_file_in_the_folder_takes_the_place_of_a_built_in_profile() {
        let folder = tempfile::tempdir().expect("folder");
        let built_in = BuiltIn::get("generic-ccid.toml").expect("there");
        let text = String::from_utf8_lossy(&built_in.data).replace("vendor = \"any\"", "vendor = \"mine\"");
        std::fs::write(folder.path().join("mine.toml"), text).expect("written");
        let profiles = Profiles::load(folder.path()).expect("valid");
        assert_eq!(profiles.profile("generic-ccid").expect("there").vendor, "mine");
        assert_eq!(profiles.iter().count(), 4);
        assert!(Profiles::load(Path::new("/nonexistent/folder")).is_ok());
    }
}
