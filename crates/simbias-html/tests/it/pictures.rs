//! Rows of pictures with values laid over them.

use simbias_html::{render_html, render_terminal};
use simbias_report::{Estimate, Image, Overlay, PictureGrid, Region, Report, Section};

fn report() -> Report {
    let picture =
        |caption: &str| Image::new(caption, 4, 4, 1, vec![90; 16]).expect("four by four pixels");
    let region = |name: &str, rows, columns, value: f64, is_shown| Region {
        name: name.into(),
        rows,
        columns,
        value: Estimate::new(value, value - 0.1, value + 0.1),
        is_shown,
    };
    let regions = vec![
        region("left", [0, 4], [0, 2], 0.8, true),
        region("upper <right>", [0, 2], [2, 4], 0.4, true),
        region("lower right", [2, 4], [2, 4], 0.05, false),
    ];
    let grid = PictureGrid::new("map", "Where it looks")
        .caption("Colour means needed.")
        .overlay(Overlay { quantity: "necessity".into(), regions })
        .overlaid_row("With the map", vec![picture("mean & more")])
        .row("Without it", vec![picture("mean"), picture("a 3")]);
    Report::new("A map").section(Section::new("map", "Map").pictures(grid))
}

#[test]
fn the_page_lays_rectangles_over_overlaid_rows_only() {
    let page = render_html(&report());
    let body = page.split("<body>").nth(1).expect("a page has a body");
    assert_eq!(body.matches("<svg viewBox=\"0 0 4 4\"").count(), 3);
    assert_eq!(body.matches("<rect class=\"shown\"").count(), 2);
    assert_eq!(body.matches("<rect class=\"looked-at\"").count(), 1);
    let strongest = "x=\"0\" y=\"0\" width=\"2\" height=\"4\" fill-opacity=\"0.720\"";
    assert!(body.contains(strongest), "the largest value has the strongest colour");
    assert!(body.contains("fill-opacity=\"0.430\"><title>upper &lt;right&gt;: necessity 0.400"));
    assert!(
        body.contains("aria-label=\"mean &amp; more\"") && body.contains("<h4>Without it</h4>")
    );
    assert!(body.contains("<span>0.80</span>"), "the legend tells the largest value");
}

#[test]
fn a_terminal_shows_the_map_in_shades() {
    let text = render_terminal(&report(), 80, false);
    assert!(text.is_ascii(), "{text}");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines.iter().filter(|line| **line == "####++++" || **line == "####****").count(), 2);
    assert_eq!(lines.iter().filter(|line| **line == "####....").count(), 2, "{text}");
    assert!(text.contains("necessity from 0"), "{text}");
    assert!(text.contains("mean & more; mean; a 3"), "{text}");
}
