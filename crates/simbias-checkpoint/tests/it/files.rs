//! Small files of every format, made here.

use std::io::{Cursor, Write};
use std::path::Path;

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

/// A safetensors file of entries `(name, type, shape, bytes)`.
pub(crate) fn safetensors(entries: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), json!({"format": "pt", "note": "kept"}));
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in entries {
        let offsets = [data.len(), data.len() + bytes.len()];
        data.extend(bytes);
        header.insert(
            (*name).into(),
            json!({"dtype": dtype, "shape": shape, "data_offsets": offsets}),
        );
    }
    with_header(&Value::Object(header).to_string(), &data)
}

/// A safetensors file with this text as header.
pub(crate) fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

pub(crate) fn f32_bytes(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// A folder of two shards with their index.
pub(crate) fn sharded(folder: &Path) {
    let one = safetensors(&[("a.weight", "F32", &[2, 2], f32_bytes([1.0, 2.0, 3.0, 4.0]))]);
    let two = safetensors(&[("b.weight", "F32", &[1, 2], f32_bytes([5.0, 6.0]))]);
    std::fs::write(folder.join("model-1.safetensors"), one).unwrap();
    std::fs::write(folder.join("model-2.safetensors"), two).unwrap();
    index(folder, &[("a.weight", "model-1.safetensors"), ("b.weight", "model-2.safetensors")]);
}

pub(crate) fn index(folder: &Path, entries: &[(&str, &str)]) {
    let map: serde_json::Map<String, Value> =
        entries.iter().map(|(tensor, shard)| ((*tensor).into(), json!(shard))).collect();
    let text = json!({"metadata": {}, "weight_map": map}).to_string();
    std::fs::write(folder.join("model.safetensors.index.json"), text).unwrap();
}

/// A vector of 32-bit numbers as NumPy saves it.
pub(crate) fn npy(values: &[f32]) -> Vec<u8> {
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let fields =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", values.len());
    let header = format!("{fields:<117}\n");
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(f32_bytes(values.iter().copied()));
    npy
}

/// A zip archive of stored entries.
pub(crate) fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A pickle, written instruction by instruction.
#[derive(Default)]
pub(crate) struct Pickle(Vec<u8>);

impl Pickle {
    pub(crate) fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub(crate) fn op(mut self, opcode: u8) -> Self {
        self.0.push(opcode);
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    pub(crate) fn global(mut self, module: &str, name: &str) -> Self {
        self.0.extend(format!("c{module}\n{name}\n").as_bytes());
        self
    }

    pub(crate) fn int(mut self, value: i32) -> Self {
        self.0.push(b'J');
        self.0.extend(value.to_le_bytes());
        self
    }

    fn ints(self, values: &[i32]) -> Self {
        values.iter().fold(self.op(b'('), |pickle, &value| pickle.int(value)).op(b't')
    }

    /// A tensor as `torch.save` writes it.
    pub(crate) fn tensor(
        self,
        storage: &str,
        key: &str,
        n: i32,
        offset: i32,
        shape: &[i32],
        strides: &[i32],
    ) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op(b'(')
            .storage(storage, key, n)
            .int(offset)
            .ints(shape)
            .ints(strides)
            .op(0x89)
            .global("collections", "OrderedDict")
            .op(b')')
            .op(b'R')
            .op(b't')
            .op(b'R')
    }

    /// A tensor from the start of its storage as PyTorch before 0.4 wrote it.
    pub(crate) fn old_tensor(
        self,
        storage: &str,
        key: &str,
        n: i32,
        shape: &[i32],
        strides: &[i32],
    ) -> Self {
        self.global("torch._utils", "_rebuild_tensor")
            .op(b'(')
            .storage(storage, key, n)
            .int(0)
            .ints(shape)
            .ints(strides)
            .op(b't')
            .op(b'R')
    }

    fn storage(self, storage: &str, key: &str, n: i32) -> Self {
        self.op(b'(')
            .text("storage")
            .global("torch", storage)
            .text(key)
            .text("cpu")
            .int(n)
            .op(b't')
            .op(b'Q')
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.op(b'.').0
    }
}

/// A state dict of one tensor in an archive whose storage `0` holds `data`.
pub(crate) fn torch(pickle: Vec<u8>, data: &[u8]) -> Vec<u8> {
    archive(&[("model/data.pkl", &pickle), ("model/byteorder", b"little"), ("model/data/0", data)])
}

/// A GGUF file of tensors `(name, axes with the fastest first, type, bytes)`.
pub(crate) fn gguf(tensors: &[(&str, &[u64], u32, Vec<u8>)]) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend((tensors.len() as u64).to_le_bytes());
    file.extend(2_u64.to_le_bytes());
    file.extend(text("llama.attention.head_count"));
    file.extend(4_u32.to_le_bytes());
    file.extend(9_u32.to_le_bytes());
    file.extend(text("tokenizer.ggml.tokens"));
    file.extend(9_u32.to_le_bytes());
    file.extend(8_u32.to_le_bytes());
    file.extend(2_u64.to_le_bytes());
    file.extend(text("a"));
    file.extend(text("b"));
    let mut data: Vec<u8> = Vec::new();
    for (name, axes, kind, bytes) in tensors {
        data.resize(data.len().next_multiple_of(32), 0);
        file.extend(text(name));
        file.extend((axes.len() as u32).to_le_bytes());
        axes.iter().for_each(|length| file.extend(length.to_le_bytes()));
        file.extend(kind.to_le_bytes());
        file.extend((data.len() as u64).to_le_bytes());
        data.extend(bytes);
    }
    file.resize(file.len().next_multiple_of(32), 0);
    file.extend(data);
    file
}
