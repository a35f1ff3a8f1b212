//! Scans of cells: compilation, masks, and the memory of a state.

use bptt_autodiff::{Tape, Var};
use bptt_layers::{Cell, Recurrence, State, StateSizes, Tree, scan, unroll};
use bptt_tensor::Tensor;

use crate::support::{Random, Sizes, TestCell, V, assert_near, random, random_cell, run};

/// Returns the outputs, the last output and the last state of one sequence. Its unmasked steps are run one after the
/// other, and other outputs are zero.
fn of_present<'t, C: Cell<f64>>(
    cell: &C,
    xs: V<'t>,
    start: &[V<'t>],
    present: &[bool],
) -> Vec<V<'t>> {
    let (all, _) = unroll(cell, xs, State::from_leaves(start));
    let nothing = || xs.tape().constant(Tensor::zeros(all.index_first(0).shape()));
    let mut state = start.to_vec();
    let mut last = nothing();
    let mut ys = Vec::new();
    for (t, &present) in present.iter().enumerate() {
        if present {
            let (y, next) = cell.step(xs.index_first(t), State::from_leaves(&state));
            (last, state) = (y, next.leaves());
            ys.push(y);
        } else {
            ys.push(nothing());
        }
    }
    [vec![Var::stack(&ys, 0), last], state].concat()
}

/// At masked steps, whose inputs are NaN, the state stays. They may be anywhere in a sequence, in runs for all outputs
/// and for the last.
fn holes<C: TestCell>(make: impl Fn(&mut Random, Sizes) -> C, sizes: Sizes, rng: &mut Random) {
    let sizes = Sizes { steps: sizes.steps.max(2), ..sizes };
    let Sizes { steps, batch, input, .. } = sizes;
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let mask = Tensor::bernoulli([steps, batch], 0.6, rng);
    let present = |t: usize, b: usize| mask[[t, b]] == 1.0;
    let mut padded = inputs.clone();
    for (i, x) in padded[0].as_mut_slice().iter_mut().enumerate() {
        if !present(i / input / batch, i / input % batch) {
            *x = f64::NAN;
        }
    }
    let masked = run(&cell, &padded, |cell, x| {
        let state = || C::State::from_leaves(&x[1..]);
        let (ys, last) = Recurrence::new(cell).masked(&mask).run(x[0], state());
        let (y, _) = Recurrence::new(cell).masked(&mask).last(x[0], state());
        [vec![ys, y], last.leaves()].concat()
    });
    let alone = run(&cell, &inputs, |cell, x| {
        let runs: Vec<Vec<V<'_>>> = (0..batch)
            .map(|b| {
                let start: Vec<_> = x[1..].iter().map(|leaf| leaf.slice(0, b..b + 1)).collect();
                let present: Vec<_> = (0..steps).map(|t| present(t, b)).collect();
                of_present(cell, x[0].slice(1, b..b + 1), &start, &present)
            })
            .collect();
        let joined = |i: usize| {
            let parts: Vec<_> = runs.iter().map(|run| run[i]).collect();
            Var::concat(&parts, if i == 0 { 1 } else { 0 })
        };
        (0..runs[0].len()).map(joined).collect()
    });
    assert_near(&masked.values, &alone.values, 1e-12);
    assert_near(&masked.gradients.inputs, &alone.gradients.inputs, 1e-11);
    assert_near(&masked.gradients.parameters, &alone.gradients.parameters, 1e-11);
}

for_every_cell!(holes, 8);

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
    for (value, leaf) in state.values().into_iter().zip(state.leaves()) {
        assert_eq!(value, leaf.value());
        // a view of the tape's memory would keep the outputs of all steps alive
        assert_ne!(value.as_slice().as_ptr(), leaf.value().as_slice().as_ptr());
    }
}

for_every_cell!(values_of_a_state_are_copies, 2);

/// A cell with noise on its input.
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

for_every_cell!(
    is_compiled, 4, with m_lstm, delta_net, gated_delta_net, linear_attention, selective_scan,
    multi_head_selective_scan, rwkv7, stack_rnn, turing_machine
);

/// A cell whose fed-back state is stopped is compiled as well.
#[test]
fn a_truncated_network() {
    let make = |rng: &mut Random, sizes| random_cell::memory_blocks(rng, sizes).truncated(true);
    let sizes = Sizes { steps: 5, batch: 2, input: 3, hidden: 4, output: 2 };
    is_compiled(make, sizes, &mut random(0));
}
