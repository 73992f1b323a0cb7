//! What must be refused with a message, never a crash.

use std::path::Path;

use proptest::prelude::*;
use simbias_checkpoint::{Checkpoint, parse_safetensors_header, parse_state_dict};

use crate::files::{
    Pickle, archive, f32_bytes, gguf, index, npy, safetensors, sharded, torch, with_header,
};

#[track_caller]
fn refused(name: &str, bytes: &[u8], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    let message = match Checkpoint::open(&file) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{name} was opened"),
    };
    for word in words {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn pickles_that_want_to_run_code_name_what_they_wanted() {
    // The classic: os.system("...") by GLOBAL and REDUCE.
    let system = Pickle::new()
        .global("posix", "system")
        .op(b'(')
        .text("touch /tmp/owned")
        .op(b't')
        .op(b'R')
        .finish();
    refused("evil.pt", &torch(system, &[]), &["posix.system", "will not be run"]);
    // By STACK_GLOBAL, inside a state dict.
    let eval = Pickle::new()
        .op(b'}')
        .text("a.weight")
        .text("builtins")
        .text("eval")
        .op(0x93)
        .op(b'(')
        .text("1")
        .op(b't')
        .op(b'R')
        .op(b's')
        .finish();
    refused("evil.bin", &torch(eval, &[]), &["builtins.eval"]);
    // By the old instructions that name a class and call it at once.
    let instance = [&[0x80, 2, b'('][..], b"ios\nsystem\n."].concat();
    refused("evil.pth", &torch(instance, &[]), &["instruction"]);
    // By a name inside a known module.
    let load = Pickle::new().global("torch", "load").op(b')').op(b'R').finish();
    refused("evil.pt", &torch(load, &[]), &["torch.load"]);
}

#[test]
fn pickles_that_lie_about_their_tensors() {
    let tensor = |n: i32, offset: i32, shape: &[i32], strides: &[i32]| {
        Pickle::new()
            .op(b'}')
            .text("a.weight")
            .tensor("FloatStorage", "0", n, offset, shape, strides)
            .op(b's')
            .finish()
    };
    let data = f32_bytes([0.0; 4]);
    // More elements than the storage, a storage beyond its entry, negative and overflowing lengths.
    refused("a.pt", &torch(tensor(4, 0, &[5], &[1]), &data), &["does not fit"]);
    refused("a.pt", &torch(tensor(400, 0, &[400], &[1]), &data), &["does not fit"]);
    refused("a.pt", &torch(tensor(4, 2, &[2, 2], &[2, 1]), &data), &["does not fit"]);
    refused("a.pt", &torch(tensor(4, -1, &[2], &[1]), &data), &["negative"]);
    refused("a.pt", &torch(tensor(4, 0, &[i32::MAX; 4], &[i32::MAX; 4]), &data), &["does not fit"]);
    refused("a.pt", &torch(tensor(4, 0, &[2, 2], &[1]), &data), &["strides"]);
    // Not a state dict at all.
    refused("a.pt", &torch(Pickle::new().text("hello").finish(), &data), &["not a dictionary"]);
    let empty = Pickle::new().op(b'}').text("epoch").int(1).op(b's').finish();
    refused("a.pt", &torch(empty, &data), &["epoch"]);
    refused("old.pt", &[0x80, 2, 0x8a, 10], &["saved", "torch.save"].map(|_| "torch.save"));
}

#[test]
fn pickles_that_nest_or_repeat_without_end() {
    // A million nested tuples, and a tuple doubled a hundred times.
    let mut nested = vec![0x80, 2, b')'];
    nested.extend(std::iter::repeat_n(0x85, 1_000_000));
    nested.push(b'.');
    assert!(parse_state_dict(Path::new("deep"), &nested).is_err());
    let mut doubled = vec![0x80, 2, b'N'];
    for _ in 0..100 {
        doubled.extend([b'2', 0x86]);
    }
    doubled.push(b'.');
    assert!(parse_state_dict(Path::new("wide"), &doubled).is_err());
}

#[test]
fn damaged_safetensors() {
    let good = safetensors(&[("a.weight", "F32", &[2, 2], f32_bytes([1.0; 4]))]);
    refused("cut.safetensors", &good[..good.len() - 1], &["cut short"]);
    refused("short.safetensors", &good[..5], &["5 bytes"]);
    let huge = [&(1_u64 << 40).to_le_bytes()[..], b"{}"].concat();
    refused("huge.safetensors", &huge, &["1099511627776"]);
    let entry = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    let twice = format!(r#"{{"a":{entry},"a":{entry}}}"#);
    refused("twice.safetensors", &with_header(&twice, &[0; 4]), &["occurs twice"]);
    for (shape, offsets) in [
        ("[18446744073709551615,2]", "[0,4]"),
        ("[4294967296,4294967296,4294967296]", "[0,4]"),
        ("[1]", "[18446744073709551615,3]"),
        ("[1]", "[4,0]"),
        ("[2]", "[0,4]"),
    ] {
        let header =
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#);
        refused("odd.safetensors", &with_header(&header, &[0; 4]), &[]);
    }
    let unknown = r#"{"a":{"dtype":"F3","shape":[1],"data_offsets":[0,4]}}"#;
    refused("type.safetensors", &with_header(unknown, &[0; 4]), &["F3"]);
}

#[test]
fn indices_that_do_not_fit_their_shards() {
    let check = |change: &dyn Fn(&Path), words: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        sharded(folder.path());
        change(folder.path());
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "{message}");
        }
    };
    let (one, two) = ("model-1.safetensors", "model-2.safetensors");
    check(&|folder| std::fs::remove_file(folder.join(two)).unwrap(), &[two, "missing"]);
    check(
        &|folder| index(folder, &[("a.weight", one), ("b.weight", two), ("c.weight", two)]),
        &["c.weight", "not in its shard"],
    );
    check(&|folder| index(folder, &[("a.weight", two), ("b.weight", one)]), &["a.weight", one]);
    check(&|folder| index(folder, &[("a.weight", "../x.safetensors")]), &["outside"]);
    check(
        &|folder| {
            let bytes = std::fs::read(folder.join(two)).unwrap();
            std::fs::write(folder.join(two), &bytes[..bytes.len() - 3]).unwrap();
        },
        &[two, "cut short"],
    );
    check(
        &|folder| {
            std::fs::copy(folder.join(one), folder.join(two)).unwrap();
            index(folder, &[("x", one), ("y", two)]);
        },
        &[],
    );
    check(&|folder| std::fs::write(folder.join("config.json"), "{").unwrap(), &["config.json"]);
}

#[test]
fn other_files_say_what_they_are() {
    refused("m.safetensors", b"version https://git-lfs.github.com/spec/v1\n", &["git lfs"]);
    refused("m.bin", b"<!DOCTYPE html>", &["none of the known formats"]);
    refused("m.gguf", b"GGUF\x01\x00\x00\x00", &["version 1"]);
    let cut = gguf(&[("a.weight", &[64, 64], 0, f32_bytes([0.0; 8]))]);
    refused("m.gguf", &cut, &["cut short"]);
    let folder = tempfile::tempdir().unwrap();
    let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("without a checkpoint file"), "{message}");
}

/// A state dict with its storage, to be damaged.
fn small_pickle() -> Vec<u8> {
    Pickle::new()
        .op(b'}')
        .text("a.weight")
        .tensor("FloatStorage", "0", 4, 0, &[2, 2], &[2, 1])
        .op(b's')
        .finish()
}

proptest! {
    #[test]
    fn random_pickles(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_state_dict(Path::new("random"), &bytes);
    }

    #[test]
    fn pickles_with_one_byte_changed_or_cut(
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = small_pickle();
        let position = position.index(bytes.len());
        if is_cut { bytes.truncate(position) } else { bytes[position] = byte }
        let _ = parse_state_dict(Path::new("damaged"), &bytes);
    }

    #[test]
    fn random_headers(text in r#"[{}\[\]",:a0-9. ]{0,60}"#, n in any::<u64>()) {
        let _ = parse_safetensors_header(Path::new("random"), text.as_bytes(), n);
    }

    #[test]
    fn whole_files_with_one_byte_changed_or_cut(
        which in 0_usize..3,
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = match which {
            0 => safetensors(&[("a.weight", "F32", &[2, 2], f32_bytes([1.0; 4]))]),
            1 => torch(small_pickle(), &f32_bytes([1.0; 4])),
            _ => gguf(&[("a.weight", &[2, 2], 0, f32_bytes([1.0; 4]))]),
        };
        let position = position.index(bytes.len());
        if is_cut { bytes.truncate(position) } else { bytes[position] = byte }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.bin");
        std::fs::write(&file, bytes).unwrap();
        if let Ok(checkpoint) = Checkpoint::open(&file) {
            for index in 0..checkpoint.tensors().len() {
                let _ = checkpoint.read(index);
            }
        }
    }
}

#[test]
fn npy_headers_that_announce_more_than_the_file_holds() {
    let mut bytes = npy(&[1.0, 2.0]);
    bytes.pop();
    refused("short.npy", &bytes, &["announces", "cut short"]);
    refused("short.npz", &archive(&[("short.npy", &bytes)]), &["announces", "cut short"]);
}
