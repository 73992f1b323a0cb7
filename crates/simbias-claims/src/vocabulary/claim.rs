//! Papers and their statements.

use crate::{ClaimError, Criterion, MeasureContext, Measurement, Scale};

/// A paper whose claims are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Two digits: `02`.
    pub number: &'static str,
    /// Short name: `pitfalls`.
    pub slug: &'static str,
    /// Title.
    pub title: &'static str,
    /// Authors, venue, year and number of the preprint.
    pub reference: &'static str,
    /// Address of the paper: `https://arxiv.org/abs/2006.07710`.
    pub address: &'static str,
    /// What the paper says, in our own words: one text for each paragraph.
    pub summary: &'static [&'static str],
    /// What a reader of the verdicts must know: how far our sources reach, where the paper, its code and we differ.
    pub notes: &'static [&'static str],
}

/// Whether a claim can be checked at a scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Availability {
    /// The measurement knows this scale; estimated minutes for three seeds.
    Runnable {
        /// Estimated minutes.
        minutes: f64,
    },
    /// What it would take, as a phrase that completes "needs …".
    Needs(&'static str),
    /// The claim makes no statement of its own at this scale.
    NotPlanned,
}

/// Measures a claim at the context's scale, for each of its seeds.
pub type Measure = fn(&mut MeasureContext<'_>) -> Result<Measurement, ClaimError>;

/// One statement of a paper and how to look at it again.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Stable id: `P2-C1`.
    pub id: &'static str,
    /// The paper.
    pub paper: &'static Paper,
    /// A few words.
    pub title: &'static str,
    /// What the paper says.
    pub statement: &'static str,
    /// The paper's own numbers, as text.
    pub paper_figure: &'static str,
    /// Where they are found in the paper or its code.
    pub reference: &'static str,
    /// On two cores.
    pub cpu: Availability,
    /// On one accelerator.
    pub gpu: Availability,
    /// At the paper's size.
    pub full: Availability,
    /// What must be true for the claim to hold.
    pub criteria: &'static [Criterion],
    /// How to measure; `None` while there is no code for it.
    pub measure: Option<Measure>,
}

impl Claim {
    /// Whether the claim can be checked at `scale`, according to the table.
    pub const fn availability(&self, scale: Scale) -> Availability {
        match scale {
            Scale::Cpu => self.cpu,
            Scale::Gpu => self.gpu,
            Scale::Full => self.full,
        }
    }

    /// The measurement for `scale`, or why there is none.
    pub fn measure_at(&self, scale: Scale) -> Result<Measure, String> {
        match (self.availability(scale), self.measure) {
            (Availability::Runnable { .. }, Some(measure)) => Ok(measure),
            (Availability::Runnable { .. }, None) => {
                Err("this version has no measurement for it".into())
            }
            (Availability::Needs(what), _) => Err(format!("needs {what}")),
            (Availability::NotPlanned, _) => {
                Err(format!("has no check of its own at scale {scale}"))
            }
        }
    }

    /// The criterion of that name.
    pub fn criterion(&self, name: &str) -> Option<&'static Criterion> {
        self.criteria.iter().find(|criterion| criterion.name == name)
    }
}
