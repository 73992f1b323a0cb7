//! `simbias synth slab`: the paper's distributions of linear and slab coordinates.

use std::path::PathBuf;

use simbias_data::synth::{NoiseMode, Preset, PresetOptions, PresetSample, SlabSample};

use super::files::{Files, Generated, GeneratedPart};
use crate::shell::{Failure, Finished, Shell};

/// Linear, k-slab and nuisance coordinates, rotated (LMS-5, MS-(5,7), hatLMS-7, …).
///
/// The file holds x_train, y_train, clean_mask_train, x_test, … and the rotation Q of x = z · Q; without a
/// test part, x, y and clean_mask. NAME.blocks.toml beside it undoes the rotation and names the blocks.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias synth slab --preset lms5 --out lms5.safetensors
  simbias synth slab --preset hatlms7 --noise 0.3 --n 20000 --seed 3 --out hat.safetensors
  simbias reliance run --model model.onnx --data lms5.safetensors --blocks lms5.blocks.toml

Source: Shah et al., The Pitfalls of Simplicity Bias in Neural Networks (NeurIPS 2020), Appendix B.")]
pub(crate) struct SlabArgs {
    /// lms5, lms7, ms5, ms7, ms57, hatlms7, hatms57, lsn or advms57
    #[arg(long, value_name = "NAME", default_value = "lms5")]
    preset: String,
    /// Total number of rows; the preset's when not given
    #[arg(long, value_name = "N")]
    n: Option<usize>,
    /// Share of the rows for testing, 0 for one undivided set; the preset's when not given
    #[arg(long, value_name = "SHARE")]
    test_fraction: Option<f64>,
    /// Number of coordinates; the preset's (50, or 20 for advms57) when not given
    #[arg(long, value_name = "N")]
    dim: Option<usize>,
    /// Share of rows whose simplest coordinate is noisy
    #[arg(long, value_name = "SHARE")]
    noise: Option<f64>,
    /// Where noise moves a value: into the margin, or to the other class
    #[arg(long, value_enum, default_value_t = NoiseWord::Margin)]
    noise_mode: NoiseWord,
    /// Half-width B of all coordinates
    #[arg(long, value_name = "B")]
    width: Option<f64>,
    /// Margin as a share of the half-width
    #[arg(long, value_name = "SHARE")]
    gamma: Option<f64>,
    /// Do not rotate the coordinates
    #[arg(long)]
    no_rotation: bool,
    /// File to write; the blocks go to NAME.blocks.toml beside it
    #[arg(long, value_name = "NAME.safetensors")]
    out: PathBuf,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum NoiseWord {
    Margin,
    Flip,
}

impl SlabArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let files = Files::open(&self.out)?;
        let preset: Preset = self.preset.parse()?;
        let options = self.options(preset, shell)?;
        let generated = generate(preset, options)?;
        files.write(shell, generated)?;
        Ok(Finished::Done)
    }

    fn options(&self, preset: Preset, shell: &Shell) -> Result<PresetOptions, Failure> {
        let defaults = preset.defaults();
        let n = self.n.unwrap_or(defaults.n_train + defaults.n_test);
        let share = match self.test_fraction {
            Some(share) if (0.0..1.0).contains(&share) => share,
            Some(share) => {
                return Err(Failure::input(format!("{share} is not a valid share of test rows"))
                    .hint("give --test-fraction a number from 0 to below 1"));
            }
            None => defaults.n_test as f64 / (defaults.n_train + defaults.n_test) as f64,
        };
        let n_test = (n as f64 * share).round() as usize;
        if n == 0 || n_test >= n || (share > 0.0 && n_test == 0) {
            return Err(Failure::input(format!(
                "{n} rows cannot be split with {share} for testing"
            ))
            .hint("give more rows with --n, or --test-fraction 0"));
        }
        Ok(PresetOptions {
            dim: self.dim.unwrap_or(defaults.dim),
            n_train: n - n_test,
            n_test,
            width: self.width.unwrap_or(defaults.width),
            gamma: self.gamma.unwrap_or(defaults.gamma),
            noise_share: self.noise.unwrap_or(defaults.noise_share),
            noise_mode: match self.noise_mode {
                NoiseWord::Margin => NoiseMode::Margin,
                NoiseWord::Flip => NoiseMode::Flip,
            },
            rotate: defaults.rotate && !self.no_rotation,
            seed: shell.seed(),
        })
    }
}

fn generate(preset: Preset, options: PresetOptions) -> Result<Generated, Failure> {
    let is_whole = options.n_test == 0;
    // A preset draws at least one test row; an undivided set is its training part.
    let options = PresetOptions { n_test: options.n_test.max(1), ..options };
    let PresetSample { train, test, coordinate_names } = preset.generate(options)?;
    let rotation = train.rotation.clone();
    let part = |sample: SlabSample| GeneratedPart {
        dataset: sample.dataset,
        clean_mask: Some(sample.clean_mask),
    };
    let parts = if is_whole {
        vec![(None, part(train))]
    } else {
        vec![(Some("train"), part(train)), (Some("test"), part(test))]
    };
    Ok(Generated {
        parts,
        blocks: blocks(&coordinate_names, rotation.is_some()),
        rotation,
        description: format!(
            "{preset}: {} coordinates, width {}, margin share {}, noise share {}",
            options.dim, options.width, options.gamma, options.noise_share
        ),
    })
}

/// One block per kind of coordinate; if there is only one kind, its first coordinate and the others are two blocks.
fn blocks(coordinate_names: &[String], is_rotated: bool) -> String {
    let kind = |name: &str| name.rsplit_once('_').map_or(name, |(kind, _)| kind).to_string();
    let mut groups: Vec<(String, std::ops::Range<usize>)> = Vec::new();
    for (coordinate, name) in coordinate_names.iter().enumerate() {
        match groups.last_mut() {
            Some((last, range)) if *last == kind(name) => range.end = coordinate + 1,
            _ => groups.push((kind(name), coordinate..coordinate + 1)),
        }
    }
    if let [(name, whole)] = groups.as_slice()
        && whole.len() > 1
    {
        let whole = whole.clone();
        groups = vec![(format!("first {name}"), 0..1), (format!("other {name}"), 1..whole.end)];
    }
    let mut text =
        String::from("# Blocks for `simbias reliance`, in the coordinates before rotation.\n\n");
    if is_rotated {
        text.push_str(
            "[transform]\nkind = \"linear\"\n# Rows are x = z · W, so z = x · Wᵀ.\nmatrix = \"{data}::rotation\"\n\n",
        );
    }
    for (name, range) in groups {
        text.push_str(&format!(
            "[[block]]\nname = {name:?}\nkind = \"columns\"\nindex = \"{}..{}\"\n\n",
            range.start, range.end
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_become_blocks() {
        let names = ["linear_0", "slab5_1", "slab5_2"].map(String::from);
        let text = blocks(&names, true);
        assert!(text.contains("name = \"linear\"\nkind = \"columns\"\nindex = \"0..1\""), "{text}");
        assert!(text.contains("name = \"slab5\"\nkind = \"columns\"\nindex = \"1..3\""), "{text}");
        let text = blocks(&names[1..], false);
        assert!(
            text.contains("name = \"other slab5\"\nkind = \"columns\"\nindex = \"1..2\""),
            "{text}"
        );
        assert!(!text.contains("[transform]"), "{text}");
    }
}
