//! The claims of the papers as executable checks, and their ledger.
