//! How columns become inputs.

use ndarray::Array2;

use super::{
    Cell, Meaning,
    date::Moment,
    meaning::{Reading, mean_moment, mean_number},
    survey::Survey,
};
use crate::{
    ColumnGroup, Layout,
    read::{Missing, ReadOptions},
};

/// How one column becomes inputs.
enum Encoding {
    /// One input; missing cells become `fill`.
    Number { fill: f32 },
    /// The day, the hour, or both.
    Date { has_day: bool, has_hour: bool, fill: [f32; 2] },
    /// One input per text.
    OneHot { texts: Vec<String> },
}

pub(super) struct FeaturePlan {
    column: usize,
    /// First input.
    offset: usize,
    encoding: Encoding,
    /// The input that says that the cell is missing.
    indicator: Option<usize>,
}

/// The inputs under construction.
#[derive(Default)]
struct Inputs {
    names: Vec<String>,
    groups: Vec<ColumnGroup>,
}

impl Inputs {
    /// Adds the inputs of one group; returns the first.
    fn add(&mut self, group: String, names: impl IntoIterator<Item = String>) -> usize {
        let offset = self.names.len();
        self.names.extend(names);
        self.groups.push(ColumnGroup { name: group, columns: offset..self.names.len() });
        offset
    }
}

/// `has_missing` says whether a column lacks cells.
pub(super) fn plan(
    columns: &[String],
    features: &[usize],
    surveys: &[Survey],
    meaning: &Meaning,
    options: &ReadOptions,
    has_missing: impl Fn(usize) -> bool,
) -> (Vec<FeaturePlan>, Layout) {
    let keeps = options.missing == Missing::Keep;
    let mut inputs = Inputs::default();
    let mut plans = Vec::new();
    for &column in features {
        let (name, survey) = (&columns[column], &surveys[column]);
        let (offset, encoding) = match meaning.reading(column) {
            Reading::Number(mark) => {
                let fill = if keeps { f32::NAN } else { mean_number(survey, mark) as f32 };
                (inputs.add(name.clone(), [name.clone()]), Encoding::Number { fill })
            }
            Reading::Date(order) => {
                let (has_day, has_hour) = (survey.has_date(), survey.has_time());
                let mean = mean_moment(survey, order);
                let fill =
                    [mean.days, mean.hour].map(|mean| if keeps { f32::NAN } else { mean as f32 });
                let offset = inputs.names.len();
                if has_day {
                    inputs.add(name.clone(), [name.clone()]);
                }
                if has_hour {
                    let name = if has_day { format!("{name} (hour)") } else { name.clone() };
                    inputs.add(name.clone(), [name]);
                }
                (offset, Encoding::Date { has_day, has_hour, fill })
            }
            Reading::Text => {
                let mut texts: Vec<String> =
                    survey.texts.iter().chain(survey.words.keys()).cloned().collect();
                texts.sort();
                let names = texts.iter().map(|text| format!("{name}={text}"));
                (inputs.add(name.clone(), names), Encoding::OneHot { texts })
            }
        };
        let has_indicator = options.missing == Missing::Indicate && has_missing(column);
        let indicator = has_indicator.then(|| {
            let name = format!("{name} (missing)");
            inputs.add(name.clone(), [name])
        });
        plans.push(FeaturePlan { column, offset, encoding, indicator });
    }
    (plans, Layout::table_with_groups(inputs.names, inputs.groups))
}

pub(super) fn write_feature(
    rows: &mut Array2<f32>,
    row: usize,
    plan: &FeaturePlan,
    meaning: &Meaning,
    cell: Cell<'_>,
) {
    let cell = meaning.read(plan.column, cell);
    if let (Some(indicator), Cell::Missing) = (plan.indicator, cell) {
        rows[[row, indicator]] = 1.0;
    }
    match (&plan.encoding, cell) {
        (Encoding::Number { .. }, Cell::Number(value)) => rows[[row, plan.offset]] = value as f32,
        (Encoding::Number { fill }, _) => rows[[row, plan.offset]] = *fill,
        (Encoding::Date { has_day, has_hour, fill }, cell) => {
            let [day, hour] = match cell {
                Cell::Moment(Moment { days, hour }) => [days as f32, hour as f32],
                _ => *fill,
            };
            let parts = [day].into_iter().filter(|_| *has_day);
            let parts = parts.chain([hour].into_iter().filter(|_| *has_hour));
            parts.enumerate().for_each(|(place, part)| rows[[row, plan.offset + place]] = part);
        }
        (Encoding::OneHot { .. }, Cell::Missing) => {}
        (Encoding::OneHot { texts }, _) => {
            let text = cell.text();
            if let Ok(category) = texts.binary_search_by(|other| other.as_str().cmp(&text)) {
                rows[[row, plan.offset + category]] = 1.0;
            }
        }
    }
}
