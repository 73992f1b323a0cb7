//! The tensors of an unpickled state dict.

use std::collections::HashMap;

use super::{Machine, PickledTensor, Value, View, WEIGHT_KEYS};
use crate::error::FileError;

impl Machine<'_> {
    pub(super) fn collect(&self, root: &Value) -> Result<Vec<PickledTensor>, FileError> {
        let Value::Dict(root) = root else {
            return Err(self.malformed("what it holds is not a dictionary of tensors"));
        };
        // A dictionary of weights first: loose tensors beside it are counters and the like.
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
        if let Some(found) = self.tensors_of(*root) {
            return Ok(found);
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
            "it holds no dictionary of tensors (keys are {}; looked for {})",
            keys.join(", "),
            WEIGHT_KEYS.join(", ")
        )))
    }

    /// Tensors that are direct values of a dictionary; a key set twice has its last value. `None` if there
    /// are none.
    pub(super) fn tensors_of(&self, dict: usize) -> Option<Vec<PickledTensor>> {
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
