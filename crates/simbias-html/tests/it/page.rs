//! The page: offline, escaped, complete.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;
use simbias_html::render_html;
use simbias_report::{Cell, Chart, Charts, Column, Estimate, ForestChart, Report, Section, Table};

use crate::fixture;

const EVIL: &str = "</script><b onmouseover=\"steal()\">'&<!-- <a href=\"https://evil.example\">";

/// What the page holds without showing it.
fn packed(page: &str) -> Value {
    let open = "<script type=\"text/plain\" id=\"data\">";
    let start = page.find(open).expect("the page holds its data") + open.len();
    let end = start + page[start..].find("</script>").expect("the script element ends");
    let bytes = STANDARD.decode(&page[start..end]).expect("the data is base64");
    let mut json = String::new();
    GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut json)
        .expect("the data is packed with gzip");
    serde_json::from_str(&json).expect("the data is JSON")
}

#[test]
fn nothing_is_fetched() {
    let page = render_html(&fixture::report("a label"));
    for attribute in ["src=\"", "href=\""] {
        for (at, _) in page.match_indices(attribute) {
            let target = &page[at + attribute.len()..];
            assert!(
                target.starts_with('#') || target.starts_with("data:"),
                "{attribute} points outside: {:?}",
                &target[..target.len().min(60)]
            );
        }
    }
    // The name of a vocabulary, in files that are saved.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for call in ["http://", "https://", "@import", "url(", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(call), "the page contains {call:?}");
    }
}

#[test]
fn every_label_is_escaped() {
    let page = render_html(&fixture::report(EVIL));
    for markup in ["<b onmouseover", "<a href=\"https", "<!-- ", "\"steal()\""] {
        assert!(!page.contains(markup), "{markup:?} went through");
    }
    // Two scripts: the data and the page's code.
    assert_eq!(page.matches("</script>").count(), 2);
    for drawings in packed(&page)["charts"].as_array().expect("groups of charts") {
        assert!(!drawings.to_string().contains("<b onmouseover"));
    }
}

#[test]
fn every_table_and_chart_offers_its_data() {
    let report = fixture::report("x");
    let page = render_html(&report);
    let files = report.csv_files();
    let data = packed(&page);
    assert_eq!(data["files"].as_array().unwrap().len(), files.len());
    for (index, (name, text)) in files.iter().enumerate() {
        assert_eq!(data["files"][index][0], *name);
        assert_eq!(data["files"][index][1], *text);
        let button = format!("data-csv=\"{index}\"");
        assert_eq!(page.matches(&button).count(), 1, "{name}");
    }
}

#[test]
fn every_chart_is_drawn_for_wide_and_narrow_screens_and_empty_ones_say_so() {
    let page = render_html(&fixture::report("x"));
    // One of each kind, one of two to choose from, and the first of all again on the first screen.
    for place in ["wide-plot", "narrow-plot"] {
        assert_eq!(page.matches(&format!("class=\"{place}\"><svg")).count(), 9, "{place}");
    }
    assert_eq!(page.matches("There is nothing to draw.").count(), 1);
}

#[test]
fn of_many_charts_one_is_drawn_and_all_are_held() {
    let chart = |name: &str, value: f64| {
        let forest = ForestChart::new().item("a", Estimate::new(value, value - 0.1, value + 0.1));
        Chart::new(name, name, forest)
    };
    let charts = Charts::new("c", "Charts", "layer").charts([
        chart("first", 0.25),
        Chart::new("empty", "empty", ForestChart::new()),
        chart("second", 0.75),
    ]);
    let report = Report::new("x").headline("h").section(Section::new("s", "S").charts(charts));
    let page = render_html(&report);
    for place in ["wide-plot", "narrow-plot"] {
        assert_eq!(page.matches(&format!("class=\"{place}\"><svg")).count(), 1, "{place}");
    }
    assert!(page.contains("<option>first</option><option>second</option>"));
    let held = packed(&page)["charts"][0].clone();
    assert_eq!(held.as_array().map(Vec::len), Some(2));
    assert!(held[1][0].as_str().is_some_and(|drawing| drawing.contains("0.750")));
}

#[test]
fn the_first_screen_comes_first() {
    let chart = Chart::new("c", "C", ForestChart::new().item("a", Estimate::new(0.5, 0.4, 0.6)));
    let figure = |name: &str| simbias_report::KeyFigure::new(name, Cell::Count(1));
    let mut report = Report::new("R")
        .headline("In one sentence.")
        .picture(chart)
        .next_step(simbias_report::NextStep::new("Do this.").code("a < b"))
        .summarise("Later.")
        .section(Section::new("s", "Method").folded().prose("How."));
    for name in ["one", "two", "three", "four"] {
        report = report.key_figure(figure(name));
    }
    let page = render_html(&report);
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(at("In one sentence.") < at("<svg"));
    assert!(at("<svg") < at(">three<"));
    assert!(at(">three<") < at("Do this."));
    assert!(at("Do this.") < at("1 further finding"));
    assert!(at("1 further finding") < at("Later."));
    assert!(at("Later.") < at(">four<"), "the fourth figure is folded");
    assert!(page.contains("a &lt; b"));
    assert!(page.contains("<details id=\"s-s\"><summary><h2"), "the section is folded");
}

#[test]
fn long_and_wide_tables_have_tools() {
    let mut table = Table::new("t", "T").column("a").column(Column::new("b").detail());
    let page = |table: &Table| {
        render_html(&Report::new("x").section(Section::new("s", "S").table(table.clone())))
    };
    table.push([Cell::from("x"), Cell::Count(1)]);
    let short = page(&table);
    assert!(short.contains("data-columns=\"all\"") && !short.contains("<input"));
    assert!(short.contains("<td class=\"num detail\""));
    for index in 0..20_u64 {
        table.push([Cell::from("y"), Cell::Count(index)]);
    }
    assert!(page(&table).contains("placeholder=\"Filter 21 rows\""));
    let plain = Table::new("t", "T").column("a").row([Cell::from("x")]);
    assert!(!page(&plain).contains("class=\"table-tools\""));
}

#[test]
fn element_ids_are_unique() {
    let report = fixture::report("x");
    let twice = Report {
        sections: [report.sections.clone(), report.sections].concat(),
        ..Report::new("x")
    };
    let page = render_html(&twice);
    let mut ids: Vec<&str> = page
        .match_indices(" id=\"")
        .map(|(at, open)| page[at + open.len()..].split('"').next().unwrap())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn headings_do_not_skip_a_level() {
    let page = render_html(&fixture::report("x"));
    let body = page.find("<body>").expect("a page has a body");
    let levels: Vec<u32> = page[body..]
        .match_indices("<h")
        .filter_map(|(at, _)| page[body + at + 2..].chars().next()?.to_digit(10))
        .collect();
    assert_eq!(levels[0], 1);
    assert_eq!(levels.iter().filter(|&&level| level == 1).count(), 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 2), "{levels:?}");
}
