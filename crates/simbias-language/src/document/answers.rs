//! Perplexities, prunings and comparisons as answers.

use std::io::{self, Write};

use serde::Serialize;
use simbias_report::{Answer, Report, write_json};
use simbias_spectra::prune::PruningReport;

use super::{comparison_report, perplexity_report, pruning_report};
use crate::Perplexity;
use crate::comparison::AllocationComparison;
use crate::prune::Pruned;

/// Name and version of the result of a perplexity.
pub const PERPLEXITY_SCHEMA: &str = "simbias.perplexity/1";
/// Name and version of the result of a pruning.
pub const PRUNE_SCHEMA: &str = "simbias.prune/1";

/// How well a model predicts a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PerplexityAnswer {
    schema: &'static str,
    model: String,
    text: String,
    tokenizer: String,
    perplexity: Perplexity,
}

impl PerplexityAnswer {
    /// The perplexity of `model` on `text`, both by name; `tokenizer` says where the tokens came from and what a text
    /// begins with, as [`Text::tokens_by`](crate::Text::tokens_by) has it.
    pub fn new(
        model: impl Into<String>,
        text: impl Into<String>,
        tokenizer: impl Into<String>,
        perplexity: Perplexity,
    ) -> Self {
        Self {
            schema: PERPLEXITY_SCHEMA,
            model: model.into(),
            text: text.into(),
            tokenizer: tokenizer.into(),
            perplexity,
        }
    }
}

impl Answer for PerplexityAnswer {
    fn schema(&self) -> &str {
        self.schema
    }

    fn report(&self) -> Report {
        perplexity_report(&self.model, &self.text, &self.tokenizer, &self.perplexity)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, self)
    }
}

/// The result of pruning a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct PruningAnswer {
    /// Name of the checkpoint.
    pub model: String,
    /// What was asked for, as the start of a sentence.
    pub asked: String,
    /// What was done.
    pub pruning: PruningReport,
    /// What forward passes showed; `None` where every layer was pruned by itself.
    pub passes: Option<Passes>,
}

/// What the passes of a pruning showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Passes {
    /// How the model before pruning predicts the evaluation text.
    pub dense: Option<Perplexity>,
    /// The result of the pruning.
    pub pruned: Pruned,
}

#[derive(Serialize)]
struct WirePruning<'a> {
    schema: &'static str,
    pruning: &'a PruningReport,
    #[serde(flatten)]
    passes: Option<WirePasses<'a>>,
}

#[derive(Serialize)]
struct WirePasses<'a> {
    dense: &'a Option<Perplexity>,
    pruned: &'a Option<Perplexity>,
}

impl Answer for PruningAnswer {
    fn schema(&self) -> &str {
        PRUNE_SCHEMA
    }

    fn report(&self) -> Report {
        let passes = self.passes.as_ref();
        pruning_report(
            &self.model,
            &self.asked,
            &self.pruning,
            passes.map(|passes| &passes.pruned),
            passes.and_then(|passes| passes.dense.as_ref()),
        )
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let passes = self
            .passes
            .as_ref()
            .map(|Passes { dense, pruned }| WirePasses { dense, pruned: &pruned.perplexity });
        write_json(out, &WirePruning { schema: PRUNE_SCHEMA, pruning: &self.pruning, passes })
    }
}

/// Ways to prune one model, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonAnswer {
    /// Name of the model.
    pub model: String,
    /// What was found.
    pub comparison: AllocationComparison,
}

impl Answer for ComparisonAnswer {
    fn schema(&self) -> &str {
        &self.comparison.schema
    }

    fn report(&self) -> Report {
        comparison_report(&self.model, &self.comparison)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, &self.comparison)
    }
}
