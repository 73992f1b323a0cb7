//! Columns and classes of data in the order of models.

use std::path::Path;

use simbias_data::{ClassLabels, Dataset, Layout, Respelled, Target};
use simbias_report::Caveat;

use crate::RunError;

/// Names that a sentence lists before it breaks off.
const MOST_NAMES: usize = 12;

/// Data on their way into the order of one or several models.
pub(crate) struct Matched {
    parts: Vec<Dataset>,
    notes: Vec<Caveat>,
    /// The model that decided the order of the columns, and that of the classes.
    columns_of: Option<String>,
    classes_of: Option<String>,
    labels_are_values: bool,
}

impl Matched {
    /// Data as they were read; `labels_are_values` keeps numbers from becoming classes.
    ///
    /// # Panics
    /// Without parts.
    pub(crate) fn new(parts: Vec<Dataset>, labels_are_values: bool) -> Self {
        assert!(!parts.is_empty(), "a model is opened for some data");
        Self { parts, notes: Vec::new(), columns_of: None, classes_of: None, labels_are_values }
    }

    /// The first part; all have the same columns and classes.
    pub(crate) fn data(&self) -> &Dataset {
        &self.parts[0]
    }

    pub(crate) fn note(&mut self, note: Caveat) {
        self.notes.push(note);
    }

    pub(crate) fn finish(self) -> (Vec<Dataset>, Vec<Caveat>) {
        (self.parts, self.notes)
    }

    /// Brings columns and categories into the order of `layout`, which the model at `path` knows.
    pub(crate) fn columns(&mut self, layout: &Layout, path: &Path) -> Result<(), RunError> {
        if let Some(first) = &self.columns_of {
            return match self.data().layout == *layout {
                true => Ok(()),
                false => Err(RunError::ModelsDiffer {
                    first: first.clone(),
                    second: path.display().to_string(),
                    what: "columns or categories",
                }),
            };
        }
        let arranged = self
            .parts
            .iter()
            .map(|part| part.arranged_as(layout))
            .collect::<Result<Vec<_>, _>>()?;
        if !arranged[0].left_out.is_empty() {
            self.notes.push(Caveat::note(
                "columns-left-out",
                format!(
                    "The network was trained without these columns, which are left out: {}.",
                    listed(&arranged[0].left_out)
                ),
            ));
        }
        self.note_spelling(arranged.iter().flat_map(|part| &part.respelled));
        let mut unknown: Vec<(String, String, usize)> = Vec::new();
        for (column, category, n_rows) in arranged.iter().flat_map(|part| &part.unknown) {
            match unknown.iter_mut().find(|(c, k, _)| c == column && k == category) {
                Some((_, _, total)) => *total += n_rows,
                None => unknown.push((column.clone(), category.clone(), *n_rows)),
            }
        }
        if !unknown.is_empty() {
            let told: Vec<String> = unknown
                .iter()
                .map(|(column, category, n_rows)| {
                    let noun = if *n_rows == 1 { "row" } else { "rows" };
                    format!("{column} = {category:?} ({n_rows} {noun})")
                })
                .collect();
            self.notes.push(Caveat::caution(
                "unknown-categories",
                format!(
                    "The network has never seen these categories; such rows are given to it with none of the column's \
                     categories: {}.",
                    listed(&told)
                ),
            ));
        }
        self.parts = arranged.into_iter().map(|part| part.data).collect();
        self.columns_of = Some(path.display().to_string());
        Ok(())
    }

    /// Says which names were taken for others.
    fn note_spelling<'r>(&mut self, respelled: impl Iterator<Item = &'r Respelled>) {
        let mut told: Vec<String> = Vec::new();
        for Respelled { role, found, known } in respelled {
            let words = format!("{role} {found:?} for {known:?}");
            if !told.contains(&words) {
                told.push(words);
            }
        }
        if !told.is_empty() {
            self.notes.push(Caveat::caution(
                "spelling",
                format!(
                    "The model writes these names with other capital letters or blanks; they were taken for the same: {}.",
                    listed(&told)
                ),
            ));
        }
    }

    /// The parts with the names of their classes as `classes` writes them, and which names changed.
    fn spelled_as(&self, classes: &[String]) -> (Vec<Dataset>, Vec<Respelled>) {
        let mut all_respelled = Vec::new();
        let parts = self.parts.iter().map(|part| {
            let Some(labels) = part.class_labels() else { return part.clone() };
            let (labels, respelled) = labels.spelled_as(classes);
            all_respelled.extend(respelled);
            Dataset { target: Target::Classes(labels), ..part.clone() }
        });
        (parts.collect(), all_respelled)
    }

    /// Whether the labels are numbers and stay numbers.
    fn has_values(&self) -> bool {
        self.labels_are_values && self.data().class_labels().is_none()
    }

    /// Brings the classes into the order of a model that knows them by name.
    ///
    /// # Errors
    /// Labels that the model does not know.
    pub(crate) fn classes(&mut self, classes: &[String], path: &Path) -> Result<(), RunError> {
        if self.has_values() {
            return Ok(());
        }
        let (parts, respelled) = self.spelled_as(classes);
        let ordered = parts
            .iter()
            .map(|part| with_classes(part, classes).unwrap_or_else(|| part.with_classes(classes)))
            .collect::<Result<Vec<_>, _>>()?;
        self.note_spelling(respelled.iter());
        self.order_as(ordered, path)
    }

    /// Brings the classes into the order that a file tells, if the labels are among them. Otherwise labels that are whole
    /// numbers below the number of outputs are the outputs' indices, if there are fewer labels than outputs. As many
    /// classes as labels, of which one side only counts from 0, are taken in their order, with a caution.
    ///
    /// # Errors
    /// [`RunError::OtherClasses`] for other classes than those of the labels.
    pub(crate) fn classes_if_they_fit(
        &mut self,
        classes: Option<&[String]>,
        n_outputs: usize,
        path: &Path,
    ) -> Result<(), RunError> {
        if self.has_values() {
            return Ok(());
        }
        let all = |classes: &[String]| -> Option<Vec<Dataset>> {
            let one = |part| with_classes(part, classes).and_then(Result::ok);
            self.parts.iter().map(one).collect()
        };
        let counted = || {
            let labels = self.data().class_labels();
            let lacks_some = labels.is_none_or(|labels| labels.n_classes() < n_outputs);
            let indices: Vec<String> = (0..n_outputs).map(|index| index.to_string()).collect();
            (n_outputs > 1 && lacks_some).then(|| all(&indices)).flatten()
        };
        let Some(classes) = classes else {
            return match counted() {
                Some(ordered) => self.order_as(ordered, path),
                None => Ok(()),
            };
        };
        let (parts, respelled) = self.spelled_as(classes);
        let one = |part| with_classes(part, classes).and_then(Result::ok);
        if let Some(ordered) = parts.iter().map(one).collect() {
            self.note_spelling(respelled.iter());
            return self.order_as(ordered, path);
        }
        let Some(labels) = self.data().class_labels() else { return Ok(()) };
        let found: Vec<String> = used(labels).cloned().collect();
        let other_classes = || RunError::OtherClasses {
            model: path.into(),
            classes: classes.to_vec(),
            labels: found.clone(),
        };
        let ordered = match counted() {
            Some(ordered) => Some(ordered),
            None if classes.len() != found.len() => return Err(other_classes()),
            None if only_count(classes) || only_count(&found) => None,
            None => return Err(other_classes()),
        };
        let class_of = |place: usize, label: &String| match &ordered {
            // The labels are indices.
            Some(_) => label.parse().ok().and_then(|index: usize| classes.get(index)),
            None => classes.get(place),
        };
        let pairs: Vec<String> = found
            .iter()
            .enumerate()
            .filter_map(|(place, label)| Some(format!("{} = {label}", class_of(place, label)?)))
            .collect();
        self.notes.push(Caveat::caution(
            "class-names",
            format!(
                "The model calls its classes {}, the labels are {}. They were taken in this order: {}. If that is wrong, \
                 name the labels in the order of the model's outputs.",
                listed(classes),
                listed(&found),
                listed(&pairs)
            ),
        ));
        match ordered {
            Some(ordered) => self.order_as(ordered, path),
            None => Ok(()),
        }
    }

    fn order_as(&mut self, ordered: Vec<Dataset>, path: &Path) -> Result<(), RunError> {
        let names = |data: &Dataset| data.class_labels().map(|labels| labels.names.clone());
        let before = names(self.data());
        let after = names(&ordered[0]);
        if let Some(first) = self.classes_of.clone() {
            return match before == after {
                true => Ok(()),
                false => Err(RunError::ModelsDiffer {
                    first,
                    second: path.display().to_string(),
                    what: "classes",
                }),
            };
        }
        self.classes_of = Some(path.display().to_string());
        if let Some(labels) = ordered[0].class_labels().filter(|_| before != after) {
            let present: Vec<&String> = used(labels).collect();
            let earlier: Vec<&String> =
                self.data().class_labels().map(used).into_iter().flatten().collect();
            if present != earlier {
                self.notes.push(Caveat::note(
                    "classes-ordered",
                    format!(
                        "The classes are in the order that the model's file tells: {}.",
                        listed(&labels.names)
                    ),
                ));
            }
            let total = |class: usize| -> usize {
                ordered.iter().filter_map(|part| Some(part.class_labels()?.counts()[class])).sum()
            };
            let absent: Vec<String> = labels
                .names
                .iter()
                .enumerate()
                .filter(|(class, _)| total(*class) == 0)
                .map(|(_, name)| name.clone())
                .collect();
            if !absent.is_empty() {
                self.notes.push(Caveat::note(
                    "absent-classes",
                    format!(
                        "These data have no rows of the classes {}. The model's outputs for them stay in the scores; \
                         metrics are over the classes with rows.",
                        listed(&absent)
                    ),
                ));
            }
        }
        self.parts = ordered;
        Ok(())
    }
}

/// Whether the names are 0, 1, 2 and so on, which name no class.
fn only_count(names: &[String]) -> bool {
    names.iter().enumerate().all(|(index, name)| name.parse::<f64>() == Ok(index as f64))
}

/// Names of the classes with rows, in index order.
fn used(labels: &ClassLabels) -> impl Iterator<Item = &String> {
    let counts = labels.counts();
    labels.names.iter().zip(counts).filter(|(_, count)| *count > 0).map(|(name, _)| name)
}

/// `data` with its labels in the order of `classes`; whole numbers that were taken for values become classes. `None` for
/// other values.
fn with_classes(
    data: &Dataset,
    classes: &[String],
) -> Option<Result<Dataset, simbias_data::DataError>> {
    let Target::Values(values) = &data.target else { return Some(data.with_classes(classes)) };
    if classes.len() < 2 || values.iter().any(|value| value.fract() != 0.0) {
        return None;
    }
    let mut distinct = values.clone();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    let indices =
        values.iter().map(|value| distinct.partition_point(|other| other < value) as u32).collect();
    let names = distinct.iter().map(f64::to_string).collect();
    let target = Target::Classes(ClassLabels { indices, names });
    Some(Dataset { target, ..data.clone() }.with_classes(classes))
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
