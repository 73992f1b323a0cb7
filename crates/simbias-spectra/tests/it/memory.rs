//! A checkpoint much larger than memory is scanned within the stated bound.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use simbias_checkpoint::Checkpoint;
use simbias_report::Silent;
use simbias_spectra::{ScanOptions, scan};

use crate::sample::gaussian;

/// Set for the process whose memory is measured.
const FOLDER: &str = "SIMBIAS_TEST_SPARSE_CHECKPOINT";
const SIDE: usize = 2048;
const TENSORS_OF_A_SHARD: usize = 128;
const N_SHARDS: usize = 10;
/// One in this many layers is scanned, the rest only opened: the test must not take minutes.
const SCANNED_ONE_IN: usize = 40;

/// 20 GB of zeros that take no room on the disk, except for one row of some tensors.
fn write(folder: &Path) {
    let n_bytes = 4 * SIDE * SIDE;
    let mut map = serde_json::Map::new();
    for shard in 0..N_SHARDS {
        let file_name = format!("model-{shard:02}.safetensors");
        let mut header = serde_json::Map::new();
        for index in 0..TENSORS_OF_A_SHARD {
            let name = format!("layers.{}.weight", shard * TENSORS_OF_A_SHARD + index);
            let offsets = [index * n_bytes, (index + 1) * n_bytes];
            let entry = serde_json::json!({
                "dtype": "F32", "shape": [SIDE, SIDE], "data_offsets": offsets
            });
            header.insert(name.clone(), entry);
            map.insert(name, serde_json::json!(file_name));
        }
        let header = serde_json::Value::Object(header).to_string();
        let mut file = File::create(folder.join(&file_name)).unwrap();
        file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
        file.write_all(header.as_bytes()).unwrap();
        let start = 8 + header.len() as u64;
        file.set_len(start + (TENSORS_OF_A_SHARD * n_bytes) as u64).unwrap();
        if shard < 2 {
            file.seek(SeekFrom::Start(start)).unwrap();
            let row: Vec<u8> =
                gaussian(16 * SIDE, shard as u64).iter().flat_map(|v| v.to_le_bytes()).collect();
            file.write_all(&row).unwrap();
        }
    }
    let index = serde_json::json!({"weight_map": map}).to_string();
    std::fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
}

/// Highest resident memory of this process.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    1024 * line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
}

#[test]
fn a_sparse_checkpoint_of_20_gigabytes_stays_within_three_tensors_and_200_megabytes() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        scan_and_measure(Path::new(&folder));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    // Memory is that of a process, and other tests run in this one.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("memory::a_sparse_checkpoint_of_20_gigabytes_stays_within_three_tensors_and_200_megabytes")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn scan_and_measure(folder: &Path) {
    let checkpoint = Checkpoint::open(folder).unwrap();
    assert_eq!(checkpoint.tensors().len(), N_SHARDS * TENSORS_OF_A_SHARD);
    let options = ScanOptions { n_threads: Some(4), ..ScanOptions::default() };
    let wanted = |name: &str| {
        let number: usize = name.split('.').nth(1).unwrap().parse().unwrap();
        number.is_multiple_of(SCANNED_ONE_IN) || number == TENSORS_OF_A_SHARD
    };
    let table = scan(&checkpoint, &options, &wanted, &Silent).unwrap();
    let rank =
        |name: &str| table.layer(name).unwrap().analysis().unwrap().plain.as_ref().unwrap().rank;
    assert_eq!(rank("layers.0.weight"), 16);
    assert_eq!(rank(&format!("layers.{TENSORS_OF_A_SHARD}.weight")), 16);
    let allowed = 3 * 8 * (SIDE * SIDE) as u64 + (200 << 20);
    let peak = peak_bytes();
    assert!(peak <= allowed, "{peak} bytes at the peak, {allowed} are allowed");
}
