//! Checkpoints of every format: what can be read, what must be refused, and writing them again.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod files;
mod golden;
mod hostile;
mod legacy;
mod memory;
mod reading;
mod writing;
