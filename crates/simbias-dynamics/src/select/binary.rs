//! Two classes behind a single logit.

use simbias_data::{DataError, RowSource};

/// A single logit `z` of the second of two classes, `[examples, 1]`, as the two logits `-z/2` and `z/2`.
#[derive(Clone, Copy)]
pub struct BinaryLogits<'a>(&'a dyn RowSource);

impl<'a> BinaryLogits<'a> {
    /// The two logits behind `logits`; `None` unless it has one column.
    pub fn new(logits: &'a dyn RowSource) -> Option<Self> {
        (logits.n_columns() == 1).then_some(Self(logits))
    }
}

impl RowSource for BinaryLogits<'_> {
    fn n_rows(&self) -> usize {
        self.0.n_rows()
    }

    fn n_columns(&self) -> usize {
        2
    }

    fn read_rows(&self, first: usize, out: &mut [f32]) -> Result<(), DataError> {
        let (pairs, _) = out.as_chunks_mut::<2>();
        let mut logits = vec![0.0; pairs.len()];
        self.0.read_rows(first, &mut logits)?;
        for (pair, logit) in pairs.iter_mut().zip(logits) {
            *pair = [-logit / 2.0, logit / 2.0];
        }
        Ok(())
    }

    fn read_rows_f64(&self, first: usize, out: &mut [f64]) -> Result<(), DataError> {
        let (pairs, _) = out.as_chunks_mut::<2>();
        let mut logits = vec![0.0; pairs.len()];
        self.0.read_rows_f64(first, &mut logits)?;
        for (pair, logit) in pairs.iter_mut().zip(logits) {
            *pair = [-logit / 2.0, logit / 2.0];
        }
        Ok(())
    }
}
