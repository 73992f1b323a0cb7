//! Names that share a line or a colour.

use std::collections::BTreeMap;

/// The index of each name in order of first appearance.
pub(super) fn order<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> (Vec<&'a str>, BTreeMap<&'a str, usize>) {
    let (mut list, mut index) = (Vec::new(), BTreeMap::new());
    for name in names {
        index.entry(name).or_insert_with(|| {
            list.push(name);
            list.len() - 1
        });
    }
    (list, index)
}
