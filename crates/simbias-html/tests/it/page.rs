//! The page: offline, escaped, complete.

use serde_json::Value;
use simbias_html::render_html;
use simbias_report::Report;

use crate::fixture;

const EVIL: &str = "</script><b onmouseover=\"steal()\">'&<!-- <a href=\"https://evil.example\">";

/// The page without the chart library's script, which is not ours to check.
fn own_markup(page: &str) -> String {
    let start = page.find("<script type=\"text/javascript\">");
    match start {
        Some(start) => {
            let end = start + page[start..].find("</script>").expect("the script element ends");
            format!("{}{}", &page[..start], &page[end..])
        }
        None => page.to_owned(),
    }
}

fn embedded_data(page: &str) -> Value {
    let open = "<script type=\"application/json\" id=\"data\">";
    let start = page.find(open).expect("the page holds its data") + open.len();
    let end = start + page[start..].find("</script>").expect("the script element ends");
    serde_json::from_str(&page[start..end]).expect("the data is JSON")
}

#[test]
fn nothing_is_fetched() {
    let page = own_markup(&render_html(&fixture::report("a label")));
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
    for call in ["http://", "https://", "@import", "url(", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(call), "the page's own parts contain {call:?}");
    }
}

#[test]
fn the_chart_library_comes_once_and_only_with_charts() {
    let marker = "plotly.js v";
    assert_eq!(render_html(&fixture::report("x")).matches(marker).count(), 1);
    assert_eq!(render_html(&Report::new("words only")).matches(marker).count(), 0);
}

#[test]
fn every_label_is_escaped() {
    let page = render_html(&fixture::report(EVIL));
    let own = own_markup(&page);
    for markup in ["<b onmouseover", "<a href=\"https", "<!-- ", "\"steal()\""] {
        assert!(!own.contains(markup), "{markup:?} went through");
    }
    // Three scripts of ours: the data, the remains of the library's element, the page's code.
    assert_eq!(own.matches("</script>").count(), 3);
    let data = embedded_data(&page);
    for (key, text) in strings(&data["figures"], "") {
        assert!(!text.contains("<b onmouseover"), "chart text at {key} is markup: {text}");
    }
}

/// All strings below `value` with their place.
fn strings(value: &Value, place: &str) -> Vec<(String, String)> {
    match value {
        Value::String(text) => vec![(place.into(), text.clone())],
        Value::Array(items) => {
            items.iter().flat_map(|item| strings(item, &format!("{place}[]"))).collect()
        }
        Value::Object(items) => {
            items.iter().flat_map(|(key, item)| strings(item, &format!("{place}.{key}"))).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn colours_are_tokens_and_user_text_is_no_colour() {
    let page = render_html(&fixture::report("@s1"));
    for (place, text) in strings(&embedded_data(&page)["figures"], "") {
        let coloured = place.ends_with("color") || place.ends_with("colorscale");
        if coloured {
            assert!(text.starts_with('@'), "{place} is {text:?}, which follows no theme");
        }
    }
}

#[test]
fn every_table_and_chart_offers_its_data() {
    let report = fixture::report("x");
    let page = render_html(&report);
    let files = report.csv_files();
    let data = embedded_data(&page);
    assert_eq!(data["files"].as_array().unwrap().len(), files.len());
    for (index, (name, text)) in files.iter().enumerate() {
        assert_eq!(data["files"][index][0], *name);
        assert_eq!(data["files"][index][1], *text);
        let button = format!("data-csv=\"{index}\"");
        assert_eq!(page.matches(&button).count(), 1, "{name}");
    }
}

#[test]
fn every_chart_has_one_drawing_and_empty_ones_say_so() {
    let page = render_html(&fixture::report("x"));
    let drawings = embedded_data(&page)["figures"].as_array().unwrap().len();
    assert_eq!(drawings, 7);
    assert_eq!(page.matches("class=\"plot\"").count(), drawings);
    assert_eq!(page.matches("There is nothing to draw.").count(), 1);
}

#[test]
fn element_ids_are_unique() {
    let report = fixture::report("x");
    let twice = Report {
        sections: [report.sections.clone(), report.sections].concat(),
        ..Report::new("x")
    };
    let page = own_markup(&render_html(&twice));
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
    let page = own_markup(&render_html(&fixture::report("x")));
    let levels: Vec<u32> = page
        .match_indices("<h")
        .filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10))
        .collect();
    assert_eq!(levels[0], 1);
    assert_eq!(levels.iter().filter(|&&level| level == 1).count(), 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}
