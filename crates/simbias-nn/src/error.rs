//! Errors of architectures, device names and weight files.

use simbias_checkpoint::CheckpointError;

/// Why a network could not be made, loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// A size of the architecture is invalid.
    #[error("architecture: {field} is {found}, expected {expected}")]
    Architecture {
        /// Name of the offending field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// An unknown layer.
    #[error("unknown layer {name:?}; the network has {}", known.join(", "))]
    UnknownLayer {
        /// The name as given.
        name: String,
        /// All layers.
        known: Vec<String>,
    },
    /// An unknown network.
    #[error("unknown network {name:?}; known are {}", known.join(", "))]
    UnknownNetwork {
        /// The name as given.
        name: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// Data that the named architecture cannot take.
    #[error("{problem}")]
    UnsuitableData {
        /// What it needs.
        problem: String,
    },
    /// An unknown device.
    #[error("unknown device {name:?}; use cpu, cuda, cuda:INDEX, vulkan or vulkan:INDEX")]
    UnknownDevice {
        /// The name as given.
        name: String,
    },
    /// A known device whose backend was left out of this build.
    #[error(
        "device {name:?} is not part of this build; rebuild with `--features {feature}` or use cpu"
    )]
    DeviceNotCompiledIn {
        /// The name as given.
        name: String,
        /// Cargo feature that adds it.
        feature: &'static str,
    },
    /// A parameter has no value in the file.
    #[error(
        "weights lack parameter {name:?} of shape {shape:?}; the file holds {found:?}; check that it \
         was saved from the same architecture"
    )]
    MissingParameter {
        /// Name in the architecture.
        name: String,
        /// Shape in the architecture.
        shape: Vec<usize>,
        /// Some of the names that were found.
        found: Vec<String>,
    },
    /// A weight file is smaller than the described network.
    #[error(
        "the architecture has {n_values} values, more than the {n_bytes} bytes of the weight file can hold; \
         the description or the weights are damaged"
    )]
    TooFewWeights {
        /// Values of all parameters.
        n_values: u64,
        /// Size of the file.
        n_bytes: usize,
    },
    /// A parameter has another shape.
    #[error(
        "parameter {name:?} has shape {found:?} in the weights, the architecture needs {expected:?}"
    )]
    ParameterShape {
        /// Name of the parameter.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the architecture.
        expected: Vec<usize>,
    },
    /// A tensor that belongs to no parameter.
    #[error("weights hold {name:?}, which this architecture does not have; check the architecture")]
    UnexpectedParameter {
        /// Name in the file.
        name: String,
    },
    /// A value is not finite.
    #[error("parameter {name:?}: value {index} is not finite; the weights are damaged or diverged")]
    NotFinite {
        /// Name of the parameter.
        name: String,
        /// Flat index of the first such value.
        index: usize,
    },
    /// An invalid tensor type for weights.
    #[error("parameter {name:?} is stored as {found}, expected floating-point numbers")]
    ParameterType {
        /// Name of the parameter.
        name: String,
        /// Type in the file.
        found: String,
    },
    /// A checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
