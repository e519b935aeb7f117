//! Left side bearings of the embedded font, read from its tables.
//!
//! plotters 0.3.7 draws the ink of every glyph at the pen, as if no glyph had a bearing: words get uneven, most at j,
//! A and T. With the bearing known, glyphs can be set one by one. Tables and their layout are those of the OpenType
//! specification 1.9: `cmap` format 4, `hhea`, `hmtx`, `head`.

/// Space between the pen and the ink of a character, in em; 0 for a character that the font does not have.
pub fn left_bearing_em(font: &[u8], character: char) -> f64 {
    bearing(font, character).unwrap_or(0.0)
}

fn bearing(font: &[u8], character: char) -> Option<f64> {
    let glyph = glyph(font, character)?;
    // `hmtx` has pairs of width and bearing, then bearings alone for glyphs of the last width.
    let pairs = usize::from(word(table(font, b"hhea")?, 34)?);
    let at = if glyph < pairs { 4 * glyph + 2 } else { 4 * pairs + 2 * (glyph - pairs) };
    let bearing = word(table(font, b"hmtx")?, at)?.cast_signed();
    let units_per_em = word(table(font, b"head")?, 18)?;
    Some(f64::from(bearing) / f64::from(units_per_em))
}

/// Number of a character's glyph.
fn glyph(font: &[u8], character: char) -> Option<usize> {
    let code = u16::try_from(u32::from(character)).ok()?;
    let cmap = table(font, b"cmap")?;
    let encodings = usize::from(word(cmap, 2)?);
    let map = (0..encodings)
        .filter_map(|i| cmap.get(long(cmap, 8 + 8 * i)? as usize..))
        .find(|map| word(map, 0) == Some(4))?;
    let bytes = usize::from(word(map, 6)?);
    let segment = (0..bytes).step_by(2).find(|i| word(map, 14 + i).is_some_and(|end| end >= code))?;
    let start = word(map, 16 + bytes + segment)?;
    if start > code {
        return None;
    }
    let delta = word(map, 16 + 2 * bytes + segment)?;
    let offset_at = 16 + 3 * bytes + segment;
    let glyph = match usize::from(word(map, offset_at)?) {
        0 => code.wrapping_add(delta),
        offset => match word(map, offset_at + offset + 2 * usize::from(code - start))? {
            0 => 0,
            glyph => glyph.wrapping_add(delta),
        },
    };
    (glyph > 0).then_some(usize::from(glyph))
}

fn table<'a>(font: &'a [u8], tag: &[u8; 4]) -> Option<&'a [u8]> {
    let tables = usize::from(word(font, 4)?);
    let entry = (0..tables).map(|i| 12 + 16 * i).find(|at| font.get(*at..at + 4) == Some(tag))?;
    let start = long(font, entry + 8)? as usize;
    font.get(start..start + long(font, entry + 12)? as usize)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearings_are_those_of_the_font_file() {
        // As fontTools 4 prints them for NotoSans-Regular.ttf, in 1/2048 em.
        for (character, units) in [('j', -113.0), ('v', 0.0), ('L', 199.0), ('≤', 102.0), ('0', 100.0), ('✓', 0.0)]
        {
            assert_eq!(left_bearing_em(notosans::REGULAR_TTF, character) * 2048.0, units, "{character}");
        }
        assert_eq!(left_bearing_em(b"no font", 'a'), 0.0);
    }
}
