//! Where the slabs of a k-slab coordinate lie and how often each is visited.

use rand::RngExt;
use simbias_stats::Stream;

use super::SynthError;

/// One slab and its mirror image: the values with `low ≤ |x| < high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlabRegion {
    /// Lower bound of `|x|`; 0 for the slab in the centre.
    pub low: f64,
    /// Upper bound of `|x|`.
    pub high: f64,
    /// The class of this region: regions alternate 0, 1, 0, … from the centre outwards.
    pub class: u32,
    /// Probability of the region, given its class.
    pub probability: f64,
}

/// A coordinate of `k` slabs on `[-B, B]` whose class alternates from slab to slab, neighbours
/// `2γB` apart.
///
/// Slab width is `w = 2B(1 − (k−1)γ)/k` (Shah et al. 2020, Appendix B). Region `j = 0 … (k−1)/2` is
/// `|x| ∈ [(j−½)w + 2jγB, (j+½)w + 2jγB]`, cut at 0 for `j = 0`.
///
/// # Probabilities
///
/// The second moment of class `c` is `w²/12 + (w + 2γB)² · E[j² | c]`, so the classes have equal
/// variance exactly if `E[j²]` agrees, whatever `B` and `γ`. The class without the outermost slab
/// visits its regions equally often; the other class visits its inner regions equally often, and
/// its outermost one with the probability that makes `E[j²]` agree. This gives the paper's ¾, ¼
/// for `k = 5` and ½, ½, ⅞, ⅛ for `k = 7`, and continues them to larger `k`. For `k = 3` there is
/// nothing to choose and the variances differ.
#[derive(Clone, Debug, PartialEq)]
pub struct SlabGeometry {
    n_slabs: usize,
    slab_width: f64,
    /// Half the distance between neighbouring slabs, `M = γB`.
    margin: f64,
    regions: Vec<SlabRegion>,
}

impl SlabGeometry {
    /// Lays out `n_slabs` slabs (odd, at least 3) on `[-width, width]` with margin share `gamma`,
    /// `0 < gamma < 1/(n_slabs − 1)`.
    pub fn new(n_slabs: usize, width: f64, gamma: f64) -> Result<Self, SynthError> {
        if n_slabs < 3 || n_slabs.is_multiple_of(2) {
            return Err(SynthError::out_of_range("slabs", n_slabs as f64, "an odd number from 3"));
        }
        if !(width > 0.0 && width.is_finite()) {
            return Err(SynthError::out_of_range("width", width, "a positive number"));
        }
        let largest = 1.0 / (n_slabs as f64 - 1.0);
        if !(gamma > 0.0 && gamma < largest) {
            let allowed = format!("above 0 and below {largest:.4}, where {n_slabs} slabs vanish");
            return Err(SynthError::out_of_range("gamma", gamma, allowed));
        }
        let margin = gamma * width;
        let slab_width = 2.0 * width * (1.0 - (n_slabs as f64 - 1.0) * gamma) / n_slabs as f64;
        let regions = probabilities(n_slabs.div_ceil(2))
            .into_iter()
            .enumerate()
            .map(|(j, probability)| {
                let centre = j as f64 * (slab_width + 2.0 * margin);
                SlabRegion {
                    low: (centre - 0.5 * slab_width).max(0.0),
                    high: centre + 0.5 * slab_width,
                    class: j as u32 % 2,
                    probability,
                }
            })
            .collect();
        Ok(Self { n_slabs, slab_width, margin, regions })
    }

    /// Number of slabs, `k`.
    pub fn n_slabs(&self) -> usize {
        self.n_slabs
    }

    /// Width `w` of one slab.
    pub fn slab_width(&self) -> f64 {
        self.slab_width
    }

    /// The regions of `|x|` from the centre outwards, `(k+1)/2` of them.
    pub fn regions(&self) -> &[SlabRegion] {
        &self.regions
    }

    /// The regions of one class, from the centre outwards.
    pub fn regions_of(&self, class: u32) -> impl Iterator<Item = &SlabRegion> {
        self.regions.iter().filter(move |region| region.class == class)
    }

    /// The gaps between neighbouring slabs as bounds of `|x|`, from the centre outwards; with
    /// their mirror images `k − 1` gaps.
    pub fn gaps(&self) -> impl Iterator<Item = (f64, f64)> {
        self.regions
            .iter()
            .map(|region| (region.high, region.high + 2.0 * self.margin))
            .take(self.regions.len() - 1)
    }

    /// Mean of `|x|` given the class.
    pub fn abs_mean(&self, class: u32) -> f64 {
        self.regions_of(class)
            .map(|region| region.probability * 0.5 * (region.low + region.high))
            .sum()
    }

    /// Mean of `x²` given the class; the variance, since the mean is 0.
    pub fn second_moment(&self, class: u32) -> f64 {
        self.regions_of(class)
            .map(|SlabRegion { low, high, probability, .. }| {
                probability * (low * low + low * high + high * high) / 3.0
            })
            .sum()
    }

    /// The class whose slabs hold `value`, with `tolerance` around each slab; `None` in a gap or
    /// outside.
    pub fn class_at(&self, value: f64, tolerance: f64) -> Option<u32> {
        let size = value.abs();
        self.regions
            .iter()
            .find(|region| size >= region.low - tolerance && size <= region.high + tolerance)
            .map(|region| region.class)
    }

    /// One value of the class.
    pub(super) fn draw(&self, class: u32, stream: &mut Stream) -> f64 {
        let mut remaining: f64 = stream.random();
        let mut chosen = None;
        for region in self.regions_of(class) {
            chosen = Some(region);
            if remaining < region.probability {
                break;
            }
            remaining -= region.probability;
        }
        let region = chosen.expect("both classes have a region from three slabs on");
        draw_signed(region.low, region.high, stream)
    }

    /// One value of the *other* class, each of its regions equally likely (the official code's
    /// fair coin).
    pub(super) fn draw_flipped(&self, class: u32, stream: &mut Stream) -> f64 {
        let others = self.regions.iter().filter(|region| region.class != class);
        let index = stream.random_range(0..others.clone().count());
        let region = others.clone().nth(index).expect("the index is below the count");
        draw_signed(region.low, region.high, stream)
    }

    /// One value in a gap, each of the `k − 1` gaps equally likely.
    pub(super) fn draw_gap(&self, stream: &mut Stream) -> f64 {
        let index = stream.random_range(0..self.regions.len() - 1);
        let (low, high) = self.gaps().nth(index).expect("the index is below the number of gaps");
        draw_signed(low, high, stream)
    }
}

/// Uniform in `±[low, high)`, both signs equally likely.
fn draw_signed(low: f64, high: f64, stream: &mut Stream) -> f64 {
    let size = low + (high - low) * stream.random::<f64>();
    if stream.random() { size } else { -size }
}

/// Probability of each of `n_regions` regions, given its class; see [`SlabGeometry`].
fn probabilities(n_regions: usize) -> Vec<f64> {
    let outermost = n_regions - 1;
    let mean_square = |indices: &[usize]| {
        indices.iter().map(|&j| (j * j) as f64).sum::<f64>() / indices.len() as f64
    };
    let (inner, other): (Vec<usize>, Vec<usize>) =
        (0..outermost).partition(|j| j % 2 == outermost % 2);
    let outer_share = if inner.is_empty() {
        1.0
    } else {
        let base = mean_square(&inner);
        (mean_square(&other) - base) / ((outermost * outermost) as f64 - base)
    };
    (0..n_regions)
        .map(|j| {
            if j == outermost {
                outer_share
            } else if j % 2 == outermost % 2 {
                (1.0 - outer_share) / inner.len() as f64
            } else {
                1.0 / other.len() as f64
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_probabilities_follow_from_the_rule() {
        assert_eq!(probabilities(2), [1.0, 1.0]);
        assert_eq!(probabilities(3), [0.75, 1.0, 0.25]);
        assert_eq!(probabilities(4), [0.5, 0.875, 0.5, 0.125]);
    }

    #[test]
    fn classes_have_equal_variance_from_five_slabs_on() {
        for n_slabs in (5..40).step_by(2) {
            let slab = SlabGeometry::new(n_slabs, 2.5, 0.3 / n_slabs as f64).unwrap();
            assert!((slab.second_moment(0) - slab.second_moment(1)).abs() < 1e-12, "{n_slabs}");
            for class in [0, 1] {
                let total: f64 = slab.regions_of(class).map(|region| region.probability).sum();
                assert!((total - 1.0).abs() < 1e-12);
                assert!(slab.regions_of(class).all(|region| region.probability > 0.0));
            }
        }
    }

    #[test]
    fn the_outermost_slab_ends_at_the_width() {
        for n_slabs in [3, 5, 7, 9, 21] {
            let slab = SlabGeometry::new(n_slabs, 2.0, 0.01).unwrap();
            let last = slab.regions().last().unwrap();
            assert!((last.high - 2.0).abs() < 1e-12);
            assert!((last.high - last.low - slab.slab_width()).abs() < 1e-12);
        }
    }

    #[test]
    fn impossible_layouts_are_refused() {
        assert!(SlabGeometry::new(4, 1.0, 0.1).is_err());
        assert!(SlabGeometry::new(1, 1.0, 0.1).is_err());
        assert!(SlabGeometry::new(5, 1.0, 0.25).is_err());
        assert!(SlabGeometry::new(5, 1.0, 0.0).is_err());
        assert!(SlabGeometry::new(5, 0.0, 0.1).is_err());
        assert!(SlabGeometry::new(5, 1.0, f64::NAN).is_err());
    }
}
