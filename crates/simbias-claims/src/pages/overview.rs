//! The page that lists every claim of every paper.

use simbias_report::Verdict;

use super::{FEED, anchor, stem};
use crate::markdown::{cell, counts, word};
use crate::{Claim, Ledger, Scale, all, all_papers};

/// The overview. Its table is in an element of the class `claims`, in which the site's script adds the filter.
pub(super) fn text(ledger: &Ledger) -> String {
    let mut text = format!(
        "# Claims of the literature, measured again\n\n\
         Each claim is a statement of a paper with the paper's own figure. Its criteria were written before the first \
         run, and one rule turns the figures into a verdict ([the rules](../claims.md#verdicts)). A claim that does \
         not hold stays in the list.\n\n\
         At scale cpu, that is on two cores: {}. Changes of verdicts: [Atom feed]({FEED}).\n\n",
        counts(all(), ledger)
    );
    for paper in all_papers() {
        let of_paper = all().filter(|claim| claim.paper == paper);
        text.push_str(&format!(
            "- Paper {}: [{}]({}.md): {}.\n",
            paper.number,
            paper.title,
            stem(paper),
            counts(of_paper, ledger)
        ));
    }
    text.push_str(
        "\n<div class=\"claims\" markdown>\n\n\
         | claim | statement | the paper's figure | scale | verdict | measured |\n|---|---|---|---|---|---|\n",
    );
    for claim in all() {
        for line in rows(claim, ledger) {
            text.push_str(&line);
        }
    }
    text.push_str("\n</div>\n");
    text
}

/// A line for every scale that has an entry, or one that says that the claim was not run.
fn rows(claim: &Claim, ledger: &Ledger) -> Vec<String> {
    let link = format!("[{}]({}.md#{})", claim.id, stem(claim.paper), anchor(claim));
    let row = |scale: &str, verdict: &str, date: &str| {
        let cells = [&link, claim.statement, claim.paper_figure, scale, verdict, date].map(cell);
        format!("| {} |\n", cells.join(" | "))
    };
    let measured: Vec<String> = Scale::ALL
        .into_iter()
        .filter_map(|scale| ledger.entry(claim.id, scale))
        .map(|entry| row(entry.scale.word(), &word(entry), &entry.stamp.date))
        .collect();
    match measured.is_empty() {
        true => vec![row("", Verdict::NotRun.word(), "")],
        false => measured,
    }
}
