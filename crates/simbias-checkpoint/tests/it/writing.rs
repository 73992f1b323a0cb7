//! Checkpoints written again.

use std::convert::Infallible;

use half::bf16;
use simbias_checkpoint::{Checkpoint, Numbers, rewrite};

use crate::files::{Pickle, archive, f32_bytes, gguf, npy, safetensors, sharded, torch};

fn zeros(n: usize) -> Result<Option<Numbers>, Infallible> {
    Ok(Some(Numbers::F32(vec![0.0; n])))
}

fn same_name(name: &str) -> Option<String> {
    Some(name.into())
}

#[test]
fn shards_keep_names_files_and_every_byte_that_was_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::create_dir_all(source.join("1_Pooling")).unwrap();
    sharded(&source);
    std::fs::write(source.join("tokenizer.json"), "{}").unwrap();
    std::fs::write(source.join("1_Pooling/config.json"), "{}").unwrap();
    std::fs::write(source.join("pytorch_model.bin"), "the same weights, not pruned").unwrap();
    let checkpoint = Checkpoint::open(&source).unwrap();
    let out = folder.path().join("out");
    rewrite(
        &checkpoint,
        &out,
        |_, tensor| if tensor.name == "b.weight" { zeros(2) } else { Ok(None) },
        &same_name,
        || vec![("report.json".into(), b"{}".to_vec())],
    )
    .unwrap();
    let read = |folder: &std::path::Path, name: &str| std::fs::read(folder.join(name)).unwrap();
    for name in [
        "model-1.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
        "1_Pooling/config.json",
    ] {
        assert_eq!(read(&out, name), read(&source, name), "{name}");
    }
    assert!(out.join("report.json").is_file());
    assert!(!out.join("pytorch_model.bin").exists());
    let (before, after) = (read(&source, "model-2.safetensors"), read(&out, "model-2.safetensors"));
    assert_eq!(before.len(), after.len());
    assert_eq!(before[..before.len() - 8], after[..before.len() - 8]);
    assert_eq!(after[after.len() - 8..], [0; 8]);
    // Nothing is overwritten, and nothing half-written is left.
    let again = rewrite(&checkpoint, &out, |_, _| zeros(1), &same_name, Vec::new);
    assert!(again.unwrap_err().to_string().contains("exists already"));
    let elsewhere = folder.path().join("elsewhere");
    assert!(rewrite(&checkpoint, &elsewhere, |_, _| zeros(1), &same_name, Vec::new).is_err());
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["out", "source"]);
}

#[test]
fn numbers_are_rounded_to_the_stored_type() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.safetensors");
    let bytes: Vec<u8> = [1.0, 2.0].iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect();
    std::fs::write(&file, safetensors(&[("a.weight", "BF16", &[2], bytes)])).unwrap();
    let checkpoint = Checkpoint::open(&file).unwrap();
    let out = folder.path().join("out");
    let new = |_: usize, _: &_| Ok::<_, Infallible>(Some(Numbers::F32(vec![1.001, 0.0])));
    rewrite(&checkpoint, &out, new, &same_name, Vec::new).unwrap();
    let written = Checkpoint::open(&out).unwrap();
    assert_eq!(written.read(0).unwrap(), Numbers::F32(vec![1.0, 0.0]));
}

#[test]
fn other_formats_become_safetensors_of_the_same_names() {
    let folder = tempfile::tempdir().unwrap();
    let pickle = Pickle::new()
        .op(b'}')
        .op(b'(')
        .text("a.weight")
        .tensor("FloatStorage", "0", 4, 0, &[2, 2], &[1, 2])
        .text("steps")
        .tensor("IntStorage", "0", 4, 1, &[1], &[1])
        .op(b'u')
        .finish();
    let data = f32_bytes([1.0, 2.0, 3.0, 4.0]);
    let sources = [
        ("m.pt", torch(pickle, &data), vec![1.0, 3.0, 2.0, 4.0]),
        ("m.gguf", gguf(&[("a.weight", &[2, 2], 0, data.clone())]), vec![1.0, 2.0, 3.0, 4.0]),
    ];
    for (name, bytes, expected) in sources {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let checkpoint = Checkpoint::open(&file).unwrap();
        let out = folder.path().join(format!("{name}.out"));
        rewrite(&checkpoint, &out, |_, _| Ok::<_, Infallible>(None), &same_name, Vec::new).unwrap();
        let written = Checkpoint::open(&out).unwrap();
        let names = |checkpoint: &Checkpoint| -> Vec<String> {
            checkpoint.tensors().iter().map(|tensor| tensor.name.clone()).collect()
        };
        assert_eq!(names(&written), names(&checkpoint));
        let (index, _) = written.find("a.weight").unwrap();
        assert_eq!(written.read(index).unwrap(), Numbers::F32(expected));
    }
}

#[test]
fn tensors_without_a_name_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.npz");
    std::fs::write(&file, archive(&[("keep.npy", &npy(&[1.0, 2.0])), ("drop.npy", &npy(&[3.0]))]))
        .unwrap();
    let checkpoint = Checkpoint::open(&file).unwrap();
    let out = folder.path().join("out");
    let rename = |name: &str| (name == "keep").then(|| "kept".to_string());
    rewrite(&checkpoint, &out, |_, _| Ok::<_, Infallible>(None), &rename, Vec::new).unwrap();
    let written = Checkpoint::open(&out).unwrap();
    assert_eq!(written.tensors().len(), 1);
    assert_eq!(written.read(written.find("kept").unwrap().0).unwrap().into_f32(), [1.0, 2.0]);
}
