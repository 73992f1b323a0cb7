//! Where an installed ONNX Runtime lies.

use std::path::{Path, PathBuf};

/// Where to look for the library of ONNX Runtime. This crate reads no environment: its callers fill this in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimePlaces {
    /// The library itself, if the user names it (`ORT_DYLIB_PATH`): nothing else is looked at then.
    pub library: Option<PathBuf>,
    /// Roots of Python environments, the active one first (`VIRTUAL_ENV`, `CONDA_PREFIX`).
    pub environments: Vec<PathBuf>,
    /// Folders of programs (`PATH`): the environments of the Pythons in them are looked at.
    pub programs: Vec<PathBuf>,
    /// Folders of libraries (`LD_LIBRARY_PATH`), before the system's usual ones.
    pub libraries: Vec<PathBuf>,
    /// The user's own folder, for packages that were installed for the user alone.
    pub home: Option<PathBuf>,
}

/// The system's folders of libraries.
const SYSTEM_FOLDERS: [&str; 8] = [
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/opt/homebrew/lib",
    "/opt/onnxruntime/lib",
];

/// The library of ONNX Runtime: the one that the user names, or the first in the Python environments (what
/// `pip install onnxruntime` leaves there), in the folders of libraries, and in the system's.
pub fn find_onnx_runtime(places: &RuntimePlaces) -> Option<PathBuf> {
    if let Some(named) = &places.library {
        // A folder is searched, anything else is taken as it is: a wrong name is told when it is loaded.
        return Some(library_in(named).unwrap_or_else(|| named.clone()));
    }
    let mut roots = places.environments.clone();
    for folder in &places.programs {
        for name in ["python3", "python", "python.exe"] {
            let program = folder.join(name);
            if !program.is_file() {
                continue;
            }
            // A link in an environment leads to another installation's program: both may hold packages.
            roots.extend(folder.parent().map(Path::to_path_buf));
            roots.extend(folder.is_dir().then(|| folder.clone()).filter(|_| cfg!(windows)));
            let real = program.canonicalize().ok();
            roots.extend(real.and_then(|real| Some(real.parent()?.parent()?.to_path_buf())));
        }
    }
    roots.extend(places.home.iter().map(|home| home.join(".local")));
    roots.extend(["/usr/local", "/usr"].map(PathBuf::from));
    let packaged = roots.iter().find_map(|root| {
        packages(root).iter().find_map(|folder| library_in(&folder.join("onnxruntime/capi")))
    });
    packaged.or_else(|| {
        let system = SYSTEM_FOLDERS.iter().map(PathBuf::from);
        places.libraries.iter().cloned().chain(system).find_map(|folder| library_in(&folder))
    })
}

/// Folders of Python packages below the root of an environment, newest Python first.
fn packages(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for library in ["lib", "lib64"] {
        for python in names_in(&root.join(library)).into_iter().rev() {
            if python.starts_with("python") {
                let python = root.join(library).join(python);
                found.extend(["site-packages", "dist-packages"].map(|name| python.join(name)));
            }
        }
    }
    // Windows.
    found.push(root.join("Lib").join("site-packages"));
    found
}

/// The library in a folder: the unversioned name first, then the highest version.
fn library_in(folder: &Path) -> Option<PathBuf> {
    const STEMS: [(&str, &str); 3] =
        [("libonnxruntime", "so"), ("libonnxruntime", "dylib"), ("onnxruntime", "dll")];
    let names = names_in(folder);
    for (stem, ending) in STEMS {
        let plain = format!("{stem}.{ending}");
        if names.contains(&plain) {
            return Some(folder.join(plain));
        }
        let versions = names.iter().filter(|name| {
            let rest = name.strip_prefix(stem).filter(|rest| rest.starts_with('.'));
            rest.is_some_and(|rest| rest.split('.').any(|part| part == ending))
        });
        if let Some(newest) = versions.max_by_key(|name| version(name)) {
            return Some(folder.join(newest));
        }
    }
    None
}

/// The numbers in a name, for `1.9` to come before `1.22`.
fn version(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// Names in a folder, sorted as versions; none if it cannot be read.
fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_by_key(|name| (version(name), name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }

    #[test]
    fn d17_the_library_of_an_environment_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let capi = "site-packages/onnxruntime/capi";
        touch(&root.join(format!("env/lib/python3.9/{capi}/libonnxruntime.so.1.9.0")));
        touch(&root.join(format!("env/lib/python3.12/{capi}/libonnxruntime.so.1.22.0")));
        touch(&root.join(format!("env/lib/python3.12/{capi}/libonnxruntime.so.1.9.0")));
        touch(&root.join(format!("env/lib/python3.12/{capi}/libonnxruntime_providers_shared.so")));
        touch(&root.join("env/bin/python3"));
        let newest = root.join(format!("env/lib/python3.12/{capi}/libonnxruntime.so.1.22.0"));
        let active =
            RuntimePlaces { environments: vec![root.join("env")], ..RuntimePlaces::default() };
        assert_eq!(find_onnx_runtime(&active), Some(newest.clone()));
        let on_path =
            RuntimePlaces { programs: vec![root.join("env/bin")], ..RuntimePlaces::default() };
        assert_eq!(find_onnx_runtime(&on_path), Some(newest));
        touch(&root.join("own/libonnxruntime.so"));
        let named = RuntimePlaces { library: Some(root.join("own")), ..on_path };
        assert_eq!(find_onnx_runtime(&named), Some(root.join("own/libonnxruntime.so")));
        let wrong = root.join("absent.so");
        let named = RuntimePlaces { library: Some(wrong.clone()), ..named };
        assert_eq!(find_onnx_runtime(&named), Some(wrong));
    }
}
