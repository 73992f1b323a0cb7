//! PyTorch's files before 1.6: what is read, what is refused.

use std::path::Path;

use proptest::prelude::*;
use simbias_checkpoint::{Checkpoint, Format, LEGACY_MAGIC, Numbers, parse_legacy_file};

use crate::files::{Pickle, f32_bytes};

/// A file of one storage `7` of four numbers, which `length` and `data` follow.
fn legacy(state: Pickle, length: u64, data: &[u8]) -> Vec<u8> {
    let magic = [LEGACY_MAGIC, b"."].concat();
    let version = Pickle::new().int(1001).finish();
    let system = Pickle::new().op(b'}').text("little_endian").op(0x88).op(b's').finish();
    let keys = Pickle::new().op(b']').text("7").op(b'a').finish();
    [&magic, &version, &system, &state.finish(), &keys, &length.to_le_bytes()[..], data].concat()
}

fn views() -> Pickle {
    Pickle::new()
        .op(b'}')
        .op(b'(')
        .text("a.weight")
        .tensor("FloatStorage", "7", 4, 0, &[2, 2], &[1, 2])
        .text("row")
        .tensor("FloatStorage", "7", 4, 2, &[2], &[1])
        .op(b'u')
}

fn open(bytes: &[u8]) -> Result<Checkpoint, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.pth");
    std::fs::write(&file, bytes).unwrap();
    let checkpoint = Checkpoint::open(&file).map_err(|error| error.to_string())?;
    for index in 0..checkpoint.tensors().len() {
        checkpoint.read(index).map_err(|error| error.to_string())?;
    }
    Ok(checkpoint)
}

#[test]
fn views_into_one_storage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.pth");
    std::fs::write(&file, legacy(views(), 4, &f32_bytes([1.0, 2.0, 3.0, 4.0]))).unwrap();
    let checkpoint = Checkpoint::open(&file).unwrap();
    assert_eq!(checkpoint.format(), Format::Torch);
    assert_eq!(checkpoint.read(0).unwrap(), Numbers::F32(vec![1.0, 3.0, 2.0, 4.0]));
    assert_eq!(checkpoint.read(1).unwrap(), Numbers::F32(vec![3.0, 4.0]));
}

/// As PyTorch before 0.4 wrote it: four arguments, no gradient, no hooks.
#[test]
fn tensors_of_the_first_rebuilding_function() {
    let state = Pickle::new()
        .op(b'}')
        .text("a.weight")
        .old_tensor("FloatStorage", "7", 4, &[2, 2], &[1, 2])
        .op(b's');
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.pth");
    std::fs::write(&file, legacy(state, 4, &f32_bytes([1.0, 2.0, 3.0, 4.0]))).unwrap();
    let checkpoint = Checkpoint::open(&file).unwrap();
    assert_eq!(checkpoint.read(0).unwrap(), Numbers::F32(vec![1.0, 3.0, 2.0, 4.0]));
}

/// A counter beside the weights, as some trainers save it.
#[test]
fn loose_tensors_do_not_hide_the_state_dict() {
    let state = Pickle::new()
        .op(b'}')
        .op(b'(')
        .text("epoch")
        .tensor("FloatStorage", "7", 4, 0, &[], &[])
        .text("state_dict")
        .op(b'}')
        .text("a.weight")
        .tensor("FloatStorage", "7", 4, 0, &[4], &[1])
        .op(b's')
        .op(b'u');
    let checkpoint = open(&legacy(state, 4, &f32_bytes([1.0; 4]))).unwrap();
    let names: Vec<&str> = checkpoint.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["a.weight"]);
}

/// State dicts whose description is longer than what is read first.
#[test]
fn long_descriptions() {
    let padding = "x".repeat(3 << 20);
    let state = Pickle::new()
        .op(b'}')
        .op(b'(')
        .text("note")
        .text(&padding)
        .text("a.weight")
        .tensor("FloatStorage", "7", 4, 0, &[4], &[1])
        .op(b'u');
    let checkpoint = open(&legacy(state, 4, &f32_bytes([1.0; 4]))).unwrap();
    assert_eq!(checkpoint.tensors().len(), 1);
}

#[test]
fn storages_that_do_not_fit() {
    let data = f32_bytes([1.0, 2.0, 3.0, 4.0]);
    let refused = |bytes: &[u8], words: &str| {
        let message = open(bytes).unwrap_err();
        assert!(message.contains(words), "{message}");
    };
    refused(&legacy(views(), 4, &data[..15]), "ends beyond the file");
    refused(&legacy(views(), 5, &data), "another length");
    let other_storage =
        Pickle::new().op(b'}').text("a").tensor("FloatStorage", "8", 4, 0, &[4], &[1]).op(b's');
    refused(&legacy(other_storage, 4, &data), "no tensor describes");
    let too_long =
        Pickle::new().op(b'}').text("a").tensor("FloatStorage", "7", 4, 0, &[5], &[1]).op(b's');
    refused(&legacy(too_long, 4, &data), "does not fit");
    let code = Pickle::new().global("posix", "system").op(b'(').text("true").op(b't').op(b'R');
    refused(&legacy(code, 4, &data), "posix.system");
}

proptest! {
    #[test]
    fn files_with_one_byte_changed_or_cut(
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = legacy(views(), 4, &f32_bytes([1.0, 2.0, 3.0, 4.0]));
        let position = position.index(bytes.len());
        if is_cut { bytes.truncate(position) } else { bytes[position] = byte }
        let _ = parse_legacy_file(Path::new("damaged"), &bytes);
        let _ = open(&bytes);
    }
}
