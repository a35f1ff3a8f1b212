//! Sequences that a step reads by `at_step`.

use bptt_autodiff::{Operand, Param, Tape, Var};
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
    let message = "at_step: the step itself computes the sequence";
    refuses!(scan().run(|x, ()| (tape.at_step(x + 1.0), ())); message);
    refuses!(tape.at_step(&short); "at_step: no step is being run");
    refuses!(tape.step_index(); "step_index: no step is being run");
    tape.set_step(Some(3));
    refuses!(tape.at_step(&short); "[3, 2, 3] has no entry for step 3");
    refuses!(tape.at_step(&Tensor::scalar(1.0)); "a sequence is [T, ..], not []");
}

#[test]
fn a_window_reads_only_what_is_cut_like_it() {
    for tape in [Tape::new(), Tape::checking()] {
        let xs = tape.constant(Tensor::<f64>::ones([4, 2, 3]));
        let [cut, long] = [4, 5].map(|steps| Tensor::ones([steps, 2, 3]));
        let scan = || tape.scan(xs, ()).windowed();
        let outputs = scan().run(|x, ()| (x + tape.at_step(&cut), ())).outputs;
        assert_eq!(outputs.value(), Tensor::full([4, 2, 3], 2.0));
        let message = "which entries of a sequence [5, 2, 3] belong to windows of 4 steps";
        refuses!(scan().run(|_, ()| (tape.at_step(&long), ())); message);
        let message = "the steps of a window are not numbered";
        refuses!(scan().run(|x, ()| (x * tape.step_index(), ())); message);
    }
}

/// The inputs of [`shared`]: what all rows share has these extents behind the steps.
struct Shared {
    numbers: Param<f64>,
    vectors: Param<f64>,
    rows: Param<f64>,
    w: Param<f64>,
}

impl Shared {
    fn new(steps: usize) -> Self {
        Self {
            numbers: param([steps], 5),
            vectors: param([steps, 3], 6),
            rows: param([steps, 1, 3], 7),
            w: param([3, 3], 1),
        }
    }

    /// A step that reads entries which all rows share, and computes with them alone: gates by the number of the step,
    /// a learned rate, a reshape.
    fn step<'t>(&self, x: Var<'t, f64>, h: Var<'t, f64>) -> (Vec<Var<'t, f64>>, Vec<Var<'t, f64>>) {
        let tape = x.tape();
        let periods = Tensor::from_vec([3], vec![0.5, 1.0, 2.0]);
        let gate = (tape.step_index() * &periods).sin().gt(0.25); // [3]
        let rate = (tape.at_step(&self.numbers) * self.w.on(tape).index_first(0)).exp(); // [3]
        let bias = (tape.at_step(&self.vectors).reshape([1, 3]) * tape.at_step(&self.rows)).tanh(); // [1, 3]
        let new = (x + h.matmul(&self.w) + bias) * rate;
        let next = gate.select(new, h) + tape.at_step(&self.numbers);
        (vec![next * tape.at_step(&self.rows)], vec![next])
    }
}

/// Values and gradients of a recurrence that reads entries which all rows share.
fn shared(execution: Execution, reversed: bool, longer: usize) -> Vec<Tensor<f64>> {
    let inputs = Shared::new(5 + longer);
    let case = Case {
        sequences: vec![uniform([5, 2, 3], 3)],
        state: vec![uniform([2, 3], 4)],
        params: vec![],
        reversed,
    };
    let tape = Tape::new();
    let [xs, h] = [&case.sequences[0], &case.state[0]].map(|x| tape.variable(x.clone()));
    let values = run(&case, execution, &[xs], &[h], |x, h| inputs.step(x[0], h[0]));
    let gradients = tape.backward(loss(&values));
    let Shared { numbers, vectors, rows, w } = &inputs;
    let of_params = [numbers, vectors, rows, w].map(|param| gradients[param].clone());
    let of_inputs = [gradients.wrt(xs), gradients.wrt(h)].map(Tensor::clone);
    values.iter().map(|y| y.value()).chain(of_inputs).chain(of_params).collect()
}

/// A scan reads the first entries of a longer sequence. The others have no gradient.
#[test]
fn a_scan_reads_entries_that_rows_share_as_the_loop_does() {
    for (reversed, longer) in [(false, 0), (true, 0), (false, 2), (true, 2)] {
        let expected = shared(Execution::Loop, reversed, longer);
        for execution in [Execution::Scan, Execution::Recomputed(2)] {
            let error = distance(&shared(execution, reversed, longer), &expected);
            assert!(error < 1e-13, "{execution:?}, reversed {reversed}: off by {error:e}");
        }
        let of_numbers = &expected[expected.len() - 4];
        assert_eq!(of_numbers.len(), 5 + longer);
        assert!(of_numbers.slice(0, 5..5 + longer).as_slice().iter().all(|&x| x == 0.0));
    }
}

#[test]
fn a_step_stays_compiled_that_reads_entries_which_rows_share() {
    let inputs = Shared::new(5);
    let tape = Tape::new();
    let xs = tape.constant(uniform([5, 2, 3], 3));
    let h = tape.constant(uniform([2, 3], 4));
    let plan = tape.scan(xs, vec![h]).plan(|x, h| inputs.step(x, h[0]));
    assert!(!plan.contains("operation by operation"), "{plan}");
    // with as many rows as a row has elements, and with a single row
    for batch in [3, 1] {
        let xs = tape.constant(uniform([5, batch, 3], 3));
        let h = tape.constant(uniform([batch, 3], 4));
        let plan = tape.scan(xs, vec![h]).plan(|x, h| inputs.step(x, h[0]));
        assert!(!plan.contains("operation by operation"), "{plan}");
        let scanned = tape.scan(xs, vec![h]).run(|x, h| inputs.step(x, h[0])).outputs[0].value();
        let mut state = h;
        for time in 0..5 {
            tape.set_step(Some(time));
            let (y, next) = inputs.step(xs.index_first(time), state);
            let error = distance(&[y[0].value()], &[scanned.index_first(time)]);
            assert!(error < 1e-14, "batch {batch}, step {time}: off by {error:e}");
            state = next[0];
        }
        tape.set_step(None);
    }
}

/// What the rows share is summed over an axis, so the step runs operation by operation, with the same result.
#[test]
fn other_equations_of_shared_entries_are_not_compiled_but_right() {
    let tape = Tape::new();
    let vectors = uniform::<f64>([5, 3], 6);
    let xs = tape.constant(uniform([5, 2, 3], 3));
    let scanned = tape.scan(xs, ()).run(|x, ()| (x * tape.at_step(&vectors).sum(&[0]), ()));
    let outputs = scanned.outputs.value();
    let sums = vectors.sum(&[1]).reshape([5, 1, 1]);
    let error = distance(&[outputs], &[&xs.value() * &sums]);
    assert!(error < 1e-15, "off by {error:e}");
}

#[test]
fn a_stepper_counts_its_steps() {
    let inputs = Shared::new(6);
    let tape = Tape::new();
    let xs = tape.constant(uniform([5, 2, 3], 3));
    let h = tape.constant(uniform([2, 3], 4));
    let whole = tape.scan(xs, vec![h]).run(|x, h| inputs.step(x, h[0])).outputs[0].value();
    let [masked, summed] = [uniform([6, 2, 3], 8), uniform([6, 3], 9)];
    let mut online = tape.scan(xs, vec![h]).stepper(|x, h| inputs.step(x, h[0]));
    let mut by_operations = tape.scan(xs, ()).stepper(|x, ()| {
        let sum = tape.at_step(&summed).sum(&[0]);
        (x * tape.at_step(&masked) * sum, ())
    });
    for time in 0..5 {
        let x = xs.value().index_first(time);
        online.step(&[x.as_slice()]);
        assert_eq!(online.output(0), whole.index_first(time).as_slice());
        by_operations.step(&[x.as_slice()]);
        let expected = &x * &masked.index_first(time) * summed.index_first(time).sum(&[0]);
        assert_eq!(by_operations.output(0), expected.as_slice());
    }
    let zeros = vec![0.0; 6];
    online.step(&[&zeros]);
    refuses!(online.step(&[&zeros]); "has no entry for step 6 of the stepper");
    online.set_state(&[h.value()]);
    online.set_step_index(0);
    online.step(&[xs.value().index_first(0).as_slice()]);
    assert_eq!(online.output(0), whole.index_first(0).as_slice());
}

/// A value that holds a variable of the tape on which its step runs.
struct Reader<'m> {
    memory: Var<'m, f64>,
}

impl Reader<'_> {
    #[track_caller]
    fn step<'t>(&self, x: Var<'t, f64>) -> Var<'t, f64> {
        (x * self.memory).tanh() + self.memory.on(x.tape()).square()
    }
}

#[test]
fn an_operand_may_have_another_lifetime_on_the_same_tape() {
    let tape = Tape::new();
    let x = tape.variable(uniform([2, 3], 1));
    let reader = Reader { memory: tape.variable(uniform([2, 3], 2)) };
    let y = reader.step(x);
    let expected = (x * reader.memory).tanh() + reader.memory.square();
    assert_eq!(y.value(), expected.value());
    let [gradient, same] =
        [y, expected].map(|y| tape.backward(y.sum_all()).wrt(reader.memory).clone());
    assert_eq!(gradient, same);
    let other = Tape::new();
    let stranger = Reader { memory: other.constant(uniform([2, 3], 2)) };
    refuses!(stranger.step(x); "the operands live on different tapes");
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
