//! `block_moments.json` and `generator_samples.*`: slab geometry and the official generator's
//! samples.

use ndarray::{Array2, ArrayView1};
use serde_json::Value;
use simbias_data::synth::{
    SlabBlock, SlabGeometry, SlabNoise, SlabSample, SlabSpec, orthogonality_error,
};
use simbias_data::transform::{LinearTransform, ROUND_TRIP_TOLERANCE, Transform};
use simbias_stats::{Seed, ks_test};

use super::GOLDEN;

/// README: `block_moments.json`.
const MOMENT_TOLERANCE: f64 = 1e-12;
/// README: `generator_samples.*`, interval membership.
const MEMBERSHIP_TOLERANCE: f64 = 1e-5;
/// README: `generator_samples.*`, Kolmogorov–Smirnov against our own generator.
const SMALLEST_P: f64 = 1e-4;
/// Rows of our own sample, enough that the golden one decides the test's power.
const N_OWN: usize = 20_000;

#[test]
fn block_moments_agree() {
    let golden: Value = GOLDEN.json("block_moments.json");
    let settings = golden.as_object().unwrap();
    assert!(!settings.is_empty());
    for (setting, kinds) in settings {
        let number = |key: &str| -> f64 {
            let mut parts = setting.split(',').filter_map(|part| part.split_once('='));
            parts.find(|(name, _)| name.trim() == key).unwrap().1.trim().parse().unwrap()
        };
        for (n_slabs, classes) in kinds.as_object().unwrap() {
            let what = format!("{setting}, {n_slabs} slabs");
            let geometry =
                SlabGeometry::new(n_slabs.parse().unwrap(), number("B"), number("gamma")).unwrap();
            for (class, key) in [(0, "neg"), (1, "pos")] {
                let expected = &classes[key];
                let regions: Vec<_> = geometry.regions_of(class).collect();
                let intervals = expected["intervals_abs"].as_array().unwrap();
                assert_eq!(regions.len(), intervals.len(), "{what}");
                for (region, interval) in regions.iter().zip(intervals) {
                    assert_near(&what, region.low, &interval["lo"]);
                    assert_near(&what, region.high, &interval["hi"]);
                    assert_near(&what, region.probability, &interval["p"]);
                }
                assert_near(&what, geometry.abs_mean(class), &expected["abs_mean"]);
                assert_near(&what, geometry.second_moment(class), &expected["second"]);
            }
        }
    }
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= MOMENT_TOLERANCE, "{what}: {found} != {expected}");
}

/// The official samples lie where our geometry says, except exactly the corrupted rows.
#[test]
fn official_samples_lie_in_our_slabs() {
    for case in cases() {
        let (coordinates, labels) = case.official();
        check_membership(&case, &coordinates, &labels);
    }
}

/// Our samples lie there too, by the same check; the masks name exactly the corrupted rows.
#[test]
fn our_samples_lie_in_our_slabs() {
    for case in cases() {
        let sample = case.own(1000);
        let labels = &sample.dataset.class_labels().unwrap().indices;
        let coordinates = sample.coordinates().mapv(f64::from);
        check_membership(&case, &coordinates, labels);
        for hit in &sample.corrupted {
            assert_eq!(hit.rows.len(), case.n_corrupted(hit.coordinate, 1000), "{}", case.name);
            for &row in &hit.rows {
                assert!(!sample.clean_mask[row as usize]);
            }
        }
        let n_noisy = (0..case.spec.dim).filter(|&c| case.n_corrupted(c, 1000) > 0).count();
        assert_eq!(sample.corrupted.len(), n_noisy, "{}", case.name);
    }
}

/// Both samples come from the same distributions, coordinate by coordinate and class by class.
#[test]
fn our_samples_are_distributed_as_the_official_ones() {
    for case in cases() {
        let (official, official_labels) = case.official();
        let sample = case.own(N_OWN);
        let labels = &sample.dataset.class_labels().unwrap().indices;
        let own = sample.coordinates().mapv(f64::from);
        for coordinate in 0..case.spec.dim {
            for class in [0, 1] {
                let theirs = of_class(official.column(coordinate), &official_labels, class);
                let ours = of_class(own.column(coordinate), labels, class);
                let test = ks_test(&ours, &theirs).unwrap();
                assert!(
                    test.p_value > SMALLEST_P,
                    "{}: coordinate {coordinate}, class {class}: {test:?}",
                    case.name
                );
            }
        }
    }
}

/// Property 10: variances of the classes agree within 4 standard errors on 5- and 7-slabs.
#[test]
fn class_variances_agree() {
    let mut n_checked = 0;
    for case in cases().into_iter().filter(|case| case.spec.noise.is_empty()) {
        let sample = case.own(N_OWN);
        let labels = &sample.dataset.class_labels().unwrap().indices;
        let own = sample.coordinates().mapv(f64::from);
        for coordinate in 0..case.spec.dim {
            if !matches!(case.spec.block(coordinate), SlabBlock::Slab(5 | 7)) {
                continue;
            }
            let [zero, one] = [0, 1].map(|class| {
                let values = of_class(own.column(coordinate), labels, class);
                let squares: Vec<f64> = values.iter().map(|value| value * value).collect();
                let n = squares.len() as f64;
                let mean = squares.iter().sum::<f64>() / n;
                let spread = squares.iter().map(|square| (square - mean).powi(2)).sum::<f64>();
                (mean, spread / (n - 1.0) / n)
            });
            let error = (zero.1 + one.1).sqrt();
            assert!((zero.0 - one.0).abs() < 4.0 * error, "{} {coordinate}", case.name);
            n_checked += 1;
        }
    }
    assert!(n_checked > 0, "no noiseless case has a block of 5 or 7 slabs");
}

/// Rotated rows lie outside the slabs. The transform in which blocks are named brings them back, in the official
/// sample and in ours, and its inverse gives the rotated rows again.
#[test]
fn official_rotations_are_undone() {
    let tensors = GOLDEN.tensors("generator_samples.safetensors");
    let mut n_checked = 0;
    for case in cases().into_iter().filter(|case| case.spec.rotate) {
        let rotation = tensors.matrix(&format!("{}.w", case.name));
        assert!(orthogonality_error(rotation.view()) < 1e-9, "{}", case.name);
        let rows = tensors.matrix(&format!("{}.x", case.name)).mapv(|value| value as f32);
        let labels = tensors.indices(&format!("{}.y", case.name));
        check_undoing(&case, &rows, &labels, &rotation);

        let sample = case.own(rows.nrows());
        let labels = &sample.dataset.class_labels().unwrap().indices;
        let own = sample.rotation.as_ref().unwrap();
        assert_eq!(own.dim(), rotation.dim(), "{}", case.name);
        check_undoing(&case, &sample.dataset.rows, labels, own);
        n_checked += 1;
    }
    assert!(n_checked > 0, "no rotated case found");
}

#[track_caller]
fn check_undoing(case: &Case, rows: &Array2<f32>, labels: &[u32], rotation: &Array2<f64>) {
    // If rotated rows lay in their slabs, the test would show nothing.
    let astray = (0..case.spec.dim)
        .map(|coordinate| n_outside(case, &rows.mapv(f64::from), labels, coordinate))
        .max();
    assert!(astray > Some(labels.len() / 4), "{}: {astray:?} rows moved", case.name);

    let transform = LinearTransform::new(rotation.view()).unwrap();
    let coordinates = transform.forward(rows.view());
    check_membership(case, &coordinates.mapv(f64::from), labels);
    let again = transform.inverse(coordinates.view());
    let error = (&again - rows).iter().fold(0.0_f32, |most, error| most.max(error.abs()));
    assert!(error <= ROUND_TRIP_TOLERANCE, "{}: {error}", case.name);
}

struct Case {
    name: String,
    spec: SlabSpec,
}

/// Every case of the files, as a specification of ours.
fn cases() -> Vec<Case> {
    let golden: Value = GOLDEN.json("generator_samples.json");
    let cases: Vec<Case> = golden
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, settings)| Case { name: name.clone(), spec: spec_of(name, settings) })
        .collect();
    assert!(!cases.is_empty());
    cases
}

fn spec_of(name: &str, settings: &Value) -> SlabSpec {
    let share = |key: &str| settings[key].as_f64().filter(|&share| share > 0.0);
    let flag = |key: &str| settings[key].as_bool().unwrap_or(false);
    let n_linear = settings["num_lin"].as_u64().unwrap_or(0) as usize;
    let mut blocks = vec![SlabBlock::Linear; n_linear];
    for n_slabs in settings["slabs"].as_array().unwrap() {
        blocks.push(SlabBlock::Slab(n_slabs.as_u64().unwrap() as usize));
    }
    let gamma = match &settings["gamma"] {
        Value::Array(gamma) => gamma.iter().map(|gamma| gamma.as_f64().unwrap()).collect(),
        gamma => vec![gamma.as_f64().unwrap(); blocks.len()],
    };
    let mut noise = Vec::new();
    if let Some(share) = share("corrupt_lin") {
        noise.push(if flag("corrupt_lin_margin") {
            SlabNoise::LinearMargin { share }
        } else {
            SlabNoise::LinearFlip { share }
        });
    }
    if let Some(share) = share("corrupt_slab") {
        let n_slabs = 5;
        noise.push(if flag("corrupt_5slab_margin") {
            SlabNoise::SlabGap { n_slabs, share }
        } else {
            SlabNoise::SlabFlip { n_slabs, share }
        });
    }
    if let Some(share) = share("corrupt_slab7") {
        noise.push(SlabNoise::SlabFlip { n_slabs: 7, share });
    }
    SlabSpec {
        name: name.into(),
        dim: settings["dim"].as_u64().unwrap() as usize,
        width: settings["width"].as_f64().unwrap(),
        blocks,
        gamma,
        noise,
        rotate: flag("random_transform"),
        seed: Seed::new(settings["seed"].as_u64().unwrap()),
    }
}

impl Case {
    fn own(&self, n_rows: usize) -> SlabSample {
        self.spec.sample(n_rows).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The official rows, rotation undone, and their labels.
    fn official(&self) -> (Array2<f64>, Vec<u32>) {
        let tensors = GOLDEN.tensors("generator_samples.safetensors");
        let mut rows = tensors.matrix(&format!("{}.x", self.name));
        if self.spec.rotate {
            rows = rows.dot(&tensors.matrix(&format!("{}.w", self.name)).t());
        }
        (rows, tensors.indices(&format!("{}.y", self.name)))
    }

    /// Rows of a coordinate that noise hits, of `n_rows`.
    fn n_corrupted(&self, coordinate: usize, n_rows: usize) -> usize {
        let share =
            self.spec.noise.iter().find_map(|&noise| match (noise, self.spec.block(coordinate)) {
                (
                    SlabNoise::LinearMargin { share } | SlabNoise::LinearFlip { share },
                    SlabBlock::Linear,
                ) if coordinate == 0 => Some(share),
                (
                    SlabNoise::SlabGap { n_slabs, share } | SlabNoise::SlabFlip { n_slabs, share },
                    SlabBlock::Slab(own),
                ) if own == n_slabs => Some(share),
                _ => None,
            });
        share.map_or(0, |share| (share * n_rows as f64).round_ties_even() as usize)
    }
}

/// Every row lies where its class lies, except exactly the corrupted ones, which all lie
/// elsewhere.
#[track_caller]
fn check_membership(case: &Case, coordinates: &Array2<f64>, labels: &[u32]) {
    assert!(!labels.is_empty() && coordinates.dim() == (labels.len(), case.spec.dim));
    for coordinate in 0..case.spec.dim {
        let n_outside = n_outside(case, coordinates, labels, coordinate);
        let expected = case.n_corrupted(coordinate, labels.len());
        // A value drawn into a margin can fall within the tolerance of its own slab.
        let gap_edges = usize::from(expected > 0);
        assert!(
            n_outside <= expected && n_outside + gap_edges >= expected,
            "{}: coordinate {coordinate}: {n_outside} rows outside, {expected} corrupted",
            case.name
        );
    }
}

/// Rows whose `coordinate` lies outside the regions of their class.
fn n_outside(case: &Case, coordinates: &Array2<f64>, labels: &[u32], coordinate: usize) -> usize {
    let width = case.spec.width;
    // Nuisance coordinates have no margin.
    let gamma = case.spec.gamma.get(coordinate).copied().unwrap_or_default();
    let belongs = |value: f64, label: u32| match case.spec.block(coordinate) {
        SlabBlock::Linear => {
            let signed = if label == 1 { value } else { -value };
            let margin = gamma * width;
            (margin - MEMBERSHIP_TOLERANCE..=width + MEMBERSHIP_TOLERANCE).contains(&signed)
        }
        SlabBlock::Slab(n_slabs) => {
            let geometry = SlabGeometry::new(n_slabs, width, gamma).unwrap();
            geometry.class_at(value, MEMBERSHIP_TOLERANCE) == Some(label)
        }
        SlabBlock::Nuisance => {
            (-MEMBERSHIP_TOLERANCE..=width + MEMBERSHIP_TOLERANCE).contains(&value)
        }
    };
    let column = coordinates.column(coordinate);
    column.iter().zip(labels).filter(|&(&value, &label)| !belongs(value, label)).count()
}

fn of_class(values: ArrayView1<'_, f64>, labels: &[u32], class: u32) -> Vec<f64> {
    values
        .iter()
        .zip(labels)
        .filter(|&(_, &label)| label == class)
        .map(|(&value, _)| value)
        .collect()
}
