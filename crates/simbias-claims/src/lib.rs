//! The claims of the papers as executable checks, and their ledger.
//!
//! - The **vocabulary**: a [`Claim`] is one row of a static table. It holds what the paper says, the paper's own
//!   figure, the criteria (written before any run) and how to measure.
//! - The **papers**: [`papers`] has one module for each paper, with its table and its measurements. Another paper is
//!   another module and one entry in `papers/mod.rs`.
//! - The **judge**: [`run`] measures, and [`judge`] is the only place where numbers become a verdict.
//! - The **ledger**: [`Ledger`] keeps outcomes with date, device and version. [`Ledger::committed`] comes with the
//!   program; a user's own runs are kept in their own file and take precedence ([`Ledger::with_own`]).
//!   [`markdown`] turns a ledger into one table, [`pages`] into the pages of the papers and a feed of the verdicts that
//!   changed.

mod answer;
mod document;
mod error;
mod judge;
mod ledger;
mod listing;
pub mod markdown;
pub mod pages;
pub mod papers;
mod registry;
mod run;
mod stages;
mod vocabulary;

pub use answer::{ClaimsAnswer, RESULT_SCHEMA};
pub use document::document;
pub use error::ClaimError;
pub use judge::{CriterionVerdict, MIN_SEEDS, judge, judge_claim};
pub use ledger::{Ledger, LedgerControl, LedgerCriterion, LedgerEntry, Stamp, VerdictChange};
pub use listing::{ClaimList, LIST_SCHEMA, explanation, list};
pub use registry::{all, all_papers, claim, select};
pub use run::{Outcome, run};
pub use vocabulary::{
    Availability, Claim, Control, Criterion, Expectation, Measure, MeasureContext, Measurement,
    Observation, Paper, Scale,
};
