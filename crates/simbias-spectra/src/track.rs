//! Several checkpoints of one training, in their order.

use serde::{Deserialize, Serialize};

use crate::SpectraError;
use crate::learning_rates::RateOptions;
use crate::table::LayerTable;

/// Name and version of the serialised form.
pub const SERIES_SCHEMA: &str = "simbias.spectrum-series/1";

/// One layer along the checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSeries {
    /// Its name.
    pub layer: String,
    /// Leading exponent in every checkpoint; absent where none could be fitted.
    pub exponents: Vec<Option<f64>>,
    /// Their standard errors.
    pub standard_errors: Vec<Option<f64>>,
    /// Learning rate that the exponents would give after every checkpoint, when a base rate was named.
    pub learning_rates: Vec<f64>,
}

impl SpectraSeries {
    /// Fills in the rate of every layer after each checkpoint; `tables` are those of [`track`].
    ///
    /// # Errors
    /// As [`LayerTable::learning_rates`].
    pub fn with_learning_rates(
        mut self,
        tables: &[LayerTable],
        options: &RateOptions,
    ) -> Result<Self, SpectraError> {
        for table in tables {
            let rates = table.learning_rates(options)?;
            for series in &mut self.layers {
                let group = rates.groups.iter().find(|group| group.layer == series.layer);
                series.learning_rates.push(group.map_or(options.base, |group| group.learning_rate));
            }
        }
        Ok(self)
    }
}

impl LayerSeries {
    /// Last exponent minus first one.
    pub fn shift(&self) -> Option<f64> {
        Some((*self.exponents.last()?)? - (*self.exponents.first()?)?)
    }
}

/// All layers that every checkpoint has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectraSeries {
    /// [`SERIES_SCHEMA`].
    pub schema: String,
    /// The checkpoints, in their order.
    pub checkpoints: Vec<String>,
    /// Layers in the order of the first checkpoint.
    pub layers: Vec<LayerSeries>,
    /// Layers that are missing in some checkpoint.
    pub only_in_some: Vec<String>,
}

/// Joins scans by the names of layers.
///
/// # Errors
/// Fewer than two checkpoints, or no layer in common.
pub fn track(tables: &[LayerTable]) -> Result<SpectraSeries, SpectraError> {
    let fail = |problem: &str| {
        Err(SpectraError::Option { option: "checkpoints", problem: problem.into() })
    };
    let (first, rest) = match tables {
        [first, rest @ ..] if !rest.is_empty() => (first, rest),
        _ => return fail("a series needs at least two"),
    };
    let mut only_in_some = Vec::new();
    let mut layers = Vec::new();
    for row in &first.layers {
        let rows: Option<Vec<_>> = rest.iter().map(|table| table.layer(&row.name)).collect();
        let Some(mut rows) = rows else {
            only_in_some.push(row.name.clone());
            continue;
        };
        rows.insert(0, row);
        let found: Vec<_> = rows.iter().map(|row| row.analysis()?.exponent()).collect();
        layers.push(LayerSeries {
            layer: row.name.clone(),
            exponents: found.iter().map(|found| found.map(|(exponent, _, _)| exponent)).collect(),
            standard_errors: found.iter().map(|found| found.map(|(_, error, _)| error)).collect(),
            learning_rates: Vec::new(),
        });
    }
    for table in rest {
        for row in &table.layers {
            if first.layer(&row.name).is_none() && !only_in_some.contains(&row.name) {
                only_in_some.push(row.name.clone());
            }
        }
    }
    if layers.is_empty() {
        return fail("they have no layer of the same name in common");
    }
    Ok(SpectraSeries {
        schema: SERIES_SCHEMA.into(),
        checkpoints: tables.iter().map(|table| table.checkpoint.clone()).collect(),
        layers,
        only_in_some,
    })
}
