//! Content hashes of what was read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use simbias_checkpoint::Checkpoint;
use simbias_data::Dataset;
use simbias_data::read::split_location;
use simbias_report::InputFingerprint;

use crate::RunError;

/// Number of bytes at either end of a weight file that enter its fingerprint.
const SAMPLE: u64 = 64 << 10;

/// The rows and labels of a data set that was read from `path`.
pub fn of_dataset(path: &Path, dataset: &Dataset) -> InputFingerprint {
    InputFingerprint {
        name: path.display().to_string(),
        fingerprint: format!("rows:{}", dataset.fingerprint()),
    }
}

/// The bytes of a file.
///
/// # Errors
/// [`RunError::Read`].
pub fn of_file(path: &Path) -> Result<InputFingerprint, RunError> {
    let mut hasher = blake3::Hasher::new();
    File::open(path)
        .and_then(|file| hasher.update_reader(file).map(|_| ()))
        .map_err(|error| RunError::read(path, error))?;
    Ok(InputFingerprint {
        name: path.display().to_string(),
        fingerprint: format!("blake3:{}", &hasher.finalize().to_hex()[..32]),
    })
}

/// Larger exports are known by their ends.
const HASHED_WHOLE: u64 = 256 << 20;

/// The file of an export, `FILE` or `FILE::ARRAY`: its bytes, or name, size and both ends if it is large.
///
/// # Errors
/// [`RunError::Read`].
pub fn of_export(path: &Path) -> Result<InputFingerprint, RunError> {
    let (file, _) = split_location(path);
    let read = |error| RunError::read(&file, error);
    let named = |fingerprint| InputFingerprint { name: path.display().to_string(), fingerprint };
    if std::fs::metadata(&file).map_err(read)?.len() <= HASHED_WHOLE {
        return of_file(&file).map(|whole| named(whole.fingerprint));
    }
    let mut hasher = blake3::Hasher::new();
    sample(&file, &mut hasher).map_err(read)?;
    Ok(named(format!("ends:{}", &hasher.finalize().to_hex()[..32])))
}

/// The files of a checkpoint by name, size and both ends: checkpoints are too large to read twice.
///
/// # Errors
/// [`RunError::Read`].
pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<InputFingerprint, RunError> {
    let mut hasher = blake3::Hasher::new();
    for file in checkpoint.files() {
        sample(file, &mut hasher).map_err(|error| RunError::read(file, error))?;
    }
    Ok(InputFingerprint {
        name: checkpoint.path().display().to_string(),
        fingerprint: format!("ends:{}", &hasher.finalize().to_hex()[..32]),
    })
}

fn sample(path: &Path, hasher: &mut blake3::Hasher) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let n_bytes = file.metadata()?.len();
    hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes());
    hasher.update(&n_bytes.to_le_bytes());
    for start in [0, n_bytes.saturating_sub(SAMPLE)] {
        file.seek(SeekFrom::Start(start))?;
        let mut part = Vec::new();
        (&mut file).take(SAMPLE).read_to_end(&mut part)?;
        hasher.update(&part);
    }
    Ok(())
}
