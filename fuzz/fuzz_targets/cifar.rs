//! CIFAR-10 and CIFAR-100 records.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::{CifarKind, ReadOptions, parse_cifar};

fuzz_target!(|bytes: &[u8]| {
    let options = ReadOptions { strata: vec!["coarse".into()], ..ReadOptions::default() };
    for kind in [CifarKind::Cifar10, CifarKind::Cifar100] {
        // Whole records are unlikely by chance: repeat the input to two of them.
        let record = if kind == CifarKind::Cifar10 { 3073 } else { 3074 };
        let records: Vec<u8> = bytes.iter().copied().cycle().take(2 * record).collect();
        for input in [bytes, &records] {
            let _ = parse_cifar(Path::new("fuzz.bin"), input, kind, &ReadOptions::default());
            let _ = parse_cifar(Path::new("fuzz.bin"), input, kind, &options);
        }
    }
});
