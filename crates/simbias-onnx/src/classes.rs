//! The class names that a file gives, in the order of its scores.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorProto};

use crate::file::{ModelFile, attribute, numbers_of};

/// Names of the classes in the order of the scores' columns, where the file tells it: the keys of a `ZipMap`, the
/// labels of a classifier, the table from which a graph takes its labels, or metadata.
///
/// `file` is the whole graph, before it was reduced to the scores.
pub(crate) fn of_file(file: &ModelFile) -> Option<Vec<String>> {
    let nodes = &file.graph.node;
    let of_kind = |kind: fn(&NodeProto) -> bool| nodes.iter().filter(move |node| kind(node));
    let zip_map = of_kind(|node| node.op_type == "ZipMap").find_map(labels_of);
    let table = || {
        of_kind(|node| node.op_type == "ArrayFeatureExtractor")
            .find_map(|node| label_table(file, node))
    };
    // The labels of a node inside an ensemble, such as a vote of forests, are those of the whole.
    let classifier = || of_kind(|node| node.op_type.ends_with("Classifier")).find_map(labels_of);
    zip_map.or_else(|| of_metadata(&file.proto)).or_else(table).or_else(classifier)
}

/// Labels in the attributes of a node.
fn labels_of(node: &NodeProto) -> Option<Vec<String>> {
    let texts = |list: &AttributeProto| -> Option<Vec<String>> {
        list.strings.iter().map(|text| String::from_utf8(text.clone()).ok()).collect()
    };
    let numbers = |list: &AttributeProto| list.ints.iter().map(i64::to_string).collect::<Vec<_>>();
    let found = attribute(node, "classlabels_strings").and_then(texts).filter(|l| !l.is_empty());
    let numbers = || {
        ["classlabels_int64s", "classlabels_ints"]
            .iter()
            .find_map(|name| attribute(node, name))
            .map(numbers)
    };
    found.or_else(numbers).filter(|labels| !labels.is_empty())
}

/// The table out of which a graph picks the label of the highest score.
fn label_table(file: &ModelFile, node: &NodeProto) -> Option<Vec<String>> {
    let [table, index] = &node.input[..] else { return None };
    let (_, source) = file.producer(index)?;
    if source.op_type != "ArgMax" {
        return None;
    }
    let table = file.initializer(table)?;
    match DataType::try_from(table.data_type).ok()? {
        DataType::String => texts_of(table),
        _ => Some(numbers_of(table)?.iter().map(f64::to_string).collect()),
    }
}

fn texts_of(tensor: &TensorProto) -> Option<Vec<String>> {
    tensor.string_data.iter().map(|text| String::from_utf8(text.clone()).ok()).collect()
}

/// Names in the metadata under a usual key: a list, or an object or Python dictionary from index to name.
fn of_metadata(proto: &ModelProto) -> Option<Vec<String>> {
    const KEYS: [&str; 7] =
        ["classes", "class_names", "classnames", "labels", "class_labels", "id2label", "names"];
    let entry = proto
        .metadata_props
        .iter()
        .find(|entry| KEYS.contains(&&*entry.key.to_ascii_lowercase()))?;
    let text = entry.value.trim();
    let names = match text.chars().next()? {
        '[' | '(' => items(&text[1..])?,
        '{' => {
            let mut names: Vec<(usize, String)> = Vec::new();
            let pairs = items(&text[1..])?;
            for pair in pairs.chunks(2) {
                let [index, name] = pair else { return None };
                names.push((index.trim().parse().ok()?, name.clone()));
            }
            names.sort();
            let counts = names.iter().enumerate().all(|(place, (index, _))| place == *index);
            if !counts {
                return None;
            }
            names.into_iter().map(|(_, name)| name).collect()
        }
        _ => text.split([',', '\n']).map(|name| name.trim().to_string()).collect(),
    };
    (names.len() > 1 && names.iter().all(|name| !name.is_empty())).then_some(names)
}

/// The values between brackets, of JSON or Python: quoted texts or bare words, separated by commas or colons.
fn items(text: &str) -> Option<Vec<String>> {
    let mut items = Vec::new();
    let mut characters = text.chars();
    let mut current = String::new();
    let mut was_quoted = false;
    loop {
        match characters.next()? {
            quote @ ('"' | '\'') => {
                was_quoted = true;
                loop {
                    match characters.next()? {
                        '\\' => current.push(characters.next()?),
                        character if character == quote => break,
                        character => current.push(character),
                    }
                }
            }
            end @ (',' | ':' | ']' | '}' | ')') => {
                let item = if was_quoted { current.as_str() } else { current.trim() };
                if was_quoted || !item.is_empty() {
                    items.push(item.to_string());
                }
                current.clear();
                was_quoted = false;
                if !matches!(end, ',' | ':') {
                    return Some(items);
                }
            }
            blank if blank.is_whitespace() && (was_quoted || current.is_empty()) => {}
            character => current.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::StringStringEntryProto;

    use super::*;

    fn names(text: &str) -> Option<Vec<String>> {
        let entry = StringStringEntryProto { key: "names".into(), value: text.into() };
        of_metadata(&ModelProto { metadata_props: vec![entry], ..Default::default() })
    }

    proptest::proptest! {
        /// Whatever stands in the metadata, reading it ends in names or in nothing.
        #[test]
        fn any_metadata_are_read_without_panic(text in "[\\[{('\":,\\\\ a0-9é\\]})]{0,40}") {
            let _ = names(&text);
        }
    }

    #[test]
    fn names_in_metadata_are_read_in_any_usual_form() {
        let expected = Some(vec!["cat".to_string(), "dog".into(), "big bird".into()]);
        for text in [
            r#"["cat", "dog", "big bird"]"#,
            "['cat', 'dog', 'big bird']",
            "{0: 'cat', 1: 'dog', 2: 'big bird'}",
            r#"{"1": "dog", "0": "cat", "2": "big bird"}"#,
            "cat,dog, big bird",
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
        for text in ["", "[", "{0: 'a'", "{5: 'a', 6: 'b'}", "one", "['a'"] {
            assert_eq!(names(text), None, "{text}");
        }
    }
}
