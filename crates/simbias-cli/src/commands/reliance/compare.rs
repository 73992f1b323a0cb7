//! `simbias reliance compare`: two results over the same rows and blocks.

use std::path::{Path, PathBuf};

use serde_json::json;
use simbias_reliance::document::{comparison_section, method_section};
use simbias_reliance::{Change, Comparison, RelianceOutcome, compare};
use simbias_report::{Caveat, Estimate, Report};

use crate::commands::influences_file;
use crate::shell::{Answer, Failure, Finished, Shell, of_file};

/// Version of `result.json`.
const SCHEMA: &str = "simbias.reliance-comparison/1";

/// Compare two results: did a remedy make the model use more, or merely something else?
///
/// A higher metric without one block is no success by itself: the model may have switched to another single
/// block. All blocks are compared, and "more diverse" is said only if at least two carry half of the skill alone.
/// Differences are paired over rows by the influences.safetensors that lies beside each result.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance compare runs/before/result.json runs/after/result.json
  simbias reliance compare before.json after.json --fail-on not-more-diverse")]
pub(crate) struct CompareArgs {
    /// result.json of `reliance run`, `reliance score` or `audit` (what was measured before its remedies)
    before: PathBuf,
    /// The same for the other model
    after: PathBuf,
    /// Exit with code 1 in this case
    #[arg(long, value_enum, value_name = "CASE")]
    fail_on: Option<BadCase>,
    /// New directory for report and result; runs/reliance-compare-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum BadCase {
    /// The model may not be called more diverse
    NotMoreDiverse,
}

impl CompareArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = shell.open_run(self.out.as_deref())?;
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        let influences = [&self.before, &self.after]
            .map(|path| influences_file::read_beside(path))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let influences = match influences.as_slice() {
            [Some(before), Some(after)] => Some((before, after)),
            _ => None,
        };
        let comparison = compare(&before, &after, influences)?;
        if comparison.n_sufficient.is_none() && self.fail_on.is_some() {
            return Err(Failure::input(format!(
                "donors were drawn {:?} and {:?}: whether a model is more diverse cannot be said",
                before.mode.name(),
                after.mode.name()
            ))
            .hint("measure both with --mode permute, or leave --fail-on out"));
        }
        let metric = before.metric.title();
        let mut report = Report::new(format!("Before and after on {}", before.data_name))
            .summarise(match comparison.n_sufficient {
                None => "Whether the model uses more blocks cannot be said with these donors.",
                Some(_) if comparison.is_more_diverse() => {
                    "The model uses more blocks than before."
                }
                Some(_) => "The model does not use more blocks than before.",
            });
        if !comparison.paired {
            report = report.caveat(Caveat::caution(
                "not-paired",
                "The two results used different donor maps, so the noise of randomization does not cancel. \
                 Measure both with the same seed, mode and number of repeats.",
            ));
        }
        if !comparison.paired_over_rows {
            report = report.caveat(Caveat::caution(
                "unpaired-over-rows",
                "The differences are not paired over rows, so their intervals are wider than they need be: \
                 influences.safetensors lies beside one result at most. Keep it together with result.json; results \
                 of earlier versions have to be measured again.",
            ));
        }
        let report = report
            .section(comparison_section(&comparison, "Before and after", metric))
            .section(method_section(&after));
        let answer = Answer {
            report,
            result: wire(&comparison, metric),
            inputs: vec![of_file(&self.before)?, of_file(&self.after)?],
        };
        shell.close_run(run, answer)?;
        let is_bad = self.fail_on.is_some() && !comparison.is_more_diverse();
        Ok(if is_bad { Finished::BadVerdict } else { Finished::Done })
    }
}

fn read(path: &Path) -> Result<RelianceOutcome, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::input(format!("cannot read {path:?}: {error}")).hint("check the path")
    })?;
    let found = match measured_by_audit(&text) {
        Some(text) => RelianceOutcome::from_json(&text),
        None => RelianceOutcome::from_json(&text),
    };
    found.map_err(|error| {
        Failure::input(format!("{path:?}: {error}")).hint(
            "give the result.json of a `simbias reliance run` with one model, of `reliance score` or of `audit`",
        )
    })
}

/// The measurement of the audited model, if `text` is the result of an audit.
fn measured_by_audit(text: &str) -> Option<String> {
    let result: serde_json::Value = serde_json::from_str(text).ok()?;
    let is_audit = result["version"].as_str()?.starts_with("simbias.audit/");
    is_audit.then(|| result["reliance"].to_string())
}

fn wire(comparison: &Comparison, metric: &str) -> serde_json::Value {
    let blocks: Vec<_> = comparison
        .blocks
        .iter()
        .map(|block| {
            json!({
                "name": block.block,
                "randomized": change(&block.randomized),
                "necessity": block.necessity.as_ref().map(change),
                "sufficiency": block.sufficiency.as_ref().map(change),
            })
        })
        .collect();
    json!({
        "version": SCHEMA,
        "metric": metric,
        "paired": comparison.paired,
        "paired_over_rows": comparison.paired_over_rows,
        "more_diverse": comparison.n_sufficient.map(|_| comparison.is_more_diverse()),
        "sufficient_blocks": comparison.n_sufficient.map(|(before, after)| json!({
            "before": before,
            "after": after,
        })),
        "standard": change(&comparison.standard),
        "blocks": blocks,
    })
}

fn change(change: &Change) -> serde_json::Value {
    json!({
        "before": number(&change.before),
        "after": number(&change.after),
        "difference": number(&change.difference),
        "p_value": change.p_value,
    })
}

fn number(estimate: &Estimate) -> serde_json::Value {
    json!({ "value": estimate.value, "lo": estimate.low, "hi": estimate.high })
}
