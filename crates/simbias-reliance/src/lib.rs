//! Which parts of the input a model relies on, by randomization.
