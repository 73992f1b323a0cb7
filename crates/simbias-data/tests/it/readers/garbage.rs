//! Bytes that mean nothing, or almost something, must be refused without a panic.

use std::path::Path;

use proptest::prelude::*;
use simbias_data::read::{
    CifarKind, Missing, ReadOptions, decode_image, parse_cifar, parse_csv, parse_idx,
    parse_labels_table, parse_matrix, parse_npy, parse_npz, parse_parquet, parse_safetensors,
};

use super::fixture;

fn parse_with_all(bytes: &[u8]) {
    let file = Path::new("garbage");
    let options = ReadOptions::default();
    let _ = parse_idx(file, bytes);
    let _ = parse_cifar(file, bytes, CifarKind::Cifar10, &options);
    let _ = parse_npy(file, bytes);
    let _ = parse_npz(file, bytes);
    let _ = parse_safetensors(file, bytes);
    let _ = parse_matrix(file, bytes);
    for missing in [Missing::Error, Missing::Mean, Missing::Drop] {
        let _ = parse_csv(file, bytes, &ReadOptions { missing, ..ReadOptions::default() });
    }
    let _ = parse_parquet(file, bytes.to_vec(), &options);
    let _ = parse_labels_table(file, bytes, &|cell| cell.ends_with('p'));
    let _ = decode_image(file, bytes);
}

proptest! {
    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        parse_with_all(&bytes);
    }

    #[test]
    fn random_tables(text in "[a-cy,;\n\" 0-9.]{0,80}") {
        parse_with_all(text.as_bytes());
        parse_with_all(format!("a,y\n{text}").as_bytes());
    }

    #[test]
    fn files_with_one_byte_changed_or_cut(
        which in 0_usize..6,
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_cut in any::<bool>(),
    ) {
        let names = ["f4_fortran.npy", "plain.npz", "parts.npz", "modalities.safetensors",
            "people.csv", "u1.npy"];
        let mut bytes = std::fs::read(fixture(names[which])).unwrap();
        let position = position.index(bytes.len());
        if is_cut { bytes.truncate(position) } else { bytes[position] = byte }
        parse_with_all(&bytes);
    }

    #[test]
    fn parquet_with_one_byte_changed_or_cut(
        is_images in any::<bool>(),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_cut in any::<bool>(),
    ) {
        let name = if is_images { "images.parquet" } else { "people.parquet" };
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        let position = position.index(bytes.len());
        if is_cut { bytes.truncate(position) } else { bytes[position] = byte }
        let _ = parse_parquet(Path::new("p"), bytes, &ReadOptions::default());
    }
}
