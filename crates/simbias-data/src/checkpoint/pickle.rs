//! A machine for the pickles of PyTorch state dicts, which cannot run code.
//!
//! Pickle is a stack language whose `REDUCE` calls whatever function the file names; that is how a checkpoint
//! takes over a computer. This machine calls nothing: it knows the names of the few things that a state dict is
//! made of, treats them as data, and refuses every other name. Containers live in arenas and are referred to by
//! index, so that no nesting, sharing or cycle of a hostile file can exhaust the stack.
//!
//! Source of the opcodes: CPython, `Lib/pickletools.py`.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::Element;
use crate::DataError;

/// A tensor of a state dict: a view into a storage, lengths and strides in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickledTensor {
    /// Key in the state dict.
    pub name: String,
    /// Name of the storage inside the archive.
    pub storage: String,
    /// Stored type.
    pub element: Element,
    /// Elements of the storage.
    pub n_stored: usize,
    /// First element of the view.
    pub offset: usize,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Steps of the axes.
    pub strides: Vec<usize>,
}

/// What a name in the file stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildTensorOfType,
    RebuildParameter,
    Storage(Element),
    /// A storage whose element type comes with the tensor.
    UntypedStorage,
    Type(Element),
    Size,
}

#[derive(Clone, Debug)]
enum Value {
    None,
    Int(i64),
    /// Something that no tensor is made of: truth values, floats, bytes, whole numbers beyond 64 bits.
    Opaque,
    Text(Rc<str>),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

struct Storage {
    key: Rc<str>,
    element: Option<Element>,
    n: usize,
}

struct View {
    storage: usize,
    element: Element,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

struct Machine<'a> {
    file: &'a Path,
    bytes: &'a [u8],
    position: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    tuples: Vec<Vec<Value>>,
    lists: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<Storage>,
    views: Vec<View>,
}

/// Keys under which training programs keep the weights among other things.
const WEIGHT_KEYS: [&str; 6] =
    ["state_dict", "model_state_dict", "model", "module", "net", "weights"];

/// Tensors of the state dict that `bytes` pickle. `file` is for messages.
///
/// A dictionary of tensors is taken as it is; otherwise the one under `state_dict`, `model_state_dict`, `model`,
/// `module`, `net` or `weights`.
///
/// # Errors
/// Every name that is no part of a tensor, damaged pickles, and pickles without tensors.
pub fn parse_state_dict(file: &Path, bytes: &[u8]) -> Result<Vec<PickledTensor>, DataError> {
    let mut machine = Machine {
        file,
        bytes,
        position: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        tuples: Vec::new(),
        lists: Vec::new(),
        dicts: Vec::new(),
        storages: Vec::new(),
        views: Vec::new(),
    };
    let root = machine.run()?;
    machine.collect(&root)
}

impl Machine<'_> {
    fn malformed(&self, problem: impl std::fmt::Display) -> DataError {
        DataError::malformed(
            self.file,
            "PyTorch",
            format!("at byte {} of its pickle, {problem}", self.position),
            "save the plain state dict again: torch.save(model.state_dict(), path)",
        )
    }

    fn take(&mut self, n: usize) -> Result<&[u8], DataError> {
        let start = self.position;
        match start.checked_add(n).filter(|&end| end <= self.bytes.len()) {
            Some(end) => {
                self.position = end;
                Ok(&self.bytes[start..end])
            }
            None => Err(self.malformed("the pickle ends in the middle")),
        }
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], DataError> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N)?);
        Ok(number)
    }

    fn length<const N: usize>(&mut self) -> Result<usize, DataError> {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&self.number::<N>()?);
        usize::try_from(u64::from_le_bytes(wide))
            .map_err(|_| self.malformed("a length is too large"))
    }

    fn line(&mut self) -> Result<&str, DataError> {
        let rest = &self.bytes[self.position..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(self.malformed("a line does not end"));
        };
        let start = self.position;
        self.position += end + 1;
        std::str::from_utf8(&self.bytes[start..start + end])
            .map_err(|_| self.malformed("a line is no text"))
    }

    fn text(&mut self, n: usize) -> Result<Rc<str>, DataError> {
        let bytes = self.take(n)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(self.malformed("a text is not UTF-8")),
        }
    }

    fn pop(&mut self) -> Result<Value, DataError> {
        // Values below the innermost mark belong to an unfinished container.
        if self.marks.last().is_some_and(|&mark| self.stack.len() <= mark) {
            return Err(self.malformed("a value is missing"));
        }
        self.stack.pop().ok_or_else(|| self.malformed("a value is missing"))
    }

    fn top(&self) -> Result<Value, DataError> {
        self.stack.last().cloned().ok_or_else(|| self.malformed("a value is missing"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, DataError> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("a mark is missing"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn tuple(&mut self, values: Vec<Value>) {
        self.tuples.push(values);
        self.stack.push(Value::Tuple(self.tuples.len() - 1));
    }

    fn dict(&mut self, pairs: Vec<(Value, Value)>) -> Value {
        self.dicts.push(pairs);
        Value::Dict(self.dicts.len() - 1)
    }

    fn recall(&mut self, key: u64) -> Result<(), DataError> {
        let value = self.memo.get(&key).cloned();
        let value =
            value.ok_or_else(|| self.malformed("a value is recalled that was never kept"))?;
        self.stack.push(value);
        Ok(())
    }

    fn keep(&mut self, key: u64) -> Result<(), DataError> {
        let value = self.top()?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn run(&mut self) -> Result<Value, DataError> {
        loop {
            let [opcode] = self.number()?;
            match opcode {
                0x80 => {
                    let [protocol] = self.number()?;
                    if protocol > 5 {
                        return Err(self.malformed(format_args!("protocol {protocol} is unknown")));
                    }
                }
                0x95 => drop(self.number::<8>()?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                b'N' => self.stack.push(Value::None),
                0x88 | 0x89 => self.stack.push(Value::Opaque),
                b'J' => {
                    let number = i32::from_le_bytes(self.number()?);
                    self.stack.push(Value::Int(number.into()));
                }
                b'K' => {
                    let [number] = self.number()?;
                    self.stack.push(Value::Int(number.into()));
                }
                b'M' => {
                    let number = u16::from_le_bytes(self.number()?);
                    self.stack.push(Value::Int(number.into()));
                }
                b'I' | b'L' => {
                    let value = match self.line()?.trim_end_matches('L') {
                        "00" | "01" => Value::Opaque,
                        text => text.parse().map_or(Value::Opaque, Value::Int),
                    };
                    self.stack.push(value);
                }
                0x8a => {
                    let n = self.length::<1>()?;
                    self.long(n)?;
                }
                0x8b => {
                    let n = self.length::<4>()?;
                    self.long(n)?;
                }
                b'G' => {
                    self.number::<8>()?;
                    self.stack.push(Value::Opaque);
                }
                b'F' => {
                    self.line()?;
                    self.stack.push(Value::Opaque);
                }
                b'X' => self.push_text::<4>()?,
                0x8c => self.push_text::<1>()?,
                0x8d => self.push_text::<8>()?,
                b'U' => self.push_text::<1>()?,
                b'T' => self.push_text::<4>()?,
                b'V' => {
                    let text: Rc<str> = self.line()?.into();
                    self.stack.push(Value::Text(text));
                }
                b'C' => self.skip_bytes::<1>()?,
                b'B' => self.skip_bytes::<4>()?,
                0x8e => self.skip_bytes::<8>()?,
                b']' => {
                    self.lists.push(Vec::new());
                    self.stack.push(Value::List(self.lists.len() - 1));
                }
                b'l' => {
                    let values = self.pop_to_mark()?;
                    self.lists.push(values);
                    self.stack.push(Value::List(self.lists.len() - 1));
                }
                b'a' => {
                    let value = self.pop()?;
                    self.append(vec![value])?;
                }
                b'e' => {
                    let values = self.pop_to_mark()?;
                    self.append(values)?;
                }
                b')' => self.tuple(Vec::new()),
                b't' => {
                    let values = self.pop_to_mark()?;
                    self.tuple(values);
                }
                0x85..=0x87 => {
                    let mut values: Vec<Value> =
                        (0..=opcode - 0x85).map(|_| self.pop()).collect::<Result<_, _>>()?;
                    values.reverse();
                    self.tuple(values);
                }
                b'}' => {
                    let dict = self.dict(Vec::new());
                    self.stack.push(dict);
                }
                b'd' => {
                    let values = self.pop_to_mark()?;
                    let dict = self.dict(Vec::new());
                    self.stack.push(dict);
                    self.set_items(values)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set_items(vec![key, value])?;
                }
                b'u' => {
                    let values = self.pop_to_mark()?;
                    self.set_items(values)?;
                }
                b'h' => {
                    let [key] = self.number()?;
                    self.recall(key.into())?;
                }
                b'j' => {
                    let key = u32::from_le_bytes(self.number()?);
                    self.recall(key.into())?;
                }
                b'q' => {
                    let [key] = self.number()?;
                    self.keep(key.into())?;
                }
                b'r' => {
                    let key = u32::from_le_bytes(self.number()?);
                    self.keep(key.into())?;
                }
                0x94 => self.keep(self.memo.len() as u64)?,
                b'g' | b'p' => {
                    let key = self.line()?.parse::<u64>();
                    let key = key.map_err(|_| self.malformed("a memo key is no number"))?;
                    if opcode == b'g' { self.recall(key)? } else { self.keep(key)? }
                }
                b'c' => {
                    let module = self.line()?.to_string();
                    let name = self.line()?.to_string();
                    self.global(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Value::Text(module), Value::Text(name)) = (module, name) else {
                        return Err(self.malformed("a name is no text"));
                    };
                    self.global(&module, &name)?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.persistent(&id)?;
                }
                b'R' | 0x81 => {
                    let arguments = self.pop()?;
                    let function = self.pop()?;
                    self.call(&function, &arguments)?;
                }
                b'b' => {
                    // State of an ordered dictionary or a parameter, such as `_metadata`; no tensor needs it.
                    self.pop()?;
                    if !matches!(self.top()?, Value::Dict(_) | Value::Tensor(_)) {
                        return Err(self.malformed("state is given to something that has none"));
                    }
                }
                other => {
                    return Err(self.malformed(format_args!(
                        "instruction {other:#04x} is not one that state dicts need"
                    )));
                }
            }
        }
    }

    fn push_text<const N: usize>(&mut self) -> Result<(), DataError> {
        let n = self.length::<N>()?;
        let text = self.text(n)?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    fn skip_bytes<const N: usize>(&mut self) -> Result<(), DataError> {
        let n = self.length::<N>()?;
        self.take(n)?;
        self.stack.push(Value::Opaque);
        Ok(())
    }

    /// A whole number of `n` bytes in two's complement.
    fn long(&mut self, n: usize) -> Result<(), DataError> {
        let bytes = self.take(n)?;
        let value = if n > 8 {
            Value::Opaque
        } else {
            let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
            let mut wide = [fill; 8];
            wide[..n].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(wide))
        };
        self.stack.push(value);
        Ok(())
    }

    fn append(&mut self, values: Vec<Value>) -> Result<(), DataError> {
        let Value::List(list) = self.top()? else {
            return Err(self.malformed("something is appended to what is no list"));
        };
        self.lists[list].extend(values);
        Ok(())
    }

    fn set_items(&mut self, values: Vec<Value>) -> Result<(), DataError> {
        let Value::Dict(dict) = self.top()? else {
            return Err(self.malformed("items are set in what is no dictionary"));
        };
        let mut values = values.into_iter();
        while let Some(key) = values.next() {
            let Some(value) = values.next() else {
                return Err(self.malformed("a key has no value"));
            };
            self.dicts[dict].push((key, value));
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), DataError> {
        let global = match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
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

    fn refuse(&self, module: &str, name: &str) -> DataError {
        self.malformed(format_args!(
            "it asks for {:?}, which is no part of a state dict and will not be run",
            format!("{module}.{name}")
        ))
    }

    /// `('storage', type, key, device, n)`.
    fn persistent(&mut self, id: &Value) -> Result<(), DataError> {
        let parts = self.tuple_of(id);
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

    fn tuple_of(&self, value: &Value) -> &[Value] {
        match value {
            Value::Tuple(tuple) => &self.tuples[*tuple],
            _ => &[],
        }
    }

    fn call(&mut self, function: &Value, arguments: &Value) -> Result<(), DataError> {
        let Value::Global(function) = function else {
            return Err(self.malformed("something is called that is no name"));
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
                        return Err(self.malformed("an item of a dictionary is no pair"));
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
                _ => return Err(self.malformed("a parameter is made of no tensor")),
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
    fn tensor(&mut self, function: Global, arguments: &[Value]) -> Result<Value, DataError> {
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
            return Err(self.malformed("a tensor has more lengths than strides or fewer"));
        }
        self.views.push(View { storage: *storage, element, offset, shape, strides });
        Ok(Value::Tensor(self.views.len() - 1))
    }

    fn collect(&self, root: &Value) -> Result<Vec<PickledTensor>, DataError> {
        let Value::Dict(root) = root else {
            return Err(self.malformed("what it holds is no dictionary of tensors"));
        };
        if let Some(found) = self.tensors_of(*root) {
            return Ok(found);
        }
        let pairs = &self.dicts[*root];
        for wanted in WEIGHT_KEYS {
            for (key, value) in pairs {
                if let (Value::Text(key), Value::Dict(dict)) = (key, value)
                    && &**key == wanted
                    && let Some(found) = self.tensors_of(*dict)
                {
                    return Ok(found);
                }
            }
        }
        let keys: Vec<&str> = pairs
            .iter()
            .filter_map(|(key, _)| match key {
                Value::Text(key) => Some(&**key),
                _ => None,
            })
            .take(12)
            .collect();
        Err(self.malformed(format_args!(
            "it holds no dictionary of tensors (keys are {keys:?}; looked for {WEIGHT_KEYS:?})"
        )))
    }

    /// Tensors that stand directly in a dictionary; a key set twice counts with its last value. `None` when
    /// there are none.
    fn tensors_of(&self, dict: usize) -> Option<Vec<PickledTensor>> {
        let mut tensors: Vec<PickledTensor> = Vec::new();
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for (key, value) in &self.dicts[dict] {
            let (Value::Text(name), Value::Tensor(view)) = (key, value) else { continue };
            let View { storage, element, offset, shape, strides } = &self.views[*view];
            let storage = &self.storages[*storage];
            let tensor = PickledTensor {
                name: name.to_string(),
                storage: storage.key.to_string(),
                element: *element,
                n_stored: storage.n,
                offset: *offset,
                shape: shape.clone(),
                strides: strides.clone(),
            };
            match by_name.get(&**name) {
                Some(&index) => tensors[index] = tensor,
                None => {
                    by_name.insert(name, tensors.len());
                    tensors.push(tensor);
                }
            }
        }
        (!tensors.is_empty()).then_some(tensors)
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
