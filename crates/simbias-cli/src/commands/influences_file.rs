//! `influences.safetensors` beside a `result.json`: what every row does to every figure, so that two results over the
//! same rows can be compared row by row.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use simbias_data::read::{ArrayValues, NamedArray, parse_safetensors};
use simbias_data::write_safetensors;
use simbias_reliance::{BlockInfluences, Influences};

use crate::shell::{Failure, RunDirectory};

/// Name of the file.
const NAME: &str = "influences.safetensors";
/// Metadata entry with everything but the values, and its version.
const HEAD: &str = "simbias.influences.v1";
/// Array of the unchanged rows.
const STANDARD: &str = "standard";

#[derive(Serialize, Deserialize)]
struct Head {
    data_fingerprint: String,
    standard_value: f64,
    /// Names of the blocks, in order.
    blocks: Vec<String>,
}

fn randomized(index: usize) -> String {
    format!("block.{index}.randomized")
}

fn complement(index: usize) -> String {
    format!("block.{index}.complement")
}

/// Writes the file into the directory of a run.
pub(super) fn write(run: &RunDirectory, influences: &Influences) -> Result<(), Failure> {
    let array = |name: String, values: &[f32]| NamedArray {
        name,
        shape: vec![values.len()],
        values: ArrayValues::F32(values.to_vec()),
    };
    let mut arrays = vec![array(STANDARD.into(), &influences.standard)];
    for (index, block) in influences.blocks.iter().enumerate() {
        arrays.push(array(randomized(index), &block.randomized));
        arrays.extend(block.complement.as_ref().map(|values| array(complement(index), values)));
    }
    let head = Head {
        data_fingerprint: influences.data_fingerprint.clone(),
        standard_value: influences.standard_value,
        blocks: influences.blocks.iter().map(|block| block.block.clone()).collect(),
    };
    let head = serde_json::to_string(&head)
        .map_err(|error| Failure::input(format!("{NAME} cannot be written: {error}")))?;
    Ok(write_safetensors(&run.place(NAME)?, &arrays, &[(HEAD.into(), head)])?)
}

/// Reads the file beside `result`; `None` if there is none.
pub(super) fn read_beside(result: &Path) -> Result<Option<Influences>, Failure> {
    let path = result.with_file_name(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(&path, &error.to_string())),
    };
    let head = SafeTensors::read_metadata(&bytes)
        .ok()
        .and_then(|(_, metadata)| metadata.metadata().clone()?.remove(HEAD))
        .and_then(|text| serde_json::from_str::<Head>(&text).ok())
        .ok_or_else(|| bad(&path, &format!("the metadata entry {HEAD:?} is missing or damaged")))?;
    let mut arrays: HashMap<String, NamedArray> = parse_safetensors(&path, &bytes)?
        .into_iter()
        .map(|array| (array.name.clone(), array))
        .collect();
    let mut values = |name: &str| match arrays.remove(name)?.values {
        ArrayValues::F32(values) => Some(values),
        _ => None,
    };
    let mut needed =
        |name: &str| values(name).ok_or_else(|| bad(&path, &format!("there is no array {name:?}")));
    let standard = needed(STANDARD)?;
    let of_blocks = head
        .blocks
        .iter()
        .enumerate()
        .map(|(index, _)| needed(&randomized(index)))
        .collect::<Result<Vec<_>, _>>()?;
    let blocks = head
        .blocks
        .into_iter()
        .zip(of_blocks)
        .enumerate()
        .map(|(index, (block, randomized))| BlockInfluences {
            block,
            randomized,
            complement: values(&complement(index)),
        })
        .collect();
    Ok(Some(Influences {
        data_fingerprint: head.data_fingerprint,
        standard_value: head.standard_value,
        standard,
        blocks,
    }))
}

fn bad(path: &Path, problem: &str) -> Failure {
    Failure::input(format!("{path:?}: {problem}"))
        .hint("remove it to compare without pairing over rows, or measure again")
}
