//! The strip of a punch card: its stamps drawn as a picture.
//!
//! Up to [`MOST_STAMPS`] punches are drawn one by one, the last being the reward; greater goals are drawn as a
//! bar in hundredths, so that the number of different pictures stays small. A picture depends on the design and
//! the counts alone, never on a card. No words are drawn: fields carry them, translated and readable aloud.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use serde::Deserialize;

use crate::apple::images::{self, ImageError, STRIP};
use crate::apple::template::Colour;
use crate::domain::face::CardFace;
use crate::domain::program::ProgramKind;

/// Goals up to this are drawn as single stamps.
const MOST_STAMPS: u16 = 20;
const BAR_STEPS: i64 = 100;

const WIDTH: f64 = 375.0;
const HEIGHT: f64 = 144.0;
/// Kept free at each side; phones round the strip's corners off.
const MARGIN_X: f64 = 14.0;
const MARGIN_Y: f64 = 11.0;

/// How a design draws its strip: `[stamps]` in `template.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stamps {
    pub(crate) shape: Shape,
    /// Behind everything.
    paper: Colour,
    /// Large, quiet forms on the paper.
    shade: Colour,
    /// A given punch.
    full: Colour,
    /// The sign on a given punch.
    mark: Colour,
    /// A punch still to come.
    empty: Colour,
    /// The last stamp.
    reward: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    Cup,
    Star,
    Heart,
    Check,
}

/// Which picture a card's strip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Strip {
    Stamps { goal: u16, full: u16, ready: bool },
    Bar { hundredths: u16, ready: bool },
}

impl Strip {
    pub(crate) fn of(face: &CardFace) -> Self {
        let ready = face.rewards > 0;
        if face.kind == ProgramKind::Points {
            return Self::Bar {
                hundredths: hundredths_to_next(face),
                ready,
            };
        }
        let goal = face.goal.max(1);
        let full = face.punches.clamp(0, goal);
        match (u16::try_from(goal), u16::try_from(full)) {
            (Ok(goal @ ..=MOST_STAMPS), Ok(full)) => Self::Stamps { goal, full, ready },
            _ => {
                let hundredths = u16::try_from(full.saturating_mul(BAR_STEPS) / goal).unwrap_or(0);
                Self::Bar { hundredths, ready }
            }
        }
    }

    /// `strip.png` at every scale.
    pub(crate) fn draw(self, stamps: &Stamps) -> Result<Vec<(String, Bytes)>, ImageError> {
        images::draw(Path::new("strip.svg"), &self.svg(stamps), STRIP)
    }

    fn svg(self, stamps: &Stamps) -> String {
        let mut picture = Picture {
            out: String::new(),
            stamps,
        };
        picture.paper();
        match self {
            Self::Stamps { goal, full, ready } => picture.stamps(goal, full, ready),
            Self::Bar { hundredths, ready } => picture.bar(hundredths, ready),
        }
        picture.out.push_str("</svg>");
        picture.out
    }
}

/// How far a balance has come to the next reward; all the way where none is left.
fn hundredths_to_next(face: &CardFace) -> u16 {
    let Some(next) = &face.prices.next else {
        return if face.rewards > 0 { 100 } else { 0 };
    };
    let come = face.points.clamp(0, next.points);
    u16::try_from(come.saturating_mul(BAR_STEPS) / next.points.max(1)).unwrap_or(0)
}

struct Picture<'a> {
    out: String,
    stamps: &'a Stamps,
}

/// Writing to a string cannot fail.
macro_rules! put {
    ($picture:expr, $($argument:tt)*) => {
        let _ = write!($picture.out, $($argument)*);
    };
}

impl Picture<'_> {
    fn paper(&mut self) {
        let Stamps { paper, shade, .. } = self.stamps;
        put!(
            self,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">"#
        );
        put!(
            self,
            r#"<rect width="{WIDTH}" height="{HEIGHT}" fill="{paper}"/>"#
        );
        // Rings such as a wet cup leaves behind.
        put!(self, r#"<g fill="none" stroke="{shade}">"#);
        for (x, y, radius, width) in [
            (26.0, 132.0, 64.0, 9.0),
            (352.0, 8.0, 74.0, 11.0),
            (352.0, 8.0, 58.0, 2.0),
            (206.0, 176.0, 70.0, 3.0),
        ] {
            put!(
                self,
                r#"<circle cx="{x}" cy="{y}" r="{radius}" stroke-width="{width}"/>"#
            );
        }
        put!(self, "</g>");
    }

    fn stamps(&mut self, goal: u16, full: u16, ready: bool) {
        let grid = Grid::best(goal);
        for index in 0..goal {
            let (x, y) = grid.centre(index, goal);
            let last = index + 1 == goal;
            let given = index < full;
            match (last, given) {
                (true, _) => self.reward(x, y, grid.radius, given || ready),
                (false, true) => self.full(x, y, grid.radius, index),
                (false, false) => self.empty(x, y, grid.radius),
            }
        }
    }

    fn full(&mut self, x: f64, y: f64, radius: f64, index: u16) {
        let Stamps {
            shape, full, mark, ..
        } = self.stamps;
        // Nobody stamps straight: each stamp leans by its own, always equal angle.
        let angle = f64::from((index * 47 + 13) % 25) - 12.0;
        put!(
            self,
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius:.2}" fill="{full}"/>"#
        );
        let inner = radius * 0.88;
        put!(
            self,
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="{inner:.2}" fill="none" stroke="{mark}" stroke-opacity="0.35" stroke-width="{:.2}"/>"#,
            radius * 0.035
        );
        self.sign(shape.sign(), x, y, radius * 0.06, angle, *mark, 1.0);
    }

    fn empty(&mut self, x: f64, y: f64, radius: f64) {
        let Stamps { shape, empty, .. } = self.stamps;
        self.hole(x, y, radius);
        let width = (radius * 0.05).max(1.0);
        let edge = radius - width / 2.0;
        put!(
            self,
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="{edge:.2}" fill="{empty}" fill-opacity="0.10" stroke="{empty}" stroke-opacity="0.75" stroke-width="{width:.2}"/>"#
        );
        self.sign(shape.sign(), x, y, radius * 0.056, 0.0, *empty, 0.45);
    }

    fn reward(&mut self, x: f64, y: f64, radius: f64, lit: bool) {
        let Stamps { reward, mark, .. } = self.stamps;
        self.hole(x, y, radius);
        if lit {
            put!(
                self,
                r#"<circle cx="{x:.2}" cy="{y:.2}" r="{:.2}" fill="{reward}" fill-opacity="0.22"/>"#,
                radius * 1.16
            );
            put!(
                self,
                r#"<path d="{}" fill="{reward}"/>"#,
                seal(x, y, radius * 1.05)
            );
            self.sign(GIFT, x, y, radius * 0.056, 0.0, *mark, 1.0);
        } else {
            let width = (radius * 0.07).max(1.3);
            let edge = radius - width / 2.0;
            let dash = edge * std::f64::consts::TAU / 40.0;
            put!(
                self,
                r#"<circle cx="{x:.2}" cy="{y:.2}" r="{edge:.2}" fill="{reward}" fill-opacity="0.12" stroke="{reward}" stroke-width="{width:.2}" stroke-dasharray="{:.3} {:.3}" stroke-linecap="round"/>"#,
                dash * 0.9,
                dash * 1.1
            );
            self.sign(GIFT, x, y, radius * 0.056, 0.0, *reward, 0.95);
        }
    }

    /// Clears the paper under something transparent.
    fn hole(&mut self, x: f64, y: f64, radius: f64) {
        let Stamps { paper, .. } = self.stamps;
        put!(
            self,
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius:.2}" fill="{paper}"/>"#
        );
    }

    fn bar(&mut self, hundredths: u16, ready: bool) {
        let Stamps {
            shape,
            full,
            mark,
            empty,
            ..
        } = self.stamps;
        let radius = 30.0;
        let (left, right, middle, thickness) = (26.0, WIDTH - 26.0 - radius, HEIGHT / 2.0, 30.0);
        let length = right - radius - 8.0 - left;
        put!(
            self,
            r#"<rect x="{left}" y="{}" width="{length:.2}" height="{thickness}" rx="15" fill="{empty}" fill-opacity="0.14" stroke="{empty}" stroke-opacity="0.75" stroke-width="1.5"/>"#,
            middle - thickness / 2.0
        );
        let filled = length * f64::from(hundredths) / 100.0;
        if hundredths > 0 {
            let shown = filled.max(thickness);
            put!(
                self,
                r#"<rect x="{left}" y="{}" width="{shown:.2}" height="{thickness}" rx="15" fill="{full}"/>"#,
                middle - thickness / 2.0
            );
            self.sign(
                shape.sign(),
                left + shown - thickness / 2.0,
                middle,
                0.82,
                0.0,
                *mark,
                1.0,
            );
        }
        for quarter in 1..4_u16 {
            let along = length * f64::from(quarter) / 4.0;
            if (filled - thickness..filled + 4.0).contains(&along) {
                continue;
            }
            let (x, colour) = (left + along, if along < filled { mark } else { empty });
            put!(
                self,
                r#"<circle cx="{x:.2}" cy="{middle}" r="2.2" fill="{colour}" fill-opacity="0.8"/>"#
            );
        }
        self.reward(right, middle, radius, ready || hundredths == 100);
    }

    /// Draws a sign made for a square of 24, centred.
    #[expect(clippy::too_many_arguments, reason = "a place, a size, an angle and a colour")]
    fn sign(&mut self, sign: &str, x: f64, y: f64, scale: f64, angle: f64, colour: Colour, opacity: f64) {
        put!(
            self,
            r#"<g transform="translate({x:.2} {y:.2}) rotate({angle}) scale({scale:.4}) translate(-12 -12)" opacity="{opacity}" fill="{colour}" stroke="{colour}" stroke-width="0" stroke-linecap="round" stroke-linejoin="round">{sign}</g>"#
        );
    }
}

impl Shape {
    fn sign(self) -> &'static str {
        match self {
            Self::Cup => CUP,
            Self::Star => STAR,
            Self::Heart => HEART,
            Self::Check => CHECK,
        }
    }
}

const CUP: &str = r#"<path d="M4.6 9.6h11.8v5.2a5 5 0 0 1-5 5H9.6a5 5 0 0 1-5-5z"/><path d="M16.4 11h1a2.6 2.6 0 0 1 0 5.2h-1.2" fill="none" stroke-width="1.6"/><path d="M8.3 7.6c-1-1.1 1-1.9 0-3.3M12.7 7.6c-1-1.1 1-1.9 0-3.3" fill="none" stroke-width="1.4"/>"#;
const STAR: &str = r#"<path d="M12 2.8l2.8 5.8 6.4.9-4.6 4.5 1.1 6.3-5.7-3-5.7 3 1.1-6.3L2.8 9.5l6.4-.9z"/>"#;
const HEART: &str = r#"<path d="M12 20.4C5.6 15.6 3.2 12.6 3.2 9.2A4.7 4.7 0 0 1 12 6.9a4.7 4.7 0 0 1 8.8 2.3c0 3.4-2.4 6.4-8.8 11.2z"/>"#;
const CHECK: &str = r#"<path d="M5.4 12.6l4.4 4.4 9-9.6" fill="none" stroke-width="3"/>"#;
const GIFT: &str = r#"<path d="M3.6 8.4h7.7v3.4H3.6zM12.7 8.4h7.7v3.4h-7.7zM4.8 13h6.5v7.4H5.6a.8.8 0 0 1-.8-.8zM12.7 13h6.5v6.6a.8.8 0 0 1-.8.8h-5.7z"/><path d="M12 7.6C8.6 7.6 7 6.5 7 5.1c0-2.4 3.9-2.2 5 2.5 1.1-4.7 5-4.9 5-2.5 0 1.4-1.6 2.5-5 2.5z" fill="none" stroke-width="1.4"/>"#;

/// A round seal with sixteen soft points.
fn seal(x: f64, y: f64, radius: f64) -> String {
    let points = 32;
    let mut path = String::new();
    for index in 0..points {
        let reach = if index % 2 == 0 { radius } else { radius * 0.91 };
        let (sine, cosine) = (f64::from(index) * std::f64::consts::TAU / f64::from(points)).sin_cos();
        let letter = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{:.2} {:.2}", x + reach * sine, y - reach * cosine);
    }
    path.push('z');
    path
}

/// Rows and columns that leave the stamps as large as possible.
struct Grid {
    columns: u16,
    rows: u16,
    cell: f64,
    radius: f64,
}

impl Grid {
    fn best(count: u16) -> Self {
        let mut best = Self::with_rows(count, 1);
        for rows in 2..=3 {
            let other = Self::with_rows(count, rows);
            if other.cell > best.cell {
                best = other;
            }
        }
        best
    }

    fn with_rows(count: u16, rows: u16) -> Self {
        let columns = count.div_ceil(rows).max(1);
        let wide = (WIDTH - 2.0 * MARGIN_X) / f64::from(columns);
        let high = (HEIGHT - 2.0 * MARGIN_Y) / f64::from(rows);
        let cell = wide.min(high).min(92.0);
        Self {
            columns,
            rows,
            cell,
            radius: cell * 0.43,
        }
    }

    /// Where stamp `index` of `count` stands; rows are filled as evenly as they can be and centred.
    fn centre(&self, index: u16, count: u16) -> (f64, f64) {
        let short = self.columns * self.rows - count;
        let mut row = 0;
        let mut before = 0;
        let mut length = self.columns;
        for candidate in 0..self.rows {
            // The last rows are the shorter ones.
            length = self.columns - u16::from(candidate + short >= self.rows);
            row = candidate;
            if index < before + length {
                break;
            }
            before += length;
        }
        let pitch_x = ((WIDTH - 2.0 * MARGIN_X) / f64::from(self.columns)).min(self.cell * 1.12);
        let pitch_y = ((HEIGHT - 2.0 * MARGIN_Y) / f64::from(self.rows)).min(self.cell * 1.06);
        let column = f64::from(index - before) - f64::from(length - 1) / 2.0;
        let line = f64::from(row) - f64::from(self.rows - 1) / 2.0;
        (WIDTH / 2.0 + column * pitch_x, HEIGHT / 2.0 + line * pitch_y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamps() -> Stamps {
        let text = r##"shape = "star"
            paper = "#101010"
            shade = "#202020"
            full = "#ffffff"
            mark = "#101010"
            empty = "#808080"
            reward = "#ffd000""##;
        toml::from_str(text).expect("settings")
    }

    #[test]
    fn stamps_lie_on_the_paper_and_not_on_each_other() {
        for count in 1..=MOST_STAMPS {
            let grid = Grid::best(count);
            let centres: Vec<(f64, f64)> = (0..count).map(|index| grid.centre(index, count)).collect();
            for (index, (x, y)) in centres.iter().enumerate() {
                let reach = grid.radius * 1.16;
                assert!(*x >= reach && *x <= WIDTH - reach, "{count}: {x}");
                assert!(*y >= reach && *y <= HEIGHT - reach, "{count}: {y}");
                for (other_x, other_y) in &centres[..index] {
                    assert!(
                        (x - other_x).hypot(y - other_y) > 2.0 * grid.radius,
                        "{count} stamps overlap"
                    );
                }
            }
        }
    }

    #[test]
    fn every_scale_has_its_size() {
        let strip = Strip::Stamps {
            goal: 8,
            full: 2,
            ready: false,
        };
        let files = strip.draw(&stamps()).expect("drawn");
        let sizes: Vec<(String, u32, u32)> = files
            .iter()
            .map(|(name, png)| {
                let picture = resvg::tiny_skia::Pixmap::decode_png(png).expect("PNG");
                (name.clone(), picture.width(), picture.height())
            })
            .collect();
        let expected = [
            ("strip.png", 375, 144),
            ("strip@2x.png", 750, 288),
            ("strip@3x.png", 1125, 432),
        ];
        assert_eq!(
            sizes,
            expected.map(|(name, width, height)| (name.to_owned(), width, height))
        );
    }

    proptest! {
        #[test]
        fn every_picture_is_svg(goal in 1_u16..=MOST_STAMPS, full in 0_u16..=MOST_STAMPS, hundredths in 0_u16..=100, ready: bool) {
            for strip in [Strip::Stamps { goal, full: full.min(goal), ready }, Strip::Bar { hundredths, ready }] {
                let svg = strip.svg(&stamps());
                let tree = resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default());
                prop_assert!(tree.is_ok(), "{svg}");
            }
        }
    }
}
