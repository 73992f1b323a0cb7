//! The record of runs: its wire form, the committed one, and own runs in front of it.

use simbias_claims::{Ledger, MeasureContext, Outcome, Scale, all, run};
use simbias_report::{Silent, Verdict};

use crate::sample::{RISING, outcome, stamp};

#[test]
fn the_wire_form_comes_back_unchanged() {
    let mut ledger = Ledger::default();
    ledger.record(&outcome(4), stamp("2026-01-02")).unwrap();
    ledger.record(&outcome(1), stamp("2026-01-02")).unwrap();
    let json = ledger.to_json();
    assert_eq!(Ledger::from_json(&json).unwrap(), ledger);
    assert_eq!(Ledger::from_json(&json).unwrap().to_json(), json);
}

#[test]
fn figures_and_circumstances_are_kept() {
    let mut ledger = Ledger::default();
    ledger.record(&outcome(3), stamp("2026-01-02")).unwrap();
    let entry = ledger.entry("P2-C1", Scale::Cpu).unwrap();
    let criterion = &entry.criteria[0];
    assert_eq!(criterion.values, [Some(0.9), Some(0.91), Some(0.92)]);
    assert_eq!(criterion.seeds, [5, 6, 7]);
    assert!((criterion.mean.unwrap() - 0.91).abs() < 1e-12);
    assert!((criterion.high.unwrap() - 0.91 - 0.024_841).abs() < 1e-5, "t(2) = 4.3027");
    assert_eq!(entry.controls[0].values, [Some(5.0), Some(6.0), Some(7.0)]);
    assert_eq!((entry.paper_figure.as_str(), entry.reference.as_str()), (".95", "T1"));
    assert_eq!(entry.stamp, stamp("2026-01-02"));
}

#[test]
fn a_later_run_replaces_an_earlier_one_of_the_same_claim_and_scale() {
    let mut ledger = Ledger::default();
    ledger.record(&outcome(2), stamp("2026-01-02")).unwrap();
    ledger.record(&outcome(3), stamp("2026-01-03")).unwrap();
    ledger.record(&Outcome::not_run(&RISING, Scale::Gpu, "needs it"), stamp("2026-01-03")).unwrap();
    assert_eq!(ledger.entries().len(), 2);
    assert_eq!(ledger.entries()[0].verdict, Verdict::Holds);
    assert_eq!(ledger.entries()[0].stamp.date, "2026-01-03");

    // A measured entry stays when it could not be measured again.
    ledger.record(&Outcome::not_run(&RISING, Scale::Cpu, "no"), stamp("2026-01-04")).unwrap();
    assert_eq!(ledger.entries()[0].verdict, Verdict::Holds);

    let mut other = Ledger::default();
    other.record(&outcome(1), stamp("2026-01-05")).unwrap();
    ledger.merge(other);
    assert_eq!(ledger.entries().len(), 2);
    assert_eq!(ledger.entries()[0].stamp.date, "2026-01-05");
}

#[test]
fn changes_of_verdicts_are_kept() {
    let mut ledger = Ledger::default();
    let changes = |ledger: &Ledger| -> Vec<(Verdict, Verdict, String)> {
        ledger.changes().iter().map(|found| (found.from, found.to, found.date.clone())).collect()
    };
    ledger.record(&outcome(2), stamp("2026-01-02")).unwrap();
    ledger.record(&outcome(2), stamp("2026-01-03")).unwrap();
    ledger.record(&outcome(3), stamp("2026-01-04")).unwrap();
    // What cannot be measured is not a change.
    for scale in [Scale::Cpu, Scale::Gpu] {
        ledger.record(&Outcome::not_run(&RISING, scale, "no"), stamp("2026-01-05")).unwrap();
    }
    let expected = [
        (Verdict::NotRun, Verdict::Inconclusive, "2026-01-02".to_string()),
        (Verdict::Inconclusive, Verdict::Holds, "2026-01-04".to_string()),
    ];
    assert_eq!(changes(&ledger), expected);
    assert!(ledger.changes()[0].reason.contains("2 of at least 3 seeds"));
    assert_eq!(Ledger::from_json(&ledger.to_json()).unwrap(), ledger);
}

#[test]
fn the_committed_changes_lead_to_the_committed_verdicts() {
    let ledger = Ledger::committed();
    for entry in ledger.entries().iter().filter(|entry| entry.verdict != Verdict::NotRun) {
        let mut verdict = Verdict::NotRun;
        for change in ledger.changes() {
            if (&change.claim, change.scale) == (&entry.claim, entry.scale) {
                assert_eq!(change.from, verdict, "{}", entry.claim);
                verdict = change.to;
            }
        }
        assert_eq!(verdict, entry.verdict, "{}", entry.claim);
    }
}

#[test]
fn claims_stand_in_numerical_order() {
    let ids = ["P2-C10", "P10-C1", "P2-C9", "P2-C1"];
    let claims = ids.map(|id| {
        let claim: &'static simbias_claims::Claim =
            Box::leak(Box::new(simbias_claims::Claim { id, ..RISING }));
        claim
    });
    let mut ledger = Ledger::default();
    for claim in claims {
        let outcome = run(claim, &mut MeasureContext::new(Scale::Cpu, 0, 3, &Silent)).unwrap();
        ledger.record(&outcome, stamp("2026-01-02")).unwrap();
    }
    let order: Vec<&str> = ledger.entries().iter().map(|entry| entry.claim.as_str()).collect();
    assert_eq!(order, ["P2-C1", "P2-C9", "P2-C10", "P10-C1"]);
}

#[test]
fn quick_runs_are_not_kept() {
    let mut context = MeasureContext::new(Scale::Cpu, 0, 3, &Silent);
    context.quick = true;
    let outcome = run(&RISING, &mut context).unwrap();
    let mut ledger = Ledger::default();
    assert!(ledger.record(&outcome, stamp("2026-01-02")).is_err());
    assert!(ledger.entries().is_empty());
}

#[test]
fn other_texts_are_refused_with_a_reason() {
    let mut ledger = Ledger::default();
    ledger.record(&outcome(3), stamp("2026-01-02")).unwrap();
    let newer = ledger.to_json().replace("ledger/1", "ledger/2");
    let entry = serde_json::to_value(&ledger.entries()[0]).unwrap();
    let twice = serde_json::json!({ "schema": Ledger::SCHEMA, "entries": [entry, entry] });
    for (text, part) in [
        (newer.as_str(), "ledger/2"),
        (twice.to_string().as_str(), "twice"),
        ("{}", "schema"),
        ("", "EOF"),
    ] {
        let message = Ledger::from_json(text).unwrap_err().to_string();
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

#[test]
fn the_committed_ledger_comes_with_the_program() {
    let ledger = Ledger::committed();
    assert!(!ledger.entries().is_empty());
    for entry in ledger.entries() {
        assert!(all().any(|claim| claim.id == entry.claim), "{} is not a claim", entry.claim);
        assert!(!entry.is_own, "{}", entry.claim);
    }
}

#[test]
fn own_runs_stand_in_front_of_committed_ones() {
    let committed = Ledger::committed();
    let own = |ledger: &Ledger| ledger.entries().iter().filter(|entry| entry.is_own).count();
    assert_eq!(own(&Ledger::with_own(Ledger::default())), 0);
    assert_eq!(own(&Ledger::with_own(committed.clone())), 0, "equal entries are not marked");

    let mut mine = Ledger::default();
    mine.record(&outcome(3), stamp("2030-01-02")).unwrap();
    let known = Ledger::with_own(mine);
    assert_eq!((own(&known), known.entries().len()), (1, committed.entries().len()));
    let entry = known.entry("P2-C1", Scale::Cpu).unwrap();
    assert!(entry.is_own && entry.stamp.date == "2030-01-02");
    assert!(!known.to_json().contains("is_own"), "the mark is not stored");

    // A claim that was not run does not hide a measured entry.
    let mut idle = Ledger::default();
    idle.record(&Outcome::not_run(&RISING, Scale::Cpu, "no"), stamp("2030-01-02")).unwrap();
    assert_eq!(Ledger::with_own(idle), committed);
}
