//! What must be equal, to the bit or up to rounding.

use ndarray::{Array1, Array2, ArrayView2};
use simbias_data::transform::{Identity, Transform};
use simbias_data::{Dataset, Scorer, Target};
use simbias_reliance::{
    Activation, Block, BlockSet, DenseNetwork, DonorMode, DonorSource, Randomizer, RelianceOptions,
    Side, budget_shares, mean_budget_shares, measure,
};
use simbias_report::Silent;
use simbias_stats::Seed;

use crate::samples::{
    Model, Opaque, dataset, network, quick, rotation_of_six, run, split_blocks, uniform,
};

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
        measure(&network, &rotated, &blocks, &transform, &quick(), Seed::new(6), &Silent)
            .unwrap()
            .outcome;
    let without = run(&on_z, &data, &blocks, &quick(), 6).unwrap();
    for (a, b) in with_transform.blocks.iter().zip(&without.blocks) {
        assert!((a.randomized.metric.value - b.randomized.metric.value).abs() < 1e-4);
        let (a, b) = (a.complement.as_ref().unwrap(), b.complement.as_ref().unwrap());
        assert!((a.metric.value - b.metric.value).abs() < 1e-4);
    }
}
