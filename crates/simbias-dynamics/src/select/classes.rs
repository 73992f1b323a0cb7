//! The second pass over the outputs: every class by itself in two clusters.

use rayon::prelude::*;
use simbias_data::RowSource;
use simbias_report::{Progress, StopOnly};
use simbias_stats::Seed;

use super::guard::Thresholds;
use super::losses::Row;
use super::silhouette::silhouette;
use super::tiles::Tiles;
use super::two_means::two_means;
use super::{ClassSelection, Clusters, Space};
use crate::DynamicsError;

/// Bytes of rows that are read together.
const PIECE_BYTES: usize = 1 << 20;

/// Starts that are made if the user asks for no number: at least as many as scikit-learn and the authors' other code
/// make, and up to ten times as many.
const RESTARTS: [usize; 2] = [10, 100];
/// Numbers in all starts together that cost next to nothing.
const CHEAP_NUMBERS: usize = 1 << 17;

fn affordable_restarts(tiles: &Tiles) -> usize {
    let n_numbers = tiles.n_rows() * tiles.n_columns();
    (CHEAP_NUMBERS / n_numbers.max(1)).clamp(RESTARTS[0], RESTARTS[1])
}

/// What the second pass needs of the first one, and of the user.
pub(super) struct Job<'a> {
    pub(super) outputs: &'a dyn RowSource,
    /// What is clustered; the outputs unless embeddings are given.
    pub(super) clustered: &'a dyn RowSource,
    pub(super) space: Space,
    pub(super) labels: &'a [u32],
    pub(super) rows: &'a [Row],
    /// Where suspect labels are looked for in the outputs.
    pub(super) thresholds: Option<&'a Thresholds>,
    pub(super) restarts: Option<usize>,
    pub(super) min_class: usize,
    /// Whether to measure how well clusters are separated.
    pub(super) with_silhouettes: bool,
    /// Bytes of rows that may be in memory at a time.
    pub(super) memory_bytes: usize,
    pub(super) seed: Seed,
}

/// A class after the second pass.
pub(super) struct FoundClass {
    pub(super) selection: ClassSelection,
    /// Its examples, in ascending order of their loss.
    pub(super) members: Vec<u32>,
    /// For every member, whether it is in the cluster of higher loss. Empty if the class has no clusters.
    pub(super) in_slow_cluster: Vec<bool>,
    /// For every member, whether its label is suspect. Empty if labels are not held against the outputs.
    pub(super) is_suspect: Vec<bool>,
}

impl Job<'_> {
    /// All classes, in groups that fit into memory together.
    pub(super) fn run(
        &self,
        n_classes: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<FoundClass>, DynamicsError> {
        let members = self.members(n_classes);
        let row_bytes = self.clustered.n_columns() * size_of::<f32>();
        let mut found: Vec<FoundClass> = Vec::with_capacity(n_classes);
        let mut rest = members.into_iter().enumerate().peekable();
        while rest.peek().is_some() {
            progress.keep_going()?;
            progress.advance(found.len(), n_classes, "clustering the classes");
            let mut group = Vec::new();
            let mut n_bytes = 0;
            while let Some((_, members)) = rest.peek() {
                n_bytes += members.len() * row_bytes;
                if !group.is_empty() && n_bytes > self.memory_bytes {
                    break;
                }
                group.extend(rest.next());
            }
            let of_group: Result<Vec<FoundClass>, DynamicsError> = group
                .into_par_iter()
                .map(|(class, members)| self.class(class, members, progress))
                .collect();
            found.extend(of_group?);
        }
        Ok(found)
    }

    /// The examples of every class in ascending order of their loss, so that nothing depends on the order of the file.
    fn members(&self, n_classes: usize) -> Vec<Vec<u32>> {
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); n_classes];
        for (row, (of_row, &label)) in self.rows.iter().zip(self.labels).enumerate() {
            if !of_row.loss.is_nan() {
                members[label as usize].push(row as u32);
            }
        }
        members.par_iter_mut().for_each(|members| {
            members.sort_by(|&one, &other| {
                let (one, other) = (&self.rows[one as usize], &self.rows[other as usize]);
                let by_loss = one.loss.total_cmp(&other.loss);
                by_loss.then(one.fingerprint.cmp(&other.fingerprint))
            });
        });
        members
    }

    fn class(
        &self,
        class: usize,
        members: Vec<u32>,
        progress: &dyn Progress,
    ) -> Result<FoundClass, DynamicsError> {
        StopOnly(progress).keep_going()?;
        let (tiles, is_suspect) = self.load(class, &members)?;
        let mut found = FoundClass {
            selection: ClassSelection { class, n_rows: members.len(), clusters: None },
            members,
            in_slow_cluster: Vec::new(),
            is_suspect,
        };
        let Some(tiles) = tiles else { return Ok(found) };
        let restarts = self.restarts.unwrap_or_else(|| affordable_restarts(&tiles));
        let Some(partition) = two_means(&tiles, restarts, self.seed) else {
            return Ok(found);
        };
        let mut sums = [0.0; 2];
        let mut sizes = [0_usize; 2];
        for (&row, &second) in found.members.iter().zip(&partition.in_second) {
            sums[usize::from(second)] += self.rows[row as usize].loss;
            sizes[usize::from(second)] += 1;
        }
        if sizes.contains(&0) {
            return Ok(found);
        }
        let means = [sums[0] / sizes[0] as f64, sums[1] / sizes[1] as f64];
        let slow = usize::from(means[1] >= means[0]);
        let separation =
            self.with_silhouettes.then(|| silhouette(&tiles, &partition.in_second)).flatten();
        found.in_slow_cluster =
            partition.in_second.iter().map(|&second| usize::from(second) == slow).collect();
        found.selection.clusters = Some(Clusters {
            n_slow_cluster: sizes[slow],
            mean_loss_slow: means[slow],
            mean_loss_fast: means[1 - slow],
            inertia: partition.inertia,
            silhouette: separation.map(|(mean, _)| mean),
            n_silhouette: separation.map_or(0, |(_, n)| n),
        });
        Ok(found)
    }

    /// The rows of a class as they are clustered, `None` if there are too few, and which of its labels are suspect.
    fn load(
        &self,
        class: usize,
        members: &[u32],
    ) -> Result<(Option<Tiles>, Vec<bool>), DynamicsError> {
        let n_columns = self.clustered.n_columns();
        let is_enough = members.len() >= self.min_class.max(2);
        let mut tiles = is_enough.then(|| Tiles::zeroed(members.len(), n_columns));
        let mut is_suspect = vec![false; if self.thresholds.is_some() { members.len() } else { 0 }];
        // In the order of the file, which is how rows are read; `place` is where they belong.
        let mut in_file: Vec<(u32, u32)> =
            members.iter().zip(0..).map(|(&row, place)| (row, place)).collect();
        in_file.sort_unstable();
        let same_rows = self.space != Space::Embedding;
        let mut numbers = Vec::new();
        let n_outputs = self.outputs.n_columns();
        let piece_rows = (PIECE_BYTES / (n_columns.max(n_outputs) * size_of::<f32>())).max(1);
        for piece in in_file.chunks(piece_rows) {
            let rows: Vec<u32> = piece.iter().map(|&(row, _)| row).collect();
            if let Some(thresholds) = self.thresholds {
                numbers.resize(rows.len() * n_outputs, 0.0);
                self.outputs.gather(&rows, &mut numbers)?;
                for (&(row, place), outputs) in piece.iter().zip(numbers.chunks_exact(n_outputs)) {
                    let offset = self.rows[row as usize].loss + f64::from(outputs[class]);
                    is_suspect[place as usize] = thresholds.is_suspect(outputs, offset, class);
                }
            }
            let Some(tiles) = &mut tiles else { continue };
            if self.thresholds.is_none() || !same_rows {
                numbers.resize(rows.len() * n_columns, 0.0);
                self.clustered.gather(&rows, &mut numbers)?;
            }
            for (&(_, place), row) in piece.iter().zip(numbers.chunks_exact_mut(n_columns)) {
                self.space.transform(row);
                tiles.set(place as usize, row);
            }
        }
        if let Some(tiles) = &mut tiles {
            tiles.centre();
        }
        Ok((tiles, is_suspect))
    }
}
