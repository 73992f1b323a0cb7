//! How columns become inputs.

use ndarray::Array2;

use super::{Cell, Roles, survey::Survey};
use crate::{ColumnGroup, Layout};

/// How one column becomes inputs.
enum Encoding {
    /// One input; missing cells become the mean.
    Number { mean: f32 },
    /// One input per text.
    OneHot { texts: Vec<String> },
}

pub(super) struct FeaturePlan {
    /// First input.
    offset: usize,
    encoding: Encoding,
}

pub(super) fn plan(
    columns: &[String],
    roles: &Roles,
    surveys: &[Survey],
) -> (Vec<FeaturePlan>, Layout) {
    let mut plans = Vec::new();
    let mut input_names = Vec::new();
    let mut groups = Vec::new();
    for &column in &roles.features {
        let (name, survey) = (&columns[column], &surveys[column]);
        let offset = input_names.len();
        let encoding = if survey.has_text {
            let texts: Vec<String> = survey.texts.iter().cloned().collect();
            input_names.extend(texts.iter().map(|text| format!("{name}={text}")));
            Encoding::OneHot { texts }
        } else {
            input_names.push(if name.is_empty() {
                format!("column {}", column + 1)
            } else {
                name.clone()
            });
            Encoding::Number { mean: (survey.sum / survey.n_numbers.max(1) as f64) as f32 }
        };
        groups.push(ColumnGroup { name: name.clone(), columns: offset..input_names.len() });
        plans.push(FeaturePlan { offset, encoding });
    }
    (plans, Layout::table_with_groups(input_names, groups))
}

pub(super) fn write_feature(
    rows: &mut Array2<f32>,
    row: usize,
    plan: &FeaturePlan,
    cell: Cell<'_>,
) {
    match (&plan.encoding, cell.read()) {
        (Encoding::Number { .. }, Cell::Number(value)) => rows[[row, plan.offset]] = value as f32,
        (Encoding::Number { mean }, _) => rows[[row, plan.offset]] = *mean,
        (Encoding::OneHot { .. }, Cell::Missing) => {}
        (Encoding::OneHot { texts }, _) => {
            let text = cell.text();
            if let Ok(category) = texts.binary_search_by(|other| other.as_str().cmp(&text)) {
                rows[[row, plan.offset + category]] = 1.0;
            }
        }
    }
}
