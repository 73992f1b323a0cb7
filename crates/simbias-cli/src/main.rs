//! `simbias`: the program.

// Training allocates and frees megabytes of tensors; the system's allocator returns such pages and faults
// them in again, which takes up to half the time of a CNN's training step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(simbias_cli::main(std::env::args_os().collect()))
}
