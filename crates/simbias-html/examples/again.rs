//! Renders a `report.json` again.
//!
//! ```text
//! cargo run --release --example again -- runs/audit/report.json page.html
//! cargo run --release --example again -- runs/audit/report.json notebook.html --notebook
//! ```

use simbias_report::Report;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, rest @ ..] = words.as_slice() else {
        return Err("two names are needed: a report.json and the file to write".into());
    };
    let report = Report::from_json(&std::fs::read_to_string(from)?)?;
    let page = if rest == ["--notebook"] {
        simbias_html::notebook(&report)
    } else {
        simbias_html::render_html(&report)
    };
    std::fs::write(to, page)?;
    Ok(())
}
