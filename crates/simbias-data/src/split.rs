//! Training, validation and test rows: three types, so that one cannot be used in place of another.

use ndarray::{Axis, concatenate};
use simbias_report::Caveat;
use simbias_stats::Seed;

use crate::{ClassLabels, DataError, Dataset, Stratum, Target};

/// Rows to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSplit(pub Dataset);

/// Rows to choose settings with: epochs, learning rates, thresholds.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationSplit(pub Dataset);

/// Rows to judge with, once.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSplit(pub Dataset);

/// One data set in its three parts.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitDataset {
    /// Rows to learn from.
    pub train: TrainSplit,
    /// Rows to choose settings with.
    pub validation: ValidationSplit,
    /// Rows to judge with.
    pub test: TestSplit,
}

impl SplitDataset {
    /// All rows of the three parts with their strata, one part after the other.
    pub fn joined(&self) -> Dataset {
        let parts = [&self.train.0, &self.validation.0, &self.test.0];
        let views: Vec<_> = parts.iter().map(|part| part.rows.view()).collect();
        let rows = match concatenate(Axis(0), &views) {
            Ok(rows) => rows,
            Err(error) => unreachable!("the parts of a data set have the same columns: {error}"),
        };
        let target = match &self.train.0.target {
            Target::Classes(first) => {
                let indices = parts.iter().filter_map(|part| part.class_labels());
                let indices = indices.flat_map(|labels| labels.indices.iter().copied()).collect();
                Target::Classes(ClassLabels { indices, names: first.names.clone() })
            }
            Target::Values(_) => Target::Values(
                parts
                    .iter()
                    .filter_map(|part| match &part.target {
                        Target::Values(values) => Some(values),
                        Target::Classes(_) => None,
                    })
                    .flatten()
                    .copied()
                    .collect(),
            ),
        };
        let first = &self.train.0;
        let strata = first
            .strata
            .iter()
            .enumerate()
            .map(|(place, stratum)| {
                let of_parts = parts.iter().map(|part| &part.strata[place].indices);
                Stratum { indices: of_parts.flatten().copied().collect(), ..stratum.clone() }
            })
            .collect();
        let all = Dataset::new(&first.name, rows, first.layout.clone(), target);
        Dataset { strata, ..all }
    }
}

/// How to split by fraction.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitOptions {
    /// Part of the rows for validation, in `(0, 1)`; if there is a test file, part of the training file's rows.
    pub validation: f64,
    /// Part of the rows for the test, in `(0, 1)`.
    pub test: f64,
    /// Root of the shuffles.
    pub seed: Seed,
    /// Name of a stratum whose values stay together in one part, such as a patient; replaces stratification by class.
    pub group: Option<String>,
}

impl Default for SplitOptions {
    /// 70 % to learn from, 10 % to choose with, 20 % to judge with: intervals on the test part stay narrow.
    fn default() -> Self {
        Self { validation: 0.1, test: 0.2, seed: Seed::new(0), group: None }
    }
}

impl SplitOptions {
    /// Splits `dataset`; every class is divided alike, and a class of three or more rows is present in all parts.
    ///
    /// # Errors
    /// Fractions outside `(0, 1)` or that leave no training row; an empty part; an unknown group.
    pub fn by_fraction(&self, dataset: &Dataset) -> Result<SplitDataset, DataError> {
        let [train, test, validation] = self.cut(dataset, &[self.test, self.validation])?;
        Ok(SplitDataset {
            train: TrainSplit(train),
            validation: ValidationSplit(validation),
            test: TestSplit(test),
        })
    }

    /// Cuts the validation part from `train`, for sources that come with a test file.
    ///
    /// # Errors
    /// As [`SplitOptions::by_fraction`].
    pub fn cut_validation(&self, train: Dataset, test: Dataset) -> Result<SplitDataset, DataError> {
        let [train, validation] = self.cut(&train, &[self.validation])?;
        Ok(SplitDataset {
            train: TrainSplit(train),
            validation: ValidationSplit(validation),
            test: TestSplit(test),
        })
    }

    /// Cuts the test part from `train`, for sources that come with a validation file only.
    ///
    /// # Errors
    /// As [`SplitOptions::by_fraction`].
    pub fn cut_test(&self, train: Dataset, validation: Dataset) -> Result<SplitDataset, DataError> {
        let [train, test] = self.cut(&train, &[self.test])?;
        Ok(SplitDataset {
            train: TrainSplit(train),
            validation: ValidationSplit(validation),
            test: TestSplit(test),
        })
    }

    /// The rest, then one part per fraction; rows keep their order within a part.
    fn cut<const N: usize>(
        &self,
        dataset: &Dataset,
        fractions: &[f64],
    ) -> Result<[Dataset; N], DataError> {
        let fail = |problem: String| DataError::Split { name: dataset.name.clone(), problem };
        let total: f64 = fractions.iter().sum();
        let is_fraction = |&fraction: &f64| fraction > 0.0 && fraction < 1.0;
        if !fractions.iter().all(is_fraction) || total >= 1.0 {
            return Err(fail(format!(
                "the fractions {} must each lie between 0 and 1 and leave rows to learn from",
                in_words(fractions)
            )));
        }
        let part_of_row = match &self.group {
            Some(name) => self.assign_groups(dataset, name, fractions)?,
            None => self.assign_stratified(dataset, fractions),
        };
        let part = |wanted: usize| {
            let rows: Vec<u32> = (0..dataset.n_rows() as u32)
                .filter(|&row| part_of_row[row as usize] == wanted)
                .collect();
            match rows.is_empty() {
                true => Err(fail(format!(
                    "{} rows are too few for the fractions {}: one part stays empty; give more rows or larger \
                     fractions",
                    dataset.n_rows(),
                    in_words(fractions)
                ))),
                false => Ok(dataset.select(&rows)),
            }
        };
        let parts: Vec<Dataset> = (0..N).map(part).collect::<Result<_, _>>()?;
        Ok(parts.try_into().expect("as many parts as asked for"))
    }

    /// The part of every row (0 is the rest); each class is shuffled and divided by itself.
    fn assign_stratified(&self, dataset: &Dataset, fractions: &[f64]) -> Vec<usize> {
        let n_rows = dataset.n_rows();
        let rows_of_class: Vec<Vec<u32>> = match &dataset.target {
            Target::Classes(labels) => {
                let mut rows = vec![Vec::new(); labels.n_classes()];
                for (row, &class) in labels.indices.iter().enumerate() {
                    rows[class as usize].push(row as u32);
                }
                rows
            }
            Target::Values(_) => vec![(0..n_rows as u32).collect()],
        };
        let mut part_of_row = vec![0; n_rows];
        for (class, rows) in rows_of_class.iter().enumerate() {
            let order = self.seed.child("data/split/class", class as u64).permutation(rows.len());
            let least = usize::from(rows.len() > fractions.len());
            let mut next = 0;
            for (part, fraction) in fractions.iter().enumerate() {
                let n_part = ((rows.len() as f64 * fraction).round() as usize).max(least);
                // The last row of a class stays with the rest.
                let end = (next + n_part).min(rows.len().saturating_sub(least));
                for &position in &order[next.min(end)..end] {
                    part_of_row[rows[position as usize] as usize] = part + 1;
                }
                next = end.max(next);
            }
        }
        part_of_row
    }

    /// The part of every row: each shuffled group goes to the part that lacks the most rows of its share.
    fn assign_groups(
        &self,
        dataset: &Dataset,
        name: &str,
        fractions: &[f64],
    ) -> Result<Vec<usize>, DataError> {
        let stratum = dataset.strata.iter().find(|stratum| stratum.name == name);
        let stratum = stratum.ok_or_else(|| DataError::Split {
            name: dataset.name.clone(),
            problem: format!(
                "there is no stratum {name:?} to keep together; read that column as a stratum first"
            ),
        })?;
        let mut sizes = vec![0_usize; stratum.values.len()];
        stratum.indices.iter().for_each(|&group| sizes[group as usize] += 1);
        let n_rows = dataset.n_rows() as f64;
        let rest = 1.0 - fractions.iter().sum::<f64>();
        let mut lacking: Vec<f64> =
            [rest].iter().chain(fractions).map(|fraction| fraction * n_rows).collect();
        let mut part_of_group = vec![0; sizes.len()];
        let order = self.seed.child("data/split/group", 0).permutation(sizes.len());
        for group in order.into_iter().map(|group| group as usize).filter(|&group| sizes[group] > 0)
        {
            let part = (0..lacking.len())
                .reduce(|best, part| if lacking[part] > lacking[best] { part } else { best })
                .unwrap_or(0);
            part_of_group[group] = part;
            lacking[part] -= sizes[group] as f64;
        }
        Ok(stratum.indices.iter().map(|&group| part_of_group[group as usize]).collect())
    }
}

impl SplitDataset {
    /// What reading the three parts decided, each remark once.
    pub fn notes(&self) -> Vec<Caveat> {
        let mut notes: Vec<Caveat> = Vec::new();
        for part in [&self.train.0, &self.validation.0, &self.test.0] {
            for note in &part.notes {
                if !notes.contains(note) {
                    notes.push(note.clone());
                }
            }
        }
        notes
    }
}

impl Dataset {
    /// All rows in a random order in which every prefix holds the classes in their shares: each class is shuffled,
    /// and the classes are interleaved evenly. The first `n` rows are a stratified sample, whatever the order of the
    /// source. Rows with numbers to predict are only shuffled.
    pub fn stratified_order(&self, seed: Seed) -> Vec<u32> {
        let n_rows = self.n_rows();
        let classes: Vec<u32> = match &self.target {
            Target::Classes(labels) => labels.indices.clone(),
            Target::Values(_) => vec![0; n_rows],
        };
        let mut sizes = vec![0_usize; classes.iter().max().map_or(0, |&class| class as usize + 1)];
        classes.iter().for_each(|&class| sizes[class as usize] += 1);
        let mut dealt = vec![0_usize; sizes.len()];
        let mut order: Vec<(f64, u32, u32)> = seed
            .child("data/stratified-order", 0)
            .permutation(n_rows)
            .into_iter()
            .map(|row| {
                let class = classes[row as usize];
                let rank = dealt[class as usize];
                dealt[class as usize] += 1;
                (rank as f64 / sizes[class as usize] as f64, class, row)
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|(_, _, row)| row).collect()
    }
}

fn in_words(fractions: &[f64]) -> String {
    fractions.iter().map(f64::to_string).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::{ClassLabels, Layout, Stratum};

    fn dataset(n_rows: usize) -> Dataset {
        let indices = (0..n_rows).map(|row| u32::from(row % 4 == 0)).collect();
        Dataset {
            name: "rows".into(),
            rows: Array2::from_shape_fn((n_rows, 1), |(row, _)| row as f32),
            layout: Layout::array(vec![1]),
            target: Target::Classes(ClassLabels { indices, names: vec!["a".into(), "b".into()] }),
            strata: vec![Stratum {
                name: "patient".into(),
                indices: (0..n_rows).map(|row| (row / 5) as u32).collect(),
                values: (0..n_rows.div_ceil(5)).map(|patient| patient.to_string()).collect(),
            }],
            weights: None,
            notes: Vec::new(),
        }
    }

    fn ids(dataset: &Dataset) -> Vec<usize> {
        dataset.rows.iter().map(|&id| id as usize).collect()
    }

    #[test]
    fn every_row_lands_in_exactly_one_part_and_classes_keep_their_share() {
        let split = SplitOptions::default().by_fraction(&dataset(400)).unwrap();
        let parts = [&split.train.0, &split.validation.0, &split.test.0];
        let mut all: Vec<usize> = parts.iter().flat_map(|part| ids(part)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..400).collect::<Vec<_>>());
        let counts = parts.map(|part| part.class_labels().unwrap().counts());
        assert_eq!(counts, [[210, 70], [30, 10], [60, 20]].map(Vec::from));
    }

    #[test]
    fn a_class_of_three_rows_is_in_every_part() {
        let mut dataset = dataset(100);
        if let Target::Classes(labels) = &mut dataset.target {
            labels.indices = (0..100).map(|row| u32::from(row >= 97)).collect();
        }
        let split = SplitOptions::default().by_fraction(&dataset).unwrap();
        for part in [&split.train.0, &split.validation.0, &split.test.0] {
            assert_eq!(part.class_labels().unwrap().counts()[1], 1);
        }
    }

    #[test]
    fn every_beginning_of_a_stratified_order_has_the_classes_in_their_shares() {
        let mut sorted = dataset(400);
        if let Target::Classes(labels) = &mut sorted.target {
            labels.indices = (0..400).map(|row| u32::from(row >= 300)).collect();
        }
        let order = sorted.stratified_order(Seed::new(3));
        for n in [2, 40, 200, 400] {
            let rare = order[..n].iter().filter(|&&row| row >= 300).count() as f64;
            assert!((rare - n as f64 / 4.0).abs() <= 1.0, "{rare} of {n}");
        }
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, (0..400).collect::<Vec<u32>>());
        assert_ne!(order, sorted.stratified_order(Seed::new(4)));
        assert_ne!(order[..3], [0, 300, 1], "a shuffle, not the order of the source");
    }

    #[test]
    fn groups_stay_together() {
        let options = SplitOptions { group: Some("patient".into()), ..SplitOptions::default() };
        let split = options.by_fraction(&dataset(400)).unwrap();
        let patients = |part: &Dataset| -> Vec<usize> {
            let mut patients: Vec<usize> = ids(part).iter().map(|id| id / 5).collect();
            patients.dedup();
            patients
        };
        let test = patients(&split.test.0);
        assert!(patients(&split.train.0).iter().all(|patient| !test.contains(patient)));
        assert_eq!(split.test.0.n_rows(), 80);
        assert_eq!(split.validation.0.n_rows(), 40);
    }

    #[test]
    fn another_seed_gives_another_split_and_the_same_seed_the_same() {
        let data = dataset(100);
        let split = |seed| {
            let options = SplitOptions { seed: Seed::new(seed), ..SplitOptions::default() };
            options.by_fraction(&data).unwrap()
        };
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }

    #[test]
    fn impossible_fractions_are_refused() {
        for (validation, test) in [(0.0, 0.2), (0.5, 0.5), (f64::NAN, 0.1), (-0.1, 0.1)] {
            let options = SplitOptions { validation, test, ..SplitOptions::default() };
            assert!(options.by_fraction(&dataset(40)).is_err(), "{validation} {test}");
        }
        assert!(SplitOptions::default().by_fraction(&dataset(2)).is_err());
        let options = SplitOptions { group: Some("camera".into()), ..SplitOptions::default() };
        assert!(options.by_fraction(&dataset(40)).unwrap_err().to_string().contains("camera"));
    }
}
