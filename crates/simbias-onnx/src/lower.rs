//! Operators that the runtime lacks and that others can express.

use tract_onnx::pb::{NodeProto, TensorProto, tensor_proto::DataType};

use crate::file::{ModelFile, attribute};

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
        let mut to_f32 = operator("Cast", vec![input.clone()], name("f32"));
        to_f32.attribute.push(tract_onnx::pb::AttributeProto {
            name: "to".into(),
            i: DataType::Float as i64,
            r#type: INT_ATTRIBUTE,
            ..Default::default()
        });
        file.graph.node.push(to_f32);
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
