//! A guard for decoders of other crates that panic on damaged files.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use crate::DataError;

/// Runs `decode`; a panic inside becomes an error. What `decode` borrows is not used again after a panic, since every
/// caller passes the error on.
pub(super) fn guarded<T>(
    file: &Path,
    format: &'static str,
    decode: impl FnOnce() -> Result<T, DataError>,
) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(DataError::malformed(
            file,
            format,
            "its parts contradict each other, so that the decoder gave up",
            "fetch or write it again",
        ))
    })
}
