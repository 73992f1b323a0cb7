//! The table, the names by which claims are found, and running one.

use std::collections::BTreeSet;

use simbias_claims::{Availability, ClaimError, MeasureContext, Scale, all, claim, run, select};
use simbias_report::{Progress, Silent, Verdict};

use crate::sample::{MISSPELT, REPEATED, RISING, outcome};

#[test]
fn every_id_and_criterion_name_is_unique() {
    let mut ids = BTreeSet::new();
    for claim in all() {
        assert!(ids.insert(claim.id), "{} stands twice", claim.id);
        let names: BTreeSet<_> = claim.criteria.iter().map(|criterion| criterion.name).collect();
        assert_eq!(names.len(), claim.criteria.len(), "{}", claim.id);
    }
    let expected: Vec<String> = (1..=19).map(|number| format!("P2-C{number}")).collect();
    let found: Vec<&str> =
        all().filter(|claim| claim.paper.number == "02").map(|claim| claim.id).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_runnable_claim_says_what_it_expects() {
    for claim in all() {
        for scale in Scale::ALL {
            if let Availability::Runnable { minutes } = claim.availability(scale) {
                assert!(!claim.criteria.is_empty(), "{} has no criteria", claim.id);
                assert!(minutes > 0.0, "{}", claim.id);
            }
        }
        for text in [claim.title, claim.statement, claim.paper_figure, claim.reference] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", claim.id);
        }
    }
}

#[test]
fn claims_are_found_by_id_and_paper() {
    assert_eq!(claim("p2-c11").unwrap().id, "P2-C11");
    assert!(claim("P2-C99").is_none());
    let ids = |names: &str| -> Vec<&str> {
        select(names).unwrap().into_iter().map(|claim| claim.id).collect()
    };
    assert_eq!(ids("P2-C4, p2-c1,P2-C4"), ["P2-C1", "P2-C4"]);
    for paper in ["02", "2", "P2", "pitfalls"] {
        assert_eq!(ids(paper).len(), 19, "{paper}");
    }
    assert_eq!(ids("all").len(), all().count());
    for unknown in ["", "P2-C0", "99", "everything", "P2-C1,nothing"] {
        assert!(matches!(select(unknown), Err(ClaimError::Unknown { .. })), "{unknown:?}");
    }
    assert_eq!("GPU".parse::<Scale>().unwrap(), Scale::Gpu);
    assert!("huge".parse::<Scale>().is_err());
}

#[test]
fn three_seeds_decide_and_two_do_not() {
    assert_eq!(outcome(3).verdict, Verdict::Holds);
    for n_seeds in [0, 1, 2] {
        let outcome = outcome(n_seeds);
        assert_eq!(outcome.verdict, Verdict::Inconclusive, "{n_seeds} seeds");
        assert!(!outcome.reason.is_empty());
        assert_eq!(outcome.criteria[0].per_seed.len(), n_seeds, "every value is kept");
    }
}

#[test]
fn what_cannot_run_is_an_outcome_with_its_needs() {
    for (scale, word) in [(Scale::Gpu, "a large machine"), (Scale::Full, "full")] {
        let outcome = run(&RISING, &mut MeasureContext::new(scale, 0, 3, &Silent)).unwrap();
        assert_eq!(outcome.verdict, Verdict::NotRun);
        assert!(outcome.reason.contains(word), "{}", outcome.reason);
    }
}

/// Every measurement passes through and reports the criteria of its scale, one number a seed.
#[test]
fn every_measurement_fits_the_table() {
    for claim in all() {
        if claim.measure_at(Scale::Cpu).is_err() {
            continue;
        }
        let mut context = MeasureContext::new(Scale::Cpu, 3, 1, &Silent);
        context.quick = true;
        let outcome = run(claim, &mut context).unwrap_or_else(|error| panic!("{error}"));
        assert!(!outcome.criteria.is_empty(), "{}", claim.id);
        for found in &outcome.criteria {
            assert_eq!(found.per_seed.len(), 1, "{}: {}", claim.id, found.criterion.name);
        }
    }
}

/// What an accelerator is to run passes through on a CPU as well, with stand-ins for the user's MNIST and CIFAR-10.
#[test]
fn every_measurement_for_an_accelerator_runs_at_quick_size() {
    let folder = tempfile::tempdir().unwrap();
    stand_ins::write(folder.path()).unwrap();
    let mut n_run = 0;
    for claim in all().filter(|claim| claim.paper.number == "02") {
        if claim.measure_at(Scale::Gpu).is_err() {
            continue;
        }
        let mut context = MeasureContext::new(Scale::Gpu, 3, 1, &Silent);
        context.quick = true;
        context.data_folder = Some(folder.path().into());
        let outcome = run(claim, &mut context).unwrap_or_else(|error| panic!("{error}"));
        assert!(!outcome.criteria.is_empty(), "{}: {}", claim.id, outcome.reason);
        for found in &outcome.criteria {
            assert_eq!(found.per_seed.len(), 1, "{}: {}", claim.id, found.criterion.name);
        }
        n_run += 1;
    }
    assert!(n_run >= 6, "{n_run} claims of paper 02 have code for an accelerator");
}

/// Files of the formats of MNIST and CIFAR-10 with a few images of noise in them.
mod stand_ins {
    use std::path::Path;

    /// Pixels that differ from image to image.
    fn noise(n: usize, salt: usize) -> impl Iterator<Item = u8> {
        (0..n).map(move |i| ((i * 2_654_435_761 + salt * 97) >> 9) as u8)
    }

    pub(super) fn write(folder: &Path) -> std::io::Result<()> {
        let (mnist, cifar) = (folder.join("mnist"), folder.join("cifar10"));
        std::fs::create_dir_all(&mnist)?;
        std::fs::create_dir_all(&cifar)?;
        for (name, n) in [("train", 40_usize), ("t10k", 20)] {
            let size = (n as u32).to_be_bytes();
            let mut images = [&[0, 0, 8, 3][..], &size, &[0, 0, 0, 28, 0, 0, 0, 28]].concat();
            images.extend(noise(n * 28 * 28, n));
            let mut labels = [&[0, 0, 8, 1][..], &size].concat();
            labels.extend((0..n).map(|i| (i % 2) as u8));
            std::fs::write(mnist.join(format!("{name}-images-idx3-ubyte")), images)?;
            std::fs::write(mnist.join(format!("{name}-labels-idx1-ubyte")), labels)?;
        }
        let batches = (1..=5).map(|batch| (format!("data_batch_{batch}"), 8_usize));
        for (name, n) in batches.chain([("test_batch".to_string(), 20)]) {
            let mut records = Vec::new();
            for i in 0..n {
                records.push(if i % 2 == 0 { 1 } else { 9 });
                records.extend(noise(3072, i + name.len()));
            }
            std::fs::write(cifar.join(format!("{name}.bin")), records)?;
        }
        Ok(())
    }
}

#[test]
fn without_the_persons_files_a_claim_is_not_run() {
    for (id, needs) in [
        ("P2-C13", "needs the MNIST files"),
        ("P2-C5", "needs the MNIST files"),
        ("P2-C16", "needs the MNIST files"),
        ("P8-C6", "needs the CIFAR-100 files"),
    ] {
        let mut context = MeasureContext::new(Scale::Gpu, 0, 3, &Silent);
        context.data_folder = Some("no such folder".into());
        let outcome = run(claim(id).unwrap(), &mut context).unwrap();
        assert_eq!(outcome.verdict, Verdict::NotRun, "{id}");
        assert!(outcome.reason.contains(needs), "{}", outcome.reason);
    }
}

#[test]
fn a_quick_run_is_never_judged() {
    let mut context = MeasureContext::new(Scale::Cpu, 0, 5, &Silent);
    context.quick = true;
    assert_eq!(run(&RISING, &mut context).unwrap().verdict, Verdict::Inconclusive);
}

#[test]
fn a_measurement_must_fit_the_table() {
    let mut context = MeasureContext::new(Scale::Cpu, 0, 3, &Silent);
    let error = run(&MISSPELT, &mut context).unwrap_err();
    assert!(error.to_string().contains("\"acuracy\""), "{error}");
    let error = run(&REPEATED, &mut context).unwrap_err();
    assert!(matches!(error, ClaimError::RepeatedSeed { seed: 0, .. }), "{error}");
}

#[test]
fn an_interrupt_ends_the_measurement() {
    struct Stop;
    impl Progress for Stop {
        fn advance(&self, _done: usize, _total: usize, _remark: &str) {}
        fn wants_stop(&self) -> bool {
            true
        }
    }
    let error = run(&RISING, &mut MeasureContext::new(Scale::Cpu, 0, 3, &Stop)).unwrap_err();
    assert!(matches!(error, ClaimError::Interrupted { .. }), "{error}");
}
