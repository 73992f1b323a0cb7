//! `max(0, x)` and its gradient.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::real::{Real, vectorised, written};

/// Numbers of a task: fewer are not worth a second thread.
const TASK: usize = 1 << 15;

/// `max(0, x)`; not-a-number stays what it is.
pub fn rectify<T: Real>(x: &[T]) -> Vec<T> {
    let zero = T::default();
    let write = |y: &mut [MaybeUninit<T>]| {
        y.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(y, x)| {
            vectorised(
                #[inline(always)]
                || {
                    for (y, x) in y.iter_mut().zip(x) {
                        y.write(if *x < zero { zero } else { *x });
                    }
                },
            );
        });
    };
    #[expect(unsafe_code, reason = "every number is written")]
    // SAFETY: chunks of `x` and `y`, which are as long, cover both.
    unsafe {
        written(x.len(), write)
    }
}

/// The gradient of `x` from that of `y = max(0, x)`: none where `y` is zero; where it is not-a-number, that of the output.
///
/// # Panics
///
/// If the slices have different lengths.
pub fn rectify_gradient<T: Real>(y: &[T], gradient: &[T]) -> Vec<T> {
    assert_eq!(y.len(), gradient.len(), "as many slopes as numbers");
    let zero = T::default();
    let write = |out: &mut [MaybeUninit<T>]| {
        let inputs = y.par_chunks(TASK).zip(gradient.par_chunks(TASK));
        out.par_chunks_mut(TASK).zip(inputs).for_each(|(out, (y, gradient))| {
            vectorised(
                #[inline(always)]
                || {
                    for ((out, y), slope) in out.iter_mut().zip(y).zip(gradient) {
                        out.write(if *y <= zero { zero } else { *slope });
                    }
                },
            );
        });
    };
    #[expect(unsafe_code, reason = "every number is written")]
    // SAFETY: chunks of all three, which are equally long, cover them.
    unsafe {
        written(y.len(), write)
    }
}
