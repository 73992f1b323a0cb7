//! Spectra of many windows of one matrix from shared Gram matrices.
//!
//! Windows of one strip of columns have their Gram matrices inside the strip's, and the Gram matrix of the whole is the
//! sum of those of its parts. A sweep along the columns computes the Gram matrix of every piece between two borders of
//! strips once and adds it wherever it belongs: `L²·C` operations for a matrix of `L` rows and `C` columns, where windows
//! of sides `s ≤ w` by themselves cost `s²·w` each. (For tall matrices read rows for columns.)

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::Scope;

use crate::eigenvalues::{
    Lower, NoConvergence, Route, Scale, add_row_gram, is_drowned, n_elements, row_gram,
    spectrum_of, symmetric_eigenvalues,
};
use crate::matrix::{Matrix, Real};
use crate::windows::WindowPlan;

/// Gram matrices held at once may together have this many times the elements of the matrix.
const HELD_OF_MATRIX: usize = 2;
/// Elements of a further Gram matrix that may always be held (32 MiB in 64 bits).
const SMALL_WINDOW: usize = 1 << 22;

/// Ascending eigenvalues of one matrix.
pub(crate) struct MatrixSpectra {
    /// Of the whole, if it was wanted.
    pub(crate) whole: Option<Vec<f64>>,
    /// Of every window, row starts outermost.
    pub(crate) windows: Vec<Vec<f64>>,
}

/// The spectra of every window of `plan`, and of the whole matrix if wanted.
pub(crate) fn matrix_spectra(
    matrix: &Matrix<'_>,
    plan: &WindowPlan,
    with_whole: bool,
    route: Route,
) -> Result<MatrixSpectra, NoConvergence> {
    if plan.is_whole(matrix.shape()) {
        let values = spectrum_of(matrix, route)?;
        let whole = with_whole.then(|| values.clone());
        return Ok(MatrixSpectra { whole, windows: vec![values] });
    }
    match route {
        Route::Svd => separate(matrix, plan, with_whole, route),
        Route::Gram | Route::Auto => from_grams::<f64>(matrix, plan, with_whole, route),
        Route::GramSingle if first_is_drowned(matrix, plan) => {
            from_grams::<f64>(matrix, plan, with_whole, Route::Gram)
        }
        Route::GramSingle => from_grams::<f32>(matrix, plan, with_whole, route),
    }
}

/// Whether 32 bits are not enough for the first of several windows: they are then not enough for the others either, and
/// trying them all is useless.
fn first_is_drowned(matrix: &Matrix<'_>, plan: &WindowPlan) -> bool {
    /// Trying one of fewer windows costs more than it saves.
    const FEWEST_WINDOWS: usize = 4;
    let Some(scale) = Scale::of(matrix).filter(|_| plan.n_windows() >= FEWEST_WINDOWS) else {
        return false;
    };
    let gram = row_gram::<f32>(&plan.window_of(matrix, 0).wide(), scale.factor);
    symmetric_eigenvalues(gram).is_ok_and(|values| is_drowned(&values))
}

fn separate(
    matrix: &Matrix<'_>,
    plan: &WindowPlan,
    with_whole: bool,
    route: Route,
) -> Result<MatrixSpectra, NoConvergence> {
    let windows =
        (0..plan.n_windows()).map(|index| spectrum_of(&plan.window_of(matrix, index), route));
    let windows = windows.collect::<Result<_, _>>()?;
    let whole = with_whole.then(|| spectrum_of(matrix, route)).transpose()?;
    Ok(MatrixSpectra { whole, windows })
}

fn from_grams<T: Real>(
    matrix: &Matrix<'_>,
    plan: &WindowPlan,
    with_whole: bool,
    route: Route,
) -> Result<MatrixSpectra, NoConvergence> {
    let Some(scale) = Scale::of(matrix) else {
        return separate(matrix, plan, with_whole, route);
    };
    let found = Found { spectra: Mutex::new(Vec::new()), is_one_aside: AtomicBool::new(false) };
    rayon::scope(|scope| {
        Finish { scope, scale, found: &found }.all_of::<T>(matrix, plan, with_whole);
    });
    let mut spectra = MatrixSpectra { whole: None, windows: vec![Vec::new(); plan.n_windows()] };
    for Spectrum { place, values } in
        found.spectra.into_inner().unwrap_or_else(PoisonError::into_inner)
    {
        let mut values = values?;
        if T::IS_SINGLE && is_drowned(&values) {
            let part = match place {
                Place::Whole => *matrix,
                Place::Window(index) => plan.window_of(matrix, index),
            };
            values = spectrum_of(&part, Route::Gram)?;
        }
        match place {
            Place::Whole => spectra.whole = Some(values),
            Place::Window(index) => spectra.windows[index] = values,
        }
    }
    Ok(spectra)
}

/// Where a spectrum belongs.
#[derive(Clone, Copy)]
enum Place {
    Whole,
    Window(usize),
}

/// Takes Gram matrices and finds their eigenvalues.
struct Finish<'a, 'scope> {
    scope: &'a Scope<'scope>,
    scale: Scale,
    found: &'scope Found,
}

/// What several threads find.
struct Found {
    spectra: Mutex<Vec<Spectrum>>,
    /// Whether a matrix is being reduced on the side.
    is_one_aside: AtomicBool,
}

struct Spectrum {
    place: Place,
    values: Result<Vec<f64>, NoConvergence>,
}

impl Finish<'_, '_> {
    fn all_of<T: Real>(&self, matrix: &Matrix<'_>, plan: &WindowPlan, with_whole: bool) {
        let sharing = Sharing::new(matrix.shape(), plan, with_whole);
        let sweep = Sweep {
            matrix: if sharing.over_rows { *matrix } else { matrix.transposed() },
            sharing: &sharing,
            finish: self,
            n_cols: plan.col_starts.len(),
        };
        match sharing.way {
            Way::Separate => sweep.each_window::<T>(),
            Way::StripByStrip => {
                for strip in 0..sharing.strips.len() {
                    sweep.run::<T>(strip..strip + 1, false);
                }
            }
            Way::OneSweep => sweep.run::<T>(0..sharing.strips.len(), with_whole),
        }
        if with_whole && sharing.way != Way::OneSweep {
            let wide = matrix.wide();
            self.take(row_gram::<T>(&wide, self.scale.factor), Place::Whole, false);
        }
    }

    /// Two matrices at a time keep the threads busy where one has parts that only one thread can do.
    fn take<T: Real>(&self, gram: Lower<T>, place: Place, may_go_aside: bool) {
        let Self { scale, found, .. } = *self;
        let finish = move || {
            let values = symmetric_eigenvalues(gram).map(|values| scale.finish(values));
            let spectrum = Spectrum { place, values };
            found.spectra.lock().unwrap_or_else(PoisonError::into_inner).push(spectrum);
        };
        if may_go_aside && !found.is_one_aside.swap(true, Ordering::Relaxed) {
            self.scope.spawn(move |_| {
                finish();
                found.is_one_aside.store(false, Ordering::Relaxed);
            });
        } else {
            finish();
        }
    }
}

/// What is computed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Nothing: a Gram matrix for each window.
    Separate,
    /// The windows of a strip; strips overlap too much to hold all that are open.
    StripByStrip,
    /// Everything.
    OneSweep,
}

/// How the windows of a plan share their Gram matrices.
struct Sharing {
    way: Way,
    /// Whether Gram matrices are over rows; otherwise rows and columns are exchanged.
    over_rows: bool,
    /// Rows of a strip, which are all rows of the matrix, and columns of the matrix.
    shape: (usize, usize),
    /// First columns of strips, and how many columns they have.
    strips: Vec<usize>,
    strip_width: usize,
    /// First rows of the windows of a strip, and how many rows they have.
    starts: Vec<usize>,
    side: usize,
    /// Maximum number of Gram matrices that a sweep holds.
    n_held: usize,
}

impl Sharing {
    fn new(shape: (usize, usize), plan: &WindowPlan, with_whole: bool) -> Self {
        let ((rows, cols), (n_rows, n_cols)) = (plan.window, shape);
        let over_rows = rows < cols || (rows == cols && n_rows <= n_cols);
        let mut sharing = if over_rows {
            Self {
                way: Way::Separate,
                over_rows,
                shape,
                strips: plan.col_starts.clone(),
                strip_width: cols,
                starts: plan.row_starts.clone(),
                side: rows,
                n_held: 0,
            }
        } else {
            Self {
                way: Way::Separate,
                over_rows,
                shape: (n_cols, n_rows),
                strips: plan.row_starts.clone(),
                strip_width: rows,
                starts: plan.col_starts.clone(),
                side: cols,
                n_held: 0,
            }
        };
        (sharing.way, sharing.n_held) = sharing.choose(with_whole);
        sharing
    }

    /// The way with the fewest operations that memory allows, and the number of Gram matrices that a sweep holds.
    fn choose(&self, with_whole: bool) -> (Way, usize) {
        let (length, width) = self.shape;
        let square = length * length;
        // The whole's Gram matrix is over its shorter side.
        let includes_whole = with_whole && length <= width;
        let whole = if includes_whole { square * width } else { 0 };
        let windows = self.starts.len() * self.side * self.side * self.strip_width;
        let separate = whole + self.strips.len() * windows;
        let by_strip = whole + self.strips.len() * square * self.strip_width;
        let pieces = self.pieces(&(0..self.strips.len()), includes_whole);
        let swept = square * pieces.iter().map(|piece| piece.1 - piece.0).sum::<usize>();
        let most_open = pieces.iter().map(|&piece| self.open(piece).len()).max().unwrap_or(0);
        let n_held = most_open + 1 + usize::from(includes_whole);
        let way = if with_whole == includes_whole
            && swept < separate.min(by_strip)
            && n_held * n_elements(length) <= HELD_OF_MATRIX * length * width
        {
            Way::OneSweep
        } else if by_strip < separate && n_elements(length) <= length * width {
            Way::StripByStrip
        } else {
            Way::Separate
        };
        (way, n_held)
    }

    /// Elements of Gram matrices, when windows are reduced one after the other.
    fn held(&self) -> usize {
        let length = self.shape.0;
        // The last window of a strip is reduced in the place of the strip's matrix.
        let copied = match self.side {
            side if side == length => 0,
            side => n_elements(side),
        };
        match self.way {
            Way::Separate => n_elements(self.side),
            Way::StripByStrip => n_elements(length) + copied,
            Way::OneSweep => self.n_held * n_elements(length) + copied,
        }
    }

    /// Whether memory allows a window to be reduced beside the rest.
    fn may_go_aside(&self) -> bool {
        let (length, width) = self.shape;
        let window = n_elements(self.side);
        window <= SMALL_WINDOW || 2 * (self.held() + window) <= 5 * length * width
    }

    /// Strips that hold this piece of columns.
    fn open(&self, (start, end): (usize, usize)) -> Range<usize> {
        let first = self.strips.partition_point(|strip| strip + self.strip_width < end);
        first..self.strips.partition_point(|&strip| strip <= start).max(first)
    }

    /// The columns of these strips, and all others if `all`, cut at the borders of strips.
    fn pieces(&self, strips: &Range<usize>, all: bool) -> Vec<(usize, usize)> {
        let chosen = &self.strips[strips.clone()];
        let mut borders: Vec<usize> =
            chosen.iter().flat_map(|&start| [start, start + self.strip_width]).collect();
        if all {
            borders.extend([0, self.shape.1]);
        }
        borders.sort_unstable();
        borders.dedup();
        let pieces = borders.windows(2).map(|pair| (pair[0], pair[1]));
        pieces.filter(|&piece| all || !common(&self.open(piece), strips).is_empty()).collect()
    }
}

/// The part of a range that lies within another.
fn common(range: &Range<usize>, within: &Range<usize>) -> Range<usize> {
    let start = range.start.clamp(within.start, within.end);
    start..range.end.clamp(start, within.end)
}

/// Elements of the Gram matrices that are held at once, those that are being reduced included.
pub(crate) fn held_elements(shape: (usize, usize), plan: &WindowPlan, with_whole: bool) -> usize {
    let sharing = Sharing::new(shape, plan, with_whole);
    let aside = if sharing.may_go_aside() { n_elements(sharing.side) } else { 0 };
    // After the windows, perhaps beside the last of them.
    let whole = match sharing.way {
        Way::OneSweep => 0,
        _ if with_whole => n_elements(shape.0.min(shape.1)),
        _ => 0,
    };
    sharing.held().max(whole) + aside
}

/// A sweep along the columns.
struct Sweep<'a, 'scope> {
    matrix: Matrix<'a>,
    sharing: &'a Sharing,
    finish: &'a Finish<'a, 'scope>,
    /// Windows side by side in the order of the result.
    n_cols: usize,
}

impl Sweep<'_, '_> {
    /// The windows of these strips, and the whole if wanted.
    fn run<T: Real>(&self, strips: Range<usize>, with_whole: bool) {
        let length = self.sharing.shape.0;
        let mut whole: Option<Lower<T>> = None;
        let mut grams: Vec<Option<Lower<T>>> = strips.clone().map(|_| None).collect();
        for (start, end) in self.sharing.pieces(&strips, with_whole) {
            let open = common(&self.sharing.open((start, end)), &strips);
            let open = open.start - strips.start..open.end - strips.start;
            let mut users: Vec<&mut Option<Lower<T>>> = grams[open.clone()].iter_mut().collect();
            if with_whole {
                users.push(&mut whole);
            }
            let piece = self.matrix.window(0..length, start..end);
            self.add_piece(&piece, &mut users);
            for index in open {
                if self.sharing.strips[strips.start + index] + self.sharing.strip_width == end
                    && let Some(gram) = grams[index].take()
                {
                    self.finish_strip(strips.start + index, gram);
                }
            }
        }
        if let Some(gram) = whole {
            self.finish.take(gram, Place::Whole, false);
        }
    }

    /// Every window on its own.
    fn each_window<T: Real>(&self) {
        let Sharing { strips, strip_width, starts, side, .. } = self.sharing;
        for (strip, &col) in strips.iter().enumerate() {
            for (at, &row) in starts.iter().enumerate() {
                let window = self.matrix.window(row..row + side, col..col + strip_width);
                let gram = row_gram::<T>(&window, self.finish.scale.factor);
                self.finish.take(gram, self.place(strip, at), self.sharing.may_go_aside());
            }
        }
    }

    fn place(&self, strip: usize, at: usize) -> Place {
        let (row, col) = if self.sharing.over_rows { (at, strip) } else { (strip, at) };
        Place::Window(row * self.n_cols + col)
    }

    /// Adds the Gram matrix of a piece wherever it belongs; absent sums are zero.
    fn add_piece<T: Real>(&self, piece: &Matrix<'_>, users: &mut [&mut Option<Lower<T>>]) {
        let factor = self.finish.scale.factor;
        if let [Some(only)] = users {
            return add_row_gram(only, piece, factor);
        }
        let gram = row_gram(piece, factor);
        users.iter_mut().filter_map(|user| user.as_mut()).for_each(|sum| sum.add(&gram));
        let mut absent: Vec<_> = users.iter_mut().filter(|user| user.is_none()).collect();
        if let Some(last) = absent.pop() {
            absent.into_iter().for_each(|user| **user = Some(gram.clone()));
            **last = Some(gram);
        }
    }

    fn finish_strip<T: Real>(&self, strip: usize, gram: Lower<T>) {
        let mut gram = Some(gram);
        let (starts, side) = (&self.sharing.starts, self.sharing.side);
        for (at, &start) in starts.iter().enumerate() {
            let part = match gram.take() {
                // The last window may have the strip's Gram matrix itself.
                Some(all) if at + 1 == starts.len() && side == all.n_rows() => all,
                Some(all) => {
                    let part = all.window(start, side);
                    gram = Some(all);
                    part
                }
                None => return,
            };
            self.finish.take(part, self.place(strip, at), self.sharing.may_go_aside());
        }
    }
}
