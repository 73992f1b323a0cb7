//! Turns raw labels into a target: which classes there are, or which values.

use std::{collections::BTreeMap, path::Path};

use super::{ReadOptions, Task};
use crate::{ClassLabels, DataError, Dataset, Stratum, Target};

/// Labels as they stand in a file, one per row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RawLabels {
    Numbers(Vec<f64>),
    Texts(TextCodes),
    /// Indices with names that the source gives.
    Named(ClassLabels),
}

/// Texts; each distinct one is stored once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TextCodes {
    pub(crate) codes: Vec<u32>,
    pub(crate) values: Vec<String>,
    index_of: BTreeMap<String, u32>,
}

impl TextCodes {
    pub(crate) fn push(&mut self, text: &str) {
        let code = match self.index_of.get(text) {
            Some(&code) => code,
            None => {
                let code = self.values.len() as u32;
                self.values.push(text.into());
                self.index_of.insert(text.into(), code);
                code
            }
        };
        self.codes.push(code);
    }
}

impl FromIterator<String> for TextCodes {
    fn from_iter<I: IntoIterator<Item = String>>(texts: I) -> Self {
        let mut codes = Self::default();
        for text in texts {
            codes.push(&text);
        }
        codes
    }
}

impl RawLabels {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Texts(texts) => texts.codes.len(),
            Self::Named(labels) => labels.indices.len(),
        }
    }

    /// The entries of `rows`, in that order.
    pub(crate) fn select(self, rows: &[usize]) -> Self {
        let codes = |codes: &[u32]| rows.iter().map(|&row| codes[row]).collect();
        match self {
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|&row| values[row]).collect()),
            Self::Texts(texts) => Self::Texts(TextCodes { codes: codes(&texts.codes), ..texts }),
            Self::Named(labels) => {
                Self::Named(ClassLabels { indices: codes(&labels.indices), names: labels.names })
            }
        }
    }

    /// Decides between classes and values as `options` say.
    pub(crate) fn into_target(
        self,
        file: &Path,
        options: &ReadOptions,
    ) -> Result<Target, DataError> {
        let numbers = match self {
            Self::Named(labels) => {
                refuse_values(file, options, labels.names.first())?;
                return Ok(Target::Classes(labels));
            }
            Self::Texts(texts) => {
                refuse_values(file, options, texts.values.first())?;
                let (indices, names) = sorted_codes(texts);
                return Ok(Target::Classes(ClassLabels { indices, names }));
            }
            Self::Numbers(numbers) => numbers,
        };
        if let Some(row) = numbers.iter().position(|value| !value.is_finite()) {
            return Err(DataError::BadLabel {
                file: file.into(),
                row: row + 1,
                value: numbers[row].to_string(),
                problem: "is not a finite number; repair or drop that row",
            });
        }
        if let Some(threshold) = options.label_threshold {
            if options.task == Task::Values {
                return Err(DataError::option(
                    file,
                    "a label threshold makes classes, but the task is given as values; give only one of the two",
                ));
            }
            let indices = numbers.iter().map(|&value| u32::from(value >= threshold)).collect();
            let names = vec![format!("<{threshold}"), format!(">={threshold}")];
            return Ok(Target::Classes(ClassLabels { indices, names }));
        }
        let distinct = distinct_sorted(&numbers);
        let are_classes = match options.task {
            Task::Classes => true,
            Task::Values => false,
            Task::Auto => options.classes.is_some() || look_like_classes(&distinct, numbers.len()),
        };
        if !are_classes {
            return Ok(Target::Values(numbers));
        }
        let indices =
            numbers.iter().map(|value| distinct.partition_point(|other| other < value) as u32);
        Ok(Target::Classes(ClassLabels {
            indices: indices.collect(),
            names: distinct.iter().map(f64::to_string).collect(),
        }))
    }

    /// The same entries as a grouping.
    pub(crate) fn into_stratum(self, name: &str) -> Stratum {
        let (indices, values) = match self {
            Self::Named(labels) => (labels.indices, labels.names),
            Self::Texts(texts) => sorted_codes(texts),
            Self::Numbers(numbers) => {
                let distinct = distinct_sorted(&numbers);
                let place = |value: &f64| {
                    distinct.partition_point(|other| other.total_cmp(value).is_lt()) as u32
                };
                (
                    numbers.iter().map(|value| place(&(value + 0.0))).collect(),
                    distinct.iter().map(f64::to_string).collect(),
                )
            }
        };
        Stratum { name: name.into(), indices, values }
    }
}

fn refuse_values(
    file: &Path,
    options: &ReadOptions,
    example: Option<&String>,
) -> Result<(), DataError> {
    let wanted = match (options.task, options.label_threshold) {
        (_, Some(_)) => "a label threshold needs numbers",
        (Task::Values, _) => "the task is given as values",
        _ => return Ok(()),
    };
    let example = example.map_or("", String::as_str);
    Err(DataError::option(
        file,
        format!(
            "{wanted}, but the labels are names such as {example:?}; choose a numeric label or classes"
        ),
    ))
}

/// Ascending distinct numbers; negative zero counts as zero.
fn distinct_sorted(numbers: &[f64]) -> Vec<f64> {
    let mut distinct: Vec<f64> = numbers.iter().map(|value| value + 0.0).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup_by(|left, right| left.total_cmp(right).is_eq());
    distinct
}

fn look_like_classes(distinct: &[f64], n_rows: usize) -> bool {
    const FEW: usize = 10;
    const MANY: usize = 1000;
    let whole = distinct.iter().all(|value| value.fract() == 0.0);
    let repeated = distinct.len() <= MANY && distinct.len() * 10 <= n_rows;
    whole && (distinct.len() <= FEW || repeated)
}

/// Codes into the sorted values, unused ones left out. Names that are all numbers are sorted as numbers.
fn sorted_codes(texts: TextCodes) -> (Vec<u32>, Vec<String>) {
    let mut used = vec![false; texts.values.len()];
    for &code in &texts.codes {
        used[code as usize] = true;
    }
    let mut order: Vec<(&str, usize)> = (0..used.len())
        .filter(|&code| used[code])
        .map(|code| (texts.values[code].as_str(), code))
        .collect();
    sort_names(&mut order, |(name, _)| name);
    let mut place = vec![0; texts.values.len()];
    for (new, &(_, old)) in order.iter().enumerate() {
        place[old] = new as u32;
    }
    let indices = texts.codes.iter().map(|&code| place[code as usize]).collect();
    let names = order.iter().map(|&(name, _)| name.to_string()).collect();
    (indices, names)
}

/// Sorts by name, or by number when every name is a number.
pub(crate) fn sort_names<T>(items: &mut [T], name_of: impl Fn(&T) -> &str) {
    let numeric = items.iter().all(|item| name_of(item).parse::<f64>().is_ok());
    items.sort_by(|left, right| {
        let (left, right) = (name_of(left), name_of(right));
        let by_number = match (left.parse::<f64>(), right.parse::<f64>()) {
            (Ok(left), Ok(right)) if numeric => left.total_cmp(&right),
            _ => std::cmp::Ordering::Equal,
        };
        by_number.then_with(|| left.cmp(right))
    });
}

/// Gives all parts of one source the same classes and strata values, in the same order.
pub(crate) fn unify(file: &Path, parts: &mut [&mut Dataset]) -> Result<(), DataError> {
    let n_classification = parts.iter().filter(|part| part.class_labels().is_some()).count();
    if n_classification != 0 && n_classification != parts.len() {
        return Err(DataError::option(
            file,
            "the labels look like classes in one part and like values in another; say which task it is",
        ));
    }
    if n_classification > 0 {
        let lists = parts.iter_mut().filter_map(|part| match &mut part.target {
            Target::Classes(labels) => Some((&mut labels.indices, &mut labels.names)),
            Target::Values(_) => None,
        });
        unify_codes(lists.collect());
    }
    let n_strata = parts.iter().map(|part| part.strata.len()).min().unwrap_or(0);
    for k in 0..n_strata {
        let lists = parts.iter_mut().map(|part| {
            let stratum = &mut part.strata[k];
            (&mut stratum.indices, &mut stratum.values)
        });
        unify_codes(lists.collect());
    }
    Ok(())
}

fn unify_codes(mut lists: Vec<(&mut Vec<u32>, &mut Vec<String>)>) {
    let all_equal = lists.windows(2).all(|pair| pair[0].1 == pair[1].1);
    if all_equal {
        return;
    }
    let mut names: Vec<String> =
        lists.iter().flat_map(|(_, names)| names.iter().cloned()).collect();
    sort_names(&mut names, String::as_str);
    names.dedup();
    for (indices, old) in &mut lists {
        let place = |name: &String| names.iter().position(|other| other == name);
        let places: Vec<u32> =
            old.iter().map(|name| place(name).map_or(u32::MAX, |index| index as u32)).collect();
        for index in indices.iter_mut() {
            *index = places[*index as usize];
        }
        **old = names.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(labels: RawLabels, options: &ReadOptions) -> Target {
        labels.into_target(Path::new("f"), options).unwrap()
    }

    #[test]
    fn names_that_are_numbers_are_sorted_as_numbers() {
        let texts = ["10", "9", "10", "2"].map(String::from).into_iter().collect();
        let Target::Classes(labels) = target(RawLabels::Texts(texts), &ReadOptions::default())
        else {
            panic!("texts are classes")
        };
        assert_eq!(labels.names, ["2", "9", "10"]);
        assert_eq!(labels.indices, [2, 1, 2, 0]);
    }

    #[test]
    fn a_threshold_makes_two_classes_and_includes_the_threshold_itself() {
        let options = ReadOptions { label_threshold: Some(0.5), ..ReadOptions::default() };
        let labels = RawLabels::Numbers(vec![0.0, 0.5, 0.3, 1.0]);
        let Target::Classes(labels) = target(labels, &options) else { panic!("classes") };
        assert_eq!(labels.names, ["<0.5", ">=0.5"]);
        assert_eq!(labels.indices, [0, 1, 0, 1]);
    }

    #[test]
    fn fractions_are_values_and_few_whole_numbers_are_classes() {
        let auto = ReadOptions::default();
        assert!(matches!(target(RawLabels::Numbers(vec![0.5, 1.0]), &auto), Target::Values(_)));
        let Target::Classes(labels) = target(RawLabels::Numbers(vec![3.0, -0.0, 3.0, 0.0]), &auto)
        else {
            panic!("classes")
        };
        assert_eq!(labels.names, ["0", "3"]);
        assert_eq!(labels.indices, [1, 0, 1, 0]);
        let many = RawLabels::Numbers((0..50).map(f64::from).collect());
        assert!(matches!(target(many, &auto), Target::Values(_)));
    }
}
