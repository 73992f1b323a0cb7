//! How flat rows become the model's inputs.

use ndarray::{ArrayView1, ArrayView2};
use simbias_data::{Layout, SourceColumn, TensorSpec};
use tract_onnx::pb::ValueInfoProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;

use crate::OnnxError;
use crate::output::{element_type, type_name};

/// Columns of a flat row that feed one input of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputBinding {
    /// Name of the input in the file.
    pub input: String,
    /// First column.
    pub offset: usize,
    /// Shape of one example as the model takes it, without the batch axis.
    pub shape: Vec<usize>,
    /// The rows hold `[channels, height, width]` and the model takes `[height, width, channels]`.
    pub channels_last: bool,
    pub(crate) element: Element,
    /// For inputs of texts: the columns that hold the categories of each value.
    pub(crate) texts: Vec<Categories>,
}

/// What an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    F32,
    F64,
    F16,
    I64,
    I32,
    Bool,
    Text,
}

impl Element {
    fn of(kind: DataType) -> Option<Self> {
        Some(match kind {
            DataType::Float => Self::F32,
            DataType::Double => Self::F64,
            DataType::Float16 => Self::F16,
            DataType::Int64 => Self::I64,
            DataType::Int32 => Self::I32,
            DataType::Bool => Self::Bool,
            DataType::String => Self::Text,
            _ => return None,
        })
    }

    /// Whether values with a fraction would lose it.
    fn is_whole(self) -> bool {
        matches!(self, Self::I64 | Self::I32 | Self::Bool)
    }
}

/// A column of texts, one-hot in the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Categories {
    /// First column.
    first: usize,
    /// The text of each column.
    texts: Vec<String>,
}

/// The values of one input for some rows.
pub(crate) enum Packed {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

/// The column that an input of this name takes: the same name, or the only one that differs in punctuation and case,
/// which exporters replace.
fn column_named<'a>(columns: &'a [SourceColumn], input: &str) -> Option<&'a SourceColumn> {
    let plain = |name: &str| -> String {
        name.chars()
            .map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect()
    };
    let same = columns.iter().find(|column| column.name == input);
    let mut similar = columns.iter().filter(|column| plain(&column.name) == plain(input));
    same.or_else(|| similar.next().filter(|_| similar.next().is_none()))
}

/// Shape of an input as declared: `None` where free. There is no shape at all if the file gives none.
struct DeclaredShape(Option<Vec<Option<usize>>>);

impl DeclaredShape {
    fn of(info: &ValueInfoProto) -> Self {
        let shape = info.r#type.as_ref().and_then(|kind| kind.value.as_ref()).and_then(|value| {
            let Value::TensorType(tensor) = value;
            tensor.shape.as_ref()
        });
        Self(shape.map(|shape| {
            shape
                .dim
                .iter()
                .map(|dim| match &dim.value {
                    Some(DimValue::DimValue(size)) => {
                        usize::try_from(*size).ok().filter(|&n| n > 0)
                    }
                    _ => None,
                })
                .collect()
        }))
    }

    fn text(&self) -> String {
        match &self.0 {
            None => "[?]".into(),
            Some(dims) => {
                let dims: Vec<String> = dims
                    .iter()
                    .map(|dim| dim.map_or_else(|| "?".into(), |size| size.to_string()))
                    .collect();
                format!("[{}]", dims.join(", "))
            }
        }
    }
}

/// Matches the model's inputs with the layout's tensors or, for a table, its columns, in the model's order, and gives
/// the batch size that the file prescribes, if any.
pub(crate) fn bind(
    inputs: &[&ValueInfoProto],
    layout: &Layout,
) -> Result<(Vec<InputBinding>, Option<usize>), OnnxError> {
    let tensors = layout.tensors();
    let whole = TensorSpec {
        name: String::new(),
        shape: match tensors {
            [one] => one.shape.clone(),
            _ => vec![layout.n_features()],
        },
        offset: 0,
    };
    if inputs.is_empty() {
        return Err(OnnxError::Damaged { reason: "the model has no input".into() });
    }
    let columns = layout.source_columns().filter(|_| tensors.len() == 1);
    let names = || OnnxError::InputNames {
        inputs: inputs.iter().map(|input| input.name.clone()).collect(),
        tensors: match &columns {
            Some(columns) => columns.iter().map(|column| column.name.clone()).collect(),
            None => tensors.iter().map(|tensor| tensor.name.clone()).collect(),
        },
        are_columns: columns.is_some(),
    };
    let mut bindings = Vec::with_capacity(inputs.len());
    let mut fixed_batch = None;
    for info in inputs {
        let declared = DeclaredShape::of(info);
        let binding = match (inputs, &columns) {
            // The name of a single input does not matter, unless it takes one column of several.
            ([_], columns) => bind_whole(info, &whole, columns.as_deref(), &declared)?,
            (_, Some(columns)) => {
                let column = column_named(columns, &info.name).ok_or_else(names)?;
                bind_column(info, column, &declared)?
            }
            _ => {
                let tensor = tensors.iter().find(|tensor| tensor.name == info.name);
                bind_tensor(info, tensor.ok_or_else(names)?, &declared)?
            }
        };
        bindings.push(binding);
        fixed_batch = fixed_batch.or(declared.0.and_then(|dims| dims.first().copied().flatten()));
    }
    if inputs.len() > 1 && columns.is_none() && inputs.len() != tensors.len() {
        return Err(names());
    }
    Ok((bindings, fixed_batch))
}

/// Binds the only input of a model.
fn bind_whole(
    info: &ValueInfoProto,
    whole: &TensorSpec,
    columns: Option<&[SourceColumn]>,
    declared: &DeclaredShape,
) -> Result<InputBinding, OnnxError> {
    let columns = columns.unwrap_or(&[]);
    if element_of(info)? == Element::Text {
        let categories: Option<Vec<Categories>> = columns.iter().map(categories_of).collect();
        return match categories.filter(|categories| !categories.is_empty()) {
            Some(texts) => bind_texts(info, texts, declared),
            None => Err(OnnxError::InputType { input: info.name.clone(), found: type_name(info) }),
        };
    }
    let bound = bind_tensor(info, whole, declared);
    match column_named(columns, &info.name) {
        Some(column) if bound.is_err() => bind_column(info, column, declared),
        _ => bound,
    }
}

/// Binds an input that takes one column of the user's table.
fn bind_column(
    info: &ValueInfoProto,
    column: &SourceColumn,
    declared: &DeclaredShape,
) -> Result<InputBinding, OnnxError> {
    if element_of(info)? == Element::Text {
        return match categories_of(column) {
            Some(categories) => bind_texts(info, vec![categories], declared),
            None => Err(OnnxError::InputColumn {
                input: info.name.clone(),
                takes: "texts",
                holds: "numbers",
            }),
        };
    }
    let tensor = TensorSpec {
        name: column.name.clone(),
        shape: vec![column.columns.len()],
        offset: column.columns.start,
    };
    bind_tensor(info, &tensor, declared).map_err(|error| match (error, &column.categories) {
        (OnnxError::InputShape { input, .. }, Some(_)) => {
            OnnxError::InputColumn { input, takes: "numbers", holds: "texts" }
        }
        (error, _) => error,
    })
}

fn categories_of(column: &SourceColumn) -> Option<Categories> {
    let texts = column.categories.clone()?;
    Some(Categories { first: column.columns.start, texts })
}

fn bind_texts(
    info: &ValueInfoProto,
    texts: Vec<Categories>,
    declared: &DeclaredShape,
) -> Result<InputBinding, OnnxError> {
    let fitted = match &declared.0 {
        None => Some(vec![texts.len()]),
        Some(dims) => dims.split_first().and_then(|(_, rest)| Some(fit(&[texts.len()], rest)?.0)),
    };
    let Some(shape) = fitted else {
        return Err(OnnxError::InputShape {
            input: info.name.clone(),
            expected: declared.text(),
            found: vec![texts.len()],
            n_features: texts.len(),
        });
    };
    Ok(InputBinding {
        input: info.name.clone(),
        offset: texts[0].first,
        shape,
        channels_last: false,
        element: Element::Text,
        texts,
    })
}

fn element_of(info: &ValueInfoProto) -> Result<Element, OnnxError> {
    Element::of(element_type(info).unwrap_or(DataType::Float))
        .ok_or_else(|| OnnxError::InputType { input: info.name.clone(), found: type_name(info) })
}

fn bind_tensor(
    info: &ValueInfoProto,
    tensor: &TensorSpec,
    declared: &DeclaredShape,
) -> Result<InputBinding, OnnxError> {
    let fitted = match &declared.0 {
        None => Some((tensor.shape.clone(), false)),
        Some(dims) => dims.split_first().and_then(|(_, rest)| fit(&tensor.shape, rest)),
    };
    let element = element_of(info)?;
    let Some((shape, channels_last)) = fitted else {
        return Err(OnnxError::InputShape {
            input: info.name.clone(),
            expected: declared.text(),
            found: tensor.shape.clone(),
            n_features: tensor.n_features(),
        });
    };
    Ok(InputBinding {
        input: info.name.clone(),
        offset: tensor.offset,
        shape,
        channels_last,
        element,
        texts: Vec::new(),
    })
}

/// The shape of one example that `declared` (without batch axis) admits for values of shape `row`, and
/// whether channels move to the end.
///
/// Same axes first, then channels last, then any shape with as many values (rows keep their C order).
fn fit(row: &[usize], declared: &[Option<usize>]) -> Option<(Vec<usize>, bool)> {
    let admits = |shape: &[usize]| {
        shape.len() == declared.len()
            && shape.iter().zip(declared).all(|(&size, dim)| dim.is_none_or(|dim| dim == size))
    };
    if admits(row) {
        return Some((row.to_vec(), false));
    }
    if let &[channels, height, width] = row
        && admits(&[height, width, channels])
    {
        return Some((vec![height, width, channels], true));
    }
    let n_values: usize = row.iter().product();
    let known: usize = declared.iter().flatten().product();
    let n_free = declared.iter().filter(|dim| dim.is_none()).count();
    let free = match n_free {
        0 if known == n_values => 1,
        1 if known > 0 && n_values.is_multiple_of(known) => n_values / known,
        _ => return None,
    };
    Some((declared.iter().map(|dim| dim.unwrap_or(free)).collect(), false))
}

impl InputBinding {
    /// Number of columns that the input takes.
    pub fn n_features(&self) -> usize {
        self.shape.iter().product()
    }

    /// `batch` rows as the model takes them; the last of `rows` is repeated to fill the batch.
    ///
    /// # Errors
    /// A fraction for an input of whole numbers.
    pub(crate) fn pack(&self, rows: ArrayView2<'_, f32>, batch: usize) -> Result<Packed, String> {
        let rows = (0..batch).map(|index| rows.row(index.min(rows.nrows() - 1)));
        if self.element == Element::Text {
            let texts = rows.flat_map(|row| self.texts.iter().map(move |cell| cell.text(row)));
            return Ok(Packed::Texts(texts.collect()));
        }
        let n_features = self.n_features();
        let mut values = Vec::with_capacity(batch * n_features);
        for row in rows {
            if let (true, &[height, width, channels]) = (self.channels_last, &self.shape[..]) {
                for pixel in 0..height * width {
                    for channel in 0..channels {
                        values.push(row[self.offset + channel * height * width + pixel]);
                    }
                }
            } else {
                values.extend((self.offset..self.offset + n_features).map(|column| row[column]));
            }
        }
        if self.element.is_whole()
            && let Some(value) = values.iter().find(|value| value.fract() != 0.0 || value.is_nan())
        {
            return Err(format!(
                "input {:?} takes whole numbers, and the rows hold {value}; export the model with a floating-point input",
                self.input
            ));
        }
        Ok(Packed::Numbers(values))
    }

    /// The first category of each column of texts.
    pub(crate) fn first_categories(&self) -> impl Iterator<Item = usize> {
        self.texts.iter().filter(|cell| !cell.texts.is_empty()).map(|cell| cell.first)
    }

    pub(crate) fn batch_shape(&self, batch: usize) -> Vec<usize> {
        std::iter::once(batch).chain(self.shape.iter().copied()).collect()
    }
}

impl Categories {
    /// The text of a row: that of the largest of its columns, or none if all are zero.
    fn text(&self, row: ArrayView1<'_, f32>) -> String {
        let mut best = (0.0, None);
        for (offset, text) in self.texts.iter().enumerate() {
            let value = row[self.first + offset];
            if value > best.0 {
                best = (value, Some(text));
            }
        }
        best.1.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use simbias_data::ColumnGroup;

    use super::*;

    #[test]
    fn inputs_find_their_column_by_name() {
        let group = |name: &str, columns| ColumnGroup { name: name.into(), columns };
        let names = ["mean radius (cm)", "sex=f", "sex=m", "Mean_Radius"].map(String::from);
        let groups = vec![group("mean radius (cm)", 0..1), group("sex", 1..3), group("MEAN", 3..4)];
        let layout = Layout::table_with_groups(names.to_vec(), groups);
        let columns = layout.source_columns().unwrap();
        let start = |input| column_named(&columns, input).map(|column| column.columns.start);
        assert_eq!(start("mean_radius__cm_"), Some(0));
        assert_eq!(start("sex"), Some(1));
        assert_eq!(start("mean"), Some(3));
        assert_eq!(start("age"), None);
        assert_eq!(columns[1].categories, Some(vec!["f".into(), "m".into()]));
        let categories = categories_of(&columns[1]).unwrap();
        assert_eq!(categories.text(ndarray::array![9.0, 0.0, 1.0, 9.0].view()), "m");
        assert_eq!(categories.text(ndarray::array![9.0, 0.0, 0.0, 9.0].view()), "");
    }

    /// Shape of a row, declared shape, and what is expected.
    type Case<'a> = (&'a [usize], &'a [Option<usize>], Option<(&'a [usize], bool)>);

    #[test]
    fn a_row_takes_the_shape_that_the_model_declares() {
        let cases: &[Case] = &[
            (&[5], &[Some(5)], Some((&[5], false))),
            (&[5], &[None], Some((&[5], false))),
            (&[5], &[Some(4)], None),
            (&[3, 8, 6], &[Some(3), None, None], Some((&[3, 8, 6], false))),
            (&[3, 8, 6], &[Some(8), Some(6), Some(3)], Some((&[8, 6, 3], true))),
            (&[3, 8, 6], &[None, None, Some(3)], Some((&[8, 6, 3], true))),
            (&[1, 8, 6], &[Some(8), Some(6)], Some((&[8, 6], false))),
            (&[3, 8, 6], &[Some(144)], Some((&[144], false))),
            (&[3, 8, 6], &[None], Some((&[144], false))),
            (&[144], &[Some(3), Some(8), Some(6)], Some((&[3, 8, 6], false))),
            (&[144], &[Some(5), None], None),
            (&[3, 8, 6], &[], None),
        ];
        for (row, declared, expected) in cases {
            let found = fit(row, declared);
            let expected = expected.map(|(shape, last)| (shape.to_vec(), last));
            assert_eq!(found, expected, "{row:?} into {declared:?}");
        }
    }
}
