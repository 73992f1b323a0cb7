//! The rectangles that a map may look at.

use std::ops::Range;

use simbias_data::ImageShape;

/// Rectangles along each side of the coarse grid.
const COARSE: usize = 4;
/// Divisions of a rectangle of the coarse grid, at most.
const MOST_DIVISIONS: usize = 3;
/// Least side of a part, in pixels.
const LEAST_SIDE: usize = 2;
/// Parts of a divided rectangle.
const PARTS: usize = 4;

/// A rectangle of pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

impl Rectangle {
    /// Its coordinates in a flat row, over all channels.
    pub(super) fn pixels(&self, shape: ImageShape) -> impl Iterator<Item = usize> + '_ {
        (0..shape.channels).flat_map(move |channel| {
            self.rows.clone().flat_map(move |row| {
                self.columns.clone().map(move |column| shape.column(channel, row, column))
            })
        })
    }

    /// Its name in a journal.
    pub(super) fn key(&self) -> String {
        let Self { rows, columns } = self;
        format!("rows {}-{} columns {}-{}", rows.start, rows.end, columns.start, columns.end)
    }

    /// Where it lies, in words.
    pub(super) fn place(&self, shape: ImageShape) -> String {
        // The third of the image in which the middle lies, and whether the rectangle touches that side.
        let third = |range: &Range<usize>, length: usize| {
            (3 * (range.start + range.end) / (2 * length.max(1))).min(2)
        };
        let touches = |range: &Range<usize>, length: usize| range.start == 0 || range.end == length;
        let vertical = third(&self.rows, shape.height);
        let horizontal = third(&self.columns, shape.width);
        let at_border = (touches(&self.rows, shape.height), touches(&self.columns, shape.width));
        let (up, across) =
            (["upper", "middle", "lower"][vertical], ["left", "middle", "right"][horizontal]);
        match (vertical, horizontal, at_border) {
            (1, 1, _) => "centre".into(),
            (0 | 2, 0 | 2, (true, true)) => format!("{up} {across} corner"),
            (0 | 2, 0 | 2, _) => format!("{up} {across}"),
            (1, _, (_, true)) => format!("{across} edge"),
            (1, _, _) => format!("{across} of the middle"),
            (_, _, (true, _)) => format!("{up} edge"),
            (_, _, _) => format!("{up} middle"),
        }
    }

    /// Both sides in halves, where the halves are large enough.
    fn divided(&self) -> Vec<Self> {
        let halves = |range: &Range<usize>| {
            if range.len() < 2 * LEAST_SIDE {
                return vec![range.clone()];
            }
            let middle = range.start + range.len() / 2;
            vec![range.start..middle, middle..range.end]
        };
        let columns = halves(&self.columns);
        let mut parts = Vec::new();
        for rows in halves(&self.rows) {
            parts.extend(
                columns.iter().map(|columns| Self { rows: rows.clone(), columns: columns.clone() }),
            );
        }
        parts
    }
}

/// All rectangles that a map of a given size may come to.
pub(super) struct Tree {
    coarse: Vec<Rectangle>,
    /// Rectangles of every depth, the coarse grid first.
    n_of_depth: Vec<usize>,
    most_cells: usize,
}

impl Tree {
    /// The tree over images of `shape` for a map of at most `most_cells` cells.
    pub(super) fn new(shape: ImageShape, most_cells: usize) -> Self {
        let side = COARSE.min(most_cells.isqrt()).max(1);
        let cut = |length: usize| -> Vec<Range<usize>> {
            let n = side.min(length);
            (0..n).map(|part| part * length / n..(part + 1) * length / n).collect()
        };
        let columns = cut(shape.width);
        let mut coarse = Vec::new();
        for rows in cut(shape.height) {
            coarse.extend(
                columns
                    .iter()
                    .map(|columns| Rectangle { rows: rows.clone(), columns: columns.clone() }),
            );
        }
        let n_divisions = (most_cells.saturating_sub(coarse.len()) / PARTS).min(MOST_DIVISIONS);
        let mut n_of_depth = vec![coarse.len()];
        let mut of_depth = coarse.clone();
        for _ in 0..n_divisions {
            let parts: Vec<Vec<Rectangle>> = of_depth.iter().map(Rectangle::divided).collect();
            of_depth = parts.into_iter().filter(|parts| parts.len() > 1).flatten().collect();
            if of_depth.is_empty() {
                break;
            }
            n_of_depth.push(of_depth.len());
        }
        let most_cells = most_cells.max(coarse.len());
        Self { coarse, n_of_depth, most_cells }
    }

    /// The rectangles that are measured first.
    pub(super) fn coarse(&self) -> impl Iterator<Item = Rectangle> + '_ {
        self.coarse.iter().cloned()
    }

    /// Parts of a rectangle; itself alone if it is too small.
    pub(super) fn divided(&self, rectangle: &Rectangle) -> Vec<Rectangle> {
        rectangle.divided()
    }

    /// Number of depths, the coarse grid included.
    pub(super) fn n_depths(&self) -> usize {
        self.n_of_depth.len()
    }

    /// Rectangles of all depths.
    pub(super) fn n_candidates(&self) -> usize {
        self.n_of_depth.iter().sum()
    }

    /// Most rectangles that are measured.
    pub(super) fn most_cells(&self) -> usize {
        self.most_cells
    }

    /// Coverage of the interval of one rectangle of a depth, so that all of the tree hold together at `level`.
    pub(super) fn level(&self, depth: usize, level: f64) -> f64 {
        let n_tests = self.n_depths() * self.n_of_depth.get(depth).copied().unwrap_or(1);
        1.0 - (1.0 - level) / n_tests as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGIT: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

    #[test]
    fn all_rectangles_together_keep_the_level() {
        let tree = Tree::new(DIGIT, 48);
        // 7×7 pixels, then 3 or 4, then 2 from those of 4.
        assert_eq!(tree.n_depths(), 3);
        let errors: f64 = (0..tree.n_depths())
            .map(|depth| tree.n_of_depth[depth] as f64 * (1.0 - tree.level(depth, 0.95)))
            .sum();
        assert!((errors - 0.05).abs() < 1e-9, "{errors}");
        assert_eq!(Tree::new(DIGIT, 16).n_depths(), 1);
    }

    #[test]
    fn parts_cover_their_rectangle_once() {
        let shape = ImageShape { channels: 3, height: 11, width: 9 };
        let tree = Tree::new(shape, 64);
        let mut rectangles: Vec<Rectangle> = tree.coarse().collect();
        for _ in 0..3 {
            let mut seen = vec![0; shape.n_features()];
            for pixel in rectangles.iter().flat_map(|rectangle| rectangle.pixels(shape)) {
                seen[pixel] += 1;
            }
            assert!(seen.iter().all(|&times| times == 1));
            rectangles = rectangles.iter().flat_map(|rectangle| tree.divided(rectangle)).collect();
        }
    }

    #[test]
    fn places_have_plain_names() {
        let place =
            |rows: Range<usize>, columns: Range<usize>| Rectangle { rows, columns }.place(DIGIT);
        assert_eq!(place(21..28, 21..28), "lower right corner");
        assert_eq!(place(24..26, 24..26), "lower right");
        assert_eq!(place(0..7, 7..14), "upper edge");
        assert_eq!(place(7..14, 0..7), "left edge");
        assert_eq!(place(10..14, 10..14), "centre");
    }
}
