//! Interrupted measurements go on where they were, and end with the same bits.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array2, ArrayView2};
use simbias_data::transform::Identity;
use simbias_data::{
    ClassLabels, Dataset, ImageShape, Layout, Scorer, ScorerError, Stratum, Target,
};
use simbias_reliance::{
    BlocksFile, Journal, Measurement, RelianceError, RelianceOptions, heat_map, measure_resumably,
};
use simbias_report::{Progress, Silent};
use simbias_stats::Seed;

use crate::samples::{network, split_blocks, uniform};

/// A journal in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Journal for Memory {
    fn find(&self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn keep(&self, key: &str, record: &[u8]) {
        self.0.lock().unwrap().insert(key.into(), record.to_vec());
    }

    fn settle(&self, key: &str, record: &[u8]) {
        let parts = format!("{key}/");
        self.0.lock().unwrap().retain(|open, _| !open.starts_with(&parts));
        self.keep(key, record);
    }
}

/// A model that counts its rows, has no affine first layer, and asks for a stop after some of them.
struct Slow {
    inner: simbias_reliance::DenseNetwork,
    scored: AtomicUsize,
    stop_after: usize,
}

impl Slow {
    fn new(n_features: usize, stop_after: usize) -> Self {
        Self { inner: network(n_features, 3), scored: AtomicUsize::new(0), stop_after }
    }

    fn scored(&self) -> usize {
        self.scored.load(Ordering::Relaxed)
    }
}

impl Scorer for Slow {
    fn n_outputs(&self) -> usize {
        2
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.scored.fetch_add(rows.nrows(), Ordering::Relaxed);
        self.inner.score(rows)
    }
}

impl Progress for Slow {
    fn advance(&self, _done: usize, _total: usize, _remark: &str) {}

    fn wants_stop(&self) -> bool {
        self.scored() >= self.stop_after
    }
}

const N_ROWS: usize = 240;

fn data() -> Dataset {
    let shape = ImageShape { channels: 1, height: 8, width: 8 };
    let rows = uniform(4, N_ROWS, 64);
    let scores = network(64, 3).score(rows.view()).unwrap();
    // Mostly what the network says, so that it has skill but makes errors.
    let indices = scores.rows().into_iter().enumerate();
    let indices =
        indices.map(|(row, s)| u32::from(s[1] > s[0]) ^ u32::from(row % 9 == 0)).collect();
    let names = vec!["a".into(), "b".into()];
    let target = Target::Classes(ClassLabels { indices, names });
    let mut data = Dataset::new("images", rows, Layout::image(shape), target);
    data.strata.push(Stratum {
        name: "site".into(),
        indices: (0..N_ROWS as u32).map(|row| row % 2).collect(),
        values: vec!["x".into(), "y".into()],
    });
    data
}

fn run(
    model: &Slow,
    progress: &dyn Progress,
    journal: &dyn Journal,
) -> Result<Measurement, RelianceError> {
    let options = RelianceOptions { repeats: 4, pairs: true, ..RelianceOptions::default() };
    let identity = Identity::new(64);
    let (data, blocks, seed) = (data(), split_blocks(64), Seed::new(7));
    measure_resumably(model, &data, &blocks, &identity, &options, seed, progress, journal)
}

#[test]
fn a_measurement_ends_with_the_same_bits_wherever_it_was_interrupted() {
    let whole_model = Slow::new(64, usize::MAX);
    let whole = run(&whole_model, &Silent, &Memory::default()).unwrap();
    let n_passes = whole_model.scored() / N_ROWS;
    for stop_after in 1..n_passes {
        let journal = Memory::default();
        let model = Slow::new(64, stop_after * N_ROWS);
        let error = run(&model, &model, &journal).unwrap_err();
        assert!(matches!(error, RelianceError::Interrupted(_)), "{error}");
        let again = Slow::new(64, usize::MAX);
        let found = run(&again, &Silent, &journal).unwrap();
        assert_eq!(found.outcome, whole.outcome, "{stop_after}");
        assert_eq!(found.influences, whole.influences);
        assert_eq!(found.samples.blocks, whole.samples.blocks);
        // Two passes over unchanged rows, and one for the block that was not finished, are made again.
        let n_again = again.scored() / N_ROWS;
        assert!(n_again + model.scored() / N_ROWS <= n_passes + 3, "{stop_after}: {n_again}");
    }
}

#[test]
fn a_heat_map_goes_on_with_its_cells() {
    let data = data();
    let options = RelianceOptions { heat_map_cells: 24, ..RelianceOptions::default() };
    let measured = run(&Slow::new(64, usize::MAX), &Silent, &Memory::default()).unwrap().outcome;
    let draw = |model: &Slow, progress: &dyn Progress, journal: &dyn Journal| {
        heat_map(model, &data, &measured, &options, Seed::new(7), progress, journal)
    };
    let whole_model = Slow::new(64, usize::MAX);
    let whole = draw(&whole_model, &Silent, &Memory::default()).unwrap().unwrap();
    let n_passes = whole_model.scored() / N_ROWS;
    for stop_after in [2, n_passes / 3, n_passes / 2, n_passes - 2] {
        let journal = Memory::default();
        let model = Slow::new(64, stop_after * N_ROWS);
        assert!(draw(&model, &model, &journal).is_err());
        let again = Slow::new(64, usize::MAX);
        assert_eq!(draw(&again, &Silent, &journal).unwrap().unwrap(), whole);
        if stop_after > n_passes / 3 {
            assert!(again.scored() < whole_model.scored());
        }
    }
}

#[test]
fn a_damaged_record_is_scored_again() {
    let journal = Memory::default();
    let whole = run(&Slow::new(64, usize::MAX), &Silent, &journal).unwrap();
    for record in journal.0.lock().unwrap().values_mut() {
        record.pop();
    }
    let again = Slow::new(64, usize::MAX);
    let found = run(&again, &Silent, &journal).unwrap();
    assert_eq!(found.outcome, whole.outcome);
    assert!(again.scored() > 20 * N_ROWS);
}

#[test]
fn everything_beside_the_blocks_is_resumed_too() {
    let data = data();
    let blocks = BlocksFile::from_short_form("grid:2x2").unwrap();
    let resolved = blocks.resolve(&data, false, &|_: &str| Err(String::new())).unwrap();
    let options = RelianceOptions { repeats: 3, heat_map_cells: 16, ..RelianceOptions::default() };
    let seed = Seed::new(7);
    let measured = run(&Slow::new(64, usize::MAX), &Silent, &Memory::default()).unwrap().outcome;
    let look = |model: &Slow, journal: &dyn Journal| {
        simbias_reliance::Beside::look_resumably(
            model, &data, &resolved, &measured, &options, seed, &Silent, journal,
        )
        .unwrap()
    };
    let journal = Memory::default();
    let first = Slow::new(64, usize::MAX);
    let whole = look(&first, &journal);
    let second = Slow::new(64, usize::MAX);
    assert_eq!(look(&second, &journal).heat_map, whole.heat_map);
    assert!(second.scored() * 10 < first.scored(), "{} of {}", second.scored(), first.scored());
}
