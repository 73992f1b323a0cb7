//! Golden data of the papers' methods.

mod outliers;
mod select;
mod training;
