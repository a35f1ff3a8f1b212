//! Steppers compute the same values as a run over the whole sequence, and allocate nothing.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{HalfPrecision, Tensor};

use super::support::{param, uniform};
use crate::faults::caught::refuses;
use crate::sequences::allocated_by;

fn gated<'t>(
    x: Var<'t, f64>,
    h: Var<'t, f64>,
    [w, u]: [Var<'t, f64>; 2],
) -> (Var<'t, f64>, Var<'t, f64>) {
    let gate = (x.matmul(w) + h.matmul(u)).sigmoid();
    let next = gate * h + (1.0 - gate) * x.matmul(w).tanh();
    (next * 2.0, next)
}

#[test]
fn steps_compute_what_the_sequence_does() {
    let (w, u) = (param([3, 4], 1), param([4, 4], 2));
    let (xs, h) = (uniform::<f64>([6, 2, 3], 3), uniform::<f64>([2, 4], 4));
    let tape = Tape::new();
    let [w, u] = [&w, &u].map(|param| tape.param(param));
    let (sequence, start) = (tape.constant(xs.clone()), tape.constant(h));
    let scan = || tape.scan(sequence, start);
    let whole = scan().run(|x, h| gated(x, h, [w, u]));
    let mut online = scan().stepper(|x, h| gated(x, h, [w, u]));
    for t in 0..6 {
        online.step(&[xs.index_first(t).as_slice()]);
        assert_eq!(online.output(0), whole.outputs.value().index_first(t).as_slice());
    }
    assert_eq!(online.state(0), whole.state.value().as_slice());
    let again = |online: &mut bptt_autodiff::Stepper<f64>| {
        for _ in 0..100 {
            online.step(&[xs.index_first(0).as_slice()]);
        }
    };
    again(&mut online); // the first run fills the thread's pool
    assert_eq!(allocated_by(|| again(&mut online)), 0);
    online.state_mut(0).fill(0.0);
    online.step(&[xs.index_first(0).as_slice()]);
    let fresh = Tensor::zeros([2, 4]);
    let from_zero =
        tape.scan(sequence.slice(0, 0..2), tape.constant(fresh)).run(|x, h| gated(x, h, [w, u]));
    assert_eq!(online.output(0), from_zero.outputs.value().index_first(0).as_slice());
}

/// Whatever happens to the state, known entries give the bits of computed ones. With room for three, the fourth is
/// computed each time.
#[test]
fn memoized_entries_change_no_bit() {
    let (w, u) = (param([3, 4], 1), param([4, 4], 2));
    let tape = Tape::new();
    let [w, u] = [&w, &u].map(|param| tape.param(param));
    let entries = uniform::<f64>([4, 2, 3], 3);
    let (sequence, start) = (tape.constant(entries.clone()), tape.constant(uniform([2, 4], 4)));
    for capacity in [0, 3] {
        let stepper = || tape.scan(sequence, start).stepper(|x, h| gated(x, h, [w, u]));
        let mut both = [stepper(), stepper().memoize(capacity)];
        for (count, t) in [0, 1, 0, 2, 3, 3, 1, 2, 0].into_iter().enumerate() {
            let [plain, memoized] = both.each_mut().map(|stepper| {
                match count {
                    3 => stepper.reset(&[1]),
                    5 => stepper.gather_rows(&[1, 0]),
                    7 => stepper.set_state(&[Tensor::ones([2, 4])]),
                    _ => {}
                }
                stepper.step(&[entries.index_first(t).as_slice()]);
                [stepper.output(0).to_vec(), stepper.state(0).to_vec()]
            });
            assert_eq!(plain, memoized, "step {count} with room for {capacity}");
        }
    }
}

/// A stepper with weights in half precision equals one whose weights were rounded beforehand, also where earlier results
/// were kept. Biases are not rounded.
#[test]
fn half_precision_rounds_the_weights_of_products() {
    let (w, u) = (param([3, 4], 1), param([4, 4], 2));
    let rounded = [&w, &u].map(|weight| {
        let round =
            |&x| HalfPrecision::F16.decode(HalfPrecision::F16.encode(x).expect("below 65504"));
        let elements = weight.value().as_slice().iter().map(round).collect();
        Param::new(Tensor::from_vec(weight.shape(), elements))
    });
    assert_ne!(rounded[0].value(), w.value());
    let tape = Tape::new();
    let full = [&w, &u].map(|param| tape.param(param));
    let rounded = rounded.each_ref().map(|param| tape.param(param));
    let entries = uniform::<f64>([4, 1, 3], 3);
    let (sequence, start) = (tape.constant(entries.clone()), tape.constant(uniform([1, 4], 4)));
    let stepper = |weights| tape.scan(sequence, start).stepper(|x, h| gated(x, h, weights));
    let mut expected = stepper(rounded);
    let mut halved = stepper(full).memoize(4);
    halved.step(&[entries.index_first(0).as_slice()]);
    let mut halved = halved.half_precision();
    halved.reset(&[0]);
    for t in [0, 1, 2, 3, 0] {
        for stepper in [&mut expected, &mut halved] {
            stepper.step(&[entries.index_first(t).as_slice()]);
        }
        assert_eq!(halved.output(0), expected.output(0), "step {t}");
    }
}

/// A softmax over the batch.
fn competing<'t>(x: Var<'t, f64>, s: Var<'t, f64>) -> (Var<'t, f64>, Var<'t, f64>) {
    let share = (x + s).softmax(0);
    (share, share)
}

#[test]
fn a_step_that_cannot_be_lowered_is_stepped_too() {
    let tape = Tape::new();
    let xs = uniform::<f64>([3, 2, 3], 5);
    let (sequence, start) = (tape.constant(xs.clone()), tape.constant(Tensor::zeros([2, 3])));
    let whole = tape.scan(sequence, start).run(competing);
    let mut online = tape.scan(sequence, start).stepper(competing);
    for t in 0..3 {
        online.step(&[xs.index_first(t).as_slice()]);
        assert_eq!(online.output(0), whole.outputs.value().index_first(t).as_slice());
    }
    assert_eq!(online.state(0), whole.state.value().as_slice());
}

/// The reset sequences restart from the initial state, and the others go on. After `set_state`, the
/// stepper continues from the new state.
#[test]
fn sequences_of_the_batch_are_reset() {
    type Step = for<'t> fn(Var<'t, f64>, [Var<'t, f64>; 2]) -> (Var<'t, f64>, [Var<'t, f64>; 2]);
    let by_rows: Step = |x, s| {
        let next = (x + s[0] * 0.5).tanh();
        (next, [next, s[1] + x])
    };
    let by_operations: Step = |x, s| {
        let next = (x + s[0]).softmax(0).sum_keep(&[-1]) * s[0];
        (next, [next, s[1] + x])
    };
    for step in [by_rows, by_operations] {
        let tape = Tape::new();
        let xs = uniform::<f64>([4, 3, 2], 6);
        let start = [uniform::<f64>([3, 2], 7), uniform::<f64>([3, 2], 8)];
        let state = start.each_ref().map(|s| tape.constant(s.clone()));
        let mut online = tape.scan(tape.constant(xs.clone()), state).stepper(step);
        let before = |online: &bptt_autodiff::Stepper<f64>| {
            [0, 1].map(|j| Tensor::from_slice([3, 2], online.state(j)))
        };
        let row = |value: &Tensor<f64>, b: usize| value.index_first(b).to_vec();
        online.step(&[xs.index_first(0).as_slice()]);
        let gone_on = before(&online);
        online.reset(&[2, 0]);
        for (found, (start, gone_on)) in before(&online).iter().zip(start.iter().zip(&gone_on)) {
            assert_eq!([0, 2].map(|b| row(found, b)), [0, 2].map(|b| row(start, b)));
            assert_eq!(row(found, 1), row(gone_on, 1));
            assert_ne!(row(found, 1), row(start, 1));
        }
        online.reset(&[]);
        online.set_state(&gone_on);
        assert_eq!(before(&online), gone_on);
    }
}

#[test]
fn a_state_that_does_not_suit_the_stepper() {
    let tape = Tape::<f64>::new();
    let x = tape.constant(Tensor::zeros([1, 2, 3]));
    let state = |shape: &[usize]| tape.constant(Tensor::zeros(shape));
    let mut online = tape.scan(x, state(&[2, 3])).stepper(|_, s| ((), s));
    let turned = Tensor::zeros([3, 2]);
    refuses!(online.set_state(&[turned]); "state has shapes [[2, 3]], not [[3, 2]]");
    refuses!(online.output(0); "output: the step has 0 outputs, and none with index 0");
    refuses!(online.state(1); "state: the state has 1 variables, and none with index 1");
    refuses!(online.state_mut(1); "state_mut: the state has 1 variables, and none with index 1");
    refuses!(online.gather_rows(&[0]); "variable 0 of the state has shape [2, 3], which needs a row for each");
    refuses!(online.gather_rows(&[0, 2]); "gather_rows of [2, 3]");
    refuses!(online.reset(&[1, 2]); "reset: sequence 2 is not one of 2, which count from 0");
    let mut shared = tape.scan(x, state(&[])).stepper(|_, s| ((), s));
    refuses!(shared.reset(&[0]); "variable 0 of the state has no axes");
}

/// After rearranging, the steps are those of the sequences in their new order, whether compiled or
/// not.
#[test]
fn sequences_are_rearranged() {
    let (w, u) = (param([3, 4], 1), param([4, 4], 2));
    let rows = [2, 0, 2];
    let (first, second) = (uniform::<f64>([2, 3, 3], 3), uniform::<f64>([2, 3, 3], 4));
    type Step =
        for<'t> fn(Var<'t, f64>, Var<'t, f64>, [Var<'t, f64>; 2]) -> (Var<'t, f64>, Var<'t, f64>);
    let by_operations: Step = |x, h, weights| {
        let (y, next) = gated(x, h, weights);
        (y + x.matmul(weights[0]).sum_keep(&[0]) * 0.0, next)
    };
    for step in [gated as Step, by_operations] {
        let tape = Tape::new();
        let weights = [&w, &u].map(|param| tape.param(param));
        let run = |xs: &Tensor<f64>, h: Var<'_, f64>| {
            let scanned = tape.scan(tape.constant(xs.clone()), tape.constant(h.value()));
            scanned.run(|x, h| step(x, h, weights))
        };
        let start = tape.constant(uniform([3, 4], 5));
        let before = run(&first, start).state.gather_rows(&rows);
        let expected = run(&second, before);
        let mut online =
            tape.scan(tape.constant(first.clone()), start).stepper(|x, h| step(x, h, weights));
        for t in 0..2 {
            online.step(&[first.index_first(t).as_slice()]);
        }
        online.gather_rows(&rows);
        assert_eq!(online.state(0), before.value().as_slice());
        for t in 0..2 {
            online.step(&[second.index_first(t).as_slice()]);
            let expected = expected.outputs.value().index_first(t);
            assert_eq!(online.output(0), expected.as_slice());
        }
    }
}

#[test]
#[should_panic(expected = "step: an entry has 3 elements, not 2")]
fn an_entry_of_another_size_is_refused() {
    let tape = Tape::new();
    let (x, s) = (tape.constant(Tensor::zeros([1, 1, 3])), tape.constant(Tensor::zeros([1, 3])));
    let mut online = tape.scan(x, s).stepper(|x, s| (x + s, s));
    online.step(&[&[1.0, 2.0]]);
}
