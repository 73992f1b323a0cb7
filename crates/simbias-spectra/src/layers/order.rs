//! The order of layers in the network, as far as names show it: writers sort names by letters, which puts block 10
//! before block 2.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Layer;

/// Sorts layers that were stored in the order of letters by the numbers inside names, and blocks by their numbers. Any
/// other order is taken as that of the network and kept.
pub(super) fn in_network_order(layers: Vec<Layer>) -> Vec<Layer> {
    let mut layers = layers;
    // Parts of one tensor stay in their own order.
    let stored = |layer: &Layer| layer.tensors.first().cloned().unwrap_or_default();
    if layers.is_sorted_by_key(stored) {
        layers.sort_by(|left, right| by_numbers(&stored(left), &stored(right)));
    }
    // Blocks of one kind share their places among themselves.
    let mut places: BTreeMap<String, Vec<(usize, u64)>> = BTreeMap::new();
    for (place, layer) in layers.iter().enumerate() {
        if let Some((kind, number)) = layer.block.as_deref().and_then(numbered) {
            places.entry(kind.into()).or_default().push((place, number));
        }
    }
    let mut order: Vec<usize> = (0..layers.len()).collect();
    for members in places.into_values() {
        let mut sorted = members.clone();
        sorted.sort_by_key(|&(_, number)| number);
        for ((target, _), (source, _)) in members.into_iter().zip(sorted) {
            order[target] = source;
        }
    }
    let mut layers: Vec<Option<Layer>> = layers.into_iter().map(Some).collect();
    order.into_iter().filter_map(|source| layers[source].take()).collect()
}

/// A block's name without its number, and the number.
fn numbered(block: &str) -> Option<(&str, u64)> {
    let end = block.trim_end_matches(|letter: char| letter.is_ascii_digit());
    Some((end, block[end.len()..].parse().ok()?))
}

/// Compares texts letter by letter, and runs of digits as numbers.
fn by_numbers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let (own, other) = (next_part(&mut left), next_part(&mut right));
        let ordering = match is_number(own) && is_number(other) {
            true => {
                let (own, other) = (own.trim_start_matches('0'), other.trim_start_matches('0'));
                own.len().cmp(&other.len()).then_with(|| own.cmp(other))
            }
            false => own.cmp(other),
        };
        if ordering.is_ne() || own.is_empty() {
            return ordering;
        }
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
}

/// Takes a run of digits or of other letters off `text`.
fn next_part<'a>(text: &mut &'a str) -> &'a str {
    let of_digits = is_number(text);
    let end = text.find(|letter: char| letter.is_ascii_digit() != of_digits).unwrap_or(text.len());
    let (part, rest) = text.split_at(end);
    *text = rest;
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_and_letters_stay() {
        let long = "b.10000000000000000000000.w";
        let mut names = [long, "b.10.w", "b.2.w", "a.1", "b.2.v10", "b.2.v9", "b", "b.02.w"];
        names.sort_by(|left, right| by_numbers(left, right));
        assert_eq!(names, ["a.1", "b", "b.2.v9", "b.2.v10", "b.2.w", "b.02.w", "b.10.w", long]);
        assert_eq!(numbered("model.layers.12"), Some(("model.layers.", 12)));
        assert_eq!(numbered("model.layers"), None);
    }
}
