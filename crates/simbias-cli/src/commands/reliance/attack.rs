//! `simbias reliance attack`: where adversarial perturbations spend their budget.

use simbias_audit::document::AttackAnswer;
use simbias_audit::{AttackGround, AttackOptions, BudgetUnits};
use simbias_data::transform::Transform;
use simbias_data::{Dataset, Scorer};
use simbias_run::of_dataset;
use simbias_train::attack::{Norm, Signing};

use crate::commands::arguments::{BlocksArgs, DataArgs, OutArgs, notes};
use crate::commands::model::ModelArgs;
use crate::shell::{Failure, Finished, Shell};

/// Attack models per row or universally, and see on which blocks the budget lands.
///
/// Half of the rows fit a universal perturbation, the other half judge it; with several models, each is also judged
/// under the perturbations of the others. ONNX models have no gradients here, so they are attacked by finite
/// differences (tables of at most 1024 columns).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance attack --model runs/audit-1/ --data test.csv --labels y --eps 0.5
  simbias reliance attack --model a.onnx --model b.onnx --data test.csv --labels y --eps 1 --universal signed")]
pub(crate) struct AttackArgs {
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    /// Norm of the perturbation
    #[arg(long, value_enum, default_value_t = NormWord::L2)]
    norm: NormWord,
    /// Radius of the perturbation, in --units
    #[arg(long, value_name = "RADIUS", allow_negative_numbers = true)]
    eps: f64,
    /// What the radius counts in; deviations for the columns of tables, units of the data for everything else when
    /// not given
    #[arg(long, value_enum)]
    units: Option<UnitsWord>,
    /// Steps of an ascent; the length of each is 2.5 radii divided by the number of steps
    #[arg(long, value_name = "N", default_value_t = 20)]
    steps: usize,
    /// One perturbation for all rows: signed follows the row's label, so the attacker must know it
    #[arg(long, value_enum)]
    universal: Option<SignWord>,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum NormWord {
    L2,
    Linf,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum UnitsWord {
    /// Units of the data, the same for all columns
    Data,
    /// Standard deviations of each column
    Deviations,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum SignWord {
    Signed,
    Unsigned,
}

impl AttackArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        self.check()?;
        let (opened, data) = self.models.open(self.data.read(shell)?, &self.data.reading, shell)?;
        let resolved = self.blocks.resolve(&data, shell)?;
        let (blocks, transform) = (&resolved.blocks, &*resolved.transform);
        let ground = AttackGround::new(&data, blocks, transform, shell.seed())?;
        let models: Vec<(&str, &dyn Scorer)> =
            opened.models.iter().map(|model| (model.name.as_str(), model as &dyn Scorer)).collect();
        let progress = shell.progress("attacking");
        let outcome = ground.attack(&models, &self.options(&data, transform), &progress)?;
        drop(progress);

        let mut inputs = vec![of_dataset(&self.data.data, &data)];
        inputs.extend(opened.models.iter().map(|model| model.fingerprint.clone()));
        let caveats = opened.notes.into_iter().chain(notes(&data.notes, &resolved)).collect();
        let answer = AttackAnswer { outcome, caveats };
        shell.close_run(run, &answer, inputs)?;
        Ok(Finished::Done)
    }

    fn check(&self) -> Result<(), Failure> {
        if !(self.eps.is_finite() && self.eps > 0.0) {
            return Err(Failure::input(format!(
                "--eps {} is not a finite number above 0",
                self.eps
            )));
        }
        if self.steps == 0 {
            return Err(
                Failure::input("an ascent of 0 steps moves nothing").hint("give --steps 1 or more")
            );
        }
        Ok(())
    }

    fn options(&self, data: &Dataset, transform: &dyn Transform) -> AttackOptions {
        AttackOptions {
            norm: match self.norm {
                NormWord::L2 => Norm::L2,
                NormWord::Linf => Norm::Linf,
            },
            radius: self.eps,
            units: match self.units {
                Some(UnitsWord::Data) => BudgetUnits::Data,
                Some(UnitsWord::Deviations) => BudgetUnits::Deviations,
                None => BudgetUnits::usual(data, transform),
            },
            n_steps: self.steps,
            universal: self.universal.map(|sign| match sign {
                SignWord::Signed => Signing::LabelSigned,
                SignWord::Unsigned => Signing::Unsigned,
            }),
        }
    }
}
