//! The front of a card as a wallet shows it, drawn from the card's face: logo text, strip of stamps, fields and
//! the barcode. A picture for staff, not the pass itself.

use maud::{Markup, html};
use rxing::common::BitMatrix;
use rxing::qrcode::QRCodeWriter;
use rxing::{BarcodeFormat, EncodeHints, Writer as _};

use crate::apple::Texts;
use crate::domain::face::CardFace;
use crate::domain::program::ProgramKind;
use crate::web::console::screen::Screen;

/// The strip has the shape of a storeCard's strip image, 375 by 144 points.
const STRIP: (i64, i64) = (375, 144);

/// The front of a pass, with the texts of its template where that is known.
pub fn front(screen: &Screen, face: &CardFace, texts: Option<&Texts>) -> Markup {
    html! { figure #pass .pass.(ended(face)) aria-label=(screen.words.profile.front_label) { (inside(screen, face, texts)) } }
}

/// The same without the id, for a page that shows several.
pub fn picture(screen: &Screen, face: &CardFace, texts: Option<&Texts>, label: &str) -> Markup {
    html! { figure.pass.(ended(face)) aria-label=(label) { (inside(screen, face, texts)) } }
}

fn ended(face: &CardFace) -> &'static str {
    if face.void { "ended" } else { "" }
}

fn inside(screen: &Screen, face: &CardFace, texts: Option<&Texts>) -> Markup {
    let balance = (None, face.balance());
    let plain = Texts {
        logo: None,
        header: Vec::new(),
        front: vec![balance, (None, face.status_line())],
        back: Vec::new(),
    };
    let texts = texts.unwrap_or(&plain);
    html! {
        div.pass-head {
            span.pass-logo { (texts.logo.as_deref().unwrap_or(&face.merchant_name)) }
            @for (label, value) in &texts.header { (field(label.as_deref(), value, true)) }
        }
        @if face.kind == ProgramKind::Punch { (strip(screen, face.punches, face.goal)) }
        div.pass-fields {
            @for (at, (label, value)) in texts.front.iter().enumerate() { (field(label.as_deref(), value, at % 2 == 1)) }
        }
        (barcode(screen, &face.code))
        @if face.void { span.pass-ended { (screen.words.common.void) } }
    }
}

fn field(label: Option<&str>, value: &str, right: bool) -> Markup {
    html! {
        span.pass-field.(if right { "right" } else { "" }) {
            @if let Some(label) = label { span.pass-label { (label) } }
            span.pass-value { (value) }
        }
    }
}

/// The back of a pass: everything that stands there, in its order.
pub fn back(texts: &[(Option<String>, String)], label: &str) -> Markup {
    html! {
        figure.pass.back aria-label=(label) {
            dl {
                @for (label, value) in texts {
                    div { dt.pass-label { (label.as_deref().unwrap_or("")) } dd { (value) } }
                }
            }
        }
    }
}

/// One place a punch: filled ones carry a tick, the last one the reward.
fn strip(screen: &Screen, punches: i64, goal: i64) -> Markup {
    let (width, height) = STRIP;
    let rows = match goal {
        ..=5 => 1,
        6..=12 => 2,
        13..=27 => 3,
        _ => 0,
    };
    html! {
        svg.pass-strip viewBox=(format!("0 0 {width} {height}")) role="img"
            aria-label=((screen.words.common.punches_of)(punches, goal)) {
            @if rows == 0 {
                rect.stamp-open x="24" y="60" width="327" height="24" rx="12" {}
                rect.stamp-full x="24" y="60" width=((punches * 327 / goal.max(1)).clamp(24, 327)) height="24" rx="12" {}
            } @else {
                @let columns = (goal + rows - 1) / rows;
                @let pitch = (width - 32) / columns.max(1);
                @let pitch = pitch.min((height - 16) / rows);
                @for at in 0..goal {
                    @let row = at / columns;
                    @let in_row = columns.min(goal - row * columns);
                    @let x = width / 2 - in_row * pitch / 2 + (at % columns) * pitch + pitch / 2;
                    @let y = height / 2 - rows * pitch / 2 + row * pitch + pitch / 2;
                    (stamp(x, y, pitch * 41 / 100, at < punches, at == goal - 1))
                }
            }
        }
    }
}

fn stamp(x: i64, y: i64, radius: i64, full: bool, last: bool) -> Markup {
    // Drawn in a square of 20 around the middle, then scaled.
    let tick = "M-4.6 .4-1.4 3.8 4.8-3.6";
    let gift = "M-5-2.2H5V.2H-5ZM-4 .2V4.8H4V.2M0-2.2V4.8M0-2.2C-3.2-2.2-3.2-5.6-1.5-5.6S0-2.2 0-2.2s0-3.4 1.5-3.4S3.2-2.2 0-2.2";
    let scale = format!(
        "translate({x} {y}) scale({}.{:02})",
        radius / 10,
        radius % 10 * 10
    );
    html! {
        circle.(if full { "stamp-full" } else { "stamp-open" }) cx=(x) cy=(y) r=(radius) {}
        @if last || full {
            path.(if full { "stamp-mark" } else { "stamp-gift" }) d=(if last { gift } else { tick }) transform=(scale) {}
        }
    }
}

fn barcode(screen: &Screen, code: &str) -> Markup {
    html! {
        div.pass-code {
            @if let Some((size, path)) = qr_path(code) {
                svg viewBox=(format!("0 0 {size} {size}")) role="img" aria-label=(screen.words.profile.code_label) {
                    path d=(path) {}
                }
            }
            code { (code) }
        }
    }
}

/// A QR code as one path of horizontal runs, and the length of its side in modules. `None` for a text that does
/// not fit into any QR code.
pub fn qr_path(text: &str) -> Option<(u32, String)> {
    let matrix = qr(text)?;
    let size = matrix.getWidth();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let start = x;
            while x < size && matrix.get(x, y) {
                x += 1;
            }
            if x > start {
                path.push_str(&format!("M{start} {y}h{}v1h-{}z", x - start, x - start));
            }
            x += 1;
        }
    }
    Some((size, path))
}

/// A QR code without its quiet zone, a bit each module.
pub fn qr(text: &str) -> Option<BitMatrix> {
    let hints = EncodeHints {
        Margin: Some("0".into()),
        ErrorCorrection: Some("M".into()),
        ..EncodeHints::default()
    };
    QRCodeWriter
        .encode_with_hints(text, &BarcodeFormat::QR_CODE, 0, 0, &hints)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::web::console::screen::tests::screen;
    use crate::web::console::words::Language;
    use rxing::common::HybridBinarizer;
    use rxing::qrcode::QRCodeReader;
    use rxing::{BinaryBitmap, Luma8LuminanceSource, Reader as _};

    /// Paints the path as a scanner would see it and reads it.
    fn read(size: u32, path: &str) -> String {
        const SCALE: u32 = 4;
        let side = size + 8;
        let mut matrix = BitMatrix::with_single_dimension(side).expect("a side");
        for run in path.split('z').filter(|run| !run.is_empty()) {
            let (origin, rest) = run.trim_start_matches('M').split_once('h').expect("a run");
            let (x, y) = origin.split_once(' ').expect("two numbers");
            let length: u32 = rest
                .split('v')
                .next()
                .expect("a length")
                .parse()
                .expect("a number");
            let (x, y): (u32, u32) = (x.parse().expect("x"), y.parse().expect("y"));
            for at in x..x + length {
                matrix.set(at + 4, y + 4);
            }
        }
        let pixels = (0..side * SCALE)
            .flat_map(|y| (0..side * SCALE).map(move |x| (x / SCALE, y / SCALE)))
            .map(|(x, y)| if matrix.get(x, y) { 0 } else { 255 })
            .collect();
        let source = Luma8LuminanceSource::new(pixels, side * SCALE, side * SCALE).expect("a picture");
        let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
        QRCodeReader
            .decode(&mut bitmap)
            .expect("readable")
            .getText()
            .to_owned()
    }

    #[test]
    fn the_drawn_code_can_be_scanned() {
        let (size, path) = qr_path("0123456789ABCDEF").expect("fits");
        assert_eq!(read(size, &path), "0123456789ABCDEF");
    }

    #[test]
    fn a_text_that_does_not_fit_is_left_out() {
        assert!(qr_path(&"x".repeat(5000)).is_none());
        assert!(qr_path("").is_none());
    }

    fn english() -> Screen {
        screen(Language::English, Timestamp(0))
    }

    #[test]
    fn every_goal_has_as_many_places_as_punches() {
        for goal in 1..=27 {
            let drawn = strip(&english(), 1, goal).into_string();
            assert_eq!(
                drawn.matches("<circle").count(),
                usize::try_from(goal).expect("small")
            );
        }
        assert_eq!(
            strip(&english(), 3, 100).into_string().matches("<rect").count(),
            2
        );
    }
}
