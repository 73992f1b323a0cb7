//! `simbias reliance run`: what a model relies on, given rows and blocks.

use std::path::{Path, PathBuf};

use simbias_data::read::{Part, PartChoice};
use simbias_data::transform::Transform;
use simbias_data::{Dataset, ReadOptions, Scorer, read_dataset};
use simbias_reliance::document::{RelianceAnswer, block_examples, decision_chart};
use simbias_reliance::{
    Beside, DonorSource, JournalPart, Measurement, Others, RelianceError, RelianceOptions,
    ResolvedBlocks, decision_map, measure_resumably,
};
use simbias_report::{Caveat, Section};
use simbias_run::{Model, RelianceIdentity, of_dataset};

use super::kept::Kept;
use super::options::{DonorArgs, FigureArgs};
use crate::commands::arguments::{BlocksArgs, DataArgs, OutArgs, notes};
use crate::commands::heat_map::HeatMapArgs;
use crate::commands::model::ModelArgs;
use crate::shell::{Failure, Finished, Shell};

/// Side of a decision map, in cells.
const MAP_CELLS: usize = 64;

/// Measure a model: randomize every block and its complement, with intervals and verdicts.
///
/// Every block is replaced by the values of another, randomly chosen row; the drop of the metric says how much
/// the model needs the block. With everything but the block replaced, it says how far the block carries alone.
///
/// A run that is interrupted, even killed, keeps what is done in a file beside its directory: the same command goes on
/// from there and ends with the same result.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance run --model model.onnx --data test.csv --labels outcome
  simbias reliance run --model runs/train-1/ --data test.csv --labels outcome
  simbias reliance run --model net.onnx --data photos/ --image-size 64x64 --blocks grid:3x3 --repeats 30
  simbias reliance run --model net.onnx --data photos/ --image-size 64x64 --region logo=48..64,40..64
  zcat test.csv.gz | simbias reliance run --model model.onnx --data - --labels outcome
  simbias reliance run --model a.onnx --model b.onnx --model c.onnx --data X.npy --labels y.npy \\
      --blocks blocks.toml --strata hospital --fail-on exclusive,no-signal

A blocks.toml:
  [transform]            # optional, for all blocks: identity, linear, fft2 or dct2
  kind = \"linear\"
  matrix = \"W.npy\"       # rows are x = z · W
  [[block]]
  name = \"age and sex\"
  kind = \"columns\"       # also region, grid, mask, band, bands, linear, modality, auto-correlation, each-column
  names = [\"age\", \"sex=*\"]")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    #[command(flatten)]
    donors: DonorArgs,
    /// Also randomize pairs of blocks: which blocks stand in for one another
    #[arg(long, help_heading = "Randomization")]
    pairs: bool,
    #[command(flatten)]
    heat_map: HeatMapArgs,
    #[command(flatten)]
    figures: FigureArgs,
    /// Rows that the model was trained on; you are warned if they are the measured ones
    #[arg(long, value_name = "PATH", help_heading = "Reading data")]
    train: Option<PathBuf>,
    /// Draw the scores over these two coordinates (after undoing a rotation)
    #[arg(long, value_name = "I,J", value_parser = two_coordinates)]
    map: Option<(usize, usize)>,
    /// Values of the other coordinates in the map
    #[arg(long, value_enum, default_value_t = OthersWord::Rows)]
    map_others: OthersWord,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum OthersWord {
    /// Values of sampled rows
    Rows,
    /// Uniform draws from 0 upwards, as in the paper's notebook; they leave the range of the data
    Uniform,
}

fn two_coordinates(text: &str) -> Result<(usize, usize), String> {
    text.split_once(',')
        .and_then(|(i, j)| Some((i.trim().parse().ok()?, j.trim().parse().ok()?)))
        .filter(|(i, j)| i != j)
        .ok_or_else(|| "write two different coordinates, such as 0,1".into())
}

impl RunArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        let data = self.data.read(shell)?;
        let train_caveat = self.training_caveat(&data, shell)?;
        let (opened, data) = self.model.open(data, &self.data.reading, shell)?;
        let resolved = self.blocks.resolve(&data, shell)?;
        let (blocks, transform) = (&resolved.blocks, &*resolved.transform);
        let mut caveats = opened.notes;
        caveats.extend(notes(&data.notes, &resolved));
        caveats.extend(train_caveat);
        let opened = opened.models;
        let options = self.heat_map.set(self.figures.set(self.donors.set(RelianceOptions {
            pairs: self.pairs,
            batch_rows: self.model.batch(),
            ..RelianceOptions::default()
        })));
        self.figures.check(options.mode, options.complement)?;
        label_map(shell, &data);

        let kept = Kept::open(&run, self.out.is_named(), shell, || {
            let seed = shell.seed();
            RelianceIdentity::of(&opened, &data, &resolved, &options, seed, shell.device())
        })?;
        let measured = measure_all(&opened, &data, &resolved, &options, &caveats, &kept, shell);
        let (found, beside) = kept.tell(measured, shell)?;
        let donors = first_donors(&data, &options, shell)?;
        let (outcome, samples) = (&found[0].1.outcome, Some(&found[0].1.samples));
        let examples = block_examples(&data, blocks, transform, &donors, outcome, samples)
            .map(|grid| Section::new("examples", "Examples of every class").pictures(grid));
        let pictures = self.decision_map(&opened[0], &data, transform, shell)?;

        let mut inputs = vec![of_dataset(&self.data.data, &data)];
        inputs.extend(opened.iter().map(|scorer| scorer.fingerprint.clone()));
        let outcomes: Vec<_> =
            found.iter().map(|(_, measurement)| measurement.outcome.clone()).collect();
        let Some(answer) = RelianceAnswer::of_models(found) else {
            return Err(Failure::input("no model was measured").hint("give one with --model"));
        };
        let answer = answer.beside(beside).examples(examples).pictures(pictures);
        let closed = shell.close_run(run, &answer, inputs);
        kept.tell(closed, shell)?;
        kept.remove();
        Ok(self.figures.ending(&outcomes))
    }

    /// Warns if the measured rows are those that the model was trained on.
    fn training_caveat(&self, data: &Dataset, shell: &Shell) -> Result<Option<Caveat>, Failure> {
        let Some(path) = &self.train else { return Ok(None) };
        let parts = PartChoice::Prefer(Part::Train);
        let options = ReadOptions { parts, ..self.data.reading.options() };
        let train = read_dataset(shell.source(path)?, &options)?;
        Ok((train.fingerprint() == data.fingerprint()).then(|| {
            Caveat::warning(
                "training-rows",
                "These are the rows that the model was trained on: it may recall them instead of using \
                 their features. Measure on rows it has not seen.",
            )
        }))
    }

    fn decision_map(
        &self,
        scorer: &dyn Scorer,
        data: &Dataset,
        transform: &dyn Transform,
        shell: &Shell,
    ) -> Result<Option<Section>, Failure> {
        let Some(coordinates) = self.map else { return Ok(None) };
        let others = match self.map_others {
            OthersWord::Rows => Others::SampledRows,
            OthersWord::Uniform => Others::UniformFromZero,
        };
        let (rows, seed) = (data.rows.view(), shell.seed());
        let map = decision_map(scorer, rows, transform, coordinates, MAP_CELLS, others, seed)?;
        let section = Section::new("pictures", "What the model does over two coordinates");
        Ok(Some(section.chart(decision_chart(&map))))
    }
}

/// Classes that are listed.
const MOST_CLASSES: usize = 12;

/// Every model on the blocks, and the first one on what is looked at beside them.
fn measure_all(
    models: &[Model],
    data: &Dataset,
    resolved: &ResolvedBlocks,
    options: &RelianceOptions,
    caveats: &[Caveat],
    kept: &Kept,
    shell: &Shell,
) -> Result<(Vec<(String, Measurement)>, Beside), Failure> {
    let (blocks, transform, seed) = (&resolved.blocks, &*resolved.transform, shell.seed());
    let mut found = Vec::new();
    for (index, scorer) in models.iter().enumerate() {
        let progress = shell.progress(&format!("scoring with {}", scorer.name));
        let journal = JournalPart::new(kept.journal(), format!("model {index}"));
        let measured =
            measure_resumably(scorer, data, blocks, transform, options, seed, &progress, &journal);
        let mut measurement = measured.map_err(|error| {
            let is_about_scores = matches!(error, RelianceError::NotFiniteScore { .. });
            let failure = Failure::from(error);
            if is_about_scores { failure.about(Path::new(&scorer.name)) } else { failure }
        })?;
        measurement.outcome.caveats.extend(caveats.iter().cloned());
        found.push((scorer.name.clone(), measurement));
    }
    let what = match data.layout.image_shape() {
        Some(_) => "whole images and the heat map",
        None => "single columns",
    };
    let progress = shell.progress(what);
    let journal = JournalPart::new(kept.journal(), "beside");
    let (first, measured) = (&models[0], &found[0].1.outcome);
    let beside = Beside::look_resumably(
        first, data, resolved, measured, options, seed, &progress, &journal,
    )?;
    Ok((found, beside))
}

/// The first donor map.
fn first_donors(
    data: &Dataset,
    options: &RelianceOptions,
    shell: &Shell,
) -> Result<Vec<u32>, Failure> {
    let stratum = options.donor_stratum.as_deref();
    Ok(DonorSource::new(options.mode, data, stratum, shell.seed())?.draw(0))
}

/// Says which class is which: "the second class" is the positive one.
pub(in crate::commands) fn label_map(shell: &Shell, data: &Dataset) {
    if let Some(labels) = data.class_labels() {
        let names: Vec<String> = labels
            .names
            .iter()
            .enumerate()
            .take(MOST_CLASSES)
            .map(|(index, name)| format!("{index} = {name}"))
            .collect();
        let more = match labels.n_classes().saturating_sub(MOST_CLASSES) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        shell.note(&format!("classes: {}{more}", names.join(", ")));
    }
}
