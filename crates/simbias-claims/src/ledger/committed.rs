//! The ledger that comes with the program, and a user's own runs on top of it.

use super::Ledger;

/// What was found for the release; available in any working directory.
const COMMITTED: &str = include_str!("../../ledger.json");

impl Ledger {
    /// The ledger that comes with this version of the program.
    pub fn committed() -> Self {
        Self::from_json(COMMITTED).expect("a test reads the ledger that is compiled in")
    }

    /// The committed ledger with a user's own entries in place of those of the same claim and scale.
    ///
    /// Own entries are marked by [`super::LedgerEntry::is_own`], except those that equal the committed ones. An own
    /// entry that says *not run* never replaces a measured one.
    pub fn with_own(own: Self) -> Self {
        let mut ledger = Self::committed();
        for mut entry in own.entries {
            entry.is_own = ledger.entry(&entry.claim, entry.scale) != Some(&entry);
            ledger.put(entry);
        }
        ledger
    }
}
