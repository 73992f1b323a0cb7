//! Rows of pictures in a terminal: what lies over them is drawn in shades, the pictures themselves are named.

use simbias_report::{Overlay, PictureGrid, format};

use super::canvas::{Canvas, Ink};

/// Largest number of lines of a map; a line shows two columns of text for every pixel row's worth of width.
const MOST_LINES: usize = 16;

pub(super) fn draw(canvas: &mut Canvas, grid: &PictureGrid) {
    canvas.paragraph(&grid.title, 0, Ink::Accent);
    if !grid.caption.is_empty() {
        canvas.paragraph(&grid.caption, 0, Ink::Faint);
    }
    let overlaid =
        grid.rows.iter().find(|row| row.is_overlaid).and_then(|row| row.pictures.first());
    if let (Some(overlay), Some(picture)) = (&grid.overlay, overlaid) {
        map(canvas, overlay, picture.width(), picture.height());
    }
    let captions: Vec<&str> = grid.pictures().map(|image| image.caption()).collect();
    let words = if captions.len() == 1 { "picture" } else { "pictures" };
    let list = format!("{} {words} in the page: {}", captions.len(), captions.join("; "));
    canvas.paragraph(&list, 2, Ink::Faint);
}

/// The overlay as shades: blank where nothing is shown.
fn map(canvas: &mut Canvas, overlay: &Overlay, width: usize, height: usize) {
    let n_lines = height.min(MOST_LINES);
    // A letter is about twice as high as it is wide.
    let n_letters =
        (2 * n_lines * width / height.max(1)).clamp(1, canvas.width().saturating_sub(4));
    let shades = ['.', '░', '▒', '▓', '█'].map(|rich| match rich {
        '░' => canvas.pick('░', ':'),
        '▒' => canvas.pick('▒', '+'),
        '▓' => canvas.pick('▓', '*'),
        '█' => canvas.pick('█', '#'),
        other => canvas.pick('·', other),
    });
    for line in 0..n_lines {
        let row = (2 * line + 1) * height / (2 * n_lines);
        let letters = (0..n_letters).map(|letter| {
            let column = (2 * letter + 1) * width / (2 * n_letters);
            let inside = |[from, to]: [usize; 2], at: usize| (from..to).contains(&at);
            let region = overlay
                .regions
                .iter()
                .find(|region| inside(region.rows, row) && inside(region.columns, column));
            match region {
                Some(region) if region.is_shown => {
                    shades[1 + (3.0 * overlay.strength(region)).round() as usize]
                }
                _ => shades[0],
            }
        });
        let text: String = letters.collect();
        canvas.line(&format!("  {text}"));
    }
    if overlay.largest() > 0.0 {
        let words = format!(
            "{} from 0 ({}) to {} ({})",
            overlay.quantity,
            shades[1],
            format::number(overlay.largest(), 2),
            shades[4]
        );
        canvas.paragraph(&words, 2, Ink::Faint);
    }
}
