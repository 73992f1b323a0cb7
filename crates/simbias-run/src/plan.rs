//! A plan on disk: `plan.json`, `donors.safetensors`, `targets.safetensors`, and the randomized rows when asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use simbias_data::read::{ArrayValues, NamedArray, parse_safetensors};
use simbias_data::transform::Transform;
use simbias_data::{
    ClassLabels, Dataset, Stratum, Target, read_array, write_npy, write_safetensors,
};
use simbias_reliance::{Job, Plan, PlanDocument, Side, randomized_rows};
use simbias_report::{Progress, Steps};

use crate::{RunDirectory, RunError};

/// Name of the plan's document.
const DOCUMENT: &str = "plan.json";
/// Name of the file with the donors, `u32` of shape `[repeats, rows]`.
const DONORS: &str = "donors.safetensors";
/// Name of the file with what is to be predicted, and the strata.
const TARGETS: &str = "targets.safetensors";
/// Metadata entry that ties scores to their plan.
const HASH: &str = "plan_hash";
/// Metadata entry with the names behind the indices: an object of lists, by array.
const NAMES: &str = "names";
/// Array of the target.
const TARGET: &str = "target";
/// Prefix of the arrays of strata.
const STRATUM: &str = "stratum/";

/// An array as safetensors has it.
struct RawArray {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl RawArray {
    fn indices(
        name: impl Into<String>,
        shape: Vec<usize>,
        indices: impl Iterator<Item = u32>,
    ) -> Self {
        let bytes = indices.flat_map(u32::to_le_bytes).collect();
        Self { name: name.into(), dtype: Dtype::U32, shape, bytes }
    }
}

/// Writes arrays with one metadata entry: several would come in random order.
fn write_arrays(
    run: &RunDirectory,
    file: &str,
    arrays: &[RawArray],
    entry: (&str, String),
) -> Result<(), RunError> {
    let failed = |error: safetensors::SafeTensorError| {
        RunError::write(&run.path().join(file), std::io::Error::other(error))
    };
    let mut views = Vec::new();
    for RawArray { name, dtype, shape, bytes } in arrays {
        views.push((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(failed)?));
    }
    let metadata = HashMap::from([(entry.0.to_string(), entry.1)]);
    run.write(file, &safetensors::serialize(views, Some(metadata)).map_err(failed)?)
}

/// Writes the document, the donors and the targets into the directory of a run.
///
/// # Errors
/// As [`RunDirectory::place`].
pub fn write_plan(run: &RunDirectory, plan: &Plan) -> Result<(), RunError> {
    run.write_json(DOCUMENT, &plan.document)?;

    let n_rows = plan.document.n_rows;
    let shape = vec![plan.document.repeats, n_rows];
    let donors = RawArray::indices("donors", shape, plan.donors.iter().copied());
    write_arrays(run, DONORS, &[donors], (HASH, plan.document.hash.clone()))?;

    let mut names = serde_json::Map::new();
    let mut arrays = Vec::new();
    match &plan.target {
        Target::Classes(labels) => {
            names.insert(TARGET.into(), labels.names.clone().into());
            arrays.push(RawArray::indices(TARGET, vec![n_rows], labels.indices.iter().copied()));
        }
        Target::Values(values) => arrays.push(RawArray {
            name: TARGET.into(),
            dtype: Dtype::F64,
            shape: vec![n_rows],
            bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }),
    }
    for stratum in &plan.strata {
        let name = format!("{STRATUM}{}", stratum.name);
        names.insert(name.clone(), stratum.values.clone().into());
        arrays.push(RawArray::indices(name, vec![n_rows], stratum.indices.iter().copied()));
    }
    write_arrays(run, TARGETS, &arrays, (NAMES, serde_json::Value::Object(names).to_string()))
}

/// An open file of arrays.
struct Arrays {
    path: PathBuf,
    arrays: Vec<NamedArray>,
    metadata: HashMap<String, String>,
}

impl Arrays {
    fn open(path: PathBuf) -> Result<Self, RunError> {
        let bytes = std::fs::read(&path).map_err(|error| bad(&path, error.to_string()))?;
        let metadata = metadata(&bytes).map_err(|problem| bad(&path, problem))?;
        Ok(Self { arrays: parse_safetensors(&path, &bytes)?, path, metadata })
    }

    fn find(&self, name: &str) -> Result<&NamedArray, RunError> {
        self.arrays
            .iter()
            .find(|array| array.name == name)
            .ok_or_else(|| bad(&self.path, format!("there is no array {name:?}")))
    }

    /// The array as indices below `n_values`.
    fn indices(&self, array: &NamedArray, n_values: usize) -> Result<Vec<u32>, RunError> {
        let indices: Option<Vec<u32>> = match &array.values {
            ArrayValues::I64(values) => {
                values.iter().map(|&value| u32::try_from(value).ok()).collect()
            }
            _ => None,
        };
        indices
            .filter(|indices| indices.iter().all(|&index| (index as usize) < n_values))
            .ok_or_else(|| {
                bad(&self.path, format!("{:?} does not hold indices below {n_values}", array.name))
            })
    }

    /// The names behind the indices of array `name`.
    fn names(&self, name: &str) -> Result<Vec<String>, RunError> {
        let text = self.metadata.get(NAMES).map_or("", String::as_str);
        let mut all: HashMap<String, Vec<String>> = serde_json::from_str(text).map_err(|_| {
            bad(&self.path, format!("the metadata entry {NAMES:?} is missing or damaged"))
        })?;
        all.remove(name).ok_or_else(|| bad(&self.path, format!("there are no names for {name:?}")))
    }
}

fn bad(path: &Path, problem: String) -> RunError {
    RunError::Plan { path: path.into(), problem }
}

/// Reads a plan's directory back and checks that nothing in it was changed.
///
/// # Errors
/// [`RunError::Plan`], and what [`Plan::from_parts`] says.
pub fn read_plan(folder: &Path) -> Result<Plan, RunError> {
    let path = folder.join(DOCUMENT);
    let text = std::fs::read_to_string(&path).map_err(|error| bad(&path, error.to_string()))?;
    let document: PlanDocument =
        serde_json::from_str(&text).map_err(|error| bad(&path, format!("not a plan: {error}")))?;

    let file = Arrays::open(folder.join(DONORS))?;
    let donors = file.find("donors")?;
    let &[n_repeats, n_rows] = donors.shape.as_slice() else {
        return Err(bad(&file.path, format!("donors have shape {:?}", donors.shape)));
    };
    let donors = file.indices(donors, document.n_rows)?;
    let donors = Array2::from_shape_vec((n_repeats, n_rows), donors)
        .map_err(|error| bad(&file.path, format!("donors: {error}")))?;

    let file = Arrays::open(folder.join(TARGETS))?;
    let target = file.find(TARGET)?;
    let target = match &target.values {
        ArrayValues::F64(values) => Target::Values(values.clone()),
        _ => {
            let names = file.names(TARGET)?;
            Target::Classes(ClassLabels { indices: file.indices(target, names.len())?, names })
        }
    };
    let mut strata = Vec::new();
    for stratum in &file.arrays {
        if let Some(name) = stratum.name.strip_prefix(STRATUM) {
            let values = file.names(&stratum.name)?;
            let indices = file.indices(stratum, values.len())?;
            if indices.len() != document.n_rows {
                return Err(bad(
                    &file.path,
                    format!("{:?} has {} rows", stratum.name, indices.len()),
                ));
            }
            strata.push(Stratum { name: name.into(), indices, values });
        }
    }
    Ok(Plan::from_parts(document, donors, target, strata)?)
}

fn metadata(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    Ok(header.metadata().clone().unwrap_or_default())
}

/// Scores that came back: `[n_jobs, n_rows, n_outputs]`, and the plan hash that travelled with them.
///
/// # Errors
/// [`RunError::Texts`], [`RunError::ScoreShape`], files that cannot be read.
pub fn read_scores(path: &Path) -> Result<(Array3<f64>, Option<String>), RunError> {
    let array = read_array(path)?;
    let values =
        array.to_f64().ok_or_else(|| RunError::Texts { path: path.into(), expected: "scores" })?;
    let shape = match *array.shape.as_slice() {
        [n_jobs, n_rows] => (n_jobs, n_rows, 1),
        [n_jobs, n_rows, n_outputs] => (n_jobs, n_rows, n_outputs),
        _ => {
            return Err(RunError::ScoreShape { path: path.into(), found: array.shape });
        }
    };
    let scores = Array3::from_shape_vec(shape, values)
        .map_err(|_| RunError::ScoreShape { path: path.into(), found: array.shape })?;
    let is_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
    let hash = match is_safetensors {
        true => std::fs::read(path).ok().and_then(|bytes| metadata(&bytes).ok()?.remove(HASH)),
        false => None,
    };
    Ok((scores, hash))
}

/// Rows to be randomized and written.
#[derive(Clone, Copy)]
pub struct Materialized<'a> {
    /// The rows as they are.
    pub data: &'a Dataset,
    /// The transform after which the blocks select coordinates.
    pub transform: &'a dyn Transform,
}

impl Materialized<'_> {
    /// Writes the rows of every job, one file per job, under `inputs/`.
    ///
    /// # Errors
    /// As [`RunDirectory::place`]; [`RunError::Interrupted`] between two jobs.
    pub fn write(
        &self,
        run: &RunDirectory,
        plan: &Plan,
        progress: &dyn Progress,
    ) -> Result<(), RunError> {
        let jobs = &plan.document.jobs;
        let mut steps = Steps::new(progress, jobs.len());
        for job in jobs {
            steps.begin()?;
            let rows = self.rows(plan, job);
            let mut arrays: Vec<NamedArray> = self
                .data
                .layout
                .tensors()
                .iter()
                .map(|tensor| {
                    let columns = tensor.offset..tensor.offset + tensor.n_features();
                    let values = rows.slice(ndarray::s![.., columns]).iter().copied().collect();
                    let mut shape = vec![rows.nrows()];
                    shape.extend(&tensor.shape);
                    NamedArray {
                        name: tensor.name.clone(),
                        shape,
                        values: ArrayValues::F32(values),
                    }
                })
                .collect();
            let stem = format!("inputs/job-{:05}", job.id);
            match (arrays.len(), arrays.pop()) {
                (1, Some(only)) => write_npy(&run.place(&format!("{stem}.npy"))?, &only)?,
                (_, last) => {
                    arrays.extend(last);
                    let hash = (HASH.to_string(), plan.document.hash.clone());
                    write_safetensors(
                        &run.place(&format!("{stem}.safetensors"))?,
                        &arrays,
                        &[hash],
                    )?;
                }
            }
        }
        Ok(())
    }

    fn rows(&self, plan: &Plan, job: &Job) -> Array2<f32> {
        let block = job.block.as_ref();
        let block = plan.document.blocks.iter().find(|candidate| Some(&candidate.name) == block);
        match (block, job.repeat) {
            (Some(block), Some(repeat)) => {
                let side = if job.complement { Side::Complement } else { Side::Block };
                let donors: Vec<u32> = plan.donors.row(repeat).to_vec();
                randomized_rows(
                    self.data.rows.view(),
                    self.transform,
                    &block.columns,
                    &donors,
                    side,
                )
            }
            _ => self.data.rows.clone(),
        }
    }
}

/// The text of a plan's `HOWTO.md`: how to score it, with code for Python.
pub fn howto(plan: &Plan, is_materialized: bool) -> String {
    let document = &plan.document;
    let n_jobs = document.jobs.len();
    let rows = if is_materialized {
        "    rows = np.load(f\"inputs/job-{job['id']:05}.npy\")  # .safetensors when the model has several inputs\n"
    } else {
        concat!(
            "    rows = X.copy()                      # [rows, features], as the plan's data were read\n",
            "    if job[\"block\"] is not None:\n",
            "        inside = np.zeros(X.shape[1], bool)\n",
            "        inside[columns[job[\"block\"]]] = True\n",
            "        moved = ~inside if job[\"complement\"] else inside\n",
            "        rows[:, moved] = X[donors[job[\"repeat\"]]][:, moved]\n",
        )
    };
    format!(
        "# How to score this plan\n\n\
         {n_jobs} jobs of {} rows. Score the rows of every job with your model, in evaluation mode, and stack the\n\
         scores in the order of the jobs: shape [{n_jobs}, {}] for one score per row, [{n_jobs}, {}, classes] for logits.\n\
         Give logits, not probabilities: rounding near 0 and 1 destroys their order.\n\n\
         ```python\n\
         import json, numpy as np\n\
         from safetensors.numpy import load_file, save_file\n\n\
         plan = json.load(open(\"{DOCUMENT}\"))\n\
         donors = load_file(\"{DONORS}\")[\"donors\"]\n\
         columns = {{block[\"name\"]: block[\"columns\"] for block in plan[\"blocks\"]}}\n\
         scores = []\n\
         for job in plan[\"jobs\"]:\n\
         {rows}    scores.append(my_model(rows))\n\
         save_file({{\"scores\": np.stack(scores).astype(np.float32)}}, \"scores.safetensors\", {{\"{HASH}\": plan[\"hash\"]}})\n\
         ```\n\n\
         Then: `simbias reliance score --plan THIS-FOLDER --scores scores.safetensors`. A plain `scores.npy` works\n\
         too, but carries no hash, so scores of another plan would not be noticed.\n",
        document.n_rows, document.n_rows, document.n_rows,
    )
}
