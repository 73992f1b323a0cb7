//! Files of PyTorch before 1.6: five pickles one after another (a magic number, a version, properties of the machine,
//! the state dict, the names of its storages), then every storage as its length and its bytes.
//!
//! Source of the layout: PyTorch, `torch/serialization.py`, `_legacy_save`.

use std::collections::HashMap;
use std::path::Path;

use super::{Machine, PickledTensor, Value};
use crate::element::Element;
use crate::error::FileError;

/// First bytes of every such file: a pickle of PyTorch's magic number.
pub const LEGACY_MAGIC: &[u8] =
    &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The only version that was ever written.
const VERSION: i64 = 1001;

/// What the pickles of a file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyFile {
    /// Tensors of the state dict.
    pub tensors: Vec<PickledTensor>,
    /// Storages in the order of the file.
    pub storages: Vec<LegacyStorage>,
    /// First byte after the pickles, where the storages begin.
    pub data_start: usize,
}

/// A run of numbers of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyStorage {
    /// Its name, as [`PickledTensor::storage`] has it.
    pub key: String,
    /// Stored type.
    pub element: Element,
    /// Number of elements.
    pub n: usize,
}

/// Reads the pickles at the beginning of a file that starts with `bytes`; `None` if the pickles continue after them.
/// `file` is for messages.
///
/// # Errors
/// As [`parse_state_dict`](super::parse_state_dict), and files of another layout.
pub fn parse_legacy_file(file: &Path, bytes: &[u8]) -> Result<Option<LegacyFile>, FileError> {
    let mut machine = Machine::new(file, bytes);
    match machine.legacy_file() {
        Err(_) if machine.ran_out => Ok(None),
        result => result.map(Some),
    }
}

impl Machine<'_> {
    fn legacy_file(&mut self) -> Result<LegacyFile, FileError> {
        if !self.bytes.starts_with(LEGACY_MAGIC) {
            return Err(self.malformed("the magic number of PyTorch is missing"));
        }
        self.run()?;
        if !matches!(self.next_pickle()?, Value::Int(VERSION)) {
            return Err(self.malformed("the version of the file is unknown"));
        }
        let system = self.next_pickle()?;
        if self.is_big_endian(&system) {
            return Err(
                self.malformed("its numbers are stored with the most significant byte first")
            );
        }
        let root = self.next_pickle()?;
        let keys = self.next_pickle()?;
        let tensors = self.collect(&root)?;
        let storages = self.stored(&keys)?;
        Ok(LegacyFile { tensors, storages, data_start: self.position })
    }

    /// Runs the next pickle, which shares nothing with the previous one.
    fn next_pickle(&mut self) -> Result<Value, FileError> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        self.run()
    }

    fn is_big_endian(&self, system: &Value) -> bool {
        let Value::Dict(system) = system else { return false };
        self.dicts[*system].iter().any(|(key, value)| {
            matches!((key, value), (Value::Text(key), Value::Bool(false)) if &**key == "little_endian")
        })
    }

    /// The storages that the list `keys` names.
    fn stored(&self, keys: &Value) -> Result<Vec<LegacyStorage>, FileError> {
        let Value::List(keys) = keys else {
            return Err(self.malformed("the storages are not listed"));
        };
        // The first mention of a storage counts, as in PyTorch.
        let mut by_key = HashMap::new();
        for storage in &self.storages {
            by_key.entry(&*storage.key).or_insert(storage);
        }
        let described = |key: &Value| {
            let Value::Text(key) = key else { return None };
            let storage = by_key.get(&**key)?;
            let element = storage.element?;
            Some(LegacyStorage { key: key.to_string(), element, n: storage.n })
        };
        self.lists[*keys]
            .iter()
            .map(|key| {
                described(key)
                    .ok_or_else(|| self.malformed("a storage is listed that no tensor describes"))
            })
            .collect()
    }
}
