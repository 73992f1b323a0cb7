//! A plan on disk: `plan.json`, `donors.safetensors`, and the randomized rows when asked for.

use std::collections::HashMap;
use std::path::Path;

use ndarray::{Array2, Array3};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use simbias_data::read::{ArrayValues, NamedArray, parse_safetensors};
use simbias_data::transform::Transform;
use simbias_data::{
    ClassLabels, Dataset, Stratum, Target, read_array, write_npy, write_safetensors,
};
use simbias_reliance::{Job, Plan, PlanDocument, Side, randomized_rows};

use crate::shell::{Failure, Progress, RunDirectory};

/// Name of the plan's document.
const DOCUMENT: &str = "plan.json";
/// Name of the file with donors and targets.
const DONORS: &str = "donors.safetensors";
/// Metadata entry that ties scores to their plan.
const HASH: &str = "plan_hash";
/// Metadata entry with the class names, as a JSON list.
const CLASSES: &str = "class_names";
/// Prefix of the arrays of strata; the same name in the metadata lists the values.
const STRATUM: &str = "stratum/";

/// Writes the document and the donors.
pub(super) fn write(run: &RunDirectory, plan: &Plan) -> Result<(), Failure> {
    let document = serde_json::to_value(&plan.document)
        .map_err(|error| Failure::input(format!("the plan cannot be written as JSON: {error}")))?;
    run.write_json(DOCUMENT, &document)?;

    let bytes_of = |indices: &[u32]| -> Vec<u8> {
        indices.iter().flat_map(|index| index.to_le_bytes()).collect()
    };
    let n_rows = plan.document.n_rows;
    let donors: Vec<u32> = plan.donors.iter().copied().collect();
    let mut arrays = vec![(
        "donors".to_string(),
        Dtype::U32,
        vec![plan.document.repeats, n_rows],
        bytes_of(&donors),
    )];
    let mut metadata = HashMap::from([(HASH.to_string(), plan.document.hash.clone())]);
    match &plan.target {
        Target::Classes(labels) => {
            arrays.push(("target".into(), Dtype::U32, vec![n_rows], bytes_of(&labels.indices)));
            metadata.insert(CLASSES.into(), serde_json::json!(labels.names).to_string());
        }
        Target::Values(values) => {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            arrays.push(("target".into(), Dtype::F64, vec![n_rows], bytes));
        }
    }
    for stratum in &plan.strata {
        let name = format!("{STRATUM}{}", stratum.name);
        metadata.insert(name.clone(), serde_json::json!(stratum.values).to_string());
        arrays.push((name, Dtype::U32, vec![n_rows], bytes_of(&stratum.indices)));
    }
    let failed = |error: safetensors::SafeTensorError| {
        Failure::input(format!("the donors cannot be written: {error}"))
    };
    let mut views = Vec::new();
    for (name, dtype, shape, bytes) in &arrays {
        views.push((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(failed)?));
    }
    run.write(DONORS, &safetensors::serialize(views, Some(metadata)).map_err(failed)?)
}

/// Reads a plan's directory back and checks that nothing in it was changed.
pub(super) fn read(folder: &Path) -> Result<Plan, Failure> {
    let hint = "give --plan the directory that `simbias reliance plan` wrote";
    let bad =
        |path: &Path, problem: String| Failure::input(format!("{path:?}: {problem}")).hint(hint);
    let path = folder.join(DOCUMENT);
    let text = std::fs::read_to_string(&path).map_err(|error| bad(&path, error.to_string()))?;
    let document: PlanDocument =
        serde_json::from_str(&text).map_err(|error| bad(&path, format!("not a plan: {error}")))?;

    let path = folder.join(DONORS);
    let bytes = std::fs::read(&path).map_err(|error| bad(&path, error.to_string()))?;
    let metadata = metadata(&bytes).map_err(|problem| bad(&path, problem))?;
    let arrays = parse_safetensors(&path, &bytes)?;
    let array = |name: &str| {
        arrays
            .iter()
            .find(|array| array.name == name)
            .ok_or_else(|| bad(&path, format!("there is no array {name:?}")))
    };
    let texts = |name: &str| -> Result<Vec<String>, Failure> {
        let text = metadata.get(name).map_or("", String::as_str);
        serde_json::from_str(text)
            .map_err(|_| bad(&path, format!("the metadata entry {name:?} is missing or no list")))
    };
    let codes = |array: &NamedArray, n_values: usize| -> Result<Vec<u32>, Failure> {
        let codes =
            indices(array).filter(|codes| codes.iter().all(|&code| (code as usize) < n_values));
        codes.ok_or_else(|| {
            bad(&path, format!("{:?} holds no indices below {n_values}", array.name))
        })
    };
    let donors = array("donors")?;
    let shape =
        (donors.shape.first().copied().unwrap_or(0), donors.shape.get(1).copied().unwrap_or(0));
    let donors = Array2::from_shape_vec(shape, codes(donors, document.n_rows)?)
        .map_err(|error| bad(&path, format!("donors: {error}")))?;
    let target = array("target")?;
    let target = match &target.values {
        ArrayValues::F64(values) => Target::Values(values.clone()),
        _ => {
            let names = texts(CLASSES)?;
            Target::Classes(ClassLabels { indices: codes(target, names.len())?, names })
        }
    };
    let mut strata = Vec::new();
    for stratum in arrays.iter().filter(|array| array.name.starts_with(STRATUM)) {
        let values = texts(&stratum.name)?;
        let indices = codes(stratum, values.len())?;
        strata.push(Stratum { name: stratum.name[STRATUM.len()..].into(), indices, values });
    }
    Ok(Plan::from_parts(document, donors, target, strata)?)
}

fn indices(array: &NamedArray) -> Option<Vec<u32>> {
    match &array.values {
        ArrayValues::I64(values) => values.iter().map(|&value| u32::try_from(value).ok()).collect(),
        _ => None,
    }
}

fn metadata(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    Ok(header.metadata().clone().unwrap_or_default())
}

/// Scores that came back: `[n_jobs, n_rows, n_outputs]`, and the plan hash that travelled with them.
pub(super) fn read_scores(path: &Path) -> Result<(Array3<f64>, Option<String>), Failure> {
    let array = read_array(path)?;
    let values = array
        .to_f64()
        .ok_or_else(|| Failure::input(format!("{path:?} holds texts, not scores")))?;
    let shape = match *array.shape.as_slice() {
        [n_jobs, n_rows] => (n_jobs, n_rows, 1),
        [n_jobs, n_rows, n_outputs] => (n_jobs, n_rows, n_outputs),
        _ => {
            return Err(Failure::input(format!(
                "{path:?}: scores have shape {:?}, expected [jobs, rows] or [jobs, rows, outputs]",
                array.shape
            ))
            .hint("stack the scores of all jobs, in the order of plan.json"));
        }
    };
    let scores = Array3::from_shape_vec(shape, values)
        .map_err(|error| Failure::input(format!("{path:?}: {error}")))?;
    let is_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
    let hash = match is_safetensors {
        true => std::fs::read(path).ok().and_then(|bytes| metadata(&bytes).ok()?.remove(HASH)),
        false => None,
    };
    Ok((scores, hash))
}

/// Rows to be randomized and written.
pub(super) struct Materialized<'a> {
    pub(super) data: &'a Dataset,
    pub(super) transform: &'a dyn Transform,
}

impl Materialized<'_> {
    /// One file a job under `inputs/`.
    pub(super) fn write(
        &self,
        run: &RunDirectory,
        plan: &Plan,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let jobs = &plan.document.jobs;
        for job in jobs {
            progress.set(job.id, jobs.len());
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
        progress.set(jobs.len(), jobs.len());
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

/// How to score the plan, with code for Python.
pub(super) fn howto(plan: &Plan, is_materialized: bool) -> String {
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
         scores in the order of the jobs: shape [{n_jobs}, {}] for one score a row, [{n_jobs}, {}, classes] for logits.\n\
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
         too, but carries no hash, so that scores of another plan would not be noticed.\n",
        document.n_rows, document.n_rows, document.n_rows,
    )
}
