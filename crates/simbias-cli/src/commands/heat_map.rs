//! Flags about the heat map over images.

use simbias_reliance::RelianceOptions;

/// Largest number of cells: far more than a map can show.
const MOST_CELLS: usize = 4096;
/// Fewer cells are no map.
const FEWEST_CELLS: usize = 4;

/// How large the heat map is.
#[derive(clap::Args, Debug)]
pub(super) struct HeatMapArgs {
    /// Most cells of the heat map over images: a coarse grid, then the cells that matter in four parts each, again and again;
    /// 0 for no map; 48 when not given (16 with `audit --quick`)
    #[arg(long, value_name = "N", value_parser = cells)]
    heat_map_cells: Option<usize>,
}

fn cells(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ (0 | FEWEST_CELLS..=MOST_CELLS)) => Ok(number),
        _ => Err(format!("give 0, or {FEWEST_CELLS} to {MOST_CELLS}")),
    }
}

impl HeatMapArgs {
    /// The number of cells, if the user gave one.
    pub(super) fn given(&self) -> Option<usize> {
        self.heat_map_cells
    }

    /// Puts the number into `options`.
    pub(super) fn set(&self, options: RelianceOptions) -> RelianceOptions {
        let heat_map_cells = self.heat_map_cells.unwrap_or(options.heat_map_cells);
        RelianceOptions { heat_map_cells, ..options }
    }
}
