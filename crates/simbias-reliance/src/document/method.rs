//! How the numbers were made.

use simbias_report::{Cell, Section, Table};

use crate::figures::FEW_ROWS;
use crate::outcome::RelianceOutcome;
use crate::verdict::BlockVerdict;

/// How the numbers were made and when not to believe them; part of every report.
pub fn method_section(outcome: &RelianceOutcome) -> Section {
    let metric = outcome.metric.title();
    let mut words = Table::new("verdict-words", "What the words mean").columns(["word", "meaning"]);
    for verdict in BlockVerdict::ALL {
        words = words.row([Cell::from(verdict.word()), Cell::from(verdict.meaning())]);
    }
    Section::new("method", "How to read this, and when the bias disappears")
        .prose(format!(
            "Intervals of the {metric} cover two sources: the choice of test rows (DeLong's variance, mean over \
             repeats) and the finite number of permutations. The repeats share the same rows, so they do \
             not shrink the first part. A drop is paired over rows: the same rows with and without the block. \
             Differences between two models are paired over rows where every row's influence on both is known; \
             otherwise the report says so. With fewer than {FEW_ROWS} rows of a class the rows' own variance is too \
             small; intervals are then Wilson's with the rarer class as trials. Training seeds are a third source and \
             show only when several models are given."
        ))
        .prose(
            "Reliance is a property of this model on these rows. It is not importance of a feature in the \
             world, and two interchangeable blocks are both unnecessary by this measure (see sufficiency and \
             pairs).",
        )
        .prose(
            "Simplicity bias is a regime, not a law. On the paper's noisy-linear data a network escapes the \
             simple block when the complex one is quickly learnable and the simple one is noisy: with 10 \
             dimensions, 5-slabs and 30 % noise it reaches full accuracy, with 50 dimensions, 7-slabs and 10 % \
             noise it stays at 95 %. On real data reliance is graded; an accuracy near one half can hide an \
             AUC of .68. `simbias claims run P2-C19` maps the regime.",
        )
        .table(words)
}

/// How to read a report that measures no reliance, and when the bias disappears; `about` says what the figures of this
/// report do not show.
pub fn regime_section(about: &str) -> Section {
    Section::new("method", "How to read this, and when the bias disappears").prose(about).prose(
        "Simplicity bias is a regime, not a law. It weakens when the simple block is noisy and the complex one \
         quickly learnt: in few dimensions a network escapes from a simple block with 30 % noise, in many it stays \
         with one of 10 % noise. On real data it is graded. `simbias claims run P2-C19` maps the regime; \
         `simbias reliance run` measures what your model relies on.",
    )
}
