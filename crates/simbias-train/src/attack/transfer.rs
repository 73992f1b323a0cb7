//! Whether a perturbation fitted on one model fools another.

use ndarray::{Array2, ArrayView1, ArrayView2};
use simbias_data::Scorer;
use simbias_report::{Progress, Steps};

use super::error::AttackError;
use super::score::AttackScore;
use super::universal::UniversalPerturbation;

/// How universal perturbations carry over between models.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferMatrix {
    /// Names of the models, in the order of the axes.
    pub names: Vec<String>,
    /// Accuracy of every model without attack, `[n_models]`.
    pub clean_accuracy: Vec<f64>,
    /// `[[i, j]]`: accuracy of model `j` under the perturbation fitted on model `i`.
    pub accuracy: Array2<f64>,
    /// `[[i, j]]`: cosine of the perturbations fitted on models `i` and `j`; 0 if one of them is zero.
    pub cosine: Array2<f64>,
}

impl TransferMatrix {
    /// Measures named `models` on `rows`, shape `[n_rows, n_features]`, under `perturbations`. The `i`-th one was fitted
    /// on the `i`-th model, on other rows than these.
    ///
    /// # Errors
    ///
    /// Another number of perturbations than of models, an interrupt, or as for [`UniversalPerturbation::score`].
    pub fn measure(
        models: &[(&str, &dyn Scorer)],
        perturbations: &[UniversalPerturbation],
        rows: ArrayView2<'_, f32>,
        labels: &[u32],
        progress: &dyn Progress,
    ) -> Result<Self, AttackError> {
        if models.len() != perturbations.len() {
            let perturbations = perturbations.len();
            return Err(AttackError::Pairs { models: models.len(), perturbations });
        }
        let shape = (models.len(), models.len());
        let mut steps = Steps::new(progress, models.len() * (models.len() + 1));
        let (mut accuracy, mut cosine) = (Array2::zeros(shape), Array2::zeros(shape));
        for (i, perturbation) in perturbations.iter().enumerate() {
            for (j, (_, scorer)) in models.iter().enumerate() {
                steps.begin()?;
                accuracy[[i, j]] = perturbation.score(*scorer, rows, labels)?.accuracy;
                cosine[[i, j]] =
                    cosine_of(perturbation.delta.view(), perturbations[j].delta.view());
            }
        }
        let clean_accuracy = models
            .iter()
            .map(|(_, scorer)| {
                steps.begin()?;
                Ok(AttackScore::of_rows(*scorer, rows, labels)?.accuracy)
            })
            .collect::<Result<_, AttackError>>()?;
        let names = models.iter().map(|(name, _)| (*name).to_string()).collect();
        Ok(Self { names, clean_accuracy, accuracy, cosine })
    }
}

fn cosine_of(left: ArrayView1<'_, f32>, right: ArrayView1<'_, f32>) -> f64 {
    let dot = |a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let lengths = (dot(left, left) * dot(right, right)).sqrt();
    if lengths > 0.0 { dot(left, right) / lengths } else { 0.0 }
}
