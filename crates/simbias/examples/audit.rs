//! What does a network trained on my data rely on, what does it ignore, and what helps?
//!
//! The data here are dominoes of real digits: a 0 or a 1 above tells the class at a glance; a pair of digits below tells it
//! just as surely but is harder to learn. Your own `AuditInput` takes any data set, split into three parts, and any blocks.
//!
//! ```text
//! cargo run --release -p simbias --example audit
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use simbias::audit::document::audit_report;
use simbias::audit::{Remedy, Subject, audit, demo_input, demo_options};
use simbias::html::{render_brief, render_html};
use simbias::report::Silent;
use simbias::stats::Seed;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Seed::new(0);
    let input = demo_input(seed, true)?;
    let mut options = demo_options(seed, true);
    // One remedy of several: images whose blocks come from other images of the same class.
    options.remedies = vec![Remedy::RotatingPermutation];
    let outcome = audit(&input, Subject::Train, &options, &Silent, None)?;

    for block in &outcome.base.outcome.blocks {
        let verdict = block.verdict.map_or("no verdict", |verdict| verdict.word());
        println!("{}: {verdict}", block.name);
    }
    let report = audit_report(&outcome, &input, seed);
    println!("{}", render_brief(&report, 100, false, 24).text);
    let page = std::env::temp_dir().join("simbias-audit.html");
    std::fs::write(&page, render_html(&report))?;
    println!("The whole report: {}", page.display());
    Ok(())
}
