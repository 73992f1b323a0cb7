//! Checkpoints that the official code of *Scaling MLPs* wrote with PyTorch: no ending, the form of 1.6 and the one
//! before.
//!
//! `SIMBIAS_GOLDEN=DIR` runs the tests on `DIR/mlp`.

use std::path::PathBuf;

use simbias_checkpoint::{Checkpoint, Format};

/// Name without its last part.
const STEM: &str = "B-3_Wi-16_res_8_toy_epochs_1_weights";

fn open(ending: &str) -> Checkpoint {
    let root = std::env::var_os("SIMBIAS_GOLDEN").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
        PathBuf::from,
    );
    Checkpoint::open(&root.join("mlp").join(format!("{STEM}{ending}"))).unwrap()
}

#[test]
fn state_dicts_without_an_ending_open_by_their_content() {
    let checkpoint = open("");
    assert_eq!(checkpoint.format(), Format::Torch);
    let n_values: usize = checkpoint.tensors().iter().map(|tensor| tensor.n_elements()).sum();
    // "num_params" of the configuration beside it.
    assert_eq!(n_values, 9738);
    for index in 0..checkpoint.tensors().len() {
        assert_eq!(checkpoint.read(index).unwrap().not_finite(), None);
    }
}

#[test]
fn the_older_form_and_older_names_hold_the_same_numbers() {
    let checkpoint = open("");
    for (ending, rename) in [("_legacy", "layernorms."), ("_oldnames", "norms.")] {
        let other = open(ending);
        assert_eq!(other.format(), Format::Torch);
        assert_eq!(other.tensors().len(), checkpoint.tensors().len());
        for (index, tensor) in checkpoint.tensors().iter().enumerate() {
            let name = tensor.name.replace("layernorms.", rename);
            let (theirs, found) = other.find(&name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(found.shape, tensor.shape, "{name}");
            assert_eq!(other.read(theirs).unwrap(), checkpoint.read(index).unwrap(), "{name}");
        }
    }
}
