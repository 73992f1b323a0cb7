//! Operators that the runtime lacks and that others can express.

use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType, type_proto::Value,
};

use crate::file::{ModelFile, attribute, is_external, numbers_of};

/// Turns a model in half precision into one in single precision, unless some weights lie in another file. Processors
/// compute in single precision anyway, and converting after every operation takes most of the time.
pub(crate) fn halves(file: &mut ModelFile) {
    if has_external_halves(&file.graph) {
        return;
    }
    widen(&mut file.graph);
}

fn is_half(kind: i32) -> bool {
    kind == DataType::Float16 as i32
}

fn has_external_halves(graph: &GraphProto) -> bool {
    graph.initializer.iter().any(|tensor| is_half(tensor.data_type) && is_external(tensor))
        || graph
            .node
            .iter()
            .flat_map(|node| &node.attribute)
            .any(|attribute| attribute.g.iter().chain(&attribute.graphs).any(has_external_halves))
}

fn widen(graph: &mut GraphProto) {
    graph.initializer.iter_mut().for_each(widen_tensor);
    for value in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
        let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
        if let Some(Value::TensorType(tensor)) = kind
            && is_half(tensor.elem_type)
        {
            tensor.elem_type = DataType::Float as i32;
        }
    }
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        // Targets of casts, and of operators that make tensors.
        let names_a_type = matches!(&*attribute.name, "to" | "dtype" | "output_dtype");
        if names_a_type && attribute.i == DataType::Float16 as i64 {
            attribute.i = DataType::Float as i64;
        }
        attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(widen_tensor);
        attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(widen);
    }
}

fn widen_tensor(tensor: &mut TensorProto) {
    if !is_half(tensor.data_type) {
        return;
    }
    let Some(values) = numbers_of(tensor) else { return };
    tensor.data_type = DataType::Float as i32;
    tensor.raw_data.clear();
    tensor.int32_data.clear();
    tensor.float_data = values.into_iter().map(|value| value as f32).collect();
}

/// Classifiers write labels beside their scores; nobody reads them here, and the runtime cannot write texts.
pub(crate) fn text_labels(file: &mut ModelFile) {
    for node in &mut file.graph.node {
        let is_linear = node.op_type == "LinearClassifier";
        if !is_linear && node.op_type != "TreeEnsembleClassifier" {
            continue;
        }
        let Some(labels) =
            node.attribute.iter_mut().find(|labels| labels.name == "classlabels_strings")
        else {
            continue;
        };
        if labels.strings.is_empty() {
            continue;
        }
        let n_classes = labels.strings.len() as i64;
        *labels = AttributeProto {
            name: if is_linear { "classlabels_ints" } else { "classlabels_int64s" }.into(),
            ints: (0..n_classes).collect(),
            r#type: INTS_ATTRIBUTE,
            ..Default::default()
        };
        node.attribute.dedup_by(|later, earlier| later.name == earlier.name);
    }
}

/// Casts what the operators of classical models read to single precision: they take any number, the runtime's take
/// floating-point numbers only. For graphs with inputs of whole numbers.
pub(crate) fn whole_numbers(file: &mut ModelFile) {
    let nodes = std::mem::take(&mut file.graph.node);
    for mut node in nodes {
        let takes_any = matches!(
            &*node.op_type,
            "LinearClassifier" | "LinearRegressor" | "Normalizer" | "Scaler"
        );
        if let (true, Some(input), Some(output)) =
            (takes_any, node.input.first_mut(), node.output.iter().find(|name| !name.is_empty()))
        {
            let as_f32 = format!("{output}/simbias/input");
            let read = std::mem::replace(input, as_f32.clone());
            file.graph.node.push(cast_to_f32(read, as_f32));
        }
        file.graph.node.push(node);
    }
}

/// Replaces every `Imputer` node, which puts a value in the place of missing ones, by a choice between the two.
pub(crate) fn imputers(file: &mut ModelFile) {
    let nodes = std::mem::take(&mut file.graph.node);
    for mut node in nodes {
        let parts = (node.op_type == "Imputer").then(|| {
            let values = attribute(&node, "imputed_value_floats")?.floats.clone();
            let replaced = attribute(&node, "replaced_value_float").map_or(0.0, |value| value.f);
            Some((values, replaced, node.input.first()?.clone(), node.output.first()?.clone()))
        });
        let Some(Some((values, replaced, input, output))) = parts else {
            file.graph.node.push(node);
            continue;
        };
        let name = |part: &str| format!("{output}/simbias/{part}");
        file.graph.initializer.push(vector(name("values"), &values));
        let is_missing = if replaced.is_nan() {
            operator("IsNaN", vec![input.clone()], name("missing"))
        } else {
            file.graph.initializer.push(vector(name("replaced"), &[replaced]));
            operator("Equal", vec![input.clone(), name("replaced")], name("missing"))
        };
        file.graph.node.push(is_missing);
        node.op_type = "Where".into();
        node.domain.clear();
        node.attribute.clear();
        node.input = vec![name("missing"), name("values"), input];
        file.graph.node.push(node);
    }
}

/// Replaces every `ArrayFeatureExtractor` node, which picks columns, by a `Gather` along the last axis.
pub(crate) fn feature_extractors(file: &mut ModelFile) {
    let nodes = std::mem::take(&mut file.graph.node);
    for mut node in nodes {
        let ("ArrayFeatureExtractor", [_, columns], [output]) =
            (&*node.op_type, &node.input[..], &node.output[..])
        else {
            file.graph.node.push(node);
            continue;
        };
        // One column is picked by a list of one, so that the axis stays.
        let name = |part: &str| format!("{output}/simbias/{part}");
        let (flat, list) = (name("flat"), name("list"));
        file.graph.initializer.push(TensorProto {
            name: flat.clone(),
            dims: vec![1],
            data_type: DataType::Int64 as i32,
            int64_data: vec![-1],
            ..Default::default()
        });
        file.graph.node.push(operator("Reshape", vec![columns.clone(), flat], list.clone()));
        node.op_type = "Gather".into();
        node.domain.clear();
        node.input[1] = list;
        node.attribute = vec![AttributeProto {
            name: "axis".into(),
            i: -1,
            r#type: INT_ATTRIBUTE,
            ..Default::default()
        }];
        file.graph.node.push(node);
    }
}

/// Replaces every `Scaler` node, `(x - offset) · scale`, by a subtraction and a multiplication.
///
/// scikit-learn pipelines with a `StandardScaler` or `MinMaxScaler` begin with one.
pub(crate) fn scalers(file: &mut ModelFile) {
    let nodes = std::mem::take(&mut file.graph.node);
    for node in nodes {
        let parts = (node.op_type == "Scaler")
            .then(|| (attribute(&node, "offset"), attribute(&node, "scale"), node.input.first()));
        let (Some((Some(offset), Some(scale), Some(input))), Some(output)) =
            (parts, node.output.first())
        else {
            file.graph.node.push(node);
            continue;
        };
        let name = |part: &str| format!("{output}/simbias/{part}");
        file.graph.initializer.push(vector(name("offset"), &offset.floats));
        file.graph.initializer.push(vector(name("scale"), &scale.floats));
        // A scaler reads any number and writes f32.
        file.graph.node.push(cast_to_f32(input.clone(), name("f32")));
        file.graph.node.push(operator("Sub", vec![name("f32"), name("offset")], name("centred")));
        file.graph.node.push(operator("Mul", vec![name("centred"), name("scale")], output.clone()));
    }
}

/// Replaces every plain `Gemm` node, `A · B + C` with `B` possibly transposed, by a product and a sum.
///
/// For models in f64 or f16, whose `Gemm` the runtime scales by an f32. Nodes with factors other than 1
/// stay and are refused by the runtime.
pub(crate) fn gemms(file: &mut ModelFile) {
    let nodes = std::mem::take(&mut file.graph.node);
    for node in nodes {
        let is_one = |name| attribute(&node, name).is_none_or(|factor| factor.f == 1.0);
        let is_set = |name| attribute(&node, name).is_some_and(|flag| flag.i != 0);
        let is_plain =
            node.op_type == "Gemm" && is_one("alpha") && is_one("beta") && !is_set("transA");
        let ([left, right, rest @ ..], [output]) = (node.input.as_slice(), node.output.as_slice())
        else {
            file.graph.node.push(node);
            continue;
        };
        if !is_plain {
            file.graph.node.push(node);
            continue;
        }
        let name = |part: &str| format!("{output}/simbias/{part}");
        let mut right = right.clone();
        if is_set("transB") {
            // Without an order of axes, `Transpose` reverses them.
            file.graph.node.push(operator("Transpose", vec![right], name("transposed")));
            right = name("transposed");
        }
        let factors = vec![left.clone(), right];
        match rest.first().filter(|bias| !bias.is_empty()) {
            None => file.graph.node.push(operator("MatMul", factors, output.clone())),
            Some(bias) => {
                file.graph.node.push(operator("MatMul", factors, name("product")));
                let terms = vec![name("product"), bias.clone()];
                file.graph.node.push(operator("Add", terms, output.clone()));
            }
        }
    }
}

/// `AttributeProto.AttributeType.INT`.
const INT_ATTRIBUTE: i32 = 2;
/// `AttributeProto.AttributeType.INTS`.
const INTS_ATTRIBUTE: i32 = 7;

pub(crate) fn cast_to_f32(input: String, output: String) -> NodeProto {
    let mut node = operator("Cast", vec![input], output);
    node.attribute.push(AttributeProto {
        name: "to".into(),
        i: DataType::Float as i64,
        r#type: INT_ATTRIBUTE,
        ..Default::default()
    });
    node
}

fn operator(op_type: &str, input: Vec<String>, output: String) -> NodeProto {
    NodeProto {
        name: output.clone(),
        op_type: op_type.into(),
        input,
        output: vec![output],
        ..Default::default()
    }
}

/// One value for all columns, or one each.
fn vector(name: String, values: &[f32]) -> TensorProto {
    TensorProto {
        name,
        dims: vec![values.len() as i64],
        data_type: DataType::Float as i32,
        float_data: values.to_vec(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::ModelProto;

    use super::*;

    #[test]
    fn d26_a_model_in_half_precision_becomes_one_in_single_precision() {
        let half = |raw: Vec<u8>, int32_data: Vec<i32>| TensorProto {
            dims: vec![2],
            data_type: DataType::Float16 as i32,
            raw_data: raw,
            int32_data,
            ..Default::default()
        };
        // 1.5 and -2 in half precision.
        let initializer = half(vec![0x00, 0x3e, 0x00, 0xc0], vec![]);
        let mut node = operator("Cast", vec!["x".into()], "y".into());
        node.attribute.push(AttributeProto {
            name: "to".into(),
            i: DataType::Float16 as i64,
            ..Default::default()
        });
        node.attribute.push(AttributeProto {
            name: "value".into(),
            t: Some(half(vec![], vec![0x3e00, 0xc000])),
            ..Default::default()
        });
        let graph =
            GraphProto { initializer: vec![initializer], node: vec![node], ..Default::default() };
        let mut file = ModelFile { proto: ModelProto::default(), graph };
        halves(&mut file);
        let initializer = &file.graph.initializer[0];
        assert_eq!(initializer.data_type, DataType::Float as i32);
        assert_eq!(initializer.float_data, [1.5, -2.0]);
        let attributes = &file.graph.node[0].attribute;
        assert_eq!(attributes[0].i, DataType::Float as i64);
        assert_eq!(attributes[1].t.as_ref().unwrap().float_data, [1.5, -2.0]);
    }
}
