//! Resets: a run whose sequences start anew within it equals separate runs of the pieces.

use bptt_autodiff::{Recompute, Tape, Tree};
use bptt_layers::{
    Bidirectional, Layer, LearnedStart, Linear, Lstm, Recurrence, Residual, Reversed, Stack, State,
    Stepwise, VariationalDropout, Zoneout, unroll,
};
use bptt_tensor::Tensor;

use crate::support::{
    Random, Sizes, TestCell, V, assert_near, random, random_cell, randomized, run, uniform,
};

/// Returns the pieces `[from, to)` of a sequence of this length. A piece begins where the mask `[T, B]` is not zero.
fn pieces(resets: &Tensor<f64>, length: usize, b: usize) -> Vec<[usize; 2]> {
    let batch = resets.shape()[1];
    let begins = (1..length).filter(|t| resets.as_slice()[t * batch + b] != 0.0);
    let mut bounds: Vec<usize> = std::iter::once(0).chain(begins).collect();
    bounds.push(length);
    bounds.windows(2).map(|pair| [pair[0], pair[1]]).collect()
}

fn backwards(xs: V<'_>) -> V<'_> {
    xs.gather_rows(&(0..xs.shape()[0]).rev().collect::<Vec<_>>())
}

/// Runs every piece of every sequence by itself, in the loop. After the end of a sequence, the output is 0.
fn apart<'t, C: TestCell>(
    cell: &C,
    x: &[V<'t>],
    resets: &Tensor<f64>,
    lengths: &[usize],
    reversed: bool,
) -> Vec<V<'t>> {
    let tape = x[0].tape();
    let (mut outputs, mut ends) = (Vec::new(), Vec::new());
    for (b, &length) in lengths.iter().enumerate() {
        let mut pieces = pieces(resets, length, b);
        let resets_the_first = length > 0 && !reversed && resets.as_slice()[b] != 0.0;
        if reversed {
            pieces.reverse();
        }
        let zeros = || cell.zero_state(tape, 1).leaves();
        let given = || x[1..].iter().map(|leaf| leaf.slice(0, b..b + 1)).collect();
        let mut state: Vec<_> = if resets_the_first { zeros() } else { given() };
        let mut ys = Vec::new();
        for (i, [from, to]) in pieces.into_iter().enumerate() {
            if i > 0 {
                state = zeros();
            }
            let xs = x[0].slice(1, b..b + 1).slice(0, from..to);
            let turned = |xs| if reversed { backwards(xs) } else { xs };
            let (of_piece, last) = unroll(cell, turned(xs), State::from_leaves(&state));
            ys.push(turned(of_piece));
            state = last.leaves();
        }
        if reversed {
            ys.reverse();
        }
        let ys = V::concat(&ys, 0);
        let behind = ys.shape().with(0, x[0].shape()[0] - length);
        outputs.push(V::concat(&[ys, tape.constant(Tensor::zeros(behind))], 0));
        ends.push(state);
    }
    let last = (0..x.len() - 1).map(|i| {
        let of_all: Vec<_> = ends.iter().map(|leaves| leaves[i]).collect();
        V::concat(&of_all, 0)
    });
    std::iter::once(V::concat(&outputs, 1)).chain(last).collect()
}

/// Values and gradients of a run with resets are those of its pieces, each by itself.
fn as_pieces_apart<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let [steps, batch] = [sizes.steps, sizes.batch];
    let resets = Tensor::bernoulli([steps, batch], 0.4, rng);
    let all = vec![steps; batch];
    let some: Vec<usize> = (0..batch).map(|b| (b + 2) % (steps + 1)).collect();
    for (lengths, reversed) in [(&all, false), (&all, true), (&some, false)] {
        let together = run(&cell, &inputs, |cell, x| {
            let way = || {
                let way = Recurrence::new(cell).resets(&resets).recompute(Recompute::Every(2));
                let way = if lengths == &all { way } else { way.lengths(lengths) };
                if reversed { way.reversed() } else { way }
            };
            let state = || <C as bptt_layers::Cell<f64>>::State::from_leaves(&x[1..]);
            let (ys, last) = way().run(x[0], state());
            let (last_output, _) = way().last(x[0], state());
            [vec![ys], last.leaves(), vec![last_output]].concat()
        });
        let apart = run(&cell, &inputs, |cell, x| {
            let mut of_pieces = apart(cell, x, &resets, lengths, reversed);
            let ys = of_pieces[0];
            let rows = lengths.iter().enumerate().map(|(b, &length)| match length {
                0 => x[0].tape().constant(Tensor::zeros([1, ys.shape()[2]])),
                _ => ys.index_first(if reversed { 0 } else { length - 1 }).slice(0, b..b + 1),
            });
            of_pieces.push(V::concat(&rows.collect::<Vec<_>>(), 0));
            of_pieces
        });
        assert_near(&together.values, &apart.values, 1e-13);
        assert_near(&together.gradients.inputs, &apart.gradients.inputs, 1e-11);
        assert_near(&together.gradients.parameters, &apart.gradients.parameters, 1e-11);
    }
}

for_every_cell!(as_pieces_apart, 4);

const SIZES: Sizes = Sizes { steps: 7, batch: 3, input: 4, hidden: 4, output: 4 };

fn resets() -> Tensor<f64> {
    let at = [[0, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]];
    Tensor::from_vec([7, 3], at.concat().into_iter().map(f64::from).collect())
}

/// Through stacks, residuals, tuples and both directions of time. A learned start gets the gradients of all pieces. A
/// layer that reads backward starts anew after the end of each piece.
#[test]
fn layers_start_anew_as_a_whole() {
    let rng = &mut random(21);
    let mut layer = |input| {
        let sizes = Sizes { input, hidden: input, ..SIZES };
        let lstm = Residual::new(random_cell::lstm(rng, sizes));
        Bidirectional::new(lstm, random_cell::gru_after(rng, sizes))
    };
    let deep = Stack::new(vec![layer(4), layer(8)]);
    let rng = &mut random(22);
    let own = randomized(LearnedStart::new(random_cell::elman(rng, SIZES)), rng);
    let learned = randomized(LearnedStart::new((own, deep)), rng);
    let model = (learned, Reversed::new(Linear::new(rng, 16, 3)));
    let xs = [uniform([SIZES.steps, SIZES.batch, SIZES.input], rng)];
    let lengths = [7, 5, 0];
    let together = run(&model, &xs, |model, x| {
        let start = model.start(x[0].tape(), SIZES.batch);
        vec![Recurrence::new(model).resets(&resets()).lengths(&lengths).run(x[0], start).0]
    });
    let apart = run(&model, &xs, |model, x| {
        let of_sequence = |(b, &length): (usize, &usize)| {
            let pieces = pieces(&resets(), length, b).into_iter();
            let ys = pieces
                .map(|[from, to]| model.forward(x[0].slice(1, b..b + 1).slice(0, from..to)).0);
            let ys = V::concat(&ys.collect::<Vec<_>>(), 0);
            let behind = ys.shape().with(0, SIZES.steps - length);
            V::concat(&[ys, x[0].tape().constant(Tensor::zeros(behind))], 0)
        };
        vec![V::concat(&lengths.iter().enumerate().map(of_sequence).collect::<Vec<_>>(), 1)]
    });
    assert_near(&together.values, &apart.values, 1e-13);
    assert_near(&together.gradients.inputs, &apart.gradients.inputs, 1e-11);
    assert_near(&together.gradients.parameters, &apart.gradients.parameters, 1e-11);
}

/// Steps before a reset do not affect steps after it, even if they are NaN.
#[test]
fn no_value_crosses_a_reset() {
    let rng = &mut random(23);
    let model = Stack::new(vec![random_cell::lstm(rng, SIZES), random_cell::lstm(rng, SIZES)]);
    let tape = Tape::new();
    let mut values = uniform([SIZES.steps, SIZES.batch, SIZES.input], rng);
    let before = |i: usize| i / SIZES.input % SIZES.batch == 1 && i / 12 < 3;
    let xs = values.clone();
    for (i, x) in values.as_mut_slice().iter_mut().enumerate() {
        *x = if before(i) { f64::NAN } else { *x };
    }
    let ys = |xs: Tensor<f64>| {
        let way = Recurrence::new(&model).resets(&resets());
        let ys = way.run(tape.constant(xs), model.start(&tape, SIZES.batch)).0;
        ys.slice(1, 1..2).slice(0, 3..7).value()
    };
    assert_eq!(ys(values), ys(xs));
}

/// In masks, any number but 0 is a reset or a step, however small their product is. A reset counts only at a step that
/// is not masked.
#[test]
fn any_number_but_zero_is_a_reset() {
    let rng = &mut random(27);
    let cell = random_cell::elman(rng, SIZES);
    let tape = Tape::new();
    let [xs, h] = [vec![3, 1, 4], vec![1, 4]].map(|shape| tape.constant(uniform(shape, rng)));
    let ys = |mask: [f64; 3], resets: [f64; 3]| {
        let [mask, resets] = [mask, resets].map(|steps| Tensor::from_vec([3, 1], steps.to_vec()));
        Recurrence::new(&cell).masked(&mask).resets(&resets).run(xs, h).0.value()
    };
    assert_eq!(ys([1e-200; 3], [0.0, 1e-200, 0.0]), ys([1.0; 3], [0.0, 1.0, 0.0]));
    let without = ys([1.0, 0.0, 1.0], [0.0; 3]);
    assert_eq!(ys([1.0, 0.0, 1.0], [0.0, f64::INFINITY, 0.0]), without);
}

/// A run without its masked steps gives the same results, wherever sequences begin.
#[test]
fn masked_steps_are_passed_over() {
    fn turned(lstm: &Lstm<f64>, reversed: bool) -> Recurrence<'_, f64, Lstm<f64>> {
        let way = Recurrence::new(lstm);
        if reversed { way.reversed() } else { way }
    }
    const THERE: [f64; 7] = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0];
    let rng = &mut random(27);
    let sizes = Sizes { batch: 1, ..SIZES };
    let lstm = random_cell::lstm(rng, sizes);
    let inputs = sizes.inputs(&lstm, rng);
    let mask = Tensor::from_slice([7, 1], &THERE);
    let there: Vec<usize> = (0..7).filter(|&t| THERE[t] != 0.0).collect();
    for (begins, reversed) in (0..7).flat_map(|t| [(t, false), (t, true)]) {
        let resets = Tensor::from_fn([7, 1], |t| f64::from(u8::from(t == begins)));
        let masked = run(&lstm, &inputs, |lstm, x| {
            let way = turned(lstm, reversed).masked(&mask).resets(&resets);
            let (ys, (h, c)) = way.run(x[0], (x[1], x[2]));
            vec![ys.gather_rows(&there), h, c]
        });
        let without = run(&lstm, &inputs, |lstm, x| {
            let resets = resets.gather_rows(&there);
            let way = turned(lstm, reversed).resets(&resets);
            let (ys, (h, c)) = way.run(x[0].gather_rows(&there), (x[1], x[2]));
            vec![ys, h, c]
        });
        assert_near(&masked.values, &without.values, 1e-13);
        assert_near(&masked.gradients.inputs, &without.gradients.inputs, 1e-13);
        assert_near(&masked.gradients.parameters, &without.gradients.parameters, 1e-13);
    }
}

/// The noise of training is that of the whole run. After a reset, zoneout keeps elements of the initial state.
#[test]
fn noise_after_a_reset() {
    let rng = &mut random(24);
    let zoneout = Zoneout::new(random_cell::lstm(rng, SIZES), &[1.0, 1.0]);
    let tape = Tape::new();
    let [xs, h] = [[7, 3, 4], [1, 3, 4]].map(|shape| tape.constant(uniform(shape, rng)));
    let h = h.reshape([3, 4]);
    let way = Recurrence::new(&zoneout).training(rng).resets(&resets());
    let (ys, _) = way.run(xs, (h, h));
    for (i, row) in ys.value().as_slice().chunks(4).enumerate() {
        let (t, b) = (i / 3, i % 3);
        let began = (0..=t).any(|t| resets().as_slice()[t * 3 + b] != 0.0);
        let expected = if began { vec![0.0; 4] } else { h.value().index_first(b).to_vec() };
        assert_eq!(row, expected);
    }
    let none = bptt_layers::Dropout::new(0.0);
    let dropout = VariationalDropout::new(random_cell::elman(rng, SIZES), none, &[none]);
    let plain = Recurrence::new(&dropout.cell).resets(&resets()).run(xs, h).0.value();
    let trained = Recurrence::new(&dropout).resets(&resets()).training(rng).run(xs, h).0.value();
    assert_eq!(plain, trained);
}

/// A stepper with resets goes through the same states.
#[test]
fn a_stepper_starts_anew_where_a_run_does() {
    fn check<L: Stepwise<f64>>(layer: &L, rng: &mut Random) {
        let xs = uniform([SIZES.steps, SIZES.batch, SIZES.input], rng);
        let tape = Tape::new();
        let start = layer.start(&tape, SIZES.batch);
        let way = Recurrence::new(layer).resets(&resets());
        let ys = way.run(tape.constant(xs.clone()), start).0.value();
        let mut online = bptt_layers::stepper(layer, [SIZES.batch, SIZES.input]);
        for t in 0..SIZES.steps {
            let of_step = resets().index_first(t);
            let anew: Vec<usize> = (0..3).filter(|&b| of_step.as_slice()[b] != 0.0).collect();
            online.reset(&anew);
            online.step(&[xs.index_first(t).as_slice()]);
            let y = Tensor::from_slice(ys.shape().without(0), online.output(0));
            assert_near(&[y], &[ys.index_first(t)], 1e-13);
        }
    }
    let rng = &mut random(25);
    let stack = Stack::new(vec![random_cell::lstm(rng, SIZES), random_cell::lstm(rng, SIZES)]);
    let learned = randomized(LearnedStart::new(stack), rng);
    check(&(learned, Linear::new(rng, 4, 2)), rng);
}

/// The step is still compiled.
#[test]
fn it_is_compiled() {
    let rng = &mut random(26);
    let lstm = random_cell::lstm(rng, SIZES);
    let tape = Tape::new();
    let xs = tape.constant(Tensor::zeros([7, 3, 4]));
    let plan = Recurrence::new(&lstm).resets(&resets()).plan(xs, lstm.start(&tape, 3));
    assert!(plan.contains("each step:") && !plan.contains("operation by operation"), "{plan}");
}
