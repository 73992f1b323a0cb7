//! Labels that do not collide: wrapping, staggering and placing.

use crate::escape;

/// Mean width of a letter in the charts' 12-pixel font.
const LETTER_PX: f64 = 6.6;
/// Height of a line in it.
const LINE_PX: f64 = 15.0;
/// The plotting area of a phone; labels that fit there fit everywhere.
const PHONE_PX: [f64; 2] = [300.0, 320.0];

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

/// `text` for a tick: wrapped, escaped, at most three lines.
pub(crate) fn tick(text: &str, width: usize) -> String {
    let mut lines = wrap(text, width);
    if lines.len() > 3 {
        lines.truncate(3);
        lines[2].push('…');
    }
    let lines: Vec<String> = lines.iter().map(|line| escape::chart(line)).collect();
    lines.join("<br>")
}

/// A storey for each label so that labels of one storey do not touch; `at` are positions in `[0, 1]`.
pub(crate) fn stagger(labels: &[(f64, &str)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| labels[a].0.total_cmp(&labels[b].0));
    let mut storeys = vec![0; labels.len()];
    let mut ends: Vec<f64> = Vec::new();
    for index in order {
        let (at, text) = labels[index];
        let half = text.chars().count() as f64 * LETTER_PX / 2.0 / PHONE_PX[0] + 0.01;
        let storey = ends.iter().position(|&end| end <= at - half).unwrap_or(ends.len());
        if storey == ends.len() {
            ends.push(0.0);
        }
        ends[storey] = at + half;
        storeys[index] = storey;
    }
    storeys
}

/// Where a label may be placed around its point, best first, with the box's offset in label sizes.
const PLACES: [(&str, [f64; 2]); 8] = [
    ("top center", [-0.5, 0.0]),
    ("bottom center", [-0.5, -1.0]),
    ("middle right", [0.0, -0.5]),
    ("middle left", [-1.0, -0.5]),
    ("top right", [0.0, 0.0]),
    ("top left", [-1.0, 0.0]),
    ("bottom right", [0.0, -1.0]),
    ("bottom left", [-1.0, -1.0]),
];

/// A point of a scatter plot as the placing sees it.
pub(crate) struct Anchor<'a> {
    /// Position in `[0, 1]²`.
    pub(crate) at: [f64; 2],
    /// Radius of the dot in pixels.
    pub(crate) radius: f64,
    /// Its label, if in view.
    pub(crate) label: Option<&'a str>,
}

/// The chart library's name of a place for each label, chosen one after the other so that it overlaps
/// the fewest points, earlier labels, `words` and edges.
///
/// `words` are in the plot already, each pushed towards a side in `[0, 1]²`: `[1, 0]` is bottom right.
pub(crate) fn place(anchors: &[Anchor<'_>], words: &[(&str, [f64; 2])]) -> Vec<&'static str> {
    let centre = |anchor: &Anchor<'_>| [anchor.at[0] * PHONE_PX[0], anchor.at[1] * PHONE_PX[1]];
    let dots: Vec<Box2> =
        anchors.iter().map(|anchor| Box2::around(centre(anchor), anchor.radius)).collect();
    let mut labels: Vec<Box2> = words
        .iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|&(text, side)| Box2::pushed_to(text, side))
        .collect();
    let mut places = Vec::with_capacity(anchors.len());
    for anchor in anchors {
        let Some(label) = anchor.label else {
            places.push(PLACES[0].0);
            continue;
        };
        let size = [label.chars().count() as f64 * LETTER_PX, LINE_PX];
        let [x, y] = centre(anchor);
        let candidate = |offset: [f64; 2]| {
            let gap = [offset[0] + 0.5, offset[1] + 0.5].map(|side| side.signum() * anchor.radius);
            let low = [
                x + offset[0] * size[0] + if offset[0] == -0.5 { 0.0 } else { gap[0] },
                y + offset[1] * size[1] + if offset[1] == -0.5 { 0.0 } else { gap[1] },
            ];
            Box2 { low, high: [low[0] + size[0], low[1] + size[1]] }
        };
        let cost = |area: &Box2| {
            let frame = Box2 { low: [0.0, 0.0], high: PHONE_PX };
            let outside = size[0] * size[1] - area.overlap(&frame);
            let hits: f64 = dots.iter().chain(&labels).map(|other| area.overlap(other)).sum();
            hits + 2.0 * outside
        };
        let best = PLACES
            .iter()
            .map(|&(name, offset)| (name, candidate(offset)))
            .min_by(|(_, a), (_, b)| cost(a).total_cmp(&cost(b)))
            .expect("there are eight places");
        places.push(best.0);
        labels.push(best.1);
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
    fn pushed_to(text: &str, side: [f64; 2]) -> Self {
        let size = [text.chars().count() as f64 * LETTER_PX + 12.0, LINE_PX + 8.0];
        let low = [0, 1].map(|axis| side[axis] * (PHONE_PX[axis] - size[axis]));
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
        assert_eq!(stagger(&[(0.5, "chance"), (0.52, "baseline"), (0.95, "full")]), [0, 1, 0]);
    }

    #[test]
    fn neighbours_get_different_places() {
        let anchors = [[0.5, 0.5], [0.52, 0.5]].map(|at| Anchor {
            at,
            radius: 4.0,
            label: Some("a longer label"),
        });
        let places = place(&anchors, &[]);
        assert_ne!(places[0], places[1]);
    }

    #[test]
    fn labels_avoid_named_corners() {
        let anchors = [Anchor { at: [0.15, 0.9], radius: 4.0, label: Some("point") }];
        assert_eq!(place(&anchors, &[]), ["top center"]);
        assert_ne!(place(&anchors, &[("easy and used", [0.0, 1.0])]), ["top center"]);
    }
}
