//! Who gives its block to whom: one donor row for every row, drawn once per repeat for the whole evaluation set.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, Target};
use simbias_stats::Seed;

use crate::RelianceError;

/// How donor rows are drawn (spec: section 3.3 of the reliance method; Shah et al. 2020, Definition 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DonorMode {
    /// A uniform permutation of the evaluation set: the paper's choice.
    #[default]
    Permute,
    /// A donor drawn with replacement from all rows: the definition of the randomized distribution.
    Independent,
    /// A donor of another class: cue conflict. A model of this block alone drops to accuracy ≈ 0.
    Swap,
    /// A permutation inside each class: only the interaction between block and complement is broken.
    WithinClass,
    /// A permutation inside each value of a stratum column.
    WithinStratum,
}

impl DonorMode {
    /// All modes, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Permute, Self::Independent, Self::Swap, Self::WithinClass, Self::WithinStratum];

    /// The name used in files and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permute => "permute",
            Self::Independent => "independent",
            Self::Swap => "swap",
            Self::WithinClass => "within-class",
            Self::WithinStratum => "within-stratum",
        }
    }

    /// Whether a drop of the metric is skill lost with the block, so that verdicts have their meaning. Donors of
    /// the same class still tell the class, and donors of another class tell the wrong one.
    pub fn shows_what_is_needed(self) -> bool {
        matches!(self, Self::Permute | Self::Independent | Self::WithinStratum)
    }

    /// Whether what remains of the metric, when everything but a block is exchanged, is carried by that block alone.
    /// Donors of the same stratum keep what the stratum tells about the label.
    pub fn shows_what_carries_alone(self) -> bool {
        matches!(self, Self::Permute | Self::Independent)
    }
}

impl std::str::FromStr for DonorMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|mode| mode.name()).collect();
            format!("unknown donor mode {text:?}; expected one of {}", known.join(", "))
        })
    }
}

/// Draws donor maps for one evaluation set.
///
/// The map of a repeat depends on the seed and the repeat only, never on the blocks, so the same map serves a
/// block and its complement, and adding a block changes no other result.
#[derive(Clone, Debug)]
pub struct DonorSource {
    mode: DonorMode,
    seed: Seed,
    /// Rows that may exchange values, for the grouped modes; for `Swap` the rows of each class.
    groups: Vec<Vec<u32>>,
    n_rows: usize,
}

impl DonorSource {
    /// Prepares the groups that `mode` needs.
    ///
    /// # Errors
    /// Fewer than two rows; `Swap` and `WithinClass` without classes or with one class;
    /// `WithinStratum` without the stratum column.
    pub fn new(
        mode: DonorMode,
        data: &Dataset,
        stratum: Option<&str>,
        seed: Seed,
    ) -> Result<Self, RelianceError> {
        let n_rows = data.n_rows();
        if n_rows < 2 {
            return Err(RelianceError::TooFewRows { found: n_rows });
        }
        let by_index = |indices: &[u32], n_groups: usize| {
            let mut groups = vec![Vec::new(); n_groups];
            for (row, &index) in indices.iter().enumerate() {
                groups[index as usize].push(row as u32);
            }
            groups.retain(|group| !group.is_empty());
            groups
        };
        let groups = match mode {
            DonorMode::Permute | DonorMode::Independent => Vec::new(),
            DonorMode::Swap | DonorMode::WithinClass => match &data.target {
                Target::Classes(labels) => by_index(&labels.indices, labels.n_classes()),
                Target::Values(_) => {
                    return Err(RelianceError::TargetKind {
                        what: format!("donor mode {:?}", mode.name()),
                        needs: "classes".into(),
                        found: "a number".into(),
                    });
                }
            },
            DonorMode::WithinStratum => {
                let found = match stratum {
                    Some(name) => data.strata.iter().find(|column| column.name == name),
                    None => data.strata.first(),
                };
                let column = found.ok_or_else(|| RelianceError::Donors {
                    mode: mode.name().into(),
                    problem: "no stratum column was read; name one with --strata".into(),
                })?;
                by_index(&column.indices, column.values.len())
            }
        };
        if mode == DonorMode::Swap && groups.len() < 2 {
            return Err(RelianceError::Donors {
                mode: mode.name().into(),
                problem: "all rows are of one class, so no row can take a value from another class"
                    .into(),
            });
        }
        Ok(Self { mode, seed, groups, n_rows })
    }

    /// The donor of every row in repeat `repeat`. Fixed points are allowed.
    pub fn draw(&self, repeat: usize) -> Vec<u32> {
        let mut stream = self.seed.child("reliance/donors", repeat as u64).stream();
        let n_rows = self.n_rows as u32;
        match self.mode {
            DonorMode::Permute => {
                let mut donors: Vec<u32> = (0..n_rows).collect();
                donors.shuffle(&mut stream);
                donors
            }
            DonorMode::Independent => (0..n_rows).map(|_| stream.random_range(0..n_rows)).collect(),
            DonorMode::Swap => {
                let mut donors = vec![0; self.n_rows];
                for (own, rows) in self.groups.iter().enumerate() {
                    let others: Vec<u32> = self
                        .groups
                        .iter()
                        .enumerate()
                        .filter(|&(index, _)| index != own)
                        .flat_map(|(_, group)| group.iter().copied())
                        .collect();
                    for &row in rows {
                        // `others` holds at least one row: `new` refuses a single class.
                        donors[row as usize] = others.choose(&mut stream).copied().unwrap_or(row);
                    }
                }
                donors
            }
            DonorMode::WithinClass | DonorMode::WithinStratum => {
                let mut donors = vec![0; self.n_rows];
                for rows in &self.groups {
                    let mut shuffled = rows.clone();
                    shuffled.shuffle(&mut stream);
                    for (&row, &donor) in rows.iter().zip(&shuffled) {
                        donors[row as usize] = donor;
                    }
                }
                donors
            }
        }
    }
}
