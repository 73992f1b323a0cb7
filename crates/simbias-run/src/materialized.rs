//! The rows of a plan's jobs on disk: the user's own table with exchanged cells, or arrays.

use ndarray::Array2;
use simbias_data::read::{ArrayValues, NamedArray, SourceTable};
use simbias_data::transform::Transform;
use simbias_data::{Dataset, write_npy, write_safetensors};
use simbias_reliance::{Job, Plan, Side, randomized_rows};
use simbias_report::{Progress, Steps};

use crate::plan::HASH;
use crate::{RunDirectory, RunError};

/// Rows to be randomized and written.
#[derive(Clone, Copy)]
pub struct Materialized<'a> {
    /// The rows as they are.
    pub data: &'a Dataset,
    /// The transform after which the blocks select coordinates.
    pub transform: &'a dyn Transform,
    /// The user's own table, if the rows come from one and the plan names its columns: it is written instead of arrays.
    pub source: Option<&'a SourceTable>,
}

impl Materialized<'_> {
    /// Writes the rows of every job, one file per job, under `inputs/`.
    ///
    /// # Errors
    /// As [`RunDirectory::place`]; [`RunError::Interrupted`] between two jobs; [`RunError::Plan`] for a table that lacks a
    /// column of the plan.
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
            let stem = format!("inputs/job-{:05}", job.id);
            match self.source {
                Some(source) => {
                    let path = run.place(&format!("{stem}.{}", source.extension()))?;
                    exchanged(source, plan, job)
                        .map_err(|problem| RunError::Plan { path: path.clone(), problem })?
                        .write(&path)?;
                }
                None => self.write_arrays(run, plan, job, &stem)?,
            }
        }
        Ok(())
    }

    fn write_arrays(
        &self,
        run: &RunDirectory,
        plan: &Plan,
        job: &Job,
        stem: &str,
    ) -> Result<(), RunError> {
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
                NamedArray { name: tensor.name.clone(), shape, values: ArrayValues::F32(values) }
            })
            .collect();
        match (arrays.len(), arrays.pop()) {
            (1, Some(only)) => write_npy(&run.place(&format!("{stem}.npy"))?, &only)?,
            (_, last) => {
                arrays.extend(last);
                let hash = (HASH.to_string(), plan.document.hash.clone());
                write_safetensors(&run.place(&format!("{stem}.safetensors"))?, &arrays, &[hash])?;
            }
        }
        Ok(())
    }

    fn rows(&self, plan: &Plan, job: &Job) -> Array2<f32> {
        let block = job.block.as_ref();
        let block = plan.document.blocks.iter().find(|found| Some(&found.block.name) == block);
        match (block, job.repeat) {
            (Some(block), Some(repeat)) => {
                let side = if job.complement { Side::Complement } else { Side::Block };
                let donors: Vec<u32> = plan.donors.row(repeat).to_vec();
                randomized_rows(
                    self.data.rows.view(),
                    self.transform,
                    &block.block.columns,
                    &donors,
                    side,
                )
            }
            _ => self.data.rows.clone(),
        }
    }
}

/// The user's table with the cells that `job` takes from donor rows.
fn exchanged(source: &SourceTable, plan: &Plan, job: &Job) -> Result<SourceTable, String> {
    let mut table = source.clone();
    let block = job.block.as_ref();
    let block = plan.document.blocks.iter().find(|found| Some(&found.block.name) == block);
    let (Some(block), Some(repeat)) = (block, job.repeat) else { return Ok(table) };
    let donors = plan.donors.row(repeat);
    for column in &plan.document.source_columns {
        if block.source_columns.contains(&column.name) == job.complement {
            continue;
        }
        let place = source
            .columns
            .iter()
            .position(|name| *name == column.name)
            .ok_or_else(|| format!("the table has no column {:?}", column.name))?;
        for (row, &donor) in table.rows.iter_mut().zip(donors) {
            row[place].clone_from(&source.rows[donor as usize][place]);
        }
    }
    Ok(table)
}
