//! Does the paper's claim hold?
//!
//! Shows what was found for this release, then measures one claim again at a reduced size, which only shows that it runs.
//!
//! ```text
//! cargo run --release -p simbias --example claims
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use simbias::claims::{Ledger, MeasureContext, Scale, all, claim, run};
use simbias::report::Silent;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ledger = Ledger::committed();
    for claim in all() {
        let verdict = ledger
            .entry(claim.id, Scale::Cpu)
            .map_or_else(|| "not run".into(), |entry| entry.verdict.to_string());
        println!("{:<8} {:<15} {}", claim.id, verdict, claim.title);
    }

    let chosen = claim("P8-C2").ok_or("unknown claim")?;
    println!("\n{}\nThe paper: {}", chosen.statement, chosen.paper_figure);
    let mut context = MeasureContext::new(Scale::Cpu, 0, 1, &Silent);
    // For a verdict leave this out and take three seeds or more.
    context.quick = true;
    for found in run(chosen, &mut context)?.criteria {
        let values: Vec<f64> = found.per_seed.iter().map(|&(_, value)| value).collect();
        println!("{} {}: {values:?}", found.criterion.name, found.criterion.expectation);
    }
    Ok(())
}
