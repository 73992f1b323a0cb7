//! The house keeps its floors: a crate depends on crates of lower floors only, and burn has one door.

use std::path::Path;

/// Lowest floor first.
const FLOORS: [&[&str]; 10] = [
    &["simbias-stats", "simbias-report", "simbias-checkpoint", "simbias-kernels"],
    &["simbias-golden", "simbias-data", "simbias-nn", "simbias-spectra"],
    &["simbias-train", "simbias-reliance", "simbias-dynamics", "simbias-onnx"],
    &["simbias-audit", "simbias-language"],
    &["simbias-claims"],
    &["simbias-html"],
    &["simbias-run"],
    &["simbias"],
    &["simbias-cli"],
    &["simbias-py"],
];

fn floor(name: &str) -> usize {
    FLOORS
        .iter()
        .position(|crates| crates.contains(&name))
        .unwrap_or_else(|| panic!("{name} has no floor; give it one"))
}

fn dependencies(manifest: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    match manifest.get("dependencies") {
        Some(toml::Value::Table(table)) => table.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_crate_depends_on_lower_floors_only() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut n_crates = 0;
    for entry in std::fs::read_dir(crates).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        for dependency in dependencies(&entry.path().join("Cargo.toml")) {
            if dependency.starts_with("simbias") {
                assert!(
                    floor(&dependency) < floor(&name),
                    "{name} must not depend on {dependency}, which is not below it"
                );
            }
            // The loop and its optimisers are part of the engine.
            let may_use_burn = ["simbias-nn", "simbias-train"].contains(&name.as_str());
            assert!(
                dependency != "burn" || may_use_burn,
                "{name} must meet burn through simbias-nn"
            );
        }
        n_crates += 1;
    }
    assert_eq!(n_crates, FLOORS.iter().map(|crates| crates.len()).sum::<usize>());
}
