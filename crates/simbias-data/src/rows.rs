//! Rows of numbers that need not be in memory: exported outputs, embeddings, losses over time.

use ndarray::ArrayView2;

use crate::DataError;

/// A matrix that is read a few rows at a time. Several threads may read at once.
pub trait RowSource: Sync {
    /// Number of rows.
    fn n_rows(&self) -> usize;

    /// Numbers in a row.
    fn n_columns(&self) -> usize;

    /// Reads the rows from `first` on into `out`, which holds whole rows one after another.
    ///
    /// # Errors
    /// What the file or its system says.
    ///
    /// # Panics
    /// When there are fewer rows, or `out` does not hold whole rows.
    fn read_rows(&self, first: usize, out: &mut [f32]) -> Result<(), DataError>;

    /// The same in double precision, where the source has it.
    ///
    /// # Errors
    /// As [`read_rows`](Self::read_rows).
    ///
    /// # Panics
    /// As [`read_rows`](Self::read_rows).
    fn read_rows_f64(&self, first: usize, out: &mut [f64]) -> Result<(), DataError>;

    /// Reads `rows`, in ascending order, one after another into `out`. Neighbours that lie close together are read in
    /// one go.
    ///
    /// # Errors
    /// As [`read_rows`](Self::read_rows).
    ///
    /// # Panics
    /// As [`read_rows`](Self::read_rows).
    fn gather(&self, rows: &[u32], out: &mut [f32]) -> Result<(), DataError> {
        let n_columns = self.n_columns().max(1);
        assert_eq!(out.len(), rows.len() * n_columns, "one place for every number");
        let row_bytes = n_columns * size_of::<f32>();
        let (most_rows, widest_gap) = (SPAN_BYTES / row_bytes, GAP_BYTES / row_bytes);
        let mut span = Vec::new();
        let mut done = 0;
        while done < rows.len() {
            let first = rows[done] as usize;
            let mut end = done + 1;
            while end < rows.len()
                && (rows[end] - rows[end - 1]) as usize <= widest_gap + 1
                && rows[end] as usize - first < most_rows
            {
                end += 1;
            }
            let n_span = rows[end - 1] as usize - first + 1;
            let places = &mut out[done * n_columns..end * n_columns];
            if n_span == end - done {
                self.read_rows(first, places)?;
            } else {
                span.resize(n_span * n_columns, 0.0);
                self.read_rows(first, &mut span)?;
                for (place, &row) in places.chunks_exact_mut(n_columns).zip(&rows[done..end]) {
                    let start = (row as usize - first) * n_columns;
                    place.copy_from_slice(&span[start..start + n_columns]);
                }
            }
            done = end;
        }
        Ok(())
    }
}

/// Most bytes that [`RowSource::gather`] reads in one go.
const SPAN_BYTES: usize = 1 << 20;
/// Bytes that are rather read than skipped.
const GAP_BYTES: usize = 8 << 10;

macro_rules! in_memory {
    ($number:ty, $read:ident, $other:ty, $read_other:ident) => {
        impl RowSource for ArrayView2<'_, $number> {
            fn n_rows(&self) -> usize {
                self.nrows()
            }

            fn n_columns(&self) -> usize {
                self.ncols()
            }

            fn $read(&self, first: usize, out: &mut [$number]) -> Result<(), DataError> {
                for (place, row) in out.chunks_exact_mut(self.ncols().max(1)).zip(first..) {
                    for (place, &value) in place.iter_mut().zip(self.row(row)) {
                        *place = value;
                    }
                }
                Ok(())
            }

            fn $read_other(&self, first: usize, out: &mut [$other]) -> Result<(), DataError> {
                for (place, row) in out.chunks_exact_mut(self.ncols().max(1)).zip(first..) {
                    for (place, &value) in place.iter_mut().zip(self.row(row)) {
                        *place = value as $other;
                    }
                }
                Ok(())
            }
        }
    };
}

in_memory!(f32, read_rows, f64, read_rows_f64);
in_memory!(f64, read_rows_f64, f32, read_rows);

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn gathered_rows_are_those_asked_for_near_and_far() {
        let matrix = Array2::from_shape_fn((9000, 3), |(i, j)| (10 * i + j) as f32);
        let rows = [0_u32, 1, 2, 7, 8, 600, 4000, 8998, 8999];
        let mut out = vec![0.0; rows.len() * 3];
        matrix.view().gather(&rows, &mut out).unwrap();
        for (row, found) in rows.iter().zip(out.chunks_exact(3)) {
            let start = (10 * row) as f32;
            assert_eq!(found, [start, start + 1.0, start + 2.0]);
        }
    }

    #[test]
    fn both_precisions_read_the_same_rows() {
        let matrix = Array2::from_shape_fn((4, 2), |(i, j)| (i * 2 + j) as f64 + 0.5);
        let (mut single, mut double) = ([0.0_f32; 4], [0.0_f64; 4]);
        matrix.view().read_rows(1, &mut single).unwrap();
        matrix.view().read_rows_f64(1, &mut double).unwrap();
        assert_eq!(double, [2.5, 3.5, 4.5, 5.5]);
        assert_eq!(single.map(f64::from), double);
    }
}
