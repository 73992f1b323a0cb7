//! Sizes of the pieces that symmetric matrices are worked on in.
//!
//! Only lower triangles are stored. The borders of tiles depend on the shapes alone, so that the numbers are the same on
//! any number of threads.

/// Columns and rows of a tile. A few fit the second cache; higher ones, of the same area, were slower.
pub(super) const TILE_COLS: usize = 256;
pub(super) const TILE_ROWS: usize = 128;
/// Tiles on the diagonal are halved down to squares of at most so many rows, which are worked on whole: what is above the
/// diagonal means nothing.
pub(super) const BLOCK: usize = 64;

/// The first of two halves of `n`, a multiple of `piece`; `None` when there is one piece only.
pub(super) fn half(n: usize, piece: usize) -> Option<usize> {
    (n > piece).then(|| n.div_ceil(piece).div_ceil(2) * piece)
}
