//! A machine for the pickles of PyTorch state dicts, which cannot run code.
//!
//! Pickle is a stack language whose `REDUCE` calls whatever function the file names; that is how a checkpoint
//! takes over a computer. This machine calls nothing: it knows the names of the few things that a state dict is
//! made of, treats them as data, and refuses every other name. Containers live in arenas and are referred to by
//! index, so that no nesting, sharing or cycle of a hostile file can exhaust the stack.
//!
//! Source of the opcodes: CPython, `Lib/pickletools.py`.

mod collect;
mod legacy;
mod machine;
mod meaning;

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use crate::element::Element;
use crate::error::FileError;

pub use self::legacy::{LEGACY_MAGIC, LegacyFile, LegacyStorage, parse_legacy_file};

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
    Bool(bool),
    /// Something that no tensor is made of: floats, bytes, whole numbers beyond 64 bits.
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
    /// Whether the bytes ended while more were needed.
    ran_out: bool,
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
/// Every name that is not part of a tensor, damaged pickles, and pickles without tensors.
pub fn parse_state_dict(file: &Path, bytes: &[u8]) -> Result<Vec<PickledTensor>, FileError> {
    let mut machine = Machine::new(file, bytes);
    let root = machine.run()?;
    machine.collect(&root)
}

impl<'a> Machine<'a> {
    fn new(file: &'a Path, bytes: &'a [u8]) -> Self {
        Self {
            file,
            bytes,
            position: 0,
            ran_out: false,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            tuples: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            views: Vec::new(),
        }
    }
}
