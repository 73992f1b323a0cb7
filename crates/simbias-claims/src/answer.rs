//! A run of claims as an answer.

use std::io::{self, Write};

use serde::Serialize;
use simbias_report::{Answer, Report, write_json};

use crate::document::document;
use crate::{LedgerEntry, Outcome};

/// Name and version of the result of a run of claims.
pub const RESULT_SCHEMA: &str = "simbias.claims-result/1";

/// What a run of claims found.
#[derive(Clone, Debug)]
pub struct ClaimsAnswer {
    quick: bool,
    outcomes: Vec<Outcome>,
    entries: Vec<LedgerEntry>,
}

impl ClaimsAnswer {
    /// An answer that has no claims yet; `quick` says whether sizes are reduced.
    pub fn new(quick: bool) -> Self {
        Self { quick, outcomes: Vec::new(), entries: Vec::new() }
    }

    /// Adds an outcome with its entry for the ledger.
    pub fn add(&mut self, outcome: Outcome, entry: LedgerEntry) {
        self.outcomes.push(outcome);
        self.entries.push(entry);
    }

    /// What was found, in the order of the run.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}

#[derive(Serialize)]
struct WireResult<'a> {
    schema: &'static str,
    quick: bool,
    entries: &'a [LedgerEntry],
}

impl Answer for ClaimsAnswer {
    fn schema(&self) -> &str {
        RESULT_SCHEMA
    }

    fn report(&self) -> Report {
        document(&self.outcomes)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { quick, entries, .. } = self;
        write_json(out, &WireResult { schema: RESULT_SCHEMA, quick: *quick, entries })
    }
}
