//! `simbias synth domino`: two image sets of the user, on top of one another.

use std::path::PathBuf;

use simbias_data::synth::domino::{Pairing, combine_at_random, fit_images, two_classes};
use simbias_data::{Dataset, ImageShape, ReadOptions, SplitOptions, read_splits};

use super::files::{Files, Generated, GeneratedPart, rows_block};
use crate::shell::{Failure, Finished, Shell};

/// Two image sets on top of one another, each of which tells the label.
///
/// Images are divided into training, validation and test images before any pair is made: by the source's own
/// files where it has them, by fraction otherwise. The file holds x_train, y_train, x_validation, ….
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias synth domino --top mnist/ --top-classes 0:1 --bottom cifar-10-batches-bin/ \\
      --bottom-classes automobile:truck --fit --out mnist-cifar.safetensors
  simbias synth domino --top a.npz --bottom b.npz --pairing random-top --out control.safetensors

Source: Shah et al., The Pitfalls of Simplicity Bias in Neural Networks (NeurIPS 2020), MNIST-CIFAR.")]
pub(crate) struct DominoArgs {
    /// Images of the upper half
    #[arg(long, value_name = "PATH")]
    top: PathBuf,
    /// Images of the lower half
    #[arg(long, value_name = "PATH")]
    bottom: PathBuf,
    /// Classes of the upper images: class 0 before the colon, class 1 after it; separate several by commas
    #[arg(long, value_name = "A:B", value_parser = class_pair)]
    top_classes: Option<ClassPair>,
    /// Classes of the lower images
    #[arg(long, value_name = "A:B", value_parser = class_pair)]
    bottom_classes: Option<ClassPair>,
    /// Which halves tell the label
    #[arg(long, value_enum, default_value_t = PairingWord::ByClass)]
    pairing: PairingWord,
    /// Pad smaller images with zeros, and copy a single channel, so that both halves have one shape
    #[arg(long)]
    fit: bool,
    /// Share of the images for testing, where the source has no test files
    #[arg(long, value_name = "SHARE", default_value_t = SplitOptions::default().test)]
    test_fraction: f64,
    /// Share of the images for choosing settings
    #[arg(long, value_name = "SHARE", default_value_t = SplitOptions::default().validation)]
    validation_fraction: f64,
    /// File to write; the blocks go to NAME.blocks.toml beside it
    #[arg(long, value_name = "NAME.safetensors")]
    out: PathBuf,
}

/// Names of class 0 and of class 1.
#[derive(Clone, Debug)]
struct ClassPair([Vec<String>; 2]);

fn class_pair(text: &str) -> Result<ClassPair, String> {
    let names = |side: &str| -> Vec<String> {
        side.split(',')
            .map(|name| name.trim().to_string())
            .filter(|name| !name.is_empty())
            .collect()
    };
    let pair = text.split_once(':').map(|(zero, one)| [names(zero), names(one)]);
    pair.filter(|sides| sides.iter().all(|side| !side.is_empty())).map(ClassPair).ok_or_else(|| {
        "write class names on both sides of a colon, such as 0:1 or cat,dog:truck".into()
    })
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum PairingWord {
    /// Both halves
    ByClass,
    /// Only the lower half: upper images are dealt out regardless of their class
    RandomTop,
    /// Only the upper half
    RandomBottom,
    /// Neither
    RandomBoth,
}

impl DominoArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let files = Files::open(&self.out)?;
        let split = SplitOptions {
            validation: self.validation_fraction,
            test: self.test_fraction,
            seed: shell.seed().child("synth/domino/split", 0),
            group: None,
        };
        let read = |path, classes: &Option<ClassPair>| -> Result<[Dataset; 3], Failure> {
            let split = read_splits(path, &ReadOptions::default(), &split)?;
            let parts = [split.train.0, split.validation.0, split.test.0];
            match classes {
                None => Ok(parts),
                Some(ClassPair([zero, one])) => {
                    let [train, validation, test] = parts;
                    let choose = |part: Dataset| two_classes(&part, zero, one);
                    Ok([choose(train)?, choose(validation)?, choose(test)?])
                }
            }
        };
        let top = read(&self.top, &self.top_classes)?;
        let bottom = read(&self.bottom, &self.bottom_classes)?;
        let pairing = match self.pairing {
            PairingWord::ByClass => Pairing::ByClass,
            PairingWord::RandomTop => Pairing::RandomTop,
            PairingWord::RandomBottom => Pairing::RandomBottom,
            PairingWord::RandomBoth => Pairing::RandomBoth,
        };
        let mut parts = Vec::new();
        let mut heights = (0, 0);
        let named = ["train", "validation", "test"].into_iter().enumerate();
        for ((index, name), (top, bottom)) in named.zip(top.into_iter().zip(bottom)) {
            let (top, bottom) = if self.fit { fitted(&top, &bottom)? } else { (top, bottom) };
            let seed = shell.seed().child("synth/domino/part", index as u64);
            let domino = combine_at_random(&top, &bottom, pairing, seed)?;
            let height = domino.dataset.layout.image_shape().map_or(0, |shape| shape.height);
            heights = (domino.top_height, height);
            parts.push((Some(name), GeneratedPart { dataset: domino.dataset, clean_mask: None }));
        }
        files.write(
            shell,
            Generated {
                parts,
                rotation: None,
                blocks: rows_block("top", 0..heights.0)
                    + &rows_block("bottom", heights.0..heights.1),
                description: format!(
                    "domino of {} on {}, pairing {pairing:?}",
                    self.top.display(),
                    self.bottom.display()
                ),
            },
        )?;
        Ok(Finished::Done)
    }
}

/// Both sets, in the smallest shape that can hold either.
fn fitted(top: &Dataset, bottom: &Dataset) -> Result<(Dataset, Dataset), Failure> {
    let (Some(a), Some(b)) = (top.layout.image_shape(), bottom.layout.image_shape()) else {
        return Err(
            Failure::input("--fit needs images on both sides").hint("check --top and --bottom")
        );
    };
    let shape = ImageShape {
        channels: a.channels.max(b.channels),
        height: a.height.max(b.height),
        width: a.width.max(b.width),
    };
    Ok((fit_images(top, shape)?, fit_images(bottom, shape)?))
}
