//! Turns raw labels into a target: which classes there are, or which values.

use std::{collections::BTreeMap, path::Path};

use simbias_report::Caveat;

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

    /// The options under which these labels, which count classes in their format, are not asked about.
    pub(crate) fn as_codes(&self, options: &ReadOptions) -> ReadOptions {
        let task = match self {
            Self::Numbers(numbers) if options.task == Task::Auto => {
                match guess(&distinct_sorted(numbers), numbers) {
                    Guess::Values => Task::Auto,
                    Guess::Classes | Guess::Unclear => Task::Classes,
                }
            }
            _ => options.task,
        };
        ReadOptions { task, ..options.clone() }
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

    /// Decides between classes and values as `options` say. Under [`Task::Auto`] what may be either is classes; call
    /// [`task_of`] before to ask instead.
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
            Task::Auto => options.classes.is_some() || guess(&distinct, &numbers) != Guess::Values,
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

/// What numbers as labels look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    Classes,
    Values,
    /// Both are plausible.
    Unclear,
}

/// At most this many distinct whole numbers are classes.
const FEW_CLASSES: usize = 10;

fn guess(distinct: &[f64], numbers: &[f64]) -> Guess {
    const MANY: usize = 1000;
    let n_distinct = distinct.len();
    let is_whole = distinct.iter().all(|value| value.fract() == 0.0);
    let is_repeated = n_distinct <= MANY && n_distinct * 10 <= numbers.len();
    match (is_whole, n_distinct <= FEW_CLASSES, is_repeated) {
        (false, _, _) => Guess::Values,
        (true, true, _) => Guess::Classes,
        (true, false, false) => Guess::Values,
        (true, false, true) if are_codes(distinct, numbers, UNEVEN) => Guess::Classes,
        (true, false, true) => Guess::Unclear,
    }
}

/// How many times as frequent as the average the most frequent of many classes may be; of few, for which a remark is
/// enough.
const UNEVEN: usize = 5;
const UNEVEN_FEW: usize = 2;

/// Whether whole numbers count classes: from 0 or 1 without gaps, none more than `uneven` times as frequent as the
/// average. Counts of events have a few frequent values and a long tail instead.
fn are_codes(distinct: &[f64], numbers: &[f64], uneven: usize) -> bool {
    let first = distinct.first().copied().unwrap_or_default();
    let is_gapless = (first == 0.0 || first == 1.0)
        && distinct.iter().enumerate().all(|(place, value)| *value == first + place as f64);
    let mut counts = vec![0_usize; distinct.len()];
    for value in numbers {
        let place = distinct.partition_point(|other| other < value).min(distinct.len() - 1);
        counts[place] += 1;
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    is_gapless && most * distinct.len() <= uneven * numbers.len()
}

/// The task of all parts of a source together, decided if the options leave it open.
///
/// # Errors
/// [`DataError::ClassesOrValues`] for whole numbers that may be either.
pub(crate) fn task_of(
    parts: &[&RawLabels],
    file: &Path,
    options: &ReadOptions,
    notes: &mut Vec<Caveat>,
) -> Result<Task, DataError> {
    let mut numbers: Vec<f64> = Vec::new();
    for part in parts {
        match part {
            RawLabels::Numbers(values) => {
                numbers.extend(values.iter().filter(|value| value.is_finite()));
            }
            RawLabels::Texts(_) | RawLabels::Named(_) => return Ok(options.task),
        }
    }
    if options.task == Task::Auto && options.classes.is_some() {
        return Ok(Task::Classes);
    }
    if options.task != Task::Auto || options.label_threshold.is_some() || numbers.is_empty() {
        return Ok(options.task);
    }
    let distinct = distinct_sorted(&numbers);
    let (lowest, highest) = (distinct[0], distinct[distinct.len() - 1]);
    let n_distinct = distinct.len();
    match guess(&distinct, &numbers) {
        Guess::Unclear => {
            Err(DataError::ClassesOrValues { file: file.into(), n_distinct, lowest, highest })
        }
        Guess::Values => {
            if distinct.iter().all(|value| value.fract() == 0.0) {
                notes.push(Caveat::note(
                    "task",
                    format!(
                        "The labels are {n_distinct} different whole numbers, {lowest} to {highest}, and were read as \
                         values to predict. Say that they are classes if they are."
                    ),
                ));
            }
            Ok(Task::Values)
        }
        Guess::Classes => {
            if n_distinct > FEW_CLASSES
                || (n_distinct > 2 && !are_codes(&distinct, &numbers, UNEVEN_FEW))
            {
                notes.push(Caveat::note(
                    "task",
                    format!(
                        "The labels are {n_distinct} different whole numbers, {lowest} to {highest}, and were read as \
                         classes. Say that they are values if they count or measure something."
                    ),
                ));
            }
            Ok(Task::Classes)
        }
    }
}

/// Numbers of a weight column: finite, not negative, not all zero.
pub(crate) fn row_weights(file: &Path, name: &str, raw: &RawLabels) -> Result<Vec<f32>, DataError> {
    let refused = |problem: String| {
        Err(DataError::option(file, format!("the weights in {name:?} {problem}")))
    };
    let RawLabels::Numbers(numbers) = raw else {
        return refused("are no numbers; choose a column of numbers".into());
    };
    let is_weight = |value: &f64| *value >= 0.0 && (*value as f32).is_finite();
    if let Some(row) = numbers.iter().position(|value| !is_weight(value)) {
        let found = if numbers[row].is_nan() { "missing".into() } else { numbers[row].to_string() };
        return refused(format!(
            "must be finite and not negative, but one is {found} (row {} of those read)",
            row + 1
        ));
    }
    if numbers.iter().all(|&value| value == 0.0) {
        return refused("are all 0; at least one row must count".into());
    }
    Ok(numbers.iter().map(|&value| value as f32).collect())
}

/// What weights do and do not do.
pub(crate) fn weights_note() -> Caveat {
    Caveat::note(
        "weights",
        "The weights of the rows count in the training of a network by `train` only. Metrics, audits and reliance runs \
         count every row once; the column of weights is not an input.",
    )
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
