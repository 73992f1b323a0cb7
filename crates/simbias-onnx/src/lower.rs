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
