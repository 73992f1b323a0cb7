//! From bytes to a checked graph that holds only what one output needs.

use std::collections::{BTreeSet, HashMap, HashSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
};
use tract_onnx::prelude::*;

use crate::OnnxError;

/// Name of the output of an encoded model.
#[cfg(feature = "onnxruntime")]
pub(crate) const SCORES: &str = "simbias/scores";

/// A model whose names and tensors have been checked.
#[derive(Clone)]
pub(crate) struct ModelFile {
    pub(crate) proto: ModelProto,
    pub(crate) graph: GraphProto,
}

impl ModelFile {
    /// Decodes and checks.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, OnnxError> {
        if bytes.is_empty() {
            return Err(OnnxError::NotOnnx { reason: "the file is empty".into() });
        }
        let mut proto =
            tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]).map_err(|error| {
                // Field 1, the format's version, comes first in every file that an exporter writes.
                let reason = error.to_string();
                if bytes[0] == 0x08 {
                    OnnxError::Damaged { reason }
                } else {
                    OnnxError::NotOnnx { reason }
                }
            })?;
        let Some(graph) = proto.graph.take() else {
            return Err(OnnxError::NotOnnx { reason: "there is no graph in it".into() });
        };
        if graph.output.is_empty() || graph.node.is_empty() {
            return Err(OnnxError::Damaged {
                reason: "the graph has no nodes or no outputs".into(),
            });
        }
        check_tensors(&graph)?;
        check_names(&graph)?;
        Ok(Self { proto, graph })
    }

    /// Inputs that the caller has to feed.
    pub(crate) fn inputs(&self) -> Vec<&ValueInfoProto> {
        let initialized: HashSet<&str> =
            self.graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        self.graph.input.iter().filter(|input| !initialized.contains(input.name.as_str())).collect()
    }

    /// Drops every node, input, initializer and output that `output` does not need.
    pub(crate) fn keep_only(&mut self, output: &str) {
        let graph = &mut self.graph;
        let producers: HashMap<&str, usize> = graph
            .node
            .iter()
            .enumerate()
            .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)))
            .collect();
        let mut needed_nodes = BTreeSet::new();
        let mut needed_names = HashSet::new();
        let mut open = vec![output.to_string()];
        while let Some(name) = open.pop() {
            if let Some(&index) = producers.get(name.as_str())
                && needed_nodes.insert(index)
            {
                open.extend(consumed_names(&graph.node[index]));
            }
            needed_names.insert(name);
        }
        let mut index = 0;
        graph.node.retain(|_| {
            index += 1;
            needed_nodes.contains(&(index - 1))
        });
        graph.input.retain(|input| needed_names.contains(&input.name));
        graph.initializer.retain(|tensor| needed_names.contains(&tensor.name));
        graph.output.retain(|value| value.name == output);
        // Shapes are inferred from the inputs; the file's own notes may name a fixed batch.
        graph.value_info.clear();
    }

    /// The initializer of that name.
    pub(crate) fn initializer(&self, name: &str) -> Option<&TensorProto> {
        self.graph.initializer.iter().find(|tensor| tensor.name == name)
    }

    /// The model as bytes, for another runtime: its only output is [`SCORES`], in single precision.
    #[cfg(feature = "onnxruntime")]
    pub(crate) fn encode(&self) -> Vec<u8> {
        use tract_onnx::pb::{OperatorSetIdProto, TypeProto, type_proto};

        // Old enough for every runtime in use; `Identity` and `Cast` have not changed since.
        const STANDARD: i64 = 13;
        let mut proto = self.proto.clone();
        let mut graph = self.graph.clone();
        if let Some(output) = graph.output.first_mut() {
            let computed = std::mem::replace(&mut output.name, SCORES.into());
            let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: None };
            output.r#type = Some(TypeProto {
                value: Some(type_proto::Value::TensorType(tensor)),
                ..Default::default()
            });
            graph.node.push(crate::lower::cast_to_f32(computed, SCORES.into()));
        }
        // Rewritten graphs use the standard's operators, also where the file itself needs none.
        if !proto.opset_import.iter().any(|import| matches!(&*import.domain, "" | "ai.onnx")) {
            proto
                .opset_import
                .push(OperatorSetIdProto { domain: String::new(), version: STANDARD });
        }
        proto.graph = Some(graph);
        prost::Message::encode_to_vec(&proto)
    }

    /// Refuses operators that the runtime does not know.
    pub(crate) fn check_operators(&self) -> Result<(), OnnxError> {
        let mut onnx = tract_onnx::onnx();
        crate::trees::register(&mut onnx);
        let known = onnx.op_register.0;
        let mut operators = BTreeSet::new();
        visit_nodes(&self.graph, &mut |node| {
            let own_domain = matches!(node.domain.as_str(), "" | "ai.onnx" | "ai.onnx.ml");
            if !known.contains_key(&node.op_type) {
                let name = if own_domain {
                    node.op_type.clone()
                } else {
                    format!("{}.{}", node.domain, node.op_type)
                };
                operators.insert(name);
            }
        });
        if operators.is_empty() {
            Ok(())
        } else {
            Err(OnnxError::UnsupportedOperators { operators: operators.into_iter().collect() })
        }
    }

    /// The node that writes `tensor`, and its index.
    pub(crate) fn producer(&self, tensor: &str) -> Option<(usize, &NodeProto)> {
        self.graph
            .node
            .iter()
            .enumerate()
            .find(|(_, node)| node.output.iter().any(|name| name == tensor))
    }
}

/// An attribute of a node.
pub(crate) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// The values of a tensor of numbers that the file itself holds.
pub(crate) fn numbers_of(tensor: &TensorProto) -> Option<Vec<f64>> {
    let raw = &tensor.raw_data;
    Some(match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if raw.is_empty() => {
            tensor.float_data.iter().map(|&value| f64::from(value)).collect()
        }
        DataType::Float => {
            raw.as_chunks().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect()
        }
        DataType::Double if raw.is_empty() => tensor.double_data.clone(),
        DataType::Double => {
            raw.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()
        }
        DataType::Int64 if raw.is_empty() => {
            tensor.int64_data.iter().map(|&value| value as f64).collect()
        }
        DataType::Int64 => {
            raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes) as f64).collect()
        }
        DataType::Int32 if raw.is_empty() => {
            tensor.int32_data.iter().map(|&value| f64::from(value)).collect()
        }
        DataType::Int32 => {
            raw.as_chunks().0.iter().map(|&bytes| f64::from(i32::from_le_bytes(bytes))).collect()
        }
        DataType::Float16 if raw.is_empty() => {
            // The standard keeps their bits in the list of 32-bit integers.
            let bits = tensor.int32_data.iter().map(|&bits| bits as u16);
            bits.map(|bits| f16::from_bits(bits).to_f64()).collect()
        }
        DataType::Float16 => {
            let bits = raw.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes));
            bits.map(|bits| f16::from_bits(bits).to_f64()).collect()
        }
        _ => return None,
    })
}

/// Whether the values of a tensor lie in another file.
pub(crate) fn is_external(tensor: &TensorProto) -> bool {
    const EXTERNAL: i32 = 1;
    tensor.data_location == Some(EXTERNAL)
}

/// Everything a node reads, its subgraphs' free names included.
fn consumed_names(node: &NodeProto) -> Vec<String> {
    let mut names: Vec<String> =
        node.input.iter().filter(|name| !name.is_empty()).cloned().collect();
    for graph in subgraphs(node) {
        for inner in &graph.node {
            names.extend(consumed_names(inner));
        }
        names.extend(graph.output.iter().map(|output| output.name.clone()));
    }
    names
}

fn subgraphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

fn visit_nodes(graph: &GraphProto, visit: &mut impl FnMut(&NodeProto)) {
    for node in &graph.node {
        visit(node);
        for inner in subgraphs(node) {
            visit_nodes(inner, visit);
        }
    }
}

/// Every name that is read must be written somewhere, once.
fn check_names(graph: &GraphProto) -> Result<(), OnnxError> {
    let mut written: HashSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    written.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    for node in &graph.node {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if !written.insert(name) {
                return Err(damaged(format!("the tensor {name:?} is written twice")));
            }
        }
    }
    let read = graph.node.iter().flat_map(|node| &node.input).filter(|name| !name.is_empty());
    for name in read.chain(graph.output.iter().map(|output| &output.name)) {
        if !written.contains(name.as_str()) {
            return Err(damaged(format!("nothing writes the tensor {name:?}")));
        }
    }
    Ok(())
}

/// Every tensor must store as many values as its shape says; the runtime trusts the shape.
fn check_tensors(graph: &GraphProto) -> Result<(), OnnxError> {
    for tensor in &graph.initializer {
        check_tensor(tensor)?;
    }
    for node in &graph.node {
        for attribute in &node.attribute {
            for tensor in attribute.t.iter().chain(&attribute.tensors) {
                check_tensor(tensor)?;
            }
        }
        for inner in subgraphs(node) {
            check_tensors(inner)?;
        }
    }
    Ok(())
}

fn check_tensor(tensor: &TensorProto) -> Result<(), OnnxError> {
    let name = &tensor.name;
    let n_values = tensor
        .dims
        .iter()
        .try_fold(1_usize, |product, &dim| product.checked_mul(usize::try_from(dim).ok()?))
        .ok_or_else(|| damaged(format!("the tensor {name:?} has the shape {:?}", tensor.dims)))?;
    if tensor.raw_data.is_empty() {
        let stored = [
            tensor.float_data.len(),
            tensor.double_data.len(),
            tensor.int32_data.len(),
            tensor.int64_data.len(),
            tensor.uint64_data.len(),
            tensor.string_data.len(),
        ];
        let n_stored = stored.into_iter().max().unwrap_or(0);
        if !is_external(tensor) && n_stored != n_values {
            return Err(damaged(format!(
                "the tensor {name:?} of shape {:?} holds {n_stored} values",
                tensor.dims
            )));
        }
        return Ok(());
    }
    let value_bytes = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Uint8 | DataType::Int8 | DataType::Bool) => 1,
        Ok(DataType::Uint16 | DataType::Int16 | DataType::Float16) => 2,
        Ok(DataType::Float | DataType::Int32 | DataType::Uint32) => 4,
        Ok(DataType::Double | DataType::Int64 | DataType::Uint64) => 8,
        // The embedded runtime refuses all others, another one may know them.
        _ => return Ok(()),
    };
    if n_values.checked_mul(value_bytes) == Some(tensor.raw_data.len()) {
        Ok(())
    } else {
        Err(damaged(format!(
            "the tensor {name:?} of shape {:?} holds {} bytes",
            tensor.dims,
            tensor.raw_data.len()
        )))
    }
}

fn damaged(reason: String) -> OnnxError {
    OnnxError::Damaged { reason }
}
