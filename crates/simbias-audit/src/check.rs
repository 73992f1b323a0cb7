//! What must hold before anything is trained.

use simbias_data::{Dataset, SplitDataset};
use simbias_reliance::RelianceError;

use crate::AuditError;

/// Refuses rows from which nothing can be learned or measured: fewer than two of them, values that are not
/// finite, a part with only one class.
///
/// # Errors
/// [`AuditError::Data`] with the part and the class, [`RelianceError::NotFiniteInput`].
pub fn check_split(split: &SplitDataset) -> Result<(), AuditError> {
    let parts = [
        ("training", &split.train.0),
        ("validation", &split.validation.0),
        ("test", &split.test.0),
    ];
    for (part, data) in parts {
        let refused = |problem| Err(AuditError::Data { name: data.name.clone(), problem });
        if data.n_rows() < 2 {
            return refused(format!(
                "the {part} part has {} row(s), at least 2 are needed; give more rows, or that part a larger \
                 share of them",
                data.n_rows()
            ));
        }
        if let Some(class) = only_class(data) {
            return refused(format!(
                "all {} rows of the {part} part are of class {class:?}: AUC undefined; add rows of another \
                 class, or give that part a larger share of the rows",
                data.n_rows()
            ));
        }
        let odd = data.rows.indexed_iter().find(|(_, value)| !value.is_finite());
        if let Some(((row, column), &value)) = odd {
            let column = data.layout.column_name(column);
            return Err(RelianceError::NotFiniteInput { row, column, value }.into());
        }
    }
    Ok(())
}

/// The class of all rows, if there is only one.
fn only_class(data: &Dataset) -> Option<&str> {
    let labels = data.class_labels()?;
    let first = *labels.indices.first()?;
    labels
        .indices
        .iter()
        .all(|&class| class == first)
        .then(|| labels.names.get(first as usize).map_or("", String::as_str))
}
