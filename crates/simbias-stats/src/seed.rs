//! Randomness with an address: every draw belongs to a named stream under one root seed.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The random number generator behind every named stream.
pub type Stream = ChaCha8Rng;

/// The root of a run's randomness, or a named child of it. Nothing draws from the root directly.
///
/// A child depends on its parent, a purpose and an index only, so adding a block, a repeat or a thread
/// elsewhere moves no other draw.
///
/// ```
/// use simbias_stats::Seed;
/// let donors = Seed::new(7).child("reliance/donors", 0);
/// assert_eq!(donors, Seed::new(7).child("reliance/donors", 0));
/// assert_ne!(donors, Seed::new(7).child("reliance/donors", 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(u64);

impl Seed {
    /// The root seed that a user gives as `--seed`.
    pub const fn new(root: u64) -> Self {
        Self(root)
    }

    /// The number itself, to be written into a run's record.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The seed of `purpose`, number `index`.
    pub fn child(self, purpose: &str, index: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&index.to_le_bytes());
        hasher.update(purpose.as_bytes());
        let mut first = [0_u8; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Self(u64::from_le_bytes(first))
    }

    /// A generator that starts at the beginning of this seed's stream.
    pub fn stream(self) -> Stream {
        ChaCha8Rng::seed_from_u64(self.0)
    }

    /// A uniform permutation of `0..n`.
    pub fn permutation(self, n: usize) -> Vec<u32> {
        assert!(u32::try_from(n).is_ok(), "a permutation of {n} rows does not fit 32-bit indices");
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.shuffle(&mut self.stream());
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Seed::new(3).child("test", 0).permutation(1000);
        assert_ne!(order, (0..1000).collect::<Vec<u32>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<u32>>());
    }

    #[test]
    fn children_differ_by_parent_purpose_and_index() {
        let root = Seed::new(1);
        let all = [
            root.child("a", 0),
            root.child("a", 1),
            root.child("b", 0),
            Seed::new(2).child("a", 0),
            root.child("a", 0).child("a", 0),
        ];
        for (i, left) in all.iter().enumerate() {
            for right in &all[i + 1..] {
                assert_ne!(left, right);
            }
        }
    }
}
