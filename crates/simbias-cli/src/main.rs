//! The command line of simbias.
fn main() {}
