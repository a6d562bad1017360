//! The form of a profile's file, and every check that needs no device.

use super::{CardCommands, Escape, Line, Pcsc, Profile, Serial, Status, Transport};
use crate::bridge::feedback::Signals;
use crate::bridge::framing::Framing;
use regex_lite::Regex;
use serde::Deserialize;

/// The only version of the format so far.
const SCHEMA: u32 = 1;

/// Reads one file; the error is a sentence for the person who wrote it.
pub(super) fn parse(text: &str) -> Result<Profile, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    if file.schema != SCHEMA {
        return Err(format!(
            "schema must be {SCHEMA}, the version this program reads; got {}",
            file.schema
        ));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if file.id.is_empty() || !file.id.chars().all(plain) {
        return Err(format!("id has letters a-z, digits and '-'; got {:?}", file.id));
    }
    if file.sources.is_empty() {
        return Err("sources must name at least one document or observation".into());
    }
    for usb in &file.r#match.usb {
        check_usb(usb)?;
    }
    let transport = match (file.kind, file.pcsc, file.serial, file.framing) {
        (Kind::Pcsc, Some(pcsc), None, None) => Transport::Pcsc(check_pcsc(&pcsc, &file.r#match)?),
        (Kind::Pcsc, ..) => return Err("a pcsc profile has [pcsc] and neither [serial] nor [framing]".into()),
        (Kind::Serial, None, Some(line), Some(framing)) => {
            Transport::Serial(check_serial(line, framing, &file.r#match)?)
        }
        (Kind::Serial, ..) => return Err("a serial profile has [serial] and [framing] and no [pcsc]".into()),
    };
    Ok(Profile {
        id: file.id,
        vendor: file.vendor,
        model: file.model,
        status: file.status,
        sources: file.sources,
        usb: file.r#match.usb,
        signals: file.feedback,
        transport,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    id: String,
    vendor: String,
    model: String,
    kind: Kind,
    status: Status,
    sources: Vec<String>,
    r#match: Match,
    pcsc: Option<PcscTable>,
    serial: Option<Line>,
    framing: Option<Framing>,
    feedback: Signals,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Pcsc,
    Serial,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    usb: Vec<String>,
    pcsc_name: Option<String>,
    exclude_pcsc_name: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PcscTable {
    share: Share,
    escape: Escape,
    uid: String,
    read_pages: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Share {
    Shared,
    Exclusive,
}

fn check_usb(usb: &str) -> Result<(), String> {
    let id = |part: &str| {
        part.len() == 4
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    match usb.split_once(':') {
        Some((vendor, product)) if id(vendor) && id(product) => Ok(()),
        _ => Err(format!(
            "match.usb holds vendor:product as four lower-case hexadecimal digits each; got {usb:?}"
        )),
    }
}

fn check_pcsc(table: &PcscTable, names: &Match) -> Result<Pcsc, String> {
    let (Some(name), Some(exclude), None) = (&names.pcsc_name, &names.exclude_pcsc_name, &names.path) else {
        return Err("[match] of a pcsc profile has pcsc_name and exclude_pcsc_name and no path".into());
    };
    let bytes = |key: &str, text: &str| {
        hex::decode(text)
            .map_err(|_| format!("pcsc.{key} is an even number of hexadecimal digits; got {text:?}"))
    };
    let Some((head, tail)) = table.read_pages.split_once("{page}") else {
        return Err(format!(
            "pcsc.read_pages holds {{page}} where the page number goes; got {:?}",
            table.read_pages
        ));
    };
    Ok(Pcsc {
        name: pattern("match.pcsc_name", name)?,
        exclude: match exclude.as_str() {
            "" => None,
            text => Some(pattern("match.exclude_pcsc_name", text)?),
        },
        exclusive: table.share == Share::Exclusive,
        escape: table.escape,
        commands: CardCommands {
            uid: bytes("uid", &table.uid)?,
            read_pages_head: bytes("read_pages", head)?,
            read_pages_tail: bytes("read_pages", tail)?,
        },
    })
}

fn check_serial(line: Line, framing: Framing, names: &Match) -> Result<Serial, String> {
    let (None, None, Some(path)) = (&names.pcsc_name, &names.exclude_pcsc_name, &names.path) else {
        return Err(
            "[match] of a serial profile has path and neither pcsc_name nor exclude_pcsc_name".into(),
        );
    };
    if line.baud == 0 {
        return Err("serial.baud must be at least 1; got 0".into());
    }
    if !matches!(line.data_bits, 7 | 8) {
        return Err(format!("serial.data_bits is 7 or 8; got {}", line.data_bits));
    }
    if !matches!(line.stop_bits, 1 | 2) {
        return Err(format!("serial.stop_bits is 1 or 2; got {}", line.stop_bits));
    }
    framing.check()?;
    Ok(Serial {
        path: path.clone(),
        line,
        framing,
    })
}

fn pattern(key: &str, text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| format!("{key} is not a regular expression: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: &str = include_str!("../../../firmware-profiles/acs-acr1252u.toml");
    const SCANNER: &str = include_str!("../../../firmware-profiles/generic-line-scanner.toml");

    #[test]
    fn each_mistake_is_named() {
        for (good, from, to, said) in [
            (READER, "schema = 1", "schema = 2", "schema must be 1"),
            (READER, "id = \"acs-", "id = \"ACS-", "id has letters"),
            (READER, "072f:223b", "072F:223B", "lower-case hexadecimal"),
            (READER, "{page}", "", "{page}"),
            (READER, "FFCA000000", "FFCA00000", "pcsc.uid"),
            (
                READER,
                "\"^ACS ACR1252\"",
                "\"(\"",
                "match.pcsc_name is not a regular expression",
            ),
            (READER, "[pcsc]", "[pcsc]\nbeep = true", "unknown field `beep`"),
            (
                READER,
                "[feedback.retry]",
                "[feedback.again]",
                "unknown field `again`",
            ),
            (SCANNER, "baud = 9600", "baud = 0", "serial.baud"),
            (SCANNER, "data_bits = 8", "data_bits = 9", "serial.data_bits"),
            (SCANNER, "stop_bits = 1", "stop_bits = 3", "serial.stop_bits"),
            (SCANNER, "[\"\\r\", \"\\n\"]", "[]", "framing.terminators"),
            (
                SCANNER,
                "kind = \"serial\"",
                "kind = \"pcsc\"",
                "a pcsc profile has",
            ),
        ] {
            assert!(parse(good).is_ok());
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from} is not in the sample");
            let problem = parse(&bad).expect_err(from);
            assert!(problem.contains(said), "{from}: {problem}");
        }
    }
}
