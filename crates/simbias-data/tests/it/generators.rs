//! Generators: determinism, dominoes drawn here, stand-ins.

use std::collections::BTreeSet;

use ndarray::s;
use simbias_data::embedded;
use simbias_data::synth::domino::{
    Pairing, StandIn, StandInKind, combine_at_random, fit_images, mean_pool_2x2, two_classes,
};
use simbias_data::synth::{Preset, PresetOptions};
use simbias_data::{Dataset, ImageShape};
use simbias_stats::Seed;

#[test]
fn the_same_seed_gives_the_same_rows_on_any_number_of_threads() {
    for preset in Preset::ALL {
        let options = PresetOptions {
            n_train: 3000,
            n_test: 500,
            dim: 12,
            seed: Seed::new(3),
            ..preset.defaults()
        };
        let on_threads = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| preset.generate(options).unwrap())
        };
        let one = on_threads(1);
        assert_eq!(one, on_threads(3), "{preset}");
        let other = preset.generate(PresetOptions { seed: Seed::new(4), ..options }).unwrap();
        assert_ne!(one.train.dataset.rows, other.train.dataset.rows, "{preset}");
    }
}

#[test]
fn noise_takes_half_of_its_share_from_a_linear_rule() {
    let options = PresetOptions { rotate: false, ..Preset::HatLms7.defaults() };
    let sample = Preset::HatLms7.generate(options).unwrap().test;
    let labels = &sample.dataset.class_labels().unwrap().indices;
    let linear = sample.dataset.rows.column(0);
    let right = |row: &usize| (linear[*row] > 0.0) == (labels[*row] == 1);
    let n = labels.len();
    let accuracy = (0..n).filter(right).count() as f64 / n as f64;
    assert!((accuracy - 0.95).abs() < 0.01, "{accuracy}");
    assert!((0..n).filter(|&row| sample.clean_mask[row]).all(|row| right(&row)));
}

fn digit_pair(zero: &str, one: &str) -> Dataset {
    two_classes(&mean_pool_2x2(&embedded::digits()).unwrap(), &[zero], &[one]).unwrap()
}

/// Which source image each half came from, by its pixels.
fn sources(domino: &Dataset, top: &Dataset, bottom: &Dataset) -> Vec<(usize, usize)> {
    let half = top.n_features();
    let find = |set: &Dataset, pixels: ndarray::ArrayView1<'_, f32>| {
        set.rows.rows().into_iter().position(|row| row == pixels).unwrap()
    };
    domino
        .rows
        .rows()
        .into_iter()
        .map(|row| (find(top, row.slice(s![..half])), find(bottom, row.slice(s![half..]))))
        .collect()
}

#[test]
fn pairing_keeps_the_label_of_the_half_that_is_not_dealt_out() {
    let (top, bottom) = (digit_pair("0", "1"), digit_pair("3", "8"));
    for (pairing, keeps_top, keeps_bottom) in [
        (Pairing::ByClass, true, true),
        (Pairing::RandomTop, false, true),
        (Pairing::RandomBottom, true, false),
    ] {
        let domino = combine_at_random(&top, &bottom, pairing, Seed::new(1)).unwrap();
        let labels = domino.dataset.class_labels().unwrap();
        let counts = labels.counts();
        assert_eq!(counts[0], counts[1]);
        let agreement = |set: &Dataset, rows: &[usize]| {
            let own = &set.class_labels().unwrap().indices;
            let same = rows.iter().zip(&labels.indices).filter(|&(&row, label)| own[row] == *label);
            same.count() as f64 / rows.len() as f64
        };
        let (tops, bottoms): (Vec<_>, Vec<_>) =
            sources(&domino.dataset, &top, &bottom).into_iter().unzip();
        for (set, rows, keeps) in [(&top, &tops, keeps_top), (&bottom, &bottoms, keeps_bottom)] {
            let agreement = agreement(set, rows);
            if keeps {
                assert_eq!(agreement, 1.0, "{pairing:?}");
            } else {
                assert!((agreement - 0.5).abs() < 0.06, "{pairing:?} {agreement}");
            }
            // No image is used twice.
            assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());
        }
    }
}

#[test]
fn images_of_other_widths_are_refused_with_a_hint() {
    let small = digit_pair("0", "1");
    let shape = ImageShape { channels: 3, height: 32, width: 32 };
    let large = fit_images(&digit_pair("3", "8"), shape).unwrap();
    let refused = combine_at_random(&small, &large, Pairing::ByClass, Seed::new(1)).unwrap_err();
    assert!(refused.to_string().contains("pad"), "{refused}");
    let fitted = fit_images(&small, shape).unwrap();
    let domino = combine_at_random(&fitted, &large, Pairing::ByClass, Seed::new(1)).unwrap();
    let expected = ImageShape { height: 64, ..shape };
    assert_eq!(domino.dataset.layout.image_shape(), Some(expected));
    assert_eq!(domino.top_height, 32);
}

#[test]
fn every_stand_in_is_drawn() {
    let digits = embedded::digits();
    for kind in StandInKind::ALL {
        assert_eq!(kind.name().parse::<StandInKind>(), Ok(kind));
        let stand_in = StandIn {
            n_train: 300,
            n_validation: 40,
            n_test: 50,
            ..StandIn::new(kind, Seed::new(5))
        };
        let splits = stand_in.generate(&digits).unwrap();
        assert_eq!(splits, stand_in.generate(&digits).unwrap());
        let shape = splits.train.dataset.layout.image_shape().unwrap();
        let expected = match kind {
            StandInKind::GlyphEasy | StandInKind::GlyphXor => [1, 32, 16],
            StandInKind::Digits => [1, 28, 14],
            StandInKind::DigitsXor => [1, 28, 28],
        };
        assert_eq!([shape.channels, shape.height, shape.width], expected, "{kind}");
        for (part, n_rows) in [(&splits.train, 300), (&splits.validation, 40), (&splits.test, 50)] {
            assert_eq!(part.dataset.n_rows(), n_rows);
            assert_eq!(part.top_height, shape.height / 2);
            assert_eq!(part.dataset.class_labels().unwrap().counts().len(), 2);
        }
    }
    assert!("digits".parse::<StandInKind>().is_err());
}

/// The lower digits' types decide the class by XOR, the upper digit alone does too, and no digit
/// is in two parts.
#[test]
fn digits_xor_is_what_it_says() {
    let digits = embedded::digits();
    let pooled = mean_pool_2x2(&digits).unwrap();
    let truth = &pooled.class_labels().unwrap().indices;
    let stand_in = StandIn {
        n_train: 150,
        n_validation: 150,
        n_test: 150,
        ..StandIn::new(StandInKind::DigitsXor, Seed::new(8))
    };
    let splits = stand_in.generate(&digits).unwrap();
    let used = [&splits.train, &splits.validation, &splits.test].map(|part| {
        let shape = part.dataset.layout.image_shape().unwrap();
        let labels = &part.dataset.class_labels().unwrap().indices;
        let mut used = BTreeSet::new();
        for (row, &label) in part.dataset.rows.rows().into_iter().zip(labels) {
            let image = row.to_shape((shape.height, shape.width)).unwrap();
            let mut digit_at = |top: usize, left: usize| {
                let tile = image.slice(s![top..top + 14, left..left + 14]);
                let tile = tile.flatten();
                let found = pooled.rows.rows().into_iter().position(|row| row == tile).unwrap();
                used.insert(found);
                truth[found]
            };
            assert_eq!(digit_at(0, 7), label);
            let types = [digit_at(14, 0), digit_at(14, 14)].map(|digit| match digit {
                3 => 0,
                8 => 1,
                other => panic!("a {other} below"),
            });
            assert_eq!(types[0] ^ types[1], label);
        }
        used
    });
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        assert!(used[first].is_disjoint(&used[second]));
    }
}

#[test]
fn unusable_stand_ins_are_refused() {
    let digits = embedded::digits();
    let base = StandIn::new(StandInKind::Digits, Seed::new(0));
    for bad in [
        StandIn { n_test: 0, ..base.clone() },
        StandIn { bottom: [vec![0], vec![8]], ..base.clone() },
        StandIn { bottom: [vec![], vec![8]], ..base.clone() },
        StandIn { top: [vec![0], vec![12]], ..base.clone() },
    ] {
        assert!(bad.generate(&digits).is_err(), "{bad:?}");
    }
    let table =
        Preset::Lms5.generate(PresetOptions { n_train: 9, n_test: 9, ..Preset::Lms5.defaults() });
    assert!(base.generate(&table.unwrap().train.dataset).is_err());
}
