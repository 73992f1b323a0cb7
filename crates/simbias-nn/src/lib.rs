//! Architectures on burn, with PyTorch-compatible parameter names.
