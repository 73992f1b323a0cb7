//! Where a result came from, so that it can be reproduced.

use serde::{Deserialize, Serialize};

use crate::real;

/// Settings in the order in which the command states them.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// One input and its content hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFingerprint {
    /// What the input is, as the user named it.
    pub name: String,
    /// Content hash with its algorithm, such as `blake3:…`.
    pub fingerprint: String,
}

/// Everything needed to run the command again and to judge its cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The command line.
    pub command: String,
    /// All settings, defaults included.
    pub settings: Settings,
    /// Root of the run's randomness.
    pub seed: u64,
    /// Version of simbias.
    pub version: String,
    /// Device that computed.
    pub device: String,
    /// Threads allowed.
    pub threads: usize,
    /// Inputs and their content hashes.
    pub inputs: Vec<InputFingerprint>,
    /// Wall time in seconds.
    #[serde(with = "real")]
    pub wall_seconds: f64,
    /// CPU time in seconds, over all threads.
    #[serde(with = "real")]
    pub cpu_seconds: f64,
    /// When the run started, with its time zone.
    pub started: String,
}

impl Provenance {
    /// Adds an input.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, fingerprint: impl Into<String>) -> Self {
        self.inputs.push(InputFingerprint { name: name.into(), fingerprint: fingerprint.into() });
        self
    }

    /// Adds a setting; a later one of the same name replaces it.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }
}
