//! All claims, and how a user names them.

use crate::papers::TABLES;
use crate::{Claim, ClaimError, Paper};

/// Every claim, in the papers' order.
pub fn all() -> impl Iterator<Item = &'static Claim> {
    TABLES.iter().flat_map(|claims| claims.iter())
}

/// Every paper that has claims, each once, in order.
pub fn all_papers() -> impl Iterator<Item = &'static Paper> {
    TABLES.iter().filter_map(|claims| claims.first()).map(|claim| claim.paper)
}

/// The claim with that id, ignoring case.
pub fn claim(id: &str) -> Option<&'static Claim> {
    all().find(|claim| claim.id.eq_ignore_ascii_case(id))
}

/// The claims that a user means: ids (`P2-C1`), papers (`02`, `2`, `P2`, `pitfalls`) or `all`, separated
/// by commas. They come in the table's order, each once.
///
/// # Errors
/// [`ClaimError::Unknown`] for the first unknown name.
pub fn select(names: &str) -> Result<Vec<&'static Claim>, ClaimError> {
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    for name in &names {
        if !all().any(|claim| is_meant(name, claim)) {
            return Err(ClaimError::Unknown { found: (*name).into() });
        }
    }
    Ok(all().filter(|claim| names.iter().any(|name| is_meant(name, claim))).collect())
}

fn is_meant(name: &str, claim: &Claim) -> bool {
    let paper = claim.paper;
    let digits = name.strip_prefix(['p', 'P']).unwrap_or(name);
    let same_number = digits.parse::<u32>().is_ok_and(|number| paper.number.parse() == Ok(number));
    name.eq_ignore_ascii_case("all")
        || name.eq_ignore_ascii_case(claim.id)
        || name.eq_ignore_ascii_case(paper.slug)
        || same_number
}
