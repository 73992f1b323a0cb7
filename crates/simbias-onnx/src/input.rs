//! How flat rows become the model's inputs.

use ndarray::ArrayView2;
use simbias_data::{Layout, TensorSpec};
use tract_onnx::pb::ValueInfoProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value;
use tract_onnx::prelude::*;

use crate::OnnxError;
use crate::output::{element_type, is_float, type_name};

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
    pub(crate) datum_type: DatumType,
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

/// Matches the model's inputs with the layout's tensors, in the model's order, and gives the batch size
/// that the file prescribes, if any.
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
    let names = || OnnxError::InputNames {
        inputs: inputs.iter().map(|input| input.name.clone()).collect(),
        tensors: tensors.iter().map(|tensor| tensor.name.clone()).collect(),
    };
    if inputs.is_empty() {
        return Err(OnnxError::Damaged { reason: "the model has no input".into() });
    }
    let mut bindings = Vec::with_capacity(inputs.len());
    let mut fixed_batch = None;
    for info in inputs {
        let tensor = match inputs {
            // The name of a single input does not matter.
            [_] => &whole,
            _ => tensors.iter().find(|tensor| tensor.name == info.name).ok_or_else(names)?,
        };
        let declared = DeclaredShape::of(info);
        let binding = bind_one(info, tensor, &declared)?;
        bindings.push(binding);
        fixed_batch = fixed_batch.or(declared.0.and_then(|dims| dims.first().copied().flatten()));
    }
    if inputs.len() > 1 && inputs.len() != tensors.len() {
        return Err(names());
    }
    Ok((bindings, fixed_batch))
}

fn bind_one(
    info: &ValueInfoProto,
    tensor: &TensorSpec,
    declared: &DeclaredShape,
) -> Result<InputBinding, OnnxError> {
    let kind = element_type(info).unwrap_or(DataType::Float);
    if !is_float(kind) {
        return Err(OnnxError::InputType { input: info.name.clone(), found: type_name(info) });
    }
    let datum_type = match kind {
        DataType::Double => f64::datum_type(),
        DataType::Float16 => f16::datum_type(),
        _ => f32::datum_type(),
    };
    let fitted = match &declared.0 {
        None => Some((tensor.shape.clone(), false)),
        Some(dims) => dims.split_first().and_then(|(_, rest)| fit(&tensor.shape, rest)),
    };
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
        datum_type,
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
    pub(crate) fn pack(&self, rows: ArrayView2<'_, f32>, batch: usize) -> TractResult<Tensor> {
        let n_features = self.n_features();
        let mut values = Vec::with_capacity(batch * n_features);
        for index in 0..batch {
            let row = rows.row(index.min(rows.nrows() - 1));
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
        let shape = self.batch_shape(batch);
        let tensor = Tensor::from_shape(&shape, &values)?;
        Ok(tensor.cast_to_dt(self.datum_type)?.into_owned())
    }

    pub(crate) fn batch_shape(&self, batch: usize) -> Vec<usize> {
        std::iter::once(batch).chain(self.shape.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
