//! What can be read.

use half::{bf16, f16};
use simbias_checkpoint::{Checkpoint, Element, Format, Numbers};

use crate::files::{Pickle, archive, f32_bytes, gguf, safetensors, sharded, torch, with_header};

fn open(name: &str, bytes: &[u8]) -> (tempfile::TempDir, Checkpoint) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    let checkpoint = Checkpoint::open(&file).unwrap();
    (folder, checkpoint)
}

fn values(checkpoint: &Checkpoint, name: &str) -> Vec<f32> {
    let (index, _) = checkpoint.find(name).unwrap();
    checkpoint.read(index).unwrap().into_f32()
}

#[test]
fn safetensors_of_every_float_type() {
    let numbers = [1.0_f32, -0.5, 2.0, 0.25];
    let entries: [(&str, &str, &[usize], Vec<u8>); 6] = [
        ("f64", "F64", &[2, 2], numbers.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect()),
        ("f32", "F32", &[2, 2], f32_bytes(numbers)),
        (
            "f16",
            "F16",
            &[2, 2],
            numbers.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        ),
        (
            "bf16",
            "BF16",
            &[2, 2],
            numbers.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
        ),
        ("e4m3", "F8_E4M3", &[2, 2], vec![0x38, 0xb0, 0x40, 0x28]),
        ("e5m2", "F8_E5M2", &[2, 2], vec![0x3c, 0xb8, 0x40, 0x34]),
    ];
    let (_folder, checkpoint) = open("m.safetensors", &safetensors(&entries));
    assert_eq!(checkpoint.format(), Format::Safetensors);
    for (name, ..) in entries {
        assert_eq!(values(&checkpoint, name), numbers, "{name}");
    }
    let (index, info) = checkpoint.find("f64").unwrap();
    assert!(matches!(checkpoint.read(index).unwrap(), Numbers::F64(_)));
    assert_eq!((info.element, info.shape.as_slice()), (Element::F64, &[2, 2][..]));
}

/// The length of the header is what a file begins with, and 0x80 0x02 is also how a pickle begins.
#[test]
fn safetensors_that_begin_like_a_pickle() {
    let entry = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    let header = format!("{{{entry}{}}}", " ".repeat(0x280 - entry.len() - 2));
    let (_folder, checkpoint) = open("m.bin", &with_header(&header, &f32_bytes([1.5])));
    assert_eq!(values(&checkpoint, "a"), [1.5]);
}

#[test]
fn tensors_longer_than_one_piece() {
    let n = 700_000;
    let numbers: Vec<f32> = (0..n).map(|index| index as f32).collect();
    let entries: [(&str, &str, &[usize], Vec<u8>); 2] = [
        ("first", "F32", &[3], f32_bytes([7.0; 3])),
        ("long", "F32", &[n], f32_bytes(numbers.iter().copied())),
    ];
    let (_folder, checkpoint) = open("m.safetensors", &safetensors(&entries));
    assert_eq!(values(&checkpoint, "long"), numbers);
}

#[test]
fn a_folder_of_shards_with_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    sharded(folder.path());
    std::fs::write(folder.path().join("config.json"), r#"{"num_attention_heads": 12}"#).unwrap();
    for path in [folder.path().into(), folder.path().join("model.safetensors.index.json")] {
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(checkpoint.files().len(), 2);
        assert_eq!(values(&checkpoint, "b.weight"), [5.0, 6.0]);
        assert_eq!(checkpoint.config_count("num_attention_heads"), Some(12));
    }
}

#[test]
fn state_dicts_plain_nested_and_as_views() {
    let data = f32_bytes((0..6).map(|index| index as f32));
    let plain = Pickle::new()
        .op(b'}')
        .op(b'(')
        .text("a.weight")
        .tensor("FloatStorage", "0", 6, 0, &[2, 3], &[3, 1])
        .text("a_transposed")
        .tensor("FloatStorage", "0", 6, 0, &[3, 2], &[1, 3])
        .text("row")
        .tensor("FloatStorage", "0", 6, 3, &[3], &[1])
        .op(b'u')
        .finish();
    let (_folder, checkpoint) = open("m.pt", &torch(plain, &data));
    assert_eq!(checkpoint.format(), Format::Torch);
    assert_eq!(values(&checkpoint, "a.weight"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(values(&checkpoint, "a_transposed"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(values(&checkpoint, "row"), [3.0, 4.0, 5.0]);
    let nested = Pickle::new()
        .op(b'}')
        .op(b'(')
        .text("epoch")
        .int(3)
        .text("state_dict")
        .op(b'}')
        .text("a.weight")
        .tensor("FloatStorage", "0", 6, 0, &[2, 3], &[3, 1])
        .op(b's')
        .op(b'u')
        .finish();
    let (_folder, checkpoint) = open("m.pth", &torch(nested, &data));
    assert_eq!(checkpoint.tensors().len(), 1);
}

#[test]
fn tied_tensors_share_their_storage() {
    let data = f32_bytes([1.0, 2.0]);
    let tied = Pickle::new()
        .op(b'}')
        .op(b'(')
        .text("embed.weight")
        .tensor("FloatStorage", "0", 2, 0, &[1, 2], &[2, 1])
        .text("head.weight")
        .tensor("FloatStorage", "0", 2, 0, &[1, 2], &[2, 1])
        .op(b'u')
        .finish();
    let (_folder, checkpoint) = open("m.bin", &torch(tied, &data));
    assert!(checkpoint.tensors()[0].is_same_storage(&checkpoint.tensors()[1]));
}

#[test]
fn numpy_archives_and_single_arrays() {
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }");
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(f32_bytes([1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    let (_folder, checkpoint) = open("w.npy", &npy);
    assert_eq!(values(&checkpoint, "w"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let (_folder, checkpoint) = open("w.npz", &archive(&[("layer.npy", &npy)]));
    assert_eq!(checkpoint.format(), Format::Arrays);
    assert_eq!(values(&checkpoint, "layer"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn gguf_with_floats_blocks_and_metadata() {
    let scale = f16::from_f32(0.5).to_le_bytes();
    let block = [&scale[..], &[0x98; 16]].concat();
    let file = gguf(&[
        ("a.weight", &[3, 2], 0, f32_bytes((0..6).map(|index| index as f32))),
        ("q.weight", &[32, 2], 2, [block.clone(), block].concat()),
        ("odd.weight", &[256, 1], 16, vec![0; 66]),
    ]);
    let (_folder, checkpoint) = open("m.gguf", &file);
    let (_, info) = checkpoint.find("a.weight").unwrap();
    assert_eq!(info.shape, [2, 3]);
    assert_eq!(values(&checkpoint, "a.weight"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let (_, info) = checkpoint.find("q.weight").unwrap();
    assert!(info.element.is_quantised());
    assert_eq!(values(&checkpoint, "q.weight")[..17], [[0.0; 16].as_slice(), &[0.5]].concat());
    assert_eq!(checkpoint.config_count("attention.head_count"), Some(9));
    let tokens = checkpoint.metadata().iter().find(|(key, _)| key == "tokenizer.ggml.tokens");
    assert_eq!(tokens.unwrap().1.as_list().unwrap()[1].as_str(), Some("b"));
    // A kind that is not decoded is listed by name and refused when read.
    let (index, info) = checkpoint.find("odd.weight").unwrap();
    assert_eq!(info.element.name(), "IQ2_XXS");
    assert!(checkpoint.read(index).unwrap_err().to_string().contains("IQ2_XXS"));
}

/// Parts of a tensor are read where they lie; packed and transposed ones are read as a whole.
#[test]
fn parts_of_plain_tensors() {
    let numbers = [0.5_f32, 1.0, 1.5, 2.0, 2.5, 3.0];
    let entries: [(&str, &str, &[usize], Vec<u8>); 2] = [
        ("first", "F64", &[1], 7.0_f64.to_le_bytes().to_vec()),
        (
            "half",
            "F16",
            &[3, 2],
            numbers.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        ),
    ];
    let (_folder, checkpoint) = open("m.safetensors", &safetensors(&entries));
    let (index, _) = checkpoint.find("half").unwrap();
    assert!(checkpoint.has_parts(index));
    assert_eq!(checkpoint.read_part(index, 2, 3).unwrap(), Numbers::F32(vec![1.5, 2.0, 2.5]));
    assert_eq!(checkpoint.read_part(index, 6, 0).unwrap(), Numbers::F32(Vec::new()));

    let npy = |order: &str| {
        let fields = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': (3, 2), }}");
        let header = format!("{fields:<117}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(f32_bytes(numbers));
        bytes
    };
    let (_folder, plain) = open("m.npy", &npy("False"));
    assert!(plain.has_parts(0));
    assert_eq!(plain.read_part(0, 4, 2).unwrap(), Numbers::F32(vec![2.5, 3.0]));
    assert_eq!(plain.read(0).unwrap(), Numbers::F32(numbers.to_vec()));
    let (_folder, transposed) = open("m.npy", &npy("True"));
    assert!(!transposed.has_parts(0));
    assert_eq!(transposed.read(0).unwrap(), Numbers::F32(vec![0.5, 2.0, 1.0, 2.5, 1.5, 3.0]));
}
