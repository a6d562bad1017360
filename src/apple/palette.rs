//! Writing drawn pictures as small PNGs: at most 256 colours, one byte a pixel.
//!
//! Every phone that holds a card downloads its images with each update, so bytes are what limits how fast many
//! phones are reached. Drawings have few colours; the many shades at their edges lose nothing that an eye sees
//! when each becomes the nearest of the most frequent ones.

use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};
use resvg::tiny_skia::Pixmap;

type Colour = [u8; 4];

const MOST_COLOURS: usize = 256;

pub(crate) fn encode(pixmap: Pixmap) -> Result<Vec<u8>, EncodingError> {
    let (width, height) = (pixmap.width(), pixmap.height());
    let data = pixmap.take_demultiplied();
    let (pixels, _) = data.as_chunks::<4>();
    let palette = palette(pixels);
    let indices = indices(pixels, &palette);

    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter);
    encoder.set_palette(
        palette
            .iter()
            .flat_map(|[red, green, blue, _]| [*red, *green, *blue])
            .collect::<Vec<u8>>(),
    );
    if palette.iter().any(|colour| colour[3] < 255) {
        encoder.set_trns(palette.iter().map(|colour| colour[3]).collect::<Vec<u8>>());
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(out)
}

/// The most frequent colours, most frequent first; equally frequent ones in the order of their bytes, so that
/// the same picture always gives the same file.
fn palette(pixels: &[Colour]) -> Vec<Colour> {
    let mut counts: HashMap<Colour, usize> = HashMap::new();
    for run in pixels.chunk_by(|one, other| one == other) {
        if let Some(colour) = run.first() {
            *counts.entry(*colour).or_default() += run.len();
        }
    }
    let mut colours: Vec<(Colour, usize)> = counts.into_iter().collect();
    colours.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    colours
        .into_iter()
        .take(MOST_COLOURS)
        .map(|(colour, _)| colour)
        .collect()
}

/// For each pixel the place of its nearest colour.
fn indices(pixels: &[Colour], palette: &[Colour]) -> Vec<u8> {
    let mut known: HashMap<Colour, u8> = HashMap::new();
    let mut out = Vec::with_capacity(pixels.len());
    for run in pixels.chunk_by(|one, other| one == other) {
        if let Some(colour) = run.first() {
            let index = *known.entry(*colour).or_insert_with(|| nearest(*colour, palette));
            out.resize(out.len() + run.len(), index);
        }
    }
    out
}

fn nearest(colour: Colour, palette: &[Colour]) -> u8 {
    let distance = |other: &Colour| -> u32 {
        colour
            .iter()
            .zip(other)
            .map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2))
            .sum()
    };
    (0..=u8::MAX)
        .zip(palette)
        .min_by_key(|(_, other)| distance(other))
        .map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::tiny_skia::Color;

    #[test]
    fn few_colours_come_back_exactly() {
        let mut pixmap = Pixmap::new(30, 20).expect("size");
        pixmap.fill(Color::from_rgba8(200, 100, 50, 255));
        for (index, pixel) in pixmap.pixels_mut().iter_mut().enumerate() {
            if index % 3 == 0 {
                *pixel = Color::from_rgba8(10, 20, 30, 255).premultiply().to_color_u8();
            }
        }
        let again = Pixmap::decode_png(&encode(pixmap.clone()).expect("encode")).expect("decode");
        assert_eq!(again.data(), pixmap.data());
    }

    #[test]
    fn many_colours_come_back_nearly() {
        let mut pixmap = Pixmap::new(64, 64).expect("size");
        for (index, pixel) in pixmap.pixels_mut().iter_mut().enumerate() {
            let shade = u8::try_from(index / 16).expect("below 256");
            *pixel = Color::from_rgba8(shade, shade, 255 - shade, 255)
                .premultiply()
                .to_color_u8();
        }
        pixmap.pixels_mut()[0] = Color::from_rgba8(1, 0, 255, 255).premultiply().to_color_u8();
        let again = Pixmap::decode_png(&encode(pixmap.clone()).expect("encode")).expect("decode");
        let apart = again
            .data()
            .iter()
            .zip(pixmap.data())
            .map(|(one, other)| one.abs_diff(*other))
            .max();
        assert!(apart <= Some(2), "{apart:?}");
    }
}
