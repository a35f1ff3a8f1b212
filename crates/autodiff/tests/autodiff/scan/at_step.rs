//! Sequences that a step reads by `at_step`.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use super::support::{Case, Execution, distance, loss, param, run, uniform};
use crate::faults::caught::refuses;

/// Values and gradients of a recurrence that blends its state with weights read by `at_step`.
fn blended(execution: Execution, reversed: bool) -> Vec<Tensor<f64>> {
    let w = param([3, 3], 1);
    let blend = uniform([5, 2, 3], 2);
    let case = Case {
        sequences: vec![uniform([5, 2, 3], 3)],
        state: vec![uniform([2, 3], 4)],
        params: vec![w],
        reversed,
    };
    let tape = Tape::new();
    let [xs, h] = [&case.sequences[0], &case.state[0]].map(|x| tape.variable(x.clone()));
    let values = run(&case, execution, &[xs], &[h], |x, h| {
        let blend = tape.at_step(&blend);
        let next = blend * h[0] + (1.0 - blend) * (x[0] + h[0].matmul(&case.params[0])).tanh();
        (vec![next * tape.at_step(&case.sequences[0])], vec![next])
    });
    let gradients = tape.backward(loss(&values));
    let gradients =
        [gradients.wrt(xs), gradients.wrt(h), &gradients[&case.params[0]]].map(Tensor::clone);
    values.iter().map(|y| y.value()).chain(gradients).collect()
}

#[test]
fn a_scan_reads_the_same_entries_as_the_loop() {
    for reversed in [false, true] {
        let expected = blended(Execution::Loop, reversed);
        for execution in [Execution::Scan, Execution::Recomputed(2)] {
            let error = distance(&blended(execution, reversed), &expected);
            assert!(error < 1e-14, "{execution:?}, reversed {reversed}: off by {error:e}");
        }
    }
    assert_ne!(blended(Execution::Scan, false), blended(Execution::Scan, true));
}

/// The inner loop's own sequence has an entry for each inner step, at any step of the outer loop.
#[test]
fn loops_within_a_step_read_their_own_entries() {
    let (outer, inner) = (uniform::<f64>([4, 2, 3], 1), uniform::<f64>([2, 2, 3], 2));
    let tape = Tape::new();
    let xs = tape.constant(Tensor::ones([4, 2, 3]));
    let pair = tape.constant(Tensor::ones([2, 2, 3]));
    let scanned = tape.scan(xs, ()).run(|x, ()| {
        let in_a_scan = tape.scan(pair, x).run(|_, s| ((), s + tape.at_step(&inner)));
        let mut in_a_loop = x;
        for step in 0..2 {
            let before = tape.set_step(Some(step));
            in_a_loop = in_a_loop + tape.at_step(&inner);
            tape.set_step(before);
        }
        let own = tape.at_step(&outer);
        ([in_a_scan.state * own, in_a_loop * own], ())
    });
    let sum = Tensor::ones([2, 3]) + inner.index_first(0) + inner.index_first(1);
    let expected = &outer * &sum;
    let values: Vec<_> = scanned.outputs.iter().map(|y| y.value()).collect();
    let error = distance(&values, &[expected.clone(), expected]);
    assert!(error < 1e-15, "off by {error:e}");
}

#[test]
fn a_sequence_without_an_entry_for_the_step_is_refused() {
    let tape = Tape::new();
    let xs = tape.constant(Tensor::<f64>::ones([4, 2, 3]));
    let short = Tensor::ones([3, 2, 3]);
    let scan = || tape.scan(xs, ());
    let message =
        "at_step: a sequence [3, 2, 3] does not have 4 entries, one for each step of the scan";
    refuses!(scan().run(|_, ()| (tape.at_step(&short), ())); message);
    let message = "steps that arrive one by one have no number";
    refuses!(scan().stepper(|_, ()| (tape.at_step(&short), ())); message);
    refuses!(tape.at_step(&short); "at_step: no step is being run");
    tape.set_step(Some(3));
    refuses!(tape.at_step(&short); "[3, 2, 3] has no entry for step 3");
    refuses!(tape.at_step(&Tensor::scalar(1.0)); "a sequence is [T, ..], not []");
}

/// A loop over zero steps may run its equations once, to find the shapes that they compute.
#[test]
fn a_sequence_without_entries_has_their_shape() {
    let tape = Tape::<f64>::new();
    let nothing = Tensor::zeros([0, 2, 3]);
    tape.set_step(Some(0));
    assert_eq!(tape.at_step(&nothing).value(), Tensor::zeros([2, 3]));
    let xs = tape.constant(nothing.clone());
    let scanned = tape.scan(xs, ()).run(|_, ()| (tape.at_step(&nothing), ()));
    assert_eq!(scanned.outputs.shape(), [0, 2, 3]);
}
