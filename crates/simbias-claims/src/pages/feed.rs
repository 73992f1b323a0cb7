//! The Atom feed of verdicts that changed. Its times are the days of the runs, never the day of writing.

use simbias_report::Verdict;

use super::{FEED, anchor, stem};
use crate::{Claim, Ledger, VerdictChange, claim};

/// The feed, the latest change first.
pub(super) fn text(ledger: &Ledger) -> String {
    let changes = ledger.changes();
    let latest = changes.iter().map(|change| change.date.as_str()).max().unwrap_or("1970-01-01");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         \x20 <title>simbias: verdicts that changed</title>\n\
         \x20 <subtitle>Claims of the literature on inductive bias, measured again</subtitle>\n\
         \x20 <id>urn:simbias:verdicts</id>\n\
         \x20 <link rel=\"self\" href=\"{FEED}\"/>\n\
         \x20 <link rel=\"alternate\" href=\"index.html\"/>\n\
         \x20 <author><name>simbias</name></author>\n\
         \x20 <updated>{latest}T00:00:00Z</updated>\n"
    );
    let mut newest: Vec<(usize, &VerdictChange)> = changes.iter().enumerate().collect();
    newest.sort_by(|(at, change), (other_at, other)| {
        other.date.cmp(&change.date).then(other_at.cmp(at))
    });
    for (at, change) in newest {
        // The how-manieth change of this claim and scale: changes are only ever added, so that the number stays.
        let earlier = changes[..at]
            .iter()
            .filter(|other| (&other.claim, other.scale) == (&change.claim, change.scale));
        if let Some(claim) = claim(&change.claim) {
            text.push_str(&entry(claim, change, earlier.count() + 1));
        }
    }
    text + "</feed>\n"
}

fn entry(claim: &Claim, change: &VerdictChange, number: usize) -> String {
    let VerdictChange { scale, from, to, reason, date, version, .. } = change;
    let what = match from {
        Verdict::NotRun => format!("{}: {to}, first run", claim.id),
        _ => format!("{}: {to}, before {from}", claim.id),
    };
    let why = if reason.is_empty() { String::new() } else { format!(" Why: {reason}.") };
    let summary = format!(
        "{}. Paper {}, {}. Measured at scale {scale} with version {version}.{why}",
        claim.statement, claim.paper.number, claim.paper.title
    );
    let id = anchor(claim);
    format!(
        "  <entry>\n    <title>{}</title>\n    <id>urn:simbias:verdicts:{id}:{scale}:{number}</id>\n    \
         <link href=\"{}.html#{id}\"/>\n    <updated>{date}T00:00:00Z</updated>\n    \
         <summary>{}</summary>\n  </entry>\n",
        escaped(&what),
        stem(claim.paper),
        escaped(&summary),
    )
}

/// Text that cannot break the XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
