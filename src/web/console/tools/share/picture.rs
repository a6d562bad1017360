//! The code of a link as a file: a drawing for printers, and pixels for everything else.

use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{arrival, link, open};
use crate::domain::access::Action;
use crate::domain::id::ProgramId;
use crate::web::Web;
use crate::web::console::pass::{qr, qr_path};
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// Light modules around a code (ISO/IEC 18004 §6.3.8).
const QUIET: u32 = 4;
/// Least pixels of a side: enough for a hand's width on paper.
const LEAST_SIDE: u32 = 1200;

/// `GET /console/tools/share/{program_id}/code.svg`
pub(super) async fn svg(
    State(web): State<Web>,
    screen: Screen,
    Path(program): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    screen.require(Action::ShareLinks)?;
    let sheet = open(&web, &screen, &program).await?;
    let drawn = drawing(&link(&web, &sheet, &arrival(query))).ok_or(ApiError::NotFound)?;
    Ok(file(
        sheet.of.program.id,
        "svg",
        "image/svg+xml",
        drawn.into_bytes(),
    ))
}

/// `GET /console/tools/share/{program_id}/code.png`
pub(super) async fn png(
    State(web): State<Web>,
    screen: Screen,
    Path(program): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    screen.require(Action::ShareLinks)?;
    let sheet = open(&web, &screen, &program).await?;
    let text = link(&web, &sheet, &arrival(query));
    let painted = pixels(&text).map_err(|error| ApiError::Internal(Box::new(error)))?;
    let painted = painted.ok_or(ApiError::NotFound)?;
    Ok(file(sheet.of.program.id, "png", "image/png", painted))
}

fn file(program: ProgramId, extension: &str, kind: &'static str, body: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"join-{program}.{extension}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, body).into_response()
}

fn drawing(text: &str) -> Option<String> {
    let (size, path) = qr_path(text)?;
    let side = size + 2 * QUIET;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{QUIET} -{QUIET} {side} {side}\" width=\"{w}\" height=\"{w}\" \
         shape-rendering=\"crispEdges\"><rect x=\"-{QUIET}\" y=\"-{QUIET}\" width=\"{side}\" height=\"{side}\" \
         fill=\"#ffffff\"/><path d=\"{path}\" fill=\"#000000\"/></svg>\n",
        w = side * 10
    ))
}

/// One bit each pixel; none for a text that fits into no code.
fn pixels(text: &str) -> Result<Option<Vec<u8>>, png::EncodingError> {
    let Some(matrix) = qr(text) else { return Ok(None) };
    let modules = matrix.getWidth() + 2 * QUIET;
    let scale = LEAST_SIDE.div_ceil(modules);
    let side = modules * scale;
    let is_light = |pixel: u32, line: u32| {
        let (x, y) = (pixel / scale, line / scale);
        let inside = |at: u32| (QUIET..modules - QUIET).contains(&at);
        !(inside(x) && inside(y) && matrix.get(x - QUIET, y - QUIET))
    };
    let mut bits = Vec::new();
    for line in 0..side {
        for byte in 0..side.div_ceil(8) {
            let eight = (0..8).map(|bit| byte * 8 + bit);
            let packed = eight.fold(0_u8, |all, pixel| {
                (all << 1) | u8::from(pixel >= side || is_light(pixel, line))
            });
            bits.push(packed);
        }
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.write_header()?.write_image_data(&bits)?;
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rxing::common::HybridBinarizer;
    use rxing::qrcode::QRCodeReader;
    use rxing::{BinaryBitmap, Luma8LuminanceSource, Reader as _};

    const LINK: &str = "https://cards.example/join/06d3w2c8x1yz4/06d3w2c8x1yz5?utm_source=flyer";

    #[test]
    fn the_picture_can_be_scanned() {
        let file = pixels(LINK).expect("encoded").expect("fits");
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a picture");
        let mut luma = vec![0; reader.output_buffer_size().expect("a size")];
        let frame = reader.next_frame(&mut luma).expect("a frame");
        assert!(frame.width >= LEAST_SIDE && frame.width == frame.height);
        let source = Luma8LuminanceSource::new(luma, frame.width, frame.height).expect("a picture");
        let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
        let read = QRCodeReader.decode(&mut bitmap).expect("readable");
        assert_eq!(read.getText(), LINK);
    }

    #[test]
    fn the_drawing_has_its_quiet_zone_and_names_nothing_else() {
        let drawn = drawing(LINK).expect("fits");
        assert!(drawn.contains("viewBox=\"-4 -4 "), "{drawn}");
        assert_eq!(drawn.matches("http").count(), 1);
        assert!(drawing(&"x".repeat(5000)).is_none());
    }
}
