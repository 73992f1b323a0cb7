//! Safetensors in memory, and files that appear whole or not at all.

use std::path::Path;

use simbias_checkpoint::{Numbers, SafetensorsImage, TensorSource, safetensors_image, write_whole};

#[test]
fn an_image_gives_back_its_tensors_and_metadata() {
    let tensors = [
        ("wide", vec![2], Numbers::F64(vec![0.1, -1e300])),
        ("narrow", vec![1, 2], Numbers::F32(vec![0.5, f32::NAN])),
    ];
    let bytes = safetensors_image(tensors.clone(), Some(("key", "größe"))).unwrap();
    assert_eq!(bytes, safetensors_image(tensors.clone(), Some(("key", "größe"))).unwrap());
    let image = SafetensorsImage::parse(Path::new("image"), &bytes).unwrap();
    assert_eq!(image.tensors().len(), 2);
    for (index, found) in image.tensors().iter().enumerate() {
        let (_, shape, numbers) = tensors.iter().find(|(name, ..)| *name == found.name).unwrap();
        assert_eq!(&found.shape, shape);
        assert_eq!(image.read(index).unwrap().to_le_bytes(), numbers.to_le_bytes());
    }
    assert!(safetensors_image([("a", vec![3], Numbers::F32(vec![1.0]))], None).is_err());
}

#[test]
fn a_cut_image_is_refused_before_anything_is_read() {
    let bytes = safetensors_image([("a", vec![2], Numbers::F32(vec![1.0; 2]))], None).unwrap();
    for n in 0..bytes.len() {
        let error = SafetensorsImage::parse(Path::new("image"), &bytes[..n]).unwrap_err();
        assert!(error.to_string().contains("image"), "{error}");
    }
}

#[test]
fn a_failed_write_leaves_the_old_file_and_no_litter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.txt");
    write_whole(&path, |writer| writer.write_all(b"whole")).unwrap();
    let failed = write_whole(&path, |writer| {
        writer.write_all(b"half")?;
        Err(std::io::Error::other("out of ink"))
    });
    let message = failed.unwrap_err().to_string();
    assert!(message.contains("kept.txt") && message.contains("out of ink"), "{message}");
    assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
