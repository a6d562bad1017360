//! Images of passes: which files a template may hold, whether they are what they claim to be, and drawing SVG.
//!
//! Sizes are in points; a file `name@2x.png` has two pixels per point. A file that is not a whole PNG is refused,
//! because Wallet would show nothing without saying why; a PNG of an unusual size is only warned about, since
//! Wallet scales it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use crate::apple::palette;

/// Suffixes of the files that hold one, two and three pixels per point.
pub(crate) const SCALES: [(&str, u16); 3] = [("", 1), ("@2x", 2), ("@3x", 3)];

const LARGEST_FILE: usize = 10 << 20;
const LARGEST_SIDE: u32 = 4096;
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Why an image cannot go into a pass.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: expected a PNG image, got an empty file; export the image again")]
    Empty { path: PathBuf },
    #[error("{path}: expected a PNG image, got {got}; export it as PNG")]
    NotPng { path: PathBuf, got: &'static str },
    #[error("{path}: expected at most {LARGEST_SIDE} pixels a side, got {width}x{height}; make it smaller")]
    TooWide { path: PathBuf, width: u32, height: u32 },
    #[error("{path}: expected at most {LARGEST_FILE} bytes, got {got}; make it smaller")]
    TooHeavy { path: PathBuf, got: usize },
    #[error("{path}: expected a whole PNG image, got a damaged one ({problem}); export the image again")]
    Damaged { path: PathBuf, problem: String },
    #[error("{path}: expected an SVG image without text, got something else ({problem})")]
    Svg { path: PathBuf, problem: String },
    #[error("drawing a picture of {width}x{height} pixels failed")]
    Draw { width: u32, height: u32 },
}

/// A place for an image on a store card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) name: &'static str,
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// False: narrower images are as good.
    exact: bool,
}

pub(crate) const ICON: Slot = Slot {
    name: "icon",
    width: 38,
    height: 38,
    exact: true,
};
pub(crate) const LOGO: Slot = Slot {
    name: "logo",
    width: 160,
    height: 50,
    exact: false,
};
pub(crate) const STRIP: Slot = Slot {
    name: "strip",
    width: 375,
    height: 144,
    exact: true,
};
const SLOTS: [Slot; 3] = [ICON, LOGO, STRIP];

/// What an image file's name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Png { slot: Slot, scale: u16 },
    Svg { slot: Slot },
}

impl Kind {
    /// `icon.png`, `icon@2x.png`, `icon@3x.png`, `icon.svg`, and so for `logo` and `strip`.
    pub(crate) fn of(file_name: &str) -> Option<Self> {
        SLOTS.into_iter().find_map(|slot| {
            let rest = file_name.strip_prefix(slot.name)?;
            if rest == ".svg" {
                return Some(Self::Svg { slot });
            }
            let suffix = rest.strip_suffix(".png")?;
            let (_, scale) = SCALES.into_iter().find(|(known, _)| *known == suffix)?;
            Some(Self::Png { slot, scale })
        })
    }

    pub(crate) fn slot(self) -> Slot {
        match self {
            Self::Png { slot, .. } | Self::Svg { slot } => slot,
        }
    }
}

/// Reads one image file into the files it becomes in a pass: itself, or an SVG at three scales.
pub(crate) fn load(path: &Path, name: &str, kind: Kind) -> Result<Vec<(String, Bytes)>, ImageError> {
    let bytes = std::fs::read(path).map_err(|source| ImageError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    match kind {
        Kind::Png { slot, scale } => {
            let size = check_png(path, &bytes)?;
            warn_about_size(path, slot, scale, size);
            Ok(vec![(name.to_owned(), bytes.into())])
        }
        Kind::Svg { slot } => {
            let text = std::str::from_utf8(&bytes).map_err(|error| ImageError::Svg {
                path: path.to_path_buf(),
                problem: error.to_string(),
            })?;
            draw(path, text, slot)
        }
    }
}

/// Draws an SVG at every scale, as large as fits into `slot`.
pub(crate) fn draw(path: &Path, svg: &str, slot: Slot) -> Result<Vec<(String, Bytes)>, ImageError> {
    let tree = parse(path, svg)?;
    SCALES
        .into_iter()
        .map(|(suffix, scale)| {
            let png = fit(&tree, slot.width * scale, slot.height * scale)?;
            Ok((format!("{}{suffix}.png", slot.name), png))
        })
        .collect()
}

/// Draws the SVG file at `path` as large as fits into a square of `side` pixels.
pub(crate) fn draw_square(path: &Path, side: u16) -> Result<Bytes, ImageError> {
    let svg = std::fs::read_to_string(path).map_err(|source| ImageError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    fit(&parse(path, &svg)?, side, side)
}

fn parse(path: &Path, svg: &str) -> Result<usvg::Tree, ImageError> {
    usvg::Tree::from_str(svg, &usvg::Options::default()).map_err(|error| ImageError::Svg {
        path: path.to_path_buf(),
        problem: error.to_string(),
    })
}

/// The drawing as PNG, scaled to fit into so many pixels.
fn fit(tree: &usvg::Tree, most_width: u16, most_height: u16) -> Result<Bytes, ImageError> {
    let size = tree.size();
    let factor = (f32::from(most_width) / size.width()).min(f32::from(most_height) / size.height());
    let width = whole(size.width() * factor, most_width);
    let height = whole(size.height() * factor, most_height);
    let failed = || ImageError::Draw { width, height };
    let mut pixmap = Pixmap::new(width, height).ok_or_else(failed)?;
    resvg::render(tree, Transform::from_scale(factor, factor), &mut pixmap.as_mut());
    palette::encode(pixmap).map(Bytes::from).map_err(|_| failed())
}

/// A length in pixels: `value` rounded, from 1 to `limit`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value lies between 1 and 65535"
)]
fn whole(value: f32, limit: u16) -> u32 {
    value.round().clamp(1.0, f32::from(limit)) as u32
}

/// Decodes a PNG to the last byte; returns its width and height.
fn check_png(path: &Path, bytes: &[u8]) -> Result<(u32, u32), ImageError> {
    let path = || path.to_path_buf();
    if bytes.is_empty() {
        return Err(ImageError::Empty { path: path() });
    }
    if bytes.len() > LARGEST_FILE {
        return Err(ImageError::TooHeavy {
            path: path(),
            got: bytes.len(),
        });
    }
    if !bytes.starts_with(PNG_SIGNATURE) {
        return Err(ImageError::NotPng {
            path: path(),
            got: recognise(bytes),
        });
    }
    // The header is read first: decoding allocates what it promises.
    let side = |range| -> Option<u32> {
        Some(u32::from_be_bytes(
            bytes.get::<std::ops::Range<usize>>(range)?.try_into().ok()?,
        ))
    };
    let (Some(width), Some(height)) = (side(16..20), side(20..24)) else {
        return Err(ImageError::Damaged {
            path: path(),
            problem: "it ends within its header".into(),
        });
    };
    if width > LARGEST_SIDE || height > LARGEST_SIDE {
        return Err(ImageError::TooWide {
            path: path(),
            width,
            height,
        });
    }
    Pixmap::decode_png(bytes).map_err(|error| ImageError::Damaged {
        path: path(),
        problem: error.to_string(),
    })?;
    Ok((width, height))
}

fn recognise(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "a JPEG image",
        [b'G', b'I', b'F', b'8', ..] => "a GIF image",
        [b'R', b'I', b'F', b'F', ..] => "a WebP image",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'<', ..] => "an SVG or HTML text",
        _ => "other bytes",
    }
}

fn warn_about_size(path: &Path, slot: Slot, scale: u16, (width, height): (u32, u32)) {
    let (expected_width, expected_height) = (u32::from(slot.width * scale), u32::from(slot.height * scale));
    let fits = if slot.exact {
        (width, height) == (expected_width, expected_height)
    } else {
        width <= expected_width && height <= expected_height
    };
    if !fits {
        tracing::warn!(
            path = %path.display(),
            expected = format!("{expected_width}x{expected_height}"),
            found = format!("{width}x{height}"),
            "an image has an unusual size; Wallet will scale it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        Pixmap::new(38, 38).expect("size").encode_png().expect("encode")
    }

    fn check(bytes: &[u8]) -> Result<(u32, u32), ImageError> {
        check_png(Path::new("icon.png"), bytes)
    }

    #[test]
    fn file_names_say_slot_and_scale() {
        assert_eq!(Kind::of("icon@2x.png"), Some(Kind::Png { slot: ICON, scale: 2 }));
        assert_eq!(Kind::of("logo.svg"), Some(Kind::Svg { slot: LOGO }));
        assert_eq!(Kind::of("icon@4x.png"), None);
        assert_eq!(Kind::of("iconic.png"), None);
    }

    #[test]
    fn a_bad_image_is_named_with_what_came() {
        assert_eq!(check(&sample()).expect("whole"), (38, 38));
        let message = |bytes: &[u8]| check(bytes).expect_err("bad image").to_string();
        assert!(message(&[]).contains("got an empty file"));
        assert!(message(b"\xff\xd8\xff\xe0").contains("got a JPEG image"));
        assert!(message(b"hello").contains("got other bytes"));
        assert!(message(&sample()[..20]).contains("ends within its header"));
        assert!(message(&sample()[..60]).contains("damaged"));
        let mut wide = sample();
        wide[16..20].copy_from_slice(&1_000_000_u32.to_be_bytes());
        assert!(message(&wide).contains("got 1000000x38"));
    }

    proptest! {
        #[test]
        fn every_truncation_is_refused(keep in 0.0..1.0_f64) {
            let whole = sample();
            // The last 12 bytes are the end chunk, which carries nothing; a decoder may do without it.
            let kept = (0..whole.len() - 12).rev().find(|at| *at as f64 <= keep * whole.len() as f64);
            prop_assert!(check(&whole[..kept.unwrap_or(0)]).is_err());
        }

        #[test]
        fn no_damage_makes_the_check_panic(at in 0_usize..80, value: u8) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = check(&bytes);
        }
    }
}
