//! Reliance without a framework: write down what to score, score it anywhere, bring the scores back.
//!
//! A plan lists jobs. Job 0 is the unchanged rows; every other job takes one block (or its complement) from
//! donor rows. All jobs of one repeat share one donor map.

use ndarray::{Array2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, Layout, Stratum, Target};
use simbias_report::Caveat;
use simbias_stats::Seed;

use crate::RelianceError;
use crate::block::{Block, BlockSet};
use crate::donors::{DonorMode, DonorSource};
use crate::figures::{Baseline, StratumRows};
use crate::influence::{BlockInfluences, Influences, take_mean_influence};
use crate::measure::{
    BlockRuns, BlockSample, Context, DataFacts, Measurement, RelianceOptions, ScoreSamples,
    StandardRun, check_threshold, probabilities,
};
use crate::metric::{Predictions, Truth};
use crate::verdict::assign_verdicts;

/// Version of `plan.json`.
pub const PLAN_SCHEMA: &str = "simbias.plan/1";

/// One thing to score: all rows, one way of randomizing them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Position in the scores array.
    pub id: usize,
    /// Block name; `None` for the unchanged rows.
    pub block: Option<String>,
    /// Whether everything but the block is taken from donors.
    pub complement: bool,
    /// Row of the donors array; `None` for the unchanged rows.
    pub repeat: Option<usize>,
}

/// A block of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBlock {
    /// Name and coordinates.
    #[serde(flatten)]
    pub block: Block,
    /// The columns of the user's own table that make up the block; empty where the data are not such a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_columns: Vec<String>,
}

/// A column of the user's own table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanColumn {
    /// Its name.
    pub name: String,
    /// The texts that it holds, one coordinate each; `None` for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    /// Its coordinates.
    pub columns: Vec<u32>,
}

/// `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// Hash over everything else here, the donors and the targets.
    pub hash: String,
    /// Name of the data.
    pub data_name: String,
    /// Fingerprint of rows and labels.
    pub data_fingerprint: String,
    /// Number of rows.
    pub n_rows: usize,
    /// Coordinates of a row after the transform.
    pub n_coordinates: usize,
    /// How donors were drawn.
    pub mode: DonorMode,
    /// Number of donor maps.
    pub repeats: usize,
    /// Root seed.
    pub seed: u64,
    /// The classes in the order of their logits; empty for numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The input columns of the user's own table; empty where the data are not a table, or the blocks are not made of
    /// whole columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_columns: Vec<PlanColumn>,
    /// The blocks with their coordinates.
    pub blocks: Vec<PlanBlock>,
    /// The jobs in order.
    pub jobs: Vec<Job>,
    /// Half-width of a 95 % interval of an AUC near ½ with this many balanced rows.
    pub auc_half_width_at_chance: f64,
}

/// A plan with its donor maps and targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What goes into `plan.json`.
    pub document: PlanDocument,
    /// Donor of every row in every repeat, `[repeats, n_rows]`.
    pub donors: Array2<u32>,
    /// What is to be predicted.
    pub target: Target,
    /// Groupings of the rows.
    pub strata: Vec<Stratum>,
}

impl Plan {
    /// Draws the donor maps and lists the jobs.
    ///
    /// # Errors
    /// As [`crate::measure`] for data and options.
    pub fn new(
        data: &Dataset,
        blocks: &BlockSet,
        options: &RelianceOptions,
        seed: Seed,
    ) -> Result<Self, RelianceError> {
        Truth::of(&data.target)?;
        if options.repeats == 0 {
            return Err(RelianceError::Option {
                option: "repeats".into(),
                problem: "0 donor maps measure nothing; use 1 or more".into(),
            });
        }
        let source = DonorSource::new(options.mode, data, options.donor_stratum.as_deref(), seed)?;
        let mut donors = Array2::zeros((options.repeats, data.n_rows()));
        for (repeat, mut row) in donors.rows_mut().into_iter().enumerate() {
            row.assign(&ndarray::Array1::from(source.draw(repeat)));
        }
        let mut jobs = vec![Job { id: 0, block: None, complement: false, repeat: None }];
        let sides: &[bool] = if options.complement { &[false, true] } else { &[false] };
        for block in blocks.blocks() {
            for &complement in sides {
                for repeat in 0..options.repeats {
                    let (id, block) = (jobs.len(), Some(block.name.clone()));
                    jobs.push(Job { id, block, complement, repeat: Some(repeat) });
                }
            }
        }
        let n = data.n_rows() as f64;
        let document = PlanDocument {
            schema: PLAN_SCHEMA.into(),
            hash: String::new(),
            data_name: data.name.clone(),
            data_fingerprint: data.fingerprint(),
            n_rows: data.n_rows(),
            n_coordinates: blocks.n_features(),
            mode: options.mode,
            repeats: options.repeats,
            seed: seed.value(),
            classes: data.class_labels().map_or_else(Vec::new, |labels| labels.names.clone()),
            source_columns: Vec::new(),
            blocks: blocks
                .blocks()
                .iter()
                .map(|block| PlanBlock { block: block.clone(), source_columns: Vec::new() })
                .collect(),
            jobs,
            auc_half_width_at_chance: 1.96 * ((n + 1.0) / (3.0 * n * n)).sqrt(),
        };
        let mut plan =
            Self { document, donors, target: data.target.clone(), strata: data.strata.clone() };
        plan.document.hash = plan.content_hash();
        Ok(plan)
    }

    /// Names the user's own columns, if `layout` is that of a table whose columns each lie in a block as a whole. For
    /// blocks of untransformed coordinates.
    pub fn name_columns(&mut self, layout: &Layout) {
        let Some(columns) = layout.source_columns() else { return };
        if layout.n_features() != self.document.n_coordinates {
            return;
        }
        let columns: Vec<PlanColumn> = columns
            .into_iter()
            .map(|column| PlanColumn {
                name: column.name,
                categories: column.categories,
                columns: column.columns.map(|column| column as u32).collect(),
            })
            .collect();
        let mut of_blocks = Vec::with_capacity(self.document.blocks.len());
        for block in &self.document.blocks {
            let inside = |index: &u32| block.block.columns.binary_search(index).is_ok();
            let whole: Vec<&PlanColumn> =
                columns.iter().filter(|column| column.columns.iter().all(inside)).collect();
            let n_named: usize = whole.iter().map(|column| column.columns.len()).sum();
            if n_named != block.block.columns.len() {
                return;
            }
            of_blocks.push(whole.iter().map(|column| column.name.clone()).collect());
        }
        for (block, names) in self.document.blocks.iter_mut().zip(of_blocks) {
            block.source_columns = names;
        }
        self.document.source_columns = columns;
        self.document.hash = self.content_hash();
    }

    /// Reassembles a plan from its parts and checks that they belong together.
    ///
    /// # Errors
    /// Another schema, parts whose hash is not the one written in the document, sizes that do not agree.
    pub fn from_parts(
        document: PlanDocument,
        donors: Array2<u32>,
        target: Target,
        strata: Vec<Stratum>,
    ) -> Result<Self, RelianceError> {
        if document.schema != PLAN_SCHEMA {
            return Err(RelianceError::NotComparable {
                problem: format!(
                    "plan schema {:?}; this version reads {PLAN_SCHEMA:?}",
                    document.schema
                ),
            });
        }
        if donors.dim() != (document.repeats, document.n_rows) || target.len() != document.n_rows {
            return Err(RelianceError::NotComparable {
                problem: format!(
                    "donors of shape {:?} and {} targets for {} repeats of {} rows",
                    donors.shape(),
                    target.len(),
                    document.repeats,
                    document.n_rows
                ),
            });
        }
        let n_rows = document.n_rows as u32;
        if donors.iter().any(|&donor| donor >= n_rows) {
            return Err(RelianceError::NotComparable {
                problem: format!("a donor index is out of range; expected 0..{n_rows}"),
            });
        }
        let plan = Self { document, donors, target, strata };
        let found = plan.content_hash();
        if found != plan.document.hash {
            return Err(RelianceError::PlanMismatch { found, expected: plan.document.hash });
        }
        Ok(plan)
    }

    fn content_hash(&self) -> String {
        let unhashed = PlanDocument { hash: String::new(), ..self.document.clone() };
        let mut hasher = blake3::Hasher::new();
        match serde_json::to_vec(&unhashed) {
            Ok(bytes) => hasher.update(&bytes),
            Err(error) => unreachable!("a plan has only plain fields: {error}"),
        };
        for donor in &self.donors {
            hasher.update(&donor.to_le_bytes());
        }
        match &self.target {
            Target::Classes(labels) => {
                labels.indices.iter().for_each(|index| {
                    hasher.update(&index.to_le_bytes());
                });
            }
            Target::Values(values) => {
                values.iter().for_each(|value| {
                    hasher.update(&value.to_le_bytes());
                });
            }
        }
        hasher.finalize().to_hex()[..32].to_string()
    }

    /// The block set of the plan.
    pub fn block_set(&self) -> Result<BlockSet, RelianceError> {
        let blocks = self.document.blocks.iter().map(|block| block.block.clone());
        BlockSet::overlapping(blocks.collect(), self.document.n_coordinates)
    }

    /// Turns scores that came back into a result.
    ///
    /// `scores` has shape `[n_jobs, n_rows, n_outputs]`, jobs in the order of the plan. `plan_hash` is the
    /// hash that travelled with the scores, if any.
    ///
    /// # Errors
    /// Another hash, another shape, scores that are not finite or the same for all jobs, a target without a suitable
    /// metric.
    pub fn evaluate(
        &self,
        scores: ArrayView3<'_, f64>,
        plan_hash: Option<&str>,
        options: &RelianceOptions,
    ) -> Result<Measurement, RelianceError> {
        if let Some(found) = plan_hash
            && found != self.document.hash
        {
            return Err(RelianceError::PlanMismatch {
                found: found.into(),
                expected: self.document.hash.clone(),
            });
        }
        check_threshold(options.threshold)?;
        let (n_jobs, n_rows, n_outputs) = scores.dim();
        if n_jobs != self.document.jobs.len() || n_rows != self.document.n_rows {
            return Err(RelianceError::ScoreShape {
                found: scores.shape().to_vec(),
                expected: format!(
                    "[{} jobs, {} rows] or [{0}, {1}, outputs] as the plan lists them",
                    self.document.jobs.len(),
                    self.document.n_rows
                ),
            });
        }
        let unchanged = scores.index_axis(Axis(0), 0);
        // A model that gives every row the same score has nothing that could change.
        let is_constant = unchanged.outer_iter().all(|of_row| of_row == unchanged.row(0));
        if n_jobs > 1 && !is_constant && scores.outer_iter().all(|of_job| of_job == unchanged) {
            return Err(RelianceError::ScoresNeverChanged { n_jobs });
        }
        let truth = Truth::of(&self.target)?;
        let metric = options.metric.unwrap_or_else(|| truth.default_metric());
        let predictions = |job: &Job| {
            let what = match &job.block {
                None => "job 0 (unchanged rows)".to_string(),
                Some(block) => format!("job {} (block {block:?})", job.id),
            };
            let of_job = scores.index_axis(Axis(0), job.id).to_owned();
            Predictions::from_f64(of_job, &truth, options.threshold, &what)
        };
        let strata = StratumRows::of(&self.strata, &truth);
        let standard = predictions(&self.document.jobs[0])?;
        let baseline = Baseline::new(standard.clone(), &truth, metric)?;
        let mut standard_figures = baseline.figures(&standard, &strata)?;
        let n_conditions = 1 + 2 * self.document.blocks.len();
        let keeps_influences = Influences::are_kept(n_rows, n_conditions);
        let mut runs: Vec<BlockRuns> = Vec::new();
        let mut samples: Vec<BlockSample> = Vec::new();
        let mut influences = Vec::new();
        for PlanBlock { block, .. } in &self.document.blocks {
            let mut run =
                BlockRuns { randomized: Vec::new(), complement: None, conflict: Vec::new() };
            for job in
                self.document.jobs.iter().filter(|job| job.block.as_ref() == Some(&block.name))
            {
                let randomized = predictions(job)?;
                let mut figures = baseline.figures(&randomized, &strata)?;
                if !keeps_influences {
                    figures.influence = Vec::new();
                }
                if job.complement {
                    run.complement.get_or_insert_default().push(figures);
                } else {
                    run.randomized.push(figures);
                }
                if job.repeat == Some(0) {
                    match (job.complement, samples.last_mut()) {
                        (true, Some(sample)) if sample.0 == block.name => {
                            sample.2 = Some(randomized);
                        }
                        _ => samples.push((block.name.clone(), randomized, None)),
                    }
                }
            }
            influences.push(BlockInfluences {
                block: block.name.clone(),
                randomized: take_mean_influence(&mut run.randomized),
                complement: run.complement.as_mut().map(|jobs| take_mean_influence(jobs)),
            });
            runs.push(run);
        }
        let facts = DataFacts {
            name: self.document.data_name.clone(),
            fingerprint: self.document.data_fingerprint.clone(),
            classes: DataFacts::classes(&self.target),
        };
        let options = RelianceOptions {
            mode: self.document.mode,
            repeats: self.document.repeats,
            ..options.clone()
        };
        let context = Context {
            facts: &facts,
            truth: &truth,
            metric,
            options: &options,
            strata: &strata,
            seed: Seed::new(self.document.seed),
        };
        let mut caveats = Vec::from_iter(probabilities(&standard, n_outputs));
        if plan_hash.is_none() {
            caveats.push(Caveat::note(
                "no-plan-hash",
                "The scores carry no plan hash, so only their shape was checked. Write them as safetensors \
                 with the metadata entry \"plan_hash\" to have them checked.",
            ));
        }
        let influences = keeps_influences.then(|| Influences {
            data_fingerprint: facts.fingerprint.clone(),
            standard_value: standard_figures.value,
            standard: take_mean_influence(std::slice::from_mut(&mut standard_figures)),
            blocks: influences,
        });
        let standard_run = StandardRun { predictions: &standard, figures: &standard_figures };
        let mut outcome =
            context.summarise(&self.block_set()?, standard_run, &runs, &[], caveats)?;
        assign_verdicts(&mut outcome, &options.thresholds);
        let samples = ScoreSamples { truth, standard, blocks: samples };
        Ok(Measurement { outcome, samples, influences })
    }
}
