//! What single columns, and single properties of images, tell about the target by themselves. Nothing is trained: small
//! predictors of one number or category are fitted on four fifths of the rows and judged on the rest.
//!
//! A column that predicts as well as a whole model does is often not known when the model is to be used, or was made from
//! the label. It is found here whatever the model makes of it.

mod alarm;
mod image;
mod predictor;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, Target};
use simbias_report::{Estimate, Interval, Progress};
use simbias_stats::Seed;

pub use self::alarm::{Alarm, AlarmKind, WholeModel};
pub use self::predictor::Predictor;
use self::predictor::{Feature, Folds, predict};
use crate::RelianceError;
use crate::metric::{Metric, Predictions, Truth};
use crate::propose::one_hot_groups;

/// Maximum number of rows that are looked at.
const MOST_ROWS: usize = 10_000;
/// Maximum number of values that are looked at: of wide tables fewer rows.
const MOST_VALUES: usize = 20_000_000;
/// Rows of wide tables that are looked at in any case.
const FEWEST_ROWS: usize = 500;

/// What a screened number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureKind {
    /// A column of a table, or of rows of unknown meaning.
    Column,
    /// A property of a whole image.
    ImageProperty,
}

/// One column or property by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Screened {
    /// Name of the column, or the property in words.
    pub name: String,
    /// Which of the two.
    pub kind: FeatureKind,
    /// The predictor that did best.
    pub predictor: Predictor,
    /// The metric on rows that it was not fitted on.
    pub metric: Estimate,
}

/// All columns or properties, the best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// The leading metric.
    pub metric: Metric,
    /// Its value without information.
    pub chance: f64,
    /// Rows that were looked at.
    pub n_rows: usize,
    /// By falling metric.
    pub features: Vec<Screened>,
}

impl Screen {
    /// Rows from which columns can be judged.
    pub const LEAST_ROWS: usize = 10;

    /// Screens the columns of `data`, or the properties of its images. `progress` counts columns.
    ///
    /// # Errors
    /// Fewer rows than [`Screen::LEAST_ROWS`], one class, an interrupt.
    pub fn of(
        data: &Dataset,
        metric: Option<Metric>,
        level: f64,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Self, RelianceError> {
        let data = &sample(data, seed);
        let truth = Truth::of(&data.target)?;
        let metric = metric.unwrap_or_else(|| truth.default_metric());
        let folds = Folds::new(&data.target, data.n_rows(), seed.child("screen/folds", 0))?;
        let features = features_of(data);
        let done = std::sync::atomic::AtomicUsize::new(0);
        let mut screened: Vec<Screened> = features
            .par_iter()
            .map(|(name, kind, feature)| {
                progress.keep_going()?;
                let mut best: Option<(Predictor, Estimate)> = None;
                for &predictor in feature.predictors(&data.target) {
                    let scores = predict(feature, predictor, &data.target, &folds);
                    let predictions = Predictions::from_f64(scores, &truth, 0.5, name)?;
                    let found = metric.evaluate(&predictions, &truth)?;
                    let found =
                        metric.estimate(std::slice::from_ref(&found), &truth, level, "rows")?;
                    if best.as_ref().is_none_or(|(_, best)| found.value > best.value) {
                        best = Some((predictor, found));
                    }
                }
                let before = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                progress.advance(before + 1, features.len(), "");
                Ok(best.map(|(predictor, metric)| Screened {
                    name: name.clone(),
                    kind: *kind,
                    predictor,
                    metric,
                }))
            })
            .filter_map(Result::transpose)
            .collect::<Result<_, RelianceError>>()?;
        screened.sort_by(|a, b| b.metric.value.total_cmp(&a.metric.value));
        Ok(Self {
            metric,
            chance: metric.chance(&truth),
            n_rows: data.n_rows(),
            features: screened,
        })
    }
}

impl Screen {
    /// The alarms beside a model of this metric, as they stand in results.
    pub fn document(&self, model: WholeModel<'_>) -> ScreenDocument<'_> {
        let alarms = self.alarms(model).into_iter();
        let alarms =
            alarms.map(|alarm| WireAlarm { name: &alarm.feature.name, kind: alarm.kind }).collect();
        ScreenDocument { alarms, screen: self }
    }
}

/// A screen with its alarms, to be written into a result.
#[derive(Serialize)]
pub struct ScreenDocument<'a> {
    alarms: Vec<WireAlarm<'a>>,
    #[serde(flatten)]
    screen: &'a Screen,
}

#[derive(Serialize)]
struct WireAlarm<'a> {
    name: &'a str,
    kind: AlarmKind,
}

/// Rows that are looked at, in their order.
fn sample(data: &Dataset, seed: Seed) -> Dataset {
    let of_values = (MOST_VALUES / data.n_features().max(1)).max(FEWEST_ROWS);
    let most = MOST_ROWS.min(of_values);
    if data.n_rows() <= most {
        return data.clone();
    }
    let mut rows = data.stratified_order(seed.child("screen/rows", 0));
    rows.truncate(most);
    rows.sort_unstable();
    data.select(&rows)
}

/// Columns of a table by their source, or properties of images.
fn features_of(data: &Dataset) -> Vec<(String, FeatureKind, Feature)> {
    if let Some(shape) = data.layout.image_shape() {
        return image::properties(data.rows.view(), shape)
            .into_iter()
            .map(|(name, values)| (name, FeatureKind::ImageProperty, Feature::Number(values)))
            .collect();
    }
    let mut features: Vec<(String, FeatureKind, Feature)> = one_hot_groups(data)
        .into_iter()
        .map(|group| {
            let feature = match group.columns.as_slice() {
                &[column] => Feature::Number(
                    data.rows
                        .column(column as usize)
                        .iter()
                        .map(|&value| f64::from(value))
                        .collect(),
                ),
                columns => Feature::Category(
                    data.rows
                        .rows()
                        .into_iter()
                        .map(|row| {
                            let of_row = columns.iter().position(|&c| row[c as usize] > 0.5);
                            // A row without any of the categories has one of its own.
                            of_row.unwrap_or(columns.len()) as u32
                        })
                        .collect(),
                ),
            };
            (group.name, FeatureKind::Column, feature)
        })
        .collect();
    let missing: Vec<(String, FeatureKind, Feature)> = features
        .iter()
        .filter_map(|(name, kind, feature)| {
            let Feature::Number(values) = feature else { return None };
            let is_missing =
                values.iter().map(|value| u32::from(value.is_nan())).collect::<Vec<_>>();
            is_missing
                .contains(&1)
                .then(|| (format!("{name} is missing"), *kind, Feature::Category(is_missing)))
        })
        .collect();
    features.extend(missing);
    features
}

/// Shape of the scores of a target: one column for each class, or one for numbers.
fn n_outputs(target: &Target) -> usize {
    match target {
        Target::Classes(labels) => labels.n_classes(),
        Target::Values(_) => 1,
    }
}

/// Scores of all rows, `[n_rows, n_outputs]`.
type Scores = Array2<f64>;

#[derive(Serialize)]
struct WireScreen {
    metric: Metric,
    chance: f64,
    n_rows: usize,
    level: f64,
    features: Vec<WireFeature>,
}

#[derive(Serialize)]
struct WireFeature {
    name: String,
    kind: FeatureKind,
    predictor: Predictor,
    metric: Interval,
}

impl Serialize for Screen {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let level = self.features.first().map_or(f64::NAN, |feature| feature.metric.level);
        let features = self.features.iter().map(|feature| WireFeature {
            name: feature.name.clone(),
            kind: feature.kind,
            predictor: feature.predictor,
            metric: Interval::from(&feature.metric),
        });
        WireScreen {
            metric: self.metric,
            chance: self.chance,
            n_rows: self.n_rows,
            level,
            features: features.collect(),
        }
        .serialize(serializer)
    }
}
