//! The heat map over images: what it finds, what it does not claim, and what it costs.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use simbias_data::transform::Identity;
use simbias_data::{Dataset, ImageShape, Layout, Scorer, ScorerError};
use simbias_reliance::{
    Block, BlockSet, DonorMode, Forgetful, HeatMap, RelianceOptions, heat_map, measure,
};
use simbias_report::Silent;
use simbias_stats::Seed;

use crate::samples::{Model, classes, network};

const SIDE: usize = 16;

/// Images of noise whose class shows, with some noise of its own, as the brightness of a patch.
fn images(seed: u64, n_rows: usize, channels: usize, patch: &[(usize, usize)]) -> Dataset {
    let shape = ImageShape { channels, height: SIDE, width: SIDE };
    let mut stream = Seed::new(seed).child("test/images", 0).stream();
    let mut rows =
        Array2::from_shape_fn((n_rows, shape.n_features()), |_| stream.random::<f32>() - 0.5);
    let labels: Vec<u32> = (0..n_rows as u32).map(|row| row % 2).collect();
    for (row, &label) in labels.iter().enumerate() {
        let shows = stream.random::<f32>() < 0.9;
        let brightness = if shows { label as f32 } else { 1.0 - label as f32 };
        for &(y, x) in patch {
            for channel in 0..channels {
                rows[[row, shape.column(channel, y, x)]] += brightness;
            }
        }
    }
    Dataset::new("images", rows, Layout::image(shape), classes(labels))
}

/// Rows 12 and 13, columns 4 and 5.
const PATCH: [(usize, usize); 4] = [(12, 4), (12, 5), (13, 4), (13, 5)];

/// The sum over the patch, and a little of every other pixel, which says nothing.
fn looks_at_the_patch(row: &[f32]) -> f32 {
    let patch: f32 = PATCH.iter().map(|&(y, x)| row[y * SIDE + x]).sum();
    let rest: f32 = row.iter().enumerate().map(|(i, v)| v * ((i % 7) as f32 - 3.0)).sum();
    patch + 0.02 * rest
}

fn options(cells: usize) -> RelianceOptions {
    RelianceOptions { repeats: 5, heat_map_cells: cells, ..RelianceOptions::default() }
}

fn map(
    scorer: &dyn Scorer,
    data: &Dataset,
    options: &RelianceOptions,
    seed: u64,
) -> Option<HeatMap> {
    let n = data.n_features();
    let blocks = BlockSet::partition(vec![Block::new("all", 0..n)], n).unwrap();
    let few = RelianceOptions { manifold: false, conflict: false, ..options.clone() };
    let (identity, seed) = (Identity::new(n), Seed::new(seed));
    let measured = measure(scorer, data, &blocks, &identity, &few, seed, &Silent).unwrap();
    heat_map(scorer, data, &measured.outcome, options, seed, &Silent, &Forgetful).unwrap()
}

/// Counts the rows that a model scores.
struct Counting<M>(M, AtomicUsize);

impl<M: Scorer> Scorer for Counting<M> {
    fn n_outputs(&self) -> usize {
        self.0.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.1.fetch_add(rows.nrows(), Ordering::Relaxed);
        self.0.score(rows)
    }
}

#[test]
fn a_patch_is_found_to_the_pixel() {
    let data = images(1, 800, 1, &PATCH);
    let found = map(&Model(looks_at_the_patch), &data, &options(48), 2).unwrap();
    let shown = found.shown();
    // The coarse cell of 4×4 pixels is divided once, into parts of 2×2; one of them is the patch.
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((shown[0].rows, shown[0].columns), ([12, 14], [4, 6]));
    assert_eq!(shown[0].place, "lower left");
    assert!(shown[0].necessity.low > 0.7 && shown[0].necessity.value < 1.2, "{shown:?}");
    assert!(found.n_measured <= 48);
    // Every pixel once.
    let mut seen = vec![0; SIDE * SIDE];
    for cell in &found.cells {
        for y in cell.rows[0]..cell.rows[1] {
            for x in cell.columns[0]..cell.columns[1] {
                seen[y * SIDE + x] += 1;
            }
        }
    }
    assert!(seen.iter().all(|&times| times == 1));
}

#[test]
fn the_budget_holds_and_threads_change_nothing() {
    let data = images(3, 300, 3, &PATCH);
    let reads = |row: &[f32]| looks_at_the_patch(&row[..SIDE * SIDE]);
    for cells in [4, 16, 20, 48, 200] {
        let n = data.n_features();
        let blocks = BlockSet::partition(vec![Block::new("all", 0..n)], n).unwrap();
        let (identity, options) = (Identity::new(n), options(cells));
        let plain = RelianceOptions { manifold: false, conflict: false, ..options.clone() };
        let model = Counting(Model(reads), AtomicUsize::new(0));
        let seed = Seed::new(4);
        let measured = measure(&model, &data, &blocks, &identity, &plain, seed, &Silent).unwrap();
        model.1.store(0, Ordering::Relaxed);
        let draw = || {
            let outcome = &measured.outcome;
            heat_map(&model, &data, outcome, &options, seed, &Silent, &Forgetful).unwrap().unwrap()
        };
        let found = draw();
        let passes = model.1.load(Ordering::Relaxed).div_ceil(data.n_rows());
        assert!(found.n_measured <= cells, "{cells}: {}", found.n_measured);
        assert!(passes <= HeatMap::n_passes(cells, 5), "{cells}: {passes}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(draw), found);
    }
}

#[test]
fn a_network_with_an_affine_first_layer_gets_the_same_map() {
    let data = images(5, 300, 1, &PATCH);
    let network = network(SIDE * SIDE, 6);
    // Labels that the network itself gives, so that it has skill.
    let scores = network.score(data.rows.view()).unwrap();
    let labels = scores.rows().into_iter().map(|row| u32::from(row[1] > row[0])).collect();
    let data = Dataset { target: classes(labels), ..data };
    let split = map(&network, &data, &options(24), 7).unwrap();
    let whole = map(&crate::samples::Opaque(&network), &data, &options(24), 7).unwrap();
    for (a, b) in split.cells.iter().zip(&whole.cells) {
        assert_eq!((a.rows, a.columns, a.is_shown), (b.rows, b.columns, b.is_shown));
        assert!((a.necessity.value - b.necessity.value).abs() < 1e-3, "{a:?} {b:?}");
    }
}

#[test]
fn parts_that_stand_in_for_each_other_stay_together() {
    // Every pixel of a coarse cell tells the class, and its four parts vote on it: one of them changes nothing.
    let cell: Vec<(usize, usize)> = (8..12).flat_map(|y| (8..12).map(move |x| (y, x))).collect();
    let data = images(8, 800, 1, &cell);
    let votes = |row: &[f32]| -> f32 {
        let part = |top: usize, left: usize| -> f32 {
            let pixels = (top..top + 2).flat_map(|y| (left..left + 2).map(move |x| y * SIDE + x));
            (10.0 * (pixels.map(|pixel| row[pixel]).sum::<f32>() / 4.0 - 0.5)).tanh()
        };
        part(8, 8) + part(8, 10) + part(10, 8) + part(10, 10)
    };
    let found = map(&Model(votes), &data, &options(48), 9).unwrap();
    let shown = found.shown();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((shown[0].rows, shown[0].columns), ([8, 12], [8, 12]));
    assert!(shown[0].is_only_whole);
    assert_eq!(shown[0].place, "centre");
}

#[test]
fn no_map_where_it_would_say_nothing() {
    let data = images(10, 200, 1, &PATCH);
    let model = Model(looks_at_the_patch);
    assert!(map(&model, &data, &options(0), 1).is_none());
    for mode in [DonorMode::Swap, DonorMode::WithinClass] {
        assert!(map(&model, &data, &RelianceOptions { mode, ..options(16) }, 1).is_none());
    }
    let blind = Model(|row: &[f32]| row[0]);
    assert!(map(&blind, &data, &options(16), 1).is_none(), "no skill, no map");
    let table = Dataset { layout: Layout::array(vec![SIDE * SIDE]), ..data };
    assert!(map(&model, &table, &options(16), 1).is_none());
}

/// Maps on which a cell without any meaning is shown. The model reads such cells too, so that its scores move.
fn maps_with_a_wrong_cell(seeds: std::ops::Range<u64>, n_rows: usize) -> usize {
    seeds
        .filter(|&seed| {
            let data = images(100 + seed, n_rows, 1, &PATCH);
            let found = map(&Model(looks_at_the_patch), &data, &options(48), seed).unwrap();
            found.shown().iter().any(|cell| cell.rows != [12, 14] && cell.rows != [12, 16])
        })
        .count()
}

#[test]
fn cells_without_meaning_stay_uncoloured() {
    // One map in forty is allowed; two of twenty-four happen once in nine such tests.
    let wrong = maps_with_a_wrong_cell(0..24, 200);
    assert!(wrong <= 2, "{wrong} of 24");
}

/// Last found (November 2026): 0 of 200 maps in each of the three cases.
#[test]
#[ignore = "takes minutes"]
fn one_map_in_forty_shows_a_wrong_cell_at_most() {
    for n_rows in [100, 400, 1600] {
        let wrong = maps_with_a_wrong_cell(0..200, n_rows);
        println!("{n_rows} rows: {wrong} of 200 maps");
        assert!(wrong <= 12, "{n_rows} rows: {wrong} of 200");
    }
}
