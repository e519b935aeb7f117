//! Pictures as bytes: PNG by supersampling, SVG as text.

use super::PlotError;
use super::style::{Scale, fonts};
use plotters::coord::Shift;
use plotters::prelude::*;

/// A place to draw.
pub(super) type Area<'a, B> = DrawingArea<B, Shift>;

/// Each pixel is the mean of this many by this many, in linear light: the library's own lines are only roughly smooth.
const SUPERSAMPLING: u32 = 3;

/// Rows of the final picture that are drawn at once: what bounds the memory.
const BAND_ROWS: u32 = 600;

/// Draws a picture of `width` × `height` logical pixels.
pub(super) fn png(
    (width, height): (u32, u32),
    scale: u32,
    title: &str,
    draw: impl for<'b> Fn(&Area<'b, BitMapBackend<'b>>, Scale) -> Result<(), PlotError>,
) -> Result<Vec<u8>, PlotError> {
    fonts();
    let (out_width, out_height) = (width * scale, height * scale);
    let factor = scale * SUPERSAMPLING;
    let (big_width, big_height) = (width * factor, height * factor);
    let linear: Vec<f32> = (0..=255_u16).map(|value| (f32::from(value) / 255.0).powf(2.2)).collect();
    let mut big = vec![255_u8; (big_width * big_height * 3) as usize];
    {
        let root = BitMapBackend::with_buffer(&mut big, (big_width, big_height)).into_drawing_area();
        draw(&root, Scale { pixels: f64::from(factor), text: 1.0 })?;
        root.present().map_err(PlotError::of)?;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, out_width, out_height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (96.0 * f64::from(scale) / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    encoder.add_itxt_chunk("Title".to_owned(), title.to_owned()).map_err(PlotError::of)?;
    let mut writer = encoder.write_header().map_err(PlotError::of)?;
    let mut stream = writer.stream_writer().map_err(PlotError::of)?;
    let mut band = Vec::with_capacity((out_width * 3 * BAND_ROWS) as usize);
    for row in 0..out_height {
        average_row(&big, big_width, row, out_width, &linear, &mut band);
        if (row + 1) % BAND_ROWS == 0 || row + 1 == out_height {
            std::io::Write::write_all(&mut stream, &band).map_err(PlotError::of)?;
            band.clear();
        }
    }
    stream.finish().map_err(PlotError::of)?;
    drop(writer);
    Ok(bytes)
}

fn average_row(big: &[u8], big_width: u32, row: u32, out_width: u32, linear: &[f32], out: &mut Vec<u8>) {
    let samples = (SUPERSAMPLING * SUPERSAMPLING) as f32;
    for column in 0..out_width {
        for channel in 0..3 {
            let mut light = 0.0;
            for down in 0..SUPERSAMPLING {
                let line = (row * SUPERSAMPLING + down) * big_width + column * SUPERSAMPLING;
                for right in 0..SUPERSAMPLING {
                    light += linear[usize::from(big[((line + right) * 3 + channel) as usize])];
                }
            }
            out.push(((light / samples).powf(1.0 / 2.2) * 255.0 + 0.5) as u8);
        }
    }
}

/// Draws the same as SVG.
pub(super) fn svg(
    size: (u32, u32),
    draw: impl for<'b> Fn(&Area<'b, SVGBackend<'b>>, Scale) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    fonts();
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        // Noto Sans measures 1.362 em from ascent to descent; the SVG backend divides by 1.24.
        draw(&root, Scale { pixels: 1.0, text: 0.91 })?;
        root.present().map_err(PlotError::of)?;
    }
    Ok(text)
}
