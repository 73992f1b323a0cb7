//! What the columns of a row stand for: a table, an image, or several named tensors side by side.

use serde::{Deserialize, Serialize};

/// One named input tensor inside a flat row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// Name of the input, as the model knows it.
    pub name: String,
    /// Shape of one example, without the batch axis; C order.
    pub shape: Vec<usize>,
    /// First column of the tensor in the flat row.
    pub offset: usize,
}

impl TensorSpec {
    /// Number of columns that the tensor takes.
    pub fn n_features(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Columns of a table that stem from one column of the source, such as the one-hot columns of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnGroup {
    /// Name of the source's column.
    pub name: String,
    /// The columns of the flat row.
    pub columns: std::ops::Range<usize>,
}

/// One column of the user's table, with the columns of a flat row that stem from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    /// Its name.
    pub name: String,
    /// The columns of the flat row.
    pub columns: std::ops::Range<usize>,
    /// The texts of a one-hot column, in the order of `columns`.
    pub categories: Option<Vec<String>>,
}

/// Shape of one image, channels first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Number of channels.
    pub channels: usize,
    /// Number of pixel rows.
    pub height: usize,
    /// Number of pixel columns.
    pub width: usize,
}

impl ImageShape {
    /// Number of values of one image.
    pub fn n_features(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Flat column of a pixel, C order `[channel, row, column]`.
    pub fn column(self, channel: usize, row: usize, column: usize) -> usize {
        (channel * self.height + row) * self.width + column
    }
}

/// How a flat row of `n_features` values divides into named tensors.
///
/// The tensors follow one another without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    tensors: Vec<TensorSpec>,
    column_names: Option<Vec<String>>,
    #[serde(default)]
    column_groups: Vec<ColumnGroup>,
}

impl Layout {
    /// A table: one tensor of shape `[n_columns]` with a name for each column.
    pub fn table(column_names: Vec<String>) -> Self {
        let n_columns = column_names.len();
        let tensors = vec![TensorSpec { name: "x".into(), shape: vec![n_columns], offset: 0 }];
        Self { tensors, column_names: Some(column_names), column_groups: Vec::new() }
    }

    /// A table whose columns stem from fewer columns of the source; the groups follow one another without gaps.
    pub fn table_with_groups(column_names: Vec<String>, column_groups: Vec<ColumnGroup>) -> Self {
        Self { column_groups, ..Self::table(column_names) }
    }

    /// Unnamed columns: one tensor of the given shape.
    pub fn array(shape: Vec<usize>) -> Self {
        let tensors = vec![TensorSpec { name: "x".into(), shape, offset: 0 }];
        Self { tensors, column_names: None, column_groups: Vec::new() }
    }

    /// An image of shape `[channels, height, width]`.
    pub fn image(shape: ImageShape) -> Self {
        Self::array(vec![shape.channels, shape.height, shape.width])
    }

    /// Several named tensors (modalities) side by side, in the given order.
    pub fn named_tensors(named_shapes: Vec<(String, Vec<usize>)>) -> Self {
        let mut offset = 0;
        let tensors = named_shapes
            .into_iter()
            .map(|(name, shape)| {
                let spec = TensorSpec { name, shape, offset };
                offset += spec.n_features();
                spec
            })
            .collect();
        Self { tensors, column_names: None, column_groups: Vec::new() }
    }

    /// The tensors in column order.
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.tensors
    }

    /// Number of columns of a flat row.
    pub fn n_features(&self) -> usize {
        self.tensors.iter().map(TensorSpec::n_features).sum()
    }

    /// The image shape, when a row is exactly one `[channels, height, width]` tensor.
    pub fn image_shape(&self) -> Option<ImageShape> {
        match self.tensors.as_slice() {
            [one] => match one.shape.as_slice() {
                &[channels, height, width] => Some(ImageShape { channels, height, width }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Names of the columns of a table.
    pub fn column_names(&self) -> Option<&[String]> {
        self.column_names.as_deref()
    }

    /// Columns that belong together because they stem from one column of the source (one-hot texts);
    /// empty when nothing is known.
    pub fn column_groups(&self) -> &[ColumnGroup] {
        &self.column_groups
    }

    /// The columns of the user's own table, in its order; `None` for data that are not a table.
    pub fn source_columns(&self) -> Option<Vec<SourceColumn>> {
        let names = self.column_names.as_ref()?;
        if self.column_groups.is_empty() {
            let column = |(index, name): (usize, &String)| SourceColumn {
                name: name.clone(),
                columns: index..index + 1,
                categories: None,
            };
            return Some(names.iter().enumerate().map(column).collect());
        }
        let column = |group: &ColumnGroup| {
            let prefix = format!("{}=", group.name);
            let category = |name: &String| name.strip_prefix(&prefix).map(String::from);
            Some(SourceColumn {
                name: group.name.clone(),
                columns: group.columns.clone(),
                categories: names.get(group.columns.clone())?.iter().map(category).collect(),
            })
        };
        self.column_groups.iter().map(column).collect()
    }

    /// A readable name for column `column`: its own, or tensor name and index.
    pub fn column_name(&self, column: usize) -> String {
        if let Some(names) = &self.column_names {
            return names[column].clone();
        }
        let tensor = self.tensors.iter().rev().find(|tensor| tensor.offset <= column);
        match tensor {
            Some(tensor) => format!("{}[{}]", tensor.name, column - tensor.offset),
            None => format!("[{column}]"),
        }
    }
}
