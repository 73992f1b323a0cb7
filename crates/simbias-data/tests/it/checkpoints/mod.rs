//! Checkpoints of every format: what can be read, what must be refused, and writing them again.

mod files;
mod hostile;
mod reading;
mod writing;
