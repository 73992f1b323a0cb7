//! The blocks of a data set, from a user's words or a file.

use std::path::Path;

use ndarray::Array2;
use simbias_data::transform::Identity;
use simbias_data::{Dataset, read_array};
use simbias_reliance::{BlocksFile, ResolvedBlocks, View, propose_blocks};

use crate::RunError;

/// The blocks of `data` that `words` name: a TOML file, or a short form such as `grid:3x3` or `name=0,3..7;other=8..12`.
/// Without words they are proposed from the data, and the notes say so.
///
/// # Errors
/// Files that cannot be read, blocks that do not fit the data or one another.
pub fn resolve_blocks(
    words: Option<&str>,
    data: &Dataset,
    allow_overlap: bool,
) -> Result<ResolvedBlocks, RunError> {
    let Some(words) = words else {
        return Ok(ResolvedBlocks {
            transform: Box::new(Identity::new(data.n_features())),
            blocks: propose_blocks(data)?,
            whole_images: View::of_whole_images(data),
            notes: vec![
                "No blocks were given, so they were proposed from the data; name your own for a sharper question."
                    .into(),
            ],
        });
    };
    let path = Path::new(words);
    let (definition, folder) = if path.is_file() {
        let text = std::fs::read_to_string(path).map_err(|error| RunError::read(path, error))?;
        (BlocksFile::from_toml(&text)?, path.parent().unwrap_or(Path::new("")))
    } else {
        (BlocksFile::from_short_form(words)?, Path::new(""))
    };
    let load = |name: &str| matrix(&folder.join(name));
    Ok(definition.resolve(data, allow_overlap, &load)?)
}

/// Reads an array as a matrix: all axes but the last are joined, and a single axis becomes one row.
fn matrix(path: &Path) -> Result<Array2<f64>, String> {
    let array = read_array(path).map_err(|error| error.to_string())?;
    let values = array.to_f64().ok_or_else(|| format!("{path:?} holds texts, not numbers"))?;
    let shape = match array.shape.as_slice() {
        [before @ .., last] => (before.iter().product(), *last),
        [] => (1, 1),
    };
    Array2::from_shape_vec(shape, values).map_err(|error| format!("{path:?}: {error}"))
}
