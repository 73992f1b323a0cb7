//! Labels that do not collide: wrapping, staggering and placing.

use unicode_width::UnicodeWidthStr;

/// Mean width of a letter in the charts' 12-pixel font.
pub(crate) const LETTER_PX: f64 = 7.0;
/// Height of a line in it.
pub(crate) const LINE_PX: f64 = 15.0;

/// Estimated width of `text` in the charts' font.
pub(crate) fn width(text: &str) -> f64 {
    text.width() as f64 * LETTER_PX
}

/// `text` shortened to at most `px` pixels, with an ellipsis where something is missing.
pub(crate) fn shortened(text: &str, px: f64) -> String {
    if width(text) <= px {
        return text.into();
    }
    let room = (px / LETTER_PX).floor().max(2.0) as usize - 1;
    let letters: Vec<char> = text.chars().collect();
    // Names of layers differ at their ends as often as at their beginnings.
    let tail = room / 3;
    let head: String = letters[..(room - tail).min(letters.len())].iter().collect();
    let end: String = letters[letters.len() - tail.min(letters.len())..].iter().collect();
    format!("{}…{end}", head.trim_end())
}

/// `text` in lines of at most `width` letters, broken between words, and inside words only where a word
/// is longer than a line. Empty text is one empty line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let used = line.chars().count();
            let free = if used == 0 { width } else { width.saturating_sub(used + 1) };
            if word.len() <= free || (used == 0 && word.len() > width) {
                let taken: String = word.drain(..word.len().min(free.max(1))).collect();
                if used > 0 {
                    line.push(' ');
                }
                line.push_str(&taken);
            } else {
                lines.push(std::mem::take(&mut line));
            }
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// `text` for the name of a row or a column: lines of at most `px` pixels, at most three of them.
pub(crate) fn lines(text: &str, px: f64) -> Vec<String> {
    // A name that takes the whole width stays on its line, whatever the division rounds to.
    let letters = ((px / LETTER_PX + 0.01) as usize).max(4);
    let mut lines = wrap(text, letters);
    if lines.len() > 3 {
        let rest = lines.split_off(2).join(" ");
        lines.push(shortened(&rest, px));
    }
    lines
}

/// A storey for each label so that labels of one storey do not touch; `at` are their middles in pixels.
pub(crate) fn stagger(labels: &[(f64, &str)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| labels[a].0.total_cmp(&labels[b].0));
    let mut storeys = vec![0; labels.len()];
    let mut ends: Vec<f64> = Vec::new();
    for index in order {
        let (at, text) = labels[index];
        let half = width(text) / 2.0 + 4.0;
        let storey = ends.iter().position(|&end| end <= at - half).unwrap_or(ends.len());
        if storey == ends.len() {
            ends.push(f64::NEG_INFINITY);
        }
        ends[storey] = at + half;
        storeys[index] = storey;
    }
    storeys
}

/// Where a label may be placed around its point, best first: the box's offset in label sizes, y upwards.
const PLACES: [[f64; 2]; 8] = [
    [-0.5, 0.0],
    [-0.5, -1.0],
    [0.0, -0.5],
    [-1.0, -0.5],
    [0.0, 0.0],
    [-1.0, 0.0],
    [0.0, -1.0],
    [-1.0, -1.0],
];

/// A point of a scatter plot as the placing sees it.
pub(crate) struct Anchor<'a> {
    /// Position in pixels, y upwards.
    pub(crate) at: [f64; 2],
    /// Radius of the dot in pixels.
    pub(crate) radius: f64,
    /// Its label, if in view.
    pub(crate) label: Option<&'a str>,
}

/// The lower left corner of the box of each label, chosen one after the other so that it overlaps the fewest points,
/// earlier labels, `words` and edges of an area of `size` pixels; `None` for points without a label, and for labels
/// that would cover others wherever they stood.
///
/// `words` are in the plot already, each pushed towards a side in `[0, 1]²`: `[1, 0]` is bottom right.
pub(crate) fn place(
    anchors: &[Anchor<'_>],
    words: &[(&str, [f64; 2])],
    size: [f64; 2],
) -> Vec<Option<[f64; 2]>> {
    let frame = Box2 { low: [0.0, 0.0], high: size };
    let dots: Vec<Box2> =
        anchors.iter().map(|anchor| Box2::around(anchor.at, anchor.radius)).collect();
    let mut labels: Vec<Box2> = words
        .iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|&(text, side)| Box2::pushed_to(text, side, size))
        .collect();
    let mut places = Vec::with_capacity(anchors.len());
    for anchor in anchors {
        let Some(label) = anchor.label else {
            places.push(None);
            continue;
        };
        let size = [width(label), LINE_PX];
        let candidate = |offset: &[f64; 2]| {
            let low = [0, 1].map(|axis| {
                let side = offset[axis] + 0.5;
                let gap = if side == 0.0 { 0.0 } else { side.signum() * anchor.radius };
                anchor.at[axis] + offset[axis] * size[axis] + gap
            });
            Box2 { low, high: [low[0] + size[0], low[1] + size[1]] }
        };
        let area = size[0] * size[1];
        let on_words = |place: &Box2| labels.iter().map(|other| place.overlap(other)).sum::<f64>();
        let cost = |place: &Box2| {
            let hits: f64 = dots.iter().map(|dot| place.overlap(dot)).sum();
            hits + 3.0 * on_words(place) + 2.0 * (area - place.overlap(&frame))
        };
        let best = PLACES
            .iter()
            .map(candidate)
            .min_by(|a, b| cost(a).total_cmp(&cost(b)))
            .filter(|place| on_words(place) < 0.1 * area);
        places.push(best.as_ref().map(|place| place.low));
        labels.extend(best);
    }
    places
}

/// An axis-aligned box in pixels, y upwards.
struct Box2 {
    low: [f64; 2],
    high: [f64; 2],
}

impl Box2 {
    fn around([x, y]: [f64; 2], radius: f64) -> Self {
        Self { low: [x - radius, y - radius], high: [x + radius, y + radius] }
    }

    /// Words pushed to a side, a step away from the edges.
    fn pushed_to(text: &str, side: [f64; 2], area: [f64; 2]) -> Self {
        let size = [width(text) + 12.0, LINE_PX + 8.0];
        let low = [0, 1].map(|axis| side[axis] * (area[axis] - size[axis]));
        Self { low, high: [low[0] + size[0], low[1] + size[1]] }
    }

    fn overlap(&self, other: &Self) -> f64 {
        (0..2)
            .map(|axis| {
                (self.high[axis].min(other.high[axis]) - self.low[axis].max(other.low[axis]))
                    .max(0.0)
            })
            .product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_every_letter() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("  ", 4), [""]);
        assert_eq!(wrap("xx abcdef", 1), ["x", "x", "a", "b", "c", "d", "e", "f"]);
    }

    #[test]
    fn close_labels_climb() {
        let labels = [(150.0, "chance"), (156.0, "baseline"), (290.0, "full")];
        assert_eq!(stagger(&labels), [0, 1, 0]);
    }

    #[test]
    fn shortened_names_keep_both_ends() {
        assert_eq!(shortened("model.layers.11.self_attn.q_proj", 120.0), "model.layer…_proj");
        assert_eq!(shortened("short", 120.0), "short");
    }

    #[test]
    fn neighbours_get_different_places() {
        let anchors = [[150.0, 160.0], [156.0, 160.0]].map(|at| Anchor {
            at,
            radius: 4.0,
            label: Some("a longer label"),
        });
        let places = place(&anchors, &[], [300.0, 320.0]);
        assert_ne!(places[0], places[1]);
    }

    #[test]
    fn labels_avoid_named_corners() {
        let anchors = [Anchor { at: [45.0, 288.0], radius: 4.0, label: Some("point") }];
        let area = [300.0, 320.0];
        let free = place(&anchors, &[], area);
        assert_eq!(free, [Some([45.0 - 0.5 * width("point"), 292.0])]);
        assert_ne!(place(&anchors, &[("easy and used", [0.0, 1.0])], area), free);
    }
}
