//! Data as a model knows them: the same columns, categories and classes in the same order, matched by name.

use ndarray::Array2;

use crate::layout::SourceColumn;
use crate::{ClassLabels, DataError, Dataset, Layout, Target};

/// Data in the order of another layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Arranged {
    /// The data.
    pub data: Dataset,
    /// Columns of the source that the layout does not have.
    pub left_out: Vec<String>,
    /// Categories of the source that the layout does not have: column, category, number of rows. Such a row has none of
    /// the column's categories.
    pub unknown: Vec<(String, String, usize)>,
    /// Columns and categories that were taken for those of the layout although capital letters or blanks differ.
    pub respelled: Vec<Respelled>,
}

/// A name that differs from the one it was taken for in capital letters or blanks at its ends only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respelled {
    /// What it names, such as `column` or `category of "colour"`.
    pub role: String,
    /// As the data write it.
    pub found: String,
    /// As the model knows it.
    pub known: String,
}

/// Names of data among those that a model knows: the same one, or the only one that differs in capital letters or blanks
/// at its ends, unless the data have that one too.
struct Spelling<'a> {
    found: &'a [&'a str],
    known: &'a [&'a str],
}

impl Spelling<'_> {
    fn place_of(&self, name: &str) -> Option<usize> {
        if let Some(place) = self.known.iter().position(|other| *other == name) {
            return Some(place);
        }
        let is_alike = |other: &&&str| folded(other) == folded(name);
        let mut alike = self.known.iter().enumerate().filter(|(_, other)| is_alike(other));
        let (place, known) = alike.next()?;
        let is_only_one = alike.next().is_none()
            && !self.found.contains(known)
            && self.found.iter().filter(is_alike).count() == 1;
        is_only_one.then_some(place)
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

impl Dataset {
    /// The same rows in the order of `layout`. Columns of tables and their categories are matched by name; a category
    /// that only `layout` has stays empty. Data without names are taken as they are.
    ///
    /// # Errors
    /// [`DataError::Unlike`] for columns that are lacking or of another kind, and for another number of values.
    pub fn arranged_as(&self, layout: &Layout) -> Result<Arranged, DataError> {
        let whole = |data: &Self| Arranged {
            data: Self { layout: layout.clone(), ..data.clone() },
            left_out: Vec::new(),
            unknown: Vec::new(),
            respelled: Vec::new(),
        };
        let (Some(wanted), Some(found)) = (layout.source_columns(), self.layout.source_columns())
        else {
            if layout.n_features() == self.n_features() {
                return Ok(Arranged { data: self.clone(), ..whole(self) });
            }
            return Err(self.unlike(format!(
                "the model takes {} features, the data have {}",
                layout.n_features(),
                self.n_features()
            )));
        };
        if wanted == found {
            return Ok(whole(self));
        }
        let rows = Array2::zeros((self.n_rows(), layout.n_features()));
        let names_found: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
        let names_known: Vec<&str> = wanted.iter().map(|column| column.name.as_str()).collect();
        let spelling = Spelling { found: &names_found, known: &names_known };
        let mut source_of: Vec<Option<&SourceColumn>> = vec![None; wanted.len()];
        let (mut left_out, mut respelled) = (Vec::new(), Vec::new());
        for source in &found {
            match spelling.place_of(&source.name) {
                Some(place) => {
                    source_of[place] = Some(source);
                    respelled.extend(Respelled::new("column", &source.name, names_known[place]));
                }
                None => left_out.push(source.name.clone()),
            }
        }
        let lacking: Vec<&str> = names_known
            .iter()
            .zip(&source_of)
            .filter(|(_, source)| source.is_none())
            .map(|(name, _)| *name)
            .collect();
        if !lacking.is_empty() {
            let noun = if lacking.len() == 1 { "column" } else { "columns" };
            return Err(self.unlike(format!(
                "the model was trained on the {noun} {}, which the data lack; they have {}",
                lacking.join(", "),
                names_found.join(", ")
            )));
        }
        let mut copied = Copied { rows, unknown: Vec::new(), respelled };
        for (column, source) in wanted.iter().zip(source_of) {
            if let Some(source) = source {
                self.copy_column(column, layout, source, &mut copied)?;
            }
        }
        let Copied { rows, unknown, respelled } = copied;
        let data = Self { rows, layout: layout.clone(), ..self.clone() };
        Ok(Arranged { data, left_out, unknown, respelled })
    }

    fn copy_column(
        &self,
        column: &SourceColumn,
        layout: &Layout,
        source: &SourceColumn,
        copied: &mut Copied,
    ) -> Result<(), DataError> {
        let Copied { rows, unknown, respelled } = copied;
        match (&column.categories, &source.categories) {
            (Some(wanted), Some(found)) => {
                let spelling = Spelling { found: &borrowed(found), known: &borrowed(wanted) };
                for (offset, category) in found.iter().enumerate() {
                    let values = self.rows.column(source.columns.start + offset);
                    match spelling.place_of(category) {
                        Some(place) => {
                            rows.column_mut(column.columns.start + place).assign(&values);
                            let role = format!("category of {:?}", column.name);
                            respelled.extend(Respelled::new(role, category, &wanted[place]));
                        }
                        None => {
                            let n_rows = values.iter().filter(|&&value| value != 0.0).count();
                            if n_rows > 0 {
                                unknown.push((column.name.clone(), category.clone(), n_rows));
                            }
                        }
                    }
                }
            }
            // Texts among numbers made categories of all of them once; here there are numbers only.
            (Some(wanted), None) if source.columns.len() == 1 => {
                let numbers: Vec<Option<f32>> =
                    wanted.iter().map(|category| category.parse().ok()).collect();
                for (row, &value) in self.rows.column(source.columns.start).iter().enumerate() {
                    match numbers.iter().position(|&number| number == Some(value)) {
                        Some(place) => rows[[row, column.columns.start + place]] = 1.0,
                        None => {
                            let name = value.to_string();
                            match unknown
                                .iter_mut()
                                .find(|(other, text, _)| *other == column.name && *text == name)
                            {
                                Some((_, _, n_rows)) => *n_rows += 1,
                                None => unknown.push((column.name.clone(), name, 1)),
                            }
                        }
                    }
                }
            }
            (None, Some(found)) => {
                let example = found.first().map_or("", String::as_str);
                return Err(self.unlike(format!(
                    "the model was trained on numbers in the column {:?}, which holds texts such as {example:?}",
                    column.name
                )));
            }
            (wanted, _) => {
                for to in column.columns.clone() {
                    let name = layout.column_name(to);
                    // Inputs are called after their column, which the data may spell otherwise.
                    let spelled = match name.strip_prefix(&column.name) {
                        Some(rest) => format!("{}{rest}", source.name),
                        None => name.clone(),
                    };
                    let mut inputs = source.columns.clone();
                    let from = inputs.find(|&from| self.layout.column_name(from) == spelled);
                    let Some(from) = from.filter(|_| wanted.is_none()) else {
                        return Err(self.unlike(format!(
                            "the model was trained on the input {name:?}, which the column {:?} does not give",
                            column.name
                        )));
                    };
                    rows.column_mut(to).assign(&self.rows.column(from));
                }
            }
        }
        Ok(())
    }

    /// The same rows with the class indices that belong to `classes`; classes without rows stay in the list. Data with
    /// numbers to predict are taken as they are.
    ///
    /// # Errors
    /// [`DataError::Unlike`] for labels that are not among `classes`, and for classes named twice.
    pub fn with_classes(&self, classes: &[String]) -> Result<Self, DataError> {
        let Target::Classes(labels) = &self.target else { return Ok(self.clone()) };
        if let Some(twice) =
            classes.iter().enumerate().find(|(place, name)| classes[..*place].contains(name))
        {
            return Err(self.unlike(format!("the class {:?} is named twice", twice.1)));
        }
        match labels.in_order(classes) {
            Ok(labels) => Ok(Self { target: Target::Classes(labels), ..self.clone() }),
            Err(unknown) => Err(self.unlike(format!(
                "the labels hold {unknown:?}, which is not among the classes {}",
                classes.join(", ")
            ))),
        }
    }

    fn unlike(&self, problem: String) -> DataError {
        DataError::Unlike { name: self.name.clone(), problem }
    }
}

/// Rows on their way into another order.
struct Copied {
    rows: Array2<f32>,
    unknown: Vec<(String, String, usize)>,
    respelled: Vec<Respelled>,
}

impl Respelled {
    /// `None` if both are the same.
    fn new(role: impl Into<String>, found: &str, known: &str) -> Option<Self> {
        (found != known).then(|| Self {
            role: role.into(),
            found: found.into(),
            known: known.into(),
        })
    }
}

impl ClassLabels {
    /// The same labels, with names as `classes` write them where capital letters or blanks at the ends differ; and which
    /// these are.
    pub fn spelled_as(&self, classes: &[String]) -> (Self, Vec<Respelled>) {
        let spelling = Spelling { found: &borrowed(&self.names), known: &borrowed(classes) };
        let mut respelled = Vec::new();
        let names = self.names.iter().map(|name| match spelling.place_of(name) {
            Some(place) => {
                respelled.extend(Respelled::new("class", name, &classes[place]));
                classes[place].clone()
            }
            None => name.clone(),
        });
        (Self { indices: self.indices.clone(), names: names.collect() }, respelled)
    }

    /// The same labels as indices into `classes`, of which some may have no rows. Numbers match however they are written.
    ///
    /// # Errors
    /// The first class with rows that is not among `classes`.
    pub fn in_order(&self, classes: &[String]) -> Result<Self, String> {
        let counts = self.counts();
        let mut places = Vec::with_capacity(self.names.len());
        for (name, count) in self.names.iter().zip(counts) {
            let number = name.parse::<f64>().ok();
            let same_number = |other: &String| number.is_some() && other.parse().ok() == number;
            let place = classes
                .iter()
                .position(|other| other == name)
                .or_else(|| classes.iter().position(same_number));
            match place {
                Some(place) => places.push(place as u32),
                None if count == 0 => places.push(0),
                None => return Err(name.clone()),
            }
        }
        let indices = self.indices.iter().map(|&index| places[index as usize]).collect();
        // The user's own spelling stays where there is one.
        let mut names = classes.to_vec();
        for (name, &place) in self.names.iter().zip(&places) {
            if classes.iter().all(|other| other != name) && self.names.len() <= classes.len() {
                names[place as usize].clone_from(name);
            }
        }
        Ok(Self { indices, names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnGroup, TensorSpec};

    fn table(columns: &[(&str, &[&str])], rows: Array2<f32>) -> Dataset {
        let (mut names, mut groups) = (Vec::new(), Vec::new());
        for (name, categories) in columns {
            let start = names.len();
            match *categories {
                [] => names.push(name.to_string()),
                some => names.extend(some.iter().map(|text| format!("{name}={text}"))),
            }
            groups.push(ColumnGroup { name: name.to_string(), columns: start..names.len() });
        }
        let indices = (0..rows.nrows() as u32).map(|row| row % 2).collect();
        Dataset::new(
            "t",
            rows,
            Layout::table_with_groups(names, groups),
            Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] }),
        )
    }

    #[test]
    fn d12_columns_and_categories_find_their_place_by_name() {
        let known = table(&[("v", &[]), ("colour", &["green", "red"])], Array2::zeros((1, 3)));
        let new = table(
            &[("more", &[]), ("colour", &["green", "violet"]), ("v", &[])],
            ndarray::array![[9.0, 1.0, 0.0, 0.5], [9.0, 0.0, 1.0, -0.5]],
        );
        let arranged = new.arranged_as(&known.layout).unwrap();
        assert_eq!(arranged.data.rows, ndarray::array![[0.5, 1.0, 0.0], [-0.5, 0.0, 0.0]]);
        assert_eq!(arranged.data.layout, known.layout);
        assert_eq!(arranged.left_out, ["more"]);
        assert_eq!(arranged.unknown, [("colour".to_string(), "violet".to_string(), 1)]);
    }

    #[test]
    fn names_that_differ_in_capital_letters_are_found_and_told() {
        let known = table(&[("age", &[]), ("colour", &["green", "red"])], Array2::zeros((1, 3)));
        let new = table(
            &[("Colour", &["Green", "red"]), (" AGE", &[])],
            ndarray::array![[1.0, 0.0, 30.0], [0.0, 1.0, 40.0]],
        );
        let arranged = new.arranged_as(&known.layout).unwrap();
        assert_eq!(arranged.data.rows, ndarray::array![[30.0, 1.0, 0.0], [40.0, 0.0, 1.0]]);
        let told: Vec<(&str, &str)> =
            arranged.respelled.iter().map(|name| (&*name.found, &*name.known)).collect();
        assert_eq!(told, [("Colour", "colour"), (" AGE", "age"), ("Green", "green")]);
        // Two names for one: neither is taken.
        let both =
            table(&[("Age", &[]), ("AGE", &[]), ("colour", &["red"])], Array2::zeros((1, 3)));
        assert!(both.arranged_as(&known.layout).is_err());
        let both =
            table(&[("age", &[]), ("AGE", &[]), ("colour", &["red"])], Array2::zeros((1, 3)));
        assert_eq!(both.arranged_as(&known.layout).unwrap().left_out, ["AGE"]);
    }

    #[test]
    fn classes_that_differ_in_capital_letters_are_found_and_told() {
        let labels = ClassLabels { indices: vec![0, 1], names: vec!["No".into(), "yes ".into()] };
        let (spelled, respelled) = labels.spelled_as(&["yes".into(), "no".into()]);
        assert_eq!(spelled.names, ["no", "yes"]);
        assert_eq!(respelled.len(), 2);
        let labels = ClassLabels { indices: vec![0, 1], names: vec!["No".into(), "no".into()] };
        assert_eq!(labels.spelled_as(&["no".into(), "yes".into()]).0.names, ["No", "no"]);
    }

    #[test]
    fn d12_columns_of_another_kind_are_refused_by_name() {
        let known = table(&[("v", &[]), ("w", &[])], Array2::zeros((1, 2)));
        let texts = table(&[("v", &["a", "b"]), ("w", &[])], Array2::zeros((1, 3)));
        let message = texts.arranged_as(&known.layout).unwrap_err().to_string();
        assert!(message.contains("\"v\"") && message.contains("texts"), "{message}");
        let lacking = table(&[("v", &[])], Array2::zeros((1, 1)));
        let message = lacking.arranged_as(&known.layout).unwrap_err().to_string();
        assert!(message.contains("the column w,"), "{message}");
    }

    #[test]
    fn d12_numbers_find_the_categories_that_they_once_were() {
        let known = table(&[("grade", &["1", "2", "low"])], Array2::zeros((1, 3)));
        let new = table(&[("grade", &[])], ndarray::array![[2.0], [1.0], [3.0]]);
        let arranged = new.arranged_as(&known.layout).unwrap();
        let expected = ndarray::array![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]];
        assert_eq!(arranged.data.rows, expected);
        assert_eq!(arranged.unknown, [("grade".to_string(), "3".to_string(), 1)]);
    }

    #[test]
    fn data_without_names_need_the_same_width() {
        let known = table(&[("v", &[]), ("w", &[])], Array2::zeros((1, 2)));
        let array = Dataset { layout: Layout::array(vec![2]), ..known.clone() };
        assert_eq!(array.arranged_as(&known.layout).unwrap().data, array);
        let layout = Layout::array(vec![3]);
        assert_eq!(layout.tensors(), [TensorSpec { name: "x".into(), shape: vec![3], offset: 0 }]);
        assert!(known.arranged_as(&layout).is_err());
    }

    #[test]
    fn d14_classes_take_the_order_that_is_given() {
        let labels = ClassLabels {
            indices: vec![0, 1, 2],
            names: ["c0", "c10", "c2"].map(String::from).to_vec(),
        };
        let order = ["c0", "c1", "c2", "c10"].map(String::from);
        assert_eq!(labels.in_order(&order).unwrap().indices, [0, 3, 2]);
        assert_eq!(labels.in_order(&order[..3]), Err("c10".into()));
        let numbers =
            ClassLabels { indices: vec![0, 1], names: ["0", "2"].map(String::from).to_vec() };
        let order = ["0.0", "1.0", "2.0"].map(String::from);
        assert_eq!(numbers.in_order(&order).unwrap().indices, [0, 2]);
    }
}
