//! `simbias synth stand-in`: dominoes that need no download.

use std::path::PathBuf;

use simbias_data::synth::domino::{StandIn, StandInKind};
use simbias_data::{Dataset, ReadOptions, embedded, read_dataset};

use super::files::{Files, Generated, GeneratedPart, rows_block};
use crate::shell::{Failure, Finished, Shell};

/// Dominoes of real digits and drawn glyphs that need no download.
///
/// The upper half is a zero or a one; the lower half is a task that tells the class as surely but is harder to learn.
/// These are not MNIST-CIFAR, and a result on them says so.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias synth stand-in glyph-xor-domino --out glyphs.safetensors
  simbias synth stand-in digits-domino --bottom 2,4,6,8:3,5,7,9 --out parity.safetensors")]
pub(crate) struct StandInArgs {
    /// glyph-domino-easy, glyph-XOR-domino, digits-domino or digits-XOR-domino
    kind: String,
    /// Digits on top of class 0 and of class 1
    #[arg(long, value_name = "A:B", value_parser = digit_pair)]
    top: Option<DigitPair>,
    /// Digits below, of group 0 and group 1; the glyph kinds have none
    #[arg(long, value_name = "A:B", value_parser = digit_pair)]
    bottom: Option<DigitPair>,
    /// Digit images to draw from (square, one channel, classes 0 to 9) instead of the embedded ones
    #[arg(long, value_name = "PATH")]
    digits: Option<PathBuf>,
    /// Dominoes for training
    #[arg(long, value_name = "N", default_value_t = 4000)]
    n_train: usize,
    /// Dominoes for choosing settings
    #[arg(long, value_name = "N", default_value_t = 2000)]
    n_validation: usize,
    /// Dominoes for testing
    #[arg(long, value_name = "N", default_value_t = 2000)]
    n_test: usize,
    /// File to write; the blocks go to NAME.blocks.toml beside it
    #[arg(long, value_name = "NAME.safetensors")]
    out: PathBuf,
}

/// Digits of class 0 and of class 1.
#[derive(Clone, Debug)]
struct DigitPair([Vec<u8>; 2]);

fn digit_pair(text: &str) -> Result<DigitPair, String> {
    let digits = |side: &str| -> Option<Vec<u8>> {
        let digits: Option<Vec<u8>> =
            side.split(',').map(|digit| digit.trim().parse().ok()).collect();
        digits.filter(|digits| digits.iter().all(|&digit| digit <= 9))
    };
    text.split_once(':')
        .and_then(|(zero, one)| Some(DigitPair([digits(zero)?, digits(one)?])))
        .ok_or_else(|| "write digits on both sides of a colon, such as 0:1 or 2,4:3,5".into())
}

impl StandInArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let files = Files::open(&self.out)?;
        let kind: StandInKind = self.kind.parse()?;
        let mut stand_in = StandIn {
            n_train: self.n_train,
            n_validation: self.n_validation,
            n_test: self.n_test,
            ..StandIn::new(kind, shell.seed())
        };
        if let Some(DigitPair(digits)) = &self.top {
            stand_in.top = digits.clone();
        }
        if let Some(DigitPair(digits)) = &self.bottom {
            stand_in.bottom = digits.clone();
        }
        let digits = self.read_digits()?;
        let splits = stand_in.generate(&digits)?;
        let top_height = splits.train.top_height;
        let height = splits.train.dataset.layout.image_shape().map_or(0, |shape| shape.height);
        let named =
            [("train", splits.train), ("validation", splits.validation), ("test", splits.test)];
        let parts = named.map(|(name, domino)| {
            (Some(name), GeneratedPart { dataset: domino.dataset, clean_mask: None })
        });
        files.write(
            shell,
            Generated {
                parts: parts.into(),
                rotation: None,
                blocks: rows_block("top", 0..top_height)
                    + &rows_block("bottom", top_height..height),
                description: format!("{kind}: a stand-in, not MNIST-CIFAR"),
            },
        )?;
        Ok(Finished::Done)
    }

    fn read_digits(&self) -> Result<Dataset, Failure> {
        match &self.digits {
            None => Ok(embedded::digits()),
            Some(path) => Ok(read_dataset(path, &ReadOptions::default())?),
        }
    }
}
