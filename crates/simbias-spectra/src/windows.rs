//! Windows of one aspect ratio, laid over matrices of any shape.
//!
//! Source: FARMS, `LLM_Pruning/lib/sampling.py` for matrices, `Image_Classification/tempbalance_farms.py` for
//! convolution kernels. The aspect ratio `Q` is columns over rows of a window. Where the official code would take
//! windows that are wider than the matrix (it then slices from a negative start), windows shrink here.

use serde::{Deserialize, Serialize};

use crate::SpectraError;
use crate::eigenvalues::{NoConvergence, Route, spectrum_of};
use crate::matrix::Matrix;
use crate::shared_gram::matrix_spectra;

/// Maximum number of window rows of the automatic choice: near the 2000 that FARMS used for LLaMA, and a power of two,
/// so that common shapes are covered without overlap.
const AUTO_MAX_ROWS: usize = 2048;

/// Where windows lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// As few windows as cover the matrix once, evenly spread.
    #[default]
    Cover,
    /// This many along each axis, as in the paper's settings.
    PerAxis(usize),
    /// One every this many rows and columns.
    Step(usize),
}

/// Shape and number of windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowOptions {
    /// Rows of a window, never more than the matrix allows; the shorter side up to 2048 when absent.
    pub n_rows: Option<usize>,
    /// Columns over rows of a window, `Q`; 1 is square.
    pub aspect_ratio: f64,
    /// Where they lie.
    pub sampling: Sampling,
    /// How kernels of convolutions are cut.
    pub kernels: KernelWindows,
}

impl WindowOptions {
    /// Behind the exponents that FARMS published for LLaMA (2000 rows, 15 × 15 windows).
    pub const PUBLISHED_LLAMA: Self = Self {
        n_rows: Some(2000),
        aspect_ratio: 1.0,
        sampling: Sampling::PerAxis(15),
        kernels: KernelWindows::Divisions,
    };
}

impl Default for WindowOptions {
    /// Square windows that cover each matrix once; more windows move the median exponent by about 0.003.
    fn default() -> Self {
        Self {
            n_rows: None,
            aspect_ratio: 1.0,
            sampling: Sampling::Cover,
            kernels: KernelWindows::Divisions,
        }
    }
}

/// How kernels of convolutions are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelWindows {
    /// As FARMS: disjoint divisions of the longer side; each is fitted over all kernel positions, and exponents
    /// are averaged.
    #[default]
    Divisions,
    /// Every kernel position like a matrix of its own, all windows in one pool.
    Pooled,
}

/// Windows of one matrix: all pairs of a row start and a column start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPlan {
    /// Rows and columns of a window.
    pub window: (usize, usize),
    /// First rows.
    pub row_starts: Vec<usize>,
    /// First columns.
    pub col_starts: Vec<usize>,
    /// Windows that fit without touching each other.
    pub n_disjoint: usize,
}

impl WindowPlan {
    /// Lays windows over a matrix of `shape` (rows, columns), neither of them zero.
    pub fn new(shape: (usize, usize), options: &WindowOptions) -> Self {
        let window = window_shape(shape, options);
        let row_starts = starts(shape.0, window.0, options.sampling);
        let col_starts = starts(shape.1, window.1, options.sampling);
        let n_disjoint = (shape.0 / window.0) * (shape.1 / window.1);
        Self { window, row_starts, col_starts, n_disjoint }
    }

    /// Whether the only window is the whole matrix of `shape`.
    pub(crate) fn is_whole(&self, shape: (usize, usize)) -> bool {
        self.n_windows() == 1 && self.window == shape
    }

    /// Window number `index` of `matrix`, row starts outermost.
    pub(crate) fn window_of<'a>(&self, matrix: &Matrix<'a>, index: usize) -> Matrix<'a> {
        let (rows, cols) = self.window;
        let row = self.row_starts[index / self.col_starts.len()];
        let col = self.col_starts[index % self.col_starts.len()];
        matrix.window(row..row + rows, col..col + cols)
    }

    /// Number of windows.
    pub fn n_windows(&self) -> usize {
        self.row_starts.len() * self.col_starts.len()
    }

    /// Eigenvalues that all windows give together.
    pub fn n_eigenvalues(&self) -> usize {
        self.n_windows() * self.window.0.min(self.window.1)
    }
}

/// Rows and columns of a window inside a matrix.
fn window_shape((n_rows, n_cols): (usize, usize), options: &WindowOptions) -> (usize, usize) {
    let shorter = n_rows.min(n_cols);
    let ratio = options.aspect_ratio;
    let wanted = options.n_rows.unwrap_or_else(|| shorter.min(AUTO_MAX_ROWS)).max(1);
    let mut rows = wanted.min(shorter);
    if (rows as f64 * ratio) as usize > n_cols {
        rows = ((n_cols as f64 / ratio) as usize).clamp(1, rows);
    }
    let cols = ((rows as f64 * ratio) as usize).clamp(1, n_cols);
    (rows, cols)
}

/// First indices of windows of `window` along an axis of `length`.
fn starts(length: usize, window: usize, sampling: Sampling) -> Vec<usize> {
    let room = length - window;
    let (step, n) = match sampling {
        Sampling::Cover => {
            let n = length.div_ceil(window);
            return (0..n).map(|i| if n == 1 { 0 } else { i * room / (n - 1) }).collect();
        }
        Sampling::PerAxis(0 | 1) => (1, 1),
        Sampling::PerAxis(n) => {
            let step = (room / (n - 1)).max(1);
            (step, n.min(room / step + 1))
        }
        Sampling::Step(step) => (step.max(1), room / step.max(1) + 1),
    };
    (0..n).map(|i| (i * step).min(room)).collect()
}

/// [`WindowPlan`] and eigenvalues in one call: ascending eigenvalues of every window of `matrix`, row starts outermost.
///
/// # Errors
/// When an iteration does not converge.
pub fn window_eigenvalues(
    matrix: &Matrix<'_>,
    options: &WindowOptions,
    route: Route,
) -> Result<Vec<Vec<f64>>, SpectraError> {
    let plan = WindowPlan::new(matrix.shape(), options);
    matrix_spectra(matrix, &plan, false, route)
        .map(|spectra| spectra.windows)
        .map_err(|failure| failure.of("windows"))
}

/// Eigenvalues of the official divisions of a kernel whose positions are `matrices`, unscaled: for every division
/// the ascending eigenvalues of every position.
///
/// # Errors
/// When an iteration does not converge.
pub fn division_eigenvalues(
    matrices: &[Matrix<'_>],
    aspect_ratio: f64,
    route: Route,
) -> Result<Vec<Vec<Vec<f64>>>, SpectraError> {
    division_spectra(matrices, aspect_ratio, route).map_err(|failure| failure.of("kernel"))
}

pub(crate) fn division_spectra(
    matrices: &[Matrix<'_>],
    aspect_ratio: f64,
    route: Route,
) -> Result<Vec<Vec<Vec<f64>>>, NoConvergence> {
    let Some(first) = matrices.first() else { return Ok(Vec::new()) };
    let (n_rows, n_cols) = first.shape();
    let (height, width, n) = divisions(n_rows, n_cols, aspect_ratio);
    (0..n)
        .map(|division| {
            matrices
                .iter()
                .map(|matrix| {
                    let tall = if n_rows >= n_cols { *matrix } else { matrix.transposed() };
                    let rows = division * height..(division + 1) * height;
                    spectrum_of(&tall.window(rows, 0..width), route)
                })
                .collect()
        })
        .collect()
}

/// Divisions of one kernel position, oriented so that it has no fewer rows than columns: rows and columns of a
/// division, and how many there are.
///
/// For `Q ≤ 1` a division has as many rows as the kernel columns; for `Q > 1` it has as many columns, and rows
/// beyond the last division are never used, as in the official code.
pub(crate) fn divisions(n_rows: usize, n_cols: usize, aspect_ratio: f64) -> (usize, usize, usize) {
    let (long, short) = (n_rows.max(n_cols), n_rows.min(n_cols));
    let n = long / short.max(1);
    if aspect_ratio <= 1.0 {
        (short, ((short as f64 / (1.0 / aspect_ratio)) as usize).max(1), n)
    } else {
        (((short as f64 / aspect_ratio) as usize).max(1), short, n)
    }
}
