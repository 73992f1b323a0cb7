//! Which layers look random, and what a report says about them.

use simbias_report::{Answer, Element, Silent};
use simbias_spectra::document::spectrum_report;
use simbias_spectra::fit::TailRule;
use simbias_spectra::{LayerTable, Likeness, RateOptions, ScanOptions, scan};

use crate::sample::{Tensor, gaussian, heavy, model, random, tensor};

const SHAPES: [(&str, [usize; 2]); 6] = [
    ("a.layers.0.square.weight", [96, 96]),
    ("a.layers.0.wide.weight", [64, 100]),
    ("a.layers.0.long.weight", [200, 50]),
    ("a.layers.1.small.weight", [24, 24]),
    ("a.layers.1.flat.weight", [32, 160]),
    ("a.layers.1.large.weight", [160, 160]),
];

fn scanned(tensors: &[Tensor], options: &ScanOptions) -> LayerTable {
    scan(&model(tensors).checkpoint, options, &|_| true, &Silent).unwrap()
}

fn count(table: &LayerTable, likeness: Likeness) -> usize {
    table.beside_random().filter(|(_, found)| found.likeness() == likeness).count()
}

#[test]
fn random_matrices_of_many_shapes_look_random() {
    for windows in [true, false] {
        let (mut n, mut n_random) = (0, 0);
        for draw in 0..12 {
            let tensors: Vec<Tensor> = SHAPES
                .iter()
                .enumerate()
                .map(|(index, (name, shape))| random(name, shape, 100 * draw + index as u64))
                .collect();
            let mut options = ScanOptions::default();
            if !windows {
                options.windows = None;
            }
            let table = scanned(&tensors, &options);
            n += table.beside_random().count();
            n_random += count(&table, Likeness::Random);
        }
        assert_eq!(n, 12 * SHAPES.len());
        // Two criteria of three standard deviations or so each: nearly all pass.
        assert!(n_random * 20 >= n * 19, "{n_random} of {n}, windows: {windows}");
    }
}

#[test]
fn learned_directions_and_heavy_tails_do_not_look_random() {
    let [rows, cols] = [96, 96];
    let direction: Vec<f32> = {
        let (left, right) = (gaussian(rows, 900), gaussian(cols, 901));
        let noise = gaussian(rows * cols, 902);
        (0..rows * cols).map(|at| noise[at] + 0.5 * left[at / cols] * right[at % cols]).collect()
    };
    let tensors = [
        tensor("a.layers.0.spiked.weight", &[rows, cols], direction),
        tensor("a.layers.0.heavy.weight", &[rows, cols], heavy(rows * cols, 903)),
        random("a.layers.1.random.weight", &[rows, cols], 904),
    ];
    let table = scanned(&tensors, &ScanOptions::default());
    let likeness = |name: &str| {
        let found = table.beside_random().find(|(layer, _)| layer.name == name);
        found.map(|(_, found)| found.likeness())
    };
    assert_eq!(likeness("a.layers.0.spiked.weight"), Some(Likeness::RandomWithSpikes));
    assert_ne!(likeness("a.layers.0.heavy.weight"), Some(Likeness::Random));
    assert_eq!(likeness("a.layers.1.random.weight"), Some(Likeness::Random));
    let names: Vec<&str> =
        table.random_layers().iter().map(|(layer, _)| layer.name.as_str()).collect();
    assert_eq!(names, ["a.layers.1.random.weight"]);

    let report = spectrum_report(&table);
    assert!(
        report.headline.contains("1 of 3 layers looks like random numbers"),
        "{}",
        report.headline
    );
    assert!(report.headline.ends_with("never been trained: a.layers.1.random."));
    assert!(report.next_steps[0].text.contains("loaded and trained"), "{:?}", report.next_steps);
    assert!(matches!(&report.picture, Some(Element::Chart(chart)) if chart.id == "layer-map"));
    assert_eq!(report.first_figures()[0].value.display(), "1 of 3");
}

#[test]
fn another_rule_says_nothing_about_randomness() {
    let options = ScanOptions { rules: vec![TailRule::Ks], ..ScanOptions::default() };
    let table =
        scanned(&[random("a.weight", &[64, 64], 1), random("b.weight", &[64, 64], 2)], &options);
    assert_eq!(table.beside_random().count(), 0);
    let report = spectrum_report(&table);
    assert!(report.headline.contains("cannot be said"), "{}", report.headline);
}

#[test]
fn code_for_an_optimiser_names_every_layer_with_three_significant_digits() {
    let tensors: Vec<Tensor> = SHAPES
        .iter()
        .enumerate()
        .map(|(index, (name, shape))| {
            let n = shape[0] * shape[1];
            let values = if index < 2 { heavy(n, 7) } else { gaussian(n, index as u64) };
            tensor(name, shape, values)
        })
        .collect();
    let table = scanned(&tensors, &ScanOptions::default());
    let report = spectrum_report(&table);
    let stays = report.next_steps.iter().any(|step| step.text.starts_with("Do not give layers"));
    assert!(stays, "layers this small cannot be told apart: {:?}", report.next_steps);
    let rates = table.learning_rates(&RateOptions::new(1e-4)).unwrap();
    let report = rates.report();
    assert!(report.headline.starts_with("6 layers get a learning rate of their own, from 0.500"));
    let code = &report.next_steps[0].code;
    assert!(code.contains("torch.optim.AdamW"), "{code}");
    for (name, _) in SHAPES {
        let line = code.lines().find(|line| line.contains(name)).expect("every layer has a line");
        let factor = line.rsplit(": ").next().unwrap().trim_end_matches(',');
        let digits = factor.chars().filter(char::is_ascii_digit).collect::<String>();
        assert_eq!(digits.trim_start_matches('0').len(), 3, "{line}");
    }
}
