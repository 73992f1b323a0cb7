//! When the bias disappears: part of the reports that measure no reliance.

use simbias_report::Section;

/// `about` says what the figures of this report are no evidence of.
pub(super) fn regime_section(about: &str) -> Section {
    Section::new("method", "How to read this, and when the bias disappears").prose(about).prose(
        "Simplicity bias is a regime, not a law. It weakens when the simple block is noisy and the complex one \
         quickly learnt: in few dimensions a network escapes from a simple block with 30 % noise, in many it stays \
         with one of 10 % noise. On real data it is graded. `simbias claims run P2-C19` maps the regime; \
         `simbias reliance run` measures what your model relies on.",
    )
}
