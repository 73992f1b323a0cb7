//! A plan on disk: `plan.json`, `donors.safetensors`, `targets.safetensors`, and the scores that come back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use simbias_data::read::{ArrayValues, NamedArray, SourceTable, parse_safetensors};
use simbias_data::{ClassLabels, Stratum, Target, read_array};
use simbias_reliance::{Plan, PlanDocument};

use crate::{RunDirectory, RunError};

/// Name of the plan's document.
const DOCUMENT: &str = "plan.json";
/// Name of the file with the donors, `u32` of shape `[repeats, rows]`.
const DONORS: &str = "donors.safetensors";
/// Name of the file with what is to be predicted, and the strata.
const TARGETS: &str = "targets.safetensors";
/// Metadata entry that ties scores to their plan.
pub(crate) const HASH: &str = "plan_hash";
/// Array with the rows of the user's table that are in use, where some are not.
const USED_ROWS: &str = "rows";
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

/// Writes the document, the donors and the targets into the directory of a run. `source` is the user's own table, if the
/// plan names its columns: the donors then say which of its rows are in use, unless all are.
///
/// # Errors
/// As [`RunDirectory::place`].
pub fn write_plan(
    run: &RunDirectory,
    plan: &Plan,
    source: Option<&SourceTable>,
) -> Result<(), RunError> {
    run.write_json(DOCUMENT, &plan.document)?;

    let n_rows = plan.document.n_rows;
    let shape = vec![plan.document.repeats, n_rows];
    let mut arrays = vec![RawArray::indices("donors", shape, plan.donors.iter().copied())];
    if let Some(source) = source.filter(|source| source.used_rows.len() < source.n_rows_in_file) {
        let used = source.used_rows.iter().map(|&row| row as u32);
        arrays.push(RawArray::indices(USED_ROWS, vec![n_rows], used));
    }
    write_arrays(run, DONORS, &arrays, (HASH, plan.document.hash.clone()))?;

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

/// The text of a plan's `HOWTO.md`: how to score it, with code for Python. `source` is the user's own table, if the plan
/// names its columns.
pub fn howto(plan: &Plan, is_materialized: bool, source: Option<&SourceTable>) -> String {
    let document = &plan.document;
    let n_jobs = document.jobs.len();
    let reads = source.map(|source| match source.delimiter() {
        None => ("pd.read_parquet", String::new()),
        Some(',') => ("pd.read_csv", String::new()),
        Some('\t') => ("pd.read_csv", ", sep=\"\\t\"".into()),
        Some(delimiter) => ("pd.read_csv", format!(", sep=\"{delimiter}\"")),
    });
    let rows = match (&reads, is_materialized, source) {
        (Some((read, separator)), true, Some(source)) => format!(
            "    rows = {read}(f\"inputs/job-{{job['id']:05}}.{}\"{separator})  # your table with exchanged cells\n",
            source.extension()
        ),
        (Some(_), false, _) => concat!(
            "    rows = table.copy()\n",
            "    if job[\"block\"] is not None:\n",
            "        inside = columns[job[\"block\"]]\n",
            "        moved = [name for name in features if (name in inside) != job[\"complement\"]]\n",
            "        for name in moved:\n",
            "            rows[name] = table[name].to_numpy()[donors[job[\"repeat\"]]]\n",
        )
        .into(),
        (_, true, _) => "    rows = np.load(f\"inputs/job-{job['id']:05}.npy\")  # .safetensors when the model has several inputs\n".into(),
        (None, false, _) => concat!(
            "    rows = X.copy()                      # [rows, features], as the plan's data were read\n",
            "    if job[\"block\"] is not None:\n",
            "        inside = np.zeros(X.shape[1], bool)\n",
            "        inside[columns[job[\"block\"]]] = True\n",
            "        moved = ~inside if job[\"complement\"] else inside\n",
            "        rows[:, moved] = X[donors[job[\"repeat\"]]][:, moved]\n",
        )
        .into(),
    };
    let (pandas, before) = match (&reads, is_materialized) {
        (Some(_), true) => ("import pandas as pd\n", String::new()),
        (Some((read, separator)), false) => {
            let some_are_used =
                source.is_some_and(|source| source.used_rows.len() < source.n_rows_in_file);
            let used = if some_are_used {
                format!(
                    "table = table.iloc[load_file(\"{DONORS}\")[\"{USED_ROWS}\"]].reset_index(drop=True)  # the rows in use\n"
                )
            } else {
                String::new()
            };
            (
                "import pandas as pd\n",
                format!(
                    "table = {read}(\"YOUR-TABLE\"{separator})  # the file that the plan was made from\n{used}\
                     features = [column[\"name\"] for column in plan[\"source_columns\"]]\n\
                     columns = {{block[\"name\"]: block[\"source_columns\"] for block in plan[\"blocks\"]}}\n"
                ),
            )
        }
        (None, _) => (
            "",
            "columns = {block[\"name\"]: block[\"columns\"] for block in plan[\"blocks\"]}\n"
                .into(),
        ),
    };
    let classes = match document.classes.as_slice() {
        [] => String::new(),
        [first, second] => format!(
            "Logits of two classes in this order: {first}, {second}; a single score is larger for {second}.\n"
        ),
        classes => format!("Logits in the order of the classes: {}.\n", classes.join(", ")),
    };
    format!(
        "# How to score this plan\n\n\
         {n_jobs} jobs of {} rows. Score the rows of every job with your model, in evaluation mode, and stack the\n\
         scores in the order of the jobs: shape [{n_jobs}, {}] for one score per row, [{n_jobs}, {}, classes] for logits.\n\
         {classes}Give logits, not probabilities: rounding near 0 and 1 destroys their order.\n\n\
         ```python\n\
         import json, numpy as np\n\
         {pandas}from safetensors.numpy import load_file, save_file\n\n\
         plan = json.load(open(\"{DOCUMENT}\"))\n\
         donors = load_file(\"{DONORS}\")[\"donors\"]\n\
         {before}scores = []\n\
         for job in plan[\"jobs\"]:\n\
         {rows}    scores.append(my_model(rows))\n\
         save_file({{\"scores\": np.stack(scores).astype(np.float32)}}, \"scores.safetensors\", {{\"{HASH}\": plan[\"hash\"]}})\n\
         ```\n\n\
         Then: `simbias reliance score --plan THIS-FOLDER --scores scores.safetensors`. A plain `scores.npy` works\n\
         too, but carries no hash, so scores of another plan would not be noticed.\n",
        document.n_rows, document.n_rows, document.n_rows,
    )
}
