//! The claims of the papers as executable checks, and their ledger.
//!
//! A [`Claim`] is one row of a static table: what the paper says, its own figure, what we expect of a
//! measurement (written before the run, never by it) and how to measure. [`run`] measures, [`judge`] is the
//! only place where numbers become a verdict, [`Ledger`] keeps the outcomes with date, device and version,
//! and [`markdown`] turns the ledger into the README's table.

mod document;
mod error;
mod judge;
mod ledger;
pub mod markdown;
mod measure;
pub mod pitfalls;
mod registry;
mod run;
pub mod spectra;
mod stages;
mod table;

pub use document::document;
pub use error::ClaimError;
pub use judge::{CriterionVerdict, MIN_SEEDS, judge, judge_claim};
pub use ledger::{Ledger, LedgerControl, LedgerCriterion, LedgerEntry, Stamp};
pub use measure::{Control, MeasureContext, Measurement, Observation};
pub use registry::{all, claim, select};
pub use run::{Outcome, run};
pub use table::{Availability, Claim, Criterion, Expectation, Measure, Paper, Scale};
