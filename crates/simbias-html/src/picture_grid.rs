//! Rows of pictures, with values of rectangles laid over them.

use std::fmt::Write;

use simbias_report::{Image, Overlay, PictureGrid, format};

use crate::escape::html;
use crate::picture;

/// Longer side of a picture on the page, in CSS pixels, at least.
const SIDE: usize = 132;
/// Opacity of the strongest colour; the picture stays visible below.
const STRONGEST: f64 = 0.72;
/// Opacity of the weakest value that is shown.
const WEAKEST: f64 = 0.14;

/// The rows as markup, without heading and caption.
pub(crate) fn markup(grid: &PictureGrid) -> String {
    let mut markup = String::new();
    for row in &grid.rows {
        markup.push_str("<div class=\"picture-row\">\n");
        if !row.label.is_empty() {
            push(&mut markup, format_args!("<h4>{}</h4>\n", html(&row.label)));
        }
        markup.push_str("<div class=\"pictures\">\n");
        let overlay = grid.overlay.as_ref().filter(|_| row.is_overlaid);
        for image in &row.pictures {
            figure(&mut markup, image, overlay);
        }
        markup.push_str("</div>\n</div>\n");
    }
    if let Some(overlay) = &grid.overlay {
        legend(&mut markup, overlay);
    }
    markup
}

/// The first row alone, for places without this crate's style.
pub(crate) fn first_row(grid: &PictureGrid) -> String {
    let mut markup = String::from("<div style=\"display:flex;flex-wrap:wrap;gap:.7em\">\n");
    if let Some(row) = grid.rows.first() {
        let overlay = grid.overlay.as_ref().filter(|_| row.is_overlaid);
        for image in &row.pictures {
            figure(&mut markup, image, overlay);
        }
    }
    markup.push_str("</div>\n");
    markup
}

fn figure(markup: &mut String, image: &Image, overlay: Option<&Overlay>) {
    let (width, height) = (image.width(), image.height());
    // Small pictures are enlarged by a whole factor, so that their pixels stay square.
    let factor = SIDE.div_ceil(width.max(height));
    let caption = html(image.caption());
    push(
        markup,
        format_args!(
            "<figure style=\"width:{shown}px\"><svg viewBox=\"0 0 {width} {height}\" width=\"{shown}\" \
             height=\"{tall}\" role=\"img\" aria-label=\"{caption}\"><image href=\"{}\" width=\"{width}\" \
             height=\"{height}\" preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\"/>",
            picture::data_uri(image),
            shown = width * factor,
            tall = height * factor,
        ),
    );
    if let Some(overlay) = overlay {
        rectangles(markup, overlay);
    }
    push(markup, format_args!("</svg><figcaption>{caption}</figcaption></figure>\n"));
}

fn rectangles(markup: &mut String, overlay: &Overlay) {
    for region in &overlay.regions {
        let ([top, bottom], [left, right]) = (region.rows, region.columns);
        let strength = overlay.strength(region);
        let (class, opacity) = if region.is_shown {
            ("shown", WEAKEST + (STRONGEST - WEAKEST) * strength)
        } else {
            ("looked-at", 0.0)
        };
        push(
            markup,
            format_args!(
                "<rect class=\"{class}\" fill=\"#ff5a00\" x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" \
                 fill-opacity=\"{opacity:.3}\"><title>{}: {} {}</title></rect>",
                right.saturating_sub(left),
                bottom.saturating_sub(top),
                html(&region.name),
                html(&overlay.quantity),
                html(&format::estimate(&region.value)),
            ),
        );
    }
}

fn legend(markup: &mut String, overlay: &Overlay) {
    let largest = overlay.largest();
    if largest <= 0.0 {
        return;
    }
    push(
        markup,
        format_args!(
            "<p class=\"heat-legend\"><span>{} 0</span><span class=\"ramp\" aria-hidden=\"true\"></span>\
             <span>{}</span></p>\n",
            html(&overlay.quantity),
            format::number(largest, 2)
        ),
    );
}

fn push(markup: &mut String, words: std::fmt::Arguments<'_>) {
    markup.write_fmt(words).expect("a text in memory takes every word");
}
