//! Public behaviour of the claims registry, the ledger and the documents made from them.

mod documents;
mod ledger;
mod pages;
mod pitfalls;
mod quick;
mod registry;
mod sample;
mod spectra;
