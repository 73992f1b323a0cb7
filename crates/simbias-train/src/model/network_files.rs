//! A trained network as two files: its weights and its description.

use simbias_report::{AnswerFile, write_json};

use super::TrainedNetwork;

impl TrainedNetwork {
    /// Name of the file of its weights, by PyTorch's names.
    pub const WEIGHTS_FILE: &str = "network.safetensors";
    /// Name of the description beside them: architecture, standardisation of the columns, their names and categories, and
    /// the classes.
    pub const DESCRIPTION_FILE: &str = "network.json";

    /// Both files, from which [`TrainedNetwork::load`] makes the network again.
    pub fn files(&self) -> [AnswerFile<'_>; 2] {
        [
            AnswerFile::new(Self::WEIGHTS_FILE, |out| {
                out.write_all(&self.network.network().to_safetensors())
            }),
            AnswerFile::new(Self::DESCRIPTION_FILE, |out| write_json(out, &self.to_json())),
        ]
    }
}
