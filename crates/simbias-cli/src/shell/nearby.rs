//! The file that a user may have meant by a path that does not exist.

use std::path::Path;

use simbias_data::nearest_name;

/// What to try for `path`, which does not exist: the most similar name in its folder, or another look at the path.
pub(super) fn hint(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(_) => {
            return format!(
                "there is no folder {folder:?} here; a relative path starts at the current folder"
            );
        }
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // The order of a folder is that of its file system.
    names.sort();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match nearest_name(&name, &names) {
        Some(nearest) => format!("did you mean {:?}?", path.with_file_name(nearest)),
        None => "check the path: a relative one starts at the current folder".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_of_the_folder_is_offered() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["train.csv", "test.csv", "notes.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let said = |name: &str| hint(&folder.path().join(name));
        assert!(said("trian.csv").contains("train.csv"), "{}", said("trian.csv"));
        assert!(said("zebra").contains("check the path"));
        assert!(said("absent/train.csv").contains("no folder"));
    }
}
