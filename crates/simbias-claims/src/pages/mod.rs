//! The claims as pages of a documentation site: an overview, a page for each paper, and a feed of the verdicts that
//! changed. All of it is made from the papers' tables and a ledger, so that the same ledger gives the same bytes.

mod feed;
mod overview;
mod paper;

use crate::{Claim, Ledger, Paper, Scale, all_papers};

/// File name of the feed.
const FEED: &str = "verdicts.atom";

/// One file of the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its name, such as `02-pitfalls.md`.
    pub name: String,
    /// The whole text, with a final newline.
    pub text: String,
}

/// The overview `index.md`, one Markdown page for each paper, such as `02-pitfalls.md`, and the Atom feed
/// `verdicts.atom`, whose links expect the pages beside it as HTML.
pub fn pages(ledger: &Ledger) -> Vec<Page> {
    let mut pages = vec![Page { name: "index.md".into(), text: overview::text(ledger) }];
    for paper in all_papers() {
        pages.push(Page { name: format!("{}.md", stem(paper)), text: paper::text(paper, ledger) });
    }
    pages.push(Page { name: FEED.into(), text: feed::text(ledger) });
    pages
}

/// The page's name without its ending.
fn stem(paper: &Paper) -> String {
    format!("{}-{}", paper.number, paper.slug)
}

/// Where a claim stands on the page of its paper.
fn anchor(claim: &Claim) -> String {
    claim.id.to_ascii_lowercase()
}

/// What a scale means, in a few words.
const fn machine(scale: Scale) -> &'static str {
    match scale {
        Scale::Cpu => "two cores",
        Scale::Gpu => "one accelerator",
        Scale::Full => "the paper's own size",
    }
}
