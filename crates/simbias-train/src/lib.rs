//! The training loop, optimisers, attacks, traces, checkpoints and exact resume.
