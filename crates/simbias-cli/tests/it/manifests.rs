//! What a registry needs to know about every crate that is published.

use std::path::Path;

#[test]
fn every_published_crate_describes_itself() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut n_published = 0;
    for entry in std::fs::read_dir(crates).unwrap() {
        let path = entry.unwrap().path().join("Cargo.toml");
        let manifest: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let package = manifest["package"].as_table().unwrap();
        if package.get("publish") == Some(&toml::Value::Boolean(false)) {
            continue;
        }
        for key in ["description", "license", "repository", "readme", "keywords", "categories"] {
            assert!(package.contains_key(key), "{} has no {key}", path.display());
        }
        let description = package["description"].as_str().unwrap();
        assert!((20..=200).contains(&description.len()), "{}: {description:?}", path.display());
        n_published += 1;
    }
    assert!(n_published > 10, "only {n_published} crates were found");
}
