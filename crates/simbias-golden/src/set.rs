//! Where the files of a set lie.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::{Arrays, Tensors};

/// Environment variable that names a folder with other sets.
const VARIABLE: &str = "SIMBIAS_GOLDEN";

/// The set with that slug, of the crate whose test calls the macro.
#[macro_export]
macro_rules! set {
    ($slug:literal) => {
        $crate::Set::of_crate(env!("CARGO_MANIFEST_DIR"), $slug)
    };
}

/// A folder of golden files; make one by [`set!`](crate::set).
#[derive(Clone, Copy, Debug)]
pub struct Set {
    crate_folder: &'static str,
    slug: &'static str,
}

impl Set {
    /// The set `slug` of the crate in `crate_folder`.
    pub const fn of_crate(crate_folder: &'static str, slug: &'static str) -> Self {
        Self { crate_folder, slug }
    }

    /// Path of a file or folder of the set, which need not exist.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder(std::env::var_os(VARIABLE)).join(name)
    }

    /// `<other>/<slug>` if another folder of sets is named, the crate's own copy otherwise.
    fn folder(&self, other: Option<OsString>) -> PathBuf {
        other
            .map_or_else(|| Path::new(self.crate_folder).join("tests/golden"), PathBuf::from)
            .join(self.slug)
    }

    /// The bytes of a file.
    ///
    /// # Panics
    /// When it cannot be read.
    #[track_caller]
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A JSON file as any type that can be deserialised from it.
    ///
    /// # Panics
    /// When it cannot be read or has another form.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> T {
        serde_json::from_slice(&self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A safetensors file.
    ///
    /// # Panics
    /// When it cannot be read.
    #[track_caller]
    pub fn tensors(&self, name: &str) -> Tensors {
        Tensors::new(name, self.bytes(name))
    }

    /// A `.npz` file.
    ///
    /// # Panics
    /// When it cannot be read.
    #[track_caller]
    pub fn arrays(&self, name: &str) -> Arrays {
        Arrays::new(name, &self.bytes(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_folder_of_sets_replaces_the_crates_own() {
        let set = Set::of_crate("/house/crates/one", "pitfalls");
        assert_eq!(set.folder(None), Path::new("/house/crates/one/tests/golden/pitfalls"));
        assert_eq!(set.folder(Some("/other".into())), Path::new("/other/pitfalls"));
    }
}
