//! Invariances, error messages and statistical behaviour of a measurement.

use ndarray::{Array1, Array2, ArrayView2};
use rand::RngExt;
use simbias_data::transform::{Identity, LinearTransform, Transform};
use simbias_data::{ClassLabels, Dataset, Layout, Scorer, ScorerError, Stratum, Target};
use simbias_reliance::document::plain_summary;
use simbias_reliance::{
    Activation, Block, BlockSet, BlockVerdict, Change, DenseLayer, DenseNetwork, DonorMode,
    DonorSource, Measurement, Metric, Plan, Randomizer, RelianceError, RelianceOptions,
    RelianceOutcome, Side, Unwatched, budget_shares, compare, mean_budget_shares, measure,
};
use simbias_stats::{Seed, wilson_interval};

/// Scores by a closure, hiding any structure.
struct Model<F>(F);

impl<F: Fn(&[f32]) -> f32 + Sync> Scorer for Model<F> {
    fn n_outputs(&self) -> usize {
        1
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        let scores = rows.rows().into_iter().map(|row| (self.0)(&row.to_vec())).collect();
        Ok(Array1::from_vec(scores).insert_axis(ndarray::Axis(1)))
    }
}

/// Scores as another model does, hiding its first layer.
struct Opaque<'a>(&'a DenseNetwork);

impl Scorer for Opaque<'_> {
    fn n_outputs(&self) -> usize {
        self.0.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.0.score(rows)
    }
}

/// A rotation in the plane of coordinates 0 and 3, then in that of 1 and 5, and the transform undoing it.
fn rotation_of_six() -> (Array2<f64>, LinearTransform) {
    let mut rotation = Array2::<f64>::eye(6);
    for (a, b, angle) in [(0, 3, 0.7_f64), (1, 5, -1.1)] {
        let mut plane = Array2::<f64>::eye(6);
        plane[[a, a]] = angle.cos();
        plane[[b, b]] = angle.cos();
        plane[[a, b]] = -angle.sin();
        plane[[b, a]] = angle.sin();
        rotation = rotation.dot(&plane);
    }
    let transform = LinearTransform::new(rotation.view()).unwrap();
    (rotation, transform)
}

fn uniform(seed: u64, n_rows: usize, n_columns: usize) -> Array2<f32> {
    let mut stream = Seed::new(seed).child("test/rows", 0).stream();
    Array2::from_shape_fn((n_rows, n_columns), |_| 2.0 * stream.random::<f32>() - 1.0)
}

fn classes(indices: Vec<u32>) -> Target {
    Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] })
}

fn dataset(rows: Array2<f32>, label: impl Fn(&[f32]) -> bool) -> Dataset {
    let indices = rows.rows().into_iter().map(|row| u32::from(label(&row.to_vec()))).collect();
    let names = (0..rows.ncols()).map(|column| format!("x{column}")).collect();
    Dataset {
        name: "test".into(),
        layout: Layout::table(names),
        rows,
        target: classes(indices),
        strata: Vec::new(),
    }
}

/// A small fixed network on `n_features` inputs.
fn network(n_features: usize, seed: u64) -> DenseNetwork {
    let mut stream = Seed::new(seed).child("test/network", 0).stream();
    let mut layer = |n_out: usize, n_in: usize| DenseLayer {
        weight_out_in: Array2::from_shape_fn((n_out, n_in), |_| stream.random::<f32>() - 0.5),
        bias: Array1::from_shape_fn(n_out, |_| 0.1),
    };
    let layers = vec![layer(16, n_features), layer(12, 16), layer(2, 12)];
    DenseNetwork::new(layers, Activation::Relu).unwrap()
}

fn split_blocks(n_features: usize) -> BlockSet {
    let half = n_features / 2;
    BlockSet::partition(
        vec![Block::new("first", 0..half), Block::new("second", half..n_features)],
        n_features,
    )
    .unwrap()
}

fn run(
    scorer: &dyn Scorer,
    data: &Dataset,
    blocks: &BlockSet,
    options: &RelianceOptions,
    seed: u64,
) -> Result<RelianceOutcome, RelianceError> {
    let identity = Identity::new(data.n_features());
    measure(scorer, data, blocks, &identity, options, Seed::new(seed), &Unwatched)
        .map(|measurement| measurement.outcome)
}

fn quick() -> RelianceOptions {
    RelianceOptions { repeats: 5, ..RelianceOptions::default() }
}

#[test]
fn every_row_its_own_donor_changes_nothing_bit_for_bit() {
    let rows = uniform(1, 300, 6);
    let network = network(6, 2);
    let identity: Vec<u32> = (0..300).collect();
    let transform = Identity::new(6);
    let randomizer = Randomizer::new(&network, rows.view(), &transform, 64);
    let reference =
        randomizer.score(&randomizer.prepare(&[0, 1, 2]), &identity, Side::Block).unwrap();
    let other =
        randomizer.score(&randomizer.prepare(&[0, 1, 2]), &identity, Side::Complement).unwrap();
    assert_eq!(reference, other);
    let opaque = Model(|row: &[f32]| row[0] * row[3] + row[5]);
    let randomizer = Randomizer::new(&opaque, rows.view(), &transform, 64);
    let same = randomizer.score(&randomizer.prepare(&[0, 4]), &identity, Side::Block).unwrap();
    assert_eq!(same, opaque.score(rows.view()).unwrap());
}

#[test]
fn randomizing_everything_permutes_the_scores() {
    let rows = uniform(3, 200, 5);
    let donors = Seed::new(4).permutation(200);
    let transform = Identity::new(5);
    let network = network(5, 6);
    let randomizer = Randomizer::new(&network, rows.view(), &transform, 32);
    let prepared = randomizer.prepare(&[0, 1, 2, 3, 4]);
    let moved = randomizer.score(&prepared, &donors, Side::Block).unwrap();
    let identity: Vec<u32> = (0..200).collect();
    let original = randomizer.score(&prepared, &identity, Side::Block).unwrap();
    for (row, &donor) in donors.iter().enumerate() {
        assert_eq!(moved.row(row), original.row(donor as usize));
    }
}

#[test]
fn an_ignored_block_leaves_scores_bit_equal_and_a_sole_block_carries_them() {
    let rows = uniform(5, 400, 6);
    let mut layers = network(6, 7).layers().to_vec();
    layers[0].weight_out_in.slice_mut(ndarray::s![.., 3..]).fill(0.0);
    let sees_first = DenseNetwork::new(layers, Activation::Relu).unwrap();
    let transform = Identity::new(6);
    let randomizer = Randomizer::new(&sees_first, rows.view(), &transform, 64);
    let donors = Seed::new(8).permutation(400);
    let identity: Vec<u32> = (0..400).collect();

    let ignored = randomizer.prepare(&[3, 4, 5]);
    assert_eq!(
        randomizer.score(&ignored, &donors, Side::Block).unwrap(),
        randomizer.score(&ignored, &identity, Side::Block).unwrap()
    );
    let sole = randomizer.prepare(&[0, 1, 2]);
    let original = randomizer.score(&sole, &identity, Side::Block).unwrap();
    let moved = randomizer.score(&sole, &donors, Side::Block).unwrap();
    for (row, &donor) in donors.iter().enumerate() {
        assert_eq!(moved.row(row), original.row(donor as usize));
    }
}

#[test]
fn under_a_rotation_an_ignored_block_moves_scores_by_rounding_only() {
    let rows = uniform(23, 300, 6);
    let (rotation, transform) = rotation_of_six();
    // A network on z = x · Q⁻¹ that ignores z₃ to z₅, given x.
    let mut on_z = network(6, 24).layers()[0].weight_out_in.mapv(f64::from);
    on_z.slice_mut(ndarray::s![.., 3..]).fill(0.0);
    let on_x = on_z.dot(&rotation).mapv(|value| value as f32);
    let network = network(6, 24).with_first_layer(on_x).unwrap();
    let opaque = Opaque(&network);
    let donors = Seed::new(25).permutation(300);
    let scorers: [&dyn Scorer; 2] = [&network, &opaque];
    for scorer in scorers {
        let randomizer = Randomizer::new(scorer, rows.view(), &transform, 64);
        let standard = randomizer.standard().unwrap();
        let change = |columns: &[u32]| {
            let prepared = randomizer.prepare(columns);
            let moved = randomizer.score(&prepared, &donors, Side::Block).unwrap();
            moved.iter().zip(&standard).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(change(&[3, 4, 5]) <= 1e-5);
        assert!(change(&[0, 1, 2]) > 0.1);
    }
}

/// Mean accuracy over uniform permutations is that over all pairs `(1/N²) Σᵢⱼ 1{f(xᵢ⁻ᵇ, xⱼᵇ) = yᵢ}`.
#[test]
fn the_mean_over_permutations_is_the_accuracy_over_all_pairs() {
    const N_ROWS: usize = 40;
    const N_PERMUTATIONS: usize = 400;
    let network = network(6, 26);
    let rows = uniform(27, N_ROWS, 6);
    let scores = network.score(rows.view()).unwrap();
    let mut margins: Vec<f32> = scores.rows().into_iter().map(|row| row[1] - row[0]).collect();
    margins.sort_unstable_by(f32::total_cmp);
    let middle = margins[N_ROWS / 2];
    // Labels that the network knows in part.
    let data = dataset(rows, |row| {
        let scores = network.score(ArrayView2::from_shape((1, 6), row).unwrap()).unwrap();
        scores[[0, 1]] - scores[[0, 0]] + 0.1 * row[2] > middle
    });
    let Target::Classes(labels) = &data.target else { unreachable!("two classes") };
    let blocks =
        BlockSet::partition(vec![Block::new("a", [0, 3]), Block::new("b", [1, 2, 4, 5])], 6)
            .unwrap();
    let options = RelianceOptions { repeats: N_PERMUTATIONS, manifold: false, ..quick() };
    let outcome = run(&network, &data, &blocks, &options, 28).unwrap();
    let transform = Identity::new(6);
    let randomizer = Randomizer::new(&network, data.rows.view(), &transform, 64);
    let source = DonorSource::new(DonorMode::Permute, &data, None, Seed::new(28)).unwrap();
    for (block, found) in blocks.blocks().iter().zip(&outcome.blocks) {
        let mut changed = Array2::zeros((N_ROWS * N_ROWS, 6));
        for i in 0..N_ROWS {
            for j in 0..N_ROWS {
                let mut pair = changed.row_mut(i * N_ROWS + j);
                pair.assign(&data.rows.row(i));
                for &column in &block.columns {
                    pair[column as usize] = data.rows[[j, column as usize]];
                }
            }
        }
        let scores = network.score(changed.view()).unwrap();
        let n_right = (0..N_ROWS * N_ROWS)
            .filter(|&pair| {
                u32::from(scores[[pair, 1]] > scores[[pair, 0]]) == labels.indices[pair / N_ROWS]
            })
            .count();
        let over_pairs = n_right as f64 / (N_ROWS * N_ROWS) as f64;

        let prepared = randomizer.prepare(&block.columns);
        let accuracies: Vec<f64> = (0..N_PERMUTATIONS)
            .map(|repeat| {
                let scores =
                    randomizer.score(&prepared, &source.draw(repeat), Side::Block).unwrap();
                let right = |row: &usize| {
                    u32::from(scores[[*row, 1]] > scores[[*row, 0]]) == labels.indices[*row]
                };
                (0..N_ROWS).filter(right).count() as f64 / N_ROWS as f64
            })
            .collect();
        let mean = simbias_stats::mean(&accuracies);
        let variance = simbias_stats::sample_variance(&accuracies).unwrap();
        let standard_error = (variance / N_PERMUTATIONS as f64).sqrt();
        assert!(standard_error > 0.0, "randomizing {:?} changes nothing", block.name);
        assert!(
            (mean - over_pairs).abs() <= 4.0 * standard_error,
            "{:?}: {mean} ± {standard_error} over permutations, {over_pairs} over all pairs",
            block.name
        );
        let measured = found.randomized.accuracy.as_ref().unwrap().value;
        assert!((measured - mean).abs() < 1e-12, "{measured} measured, {mean} by hand");
    }
}

#[test]
fn budget_shares_sum_to_one_in_energy() {
    let blocks = BlockSet::partition(
        vec![Block::new("a", [0, 4]), Block::new("b", [1]), Block::new("c", [2, 3, 5])],
        6,
    )
    .unwrap();
    let deltas = uniform(29, 20, 6);
    let (_, rotated) = rotation_of_six();
    let transforms: [&dyn Transform; 2] = [&Identity::new(6), &rotated];
    for transform in transforms {
        let mean = mean_budget_shares(deltas.view(), &blocks, transform).unwrap();
        let one = budget_shares(deltas.row(0), &blocks, transform).unwrap();
        for shares in [&mean, &one] {
            let total: f64 = shares.iter().map(|share| share.energy_share).sum();
            assert!((total - 1.0).abs() < 1e-12, "{total}");
        }
        for share in &one {
            assert!((share.norm_ratio.powi(2) - share.energy_share).abs() < 1e-12);
        }
    }
    // By hand: 3² + 4² = 25.
    let delta = ndarray::array![3.0_f32, 4.0, 0.0, 0.0, 0.0, 0.0];
    let shares = budget_shares(delta.view(), &blocks, &Identity::new(6)).unwrap();
    let found: Vec<f64> = shares.iter().map(|share| share.energy_share).collect();
    assert_eq!(found, [9.0 / 25.0, 16.0 / 25.0, 0.0]);
    assert_eq!(shares[0].norm_ratio, 0.6);
    let none = budget_shares(Array1::zeros(6).view(), &blocks, &Identity::new(6)).unwrap();
    assert!(none.iter().all(|share| share.energy_share == 0.0 && share.norm_ratio == 0.0));
}

#[test]
fn both_arithmetic_paths_agree() {
    let data = dataset(uniform(9, 500, 8), |row| row[0] + row[5] > 0.0);
    let network = network(8, 10);
    let opaque = Opaque(&network);
    let split = run(&network, &data, &split_blocks(8), &quick(), 1).unwrap();
    let gathered = run(&opaque, &data, &split_blocks(8), &quick(), 1).unwrap();
    for (a, b) in split.blocks.iter().zip(&gathered.blocks) {
        assert!((a.randomized.metric.value - b.randomized.metric.value).abs() < 1e-4);
        assert!((a.randomized.shift.value - b.randomized.shift.value).abs() < 1e-4);
    }
}

#[test]
fn another_block_moves_no_donor_and_no_other_result() {
    let data = dataset(uniform(11, 300, 6), |row| row[0] > 0.0);
    let network = network(6, 12);
    let two = BlockSet::overlapping(vec![Block::new("a", [0, 1])], 6).unwrap();
    let three =
        BlockSet::overlapping(vec![Block::new("c", [4]), Block::new("a", [0, 1])], 6).unwrap();
    let alone = run(&network, &data, &two, &quick(), 3).unwrap();
    let beside = run(&network, &data, &three, &quick(), 3).unwrap();
    let (alone, beside) = (alone.block("a").unwrap(), beside.block("a").unwrap());
    assert_eq!(alone.randomized, beside.randomized);
    assert_eq!(alone.complement, beside.complement);
    let source = |seed| DonorSource::new(DonorMode::Permute, &data, None, Seed::new(seed)).unwrap();
    assert_eq!(source(3).draw(2), source(3).draw(2));
    assert_ne!(source(3).draw(2), source(4).draw(2));
}

#[test]
fn batch_size_and_threads_change_nothing() {
    let data = dataset(uniform(13, 350, 6), |row| row[0] + 0.3 * row[4] > 0.0);
    let network = network(6, 14);
    let model = Model(|row: &[f32]| row[0] + 0.3 * row[4]);
    let scorers: [&dyn Scorer; 2] = [&network, &model];
    for scorer in scorers {
        let run_with = |n_threads: usize, batch_rows: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let options = RelianceOptions { batch_rows, pairs: true, ..quick() };
            pool.install(|| run(scorer, &data, &split_blocks(6), &options, 5).unwrap())
        };
        let reference = run_with(1, 512);
        assert_eq!(reference, run_with(3, 512));
        assert_eq!(reference, run_with(2, 7));
    }
}

#[test]
fn undoing_a_rotation_equals_never_rotating() {
    let data = dataset(uniform(15, 400, 6), |row| row[0] > 0.0);
    let network = network(6, 16);
    let (rotation, transform) = rotation_of_six();
    // x = z · Q; the network on x is the network on z with first layer W · Qᵀ.
    let rotated_rows = data.rows.mapv(f64::from).dot(&rotation).mapv(|value| value as f32);
    let rotated = Dataset { rows: rotated_rows, ..data.clone() };
    let weight = network.layers()[0].weight_out_in.mapv(f64::from);
    let on_z =
        network.with_first_layer(weight.dot(&rotation.t()).mapv(|value| value as f32)).unwrap();
    let blocks = split_blocks(6);
    let with_transform =
        measure(&network, &rotated, &blocks, &transform, &quick(), Seed::new(6), &Unwatched)
            .unwrap()
            .outcome;
    let without = run(&on_z, &data, &blocks, &quick(), 6).unwrap();
    for (a, b) in with_transform.blocks.iter().zip(&without.blocks) {
        assert!((a.randomized.metric.value - b.randomized.metric.value).abs() < 1e-4);
        let (a, b) = (a.complement.as_ref().unwrap(), b.complement.as_ref().unwrap());
        assert!((a.metric.value - b.metric.value).abs() < 1e-4);
    }
}

#[test]
fn a_model_of_one_block_is_exclusive_and_swapping_it_reverses_its_accuracy() {
    let data = dataset(uniform(17, 2000, 4), |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| 5.0 * row[0]);
    let outcome = run(&model, &data, &split_blocks(4), &quick(), 7).unwrap();
    let first = outcome.block("first").unwrap();
    assert_eq!(first.verdict, Some(BlockVerdict::Exclusive));
    assert!(first.necessity.as_ref().unwrap().value > 0.9);
    assert_eq!(outcome.block("second").unwrap().verdict, Some(BlockVerdict::Unused));
    assert_eq!(outcome.block("second").unwrap().randomized.shift.value, 0.0);
    // Its predictions follow the block, so on swapped rows it is right as often as it was wrong.
    assert_eq!(first.conflict.as_ref().unwrap().accuracy.value, 0.0);
    assert_eq!(outcome.block("second").unwrap().conflict.as_ref().unwrap().accuracy.value, 1.0);
}

#[test]
fn swap_accuracy_is_the_error_on_the_other_class() {
    // Errors of 10 % on class 0 and 30 % on class 1, decided by the first block.
    let rows = uniform(19, 6000, 2);
    let data = dataset(rows, |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| {
        let wrong = if row[0] > 0.0 { row[0] < 0.3 } else { row[0] > -0.1 };
        if (row[0] > 0.0) != wrong { 1.0 } else { -1.0 }
    });
    let options = RelianceOptions { mode: DonorMode::Swap, ..quick() };
    let blocks = BlockSet::partition(vec![Block::new("first", [0])], 2).unwrap();
    let outcome = run(&model, &data, &blocks, &options, 8).unwrap();
    let accuracy = outcome.block("first").unwrap().randomized.accuracy.as_ref().unwrap().value;
    // Class 0 rows (share .5) get class 1 blocks, called 0 with probability .3, and the reverse.
    assert!((accuracy - 0.5 * (0.3 + 0.1)).abs() < 0.015, "{accuracy}");
}

#[test]
fn two_interchangeable_blocks_are_redundant_and_needed_as_a_pair() {
    let rows = uniform(21, 3000, 2);
    let mut copied = rows.clone();
    for mut row in copied.rows_mut() {
        row[1] = row[0];
    }
    let data = dataset(copied, |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| row[0].signum().max(row[1].signum()) + 0.1 * (row[0] + row[1]));
    let blocks = BlockSet::partition(vec![Block::new("a", [0]), Block::new("b", [1])], 2).unwrap();
    let options = RelianceOptions { pairs: true, ..quick() };
    let outcome = run(&model, &data, &blocks, &options, 9).unwrap();
    let pair = &outcome.pairs[0];
    assert!((pair.necessity.unwrap() - 1.0).abs() < 0.05, "{pair:?}");
    assert!(outcome.block("a").unwrap().mean_abs_correlation > 0.999);
    let off_manifold = outcome.block("a").unwrap().off_manifold_auc.unwrap();
    assert!(off_manifold > 0.95, "{off_manifold}");
    assert!(outcome.caveats.iter().any(|caveat| caveat.kind == "off-manifold"));
}

#[test]
fn a_shuffled_model_is_rarely_flagged() {
    let mut n_flags = 0;
    for trial in 0..100 {
        let data = dataset(uniform(1000 + trial, 400, 4), |row| row[3] > 0.0);
        // The score has nothing to do with the label.
        let model = Model(|row: &[f32]| row[0] + row[1]);
        let outcome = run(&model, &data, &split_blocks(4), &quick(), trial).unwrap();
        n_flags += usize::from(
            outcome.blocks.iter().any(|block| block.flags.iter().any(|flag| flag == "significant")),
        );
    }
    // α = .05 over the family of both blocks; 11 of 100 has probability .01 at .05.
    assert!(n_flags <= 11, "{n_flags} of 100 null models flagged");
}

/// Labels that lean on both columns; the model leans on the second with weight β.
fn power_trial(n_rows: usize, weight: f32, trial: u64, repeats: usize) -> RelianceOutcome {
    let rows = uniform(2000 + trial, n_rows, 2);
    let mut stream = Seed::new(trial).child("test/noise", 0).stream();
    let indices = rows
        .rows()
        .into_iter()
        .map(|row| {
            let noise = 2.0 * stream.random::<f32>() - 1.0;
            u32::from(row[0] + 0.5 * row[1] + 0.5 * noise > 0.0)
        })
        .collect();
    let data = Dataset { target: classes(indices), ..dataset(rows, |_| true) };
    let model = Model(|row: &[f32]| row[0] + weight * row[1]);
    let blocks = BlockSet::partition(vec![Block::new("a", [0]), Block::new("b", [1])], 2).unwrap();
    let options =
        RelianceOptions { repeats, complement: false, manifold: false, conflict: false, ..quick() };
    run(&model, &data, &blocks, &options, trial).unwrap()
}

#[test]
fn a_drop_of_two_points_is_found() {
    const N_TRIALS: u64 = 50;
    let mut n_to_find = 0;
    for weight in [0.0, 0.15, 0.3, 0.6, 1.0] {
        let of_b = |outcome: &RelianceOutcome| outcome.block("b").unwrap().clone();
        // Rows enough that the drop is known to about .002.
        let true_drop = of_b(&power_trial(40_000, weight, 9_000, 3)).drop.value;
        let n_found = (0..N_TRIALS)
            .map(|trial| of_b(&power_trial(2000, weight, trial, 30)))
            .filter(|block| block.flags.iter().any(|flag| flag == "significant"))
            .count();
        if weight == 0.0 {
            assert_eq!((true_drop, n_found), (0.0, 0));
        }
        if true_drop >= 0.02 {
            n_to_find += 1;
            assert!(n_found >= 45, "β {weight}, drop {true_drop:.4}: {n_found} of {N_TRIALS}");
        }
    }
    assert!(n_to_find >= 2, "the weights reach a drop of .02");
}

#[test]
fn a_plan_scored_elsewhere_gives_the_same_result() {
    let mut data = dataset(uniform(23, 300, 4), |row| row[0] + row[2] > 0.0);
    data.strata.push(Stratum {
        name: "site".into(),
        indices: (0..300).map(|row| u32::from(row % 3 == 0)).collect(),
        values: vec!["a".into(), "b".into()],
    });
    let model = Model(|row: &[f32]| row[0] + 0.5 * row[2]);
    let blocks = split_blocks(4);
    let options = RelianceOptions { conflict: false, manifold: false, ..quick() };
    let direct = run(&model, &data, &blocks, &options, 10).unwrap();
    let plan = Plan::new(&data, &blocks, &options, Seed::new(10)).unwrap();
    let identity = Identity::new(4);
    let randomizer = Randomizer::new(&model, data.rows.view(), &identity, 64);
    let mut scores = ndarray::Array3::<f64>::zeros((plan.document.jobs.len(), 300, 1));
    for job in &plan.document.jobs {
        let of_job = match (&job.block, job.repeat) {
            (Some(block), Some(repeat)) => {
                let side = if job.complement { Side::Complement } else { Side::Block };
                let prepared = randomizer.prepare(&blocks.find(block).unwrap().columns);
                let donors = plan.donors.row(repeat).to_vec();
                randomizer.score(&prepared, &donors, side).unwrap()
            }
            _ => model.score(data.rows.view()).unwrap(),
        };
        scores.index_axis_mut(ndarray::Axis(0), job.id).assign(&of_job.mapv(f64::from));
    }
    let hash = plan.document.hash.clone();
    let found = plan.evaluate(scores.view(), Some(&hash), &options).unwrap().outcome;
    for (a, b) in direct.blocks.iter().zip(&found.blocks) {
        assert_eq!(a.randomized, b.randomized);
        assert_eq!(a.complement, b.complement);
        assert_eq!(a.strata, b.strata);
        assert_eq!(a.verdict, b.verdict);
    }
    let again = Plan::from_parts(
        plan.document.clone(),
        plan.donors.clone(),
        plan.target.clone(),
        plan.strata.clone(),
    );
    assert_eq!(again.unwrap(), plan);
    let error = plan.evaluate(scores.view(), Some("0123"), &options).unwrap_err();
    assert!(matches!(error, RelianceError::PlanMismatch { .. }), "{error}");
    let short = scores.slice(ndarray::s![..3, .., ..]);
    let error = plan.evaluate(short, Some(&hash), &options).unwrap_err();
    assert!(matches!(error, RelianceError::ScoreShape { .. }), "{error}");
}

#[test]
fn results_survive_json_and_can_be_compared() {
    let data = dataset(uniform(25, 600, 4), |row| row[0] + row[2] > 0.0);
    let first = Model(|row: &[f32]| row[0]);
    let both = Model(|row: &[f32]| row[0] + row[2]);
    let before = run(&first, &data, &split_blocks(4), &quick(), 11).unwrap();
    let after = run(&both, &data, &split_blocks(4), &quick(), 11).unwrap();
    let read = RelianceOutcome::from_json(&after.to_json()).unwrap();
    assert_eq!(read.to_json(), after.to_json());
    let comparison = compare(&before, &read, None).unwrap();
    assert!(comparison.paired && !comparison.paired_over_rows);
    let second = &comparison.blocks[1];
    assert!(second.randomized.difference.high < 0.0 || second.randomized.p_value < 0.05);
    assert!(second.necessity.as_ref().unwrap().difference.value > 0.1);
    let same = compare(&before, &before, None).unwrap();
    assert!(same.blocks[0].randomized.difference.value == 0.0);

    let other = dataset(uniform(26, 600, 4), |row| row[0] > 0.0);
    let other = run(&first, &other, &split_blocks(4), &quick(), 11).unwrap();
    let error = compare(&before, &other, None).unwrap_err();
    assert!(error.to_string().contains("different rows"), "{error}");
    let newer = after.to_json().replace("simbias.reliance/1", "simbias.reliance/9");
    let error = RelianceOutcome::from_json(&newer).unwrap_err();
    assert!(error.to_string().contains("simbias.reliance/9"), "{error}");
}

#[test]
fn multi_class_and_regression_are_measured() {
    let rows = uniform(27, 900, 4);
    let indices = rows
        .rows()
        .into_iter()
        .map(|row| if row[0] < -0.33 { 0 } else { u32::from(row[0] > 0.33) + 1 })
        .collect();
    let names = vec!["low".into(), "mid".into(), "high".into()];
    let data = Dataset {
        target: Target::Classes(ClassLabels { indices, names }),
        ..dataset(rows.clone(), |_| true)
    };
    struct ThreeLogits;
    impl Scorer for ThreeLogits {
        fn n_outputs(&self) -> usize {
            3
        }
        fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
            Ok(Array2::from_shape_fn((rows.nrows(), 3), |(row, class)| {
                let centre = class as f32 - 1.0;
                -4.0 * (rows[[row, 0]] - 0.66 * centre).powi(2)
            }))
        }
    }
    let outcome = run(&ThreeLogits, &data, &split_blocks(4), &quick(), 12).unwrap();
    assert!(outcome.standard.metric.value > 0.99);
    let first = outcome.block("first").unwrap();
    assert!((first.randomized.metric.value - 0.5).abs() < 0.05);
    assert!((first.randomized.accuracy_null.unwrap() - 1.0 / 3.0).abs() < 0.02);
    assert_eq!(outcome.block("second").unwrap().randomized.flips.value, 0.0);

    let values = rows.rows().into_iter().map(|row| f64::from(2.0 * row[0] + row[3])).collect();
    let data = Dataset { target: Target::Values(values), ..data };
    let model = Model(|row: &[f32]| 2.0 * row[0] + row[3]);
    let outcome = run(&model, &data, &split_blocks(4), &quick(), 13).unwrap();
    assert_eq!(outcome.metric, Metric::R2);
    assert!((outcome.standard.metric.value - 1.0).abs() < 1e-6);
    // R² after permuting x₀: 1 − 2·Var(2x₀)/Var(y) = 1 − 2·(4/5) = −.6.
    let first = outcome.block("first").unwrap().randomized.metric.value;
    assert!((first + 0.6).abs() < 0.15, "{first}");
}

#[test]
fn meaningless_questions_are_refused_with_the_reason() {
    let rows = uniform(29, 50, 4);
    let model = Model(|row: &[f32]| row[0]);
    let blocks = split_blocks(4);
    let good = dataset(rows.clone(), |row| row[0] > 0.0);

    let one_class = dataset(rows.clone(), |_| true);
    let error = run(&model, &one_class, &blocks, &quick(), 1).unwrap_err();
    assert!(error.to_string().contains("AUC undefined"), "{error}");

    let mut not_finite = good.clone();
    not_finite.rows[[7, 2]] = f32::NAN;
    let error = run(&model, &not_finite, &blocks, &quick(), 1).unwrap_err();
    assert!(error.to_string().contains("row 8,") && error.to_string().contains("x2"), "{error}");

    let bad_scores = Model(|row: &[f32]| if row[0] > 0.9 { f32::INFINITY } else { row[0] });
    let error = run(&bad_scores, &good, &blocks, &quick(), 1).unwrap_err();
    assert!(matches!(error, RelianceError::NotFiniteScore { .. }), "{error}");

    let single = good.select(&[0]);
    let error = run(&model, &single, &blocks, &quick(), 1).unwrap_err();
    assert!(matches!(error, RelianceError::TooFewRows { found: 1 }), "{error}");

    let wide = BlockSet::partition(vec![Block::new("a", [0, 5])], 6).unwrap();
    let error = run(&model, &good, &wide, &quick(), 1).unwrap_err();
    assert!(matches!(error, RelianceError::FeatureCount { .. }), "{error}");

    let options = RelianceOptions { metric: Some(Metric::R2), ..quick() };
    let error = run(&model, &good, &blocks, &options, 1).unwrap_err();
    assert!(error.to_string().contains("r2"), "{error}");

    let options = RelianceOptions { mode: DonorMode::WithinStratum, ..quick() };
    let error = run(&model, &good, &blocks, &options, 1).unwrap_err();
    assert!(error.to_string().contains("--strata"), "{error}");

    struct Broken(Identity);
    impl Transform for Broken {
        fn n_features(&self) -> usize {
            self.0.n_features()
        }
        fn forward(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
            rows.to_owned()
        }
        fn inverse(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
            rows.mapv(|value| 1.01 * value)
        }
    }
    let broken = Broken(Identity::new(4));
    let error =
        measure(&model, &good, &blocks, &broken, &quick(), Seed::new(1), &Unwatched).err().unwrap();
    assert!(matches!(error, RelianceError::RoundTrip { .. }), "{error}");
}

#[test]
fn no_signal_withholds_verdicts_and_constant_blocks_are_marked() {
    let mut rows = uniform(31, 300, 4);
    rows.column_mut(3).fill(0.25);
    let data = dataset(rows, |row| row[0] > 0.0);
    let blind = Model(|row: &[f32]| row[1]);
    let blocks =
        BlockSet::partition(vec![Block::new("used", [0, 1, 2]), Block::new("fixed", [3])], 4)
            .unwrap();
    let outcome = run(&blind, &data, &blocks, &quick(), 2).unwrap();
    assert!(!outcome.has_signal());
    assert!(
        outcome.blocks.iter().all(|block| block.verdict.is_none() && block.necessity.is_none())
    );
    assert!(outcome.caveats.iter().any(|caveat| caveat.kind == "no-signal"));
    let fixed = outcome.block("fixed").unwrap();
    assert!(fixed.flags.contains(&"constant".to_string()));
    assert_eq!(fixed.drop.value, 0.0);
}

#[test]
fn a_stochastic_model_is_noticed() {
    let data = dataset(uniform(33, 100, 2), |row| row[0] > 0.0);
    let calls = std::sync::atomic::AtomicU32::new(0);
    let model = Model(|row: &[f32]| {
        row[0] + 1e-3 * calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as f32
    });
    let blocks = BlockSet::partition(vec![Block::new("a", [0]), Block::new("b", [1])], 2).unwrap();
    let outcome = run(&model, &data, &blocks, &quick(), 3).unwrap();
    assert!(outcome.caveats.iter().any(|caveat| caveat.kind == "stochastic-model"));
}

/// Labels with some noise, so that metrics stay off their ends.
fn noisy(seed: u64, n_rows: usize) -> Dataset {
    let rows = uniform(seed, n_rows, 4);
    let mut stream = Seed::new(seed).child("test/label-noise", 0).stream();
    let indices = rows
        .rows()
        .into_iter()
        .map(|row| u32::from(row[0] + row[2] + 2.0 * stream.random::<f32>() - 1.0 > 0.0))
        .collect();
    Dataset { target: classes(indices), ..dataset(rows, |_| true) }
}

#[test]
fn comparisons_are_paired_over_rows() {
    let data = noisy(41, 800);
    let blocks = split_blocks(4);
    let measured = |model: &dyn Scorer| {
        let identity = Identity::new(4);
        measure(model, &data, &blocks, &identity, &quick(), Seed::new(1), &Unwatched).unwrap()
    };
    let before = measured(&Model(|row: &[f32]| row[0] + row[2]));
    let after = measured(&Model(|row: &[f32]| row[0] + 0.9 * row[2]));
    let both = |a: &Measurement, b: &Measurement| {
        let influences = a.influences.as_ref().zip(b.influences.as_ref());
        compare(&a.outcome, &b.outcome, influences).unwrap()
    };
    // The same result twice: no row could tell them apart.
    let same = both(&before, &before);
    assert!(same.paired_over_rows);
    for block in &same.blocks {
        let shares = [block.necessity.as_ref().unwrap(), block.sufficiency.as_ref().unwrap()];
        for change in shares.into_iter().chain([&block.randomized, &same.standard]) {
            let found = &change.difference;
            assert_eq!((found.value, found.low, found.high), (0.0, 0.0, 0.0));
            assert_eq!(change.p_value, 1.0);
        }
    }
    // Nearly the same model: the interval is far narrower than that of two sets of rows, and not a point.
    let paired = both(&before, &after);
    let unpaired = compare(&before.outcome, &after.outcome, None).unwrap();
    let width = |change: &Change| change.difference.high - change.difference.low;
    for (a, b) in paired.blocks.iter().zip(&unpaired.blocks) {
        for (a, b) in [
            (&a.randomized, &b.randomized),
            (a.necessity.as_ref().unwrap(), b.necessity.as_ref().unwrap()),
            (a.sufficiency.as_ref().unwrap(), b.sufficiency.as_ref().unwrap()),
            (&paired.standard, &unpaired.standard),
        ] {
            assert_eq!(a.difference.value, b.difference.value);
            assert!(width(a) > 0.0 && width(a) < 0.6 * width(b), "{} {}", width(a), width(b));
        }
    }
    // Influences of another result are refused.
    let error = compare(
        &before.outcome,
        &after.outcome,
        before.influences.as_ref().zip(before.influences.as_ref()),
    );
    assert!(error.unwrap_err().to_string().contains("another result"));
}

#[test]
fn the_variance_of_a_paired_change_is_that_over_samples_of_rows() {
    // 200 samples of rows: the spread of the change against the standard errors that single samples report.
    const N_SAMPLES: u64 = 200;
    let blocks = split_blocks(4);
    let (mut changes, mut variances) = (Vec::new(), Vec::new());
    for sample in 0..N_SAMPLES {
        let data = noisy(5000 + sample, 300);
        // With few repeats the noise of the donors counts twice: in ψ and between repeats.
        let options = RelianceOptions { repeats: 20, manifold: false, conflict: false, ..quick() };
        let identity = Identity::new(4);
        let seed = Seed::new(sample);
        let [before, after] = [1.0_f32, 0.5].map(|weight| {
            let model = Model(move |row: &[f32]| row[0] + weight * row[2]);
            measure(&model, &data, &blocks, &identity, &options, seed, &Unwatched).unwrap()
        });
        let influences = before.influences.as_ref().zip(after.influences.as_ref());
        let found = compare(&before.outcome, &after.outcome, influences).unwrap();
        let change = &found.blocks[1].randomized.difference;
        changes.push(change.value);
        variances.push(((change.high - change.low) / 2.0 / 1.96).powi(2));
    }
    let n = N_SAMPLES as f64;
    let mean = changes.iter().sum::<f64>() / n;
    let spread = changes.iter().map(|change| (change - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let ratio = variances.iter().sum::<f64>() / n / spread;
    // The standard error of a variance from 200 draws is 10 %.
    assert!((0.7..1.4).contains(&ratio), "{ratio}");
}

#[test]
fn few_rows_of_a_class_get_wilsons_interval() {
    for (n_positive, level) in [(1, 0.95), (2, 0.95), (10, 0.9), (29, 0.95)] {
        let rows = uniform(43, 200, 4);
        let mut indices = vec![0; 200];
        indices[..n_positive].fill(1);
        let mut data = Dataset { target: classes(indices), ..dataset(rows, |_| true) };
        for row in 0..n_positive {
            data.rows[[row, 0]] += 1.2;
        }
        let model = Model(|row: &[f32]| row[0]);
        let options = RelianceOptions { level, ..quick() };
        let outcome = run(&model, &data, &split_blocks(4), &options, 1).unwrap();
        let standard = &outcome.standard.metric;
        assert!(standard.value < 1.0 && standard.value > 0.6, "{}", standard.value);
        assert!(!outcome.standard.degenerate || n_positive == 1);
        let wilson = wilson_interval(standard.value, n_positive as f64, level).unwrap();
        assert!(
            (standard.low - wilson.0).abs() < 1e-12 && (standard.high - wilson.1).abs() < 1e-12
        );
        // A drop is not surer than the rows allow; scores that do not move are an exact zero all the same.
        let first = outcome.block("first").unwrap();
        let least = 1.0 - wilson_interval(1.0, n_positive as f64, level).unwrap().0;
        assert!(first.drop.high - first.drop.value >= least - 1e-12);
        assert_eq!(outcome.block("second").unwrap().drop.value, 0.0);
        let few = outcome.caveats.iter().find(|caveat| caveat.kind == "few-rows").unwrap();
        assert!(few.message.contains(&format!("\"yes\" has {n_positive} row")), "{}", few.message);
    }
}

#[test]
fn classes_of_one_row_are_left_out_by_name() {
    let rows = uniform(45, 120, 4);
    let indices = (0..120).map(|row| if row == 7 { 2 } else { u32::from(row % 2 == 0) }).collect();
    let names = vec!["a".into(), "b".into(), "rare".into()];
    let data = Dataset {
        target: Target::Classes(ClassLabels { indices, names }),
        ..dataset(rows, |_| true)
    };
    struct Logits;
    impl Scorer for Logits {
        fn n_outputs(&self) -> usize {
            3
        }
        fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
            Ok(rows.slice(ndarray::s![.., ..3]).to_owned())
        }
    }
    let outcome = run(&Logits, &data, &split_blocks(4), &quick(), 1).unwrap();
    let found = outcome.caveats.iter().find(|caveat| caveat.kind == "classes-left-out").unwrap();
    assert!(found.message.contains("\"rare\" (1)"), "{}", found.message);
    assert!(outcome.caveats.iter().all(|caveat| caveat.kind != "few-rows"));
}

#[test]
fn donors_that_know_the_class_get_no_verdicts() {
    let data = dataset(uniform(47, 400, 4), |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| row[0]);
    for mode in DonorMode::ALL {
        let mut data = data.clone();
        data.strata.push(Stratum {
            name: "site".into(),
            indices: (0..400).map(|row| row % 2).collect(),
            values: vec!["a".into(), "b".into()],
        });
        let options = RelianceOptions { mode, ..quick() };
        let identity = Identity::new(4);
        let measured =
            measure(&model, &data, &split_blocks(4), &identity, &options, Seed::new(1), &Unwatched)
                .unwrap();
        let outcome = &measured.outcome;
        let verdicts: Vec<_> = outcome.blocks.iter().map(|block| block.verdict).collect();
        let summary = plain_summary(outcome).join(" ");
        match mode {
            DonorMode::Permute | DonorMode::Independent => {
                let expected = [BlockVerdict::Exclusive, BlockVerdict::Unused];
                assert_eq!(verdicts, expected.map(Some), "{mode:?}");
            }
            DonorMode::WithinStratum => {
                let expected = [BlockVerdict::Dominant, BlockVerdict::Unused];
                assert_eq!(verdicts, expected.map(Some));
            }
            DonorMode::Swap | DonorMode::WithinClass => {
                // The noise block "keeps" all of the skill with donors of the same class.
                let noise = outcome.block("second").unwrap().sufficiency.as_ref().unwrap();
                assert!((noise.value > 0.9) == (mode == DonorMode::WithinClass), "{noise:?}");
                assert_eq!(verdicts, [None, None], "{mode:?}");
                assert!(summary.contains("Verdicts are withheld"), "{summary}");
                assert!(!summary.contains("half of the skill") && !summary.contains("leans"));
                let comparison = compare(outcome, outcome, None).unwrap();
                assert_eq!(comparison.n_sufficient, None);
                assert!(!comparison.is_more_diverse());
            }
        }
    }
}
