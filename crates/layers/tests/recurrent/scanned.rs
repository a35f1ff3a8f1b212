//! A scan against the loop that specifies it: values, gradients, and second derivatives; and the other
//! ways of running a cell against what they mean.

use bptt_autodiff::{Checkpoint, Tape, Var};
use bptt_layers::{Cell, Recurrence, State, StateSizes, scan, stepper, unroll};
use bptt_tensor::Tensor;

use crate::derivatives::check;
use crate::support::{
    Random, Sizes, TestCell, V, assert_near, random, random_cell, run, scanned, unrolled,
};

fn equals_unroll<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let (scan, unroll) = (run(&cell, &inputs, scanned), run(&cell, &inputs, unrolled));
    assert_near(&scan.values, &unroll.values, 1e-12);
    assert_near(&scan.gradients.inputs, &unroll.gradients.inputs, 1e-11);
    assert_near(&scan.gradients.parameters, &unroll.gradients.parameters, 1e-11);
}

for_every_cell!(equals_unroll, 24);

fn differentiates_again<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    check(&cell, &inputs, rng, scanned);
}

for_every_cell!(differentiates_again, 12);

/// A sequence from the last step to the first.
fn backwards(xs: V<'_>) -> V<'_> {
    let steps: Vec<_> = (0..xs.shape()[0]).rev().map(|t| xs.index_first(t)).collect();
    if steps.is_empty() { xs } else { Var::stack(&steps) }
}

fn reversed_is_the_scan_of_the_reverse<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let reversed = run(&cell, &inputs, |cell, x| {
        let recurrence = Recurrence::new(cell).reversed().checkpoint(Checkpoint::Every(2));
        let (ys, state) = recurrence.run(x[0], C::State::from_leaves(&x[1..]));
        std::iter::once(ys).chain(state.leaves()).collect()
    });
    let by_hand = run(&cell, &inputs, |cell, x| {
        let (ys, state) = unroll(cell, backwards(x[0]), C::State::from_leaves(&x[1..]));
        std::iter::once(backwards(ys)).chain(state.leaves()).collect()
    });
    assert_near(&reversed.values, &by_hand.values, 1e-12);
    assert_near(&reversed.gradients.inputs, &by_hand.gradients.inputs, 1e-11);
    assert_near(&reversed.gradients.parameters, &by_hand.gradients.parameters, 1e-11);
}

for_every_cell!(reversed_is_the_scan_of_the_reverse, 8);

/// Entry `i` of an axis, which stays.
fn row(x: V<'_>, axis: isize, i: usize) -> V<'_> {
    x.slice(axis, i..i + 1)
}

/// Two sequences of different lengths in one batch, the padding full of NaN, compute what each of
/// them does alone, to the last output and to all.
fn padding_changes_nothing<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let sizes = Sizes { batch: 2, steps: sizes.steps.max(2), ..sizes };
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let (steps, short) = (sizes.steps, sizes.steps - 1);
    let mask = Tensor::from_fn([steps, 2], |i| f64::from(u8::from(i % 2 == 0 || i / 2 < short)));
    let mut padded = inputs.clone();
    let features = inputs[0].shape()[2];
    padded[0].as_mut_slice()[(short * 2 + 1) * features..][..features].fill(f64::NAN);
    let masked = run(&cell, &padded, |cell, x| {
        let state = || C::State::from_leaves(&x[1..]);
        let (ys, last) = Recurrence::new(cell).masked(&mask).run(x[0], state());
        let (y, _) = Recurrence::new(cell).masked(&mask).last(x[0], state());
        [vec![ys, y], last.leaves()].concat()
    });
    let alone = run(&cell, &inputs, |cell, x| {
        let state = |i| {
            let rows: Vec<_> = x[1..].iter().map(|&leaf| row(leaf, 0, i)).collect();
            C::State::from_leaves(&rows)
        };
        let (long, last_long) = unroll(cell, row(x[0], 1, 0), state(0));
        let (part, last_short) = unroll(cell, row(x[0], 1, 1).slice(0, 0..short), state(1));
        let nothing = x[0].tape().constant(Tensor::zeros(row(part, 0, 0).shape()));
        let ys = Var::concat(&[long, Var::concat(&[part, nothing], 0)], 1);
        let y = Var::concat(&[long.index_first(steps - 1), part.index_first(short - 1)], 0);
        let last = last_long.leaves().into_iter().zip(last_short.leaves());
        let last = last.map(|(long, short)| Var::concat(&[long, short], 0));
        [ys, y].into_iter().chain(last).collect()
    });
    assert_near(&masked.values, &alone.values, 1e-12);
    assert_near(&masked.gradients.inputs, &alone.gradients.inputs, 1e-11);
    assert_near(&masked.gradients.parameters, &alone.gradients.parameters, 1e-11);
}

for_every_cell!(padding_changes_nothing, 8);

fn steps_as_they_arrive<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let whole = run(&cell, &inputs, scanned).values;
    let [batch, features] = [inputs[0].shape()[1], inputs[0].shape()[2]];
    let mut online = stepper(&cell, [batch, features], &inputs[1..]);
    for t in 0..sizes.steps {
        online.step(&[inputs[0].index_first(t).as_slice()]);
        let y = Tensor::from_slice(whole[0].index_first(t).shape(), online.output(0));
        assert_near(&[y], &[whole[0].index_first(t)], 1e-13);
    }
    for (j, state) in whole[1..].iter().enumerate() {
        let carried = Tensor::from_slice(state.shape(), online.state(j));
        assert_near(&[carried], std::slice::from_ref(state), 1e-13);
    }
}

for_every_cell!(steps_as_they_arrive, 8);

fn values_of_a_state_are_copies<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let tape = Tape::new();
    let state = C::State::from_values(&tape, &inputs[1..]);
    let (_, state) = scan(&cell, tape.constant(inputs[0].clone()), state);
    let mut values = state.values().into_iter();
    state.for_each_leaf(&mut |leaf| {
        let value = values.next().expect("a value for each");
        assert_eq!(value, leaf.value());
        // of the tape's memory they would keep the outputs of all steps
        assert_ne!(value.as_slice().as_ptr(), leaf.value().as_slice().as_ptr());
    });
}

for_every_cell!(values_of_a_state_are_copies, 2);

/// A cell whose input is disturbed.
struct OnNoise<'c, C>(&'c C);

impl<C: Cell<f64>> Cell<f64> for OnNoise<'_, C> {
    type State<'t> = C::State<'t>;

    fn step<'t>(&self, x: V<'t>, state: Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        let [batch, features] = x.shape()[..] else { panic!("[B, I]") };
        self.0.step(x + x.tape().at_step(&Tensor::ones([3, batch, features])), state)
    }
}

impl<C: StateSizes> StateSizes for OnNoise<'_, C> {
    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }
}

/// Every cell's step is compiled, forward and reverse, plain and masked, and where it reads noise of its own.
fn is_compiled<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let sizes = Sizes { steps: 3, ..sizes };
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let tape = Tape::new();
    let xs = tape.variable(inputs[0].clone());
    let state = || C::State::from_values(&tape, &inputs[1..]);
    for plan in [
        Recurrence::new(&cell).plan(xs, state()),
        Recurrence::new(&cell).masked(&Tensor::ones([3, sizes.batch])).plan(xs, state()),
        Recurrence::new(&OnNoise(&cell)).plan(xs, state()),
    ] {
        assert!(!plan.contains("operation by operation"), "{plan}");
    }
}

for_every_cell!(is_compiled, 4);

/// A cell whose fed-back state is stopped is compiled as well, to the same.
#[test]
fn a_truncated_network() {
    let make = |rng: &mut Random, sizes| random_cell::memory_blocks(rng, sizes).truncated();
    let sizes = Sizes { steps: 5, batch: 2, input: 3, hidden: 4, output: 2 };
    is_compiled(make, sizes, &mut random(0));
    equals_unroll(make, sizes, &mut random(0));
}
