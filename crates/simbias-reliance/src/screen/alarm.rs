//! Columns that predict by themselves what only a whole model should.

use serde::{Deserialize, Serialize};
use simbias_report::Estimate;

use super::{FeatureKind, Screen, Screened};
use crate::verdict::is_shown_above;

/// Share of all possible skill from which a column tells the target by itself.
const ALL: f64 = 0.99;
/// Share of the model's skill from which a column predicts nearly as well.
const NEARLY: f64 = 0.95;
/// Predictors tried on each column, over which the best is taken.
const N_PREDICTORS: usize = 3;

/// Why a column is an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// It tells the target without error, or almost.
    TellsAll,
    /// It predicts better than the whole model.
    Better,
    /// It predicts nearly as well as the whole model.
    NearlyAsGood,
    /// It predicts, while the model has learned nothing.
    WithoutModel,
}

/// The model that columns are compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WholeModel<'a> {
    /// It has skill; its metric on unchanged rows.
    Skilled(&'a Estimate),
    /// It cannot be told from chance; its metric.
    Unskilled(&'a Estimate),
    /// There is none, or its metric says nothing about it.
    Unknown,
}

/// One column or property that is an alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm<'a> {
    /// Why.
    pub kind: AlarmKind,
    /// Which.
    pub feature: &'a Screened,
}

impl Screen {
    /// The alarms beside a model, the most serious first, then by falling metric.
    ///
    /// A column is an alarm if its metric is shown to be above chance and reaches 99 % of all possible skill, or is shown to
    /// be above the model's, or reaches 95 % of the model's skill, or the model has none.
    pub fn alarms(&self, model: WholeModel<'_>) -> Vec<Alarm<'_>> {
        let n_tests = N_PREDICTORS * self.features.len();
        let mut alarms: Vec<Alarm<'_>> = self
            .features
            .iter()
            .filter(|feature| is_shown_above(&feature.metric, self.chance, n_tests))
            .filter_map(|feature| {
                let skill = feature.metric.value - self.chance;
                let kind = match model {
                    _ if skill >= ALL * (1.0 - self.chance) => AlarmKind::TellsAll,
                    WholeModel::Skilled(model) if is_better(&feature.metric, model) => {
                        AlarmKind::Better
                    }
                    WholeModel::Skilled(model) if skill >= NEARLY * (model.value - self.chance) => {
                        AlarmKind::NearlyAsGood
                    }
                    WholeModel::Unskilled(_) => AlarmKind::WithoutModel,
                    WholeModel::Skilled(_) | WholeModel::Unknown => return None,
                };
                Some(Alarm { kind, feature })
            })
            .collect();
        alarms.sort_by_key(|alarm| alarm.kind);
        alarms
    }

    /// What to say of the alarms, the most serious first: one sentence for each kind.
    pub fn alarm_sentences(&self, model: WholeModel<'_>) -> Vec<String> {
        let alarms = self.alarms(model);
        let title = self.metric.title();
        let of_kind = |kind| alarms.iter().filter(move |alarm| alarm.kind == kind);
        let mut sentences = Vec::new();
        let kinds = [
            AlarmKind::TellsAll,
            AlarmKind::Better,
            AlarmKind::NearlyAsGood,
            AlarmKind::WithoutModel,
        ];
        for kind in kinds {
            let mut found = of_kind(kind);
            let Some(Alarm { feature, .. }) = found.next() else { continue };
            let rest: Vec<&str> = found.map(|alarm| alarm.feature.name.as_str()).collect();
            let value = feature.metric.value;
            let whole = match model {
                WholeModel::Skilled(model) | WholeModel::Unskilled(model) => model.value,
                WholeModel::Unknown => f64::NAN,
            };
            let name = name_of(feature);
            let is_column = feature.kind == FeatureKind::Column;
            let question = if is_column {
                "Is it known at prediction time, or was it made from the label?"
            } else {
                "A network can use it in place of what the images show."
            };
            let perfectly = if value >= 0.9995 { "perfectly" } else { "almost perfectly" };
            sentences.push(match kind {
                AlarmKind::TellsAll => format!(
                    "{name} alone predicts the target {perfectly} ({title} {value:.3}). {question}{}",
                    others(&rest, is_column)
                ),
                AlarmKind::Better => format!(
                    "{name} alone predicts better ({title} {value:.3}) than the model does from everything ({whole:.3}). \
                     {question}{}",
                    others(&rest, is_column)
                ),
                AlarmKind::NearlyAsGood => {
                    let nearly = if value < whole { "nearly as well" } else { "as well" };
                    format!(
                        "{name} alone predicts {nearly} ({title} {value:.3}) as the model does from everything \
                         ({whole:.3}).{}",
                        others(&rest, is_column)
                    )
                }
                AlarmKind::WithoutModel => format!(
                    "The model is not shown to have learned anything, but {} alone predicts ({title} {value:.3}). {question}{}",
                    lowered(&name),
                    others(&rest, is_column)
                ),
            });
        }
        sentences
    }
}

/// Names of further columns that a sentence holds.
const MOST_NAMED: usize = 4;

fn others(names: &[&str], are_columns: bool) -> String {
    if names.is_empty() {
        return String::new();
    }
    let quoted =
        |name: &&str| if are_columns { format!("`{name}`") } else { format!("the {name}") };
    let named = names.iter().take(MOST_NAMED).map(quoted).collect::<Vec<_>>().join(", ");
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let verb = if names.len() == 1 { "So does" } else { "So do" };
    format!(" {verb} {named}{more}.")
}

fn name_of(feature: &Screened) -> String {
    match feature.kind {
        FeatureKind::Column => format!("`{}`", feature.name),
        FeatureKind::ImageProperty => format!("The {}", feature.name),
    }
}

/// A name within a sentence.
fn lowered(name: &str) -> String {
    name.strip_prefix("The ").map_or_else(|| name.into(), |rest| format!("the {rest}"))
}

/// Whether two metrics, taken as independent, differ by more than chance explains.
fn is_better(feature: &Estimate, model: &Estimate) -> bool {
    let below = feature.value - feature.low;
    let above = model.high - model.value;
    feature.value - model.value > below.hypot(above)
}
