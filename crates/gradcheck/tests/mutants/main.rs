//! The kit's own proof: known bugs, each of which it must find, beside correct twins, in which it must
//! find nothing. `docs/gradcheck-mutants.md` is the list of what it found; to write it anew:
//!
//! ```text
//! GRADCHECK_BLESS=1 cargo test -p bptt-gradcheck --test mutants
//! ```

extern crate bptt_layers as bptt; // where derived code looks for what it needs

mod by_hand;
mod cotangents;
mod elman_step;
mod equations;
mod hidden_state;
mod linear;
mod lstm_step;
mod normalised;
mod page;
mod pointwise;
mod rule;
mod table;

use bptt_gradcheck::{Check, Law};

/// A check of a cell that takes a second: of few cases, without the higher orders. These cost more than all
/// other laws together, and operations show them.
pub(crate) fn quick<F>(check: Check<F>) -> Check<F> {
    check.cases(6).without(&[Law::SecondOrder, Law::ThirdOrder])
}

/// A mutant and what the kit found wrong with it.
struct Found {
    subject: &'static str,
    mutant: table::Mutant,
    killed_by: Vec<Law>,
    /// The smallest case of the first of these laws.
    case: String,
}

#[test]
fn correct_twins_obey_every_law() {
    for subject in table::subjects() {
        let report = (subject.twin)();
        assert!(report.holds(), "{}: {report}", subject.name);
    }
}

#[test]
fn every_mutant_is_killed_and_every_law_kills() {
    let all = found();
    let survivors: Vec<_> = all
        .iter()
        .filter(|found| found.killed_by.is_empty())
        .map(|found| found.mutant.name)
        .collect();
    assert!(survivors.is_empty(), "no law finds what is wrong with {survivors:?}");
    for law in Law::ALL {
        let kills = all.iter().any(|found| found.killed_by.contains(law));
        assert!(kills, "{law} is broken by no mutant: what is it for?");
    }
    page::compare(&page::markdown(&all));
}

fn found() -> Vec<Found> {
    let mut all = Vec::new();
    for subject in table::subjects() {
        for mutant in subject.mutants {
            let report = (mutant.check)();
            let killed_by = report.failures().map(|failure| failure.law()).collect();
            let case = report.failures().next().map(|failure| failure.case().to_owned());
            let case = case.unwrap_or_default();
            all.push(Found { subject: subject.name, mutant, killed_by, case });
        }
    }
    all
}
