//! A generated data set as files: the arrays, and the blocks beside them.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_json::json;
use simbias_data::read::{ArrayValues, NamedArray};
use simbias_data::{Dataset, Target, write_safetensors, write_whole};

use crate::shell::{Failure, Shell};

/// Version of what `--json` prints.
const SCHEMA: &str = "simbias.synth/1";

/// What is generated, before it is written.
pub(super) struct Generated {
    /// Parts with their names (`train`, …); one part without a name for a set that is not split.
    pub(super) parts: Vec<(Option<&'static str>, GeneratedPart)>,
    /// `Q` of rotated rows `x = z · Q`.
    pub(super) rotation: Option<Array2<f64>>,
    /// Text of the block file; `{data}` stands for the name of the data file.
    pub(super) blocks: String,
    /// What this is, for the file's metadata.
    pub(super) description: String,
}

/// Rows of one part.
pub(super) struct GeneratedPart {
    pub(super) dataset: Dataset,
    /// Whether noise left the row unchanged.
    pub(super) clean_mask: Option<Vec<bool>>,
}

/// The two files of one data set.
pub(super) struct Files {
    data: PathBuf,
    blocks: PathBuf,
}

impl Files {
    /// Checks that both names are free, before anything is generated.
    pub(super) fn open(out: &Path) -> Result<Self, Failure> {
        if out.extension().and_then(|extension| extension.to_str()) != Some("safetensors") {
            return Err(Failure::input(format!("{out:?} does not end in .safetensors"))
                .hint("give --out NAME.safetensors"));
        }
        let files = Self { data: out.into(), blocks: out.with_extension("blocks.toml") };
        for path in [&files.data, &files.blocks] {
            if path.exists() {
                return Err(Failure::input(format!("{path:?} exists")).hint(
                    "nothing is overwritten: give --out a new name, or remove the old file",
                ));
            }
        }
        if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::input(format!("cannot make the folder {folder:?}: {error}"))
            })?;
        }
        Ok(files)
    }

    /// Writes both files and reports it.
    pub(super) fn write(&self, shell: &Shell, generated: Generated) -> Result<(), Failure> {
        shell.check_interrupt()?;
        let mut arrays = Vec::new();
        let (mut parts, mut class_names) = (Vec::new(), Vec::new());
        for (part, content) in generated.parts {
            let called = |name: &str| match part {
                Some(part) => format!("{name}_{part}"),
                None => name.to_string(),
            };
            let GeneratedPart { dataset, clean_mask } = content;
            parts.push(json!({
                "part": part.unwrap_or("all"),
                "n_rows": dataset.n_rows(),
                "n_features": dataset.n_features(),
                "fingerprint": dataset.fingerprint(),
            }));
            if let Some(mask) = clean_mask {
                let values = ArrayValues::Bool(mask.into_iter().map(u8::from).collect());
                arrays.push(NamedArray {
                    name: called("clean_mask"),
                    shape: vec![dataset.n_rows()],
                    values,
                });
            }
            if let Some(labels) = dataset.class_labels() {
                class_names.clone_from(&labels.names);
            }
            arrays.push(targets(called("y"), &dataset.target));
            arrays.push(rows(called("x"), dataset));
        }
        if let Some(rotation) = generated.rotation {
            let shape = rotation.shape().to_vec();
            // Standard layout: a matrix in Fortran order would come back transposed.
            let values = ArrayValues::F64(rotation.as_standard_layout().iter().copied().collect());
            arrays.push(NamedArray { name: "rotation".into(), shape, values });
        }
        let name = self.data.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let blocks = generated.blocks.replace("{data}", &name);
        // One entry: several would come in random order, and equal data must be equal files.
        let about = json!({
            "description": generated.description,
            "generator": concat!("simbias ", env!("CARGO_PKG_VERSION")),
            "seed": shell.seed().value(),
            "class_names": class_names,
        });
        write_safetensors(&self.data, &arrays, &[("simbias".into(), about.to_string())])?;
        write_whole(&self.blocks, |writer| writer.write_all(blocks.as_bytes()))?;
        if shell.wants_json() {
            shell.print_json(&json!({
                "schema": SCHEMA,
                "description": generated.description,
                "data": self.data,
                "blocks": self.blocks,
                "seed": shell.seed().value(),
                "parts": parts,
            }))?;
        }
        shell.note(&format!("data: {}\nblocks: {}", self.data.display(), self.blocks.display()));
        Ok(())
    }
}

fn targets(name: String, target: &Target) -> NamedArray {
    let values = match target {
        Target::Classes(labels) => {
            ArrayValues::I64(labels.indices.iter().map(|&index| i64::from(index)).collect())
        }
        Target::Values(values) => ArrayValues::F64(values.clone()),
    };
    NamedArray { name, shape: vec![target.len()], values }
}

fn rows(name: String, dataset: Dataset) -> NamedArray {
    let mut shape = vec![dataset.n_rows()];
    match dataset.layout.tensors() {
        [one] => shape.extend(&one.shape),
        _ => shape.push(dataset.n_features()),
    }
    let values = ArrayValues::F32(dataset.rows.as_standard_layout().iter().copied().collect());
    NamedArray { name, shape, values }
}

/// A block of image rows over the full width, for a block file.
pub(super) fn rows_block(name: &str, rows: std::ops::Range<usize>) -> String {
    format!(
        "[[block]]\nname = {name:?}\nkind = \"region\"\nrows = \"{}..{}\"\n\n",
        rows.start, rows.end
    )
}
