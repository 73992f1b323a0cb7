//! `simbias reliance plan`: what to score, for a model of any framework.

use std::path::PathBuf;

use serde_json::json;
use simbias_data::Dataset;
use simbias_data::read::{SourceTable, read_source_table};
use simbias_reliance::{Plan, RelianceOptions};
use simbias_report::format;
use simbias_run::{Materialized, howto, of_dataset, write_plan};

use super::options::DonorArgs;
use super::run::label_map;
use crate::commands::arguments::{BlocksArgs, DataArgs};
use crate::shell::{Failure, Finished, Shell};

/// Write down what to score, for a model of any framework.
///
/// plan.json lists the jobs; donors.safetensors holds the donor of every row in every repeat. With
/// --materialize the randomized rows themselves are written, one file per job: your own table with exchanged cells, or arrays. HOWTO.md in the plan says how to
/// score them; `simbias reliance score` turns the scores into a report.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance plan --data X.npy --labels y.npy --blocks blocks.toml --out plan
  simbias reliance plan --data photos/ --image-size 64x64 --blocks bands:4 --materialize --out plan
  simbias reliance score --plan plan --scores scores.npy")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    #[command(flatten)]
    donors: DonorArgs,
    /// Write the randomized rows of every job
    #[arg(long)]
    materialize: bool,
    /// New directory for the plan
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl PlanArgs {
    /// The user's own table, if the data come from one and each of its columns lies in a block as a whole; the plan then
    /// names the columns.
    fn source_of(
        &self,
        plan: &mut Plan,
        data: &Dataset,
        is_identity: bool,
        shell: &Shell,
    ) -> Result<Option<SourceTable>, Failure> {
        if !is_identity || data.layout.column_names().is_none() {
            return Ok(None);
        }
        let source =
            read_source_table(shell.input(&self.data.data)?, &self.data.reading.options())?;
        let Some(source) = source.filter(|source| source.rows.len() == data.n_rows()) else {
            return Ok(None);
        };
        plan.name_columns(&data.layout);
        Ok((!plan.document.source_columns.is_empty()).then_some(source))
    }

    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = shell.open_run(Some(&self.out))?;
        let data = self.data.read(shell)?;
        let resolved = self.blocks.resolve(&data, shell)?;
        if !self.materialize && !resolved.transform.is_identity() {
            return Err(Failure::input(
                "the blocks select coordinates after a transform, which donor rows alone cannot express",
            )
            .hint("--materialize writes the randomized rows themselves"));
        }
        let options = self.donors.set(RelianceOptions::default());
        let mut plan = Plan::new(&data, &resolved.blocks, &options, shell.seed())?;
        let source = self.source_of(&mut plan, &data, resolved.transform.is_identity(), shell)?;
        label_map(shell, &data);
        for note in &resolved.notes {
            shell.note(note);
        }
        write_plan(&run, &plan, source.as_ref())?;
        if self.materialize {
            let bytes = plan.document.jobs.len() * data.rows.len() * size_of::<f32>();
            shell.note(&format!("the rows of all jobs take about {:.1} MB", bytes as f64 / 1e6));
            let progress = shell.progress("writing rows");
            let transform = &*resolved.transform;
            let materialized = Materialized { data: &data, transform, source: source.as_ref() };
            materialized.write(&run, &plan, &progress)?;
        }
        run.write("HOWTO.md", howto(&plan, self.materialize, source.as_ref()).as_bytes())?;
        let document = &plan.document;
        let result = json!({
            "schema": document.schema,
            "hash": document.hash,
            "n_rows": document.n_rows,
            "n_jobs": document.jobs.len(),
            "auc_half_width_at_chance": document.auc_half_width_at_chance,
        });
        shell.note(&format!(
            "{} jobs of {} rows; with balanced classes a 95 % interval of an AUC near ½ reaches ± {}",
            document.jobs.len(),
            format::count(document.n_rows as u64),
            format::number(document.auc_half_width_at_chance, 3),
        ));
        let path = shell.close_files(run, vec![of_dataset(&self.data.data, &data)], &result)?;
        shell.note(&format!(
            "plan: {}\nnext: see {}",
            path.display(),
            path.join("HOWTO.md").display()
        ));
        Ok(Finished::Done)
    }
}
