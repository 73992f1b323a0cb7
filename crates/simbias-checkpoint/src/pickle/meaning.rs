//! What the names of a pickle stand for: storages, tensors, dictionaries.

use super::{Global, Machine, Storage, Value, View};
use crate::element::Element;
use crate::error::FileError;

impl Machine<'_> {
    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<(), FileError> {
        let global = match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            // The first of them, from before PyTorch 0.4, ends with the strides.
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v3") => Global::RebuildTensorOfType,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch", "Size") => Global::Size,
            ("torch.storage", "UntypedStorage") => Global::UntypedStorage,
            ("torch", name) => match storage_element(name).map(Global::Storage) {
                Some(global) => global,
                None => Global::Type(type_element(name).ok_or_else(|| self.refuse(module, name))?),
            },
            _ => return Err(self.refuse(module, name)),
        };
        self.stack.push(Value::Global(global));
        Ok(())
    }

    pub(super) fn refuse(&self, module: &str, name: &str) -> FileError {
        self.malformed(format_args!(
            "it asks for {:?}, which is not part of a state dict and will not be run",
            format!("{module}.{name}")
        ))
    }

    /// `('storage', type, key, device, n)`, in the old form with a sixth entry that places it in another storage.
    pub(super) fn persistent(&mut self, id: &Value) -> Result<(), FileError> {
        let parts = self.tuple_of(id);
        if matches!(parts.get(5), Some(Value::Tuple(_))) {
            return Err(self.malformed("a storage is a part of another one"));
        }
        let [Value::Text(kind), Value::Global(of), Value::Text(key), _, Value::Int(n), ..] = parts
        else {
            return Err(self.malformed("a storage is not described as PyTorch does"));
        };
        let element = match of {
            Global::Storage(element) => Some(*element),
            Global::UntypedStorage => None,
            _ => return Err(self.malformed("a storage has no storage type")),
        };
        let (Ok(n), "storage") = (usize::try_from(*n), &**kind) else {
            return Err(self.malformed("a storage is not described as PyTorch does"));
        };
        let key = key.clone();
        self.storages.push(Storage { key, element, n });
        self.stack.push(Value::Storage(self.storages.len() - 1));
        Ok(())
    }

    pub(super) fn tuple_of(&self, value: &Value) -> &[Value] {
        match value {
            Value::Tuple(tuple) => &self.tuples[*tuple],
            _ => &[],
        }
    }

    pub(super) fn call(&mut self, function: &Value, arguments: &Value) -> Result<(), FileError> {
        let Value::Global(function) = function else {
            return Err(self.malformed("something is called that is not a name"));
        };
        let arguments = self.tuple_of(arguments).to_vec();
        let result = match function {
            Global::OrderedDict => {
                // The old form gives the items as a list of pairs.
                let items = match arguments.first() {
                    Some(Value::List(list)) => self.lists[*list].clone(),
                    _ => Vec::new(),
                };
                let mut pairs = Vec::with_capacity(items.len());
                for item in &items {
                    let pair = match item {
                        Value::List(list) => &self.lists[*list],
                        other => self.tuple_of(other),
                    };
                    let [key, value] = pair else {
                        return Err(self.malformed("an item of a dictionary is not a pair"));
                    };
                    pairs.push((key.clone(), value.clone()));
                }
                self.dict(pairs)
            }
            Global::RebuildTensor | Global::RebuildTensorOfType => {
                self.tensor(*function, &arguments)?
            }
            Global::RebuildParameter => match arguments.first() {
                Some(tensor @ Value::Tensor(_)) => tensor.clone(),
                _ => return Err(self.malformed("a parameter is not made of a tensor")),
            },
            Global::Size => arguments.first().cloned().unwrap_or(Value::None),
            Global::Storage(_) | Global::UntypedStorage | Global::Type(_) => {
                return Err(self.malformed("a type is called as if it were a function"));
            }
        };
        self.stack.push(result);
        Ok(())
    }

    /// `(storage, offset, shape, strides, requires_grad, hooks[, type])`.
    pub(super) fn tensor(
        &mut self,
        function: Global,
        arguments: &[Value],
    ) -> Result<Value, FileError> {
        let [Value::Storage(storage), Value::Int(offset), shape, strides, ..] = arguments else {
            return Err(self.malformed("a tensor is not described as PyTorch does"));
        };
        let given = match (function, arguments.get(6)) {
            (Global::RebuildTensorOfType, Some(Value::Global(Global::Type(element)))) => {
                Some(*element)
            }
            _ => None,
        };
        let Some(element) = given.or(self.storages[*storage].element) else {
            return Err(self.malformed("a tensor has no element type"));
        };
        let lengths = |value: &Value| {
            self.tuple_of(value)
                .iter()
                .map(|length| match length {
                    Value::Int(length) => usize::try_from(*length).ok(),
                    _ => None,
                })
                .collect::<Option<Vec<usize>>>()
        };
        let (Ok(offset), Some(shape), Some(strides)) =
            (usize::try_from(*offset), lengths(shape), lengths(strides))
        else {
            return Err(self.malformed("a tensor has a negative or missing length"));
        };
        if shape.len() != strides.len() {
            return Err(self.malformed("a tensor does not have as many lengths as strides"));
        }
        self.views.push(View { storage: *storage, element, offset, shape, strides });
        Ok(Value::Tensor(self.views.len() - 1))
    }
}

fn storage_element(name: &str) -> Option<Element> {
    Some(match name {
        "DoubleStorage" => Element::F64,
        "FloatStorage" => Element::F32,
        "HalfStorage" => Element::F16,
        "BFloat16Storage" => Element::BF16,
        "LongStorage" => Element::Other("I64"),
        "IntStorage" => Element::Other("I32"),
        "ShortStorage" => Element::Other("I16"),
        "CharStorage" => Element::Other("I8"),
        "ByteStorage" => Element::Other("U8"),
        "BoolStorage" => Element::Other("BOOL"),
        "ComplexFloatStorage" => Element::Other("C64"),
        "ComplexDoubleStorage" => Element::Other("C128"),
        _ => return None,
    })
}

fn type_element(name: &str) -> Option<Element> {
    Some(match name {
        "float64" => Element::F64,
        "float32" => Element::F32,
        "float16" => Element::F16,
        "bfloat16" => Element::BF16,
        "float8_e4m3fn" => Element::F8E4M3,
        "float8_e5m2" => Element::F8E5M2,
        "int64" => Element::Other("I64"),
        "int32" => Element::Other("I32"),
        "int16" => Element::Other("I16"),
        "uint16" => Element::Other("U16"),
        "uint32" => Element::Other("U32"),
        "uint64" => Element::Other("U64"),
        "int8" => Element::Other("I8"),
        "uint8" => Element::Other("U8"),
        "bool" => Element::Other("BOOL"),
        _ => return None,
    })
}
